"""P1, P5, P6: several processes take, say, settle, hear and die on one database, all at once.

A plan made of a seed decides who does what; which of them is first is PostgreSQL's to say. Commits
lose their acknowledgement, processes end between any two steps, batches are written twice, people
stop, gateways fail over. Then it is counted: each text in one place and one state, none accepted
twice, none taken after a stop, each receipt at its own text, and money to the millionth.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, bucket_of_id, buckets_of_store
from ringdove.records import scene_rows, scenes
from ringdove.records.sending import gateways, messages, outbox, receipts, routes
from ringdove.records.sending.messages import Settled, Taken
from ringdove.records.sending.receipts import Receipt
from ringdove.rules.sending.routes import Refusal
from ringdove.workers.sending import taking
from tests.flows.conftest import NOON, Shop

pytestmark = pytest.mark.slow

TEXTS, PEOPLE, BINDS = 1_500, 300, 2
LASTS_S = 4.0
COST = Decimal("0.07")

PERSON = """
INSERT INTO contact (bucket, store_id, id, phone, marketing, created_at)
SELECT r.bucket, %(store_id)s, r.contact_id, r.phone, 'in', %(now)s
FROM jsonb_to_recordset(%(rows)s) AS r(bucket integer, contact_id bigint, phone text)
"""
TEXT = """
INSERT INTO message (bucket, store_id, id, contact_id, channel, class, topic, cause, gateway_id,
  recipient, body, parts, not_before, not_after, created_at, why, state, cost, cost_currency,
  occasion)
SELECT r.bucket, %(store_id)s, r.id, r.contact_id, 'sms', r.class, 'offers', 'campaign',
  %(gateway_id)s, r.phone, 'Hi', r.parts, %(now)s, %(now)s + r.lasts, %(now)s, '', 'waiting',
  %(cost)s * r.parts, 'EUR', 'sale'
FROM jsonb_to_recordset(%(rows)s) AS r(bucket integer, id bigint, contact_id bigint, phone text,
  class text, parts smallint, lasts interval)
"""
QUEUED = """
INSERT INTO outbox (bucket, store_id, message_id, gateway_id, contact_id, urgency, class, topic,
  due_at, window_until, not_after)
SELECT bucket, store_id, id, gateway_id, contact_id,
  CASE class WHEN 'marketing' THEN 1 ELSE 0 END, class, topic, not_before, not_after, not_after
FROM message
"""
STOP = "UPDATE contact SET marketing = 'out', service = 'out' WHERE id = %(id)s"
TAKEN_AFTER_A_STOP = """
SELECT m.id FROM message m JOIN contact c ON c.id = m.contact_id AND c.bucket = m.bucket
WHERE m.id = ANY(%(ids)s) AND c.marketing = 'out'
"""


@dataclass
class World:
    """What really happened, beside what the database believes."""

    shop: Shop
    gateways: tuple[int, int]
    chance: random.Random
    accepted: Counter[int] = field(default_factory=Counter)
    answered: dict[int, tuple[str, ...]] = field(default_factory=dict)  # surely written
    told: dict[str, str] = field(default_factory=dict)  # surely written
    to_tell: dict[int, list[Receipt]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[Any] = field(default_factory=list)
    ids: int = 0

    def provider_ids(self, parts: int) -> tuple[str, ...]:
        self.ids += parts
        return tuple(f"id-{self.ids - n}" for n in range(parts))


class Process:
    """Holds one bind of one gateway, until it is killed."""

    def __init__(self, world: World, gateway_id: int, bind: int, life: int) -> None:
        self.world, self.gateway_id, self.bind = world, gateway_id, bind
        self.owner = f"process {gateway_id}/{bind}/{life}"
        shop = world.shop
        self.taker = taking.Taker(shop.runtime, shop.store, gateway_id)
        self.buckets = buckets_of_store(shop.store.bucket_base, shop.store.bucket_span)
        self.late: list[Settled] = []

    async def live(self) -> None:
        shop, chance = self.world.shop, self.world.chance
        for bucket in self.buckets:

            async def find(tx: db.Tx, bucket: int = bucket) -> None:
                await messages.find_lost(
                    tx, shop.store, bucket, self.gateway_id, self.owner, shop.at,
                    binds=(self.bind, self.bind),
                )  # fmt: skip

            await db.retried(shop.runtime.pool, find)
        while True:
            bucket, most = chance.choice(self.buckets), chance.randint(1, 60)
            taken, _ = await self.taker.take(bucket, self.owner, most, bind=self.bind)
            settled = [result for one in taken for result in self.say(one)]
            if chance.random() < 0.3:  # receipts are here before the answer
                await self.write([], self.heard())
            await self.write(settled, self.heard())
            if chance.random() < 0.2:
                await self.write(self.late, [])  # once more, long after
            self.late = settled or self.late
            await asyncio.sleep(chance.uniform(0, 0.01))

    def say(self, one: Taken) -> list[Settled]:
        world, chance = self.world, self.world.chance.random()
        if chance < 0.12:
            return [Settled(one.message_id, "retry", retry_at=world.shop.at, mark=one.mark)]
        if chance < 0.25:
            again = "later" if chance < 0.2 else "permanent"
            refusal = Refusal("busy", again, one.attempts)  # type: ignore[arg-type]
            state = "retry" if again == "later" else "failed"
            return [
                Settled(one.message_id, state, "busy", retry_at=world.shop.at, refused=refusal,
                        mark=one.mark)
            ]  # fmt: skip
        world.accepted[one.message_id] += 1
        ids = world.provider_ids(one.parts)
        for provider_id in ids:
            state = "failed" if world.chance.random() < 0.1 else "delivered"
            world.to_tell[self.gateway_id] += [Receipt(provider_id, state)] * 2
        if chance < 0.3:
            return [Settled(one.message_id, "unknown", "no_answer")]
        return [Settled(one.message_id, "sent", "", ids)]

    def heard(self) -> list[Receipt]:
        waiting = self.world.to_tell[self.gateway_id]
        self.world.chance.shuffle(waiting)
        return [waiting.pop() for _ in range(min(len(waiting), 20))]

    async def write(self, settled: list[Settled], told: list[Receipt]) -> None:
        shop = self.world.shop
        if not (settled or told):
            return
        try:
            await db.retried(
                shop.runtime.pool,
                lambda tx: messages.write(tx, shop.store, self.gateway_id, settled, told, shop.at),
            )
        except BaseException:
            self.world.to_tell[self.gateway_id] += told  # not acknowledged: they are told again
            raise
        self.world.answered |= {s.message_id: s.provider_ids for s in settled if s.provider_ids}
        self.world.told |= {one.provider_id: one.state for one in told}


async def bind_for_ever(world: World, gateway_id: int, bind: int) -> None:
    """A process after the other; each is killed wherever it is just now."""
    for life in range(1_000):
        process = asyncio.create_task(Process(world, gateway_id, bind, life).live())
        try:
            await asyncio.wait([process], timeout=world.chance.uniform(0.2, 1.5))
        finally:
            process.cancel()
            (error,) = await asyncio.gather(process, return_exceptions=True)
            if not isinstance(error, asyncio.CancelledError):
                world.wrong.append(error)


async def people_stop(world: World, people: list[int]) -> None:
    """As an answered STOP does: the person locked, the consent, what is queued taken back."""
    shop = world.shop
    for contact_id in people:
        bucket = bucket_of_id(contact_id)
        given = {"bucket": bucket, "store_id": shop.store.id}

        async def stop(tx: db.Tx, contact_id: int = contact_id, given: Any = given) -> None:
            ids = db.document([contact_id])
            await tx.execute(scenes.LOCK_CONTACTS, given | {"ids": ids})
            await tx.execute(STOP, {"id": contact_id})
            classes = Jsonb(["marketing", "service"])
            await tx.execute(scene_rows.CANCEL, given | {
                "topic": "",
                "contact_id": contact_id, "classes": classes, "reason": "stopped", "at": shop.at,
            })  # fmt: skip

        await db.retried(shop.runtime.pool, stop)
        await asyncio.sleep(world.chance.uniform(0, 0.03))


async def time_passes(world: World) -> None:
    """Late texts are swept, receipts find their texts, and one gateway seems to be away."""
    shop, pool = world.shop, world.shop.runtime.pool
    while True:
        shop.later(seconds=1)
        for bucket in buckets_of_store(shop.store.bucket_base, shop.store.bucket_span):
            await db.retried(
                pool, lambda tx, bucket=bucket: outbox.drop_late(tx, shop.store, bucket, shop.at)
            )
        await rematch(world)
        async with db.transaction(pool) as tx:
            ways = await routes.load(tx, shop.store)
        bucket = world.chance.choice(
            buckets_of_store(shop.store.bucket_base, shop.store.bucket_span)
        )
        away = world.chance.choice(world.gateways)
        await db.retried(
            pool,
            lambda tx, b=bucket, g=away, w=ways: routes.move(tx, shop.store, b, g, w, shop.at),
        )
        await asyncio.sleep(0.02)


async def rematch(world: World) -> None:
    shop = world.shop

    async def work(tx: db.Tx) -> None:
        found = await receipts.take_unmatched(tx, shop.store, shop.at)
        for gateway_id, told in found.items():
            await messages.write(tx, shop.store, gateway_id, [], told, shop.at)

    await db.retried(shop.runtime.pool, work)


def _unreliable(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some commits are done, and nobody hears of it; whoever takes is looked at."""
    real, take_on = db.transaction, outbox.take_on

    @asynccontextmanager
    async def transaction(pool: Any) -> AsyncIterator[Any]:
        async with real(pool) as tx:
            yield tx
        if world.chance.random() < 0.04:
            raise psycopg.OperationalError("the connection is lost")

    async def looked_at(tx: db.Tx, *args: Any, **more: Any) -> Any:
        taken, onwards = await take_on(tx, *args, **more)
        await asyncio.sleep(world.chance.uniform(0, 0.003))
        ids = [one.message_id for one in taken]
        world.wrong += await (await tx.execute(TAKEN_AFTER_A_STOP, {"ids": ids})).fetchall()
        return taken, onwards

    monkeypatch.setattr(db, "transaction", transaction)
    monkeypatch.setattr(outbox, "take_on", looked_at)


async def _prepare(shop: Shop, chance: random.Random) -> tuple[World, list[int]]:
    ids, store, rows, people = shop.runtime.ids, shop.store, [], []
    for n in range(PEOPLE):
        phone = f"+3752911{n:05}"
        bucket = bucket_of(store.bucket_base, store.bucket_span, f"phone/{phone}")
        people.append({"bucket": bucket, "contact_id": ids.make(bucket), "phone": phone})
    for n in range(TEXTS):
        one = people[n % PEOPLE]
        rows.append(one | {
            "id": ids.make(one["bucket"]), "class": chance.choice(["service", "marketing"]),
            "parts": chance.choice([1, 1, 2, 3]), "lasts": chance.choice(["5 hours", "60 s"]),
        })  # fmt: skip
    given = {"store_id": store.id, "gateway_id": shop.sms, "now": NOON, "cost": COST}
    async with db.transaction(shop.runtime.pool) as tx:
        other = await gateways.create(
            tx, store_id=store.id, kind="sandbox", channel="sms", name="Other", settings={},
            secrets=b"", now=NOON, rank=200,
        )  # fmt: skip
        await tx.execute(PERSON, given | {"rows": Jsonb(people)})
        await tx.execute(TEXT, given | {"rows": Jsonb(rows)})
        await tx.execute(QUEUED)
    stops = chance.sample([one["contact_id"] for one in people], PEOPLE // 2)
    return World(shop, (shop.sms, other), chance), stops


@pytest.mark.parametrize(("span", "seed"), [(1, 1), (4, 2)])
def test_whatever_happens_each_text_is_in_one_place_and_said_once(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch, span: int, seed: int
) -> None:
    monkeypatch.setattr(db, "ATTEMPTS_MAX", 30)
    monkeypatch.setattr(messages.failover.routes.prices, "of_store", _no_prices)

    async def story(shop: Shop) -> None:
        world, stops = await _prepare(shop, random.Random(seed))
        _unreliable(world, monkeypatch)
        lives = [
            asyncio.create_task(bind_for_ever(world, gateway_id, bind))
            for gateway_id in world.gateways
            for bind in range(BINDS)
        ]
        lives += [asyncio.create_task(some) for some in (
            people_stop(world, stops), _again_and_again(time_passes, world),
        )]  # fmt: skip
        await asyncio.sleep(LASTS_S)
        for one in lives:
            one.cancel()
        ended = await asyncio.gather(*lives, return_exceptions=True)
        monkeypatch.undo()
        assert not [e for e in ended if isinstance(e, Exception)]
        assert not world.wrong
        await _tidy(world)
        await _judge(world)

    play(story, span=span)


async def _again_and_again(work: Callable[[World], Any], world: World) -> None:
    while True:
        with suppress(psycopg.OperationalError):  # of what is not asked again by itself
            await work(world)


async def _no_prices(tx: db.Tx, store_id: int) -> dict[int, Any]:
    return {}


async def _tidy(world: World) -> None:
    """Whoever comes next finds what was lost, and hears what was not told yet."""
    shop = world.shop
    for gateway_id in world.gateways:
        for bucket in buckets_of_store(shop.store.bucket_base, shop.store.bucket_span):
            async with db.transaction(shop.runtime.pool) as tx:
                await messages.find_lost(tx, shop.store, bucket, gateway_id, "the last", shop.at)
        told = world.to_tell[gateway_id]
        async with db.transaction(shop.runtime.pool) as tx:
            await messages.write(tx, shop.store, gateway_id, [], told, shop.at)
        world.told |= {one.provider_id: one.state for one in told}
    await rematch(world)


async def _judge(world: World) -> None:
    shop = world.shop
    made = {m["id"]: m for m in await shop.messages()}
    assert not await shop.rows("SELECT FROM submission")
    queued = {row["message_id"] for row in await shop.rows("SELECT message_id FROM outbox")}
    assert queued == {key for key, m in made.items() if m["state"] == "waiting"}
    assert set(world.accepted.values()) == {1}, "a text was accepted twice"
    states = Counter(m["state"] for m in made.values())
    assert states["delivered"] > 50 and states["unknown"] > 5 and states["dropped"] > 5, states
    for key, m in made.items():
        if key not in world.accepted:
            assert m["state"] not in ("sent", "delivered") and not m["parts_delivered"], m
        else:
            assert m["state"] not in ("waiting", "dropped"), m
        ids = world.answered.get(key, ())
        heard = [world.told.get(one, "") for one in ids]
        if "failed" in heard:
            assert m["state"] == "failed", m  # P6
        elif ids and all(heard):
            assert m["state"] == "delivered" and m["parts_delivered"] == len(ids), m
        elif ids:
            assert m["state"] == "sent", m
    await _judge_money(world, made)


async def _judge_money(world: World, made: dict[int, dict[str, Any]]) -> None:
    """What was said, or may have been; what waits for another attempt was counted with its first.
    A cost that changed with the gateway would be counted as the new one."""
    (row,) = await world.shop.rows("SELECT coalesce(sum(micros), 0)::bigint AS n FROM spending")
    counted = [
        m for key, m in made.items()
        if m["state"] in ("sent", "delivered", "unknown") or key in world.accepted
        or (m["state"] in ("waiting", "dropped") and m["attempts"] > 0)
    ]  # fmt: skip
    assert row["n"] == sum(int((m["cost"] or 0) * 1_000_000) for m in counted)
    assert timedelta(0) < world.shop.at - NOON
