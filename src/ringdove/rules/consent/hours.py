"""When marketing may go: intervals of allowed time for a country and a set of zones (R17, R19, P4).

Everything about hours comes down to one pure function, `day_windows`: the allowed intervals
[opens, closes) of one UTC day, safe in every zone in which the person may be. The decision takes
the first that closes after its start; the set form (records/consent/deciding.py) joins the same
intervals.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ringdove.rules.consent.holidays import is_holiday
from ringdove.rules.policy import Hours, Policy

Window = tuple[datetime, datetime]

FAR = timedelta(days=3650)
LOOK_PAST = timedelta(days=15)  # past the end of a message, to tell "never" from "too late"
EVERY_DAY = frozenset(range(7))
_DAY = timedelta(days=1)
_MINUTES = 24 * 60

# What countries (their law, or all their operators) demand of marketing texts, in local time. A
# store's own quiet hours count beside them; its policy can put others in their place.
COUNTRIES: dict[str, Hours] = {
    # Monday to Saturday 8 to 22, no public holidays: charter of the French operators (AF2M).
    "FR": Hours(time(22), time(8), frozenset(range(6)), holidays=False),
    # 8 to 21, local time of the called party: 47 CFR 64.1200(c)(1); some states are stricter.
    "US": Hours(time(21), time(8)),
    "PR": Hours(time(21), time(8)),
    # 9 to 21: TRAI, Telecom Commercial Communications Customer Preference Regulations; the
    # operators' registers carry promotions from 10.
    "IN": Hours(time(21), time(10)),
    # Promotions are not carried from 21 to 7: TDRA, as the operators tell their partners.
    "AE": Hours(time(21), time(7)),
}


@dataclass(frozen=True, slots=True)
class Part:
    """When a message itself wants to go: weekdays and a part of the day, recipient's time (R19)."""

    weekdays: frozenset[int] = EVERY_DAY
    begins: time = time(0)
    ends: time = time(0)  # equal: the whole day

    def __str__(self) -> str:
        """As a message keeps it: 01234/14:00-17:00."""
        days = "".join(map(str, sorted(self.weekdays)))
        return f"{days}/{self.begins:%H:%M}-{self.ends:%H:%M}"


def part_of(text: str) -> Part | None:
    """The same, read; None for an empty text."""
    if not text:
        return None
    days, _, span = text.partition("/")
    begins, _, ends = span.partition("-")
    return Part(frozenset(map(int, days)), time.fromisoformat(begins), time.fromisoformat(ends))


class Limits(NamedTuple):
    """What bounds the time of a text; the same for all people of a country."""

    quiet: tuple[tuple[time, time], ...]  # spans without texts, local time
    weekdays: frozenset[int] = EVERY_DAY
    holidays_of: str = ""  # silent on the public holidays of this country
    part: Part | None = None

    @property
    def are_none(self) -> bool:
        """Whether anything goes at any time."""
        is_all_day = all(begins == ends for begins, ends in self.quiet)
        whole_week = self.weekdays == EVERY_DAY and self.part is None
        return is_all_day and whole_week and not self.holidays_of


def of_country(
    policy: Policy, quiet_from: time, quiet_until: time, country: str, part: Part | None = None
) -> Limits:
    """The limits of marketing to a country: what the merchant said for it, else the stricter of
    what the country demands and the store's own quiet hours."""
    return _limits(
        policy.countries.get(country), COUNTRIES.get(country), quiet_from, quiet_until,
        policy.weekdays, country, part,
    )  # fmt: skip


@lru_cache(2_000)
def _limits(
    said: Hours | None, law: Hours | None, quiet_from: time, quiet_until: time,
    weekdays: frozenset[int], country: str, part: Part | None,
) -> Limits:  # fmt: skip
    rule = said or law
    if rule is None:
        return Limits(((quiet_from, quiet_until),), weekdays, "", part)
    quiet = [(rule.quiet_from, rule.quiet_until)]
    if said is None:
        quiet.append((quiet_from, quiet_until))
    silent = "" if rule.holidays else country
    return Limits(tuple(quiet), weekdays & rule.weekdays, silent, part)


def first(limits: Limits, zones: tuple[str, ...], at: datetime, until: datetime) -> Window | None:
    """The first window that closes after `at` and begins before the day of `until` ends, from `at`
    on; None: there is none."""
    if limits.are_none:
        return at, at + FAR
    for opens, closes in _from(limits, zones, at, until):
        if closes > at:
            return max(opens, at), closes
    return None


def windows(
    limits: Limits, zones: tuple[str, ...], since: datetime, until: datetime
) -> list[Window]:
    """All of them between two moments, whole UTC days."""
    if limits.are_none:
        return [(since, since + FAR)]
    return list(_from(limits, zones, since, until))


def _from(
    limits: Limits, zones: tuple[str, ...], since: datetime, until: datetime
) -> Iterator[Window]:
    """Windows day by day, those that touch at midnight as one."""
    day, last = since.astimezone(UTC).date(), until.astimezone(UTC).date()
    held: Window | None = None
    while day <= last:
        for opens, closes in day_windows(limits, zones, day):
            if held and held[1] == opens:
                held = held[0], closes
                continue
            if held:
                yield held
            held = opens, closes
        if held and held[1] < _midnight(day + _DAY):
            yield held
            held = None
        day += _DAY
    if held:
        yield held


@lru_cache(20_000)
def day_windows(limits: Limits, zones: tuple[str, ...], day: date) -> tuple[Window, ...]:
    """The allowed intervals of one UTC day, safe in all zones at once."""
    found: list[Window] = [(_midnight(day), _midnight(day + _DAY))]
    for zone in zones:
        found = _both(found, _in_zone(limits, zone, day))
    return tuple(found)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _in_zone(limits: Limits, zone: str, day: date) -> list[Window]:
    """What the clocks of one zone allow around a UTC day."""
    tz = ZoneInfo(zone)
    found: list[Window] = []
    for ahead in (-1, 0, 1):
        local = day + timedelta(days=ahead)
        if not _is_allowed(limits, local):
            continue
        for begins, ends in _wall(limits):
            opens, closes = max(_moments(local, begins, tz)), min(_moments(local, ends, tz))
            if found and found[-1][1] == opens:
                found[-1] = found[-1][0], closes
            elif opens < closes:
                found.append((opens, closes))
    return found


def _is_allowed(limits: Limits, local: date) -> bool:
    weekday = local.weekday()
    if weekday not in limits.weekdays or (limits.part and weekday not in limits.part.weekdays):
        return False
    return not (limits.holidays_of and is_holiday(limits.holidays_of, local))


def _moments(local: date, minutes: int, tz: ZoneInfo) -> tuple[datetime, datetime]:
    """The two moments that a wall time can mean on a day that clocks change, else twice the same.
    Whoever opens takes the later and whoever closes the earlier: safe whichever was meant."""
    if minutes == _MINUTES:
        local, minutes = local + _DAY, 0
    wall = datetime(local.year, local.month, local.day, minutes // 60, minutes % 60, tzinfo=tz)
    return wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)


def week(limits: Limits) -> list[tuple[tuple[int, int], ...]]:
    """The allowed minutes of each weekday, Monday first; public holidays left aside."""
    part = limits.part
    return [
        _wall(limits) if day in limits.weekdays and (not part or day in part.weekdays) else ()
        for day in range(7)
    ]


@lru_cache(2_000)
def _wall(limits: Limits) -> tuple[tuple[int, int], ...]:
    """The allowed minutes of an allowed day."""
    found = [(0, _MINUTES)]
    for begins, ends in limits.quiet:
        if begins != ends:
            found = _common(found, _outside(_minute(begins), _minute(ends)))
    if limits.part and limits.part.begins != limits.part.ends:
        begins_at, ends_at = _minute(limits.part.begins), _minute(limits.part.ends)
        found = _common(found, _outside(ends_at, begins_at))
    return tuple(found)


def _minute(wall: time) -> int:
    return wall.hour * 60 + wall.minute


def _outside(begins: int, ends: int) -> list[tuple[int, int]]:
    """The minutes of a day that are not from `begins` until `ends`."""
    spans = [(ends, begins)] if begins > ends else [(0, begins), (ends, _MINUTES)]
    return [(a, b) for a, b in spans if a < b]


def _common(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> list[tuple[int, int]]:
    pairs = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return sorted((a, b) for a, b in pairs if a < b)


def _both(one: list[Window], other: list[Window]) -> list[Window]:
    pairs = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return sorted((a, b) for a, b in pairs if a < b)
