"""Askings and answers of surveys as rows: the open ones are loaded beside who writes."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.records.surveys import surveys
from ringdove.rules import facts
from ringdove.rules.effects import SaveAnswer
from ringdove.rules.scenes import Scene, Store, SurveyAnswer

LATELY: Final = timedelta(days=2)  # longer than an answer can be changed
COLUMNS = ", ".join(SurveyAnswer.__slots__)


def _written(name: str) -> str:
    return f"coalesce(nullif(r.{name}, ''), p.{name}, '')" if name in BROUGHT else f"r.{name}"


BROUGHT = ("carrier", "pickup_point")
# Those that a text now can answer, or say more of: answered ones too, for a second thought. What
# was rewarded is rewarded once, however long ago (R81); what a fact names may be long over.
OPEN = f"""
SELECT {", ".join(f"a.{name}" for name in SurveyAnswer.__slots__)}
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT a.* FROM survey_answer a
  WHERE a.bucket = k.bucket AND a.store_id = %(store_id)s AND a.contact_id = k.id
    AND (a.until > %(since)s OR a.answered_at > %(lately)s OR a.rewarded_at IS NOT NULL
      OR a.id = ANY(ARRAY(SELECT v::bigint FROM jsonb_array_elements_text(%(named)s) v)))
  OFFSET 0
) a
"""
# Who brought an order, and where to, is known by the time that somebody is asked.
# What was let through to be shown is looked at anew when its customer says something else.
PUT_ANSWERS = f"""
INSERT INTO survey_answer AS a (bucket, store_id, {COLUMNS})
SELECT r.bucket, %(store_id)s, {", ".join(_written(name) for name in SurveyAnswer.__slots__)}
FROM jsonb_populate_recordset(NULL::survey_answer, %(rows)s) r
LEFT JOIN LATERAL (
  SELECT p.carrier, p.pickup_point FROM parcel p
  WHERE p.bucket = r.bucket AND p.store_id = %(store_id)s AND p.contact_id = r.contact_id
    AND p.order_id = r.order_id AND r.answered_at IS NULL
  ORDER BY p.state_at DESC LIMIT 1
) p ON true
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id, id) DO UPDATE SET
  until = EXCLUDED.until, re_asked_at = EXCLUDED.re_asked_at, answered_at = EXCLUDED.answered_at,
  way = EXCLUDED.way, score = EXCLUDED.score, reason = EXCLUDED.reason,
  comment = EXCLUDED.comment, answers = EXCLUDED.answers, rewarded_at = EXCLUDED.rewarded_at,
  may_publish = EXCLUDED.may_publish, shown_as = EXCLUDED.shown_as, sku = EXCLUDED.sku,
  published = CASE WHEN EXCLUDED.may_publish
    AND (a.score, a.comment, a.shown_as)
      IS NOT DISTINCT FROM (EXCLUDED.score, EXCLUDED.comment, EXCLUDED.shown_as)
    THEN a.published ELSE '' END,
  carrier = EXCLUDED.carrier, pickup_point = EXCLUDED.pickup_point,
  message_id = EXCLUDED.message_id
"""


async def load(tx: Tx, scene: Scene, batch: Iterable[facts.Fact]) -> None:
    """What the people of a batch were asked, if any of them writes or answers."""
    at, named = [], []
    for fact in batch:
        if isinstance(fact, facts.TextReceived | facts.SurveyAnswered):
            at.append(fact.at)
        if isinstance(fact, facts.SurveyAnswered):
            named.append(fact.answer)
    if scene.contacts and at:
        await add(tx, scene, min(at), named)


async def add(tx: Tx, scene: Scene, since: datetime, named: Iterable[int] = ()) -> None:
    """What any of the scene's people could still answer at that time, and those that are named."""
    keys = [{"bucket": bucket_of_id(one), "id": one} for one in sorted(scene.contacts)]
    given = {
        "store_id": scene.store.id, "keys": db.document(keys), "since": since,
        "lately": since - LATELY, "named": db.document(list(named)),
    }  # fmt: skip
    for row in await (await tx.execute(OPEN, given)).fetchall():
        scene.keep_asking(SurveyAnswer(**row))
    if scene.surveys_open:  # what they ask is needed to read an answer
        scene.surveys = await surveys.load(tx, scene.store.id)


ONE = f"""
SELECT {", ".join(f"a.{name}" for name in SurveyAnswer.__slots__)} FROM survey_answer a
WHERE a.bucket = %(bucket)s AND a.store_id = %(store_id)s AND a.id = %(id)s
"""
ORDER_NUMBER = """
SELECT o.number FROM purchase_order o
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.id = %(id)s
"""


async def find(tx: Tx, store: Store, answer_id: int) -> SurveyAnswer | None:
    """One asking of this store, or None."""
    given = {"bucket": bucket_of_id(answer_id), "store_id": store.id, "id": answer_id}
    row = await (await tx.execute(ONE, given)).fetchone()
    return SurveyAnswer(**row) if row else None


async def order_number(tx: Tx, store: Store, order_id: int) -> str:
    """What people call the order that an asking is about; "": it is there no more."""
    given = {"bucket": bucket_of_id(order_id), "store_id": store.id, "id": order_id}
    row = await (await tx.execute(ORDER_NUMBER, given)).fetchone()
    return str(row["number"]) if row else ""


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
