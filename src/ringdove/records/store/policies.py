"""A store's policy: changed by its owner, and what it would have done to the month that is past.

A change takes hold at once: offers that wait in the outbox are decided anew when they are due.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store, id_floor
from ringdove.rules import policy
from ringdove.rules.consent.rehearsal import Sent
from ringdove.rules.policy import Policy
from ringdove.rules.scenes import Store

Tx = AsyncConnection[Any]

MONTH = timedelta(days=30)
TEXTS_MAX = 20_000  # of a month that are looked at; more would say the same
CATEGORIES_MAX = 300
COUNTRIES_MAX = 12

READ = "SELECT s.policy FROM store s WHERE s.id = %(store_id)s FOR UPDATE"
WRITE = "UPDATE store SET policy = %(policy)s WHERE id = %(store_id)s"
# Their window is asked of the policy; one that has ended makes the next take ask the decision.
ASK_ANEW = """
UPDATE outbox o SET window_until = least(o.window_until, %(now)s)
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.urgency = 1
"""


async def change(
    tx: Tx, store: Store, to: Callable[[Policy], Policy], now: datetime
) -> tuple[Policy, Policy]:
    """The policy before and after; nobody else changes it meanwhile."""
    row = await (await tx.execute(READ, {"store_id": store.id})).fetchone()
    assert row is not None
    before = policy.read(row["policy"])
    after = to(before)
    if after != before:
        given = {"policy": db.document(policy.write(after)), "store_id": store.id}
        await tx.execute(WRITE, given)
        await ask_anew(tx, store, now)
    return before, after


async def ask_anew(tx: Tx, store: Store, now: datetime) -> None:
    """What was decided about waiting offers does not hold any more."""
    given = [
        {"bucket": bucket, "store_id": store.id, "now": now - timedelta(seconds=1)}
        for bucket in sorted(buckets_of_store(store.bucket_base, store.bucket_span))
    ]
    await db.execute_each(tx, ASK_ANEW, given)


CATEGORIES = """
SELECT f.category, sum(f.people)::bigint AS people FROM (
  SELECT k.category, count(k.bought_at) AS people FROM contact_category k
  WHERE k.bucket = ANY(%(buckets)s) AND k.store_id = %(store_id)s GROUP BY k.category
  UNION ALL
  SELECT p.category, 0 FROM product p
  WHERE p.bucket = ANY(%(buckets)s) AND p.store_id = %(store_id)s AND p.category <> ''
  GROUP BY p.category
) f
GROUP BY f.category ORDER BY 2 DESC, 1 LIMIT %(most)s
"""
COUNTRIES = """
SELECT c.country, count(*) AS people FROM contact c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s AND c.country IS NOT NULL
GROUP BY c.country ORDER BY 2 DESC, 1 LIMIT %(most)s
"""


def _of(store: Store) -> dict[str, Any]:
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    return {"buckets": buckets, "store_id": store.id}


async def categories(tx: Tx, store: Store) -> dict[str, int]:
    """The categories that orders and products name, and how many people bought of each."""
    cursor = await tx.execute(CATEGORIES, _of(store) | {"most": CATEGORIES_MAX})
    return {row["category"]: row["people"] for row in await cursor.fetchall()}


async def countries(tx: Tx, store: Store) -> dict[str, int]:
    """Where the store's people live, most of them first."""
    cursor = await tx.execute(COUNTRIES, _of(store) | {"most": COUNTRIES_MAX})
    return {row["country"]: row["people"] for row in await cursor.fetchall()}


LAST_MONTH = """
SELECT m.contact_id, m.sent_at AS at, m.category, m.occasion, c.country, c.zones, k.bought_at
FROM message m
JOIN contact c ON c.bucket = m.bucket AND c.store_id = m.store_id AND c.id = m.contact_id
LEFT JOIN contact_category k ON k.bucket = m.bucket AND k.store_id = m.store_id
  AND k.contact_id = m.contact_id AND k.category = m.category
WHERE m.bucket = ANY(%(buckets)s) AND c.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s
  AND c.store_id = %(store_id)s AND m.id >= %(since_id)s AND m.class = 'marketing'
  AND m.channel = 'sms' AND m.sent_at > %(since)s
ORDER BY m.id DESC LIMIT %(most)s
"""


async def last_month(tx: Tx, store: Store, now: datetime) -> Sequence[Sent]:
    """The marketing texts of the last 30 days."""
    since = now - MONTH
    # A text waits for a week at most before it goes.
    given = _of(store) | {
        "since": since, "since_id": id_floor(since - timedelta(days=7)), "most": TEXTS_MAX,
    }  # fmt: skip
    rows = await (await tx.execute(LAST_MONTH, given)).fetchall()
    return [Sent(**row | {"zones": tuple(row["zones"])}) for row in rows]
