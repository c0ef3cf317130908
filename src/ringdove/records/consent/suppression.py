"""The list of refusals that survives everything: keyed hashes of numbers and addresses (P12, R5).

Nobody can read a number out of it; who has the number can ask. What is asked of many at once
(a scene, an import, a pasted list) goes in one statement. The newest page costs the same with ten
rows and with a million.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules.consent import suppression
from ringdove.rules.scenes import Held, Store

Keyed = Callable[[int, str], str]  # store, text
Key = tuple[str, str]  # phone or email, and its value

ASKED_MOST = 5_000
ROWS = 40
END = datetime(9999, 1, 1, tzinfo=UTC)
END_HASH = "~"  # after every hexadecimal sign


class Row(NamedTuple):
    """One refusal to write."""

    hash: str
    scope: str
    reason: str
    at: datetime
    contact_id: int | None = None


def bucket_of_hash(store: Store, digest: str) -> int:
    """Where the refusal with this hash lies."""
    return bucket_of(store.bucket_base, store.bucket_span, f"suppression/{digest}")


def hash_of(store: Store, keyed: Keyed, kind: str, value: str) -> str:
    """The keyed hash of a phone (E.164) or an e-mail address."""
    return keyed(store.id, suppression.hashed(kind, value))


# ------------------------------------------------------------------ asking

HELD = """
SELECT s.hash, s.scope, s.reason, s.at
FROM unnest(%(places)s::integer[], %(hashes)s::text[]) AS k(bucket, hash)
CROSS JOIN LATERAL (
  SELECT s.* FROM suppression s
  WHERE s.bucket = k.bucket AND s.store_id = %(store_id)s AND s.hash = k.hash OFFSET 0
) s
"""


async def held(tx: Tx, store: Store, hashes: Collection[str]) -> dict[str, Held]:
    """Of these hashes those that are refused. Up to ASKED_MOST at once."""
    if not hashes:
        return {}
    some = list(hashes)
    given = {
        "store_id": store.id,
        "places": db.numbers(bucket_of_hash(store, one) for one in some),
        "hashes": db.words(some),
    }
    rows = await (await tx.execute(HELD, given)).fetchall()
    return {row["hash"]: Held(row["scope"], row["reason"], row["at"]) for row in rows}


async def held_of(tx: Tx, store: Store, keyed: Keyed, keys: Iterable[Key]) -> dict[Key, Held]:
    """The same, asked by the numbers and addresses themselves: what imports and scenes ask."""
    by_hash = {hash_of(store, keyed, kind, value): (kind, value) for kind, value in keys}
    found = await held(tx, store, by_hash)
    return {by_hash[one]: row for one, row in found.items()}


# ------------------------------------------------------------------ writing

# The wider refusal counts, and keeps its reason; what an address did (bounced) is the least of all.
PUT = """
INSERT INTO suppression AS s (bucket, store_id, hash, scope, reason, at, contact_id)
SELECT r.bucket, %(store_id)s, r.hash, r.scope, r.reason, r.at, r.contact_id
FROM jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, hash text, scope text, reason text, at timestamptz, contact_id bigint)
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id, hash) DO UPDATE SET
  scope = CASE WHEN 'all' IN (s.scope, EXCLUDED.scope) AND 'bounced' NOT IN (s.reason,
    EXCLUDED.reason) THEN 'all' WHEN s.reason = 'bounced' THEN EXCLUDED.scope ELSE s.scope END,
  reason = CASE WHEN EXCLUDED.reason <> 'bounced' AND (s.reason = 'bounced'
    OR s.scope = 'marketing' AND EXCLUDED.scope = 'all') THEN EXCLUDED.reason ELSE s.reason END,
  contact_id = coalesce(EXCLUDED.contact_id, s.contact_id)
RETURNING xmax = 0 AS is_new
"""


async def put(tx: Tx, store: Store, rows: Iterable[Row]) -> int:
    """Writes refusals; how many of them are new."""
    once = {row.hash: row for row in rows}
    told = sorted(
        ({"bucket": bucket_of_hash(store, one.hash), **one._asdict()} for one in once.values()),
        key=lambda row: (row["bucket"], row["hash"]),
    )
    if not told:
        return 0
    buckets = sorted({row["bucket"] for row in told})
    given = {"store_id": store.id, "buckets": buckets, "rows": db.document(told)}
    found = await (await tx.execute(PUT, given)).fetchall()
    return sum(row["is_new"] for row in found)


LIFT = """
DELETE FROM suppression s
USING unnest(%(places)s::integer[], %(hashes)s::text[]) AS k(bucket, hash)
WHERE s.bucket = k.bucket AND s.bucket = ANY(%(buckets)s) AND s.store_id = %(store_id)s
  AND s.hash = k.hash
"""


async def lift(tx: Tx, store: Store, hashes: Collection[str]) -> int:
    """These are refused no more; how many were."""
    some = sorted(hashes)
    if not some:
        return 0
    places = [bucket_of_hash(store, one) for one in some]
    given = {
        "store_id": store.id,
        "buckets": sorted(set(places)),
        "places": db.numbers(places),
        "hashes": db.words(some),
    }
    return (await tx.execute(LIFT, given)).rowcount


# ------------------------------------------------------------------ looking

NEWEST = """
SELECT s.hash, s.scope, s.reason, s.at, s.contact_id
FROM unnest(%(buckets)s::integer[]) AS b(bucket)
CROSS JOIN LATERAL (
  SELECT s.* FROM suppression s
  WHERE s.bucket = b.bucket AND s.store_id = %(store_id)s
    AND (s.at, s.hash) < (%(at)s, %(hash)s)
  ORDER BY s.at DESC, s.hash DESC LIMIT %(most)s OFFSET 0
) s
ORDER BY s.at DESC, s.hash DESC LIMIT %(most)s
"""
COUNTS = """
SELECT s.reason, s.scope, count(*) AS n FROM suppression s
WHERE s.bucket = ANY(%(buckets)s) AND s.store_id = %(store_id)s
GROUP BY s.reason, s.scope ORDER BY n DESC, s.reason
"""


async def newest(
    tx: Tx, store: Store, before: tuple[datetime, str] = (END, END_HASH), most: int = ROWS
) -> Sequence[Mapping[str, Any]]:
    """Refusals, the newest first; `before`: time and hash of the last that was shown."""
    given = _all(store) | {"at": before[0], "hash": before[1], "most": most}
    return await (await tx.execute(NEWEST, given)).fetchall()


async def counts(tx: Tx, store: Store) -> Sequence[Mapping[str, Any]]:
    """How many for which reason."""
    return await (await tx.execute(COUNTS, _all(store))).fetchall()


def _all(store: Store) -> dict[str, Any]:
    return {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
    }


KNOWN = """
SELECT r.contact_id FROM unnest(%(places)s::integer[], %(kinds)s::text[], %(values)s::text[])
  AS k(bucket, kind, value)
CROSS JOIN LATERAL (
  SELECT r.contact_id FROM contact_ref r
  WHERE r.bucket = k.bucket AND r.store_id = %(store_id)s AND r.kind = k.kind
    AND r.value = k.value OFFSET 0
) r
"""


async def known(tx: Tx, store: Store, keys: Sequence[Key]) -> list[int]:
    """The people to whom these numbers and addresses lead already: a refusal is theirs at once."""
    given = {
        "store_id": store.id,
        "places": db.numbers(
            bucket_of(store.bucket_base, store.bucket_span, f"{kind}/{value}")
            for kind, value in keys
        ),
        "kinds": db.words([kind for kind, _ in keys]),
        "values": db.words([value for _, value in keys]),
    }
    rows = await (await tx.execute(KNOWN, given)).fetchall()
    return sorted({row["contact_id"] for row in rows})
