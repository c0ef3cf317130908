"""Friends: a customer's page, the friend's page, the shop's pages, the API (R95, R96, R97)."""

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records.consent import forms
from ringdove.records.offers import rewards
from ringdove.records.store import stores
from ringdove.rules.consent.ways_in import DayGood, Form, Reward
from ringdove.rules.facts import OrderPlaced
from ringdove.workers import react
from tests.web.conftest import PHONE, Looker, Site, Visitor, assert_sound
from tests.web.test_api import Program, key
from tests.web.test_leave import look_up

ANNA, FRIEND = "+375291112233", "+375297654321"
LANGUAGES = ["ru", "be", "en", "it", "es"]
RULES = {
    "is_on": "yes", "writes": "yes", "by_inviter_day": "3", "by_inviter_month": "20",
    "by_address_day": "10", "by_store_day": "200",
}  # fmt: skip
FORM = re.compile(r"http\S+?(/friends/\w{14})")
LINK = re.compile(r"http\S+?(/(?:f|friends)/\w+)")


@pytest.fixture
def owner(site: Site) -> Visitor:
    """Of a store with every language and an hour for everything, where Anna has bought."""
    visitor = site.set_up()
    form = {
        "name": "Linden", "country": "BY", "time_zone": "Europe/Minsk", "languages": LANGUAGES,
        "currency": "BYN", "quiet_from": "21:00", "quiet_until": "21:00",
        "website": "https://linden.example",
    }  # fmt: skip
    assert visitor.post("/stores/1/settings", form).status in (200, 303)
    assert visitor.post("/stores/1/offers/friends", RULES).status == 303
    ordered(site, "1", ANNA, "Anna Koval")
    return visitor


def ordered(site: Site, number: str, phone: str, name: str) -> None:
    async def work() -> None:
        runtime = site.runtime
        async with db.transaction(runtime.pool) as tx:
            store = await stores.find(tx, 1)
            assert store
            now = runtime.clock()
            told = {"key": number, "placed_at": now, "customer": {
                "phone": phone, "name": name, "language": "en"}}  # fmt: skip
            fact = OrderPlaced(id=f"o{number}", at=now, order=told)
            await fact_records.write(tx, store, 1, [fact], now, runtime.ids)
        await react.answer_due(runtime)

    site.run(work())


def links_of(program: Program) -> dict[str, str]:
    """Anna's own, as the API tells a shop in which she is signed in."""
    told = program.ask("POST", "/api/stores/1/friends/links", {"customer": {"phone": ANNA}}).json()
    return {name: urlsplit(told[f"{name}_url"]).path for name in ("page", "share")}


def texts(site: Site) -> list[dict[str, Any]]:
    return look_up(site, "SELECT * FROM message WHERE topic = 'friend' ORDER BY id")


def test_a_customer_gets_their_page_by_text_and_nobody_learns_who_is_one(
    site: Site, owner: Visitor
) -> None:
    """R95, R96: the number shows itself by receiving the link; an unknown one is answered the same
    and hears nothing; once a day."""
    shown = owner.get("/stores/1/offers/friends").text
    form = FORM.search(shown)
    assert form
    stranger, url = site.visitor(), f"{form.group(1)}?lang=en"
    said = [stranger.post(url, {"phone": one}) for one in (ANNA, ANNA, "+375291110001")]
    assert {one.status for one in said} == {200}
    assert len({re.sub(r"\+[\d -]+", "", one.text) for one in said}) == 1
    assert stranger.post(url, {"phone": "me"}).status == 422
    until = time.monotonic() + 10  # it goes behind the answer
    while not texts(site) and time.monotonic() < until:
        time.sleep(0.02)
    (text,) = texts(site)
    assert text["recipient"] == ANNA
    page = LINK.search(text["body"])
    assert page and stranger.get(page.group(1)).status == 200
    assert "Anna Koval" in stranger.get(page.group(1)).text
    assert stranger.get("/friends/" + "a" * 20).status == 404


def test_a_friend_is_written_to_and_refuses_for_ever(site: Site, owner: Visitor) -> None:
    """R95, R96: typed on the customer's page; whatever the shop knows of the number, the answer is
    the same. The friend's page needs no number to refuse; then nobody can invite it again."""
    program, stranger = key(site, "support"), site.visitor()
    links = links_of(program)
    page = f"{links['page']}?lang=en"
    wish = {"phone": FRIEND, "name": "Anna Koval", "agree": "yes"}
    for wrong in ({"phone": "no"}, {"name": "casino.com"}, {"agree": ""}, {"phone": ANNA}):
        assert stranger.post(page, wish | wrong).status == 422, wrong
    first, again = stranger.post(page, wish), stranger.post(page, wish)
    assert first.status == again.status == 200 and "on its way" in first.text
    assert "on its way" in again.text
    (text,) = texts(site)
    assert text["body"].startswith("Your friend Anna Koval invites you to visit Linden.")
    theirs = LINK.search(text["body"])
    assert theirs
    seen = stranger.get(f"{theirs.group(1)}?lang=en")
    assert seen.status == 200 and "Anna Koval invites you to Linden" in seen.text
    refused = stranger.post(f"{theirs.group(1)}?lang=en", {"deed": "refuse"})
    assert "will not invite this number" in refused.text
    assert [one["state"] for one in texts(site)] == ["dropped"]
    # By its hash, for when the number is forgotten: nobody could say then whose it was.
    (held,) = look_up(site, "SELECT * FROM suppression WHERE reason = 'site'")
    (row,) = look_up(site, "SELECT * FROM friend_invitation")
    assert held["hash"] == row["hash"] and row["refused_at"]
    look_up(site, "DELETE FROM friend_invitation RETURNING 1")
    asked = {"customer": {"phone": ANNA}, "friend": FRIEND}
    told = program.ask("POST", "/api/stores/1/friends/invitations", asked).json()
    assert (told["state"], told["reason"]) == ("silent", "refused")
    (friend,) = look_up(site, f"SELECT * FROM contact WHERE phone = '{FRIEND}'")
    assert friend["marketing"] == "out"
    # The inviter's page and what is passed on are links of their own kinds.
    for kind, token in (("f", links["page"]), ("friends", links["share"]),
                        ("friends", theirs.group(1)), ("u", links["page"])):  # fmt: skip
        assert stranger.get(f"/{kind}/{token.rpartition('/')[2]}").status == 404


def test_what_programs_are_told_of_friends(site: Site, owner: Visitor) -> None:
    """R95, R96."""
    marketer, viewer = key(site, "marketer"), key(site, "viewer")
    program = key(site, "support")
    there = "/api/stores/1/friends"
    rules = viewer.ask("GET", there).json()["rules"]
    assert rules["is_on"] and rules["by_inviter_day"] == 3
    wrong = marketer.ask("PUT", there, rules | {"words": {"ru": "Come"}})
    assert wrong.status == 422 and "friend.link" in wrong.text
    words = {"en": "{{ friend.name }} likes {{ shop.name }}: {{ friend.link }}"}
    assert marketer.ask("PUT", there, rules | {"words": words}).status == 200
    asked = {"customer": {"phone": ANNA}, "friend": FRIEND}
    bad = program.ask("POST", f"{there}/invitations", asked | {"name": "casino.com"})
    assert bad.status == 422
    told = program.ask("POST", f"{there}/invitations", asked).json()
    assert (told["state"], told["reason"]) == ("written", "")
    (text,) = texts(site)
    assert str(text["id"]) == told["message_id"]
    assert text["body"].startswith("Anna Koval likes Linden: http")
    (one,) = viewer.ask("GET", f"{there}/invitations").json()
    assert (one["way"], one["state"]) == ("text", "text") and FRIEND not in str(one)
    assert viewer.ask("GET", there).json()["figures"]["written"] == 1
    nobody = {"customer": {"phone": "+375291110009"}, "friend": FRIEND}
    assert program.ask("POST", f"{there}/invitations", nobody).status == 404
    assert owner.post("/stores/1/offers/friends", RULES | {"is_on": ""}).status == 303
    off = program.ask("POST", f"{there}/links", {"customer": {"phone": ANNA}})
    assert off.status == 409 and off.json()["detail"].startswith("off")


def test_lines_of_script_draw_the_form_and_the_buttons(site: Site, owner: Visitor) -> None:
    """R95, R97, R110: nothing of another's is loaded."""
    shown, stranger = owner.get("/stores/1/offers/friends").text, site.visitor()
    form = FORM.search(shown)
    buttons = re.search(r"(/share/\w+\.js)", shown)
    assert form and buttons
    drawn = stranger.get(f"{form.group(1)}.js?lang=it")
    assert drawn.headers["content-type"].startswith("text/javascript")
    assert "Il tuo cellulare" in drawn.text
    own = stranger.get(f"{links_of(key(site, 'support'))['page']}.js?lang=en")
    assert "Your friend&#" not in own.text and "mobile number" in own.text
    shares = stranger.get(f"{buttons.group(1)}?lang=ru")
    assert "https://linden.example" in shares.text and "wa.me" in shares.text
    assert "<script" not in shares.text
    assert stranger.get("/share/aaaaaaaaaaaaaa.js").status == 404


def test_an_offer_is_passed_on_by_its_public_address(site: Site, owner: Visitor) -> None:
    """R97: buttons on the page of an offer and on the thanks for subscribing, as plain links."""

    async def made() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            now = site.runtime.clock()
            goods = (DayGood("Kettle"), DayGood("Cup"))
            offer = Reward(0, "day1", "Day", "page", daily=goods, valid_from=now)
            await rewards.create(tx, 1, offer, now)
            number = await forms.create(tx, 1, Form(0, "join1", "Site"), now)
            await forms.publish(tx, 1, number, now)

    site.run(made())
    stranger = site.visitor()
    offered = stranger.get("/only/day1?lang=en").text
    assert "https://wa.me/?text=See%20what%20Linden%20has" in offered
    assert "%2Fonly%2Fday1" in offered and "Copy the link" in offered
    thanks = stranger.get("/join/join1?done=1&lang=it").text
    assert "%2Fjoin%2Fjoin1" in thanks and "Mi%20piace%20Linden" in thanks
    for page in (offered, thanks):
        sources = re.findall(r"<(?:script|img|iframe)[^>]+src=\"([^\"]+)", page)
        assert sources and all(one.startswith("/static/") for one in sources)


@pytest.mark.browser
@pytest.mark.slow
def test_friends_in_a_browser(
    browser: Any, look: Callable[..., Looker], site: Site, owner: Visitor
) -> None:
    """R95, R97: the merchant switches it on, the customer invites from a phone without a script, a
    friend comes by a link; every page is sound."""
    mine = look()
    mine.sign_in()
    mine.go("/stores/1/offers/friends")
    mine.assert_clean()
    mine.page.locator("#f-by_inviter_day").fill("5")
    mine.page.get_by_role("button", name="Save").click()
    mine.page.get_by_text("Saved.").wait_for()
    links = links_of(key(site, "support"))
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}{links['page']}?lang=ru")
    assert page.locator(".ways a").count() == 8
    page.locator("#phone").fill(FRIEND)
    page.locator("[name=agree]").check()
    page.keyboard.press("Enter")
    page.locator("[role=status]").wait_for()
    page.goto(f"{site.url}{links['share']}?lang=es")
    context.close()
    seen = browser.new_context(viewport=PHONE, permissions=["clipboard-write"])
    public = seen.new_page()
    for path in (links["page"], links["share"]):
        public.goto(f"{site.url}{path}?lang=ru")
        assert_sound(public)
    public.goto(f"{site.url}{links['page']}?lang=en")
    public.get_by_role("button", name="Copy the link", exact=True).click()
    public.get_by_role("button", name="Copied").wait_for()
    seen.close()
    mine.go("/stores/1/offers/friends")
    mine.page.get_by_role("link", name="Anna Koval").wait_for()
    mine.assert_clean()
