"""Seals the consent ledger each hour, and looks at all of it each night or when a person asks (N1).

One process at a time, under a lease. A seal is made over rows of more than an hour ago only: no
transaction lasts that long, so none comes in below it.
"""

import asyncio
import contextlib
from datetime import datetime, timedelta

import structlog

from ringdove.kit import db
from ringdove.records import leases
from ringdove.records.consent import ledger
from ringdove.records.store import stores
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 60.0
SEAL_EVERY = timedelta(hours=1)
CHECK_EVERY = timedelta(days=1)


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Seals and checks until told to stop."""
    sealed_at: datetime | None = None
    while not stop.is_set():
        try:
            async with leases.leased(runtime.pool, "seal", runtime.name) as lost:
                if lost is not None:
                    now = runtime.clock()
                    if sealed_at is None or now - sealed_at >= SEAL_EVERY:
                        await seal(runtime, lost)
                        sealed_at = now
                    await check_due(runtime, lost)
        except Exception:
            log.exception("seal.failed")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)


async def seal(runtime: Runtime, lost: asyncio.Event | None = None) -> int:
    """Seals all that is old enough, of every store; how many rows."""
    now, sealed = runtime.clock(), 0
    for store in await _every(runtime):
        for bucket in stores.buckets(store):
            while not (lost and lost.is_set()):
                async with db.transaction(runtime.pool) as tx:
                    rows = await ledger.seal(tx, store, bucket, now)
                sealed += rows
                if rows < ledger.PAGE:
                    break
    if sealed:
        log.info("seal.made", rows=sealed)
    return sealed


async def check_due(runtime: Runtime, lost: asyncio.Event | None = None) -> int:
    """Looks at the ledgers that nobody looked at for a day, or that somebody asks about."""
    now, looked = runtime.clock(), 0
    for store in await _every(runtime):
        async with db.transaction(runtime.pool) as tx:
            last = await ledger.found(tx, store)
        is_fresh = last and last["checked_at"] and now - last["checked_at"] < CHECK_EVERY
        if (is_fresh and last and not last["asked_at"]) or (lost and lost.is_set()):
            continue
        await check(runtime, store)
        looked += 1
    return looked


async def check(runtime: Runtime, store: Store) -> ledger.Found:
    """Looks at one ledger now, and keeps what was found for the page and the doctor."""
    found = await ledger.check(runtime.pool, store)
    async with db.transaction(runtime.pool) as tx:
        await ledger.keep_found(tx, store, found, runtime.clock())
    if found.broken:
        log.error("ledger.broken", store=store.id, place=str(found.broken))
    return found


async def _every(runtime: Runtime) -> list[Store]:
    async with db.transaction(runtime.pool) as tx:
        return await stores.every(tx)
