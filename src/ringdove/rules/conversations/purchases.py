"""Which orders a text can be about: a person's own, under all of their names, as they stand now."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ringdove.rules.automations import occasions
from ringdove.rules.scenes import Contact, Order, Parcel, Return, Scene

CLOSED = frozenset({"delivered", "returned", "cancelled", "removed"})
# Many shops never tell that an order has arrived: after so long it has.
OPEN_FOR = timedelta(days=60)
NUMBER_LETTERS_MAX = 40
_PREFIX = re.compile(r"^[^\W\d_]+(?=\d{3})")  # "T" of T-1257: many leave it out
_MARKS = re.compile(r"[\s#№.:/-]+|^(?:n[ro°º]?\.?)(?=\d)", re.I)


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order with where its goods are."""

    order: Order
    parcels: tuple[Parcel, ...] = ()
    returns: tuple[Return, ...] = ()

    def is_open(self, now: datetime) -> bool:
        """Whether somebody can still wait for it."""
        order = self.order
        if order.cancelled_at or order.state in CLOSED:
            return False
        moved = [one.state_at for one in self.parcels]
        newest = max([order.placed_at, *moved, *filter(None, (order.promised_until,))])
        return now - newest <= OPEN_FOR

    def is_called(self, said: str) -> bool:
        """Whether this is its number, or that of a parcel of it, as people write them."""
        names = (self.order.number, self.order.key, *(one.number for one in self.parcels))
        wanted = plain(said)
        return any(one and wanted in (plain(one), _PREFIX.sub("", plain(one))) for one in names)


def of_person(scene: Scene, person: Contact) -> list[Purchase]:
    """The newest of theirs, the one placed last in front; those in the trash are not told of."""
    names = set(occasions.all_names(scene, person.id))
    known = scene.chosen.dealings_of(person.id)
    orders = {one.id: one for one in known.orders}
    orders |= {one.id: one for one in scene.orders.values() if one.contact_id in names}
    parcels = {one.id: one for one in known.parcels}
    parcels |= {one.id: one for one in scene.parcels.values() if one.contact_id in names}
    returns = {one.id: one for one in known.returns}
    returns |= {one.id: one for one in scene.returns.values() if one.contact_id in names}
    found = [
        Purchase(
            order,
            tuple(one for one in parcels.values() if one.order_id == order.id),
            tuple(one for one in returns.values() if one.order_id == order.id),
        )
        for order in orders.values()
        if order.state != "removed"
    ]
    return sorted(found, key=lambda one: (one.order.placed_at, one.order.id), reverse=True)


def waited_for(purchases: Sequence[Purchase], now: datetime) -> list[Purchase]:
    """Those that somebody who asks can mean: what is under way, else the newest of all."""
    return [one for one in purchases if one.is_open(now)] or list(purchases[:1])


def plain(number: str) -> str:
    """A number without what people put before it and between."""
    return _MARKS.sub("", number[:NUMBER_LETTERS_MAX]).lstrip("0").casefold()
