"""Goods that people wait for, over the API; `stock.asked` among the events asks for some (R62)."""

from datetime import datetime
from decimal import Decimal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from ringdove.records.automations import wishes as records
from ringdove.records.consent import ways_out
from ringdove.web.api.ask import RowId
from ringdove.web.api.callers import SupportKey, ViewerKey
from ringdove.web.automations import tell_me, wishes

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Automations"])


class WaitedFor(BaseModel):
    """Goods that people wait for."""

    sku: str
    name: str
    pieces: int | None = Field(description="That are there; null: nobody counts them.")
    price: Decimal | None
    stock: int = Field(description="People who wait until they are there again.")
    price_drop: int = Field(description="People who wait until they cost less.")
    since: datetime = Field(description="When the first of them asked.")


class Wishes(BaseModel):
    """What people wait for, and how they ask."""

    form_url: str = Field(description="With `?sku=`; `&wish=price` asks for a lower price.")
    script: str = Field(description="The same form within the page of a product.")
    told_by: dict[str, str] = Field(
        description="By kind of wish, the automation that is on and tells people."
    )
    goods: list[WaitedFor] = Field(description="What most wait for first, 100 at most.")


class Wish(BaseModel):
    """What one person waits for, or was told of."""

    sku: str
    wish: str = Field(description="stock, price")
    state: str = Field(description="waiting, granted")
    asked_at: datetime
    granted_at: datetime | None
    told_at: datetime | None = Field(description="When their text was taken for sending.")


@router.get("/wishes", summary="Goods that people wait for")
async def show(caller: ViewerKey) -> Wishes:
    """How many wait for what. The event `stock.asked` adds somebody; who asked first hears first,
    and no more people than there are pieces."""
    async with caller.transaction() as tx:
        waited = await records.by_goods(tx, caller.store, wishes.SHOWN_MOST)
        says = await wishes.said_by(tx, caller.store)
    url = tell_me.url_of(caller.runtime, caller.store)
    return Wishes(
        form_url=url, script=tell_me.script_of(url), told_by=says,
        goods=[
            WaitedFor(
                sku=one.sku, name=one.name, pieces=one.pieces, price=one.price,
                stock=one.stock_people, price_drop=one.price_people, since=one.since,
            )
            for one in waited
        ],
    )  # fmt: skip


@router.get("/customers/{contact_id}/wishes", summary="What a customer waits for")
async def of_customer(contact_id: RowId, caller: SupportKey) -> list[Wish]:
    """Under whichever of their names, the newest first."""
    async with caller.transaction() as tx:
        person = await ways_out.person(tx, caller.store, contact_id)
        if person is None:
            raise HTTPException(404, "There is no such customer in this store.")
        people = [person.id, *person.also]
        rows = await records.of_person(tx, caller.store, people)
    return [Wish(wish=row["kind"], **{k: row[k] for k in Wish.model_fields if k != "wish"})
            for row in rows]  # fmt: skip
