"""P1, P3, P8: two things in the same moment, on real connections, thousands of times.

Whoever takes a message looks, in the transaction that takes it, whether it may still be said; that
this look cannot be wrong is what is tried here. Each race must have been won by both sides, else
it was none.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records.sending import messages
from ringdove.rules import facts
from ringdove.workers import react
from tests.flows.conftest import Shop, order, paid, text
from tests.flows.test_stop import _queue_offer

pytestmark = pytest.mark.slow

Play = Callable[..., None]
AT_ONCE = 20  # people whose race is run at the same moment


async def take_and_look(shop: Shop, look: str, wrong: list[Any]) -> None:
    """Takes what is due as a gateway's worker does; `look` finds, in the same transaction, what
    must not have been taken."""
    due = "SELECT DISTINCT bucket FROM outbox WHERE due_at <= %(now)s"
    for row in await shop.rows(due, now=shop.at):
        async with db.transaction(shop.runtime.pool) as tx:
            some = await messages.take(tx, shop.store, row["bucket"], shop.sms, shop.at, "me")
            ids = [message.message_id for message in some]
            cursor = await tx.execute(look, {"ids": ids})  # type: ignore[arg-type]
            wrong += await cursor.fetchall()


async def race(
    shop: Shop, look: str, wrong: list[Any], chance: random.Random, *told: facts.Fact
) -> None:
    """Two workers answer what was heard while two others take what is due; `told` is heard
    meanwhile."""

    async def begin(work: Coroutine[Any, Any, Any], within_s: float) -> None:
        await asyncio.sleep(chance.uniform(0, within_s))
        await work

    await asyncio.gather(
        *(begin(shop.hear(*told[start::4]), 0.06) for start in range(4 if told else 0)),
        begin(react.answer_due(shop.runtime), 0.06 if told else 0.004),
        begin(react.answer_due(shop.runtime), 0.06 if told else 0.004),
        begin(take_and_look(shop, look, wrong), 0.03),
        begin(take_and_look(shop, look, wrong), 0.03),
    )


async def spread_due_times(shop: Shop, waves: int) -> None:
    """One wave of messages becomes due with every second from now on."""
    await shop.rows(
        """UPDATE outbox o SET due_at = %(now)s::timestamptz + make_interval(secs => n.wave + 1)
           FROM (SELECT message_id, (row_number() OVER (ORDER BY message_id) - 1) / %(size)s AS wave
                 FROM outbox) n
           WHERE o.message_id = n.message_id RETURNING 1""",
        now=shop.at, size=AT_ONCE,
    )  # fmt: skip


def person(n: int) -> dict[str, str]:
    return {"phone": f"+3752911{n:05}", "name": f"P {n}", "country": "BY"}


REMINDED_AND_PAID = """
SELECT m.id FROM message m JOIN purchase_order o ON o.id = m.order_id
WHERE m.id = ANY(%(ids)s) AND m.recipe = 'order_unpaid' AND o.paid_at IS NOT NULL
"""


@pytest.mark.parametrize("span", [1, 128])
def test_a_reminder_never_leaves_after_the_payment(play: Play, span: int) -> None:
    """P3: 1,000 orders paid in the moment in which their reminder is due, in either shape."""
    waves = 50

    async def story(shop: Shop) -> None:
        chance, wrong = random.Random(span), list[Any]()
        count = waves * AT_ONCE
        for start in range(0, count, 250):
            await shop.hear(*(
                order(f"{n:05}", customer=person(n), payment_due=True)
                for n in range(start, start + 250)
            ))  # fmt: skip
        await shop.answer()
        await shop.rows("WITH gone AS (DELETE FROM outbox) SELECT 1")
        shop.later(hours=3)
        await shop.answer()
        reminders = await shop.rows(
            """SELECT o.key FROM message m JOIN purchase_order o ON o.id = m.order_id
               WHERE m.recipe = 'order_unpaid' AND m.state = 'waiting' ORDER BY m.id"""
        )
        assert len(reminders) == count
        await spread_due_times(shop, waves)
        for wave in range(waves):
            keys = [row["key"] for row in reminders[wave * AT_ONCE : (wave + 1) * AT_ONCE]]
            shop.later(seconds=1)
            money = [paid(key, at=shop.at) for key in keys]
            await race(shop, REMINDED_AND_PAID, wrong, chance, *money)
        shop.later(seconds=5)  # what waits for an answer to money is asked again (P3)
        await shop.answer()
        await take_and_look(shop, REMINDED_AND_PAID, wrong)
        assert not wrong
        ends = await shop.rows(
            """SELECT m.state, m.reason, s.id IS NOT NULL AS taken, count(*) AS n
               FROM message m LEFT JOIN submission s ON m.id = ANY(s.message_ids)
               WHERE m.recipe = 'order_unpaid' GROUP BY 1, 2, 3"""
        )
        found = {(row["state"], row["reason"], row["taken"]): row["n"] for row in ends}
        taken = found.pop(("waiting", "", True))
        assert found == {("dropped", "paid", False): count - taken}
        assert count * 0.03 < taken < count * 0.97, f"no race: {taken} of {count} were taken first"

    play(story, span=span)


OFFERED_AND_STOPPED = """
SELECT m.id FROM message m JOIN contact c ON c.id = m.contact_id
WHERE m.id = ANY(%(ids)s) AND m.class = 'marketing' AND c.marketing <> 'in'
"""


def test_an_offer_never_leaves_after_a_stop(play: Play) -> None:
    """P1: 1,000 people write STOP in the moment in which their offer is due."""
    waves = 50

    async def story(shop: Shop) -> None:
        chance, wrong = random.Random(1), list[Any]()
        count = waves * AT_ONCE
        consent = {"marketing": True, "words": "Yes, offers.", "language": "en"}
        for start in range(0, count, 200):
            await shop.hear(*(
                order(f"{n:05}", customer=person(n), consent=consent)
                for n in range(start, start + 200)
            ))  # fmt: skip
        await shop.answer()
        await shop.rows("WITH gone AS (DELETE FROM outbox) SELECT 1")
        people = await shop.rows("SELECT * FROM contact ORDER BY id")
        for one in people:
            await _queue_offer(shop, one)
        await shop.rows("UPDATE outbox SET window_until = now() + interval '9 years' RETURNING 1")
        await spread_due_times(shop, waves)
        for wave in range(waves):
            some = people[wave * AT_ONCE : (wave + 1) * AT_ONCE]
            shop.later(seconds=1)

            said = [text("STOP", sender=one["phone"], at=shop.at) for one in some]
            await shop.hear(*(
                stop.model_copy(update={"id": f"stop/{stop.sender}"}) for stop in said
            ))  # fmt: skip
            await race(shop, OFFERED_AND_STOPPED, wrong, chance)
        shop.later(seconds=5)
        await shop.answer()
        assert not wrong
        offers = await shop.rows(
            """SELECT m.state, m.reason, count(*) AS n FROM message m
               WHERE m.class = 'marketing' GROUP BY 1, 2"""
        )
        dropped = sum(row["n"] for row in offers if row["state"] == "dropped")
        left = await shop.rows("SELECT FROM outbox WHERE class = 'marketing' LIMIT 1")
        assert not left and 0 < dropped < count
        (row,) = await shop.rows("SELECT count(*) AS n FROM contact WHERE marketing = 'out'")
        assert row["n"] == count
        confirmations = await shop.rows(
            "SELECT contact_id FROM message WHERE topic = 'stop_confirmation'"
        )
        assert len(confirmations) == len({row["contact_id"] for row in confirmations}) == count

    play(story)


@pytest.mark.parametrize("span", [1, 128])
def test_several_workers_on_one_queue_answer_each_fact_once(play: Play, span: int) -> None:
    """P8: four workers, 1,500 facts of 500 orders told out of order and twice."""

    async def story(shop: Shop) -> None:
        chance = random.Random(7)
        told = []
        for n in range(500):
            key = f"{n:05}"
            # Several orders of one person: batches meet over the same contact.
            told += [order(key, customer=person(n // 3)), paid(key)]
        chance.shuffle(told)
        for start in range(0, len(told), 50):
            some = told[start : start + 50]
            await asyncio.gather(shop.hear(*some), shop.hear(*reversed(some)))
        assert len(await shop.rows("SELECT FROM fact")) == len(told)
        for _ in range(3):
            await asyncio.gather(*(react.answer_due(shop.runtime) for _ in range(4)))
            shop.later(seconds=70)
        await shop.answer()
        assert not await shop.rows("SELECT FROM pending_fact")
        (row,) = await shop.rows("SELECT sum(n) AS n FROM counter WHERE name = 'facts'")
        assert row["n"] == len(told)
        made = await shop.rows("SELECT order_id, recipe, count(*) AS n FROM message GROUP BY 1, 2")
        assert len(made) == len(told) and {row["n"] for row in made} == {1}
        (row,) = await shop.rows("SELECT sum(orders) AS n, count(*) AS people FROM contact")
        assert (row["n"], row["people"]) == (500, 167), "an order was added to its person twice"

    play(story, span=span)


def test_several_senders_on_one_queue_take_each_message_once(play: Play) -> None:
    """P5: four senders and 600 messages."""

    async def story(shop: Shop) -> None:
        for start in range(0, 600, 200):
            await shop.hear(*(
                order(f"{n:05}", customer=person(n)) for n in range(start, start + 200)
            ))  # fmt: skip
        await shop.answer()
        (row,) = await shop.rows("SELECT DISTINCT bucket FROM outbox")
        taken: list[int] = []

        async def send(name: str) -> None:
            while True:
                async with db.transaction(shop.runtime.pool) as tx:
                    some = await messages.take(
                        tx, shop.store, row["bucket"], shop.sms, shop.at, name, 7
                    )
                if not some:
                    return
                taken.extend(message.message_id for message in some)
                await asyncio.sleep(0)

        await asyncio.gather(*(send(f"sender {n}") for n in range(4)))
        await send("the last")
        assert len(taken) == len(set(taken)) == 600

    play(story)


def test_one_fact_told_at_many_doors_at_once_is_one_fact(play: Play) -> None:
    """P8: a shop that repeats a webhook before the first was answered."""

    async def story(shop: Shop) -> None:
        for n in range(40):
            told = order(f"{n}", customer=person(n))
            new = await asyncio.gather(*(shop.hear(told) for _ in range(6)))
            assert sorted(new) == [0, 0, 0, 0, 0, 1]
        await shop.answer()
        assert len(await shop.messages()) == 40

    play(story, span=128)
