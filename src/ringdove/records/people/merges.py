"""Merges with what was before, keys that lead elsewhere, and what a scene needs for both.

Nothing moves at a merge: the rows of the other contact stay, and scenes.load reads both.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, bucket_of_id
from ringdove.kit.db import Tx
from ringdove.rules import effects, facts
from ringdove.rules.people.merging import UNDO_WITHIN
from ringdove.rules.scenes import Merge, Scene, Store

Row = Mapping[str, Any]
SHOWN_MOST = 20

# ------------------------------------------------------------------ for a scene

FIND = """
SELECT g.id, g.contact_id, g.other_id, g.at, g.by, g.before, g.parted_at FROM contact_merge g
WHERE g.bucket = %(bucket)s AND g.store_id = %(store_id)s AND g.id = %(id)s
"""
LAST_ORDER = """
SELECT max(o.placed_at) AS at FROM purchase_order o
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.contact_id = %(contact_id)s
"""
WAITING_TO = """
SELECT DISTINCT m.channel, m.recipient FROM outbox o
JOIN message m ON m.bucket = o.bucket AND m.store_id = o.store_id AND m.id = o.message_id
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.contact_id = %(contact_id)s
"""


async def load(tx: Tx, scene: Scene, batch: Sequence[facts.Fact]) -> set[tuple[str, str]]:
    """What facts of this batch part again; and the keys that must be known for it."""
    keys: set[tuple[str, str]] = set()
    for fact in batch:
        if isinstance(fact, facts.PeopleParted):
            merge = await find(tx, scene.store, fact.merge)
            if merge is None or merge.contact_id != fact.contact:
                continue
            scene.merges[merge.id] = merge
            given = {
                "bucket": bucket_of_id(fact.contact),
                "store_id": scene.store.id,
                "contact_id": fact.contact,
            }
            row = await (await tx.execute(LAST_ORDER, given)).fetchone()
            scene.last_orders[fact.contact] = row["at"] if row else None
            known = [merge.before[name] for name in ("main", "other", "after")]
            if person := scene.contacts.get(fact.contact):
                known.append({"phone": person.phone, "email": person.email})
                for contact_id in (person.id, *person.also):
                    keys |= await _waiting_to(tx, scene.store, contact_id)
            keys |= {(kind, one[kind]) for one in known for kind in ("phone", "email") if one[kind]}
    return keys


async def _waiting_to(tx: Tx, store: Store, contact_id: int) -> set[tuple[str, str]]:
    """The numbers and addresses that something waits for under this name, as keys: one of them may
    have come and gone between a merge and its undoing."""
    given = {"bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id}
    rows = await (await tx.execute(WAITING_TO, given)).fetchall()
    return {("email" if one["channel"] == "email" else "phone", one["recipient"]) for one in rows}


async def find(tx: Tx, store: Store, merge_id: int) -> Merge | None:
    """One merge of this store, or None."""
    given = {"bucket": bucket_of_id(merge_id), "store_id": store.id, "id": merge_id}
    row = await (await tx.execute(FIND, given)).fetchone()
    return Merge(**row) if row else None


OF_CONTACT = """
SELECT g.id, g.contact_id, g.other_id, g.at, g.by, g.before, g.parted_at FROM contact_merge g
WHERE g.bucket = %(bucket)s AND g.store_id = %(store_id)s AND g.contact_id = %(contact_id)s
ORDER BY g.id DESC LIMIT %(most)s
"""


async def of_contact(tx: Tx, store: Store, contact_id: int) -> list[Merge]:
    """Merges into this contact, the newest first."""
    given = {
        "bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id,
        "most": SHOWN_MOST,
    }  # fmt: skip
    rows = await (await tx.execute(OF_CONTACT, given)).fetchall()
    return [Merge(**row) for row in rows]


def can_be_undone(merge: Merge, now: datetime) -> bool:
    """Whether the two can still be parted."""
    return merge.parted_at is None and now - merge.at <= UNDO_WITHIN


# ------------------------------------------------------------------ as effects

PUT = """
INSERT INTO contact_merge AS g (bucket, store_id, id, contact_id, other_id, at, by, before,
  parted_at)
SELECT %(bucket)s, %(store_id)s, %(id)s, %(contact_id)s, %(other_id)s, %(at)s, %(by)s, %(before)s,
  %(parted_at)s
ON CONFLICT (bucket, store_id, id) DO UPDATE SET parted_at = EXCLUDED.parted_at
"""
MOVE_KEY = """
UPDATE contact_ref r SET contact_id = %(contact_id)s, row_id = %(row_id)s
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.kind = %(kind)s
  AND r.value = %(value)s
"""
RELEASE_KEY = """
DELETE FROM contact_ref r
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.kind = %(kind)s
  AND r.value = %(value)s
"""
CANCEL_ADDRESSED = """
WITH taken AS (
  DELETE FROM outbox o USING message m
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.contact_id = %(contact_id)s
    AND m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = o.message_id
    AND m.recipient = ANY(%(recipients)s::text[])
  RETURNING o.message_id
)
UPDATE message m SET state = 'dropped', reason = %(reason)s, done_at = %(at)s
FROM taken
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = taken.message_id
  AND m.state = 'waiting'
"""


async def write(
    tx: Tx, store: Store, saved: Iterable[effects.SaveMerge],
    cancelled: Iterable[effects.CancelAddressed],
) -> None:  # fmt: skip
    """Few and rare, so one by one."""
    for merge in {effect.merge.id: effect.merge for effect in saved}.values():
        row = {name: getattr(merge, name) for name in merge.__slots__}
        row |= {"bucket": bucket_of_id(merge.id), "store_id": store.id}
        await tx.execute(PUT, row | {"before": Jsonb(merge.before)})
    for wish in cancelled:
        given: dict[str, Any] = {
            "bucket": bucket_of_id(wish.contact_id),
            "store_id": store.id,
            "contact_id": wish.contact_id,
            "recipients": db.words(wish.recipients),
            "reason": wish.reason,
            "at": wish.at,
        }
        await tx.execute(CANCEL_ADDRESSED, given)


async def change_keys(tx: Tx, store: Store, changes: Iterable[Any]) -> None:
    """Keys that existed before lead to somebody else, or to nobody."""
    for change in changes:
        given = {
            "bucket": bucket_of(
                store.bucket_base, store.bucket_span, f"{change.kind}/{change.value}"
            ),
            "store_id": store.id,
            "kind": change.kind,
            "value": change.value,
        }
        if isinstance(change, effects.ReleaseKey):
            await tx.execute(RELEASE_KEY, given)
        else:
            more = {"contact_id": change.contact_id, "row_id": change.row_id}
            await tx.execute(MOVE_KEY, given | more)
