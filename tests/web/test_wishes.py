"""Goods that people ask to be told of: the shop's form, the merchant's page, the API (R62)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records.store import stores
from ringdove.rules.consent import stop_links
from ringdove.rules.facts import ProductChanged
from ringdove.workers import react
from ringdove.workers.automations import wishes
from tests.web.conftest import PHONE, Looker, Site, Visitor, assert_sound
from tests.web.test_api import key
from tests.web.test_leave import look_up

LANGUAGES = ["ru", "be", "en", "it", "es"]


@pytest.fixture
def stranger(site: Site) -> Visitor:
    """Somebody without a login, at a store with every language."""
    owner = site.set_up()
    form = {
        "name": "Linden", "country": "BY", "time_zone": "Europe/Minsk", "languages": LANGUAGES,
        "currency": "BYN", "quiet_from": "21:00", "quiet_until": "21:00",
    }  # fmt: skip
    assert owner.post("/stores/1/settings", form).status in (200, 303)
    return site.visitor()


def form_of(site: Site) -> str:
    return f"/tell-me/{stop_links.form_token_of(1, partial(site.runtime.keyed, 1))}"


def stocked(site: Site, stock: int, sku: str = "K/1") -> None:
    async def work() -> None:
        runtime = site.runtime
        async with db.transaction(runtime.pool) as tx:
            store = await stores.find(tx, 1)
            assert store
            now = runtime.clock()
            fact = ProductChanged(
                id=f"{sku}/{stock}/{now}", at=now, sku=sku, name="Copper kettle", price="59.90",
                stock=stock,
            )  # fmt: skip
            await fact_records.write(tx, store, 1, [fact], now, runtime.ids)
        await react.answer_due(runtime)

    site.run(work())


def test_a_number_that_is_typed_gets_one_text_and_no_offers(site: Site, stranger: Visitor) -> None:
    """R62, P2: whoever is known, the answer is the same; asked twice it is one wish, and no yes to
    offers is made of it. Goods that nobody knows cannot be asked for."""
    stocked(site, 0)
    url = f"{form_of(site)}?sku=K%2F1&lang=en"
    page = stranger.get(url)
    assert (
        page.status == 200 and "Copper kettle" in page.text and "One text and nothing" in page.text
    )
    for _ in range(2):
        answer = stranger.post(url, {"phone": "8 (029) 111-22-33"})
        assert answer.status == 200 and "+375 29 111-22-33" in answer.text
    assert stranger.post(url, {"phone": "kettle"}).status == 422
    assert stranger.get(f"{form_of(site)}?sku=nothing").status == 404
    assert stranger.get("/tell-me/aaaaaaaaaaaaaa?sku=K%2F1").status == 404
    site.run(react.answer_due(site.runtime))
    (wish,) = look_up(site, "SELECT * FROM wish")
    assert (wish["sku"], wish["kind"], wish["state"]) == ("K/1", "stock", "waiting")
    (person,) = look_up(site, "SELECT * FROM contact")
    assert (person["marketing"], person["origin"]) == ("none", "wish")
    program = key(site, "viewer")
    told = program.ask("GET", "/api/stores/1/wishes").json()
    assert told["goods"][0] | {"since": ""} == {
        "sku": "K/1", "name": "Copper kettle", "pieces": 0, "price": "59.90", "stock": 1,
        "price_drop": 0, "since": "",
    }  # fmt: skip
    assert told["told_by"]["stock"] == "back_in_stock" and told["form_url"] in told["script"]
    stocked(site, 3)
    site.run(wishes.look(site.runtime))
    site.run(react.answer_due(site.runtime))
    (text,) = look_up(site, "SELECT * FROM message")
    assert text["recipe"] == "back_in_stock" and "Copper kettle" in text["body"]
    support = key(site, "support")
    (one,) = support.ask("GET", f"/api/stores/1/customers/{person['id']}/wishes").json()
    assert (one["wish"], one["state"], one["told_at"]) == ("stock", "granted", None)
    answers = [stranger.post(url, {"phone": f"+3752911100{n:02}"}).status for n in range(32)]
    assert answers[0] == 200 and answers[-1] == 429


def test_one_line_of_script_stands_on_the_page_of_a_product(site: Site, stranger: Visitor) -> None:
    """R110, R62."""
    script = stranger.get(f"{form_of(site)}.js?lang=it")
    assert script.headers["content-type"].startswith("text/javascript")
    assert form_of(site) in script.text and "Avvisami" in script.text
    assert stranger.get("/tell-me/aaaaaaaaaaaaaa.js").status == 404


@pytest.mark.browser
@pytest.mark.slow
def test_the_form_and_the_merchants_page_in_a_browser(
    browser: Any, look: Callable[..., Looker], site: Site, stranger: Visitor
) -> None:
    """R5, R62: without a script, by the keyboard, at the width of a phone, in every language."""
    mine = look()
    mine.sign_in()
    mine.go("/stores/1/wishes")
    mine.assert_clean()
    stocked(site, 0)
    url = f"{site.url}{form_of(site)}?sku=K%2F1"
    seen = browser.new_context(viewport=PHONE)
    public = seen.new_page()
    public.goto(f"{url}&lang=ru")
    assert_sound(public)
    seen.close()
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    page = context.new_page()
    for n, language in enumerate(LANGUAGES):
        page.goto(f"{url}&lang={language}")
        page.locator("#phone").fill(f"+3752911122{n:02}")
        page.keyboard.press("Enter")
        page.locator("[role=status]").wait_for()
    context.close()
    site.run(react.answer_due(site.runtime))
    mine.go("/stores/1/wishes")
    assert mine.page.locator("td.end").first.inner_text() == str(len(LANGUAGES))
    mine.assert_clean()
