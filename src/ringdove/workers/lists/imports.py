"""Sees that imports are worked on: in a process of their own, so that a list of a million people
takes no time from the texts that leave meanwhile, and gives its memory back when it ends.

The process is `ringdove imports`; it ends when nothing is left to do. Killed, it is begun again by
the next look. Once an hour files that can no more be undone are forgotten.
"""

import asyncio
import contextlib
from datetime import datetime, timedelta

import structlog

from ringdove.kit import db
from ringdove.kit.children import Child
from ringdove.records.lists import imports
from ringdove.records.store import stores
from ringdove.runtime import Runtime
from ringdove.workers.lists import importing

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 5.0
FORGET_EVERY = timedelta(hours=1)


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Looks for imports that wait, until told to stop."""
    child: Child | None = None
    forgot_at: datetime | None = None
    try:
        async with db.Bell(runtime.database_url, ["imports"]) as bell:
            while not stop.is_set():
                if child and child.ended is not None:
                    child = None
                if child is None and await _are_due(runtime):
                    child = Child("imports", {"RINGDOVE_DATABASE_URL": runtime.database_url})
                    log.info("imports.begun", pid=child.pid)
                now = runtime.clock()
                if forgot_at is None or now - forgot_at > FORGET_EVERY:
                    await forget(runtime)
                    forgot_at = now
                await _rung_or_told(bell, stop)
    finally:
        if child:
            await asyncio.to_thread(child.end)


async def _are_due(runtime: Runtime) -> bool:
    async with db.transaction(runtime.pool) as tx:
        return bool(await imports.due(tx))


async def _rung_or_told(bell: db.Bell, stop: asyncio.Event) -> None:
    waits = [asyncio.create_task(bell.wait(LOOK_EVERY_S)), asyncio.create_task(stop.wait())]
    _, late = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for one in late:
        one.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await one


async def all_due(runtime: Runtime, stop: asyncio.Event) -> None:
    """What the process of its own does: all that waits, one after the other."""
    tried: set[tuple[int, int]] = set()
    while not stop.is_set():
        async with db.transaction(runtime.pool) as tx:
            due = [one for one in await imports.due(tx) if one not in tried]
        if not due:
            return
        working = asyncio.create_task(importing.work_through(runtime, *due[0]))
        ending = asyncio.create_task(stop.wait())
        await asyncio.wait([working, ending], return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not working.done():  # the chunk at hand is not written: it comes again
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working
            return
        await working
        async with db.transaction(runtime.pool) as tx:
            if due[0] in await imports.due(tx):
                tried.add(due[0])  # somebody else is at it


async def forget(runtime: Runtime) -> None:
    """Old files, of all stores."""
    async with db.transaction(runtime.pool) as tx:
        every = await stores.every(tx)
    for store in every:
        async with db.transaction(runtime.pool) as tx:
            await imports.forget_old(tx, store, stores.buckets(store), runtime.clock())
