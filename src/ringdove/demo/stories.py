"""What becomes of an order: when it is paid, shipped, moved, delivered, or comes back.

A story is a list of moments in order of time, each with the recipe that speaks of it. Days and
hours are those of couriers and post offices in the shop's time zone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ringdove.demo.chance import Chance, Weighed, in_the_day

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
KINDS = Weighed(
    {
        "courier": 44.0, "pickup": 33.0, "moved": 6.0, "missed": 4.0, "returned": 4.0,
        "cancelled": 5.0, "unpaid": 2.5, "late": 1.5,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened to an order; `fact` is its kind, `recipe` what is said of it."""

    at: datetime
    fact: str
    recipe: str
    more: dict[str, Any] = field(default_factory=dict)


def story(
    chance: Chance, placed_at: datetime, zone: ZoneInfo, on_delivery: bool
) -> tuple[str, list[Moment]]:
    """The kind of a story and its moments, the order's own first."""
    kind = chance.weighed(KINDS)
    moments = [Moment(placed_at, "order.placed", "order_accepted")]
    moments += _after(kind, chance, placed_at, zone, on_delivery)
    return kind, moments


def _after(
    kind: str, chance: Chance, placed_at: datetime, zone: ZoneInfo, on_delivery: bool
) -> Iterator[Moment]:
    if kind in ("unpaid", "late"):
        reminded_at = in_the_day(placed_at + 2 * DAY / 3, zone, chance, 10, 20)
        yield Moment(reminded_at, "", "order_unpaid")
        if kind == "unpaid":
            yield Moment(reminded_at + 2 * DAY, "order.cancelled", "order_cancelled")
            return
        paid_at = reminded_at + chance.span(300, 9000)
        yield Moment(paid_at, "payment.received", "order_paid")
        yield from _delivered(kind, chance, paid_at, zone)
        return
    paid_at = placed_at + chance.span(40, 400)
    if not on_delivery:
        yield Moment(paid_at, "payment.received", "order_paid")
        if chance.happens(0.35):
            yield Moment(paid_at + 3 * MINUTE, "invoice.issued", "invoice_issued")
    if kind == "cancelled":
        yield Moment(paid_at + chance.span(1800, 40_000), "order.cancelled", "order_cancelled")
        return
    yield from _delivered(kind, chance, paid_at, zone)


def _delivered(kind: str, chance: Chance, paid_at: datetime, zone: ZoneInfo) -> Iterator[Moment]:
    ready_at = paid_at + chance.span(1200, 9000)
    day = in_the_day(paid_at + (2 + chance.below(3)) * DAY, zone, chance, 10, 17)
    day = day.replace(minute=0, second=0, microsecond=0)
    if kind in ("courier", "moved", "missed", "returned"):
        promise = {"promised_from": day, "promised_until": day + timedelta(hours=4)}
        yield Moment(ready_at, "delivery.promised", "delivery_confirmed", promise)
    if kind == "moved":
        moved = {"promised_from": day + DAY, "promised_until": day + DAY + timedelta(hours=4)}
        before = {"before_from": day, "before_until": day + timedelta(hours=4)}
        at = in_the_day(day - DAY, zone, chance, 12, 19)
        yield Moment(max(at, ready_at + MINUTE), "delivery.promised", "delivery_moved",
                     moved | before)  # fmt: skip
        day += DAY
    shipped_at = max(in_the_day(day - DAY, zone, chance, 10, 18), ready_at + 5 * MINUTE)
    yield _parcel(shipped_at, "accepted", "order_shipped")
    done_at = day + chance.span(0, 14_000)
    if kind in ("pickup", "late"):
        arrived_at = max(in_the_day(day, zone, chance, 9, 19), shipped_at + timedelta(hours=3))
        yield _parcel(arrived_at, "at_pickup_point", "parcel_at_pickup")
        done_at = arrived_at + chance.span(5_000, 230_000)
    else:
        out_at = in_the_day(day, zone, chance, 7, 9)
        yield _parcel(max(out_at, shipped_at + MINUTE), "out_for_delivery",
                      "parcel_out_for_delivery")  # fmt: skip
    if kind == "missed":
        yield _parcel(done_at, "delivery_failed", "parcel_delivery_failed")
        done_at = in_the_day(done_at + DAY, zone, chance, 11, 20)
    yield _parcel(done_at, "delivered", "parcel_delivered")
    if kind == "returned":
        yield from _returned(chance, done_at, zone)


def _parcel(at: datetime, state: str, recipe: str) -> Moment:
    return Moment(at, "parcel.moved", recipe, {"state": state})


def _returned(chance: Chance, done_at: datetime, zone: ZoneInfo) -> Iterator[Moment]:
    opened_at = in_the_day(done_at + (1 + chance.below(9)) * DAY, zone, chance, 9, 21)
    accepted_at = in_the_day(opened_at + (3 + chance.below(4)) * DAY, zone, chance, 10, 17)
    refunded_at = in_the_day(accepted_at + DAY, zone, chance, 10, 16)
    yield Moment(opened_at, "return.opened", "return_opened")
    yield Moment(accepted_at, "return.accepted", "return_accepted")
    yield Moment(refunded_at, "refund.sent", "refund_sent")
