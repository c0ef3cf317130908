"""Small rules about one person: fields of the shop's own, likeness, readings of a number."""

import pytest

from ringdove.rules.people import doubles, own_fields, phone_readings
from ringdove.rules.people.own_fields import OwnField
from ringdove.rules.scenes import Contact
from tests.rules.scene import NOON

SIZE = OwnField("size", "Size", "choice", ("S", "M"))


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        ("text", " tabby ", "tabby"), ("text", "", None), ("number", "1 250,5", 1250.5),
        ("number", "42", 42), ("number", 7, 7), ("date", "31.05.2019", "2019-05-31"),
        ("date", "2019-05-31T00:00:00", "2019-05-31"), ("yes_no", "да", True),
        ("yes_no", False, False), ("choice", "m", "M"),
    ],
)  # fmt: skip
def test_a_value_is_kept_by_its_kind(kind, typed, kept):
    """R22."""
    assert own_fields.read(OwnField("f", "F", kind, ("S", "M")), typed) == kept


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        ("number", "many"), ("number", "NaN"), ("date", "05/06/2019"), ("date", "31.02.2019"),
        ("yes_no", "maybe"), ("choice", "XL"), ("text", "x" * 501),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(kind, typed):
    """R22: a month is not guessed, nor is a size."""
    with pytest.raises(ValueError):
        own_fields.read(OwnField("f", "F", kind, ("S", "M")), typed)


def test_of_what_a_shop_tells_only_what_is_defined_and_fits_is_kept():
    """R22: no data about people that nobody decided to have."""
    old = OwnField("old", "Old", "text", is_retired=True)
    own = {"size": SIZE, "old": old}
    told = {"size": "s", "old": "x", "diagnosis": "secret"}
    assert own_fields.kept(own, told) == {"size": "S"}
    assert own_fields.kept(own, {"size": "huge"}) == {}


@pytest.mark.parametrize(
    ("one", "other", "is_slip"),
    [
        ("+375291112233", "+375291112234", True), ("+375291112233", "+375291121233", True),
        ("+375291112233", "+375291112233", False), ("+375291112233", "+375291112345", False),
        ("+375291112233", "+37529111223", False),
    ],
)  # fmt: skip
def test_a_slip_is_one_digit_or_two_changed_about(one, other, is_slip):
    """P9."""
    assert doubles.is_slip(one, other) is is_slip
    assert (other in set(doubles.slips_of(one))) is is_slip


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"phone": "+375291112234", "name": "Anna Koval"}, "slip"),
        ({"phone": "+375291112234", "name": "Boris"}, None),
        ({"phone": "+375447778899", "email": "anna@x.by"}, "email"),
        ({"phone": None, "name": "Koval Anna"}, "name"),
        ({"phone": "+375447778899", "name": "Anna Koval"}, None),
        ({"phone": "+375447778899", "name": "Anna Koval", "city": "Minsk"}, "name"),
        ({"phone": None, "name": "Koval Anna", "merged_into": 9}, None),
    ],
)
def test_who_may_be_the_same_person(more, why):
    """R91: an offer, with what speaks for it."""
    anna = Contact(1, "+375291112233", "anna@x.by", NOON, name="Anna Koval", city="Minsk")
    other = Contact(**{"id": 2, "phone": None, "email": None, "created_at": NOON} | more)
    assert doubles.likeness(anna, other) == why


@pytest.mark.parametrize(
    ("raw", "country", "first"),
    [
        ("8O29 1112233", "BY", "+375291112233"), ("3331234567", "IT", "+393331234567"),
        ("375 29 111 22 33", None, "+375291112233"),
    ],
)  # fmt: skip
def test_what_a_number_may_have_meant(raw, country, first):
    """P9: an offer for a person to choose from."""
    assert phone_readings.readings(raw, (country,))[0].e164 == first
    assert not phone_readings.readings("do not call", (country,))
