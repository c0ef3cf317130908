"""Composing a text: the size as one types, dear letters by name, cheaper words by one press."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from playwright.sync_api import Page, Route, expect

from ringdove.rules import texts
from ringdove.web.sending import counting
from tests.web.conftest import Looker, Site
from tests.web.test_automations import FIRST, UNPAID, typed

PREVIEW = f"{UNPAID}/preview?place=s1-ru-sms"
LONG = "Ваш заказ {{ order.number }} ждёт оплаты: {{ order.total }}. " + "Ждём вас! " * 5 + "Ждём!"


@pytest.mark.parametrize(
    ("text", "letters", "marked"),
    [
        ("Sale", "", "Sale"),
        ("Sale & “more” today", "“ ”", "Sale &amp; <mark>“</mark>more<mark>”</mark> today"),
        ("Only 5\u00a0EUR today", "U+00A0", "Only 5<mark>\u00a0</mark>EUR today"),
        ("Привет", "", "Привет"),  # dear throughout: no letter is to blame
        ("a“”«»–—…•№" + "b" * 90, "", "a“”«»–—…•№" + "b" * 90),
    ],
)
def test_dear_letters_are_named_where_they_are_few(text: str, letters: str, marked: str) -> None:
    """R26."""
    size = counting.size_of(text, [])
    assert size.costly_names == letters and size.marked == marked


def test_a_preview_offers_what_is_cheaper(site: Site) -> None:
    """N6: alike by spelling, and Latin letters as a choice with the new text."""
    owner = site.set_up()
    form = typed(owner, UNPAID)
    dear = "Pay “{{ order.number }}” " + "a" * 100
    page = owner.post(PREVIEW, form | {FIRST: dear}).text
    assert "Cheaper by spelling alike:" in page and "Saves 1 part." in page
    assert "<mark>“</mark>" in page and "These make it dear: “ ”." in page
    assert 'data-swap="Pay &#34;{{ order.number }}&#34; aaa' in page
    page = owner.post(PREVIEW, form | {FIRST: LONG}).text
    assert "In Latin letters:" in page and "data-swap=" in page
    assert "Vash zakaz {{ order.number | latin }} zhdyot oplaty: {{ order.total | latin }}" in page
    assert "Cheaper by" not in page and "<q>Vash zakaz 1042 zhdyot oplaty" in page
    page = owner.post(PREVIEW, form | {FIRST: "Pay\u00a0now " + "a" * 100}).text
    assert 'U+00A0</code> → <code class="mono">a blank</code>' in page


def test_who_may_only_look_is_offered_nothing_to_press(site: Site) -> None:
    """P10."""
    owner = site.set_up()
    viewer = site.add_member(owner, "viewer")
    page = viewer.post(PREVIEW, typed(owner, UNPAID) | {FIRST: LONG}).text
    assert "In Latin letters:" in page and "data-swap" not in page


def test_what_a_template_saves_is_what_is_counted_after_it() -> None:
    values = {"order": {"number": "1042", "total": "129,90 BYN"}}
    [latin] = texts.offers(LONG, values, "ru", per_part=Decimal("0.1"))
    before, after = (texts.measure(texts.render(one, values)).parts for one in (LONG, latin.text))
    assert latin.parts_saved == before - after > 0
    assert latin.money_saved == latin.parts_saved * Decimal("0.1")


def test_an_offer_without_anything_to_do_is_warned_of(site: Site) -> None:
    """R27."""
    owner = site.set_up()
    from tests.web.test_customers import address, ordered, tell

    tell(site, ordered(site))
    there = f"{address(owner)}/measure"
    warning = "There is neither a link nor a code in it"
    asked = {"text": "Sale until Friday", "klass": "marketing"}
    assert warning in owner.post(there, asked).text
    assert warning not in owner.post(there, asked | {"text": "Sale: https://s.example/1"}).text
    assert warning not in owner.post(there, asked | {"text": "Sale, use code SPRING10"}).text
    assert warning not in owner.post(there, asked | {"klass": "service"}).text
    assert warning not in owner.post(there, asked | {"text": ""}).text


# ------------------------------------------------------------------ in a browser


def silent(page: Page) -> None:
    """The server's own answers are held back: what is seen then is the browser's count."""

    def hold(route: Route) -> None:
        route.abort()

    page.route("**/preview?*", hold)
    page.route("**/measure", hold)


@pytest.mark.browser
def test_the_size_is_there_while_one_types(look: Callable[..., Looker], site: Site) -> None:
    """R26: without a word from the server."""
    owner = site.set_up()
    looker = look(phone=True, dark=True)
    looker.sign_in()
    page = looker.page
    area, place = page.locator("#text-s1-ru-sms"), page.locator("#look-s1-ru-sms")
    for language, with_words in (
        ("en", ("1 part", "17 of 160 characters", "2 parts", "101 of 134 characters")),
        ("ru", ("1 часть", "17 из 160 знаков", "2 части", "101 из 134 знаков")),
    ):
        owner.post("/me/language", {"language": language})
        looker.go(UNPAID)
        silent(page)
        page.locator("#title-s1").press("Enter")
        area.fill("Pay {{ order.number }} now, now")
        expect(place.get_by_text(with_words[0], exact=True)).to_be_visible()
        expect(place.get_by_text(with_words[1])).to_be_visible()
        expect(place.locator("[data-said]")).to_have_text("Pay 1042 now, now")
        area.fill("a" * 100 + "“")
        expect(place.get_by_text(with_words[2], exact=True)).to_be_visible()
        expect(place.get_by_text(with_words[3])).to_be_visible()
        expect(place.locator("[data-costly]")).to_contain_text("“")
        expect(place.locator("mark")).to_have_text("“")
        expect(page.locator("[data-parts-of=look-s1-ru-sms]")).to_have_text(with_words[2])
        area.fill("Pay now")
        expect(place.locator("[data-costly]")).to_be_hidden()


@pytest.mark.browser
def test_what_is_typed_before_the_counter_is_there_is_counted(
    look: Callable[..., Looker], site: Site
) -> None:
    """R26: a slow line loses no letter of the count."""
    site.set_up()
    looker = look(phone=True)
    looker.sign_in()
    page, held = looker.page, list[Route]()
    silent(page)
    page.route("**/counter*.js*", lambda route: held.append(route))
    looker.go(UNPAID)
    page.locator("#title-s1").press("Enter")
    page.locator("#text-s1-ru-sms").fill("Pay now")
    page.wait_for_timeout(50)
    while held:
        held.pop().continue_()
    expect(page.locator("#look-s1-ru-sms [data-said]")).to_have_text("Pay now")


@pytest.mark.browser
def test_a_cheaper_text_is_taken_over_by_one_press(look: Callable[..., Looker], site: Site) -> None:
    """N6."""
    site.set_up()
    looker = look(phone=True, dark=True)
    looker.sign_in()
    page = looker.page
    looker.go(UNPAID)
    looker.trouble.clear()
    page.locator("#title-s1").press("Enter")
    area, place = page.locator("#text-s1-ru-sms"), page.locator("#look-s1-ru-sms")
    area.fill(LONG)
    expect(place.get_by_text("In Latin letters:")).to_be_visible()
    looker.assert_clean()
    place.get_by_role("button", name="Write it so").click()
    expect(area).to_have_value(texts.offers(LONG, VALUES, "ru")[0].text)
    expect(place.get_by_text("GSM-7")).to_be_visible()
    expect(place.get_by_text("Vash zakaz 1042")).to_be_visible()
    looker.assert_clean()


VALUES = {"order": {"number": "1042", "total": "129,90 BYN"}}
