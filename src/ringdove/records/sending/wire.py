"""What was said and heard of each message, octet by octet, where a gateway keeps it.

Written in the transaction of the answers, in one statement a bucket. It shows a message's page what
happened; nothing is decided by it, and after its time (rules/keeping/retention.py) it is deleted.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ringdove.kit import db
from ringdove.kit.buckets import Ids, bucket_of_id, id_floor
from ringdove.kit.db import Tx
from ringdove.rules.keeping import retention
from ringdove.rules.scenes import Store

SHOWN_MOST = 600  # 255 parts, their answers, and some receipts
DELETED_MOST = 5_000


class Packet(NamedTuple):
    """What went over the wire of a message: `direction` out or in; `what` is a command or a
    request line."""

    message_id: int
    at: datetime
    direction: str
    what: str
    octets: bytes


KEEP = """
INSERT INTO wire (bucket, store_id, message_id, id, gateway_id, at, direction, what, octets)
SELECT %(bucket)s, %(store_id)s, r.message_id, r.id, %(gateway_id)s, r.at, r.direction, r.what,
  decode(r.octets, 'hex')
FROM unnest(%(messages)s::bigint[], %(ids)s::bigint[], %(ats)s::timestamptz[],
  %(directions)s::text[], %(whats)s::text[], %(octets)s::text[])
  AS r(message_id, id, at, direction, what, octets)
"""


async def keep(
    tx: Tx, store: Store, gateway_id: int, packets: Sequence[Packet], ids: Ids
) -> None:  # fmt: skip
    """Writes them, in the order in which they went."""
    by_bucket: dict[int, list[Packet]] = defaultdict(list)
    for packet in packets:
        by_bucket[bucket_of_id(packet.message_id)].append(packet)
    for bucket in sorted(by_bucket):
        some = by_bucket[bucket]
        given = {
            "bucket": bucket,
            "store_id": store.id,
            "gateway_id": gateway_id,
            "messages": db.numbers(one.message_id for one in some),
            "ids": db.numbers(ids.make_many(bucket, len(some))),
            "ats": db.moments(one.at for one in some),
            "directions": db.words([one.direction for one in some]),
            "whats": db.words([one.what for one in some]),
            "octets": db.words([one.octets.hex() for one in some]),
        }
        await tx.execute(KEEP, given)


OF_MESSAGE = """
SELECT w.at, w.direction, w.what, w.octets, w.gateway_id FROM wire w
WHERE w.bucket = %(bucket)s AND w.store_id = %(store_id)s AND w.message_id = %(message_id)s
ORDER BY w.id LIMIT %(most)s
"""


async def of_message(tx: Tx, store: Store, message_id: int) -> Sequence[Mapping[str, Any]]:
    """What is kept of one message, the oldest first."""
    given = {
        "bucket": bucket_of_id(message_id),
        "store_id": store.id,
        "message_id": message_id,
        "most": SHOWN_MOST,
    }
    return await (await tx.execute(OF_MESSAGE, given)).fetchall()


FORGET = """
DELETE FROM wire w
WHERE w.bucket = %(bucket)s AND w.store_id = %(store_id)s AND w.message_id = ANY(ARRAY(
  SELECT o.message_id FROM wire o
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.message_id < %(before)s
  ORDER BY o.message_id LIMIT %(most)s))
"""


async def forget(tx: Tx, store: Store, bucket: int, now: datetime) -> int:
    """Deletes some of what is past its time; how many rows. Called again while there are."""
    before = retention.before(store.policy, "packets", now)
    assert before is not None
    given = {
        "bucket": bucket,
        "store_id": store.id,
        "before": id_floor(before),
        "most": DELETED_MOST,
    }
    return (await tx.execute(FORGET, given)).rowcount
