"""The campaign of an address, for all pages about one."""

from typing import Annotated

from fastapi import Path
from starlette.exceptions import HTTPException

from ringdove.kit.db import Tx
from ringdove.records.campaigns import campaigns
from ringdove.rules.campaigns.campaigns import Campaign
from ringdove.web.views import StorePage

ID_MAX = 2**31 - 1
CampaignId = Annotated[int, Path(ge=0, le=ID_MAX)]


async def find(tx: Tx, page: StorePage, campaign_id: int) -> Campaign:
    """It, or no such page."""
    found = await campaigns.find(tx, page.store.id, campaign_id)
    if found is None:
        raise HTTPException(404)
    return found
