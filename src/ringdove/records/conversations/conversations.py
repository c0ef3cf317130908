"""Conversations as rows: loaded beside who writes, written with what their batch made of them.

Who changes one outside of a batch (a page, a program) locks the contact's row first, as a batch
does; `owner` and who is typing belong to pages alone.
"""

from collections.abc import Iterable

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.rules import facts
from ringdove.rules.effects import SaveConversation
from ringdove.rules.scenes import Conversation, Scene, Store

CONVERSATIONS = """
SELECT c.contact_id, c.state, c.owner, c.snoozed_until, c.waiting_since, c.unread, c.last_at,
  c.last_by, c.last_said, c.intent, c.asking, c.machine_day, c.machine_said
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT c.* FROM conversation c
  WHERE c.bucket = k.bucket AND c.store_id = %(store_id)s AND c.contact_id = k.id OFFSET 0
) c
"""
PUT_CONVERSATIONS = """
INSERT INTO conversation AS c
  (bucket, store_id, contact_id, state, snoozed_until, waiting_since, unread, last_at, last_by,
  last_said, intent, asking, machine_day, machine_said)
SELECT r.bucket, %(store_id)s, r.contact_id, r.state, r.snoozed_until, r.waiting_since, r.unread,
  r.last_at, r.last_by, r.last_said, r.intent, r.asking, r.machine_day, r.machine_said
FROM jsonb_populate_recordset(NULL::conversation, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id, contact_id) DO UPDATE SET
  state = EXCLUDED.state, snoozed_until = EXCLUDED.snoozed_until,
  waiting_since = EXCLUDED.waiting_since, unread = EXCLUDED.unread, last_at = EXCLUDED.last_at,
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
    await db.notify(tx, "live", str(store.id))
