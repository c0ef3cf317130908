"""Opinions as rows: how many there are, what the shop decides of one, and what the world sees.

What is public is counted at most every few seconds, however many look; a decision is seen by then.
"""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from time import monotonic
from typing import Any, Final, Literal
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, buckets_of_store
from ringdove.kit.db import Pool, Tx
from ringdove.records.surveys import answers_found
from ringdove.records.surveys.answers_found import Wanted
from ringdove.rules.scenes import Store
from ringdove.rules.surveys.opinions import Opinion, Shown
from ringdove.rules.surveys.scores import Scores
from ringdove.rules.surveys.surveys import Survey

PUBLIC_MAX: Final = 100  # opinions at once
KEPT_S, KEPT_TIMES = 20.0, 50
KEPT_MAX = 1_000  # survey and product pairs in memory

Decision = Literal["", "shown", "hidden"]

COUNTS = """
SELECT a.survey, a.published, count(*) AS n FROM survey_answer a
WHERE a.bucket = ANY(%(buckets)s) AND a.store_id = %(store_id)s AND a.may_publish
  AND a.answered_at IS NOT NULL
GROUP BY 1, 2
"""
# As a batch does it: the person first, then what is theirs.
LOCK = """
SELECT c.id FROM contact c JOIN survey_answer a
  ON a.bucket = c.bucket AND a.store_id = c.store_id AND a.contact_id = c.id
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND a.id = %(id)s
FOR UPDATE OF c
"""
ONE = """
SELECT a.* FROM survey_answer a
WHERE a.bucket = %(bucket)s AND a.store_id = %(store_id)s AND a.id = %(id)s
  AND a.answered_at IS NOT NULL
"""
DECIDE = """
UPDATE survey_answer SET published = %(published)s, published_at = %(now)s, published_by = %(by)s,
  shown_as = %(shown_as)s, shop_reply = %(reply)s
WHERE bucket = %(bucket)s AND store_id = %(store_id)s AND id = %(id)s AND may_publish
"""
# Everybody who answered counts for the rating, whether they let their words be shown or not.
RATING = """
SELECT a.score, count(*) AS n FROM survey_answer a
WHERE a.bucket = ANY(%(buckets)s) AND a.store_id = %(store_id)s AND a.survey = %(survey)s
  AND a.answered_at IS NOT NULL AND a.score IS NOT NULL
GROUP BY 1
"""
RATING_OF_GOODS = """
SELECT a.score, count(*) AS n FROM survey_answer a
WHERE a.bucket = ANY(%(buckets)s) AND a.store_id = %(store_id)s AND a.survey = %(survey)s
  AND a.sku = %(sku)s AND a.sku <> '' AND a.answered_at IS NOT NULL AND a.score IS NOT NULL
GROUP BY 1
"""
AGREED = """
SELECT count(*) AS agreed, count(*) FILTER (WHERE a.published = 'shown') AS shown,
  count(*) FILTER (WHERE a.published <> 'shown' AND a.score <= %(low_until)s) AS low_left_out
FROM survey_answer a
WHERE a.bucket = ANY(%(buckets)s) AND a.store_id = %(store_id)s AND a.survey = %(survey)s
  AND a.may_publish AND a.answered_at IS NOT NULL
"""
AGREED_OF_GOODS = AGREED + " AND a.sku = %(sku)s AND a.sku <> ''"


async def counts(tx: Tx, store: Store) -> dict[tuple[str, str], int]:
    """How many there are by survey and by what was decided ("": nothing yet)."""
    rows = await (await tx.execute(COUNTS, _of(store))).fetchall()
    return {(row["survey"], row["published"]): row["n"] for row in rows}


async def one(tx: Tx, store: Store, answer_id: int) -> Mapping[str, Any] | None:
    """An answer with its person locked, or None."""
    given = {"bucket": bucket_of_id(answer_id), "store_id": store.id, "id": answer_id}
    if not await (await tx.execute(LOCK, given)).fetchone():
        return None
    return await (await tx.execute(ONE, given)).fetchone()


async def decide(
    tx: Tx, store: Store, answer_id: int, published: Decision, shown_as: str, reply: str,
    by: str, now: datetime,
) -> bool:  # fmt: skip
    """From now on it is so. False: there is none, or its customer does not agree to it."""
    given = {
        "bucket": bucket_of_id(answer_id), "store_id": store.id, "id": answer_id, "now": now,
        "published": published, "shown_as": shown_as, "reply": reply, "by": by,
    }  # fmt: skip
    return (await tx.execute(DECIDE, given)).rowcount > 0


# ------------------------------------------------------------------ what the world sees

_kept: WeakKeyDictionary[Pool, OrderedDict[str, tuple[float, Shown]]] = WeakKeyDictionary()


async def public(pool: Pool, store: Store, survey: Survey, sku: str) -> Shown:
    """The newest opinions that are shown, of a product or of all, with their honest counts."""
    key = repr((store.id, survey, sku))
    kept = _kept.setdefault(pool, OrderedDict())
    if key in kept and monotonic() < kept[key][0]:
        kept.move_to_end(key)
        return kept[key][1]
    began = monotonic()
    async with db.transaction(pool) as tx:
        found = await of_survey(tx, store, survey, sku)
    until = monotonic() + max(KEPT_S, (monotonic() - began) * KEPT_TIMES)
    kept[key] = (until, found)
    while len(kept) > KEPT_MAX:
        kept.popitem(last=False)
    return found


async def of_survey(tx: Tx, store: Store, survey: Survey, sku: str) -> Shown:
    """The same as it is now."""
    given = _of(store) | {"survey": survey.key, "sku": sku, "low_until": survey.low_until}
    rating = Scores(survey)
    for row in await (await tx.execute(RATING_OF_GOODS if sku else RATING, given)).fetchall():
        rating.add(row["score"], True, row["n"])
    agreed = await (await tx.execute(AGREED_OF_GOODS if sku else AGREED, given)).fetchone()
    assert agreed is not None
    wanted = Wanted(surveys=(survey.key,), sku=sku, opinions="shown")
    rows, _ = await answers_found.find(tx, store, wanted, most=PUBLIC_MAX)
    zone = ZoneInfo(store.time_zone)
    opinions = [
        Opinion(
            row["answered_at"].astimezone(zone).date(), row["score"], row["comment"],
            row["shown_as"], row["language"], row["shop_reply"], row["sku"],
        )
        for row in rows
    ]  # fmt: skip
    return Shown(
        survey, rating, agreed["agreed"], agreed["shown"], agreed["low_left_out"], opinions
    )


def _of(store: Store) -> dict[str, Any]:
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    return {"buckets": buckets, "store_id": store.id}
