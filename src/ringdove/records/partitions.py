"""Monthly partitions of the tables that are split by time: made before they are needed.

An id carries its time, so a month is a range of ids. What falls outside every month that exists
lies in the default partition; once rows of a month are there, that month stays there, since moving
them would stop everybody who writes.

It must never run in a request: making a partition takes a lock on the whole table.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from psycopg import AsyncConnection, sql

from ringdove.kit.buckets import id_floor

MONTHS_AHEAD = 2
FILLFACTORS = {"message": 50, "visit": 100}  # as the default partitions in schema.sql have them

EXISTING = """
SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = to_regclass(%(table)s)
"""
# Over all buckets on purpose: the default partition must hold no row of the month, of anybody.
IN_DEFAULT = """
SELECT EXISTS (SELECT FROM {rest} WHERE id >= %(first)s AND id < %(after)s) AS found
"""
MAKE = """
CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ({first}) TO ({after})
WITH (fillfactor = {fillfactor})
"""


async def ensure(tx: AsyncConnection[Any], now: datetime, months_before: int = 0) -> list[str]:
    """Makes the partitions of this month and the next, and of months past when asked; the names of
    those that are new."""
    made = []
    for table in FILLFACTORS:
        cursor = await tx.execute(EXISTING, {"table": table})
        known = {row["name"] for row in await cursor.fetchall()}
        for first, after in months(now, months_before, MONTHS_AHEAD):
            name = f"{table}_{first:%Y_%m}"
            if name not in known and not await _is_late(tx, table, first, after):
                await tx.execute(_make(table, name, first, after))
                made.append(name)
    return made


def months(now: datetime, before: int, ahead: int) -> Iterator[tuple[datetime, datetime]]:
    """The months around now, each as its first moment and that of the next one (UTC)."""
    count = now.year * 12 + now.month - 1
    for month in range(count - before, count + ahead + 1):
        yield _first_of(month), _first_of(month + 1)


def _first_of(month: int) -> datetime:
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)


async def _is_late(tx: AsyncConnection[Any], table: str, first: datetime, after: datetime) -> bool:
    statement = sql.SQL(IN_DEFAULT).format(rest=sql.Identifier(f"{table}_rest"))
    span = {"first": id_floor(first), "after": id_floor(after)}
    row = await (await tx.execute(statement, span)).fetchone()
    return bool(row and row["found"])


def _make(table: str, name: str, first: datetime, after: datetime) -> sql.Composed:
    return sql.SQL(MAKE).format(
        name=sql.Identifier(name),
        table=sql.Identifier(table),
        first=sql.Literal(id_floor(first)),
        after=sql.Literal(id_floor(after)),
        fillfactor=sql.Literal(FILLFACTORS[table]),
    )
