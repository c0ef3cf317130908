"""One customer's past as one line, newest first, page by page (R78, N2).

Each kind of moment is asked for its newest ones before a point of time; what all of them give is
put in order and cut. A point is a time and an id, so that moments of one instant keep their order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.records.people.lookups import MESSAGE, NO_END
from ringdove.rules.people import stages
from ringdove.rules.scenes import Store

ROWS = 30
ROWS_MAX = 300  # of one page that is drawn anew down to where it ended
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """A place on the line."""

    at: datetime
    id: int

    def __str__(self) -> str:
        return f"{(self.at - EPOCH) // MICROSECOND}-{self.id}"


END = Point(datetime(9999, 1, 1, tzinfo=UTC), NO_END)
BEGINNING = Point(EPOCH, 0)


def point_of(text: str) -> Point | None:
    """The place that an address names; None: it names none."""
    micros, _, row_id = text.partition("-")
    if not (micros.isascii() and micros.isdigit() and row_id.isascii() and row_id.isdigit()):
        return None
    if len(micros) > 17 or int(row_id) > NO_END:
        return None
    return Point(EPOCH + timedelta(microseconds=int(micros)), int(row_id))


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened. `row` holds what its kind's statement below selects."""

    kind: str
    point: Point
    row: Mapping[str, Any]


OF_PERSON = """.bucket = %(bucket)s AND {0}.store_id = %(store_id)s
  AND {0}.contact_id = %(contact_id)s AND ({0}.{1}, {0}.id) < (%(at)s, %(id)s)
ORDER BY {0}.{1} DESC, {0}.id DESC LIMIT %(most)s
"""

KINDS: dict[str, str] = {}
ORDERS = KINDS["order"] = f"""
SELECT o.id, o.placed_at AS moment, o.key, o.number, o.channel, o.state, o.placed_at, o.paid_at,
  o.cancelled_at, o.total, o.currency, o.payment_due, o.promised_from, o.promised_until, o.url,
  o.invoice_number
FROM purchase_order o WHERE o{OF_PERSON.format("o", "placed_at")}"""
PARCELS = KINDS["parcel"] = f"""
SELECT p.id, p.state_at AS moment, p.number, p.carrier, p.url, p.state, p.pickup_point,
  p.pickup_until, o.number AS order_number
FROM parcel p
LEFT JOIN purchase_order o
  ON o.bucket = p.bucket AND o.store_id = p.store_id AND o.id = p.order_id
WHERE p{OF_PERSON.format("p", "state_at")}"""
RETURNS = KINDS["return"] = f"""
SELECT r.id, r.state_at AS moment, r.kind, r.state, r.amount, o.number AS order_number, o.currency
FROM order_return r
LEFT JOIN purchase_order o
  ON o.bucket = r.bucket AND o.store_id = r.store_id AND o.id = r.order_id
WHERE r{OF_PERSON.format("r", "state_at")}"""
MESSAGES = KINDS["message"] = f"""
SELECT {MESSAGE}, m.created_at AS moment, o.number AS order_number, g.name AS gateway
FROM message m
LEFT JOIN purchase_order o
  ON o.bucket = m.bucket AND o.store_id = m.store_id AND o.id = m.order_id
LEFT JOIN gateway g ON g.id = m.gateway_id AND g.store_id = m.store_id
WHERE (%(any_topic)s OR (m.topic = ANY(%(topics)s::text[])) = %(listed)s)
  AND m{OF_PERSON.format("m", "created_at")}"""
# What a person opened of a message; machines on its way do not show here.
CLICKS = KINDS["click"] = f"""
SELECT k.id, k.at AS moment, k.message_id, k.number, k.device FROM link_click k
WHERE k.kind = 'person' AND k{OF_PERSON.format("k", "at")}"""
INBOUND = KINDS["inbound"] = f"""
SELECT i.id, i.at AS moment, i.body, i.intent FROM inbound i
WHERE i{OF_PERSON.format("i", "at")}"""
CONSENTS = KINDS["consent"] = f"""
SELECT e.id, e.at AS moment, e.scope, e.change, e.source, e.words FROM consent_event e
WHERE e{OF_PERSON.format("e", "at")}"""
# Runs that said nothing, or not yet: those that are done show as their messages.
RUNS = KINDS["run"] = f"""
SELECT n.id, n.started_at AS moment, n.recipe, n.state, n.reason, n.wake_at,
  o.number AS order_number
FROM enrollment n
LEFT JOIN purchase_order o
  ON o.bucket = n.bucket AND o.store_id = n.store_id AND o.id = n.order_id
WHERE n.state IN ('stopped', 'waiting')
  AND (%(any_topic)s OR (n.recipe = ANY(%(recipes)s::text[])) = %(listed)s)
  AND n{OF_PERSON.format("n", "started_at")}"""
MERGES = KINDS["merge"] = f"""
SELECT g.id, g.at AS moment, g.by, g.parted_at FROM contact_merge g
WHERE g{OF_PERSON.format("g", "at")}"""
# What a program was told is nobody's work, and no moment of theirs.
TASKS = KINDS["task"] = f"""
SELECT t.id, t.created_at AS moment, t.said, t.due_at, t.done_at, t.done_by, t.result, t.note,
  t.recipe, u.name AS owner_name, o.number AS order_number
FROM task t
LEFT JOIN app_user u ON u.id = t.owner
LEFT JOIN purchase_order o
  ON o.bucket = t.bucket AND o.store_id = t.store_id AND o.id = t.order_id
WHERE t.result <> 'told' AND t{OF_PERSON.format("t", "created_at")}"""
COMPLAINTS = KINDS["complaint"] = f"""
SELECT v.id, v.at AS moment, v.complaint_id, v.by, v.state, v.said, v.note, c.number
FROM complaint_move v
JOIN complaint c
  ON c.bucket = v.bucket AND c.store_id = v.store_id AND c.id = v.complaint_id
WHERE v{OF_PERSON.format("v", "at")}"""
CALLS = KINDS["call"] = f"""
SELECT k.id, k.at AS moment, k.by, k.result, k.note, o.number AS order_number
FROM order_call k
LEFT JOIN purchase_order o
  ON o.bucket = k.bucket AND o.store_id = k.store_id AND o.id = k.order_id
WHERE k{OF_PERSON.format("k", "at")}"""
LINES = """
SELECT l.order_id, l.name, l.quantity, l.price FROM order_line l
WHERE l.bucket = %(bucket)s AND l.store_id = %(store_id)s
  AND l.order_id IN (SELECT v::bigint FROM jsonb_array_elements_text(%(ids)s) v)
ORDER BY l.order_id, l.line
"""


async def before(
    tx: Tx,
    store: Store,
    contact_ids: Sequence[int],
    point: Point = END,
    most: int = ROWS,
    stage: str = "",
) -> list[Moment]:
    """The newest moments of a person before a point, newest first, under all their names."""
    found = []
    topics = stages.TOPICS.get(stage) or stages.ELSEWHERE
    for contact_id in contact_ids:
        given = {
            "bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id,
            "at": point.at, "id": point.id, "most": most, "any_topic": not stage,
            "topics": db.words(topics), "recipes": db.words(stages.recipes_of(topics)),
            "listed": stage in stages.TOPICS,
        }  # fmt: skip
        for kind, statement in KINDS.items():
            if not stage or kind in stages.KINDS[stage]:
                rows = await (await tx.execute(statement, given)).fetchall()
                found += [Moment(kind, Point(row["moment"], row["id"]), row) for row in rows]
    return sorted(found, key=lambda moment: moment.point, reverse=True)[:most]


async def down_to(
    tx: Tx, store: Store, contact_ids: Sequence[int], point: Point, stage: str = ""
) -> list[Moment]:
    """All moments down to a point: a page that was shown, drawn anew."""
    found = await before(tx, store, contact_ids, most=ROWS_MAX, stage=stage)
    return [moment for moment in found if moment.point >= point]


async def lines(tx: Tx, store: Store, moments: Sequence[Moment]) -> dict[int, list[Any]]:
    """What the orders among these moments are made of, by the order's id."""
    of_bucket: dict[int, list[int]] = {}
    for moment in moments:
        if moment.kind == "order":
            of_bucket.setdefault(bucket_of_id(moment.row["id"]), []).append(moment.row["id"])
    found: dict[int, list[Any]] = {}
    for bucket, ids in sorted(of_bucket.items()):
        given = {"bucket": bucket, "store_id": store.id, "ids": Jsonb(ids)}
        for row in await (await tx.execute(LINES, given)).fetchall():
            found.setdefault(row["order_id"], []).append(row)
    return found
