"""Complaints, and the rules that are told by text, over the API (R71, R87, R32)."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, Field
from starlette.exceptions import HTTPException

from ringdove.kit.crypto import new_token
from ringdove.kit.db import Tx
from ringdove.records.complaints import complaint_lists
from ringdove.records.complaints.complaint_lists import Asked, Line, Which
from ringdove.records.people import lookups, people
from ringdove.records.store import policies, users
from ringdove.rules import facts, texts
from ringdove.rules.complaints.complaints import NOTE_MAX, REASONS
from ringdove.rules.conversations.shop_rules import LETTERS_MAX
from ringdove.rules.policy import Policy
from ringdove.web.answering import answer_now
from ringdove.web.api.ask import Listed, Most, Shown
from ringdove.web.api.callers import Caller, MarketerKey, SupportKey, ViewerKey
from ringdove.web.api.tell import Taken, Told
from ringdove.web.complaints.complaints import DUE_AHEAD_MAX, INSIDE_MAX, point
from ringdove.web.complaints.rules_told import PARTS_MAX, filled, why_not
from ringdove.web.list_places import place, place_of

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Complaints"])

ComplaintId = Annotated[int, Path(ge=1, le=lookups.NO_END, description="As text or number.")]
Said = Annotated[str, Field(max_length=NOTE_MAX)]
Inside = Annotated[str, Field(max_length=INSIDE_MAX)]
UserNumber = Annotated[int, Field(ge=0, le=2**31 - 1, description="Of a user; 0: whoever.")]
Reason = Annotated[str, Field(max_length=40, description="Empty, or one of: " + ", ".join(REASONS))]
OrderId = Annotated[
    int, Field(ge=0, le=lookups.NO_END, description="Id of an order of theirs; 0: of none.")
]


@router.get("/complaints", summary="Complaints")
async def list_complaints(
    caller: SupportKey,
    which: Annotated[Which, Query(description="open: those to answer.")] = "open",
    owner: Annotated[int, Query(ge=-1, le=2**31 - 1, description="A user; 0: nobody's; -1: all.")
                     ] = -1,
    customer: Annotated[int, Query(ge=0, le=lookups.NO_END, description="Of this one; 0: all.")
                        ] = 0,
    reason: Annotated[str, Query(max_length=40)] = "",
    late: Annotated[bool, Query(description="Of those to answer: only what is overdue.")] = False,
    after: Annotated[str, Query(max_length=80, description="`next` of the page before.")] = "",
    most: Most = 50,
) -> Listed:  # fmt: skip
    """Those to answer with the one that is due first in front; of others the last changed."""
    async with caller.transaction() as tx:
        names: tuple[int, ...] = ()
        if customer:
            person = await people.living(tx, caller.store, customer)
            names = (person.id, *person.also) if person else (customer,)
        asked = Asked(
            which, "all" if owner < 0 else "mine" if owner else "nobody", max(owner, 0), reason,
            late, names, place_of(after),
        )  # fmt: skip
        rows = await complaint_lists.listed(tx, caller.store, asked, caller.now, most)
    return Listed(
        items=[_shown(one) for one in rows],
        next=place(*point(rows[-1], which)) if len(rows) == most else None,
    )


def _shown(one: Line) -> Shown:
    return {
        "id": str(one.id),
        "number": one.number,
        "state": one.state,
        "customer": str(one.living),
        "customer_name": one.customer_name,
        "phone": one.phone,
        "order": None if one.order_id is None else str(one.order_id),
        "order_number": one.order_number,
        "reason": one.reason,
        "said": one.said,
        "note": one.note,
        "opened_at": one.opened_at,
        "opened_by": one.opened_by,
        "changed_at": one.changed_at,
        "due_at": one.due_at,
        "closed_at": one.closed_at,
        "owner": one.owner or 0,
        "owner_name": one.owner_name,
    }


class ComplaintWish(Told):
    """What went wrong for somebody."""

    customer: int = Field(ge=1, le=lookups.NO_END, description="Whose it is.")
    said: str = Field(min_length=1, max_length=NOTE_MAX, description="In their words.")
    order: OrderId | None = None
    reason: Reason = ""
    owner: UserNumber = 0
    due_at: AwareDatetime | None = Field(None, description="Empty: within two days.")
    note: Inside = Field("", description="Among colleagues.")
    key: str = Field("", max_length=60, description="The same key again is the same complaint.")


@router.post("/complaints", status_code=201, summary="Open a complaint")
async def open_complaint(wish: ComplaintWish, caller: SupportKey) -> Shown:
    """It gets a number; the automation that listens for it tells the customer."""
    async with caller.transaction() as tx:
        person = await people.living(tx, caller.store, wish.customer)
        if person is None:
            raise HTTPException(404, "No customer has this id.")
        await _check(tx, caller, wish.owner, wish.reason, wish.due_at)
        names = (person.id, *person.also)
        await _check_order(tx, caller, names, wish.order)
    key = wish.key or new_token()[:16]
    fact = _fact(
        caller, person.id, 0, f"new/{key}", said=wish.said, about_order=wish.order,
        reason=wish.reason, owner=wish.owner, due_at=wish.due_at, note=wish.note,
    )  # fmt: skip
    await answer_now(caller.runtime, caller.store, [fact])
    async with caller.transaction() as tx:
        await caller.audit(tx, "complaint.opened", person.name or str(person.id))
        asked = Asked("all", people=names)
        made = await complaint_lists.listed(tx, caller.store, asked, caller.now, 1)
    return _shown(made[0])


async def _check(
    tx: Tx, caller: Caller, owner: int | None, reason: str | None, due_at: datetime | None
) -> None:
    if owner and await users.role_in(tx, owner, caller.store.id) is None:
        raise HTTPException(422, "owner: nobody of this number belongs to the store.")
    if reason and reason not in REASONS:
        raise HTTPException(422, "reason: one of " + ", ".join(REASONS) + ", please.")
    if due_at and abs(due_at - caller.now) > DUE_AHEAD_MAX:
        raise HTTPException(422, "due_at: within a year, please.")


async def _check_order(tx: Tx, caller: Caller, names: tuple[int, ...], order: int | None) -> None:
    if order:
        theirs = await complaint_lists.orders_of(tx, caller.store, names)
        if order not in {one["id"] for one in theirs}:
            raise HTTPException(422, "order: it is none of this customer's last orders.")


def _fact(
    caller: Caller, contact: int, complaint: int, key: str, **told: Any
) -> facts.ComplaintHandled:
    return facts.ComplaintHandled(
        id=f"api/complaint/{contact}/{key}"[:120], at=caller.now, contact=contact,
        complaint=complaint, by=f"api/{caller.key_name}"[:60], **told,
    )  # fmt: skip


class OneComplaint(BaseModel):
    """A complaint and what happened to it, the first in front."""

    complaint: Shown
    history: list[Shown]


@router.get("/complaints/{complaint_id}", summary="One complaint")
async def one_complaint(complaint_id: ComplaintId, caller: SupportKey) -> OneComplaint:
    """With its history."""
    async with caller.transaction() as tx:
        line = await _known(tx, caller, complaint_id)
        moves = await complaint_lists.history(tx, caller.store, complaint_id)
    history = [
        {"at": one.at, "by": one.by, "state": one.state, "said": one.said, "note": one.note}
        for one in moves
    ]
    return OneComplaint(complaint=_shown(line), history=history)


async def _known(tx: Tx, caller: Caller, complaint_id: int) -> Line:
    line = await complaint_lists.find(tx, caller.store, complaint_id)
    if line is None:
        raise HTTPException(404, "No complaint has this id.")
    return line


class ComplaintMove(Told):
    """What becomes of it."""

    state: facts.ComplaintState | None = Field(None, description="Empty: only a note.")
    said: Said = Field("", description="To the customer, in the text that tells of the state.")
    note: Inside = Field("", description="Among colleagues.")


@router.post("/complaints/{complaint_id}/moves", summary="Move a complaint")
async def move_complaint(
    complaint_id: ComplaintId, wish: ComplaintMove, caller: SupportKey
) -> OneComplaint:
    """The automation that listens for the state tells the customer."""
    if wish.state is None and (wish.said or not wish.note):
        raise HTTPException(422, "state: without it give a note, and nothing to the customer.")
    async with caller.transaction() as tx:
        line = await _known(tx, caller, complaint_id)
    fact = _fact(
        caller, line.living, line.id, new_token()[:16], state=wish.state, said=wish.said,
        note=wish.note,
    )  # fmt: skip
    await answer_now(caller.runtime, caller.store, [fact])
    async with caller.transaction() as tx:
        deed = "complaint.moved" if wish.state else "complaint.noted"
        await caller.audit(tx, deed, line.number, state=wish.state or "")
    return await one_complaint(complaint_id, caller)


class ComplaintChange(Told):
    """What is left out is as it was."""

    owner: UserNumber | None = None
    due_at: AwareDatetime | None = None
    reason: Reason | None = None
    order: OrderId | None = None


@router.put("/complaints/{complaint_id}", summary="Change a complaint")
async def change_complaint(
    complaint_id: ComplaintId, change: ComplaintChange, caller: SupportKey
) -> OneComplaint:
    """Who answers it, until when, why, about which order. The customer is told nothing."""
    async with caller.transaction() as tx:
        line = await _known(tx, caller, complaint_id)
        await _check(tx, caller, change.owner, change.reason, change.due_at)
        person = await people.living(tx, caller.store, line.living)
        names = (person.id, *person.also) if person else (line.living,)
        await _check_order(tx, caller, names, change.order)
    fact = _fact(
        caller, line.living, line.id, new_token()[:16], owner=change.owner, due_at=change.due_at,
        reason=change.reason, about_order=change.order,
    )  # fmt: skip
    await answer_now(caller.runtime, caller.store, [fact])
    async with caller.transaction() as tx:
        await caller.audit(tx, "complaint.changed", line.number)
    return await one_complaint(complaint_id, caller)


# ------------------------------------------------------------------ rules by text

Language = Annotated[str, Field(pattern="^[a-z]{2}$")]
Words = Annotated[str, Field(max_length=LETTERS_MAX)]


class RulesTold(Told):
    """What is told of ordering and of complaining, by language; Liquid with `shop.name`,
    `shop.url`, `shop.phone` and `shop.email`. A language without words tells the ready ones."""

    order: dict[Language, Words] = Field({}, max_length=20)
    complaint: dict[Language, Words] = Field({}, max_length=20)


@router.get("/rules-told", summary="Rules told by text")
async def rules_told(caller: ViewerKey) -> RulesTold:
    """The store's own words; empty: the ready ones are told."""
    told = caller.store.policy.rules_told
    return RulesTold(order=dict(told.get("order", {})), complaint=dict(told.get("complaint", {})))


@router.put("/rules-told", summary="Set the rules told by text")
async def set_rules_told(wish: RulesTold, caller: MarketerKey) -> Taken:
    """All of them: a language that is left out tells the ready words."""
    told = {
        name: {language: words for language, words in some.items() if words}
        for name, some in (("order", wish.order), ("complaint", wish.complaint))
    }
    for name, some in told.items():
        for language, words in some.items():
            if wrong := why_not(words):
                raise HTTPException(422, f"{name}.{language}: {wrong}")
            if texts.measure(filled(caller.store, words)).parts > PARTS_MAX:
                raise HTTPException(422, f"{name}.{language}: at most {PARTS_MAX} parts, please.")

    def to(known: Policy) -> Policy:
        return replace(known, rules_told={name: some for name, some in told.items() if some})

    async with caller.transaction() as tx:
        before, after = await policies.change(tx, caller.store, to, caller.now)
        if before != after:
            await caller.audit(tx, "rules_told.changed", caller.store.name)
    return Taken(accepted=before != after)
