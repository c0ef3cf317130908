"""Goes through people who came by COPY, a step at a time: makes them findable here
(records/people/search_fill.py), counts them in figuring.py.

It looks every few seconds, so a list that was imported is found a moment after it is there. Several
processes may do it at once: a bucket is taken by one of them for a step.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from ringdove.kit import db
from ringdove.records.people import search_fill
from ringdove.records.people.fills import Fill
from ringdove.records.store import stores
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime

LOOK_EVERY_S: Final = 10.0


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Works until told to stop."""
    await in_every_store(runtime, stop, lambda store: fill(runtime, store, stop))


async def fill(runtime: Runtime, store: Store, stop: asyncio.Event | None = None) -> int:
    """Goes on until everybody of this store can be found; how many steps."""
    return await through(runtime, store, search_fill.FILL, stop)


async def in_every_store(
    runtime: Runtime, stop: asyncio.Event, work: Callable[[Store], Awaitable[object]]
) -> None:
    """Does it again and again for each store, until told to stop."""
    while not stop.is_set():
        async with db.transaction(runtime.pool) as tx:
            every = await stores.every(tx)
        for store in every:
            await work(store)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)


async def through(
    runtime: Runtime, store: Store, walk: Fill, stop: asyncio.Event | None = None
) -> int:
    """Goes on until the walk is at its end, or it is told to stop; how many steps."""
    steps = 0
    while not (stop and stop.is_set()):
        if not await db.retried(runtime.pool, lambda tx: walk.step(tx, store)):
            break
        steps += 1
    return steps
