"""Figures of surveys, counted from their askings when somebody looks (R83, R89).

One statement reads the askings of a time once and sums them up by everything that a report tells
apart. A million of them take two seconds; what was counted is kept for twenty times as long as
that took, so that a page that many look at costs the database a twentieth of its time at most.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from time import monotonic
from typing import Any, Literal
from weakref import WeakKeyDictionary

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Pool, Tx
from ringdove.records.reports.reports import KEPT_S_MAX, KEPT_TIMES, ROOM, STATEMENT_S_MAX
from ringdove.rules.scenes import Store
from ringdove.rules.surveys.scores import Scores
from ringdove.rules.surveys.surveys import Survey

Period = Literal["week", "month"]
PARTS = ("reason", "sku", "carrier", "pickup_point", "language", "way")
KEPT_MAX = 200  # reports in memory

OF_SURVEYS = """
SELECT a.survey, a.score, a.answered_at IS NOT NULL AS is_answered, count(*) AS n
FROM survey_answer a
WHERE a.bucket = ANY(%(buckets)s) AND a.store_id = %(store_id)s
  AND a.survey = ANY(%(surveys)s::text[])
  AND a.asked_at >= %(since)s AND a.asked_at < %(until)s
GROUP BY 1, 2, 3
"""
# `part` says by bits which column a row is about: those of the others are set in it.
OF_SURVEY = """
SELECT grouping(a.period, a.reason, a.sku, a.carrier, a.pickup_point, a.language, a.way) AS part,
  a.period, a.reason, a.sku, a.carrier, a.pickup_point, a.language, a.way,
  a.score, a.is_answered, count(*) AS n
FROM (
  SELECT date_trunc(%(unit)s, a.asked_at AT TIME ZONE %(zone)s)::date AS period, a.reason, a.sku,
    a.carrier, a.pickup_point, a.language, a.way, a.score, a.answered_at IS NOT NULL AS is_answered
  FROM survey_answer a
  WHERE a.bucket = ANY(%(buckets)s) AND a.store_id = %(store_id)s AND a.survey = %(survey)s
    AND a.asked_at >= %(since)s AND a.asked_at < %(until)s
) a
GROUP BY a.score, a.is_answered, GROUPING SETS (
  (a.period), (a.reason), (a.sku), (a.carrier), (a.pickup_point), (a.language), (a.way))
"""


@dataclass(slots=True)
class SurveyReport:
    """Who was asked in a time, and what came of it: over the whole time, by its weeks or months,
    and by each of PARTS. Answers are counted with the day on which they were asked for."""

    survey: Survey
    since: datetime
    until: datetime
    unit: Period
    total: Scores
    periods: dict[date, Scores] = field(
        default_factory=dict
    )  # those without an asking are left out
    parts: dict[str, dict[str, Scores]] = field(default_factory=dict)  # "": not known


async def of_surveys(
    tx: Tx, store: Store, surveys: Mapping[str, Survey], since: datetime, until: datetime
) -> dict[str, Scores]:
    """Of each survey, from `since` to before `until`."""
    found = {key: Scores(survey) for key, survey in surveys.items()}
    given = _bounds(store, since, until) | {"surveys": db.words(sorted(found))}
    for row in await (await tx.execute(OF_SURVEYS, given)).fetchall():
        found[row["survey"]].add(row["score"], row["is_answered"], row["n"])
    return found


_kept: WeakKeyDictionary[Pool, dict[str, tuple[float, SurveyReport]]] = WeakKeyDictionary()


async def of_survey(
    pool: Pool, store: Store, survey: Survey, since: datetime, until: datetime, unit: Period
) -> SurveyReport:
    """All figures of one survey; kept for a while."""
    key = repr((store.id, survey, since.date(), until.date(), unit))
    kept = _kept.setdefault(pool, {})
    if key in kept and monotonic() < kept[key][0]:
        return kept[key][1]
    began = monotonic()
    async with db.transaction(pool) as tx:
        await tx.execute(ROOM, {"ms": str(STATEMENT_S_MAX * 1000)})
        found = await _count(tx, store, survey, since, until, unit)
    if len(kept) >= KEPT_MAX:
        kept.clear()
    kept[key] = (monotonic() + min(KEPT_S_MAX, (monotonic() - began) * KEPT_TIMES), found)
    return found


async def _count(
    tx: Tx, store: Store, survey: Survey, since: datetime, until: datetime, unit: Period
) -> SurveyReport:
    given = _bounds(store, since, until)
    given |= {"survey": survey.key, "unit": unit, "zone": store.time_zone}
    found = SurveyReport(survey, since, until, unit, Scores(survey))
    for row in await (await tx.execute(OF_SURVEY, given)).fetchall():
        part = _COLUMNS[row["part"]]
        told: list[Any] = [row["score"], row["is_answered"], row["n"]]
        if part == "period":
            found.periods.setdefault(row[part], Scores(survey)).add(*told)
            found.total.add(*told)
        else:
            found.parts.setdefault(part, {}).setdefault(row[part], Scores(survey)).add(*told)
    found.periods = dict(sorted(found.periods.items()))
    return found


_NAMES: Sequence[str] = ("period", *PARTS)
_ALL = (1 << len(_NAMES)) - 1
_COLUMNS = {_ALL - (1 << (len(_NAMES) - 1 - n)): name for n, name in enumerate(_NAMES)}


def _bounds(store: Store, since: datetime, until: datetime) -> dict[str, Any]:
    return {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
        "since": since, "until": until,
    }  # fmt: skip
