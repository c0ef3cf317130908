"""Routes, senders, limits and price lists over the API: everything that the page can do (R113)."""

from typing import Any

import pytest

from tests.web.conftest import Site
from tests.web.test_api import Program, key

HERE = "/api/stores/1"
PRICES = {
    "currency": "EUR",
    "prices": [
        {"prefix": "37529", "price": "0.0125", "country": "BY", "network": "MTS"},
        {"prefix": "375", "price": "0.02"},
        {"country": "IT", "price": "0.05"},
    ],
}


@pytest.fixture
def owner(site: Site) -> Program:
    site.set_up()
    return key(site, "owner")


def test_routes_are_put_whole_and_a_number_is_tried(owner: Program) -> None:
    """R113, N6."""
    rules = {"routes": [{"gateways": [1], "countries": ["BY"], "networks": ["BY/MTS"]}]}
    assert owner.ask("PUT", f"{HERE}/routes", rules).status == 200
    (told,) = owner.ask("GET", f"{HERE}/routes").json()["routes"]
    assert told["gateways"] == [1] and told["networks"] == ["BY/MTS"] and told["pick"] == "order"
    assert owner.ask("PUT", f"{HERE}/gateways/1/prices", PRICES).json() == {"prices": 3}
    way = owner.ask("GET", f"{HERE}/routes/way?phone=%2B375292112233").json()
    assert (way["goes"], way["reason"], way["gateways"]) == (True, "route/1", [1])
    assert (way["network"], way["cost_per_part"], way["currency"]) == ("BY/MTS", "0.012500", "EUR")
    assert owner.ask("GET", f"{HERE}/routes/way?phone=12").status == 422
    strange = owner.ask("PUT", f"{HERE}/routes", {"routes": [{"gateways": [1, 99]}]})
    assert strange.status == 422 and "routes.0.gateways" in strange.text
    assert owner.ask("PUT", f"{HERE}/routes", {"routes": []}).status == 200
    assert owner.ask("GET", f"{HERE}/routes/way?phone=%2B375292112233").json()["reason"] == "rank"


def test_price_lists_come_back_as_they_were_put(owner: Program) -> None:
    assert owner.ask("GET", f"{HERE}/gateways/1/prices").status == 404
    assert owner.ask("PUT", f"{HERE}/gateways/1/prices", PRICES).status == 200
    told = owner.ask("GET", f"{HERE}/gateways/1/prices").json()
    assert told["currency"] == "EUR" and len(told["prices"]) == 3
    assert owner.ask("PUT", f"{HERE}/gateways/1/prices", told).status == 200
    assert owner.ask("GET", f"{HERE}/gateways/1/prices").json() == told
    assert owner.ask("PUT", f"{HERE}/gateways/7/prices", PRICES).status == 404
    for wrong in (
        [{"price": "0.02"}],
        [{"price": "-1", "prefix": "375"}],
        [{"price": "0.1", "prefix": "375"}, {"price": "0.2", "prefix": "375"}],
    ):
        wish = {"currency": "EUR", "prices": wrong}
        assert owner.ask("PUT", f"{HERE}/gateways/1/prices", wish).status == 422, wrong
    assert owner.ask("PUT", f"{HERE}/gateways/1/prices", PRICES | {"prices": []}).status == 200
    assert owner.ask("GET", f"{HERE}/gateways/1/prices").status == 404


def test_senders_and_limits_are_put_whole(owner: Program) -> None:
    senders: Any = {"senders": [{"sender": "LINDEN", "country": "ES", "state": "asked"}]}
    assert owner.ask("PUT", f"{HERE}/senders", senders).status == 200
    (told,) = owner.ask("GET", f"{HERE}/senders").json()["senders"]
    assert told == {"sender": "LINDEN", "country": "ES", "gateway": 0, "state": "asked"}
    assert owner.ask("PUT", f"{HERE}/senders", {"senders": [{"sender": "Чай"}]}).status == 422
    assert owner.ask("PUT", f"{HERE}/senders", {"senders": []}).status == 200
    assert owner.ask("GET", f"{HERE}/senders").json() == {"senders": []}
    limit = {"period": "day", "classes": "all", "currency": "EUR", "amount": "5.50"}
    assert owner.ask("PUT", f"{HERE}/spending/limits", {"limits": [limit]}).status == 200
    now = owner.ask("GET", f"{HERE}/spending").json()
    assert now == {"limits": [limit | {"reached": False}], "spent": [], "waiting": 0}
    other = limit | {"period": "month"}
    assert owner.ask("PUT", f"{HERE}/spending/limits", {"limits": [other]}).status == 200
    assert [one["period"] for one in owner.ask("GET", f"{HERE}/spending").json()["limits"]] == [
        "month"
    ]


def test_a_message_says_what_it_costs(owner: Program) -> None:
    """N6: amounts are decimal strings."""
    owner.ask("PUT", f"{HERE}/gateways/1/prices", PRICES)
    wish = {"phone": "+375292112233", "text": "Hello"}
    made = owner.ask("POST", f"{HERE}/texts", wish).json()
    told = owner.ask("GET", f"{HERE}/messages/{made['message']}").json()
    assert (told["network"], told["cost_currency"]) == ("BY", "EUR")
    assert str(told["cost"]) == "0.012500"


def test_only_an_owner_changes_them(owner: Program) -> None:
    """P10."""
    viewer = key(owner.site, "viewer")
    assert viewer.ask("GET", f"{HERE}/routes").status == 200
    for path, wish in (
        ("routes", {"routes": []}),
        ("senders", {"senders": []}),
        ("spending/limits", {"limits": []}),
        ("gateways/1/prices", PRICES),
    ):
        assert viewer.ask("PUT", f"{HERE}/{path}", wish).status == 403
