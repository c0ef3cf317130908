"""Recency, frequency and money in one word for each person (R20).

The usual way cuts a shop's people into fifths of each. It always finds a best fifth, also where
nobody came twice; it moves a person because others moved; and of forty people it makes noise. Here
the lines are drawn by the shop's own rhythm (rules/segments/rhythm.py) and said in words a
shopkeeper can check: who ordered within two usual gaps is around, who did not for four is lost;
four orders make a regular; much is twice what a buyer spends on average. The words shut each other
out and leave nobody over.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from ringdove.rules.segments.rhythm import Pace
from ringdove.rules.segments.segments import RfmClass

REGULAR_ORDERS: Final = 4
AROUND_GAPS, LOST_GAPS = 2, 4
MUCH_TIMES: Final = 2
# A shop that knows little of its rhythm, or an odd one, still calls nobody lost within two months.
GAP_DAYS_MIN, GAP_DAYS_MAX = 15.0, 180.0


@dataclass(frozen=True, slots=True)
class Lines:
    """What divides the words in this shop."""

    around: timedelta  # since the last order: not longer ago than this
    lost: timedelta  # longer ago than this
    much: Decimal  # spent, in the store's currency; infinite before a shop knows what is usual


def lines(shop: Pace) -> Lines:
    """For a shop of this pace."""
    gap = timedelta(days=round(min(max(shop.gap_days, GAP_DAYS_MIN), GAP_DAYS_MAX)))
    much = shop.spent * MUCH_TIMES or Decimal("Infinity")
    return Lines(gap * AROUND_GAPS, gap * LOST_GAPS, much)


def class_of(
    orders: int, spent: Decimal, last_order_at: datetime | None, lines: Lines, now: datetime
) -> RfmClass:
    """The word for somebody; records/segments/segments.py says the same in SQL."""
    if not orders or last_order_at is None:
        return "never_bought"
    ago = now - last_order_at
    if ago > lines.lost:
        return "lost"
    if ago > lines.around:
        return "at_risk" if orders >= REGULAR_ORDERS else "fading"
    if orders >= REGULAR_ORDERS:
        return "best" if spent >= lines.much else "loyal"
    return "new" if orders == 1 else "promising"
