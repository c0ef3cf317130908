"""How often a store's people buy, of each category and at all: learnt once a day from what is kept
of each (rules/segments/rhythm.py says how), read by whoever expects a purchase.

Learning reads every category of everybody once, without a lock and without writing to any of them.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store
from ringdove.rules.segments import rhythm
from ringdove.rules.segments.rhythm import Pace, Paces, Sums

LEARN_EVERY: Final = timedelta(days=1)
CATEGORIES_MAX: Final = 1_000  # those that most people came back to

# Of people who bought on two days at least; what a buyer spends is said by all buyers. Who were
# merged into others have no rows here.
SUMS = """
SELECT k.category, count(*) FILTER (WHERE k.days > 1) AS people,
  coalesce(sum(g.own) FILTER (WHERE k.days > 1), 0)::float8 AS gaps,
  coalesce(sum(g.own * g.own) FILTER (WHERE k.days > 1), 0)::float8 AS squares,
  coalesce(sum(1.0 / (k.days - 1)) FILTER (WHERE k.days > 1), 0)::float8 AS shares,
  round(avg(k.spent), 2) AS spent
FROM contact_category k
CROSS JOIN LATERAL (
  SELECT extract(epoch FROM k.bought_at - k.first_at)::float8 / 86400 / nullif(k.days - 1, 0)
) g(own)
WHERE k.bucket = ANY(%(buckets)s) AND k.store_id = %(store_id)s AND k.orders > 0
GROUP BY k.category ORDER BY 2 DESC, 1 LIMIT %(most)s
"""
SUMS_OF_ALL = """
SELECT count(*) FILTER (WHERE f.days > 1) AS people,
  coalesce(sum(g.own) FILTER (WHERE f.days > 1), 0)::float8 AS gaps,
  coalesce(sum(g.own * g.own) FILTER (WHERE f.days > 1), 0)::float8 AS squares,
  coalesce(sum(1.0 / (f.days - 1)) FILTER (WHERE f.days > 1), 0)::float8 AS shares,
  coalesce(round(avg(f.spent), 2), 0) AS spent
FROM contact_figure f
CROSS JOIN LATERAL (
  SELECT extract(epoch FROM f.last_order_at - f.first_order_at)::float8 / 86400
    / nullif(f.days - 1, 0)
) g(own)
WHERE f.bucket = ANY(%(buckets)s) AND f.store_id = %(store_id)s AND f.orders > 0
"""
PUT = """
INSERT INTO rhythm (store_id, category, people, gap_days, weight, spent, learnt_at)
SELECT %(store_id)s, r.category, r.people, r.gap_days, r.weight, r.spent, %(now)s
FROM jsonb_to_recordset(%(rows)s) AS r(category text, people integer, gap_days float8,
  weight float8, spent numeric)
ORDER BY r.category
ON CONFLICT (store_id, category) DO UPDATE SET people = EXCLUDED.people,
  gap_days = EXCLUDED.gap_days, weight = EXCLUDED.weight, spent = EXCLUDED.spent,
  learnt_at = EXCLUDED.learnt_at
"""
FORGET = "DELETE FROM rhythm r WHERE r.store_id = %(store_id)s AND r.learnt_at < %(now)s"
OF_STORE = """
SELECT r.category, r.gap_days, r.weight, r.people, r.spent FROM rhythm r
WHERE r.store_id = %(store_id)s
"""
IS_DUE = """
SELECT NOT EXISTS (SELECT FROM rhythm r
  WHERE r.store_id = %(store_id)s AND r.category = '' AND r.learnt_at > %(since)s) AS is_due
"""


async def of_store(tx: Tx, store: Store) -> Paces:
    """By category, rhythm.ALL the shop's own; empty before anything was learnt: ask
    rhythm.pace_of."""
    rows = await (await tx.execute(OF_STORE, {"store_id": store.id})).fetchall()
    return {row.pop("category"): Pace(**row) for row in rows}


async def is_due(tx: Tx, store: Store, now: datetime) -> bool:
    """Whether it is time to learn again."""
    given = {"store_id": store.id, "since": now - LEARN_EVERY}
    row = await (await tx.execute(IS_DUE, given)).fetchone()
    return row is None or bool(row["is_due"])


async def learn(tx: Tx, store: Store, now: datetime) -> Paces:
    """Learns all paces of a store and keeps them."""
    given = {
        "store_id": store.id, "most": CATEGORIES_MAX,
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
    }  # fmt: skip
    rows = await (await tx.execute(SUMS, given)).fetchall()
    sums = {row["category"]: _sums(row) for row in rows}
    row = await (await tx.execute(SUMS_OF_ALL, given)).fetchone()
    assert row is not None
    paces = rhythm.learnt(sums | {rhythm.ALL: _sums(row)})
    told = [
        {"category": key, "people": one.people, "gap_days": one.gap_days, "weight": one.weight,
         "spent": one.spent}
        for key, one in paces.items()
    ]  # fmt: skip
    await tx.execute(PUT, {"store_id": store.id, "now": now, "rows": db.document(told)})
    await tx.execute(FORGET, {"store_id": store.id, "now": now})
    return paces


def _sums(row: Mapping[str, Any]) -> Sums:
    spent = row["spent"] or Decimal(0)
    return Sums(row["people"], row["gaps"], row["squares"], row["shares"], spent)
