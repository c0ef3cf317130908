"""What "within 30 days", "aged 20 to 30", "next week" and "Minsk" mean, by plain counting."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ringdove.rules.segments import segment_times as times
from ringdove.rules.segments.segments import TREE, Range, Span, path_of

ZONE = "Europe/Paris"
DAY = timedelta(days=1)
days = st.dates(date(2020, 1, 1), date(2032, 12, 31))
births = st.dates(date(1920, 1, 1), date(2032, 12, 31))
ends = st.none() | st.integers(-3, 120)


def _range(least: int | None, most: int | None) -> Range:
    if least is not None and most is not None and least > most:
        least, most = most, least
    return Range(at_least=least, at_most=most)


@given(today=days, birthday=births, least=ends, most=ends)
def test_an_age_is_counted_in_birthdays_that_were_had(today, birthday, least, most) -> None:
    """R20. Also of who was born on 29 February, and on it."""
    years = today.year - birthday.year
    if (today.month, today.day) < (birthday.month, birthday.day):
        years -= 1
    wanted = _range(least, most)
    is_born = birthday <= today
    assert (times.born(wanted, today).have(birthday) and is_born) == (wanted.has(years) and is_born)


@given(today=days, birthday=births, least=st.integers(0, 30), more=st.integers(0, 30))
def test_a_birthday_comes_in_so_many_days(today, birthday, least, more) -> None:
    """R22. 29 February is celebrated on the 28th where there is none."""

    def celebrated(day: date) -> bool:
        if (birthday.month, birthday.day) == (2, 29) and not _is_leap(day.year):
            return (day.month, day.day) == (2, 28)
        return (day.month, day.day) == (birthday.month, birthday.day)

    wanted = any(celebrated(today + n * DAY) for n in range(least, least + more + 1))
    found = times.days_of_year(_range(least, least + more), today)
    assert (times.day_of_year(birthday) in found) == wanted


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


NOON = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)  # the night before had an hour less
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("span", "at", "lies_in"),
    [
        ({}, NOON - 9999 * DAY, True),
        ({"within_days": 1}, NOON - DAY, True),
        ({"within_days": 1}, NOON - DAY - TICK, False),
        ({"before_days": 1}, NOON - DAY, True),
        ({"before_days": 1}, NOON - DAY + TICK, False),
        ({"since": "2026-03-29"}, datetime(2026, 3, 28, 23, 0, tzinfo=UTC), True),
        ({"since": "2026-03-29"}, datetime(2026, 3, 28, 23, 0, tzinfo=UTC) - TICK, False),
        ({"until": "2026-03-29"}, datetime(2026, 3, 29, 22, 0, tzinfo=UTC) - TICK, True),
        ({"until": "2026-03-29"}, datetime(2026, 3, 29, 22, 0, tzinfo=UTC), False),
        ({"within_days": 9, "until": "2026-03-21"}, NOON - 9 * DAY, True),
        ({"within_days": 8, "until": "2026-03-21"}, NOON - 9 * DAY, False),
    ],
)
def test_a_span_begins_and_ends_by_the_stores_clock(span, at, lies_in) -> None:
    assert times.moments(Span(**span), NOON, ZONE).have(at) is lies_in


def test_what_never_happened_lies_in_no_span() -> None:
    assert not times.EVER.have(None)


def test_hours_are_counted_back() -> None:
    """R46: a cart that was left three hours to three days ago."""
    left = times.ago(_range(3, 72), NOON)
    assert left.have(NOON - timedelta(hours=3)) and not left.have(NOON - timedelta(hours=2.99))
    assert left.have(NOON - timedelta(hours=72)) and not left.have(NOON - timedelta(hours=72.01))


def test_a_date_of_ones_own_lies_ahead_or_behind() -> None:
    today = date(2026, 3, 29)
    assert times.dates(Span(within_days=3), today) == times.Dates(date(2026, 3, 26), today)
    assert times.ahead(_range(-1, 2), today) == times.Dates(date(2026, 3, 28), date(2026, 3, 31))
    # "In the next two days" is nothing that was years ago; "overdue by two days or more" is.
    assert times.ahead(_range(None, 2), today) == times.Dates(today, date(2026, 3, 31))
    assert times.ahead(_range(None, -2), today) == times.Dates(None, date(2026, 3, 27))
    found = times.at_days(_range(0, 0), NOON, ZONE)
    midnight = datetime(2026, 3, 29, tzinfo=ZoneInfo(ZONE))
    assert found == (midnight, datetime(2026, 3, 30, tzinfo=ZoneInfo(ZONE)))


@given(least=st.none() | st.decimals(-(10**12), 10**12, places=6), days_=st.integers(0, 36_500))
def test_no_number_is_too_large_to_reckon_with(least, days_) -> None:
    some = Range(at_least=None if least is None else Decimal(least))
    for reckon in (times.born, times.days_of_year, times.ahead):
        reckon(some, date(2026, 3, 29))
    times.ago(some, NOON), times.at_days(some, NOON, ZONE)
    times.moments(Span(within_days=days_, before_days=days_), NOON, ZONE)


@pytest.mark.parametrize(
    ("asked", "found", "is_same"),
    [
        ("Málaga", "MALAGA", True), ("malaga", "Málaga", True), ("Орёл", "ОРЕЛ", True),
        ("Гродно", "гродно", True), ("Łódź", "łódź", True), ("Minsk", "Minsk region", False),
        ("a.c", "abc", False), ("St. John's (N)", "st. john's (n)", True),
        ("Брэст", "Брест", False), ("Minsk", "Minsk\n", False),
    ],
)  # fmt: skip
def test_cities_are_compared_without_case_and_accents(asked, found, is_same) -> None:
    assert bool(re.search(times.pattern([asked, "x"]), found)) is is_same


@pytest.mark.parametrize(
    ("asked", "page", "is_under"),
    [
        ("/sale", "/sale/shoes", True), ("/sale", "https://shop.example/sale?x=1", True),
        ("/sale", "https://shop.example/new/sale", False), ("/s.le", "/sale", False),
        ("https://shop.example/new", "https://shop.example/new/1", True),
        ("shop.example", "https://shop.example/", False),
    ],
)  # fmt: skip
def test_pages_are_known_by_how_they_begin(asked, page, is_under) -> None:
    """R20: with or without the shop's own address before them."""
    assert bool(re.search(times.page_pattern([asked]), page)) is is_under


def test_an_error_names_the_place_as_the_json_is_written() -> None:
    told = {"leaf": "any", "of": [{"leaf": "not", "of": {"leaf": "segment", "segment": 0}}]}
    with pytest.raises(ValidationError) as refused:
        TREE.validate_python(told)
    assert [path_of(one["loc"]) for one in refused.value.errors()] == ["of.0.of.segment"]
