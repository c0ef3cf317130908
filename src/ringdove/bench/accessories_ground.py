"""Pretend shops of which it is known what makes people buy: what `ringdove bench accessories` is
measured on.

People order now and then what is popular and to their taste. What they bought leads to more: a
bicycle to its own tube and to bags of any kind, now or weeks later; a fridge keeps them from
fridges. How much of each is what tells a shop of gear from one of clothes or food. All of it is
drawn from one seed, so a shop can be made again, and the best that anybody could guess is known.
"""

from bisect import bisect
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import accumulate
from math import exp
from random import Random
from typing import Final

from ringdove.rules.goods.accessories import Bought

DAYS: Final = 540.0  # of which the last ones are held out
HELD_OUT_DAYS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Kind:
    """What sort of shop."""

    name: str
    people: int = 3_000
    categories: int = 24
    goods: int = 480
    orders: float = 4.0  # of a person in all that time, on average
    basket: float = 1.3  # goods of one order, beside what belongs to them
    taste: float = 0.8  # share of what is bought that is of the few categories somebody likes
    own: float = 0.35  # chance that each of its own accessories is bought after a thing
    own_share: float = 0.4  # of categories whose things have accessories
    wide: float = 0.25  # chance that something of the category's companion is bought after
    at_once: float = 0.35  # of accessories, in the same order
    delay_days: float = 30.0
    durable: float = 0.0  # share of categories of which nobody buys twice
    season_days: float = 0.0  # how long goods are sold; 0: always


KINDS: Final = (
    Kind("gear", own=0.35, wide=0.2, durable=0.5, orders=3.0),
    Kind("clothes", own_share=0.1, own=0.2, wide=0.4, season_days=200.0, orders=5.0, basket=1.6),
    Kind("food", categories=20, goods=300, own_share=0.5, own=0.15, wide=0.15, orders=9.0,
         basket=3.0, at_once=0.7),
    Kind("chance", own=0.0, wide=0.0),  # nothing leads to anything: only taste is to be known
)  # fmt: skip


@dataclass(slots=True)
class World:
    """A shop with what its people did, and will."""

    kind: Kind
    category: list[int]
    popular: list[float]
    sold: list[tuple[float, float]]  # from when to when
    own: list[list[tuple[int, float]]]  # accessories of each thing, with their chance
    companions: list[list[tuple[int, float]]]  # of each category
    durable: list[bool]
    before: list[Bought] = field(default_factory=list)
    after: dict[int, set[int]] = field(default_factory=dict)  # new to them, held out, by person
    truth: dict[int, dict[int, float]] = field(default_factory=dict)  # the chance of each
    last: dict[int, dict[int, float]] = field(default_factory=dict)  # day of each thing, by person

    @property
    def cut(self) -> float:
        """What is later is held out."""
        return DAYS - HELD_OUT_DAYS


def made(kind: Kind, seed: int) -> World:
    """A shop of this kind."""
    chance = Random(f"{kind.name}/{seed}")
    category = [n % kind.categories for n in range(kind.goods)]
    world = World(
        kind,
        category,
        [chance.paretovariate(1.2) for _ in category],
        [_season(chance, kind) for _ in category],
        [[] for _ in category],
        [[] for _ in range(kind.categories)],
        [chance.random() < kind.durable for _ in range(kind.categories)],
    )
    _lead(world, chance)
    pick = _Picker(world)
    for person in range(kind.people):
        _Person(world, pick, chance, person).lives()
    return world


def _season(chance: Random, kind: Kind) -> tuple[float, float]:
    if not kind.season_days:
        return (-1.0, DAYS + 1)
    begins = chance.uniform(-kind.season_days, DAYS)
    return (begins, begins + kind.season_days)


def _lead(world: World, chance: Random) -> None:
    """What leads to what."""
    kind = world.kind
    by_category = defaultdict(list)
    for thing, category in enumerate(world.category):
        by_category[category].append(thing)
    for category in range(kind.categories):
        others = [one for one in range(kind.categories) if one != category]
        near = chance.sample(others, 2)
        if chance.random() < 0.6:
            world.companions[category] = [
                (one, kind.wide * chance.uniform(0.5, 1.5)) for one in near
            ]
        if chance.random() < kind.own_share:
            for thing in by_category[category]:
                some = [chance.choice(by_category[chance.choice(near)]) for _ in range(3)]
                world.own[thing] = [(one, kind.own * chance.uniform(0.3, 1.7)) for one in set(some)]


class _Picker:
    """Draws goods of a category, or of all, by how popular they are."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._things: list[list[int]] = [[] for _ in range(world.kind.categories)]
        for thing, category in enumerate(world.category):
            self._things[category].append(thing)
        self._sums = [[*accumulate(world.popular[one] for one in some)] for some in self._things]
        self.of_all = [*accumulate(sums[-1] for sums in self._sums)]

    def of(self, category: int, day: float, chance: Random) -> int | None:
        """None: nothing of it is sold on that day, as far as was tried."""
        sums = self._sums[category]
        for _ in range(8):
            thing = self._things[category][bisect(sums, chance.random() * sums[-1])]
            begins, ends = self._world.sold[thing]
            if begins <= day < ends:
                return thing
        return None

    def any_category(self, chance: Random) -> int:
        return bisect(self.of_all, chance.random() * self.of_all[-1])

    def shares(self, category: int, day: float) -> dict[int, float]:
        """How likely each of a category is drawn."""
        sold = [
            one for one in self._things[category]
            if self._world.sold[one][0] <= day < self._world.sold[one][1]
        ]  # fmt: skip
        whole = sum(self._world.popular[one] for one in sold)
        return {one: self._world.popular[one] / whole for one in sold}


class _Person:
    def __init__(self, world: World, pick: _Picker, chance: Random, number: int) -> None:
        self._world, self._pick, self._chance, self._number = world, pick, chance, number
        kind = world.kind
        self._rate = kind.orders / DAYS * chance.gammavariate(1.5, 1 / 1.5)
        self._likes = chance.sample(range(kind.categories), 3)
        self._had: dict[int, float] = {}
        self._closed: set[int] = set()  # durable categories of which they have one
        self._later: list[tuple[float, int]] = []
        self._pending: dict[int, float] = defaultdict(float)  # at the cut: chance to come

    def lives(self) -> None:
        world, chance = self._world, self._chance
        day, order, new = chance.expovariate(self._rate), 0, set()
        told = False
        while True:
            self._later.sort()
            planned = self._later[0][0] if self._later else DAYS
            if min(day, planned) >= world.cut and not told:
                self._tell()
                told = True
            if min(day, planned) >= DAYS:
                break
            order += 1
            if planned <= day:
                at, wanted = self._later.pop(0)
                basket = [wanted]
            else:
                at, basket = day, self._drawn(day)
                day += chance.expovariate(self._rate)
            while basket:
                thing = basket.pop()
                if thing in self._had:
                    continue
                self._had[thing] = at
                if at < world.cut:
                    name = str(world.category[thing])
                    number = self._number * 10_000 + order
                    world.before.append(Bought(self._number, str(thing), name, at, number))
                else:
                    new.add(thing)
                basket += self._leads_to(thing, at)
        if new and self._number in world.truth:
            world.after[self._number] = new

    def _drawn(self, day: float) -> list[int]:
        world, chance = self._world, self._chance
        found = []
        for _ in range(1 + int(chance.expovariate(1 / max(0.01, world.kind.basket - 1)))):
            likes = chance.random() < world.kind.taste
            category = chance.choice(self._likes) if likes else self._pick.any_category(chance)
            if category not in self._closed:
                thing = self._pick.of(category, day, chance)
                found += [] if thing is None else [thing]
        return found

    def _leads_to(self, thing: int, at: float) -> list[int]:
        world, chance, kind = self._world, self._chance, self._world.kind
        category = world.category[thing]
        if world.durable[category]:
            self._closed.add(category)
        wanted = [one for one, odds in world.own[thing] if chance.random() < odds]
        for companion, odds in world.companions[category]:
            if chance.random() < odds:
                found = self._pick.of(companion, at, chance)
                wanted += [] if found is None else [found]
        now = []
        for one in wanted:
            begins, ends = world.sold[one]
            if chance.random() < kind.at_once:
                now += [one] if begins <= at < ends else []
            else:
                day = at + chance.expovariate(1 / kind.delay_days)
                if begins <= day < ends:
                    self._later.append((day, one))
        return now

    def _tell(self) -> None:
        """What somebody who knows all but their dice would expect of the days held out."""
        if not self._had:
            return
        world, kind, pick = self._world, self._world.kind, self._pick
        expected: dict[int, float] = defaultdict(float)
        goods = self._rate * HELD_OUT_DAYS * (1 + max(0.01, kind.basket - 1))
        for category in range(kind.categories):
            if category in self._closed:
                continue
            share = kind.taste / 3 if category in self._likes else 0.0
            begins = pick.of_all[category - 1] if category else 0.0
            share += (1 - kind.taste) * (pick.of_all[category] - begins) / pick.of_all[-1]
            for thing, part in pick.shares(category, world.cut).items():
                expected[thing] += goods * share * part
        for thing, at in self._had.items():
            self._expect(expected, thing, world.cut - at)
        world.truth[self._number] = {
            thing: 1 - exp(-n) for thing, n in expected.items() if thing not in self._had
        }
        world.last[self._number] = dict(self._had)

    def _expect(self, expected: dict[int, float], thing: int, days_ago: float) -> None:
        world, kind = self._world, self._world.kind
        waits = exp(-days_ago / kind.delay_days) - exp(
            -(days_ago + HELD_OUT_DAYS) / kind.delay_days
        )
        open_odds = (1 - kind.at_once) * waits
        for one, odds in world.own[thing]:
            expected[one] += odds * open_odds
        for companion, odds in world.companions[world.category[thing]]:
            for one, part in self._pick.shares(companion, world.cut).items():
                expected[one] += odds * open_odds * part
