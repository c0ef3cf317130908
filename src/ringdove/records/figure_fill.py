"""People whose figures a worker has still to count, step by step, the newest first: what came by
COPY, and a database from before there were figures.

A row of figure_fill says how far a bucket has come; none: everybody there is counted. A page's
people are locked before their rows are read, so facts about them wait for the page, not lie in it.
"""

from typing import Final

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records import figures
from ringdove.records.figure_rows import Named
from ringdove.records.lookups import NO_END
from ringdove.rules.scenes import Store

STEP: Final = 2_000  # people of one transaction

ASK = """
INSERT INTO figure_fill AS f (bucket, store_id, next_before, down_to)
SELECT r.bucket, %(store_id)s, %(no_end)s, %(down_to)s
FROM jsonb_to_recordset(%(rows)s) AS r(bucket integer)
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id) DO UPDATE SET
  next_before = EXCLUDED.next_before, down_to = least(f.down_to, EXCLUDED.down_to)
"""
TAKE = """
SELECT f.bucket, f.next_before, f.down_to FROM figure_fill f
WHERE f.bucket = ANY(%(buckets)s) AND f.store_id = %(store_id)s
ORDER BY f.next_before DESC LIMIT 1 FOR UPDATE SKIP LOCKED
"""
PEOPLE = """
SELECT c.id FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s
  AND c.id < %(next_before)s AND c.id >= %(down_to)s
ORDER BY c.id DESC LIMIT %(most)s
"""
# In the order in which everybody locks them.
LOCK = """
SELECT c.id, c.also FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = ANY(%(ids)s::bigint[])
  AND c.merged_into IS NULL AND c.erased_at IS NULL
ORDER BY c.id FOR UPDATE
"""
MOVE = """
UPDATE figure_fill f SET next_before = %(next_before)s
WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s
"""
DONE = """
DELETE FROM figure_fill f WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s
"""
IS_LEFT = """
SELECT EXISTS (SELECT FROM figure_fill f
  WHERE f.bucket = ANY(%(buckets)s) AND f.store_id = %(store_id)s) AS is_left
"""


async def ask(tx: Tx, store: Store, down_to: int = 0) -> None:
    """The people of a store with this id and above are to be counted from their rows."""
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    rows = [{"bucket": bucket} for bucket in sorted(buckets)]
    given = {"rows": db.document(rows), "buckets": buckets, "store_id": store.id}
    await tx.execute(ASK, given | {"no_end": NO_END, "down_to": down_to})


async def step(tx: Tx, store: Store) -> bool:
    """Counts some more; whether there was anything to do."""
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    given = {"store_id": store.id, "buckets": buckets}
    mark = await (await tx.execute(TAKE, given)).fetchone()
    if mark is None:
        return False
    given |= mark | {"most": STEP}
    page = [row["id"] for row in await (await tx.execute(PEOPLE, given)).fetchall()]
    rows = await (await tx.execute(LOCK, given | {"ids": db.numbers(page)})).fetchall()
    people = [Named(row["id"], tuple(row["also"])) for row in rows]
    await figures.count_anew(tx, store, people)
    if len(page) < STEP:
        await tx.execute(DONE, given)
    else:
        await tx.execute(MOVE, given | {"next_before": page[-1]})
    return True


async def is_left(tx: Tx, store: Store) -> bool:
    """Whether some are not counted yet: figures and segments may say too little of them."""
    given = {
        "store_id": store.id,
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
    }
    row = await (await tx.execute(IS_LEFT, given)).fetchone()
    return bool(row and row["is_left"])
