"""Drops messages whose time is over while nobody could take them (P4).

take() drops what is late when it is due; a gateway that is away, paused or removed takes nothing.
Once a minute this looks for what is past its time all the same, so that no text says "waiting" for
ever. It never touches what is being submitted.
"""

import asyncio
import contextlib

import structlog

from ringdove.kit import db
from ringdove.records import messages, stores
from ringdove.runtime import Runtime

log = structlog.get_logger(__name__)

EVERY_S = 60.0


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Sweeps each minute until told to stop."""
    while not stop.is_set():
        await sweep(runtime)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY_S)


async def sweep(runtime: Runtime) -> int:
    """Drops all that is late; how many. Any number of processes may do it at once."""
    now, dropped = runtime.clock(), 0
    async with db.transaction(runtime.pool) as tx:
        places = await messages.overdue(tx, now)
        by_id = {store.id: store for store in await stores.every(tx)} if places else {}
    for place in places:
        store, bucket = by_id[place["store_id"]], place["bucket"]
        async with db.transaction(runtime.pool) as tx:
            dropped += await messages.drop_late(tx, store, bucket, now)
    if dropped:
        log.info("sweep.dropped_late", messages=dropped)
    return dropped
