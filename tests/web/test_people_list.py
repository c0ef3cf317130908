"""The list of people: filters in the address, steps of a long search, keys, and the same over the
API."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from ringdove.records.people import search
from ringdove.rules import facts

from .conftest import Looker, Site, Visitor
from .test_api import key
from .test_customers import LIST, ordered, tell


@pytest.fixture
def owner(site: Site) -> Visitor:
    return site.set_up()


def registered(site: Site, n: int, name: str, **more: Any) -> facts.CustomerChanged:
    told = {"phone": f"+37529{1_000_000 + n}", "name": name} | more
    return facts.CustomerChanged(
        id=f"c{n}", at=site.runtime.clock(), customer=facts.Customer(**told)
    )


def names(text: str) -> list[str]:
    found = re.findall(r'row-link"[^>]*>.*?aria-hidden="true">.</span><span>([^<]+)<', text)
    return [name.strip() for name in found]


def test_filters_stand_in_the_address_and_narrow_the_list(site: Site, owner: Visitor) -> None:
    """R20, R22, R23; and the same over the API."""
    tell(site, ordered(site))
    tell(
        site, registered(site, 1, "Marco Rossi", country="IT", language="it", phone="+393331234567")
    )
    for asked, who in (
        ("ordered=no", ["Marco Rossi"]), ("ordered=yes", ["Анна Волк"]),
        ("country=IT", ["Marco Rossi"]), ("language=it", ["Marco Rossi"]),
        ("offers=none", ["Marco Rossi", "Анна Волк"]), ("offers=out", []), ("paused=1", []),
        ("q=rossi&country=BY", []), ("q=42&ordered=no", []), ("q=ross&country=it", ["Marco Rossi"]),
        ("ordered_since=2099-01-01", []), ("ordered_since=2001-01-01", ["Анна Волк"]),
        ("ordered_since=nonsense", ["Marco Rossi", "Анна Волк"]),
        ("field=size&value=42", []), ("city=%00", ["Marco Rossi", "Анна Волк"]),
    ):  # fmt: skip
        assert names(owner.get(f"{LIST}?{asked}").text) == who, asked
        part = owner.get(f"{LIST}?{asked}", **{"hx-request": "true"})
        assert names(part.text) == who and "people-form" not in part.text, asked
        assert part.headers["hx-replace-url"].startswith(LIST), asked


def test_a_wrong_filter_is_not_guessed(site: Site, owner: Visitor) -> None:
    """No page of ours leads there."""
    assert owner.get(f"{LIST}?offers=perhaps").status == 404
    assert owner.get(f"{LIST}?before=-1").status == 404


def test_a_long_search_says_how_far_it_has_come(
    site: Site, owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never a slow answer, never a silent end."""
    for name in ("GLANCE", "LOOK", "FAR_LOOK"):
        monkeypatch.setattr(search, name, 3)
    monkeypatch.setattr(search, "FEW_MAX", 1)
    tell(site, ordered(site), ordered(site, "43", phone="+375447778899", name="Anna Berg"))
    tell(site, *(registered(site, n, f"Person {n}") for n in range(12)))
    page = owner.get(f"{LIST}?q=anna").text
    assert names(page) == [] and "Looked back to" in page and "Nobody found" not in page
    met = list[str]()
    for _ in range(9):
        on = re.search(r'href="([^"]+before=\d+)"', page)
        if on is None:
            break
        page = owner.get(on[1].replace("&amp;", "&")).text
        met += names(page)
    assert sorted(met) == sorted(set(met))
    assert set(met) == {"Анна Волк", "Anna Berg"}


def test_the_same_is_asked_over_the_api(site: Site, owner: Visitor) -> None:
    """Everything the page can do, the API can do."""
    program = key(site, "viewer")
    tell(site, ordered(site), registered(site, 1, "Marco Rossi", country="IT"))

    def asked(query: str) -> dict[str, Any]:
        found: dict[str, Any] = program.ask("GET", f"/api/stores/1/people?{query}").json()
        return found

    assert [one["name"] for one in asked("q=volk")["items"]] == ["Анна Волк"]
    assert asked("q=2233")["items"] == []  # a viewer finds nobody by a part of a number
    both = asked("offers=none")
    assert both["total"] == 2 and both["next"] is None and both["looked_back_to"] is None
    first = asked("most=1")
    second = asked(f"most=1&before={first['next']}")
    assert first["items"][0]["id"] != second["items"][0]["id"]
    assert asked("country=IT&ordered=no")["items"][0]["name"] == "Marco Rossi"
    assert program.ask("GET", "/api/stores/1/people?offers=perhaps").status == 422


@pytest.mark.browser
def test_people_are_found_by_keyboard(
    site: Site, owner: Visitor, look: Callable[..., Looker]
) -> None:
    """Live results while one types, arrows through them, Enter opens; the address keeps it."""
    tell(
        site, ordered(site), registered(site, 1, "Marco Rossi"), registered(site, 2, "Maria Rossi")
    )
    looker = look()
    looker.sign_in()
    looker.go(LIST)
    page = looker.page
    page.get_by_role("searchbox").fill("ross")
    expect(page.locator("#rows > tr")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"q=ross$"))
    page.get_by_role("searchbox").press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#rows > tr:nth-child(2) .row-link")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("x")
    expect(page.get_by_text("Nobody found")).to_be_visible()
    page.get_by_role("searchbox").fill("marco")
    expect(page.locator("#rows > tr")).to_have_count(1)
    page.get_by_role("searchbox").press("Enter")
    expect(page).to_have_url(re.compile(rf"{LIST}/\d+$"))
