"""Steps that are moved about: nothing is lost, doubled or put into itself, wherever it goes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules.automations import arranging
from ringdove.rules.automations.arranging import NoPlace, Raw


def some(*spec: Any) -> list[Raw]:
    """Steps by name; a branch is a tuple of its name and its two sides."""
    return [
        {"id": one[0], "do": "branch", "then": some(*one[1]), "otherwise": some(*one[2])}
        if isinstance(one, tuple)
        else {"id": one, "do": "wait"}
        for one in spec
    ]


def said(steps: list[Raw]) -> list[Any]:
    return [
        (one["id"], said(one["then"]), said(one["otherwise"])) if "then" in one else one["id"]
        for one in steps
    ]


PLAIN = some("a", ("b", ["c", "d"], ["e"]), "f")


@pytest.mark.parametrize(
    ("step", "up", "becomes"),
    [
        ("a", True, ["a", ("b", ["c", "d"], ["e"]), "f"]),
        ("a", False, [("b", ["a", "c", "d"], ["e"]), "f"]),
        ("d", False, ["a", ("b", ["c"], ["d", "e"]), "f"]),
        ("e", False, ["a", ("b", ["c", "d"], []), "e", "f"]),
        ("e", True, ["a", ("b", ["c", "d", "e"], []), "f"]),
        ("c", True, ["a", "c", ("b", ["d"], ["e"]), "f"]),
        ("f", True, ["a", ("b", ["c", "d"], ["e", "f"])]),
        ("f", False, ["a", ("b", ["c", "d"], ["e"]), "f"]),
        ("b", True, [("b", ["c", "d"], ["e"]), "a", "f"]),
    ],
)
def test_a_step_goes_through_branches_as_one_reads(step: str, up: bool, becomes: list[Any]) -> None:
    assert said(arranging.shifted(PLAIN, step, up=up)) == becomes
    assert said(PLAIN) == ["a", ("b", ["c", "d"], ["e"]), "f"], "what was given stays as it was"


def test_a_place_is_counted_as_it_was_seen() -> None:
    assert said(arranging.moved(PLAIN, "a", "root/3"))[-1] == "a"
    assert said(arranging.moved(PLAIN, "a", "root/1")) == said(PLAIN)
    assert said(arranging.moved(PLAIN, "f", "b.then/1"))[1] == ("b", ["c", "f", "d"], ["e"])
    for wrong in ("b.then/0", "b.otherwise/0"):
        with pytest.raises(NoPlace):
            arranging.moved(PLAIN, "b", wrong)
    for wrong in ("c.then/0", "b.else/0", "nobody.then/0", "root/x", "root", ""):
        with pytest.raises(NoPlace):
            arranging.added(PLAIN, wrong, {"id": "n", "do": "wait"})


def test_a_twin_has_ids_of_its_own_and_the_same_shape() -> None:
    steps, named = arranging.doubled(PLAIN, "b")
    assert set(named) == {"b", "c", "d", "e"}
    assert said(steps)[2] == (named["b"], [named["c"], named["d"]], [named["e"]])
    assert len(set(arranging.ids(steps))) == 10


NAMES = st.lists(st.sampled_from("abcdefghijklm"), min_size=1, max_size=12, unique=True)


@st.composite
def trees(draw: st.DrawFn) -> list[Raw]:
    """Some steps, a few of which are branches that hold others."""
    steps: list[Raw] = []
    for name in draw(NAMES):
        step: Raw = {"id": name, "do": "wait"}
        if draw(st.booleans()):
            step = {"id": name, "do": "branch", "then": [], "otherwise": []}
        places = ["root", *(f"{one['id']}.{side}" for _, _, one in arranging.walk(steps)
                            if one["do"] == "branch" for side in arranging.SIDES)]  # fmt: skip
        steps = arranging.added(steps, f"{draw(st.sampled_from(places))}/0", step)
    return steps


@given(trees(), st.data())
def test_nothing_is_lost_and_each_way_leads_back(steps: list[Raw], data: st.DataObject) -> None:
    step = data.draw(st.sampled_from(arranging.ids(steps)))
    up = data.draw(st.booleans())
    gone = arranging.shifted(steps, step, up=up)
    assert sorted(arranging.ids(gone)) == sorted(arranging.ids(steps))
    assert gone == steps or arranging.shifted(gone, step, up=not up) == steps
    below = set(arranging.ids([arranging.find(steps, step)[2]]))
    assert set(arranging.ids(arranging.removed(steps, step))) == set(arranging.ids(steps)) - below
