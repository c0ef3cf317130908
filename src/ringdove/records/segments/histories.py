"""What the decision remembers of people: marketing texts lately, and what they bought of.

`touch` holds a text from the moment it is taken for sending; it goes away when the text surely was
not sent. `contact_category` is kept as orders come in (records/scene_rows). Both are read only
where something commercial is decided.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from psycopg import AsyncConnection

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.rules import policy
from ringdove.rules.scenes import Contact, History, Store, Touch

Tx = AsyncConnection[Any]

KEPT = timedelta(days=400)  # a gap that is set tomorrow may ask for last winter
TOUCHES_MAX = 200  # of one person: more than any cap or gap can ask for

TOUCHES = """
SELECT k.id AS contact_id, t.message_id, t.at, t.topic, t.category
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT t.* FROM touch t
  WHERE t.bucket = k.bucket AND t.store_id = %(store_id)s AND t.contact_id = k.id
    AND t.at > %(since)s
  ORDER BY t.at DESC, t.message_id DESC LIMIT %(most)s
) t
"""
BOUGHT = """
SELECT k.id AS contact_id, b.category, b.bought_at
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT b.* FROM contact_category b
  WHERE b.bucket = k.bucket AND b.store_id = %(store_id)s AND b.contact_id = k.id
    AND b.bought_at IS NOT NULL OFFSET 0
) b
"""


async def load(
    tx: Tx, store: Store, people: Iterable[Contact], now: datetime
) -> dict[int, History]:
    """The history of each, that of records merged into them included."""
    of = {one: person.id for person in people for one in (person.id, *person.also)}
    if not of:
        return {}
    rows = [{"bucket": bucket_of_id(one), "id": one} for one in sorted(of)]
    given = {"store_id": store.id, "keys": db.document(rows)}
    since = now - policy.looks_back(store.policy)
    touches: dict[int, list[Touch]] = defaultdict(list)
    wish = given | {"since": since, "most": TOUCHES_MAX}
    for row in await (await tx.execute(TOUCHES, wish)).fetchall():
        one = Touch(row["message_id"], row["at"], row["topic"], row["category"])
        touches[of[row["contact_id"]]].append(one)
    bought: dict[int, dict[str, datetime]] = defaultdict(dict)
    for row in await (await tx.execute(BOUGHT, given)).fetchall():
        known = bought[of[row["contact_id"]]]
        category, at = row["category"], row["bought_at"]
        known[category] = max(at, known.get(category, at))
    return {
        one: History(_newest_first(touches.get(one, ())), bought.get(one, {}))
        for one in set(of.values())
    }


def _newest_first(touches: Iterable[Touch]) -> Sequence[Touch]:
    return tuple(sorted(touches, key=lambda one: (one.at, one.message_id), reverse=True))


PUT = """
INSERT INTO touch (bucket, store_id, contact_id, message_id, at, topic, category)
SELECT %(bucket)s, %(store_id)s, r.contact_id, r.message_id, %(now)s, r.topic, r.category
FROM unnest(%(contact_ids)s::bigint[], %(ids)s::bigint[], %(topics)s::text[],
  %(categories)s::text[]) AS r(contact_id, message_id, topic, category)
ON CONFLICT (bucket, store_id, contact_id, message_id) DO UPDATE SET at = EXCLUDED.at
"""
# What surely was not sent holds nothing back. The person is looked up: a touch is found by its key.
TAKE_BACK = """
DELETE FROM touch t USING (
  SELECT m.contact_id, m.id FROM message m
  WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = ANY(%(ids)s::bigint[])
    AND m.class = 'marketing'
) m
WHERE t.bucket = %(bucket)s AND t.store_id = %(store_id)s AND t.contact_id = m.contact_id
  AND t.message_id = m.id
"""
# A touch that holds nothing back any more says nothing that its message does not say. They lie by
# person, so they are walked in that order, from where it was left.
FORGET = """
WITH page AS MATERIALIZED (
  SELECT q.contact_id, q.message_id, q.at FROM touch q
  WHERE q.bucket = %(bucket)s AND q.store_id = %(store_id)s
    AND (q.contact_id, q.message_id) > (%(contact_id)s, %(message_id)s)
  ORDER BY q.contact_id, q.message_id LIMIT %(most)s
), gone AS (
  DELETE FROM touch t USING page p
  WHERE t.bucket = %(bucket)s AND t.store_id = %(store_id)s AND t.contact_id = p.contact_id
    AND t.message_id = p.message_id AND p.at < %(before)s
  RETURNING 1
)
SELECT p.contact_id, p.message_id, (SELECT count(*) FROM gone) AS gone FROM page p
ORDER BY p.contact_id DESC, p.message_id DESC LIMIT 1
"""
FORGET_AT_ONCE = 5_000  # looked at


class Touching(Protocol):
    """An offer that goes to a person now: records/outbox.Touched."""

    @property
    def message_id(self) -> int: ...
    @property
    def contact_id(self) -> int: ...
    @property
    def topic(self) -> str: ...
    @property
    def category(self) -> str: ...


async def put(tx: Tx, base: Mapping[str, Any], touches: Sequence[Touching]) -> None:
    """These are taken for sending now; `base` names bucket, store and the moment."""
    if touches:
        given = {
            "contact_ids": db.numbers(one.contact_id for one in touches),
            "ids": db.numbers(one.message_id for one in touches),
            "topics": db.words([one.topic for one in touches]),
            "categories": db.words([one.category for one in touches]),
        }
        await tx.execute(PUT, {**base, **given})


async def take_back(tx: Tx, store: Store, bucket: int, message_ids: Sequence[int]) -> None:
    """These were taken for sending and surely not sent."""
    if message_ids:
        given = {"bucket": bucket, "store_id": store.id, "ids": db.numbers(message_ids)}
        await tx.execute(TAKE_BACK, given)


async def forget(
    tx: Tx, store: Store, bucket: int, now: datetime, place: tuple[int, int] | None
) -> tuple[int, tuple[int, int] | None]:
    """Takes away touches that no rule asks for any more, some at a time: how many went, and from
    where to go on."""
    given = {
        "bucket": bucket, "store_id": store.id, "most": FORGET_AT_ONCE,
        "before": now - max(KEPT, policy.looks_back(store.policy)),
        "contact_id": place[0] if place else 0, "message_id": place[1] if place else 0,
    }  # fmt: skip
    row = await (await tx.execute(FORGET, given)).fetchone()
    return (row["gone"], (row["contact_id"], row["message_id"])) if row else (0, None)
