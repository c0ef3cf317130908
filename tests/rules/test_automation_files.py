"""Automations as files: out and in again they are the same, and nonsense says where it is."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ringdove.rules.automations.automation_files import FileWrong, from_file, to_file
from ringdove.rules.automations.journeys import JOURNEY, Journey
from ringdove.rules.automations.plans import Automation, Plan, plan_of
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.segments.segments import TREE

MANUAL = Path(__file__).parents[2] / "docs" / "automations.md"
SHOES = TREE.validate_python({"leaf": "bought", "goods": {"categories": ["shoes"]}})
OTHERS = TREE.validate_python({"leaf": "not", "of": {"leaf": "segment", "segment": 7}})
SEGMENTS = {7: ("Shoes", SHOES), 8: ("Others", OTHERS)}
OFFERS = {3: "Ten"}
RAW: dict[str, Any] = {
    "key": "own_4", "name": "Own", "topic": "offers", "valid_for": 7200, "priority": 0,
    "trigger": {"on": "clock", "every": "week", "weekday": 0, "at": "09:30:00",
                "who": {"leaf": "segment", "segment": 8}},
    "steps": [
        {"id": "b", "do": "branch", "person": {"leaf": "segment", "segment": 7}, "then": [
            {"id": "g", "do": "give", "offer": 3},
            {"id": "a", "do": "alert", "said": "x", "owner": 5, "is_on": False}]},
        {"id": "s", "do": "send", "text": "own_s", "offer": 3, "klass": "marketing"},
    ],
}  # fmt: skip
OWN = JOURNEY.validate_python(RAW)
OWN_PLAIN: dict[str, Any] = {
    "topic": "offers", "trigger": {"on": "fact", "kind": "order.placed"},
    "steps": [{"id": "s", "do": "send", "text": "own_s"}],
}  # fmt: skip
TEXTS = {"ru": {"own_s": {"sms": "Привет"}}}


def carried(journey: Journey, texts: Any = None) -> dict[str, Any]:
    """The file, as JSON writes and reads it."""
    plan = Plan(journey, Automation(is_on=True, texts=texts or {}, plan=journey))
    found: dict[str, Any] = json.loads(json.dumps(to_file(plan, "Title", SEGMENTS, OFFERS)))
    return found


@pytest.mark.parametrize("key", RECIPES)
def test_every_ready_automation_comes_back_as_it_was(key: str) -> None:
    """R117."""
    plan = plan_of(key, None)
    assert plan
    taken = from_file(carried(plan.journey), {}, {})
    assert taken.is_ready and taken.journey(key, {}) == plan.journey


def test_numbers_of_a_store_are_names_in_a_file_and_numbers_of_the_next_store_again() -> None:
    """R117. What others name is carried with it, those first that are named; nobody's number is."""
    file = carried(OWN, TEXTS)
    assert file["journey"]["trigger"]["who"] == {"leaf": "segment", "segment": "Others"}
    assert [one["name"] for one in file["segments"]] == ["Shoes", "Others"]
    gift, call = file["journey"]["steps"][0]["then"]
    assert (gift["offer"], "owner" in call, call["is_on"]) == ("Ten", False, False)
    assert file["journey"]["priority"] == 0 and "key" not in file["journey"]
    taken = from_file(file, {"Shoes": 20}, {"Ten": 30})
    assert [name for name, _ in taken.segments] == ["Others"] and taken.texts == TEXTS
    journey = taken.journey("own_1", {"Shoes": 20, "Others": 21})
    there = json.loads(json.dumps(RAW).replace('"segment": 7', '"segment": 20'))
    there = json.loads(json.dumps(there).replace('"segment": 8', '"segment": 21'))
    there = json.loads(json.dumps(there).replace('"offer": 3', '"offer": 30'))
    there["steps"][0]["then"][1]["owner"] = 0
    assert journey == JOURNEY.validate_python({**there, "key": "own_1"})


def nested(depth: int) -> dict[str, Any]:
    """A condition within conditions."""
    tree: dict[str, Any] = {"leaf": "all", "of": []}
    for _ in range(depth):
        tree = {"leaf": "all", "of": [tree]}
    return tree


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "ringdove/segments/1"}, '"format": "ringdove/automation/1"'),
        ({"surprise": 1}, "surprise"),
        ({"key": "Not A Key"}, "key"),
        ({"texts": {"ru": "words"}}, "texts.ru"),
        ({"segments": [{"name": "Shoes"}]}, "segments.0"),
        ({"segments": []}, "It asks for a segment"),
        ({"texts": {"ru": {"other": {"sms": "x"}}}}, "texts.ru.other: no step says it"),
        ({"texts": {"xx": {"own_s": {"sms": "x"}}}}, "texts.xx: this language"),
        ({"journey": OWN_PLAIN | {"when": {"leaf": "segment", "segment": ["Shoes"]}}},
         "a segment ['Shoes']"),
        ({"journey": OWN_PLAIN | {"when": nested(800)}}, "nested too deep"),
        ({"journey": {"steps": "none"}}, "journey.steps"),
        ({"journey": {"steps": [1]}}, "journey.steps.0"),
        ({"journey": {"steps": []}}, "journey.trigger"),
        ({"journey": OWN_PLAIN | {"steps": [{"id": "a", "do": "wiat"}]}},
         "journey.steps.0: there is no “wiat”: use one of 'send', 'wait'"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_says_where_it_is_wrong(change: dict[str, Any], said: str) -> None:
    with pytest.raises(FileWrong, match=re.escape(said)):
        from_file(carried(OWN) | change, {}, {"Ten": 1})


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([{"id": "a", "do": "wait", "seconds": -1}], "journey.steps.0.seconds"),
        ([{"id": "a", "do": "fly"}], "journey.steps.0"),
        ([{"id": "a", "do": "branch", "percent": 5, "then": [{"id": "b", "do": "give"}]}],
         "journey.steps.0.then.0"),
        ([{"id": "a", "do": "give", "offer": "Twenty"}], "journey.steps.0.offer"),
        # Another store's number: here it is some other offer, or none.
        ([{"id": "a", "do": "give", "offer": 1}], "journey.steps.0.offer"),
        ([{"id": "a", "do": "branch", "person": {"leaf": "orders", "x": 1}}],
         "journey.steps.0.person.x"),
        ([{"id": "a", "do": "leave"}, {"id": "a", "do": "leave"}], "two steps have the id a"),
    ],
)  # fmt: skip
def test_a_wrong_step_is_named_by_its_place(steps: list[Any], said: str) -> None:
    file = carried(OWN)
    with pytest.raises(FileWrong, match=re.escape(said)):
        from_file(file | {"journey": file["journey"] | {"steps": steps}}, {}, {"Ten": 1})
    for bad in (None, [], "x", {"format": None}):
        with pytest.raises(FileWrong):
            from_file(bad, {}, {})


def test_the_example_of_the_manual_is_a_journey() -> None:
    """docs/automations.md."""
    told = json.loads(MANUAL.read_text("utf-8").partition("```json")[2].partition("```")[0])
    assert JOURNEY.validate_python({**told, "key": "own_1"}).course.keys() >= {"rest", "call"}
