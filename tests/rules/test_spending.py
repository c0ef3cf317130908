"""Limits of money, to the millionth and to the minute (N6)."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from ringdove.rules.sending.spending import MICRO, Left, Limit, Room, Wish, ends, fit, micros, room

MINSK = "Europe/Minsk"
NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 18, 21, 0, tzinfo=UTC)  # at the store
DAY = Limit("day", "marketing", "EUR", Decimal("1.00"))
MONTH = Limit("month", "all", "EUR", Decimal("10.00"))


def wish(key: int, cost: str | None, klass: str = "marketing", currency: str = "EUR") -> Wish:
    return Wish(key, klass, currency, None if cost is None else Decimal(cost))


@pytest.mark.parametrize(
    ("spent", "costs", "held"),
    [
        ("0.50", ["0.50"], []),  # to the last millionth
        ("0.500001", ["0.50"], [0]),
        ("0", ["0.999999", "0.000001", "0.000001"], [2]),
        ("0.90", ["0.20", "0.10", "0.01"], [0, 2]),  # a cheaper one still fits, then nothing does
        ("1.00", ["0", "0.000001"], [1]),  # what costs nothing always fits
        ("1.50", ["0.01"], [0]),  # lowered below what was spent
        ("1.00", [None], []),  # an unknown price is not seen
    ],
)
def test_each_text_fits_whole_or_waits(spent, costs, held):
    left = Room((Left(DAY, micros(DAY.amount) - micros(Decimal(spent)), MIDNIGHT),))
    found = fit(left, [wish(n, cost) for n, cost in enumerate(costs)])
    assert list(found.held) == held
    assert set(found.held.values()) <= {MIDNIGHT}
    went = [Decimal(c) for n, c in enumerate(costs) if n not in held and c]
    assert sum(found.spent.values()) == micros(sum(went, Decimal()))
    assert found.reached == ((DAY,) if held else ())


def test_a_limit_of_marketing_leaves_service_alone_and_the_longer_one_holds_longer():
    end = ends("month", NOON.date(), MINSK)
    there = Room((Left(DAY, 0, MIDNIGHT), Left(MONTH, micros(Decimal("0.05")), end)))
    found = fit(there, [wish(1, "0.05", "service"), wish(2, "0.01"), wish(3, "0.01", "service")])
    assert found.spent == {("service", "EUR"): 50_000}
    assert found.held == {2: end, 3: end}
    assert set(found.reached) == {DAY, MONTH}
    assert fit(there, [wish(1, "9", currency="BYN")]).held == {}
    assert (there.of("marketing", "EUR"), there.of("service", "EUR")) == (0, Decimal("0.05"))
    assert there.of("service", "BYN") is None


@pytest.mark.parametrize(
    ("period", "day", "zone", "end"),
    [
        ("day", date(2026, 11, 18), MINSK, MIDNIGHT),
        ("day", date(2026, 3, 28), "Europe/Rome", datetime(2026, 3, 28, 23, tzinfo=UTC)),
        ("day", date(2026, 3, 29), "Europe/Rome", datetime(2026, 3, 29, 22, tzinfo=UTC)),
        ("day", date(2026, 11, 18), "Asia/Kolkata", datetime(2026, 11, 18, 18, 30, tzinfo=UTC)),
        ("month", date(2026, 12, 31), MINSK, datetime(2026, 12, 31, 21, tzinfo=UTC)),
        ("month", date(2028, 2, 1), "UTC", datetime(2028, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_period_ends_at_midnight_of_the_store(period, day, zone, end):
    """Also where clocks change, and where midnight is no full hour of UTC."""
    assert ends(period, day, zone) == end


def test_what_is_left_counts_the_days_of_the_period():
    spent = {
        (date(2026, 11, 18), "marketing", "EUR"): 400_000,
        (date(2026, 11, 18), "service", "EUR"): 100_000,
        (date(2026, 11, 18), "marketing", "BYN"): 9 * MICRO,
        (date(2026, 11, 17), "marketing", "EUR"): 2 * MICRO,
        (date(2026, 10, 31), "marketing", "EUR"): 9 * MICRO,
    }
    day, month = room([DAY, MONTH], spent, NOON, MINSK).left
    assert (day.micros, day.until) == (600_000, MIDNIGHT)
    assert month.micros == 7_500_000
    day, month = room([DAY, MONTH], spent, MIDNIGHT, MINSK).left  # the next day begins
    assert (day.micros, month.micros) == (MICRO, 7_500_000)
