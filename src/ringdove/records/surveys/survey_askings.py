"""Askings that are made by the page: those of a campaign's texts."""

from ringdove.kit import db
from ringdove.kit.db import Tx
from ringdove.rules.campaigns.campaign_texts import Writer
from ringdove.rules.scenes import Store

# Each has its text's id. Made anew with the texts of a campaign that was changed; what was answered
# meanwhile stays as it is.
OF_PAGE = """
INSERT INTO survey_answer AS a
  (bucket, store_id, id, contact_id, survey, asked_at, until, message_id, language)
SELECT %(bucket)s, %(store_id)s, m.id, m.contact_id, %(survey)s, o.due_at,
  o.due_at + %(open_for)s::interval, m.id, m.language
FROM (
  SELECT m.id, m.contact_id, m.language FROM message m
  WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s
    AND m.id BETWEEN %(first)s AND %(last)s AND m.campaign_id = %(campaign_id)s
    AND m.state = 'waiting'
    AND m.variant || '/' || m.language || '/' || m.channel = ANY(%(words)s::text[]) OFFSET 0
) m
CROSS JOIN LATERAL (
  SELECT o.due_at FROM outbox o
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.message_id = m.id OFFSET 0
) o
ON CONFLICT (bucket, store_id, id) DO UPDATE SET survey = EXCLUDED.survey,
  asked_at = EXCLUDED.asked_at, until = EXCLUDED.until
WHERE a.answered_at IS NULL
"""


async def of_page(
    tx: Tx, store: Store, campaign_id: int, bucket: int, ends: tuple[int, int], writer: Writer
) -> None:
    """Of the texts of a campaign between two ids, both included, that wait and ask its survey."""
    survey = writer.survey
    words = [
        f"{variant}/{language}/{channel}"
        for variant, language, channel in writer.words
        if writer.asks(variant, language, channel)
    ]
    if survey is None or not words:
        return
    given = {
        "bucket": bucket, "store_id": store.id, "campaign_id": campaign_id, "first": ends[0],
        "last": ends[1], "survey": survey.key, "words": db.words(words),
        "open_for": survey.open_for,
    }  # fmt: skip
    await tx.execute(OF_PAGE, given)
