"""Facts: written once, taken by one, tried again, parked with words, and put back by a person."""

import json
from datetime import time, timedelta
from typing import Any

import pytest
from psycopg.errors import UniqueViolation

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records import scenes
from ringdove.records.store import stores
from ringdove.rules import facts
from tests.flows.conftest import NOON, Shop, order, paid


async def _pending(shop: Shop) -> list[dict]:
    return await shop.rows("SELECT * FROM pending_fact ORDER BY fact_id")


def test_the_same_id_from_the_same_connection_is_the_same_fact(play):
    """P8: told again, alone or within one batch, it changes nothing."""

    async def story(shop: Shop) -> None:
        assert await shop.hear(order(), order()) == 1
        assert await shop.hear(order(), paid()) == 1
        assert await shop.hear(order(), paid()) == 0
        assert len(await shop.rows("SELECT FROM fact")) == len(await _pending(shop)) == 2
        async with db.transaction(shop.runtime.pool) as tx:  # another shop may use the same id
            told = [order()]
            new = await fact_records.write(tx, shop.store, 2, told, NOON, shop.runtime.ids)
        assert new == 1

    play(story)


def test_a_fact_is_taken_by_one_at_a_time(play):
    """P8: while a transaction answers a bucket, another one takes nothing there, not even facts
    that are free: they may be about the same new people. A rollback gives all back."""

    async def story(shop: Shop) -> None:
        await shop.hear(order("1"), order("2"))
        pool = shop.runtime.pool
        bucket = stores.buckets(shop.store)[0]
        with pytest.raises(ZeroDivisionError):
            async with db.transaction(pool) as one, db.transaction(pool) as other:
                assert len(await fact_records.take(one, bucket, NOON, most=1)) == 1
                assert not await fact_records.take(other, bucket, NOON)
                raise ZeroDivisionError
        async with db.transaction(pool) as tx:
            taken = await fact_records.take(tx, bucket, NOON)
            assert len(taken) == 2
            await fact_records.done(tx, shop.store.id, [taken[0]["fact_id"]])
        assert len(await _pending(shop)) == 1
        assert len(await shop.rows("SELECT FROM fact")) == 2, "facts are kept"

    play(story)


def test_a_later_fact_is_not_due_before_its_time(play):
    """How automations wait."""

    async def story(shop: Shop) -> None:
        later = NOON + timedelta(hours=2)
        bucket = stores.buckets(shop.store)[0]
        async with db.transaction(shop.runtime.pool) as tx:
            told = [order(at=later)]
            await fact_records.write_later(tx, shop.store, told, NOON, shop.runtime.ids)
        async with db.transaction(shop.runtime.pool) as tx:
            assert await fact_records.due(tx, later) == [(bucket, later, 1, 0)]
            assert await fact_records.due(tx, later - timedelta(seconds=1)) == []
            assert not await fact_records.take(tx, bucket, later - timedelta(seconds=1))
            assert len(await fact_records.take(tx, bucket, later)) == 1

    play(story)


def test_what_happens_outside_goes_before_a_crowd_of_timers(play):
    """Reminders of ten o'clock do not hold up an order of one past ten; a flood of orders does not
    hold up reminders either."""

    async def story(shop: Shop) -> None:
        timers = [facts.DueCame(id=f"due/{n}", at=NOON, automation="birthday", contact=128)
                  for n in range(8)]  # fmt: skip
        pool, runtime = shop.runtime.pool, shop.runtime
        async with db.transaction(pool) as tx:
            await fact_records.write(tx, shop.store, 0, timers, NOON, runtime.ids)
            bucket = fact_records.bucket_of_fact(shop.store, timers[0])
            later = NOON + timedelta(minutes=1)
            visits = [
                facts.ConsentChanged(id=f"v{n}", at=later, contact=128, scope="service",
                                     change="in", words="yes")
                for n in range(8)
            ]  # fmt: skip
            await fact_records.write(tx, shop.store, 1, visits, later, runtime.ids)
        async with db.transaction(pool) as tx:
            taken = await fact_records.take(tx, bucket, later, most=5)
        kinds = [json.loads(row["body"])["kind"] for row in taken]
        assert kinds == ["consent.changed"] * 5 + ["automation.due"]

    play(story)


def test_a_fact_is_parked_after_its_attempts_and_a_person_can_retry_it(play):
    """P11: with its error in words; only its own store can put it back or give it up."""

    async def story(shop: Shop) -> None:
        await shop.hear(order())
        pool, bucket = shop.runtime.pool, stores.buckets(shop.store)[0]
        waits = []
        for attempt in range(1, fact_records.ATTEMPTS_MAX + 1):
            async with db.transaction(pool) as tx:
                (row,) = await fact_records.take(tx, bucket, shop.at)
                parked = await fact_records.postpone(tx, row, shop.at, "no such zone")
            assert parked == (attempt == fact_records.ATTEMPTS_MAX)
            (pending,) = await _pending(shop)
            waits.append(pending["due_at"] - shop.at)
            shop.at = pending["due_at"]
        assert waits == sorted(waits), "each pause is at least as long as the one before"
        async with db.transaction(pool) as tx:
            assert await fact_records.due(tx, shop.at + timedelta(days=9)) == []
            (seen,) = await fact_records.parked(tx, shop.store)
            assert (seen["kind"], seen["error"]) == ("order.placed", "no such zone")
            another = await stores.create(tx, _settings(), NOON)
            assert not await fact_records.parked(tx, another)
            assert not await fact_records.retry(tx, another, seen["fact_id"], shop.at)
            assert not await fact_records.give_up(tx, another, seen["fact_id"])
            assert await fact_records.retry(tx, shop.store, seen["fact_id"], shop.at)
            assert not await fact_records.retry(tx, shop.store, seen["fact_id"], shop.at)
        await shop.answer()
        assert not await _pending(shop)
        assert len(await shop.messages()) == 1

    play(story)


def _settings() -> stores.StoreSettings:
    return stores.StoreSettings("Linden 2", "BY", "Europe/Minsk", ["ru"], "BYN", time(21), time(9))


def test_what_waits_for_its_order_is_woken_by_it_and_parked_when_nobody_tells(play):
    """P8: a payment before its order is answered as soon as the order is there."""

    async def story(shop: Shop) -> None:
        await shop.hear(paid())
        await shop.answer()
        (pending,) = await _pending(shop)
        assert (pending["waits_for"], pending["parked_at"]) == ("order/42", None)
        await shop.hear(order())
        await shop.answer()
        assert not await _pending(shop)
        assert [m["recipe"] for m in await shop.messages()] == ["order_accepted", "order_paid"]

        await shop.hear(paid("43"))
        for _ in range(6):
            await shop.answer()
            shop.later(days=1)
        (pending,) = await _pending(shop)
        assert pending["parked_at"] and "order/43" in pending["error"]
        await shop.hear(order("43", at=shop.at))
        await shop.answer()
        assert not await _pending(shop), "even a parked one is woken by its order"

    play(story)


def test_a_fact_about_a_person_lives_in_that_persons_bucket(play):
    """design.md, "Bucket": what wakes an automation is beside the contact, in a wide store too."""

    async def story(shop: Shop) -> None:
        placed = [
            order(str(n), payment_due=True, customer={"phone": f"+37529111{n:04}"})
            for n in range(20)
        ]
        await shop.hear(*placed)
        await shop.answer()
        wakes = await shop.rows(
            """SELECT f.bucket AS fact_bucket, c.bucket FROM fact f
               JOIN contact c ON c.id = (f.body->>'contact')::bigint
               WHERE f.kind = 'automation.woken'"""
        )
        assert len(wakes) == 20
        assert all(row["fact_bucket"] == row["bucket"] for row in wakes)
        assert len({row["bucket"] for row in wakes}) > 5

    play(story, span=128)


@pytest.mark.slow
def test_a_fact_that_can_never_be_written_stops_nothing_but_itself(play, monkeypatch):
    """P11: no race of two batches, which another attempt cures; it clashes every time."""

    async def story(shop: Shop) -> None:
        await shop.hear(order("1"), order("2"), paid("1"))
        real = scenes.commit

        async def clash(tx: Any, scene: Any, *more: Any) -> None:
            if scene.order_of("2"):
                raise UniqueViolation("contact_ref_pkey")
            await real(tx, scene, *more)

        monkeypatch.setattr(scenes, "commit", clash)
        await shop.answer()
        assert [m["recipe"] for m in await shop.messages()] == ["order_accepted", "order_paid"]
        (stuck,) = await _pending(shop)
        assert stuck["error"] == "UniqueViolation: contact_ref_pkey"

    play(story)
