"""People as a program looks for them: as one types, and by filters, page by page."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from ringdove.kit.buckets import made_at
from ringdove.records.people import lookups
from ringdove.web.api.ask import Before, Listed, Most, shown
from ringdove.web.api.callers import ViewerKey
from ringdove.web.people import people_list

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Customers"])


class People(Listed):
    """A page of people. It may be shorter than asked, or empty, before the end is reached: go on
    until `next` is null."""

    total: int | None = Field(description="How many there are in all, where that is known.")
    looked_back_to: datetime | None = Field(
        description="A step of a long search is over: who was met before is still to be looked at."
    )


@router.get("/people", summary="People, as one types and by filters")
async def people(
    caller: ViewerKey,
    asked: Annotated[people_list.Asked, Depends()],
    before: Before = lookups.NO_END,
    most: Most = 50,
) -> People:
    """`q` is a part of a name, an address or a number (3 digits at least), the beginning of an
    order's number, or a whole account id. The filters narrow it; all of them must fit. Newest
    first. For a key with the role viewer numbers are masked and not searched by parts."""
    async with caller.transaction() as tx:
        found, _ = await people_list.find(
            tx, caller.store, asked, caller.now, before, most, masked=caller.role == "viewer"
        )
    return People(
        items=[shown(row, caller) for row in found.rows],
        next=None if found.next is None else str(found.next),
        total=found.total,
        looked_back_to=None if found.looked_to is None else made_at(found.looked_to),
    )
