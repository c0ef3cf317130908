"""R62, P3: people who asked are told when goods are there again or cost less: no more of them than
there are pieces, the first who asked first, and asked again in the moment in which texts leave."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records.automations import automations
from ringdove.records.sending import messages
from ringdove.rules import facts
from ringdove.rules.automations.plans import Automation
from ringdove.workers.automations import wishes
from tests.flows.conftest import Shop, order
from tests.flows.test_left_alone import ANNA, ANNA_TOO

Play = Callable[..., None]


def person(n: int) -> dict[str, str]:
    return {"phone": f"+3752911{n:05}", "name": f"P {n}", "country": "BY"}


def goods(shop: Shop, stock: int | None, price: str = "59.90") -> facts.ProductChanged:
    return facts.ProductChanged(
        id=f"K1/{shop.at}/{stock}/{price}", at=shop.at, sku="K1", name="Kettle", price=price,
        stock=stock, url="https://linden.example/k1",
    )  # fmt: skip


def asked(shop: Shop, who: dict[str, str], wish: str = "stock", **more: Any) -> facts.StockAsked:
    return facts.StockAsked(
        id=f"wish/{who['phone']}/{wish}/{shop.at}", at=shop.at, customer=who, sku="K1", wish=wish,
        **more,
    )  # fmt: skip


async def told(shop: Shop, *some: facts.Fact) -> None:
    await shop.hear(*some)
    await shop.answer()


async def switch(shop: Shop, own: Automation) -> None:
    async with db.transaction(shop.runtime.pool) as tx:
        await automations.save(tx, shop.store.id, "back_in_stock", own, shop.at, None)


async def granted(shop: Shop) -> int:
    found = await wishes.look(shop.runtime)
    await shop.answer()
    return found


async def take(shop: Shop, most: int = 500) -> list[int]:
    """Takes what is due; the people who are texted."""
    taken: list[int] = []
    due = "SELECT DISTINCT bucket FROM outbox WHERE due_at <= %(n)s"
    for row in await shop.rows(due, n=shop.at):
        async with db.transaction(shop.runtime.pool) as tx:
            some = await messages.take(tx, shop.store, row["bucket"], shop.sms, shop.at, "me", most)
            taken += [one.contact_id for one in some]
    return taken


async def numbers(shop: Shop, contact_ids: Sequence[int]) -> list[str]:
    rows = await shop.rows(
        "SELECT id, phone FROM contact WHERE id = ANY(%(i)s)", i=list(contact_ids)
    )
    phones = {row["id"]: row["phone"] for row in rows}
    return sorted(phones[one] for one in contact_ids)


@pytest.mark.parametrize("span", [1, 128])
def test_the_first_who_asked_are_told_and_no_more_than_there_are_pieces(
    play: Play, span: int
) -> None:
    """R62: five ask, two pieces come; who asks twice keeps the place; the day after, the next."""

    async def story(shop: Shop) -> None:
        await told(shop, goods(shop, 0))
        for n in range(5):
            shop.later(seconds=10)
            await told(shop, asked(shop, person(n)))
        await told(shop, asked(shop, person(0)))  # once more: still the first
        assert await granted(shop) == 0
        await told(shop, goods(shop, 2))
        assert await granted(shop) == 2
        assert await granted(shop) == 0  # the pieces are theirs for a day
        first = await take(shop)
        assert await numbers(shop, first) == [person(0)["phone"], person(1)["phone"]]
        (text, _) = await shop.rows("SELECT * FROM message WHERE recipe = 'back_in_stock'")
        assert (text["sku"], text["guard"], text["place"]) == ("K1", "in_stock", "say")
        shop.later(hours=25)
        assert await granted(shop) == 2
        assert await numbers(shop, await take(shop)) == [person(2)["phone"], person(3)["phone"]]
        rows = await shop.rows("SELECT state, count(*) AS n FROM wish GROUP BY 1")
        assert {row["state"]: row["n"] for row in rows} == {"granted": 4, "waiting": 1}

    play(story, span=span)


def test_what_is_sold_out_in_the_night_is_told_to_nobody_and_the_place_is_kept(play: Play) -> None:
    """R62, P3: three pieces in the evening, one in the morning: one text leaves, the others wait
    for the next pieces, before who asked later."""

    async def story(shop: Shop) -> None:
        await told(shop, goods(shop, 0), *(asked(shop, person(n)) for n in range(3)))
        shop.later(minutes=1)
        await told(shop, asked(shop, person(9)))
        shop.later(hours=8)  # 20:01 in Minsk is 23:01: nobody is texted at night
        await told(shop, goods(shop, 3))
        assert await granted(shop) == 3
        assert await take(shop) == []
        shop.later(hours=13)
        await told(shop, goods(shop, 1))
        assert len(await take(shop)) == 1
        rows = await shop.rows("SELECT state, reason FROM message WHERE recipe = 'back_in_stock'")
        assert sorted((row["state"], row["reason"]) for row in rows) == [
            ("dropped", "sold_out"), ("dropped", "sold_out"), ("waiting", "quiet_hours"),
        ]  # fmt: skip
        shop.later(hours=1)
        await told(shop, goods(shop, 3))  # the one who was told may still come: two are left
        assert await granted(shop) == 2
        assert person(9)["phone"] not in await numbers(shop, await take(shop))

    play(story)


def test_a_lower_price_is_told_to_who_asked_at_a_higher_one(play: Play) -> None:
    """R62: what the catalogue said counts where the shop did not say what they saw."""

    async def story(shop: Shop) -> None:
        await told(shop, goods(shop, None, "59.90"))
        await told(shop, asked(shop, person(1), "price"))
        await told(shop, asked(shop, person(2), "price", price="45.00"))
        assert await granted(shop) == 0
        shop.later(hours=1)
        await told(shop, goods(shop, None, "49.90"))
        assert await granted(shop) == 1
        assert await numbers(shop, await take(shop)) == [person(1)["phone"]]

    play(story)


@pytest.mark.parametrize("span", [1, 128])
def test_who_has_bought_it_meanwhile_is_not_told(play: Play, span: int) -> None:
    """P3, R51, R91: under whichever of their names; something else that they bought is nothing."""

    async def story(shop: Shop) -> None:
        await told(
            shop, goods(shop, 0), asked(shop, ANNA), asked(shop, ANNA_TOO), asked(shop, person(1)),
            asked(shop, person(2)),
        )  # fmt: skip
        ids = {row["phone"]: row["id"] for row in await shop.rows("SELECT id, phone FROM contact")}
        main, other = ids[ANNA["phone"]], ids[ANNA_TOO["phone"]]
        await told(shop, facts.PeopleMerged(id="m", at=shop.at, contact=main, other=other))
        shop.later(hours=1)
        kettle = [{"name": "Kettle", "price": "59.90", "sku": "K1"}]
        await told(
            shop, order("1", at=shop.at, customer=ANNA_TOO, lines=kettle),
            order("2", at=shop.at, customer=person(1)),
        )  # fmt: skip
        await shop.rows("WITH gone AS (DELETE FROM outbox) SELECT 1")
        await told(shop, goods(shop, 9))
        assert await granted(shop) == 2
        wanted = [person(1)["phone"], person(2)["phone"]]
        assert await numbers(shop, await take(shop)) == wanted
        assert len(await shop.rows("SELECT FROM wish")) == 2

    play(story, span=span)


@pytest.mark.slow
@pytest.mark.parametrize("span", [1, 128])
def test_no_two_that_take_texts_give_away_one_piece(play: Play, span: int) -> None:
    """R62, P3: forty people are granted; the stock falls to five while four workers take."""

    async def story(shop: Shop) -> None:
        await told(shop, goods(shop, 0), *(asked(shop, person(n)) for n in range(40)))
        await told(shop, goods(shop, 40))
        assert await granted(shop) == 40
        shop.later(seconds=1)
        await told(shop, goods(shop, 5))
        found: list[int] = []
        for _ in range(30):
            for some in await asyncio.gather(*(take(shop, 3) for _ in range(4))):
                found += some
            shop.later(seconds=3)
        assert len(found) == len(set(found)) == 5
        assert not await shop.rows("SELECT FROM outbox")
        (row,) = await shop.rows("SELECT count(*) AS n FROM wish WHERE state = 'waiting'")
        assert row["n"] == 35

    play(story, span=span)


def test_while_nobody_would_say_it_wishes_wait(play: Play) -> None:
    """R62, R117: switched off, nothing is granted; switched on, who asked before is told. What
    nobody could grant in half a year is over."""

    async def story(shop: Shop) -> None:
        await switch(shop, Automation(False, 1))
        await told(shop, goods(shop, 5), asked(shop, person(1)))
        assert await granted(shop) == 0
        await switch(shop, Automation(True, 2))
        assert await granted(shop) == 1
        await told(shop, asked(shop, person(2)), goods(shop, 0))
        shop.at += timedelta(days=200)
        await wishes.look(shop.runtime, forget=True)
        assert len(await shop.rows("SELECT FROM wish WHERE state = 'waiting'")) == 0

    play(story)


def test_one_number_waits_for_so_many_goods_however_fast_they_are_typed(play: Play) -> None:
    """R62: whoever types a number pays nothing for it."""

    async def story(shop: Shop) -> None:
        def some(first: int, most: int) -> list[facts.StockAsked]:
            return [
                asked(shop, ANNA).model_copy(update={"id": f"w/{n}", "sku": f"K{n}"})
                for n in range(first, first + most)
            ]

        await told(shop, *some(0, 20))
        await told(shop, *some(20, 40))
        (found,) = await shop.rows("SELECT count(*) AS n FROM wish")
        assert found["n"] == 30

    play(story)
