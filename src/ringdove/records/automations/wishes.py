"""Goods that people want to be told of: there again, or for less (R62).

No more people are told than there are pieces, the first who asked first. `grantable` and `grant`
choose them; in_stock asks again when a text is taken for sending, and puts those back into their
place for whom nothing is left. For a day a piece is as good as taken by whom it was offered to.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, bucket_of_id, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules.effects import SaveWish
from ringdove.rules.scenes import Store

Row = Mapping[str, Any]

HELD = timedelta(hours=24)  # so long a piece waits for whom it was offered to
KEPT = timedelta(days=180)  # so long somebody wants to hear
OF_ONE_MAX = 30  # that one person waits for at a time: whoever types a number pays nothing for it
GRANT_MAX = 1_000  # in one transaction
SKUS_MAX = 5_000  # of which somebody waits, looked at in one turn

PUT = """
INSERT INTO wish AS w (bucket, store_id, id, contact_id, sku, kind, state, asked_at, until, price)
SELECT r.bucket, %(store_id)s, r.id, r.contact_id, r.sku, r.kind, 'waiting', r.at, r.until,
  coalesce(r.price, (
    SELECT p.price FROM product p
    WHERE p.bucket = r.product_bucket AND p.store_id = %(store_id)s AND p.sku = r.sku))
FROM jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, id bigint, contact_id bigint, sku text, kind text, at timestamptz,
  until timestamptz, price numeric, product_bucket integer)
WHERE r.bucket = ANY(%(buckets)s) AND (
  SELECT count(*) FROM wish o
  WHERE o.bucket = r.bucket AND o.store_id = %(store_id)s AND o.contact_id = r.contact_id
    AND o.state = 'waiting') < %(most)s
ON CONFLICT (bucket, contact_id, sku, kind, store_id) DO UPDATE SET state = 'waiting',
  asked_at = CASE w.state WHEN 'waiting' THEN w.asked_at ELSE EXCLUDED.asked_at END,
  until = EXCLUDED.until, price = EXCLUDED.price
WHERE EXCLUDED.asked_at > w.asked_at
"""


async def put(tx: Tx, store: Store, wishes: Sequence[SaveWish]) -> None:
    """These were asked for. Who asks again keeps the place in the queue while it waits."""
    newest = {(one.contact_id, one.sku, one.wish): one for one in wishes}
    if not newest:
        return
    rows = [
        {
            "bucket": bucket_of_id(one.id), "id": one.id, "contact_id": one.contact_id,
            "sku": one.sku, "kind": one.wish, "at": one.at, "until": one.at + KEPT,
            "price": one.price, "product_bucket": _bucket_of_sku(store, one.sku),
        }
        for _, one in sorted(newest.items())
    ]  # fmt: skip
    buckets = sorted({bucket_of_id(one.id) for one in newest.values()})
    given = {"store_id": store.id, "buckets": buckets, "rows": db.document(rows)}
    await tx.execute(PUT, given | {"most": OF_ONE_MAX})


def _bucket_of_sku(store: Store, sku: str) -> int:
    return bucket_of(store.bucket_base, store.bucket_span, f"product/{sku}")


# ------------------------------------------------------------------ granting

WAITED_FOR = """
SELECT DISTINCT w.sku FROM wish w
WHERE w.bucket = ANY(%(buckets)s) AND w.store_id = %(store_id)s AND w.state = 'waiting'
  AND w.kind = ANY(%(kinds)s::text[]) AND w.until > %(now)s
LIMIT %(most)s
"""
THERE = """
SELECT p.sku, p.stock, p.price, p.category
FROM unnest(%(buckets)s::integer[], %(skus)s::text[]) AS k(bucket, sku)
CROSS JOIN LATERAL (
  SELECT p.* FROM product p
  WHERE p.bucket = k.bucket AND p.store_id = %(store_id)s AND p.sku = k.sku OFFSET 0
) p
"""
OFFERED = """
SELECT w.sku, count(*)::integer AS n FROM wish w
WHERE w.bucket = ANY(%(buckets)s) AND w.store_id = %(store_id)s AND w.sku = ANY(%(skus)s::text[])
  AND w.state = 'granted' AND greatest(w.granted_at, w.told_at) > %(since)s
GROUP BY w.sku
"""
# The first who asked; of each sku as many as there is room for.
FIRST = """
SELECT w.* FROM jsonb_to_recordset(%(rows)s) AS r(sku text, kind text, price numeric, most integer)
CROSS JOIN LATERAL (
  SELECT w.id, w.contact_id, w.sku, w.kind, w.asked_at, w.times FROM wish w
  WHERE w.bucket = ANY(%(buckets)s) AND w.store_id = %(store_id)s AND w.sku = r.sku
    AND w.kind = r.kind AND w.state = 'waiting' AND w.until > %(now)s
    AND (r.price IS NULL OR w.price > r.price)
  ORDER BY w.asked_at, w.id LIMIT r.most
) w
ORDER BY w.asked_at, w.id
"""
GRANT = """
UPDATE wish w SET state = 'granted', granted_at = %(now)s, told_at = NULL, times = w.times + 1
WHERE w.bucket = %(bucket)s AND w.store_id = %(store_id)s AND w.id = ANY(%(ids)s::bigint[])
  AND w.state = 'waiting'
RETURNING w.id
"""
OVER = """
DELETE FROM wish w
WHERE w.bucket = ANY(%(buckets)s) AND w.store_id = %(store_id)s AND w.state = 'waiting'
  AND w.until <= %(now)s
"""


class Room(NamedTuple):
    """Goods that are there, and for how many people; None: nobody counts the pieces."""

    sku: str
    people: int | None
    price: Decimal | None
    category: str


class Granted(NamedTuple):
    """A wish that is granted now."""

    id: int
    contact_id: int
    sku: str
    kind: str
    asked_at: datetime
    times: int  # granted before
    category: str = ""

    @property
    def occasion(self) -> str:
        """What makes it one: the same wish, granted for the so-manieth time."""
        return f"wish/{self.id}/{self.times + 1}"


async def grantable(tx: Tx, store: Store, kinds: Sequence[str], now: datetime) -> list[Room]:
    """What of the goods that are waited for is there, for at least one person more."""
    base = _base(store)
    given = base | {"kinds": db.words(kinds), "now": now, "most": SKUS_MAX}
    rows = await (await tx.execute(WAITED_FOR, given)).fetchall()
    skus = sorted(row["sku"] for row in rows)
    if not skus:
        return []
    asked = {
        "store_id": store.id, "skus": db.words(skus),
        "buckets": db.numbers(_bucket_of_sku(store, sku) for sku in skus),
    }  # fmt: skip
    there = await (await tx.execute(THERE, asked)).fetchall()
    since = {"skus": db.words(skus), "since": now - HELD}
    offered = await (await tx.execute(OFFERED, base | since)).fetchall()
    taken = {row["sku"]: row["n"] for row in offered}
    rooms = []
    for row in there:
        left = None if row["stock"] is None else row["stock"] - taken.get(row["sku"], 0)
        if left is None or left > 0:
            rooms.append(Room(row["sku"], left, row["price"], row["category"]))
    return rooms


async def first(
    tx: Tx, store: Store, rooms: Sequence[Room], kinds: Sequence[str], now: datetime
) -> list[Granted]:
    """Who is to be told, the first who asked first; GRANT_MAX at most. Who wants to hear that goods
    are there again does so only where their pieces are counted."""
    asked = [
        {"sku": one.sku, "kind": kind, "price": one.price if kind == "price" else None,
         "most": min(GRANT_MAX, GRANT_MAX if one.people is None else one.people)}
        for one in rooms
        for kind in kinds
        if (one.people is not None if kind == "stock" else one.price is not None)
    ]  # fmt: skip
    if not asked:
        return []
    given = _base(store) | {"now": now, "rows": db.document(asked)}
    rows = await (await tx.execute(FIRST, given)).fetchall()
    categories = {one.sku: one.category for one in rooms}
    left = {one.sku: one.people for one in rooms}
    found: list[Granted] = []
    for row in rows[:GRANT_MAX]:
        people = left[row["sku"]]
        if people is None or people > 0:
            found.append(Granted(**row, category=categories[row["sku"]]))
            left[row["sku"]] = None if people is None else people - 1
    return found


async def grant(tx: Tx, store: Store, some: Sequence[Granted], now: datetime) -> list[Granted]:
    """These are granted; those of them that still waited."""
    by_bucket: dict[int, list[int]] = defaultdict(list)
    for one in some:
        by_bucket[bucket_of_id(one.id)].append(one.id)
    given = [
        {"bucket": bucket, "store_id": store.id, "ids": db.numbers(sorted(ids)), "now": now}
        for bucket, ids in sorted(by_bucket.items())
    ]
    done: set[int] = set()
    for cursor in await db.execute_each(tx, GRANT, given):
        done.update(row["id"] for row in await cursor.fetchall())
    return [one for one in some if one.id in done]


async def forget_old(tx: Tx, store: Store, now: datetime) -> int:
    """Wishes that nobody could grant in KEPT are over; how many."""
    return (await tx.execute(OVER, _base(store) | {"now": now})).rowcount


def _base(store: Store) -> dict[str, Any]:
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    return {"buckets": buckets, "store_id": store.id}


# ------------------------------------------------------------------ who has bought it meanwhile

NAMES = """
SELECT c.id, coalesce(c.merged_into, c.id) AS main, c.also, c.last_order_at
FROM unnest(%(buckets)s::integer[], %(ids)s::bigint[]) AS k(bucket, id)
CROSS JOIN LATERAL (
  SELECT c.* FROM contact c
  WHERE c.bucket = k.bucket AND c.store_id = %(store_id)s AND c.id = k.id OFFSET 0
) c
"""
BOUGHT = """
SELECT k.wish_id FROM unnest(%(buckets)s::integer[], %(people)s::bigint[], %(skus)s::text[],
  %(since)s::timestamptz[], %(wishes)s::bigint[]) AS k(bucket, contact_id, sku, since, wish_id)
CROSS JOIN LATERAL (
  SELECT FROM purchase_order o
  JOIN order_line l ON l.bucket = o.bucket AND l.store_id = o.store_id AND l.order_id = o.id
  WHERE o.bucket = k.bucket AND o.store_id = %(store_id)s AND o.contact_id = k.contact_id
    AND o.placed_at >= k.since AND o.cancelled_at IS NULL
    AND l.bucket = k.bucket AND l.store_id = %(store_id)s AND l.sku = k.sku
  LIMIT 1 OFFSET 0
) o
"""
GONE = """
DELETE FROM wish w
WHERE w.bucket = %(bucket)s AND w.store_id = %(store_id)s AND w.id = ANY(%(ids)s::bigint[])
"""


async def bought(tx: Tx, store: Store, some: Sequence[Granted]) -> set[int]:
    """Of these wishes those whose people have bought the goods since they asked, under whichever
    of their names. They are over."""
    people = await _names(tx, store, {one.contact_id for one in some})
    asked = [
        (name, one)
        for one in some
        if (last := people.last[one.contact_id]) is not None and last >= one.asked_at
        for name in people.names[one.contact_id]
    ]
    if not asked:
        return set()
    given = {
        "store_id": store.id,
        "buckets": db.numbers(bucket_of_id(name) for name, _ in asked),
        "people": db.numbers(name for name, _ in asked),
        "skus": db.words([one.sku for _, one in asked]),
        "since": db.moments(one.asked_at for _, one in asked),
        "wishes": db.numbers(one.id for _, one in asked),
    }
    over = {row["wish_id"] for row in await (await tx.execute(BOUGHT, given)).fetchall()}
    by_bucket: dict[int, list[int]] = defaultdict(list)
    for one in sorted(over):
        by_bucket[bucket_of_id(one)].append(one)
    for bucket, ids in sorted(by_bucket.items()):
        await tx.execute(GONE, {"bucket": bucket, "store_id": store.id, "ids": db.numbers(ids)})
    return over


@dataclass(slots=True)
class _Names:
    names: dict[int, tuple[int, ...]] = field(default_factory=dict)  # by contact, all of the person
    last: dict[int, datetime | None] = field(default_factory=dict)  # when they ordered last


async def _names(tx: Tx, store: Store, contact_ids: Iterable[int]) -> _Names:
    rows = await _read_names(tx, store, contact_ids)
    mains = await _read_names(tx, store, {row["main"] for row in rows.values()} - rows.keys())
    found = _Names()
    for row in rows.values():
        main = mains.get(row["main"]) or rows[row["main"]]
        found.names[row["id"]] = (main["id"], *main["also"])
        found.last[row["id"]] = main["last_order_at"]
    return found


async def _read_names(tx: Tx, store: Store, contact_ids: Iterable[int]) -> dict[int, Row]:
    wanted = sorted(contact_ids)
    if not wanted:
        return {}
    given = {
        "store_id": store.id, "ids": db.numbers(wanted),
        "buckets": db.numbers(bucket_of_id(one) for one in wanted),
    }  # fmt: skip
    return {row["id"]: row for row in await (await tx.execute(NAMES, given)).fetchall()}


# ------------------------------------------------------------------ as texts are taken

LOCK_GOODS = """
SELECT p.sku, p.stock FROM product p
WHERE p.bucket = %(bucket)s AND p.store_id = %(store_id)s AND p.sku = ANY(%(skus)s::text[])
ORDER BY p.sku FOR NO KEY UPDATE SKIP LOCKED
"""
TOLD = """
SELECT w.sku, count(*)::integer AS n FROM wish w
WHERE w.bucket = ANY(%(buckets)s) AND w.store_id = %(store_id)s AND w.sku = ANY(%(skus)s::text[])
  AND w.state = 'granted' AND w.told_at > %(since)s
GROUP BY w.sku
"""
WISHED = """
SELECT w.id, w.sku, k.message_id
FROM unnest(%(buckets)s::integer[], %(people)s::bigint[], %(skus)s::text[],
  %(messages)s::bigint[]) AS k(bucket, contact_id, sku, message_id)
CROSS JOIN LATERAL (
  SELECT w.id, w.sku FROM wish w
  WHERE w.bucket = k.bucket AND w.store_id = %(store_id)s AND w.contact_id = k.contact_id
    AND w.sku = k.sku AND w.state = 'granted' OFFSET 0
) w
"""
BACK = """
UPDATE wish w SET state = 'waiting'
WHERE w.bucket = %(bucket)s AND w.store_id = %(store_id)s AND w.id = ANY(%(ids)s::bigint[])
"""
TELL = """
UPDATE wish w SET told_at = %(now)s
WHERE w.bucket = %(bucket)s AND w.store_id = %(store_id)s AND w.id = ANY(%(ids)s::bigint[])
"""


class Wanted(NamedTuple):
    """A text about goods that must be there."""

    message_id: int
    contact_id: int
    sku: str


@dataclass(slots=True)
class Stocked:
    """What of such texts may go; those that are neither may, each with the wishes that it tells."""

    busy: set[int] = field(default_factory=set)  # the stock changes just now
    gone: set[int] = field(default_factory=set)  # nothing is left
    tells: dict[int, list[int]] = field(default_factory=dict)


async def in_stock(tx: Tx, store: Store, wants: Sequence[Wanted], now: datetime) -> Stocked:
    """Asks it of these texts, in their order. The goods are locked: no two that take texts give
    away one piece, and no answer changes the stock meanwhile."""
    found = Stocked()
    wants = [one for one in wants if one.sku]  # about no goods: there is nothing to ask
    if not wants:
        return found
    skus = sorted({one.sku for one in wants})
    stock = await _lock(tx, store, skus)
    known = {row["sku"] for row in await _there(tx, store, skus)}
    wished = await _wished(tx, store, wants)
    given = _base(store) | {"skus": db.words(skus), "since": now - HELD}
    told = {row["sku"]: row["n"] for row in await (await tx.execute(TOLD, given)).fetchall()}
    for one in wants:
        if one.sku not in stock:
            (found.busy if one.sku in known else found.gone).add(one.message_id)
            continue
        own, pieces = wished.get(one.message_id, []), stock[one.sku]
        if pieces is not None and pieces - (told.get(one.sku, 0) if own else 0) <= 0:
            found.gone.add(one.message_id)
        elif own:
            told[one.sku] = told.get(one.sku, 0) + 1
            found.tells[one.message_id] = own
    back = [wish for one in found.gone for wish in wished.get(one, [])]
    await _each_bucket(tx, store, BACK, back)
    return found


async def tell(tx: Tx, store: Store, wish_ids: Iterable[int], now: datetime) -> None:
    """Their texts go now."""
    await _each_bucket(tx, store, TELL, wish_ids, now=now)


async def _lock(tx: Tx, store: Store, skus: Sequence[str]) -> dict[str, int | None]:
    by_bucket: dict[int, list[str]] = defaultdict(list)
    for sku in skus:
        by_bucket[_bucket_of_sku(store, sku)].append(sku)
    given = [
        {"bucket": bucket, "store_id": store.id, "skus": db.words(some)}
        for bucket, some in sorted(by_bucket.items())
    ]
    return {
        row["sku"]: row["stock"]
        for cursor in await db.execute_each(tx, LOCK_GOODS, given)
        for row in await cursor.fetchall()
    }


async def _there(tx: Tx, store: Store, skus: Sequence[str]) -> Sequence[Row]:
    given = {
        "store_id": store.id, "skus": db.words(skus),
        "buckets": db.numbers(_bucket_of_sku(store, sku) for sku in skus),
    }  # fmt: skip
    return await (await tx.execute(THERE, given)).fetchall()


async def _wished(tx: Tx, store: Store, wants: Sequence[Wanted]) -> dict[int, list[int]]:
    """By message, the granted wishes behind it, under whichever of the person's names."""
    people = await _names(tx, store, {one.contact_id for one in wants})
    asked = [(name, one) for one in wants for name in people.names[one.contact_id]]
    given = {
        "store_id": store.id,
        "buckets": db.numbers(bucket_of_id(name) for name, _ in asked),
        "people": db.numbers(name for name, _ in asked),
        "skus": db.words([one.sku for _, one in asked]),
        "messages": db.numbers(one.message_id for _, one in asked),
    }
    found: dict[int, list[int]] = defaultdict(list)
    for row in await (await tx.execute(WISHED, given)).fetchall():
        found[row["message_id"]].append(row["id"])
    return found


async def _each_bucket(
    tx: Tx, store: Store, statement: str, wish_ids: Iterable[int], **more: Any
) -> None:
    by_bucket: dict[int, list[int]] = defaultdict(list)
    for one in sorted(wish_ids):
        by_bucket[bucket_of_id(one)].append(one)
    for bucket, ids in sorted(by_bucket.items()):
        given = {"bucket": bucket, "store_id": store.id, "ids": db.numbers(ids)} | more
        await tx.execute(statement, given)


# ------------------------------------------------------------------ for pages

BY_GOODS = """
SELECT w.sku, count(*) FILTER (WHERE w.kind = 'stock')::integer AS stock,
  count(*) FILTER (WHERE w.kind = 'price')::integer AS price, min(w.asked_at) AS since
FROM wish w
WHERE w.bucket = ANY(%(buckets)s) AND w.store_id = %(store_id)s AND w.state = 'waiting'
GROUP BY w.sku ORDER BY count(*) DESC, w.sku LIMIT %(most)s
"""
NAMED = """
SELECT p.sku, p.name, p.stock, p.price
FROM unnest(%(buckets)s::integer[], %(skus)s::text[]) AS k(bucket, sku)
CROSS JOIN LATERAL (
  SELECT p.* FROM product p
  WHERE p.bucket = k.bucket AND p.store_id = %(store_id)s AND p.sku = k.sku OFFSET 0
) p
"""


class Waited(NamedTuple):
    """Goods that people wait for."""

    sku: str
    name: str
    pieces: int | None  # that are there; None: nobody counts them
    price: Decimal | None
    stock_people: int  # who wait until they are there again
    price_people: int  # until they cost less
    since: datetime


async def by_goods(tx: Tx, store: Store, most: int = 100) -> list[Waited]:
    """What people wait for, that most wait for first."""
    rows = await (await tx.execute(BY_GOODS, _base(store) | {"most": most})).fetchall()
    skus = [row["sku"] for row in rows]
    given = {
        "store_id": store.id, "skus": db.words(skus),
        "buckets": db.numbers(_bucket_of_sku(store, sku) for sku in skus),
    }  # fmt: skip
    found = await (await tx.execute(NAMED, given)).fetchall() if skus else []
    known = {row["sku"]: row for row in found}
    nothing: Row = {"name": "", "stock": None, "price": None}
    return [
        Waited(
            row["sku"], one["name"] or row["sku"], one["stock"], one["price"], row["stock"],
            row["price"], row["since"],
        )
        for row in rows
        for one in (known.get(row["sku"], nothing),)
    ]  # fmt: skip


OF_PERSON = """
SELECT w.id, w.sku, w.kind, w.state, w.asked_at, w.granted_at, w.told_at FROM wish w
WHERE w.bucket = ANY(%(buckets)s) AND w.store_id = %(store_id)s
  AND w.contact_id = ANY(%(people)s::bigint[])
ORDER BY w.asked_at DESC LIMIT %(most)s
"""


async def of_person(tx: Tx, store: Store, people: Sequence[int], most: int = 50) -> Sequence[Row]:
    """What one person waits for or was told of, under all their names, the newest first."""
    buckets = sorted({bucket_of_id(one) for one in people})
    given = {
        "buckets": buckets, "store_id": store.id, "people": db.numbers(people), "most": most,
    }  # fmt: skip
    return await (await tx.execute(OF_PERSON, given)).fetchall()
