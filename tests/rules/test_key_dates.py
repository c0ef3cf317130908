"""The calendar of key dates against days that were published (R41)."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules.campaigns import campaign_recipes, key_dates
from ringdove.rules.campaigns.key_dates import KEY_DATES


@pytest.mark.parametrize(
    ("key", "country", "year", "day"),
    [
        ("black_friday", "BY", 2026, "2026-11-27"),
        ("black_friday", "IT", 2024, "2024-11-29"),
        ("cyber_monday", "ES", 2026, "2026-11-30"),
        ("cyber_monday", "US", 2024, "2024-12-02"),
        ("winter_sale", "IT", 2024, "2024-01-05"),
        ("winter_sale", "IT", 2025, "2025-01-04"),  # the 5th is a Sunday
        ("winter_sale", "IT", 2026, "2026-01-03"),  # the 5th is a Monday
        ("winter_sale", "FR", 2025, "2025-01-08"),
        ("winter_sale", "FR", 2026, "2026-01-07"),
        ("summer_sale", "FR", 2023, "2023-06-28"),
        ("summer_sale", "FR", 2026, "2026-06-24"),
        ("summer_sale", "IT", 2025, "2025-07-05"),
        ("easter", "IT", 2026, "2026-04-05"),
        ("easter", "RU", 2026, "2026-04-12"),
        ("easter", "BY", 2026, "2026-04-05"),
        ("orthodox_easter", "BY", 2026, "2026-04-12"),
        ("mothers_day", "FR", 2023, "2023-06-04"),  # the last Sunday of May was Whit Sunday
        ("mothers_day", "FR", 2024, "2024-05-26"),
        ("mothers_day", "GB", 2026, "2026-03-15"),
        ("mothers_day", "IT", 2026, "2026-05-10"),
        ("mothers_day", "ES", 2026, "2026-05-03"),
        ("mothers_day", "RU", 2026, "2026-11-29"),
        ("mothers_day", "BY", 2026, "2026-10-14"),
        ("fathers_day", "RU", 2025, "2025-10-19"),
        ("fathers_day", "US", 2026, "2026-06-21"),
        ("womens_day", "IT", 2026, "2026-03-08"),
        ("back_to_school", "RU", 2026, "2026-09-01"),
        ("orthodox_christmas", "BY", 2027, "2027-01-07"),
    ],
)
def test_a_day_is_the_one_that_was_published(key: str, country: str, year: int, day: str) -> None:
    """R41."""
    assert KEY_DATES[key].day(country, year) == date.fromisoformat(day)


def test_what_a_country_does_not_keep_is_not_offered() -> None:
    """R41."""
    assert KEY_DATES["defenders_day"].day("IT", 2026) is None
    assert KEY_DATES["orthodox_easter"].day("RU", 2026) is None  # there it is simply Easter
    found = {one.key for one in key_dates.between(["US"], date(2026, 1, 1), date(2026, 12, 31))}
    assert "winter_sale" not in found and {"black_friday", "halloween"} <= found


def test_countries_that_keep_a_day_together_share_a_line() -> None:
    """R41."""
    found = key_dates.between(["BY", "RU", "IT"], date(2026, 4, 1), date(2026, 4, 30))
    told = [(one.key, one.day.day, one.countries) for one in found]
    assert told == [
        ("easter", 5, ("BY", "IT")),
        ("easter", 12, ("RU",)),
        ("orthodox_easter", 12, ("BY",)),
    ]


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.sampled_from(["BY", "IT", "FR", "DE"]))
def test_a_span_holds_its_own_days_in_order_and_a_year_holds_each_once(
    first: date, country: str
) -> None:
    """R41."""
    found = key_dates.coming([country], first, timedelta(days=364))
    assert found == sorted(found, key=lambda one: (one.day, one.key))
    assert all(first <= one.day <= first + timedelta(days=364) for one in found)
    of_year = key_dates.between([country], date(first.year, 1, 1), date(first.year, 12, 31))
    assert len({one.key for one in of_year}) == len(of_year)


def test_every_key_date_has_a_recipe_to_start_from() -> None:
    """R41."""
    assert {one.recipe for one in KEY_DATES.values()} <= campaign_recipes.RECIPES.keys()
