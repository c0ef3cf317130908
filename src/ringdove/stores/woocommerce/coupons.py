"""Making coupons in the shop, so that it knows our codes (wc/v3/coupons/batch, WooCommerce 3.0 on).

coupons() is a conversation without a socket, as history() is: it yields requests and is sent their
responses. Goods are named to us by article and category; the shop wants its own ids, so it is asked
for them first. A code that the shop has already is known to it: a batch that was cut off half way
can be told again. Each coupon is good alone (individual_use) and as often as the offer says.

    what the shop says of a coupon
    ├── it, with its id                              known
    ├── woocommerce_rest_coupon_code_already_exists   known
    └── whatever other error                         failed, in the shop's words
"""

from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from typing import Any

from ringdove.rules.consent.ways_in import Reward
from ringdove.stores import values
from ringdove.stores.edge import Refusal, Request, Response, StoreRefused, Told, parse
from ringdove.stores.woocommerce import rest
from ringdove.stores.woocommerce.settings import Settings

BATCH_MAX = 100  # objects in one request, as the shop allows
IDS_MAX = 100
PERMISSION = "permission Read/Write"
KNOWN_ALREADY = "woocommerce_rest_coupon_code_already_exists"

Talk = Generator[Request, Response, Told | Refusal]


def coupons(settings: Settings, offer: Reward, codes: Sequence[str], now: datetime) -> Talk:
    """Makes a coupon for each of these codes, at most BATCH_MAX of them."""
    where = yield from _goods(settings, offer, now)
    if isinstance(where, Refusal):
        return where
    body = {"create": [coupon(offer, code) | where for code in codes[:BATCH_MAX]]}
    response = yield rest.request(settings, "coupons/batch", {}, now, body)
    return _told(response, codes[:BATCH_MAX])


def coupon(offer: Reward, code: str) -> dict[str, Any]:
    """A coupon as the shop wants it, its goods apart."""
    is_money = offer.discount in ("percent", "amount")
    told: dict[str, Any] = {
        "code": code,
        "discount_type": "percent" if offer.discount == "percent" else "fixed_cart",
        "amount": f"{offer.worth:.2f}" if is_money else "0.00",
        "free_shipping": offer.discount == "delivery",
        "individual_use": True,
        "description": offer.name,
    }
    if offer.valid_until:
        told["date_expires_gmt"] = f"{offer.valid_until.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
    if offer.has_own_codes:
        told["usage_limit"] = max(1, offer.uses_each)
    else:
        told |= {"usage_limit": offer.uses_total or None}
        told |= {"usage_limit_per_user": offer.uses_each or None}
    return told


def _goods(
    settings: Settings, offer: Reward, now: datetime
) -> Generator[Request, Response, dict[str, Any] | Refusal]:
    """The shop's ids of the goods that the offer is about."""
    if offer.goods_of == "skus":
        query = {"sku": ",".join(offer.goods), "per_page": str(IDS_MAX)}
        found = _list((yield rest.request(settings, "products", query, now)))
        return found if isinstance(found, Refusal) else _ids(offer, "product_ids", found)
    if offer.goods_of == "categories":
        every = []
        for name in offer.goods:
            query = {"search": name, "per_page": str(IDS_MAX)}
            found = _list((yield rest.request(settings, "products/categories", query, now)))
            if isinstance(found, Refusal):
                return found
            every += found
        return _ids(offer, "product_categories", every)
    return {}


def _ids(offer: Reward, field: str, found: list[dict[str, Any]]) -> dict[str, Any] | Refusal:
    """Of all goods, or the shop would give less than was promised."""
    ids = {
        name: [one["id"] for one in found if _number(one.get("id")) and _is_named(one, name)]
        for name in offer.goods
    }
    if missing := [name for name, some in ids.items() if not some]:
        return StoreRefused(
            f"The shop does not know these goods: {', '.join(missing[:3])}. Name them as it does."
        )
    return {field: sorted({one for some in ids.values() for one in some})}


def _is_named(told: dict[str, Any], name: str) -> bool:
    called = ("sku",) if "sku" in told else ("name", "slug")
    return name.casefold() in (values.text(told.get(what), 200).casefold() for what in called)


def _number(told: Any) -> bool:
    return isinstance(told, int) and not isinstance(told, bool)


def _list(response: Response) -> list[dict[str, Any]] | Refusal:
    if refusal := rest.refusal_of(response, PERMISSION):
        return refusal
    told = parse(response.body)
    if response.status != 200 or not isinstance(told, list):
        return StoreRefused(f"The shop answered {response.status} without a list of goods.")
    return [one for one in told if isinstance(one, dict)]


def _told(response: Response, codes: Sequence[str]) -> Told | Refusal:
    if refusal := rest.refusal_of(response, PERMISSION):
        return refusal
    told = parse(response.body)
    made = told.get("create") if isinstance(told, dict) else None
    if response.status not in (200, 201) or not isinstance(made, list) or len(made) != len(codes):
        return StoreRefused(f"The shop answered {response.status} without its coupons.")
    # Answers stand in the order of the questions; the shop spells codes in small letters.
    return Told({code: _why(one) for code, one in zip(codes, made, strict=True)})


def _why(told: Any) -> str:
    """Why a coupon was not made; empty: the shop has it."""
    if not isinstance(told, dict):
        return "no answer about it"
    error = told.get("error")
    if not isinstance(error, dict):
        return "" if told.get("id") else "no answer about it"
    if error.get("code") == KNOWN_ALREADY:
        return ""
    return (
        values.text(error.get("message"), 200) or values.text(error.get("code"), 200) or "refused"
    )
