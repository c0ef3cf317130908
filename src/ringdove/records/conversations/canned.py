"""A store's ready answers (rules/conversations/canned.py): few, and read as a whole."""

from collections.abc import Sequence
from datetime import datetime

from psycopg.types.json import Jsonb

from ringdove.kit.db import Tx
from ringdove.rules.conversations.canned import Canned

ALL = """
SELECT c.id, c.title, c.shortcut, c.texts FROM canned_answer c
WHERE c.store_id = %(store_id)s ORDER BY lower(c.title), c.id
"""


async def of_store(tx: Tx, store_id: int) -> list[Canned]:
    """All of them, by their titles."""
    rows = await (await tx.execute(ALL, {"store_id": store_id})).fetchall()
    return [Canned(**row) for row in rows]


async def find(tx: Tx, store_id: int, canned_id: int) -> Canned | None:
    """One of this store, or None."""
    return next((one for one in await of_store(tx, store_id) if one.id == canned_id), None)


# One maker at a time in a store: its ids follow one another.
LOCK = "SELECT s.id FROM store s WHERE s.id = %(store_id)s FOR NO KEY UPDATE"
CREATE = """
INSERT INTO canned_answer (store_id, id, title, shortcut, texts, created_at, changed_at)
SELECT %(store_id)s, coalesce(max(c.id), 0) + 1, %(title)s, %(shortcut)s, %(texts)s, %(now)s,
  %(now)s
FROM canned_answer c WHERE c.store_id = %(store_id)s
RETURNING id
"""
CHANGE = """
UPDATE canned_answer SET title = %(title)s, shortcut = %(shortcut)s, texts = %(texts)s,
  changed_at = %(now)s
WHERE store_id = %(store_id)s AND id = %(id)s
"""
REMOVE = "DELETE FROM canned_answer WHERE store_id = %(store_id)s AND id = %(id)s"


async def create(tx: Tx, store_id: int, made: Sequence[Canned], now: datetime) -> list[int]:
    """New ones; their ids. Raises UniqueViolation where a shortcut is taken."""
    await tx.execute(LOCK, {"store_id": store_id})
    ids = []
    for one in made:
        row = await (await tx.execute(CREATE, _given(store_id, one, now))).fetchone()
        assert row is not None
        ids.append(int(row["id"]))
    return ids


async def change(tx: Tx, store_id: int, changed: Canned, now: datetime) -> None:
    """As it is from now on. Raises UniqueViolation where its shortcut is taken."""
    await tx.execute(CHANGE, _given(store_id, changed, now) | {"id": changed.id})


async def remove(tx: Tx, store_id: int, canned_id: int) -> bool:
    """Gone; False: there was none."""
    return (await tx.execute(REMOVE, {"store_id": store_id, "id": canned_id})).rowcount > 0


def _given(store_id: int, one: Canned, now: datetime) -> dict[str, object]:
    return {
        "store_id": store_id, "title": one.title, "shortcut": one.shortcut,
        "texts": Jsonb(dict(one.texts)), "now": now,
    }  # fmt: skip
