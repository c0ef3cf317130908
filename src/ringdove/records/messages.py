"""The outbox and what became of each message: take, settle, receipts (P1, P5, P6).

take() asks the decision again in the transaction that marks rows as being submitted; only marked
rows may be put on a wire. settle() writes what the gateway answered. A row that was marked by a
process that is gone has an unknown outcome and is shown as such, never repeated blindly.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, bucket_of_id
from ringdove.records import counters, receipts
from ringdove.rules import consent
from ringdove.rules.consent import ALWAYS_ANSWERED
from ringdove.rules.scenes import Contact, Store

Tx = AsyncConnection[Any]

TAKE_MOST = 500
LEASE = timedelta(seconds=90)  # longer than any gateway's response time-out


@dataclass(frozen=True, slots=True)
class Taken:
    """A message marked as being submitted: what a gateway needs to know of it."""

    message_id: int
    store_id: int
    contact_id: int
    channel: str
    klass: str
    recipient: str
    sender: str
    subject: str
    body: str
    language: str
    not_after: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a taken message: sent with the gateway's ids (one per part), failed,
    unknown, or retry (it was surely not sent; due again at retry_at)."""

    message_id: int
    state: str
    reason: str = ""
    provider_ids: tuple[str, ...] = ()
    retry_at: datetime | None = None


# Two statements on purpose. The first locks the rows and their people; a stop, payment or order of
# such a person cannot be going on at the same time, since it locks the person too. The second sees
# all that was committed before, so nothing that came earlier can be missed (P1, P3). Whoever is
# being worked on right now is passed over and taken the next time.
#
# A young table has no statistics, and a queue that is empty most of the time never has good ones:
# the planner then took "all of the store, filtered by id" for as cheap as "this id", and read the
# queue once for every row of it (a second for 2,000 messages). Lateral look-ups and lists of ids
# leave it no choice: each row is found by its whole key.
CLAIM = """
WITH claimed AS MATERIALIZED (
  SELECT o.message_id, o.contact_id, o.due_at FROM outbox o
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.gateway_id = %(gateway_id)s
    AND o.state = 'due' AND o.due_at <= %(now)s
  ORDER BY o.due_at, o.message_id
  LIMIT %(most)s
  FOR UPDATE SKIP LOCKED
)
SELECT k.message_id FROM claimed k
CROSS JOIN LATERAL (
  SELECT c.id FROM contact c
  WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = k.contact_id
  FOR KEY SHARE SKIP LOCKED
) c
"""
JUDGE = """
WITH judged AS MATERIALIZED (
  SELECT o.message_id, o.window_until < %(now)s AS past_window,
    CASE
      WHEN o.not_after < %(now)s THEN 'too_late'
      WHEN o.topic IN (SELECT jsonb_array_elements_text(%(always)s)) THEN NULL
      WHEN c.service = 'out' THEN 'stopped'
      WHEN o.class = 'marketing' AND c.marketing = 'out' THEN 'stopped'
      WHEN o.class = 'marketing' AND c.marketing <> 'in' THEN 'no_consent'
      WHEN o.guard = 'unpaid' AND p.paid_at IS NOT NULL THEN 'paid'
      WHEN o.guard = 'unpaid' AND p.cancelled_at IS NOT NULL THEN 'cancelled'
      WHEN o.guard = 'unpaid' AND NOT p.payment_due THEN 'not_due'
    END AS refusal
  FROM outbox o
  CROSS JOIN LATERAL (
    SELECT c.* FROM contact c
    WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = o.contact_id OFFSET 0
  ) c
  LEFT JOIN LATERAL (
    SELECT p.* FROM purchase_order p
    WHERE p.bucket = %(bucket)s AND p.store_id = %(store_id)s AND p.id = o.order_id OFFSET 0
  ) p ON true
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s
    AND o.message_id = ANY(ARRAY(SELECT v::bigint FROM jsonb_array_elements_text(%(ids)s) v))
), refused AS (
  DELETE FROM outbox o
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s
    AND o.message_id = ANY(ARRAY(SELECT j.message_id FROM judged j WHERE j.refusal IS NOT NULL))
), dropped AS (
  UPDATE message m SET state = 'dropped', reason = j.refusal, done_at = %(now)s FROM judged j
  WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = j.message_id
    AND m.id = ANY(ARRAY(SELECT j.message_id FROM judged j WHERE j.refusal IS NOT NULL))
), marked AS (
  UPDATE outbox o SET state = 'submitting', owner = %(owner)s, lease_until = %(lease_until)s,
    attempts = o.attempts + 1
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s
    AND o.message_id = ANY(ARRAY(
      SELECT j.message_id FROM judged j WHERE j.refusal IS NULL AND NOT j.past_window))
  RETURNING o.message_id, o.attempts, o.due_at
)
SELECT m.id AS message_id, m.store_id, m.contact_id, m.channel, m.class AS klass, m.recipient,
  m.sender, m.subject, m.body, m.language, m.not_after, k.attempts, NULL AS refusal,
  k.due_at AS due_at
FROM marked k CROSS JOIN LATERAL (
  SELECT * FROM message m
  WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = k.message_id OFFSET 0
) m
UNION ALL
SELECT j.message_id, %(store_id)s, 0, '', '', '', '', '', '', '', %(now)s, 0,
  coalesce(j.refusal, 'past_window'), NULL
FROM judged j WHERE j.refusal IS NOT NULL OR j.past_window
ORDER BY due_at, message_id
"""
_TAKEN = tuple(Taken.__slots__)


async def take(
    tx: Tx, store: Store, bucket: int, gateway_id: int, now: datetime, owner: str,
    most: int = TAKE_MOST,
) -> list[Taken]:  # fmt: skip
    """Marks due messages of a gateway as being submitted, the oldest first. Refused ones are
    dropped with their reason; those whose allowed hours have ended wait in postpone_late()."""
    base = {"bucket": bucket, "store_id": store.id, "now": now}
    cursor = await tx.execute(CLAIM, base | {"gateway_id": gateway_id, "most": most})
    claimed = [row["message_id"] for row in await cursor.fetchall()]
    if not claimed:
        return []
    cursor = await tx.execute(
        JUDGE,
        base
        | {
            "ids": Jsonb(claimed),
            "always": Jsonb(sorted(ALWAYS_ANSWERED)),
            "owner": owner,
            "lease_until": now + LEASE,
        },
    )
    rows = await cursor.fetchall()
    refused = [row for row in rows if row["refusal"]]
    dropped = sum(1 for row in refused if row["refusal"] != "past_window")
    if dropped:
        await counters.add(tx, store, now, {"dropped": dropped}, bucket)
    late = [row["message_id"] for row in refused if row["refusal"] == "past_window"]
    if late:
        await postpone_late(tx, store, bucket, late, now)
    return [Taken(*(row[name] for name in _TAKEN)) for row in rows if not row["refusal"]]


LATE = """
SELECT o.message_id, o.class AS klass, o.topic, o.not_after, m.channel, m.not_before, c.zones,
  c.phone, c.email, c.service, c.marketing
FROM outbox o
JOIN contact c ON c.bucket = o.bucket AND c.store_id = o.store_id AND c.id = o.contact_id
JOIN message m ON m.bucket = o.bucket AND m.store_id = o.store_id AND m.id = o.message_id
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s
  AND o.message_id = ANY(ARRAY(SELECT v::bigint FROM jsonb_array_elements_text(%(ids)s) v))
"""
MOVE = """
UPDATE outbox o SET due_at = r.due_at, window_until = r.window_until
FROM jsonb_to_recordset(%(rows)s) AS r(
  message_id bigint, due_at timestamptz, window_until timestamptz)
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.message_id = r.message_id
"""


async def postpone_late(
    tx: Tx, store: Store, bucket: int, message_ids: Sequence[int], now: datetime
) -> None:
    """Asks the decision anew for messages that were not taken in their allowed hours: they wait for
    the next ones. What then comes too late is dropped when it is due (P4)."""
    base = {"bucket": bucket, "store_id": store.id}
    cursor = await tx.execute(LATE, base | {"ids": Jsonb(list(message_ids))})
    moves = []
    for row in await cursor.fetchall():
        person = Contact(
            0, row["phone"], row["email"], now, zones=tuple(row["zones"]),
            service=row["service"], marketing=row["marketing"],
        )  # fmt: skip
        draft = consent.Draft(
            row["channel"], row["klass"], row["topic"], row["not_before"], row["not_after"], True
        )
        due_at, window_until = consent.next_window(store, person, draft, now)
        moves.append(
            {"message_id": row["message_id"], "due_at": due_at, "window_until": window_until}
        )
    await tx.execute(MOVE, base | {"rows": db.document(moves)})


# ------------------------------------------------------------------ what became of it

# There are as many parts as ids: a gateway may cut a text otherwise than we counted, or not at all,
# and it is those parts whose receipts are awaited.
SETTLE = """
WITH told AS (
  SELECT * FROM jsonb_to_recordset(%(rows)s) AS r(
    message_id bigint, state text, reason text, retry_at timestamptz, ids smallint)
), gone AS (
  DELETE FROM outbox o
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s
    AND o.message_id = ANY(ARRAY(SELECT t.message_id FROM told t WHERE t.state <> 'retry'))
), again AS (
  UPDATE outbox o SET state = 'due', due_at = t.retry_at, owner = '', lease_until = NULL
  FROM told t
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.message_id = t.message_id
    AND o.message_id = ANY(ARRAY(SELECT t.message_id FROM told t WHERE t.state = 'retry'))
)
UPDATE message m SET state = t.state, reason = t.reason,
  parts = CASE WHEN t.ids > 0 THEN t.ids ELSE m.parts END,
  sent_at = CASE WHEN t.state IN ('sent', 'unknown') THEN %(now)s ELSE m.sent_at END,
  done_at = CASE WHEN t.state = 'failed' THEN %(now)s ELSE m.done_at END
FROM told t
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = t.message_id
  AND m.id = ANY(ARRAY(SELECT t.message_id FROM told t WHERE t.state <> 'retry'))
  AND m.state IN ('waiting', 'unknown')
"""
# Operators count from the beginning again (a restart, a short counter): the newest message it is.
PUT_REFS = """
INSERT INTO provider_ref (bucket, store_id, gateway_id, provider_id, message_id, part)
SELECT %(bucket)s, %(store_id)s, %(gateway_id)s, r.provider_id, r.message_id, r.part
FROM jsonb_to_recordset(%(rows)s) AS r(provider_id text, message_id bigint, part smallint)
ON CONFLICT (bucket, store_id, gateway_id, provider_id) DO UPDATE SET
  message_id = EXCLUDED.message_id, part = EXCLUDED.part
"""


async def settle(
    tx: Tx, store: Store, gateway_id: int, results: Iterable[Settled], now: datetime
) -> None:
    """Writes the gateway's answers in bulk, and applies receipts that were here before them."""
    by_bucket: dict[int, list[Settled]] = defaultdict(list)
    for result in results:
        by_bucket[bucket_of_id(result.message_id)].append(result)
    for bucket in sorted(by_bucket):
        rows = [
            {"message_id": r.message_id, "state": r.state, "reason": r.reason,
             "retry_at": r.retry_at, "ids": len(r.provider_ids)} for r in by_bucket[bucket]
        ]  # fmt: skip
        await tx.execute(
            SETTLE, {"bucket": bucket, "store_id": store.id, "now": now, "rows": db.document(rows)}
        )
        counts: dict[str, int] = defaultdict(int)
        for r in by_bucket[bucket]:
            counts[r.state] += 1
        counts.pop("retry", None)
        await counters.add(tx, store, now, counts, bucket)
    await _map_ids(tx, store, gateway_id, by_bucket.values(), now)
    await db.notify(tx, "live", str(store.id))


async def _map_ids(
    tx: Tx, store: Store, gateway_id: int, groups: Iterable[list[Settled]], now: datetime
) -> None:
    rows: dict[int, dict[str, dict[str, Any]]] = defaultdict(dict)
    for result in (result for group in groups for result in group):
        for part, provider_id in enumerate(result.provider_ids):
            if not provider_id:
                continue  # a part without an answer, or an answer without an id
            rows[bucket_of_provider(store, gateway_id, provider_id)].setdefault(
                provider_id,
                {"provider_id": provider_id, "message_id": result.message_id, "part": part},
            )
    for bucket in sorted(rows):
        await tx.execute(
            PUT_REFS,
            {
                "bucket": bucket, "store_id": store.id, "gateway_id": gateway_id,
                "rows": db.document(list(rows[bucket].values())),
            },
        )  # fmt: skip
        await receipts.match_early(tx, store, gateway_id, bucket, list(rows[bucket]), now)


def bucket_of_provider(store: Store, gateway_id: int, provider_id: str) -> int:
    """Where the receipt map keeps an id."""
    key = f"provider/{gateway_id}/{provider_id}"
    return bucket_of(store.bucket_base, store.bucket_span, key)


LOST = """
WITH lost AS (
  DELETE FROM outbox o
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.gateway_id = %(gateway_id)s
    AND o.state = 'submitting' AND (o.lease_until < %(now)s OR o.owner <> %(owner)s)
  RETURNING o.message_id
)
UPDATE message m SET state = 'unknown', reason = 'process_lost', sent_at = %(now)s
FROM lost
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = lost.message_id
  AND m.state = 'waiting'
"""


async def find_lost(
    tx: Tx, store: Store, bucket: int, gateway_id: int, owner: str, now: datetime
) -> int:
    """Marks as unknown what a dead process was submitting; how many. Called by whoever has just
    become the only sender of this gateway (its lease), so another owner's rows are a dead one's."""
    cursor = await tx.execute(
        LOST,
        {
            "bucket": bucket, "store_id": store.id, "gateway_id": gateway_id,
            "owner": owner, "now": now,
        },
    )  # fmt: skip
    if cursor.rowcount:
        await counters.add(tx, store, now, {"unknown": cursor.rowcount}, bucket)
    return cursor.rowcount


# Over all buckets and stores on purpose: a worker asks which gateway has work and when.
DUE = """
SELECT gateway_id, bucket, min(due_at) AS due_at FROM outbox
WHERE state = 'due' GROUP BY gateway_id, bucket
"""


async def due(tx: Tx) -> Sequence[Mapping[str, Any]]:
    """Rows {gateway_id, bucket, due_at}: when each has its next message due."""
    cursor = await tx.execute(DUE)
    return await cursor.fetchall()


# Over all buckets and stores on purpose, like due(); a partial index of what is being said now.
FORSAKEN = """
SELECT DISTINCT gateway_id, bucket FROM outbox
WHERE state = 'submitting' AND lease_until < %(now)s
"""


async def forsaken(tx: Tx, now: datetime) -> Sequence[Mapping[str, Any]]:
    """Rows {gateway_id, bucket}: where a process died while it spoke, and nothing else is due."""
    cursor = await tx.execute(FORSAKEN, {"now": now})
    return await cursor.fetchall()


# Over all buckets and stores on purpose: once a minute, where anything is too late.
OVERDUE = """
SELECT DISTINCT store_id, bucket FROM outbox WHERE state = 'due' AND not_after < %(now)s
"""
DROP_LATE = """
WITH late AS (
  DELETE FROM outbox o
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.state = 'due'
    AND o.not_after < %(now)s
  RETURNING o.message_id
)
UPDATE message m SET state = 'dropped', reason = 'too_late', done_at = %(now)s
FROM late
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = late.message_id
"""


async def overdue(tx: Tx, now: datetime) -> Sequence[Mapping[str, Any]]:
    """Rows {store_id, bucket}: where something waits past its time."""
    return await (await tx.execute(OVERDUE, {"now": now})).fetchall()


async def drop_late(tx: Tx, store: Store, bucket: int, now: datetime) -> int:
    """Drops what nobody took in time, as with a gateway that is away or removed (P4); how many."""
    given = {"bucket": bucket, "store_id": store.id, "now": now}
    dropped = (await tx.execute(DROP_LATE, given)).rowcount
    await counters.add(tx, store, now, {"dropped": dropped}, bucket)
    return dropped
