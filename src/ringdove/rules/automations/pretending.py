"""Facts that have not happened, for the test run of an automation on one person: what begins it,
and what they do then.

Pure. The goods are the person's own where they have bought, left or seen any; else a sample order
(samples.py). Nothing here is ever written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ringdove.rules import facts
from ringdove.rules.automations import samples
from ringdove.rules.automations.journeys import Heard, Journey, PurchaseDue
from ringdove.rules.scenes import Contact, Item, Store
from ringdove.rules.steps.branch import ANYWHERE, Where
from ringdove.rules.surveys import surveys

KEY = "pretended"  # of the order, cart, parcel, return and complaint
ASKED = surveys.READY["delivery"]
BEFORE = timedelta(minutes=1)  # an order is placed so long before what is told of it
ORDER_FIRST = ("order.changed", "order.cancelled", "order.removed", "payment.received",
               "payment.failed", "invoice.issued", "parcel.moved", "delivery.promised",
               "return.opened", "return.accepted", "return.refused", "refund.sent",
               "complaint.moved")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pretend:
    """Something that the person or the shop does so long after the beginning. `state`: of a parcel
    or complaint; `said`: what they write."""

    after: timedelta
    kind: str
    state: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Around:
    """What pretended facts are about. `number`: of the order, as the person would read it."""

    store: Store
    person: Contact
    lines: Sequence[Item]
    number: str = ""
    currency: str = ""

    @property
    def total(self) -> Decimal:
        """Of the lines."""
        return sum((one.quantity * one.price for one in self.lines), Decimal(0)).quantize(
            Decimal("0.01")
        )


# What can be pretended.
KINDS = (
    *ORDER_FIRST, "order.placed", "cart.changed", "visit.made", "customer.changed", "text.received",
    "consent.given", "consent.confirmed", "stock.asked", "link.opened", "contest.won",
    "friend.bought", "survey.answered", "task.closed",
)  # fmt: skip


def beginning(journey: Journey, about: Around, at: datetime) -> list[facts.Fact]:
    """What begins the journey at this time, with the order that it needs to be about. Raises
    ValueError for a kind of fact that cannot be pretended."""
    trigger = journey.trigger
    if not isinstance(trigger, Heard):
        return [_due(journey, about, at)]
    if trigger.kind not in KINDS:
        raise ValueError(f"{trigger.kind} cannot be pretended")
    where = trigger.where
    state = where.states[0] if where.states else ""
    told: list[facts.Fact] = []
    if trigger.kind in ORDER_FIRST:
        told.append(_fact("order.placed", about, at - BEFORE, "", "", where))
    told.append(_fact(trigger.kind, about, at, state, "", where))
    return told


def following(journey: Journey, about: Around, at: datetime, then: Sequence[Pretend]
              ) -> list[facts.Fact]:  # fmt: skip
    """What happens after it, in the order of its times. Raises ValueError for a kind of fact that
    cannot be pretended."""
    trigger = journey.trigger
    has_order = isinstance(trigger, Heard) and trigger.kind in ("order.placed", *ORDER_FIRST)
    told: list[facts.Fact] = []
    for one in sorted(then, key=lambda one: one.after):
        if one.kind not in KINDS:
            raise ValueError(f"{one.kind} cannot be pretended: use one of {', '.join(KINDS)}")
        moment = at + one.after
        if one.kind in ORDER_FIRST and not has_order:
            told.append(_fact("order.placed", about, moment - BEFORE, "", "", ANYWHERE))
            has_order = True
        key = f"{KEY}2" if one.kind == "order.placed" and has_order else KEY
        told.append(_fact(one.kind, about, moment, one.state, one.said, ANYWHERE, key))
    return told


def _due(journey: Journey, about: Around, at: datetime) -> facts.Fact:
    category = next((one.category for one in about.lines if one.category), "")
    if isinstance(journey.trigger, PurchaseDue) and journey.trigger.categories:
        category = journey.trigger.categories[0]
    sku = next((one.sku for one in about.lines if one.sku), "")
    return facts.DueCame(
        id=f"pretended/due/{at.isoformat()}", at=at, automation=journey.key,
        contact=about.person.id, occasion="pretended", sku=sku, category=category, day=at.date(),
    )  # fmt: skip


def _fact(
    kind: str, about: Around, at: datetime, state: str, said: str, where: Where, key: str = KEY
) -> facts.Fact:
    told: dict[str, Any] = {"id": f"pretended/{kind}/{at.isoformat()}", "at": at, "kind": kind}
    site = (about.store.website or "https://shop.example").rstrip("/")
    lines = [_line(one) for one in _meant(about.lines, where)]
    match kind:
        case "order.placed" | "order.changed":
            told["order"] = {
                "key": key, "number": about.number or "1042", "placed_at": at, "changed_at": at,
                "total": about.total, "currency": about.currency, "lines": lines,
                "customer": _customer(about.person), "payment_due": kind == "order.placed",
                "payment_url": f"{site}/pay/1042", "url": f"{site}/orders/1042",
                "channel": where.channels[0] if where.channels else "web",
            }  # fmt: skip
        case "cart.changed":
            told |= {
                "cart": key, "customer": _customer(about.person), "url": f"{site}/cart",
                "lines": [] if state == "emptied" else lines,
                "total": Decimal(0) if state == "emptied" else about.total,
                "currency": about.currency,
            }  # fmt: skip
        case "visit.made":
            seen = lines[0] if lines and state != "page" else {}
            told |= {
                "customer": _customer(about.person), "page": f"{site}/",
                "sku": seen.get("sku", ""), "category": seen.get("category", ""),
            }  # fmt: skip
        case "customer.changed":
            told["customer"] = _customer(about.person)
        case "consent.given" | "stock.asked":
            told["customer"] = _customer(about.person)
            sku = next((one.sku for one in about.lines if one.sku), "goods")
            told |= {"sku": sku} if kind == "stock.asked" else {"words": "-", "source": "page"}
        case "consent.confirmed":
            told |= {"contact": about.person.id, "words": "-"}
        case "friend.bought":
            told |= {"contact": about.person.id, "invitation": 1, "state": state or "inviter"}
        case "link.opened":
            told |= {"contact": about.person.id, "message": 0}
        case "contest.won":
            told |= {
                "contact": about.person.id, "contest": 0, "ticket": "7F3A92C1K2MN",
                "state": state or "won",
            }  # fmt: skip
        case "survey.answered":
            survey = surveys.READY.get(where.surveys[0] if where.surveys else "", ASKED)
            is_low = (state or "low").startswith("low")
            told |= {
                "contact": about.person.id, "answer": 0, "survey": survey.key, "comment": said,
                "state": state or "low", "score": survey.low if is_low else survey.high,
            }  # fmt: skip
        case "task.closed":
            told |= {"contact": about.person.id, "task": 0, "result": state or "done"}
        case "text.received":
            told |= {"gateway": 0, "sender": about.person.phone or "", "body": said or "5"}
        case _:
            told |= {"order": key} | _of_order(kind, about, at, state, where)
    return facts.ANY.validate_python(told)


def _of_order(
    kind: str, about: Around, at: datetime, state: str, where: Where
) -> dict[str, Any]:  # fmt: skip
    promised = at + timedelta(days=2)
    match kind:
        case "parcel.moved":
            return {"state": state or "in_transit", "number": "BY080012345678", "carrier": "Post"}
        case "delivery.promised":
            before = promised - timedelta(days=1)
            is_new = where.only == "new_promise"
            return {
                "promised_from": promised, "promised_until": promised + timedelta(hours=4),
            } | ({"before_from": before, "before_until": before + timedelta(hours=4)}
                 if is_new else {})  # fmt: skip
        case "return.opened":
            return {"return_key": "77", "wish": where.wish or "return"}
        case "return.accepted" | "return.refused":
            return {"return_key": "77"}
        case "refund.sent":
            return {"refund_key": "77", "amount": about.total}
        case "complaint.moved":
            return {"complaint": "77", "state": state or "opened"}
        case "invoice.issued":
            return {"number": "2026-1042"}
    return {}


def _meant(lines: Sequence[Item], where: Where) -> Sequence[Item]:
    """Lines of the goods that a journey means, where it means some only."""
    goods = where.goods
    if not (goods.skus or goods.categories) or not lines:
        return lines
    first = lines[0]
    return [
        Item(
            first.name, first.quantity, first.price,
            goods.skus[0] if goods.skus else first.sku,
            goods.categories[0] if goods.categories else first.category,
        ),
        *lines[1:],
    ]  # fmt: skip


def _customer(person: Contact) -> dict[str, Any]:
    return {
        "phone": person.phone or "", "email": person.email or "", "country": person.country or "",
    }  # fmt: skip


def _line(one: Item) -> dict[str, Any]:
    return {
        "name": one.name or one.sku, "quantity": one.quantity, "price": one.price, "sku": one.sku,
        "category": one.category,
    }  # fmt: skip


def sample_lines(language: str) -> tuple[Item, ...]:
    """Goods for who has never bought, left or seen any."""
    names = samples.NAMES.get(language, samples.NAMES["en"])[1].split(", ")
    price = (samples.TOTAL / len(names)).quantize(Decimal("0.01"))
    return tuple(Item(name, Decimal(1), price) for name in names)
