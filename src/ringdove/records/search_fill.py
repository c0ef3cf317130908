"""People who are in the database and not yet found by their words: made findable step by step, the
newest first. For what came by COPY: an import, a world made elsewhere, a database from before.

A row of search_fill says how far a bucket has come; none: everybody there can be found.
"""

from datetime import datetime
from typing import Final

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store, made_at
from ringdove.kit.db import Tx
from ringdove.records import search
from ringdove.records.lookups import NO_END
from ringdove.records.scenes import contact_of
from ringdove.rules.scenes import Store

STEP: Final = 2_000  # people of one transaction: 0.1 s

ASK = """
INSERT INTO search_fill AS f (bucket, store_id, next_before, down_to)
SELECT r.bucket, %(store_id)s, %(no_end)s, %(down_to)s
FROM jsonb_to_recordset(%(rows)s) AS r(bucket integer)
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id) DO UPDATE SET
  next_before = EXCLUDED.next_before, down_to = least(f.down_to, EXCLUDED.down_to)
"""
TAKE = """
SELECT f.bucket, f.next_before, f.down_to FROM search_fill f
WHERE f.bucket = ANY(%(buckets)s) AND f.store_id = %(store_id)s
ORDER BY f.next_before DESC LIMIT 1 FOR UPDATE SKIP LOCKED
"""
PEOPLE = """
SELECT c.* FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s
  AND c.id < %(next_before)s AND c.id >= %(down_to)s
ORDER BY c.id DESC LIMIT %(most)s
"""
# Who is there already was written with the contact, which knows better.
PUT = """
INSERT INTO contact_search (bucket, store_id, contact_id, digits, signs)
SELECT r.bucket, %(store_id)s, r.contact_id, r.digits, r.signs
FROM jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, contact_id bigint, digits text, signs tsvector)
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id, contact_id) DO NOTHING
"""
MOVE = """
UPDATE search_fill f SET next_before = %(next_before)s
WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s
"""
DONE = """
DELETE FROM search_fill f WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s
"""
LEFT = """
SELECT max(f.next_before) AS next_before FROM search_fill f
WHERE f.bucket = ANY(%(buckets)s) AND f.store_id = %(store_id)s
"""


async def ask(tx: Tx, store: Store, down_to: int = 0) -> None:
    """The people of a store with this id and above are to be made findable; whoever is so already
    costs little."""
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    rows = [{"bucket": bucket} for bucket in sorted(buckets)]
    given = {"rows": db.document(rows), "buckets": buckets, "store_id": store.id}
    await tx.execute(ASK, given | {"no_end": NO_END, "down_to": down_to})


async def step(tx: Tx, store: Store) -> bool:
    """Makes some more findable; whether there was anything to do."""
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    given = {"store_id": store.id, "buckets": buckets}
    mark = await (await tx.execute(TAKE, given)).fetchone()
    if mark is None:
        return False
    given |= mark | {"most": STEP}
    people = [contact_of(row) for row in await (await tx.execute(PEOPLE, given)).fetchall()]
    rows = [search.row(store, person) for person in people]
    found = [row for row in rows if row["signs"]]
    if found:
        await tx.execute(PUT, given | {"rows": db.document(found)})
    if len(people) < STEP:
        await tx.execute(DONE, given)
    else:
        await tx.execute(MOVE, given | {"next_before": people[-1].id})
    return True


async def left_before(tx: Tx, store: Store) -> datetime | None:
    """People whom we met before this time may not be found yet; None: everybody can be."""
    given = {
        "store_id": store.id,
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
    }
    row = await (await tx.execute(LEFT, given)).fetchone()
    if row is None or row["next_before"] is None:
        return None
    at = row["next_before"]
    return made_at(at) if at < NO_END else datetime.max.replace(tzinfo=made_at(0).tzinfo)
