"""Which reader a WooCommerce object belongs to, by its topic or, without one, by its shape."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from ringdove.rules import facts
from ringdove.stores import values
from ringdove.stores.edge import Answer, BodyUnreadable, Nothing, TopicUnknown
from ringdove.stores.woocommerce import objects
from ringdove.stores.woocommerce.orders import read_order
from ringdove.stores.woocommerce.settings import Settings


def read_object(
    topic: str, told: Any, settings: Settings, country: str, heard_at: datetime
) -> Answer:
    """The facts of one object. Never raises, whatever the object is."""
    if not isinstance(told, dict):
        return BodyUnreadable("A webhook's body is a JSON object: an order, customer or product.")
    noun, _, event = (topic or _guess(told)).partition(".")
    if not noun:
        return TopicUnknown("The header X-WC-Webhook-Topic is missing, and the body is no order.")
    reader = _READERS.get(noun)
    if reader is None:
        return Nothing(f"{values.text(topic, 60)}: nothing here needs this topic")
    key = values.key(told.get("id"))
    if not key:
        return BodyUnreadable(f"The {noun} has no id. Send the object as WooCommerce makes it.")
    try:
        return reader(key, event, told, settings, country, heard_at)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        return BodyUnreadable(f"The {noun} {key} cannot be taken: {where}: {first['msg']}.")


def _guess(told: Mapping[str, Any]) -> str:
    if "line_items" in told or "order_key" in told:
        return "order"
    if "regular_price" in told:
        return "product"
    return "customer" if "is_paying_customer" in told else ""


def _customer(
    key: str,
    event: str,
    told: Mapping[str, Any],
    settings: Settings,
    country: str,
    heard_at: datetime,
) -> Answer:
    if event == "deleted":
        return Nothing("the shop deleted an account: the person stays a customer")
    made_at = values.utc(told.get("date_created_gmt"))
    at = values.utc(told.get("date_modified_gmt")) or made_at or heard_at
    meta = objects.meta(told)
    return [
        facts.CustomerChanged(
            id=f"customer/{key}/{at:%Y-%m-%dT%H:%M:%S}",
            at=at,
            customer=objects.account(told, meta, settings.language_meta, country),
            consent=objects.consent(meta, settings.consent_meta, settings.consent_words),
        )
    ]


def _product(
    key: str,
    event: str,
    told: Mapping[str, Any],
    settings: Settings,
    country: str,
    heard_at: datetime,
) -> Answer:
    name = values.text(told.get("name"), 500)
    if event == "deleted" or told.get("status", "publish") != "publish" or not name:
        return Nothing("no product that customers can see")
    at = values.utc(told.get("date_modified_gmt")) or heard_at
    return [objects.product(key, name, at, told)]


_READERS = {"order": read_order, "customer": _customer, "product": _product}
