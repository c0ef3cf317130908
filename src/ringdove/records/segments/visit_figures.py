"""What is kept of a person's visits: how many, the last, the hours they are usually there (R16),
and of which categories. Visits are added as they come, since a person has many;
records/segments/figures.py tells when they are counted anew.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ringdove.kit import db
from ringdove.kit.buckets import id_floor
from ringdove.kit.db import Tx
from ringdove.records.segments.figure_rows import EARLY, Row, key, named, run
from ringdove.rules.effects import SaveVisit
from ringdove.rules.scenes import Scene, Store
from ringdove.rules.segments import send_hours

Looks = Mapping[int, Sequence[SaveVisit]]  # by who looked

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


async def add(tx: Tx, scene: Scene, looks: Looks) -> None:
    """Of the living people who looked, their new visits."""
    if not looks:
        return
    store, zone = scene.store, ZoneInfo(scene.store.time_zone)
    there = await _hours_before(tx, scene, looks)
    rows, seen = list[Row](), list[Row]()
    for whose, visits in looks.items():
        kept, known = there[whose]
        begun = {send_hours.begin_of(one.at, zone) for one in visits} - known
        hours = send_hours.added(kept, (send_hours.hour_of(one, zone) for one in begun))
        rows.append(key(whose) | _looked(len(visits), max(one.at for one in visits), hours))
        times: dict[str, list[datetime]] = defaultdict(list)
        for one in visits:
            times[one.category].append(one.at)
        seen += [
            key(whose) | {"category": category, "visits": len(ats), "seen_at": max(ats)}
            for category, ats in times.items()
            if category
        ]
    await run(tx, ADD_LOOKS, store, rows)
    await run(tx, ADD_SEEN, store, sorted(seen, key=lambda row: str(row["category"])))


def _looked(visits: int, at: datetime | None, hours: bytes) -> Row:
    own = send_hours.own(hours)
    return {"visits": visits, "visited_at": at, "hours": hours.hex(), "own_hour": own}


async def _hours_before(
    tx: Tx, scene: Scene, looks: Looks
) -> dict[int, tuple[bytes, set[datetime]]]:
    """The hours kept of each, and in which of the hours at hand they had been there before."""
    zone = ZoneInfo(scene.store.time_zone)
    rows = [
        row | {"since": since, "from_id": id_floor(since - EARLY)}
        for whose, visits in looks.items()
        for since in {send_hours.begin_of(one.at, zone) for one in visits}
        for row in named(scene.contacts[whose])
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


async def count(tx: Tx, store: Store, rows: Sequence[Row]) -> None:
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
    told = [key(one) | _summed(hours) for one, hours in by_person.items()]
    await run(tx, PUT_LOOKS, store, told)
    await run(tx, COUNT_SEEN, store, rows)


def _summed(hours: Sequence[Mapping[str, Any]]) -> Row:
    there = (one["hour"] for one in hours for _ in range(min(one["hours"], send_hours.COUNT_MAX)))
    return _looked(
        sum(one["visits"] for one in hours),
        max((one["last"] for one in hours), default=None),
        send_hours.counted(there),
    )
