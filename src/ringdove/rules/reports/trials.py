"""What a text changed, by comparison with who was left alone by chance (N3): honest on every day.

People look at a report daily and stop looking when it pleases them. A usual test is then wrong far
more often than it says. Here every figure holds at all looks together. The idea: chance decided
who is in which group, whatever they do later. So each buyer in turn is a draw from the two groups
by their sizes, if the text changed nothing; a bet against that grows only if it did (Robbins 1970,
"Statistical methods related to the law of the iterated logarithm"; Johari, Pekelis, Walsh 2015,
"Always valid inference", arXiv:1512.04922; Howard, Ramdas, McAuliffe, Sekhon 2021, "Time-uniform,
nonparametric, nonasymptotic confidence sequences", arXiv:1810.08240). It does not matter whether
people come in day by day or were all written to at once, nor how long they take to buy.

Never a winner on few events, and never a word that tomorrow may take back by mere chance.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import erfc, exp, lgamma, log, sqrt

ALPHA = 0.05  # of all that is compared at once, over all looks, so often wrong at most
HITS_MIN = 20  # in both groups together; fewer say nothing
HITS_EACH_MIN = 5.0  # that chance would have put into the smaller group
WEEKS_MAX = 104.0  # beyond this nobody waits

# How much is bet on small differences: the prior of the mixture is worth so many buyers. Tuned for
# a third more buyers; it changes how soon something is seen, never how often that is wrong.
PRIOR_HITS = 30.0
PRIOR_SUMS = 30.0


@dataclass(frozen=True, slots=True)
class Group:
    """People whom chance put together, and what they did since. Sums are in one currency."""

    people: int
    hits: int = 0  # of these people: bought (or clicked), each once
    total: float = 0.0  # what they spent
    squares: float = 0.0  # of what each buyer spent, summed

    def __add__(self, other: "Group") -> "Group":
        return Group(
            self.people + other.people,
            self.hits + other.hits,
            self.total + other.total,
            self.squares + other.squares,
        )

    @property
    def rate(self) -> float:
        return self.hits / self.people if self.people else 0.0

    @property
    def per_person(self) -> float:
        return self.total / self.people if self.people else 0.0


@dataclass(frozen=True, slots=True)
class Wait:
    """How many hits (of both groups) would show a difference as large as the one seen so far, and
    in how many weeks they come at the pace so far; None: not in WEEKS_MAX."""

    hits: int | None
    weeks: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One group less another, per person: 0.01 is one more of 100 people, or 0.01 of the money.

    `low` and `high` hold the truth at all looks together with chance 1 - ALPHA; None while there is
    too little to say anything. `p` is always valid. `is_sure`: not by chance, and not on few."""

    value: float
    low: float | None
    high: float | None
    p: float
    is_sure: bool
    wait: Wait | None = None


@dataclass(frozen=True, slots=True)
class Contest:
    """Several texts against each other: the best so far, whether that is sure, and by how much it
    is ahead of each other one (by their places; its own is None)."""

    leader: int | None
    is_sure: bool
    ahead: tuple[Difference | None, ...]


# ------------------------------------------------------------------ who did it


def lifts(
    left_alone: Group, groups: Sequence[Group], weeks: float = 0.0, alpha: float = ALPHA
) -> list[Difference]:
    """Each group's rate of hits less that of those who were left alone. `weeks` since the
    beginning: for how long to wait. Corrected for how many groups there are (Holm for what is sure,
    Bonferroni for the intervals)."""
    found = [_rates(one, left_alone, weeks, alpha / len(groups)) for one in groups]
    return _holm(found, [_is_enough(one, left_alone) for one in groups], alpha)


def contest(groups: Sequence[Group], weeks: float = 0.0, alpha: float = ALPHA) -> Contest:
    """Which of several texts does best. Sure only when it beats each other one, corrected for all
    pairs that were compared."""
    if len(groups) < 2:
        return Contest(None, False, (None,) * len(groups))
    pairs = [(i, j) for i in range(len(groups)) for j in range(i)]
    found = [_rates(groups[i], groups[j], weeks, alpha / len(pairs)) for i, j in pairs]
    enough = [_is_enough(groups[i], groups[j]) for i, j in pairs]
    told = dict(zip(pairs, _holm(found, enough, alpha), strict=True))
    leader = max(range(len(groups)), key=lambda n: groups[n].rate)
    ahead = tuple(
        None if n == leader else told[leader, n] if n < leader else _turned(told[n, leader])
        for n in range(len(groups))
    )
    sure = all(one.is_sure and one.value > 0 for one in ahead if one)
    return Contest(leader if groups[leader].hits else None, sure, ahead)


def _turned(one: Difference) -> Difference:
    low = None if one.high is None else -one.high
    high = None if one.low is None else -one.low
    return replace(one, value=-one.value, low=low, high=high)


def _rates(one: Group, other: Group, weeks: float, alpha: float) -> Difference:
    hits, share = one.hits + other.hits, _share(one, other)
    value = one.rate - other.rate
    if not hits or share is None:
        return Difference(value, None, None, 1.0, False, Wait(None, None))
    evidence = _bet(one.hits, hits, share)
    low = high = None
    if _is_enough(one, other):
        # Among this many buyers so many of the first group: what the two rates differ by.
        low, high = (
            min(1.0, max(-1.0, hits * (theta / one.people - (1 - theta) / other.people)))
            for theta in _shares_held(one.hits, hits, share, alpha)
        )
    is_seen = evidence >= log(1 / alpha) and _is_enough(one, other)
    wait = None if is_seen else _wait(one.hits, hits, share, weeks, alpha)
    return Difference(value, low, high, min(1.0, exp(-evidence)), False, wait)


def _share(one: Group, other: Group) -> float | None:
    """Of the two groups' people those of the first: what chance makes of the buyers."""
    if not one.people or not other.people:
        return None
    return one.people / (one.people + other.people)


def _is_enough(one: Group, other: Group) -> bool:
    share, hits = _share(one, other), one.hits + other.hits
    if share is None or hits < HITS_MIN:
        return False
    return hits * min(share, 1 - share) >= HITS_EACH_MIN


def _bet(mine: float, hits: float, share: float) -> float:
    """The logarithm of what a bet of 1 on "it is not by chance" became. Of each buyer in turn it is
    bet by a beta mixture on which group they are of; if it is by chance, the bet is a martingale
    from 1, and so reaches 1/alpha at any time with chance alpha at most (Ville)."""
    a, b = share * PRIOR_HITS, (1 - share) * PRIOR_HITS
    likely = mine * log(share) + (hits - mine) * log(1 - share)
    return _beta(a + mine, b + hits - mine) - _beta(a, b) - likely


def _beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _shares_held(mine: int, hits: int, share: float, alpha: float) -> tuple[float, float]:
    """All shares that the same bet has not refuted: a confidence sequence."""
    a, b = share * PRIOR_HITS, (1 - share) * PRIOR_HITS
    mixed = _beta(a + mine, b + hits - mine) - _beta(a, b)

    def is_held(theta: float) -> bool:
        likely = (mine * log(theta) if mine else 0.0) + (
            (hits - mine) * log(1 - theta) if hits > mine else 0.0
        )
        return mixed - likely < log(1 / alpha)

    middle = mine / hits
    low = 0.0 if not mine else _edge(is_held, middle, 0.0)
    high = 1.0 if mine == hits else _edge(is_held, middle, 1.0)
    return low, high


def _edge(is_held: Callable[[float], bool], inside: float, outside: float) -> float:
    """Where it stops to be held, from the last place that is."""
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if is_held(middle) else (inside, middle)
    return inside


def _wait(mine: int, hits: int, share: float, weeks: float, alpha: float) -> Wait:
    part = mine / hits

    def shows(many: float) -> bool:
        return _bet(part * many, many, share) >= log(1 / alpha)

    most = hits * 2.0
    while not shows(most):
        most *= 2
        if most > 1e7:
            return Wait(None, None)
    least = most / 2
    for _ in range(40):
        middle = (least + most) / 2
        least, most = (least, middle) if shows(middle) else (middle, most)
    needed = max(most, float(HITS_MIN), HITS_EACH_MIN / min(share, 1 - share))
    more = (needed - hits) * weeks / hits
    return Wait(round(needed), more if 0 < more <= WEEKS_MAX else None)


def _holm(found: Sequence[Difference], enough: Sequence[bool], alpha: float) -> list[Difference]:
    """Sure are those whose p, from the smallest up, is below alpha over how many are left. What is
    by far too few has no p that counts, but is counted among the compared."""
    told = list(found)
    order = sorted(range(len(found)), key=lambda n: found[n].p)
    for left, n in zip(range(len(found), 0, -1), order, strict=True):
        one = found[n]
        if one.p > alpha / left:
            break
        told[n] = replace(one, is_sure=enough[n])
    return told


# ------------------------------------------------------------------ what they spent


def money(left_alone: Group, groups: Sequence[Group], alpha: float = ALPHA) -> list[Difference]:
    """What a person of each group spent more than one who was left alone. Few large orders decide
    it, so it takes far longer to be sure than how many bought."""
    found = [_sums(one, left_alone, alpha / len(groups)) for one in groups]
    return _holm(found, [_is_enough(one, left_alone) for one in groups], alpha)


def _sums(one: Group, other: Group, alpha: float) -> Difference:
    """What was spent, times how far its buyer's group is from chance, summed: without an effect
    each term has mean 0 and is sub-Gaussian with a factor that Kearns and Saul (1998) give for a
    skewed draw. A normal mixture over such sums bounds them at all times (Howard et al., 2.7)."""
    hits, share = one.hits + other.hits, _share(one, other)
    value = one.per_person - other.per_person
    squares = one.squares + other.squares
    if not hits or share is None or squares <= 0:
        return Difference(value, None, None, 1.0, False)
    spread = _skewed(share) * squares
    prior = spread / hits * PRIOR_SUMS
    whole = one.people + other.people
    scale = whole / one.people / other.people
    drift = value / scale
    evidence = drift * drift / 2 / (spread + prior) - log((spread + prior) / prior) / 2
    low = high = None
    if _is_enough(one, other):
        bound = sqrt(2 * (spread + prior) * (log((spread + prior) / prior) / 2 + log(1 / alpha)))
        low, high = value - bound * scale, value + bound * scale
    return Difference(value, low, high, min(1.0, exp(-evidence)), False)


def _skewed(share: float) -> float:
    """The variance that a draw with this chance is bounded by: 1/4 in the middle."""
    if abs(share - 0.5) < 1e-6:
        return 0.25
    return (1 - 2 * share) / (2 * log((1 - share) / share))


# ------------------------------------------------------------------ before it begins


@dataclass(frozen=True, slots=True)
class Power:
    """What a plan will be able to see: the least lift per person (0.02: 2 more of 100), and how
    many times as many buyers that is; None: nothing, whatever happens."""

    lift: float | None
    times: float | None


def smallest_lift(
    people: int, holdout: float, rate: float, alpha: float = ALPHA, power: float = 0.8
) -> Power:
    """The least lift that a campaign to so many people will see with this power, if `holdout` of
    them (0.1) are left alone and `rate` of those buy anyway (0.02) while it is looked at."""
    written, alone = people * (1 - holdout), people * holdout
    if alone < 1 or written < 1 or not 0 < rate < 1:
        return Power(None, None)
    share = written / people

    def is_seen(times: float) -> bool:
        hits = rate * (alone + times * written)
        if hits < HITS_MIN or hits * min(share, 1 - share) < HITS_EACH_MIN:
            return False
        mine = times * written / (alone + times * written)
        needed = _edge(lambda x: _bet(x, hits, share) < log(1 / alpha), hits * share, hits)
        missing = (mine * hits - needed) / sqrt(hits * mine * (1 - mine))
        return erfc(-missing / sqrt(2)) / 2 >= power

    most = 1 / rate  # everybody buys
    if not is_seen(most):
        return Power(None, None)
    least = 1.0
    for _ in range(50):
        middle = (least + most) / 2
        least, most = (least, middle) if is_seen(middle) else (middle, most)
    return Power(rate * (most - 1), most)
