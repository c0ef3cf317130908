"""A quick reading of numbers is the slow one, or none."""

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from ringdove.rules.people import phones
from ringdove.rules.people.phone_forms import quick

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
MARKETS = ("BY", "RU", "KZ", "IT", "ES", "PL", "US", "CA", "GB", "DE", "UA", "GE", "LT", "AR", "MX")
FORMATS = (PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL)
KINDS = (
    PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.TOLL_FREE, PhoneNumberType.VOIP, PhoneNumberType.UAN,
)  # fmt: skip


@st.composite
def written(draw: st.DrawFn) -> tuple[str, str]:
    """A number near a real one, in one of the forms that people use."""
    region = draw(st.sampled_from(REGIONS) | st.sampled_from(MARKETS))
    number = phonenumbers.example_number_for_type(region, draw(st.sampled_from(KINDS)))
    if number is None:
        number = phonenumbers.example_number(region)
    text = phonenumbers.format_number(number, draw(st.sampled_from(FORMATS)))
    digits = list(text)
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(digits) - 1))
        if digits[place].isdigit():
            digits[place] = draw(st.sampled_from("0123456789"))
    text = "".join(digits)
    form = draw(st.integers(0, 4))
    if form == 1:
        text = "".join(sign for sign in text if sign.isdigit())
    elif form == 2:
        text = "00" + text.lstrip("+")
    elif form == 3:
        text = draw(st.sampled_from(("8", "0", "80", "810", "1"))) + text.lstrip("+")
    home = draw(st.sampled_from((region, region, draw(st.sampled_from(MARKETS)))))
    return text, home


@settings(max_examples=1_500, deadline=None)
@given(written())
@example(("80291112233", "BY"))
@example(("375291112233", "BY"))
@example(("+79161234567", "BY"))
@example(("8 (916) 123-45-67", "RU"))
@example(("87011234567", "KZ"))
@example(("3470000000", "IT"))
@example(("3934700000", "IT"))
@pytest.mark.slow
def test_a_quick_reading_is_the_slow_one_or_none(one: tuple[str, str]) -> None:
    """P9. A list of a million is read by tables, and no number otherwise than with care."""
    text, home = one
    found = quick(text, home)
    assert found is None or found == phones.parse(text, home)


@settings(max_examples=500, deadline=None)
@given(st.text("+0123456789 ()-.", max_size=20), st.sampled_from(MARKETS))
def test_any_signs_are_read_alike(text: str, home: str) -> None:
    """P9."""
    found = quick(text, home)
    assert found is None or found == phones.parse(text, home)


@pytest.mark.parametrize(
    ("text", "home"),
    [
        ("+375291112233", "BY"), ("8 (029) 111-22-33", "BY"), ("375291112233", "BY"),
        ("+7 916 123-45-67", "RU"), ("89161234567", "RU"), ("9161234567", "RU"),
        ("347 123 4567", "IT"), ("+39 347 1234567", "IT"), ("612 345 678", "ES"),
        ("+1 415 555 2671", "US"), ("0039 347 1234567", "BY"), ("501234567", "PL"),
    ],
)  # fmt: skip
def test_the_usual_forms_are_quick(text: str, home: str) -> None:
    """What most lists hold never waits for the slow reading."""
    assert quick(text, home) == phones.parse(text, home)
    assert quick(text, home) is not None
