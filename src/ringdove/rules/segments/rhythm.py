"""When somebody is expected to buy again, of a category or at all (N4, R15).

A person's own gaps between days of buying are the best word on their rhythm, once there are some;
until then their category's is, until then the shop's, until then a guess. Each gives way to the
finer one by credibility (Bühlmann 1967; Bühlmann and Gisler, A Course in Credibility Theory, 2005,
chapter 3), which is the best linear estimate and the empirical-Bayes mean of the usual models:

    gap = (own gaps added up + weight · usual gap) / (number of own gaps + weight)

`weight` is how many own gaps say as much as the category: variance within people over variance
between them. Within a person gaps are taken as Erlang of second order (Chatfield and Goodhardt,
JASA 68, 1973), whose variance is half the square of its mean; so sums over people are enough, and
no gap need be kept. Two orders of one day are one purchase. Who bought on one day only has no gap
and teaches nothing here, so a usual gap is that of people who came back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

ALL: Final = ""  # the category that stands for the whole shop
GUESS_DAYS: Final = 60.0  # between two purchases, before anybody came back
GAP_DAYS_MIN, GAP_DAYS_MAX = 1.0, 1_000.0
WEIGHT_GUESS: Final = 4.0
WEIGHT_MIN, WEIGHT_MAX = 0.5, 20.0
PEOPLE_WEIGHT: Final = 20  # so many who came back say as much as the shop says of its category
PEOPLE_MIN: Final = 3  # fewer show nothing of how people differ
WITHIN: Final = 0.5  # variance within a person, in squares of their mean gap
DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How often people buy of a category, or at all."""

    gap_days: float = GUESS_DAYS
    weight: float = WEIGHT_GUESS
    people: int = 0  # it was learnt from
    spent: Decimal = Decimal(0)  # by a buyer, on average


@dataclass(frozen=True, slots=True)
class Sums:
    """Over people who bought on two days at least; x is a person's own mean gap in days."""

    people: int
    gaps: float  # of x
    squares: float  # of x · x
    shares: float  # of 1 / number of gaps
    spent: Decimal = Decimal(0)  # by a buyer, on average


Paces = Mapping[str, Pace]


def learnt(sums: Mapping[str, Sums]) -> dict[str, Pace]:
    """The paces of a shop and its categories, from what was added up of each; ALL is the shop's."""
    shop = _learn(sums.get(ALL, Sums(0, 0, 0, 0)), Pace())
    found = {key: _learn(one, shop) for key, one in sums.items() if key != ALL}
    return found | {ALL: shop}


def _learn(sums: Sums, wider: Pace) -> Pace:
    people = sums.people
    gap = (sums.gaps + PEOPLE_WEIGHT * wider.gap_days) / (people + PEOPLE_WEIGHT)
    gap = min(max(gap, GAP_DAYS_MIN), GAP_DAYS_MAX)
    return Pace(gap, _weight(sums) if people >= PEOPLE_MIN else wider.weight, people, sums.spent)


def _weight(sums: Sums) -> float:
    """By the method of moments: what means of few gaps scatter anyhow is taken off what they do."""
    mean, share = sums.gaps / sums.people, sums.shares / sums.people
    square = sums.squares / sums.people
    within = WITHIN * square / (1 + WITHIN * share)
    between = square - mean * mean - within * share
    if between * WEIGHT_MAX <= within:
        return WEIGHT_MAX
    return max(within / between, WEIGHT_MIN)


def pace_of(paces: Paces, category: str) -> Pace:
    """Of a category; of one that nobody came back to, the shop's."""
    return paces.get(category) or paces.get(ALL) or Pace()


def gap_days(pace: Pace, days: int, first: datetime, last: datetime) -> float:
    """A person's expected gap, who bought on so many days, first and last then."""
    own = (last - first) / timedelta(days=1)
    return (own + pace.weight * pace.gap_days) / (days - 1 + pace.weight)


def due_at(pace: Pace, days: int, first: datetime | None, last: datetime | None) -> datetime | None:
    """When they are expected to buy again, to a second; None: who never bought."""
    if not days or first is None or last is None:
        return None
    return last + timedelta(seconds=int(gap_days(pace, days, first, last) * DAY_S))
