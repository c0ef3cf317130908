"""One person on the page and over the API: edited, renumbered, made one and parted again."""

import json
import re
from collections.abc import Callable

import pytest

from ringdove.workers import react

from .conftest import Looker, Site, Visitor
from .test_customers import ANNA, address, ordered, rows, tell

BORIS = {"phone": "+375447778899", "name": "Boris", "email": "boris@else.example"}


@pytest.fixture
def owner(site: Site) -> Visitor:
    return site.set_up()


def answer(site: Site) -> None:
    site.run(react.answer_due(site.runtime))


def test_two_become_one_on_the_page_and_are_parted_again(site: Site, owner: Visitor) -> None:
    """R91, R78: it says first what it will do; the other's address leads to the one."""
    tell(site, ordered(site), ordered(site, "77", **BORIS))
    anna, boris = address(owner, "волк"), address(owner, "boris")
    other = boris.rpartition("/")[2]
    asked = owner.get(f"{anna}/merge?with={other}").text
    assert "undone for a day" in asked and "Together they have 2 orders" in asked
    assert owner.post(f"{anna}/merge", {"other": other}).status == 303
    answer(site)
    assert owner.get(boris).headers["location"] == anna
    page = owner.get(anna).text
    assert "N-42" in page and "N-77" in page and "Two customers became one" in page
    assert "N-77" not in owner.get(f"{anna}?stage=delivery").text
    undo = re.search(rf'action="({anna}/merges/\d+/undo)"', page)
    assert undo and owner.post(undo[1]).status == 303
    answer(site)
    assert "N-77" in owner.get(boris).text and "N-77" not in owner.get(anna).text


def test_what_is_known_is_edited_with_the_fields_of_the_shop(site: Site, owner: Visitor) -> None:
    """R22."""
    tell(site, ordered(site))
    anna = address(owner, "волк")
    field = {"title": "Size", "key": "size", "kind": "choice", "choices": "S\nM"}
    assert owner.post("/stores/1/fields", field).status == 303
    assert owner.post("/stores/1/fields", field).status == 422
    form = {"name": "Anna Wolf", "city": "Minsk", "birthday": "1990-02-03", "own_size": "XL"}
    assert "Choose one of the list." in owner.post(f"{anna}/edit", form).text
    assert owner.post(f"{anna}/edit", {**form, "own_size": "M"}).status == 303
    answer(site)
    (row,) = rows(site, "SELECT name, city, birthday::text AS born, fields FROM contact")
    assert row == {
        "name": "Anna Wolf", "city": "Minsk", "born": "1990-02-03", "fields": {"size": "M"},
    }  # fmt: skip


def test_another_number_and_who_has_it_already(site: Site, owner: Visitor) -> None:
    """P9."""
    tell(site, ordered(site), ordered(site, "77", **BORIS))
    anna, boris = address(owner, "волк"), address(owner, "boris")
    taken = owner.post(f"{anna}/number", {"phone": BORIS["phone"], "released": ""})
    assert taken.status == 422 and f"merge?with={boris.rpartition('/')[2]}" in taken.text
    form = {"phone": "+375291112299", "released": ANNA["phone"]}
    assert owner.post(f"{anna}/number", form).status == 303
    answer(site)
    found = rows(site, "SELECT phone FROM contact ORDER BY phone")
    assert [row["phone"] for row in found] == ["+375291112299", BORIS["phone"]]
    left = rows(site, "SELECT value FROM contact_ref WHERE kind = 'phone' ORDER BY value")
    assert ANNA["phone"] not in [row["value"] for row in left]


def test_what_is_no_number_is_not_asked_about_again(site: Site, owner: Visitor) -> None:
    """P9: closed once, and for the next order with the same words."""
    tell(site, ordered(site, phone="call my son", name="Ivan", email="ivan@x.by"))
    ivan = address(owner, "ivan")
    assert owner.post(f"{ivan}/phone", {"none": "yes"}).status == 303
    answer(site)
    tell(site, ordered(site, "43", phone="call my son", name="Ivan", email="ivan@x.by"))
    assert rows(site, "SELECT FROM contact WHERE phone_doubt IS NOT NULL") == []


def test_programs_do_the_same(site: Site, owner: Visitor) -> None:
    """R91, R22: everything the page can do."""
    tell(site, ordered(site), ordered(site, "77", **BORIS))
    made = owner.post("/stores/1/team/keys", {"name": "till", "role": "marketer"}).text
    key = re.search(r"rd_[\w-]+", made)
    assert key, made[:500]
    anna, boris = (address(owner, q).rpartition("/")[2] for q in ("волк", "boris"))

    def call(method: str, path: str, body: object = None) -> tuple[int, object]:
        headers = {"authorization": f"Bearer {key[0]}", "content-type": "application/json"}
        told = json.dumps(body) if body is not None else None
        got = owner.ask(method, f"/api/stores/1{path}", told, headers)
        return got.status, json.loads(got.text)

    assert call("PUT", "/fields/size", {"title": "Size", "kind": "number"})[0] == 200
    assert call("PATCH", f"/customers/{anna}", {"fields": {"shoe": 1}})[0] == 422
    assert call("PATCH", f"/customers/{anna}", {"city": "Brest", "fields": {"size": 38}})[0] == 202
    assert call("POST", f"/customers/{anna}/number", {"phone": BORIS["phone"]})[0] == 409
    assert call("POST", f"/customers/{anna}/merges", {"other": anna})[0] == 409
    assert call("POST", f"/customers/{anna}/merges", {"other": boris})[0] == 202
    answer(site)
    status, one = call("GET", f"/customers/{anna}")
    assert status == 200 and isinstance(one, dict)
    assert (one["also"], one["city"], one["fields"]) == ([boris], "Brest", {"size": 38})
    assert len(one["orders"]) == 2
    (merge,) = call("GET", f"/customers/{anna}/merges")[1]  # type: ignore[misc]
    assert call("DELETE", f"/customers/{anna}/merges/{merge['id']}")[0] == 202
    answer(site)
    assert call("GET", f"/customers/{boris}")[1]["merged_into"] is None  # type: ignore[index]


@pytest.mark.slow
@pytest.mark.browser
def test_the_pages_are_clean(site: Site, owner: Visitor, look: Callable[..., Looker]) -> None:
    """For keyboards, screen readers and phones, by day and by night."""
    twin = {**ANNA, "phone": "+375291112234", "email": "", "name": "Анна Волк"}
    tell(site, ordered(site), ordered(site, "77", **twin), ordered(site, "5", phone="8O29 111223"))
    people = re.findall(r'href="(/stores/1/customers/\d+)"', owner.get("/stores/1/customers").text)
    field = {"title": "Size", "key": "size", "kind": "choice", "choices": "S\nM"}
    assert owner.post("/stores/1/fields", field).status == 303
    anna, other, ivan = people[2], people[1], people[0]
    at = look(phone=True, dark=True, language="ru")
    at.sign_in()
    ways = [
        anna, f"{anna}/edit", f"{anna}/merge", f"{anna}/merge?with={other.rpartition('/')[2]}",
        "/stores/1/fields",
    ]  # fmt: skip
    for way in ways:
        at.go(way)
        at.assert_clean()
    for way, dialog in ((anna, "number-dialog"), (ivan, "phone-dialog")):
        at.go(way)
        at.page.click(f'[data-opens="{dialog}"]')
        at.assert_clean()
