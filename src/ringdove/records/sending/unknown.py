"""Messages of which nobody knows whether they were sent, and what a person decided about them.

Such a message is never repeated by itself (P5). A person may have it said again, or look at it and
leave it: then done_at is set, it leaves the list, and a receipt that comes later settles it still.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, buckets_of_store, id_floor
from ringdove.kit.db import Tx
from ringdove.records import counters
from ringdove.records.sending import messages
from ringdove.rules.scenes import Store

Row = Mapping[str, Any]

REACH = timedelta(days=30)
WAITED_MOST = timedelta(days=8)  # a text may wait so long before it is sent
SHOWN_MOST = 100
AT_ONCE_MOST = 1_000
NO_END = 2**63 - 1

LIST = """
SELECT m.id, m.contact_id, m.channel, m.class, m.recipient, m.subject, m.body, m.reason,
  m.sent_at, m.created_at, m.not_after, m.network, c.name AS customer, m.gateway_id,
  g.name AS gateway, g.kind AS gateway_kind
FROM message m
JOIN contact c ON c.bucket = m.bucket AND c.store_id = m.store_id AND c.id = m.contact_id
LEFT JOIN gateway g ON g.id = m.gateway_id AND g.store_id = m.store_id
WHERE m.bucket = ANY(%(buckets)s) AND c.bucket = ANY(%(buckets)s)
  AND m.store_id = %(store_id)s AND c.store_id = %(store_id)s
  AND m.id < %(before)s AND m.id >= %(since)s AND m.state = 'unknown' AND m.done_at IS NULL
ORDER BY m.id DESC LIMIT %(most)s
"""
COUNT = """
SELECT count(*) AS n FROM (
  SELECT FROM message m
  WHERE m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s AND m.id >= %(since)s
    AND m.state = 'unknown' AND m.done_at IS NULL
  LIMIT %(most)s) AS found
"""


async def listed(
    tx: Tx, store: Store, now: datetime, before: int = NO_END, most: int = SHOWN_MOST
) -> Sequence[Row]:
    """Those that nobody has looked at, the newest first."""
    since = await _since(tx, store, now)
    if since is None:
        return []
    given = _given(store, since) | {"before": before, "most": most}
    return await (await tx.execute(LIST, given)).fetchall()


async def count(tx: Tx, store: Store, now: datetime, most: int = AT_ONCE_MOST + 1) -> int:
    """How many there are, counted up to `most`."""
    since = await _since(tx, store, now)
    if since is None:
        return 0
    row = await (await tx.execute(COUNT, _given(store, since) | {"most": most})).fetchone()
    return int(row["n"]) if row else 0


# The state has no index, so rows are read by time: only as far back as the roll-ups know of one.
async def _since(tx: Tx, store: Store, now: datetime) -> datetime | None:
    rows = await counters.by_hour(tx, store, now - REACH, now + timedelta(hours=1))
    first = min((row["hour"] for row in rows if row["name"] == "unknown"), default=None)
    return None if first is None else first - WAITED_MOST


def _given(store: Store, since: datetime) -> dict[str, Any]:
    return {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
        "since": id_floor(since),
    }


# Locked, so that of two people at the same button one has the text said again.
CHOSEN = """
SELECT m.id, m.class, m.not_after FROM message m
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = ANY(%(ids)s::bigint[])
  AND m.state = 'unknown'
FOR NO KEY UPDATE
"""


async def say_again(
    tx: Tx, store: Store, ids: Iterable[int], now: datetime, *, also_marketing: bool
) -> tuple[int, int, int]:
    """Has them said again, though they may have arrived: how many are; how many are not since they
    are marketing, or since their time is over."""
    again = marketing = late = 0
    groups = _by_bucket(store, ids)
    for bucket in sorted(groups):
        given = {"bucket": bucket, "store_id": store.id, "ids": db.numbers(groups[bucket])}
        going = []
        for row in await (await tx.execute(CHOSEN, given)).fetchall():
            if row["not_after"] <= now:
                late += 1
            elif row["class"] == "marketing" and not also_marketing:
                marketing += 1
            else:
                going.append(row["id"])
        again += await messages.say_again(tx, store, bucket, going, now)
    if again:
        await db.notify(tx, "outbox")
        await db.notify(tx, "live", f"{store.id} messages")
    return again, marketing, late


LEAVE = """
UPDATE message m SET done_at = %(now)s
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = ANY(%(ids)s::bigint[])
  AND m.state = 'unknown' AND m.done_at IS NULL
"""


async def leave(tx: Tx, store: Store, ids: Iterable[int], now: datetime) -> int:
    """They are as they are: off the list; how many."""
    left = 0
    groups = _by_bucket(store, ids)
    for bucket in sorted(groups):
        given = {
            "bucket": bucket, "store_id": store.id, "ids": db.numbers(groups[bucket]), "now": now,
        }  # fmt: skip
        left += (await tx.execute(LEAVE, given)).rowcount
    if left:
        await db.notify(tx, "live", f"{store.id} messages")
    return left


def _by_bucket(store: Store, ids: Iterable[int]) -> dict[int, list[int]]:
    own = set(buckets_of_store(store.bucket_base, store.bucket_span))
    groups: dict[int, list[int]] = defaultdict(list)
    for message_id in ids:
        if (bucket := bucket_of_id(message_id)) in own:
            groups[bucket].append(message_id)
    return groups
