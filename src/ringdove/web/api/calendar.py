"""The calendar of campaigns over the API: key dates and days of the store's own (R41)."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.exceptions import HTTPException

from ringdove.records.store import own_dates
from ringdove.web.api.callers import MarketerKey, ViewerKey
from ringdove.web.api.campaigns import Number, Shown, seen_by
from ringdove.web.api.tell import Taken, Told
from ringdove.web.campaigns import calendar as calendar_page

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Campaigns"])

CALENDAR_DAYS_MAX = 800
YEAR_MAX = 2100


class OwnDay(Told):
    """A day of the store's own."""

    name: str = Field(min_length=1, max_length=80)
    day: date
    yearly: bool = False


@router.get("/calendar", summary="Key dates")
async def show_calendar(
    caller: ViewerKey,
    since: Annotated[date | None, Query(description="Today, without one.")] = None,
    until: Annotated[date | None, Query(description="45 days later, without one.")] = None,
) -> list[Shown]:
    """Days worth a campaign where the store's customers live, with its own days."""
    seen = seen_by(caller)
    first = since or caller.now.astimezone(seen.say.zone).date()
    if first.year < 2000 or first.year >= YEAR_MAX:
        raise HTTPException(422, f"since: from 2000 to {YEAR_MAX - 1}.")
    last = until or first + timedelta(days=45)
    if not timedelta() <= last - first <= timedelta(days=CALENDAR_DAYS_MAX):
        raise HTTPException(422, f"until: at most {CALENDAR_DAYS_MAX} days after since.")
    async with caller.transaction() as tx:
        found = await calendar_page.occasions(tx, seen, first, last)
    return [
        {
            "day": one.day.isoformat(), "name": one.name, "date_key": one.key,
            "recipe": one.recipe, "own_day": one.own_id or None, "lead_days": one.lead_days,
            "in_days": one.in_days, "has_campaign": one.has_campaign,
        }
        for one in found
    ]  # fmt: skip


@router.post("/calendar/days", status_code=201, summary="Add a day")
async def add_day(wish: OwnDay, caller: MarketerKey) -> Shown:
    """A day of the store's own, once or every year."""
    if not 2000 <= wish.day.year < YEAR_MAX:
        raise HTTPException(422, f"day: from 2000 to {YEAR_MAX - 1}.")
    async with caller.transaction() as tx:
        made = await own_dates.add(tx, caller.store.id, wish.name, wish.day, wish.yearly)
        if made is None:
            raise HTTPException(409, f"A store keeps {own_dates.DATES_MAX} days at most.")
        await caller.audit(tx, "calendar.day_added", wish.name, day=wish.day.isoformat())
    return {"id": made, "name": wish.name, "day": wish.day.isoformat(), "yearly": wish.yearly}


@router.delete("/calendar/days/{day_id}", summary="Remove a day")
async def remove_day(day_id: Number, caller: MarketerKey) -> Taken:
    """It is in the calendar no more."""
    async with caller.transaction() as tx:
        if not await own_dates.remove(tx, caller.store.id, day_id):
            raise HTTPException(404, "This store has no such day.")
        await caller.audit(tx, "calendar.day_removed", str(day_id))
    return Taken(accepted=True)
