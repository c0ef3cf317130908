"""What goes with what, over the API (R49, R53)."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ringdove.records.goods import goods_lists, goods_shown
from ringdove.rules.wants import Good
from ringdove.web.api.callers import ViewerKey

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Automations"])


class Named(BaseModel):
    """Goods that a text can name."""

    sku: str
    name: str
    url: str
    category: str
    price: Decimal | None


class Goods(Named):
    """With what goes with them."""

    accessories: list[Named] = Field(description="What people buy next, the likeliest first.")
    similar: list[Named]


class Pairings(BaseModel):
    """What texts would name, as it was learnt."""

    learnt_at: datetime | None = Field(description="null: not yet.")
    goods: list[Goods]


@router.get("/goods", summary="What goes with what")
async def show(
    caller: ViewerKey,
    q: Annotated[str, Query(max_length=120, description="In the name or SKU.")] = "",
) -> Pairings:
    """Goods that are there, with their accessories and what is similar: those that are called so,
    or those of which accessories are surest; 50 at most. What one person would be offered says
    `/customers/{contact_id}/habits`."""
    async with caller.transaction() as tx:
        learnt = await goods_lists.learnt(tx, caller.store)
        found = await goods_shown.show(tx, caller.store, q)
    return Pairings(
        learnt_at=learnt.learnt_at if learnt else None,
        goods=[
            Goods(
                **_named(one.goods).model_dump(),
                accessories=[_named(other) for other in one.accessories],
                similar=[_named(other) for other in one.similar],
            )
            for one in found
        ],
    )


def _named(one: Good) -> Named:
    return Named.model_validate(one._asdict())
