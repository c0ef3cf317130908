"""An order tried as a pretend customer: what can happen to it next, and the fact that says so.

The same facts that a shop would tell; pure, so that a test walks every deed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ringdove.rules import facts
from ringdove.rules.scenes import Store
from ringdove.web.menu import N_

PICKUP_DAYS = 5
REFUND_DAYS = 3
PRICE = Decimal("39.90")


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that can happen to an order, offered in these states of it."""

    text: str
    icon: str
    states: tuple[str, ...]
    fact: Callable[[str, str, datetime], facts.Fact]  # (order key, number, now)


def _parcel(state: Any) -> Callable[[str, str, datetime], facts.Fact]:
    def moved(key: str, number: str, now: datetime) -> facts.Fact:
        at_pickup = state == "at_pickup_point"
        return facts.ParcelMoved(
            id=f"{key}/parcel/{state}",
            at=now,
            order=key,
            state=state,
            parcel=key,
            carrier="Swift Post",
            number=f"SP{number.removeprefix('T-')}",
            pickup_point="12 Garden Street" if at_pickup else "",
            pickup_until=now + timedelta(days=PICKUP_DAYS) if at_pickup else None,
        )

    return moved


def _return_key(number: str) -> str:
    return f"R{number.removeprefix('T')}"


DEEDS: Mapping[str, Deed] = {
    "paid": Deed(
        N_("Pay"), "credit-card", ("placed",),
        lambda key, number, now: facts.PaymentReceived(id=f"{key}/paid", at=now, order=key),
    ),
    "shipped": Deed(N_("Ship"), "truck", ("placed", "paid"), _parcel("accepted")),
    "courier": Deed(N_("Courier sets out"), "map-pin", ("shipped",), _parcel("out_for_delivery")),
    "pickup": Deed(N_("To the pickup point"), "building-store", ("shipped",),
                   _parcel("at_pickup_point")),
    "delivered": Deed(N_("Deliver"), "package", ("shipped",), _parcel("delivered")),
    "cancelled": Deed(
        N_("Cancel the order"), "ban", ("placed", "paid"),
        lambda key, number, now: facts.OrderCancelled(id=f"{key}/cancelled", at=now, order=key),
    ),
    "return": Deed(
        N_("Send back"), "arrow-back-up", ("delivered",),
        lambda key, number, now: facts.ReturnOpened(
            id=f"{key}/return/opened", at=now, order=key, return_key=_return_key(number)
        ),
    ),
    "accepted": Deed(
        N_("Accept the return"), "check", ("delivered",),
        lambda key, number, now: facts.ReturnAccepted(
            id=f"{key}/return/accepted", at=now, order=key, return_key=_return_key(number)
        ),
    ),
    "refunded": Deed(
        N_("Pay back"), "receipt", ("returned",),
        lambda key, number, now: facts.RefundSent(
            id=f"{key}/refunded", at=now, order=key, refund_key=_return_key(number),
            expected_on=(now + timedelta(days=REFUND_DAYS)).date(),
        ),
    ),
}  # fmt: skip


def deeds_of(order: Mapping[str, Any]) -> list[tuple[str, Deed]]:
    """What can happen to an order as it stands."""
    return [
        (word, deed)
        for word, deed in DEEDS.items()
        if order["state"] in deed.states and not (word == "paid" and order["paid_at"])
    ]


def placed(
    store: Store, key: str, number: str, phone: str, name: str, language: str, good: str,
    now: datetime,
) -> facts.OrderPlaced:  # fmt: skip
    """The order itself: one thing, to be paid beforehand."""
    told = {
        "key": key,
        "number": number,
        "placed_at": now,
        "total": PRICE,
        "currency": store.currency,
        "customer": {"phone": phone, "name": name, "language": language},
        "lines": [{"name": good, "price": PRICE}],
        "payment_due": True,
        "payment_url": f"{store.website or 'https://shop.example'}/pay/{number}",
    }
    order = facts.Order.model_validate(told)
    return facts.OrderPlaced(id=f"{key}/placed", at=now, order=order)
