"""Walks over a store's people, step by step, the newest first: what is kept of each is made for who
came by COPY (an import, a world made elsewhere, a database from before).

Each walk has a table: a row says how far a bucket has come; none: everybody there is done.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from psycopg import sql

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records.people.lookups import NO_END
from ringdove.rules.scenes import Store

STEP: Final = 2_000  # people of one transaction: 0.1 s

ASK = sql.SQL("""
INSERT INTO {table} AS f (bucket, store_id, next_before, down_to)
SELECT r.bucket, %(store_id)s, %(no_end)s, %(down_to)s
FROM jsonb_to_recordset(%(rows)s) AS r(bucket integer)
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id) DO UPDATE SET
  next_before = EXCLUDED.next_before, down_to = least(f.down_to, EXCLUDED.down_to)
""")
TAKE = sql.SQL("""
SELECT f.bucket, f.next_before, f.down_to FROM {table} f
WHERE f.bucket = ANY(%(buckets)s) AND f.store_id = %(store_id)s
ORDER BY f.next_before DESC LIMIT 1 FOR UPDATE SKIP LOCKED
""")
PEOPLE = """
SELECT c.id FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s
  AND c.id < %(next_before)s AND c.id >= %(down_to)s
ORDER BY c.id DESC LIMIT %(most)s
"""
MOVE = sql.SQL("""
UPDATE {table} f SET next_before = %(next_before)s
WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s
""")
DONE = sql.SQL("""
DELETE FROM {table} f WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s
""")
LEFT = sql.SQL("""
SELECT max(f.next_before) AS next_before FROM {table} f
WHERE f.bucket = ANY(%(buckets)s) AND f.store_id = %(store_id)s
""")

Work = Callable[[Tx, Store, int, Sequence[int]], Awaitable[None]]
"""Does what is to be done for these people of a bucket."""


@dataclass(frozen=True, slots=True)
class Fill:
    """A walk, its table and what it does."""

    table: str
    work: Work

    async def ask(self, tx: Tx, store: Store, down_to: int = 0) -> None:
        """The people of a store with this id and above are to be gone through; whoever is done
        already costs little."""
        buckets = buckets_of_store(store.bucket_base, store.bucket_span)
        rows = [{"bucket": bucket} for bucket in sorted(buckets)]
        given = {"rows": db.document(rows), "buckets": buckets, "store_id": store.id}
        await tx.execute(self._on(ASK), given | {"no_end": NO_END, "down_to": down_to})

    async def step(self, tx: Tx, store: Store) -> bool:
        """Goes through some more; whether there was anything to do."""
        buckets = buckets_of_store(store.bucket_base, store.bucket_span)
        given = {"store_id": store.id, "buckets": buckets}
        mark = await (await tx.execute(self._on(TAKE), given)).fetchone()
        if mark is None:
            return False
        given |= mark | {"most": STEP}
        page = [row["id"] for row in await (await tx.execute(PEOPLE, given)).fetchall()]
        await self.work(tx, store, mark["bucket"], page)
        if len(page) < STEP:
            await tx.execute(self._on(DONE), given)
        else:
            await tx.execute(self._on(MOVE), given | {"next_before": page[-1]})
        return True

    async def left(self, tx: Tx, store: Store) -> int | None:
        """People with ids below this may not be done yet; None: everybody is."""
        given = {
            "store_id": store.id,
            "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        }
        row = await (await tx.execute(self._on(LEFT), given)).fetchone()
        return row["next_before"] if row else None

    def _on(self, statement: sql.SQL) -> sql.Composed:
        return statement.format(table=sql.Identifier(self.table))
