"""The calendar of campaigns (R41): key dates where the store's customers live, days of its own,
what is planned and what was sent, and a start from any of them."""

import calendar as months
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.campaigns import campaigns
from ringdove.records.store import own_dates, policies
from ringdove.records.store.own_dates import DATES_MAX
from ringdove.rules.campaigns import key_dates
from ringdove.rules.campaigns.campaigns import Campaign
from ringdove.web.campaigns import campaign_words as words
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.store import policy_words
from ringdove.web.views import MarketerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/calendar", include_in_schema=False)

COUNTRIES_MAX = 8  # those with the most customers
SHOWN_MONTHS = 3
YEARS = (2000, 2100)
REMINDED_MAX = 3
ID_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Occasion:
    """A day worth a campaign: a key date, or the store's own."""

    name: str
    day: date
    key: str = ""  # of a key date
    recipe: str = ""
    countries: str = ""
    own_id: int = 0
    lead_days: int = 0
    in_days: int = 0
    has_campaign: bool = False


@dataclass(slots=True)
class Cell:
    """One day of a month as it is drawn."""

    day: date
    is_of_month: bool
    is_today: bool
    occasions: list[Occasion] = field(default_factory=list)
    campaigns: list[Campaign] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Month:
    """A month with its weeks, Monday first."""

    name: str
    first: date
    weeks: Sequence[Sequence[Cell]]


@router.get("")
async def show(page: ViewerPage, month: Annotated[str, Query(max_length=7)] = "") -> Response:
    """Three months from the asked one on."""
    return await render(page, first_of(month) or page.say.now.astimezone(page.say.zone).date())


def first_of(month: str) -> date | None:
    """The first day of 2026-11; None: it is none."""
    try:
        found = date.fromisoformat(f"{month}-01")
    except ValueError:
        return None
    return found if YEARS[0] <= found.year < YEARS[1] else None


async def render(
    page: StorePage, start: date, status: int = 200, form: Form[Any] | None = None
) -> Response:
    """The page; `form`: a day of the store's own that came back."""
    start = start.replace(day=1)
    end = _after_months(start, SHOWN_MONTHS)
    today = page.say.now.astimezone(page.say.zone).date()
    async with page.transaction() as tx:
        found = await occasions(tx, page, start - timedelta(days=7), end + timedelta(days=7))
        planned = await _campaigns(tx, page, start - timedelta(days=7), end + timedelta(days=7))
        own = await own_dates.of_store(tx, page.store.id)
        countries = await countries_of(tx, page)
    shown = [_after_months(start, n) for n in range(SHOWN_MONTHS)]
    return page.render(
        "campaigns/calendar.html",
        status,
        months=[_month(page, first, today, found, planned) for first in shown],
        weekdays=policy_words.weekdays(page.say),
        listed=[one for one in found if start <= one.day < end],
        today=today,
        before=_after_months(start, -SHOWN_MONTHS),
        after=end,
        own=own,
        own_max=DATES_MAX,
        countries=[policy_words.country(page.say, code) for code in countries],
        form=form or Form[Any]({"day": ""}),
        words=words,
    )


def _after_months(first: date, n: int) -> date:
    place = first.year * 12 + first.month - 1 + n
    return date(place // 12, place % 12 + 1, 1)


def _month(
    page: StorePage, first: date, today: date, found: list[Occasion],
    planned: list[tuple[date, Campaign]],
) -> Month:  # fmt: skip
    weeks = []
    for week in months.Calendar(months.MONDAY).monthdatescalendar(first.year, first.month):
        cells = [Cell(day, day.month == first.month, day == today) for day in week]
        for cell in cells:
            if cell.is_of_month:
                cell.occasions = [one for one in found if one.day == cell.day]
                cell.campaigns = [one for day, one in planned if day == cell.day]
        weeks.append(cells)
    return Month(_month_name(page, first), first, weeks)


def _month_name(page: StorePage, first: date) -> str:
    name = page.say.locale.months["stand-alone"]["wide"][first.month]
    return f"{name[:1].upper()}{name[1:]} {first.year}"


async def _campaigns(
    tx: Tx, page: StorePage, first: date, last: date
) -> list[tuple[date, Campaign]]:
    """Campaigns with the day on which each is drawn."""
    since, until = (datetime.combine(day, time(), UTC) for day in (first, last))
    found = await campaigns.between(tx, page.store.id, since, until)
    return [(day, one) for one in found if (day := _day_of(page, one))]


def _day_of(page: StorePage, one: Campaign) -> date | None:
    at = one.began_at or one.begin_at
    if at:
        return at.astimezone(page.say.zone).date()
    if one.plan.when.at:
        return one.plan.when.at.date()
    return one.plan.key_date


# ------------------------------------------------------------------ what is ahead


async def countries_of(tx: Tx, page: Any) -> list[str]:
    """Where the store's customers are, its own country first. `page`: also a Caller."""
    people = await policies.countries(tx, page.store)
    most = sorted(people, key=lambda code: -people[code])
    return list(dict.fromkeys([page.store.country, *most]))[:COUNTRIES_MAX]


async def occasions(tx: Tx, page: Any, first: date, last: date) -> list[Occasion]:
    """Key dates and own days between two days, in their order, with what is planned for each."""
    countries = await countries_of(tx, page)
    today = page.runtime.clock().astimezone(page.say.zone).date()
    taken = await _planned_for(tx, page, first, last)
    found = []
    for one in key_dates.between(countries, first, last):
        names = ", ".join(policy_words.country(page.say, code) for code in one.countries)
        is_all = len(one.countries) == len(countries)
        found.append(Occasion(
            words.key_date(page.say, one.key), one.day, one.key, one.recipe,
            "" if is_all else names, 0, one.lead_days, (one.day - today).days, one.day in taken,
        ))  # fmt: skip
    for own in await own_dates.of_store(tx, page.store.id):
        found += [
            Occasion(own.name, day, own_id=own.id, in_days=(day - today).days,
                     has_campaign=day in taken)
            for day in own.between(first, last)
        ]  # fmt: skip
    return sorted(found, key=lambda one: (one.day, one.name))


async def _planned_for(tx: Tx, page: Any, first: date, last: date) -> set[date]:
    """Days that a campaign was drafted for."""
    since = datetime.combine(first - timedelta(days=60), time(), UTC)
    until = datetime.combine(last + timedelta(days=1), time(), UTC)
    found = await campaigns.between(tx, page.store.id, since, until)
    return {one.plan.key_date for one in found if one.plan.key_date}


async def reminders(tx: Tx, page: Any) -> list[Occasion]:
    """What is ahead and has no campaign yet, the nearest first."""
    today = page.runtime.clock().astimezone(page.say.zone).date()
    ahead = await occasions(tx, page, today, today + key_dates.AHEAD)
    return [one for one in ahead if not one.has_campaign][:REMINDED_MAX]


# ------------------------------------------------------------------ days of its own


class OwnDay(Filled):
    name: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    day: date
    yearly: bool = False


@router.post("/days")
async def add(page: MarketerPage) -> Response:
    """A day of the store's own."""
    form = await read_form(page.request, OwnDay, page.say)
    _ = page.say.gettext
    if form.filled and not YEARS[0] <= form.filled.day.year < YEARS[1]:
        form.refuse("day", _("This does not look right."))
    if form.filled is None:
        return await render(page, page.say.now.date(), 422, form)
    given = form.filled
    async with page.transaction() as tx:
        made = await own_dates.add(tx, page.store.id, given.name, given.day, given.yearly)
        if made is not None:
            await page.audit(tx, "calendar.day_added", given.name, day=given.day.isoformat())
    if made is None:
        form.refuse("name", _("These are too many."))
        return await render(page, page.say.now.date(), 422, form)
    month = f"{given.day:%Y-%m}" if given.day >= page.say.now.date() else ""
    return page.go(f"{page.home}/calendar?month={month}", _("Saved."))


@router.post("/days/{day_id}/remove")
async def remove(page: MarketerPage, day_id: Annotated[int, Path(ge=0, le=ID_MAX)]) -> Response:
    """It is in the calendar no more; campaigns made for it stay."""
    async with page.transaction() as tx:
        if not await own_dates.remove(tx, page.store.id, day_id):
            raise HTTPException(404)
        await page.audit(tx, "calendar.day_removed", str(day_id))
    return page.go(f"{page.home}/calendar", page.say.gettext("Removed."))
