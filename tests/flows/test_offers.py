"""Orders that are paid with offers: counted, limited, given back."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from ringdove.kit import db
from ringdove.records.offers import codes, offer_uses
from ringdove.rules import facts
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.effects import UseCode
from tests.flows.conftest import Shop, order, paid
from tests.records.test_offer_codes import counts, given, made, people_of

OWN = Reward(0, "o1", "Teas", "code", source="own", prefix="TEA", frees=True)
COMMON = Reward(0, "o2", "All", "code", code="HELLO10", frees=True)
ANNA = {"phone": "8 (029) 111-22-33"}


def cancelled(key: str, shop: Shop) -> facts.OrderCancelled:
    return facts.OrderCancelled(id=f"order/{key}/cancelled/{shop.at}", at=shop.at, order=key)


async def hear(shop: Shop, *told: facts.Fact) -> None:
    shop.later(minutes=1)
    await shop.hear(*told)
    await shop.answer()


def test_a_cancelled_order_gives_its_code_back(play: Any) -> None:
    """R34: where the offer says so; and it counts no more in what the offer brought."""

    async def story(shop: Shop) -> None:
        own, common = await made(shop, OWN), await made(shop, COMMON)
        await hear(shop, order("1"))
        (person,) = await shop.rows("SELECT id FROM contact")
        (code,) = await given(shop, own, [person["id"]])
        await hear(shop, order("2", codes=[code.lower(), "hello10", "NONE"], at=shop.at))
        (row,) = await shop.rows("SELECT used_order FROM promo_code")
        assert row["used_order"] == "2"
        assert (await counts(shop))["reward/1/used"] == (await counts(shop))["reward/2/used"] == 1
        async with db.transaction(shop.runtime.pool) as tx:
            found = await offer_uses.brought(tx, shop.store, common.id)
        assert (found.orders, found.revenue) == (1, {"BYN": Decimal("59.90")})
        await hear(shop, cancelled("2", shop), cancelled("1", shop))
        (row,) = await shop.rows("SELECT used_at, used_order FROM promo_code")
        assert row == {"used_at": None, "used_order": ""}
        assert (await counts(shop))["reward/1/used"] == (await counts(shop))["reward/2/used"] == 0
        async with db.transaction(shop.runtime.pool) as tx:
            found = await offer_uses.brought(tx, shop.store, common.id)
        assert (found.orders, found.freed, found.revenue) == (0, 1, {})
        assert await given(shop, own, [person["id"]]) == [code]
        await hear(shop, order("3", codes=[code], at=shop.at))
        (row,) = await shop.rows("SELECT used_order FROM promo_code")
        assert row["used_order"] == "3"

    play(story)


def test_an_order_that_was_cancelled_and_lives_again_counts(play: Any) -> None:
    """R20, R34: where a newer snapshot says so. Its code is used again, and a second end, whose
    fact is known already, is heard from the snapshot."""

    async def story(shop: Shop) -> None:
        common = await made(shop, COMMON)
        told = order("1", codes=["hello10"], at=shop.at)

        def snapshot(cancelled: bool | None) -> facts.OrderChanged:
            shop.later(minutes=1)
            now = told.order.model_copy(update={"changed_at": shop.at, "cancelled": cancelled})
            return facts.OrderChanged(id=f"order/1/{shop.at}", at=shop.at, order=now)

        async def state() -> tuple[str, int, int]:
            async with db.transaction(shop.runtime.pool) as tx:
                found = await offer_uses.brought(tx, shop.store, common.id)
            (row,) = await shop.rows("SELECT state FROM purchase_order")
            (who,) = await shop.rows("SELECT orders FROM contact")
            (figure,) = await shop.rows("SELECT orders FROM contact_figure")
            assert who == figure
            return row["state"], who["orders"], found.orders

        await hear(shop, told, paid("1", shop.at))
        assert await state() == ("paid", 1, 1)
        late = snapshot(False)
        await hear(shop, cancelled("1", shop))
        assert await state() == ("cancelled", 0, 0)
        await hear(shop, late)
        await hear(shop, snapshot(None))
        assert await state() == ("cancelled", 0, 0)
        await hear(shop, snapshot(False))
        assert await state() == ("paid", 1, 1)
        await hear(shop, snapshot(True))
        assert await state() == ("cancelled", 0, 0)

    play(story)


def test_an_order_told_again_is_one_use(play: Any) -> None:
    """P8, R34: snapshots repeat their codes; a code good for two orders is used up by the second,
    and one whose offer does not give back stays used."""

    async def story(shop: Shop) -> None:
        own = await made(shop, replace(OWN, uses_each=2, frees=False))
        await hear(shop, order("1"))
        (person,) = await shop.rows("SELECT id FROM contact")
        (code,) = await given(shop, own, [person["id"]])
        told = order("2", codes=[code], at=shop.at)
        again = facts.OrderChanged(
            id="order/2/changed", at=shop.at + timedelta(seconds=1),
            order=told.order.model_copy(update={"changed_at": shop.at + timedelta(seconds=1)}),
        )  # fmt: skip
        await hear(shop, told)
        await hear(shop, again)
        assert (await counts(shop))["reward/1/used"] == 1
        (row,) = await shop.rows("SELECT used_at FROM promo_code")
        assert row["used_at"] is None
        await hear(shop, order("3", codes=[code], at=shop.at))
        (row,) = await shop.rows("SELECT used_order FROM promo_code")
        assert row["used_order"] == "3" and (await counts(shop))["reward/1/used"] == 2
        await hear(shop, cancelled("3", shop))
        (row,) = await shop.rows("SELECT used_order FROM promo_code")
        assert row["used_order"] == "3"

    play(story)


def test_of_two_orders_at_once_one_has_the_code(play: Any) -> None:
    """P7, R34: whichever is written first; the other leaves it alone."""

    async def story(shop: Shop) -> None:
        own = await made(shop, OWN)
        people = people_of(shop, 50)
        found = await given(shop, own, people)

        async def use(order: str) -> None:
            for code in found:
                async with db.transaction(shop.runtime.pool) as tx:
                    before = (await codes.find(tx, shop.store, [code]))[code]
                    await codes.use(tx, shop.store, [UseCode(code, order, shop.at)])
                    after = (await codes.find(tx, shop.store, [code]))[code]
                assert after.used_order == before.used_order or not before.used_order

        await asyncio.gather(*(use(str(n)) for n in range(6)))
        rows = await shop.rows("SELECT used_order FROM promo_code WHERE used_at IS NOT NULL")
        assert len(rows) == 50

    play(story)
