"""Facts: written once, queued for their answer, parked when they are poison (P8, P11).

A fact lives in the bucket of its subject, so that what makes it unique can be checked there. The
queue beside it (pending_fact) is what workers/react.py takes from; a wake-up is a fact that is due
later.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from ringdove.kit import db
from ringdove.kit.buckets import BUCKETS, Ids, bucket_of, bucket_of_id, buckets_of_store
from ringdove.rules.facts import Fact
from ringdove.rules.scenes import Store

BATCH = 500
CROWD_SHARE = 5  # beside facts of the outside a batch takes so many times fewer of our own timers
ATTEMPTS_MAX = 5  # then the fact is parked for a person to see
RETRY_AFTER = tuple(timedelta(seconds=seconds) for seconds in (5, 60, 600, 3600))
WAIT_FOR_MAX = timedelta(days=3)  # for an order that nobody tells us of

WRITE = """
WITH told AS (
  SELECT * FROM jsonb_to_recordset(%(rows)s) AS r(
    id bigint, source_key text, kind text, at timestamptz, due_at timestamptz, urgency smallint,
    body jsonb)
), new AS (
  INSERT INTO fact (bucket, store_id, id, connection_id, source_key, kind, at, heard_at, body)
  SELECT %(bucket)s, %(store_id)s, id, %(connection_id)s, source_key, kind, at, %(now)s, body
  FROM told
  ON CONFLICT (bucket, store_id, connection_id, source_key) DO NOTHING
  RETURNING id
)
INSERT INTO pending_fact (bucket, store_id, fact_id, due_at, urgency)
SELECT %(bucket)s, %(store_id)s, new.id, told.due_at, told.urgency
FROM new JOIN told ON told.id = new.id
"""


async def write(
    tx: AsyncConnection[Any],
    store: Store,
    connection_id: int,
    told: Sequence[Fact],
    now: datetime,
    ids: Ids,
) -> int:
    """Writes facts once and queues them; how many of them were new. The same id from the same
    connection again writes nothing. Wakes the workers when the transaction commits."""
    by_bucket: dict[int, dict[str, dict[str, Any]]] = defaultdict(dict)
    for fact in told:
        bucket = bucket_of_fact(store, fact)
        by_bucket[bucket].setdefault(fact.id, _row(fact, ids.make(bucket), now))
    new = await _write(tx, store, connection_id, by_bucket, now)
    for bucket in new:
        await db.notify(tx, "facts", str(bucket))
    return sum(new.values())


KEEP = """
INSERT INTO fact (bucket, store_id, id, connection_id, source_key, kind, at, heard_at, body)
SELECT %(bucket)s, %(store_id)s, %(id)s, 0, %(source_key)s, %(kind)s, %(at)s, %(now)s, %(body)s
ON CONFLICT (bucket, store_id, connection_id, source_key) DO NOTHING
"""


async def keep(tx: AsyncConnection[Any], store: Store, fact: Fact, now: datetime, ids: Ids) -> bool:
    """Writes a fact that is answered in this very transaction, so that no worker needs to; False:
    it was known already."""
    bucket = bucket_of_fact(store, fact)
    row = _row(fact, ids.make(bucket), now)
    given = row | {"bucket": bucket, "store_id": store.id, "now": now}
    cursor = await tx.execute(KEEP, given | {"body": db.document(row["body"])})
    return cursor.rowcount == 1


async def write_later(
    tx: AsyncConnection[Any], store: Store, told: Sequence[Fact], now: datetime, ids: Ids
) -> None:
    """Writes facts of our own that are to be answered when they happen: how automations wait."""
    by_bucket: dict[int, dict[str, dict[str, Any]]] = defaultdict(dict)
    for fact in told:
        bucket = bucket_of_fact(store, fact)
        by_bucket[bucket].setdefault(fact.id, _row(fact, ids.make(bucket), fact.at))
    await _write(tx, store, 0, by_bucket, now)


async def _write(
    tx: AsyncConnection[Any],
    store: Store,
    connection_id: int,
    by_bucket: Mapping[int, Mapping[str, Mapping[str, Any]]],
    now: datetime,
) -> dict[int, int]:
    """How many were new in each bucket that has new ones."""
    buckets = sorted(by_bucket)
    given = [
        {
            "bucket": bucket,
            "store_id": store.id,
            "connection_id": connection_id,
            "now": now,
            # In the order of keys: two doors that are told the same do not wait in a ring.
            "rows": db.document([row for _, row in sorted(by_bucket[bucket].items())]),
        }
        for bucket in buckets
    ]
    cursors = await db.execute_each(tx, WRITE, given)
    counts = zip(buckets, (cursor.rowcount for cursor in cursors), strict=True)
    return {bucket: count for bucket, count in counts if count}


def bucket_of_fact(store: Store, fact: Fact) -> int:
    """Where a fact lives: with its contact when it names one of ours, else by its subject."""
    contact = getattr(fact, "contact", None)
    if isinstance(contact, int):
        return bucket_of_id(contact)
    return bucket_of(store.bucket_base, store.bucket_span, fact.subject())


def _row(fact: Fact, fact_id: int, due_at: datetime) -> dict[str, Any]:
    body = fact.model_dump(mode="json", exclude_defaults=True)
    kind: str = fact.kind  # type: ignore[attr-defined]
    return {
        "id": fact_id,
        "source_key": fact.id,
        "kind": kind,
        "at": fact.at,
        "due_at": due_at,
        "urgency": int(fact.in_crowds),
        "body": body | {"kind": kind},
    }


# The claim of a batch: locked until the transaction that answers it ends, so a crash gives it back.
# Claimed before it is joined: planned as one, a long queue was joined and sorted whole (700 ms).
# What happens outside goes before our own timers, of which a hundred thousand may be due at ten
# o'clock: with such facts goes no more than a share of timers, which does not hold them up.
# A bucket is answered by turns, outside and timers each: facts about one new person lie near each
# other, and two batches that both meet them spoil each other's work again and again. Whose turn it
# is holds the oldest row; who finds it locked takes nothing and looks into another bucket.
TAKE = """
WITH outside AS MATERIALIZED (
  SELECT p.fact_id FROM pending_fact p
  WHERE p.bucket = %(bucket)s AND (p.store_id, p.fact_id) = (
    SELECT h.store_id, h.fact_id FROM pending_fact h
    WHERE h.bucket = %(bucket)s AND h.urgency = 0 AND h.due_at <= %(now)s AND h.parked_at IS NULL
    ORDER BY h.due_at, h.fact_id LIMIT 1)
  FOR UPDATE SKIP LOCKED
), timers AS MATERIALIZED (
  SELECT p.fact_id FROM pending_fact p
  WHERE p.bucket = %(bucket)s AND (p.store_id, p.fact_id) = (
    SELECT h.store_id, h.fact_id FROM pending_fact h
    WHERE h.bucket = %(bucket)s AND h.urgency = 1 AND h.due_at <= %(now)s AND h.parked_at IS NULL
    ORDER BY h.due_at, h.fact_id LIMIT 1)
  FOR UPDATE SKIP LOCKED
), urgent AS MATERIALIZED (
  SELECT p.bucket, p.store_id, p.fact_id, p.attempts FROM pending_fact p
  WHERE p.bucket = %(bucket)s AND p.urgency = 0 AND p.due_at <= %(now)s AND p.parked_at IS NULL
    AND EXISTS (SELECT FROM outside)
  ORDER BY p.due_at, p.fact_id
  LIMIT %(most)s
  FOR UPDATE SKIP LOCKED
), crowd AS MATERIALIZED (
  SELECT p.bucket, p.store_id, p.fact_id, p.attempts FROM pending_fact p
  WHERE p.bucket = %(bucket)s AND p.urgency = 1 AND p.due_at <= %(now)s AND p.parked_at IS NULL
    AND EXISTS (SELECT FROM timers)
  ORDER BY p.due_at, p.fact_id
  LIMIT CASE WHEN EXISTS (SELECT FROM urgent) THEN %(share)s ELSE %(most)s END
  FOR UPDATE SKIP LOCKED
), claimed AS (
  SELECT * FROM urgent UNION ALL SELECT * FROM crowd
)
SELECT p.store_id, p.fact_id, p.attempts, f.connection_id, f.heard_at, f.body
FROM claimed p CROSS JOIN LATERAL (
  SELECT f.connection_id, f.heard_at, f.body::text AS body FROM fact f
  WHERE f.bucket = %(bucket)s AND f.store_id = p.store_id AND f.id = p.fact_id OFFSET 0
) f
"""
TAKE_ONE = """
SELECT p.store_id, p.fact_id, p.attempts, f.connection_id, f.heard_at, f.body::text AS body
FROM pending_fact p
JOIN fact f ON f.bucket = p.bucket AND f.store_id = p.store_id AND f.id = p.fact_id
WHERE p.bucket = %(bucket)s AND p.store_id = %(store_id)s AND p.fact_id = %(fact_id)s
FOR UPDATE OF p SKIP LOCKED
"""


async def take(
    tx: AsyncConnection[Any], bucket: int, now: datetime, most: int = BATCH
) -> Sequence[Mapping[str, Any]]:
    """Due facts of a bucket, locked for this transaction; none while another takes its turn."""
    cursor = await tx.execute(TAKE, _wish(bucket, now, most))
    return await cursor.fetchall()


def _wish(bucket: int, now: datetime, most: int) -> dict[str, Any]:
    return {"bucket": bucket, "now": now, "most": most, "share": most // CROWD_SHARE}


async def take_from(
    tx: AsyncConnection[Any], buckets: Sequence[int], now: datetime, most: int = BATCH
) -> list[Mapping[str, Any]]:
    """The same of several buckets, each claimed by itself."""
    given = [_wish(bucket, now, most) for bucket in sorted(buckets)]
    return [
        row for cursor in await db.execute_each(tx, TAKE, given) for row in await cursor.fetchall()
    ]


async def take_one(
    tx: AsyncConnection[Any], store_id: int, fact_id: int
) -> Mapping[str, Any] | None:
    """One waiting fact, locked, or None when somebody else has it."""
    given = {"bucket": bucket_of_id(fact_id), "store_id": store_id, "fact_id": fact_id}
    cursor = await tx.execute(TAKE_ONE, given)
    row: Mapping[str, Any] | None = await cursor.fetchone()
    return row


DONE = """
DELETE FROM pending_fact p
WHERE p.bucket = ANY(%(buckets)s) AND p.store_id = %(store_id)s
  AND p.fact_id = ANY(ARRAY(SELECT v::bigint FROM jsonb_array_elements_text(%(fact_ids)s) v))
"""
WAITS = """
UPDATE pending_fact SET waits_for = %(waits_for)s, attempts = attempts + 1, due_at = %(due_at)s,
  error = %(error)s, parked_at = %(parked_at)s
WHERE bucket = %(bucket)s AND store_id = %(store_id)s AND fact_id = %(fact_id)s
"""
# By a join, so that each subject is one look at pending_fact_waits.
WAKE = """
UPDATE pending_fact p SET waits_for = NULL, attempts = 0, due_at = %(now)s, parked_at = NULL
FROM jsonb_to_recordset(%(rows)s) AS r(bucket integer, subject text)
WHERE p.bucket = r.bucket AND p.bucket = ANY(%(buckets)s) AND p.store_id = %(store_id)s
  AND p.waits_for = r.subject
RETURNING p.bucket
"""


async def done(tx: AsyncConnection[Any], store_id: int, fact_ids: Sequence[int]) -> None:
    """These are answered."""
    buckets = sorted({bucket_of_id(fact_id) for fact_id in fact_ids})
    given = {"buckets": buckets, "store_id": store_id, "fact_ids": db.document(list(fact_ids))}
    await tx.execute(DONE, given)


async def postpone(
    tx: AsyncConnection[Any],
    row: Mapping[str, Any],
    now: datetime,
    error: str,
    waits_for: str | None = None,
) -> bool:
    """Tries a fact again later, or parks it after ATTEMPTS_MAX; whether it was parked. One that
    waits for its order is woken when the order comes, and parked after WAIT_FOR_MAX."""
    attempts = int(row["attempts"])
    if waits_for:
        park = now - row["heard_at"] > WAIT_FOR_MAX
    else:
        park = attempts + 1 >= ATTEMPTS_MAX
    due_at = now + RETRY_AFTER[min(attempts, len(RETRY_AFTER) - 1)]
    await tx.execute(
        WAITS,
        {
            "bucket": bucket_of_id(row["fact_id"]),
            "store_id": row["store_id"],
            "fact_id": row["fact_id"],
            "waits_for": waits_for,
            "due_at": due_at,
            "error": error[:2000],
            "parked_at": now if park else None,
        },
    )
    return bool(park)


async def wake(
    tx: AsyncConnection[Any], store: Store, subjects: Iterable[str], now: datetime
) -> None:
    """Makes due what waited for these subjects."""
    keys = [
        (bucket_of(store.bucket_base, store.bucket_span, subject), subject) for subject in subjects
    ]
    if not keys:
        return
    buckets = sorted({bucket for bucket, _ in keys})
    rows = [{"bucket": bucket, "subject": subject} for bucket, subject in sorted(keys)]
    cursor = await tx.execute(
        WAKE, {"buckets": buckets, "store_id": store.id, "rows": db.document(rows), "now": now}
    )
    for bucket in {row["bucket"] for row in await cursor.fetchall()}:
        await db.notify(tx, "facts", str(bucket))


# Over all buckets and stores on purpose: a worker asks where there is work now or soon. A look into
# the index for each bucket, no further than a batch: the wake-ups of the days to come are many, and
# so may be what is due.
DUE = """
SELECT b.bucket, u.urgency, min(p.due_at) AS due_at, count(*) AS facts
FROM unnest(%(buckets)s::integer[]) AS b(bucket)
CROSS JOIN (VALUES (0::smallint), (1::smallint)) AS u(urgency)
CROSS JOIN LATERAL (
  SELECT p.due_at FROM pending_fact p
  WHERE p.bucket = b.bucket AND p.urgency = u.urgency AND p.due_at <= %(until)s
    AND p.parked_at IS NULL
  ORDER BY p.due_at LIMIT %(most)s
) p
GROUP BY b.bucket, u.urgency
"""
PARKED = """
SELECT p.bucket, p.fact_id, f.kind, f.connection_id, f.at, f.heard_at, p.parked_at, p.error, f.body
FROM pending_fact p
JOIN fact f ON f.bucket = p.bucket AND f.store_id = p.store_id AND f.id = p.fact_id
WHERE p.bucket = ANY(%(buckets)s) AND p.store_id = %(store_id)s AND p.parked_at IS NOT NULL
ORDER BY p.parked_at DESC LIMIT %(most)s
"""
RETRY = """
UPDATE pending_fact SET parked_at = NULL, attempts = 0, due_at = %(now)s
WHERE bucket = %(bucket)s AND store_id = %(store_id)s AND fact_id = %(fact_id)s
  AND parked_at IS NOT NULL
"""
GIVE_UP = """
DELETE FROM pending_fact
WHERE bucket = %(bucket)s AND store_id = %(store_id)s AND fact_id = %(fact_id)s
  AND parked_at IS NOT NULL
"""


class Due(NamedTuple):
    """A bucket with waiting facts of an urgency: when the first is due, and how many, a BATCH at
    most."""

    bucket: int
    due_at: datetime
    facts: int
    urgency: int = 0  # 1: our own timers


async def due(tx: AsyncConnection[Any], until: datetime) -> list[Due]:
    """The buckets with facts that are due, or will be until then; the longest waiting first."""
    given = {"until": until, "buckets": db.numbers(BUCKETS), "most": BATCH}
    cursor = await tx.execute(DUE, given)
    found = [Due(**row) for row in await cursor.fetchall()]
    return sorted(found, key=lambda one: one.due_at)


async def parked(
    tx: AsyncConnection[Any], store: Store, most: int = 100
) -> Sequence[Mapping[str, Any]]:
    """The store's poison facts, newest first, with their error and body."""
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    cursor = await tx.execute(PARKED, {"buckets": buckets, "store_id": store.id, "most": most})
    return await cursor.fetchall()


async def retry(tx: AsyncConnection[Any], store: Store, fact_id: int, now: datetime) -> bool:
    """Puts a parked fact back into the queue; False: it is not parked."""
    bucket = bucket_of_id(fact_id)
    cursor = await tx.execute(
        RETRY, {"bucket": bucket, "store_id": store.id, "fact_id": fact_id, "now": now}
    )
    if cursor.rowcount:
        await db.notify(tx, "facts", str(bucket))
    return cursor.rowcount > 0


async def give_up(tx: AsyncConnection[Any], store: Store, fact_id: int) -> bool:
    """Leaves a parked fact unanswered for good (the fact itself stays); False: it is not parked."""
    cursor = await tx.execute(
        GIVE_UP, {"bucket": bucket_of_id(fact_id), "store_id": store.id, "fact_id": fact_id}
    )
    return cursor.rowcount > 0
