"""Coupons made in a WooCommerce shop: what is asked, and what its answers mean."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ringdove.rules.consent.ways_in import Reward
from ringdove.stores.edge import KeysWrong, Request, Response, StoreBusy, StoreRefused, Told
from ringdove.stores.woocommerce import Settings, coupons

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
SHOP = Settings(store_url="https://tea.example", rest_key="ck_1", rest_secret="cs_1")
OWN = Reward(
    3, "t", "Black Friday", "code", source="own", prefix="TEA", discount="percent",
    worth=Decimal(15), shop="coupons", connection=1,
    valid_until=datetime(2026, 11, 30, 20, 59, 59, tzinfo=UTC),
)  # fmt: skip
EXISTS = {"id": 0, "error": {"code": "woocommerce_rest_coupon_code_already_exists",
                             "message": "The coupon code already exists"}}  # fmt: skip


def talk(
    offer: Reward, codes: list[str], *answers: Any, status: int = 200
) -> tuple[Any, list[Request]]:
    """What came of it, and what the shop was asked."""
    going, asked = coupons(SHOP, offer, codes, NOW), []
    try:
        request = next(going)
        for told in answers:
            asked.append(request)
            body = told if isinstance(told, bytes) else json.dumps(told).encode()
            request = going.send(Response(status, {}, body))
    except StopIteration as end:
        return end.value, asked
    raise AssertionError("it asks for more")


def test_a_batch_is_made_and_told_one_by_one() -> None:
    """R34, R35: alone in a cart, once, until its day; what the shop has already is known to it."""
    refused = {"id": 0, "error": {"code": "woocommerce_rest_cannot_create", "message": "No."}}
    told, (request,) = talk(
        OWN, ["TEA-A", "TEA-B", "TEA-C"], {"create": [{"id": 7, "code": "tea-a"}, EXISTS, refused]}
    )
    assert told == Told({"TEA-A": "", "TEA-B": "", "TEA-C": "No."})
    assert request.url == "https://tea.example/wp-json/wc/v3/coupons/batch"
    assert (request.method, request.headers["content-type"]) == ("POST", "application/json")
    first = json.loads(request.body)["create"][0]
    assert first == {
        "code": "TEA-A", "discount_type": "percent", "amount": "15.00", "free_shipping": False,
        "individual_use": True, "description": "Black Friday", "usage_limit": 1,
        "date_expires_gmt": "2026-11-30T20:59:59",
    }  # fmt: skip


def test_goods_are_asked_for_by_the_names_that_orders_use() -> None:
    """R34: articles and categories become the shop's own ids."""
    offer = replace(OWN, goods_of="skus", goods=("T-1", "T-2"))
    _, (goods, made) = talk(
        offer, ["TEA-A"], [{"id": 12, "sku": "t-2"}, {"id": 11, "sku": "T-1"}],
        {"create": [{"id": 7}]},
    )  # fmt: skip
    told, _ = talk(offer, ["TEA-A"], [{"id": 11, "sku": "T-1"}])
    assert isinstance(told, StoreRefused) and "T-2" in told.detail
    assert "sku=T-1%2CT-2" in goods.url and goods.method == "GET"
    assert json.loads(made.body)["create"][0]["product_ids"] == [11, 12]
    offer = replace(OWN, goods_of="categories", goods=("Green tea",))
    named = [{"id": 5, "name": "Green tea", "slug": "g"}, {"id": 6, "name": "Green teapots"}]
    _, (_, made) = talk(offer, ["TEA-A"], named, {"create": [{"id": 7}]})
    assert json.loads(made.body)["create"][0]["product_categories"] == [5]
    told, _ = talk(offer, ["TEA-A"], [])
    assert isinstance(told, StoreRefused) and "Green tea" in told.detail


def test_a_code_that_all_share_has_the_limits_of_the_offer() -> None:
    offer = replace(
        OWN, source="common", code="HELLO", discount="delivery", uses_each=1, uses_total=500
    )
    _, (request,) = talk(offer, ["HELLO"], {"create": [{"id": 7}]})
    (made,) = json.loads(request.body)["create"]
    assert (made["usage_limit"], made["usage_limit_per_user"]) == (500, 1)
    assert made["free_shipping"] is True and made["amount"] == "0.00"


def test_over_http_the_keys_only_sign() -> None:
    going = coupons(SHOP.model_copy(update={"store_url": "http://tea.example"}), OWN, ["A"], NOW)
    request = next(going)
    assert "authorization" not in request.headers and "cs_1" not in request.url
    assert "oauth_signature=" in request.url and request.body


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b"", KeysWrong), (403, b"", KeysWrong), (404, b"", StoreRefused),
        (429, b"", StoreBusy), (500, b"<html>", StoreBusy), (200, b"[", StoreRefused),
        (200, b"[]", StoreRefused), (200, b'{"create": []}', StoreRefused),
        (200, b'{"create": [1]}', Told), (200, b'{"create": [{"error": 1}]}', Told),
    ],
)  # fmt: skip
def test_whatever_the_shop_says_is_told(status: int, body: bytes, kind: type[Any]) -> None:
    told, _ = talk(OWN, ["TEA-A"], body, status=status)
    assert isinstance(told, kind)
    if isinstance(told, Told):
        assert told.said["TEA-A"]
