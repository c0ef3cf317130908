"""Journeys of any shape: whatever a store writes and whatever happens meanwhile, nobody is told the
same twice, who waits can be woken, and every run comes to its end."""

from collections import Counter
from itertools import count
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ringdove.rules import effects
from ringdove.rules.automations.journeys import DEPTH_MAX, STEPS_MAX, Journey, plain
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.wants import Chosen, CodeWish
from tests.rules.scene import messages
from tests.rules.steps.walk import fact, journey, moment, play, store_of

HOUR = 3_600
KINDS = ["parcel.moved/delivered", "payment.received", "text.received", "visit.made"]
step = st.recursive(
    st.one_of(
        st.fixed_dictionaries({
            "do": st.just("send"), "text": st.sampled_from(["hello", "code", "nothing", "broken"]),
            "channel": st.sampled_from(["sms", "email", "either"]),
            "klass": st.sampled_from(["service", "marketing"]),
            "offer": st.sampled_from([0, 0, 7, 9]), "in_daytime": st.booleans(),
            "is_on": st.sampled_from([True, True, False]),
        }),
        st.fixed_dictionaries({
            "do": st.just("wait"), "seconds": st.sampled_from([0, 60, HOUR, 30 * HOUR]),
            "at": st.sampled_from([None, "10:00"]), "weekdays": st.sampled_from([[], [5, 6]]),
            "until": st.lists(st.sampled_from(KINDS), max_size=2, unique=True),
        }),
        st.fixed_dictionaries({
            "do": st.just("ask"), "text": st.just("ask"),
            "within": st.sampled_from([60, 90 * HOUR]),
            "klass": st.sampled_from(["service", "marketing"]), "keep_in": st.just("mark"),
        }),
        st.fixed_dictionaries({"do": st.just("give"), "points": st.just(5)}),
        st.fixed_dictionaries({"do": st.just("give"), "offer": st.sampled_from([7, 9])}),
        st.fixed_dictionaries({"do": st.just("alert"), "said": st.just("Call {{ order.number }}")}),
        st.fixed_dictionaries({"do": st.just("leave")}),
    ),
    lambda inner: st.builds(
        lambda asked, then, otherwise: {
            "do": "branch", **asked, "then": then, "otherwise": otherwise
        },
        st.sampled_from([
            {"percent": 50}, {"heard": ["visit.made"]}, {"answer": ["5"]},
            {"answer_number": {"at_most": 3}}, {"about": {"total": {"at_least": 50}}},
            {"person": {"leaf": "orders", "times": {"at_least": 2}}},
        ]),
        st.lists(inner, max_size=3), st.lists(inner, max_size=3),
    ),
    max_leaves=8,
)  # fmt: skip
told = st.sampled_from([
    {"kind": "parcel.moved", "state": "delivered"}, {"kind": "payment.received"},
    {"kind": "visit.made", "sku": "K"}, {"kind": "order.placed", "order": {"key": "2"}},
    {"kind": "order.cancelled"}, {"kind": "text.received", "body": "2, no"},
    {"kind": "text.received", "body": "STOP"}, {"kind": "order.removed"},
])  # fmt: skip


class _Shelf(Chosen):
    """One offer, with a code for everybody."""

    def code_for(self, wish: CodeWish) -> str:
        return "TEN-ABC" if wish.offer == 7 else ""

    def offer(self, number: int) -> Reward | None:
        return Reward(7, "t", "Ten", "code", source="own") if number == 7 else None


@pytest.mark.slow
@given(
    steps=st.lists(step, min_size=1, max_size=6),
    stopped_by=st.lists(st.sampled_from(["order.cancelled", "payment.received"]), max_size=1),
    lives=st.lists(st.tuples(st.integers(0, 200), told), max_size=8),
)
@settings(max_examples=100, deadline=None)
def test_no_journey_says_the_same_twice_and_all_end(
    steps: list[dict[str, Any]], stopped_by: list[str], lives: list[tuple[int, dict[str, Any]]]
) -> None:
    """R117."""
    named = _named(steps, count())
    assume(_size(named) <= STEPS_MAX and _depth(named) <= DEPTH_MAX)
    own = journey(steps=named, stopped_by=stopped_by, valid_for=300 * 86_400)
    assert Journey.model_validate(plain(own)) == own  # as it is kept
    place = store_of(own)
    place.chosen = _Shelf()
    facts = [fact({"kind": "order.placed"})]
    facts += [
        fact({**one, "at": f"+{hours}h", "id": f"{n}"}) for n, (hours, one) in enumerate(lives)
    ]
    play(place, facts, moment("+9d"))
    for run in place.enrollments.values():
        if run.state == "waiting":
            assert run.place in own.course and run.wake_at is not None
    later = _woken(place)
    play(place, [*later, *later], moment("+400d"))  # and once more what was heard already
    runs = [run for run in place.enrollments.values() if run.recipe == "own_1"]
    assert runs and {run.state for run in runs} <= {"done", "stopped"}
    said = Counter((m.enrollment_id, m.place) for m in messages(place) if m.recipe == "own_1")
    assert max(said.values(), default=0) <= 1
    tasks = Counter(e.enrollment_id for e in place.effects if isinstance(e, effects.SaveTask))
    alerts = sum(1 for one in own.course.values() if one.step.do == "alert")
    assert max(tasks.values(), default=0) <= alerts


def _named(steps: list[dict[str, Any]], names: "count[int]") -> list[dict[str, Any]]:
    return [
        {
            **one, "id": f"x{next(names)}",
            **{way: _named(one[way], names) for way in ("then", "otherwise") if way in one},
        }
        for one in steps
    ]  # fmt: skip


def _ways(one: dict[str, Any]) -> list[list[dict[str, Any]]]:
    return [one[way] for way in ("then", "otherwise") if way in one]


def _size(steps: list[dict[str, Any]]) -> int:
    return sum(1 + sum(map(_size, _ways(one))) for one in steps)


def _depth(steps: list[dict[str, Any]]) -> int:
    return max((1 + max(map(_depth, ways)) if (ways := _ways(one)) else 0 for one in steps),
               default=0)  # fmt: skip


def _woken(place):  # type: ignore[no-untyped-def]
    """Wake-ups that were still to come: play() has told those that were due."""
    later = [effect for effect in place.effects if isinstance(effect, effects.HearLater)]
    return [
        fact({"kind": one.kind, "id": one.id, "at": one.at.isoformat(), **one.body})
        for one in later if one.at > moment("+9d")
    ]  # fmt: skip
