"""What people are found by: letters as they are compared, numbers as they are typed, filters."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules.people import searching
from ringdove.rules.people.searching import NO_FILTERS, Filters
from ringdove.rules.scenes import Contact

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


def person(**changes: Any) -> Contact:
    told = {
        "id": 1, "phone": "+375291112233", "email": "anna.k87@mail.example", "created_at": NOON,
        "name": "Алёна О’Коваль", "country": "BY", "city": "Королёв", "language": "ru",
    }  # fmt: skip
    return Contact(**(told | changes))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Алёна", "алена"), ("Алёна", "Alena"), ("ЖАННА", "zhanna"), ("Щука", "schuka"),
        ("Nicolò", "nicolo"), ("Łukasz", "lukasz"), ("O'Neil", "oneil"), ("Begoña", "BEGONA"),
        ("Ўладзіслаў", "Uladzislau"), ("Иван", "ivan"), ("Straße", "strasse"),
    ],
)  # fmt: skip
def test_letters_are_compared_without_case_accents_and_alphabet(one: str, other: str) -> None:
    """Issue 4, item 8: Cyrillic and Latin, ё and е, accents."""
    assert searching.fold(one) == searching.fold(other)


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("8 (029) 111", "8029111"), ("+375 29", "+37529"), ("029-111-22", "02911122"),
        ("111", "111"), ("29", ""), ("anna", ""), ("a111", ""), ("", ""), ("١٢٣", ""),
    ],
)  # fmt: skip
def test_a_part_of_a_number_is_told_from_words(typed: str, digits: str) -> None:
    """Three digits at least; letters among them make it a word."""
    assert searching.number_in(typed) == digits


def test_a_number_is_also_looked_for_as_it_is_dialled_at_home() -> None:
    """P9: 8 (029) 111 is a part of +375 29 111…"""
    needle = searching.needle(7, "8 (029) 111", NO_FILTERS, masked=False)
    assert needle.numbers == ("%8029111%", "%29111%")
    (sure,) = needle.sure
    assert "'7#291'" in sure and "'7#802'" in sure
    assert searching.needle(7, "+375 29", NO_FILTERS, masked=False).numbers == ("37529%",)


def test_the_masked_ask_for_names_only() -> None:
    """P10, roles: who may not see numbers finds nobody by parts of them, nor by addresses."""
    needle = searching.needle(7, "1112", NO_FILTERS, masked=True)
    assert needle.numbers == () and "#" not in needle.query
    assert searching.needle(7, "anna", NO_FILTERS, masked=True).query == "'7:anna':*A"
    assert "'7:alena':1A" in searching.signs(7, person())
    assert "'7:k87':1 " in searching.signs(7, person())


def test_every_sign_begins_with_its_store() -> None:
    """P10."""
    rich = person(
        scopes={"topic/loyalty": ["out", "2026-11-22"]}, fields={"size": "42", "list": [1]},
        orders=2, paused_until=NOON, origin_note="import/12",
    )  # fmt: skip
    found = searching.signs(7, rich)
    assert found.count("'7") * 2 == found.count("'")
    for trait in (
        "offers/none", "topic/loyalty/out", "field/size/42", "ordered", "paused", "country/by",
        "city/korolev", "note/import/12", "origin/order",
    ):  # fmt: skip
        assert f"'7={trait}'" in found
    assert "list" not in found


def test_the_merged_and_the_erased_have_no_signs() -> None:
    """P12, R91."""
    assert searching.signs(7, person(merged_into=2)) == ""
    assert searching.signs(7, person(erased_at=NOON)) == ""


@given(st.text(max_size=60), st.text(max_size=30), st.dictionaries(st.text(), st.text()))
def test_no_text_breaks_out_of_its_sign(name: str, city: str, fields: dict[str, str]) -> None:
    """Quotes and backslashes of a shop's texts never change the query (fuzz)."""
    found = searching.signs(7, person(name=name, city=city, fields=fields, email=name))
    assert "\\" not in found and "\x00" not in found
    assert found.count("'7") * 2 == found.count("'") or "'7" in name + city
    needle = searching.needle(7, name, Filters(city=city, fields=fields), masked=False)
    assert "\\" not in needle.query and needle.query.count("'") % 2 == 0


@pytest.mark.parametrize(
    ("changes", "is_other"),
    [({"spent": 3}, False), ({"last_order_at": NOON}, False), ({"name": "B"}, True),
     ({"marketing": "out"}, True), ({"orders": 1}, True), ({"merged_into": 4}, True)],
)  # fmt: skip
def test_only_what_people_are_found_by_is_written_anew(
    changes: dict[str, Any], is_other: bool
) -> None:
    """An order of somebody known costs the search nothing."""
    assert searching.is_found_otherwise(person(), person(**changes)) is is_other
    assert searching.is_found_otherwise(None, person())
    assert not searching.is_found_otherwise(person(orders=1), person(orders=2))


@pytest.mark.parametrize(
    ("typed", "key"),
    [("L-1042", "1042"), ("#N-42", "42"), ("№ 17", "17"), ("2026/17-B", "2026/17-b"),
     ("anna", ""), ("12 34", ""), ("", "")],
)  # fmt: skip
def test_the_number_of_an_order_is_looked_up_by_its_digits(typed: str, key: str) -> None:
    assert searching.order_in(typed) == key
