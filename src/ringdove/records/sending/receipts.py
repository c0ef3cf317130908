"""Delivery receipts on their way to their messages: the map of the operators' ids (P6).

A receipt finds its message through provider_ref, or in the memory of the process that just got the
id. One that is here before the answer to the submit, or for an id never seen, is kept without a
message and applied when the id becomes known. What receipts add up to is
records/sending/messages.write.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, MutableMapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, buckets_of_store
from ringdove.rules.scenes import Store

Tx = AsyncConnection[Any]

FAILED = ("failed", "rejected", "undeliverable", "expired", "deleted")


class Receipt(NamedTuple):
    """What an operator said became of one part."""

    provider_id: str
    state: str  # delivered, failed, expired, rejected, undeliverable, accepted, enroute, unknown …
    error: str = ""
    at: datetime | None = None


class Found(NamedTuple):
    """The message, and which part of it, that an operator's id stands for."""

    message_id: int
    part: int


def bucket_of_provider(store: Store, gateway_id: int, provider_id: str) -> int:
    """Where the receipt map keeps an id."""
    if store.bucket_span == 1:
        return bucket_of(store.bucket_base, 1, "")
    key = f"provider/{gateway_id}/{provider_id}"
    return bucket_of(store.bucket_base, store.bucket_span, key)


def _keys(store: Store, gateway_id: int, ids: Collection[str]) -> dict[str, Any]:
    """Ids with their buckets, as statements about many buckets at once take them: one statement a
    bucket would cost a big store more than all the rest of a batch."""
    if store.bucket_span == 1:
        places = [bucket_of_provider(store, gateway_id, "")] * len(ids)
    else:
        places = [bucket_of_provider(store, gateway_id, one) for one in ids]
    return {
        "store_id": store.id,
        "gateway_id": gateway_id,
        "buckets": sorted(set(places)),
        "places": db.numbers(places),
        "providers": db.words(list(ids)),
    }


# Operators count from the beginning again (a restart, a short counter): the newest message it is.
PUT_REFS = """
INSERT INTO provider_ref (bucket, store_id, gateway_id, provider_id, message_id, part)
SELECT r.bucket, %(store_id)s, %(gateway_id)s, r.provider_id, r.message_id, r.part
FROM unnest(%(places)s::integer[], %(providers)s::text[], %(messages)s::bigint[],
  %(parts)s::smallint[]) AS r(bucket, provider_id, message_id, part)
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id, gateway_id, provider_id) DO UPDATE SET
  message_id = EXCLUDED.message_id, part = EXCLUDED.part
"""
EARLY_MAX = timedelta(days=1)  # what has waited for longer was of another message of that id
EARLY = """
DELETE FROM receipt r
USING unnest(%(places)s::integer[], %(providers)s::text[]) AS k(bucket, provider_id)
WHERE r.bucket = k.bucket AND r.store_id = %(store_id)s AND r.message_id = 0
  AND r.gateway_id = %(gateway_id)s AND r.provider_id = k.provider_id AND r.heard_at > %(since)s
RETURNING r.provider_id, r.state, r.error, r.at
"""
HAS_EARLY = """
SELECT EXISTS (
  SELECT FROM receipt r
  WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s AND r.message_id = 0
    AND r.gateway_id = %(gateway_id)s
) AS found
"""


async def map_ids(
    tx: Tx, store: Store, gateway_id: int, ids: Mapping[str, Found],
    known: MutableMapping[str, Found], now: datetime,
) -> list[tuple[Found, Receipt]]:  # fmt: skip
    """Remembers whose these ids are; the receipts that were here before them."""
    if not ids:
        return []
    known.update(ids)
    keys = _keys(store, gateway_id, ids)
    whose = {
        "messages": db.numbers(one.message_id for one in ids.values()),
        "parts": db.numbers(one.part for one in ids.values()),
    }
    async with tx.pipeline():
        await tx.execute(PUT_REFS, keys | whose)
        row = await (await tx.execute(HAS_EARLY, keys)).fetchone()
    if not (row and row["found"]):
        return []
    async with tx.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(EARLY, keys | {"since": now - EARLY_MAX})
        return [(ids[row[0]], Receipt._make(row)) for row in await cursor.fetchall()]


MATCH = """
SELECT p.provider_id, p.message_id, p.part
FROM unnest(%(places)s::integer[], %(providers)s::text[]) AS k(bucket, provider_id)
CROSS JOIN LATERAL (
  SELECT p.provider_id, p.message_id, p.part FROM provider_ref p
  WHERE p.bucket = k.bucket AND p.store_id = %(store_id)s AND p.gateway_id = %(gateway_id)s
    AND p.provider_id = k.provider_id OFFSET 0
) p
"""
# A stray one of the same id may lie here since long: it is the newest that will be asked for.
KEEP = """
INSERT INTO receipt
  (bucket, store_id, message_id, gateway_id, provider_id, part, state, error, at, heard_at)
SELECT %(bucket)s, %(store_id)s, 0, %(gateway_id)s, r.provider_id, 0, r.state, r.error, r.at,
  %(now)s
FROM jsonb_to_recordset(%(rows)s) AS r(provider_id text, state text, error text, at timestamptz)
ON CONFLICT (bucket, store_id, message_id, gateway_id, provider_id, state) DO UPDATE SET
  error = EXCLUDED.error, at = EXCLUDED.at, heard_at = EXCLUDED.heard_at
"""


async def match(
    tx: Tx, store: Store, gateway_id: int, told: Sequence[Receipt],
    known: Mapping[str, Found], now: datetime,
) -> tuple[list[tuple[Found, Receipt]], list[Receipt]]:  # fmt: skip
    """Receipts with their messages; and those without one, kept until their id becomes known."""
    strange = {one.provider_id for one in told if one.provider_id not in known}
    looked_up: dict[str, Found] = {}
    if strange:
        async with tx.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(MATCH, _keys(store, gateway_id, strange))
            for provider_id, message_id, part in await cursor.fetchall():
                looked_up[provider_id] = Found(message_id, part)
    matched, unmatched = [], []
    for one in told:
        found = known.get(one.provider_id) or looked_up.get(one.provider_id)
        if found is None:
            unmatched.append(one)
        else:
            matched.append((found, one))
    base = {"store_id": store.id, "gateway_id": gateway_id, "now": now}
    await _keep(tx, store, gateway_id, unmatched, base)
    return matched, unmatched


async def _keep(
    tx: Tx, store: Store, gateway_id: int, unmatched: Sequence[Receipt], base: Mapping[str, Any]
) -> None:
    groups: dict[int, list[dict[str, Any]]] = defaultdict(list)
    once = {(one.provider_id, one.state): one for one in unmatched}
    for key in sorted(once):
        bucket = bucket_of_provider(store, gateway_id, key[0])
        groups[bucket].append(once[key]._asdict())
    for bucket in sorted(groups):
        await tx.execute(KEEP, {**base, "bucket": bucket, "rows": db.document(groups[bucket])})


STRANGE = """
DELETE FROM receipt r
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s AND r.message_id = 0
  AND r.gateway_id = %(gateway_id)s AND r.heard_at > %(since)s
RETURNING r.provider_id, r.state, r.error, r.at
"""


async def take_strange(tx: Tx, store: Store, gateway_id: int, now: datetime) -> list[Receipt]:
    """All that a gateway told lately of ids that nobody knew: the caller writes them again."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id, "gateway_id": gateway_id, "since": now - EARLY_MAX,
    }  # fmt: skip
    async with tx.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(STRANGE, given)
        return [Receipt._make(row) for row in await cursor.fetchall()]


# An answer and its receipt that two processes wrote at the same moment did not see each other.
REMATCH = """
DELETE FROM receipt r USING provider_ref p
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s AND r.message_id = 0
  AND r.heard_at > %(since)s AND p.bucket = ANY(%(buckets)s) AND p.store_id = %(store_id)s
  AND p.bucket = r.bucket AND p.gateway_id = r.gateway_id AND p.provider_id = r.provider_id
RETURNING r.gateway_id, r.provider_id, r.state, r.error, r.at
"""


async def take_unmatched(tx: Tx, store: Store, now: datetime) -> dict[int, list[Receipt]]:
    """Receipts kept without a message whose id has become known since, by gateway; they are the
    caller's to write again."""
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    given = {"buckets": buckets, "store_id": store.id, "since": now - EARLY_MAX}
    found: dict[int, list[Receipt]] = defaultdict(list)
    async with tx.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(REMATCH, given)
        for gateway_id, *receipt in await cursor.fetchall():
            found[gateway_id].append(Receipt._make(receipt))
    return found
