"""The decision for everybody at once: rules/consent/consent.decide as SQL (N2, R12–R17).

For a store and a draft it says of every person send, wait or drop, with the reason and the moment.
The rules are the same ones in the same order; hours come as the very intervals that Python makes,
one list for each pair of country and zones that occurs. Tests hold the two equal.

A condition over contact (alias c) narrows who is asked. A bucket is asked at a time, a big one by
ranges of ids; several connections may work side by side.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from psycopg import AsyncConnection, sql
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.rules import policy
from ringdove.rules.consent import consent, hours
from ringdove.rules.consent.consent import ALWAYS_ANSWERED, Draft
from ringdove.rules.consent.hours import LOOK_PAST
from ringdove.rules.scenes import Contact, Store

Tx = AsyncConnection[Any]

CONNECTIONS = 2
ALL = sql.SQL("true")
ID_MAX = 2**63 - 1

# Where people are: so many pairs that a list of windows for each costs nothing. No country has two
# spellings (numbers of no country say ""); a pair that came twice would count its people twice.
PLACES = sql.SQL("""
SELECT coalesce(c.country, '') AS country, c.zones FROM contact c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s
GROUP BY 1, 2
""")
# Records that were merged into another: their past is that person's, and lies in another bucket.
MERGED = """
SELECT c.bucket, c.id, c.merged_into AS main FROM contact c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s AND c.merged_into IS NOT NULL
"""
# OFFSET 0: or each sum would be worked out wherever its name stands. `narrow` completes the
# condition. Of touches only the newest of each person count that a cap can
# ask for: the third newest of all decides a cap of three.
VERDICTS = sql.SQL("""
SELECT d.id,
  CASE WHEN d.refusal IS NOT NULL OR d.opens IS NULL OR d.opens > %(not_after)s THEN 'drop'
    WHEN d.opens <= %(now)s THEN 'send' ELSE 'wait' END AS verdict,
  CASE WHEN d.refusal IS NOT NULL THEN d.refusal
    WHEN d.earliest > %(not_after)s THEN d.barrier
    WHEN d.opens IS NULL THEN 'no_allowed_hour'
    WHEN d.opens > %(not_after)s THEN coalesce(d.barrier, 'no_hour_left')
    WHEN d.opens <= %(now)s THEN ''
    WHEN d.barrier IS NOT NULL THEN d.barrier
    WHEN d.opens = %(start)s THEN 'not_yet'
    ELSE d.waits_for END AS reason,
  CASE WHEN d.refusal IS NULL AND d.opens <= %(not_after)s THEN d.opens END AS at
FROM (
  SELECT b.*,
    CASE WHEN b.earliest > %(not_after)s THEN NULL
      WHEN b.all_opens[b.place] < b.earliest THEN b.earliest
      ELSE b.all_opens[b.place] END AS opens
  FROM (
    SELECT p.*, 1 + width_bucket(greatest(%(start)s::timestamptz, p.last), p.all_closes) AS place,
      greatest(%(start)s::timestamptz, p.last) AS earliest,
      CASE WHEN p.last > %(start)s THEN CASE p.last
        WHEN p.paused_until THEN 'paused' WHEN p.talking_until THEN 'talking'
        WHEN p.day_until THEN 'cap_day'
        WHEN p.week_until THEN 'cap_week' WHEN p.month_until THEN 'cap_month'
        WHEN p.gap_until THEN 'category_gap' ELSE 'bought_lately' END END AS barrier
    FROM (
      SELECT f.*, greatest(f.paused_until, f.talking_until, f.day_until, f.week_until,
        f.month_until, f.gap_until, f.bought_until) AS last
      FROM (
        SELECT c.id, w.opens AS all_opens, w.closes AS all_closes, w.waits_for,
          CASE WHEN %(holds)s THEN c.paused_until END AS paused_until,
          CASE WHEN %(holds)s THEN c.talking_until END AS talking_until,
          t.newest[%(cap_day)s::integer] + interval '24 hours' AS day_until,
          t.newest[%(cap_week)s::integer] + interval '168 hours' AS week_until,
          t.newest[%(cap_month)s::integer] + interval '720 hours' AS month_until,
          t.of_category + %(gap)s::interval AS gap_until,
          k.bought_at + %(after_purchase)s::interval AS bought_until,
          CASE
            WHEN c.erased_at IS NOT NULL THEN 'erased'
            WHEN %(channel)s = 'sms' AND c.phone IS NULL
              THEN CASE WHEN c.phone_doubt IS NOT NULL THEN 'phone_doubtful' ELSE 'no_phone' END
            WHEN %(channel)s = 'email' AND c.email IS NULL THEN 'no_email'
            WHEN %(channel)s = 'email' AND c.scopes #>> '{{channel/email,0}}' = 'out'
              THEN 'email_closed'
            WHEN %(is_answer)s THEN CASE WHEN %(is_over)s THEN 'too_late' END
            WHEN c.service = 'out' THEN 'stopped'
            WHEN NOT %(is_offer)s THEN CASE WHEN %(is_over)s THEN 'too_late' END
            WHEN c.marketing = 'out' AND c.scopes -> %(topic_scope)s ->> 0 IS DISTINCT FROM 'in'
              THEN 'stopped'
            WHEN c.scopes -> %(topic_scope)s ->> 0 = 'out' THEN 'topic_left'
            WHEN c.scopes -> %(category_scope)s ->> 0 = 'out' THEN 'category_left'
            WHEN c.marketing <> 'in' AND c.scopes -> %(topic_scope)s ->> 0 IS DISTINCT FROM 'in'
              THEN CASE c.marketing WHEN 'asked' THEN 'unconfirmed' ELSE 'no_consent' END
            WHEN %(lacks_occasion)s THEN 'no_occasion'
            WHEN %(is_over)s THEN 'too_late'
          END AS refusal
        FROM contact c
        LEFT JOIN jsonb_to_recordset(%(places)s) AS w(country text, zones text[],
          opens timestamptz[], closes timestamptz[], waits_for text)
          ON w.country = coalesce(c.country, '') AND w.zones = c.zones
        LEFT JOIN (
          SELECT x.contact_id, (array_agg(x.at ORDER BY x.at DESC))[:%(most)s] AS newest,
            max(x.at) FILTER (WHERE x.category = %(category)s) AS of_category
          FROM (
            SELECT t.contact_id, t.at, t.category FROM touch t
            WHERE t.bucket = %(bucket)s AND t.store_id = %(store_id)s AND t.at > %(since)s
              AND t.contact_id >= %(first)s AND t.contact_id < %(after)s
            UNION ALL
            SELECT m.main, t.at, t.category FROM jsonb_to_recordset(%(merged)s)
              AS m(bucket integer, id bigint, main bigint)
            JOIN touch t ON t.bucket = m.bucket AND t.store_id = %(store_id)s
              AND t.contact_id = m.id AND t.at > %(since)s
          ) x
          GROUP BY x.contact_id
        ) t ON t.contact_id = c.id
        LEFT JOIN (
          SELECT x.contact_id, max(x.bought_at) AS bought_at FROM (
            SELECT k.contact_id, k.bought_at FROM contact_category k
            WHERE k.bucket = %(bucket)s AND k.store_id = %(store_id)s
              AND k.category = %(category)s
            UNION ALL
            SELECT m.main, k.bought_at FROM jsonb_to_recordset(%(merged)s)
              AS m(bucket integer, id bigint, main bigint)
            JOIN contact_category k ON k.bucket = m.bucket AND k.store_id = %(store_id)s
              AND k.contact_id = m.id AND k.category = %(category)s
          ) x
          GROUP BY x.contact_id
        ) k ON k.contact_id = c.id
        WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s
          AND c.id >= %(first)s AND c.id < %(after)s AND c.merged_into IS NULL
          AND {narrow}
      OFFSET 0) f
    OFFSET 0) p
  OFFSET 0) b
) d
""")
# A young table has no statistics: the planner then takes a million people for one, and looks all
# touches through for each. Work is shared by our own connections: helpers of one statement would
# each add up all touches once more. A condition may hash all people of a segment: where that does
# not fit into memory, they would be looked through again for each.
IN_BULK = """
SELECT set_config('enable_nestloop', 'off', true), set_config('jit', 'off', true),
  set_config('max_parallel_workers_per_gather', '0', true), set_config('work_mem', '64MB', true)
"""
COUNTS = sql.SQL("SELECT v.verdict, v.reason, count(*) FROM ({verdicts}) v GROUP BY 1, 2")
# Where a bucket can be cut so that two connections have about as much to do: a hundredth of the
# pages tells it of many; few are counted.
ABOUT_MIDDLE = """
SELECT count(*) AS n, percentile_disc(0.5) WITHIN GROUP (ORDER BY c.id) AS id
FROM contact c TABLESAMPLE SYSTEM (1)
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s
"""
TELLING = 200  # people in such a sample
MIDDLE = """
SELECT c.id FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s
ORDER BY c.id OFFSET (
  SELECT count(*) / 2 FROM contact n
  WHERE n.bucket = %(bucket)s AND n.store_id = %(store_id)s) LIMIT 1
"""


class Decided(NamedTuple):
    """What the decision says of one person."""

    contact_id: int
    verdict: str  # send, wait, drop
    reason: str
    at: datetime | None  # when it could go; None: never


@dataclass(frozen=True, slots=True)
class Question:
    """A draft to be decided for many, with what all of them share."""

    store: Store
    draft: Draft
    now: datetime
    given: Mapping[str, Any]
    narrow: sql.Composable
    more: Mapping[str, Any]

    def of(self, piece: tuple[int, int, int]) -> dict[str, Any]:
        """The parameters for a bucket and a range of ids in it."""
        bucket, first, after = piece
        return {**self.given, **self.more, "bucket": bucket, "first": first, "after": after}

    @property
    def verdicts(self) -> sql.Composed:
        """One row for each person: id, verdict, reason, at. For statements that go on with them."""
        return VERDICTS.format(narrow=self.narrow)


async def ask(
    tx: Tx, store: Store, draft: Draft, now: datetime,
    narrow: sql.Composable = ALL, more: Mapping[str, Any] | None = None,
) -> Question:  # fmt: skip
    """Makes the question ready: learns where people are, and the hours there. `narrow` is a
    condition over contact c, `more` its parameters."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
    }  # fmt: skip
    cursor = await tx.execute(PLACES, given)
    places = [
        _windows(store, draft, now, row["country"], tuple(row["zones"]))
        for row in await cursor.fetchall()
    ]
    merged = await (await tx.execute(MERGED, given)).fetchall()
    shared = _given(store, draft, now, places) | {"merged": db.document(merged)}
    return Question(store, draft, now, shared, narrow, more or {})


def _windows(
    store: Store, draft: Draft, now: datetime, country: str | None, zones: tuple[str, ...]
) -> dict[str, Any]:
    """The windows of all people of a country and a set of zones."""
    somebody = Contact(0, "+", "@", now, country=country, zones=zones)
    limits = consent.limits_of(store, somebody, draft)
    start = max(now, draft.not_before)
    found = [(start, start + hours.FAR)]
    waits_for = "not_yet"
    if limits is not None:
        own = zones or (store.time_zone,)
        found = hours.windows(limits, own, start, max(start, draft.not_after) + LOOK_PAST)
        waits_for = consent.hours_reason(limits, own, start)
    return {
        "country": country or "",
        "zones": zones,
        "opens": [opens for opens, _ in found],
        "closes": [closes for _, closes in found],
        "waits_for": waits_for,
    }


def _given(
    store: Store, draft: Draft, now: datetime, places: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    rule = store.policy
    is_answer = draft.topic in ALWAYS_ANSWERED
    is_offer = draft.klass == "marketing"
    holds = is_offer and not is_answer
    caps = {
        reason: (most(rule) or None) if holds and draft.channel == "sms" else None
        for reason, most, _ in policy.CAPS
    }
    gap = rule.categories.get(draft.category) if holds and draft.category else None
    start = max(now, draft.not_before)
    return caps | {
        "store_id": store.id,
        "now": now,
        "start": start,
        "not_after": draft.not_after,
        "is_over": start > draft.not_after,
        "channel": draft.channel,
        "is_answer": is_answer,
        "is_offer": is_offer,
        "holds": holds,
        "topic_scope": f"topic/{draft.topic}",
        "category_scope": f"category/{draft.category}" if draft.category else "",
        "lacks_occasion": rule.occasion == "demand" and not draft.occasion,
        "most": max([cap or 0 for cap in caps.values()]),
        "since": now - policy.looks_back(rule),
        "category": draft.category,
        "gap": _days(gap.days if gap and draft.channel == "sms" else 0),
        "after_purchase": _days(gap.after_purchase_days if gap else 0),
        "places": db.document(places),
    }


def _days(days: int) -> timedelta | None:
    return timedelta(days=days) if days else None


# ------------------------------------------------------------------ answers


async def each(tx: Tx, question: Question, bucket: int) -> AsyncIterator[Decided]:
    """Of everybody in a bucket, as a stream."""
    await tx.execute(IN_BULK)
    async with tx.cursor(row_factory=tuple_row) as cursor:
        async for row in cursor.stream(question.verdicts, question.of((bucket, 0, ID_MAX))):
            yield Decided(*row)


Counts = Counter[tuple[str, str]]


async def counts(pool: AsyncConnectionPool[Any], question: Question) -> Counts:
    """How many of everybody, by verdict and reason: on two connections, each with its share."""
    todo = await pieces(pool, question.store)
    statement = COUNTS.format(verdicts=question.verdicts)
    found: Counts = Counter()

    async def work() -> None:
        while todo:
            piece = todo.pop()
            async with db.transaction(pool) as tx:
                await tx.execute(IN_BULK)
                async with tx.cursor(row_factory=tuple_row) as cursor:
                    await cursor.execute(statement, question.of(piece))
                    for verdict, reason, n in await cursor.fetchall():
                        found[verdict, reason] += n

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(work())
    return found


async def pieces(pool: AsyncConnectionPool[Any], store: Store) -> list[tuple[int, int, int]]:
    """A bucket and a range of ids, (first, after), each: what connections can share out."""
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    if len(buckets) > 1:
        return [(bucket, 0, ID_MAX) for bucket in buckets]
    async with db.transaction(pool) as tx:
        given = {"bucket": buckets[0], "store_id": store.id}
        row = await (await tx.execute(ABOUT_MIDDLE, given)).fetchone()
        if row is None or row["n"] < TELLING:
            row = await (await tx.execute(MIDDLE, given)).fetchone()
    if row is None:
        return []
    return [(buckets[0], 0, row["id"]), (buckets[0], row["id"], ID_MAX)]
