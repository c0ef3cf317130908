"""When an automation's time would have come for a person, in a past that nobody was told of: what
workers/automations/triggers.py finds for everybody at each time, asked of one person for all times.

Pure. The person's orders, visits and texts are taken as they were at each moment
(rules/segments/picture_past.py); what they said of themselves, as it is now.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ringdove.rules import facts
from ringdove.rules.automations import triggers
from ringdove.rules.automations.journeys import (
    ClockStrikes,
    DateComes,
    Enters,
    GoodsNew,
    Journey,
    PurchaseDue,
)
from ringdove.rules.automations.triggers import LOOKED, TIMED, Strike
from ringdove.rules.segments import picture_past, pictures, rhythm, segments
from ringdove.rules.segments import segment_times as times
from ringdove.rules.segments.pictures import Picture
from ringdove.rules.segments.segments import Range

DAY = timedelta(days=1)
LOOKS_MIN = 2  # at goods of a category, by who never bought of it: as the worker has it


@dataclass(frozen=True, slots=True)
class Times:
    """All strikes of a time, and which categories had new goods when."""

    journey: Journey
    zone: str
    since: datetime
    until: datetime
    strikes: Sequence[Strike]
    news: Mapping[str, Sequence[datetime]] = field(default_factory=dict)


def of(journey: Journey, zone: str, since: datetime, until: datetime) -> Times:
    """Those of a journey that facts of the outside do not begin."""
    trigger = journey.trigger
    found: list[Strike] = []
    if isinstance(trigger, TIMED):
        at, clock = since, ZoneInfo(zone)
        while at < until:  # day by day: of what was missed the worker tells the newest only
            found += triggers.strikes(trigger, clock, at, min(at + DAY, until))
            at += DAY
    return Times(journey, zone, since, until, found)


def is_timed(journey: Journey) -> bool:
    """Whether its time comes by itself."""
    return isinstance(journey.trigger, LOOKED)


def needs_past(journey: Journey) -> bool:
    """Whether more than what people said of themselves is asked."""
    trigger = journey.trigger
    if isinstance(trigger, ClockStrikes):
        return trigger.who != segments.EVERYBODY
    return not (
        isinstance(trigger, DateComes) and trigger.what in ("birthday", "children", "field")
    )


def come(on: Times, picture: Picture) -> Iterator[facts.DueCame]:
    """What would have been told of this person, in the order of its times."""
    match on.journey.trigger:
        case DateComes() as trigger:
            yield from _dates(on, trigger, picture)
        case ClockStrikes(who=who):
            for strike in on.strikes:
                if who == segments.EVERYBODY or _is_one(who, picture, strike.at):
                    yield _fact(on, picture, strike, strike.day.isoformat())
        case Enters() as trigger:
            yield from _entered(on, trigger, picture)
        case PurchaseDue() as trigger:
            yield from _due(on, trigger, picture)
        case GoodsNew() as trigger:
            yield from _news(on, trigger, picture)


def _fact(
    on: Times, picture: Picture, strike: Strike, occasion: str, category: str = ""
) -> facts.DueCame:
    return triggers.fact_of(on.journey, picture.person.id, strike, occasion, category)


def _is_one(who: segments.Node, picture: Picture, at: datetime) -> bool:
    return pictures.holds(who, picture_past.as_of(picture, at), at)[0]


# ------------------------------------------------------------------ dates


def _dates(on: Times, trigger: DateComes, picture: Picture) -> Iterator[facts.DueCame]:
    person, zone = picture.person, ZoneInfo(on.zone)
    for strike in on.strikes:
        day = strike.day
        occasion = day.isoformat()
        match trigger.what:
            case "birthday":
                comes = person.birthday is not None and _is_its_day(person.birthday, day)
                occasion = str(day.year)
            case "children":
                comes = any(_is_its_day(one, day) and one <= day for one in person.children)
            case "field":
                told = _date_in(person.fields.get(trigger.field))
                comes = told is not None and _is_its_day(told, day) and told <= day
            case which:
                before = sorted(one.at for one in picture.purchases if one.at <= strike.at)
                at = None if not before else before[0 if which == "first_order" else -1]
                comes = at is not None and at.astimezone(zone).date() == day
                occasion = "first" if which == "first_order" else occasion
        if comes:
            yield _fact(on, picture, strike, occasion)


def _is_its_day(told: date, day: date) -> bool:
    return times.day_of_year(told) in times.days_of_year(Range(at_least=0, at_most=0), day)


def _date_in(told: object) -> date | None:
    if isinstance(told, str) and re.fullmatch(times.A_DATE, told):
        return date.fromisoformat(told)
    return None


# ------------------------------------------------------------------ groups


def _entered(on: Times, trigger: Enters, picture: Picture) -> Iterator[facts.DueCame]:
    """Looked at once a day: who was in and out within one is not seen."""
    was_in = not trigger.also_now and _is_one(trigger.who, picture, on.since)
    at = on.since + DAY
    while at <= on.until:
        is_in = _is_one(trigger.who, picture, at)
        if is_in and not was_in:
            strike = Strike(at, at.astimezone(ZoneInfo(on.zone)).date())
            yield _fact(on, picture, strike, f"{at:%Y%m%dT%H%M%S}")
        was_in = is_in
        at += DAY


# ------------------------------------------------------------------ purchases and goods


def _due(on: Times, trigger: PurchaseDue, picture: Picture) -> Iterator[facts.DueCame]:
    """After each purchase of a category the day on which the next is expected, unless it came
    before."""
    bought: dict[str, list[datetime]] = {}
    for one in picture.purchases:
        for category in {line.category for line in one.lines if line.category}:
            if not trigger.categories or category in trigger.categories:
                bought.setdefault(category, []).append(one.at)
    clock, by_day = ZoneInfo(on.zone), {strike.day: strike for strike in on.strikes}
    found: list[facts.DueCame] = []
    for category, some in bought.items():
        some.sort()
        pace = rhythm.pace_of(picture.paces, category)
        for n, last in enumerate(some):
            days = len({at.astimezone(clock).date() for at in some[: n + 1]})
            due = rhythm.due_at(pace, days, some[0], last)
            strike = due and by_day.get(due.astimezone(clock).date())
            if not strike or strike.at < last:
                continue
            if n + 1 < len(some) and some[n + 1] <= strike.at:
                continue
            occasion = f"{last.astimezone(clock):%Y%m%d}/{category}"[:30]
            found.append(_fact(on, picture, strike, occasion, category))
    yield from sorted(found, key=lambda one: one.at)


def _news(on: Times, trigger: GoodsNew, picture: Picture) -> Iterator[facts.DueCame]:
    span, last = timedelta(days=trigger.every_days), None
    for strike in on.strikes:
        if last and strike.at - last < span:
            continue
        fresh = {
            category for category, some in on.news.items()
            if any(strike.at - span < at <= strike.at for at in some)
        }  # fmt: skip
        if fresh and (category := _theirs(fresh, picture, strike.at)):
            last = strike.at
            yield _fact(on, picture, strike, strike.day.isoformat(), category)


def _theirs(fresh: set[str], picture: Picture, at: datetime) -> str:
    """Of several categories the one that they buy of most, then look at most; "": none."""
    then = picture_past.as_of(picture, at)
    looks: dict[str, int] = {}
    for look in then.looks:
        looks[look.category] = looks.get(look.category, 0) + 1
    days = {category: habit.days for category, habit in then.habits.items()}
    known = [one for one in fresh if one in days or looks.get(one, 0) >= LOOKS_MIN]
    return min(known, key=lambda one: (-days.get(one, 0), -looks.get(one, 0), one), default="")
