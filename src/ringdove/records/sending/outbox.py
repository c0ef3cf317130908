"""What is still to be said: taken under a mark, put back, dropped when it is too late (P1, P4, P5).

take() asks the decision again and moves messages out of the outbox under a mark (`submission`), in
one transaction; only what it returns may be put on a wire. The mark is one row for a whole batch:
after a crash its messages have an unknown outcome (records/sending/messages.find_lost).
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from ringdove.kit import db
from ringdove.kit.buckets import BUCKETS
from ringdove.records import counters
from ringdove.records.automations import wish_stock
from ringdove.records.campaigns import campaign_waiting
from ringdove.records.consent import anew
from ringdove.records.segments import histories
from ringdove.records.sending import guards, spending
from ringdove.rules.consent.consent import ALWAYS_ANSWERED
from ringdove.rules.scenes import Store
from ringdove.rules.sending.routes import Refusal

Tx = AsyncConnection[Any]

TAKE_MOST = 500
LEASE = timedelta(seconds=90)


class Taken(NamedTuple):
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
    encoding: str
    parts: int
    not_after: datetime
    attempts: int
    network: str
    cost: Decimal | None
    cost_currency: str
    mark: int = 0


@dataclass(slots=True)
class Settled:
    """What became of a taken message: sent with the gateway's ids (one per part), failed,
    unknown, or retry (it was surely not sent; due again at retry_at, over another gateway when one
    is named). A retry without a reason is none of its attempts. `mark`: the one under which it was
    taken; only from under it may it be put back (0: under whichever it is)."""

    message_id: int
    state: str
    reason: str = ""
    provider_ids: tuple[str, ...] = ()
    retry_at: datetime | None = None
    refused: Refusal | None = None  # surely not sent: another gateway may be asked
    gateway_id: int | None = None
    sender: str | None = None
    cost: Decimal | None = None
    cost_currency: str = ""
    mark: int = field(default=0, compare=False)


class Place(NamedTuple):
    """How far a queue was taken: dead rows before it need not be walked through again."""

    due_at: datetime
    message_id: int


# Rows are locked first and judged by the next statement, which sees all that was committed before:
# a stop or a payment that came earlier cannot be missed (P1, P3). A stop that comes meanwhile takes
# messages back out of here, so it waits for these rows and is later; and a row that it holds is
# passed over. A payment holds the lock of its person: his guarded messages are passed over as well.
CLAIM = """
WITH service AS MATERIALIZED (
  SELECT o.message_id, o.contact_id, o.guard, o.due_at, o.urgency,
    o.window_until < %(now)s AS is_late, o.campaign_id
  FROM outbox o
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.gateway_id = %(gateway_id)s
    AND o.urgency = 0 AND o.due_at <= %(now)s
  ORDER BY o.due_at, o.message_id LIMIT %(most)s
  FOR UPDATE SKIP LOCKED
), marketing AS MATERIALIZED (
  SELECT o.message_id, o.contact_id, o.guard, o.due_at, o.urgency,
    o.window_until < %(now)s AS is_late, o.campaign_id
  FROM outbox o
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.gateway_id = %(gateway_id)s
    AND o.urgency = 1 AND o.due_at <= %(now)s
    AND (o.due_at, o.message_id) > (%(after_at)s, %(after_id)s)
  ORDER BY o.due_at, o.message_id LIMIT %(most)s - (SELECT count(*) FROM service)
  FOR UPDATE SKIP LOCKED
)
SELECT * FROM service UNION ALL SELECT * FROM marketing
"""
LOCK_PEOPLE = """
SELECT c.id FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = ANY(%(ids)s::bigint[])
FOR KEY SHARE SKIP LOCKED
"""
# A young table has no statistics, and a queue that is empty most of the time never has good ones:
# the planner then took "all of the store, filtered by id" for as cheap as "this id". Lateral
# look-ups and lists of ids leave it no choice: each row is found by its whole key.
JUDGE = """
SELECT m.id, m.store_id, m.contact_id, m.channel, m.class, m.recipient, m.sender, m.subject, m.body,
  m.language, m.encoding, m.parts, m.not_after, m.attempts + 1, m.network, m.cost, m.cost_currency,
  CASE
    WHEN m.state <> 'waiting' THEN 'said'
    WHEN m.not_after < %(now)s THEN 'too_late'
    WHEN c.erased_at IS NOT NULL THEN 'erased'
    WHEN m.channel = 'email' AND c.scopes #>> '{channel/email,0}' = 'out' THEN 'email_closed'
    WHEN m.topic = ANY(%(always)s::text[]) THEN NULL
    WHEN c.service = 'out' THEN 'stopped'
    WHEN m.class = 'marketing' AND c.marketing = 'out' THEN 'stopped'
    WHEN m.class = 'marketing' AND c.marketing <> 'in' THEN 'no_consent'
  END
FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS k(id, place)
CROSS JOIN LATERAL (
  SELECT m.* FROM message m
  WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = k.id OFFSET 0
) m
CROSS JOIN LATERAL (
  SELECT c.service, c.marketing, c.erased_at, c.scopes FROM contact c
  WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = m.contact_id OFFSET 0
) c
ORDER BY k.place
"""
REMOVE = """
DELETE FROM outbox o
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.message_id = ANY(%(ids)s::bigint[])
"""
MARK = """
INSERT INTO submission
  (bucket, store_id, gateway_id, id, bind, owner, lease_until, message_ids)
SELECT %(bucket)s, %(store_id)s, %(gateway_id)s, %(id)s, %(bind)s, %(owner)s, %(lease_until)s,
  %(ids)s::bigint[]
"""
DROP = """
UPDATE message m SET state = 'dropped', reason = r.reason, done_at = %(now)s
FROM unnest(%(ids)s::bigint[], %(reasons)s::text[]) AS r(id, reason)
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = r.id
  AND m.id = ANY(%(ids)s::bigint[])
"""


async def take(
    tx: Tx, store: Store, bucket: int, gateway_id: int, now: datetime, owner: str,
    most: int = TAKE_MOST, *, bind: int = 0, after: Place | None = None,
) -> list[Taken]:  # fmt: skip
    """Moves due messages of a gateway under a mark of `owner`: service before marketing, the oldest
    first. Refused ones are dropped with their reason; those that may go later wait for it."""
    taken, _ = await take_on(
        tx, store, bucket, gateway_id, now, owner, most, bind=bind, after=after
    )
    return taken


async def take_on(
    tx: Tx, store: Store, bucket: int, gateway_id: int, now: datetime, owner: str, most: int,
    *, bind: int = 0, after: Place | None = None, mark: int = 0,
) -> tuple[list[Taken], Place | None]:  # fmt: skip
    """The same, and from where to go on: None when the queue was taken to its end. `mark`: what
    the mark is to be called (see messages.untake)."""
    mark = mark or new_mark()
    base: dict[str, Any] = {"bucket": bucket, "store_id": store.id, "now": now}
    claimed, onwards = await _claim(tx, base, gateway_id, most, after)
    if not claimed:
        return [], onwards
    named = {key: one.campaign_id for key, one in claimed.items() if one.campaign_id}
    held, ended = await campaign_waiting.stop(tx, base, named)
    if held or ended:
        claimed = {key: one for key, one in claimed.items() if key not in held and key not in ended}
    guarded = [key for key, one in claimed.items() if one.is_guarded]
    asked = await guards.ask(tx, store, bucket, guarded, now)
    if asked.wait:
        claimed = {key: one for key, one in claimed.items() if key not in asked.wait}
    going: list[Taken] = []
    free: set[int] = set()
    said: list[int] = []  # whatever queued it once more: it is not said twice
    refused: dict[int, str] = {}
    sold: dict[int, Touched] = {}  # of each person one offer at a time: the next one sees the first
    judged = [
        (*row, verdict if verdict not in (None, "held") else asked.refused.get(row[0], verdict), to)
        for *row, verdict, to in await _judged(tx, store, bucket, claimed, now)
    ]
    later = [
        row[0] for *row, verdict, _ in judged
        if verdict == "held" or (verdict is None and claimed[row[0]].is_late)
    ]  # fmt: skip
    if later:
        refused, free = await anew.postpone(tx, store, bucket, later, now)
    refused |= ended
    waits = set(later) - free
    for *row, verdict, touched in judged:
        if row[0] in waits:
            continue
        if verdict == "said":
            said.append(row[0])
        elif verdict is not None and row[0] not in free:
            refused[row[0]] = verdict
        elif touched is None or sold.setdefault(row[2], touched) is touched:
            going.append(Taken._make((*row, mark)))
    held = await spending.charge(tx, store, bucket, going, now)
    if held:
        going = [one for one in going if one.message_id not in held]
    marked = {"gateway_id": gateway_id, "id": mark, "bind": bind, "owner": owner}
    touches = [touch for touch in sold.values() if touch.message_id not in held]
    await _mark(tx, base | marked, [one.message_id for one in going], refused, said, touches)
    told = [wish for one in going for wish in asked.tells.get(one.message_id, ())]
    await wish_stock.tell(tx, store, told, now)
    await counters.add(tx, store, now, {"dropped": len(refused)}, bucket)
    return going, onwards


class Claimed(NamedTuple):
    """A due row of the outbox, locked."""

    is_late: bool  # its allowed hours have ended
    is_marketing: bool
    campaign_id: int | None = None
    is_guarded: bool = False


class Touched(NamedTuple):
    """An offer that goes to a person now."""

    message_id: int
    contact_id: int
    topic: str
    category: str
    is_text: bool


async def _judged(
    tx: Tx, store: Store, bucket: int, claimed: Mapping[int, Claimed], now: datetime
) -> list[tuple[Any, ...]]:
    """All that Taken needs to know of each but its mark, the verdict, and of marketing the touch
    that it makes."""
    service = [one for one, row in claimed.items() if not row.is_marketing]
    offers = [one for one, row in claimed.items() if row.is_marketing]
    found: list[tuple[Any, ...]] = []
    if service:
        given = {
            "bucket": bucket, "store_id": store.id, "now": now, "ids": db.numbers(service),
            "always": sorted(ALWAYS_ANSWERED),
        }  # fmt: skip
        async with tx.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(JUDGE, given)
            found = [(*row, None) for row in await cursor.fetchall()]
    if offers:
        rows = await anew.judge(tx, store, bucket, offers, now)
        found += [(*r[:-2], Touched(r[0], r[2], r[-2], r[-1], r[3] == "sms")) for r in rows]
    return found


def new_mark() -> int:
    """A name for a mark, like no other."""
    return secrets.randbits(62) + 1


async def _claim(
    tx: Tx, base: dict[str, Any], gateway_id: int, most: int, after: Place | None
) -> tuple[dict[int, Claimed], Place | None]:
    """Due messages, and from where to go on."""
    after_at, after_id = after or ("-infinity", 0)
    given = {"gateway_id": gateway_id, "most": most, "after_at": after_at, "after_id": after_id}
    async with tx.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(CLAIM, base | given)
        rows = await cursor.fetchall()
    last = rows[-1] if len(rows) == most else None
    onwards = Place(last[3], last[0]) if last and last[4] == 1 else None
    guarded = sorted({row[1] for row in rows if row[2]})
    if guarded:
        held = await tx.execute(LOCK_PEOPLE, base | {"ids": db.numbers(guarded)})
        ours = {row["id"] for row in await held.fetchall()}
        rows = [row for row in rows if not row[2] or row[1] in ours]
    people = {row[1] for row in rows if row[4] == 1}
    if people:
        free = await anew.lock(tx, base["store_id"], base["bucket"], people)
        rows = [row for row in rows if row[4] != 1 or row[1] in free]
    found = {row[0]: Claimed(row[5], row[4] == 1, row[6], bool(row[2])) for row in rows}
    return found, onwards


async def _mark(
    tx: Tx, base: dict[str, Any], going: list[int], refused: Mapping[int, str], said: Sequence[int],
    touches: Sequence[Touched],
) -> None:  # fmt: skip
    gone = [*going, *refused, *said]
    if not gone:
        return
    async with tx.pipeline():
        await tx.execute(REMOVE, base | {"ids": db.numbers(gone)})
        if going:
            held = {"lease_until": base["now"] + LEASE, "ids": db.numbers(going)}
            await tx.execute(MARK, base | held)
        if touches:
            await histories.put(tx, base, [touch for touch in touches if touch.is_text])
        if refused:
            reasons = {"ids": db.numbers(refused), "reasons": db.words(list(refused.values()))}
            await tx.execute(DROP, base | reasons)


# ------------------------------------------------------------------ putting back

# What surely was not sent waits again: at another gateway where one is named, which it has not
# tried yet. Only a real attempt counts as one; a link that closed before a word was said is none.
AGAIN = """
WITH told AS (
  SELECT * FROM jsonb_to_recordset(%(rows)s) AS r(
    message_id bigint, retry_at timestamptz, tried smallint, reason text, gateway_id integer,
    sender text, cost numeric, cost_currency text)
), put AS (
  UPDATE message m SET reason = t.reason,
    attempts = CASE WHEN t.gateway_id IS NULL THEN m.attempts + t.tried ELSE 0 END,
    gateway_id = coalesce(t.gateway_id, m.gateway_id), sender = coalesce(t.sender, m.sender),
    cost = CASE WHEN t.gateway_id IS NULL THEN m.cost ELSE t.cost END,
    cost_currency = CASE WHEN t.gateway_id IS NULL THEN m.cost_currency ELSE t.cost_currency END
  FROM told t
  WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = t.message_id
    AND m.id = ANY(%(ids)s::bigint[]) AND m.state = 'waiting'
  RETURNING m.id, m.gateway_id, m.contact_id, m.order_id, m.class, m.topic, m.guard, t.retry_at,
    coalesce(m.window_until, t.retry_at) AS window_until, m.not_after, m.attempts, m.campaign_id
)
INSERT INTO outbox (bucket, store_id, message_id, gateway_id, contact_id, order_id, urgency, class,
  topic, guard, due_at, window_until, not_after, attempts, campaign_id)
SELECT %(bucket)s, %(store_id)s, p.id, p.gateway_id, p.contact_id, p.order_id,
  CASE p.class WHEN 'marketing' THEN 1 ELSE 0 END, p.class, p.topic, p.guard, p.retry_at,
  p.window_until, p.not_after, p.attempts, p.campaign_id
FROM put p
ON CONFLICT (bucket, store_id, message_id) DO NOTHING
"""


class Again(NamedTuple):
    """One that is to be said (again) at `retry_at`; the rest where it goes over another gateway."""

    message_id: int
    retry_at: datetime
    tried: int = 1
    reason: str = ""
    gateway_id: int | None = None
    sender: str | None = None
    cost: Decimal | None = None
    cost_currency: str | None = None


async def put_back(tx: Tx, store: Store, bucket: int, rows: Sequence[Again]) -> None:
    """Messages of one bucket wait in the outbox again."""
    if rows:
        await tx.execute(
            AGAIN,
            {
                "bucket": bucket,
                "store_id": store.id,
                "ids": db.numbers(row.message_id for row in rows),
                "rows": db.document([row._asdict() for row in rows]),
            },
        )
        await histories.take_back(tx, store, bucket, [row.message_id for row in rows])
        for gateway_id in {row.gateway_id for row in rows if row.gateway_id is not None}:
            await db.notify(tx, "outbox", str(gateway_id))


# ------------------------------------------------------------------ looking for work

# Over all stores on purpose: a worker asks which gateway has work and when. Each queue is asked for
# its first row, so that a million waiting ones cost as much as one.
DUE = """
SELECT g.id AS gateway_id, q.bucket, min(o.due_at) AS due_at
FROM gateway g
JOIN store s ON s.id = g.store_id
CROSS JOIN LATERAL (
  SELECT (%(buckets)s::integer[])[1 + (s.bucket_base + n) %% 128] AS bucket
  FROM generate_series(0, s.bucket_span - 1) n
) q
CROSS JOIN (VALUES (0), (1)) AS u(urgency)
CROSS JOIN LATERAL (
  SELECT o.due_at FROM outbox o
  WHERE o.bucket = q.bucket AND o.gateway_id = g.id AND o.urgency = u.urgency
  ORDER BY o.due_at LIMIT 1
) o
WHERE g.removed_at IS NULL AND g.paused_at IS NULL
GROUP BY g.id, q.bucket
"""


async def due(tx: Tx) -> Sequence[Mapping[str, Any]]:
    """Rows {gateway_id, bucket, due_at}: when each gateway in use has its next message due."""
    cursor = await tx.execute(DUE, {"buckets": list(BUCKETS)})
    return await cursor.fetchall()


# Over all buckets and stores on purpose: once a minute, where anything is too late.
OVERDUE = """
SELECT DISTINCT store_id, bucket FROM outbox WHERE not_after < %(now)s
"""
DROP_LATE = """
WITH late AS (
  DELETE FROM outbox o
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.not_after < %(now)s
  RETURNING o.message_id
)
UPDATE message m SET state = 'dropped', reason = 'too_late', done_at = %(now)s
FROM late
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = late.message_id
  AND m.state = 'waiting'
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
