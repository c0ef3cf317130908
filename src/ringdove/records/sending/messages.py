"""What became of each message: answers of gateways and receipts, written in bulk (P5, P6).

take() moves a message under a mark, `write` takes it out from under it with what the gateway said.
What is under the mark of a process that is gone has an unknown outcome; it is shown, and never
repeated blindly. Receipts may come before their answer, twice, or for ids never seen.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.records import counters
from ringdove.records.segments import histories
from ringdove.records.sending import failover, outbox, receipts, spending
from ringdove.records.sending.outbox import Again
from ringdove.records.sending.outbox import Settled as Settled
from ringdove.records.sending.outbox import Taken as Taken
from ringdove.records.sending.outbox import due as due
from ringdove.records.sending.outbox import take as take
from ringdove.records.sending.receipts import FAILED, Found, Receipt
from ringdove.rules.scenes import Store

Tx = AsyncConnection[Any]


Known = MutableMapping[str, Found]
"""Provider ids that this process heard of lately, and whose they are."""


async def settle(
    tx: Tx, store: Store, gateway_id: int, results: Iterable[Settled], now: datetime
) -> None:
    """Writes the gateway's answers, and applies receipts that were here before them."""
    await write(tx, store, gateway_id, list(results), [], now)


async def write(
    tx: Tx, store: Store, gateway_id: int, results: Sequence[Settled],
    told: Sequence[Receipt], now: datetime, known: Known | None = None,
) -> list[Receipt]:  # fmt: skip
    """All that a gateway answered and told in a moment. Each message is written once, whether its
    answer came or its receipts or both. Only after the commit may receipts be acknowledged.
    Returns the receipts that are nobody's so far."""
    found: Known = {} if known is None else known
    results = await failover.onwards(tx, store, gateway_id, results, now)
    early = await receipts.map_ids(tx, store, gateway_id, _ids_of(results), found, now)
    matched, strange = await receipts.match(tx, store, gateway_id, told, found, now)
    by_bucket: dict[int, _Batch] = defaultdict(_Batch)
    for result in results:
        by_bucket[bucket_of_id(result.message_id)].settled.append(result)
    for one in (*early, *matched):
        by_bucket[bucket_of_id(one[0].message_id)].told.append(one)
    for bucket in sorted(by_bucket):
        await _write_bucket(tx, store, gateway_id, bucket, by_bucket[bucket], now)
    await db.notify(tx, "live", str(store.id))
    return strange


def _ids_of(results: Sequence[Settled]) -> dict[str, Found]:
    """A part without an answer, or an answer without an id, has none."""
    return {
        provider_id: Found(result.message_id, part)
        for result in results
        for part, provider_id in enumerate(result.provider_ids)
        if provider_id
    }


class _Batch:
    """What is to be written of the messages of one bucket."""

    def __init__(self) -> None:
        self.settled: list[Settled] = []
        self.told: list[tuple[Found, Receipt]] = []


# There are as many parts as ids: a gateway may cut a text otherwise than we counted, or not at all,
# and it is those parts whose receipts are awaited. LIFE in rules/messages.py: only what is sent or
# unknown can be settled by a receipt, and the first failed part settles it (P6).
WRITE = """
WITH answered AS (
  SELECT * FROM unnest(%(sent)s::bigint[], %(ids)s::smallint[]) AS s(message_id, ids)
), fresh AS (
  INSERT INTO receipt (bucket, store_id, message_id, gateway_id, provider_id, part, state, error,
    at, heard_at)
  SELECT %(bucket)s, %(store_id)s, r.message_id, %(gateway_id)s, r.provider_id, r.part, r.state,
    r.error, r.at, %(now)s
  FROM unnest(%(messages)s::bigint[], %(providers)s::text[], %(parts)s::smallint[],
    %(states)s::text[], %(errors)s::text[], %(ats)s::timestamptz[])
    AS r(message_id, provider_id, part, state, error, at)
  ON CONFLICT (bucket, store_id, message_id, gateway_id, provider_id, state) DO NOTHING
  RETURNING message_id, state, error
), sums AS (
  SELECT f.message_id, count(*) FILTER (WHERE f.state = 'delivered') AS delivered,
    count(*) FILTER (WHERE f.state = ANY(%(failed)s::text[])) AS failed,
    max(trim(f.state || ' ' || f.error)) FILTER (WHERE f.state = ANY(%(failed)s::text[])) AS error
  FROM fresh f GROUP BY f.message_id
), told AS (
  SELECT coalesce(a.message_id, s.message_id) AS message_id, a.ids,
    coalesce(s.delivered, 0) AS delivered, coalesce(s.failed, 0) AS failed, s.error
  FROM answered a FULL JOIN sums s ON s.message_id = a.message_id
), done AS (
  UPDATE message m SET
    parts = CASE WHEN t.ids > 0 AND m.state IN ('waiting', 'unknown') THEN t.ids ELSE m.parts END,
    sent_at = CASE WHEN t.ids IS NULL OR m.state = 'sent' THEN m.sent_at
      WHEN m.state IN ('waiting', 'unknown') THEN %(now)s ELSE coalesce(m.sent_at, %(now)s) END,
    parts_delivered = m.parts_delivered + t.delivered,
    parts_failed = m.parts_failed + t.failed,
    reason = CASE
      WHEN NOT (m.state IN ('sent', 'unknown') OR m.state = 'waiting' AND t.ids IS NOT NULL)
        THEN m.reason
      WHEN t.failed > 0 THEN t.error
      WHEN t.ids IS NOT NULL THEN ''
      WHEN m.parts_delivered + t.delivered >= m.parts THEN '' ELSE m.reason END,
    done_at = CASE
      WHEN (m.state IN ('sent', 'unknown') OR m.state = 'waiting' AND t.ids IS NOT NULL)
        AND (m.parts_failed + t.failed > 0 OR m.parts_delivered + t.delivered >=
          CASE WHEN t.ids > 0 THEN t.ids ELSE m.parts END)
        THEN %(now)s ELSE m.done_at END,
    state = CASE
      WHEN NOT (m.state IN ('sent', 'unknown') OR m.state = 'waiting' AND t.ids IS NOT NULL)
        THEN m.state
      WHEN m.parts_failed + t.failed > 0 THEN 'failed'
      WHEN m.parts_delivered + t.delivered >=
        CASE WHEN t.ids > 0 AND m.state <> 'sent' THEN t.ids ELSE m.parts END THEN 'delivered'
      WHEN t.ids IS NOT NULL THEN 'sent' ELSE m.state END
  FROM told t
  WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = t.message_id
    AND m.id = ANY(%(all)s::bigint[]) AND m.id BETWEEN %(first)s AND %(last)s
  RETURNING m.network, t.ids IS NOT NULL AND m.sent_at = %(now)s AS sent,
    m.state = 'delivered' AND (t.delivered > 0 OR t.ids > 0 AND m.done_at = %(now)s) AS delivered,
    m.state = 'failed' AND (t.failed > 0 AND t.failed = m.parts_failed
      OR t.failed = 0 AND t.ids > 0 AND m.done_at = %(now)s) AS undelivered
)
SELECT network, count(*) FILTER (WHERE sent), count(*) FILTER (WHERE delivered),
  count(*) FILTER (WHERE undelivered)
FROM done GROUP BY network
"""
SETTLE_REST = """
WITH told AS (
  SELECT * FROM jsonb_to_recordset(%(rows)s) AS r(
    message_id bigint, state text, reason text, ids smallint)
)
UPDATE message m SET state = t.state, reason = t.reason,
  parts = CASE WHEN t.ids > 0 THEN t.ids ELSE m.parts END,
  sent_at = CASE WHEN t.state = 'unknown' THEN %(now)s ELSE m.sent_at END,
  done_at = CASE WHEN t.state = 'failed' THEN %(now)s ELSE m.done_at END
FROM told t
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = t.message_id
  AND m.id = ANY(%(all)s::bigint[]) AND m.state IN ('waiting', 'unknown') AND m.state <> t.state
RETURNING m.id
"""
# What is put back must lie under the mark still that it was taken under: a batch that is written
# once more, since nobody heard of its commit, or too late, would else bring back a text that
# somebody has taken and is saying just now.
HELD = """
SELECT k.id FROM submission s
CROSS JOIN LATERAL unnest(s.message_ids) AS v(id)
JOIN unnest(%(ids)s::bigint[], %(marks)s::bigint[]) AS k(id, mark)
  ON k.id = v.id AND (k.mark = s.id OR k.mark = 0)
WHERE s.bucket = %(bucket)s AND s.store_id = %(store_id)s AND s.gateway_id = %(gateway_id)s
FOR UPDATE OF s
"""
# A mark holds what has no outcome yet, and is gone with its last one. Two writes of one process may
# be about the same mark: whoever is second waits here, and then sees what the first has left.
LOCK_MARKS = """
SELECT s.id FROM submission s
WHERE s.bucket = %(bucket)s AND s.store_id = %(store_id)s AND s.gateway_id = %(gateway_id)s
  AND (s.id = ANY(%(marks)s::bigint[]) OR 0 = ANY(%(marks)s::bigint[]))
ORDER BY s.id FOR UPDATE
"""
UNMARK = """
WITH held AS (
  SELECT s.id, count(g.id) AS settled, array_agg(v.id) FILTER (WHERE g.id IS NULL) AS left_over
  FROM submission s
  CROSS JOIN LATERAL unnest(s.message_ids) AS v(id)
  LEFT JOIN unnest(%(all)s::bigint[]) AS g(id) ON g.id = v.id
  WHERE s.bucket = %(bucket)s AND s.store_id = %(store_id)s AND s.gateway_id = %(gateway_id)s
    AND (s.id = ANY(%(marks)s::bigint[]) OR 0 = ANY(%(marks)s::bigint[]))
  GROUP BY s.id
), emptied AS (
  DELETE FROM submission s USING held h
  WHERE s.bucket = %(bucket)s AND s.store_id = %(store_id)s AND s.gateway_id = %(gateway_id)s
    AND s.id = h.id AND h.left_over IS NULL
)
UPDATE submission s SET message_ids = h.left_over FROM held h
WHERE s.bucket = %(bucket)s AND s.store_id = %(store_id)s AND s.gateway_id = %(gateway_id)s
  AND s.id = h.id AND h.settled > 0 AND h.left_over IS NOT NULL
"""


async def _write_bucket(
    tx: Tx, store: Store, gateway_id: int, bucket: int, batch: _Batch, now: datetime
) -> None:
    base = {"bucket": bucket, "store_id": store.id, "gateway_id": gateway_id, "now": now}
    sent = [one for one in batch.settled if one.state == "sent"]
    rest = [one for one in batch.settled if one.state not in ("sent", "retry")]
    counts: Counter[str] = Counter()
    if sent or batch.told:
        for network, *numbers in await _fold(tx, base, sent, batch.told):
            for name, n in zip(("sent", "delivered", "undelivered"), numbers, strict=True):
                counts[name] += n
                counts[f"{name}/{gateway_id}/{network}"] += n
    settled = rest
    if rest:
        changed = await _settle_rest(tx, base, rest)
        rest = [one for one in rest if one.message_id in changed]
    # Marks are locked after messages, everywhere, so that two writes never wait for each other.
    again = await _held(tx, base, [one for one in batch.settled if one.state == "retry"])
    done = (*sent, *settled, *again)
    counts.update(one.state for one in rest)
    counts["rerouted"] = sum(1 for one in again if one.gateway_id is not None)
    counts.update(f"error/{gateway_id}/{one.reason[:40]}" for one in (*rest, *again) if one.reason)
    await _give_back(tx, store, bucket, rest, again, now)
    if again:
        await outbox.put_back(tx, store, bucket, [_again(one, now) for one in again])
    async with tx.pipeline():  # nothing is read of these: one way to the server and back
        if done:
            marks = {"marks": db.numbers({one.mark for one in done})}
            await tx.execute(LOCK_MARKS, base | marks)
            every = {"all": db.numbers(one.message_id for one in done)}
            await tx.execute(UNMARK, base | marks | every)
        await counters.add(tx, store, now, counts, bucket)


async def _held(tx: Tx, base: Mapping[str, Any], again: Sequence[Settled]) -> list[Settled]:
    if not again:
        return []
    given = {
        "ids": db.numbers(one.message_id for one in again),
        "marks": db.numbers(one.mark for one in again),
    }
    cursor = await tx.execute(HELD, {**base, **given})
    held = {row["id"] for row in await cursor.fetchall()}
    return [one for one in again if one.message_id in held]


async def _settle_rest(tx: Tx, base: Mapping[str, Any], rest: Sequence[Settled]) -> set[int]:
    """The ids of those whose state is another now."""
    rows = [
        {"message_id": one.message_id, "state": one.state, "reason": one.reason,
         "ids": len(one.provider_ids)} for one in rest
    ]  # fmt: skip
    given = {"rows": db.document(rows), "all": db.numbers(one.message_id for one in rest)}
    cursor = await tx.execute(SETTLE_REST, {**base, **given})
    return {row["id"] for row in await cursor.fetchall()}


async def _give_back(
    tx: Tx, store: Store, bucket: int, rest: Sequence[Settled], again: Sequence[Settled],
    now: datetime,
) -> None:  # fmt: skip
    """What was counted as spent and is not: refused for good, gone to another gateway, or put back
    without a word. An attempt that is repeated at the same gateway stays counted."""
    final = [one for one in rest if one.state == "failed" and not one.provider_ids]
    final += [one for one in again if one.gateway_id is not None]
    unsaid = [one for one in again if one.gateway_id is None and not one.reason]
    refused = [one.message_id for one in rest if one.state == "failed" and not one.provider_ids]
    await histories.take_back(tx, store, bucket, refused)
    await spending.give_back(
        tx, store, bucket, [one.message_id for one in final], now,
        [one.message_id for one in unsaid],
    )  # fmt: skip


def _again(one: Settled, now: datetime) -> Again:
    if one.gateway_id is None:
        return Again(one.message_id, one.retry_at or now, tried=int(bool(one.reason)))
    return Again(
        one.message_id, now, 0, "rerouted", one.gateway_id, one.sender, one.cost, one.cost_currency
    )


async def _fold(
    tx: Tx, base: Mapping[str, Any], sent: Sequence[Settled], told: Sequence[tuple[Found, Receipt]]
) -> Sequence[tuple[Any, ...]]:
    about = [found.message_id for found, _ in told]
    every = {one.message_id for one in sent}.union(about)
    given = {
        "sent": db.numbers(one.message_id for one in sent),
        "ids": db.numbers(len(one.provider_ids) for one in sent),
        "messages": db.numbers(about),
        "providers": db.words([receipt.provider_id for _, receipt in told]),
        "parts": db.numbers(found.part for found, _ in told),
        "states": db.words([receipt.state for _, receipt in told]),
        "errors": db.words([receipt.error for _, receipt in told]),
        "ats": db.moments(receipt.at for _, receipt in told),
        "failed": list(FAILED),
        "all": db.numbers(every),
        # So that months which none of them is of are not looked into.
        "first": min(every),
        "last": max(every),
    }
    async with tx.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(WRITE, {**base, **given})
        return await cursor.fetchall()


# ------------------------------------------------------------------ what nobody will answer

MARKED = """
SELECT s.message_ids FROM submission s
WHERE s.bucket = %(bucket)s AND s.store_id = %(store_id)s AND s.gateway_id = %(gateway_id)s
  AND s.id = %(mark)s
FOR UPDATE
"""


async def untake(
    tx: Tx, store: Store, bucket: int, gateway_id: int, mark: int, now: datetime
) -> None:
    """Puts back what was taken under this mark, if it was: by somebody who never heard whether his
    take was committed, and therefore said nothing of it."""
    given = {"bucket": bucket, "store_id": store.id, "gateway_id": gateway_id, "mark": mark}
    row = await (await tx.execute(MARKED, given)).fetchone()
    if row:
        unsaid = [Settled(one, "retry", retry_at=now, mark=mark) for one in row["message_ids"]]
        await write(tx, store, gateway_id, unsaid, [], now)


LOST = """
DELETE FROM submission s
WHERE s.bucket = %(bucket)s AND s.store_id = %(store_id)s AND s.gateway_id = %(gateway_id)s
  AND s.bind >= %(bind)s AND s.bind <= %(bind_last)s AND s.owner <> %(owner)s
  AND s.lease_until < %(before)s
RETURNING s.message_ids
"""
REPEATS_MAX = 5  # a text that kills whoever says it must come to an end (P11)
# Receipts may have been written before the answer that is lost: they tell all there is to know.
GIVE_UP = """
UPDATE message m SET sent_at = %(now)s,
  state = CASE WHEN m.parts_failed > 0 THEN 'failed'
    WHEN m.parts_delivered >= m.parts THEN 'delivered' ELSE 'unknown' END,
  done_at = CASE WHEN m.parts_failed > 0 OR m.parts_delivered >= m.parts
    THEN %(now)s::timestamptz END,
  reason = CASE WHEN m.parts_failed > 0 THEN 'failed' WHEN m.parts_delivered >= m.parts THEN ''
    ELSE 'process_lost' END
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = ANY(%(all)s::bigint[])
  AND m.state = 'waiting'
RETURNING m.id, m.class, m.state, m.attempts
"""


async def find_lost(
    tx: Tx, store: Store, bucket: int, gateway_id: int, owner: str, now: datetime,
    *, binds: tuple[int, int] = (0, 32_767), repeat: Sequence[str] = (),
    before: datetime | None = None,
) -> int:  # fmt: skip
    """Marks as unknown what a dead process was submitting; how many. Called by whoever has just
    become the only sender of these binds of a gateway (their leases), so another owner's marks are
    a dead one's. Messages of the classes in `repeat` are said again instead: only where that is
    somebody's decision, or the operator guards against doubles."""
    base = {"bucket": bucket, "store_id": store.id, "gateway_id": gateway_id, "now": now}
    which = {"owner": owner, "bind": binds[0], "bind_last": binds[1]}
    cursor = await tx.execute(LOST, base | which | {"before": before or "infinity"})
    lost = [message_id for row in await cursor.fetchall() for message_id in row["message_ids"]]
    if not lost:
        return 0
    cursor = await tx.execute(GIVE_UP, base | {"all": db.numbers(lost)})
    given_up = [row for row in await cursor.fetchall() if row["state"] == "unknown"]
    again = [
        row["id"] for row in given_up
        if row["class"] in repeat and row["attempts"] < REPEATS_MAX
    ]  # fmt: skip
    await say_again(tx, store, bucket, again, now)
    await counters.add(tx, store, now, {"unknown": len(given_up) - len(again)}, bucket)
    return len(given_up) - len(again)


WAIT_AGAIN = """
UPDATE message m SET state = 'waiting', reason = '', sent_at = NULL
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = ANY(%(all)s::bigint[])
  AND m.state = 'unknown'
RETURNING m.id
"""


async def say_again(
    tx: Tx, store: Store, bucket: int, message_ids: Sequence[int], now: datetime
) -> int:
    """Messages of unknown outcome wait again, though they may have arrived; how many."""
    if not message_ids:
        return 0
    given = {"bucket": bucket, "store_id": store.id, "all": db.numbers(message_ids)}
    cursor = await tx.execute(WAIT_AGAIN, given)
    rows = [Again(row["id"], now) for row in await cursor.fetchall()]
    await outbox.put_back(tx, store, bucket, rows)
    return len(rows)


# Over all buckets and stores on purpose: there are as many rows as batches under way.
FORSAKEN = """
SELECT DISTINCT gateway_id, bucket FROM submission WHERE lease_until < %(now)s
"""


async def forsaken(tx: Tx, now: datetime) -> Sequence[Mapping[str, Any]]:
    """Rows {gateway_id, bucket}: where a process died while it spoke, and nothing else is due."""
    return await (await tx.execute(FORSAKEN, {"now": now})).fetchall()


# Over all buckets and stores on purpose: there are as many rows as batches under way. Whoever takes
# the lease of a bind finds by himself what was lost there; a gateway that is paused, removed or
# wrongly set has nobody who would.
ORPHANED = """
SELECT DISTINCT s.store_id, s.bucket, s.gateway_id, s.bind FROM submission s
WHERE s.lease_until < %(before)s AND NOT EXISTS (
  SELECT FROM lease l
  WHERE l.until > %(now)s AND l.name IN ('gateway/' || s.gateway_id,
    'bind/' || s.gateway_id || CASE s.bind WHEN 0 THEN '' ELSE '/' || s.bind END)
)
"""


async def orphaned(tx: Tx, before: datetime, now: datetime) -> Sequence[Mapping[str, Any]]:
    """Rows {store_id, bucket, gateway_id, bind}: marks older than `before` of gateways that nobody
    holds."""
    return await (await tx.execute(ORPHANED, {"before": before, "now": now})).fetchall()
