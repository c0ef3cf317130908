"""What became of campaigns, in short: for the list, where each begun row asks for its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.campaigns import campaign_totals
from ringdove.records.reports import reports
from ringdove.rules.campaigns.campaigns import Campaign
from ringdove.web.campaigns.campaigns_found import CampaignId, find
from ringdove.web.views import ViewerPage

router = APIRouter(prefix="/stores/{store_id}/campaigns", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Planned:
    """Of one campaign; None: not known yet."""

    people: int | None = None  # who get it, as it was made or rehearsed
    money: Decimal | None = None  # what it costs, at most, as it was rehearsed


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it, by report; None: it has not begun."""

    sent: int | None = None
    clicked: int | None = None
    bought: int | None = None


async def planned(tx: Tx, page: Any, shown: Sequence[Campaign]) -> dict[int, Planned]:
    """Of the campaigns of one page of the list."""
    found = await campaign_totals.of(tx, page.store, [one.id for one in shown])
    return {number: Planned(told.people, told.money) for number, told in found.items()}


@router.get("/{campaign_id}/result")
async def show(page: ViewerPage, campaign_id: CampaignId) -> Response:
    """Cells of a row: sent, clicked, bought; counted from the rows, and kept for a while."""
    async with page.transaction() as tx:
        found = await find(tx, page, campaign_id)
    told = await reports.of_campaign(page.runtime.pool, page.store, found, page.runtime.clock())
    total = told.total if told else None
    result = Result(total.sent, total.clicked, total.bought) if total else Result()
    return page.render("campaigns/campaign_result.html", told=result)
