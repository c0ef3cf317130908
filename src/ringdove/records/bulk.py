"""Many rows at once by COPY: for a world made elsewhere, never for what a worker decides."""

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import AsyncConnection, sql

COPY = "COPY {table} ({columns}) FROM STDIN"
# A plan made while the tables were empty would be slow until autovacuum comes round.
ANALYZE = "ANALYZE {table}"


async def copy(
    tx: AsyncConnection[Any], table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Writes rows of a table; the values stand in the order of the columns."""
    statement = sql.SQL(COPY).format(
        table=sql.Identifier(table), columns=sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    async with tx.cursor().copy(statement) as out:
        for row in rows:
            await out.write_row(row)


async def analyze(tx: AsyncConnection[Any], tables: Iterable[str]) -> None:
    """Tells the planner what the tables hold now."""
    for table in tables:
        await tx.execute(sql.SQL(ANALYZE).format(table=sql.Identifier(table)))
