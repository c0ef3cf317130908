"""When each of a campaign's people is to get it: at once, at a time, at their own hour (R16, R19).

A schedule says from when on, and until when, each person's text makes sense; the decision
(rules/consent/consent.py) then finds the allowed hours in between. Nothing here looks at a clock:
all is counted from the moment at which the campaign's people are gathered.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ringdove.rules.campaigns.campaigns import When
from ringdove.rules.consent.hours import EVERY_DAY, Part

STEPS_MAX = 3_600  # of a spread: people in one step go together
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def gathers_at(when: When, store_zone: str, zones: Iterable[str], now: datetime) -> datetime:
    """When a campaign's people are to be gathered: as late as all of them can still be in time.
    `zones`: in which anybody of the store may be, asked for local times only."""
    if when.mode == "now" or when.at is None:
        return now
    if not when.local:
        return max(now, moment_of(when.at, store_zone))
    wall = wall_of(when.at, store_zone)
    return max(now, min(_moments(wall, zone)[0] for zone in {store_zone, *zones}))


def moment_of(at: datetime, zone: str) -> datetime:
    """A moment of a plan; one without a zone is by the clock of `zone`."""
    return at if at.tzinfo else _moments(at, zone)[1]


def wall_of(at: datetime, zone: str) -> datetime:
    """What clocks show then, without a zone."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) if at.tzinfo else at


@lru_cache(10_000)
def _moments(wall: datetime, zone: str) -> tuple[datetime, datetime]:
    """The earlier and the later moment that a wall time can mean; nearly always twice the same."""
    utc = ZoneInfo("UTC")
    found = [wall.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(utc) for fold in (0, 1)]
    return min(found), max(found)


def part_of(when: When) -> Part | None:
    """The weekdays and part of the day that the plan asks for; None: any."""
    if not when.weekdays and when.begins == when.ends:
        return None
    days = frozenset(when.weekdays) or EVERY_DAY
    return Part(days, when.begins or time(0), when.ends or time(0))


@dataclass(frozen=True, slots=True)
class Schedule:
    """The schedule of one campaign."""

    when: When
    store_zone: str
    gathered_at: datetime
    shop_hour: int | None = None  # of a person without an hour of their own, by the store's clock
    offer_ends: datetime | None = None  # later its codes are refused

    def not_before(self, zones: tuple[str, ...], own_hour: int | None, lot: float) -> datetime:
        """From when on. `zones`: where the person may be; `own_hour`: by the store's clock; `lot`:
        the person's place in a spread, from 0 to below 1."""
        return _not_before(
            self, zones if self.when.local else (),
            own_hour if self.when.mode == "own_hour" else None, self.step(lot),
        )  # fmt: skip

    def step(self, lot: float) -> int:
        """Seconds after the others: a spread goes in steps, so that many people share one."""
        seconds = self.when.spread_minutes * 60
        if not seconds:
            return 0
        return int(lot * seconds) // self._step_s * self._step_s

    @property
    def _step_s(self) -> int:
        return max(1, -(-self.when.spread_minutes * 60 // STEPS_MAX))

    def not_after(self, not_before: datetime) -> datetime:
        """Until when it is good; later it is dropped (R18, P4)."""
        ends = not_before + self.when.for_hours * HOUR
        if self.when.mode == "own_hour":
            ends += DAY  # quiet hours may put it off to the same hour of the next day
        if self.when.until is not None:
            ends = self.when.until
        return min(ends, self.offer_ends) if self.offer_ends else ends


@lru_cache(100_000)
def _not_before(
    schedule: Schedule, zones: tuple[str, ...], own_hour: int | None, step_s: int
) -> datetime:
    when, start = schedule.when, schedule.gathered_at
    if when.at is not None and when.mode != "now":
        if when.local:
            # In every zone in which the person may be that clock has been reached (P4).
            wall = wall_of(when.at, schedule.store_zone)
            places = zones or (schedule.store_zone,)
            at = max(_moments(wall, zone)[1] for zone in places)
        else:
            at = moment_of(when.at, schedule.store_zone)
        start = max(start, at)
    if when.mode == "own_hour":
        hour = schedule.shop_hour if own_hour is None else own_hour
        if hour is not None:
            start = next_hour(start, hour, schedule.store_zone)
    return start + timedelta(seconds=step_s)


def next_hour(start: datetime, hour: int, zone: str) -> datetime:
    """The next moment from `start` on at which that hour runs on a zone's clocks."""
    tz = ZoneInfo(zone)
    local = start.astimezone(tz)
    if local.hour == hour:
        return start
    day = local.date() if hour > local.hour else local.date() + DAY
    wall = datetime.combine(day, time(hour))
    return max(start, _moments(wall, zone)[1])
