"""R16: a person's own hour comes from their visits, and one visit does not decide it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules.segments import send_hours

HOURS = st.lists(st.integers(0, 23), max_size=400)


@pytest.mark.parametrize(
    ("visits", "own"),
    [
        ([], None),
        ([3], None),  # one night
        ([3, 3], None),
        ([20, 20, 20], 20),
        ([19, 20, 20, 21], 20),  # the same habit, a little before and after
        ([23, 0, 0, 1], 0),  # round midnight
        ([9, 13, 20], None),  # at any time
        (list(range(24)) * 3, None),  # always the same: no hour is theirs
        ([*range(24), *[20] * 6], 20),
        ([8] * 300 + [20] * 300, 8),  # counted to 255: as often used, the earlier
    ],
)
def test_an_own_hour_wants_a_habit(visits: list[int], own: int | None) -> None:
    """R16."""
    assert send_hours.own(send_hours.counted(visits)) == own


@given(HOURS, HOURS)
def test_the_order_of_visits_says_nothing(one: list[int], other: list[int]) -> None:
    """R16: kept by and by, it is the same as counted at once."""
    by_and_by = send_hours.added(send_hours.counted(one), other)
    assert by_and_by == send_hours.counted([*other, *one])
    assert len(by_and_by) in (0, send_hours.HOURS)


@given(HOURS, st.integers(0, 23))
def test_all_clocks_are_alike(visits: list[int], shift: int) -> None:
    """R16: a habit is found wherever on the clock it lies."""
    own = send_hours.own(send_hours.counted(visits))
    moved = send_hours.own(send_hours.counted((hour + shift) % 24 for hour in visits))
    assert (own is None) == (moved is None)


def test_the_shop_has_an_hour_as_soon_as_anybody_came() -> None:
    """R16: what stands in for who has none of their own."""
    assert send_hours.of_shop({}) is None
    assert send_hours.of_shop({21: 400, 20: 390, 9: 410}) in (20, 21)


@pytest.mark.parametrize("zone", ["Europe/Minsk", "Asia/Kolkata", "Europe/Rome"])
def test_an_hour_of_the_stores_clock_begins_where_its_clock_says(zone: str) -> None:
    """R16: also where the clock is half an hour off, and on the night that it is put back."""
    for at in (datetime(2026, 11, 18, 12, 47, 3, tzinfo=UTC),
               datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
               datetime(2026, 10, 25, 1, 30, tzinfo=UTC)):  # fmt: skip
        since = send_hours.begin_of(at, ZoneInfo(zone))
        local = since.astimezone(ZoneInfo(zone))
        assert (local.minute, local.second) == (0, 0)
        assert (at - since).total_seconds() < 3600
        assert local.hour == send_hours.hour_of(at, ZoneInfo(zone))
