"""Ready segments to start from: trees by keys, whose words live with the pages.

Some are about goods of a category, which whoever takes one chooses first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ringdove.rules.segments.segments import (
    All,
    Birthday,
    Bought,
    CartLeft,
    Due,
    Goods,
    Node,
    Not,
    Orders,
    Permission,
    Range,
    Reach,
    Rfm,
    Span,
    Texts,
    Visited,
)

YES: Final = Permission(states=("in",))
TWICE: Final = Range(at_least=Decimal(2))


@dataclass(frozen=True, slots=True)
class Recipe:
    """A ready segment. `tree` makes it, of a category ("": any goods)."""

    key: str
    tree: Callable[[str], Node]
    asks_category: bool = False


def _goods(category: str) -> Goods:
    return Goods(categories=(category,)) if category else Goods()


def _is(tree: Node) -> Callable[[str], Node]:
    return lambda _category: tree


def _days(least: int | None, most: int | None) -> Range:
    return Range(
        at_least=None if least is None else Decimal(least),
        at_most=None if most is None else Decimal(most),
    )


# In the order in which a page offers them.
_ALL: Final = (
    Recipe("reachable_by_sms", _is(All(of=(Reach(channel="sms"), YES)))),
    Recipe("new", _is(Orders(times=_days(1, 1), first=Span(within_days=30)))),
    Recipe("best", _is(Rfm(classes=("best", "loyal")))),
    Recipe("fading", _is(Rfm(classes=("fading", "at_risk")))),
    Recipe("lost", _is(Rfm(classes=("lost",)))),
    Recipe("never_bought", _is(Rfm(classes=("never_bought",)))),
    Recipe("left_a_cart", _is(CartLeft(hours=_days(3, 72)))),
    Recipe("birthday_next_week", _is(Birthday(in_days=_days(0, 7)))),
    Recipe("bought_of_a_category", lambda category: Bought(goods=_goods(category)), True),
    Recipe(
        "due_in_a_category",
        lambda category: Due(category=category, in_days=_days(0, 14)),
        asks_category=True,
    ),
    Recipe(
        "looked_and_did_not_buy",
        lambda category: All(
            of=(
                Visited(goods=_goods(category), when=Span(within_days=14), times=TWICE),
                Not(of=Bought(goods=_goods(category), when=Span(within_days=14))),
            )
        ),
        asks_category=True,
    ),
    Recipe("clicked_lately", _is(Texts(what="clicked", when=Span(within_days=90)))),
    Recipe(
        "never_clicks",
        _is(All(of=(
            Texts(what="delivered", times=_days(5, None)), Not(of=Texts(what="clicked")),
        ))),
    ),
)  # fmt: skip
RECIPES: Final = {one.key: one for one in _ALL}
