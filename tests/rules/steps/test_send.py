"""The sending step: on or off, the store's own words, the person's language."""

import pytest

from ringdove.rules.automations.plans import Automation, Plans
from tests.rules.scene import hear, messages, scene
from tests.rules.test_recipes import CUSTOMER, TRIGGERS, _placed


def test_a_step_can_be_switched_off():
    place = scene()
    place.plans = Plans({"order_accepted": [Automation(True, 1, {"s0": {"is_on": False}})]})
    hear(place, _placed())
    assert [m.channel for m in messages(place)] == ["sms"]


def test_the_stores_own_words_go_before_ours():
    """R25: editable per language; the other languages keep the ready text."""
    place = scene()
    own = {"ru": {"order_paid": {"sms": "Оплачено: {{ order.number }}"}}}
    place.plans = Plans({"order_paid": [Automation(True, 1, {}, own)]})
    hear(place, _placed(), TRIGGERS["order_paid"])
    (paid,) = [m for m in messages(place) if m.recipe == "order_paid"]
    assert paid.body == "Оплачено: 1042"


@pytest.mark.parametrize(
    ("customer", "language"),
    [
        ({"language": "it"}, "it"),
        ({"language": "de"}, "ru"),
        ({"phone": "+393331234567", "country": "IT"}, "it"),
        ({"phone": "+34612345678", "country": "ES"}, "es"),
        ({}, "ru"),
    ],
)
def test_a_text_speaks_the_language_of_its_reader(customer, language):
    """R66: their own choice, else their country's, else the store's first."""
    made = messages(hear(scene(), _placed(customer=CUSTOMER | customer)))
    assert {m.language for m in made} == {language}
