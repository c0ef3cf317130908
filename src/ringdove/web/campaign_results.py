"""What became of campaigns, in short: for the list and the head of a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ringdove.kit.db import Tx
from ringdove.records import campaign_totals
from ringdove.rules.campaigns import Campaign


@dataclass(frozen=True, slots=True)
class Result:
    """Of one campaign; None: not known yet."""

    people: int | None = None  # planned or reached
    sent: int | None = None
    clicked: int | None = None
    bought: int | None = None
    money: Decimal | None = None  # what it costs, at most, as it was rehearsed


async def results(tx: Tx, page: Any, shown: Sequence[Campaign]) -> dict[int, Result]:
    """Of the campaigns of one page of the list; `page`: also a Caller."""
    found: dict[int, Result] = {}
    sums = await campaign_totals.of(tx, page.store, [one.id for one in shown])
    for one in shown:
        if one.id in sums:
            told = sums[one.id]
            found[one.id] = Result(told.people, told.queued, None, None, told.money)
    return found
