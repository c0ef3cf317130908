"""R16, R20, N4: what is kept per person equals a count of their rows, whatever happened in
whatever order."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ringdove.kit import db
from ringdove.records.people import fills, lookups
from ringdove.records.reports import attribution
from ringdove.records.segments import figure_fill, rhythms
from ringdove.rules import facts
from ringdove.rules.segments import rhythm, send_hours
from ringdove.workers import react
from ringdove.workers.people import figuring
from tests.flows.conftest import NOON, Shop, order

Play = Callable[..., None]
Row = dict[str, Any]

PEOPLE = 7
STEPS = 160
CATEGORIES = ("tea", "cups", "")
MINSK = ZoneInfo("Europe/Minsk")


def customer(n: int, chance: random.Random) -> Row:
    """Somebody by their number or by their address: two contacts until somebody joins them."""
    by_phone = {"phone": f"+3752911122{n:02}", "country": "BY"}
    by_email = {"email": f"{n}@x.example", "country": "BY"}
    return {"name": f"Anna {n}", **chance.choice((by_phone, by_email))}


def something(chance: random.Random, step: int, orders: dict[str, Row]) -> facts.Fact:
    """Anything that a shop can tell, of any time of the last months, in no order."""
    at = NOON - timedelta(minutes=chance.randrange(60 * 24 * 90))
    who = customer(chance.randrange(PEOPLE), chance)
    kind = chance.choice(("order",) * 3 + ("change", "cancel", "remove", "return") +
                         ("cart",) * 2 + ("visit",) * 6)  # fmt: skip
    known = [*orders]
    if kind == "visit":
        at = at.replace(day=17, month=11) if chance.random() < 0.4 else at
        return facts.VisitMade(
            id=f"visit/{step}", at=at, customer=who, page="/x", category=chance.choice(CATEGORIES)
        )
    if kind == "cart":
        lines = [line(chance)] if chance.random() < 0.7 else []
        return facts.CartChanged(
            id=f"cart/{step}", at=at, cart=f"c{chance.randrange(9)}", customer=who, lines=lines,
            total=Decimal(chance.randrange(99)),
        )  # fmt: skip
    if kind == "order" or not known:
        key = str(step)
        orders[key] = {"key": key, "customer": who, "placed_at": at, "currency": "BYN"}
        told = orders[key] | contents(chance)
        return facts.OrderPlaced(id=f"order/{key}/placed", at=at, order=told)
    key = chance.choice(known)
    if kind == "change":
        told = orders[key] | contents(chance) | {"changed_at": NOON - timedelta(minutes=300 - step)}
        told["cancelled"] = chance.choice((None, None, False, True))
        return facts.OrderChanged(id=f"order/{key}/{step}", at=at, order=told)
    if kind == "return":
        return facts.ReturnAccepted(id=f"return/{step}", at=at, order=key, return_key=str(step),
                                    lines=chance.choice(([], [line(chance)])))  # fmt: skip
    cls = facts.OrderCancelled if kind == "cancel" else facts.OrderRemoved
    return cls(id=f"{kind}/{step}", at=at, order=key)


def contents(chance: random.Random) -> Row:
    lines = [line(chance) for _ in range(chance.randrange(1, 4))]
    return {"lines": lines, "total": sum(Decimal(one["price"]) for one in lines)}


def line(chance: random.Random) -> Row:
    return {
        "name": "Goods", "price": f"{chance.randrange(1, 9000) / 100:.2f}",
        "quantity": chance.choice(("1", "2", "0.125")), "category": chance.choice(CATEGORIES),
    }  # fmt: skip


async def join_or_part(shop: Shop, chance: random.Random, step: int) -> None:
    """Two of the living become one, or two that were one are parted."""
    merges = await shop.rows("SELECT * FROM contact_merge WHERE parted_at IS NULL")
    living = await shop.rows("SELECT id FROM contact WHERE merged_into IS NULL ORDER BY id")
    if merges and chance.random() < 0.4:
        one = chance.choice(merges)
        told: facts.Fact = facts.PeopleParted(
            id=f"part/{step}", at=shop.at, contact=one["contact_id"], merge=one["id"]
        )
    elif len(living) > 2:
        main, other = chance.sample(living, 2)
        told = facts.PeopleMerged(
            id=f"merge/{step}", at=shop.at, contact=main["id"], other=other["id"]
        )
    else:
        return
    await shop.hear(told)


# ------------------------------------------------------------------ the count, in Python


async def counted(shop: Shop) -> tuple[dict[int, Row], dict[tuple[int, str], Row]]:
    """From all rows, person by person."""
    main = {row["id"]: row["merged_into"] or row["id"] for row in await shop.rows(
        "SELECT id, merged_into FROM contact WHERE erased_at IS NULL")}  # fmt: skip
    of: dict[str, dict[int, list[Row]]] = {}
    for table in ("purchase_order", "cart", "visit"):
        of[table] = defaultdict(list)
        for row in await shop.rows(f"SELECT * FROM {table}"):
            of[table][main[row["contact_id"]]].append(row)
    lines: dict[int, list[Row]] = defaultdict(list)
    for row in await shop.rows("SELECT * FROM order_line"):
        lines[row["order_id"]].append(row)
    figures, categories = {}, {}
    for whose in set(main.values()):
        orders, visits = of["purchase_order"][whose], of["visit"][whose]
        figures[whose] = _figure(orders, of["cart"][whose], visits)
        sold = [one for one in orders if one["state"] not in ("cancelled", "returned", "removed")]
        for category in ("tea", "cups"):
            if one := _category(category, sold, lines, visits):
                categories[whose, category] = one
    return figures, categories


def _figure(orders: list[Row], carts: list[Row], visits: list[Row]) -> Row:
    sold = [one for one in orders if one["state"] not in ("cancelled", "returned", "removed")]
    ats = [one["placed_at"] for one in sold]
    open_ones = [one for one in carts if one["state"] == "open"]
    cart = max(open_ones, key=lambda one: (one["changed_at"], -one["id"]), default=None)
    if cart and any(one["placed_at"] >= cart["changed_at"] for one in orders):
        cart = None
    hours = send_hours.counted(at.hour for at in _local_hours(one["at"] for one in visits))
    return {
        "orders": len(sold), "days": len({at.astimezone(MINSK).date() for at in ats}),
        "spent": sum((one["total"] for one in sold), Decimal(0)),
        "first_order_at": min(ats, default=None), "last_order_at": max(ats, default=None),
        "cart_at": cart and cart["changed_at"], "cart_total": cart and cart["total"],
        "visits": len(visits), "visited_at": max((one["at"] for one in visits), default=None),
        "hours": hours if visits else b"", "own_hour": send_hours.own(hours) if visits else None,
    }  # fmt: skip


def _local_hours(ats: Iterable[datetime]) -> set[datetime]:
    return {at.astimezone(MINSK).replace(minute=0, second=0, microsecond=0) for at in ats}


def _category(
    category: str, sold: list[Row], lines: dict[int, list[Row]], visits: list[Row]
) -> Row | None:
    mine = [(one, line) for one in sold for line in lines[one["id"]]
            if line["category"] == category]  # fmt: skip
    seen = [one["at"] for one in visits if one["category"] == category]
    if not mine and not seen:
        return None
    ats = [one["placed_at"] for one, _ in mine]
    spent = sum((line["price"] * line["quantity"] for _, line in mine), Decimal(0))
    return {
        "bought_at": max(ats, default=None), "first_at": min(ats, default=None),
        "orders": len({one["id"] for one, _ in mine}),
        "days": len({at.astimezone(MINSK).date() for at in ats}),
        "spent": spent.quantize(Decimal("0.01"), ROUND_HALF_UP),
        "pieces": sum((line["quantity"] for _, line in mine), Decimal(0)),
        "visits": len(seen), "seen_at": max(seen, default=None),
    }  # fmt: skip


async def kept(shop: Shop) -> tuple[dict[int, Row], dict[tuple[int, str], Row]]:
    """As the tables have it."""
    without = ("bucket", "store_id", "contact_id", "category")
    figures = {row["contact_id"]: _bare(row, without)
               for row in await shop.rows("SELECT * FROM contact_figure")}  # fmt: skip
    categories = {(row["contact_id"], row["category"]): _bare(row, without)
                  for row in await shop.rows("SELECT * FROM contact_category")}  # fmt: skip
    return figures, categories


def _bare(row: Row, without: tuple[str, ...]) -> Row:
    return {name: value for name, value in row.items() if name not in without}


async def assert_equal(shop: Shop) -> None:
    figures, categories = await counted(shop)
    kept_figures, kept_categories = await kept(shop)
    assert differing(kept_figures, figures) == {}
    assert differing(kept_categories, categories) == {}


def differing(one: Mapping[Any, Row], other: Mapping[Any, Row]) -> Mapping[Any, Any]:
    """Only what is not the same, so that a failure can be read."""
    return {
        key: {name: (mine.get(name), theirs.get(name)) for name in mine | theirs
              if mine.get(name) != theirs.get(name)}
        for key in one.keys() | other.keys()
        if (mine := one.get(key, {})) != (theirs := other.get(key, {}))
    }  # fmt: skip


# ------------------------------------------------------------------ the tests


@pytest.mark.slow
@pytest.mark.parametrize(("span", "seed"), [(1, 1), (128, 2), (128, 3)])
def test_kept_figures_equal_a_count_of_the_rows(play: Play, span: int, seed: int) -> None:
    """R20, N4, R91: orders, changes, cancellations, returns, carts, visits, merges and partings in
    any order and in batches of any size; then the same once more by who fills what is missing."""

    async def story(shop: Shop) -> None:
        chance, orders = random.Random(seed), dict[str, Row]()
        for step in range(STEPS):
            await shop.hear(something(chance, step, orders))
            if step % 9 == 8:
                await join_or_part(shop, chance, step)
            if chance.random() < 0.3:
                await shop.answer()
        await shop.answer()
        assert await shop.rows("SELECT FROM contact_merge WHERE parted_at IS NOT NULL")
        await assert_equal(shop)
        await shop.rows("DELETE FROM contact_figure RETURNING 1")
        await shop.rows("UPDATE contact_category SET spent = 1, orders = 7 RETURNING 1")
        await fill(shop)
        await assert_equal(shop)

    play(story, span=span)


async def fill(shop: Shop) -> None:
    async with db.transaction(shop.runtime.pool) as tx:
        await figure_fill.ask(tx, shop.store)
    more = True
    while more:
        more = await db.retried(shop.runtime.pool, lambda tx: figure_fill.step(tx, shop.store))


def test_a_new_person_has_a_row_and_one_long_look_is_one_visit(play: Play) -> None:
    """R16: ten pages of one evening say no more of a person's hour than one."""

    async def story(shop: Shop) -> None:
        who = {"phone": "+375291112233"}
        evening = NOON.replace(hour=17)
        await shop.hear(facts.CustomerChanged(id="a", at=NOON, customer={"phone": "+375291112244"}))
        for n in range(10):
            await shop.hear(facts.VisitMade(
                id=f"v{n}", at=evening + timedelta(minutes=n), customer=who))  # fmt: skip
            await react.answer_due(shop.runtime)
        await shop.answer()
        silent, looked = sorted((await kept(shop))[0].values(), key=lambda row: row["visits"])
        assert (silent["orders"], silent["visits"]) == (0, 0)
        assert (looked["visits"], sum(looked["hours"]), looked["own_hour"]) == (10, 1, None)
        for n in range(1, 3):
            at = evening - timedelta(days=n)
            await shop.hear(facts.VisitMade(id=f"d{n}", at=at, customer=who))
        await shop.answer()
        assert [row["own_hour"] for row in await shop.rows(
            "SELECT own_hour FROM contact_figure WHERE visits > 0")] == [20]  # fmt: skip

    play(story)


def test_a_rhythm_is_learnt_once_a_day_from_who_came_back(play: Play) -> None:
    """N4: of the shop and of each category; who bought once teaches no gap."""

    async def story(shop: Shop) -> None:
        goods = [{"name": "Goods", "price": "10.00", "category": "tea"}]
        for n in range(30):
            for again in range(1 + n % 3):
                at = NOON - timedelta(days=100 - again * 10, minutes=n)
                await shop.hear(facts.OrderPlaced(id=f"o{n}/{again}", at=at, order={
                    "key": f"{n}-{again}", "placed_at": at, "total": "10.00", "lines": goods,
                    "customer": {"phone": f"+3752911122{n:02}"}}))  # fmt: skip
        await shop.answer()
        assert await figuring.learn(shop.runtime, shop.store)
        assert not await figuring.learn(shop.runtime, shop.store)
        shop.later(days=1, minutes=1)
        assert await figuring.learn(shop.runtime, shop.store)
        async with db.transaction(shop.runtime.pool) as tx:
            paces = await rhythms.of_store(tx, shop.store)
        assert {name: one.people for name, one in paces.items()} == {"": 20, "tea": 20}
        # twenty people of ten days each, as much as the guess of sixty; then the shop's
        assert paces[""].gap_days == pytest.approx(35)
        assert paces["tea"].gap_days == pytest.approx((10 + 35) / 2)
        assert paces[""].spent == Decimal(20)

    play(story, span=3)


@pytest.mark.parametrize("span", [1, 128])
def test_who_came_by_copy_is_counted_by_the_worker(
    play: Play, span: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R20: pages of any size, each with the people that are left."""

    async def story(shop: Shop) -> None:
        chance, orders = random.Random(7), dict[str, Row]()
        for step in range(30):
            await shop.hear(something(chance, step, orders))
        await shop.answer()
        await shop.rows("DELETE FROM contact_figure RETURNING 1")
        await shop.rows("DELETE FROM contact_category RETURNING 1")
        async with db.transaction(shop.runtime.pool) as tx:
            await figure_fill.ask(tx, shop.store)
            assert await figure_fill.is_left(tx, shop.store)
        assert await figuring.fill(shop.runtime, shop.store) >= 3
        async with db.transaction(shop.runtime.pool) as tx:
            assert not await figure_fill.is_left(tx, shop.store)
            assert rhythm.ALL in await rhythms.of_store(tx, shop.store)
        await assert_equal(shop)

    monkeypatch.setattr(fills, "STEP", 3)
    play(story, span=span)


def test_who_gets_a_part_of_the_money_back_has_bought_all_the_same(play: Play) -> None:
    """R20, R101: the delivery that was paid back takes no purchase away, the whole sum does."""

    async def story(shop: Shop) -> None:
        at = NOON - timedelta(days=3)
        await shop.hear(
            facts.OrderPlaced(id="o", at=at, order={
                "key": "1", "placed_at": at, "total": "90", "customer": {"phone": "+375291112233"},
            }),
            facts.RefundSent(id="r1", at=NOON, order="1", refund_key="a", amount="5"),
        )  # fmt: skip
        await shop.answer()
        (order,) = await shop.rows("SELECT state FROM purchase_order")
        assert order["state"] == "placed"
        assert [(row["orders"], row["spent"]) for row in (await kept(shop))[0].values()] == [
            (1, 90)
        ]
        await shop.hear(facts.RefundSent(id="r2", at=NOON, order="1", refund_key="b", amount="90"))
        await shop.answer()
        assert [row["orders"] for row in (await kept(shop))[0].values()] == [0]
        await assert_equal(shop)

    play(story)


def test_of_an_order_that_comes_back_in_part_the_rest_is_bought(play: Play) -> None:
    """R69, R101: what the return names is taken off; its price is the order's. All of it, or a
    return that names nothing, takes the order back."""

    async def story(shop: Shop) -> None:
        tea = {"name": "Tea", "sku": "T", "price": "10", "quantity": "3"}
        cup = {"name": "Cup", "price": "60"}
        for key in "123":
            await shop.hear(order(key, total="90", lines=[tea, cup], at=NOON))
        for key, lines in (("1", [{"name": "", "sku": "T", "quantity": "2"}]), ("2", [tea, cup]),
                           ("3", [])):  # fmt: skip
            await shop.hear(facts.ReturnAccepted(
                id=f"back/{key}", at=NOON, order=key, return_key=key, lines=lines
            ))  # fmt: skip
        await shop.answer()
        states = await shop.rows("SELECT key, state FROM purchase_order ORDER BY key")
        assert [row["state"] for row in states] == ["placed", "returned", "returned"]
        async with db.transaction(shop.runtime.pool) as tx:
            (who,) = await shop.rows("SELECT id FROM contact")
            (rest,) = await attribution.of_person(
                tx, shop.store, [who["id"]], NOON - timedelta(1), NOON + timedelta(1)
            )
        assert (rest["number"], rest["amount"]) == ("1", 70)
        assert [row["orders"] for row in (await kept(shop))[0].values()] == [1]

    play(story)


def test_sums_in_another_currency_make_nobody_rich(play: Play) -> None:
    """R20: 9,000 yen are no 9,000 roubles. The order counts, and its goods; its sum is in none."""

    async def story(shop: Shop) -> None:
        at = NOON - timedelta(days=3)
        goods = {"name": "Tea", "price": "9000", "quantity": "2", "category": "tea"}
        for n, (currency, total) in enumerate((("JPY", "18000"), ("", "30"))):
            await shop.hear(facts.OrderPlaced(id=f"o{n}", at=at, order={
                "key": str(n), "placed_at": at, "total": total, "currency": currency,
                "customer": {"phone": "+375291112233"}, "lines": [goods] if currency else [],
            }))  # fmt: skip
        await shop.answer()
        (figure,), (tea,) = (list(rows.values()) for rows in await kept(shop))
        assert (figure["orders"], figure["spent"]) == (2, 30)
        assert (tea["orders"], tea["pieces"], tea["spent"]) == (1, 2, 0)
        (who,) = await shop.rows("SELECT orders, spent FROM contact")
        assert who == {"orders": 2, "spent": 30}
        async with db.transaction(shop.runtime.pool) as tx:
            (one,) = await shop.rows("SELECT id FROM contact")
            elsewhere = await lookups.spent_elsewhere(tx, shop.store, [one["id"]])
        assert elsewhere == {"JPY": 18000}

    play(story)
