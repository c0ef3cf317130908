"""Campaigns on the pages: composed, looked over by a second person, run, paused, cancelled."""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import expect
from psycopg.errors import QueryCanceled

from ringdove.kit import db
from ringdove.records.campaigns import campaigns
from ringdove.records.segments import segments
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.rules.campaigns.campaigns import Campaign
from ringdove.workers.campaigns import campaigns as worker
from tests.web.conftest import Looker, Site, Visitor
from tests.web.test_api import Program, key, rows
from tests.web.test_customers import tell
from tests.web.test_phones import working

HERE = "/stores/1/campaigns"
PEOPLE = (
    ("Анна Коваль", "+375291112233", "ru", True),
    ("Ганна Воўк", "+375291112234", "be", True),
    ("Пётр Ильин", "+375291112235", "ru", False),
)


@pytest.fixture
def owner(site: Site) -> Visitor:
    return site.set_up()


def shop(site: Site) -> None:
    """Three have ordered; two of them agreed to offers."""
    at = site.runtime.clock() - timedelta(hours=1)
    for n, (name, phone, language, agreed) in enumerate(PEOPLE):
        order = {
            "key": f"{n}", "number": f"{n}", "placed_at": at, "total": "9.90",
            "customer": {"phone": phone, "name": name, "country": "BY", "language": language},
            "lines": [{"name": "Kettle", "price": "9.90", "category": "kettles"}],
            "consent": {"marketing": agreed, "words": "Yes."},
        }  # fmt: skip
        tell(site, facts.OrderPlaced(id=f"o{n}", at=at, order=order))


def begin(owner: Visitor, recipe: str = "sale", **more: str) -> str:
    """A draft; its address."""
    answer = owner.post(HERE, {"recipe": recipe, **more})
    assert answer.status == 303, answer.text
    return answer.headers["location"]


def found(site: Site, campaign_id: int = 1) -> Campaign:
    async def ask() -> Campaign | None:
        async with db.transaction(site.runtime.pool) as tx:
            return await campaigns.find(tx, 1, campaign_id)

    told = site.run(ask())
    assert told is not None
    return told


def work(site: Site) -> None:
    """What the workers of campaigns do by themselves."""
    for _ in range(2):
        site.run(worker.look(site.runtime))
        site.run(worker.all_due(site.runtime, asyncio.Event()))


def version_of(text: str) -> str:
    told = re.search(r'name="version" value="(\d+)"', text)
    assert told, text[:500]
    return told[1]


def test_a_draft_keeps_what_is_typed_and_tells_what_is_wrong(
    site: Site, owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R13, R23, R26, R27: every field is kept as it is typed; what is missing stands beside it."""
    shop(site)
    here = begin(owner)
    page = owner.get(f"{here}/edit").text
    assert "Анна, в «Volk &amp; Sons»" in page  # one of the audience reads along
    assert "it is not saved" not in page
    form = {
        "version": version_of(page), "name": "Tea", "occasion": "", "holdout_percent": "0",
        "words-0-ru-sms": "Чай {{ chai }}", "words-0-be-sms": "",
    }  # fmt: skip
    saved = owner.post(f"{here}/edit", form, x_autosave="yes")
    assert saved.status == 200
    assert "Say the occasion: why do people get it now?" in saved.text
    assert "“chai” is not a value Ringdove knows here" in saved.text
    assert "Nothing is said in Беларуская" in saved.text
    plan = found(site).plan
    assert plan.variants[0].words["ru"].sms == "Чай {{ chai }}" and plan.holdout_percent == 0
    again = owner.post(
        f"{here}/edit", form | {"version": version_of(saved.text), "holdout_percent": "99",
                                "occasion": "Sale"}, x_autosave="yes",
    )  # fmt: skip
    assert "From 0 to 50." in again.text and 'value="99"' in again.text
    assert found(site).plan.occasion == "Sale" and found(site).plan.holdout_percent == 0
    told = owner.get(f"{here}/audience").text
    assert ">3<" in re.sub(r"\s", "", told) and "never said yes" in told

    async def tired(*given: object) -> None:
        raise ExceptionGroup("parts", [QueryCanceled("statement timeout")])

    monkeypatch.setattr(segments, "count_reachable", tired)
    told = owner.get(f"{here}/audience")
    assert told.status == 200 and "≥ 3" in told.text
    viewer = site.add_member(owner, "viewer")
    assert "<fieldset" in (text := viewer.get(f"{here}/edit").text) and "disabled" in text
    assert "+375 29 111-22-33" not in text  # masked for who only looks on
    assert viewer.post(f"{here}/edit", form).status == 403


def test_the_second_of_two_people_is_told_and_nothing_is_written_over(
    site: Site, owner: Visitor
) -> None:
    """R23: two people edit one campaign."""
    here = begin(owner)
    marketer = site.add_member(owner, "marketer")
    version = version_of(owner.get(f"{here}/edit").text)
    mine = {"version": version, "words-0-ru-sms": "Mine {{ stop_url }}"}
    assert owner.post(f"{here}/edit", mine, x_autosave="yes").status == 200
    theirs = {"version": version, "words-0-ru-sms": "Theirs {{ stop_url }}"}
    answer = marketer.post(f"{here}/edit", theirs, x_autosave="yes")
    assert answer.status == 409 and "Anna Volk has changed this campaign meanwhile." in answer.text
    assert "Theirs" in answer.text  # what was typed is still there
    assert found(site).plan.variants[0].words["ru"].sms.startswith("Mine")
    keeps = re.search(r'data-keeps="(\d+)"', answer.text)
    assert keeps
    kept = marketer.post(f"{here}/edit", theirs | {"version": keeps[1]}, x_autosave="yes")
    assert kept.status == 200
    assert found(site).plan.variants[0].words["ru"].sms.startswith("Theirs")


def test_from_rehearsal_over_approval_to_cancel(site: Site, owner: Visitor) -> None:
    """N2, R23: rehearsed, approved by a second person, started, paused, changed, taken back."""
    shop(site)
    assert owner.post(f"{HERE}/limit", {"above": "1"}).status == 303
    here = begin(owner)
    owner.post(f"{here}/edit", {"version": "1", "holdout_percent": "0"})
    version = str(found(site).version)
    refused = owner.post(f"{here}/start", {"version": version})
    assert refused.status == 409 and "Rehearse it first" in refused.text
    assert owner.post(f"{here}/rehearsal").status == 303
    assert "It begins in a moment" in owner.get(f"{here}/review").text
    work(site)
    text = owner.get(f"{here}/review").text
    assert "Not all of its texts have a known price" in text and "never said yes to it" in text
    _make_dear(site)
    dear = owner.get(f"{here}/review").text
    assert "It may cost more than 1 BYN: a second person has to approve it." in dear
    assert owner.post(f"{here}/start", {"version": version}).status == 409
    assert owner.post(f"{here}/approval").status == 303
    mine = owner.post(f"{here}/approve", {"version": version})
    assert mine.status == 409 and "A second person has to approve it" in mine.text
    marketer = site.add_member(owner, "marketer")
    assert marketer.post(f"{here}/refuse", {"note": "Too dear"}).status == 303
    assert "Too dear" in owner.get(f"{here}/review").text
    owner.post(f"{here}/approval")
    assert marketer.post(f"{here}/approve", {"version": version}).status == 303
    assert owner.post(f"{here}/start", {"version": version}).status == 303
    work(site)
    running = owner.get(here).text
    assert "0 of 2 texts have left." in running and "Pause" in running
    assert "2 texts wait and stay where they are" in running
    assert "Анна, в «Volk &amp; Sons»" in running and "{%" not in running and "{{" not in running
    assert owner.post(f"{here}/pause").status == 303
    edit = owner.get(f"{here}/edit").text
    assert "its people are gathered" in edit and "who is left alone was drawn" in edit
    assert re.search(r'name="holdout_percent"[^>]* disabled', edit)
    assert "link.remove.0" not in edit and "none can be removed" in edit
    new = {"version": version_of(edit), "words-0-ru-sms": "Новое {{ link }} {{ stop_url }}"}
    assert owner.post(f"{here}/edit", new, x_autosave="yes").status == 200
    assert owner.post(f"{here}/resume").status == 303  # their own change: told, not done
    assert marketer.post(f"{here}/resume").status == 303
    work(site)
    assert "2 texts that wait are taken back" in owner.get(here).text
    assert owner.post(f"{here}/cancel").status == 303
    work(site)
    text = owner.get(f"/stores/1/messages?campaign={found(site).id}").text
    assert text.count("messages/") >= 2 and "Новое" in text
    follow = owner.post(f"{here}/follow-up")
    made = found(site, 2)
    assert follow.status == 303 and made.plan.follows == 1
    assert made.plan.without and made.plan.without.leaf == "texts"
    assert owner.post(f"{HERE}/2/delete").status == 303
    assert "follow-up" not in owner.get(HERE).text
    assert owner.post(f"{here}/delete").headers["location"] == here  # has begun: stays


def test_a_key_counts_as_who_made_it_and_a_name_asks_for_nothing(
    site: Site, owner: Visitor
) -> None:
    """R23: nobody plans by a key and approves as a person; a key of nobody known approves nothing.
    Another name is no other plan: what was approved may begin."""
    shop(site)
    assert owner.post(f"{HERE}/limit", {"above": "1"}).status == 303
    told = owner.post("/stores/1/team/keys", {"name": "CRM", "role": "marketer"}).text
    token = re.search(r"rd_[\w-]{20,}", told)
    assert token
    mine, nobodys = Program(site, token[0]), key(site, "marketer")
    marketer = site.add_member(owner, "marketer")
    for number, (program, why) in enumerate(((mine, "yourself"), (nobodys, "whose it is")), 1):
        there, here = f"/api/stores/1/campaigns/{number}", f"{HERE}/{number}"
        program.ask("POST", "/api/stores/1/campaigns", {"recipe": "sale"})
        assert program.ask("POST", f"{there}/rehearsal").status == 202
        work(site)
        assert program.ask("POST", f"{there}/approval").json()["state"] == "waiting"
        assert why in owner.get(f"{here}/review").text
        no = owner.post(f"{here}/approve", {"version": "1"})
        assert no.status == 409 and why in no.text
    assert marketer.post(f"{HERE}/2/approve", {"version": "1"}).status == 409
    owner.post(f"{HERE}/2/unschedule")
    owner.post(f"{HERE}/2/approval")  # now somebody answers for it
    for number in (1, 2):
        assert marketer.post(f"{HERE}/{number}/approve", {"version": "1"}).status == 303
    before = found(site)
    named = {"name": "Tea", "plan": before.plan.model_dump(mode="json"), "version": 1}
    assert mine.ask("PUT", "/api/stores/1/campaigns/1", named).json()["name"] == "Tea"
    assert replace(found(site), name=before.name) == before
    assert owner.post(f"{HERE}/1/start", {"version": "1"}).status == 303
    named["name"] = "Green tea"
    assert mine.ask("PUT", "/api/stores/1/campaigns/1", named).json()["state"] == "scheduled"
    itself = {"audience": {"leaf": "texts", "what": "sent", "campaign": 2}}
    about = {"name": "It", "plan": before.plan.model_dump(mode="json") | itself, "version": 1}
    refused = mine.ask("PUT", "/api/stores/1/campaigns/2", about)
    assert refused.status == 409 and "about itself" in refused.json()["detail"]


def _make_dear(site: Site) -> None:
    async def change() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            await tx.execute(
                "UPDATE rehearsal SET result = result || %(dear)s",
                {"dear": db.document({"money_worst": {"BYN": "7.5"}, "unpriced": 0})},
            )

    site.run(change())


def test_the_calendar_starts_a_campaign_and_reminds_of_what_has_none(
    site: Site, owner: Visitor
) -> None:
    """R41: a day of the calendar makes a draft with its texts, its time and its occasion."""
    calendar = "/stores/1/calendar"
    year = site.runtime.clock().year + 1
    text = owner.get(f"{calendar}?month={year}-02").text
    assert "Valentine&#39;s Day" in text and "Defender of the Fatherland Day" in text
    assert owner.get(f"{calendar}?month=2026-99").status == 200
    day = (site.runtime.clock() + timedelta(days=1)).date()
    own = {"name": "Birthday of the shop", "day": day.isoformat(), "yearly": "yes"}
    assert owner.post(f"{calendar}/days", own).status == 303
    reminder = owner.get(HERE).text
    assert "Tomorrow: Birthday of the shop" in reminder and "no campaign yet" in reminder
    here = begin(owner, "", day=day.isoformat(), name="Birthday of the shop")
    made = found(site)
    assert (made.plan.key_date, made.plan.occasion) == (day, "Birthday of the shop")
    assert "Tomorrow: Birthday of the shop" not in owner.get(HERE).text
    gifts = {"day": f"{year}-02-14", "date_key": "valentines"}
    assert begin(owner, "gifts", **gifts) == f"{HERE}/2"
    valentine = found(site, 2)
    assert valentine.plan.when.at and valentine.plan.when.at.date().isoformat() == f"{year}-02-05"
    assert set(valentine.plan.variants[0].words) == {"ru", "be"}
    wrong = owner.post(f"{calendar}/days", {"name": "", "day": "soon"})
    assert wrong.status == 422 and "Please fill this in." in wrong.text
    assert owner.post(f"{calendar}/days/1/remove").status == 303
    assert owner.post(f"{calendar}/days/1/remove").status == 404
    copied = owner.post(f"{here}/copy")
    assert copied.headers["location"] == f"{HERE}/3" and "copy" in found(site, 3).name


def test_programs_do_all_of_it_and_a_key_makes_one_campaign(site: Site, owner: Visitor) -> None:
    """R23, R114: everything that the pages can do, the API can do."""
    shop(site)
    there, boss = "/api/stores/1/campaigns", key(site, "marketer")
    wish = {"recipe": "sale", "name": "By program", "key": "k1"}
    made = boss.ask("POST", there, wish).json()
    assert boss.ask("POST", there, wish).json()["id"] == made["id"] == 1
    assert len(boss.ask("GET", there).json()) == 1
    assert boss.ask("POST", there, {"recipe": "nothing"}).status == 422
    plan = made["plan"] | {"holdout_percent": 0, "occasion": ""}
    change = {"name": "By program", "plan": plan, "version": made["version"]}
    told = boss.ask("PUT", f"{there}/1", change).json()
    assert [one["what"] for one in told["problems"] if one["blocks"]] == ["no_occasion"]
    assert boss.ask("PUT", f"{there}/1", change).status == 409  # of a version that is over
    blocked = boss.ask("POST", f"{there}/1/start", {"version": told["version"]})
    assert blocked.status == 409 and "occasion" in blocked.json()["detail"]
    change |= {"plan": plan | {"occasion": "Sale"}, "version": told["version"]}
    version = boss.ask("PUT", f"{there}/1", change).json()["version"]
    people = boss.ask("GET", f"{there}/1/audience").json()
    assert (people["people"], people["reachable"]) == (3, 2)
    assert boss.ask("GET", f"{there}/1/rehearsal").status == 404
    assert boss.ask("POST", f"{there}/1/rehearsal").status == 202
    work(site)
    rehearsal = boss.ask("GET", f"{there}/1/rehearsal").json()
    assert rehearsal["state"] == "done" and rehearsal["is_fresh"]
    assert rehearsal["result"]["queued"] == 2
    seen = key(site, "viewer").ask("GET", f"{there}/1/rehearsal").json()
    assert "samples" not in seen["result"]
    bad = boss.ask("POST", f"{there}/1/test", {"phone": "12"})
    assert bad.status == 422
    test = boss.ask("POST", f"{there}/1/test", {"phone": "+375291119999", "language": "ru"})
    assert test.status == 202 and test.json()["state"] == "waiting"
    met = "SELECT origin FROM contact WHERE phone = '+375291119999'"
    assert rows(site, met) == [{"origin": "test"}]  # nobody's customer
    bought = {"key": "9", "number": "9", "placed_at": site.runtime.clock(), "total": "1",
              "customer": {"phone": "+375291119999"}}  # fmt: skip
    tell(site, facts.OrderPlaced(id="o9", at=site.runtime.clock(), order=bought))
    assert rows(site, met) == [{"origin": "order"}]  # until they come by themselves
    stale = boss.ask("POST", f"{there}/1/start", {"version": 1})
    assert stale.status == 409 and "changed meanwhile" in stale.json()["detail"]
    assert boss.ask("POST", f"{there}/1/start", {"version": version}).json()["state"] == "scheduled"
    work(site)
    assert boss.ask("GET", f"{there}/1/progress").json()["queued"] == 2
    for deed, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        assert boss.ask("POST", f"{there}/1/{deed}").json()["state"] == state
    assert boss.ask("POST", f"{there}/1/pause").status == 409
    assert boss.ask("POST", f"{there}/1/follow-up").json()["plan"]["follows"] == 1
    assert boss.ask("POST", f"{there}/1/copy").status == 201
    assert boss.ask("DELETE", f"{there}/3").status == 200
    assert boss.ask("DELETE", f"{there}/1").status == 409
    assert "sale" in [one["key"] for one in boss.ask("GET", f"{there}/recipes").json()]
    days = boss.ask("GET", "/api/stores/1/calendar?since=2027-02-01&until=2027-02-28").json()
    assert "valentines" in [one["date_key"] for one in days]
    own = {"name": "Ours", "day": "2027-02-03"}
    assert boss.ask("POST", "/api/stores/1/calendar/days", own).json()["id"] == 1
    assert boss.ask("DELETE", "/api/stores/1/calendar/days/1").status == 200
    assert boss.ask("GET", "/api/stores/1/calendar?since=2027-02-01&until=2020-01-01").status == 422


@pytest.mark.browser
def test_from_an_empty_store_to_texts_on_virtual_phones_by_keyboard(
    look: Callable[..., Looker], site: Site, owner: Visitor
) -> None:
    """R23, R26, N11: composed with the keyboard alone, looked over, started, read on the phones."""
    looker = look()
    looker.sign_in()
    page = looker.page
    looker.go(HERE)
    looker.assert_clean()
    shop(site)
    start = page.get_by_role("button", name="Sale Says that the sale has begun").first
    start.focus()
    page.keyboard.press("Enter")
    text = page.get_by_label("Text message, Русский")
    expect(text).to_be_visible()
    expect(page.locator("#audience-told")).to_contain_text("Can be reached")
    looker.assert_clean()
    page.get_by_label("Name, for you").focus()
    for _ in range(2):  # over the name to the occasion, as one tabs
        page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_label("Occasion")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("Tea days")
    text.focus()
    page.keyboard.press("Control+End")
    page.keyboard.type(" Чай")
    expect(page.locator("#look-0-ru-sms [data-said]")).to_contain_text("Чай")
    expect(page.locator("#saved")).to_contain_text("Saved")
    following = page.get_by_role("button", name="The next person")
    following.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#reader")).to_contain_text("2 of 2")
    expect(page.locator("#look-0-ru-sms [data-said]")).to_contain_text("Ганна")
    held = page.get_by_label("Left alone by chance, of a hundred people")
    held.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("0")
    page.get_by_role("radio", name="On a day, at a time").focus()
    page.keyboard.press("Space")
    expect(page.get_by_label("By each one's own clock")).to_be_visible()
    page.get_by_role("radio", name="At once").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Look it over and start").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Rehearsal")).to_be_visible()
    assert found(site).plan.occasion == "Tea days"
    page.get_by_role("button", name="Rehearse").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#rehearsal")).to_contain_text("It begins in a moment")
    work(site)
    expect(page.locator(".start-words")).to_contain_text("2 people will get")
    looker.assert_clean()
    _always_day(site)
    page.get_by_role("button", name="Start the campaign").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Cancel the campaign").first).to_be_visible()
    with working(site):
        work(site)
        looker.go("/stores/1/campaigns/1")
        expect(page.locator("#progress")).to_contain_text("2 of 2 texts have left", timeout=20_000)
    looker.assert_clean()
    looker.go("/stores/1/phones")
    expect(page.locator("body")).to_contain_text("распродажа", timeout=15_000)


def _always_day(site: Site) -> None:
    """Whatever the time of the test is, it is not night."""

    async def change() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            await tx.execute("UPDATE store SET quiet_from = '04:00', quiet_until = '04:00'")
            store = await stores.find(tx, 1)
            assert store is not None

    site.run(change())


@pytest.mark.browser
def test_the_pages_of_campaigns_are_clean(
    look: Callable[..., Looker], site: Site, owner: Visitor
) -> None:
    """Keyboard, screen reader, phone width, dark, Russian; a draft, a review, a run, a calendar."""
    shop(site)
    owner.post("/me/language", {"language": "ru"})  # it was set up in English
    here = begin(owner, "app_only")  # lacks its offer: problems are shown
    sale = begin(owner)
    owner.post(f"{sale}/rehearsal")
    work(site)
    looker = look(phone=True, dark=True, language="ru")
    looker.sign_in()
    for path in (HERE, f"{here}/edit", f"{sale}/review", "/stores/1/calendar"):
        looker.go(path)
        looker.assert_clean()
        assert looker.page.locator("html").get_attribute("lang") == "ru"
    owner.post(f"{sale}/start", {"version": "1"})
    work(site)
    looker.go(sale)
    looker.assert_clean()


@pytest.mark.browser
def test_two_windows_on_one_campaign(
    look: Callable[..., Looker], site: Site, owner: Visitor
) -> None:
    """R23: the second is told, keeps what was typed, and chooses."""
    here = begin(owner)
    looker = look()
    looker.sign_in()
    page = looker.page
    looker.go(f"{here}/edit")
    owner.post(f"{here}/edit", {"version": "1", "occasion": "Theirs"})
    page.get_by_label("Occasion").fill("Mine")
    expect(page.get_by_role("alert").first).to_contain_text("has changed this campaign meanwhile")
    assert found(site).plan.occasion == "Theirs"
    page.get_by_role("button", name="Keep mine").click()
    expect(page.locator("#saved")).to_contain_text("Saved")
    expect(page.get_by_label("Occasion")).to_have_value("Mine")
    assert found(site).plan.occasion == "Mine"
    assert json.loads(page.locator("[name=audience]").input_value())["leaf"] == "all"
