"""Numbers as people type them (P9), possible zones (P4), masking."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules.people import phones
from ringdove.rules.people.phones import Doubtful, Phone

CASES = json.loads(Path(__file__).with_name("phones.json").read_text("utf-8"))


@pytest.mark.parametrize(("raw", "country", "e164", "home", "kind"), CASES)
def test_a_field_is_read_with_its_country_or_goes_to_a_person(
    raw: str, country: str | None, e164: str | None, home: str, kind: phones.Kind
) -> None:
    """P9, R66, R91."""
    read = phones.parse(raw, country)
    if e164 is None:
        assert isinstance(read, Doubtful)
        assert read.reason
    else:
        assert read == Phone(e164, home, kind)


def test_the_reason_says_what_is_missing() -> None:
    reasons = {
        "": "empty",
        "12 34": "too few digits",
        "8O29 1112233": "letters among the digits",
        "999999999": "no number of BY nor a full international one",
        "9" * 201: "longer than a phone number can be",
    }
    for raw, reason in reasons.items():
        assert phones.parse(raw, "BY") == Doubtful(raw[: phones.FIELD_LETTERS_MAX], reason)
    assert phones.parse("029 111 22 33", None) == Doubtful(
        "029 111 22 33", "no country to read it with"
    )


@given(
    st.one_of(st.text(max_size=250), st.text(alphabet="+0123456789 ()-/,;.\nxа", max_size=60)),
    st.one_of(st.sampled_from(["BY", "RU", "IT", "ES", "PL", "US", None]), st.text(max_size=3)),
)
def test_nothing_typed_raises(raw: str, country: str | None) -> None:
    read = phones.parse(raw, country)
    if isinstance(read, Phone):
        assert phones.parse(phones.pretty(read.e164), None) == read
        assert phones.zones(read.e164, None) != ()


ALL_OF_RUSSIA = phones.zones("+79161234567", None)


@pytest.mark.parametrize(
    ("e164", "country", "region", "zones"),
    [
        ("+375291112233", None, None, ("Europe/Minsk",)),
        ("+393331234567", None, None, ("Europe/Rome",)),
        ("+34612345678", "ES", None, ("Atlantic/Canary", "Europe/Madrid")),
        ("+34612345678", "ES", "TF", ("Atlantic/Canary",)),
        ("+34612345678", "es", " m ", ("Europe/Madrid",)),
        ("+79161234567", "BY", None, ("Europe/Minsk",)),
        ("+79161234567", "RU", None, ALL_OF_RUSSIA),
        ("+79161234567", "RU", "Москва", ("Europe/Moscow",)),
        ("+79161234567", "RU", "somewhere", ALL_OF_RUSSIA),
        ("+375291112233", "RU", "PRI", ("Asia/Vladivostok",)),
        ("+74951234567", None, None, ("Europe/Moscow",)),
        ("+74232212345", None, None, ("Asia/Vladivostok",)),
        ("+12125551234", None, None, ("America/New_York",)),
        ("+12125551234", "US", "CA", ("America/Los_Angeles",)),
        ("+375291112233", "ZZ", None, ("Europe/Minsk",)),
        ("no number", None, None, ("UTC",)),
    ],
)
def test_the_address_tells_the_zones_before_the_number(
    e164: str, country: str | None, region: str | None, zones: tuple[str, ...]
) -> None:
    """P4."""
    assert phones.zones(e164, country, region) == zones


def test_a_russian_mobile_may_be_anywhere_in_russia() -> None:
    """P4."""
    assert len(ALL_OF_RUSSIA) == 11
    assert {"Europe/Kaliningrad", "Europe/Moscow", "Europe/Samara"} < set(ALL_OF_RUSSIA)
    assert {"Asia/Yekaterinburg", "Asia/Vladivostok"} < set(ALL_OF_RUSSIA)


@pytest.mark.parametrize(
    ("e164", "masked"),
    [
        ("+375291112233", "+375 29 ••• •• 33"),
        ("+79161234567", "+7 916 ••• •• 67"),
        ("+393331234567", "+39 333 ••• ••67"),
        ("+34612345678", "+34 61• •• •• 78"),
        ("+4915123456789", "+49 151• •••••89"),
        ("+6581234567", "+65 8••• ••67"),
        ("+12125551234", "+1 212 ••• ••34"),
        ("what", "•••"),
        ("", "•••"),
    ],
)
def test_a_masked_number_cannot_be_called(e164: str, masked: str) -> None:
    assert phones.mask(e164) == masked


def test_a_pretty_number_reads_as_at_home() -> None:
    assert phones.pretty("+375291112233") == "+375 29 111-22-33"
    assert phones.pretty("what") == "what"
