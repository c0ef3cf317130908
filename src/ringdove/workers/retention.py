"""Lets go of what is past its time, and finishes erasures, whoever began them (P12).

Erasures go on at once when a bell rings, and are looked for every half minute. Once an hour each
store is gone through, bucket by bucket, in batches so small that nobody waits for them, with a rest
after each as long as the batch took. One process does it at a time; killed, the next one goes on:
every batch is a transaction, and what is left is found by looking.
"""

import asyncio
import time
from collections import Counter, defaultdict
from typing import Any, Final

import structlog

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.records import leases
from ringdove.records.friends import invitations
from ringdove.records.keeping import erasure, retention
from ringdove.records.segments import histories
from ringdove.records.store import stores
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime

log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 30.0
FORGET_EVERY_S: Final = 3_600.0
REST_S_MAX: Final = 1.0
PEOPLE_AT_ONCE: Final = 100  # erased as one: their traces are looked for in one go
MONTHS_MOST: Final = 24  # dropped in one round


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Works until told to stop."""
    forgotten_at = -FORGET_EVERY_S
    async with db.Bell(runtime.database_url, ["erasure"]) as bell:
        while not stop.is_set():
            try:
                async with leases.leased(runtime.pool, "retention", runtime.name) as lost:
                    if lost is not None:
                        await erase(runtime, stop)
                        if time.monotonic() - forgotten_at >= FORGET_EVERY_S:
                            await forget(runtime, stop)
                            forgotten_at = time.monotonic()
            except Exception:
                log.exception("retention.failed")
            await _notice_or_stop(bell, stop)


async def _notice_or_stop(bell: db.Bell, stop: asyncio.Event) -> None:
    waits = [asyncio.create_task(bell.wait(LOOK_EVERY_S)), asyncio.create_task(stop.wait())]
    _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()


async def erase(runtime: Runtime, stop: asyncio.Event | None = None) -> int:
    """Goes on with every erasure that is due, to its end or its next pause; how many steps."""
    steps, by_id = 0, {}
    while not (stop and stop.is_set()):
        async with db.transaction(runtime.pool) as tx:
            rows = await erasure.under_way(tx, runtime.clock())
            by_id = {store.id: store for store in await stores.every(tx)} if rows else {}
        done = 0
        for row in rows:
            done += await finish(runtime, by_id[row["store_id"]], row["contact_id"], stop=stop)
        steps += done
        if not done:
            break
    return steps


async def finish(
    runtime: Runtime, store: Store, contact_id: int, stop: asyncio.Event | None = None
) -> int:
    """One erasure as far as it goes now; how many steps."""
    steps = 0
    while not (stop and stop.is_set()):

        async def step(tx: db.Tx) -> bool:
            return await erasure.step(tx, store, contact_id, runtime.clock(), runtime.keyed)

        if not await db.retried(runtime.pool, step):
            break
        steps += 1
    return steps


async def forget(runtime: Runtime, stop: asyncio.Event | None = None) -> Counter[str]:
    """One round over all stores; by kind, how many rows went."""
    gone: Counter[str] = Counter()
    async with db.transaction(runtime.pool) as tx:
        every = await stores.every(tx)
    for _ in range(MONTHS_MOST):
        async with db.transaction(runtime.pool) as tx:
            name = await retention.drop_month(tx, every, runtime.clock())
        if not name:
            break
        gone["months"] += 1
        log.info("retention.month_dropped", name=name)
    for store in every:
        for bucket in stores.buckets(store):
            if stop and stop.is_set():
                return gone
            gone.update(await _bucket(runtime, store, bucket))
    if gone.total():
        log.info("retention.forgotten", **gone)
    return gone


async def _bucket(runtime: Runtime, store: Store, bucket: int) -> Counter[str]:
    gone: Counter[str] = Counter()
    for kind in (*retention.DELETED, *retention.EMPTIED):
        more = True
        while more:
            began = time.monotonic()
            async with db.transaction(runtime.pool) as tx:
                n, more = await retention.forget(tx, store, bucket, kind, runtime.clock())
            gone[kind] += n
            await _rest(began, n)
    place: tuple[int, str] | None = (0, "")
    while place:
        began = time.monotonic()
        async with db.transaction(runtime.pool) as tx:
            n, place = await retention.forget_provider_ids(
                tx, store, bucket, runtime.clock(), place
            )
        gone["receipts"] += n
        await _rest(began, n)
    gone["touches"] += await _touches(runtime, store, bucket)
    gone["people"] += await _inactive(runtime, store, bucket)
    gone["friends"] += await _friends(runtime, store, bucket)
    return gone


async def _touches(runtime: Runtime, store: Store, bucket: int) -> int:
    """Marketing texts so old that no cap and no gap asks for them."""
    gone = 0
    place: tuple[int, int] | None = (0, 0)
    while place:
        began = time.monotonic()
        async with db.transaction(runtime.pool) as tx:
            n, place = await histories.forget(tx, store, bucket, runtime.clock(), place)
        gone += n
        await _rest(began, n)
    return gone


async def _inactive(runtime: Runtime, store: Store, bucket: int) -> int:
    """People without a sign of life are erased like who asked for it."""
    erased = 0
    while True:
        now = runtime.clock()
        async with db.transaction(runtime.pool) as tx:
            rows = await retention.inactive(tx, store, bucket, now, PEOPLE_AT_ONCE)
            people = [row["id"] for row in rows]
            begun = people and await erasure.begin_inactive(tx, store, people, now, runtime.keyed)
        if not begun:
            return erased
        erased += len(begun["people"])
        await finish(runtime, store, begun["contact_id"])


async def _friends(runtime: Runtime, store: Store, bucket: int) -> int:
    """Strangers to whom a friend let us write once, and who did nothing since (R96)."""
    erased = 0
    while True:
        now, begun = runtime.clock(), list[Any]()
        async with db.transaction(runtime.pool) as tx:
            people = await invitations.forget(tx, store, bucket, now, PEOPLE_AT_ONCE)
            of_bucket: dict[int, list[int]] = defaultdict(list)
            for one in people or ():
                of_bucket[bucket_of_id(one)].append(one)
            for some in of_bucket.values():
                begun.append(await erasure.begin_inactive(tx, store, some, now, runtime.keyed))
        for row in filter(None, begun):
            erased += len(row["people"])
            await finish(runtime, store, row["contact_id"])
        if people is None:
            return erased


async def _rest(began: float, rows: int) -> None:
    """As long as the work took, so that half of the machine is always everybody else's."""
    if rows:
        await asyncio.sleep(min(time.monotonic() - began, REST_S_MAX))
