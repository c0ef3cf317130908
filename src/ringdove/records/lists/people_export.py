"""People on their way out: all of them page by page, or those whose ids are given.

Those who were merged into somebody, and the erased, are not among them. Memory is that of a page.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records.people.lookups import Row
from ringdove.rules.scenes import Store

PAGE = 2_000

COLUMNS = """c.id, c.phone, c.phone_doubt, c.email, c.name, c.language, c.country, c.region, c.city,
  c.sex, c.birthday, c.children, c.marketing, c.marketing_at, c.service, c.origin, c.origin_note,
  c.created_at, c.orders, c.spent, c.last_order_at, c.seen_at, c.fields"""
EVERYBODY = f"""
SELECT {COLUMNS} FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id > %(after)s
  AND c.merged_into IS NULL AND c.erased_at IS NULL
ORDER BY c.id LIMIT %(most)s
"""
THESE = f"""
SELECT {COLUMNS} FROM unnest(%(places)s::integer[], %(ids)s::bigint[]) AS k(bucket, id)
CROSS JOIN LATERAL (
  SELECT c.* FROM contact c
  WHERE c.bucket = k.bucket AND c.store_id = %(store_id)s AND c.id = k.id OFFSET 0
) c
WHERE c.merged_into IS NULL AND c.erased_at IS NULL
"""
COUNT = """
SELECT count(*) AS n FROM contact c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s
  AND c.merged_into IS NULL AND c.erased_at IS NULL
"""
# Bought or not, since a day or ever; agreed to offers, or has at least not refused everything.
MEANT = """
  AND c.merged_into IS NULL AND c.erased_at IS NULL AND c.service = 'in'
  AND (c.phone IS NOT NULL OR c.email IS NOT NULL)
  AND (c.orders > 0 AND (%(since)s::timestamptz IS NULL OR c.last_order_at >= %(since)s))
    = %(have_bought)s
  AND (NOT %(only_agreed)s OR c.marketing = 'in' AND (c.paused_until IS NULL
    OR c.paused_until < %(now)s))
"""
AUDIENCE = f"""
SELECT c.id, c.phone, c.email FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id > %(after)s {MEANT}
ORDER BY c.id LIMIT %(most)s
"""
AUDIENCE_COUNT = f"""
SELECT count(*) AS n FROM contact c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s {MEANT}
"""


async def count(tx: Tx, store: Store) -> int:
    """How many people there are."""
    row = await (await tx.execute(COUNT, _all(store))).fetchone()
    return int(row["n"]) if row else 0


async def everybody(tx: Tx, store: Store) -> AsyncIterator[Sequence[Row]]:
    """All people, a page at a time."""
    async for rows in _pages(tx, store, EVERYBODY, {}):
        yield rows


async def these(tx: Tx, store: Store, ids: Sequence[int]) -> list[Row]:
    """These people, in this order."""
    given = {
        "places": db.numbers(bucket_of_id(one) for one in ids),
        "ids": db.numbers(ids),
        "store_id": store.id,
    }
    by_id = {row["id"]: row for row in await (await tx.execute(THESE, given)).fetchall()}
    return [by_id[one] for one in ids if one in by_id]


async def audience_count(tx: Tx, store: Store, **meant: Any) -> int:
    """How many people an audience has."""
    row = await (await tx.execute(AUDIENCE_COUNT, _all(store) | meant)).fetchone()
    return int(row["n"]) if row else 0


async def audience(
    tx: Tx, store: Store, *, have_bought: bool, since: datetime | None, only_agreed: bool,
    now: datetime,
) -> AsyncIterator[Sequence[Row]]:  # fmt: skip
    """The people of an audience: phone and e-mail, a page at a time."""
    meant = {
        "have_bought": have_bought, "since": since, "only_agreed": only_agreed, "now": now,
    }  # fmt: skip
    async for rows in _pages(tx, store, AUDIENCE, meant):
        yield rows


async def _pages(
    tx: Tx, store: Store, statement: str, more: dict[str, Any]
) -> AsyncIterator[Sequence[Row]]:
    for place in buckets_of_store(store.bucket_base, store.bucket_span):
        after = 0
        while True:
            given = {"bucket": place, "store_id": store.id, "after": after, "most": PAGE}
            rows = await (await tx.execute(statement, given | more)).fetchall()
            if rows:
                yield rows
                after = rows[-1]["id"]
            if len(rows) < PAGE:
                break


def _all(store: Store) -> dict[str, Any]:
    return {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
    }  # fmt: skip
