"""Under which names one person is known, for wishes: each asked and bought under one of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store

Row = Mapping[str, Any]

NAMES = """
SELECT c.id, coalesce(c.merged_into, c.id) AS main, c.also, c.last_order_at
FROM unnest(%(buckets)s::integer[], %(ids)s::bigint[]) AS k(bucket, id)
CROSS JOIN LATERAL (
  SELECT c.* FROM contact c
  WHERE c.bucket = k.bucket AND c.store_id = %(store_id)s AND c.id = k.id OFFSET 0
) c
"""


@dataclass(slots=True)
class Names:
    """Of some contacts."""

    names: dict[int, tuple[int, ...]] = field(default_factory=dict)  # by contact, all of the person
    last: dict[int, datetime | None] = field(default_factory=dict)  # when they ordered last


async def names_of(tx: Tx, store: Store, contact_ids: Iterable[int]) -> Names:
    """All names of the living people behind these, and when they ordered last."""
    rows = await _read_names(tx, store, contact_ids)
    mains = await _read_names(tx, store, {row["main"] for row in rows.values()} - rows.keys())
    found = Names()
    for row in rows.values():
        main = mains.get(row["main"]) or rows[row["main"]]
        found.names[row["id"]] = (main["id"], *main["also"])
        found.last[row["id"]] = main["last_order_at"]
    return found


async def _read_names(tx: Tx, store: Store, contact_ids: Iterable[int]) -> dict[int, Row]:
    wanted = sorted(contact_ids)
    if not wanted:
        return {}
    given = {
        "store_id": store.id, "ids": db.numbers(wanted),
        "buckets": db.numbers(bucket_of_id(one) for one in wanted),
    }  # fmt: skip
    return {row["id"]: row for row in await (await tx.execute(NAMES, given)).fetchall()}
