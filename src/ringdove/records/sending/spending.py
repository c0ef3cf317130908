"""Limits of spending, what was spent, and the texts that wait for money.

`charge` is called in the transaction that takes texts for sending: what fits is counted at once,
what does not fit stays in the outbox until its period ends. While a store has limits, its takes
follow one another on the limits' rows, so that two of them can never spend the same room.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules.consent.consent import ALWAYS_ANSWERED
from ringdove.rules.scenes import Store
from ringdove.rules.sending import spending
from ringdove.rules.sending.spending import Limit, Room, Spent, Wish

WAITING_MOST = 100_000  # of what waits for money: counted and released at once

ByDay = dict[tuple[date, str, str], int]

LIMITS = """
SELECT l.period, l.classes, l.currency, l.amount, l.held_until FROM spending_limit l
WHERE l.store_id = %(store_id)s ORDER BY l.classes, l.period, l.currency
"""
LIMITS_LOCKED = f"{LIMITS} FOR NO KEY UPDATE"
SPENT = """
SELECT s.day, s.class, s.currency, sum(s.micros)::bigint AS micros FROM spending s
WHERE s.bucket = ANY(%(buckets)s) AND s.store_id = %(store_id)s AND s.day >= %(since)s
GROUP BY s.day, s.class, s.currency
"""


async def limits(tx: Tx, store_id: int) -> list[Limit]:
    """What a store allows itself."""
    rows = await (await tx.execute(LIMITS, {"store_id": store_id})).fetchall()
    return [Limit(**row) for row in rows]


async def spent(tx: Tx, store: Store, since: date) -> ByDay:
    """Millionths by day, class and currency."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
        "since": since,
    }
    rows = await (await tx.execute(SPENT, given)).fetchall()
    return {(row["day"], row["class"], row["currency"]): row["micros"] for row in rows}


async def room(tx: Tx, store: Store, now: datetime) -> Room:
    """What is left, and nobody else spends of it until this transaction ends."""
    rows = await (await tx.execute(LIMITS_LOCKED, {"store_id": store.id})).fetchall()
    if not rows:
        return Room()
    month = spending.first_day("month", spending.today(now, store.time_zone))
    found = await spent(tx, store, month)
    return spending.room([Limit(**row) for row in rows], found, now, store.time_zone)


SPEND = """
INSERT INTO spending AS s (bucket, store_id, day, class, currency, micros)
SELECT %(bucket)s, %(store_id)s, %(day)s, r.class, r.currency, r.micros
FROM jsonb_to_recordset(%(rows)s) AS r(class text, currency text, micros bigint)
ORDER BY r.class, r.currency
ON CONFLICT (bucket, store_id, day, class, currency) DO UPDATE SET
  micros = s.micros + EXCLUDED.micros
"""


async def spend(tx: Tx, store: Store, bucket: int, now: datetime, amounts: Spent) -> None:
    """Adds to the store's day."""
    rows = [
        {"class": klass, "currency": currency, "micros": amount}
        for (klass, currency), amount in amounts.items()
        if amount
    ]
    if rows:
        day = spending.today(now, store.time_zone)
        given = {"bucket": bucket, "store_id": store.id, "day": day, "rows": db.document(rows)}
        await tx.execute(SPEND, given)


# ------------------------------------------------------------------ taking texts for sending


class Leaving(Protocol):
    """What charge() needs to know of a text: records/outbox.Taken."""

    @property
    def message_id(self) -> int: ...
    @property
    def klass(self) -> str: ...
    @property
    def attempts(self) -> int: ...
    @property
    def cost(self) -> Decimal | None: ...
    @property
    def cost_currency(self) -> str: ...


# The one confirmation of a stop leaves whatever it costs (P2).
ANSWERS = """
SELECT o.message_id FROM outbox o
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.message_id = ANY(%(ids)s::bigint[])
  AND o.topic = ANY(%(always)s::text[])
"""
HOLD = """
WITH held AS (
  UPDATE outbox o SET due_at = r.until FROM unnest(%(ids)s::bigint[], %(untils)s::timestamptz[])
    AS r(message_id, until)
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.message_id = r.message_id
    AND o.message_id = ANY(%(ids)s::bigint[])
  RETURNING o.message_id
)
UPDATE message m SET reason = 'spending_limit'
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = ANY(%(ids)s::bigint[])
  AND m.id IN (SELECT h.message_id FROM held h)
"""
REACHED = """
UPDATE spending_limit l SET held_until = %(until)s
WHERE l.store_id = %(store_id)s AND l.period = %(period)s AND l.classes = %(classes)s
  AND l.currency = %(currency)s AND l.held_until IS DISTINCT FROM %(until)s
"""


async def charge(
    tx: Tx, store: Store, bucket: int, leaving: Sequence[Leaving], now: datetime
) -> set[int]:
    """Counts what leaves now; the ids of those that must not, for lack of money. Their rows are
    locked by the caller, and wait in the outbox when this returns."""
    wishes = [
        # A second attempt was counted with the first.
        Wish(one.message_id, one.klass, one.cost_currency, one.cost)
        for one in leaving
        if one.cost is not None and one.attempts <= 1
    ]
    if not wishes:
        return set()
    there = await room(tx, store, now)
    found = spending.fit(there, wishes)
    if found.held:
        base = {"bucket": bucket, "store_id": store.id}
        given = base | {"ids": list(found.held), "always": sorted(ALWAYS_ANSWERED)}
        rows = await (await tx.execute(ANSWERS, given)).fetchall()
        answers = {row["message_id"] for row in rows}
        held = {key: until for key, until in found.held.items() if key not in answers}
        await spend(tx, store, bucket, now, _of([w for w in wishes if w.key in answers]))
        if held:
            await _hold(tx, store, bucket, there, found, held)
        await spend(tx, store, bucket, now, found.spent)
        return set(held)
    await spend(tx, store, bucket, now, found.spent)
    return set()


def _of(wishes: Sequence[Wish]) -> Spent:
    return spending.fit(Room(), wishes).spent


async def _hold(
    tx: Tx,
    store: Store,
    bucket: int,
    there: Room,
    found: spending.Fit,
    held: Mapping[int, datetime],
) -> None:
    given = {"ids": list(held), "untils": list(held.values())}
    await tx.execute(HOLD, {"bucket": bucket, "store_id": store.id, **given})
    for one in there.left:
        if one.limit in found.reached:
            await tx.execute(
                REACHED,
                {
                    "store_id": store.id,
                    "period": one.limit.period,
                    "classes": one.limit.classes,
                    "currency": one.limit.currency,
                    "until": one.until,
                },
            )
    await db.notify(tx, "live", str(store.id))


GIVE_BACK = """
SELECT m.class, m.cost_currency AS currency, sum(m.cost) AS cost FROM message m
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = ANY(%(all)s::bigint[])
  AND m.cost IS NOT NULL AND (m.attempts = 0 OR m.id = ANY(%(final)s::bigint[]))
GROUP BY m.class, m.cost_currency
"""


async def give_back(
    tx: Tx, store: Store, bucket: int, final: Sequence[int], now: datetime,
    unsaid: Sequence[int] = (),
) -> None:  # fmt: skip
    """These were counted and surely not sent: refused here for good, or put back without a word.
    Of the latter only those that charge() will count again: their first attempt."""
    if not (final or unsaid):
        return
    given = {
        "bucket": bucket, "store_id": store.id, "final": db.numbers(final),
        "all": db.numbers([*final, *unsaid]),
    }  # fmt: skip
    rows = await (await tx.execute(GIVE_BACK, given)).fetchall()
    amounts = {(row["class"], row["currency"]): -spending.micros(row["cost"]) for row in rows}
    await spend(tx, store, bucket, now, amounts)


# ------------------------------------------------------------------ people change limits

SET = """
INSERT INTO spending_limit (store_id, period, classes, currency, amount)
VALUES (%(store_id)s, %(period)s, %(classes)s, %(currency)s, %(amount)s)
ON CONFLICT (store_id, period, classes, currency) DO UPDATE SET
  amount = EXCLUDED.amount, held_until = NULL
"""
REMOVE = """
DELETE FROM spending_limit l
WHERE l.store_id = %(store_id)s AND l.period = %(period)s AND l.classes = %(classes)s
  AND l.currency = %(currency)s
"""
# Held rows wait for the very moment at which a period ends. Those that somebody takes just now are
# passed over: he waits for the limits' rows, and sees the new ones.
RELEASE = """
WITH held AS (
  SELECT o.bucket, o.message_id FROM outbox o CROSS JOIN LATERAL (
    SELECT m.reason FROM message m
    WHERE m.bucket = o.bucket AND m.store_id = %(store_id)s AND m.id = o.message_id OFFSET 0
  ) m
  WHERE o.bucket = ANY(%(buckets)s) AND o.store_id = %(store_id)s AND o.due_at > %(now)s
    AND m.reason = 'spending_limit'
  LIMIT %(most)s FOR UPDATE OF o SKIP LOCKED
), freed AS (
  UPDATE outbox o SET due_at = %(now)s FROM held h
  WHERE o.bucket = ANY(%(buckets)s) AND o.store_id = %(store_id)s
    AND o.bucket = h.bucket AND o.message_id = h.message_id
)
UPDATE message m SET reason = '' FROM held h
WHERE m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s
  AND m.bucket = h.bucket AND m.id = h.message_id
"""
WAITING = """
SELECT count(*) AS n FROM (
  SELECT FROM outbox o CROSS JOIN LATERAL (
    SELECT m.reason FROM message m
    WHERE m.bucket = o.bucket AND m.store_id = %(store_id)s AND m.id = o.message_id OFFSET 0
  ) m
  WHERE o.bucket = ANY(%(buckets)s) AND o.store_id = %(store_id)s AND o.due_at > %(now)s
    AND m.reason = 'spending_limit'
  LIMIT %(most)s) AS found
"""


async def put(tx: Tx, store: Store, limit: Limit, now: datetime) -> int:
    """A new limit, or another amount; what waited is asked again at once. How many that were."""
    await tx.execute(SET, _key(store, limit) | {"amount": limit.amount})
    return await _release(tx, store, now)


async def remove(tx: Tx, store: Store, limit: Limit, now: datetime) -> int:
    """No such limit any more; what waited is asked again at once."""
    await tx.execute(REMOVE, _key(store, limit))
    return await _release(tx, store, now)


def _key(store: Store, limit: Limit) -> dict[str, object]:
    return {
        "store_id": store.id,
        "period": limit.period,
        "classes": limit.classes,
        "currency": limit.currency,
    }


def _span(store: Store, now: datetime) -> dict[str, object]:
    return {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
        "now": now,
        "most": WAITING_MOST,
    }


async def _release(tx: Tx, store: Store, now: datetime) -> int:
    released = (await tx.execute(RELEASE, _span(store, now))).rowcount
    await db.notify(tx, "outbox")
    return released


async def waiting(tx: Tx, store: Store, now: datetime) -> int:
    """How many texts wait for money; read it only while a limit is reached."""
    row = await (await tx.execute(WAITING, _span(store, now))).fetchone()
    return int(row["n"]) if row else 0
