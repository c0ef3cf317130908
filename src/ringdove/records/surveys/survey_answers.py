"""Askings and answers of surveys as rows: the open ones are loaded beside who writes."""

from collections.abc import Iterable
from datetime import datetime

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.rules import facts
from ringdove.rules.effects import SaveAnswer
from ringdove.rules.scenes import Scene, Store, SurveyAnswer

COLUMNS = ", ".join(SurveyAnswer.__slots__)
# Those that a text now can answer, or say more of: answered ones too, for a second thought.
OPEN = f"""
SELECT {", ".join(f"a.{name}" for name in SurveyAnswer.__slots__)}
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT a.* FROM survey_answer a
  WHERE a.bucket = k.bucket AND a.store_id = %(store_id)s AND a.contact_id = k.id
    AND a.until > %(since)s OFFSET 0
) a
"""
PUT_ANSWERS = f"""
INSERT INTO survey_answer AS a (bucket, store_id, {COLUMNS})
SELECT r.bucket, %(store_id)s, {", ".join(f"r.{name}" for name in SurveyAnswer.__slots__)}
FROM jsonb_populate_recordset(NULL::survey_answer, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id, id) DO UPDATE SET
  until = EXCLUDED.until, re_asked_at = EXCLUDED.re_asked_at, answered_at = EXCLUDED.answered_at,
  way = EXCLUDED.way, score = EXCLUDED.score, reason = EXCLUDED.reason,
  comment = EXCLUDED.comment, answers = EXCLUDED.answers, rewarded_at = EXCLUDED.rewarded_at,
  may_publish = EXCLUDED.may_publish, shown_as = EXCLUDED.shown_as, sku = EXCLUDED.sku,
  carrier = EXCLUDED.carrier, pickup_point = EXCLUDED.pickup_point,
  message_id = EXCLUDED.message_id
"""


async def load(tx: Tx, scene: Scene, batch: Iterable[facts.Fact]) -> None:
    """What the people of a batch were asked, if any of them writes."""
    texts = [fact.at for fact in batch if isinstance(fact, facts.TextReceived)]
    if scene.contacts and texts:
        await add(tx, scene, min(texts))


async def add(tx: Tx, scene: Scene, since: datetime) -> None:
    """What any of the scene's people could still answer at that time."""
    keys = [{"bucket": bucket_of_id(one), "id": one} for one in sorted(scene.contacts)]
    given = {"store_id": scene.store.id, "keys": db.document(keys), "since": since}
    for row in await (await tx.execute(OPEN, given)).fetchall():
        scene.surveys_open[row["id"]] = SurveyAnswer(**row)


async def write(tx: Tx, store: Store, saved: Iterable[SaveAnswer]) -> None:
    """Each as it stands at the end of the batch."""
    last = {one.answer.id: one.answer for one in saved}
    if not last:
        return
    rows = [
        {name: getattr(one, name) for name in one.__slots__}
        | {"bucket": bucket_of_id(one.id), "answers": dict(one.answers)}
        for _, one in sorted(last.items())
    ]
    buckets = sorted({row["bucket"] for row in rows})
    given = {"buckets": buckets, "store_id": store.id, "rows": db.document(rows)}
    await tx.execute(PUT_ANSWERS, given)
