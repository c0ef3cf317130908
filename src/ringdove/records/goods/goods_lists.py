"""Lists of goods by what they are about (rules/goods/), learnt of each store once a day, or each
hour while it has sold little; read by whoever chooses goods for people, and shown where somebody
asks what goes with what.

Learning reads orders and the catalogue without a lock; the lists are written some at a time, each
by itself right or a day old.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules.goods.accessories import Pair
from ringdove.rules.goods.alike import Product
from ringdove.rules.scenes import Store

LEARN_EVERY: Final = timedelta(days=1)
LEARN_FEW_EVERY: Final = timedelta(hours=1)  # a shop that has just come learns much each hour
FEW: Final = 2_000  # first purchases
SOLD_MAX: Final = 30_000  # goods of a store that are looked at, the newest
PAGE: Final = 1_000
DIGITS: Final = 7

SOLD = """
SELECT p.sku, p.name, p.category, p.brand, p.price FROM product p
WHERE p.bucket = ANY(%(buckets)s) AND p.store_id = %(store_id)s
  AND coalesce(p.stock, 1) > 0 AND p.name <> ''
ORDER BY p.new_at DESC NULLS LAST, p.changed_at DESC, p.sku LIMIT %(most)s
"""
PUT = """
INSERT INTO goods_list AS g (bucket, store_id, about, goods, learnt_at)
SELECT r.bucket, %(store_id)s, r.about, r.goods, %(now)s
FROM jsonb_to_recordset(%(rows)s) AS r(bucket integer, about text, goods jsonb)
WHERE r.bucket = ANY(%(buckets)s)
ORDER BY r.bucket, r.about
ON CONFLICT (bucket, store_id, about) DO UPDATE SET goods = EXCLUDED.goods,
  learnt_at = EXCLUDED.learnt_at
"""
FORGET = """
DELETE FROM goods_list g
WHERE g.bucket = ANY(%(buckets)s) AND g.store_id = %(store_id)s AND g.learnt_at < %(now)s
"""
LISTS = """
SELECT g.about, g.goods FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, about text)
CROSS JOIN LATERAL (
  SELECT g.about, g.goods FROM goods_list g
  WHERE g.bucket = k.bucket AND g.store_id = %(store_id)s AND g.about = k.about OFFSET 0
) g
"""
LEARNT = """
SELECT g.learnt_at, g.goods, g.buyers, g.lists FROM goods_learnt g WHERE g.store_id = %(store_id)s
"""
PUT_LEARNT = """
INSERT INTO goods_learnt (store_id, learnt_at, goods, buyers, lists)
VALUES (%(store_id)s, %(learnt_at)s, %(goods)s, %(buyers)s, %(lists)s)
ON CONFLICT (store_id) DO UPDATE SET learnt_at = EXCLUDED.learnt_at, goods = EXCLUDED.goods,
  buyers = EXCLUDED.buyers, lists = EXCLUDED.lists
"""


@dataclass(frozen=True, slots=True)
class Learning:
    """When a store's lists were learnt, and from how much."""

    learnt_at: datetime
    goods: int  # that are sold
    buyers: int  # first purchases that were counted
    lists: int


async def learnt(tx: Tx, store: Store) -> Learning | None:
    """The last time; None: never."""
    row = await (await tx.execute(LEARNT, {"store_id": store.id})).fetchone()
    return Learning(**row) if row else None


async def is_due(tx: Tx, store: Store, now: datetime) -> bool:
    """Whether it is time to learn again."""
    last = await learnt(tx, store)
    if last is None:
        return True
    return now - last.learnt_at >= (LEARN_FEW_EVERY if last.buyers < FEW else LEARN_EVERY)


async def sold(tx: Tx, store: Store) -> list[Product]:
    """The goods that can be offered, the newest first."""
    given = {"store_id": store.id, "buckets": _buckets(store), "most": SOLD_MAX}
    rows = await (await tx.execute(SOLD, given)).fetchall()
    return [Product(**row) for row in rows]


async def put(
    tx: Tx, store: Store, lists: Iterable[tuple[str, Sequence[Pair]]], now: datetime
) -> None:
    """Keeps these lists; PAGE at a time is right."""
    rows = [
        {
            "bucket": _bucket(store, about), "about": about,
            "goods": [(one.sku, round(one.chance, DIGITS)) for one in pairs],
        }
        for about, pairs in lists
    ]  # fmt: skip
    given = {"store_id": store.id, "buckets": _buckets(store), "now": now}
    await tx.execute(PUT, given | {"rows": db.document(rows)})


async def finish(tx: Tx, store: Store, done: Learning) -> None:
    """All lists are written: older ones are about what is no more."""
    given = {"store_id": store.id, "buckets": _buckets(store), "now": done.learnt_at}
    await tx.execute(FORGET, given)
    told = {"goods": done.goods, "buyers": done.buyers, "lists": done.lists}
    await tx.execute(PUT_LEARNT, {"store_id": store.id, "learnt_at": done.learnt_at, **told})


async def read(tx: Tx, store: Store, about: Iterable[str]) -> Mapping[str, Sequence[Pair]]:
    """These lists, as far as there are any."""
    keys = [{"bucket": _bucket(store, one), "about": one} for one in sorted(set(about))]
    given = {"store_id": store.id, "keys": db.document(keys)}
    rows = await (await tx.execute(LISTS, given)).fetchall()
    return {row["about"]: [Pair(*one) for one in row["goods"]] for row in rows}


def _bucket(store: Store, about: str) -> int:
    return bucket_of(store.bucket_base, store.bucket_span, f"goods/{about}")


def _buckets(store: Store) -> list[int]:
    return buckets_of_store(store.bucket_base, store.bucket_span)
