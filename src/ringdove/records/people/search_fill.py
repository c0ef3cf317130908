"""People who are in the database and not yet found by their words: made findable step by step, the
newest first (records/people/fills.py)."""

from collections.abc import Sequence
from datetime import datetime

from ringdove.kit import db
from ringdove.kit.buckets import made_at
from ringdove.kit.db import Tx
from ringdove.records.people import search
from ringdove.records.people.fills import Fill
from ringdove.records.people.lookups import NO_END
from ringdove.records.scenes import contact_of
from ringdove.rules.scenes import Store

PEOPLE = """
SELECT c.* FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = ANY(%(ids)s::bigint[])
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


async def _find(tx: Tx, store: Store, bucket: int, page: Sequence[int]) -> None:
    given = {"bucket": bucket, "store_id": store.id, "ids": db.numbers(page)}
    people = [contact_of(row) for row in await (await tx.execute(PEOPLE, given)).fetchall()]
    found = [row for row in (search.row(store, one) for one in people) if row["signs"]]
    if found:
        about = {"buckets": [bucket], "store_id": store.id, "rows": db.document(found)}
        await tx.execute(PUT, about)


FILL = Fill("search_fill", _find)
ask, step = FILL.ask, FILL.step


async def left_before(tx: Tx, store: Store) -> datetime | None:
    """People whom we met before this time may not be found yet; None: everybody can be."""
    at = await FILL.left(tx, store)
    if at is None:
        return None
    return made_at(at) if at < NO_END else datetime.max.replace(tzinfo=made_at(0).tzinfo)
