"""Virtual phones (N11): what pretend customers received, and what they wrote.

The page writes a row `from_phone`; the sandbox SMSC hands it to the gateway and marks it only when
the gateway has acknowledged it. Rows `to_phone` are what left over SMPP, one per whole text.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from ringdove.kit import db
from ringdove.kit.buckets import Ids, bucket_of, bucket_of_id, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store

BELL = "sandbox"
WAITING_MAX = 500


@dataclass(frozen=True, slots=True)
class Text:
    id: int
    gateway_id: int
    phone: str
    direction: str
    """to_phone or from_phone."""
    shop_number: str
    body: str
    at: datetime
    handed_over: bool


@dataclass(frozen=True, slots=True)
class Phone:
    """A virtual phone with its newest text."""

    phone: str
    last_id: int
    last_body: str
    last_direction: str
    last_at: datetime


WRITE = """
INSERT INTO sandbox_text (bucket, store_id, id, gateway_id, phone, direction, shop_number, body,
                          at, handed_over)
SELECT %(bucket)s, %(store_id)s, id, %(gateway_id)s, phone, %(direction)s, shop_number, body,
       %(now)s, %(handed_over)s
  FROM jsonb_to_recordset(%(rows)s) AS r(id bigint, phone text, shop_number text, body text)
"""


async def receive(
    tx: Tx,
    store: Store,
    gateway_id: int,
    texts: Sequence[tuple[str, str, str]],
    now: datetime,
    ids: Ids,
) -> None:
    """Shows texts (phone, shop_number, body) on the phones; wakes the page that shows them."""
    await _write(tx, store, gateway_id, "to_phone", texts, now, ids)
    await db.notify(tx, "live", f"{store.id} phones")


async def write(
    tx: Tx,
    store: Store,
    gateway_id: int,
    *,
    phone: str,
    shop_number: str,
    body: str,
    now: datetime,
    ids: Ids,
) -> None:
    """A pretend customer sends a text; wakes the sandbox."""
    await _write(tx, store, gateway_id, "from_phone", [(phone, shop_number, body)], now, ids)
    await db.notify(tx, "live", f"{store.id} phones")
    await db.notify(tx, BELL, str(gateway_id))


async def _write(
    tx: Tx,
    store: Store,
    gateway_id: int,
    direction: str,
    texts: Sequence[tuple[str, str, str]],
    now: datetime,
    ids: Ids,
) -> None:
    rows: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for phone, shop_number, body in texts:
        bucket = bucket_of(store.bucket_base, store.bucket_span, f"phone/{phone}")
        row = {"id": ids.make(bucket), "phone": phone, "shop_number": shop_number, "body": body}
        rows[bucket].append(row)
    for bucket, some in sorted(rows.items()):
        given = {
            "bucket": bucket,
            "store_id": store.id,
            "gateway_id": gateway_id,
            "direction": direction,
            "now": now,
            "handed_over": direction == "to_phone",
            "rows": Jsonb(some),
        }
        await tx.execute(WRITE, given)


WAITING = """
SELECT id, gateway_id, phone, direction, shop_number, body, at, handed_over
  FROM sandbox_text
 WHERE bucket = ANY(%(buckets)s) AND store_id = %(store_id)s AND gateway_id = %(gateway_id)s
   AND direction = 'from_phone' AND NOT handed_over
 ORDER BY id LIMIT %(most)s
"""


async def waiting(tx: Tx, store: Store, gateway_id: int, most: int = WAITING_MAX) -> list[Text]:
    """What phones wrote and the gateway has not acknowledged, oldest first."""
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    given = {
        "buckets": buckets,
        "store_id": store.id,
        "gateway_id": gateway_id,
        "most": most,
    }
    return [Text(**row) for row in await (await tx.execute(WAITING, given)).fetchall()]


HAND_OVER = """
UPDATE sandbox_text SET handed_over = true
 WHERE bucket = %(bucket)s AND store_id = %(store_id)s
   AND id IN (SELECT v::bigint FROM jsonb_array_elements_text(%(ids)s) v)
"""


async def hand_over(tx: Tx, store: Store, text_ids: Sequence[int]) -> None:
    """The gateway has acknowledged these."""
    by_bucket: dict[int, list[int]] = defaultdict(list)
    for text_id in text_ids:
        by_bucket[bucket_of_id(text_id)].append(text_id)
    for bucket, some in sorted(by_bucket.items()):
        await tx.execute(HAND_OVER, {"bucket": bucket, "store_id": store.id, "ids": Jsonb(some)})


# A page of one store, asked by a person: over all its buckets.
PHONES = """
SELECT DISTINCT ON (t.phone) t.phone, t.id AS last_id, t.body AS last_body,
       t.direction AS last_direction, t.at AS last_at
  FROM sandbox_text t
 WHERE t.bucket = ANY(%(buckets)s) AND t.store_id = %(store_id)s
 ORDER BY t.phone, t.id DESC
"""


async def every(tx: Tx, store: Store, most: int = 200) -> list[Phone]:
    """The store's virtual phones, the one with the newest text first."""
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    cursor = await tx.execute(PHONES, {"buckets": buckets, "store_id": store.id})
    found = [Phone(**row) for row in await cursor.fetchall()]
    return sorted(found, key=lambda phone: phone.last_at, reverse=True)[:most]


TEXTS = """
SELECT id, gateway_id, phone, direction, shop_number, body, at, handed_over
  FROM sandbox_text
 WHERE bucket = %(bucket)s AND store_id = %(store_id)s AND phone = %(phone)s
 ORDER BY id DESC LIMIT %(most)s
"""


async def texts(tx: Tx, store: Store, phone: str, most: int = 100) -> list[Text]:
    """What one phone shows, oldest first."""
    bucket = bucket_of(store.bucket_base, store.bucket_span, f"phone/{phone}")
    given = {"bucket": bucket, "store_id": store.id, "phone": phone, "most": most}
    found = [Text(**row) for row in await (await tx.execute(TEXTS, given)).fetchall()]
    return found[::-1]
