"""What is kept of each person so that a million can be asked in a moment: `contact_figure`, a row
for each living person, and `contact_category`, one for each category they bought of or looked at.

`keep` is called once for a batch of facts, in its transaction, with the people's rows locked.
Orders and carts are counted anew from the rows of whom they touch, so a cancellation, a return or
a merge needs no arithmetic of its own; visits are added, since a person has many. `count_anew`
does all of it from rows: after a merge or a parting, and for whom a worker has still to count
(records/figure_fill.py). Both lie with the main row of a person, whose also-rows count with it;
whoever was merged into another, or erased, has none.

A cart waits while it is open and nothing was ordered since its last change.

Texts, clicks and replies are not here: nothing is counted on the sending path. Offers that went
lie in `touch` (by person, 400 days), outcomes in `message` (by campaign: a range of ids), clicks
and replies in `link_click` and `inbound`: narrow enough to be asked as they are.

For who asks: an id is made when a fact is heard, so rows that happened since a moment have ids from
`id_floor(moment - EARLY)` on; months of visits before it are not looked at.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, id_floor
from ringdove.kit.db import Tx
from ringdove.rules import effects, send_hours
from ringdove.rules.scenes import Contact, Scene, Store

Row = dict[str, Any]

EARLY: Final = timedelta(days=1)  # as far as a shop's clock may be ahead of ours


class Told(NamedTuple):
    """The effects of a batch that figures follow from."""

    people: Sequence[effects.SaveContact]
    bought: Sequence[effects.BuyFrom]
    changed: Sequence[effects.CountBought]
    carts: Sequence[effects.SaveCart]
    visits: Sequence[effects.SaveVisit]
    merges: Sequence[effects.SaveMerge]


# ------------------------------------------------------------------ the story


async def keep(tx: Tx, scene: Scene, told: Told) -> None:
    """What changes by the effects of this batch; all its rows are written."""
    store = scene.store
    merged = _whose(scene, (one for e in told.merges
                            for one in (e.merge.contact_id, e.merge.other_id)))  # fmt: skip
    changed = _whose(scene, (effect.contact_id for effect in told.changed)) - merged
    bought = _whose(scene, (effect.contact_id for effect in told.bought)) - merged | changed
    touched = _whose(scene, (effect.cart.contact_id for effect in told.carts)) - merged | bought
    looks: dict[int, list[effects.SaveVisit]] = defaultdict(list)
    for visit in told.visits:
        for whose in _whose(scene, [visit.contact_id]) - merged:
            looks[whose].append(visit)
    await _add_looks(tx, scene, looks)
    await _forget_bought(tx, store, changed)
    await _count_orders(tx, store, _members(scene, touched), bought)
    saved = {effect.contact.id for effect in told.people} - scene.known_people.keys()
    new = _whose(scene, saved) - touched - looks.keys() - merged
    await _run(tx, MEET, store, [_key(one) for one in new])
    if merged:
        await drop(tx, store, {one.id for one in scene.contacts.values() if one.merged_into})
        await count_anew(tx, store, [scene.contacts[one] for one in sorted(merged)])


class Named(NamedTuple):
    """A living person, and the names that were merged into them."""

    id: int
    also: Sequence[int]


async def count_anew(tx: Tx, store: Store, people: Sequence[Named | Contact]) -> None:
    """All of these (living main rows, locked by the caller) from what lies in their rows."""
    rows = [row for one in people for row in _named(one)]
    keys = [_key(one.id) for one in people]
    await _run(tx, DROP_CATEGORIES, store, keys)
    await _count_orders(tx, store, rows, {one.id for one in people})
    await _count_looks(tx, store, rows)


def _whose(scene: Scene, contact_ids: Iterable[int]) -> set[int]:
    """The living people behind these names."""
    known = (scene.person(one) for one in contact_ids if one in scene.contacts)
    return {one.id for one in known if one.merged_into is None and one.erased_at is None}


def _members(scene: Scene, ids: Iterable[int]) -> list[Row]:
    return [row for one in sorted(ids) for row in _named(scene.contacts[one])]


def _named(person: Named | Contact) -> list[Row]:
    """The person under each of their names: rows lie under the one they came by."""
    main = {"bucket": bucket_of_id(person.id), "contact_id": person.id}
    return [
        main | {"of_bucket": bucket_of_id(one), "of_id": one} for one in (person.id, *person.also)
    ]


async def _run(tx: Tx, statement: str, store: Store, rows: Sequence[Row], **more: Any) -> None:
    if rows:
        in_order = sorted(rows, key=lambda row: (row["bucket"], row["contact_id"]))
        buckets = list(dict.fromkeys(row["bucket"] for row in in_order))
        given = {"store_id": store.id, "buckets": buckets, "rows": db.document(in_order)}
        await tx.execute(statement, given | more)


# ------------------------------------------------------------------ who is new, who is gone

MEET = """
INSERT INTO contact_figure (bucket, store_id, contact_id)
SELECT r.bucket, %(store_id)s, r.contact_id
FROM jsonb_to_recordset(%(rows)s) AS r(bucket integer, contact_id bigint)
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id, contact_id) DO NOTHING
"""
DROP = """
DELETE FROM contact_figure f USING jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, contact_id bigint)
WHERE f.bucket = r.bucket AND f.bucket = ANY(%(buckets)s) AND f.store_id = %(store_id)s
  AND f.contact_id = r.contact_id
"""
DROP_CATEGORIES = DROP.replace("contact_figure", "contact_category")


async def drop(tx: Tx, store: Store, contact_ids: Iterable[int]) -> None:
    """These are nobody of their own any more."""
    rows = [_key(one) for one in contact_ids]
    await _run(tx, DROP, store, rows)
    await _run(tx, DROP_CATEGORIES, store, rows)


def _key(contact_id: int) -> Row:
    return {"bucket": bucket_of_id(contact_id), "contact_id": contact_id}


# ------------------------------------------------------------------ orders and carts

COUNTS = "o.state NOT IN ('cancelled', 'returned', 'removed')"

COUNT_ORDERS = f"""
INSERT INTO contact_figure AS f (bucket, store_id, contact_id, orders, days, spent, first_order_at,
  last_order_at, cart_at, cart_total)
SELECT r.bucket, %(store_id)s, r.contact_id, r.orders, r.days, r.spent, r.first_at, r.last_at,
  CASE WHEN r.waits THEN r.cart_at END, CASE WHEN r.waits THEN r.cart_total END
FROM (
  SELECT r.bucket, r.contact_id, count(o.id) FILTER (WHERE {COUNTS}) AS orders,
    count(DISTINCT (o.placed_at AT TIME ZONE %(zone)s)::date) FILTER (WHERE {COUNTS}) AS days,
    coalesce(sum(o.total) FILTER (WHERE {COUNTS}), 0) AS spent,
    min(o.placed_at) FILTER (WHERE {COUNTS}) AS first_at,
    max(o.placed_at) FILTER (WHERE {COUNTS}) AS last_at,
    max(c.changed_at) AS cart_at,
    (array_agg(c.total ORDER BY c.changed_at DESC NULLS LAST, c.id))[1] AS cart_total,
    max(c.changed_at) > coalesce(max(o.placed_at), '-infinity') AS waits
  FROM jsonb_to_recordset(%(rows)s) AS r(
    bucket integer, contact_id bigint, of_bucket integer, of_id bigint)
  LEFT JOIN LATERAL (
    SELECT o.id, o.state, o.placed_at, o.total FROM purchase_order o
    WHERE o.bucket = r.of_bucket AND o.store_id = %(store_id)s AND o.contact_id = r.of_id OFFSET 0
  ) o ON true
  LEFT JOIN LATERAL (
    SELECT c.changed_at, c.total, c.id FROM cart c
    WHERE c.bucket = r.of_bucket AND c.store_id = %(store_id)s AND c.contact_id = r.of_id
      AND c.state = 'open'
    ORDER BY c.changed_at DESC, c.id LIMIT 1
  ) c ON true
  WHERE r.bucket = ANY(%(buckets)s)
  GROUP BY r.bucket, r.contact_id
) r
ON CONFLICT (bucket, store_id, contact_id) DO UPDATE SET orders = EXCLUDED.orders,
  days = EXCLUDED.days, spent = EXCLUDED.spent, first_order_at = EXCLUDED.first_order_at,
  last_order_at = EXCLUDED.last_order_at, cart_at = EXCLUDED.cart_at,
  cart_total = EXCLUDED.cart_total
"""
# Before some are counted again: what was only bought goes, what was looked at stays.
FORGET_BOUGHT = """
DELETE FROM contact_category k
USING jsonb_to_recordset(%(rows)s) AS r(bucket integer, contact_id bigint)
WHERE k.bucket = r.bucket AND k.bucket = ANY(%(buckets)s) AND k.store_id = %(store_id)s
  AND k.contact_id = r.contact_id AND k.visits = 0
"""
EMPTY_BOUGHT = """
UPDATE contact_category k SET bought_at = NULL, first_at = NULL, orders = 0, days = 0, spent = 0,
  pieces = 0
FROM jsonb_to_recordset(%(rows)s) AS r(bucket integer, contact_id bigint)
WHERE k.bucket = r.bucket AND k.bucket = ANY(%(buckets)s) AND k.store_id = %(store_id)s
  AND k.contact_id = r.contact_id AND k.orders > 0
"""
COUNT_BOUGHT = f"""
INSERT INTO contact_category AS k (bucket, store_id, contact_id, category, bought_at, first_at,
  orders, days, spent, pieces)
SELECT r.bucket, %(store_id)s, r.contact_id, l.category, max(o.placed_at), min(o.placed_at),
  count(DISTINCT o.id), count(DISTINCT (o.placed_at AT TIME ZONE %(zone)s)::date),
  sum(l.price * l.quantity), sum(l.quantity)
FROM jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, contact_id bigint, of_bucket integer, of_id bigint)
CROSS JOIN LATERAL (
  SELECT o.bucket, o.id, o.placed_at FROM purchase_order o
  WHERE o.bucket = r.of_bucket AND o.store_id = %(store_id)s AND o.contact_id = r.of_id
    AND {COUNTS} OFFSET 0
) o
CROSS JOIN LATERAL (
  SELECT l.category, l.price, l.quantity FROM order_line l
  WHERE l.bucket = o.bucket AND l.store_id = %(store_id)s AND l.order_id = o.id
    AND l.category <> '' OFFSET 0
) l
WHERE r.bucket = ANY(%(buckets)s)
GROUP BY r.bucket, r.contact_id, l.category
ON CONFLICT (bucket, store_id, contact_id, category) DO UPDATE SET
  bought_at = EXCLUDED.bought_at, first_at = EXCLUDED.first_at, orders = EXCLUDED.orders,
  days = EXCLUDED.days, spent = EXCLUDED.spent, pieces = EXCLUDED.pieces
WHERE (k.bought_at, k.first_at, k.orders, k.days, k.spent, k.pieces) IS DISTINCT FROM
  (EXCLUDED.bought_at, EXCLUDED.first_at, EXCLUDED.orders, EXCLUDED.days, EXCLUDED.spent,
   EXCLUDED.pieces)
"""


async def _forget_bought(tx: Tx, store: Store, contact_ids: Iterable[int]) -> None:
    """What counted may count no more."""
    again = [_key(one) for one in contact_ids]
    await _run(tx, FORGET_BOUGHT, store, again)
    await _run(tx, EMPTY_BOUGHT, store, again)


async def _count_orders(tx: Tx, store: Store, rows: Sequence[Row], bought: Collection[int]) -> None:
    """Of all these; the categories of who has bought."""
    await _run(tx, COUNT_ORDERS, store, rows, zone=store.time_zone)
    mine = [row for row in rows if row["contact_id"] in bought]
    await _run(tx, COUNT_BOUGHT, store, mine, zone=store.time_zone)


# ------------------------------------------------------------------ visits

# The hours as they are kept, and whether each had been there in this hour before: who comes as time
# goes on is told by their last visit, and only for who is told of late are visits looked at.
HOURS_BEFORE = """
SELECT r.contact_id, r.since, (array_agg(f.hours))[1] AS hours,
  bool_or(CASE WHEN f.visited_at >= r.since + interval '1 hour' THEN EXISTS (
      SELECT FROM visit v
      WHERE v.bucket = r.of_bucket AND v.store_id = %(store_id)s AND v.contact_id = r.of_id
        AND v.id >= r.from_id AND v.at >= r.since AND v.at < r.since + interval '1 hour'
        AND v.id <> ALL(%(new)s::bigint[]))
    ELSE coalesce(f.visited_at >= r.since, false) END) AS is_there
FROM jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, contact_id bigint, of_bucket integer, of_id bigint, since timestamptz,
  from_id bigint)
LEFT JOIN contact_figure f ON f.bucket = r.bucket AND f.store_id = %(store_id)s
  AND f.contact_id = r.contact_id
WHERE r.bucket = ANY(%(buckets)s)
GROUP BY r.contact_id, r.since
"""
ADD_LOOKS = """
INSERT INTO contact_figure AS f (bucket, store_id, contact_id, visits, visited_at, hours, own_hour)
SELECT r.bucket, %(store_id)s, r.contact_id, r.visits, r.visited_at, decode(r.hours, 'hex'),
  r.own_hour
FROM jsonb_to_recordset(%(rows)s) AS r(bucket integer, contact_id bigint, visits integer,
  visited_at timestamptz, hours text, own_hour smallint)
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id, contact_id) DO UPDATE SET visits = f.visits + EXCLUDED.visits,
  visited_at = greatest(f.visited_at, EXCLUDED.visited_at), hours = EXCLUDED.hours,
  own_hour = EXCLUDED.own_hour
"""
ADD_SEEN = """
INSERT INTO contact_category AS k (bucket, store_id, contact_id, category, orders, visits, seen_at)
SELECT r.bucket, %(store_id)s, r.contact_id, r.category, 0, r.visits, r.seen_at
FROM jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, contact_id bigint, category text, visits integer, seen_at timestamptz)
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id, contact_id, category) DO UPDATE SET
  visits = k.visits + EXCLUDED.visits, seen_at = greatest(k.seen_at, EXCLUDED.seen_at)
"""


async def _add_looks(
    tx: Tx, scene: Scene, looks: Mapping[int, Sequence[effects.SaveVisit]]
) -> None:
    if not looks:
        return
    store, zone = scene.store, ZoneInfo(scene.store.time_zone)
    there = await _hours_before(tx, scene, looks)
    rows, seen = list[Row](), list[Row]()
    for whose, visits in looks.items():
        kept, known = there[whose]
        begun = {send_hours.begin_of(one.at, zone) for one in visits} - known
        hours = send_hours.added(kept, (send_hours.hour_of(one, zone) for one in begun))
        rows.append(_key(whose) | _looked(len(visits), max(one.at for one in visits), hours))
        times: dict[str, list[datetime]] = defaultdict(list)
        for one in visits:
            times[one.category].append(one.at)
        seen += [
            _key(whose) | {"category": category, "visits": len(ats), "seen_at": max(ats)}
            for category, ats in times.items()
            if category
        ]
    await _run(tx, ADD_LOOKS, store, rows)
    await _run(tx, ADD_SEEN, store, sorted(seen, key=lambda row: str(row["category"])))


def _looked(visits: int, at: datetime | None, hours: bytes) -> Row:
    own = send_hours.own(hours)
    return {"visits": visits, "visited_at": at, "hours": hours.hex(), "own_hour": own}


async def _hours_before(
    tx: Tx, scene: Scene, looks: Mapping[int, Sequence[effects.SaveVisit]]
) -> dict[int, tuple[bytes, set[datetime]]]:
    """The hours kept of each, and in which of the hours at hand they had been there before."""
    zone = ZoneInfo(scene.store.time_zone)
    rows = [
        named | {"since": since, "from_id": id_floor(since - EARLY)}
        for whose, visits in looks.items()
        for since in {send_hours.begin_of(one.at, zone) for one in visits}
        for named in _named(scene.contacts[whose])
    ]
    new = db.numbers(one.id for visits in looks.values() for one in visits)
    given = {
        "store_id": scene.store.id, "rows": db.document(rows), "new": new,
        "buckets": sorted({row["bucket"] for row in rows}),
    }  # fmt: skip
    found: dict[int, tuple[bytes, set[datetime]]] = {one: (send_hours.NONE, set()) for one in looks}
    for row in await (await tx.execute(HOURS_BEFORE, given)).fetchall():
        kept, known = found[row["contact_id"]]
        found[row["contact_id"]] = (row["hours"] or kept, known)
        if row["is_there"]:
            known.add(row["since"])
    return found


# ------------------------------------------------------------------ visits, counted anew

HOURS_OF = """
SELECT x.contact_id, x.hour, count(*) AS hours, sum(x.n)::bigint AS visits, max(x.last) AS last
FROM (
  SELECT r.contact_id, date_trunc('hour', v.at, %(zone)s) AS since, count(*) AS n,
    max(v.at) AS last, min(extract(hour FROM v.at AT TIME ZONE %(zone)s))::integer AS hour
  FROM jsonb_to_recordset(%(rows)s) AS r(
    bucket integer, contact_id bigint, of_bucket integer, of_id bigint)
  CROSS JOIN LATERAL (
    SELECT v.at FROM visit v
    WHERE v.bucket = r.of_bucket AND v.store_id = %(store_id)s AND v.contact_id = r.of_id OFFSET 0
  ) v
  WHERE r.bucket = ANY(%(buckets)s)
  GROUP BY r.contact_id, since
) x
GROUP BY x.contact_id, x.hour
"""
PUT_LOOKS = """
UPDATE contact_figure f SET visits = r.visits, visited_at = r.visited_at,
  hours = decode(r.hours, 'hex'), own_hour = r.own_hour
FROM jsonb_to_recordset(%(rows)s) AS r(bucket integer, contact_id bigint, visits integer,
  visited_at timestamptz, hours text, own_hour smallint)
WHERE f.bucket = r.bucket AND f.bucket = ANY(%(buckets)s) AND f.store_id = %(store_id)s
  AND f.contact_id = r.contact_id
"""
COUNT_SEEN = """
INSERT INTO contact_category AS k (bucket, store_id, contact_id, category, orders, visits, seen_at)
SELECT r.bucket, %(store_id)s, r.contact_id, v.category, 0, count(*), max(v.at)
FROM jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, contact_id bigint, of_bucket integer, of_id bigint)
CROSS JOIN LATERAL (
  SELECT v.category, v.at FROM visit v
  WHERE v.bucket = r.of_bucket AND v.store_id = %(store_id)s AND v.contact_id = r.of_id
    AND v.category <> '' OFFSET 0
) v
WHERE r.bucket = ANY(%(buckets)s)
GROUP BY r.bucket, r.contact_id, v.category
ON CONFLICT (bucket, store_id, contact_id, category) DO UPDATE SET
  visits = EXCLUDED.visits, seen_at = EXCLUDED.seen_at
"""


async def _count_looks(tx: Tx, store: Store, rows: Sequence[Row]) -> None:
    """From the visits that are kept: those that were forgotten since are not told of any more."""
    if not rows:
        return
    given = {
        "store_id": store.id, "rows": db.document(rows), "zone": store.time_zone,
        "buckets": sorted({row["bucket"] for row in rows}),
    }  # fmt: skip
    by_person: dict[int, list[Mapping[str, Any]]] = {row["contact_id"]: [] for row in rows}
    for row in await (await tx.execute(HOURS_OF, given)).fetchall():
        by_person[row["contact_id"]].append(row)
    told = [_key(one) | _summed(hours) for one, hours in by_person.items()]
    await _run(tx, PUT_LOOKS, store, told)
    await _run(tx, COUNT_SEEN, store, rows)


def _summed(hours: Sequence[Mapping[str, Any]]) -> Row:
    there = (one["hour"] for one in hours for _ in range(min(one["hours"], send_hours.COUNT_MAX)))
    return _looked(
        sum(one["visits"] for one in hours),
        max((one["last"] for one in hours), default=None),
        send_hours.counted(there),
    )
