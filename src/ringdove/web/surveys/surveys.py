"""Surveys: all of a store with what they say, and one with its scores over time and by what they
are about (R80, R83, R88, R89)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records import clicks
from ringdove.records.surveys import survey_reports
from ringdove.records.surveys import surveys as survey_records
from ringdove.records.surveys.survey_reports import Period, SurveyReport
from ringdove.records.surveys.surveys import Kept
from ringdove.rules.surveys import surveys
from ringdove.rules.surveys.scores import FEW, Scores
from ringdove.rules.surveys.surveys import Survey
from ringdove.web.reports.reports import SPANS
from ringdove.web.store.places import LANGUAGE_NAMES
from ringdove.web.surveys import score_words as words
from ringdove.web.views import StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/surveys", include_in_schema=False)

KEY = r"^[a-z0-9_]{1,40}$"
LISTED_DAYS = 90
PART_ROWS = 10
SurveyKey = Annotated[str, Path(pattern=KEY)]
Days = Annotated[int, Query(ge=1, le=365)]


# ------------------------------------------------------------------ all of them


@router.get("")
async def show_all(page: ViewerPage) -> Response:
    """Every survey with its question and what it said in the last months."""
    async with page.transaction() as tx:
        every = await known(tx, page.store.id)
        since, until = span(page, LISTED_DAYS)
        of = {key: one.survey for key, one in every.items()}
        found = await survey_reports.of_surveys(tx, page.store, of, since, until)
    # Those that are asked stand first, then those that are ready to be.
    order = sorted(every, key=lambda key: (every[key].retired_at is not None, -found[key].asked))
    return page.render(
        "surveys/surveys.html",
        surveys=[(every[key], found[key]) for key in order],
        days=LISTED_DAYS,
        question=lambda survey: surveys.question_of(survey, page.say.language),
        words=words,
    )


async def known(tx: Tx, store_id: int) -> dict[str, Kept]:
    """A store's surveys, with the ready ones that it did not change."""
    own = await survey_records.kept(tx, store_id)
    return {**{key: Kept(one) for key, one in surveys.READY.items()}, **own}


async def find(tx: Tx, page: Any, key: str) -> Kept:
    """One of them, or no such page; `page`: also a Caller."""
    found = (await known(tx, page.store.id)).get(key)
    if found is None:
        raise HTTPException(404, "No survey has this key.")
    return found


def span(page: Any, days: int) -> tuple[datetime, datetime]:
    """So many days up to now, whole ones of the store; `page`: also a Caller."""
    zone = ZoneInfo(page.store.time_zone)
    today = page.runtime.clock().astimezone(zone).date()
    until = datetime.combine(today + timedelta(days=1), time(), zone)
    return until - timedelta(days=days), until


# ------------------------------------------------------------------ one of them


async def reported(page: Any, survey: Survey, days: int) -> SurveyReport:
    """Its figures of a month, a quarter or a year; `page`: also a Caller."""
    unit: Period = "month" if days > 90 else "week"
    since, until = span(page, days)
    return await survey_reports.of_survey(page.runtime.pool, page.store, survey, since, until, unit)


@router.get("/{key}")
async def show(page: ViewerPage, key: SurveyKey, days: Days = LISTED_DAYS) -> Response:
    """What its answers say: over time, and by reason, product, carrier, pickup point."""
    days = days if days in SPANS else LISTED_DAYS
    async with page.transaction() as tx:
        kept = await find(tx, page, key)
    found = await reported(page, kept.survey, days)
    parts = _parts(page, found)
    async with page.transaction() as tx:
        skus = [row.key for part in parts if part.name == "sku" for row in part.rows]
        goods = await clicks.products(tx, page.store, skus)
    return page.render(
        "surveys/survey.html",
        kept=kept,
        survey=kept.survey,
        found=found,
        total=found.total,
        days=days,
        spans=[(n, page.say.ngettext("%(num)s day", "%(num)s days", n)) for n in SPANS],
        over_time=_over_time(page, found),
        parts=parts,
        goods={sku: one.name for sku, one in goods.items()},
        question=surveys.question_of(kept.survey, page.say.language),
        few=FEW,
        words=words,
    )


def _over_time(page: StorePage, found: SurveyReport) -> dict[str, Any]:
    """The mean of each week or month, with its interval; too few are left out of the drawing."""
    rows = list(found.periods.items())
    means = [None if one.is_few else one.mean for _, one in rows]
    return {
        "rows": rows,
        "labels": [f"{day:%m.%y}" if found.unit == "month" else f"{day:%d.%m}" for day, _ in rows],
        "values": [one and (one.low, one.value, one.high) for one in means],
        "drawn": sum(one is not None for one in means),
    }


@dataclass(frozen=True, slots=True)
class Row:
    """One reason, product, carrier …"""

    key: str
    name: str
    scores: Scores


@dataclass(frozen=True, slots=True)
class Part:
    """A table of them. `by_worst`: in order of what is surely bad, else of how many there are;
    `more` are better, or fewer; `few` have too few scores to say anything."""

    name: str
    title: str
    rows: list[Row]
    by_worst: bool
    more: int
    few: int


def _parts(page: StorePage, found: SurveyReport) -> list[Part]:
    _, say = page.say.gettext, page.say
    titles: Mapping[str, tuple[str, Any]] = {
        "reason": (_("Reason"), lambda key: words.reason(say, found.survey, key)),
        "sku": (_("Product"), None),
        "carrier": (_("Carrier"), None),
        "pickup_point": (_("Pickup point"), None),
        "language": (_("Language"), lambda key: LANGUAGE_NAMES.get(key, key)),
        "way": (_("How they answered"), lambda key: _(words.WAYS.get(key, key))),
    }
    made = []
    for name, (title, call) in titles.items():
        of = {key: one for key, one in found.parts.get(name, {}).items() if key and one.n}
        by_worst = name in ("sku", "carrier", "pickup_point")
        rows = [Row(key, call(key) if call else key, one) for key, one in of.items()]
        told = [row for row in rows if not (by_worst and row.scores.is_few)]
        told.sort(key=lambda row: (row.scores.at_most if by_worst else 0, -row.scores.n, row.key))
        if len(rows) > (0 if name in ("reason", "sku") else 1):
            more = max(0, len(told) - PART_ROWS)
            few = len(rows) - len(told)
            made.append(Part(name, title, told[:PART_ROWS], by_worst, more, few))
    return made
