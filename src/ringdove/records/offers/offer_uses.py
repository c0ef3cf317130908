"""Orders that were paid with offers: beside their person, so that limits are asked in one place."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.records.store import stores
from ringdove.rules.consent.ways_in import Use
from ringdove.rules.scenes import Store

OF_PEOPLE = """
SELECT u.reward_id, u.order_id, u.contact_id, u.code, u.at, u.freed_at FROM offer_use u
WHERE u.bucket = ANY(%(buckets)s) AND u.store_id = %(store_id)s
  AND u.contact_id = ANY(%(people)s::bigint[])
ORDER BY u.at
"""
PUT = """
INSERT INTO offer_use AS u (bucket, store_id, reward_id, order_id, contact_id, code, at, freed_at)
SELECT r.bucket, %(store_id)s, r.reward_id, r.order_id, r.contact_id, r.code, r.at, r.freed_at
FROM jsonb_populate_recordset(NULL::offer_use, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id, reward_id, order_id) DO UPDATE
SET code = EXCLUDED.code, at = EXCLUDED.at, freed_at = EXCLUDED.freed_at
"""


async def of_people(tx: Tx, store: Store, people: Iterable[int]) -> dict[tuple[int, int], Use]:
    """All that these people (rows, not persons: name the merged ones too) paid with, by reward and
    order, the oldest first."""
    some = sorted(people)
    if not some:
        return {}
    given = {
        "buckets": sorted({bucket_of_id(one) for one in some}), "store_id": store.id,
        "people": db.numbers(some),
    }  # fmt: skip
    rows = await (await tx.execute(OF_PEOPLE, given)).fetchall()
    return {(row["reward_id"], row["order_id"]): Use(**row) for row in rows}


async def put(tx: Tx, store: Store, news: Sequence[Use]) -> None:
    """Orders were paid with these, or gave them back; the last word about each counts."""
    last = {(one.reward_id, one.order_id): one for one in news}
    some = sorted(last.values(), key=lambda one: (bucket_of_id(one.order_id), one.order_id))
    rows = [{"bucket": bucket_of_id(one.order_id), **asdict(one)} for one in some]
    if rows:
        buckets = sorted({row["bucket"] for row in rows})
        given = {"buckets": buckets, "store_id": store.id, "rows": db.document(rows)}
        await tx.execute(PUT, given)


# ------------------------------------------------------------------ what an offer brought


@dataclass(frozen=True, slots=True)
class Brought:
    """What the orders that used an offer came to, cancelled ones apart."""

    orders: int
    freed: int
    revenue: dict[str, Decimal]  # by currency


BROUGHT = """
SELECT o.currency, count(*) FILTER (WHERE u.freed_at IS NULL) AS orders,
  count(*) FILTER (WHERE u.freed_at IS NOT NULL) AS freed,
  coalesce(sum(o.total) FILTER (WHERE u.freed_at IS NULL AND o.cancelled_at IS NULL), 0) AS revenue
FROM offer_use u
JOIN purchase_order o ON o.bucket = u.bucket AND o.store_id = u.store_id AND o.id = u.order_id
WHERE u.bucket = ANY(%(buckets)s) AND u.store_id = %(store_id)s AND u.reward_id = %(reward_id)s
GROUP BY o.currency ORDER BY o.currency
"""
BY_DAY = """
SELECT (u.at AT TIME ZONE %(time_zone)s)::date AS day, count(*)::integer AS n FROM offer_use u
WHERE u.bucket = ANY(%(buckets)s) AND u.store_id = %(store_id)s AND u.reward_id = %(reward_id)s
  AND u.freed_at IS NULL AND u.at >= %(since)s
GROUP BY 1 ORDER BY 1
"""


async def brought(tx: Tx, store: Store, reward_id: int) -> Brought:
    """What came of it so far."""
    rows = await (await tx.execute(BROUGHT, _of_store(store, reward_id))).fetchall()
    return Brought(
        sum(row["orders"] for row in rows), sum(row["freed"] for row in rows),
        {row["currency"]: row["revenue"] for row in rows if row["orders"]},
    )  # fmt: skip


async def by_day(tx: Tx, store: Store, reward_id: int, since: datetime) -> dict[str, int]:
    """Orders that used it, by day of the store's clock; days without any are left out."""
    given = _of_store(store, reward_id) | {"time_zone": store.time_zone, "since": since}
    rows = await (await tx.execute(BY_DAY, given)).fetchall()
    return {row["day"].isoformat(): row["n"] for row in rows}


def _of_store(store: Store, reward_id: int) -> dict[str, Any]:
    return {"buckets": stores.buckets(store), "store_id": store.id, "reward_id": reward_id}
