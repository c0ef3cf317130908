"""Orders and questions about them by week, and when automations were switched on (R67)."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store, id_floor
from ringdove.kit.db import Tx
from ringdove.rules.reports.order_questions import Week
from ringdove.rules.scenes import Store

# A row's id tells when it was made, which is after what it tells of: a time is a stretch of ids.
# Weeks as numbers by when they begin: a zone asked for each of a million orders took twice as long.
ORDERS = """
SELECT width_bucket(o.placed_at, %(weeks)s::timestamptz[]) AS week, count(*) AS orders
FROM purchase_order o
WHERE o.bucket = ANY(%(buckets)s) AND o.store_id = %(store_id)s AND o.id >= %(first)s
  AND o.placed_at >= %(since)s AND o.placed_at < %(until)s AND o.state <> 'removed'
GROUP BY 1
"""
ASKED = """
SELECT a.week, count(*) AS asked, count(*) FILTER (WHERE a.by_people) AS by_people FROM (
  SELECT width_bucket(i.at, %(weeks)s::timestamptz[]) AS week, i.contact_id,
    bool_or(i.handled = '') AS by_people
  FROM inbound i
  WHERE i.bucket = ANY(%(buckets)s) AND i.store_id = %(store_id)s AND i.id >= %(first)s
    AND i.at >= %(since)s AND i.at < %(until)s AND i.intent = 'order_status'
  GROUP BY 1, 2, (i.at AT TIME ZONE %(zone)s)::date
) a GROUP BY a.week
"""


async def weeks(tx: Tx, store: Store, first: date, last: date) -> list[Week]:
    """All weeks from that Monday to this one, both with them, by the store's clock."""
    zone = ZoneInfo(store.time_zone)
    days = [first + timedelta(days=7 * n) for n in range((last - first).days // 7 + 1)]
    since = datetime.combine(first, time(), zone)
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
        "zone": store.time_zone, "since": since, "first": id_floor(since),
        "until": datetime.combine(last + timedelta(days=7), time(), zone),
        "weeks": db.moments(datetime.combine(day, time(), zone) for day in days),
    }  # fmt: skip
    found: dict[int, dict[str, Any]] = {}
    for statement in (ORDERS, ASKED):
        for row in await (await tx.execute(statement, given)).fetchall():
            counts = found.setdefault(row["week"], {})
            counts |= {name: int(n) for name, n in row.items() if name != "week"}
    return [Week(day, **found.get(n, {})) for n, day in enumerate(days, 1)]


VERSIONS = """
SELECT a.recipe, a.is_on AND NOT a.is_gone AS is_on, a.changed_at FROM automation a
WHERE a.store_id = %(store_id)s ORDER BY a.recipe, a.version
"""


async def versions(tx: Tx, store_id: int) -> Mapping[str, list[tuple[bool, datetime]]]:
    """Of each automation whether it was on from when on, the oldest first."""
    found: dict[str, list[tuple[bool, datetime]]] = {}
    for row in await (await tx.execute(VERSIONS, {"store_id": store_id})).fetchall():
        found.setdefault(row["recipe"], []).append((row["is_on"], row["changed_at"]))
    return found
