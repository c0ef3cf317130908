"""Every step of a journey, by tables: <step>.json beside this file, one case a story.

A case has `steps` (or a whole `journey`), `facts` (an order at noon begins it unless said), what is
known of the store (`knows`), and what must have come of it by `until`: texts with the time since
noon, the run's state, place and reason, tasks, gifts, fields, counters.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from ringdove.rules import effects
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.people.own_fields import OwnField
from ringdove.rules.scenes import Scene
from ringdove.rules.wants import Chosen, CodeWish, Good, GoodsWish
from tests.rules.scene import messages
from tests.rules.steps.walk import fact, journey, moment, play, store_of

HERE = Path(__file__).parent
CASES = [
    pytest.param(case, id=f"{path.stem}: {case['name']}")
    for path in sorted(HERE.glob("*.json"))
    for case in json.loads(path.read_text("utf-8"))
]


class _Shelf(Chosen):
    """What a case says that there is to give, the same for everybody."""

    told: dict[str, Any]

    def goods_for(self, wish: GoodsWish) -> tuple[Good, ...]:
        about = self.told.get("goods", {}).get(wish.choice, {})
        found = about.get(",".join(wish.skus) or wish.category, [])
        return tuple(Good(sku=name[:2], name=name, url="") for name in found)

    def code_for(self, wish: CodeWish) -> str:
        return str(self.told.get("codes", {}).get(str(wish.offer), ""))

    def offer(self, number: int) -> Reward | None:
        told = self.told.get("offers", {}).get(str(number))
        return Reward(number, "t", "Ten", **told) if told else None


@pytest.mark.parametrize("case", CASES)
def test_a_step_does_what_its_case_says(case: dict[str, Any]) -> None:
    """R117."""
    place = _told(case)
    then, runs = case["then"], list(place.enrollments.values())
    (run,) = [one for one in runs if one.recipe == "own_1"]
    for name in ("state", "place", "reason"):
        if name in then:
            assert getattr(run, name) == then[name], name
    if "wake_at" in then:
        assert run.wake_at == moment(then["wake_at"])
    for name, value in then.get("memory", {}).items():
        assert run.memory.get(name) == value
    if "texts" in then:
        assert _texts(place) == [[moment(at), *said] for at, *said in then["texts"]]
    if "silences" in then:
        assert [m.reason for m in messages(place) if m.state == "dropped"] == then["silences"]
    if "tasks" in then:
        tasks = [e for e in place.effects if isinstance(e, effects.SaveTask)]
        told = [[moment(at), *said] for at, *said in then["tasks"]]
        assert [[t.due_at, t.tell, t.owner, t.said] for t in tasks] == told
    if "gifts" in then:
        given = [e for e in place.effects if isinstance(e, effects.GiveReward)]
        assert [[g.reward_id, g.code, g.points] for g in given] == then["gifts"]
    (person,) = place.contacts.values()
    if "fields" in then:
        assert person.fields == then["fields"]
    for name, n in then.get("counts", {}).items():
        counted = [e for e in place.effects if isinstance(e, effects.Count) and e.name == name]
        assert len(counted) == n, name


def _told(case: dict[str, Any]) -> Scene:
    knows = case.get("knows", {})
    given = {"steps": case["steps"]} if "steps" in case else {}
    place = store_of(journey(**(given | case.get("journey", {}))), **knows.get("store", {}))
    shelf = _Shelf()
    shelf.told = knows
    place.chosen = shelf
    place.own_fields = {key: OwnField(key, key, kind) for key, kind in knows.get("fields", ())}
    place.brands = knows.get("brands", {})
    if "hour" in knows:
        place.own_hours = _Everybody(knows["hour"])
    told = [fact(one) for one in case.get("facts", [{"kind": "order.placed"}])]
    return play(place, told, moment(case.get("until", "+30d")))


class _Everybody(dict[int, int]):
    def __init__(self, hour: int) -> None:
        self.hour = hour

    def get(self, key: int, default: Any = None) -> Any:
        return self.hour


def _texts(place: Scene) -> list[list[Any]]:
    """When, by what, and the words of each that was not silenced."""
    return [[m.due_at, m.channel, m.body] for m in messages(place) if m.state == "waiting"]
