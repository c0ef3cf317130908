"""How pages say times, money and numbers, and the numbers behind charts and guesses."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from ringdove.web.charts import bars, nice_top, spark
from ringdove.web.speech import Speech
from ringdove.web.store import places
from ringdove.web.store.passwords import weakness

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
EN = Speech("en", ZoneInfo("Europe/Minsk"), NOW)
RU = Speech("ru", ZoneInfo("Europe/Minsk"), NOW, masked=True)


def plain(text: str) -> str:
    """Without the spaces that do not break."""
    return text.replace("\xa0", " ").replace("\u202f", " ")


def test_times_are_near_or_exact() -> None:
    assert EN.ago(NOW - timedelta(minutes=5)) == "5 minutes ago"
    assert RU.ago(NOW - timedelta(hours=2)) == "2 часа назад"
    assert EN.ago(NOW - timedelta(seconds=3)) == "just now"
    assert EN.ago(NOW + timedelta(hours=2)) == "in 2 hours"
    assert EN.ago(NOW - timedelta(days=20)) == "28 February"
    assert EN.ago(datetime(2025, 3, 1, tzinfo=UTC)) == "1 March 2025"
    told = EN.when(NOW - timedelta(minutes=5))
    assert 'datetime="2026-03-20T11:55:00+00:00"' in told
    assert "20 Mar 2026, 14:55:00" in told


def test_a_day_is_the_store_s_day() -> None:
    late = datetime(2026, 3, 20, 22, 30, tzinfo=UTC)
    assert EN.day(late) == "21 March"
    assert EN.clock(late) == "01:30"
    assert RU.day(date(2026, 5, 9)) == "9 мая"


def test_money_and_numbers() -> None:
    assert plain(RU.money(Decimal("1234.5"), "BYN")) == "1 234,50 BYN"
    assert EN.money(Decimal("9.9"), "EUR") == "€9.90"
    assert EN.money(Decimal(5), "") == "5.00"
    assert EN.money(None, "EUR") == ""
    assert plain(RU.number(12345)) == "12 345"


def test_viewers_see_a_phone_masked() -> None:
    assert "111" in EN.phone("+375291112233")
    assert "111" not in RU.phone("+375291112233")
    assert EN.phone(None) == ""


@pytest.mark.parametrize(
    ("value", "top"), [(0, 2), (2, 2), (3, 4), (7, 8), (54, 60), (61, 80), (101, 200)]
)
def test_a_chart_ends_at_a_round_number(value: float, top: float) -> None:
    assert nice_top(value) == top


def test_bars_stack_from_the_ground() -> None:
    chart = bars(["a", "b"], [[1, 0], [3, 2]], width=100, height=40)
    first, second = chart.bars
    assert [(index, y, tall) for index, y, tall, _ in first.pieces] == [(0, 30, 10), (1, 0, 30)]
    assert [(index, y, tall) for index, y, tall, _ in second.pieces] == [(1, 20, 20)]
    assert spark([]) == "" and spark([5, 5]).count(",") == 2


def test_a_country_gives_sensible_guesses() -> None:
    assert (places.zone_of("BY"), places.currency_of("BY")) == ("Europe/Minsk", "BYN")
    assert (places.zone_of("IT"), places.currency_of("IT")) == ("Europe/Rome", "EUR")
    assert places.zone_of("RU") == "Europe/Moscow"
    assert places.languages_of("BY", "en") == ["ru", "be"]
    assert places.languages_of("JP", "pl") == ["en"]
    assert places.country_of("it-CH,it;q=0.9") == "CH"
    assert places.country_of("be,ru;q=0.5") == "BY"
    assert places.country_of("") == ""
    assert places.zone_of("") == "UTC"


def test_every_country_has_a_zone_that_the_form_offers() -> None:
    offered = {zone for zone, _ in places.zones()}
    without = [code for code, _ in places.countries("en") if places.zone_of(code) not in offered]
    assert without == []


@pytest.mark.parametrize(
    ("password", "is_weak"),
    [
        ("short", True),
        ("aaaaaaaaaaaaa", True),
        ("alexandra2024", True),
        ("a quiet morning", False),
        ("тихое утро", False),
    ],
)
def test_a_password_is_long_and_not_one_s_name(password: str, is_weak: bool) -> None:
    assert bool(weakness(password, "Alexandra", "alexandra@example.com")) is is_weak
