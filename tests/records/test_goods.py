"""Which goods go with which, learnt from a store's orders, and chosen for many people at once."""

from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any
from unittest.mock import AsyncMock

import pytest

from ringdove.kit import db
from ringdove.records.goods import goods_choice, goods_counts, goods_lists
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.rules.goods import accessories
from ringdove.rules.goods.accessories import Bought, Sums
from ringdove.rules.wants import GoodsWish
from ringdove.workers import goods
from tests.flows.conftest import NOON, Shop, order

DAY = timedelta(days=1)
SOLD = {
    "bike": ("Bicycle", "bikes"), "racer": ("Racer", "bikes"), "tube": ("Tube", "parts"),
    "pump": ("Pump", "parts"), "tea": ("Green tea", "tea"), "mug": ("Mug", "cups"),
}  # fmt: skip


def _product(sku: str, name: str, category: str, **more: Any) -> facts.ProductChanged:
    at = more.pop("at", NOON - 700 * DAY)
    return facts.ProductChanged(
        id=f"product/{sku}/{at}/{more.get('stock')}", at=at, sku=sku, name=name,
        category=category, url=f"https://linden.example/{sku}", price=Decimal(10), **more,
    )  # fmt: skip


def _order(key: str, phone: str, ago: float, *skus: str, **more: Any) -> facts.OrderPlaced:
    lines = [
        {"name": one, "sku": one, "price": "1.00", "category": SOLD.get(one, ("", "rest"))[1]}
        for one in skus
    ]
    return order(
        key, at=NOON - ago * DAY, lines=lines, customer={"phone": phone, "country": "BY"}, **more
    )


def _phone(n: int) -> str:
    return f"+37529{1_000_000 + n}"


async def _person(shop: Shop, n: int) -> int:
    rows = await shop.rows("SELECT id FROM contact WHERE phone = %(phone)s", phone=_phone(n))
    return int(rows[0]["id"])


async def _stock(shop: Shop) -> None:
    """A shop in which tubes follow bicycles, and never the other way round."""
    await shop.hear(*(_product(sku, *told) for sku, told in SOLD.items()))
    for n in range(20):
        await shop.hear(_order(f"a{n}", _phone(n), 60, "bike"))
        if n % 2:
            await shop.hear(_order(f"b{n}", _phone(n), 50, "tube", "pump" if n % 4 == 1 else "tea"))
        await shop.hear(_order(f"c{n}", _phone(100 + n), 70, "tea", "mug"))
        await shop.hear(_order(f"d{n}", _phone(100 + n), 65, "tea"))
    await shop.hear(_order("new", _phone(500), 2, "bike"))
    await shop.answer()


async def _chosen(shop: Shop, *wishes: GoodsWish) -> list[list[str]]:
    async with db.transaction(shop.runtime.pool) as tx:
        found = await goods_choice.choose(tx, shop.store, wishes, NOON)
    return [[one.sku for one in found[wish]] for wish in wishes]


class _Counting:
    """A connection that counts its statements."""

    def __init__(self, tx: Any) -> None:
        self._tx, self.statements = tx, 0

    async def execute(self, *given: Any) -> Any:
        self.statements += 1
        return await self._tx.execute(*given)


@pytest.mark.slow
def test_what_sql_counts_is_what_is_measured(play):
    """R53, R74: the numbers behind accessories are the same in SQL and in the rules."""

    async def story(shop: Shop) -> None:
        chance = Random(7)
        every = [f"sku{n}" for n in range(12)]
        bought: list[Bought] = []
        for who in range(25):
            first: dict[str, Bought] = {}
            for n in range(chance.randrange(6)):
                ago = chance.choice([1.0, 5.0, 5.5, 90.0, 200.0, 400.0]) + n / 50
                some = chance.sample(every, chance.randrange(1, 4))
                key = f"{who}-{n}"
                told = _order(key, _phone(who), ago, *some)
                lines = [
                    line.model_copy(update={"category": f"kind{int(line.sku[3:]) % 3}"})
                    for line in told.order.lines
                ]
                whole = told.order.model_copy(update={"lines": tuple(lines)})
                await shop.hear(told.model_copy(update={"order": whole}))
                for line in lines:
                    one = Bought(who, line.sku, line.category, -ago, who * 100 + n)
                    known = first.get(line.sku)
                    if known is None or (one.day, one.order) < (known.day, known.order):
                        first[line.sku] = one
            bought += first.values()
        await shop.answer()
        sums = Sums()
        for bucket in stores.buckets(shop.store):
            async with db.transaction(shop.runtime.pool) as tx:
                sums.add(await goods_counts.count(tx, shop.store, bucket, NOON))
        expected = accessories.counted(bought)
        assert sums.buyers == expected.buyers
        assert sums.category == expected.category
        assert sums.after_any == pytest.approx(expected.after_any)
        for name in ("after", "after_kind", "between"):
            found, wish = getattr(sums, name), getattr(expected, name)
            assert found.keys() == wish.keys()
            for key in wish:
                assert found[key] == pytest.approx(wish[key]), (name, key)

    play(story, span=3)


def test_accessories_follow_what_was_bought(play):
    """R53, R74, R15: to a bicycle its tube, not another bicycle, and nothing that is sold out."""

    async def story(shop: Shop) -> None:
        await _stock(shop)
        assert await goods.learn(shop.runtime, shop.store)
        rider, tea = await _person(shop, 500), await _person(shop, 100)
        wishes = [
            GoodsWish(rider, "accessories", ("bike",), "bikes"),
            GoodsWish(await _person(shop, 1), "accessories", (), ""),
            GoodsWish(tea, "accessories", ("racer",), "bikes"),
            GoodsWish(rider, "similar", ("bike",), "bikes"),
            GoodsWish(tea, "again", (), "tea"),
            GoodsWish(tea, "again", (), ""),
            GoodsWish(tea, "new", (), "parts"),
        ]
        to_bike, has_all, unsold, like, again, always, new = await _chosen(shop, *wishes)
        assert to_bike[0] == "tube" and not {"bike", "racer"} & {*to_bike}
        assert not {"bike", "tube", "pump"} & {*has_all}
        assert unsold[0] == "tube"  # nobody ever bought the racer: its category knows
        assert like == ["racer"]
        assert again == ["tea"]
        assert always == ["tea"] and new == []  # the mug was bought once
        await shop.hear(_product("tube", *SOLD["tube"], stock=0, at=NOON))
        await shop.hear(_product("chain", "Chain", "parts", stock=3, at=NOON - DAY))
        await shop.answer()
        to_bike, new = await _chosen(shop, wishes[0], wishes[6])
        assert "tube" not in to_bike and new == ["chain"]

    play(story, span=2)


def test_goods_of_a_merged_person_are_theirs(play):
    """What a person bought under another number is not offered to them again."""

    async def story(shop: Shop) -> None:
        await _stock(shop)
        await goods.learn(shop.runtime, shop.store)
        rider, other = await _person(shop, 500), await _person(shop, 3)
        wish = GoodsWish(rider, "accessories", ("bike",), "bikes")
        assert (await _chosen(shop, wish))[0][0] == "tube"
        await shop.hear(facts.PeopleMerged(id="m", at=NOON, contact=rider, other=other))
        await shop.answer()
        assert "tube" not in (await _chosen(shop, wish))[0]

    play(story, span=8)


def test_lists_are_learnt_again_after_a_while_and_old_ones_go(play, monkeypatch):
    """Asked again at once it does nothing; a shop that has sold little is looked at each hour, one
    that has sold much each day."""

    async def story(shop: Shop) -> None:
        await _stock(shop)
        assert await goods.learn_due(shop.runtime) == 1
        assert await goods.learn_due(shop.runtime) == 0
        async with db.transaction(shop.runtime.pool) as tx:
            before = await goods_lists.learnt(tx, shop.store)
            assert "like/bike" in await goods_lists.read(tx, shop.store, ["like/bike"])
        assert before and before.goods == len(SOLD) and before.lists > len(SOLD)
        monkeypatch.setattr(goods_lists, "FEW", before.buyers)
        shop.later(hours=1)
        assert await goods.learn_due(shop.runtime) == 0
        monkeypatch.setattr(goods_lists, "FEW", before.buyers + 1)
        await shop.hear(_product("racer", *SOLD["racer"], stock=0, at=shop.at))
        await shop.answer()
        assert await goods.learn_due(shop.runtime) == 1
        async with db.transaction(shop.runtime.pool) as tx:
            assert "like/bike" not in await goods_lists.read(tx, shop.store, ["like/bike"])

    play(story)


def test_a_store_that_cannot_be_learnt_of_stops_no_other(play, monkeypatch):
    """P11."""

    async def story(shop: Shop) -> None:
        monkeypatch.setattr(stores, "every", AsyncMock(return_value=[shop.store] * 2))
        monkeypatch.setattr(goods_lists, "is_due", AsyncMock(side_effect=[ValueError, True]))
        assert await goods.learn_due(shop.runtime) == 1

    play(story)


def test_a_store_without_orders_or_catalogue_has_no_goods(play):
    """Nothing is learnt from nothing, and nothing is said."""

    async def story(shop: Shop) -> None:
        assert await goods.learn(shop.runtime, shop.store)
        await shop.hear(order("1"))
        await shop.answer()
        rows = await shop.rows("SELECT id FROM contact")
        found = await _chosen(
            shop,
            *(GoodsWish(rows[0]["id"], one, ("x",), "") for one in
              ("accessories", "similar", "new", "again")),
        )  # fmt: skip
        assert found == [[], [], [], []]

    play(story)


def test_many_people_are_asked_for_at_once(play):
    """As many statements for all people as for one."""

    async def story(shop: Shop) -> None:
        await _stock(shop)
        await goods.learn(shop.runtime, shop.store)
        people = [row["id"] for row in await shop.rows("SELECT id FROM contact")]
        wishes = [GoodsWish(one, "accessories", (), "") for one in people]
        async with db.transaction(shop.runtime.pool) as tx:
            counting = _Counting(tx)
            found = await goods_choice.choose(counting, shop.store, wishes, NOON)
        assert len(people) > 40 and found.keys() == {*wishes} and any(found.values())
        assert counting.statements == 4  # their names, what they bought, the lists, what is there

    play(story)
