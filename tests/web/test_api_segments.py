"""Segments over the API: kept, counted, tested on one person, listed, carried as files."""

from typing import Any

import pytest

from tests.flows.conftest import order
from tests.web.conftest import Answer, Site
from tests.web.test_api import Program
from tests.web.test_sign_up import answer

BASE = "/api/stores/1/segments"
SHOES = {"leaf": "bought", "goods": {"categories": ["shoes"]}}


@pytest.fixture
def program(site: Site) -> Program:
    """With an owner's key, in a store where Anna bought shoes."""
    owner = site.set_up()
    page = owner.post("/stores/1/team/keys", {"name": "Shop", "role": "owner"}).text
    program = Program(site, page.partition('<code id="secret">')[2].partition("<")[0])
    lines = [{"name": "Boots", "price": "59.90", "category": "shoes"}]
    told = order(lines=lines).model_dump(mode="json")
    assert program.ask("POST", "/api/stores/1/events", told).status == 200
    answer(site)
    return program


def ask(program: Program, method: str, path: str, body: Any = None) -> Answer:
    return program.ask(method, BASE + path, body)


def test_a_segment_is_kept_counted_and_says_why(program: Program) -> None:
    """R20, R21, R23, N2: made, nested, changed, retired; its people; why one is in it."""
    made = ask(program, "POST", "", {"name": "Shoes", "tree": SHOES})
    assert made.status == 201, made.text
    first = made.json()["id"]
    other = {"leaf": "not", "of": {"leaf": "segment", "segment": first}}
    second = ask(program, "POST", "", {"name": "Others", "tree": other}).json()["id"]
    assert [one["name"] for one in ask(program, "GET", "").json()] == ["Others", "Shoes"]
    assert ask(program, "GET", f"/{first}").json()["tree"]["goods"]["categories"] == ["shoes"]
    for tree, people in ((SHOES, 1), (other, 0), ({"leaf": "all"}, 1)):
        counted = ask(program, "POST", "/count", {"tree": tree})
        assert counted.json() == {"people": people, "is_whole": True}, counted.text
    (reached,) = ask(program, "POST", "/reach", {"tree": SHOES}).json()
    assert reached == {"verdict": "drop", "reason": "no_consent", "people": 1}
    (anna,) = ask(program, "GET", f"/{first}/people").json()["items"]
    assert anna["name"] == "Анна Коваль"
    assert ask(program, "POST", "/people", {"tree": other}).json() == {"items": [], "next": None}
    tested = ask(program, "POST", "/test", {"tree": other, "customer": anna["id"]}).json()
    assert tested["holds"] is False
    (inner,) = tested["why"]["of"]
    (leaf,) = inner["of"]
    assert (leaf["path"], leaf["holds"], leaf["found"]["times"]) == ("of.segment 1", True, 1)
    table = ask(program, "GET", f"/{first}/table").text
    assert table.startswith("id,name,phone") and "+375291112233" in table
    assert ask(program, "DELETE", f"/{first}").json() == {"accepted": True}
    assert ask(program, "GET", f"/{first}").json()["retired"] is True
    assert ask(program, "POST", "/count", {"tree": other}).json()["people"] == 0  # still asked
    assert ask(program, "POST", f"/{first}/restore").json() == {"accepted": True}
    for one in ask(program, "GET", "/recipes?category=shoes").json():
        assert ask(program, "POST", "/count", {"tree": one["tree"]}).status == 200, one
    changed = ask(program, "PUT", f"/{second}", {"name": "All", "tree": {"leaf": "all"}})
    assert changed.json()["name"] == "All"


DEEP: Any = SHOES
for _ in range(30):
    DEEP = {"leaf": "not", "of": DEEP}
WRONG: list[tuple[Any, str]] = [
    ({"leaf": "all", "of": [SHOES, {"leaf": "bought", "when": {"since": "x"}}]}, "of.1.when.since"),
    ({"leaf": "not", "of": {"leaf": "age", "years": {"at_least": 5, "at_most": 3}}},
     "of.years: Value error, at_least is more than at_most"),
    ({"leaf": "all", "of": [{"leaf": "none"}]}, "of.0"),
    ({"leaf": "all", "of": [{"leaf": "segment", "segment": 9}]},
     "tree.of.0.segment: No segment has the number 9"),
    ({"leaf": "field", "key": "dog"}, "tree.key: the store keeps no field 'dog'"),
    ({"leaf": "any", "of": [{"leaf": "offer", "offer": 3}]}, "tree.of.0.offer: no offer"),
    ({"leaf": "texts", "what": "sent", "campaign": 3}, "tree.campaign: no campaign"),
    (DEEP, "8 deep at most"),
    ({"leaf": "any", "of": [SHOES] * 101}, "100 at most"),
]  # fmt: skip


def test_an_error_says_where_in_the_tree(program: Program) -> None:
    """And a ring is refused when it would be closed, with the numbers it goes through."""
    for tree, says in WRONG:
        refused = ask(program, "POST", "", {"name": "Odd", "tree": tree})
        assert refused.status == 422 and says in refused.json()["detail"], refused.text
    asks = [{"leaf": "segment", "segment": n} for n in (1, 2, 3)]
    ask(program, "POST", "", {"name": "A", "tree": SHOES})
    ask(program, "POST", "", {"name": "B", "tree": asks[0]})
    ask(program, "POST", "", {"name": "C", "tree": {"leaf": "not", "of": asks[1]}})
    for n, tree in ((1, asks[0]), (1, asks[2]), (2, {"leaf": "any", "of": [SHOES, asks[2]]})):
        refused = ask(program, "PUT", f"/{n}", {"name": "X", "tree": tree})
        assert refused.status == 422 and "asks for itself" in refused.json()["detail"]
    assert ask(program, "GET", "/1").json()["name"] == "A"


def test_a_segment_travels_as_a_file(program: Program) -> None:
    """With what it names, by name; the same file again changes nothing."""
    ask(program, "POST", "", {"name": "Shoes", "tree": SHOES})
    tree = {"leaf": "all", "of": [{"leaf": "segment", "segment": 1}, {"leaf": "sex", "sex": "f"}]}
    ask(program, "POST", "", {"name": "Women in shoes", "tree": tree})
    file = ask(program, "GET", "/2/file").json()
    assert [one["name"] for one in file["segments"]] == ["Shoes", "Women in shoes"]
    assert file["segments"][1]["tree"]["of"][0]["segment"] == "Shoes"
    assert ask(program, "POST", "/file", file).status == 201
    assert len(ask(program, "GET", "").json()) == 2
    other = {"format": file["format"], "segments": [
        {"name": "B", "tree": {"leaf": "segment", "segment": "A"}},
        {"name": "A", "tree": {"leaf": "sex", "sex": "f"}},
    ]}  # fmt: skip
    made = ask(program, "POST", "/file", other).json()
    assert [one["name"] for one in made] == ["A", "B"]
    assert made[1]["tree"]["segment"] == made[0]["id"]
    other["segments"][1]["tree"] = {"leaf": "sex", "sex": "m"}
    assert ask(program, "POST", "/file", other).status == 409
    assert ask(program, "POST", "/file", other | {"replace": True}).status == 201
    for tree, says in (("A", "ring"), ("Z", "neither in the file")):
        other["segments"][1]["tree"] = {"leaf": "segment", "segment": "B" if tree == "A" else "Z"}
        refused = ask(program, "POST", "/file", other | {"replace": True})
        assert refused.status == 422 and says in refused.json()["detail"]
