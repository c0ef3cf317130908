"""What people are found by: one row of signs a person, kept true where the contact is written.

Searching reads little whatever is asked. The newest people are looked through first: of those who
are many some are among them. The rare are asked of the inverted index, all at once, since they are
few. Who are neither (many, but none of the newest) are looked for step by step, and the page says
how far it has come.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records.people.lookups import CONTACT, NO_END, Row
from ringdove.rules.people import searching
from ringdove.rules.people.searching import Filters, Needle
from ringdove.rules.scenes import Contact, Scene, Store

GLANCE: Final = 2_000  # people of a store, the newest, looked through first: half a millisecond
LOOK: Final = 10_000  # then so many
FAR_LOOK: Final = 12_000  # a step of a long search
FAR_LOOK_AT_CONTACTS: Final = 6_000  # a step where signs alone cannot tell
FLOOR_BUCKETS: Final = 8  # of a store, which say how far down a look reaches
FEW_MAX: Final = 2_000  # whom the inverted index may find, to be put into order
RARE: Final = 2  # of those looked through first, at most: the index has few of them
MANY: Final = 8  # found by a look: then the next look finds a page sooner than the index all
ORDERS_MAX: Final = 10  # whose number begins as typed

# ------------------------------------------------------------------ kept

PUT = """
INSERT INTO contact_search AS s (bucket, store_id, contact_id, digits, signs)
SELECT r.bucket, %(store_id)s, r.contact_id, r.digits, r.signs
FROM jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, contact_id bigint, digits text, signs tsvector)
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id, contact_id) DO UPDATE SET
  digits = EXCLUDED.digits, signs = EXCLUDED.signs
WHERE s.signs <> EXCLUDED.signs OR s.digits <> EXCLUDED.digits
"""
DROP = """
DELETE FROM contact_search s
WHERE s.bucket = ANY(%(buckets)s) AND s.store_id = %(store_id)s
  AND s.contact_id = ANY(%(ids)s::bigint[])
"""


async def keep(tx: Tx, store: Store, scene: Scene, changed: Iterable[int]) -> None:
    """Writes anew by what these people are found, as far as it changed."""
    known = scene.known_people
    some = (scene.contacts[contact_id] for contact_id in sorted(changed))
    await put(tx, store, [c for c in some if searching.is_found_otherwise(known.get(c.id), c)])


async def put(tx: Tx, store: Store, people: Sequence[Contact]) -> None:
    """These people are found by what they are now; the merged and erased no more."""
    all_rows = [row(store, person) for person in people]
    rows = [one for one in all_rows if one["signs"]]
    gone = [one["contact_id"] for one in all_rows if not one["signs"]]
    if rows:
        # In one order everywhere: two batches about the same people do not wait in a ring.
        rows.sort(key=itemgetter("bucket", "contact_id"))
        buckets = sorted({one["bucket"] for one in rows})
        given = {"store_id": store.id, "buckets": buckets, "rows": db.document(rows)}
        await tx.execute(PUT, given)
    await drop(tx, store, gone)


async def drop(tx: Tx, store: Store, contact_ids: Sequence[int]) -> None:
    """These people are found no more."""
    if contact_ids:
        buckets = sorted({bucket_of_id(one) for one in contact_ids})
        given = {"store_id": store.id, "buckets": buckets, "ids": db.numbers(contact_ids)}
        await tx.execute(DROP, given)


COLUMNS: Final = ("bucket", "store_id", "contact_id", "digits", "signs")


def row(store: Store, person: Contact) -> dict[str, Any]:
    """A person's row; its signs are empty where the person must not be found."""
    return {
        "bucket": bucket_of_id(person.id),
        "store_id": store.id,
        "contact_id": person.id,
        "digits": searching.digits(person),
        "signs": searching.signs(store.id, person),
    }


def line(store: Store, person: Contact) -> tuple[int, int, int, str, str]:
    """A row for COPY into contact_search, by COLUMNS; of nobody merged or erased."""
    signs = searching.signs(store.id, person)
    return (bucket_of_id(person.id), store.id, person.id, searching.digits(person), signs)


# ------------------------------------------------------------------ asked

# After (SELECT true FROM contact c …): a lone value is looked up one by one, where EXISTS may be
# hashed, and all contacts read for it.
TIMES = """
  AND (%(ordered_since)s::timestamptz IS NULL OR c.last_order_at >= %(ordered_since)s)
  AND (%(not_ordered_since)s::timestamptz IS NULL OR c.last_order_at < %(not_ordered_since)s)
  AND (%(seen_since)s::timestamptz IS NULL OR c.seen_at >= %(seen_since)s)
  AND (NOT %(paused)s OR c.paused_until > %(now)s)
"""
# A look reaches down to a floor, found in some buckets for all: people fall to each alike. Said as
# functions, not as operators: the planner must not take the inverted index here.
LOOKED = f"""
WITH f AS MATERIALIZED (
  SELECT max(e.contact_id) AS floor FROM unnest(%(some_buckets)s::integer[]) AS b(bucket)
  CROSS JOIN LATERAL (
    SELECT s.contact_id FROM contact_search s
    WHERE s.bucket = b.bucket AND s.store_id = %(store_id)s AND s.contact_id < %(before)s
    ORDER BY s.contact_id DESC OFFSET %(each)s LIMIT 1
  ) e
)
SELECT f.floor, l.contact_id FROM f
LEFT JOIN LATERAL (
  SELECT o.contact_id FROM unnest(%(buckets)s::integer[]) AS b(bucket)
  CROSS JOIN LATERAL (
    SELECT s.contact_id FROM contact_search s
    WHERE s.bucket = b.bucket AND s.store_id = %(store_id)s
      AND s.contact_id < %(before)s AND s.contact_id >= coalesce(f.floor, 0)
      AND (%(query)s = '' OR ts_match_vq(s.signs, %(query)s::tsquery))
      AND (%(numbers)s::text[] = '{{}}' OR s.digits LIKE ANY (%(numbers)s::text[]))
      AND (NOT %(asks_contact)s OR (
        SELECT true FROM contact c
        WHERE c.bucket = s.bucket AND c.store_id = %(store_id)s AND c.id = s.contact_id {TIMES}))
    ORDER BY s.contact_id DESC LIMIT %(most)s
  ) o
  ORDER BY o.contact_id DESC LIMIT %(most)s
) l ON true
ORDER BY l.contact_id DESC
"""
# How many of the newest have each part of what is asked for.
SHARES = """
WITH parts AS MATERIALIZED (
  SELECT p.part, p.part::tsquery AS query FROM unnest(%(parts)s::text[]) AS p(part)
)
SELECT p.part, count(s.contact_id) FILTER (WHERE ts_match_vq(s.signs, p.query)) AS n
FROM parts p
CROSS JOIN LATERAL (
  SELECT o.contact_id, o.signs FROM unnest(%(buckets)s::integer[]) AS b(bucket)
  CROSS JOIN LATERAL (
    SELECT s.contact_id, s.signs FROM contact_search s
    WHERE s.bucket = b.bucket AND s.store_id = %(store_id)s
      AND s.contact_id < %(before)s AND s.contact_id >= %(floor)s OFFSET 0
  ) o
) s
GROUP BY p.part
"""
# How many the index finds, up to a limit, and who of them fits in everything.
FEW = f"""
SELECT count(*) AS n, array_agg(s.contact_id) FILTER (
  WHERE ts_match_vq(s.signs, %(query)s::tsquery)
    AND (%(numbers)s::text[] = '{{}}' OR s.digits LIKE ANY (%(numbers)s::text[]))
    AND (NOT %(asks_contact)s OR (
      SELECT true FROM contact c
      WHERE c.bucket = s.bucket AND c.store_id = %(store_id)s AND c.id = s.contact_id {TIMES}))
) AS ids
FROM (
  SELECT i.bucket, i.contact_id, i.digits, i.signs FROM contact_search i
  WHERE i.bucket = ANY(%(buckets)s) AND i.store_id = %(store_id)s AND i.signs @@ %(sure)s::tsquery
  LIMIT %(few_max)s
) s
"""
ORDERED = """
SELECT f.number, f.contact_id FROM unnest(%(buckets)s::integer[]) AS b(bucket)
CROSS JOIN LATERAL (
  SELECT o.contact_id, o.number,
    regexp_replace(lower(o.number), '^[^0-9]+(?=[0-9])', '') COLLATE "C" AS key
  FROM purchase_order o
  WHERE o.bucket = b.bucket AND o.store_id = %(store_id)s
    AND regexp_replace(lower(o.number), '^[^0-9]+(?=[0-9])', '') ~>=~ %(key)s
    AND regexp_replace(lower(o.number), '^[^0-9]+(?=[0-9])', '') ~<~ %(key_after)s
  ORDER BY regexp_replace(lower(o.number), '^[^0-9]+(?=[0-9])', '') USING ~<~ LIMIT %(most)s
) f
ORDER BY length(f.key), f.key, f.contact_id DESC LIMIT %(most)s
"""
OF_THESE = f"""
SELECT s.contact_id FROM contact_search s
WHERE s.bucket = ANY(%(buckets)s) AND s.store_id = %(store_id)s
  AND s.contact_id = ANY(%(ids)s::bigint[])
  AND (%(query)s = '' OR ts_match_vq(s.signs, %(query)s::tsquery))
  AND (NOT %(asks_contact)s OR (
    SELECT true FROM contact c
    WHERE c.bucket = s.bucket AND c.store_id = %(store_id)s AND c.id = s.contact_id {TIMES}))
"""
ROWS = f"""
SELECT {CONTACT}, c.city, c.paused_until, c.seen_at, c.scopes
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT c.* FROM contact c
  WHERE c.bucket = k.bucket AND c.store_id = %(store_id)s AND c.id = k.id OFFSET 0
) c
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of people. `next`: where to go on, None: that was all. `looked_to`: it is a step of a
    long search that has come so far. `total`: how many there are, where it is known."""

    rows: Sequence[Row]
    next: int | None = None
    looked_to: int | None = None
    total: int | None = None


async def find(
    tx: Tx, store: Store, needle: Needle, filters: Filters, now: datetime, before: int, most: int,
    *, patient: bool = False,
) -> Found:  # fmt: skip
    """The newest people whom the needle and the filters fit, from `before` on downward. `patient`:
    who asks does not go on, so what takes long is done in this request."""
    given = _given(store, needle, filters, now) | {"most": most}
    floor, ids = await _look(tx, store, given, before, GLANCE)
    if floor is not None and needle.sure and len(ids) < most:
        is_quick = before == NO_END and not patient
        parts = {"before": before, "floor": floor, "parts": db.words(needle.sure)}
        sure: str | None = None
        if not ids:  # few people altogether, most likely, so the index comes first
            sure = await _sure(tx, given | parts, needle, is_quick)
            if sure and (few := await _few(tx, given, sure)) is not None:
                return await _all(tx, store, few, before, most)
        floor, more = await _look(tx, store, _less(given, ids), floor, LOOK - GLANCE)
        ids += more
        if floor is not None and len(ids) < min(most, MANY) and not sure:
            sure = await _sure(tx, given | parts, needle, is_quick)
            if not sure:  # dear, so a request of its own
                return Found(await rows(tx, store, ids), floor, floor)
            if (few := await _few(tx, given, sure)) is not None:
                return await _all(tx, store, few, before, most)
    if floor is not None and len(ids) < most:
        far = FAR_LOOK_AT_CONTACTS if filters.asks_contact else FAR_LOOK
        floor, more = await _look(tx, store, _less(given, ids), floor, far)
        ids += more
    if floor is None or len(ids) == most:
        return await _page(tx, store, ids, before, most)
    return Found(await rows(tx, store, ids), floor, floor)


def _less(given: dict[str, Any], ids: Sequence[int]) -> dict[str, Any]:
    return given | {"most": given["most"] - len(ids)}


async def _sure(tx: Tx, given: dict[str, Any], needle: Needle, is_quick: bool) -> str:
    """What to ask the index for: what is rare among the newest, since the index reads all people of
    every word before it joins them. Where nothing is rare it is asked for everything, and not in
    a quick request, which has looked at many already: that shows the newest at once."""
    if needle.numbers or (needle.query,) == needle.sure:
        return str(given["sure"])
    cursor = await tx.execute(SHARES, given)
    shares = {row["part"]: row["n"] for row in await cursor.fetchall()}
    rare = [part for part in needle.sure if shares.get(part, 0) <= RARE]
    return " & ".join(rare) or ("" if is_quick else given["sure"])


async def _all(tx: Tx, store: Store, few: list[int], before: int, most: int) -> Found:
    below = sorted((one for one in few if one < before), reverse=True)[:most]
    return replace(await _page(tx, store, below, before, most), total=len(few))


async def _few(tx: Tx, given: dict[str, Any], sure: str) -> list[int] | None:
    """All who fit, where the index finds few; else None."""
    wish = given | {"sure": sure, "few_max": FEW_MAX + 1}
    found = await (await tx.execute(FEW, wish)).fetchone()
    return None if found is None or found["n"] > FEW_MAX else found["ids"] or []


async def _look(
    tx: Tx, store: Store, given: dict[str, Any], before: int, people: int
) -> tuple[int | None, list[int]]:
    """How far down the look reaches (None: to the end), and who was found."""
    more = {
        "before": before,
        "each": max(1, people // store.bucket_span),
        "some_buckets": given["buckets"][:FLOOR_BUCKETS],
    }
    found = await (await tx.execute(LOOKED, given | more)).fetchall()
    return found[0]["floor"], [row["contact_id"] for row in found if row["contact_id"]]


async def _page(tx: Tx, store: Store, ids: list[int], before: int, most: int) -> Found:
    """What was found is a whole page, or the end."""
    is_end = len(ids) < most
    total = len(ids) if is_end and before == NO_END else None
    return Found(await rows(tx, store, ids), None if is_end else ids[-1], total=total)


def _given(store: Store, needle: Needle, filters: Filters, now: datetime) -> dict[str, Any]:
    return {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
        "query": needle.query,
        "sure": " & ".join(needle.sure),
        "numbers": db.words(needle.numbers),
        "asks_contact": filters.asks_contact,
        "ordered_since": filters.ordered_since,
        "not_ordered_since": filters.not_ordered_since,
        "seen_since": filters.seen_since,
        "paused": filters.paused,
        "now": now,
    }


async def _ids(tx: Tx, statement: str, given: dict[str, Any]) -> list[int]:
    return [row["contact_id"] for row in await (await tx.execute(statement, given)).fetchall()]


async def rows(tx: Tx, store: Store, contact_ids: Sequence[int]) -> list[Row]:
    """These people, in the order asked for."""
    if not contact_ids:
        return []
    keys = [{"bucket": bucket_of_id(one), "id": one} for one in contact_ids]
    cursor = await tx.execute(ROWS, {"store_id": store.id, "keys": db.document(keys)})
    by_id = {row["id"]: row for row in await cursor.fetchall()}
    return [by_id[one] for one in contact_ids if one in by_id]


async def of_orders(tx: Tx, store: Store, typed: str) -> dict[int, str]:
    """People with an order whose number is or begins with what was typed, and that number; the
    shortest first."""
    key = searching.order_in(typed)
    if not key:
        return {}
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
        "key": key,
        "key_after": key[:-1] + chr(ord(key[-1]) + 1),
        "most": ORDERS_MAX,
    }
    cursor = await tx.execute(ORDERED, given)
    found: dict[int, str] = {}
    for row in await cursor.fetchall():
        found.setdefault(row["contact_id"], row["number"])
    return found


async def of_these(
    tx: Tx, store: Store, contact_ids: Sequence[int], filters: Filters, now: datetime
) -> list[int]:
    """Those of these people whom the filters leave in, in the order given."""
    if not contact_ids:
        return []
    only = searching.needle(store.id, "", filters, masked=True)
    given = _given(store, only, filters, now) | {"ids": db.numbers(contact_ids)}
    left = set(await _ids(tx, OF_THESE, given))
    return [one for one in contact_ids if one in left]
