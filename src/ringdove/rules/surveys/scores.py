"""What the marks of a survey say, and how sure that is: mean, satisfied share, NPS (R83, R89).

Each figure comes with the interval that holds the truth in 95 of 100 such surveys. A share has
Wilson's (1927, "Probable inference", JASA 22). A mean of marks, and NPS, which is the mean of -1, 0
and 1, are counted as if three more had answered, half of them the worst and half the best: the
same thought as Agresti and Coull's for shares (1998, The American Statistician 52), of which Rocks
(2016, ibid. 70) tried relatives for NPS. The plain formula gives few equal answers an interval of
no width and holds ten people's truth in 40 cases of 100 where it says 95; this one, counted out
over mixtures of answers, never in fewer than 92 from five answers on (docs/decisions/0077).

They are right for one look at one figure. Which of fifty products is the worst one is another
question: so nothing here says "better" or "worse", and lists are in order of what is sure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt

Z = 1.959963984540054  # 95 %
FEW = 5  # answers below this are shown as they are, without figures
ADDED = 3.0  # answers that a mean is counted with, half of them at either end
NPS_SCALE = (0, 10)
PROMOTERS_FROM, DETRACTORS_TO = 9, 6  # Reichheld 2003: how likely would you recommend us?


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure, and between what the truth lies."""

    value: float
    low: float
    high: float


@dataclass(slots=True)
class Scores:
    """How often each mark was given. `asked`: so many were, answered or not; `marks` by the mark,
    from `worst` to `best`; `wordless`: answered without a mark."""

    worst: int
    best: int
    asked: int = 0
    wordless: int = 0
    marks: dict[int, int] = field(default_factory=dict)

    def add(self, mark: int | None, is_answered: bool, n: int) -> None:
        """So many more askings that came to this."""
        self.asked += n
        if mark is not None:
            self.marks[mark] = self.marks.get(mark, 0) + n
        elif is_answered:
            self.wordless += n

    @property
    def n(self) -> int:
        """Marks in all."""
        return sum(self.marks.values())

    @property
    def answered(self) -> int:
        return self.n + self.wordless

    @property
    def is_few(self) -> bool:
        """Whether nothing should be said of them but what they are."""
        return self.n < FEW

    @property
    def satisfied_from(self) -> int:
        """The two best marks are content people; of three or fewer marks only the best is."""
        return self.best - 1 if self.best - self.worst >= 3 else self.best

    @property
    def satisfied(self) -> int:
        """How many gave such a mark."""
        return sum(n for mark, n in self.marks.items() if mark >= self.satisfied_from)

    @property
    def rate(self) -> Interval | None:
        """The part of those asked that answered."""
        return wilson(min(self.answered, self.asked), self.asked)

    @property
    def csat(self) -> Interval | None:
        """The part of the marks that content people gave."""
        return wilson(self.satisfied, self.n)

    @property
    def mean(self) -> Interval | None:
        """The mean mark."""
        return mean(self.marks, self.worst, self.best)

    @property
    def nps(self) -> Interval | None:
        """Promoters less detractors, from -100 to 100; None too where the scale is another."""
        if (self.worst, self.best) != NPS_SCALE:
            return None
        kinds = {-1: 0, 0: 0, 1: 0}
        for mark, n in self.marks.items():
            kinds[nps_kind(mark)] += n
        found = mean(kinds, -1, 1)
        return found and Interval(found.value * 100, found.low * 100, found.high * 100)

    @property
    def at_most(self) -> float:
        """Of the satisfied share, what it is surely not above: few answers prove little, and are
        not the worst of a list for it."""
        return self.csat.high if self.csat else 1.0


def nps_kind(mark: int) -> int:
    """1: a promoter, -1: a detractor, 0: neither."""
    return 1 if mark >= PROMOTERS_FROM else -1 if mark <= DETRACTORS_TO else 0


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


def mean(marks: Mapping[int, int], worst: int, best: int) -> Interval | None:
    """The mean of so many of each mark; None: of none."""
    n = sum(marks.values())
    if n <= 0:
        return None
    known = sum(mark * times for mark, times in marks.items())
    squares = sum(mark * mark * times for mark, times in marks.items())
    more = n + ADDED
    middle = (known + ADDED * (worst + best) / 2) / more
    spread = (squares + ADDED * (worst * worst + best * best) / 2) / more - middle * middle
    reach = Z * sqrt(max(0.0, spread) / more)
    value = known / n
    # What was found is always within what is said of it, however lopsided the answers are.
    low = min(value, max(float(worst), middle - reach))
    return Interval(value, low, max(value, min(float(best), middle + reach)))
