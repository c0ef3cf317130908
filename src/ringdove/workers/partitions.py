"""Keeps next month's partitions ready: at start and once a day, by one process at a time."""

import asyncio
import contextlib

import structlog

from ringdove.kit import db
from ringdove.records import leases, partitions
from ringdove.runtime import Runtime

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 24 * 3600.0
AGAIN_S = 60.0


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Makes partitions until told to stop."""
    while not stop.is_set():
        sleep_s = LOOK_EVERY_S
        try:
            async with leases.leased(runtime.pool, "partitions", runtime.name) as lost:
                if lost is not None:
                    async with db.transaction(runtime.pool) as tx:
                        made = await partitions.ensure(tx, runtime.clock())
                    if made:
                        log.info("partitions.made", names=made)
        except Exception:
            log.exception("partitions.failed")
            sleep_s = AGAIN_S
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), sleep_s)
