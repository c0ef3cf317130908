"""Contests by text: what counts as an entry, and a draw that anybody can repeat (R85)."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules.contests import contests, drawing
from ringdove.rules.contests.contests import Contest, Contests
from ringdove.rules.effects import SaveEntry
from ringdove.rules.scenes import Contact, Ref, Scene
from tests.rules import scene as stage

NOON = stage.NOON
ANNA = "+375291112233"
SAID = {"ru": "Сервиз", "en": "A tea set"}


def contest(**changes: Any) -> Contest:
    """One that runs now, for the word WIN."""
    return Contest(**{
        "id": 1, "token": "abc", "name": "Tea set", "begins": NOON - timedelta(days=1),
        "ends": NOON + timedelta(days=7), "words": ("WIN", "Чай"), "prize": SAID, "brief": SAID,
        "rules": SAID, "ticket_key": "key", "opened_at": NOON - timedelta(days=2),
    } | changes)  # fmt: skip


def asks(body: str, *some: Contest, at: datetime = NOON) -> contests.Asked | None:
    return contests.asked(some or [contest()], body, at)


def test_a_text_is_an_entry_when_it_is_the_word_and_nothing_else() -> None:
    """R85. A sentence that begins with an everyday word is none."""
    for body in ("WIN", "win", " Win! ", "ＷＩＮ", "please WIN", "чай", "ЧАЙ.", "wіn"):
        found = asks(body)
        assert found and not found.rules, body
    for body in ("", "winner", "чай пришёл разбитый", "WIN me a better kettle", "win " * 40,
                 "where is my WIN", "5", "window"):  # fmt: skip
        assert asks(body) is None, body


def test_the_number_of_an_order_and_a_question_stand_behind_the_word() -> None:
    for body in ("WIN 1042", "win №1042", "WIN: 10-42", "чай # 1042"):
        found = asks(body)
        assert found and found.number == "1042" and not found.rules, body
    for body in ("WIN ?", "WIN help", "WIN?"):
        found = asks(body)
        assert found and found.rules, body


def test_of_two_contests_with_one_word_the_running_one_is_meant() -> None:
    now, later = contest(), contest(id=2, begins=NOON + timedelta(days=9),
                                    ends=NOON + timedelta(days=19))  # fmt: skip
    past = contest(id=3, begins=NOON - timedelta(days=9), ends=NOON - timedelta(days=5))
    for at, wanted in ((NOON, 1), (NOON + timedelta(days=8), 2), (NOON + timedelta(days=10), 2),
                       (NOON - timedelta(days=8), 3)):  # fmt: skip
        found = asks("WIN", past, later, now, at=at)
        assert found and found.contest.id == wanted


def test_what_stands_in_the_way_of_opening() -> None:
    assert contests.missing(contest(), ["ru", "en"], NOON) == []
    bare = contest(words=(), prize={}, begins=NOON, ends=NOON - timedelta(days=1))
    assert contests.missing(bare, ["ru"], NOON) == [
        ("words", ""), ("prize", "ru"), ("begins", "after")
    ]  # fmt: skip
    assert contests.missing(contest(ends=NOON), ["ru"], NOON) == [("ends", "past")]


@pytest.mark.parametrize(
    ("word", "why"),
    [("STOP", "means"), ("стоп", "means"), ("START", "means"), ("help", "means"), ("да", "means"),
     ("12", "means"), ("1042", "means"), ("w", "empty"), ("x" * 21, "long"), ("Sale", "taken"),
     ("WIN", ""), ("ПРИЗ", ""), ("premio", ""), ("regalo", "")],
)  # fmt: skip
def test_a_word_that_means_something_else_is_refused(word: str, why: str) -> None:
    assert contests.wrong_word(word, {"SALE"}) == why


# ------------------------------------------------------------------ entering


def heard(place: Scene, body: str, sender: str = ANNA, at: datetime = NOON) -> list[str]:
    """Why each text of ours was said that this text made."""
    before = len(stage.messages(place))
    number = len(place.effects)
    fact = stage.facts.TextReceived(
        id=f"t/{number}/{at}", at=at, gateway=1, sender=sender, body=body
    )
    stage.hear(place, fact, now=at)
    return [one.why.removeprefix("reply/") for one in stage.messages(place)[before:]]


def scene_with(*some: Contest) -> Scene:
    place = stage.scene()
    place.contests = Contests(known={one.id: one for one in some})
    place.address = "https://linden.example"
    return place


def entries(place: Scene) -> list[SaveEntry]:
    return [one for one in place.effects if isinstance(one, SaveEntry) and one.is_new]


def test_a_number_takes_part_once_and_is_told_so_once() -> None:
    """R85: one entry a number; who repeats the word is told once, then no more."""
    place = scene_with(contest())
    assert heard(place, "WIN") == ["contest_entered"]
    (entry,) = entries(place)
    assert (
        entry.entry.ticket == contests.ticket_of(contest(), ANNA) and len(entry.entry.ticket) == 12
    )
    said = stage.messages(place)[-1].body
    assert contests.shown_ticket(entry.entry.ticket) in said and "/win/abc" in said
    assert heard(place, "чай", at=NOON + timedelta(hours=1)) == ["contest_again"]
    assert heard(place, "WIN", at=NOON + timedelta(hours=2)) == []
    assert heard(place, "WIN", sender="+375297778899") == ["contest_entered"]
    assert len(entries(place)) == 2
    person = next(iter(place.contacts.values()))
    assert person.marketing == "none"  # taking part is no yes to offers


def test_why_somebody_cannot_take_part_is_said() -> None:
    early = contest(begins=NOON + timedelta(days=1))
    over = contest(ends=NOON - timedelta(minutes=1))
    for one, why in (
        (early, "contest_early"), (over, "contest_over"),
        (contest(closed_at=NOON), "contest_over"),
        (contest(countries=("IT",)), "contest_abroad"),
        (contest(with_order=True), "contest_order"),
    ):  # fmt: skip
        place = scene_with(one)
        assert heard(place, "WIN") == [why]
        assert entries(place) == []
    place = scene_with(contest(with_order=True))
    assert heard(place, "WIN 1042") == ["contest_no_order"]
    assert heard(scene_with(contest(countries=("BY",))), "WIN") == ["contest_entered"]


def test_an_order_must_be_theirs_and_of_the_contests_time() -> None:
    """R85: rules are checked."""
    for at, number, why in (
        (NOON, "1042", "contest_entered"), (NOON, "1043", "contest_no_order"),
        (NOON - timedelta(days=30), "1042", "contest_no_order"),
    ):  # fmt: skip
        place = scene_with(contest(with_order=True))
        heard(place, "hello")
        (person,) = place.contacts.values()
        place.contests.bought = {(person.id, "1042"): (7, at)}
        assert heard(place, f"WIN {number}") == [why]
        assert [one.entry.order_id for one in entries(place)] == [7] * (why == "contest_entered")


def test_a_stop_is_a_stop_and_a_number_that_is_not_theirs_enters_nothing() -> None:
    place = scene_with(contest(words=("WIN",)))
    assert heard(place, "STOP") == ["stop_confirmed"] and entries(place) == []
    person = next(iter(place.contacts.values()))
    place.keep(replace(person, phone="+375290000000"))  # they have another number now
    assert heard(place, "WIN") == [] and entries(place) == []


def test_one_person_with_two_numbers_takes_part_once() -> None:
    place = scene_with(contest())
    heard(place, "WIN")
    (person,) = place.contacts.values()
    other = Contact(9001, "+375297778899", None, NOON)
    place.keep(other)
    place.refs["phone", "+375297778899"] = Ref(9001, None)
    place.keep(replace(other, also=(person.id,)))
    assert heard(place, "WIN", sender="+375297778899") == ["contest_again"]


def test_winners_and_substitutes_are_told_in_their_language() -> None:
    place = scene_with(contest())
    heard(place, "WIN")
    (person,) = place.contacts.values()
    before = len(stage.messages(place))
    for state in ("won", "substitute"):
        stage.hear(place, stage.facts.ContestWon(
            id=state, at=NOON, contact=person.id, contest=1, ticket="7F3A92C1K2MN", state=state
        ))  # fmt: skip
    won, spare = stage.messages(place)[before:]
    assert "выиграли" in won.body and "Сервиз" in won.body and "7F3A-92C1-K2MN" in won.body
    assert "в запасе" in spare.body and won.klass == spare.klass == "service"


# ------------------------------------------------------------------ the draw

TICKETS = st.lists(
    st.text(contests.LETTERS, min_size=12, max_size=12), unique=True, max_size=60
).map(sorted)  # fmt: skip


def document(
    tickets: list[str], seed: str = "seed", winners: int = 2, beacon: str = ""
) -> dict[str, Any]:
    hashed = drawing.list_hash(tickets)
    return {
        "rule": drawing.RULE, "entries": len(tickets), "winners": 2, "substitutes": 1,
        "commitment": drawing.commitment_of(seed), "seed": seed, "list_sha256": hashed,
        "beacon": {"announced": "", "value": beacon}, "tickets": tickets,
        "drawn": drawing.drawn(tickets, seed, hashed, beacon, 3),
    }  # fmt: skip


@given(TICKETS, st.text(max_size=20), st.text(max_size=9))
def test_the_draw_is_what_the_published_rule_says(
    tickets: list[str], seed: str, beacon: str
) -> None:
    """R85: drawn reproducibly. Done again as a stranger would from the words of RULE_SAID."""
    text = "".join(f"{ticket}\n" for ticket in tickets)
    hashed = hashlib.sha256(text.encode()).hexdigest()
    lots = {
        hashlib.sha256(f"{seed}/{hashed}/{beacon}/{one}".encode()).hexdigest(): one
        for one in tickets
    }
    by_hand = [lots[lot] for lot in sorted(lots)][:3]
    assert drawing.list_hash(tickets) == hashed
    assert drawing.drawn(reversed(tickets), seed, hashed, beacon, 3) == by_hand


@given(TICKETS.filter(lambda some: len(some) > 3), st.data())
def test_whatever_is_changed_in_a_published_draw_is_found(tickets: list[str], data: Any) -> None:
    """R85: a ticket more or less, another seed, another winner: `contest verify` says so."""
    good = document(tickets, "a seed", beacon="4 8 15")
    assert drawing.verify(good) == []
    change = data.draw(
        st.sampled_from(("less", "more", "seed", "beacon", "drawn", "hash", "order", "promise"))
    )
    bad = dict(good)
    if change == "less":
        bad |= {"tickets": tickets[1:], "entries": len(tickets) - 1}
    elif change == "more":
        bad |= {"tickets": sorted([*tickets, "0" * 13]), "entries": len(tickets) + 1}
    elif change == "seed":
        bad["seed"] = "another"
    elif change == "beacon":
        bad |= {"beacon": {"announced": "", "value": "4 8 16"}}
        if drawing.drawn(tickets, "a seed", good["list_sha256"], "4 8 16", 3) == good["drawn"]:
            return  # the other number draws the same three
    elif change == "drawn":
        bad["drawn"] = list(reversed(good["drawn"]))
    elif change == "promise":
        bad["commitment"] = drawing.commitment_of("another")
    elif change == "hash":
        bad["list_sha256"] = "0" * 64
    else:
        bad["tickets"] = tickets[::-1]
    assert drawing.verify(bad)


def test_a_file_that_is_no_draw_is_told_in_plain_words() -> None:
    good = document(["A"])
    for bad in (None, [], {}, {"rule": drawing.RULE}, good | {"tickets": [1]},
                good | {"beacon": {}}, good | {"commitment": "x"}):  # fmt: skip
        (said, *_) = drawing.verify(bad)
        assert said.endswith(".")


def test_nobody_can_tell_a_ticket_from_a_number_without_the_key() -> None:
    """Tickets of two contests differ; letters that look alike are read as one."""
    one, other = contest(), contest(ticket_key="other")
    assert contests.ticket_of(one, ANNA) != contests.ticket_of(other, ANNA)
    ticket = contests.ticket_of(one, ANNA)
    assert set(ticket) <= set(contests.LETTERS)
    shown = contests.shown_ticket(ticket).lower().replace("0", "o").replace("1", "l")
    assert contests.read_ticket(f" {shown} ") == ticket


def test_a_contest_is_read_back_as_it_was_stored() -> None:
    one = contest(countries=("BY", "IT"), with_order=True, winners=3, substitutes=2, beacon="lotto")
    row = {name: getattr(one, name) for name in Contest.__slots__ if name not in contests.SETTINGS}
    assert contests.contest_of(row | {"settings": contests.settings_of(one)}) == one
