"""When a trigger's time comes that no fact of the outside tells: a date, a clock, new goods.

A look covers a stretch of time, from what was told last to now, however long the workers were down;
within it each time that comes is a strike. Pure: the same stretch has the same strikes.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from ringdove.rules import facts
from ringdove.rules.automations.journeys import (
    ClockStrikes,
    DateComes,
    Enters,
    GoodsNew,
    Journey,
    PurchaseDue,
)
from ringdove.rules.automations.plans import Plan

Timed = DateComes | ClockStrikes | PurchaseDue | GoodsNew
TIMED: Final = (DateComes, ClockStrikes, PurchaseDue, GoodsNew)
LOOKED: Final = (*TIMED, Enters)  # what a worker looks after; the others are told by facts
BACK_MAX: Final = timedelta(days=366)
# When people are expected is learnt anew each night: who is expected earlier than was thought
# yesterday is told of so many days late, and not at all after them.
LEARNT_LATE_DAYS: Final = 7


class Strike(NamedTuple):
    """A time that came."""

    at: datetime  # UTC
    day: date  # the date that it is about, by the store's calendar


def strikes(trigger: Timed, zone: ZoneInfo, after: datetime, until: datetime) -> list[Strike]:
    """Those after `after` and not after `until`, in their order. Of a clock and of new goods only
    the newest: what was missed three times is said once."""
    before = timedelta(days=trigger.days if isinstance(trigger, DateComes | PurchaseDue) else 0)
    day, last = after.astimezone(zone).date(), until.astimezone(zone).date()
    found = []
    while day <= last:
        at = datetime.combine(day, trigger.at, zone).astimezone(UTC)
        if after < at <= until and _is_its_day(trigger, day):
            found.append(Strike(at, day - before))
        day += timedelta(days=1)
    return found[-1:] if isinstance(trigger, ClockStrikes | GoodsNew) else found


def _is_its_day(trigger: Timed, day: date) -> bool:
    if not isinstance(trigger, ClockStrikes) or trigger.every == "day":
        return True
    if trigger.every == "week":
        return day.weekday() == trigger.weekday
    return day.day == trigger.day


def counts_from(history: Iterable[tuple[Plan, datetime]]) -> datetime | None:
    """Since when an automation is on with the trigger that it has now: other texts do not begin it
    anew. `history`: its versions, newest first, and when each was made. None: nobody ever touched
    it."""
    trigger, since = None, None
    for plan, made_at in history:
        if trigger is not None and (plan.journey.trigger != trigger or not plan.own.is_on):
            break
        trigger, since = plan.journey.trigger, made_at
    return since


def looks_after(journey: Journey, told_until: datetime, now: datetime) -> datetime:
    """From when on times are looked at that nobody was told of: what is so old that nobody wants to
    hear it any more is not even begun (P4)."""
    return max(told_until, now - min(journey.span, BACK_MAX))


def fact_of(
    journey: Journey, contact_id: int, strike: Strike, occasion: str, category: str = ""
) -> facts.DueCame:
    """What is told of a person; again, it is the same fact. `occasion` has 30 letters at most."""
    return facts.DueCame(
        id=f"due/{journey.key}/{contact_id}/{occasion}", at=strike.at, automation=journey.key,
        contact=contact_id, occasion=occasion, category=category, day=strike.day,
    )  # fmt: skip
