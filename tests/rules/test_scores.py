"""What scores say and how sure it is: tables, and the promise of 95 in 100 counted out."""

from itertools import product
from math import exp, lgamma, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules.surveys import scores, surveys
from ringdove.rules.surveys.scores import Interval, Scores


def of(key: str, **given: int) -> Scores:
    """Of a ready survey, so many of each score: s6=3."""
    made = Scores(surveys.READY[key])
    for score, n in given.items():
        made.add(int(score[1:]), True, n)
    return made


def near(found: Interval | None, value: float, low: float, high: float) -> None:
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((value, low, high), abs=0.0006)


def test_known_figures() -> None:
    """R83. Wilson's as Newcombe (1998, Statistics in Medicine 17, table I) gives it; the rest by
    hand."""
    near(scores.wilson(81, 263), 0.3080, 0.2553, 0.3662)
    near(scores.wilson(15, 148), 0.1014, 0.0624, 0.1605)
    near(scores.wilson(0, 20), 0, 0, 0.1611)
    near(scores.wilson(1, 29), 0.0345, 0.0061, 0.1718)
    assert scores.wilson(0, 0) is None
    six = of("delivery", s6=6, s5=2, s1=2)
    assert six.csat == six.measured == scores.wilson(8, 10) and six.low == 2
    near(six.mean, 4.8, 3.3297, 5.6703)
    ten = of("nps", s10=5, s9=5, s7=4, s6=3, s0=3)
    assert ten.nps == ten.measured and ten.nps is not None
    assert (ten.nps.value, round(ten.nps.low, 1), round(ten.nps.high, 1)) == (20, -19.1, 53.8)
    all_best = of("delivery", s6=10)
    assert all_best.mean is not None and all_best.mean.value == 6 and all_best.mean.low < 5.5


def test_askings_are_counted_as_what_became_of_them() -> None:
    """R83."""
    found = Scores(surveys.READY["delivery"])
    assert found.mean is None and found.csat is None and found.nps is None and found.rate is None
    found.add(None, False, 6)
    found.add(None, True, 1)
    found.add(5, True, 2)
    found.add(10, True, 1)  # when the scale went up to ten
    assert (found.asked, found.answered, found.n, found.wordless) == (10, 4, 3, 1)
    assert found.is_few and found.rate == scores.wilson(4, 10) and found.given == {5: 2, 6: 1}
    # One bad answer proves less than ten of twenty.
    assert of("delivery", s1=1).at_most > of("delivery", s1=10, s6=10).at_most


@given(st.dictionaries(st.integers(0, 10), st.integers(1, 10_000), max_size=11))
def test_a_figure_lies_within_its_interval_and_on_its_scale(many: dict[int, int]) -> None:
    found = Scores(surveys.READY["nps"], given=many)
    for one, least, most in ((found.mean, 0, 10), (found.csat, 0, 1), (found.nps, -100, 100)):
        if one is not None:
            assert least <= one.low <= one.value <= one.high <= most
            assert many and (one.low < one.high)


def test_nps_holds_the_truth_as_often_as_it_says() -> None:
    """R83. Every outcome of ten and of thirty answers, for mixtures of people all over: where the
    plain formula sinks to 40 in 100."""
    grid = [
        (a / 10, (10 - a - c) / 10, c / 10)
        for a, c in product(range(11), repeat=2)
        if 0 < a + c <= 10 and 10 not in (a, c)
    ]
    for n, least in ((5, 0.93), (10, 0.92), (30, 0.94)):
        held = {
            (a, c): scores.mean({1: a, 0: n - a - c, -1: c}, -1, 1)
            for a, c in product(range(n + 1), repeat=2)
            if a + c <= n
        }
        for mixture in grid:
            truth = mixture[0] - mixture[2]
            sure = sum(
                _chance((a, n - a - c, c), mixture)
                for (a, c), one in held.items()
                if one and one.low - 1e-9 <= truth <= one.high + 1e-9
            )
            assert sure >= least, (n, mixture, sure)


def _chance(counts: tuple[int, int, int], mixture: tuple[float, float, float]) -> float:
    if any(n and not part for n, part in zip(counts, mixture, strict=True)):
        return 0.0
    said = lgamma(sum(counts) + 1)
    for n, part in zip(counts, mixture, strict=True):
        said += (n * log(part) if n else 0.0) - lgamma(n + 1)
    return exp(said)
