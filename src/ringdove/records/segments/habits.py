"""What is kept of one person, as a page or a program shows it: figures, and the categories they buy
of with what is expected next (N4). Who was merged into another is asked under the main one's id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.records.segments import rhythms
from ringdove.rules.scenes import Store
from ringdove.rules.segments import rfm, rhythm
from ringdove.rules.segments.segments import RfmClass

CATEGORIES_MAX: Final = 5  # those that they bought of most often

FIGURES = """
SELECT f.orders, f.days, f.spent, f.first_order_at, f.last_order_at, f.visits, f.visited_at,
  f.own_hour, f.cart_at, f.cart_total
FROM contact_figure f
WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.contact_id = %(contact_id)s
"""
CATEGORIES = """
SELECT k.category, k.orders, k.days, k.first_at, k.bought_at, k.spent, k.visits
FROM contact_category k
WHERE k.bucket = %(bucket)s AND k.store_id = %(store_id)s AND k.contact_id = %(contact_id)s
  AND k.orders > 0
ORDER BY k.orders DESC, k.bought_at DESC, k.category LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Due:
    """When something is expected to be bought again; of everything: category ""."""

    category: str
    orders: int
    gap_days: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Habits:
    """One person."""

    kind: RfmClass
    lines: rfm.Lines  # by which the word was found
    orders: int
    spent: Decimal
    visits: int
    own_hour: int | None  # by the store's clock; None: they have none yet
    due: Due | None  # of everything; None: who never bought
    categories: Sequence[Due]


async def of_person(tx: Tx, store: Store, contact_id: int, now: datetime) -> Habits | None:
    """None: nobody living, or not counted yet."""
    given = {
        "bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id,
        "most": CATEGORIES_MAX,
    }  # fmt: skip
    row = await (await tx.execute(FIGURES, given)).fetchone()
    if row is None:
        return None
    paces = await rhythms.of_store(tx, store)
    lines = rfm.lines(rhythm.pace_of(paces, rhythm.ALL))
    known = await (await tx.execute(CATEGORIES, given)).fetchall()
    named: dict[str, Any] = {
        "category": rhythm.ALL,
        "first_at": row["first_order_at"],
        "bought_at": row["last_order_at"],
    }
    return Habits(
        kind=rfm.class_of(row["orders"], row["spent"], row["last_order_at"], lines, now),
        lines=lines,
        orders=row["orders"],
        spent=row["spent"],
        visits=row["visits"],
        own_hour=row["own_hour"],
        due=_due(paces, row | named) if row["orders"] else None,
        categories=[_due(paces, one) for one in known],
    )


def _due(paces: rhythm.Paces, row: dict[str, Any]) -> Due:
    pace = rhythm.pace_of(paces, row["category"])
    first, last = row["first_at"], row["bought_at"]
    at = rhythm.due_at(pace, row["days"], first, last)
    assert at is not None
    return Due(row["category"], row["orders"], rhythm.gap_days(pace, row["days"], first, last), at)
