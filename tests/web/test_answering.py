"""Answers to customers from the talk, ready answers, and the same over the API (R79, R115)."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from ringdove.kit import db
from ringdove.records.sending import gateways
from tests.web.conftest import Looker, Site
from tests.web.test_api import key
from tests.web.test_inbox import ANNA, ASKS, ordered, person, rows, talk_of, told, wrote

HERE = "/stores/1/inbox"
CANNED = "/stores/1/canned"
API = "/api/stores/1"


async def _change(site: Site, statement: str) -> None:
    await rows(site, f"{statement} RETURNING 1")


def _anna(site: Site) -> int:
    site.run(told(site, ordered(site, "1", ANNA, "Анна Коваль"), wrote(site, "t1", ANNA, ASKS)))
    return person(site, ANNA)


def _by_day(site: Site, is_day: bool) -> None:
    hours = ("03:00", "03:00") if is_day else ("00:00", "23:59:59")
    begins, ends = hours
    asked = f"UPDATE store SET quiet_from = '{begins}', quiet_until = '{ends}'"
    site.run(_change(site, asked))


async def _sms(site: Site) -> None:
    async with db.transaction(site.runtime.pool) as tx:
        await gateways.create(
            tx, store_id=1, kind="sandbox", channel="sms", name="Virtual", now=site.runtime.clock(),
            settings={"sender": "+375296660000"}, secrets=site.runtime.sealer.seal({}),
        )  # fmt: skip


def _said(site: Site) -> list[dict[str, Any]]:
    return site.run(rows(site, "SELECT * FROM message WHERE cause = 'person' ORDER BY id"))


def test_an_answer_is_asked_before_it_wakes_them_and_is_sent_once(site: Site) -> None:
    """R79, R115. Nothing that was typed is lost; without scripts the whole page comes back."""
    owner = site.set_up()
    site.run(_sms(site))
    anna = _anna(site)
    here = f"{HERE}/{anna}"
    assert owner.post(f"{here}/answer", {"text": " ", "key": "k-0000001"}).status == 422
    assert "Your answer" in owner.get(here).text

    _by_day(site, is_day=False)
    asked = owner.post(f"{here}/answer", {"text": "Да, говорим", "key": "k-0000001"})
    assert asked.status == 200 and "where they are. Send it now, or in the morning?" in asked.text
    assert ">Да, говорим</textarea>" in asked.text and "k-0000001" in asked.text
    assert not _said(site)
    form = {"text": "Да, говорим", "key": "k-0000001", "when": "day"}
    assert owner.post(f"{here}/answer", form).status == 303
    assert owner.post(f"{here}/answer", form | {"when": "now"}).status == 303
    (said,) = _said(site)
    assert (said["state"], said["reason"], said["body"]) == ("waiting", "quiet_hours", form["text"])
    talk = talk_of(site, anna)
    assert (talk["owner"], talk["last_by"], talk["waiting_since"]) == (1, "us", None)

    _by_day(site, is_day=True)
    part = owner.post(f"{here}/answer", {"text": "Wer?", "key": "k-0000002"}, hx_request="true")
    assert part.text.lstrip().startswith("<form") and "It is on its way." in part.text
    # Back in the browser's history, and typed anew: it is not taken for the answer that is gone.
    back = form | {"text": "И в субботу", "when": ""}
    for _ in range(2):
        assert owner.post(f"{here}/answer", back).status == 303
    assert sorted(one["body"] for one in _said(site)) == ["Wer?", "Да, говорим", "И в субботу"]
    looked = owner.post(f"{here}/measure", {"text": "ё" * 71})
    assert "2 parts" in looked.text
    # What would not be sent says why, and stays in the box.
    site.run(_change(site, "UPDATE contact SET service = 'out'"))
    part = owner.post(f"{here}/answer", {"text": "Ау", "key": "k-0000003"}, hx_request="true")
    assert "It was not sent. The customer said STOP." in part.text and ">Ау</textarea>" in part.text
    assert site.add_member(owner, "viewer").post(f"{here}/answer", form).status == 403


def test_ready_answers_are_written_tried_and_filled_in(site: Site) -> None:
    """R79. What cannot be filled in is not kept; a word is one answer's."""
    owner = site.set_up()
    anna = _anna(site)
    assert owner.post(f"{CANNED}/ready").status == 303
    assert owner.get(CANNED).text.count("<kbd>/") == 4
    form = {"title": "Часы", "shortcut": "Hours", "texts": ["{{ customer.first_name }}, 10–18", ""]}
    assert owner.post(CANNED, form).status == 303
    wrong = owner.post(CANNED, form | {"texts": ["{{ customer.nmae }}", ""]})
    assert wrong.status == 422 and "did you mean “customer.name”" in wrong.text
    assert "customer.nmae" in wrong.text
    assert "Another ready answer has this word" in owner.post(CANNED, form).text
    assert "Write it in one language" in owner.post(CANNED, form | {"texts": ["", ""]}).text
    look = owner.post(f"{CANNED}/5/look", form).text
    assert "Анна, 10–18" in look and "1 part" in look
    filled = owner.get(f"{HERE}/{anna}/canned/5?text=/hours", hx_request="true")
    assert ">Анна, 10–18</textarea>" in filled.text
    more = owner.get(f"{HERE}/{anna}/canned/5?text=Hi", hx_request="true")
    assert ">Hi\nАнна, 10–18</textarea>" in more.text
    assert owner.post(f"{CANNED}/5", form | {"title": "Когда"}).status == 303
    assert owner.get(f"{CANNED}/5").text.count("Когда") > 1
    assert owner.post(f"{CANNED}/5/end").status == 303
    assert owner.get(f"{CANNED}/5").status == 404
    assert owner.get(f"{HERE}/{anna}/canned/5").status == 404


def test_programs_answer_customers_as_people_do(site: Site) -> None:
    """R79, R116. The list, the talk, an answer by night, deeds, and ready answers."""
    site.set_up()
    site.run(_sms(site))
    anna = _anna(site)
    support, viewer = key(site, "support"), key(site, "viewer")
    (line,) = viewer.ask("GET", f"{API}/conversations").json()["items"]
    assert (line["customer"], line["state"], line["unread"]) == (str(anna), "open", 1)
    assert (
        line["phone"] != ANNA
        and support.ask("GET", f"{API}/conversations?search=" + quote("Анна")).json()["items"]
    )
    here = f"{API}/conversations/{anna}"
    said = viewer.ask("GET", here).json()["said"]
    assert ASKS in [one["body"] for one in said] and ANNA not in str(said)
    said = {"text": "Да {{ }}", "key": "program-1"}
    assert viewer.ask("POST", f"{here}/answer", said).status == 403
    _by_day(site, is_day=False)
    assert support.ask("POST", f"{here}/answer", said).status == 409
    made = support.ask("POST", f"{here}/answer", said | {"night": "now"})
    assert made.status == 201 and made.json()["state"] == "waiting"
    assert support.ask("POST", f"{here}/answer", said | {"night": "now"}).json()["repeated"]
    assert [one["body"] for one in _said(site)] == ["Да {{ }}"]
    one = support.ask("GET", here).json()
    assert one["talking_until"] and one["waiting_since"] is None and one["night_until"]
    assert support.ask("POST", f"{here}/owner", {"owner": 1}).json() == {"accepted": True}
    assert support.ask("POST", f"{here}/owner", {"owner": 77}).status == 422
    assert support.ask("POST", f"{here}/snooze", {"until": "2020-01-01T00:00:00Z"}).status == 422
    assert support.ask("POST", f"{here}/notes", {"body": "VIP"}).status == 201
    assert support.ask("POST", f"{here}/typing", {"by": "Olga"}).json() == {"accepted": True}
    assert support.ask("GET", here).json()["typing"] == "Olga"
    (text,) = [one for one in support.ask("GET", here).json()["said"] if one["kind"] == "inbound"]
    meant = f"{here}/texts/{text['id']}/meant"
    assert support.ask("POST", meant, {"intent": "stop"}).json() == {"accepted": True}
    assert support.ask("POST", meant, {"intent": "stop"}).json() == {"accepted": False}
    assert support.ask("POST", f"{here}/unread").json()["unread"] == 1
    assert support.ask("POST", f"{here}/read").json()["unread"] == 0
    closed = support.ask("POST", f"{here}/close").json()
    assert closed["state"] == "closed" and closed["talking_until"] is None
    assert support.ask("POST", f"{here}/open").json()["state"] == "open"
    assert viewer.ask("GET", f"{API}/conversations/times").json()["reply"]["answers"] == 1

    wish = {"title": "Hi", "shortcut": "hi", "texts": {"ru": "Привет, {{ customer.first_name }}!"}}
    made = support.ask("POST", f"{API}/canned", wish)
    assert made.status == 201 and made.json()["id"] == 1
    assert support.ask("POST", f"{API}/canned", wish).status == 409
    broken = support.ask("POST", f"{API}/canned", wish | {"shortcut": "", "texts": {"ru": "{{ x"}})
    assert broken.status == 422
    assert (
        support.ask("PUT", f"{API}/canned/1", wish | {"title": "Hello"}).json()["title"] == "Hello"
    )
    filled = support.ask("POST", f"{API}/canned/1/fill", {"customer": anna})
    assert filled.json() == {"text": "Привет, Анна!"}
    assert [one["title"] for one in viewer.ask("GET", f"{API}/canned").json()] == ["Hello"]
    assert support.ask("DELETE", f"{API}/canned/1").json() == {"accepted": True}
    assert support.ask("GET", f"{API}/canned/1").status == 404


@pytest.mark.browser
@pytest.mark.slow
def test_a_customer_is_answered_from_the_keyboard(look: Callable[..., Looker], site: Site) -> None:
    """R79, R115. A word puts in a ready answer, Ctrl+Enter sends it, the box is empty and in focus;
    by night the question stands where one looks, on a phone too."""
    owner = site.set_up()
    site.run(_sms(site))
    anna = _anna(site)
    owner.post(f"{CANNED}/ready")
    _by_day(site, is_day=True)
    anne = look(phone=True)
    anne.sign_in()
    anne.go(f"{HERE}/{anna}")
    box, page = anne.page.locator("#f-answer"), anne.page
    box.fill("/thanks")
    box.press("Tab")
    expect(box).to_have_value("Volk & Sons: спасибо, что написали, Анна! Рады помочь.")
    expect(box).to_be_focused()
    expect(page.locator("#answer-look")).to_contain_text("1 part")
    anne.assert_clean()
    box.press("Control+Enter")
    expect(page.locator("#answer-box")).to_contain_text("It is on its way.")
    expect(box).to_have_value("")
    expect(box).to_be_focused()
    expect(page.locator("#thread")).to_contain_text("Рады помочь")

    page.locator("[data-opens=canned-dialog]").click()
    anne.assert_clean()
    page.get_by_text("We are sorry").or_(page.get_by_text("Просим прощения")).first.click()
    expect(box).to_have_value(re.compile("Разбираемся с заказом A-1"))
    _by_day(site, is_day=False)
    page.locator("#answer-box").get_by_role("button", name="Send").click()
    expect(page.get_by_role("button", name="Send now")).to_be_visible()
    anne.assert_clean()
    page.get_by_role("button", name="Send now").click()
    expect(page.locator("#answer-box")).to_contain_text("It is on its way.")
    assert [one["reason"] for one in _said(site)] == ["", ""]
    anne.go(f"{CANNED}/2")
    page.locator("#f-text-ru").fill("Спасибо, {{ customer.first_name }}")
    expect(page.locator("#looks")).to_contain_text("Спасибо, Анна")
    anne.assert_clean()


def test_everybody_sets_the_phone_that_alerts_reach_them_at(site: Site) -> None:
    """R84. Under their own name, with its country in front; empty: none."""
    owner = site.set_up()
    wrong = owner.post("/me/phone", {"phone": "8 029 111"})
    assert wrong.status == 422 and "The whole number, please" in wrong.text
    assert "8 029 111" in wrong.text
    assert owner.post("/me/phone", {"phone": "+375 (44) 777-88-99"}).status == 303
    assert 'value="+375447778899"' in owner.get("/me").text
    assert site.run(rows(site, "SELECT phone FROM app_user")) == [{"phone": "+375447778899"}]
    owner.post("/me/phone", {"phone": ""})
    assert site.run(rows(site, "SELECT phone FROM app_user")) == [{"phone": ""}]
