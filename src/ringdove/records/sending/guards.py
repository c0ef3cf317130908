"""Buyers are left alone (P3, R51): what a guarded text must not have behind it is asked in the
transaction that takes it from the outbox.

Who takes has locked the person before, and every answer to a purchase holds that lock under each of
the person's names. What a shop has told and nobody has answered yet counts too: texts to whom it
names wait for its answer. That is looked at first, so that what is answered meanwhile is seen by
the next look.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from pydantic import ValidationError

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, bucket_of_id, buckets_of_store
from ringdove.records.automations import wish_stock
from ringdove.rules import answers, facts
from ringdove.rules.scenes import Store

Tx = AsyncConnection[Any]
Row = Mapping[str, Any]

UNANSWERED_MAX = 5_000  # with more of them, every guarded text waits until fewer are left
WAITS_FOR_ANSWER = timedelta(seconds=2)
PURCHASES = (
    "order.placed", "order.changed", "order.cancelled", "order.removed", "payment.received",
)  # fmt: skip


@dataclass(slots=True)
class Asked:
    """What guards say: these wait a moment, these are not said, with the reason."""

    wait: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)
    tells: dict[int, list[int]] = field(default_factory=dict)  # by message, wishes that it grants


GUARDED = """
SELECT m.id, m.contact_id, m.order_id, m.guard, m.guard_since, m.sku, c.merged_into,
  c.last_order_at
FROM unnest(%(ids)s::bigint[]) AS k(id)
CROSS JOIN LATERAL (
  SELECT m.* FROM message m
  WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = k.id OFFSET 0
) m
CROSS JOIN LATERAL (
  SELECT c.merged_into, c.last_order_at FROM contact c
  WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = m.contact_id OFFSET 0
) c
"""


async def ask(
    tx: Tx, store: Store, bucket: int, message_ids: Sequence[int], now: datetime
) -> Asked:
    """Asks the guards of these messages of a bucket, whose people are locked."""
    asked = Asked()
    if not message_ids:
        return asked
    buyers = await _unanswered(tx, store)
    given = {"bucket": bucket, "store_id": store.id, "ids": db.numbers(message_ids)}
    rows = await (await tx.execute(GUARDED, given)).fetchall()
    if buyers is None:
        asked.wait = {row["id"] for row in rows if row["guard"] != "in_stock"}
    else:
        asked.wait = {
            row["id"] for row in rows
            if row["guard"] != "in_stock" and _main(row) in buyers
        }  # fmt: skip
    left = [row for row in rows if row["id"] not in asked.wait]
    by_guard: dict[str, list[Row]] = defaultdict(list)
    for row in left:
        by_guard[row["guard"]].append(row)
    await _unpaid(tx, store, by_guard["unpaid"], asked)
    await _unbought(tx, store, by_guard["unbought"], asked)
    wants = [
        wish_stock.Wanted(row["id"], row["contact_id"], row["sku"]) for row in by_guard["in_stock"]
    ]
    stocked = await wish_stock.in_stock(tx, store, wants, now)
    asked.wait |= stocked.busy
    asked.refused |= dict.fromkeys(stocked.gone, "sold_out")
    asked.tells = stocked.tells
    if asked.wait:
        later = given | {"ids": db.numbers(asked.wait), "due_at": now + WAITS_FOR_ANSWER}
        await tx.execute(WAIT, later)
    return asked


WAIT = """
UPDATE outbox o SET due_at = %(due_at)s
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.message_id = ANY(%(ids)s::bigint[])
"""


def _main(row: Row) -> int:
    """The living person behind a row about a contact."""
    return int(row["merged_into"] or row["contact_id"])


# ------------------------------------------------------------------ what is told and not answered

# What waits for an order that nobody has told of is about no text; what is parked waits for staff.
UNANSWERED = """
SELECT f.kind, f.body FROM (
  SELECT p.bucket, p.fact_id FROM pending_fact p
  WHERE p.bucket = ANY(%(buckets)s) AND p.store_id = %(store_id)s AND p.urgency = 0
    AND p.parked_at IS NULL AND p.waits_for IS NULL
  LIMIT %(most)s
) p
CROSS JOIN LATERAL (
  SELECT f.kind, CASE WHEN f.kind = ANY(%(kinds)s::text[]) THEN f.body::text END AS body
  FROM fact f
  WHERE f.bucket = p.bucket AND f.store_id = %(store_id)s AND f.id = p.fact_id OFFSET 0
) f
"""
NAMED = """
SELECT r.contact_id FROM unnest(%(buckets)s::integer[], %(kinds)s::text[], %(values)s::text[])
  AS k(bucket, kind, value)
CROSS JOIN LATERAL (
  SELECT r.contact_id FROM contact_ref r
  WHERE r.bucket = k.bucket AND r.store_id = %(store_id)s AND r.kind = k.kind AND r.value = k.value
  OFFSET 0
) r
"""


async def _unanswered(tx: Tx, store: Store) -> set[int] | None:
    """Whom purchases name that were told and are not answered yet, as living people; None: too
    much waits for its answer to be looked through."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
        "kinds": db.words(PURCHASES), "most": UNANSWERED_MAX,
    }  # fmt: skip
    rows = await (await tx.execute(UNANSWERED, given)).fetchall()
    if len(rows) == UNANSWERED_MAX:
        return None
    told: list[facts.Fact] = []
    for row in rows:
        with suppress(ValidationError):  # what nobody can read is parked by who answers (P11)
            told += [facts.read(row["body"])] if row["body"] else []
    keys = sorted({key for fact in told for key in answers.about(fact, store.country)})
    if not keys:
        return set()
    named = {
        "store_id": store.id,
        "buckets": db.numbers(
            bucket_of(store.bucket_base, store.bucket_span, f"{kind}/{value}")
            for kind, value in keys
        ),
        "kinds": db.words([kind for kind, _ in keys]),
        "values": db.words([value for _, value in keys]),
    }
    found = await (await tx.execute(NAMED, named)).fetchall()
    return {_main(row) for row in await _people(tx, store, (row["contact_id"] for row in found))}


PEOPLE = """
SELECT c.id AS contact_id, c.merged_into, c.last_order_at
FROM unnest(%(buckets)s::integer[], %(ids)s::bigint[]) AS k(bucket, id)
CROSS JOIN LATERAL (
  SELECT c.id, c.merged_into, c.last_order_at FROM contact c
  WHERE c.bucket = k.bucket AND c.store_id = %(store_id)s AND c.id = k.id OFFSET 0
) c
"""


async def _people(tx: Tx, store: Store, contact_ids: Iterable[int]) -> Sequence[Row]:
    wanted = sorted(set(contact_ids))
    if not wanted:
        return []
    given = {"store_id": store.id, "buckets": _buckets(wanted), "ids": db.numbers(wanted)}
    return await (await tx.execute(PEOPLE, given)).fetchall()


def _buckets(row_ids: Iterable[int]) -> str:
    return db.numbers(bucket_of_id(one) for one in row_ids)


# ------------------------------------------------------------------ guards

# A list of ids of one bucket: looked up one by one on a table without statistics, the planner took
# the index of numbers and read all orders of the bucket for each (300 ms for 500 texts).
ORDERS = """
SELECT p.id, p.paid_at, p.cancelled_at, p.payment_due
FROM purchase_order p
WHERE p.bucket = %(bucket)s AND p.store_id = %(store_id)s AND p.id = ANY(%(ids)s::bigint[])
"""


async def _unpaid(tx: Tx, store: Store, rows: Sequence[Row], asked: Asked) -> None:
    """The order is still to be paid."""
    by_bucket: dict[int, set[int]] = defaultdict(set)
    for row in rows:
        if row["order_id"]:
            by_bucket[bucket_of_id(row["order_id"])].add(row["order_id"])
    given = [
        {"bucket": bucket, "store_id": store.id, "ids": db.numbers(sorted(some))}
        for bucket, some in sorted(by_bucket.items())
    ]
    orders: dict[int, Row] = {}
    for cursor in await db.execute_each(tx, ORDERS, given):
        orders |= {row["id"]: row for row in await cursor.fetchall()}
    for row in rows:
        order = orders.get(row["order_id"])
        if order and order["paid_at"]:
            asked.refused[row["id"]] = "paid"
        elif order and order["cancelled_at"]:
            asked.refused[row["id"]] = "cancelled"
        elif not (order and order["payment_due"]):
            asked.refused[row["id"]] = "not_due"


async def _unbought(tx: Tx, store: Store, rows: Sequence[Row], asked: Asked) -> None:
    """They have ordered nothing since, under none of their names: the living person's row knows of
    every order. One that was cancelled is one, too: they know the way."""
    merged = {row["merged_into"] for row in rows if row["merged_into"]}
    living = {row["contact_id"]: row for row in await _people(tx, store, merged)}
    for row in rows:
        last = living.get(row["merged_into"], row)["last_order_at"]
        since = row["guard_since"]
        if since is None or (last is not None and last >= since):
            asked.refused[row["id"]] = "bought"
