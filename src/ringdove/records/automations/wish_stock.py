"""Texts about goods that must be there, asked as they are taken for sending (R62, P3).

No more leave than there are pieces; whoever comes too late waits for the next ones, at the place
that they had.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.records.automations.wish_names import names_of
from ringdove.records.automations.wishes import HELD, bucket_of_sku, everywhere, there
from ringdove.rules.scenes import Store

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
    known = {row["sku"] for row in await there(tx, store, skus)}
    wished = await _wished(tx, store, wants)
    given = everywhere(store) | {"skus": db.words(skus), "since": now - HELD}
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
        by_bucket[bucket_of_sku(store, sku)].append(sku)
    given = [
        {"bucket": bucket, "store_id": store.id, "skus": db.words(some)}
        for bucket, some in sorted(by_bucket.items())
    ]
    return {
        row["sku"]: row["stock"]
        for cursor in await db.execute_each(tx, LOCK_GOODS, given)
        for row in await cursor.fetchall()
    }


async def _wished(tx: Tx, store: Store, wants: Sequence[Wanted]) -> dict[int, list[int]]:
    """By message, the granted wishes behind it, under whichever of the person's names."""
    people = await names_of(tx, store, {one.contact_id for one in wants})
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
