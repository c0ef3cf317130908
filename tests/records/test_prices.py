"""Price lists in the database: replaced whole, read once a version (N6)."""

import time
from decimal import Decimal

import pytest

from ringdove.kit import db
from ringdove.records.sending import prices, routes
from ringdove.rules.sending.prices import Price
from tests.flows.conftest import Shop, order


async def _replace(shop: Shop, lines: list[Price], version: int, currency: str = "EUR") -> None:
    async with db.transaction(shop.runtime.pool) as tx:
        await prices.replace(tx, shop.store.id, shop.sms, currency, lines, version, shop.at)


def test_a_list_is_replaced_whole_and_the_next_text_costs_the_new_price(play):
    async def story(shop: Shop) -> None:
        for version, per_part in ((11, "0.02"), (12, "0.03")):
            lines = [Price("375", Decimal(per_part), "BY"), Price("", Decimal("0.5"), "IT", "TIM")]
            await _replace(shop, lines, version)
            async with db.transaction(shop.runtime.pool) as tx:
                listed = (await prices.of_store(tx, shop.store.id))[shop.sms]
                assert (listed.version, listed.currency, listed.lines) == (version, "EUR", 2)
                found = [line async for line in prices.lines(tx, shop.sms)]
            assert sorted(found, key=str) == sorted(lines, key=str)
            await shop.hear(order(str(version)))
            await shop.answer()
            text = (await shop.messages())[-1]
            assert text["cost"] == Decimal(per_part) * text["parts"]
        async with db.transaction(shop.runtime.pool) as tx:
            await prices.forget(tx, shop.store.id, shop.sms)
            assert await prices.of_store(tx, shop.store.id) == {}
        assert await shop.rows("SELECT FROM price") == []

    play(story)


def test_a_stranger_cannot_forget_it(play):
    """P10."""

    async def story(shop: Shop) -> None:
        await _replace(shop, [Price("375", Decimal("0.02"))], 21)
        async with db.transaction(shop.runtime.pool) as tx:
            await prices.forget(tx, shop.store.id + 1, shop.sms)
            assert await prices.of_store(tx, shop.store.id + 1) == {}
            assert shop.sms in await prices.of_store(tx, shop.store.id)

    play(story)


@pytest.mark.slow
def test_fifty_thousand_lines_are_written_and_read_in_seconds_and_once(play):
    async def story(shop: Shop) -> None:
        lines = [Price(str(37_000_000 + n), Decimal("0.01"), "BY", "MTS") for n in range(50_000)]
        began = time.process_time()
        await _replace(shop, lines, 31)
        async with db.transaction(shop.runtime.pool) as tx:
            ways = await routes.load(tx, shop.store)
        assert time.process_time() - began < 5
        began = time.process_time()
        async with db.transaction(shop.runtime.pool) as tx:
            again = await routes.load(tx, shop.store)
        assert again.lists[shop.sms] is ways.lists[shop.sms]
        assert time.process_time() - began < 0.1

    play(story)
