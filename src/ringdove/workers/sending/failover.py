"""Gives what waits for a gateway that has been away for too long to the next one in its order.

Only what waits is moved (records/sending/routes.move): what was taken for sending may be on a wire
and is never said twice (P5). When the better gateway is back, new texts go over it again; those
that were moved stay where they are, since they are on their way.
"""

import asyncio
import contextlib
from datetime import timedelta

import structlog

from ringdove.kit import db
from ringdove.records.sending import routes
from ringdove.records.store import stores
from ringdove.runtime import Runtime

log = structlog.get_logger(__name__)

EVERY_S = 10.0


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Looks every few seconds until told to stop."""
    while not stop.is_set():
        await reroute(runtime)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY_S)


async def reroute(runtime: Runtime) -> int:
    """Moves what can be moved; how many texts. Any number of processes may do it at once: a text is
    moved by whoever locks its row first."""
    now, moved = runtime.clock(), 0
    down_before = now - timedelta(seconds=runtime.settings.reroute_after_s)
    async with db.transaction(runtime.pool) as tx:
        away = await routes.down(tx, down_before)
        found = [store for store in await stores.every(tx) if store.id in away] if away else []
    for store in found:
        async with db.transaction(runtime.pool) as tx:
            ways = await routes.load(tx, store, down_before)
        if all(one.is_down or one.is_paused for one in ways.gateways):
            continue  # there is nowhere to go
        for gateway_id in away[store.id]:
            for bucket in stores.buckets(store):
                async with db.transaction(runtime.pool) as tx:
                    moved += await routes.move(tx, store, bucket, gateway_id, ways, now)
    if moved:
        log.info("failover.rerouted", messages=moved)
    return moved
