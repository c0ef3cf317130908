"""What stands beside a talk: the latest orders with their parcels, complaints, surveys.

All of a person's names are read, since a merge moves no rows. Each list has a few rows at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.records.people.lookups import Row
from ringdove.rules.scenes import Store

ORDERS_MOST: Final = 3
COMPLAINTS_MOST: Final = 3
ASKINGS_MOST: Final = 3


@dataclass(frozen=True, slots=True)
class Bought:
    """An order with its parcels, the last that moved in front."""

    order: Row
    parcels: Sequence[Row]


ORDERS = """
SELECT o.id, o.key, o.number, o.state, o.placed_at, o.paid_at, o.cancelled_at, o.total, o.currency,
  o.payment_due, o.promised_from, o.promised_until, o.url
FROM purchase_order o
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.contact_id = %(contact_id)s
ORDER BY o.id DESC LIMIT %(most)s
"""
PARCELS = """
SELECT p.id, p.order_id, p.number, p.carrier, p.url, p.state, p.state_at, p.pickup_point,
  p.pickup_until
FROM parcel p
WHERE p.bucket = ANY(%(buckets)s) AND p.store_id = %(store_id)s
  AND p.order_id = ANY(%(orders)s::bigint[])
ORDER BY p.state_at DESC, p.id DESC LIMIT 20
"""


async def orders(tx: Tx, store: Store, names: Sequence[int]) -> list[Bought]:
    """The person's latest orders, the newest in front."""
    rows: list[Row] = []
    for contact_id in names:
        given = {
            "bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id,
            "most": ORDERS_MOST,
        }  # fmt: skip
        rows += await (await tx.execute(ORDERS, given)).fetchall()
    latest = sorted(rows, key=lambda row: row["placed_at"], reverse=True)[:ORDERS_MOST]
    if not latest:
        return []
    of_these = {
        "buckets": sorted({bucket_of_id(row["id"]) for row in latest}), "store_id": store.id,
        "orders": db.numbers(row["id"] for row in latest),
    }  # fmt: skip
    parcels = await (await tx.execute(PARCELS, of_these)).fetchall()
    return [Bought(o, [p for p in parcels if p["order_id"] == o["id"]]) for o in latest]


# Those that are to be answered in front.
COMPLAINTS = """
SELECT k.id, k.number, k.state, k.reason, k.said, k.opened_at, k.changed_at, k.due_at
FROM complaint k
WHERE k.bucket = ANY(%(buckets)s) AND k.store_id = %(store_id)s
  AND k.contact_id = ANY(%(people)s::bigint[])
ORDER BY (k.state = 'closed'), k.changed_at DESC, k.id DESC LIMIT %(most)s
"""
ASKINGS = """
SELECT a.id, a.survey, a.asked_at, a.until, a.answered_at, a.score, a.comment FROM survey_answer a
WHERE a.bucket = ANY(%(buckets)s) AND a.store_id = %(store_id)s
  AND a.contact_id = ANY(%(people)s::bigint[])
  AND (a.answered_at IS NOT NULL OR a.until > %(now)s)
ORDER BY a.id DESC LIMIT %(most)s
"""


async def complaints(tx: Tx, store: Store, names: Sequence[int]) -> Sequence[Row]:
    """What went wrong for them, the open ones in front."""
    given = _of(store, names) | {"most": COMPLAINTS_MOST}
    return await (await tx.execute(COMPLAINTS, given)).fetchall()


async def askings(tx: Tx, store: Store, names: Sequence[int], now: datetime) -> Sequence[Row]:
    """Surveys that they have answered or still can, the newest in front."""
    given = _of(store, names) | {"most": ASKINGS_MOST, "now": now}
    return await (await tx.execute(ASKINGS, given)).fetchall()


def _of(store: Store, names: Sequence[int]) -> dict[str, object]:
    buckets = sorted({bucket_of_id(one) for one in names})
    return {"buckets": buckets, "store_id": store.id, "people": db.numbers(names)}
