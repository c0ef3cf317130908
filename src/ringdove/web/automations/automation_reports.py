"""What an automation did lately and what it earned: texts, taps, orders, and those left alone by
chance (R101, N3)."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from ringdove.records.reports import automation_reports
from ringdove.rules.automations.plans import Plan
from ringdove.rules.reports.automation_reports import AutomationReport
from ringdove.rules.reports.reports import Line
from ringdove.web.automations import recipe_words, step_words
from ringdove.web.automations.automation_rehearsals import Counted
from ringdove.web.automations.automations_found import find
from ringdove.web.automations.editor import named_of
from ringdove.web.automations.step_words import Named
from ringdove.web.reasons import reason_words
from ringdove.web.reports import report_words as words
from ringdove.web.reports.reports import SPANS, taps_from
from ringdove.web.store.places import LANGUAGE_NAMES
from ringdove.web.views import StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/automations", include_in_schema=False)


async def counted(page: Any, key: str, days: int) -> AutomationReport:
    """Its figures of a month, a quarter or a year; `page`: also a Caller."""
    days = days if days in SPANS else SPANS[0]
    return await automation_reports.of_automation(
        page.runtime.pool, page.store, key, days, page.runtime.clock()
    )


@router.get("/{key}/report")
async def show(
    page: ViewerPage, key: str, days: Annotated[int, Query(ge=1, le=365)] = 30
) -> Response:
    """What became of its texts, and what it changed."""
    async with page.transaction() as tx:
        plan = await find(tx, page, key)
        named = await named_of(tx, page)
    found, say = await counted(page, key, days), page.say
    reasons = [Counted(reason_words(say, reason), n) for reason, n in found.reasons.items()]
    return page.render(
        "automations/report.html",
        plan=plan,
        key=key,
        title=recipe_words.named(say, plan.journey)[0],
        found=found,
        days=days if days in SPANS else SPANS[0],
        spans=[(n, say.ngettext("%(num)s day", "%(num)s days", n)) for n in SPANS],
        lift=found.lift and words.lift(say, found, found.lift),
        reasons=sorted(reasons, key=lambda one: -one.n),
        parts=list(_parts(page, plan, found, named)),
        days_drawn={
            "labels": [f"{one.day:%d.%m}" for one in found.days],
            "series": [[one.sent for one in found.days], [one.orders for one in found.days]],
        },
        words=words,
        policy=page.store.policy,
        taps_from=taps_from(page),
    )


def _parts(
    page: StorePage, plan: Plan, found: AutomationReport, named: Named
) -> list[tuple[str, list[tuple[str, Line]]]]:
    """The same figures by step, channel and language; only where there is more than one."""
    _, say = page.say.gettext, page.say
    course = plan.journey.course
    titles = {place: step_words.title(say, course[place].step, named) for place in course}
    seen: dict[str, int] = {}
    for place in course:  # two steps that read alike are told apart
        seen[titles[place]] = seen.get(titles[place], 0) + 1
        if seen[titles[place]] > 1:
            titles[place] = f"{titles[place]} {seen[titles[place]]}"
    tables: list[tuple[str, Mapping[str, Line], Mapping[str, str]]] = [
        (_("Step"), found.steps, titles | {"": _("an earlier version")}),
        (_("Channel"), found.channels, {key: _(name) for key, name in words.CHANNELS.items()}),
        (_("Language"), found.languages, LANGUAGE_NAMES),
    ]
    told = []
    for title, lines, names in tables:
        rows = [(names.get(key, key or "–"), line) for key, line in lines.items() if line.queued]
        if len(rows) > 1:
            told.append((title, sorted(rows, key=lambda one: -one[1].queued)))
    return told
