"""The mark between the outbox and the wire: what lies under it is said once, and never forgotten.

A link to the database can break while a transaction is committed: then whoever wrote does not know
whether it is written, and writes it once more. Here both are tried: it was, and it was not.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.records.sending import gateways, messages, outbox, prices, routes
from ringdove.records.sending.messages import Settled
from ringdove.rules.sending.prices import Price
from ringdove.rules.sending.routes import Refusal
from ringdove.workers.sending.taking import Taker
from tests.flows.conftest import Shop, order
from tests.records.test_messages import only, settle, take


async def _places(shop: Shop) -> dict[int, list[str]]:
    """Of each message where it lies: in the outbox, under marks."""
    found: dict[int, list[str]] = {m["id"]: [] for m in await shop.messages()}
    for row in await shop.rows("SELECT message_id AS id FROM outbox"):
        found[row["id"]].append("outbox")
    for row in await shop.rows("SELECT unnest(message_ids) AS id FROM submission"):
        found[row["id"]].append("mark")
    return found


async def _priced(shop: Shop) -> None:
    async with db.transaction(shop.runtime.pool) as tx:
        lines = [Price("375", Decimal("0.07"))]
        await prices.replace(tx, shop.store.id, shop.sms, "EUR", lines, 5, shop.at)


async def _spent(shop: Shop) -> int:
    (row,) = await shop.rows("SELECT coalesce(sum(micros), 0)::bigint AS n FROM spending")
    return int(row["n"])


def test_what_is_put_back_twice_is_not_said_twice(play):
    """P5: it was put back, nobody heard so, somebody took it, and it is put back once more."""

    async def story(shop: Shop) -> None:
        await shop.hear(order())
        await shop.answer()
        (taken,) = await take(shop)
        back = Settled(taken.message_id, "retry", retry_at=shop.at, mark=taken.mark)
        await settle(shop, back)
        (again,) = await take(shop)
        await settle(shop, back)
        assert await _places(shop) == {taken.message_id: ["mark"]}
        assert not await take(shop)
        await settle(shop, Settled(again.message_id, "sent", "", ("a",)))
        assert (await only(shop))["state"] == "sent"

    play(story)


def test_what_comes_too_late_puts_nothing_back(play):
    """P5: the process lost its lease, its messages are unknown and one is said again by a person
    who decided so; what the old process then writes is no second place."""

    async def story(shop: Shop) -> None:
        await shop.hear(order())
        await shop.answer()
        (taken,) = await take(shop, owner="old")
        bucket = bucket_of_id(taken.message_id)
        async with db.transaction(shop.runtime.pool) as tx:
            await messages.find_lost(tx, shop.store, bucket, shop.sms, "new", shop.at)
            await messages.say_again(tx, shop.store, bucket, [taken.message_id], shop.at)
        assert await take(shop, owner="new")
        await settle(shop, Settled(taken.message_id, "retry", retry_at=shop.at, mark=taken.mark))
        assert await _places(shop) == {taken.message_id: ["mark"]}

    play(story)


def _cut_at_commit(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """The next commits are done, and their acknowledgements lost."""
    real, left = db.transaction, [times]

    @asynccontextmanager
    async def transaction(pool: Any) -> AsyncIterator[Any]:
        async with real(pool) as tx:
            yield tx
        if left[0] > 0:
            left[0] -= 1
            raise psycopg.OperationalError("the connection is lost")

    monkeypatch.setattr(db, "transaction", transaction)


@pytest.mark.parametrize("times", [1, 2, db.ATTEMPTS_MAX + 2])
def test_what_was_taken_and_nobody_heard_so_is_taken_again(play, monkeypatch, times):
    """P5: a take whose commit was not acknowledged leaves nothing under a mark for ever."""
    monkeypatch.setattr(db, "PAUSE_S_FIRST", 0.0)

    async def story(shop: Shop) -> None:
        await _priced(shop)
        await shop.hear(*(order(str(n)) for n in range(3)))
        await shop.answer()
        (row,) = await shop.rows("SELECT DISTINCT bucket FROM outbox")
        taker = Taker(shop.runtime, shop.store, shop.sms)
        _cut_at_commit(monkeypatch, times)
        try:
            taken, _ = await taker.take(row["bucket"], "me", 2)
        except psycopg.OperationalError:
            taken, _ = await taker.take(row["bucket"], "me", 2)
        monkeypatch.undo()
        assert len(taken) == 2
        places = await _places(shop)
        assert sorted(places.values()) == [["mark"], ["mark"], ["outbox"]]
        assert {key for key, where in places.items() if where == ["mark"]} == {
            one.message_id for one in taken
        }
        assert await _spent(shop) == sum(int(one.cost * 1_000_000) for one in taken)

    play(story)


def test_a_second_attempt_put_back_unsaid_gives_no_money_back(play):
    """N6: it was counted with the first attempt, and is not counted again."""

    async def story(shop: Shop) -> None:
        await _priced(shop)
        await shop.hear(order())
        await shop.answer()
        (first,) = await take(shop)
        cost = int(first.cost * 1_000_000)
        await settle(shop, Settled(first.message_id, "retry", "busy", retry_at=shop.at))
        (second,) = await take(shop)
        assert second.attempts == 2 and await _spent(shop) == cost
        await settle(shop, Settled(second.message_id, "retry", retry_at=shop.at))
        await take(shop)
        assert await _spent(shop) == cost

    play(story)


def test_at_another_gateway_it_is_counted_anew(play):
    """N6: given back at the first, and charged at the second, however often it was tried before."""

    async def story(shop: Shop) -> None:
        await _priced(shop)
        async with db.transaction(shop.runtime.pool) as tx:
            other = await gateways.create(
                tx, store_id=shop.store.id, kind="sandbox", channel="sms", name="Other",
                settings={}, secrets=b"", now=shop.at, rank=200,
            )  # fmt: skip
            lines = [Price("375", Decimal("0.20"))]
            await prices.replace(tx, shop.store.id, other, "EUR", lines, 6, shop.at)
        await shop.hear(order())
        await shop.answer()
        for attempt in (1, 2, 3):
            (taken,) = await take(shop)
            assert taken.attempts == attempt
            refusal = Refusal("busy", "later", taken.attempts)
            later = Settled(taken.message_id, "retry", "busy", retry_at=shop.at, refused=refusal)
            await settle(shop, later)
        (taken,) = await take(shop, gateway=other)
        assert (taken.attempts, taken.cost) == (1, Decimal("0.20") * taken.parts)
        assert await _spent(shop) == int(taken.cost * 1_000_000)

    play(story)


def test_an_answer_written_twice_is_counted_once(play):
    """Roll-ups and money: the batch is written once more, since nobody heard of its commit."""

    async def story(shop: Shop) -> None:
        await _priced(shop)
        await shop.hear(*(order(str(n)) for n in range(3)))
        await shop.answer()
        sent, failed, unknown = await take(shop)
        results = (
            Settled(sent.message_id, "sent", "", ("a",)),
            Settled(failed.message_id, "failed", "no such number"),
            Settled(unknown.message_id, "unknown", "no_answer"),
        )
        for _ in range(2):
            await settle(shop, *results)
            shop.at += timedelta(microseconds=100)
        spent = int((sent.cost + unknown.cost) * 1_000_000)
        assert await _spent(shop) == spent
        counts = await shop.rows(
            """SELECT name, sum(n)::int AS n FROM counter
               WHERE name IN ('sent', 'failed', 'unknown') GROUP BY name ORDER BY name"""
        )
        assert [(row["name"], row["n"]) for row in counts] == [
            ("failed", 1), ("sent", 1), ("unknown", 1),
        ]  # fmt: skip

    play(story)


def test_a_reminder_whose_order_is_not_found_is_not_said(play):
    """P3: fails closed."""

    async def story(shop: Shop) -> None:
        await shop.hear(order(payment_due=True, payment_url="https://linden.example/pay"))
        await shop.answer()
        shop.later(hours=3)
        await shop.answer()
        await shop.rows("WITH d AS (DELETE FROM purchase_order) SELECT 1")
        await take(shop)
        (reminder,) = [m for m in await shop.messages() if m["recipe"] == "order_unpaid"]
        assert (reminder["state"], reminder["reason"]) == ("dropped", "not_due")

    play(story)


def test_what_was_tried_and_moves_is_paid_for_where_it_goes(play):
    """N6: a gateway that is away; a text that it refused for now goes over another, dearer one."""

    async def story(shop: Shop) -> None:
        await _priced(shop)
        async with db.transaction(shop.runtime.pool) as tx:
            other = await gateways.create(
                tx, store_id=shop.store.id, kind="sandbox", channel="sms", name="Other",
                settings={}, secrets=b"", now=shop.at, rank=200,
            )  # fmt: skip
            lines = [Price("375", Decimal("0.20"))]
            await prices.replace(tx, shop.store.id, other, "EUR", lines, 7, shop.at)
        await shop.hear(order())
        await shop.answer()
        (taken,) = await take(shop)
        await settle(shop, Settled(taken.message_id, "retry", "busy", retry_at=shop.at))
        async with db.transaction(shop.runtime.pool) as tx:
            await gateways.say_state(tx, shop.sms, "lost", "", shop.at)
        async with db.transaction(shop.runtime.pool) as tx:
            ways = await routes.load(tx, shop.store, shop.later(minutes=5))
            bucket = bucket_of_id(taken.message_id)
            assert await routes.move(tx, shop.store, bucket, shop.sms, ways, shop.at) == 1
        assert await _spent(shop) == 0
        (taken,) = await take(shop, gateway=other)
        assert await _spent(shop) == int(Decimal("0.20") * taken.parts * 1_000_000)

    play(story)


def test_a_text_that_kills_whoever_says_it_comes_to_an_end(play):
    """P11: said again where the merchant wished it, but not for ever."""

    async def story(shop: Shop) -> None:
        await shop.hear(order())
        await shop.answer()
        for life in range(messages.REPEATS_MAX + 1):
            (taken,) = await take(shop, owner=f"life {life}")
            async with db.transaction(shop.runtime.pool) as tx:
                bucket = bucket_of_id(taken.message_id)
                await messages.find_lost(
                    tx, shop.store, bucket, shop.sms, "next", shop.at, repeat=("service",)
                )
        assert (await only(shop))["state"] == "unknown"
        assert not await take(shop)

    play(story)


def test_what_has_its_outcome_is_not_dropped_for_being_late(play):
    """P4: its late answer came while it waited to be said again."""

    async def story(shop: Shop) -> None:
        await shop.hear(order())
        await shop.answer()
        (taken,) = await take(shop)
        bucket = bucket_of_id(taken.message_id)
        async with db.transaction(shop.runtime.pool) as tx:
            await messages.find_lost(
                tx, shop.store, bucket, shop.sms, "next", shop.at, repeat=("service",)
            )
        await settle(shop, Settled(taken.message_id, "sent", "", ("a", "b")))
        shop.later(days=9)
        async with db.transaction(shop.runtime.pool) as tx:
            assert await outbox.drop_late(tx, shop.store, bucket, shop.at) == 0
        assert (await only(shop))["state"] == "sent"
        assert await _places(shop) == {taken.message_id: []}

    play(story)
