"""Order status, which order, rules and complaints by text: what follows from what was understood.

What words mean which intent is asked in test_replies.py; here the meaning is given.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringdove.rules import facts, languages, policy, replies, texts
from ringdove.rules.automations import recipes
from ringdove.rules.conversations import conversations as talks
from ringdove.rules.conversations import order_words, purchases, restraint
from ringdove.rules.effects import SaveTask
from ringdove.rules.replies import Reply
from ringdove.rules.scenes import Conversation, Scene, SurveyAnswer
from ringdove.rules.surveys.surveys import READY
from ringdove.rules.wants import Dealings
from tests.rules.scene import NOON, hear, messages, scene
from tests.rules.stage import switch_on

ANNA = "+375291112233"
STATUS = Reply("order_status")


@pytest.fixture
def mean(monkeypatch):
    """mean(Reply(…)): the next texts are understood so."""

    def set_to(reply: Reply) -> None:
        monkeypatch.setattr(replies, "read", lambda text, **more: reply)
        monkeypatch.setattr(talks.replies, "read", lambda text, **more: reply)

    return set_to


def placed(key: str = "1042", at=NOON, **more: Any) -> facts.OrderPlaced:
    told = {
        "key": key, "number": key, "placed_at": at, "total": "59.90", "url": "https://l.by/o",
        "customer": {"phone": ANNA, "language": more.pop("language", "en"), "country": "BY"},
        "lines": [{"name": more.pop("goods", "Blue kettle"), "price": "59.90"}],
    } | more  # fmt: skip
    return facts.OrderPlaced(id=f"{key}/placed", at=at, order=told)


def parcel(state: str, key: str = "1042", at=NOON, **more: Any) -> facts.ParcelMoved:
    return facts.ParcelMoved(id=f"{key}/{state}/{at}", at=at, order=key, state=state, **more)


def promised(at, until, key: str = "1042") -> facts.DeliveryPromised:
    return facts.DeliveryPromised(
        id=f"{key}/{at}", at=NOON, order=key, promised_from=at, promised_until=until
    )


def stage(*told: facts.Fact, **changes: Any) -> Scene:
    place = scene(**changes)
    place.chosen.dealings = Everybody()
    place.surveys = dict(READY)
    return hear(place, *told)


class Everybody(dict[int, Dealings]):
    """Nothing of anybody is anywhere but in the scene."""

    def __contains__(self, key: object) -> bool:
        return True

    def get(self, key: Any, default: Any = None) -> Any:
        return Dealings()


def say(place: Scene, body: str = "?", *, at=NOON, sender: str = ANNA) -> list[str]:
    """What is answered to a text, by reply or automation."""
    before = len(messages(place))
    fact = facts.TextReceived(
        id=f"t/{len(place.effects)}", at=at, gateway=1, sender=sender, body=body
    )
    hear(place, fact, now=at)
    made = messages(place)[before:]
    return [one.body if one.state == "waiting" else f"({one.reason})" for one in made]


def talk(place: Scene) -> Conversation:
    (one,) = place.conversations.values()
    return one


DAY = timedelta(days=1)
STATES = {  # what happened: what is said of it
    (): "order 1042 is accepted. https://l.by/o",
    (facts.PaymentReceived(id="p", at=NOON, order="1042"),): "is paid, we are preparing it.",
    (parcel("in_transit", carrier="DPD", number="X7", url="https://dpd.by/X7"),):
        "is on its way (DPD X7). https://dpd.by/X7",
    (parcel("at_pickup_point", pickup_point="Lenina 12", pickup_until=NOON + 3 * DAY),):
        "can be picked up (Lenina 12, until Sat 21 Nov).",
    (parcel("in_transit"), promised(NOON + DAY, NOON + DAY + timedelta(hours=2))):
        "is on its way. Expected on Thu 19 Nov 15:00-17:00.",
    (parcel("delivered"),): "has been delivered (Wed 18 Nov).",
    (parcel("delivered", parcel="a"), parcel("in_transit", parcel="b", carrier="DPD")):
        "is on its way (DPD, 1 of 2 delivered).",
    (facts.OrderCancelled(id="c", at=NOON, order="1042"),): "is cancelled.",
    (facts.RefundSent(id="r", at=NOON, order="1042"),): "came back, your money is on its way.",
}  # fmt: skip


def test_an_order_question_is_answered_at_once_with_what_is_known(mean):
    """R86, R32: state, where the parcel is, when it comes, number and link, in one part."""
    mean(STATUS)
    for told, expected in STATES.items():
        place = stage(placed(), *told)
        (said,) = say(place)
        assert expected in said, told
        assert texts.measure(said).parts == 1, said
        assert talk(place).state == "closed" and talk(place).last_by == "machine"
    place = stage(placed(payment_due=True, payment_url="https://l.by/pay"))
    assert say(place)[0].endswith("waits for payment. https://l.by/pay")


def test_every_state_of_an_order_and_parcel_has_its_words_in_every_language():
    """R86: a state that nobody thought of would break the answer."""
    states = {"placed", "unpaid", "paid", "shipped", "delivered", "returned", "cancelled"}
    told = facts.ParcelMoved.model_fields["state"].annotation.__args__
    states |= {f"parcel_{one}" for one in told if one != "unknown"}
    states |= {f"return_{one}" for one in ("opened", "accepted", "refused", "refunded")}
    for language in ("en", "ru", "be", "it", "es"):
        own = languages.phrases_of(language)
        assert states <= own["order_states"].keys()
        assert own["order_states"].keys() == languages.phrases_of("en")["order_states"].keys()
        assert own["complaint_states"].keys() == {
            "opened", "answered", "accepted", "refused", "closed"
        }  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    language=st.sampled_from(["en", "ru", "be", "it", "es"]),
    place_letters=st.integers(0, 200), link_letters=st.integers(0, 200), goods=st.integers(1, 60),
)  # fmt: skip
def test_an_answer_is_as_short_as_its_order_allows(language, place_letters, link_letters, goods):
    """R26: the link goes first, then the place; Latin one part, Cyrillic two."""
    place = stage(
        placed(language=language),
        parcel(
            "at_pickup_point", pickup_point="p" * place_letters,
            url="https://x.by/" + "l" * link_letters,
        ),
    )  # fmt: skip
    person = next(iter(place.contacts.values()))
    (found,) = purchases.of_person(place, person)
    order_words.tell(place, person, found, NOON)
    assert order_words.is_short(messages(place)[-1].body, language)


def test_what_a_machine_cannot_put_right_is_said_and_left_to_a_person(mean):
    """R86, N9: late, lost, unknown, or somebody else's."""
    mean(STATUS)
    late = promised(NOON - DAY, NOON - DAY + timedelta(hours=2))
    gone = facts.OrderRemoved(id="gone", at=NOON, order="1042")
    for told in (
        [placed(), parcel("in_transit"), late], [placed(), parcel("lost")], [placed(), gone], [],
    ):  # fmt: skip
        place = stage(*told)
        (said,) = say(place)
        assert talk(place).state == "open" and talk(place).unread == 1, said
        assert (told[-1:] in ([gone], [])) == ("no order" in said or "не нашли" in said)
    place = stage(placed(), placed("77", customer={"phone": "+375297770000"}))
    mean(Reply("order_status", value="77"))
    (said,) = say(place)
    assert "we find no order 77" in said
    assert talk(place).state == "open"
    mean(Reply("order_status", value="#1042"))
    assert "order 1042 is accepted" in say(place)[0]


def test_only_the_number_at_which_they_are_reached_may_ask(mean):
    """P10: an earlier number of theirs may be somebody else's by now."""
    place = stage(placed())
    (ref,) = [ref for key, ref in place.refs.items() if key[0] == "phone"]
    place.refs["phone", "+375290000001"] = ref
    mean(STATUS)
    assert say(place, sender="+375290000001") == []
    assert talk(place).state == "open"


def test_of_several_orders_it_asks_which_and_hears_the_answer(mean):
    """R86: by place, number or goods; an answer that comes too late is for a person."""
    for said, number in {
        "2": "1040", "1)": "1041", "1041": "1041", "n. 1040 please": "1040", "the kettle": "1040",
        "kettles": "1040", "Bag!": "1041", "2 please": "1040", "number 2": "1040",
        "заказ номер 1": "1041", "the first one": "1041", "2nd": "1040",
    }.items():  # fmt: skip
        place = stage(
            placed("1040", NOON - DAY), placed("1041", goods="Red bag"),
            placed("1039", NOON - 300 * DAY),
        )  # fmt: skip
        mean(STATUS)
        assert "1: 1041 (Red bag); 2: 1040 (Blue kettle). Reply" in say(place)[0]
        mean(Reply("other"))
        assert f"order {number} is accepted" in say(place, said)[0], said
        assert talk(place).state == "closed" and not talk(place).asking
    for said in ("7", "thanks a lot", "order please", "blue bag kettle"):
        mean(STATUS)
        say(place)
        mean(Reply("other"))
        assert say(place, said) == [], said
    mean(STATUS)
    say(place)
    mean(Reply("other"))
    assert say(place, "2", at=NOON + 3 * DAY) == []


def test_places_in_the_list_stay_when_an_order_of_it_is_gone(mean):
    """R86: "2" is the second of the list that was sent, not of those that are left of it."""
    place = stage(placed("1040"), placed("1041", NOON + DAY), placed("1042", NOON + 2 * DAY))
    mean(STATUS)
    say(place)
    hear(place, facts.OrderRemoved(id="gone", at=NOON, order="1042"))
    mean(Reply("other"))
    (said,) = say(place, "2")
    assert "order 1041" in said
    mean(STATUS)
    say(place)
    hear(place, facts.OrderRemoved(id="gone too", at=NOON, order="1041"))
    mean(Reply("other"))
    assert say(place, "1") == [] and talk(place).state == "open"


def test_a_question_that_was_not_asked_is_not_answered(mean):
    """N9: who was answered enough today did not get the list."""
    place = stage(placed("1040", NOON - DAY), placed("1041"))
    mean(Reply("help"))
    for _ in range(restraint.ANSWERS_A_DAY_MAX):
        say(place)
    mean(STATUS)
    assert say(place) == ["(answered_enough)"] and not talk(place).asking
    mean(Reply("other"))
    assert say(place, "2", at=NOON + DAY) == []


def test_what_a_survey_asked_later_is_not_answered_by_which(mean):
    """R80, R86: the newest question to them is meant; an older one waits, and what somebody else
    was asked, whose text is in the same batch, is not theirs to answer."""
    later = NOON + timedelta(hours=1)
    for asked_at, whose, is_which in ((NOON - DAY, 0, True), (later, 0, False), (later, 1, True)):
        place = stage(placed("1040", NOON - DAY), placed("1041"))
        mean(STATUS)
        say(place)
        (person,) = place.contacts
        asked = SurveyAnswer(1, person + whose, "delivery", asked_at, NOON + 9 * DAY)
        place.keep_asking(asked)
        mean(Reply("other"))
        said = say(place, "2", at=NOON + timedelta(hours=2))
        assert any("order 1040" in one for one in said) == is_which


def test_a_number_that_stands_alone_is_an_order_of_theirs_or_nothing(mean):
    """R86."""
    place = stage(placed("1040", NOON - DAY), placed("1041"))
    mean(Reply("other"))
    assert "order 1040" in say(place, "№ 1040")[0]
    for said in ("9999", "5", "call 1040 again and again"):
        assert say(place, said) == []
        assert talk(place).state == "open"
    place = stage(placed("T-1257"))
    assert "order T-1257" in say(place, "1257")[0]
    assert say(place, "257") == []


def test_two_machines_that_answer_each_other_find_an_end(mean):
    """Eight answers a day, then a silence with its reason and somebody looks; STOP is confirmed."""
    place = stage(placed())
    mean(STATUS)
    said = [one for _ in range(12) for one in say(place)]
    assert said[8:] == ["(answered_enough)"] * 4
    assert not any("answered_enough" in one for one in said[:8])
    assert talk(place).state == "open"
    mean(Reply("stop", "marketing"))
    assert "no more offers" in say(place, "STOP")[0]
    mean(STATUS)
    assert "order 1042" in say(place, at=NOON + DAY)[0]
    assert restraint.ANSWERS_A_DAY_MAX == 8


def test_who_refused_all_texts_and_asks_is_seen_by_somebody(mean):
    """P1, N9: the machine stays silent, and the question is not lost."""
    place = stage(placed())
    mean(Reply("stop", "all"))
    assert len(say(place)) == 1 and say(place) == [] and talk(place).state == "closed"
    mean(STATUS)
    assert say(place) == ["(stopped)"] and talk(place).state == "open"


def test_rules_are_told_on_request_in_the_stores_own_words_or_ready_ones(mean):
    """R32, R71."""
    own = {"complaint": {"en": "{{ shop.name }}: bring it back within a year."}}
    place = stage(placed(), policy=replace(policy.DEFAULT, rules_told=own))
    mean(Reply("rules", "complaint"))
    assert say(place) == ["Linden: bring it back within a year."]
    mean(Reply("rules", "order"))
    assert "order at https://linden.example" in say(place)[0]
    assert policy.read(policy.write(place.store.policy)).rules_told == own


# ------------------------------------------------------------------ complaints


def complaints_of(place: Scene) -> list[Any]:
    return sorted(place.complaints.values(), key=lambda one: one.id)


def test_a_complaint_by_text_is_opened_once_and_goes_on(mean):
    """R71, R87: heard at once, with a number; more of it is added; somebody is to answer."""
    place = stage(placed())
    mean(Reply("complaint"))
    (said,) = say(place, "the kettle leaks")
    (one,) = complaints_of(place)
    assert one.number in said and "by Fri 20 Nov" in said
    assert (one.state, one.said, one.opened_by) == ("opened", "the kettle leaks", "text")
    assert place.orders[one.order_id].number == "1042"
    assert talk(place).state == "open" and talk(place).unread == 1
    (said,) = say(place, "and nobody answers!!")
    assert "added" in said and len(place.complaints) == 1
    mean(Reply("complaint", "status"))
    (said,) = say(place)
    assert f"complaint {one.number} is being looked into" in said
    mean(Reply("complaint", value="555"))
    place = stage(placed("1", NOON - DAY), placed("2"))
    say(place)
    assert complaints_of(place)[0].order_id is None


def test_the_automation_says_that_a_complaint_was_heard_and_asks_for_an_answer(mean):
    """R71: one text, not two; a task; each answer is told, the same one once."""
    place = stage(placed("1", NOON - DAY), placed("2"))
    switch_on(place, "complaint_opened", "complaint_answered")
    mean(Reply("complaint"))
    (said,) = say(place, "broken")
    (one,) = complaints_of(place)
    assert said == (
        f"Linden: we have your complaint {one.number} and are looking into it."
        " We will text you the answer."
    )
    (task,) = [effect for effect in place.effects if isinstance(effect, SaveTask)]
    assert task.said == f"Complaint {one.number}: answer it."
    before = len(messages(place))
    for hours, note in ((1, "It is on its way."), (2, "It is there."), (2, "It is there.")):
        at = NOON + timedelta(hours=hours)
        fact = facts.ComplaintHandled(
            id=str(at), at=at, contact=one.contact_id, complaint=one.id, state="answered", said=note
        )
        hear(place, fact, now=at)
    assert [one.body.split(". ", 1)[1] for one in messages(place)[before:]] == [
        "It is on its way.", "It is there."
    ]  # fmt: skip


def test_a_complaint_moves_by_hand_by_shop_and_back_by_text(mean):
    """R71, R87: states, what the customer is told, owner and due; told twice changes nothing."""
    place = stage(placed())
    mean(Reply("complaint"))
    say(place, "broken")
    (one,) = complaints_of(place)

    def handle(**more: Any) -> Any:
        at = NOON + timedelta(hours=len(place.effects))
        fact = facts.ComplaintHandled(
            id=str(at), at=at, contact=one.contact_id, complaint=one.id, by="page/Ivan", **more
        )
        hear(place, fact, now=at)
        return complaints_of(place)[0]

    moved = handle(state="answered", said="A new one is on its way.", note="stock 3", owner=7)
    assert (moved.state, moved.note, moved.owner) == ("answered", "A new one is on its way.", 7)
    assert messages(place)[-1].body.endswith("has an answer. A new one is on its way.")
    assert messages(place)[-1].cause == "person", "also where no automation tells of it"
    mean(Reply("complaint", "status"))
    assert "has an answer. A new one is on its way." in say(place)[0]
    mean(Reply("complaint"))
    say(place, "it is broken too", at=NOON + DAY)
    assert complaints_of(place)[0].state == "opened"
    assert handle(owner=0).owner is None
    assert handle(about_order=0).order_id is None
    closed = handle(state="closed")
    assert closed.state == "closed" and closed.closed_at
    told = facts.ComplaintMoved(id="s", at=NOON, order="1042", complaint="S1", state="opened")
    hear(place, told)
    moved_on = facts.ComplaintMoved(
        id="s2", at=NOON + DAY, order="1042", complaint="S1", state="refused", note="No receipt."
    )
    hear(place, moved_on, told.model_copy(update={"id": "s3"}))
    assert [(c.number, c.state) for c in complaints_of(place)][1] == ("S1", "refused")
    nobody = facts.ComplaintHandled(id="x", at=NOON, contact=one.contact_id, complaint=999_999)
    before = len(place.complaints)
    hear(place, nobody)
    assert len(place.complaints) == before


def test_a_complaint_names_an_order_or_a_customer():
    """R71: a shop may tell of one that is about no order."""
    with pytest.raises(ValueError, match="name the order, or the customer"):
        facts.ComplaintMoved(id="a", at=NOON, complaint="1", state="opened")
    told = facts.ComplaintMoved(
        id="a", at=NOON, complaint="1", state="opened", customer={"phone": ANNA}
    )
    place = stage(told)
    assert complaints_of(place)[0].order_id is None
    assert facts.scoped(told, "7/").order == ""
    assert recipes.RECIPES["complaint_opened"].trigger.kind == "complaint.moved"
