"""Who does what only one process may do: a row with an owner and an end, renewed while held.

Never an advisory lock: those do not survive a pooler or a cluster. Losing a lease is said to its
holder before anybody else can take it, since renewing starts well before the end.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

LEASE_S = 15.0
RENEW_EVERY_S = 5.0

# The row is taken when it is free, ours, or past its end. Times are parameters, so that all
# processes go by the database's clock only where the caller chose so.
TAKE = """
INSERT INTO lease (name, owner, until) VALUES (%(name)s, %(owner)s, %(until)s)
ON CONFLICT (name) DO UPDATE SET owner = EXCLUDED.owner, until = EXCLUDED.until
WHERE lease.owner = EXCLUDED.owner OR lease.until < %(now)s
RETURNING name
"""
GIVE_BACK = "DELETE FROM lease WHERE name = %(name)s AND owner = %(owner)s"
DATABASE_NOW = "SELECT clock_timestamp() AS now"


async def take(tx: AsyncConnection[Any], name: str, owner: str, now: datetime) -> bool:
    """Takes or renews the lease for LEASE_S seconds; False: somebody else holds it."""
    until = now + timedelta(seconds=LEASE_S)
    cursor = await tx.execute(TAKE, {"name": name, "owner": owner, "until": until, "now": now})
    return await cursor.fetchone() is not None


async def give_back(tx: AsyncConnection[Any], name: str, owner: str) -> None:
    """Lets the next one take it at once."""
    await tx.execute(GIVE_BACK, {"name": name, "owner": owner})


HELD = """
SELECT FROM lease l WHERE l.name = %(name)s AND l.until > clock_timestamp()
"""


async def is_held(tx: AsyncConnection[Any], name: str) -> bool:
    """Whether anybody holds it now."""
    return await (await tx.execute(HELD, {"name": name})).fetchone() is not None


@asynccontextmanager
async def leased(
    pool: AsyncConnectionPool[Any], name: str, owner: str
) -> AsyncIterator[asyncio.Event | None]:
    """Holds a lease while the body runs: yields an event that is set when it was lost, or None
    when somebody else holds it."""
    if not await _renew(pool, name, owner):
        yield None
        return
    lost = asyncio.Event()
    keeper = asyncio.create_task(_keep(pool, name, owner, lost))
    try:
        yield lost
    finally:
        keeper.cancel()
        async with pool.connection() as tx:
            await give_back(tx, name, owner)


async def _renew(pool: AsyncConnectionPool[Any], name: str, owner: str) -> bool:
    async with pool.connection() as tx:
        cursor = await tx.execute(DATABASE_NOW)
        row = await cursor.fetchone()
        return await take(tx, name, owner, row["now"])


async def _keep(pool: AsyncConnectionPool[Any], name: str, owner: str, lost: asyncio.Event) -> None:
    while True:
        await asyncio.sleep(RENEW_EVERY_S)
        try:
            held = await asyncio.wait_for(_renew(pool, name, owner), RENEW_EVERY_S)
        except Exception:  # whatever it was: without a renewal nobody may go on as the holder
            held = False
        if not held:
            lost.set()
            return
