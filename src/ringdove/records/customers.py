"""The list of customers: newest first, page by page, found as one types.

A bucket at a time, since that reads its index from the end and stops; the pages are merged here.
Whole phones, addresses and keys are found through contact_ref (records/lookups.customer_behind).
Parts of names are looked for among the newest people only: there is no index for parts of words.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ringdove.kit.buckets import bucket_of_id, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records import lookups
from ringdove.records.lookups import CONTACT, NO_END, Row
from ringdove.rules.scenes import Store

ROWS = 40
ROWS_MAX = 200
LOOKED_AT_MAX = 100_000  # people of a store whose names one search reads: about 0.1 s
LOOKED_AT_MIN = 500  # of a bucket

NEWEST = f"""
SELECT {CONTACT} FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id < %(before)s
ORDER BY c.id DESC LIMIT %(most)s
"""
DOUBTFUL = f"""
SELECT {CONTACT} FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id < %(before)s
  AND c.phone_doubt IS NOT NULL AND c.phone IS NULL
ORDER BY c.id DESC LIMIT %(most)s
"""
LIKE = f"""
SELECT {CONTACT} FROM (
  SELECT * FROM contact n
  WHERE n.bucket = %(bucket)s AND n.store_id = %(store_id)s AND n.id < %(before)s
  ORDER BY n.id DESC LIMIT %(looked_at)s
) c
WHERE strpos(lower(c.name), %(word)s) > 0 OR strpos(c.email, %(word)s) > 0
  OR (%(digits)s <> '' AND strpos(c.phone, %(digits)s) > 0)
ORDER BY c.id DESC LIMIT %(most)s
"""


async def newest(
    tx: Tx, store: Store, before: int = NO_END, *, is_doubtful: bool = False, most: int = ROWS
) -> Sequence[Row]:
    """Customers, newest first; or only those whose phone a person must settle."""
    statement = DOUBTFUL if is_doubtful else NEWEST
    return await _merged(tx, store, statement, {"before": before}, most)


async def like(
    tx: Tx, store: Store, word: str, digits: str, before: int = NO_END, most: int = ROWS
) -> Sequence[Row]:
    """Of the newest customers those whose name or address holds the word, or whose number the
    digits (none: empty)."""
    looked_at = max(LOOKED_AT_MIN, LOOKED_AT_MAX // store.bucket_span)
    given = {"before": before, "word": word.lower(), "digits": digits, "looked_at": looked_at}
    return await _merged(tx, store, LIKE, given, most)


async def _merged(
    tx: Tx, store: Store, statement: str, given: Mapping[str, Any], most: int
) -> Sequence[Row]:
    rows: list[Row] = []
    for bucket in buckets_of_store(store.bucket_base, store.bucket_span):
        own = {"bucket": bucket, "store_id": store.id, "most": most}
        rows += await (await tx.execute(statement, {**given, **own})).fetchall()
    return sorted(rows, key=lambda row: int(row["id"]), reverse=True)[:most]


NUMBERED = """
SELECT o.contact_id FROM (
  SELECT n.contact_id, n.number FROM purchase_order n
  WHERE n.bucket = %(bucket)s AND n.store_id = %(store_id)s
  ORDER BY n.id DESC LIMIT %(looked_at)s
) o
WHERE o.number = %(number)s LIMIT 1
"""


async def of_order(tx: Tx, store: Store, number: str) -> Row | None:
    """The customer of the order with this number, among the newest orders."""
    looked_at = max(LOOKED_AT_MIN, LOOKED_AT_MAX // store.bucket_span)
    for bucket in buckets_of_store(store.bucket_base, store.bucket_span):
        given = {
            "bucket": bucket, "store_id": store.id, "number": number, "looked_at": looked_at,
        }  # fmt: skip
        row = await (await tx.execute(NUMBERED, given)).fetchone()
        if row:
            return await lookups.customer(tx, store, row["contact_id"])
    return None


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
