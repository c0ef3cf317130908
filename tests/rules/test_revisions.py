"""What a store makes of a journey: what is wrong with it, what is kept, and what became another."""

from dataclasses import replace
from typing import Any

import pytest

from ringdove.rules.automations import revisions
from ringdove.rules.automations.journeys import JOURNEY, Journey, plain
from ringdove.rules.automations.plans import Automation, Plan
from ringdove.rules.automations.recipes import RECIPES

DAY = 86_400
ON = Automation(is_on=True)


def journey(*steps: dict[str, Any], **more: Any) -> Journey:
    told = {"key": "own_1", "topic": "offers", "trigger": {"on": "fact", "kind": "order.placed"}}
    return JOURNEY.validate_python({**told, "valid_for": 3 * DAY, "steps": steps, **more})


def wait(name: str, seconds: int, **more: Any) -> dict[str, Any]:
    return {"id": name, "do": "wait", "seconds": seconds, **more}


def send(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "do": "send", "text": f"own_{name}", **more}


def branch(name: str, then: list[Any], otherwise: list[Any]) -> dict[str, Any]:
    return {"id": name, "do": "branch", "percent": 50, "then": then, "otherwise": otherwise}


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ([wait("a", DAY)], []),
        ([wait("a", 3 * DAY)], ["a"]),
        ([wait("a", 2 * DAY), wait("b", DAY)], ["b"]),
        ([wait("a", 3 * DAY, is_on=False)], []),
        ([wait("a", 5 * DAY, until=["payment.received"])], []),  # it may be over at once
        ([wait("a", 0)], ["a"]),
        ([wait("a", 0, at="10:00")], []),
        ([wait("a", 0, after_promise=True)], []),
        # Who comes by the short way is in time; behind both ways the sooner of them counts.
        ([branch("b", [wait("a", 2 * DAY)], []), wait("c", DAY)], []),
        ([branch("b", [wait("a", 2 * DAY)], [wait("d", 2 * DAY)]), wait("c", DAY)], ["c"]),
        ([branch("b", [wait("a", 4 * DAY)], [])], ["a"]),
    ],
)
def test_a_wait_behind_which_it_is_too_late_is_found(steps: list[Any], found: list[str]) -> None:
    """P4."""
    assert revisions.late(journey(*steps)) == found


def test_every_field_of_every_text_in_every_language_is_asked_for() -> None:
    told = journey(send("s", channel="either"), {**send("q"), "do": "ask"})
    samples = {"en": {"customer": {"name": "Anna"}}, "ru": {"customer": {"name": "Анна"}}}
    own = {
        "en": {"own_s": {"sms": "Hi {{ customer.name }}", "subject": "Hi", "body": "Long " * 900}}
    }
    found = [(one.step, one.language, one.field, one.mistake.kind)
             for one in revisions.problems(told, own, samples)]  # fmt: skip
    assert found == [
        *(("s", "ru", name, "empty") for name in ("sms", "subject", "body")),
        ("q", "en", "sms", "empty"),
        ("q", "ru", "sms", "empty"),
    ], "a letter is not counted in parts"


def test_what_is_as_it_came_is_not_kept() -> None:
    ready = RECIPES["order_unpaid"]
    come = {"sms": revisions.ready("order_unpaid", "ru")["sms"]}
    words = {
        "ru": {"order_unpaid": come, "gone": {"sms": "nobody says it any more"}},
        "en": {"order_unpaid": {"sms": "Pay"}},
    }
    kept = revisions.kept("order_unpaid", ready, words, replace(ON, version=4))
    assert kept == Automation(True, 5, texts={"en": {"order_unpaid": {"sms": "Pay"}}})
    read_again = JOURNEY.validate_python(plain(ready))
    assert revisions.kept("order_unpaid", read_again, {}, ON).plan is None
    other = ready.with_steps(ready.steps[:2])
    assert revisions.kept("order_unpaid", other, {}, ON).plan == other


def said(before: Journey, after: Journey) -> list[tuple[str, str, str]]:
    return [
        (one.kind, one.step.id if one.step else "", one.field)
        for one in revisions.differences(Plan(before, ON), Plan(after, ON))
    ]


def test_versions_are_compared_step_by_step() -> None:
    first = journey(wait("a", 60), branch("b", [send("c"), send("d")], [send("e")]))
    same = journey(wait("a", 60), branch("b", [send("c"), send("d")], [send("e")]))
    assert said(first, same) == []
    after = journey(
        send("new"), wait("a", 120), branch("b", [send("d"), send("e")], []), priority=6
    )
    assert said(first, after) == [
        ("set", "", "priority"),
        ("removed", "c", ""),
        ("added", "new", ""),
        ("changed", "a", "seconds"),
        ("moved", "e", ""),
    ], "what has only come nearer has not moved"
    swapped = journey(branch("b", [send("d"), send("c")], [send("e")]), wait("a", 60))
    kinds = [kind for kind, _step, _field in said(first, swapped)]
    assert kinds == ["moved", "moved"], "of two that changed places one has moved"


def test_words_that_became_others_are_shown_with_what_they_were() -> None:
    told = journey(send("s"))
    before, after = (
        Plan(told, replace(ON, texts={"en": {"own_s": {"sms": words}}})) for words in ("A", "B")
    )
    (found,) = revisions.differences(before, after)
    assert (found.kind, found.language, found.before, found.after) == ("text", "en", "A", "B")
    (switched,) = revisions.differences(before, Plan(told, replace(before.own, is_on=False)))
    assert (switched.kind, switched.after) == ("is_on", False)
