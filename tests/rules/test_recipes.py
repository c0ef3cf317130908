"""The automations of an order's life, from fact to words, in every language. The
others: test_offer_recipes.py."""

import pytest

from ringdove.rules import facts
from ringdove.rules.automations.plans import Automation, Plans
from tests.rules.scene import NOON, hear, messages, scene

CUSTOMER = {"phone": "+375291112233", "email": "anna@example.by", "name": "Anna Koval"}
LATIN = ("en", "it", "es")


def _placed(**more):
    told = {
        "key": "1042", "number": "1042", "placed_at": NOON, "total": "59.90", "currency": "EUR",
        "customer": CUSTOMER | more.pop("customer", {}),
        "lines": [{"name": "Kettle", "price": "59.90"}],
    } | more  # fmt: skip
    return facts.OrderPlaced(id="o", at=NOON, order=told)


def _fact(cls, **more):
    return cls(id=cls.__name__, at=NOON, order="1042", **more)


def _parcel(state):
    return _fact(
        facts.ParcelMoved, state=state, number="RB123456789BY", carrier="Belpost",
        url="https://track.example/RB123456789BY", pickup_point="Nezavisimosti 10",
        pickup_until="2026-11-25T18:00:00Z",
    )  # fmt: skip


PROMISE = {
    "promised_from": "2026-11-20T10:00:00Z", "promised_until": "2026-11-20T14:00:00Z",
}  # fmt: skip
TRIGGERS = {
    "order_accepted": _placed(),
    "order_paid": _fact(facts.PaymentReceived),
    "order_unpaid": _placed(payment_due=True, payment_url="https://linden.example/pay/1042"),
    "order_shipped": _parcel("accepted"),
    "parcel_in_transit": _parcel("in_transit"),
    "parcel_customs": _parcel("customs"),
    "parcel_out_for_delivery": _parcel("out_for_delivery"),
    "parcel_at_pickup": _parcel("at_pickup_point"),
    "parcel_delivery_failed": _parcel("delivery_failed"),
    "parcel_delivered": _parcel("delivered"),
    "parcel_returning": _parcel("returning"),
    "delivery_confirmed": _fact(facts.DeliveryPromised, **PROMISE),
    "delivery_moved": _fact(
        facts.DeliveryPromised, **PROMISE,
        before_from="2026-11-19T10:00:00Z", before_until="2026-11-19T14:00:00Z",
    ),
    "order_cancelled": _fact(facts.OrderCancelled),
    "return_opened": _fact(
        facts.ReturnOpened, return_key="R7", label_url="https://linden.example/r/7",
        instructions="Hand it in at any post office.",
    ),
    "return_accepted": _fact(facts.ReturnAccepted, return_key="R7"),
    "refund_sent": _fact(facts.RefundSent, amount="59.90", expected_on="2026-11-25"),
    "invoice_issued": _fact(facts.InvoiceIssued, number="F-1042", url="https://linden.example/f"),
}  # fmt: skip


def _story(key, language):
    """The scene after this recipe's fact, with all of these switched on."""
    place = scene(languages=(language,))
    place.plans = Plans({key: [recipes_on()] for key in TRIGGERS})
    fact = TRIGGERS[key]
    first = [] if isinstance(fact, facts.OrderPlaced) else [_placed()]
    hear(place, *first, fact)
    waiting = [run for run in place.enrollments.values() if run.state == "waiting"]
    for run in waiting:
        woken = facts.WokenUp(
            id=f"w{run.id}", at=run.wake_at, enrollment=run.id, contact=run.contact_id,
            place=run.place,
        )  # fmt: skip
        hear(place, woken, now=run.wake_at)
    return place


def recipes_on():
    return Automation(is_on=True, version=1)


@pytest.mark.parametrize("language", ["en", "ru", "be", "it", "es"])
@pytest.mark.parametrize("key", TRIGGERS)
def test_each_recipe_speaks_each_language_in_few_parts(key, language):
    """R55-R64, R68-R70: from the fact to the words; Latin texts in one part, Cyrillic in two or,
    with a long address in them, three."""
    place = _story(key, language)
    made = [m for m in messages(place) if m.recipe == key]
    assert made, "nothing was said"
    texts = [m for m in made if m.channel == "sms"]
    assert len(texts) == 1
    (text,) = texts
    assert text.state == "waiting" and text.language == language
    assert "1042" in text.body and "Linden" in text.body
    assert "{" not in text.body and "  " not in text.body
    assert text.parts <= (1 if language in LATIN else 3), text.body
    if language in LATIN:
        assert text.encoding == "GSM-7", text.body


def test_the_first_notice_goes_by_email_and_then_by_text():
    """R55, R56: the letter first, with the goods; who has no e-mail gets the text alone (P9)."""
    made = messages(hear(scene(), _placed()))
    assert [m.channel for m in made] == ["email", "sms"]
    assert made[0].recipient == "anna@example.by" and "Kettle" in made[0].body
    assert "1042" in made[0].subject
    alone = messages(hear(scene(), _placed(customer={"email": ""})))
    assert [m.channel for m in alone] == ["sms"]


def test_old_and_new_day_are_both_in_the_text():
    """R61."""
    (moved,) = [m for m in messages(_story("delivery_moved", "en")) if m.recipe == "delivery_moved"]
    assert "19 Nov" in moved.body and "20 Nov" in moved.body


def test_the_payment_ends_the_reminder():
    """R64, P3: the moment the money comes, the waiting reminder is over."""
    place = hear(scene(), TRIGGERS["order_unpaid"])
    (run,) = [run for run in place.enrollments.values() if run.state == "waiting"]
    hear(place, TRIGGERS["order_paid"])
    assert place.enrollments[run.recipe, run.subject].state == "stopped"
    woken = facts.WokenUp(
        id="w", at=run.wake_at, enrollment=run.id, contact=run.contact_id, place=run.place
    )
    hear(place, woken, now=run.wake_at)
    assert "order_unpaid" not in {m.recipe for m in messages(place)}


def test_a_recipe_that_is_off_leaves_its_reason_and_no_text():
    """N2: silence has a reason too, and switching on later says nothing about the past."""
    place = hear(scene(), _placed(), _parcel("in_transit"))
    run = place.enrollments["parcel_in_transit", "order/1042//in_transit"]
    assert (run.state, run.reason) == ("stopped", "switched_off")
    place.plans = Plans({"parcel_in_transit": [recipes_on()]})
    hear(place, _parcel("in_transit"))
    assert "parcel_in_transit" not in {m.recipe for m in messages(place)}


def test_a_text_that_comes_too_late_is_a_silence_with_its_reason():
    """P4: an order of last month that is told today."""
    from datetime import timedelta

    place = hear(scene(), _placed(), now=NOON + timedelta(days=30))
    assert {(m.state, m.reason) for m in messages(place)} == {("dropped", "too_late")}


def test_a_doubtful_phone_gets_no_text_and_waits_for_a_person():
    """P9: what cannot be read is kept as it came."""
    place = hear(scene(), _placed(customer={"phone": "12", "email": ""}))
    (person,) = place.contacts.values()
    assert (person.phone, person.phone_doubt) == (None, "12")
    assert {(m.state, m.reason) for m in messages(place)} == {("dropped", "phone_doubtful")}


def test_a_removed_order_says_nothing():
    """Field notes: an order may be in the trash before we first hear of it."""
    gone = facts.OrderRemoved(id="gone", at=NOON, order="1042")
    place = hear(scene(), _placed(), gone)
    before = len(messages(place))
    hear(place, TRIGGERS["order_paid"])
    assert len(messages(place)) == before


def test_an_order_for_somebody_else_keeps_two_people_apart():
    """P9: the phone decides; an e-mail shared by two phones joins nobody."""
    mother = _placed(key="7", number="7", customer={"phone": "+375297654321"})
    place = hear(scene(), _placed(), mother)
    assert {p.phone for p in place.contacts.values()} == {"+375291112233", "+375297654321"}
