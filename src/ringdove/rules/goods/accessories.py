"""What is bought after what: which goods somebody may want who has bought these (R53, R74, R15).

The chance that who bought A buys B within SPAN_DAYS, not having had it before, is counted from the
shop's own orders in the order of time: the case follows the telephone, not the other way round. Few
say little, so what they did is shrunk, level by level, to what is known more widely (a hierarchy of
Dirichlet means; Gelman et al., Bayesian Data Analysis, 2013, chapter 5):

    after A:            (who bought B after A + weight · after A's category) / (A's + weight)
    after A's category: (who bought B after one of it + weight · by categories) / (its + weight)
    by categories:      B's category after A's, shrunk to B's category after anything, · B's share

So goods that nobody has bought yet have accessories by their category. A person is offered what
the goods they bought lead to more than usual, fading with time, and among it rather what is of
categories that they like; not a second of what nobody buys twice (a fridge), which is learnt too.
Counting is done in SQL (records/goods/goods_counts.py) and here for measurements; a test holds both
equal, and `ringdove bench accessories` measures what it is worth.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Final, NamedTuple

SPAN_DAYS: Final = 180.0  # what is bought later has nothing to do with it
HALF_LIFE_DAYS: Final = 45.0  # so much later, half as likely because of it
TOGETHER: Final = 0.5  # in one order nobody can tell which came first: half of it each way
WEIGHT_GOODS: Final = 10.0  # so many buyers of A say as much as its category does
WEIGHT_CATEGORY: Final = 20.0
WEIGHT_SHOP: Final = 20.0
WEIGHT_TASTE: Final = 5.0  # so many goods of one's own say as much of taste as the shop's buyers
OWN_MAX: Final = 60  # goods that followed one the most: of these and its category's is chosen
CATEGORY_MAX: Final = 120
KEPT: Final = 24  # of a list
WANTED_MAX: Final = 50  # by one person

# What a list is about, see `lists`.
AFTER, AFTER_KIND, OF, OF_SHOP = "after/", "after_kind/", "of/", "shop"


class Bought(NamedTuple):
    """The first time that a person bought these goods."""

    person: int
    sku: str
    category: str
    day: float  # from any beginning
    order: int


@dataclass(slots=True)
class Sums:
    """What was bought after what, how often; later purchases count less, by HALF_LIFE_DAYS."""

    buyers: dict[str, int] = field(default_factory=dict)  # by sku
    category: dict[str, str] = field(default_factory=dict)  # by sku
    after: dict[str, dict[str, float]] = field(default_factory=dict)  # sku, sku
    after_kind: dict[str, dict[str, float]] = field(default_factory=dict)  # category, sku
    between: dict[str, dict[str, float]] = field(default_factory=dict)  # category, category
    after_any: dict[str, float] = field(default_factory=dict)  # sku

    def add(self, more: "Sums") -> None:
        """Those of other people as well."""
        self.category = more.category | self.category
        for sku, n in more.buyers.items():
            self.buyers[sku] = self.buyers.get(sku, 0) + n
        for rows, others in (
            (self.after, more.after), (self.after_kind, more.after_kind),
            (self.between, more.between), ({"": self.after_any}, {"": more.after_any}),
        ):  # fmt: skip
            for key, one in others.items():
                row = rows.setdefault(key, {})
                for other, value in one.items():
                    row[other] = row.get(other, 0.0) + value


class Pair(NamedTuple):
    """Goods, and the chance that they are bought."""

    sku: str
    chance: float


def counted(bought: Iterable[Bought]) -> Sums:
    """The sums of first purchases."""
    sums, by_person = Sums(), defaultdict[int, list[Bought]](list)
    for one in bought:
        by_person[one.person].append(one)
        sums.buyers[one.sku] = sums.buyers.get(one.sku, 0) + 1
        sums.category[one.sku] = one.category
    for theirs in by_person.values():
        for first in theirs:
            for then in theirs:
                if weight := _weight(first, then):
                    _add(sums, first, then, weight)
    return sums


def _weight(first: Bought, then: Bought) -> float:
    later = then.day - first.day
    if first.sku == then.sku or not 0 <= later < SPAN_DAYS:
        return 0.0
    return TOGETHER if first.order == then.order else float(0.5 ** (later / HALF_LIFE_DAYS))


def _add(sums: Sums, first: Bought, then: Bought, weight: float) -> None:
    for rows, one, other in (
        (sums.after, first.sku, then.sku),
        (sums.after_kind, first.category, then.sku),
        (sums.between, first.category, then.category),
    ):
        row = rows.setdefault(one, {})
        row[other] = row.get(other, 0.0) + weight
    sums.after_any[then.sku] = sums.after_any.get(then.sku, 0.0) + weight


# ------------------------------------------------------------------ learning


class Learnt:
    """The chances that follow from sums. `sold`: what can be offered, its category by sku."""

    def __init__(self, sums: Sums, sold: Mapping[str, str]) -> None:
        self._sums, self._sold = sums, sold
        every = max(1, sum(sums.buyers.values()))
        self._usual = {sku: n / every for sku, n in sums.after_any.items() if sku in sold}
        self._buyers: dict[str, int] = defaultdict(int)
        for sku, n in sums.buyers.items():
            self._buyers[sums.category[sku]] += n
        self._of_kind: dict[str, float] = defaultdict(float)
        for sku, chance in self._usual.items():
            self._of_kind[sums.category[sku]] += chance
        self._leads = {kind: self._lead(kind) for kind in self._buyers}
        self._after_kind = {kind: self._best_after_kind(kind) for kind in self._buyers}

    def lists(self) -> Iterator[tuple[str, list[Pair]]]:
        """All that is to be kept, the best first. after/<sku> and after_kind/<category>: how much
        likelier than usual they are bought then. of/<category>: how likely goods of it are bought
        by who buys of nothing else; shop: how likely anything is bought after anything."""
        for sku in sorted({*self._sums.buyers, *self._sold}):
            yield AFTER + sku, self.after(sku)  # an empty one says that they lead nowhere
        for kind in sorted(self._buyers):
            if found := self._above(self._after_kind[kind]):
                yield AFTER_KIND + kind, found
            yield OF + kind, self._of(kind)
        yield OF_SHOP, _best(Pair(*one) for one in self._usual.items())

    def after(self, sku: str) -> list[Pair]:
        """What is likelier than usual after these goods."""
        kind = self._sums.category.get(sku) or self._sold.get(sku, "")
        buyers, own = self._sums.buyers.get(sku, 0), self._sums.after.get(sku, {})
        wider = self._after_kind.get(kind, {})
        among = wider.keys() | (own.keys() & self._usual.keys())
        found = {}
        for one in among - {sku}:
            usual = wider[one] if one in wider else self._chance_after_kind(kind, one)
            found[one] = (own.get(one, 0.0) + WEIGHT_GOODS * usual) / (buyers + WEIGHT_GOODS)
        return self._above(found)

    def _above(self, chances: Mapping[str, float]) -> list[Pair]:
        above = (Pair(sku, chance - self._usual[sku]) for sku, chance in chances.items())
        return _best(one for one in above if one.chance > 0)

    def _of(self, kind: str) -> list[Pair]:
        whole = sum(self._usual.values())
        again = min(1.0, self._leads[kind].get(kind, 1.0))
        return _best(
            Pair(sku, whole * chance / self._of_kind[kind] * again)
            for sku, chance in self._usual.items()
            if self._sums.category[sku] == kind
        )

    def _lead(self, kind: str) -> dict[str, float]:
        """By category: how many times as likely after this one as after anything."""
        seen, weight = self._sums.between.get(kind, {}), WEIGHT_SHOP
        return {
            other: (seen.get(other, 0.0) + weight * usual) / (self._buyers[kind] + weight) / usual
            for other, usual in self._of_kind.items()
        }

    def _best_after_kind(self, kind: str) -> dict[str, float]:
        found = (Pair(sku, self._chance_after_kind(kind, sku)) for sku in self._usual)
        return dict(_best(found, CATEGORY_MAX))

    def _chance_after_kind(self, kind: str, sku: str) -> float:
        usual = self._usual[sku]
        if kind not in self._buyers:
            return usual
        seen = self._sums.after_kind.get(kind, {}).get(sku, 0.0)
        wider = usual * self._leads[kind][self._sums.category[sku]]
        return (seen + WEIGHT_CATEGORY * wider) / (self._buyers[kind] + WEIGHT_CATEGORY)


def _best(found: Iterable[Pair], most: int = KEPT) -> list[Pair]:
    return nlargest(most, found, key=lambda one: (one.chance, one.sku))


# ------------------------------------------------------------------ choosing

Lists = Mapping[str, Sequence[Pair]]
"""By what they are about, as Learnt.lists tells them."""


class Had(NamedTuple):
    """Goods that somebody bought, the last time so long ago."""

    sku: str
    category: str
    days_ago: float


def wanted(lists: Lists, had: Sequence[Had], without: Iterable[str] = ()) -> list[Pair]:
    """What a person may want next who has bought these, the likeliest first: what something of
    theirs leads to, and nothing that they have or that is in `without`."""
    scores: dict[str, float] = defaultdict(float)
    kinds: dict[str, int] = defaultdict(int)
    for one in had:
        kinds[one.category] += 1
        left = 0.5 ** (max(0.0, one.days_ago) / HALF_LIFE_DAYS)
        for sku, chance in _after(lists, one):
            scores[sku] += chance * left
    whole = len(had) + WEIGHT_TASTE
    tastes = [(OF + kind, n / whole) for kind, n in kinds.items()]
    for about, share in (*tastes, (OF_SHOP, WEIGHT_TASTE / whole)):
        for sku, chance in lists.get(about, ()):
            if sku in scores:  # else nothing of theirs leads to it
                scores[sku] += chance * share
    for sku in (*(one.sku for one in had), *without):
        scores.pop(sku, None)
    best = nlargest(WANTED_MAX, zip(scores.values(), scores.keys(), strict=True))
    return [Pair(sku, chance) for chance, sku in best]


def asked(had: Iterable[Had]) -> set[str]:
    """Which lists `wanted` looks at."""
    found = {OF_SHOP}
    for one in had:
        found |= {AFTER + one.sku, AFTER_KIND + one.category, OF + one.category}
    return found


def _after(lists: Lists, one: Had) -> Sequence[Pair]:
    known = lists.get(AFTER + one.sku)
    return lists.get(AFTER_KIND + one.category, ()) if known is None else known
