"""Surveys: what they say, every answer, the editor, and opinions on another site's page."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import expect

from ringdove.kit import db
from ringdove.records.store import stores
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from tests.records import test_survey_reports as made_by_hand
from tests.records.test_survey_reports import Asked
from tests.web.conftest import Looker, Site, Visitor
from tests.web.test_api import key, rows
from tests.web.test_sign_up import shop  # noqa: F401

HERE = "/stores/1/surveys"
API = "/api/stores/1/surveys"
FORM = {
    "about": "order", "scale": "1-6", "low_until": "3", "good_from": "5", "measure": "csat",
    "within": "3", "reward": "0", "reason": ["delivery", "service"], "asks_why": "yes",
    "re_asks": "yes", "says_thanks": "yes",
}  # fmt: skip


class Stand:
    """What the rows of the records' tests are written to, on a site."""

    def __init__(self, runtime: Runtime, store: Store) -> None:
        self.runtime, self.store = runtime, store

    async def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        async with db.transaction(self.runtime.pool) as tx:
            cursor = await tx.execute(statement, values)  # type: ignore[arg-type]
            return list(await cursor.fetchall())


def fill(site: Site, monkeypatch: pytest.MonkeyPatch, tell: Callable[[Asked], None]) -> None:
    """Askings of the last weeks."""
    now: datetime = site.runtime.clock()
    monkeypatch.setattr(made_by_hand, "NOON", now.replace(minute=0, second=0, microsecond=0))

    async def write() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            store = await stores.find(tx, 1)
        assert store is not None
        asked = Asked(store)
        tell(asked)
        await asked.write(Stand(site.runtime, store))  # type: ignore[arg-type]

    site.run(write())


def some(asked: Asked) -> None:
    """Two weeks of a delivery survey, and opinions about a mug."""
    for n in range(12):
        asked.ask("delivery", 3 + n % 2 * 8, 6 if n % 4 else 2, carrier="Post" if n % 3 else "Van",
                  comment="=Fine, isn't it" if n == 1 else "", reason="" if n % 4 else "delivery",
                  sku="MUG" if n % 2 else "TEA")  # fmt: skip
    for _ in range(6):
        asked.ask("delivery", 4)
    for n in range(6):
        asked.ask("product", 5, 1 if n == 0 else 5, sku="MUG", may_publish=n < 3,
                  shown_as="Anna Volk", comment=f"<b>Mug</b> {n}")  # fmt: skip


def token_in(page: str) -> str:
    """Of the store, in the addresses of its opinions."""
    found = re.search(r"/opinions/([0-9A-Za-z]{14})/product", page)
    assert found
    return found[1]


def opinion_ids(site: Site) -> list[str]:
    found = rows(site, "SELECT id FROM survey_answer WHERE may_publish ORDER BY comment")
    return [str(row["id"]) for row in found]


def test_page_api_and_file_say_the_same_of_a_survey(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R83, R89."""
    owner = site.set_up()
    empty = owner.get(f"{HERE}/delivery?days=30").text  # what was counted is kept for a moment
    assert "Nobody was asked in this time" in empty and "NaN" not in empty
    assert owner.get(f"{HERE}/none").status == 404
    fill(site, monkeypatch, some)
    page = owner.get(f"{HERE}/delivery").text
    assert "75 %" in page and "Content (CSAT)" in page and "Over time" in page
    assert "47 % to 91 %" in page  # Wilson's for 9 of 12
    assert ">Post</a>" in page and "1 has fewer than 5 scores." in page  # four came by van
    assert "too few" in owner.get(HERE).text or "75 %" in owner.get(HERE).text
    program = key(site, "viewer")
    told = program.ask("GET", f"{API}/delivery/report").json()
    total = told["total"]
    assert (total["asked"], total["answered"], total["low"]) == (18, 12, 3)
    assert total["given"] == {"2": 3, "6": 9} and round(total["csat"]["low"], 2) == 0.47
    assert set(told["parts"]["carrier"]) == {"Post", "Van", ""}
    assert program.ask("GET", f"{API}/delivery/report?days=7").status == 422

    answers = owner.get(f"{HERE}/answers?survey=delivery&given=low").text
    assert answers.count('class="score bad"') == 3 and "Person 1<" in answers
    assert "No answer" in owner.get(f"{HERE}/answers?survey=delivery&sku=NONE").text
    listed = program.ask("GET", f"{API}/answers?survey=delivery&given=low&most=2").json()
    assert len(listed["items"]) == 2 and "•" in listed["items"][0]["phone"]
    rest = program.ask("GET", f"{API}/answers?survey=delivery&given=low&before={listed['next']}")
    assert len(rest.json()["items"]) == 1 and rest.json()["next"] is None
    file = owner.get(f"{HERE}/answers/file?survey=delivery&days=30").text
    lines = list(csv.DictReader(io.StringIO(file.removeprefix("\ufeff"))))
    assert len(lines) == 12 and lines[0]["survey"] == "delivery"
    assert sum(line["comment"].startswith("'=") for line in lines) == 1  # no formula in a sheet
    assert owner.get(f"{HERE}/answers/file?kind=xlsx").raw[:2] == b"PK"
    viewer = site.add_member(owner, "viewer")
    assert viewer.get(f"{HERE}/answers/file").status == 403


def test_a_survey_is_changed_by_page_and_api_and_keeps_what_it_is_not_told(site: Site) -> None:
    """R80, R81, R88. Reasons and choices keep their keys when their names change."""
    owner = site.set_up()
    assert "by text" in owner.get(f"{HERE}/new").text.lower()
    own = {
        "name": "After a visit", "own0_ru": "Очередь", "own0_be": "Чарга",
        "f0_ru": "Что купили?", "f0_kind": "choice", "f0_choices_ru": "Чай\nКофе\n\nМёд",
        "question_ru": "Как вам у нас, от {low} до {high}?",
    }  # fmt: skip
    wrong = owner.post(HERE, FORM | own | {"low_until": "6", "within": "999"})
    assert wrong.status == 422 and "Очередь" in wrong.text and "Days from 1 to 90" in wrong.text
    assert owner.post(HERE, FORM | own | {"name": ""}).status == 422
    assert owner.post(HERE, FORM | own).headers["location"].endswith("/surveys/own1")
    program = key(site, "marketer")
    told = program.ask("GET", f"{API}/own1").json()["settings"]
    assert [one["key"] for one in told["reasons"]] == ["delivery", "service", "own1"]
    assert [(one["key"], one["names"]["ru"]) for one in told["further"][0]["choices"]] == [
        ("c1", "Чай"), ("c2", "Кофе"), ("c3", "Мёд"),
    ]  # fmt: skip
    again = own | {"own0_key": "own1", "own0_ru": "Ждать", "own1_ru": "Цвет", "f0_id": "q1",
                   "f0_keys": "c1 c2 c3", "f0_choices_ru": "Зелёный чай\nКофе\nМёд"}  # fmt: skip
    assert owner.post(f"{HERE}/own1", FORM | again).status == 303
    told = program.ask("GET", f"{API}/own1").json()["settings"]
    assert [one["key"] for one in told["reasons"]][2:] == ["own1", "own2"]
    assert told["further"][0]["choices"][0] == {"key": "c1", "names": {"ru": "Зелёный чай"}}
    talk = owner.post(f"{HERE}/own1/talk", FORM | again).text
    assert "Как вам у нас, от 1 до 6?" in talk and "2 parts" in talk
    assert "Что купили?" in owner.post(f"{HERE}/own1/form?lang=ru", FORM | again).text
    assert rows(site, "SELECT FROM survey_answer") == []  # a preview asks nobody

    changed = told | {"good_from": 4, "reward": 0}
    assert program.ask("PUT", f"{API}/own1", changed).json()["settings"]["good_from"] == 4
    refused = program.ask("PUT", f"{API}/own1", {"low": 5})
    assert refused.status == 422 and "low" in refused.json()["detail"]
    assert program.ask("PUT", f"{API}/answers", {}).status == 422
    drafted = program.ask("POST", f"{API}/own1/campaign").json()["campaign_id"]
    assert owner.post(f"{HERE}/own1/ask").headers["location"].endswith("/campaigns/2")
    plans = rows(site, "SELECT id, plan FROM campaign ORDER BY id")
    assert [row["plan"]["survey"] for row in plans] == ["own1", "own1"] and drafted == 1
    assert "{{ survey.question }}" in json.dumps(plans[0]["plan"])
    assert program.ask("POST", f"{API}/delivery/retire").status == 422
    assert owner.post(f"{HERE}/own1/retire").status == 303
    assert "retired" in owner.get(HERE).text
    viewer = site.add_member(owner, "viewer")
    assert viewer.get(f"{HERE}/own1/edit").status == 403


def test_opinions_are_let_through_and_nothing_else_is_public(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R82. What is left out is counted; a name is only made shorter; no word is changed."""
    owner = site.set_up()
    fill(site, monkeypatch, some)
    bad, good, _ = opinion_ids(site)
    page = owner.get(f"{HERE}/opinions").text
    assert "To be decided: 3" in page and "&lt;b&gt;Mug&lt;/b&gt; 0" in page
    at = token_in(page)
    world = f"/opinions/{at}/product"
    visitor = Visitor(site.port)
    assert visitor.get(f"{world}.json").json()["opinions"] == []
    decided = {"deed": "show", "name": "Anna V.", "reply": "Thank you!"}
    read = re.search(rf'{good}">.*?name="seen" value="(\w+)"', page, re.DOTALL)
    assert read
    decided["seen"] = read[1]
    assert owner.post(f"{HERE}/opinions/{good}", decided).status == 303
    owner.post(f"{HERE}/opinions/{good}", {"deed": "hide", "seen": read[1]})
    assert "look again" in owner.get(f"{HERE}/opinions").text, "a colleague was quicker"
    owner.post(f"{HERE}/opinions/{bad}", {"deed": "show", "name": "Anna the Great"})
    program = key(site, "marketer")
    refused = program.ask("POST", f"{API}/opinions/{bad}", {"state": "shown", "name": "Bob"})
    assert refused.status == 422
    hidden = program.ask("POST", f"{API}/opinions/{bad}", {"state": "hidden"})
    assert hidden.json() == {"accepted": True}
    other = str(rows(site, "SELECT id FROM survey_answer WHERE NOT may_publish LIMIT 1")[0]["id"])
    assert program.ask("POST", f"{API}/opinions/{other}", {"state": "shown"}).json() == {
        "accepted": False
    }
    assert len(program.ask("GET", f"{API}/opinions?state=hidden").json()["items"]) == 1

    # What was public a moment ago may be kept for a while: another product is asked anew.
    told = visitor.get(f"{world}.json?sku=MUG", origin="https://shop.example")
    assert told.headers["access-control-allow-origin"] == "*" and "set-cookie" not in told.headers
    assert "<" not in told.text, "wherever a shop puts it, no words of a customer end a script"
    assert "<b>" not in visitor.get(f"{world}.js?sku=MUG").text
    seen = told.json()
    assert (seen["agreed"], seen["shown"], seen["left_out"], seen["low_left_out"]) == (3, 1, 2, 1)
    assert seen["rating"]["answers"] == 6 and seen["rating"]["value"] == 4.33
    (one,) = seen["opinions"]
    assert (one["name"], one["reply"], one["words"]) == ("Anna V.", "Thank you!", "<b>Mug</b> 1")
    assert seen["json_ld"]["aggregateRating"] == {
        "@type": "AggregateRating", "ratingValue": 4.3, "ratingCount": 6, "reviewCount": 1,
        "bestRating": 5, "worstRating": 1,
    }  # fmt: skip
    assert seen["json_ld"]["review"][0]["author"]["name"] == "Anna V."
    page = visitor.get(f"{world}?sku=MUG&lang=ru").text
    assert "Показано отзывов: 1 из 3" in page and "низкие оценки: 1" in page
    assert "Mug&lt;/b&gt; 0" not in page
    assert visitor.get(f"/opinions/{at}/none.json").status == 404
    assert visitor.get("/opinions/00000000000000/product").status == 404
    viewer = site.add_member(owner, "viewer")
    assert viewer.post(f"{HERE}/opinions/{bad}", decided).status == 403


SHOP = """<!doctype html><html lang="ru"><meta charset="utf-8"><title>Shop</title>
<link rel="icon" href="data:,"><main><h1>Tea</h1>
<script src="{at}/product.js?sku=MUG" async></script></main></html>"""


@pytest.mark.browser
@pytest.mark.slow
def test_surveys_in_a_browser_and_opinions_on_another_site(
    site: Site,
    look: Callable[..., Looker],
    shop: Callable[[str, str], str],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R82, R83. Report, answers, editor with its previews; the piece under a policy of the shop's
    own that allows our scripts and nothing else."""
    owner = site.set_up()
    object.__setattr__(site.runtime.settings, "public_url", site.url)
    fill(site, monkeypatch, some)
    looker = look()
    looker.sign_in()
    page = looker.page
    looker.go(HERE)
    looker.assert_clean()
    page.click("text=After delivery")
    expect(page.locator("svg.means.wide .found")).to_have_count(2)
    looker.assert_clean()
    page.click(".page-head >> text=Answers")
    looker.assert_clean()
    looker.go(f"{HERE}/delivery/edit")
    expect(page.locator("#talk .bubble").first).to_contain_text("от 1")
    page.fill("#f-question_ru", "Довольны ли вы, от {low} до {high}?")
    expect(page.locator("#talk")).to_contain_text("Довольны ли вы, от 1 до 6?")
    frame = page.frame_locator("#preview")
    expect(frame.locator("h1")).to_have_text("Довольны ли вы, от 1 до 6?")
    looker.assert_clean()
    page.click(".sticky >> text=Save")
    expect(page.locator(".page-head p")).to_contain_text("How did we deliver")
    looker.go(f"{HERE}/opinions")
    looker.assert_clean()
    page.locator("li", has_text="Mug</b> 1").get_by_role("button", name="Show it").click()
    expect(page.get_by_text("It is shown.", exact=True)).to_be_visible()

    address = f"{site.url}/opinions/{token_in(owner.get(f'{HERE}/opinions').text)}"
    policy = f"default-src 'none'; img-src data:; script-src {site.url}"
    visitor = look(phone=True, dark=True)
    page = visitor.page
    page.goto(shop(SHOP.format(at=address), policy))
    drawn = page.locator("main > div")
    expect(drawn.locator("h2")).to_have_text("Что говорят покупатели")
    expect(drawn.locator("li")).to_have_count(1)
    expect(drawn.locator("li")).to_contain_text("<b>Mug</b> 1")
    expect(drawn.locator(".rating")).to_have_text("4,3 из 5")
    expect(drawn.locator(".honest")).to_contain_text("1 из 3")
    said = page.locator("script[type='application/ld+json']").text_content()
    assert said and "<" not in said and json.loads(said)["aggregateRating"]["ratingCount"] == 6
    assert not visitor.trouble and page.context.cookies() == []
    page.goto(shop(SHOP.format(at=address), ""))
    visitor.assert_clean()
    page.goto(f"{address}/product?sku=MUG")
    visitor.assert_clean()
