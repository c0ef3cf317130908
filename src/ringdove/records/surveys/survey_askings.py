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
FROM message m
JOIN outbox o
  ON o.bucket = m.bucket AND o.store_id = m.store_id AND o.message_id = m.id
JOIN jsonb_to_recordset(%(words)s) AS w(variant smallint, language text, channel text)
  ON w.variant = m.variant AND w.language = m.language AND w.channel = m.channel
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id BETWEEN %(first)s AND %(last)s
  AND m.campaign_id = %(campaign_id)s AND m.state = 'waiting'
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
        {"variant": variant, "language": language, "channel": channel}
        for variant, language, channel in writer.words
        if writer.asks(variant, language, channel)
    ]
    if survey is None or not words:
        return
    given = {
        "bucket": bucket, "store_id": store.id, "campaign_id": campaign_id, "first": ends[0],
        "last": ends[1], "survey": survey.key, "words": db.document(words),
        "open_for": survey.open_for,
    }  # fmt: skip
    await tx.execute(OF_PAGE, given)
