"""The ready automations: which fact begins one, what it is about, and its steps.

Texts live in locales/<language>/phrases.toml under the recipe's key; a store may change them, its
steps, and switch each on or off (table automation). What a run is about makes each happen once,
whatever a shop repeats, delays or shuffles: `order/42/paid` is said one time.
"""

from ringdove.rules.automations.journeys import Heard, Journey
from ringdove.rules.steps.branch import Where
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.wait import Wait

MINUTE, HOUR, DAY = 60, 3_600, 86_400
_GONE = ("order.cancelled", "order.removed")


def _said(
    key: str, kind: str, about: str, topic: str, valid_for: int, *, in_daytime: bool = False,
    where: Where | None = None, starts_on: bool = True,
) -> Journey:  # fmt: skip
    """One text at once, about an order."""
    return Journey(
        key=key, trigger=Heard(kind=kind, where=where or Where()), about=about, topic=topic,
        valid_for=valid_for, starts_on=starts_on,
        steps=(Send(id="s0", text=key, in_daytime=in_daytime),),
    )  # fmt: skip


def _parcel(key: str, state: str, valid_for: int, starts_on: bool = True) -> Journey:
    where = Where(states=(state,))
    about = f"{{parcel}}/{state}"
    return _said(
        key, "parcel.moved", about, "delivery", valid_for, where=where, starts_on=starts_on
    )


ORDERS = (
    Journey(
        key="order_accepted", trigger=Heard(kind="order.placed"), about="placed", topic="order",
        valid_for=DAY, starts_on=True,
        steps=(
            Send(id="s0", text="order_accepted_email", channel="email"),
            Send(id="s1", text="order_accepted"),
        ),
    ),
    _said("order_paid", "payment.received", "paid", "payment", DAY),
    Journey(
        key="order_unpaid", trigger=Heard(kind="order.placed", where=Where(only="money_awaited")),
        about="unpaid", topic="payment", valid_for=3 * DAY, starts_on=True,
        stopped_by=("payment.received", *_GONE),
        steps=(
            Wait(id="s0", seconds=2 * HOUR),
            Send(id="s1", text="order_unpaid", guard="unpaid", in_daytime=True),
        ),
    ),
    _parcel("order_shipped", "accepted", 2 * DAY),
    _parcel("parcel_in_transit", "in_transit", 12 * HOUR, starts_on=False),
    _parcel("parcel_customs", "customs", DAY, starts_on=False),
    _parcel("parcel_out_for_delivery", "out_for_delivery", 10 * HOUR),
    _parcel("parcel_at_pickup", "at_pickup_point", 3 * DAY),
    _parcel("parcel_delivery_failed", "delivery_failed", DAY),
    _parcel("parcel_delivered", "delivered", DAY),
    _parcel("parcel_returning", "returning", 2 * DAY),
    _said(
        "delivery_confirmed", "delivery.promised", "promised/{promised_from}", "delivery", 2 * DAY,
        where=Where(only="first_promise"),
    ),
    # The time is in it: hours can change within a day, and a day can move away and back.
    _said(
        "delivery_moved", "delivery.promised", "moved/{promised_from}/{at}", "delivery", 2 * DAY,
        where=Where(only="new_promise"),
    ),
    _said("order_cancelled", "order.cancelled", "cancelled", "order", 2 * DAY),
    _said("return_opened", "return.opened", "{return_key}/opened", "return", 3 * DAY),
    _said("return_accepted", "return.accepted", "{return_key}/accepted", "return", 3 * DAY),
    _said("refund_sent", "refund.sent", "{refund_key}/refund", "return", 5 * DAY, in_daytime=True),
    _said("invoice_issued", "invoice.issued", "{number}/invoice", "payment", 7 * DAY,
          in_daytime=True),
)  # fmt: skip

RECIPES: dict[str, Journey] = {journey.key: journey for journey in ORDERS}
