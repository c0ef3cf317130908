"""The parts of WooCommerce's REST objects: meta fields, people, lines, parcels, refunds, products.

Every function takes whatever the shop sent and gives clean values of rules/facts.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from ringdove.rules import facts
from ringdove.stores import values
from ringdove.stores.values import text

COUPONS_MAX = 20
LINES_MAX = 500
PARCELS_MAX = 20
REFUNDS_MAX = 50
_TICKED = frozenset({"1", "yes", "true", "on", "in", "granted", "subscribed"})


def part(value: Any) -> dict[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def parts(value: Any, count_max: int) -> Iterator[dict[str, Any]]:
    """The objects of a list."""
    if isinstance(value, list):
        yield from (each for each in value[:count_max] if isinstance(each, dict))


def meta(told: Mapping[str, Any]) -> dict[str, Any]:
    """meta_data as a table; of equal names the last one counts, as in WordPress."""
    return {
        each["key"]: each.get("value")
        for each in parts(told.get("meta_data"), 2_000)
        if isinstance(each.get("key"), str)
    }


def first(table: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The first of these meta fields that holds something."""
    for name in names:
        found = table.get(name)
        if isinstance(found, dict):  # some plug-ins keep {"number": …} or {"name": …}
            found = found.get("number") or found.get("name") or found.get("value")
        if found not in (None, "", [], False):
            return found
    return None


def buyer(
    told: Mapping[str, Any], table: Mapping[str, Any], languages: Sequence[str], store: str
) -> facts.Customer:
    """Who ordered. The number is read with the order's country: billing, shipping, the store's."""
    billing, shipping = part(told.get("billing")), part(told.get("shipping"))
    country = values.country(billing.get("country")) or values.country(shipping.get("country"))
    return facts.Customer(
        phone=text(billing.get("phone"), 500) or text(shipping.get("phone"), 500),
        email=text(billing.get("email"), 500),
        account=values.key(told.get("customer_id")),
        name=_name(billing) or _name(shipping),
        language=values.language(first(table, languages)),
        country=country or store,
        region=text(shipping.get("state"), 500) or text(billing.get("state"), 500),
        city=text(shipping.get("city"), 500) or text(billing.get("city"), 500),
    )


def account(
    told: Mapping[str, Any], table: Mapping[str, Any], languages: Sequence[str], store: str
) -> facts.Customer:
    """The person behind a customer object."""
    who = buyer({**told, "customer_id": told.get("id")}, table, languages, store)
    return who.model_copy(
        update={"name": _name(told) or who.name, "email": text(told.get("email"), 500) or who.email}
    )


def _name(told: Mapping[str, Any]) -> str:
    names = (text(told.get("first_name"), 200), text(told.get("last_name"), 200))
    return " ".join(name for name in names if name)


def consent(table: Mapping[str, Any], names: Sequence[str], words: str) -> facts.Consent | None:
    """A ticked box with its words. An empty box says nothing: it withdraws nothing either."""
    tick = first(table, names)
    if not words or not (tick is True or text(tick, 20).lower() in _TICKED):
        return None
    return facts.Consent(marketing=True, words=words)


def coupons(told: Any) -> tuple[str, ...]:
    """The promo codes that the order was paid with."""
    found = (text(one.get("code"), 60) for one in parts(told, COUPONS_MAX))
    return tuple(code for code in found if code)


def from_where(consent: facts.Consent, told: Mapping[str, Any]) -> facts.Consent:
    """The consent with the address and device that the shop saw at its checkout."""
    ip, device = (
        text(told.get("customer_ip_address"), 60),
        text(told.get("customer_user_agent"), 300),
    )
    return consent.model_copy(update={"ip": ip, "device": device})


def lines(told: Any) -> tuple[facts.Line, ...]:
    """What was ordered, with the price that was paid for one piece, tax included."""
    found = []
    for line in parts(told, LINES_MAX):
        count = values.quantity(line.get("quantity"))
        name = text(line.get("name"), 500)
        if count <= 0 or not name:
            continue
        paid = values.amount(line.get("total")) + values.amount(line.get("total_tax"))
        found.append(
            facts.Line(
                name=name,
                quantity=count,
                price=values.amount(paid / count),
                sku=text(line.get("sku"), 120)
                or values.key(line.get("variation_id"))
                or values.key(line.get("product_id")),
            )
        )
    return tuple(found)


def channel(created_via: Any) -> str:
    """Where the order was made; WooCommerce's two checkouts are the web shop."""
    word = text(created_via, 40)
    return "web" if word in ("", "checkout", "store-api") else word


def tracking(table: Mapping[str, Any]) -> list[dict[str, str]]:
    """Parcels as Shipment Tracking and its kin keep them."""
    found: dict[str, dict[str, str]] = {}
    for item in parts(table.get("_wc_shipment_tracking_items"), PARCELS_MAX):
        number = text(item.get("tracking_number"), 60)
        if number:
            found[number] = {
                "number": number,
                "carrier": text(item.get("custom_tracking_provider"), 500)
                or text(item.get("formatted_tracking_provider"), 500)
                or text(item.get("tracking_provider"), 500),
                "url": values.url(item.get("custom_tracking_link"))
                or values.url(item.get("formatted_tracking_link")),
            }
    return list(found.values())


def on_completion(told: Mapping[str, Any], state: str) -> str:
    """The stage of a completed order's parcel: none for downloads, fetched if the buyer fetches."""
    methods = {
        text(line.get("method_id"), 60) for line in parts(told.get("shipping_lines"), LINES_MAX)
    }
    if told.get("needs_processing") is False and not methods:
        return ""
    return "delivered" if methods & {"local_pickup", "pickup_location"} else state


def refunds(told: Any) -> list[tuple[str, Decimal]]:
    """Money sent back: each refund's key and amount."""
    found = []
    for refund in parts(told, REFUNDS_MAX):
        if key := values.key(refund.get("id")):
            found.append((key, abs(values.amount(refund.get("total")))))
    return found


def product(key: str, name: str, at: datetime, told: Mapping[str, Any]) -> facts.ProductChanged:
    """A product of the catalogue. Lines without a stock keeping unit name it by its id."""
    categories = [text(each.get("name"), 500) for each in parts(told.get("categories"), 50)]
    brands = [text(each.get("name"), 500) for each in parts(told.get("brands"), 50)]
    stock = told.get("stock_quantity")
    known = isinstance(stock, int) and not isinstance(stock, bool) and abs(stock) < 1 << 31
    price = told.get("price")
    return facts.ProductChanged(
        id=f"product/{key}/{at:%Y-%m-%dT%H:%M:%S}",
        at=at,
        sku=text(told.get("sku"), 120) or key,
        name=name,
        category=next(iter(categories), ""),
        brand=next(iter(brands), ""),
        price=None if price in (None, "") else values.amount(price),
        url=values.url(told.get("permalink")),
        stock=stock if known else None,
        key=key,
    )
