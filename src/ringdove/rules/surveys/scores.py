"""What the scores of a survey say, and how sure that is: mean, CSAT, NPS (R83, R89).

Each figure comes with the interval that holds the truth in 95 of 100 such surveys. A share has
Wilson's (1927, "Probable inference", JASA 22). A mean of scores, and NPS, which is the mean of -1,
0 and 1, are counted as if three more had answered, half of them the worst and half the best: the
same thought as Agresti and Coull's for shares (1998, The American Statistician 52), of which Rocks
(2016, ibid. 70) tried relatives for NPS. The plain formula gives few equal answers an interval of
no width, and of ten people it holds the truth in 65 cases of 100 where it says 95; this one,
counted out over mixtures, never in fewer than 92 from five answers on (docs/decisions/0077).

They are right for one look at one figure. Which of fifty products is the worst one is another
question: so nothing here says "better" or "worse", and lists are in order of what is sure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt

from ringdove.rules.surveys.surveys import Survey

Z = 1.959963984540054  # 95 %
FEW = 5  # scores below this are shown as they are, without figures
ADDED = 3.0  # answers that a mean is counted with, half of them at either end


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure, and between what the truth lies."""

    value: float
    low: float
    high: float


@dataclass(slots=True)
class Scores:
    """What so many askings came to. `asked`: answered or not; `given`: how many gave each score;
    `wordless`: answered without a score."""

    survey: Survey
    asked: int = 0
    wordless: int = 0
    given: dict[int, int] = field(default_factory=dict)

    def add(self, score: int | None, is_answered: bool, n: int) -> None:
        """So many more askings that came to this."""
        self.asked += n
        if score is not None:
            # The scale was longer once: what is outside of it now counts as its end.
            score = min(max(score, self.survey.low), self.survey.high)
            self.given[score] = self.given.get(score, 0) + n
        elif is_answered:
            self.wordless += n

    @property
    def n(self) -> int:
        """Scores in all."""
        return sum(self.given.values())

    @property
    def answered(self) -> int:
        return self.n + self.wordless

    @property
    def is_few(self) -> bool:
        """Whether nothing should be said of them but what they are."""
        return self.n < FEW

    @property
    def good(self) -> int:
        """How many are content."""
        return sum(n for score, n in self.given.items() if self.survey.is_good(score))

    @property
    def low(self) -> int:
        """How many gave a low score."""
        return sum(n for score, n in self.given.items() if self.survey.is_low(score))

    @property
    def rate(self) -> Interval | None:
        """The part of those asked that answered."""
        return wilson(self.answered, self.asked)

    @property
    def csat(self) -> Interval | None:
        """The part of the scores that content people gave."""
        return wilson(self.good, self.n)

    @property
    def mean(self) -> Interval | None:
        """The mean score."""
        return mean(self.given, self.survey.low, self.survey.high)

    @property
    def nps(self) -> Interval | None:
        """Content people less those with low scores, of 100: from -100 to 100. What the world calls
        NPS where the scale is 0 to 10, good from 9 and low up to 6 (Reichheld 2003)."""
        between = self.n - self.good - self.low
        found = mean({-1: self.low, 0: between, 1: self.good}, -1, 1)
        return found and Interval(found.value * 100, found.low * 100, found.high * 100)

    @property
    def measured(self) -> Interval | None:
        """By the survey's own measure: csat as a part of 1, nps of 100."""
        return self.nps if self.survey.measure == "nps" else self.csat

    @property
    def at_most(self) -> float:
        """What the content part is surely not above. A list of the worst is in order of it: few
        answers prove little, and are not the worst for being few."""
        return self.csat.high if self.csat else 1.0


def wilson(hits: int, n: int) -> Interval | None:
    """A share and its score interval; None: of nothing."""
    if n <= 0:
        return None
    part, z2 = hits / n, Z * Z
    middle = (part + z2 / (2 * n)) / (1 + z2 / n)
    reach = Z * sqrt(part * (1 - part) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # At either end the formula gives the end itself, but for the last digit of a float.
    low = 0.0 if hits == 0 else max(0.0, middle - reach)
    high = 1.0 if hits == n else min(1.0, middle + reach)
    return Interval(part, low, high)


def mean(given: Mapping[int, int], worst: int, best: int) -> Interval | None:
    """The mean of so many of each score; None: of none."""
    n = sum(given.values())
    if n <= 0:
        return None
    known = sum(score * times for score, times in given.items())
    squares = sum(score * score * times for score, times in given.items())
    more = n + ADDED
    middle = (known + ADDED * (worst + best) / 2) / more
    spread = (squares + ADDED * (worst * worst + best * best) / 2) / more - middle * middle
    reach = Z * sqrt(max(0.0, spread) / more)
    value = known / n
    # What was found is always within what is said of it, however lopsided the answers are.
    low = min(value, max(float(worst), middle - reach))
    return Interval(value, low, max(value, min(float(best), middle + reach)))
