"""The list of customers, newest first, and who is behind a whole number, address, account or order.

A bucket at a time, since that reads its index from the end and stops; the pages are merged by
PostgreSQL. Parts of words and numbers are found by records/people/search.py.
"""

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, bucket_of_id, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records.people.lookups import NO_END, Row
from ringdove.rules.people import searching
from ringdove.rules.scenes import Store

ROWS = 40
ROWS_MAX = 200

NEWEST = """
SELECT f.id FROM unnest(%(buckets)s::integer[]) AS b(bucket)
CROSS JOIN LATERAL (
  SELECT c.id FROM contact c
  WHERE c.bucket = b.bucket AND c.store_id = %(store_id)s AND c.id < %(before)s
    AND c.merged_into IS NULL AND c.erased_at IS NULL
  ORDER BY c.id DESC LIMIT %(most)s
) f
ORDER BY f.id DESC LIMIT %(most)s
"""
# Who was merged into another is found as that other one.
BEHIND = """
SELECT k.n, coalesce(c.merged_into, c.id) AS contact_id
FROM jsonb_to_recordset(%(keys)s) AS k(n integer, bucket integer, kind text, value text)
JOIN contact_ref r
  ON r.bucket = k.bucket AND r.store_id = %(store_id)s AND r.kind = k.kind AND r.value = k.value
CROSS JOIN LATERAL (
  SELECT c.* FROM contact c
  WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s AND c.id = r.contact_id OFFSET 0
) c
WHERE c.erased_at IS NULL
ORDER BY k.n
"""


async def newest(tx: Tx, store: Store, before: int = NO_END, most: int = ROWS) -> list[int]:
    """The ids of customers, newest first."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
        "before": before,
        "most": most,
    }
    return [row["id"] for row in await (await tx.execute(NEWEST, given)).fetchall()]


async def behind(tx: Tx, store: Store, typed: str) -> list[int]:
    """Who is meant by a whole phone in any form, an address, an account or an order's key."""
    keys = [
        {
            "n": n,
            "bucket": bucket_of(store.bucket_base, store.bucket_span, f"{kind}/{value}"),
            "kind": kind,
            "value": value,
        }
        for n, (kind, value) in enumerate(searching.keys_in(typed, store.country))
    ]
    given = {
        "keys": db.document(keys),
        "store_id": store.id,
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
    }
    rows = await (await tx.execute(BEHIND, given)).fetchall()
    return list(dict.fromkeys(row["contact_id"] for row in rows))


# What was said last about each scope: the words that the present state stands on.
PERMISSIONS = """
SELECT DISTINCT ON (e.scope) e.scope, e.change, e.at, e.source, e.words FROM consent_event e
WHERE e.bucket = %(bucket)s AND e.store_id = %(store_id)s AND e.contact_id = %(contact_id)s
ORDER BY e.scope, e.at DESC, e.id DESC
"""


async def permissions(tx: Tx, store: Store, contact_id: int) -> dict[str, Row]:
    """The newest consent event of each scope."""
    given = {"bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id}
    rows = await (await tx.execute(PERMISSIONS, given)).fetchall()
    return {row["scope"]: row for row in rows}
