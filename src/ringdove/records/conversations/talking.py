"""When somebody of the store talks with a person, as rows: until when, and its end.

While it lasts offers wait (rules/consent/consent.py). When it ends those that waited for it are
decided anew at once, by whoever takes them from the outbox: caps and hours count as ever.
"""

from collections import defaultdict
from collections.abc import Iterable

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store

END = """
UPDATE contact c SET talking_until = NULL
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = ANY(%(ids)s::bigint[])
  AND c.talking_until IS NOT NULL
"""
# Past their window, texts are asked about once more when they are taken (records/consent/anew.py).
RELEASE = """
UPDATE outbox o SET due_at = m.created_at, window_until = m.created_at - interval '1 second'
FROM message m
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.contact_id = ANY(%(ids)s::bigint[])
  AND m.bucket = o.bucket AND m.store_id = o.store_id AND m.id = o.message_id
  AND m.reason = 'talking'
RETURNING o.gateway_id
"""


async def end(tx: Tx, store: Store, names: Iterable[int]) -> None:
    """Nobody talks any more with the person of these names, whose row is locked."""
    by_bucket: dict[int, list[int]] = defaultdict(list)
    for one in sorted(names):
        by_bucket[bucket_of_id(one)].append(one)
    gateways: set[int] = set()
    for bucket, ids in sorted(by_bucket.items()):
        given = {"bucket": bucket, "store_id": store.id, "ids": db.numbers(ids)}
        await tx.execute(END, given)
        rows = await (await tx.execute(RELEASE, given)).fetchall()
        gateways |= {row["gateway_id"] for row in rows}
    for gateway_id in sorted(gateways):
        await db.notify(tx, "outbox", str(gateway_id))
