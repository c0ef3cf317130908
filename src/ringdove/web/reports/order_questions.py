"""Where is my order: how often it is asked for each 100 orders, before and after an automation
was switched on (R67)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from starlette.responses import Response

from ringdove.records.reports import order_questions as records
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.reports import order_questions as rules
from ringdove.rules.reports.order_questions import Compared, Switch, Week
from ringdove.web.reasons import title
from ringdove.web.views import ViewerPage

router = APIRouter(prefix="/stores/{store_id}/reports", include_in_schema=False)

SPANS = (12, 26, 52)  # weeks
SWITCHES_MAX = 50
TELLING = ("order", "payment", "delivery")  # topics of automations that say where an order is
Weeks = Annotated[int, Query(ge=1, le=52)]
Automation = Annotated[str, Query(max_length=60)]


@dataclass(frozen=True, slots=True)
class Found:
    """The weeks, and the change that was asked about."""

    weeks: list[Week]
    switches: list[Switch]
    chosen: Switch | None
    compared: Compared | None


@router.get("/order-questions")
async def show(page: ViewerPage, weeks: Weeks = 26, automation: Automation = "") -> Response:
    """Drawn by week; the weeks after the change in another colour."""
    weeks = weeks if weeks in SPANS else SPANS[1]
    found = await load(page, weeks, automation)
    zone = ZoneInfo(page.store.time_zone)
    at = rules.monday(found.chosen.at, zone) if found.chosen else None
    rates = [one.rate or 0.0 for one in found.weeks]
    after = [at is not None and one.begins >= at for one in found.weeks]
    return page.render(
        "reports/order_questions.html",
        found=found,
        weeks=weeks,
        spans=[(n, page.say.ngettext("%(num)s week", "%(num)s weeks", n)) for n in SPANS],
        labels=[f"{one.begins:%d.%m}" for one in found.weeks],
        drawn=[
            [
                0.0 if is_after else round(rate, 1)
                for rate, is_after in zip(rates, after, strict=True)
            ],
            [
                round(rate, 1) if is_after else 0.0
                for rate, is_after in zip(rates, after, strict=True)
            ],
        ],
        named=lambda key: title(key, page.say.language, page.say.own),
        asked=sum(one.asked for one in found.weeks),
        orders=sum(one.orders for one in found.weeks),
        by_people=sum(one.by_people for one in found.weeks),
        asked_min=rules.ASKED_MIN,
    )


async def load(page: Any, weeks: int, automation: str) -> Found:
    """So many weeks up to this one, and the automation that was switched on last, or the one that
    is named; `page`: also a Caller."""
    now, zone = page.runtime.clock(), ZoneInfo(page.store.time_zone)
    last = rules.monday(now, zone)
    first = last - timedelta(days=7 * (weeks - 1))
    async with page.transaction() as tx:
        counted = await records.weeks(tx, page.store, first, last)
        told = await records.versions(tx, page.store.id)
    starts_on = {key: ready.starts_on for key, ready in RECIPES.items()}
    known = [
        one for one in rules.switches(told, starts_on)
        if rules.monday(one.at, zone) >= first and _tells(one.automation)
    ]  # fmt: skip
    chosen = next((one for one in known if one.automation == automation or not automation), None)
    compared = rules.compare(counted, rules.monday(chosen.at, zone), last) if chosen else None
    return Found(counted, known[:SWITCHES_MAX], chosen, compared)


def _tells(automation: str) -> bool:
    """Whether it may say where an order is; of a store's own ones nobody knows."""
    return automation not in RECIPES or RECIPES[automation].topic in TELLING
