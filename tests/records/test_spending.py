"""Money limits where texts are taken: exact, also when many take at once (N6)."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.records.sending import messages, outbox, prices, spending
from ringdove.rules.sending.prices import Price
from ringdove.rules.sending.spending import Limit
from tests.flows.conftest import Shop, order, text

MIDNIGHT = datetime(2026, 11, 18, 21, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Leaving:
    message_id: int
    klass: str
    cost: Decimal | None
    cost_currency: str
    attempts: int = 1


async def _queued(shop: Shop, n: int, per_part: str = "0.10") -> list[Leaving]:
    """Texts that wait, each of a known cost."""
    async with db.transaction(shop.runtime.pool) as tx:
        lines = [Price("375", Decimal(per_part))]
        await prices.replace(tx, shop.store.id, shop.sms, "EUR", lines, 1000 + n, shop.at)
    before = len(await shop.messages())
    for key in range(n):
        await shop.hear(order(f"{before}-{key}", at=shop.at))
    await shop.answer()
    return [_leaving(m) for m in (await shop.messages())[before:]]


def _leaving(m: dict[str, Any]) -> Leaving:
    return Leaving(m["id"], m["class"], m["cost"], m["cost_currency"])


async def _charge(shop: Shop, leaving: list[Leaving]) -> set[int]:
    """As records/sending/outbox.take does: what may leave leaves the outbox."""
    held: set[int] = set()
    for bucket in {bucket_of_id(one.message_id) for one in leaving}:
        mine = [one for one in leaving if bucket_of_id(one.message_id) == bucket]
        async with db.transaction(shop.runtime.pool) as tx:
            some = await spending.charge(tx, shop.store, bucket, mine, shop.at)
            gone = [one.message_id for one in mine if one.message_id not in some]
            await tx.execute("DELETE FROM outbox WHERE message_id = ANY(%s)", [gone])
        held |= some
    return held


async def _limit(shop: Shop, amount: str, period: str = "day", classes: str = "all") -> int:
    async with db.transaction(shop.runtime.pool) as tx:
        limit = Limit(period, classes, "EUR", Decimal(amount))  # type: ignore[arg-type]
        return await spending.put(tx, shop.store, limit, shop.at)


async def _spent(shop: Shop) -> int:
    rows = await shop.rows("SELECT coalesce(sum(micros), 0)::bigint AS n FROM spending")
    return int(rows[0]["n"])


def test_what_fits_leaves_and_what_does_not_waits_until_midnight(play):
    """N6: to the cent. Raised, it goes at once; the next day it goes by itself."""

    async def story(shop: Shop) -> None:
        texts = await _queued(shop, 5)
        cost = texts[0].cost
        assert cost is not None and cost > 0
        await _limit(shop, str(cost * 3))
        held = await _charge(shop, texts)
        assert len(held) == 2 and await _spent(shop) == int(cost * 3 * 1_000_000)
        rows = await shop.rows("SELECT message_id, due_at FROM outbox")
        assert {row["message_id"] for row in rows} == held
        assert {row["due_at"] for row in rows} == {MIDNIGHT}
        reasons = {m["reason"] for m in await shop.messages() if m["id"] in held}
        assert reasons == {"spending_limit"}
        async with db.transaction(shop.runtime.pool) as tx:
            (limit,) = await spending.limits(tx, shop.store.id)
            assert limit.held_until == MIDNIGHT
            assert await spending.waiting(tx, shop.store, shop.at) == 2
        assert await _limit(shop, str(cost * 4)) == 2
        rows = await shop.rows("SELECT due_at FROM outbox")
        assert {row["due_at"] for row in rows} == {shop.at}
        assert len(await _charge(shop, [t for t in texts if t.message_id in held])) == 1
        shop.at = MIDNIGHT
        rest = [row["message_id"] for row in await shop.rows("SELECT message_id FROM outbox")]
        assert not await _charge(shop, [t for t in texts if t.message_id in rest])
        assert await _spent(shop) == int(cost * 5 * 1_000_000)

    play(story)


def test_many_who_take_at_once_never_spend_more_than_there_is(play):
    """N6: forty takes in parallel over all buckets, room for ten."""

    async def story(shop: Shop) -> None:
        texts = []
        for n in range(40):
            told = {"phone": f"+37529111{n:04d}", "name": "Анна", "country": "BY"}
            await shop.hear(order(str(n), at=shop.at, customer=told))
        async with db.transaction(shop.runtime.pool) as tx:
            lines = [Price("375", Decimal("0.07"))]
            await prices.replace(tx, shop.store.id, shop.sms, "EUR", lines, 5, shop.at)
        await shop.answer()
        texts = [_leaving(m) for m in await shop.messages()]
        assert len(texts) == 40 and len({t.cost for t in texts}) == 1
        cost = texts[0].cost
        assert cost is not None
        await _limit(shop, str(cost * 10))
        held = await asyncio.gather(*(_charge(shop, [one]) for one in texts))
        assert sum(len(some) for some in held) == 30
        assert await _spent(shop) == int(cost * 10 * 1_000_000)

    play(story, span=128)


def test_the_answer_to_a_stop_leaves_whatever_it_costs(play):
    """P2: one confirmation, also when no money is left; it is counted."""

    async def story(shop: Shop) -> None:
        (first,) = await _queued(shop, 1)
        await _limit(shop, "0.01")
        assert await _charge(shop, [first]) == {first.message_id}
        shop.later(minutes=1)
        await shop.hear(text("стоп", at=shop.at))
        await shop.answer()
        (answer,) = [m for m in await shop.messages() if m["topic"] == "stop_confirmation"]
        assert answer["cost"] > 0
        assert await _charge(shop, [_leaving(answer)]) == set()
        assert await _spent(shop) == int(answer["cost"] * 1_000_000)

    play(story)


def test_what_is_taken_for_sending_stays_within_the_limit(play):
    """N6, P5: the real take; what is held is not marked, and what was refused is given back."""

    async def story(shop: Shop) -> None:
        texts = await _queued(shop, 3)
        cost = texts[0].cost
        assert cost is not None
        await _limit(shop, str(cost * 2))
        bucket = bucket_of_id(texts[0].message_id)
        args = (shop.store, bucket, shop.sms)
        async with db.transaction(shop.runtime.pool) as tx:
            taken = await outbox.take(tx, *args, shop.at, "me")
            assert await outbox.take(tx, *args, shop.at, "me") == []
        assert len(taken) == 2 and await _spent(shop) == int(cost * 2 * 1_000_000)
        (held,) = await shop.rows("SELECT due_at FROM outbox")
        assert held["due_at"] == MIDNIGHT
        async with db.transaction(shop.runtime.pool) as tx:
            refused = messages.Settled(taken[0].message_id, "failed", "ESME_RINVDSTADR")
            await messages.settle(tx, shop.store, shop.sms, [refused], shop.at)
        assert await _spent(shop) == int(cost * 1_000_000)

    play(story)


def test_marketing_alone_can_be_limited_and_service_goes_on(play):
    async def story(shop: Shop) -> None:
        texts = await _queued(shop, 2)
        await _limit(shop, "0.00", classes="marketing")
        assert await _charge(shop, texts) == set()
        assert await _spent(shop) == sum(int(t.cost * 1_000_000) for t in texts if t.cost)

    play(story)


def test_what_was_not_sent_is_given_back_and_a_second_attempt_costs_nothing(play):
    async def story(shop: Shop) -> None:
        one, other = await _queued(shop, 2)
        await _charge(shop, [one, other])
        again = Leaving(one.message_id, one.klass, one.cost, "EUR", attempts=2)
        await _charge(shop, [again])
        assert one.cost is not None
        assert await _spent(shop) == int(one.cost * 2 * 1_000_000)
        async with db.transaction(shop.runtime.pool) as tx:
            bucket = bucket_of_id(one.message_id)
            await spending.give_back(tx, shop.store, bucket, [one.message_id], shop.at)
        assert await _spent(shop) == int(one.cost * 1_000_000)

    play(story)


def test_no_limit_and_no_price_ask_nothing(play):
    """An unknown price is not seen by a limit; the page says so."""

    async def story(shop: Shop) -> None:
        await shop.hear(order())
        await shop.answer()
        (m,) = await shop.messages()
        assert m["cost"] is None
        await _limit(shop, "0.00")
        assert await _charge(shop, [_leaving(m)]) == set()
        assert await _spent(shop) == 0

    play(story)


def test_a_month_begins_anew_with_its_first_day(play):
    async def story(shop: Shop) -> None:
        shop.at = datetime(2026, 11, 30, 20, 59, tzinfo=UTC)
        texts = await _queued(shop, 2)
        assert texts[0].cost is not None
        await _limit(shop, str(texts[0].cost), period="month")
        assert len(await _charge(shop, texts)) == 1
        shop.at += timedelta(minutes=1)
        rest = [row["message_id"] for row in await shop.rows("SELECT message_id FROM outbox")]
        assert not await _charge(shop, [t for t in texts if t.message_id in rest])

    play(story)
