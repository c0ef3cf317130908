"""What programs ask over the API: customers and their past, messages, today."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from ringdove.records import counters
from ringdove.records.campaigns import campaigns
from ringdove.records.people import lookups, people
from ringdove.rules.scenes import Contact
from ringdove.web.api.callers import Caller, ViewerKey
from ringdove.web.people import people_list

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Ask"])

RowId = Annotated[int, Path(ge=1, le=lookups.NO_END, description="As text or number.")]
Before = Annotated[
    int, Query(ge=1, le=lookups.NO_END, description="`next` of the page before this one.")
]
Most = Annotated[int, Query(ge=1, le=lookups.PAGE_MAX)]
Shown = dict[str, Any]
IDS = ("id", "contact_id", "merged_into", "order_id", "enrollment_id", "message_id")


class Listed(BaseModel):
    """A page of a list, newest first."""

    items: list[Shown]
    next: str | None = Field(description="Give it as `before` for the next page; null: the end.")


# ------------------------------------------------------------------ customers


@router.get("/customers", summary="Customers")
async def customers(
    caller: ViewerKey,
    search: Annotated[
        str, Query(max_length=200, description="A phone, an e-mail, an order's key, or a name.")
    ] = "",
    before: Before = lookups.NO_END,
    most: Most = 50,
) -> Listed:
    """All customers, or those whom the search finds. `GET /people` does the same with filters."""
    asked = people_list.Asked(q=search)
    async with caller.transaction() as tx:
        found, _ = await people_list.find(
            tx, caller.store, asked, caller.now, before, most, masked=caller.role == "viewer"
        )
    next_before = str(found.next) if found.next is not None else None
    return Listed(items=[shown(row, caller) for row in found.rows], next=next_before)


@router.get("/customers/{contact_id}", summary="One customer and their past")
async def customer(contact_id: RowId, caller: ViewerKey) -> Shown:
    """Orders, parcels, returns, texts both ways with their state and reason, and the consent
    ledger: each newest first. Of who was merged into another, `merged_into` says into whom."""
    async with caller.transaction() as tx:
        row = await lookups.customer(tx, caller.store, contact_id)
        if row is None:
            raise HTTPException(404, "No customer has this id.")
        person = await people.living(tx, caller.store, contact_id)
        names = (person.id, *person.also) if person else (contact_id,)
        past = await lookups.past(tx, caller.store, names)
    more = shown_person(person, caller) if person and person.id == contact_id else {}
    return (
        shown(row, caller)
        | more
        | {name: [shown(one, caller) for one in some] for name, some in past.items()}
    )


MORE = (
    "city", "sex", "birthday", "children", "fields", "scopes", "paused_until", "seen_at",
    "origin_note",
)  # fmt: skip


def shown_person(person: Contact, caller: Caller) -> Shown:
    """What is known of a person beside the row of a list; `also`: contacts merged into them."""
    more = {name: getattr(person, name) for name in MORE}
    if caller.role == "viewer":
        more["fields"] = {}
    return more | {"also": [str(one) for one in person.also]}


# ------------------------------------------------------------------ messages


@router.get("/messages", summary="Messages and silences")
async def messages(
    caller: ViewerKey,
    state: Annotated[str, Query(max_length=20, pattern="^[a-z_]*$")] = "",
    campaign: Annotated[
        int, Query(ge=0, le=2**31 - 1, description="Only those of this campaign; 0: all.")
    ] = 0,
    before: Before = lookups.NO_END,
    most: Most = 50,
) -> Listed:
    """Newest first; `state` is one of waiting, sent, delivered, failed, expired, unknown,
    dropped."""
    async with caller.transaction() as tx:
        if campaign and await campaigns.find(tx, caller.store.id, campaign) is None:
            raise HTTPException(404, "This store has no campaign of that number.")
        rows = await lookups.messages(tx, caller.store, state, before, most, campaign)
    return _page(rows, most, caller)


@router.get("/messages/{message_id}", summary="One message")
async def message(message_id: RowId, caller: ViewerKey) -> Shown:
    """Its text, state, reason and parts; `why` says what made it."""
    async with caller.transaction() as tx:
        row = await lookups.message(tx, caller.store, message_id)
    if row is None:
        raise HTTPException(404, "No message has this id.")
    return shown(row, caller)


def _page(rows: Iterable[Mapping[str, Any]], most: int, caller: Caller) -> Listed:
    items = [shown(row, caller) for row in rows]
    return Listed(items=items, next=items[-1]["id"] if len(items) >= most else None)


def shown(row: Mapping[str, Any], caller: Caller) -> Shown:
    """Ids as text, since browsers' numbers are too short; phones and addresses as this role may
    see them."""
    shown = {
        name: str(value) if name in IDS and value is not None else value
        for name, value in row.items()
    }
    for name in ("phone", "recipient", "sender"):
        value = shown.get(name)
        if isinstance(value, str) and value.startswith("+"):
            shown[name] = caller.phone(value)
    if caller.role == "viewer" and shown.get("phone_doubt"):
        shown["phone_doubt"] = "•••"
    return shown


# ------------------------------------------------------------------ today


@router.get("/today", summary="What came in and went out today")
async def today(caller: ViewerKey) -> Shown:
    """Roll-ups of the store's own day by name (facts, queued, delivered, stops, dropped, …), and
    the same by hour."""
    zone = ZoneInfo(caller.store.time_zone)
    since = caller.now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    until = datetime.combine(since.date() + timedelta(days=1), since.timetz())
    async with caller.transaction() as tx:
        rows = await counters.by_hour(tx, caller.store, since, until)
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["name"]] = totals.get(row["name"], 0) + row["n"]
    return {"since": since, "until": until, "totals": totals, "hours": [dict(row) for row in rows]}
