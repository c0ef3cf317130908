"""What goes with what: the goods that texts would name after others, or instead of them."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from ringdove.records.goods import goods_lists, goods_shown
from ringdove.web.views import ViewerPage

router = APIRouter(prefix="/stores/{store_id}/goods", include_in_schema=False)

Typed = Annotated[str, Query(max_length=120)]


@router.get("")
async def show(page: ViewerPage, q: Typed = "") -> Response:
    """The surest ones, or those that are called so."""
    async with page.transaction() as tx:
        learnt = await goods_lists.learnt(tx, page.store)
        found = await goods_shown.show(tx, page.store, q)
    return page.render(
        "goods/goods.html", learnt=learnt, found=found, typed=q, most=goods_shown.SHOWN_MAX
    )
