"""What a text changed: held to its word by shops that never were, looked at every day.

Chance decides who is left alone, then the days pass; every simulated merchant looks at the report
each evening and would stop at the first winner. Seeds are fixed: a failure is a failure.
"""

import random
from collections.abc import Iterator
from math import exp, log

import pytest

from ringdove.rules.reports import trials
from ringdove.rules.reports.trials import Group

DAYS = 30


class Side:
    """A group as the days pass."""

    def __init__(self, people: int) -> None:
        self.group = Group(people)

    def buys(self, spent: float = 1.0) -> None:
        self.group += Group(0, 1, spent, spent * spent)


def how_many(chance: random.Random, people: int, rate: float) -> int:
    """How many of them do it, each by their own chance: from one to the next who does."""
    n, at = 0, -1
    while (at := at + 1 + int(log(1 - chance.random()) / log(1 - rate))) < people:
        n += 1
    return n


def month(
    chance: random.Random, people: int, holdout: float, rate: float, times: float = 1.0
) -> tuple[Side, Side, list[tuple[bool, float]]]:
    """Who is left alone, who is written to, and in order who of them bought and for how much, with
    the part of the month that had passed. `rate`: of the people left alone over the month."""
    alone = how_many(chance, people, holdout)
    chances = [(alone, rate, False), (people - alone, rate * times, True)]
    bought = [
        (chance.random(), is_written)
        for many, one, is_written in chances
        for _ in range(how_many(chance, many, one))
    ]
    return Side(alone), Side(people - alone), [(who, at) for at, who in sorted(bought)]


def evenings(
    chance: random.Random, people: int, holdout: float, rate: float, times: float = 1.0,
    heavy: bool = False,
) -> Iterator[tuple[int, Group, Group]]:  # fmt: skip
    """The two groups at the end of each day of a month."""
    alone, written, bought = month(chance, people, holdout, rate, times)
    n = 0
    for day in range(1, DAYS + 1):
        while n < len(bought) and bought[n][1] <= day / DAYS:
            spent = exp(chance.gauss(4, 1)) if heavy else 1.0
            (written if bought[n][0] else alone).buys(spent)
            n += 1
        yield day, alone.group, written.group


@pytest.mark.slow
@pytest.mark.parametrize(("people", "holdout"), [(1500, 0.1), (1500, 0.5), (400, 0.2)])
def test_without_an_effect_daily_looks_find_a_winner_in_one_of_twenty_months_at_most(
    people: int, holdout: float
) -> None:
    """N3. A/A: of 200 merchants who look each evening of a month."""
    chance = random.Random(f"none/{people}/{holdout}")
    alarms = 0
    for _ in range(200):
        alarms += any(
            trials.lifts(alone, [written], day / 7)[0].is_sure
            for day, alone, written in evenings(chance, people, holdout, 0.08)
        )
    assert alarms <= 0.05 * 200, alarms


@pytest.mark.slow
def test_without_an_effect_money_finds_no_winner_though_few_orders_are_huge() -> None:
    """N3. Sums of orders spread over two powers of ten."""
    chance = random.Random("money")
    alarms = sum(
        any(
            trials.money(alone, [written])[0].is_sure
            for _, alone, written in evenings(chance, 1500, 0.1, 0.08, heavy=True)
        )
        for _ in range(1_000)
    )
    assert alarms <= 0.05 * 1_000, alarms


@pytest.mark.slow
def test_four_equal_texts_have_no_best_one_in_nineteen_of_twenty_months() -> None:
    """N3. A/B/n: corrected for all six pairs, looked at after every ten buyers."""
    chance = random.Random("four")
    alarms = 0
    for _ in range(150):
        sides = [Side(500) for _ in range(4)]
        for n in range(150):
            chance.choice(sides).buys()
            if n % 10 == 9 and trials.contest([side.group for side in sides]).is_sure:
                alarms += 1
                break
    assert alarms <= 0.05 * 150, alarms


@pytest.mark.slow
@pytest.mark.parametrize(("people", "holdout", "rate"), [(3000, 0.2, 0.05), (2000, 0.5, 0.08)])
def test_a_planted_lift_is_found_at_the_stated_power(
    people: int, holdout: float, rate: float
) -> None:
    """N3. What a plan says that it will see, it sees in four of five months; and says so before
    the month is over in some of them."""
    told = trials.smallest_lift(people, holdout, rate)
    assert told.times
    chance = random.Random(f"planted/{people}")
    found = 0
    for _ in range(400):
        found += any(
            trials.lifts(alone, [written])[0].is_sure
            for _, alone, written in evenings(chance, people, holdout, rate, told.times)
        )
    assert 0.76 * 400 <= found <= 0.95 * 400, found


@pytest.mark.slow
@pytest.mark.parametrize("times", [1.0, 1.5, 3.0])
def test_the_intervals_hold_the_truth_at_all_looks_together(times: float) -> None:
    """N3. Of conversion and of money, each evening of the month."""
    chance = random.Random(f"held/{times}")
    missed = missed_money = 0
    runs = 500
    mean = exp(4 + 0.5)
    for _ in range(runs):
        off = off_money = False
        for day, alone, written in evenings(chance, 3000, 0.2, 0.06, times, heavy=True):
            truth = 0.06 * (times - 1) * day / DAYS
            one = trials.lifts(alone, [written])[0]
            off |= one.low is not None and not one.low <= truth <= (one.high or 0)
            sums = trials.money(alone, [written])[0]
            off_money |= sums.low is not None and not sums.low <= truth * mean <= (sums.high or 0)
        missed += off
        missed_money += off_money
    assert missed <= 0.05 * runs and missed_money <= 0.05 * runs, (missed, missed_money)


def test_few_buyers_make_no_winner_however_lucky() -> None:
    """N3. Nineteen of nineteen bought in one group: still not said; a few more are enough."""
    assert not trials.lifts(Group(1000, 0), [Group(1000, 19)])[0].is_sure
    assert trials.lifts(Group(1000, 0), [Group(1000, 22)])[0].is_sure
    alone = trials.lifts(Group(10, 0), [Group(990, 60)])[0]
    assert not alone.is_sure and alone.low is None, "chance puts less than one buyer in there"


def test_nothing_yet_says_nothing() -> None:
    for left, group in ((Group(0), Group(0)), (Group(10), Group(90)), (Group(0), Group(90, 5))):
        one = trials.lifts(left, [group])[0]
        assert (one.p, one.low, one.is_sure) == (1.0, None, False)
        assert trials.money(left, [group])[0].p == 1.0
    assert trials.contest([Group(5, 1)]).leader is None


def test_what_is_too_few_is_waited_for_and_no_more_than_everybody_buys() -> None:
    """N3. A great difference on few buyers: the page says when there are enough of them, not that
    the groups buy alike; of 100 people not more than 100 buy."""
    (few,) = trials.lifts(Group(100, 12), [Group(900)], 2)
    assert few.p < trials.ALPHA and few.low is None and not few.is_sure
    assert few.wait and few.wait.hits == 50 and few.wait.weeks == pytest.approx(38 * 2 / 12)
    (all_,) = trials.lifts(Group(10, 10), [Group(10, 10)], 2)
    assert (all_.low, all_.high) == (-1, 1)


def test_how_long_to_wait_follows_the_pace() -> None:
    """N3. Twice as long for the same buyers: twice as long to wait; a text that changes nothing is
    not promised a winner."""
    alone, group = Group(1000, 20), Group(9000, 260)
    slow, quick = (trials.lifts(alone, [group], weeks)[0].wait for weeks in (4, 2))
    assert slow and quick and slow.weeks and quick.weeks and slow.hits == quick.hits
    assert slow.weeks == pytest.approx(2 * quick.weeks)
    equal = trials.lifts(Group(1000, 20), [Group(9000, 180)], 2)[0].wait
    assert equal and equal.weeks is None and equal.hits is None


def test_the_best_text_must_beat_each_other_one() -> None:
    """N3. Ahead of the third, not of the second: no winner yet."""
    near = trials.contest([Group(1000, 60), Group(1000, 65), Group(1000, 20)])
    assert (near.leader, near.is_sure) == (1, False)
    assert near.ahead[1] is None and near.ahead[2] and near.ahead[2].is_sure
    far = trials.contest([Group(1000, 30), Group(1000, 90), Group(1000, 20)])
    assert (far.leader, far.is_sure) == (1, True)
    assert all(one.value > 0 for one in far.ahead if one)
    turned = trials.contest([Group(1000, 90), Group(1000, 30)]).ahead[1]
    assert turned and turned.low and turned.high and 0 < turned.low < 0.06 < turned.high


def test_more_people_see_smaller_lifts_and_too_few_see_none() -> None:
    """N3, R23. What the composer says before a campaign."""
    small, large = (trials.smallest_lift(n, 0.1, 0.03).lift for n in (2_000, 200_000))
    assert small and large and large < 0.01 < small
    half, tenth = (trials.smallest_lift(2_000, part, 0.03).lift for part in (0.5, 0.1))
    assert half and tenth and half < tenth
    assert trials.smallest_lift(30, 0.1, 0.03).lift is None
    assert trials.smallest_lift(2_000, 0.0, 0.03).lift is None
    assert trials.smallest_lift(0, 0.1, 0.03).lift is None


def test_the_interval_and_the_verdict_agree() -> None:
    """What is sure has an interval on one side of nought, and the other way round."""
    for bought in range(100, 260, 7):
        one = trials.lifts(Group(2000, 40), [Group(8000, bought)])[0]
        assert one.low is not None and one.high is not None
        assert one.is_sure == (one.low > 0 or one.high < 0)
