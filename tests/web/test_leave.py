"""The ways out for customers: the personal link, the mail program's button, the shop's form."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records.store import stores
from ringdove.rules.consent import stop_links
from ringdove.rules.facts import Consent, Customer, CustomerChanged
from ringdove.workers import react
from tests.web.conftest import PHONE, Looker, Site, Visitor, assert_sound
from tests.web.test_api import key

ANNA = "+375291112233"
LANGUAGES = ["ru", "be", "en", "it", "es"]


def meet(site: Site, phone: str = ANNA, language: str = "en", agrees: bool = True) -> int:
    """A person of store 1 who agreed to offers; their id."""

    async def work() -> int:
        runtime = site.runtime
        async with db.transaction(runtime.pool) as tx:
            store = await stores.find(tx, 1)
            assert store
            fact = CustomerChanged(
                id=f"met/{phone}", at=runtime.clock(),
                customer=Customer(phone=phone, name="Anna", language=language, country="BY"),
                consent=Consent(marketing=agrees, words="Yes, offers by text.", language="en"),
            )  # fmt: skip
            await fact_records.write(tx, store, 0, [fact], runtime.clock(), runtime.ids)
        await react.answer_due(runtime)
        (row,) = await rows(site, "SELECT id FROM contact WHERE phone = %(phone)s", phone=phone)
        return int(row["id"])

    return site.run(work())


async def rows(site: Site, statement: str, **values: Any) -> list[dict[str, Any]]:
    async with db.transaction(site.runtime.pool) as tx:
        return list(await (await tx.execute(statement, values)).fetchall())  # type: ignore[arg-type]


def look_up(site: Site, statement: str, **values: Any) -> list[dict[str, Any]]:
    return site.run(rows(site, statement, **values))


def link_of(site: Site, contact_id: int) -> str:
    return f"/u/{stop_links.token_of(1, contact_id, partial(site.runtime.keyed, 1))}"


def form_of(site: Site) -> str:
    return f"/leave/{stop_links.form_token_of(1, partial(site.runtime.keyed, 1))}"


def ledger(site: Site) -> list[tuple[str, str, str]]:
    found = look_up(site, "SELECT scope, change, source FROM consent_event ORDER BY seq, id")
    return [(row["scope"], row["change"], row["source"]) for row in found]


def person(site: Site) -> dict[str, Any]:
    return look_up(site, "SELECT * FROM contact ORDER BY id")[0]


@pytest.fixture
def stranger(site: Site) -> Visitor:
    """Somebody without a login, at a set-up store with every language."""
    owner = site.set_up()
    form = {
        "name": "Linden", "country": "BY", "time_zone": "Europe/Minsk", "languages": LANGUAGES,
        "currency": "BYN", "quiet_from": "21:00", "quiet_until": "09:00",
    }  # fmt: skip
    assert owner.post("/stores/1/settings", form).status in (200, 303)
    return site.visitor()


def test_one_press_stops_and_is_kept_with_its_words(site: Site, stranger: Visitor) -> None:
    """R4, R5, N1: no login, one step; the words of the page and the button are in the ledger."""
    url = link_of(site, meet(site))
    for look in (stranger.get(url), stranger.ask("HEAD", url, None, {"user-agent": "bot"})):
        assert look.status == 200
    assert person(site)["marketing"] == "in"  # looking changes nothing
    answer = stranger.post(url, {"deed": "stop"}, user_agent="Phone/1")
    assert answer.status == 200 and "Done." in answer.text
    assert person(site)["marketing"] == "out"
    (row,) = look_up(site, "SELECT * FROM consent_event WHERE change = 'out'")
    assert "[No more offers from Linden]" in row["words"]
    assert "Now: offers and news from Linden" in row["words"]
    assert (row["source"], row["ip"], row["device"]) == ("link", "127.0.0.1", "Phone/1")
    facts = look_up(site, "SELECT kind FROM fact WHERE kind = 'consent.changed'")
    assert len(facts) == 1 and look_up(site, "SELECT * FROM pending_fact") == []
    again = stranger.post(url, {"deed": "stop"})
    assert again.status == 200 and len(ledger(site)) == 2


def test_a_mail_programs_button_is_enough(site: Site, stranger: Visitor) -> None:
    """RFC 8058: a POST from anywhere, without cookies, as a form or in parts."""
    url = link_of(site, meet(site))
    sent = {"content-type": "multipart/form-data; boundary=x", "sec-fetch-site": "cross-site"}
    body = (
        '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--'
    )
    assert stranger.ask("POST", url, body, sent).status == 200
    assert ledger(site)[1:] == [("marketing", "out", "link")]


def test_topics_a_pause_all_and_the_way_back(site: Site, stranger: Visitor) -> None:
    """R5, R44, P2: any kind of message, in one step each."""
    url = link_of(site, meet(site))
    assert (
        "Again: Points and rewards"
        in stranger.post(url, {"deed": "topic_out", "scope": "loyalty"}).text
    )
    assert person(site)["scopes"]["topic/loyalty"][0] == "out"
    stranger.post(url, {"deed": "topic_in", "scope": "loyalty"})
    assert person(site)["scopes"]["topic/loyalty"][0] == "in"
    assert "no offers before" in stranger.post(url, {"deed": "pause"}).text
    assert person(site)["paused_until"] > site.runtime.clock()
    stranger.post(url, {"deed": "unpause"})
    assert person(site)["paused_until"] <= site.runtime.clock()
    off = stranger.post(url, {"deed": "all"}).text
    assert "no texts from Linden at all" in off and 'value="topic_out"' not in off
    assert (person(site)["marketing"], person(site)["service"]) == ("out", "out")
    assert "offers and news" in stranger.post(url, {"deed": "start"}).text
    assert (person(site)["marketing"], person(site)["service"]) == ("in", "in")
    words = look_up(site, "SELECT words FROM consent_event ORDER BY id DESC LIMIT 1")[0]["words"]
    assert "replying STOP" in words  # R3: how to refuse is among what they agreed to


def test_what_is_no_change_writes_nothing(site: Site, stranger: Visitor) -> None:
    """P8. A yes is taken only from who had left: nobody agrees by an old link (R1)."""
    url = link_of(site, meet(site, agrees=False))
    for given in (
        {"deed": "start"}, {"deed": "service_in"}, {"deed": "unpause"}, {"deed": "fly"},
        {"deed": "topic_out", "scope": "none-such"}, {"deed": "category_in", "scope": "shoes"},
        {"deed": "topic_in", "scope": "loyalty"},
    ):  # fmt: skip
        assert stranger.post(url, given).status == 200, given
        assert ledger(site) == [], given


def test_a_link_that_is_not_theirs_leads_nowhere(site: Site, stranger: Visitor) -> None:
    """P10."""
    mine = meet(site)
    url = link_of(site, mine)
    for change, wrong in {
        "lost": url[:-1],
        "other": url[:-1] + ("A" if url[-1] != "A" else "B"),
        "foreign": f"/u/{stop_links.token_of(2, mine, partial(site.runtime.keyed, 2))}",
        "form": f"/u/{form_of(site).rpartition('/')[2]}",
    }.items():
        for answer in (stranger.get(wrong), stranger.post(wrong, {"deed": "stop"})):
            assert answer.status == 404 and "reply STOP" in answer.text, change
            assert "Linden" not in answer.text, change
    assert person(site)["marketing"] == "in"


def test_who_guesses_waits_and_who_has_a_link_never_does(site: Site, stranger: Visitor) -> None:
    """R5."""
    url = link_of(site, meet(site))
    answers = [stranger.get(f"/u/{'a' * 20}").status for _ in range(62)]
    assert answers[0] == 404 and answers[-1] == 429
    for n in range(45):
        stranger.post(url, {"deed": "topic_out" if n % 2 else "topic_in", "scope": "loyalty"})
    assert "Done." in stranger.post(url, {"deed": "stop"}).text
    assert person(site)["marketing"] == "out"


def test_who_was_merged_or_erased(site: Site, stranger: Visitor) -> None:
    """P12: an erased person's link says politely that nothing is stored."""
    main, other = meet(site), meet(site, "+375294445566")
    look_up(
        site, "UPDATE contact SET merged_into = %(m)s WHERE id = %(o)s RETURNING 1", m=main, o=other
    )
    assert "Done." in stranger.post(link_of(site, other), {"deed": "stop"}).text
    states = look_up(site, "SELECT id, marketing FROM contact")
    assert {row["id"]: row["marketing"] for row in states}[main] == "out"
    look_up(site, "UPDATE contact SET erased_at = now() WHERE id = %(m)s RETURNING 1", m=main)
    gone = stranger.get(link_of(site, main))
    assert gone.status == 200 and "nothing about you" in gone.text
    assert stranger.post(link_of(site, main), {"deed": "stop"}).status == 200
    nobody = link_of(site, main + 128)
    assert "nothing about you" in stranger.get(nobody).text


def test_it_speaks_the_persons_language(site: Site, stranger: Visitor) -> None:
    for n, language in enumerate(LANGUAGES):
        url = link_of(site, meet(site, f"+37529111224{n}", language))
        page = stranger.get(url).text
        assert f'<html lang="{language}"' in page
        assert "{" not in re.sub(r"<[^>]*>", "", page), language
        assert 'lang="it"' in stranger.get(f"{url}?lang=it").text, language


# ------------------------------------------------------------------ the form of a shop's site


def test_the_form_stops_at_once_and_tells_nobody_who_is_known(
    site: Site, stranger: Visitor
) -> None:
    """R4, P1: known or not, the answer is the same; a stranger is refused before we meet them."""
    meet(site)
    url = form_of(site)
    assert stranger.get(url).status == 200
    known = stranger.post(url, {"address": "8 029 111 22 33"}, sec_fetch_site="cross-site")
    unknown = stranger.post(url, {"address": "8 029 999 88 77"})
    assert known.status == unknown.status == 200
    assert known.text.replace("111 22 33", "") == unknown.text.replace("999 88 77", "")
    assert ledger(site)[1:] == [("marketing", "out", "site")]
    (refused,) = look_up(site, "SELECT scope, contact_id FROM suppression")
    assert (refused["scope"], refused["contact_id"]) == ("marketing", None)
    texts = look_up(site, "SELECT topic FROM message")
    assert [row["topic"] for row in texts] == ["stop_confirmation"]
    stranger.post(url, {"address": ANNA})
    assert len(look_up(site, "SELECT 1 FROM message")) == 1  # one confirmation for one stop


def test_what_is_no_number_is_said_so(site: Site, stranger: Visitor) -> None:
    for typed in ("", "12", "anna", "@", "+1", "x" * 5000):
        answer = stranger.post(form_of(site), {"address": typed}, accept_language="en")
        assert answer.status == 422 and "cannot be read" in answer.text, typed


def test_an_address_leaves_too_and_many_forms_wait(site: Site, stranger: Visitor) -> None:
    url = form_of(site)
    answers = [stranger.post(url, {"address": f"a{n}@b.example"}).status for n in range(32)]
    assert answers[0] == 200 and answers[-1] == 429
    assert len(look_up(site, "SELECT 1 FROM suppression")) == 30


def test_one_line_of_script_puts_it_into_the_shops_page(site: Site, stranger: Visitor) -> None:
    """R110."""
    script = stranger.get(f"{form_of(site)}.js?lang=it")
    assert script.headers["content-type"].startswith("text/javascript")
    assert form_of(site) in script.text and "Basta offerte" in script.text
    assert stranger.get("/leave/aaaaaaaaaaaaaa.js").status == 404


# ------------------------------------------------------------------ in the text itself


def test_an_offer_by_hand_carries_the_persons_own_link(site: Site, stranger: Visitor) -> None:
    """R5: the link in the text is theirs, counted as long as it is; without one it is offered."""
    mine = meet(site)
    staff = site.visitor().sign_in()
    place = f"/stores/1/customers/{mine}"
    bare = staff.post(
        f"{place}/measure", {"text": "Sale at https://l.example!", "klass": "marketing"}
    )
    assert "does not say how to get no more offers" in bare.text
    assert "Отказ: {{ stop_url }}" in bare.text or "Stop: {{ stop_url }}" in bare.text
    said = "Sale! {{ stop_url }}"
    look = staff.post(f"{place}/measure", {"text": said, "klass": "marketing"})
    address = f"{site.runtime.settings.outside_url}{link_of(site, mine)}"
    assert "does not say how" not in look.text
    assert f"{len(f'Sale! {address}')} " in look.text
    form = {"text": said, "klass": "marketing", "key": "abcdefgh1", "occasion": "sale"}
    assert staff.post(f"{place}/text", form).status == 303
    (made,) = look_up(site, "SELECT body FROM message")
    assert made["body"] == f"Sale! {address}"


# ------------------------------------------------------------------ as people see it


@pytest.mark.browser
@pytest.mark.slow
def test_by_keyboard_alone_without_a_script(browser: Any, site: Site, stranger: Visitor) -> None:
    """R5: from a phone in one step, for who uses no mouse and no script; axe finds nothing."""
    people = {
        language: meet(site, f"+37529111224{n}", language) for n, language in enumerate(LANGUAGES)
    }
    for scripts in (True, False):
        context = browser.new_context(viewport=PHONE, java_script_enabled=scripts)
        page = context.new_page()
        for language, contact_id in people.items():
            page.goto(site.url + link_of(site, contact_id))
            assert page.get_attribute("html", "lang") == language
            if scripts:
                assert_sound(page)
                continue
            for _ in range(9):
                page.keyboard.press("Tab")
                if page.locator("button:focus").count():
                    break
            page.keyboard.press("Enter")
            page.locator(".done").wait_for()
            (row,) = look_up(site, "SELECT marketing FROM contact WHERE id = %(i)s", i=contact_id)
            assert row["marketing"] == "out", language
        context.close()


# ------------------------------------------------------------------ as the merchant sees it


def test_the_page_and_the_api_say_what_to_put_where(site: Site, stranger: Visitor) -> None:
    """R4, P10: every way, and who left by which; the link of one person is for support to give."""
    mine = meet(site)
    stranger.post(link_of(site, mine), {"deed": "stop"})
    owner = site.visitor().sign_in()
    page = owner.get("/stores/1/ways-out").text
    assert form_of(site) in page and "Link in the text" in page and "{{ stop_url }}" in page
    support, viewer = key(site, "support"), key(site, "viewer")
    ways = viewer.ask("GET", "/api/stores/1/ways-out").json()
    assert ways["form_url"].endswith(form_of(site)) and ways["left"] == {"link": 1}
    assert [one["key"] for one in ways["topics"]][:2] == ["offers", "new_goods"]
    given = support.ask("GET", f"/api/stores/1/customers/{mine}/stop-link").json()
    assert given["stop_url"].endswith(link_of(site, mine))
    assert viewer.ask("GET", f"/api/stores/1/customers/{mine}/stop-link").status == 403
    assert support.ask("GET", "/api/stores/1/customers/7/stop-link").status == 404


@pytest.mark.browser
@pytest.mark.slow
def test_the_merchants_page_in_a_browser(look: Callable[..., Looker], site: Site) -> None:
    """R4: nothing to mend for axe; an offer by hand gets its way out by one press."""
    site.set_up()
    mine = meet(site)
    looker = look()
    looker.sign_in()
    looker.go("/stores/1/ways-out")
    looker.assert_clean()
    looker.go(f"/stores/1/customers/{mine}")
    looker.page.get_by_role("button", name="Write a text").click()
    looker.page.locator("#f-text").fill("Sale at https://linden.example!")
    looker.page.locator("[name=klass][value=marketing]").check(force=True)
    looker.page.get_by_role("button", name="Add the link to stop").click()
    assert "{{ stop_url }}" in looker.page.locator("#f-text").input_value()
    looker.page.get_by_role("button", name="Add the link to stop").wait_for(state="detached")
