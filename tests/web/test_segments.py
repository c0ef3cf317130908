"""Segments on the page: built, counted while one builds, tried on a person, by the right people."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect
from starlette.exceptions import HTTPException

from ringdove.kit import db
from ringdove.rules import facts
from ringdove.web.segments import segment_editor, segment_view
from ringdove.web.segments.segment_asking import while_waited_for
from ringdove.web.segments.segment_leaves import GROUPS
from ringdove.web.segments.segment_names import Choices
from ringdove.web.speech import plain_speech

from .conftest import Looker, Site, Visitor
from .test_customers import rows, tell

SEGMENTS = "/stores/1/segments"
# Name, city, and how many days ago they bought what.
PEOPLE = (
    ("Анна Волк", "Минск", ((60, "Shoes"),)),
    ("Борис Рак", "Гродно", ((80, "Shoes"), (200, "Socks"))),
    ("Вера Ким", "Брест", ((50, "Shoes"),)),
    ("Глеб Сова", "Минск", ((60, "Shoes"), (5, "Socks"))),
    ("Дина Лис", "Минск", ((200, "Shoes"),)),
    ("Егор Бык", "Гродно", ((40, "Socks"),)),
)
ANNA = "+375291110000"


def shop(site: Site) -> None:
    """Six people with their orders; Anna said yes to offers."""
    now, told = site.runtime.clock(), []
    for n, (name, city, bought) in enumerate(PEOPLE):
        for days, category in bought:
            at, key = now - timedelta(days=days), f"{n}-{days}"
            order = facts.Order(
                key=key, number=key, placed_at=at, total=Decimal("31.90"), currency="BYN",
                customer=facts.Customer(
                    phone=f"+37529111000{n}", name=name, country="BY", city=city
                ),
                lines=(facts.Line(name=category, price=Decimal("31.90"), category=category),),
                consent=facts.Consent(marketing=True, words="Yes.") if n == 0 else None,
            )  # fmt: skip
            told.append(facts.OrderPlaced(id=f"o/{key}", at=at, order=order))
    tell(site, *told)


@pytest.fixture
def owner(site: Site) -> Visitor:
    visitor = site.set_up()
    shop(site)
    return visitor


SHOES = {"leaf": "bought", "goods": {"categories": ["Shoes"]}, "when": {"within_days": 90}}


def saved(owner: Visitor, tree: Any, name: str = "Shoes lately") -> str:
    """The address of a new segment."""
    answer = owner.post(SEGMENTS, {"name": name, "tree": json.dumps(tree)})
    assert answer.status == 303, answer.text
    return answer.headers["location"]


def seen(text: str) -> str:
    """Words of a page without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)).strip()


# ------------------------------------------------------------------ saved, shown, put away


def test_a_segment_is_saved_shown_in_words_copied_and_put_away(site: Site, owner: Visitor) -> None:
    """R20, R23: what it asks is said, what uses it is named; putting away is undone at once."""
    address = saved(owner, SHOES)
    inside = {"leaf": "segment", "segment": int(address.rpartition("/")[2])}
    saved(owner, {"leaf": "all", "of": [inside]}, "Around it")
    plan = {"audience": {"leaf": "all", "of": [inside]}, "name": "segment"}
    rows(
        site,
        "INSERT INTO campaign (store_id, id, name, state, plan, created_at, changed_at) VALUES"
        f" (1, 1, 'Autumn', 'draft', '{json.dumps(plan)}', now(), now()) RETURNING 1",
    )
    text = seen(owner.get(SEGMENTS).text)
    assert "Used by campaigns: Autumn" in text
    assert "Bought from “Shoes” in the last 90 days." in text
    assert "Part of: Around it" in text and "not counted yet" in text
    assert owner.get(f"{address}/said").text == "Bought from “Shoes” in the last 90 days."
    assert "4 people" in seen(owner.get(f"{address}/size").text)
    assert "4 people" in seen(owner.get(SEGMENTS).text)
    assert "Shoes lately" not in seen(owner.get(f"{SEGMENTS}?q=socks").text)
    copy = owner.get(f"{SEGMENTS}/new?like={address.rpartition('/')[2]}").text
    assert "Shoes lately, copy" in copy and 'data-word="Shoes"' in copy
    assert owner.post(f"{address}/retirement").status == 303
    assert "It is put away" in owner.get(address).text
    assert "1 put away" in seen(owner.get(SEGMENTS).text)
    assert owner.post(f"{address}/retirement").status == 303
    assert "It is put away" not in owner.get(address).text
    assert "Put a segment away" in owner.get("/stores/1/audit").text


def test_what_is_wrong_is_said_beside_it_and_nothing_typed_is_lost(owner: Visitor) -> None:
    """R23: a name that is missing, a number that is none, a place that nobody said."""
    tree = {"leaf": "all", "of": [
        SHOES | {"times": {"at_least": "many"}}, {"leaf": "place", "cities": []},
    ]}  # fmt: skip
    answer = owner.post(SEGMENTS, {"name": "", "tree": json.dumps(tree)})
    assert answer.status == 422
    assert 'value="many"' in answer.text and "A number, please." in answer.text
    assert "Please say which." in answer.text and "Please fill this in." in answer.text
    assert "2 conditions are not right yet" in answer.text
    around = saved(owner, SHOES)
    itself = {"leaf": "segment", "segment": int(around.rpartition("/")[2])}
    answer = owner.post(around, {"name": "Round", "tree": json.dumps(itself)})
    assert answer.status == 422 and "This segment would ask for itself." in answer.text
    nobody = {"leaf": "segment", "segment": 99}
    answer = owner.post(SEGMENTS, {"name": "None", "tree": json.dumps(nobody)})
    assert answer.status == 422 and "It asks for a segment that is no more" in answer.text


def test_the_count_comes_with_its_words_its_change_and_whom_a_text_reaches(owner: Visitor) -> None:
    """R23, N2: how many, since the last count, and why the others get nothing."""
    asked = {"tree": json.dumps(SHOES), "before": "6"}
    text = seen(owner.post(f"{SEGMENTS}/count", asked).text)
    assert "Bought from “Shoes” in the last 90 days." in text
    assert "4 people" in text and "−2" in text
    reach = seen(owner.post(f"{SEGMENTS}/reach", asked).text)
    assert re.search(r"reaches now \d", reach) and "never said yes to it. 3" in reach
    wrong = {"tree": json.dumps({"leaf": "place"})}
    assert "1 condition is not right yet" in owner.post(f"{SEGMENTS}/count", wrong).text
    assert owner.post(f"{SEGMENTS}/count", {"tree": "[1]"}).status == 200


def test_one_person_is_told_with_what_was_found_for_every_condition(owner: Visitor) -> None:
    """N2: Gleb is not in it since he bought 5 days ago."""
    tree = {"leaf": "all", "of": [
        SHOES, {"leaf": "not", "of": {"leaf": "bought", "when": {"within_days": 30}}},
    ]}  # fmt: skip
    asked = {"tree": json.dumps(tree), "q": "глеб"}
    found = owner.post(f"{SEGMENTS}/test", asked).text
    (person,) = re.findall(r'name="person" value="(\d+)"', found)
    text = owner.post(f"{SEGMENTS}/test", asked | {"person": person}).text
    assert "is not in this segment." in text
    assert re.search(r"No:.*not: bought in the last 30 days found: 1 time, last",
                     seen(text.replace('aria-label="', ">").replace('"><use', "<use")))  # fmt: skip
    assert "Глеб Сова" in owner.post(f"{SEGMENTS}/sample", {"tree": json.dumps(SHOES)}).text


def test_words_are_suggested_from_the_stores_own_data(owner: Visitor) -> None:
    """R21: categories, cities and what codes are called; never another store's."""
    assert owner.get(f"{SEGMENTS}/words?of=categories&q=sho").json() == [
        {"value": "Shoes", "label": "Shoes"}
    ]
    assert owner.get(f"{SEGMENTS}/words?of=cities&q={quote('мин')}").json()[0]["value"] == "Минск"
    assert {"value": "PL", "label": "Poland"} in owner.get(
        f"{SEGMENTS}/words?of=countries&q=pola"
    ).json()
    assert owner.get(f"{SEGMENTS}/words?of=cities&q=100%25_").json() == []
    assert owner.get(f"{SEGMENTS}/words?of=secrets").status == 404
    pasted = owner.post(f"{SEGMENTS}/drawn", {"tree": json.dumps(SHOES)})
    assert pasted.status == 200 and 'data-node="bought"' in pasted.text
    assert owner.post(f"{SEGMENTS}/drawn", {"tree": "no"}).status == 422


def test_viewers_look_masked_and_marketers_build(site: Site, owner: Visitor) -> None:
    """P10: a viewer sees what it asks and how many, no numbers of people, and changes nothing."""
    address = saved(owner, SHOES)
    viewer = site.add_member(owner, "viewer")
    page = viewer.get(address)
    assert page.status == 200 and "data-segment-editor" not in page.text
    assert "from “Shoes”" in page.text
    some = viewer.post(f"{SEGMENTS}/sample", {"tree": json.dumps(SHOES)}).text
    assert "Анна Волк" in some and not _has_a_number(some)
    assert not _has_a_number(viewer.get(f"{address}/people").text)
    assert _has_a_number(owner.get(f"{address}/people").text)
    form = {"name": "Mine", "tree": json.dumps(SHOES)}
    assert [viewer.post(to, form).status for to in (SEGMENTS, address)] == [403, 403]
    assert viewer.get(f"{SEGMENTS}/new").status == 403
    marketer = site.add_member(owner, "marketer")
    assert marketer.post(address, form).status == 303
    assert "Mine" in viewer.get(SEGMENTS).text


def _has_a_number(text: str) -> bool:
    """Whether a whole number of somebody is shown, however it is written."""
    return "37529111000" in re.sub(r"\D", "", text)


# ------------------------------------------------------------------ the editor's field


def test_every_condition_is_drawn_and_read_back_as_it_was() -> None:
    """What the catalogue begins with is complete, or says what is missing; nothing is lost."""
    say = plain_speech("en")
    for _title, leaves in GROUPS:
        for leaf in leaves:
            raw = {"leaf": leaf.leaf, **leaf.start}
            read = segment_editor.read(json.dumps(raw), say)
            shown = segment_view.view(read, say, Choices())
            assert shown.nodes[0].leaf == leaf
            if read.tree is None:
                assert {path for _at, path in read.wrong} & {*leaf.needs}, (leaf.leaf, read.wrong)
            else:
                again = segment_editor.read(segment_editor.drawing(read.tree).json, say)
                assert again.tree == read.tree


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", ""),
        ("no", "This is no segment"),
        ("[]", "This is no segment"),
        ('{"leaf": 5}', "This is no segment"),
        ('{"leaf": "nonsense"}', "1 condition is not right"),
        ('{"leaf": "bought", "typo": 1}', "1 condition is not right"),
        ('{"leaf": "all", "of": [5]}', "1 condition is not right"),
        ('{"leaf": "all", "of": {"leaf": "sex"}}', "1 condition is not right"),
        ('{"leaf": "any", "of": [' * 20 + "]}" * 20, "Groups lie too deep"),
        (json.dumps({"leaf": "any", "of": [{"leaf": "reach", "channel": "sms"}] * 101}),
         "100 conditions are the most."),
    ],
)  # fmt: skip
def test_whatever_comes_in_the_field_is_answered_in_words(typed: str, why: str) -> None:
    """A pasted file is never a crash."""
    say = plain_speech("en")
    read = segment_editor.read(typed, say)
    assert read.trouble.startswith(why) and (read.tree is None) == bool(why)
    segment_view.view(read, say, Choices())


# ------------------------------------------------------------------ nobody waits any more


def test_a_count_that_nobody_waits_for_is_given_up_in_the_database(site: Site) -> None:
    """While one types, each question takes the place of the one before."""

    class Gone:
        """A request whose browser has gone on."""

        async def is_disconnected(self) -> bool:
            return True

    async def ask() -> list[Any]:
        pool = site.runtime.pool

        async def slow() -> None:
            async with db.transaction(pool) as tx:
                await tx.execute("SELECT pg_sleep(60)")

        with pytest.raises(HTTPException):
            await while_waited_for(cast(Any, Gone()), slow())
        async with db.transaction(pool) as tx:
            return await (
                await tx.execute(
                    "SELECT 1 FROM pg_stat_activity WHERE state = 'active'"
                    " AND query LIKE 'SELECT pg_sleep%' AND pid <> pg_backend_pid()"
                )
            ).fetchall()

    assert site.run(ask()) == []


# ------------------------------------------------------------------ by hand


@pytest.mark.browser
@pytest.mark.slow
def test_a_segment_is_built_with_the_keyboard_while_it_is_counted(
    site: Site, owner: Visitor, look: Callable[..., Looker]
) -> None:
    """R20, R23, R24: bought shoes in 90 days, not in 30 days, in Minsk or Grodno: two people."""
    looker = look()
    looker.sign_in()
    looker.go(f"{SEGMENTS}/new")
    page = looker.page
    count = page.locator("#counted .segment-figure strong")
    expect(count).to_have_text("6")

    _add(page, "Bought goods")
    page.keyboard.type("sho")
    expect(page.get_by_role("option", name="Shoes")).to_be_visible()
    page.keyboard.press("Enter")
    expect(count).to_have_text("4")
    expect(page.locator("#counted .pill")).to_have_text(re.compile(r"−[12] since"))

    page.get_by_role("button", name="Leave out …").press("Enter")
    _pick(page, "Bought goods")
    out = page.locator(".segment-node.left-out")
    out.get_by_role("textbox", name="How many").fill("30")
    expect(count).to_have_text("3")

    page.locator("[data-tree] > [data-group] > .actions").get_by_role("button", name="Group").press(
        "Enter"
    )
    group = page.locator("[data-node=group]")
    group.get_by_label("How many of the conditions must hold").select_option("any")
    for city in ("Минск", "Гродно"):
        group.get_by_role("button", name="Condition", exact=True).press("Enter")
        _pick(page, "Place")
        page.keyboard.type(city[:4])
        expect(page.get_by_role("option", name=city)).to_be_visible()
        page.keyboard.press("Enter")
    expect(count).to_have_text("2")
    expect(page.locator("#counted")).to_contain_text("live in Минск, or live in Гродно")
    looker.assert_clean()

    # Nothing is lost when it cannot be saved yet.
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    expect(page.get_by_text("Please fill this in.")).to_be_visible()
    expect(page.locator("[data-node]")).to_have_count(5)
    looker.trouble.clear()  # the browser tells of the refusal
    page.fill("#f-name", "Shoes again")
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    page.wait_for_url(re.compile(r"/segments/\d+$"))
    expect(count).to_have_text("2")

    # Tried on somebody who is left out.
    page.get_by_label("Name, phone, e-mail or order number").fill("Глеб")
    page.get_by_role("button", name="Глеб Сова").click()
    expect(page.locator("#tested")).to_contain_text("is not in this segment.")
    expect(page.locator("#tested .bad").first).to_contain_text("not: bought in the last 30 days")

    # Moved out of its group and back, duplicated, removed, taken back: with the keyboard.
    first = page.locator("[data-node=place]").first
    first.get_by_role("button", name="Move up: Place").press("Enter")
    expect(group.locator("[data-node=place]")).to_have_count(1)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(group.locator("[data-node=place]")).to_have_count(2)
    first.get_by_role("button", name="Duplicate: Place").press("Enter")
    expect(page.locator("[data-node=place]")).to_have_count(3)
    expect(page.locator("[data-node=place] [data-word=Минск]")).to_have_count(2)
    first.get_by_role("button", name="Remove: Place").press("Enter")
    expect(page.locator("[data-node=place]")).to_have_count(2)
    expect(page.locator("[data-said]")).to_have_text("Removed.")
    page.get_by_role("button", name="Take it back").press("Enter")
    expect(page.locator("[data-node=place]")).to_have_count(3)
    tree = json.loads(page.locator("[data-json]").input_value())
    assert [one["leaf"] for one in tree["of"]] == ["bought", "not", "any"]
    page.wait_for_timeout(400)  # a change is counted after 350 ms; while it is, the figure is dim
    expect(page.locator("#counted.htmx-request")).to_have_count(0)
    looker.assert_clean()


def _add(page: Page, name: str) -> None:
    page.get_by_role("button", name="Condition", exact=True).first.press("Enter")
    _pick(page, name)


def _pick(page: Page, name: str) -> None:
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name=name).first.press("Enter")


@pytest.mark.browser
@pytest.mark.slow
def test_the_builder_works_on_a_phone_in_russian(
    site: Site, owner: Visitor, look: Callable[..., Looker]
) -> None:
    """R23: nothing wider than the screen, every sign named, the number in sight; JSON pasted."""
    nested = {"leaf": "all", "of": [SHOES, {"leaf": "not", "of": {"leaf": "any", "of": [
        {"leaf": "place", "cities": ["Минск"], "countries": ["BY"]},
        {"leaf": "orders", "times": {"at_least": 3, "at_most": 20}, "spent": {"at_least": 100}},
        {"leaf": "age", "years": {"at_least": 18}}]}}]}  # fmt: skip
    address = saved(owner, nested, "Обувь")
    owner.post("/me/language", {"language": "ru"})
    looker = look(phone=True, dark=True)
    looker.sign_in()
    page = looker.page
    looker.go(address)
    expect(page.locator("#counted")).to_contain_text("Покупали из категории «Shoes»")
    expect(page.locator("#counted-now")).to_contain_text("2 человека")
    looker.assert_clean()
    page.locator("[data-do=pick]").last.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    looker.assert_clean()
    page.keyboard.press("Escape")
    page.locator(".segment-data summary").click()
    page.fill("[data-json]", "nothing")
    page.locator("[data-do=apply]").click()
    expect(page.locator("[data-json-wrong]")).to_be_visible()
    page.fill("[data-json]", json.dumps(SHOES))
    looker.trouble.clear()  # the browser tells of the refusal above
    page.locator("[data-do=apply]").click()
    expect(page.locator("[data-node]")).to_have_count(1)
    expect(page.locator("#counted-now")).to_contain_text("4 человека")
    looker.go(SEGMENTS)
    looker.assert_clean()
