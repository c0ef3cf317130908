"""The page of automations: switches, steps, texts with their preview, versions and rights."""

from collections.abc import Callable

import pytest

from ringdove.kit import db
from ringdove.records.automations import automations
from ringdove.records.store import stores
from ringdove.rules import texts
from ringdove.rules.automations import revisions, samples
from ringdove.rules.automations.plans import Automation
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.scenes import Store
from tests.web.conftest import Looker, Site

LIST = "/stores/1/automations"
UNPAID = f"{LIST}/order_unpaid"


def newest(site: Site) -> dict[str, Automation]:
    async def ask() -> dict[str, Automation]:
        async with db.transaction(site.runtime.pool) as tx:
            return await automations.newest(tx, 1)

    return site.run(ask())


def unpaid(version: int = 0, **changed: str) -> dict[str, str]:
    """The form of the payment reminder, as the page sends it."""
    as_it_is = {
        "version": str(version),
        "on-0": "yes",
        "delay-0": "2",
        "unit-0": "3600",
        "on-1": "yes",
        "text-1-ru-sms": "",
        "text-1-be-sms": "",
    }
    return as_it_is | {name.replace("_", "-"): value for name, value in changed.items()}


def test_every_ready_text_can_be_previewed(site: Site) -> None:
    """Every value has a sample, and no ready text asks for one that its recipe cannot know."""
    owner = site.set_up()
    assert owner.get(LIST).status == 200
    store = site.run(_store(site))
    steps = [(recipe, step) for recipe in RECIPES.values() for step in recipe.steps]
    for language in ("en", "ru", "be", "it", "es"):
        sample = samples.values(store, language, site.runtime.clock().date())
        nouns = {noun: names for noun, names in sample.items() if isinstance(names, dict)}
        known = {f"{noun}.{name}" for noun, names in nouns.items() for name in names}
        assert known | (sample.keys() - nouns.keys()) == texts.KNOWN_VARIABLES, language
        for recipe, step in steps:
            for field in revisions.fields_of(step):
                ready = revisions.ready(step.text, language)[field]  # type: ignore[union-attr]
                assert revisions.mistakes(recipe, ready, sample) == [], (recipe.key, language)


async def _store(site: Site) -> Store:
    async with db.transaction(site.runtime.pool) as tx:
        found = await stores.find(tx, 1)
    assert found
    return found


def test_a_switch_makes_a_version_that_the_engine_reads(site: Site) -> None:
    owner = site.set_up()
    answer = owner.post(f"{LIST}/order_paid/switch", {"is_on": "no", "version": "0"})
    assert answer.status == 303
    assert newest(site)["order_paid"] == Automation(False, 1)
    again = owner.post(f"{LIST}/order_paid/switch", {"is_on": "no", "version": "0"})
    assert again.status == 303
    assert newest(site)["order_paid"].version == 1, "an old page changes nothing"
    owner.post(f"{LIST}/order_paid/switch", {"is_on": "yes", "version": "1"})
    assert newest(site)["order_paid"] == Automation(True, 2)
    audit = owner.get("/stores/1/audit").text
    assert "Switched an automation off" in audit and "Switched an automation on" in audit


def test_only_what_differs_is_kept(site: Site) -> None:
    owner = site.set_up()
    assert owner.post(UNPAID, unpaid()).status == 303
    assert "order_unpaid" not in newest(site), "nothing was changed"
    ready = revisions.ready("order_unpaid", "be")["sms"]
    form = unpaid(delay_0="90", unit_0="60", text_1_ru_sms="Заплатите!", text_1_be_sms=ready)
    assert owner.post(UNPAID, form).status == 303
    own = newest(site)["order_unpaid"]
    assert own.steps == {"s0": {"delay_s": 5400}}
    assert own.texts == {"ru": {"order_unpaid": {"sms": "Заплатите!"}}}
    form = unpaid(version=1)
    del form["on-0"]
    assert owner.post(UNPAID, form).status == 303
    assert newest(site)["order_unpaid"] == Automation(True, 2, {"s0": {"is_on": False}}, {})
    page = owner.get(UNPAID).text
    assert "Version 2" in page and "Version 1" in page and "<del>Заплатите!</del>" in page
    assert "No longer waits" in page and "Anna Volk" in page


def test_a_text_with_a_mistake_is_refused_in_words(site: Site) -> None:
    owner = site.set_up()
    for text, says in (
        ("{{ order.sum }}", "“order.sum” is not a value that this text can know."),
        ("{{ parcel.url }}", "“parcel.url” is not a value that this text can know."),
        ("{{ customer.fistname }}", "can know: did you mean “customer.first_name”?"),
        ("Hi\n{% if order.url %}", "Line "),
        ("{{ order.total | nonsense }}", "there is no filter “nonsense”"),
        ("{{ shop.phone }}", "This text says nothing."),
        ("long " * 800, "This is longer than 10 parts."),
    ):
        answer = owner.post(UNPAID, unpaid(text_1_ru_sms=text))
        assert answer.status == 422 and says in answer.text, text
        assert "order_unpaid" not in newest(site), text
        preview = owner.post(f"{UNPAID}/preview?place=1-ru-sms", {"text-1-ru-sms": text})
        assert preview.status == 200 and says in preview.text, text


def test_a_preview_counts_what_the_phone_shows(site: Site) -> None:
    owner = site.set_up()
    typed = {"text-1-ru-sms": "Платите {{ order.total }}"}
    dear = owner.post(f"{UNPAID}/preview?place=1-ru-sms", typed).text
    assert "18 of 70 characters" in dear and "UCS-2" in dear
    plain = owner.post(f"{UNPAID}/preview?place=1-ru-sms", {"text-1-ru-sms": "Pay now"}).text
    assert "7 of 160 characters" in plain and "GSM-7" in plain
    for place in ("1-it-sms", "9-ru-sms", "0-ru-sms", "1-ru-body", "nonsense"):
        assert owner.post(f"{UNPAID}/preview?place={place}").status == 404


def test_a_wait_beyond_what_is_worth_saying_is_refused(site: Site) -> None:
    """P4. A reminder that may be sent for three days cannot wait for three."""
    owner = site.set_up()
    for wait in (("0", "3600"), ("3", "86400"), ("x", "3600"), ("9" * 20, "60")):
        answer = owner.post(UNPAID, unpaid(delay_0=wait[0], unit_0=wait[1]))
        assert answer.status == 422 and "less than 3 days" in answer.text, wait


def test_who_saves_on_an_old_page_is_told(site: Site) -> None:
    owner = site.set_up()
    assert owner.post(UNPAID, unpaid(delay_0="3")).status == 303
    answer = owner.post(UNPAID, unpaid(delay_0="5"))
    assert answer.status == 422 and "Somebody else has just changed it" in answer.text
    assert newest(site)["order_unpaid"].steps == {"s0": {"delay_s": 10800}}


def test_rights(site: Site) -> None:
    """P10."""
    owner = site.set_up()
    viewer, marketer = site.add_member(owner, "viewer"), site.add_member(owner, "marketer")
    support = site.add_member(owner, "support")
    assert viewer.get(LIST).status == viewer.get(UNPAID).status == 200
    assert "<textarea" not in viewer.get(UNPAID).text
    for person in (viewer, support):
        assert person.post(UNPAID, unpaid(delay_0="3")).status == 403
        assert person.post(f"{UNPAID}/switch", {"is_on": "no", "version": "0"}).status == 403
    assert newest(site) == {}
    assert marketer.post(UNPAID, unpaid(delay_0="3")).status == 303
    assert owner.get(f"{LIST}/nothing").status == 404


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
    looker.assert_clean()


@pytest.mark.browser
def test_writing_a_text_in_a_browser(look: Callable[..., Looker], site: Site) -> None:
    """The preview follows the keyboard; a value comes by a press; the ready text comes back."""
    site.set_up()
    looker = look()
    looker.sign_in()
    looker.go(UNPAID)
    looker.trouble.clear()
    looker.assert_clean()
    page = looker.page
    area = page.get_by_label("Text, Русский")
    back = page.locator("[data-back=text-1-ru-sms]")
    assert back.is_disabled()
    area.fill("Pay ")
    page.get_by_role("button", name="{{ order.number }}").click()
    assert area.input_value() == "Pay {{ order.number }}"
    preview = page.locator("#look-1-ru-sms")
    preview.get_by_text("Pay 1042").wait_for()
    preview.get_by_text("8 of 160 characters").wait_for()
    looker.assert_clean()
    page.keyboard.type(" {{ oops }}")
    preview.get_by_text("is not a value").wait_for()
    looker.assert_clean()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Not saved yet").wait_for()
    assert "oops" in page.get_by_label("Text, Русский").input_value()
    back = page.locator("[data-back=text-1-ru-sms]")
    back.click()
    assert back.is_disabled()
    page.get_by_label("How long").fill("4")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Waits 4 hours instead of 2 hours").wait_for()
    looker.trouble[:] = [one for one in looker.trouble if "422" not in one]
    looker.assert_clean()
