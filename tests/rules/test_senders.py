"""Which sender a text gets where: the store's own word first, then the country's rule."""

from datetime import date

import pytest

from ringdove.rules.sending.senders import (
    COUNTRIES,
    NoSender,
    Own,
    Sender,
    SenderWrong,
    choose_sender,
    kind_of,
    rule_of,
)

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("sender", "kind"),
    [
        ("LINDEN", "name"), ("Linden-24", "name"), ("A", "name"), ("Tea & Co", "name"),
        ("2345678901a", "name"), ("1234", "number"), ("+375296660000", "number"),
        ("375296660000", "number"),
    ],
)  # fmt: skip
def test_a_number_or_a_name(sender, kind):
    assert kind_of(sender) == kind


@pytest.mark.parametrize(
    "sender", ["", "ABCDEFGHIJKL", "12-34", "1", "Чайник", " LINDEN", "LINDEN ", "A\n", "@shop"]
)
def test_what_no_phone_shows_is_refused(sender):
    with pytest.raises(SenderWrong, match=r"letter|number"):
        kind_of(sender)


@pytest.mark.parametrize(
    ("own", "country", "gateway_sender", "klass", "expected"),
    [
        # Nobody named one: the operator has one for the account.
        ([], "IT", "", "service", Sender("")),
        ([], "IT", "LINDEN", "service", Sender("LINDEN")),
        # The nearest first: this country over this gateway, this country, everywhere.
        ([Own("ALL"), Own("IT1", "IT"), Own("IT2", "IT", 7)], "IT", "G", "service", Sender("IT2")),
        ([Own("ALL"), Own("IT1", "IT"), Own("IT2", "IT", 8)], "IT", "G", "service", Sender("IT1")),
        ([Own("ALL"), Own("FR1", "FR")], "IT", "G", "service", Sender("ALL")),
        # A registration that is not through.
        ([Own("IT1", "IT", 0, "asked")], "IT", "G", "service", Sender("G")),
        ([Own("IT1", "IT", 0, "refused")], "IT", "", "service", NoSender("sender_not_ready")),
        # Countries that carry no names, unless the store knows better.
        ([Own("LINDEN")], "US", "", "service", NoSender("sender_needs_number")),
        ([Own("LINDEN")], "US", "+12025550100", "service", Sender("+12025550100")),
        ([Own("LINDEN", "US")], "US", "", "service", Sender("LINDEN")),
        ([Own("LINDEN", "US")], "US", "", "marketing", NoSender("sender_cannot_be_answered")),
        # Registers: a name for everywhere is not on them; what stands at the gateway was agreed.
        ([Own("LINDEN")], "ES", "", "service", NoSender("sender_not_registered")),
        ([Own("LINDEN")], "ES", "Linden ES", "service", Sender("Linden ES")),
        ([Own("LINDEN", "ES")], "ES", "", "service", Sender("LINDEN")),
        ([Own("LINDEN")], "BY", "", "service", Sender("LINDEN")),
    ],
)
def test_the_sender_of_a_country(own, country, gateway_sender, klass, expected):
    """R113."""
    assert choose_sender(own, country, 7, gateway_sender, klass, TODAY) == expected


def test_a_kind_can_be_asked_for():
    """R79: only numbers can be answered."""
    own = [Own("LINDEN", "BY"), Own("1234", "BY")]
    assert choose_sender(own, "BY", 7, "", "service", TODAY, "number") == Sender("1234")
    assert choose_sender(own, "BY", 7, "", "service", TODAY, "name") == Sender("LINDEN")
    no = choose_sender(own[:1], "BY", 7, "", "service", TODAY, "number")
    assert no == NoSender("sender_no_number")


def test_a_register_holds_from_its_day_on():
    """Spain: from 2026-09."""
    assert rule_of("ES", date(2026, 8, 31)).names == "free"
    assert rule_of("ES", date(2026, 9, 1)).names == "blocked"
    assert rule_of("IT", TODAY).names == "free"
    assert all(len(code) == 2 and code.isupper() for code in COUNTRIES)
