"""Whom an automation's time is about, found set by set; and how far each bucket was told.

A mark is written when something was told, not at every look. It counts from a moment (`since`):
switched off and on again, or with another trigger, an automation begins anew from then. What is
told twice, since a process died before its mark, is the same fact. Whoever was merged into
somebody, or erased, is nobody here.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from psycopg import sql

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records.consent import deciding
from ringdove.records.segments import rhythms
from ringdove.records.segments.segments import Condition
from ringdove.rules.automations.journeys import DateComes, GoodsNew, Journey, PurchaseDue
from ringdove.rules.automations.triggers import LEARNT_LATE_DAYS, Strike
from ringdove.rules.scenes import Store
from ringdove.rules.segments import rhythm
from ringdove.rules.segments import segment_times as times
from ringdove.rules.segments.segments import Range

PAGE_MAX: Final = 5_000  # people told of in one transaction
ENTER_MAX: Final = 20_000  # the same of those who enter: each page asks the condition anew
LOOKS_MIN: Final = 2  # at goods of a category, by who never bought of it, to be told what is new

# ------------------------------------------------------------------ how far it was told


class Mark(NamedTuple):
    """How far a bucket was told of an automation's times."""

    since: datetime
    until: datetime


MARKS = """
SELECT t.recipe, t.bucket, t.since, t.until FROM trigger_mark t
WHERE t.bucket = ANY(%(buckets)s) AND t.store_id = %(store_id)s
"""
PUT_MARK = """
INSERT INTO trigger_mark (bucket, store_id, recipe, since, until)
SELECT %(bucket)s, %(store_id)s, %(recipe)s, %(since)s, %(until)s
ON CONFLICT (bucket, store_id, recipe) DO UPDATE SET
  since = EXCLUDED.since, until = EXCLUDED.until
"""
MADE = """
SELECT a.recipe, a.version, a.changed_at FROM automation a WHERE a.store_id = %(store_id)s
ORDER BY a.recipe, a.version DESC
"""


async def marks(tx: Tx, store: Store) -> dict[tuple[str, int], Mark]:
    """By recipe and bucket."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
    }  # fmt: skip
    rows = await (await tx.execute(MARKS, given)).fetchall()
    return {(row["recipe"], row["bucket"]): Mark(row["since"], row["until"]) for row in rows}


async def put_mark(tx: Tx, store: Store, recipe: str, bucket: int, mark: Mark) -> None:
    """All before its `until` is told there."""
    given = {"bucket": bucket, "store_id": store.id, "recipe": recipe}
    await tx.execute(PUT_MARK, given | mark._asdict())


async def made(tx: Tx, store: Store) -> dict[str, list[tuple[int, datetime]]]:
    """The versions of each automation with when they were made, newest first."""
    found = defaultdict(list)
    for row in await (await tx.execute(MADE, {"store_id": store.id})).fetchall():
        found[row["recipe"]].append((row["version"], row["changed_at"]))
    return found


# ------------------------------------------------------------------ whom a time is about


class Met(NamedTuple):
    """Somebody whose time has come, and what makes it once."""

    contact_id: int
    occasion: str
    category: str = ""


LIVING = """c.bucket = %(bucket)s AND c.store_id = %(store_id)s
  AND c.merged_into IS NULL AND c.erased_at IS NULL AND {narrow}"""
EVERYBODY = sql.SQL(f"""
SELECT c.id, %(occasion)s AS occasion, '' AS category FROM contact c WHERE {LIVING}
""")
# Days of the year as rules/segments/segment_times.days_of_year has them.
ITS_DAY = """(100 * extract(month FROM {0})::integer + extract(day FROM {0})::integer)
    = ANY(%(days)s::integer[])"""
BIRTHDAYS = sql.SQL(f"""
SELECT c.id, %(occasion)s AS occasion, '' AS category FROM contact c
WHERE {LIVING} AND {ITS_DAY.format("c.birthday")}
""")
# Born after the day, a child is not there yet.
CHILDREN = sql.SQL(f"""
SELECT c.id, %(occasion)s AS occasion, '' AS category FROM contact c
WHERE {LIVING} AND cardinality(c.children) > 0 AND EXISTS (
  SELECT FROM unnest(c.children) AS k(born) WHERE {ITS_DAY.format("k.born")} AND k.born <= %(day)s)
""")
FIELDS = sql.SQL(f"""
SELECT c.id, %(occasion)s AS occasion, '' AS category FROM contact c
WHERE {LIVING} AND CASE WHEN jsonb_typeof(c.fields -> %(field)s::text) = 'string'
    AND c.fields ->> %(field)s::text ~ %(a_date)s
  THEN substr(c.fields ->> %(field)s::text, 6) = ANY(%(ends)s::text[])
    AND (c.fields ->> %(field)s::text) COLLATE "C" <= %(day)s::date::text END
""")
ORDERED = sql.SQL(f"""
SELECT c.id, %(occasion)s AS occasion, '' AS category
FROM contact_figure f
JOIN contact c ON c.bucket = f.bucket AND c.store_id = f.store_id AND c.id = f.contact_id
CROSS JOIN LATERAL (
  SELECT CASE %(which)s WHEN 'first_order' THEN f.first_order_at ELSE f.last_order_at END
) o(at)
WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.orders > 0
  AND o.at >= %(begins)s AND o.at < %(ends)s AND {LIVING}
""")
# As rules/segments/rhythm.due_at. The purchase that they are expected after makes it once, however
# often the day is worked out anew.
DUE = sql.SQL(f"""
SELECT c.id, d.occasion, k.category
FROM contact_category k
JOIN contact c ON c.bucket = k.bucket AND c.store_id = k.store_id AND c.id = k.contact_id
LEFT JOIN jsonb_to_recordset(%(paces)s) AS p(category text, usual float8, weight float8)
  ON p.category = k.category
CROSS JOIN LATERAL (
  SELECT k.bought_at + floor((extract(epoch FROM k.bought_at - k.first_at)::float8 / 86400
    + coalesce(p.usual, %(usual)s)) / (k.days - 1 + coalesce(p.weight, %(weight)s)) * 86400)
    * interval '1 second' AS at,
    to_char(k.bought_at AT TIME ZONE %(zone)s, 'YYYYMMDD') || '/' || left(md5(k.category), 8)
    AS occasion
) d
WHERE k.bucket = %(bucket)s AND k.store_id = %(store_id)s AND k.days > 0
  AND (%(every)s OR k.category = ANY(%(categories)s::text[]))
  AND d.at >= %(begins)s AND d.at < %(ends)s AND {LIVING}
  AND NOT EXISTS (
    SELECT FROM fact f WHERE f.bucket = k.bucket AND f.store_id = k.store_id
      AND f.connection_id = 0
      AND f.source_key = 'due/' || %(recipe)s || '/' || c.id || '/' || d.occasion)
""")
FRESH = """
SELECT DISTINCT p.category FROM product p
WHERE p.bucket = ANY(%(buckets)s) AND p.store_id = %(store_id)s AND p.category <> ''
  AND p.new_at > %(begins)s AND p.new_at <= %(ends)s AND coalesce(p.stock, 1) > 0
"""
# Of several categories the one that they buy of most.
NEWS = sql.SQL(f"""
SELECT DISTINCT ON (c.id) c.id, %(occasion)s AS occasion, k.category
FROM contact_category k
JOIN contact c ON c.bucket = k.bucket AND c.store_id = k.store_id AND c.id = k.contact_id
WHERE k.bucket = %(bucket)s AND k.store_id = %(store_id)s
  AND k.category = ANY(%(categories)s::text[]) AND (k.orders > 0 OR k.visits >= %(looks)s)
  AND {LIVING}
  AND NOT EXISTS (
    SELECT FROM enrollment e WHERE e.bucket = c.bucket AND e.contact_id = c.id
      AND e.store_id = c.store_id AND e.recipe = %(recipe)s AND e.started_at >= %(told_since)s)
ORDER BY c.id, k.days DESC, k.visits DESC, k.category
""")

Asked = tuple[sql.SQL, dict[str, Any]]


async def ask(tx: Tx, store: Store, journey: Journey, strike: Strike, since: datetime) -> Asked:
    """What finds whom a strike is about: for `meet`. `since`: what came before is not looked at."""
    match journey.trigger:
        case DateComes() as trigger:
            return _of_dates(store, trigger, strike)
        case PurchaseDue() as trigger:
            return await _of_purchases(tx, store, journey, trigger, strike, since)
        case GoodsNew() as trigger:
            return await _of_goods(tx, store, journey, trigger, strike, since)
    return EVERYBODY, {"occasion": strike.day.isoformat()}


def _of_dates(store: Store, trigger: DateComes, strike: Strike) -> Asked:
    day = strike.day
    year = times.days_of_year(Range(at_least=0, at_most=0), day)
    match trigger.what:
        case "birthday":
            return BIRTHDAYS, {"occasion": str(day.year), "days": db.numbers(year)}
        case "children":
            given = {"occasion": day.isoformat(), "days": db.numbers(year), "day": day}
            return CHILDREN, given
        case "field":
            ends = [f"{one // 100:02}-{one % 100:02}" for one in year]
            return FIELDS, {
                "occasion": day.isoformat(), "day": day, "ends": db.words(ends),
                "field": trigger.field, "a_date": f"^{times.A_DATE}$",
            }  # fmt: skip
        case which:
            occasion = "first" if which == "first_order" else day.isoformat()
            return ORDERED, {"occasion": occasion, "which": which, **_stretch(store, day, day)}


def _stretch(store: Store, first: date, last: date) -> dict[str, datetime]:
    zone = ZoneInfo(store.time_zone)
    return {
        "begins": datetime.combine(first, time(), zone),
        "ends": datetime.combine(last + timedelta(days=1), time(), zone),
    }


async def _of_purchases(
    tx: Tx, store: Store, journey: Journey, trigger: PurchaseDue, strike: Strike, since: datetime
) -> Asked:
    paces = await rhythms.of_store(tx, store)
    usual = rhythm.pace_of(paces, rhythm.ALL)
    rows = [
        {"category": category, "usual": pace.weight * pace.gap_days, "weight": pace.weight}
        for category, pace in paces.items()
    ]
    # The first day whose own strike comes after `since`.
    local = since.astimezone(ZoneInfo(store.time_zone))
    first = local.date() + timedelta(days=(local.time() >= trigger.at) - trigger.days)
    slack = strike.day - timedelta(days=LEARNT_LATE_DAYS)
    return DUE, {
        **_stretch(store, min(max(first, slack), strike.day), strike.day),
        "paces": db.document(rows), "usual": usual.weight * usual.gap_days,
        "weight": usual.weight, "zone": store.time_zone, "recipe": journey.key,
        "every": not trigger.categories, "categories": db.words(trigger.categories),
    }  # fmt: skip


async def _of_goods(
    tx: Tx, store: Store, journey: Journey, trigger: GoodsNew, strike: Strike, since: datetime
) -> Asked:
    """Goods that are new for as long as nobody hears of any again: who was not told of others in
    that time was not told of these."""
    while_ago = timedelta(days=trigger.every_days)
    given = {
        "store_id": store.id, "begins": max(strike.at - while_ago, since), "ends": strike.at,
    }  # fmt: skip
    first = strike.day - while_ago + timedelta(days=1)
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    rows = await (await tx.execute(FRESH, given | {"buckets": buckets})).fetchall()
    return NEWS, {
        "occasion": strike.day.isoformat(), "recipe": journey.key,
        "told_since": _stretch(store, first, first)["begins"],
        "categories": db.words([row["category"] for row in rows]), "looks": LOOKS_MIN,
    }  # fmt: skip


async def meet(
    tx: Tx, store: Store, bucket: int, asked: Asked, narrow: Condition
) -> AsyncIterator[Sequence[Met]]:
    """Whom it is about in a bucket, as they are now, some at a time."""
    statement, given = asked
    await tx.execute(deciding.IN_BULK)
    async with tx.cursor("met") as cursor:
        await cursor.execute(
            statement.format(narrow=narrow.sql),
            {**narrow.params, **given, "bucket": bucket, "store_id": store.id},
        )
        while rows := await cursor.fetchmany(PAGE_MAX):
            yield [Met(row["id"], row["occasion"], row["category"]) for row in rows]


# ------------------------------------------------------------------ who enters a segment

ENTER = sql.SQL(f"""
WITH inside AS MATERIALIZED (
  SELECT c.id FROM contact c WHERE {LIVING}
), gone AS (
  DELETE FROM automation_member m
  WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.recipe = %(recipe)s
    AND NOT EXISTS (SELECT FROM inside i WHERE i.id = m.contact_id)
)
INSERT INTO automation_member (bucket, store_id, recipe, contact_id)
SELECT %(bucket)s, %(store_id)s, %(recipe)s, i.id FROM inside i
WHERE NOT EXISTS (
  SELECT FROM automation_member m WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s
    AND m.recipe = %(recipe)s AND m.contact_id = i.id)
LIMIT %(most)s
RETURNING contact_id
""")
FORGET = """
DELETE FROM automation_member m
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.recipe = %(recipe)s
"""


async def enter(
    tx: Tx, store: Store, recipe: str, bucket: int, meant: Condition, most: int = ENTER_MAX
) -> list[int]:
    """Some of those who are meant now and were not before: from now on they are known to be. Who is
    not meant any more is forgotten, and may enter again."""
    await tx.execute(deciding.IN_BULK)
    given = {"bucket": bucket, "store_id": store.id, "recipe": recipe, "most": most}
    cursor = await tx.execute(ENTER.format(narrow=meant.sql), {**meant.params, **given})
    return [row["contact_id"] for row in await cursor.fetchall()]


async def forget_members(tx: Tx, store: Store, recipe: str, bucket: int) -> None:
    """Nobody is known to be in its segment: all who are meant enter anew."""
    await tx.execute(FORGET, {"bucket": bucket, "store_id": store.id, "recipe": recipe})
