"""Goods that people wait for, and what a shop puts on its pages so that they can ask (R62)."""

from fastapi import APIRouter
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.automations import automations
from ringdove.records.automations import wishes as records
from ringdove.records.automations.wishes import Waited
from ringdove.rules.automations.journeys import WishGranted
from ringdove.rules.scenes import Store
from ringdove.web.automations.tell_me import script_of, url_of
from ringdove.web.views import ViewerPage

router = APIRouter(prefix="/stores/{store_id}/wishes", include_in_schema=False)

SHOWN_MOST = 100


@router.get("")
async def show(page: ViewerPage) -> Response:
    """What is waited for, whether anything would tell it, and the form."""
    async with page.transaction() as tx:
        waited = await records.by_goods(tx, page.store, SHOWN_MOST)
        says = await said_by(tx, page.store)
    url = url_of(page.runtime, page.store)
    return page.render(
        "automations/wishes.html", waited=waited, says=says, form_url=f"{url}?sku=SKU",
        script=script_of(url), is_all=len(waited) < SHOWN_MOST, nobody=_untold(waited, says),
    )  # fmt: skip


async def said_by(tx: Tx, store: Store) -> dict[str, str]:
    """By kind of wish, the automation that is on and tells that it is granted."""
    found: dict[str, str] = {}
    for key, plan in (await automations.plans(tx, store.id)).newest.items():
        trigger = plan.journey.trigger
        if isinstance(trigger, WishGranted) and plan.own.is_on and not plan.own.is_gone:
            found.setdefault(trigger.wish, key)
    return found


def _untold(waited: list[Waited], says: dict[str, str]) -> list[str]:
    """Kinds of wishes that somebody has, and nothing would tell that they are granted."""
    asked = {
        "stock": any(one.stock_people for one in waited),
        "price": any(one.price_people for one in waited),
    }
    return [kind for kind, is_asked in asked.items() if is_asked and kind not in says]
