"""Goods that people want to be told of: there again, or for less (R62).

No more people are told than there are pieces, the first who asked first. `grantable` and `grant`
choose them; wish_stock.py asks again when a text is taken for sending. For a day a piece is as good
as taken by whom it was offered to.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, bucket_of_id, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records.automations.wish_names import names_of
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
  until timestamptz, price numeric, product_bucket integer, nth integer)
WHERE r.bucket = ANY(%(buckets)s) AND r.nth <= %(most)s - (
  SELECT count(*) FROM wish o
  WHERE o.bucket = r.bucket AND o.store_id = %(store_id)s AND o.contact_id = r.contact_id
    AND o.state = 'waiting')
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
    nth: dict[int, int] = defaultdict(int)  # of one person's in this batch
    rows = []
    for _, one in sorted(newest.items()):
        nth[one.contact_id] += 1
        rows.append({
            "bucket": bucket_of_id(one.id), "id": one.id, "contact_id": one.contact_id,
            "sku": one.sku, "kind": one.wish, "at": one.at, "until": one.at + KEPT,
            "price": one.price, "product_bucket": bucket_of_sku(store, one.sku),
            "nth": nth[one.contact_id],
        })  # fmt: skip
    buckets = sorted({bucket_of_id(one.id) for one in newest.values()})
    given = {"store_id": store.id, "buckets": buckets, "rows": db.document(rows)}
    await tx.execute(PUT, given | {"most": OF_ONE_MAX})


def bucket_of_sku(store: Store, sku: str) -> int:
    """Where a product lies."""
    return bucket_of(store.bucket_base, store.bucket_span, f"product/{sku}")


# ------------------------------------------------------------------ granting

WAITED_FOR = """
SELECT DISTINCT w.sku FROM wish w
WHERE w.bucket = ANY(%(buckets)s) AND w.store_id = %(store_id)s AND w.state = 'waiting'
  AND w.kind = ANY(%(kinds)s::text[]) AND w.until > %(now)s
LIMIT %(most)s
"""
THERE = """
SELECT p.sku, p.name, p.stock, p.price, p.category
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
    base = everywhere(store)
    given = base | {"kinds": db.words(kinds), "now": now, "most": SKUS_MAX}
    rows = await (await tx.execute(WAITED_FOR, given)).fetchall()
    skus = sorted(row["sku"] for row in rows)
    if not skus:
        return []
    since = {"skus": db.words(skus), "since": now - HELD}
    offered = await (await tx.execute(OFFERED, base | since)).fetchall()
    taken = {row["sku"]: row["n"] for row in offered}
    rooms = []
    for row in await there(tx, store, skus):
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
    given = everywhere(store) | {"now": now, "rows": db.document(asked)}
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
    return (await tx.execute(OVER, everywhere(store) | {"now": now})).rowcount


async def there(tx: Tx, store: Store, skus: Sequence[str]) -> Sequence[Row]:
    """What the catalogue says of these goods: rows of THERE."""
    asked = {
        "store_id": store.id, "skus": db.words(skus),
        "buckets": db.numbers(bucket_of_sku(store, sku) for sku in skus),
    }  # fmt: skip
    return await (await tx.execute(THERE, asked)).fetchall()


def everywhere(store: Store) -> dict[str, Any]:
    """All buckets of a store, as parameters."""
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    return {"buckets": buckets, "store_id": store.id}


# ------------------------------------------------------------------ who has bought it meanwhile

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
    people = await names_of(tx, store, {one.contact_id for one in some})
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


# ------------------------------------------------------------------ for pages

BY_GOODS = """
SELECT w.sku, count(*) FILTER (WHERE w.kind = 'stock')::integer AS stock,
  count(*) FILTER (WHERE w.kind = 'price')::integer AS price, min(w.asked_at) AS since
FROM wish w
WHERE w.bucket = ANY(%(buckets)s) AND w.store_id = %(store_id)s AND w.state = 'waiting'
GROUP BY w.sku ORDER BY count(*) DESC, w.sku LIMIT %(most)s
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
    rows = await (await tx.execute(BY_GOODS, everywhere(store) | {"most": most})).fetchall()
    skus = [row["sku"] for row in rows]
    found = await there(tx, store, skus) if skus else []
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
