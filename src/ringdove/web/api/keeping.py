"""Refusals, erasure, one person's data and how long data is kept: what programs do with them."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit import db
from ringdove.records.consent import suppression
from ringdove.records.keeping import erasure, retention
from ringdove.records.keeping.erasure import Wish
from ringdove.rules.keeping import retention as rules
from ringdove.rules.people import number_lists
from ringdove.rules.people.number_lists import Reading
from ringdove.web.api.callers import Caller, MarketerKey, OwnerKey, SupportKey, ViewerKey
from ringdove.web.consent import refusing
from ringdove.web.consent.suppression import place
from ringdove.web.keeping import erasing, person_files

router = APIRouter(prefix="/api/stores/{store_id}")

ID_MAX = 2**63 - 1
RowId = Annotated[int, Path(ge=1, le=ID_MAX, description="A 64-bit number; keep it as text.")]
Numbers = Annotated[
    list[Annotated[str, Field(max_length=300)]],
    Field(min_length=1, max_length=suppression.ASKED_MOST),
]


class Told(BaseModel):
    """Base of what programs send: unknown fields are refused, so that typos are seen."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


# ------------------------------------------------------------------ refusals


class Refusals(Told):
    """Numbers and addresses in any usual form."""

    numbers: Numbers
    scope: Literal["marketing", "all"] = "marketing"
    reason: Literal["by_hand", "imported"] = "by_hand"


class Asked(Told):
    """Numbers and addresses in any usual form."""

    numbers: Numbers


class Lifting(Told):
    """One number, and why it is refused no more."""

    number: str = Field(min_length=3, max_length=300)
    why: str = Field(min_length=1, max_length=500, description="It stays in the audit.")


class Refused(BaseModel):
    """What became of a list."""

    new: int
    known: int = Field(description="Refused before.")
    people: int = Field(description="Customers whom you have, refused at once.")
    unread: list[int] = Field(description="Places in the list, from 0, that could not be read.")


@router.get("/suppression", tags=["Ask"], summary="Refused numbers, newest first")
async def refusals(
    caller: ViewerKey,
    before: Annotated[str, Query(max_length=120, description="`next` of the page before.")] = "",
) -> dict[str, Any]:
    """Keyed hashes: nobody can read numbers out of them. Ask `/suppression/check` about one."""
    async with caller.transaction() as tx:
        rows = await suppression.newest(tx, caller.store, place(before))
    last = rows[-1] if len(rows) == suppression.ROWS else None
    return {
        "rows": [{name: row[name] for name in ("hash", "scope", "reason", "at")} for row in rows],
        "next": f"{last['at'].isoformat()}_{last['hash']}" if last else None,
    }


@router.get("/suppression/counts", tags=["Ask"], summary="Refused numbers, counted by reason")
async def refusal_counts(caller: ViewerKey) -> list[dict[str, Any]]:
    """How many for which reason and scope."""
    async with caller.transaction() as tx:
        return [dict(row) for row in await suppression.counts(tx, caller.store)]


@router.post("/suppression/check", tags=["Ask"], summary="Which of these are refused")
async def check(asked: Asked, caller: SupportKey) -> list[dict[str, Any]]:
    """An answer for each, in the order of the list; `scope` null: not refused."""
    keys = await _keys(caller, asked.numbers)
    async with caller.transaction() as tx:
        known = [key for key in keys if key]
        held = await refusing.check(tx, caller.runtime, caller.store, known)
    found = (held.get(key) if key else None for key in keys)
    return [
        {
            "number": number,
            "is_read": key is not None,
            "scope": one.scope if one else None,
            "reason": one.reason if one else None,
            "at": one.at if one else None,
        }
        for number, key, one in zip(asked.numbers, keys, found, strict=True)
    ]


async def _keys(caller: Caller, numbers: list[str]) -> list[suppression.Key | None]:
    country = caller.store.country
    return await asyncio.to_thread(
        lambda: [number_lists.read_one(number, country) for number in numbers]
    )


@router.post("/suppression", tags=["Tell"], summary="Refuse numbers")
async def refuse(told: Refusals, caller: MarketerKey) -> Refused:
    """They are not written to from now on, whoever they belong to; what waits is taken back."""
    keys = await _keys(caller, told.numbers)
    reading = Reading(tuple(dict.fromkeys(key for key in keys if key)), ())
    source = f"api/{caller.key_name}"[:60]
    done = await refusing.add(
        caller.runtime, caller.store, reading.keys, told.scope, source, told.reason
    )
    async with caller.transaction() as tx:
        await caller.audit(tx, "suppression.added", str(done.new), scope=told.scope)
    unread = [n for n, key in enumerate(keys) if key is None]
    return Refused(new=done.new, known=done.known, people=done.people, unread=unread)


@router.post("/suppression/lift", tags=["Tell"], summary="Lift the refusal of a number")
async def lift(told: Lifting, caller: OwnerKey) -> dict[str, bool]:
    """Whoever is met under it begins without a refusal. Nobody is subscribed by it."""
    (key,) = await _keys(caller, [told.number])
    if key is None:
        raise HTTPException(422, "This is no number and no address.")
    async with caller.transaction() as tx:
        was = await refusing.lift(tx, caller.runtime, caller.store, key)
        if was:
            await caller.audit(tx, "suppression.lifted", caller.store.name, why=told.why)
    return {"lifted": was}


# ------------------------------------------------------------------ one person


class Erasure(BaseModel):
    """How far an erasure is, and what went so far."""

    state: str = Field(description="keys, facts: within moments; late: looked through; done.")
    scope: str = Field(description="What stays refused: marketing, all.")
    asked_at: datetime
    done_at: datetime | None
    went: dict[str, int] = Field(description="By kind of data, how many rows.")
    stays: list[str]
    repeated: bool = Field(description="It had been asked before.")


STAYS = [
    "the consent ledger, with the number as a salted hash",
    "keyed hashes of the number and address, so that they stay refused",
    "figures without the person",
]
NO_SUCH = "No customer has this id."


@router.delete("/customers/{contact_id}", tags=["Tell"], summary="Erase a customer")
async def erase(
    contact_id: RowId,
    caller: OwnerKey,
    keep_refused: Annotated[
        Literal["marketing", "all"], Query(description="What stays refused afterwards.")
    ] = "all",
    idempotency_key: Annotated[
        str, Header(max_length=100, description="Yours. Asked again, it answers how far it is.")
    ] = "",
) -> Erasure:
    """Erases the person and whoever was merged into them. The person's own rows are empty when this
    answers, and nothing is sent any more; what lies elsewhere follows within moments. It cannot be
    undone. Asked again, it answers how far it is, with any key."""
    wish = Wish(f"api/{caller.key_name}", keep_refused, idempotency_key)

    async def work(tx: db.Tx) -> erasure.Row | None:
        return await erasure.begin(
            tx, caller.store, contact_id, wish, caller.now, caller.runtime.keyed
        )

    row = await db.retried(caller.runtime.pool, work)
    if row is None:
        raise HTTPException(404, NO_SUCH)
    is_new = row["asked_at"] == caller.now
    if is_new:
        async with caller.transaction() as tx:
            await caller.audit(tx, "customer.erased", "", scope=row["scope"])
    return _erasure(row, not is_new)


def _erasure(row: erasure.Row, repeated: bool) -> Erasure:
    return Erasure(
        **{name: row[name] for name in ("state", "scope", "asked_at", "done_at")},
        went=row["counts"],
        stays=STAYS,
        repeated=repeated,
    )


@router.get("/customers/{contact_id}/erasure", tags=["Ask"], summary="How far an erasure is")
async def erasure_of(contact_id: RowId, caller: OwnerKey) -> Erasure:
    """The state of an erasure that was asked for."""
    async with caller.transaction() as tx:
        row = await erasure.of_contact(tx, caller.store, contact_id)
    if row is None:
        raise HTTPException(404, "Nobody asked to erase a customer with this id.")
    return _erasure(row, True)


@router.get(
    "/customers/{contact_id}/data", tags=["Ask"], summary="All that is kept of a customer",
    responses={200: {"content": {"application/zip": {}}}}, response_class=Response,
)  # fmt: skip
async def data_of(contact_id: RowId, caller: SupportKey) -> Response:
    """A zip: a page for the person in their language, and JSON."""
    async with caller.transaction() as tx:
        packed = await person_files.pack(tx, caller.store, contact_id, caller.now)
        if packed is None:
            raise HTTPException(404, NO_SUCH)
        await caller.audit(tx, "customer.exported", str(contact_id))
    return erasing.zipped(*packed)


# ------------------------------------------------------------------ how long data is kept


class Kept(BaseModel):
    """A kind of data and its days."""

    kind: str
    days: int = Field(description="0: for good.")
    least: int
    most: int
    may_never: bool


class Days(Told):
    """Days by kind; kinds that are left out are as they come."""

    days: dict[str, Annotated[int, Field(ge=0, le=100_000)]] = Field(max_length=50)


@router.get("/retention", tags=["Ask"], summary="How long data is kept")
async def kept(caller: OwnerKey) -> list[Kept]:
    """Each kind of data with its days and bounds."""
    return [
        Kept(
            kind=kind.key, days=rules.days(caller.store.policy, kind.key), least=kind.least,
            most=kind.most, may_never=kind.may_never,
        )
        for kind in rules.KINDS
    ]  # fmt: skip


@router.post("/retention/look", tags=["Ask"], summary="What would go by other days")
async def look(told: Days, caller: OwnerKey) -> dict[str, int]:
    """By kind, how many rows would go at once; 1,000,000 means that many or more."""
    days = _days(told)
    async with caller.transaction() as tx:
        return await retention.would_go(tx, caller.store, days, caller.now)


@router.put("/retention", tags=["Tell"], summary="Change how long data is kept")
async def keep(told: Days, caller: OwnerKey) -> dict[str, int]:
    """From now on these days count. Answers those that differ from what comes by itself."""
    days = _days(told)
    async with caller.transaction() as tx:
        await retention.change(tx, caller.store, days)
        await caller.audit(tx, "retention.changed", "", **days)
    return days


def _days(told: Days) -> dict[str, int]:
    try:
        return rules.checked(told.days)
    except rules.OutOfBounds as wrong:
        raise HTTPException(422, str(wrong)) from None
    except KeyError as unknown:
        kinds = ", ".join(kind.key for kind in rules.KINDS)
        raise HTTPException(422, f"There is no kind {unknown}: say one of {kinds}.") from None
