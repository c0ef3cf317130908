"""Ready automations about orders: said, paid, on its way, promised, handed over, sent back.

What a run is about makes each happen once, whatever a shop repeats, delays or shuffles:
`order/42/paid` is said one time. Those that were there from the first day come switched on; what
came later is switched on by the store, so that an update says nothing by itself.
"""

from ringdove.rules.automations.journeys import Heard, Journey
from ringdove.rules.steps.alert import Alert
from ringdove.rules.steps.branch import Where
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.wait import Wait

MINUTE, HOUR, DAY = 60, 3_600, 86_400
GONE = ("order.cancelled", "order.removed")
# A parcel in these states is where it was to go, or will not come.
AT_ITS_END = tuple(
    f"parcel.moved/{state}"
    for state in ("delivered", "at_pickup_point", "delivery_failed", "returning", "returned")
)


def said(
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
    return said(key, "parcel.moved", about, "delivery", valid_for, where=where, starts_on=starts_on)


def _complaint(key: str, state: str, *more: Alert) -> Journey:
    return Journey(
        key=key, trigger=Heard(kind="complaint.moved", where=Where(states=(state,))),
        # There may be several answers; the same one told again is none.
        about=f"{{complaint}}/{state}" + ("/{note}" if state == "answered" else ""),
        topic="complaint", valid_for=3 * DAY,
        steps=(Send(id="say", text=key), *more),
    )  # fmt: skip


ORDERS = (
    Journey(
        key="order_accepted", trigger=Heard(kind="order.placed"), about="placed", topic="order",
        valid_for=DAY, starts_on=True,
        steps=(
            Send(id="s0", text="order_accepted_email", channel="email"),
            Send(id="s1", text="order_accepted"),
        ),
    ),
    said("order_paid", "payment.received", "paid", "payment", DAY),
    Journey(
        key="order_unpaid", trigger=Heard(kind="order.placed", where=Where(only="money_awaited")),
        about="unpaid", topic="payment", valid_for=3 * DAY, starts_on=True,
        stopped_by=("payment.received", *GONE),
        steps=(
            Wait(id="s0", seconds=2 * HOUR),
            Send(id="s1", text="order_unpaid", guard="unpaid", in_daytime=True),
            Wait(id="pause", seconds=DAY, is_on=False),
            Send(id="again", text="order_unpaid_again", guard="unpaid", in_daytime=True,
                 is_on=False),
        ),
    ),
    Journey(  # most try again at once: nobody wants a text in the midst of it
        key="payment_failed",
        trigger=Heard(kind="payment.failed", where=Where(only="money_awaited")),
        about="payment_failed", topic="payment", valid_for=DAY,
        stopped_by=("payment.received", *GONE),
        steps=(
            Wait(id="pause", seconds=15 * MINUTE),
            Send(id="say", text="payment_failed", guard="unpaid", in_daytime=True),
        ),
    ),
    said("order_cancelled", "order.cancelled", "cancelled", "order", 2 * DAY),
    said("invoice_issued", "invoice.issued", "{number}/invoice", "payment", 7 * DAY,
          in_daytime=True),
)  # fmt: skip

DELIVERY = (
    _parcel("order_shipped", "accepted", 2 * DAY),
    _parcel("parcel_in_transit", "in_transit", 12 * HOUR, starts_on=False),
    _parcel("parcel_customs", "customs", DAY, starts_on=False),
    _parcel("parcel_out_for_delivery", "out_for_delivery", 10 * HOUR),
    _parcel("parcel_at_pickup", "at_pickup_point", 3 * DAY),
    Journey(
        key="pickup_waiting",
        trigger=Heard(kind="parcel.moved", where=Where(states=("at_pickup_point",))),
        about="{parcel}/waiting", topic="delivery", valid_for=6 * DAY,
        stopped_by=(*(one for one in AT_ITS_END if "pickup" not in one), *GONE),
        steps=(
            Wait(id="pause", seconds=2 * DAY),
            Send(id="remind", text="pickup_waiting", in_daytime=True),
        ),
    ),
    _parcel("parcel_delivery_failed", "delivery_failed", DAY),
    _parcel("parcel_delivered", "delivered", DAY),
    _parcel("parcel_returning", "returning", 2 * DAY),
    said(
        "delivery_confirmed", "delivery.promised", "promised/{promised_from}", "delivery", 2 * DAY,
        where=Where(only="first_promise"),
    ),
    # The time is in it: hours can change within a day, and a day can move away and back.
    said(
        "delivery_moved", "delivery.promised", "moved/{promised_from}/{at}", "delivery", 2 * DAY,
        where=Where(only="new_promise"),
    ),
    Journey(  # N9: before they have to ask; carriers' last scans come up to an hour late
        key="delivery_late", trigger=Heard(kind="delivery.promised"), about="late",
        topic="delivery", valid_for=90 * DAY, restarts=True, again_after=0,
        stopped_by=(*AT_ITS_END, "parcel.moved/lost", *GONE),
        steps=(
            Wait(id="promise", seconds=HOUR, after_promise=True),
            Send(id="sorry", text="delivery_late", in_daytime=True, valid_for=12 * HOUR),
            Alert(id="look", said="Order {{ order.number }} is late: ask the carrier where it is.",
                  due=4 * HOUR),
        ),
    ),
)  # fmt: skip

RETURNS = (
    said("return_opened", "return.opened", "{return_key}/opened", "return", 3 * DAY,
         where=Where(wish="return")),
    said("exchange_opened", "return.opened", "{return_key}/exchange", "return", 3 * DAY,
         where=Where(wish="exchange")),
    said("return_accepted", "return.accepted", "{return_key}/accepted", "return", 3 * DAY,
         where=Where(wish="return")),
    said("exchange_accepted", "return.accepted", "{return_key}/exchanged", "return", 3 * DAY,
         where=Where(wish="exchange")),
    said("return_refused", "return.refused", "{return_key}/refused", "return", 3 * DAY,
         starts_on=False),
    said("refund_sent", "refund.sent", "{refund_key}/refund", "return", 5 * DAY, in_daytime=True),
    _complaint(
        "complaint_opened", "opened",
        Alert(id="task", said="Complaint {{ complaint.number }}{% if order.number %} about order"
              " {{ order.number }}{% endif %}: answer it.", due=DAY),
    ),
    _complaint("complaint_answered", "answered"),
    _complaint("complaint_accepted", "accepted"),
    _complaint("complaint_refused", "refused"),
    _complaint("complaint_closed", "closed"),
)  # fmt: skip
