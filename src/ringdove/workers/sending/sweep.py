"""Drops messages whose time is over while nobody could take them (P4).

take() drops what is late when it is due; a gateway that is away, paused or removed takes nothing.
Once a minute this looks for what is past its time all the same, so that no text says "waiting" for
ever; so does what a killed process left under its mark at a gateway that nobody speaks for any
more. Packets that were kept for long enough are deleted. It never touches what is being submitted.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

import structlog

from ringdove.kit import db
from ringdove.records.sending import gateways, messages, outbox, receipts, wire
from ringdove.records.store import stores
from ringdove.runtime import Runtime

log = structlog.get_logger(__name__)

EVERY_S = 60.0
ORPHANED_FOR: Final = timedelta(
    minutes=6
)  # longer than a last writing lasts (workers/sending/ear.py)
FORGET_EVERY = 10  # minutes


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Sweeps each minute until told to stop."""
    minute = 0
    while not stop.is_set():
        for work in (sweep, give_up, take_over, rematch):
            await _tried(work, runtime)
        if minute % FORGET_EVERY == 0:
            await _tried(forget, runtime)
        minute += 1
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY_S)


async def _tried(work: Callable[[Runtime], Awaitable[Any]], runtime: Runtime) -> None:
    """What fails holds up nothing else; it is tried again in a minute."""
    try:
        await work(runtime)
    except Exception:
        log.exception("sweep.failed", work=work.__name__)


async def sweep(runtime: Runtime) -> int:
    """Drops all that is late; how many. Any number of processes may do it at once."""
    now, dropped = runtime.clock(), 0
    async with db.transaction(runtime.pool) as tx:
        places = await outbox.overdue(tx, now)
        by_id = {store.id: store for store in await stores.every(tx)} if places else {}
    for place in places:
        store, bucket = by_id[place["store_id"]], place["bucket"]
        async with db.transaction(runtime.pool) as tx:
            dropped += await outbox.drop_late(tx, store, bucket, now)
    if dropped:
        log.info("sweep.dropped_late", messages=dropped)
    return dropped


async def give_up(runtime: Runtime) -> int:
    """What a process left half said over a gateway that nobody holds has an unknown outcome; how
    many messages. Whoever lost his lease may still be writing what he heard, so late."""
    now, found = runtime.clock(), 0
    before = now - ORPHANED_FOR
    async with db.transaction(runtime.pool) as tx:
        places = await messages.orphaned(tx, before, now)
        by_id = {store.id: store for store in await stores.every(tx)} if places else {}
    for place in places:
        store, bind = by_id[place["store_id"]], place["bind"]
        where = (place["bucket"], place["gateway_id"])
        async with db.transaction(runtime.pool) as tx:
            found += await messages.find_lost(
                tx, store, *where, "", now, binds=(bind, bind), before=before
            )
    if found:
        log.info("sweep.given_up", messages=found)
    return found


async def take_over(runtime: Runtime) -> int:
    """What waits for a gateway that is removed goes over another one; how many messages."""
    moved = 0
    async with db.transaction(runtime.pool) as tx:
        places = await gateways.left_behind(tx)
        by_id = {store.id: store for store in await stores.every(tx)} if places else {}
    for store_id, channel in places:
        async with db.transaction(runtime.pool) as tx:
            moved += await gateways.take_over(tx, by_id[store_id], channel)
            await db.notify(tx, "outbox")
    return moved


async def rematch(runtime: Runtime) -> None:
    """Gives receipts that were kept without a message to the message that has become known."""
    now = runtime.clock()
    async with db.transaction(runtime.pool) as tx:
        every = await stores.every(tx)
    for store in every:
        async with db.transaction(runtime.pool) as tx:
            for gateway_id, told in (await receipts.take_unmatched(tx, store, now)).items():
                await messages.write(tx, store, gateway_id, [], told, now)


async def forget(runtime: Runtime) -> int:
    """Deletes packets that were kept for long enough, in small batches; how many."""
    now, forgotten = runtime.clock(), 0
    async with db.transaction(runtime.pool) as tx:
        every = await stores.every(tx)
    for store in every:
        async with db.transaction(runtime.pool) as tx:
            for bucket in stores.buckets(store):
                forgotten += await wire.forget(tx, store, bucket, now)
    return forgotten
