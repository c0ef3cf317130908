"""How often customers ask where their order is, for each 100 orders, and what a change did (R67).

Weeks before and after the day on which an automation was switched on are put together; the week of
that day belongs to neither, nor does the one that still runs: its orders are not asked about yet.
The two rates are compared by how the questions are shared out: so many of them came after (Wilson's
interval of that part), seen against the orders of each side (Przyborowski and Wilenski 1940,
"Homogeneity of results in testing samples from Poisson series"). It takes weeks for alike, and a
shop changes in more than one thing: the page says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ringdove.rules.surveys.scores import wilson

PER = 100  # orders
ASKED_MIN = 10  # questions on both sides together: fewer say nothing


@dataclass(frozen=True, slots=True)
class Week:
    """From a Monday on, by the store's clock. `asked`: people who asked by text, each once a day;
    `by_people`: those of them whom no machine has answered."""

    begins: date
    orders: int = 0
    asked: int = 0
    by_people: int = 0

    @property
    def rate(self) -> float | None:
        """Of each 100 orders so many; None: there were none."""
        return self.asked * PER / self.orders if self.orders else None


class Switch(NamedTuple):
    """An automation was switched on."""

    automation: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Side:
    """All weeks before, or after."""

    weeks: int
    orders: int
    asked: int
    by_people: int

    @property
    def rate(self) -> float | None:
        """As of a week."""
        return self.asked * PER / self.orders if self.orders else None


@dataclass(frozen=True, slots=True)
class Change:
    """The rate after, as a multiple of the rate before: 0.7 is 30 % less. `low`, `high`: where it
    lies with chance 0.95; None: without an end."""

    times: float
    low: float
    high: float | None

    @property
    def is_sure(self) -> bool:
        """Whether it is less, or more, for certain."""
        return self.low > 1 or (self.high is not None and self.high < 1)


@dataclass(frozen=True, slots=True)
class Compared:
    """Before and after; `change` is None while too little is known."""

    before: Side
    after: Side
    change: Change | None


def monday(at: datetime, zone: ZoneInfo) -> date:
    """The beginning of the week of a moment."""
    day = at.astimezone(zone).date()
    return day - timedelta(days=day.weekday())


def compare(weeks: Iterable[Week], switched: date, running: date) -> Compared:
    """`switched`: the Monday of the week in which it was; `running`: of this week."""
    known = [one for one in weeks if one.begins < running]
    before = _side([one for one in known if one.begins < switched])
    after = _side([one for one in known if one.begins > switched])
    return Compared(before, after, _change(before, after))


def _side(weeks: Sequence[Week]) -> Side:
    return Side(
        len(weeks), sum(one.orders for one in weeks), sum(one.asked for one in weeks),
        sum(one.by_people for one in weeks),
    )  # fmt: skip


def _change(before: Side, after: Side) -> Change | None:
    asked = before.asked + after.asked
    part = wilson(after.asked, asked)
    if part is None or asked < ASKED_MIN or not (before.orders and after.orders and before.asked):
        return None
    base = before.orders / after.orders
    times = after.asked / before.asked * base
    high = part.high / (1 - part.high) * base if part.high < 1 else None
    return Change(times, part.low / (1 - part.low) * base, high)


def switches(
    versions: Mapping[str, Sequence[tuple[bool, datetime]]], starts_on: Mapping[str, bool]
) -> list[Switch]:
    """When each automation was switched on last, the newest first. `versions`: by automation, the
    oldest first; `starts_on`: whether it is on before anybody has said anything."""
    found = []
    for key, told in versions.items():
        was_on, last = starts_on.get(key, False), None
        for is_on, at in told:
            if is_on and not was_on:
                last = at
            was_on = is_on
        if last is not None:
            found.append(Switch(key, last))
    return sorted(found, key=lambda one: one.at, reverse=True)
