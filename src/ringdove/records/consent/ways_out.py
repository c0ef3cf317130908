"""Whom a personal link belongs to, whatever was merged since; and how many left by which way."""

from datetime import datetime

from ringdove.kit.buckets import bucket_of_id, buckets_of_store, id_floor
from ringdove.kit.db import Tx
from ringdove.records.scenes import contact_of
from ringdove.rules.scenes import Contact, Store

MERGES_MOST = 10  # a person merged into a person merged into …

PERSON = """
SELECT c.* FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = %(id)s
"""


async def person(tx: Tx, store: Store, contact_id: int) -> Contact | None:
    """The person behind a link, whatever was merged since; None: nothing is stored any more."""
    wanted: int | None = contact_id
    found: Contact | None = None
    for _ in range(MERGES_MOST):
        if wanted is None:
            break
        given = {"bucket": bucket_of_id(wanted), "store_id": store.id, "id": wanted}
        row = await (await tx.execute(PERSON, given)).fetchone()
        if row is None:
            return None
        found = contact_of(row)
        wanted = found.merged_into
    return None if found is None or found.erased_at else found


# By the range of ids, which are times: the ledger of a month, not of all years.
COUNTS = """
SELECT split_part(e.source, '/', 1) AS way, count(DISTINCT e.contact_id) AS n
FROM consent_event e
WHERE e.bucket = ANY(%(buckets)s) AND e.store_id = %(store_id)s AND e.id >= %(since)s
  AND e.change IN ('out', 'paused')
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20
"""


async def counts(tx: Tx, store: Store, since: datetime) -> dict[str, int]:
    """How many people left something since then, by way: link, reply, site …"""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
        "since": id_floor(since),
    }
    rows = await (await tx.execute(COUNTS, given)).fetchall()
    return {row["way"]: row["n"] for row in rows}
