"""What a text can say: the values behind {{ order.number }}, {{ delivery.day }} and the rest.

Times are said in the recipient's time zone (the store's when several are possible), money and
days in their language. rules/texts.KNOWN_VARIABLES lists what must be found here.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ringdove.rules import facts, languages
from ringdove.rules.scenes import Contact, Order, Parcel, Scene, Store
from ringdove.rules.surveys import asking
from ringdove.rules.wants import ProductsWanted

ITEMS_MAX = 3  # an order's text names so many goods
NAME_MAX = 28  # letters of a product's name in an offer: two parts are dearer than a clear name


def values_of(
    scene: Scene, person: Contact, order: Order | None, fact: facts.Fact | None, language: str
) -> dict[str, object]:
    """All values for a text about this fact, by the names that texts use; what costs time to say
    is a function, called when a text asks for it."""
    zone = zone_of(scene.store, person)
    values: dict[str, object] = {
        "shop": _shop(scene.store),
        "customer": _customer(person),
        "stop_url": lambda: scene.stop_url(person.id),
        "field": lambda: {key: str(value) for key, value in scene.person(person.id).fields.items()},
    }
    if order:
        values["order"] = _order(order, language)
        values["invoice"] = {"number": order.invoice_number, "url": order.invoice_url}
    match fact:
        case facts.ParcelMoved():
            values["parcel"] = _parcel(scene, fact, zone, language)
        case facts.DeliveryPromised():
            values["delivery"] = _delivery(fact, zone, language)
        case facts.ReturnOpened() | facts.ReturnAccepted() | facts.ReturnRefused():
            values["return"] = {
                "number": fact.return_key,
                "label_url": getattr(fact, "label_url", ""),
                "instructions": getattr(fact, "instructions", ""),
                "reason": getattr(fact, "reason", ""),
            }
        case facts.RefundSent():
            values["refund"] = _refund(fact, order, language)
        case facts.InvoiceIssued():
            values["invoice"] = {"number": fact.number, "url": fact.url}
        case facts.ComplaintMoved():
            values["complaint"] = {"number": fact.complaint, "note": fact.note}
        case facts.SurveyAnswered():
            values["survey"] = lambda: _survey(scene, fact, language)
        case facts.CartChanged():
            values["cart"] = _cart(fact, scene.store, language)
        case facts.VisitMade() | facts.DueCame():
            values["product"] = lambda: _product(scene, fact.sku, language)
            values["due"] = {"category": fact.category}
        case facts.StockAsked():
            values["product"] = lambda: _product(scene, fact.sku, language)
    return values


def _shop(store: Store) -> Mapping[str, str]:
    return {"name": store.name, "url": store.website, "phone": store.phone, "email": store.email}


def _customer(person: Contact) -> Mapping[str, str]:
    return {"name": person.name, "first_name": person.name.partition(" ")[0]}


def _order(order: Order, language: str) -> Mapping[str, object]:
    return {
        "number": order.number,
        "total": lambda: languages.say_money(order.total, order.currency, language),
        "items": lambda: _items(order),
        "payment_url": order.payment_url,
        "url": order.url,
    }


def _items(order: Order) -> str:
    lines = order.lines or ()
    named = ", ".join(
        line.name if line.quantity == 1 else f"{line.name} x{line.quantity.normalize():f}"
        for line in lines[:ITEMS_MAX]
    )
    more = f" +{len(lines) - ITEMS_MAX}" if len(lines) > ITEMS_MAX else ""
    return named + more


def _survey(scene: Scene, fact: facts.SurveyAnswered, language: str) -> Mapping[str, str]:
    """Raises SurveysWanted."""
    survey = asking.survey_of(scene, fact.survey)
    return asking.values_of_answer(survey, vars(fact), language) if survey else {}


def _cart(fact: facts.CartChanged, store: Store, language: str) -> Mapping[str, object]:
    """One name is enough to know it again, and a cart's names are long."""
    first = next((short(line.name) for line in fact.lines), "")
    more = f" +{len(fact.lines) - 1}" if len(fact.lines) > 1 else ""
    currency = fact.currency or store.currency
    return {
        "items": first + more,
        "total": lambda: languages.say_money(fact.total, currency, language) if fact.total else "",
        "url": fact.url,
    }


def _product(scene: Scene, sku: str, language: str) -> Mapping[str, str]:
    """As the catalogue knows it. Raises ProductsWanted."""
    if scene.products is None:
        raise ProductsWanted(sku)
    known = scene.products.get(sku)
    if known is None:
        return {}
    price = known.price
    said = languages.say_money(price, scene.store.currency, language) if price is not None else ""
    return {"name": short(known.name), "price": said, "url": known.url}


def short(name: str) -> str:
    """A product's name as a text says it: shops write all that it can do into it."""
    if len(name) <= NAME_MAX:
        return name
    words, _, _ = name[: NAME_MAX + 1].rpartition(" ")
    return (words or name[:NAME_MAX]).rstrip(" ,;:-–—(/")


def _parcel(
    scene: Scene, fact: facts.ParcelMoved, zone: ZoneInfo, language: str
) -> Mapping[str, str]:
    known: Parcel | None = None
    row_id = scene.row_of("parcel", parcel_key(fact))
    if row_id is not None:
        known = scene.parcels.get(row_id)
    until = fact.pickup_until or (known.pickup_until if known else None)
    return {
        "number": fact.number or (known.number if known else ""),
        "carrier": fact.carrier or (known.carrier if known else ""),
        "url": fact.url or (known.url if known else ""),
        "shipped_on": languages.say_day(fact.at.astimezone(zone).date(), language),
        "pickup_point": fact.pickup_point or (known.pickup_point if known else ""),
        "pickup_until": languages.say_day(until.astimezone(zone).date(), language) if until else "",
    }


def parcel_key(fact: facts.ParcelMoved) -> str:
    """The natural key of the parcel: shops count parcels anew in each order, so that is in it;
    without a name it is the order's only one."""
    return f"order/{fact.order}/{fact.parcel}" if fact.parcel else f"order/{fact.order}"


def _delivery(fact: facts.DeliveryPromised, zone: ZoneInfo, language: str) -> Mapping[str, str]:
    return {
        "day": _day(fact.promised_from, zone, language),
        "hours": _hours(fact.promised_from, fact.promised_until, zone, language),
        "old_day": _day(fact.before_from, zone, language),
        "old_hours": _hours(fact.before_from, fact.before_until, zone, language),
    }


def _day(at: datetime | None, zone: ZoneInfo, language: str) -> str:
    return languages.say_day(at.astimezone(zone).date(), language) if at else ""


def _hours(at: datetime | None, until: datetime | None, zone: ZoneInfo, language: str) -> str:
    if at is None or until is None:
        return ""
    return languages.say_hours(at.astimezone(zone).time(), until.astimezone(zone).time(), language)


def _refund(fact: facts.RefundSent, order: Order | None, language: str) -> Mapping[str, str]:
    amount = fact.amount if fact.amount is not None else (order.total if order else None)
    currency = order.currency if order else ""
    return {
        "amount": languages.say_money(amount, currency, language) if amount is not None else "",
        "expected_on": languages.say_day(fact.expected_on, language) if fact.expected_on else "",
    }


def zone_of(store: Store, person: Contact) -> ZoneInfo:
    """Where their clock stands; the store's where that is not known."""
    return ZoneInfo(person.zones[0] if len(person.zones) == 1 else store.time_zone)


def trigger_values(fact: facts.Fact) -> dict[str, Any]:
    """The fact as an enrollment keeps it: what texts and conditions can still ask of it. The order
    and the person have rows of their own."""
    told = fact.model_dump(mode="json", exclude_defaults=True) | {"kind": fact.kind}  # type: ignore[attr-defined]
    if "customer" in told:
        told["customer"] = {}
    if isinstance(fact, facts.OrderPlaced | facts.OrderChanged):
        told["order"] = {name: told["order"][name] for name in ("key", "placed_at")}
    return told
