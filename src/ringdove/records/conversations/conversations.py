"""Conversations as rows: loaded beside who writes, written with what their batch made of them.

Who changes one outside of a batch (a page, a program) locks the contact's row first, as a batch
does; `owner` and who is typing belong to pages alone.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.records.conversations import talking
from ringdove.rules import facts
from ringdove.rules.conversations import care
from ringdove.rules.effects import SaveConversation, SaveMerge
from ringdove.rules.scenes import Conversation, Scene, Store

LIVE: Final = "inbox"  # what open pages are told: something of the talks is new
TYPING_FOR: Final = timedelta(seconds=8)

CONVERSATIONS = """
SELECT c.contact_id, c.state, c.owner, c.snoozed_until, c.waiting_since, c.new_since, c.unread,
  c.last_at, c.last_by, c.last_said, c.intent, c.asking, c.machine_day, c.machine_said
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT c.* FROM conversation c
  WHERE c.bucket = k.bucket AND c.store_id = %(store_id)s AND c.contact_id = k.id OFFSET 0
) c
"""
PUT_CONVERSATIONS = """
INSERT INTO conversation AS c
  (bucket, store_id, contact_id, state, snoozed_until, waiting_since, new_since, unread, last_at,
  last_by, last_said, intent, asking, machine_day, machine_said)
SELECT r.bucket, %(store_id)s, r.contact_id, r.state, r.snoozed_until, r.waiting_since, r.new_since,
  r.unread, r.last_at, r.last_by, r.last_said, r.intent, r.asking, r.machine_day, r.machine_said
FROM jsonb_populate_recordset(NULL::conversation, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id, contact_id) DO UPDATE SET
  state = EXCLUDED.state, snoozed_until = EXCLUDED.snoozed_until,
  waiting_since = EXCLUDED.waiting_since, new_since = EXCLUDED.new_since,
  unread = EXCLUDED.unread, last_at = EXCLUDED.last_at,
  last_by = EXCLUDED.last_by, last_said = EXCLUDED.last_said, intent = EXCLUDED.intent,
  asking = EXCLUDED.asking, machine_day = EXCLUDED.machine_day,
  machine_said = EXCLUDED.machine_said
"""


async def load(tx: Tx, scene: Scene, batch: Iterable[facts.Fact]) -> None:
    """Of the people of a batch in which somebody writes: most batches are of other things."""
    if not scene.contacts or not any(isinstance(fact, facts.TextReceived) for fact in batch):
        return
    await add(tx, scene)


async def add(tx: Tx, scene: Scene) -> None:
    """Of all people of the scene; their rows are locked."""
    keys = [{"bucket": bucket_of_id(one), "id": one} for one in sorted(scene.contacts)]
    given = {"store_id": scene.store.id, "keys": db.document(keys)}
    for row in await (await tx.execute(CONVERSATIONS, given)).fetchall():
        scene.conversations[row["contact_id"]] = Conversation(**row)


async def write(tx: Tx, store: Store, saved: Iterable[SaveConversation]) -> None:
    """Each as it stands at the end of the batch."""
    last = {one.conversation.contact_id: one.conversation for one in saved}
    if not last:
        return
    rows = [
        {name: getattr(one, name) for name in one.__slots__}
        | {"bucket": bucket_of_id(one.contact_id), "asking": dict(one.asking)}
        for _, one in sorted(last.items())
    ]
    buckets = sorted({row["bucket"] for row in rows})
    given = {"buckets": buckets, "store_id": store.id, "rows": db.document(rows)}
    await tx.execute(PUT_CONVERSATIONS, given)
    await db.notify(tx, "live", f"{store.id} {LIVE}")


# ------------------------------------------------------------------ by people

# As a batch locks it; who was merged into another is spoken of as that one.
LOCK = """
SELECT c.id, c.merged_into, c.also FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = %(id)s AND c.erased_at IS NULL
FOR UPDATE
"""


async def change(
    tx: Tx, store: Store, contact_id: int, how: Callable[[Conversation], Conversation]
) -> Conversation | None:
    """A person does something with a conversation (rules/conversations/care.py says what it is
    then). None: there is no such person, or nothing was ever said."""
    given = {"bucket": bucket_of_id(contact_id), "store_id": store.id, "id": contact_id}
    row = await (await tx.execute(LOCK, given)).fetchone()
    if row is None:
        return None
    if row["merged_into"]:
        return await change(tx, store, row["merged_into"], how)
    known = await find(tx, store, contact_id)
    if known is None:
        return None
    fresh = how(known)
    if fresh != known:
        await write(tx, store, [SaveConversation(fresh)])
        if fresh.state == "closed":
            await talking.end(tx, store, (contact_id, *row["also"]))
    return fresh


def bucket_of_talk(contact_id: int) -> int:
    """Where all of a talk lies: with the person."""
    return bucket_of_id(contact_id)


async def find(tx: Tx, store: Store, contact_id: int) -> Conversation | None:
    """A person's conversation; None: nothing was ever said."""
    keys = [{"bucket": bucket_of_id(contact_id), "id": contact_id}]
    given = {"store_id": store.id, "keys": db.document(keys)}
    row = await (await tx.execute(CONVERSATIONS, given)).fetchone()
    return Conversation(**row) if row else None


# Pages alone write these, so that no batch has to wait for them.
TAKE = """
UPDATE conversation c SET owner = %(owner)s
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.contact_id = %(contact_id)s
"""
TYPE = """
UPDATE conversation c SET typing_by = %(by)s, typing_until = %(until)s
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.contact_id = %(contact_id)s
"""
TYPING = """
SELECT c.typing_by, c.typing_until FROM conversation c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.contact_id = %(contact_id)s
"""


async def take(tx: Tx, store: Store, contact_id: int, owner: int | None) -> bool:
    """Somebody of the store takes care of it; None: whoever comes first. False: there is none."""
    given = _where(store, contact_id) | {"owner": owner}
    is_there = (await tx.execute(TAKE, given)).rowcount > 0
    await db.notify(tx, "live", f"{store.id} {LIVE}")
    return is_there


async def type_answer(tx: Tx, store: Store, contact_id: int, by: str, now: datetime) -> None:
    """Somebody writes an answer right now: the others see it for TYPING_FOR, or until it is said
    again. An empty `by`: nobody does any more."""
    await tx.execute(TYPE, _where(store, contact_id) | {"by": by, "until": now + TYPING_FOR})
    await db.notify(tx, "live", f"{store.id} typing-{contact_id}")


async def typing(tx: Tx, store: Store, contact_id: int, now: datetime) -> str:
    """Who writes an answer right now; "": nobody."""
    row = await (await tx.execute(TYPING, _where(store, contact_id))).fetchone()
    is_fresh = row and row["typing_until"] and row["typing_until"] > now
    return str(row["typing_by"]) if row and is_fresh else ""


def _where(store: Store, contact_id: int) -> dict[str, Any]:
    return {"bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id}


# ------------------------------------------------------------------ two people who are one

# All their names but the first end in it: a list shows one person once.
FOLD_OUT = """
DELETE FROM conversation c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.contact_id = %(contact_id)s
RETURNING c.contact_id, c.state, c.owner, c.snoozed_until, c.waiting_since, c.new_since, c.unread,
  c.last_at, c.last_by, c.last_said, c.intent, c.asking, c.machine_day, c.machine_said
"""


async def fold(tx: Tx, store: Store, merged: Iterable[SaveMerge]) -> None:
    """The conversations of two who became one are one. Few and rare, so one by one."""
    for merge in (one.merge for one in merged if one.merge.parted_at is None):
        given = _where(store, merge.other_id)
        row = await (await tx.execute(FOLD_OUT, given)).fetchone()
        if row is None:
            continue
        other = Conversation(**row)
        known = await find(tx, store, merge.contact_id)
        fresh = care.folded(merge.contact_id, known, other)
        await write(tx, store, [SaveConversation(fresh)])
        if other.owner and not (known and known.owner):
            await take(tx, store, merge.contact_id, other.owner)
