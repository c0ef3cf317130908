"""Which goods a text names to a person: similar to what it is about, accessories to what they
bought, new in a category, the same again. Chosen when the text is made, for a whole batch of people
at once: records/goods/goods_choice.py loads what is asked for here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from ringdove.rules.goods import accessories, alike
from ringdove.rules.goods.accessories import Had, Lists
from ringdove.rules.wants import Good, GoodsWish

NAMED_MAX: Final = 2  # goods of one text: each is nearly half a part in Cyrillic
TRIED_MAX: Final = 12  # some may be sold out since they were learnt
NEW_FOR: Final = timedelta(days=45)  # goods are new so long
KINDS_MAX: Final = 3  # categories that somebody likes best
AGAIN_MIN: Final = 2  # so often they bought of a category that they buy of again
SEVERAL_MAX: Final = 20  # goods that one text is about, or that lead to others


class Past(NamedTuple):
    """Goods that a person bought."""

    sku: str
    category: str
    at: datetime  # the last time
    times: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """What is known for the wishes of a batch."""

    past: Mapping[int, Sequence[Past]] = field(default_factory=dict)  # by living person
    kinds: Mapping[str, str] = field(default_factory=dict)  # categories of goods, by sku
    lists: Lists = field(default_factory=dict)
    new: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by category, the newest first


def had(wish: GoodsWish, shelf: Shelf, now: datetime) -> list[Had]:
    """What leads this person on: what the text is about, and what they bought, the last first."""
    about = wish.skus[:SEVERAL_MAX]
    found = {sku: Had(sku, shelf.kinds.get(sku) or wish.category, 0.0) for sku in about}
    past = sorted(shelf.past.get(wish.contact_id, ()), key=lambda one: one.at, reverse=True)
    for one in past:
        days = (now - one.at) / timedelta(days=1)
        found.setdefault(one.sku, Had(one.sku, one.category, days))
    return list(found.values())


def asked(wish: GoodsWish, shelf: Shelf, now: datetime) -> set[str]:
    """Which lists are looked at; of the shelf, `past` and `kinds` must be known."""
    match wish.choice:
        case "accessories":
            return accessories.asked(had(wish, shelf, now)[:SEVERAL_MAX])
        case "similar":
            return {alike.LIKE + sku for sku in wish.skus[:SEVERAL_MAX]} | {
                accessories.OF + kind for kind in _kinds(wish, shelf)
            }
    return set()


def new_kinds(wish: GoodsWish, shelf: Shelf) -> set[str]:
    """Of which categories new goods are looked at."""
    return set(_kinds(wish, shelf)) if wish.choice == "new" else set()


def chosen(wish: GoodsWish, shelf: Shelf, now: datetime) -> list[str]:
    """What can be named, the best first, by sku."""
    theirs = {one.sku for one in shelf.past.get(wish.contact_id, ())}
    found: Iterable[str] = ()
    match wish.choice:
        case "accessories":
            some = had(wish, shelf, now)
            led = accessories.wanted(shelf.lists, some[:SEVERAL_MAX], theirs)
            found = (one.sku for one in led)
        case "similar":
            found = (sku for sku in _similar(wish, shelf) if sku not in theirs)
        case "new":
            found = (
                sku
                for kind in _kinds(wish, shelf)
                for sku in shelf.new.get(kind, ())
                if sku not in theirs
            )
        case "again":
            found = _again(wish, shelf)
    return list(dict.fromkeys(found))[:TRIED_MAX]


def named(skus: Iterable[str], there: Mapping[str, Good]) -> tuple[Good, ...]:
    """Of these what is there, as many as one text names."""
    return tuple(there[sku] for sku in skus if sku in there)[:NAMED_MAX]


def _kinds(wish: GoodsWish, shelf: Shelf) -> list[str]:
    """The category that it is about; else those of its goods; else those that they buy of most."""
    if wish.category:
        return [wish.category]
    about = [kind for sku in wish.skus if (kind := shelf.kinds.get(sku))]
    if about:
        return list(dict.fromkeys(about))[:KINDS_MAX]
    times: dict[str, int] = {}
    for one in shelf.past.get(wish.contact_id, ()):
        if one.category:
            times[one.category] = times.get(one.category, 0) + one.times
    return sorted(times, key=lambda kind: (-times[kind], kind))[:KINDS_MAX]


def _similar(wish: GoodsWish, shelf: Shelf) -> Iterable[str]:
    likeness: dict[str, float] = {}
    for sku in wish.skus[:SEVERAL_MAX]:
        for other, chance in shelf.lists.get(alike.LIKE + sku, ()):
            likeness[other] = max(chance, likeness.get(other, 0.0))
    if not likeness:  # nobody knows the goods: what people buy of the category
        for kind in _kinds(wish, shelf):
            likeness |= dict(shelf.lists.get(accessories.OF + kind, ()))
    best = sorted(likeness, key=lambda sku: (-likeness[sku], sku))
    return (sku for sku in best if sku not in wish.skus)


def _again(wish: GoodsWish, shelf: Shelf) -> Iterable[str]:
    """What the text is about; else what they come back to: nobody needs the same fridge again."""
    past = shelf.past.get(wish.contact_id, ())
    about = [one for one in past if one.sku in wish.skus]
    if not about:
        times: dict[str, int] = {}
        for one in past:
            times[one.category or one.sku] = times.get(one.category or one.sku, 0) + one.times
        again = [one for one in past if times[one.category or one.sku] >= AGAIN_MIN]
        about = [one for one in again if wish.category in ("", one.category)]
    best = sorted(about, key=lambda one: (one.times, one.at, one.sku), reverse=True)
    return (one.sku for one in best)
