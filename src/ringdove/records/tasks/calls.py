"""Orders that somebody calls about, while a shop is small enough for it, and what each call came to
(R116). A call is a row that is never changed: the last one of an order says whether it is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from ringdove.kit.buckets import bucket_of_id, buckets_of_store, id_floor
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store

FRESH_FOR: Final = timedelta(days=7)
PAGE: Final = 50
PAGE_MAX: Final = 200
NO_END: Final = 2**63 - 1
VISITS_WITHIN: Final = timedelta(days=7)

Result = Literal["confirmed", "changed", "cancelled", "no_answer", "call_again", "wrong_number"]
RESULTS: Final[tuple[Result, ...]] = (
    "confirmed", "changed", "cancelled", "no_answer", "call_again", "wrong_number",
)  # fmt: skip
AGAIN: Final = ("no_answer", "call_again")  # the order stays on the list
Which = Literal["to_call", "called", "all"]


@dataclass(frozen=True, slots=True)
class Fresh:
    """An order of the last days, with whom to call and what the last call came to."""

    id: int
    key: str
    number: str
    placed_at: datetime
    state: str
    total: Any
    currency: str
    contact_id: int
    name: str
    phone: str | None
    language: str | None
    orders: int  # of this person, this one among them
    goods: str  # names of the first lines
    calls: int
    called_at: datetime | None
    called_by: str | None
    result: str | None
    note: str | None
    again_at: datetime | None

    def is_to_call(self, now: datetime) -> bool:
        """Whether it is to be called now."""
        if self.result is None:
            return True
        return self.result in AGAIN and (self.again_at is None or self.again_at <= now)


# A bucket at a time from the end of its key; who was merged is called as the one person.
FRESH = """
SELECT f.*, coalesce(m.name, c.name) AS name, coalesce(m.phone, c.phone) AS phone,
  coalesce(m.language, c.language) AS language, coalesce(m.orders, c.orders) AS orders,
  coalesce((SELECT string_agg(l.name, ', ' ORDER BY l.line) FROM order_line l
    WHERE l.bucket = f.bucket AND l.store_id = %(store_id)s AND l.order_id = f.id AND l.line < 4),
    '') AS goods
FROM unnest(%(buckets)s::integer[]) AS b(bucket)
CROSS JOIN LATERAL (
  SELECT o.bucket, o.id, o.key, o.number, o.placed_at, o.state, o.total, o.currency, o.contact_id,
    k.calls, k.called_at, k.called_by, k.result, k.note, k.again_at
  FROM purchase_order o
  LEFT JOIN LATERAL (
    SELECT count(*) OVER ()::integer AS calls, k.at AS called_at, k.by AS called_by, k.result,
      k.note, k.again_at
    FROM order_call k
    WHERE k.bucket = b.bucket AND k.store_id = %(store_id)s AND k.order_id = o.id
    ORDER BY k.id DESC LIMIT 1
  ) k ON true
  WHERE o.bucket = b.bucket AND o.store_id = %(store_id)s AND o.id >= %(first)s
    AND o.id < %(before)s AND o.placed_at >= %(since)s
    AND o.state IN ('placed', 'paid') AND o.cancelled_at IS NULL
    AND (%(which)s = 'all'
      OR (k.result IS NULL
        OR (k.result = ANY(%(again)s::text[]) AND coalesce(k.again_at, %(now)s) <= %(now)s))
      = (%(which)s = 'to_call'))
  ORDER BY o.id DESC LIMIT %(most)s
) f
JOIN contact c ON c.bucket = f.bucket AND c.store_id = %(store_id)s AND c.id = f.contact_id
LEFT JOIN contact m ON m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s
  AND m.id = c.merged_into
ORDER BY f.id DESC LIMIT %(most)s
"""


async def fresh(
    tx: Tx, store: Store, which: Which, now: datetime, before: int = NO_END, most: int = PAGE
) -> list[Fresh]:
    """Orders of the last days that are neither cancelled nor on their way, the newest first."""
    since = now - FRESH_FOR
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
        "first": id_floor(since), "since": since, "before": before, "most": most,
        "which": which, "again": list(AGAIN), "now": now,
    }  # fmt: skip
    rows = await (await tx.execute(FRESH, given)).fetchall()
    return [_fresh(row) for row in rows]


def _fresh(row: Mapping[str, Any]) -> Fresh:
    told = {name: value for name, value in row.items() if name != "bucket"}
    return Fresh(**told | {"calls": told["calls"] or 0})


ORDER = """
SELECT o.contact_id FROM purchase_order o
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.id = %(order_id)s
"""
PUT = """
INSERT INTO order_call (bucket, store_id, id, order_id, contact_id, at, by, result, note, again_at)
SELECT %(bucket)s, %(store_id)s, %(id)s, %(order_id)s, %(contact_id)s, %(at)s, %(by)s, %(result)s,
  %(note)s, %(again_at)s
"""


@dataclass(frozen=True, slots=True)
class Call:
    """What a call came to."""

    result: Result
    by: str  # page/Anna, api/till
    note: str = ""
    again_at: datetime | None = None  # of one that is to be tried again


async def write(
    tx: Tx, store: Store, order_id: int, row_id: int, call: Call, now: datetime
) -> bool:
    """Notes a call; `row_id` lies in the order's bucket. False: there is no such order here."""
    given = {"bucket": bucket_of_id(order_id), "store_id": store.id, "order_id": order_id}
    order = await (await tx.execute(ORDER, given)).fetchone()
    if order is None:
        return False
    told = {
        "id": row_id, "contact_id": order["contact_id"], "at": now, "by": call.by,
        "result": call.result, "note": call.note,
        "again_at": call.again_at if call.result in AGAIN else None,
    }  # fmt: skip
    await tx.execute(PUT, given | told)
    return True


OF_ORDER = """
SELECT k.id, k.at, k.by, k.result, k.note, k.again_at FROM order_call k
WHERE k.bucket = %(bucket)s AND k.store_id = %(store_id)s AND k.order_id = %(order_id)s
ORDER BY k.id DESC LIMIT %(most)s
"""


async def of_order(tx: Tx, store: Store, order_id: int) -> list[Mapping[str, Any]] | None:
    """All calls about an order, the last one first; None: there is no such order here."""
    given = {
        "bucket": bucket_of_id(order_id), "store_id": store.id, "order_id": order_id,
        "most": PAGE_MAX,
    }  # fmt: skip
    if await (await tx.execute(ORDER, given)).fetchone() is None:
        return None
    return [*await (await tx.execute(OF_ORDER, given)).fetchall()]


# ------------------------------------------------------------------ is it still for hands?

# As many as decide, not all that there are: a shop of a million visits is asked as quickly.
ORDERS = """
SELECT count(*)::bigint AS n FROM (
  SELECT FROM purchase_order o
  WHERE o.bucket = ANY(%(buckets)s) AND o.store_id = %(store_id)s AND o.id >= %(first)s
  LIMIT %(most)s
) o
"""
VISITS = """
SELECT count(*)::bigint AS n FROM (
  SELECT FROM visit v
  WHERE v.bucket = ANY(%(buckets)s) AND v.store_id = %(store_id)s AND v.id >= %(first)s
  LIMIT %(most)s
) v
"""


async def visits(tx: Tx, store: Store, now: datetime, most: int) -> int:
    """Visits of known customers in the last week; counted no further than `most`."""
    return await _counted(tx, VISITS, store, now, most)


async def orders(tx: Tx, store: Store, now: datetime, most: int) -> int:
    """Orders of the last week; counted no further than `most`."""
    return await _counted(tx, ORDERS, store, now, most)


async def _counted(tx: Tx, statement: str, store: Store, now: datetime, most: int) -> int:
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
        "first": id_floor(now - VISITS_WITHIN), "most": most,
    }  # fmt: skip
    row = await (await tx.execute(statement, given)).fetchone()
    return int(row["n"]) if row else 0
