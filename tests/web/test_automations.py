"""The pages of automations: the list, the column of steps, texts, versions and rights."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records import counters
from ringdove.records.automations import automation_rehearsals, automations
from ringdove.records.store import stores
from ringdove.rules import texts
from ringdove.rules.automations import revisions, samples
from ringdove.rules.automations.arranging import ids
from ringdove.rules.automations.journeys import plain
from ringdove.rules.automations.plans import Automation
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.scenes import Store
from tests.web.conftest import Looker, Site, Visitor

LIST = "/stores/1/automations"
PAID = f"{LIST}/order_paid"
UNPAID = f"{LIST}/order_unpaid"
SURVEY = f"{LIST}/survey"
FIRST = "s1-words-ru-sms"  # of the payment reminder


def newest(site: Site) -> dict[str, Automation]:
    async def ask() -> dict[str, Automation]:
        async with db.transaction(site.runtime.pool) as tx:
            return await automations.newest(tx, 1)

    return site.run(ask())


@dataclass
class Sent(HTMLParser):
    """What a browser would send of the editor's form."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    inside: bool = False
    area: str = ""
    choice: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, told: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in told}
        name = about.get("name", "")
        if tag == "form":
            self.inside = about.get("id") == "journey"
        if not self.inside or "disabled" in about:
            return
        if tag == "input" and name:
            if about.get("type") not in ("checkbox", "radio") or "checked" in about:
                self.fields.append((name, about.get("value", "")))
        elif tag == "textarea" and name:
            self.area = name
            self.fields.append((name, ""))
        elif tag == "select":
            self.choice = name
        elif tag == "option" and self.choice and "selected" in about:
            self.fields.append((self.choice, about.get("value", "")))

    def handle_data(self, data: str) -> None:
        if self.area:
            name, said = self.fields[-1]
            self.fields[-1] = (name, said + data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.area = ""
        elif tag == "select":
            self.choice = ""
        elif tag == "form":
            self.inside = False


def form_of(html: str, **changed: Any) -> dict[str, Any]:
    """The editor's form with what is typed over it; None leaves a field out."""
    reader = Sent()
    reader.feed(html)
    form: dict[str, Any] = {}
    for name, value in reader.fields:
        form.setdefault(name, []).append(value)
    told = {name.replace("__", "-"): value for name, value in changed.items()}
    return {name: value for name, value in (form | told).items() if value is not None}


def typed(visitor: Visitor, path: str, **changed: Any) -> dict[str, Any]:
    return form_of(visitor.get(path).text, **changed)


def test_every_ready_text_can_be_previewed(site: Site) -> None:
    """Every value has a sample, and no ready text asks for one that its recipe cannot know."""
    owner = site.set_up()
    assert owner.get(LIST).status == 200
    store = site.run(_store(site))
    for language in ("en", "ru", "be", "it", "es"):
        sample = samples.values(store, language, site.runtime.clock().date())
        nouns = {noun: names for noun, names in sample.items() if isinstance(names, dict)}
        known = {f"{noun}.{name}" for noun, names in nouns.items() for name in names}
        said = texts.KNOWN_VARIABLES - {"field"}  # of which every store has its own
        assert (known | (sample.keys() - nouns.keys())) >= said, language
        for recipe in RECIPES.values():
            assert revisions.problems(recipe, {}, {language: sample}) == [], (recipe.key, language)


async def _store(site: Site) -> Store:
    async with db.transaction(site.runtime.pool) as tx:
        found = await stores.find(tx, 1)
    assert found
    return found


def test_a_switch_makes_a_version_that_the_engine_reads(site: Site) -> None:
    owner = site.set_up()
    answer = owner.post(f"{PAID}/switch", {"is_on": "no", "version": "0"})
    assert answer.status == 303
    assert answer.headers["location"] == f"{LIST}#order_paid", "back at its row"
    assert newest(site)["order_paid"] == Automation(False, 1)
    again = owner.post(f"{PAID}/switch", {"is_on": "no", "version": "0"})
    assert again.status == 303
    assert newest(site)["order_paid"].version == 1, "an old page changes nothing"
    owner.post(f"{PAID}/switch", {"is_on": "yes", "version": "1"})
    assert newest(site)["order_paid"] == Automation(True, 2)
    audit = owner.get("/stores/1/audit").text
    assert "Switched an automation off" in audit and "Switched an automation on" in audit


def test_only_what_differs_is_kept_and_every_version_comes_back(site: Site) -> None:
    owner = site.set_up()
    assert owner.post(UNPAID, typed(owner, UNPAID)).status == 303
    assert "order_unpaid" not in newest(site), "nothing was changed"
    said = {FIRST: "Заплатите!", "s0-seconds": "90", "s0-seconds-unit": "60"}
    assert owner.post(UNPAID, typed(owner, UNPAID) | said).status == 303
    own = newest(site)["order_unpaid"]
    assert own.texts == {"ru": {"order_unpaid": {"sms": "Заплатите!"}}}
    assert own.plan and own.plan.course["s0"].step.seconds == 5400  # type: ignore[union-attr]
    form = {k: v for k, v in typed(owner, UNPAID).items() if k != "s1-is_on"}
    back = {FIRST: "", "s0-seconds": "2", "s0-seconds-unit": "3600"}
    assert owner.post(UNPAID, form | back).status == 303
    page = owner.get(UNPAID).text
    assert "Version 2" in page and "Version 1" in page and "<del>Заплатите!</del>" in page
    assert "Waits 90 minutes instead of 2 hours" in page and "No longer sends" in page
    assert "Anna Volk" in page
    assert owner.post(f"{UNPAID}/versions/1/restore", {"version": "2"}).status == 303
    again = newest(site)["order_unpaid"]
    assert (again.version, again.plan, again.texts) == (3, own.plan, own.texts)
    owner.post(f"{UNPAID}/versions/2/restore", {"version": "2"})
    assert newest(site)["order_unpaid"].version == 3, "an old page changes nothing"
    assert owner.post(f"{UNPAID}/versions/0/restore", {"version": "3"}).status == 303
    assert newest(site)["order_unpaid"] == Automation(True, 4), "as it came"


def test_a_text_with_a_mistake_is_refused_in_words(site: Site) -> None:
    owner = site.set_up()
    form = typed(owner, UNPAID)
    for text, says in (
        ("{{ order.sum }}", "“order.sum” is not a value that this text can know."),
        ("{{ parcel.url }}", "“parcel.url” is not a value that this text can know."),
        ("{{ customer.fistname }}", "can know: did you mean “customer.first_name”?"),
        ("Hi\n{% if order.url %}", "Line "),
        ("{{ order.total | nonsense }}", "there is no filter “nonsense”"),
        ("{{ shop.phone }}", "This text says nothing."),
        ("long " * 800, "This is longer than 10 parts."),
    ):
        answer = owner.post(UNPAID, form | {FIRST: text})
        assert answer.status == 422 and says in answer.text, text
        assert "order_unpaid" not in newest(site), text
        preview = owner.post(f"{UNPAID}/preview?place=s1-ru-sms", form | {FIRST: text})
        assert preview.status == 200 and says in preview.text, text


def test_a_preview_counts_what_the_phone_shows(site: Site) -> None:
    owner = site.set_up()
    form = typed(owner, UNPAID)
    look = f"{UNPAID}/preview?place=s1-ru-sms"
    dear = owner.post(look, form | {FIRST: "Платите {{ order.total }}"}).text
    assert "18 of 70 characters" in dear and "UCS-2" in dear
    plain_one = owner.post(look, form | {FIRST: "Pay now"}).text
    assert "7 of 160 characters" in plain_one and "GSM-7" in plain_one
    for place in ("s1-it-sms", "s9-ru-sms", "s0-ru-sms", "s1-ru-else", "nonsense"):
        assert owner.post(f"{UNPAID}/preview?place={place}", form).status == 404


def test_a_wait_beyond_what_is_worth_saying_is_refused(site: Site) -> None:
    """P4. A reminder that may be sent for so long cannot wait for as long."""
    owner = site.set_up()
    form = typed(owner, UNPAID)
    most = RECIPES["order_unpaid"].valid_for // 86_400
    for wait in (("0", "3600"), (str(most), "86400")):
        answer = owner.post(UNPAID, form | {"s0-seconds": wait[0], "s0-seconds-unit": wait[1]})
        assert answer.status == 422 and f"less than {most} days" in answer.text, wait
    for wrong in ("x", "9" * 20, "-3"):
        answer = owner.post(UNPAID, form | {"s0-seconds": wrong})
        assert answer.status == 422 and "f-s0-seconds-wrong" in answer.text, wrong
        assert f'value="{wrong}"' in answer.text, "what was typed is still there"


def test_who_saves_on_an_old_page_is_told(site: Site) -> None:
    owner = site.set_up()
    form = typed(owner, UNPAID)
    assert owner.post(UNPAID, form | {"s0-seconds": "3"}).status == 303
    kept = newest(site)["order_unpaid"]
    answer = owner.post(UNPAID, form | {"s0-seconds": "5"})
    assert answer.status == 422 and "Somebody else has just changed it" in answer.text
    assert 'value="5"' in answer.text
    assert newest(site)["order_unpaid"] == kept
    assert owner.post(UNPAID, form_of(answer.text)).status == 303, "saved again, it is kept"


def test_what_is_on_names_only_what_the_store_has(site: Site) -> None:
    """R117: else it would silently do nothing. One that is off may be written on later."""
    owner = site.set_up()
    form = typed(owner, UNPAID)
    plan = json.loads(form["plan"][0])
    plan["steps"].append({"id": "gift", "do": "give", "offer": 99})
    wrong = form | {"plan": json.dumps(plan)}
    answer = owner.post(UNPAID, wrong)
    assert answer.status == 422 and "no offer has the number 99" in answer.text
    assert newest(site) == {}
    assert owner.post(f"{UNPAID}/switch", {"is_on": "false", "version": "0"}).status == 303
    assert owner.post(UNPAID, wrong | {"version": "1"}).status == 303
    owner.post(f"{UNPAID}/switch", {"is_on": "true", "version": "2"})
    assert not newest(site)["order_unpaid"].is_on


# ------------------------------------------------------------------ the column


def steps_of(html: str) -> list[str]:
    plan = json.loads(form_of(html)["plan"][0])
    return ids(plan["steps"])


def test_steps_are_added_moved_doubled_and_removed_and_nothing_is_kept_before_save(
    site: Site,
) -> None:
    owner = site.set_up()
    page = owner.get(UNPAID).text
    first = steps_of(page)

    def press(deed: str, **more: Any) -> str:
        nonlocal page
        answer = owner.post(UNPAID, form_of(page, deed=deed) | more)
        assert answer.status == 200, deed
        page = answer.text
        return page

    press("add.branch.root/1")
    assert steps_of(page) == [first[0], "branch1", *first[1:]]
    press("down.s0")
    assert json.loads(form_of(page)["plan"][0])["steps"][0]["then"][0]["id"] == "s0"
    press("add.send.branch1.otherwise/0", **{FIRST: "Не забыли?"})
    assert "Не забыли?" in page, "what was typed before is still there"
    press("twin.s1")
    assert steps_of(page) == ["branch1", "s0", "send1", "s1", "send2", *first[2:]]
    press("move.send2.branch1.then/0")
    press("remove.send1")
    press("nonsense.s1")
    press("move.branch1.branch1.then/0")
    assert steps_of(page) == ["branch1", "send2", "s0", *first[1:]]
    assert "Not saved yet" in page and newest(site) == {}
    assert owner.post(UNPAID, form_of(page)).status == 303
    own = newest(site)["order_unpaid"]
    assert own.plan and list(own.plan.course) == ["branch1", "send2", "s0", *first[1:]]
    assert own.texts["ru"] == {
        "order_unpaid": {"sms": "Не забыли?"}, "own_send2": {"sms": "Не забыли?"},
    }  # fmt: skip
    page = owner.get(UNPAID).text
    assert "New: If they: everybody" in page and "Moved: Wait 2 hours" in page


@pytest.mark.slow
def test_every_ready_journey_comes_through_its_form_as_it_is(site: Site) -> None:
    """What the page sends back unchanged changes nothing, whatever steps and trigger there are."""
    owner = site.set_up()
    for key in RECIPES:
        answer = owner.post(f"{LIST}/{key}", typed(owner, f"{LIST}/{key}"))
        assert answer.status == 303, key
        assert newest(site) == {}, key


def test_a_journey_of_ones_own_from_nothing_to_off_the_list(site: Site) -> None:
    owner = site.set_up()
    page = owner.get(f"{LIST}/new").text
    answer = owner.post(f"{LIST}/new", form_of(page))
    assert answer.status == 422 and "Please fill this in." in answer.text
    for trigger in ("date", "segment", "clock", "due", "wish", "new_goods", "fact:cart.changed"):
        form = form_of(page) | {"trigger-on": trigger, "deed": "redraw", "name": "Чай"}
        answer = owner.post(f"{LIST}/new", form)
        assert answer.status == 200, trigger
        page = answer.text
    assert owner.post(f"{LIST}/new", form_of(page)).status == 303, "off, it may lack words"
    own = newest(site)["own_1"]
    assert own.plan and own.plan.name == "Чай" and not own.is_on
    assert '<option value="own_1">Чай</option>' in owner.get("/stores/1/messages").text
    here = f"{LIST}/own_1"
    owner.post(f"{here}/switch", {"is_on": "yes", "version": "1"})
    assert not newest(site)["own_1"].is_on, "without words it cannot be on"
    told = owner.get(here).text.partition('class="toast-line')[2]
    assert "It cannot be on" in told and "#alert-triangle" in told, "no tick before a refusal"
    said = {f"send1-words-{one}-sms": "Чай ждёт" for one in ("ru", "be")}
    assert owner.post(here, typed(owner, here) | said).status == 303
    owner.post(f"{here}/switch", {"is_on": "yes", "version": "2"})
    assert newest(site)["own_1"].is_on
    empty = {f"send1-words-{one}-sms": "" for one in ("ru", "be")}
    answer = owner.post(here, typed(owner, here) | empty)
    assert answer.status == 422 and "This text says nothing." in answer.text
    assert owner.post(f"{here}/removal", {"version": "3"}).status == 303
    gone = newest(site)["own_1"]
    assert gone.is_gone and not gone.is_on and gone.plan == own.plan
    assert "off the list" in owner.get(LIST).text
    assert owner.post(f"{here}/removal", {"version": "4"}).status == 303
    assert not newest(site)["own_1"].is_gone
    assert owner.post(f"{PAID}/removal", {"version": "0"}).status == 422, "a ready one stays"


def test_a_copy_has_the_same_steps_and_words_and_another_beginning(site: Site) -> None:
    owner = site.set_up()
    assert owner.post(f"{SURVEY}/copy", {}).status == 303
    own = newest(site)["own_1"]
    ready = RECIPES["survey"]
    assert own.plan and own.plan.steps == ready.steps and not own.is_on
    assert plain(own.plan) == {**plain(ready), "key": "own_1", "name": own.plan.name}
    form = typed(owner, f"{LIST}/own_1") | {"trigger-on": "fact:parcel.moved", "deed": "redraw"}
    page = owner.post(f"{LIST}/own_1", form).text
    form = form_of(page) | {"trigger-where-states": ["delivered"]}
    assert owner.post(f"{LIST}/own_1", form).status == 303
    plan = newest(site)["own_1"].plan
    assert plan and plan.about == "{parcel}/{state}"
    assert plan.trigger.where.states == ("delivered",)  # type: ignore[union-attr]
    assert "The parcel is delivered" in owner.get(f"{LIST}/own_1").text


def test_an_automation_goes_out_as_a_file_and_comes_in_as_a_new_one(site: Site) -> None:
    owner = site.set_up()
    answer = owner.get(f"{SURVEY}/file")
    assert answer.status == 200 and "attachment" in answer.headers["content-disposition"]
    assert sent_file(owner, answer.text) == f"{LIST}/own_1"
    own = newest(site)["own_1"]
    assert own.plan and own.plan.steps == RECIPES["survey"].steps and not own.is_on
    assert own.plan.name == "Short survey"
    for wrong in ("", "{", "[]", '{"format": "other"}', answer.text.replace('"wait"', '"fly"')):
        assert sent_file(owner, wrong) == LIST, wrong
    stray = json.loads(answer.text) | {"texts": {"xx": {"survey": {"sms": "x"}}}}
    assert sent_file(owner, json.dumps(stray)) == LIST
    assert list(newest(site)) == ["own_1"]
    told = json.loads(answer.text) | {"title": "a\0b", "texts": {"ru": {"survey": {"sms": "\0"}}}}
    assert sent_file(owner, json.dumps(told)) == f"{LIST}/own_2", "PostgreSQL keeps no NUL"


def sent_file(visitor: Visitor, text: str) -> str:
    """Where one comes to after giving this file."""
    parts = ("--b", 'content-disposition: form-data; name="file"; filename="a.json"', "", text,
             "--b--", "")  # fmt: skip
    sent = {"content-type": "multipart/form-data; boundary=b", "sec-fetch-site": "same-origin"}
    answer = visitor.ask("POST", f"{LIST}/file", "\r\n".join(parts), sent)
    assert answer.status == 303, answer.text
    return answer.headers["location"]


def test_the_list_says_what_one_would_have_done_before_it_is_switched_on(site: Site) -> None:
    """N2. Asked for all that are off at once; of another version it says nothing."""
    owner = site.set_up()
    assert "What would the others have done" in owner.get(LIST).text
    assert owner.post(f"{LIST}/rehearsals", {}).status == 303
    page = owner.get(LIST).text
    assert "Being worked out: 0" in page and "What would the others have done" not in page
    site.run(_rehearsed(site, "cart_left"))
    page = owner.get(LIST).text
    assert "In 30 days it would have said 12 texts" in page and "to 9 people" in page
    typed_on = typed(owner, f"{LIST}/cart_left") | {"pause-seconds": "5"}
    assert owner.post(f"{LIST}/cart_left", typed_on).status == 303
    assert "it would have said 12 texts" not in owner.get(LIST).text


async def _rehearsed(site: Site, key: str) -> None:
    store = await _store(site)
    async with db.transaction(site.runtime.pool) as tx:
        asked = await automation_rehearsals.find(tx, store, key)
        assert asked
        told = {"texts": 12, "spoken_to": 9, "money": {"EUR": "0.48"}, "samples": []}
        assert await automation_rehearsals.tell(tx, store, asked, "done", 5, 5, told)


def test_every_step_says_how_many_went_past_and_why_others_left(site: Site) -> None:
    owner = site.set_up()
    counts = {"//began": 1240, "/s0/passed": 1100, "/s0/payment.received": 99, "/gone/passed": 7}
    site.run(_counted(site, {f"step/order_unpaid{name}": n for name, n in counts.items()}))
    page = owner.get(UNPAID).text
    for said in ("1,240 began in 30 days", "1,100 passed", "99 left: the payment arrived<"):
        assert said in page, said
    fresh = owner.get(f"{UNPAID}/numbers").text
    assert 'id="numbers-s0" hx-swap-oob="true"' in fresh and "1,100 passed" in fresh


async def _counted(site: Site, counts: dict[str, int]) -> None:
    store = await _store(site)
    async with db.transaction(site.runtime.pool) as tx:
        await counters.add(tx, store, site.runtime.clock(), counts)


def test_rights(site: Site) -> None:
    """P10."""
    owner = site.set_up()
    viewer, marketer = site.add_member(owner, "viewer"), site.add_member(owner, "marketer")
    support = site.add_member(owner, "support")
    assert viewer.get(LIST).status == viewer.get(UNPAID).status == 200
    assert "<textarea" not in viewer.get(UNPAID).text
    form = typed(owner, UNPAID) | {"s0-seconds": "3"}
    for person in (viewer, support):
        assert person.post(UNPAID, form).status == 403
        assert person.post(f"{UNPAID}/switch", {"is_on": "no", "version": "0"}).status == 403
        assert person.post(f"{UNPAID}/copy", {}).status == 403
        assert person.get(f"{LIST}/new").status == 403
    assert newest(site) == {}
    assert marketer.post(UNPAID, form).status == 303
    assert owner.get(f"{LIST}/nothing").status == 404
    for plan in ("[]", "{", '{"steps": [{"do": "fly", "id": "a"}]}', '{"steps": 7}'):
        assert owner.post(UNPAID, form | {"plan": plan}).status == 422, plan


@pytest.mark.browser
def test_the_list_in_a_browser(look: Callable[..., Looker], site: Site) -> None:
    site.set_up().post("/me/language", {"language": "ru"})
    looker = look(phone=True, dark=True, language="ru")
    looker.sign_in()
    looker.go(LIST)
    looker.trouble.clear()
    looker.assert_clean()
    switches = looker.page.get_by_role("switch")
    assert switches.count() == len(RECIPES)
    switches.first.focus()
    looker.page.keyboard.press("Space")
    looker.page.locator(".toast-line").wait_for()
    assert not newest(site)["order_accepted"].is_on
    looker.go(SURVEY)
    looker.assert_clean()


@pytest.mark.browser
def test_an_automation_is_edited_in_a_browser(look: Callable[..., Looker], site: Site) -> None:
    """The preview follows the keyboard; steps go by arrows, by the grip and into branches; nothing
    is kept before Save, and what is wrong is said beside it."""
    site.set_up()
    looker = look()
    looker.sign_in()
    looker.go(UNPAID)
    looker.trouble.clear()
    page = looker.page
    page.locator("#title-s1").press("Enter")
    area = page.locator("#text-s1-ru-sms")
    back = page.locator("[data-back=text-s1-ru-sms]")
    assert back.is_disabled()
    area.fill("Pay ")
    page.get_by_role("button", name="{{ order.number }}").click()
    assert area.input_value() == "Pay {{ order.number }}"
    preview = page.locator("#look-s1-ru-sms")
    preview.get_by_text("Pay 1042").wait_for()
    preview.get_by_text("8 of 160 characters").wait_for()
    page.locator("#words-s1-be").press("Enter")
    page.locator("#more-s1").press("Enter")
    # A branch by the keyboard; the wait goes into it, and over to its other side.
    page.get_by_label("Add a step here: after: Wait 2 hours").press("Enter")
    page.locator("[data-place='root/1'] button[value^='add.branch']").press("Enter")
    page.locator("#step-branch1").wait_for()
    assert area.input_value() == "Pay {{ order.number }}", "what was typed is still there"
    assert page.locator("#text-s1-be-sms").is_visible(), "what was open is open"
    assert page.locator("#f-s1-guard").is_visible()
    page.get_by_text("Added at place 2 of").wait_for()
    looker.assert_clean()
    page.get_by_role("button", name="Move down: Wait 2 hours").press("Enter")
    page.locator("[data-way='branch1.then'] #step-s0").wait_for()
    page.keyboard.press("Enter")  # the arrow still has the focus
    page.locator("[data-way='branch1.otherwise'] #step-s0").wait_for()
    grip, place = page.locator("#step-s0 [data-grip]"), page.locator("[data-place='root/0']")
    page.locator("#title-s1").press("Enter")
    grip.scroll_into_view_if_needed()
    start, end = grip.bounding_box(), place.bounding_box()
    assert start and end
    page.mouse.move(start["x"] + 5, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(end["x"] + 60, end["y"] + end["height"] / 2, steps=4)
    page.mouse.up()
    page.locator("[data-way='root'] > #step-s0").wait_for()
    page.get_by_text("Moved to place 1 of").wait_for()
    page.get_by_role("button", name="Remove: Send a text").first.click()
    page.locator("#step-s1").wait_for(state="detached")
    page.get_by_role("button", name="Take it back").click()
    assert area.input_value() == "Pay {{ order.number }}", "with all that was typed in it"
    assert newest(site) == {}
    site.run(_counted(site, {"step/order_unpaid/s0/passed": 41}))
    page.evaluate("htmx.trigger('#numbers', 'refresh')")
    page.get_by_text("41 passed").wait_for()
    page.locator("#title-s1").press("Enter")
    area.focus()
    page.keyboard.press("End")
    page.keyboard.type(" {{ oops }}")
    preview.get_by_text("is not a value").wait_for()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("something is to be corrected below").wait_for()
    assert "oops" in area.input_value()
    looker.trouble[:] = [one for one in looker.trouble if "422" not in one]
    looker.assert_clean()
    back.click()
    assert back.is_disabled()
    page.locator("#title-s0").press("Enter")
    page.locator("#f-s0-seconds").fill("4")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Waits 4 hours instead of 2 hours").wait_for()
    own = newest(site)["order_unpaid"].plan
    assert own and [step.id for step in own.steps[:2]] == ["s0", "branch1"]
