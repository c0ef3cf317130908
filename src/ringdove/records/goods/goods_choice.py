"""Goods for the texts of many people at once (rules/goods/choosing.py): what they bought, the lists
that it leads to, and of what was chosen that which is there. A handful of statements a batch,
however many people and goods it is about.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Final

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, bucket_of_id, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records.goods import goods_lists
from ringdove.rules.goods import choosing
from ringdove.rules.goods.choosing import Past, Shelf
from ringdove.rules.scenes import Store
from ringdove.rules.wants import Good, GoodsWish

ORDERS_MAX: Final = 100  # of one person, the newest
NEW_MAX: Final = 30  # of a category

NAMES = """
SELECT c.id, c.also FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT c.id, c.also FROM contact c
  WHERE c.bucket = k.bucket AND c.store_id = %(store_id)s AND c.id = k.id AND c.also <> '{}'
  OFFSET 0
) c
"""
PAST = """
SELECT k.person, l.sku, max(l.category) AS category, max(o.placed_at) AS at,
  count(DISTINCT o.id)::integer AS times
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint, person bigint)
CROSS JOIN LATERAL (
  SELECT o.id, o.placed_at FROM purchase_order o
  WHERE o.bucket = k.bucket AND o.store_id = %(store_id)s AND o.contact_id = k.id
    AND o.state NOT IN ('cancelled', 'returned', 'removed')
  ORDER BY o.id DESC LIMIT %(most)s
) o
CROSS JOIN LATERAL (
  SELECT l.sku, l.category FROM order_line l
  WHERE l.bucket = k.bucket AND l.store_id = %(store_id)s AND l.order_id = o.id
  OFFSET 0
) l
WHERE l.sku <> ''
GROUP BY k.person, l.sku
"""
PRODUCTS = """
SELECT p.sku, p.name, p.url, p.category, p.price,
  coalesce(p.stock, 1) > 0 AND p.name <> '' AS is_there
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, sku text)
CROSS JOIN LATERAL (
  SELECT p.* FROM product p
  WHERE p.bucket = k.bucket AND p.store_id = %(store_id)s AND p.sku = k.sku OFFSET 0
) p
"""
NEW = """
SELECT k.category, p.sku
FROM unnest(%(categories)s::text[]) AS k(category)
CROSS JOIN LATERAL (
  SELECT p.sku, p.new_at FROM product p
  WHERE p.bucket = ANY(%(buckets)s) AND p.store_id = %(store_id)s AND p.category = k.category
    AND p.new_at > %(since)s AND coalesce(p.stock, 1) > 0
  ORDER BY p.new_at DESC, p.sku LIMIT %(most)s
) p
ORDER BY k.category, p.new_at DESC, p.sku
"""


async def choose(
    tx: Tx, store: Store, wishes: Collection[GoodsWish], now: datetime
) -> dict[GoodsWish, tuple[Good, ...]]:
    """The goods of each wish, the best first; none: there are none."""
    past = await _past(tx, store, {one.contact_id for one in wishes})
    about = await _products(tx, store, {sku for one in wishes for sku in one.skus})
    kinds = {sku: row["category"] for sku, row in about.items() if row["category"]}
    shelf = Shelf(past, kinds)
    lists = await goods_lists.read(
        tx, store, {name for one in wishes for name in choosing.asked(one, shelf, now)}
    )
    fresh = {kind for one in wishes for kind in choosing.new_kinds(one, shelf)}
    shelf = Shelf(past, kinds, lists, await _new(tx, store, fresh, now))
    chosen = {one: choosing.chosen(one, shelf, now) for one in wishes}
    sold = await there(tx, store, {sku for some in chosen.values() for sku in some})
    return {one: choosing.named(some, sold) for one, some in chosen.items()}


async def for_person(
    tx: Tx, store: Store, contact_id: int, now: datetime
) -> dict[str, tuple[Good, ...]]:
    """What texts would name to a living person who is in no hurry: by choice, accessories to all
    that they bought, and the same again."""
    wishes = [GoodsWish(contact_id, choice, (), "") for choice in ("accessories", "again")]
    found = await choose(tx, store, wishes, now)
    return {one.choice: found[one] for one in wishes}


async def there(tx: Tx, store: Store, skus: Iterable[str]) -> dict[str, Good]:
    """Of these goods those that can be bought now."""
    rows = await _products(tx, store, skus)
    return {
        sku: Good(sku, row["name"], row["url"], row["category"], row["price"])
        for sku, row in rows.items()
        if row["is_there"]
    }


async def _past(tx: Tx, store: Store, people: Iterable[int]) -> dict[int, list[Past]]:
    """What they bought, under all their names."""
    of = {one: one for one in people}
    keys = [{"bucket": bucket_of_id(one), "id": one} for one in sorted(of)]
    given = {"store_id": store.id, "keys": db.document(keys)}
    for row in await (await tx.execute(NAMES, given)).fetchall():
        of |= dict.fromkeys(row["also"], row["id"])
    keys = [{"bucket": bucket_of_id(one), "id": one, "person": of[one]} for one in sorted(of)]
    given = {"store_id": store.id, "keys": db.document(keys), "most": ORDERS_MAX}
    found: dict[int, list[Past]] = defaultdict(list)
    for row in await (await tx.execute(PAST, given)).fetchall():
        one = Past(row["sku"], row["category"], row["at"], row["times"])
        found[row["person"]].append(one)
    return found


async def _products(tx: Tx, store: Store, skus: Iterable[str]) -> dict[str, dict[str, Any]]:
    keys = [
        {"bucket": bucket_of(store.bucket_base, store.bucket_span, f"product/{sku}"), "sku": sku}
        for sku in sorted(skus)
        if sku
    ]
    if not keys:
        return {}
    given = {"store_id": store.id, "keys": db.document(keys)}
    return {row["sku"]: row for row in await (await tx.execute(PRODUCTS, given)).fetchall()}


async def _new(
    tx: Tx, store: Store, categories: Iterable[str], now: datetime
) -> dict[str, list[str]]:
    wanted = sorted(categories)
    if not wanted:
        return {}
    given = {
        "store_id": store.id, "categories": db.words(wanted), "most": NEW_MAX,
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "since": now - choosing.NEW_FOR,
    }  # fmt: skip
    found: dict[str, list[str]] = defaultdict(list)
    for row in await (await tx.execute(NEW, given)).fetchall():
        found[row["category"]].append(row["sku"])
    return found
