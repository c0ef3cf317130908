"""The fields that a store keeps of its customers beside the usual (rules/people/own_fields.py)."""

from datetime import datetime

from ringdove.kit import db
from ringdove.kit.db import Tx
from ringdove.rules.people.own_fields import OwnField
from ringdove.rules.scenes import Store

ALL = """
SELECT f.key, f.title, f.kind, f.choices, f.retired_at IS NOT NULL AS is_retired FROM own_field f
WHERE f.store_id = %(store_id)s ORDER BY f.retired_at IS NOT NULL, f.created_at, f.key
"""
# What a field means does not change under its values: its kind is settled when it is made.
PUT = """
INSERT INTO own_field AS f (store_id, key, title, kind, choices, created_at, retired_at)
VALUES (%(store_id)s, %(key)s, %(title)s, %(kind)s, %(choices)s::text[], %(now)s, %(retired_at)s)
ON CONFLICT (store_id, key) DO UPDATE SET title = EXCLUDED.title, choices = EXCLUDED.choices,
  retired_at = EXCLUDED.retired_at
"""


async def of_store(tx: Tx, store: Store) -> dict[str, OwnField]:
    """A store's fields by their keys, retired ones last."""
    rows = await (await tx.execute(ALL, {"store_id": store.id})).fetchall()
    return {row["key"]: OwnField(**row | {"choices": tuple(row["choices"])}) for row in rows}


async def save(tx: Tx, store: Store, field: OwnField, now: datetime) -> None:
    """Defines a field, or changes its title, its choices, and whether it is in use."""
    given = {
        "store_id": store.id,
        "key": field.key,
        "title": field.title,
        "kind": field.kind,
        "choices": db.words(field.choices),
        "now": now,
        "retired_at": now if field.is_retired else None,
    }
    await tx.execute(PUT, given)
