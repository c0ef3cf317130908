"""Closes the lists of contests whose time is over, so that their hashes are published by
themselves: whoever draws later cannot have added anybody.

Once a minute, by one process at a time; a text that was sent in time may come some minutes late.
"""

import asyncio
import contextlib

import structlog

from ringdove.kit import db
from ringdove.records import leases
from ringdove.records.contests import contests, draws
from ringdove.records.store import stores
from ringdove.rules.contests.contests import LATE_BY
from ringdove.runtime import Runtime

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 60.0


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Looks until told to stop."""
    while not stop.is_set():
        try:
            async with leases.leased(runtime.pool, "contests", runtime.name) as lost:
                if lost is not None:
                    await look(runtime)
        except Exception:
            log.exception("contests.failed")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)


async def look(runtime: Runtime) -> int:
    """One round over all stores; how many lists it closed."""
    now, closed = runtime.clock(), 0
    async with db.transaction(runtime.pool) as tx:
        ended = await contests.ended(tx, now - LATE_BY)
    for store_id, number in ended:
        async with db.transaction(runtime.pool) as tx:
            store = await stores.find(tx, store_id)
            contest = await draws.close(tx, store, number, now) if store else None
        if contest:
            closed += 1
            log.info("contest.closed", store=store_id, contest=number, entries=contest.entries)
    return closed
