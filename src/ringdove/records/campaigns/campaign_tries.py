"""A running campaign's tries: one that never gets on says so instead of staying where it is.

A try is written before it begins: a process that dies of it has tried as well. A page that was
written since the last one makes the next try the first again. How many there may be in a row, and
how long it rests between them, is rules/campaigns/campaigns.py's.
"""

from datetime import datetime

from psycopg.errors import QueryCanceled

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store

HEADWAY = """
SELECT max(r.changed_at) AS at FROM campaign_run r
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s AND r.campaign_id = %(campaign_id)s
"""
BEGIN = """
UPDATE campaign SET tries = CASE WHEN tried_at < %(headway)s THEN 1 ELSE tries + 1 END,
  tried_at = %(now)s
WHERE store_id = %(store_id)s AND id = %(campaign_id)s
RETURNING tries
"""
FAILED = """
UPDATE campaign SET trouble = %(trouble)s
WHERE store_id = %(store_id)s AND id = %(campaign_id)s
"""
WENT = """
UPDATE campaign SET tries = 0, trouble = ''
WHERE store_id = %(store_id)s AND id = %(campaign_id)s AND tries > 0
"""


async def begin(tx: Tx, store: Store, campaign_id: int, now: datetime) -> int:
    """One more; how many that are since it got on last."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
        "campaign_id": campaign_id,
    }  # fmt: skip
    last = await (await tx.execute(HEADWAY, given)).fetchone()
    about = {"headway": last and last["at"], "now": now}
    row = await (await tx.execute(BEGIN, given | about)).fetchone()
    return int(row["tries"]) if row else 0


async def failed(tx: Tx, store: Store, campaign_id: int, trouble: str) -> None:
    """What stopped the last one."""
    given = {"store_id": store.id, "campaign_id": campaign_id, "trouble": trouble}
    await tx.execute(FAILED, given)


async def went(tx: Tx, store: Store, campaign_id: int) -> None:
    """It went as far as it could."""
    await tx.execute(WENT, {"store_id": store.id, "campaign_id": campaign_id})


def trouble_of(error: Exception) -> str:
    """What went wrong, of what tasks raised: a word of web/reasons.py, or its own words."""
    if isinstance(error, ExceptionGroup):
        return trouble_of(error.exceptions[0])
    if isinstance(error, QueryCanceled):
        return "too_slow"
    return "database_away" if db.may_pass(error) else str(error)[:300]
