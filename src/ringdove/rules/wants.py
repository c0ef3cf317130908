"""What answers find missing in a scene: few batches need it, so it is loaded when asked for.

An answer that cannot go on without it raises Wanted. What is chosen for many people at once (goods,
codes), or needed of few of them (dealings), is noted in `scene.chosen`, and the answer goes on as
if there were none. Either way nothing of it counts: the batch is answered again with what it wants
(records/wants.py).
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from ringdove.rules.consent.ways_in import Reward

if TYPE_CHECKING:
    from ringdove.rules.scenes import Complaint, Order, Parcel, Return


class Wanted(LookupError):
    """The scene was loaded without something that everybody in it has."""


class HistoryWanted(Wanted):
    """Something commercial is to be decided: the histories of people, and their offers that wait to
    be sent."""


class PictureWanted(Wanted):
    """An automation asks a condition of a person."""


class HourWanted(Wanted):
    """A text goes at the hour at which its reader is usually seen."""


class FieldsWanted(Wanted):
    """An automation writes a field of the store's own: which there are."""


class BrandsWanted(Wanted):
    """An automation asks for the brands of goods."""


class ProductsWanted(Wanted):
    """A text says what the product is called that it is about."""


class SurveysWanted(Wanted):
    """Something is asked or answered: which surveys the store has."""


class GoodsWish(NamedTuple):
    """Which goods a text wants to name, for whom. records/goods/ chooses for a whole batch of
    wishes at once."""

    contact_id: int  # the living person
    choice: str  # similar, accessories, new, again: rules/steps/send.Choice
    skus: tuple[str, ...]  # of what it is about: those of the order or cart, the one looked at
    category: str  # what it is about where no goods say it; "": nothing does


class Good(NamedTuple):
    """A product that a text names."""

    sku: str
    name: str
    url: str
    category: str = ""
    price: Decimal | None = None


class CodeWish(NamedTuple):
    """A code of an offer for somebody."""

    offer: int
    contact_id: int  # the living person


class Dealings(NamedTuple):
    """What a person has with the store, under all of their names: the newest of each."""

    orders: tuple["Order", ...] = ()  # those in the trash are not among them
    parcels: tuple["Parcel", ...] = ()  # of these orders
    returns: tuple["Return", ...] = ()  # likewise
    complaints: tuple["Complaint", ...] = ()


class Queued(NamedTuple):
    """An offer of an automation that waits to be sent."""

    message_id: int
    contact_id: int  # under which of their names
    recipe: str
    due_at: datetime


@dataclass(slots=True)
class Chosen:
    """What was chosen for the people of a scene, and what is to be chosen first."""

    goods: dict[GoodsWish, tuple[Good, ...]] = field(default_factory=dict)
    codes: dict[CodeWish, str] = field(default_factory=dict)  # "": there is none to give any more
    offers: dict[int, Reward | None] = field(default_factory=dict)  # None: there is none
    dealings: dict[int, Dealings] = field(default_factory=dict)  # by living person
    goods_wanted: set[GoodsWish] = field(default_factory=set)
    codes_wanted: set[CodeWish] = field(default_factory=set)
    offers_wanted: set[int] = field(default_factory=set)
    dealings_wanted: set[int] = field(default_factory=set)

    @property
    def is_wanting(self) -> bool:
        """Whether something is to be chosen before the answers count."""
        return bool(
            self.goods_wanted or self.codes_wanted or self.offers_wanted or self.dealings_wanted
        )

    def goods_for(self, wish: GoodsWish) -> tuple[Good, ...]:
        """The goods that a text can name, the best first; none: there are none, or not yet."""
        if wish not in self.goods:
            self.goods_wanted.add(wish)
        return self.goods.get(wish, ())

    def code_for(self, wish: CodeWish) -> str:
        """The person's code of an offer; "": there is none, or not yet."""
        if wish not in self.codes:
            self.codes_wanted.add(wish)
        return self.codes.get(wish, "")

    def offer(self, number: int) -> Reward | None:
        """An offer; None: there is none of this number, or it is not looked up yet."""
        if number not in self.offers:
            self.offers_wanted.add(number)
        return self.offers.get(number)

    def dealings_of(self, contact_id: int) -> Dealings:
        """Of a living person; nothing: there is nothing, or not yet."""
        if contact_id not in self.dealings:
            self.dealings_wanted.add(contact_id)
        return self.dealings.get(contact_id, Dealings())
