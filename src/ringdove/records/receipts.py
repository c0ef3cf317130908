"""Delivery receipts: kept as they came, added up on the message (P6).

A receipt finds its message through provider_ref. One that is here before the answer to the submit,
or for an id never seen, is kept unmatched and applied when the id becomes known. Doubles change
nothing. A message is delivered when all its parts are; one failed part makes it failed.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, bucket_of_id
from ringdove.records import counters
from ringdove.rules.scenes import Store

Tx = AsyncConnection[Any]

FAILED = ("failed", "rejected", "undeliverable", "expired", "deleted")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an operator said became of one part."""

    provider_id: str
    state: str  # delivered, failed, expired, rejected, undeliverable, accepted, enroute, unknown …
    error: str = ""
    at: datetime | None = None


MATCH = """
SELECT r.provider_id, r.message_id, r.part FROM provider_ref r
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.gateway_id = %(gateway_id)s
  AND r.provider_id = ANY(ARRAY(SELECT jsonb_array_elements_text(%(ids)s)))
"""
KEEP = """
INSERT INTO receipt
  (bucket, store_id, message_id, gateway_id, provider_id, part, state, error, at, heard_at)
SELECT %(bucket)s, %(store_id)s, r.message_id, %(gateway_id)s, r.provider_id, r.part, r.state,
  r.error, r.at, %(now)s
FROM jsonb_to_recordset(%(rows)s) AS r(
  message_id bigint, provider_id text, part smallint, state text, error text, at timestamptz)
ON CONFLICT (bucket, store_id, message_id, gateway_id, provider_id, state) DO NOTHING
RETURNING message_id, part, state, error
"""
# LIFE in rules/messages.py: only what is sent or unknown can still be settled by a receipt.
ADD_UP = """
UPDATE message m SET
  parts_delivered = m.parts_delivered + r.delivered,
  parts_failed = m.parts_failed + r.failed,
  reason = CASE WHEN r.failed > 0 AND m.state IN ('sent', 'unknown') THEN r.error
                WHEN m.parts_delivered + r.delivered >= m.parts THEN '' ELSE m.reason END,
  done_at = CASE WHEN m.state IN ('sent', 'unknown')
    AND (r.failed > 0 OR m.parts_delivered + r.delivered >= m.parts) THEN %(now)s
    ELSE m.done_at END,
  state = CASE WHEN m.state NOT IN ('sent', 'unknown') THEN m.state
    WHEN m.parts_failed + r.failed > 0 THEN 'failed'
    WHEN m.parts_delivered + r.delivered >= m.parts THEN 'delivered' ELSE m.state END
FROM jsonb_to_recordset(%(rows)s) AS r(
  message_id bigint, delivered smallint, failed smallint, error text)
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = r.message_id
RETURNING m.state, m.parts_failed, r.delivered, r.failed
"""


async def record(
    tx: Tx, store: Store, gateway_id: int, told: Sequence[Receipt], now: datetime
) -> None:
    """Writes a batch of receipts. Only after its commit may they be acknowledged."""
    by_bucket: dict[int, list[Receipt]] = defaultdict(list)
    for receipt in told:
        key = f"provider/{gateway_id}/{receipt.provider_id}"
        by_bucket[bucket_of(store.bucket_base, store.bucket_span, key)].append(receipt)
    matched: list[dict[str, Any]] = []
    for bucket in sorted(by_bucket):
        known = await _matched(
            tx, store, gateway_id, bucket, [r.provider_id for r in by_bucket[bucket]]
        )
        rows = [_row(r, *known.get(r.provider_id, (0, 0))) for r in by_bucket[bucket]]
        await _keep(tx, store, gateway_id, bucket, [r for r in rows if not r["message_id"]], now)
        matched += [r for r in rows if r["message_id"]]
    await _add_up(tx, store, gateway_id, matched, now)
    await db.notify(tx, "live", str(store.id))


async def _matched(
    tx: Tx, store: Store, gateway_id: int, bucket: int, ids: Sequence[str]
) -> dict[str, tuple[int, int]]:
    cursor = await tx.execute(
        MATCH,
        {
            "bucket": bucket, "store_id": store.id, "gateway_id": gateway_id,
            "ids": Jsonb(list(ids)),
        },
    )  # fmt: skip
    return {r["provider_id"]: (r["message_id"], r["part"]) for r in await cursor.fetchall()}


def _row(receipt: Receipt, message_id: int, part: int) -> dict[str, Any]:
    return {
        "provider_id": receipt.provider_id,
        "message_id": message_id,
        "part": part,
        "state": receipt.state,
        "error": receipt.error,
        "at": receipt.at,
    }


async def _keep(
    tx: Tx, store: Store, gateway_id: int, bucket: int, rows: Sequence[Any], now: datetime
) -> Sequence[Any]:
    if not rows:
        return []
    cursor = await tx.execute(
        KEEP,
        {
            "bucket": bucket, "store_id": store.id, "gateway_id": gateway_id, "now": now,
            "rows": db.document(rows),
        },
    )  # fmt: skip
    return await cursor.fetchall()


async def _add_up(
    tx: Tx, store: Store, gateway_id: int, rows: Sequence[dict[str, Any]], now: datetime
) -> None:
    by_bucket: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_bucket[bucket_of_id(row["message_id"])].append(row)
    for bucket in sorted(by_bucket):
        new = await _keep(tx, store, gateway_id, bucket, by_bucket[bucket], now)
        sums: dict[int, dict[str, Any]] = {}
        counts: Counter[str] = Counter()
        for row in new:
            total = sums.setdefault(
                row["message_id"],
                {"message_id": row["message_id"], "delivered": 0, "failed": 0, "error": ""},
            )
            if row["state"] == "delivered":
                total["delivered"] += 1
            elif row["state"] in FAILED:
                total["failed"] += 1
                total["error"] = f"{row['state']} {row['error']}".strip()
        finals = [s for s in sums.values() if s["delivered"] or s["failed"]]
        if finals:
            cursor = await tx.execute(
                ADD_UP,
                {"bucket": bucket, "store_id": store.id, "now": now, "rows": db.document(finals)},
            )
            for row in await cursor.fetchall():
                if row["state"] == "delivered" and row["delivered"]:
                    counts["delivered"] += 1  # its last part just arrived
                elif row["state"] == "failed" and row["failed"] == row["parts_failed"] > 0:
                    counts["undelivered"] += 1  # its first part just failed
        await counters.add(tx, store, now, counts, bucket)


EARLY_MAX = timedelta(days=1)  # what has waited for longer was of another message of that id
EARLY = """
DELETE FROM receipt r
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.message_id = 0
  AND r.gateway_id = %(gateway_id)s AND r.heard_at > %(since)s
  AND r.provider_id = ANY(ARRAY(SELECT jsonb_array_elements_text(%(ids)s)))
RETURNING r.provider_id, r.state, r.error, r.at
"""


async def match_early(
    tx: Tx, store: Store, gateway_id: int, bucket: int, ids: Sequence[str], now: datetime
) -> None:
    """Applies receipts that came before the answer to their submit."""
    cursor = await tx.execute(
        EARLY,
        {
            "bucket": bucket, "store_id": store.id, "gateway_id": gateway_id,
            "ids": Jsonb(list(ids)), "since": now - EARLY_MAX,
        },
    )  # fmt: skip
    early = [Receipt(**row) for row in await cursor.fetchall()]
    if early:
        await record(tx, store, gateway_id, early, now)
