"""An order's snapshot, read as every fact that it implies.

Ids are natural (`order/42/paid`), so the facts of any shuffle of snapshots are the facts of the
sequence: what a status means is said once, what the order contains is said once per change.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from ringdove.rules import facts
from ringdove.rules.facts import Fact
from ringdove.stores import values
from ringdove.stores.edge import Answer, BodyUnreadable, Nothing
from ringdove.stores.values import text
from ringdove.stores.woocommerce import objects
from ringdove.stores.woocommerce.settings import Settings

ID_MAX = 120

_ENDINGS: dict[str, type[Fact]] = {
    "cancelled": facts.OrderCancelled,
    "return.opened": facts.ReturnOpened,
    "return.accepted": facts.ReturnAccepted,
    "return.refused": facts.ReturnRefused,
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An order's body and what is asked of it again and again."""

    key: str
    told: Mapping[str, Any]
    meta: Mapping[str, Any]
    means: str  # of settings.MEANINGS
    changed_at: datetime
    settings: Settings

    def says(self, what: str, kind: type[Any], at: datetime | None = None, **more: Any) -> Fact:
        """A fact about this order."""
        identity = f"order/{self.key}/{what}"[:ID_MAX]
        fact: Fact = kind(id=identity, at=at or self.changed_at, order=self.key, **more)
        return fact

    def first(self, names: tuple[str, ...]) -> Any:
        """The first of these meta fields that holds something."""
        return objects.first(self.meta, names)

    @property
    def on_delivery(self) -> bool:
        """Whether the money comes with the parcel."""
        return self.told.get("payment_method") in self.settings.pay_on_delivery


def read_order(
    key: str,
    event: str,
    told: Mapping[str, Any],
    settings: Settings,
    country: str,
    heard_at: datetime,
) -> Answer:
    """The facts of one order. A deleted one is an id and nothing else."""
    status = text(told.get("status"), 60)
    means = "removed" if event == "deleted" else settings.meaning(status)
    if means == "draft":
        return Nothing("a draft: the customer has not placed this order yet")
    if means != "removed" and not status:
        return BodyUnreadable(f"The order {key} has no status. Send it as WooCommerce makes it.")
    placed_at = values.utc(told.get("date_created_gmt")) or values.utc(told.get("date_created"))
    changed_at = values.utc(told.get("date_modified_gmt")) or placed_at or heard_at
    snapshot = Snapshot(key, told, objects.meta(told), means, changed_at, settings)
    if means == "removed":
        return [snapshot.says("removed", facts.OrderRemoved)]
    order = _order(snapshot, country, placed_at or changed_at)
    return [
        *_contents(order),
        *_payments(snapshot, order),
        *_invoices(snapshot),
        *_promises(snapshot),
        *_parcels(snapshot),
        *_endings(snapshot, order),
    ]


def _order(snapshot: Snapshot, country: str, placed_at: datetime) -> facts.Order:
    told, settings = snapshot.told, snapshot.settings
    # A bank transfer is on hold and does not "need payment", yet its money is awaited.
    needed = told.get("needs_payment") is True or snapshot.means in ("awaiting", "failed")
    payment_due = needed and not snapshot.on_delivery
    agreed = objects.consent(snapshot.meta, settings.consent_meta, settings.consent_words)
    if agreed:
        agreed = objects.from_where(agreed, told)
    return facts.Order(
        key=snapshot.key,
        number=text(told.get("number"), 60) or snapshot.key[:60],
        placed_at=placed_at,
        changed_at=snapshot.changed_at,
        total=values.amount(told.get("total")),
        currency=values.currency(told.get("currency")),
        customer=objects.buyer(told, snapshot.meta, settings.language_meta, country),
        lines=objects.lines(told.get("line_items")),
        channel=objects.channel(told.get("created_via")),
        payment_due=payment_due,
        payment_url=values.url(told.get("payment_url")) if payment_due else "",
        consent=agreed,
        codes=objects.coupons(told.get("coupon_lines")),
        cancelled=snapshot.means == "cancelled",
    )


def _contents(order: facts.Order) -> Iterator[Fact]:
    root = f"order/{order.key}"
    yield facts.OrderPlaced(id=f"{root}/placed", at=order.placed_at, order=order)
    changed_at = order.changed_at
    if changed_at and changed_at != order.placed_at:
        stamp = changed_at.strftime("%Y-%m-%dT%H:%M:%S")
        yield facts.OrderChanged(id=f"{root}/changed/{stamp}", at=changed_at, order=order)


def _payments(snapshot: Snapshot, order: facts.Order) -> Iterator[Fact]:
    if snapshot.means == "failed":
        yield snapshot.says("payment-failed", facts.PaymentFailed)
        return
    paid_at = values.utc(snapshot.told.get("date_paid_gmt"))
    if snapshot.on_delivery:
        # WooCommerce dates every order as paid once it is "processing", these too: their money
        # is there when the parcel is.
        paid_at = snapshot.changed_at if snapshot.means == "parcel:delivered" else None
    elif snapshot.means == "paid":
        paid_at = paid_at or snapshot.changed_at
    if paid_at:
        yield snapshot.says("paid", facts.PaymentReceived, paid_at, amount=order.total)


def _invoices(snapshot: Snapshot) -> Iterator[Fact]:
    number = text(snapshot.first(snapshot.settings.invoice_number_meta), 60)
    url = values.url(snapshot.first(snapshot.settings.invoice_url_meta))
    if number or url:
        name = number or sha256(url.encode()).hexdigest()[:16]
        yield snapshot.says(f"invoice/{name}", facts.InvoiceIssued, number=number, url=url)


def _promises(snapshot: Snapshot) -> Iterator[Fact]:
    names = snapshot.settings
    told = snapshot.told
    zone = (
        ZoneInfo(names.time_zone)
        if names.time_zone
        else values.offset(told.get("date_created"), told.get("date_created_gmt"))
    )
    between = (snapshot.first(names.delivery_from_meta), snapshot.first(names.delivery_until_meta))
    promised_from, promised_until = values.delivery(
        snapshot.first(names.delivery_date_meta), between, zone
    )
    if promised_from is None:
        return
    before, _ = values.delivery(snapshot.first(names.delivery_before_meta), between, zone)
    moments = (promised_from, promised_until, before)
    # "Before" is in the id: a day that moves away and back is three promises, not two.
    what = "/".join(["delivery", *(f"{at:%Y%m%dT%H%M}" if at else "-" for at in moments)])
    yield snapshot.says(
        what.rstrip("/-"),
        facts.DeliveryPromised,
        promised_from=promised_from,
        promised_until=promised_until,
        before_from=before if before != promised_from else None,
    )


def _parcels(snapshot: Snapshot) -> Iterator[Fact]:
    parcels = objects.tracking(snapshot.meta)
    state, at = _stage(snapshot, bool(parcels))
    if not state:
        return
    point = text(snapshot.first(snapshot.settings.pickup_point_meta), 500)
    for place, parcel in enumerate(parcels or [{}]):
        number = parcel.get("number", "")
        # The first keeps the empty key: an order shipped before its number was typed in has one
        # parcel all the time, and gets one text.
        yield snapshot.says(
            f"parcel/{state}/{number}".rstrip("/"),
            facts.ParcelMoved,
            at,
            state=state,
            parcel=number if place else "",
            pickup_point=point,
            **parcel,
        )


def _stage(snapshot: Snapshot, is_tracked: bool) -> tuple[str, datetime]:
    state = snapshot.means.removeprefix("parcel:") if ":" in snapshot.means else ""
    if state and str(snapshot.told.get("status")).removeprefix("wc-") == "completed":
        done_at = values.utc(snapshot.told.get("date_completed_gmt"))
        return objects.on_completion(snapshot.told, state), done_at or snapshot.changed_at
    if is_tracked and snapshot.means in ("accepted", "paid"):
        return "accepted", snapshot.changed_at  # numbers are given as parcels are handed over
    return state, snapshot.changed_at


def _endings(snapshot: Snapshot, order: facts.Order) -> Iterator[Fact]:
    sent = objects.refunds(snapshot.told.get("refunds"))
    for key, amount in sent:
        yield snapshot.says(f"refund/{key}", facts.RefundSent, refund_key=key, amount=amount)
    if snapshot.means == "refunded" and not sent:
        yield snapshot.says("refund", facts.RefundSent, amount=abs(order.total))
    if kind := _ENDINGS.get(snapshot.means):
        yield snapshot.says(snapshot.means.replace(".", "/"), kind)
