"""Promo codes: those of a list that wait to be given, and those that belong to somebody (P7).

A code is kept for a batch by a lock and taken off the list in the transaction that gives it: two
that ask at the same time never get the same. A given one lies in the bucket of its own name, so
that the shop's question costs one look-up.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules.effects import GiveReward, UseCode
from ringdove.rules.scenes import Store
from ringdove.rules.ways_in import Code

IMPORTED_MAX = 100_000  # in one go

# One bucket is asked, that of the reward. Codes that others keep are passed over.
KEEP = """
SELECT f.code FROM free_code f
WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.reward_id = %(reward_id)s
ORDER BY f.code LIMIT %(most)s FOR UPDATE SKIP LOCKED
"""
# Near the list's end: what others keep may still come free, so this waits for them.
KEEP_LAST = """
SELECT f.code FROM free_code f
WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.reward_id = %(reward_id)s
ORDER BY f.code LIMIT %(most)s FOR UPDATE
"""
TAKE = """
DELETE FROM free_code f USING jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, reward_id integer, code text)
WHERE f.bucket = r.bucket AND f.bucket = ANY(%(buckets)s) AND f.store_id = %(store_id)s
  AND f.reward_id = r.reward_id AND f.code = r.code
"""
# No ON CONFLICT: a code that somebody has already is never given a second time.
PUT = """
INSERT INTO promo_code (bucket, store_id, code, reward_id, contact_id, given_at, valid_until)
SELECT r.bucket, %(store_id)s, r.code, r.reward_id, r.contact_id, r.given_at, r.valid_until
FROM jsonb_populate_recordset(NULL::promo_code, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s)
"""


async def keep(tx: Tx, store: Store, reward_id: int, most: int) -> list[str]:
    """Up to `most` codes of a list that nobody else can be given until this transaction ends."""
    about = {
        "bucket": _list_bucket(store, reward_id), "store_id": store.id, "reward_id": reward_id,
        "most": most,
    }  # fmt: skip
    rows = await (await tx.execute(KEEP, about)).fetchall()
    if len(rows) < most:
        rows = await (await tx.execute(KEEP_LAST, about)).fetchall()
    return [row["code"] for row in rows]


async def give(tx: Tx, store: Store, news: Sequence[GiveReward]) -> None:
    """Takes them off their lists and makes them their people's."""
    taken = [
        {"bucket": _list_bucket(store, one.reward_id), "reward_id": one.reward_id, "code": one.code}
        for one in news
        if one.from_pool
    ]
    if taken:
        cursor = await tx.execute(TAKE, _rows(store, taken))
        assert cursor.rowcount == len(taken), "a code was given without being kept for it"
    own = [
        {
            "bucket": _bucket(store, one.code), "code": one.code, "reward_id": one.reward_id,
            "contact_id": one.contact_id, "given_at": one.at, "valid_until": one.valid_until,
        }
        for one in news
        if one.is_own
    ]  # fmt: skip
    if own:
        await tx.execute(PUT, _rows(store, own))


def _list_bucket(store: Store, reward_id: int) -> int:
    return bucket_of(store.bucket_base, store.bucket_span, f"reward/{reward_id}")


def _bucket(store: Store, code: str) -> int:
    return bucket_of(store.bucket_base, store.bucket_span, f"code/{code}")


def _rows(store: Store, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    in_order = sorted(rows, key=lambda row: (row["bucket"], row["code"]))
    buckets = sorted({row["bucket"] for row in rows})
    return {"buckets": buckets, "store_id": store.id, "rows": db.document(in_order)}


# ------------------------------------------------------------------ using

FIND = """
SELECT c.code, c.reward_id, c.contact_id, c.given_at, c.valid_until, c.used_at, c.used_order
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, code text)
CROSS JOIN LATERAL (
  SELECT c.* FROM promo_code c
  WHERE c.bucket = k.bucket AND c.store_id = %(store_id)s AND c.code = k.code OFFSET 0
) c
"""
USE = """
UPDATE promo_code c SET used_at = r.used_at, used_order = r.used_order
FROM jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, code text, used_at timestamptz, used_order text)
WHERE c.bucket = r.bucket AND c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s
  AND c.code = r.code
"""


async def find(tx: Tx, store: Store, codes: Iterable[str]) -> dict[str, Code]:
    """Those of these codes that were given to somebody."""
    keys = [{"bucket": _bucket(store, code), "code": code} for code in sorted(set(codes))]
    if not keys:
        return {}
    cursor = await tx.execute(FIND, {"keys": db.document(keys), "store_id": store.id})
    return {row["code"]: Code(**row) for row in await cursor.fetchall()}


async def use(tx: Tx, store: Store, news: Sequence[UseCode]) -> None:
    """Orders were paid with these, or are no more."""
    rows = [
        {
            "bucket": _bucket(store, one.code), "code": one.code, "used_at": one.at,
            "used_order": one.order,
        }
        for one in {one.code: one for one in news}.values()
    ]  # fmt: skip
    if rows:
        await tx.execute(USE, _rows(store, rows))


# ------------------------------------------------------------------ the list

ADD = """
INSERT INTO free_code (bucket, store_id, reward_id, code)
SELECT %(bucket)s, %(store_id)s, %(reward_id)s, v.code
FROM jsonb_array_elements_text(%(codes)s) AS v(code)
ORDER BY v.code ON CONFLICT (bucket, store_id, reward_id, code) DO NOTHING
"""
LEFT = """
SELECT f.reward_id, count(*)::integer AS n FROM free_code f
WHERE f.bucket = ANY(%(buckets)s) AND f.store_id = %(store_id)s GROUP BY f.reward_id
"""
OF_OTHERS = """
SELECT v.code FROM jsonb_array_elements_text(%(codes)s) AS v(code)
WHERE EXISTS (
  SELECT FROM free_code f
  WHERE f.bucket = ANY(%(buckets)s) AND f.store_id = %(store_id)s
    AND f.reward_id = ANY(%(others)s::integer[]) AND f.code = v.code)
"""


async def add(
    tx: Tx, store: Store, reward_id: int, codes: Iterable[str], others: Iterable[int]
) -> int:
    """Puts codes on a reward's list; those that were given, are on it or on the list of another
    reward are left out. How many are new."""
    wanted = set(codes)
    wanted -= (await find(tx, store, wanted)).keys()
    about = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
        "others": db.numbers(others),
        "codes": db.document(sorted(wanted)),
    }
    cursor = await tx.execute(OF_OTHERS, about)
    wanted -= {row["code"] for row in await cursor.fetchall()}
    about = {
        "bucket": _list_bucket(store, reward_id), "store_id": store.id, "reward_id": reward_id,
        "codes": db.document(sorted(wanted)),
    }  # fmt: skip
    return (await tx.execute(ADD, about)).rowcount


async def left(tx: Tx, store: Store) -> dict[int, int]:
    """How many codes wait on the list of each reward."""
    about = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
    }
    rows = await (await tx.execute(LEFT, about)).fetchall()
    return {row["reward_id"]: row["n"] for row in rows}
