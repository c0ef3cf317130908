"""Which text may claim an order: by tables."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ringdove.rules.reports import revenue
from ringdove.rules.reports.revenue import Claim, Click, Earned, Order, Text

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAYS = 3


def ago(hours: float) -> datetime:
    return NOON - timedelta(hours=hours)


def text(number: int, hours: float, klass: str = "marketing", state: str = "delivered",
         offer: int = 0) -> Text:  # fmt: skip
    return Text(number, ago(hours), klass, state, offer)


ORDER = Order(42, NOON, "paid")

# texts, clicks (message, hours ago), by last_click, by last_text
CASES = {
    "nothing was said": ([], [], None, None),
    "nobody tapped": ([text(1, 5)], [], None, (1, "text")),
    "tapped": ([text(1, 5)], [(1, 4)], (1, "click"), (1, "text")),
    "tapped after the order": ([text(1, 5)], [(1, -1)], None, (1, "text")),
    "tapped at the order's second": ([text(1, 5)], [(1, 0)], (1, "click"), (1, "text")),
    "the last tapped, not the last sent": (
        [text(1, 50), text(2, 5)], [(2, 3), (1, 2)], (1, "click"), (2, "text"),
    ),
    "a second tap counts": ([text(1, 50), text(2, 5)], [(1, 2), (2, 1)], (2, "click"), (2, "text")),
    "too long ago": ([text(1, 73)], [(1, 1)], None, None),
    "at the window's edge": ([text(1, 72)], [(1, 71)], (1, "click"), (1, "text")),
    "sent after the order": ([text(1, -1)], [], None, None),
    "service texts never claim": ([text(1, 5, "service")], [(1, 4)], None, None),
    "a service text does not hide an offer": (
        [text(1, 6), text(2, 5, "service")], [(1, 5), (2, 4)], (1, "click"), (1, "text"),
    ),
    "it did not arrive": ([text(1, 5, state="failed")], [], None, None),
    "it arrived, whatever the receipt says": (
        [text(1, 5, state="failed")], [(1, 4)], (1, "click"), None,
    ),
    "never sent": ([text(1, 5, state="dropped")], [(1, 4)], None, None),
    "its code was used": ([text(1, 5, offer=7)], [], (1, "code"), (1, "text")),
    "a code beats an earlier tap": (
        [text(1, 9, offer=7), text(2, 5)], [(2, 4)], (1, "code"), (2, "text"),
    ),
    "the later of two texts with the code": (
        [text(1, 9, offer=7), text(2, 5, offer=7)], [(1, 4)], (2, "code"), (2, "text"),
    ),
    "another offer's code": ([text(1, 5, offer=8)], [], None, (1, "text")),
    "a code of a text that did not arrive": ([text(1, 5, state="failed", offer=7)], [], None, None),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_one_text_at_most_claims_an_order(name: str) -> None:
    """R101."""
    texts, taps, by_click, by_text = CASES[name]
    clicks = [Click(message, ago(hours)) for message, hours in taps]
    order = Order(42, NOON, "paid", frozenset([7]) if "code" in name else frozenset())
    for rule, expected in (("last_click", by_click), ("last_text", by_text)):
        found = revenue.claim(order, texts, clicks, rule, DAYS)
        assert (found and (found.message_id, found.why)) == expected, rule


@pytest.mark.parametrize("state", revenue.TAKEN_BACK)
def test_what_was_not_bought_after_all_is_taken_back(state: str) -> None:
    """R101."""
    order = Order(42, NOON, state)
    for rule in revenue.RULES:
        assert revenue.claim(order, [text(1, 5)], [Click(1, ago(4))], rule, DAYS) is None


def test_a_claim_says_when_and_why() -> None:
    found = revenue.claim(ORDER, [text(1, 5)], [Click(1, ago(4))], "last_click", DAYS)
    assert found == Claim(1, "click", ago(4))


def test_profit_is_what_is_left_after_goods_and_texts() -> None:
    """R102."""
    earned = Earned(Decimal(1000), Decimal(50))
    assert earned.profit(30) == 250 and earned.roi(30) == 5
    assert Earned(Decimal(1000)).roi(30) is None, "nothing was paid for texts"
    assert Earned(Decimal(1000), Decimal(50), unpriced=1).roi(30) is None, "a guess is no figure"
