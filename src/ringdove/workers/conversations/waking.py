"""Brings back conversations that were put off until now, and tells open pages.

A look at the inbox does the same, so a page without workers shows them too. Two processes that wake
at once take different rows.
"""

import asyncio
import contextlib
from typing import Final

import structlog

from ringdove.kit import db
from ringdove.records.conversations import inbox
from ringdove.records.store import stores
from ringdove.runtime import Runtime

log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 10.0


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Looks until told to stop."""
    while not stop.is_set():
        try:
            await wake_all(runtime)
        except Exception:
            log.exception("waking.failed")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)


async def wake_all(runtime: Runtime) -> int:
    """One round; how many wait again."""
    now, woken = runtime.clock(), 0
    async with db.transaction(runtime.pool) as tx:
        due = await inbox.stores_to_wake(tx, now)
    for store_id in due:
        async with db.transaction(runtime.pool) as tx:
            if store := await stores.find(tx, store_id):
                woken += await inbox.wake(tx, store, now)
    return woken
