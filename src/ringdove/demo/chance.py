"""Chance that comes out the same on every machine, and the rhythm of a shop's days.

Only random() of the standard generator is used: its other methods changed between versions of
Python, and the demo's world must not.
"""

import bisect
import itertools
import random
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

T = TypeVar("T")

# Orders an hour: quiet nights, a lunch peak, a long evening.
HOURS = (5, 3, 2, 1, 1, 2, 6, 14, 28, 44, 55, 60, 66, 62, 54, 50, 52, 58, 66, 76, 84, 78, 48, 18)
WEEKDAYS = (1.08, 1.02, 1.0, 1.04, 0.96, 0.82, 1.1)  # from Monday
# A gift shop's year: Women's Day, a slow summer, the weeks before the New Year.
MONTHS = (0.78, 1.02, 1.16, 0.9, 0.92, 0.8, 0.74, 0.86, 1.0, 1.06, 1.3, 1.62)


class Chance:
    """Drawn from a seed of words: Chance("linden", "people")."""

    def __init__(self, *seed: object) -> None:
        self.random = random.Random("/".join(map(str, seed))).random

    def happens(self, probability: float) -> bool:
        """Whether it happens this time."""
        return self.random() < probability

    def below(self, count: int) -> int:
        """A whole number from 0, less than `count`."""
        return int(self.random() * count)

    def between(self, first: float, last: float) -> float:
        """A number of this span."""
        return first + (last - first) * self.random()

    def one_of(self, choices: Sequence[T]) -> T:
        """One of them, each as likely."""
        return choices[int(self.random() * len(choices))]

    def weighed(self, choices: "Weighed[T]") -> T:
        """One of them, as likely as its weight."""
        return choices.at(self.random())

    def span(self, first_s: float, last_s: float) -> timedelta:
        """A time between so many seconds."""
        return timedelta(seconds=int(self.between(first_s, last_s)))


class Weighed(Sequence[T]):
    """Choices with weights: Weighed({"courier": 5, "pickup": 2})."""

    def __init__(self, weights: dict[T, float]) -> None:
        self._choices = tuple(weights)
        self._sums = tuple(itertools.accumulate(weights.values()))

    def at(self, place: float) -> T:
        """The choice at this place between 0 and 1."""
        return self._choices[bisect.bisect(self._sums, place * self._sums[-1])]

    def __len__(self) -> int:
        return len(self._choices)

    def __getitem__(self, index: int) -> T:  # type: ignore[override]
        return self._choices[index]


class Rhythm:
    """When things happen in a shop: by month, weekday and hour, growing over the year."""

    def __init__(self, zone: str, now: datetime, days: int) -> None:
        self._zone, self._now = ZoneInfo(zone), now
        today = now.astimezone(self._zone).date()
        self._days = [today - timedelta(days=ahead) for ahead in range(days, -1, -1)]
        weights = {
            day: _weight(day) * (0.75 + 0.5 * n / len(self._days))
            for n, day in enumerate(self._days)
        }
        self._day = Weighed(weights)
        self._hour = Weighed(dict(enumerate(map(float, HOURS))))

    def moments(self, chance: Chance, count: int) -> list[datetime]:
        """So many moments before now, oldest first."""
        found: list[datetime] = []
        while len(found) < count:
            moment = self._moment(chance)
            if moment < self._now:
                found.append(moment)
        return sorted(found)

    def _moment(self, chance: Chance) -> datetime:
        seconds = int(chance.random() * 3600)
        wall = time(chance.weighed(self._hour), seconds // 60, seconds % 60)
        local = datetime.combine(chance.weighed(self._day), wall, self._zone)
        return local.astimezone(self._now.tzinfo)


def _weight(day: date) -> float:
    return MONTHS[day.month - 1] * WEEKDAYS[day.weekday()]


def in_the_day(moment: datetime, zone: ZoneInfo, chance: Chance, first: int, last: int) -> datetime:
    """The same day between two hours of the wall clock: when couriers and post offices work."""
    local = moment.astimezone(zone)
    wall = time(chance.below(last - first) + first, chance.below(60), chance.below(60))
    return datetime.combine(local.date(), wall, zone).astimezone(moment.tzinfo)
