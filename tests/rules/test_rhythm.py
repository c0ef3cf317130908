"""N4: a purchase is expected by a person's own gaps, shrunk to the category while they are few."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from ringdove.rules.segments import rhythm
from ringdove.rules.segments.rhythm import ALL, Pace, Sums

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
MONTHLY = Pace(30.0, 4.0, 100)


def days(n: float) -> timedelta:
    return timedelta(days=n)


@pytest.mark.parametrize(
    ("times", "over", "gap"),
    [
        (1, 0, 30.0),  # once: as everybody
        (2, 10, 26.0),  # (10 + 4 · 30) / 5
        (11, 100, 220 / 14),  # ten gaps of ten days outweigh
        (2, 300, 84.0),
    ],
)
def test_own_gaps_count_more_the_more_there_are(times: int, over: int, gap: float) -> None:
    """N4."""
    first = NOON - days(over)
    assert rhythm.gap_days(MONTHLY, times, first, NOON) == pytest.approx(gap)
    due = rhythm.due_at(MONTHLY, times, first, NOON)
    assert due is not None
    assert abs(due - NOON - days(gap)) < timedelta(seconds=1)


def test_who_never_bought_is_not_expected() -> None:
    """N4."""
    assert rhythm.due_at(MONTHLY, 0, None, None) is None


def test_a_category_of_few_speaks_as_its_shop_and_a_shop_of_few_as_a_guess() -> None:
    """N4: data are few in the beginning, everywhere."""
    assert rhythm.pace_of({}, "tea") == Pace()
    nothing = rhythm.learnt({})
    assert nothing[ALL].gap_days == rhythm.GUESS_DAYS
    paces = rhythm.learnt({ALL: _sums([20.0] * 500), "tea": _sums([5.0])})
    assert paces[ALL].gap_days == pytest.approx(20, rel=0.1)
    assert 18 < paces["tea"].gap_days < 22
    assert paces["tea"].weight == paces[ALL].weight
    assert rhythm.pace_of(paces, "cups") == paces[ALL]


def _sums(gaps: list[float], each: int = 1) -> Sums:
    return Sums(len(gaps), sum(gaps), sum(x * x for x in gaps), len(gaps) / each)


@pytest.mark.parametrize(("spread", "weight"), [(0.0, (8, 20)), (0.3, (3, 10)), (0.9, (0.5, 2))])
def test_what_people_differ_by_is_told_from_chance(
    spread: float, weight: tuple[float, float]
) -> None:
    """N4: where all are alike, the category says more; where they differ, each one's own gaps."""
    chance = random.Random(1)
    gaps, squares, shares = 0.0, 0.0, 0.0
    people = 4_000
    for _ in range(people):
        own = 30 * chance.lognormvariate(-spread * spread / 2, spread)
        n = chance.randrange(1, 9)
        # Erlang of second order: two waits for each gap
        mean = sum(chance.expovariate(2 / own) for _ in range(2 * n)) / n
        gaps, squares, shares = gaps + mean, squares + mean * mean, shares + 1 / n
    pace = rhythm.learnt({"tea": Sums(people, gaps, squares, shares)})["tea"]
    assert pace.gap_days == pytest.approx(30, rel=0.05)
    assert weight[0] <= pace.weight <= weight[1]


def test_shrunk_gaps_foretell_better_than_own_or_common_ones() -> None:
    """N4: on people of a known rhythm, the next gap is missed by less."""
    chance = random.Random(2)
    people = []
    for _ in range(3_000):
        own = 30 * chance.lognormvariate(-0.08, 0.4)
        n = chance.randrange(2, 6)
        gaps = [sum(chance.expovariate(2 / own) for _ in range(2)) for _ in range(n)]
        people.append((own, gaps))
    means = [sum(gaps) / len(gaps) for _, gaps in people]
    shares = sum(1 / len(gaps) for _, gaps in people)
    sums = Sums(len(people), sum(means), sum(x * x for x in means), shares)
    pace = rhythm.learnt({"tea": sums})["tea"]
    missed = {"own": 0.0, "common": 0.0, "shrunk": 0.0}
    for own, gaps in people:
        shrunk = rhythm.gap_days(pace, len(gaps) + 1, NOON - days(sum(gaps)), NOON)
        told = {"own": sum(gaps) / len(gaps), "common": pace.gap_days, "shrunk": shrunk}
        for name, guess in told.items():
            missed[name] += (guess - own) ** 2
    assert missed["shrunk"] < 0.85 * min(missed["own"], missed["common"])
