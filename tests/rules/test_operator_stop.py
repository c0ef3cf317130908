"""A stop that an operator tells of: what follows, and what does not."""

from datetime import timedelta
from typing import Any

import pytest

from ringdove.rules import effects, facts
from tests.rules.scene import NOON, hear, messages, scene

ANNA = "+375291112233"


def stopped(**more: Any) -> facts.StoppedAtOperator:
    usual = {"id": "stopped/1", "at": NOON, "gateway": 3, "phone": ANNA, "words": "21610"}
    return facts.StoppedAtOperator.model_validate(usual | more)


def known(*said: str) -> Any:
    """A person who wrote these texts before."""
    place = scene()
    told = [
        facts.TextReceived(id=f"t{n}", at=NOON, gateway=3, sender=ANNA, body=words)
        for n, words in enumerate(said)
    ]
    hear(place, *told)
    place.effects.clear()
    return place


def test_offers_end_without_a_word_and_order_texts_stay() -> None:
    """P1: no confirmation is sent, since the operator would not carry it."""
    place = hear(known("START"), stopped(at=NOON + timedelta(seconds=1)))
    (person,) = place.contacts.values()
    assert (person.marketing, person.service) == ("out", "in")
    assert messages(place) == []
    (row,) = [one for one in place.effects if isinstance(one, effects.RecordConsent)]
    assert (row.scope, row.change, row.source, row.words) == (
        "marketing", "out", "operator", "21610",
    )  # fmt: skip
    taken = [one for one in place.effects if isinstance(one, effects.CancelQueued)]
    assert [(one.classes, one.topic) for one in taken] == [
        (("marketing",), ""), (("service",), "friend"),  # a friend's invitation sells something too
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "fact"),
    [
        (("Hello",), stopped(phone="+375299999999")),  # nobody we know
        (("STOP",), stopped()),  # known already
        (("START",), stopped(at=NOON - timedelta(minutes=1))),  # they have come back since
    ],
)
def test_what_is_no_news_changes_nothing(
    said: tuple[str, ...], fact: facts.StoppedAtOperator
) -> None:
    """P8."""
    place = hear(known(*said), fact)
    kinds = {type(one) for one in place.effects}
    assert kinds <= {effects.Count, effects.Suppress}  # the number is refused, whoever has it


def test_twice_is_once() -> None:
    """P8."""
    place = hear(known("Hello"), stopped(), stopped(id="stopped/2"))
    rows = [one for one in place.effects if isinstance(one, effects.RecordConsent)]
    assert len(rows) == 1
