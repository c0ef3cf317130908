"""What words add up to: the newest counts, a stop ends all, and nobody's form undoes a no."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from ringdove.rules import facts
from ringdove.rules.consent import permissions
from ringdove.rules.consent.ways_in import Form, Keyword, WaysIn
from ringdove.rules.policy import Policy
from ringdove.rules.scenes import Contact, Ref, Scene
from tests.rules.scene import NOON, hear, messages, scene

ANNA, PHONE, OLD = 7, "+375291112233", "+375291110000"
MINUTE = timedelta(minutes=1)


def place(**told: Any) -> Scene:
    """A scene that knows Anna by her number, and by an earlier one."""
    policy = told.pop("policy", Policy())
    made = scene(policy=policy)
    given = {"phone": PHONE, "email": "anna@example.by", "created_at": NOON, "country": "BY"}
    made.contacts[ANNA] = made.known_people[ANNA] = Contact(**{"id": ANNA} | given | told)
    for key in (("phone", PHONE), ("phone", OLD), ("email", "anna@example.by")):
        made.refs[key] = Ref(ANNA, None)
    return made


def said(scope: str, change: str, at: datetime = NOON, **more: Any) -> facts.ConsentChanged:
    return facts.ConsentChanged(
        id=f"said/{scope}/{change}/{at}", at=at, contact=ANNA, scope=scope, change=change,
        words="said so", **more,
    )  # fmt: skip


def typed(n: int = 1, at: datetime = NOON, **more: Any) -> facts.SignedUp:
    """Somebody typed a number into a form."""
    told = {"customer": {"phone": PHONE}, "words": "yes", "source": "form/1"} | more
    return facts.SignedUp(id=f"typed/{n}", at=at, **told)


def wrote(body: str, sender: str = PHONE, at: datetime = NOON) -> facts.TextReceived:
    return facts.TextReceived(
        id=f"t/{body}/{at}", at=at, gateway=1, sender=sender, recipient="1", body=body
    )


def may(made: Scene, topic: str = "loyalty") -> bool:
    return permissions.refusal(made.contacts[ANNA], topic, "") is None


STOPS = [
    wrote("STOP", at=NOON + 2 * MINUTE),
    said("marketing", "out", NOON + 2 * MINUTE),
    facts.StoppedOnSite(id="s", at=NOON + 2 * MINUTE, phone=PHONE, words="no"),
    facts.StoppedAtOperator(id="o", at=NOON + 2 * MINUTE, phone=PHONE, gateway=1, words="no"),
]


@pytest.mark.parametrize("stop", STOPS, ids=lambda fact: fact.kind)
def test_who_joined_a_topic_after_a_stop_can_stop_again(stop: facts.Fact) -> None:
    """P1, R44: the topic alone goes on, and the next stop ends that as well."""
    made = place(marketing="in", marketing_at=NOON - MINUTE)
    hear(made, said("marketing", "out"), said("topic/loyalty", "in", NOON + MINUTE))
    assert may(made) and not may(made, "offers")
    hear(made, stop)
    assert not may(made)


def test_an_older_yes_to_a_topic_does_not_get_past_a_stop() -> None:
    """P1: whichever way it came, however late."""
    made = place(marketing="out", marketing_at=NOON)
    hear(made, said("topic/loyalty", "in", NOON - MINUTE), wrote("START LOYALTY", at=NOON - MINUTE))
    assert not may(made)


@pytest.mark.parametrize("double", [True, False])
def test_a_form_does_not_undo_a_topic_that_was_left(double: bool) -> None:
    """P1: anybody can type anybody's number and tick anything."""
    made = place(marketing="in", marketing_at=NOON, policy=Policy(double_opt_in=double))
    hear(made, said("topic/loyalty", "out"), typed(at=NOON + MINUTE, scopes=("topic/loyalty",)))
    assert not may(made) and may(made, "offers")


def test_a_form_tells_nothing_about_who_is_known_by_the_number() -> None:
    """P9, R52: whoever types a customer's number gets no letters meant for them, renames nobody,
    and an earlier number does not become the present one."""
    made = place(name="Anna", marketing="none")
    thief = {"email": "thief@example.com", "name": "Thief", "city": "Brest"}
    hear(made, typed(customer={"phone": PHONE, **thief}))
    assert (made.contacts[ANNA].email, made.contacts[ANNA].name) == ("anna@example.by", "Anna")
    hear(made, typed(2, customer={"phone": OLD, **thief}))
    assert made.contacts[ANNA].phone == PHONE and made.contacts[ANNA].email == "anna@example.by"


def test_an_address_typed_into_a_form_gives_nobody_a_number() -> None:
    """P1, P9: a yes that was given without a number is not the yes of a number that somebody
    types beside the address, and news of orders does not go there."""
    made = place(phone=None, marketing="in", marketing_at=NOON - MINUTE)
    del made.refs["phone", PHONE], made.refs["phone", OLD]
    hear(made, typed(customer={"phone": PHONE, "email": "anna@example.by"}))
    assert made.contacts[ANNA].phone is None
    (met,) = (one for one in made.contacts.values() if one.id != ANNA)
    assert (met.phone, met.marketing) == (PHONE, "asked")


def test_an_asked_topic_does_not_beat_a_left_one_in_a_merge() -> None:
    """P1: only what somebody said for good counts when two are one."""
    made = place(
        marketing="in",
        marketing_at=NOON,
        scopes={"topic/loyalty": ["out", "2026-01-01T00:00:00+00:00"]},
    )
    made.contacts[8] = Contact(
        8,
        "+375291119999",
        None,
        NOON,
        scopes={"topic/loyalty": ["asked", "2026-02-01T00:00:00+00:00"]},
    )
    hear(made, facts.PeopleMerged(id="m", at=NOON, contact=ANNA, other=8))
    assert not may(made) and may(made, "offers")


@pytest.mark.parametrize("body", ["START", "START LOYALTY", "YES"])
def test_a_yes_from_an_earlier_number_is_not_the_yes_of_this_one(body: str) -> None:
    """P1, R1: a no counts from every number that ever was theirs; a yes only for its own."""
    made = place(marketing="out", marketing_at=NOON - MINUTE)
    hear(made, wrote(body, OLD))
    assert not may(made) and not may(made, "offers")


def test_a_confirmation_from_an_earlier_number_does_not_count() -> None:
    """R1: the question went to the number of now; whoever has the old one may not answer it."""
    made = place()
    hear(made, typed(), wrote("YES", OLD, NOON + MINUTE))
    assert made.contacts[ANNA].marketing == "asked"
    hear(made, wrote("YES", PHONE, NOON + MINUTE))
    assert made.contacts[ANNA].marketing == "in"


def test_a_yes_counts_for_what_was_asked_and_for_no_more() -> None:
    """R1, R3: what somebody typed after the question went out was not asked by it."""
    made = place()
    hear(made, typed(scopes=("topic/loyalty",)), typed(2, NOON + MINUTE, scopes=("marketing",)))
    assert len(messages(made)) == 1
    hear(made, wrote("YES", at=NOON + 2 * MINUTE), now=NOON + 2 * MINUTE)
    assert may(made) and not may(made, "offers")
    assert made.contacts[ANNA].marketing == "asked"


def test_a_yes_of_before_the_question_does_not_answer_it() -> None:
    """R1: a text that an operator held back for an hour was about something else."""
    made = place()
    hear(made, typed(), wrote("YES", at=NOON - 60 * MINUTE))
    assert made.contacts[ANNA].marketing == "asked"


def test_an_older_keyword_does_not_welcome_who_has_stopped_since() -> None:
    """P1, R118: the text was late, the stop was heard first."""
    made = place(marketing="out", marketing_at=NOON)
    form = Form(3, "x", "Poster", published=True)
    made.ways_in = WaysIn({3: form}, {"SALE": Keyword(3, "SALE", "en")})
    hear(made, wrote("SALE", at=NOON - MINUTE))
    assert not messages(made)
    hear(made, wrote("SALE", at=NOON + MINUTE))
    assert [one.topic for one in messages(made)] == ["welcome"]
