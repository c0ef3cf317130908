"""The ready automations: which fact begins one, what it is about, and its steps.

Texts live in locales/<language>/phrases.toml under the recipe's key; a store may change them, its
steps, and switch each on or off (table automation). The subject makes each happen once, whatever a
shop repeats, delays or shuffles: `order/42/paid` is said one time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ringdove.rules.facts import DeliveryPromised, Fact, OrderPlaced, ParcelMoved
from ringdove.rules.scenes import Order
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.wait import Wait

Step = Send | Wait
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def _always(fact: Any, order: Order) -> bool:
    return True


def _parcel_is(state: str) -> Callable[[Fact, Order], bool]:
    def is_in_state(fact: Any, order: Order) -> bool:
        return isinstance(fact, ParcelMoved) and fact.state == state

    return is_in_state


def _first_promise(fact: Any, order: Order) -> bool:
    return isinstance(fact, DeliveryPromised) and fact.before_from is None


def _new_promise(fact: Any, order: Order) -> bool:
    return isinstance(fact, DeliveryPromised) and fact.before_from is not None


def _money_awaited(fact: Any, order: Order) -> bool:
    return isinstance(fact, OrderPlaced) and order.payment_due and order.paid_at is None


@dataclass(frozen=True, slots=True)
class Recipe:
    """An automation as it comes."""

    key: str
    trigger: str  # kind of fact
    subject: str  # after order/<key>/; {…} are fields of the fact
    topic: str
    steps: tuple[Step, ...]
    valid_for: timedelta  # after the fact happened; later nobody wants to hear it (P4)
    when: Callable[[Any, Order], bool] = _always
    stopped_by: tuple[str, ...] = ()
    starts_on: bool = True


_GONE = ("order.cancelled", "order.removed")


def _parcel(key: str, state: str, valid_for: timedelta, starts_on: bool = True) -> Recipe:
    steps = (Send(text=key),)
    subject = f"{{parcel}}/{state}"
    when = _parcel_is(state)
    return Recipe(
        key, "parcel.moved", subject, "delivery", steps, valid_for, when, starts_on=starts_on
    )


RECIPES: dict[str, Recipe] = {
    recipe.key: recipe
    for recipe in (
        Recipe(
            "order_accepted", "order.placed", "placed", "order",
            (Send(text="order_accepted_email", channel="email"), Send(text="order_accepted")),
            DAY,
        ),
        Recipe(
            "order_paid", "payment.received", "paid", "payment", (Send(text="order_paid"),), DAY,
        ),
        Recipe(
            "order_unpaid", "order.placed", "unpaid", "payment",
            (Wait(delay=2 * HOUR), Send(text="order_unpaid", guard="unpaid", in_daytime=True)),
            3 * DAY, _money_awaited, ("payment.received", *_GONE),
        ),
        _parcel("order_shipped", "accepted", 2 * DAY),
        _parcel("parcel_in_transit", "in_transit", 12 * HOUR, starts_on=False),
        _parcel("parcel_customs", "customs", DAY, starts_on=False),
        _parcel("parcel_out_for_delivery", "out_for_delivery", 10 * HOUR),
        _parcel("parcel_at_pickup", "at_pickup_point", 3 * DAY),
        _parcel("parcel_delivery_failed", "delivery_failed", DAY),
        _parcel("parcel_delivered", "delivered", DAY),
        _parcel("parcel_returning", "returning", 2 * DAY),
        Recipe(
            "delivery_confirmed", "delivery.promised", "promised/{promised_from}", "delivery",
            (Send(text="delivery_confirmed"),), 2 * DAY, _first_promise,
        ),
        Recipe(
            # The time is in it: hours can change within a day, and a day can move away and back.
            "delivery_moved", "delivery.promised", "moved/{promised_from}/{at}", "delivery",
            (Send(text="delivery_moved"),), 2 * DAY, _new_promise,
        ),
        Recipe(
            "order_cancelled", "order.cancelled", "cancelled", "order",
            (Send(text="order_cancelled"),), 2 * DAY,
        ),
        Recipe(
            "return_opened", "return.opened", "{return_key}/opened", "return",
            (Send(text="return_opened"),), 3 * DAY,
        ),
        Recipe(
            "return_accepted", "return.accepted", "{return_key}/accepted", "return",
            (Send(text="return_accepted"),), 3 * DAY,
        ),
        Recipe(
            "refund_sent", "refund.sent", "{refund_key}/refund", "return",
            (Send(text="refund_sent", in_daytime=True),), 5 * DAY,
        ),
        Recipe(
            "invoice_issued", "invoice.issued", "{number}/invoice", "payment",
            (Send(text="invoice_issued", in_daytime=True),), 7 * DAY,
        ),
    )
}  # fmt: skip


def triggered_by(kind: str) -> tuple[Recipe, ...]:
    """The recipes that a fact of this kind can begin."""
    return _BY_TRIGGER.get(kind, ())


def stopped_by(kind: str) -> tuple[Recipe, ...]:
    """The recipes whose running enrollments a fact of this kind ends."""
    return _BY_STOP.get(kind, ())


_BY_TRIGGER: dict[str, tuple[Recipe, ...]] = {}
_BY_STOP: dict[str, tuple[Recipe, ...]] = {}
for _recipe in RECIPES.values():
    _BY_TRIGGER[_recipe.trigger] = (*_BY_TRIGGER.get(_recipe.trigger, ()), _recipe)
    for _kind in _recipe.stopped_by:
        _BY_STOP[_kind] = (*_BY_STOP.get(_kind, ()), _recipe)
