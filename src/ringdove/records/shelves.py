"""Small tables of a store's things that have a page behind a token: forms, rewards. Rarely written,
numbered within their store, put away and never deleted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from psycopg import sql

from ringdove.kit.db import Tx

T = TypeVar("T")

MOST: Final = 200

ALL = sql.SQL("""
SELECT {columns} FROM {table} WHERE store_id = %(store_id)s
ORDER BY retired_at IS NOT NULL, id DESC LIMIT %(most)s
""")
ONE = sql.SQL("SELECT {columns} FROM {table} WHERE store_id = %(store_id)s AND id = %(id)s")
BY_TOKEN = sql.SQL("SELECT store_id, {columns} FROM {table} WHERE token = %(token)s")
RETIRE = sql.SQL("""
UPDATE {table} SET retired_at = %(now)s WHERE store_id = %(store_id)s AND id = %(id)s
""")
# The row of the store is locked, so that two new ones do not take one number.
LOCK = "SELECT id FROM store WHERE id = %(store_id)s FOR UPDATE"


@dataclass(frozen=True, slots=True)
class Shelf(Generic[T]):
    """One of these tables, and what a row of it is."""

    table: str
    columns: str
    read: Callable[[Mapping[str, Any]], T]

    async def of_store(self, tx: Tx, store_id: int) -> list[T]:
        """A store's, the newest first, retired ones last."""
        given = {"store_id": store_id, "most": MOST}
        rows = await (await tx.execute(self._on(ALL), given)).fetchall()
        return [self.read(row) for row in rows]

    async def find(self, tx: Tx, store_id: int, number: int) -> T | None:
        """One of them."""
        given = {"store_id": store_id, "id": number}
        row = await (await tx.execute(self._on(ONE), given)).fetchone()
        return self.read(row) if row else None

    async def by_token(self, tx: Tx, token: str) -> tuple[int, T] | None:
        """The one behind a page's address, with its store."""
        row = await (await tx.execute(self._on(BY_TOKEN), {"token": token})).fetchone()
        return (row["store_id"], self.read(row)) if row else None

    async def create(self, tx: Tx, statement: str, given: Mapping[str, Any]) -> int:
        """A new one; its number."""
        await tx.execute(LOCK, given)
        row = await (await tx.execute(statement, given)).fetchone()
        assert row is not None
        return int(row["id"])

    async def retire(self, tx: Tx, store_id: int, number: int, now: datetime) -> None:
        """Nobody comes to it any more; what it gave or took stays."""
        await tx.execute(self._on(RETIRE), {"store_id": store_id, "id": number, "now": now})

    def _on(self, statement: sql.SQL) -> sql.Composed:
        return statement.format(table=sql.Identifier(self.table), columns=sql.SQL(self.columns))
