"""The API: who may call it, what is told over it, and that its description is true."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

import pytest

from ringdove.kit import db
from ringdove.kit.crypto import hash_token
from ringdove.records import facts as fact_records
from ringdove.records.store import api_keys, stores
from ringdove.rules import facts
from ringdove.rules.facts import Customer
from ringdove.stores import woocommerce
from ringdove.web import api
from ringdove.web.sending.handwork import Wish, send
from ringdove.workers import react

from .conftest import Answer, Site

PAYLOADS = Path(__file__).parent.parent / "stores" / "woocommerce"
WOO = woocommerce.Settings()


@dataclass
class Program:
    """A program with a key."""

    site: Site
    token: str

    def ask(self, method: str, path: str, told: Any = None, **headers: str) -> Answer:
        body = None if told is None else json.dumps(told)
        given = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        return self.site.visitor().ask(method, path, body, given | headers)


def key(site: Site, role: str, store_id: int = 1) -> Program:
    token = f"rd_{role}_{store_id}"

    async def make() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            await api_keys.create(
                tx, store_id=store_id, name=role, role=role,  # type: ignore[arg-type]
                token_hash=hash_token(token), hint="abcd", now=site.runtime.clock(),
            )  # fmt: skip

    site.run(make())
    return Program(site, token)


def rows(site: Site, statement: str) -> list[dict[str, Any]]:
    async def ask() -> list[dict[str, Any]]:
        async with db.transaction(site.runtime.pool) as tx:
            return list(await (await tx.execute(statement)).fetchall())  # type: ignore[arg-type]

    return site.run(ask())


def answer_all(site: Site) -> None:
    site.run(react.answer_due(site.runtime))


@pytest.fixture
def house(site: Site) -> Site:
    site.set_up()
    return site


def event(n: int) -> dict[str, Any]:
    return {
        "kind": "customer.changed",
        "id": f"c{n}",
        "at": "2026-03-20T10:00:00Z",
        "customer": {"phone": "+375291112233", "name": "Анна"},
    }


def test_events_over_the_api_are_written_once(house: Site) -> None:
    """R111."""
    program = key(house, "support")
    first = program.ask("POST", "/api/stores/1/events", [event(1), event(2)])
    assert (first.status, first.json()) == (200, {"accepted": 2, "repeated": 0})
    assert program.ask("POST", "/api/stores/1/events", event(2)).json()["repeated"] == 1
    bad = program.ask("POST", "/api/stores/1/events", [event(3), {"kind": "x"}])
    assert bad.status == 422 and bad.json()["index"] == 1
    assert program.ask("POST", "/api/stores/1/events", []).json()["accepted"] == 0
    large = program.ask("POST", "/api/stores/1/events", ["x" * 1_000_001])
    assert large.status == 413 and "smaller" in large.json()["detail"]
    assert len(rows(house, "SELECT FROM fact")) == 2


def test_a_text_goes_through_the_decision_and_once(house: Site) -> None:
    """R114, P1."""
    program = key(house, "support")
    wish = {"phone": "8 029 111-22-33", "text": "Ваш мастер {{ едет }}", "id": "visit-7"}
    made = program.ask("POST", "/api/stores/1/texts", wish)
    assert made.status == 201, made.text
    told = made.json()
    assert told["encoding"] and told["parts"] == 1 and told["repeated"] is False
    again = program.ask("POST", "/api/stores/1/texts", wish).json()
    assert again["message"] == told["message"] and again["repeated"] is True
    texts = rows(house, "SELECT recipient, body, class, why FROM message")
    assert texts == [
        {
            "recipient": "+375291112233",
            "body": "Ваш мастер {{ едет }}",
            "class": "service",
            "why": "api/support",
        }
    ]
    offer = {"phone": "+375291112233", "text": "−20 %", "class": "marketing"}
    silence = program.ask("POST", "/api/stores/1/texts", offer).json()
    assert (silence["state"], silence["reason"]) == ("dropped", "no_consent")
    for wrong in (
        {**wish, "phone": "no phone"},
        {**wish, "not_after": "2001-01-01T00:00:00Z"},
        {**wish, "not_before": "2101-01-01T00:00:00Z"},
        {**wish, "txt": "1"},
        {"phone": "+375291112233"},
        5,
    ):
        answer = program.ask("POST", "/api/stores/1/texts", wrong)
        assert answer.status == 422, wrong
        assert answer.headers["content-type"] == "application/problem+json"


def test_signs_that_a_database_cannot_keep_are_taken_out(house: Site) -> None:
    program = key(house, "support")
    wish = {"phone": "+375291112233", "text": "a\x00b", "name": "A\x00", "id": "k\x00"}
    made = program.ask("POST", "/api/stores/1/texts", wish)
    assert made.status == 201, made.text
    one = program.ask("GET", f"/api/stores/1/messages/{made.json()['message']}").json()
    assert one["body"] == "a b"
    person = f"/api/stores/1/customers/{one['contact_id']}/consent"
    said = program.ask("POST", person, {"change": "in", "words": "y\x00s", "id": "\x00"})
    assert said.status == 202, said.text
    answer_all(house)
    assert rows(house, "SELECT words FROM consent_event") == [{"words": "y s"}]
    assert program.ask("GET", "/api/stores/1/customers?search=%00").status == 200
    assert program.ask("GET", "/api/stores/1/customers?search=a%00b").status == 200


def test_five_requests_at_once_are_one_text(house: Site) -> None:
    wish = Wish(Customer(phone="+375291112233"), "Да", "service", "api/x", "same")

    async def race() -> list[Any]:
        async with db.transaction(house.runtime.pool) as tx:
            store = await stores.find(tx, 1)
        assert store is not None
        return await asyncio.gather(*(send(house.runtime, store, wish) for _ in range(5)))

    made = house.run(race())
    assert len({one["id"] for one in made}) == 1
    assert len(rows(house, "SELECT FROM message")) == 1


def test_a_no_is_written_into_the_ledger(house: Site) -> None:
    """R4, N1: with its words, over the same way as every fact."""
    program = key(house, "support")
    program.ask("POST", "/api/stores/1/events", event(1))
    answer_all(house)
    contact = rows(house, "SELECT id FROM contact")[0]["id"]
    path = f"/api/stores/1/customers/{contact}/consent"
    for change, words in (("in", "Да, присылайте"), ("out", "Звонок 12 марта")):
        answer = program.ask("POST", path, {"change": change, "words": words, "id": change})
        assert (answer.status, answer.json()) == (202, {"accepted": True})
        again = program.ask("POST", path, {"change": change, "words": words, "id": change})
        assert again.json() == {"accepted": False}
        answer_all(house)
    ledger = rows(house, "SELECT change, words, source FROM consent_event ORDER BY id")
    assert [(one["change"], one["source"]) for one in ledger] == [("in", "api"), ("out", "api")]
    assert rows(house, "SELECT marketing FROM contact") == [{"marketing": "out"}]
    nobody = program.ask(
        "POST", "/api/stores/1/customers/77/consent", {"change": "in", "words": "x"}
    )
    assert nobody.status == 404


def test_parked_events_are_shown_and_tried_again(house: Site) -> None:
    """P11."""
    program = key(house, "marketer")
    program.ask("POST", "/api/stores/1/events", event(1))

    async def park() -> None:
        async with db.transaction(house.runtime.pool) as tx:
            await tx.execute("UPDATE pending_fact SET parked_at = now(), error = 'broken'")

    house.run(park())
    parked = program.ask("GET", "/api/stores/1/events/parked").json()
    assert [(one["kind"], one["error"]) for one in parked] == [("customer.changed", "broken")]
    path = f"/api/stores/1/events/parked/{parked[0]['fact_id']}/retry"
    assert program.ask("POST", path).status == 202
    assert program.ask("POST", path).status == 404
    assert program.ask("GET", "/api/stores/1/events/parked").json() == []


# ------------------------------------------------------------------ what is asked


def test_a_customer_is_found_by_any_form_of_the_number_and_shown_whole(house: Site) -> None:
    """R78, N2: orders, texts with their reason, consent; a viewer sees no whole number (P10)."""
    program, viewer = key(house, "support"), key(house, "viewer")
    order = json.loads((PAYLOADS / "order_processing.json").read_text())

    async def tell() -> None:
        answer = woocommerce.read({}, json.dumps(order).encode(), WOO, "BY", house.runtime.clock())
        async with db.transaction(house.runtime.pool) as tx:
            store = await stores.find(tx, 1)
            assert store and isinstance(answer, list)
            now = house.runtime.clock()
            await fact_records.write(tx, store, 9, answer, now, house.runtime.ids)

    house.run(tell())
    answer_all(house)
    for search in ("8 (029) 111-22-33", "+375291112233", "anna@EXAMPLE.com", "42", "17", "ковал"):
        found = program.ask("GET", f"/api/stores/1/customers?search={quote(search)}").json()
        assert [one["name"] for one in found["items"]] == ["Анна Ковалёва"], search
    assert program.ask("GET", "/api/stores/1/customers?search=nobody").json()["items"] == []
    address = f"/api/stores/1/customers/{found['items'][0]['id']}"
    whole = program.ask("GET", address).json()
    assert whole["phone"] == "+375291112233"
    assert whole["orders"][0]["number"] == "42" and whole["orders"][0]["paid_at"]
    assert {one["reason"] for one in whole["messages"]} and whole["consent"] == []
    masked = viewer.ask("GET", address)
    assert "375291112233" not in masked.text and "•" in masked.json()["phone"]
    assert "375291112233" not in viewer.ask("GET", "/api/stores/1/messages").text
    assert program.ask("GET", "/api/stores/1/customers/99").status == 404


def test_messages_are_read_page_by_page(house: Site) -> None:
    program = key(house, "support")
    for n in range(5):
        wish = {"phone": "+375291112233", "text": f"n {n}", "class": "marketing"}
        assert program.ask("POST", "/api/stores/1/texts", wish).status == 201
    first = program.ask("GET", "/api/stores/1/messages?most=3").json()
    second = program.ask("GET", f"/api/stores/1/messages?most=3&before={first['next']}").json()
    bodies = [one["body"] for one in first["items"] + second["items"]]
    assert bodies == ["n 4", "n 3", "n 2", "n 1", "n 0"] and second["next"] is None
    one = program.ask("GET", f"/api/stores/1/messages/{first['items'][0]['id']}").json()
    assert (one["state"], one["reason"]) == ("dropped", "no_consent")
    assert program.ask("GET", "/api/stores/1/messages?state=sent").json()["items"] == []
    assert program.ask("GET", "/api/stores/1/messages/99").status == 404
    assert program.ask("GET", "/api/stores/1/messages?most=0").status == 422
    assert program.ask("GET", "/api/stores/1/today").json()["totals"]["dropped"] == 5


# ------------------------------------------------------------------ who may

CALLS = [
    (method.upper(), path, operation)
    for path, operations in api.description()["paths"].items()
    for method, operation in operations.items()
    if path.startswith("/api/")
]


def test_every_call_refuses_the_wrong_store_the_wrong_role_and_no_key(house: Site) -> None:
    """P10."""

    async def second_store() -> None:
        async with db.transaction(house.runtime.pool) as tx:
            await tx.execute(
                "INSERT INTO store SELECT 2, 'Other', country, time_zone, languages, currency,"
                " quiet_from, quiet_until, '', '', '', bucket_base, bucket_span, created_at"
                " FROM store"
            )

    house.run(second_store())
    owner, stranger, viewer = key(house, "owner"), key(house, "owner", 2), key(house, "viewer")
    for method, path, operation in CALLS:
        address = path.replace("{store_id}", "1")
        for name in ("contact_id", "fact_id", "message_id"):
            address = address.replace("{" + name + "}", "12345")
        address = address.replace("{recipe}", "order_paid")
        assert stranger.ask(method, address, {}).status == 404, path
        for token in ("", "rd_wrong", "x" * 5000):
            answer = Program(house, token).ask(method, address, {})
            assert answer.status == 401 and "www-authenticate" in answer.headers, path
        if operation["x-role"] != "viewer":
            assert viewer.ask(method, address, {}).status == 403, path
        assert owner.ask(method, address, {}).status not in (401, 403), path
    assert rows(house, "SELECT FROM message") == []


def test_a_revoked_key_opens_nothing(house: Site) -> None:
    program = key(house, "owner")
    assert program.ask("GET", "/api/stores/1/events/parked").status == 200

    async def revoke() -> None:
        async with db.transaction(house.runtime.pool) as tx:
            await api_keys.revoke(tx, 1, 1, house.runtime.clock())

    house.run(revoke())
    assert program.ask("GET", "/api/stores/1/events/parked").status == 401


# ------------------------------------------------------------------ its description


def test_the_description_holds_every_fact_and_every_reference(house: Site) -> None:
    answer = house.visitor().get("/api/openapi.json")
    assert answer.status == 200
    told = answer.json()
    outside = {
        kind for kind, model in facts.kinds().items()
        if model.__name__ in told["components"]["schemas"]
    }  # fmt: skip
    (union,) = get_args(facts.OutsideFact)[:1]
    assert outside == {model.model_fields["kind"].default for model in get_args(union)}
    assert "consent.given" in outside and "consent.confirmed" not in outside
    for reference in _references(told):
        place: Any = told
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    door = told["paths"]["/in/{token}"]["post"]
    assert "openssl dgst" in door["description"] and "hmac.new" in door["description"]


def _references(told: Any) -> list[str]:
    if isinstance(told, dict):
        here = [told["$ref"]] if isinstance(told.get("$ref"), str) else []
        return here + [found for value in told.values() for found in _references(value)]
    if isinstance(told, list):
        return [found for value in told for found in _references(value)]
    return []


def test_the_page_loads_nothing_from_elsewhere(house: Site) -> None:
    answer = house.visitor().get("/api/docs")
    assert answer.status == 200 and "http" not in answer.text.replace("<!doctype html>", "")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "<script>" not in answer.text and "style=" not in answer.text


@pytest.mark.browser
def test_the_page_works_in_a_browser(house: Site, look: Callable[..., Any]) -> None:
    """Every call of the description is drawn, also with all groups open at once."""
    paths = house.visitor().get("/api/openapi.json").json()["paths"]
    looker = look()
    looker.go("/api/docs")
    groups = looker.page.locator(".opblock-tag")
    groups.first.wait_for()
    for number in range(groups.count()):
        groups.nth(number).click()
    looker.page.wait_for_selector("text=Tell signed events")
    drawn = looker.page.locator(".opblock-summary").count()
    assert drawn == sum(len(calls) for calls in paths.values())
    assert not looker.trouble, looker.trouble
