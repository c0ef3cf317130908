"""Drops messages whose time is over while nobody could take them (P4).

take() drops what is late when it is due; a gateway that is away, paused or removed takes nothing.
Once a minute this looks for what is past its time all the same, so that no text says "waiting" for
ever. Packets that were kept for long enough are deleted. It never touches what is being submitted.
"""

import asyncio
import contextlib

import structlog

from ringdove.kit import db
from ringdove.records import messages, outbox, receipts, stores, wire
from ringdove.runtime import Runtime

log = structlog.get_logger(__name__)

EVERY_S = 60.0
FORGET_EVERY = 10  # minutes


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Sweeps each minute until told to stop."""
    minute = 0
    while not stop.is_set():
        await sweep(runtime)
        await rematch(runtime)
        if minute % FORGET_EVERY == 0:
            await forget(runtime)
        minute += 1
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY_S)


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
