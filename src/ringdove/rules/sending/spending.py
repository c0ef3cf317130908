"""How much may be spent: limits per day and month of the store's time zone, exact to a millionth.

A text that does not fit waits for the next day or month, or until somebody raises the limit; it is
dropped only when its own time is over (P4). What costs an unknown amount, or another currency than
a limit has, is not seen by that limit, and the page says so.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

Period: TypeAlias = Literal["day", "month"]
Classes: TypeAlias = Literal["marketing", "all"]
Spent: TypeAlias = Mapping[tuple[str, str], int]
"""Millionths by class and currency."""

MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Limit:
    """What a store allows itself."""

    period: Period
    classes: Classes
    currency: str
    amount: Decimal
    held_until: datetime | None = None  # it was reached: what waits for it goes on then

    def covers(self, klass: str, currency: str) -> bool:
        """Whether such a text counts."""
        return self.currency == currency and self.classes in ("all", klass)


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a limit, and when it begins anew."""

    limit: Limit
    micros: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Room:
    """All limits of a store as they stand; none: there is no end."""

    left: tuple[Left, ...] = ()

    def of(self, klass: str, currency: str) -> Decimal | None:
        """What may still be spent on a class; None: no limit."""
        found = [one.micros for one in self.left if one.limit.covers(klass, currency)]
        return Decimal(max(0, min(found))) / MICRO if found else None


@dataclass(frozen=True, slots=True)
class Wish:
    """One text that wants to leave."""

    key: int
    klass: str
    currency: str = ""
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Fit:
    """What fits costs `spent`; what does not waits until the time beside its key."""

    spent: Spent
    held: Mapping[int, datetime]
    reached: tuple[Limit, ...]


def micros(amount: Decimal) -> int:
    """An amount in millionths."""
    return int((amount * MICRO).to_integral_value(ROUND_HALF_UP))


def fit(room: Room, wishes: Iterable[Wish]) -> Fit:
    """In their order, each whole or not at all: a cheaper one may still fit behind a dear one."""
    left = [one.micros for one in room.left]
    spent: Counter[tuple[str, str]] = Counter()
    held: dict[int, datetime] = {}
    reached: dict[int, Limit] = {}
    for wish in wishes:
        if wish.cost is None:
            continue
        cost = micros(wish.cost)
        mine = [n for n, one in enumerate(room.left) if one.limit.covers(wish.klass, wish.currency)]
        short = [n for n in mine if cost > left[n]]
        if short and cost:
            held[wish.key] = max(room.left[n].until for n in short)
            reached |= {n: room.left[n].limit for n in short}
            continue
        for n in mine:
            left[n] -= cost
        if cost:
            spent[wish.klass, wish.currency] += cost
    return Fit(spent, held, tuple(reached[n] for n in sorted(reached)))


# ------------------------------------------------------------------ days and months


def today(now: datetime, zone: str) -> date:
    """The day that it is at the store."""
    return now.astimezone(ZoneInfo(zone)).date()


def first_day(period: Period, day: date) -> date:
    """With which day the period began that this day lies in."""
    return day if period == "day" else day.replace(day=1)


def ends(period: Period, day: date, zone: str) -> datetime:
    """When the period ends that this day lies in: midnight at the store, in UTC."""
    next_day = day + timedelta(days=1)
    if period == "month":
        next_day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return datetime.combine(next_day, time(), ZoneInfo(zone)).astimezone(ZoneInfo("UTC"))


def room(
    limits: Sequence[Limit], spent: Mapping[tuple[date, str, str], int], now: datetime, zone: str
) -> Room:
    """What is left of each limit; `spent` holds all days of this month at least."""
    day = today(now, zone)
    return Room(
        tuple(
            Left(
                limit,
                micros(limit.amount)
                - sum(
                    amount
                    for (at, klass, currency), amount in spent.items()
                    if limit.covers(klass, currency) and first_day(limit.period, day) <= at <= day
                ),
                ends(limit.period, day, zone),
            )
            for limit in limits
        )
    )
