"""SMS and e-mail under one policy: each to those who have it and agreed, nothing twice."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ringdove.rules import facts, messages
from ringdove.rules.effects import QueueMessage
from ringdove.rules.messages import Letter
from ringdove.rules.scenes import Contact
from tests.rules import scene as scenes
from tests.rules.scene import NOON

BOTH = Contact(7, "+375291112233", "anna@example.by", NOON, zones=("Europe/Minsk",))


def offered(person: Contact, klass: str = "marketing", now=NOON) -> dict[str, tuple[str, str]]:
    """One offer said over both channels: what becomes of each."""
    place = scenes.scene()
    place.histories = {}
    for channel in ("email", "sms"):
        words = {"sms": "Sale", "subject": "Sale", "body": "Sale until Friday"}
        messages.speak(
            place,
            Letter(person, channel, klass, "offers", "person", words, {}, "en", "test",
                   now, now + timedelta(days=1), occasion="sale"),
            now,
        )  # fmt: skip
    return {made.channel: (made.state, made.reason) for made in scenes.messages(place)}


GOES = ("waiting", "")


@pytest.mark.parametrize(
    ("changes", "email", "sms"),
    [
        ({"marketing": "in"}, GOES, GOES),
        ({"marketing": "in", "email": None}, ("dropped", "no_email"), GOES),
        ({"marketing": "in", "phone": None}, GOES, ("dropped", "no_phone")),
        ({"marketing": "in", "phone": None, "phone_doubt": "8 029"}, GOES,
         ("dropped", "phone_doubtful")),
        ({"marketing": "none"}, ("dropped", "no_consent"), ("dropped", "no_consent")),
        ({"marketing": "out"}, ("dropped", "stopped"), ("dropped", "stopped")),
        ({"marketing": "in", "service": "out"}, ("dropped", "stopped"), ("dropped", "stopped")),
    ],
)  # fmt: skip
def test_an_offer_goes_by_each_channel_to_those_subscribed_to_it(changes, email, sms):
    """R40, R1: one permission, asked for each channel; who lacks one gets the other."""
    assert offered(replace(BOTH, **changes)) == {"email": email, "sms": sms}


def test_a_letter_may_come_at_night_and_a_text_waits():
    """R99, R17: quiet hours are those of the phone."""
    night = NOON.replace(hour=22)
    made = offered(replace(BOTH, marketing="in"), now=night)
    assert made == {"email": GOES, "sms": ("waiting", "quiet_hours")}


def test_a_letter_of_service_needs_no_permission():
    """R2."""
    assert offered(BOTH, "service") == {"email": GOES, "sms": GOES}


# ------------------------------------------------------------------ an order


def placed(**customer: str) -> facts.OrderPlaced:
    told = {"phone": "8 (029) 111-22-33", "email": "anna@example.by", "country": "BY"} | customer
    order = {"key": "42", "number": "42", "placed_at": NOON, "customer": told, "total": "59.90",
             "currency": "BYN"}  # fmt: skip
    return facts.OrderPlaced(id="42/placed", at=NOON, order=order)


FOLLOWING = (
    facts.PaymentReceived(id="42/paid", at=NOON, order="42"),
    facts.ParcelMoved(id="42/sent", at=NOON, order="42", state="accepted"),
    facts.ParcelMoved(id="42/here", at=NOON, order="42", state="delivered"),
)


def said(*told: facts.Fact) -> list[QueueMessage]:
    return scenes.messages(scenes.hear(scenes.scene(), *told))


def test_the_first_notice_is_a_letter_and_what_follows_are_texts():
    """R55, R99: exactly one letter about an order, however many facts follow and repeat."""
    made = said(placed(), *FOLLOWING, placed(), *FOLLOWING)
    assert [m.channel for m in made] == ["email", "sms", "sms", "sms", "sms"]
    assert len({(m.recipe, m.channel) for m in made}) == len(made)


def test_who_has_no_email_reads_the_first_notice_once():
    """R55, P9: the text alone, and no silence beside it."""
    made = said(placed(email=""), *FOLLOWING)
    assert [(m.channel, m.state) for m in made] == [("sms", "waiting")] * 4


def test_who_has_no_phone_gets_the_letter_and_a_reason_for_each_silence():
    """R99, N2, P9: texts are not turned into letters that nobody wrote."""
    made = said(placed(phone=""), *FOLLOWING)
    assert [(m.channel, m.state, m.reason) for m in made] == [
        ("email", "waiting", ""), *[("sms", "dropped", "no_phone")] * 4,
    ]  # fmt: skip


def test_without_a_mail_server_the_text_still_goes():
    """R55, R99."""
    place = scenes.scene()
    place.histories = {}
    place.ways = type(place.ways)(place.ways.gateways[:1])
    made = scenes.messages(scenes.hear(place, placed()))
    assert [(m.channel, m.reason) for m in made] == [("email", "no_gateway_email"), ("sms", "")]
