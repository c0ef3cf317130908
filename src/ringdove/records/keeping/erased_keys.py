"""Orders, carts and accounts of erased people, by keyed hash alone (P12).

What a shop tells later about one of them is not taken in again (rules/keeping/erasing.py). A hash
says nothing to who has no key of this installation, and nothing of the person to who has.
"""

from collections.abc import Callable, Collection
from datetime import datetime

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store

Keyed = Callable[[int, str], str]  # store, text
Key = tuple[str, str]  # order, cart or account, and its value

KNOWN = """
SELECT e.hash FROM unnest(%(places)s::integer[], %(hashes)s::text[]) AS k(bucket, hash)
CROSS JOIN LATERAL (
  SELECT e.hash FROM erased_key e
  WHERE e.bucket = k.bucket AND e.store_id = %(store_id)s AND e.hash = k.hash OFFSET 0
) e
"""
PUT = """
INSERT INTO erased_key (bucket, store_id, hash, at)
SELECT r.bucket, %(store_id)s, r.hash, %(now)s
FROM jsonb_to_recordset(%(rows)s) AS r(bucket integer, hash text)
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id, hash) DO NOTHING
"""


async def known(tx: Tx, store: Store, keyed: Keyed, keys: Collection[Key]) -> set[Key]:
    """Of these keys those of somebody who was erased."""
    if not keys:
        return set()
    by_hash = {_hash(store, keyed, key): key for key in keys}
    given = {
        "store_id": store.id,
        "places": db.numbers(_bucket(store, one) for one in by_hash),
        "hashes": db.words(list(by_hash)),
    }
    rows = await (await tx.execute(KNOWN, given)).fetchall()
    return {by_hash[row["hash"]] for row in rows}


async def put(tx: Tx, store: Store, keyed: Keyed, keys: Collection[Key], now: datetime) -> None:
    """Remembers them."""
    hashes = sorted({_hash(store, keyed, key) for key in keys})
    pairs = sorted((_bucket(store, one), one) for one in hashes)
    rows = [{"bucket": bucket, "hash": one} for bucket, one in pairs]
    if rows:
        buckets = sorted({bucket for bucket, _ in pairs})
        given = {"store_id": store.id, "buckets": buckets, "rows": db.document(rows), "now": now}
        await tx.execute(PUT, given)


def _hash(store: Store, keyed: Keyed, key: Key) -> str:
    return keyed(store.id, f"{key[0]}/{key[1]}")


def _bucket(store: Store, digest: str) -> int:
    return bucket_of(store.bucket_base, store.bucket_span, f"erased/{digest}")
