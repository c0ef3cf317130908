"""Automations over the API: switched, changed step by step and whole, written anew, carried as
files from store to store, tried on one person and counted."""

import asyncio
from typing import Any

import pytest

from ringdove.rules.automations.recipes import RECIPES
from ringdove.workers.automations import rehearsing
from tests.flows.conftest import order
from tests.web.conftest import Answer, Site
from tests.web.test_api import Program, key, rows
from tests.web.test_sign_up import answer

BASE = "/api/stores/1/automations"
UNPAID = "/order_unpaid"
OWN: dict[str, Any] = {
    "trigger": {"on": "fact", "kind": "parcel.moved", "where": {"states": ["delivered"]}},
    "topic": "offers",
    "steps": [
        {"id": "rest", "do": "wait", "seconds": 86_400},
        {"id": "ask", "do": "branch", "percent": 50, "then": [
            {"id": "call", "do": "alert", "said": "Call {{ customer.first_name }}"}]},
        {"id": "say", "do": "send", "text": "own_say"},
    ],
}  # fmt: skip
WORDS = {"ru": {"own_say": {"sms": "{{ customer.first_name }}, всё ли хорошо?"}},
         "be": {"own_say": {"sms": "{{ customer.first_name }}, ці ўсё добра?"}}}  # fmt: skip


@pytest.fixture
def program(site: Site) -> Program:
    """With an owner's key, in a store where Anna has ordered."""
    site.set_up()
    program = key(site, "owner")
    told = order().model_dump(mode="json")
    assert program.ask("POST", "/api/stores/1/events", told).status == 200
    answer(site)
    return program


def ask(program: Program, method: str, path: str, body: Any = None) -> Answer:
    return program.ask(method, BASE + path, body)


def why(program: Program, method: str, path: str, body: Any) -> str:
    """Why it was refused."""
    told = ask(program, method, path, body)
    assert told.status == 422, told.text
    return str(told.json()["detail"])


def test_automations_are_switched_timed_and_worded(program: Program, site: Site) -> None:
    """R117: what a store changes is a new version; nonsense is refused with its place."""
    every = ask(program, "GET", "").json()
    assert {one["recipe"] for one in every} == set(RECIPES)
    change = {
        "is_on": False,
        "steps": {"s0": {"seconds": 3600}},
        "texts": {"ru": {"order_unpaid": {"sms": "{{ customer.first_name }}, ждём оплату"}}},
    }
    changed = ask(program, "PUT", UNPAID, change).json()
    assert (changed["is_on"], changed["version"], changed["is_changed"]) == (False, 1, True)
    assert changed["journey"]["steps"][0]["seconds"] == 3600
    assert "ждём" in changed["texts"]["ru"]["order_unpaid"]["sms"]
    again = ask(program, "PUT", UNPAID, {"is_on": True, "version": 1}).json()
    assert (again["version"], again["journey"]["steps"][0]["seconds"]) == (2, 3600)
    assert ask(program, "PUT", UNPAID, {"is_on": True, "version": 1}).status == 409
    for wrong, place in (
        ({"steps": {"nope": {}}}, "steps.nope"),
        ({"steps": {"s1": {"seconds": 60}}}, "journey.steps.1 (s1).seconds"),
        ({"steps": {"s0": {"seconds": -1}}}, "journey.steps.0 (s0).seconds"),
        ({"steps": {"s0": {"seconds": 40_000_000}}}, "journey.steps.0 (s0).seconds"),
        ({"steps": {"s0": {"seconds": 5}}}, "steps.s0.seconds: from 60 seconds on"),
        ({"steps": {"s0": {"do": "send"}}}, "steps.s0.do"),
        ({"texts": {"xx": {}}}, "texts.xx"),
        ({"texts": {"ru": {"other": {}}}}, "texts.ru.other"),
        ({"texts": {"ru": {"order_unpaid": {"html": ""}}}}, "texts.ru.order_unpaid.html"),
        ({"texts": {"ru": {"order_unpaid": {"sms": "{{ x"}}}}, "texts.ru.order_unpaid.sms"),
        ({"texts": {"ru": {"order_unpaid": {"sms": "{{ x.y }}"}}}}, "texts.ru.order_unpaid.sms"),
        ({"on": True}, "on"),
        ({"journey": {}}, "journey."),
        ({"journey": OWN | {"steps": [{"id": "a", "do": "give", "offer": 9}]}}, "(a).offer"),
        ({"journey": OWN | {"steps": [{"id": "a", "do": "give", "tag": "vip"}]}}, "(a)"),
        ({"journey": OWN | {"when": {"leaf": "segment", "segment": 9}}}, "when"),
        ({"journey": OWN | {"steps": [OWN["steps"][0], OWN["steps"][0]]}}, "two steps have the id"),
    ):
        assert place in why(program, "PUT", UNPAID, wrong), wrong
    assert ask(program, "GET", UNPAID).json()["version"] == 2
    assert ask(program, "GET", "/none").status == 404
    viewer = key(site, "viewer")
    assert ask(viewer, "GET", UNPAID).status == 200
    assert ask(viewer, "PUT", UNPAID, {"is_on": False}).status == 403
    versions = ask(program, "GET", f"{UNPAID}/versions").json()
    assert [one["version"] for one in versions] == [2, 1]
    back = ask(program, "POST", f"{UNPAID}/restore", {"version": 0}).json()
    assert (back["version"], back["is_changed"], back["is_on"]) == (3, False, True)
    assert ask(program, "POST", f"{UNPAID}/restore", {"version": 9}).status == 404
    schema = ask(program, "GET", "/schema").json()
    assert "steps" in schema["properties"] or "$ref" in schema


def test_an_automation_of_the_stores_own_is_written_copied_and_taken_off(
    program: Program, site: Site
) -> None:
    """R117: off until it is switched on, which it is only with all its words."""
    made = ask(program, "POST", "", {"name": "After delivery", "journey": OWN})
    assert made.status == 201, made.text
    one = made.json()
    assert (one["recipe"], one["is_own"], one["is_on"]) == ("own_1", True, False)
    assert {(p["at"], p["kind"]) for p in one["problems"]} == {
        ("texts.ru.own_say.sms", "empty"), ("texts.be.own_say.sms", "empty")}  # fmt: skip
    assert "texts.ru.own_say.sms: This text says nothing" in why(
        program, "PUT", "/own_1", {"is_on": True}
    )
    on = ask(program, "PUT", "/own_1", {"is_on": True, "texts": WORDS}).json()
    assert on["is_on"] and on["problems"] == []
    # Who was to call has left: it says so, and can be switched off all the same.
    assert ask(program, "PUT", "/own_1", {"steps": {"call": {"owner": 1}}}).status == 200
    rows(site, "DELETE FROM user_role RETURNING user_id")
    assert "nobody of this number" in why(program, "PUT", "/own_1", {"is_on": True})
    assert ask(program, "PUT", "/own_1", {"is_on": False}).status == 200
    assert ask(program, "PUT", "/own_1", {"steps": {"call": {"owner": 0}}}).status == 200
    copy = ask(program, "POST", "", {"name": "Again", "like": "own_1"}).json()
    assert (copy["recipe"], copy["is_on"], copy["name"]) == ("own_2", False, "Again")
    assert copy["texts"] == on["texts"]
    assert ask(program, "DELETE", "/order_paid").status == 422
    assert ask(program, "DELETE", "/own_2").json() == {"accepted": True}
    assert ask(program, "DELETE", "/own_2").json() == {"accepted": False}
    listed = [row["recipe"] for row in ask(program, "GET", "").json()]
    assert "own_1" in listed and "own_2" not in listed
    assert why(program, "POST", "", {"name": "Neither"})
    call = {"call": {"said": "Call {{ customer.frist_name }}"}}
    assert why(program, "PUT", "/own_1", {"steps": call}).startswith("steps.call.said: ")
    # A journey without its name keeps the old one; PostgreSQL keeps no NUL.
    told = OWN | {"category": "a\0b"}
    whole = ask(program, "PUT", "/own_1", {"journey": told}).json()
    assert (whole["name"], whole["journey"]["category"]) == ("After delivery", "a b")
    assert "journey.name" in why(program, "PUT", "/own_1", {"journey": OWN | {"name": ""}})
    step = {"rest": {"seconds": 7_200}}
    for journey in ({}, {"steps": "x"}, {"steps": None}, {"steps": [{"do": "branch"}]}):
        said = why(program, "PUT", "/own_1", {"journey": journey, "steps": step})
        assert said.startswith("journey."), said


def test_a_file_comes_out_and_in_again_with_what_it_asks_for(program: Program, site: Site) -> None:
    """R117: the same journey, words and segments in another store; nothing starts by itself."""
    tree = {"leaf": "bought", "goods": {"categories": ["shoes"]}}
    segment = program.ask("POST", "/api/stores/1/segments", {"name": "Shoes", "tree": tree})
    who = {"leaf": "segment", "segment": segment.json()["id"]}
    journey = OWN | {"when": who}
    wish = {"name": "After delivery", "journey": journey, "texts": WORDS}
    assert ask(program, "POST", "", wish).status == 201
    file = ask(program, "GET", "/own_1/file").json()
    assert file["format"] == "ringdove/automation/1"
    assert file["journey"]["when"] == {"leaf": "segment", "segment": "Shoes"}
    (carried,) = file["segments"]
    assert (carried["name"], carried["tree"]["goods"]["categories"]) == ("Shoes", ["shoes"])
    second = """INSERT INTO store SELECT 2, 'Other', country, time_zone, languages, currency,
      quiet_from, quiet_until, '', '', '', bucket_base, bucket_span, created_at FROM store
      RETURNING id"""
    rows(site, second)
    other = key(site, "owner", 2)
    taken = other.ask("POST", "/api/stores/2/automations/file", {"file": file})
    assert taken.status == 201, taken.text
    one = taken.json()
    assert (one["recipe"], one["is_on"], one["texts"]["ru"]["own_say"]) == (
        "own_1", False, {**WORDS["ru"]["own_say"]})  # fmt: skip
    (made,) = other.ask("GET", "/api/stores/2/segments").json()
    assert made["name"] == "Shoes" and one["journey"]["when"]["segment"] == made["id"]
    again = other.ask("GET", "/api/stores/2/automations/own_1/file").json()
    assert again == file
    # A ready one that the store has changed is not overwritten unasked.
    change = {"steps": {"s0": {"seconds": 3600}}}
    assert ask(program, "PUT", UNPAID, change).status == 200
    ready = ask(program, "GET", f"{UNPAID}/file").json()
    there = other.ask("POST", "/api/stores/2/automations/file", {"file": ready})
    assert there.status == 201 and there.json()["journey"]["steps"][0]["seconds"] == 3600
    assert ask(program, "POST", "/file", {"file": ready}).status == 409
    assert ask(program, "POST", "/file", {"file": ready, "replace": True}).status == 201
    boots = {"leaf": "segment", "segment": "Boots"}
    named = {"name": "Boots", "tree": tree}
    other_words = {"ru": {"other": {"sms": "x"}}}
    for wrong, said in (
        ({}, "This is no file of an automation"),
        (file | {"journey": OWN | {"when": boots}, "segments": []}, "a segment 'Boots'"),
        (file | {"journey": OWN | {"when": boots}, "segments": [named], "texts": other_words},
         "no step says it"),
        (file | {"journey": OWN | {"steps": [{"id": "a", "do": "fly"}]}}, "journey.steps.0"),
        (file | {"journey": OWN | {"steps": [{"id": "a", "do": "give", "offer": "Ten"}]}},
         "the store has no offer 'Ten'"),
    ):  # fmt: skip
        answer = other.ask("POST", "/api/stores/2/automations/file", {"file": wrong})
        assert answer.status == 422 and said in answer.json()["detail"], answer.text
    assert len(other.ask("GET", "/api/stores/2/segments").json()) == 1, "made in nobody's name"


def test_it_is_tried_rehearsed_and_counted(program: Program, site: Site) -> None:
    """N2: on one person with a pretend clock, over the past, and as it stands."""
    (anna,) = program.ask("GET", "/api/stores/1/customers").json()["items"]
    tried = ask(program, "POST", f"{UNPAID}/test", {"customer": anna["id"]})
    assert tried.status == 200, tried.text
    what = [(one["what"], one["step"]) for one in tried.json()["happened"]]
    assert ("said", "s1") in what and tried.json()["why_not"] == ""
    said = next(one for one in tried.json()["happened"] if one["what"] == "said")
    assert said["text"]["parts"] >= 1 and said["text"]["body"]
    paid = {"customer": anna["id"], "then": [{"after_s": 60, "kind": "payment.received"}]}
    ended = ask(program, "POST", f"{UNPAID}/test", paid).json()["happened"][-1]
    assert (ended["what"], ended["reason"]) == ("ended", "payment.received")
    nonsense = {"customer": anna["id"], "then": [{"after_s": 60, "kind": "moon.rose"}]}
    assert "cannot be pretended" in why(program, "POST", f"{UNPAID}/test", nonsense)
    assert ask(program, "POST", f"{UNPAID}/test", {"customer": 12345}).status == 404
    assert ask(program, "GET", "/order_accepted/rehearsal").status == 404
    long_ago = {"until": "0001-01-01T00:00:00+14:00"}
    assert "ten years" in why(program, "POST", "/order_accepted/rehearsal", long_ago)
    for at in (long_ago["until"], "9999-12-31T23:59:59-14:00"):
        wish = {"customer": anna["id"], "at": at}
        assert "at: within" in why(program, "POST", f"{UNPAID}/test", wish)
    assert ask(program, "POST", "/order_accepted/rehearsal", {"days": 92}).status == 202
    site.run(rehearsing.all_asked(site.runtime, asyncio.Event()))
    told = ask(program, "GET", "/order_accepted/rehearsal").json()
    assert told["state"] == "done" and told["share"] == 1, told
    counted = ask(program, "GET", "/order_accepted/numbers").json()
    assert counted["began"] == 1 and counted["steps"], counted
