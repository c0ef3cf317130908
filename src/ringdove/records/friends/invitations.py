"""Invitations as rows: a number by its keyed hash, once for ever, in the bucket of that hash.

The key of the table is what makes a hundred inviters at once one text: who comes second finds the
row. Nothing in it leads to a number; it outlives the person, as refusals do.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, bucket_of_id, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records.consent.suppression import Keyed, hash_of
from ringdove.rules import answers, facts
from ringdove.rules.effects import SaveInvitation
from ringdove.rules.friends.inviting import Invited
from ringdove.rules.scenes import Invitation, Scene, Store

Row = Mapping[str, Any]
Way = Literal["text", "link"]

DAY: Final = timedelta(days=1)
MONTH: Final = timedelta(days=30)
FORGET_AFTER: Final = timedelta(days=3)  # receipts of their text have come by then
ROWS: Final = 50
HEARD: Final = (
    facts.PaymentReceived, facts.OrderCancelled, facts.OrderRemoved, facts.OrderChanged,
    facts.ReturnAccepted, facts.RefundSent,
)  # fmt: skip


def place_of(store: Store, digest: str) -> int:
    """The bucket of a number's row."""
    return bucket_of(store.bucket_base, store.bucket_span, f"friend/{digest}")


# ------------------------------------------------------------------ inviting

# A day of all, by their time; a month of one inviter, by who that is.
COUNTS = """
SELECT d.by_inviter_day, d.by_address_day, d.by_store_day, m.by_inviter_month
FROM (
  SELECT count(*) FILTER (WHERE i.inviter_id = ANY(%(people)s::bigint[])) AS by_inviter_day,
    count(*) FILTER (WHERE i.ip_hash <> '' AND i.ip_hash = %(ip_hash)s) AS by_address_day,
    count(*) AS by_store_day
  FROM friend_invitation i
  WHERE i.bucket = ANY(%(buckets)s) AND i.store_id = %(store_id)s AND i.at > %(day)s
) d
CROSS JOIN (
  SELECT count(*) AS by_inviter_month FROM friend_invitation i
  WHERE i.bucket = ANY(%(buckets)s) AND i.store_id = %(store_id)s
    AND i.inviter_id = ANY(%(people)s::bigint[]) AND i.at > %(month)s
) m
"""
CLAIM = """
INSERT INTO friend_invitation (bucket, store_id, hash, id, inviter_id, way, at, ip_hash, friend_id)
SELECT %(bucket)s, %(store_id)s, %(hash)s, %(id)s, %(inviter_id)s, %(way)s, %(at)s, %(ip_hash)s,
  %(friend_id)s
ON CONFLICT (bucket, store_id, hash) DO NOTHING
"""


async def invited(
    tx: Tx, store: Store, people: Collection[int], ip_hash: str, now: datetime
) -> Invited:
    """How many numbers were invited in the last day and month, by this person (under all of their
    names), from this address and in all."""
    given = _all(store) | {
        "people": db.numbers(people), "ip_hash": ip_hash, "day": now - DAY, "month": now - MONTH,
    }  # fmt: skip
    row = await (await tx.execute(COUNTS, given)).fetchone()
    assert row is not None
    return Invited(**row)


async def claim(
    tx: Tx, store: Store, one: Invitation, way: Way, ip_hash: str, friend_id: int | None
) -> bool:
    """The number is invited by this; False: it was before, perhaps a moment ago."""
    given = {
        "bucket": place_of(store, one.hash), "store_id": store.id, "hash": one.hash, "id": one.id,
        "inviter_id": one.inviter_id, "way": way, "at": one.at, "ip_hash": ip_hash,
        "friend_id": friend_id,
    }  # fmt: skip
    return (await tx.execute(CLAIM, given)).rowcount == 1


# ------------------------------------------------------------------ who pays, in a scene

BY_HASH = """
SELECT i.id, i.hash, i.inviter_id, i.at, i.bought_at, i.order_id
FROM unnest(%(places)s::integer[], %(hashes)s::text[]) AS k(bucket, hash)
CROSS JOIN LATERAL (
  SELECT i.* FROM friend_invitation i
  WHERE i.bucket = k.bucket AND i.store_id = %(store_id)s AND i.hash = k.hash OFFSET 0
) i
"""
BOUGHT = """
UPDATE friend_invitation i SET bought_at = r.bought_at, order_id = r.order_id
FROM jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, hash text, bought_at timestamptz, order_id bigint)
WHERE i.bucket = r.bucket AND i.bucket = ANY(%(buckets)s) AND i.store_id = %(store_id)s
  AND i.hash = r.hash
"""


async def load(tx: Tx, scene: Scene, batch: Sequence[facts.Fact], keyed: Keyed) -> None:
    """The invitations of those whose orders a batch pays for or takes back; of a store where
    friends are told, one statement."""
    store = scene.store
    if not store.policy.friends.is_on or not any(isinstance(one, HEARD) for one in batch):
        return
    numbers: set[str] = set()
    for one in scene.contacts.values():
        numbers.update(filter(None, (one.phone, *one.agreed_phones)))
    for fact in batch:
        if isinstance(fact, facts.OrderPlaced):  # of somebody new, paid in the same breath
            about = answers.about(fact, store.country)
            numbers.update(value for kind, value in about if kind == "phone")
    by_hash = {hash_of(store, keyed, "phone", one): one for one in numbers}
    for invitation in await find(tx, store, by_hash):
        scene.friends[by_hash[invitation.hash]] = invitation


async def find(tx: Tx, store: Store, hashes: Collection[str]) -> list[Invitation]:
    """Those of these numbers that were invited."""
    some = sorted(hashes)
    if not some:
        return []
    given = {
        "store_id": store.id, "hashes": db.words(some),
        "places": db.numbers(place_of(store, one) for one in some),
    }  # fmt: skip
    rows = await (await tx.execute(BY_HASH, given)).fetchall()
    return [Invitation(**row) for row in rows]


async def write(tx: Tx, store: Store, saved: Iterable[SaveInvitation]) -> None:
    """Each as it stands at the end of the batch."""
    last = {one.invitation.hash: one.invitation for one in saved}
    rows: list[dict[str, Any]] = [
        {
            "bucket": place_of(store, digest), "hash": digest, "bought_at": one.bought_at,
            "order_id": one.order_id,
        }
        for digest, one in sorted(last.items())
    ]  # fmt: skip
    if rows:
        buckets = sorted({row["bucket"] for row in rows})
        given = {"buckets": buckets, "store_id": store.id, "rows": db.document(rows)}
        await tx.execute(BOUGHT, given)


# ------------------------------------------------------------------ the friend's page

OF_ID = """
SELECT i.id, i.hash, i.inviter_id, i.way, i.at, i.friend_id, i.refused_at, i.bought_at
FROM friend_invitation i
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s AND i.id = %(id)s
"""
REFUSED = """
UPDATE friend_invitation i SET refused_at = coalesce(i.refused_at, %(now)s)
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s AND i.id = %(id)s
"""


async def of_id(tx: Tx, store: Store, invitation_id: int) -> Row | None:
    """The invitation that a text of ours names."""
    given = {"bucket": bucket_of_id(invitation_id), "store_id": store.id, "id": invitation_id}
    row: Row | None = await (await tx.execute(OF_ID, given)).fetchone()
    return row


async def refused(tx: Tx, store: Store, invitation_id: int, now: datetime) -> None:
    """They want nothing more; the first time counts."""
    given = {"bucket": bucket_of_id(invitation_id), "store_id": store.id, "id": invitation_id}
    await tx.execute(REFUSED, given | {"now": now})


# ------------------------------------------------------------------ figures

FIGURES = """
SELECT count(*) FILTER (WHERE i.way = 'text') AS written,
  count(*) FILTER (WHERE i.way = 'link') AS came, count(i.bought_at) AS bought,
  count(i.refused_at) AS refused, count(DISTINCT i.inviter_id) AS inviters
FROM friend_invitation i
WHERE i.bucket = ANY(%(buckets)s) AND i.store_id = %(store_id)s AND i.at > %(since)s
"""
NEWEST = """
SELECT i.id, i.inviter_id, i.way, i.at, i.refused_at, i.bought_at, i.order_id
FROM unnest(%(buckets)s::integer[]) AS b(bucket)
CROSS JOIN LATERAL (
  SELECT i.* FROM friend_invitation i
  WHERE i.bucket = b.bucket AND i.store_id = %(store_id)s AND (i.at, i.id) < (%(at)s, %(id)s)
  ORDER BY i.at DESC LIMIT %(most)s OFFSET 0
) i
ORDER BY i.at DESC, i.id DESC LIMIT %(most)s
"""
OF_INVITER = """
SELECT i.id, i.inviter_id, i.way, i.at, i.refused_at, i.bought_at, i.order_id
FROM friend_invitation i
WHERE i.bucket = ANY(%(buckets)s) AND i.store_id = %(store_id)s
  AND i.inviter_id = ANY(%(people)s::bigint[])
ORDER BY i.at DESC, i.id DESC LIMIT %(most)s
"""


async def figures(tx: Tx, store: Store, since: datetime) -> Row:
    """{written, came, bought, refused, inviters} since then."""
    row = await (await tx.execute(FIGURES, _all(store) | {"since": since})).fetchone()
    assert row is not None
    return row


async def newest(
    tx: Tx, store: Store, before: tuple[datetime, int], most: int = ROWS
) -> Sequence[Row]:
    """The newest first; `before`: time and id of the last that was shown."""
    given = _all(store) | {"at": before[0], "id": before[1], "most": most}
    return await (await tx.execute(NEWEST, given)).fetchall()


async def of_inviter(
    tx: Tx, store: Store, people: Collection[int], most: int = ROWS
) -> Sequence[Row]:
    """What one customer has invited, under all of their names."""
    given = _all(store) | {"people": db.numbers(people), "most": most}
    return await (await tx.execute(OF_INVITER, given)).fetchall()


NAMES = """
SELECT c.id, c.name FROM unnest(%(places)s::integer[], %(ids)s::bigint[]) AS k(bucket, id)
CROSS JOIN LATERAL (
  SELECT c.* FROM contact c
  WHERE c.bucket = k.bucket AND c.store_id = %(store_id)s AND c.id = k.id OFFSET 0
) c
"""


async def names(tx: Tx, store: Store, people: Collection[int]) -> dict[int, str]:
    """What these customers are called; "": not known, or erased."""
    given = {
        "store_id": store.id, "ids": db.numbers(people),
        "places": db.numbers(bucket_of_id(one) for one in people),
    }  # fmt: skip
    rows = await (await tx.execute(NAMES, given)).fetchall()
    return {row["id"]: row["name"] for row in rows}


def _all(store: Store) -> dict[str, Any]:
    return {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
    }  # fmt: skip


# ------------------------------------------------------------------ forgetting

# Written to some days ago. Whom nobody else tells of in between is forgotten; who bought, wrote or
# subscribed stays, as a customer like others.
OVER = """
SELECT i.hash, i.friend_id FROM friend_invitation i
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s AND i.friend_id IS NOT NULL
  AND i.at <= %(before)s
ORDER BY i.at LIMIT %(most)s FOR UPDATE SKIP LOCKED
"""
STRANGERS = """
SELECT c.id FROM unnest(%(places)s::integer[], %(ids)s::bigint[]) AS k(bucket, id)
CROSS JOIN LATERAL (
  SELECT c.* FROM contact c
  WHERE c.bucket = k.bucket AND c.store_id = %(store_id)s AND c.id = k.id OFFSET 0
) c
WHERE c.origin = 'friend' AND c.orders = 0 AND c.email IS NULL AND c.erased_at IS NULL
  AND c.merged_into IS NULL AND c.also = '{}' AND c.marketing IN ('none', 'out')
  AND (c.seen_at IS NULL OR c.marketing = 'out')
"""
FORGOTTEN = """
UPDATE friend_invitation i SET friend_id = NULL
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s
  AND i.hash = ANY(ARRAY(SELECT v FROM jsonb_array_elements_text(%(hashes)s) v))
"""
ADDRESSES = """
UPDATE friend_invitation i SET ip_hash = ''
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s AND i.ip_hash <> ''
  AND i.at <= %(before)s AND i.at > %(after)s
"""


async def forget(tx: Tx, store: Store, bucket: int, now: datetime, most: int) -> list[int] | None:
    """Who is to be erased: strangers whom we wrote to, and who did nothing since. Their rows lead
    to nobody from now on. None: there is nothing to look at any more."""
    given = {"bucket": bucket, "store_id": store.id}
    week = {"before": now - DAY, "after": now - 7 * DAY}
    await tx.execute(ADDRESSES, given | week)
    over = given | {"before": now - FORGET_AFTER, "most": most}
    rows = await (await tx.execute(OVER, over)).fetchall()
    if not rows:
        return None
    await tx.execute(FORGOTTEN, given | {"hashes": db.document([row["hash"] for row in rows])})
    ids = [row["friend_id"] for row in rows]
    asked = {
        "store_id": store.id, "ids": db.numbers(ids),
        "places": db.numbers(bucket_of_id(one) for one in ids),
    }  # fmt: skip
    found = await (await tx.execute(STRANGERS, asked)).fetchall()
    return sorted(row["id"] for row in found)
