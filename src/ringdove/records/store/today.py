"""What a store's day looks like, and what waits for a person: the figures of the first page.

Figures come from the roll-ups; nothing here counts rows of a big table without a bound.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ringdove.kit.buckets import buckets_of_store, id_floor
from ringdove.kit.db import Tx
from ringdove.records import counters
from ringdove.rules.scenes import Store

COUNT_MOST = 100  # of what waits for a person; more is shown as so many
UNKNOWN_FOR = timedelta(days=7)

Hours = dict[datetime, Counter[str]]


async def hours(tx: Tx, store: Store, since: datetime, until: datetime) -> Hours:
    """What was counted in each hour of a span."""
    found: Hours = {}
    for row in await counters.by_hour(tx, store, since, until):
        found.setdefault(row["hour"], Counter())[row["name"]] += row["n"]
    return found


PARKED = """
SELECT count(*) AS n FROM (
  SELECT FROM pending_fact p
  WHERE p.bucket = ANY(%(buckets)s) AND p.store_id = %(store_id)s AND p.parked_at IS NOT NULL
  LIMIT %(most)s) AS found
"""
DOUBTFUL = """
SELECT count(*) AS n FROM (
  SELECT FROM contact c
  WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s
    AND c.phone_doubt IS NOT NULL AND c.phone IS NULL
  LIMIT %(most)s) AS found
"""
# Asked only when the roll-ups know of one in these days.
UNKNOWN = """
SELECT count(*) AS n FROM (
  SELECT FROM message m
  WHERE m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s AND m.id >= %(since)s
    AND m.state = 'unknown' AND m.done_at IS NULL
  LIMIT %(most)s) AS found
"""
SHOPS = """
SELECT c.id, c.name, c.kind, c.paused_at, s.error, s.checked_at
FROM connection c LEFT JOIN sync_cursor s ON s.connection_id = c.id
WHERE c.store_id = %(store_id)s AND c.removed_at IS NULL ORDER BY c.id
"""


async def waiting(tx: Tx, store: Store, now: datetime) -> dict[str, int]:
    """How many parked facts, doubtful phones and unknown outcomes there are, up to COUNT_MOST."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
        "most": COUNT_MOST,
        "since": id_floor(now - UNKNOWN_FOR),
    }
    found = {
        "parked": await _count(tx, PARKED, given),
        "doubtful": await _count(tx, DOUBTFUL, given),
        "unknown": 0,
    }
    lately = await hours(tx, store, now - UNKNOWN_FOR, now + timedelta(hours=1))
    if any(counts["unknown"] for counts in lately.values()):
        found["unknown"] = await _count(tx, UNKNOWN, given)
    return found


async def _count(tx: Tx, statement: str, given: Mapping[str, Any]) -> int:
    row = await (await tx.execute(statement, given)).fetchone()
    return int(row["n"]) if row else 0


async def shops(tx: Tx, store: Store) -> Sequence[Mapping[str, Any]]:
    """The store's connections with what their last catch-up said."""
    return await (await tx.execute(SHOPS, {"store_id": store.id})).fetchall()
