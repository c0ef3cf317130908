"""The slot that makes the ids of this process differ from those of every other (kit/buckets.Ids).

64 processes can make ids at the same time. A slot is leased for an hour and renewed each ten
minutes; a process that sleeps longer takes a fresh slot when it wakes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool

from ringdove.kit.buckets import SLOTS, Ids

log = structlog.get_logger()

LEASE = timedelta(hours=1)
RENEW_EVERY_S = 600.0
AGAIN_S = 15.0

TAKE = """
UPDATE process_slot SET owner = %(owner)s, until = %(until)s
WHERE slot = (SELECT slot FROM process_slot WHERE until < %(now)s OR owner = %(owner)s
              ORDER BY owner = %(owner)s DESC, until LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING slot
"""
# A slot comes free a second after it was given back, so that no id of the last millisecond returns.
GIVE_BACK = "UPDATE process_slot SET owner = '', until = %(until)s WHERE owner = %(owner)s"


class NoSlotFree(RuntimeError):
    """Too many processes at once."""

    def __init__(self) -> None:
        super().__init__(f"{SLOTS} Ringdove processes run already: end some, or wait an hour.")


@asynccontextmanager
async def leased(pool: AsyncConnectionPool[Any], owner: str) -> AsyncIterator[Ids]:
    """An id maker whose slot nobody else has."""
    ids = Ids(await _take(pool, owner))
    keeper = asyncio.create_task(_keep(pool, owner, ids))
    try:
        yield ids
    finally:
        keeper.cancel()
        async with pool.connection() as tx:
            until = datetime.now(UTC) + timedelta(seconds=1)
            await tx.execute(GIVE_BACK, {"owner": owner, "until": until})


async def _take(pool: AsyncConnectionPool[Any], owner: str) -> int:
    now = datetime.now(UTC)
    async with pool.connection() as tx:
        cursor = await tx.execute(TAKE, {"owner": owner, "now": now, "until": now + LEASE})
        row = await cursor.fetchone()
    if row is None:
        raise NoSlotFree
    return int(row["slot"])


async def _keep(pool: AsyncConnectionPool[Any], owner: str, ids: Ids) -> None:
    pause_s = RENEW_EVERY_S
    while True:
        await asyncio.sleep(pause_s)
        pause_s = RENEW_EVERY_S
        try:
            ids.move_to(await _take(pool, owner))
        except (psycopg.Error, NoSlotFree) as error:
            # Never given up: after an hour the slot would be another's while we still use it.
            log.warning("slots.not_renewed", error=type(error).__name__)
            pause_s = AGAIN_S
