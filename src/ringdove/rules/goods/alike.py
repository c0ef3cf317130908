"""Which goods can stand for others (R49): of the same category, near in price, alike in name, of
the same brand, and bought by many. Learnt each night from the catalogue, so that it can be said to
many people at once.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import nlargest
from math import exp, log
from typing import Final

from ringdove.rules.goods.accessories import Pair

LIKE: Final = "like/"  # what a list is about: like/<sku>
AMONG: Final = 200  # of a category, those that most people bought and the newest
KEPT: Final = 12
SAME_BRAND: Final = 1.3  # times as alike
PRICE_STEP: Final = 1.5  # so many times the price, and it is alike by a third only
FEW: Final = 10  # so many buyers and none are nearly the same
_WORD = re.compile(r"\w{3,}")


@dataclass(frozen=True, slots=True)
class Product:
    """Goods of the catalogue that can be offered."""

    sku: str
    name: str
    category: str
    brand: str = ""
    price: Decimal | None = None


def lists(sold: Iterable[Product], buyers: Mapping[str, int]) -> Iterator[tuple[str, list[Pair]]]:
    """For each product what is most like it, with a likeness of 0 and more. `sold`: the newest
    first. `buyers`: how many people bought it, by sku."""
    of_kind: dict[str, list[Product]] = defaultdict(list)
    for one in sold:
        if one.category:
            of_kind[one.category].append(one)
    for kind in sorted(of_kind):
        among = _among(of_kind[kind], buyers)
        words = {one.sku: words_of(one.name) for one in (*of_kind[kind], *among)}
        for one in of_kind[kind]:
            found = (
                Pair(other.sku, _likeness(one, other, words) * log(FEW + buyers.get(other.sku, 0)))
                for other in among
                if other.sku != one.sku
            )
            if best := nlargest(KEPT, found, key=lambda pair: (pair.chance, pair.sku)):
                yield LIKE + one.sku, best


def _among(some: Sequence[Product], buyers: Mapping[str, int]) -> Sequence[Product]:
    if len(some) <= AMONG:
        return some
    most = nlargest(AMONG // 2, some, key=lambda one: (buyers.get(one.sku, 0), one.sku))
    new = (one for one in some if one not in set(most))
    return [*most, *(one for one, _ in zip(new, range(AMONG // 2), strict=False))]


def _likeness(one: Product, other: Product, words: Mapping[str, frozenset[str]]) -> float:
    mine, theirs = words[one.sku], words[other.sku]
    named = len(mine & theirs) / len(mine | theirs) if mine and theirs else 0.0
    near = 1.0
    if one.price and other.price:
        near = exp(-abs(log(float(other.price / one.price))) / log(PRICE_STEP))
    brand = SAME_BRAND if one.brand and one.brand == other.brand else 1.0
    return (0.25 + named) * near * brand


def words_of(name: str) -> frozenset[str]:
    """The words by which names are compared."""
    return frozenset(_WORD.findall(name.casefold()))
