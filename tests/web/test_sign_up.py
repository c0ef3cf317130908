"""Sign-up pages for customers: hosted, in a frame, and drawn in a page of another site."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from ringdove.kit import db
from ringdove.records.consent import forms
from ringdove.records.offers import rewards
from ringdove.rules.consent.ways_in import Form, Reward
from ringdove.workers import react
from tests.web.conftest import Answer, Looker, Site, Visitor

PHONE = "8 029 111-22-33"


def form_of(site: Site, **told: Any) -> Form:
    """A published form of store 1."""

    async def make() -> Form:
        now = site.runtime.clock()
        form = Form(0, f"token{len(told)}", "Footer", **({"double": False} | told))
        async with db.transaction(site.runtime.pool) as tx:
            made = await forms.create(tx, 1, form, now)
            await forms.publish(tx, 1, made, now)
        return replace(form, id=made)

    return site.run(make())


def rows(site: Site, statement: str) -> list[dict[str, Any]]:
    async def ask() -> list[dict[str, Any]]:
        async with db.transaction(site.runtime.pool) as tx:
            return list(await (await tx.execute(statement)).fetchall())  # type: ignore[arg-type]

    return site.run(ask())


def answer(site: Site) -> None:
    site.run(react.answer_due(site.runtime))


def post(
    visitor: Visitor, form: Form, given: dict[str, Any], accept: str = "text/html", lang: str = "en"
) -> Answer:
    """As the page or its script sends it."""
    return visitor.ask(
        "POST", f"/join/{form.token}?lang={lang}", urlencode(given, doseq=True),
        {"content-type": "application/x-www-form-urlencoded", "accept": accept,
         "sec-fetch-site": "cross-site", "user-agent": "Test/1"},
    )  # fmt: skip


def store_speaks_english(site: Site) -> None:
    async def change() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            await tx.execute("UPDATE store SET languages = '{en,ru,be}'")

    site.run(change())


def test_a_yes_is_kept_with_the_words_that_were_shown(site: Site) -> None:
    """R3: title, what, how often, how to refuse, button; language, form, ip and device."""
    site.set_up()
    store_speaks_english(site)
    form = form_of(site)
    page = site.visitor().get(f"/join/{form.token}?lang=en").text
    assert post(site.visitor(), form, {"phone": PHONE, "agree": "yes"}).status == 303
    answer(site)
    (row,) = rows(site, "SELECT * FROM consent_event")
    for line in row["words"].splitlines():
        said = line.removeprefix("[x] ").strip("()")
        assert said.replace("&", "&amp;") in page, said
    order = [page.index(part) for part in ("At most 8 texts", "reply STOP", ">Subscribe<")]
    assert order == sorted(order), "how often and how to refuse stand before the button"
    assert (row["language"], row["source"]) == ("en", f"form/{form.id}")
    assert row["ip"] == "127.0.0.1" and row["device"] == "Test/1"
    (person,) = rows(site, "SELECT phone, marketing, language FROM contact")
    assert person == {"phone": "+375291112233", "marketing": "in", "language": "en"}


def test_the_answer_does_not_tell_who_is_known(site: Site) -> None:
    """Nobody learns whether a number subscribes, had stopped, or is new; a robot's yes is none."""
    site.set_up()
    form = form_of(site)
    given = {"phone": PHONE, "agree": "yes"}
    first = post(site.visitor(), form, given, "application/json")
    answer(site)
    again = post(site.visitor(), form, given, "application/json")
    trapped = post(
        site.visitor(), form, given | {"phone": "+375291112244", "company_site": "x"},
        "application/json",
    )  # fmt: skip
    assert first.status == 200 and first.text == again.text == trapped.text
    answer(site)
    assert len(rows(site, "SELECT FROM contact")) == 1


def test_one_number_is_asked_once_a_day_whatever_is_typed(site: Site) -> None:
    """Nobody can have texts sent to somebody else's phone with it."""
    site.set_up()
    first, second = form_of(site, double=True), form_of(site, double=True, colour="")
    for form in (first, second, first):
        post(site.visitor(), form, {"phone": PHONE, "agree": "yes"})
        answer(site)
    assert len(rows(site, "SELECT FROM fact WHERE kind = 'consent.given'")) == 1
    assert len(rows(site, "SELECT FROM message")) <= 1


def test_one_caller_signs_up_a_few_people_an_hour(site: Site) -> None:
    site.set_up()
    form = form_of(site)
    seen = {
        post(site.visitor(), form, {"phone": f"+3752911{n:05}", "agree": "yes"}).status
        for n in range(10_000, 10_021)
    }
    assert seen == {303, 429}


def test_what_is_wrong_is_said_kindly_and_nothing_is_written(site: Site) -> None:
    site.set_up()
    store_speaks_english(site)
    form = form_of(site, fields=("email", "birthday"))
    for given, wrong in (
        ({"phone": "12", "agree": "yes"}, "country code"),
        ({"phone": "", "agree": "yes"}, "country code"),
        ({"phone": PHONE}, "tick the box"),
        ({"phone": PHONE, "agree": "yes", "email": "anna"}, "e-mail"),
        ({"phone": PHONE, "agree": "yes", "birthday": "2999-01-01"}, "in the past"),
    ):
        answered = post(site.visitor(), form, given)
        assert answered.status == 422 and wrong in answered.text, given
        assert given["phone"] in answered.text, given
    assert not rows(site, "SELECT FROM fact")


def test_a_form_that_is_not_open_takes_nothing(site: Site) -> None:
    site.set_up()
    form = form_of(site)
    site.run(_retire(site, form.id))
    visitor = site.visitor()
    assert visitor.get(f"/join/{form.token}").status == 410
    assert post(visitor, form, {"phone": PHONE, "agree": "yes"}).status == 410
    assert visitor.get(f"/join/{form.token}.js").status == 404
    assert visitor.get("/join/none").status == 404
    assert not rows(site, "SELECT FROM fact")


async def _retire(site: Site, form_id: int) -> None:
    async with db.transaction(site.runtime.pool) as tx:
        await forms.retire(tx, 1, form_id, site.runtime.clock())


@pytest.mark.browser
@pytest.mark.slow
def test_the_page_of_its_own(site: Site, look: Callable[..., Looker]) -> None:
    """R3: on a phone, without scripts, in the visitor's language, with a switch."""
    site.set_up()
    form = form_of(
        site, fields=("name", "email", "birthday", "language"), topics=("offers", "social"),
        colour="ffd400",
    )  # fmt: skip
    visitor = look(phone=True, dark=True, language="ru")
    visitor.go(f"/join/{form.token}")
    visitor.assert_clean()
    page = visitor.page
    expect(page.locator("html")).to_have_attribute("lang", "ru")
    page.fill("#phone", "12")
    page.click("button")
    expect(page.locator("#phone-wrong")).to_be_visible()
    expect(page.locator("#topic-wrong")).to_be_visible()
    visitor.trouble.clear()  # the browser notes each 422
    visitor.assert_clean()
    page.click(".tongues a[lang=be]")
    expect(page.locator("html")).to_have_attribute("lang", "be")
    page.fill("#phone", PHONE)
    page.check("input[value=social]")
    page.click("button")
    expect(page.locator("h1")).to_have_text("Дзякуй")
    visitor.assert_clean()
    answer(site)
    (row,) = rows(site, "SELECT scope, language, words FROM consent_event")
    assert (row["scope"], row["language"]) == ("topic/social", "be")
    assert "[x] нашы сацыяльныя праекты" in row["words"]
    assert "[ ] распродажы і зніжкі" in row["words"]


SHOP = """<!doctype html><html lang="ru"><meta charset="utf-8"><title>Shop</title>
<link rel="icon" href="data:,"><main><h1>Tea</h1>
<script src="{at}/join/{token}.js" async></script></main></html>"""


@pytest.fixture
def shop() -> Iterator[Callable[[str, str], str]]:
    """shop(body, policy): a page of another origin, with its content policy; its address."""
    served: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            if served["policy"]:
                self.send_header("content-security-policy", served["policy"])
            self.end_headers()
            self.wfile.write(served["body"].encode())

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def serve(body: str, policy: str = "") -> str:
        served.update(body=body, policy=policy)
        return f"http://localhost:{server.server_port}/"

    yield serve
    server.shutdown()
    server.server_close()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True])
def test_the_line_of_script_in_a_page_of_another_site(
    site: Site, look: Callable[..., Looker], shop: Callable[[str, str], str], strict: bool
) -> None:
    """One line draws the form, in the page's language; also where inline styles are forbidden."""
    site.set_up()
    object.__setattr__(site.runtime.settings, "public_url", site.url)
    form = form_of(site, fields=("name",), colour="7a1fa2")
    policy = f"default-src 'self'; img-src data:; script-src {site.url}; connect-src {site.url}"
    visitor = look(phone=True)
    page = visitor.page
    body = SHOP.format(at=site.url, token=form.token)
    page.goto(shop(body, policy if strict else ""))
    drawn = page.locator("main > div")
    expect(drawn.locator("h2")).to_contain_text("Новости и скидки")
    if not strict:  # axe itself is a script of the page
        visitor.assert_clean()
    colour = drawn.locator("button").evaluate("b => getComputedStyle(b).backgroundColor")
    assert colour == "rgb(122, 31, 162)"
    drawn.locator("input[name=phone]").fill("1")
    drawn.locator("button").click()
    expect(drawn.locator("[role=status]")).to_contain_text("кодом страны")
    drawn.locator("input[name=phone]").fill(PHONE)
    drawn.locator("input[name=agree]").check()
    drawn.locator("button").click()
    expect(drawn.locator("h2")).to_have_text("Спасибо")
    answer(site)
    (row,) = rows(site, "SELECT source, language FROM consent_event")
    assert row == {"source": f"form/{form.id}", "language": "ru"}


@pytest.mark.browser
@pytest.mark.slow
def test_a_policy_that_forbids_to_post_gets_a_link(
    site: Site, look: Callable[..., Looker], shop: Callable[[str, str], str]
) -> None:
    site.set_up()
    object.__setattr__(site.runtime.settings, "public_url", site.url)
    form = form_of(site)
    page = look().page
    body = SHOP.format(at=site.url, token=form.token)
    page.goto(shop(body, f"script-src {site.url}; connect-src 'none'"))
    drawn = page.locator("main > div")
    drawn.locator("button").click()
    link = drawn.locator("[role=status] a")
    expect(link).to_have_attribute("href", f"{site.url}/join/{form.token}?lang=ru")


@pytest.mark.browser
@pytest.mark.slow
def test_the_frame_in_a_page_of_another_site(
    site: Site, look: Callable[..., Looker], shop: Callable[[str, str], str]
) -> None:
    site.set_up()
    form = form_of(site)
    page = look(phone=True, language="ru").page
    address = f"{site.url}/join/{form.token}?embed=1"
    page.goto(shop(f'<iframe src="{address}" title="Form" width="360" height="800"></iframe>', ""))
    frame = page.frame_locator("iframe")
    frame.locator("#phone").fill(PHONE)
    frame.locator("input[name=agree]").check()
    frame.locator("button").click()
    expect(frame.locator("h1")).to_have_text("Спасибо")


# ------------------------------------------------------------------ what was given


PAGE = Reward(
    0, "pagetoken", "Closed page", "page", title="Only for you", text="Tea at <b>cost</b>",
    url="https://tea.example/closed",
)  # fmt: skip


def given(site: Site, reward: Reward, phone: str = PHONE) -> tuple[Form, str]:
    """A form with a reward, and the link that was texted to who signed up, if it was one."""
    object.__setattr__(site.runtime.settings, "public_url", site.url)

    async def make() -> int:
        async with db.transaction(site.runtime.pool) as tx:
            return await rewards.create(tx, 1, reward, site.runtime.clock())

    form = form_of(site, reward=site.run(make()))
    post(site.visitor(), form, {"phone": phone, "agree": "yes"}, lang="ru")
    answer(site)
    (said,) = rows(site, "SELECT body FROM message WHERE topic = 'welcome'")
    link = said["body"].partition(f"{site.url}/only/")[2].partition(" ")[0].rstrip(".")
    return form, f"/only/{link}"


def test_a_closed_page_opens_to_subscribers_and_to_nobody_else(site: Site) -> None:
    """R7: the personal link opens; the bare address, a forged one and one of who left do not."""
    site.set_up()
    store_speaks_english(site)
    form, link = given(site, PAGE)
    visitor = site.visitor()
    opened = visitor.get(f"{link}?lang=en")
    assert opened.status == 200 and "Tea at &lt;b&gt;cost" in opened.text
    assert opened.headers["referrer-policy"] == "no-referrer"
    stranger = visitor.get("/only/pagetoken?lang=en")
    assert stranger.status == 403 and f"/join/{form.token}" in stranger.text
    assert "https://tea.example/closed" not in stranger.text
    forged = link[:-1] + ("a" if link[-1] != "a" else "b")
    assert visitor.get(forged).status == 404
    site.run(_leave(site))
    left = visitor.get(f"{link}?lang=en")
    assert left.status == 403 and "yours have ended" in left.text
    assert "closed" not in left.text.partition("<main>")[2].partition("</main>")[0]


async def _leave(site: Site) -> None:
    async with db.transaction(site.runtime.pool) as tx:
        await tx.execute("UPDATE contact SET marketing = 'out'")


def test_an_offer_for_phones_opens_on_phones(site: Site) -> None:
    """R9: the same link on a desktop does not grant it."""
    site.set_up()
    reward = Reward(0, "r", "Ten", "code", source="own", prefix="TEA", phones_only=True)
    _, link = given(site, reward)
    (code,) = rows(site, "SELECT code FROM promo_code")
    for headers, opens in (
        ({"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile"}, True),
        ({"user-agent": "Mozilla/5.0 (Linux; Android 15; Pixel) Chrome/140 Mobile Safari"}, True),
        ({"user-agent": "Mozilla/5.0 (Linux; Android 15; Tab) Chrome/140 Safari"}, False),
        ({"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/140"}, False),
        ({"user-agent": "Mozilla/5.0 (X11; Linux) Chrome", "sec-ch-ua-mobile": "?1"}, True),
        ({"user-agent": "Mozilla/5.0 (iPhone) Mobile", "sec-ch-ua-mobile": "?0"}, False),
        (dict[str, str](), False),
    ):
        shown = site.visitor().get(link, **headers)
        assert (code["code"] in shown.text) is opens, headers
        assert ("data:image/svg+xml" in shown.text) is not opens, headers
        (row,) = rows(site, "SELECT opened_at FROM reward_given")
        assert (row["opened_at"] is not None) is opens, headers
        rows(site, "UPDATE reward_given SET opened_at = NULL RETURNING 1")


@pytest.mark.browser
@pytest.mark.slow
def test_the_pages_of_rewards_are_clean(site: Site, look: Callable[..., Looker]) -> None:
    site.set_up()
    reward = Reward(0, "r", "Ten", "code", source="own", prefix="TEA", phones_only=True)
    _, link = given(site, reward)
    desk = look(dark=True)
    desk.go(link)
    expect(desk.page.locator("img.qr")).to_be_visible()
    desk.assert_clean()
    desk.page.goto(f"{site.url}/only/r")
    expect(desk.page.locator("h1")).to_be_visible()
    desk.trouble.clear()
    desk.assert_clean()
