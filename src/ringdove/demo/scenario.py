"""One pretend order for each ready recipe, and the texts that they must bring: for demo/check.py.

Every snapshot is told as WooCommerce tells it: twice, and older ones come again at the end.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ringdove.demo.chance import Chance
from ringdove.demo.goods import catalogue
from ringdove.demo.people import COUNTRIES, Person, somebody
from ringdove.demo.shop import ShopOrder
from ringdove.rules.automations.recipes import RECIPES

DAY = timedelta(days=1)
Change = Callable[[ShopOrder, datetime], None]


def _becomes(status: str) -> Change:
    return lambda order, now: order.becomes(status, now)


def _paid(order: ShopOrder, now: datetime) -> None:
    order.is_paid(now)


def _shipped(order: ShopOrder, now: datetime) -> None:
    order.is_shipped(now)


def _promised(days: int) -> Change:
    return lambda order, now: order.is_promised(now + days * DAY, now)


# Recipe → what happens to its order after it was placed; the last change is what it speaks of.
CHANGES: dict[str, tuple[Change, ...]] = {
    "order_accepted": (),
    "order_paid": (_paid,),
    "order_unpaid": (),
    "order_shipped": (_paid, _shipped),
    "parcel_in_transit": (_paid, _shipped, _becomes("in-transit")),
    "parcel_customs": (_paid, _shipped, _becomes("in-customs")),
    "parcel_out_for_delivery": (_paid, _becomes("out-for-delivery")),
    "parcel_at_pickup": (_paid, lambda order, now: order.waits_at("№ 7, ул. Липовая 3", now)),
    "parcel_delivery_failed": (_paid, _becomes("delivery-failed")),
    "parcel_delivered": (_paid, _shipped, _becomes("delivered")),
    "parcel_returning": (_paid, _shipped, _becomes("returning")),
    "delivery_confirmed": (_paid, _promised(2)),
    "delivery_moved": (_paid, _promised(2), _promised(3)),
    "order_cancelled": (_becomes("cancelled"),),
    "return_opened": (_paid, _becomes("return-requested")),
    "return_accepted": (_paid, _becomes("return-requested"), _becomes("return-approved")),
    "refund_sent": (_paid, lambda order, now: order.is_refunded(now)),
    "invoice_issued": (_paid, lambda order, now: order.has_invoice(now)),
}


@dataclass
class Play:
    """An order with the snapshots of its life, ready to be told."""

    recipe: str
    order: ShopOrder
    snapshots: list[bytes]

    @property
    def root(self) -> str:
        """What the subjects of its texts begin with."""
        return f"order/{self.order.id}/"


def plays(now: datetime, zone: ZoneInfo, shop: str, first_id: int) -> Iterator[Play]:
    """An order for each recipe. A recipe without a line in CHANGES has none, and will be missed."""
    chance, homes = Chance("check", first_id), list(COUNTRIES)
    for n, recipe in enumerate(key for key in RECIPES if key in CHANGES):
        person = _reachable(chance, first_id + n, homes[n % len(homes)])
        goods = [(chance.one_of(catalogue()), 1 + chance.below(2)) for _ in range(2)]
        order = ShopOrder(first_id + n, person, goods, now, shop, zone, agrees=True)
        snapshots = [_snapshot(order)]
        for change in CHANGES[recipe]:
            change(order, now)
            snapshots.append(_snapshot(order))
        yield Play(recipe, order, snapshots)


def _snapshot(order: ShopOrder) -> bytes:
    return json.dumps(order.body(), ensure_ascii=False).encode()


def _reachable(chance: Chance, number: int, home: str) -> Person:
    while True:
        person = somebody(chance, number, home)
        if person.phone[-2:] not in ("", "00", "01") and person.email:
            return person
