"""Campaigns in sums, many at once: how many people and texts, and what they were to cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store

RUNS = """
SELECT r.campaign_id, sum((c.value)::bigint) AS n
FROM campaign_run r CROSS JOIN LATERAL jsonb_each_text(r.counts) c
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
  AND r.campaign_id = ANY(%(ids)s::integer[]) AND c.key LIKE '%%/queued'
GROUP BY 1
"""
REHEARSED = """
SELECT r.campaign_id, r.result FROM rehearsal r
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
  AND r.campaign_id = ANY(%(ids)s::integer[]) AND r.state = 'done'
"""


@dataclass(frozen=True, slots=True)
class Totals:
    """Of one campaign; None: not known."""

    people: int | None
    queued: int | None
    money: Decimal | None


async def of(tx: Tx, store: Store, campaign_ids: Sequence[int]) -> dict[int, Totals]:
    """Of those that were rehearsed or have begun."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id, "ids": db.numbers(campaign_ids),
    }  # fmt: skip
    queued = {
        row["campaign_id"]: int(row["n"])
        for row in await (await tx.execute(RUNS, given)).fetchall()
    }
    found = {one: Totals(n, n, None) for one, n in queued.items()}
    for row in await (await tx.execute(REHEARSED, given)).fetchall():
        told, n = row["result"], queued.get(row["campaign_id"])
        people = n if n is not None else told.get("queued")
        # Without a price list nothing is known of the cost, and 0 would be a lie.
        money = Decimal(str(told["worst"])) if told.get("money_worst") else None
        found[row["campaign_id"]] = Totals(people, n, money)
    return found
