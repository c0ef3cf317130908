"""Makes people findable who came by COPY, a step at a time (records/search_fill.py).

It looks every few seconds, so a list that was imported is found a moment after it is there. Several
processes may do it at once: a bucket is taken by one of them for a step.
"""

import asyncio
from contextlib import suppress
from typing import Final

from ringdove.kit import db
from ringdove.records import search_fill, stores
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime

LOOK_EVERY_S: Final = 10.0


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Works until told to stop."""
    while not stop.is_set():
        async with db.transaction(runtime.pool) as tx:
            every = await stores.every(tx)
        for store in every:
            await fill(runtime, store, stop)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)


async def fill(runtime: Runtime, store: Store, stop: asyncio.Event | None = None) -> int:
    """Goes on until everybody of this store can be found; how many steps."""
    steps = 0
    while not (stop and stop.is_set()):
        more = await db.retried(runtime.pool, lambda tx: search_fill.step(tx, store))
        if not more:
            break
        steps += 1
    return steps
