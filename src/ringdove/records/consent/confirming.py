"""Questions by text as rows: loaded beside the people of a batch, written with its effects; and who
has been silent for long, found set by set. rules/consent/confirming.py decides what is asked."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.rules.effects import SaveQuestion
from ringdove.rules.scenes import Question, Scene, Store

Tx = AsyncConnection[Any]

BATCH = 500
SAMPLE = 200  # of people whose text is priced to rehearse
ABOUT_QUESTIONS = (
    facts.SignedUp, facts.TextReceived, facts.Confirmed, facts.LongSilent, facts.LeftUnanswered,
)  # fmt: skip

QUESTIONS = """
SELECT q.contact_id, q.kind, q.state, q.asked, q.asked_at, q.until, q.message_id, q.about, q.words
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT q.* FROM consent_question q
  WHERE q.bucket = k.bucket AND q.store_id = %(store_id)s AND q.contact_id = k.id OFFSET 0
) q
"""
PUT_QUESTIONS = """
INSERT INTO consent_question AS q
  (bucket, store_id, contact_id, kind, state, asked, asked_at, until, message_id, about, words)
SELECT r.bucket, %(store_id)s, r.contact_id, r.kind, r.state, r.asked, r.asked_at, r.until,
  r.message_id, r.about, r.words
FROM jsonb_populate_recordset(NULL::consent_question, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id, contact_id, kind) DO UPDATE SET
  state = EXCLUDED.state, asked = EXCLUDED.asked, asked_at = EXCLUDED.asked_at,
  until = EXCLUDED.until, message_id = EXCLUDED.message_id, about = EXCLUDED.about,
  words = EXCLUDED.words
"""


async def load(tx: Tx, scene: Scene, batch: Iterable[facts.Fact]) -> None:
    """What the people of a batch were asked, when it is about such things: most batches are not."""
    if not scene.contacts or not any(isinstance(fact, ABOUT_QUESTIONS) for fact in batch):
        return
    keys = [{"bucket": bucket_of_id(one), "id": one} for one in sorted(scene.contacts)]
    given = {"store_id": scene.store.id, "keys": db.document(keys)}
    for row in await (await tx.execute(QUESTIONS, given)).fetchall():
        scene.questions[row["contact_id"], row["kind"]] = Question(**row)


QUESTION = """
SELECT q.contact_id, q.kind, q.state, q.asked, q.asked_at, q.until, q.message_id, q.about, q.words
FROM consent_question q
WHERE q.bucket = %(bucket)s AND q.store_id = %(store_id)s AND q.contact_id = %(contact_id)s
  AND q.kind = %(kind)s
"""


async def question(tx: Tx, store: Store, contact_id: int, kind: str) -> Question | None:
    """What one person was asked last."""
    given = {
        "bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id,
        "kind": kind,
    }  # fmt: skip
    row = await (await tx.execute(QUESTION, given)).fetchone()
    return Question(**row) if row else None


async def write(tx: Tx, store: Store, asked: Iterable[SaveQuestion]) -> None:
    """The questions that a batch asked or answered, each as it stands at its end."""
    last = {(one.question.contact_id, one.question.kind): one.question for one in asked}
    if not last:
        return
    rows = [
        {name: getattr(one, name) for name in one.__slots__}
        | {"bucket": bucket_of_id(one.contact_id), "about": dict(one.about)}
        for _, one in sorted(last.items())
    ]
    buckets = sorted({row["bucket"] for row in rows})
    given = {"buckets": buckets, "store_id": store.id, "rows": db.document(rows)}
    await tx.execute(PUT_QUESTIONS, given)


# ------------------------------------------------------------------ who is silent for long

# As rules/consent/confirming.alive_at says it; texts from people of before there was a seen_at
# count too.
SILENT_PEOPLE = """c.marketing = 'in' AND c.service = 'in' AND c.phone IS NOT NULL
  AND c.merged_into IS NULL AND c.erased_at IS NULL
  AND coalesce(greatest(c.seen_at, c.marketing_at, c.last_order_at), c.created_at) < %(before)s
  AND NOT EXISTS (
    SELECT FROM inbound i
    WHERE i.bucket = c.bucket AND i.store_id = c.store_id AND i.contact_id = c.id
      AND i.at >= %(before)s)
  AND NOT EXISTS (
    SELECT FROM consent_question q
    WHERE q.bucket = c.bucket AND q.store_id = c.store_id AND q.contact_id = c.id
      AND q.kind = 'still' AND (q.asked_at >= %(before)s OR q.state = 'open'))"""
SILENT = f"""
SELECT c.id FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id > %(after)s
  AND {SILENT_PEOPLE}
ORDER BY c.id LIMIT %(most)s
"""
HOW_MANY = f"""
SELECT count(*) AS n FROM contact c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s AND {SILENT_PEOPLE}
"""
SOME = f"""
SELECT c.phone, c.language, c.country FROM contact c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s AND {SILENT_PEOPLE}
LIMIT %(most)s
"""


async def silent(tx: Tx, store: Store, bucket: int, before: datetime, after: int = 0) -> list[int]:
    """Some of those of whom nobody heard since then, in order of id."""
    given = {
        "bucket": bucket, "store_id": store.id, "before": before, "after": after, "most": BATCH,
    }  # fmt: skip
    return [row["id"] for row in await (await tx.execute(SILENT, given)).fetchall()]


async def how_many_silent(
    tx: Tx, store: Store, before: datetime
) -> tuple[int, Sequence[Mapping[str, Any]]]:
    """How many would be asked, and some of them to count parts and prices by."""
    given = {"buckets": stores.buckets(store), "store_id": store.id, "before": before}
    row = await (await tx.execute(HOW_MANY, given)).fetchone()
    some = await (await tx.execute(SOME, given | {"most": SAMPLE})).fetchall()
    return (row["n"] if row else 0), some


# Whose two weeks are over: the text was said that long ago, or never.
UNANSWERED = """
SELECT q.contact_id, coalesce(m.state IN ('sent', 'delivered'), false) AS reached
FROM consent_question q
LEFT JOIN message m ON m.bucket = q.bucket AND m.store_id = q.store_id AND m.id = q.message_id
WHERE q.bucket = %(bucket)s AND q.store_id = %(store_id)s
  AND q.state = 'open' AND q.kind = 'still' AND q.until < %(now)s
  AND (m.sent_at IS NULL OR m.sent_at < %(sent_before)s)
ORDER BY q.contact_id LIMIT %(most)s
"""


async def unanswered(
    tx: Tx, store: Store, bucket: int, now: datetime, sent_before: datetime
) -> list[tuple[int, bool]]:
    """Who did not answer, and whether the question reached an operator."""
    given = {
        "bucket": bucket, "store_id": store.id, "now": now, "sent_before": sent_before,
        "most": BATCH,
    }  # fmt: skip
    rows = await (await tx.execute(UNANSWERED, given)).fetchall()
    return [(row["contact_id"], row["reached"]) for row in rows]
