"""Counts whom nobody has counted yet (records/segments/figure_fill.py), and learns once a day how
often a store's people buy (records/segments/rhythms.py).

It looks every few seconds. Several processes may do it at once: a bucket is taken by one of them
for a step, and what two of them learn in the same moment is the same.
"""

import asyncio

from ringdove.kit import db
from ringdove.records.segments import figure_fill, rhythms
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.workers.people import finding


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Works until told to stop."""

    async def work(store: Store) -> None:
        await fill(runtime, store, stop)
        await learn(runtime, store)

    await finding.in_every_store(runtime, stop, work)


async def fill(runtime: Runtime, store: Store, stop: asyncio.Event | None = None) -> int:
    """Goes on until everybody of this store is counted; how many steps. What was learnt before
    many were counted is learnt anew."""
    steps = await finding.through(runtime, store, figure_fill.FILL, stop)
    if steps:
        await db.retried(runtime.pool, lambda tx: rhythms.learn(tx, store, runtime.clock()))
    return steps


async def learn(runtime: Runtime, store: Store) -> bool:
    """Learns the store's rhythm if that was last done a day ago; whether it did."""

    async def work(tx: db.Tx) -> bool:
        if not await rhythms.is_due(tx, store, runtime.clock()):
            return False
        await rhythms.learn(tx, store, runtime.clock())
        return True

    return await db.retried(runtime.pool, work)
