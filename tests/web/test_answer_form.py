"""The form behind a survey's link, and askings over the API: R73, R80, R81, R88."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from ringdove.kit import db
from ringdove.records.offers import rewards
from ringdove.records.surveys import surveys as records
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.links import links
from ringdove.rules.surveys import surveys
from tests.web.conftest import PHONE, Looker, Site, Visitor, assert_sound
from tests.web.test_api import Program, key
from tests.web.test_leave import look_up
from tests.web.test_wishes import LANGUAGES, stranger

WHO = {"phone": "+375291112233", "name": "Anna", "language": "en"}
TEN = Reward(0, "r1", "Ten", "code", source="own", prefix="TEN", valid_days=14)
FURTHER = (
    {"id": "packing", "kind": "scale", "names": {"en": "And the packing?"}, "high": 5},
    {"id": "next", "kind": "choice", "names": {"en": "What next?"},
     "choices": [{"key": "tea", "names": {"en": "Tea"}}, {"key": "cups", "names": {"en": "Cups"}}]},
    {"id": "wish", "kind": "text", "names": {"en": "What do you miss?"}},
)  # fmt: skip
__all__ = ["stranger"]


def changed(site: Site, key: str, reward: bool = False, **settings: Any) -> None:
    """The store's own version of a survey."""

    async def work() -> None:
        now = site.runtime.clock()
        async with db.transaction(site.runtime.pool) as tx:
            number = await rewards.create(tx, 1, TEN, now) if reward else 0
            told = settings | {"reward": number}
            await records.save(tx, 1, surveys.read(key, told), now)

    site.run(work())


def asked(program: Program, survey: str, **wish: Any) -> dict[str, Any]:
    told = {"customer": WHO} | wish
    answer = program.ask("POST", f"/api/stores/1/surveys/{survey}/askings", told)
    assert answer.status == 201, answer.text
    found: dict[str, Any] = answer.json()
    address = program.site.runtime.settings.outside_url
    return found | {"path": found["link"].removeprefix(address)}


def test_the_form_is_one_answer_with_its_code_and_further_questions(
    site: Site, stranger: Visitor
) -> None:
    """R73, R81, R82: a wrong score loses nothing that was typed; the same asking has one link."""
    changed(site, "product", reward=True, further=FURTHER)
    program = key(site, "support")
    told = asked(program, "product", sku="K1")
    assert asked(program, "product", sku="K1") | {"repeated": False} == told
    path = told["path"]
    page = stranger.get(f"{path}?score=4")
    assert page.status == 200 and "How do you like it" in page.text
    assert 'value="4" checked' in page.text and "And the packing?" in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    # A page that tells nobody its address sends no origin, and not every browser says more.
    bare = {"content-type": "application/x-www-form-urlencoded", "origin": "null"}
    typed = urlencode({"comment": "Lovely <b>pot</b>", "q-wish": "Trays"})
    empty = stranger.ask("POST", path, typed, bare)
    assert empty.status == 422 and "Choose a score first." in empty.text
    assert "Lovely &lt;b&gt;pot&lt;/b&gt;" in empty.text and "Trays" in empty.text
    given = {
        "score": "5", "reason": "quality", "comment": "Lovely", "q-packing": "4", "q-next": "tea",
        "q-wish": "Trays", "publish": "yes", "shown_as": "Anna",
    }  # fmt: skip
    done = stranger.post(path, given | {"q-none": "x"})
    (row,) = look_up(site, "SELECT * FROM survey_answer")
    assert (row["score"], row["reason"], row["way"]) == (5, "quality", "link")
    assert row["answers"] == {"packing": 4, "next": "tea", "wish": "Trays"}
    assert (row["may_publish"], row["shown_as"]) == (True, "Anna")
    (code,) = look_up(site, "SELECT code FROM promo_code")
    assert done.status == 200 and code["code"] in done.text and "5 of 5" in done.text
    again = stranger.get(path)
    assert code["code"] in again.text and "Change the answer" in again.text
    assert 'value="5" checked' in stranger.get(f"{path}?change=1").text
    low = stranger.post(f"{path}?change=1", {"score": "1", "q-packing": "9", "q-next": "shoes"})
    assert "We are sorry" in low.text
    (row,) = look_up(site, "SELECT * FROM survey_answer")
    assert (row["score"], row["may_publish"], row["answers"]) == (1, False, {})
    (task,) = look_up(site, "SELECT * FROM task")
    assert "1 of 5" in task["said"]
    of_link = links.token_of(1, int(told["id"]), 0, site.runtime.link_key)
    for strange in (
        f"/s/{of_link}",
        "/s/aaaaaaaaaaaa",
        path[:-1],
        path + "x",
        path.replace("/s/", "/l/"),
    ):
        assert stranger.get(strange).status == 404, strange


def test_a_program_asks_and_tells_the_answer(site: Site, stranger: Visitor) -> None:
    """R88: known by phone or order; heard as any answer; nothing of another store's."""
    changed(site, "mine", name="Mine", words={"en": {"question": "Well, {low}-{high}?"}})
    program, viewer = key(site, "support"), key(site, "viewer")
    base = "/api/stores/1"
    assert program.ask("POST", f"{base}/surveys/none/askings", {"customer": WHO}).status == 422
    assert program.ask("POST", f"{base}/surveys/mine/askings", {}).status == 422
    assert program.ask("POST", f"{base}/surveys/mine/askings", {"order": "9"}).status == 422
    told = asked(program, "mine")
    assert "Well, 1-6?" in stranger.get(told["path"]).text
    one = f"{base}/askings/{told['id']}"
    assert program.ask("POST", f"{one}/answer", {"score": 7}).status == 422
    answer = {"score": 2, "comment": "The courier was late"}
    assert viewer.ask("POST", f"{one}/answer", answer).status == 403
    assert program.ask("POST", f"{one}/answer", answer).json() == {"accepted": True}
    shown = viewer.ask("GET", one).json()
    assert (shown["score"], shown["way"], shown["late"]) == (2, "api", False)
    assert shown["link"] == told["link"] and shown["answered_at"]
    assert len(look_up(site, "SELECT FROM task")) == 1
    async_past = "UPDATE survey_answer SET answered_at = answered_at - interval '2 days'"
    site.run(run(site, async_past))
    assert program.ask("POST", f"{one}/answer", {"score": 5}).json() == {"accepted": False}
    assert "Change" not in stranger.get(told["path"]).text
    site.run(run(site, "UPDATE survey_answer SET answered_at = NULL, until = asked_at"))
    assert stranger.get(told["path"]).status == stranger.post(told["path"], {}).status == 410
    assert program.ask("GET", f"{base}/askings/5").status == 404


async def run(site: Site, statement: str) -> None:
    async with db.transaction(site.runtime.pool) as tx:
        await tx.execute(statement)  # type: ignore[arg-type]


@pytest.mark.browser
@pytest.mark.slow
def test_the_form_in_a_browser(
    browser: Any, look: Callable[..., Looker], site: Site, stranger: Visitor
) -> None:
    """R73: without a script, by the keyboard, at the width of a phone, in every language."""
    changed(site, "product", reward=True, further=FURTHER)
    told = asked(key(site, "support"), "product")
    url = site.url + told["path"]
    seen = browser.new_context(viewport=PHONE)
    public = seen.new_page()
    public.goto(f"{url}?lang=en")
    assert_sound(public)
    seen.close()
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    page = context.new_page()
    for n, language in enumerate(LANGUAGES):
        page.goto(f"{url}?lang={language}&change=1")
        page.locator(f"input[name=score][value='{n + 1}']").focus()
        page.keyboard.press("Space")
        page.locator("#comment").fill(language)
        page.locator("#comment").press("Tab")
        page.locator("button[type=submit]").press("Enter")
        page.locator("[role=status]").wait_for()
    (row,) = look_up(site, "SELECT * FROM survey_answer")
    assert (row["score"], row["comment"]) == (len(LANGUAGES), LANGUAGES[-1])
    context.close()
    done = browser.new_context(viewport=PHONE).new_page()
    done.goto(url)
    assert_sound(done)
    done.context.close()
