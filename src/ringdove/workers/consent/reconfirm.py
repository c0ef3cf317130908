"""Asks who has been silent for long whether they still want offers; ends them without an answer.

Once in six hours, by one process at a time, only for stores whose owner chose it
(policy.reconfirm_months). People are found set by set; what follows for each is decided by
rules/consent/confirming.py as for any other fact.
"""

import asyncio
import contextlib
from datetime import datetime

import structlog

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records import leases
from ringdove.records.consent import confirming as records
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.rules.consent import confirming
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 6 * 3600.0


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Looks until told to stop."""
    while not stop.is_set():
        try:
            async with leases.leased(runtime.pool, "reconfirm", runtime.name) as lost:
                if lost is not None:
                    await look(runtime)
        except Exception:
            log.exception("reconfirm.failed")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)


async def look(runtime: Runtime) -> int:
    """One round over all stores; of how many people it told."""
    now, told = runtime.clock(), 0
    async with db.transaction(runtime.pool) as tx:
        every = await stores.every(tx)
    for store in every:
        for bucket in stores.buckets(store):
            told += await _end_unanswered(runtime, store, bucket, now)
            if store.policy.reconfirm_months:
                told += await _ask_silent(runtime, store, bucket, now)
    if told:
        log.info("reconfirm.told", people=told)
    return told


async def _ask_silent(runtime: Runtime, store: Store, bucket: int, now: datetime) -> int:
    before = now - store.policy.reconfirm_months * confirming.MONTH
    after = told = 0
    while True:
        async with db.transaction(runtime.pool) as tx:
            some = await records.silent(tx, store, bucket, before, after)
            batch = [
                facts.LongSilent(id=f"silent/{one}/{now:%Y%m}", at=now, contact=one) for one in some
            ]
            await fact_records.write(tx, store, 0, batch, now, runtime.ids)
        told += len(some)
        if len(some) < records.BATCH:
            return told
        after = some[-1]


async def _end_unanswered(runtime: Runtime, store: Store, bucket: int, now: datetime) -> int:
    sent_before = now - confirming.STILL_WITHIN
    async with db.transaction(runtime.pool) as tx:
        some = await records.unanswered(tx, store, bucket, now, sent_before)
        batch = [
            facts.LeftUnanswered(
                id=f"unanswered/{one}/{now:%Y%m%d}", at=now, contact=one, reached=reached
            )
            for one, reached in some
        ]
        await fact_records.write(tx, store, 0, batch, now, runtime.ids)
    return len(some)
