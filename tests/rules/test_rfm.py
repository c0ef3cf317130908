"""R20: recency, frequency and money in one word, by lines a shopkeeper can check."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules.segments import rfm
from ringdove.rules.segments.rhythm import Pace
from ringdove.rules.segments.segments import RfmClass

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
LINES = rfm.lines(Pace(30.0, 4.0, 100, Decimal(50)))  # around for 60 days, lost after 120


@pytest.mark.parametrize(
    ("orders", "spent", "days_ago", "word"),
    [
        (0, 0, None, "never_bought"),
        (1, 500, 60, "new"),
        (3, 500, 1, "promising"),
        (4, 99, 60, "loyal"),
        (4, 100, 60, "best"),
        (3, 100, 61, "fading"),
        (1, 100, 120, "fading"),
        (4, 100, 61, "at_risk"),
        (9, 900, 121, "lost"),
        (1, 0, 121, "lost"),
    ],
)
def test_the_words_and_their_edges(
    orders: int, spent: int, days_ago: int | None, word: str
) -> None:
    """R20."""
    last = None if days_ago is None else NOON - timedelta(days=days_ago)
    assert rfm.class_of(orders, Decimal(spent), last, LINES, NOON) == word


@given(st.integers(0, 50), st.decimals(0, 10_000, places=2), st.integers(0, 2_000))
def test_everybody_has_one_word(orders: int, spent: Decimal, days_ago: int) -> None:
    """R20: and buying never makes it worse."""
    last = NOON - timedelta(days=days_ago) if orders else None
    word = rfm.class_of(orders, spent, last, LINES, NOON)
    assert word in get_args(RfmClass)
    assert (word == "never_bought") == (not orders)
    assert rfm.class_of(orders + 1, spent, NOON, LINES, NOON) not in ("lost", "fading", "at_risk")


def test_an_odd_rhythm_calls_nobody_lost_in_a_week_nor_a_customer_for_ever() -> None:
    """R20."""
    assert rfm.lines(Pace(1.0)).lost == timedelta(days=60)
    assert rfm.lines(Pace(1_000.0)).lost == timedelta(days=720)


def test_a_shop_that_knows_nothing_yet_calls_nobody_the_best() -> None:
    """R20."""
    assert rfm.class_of(9, Decimal(9_999), NOON, rfm.lines(Pace()), NOON) == "loyal"
