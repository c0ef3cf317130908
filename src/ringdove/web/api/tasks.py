"""Tasks, calls about fresh orders, and where alerts go, over the API (R84, R116)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, Field
from starlette.exceptions import HTTPException

from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.crypto import new_token
from ringdove.kit.db import Tx
from ringdove.records.people import lookups, people
from ringdove.records.store import users
from ringdove.records.tasks import alerts, calls, tasks
from ringdove.records.tasks.calls import NO_END, Call
from ringdove.records.tasks.tasks import Asked, Task
from ringdove.records.tasks.tasks import Wish as NewTask
from ringdove.web.api.ask import Listed, Most, Shown
from ringdove.web.api.callers import Caller, OwnerKey, SupportKey
from ringdove.web.api.tell import RowId, Taken, Told
from ringdove.web.list_places import place, place_of
from ringdove.web.tasks.tasks import (
    DUE_AHEAD_MAX,
    DUE_IN,
    NOTE_MAX,
    SAID_MAX,
    is_program,
    point,
)

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Tasks"])

Said = Annotated[str, Field(min_length=1, max_length=SAID_MAX)]
Note = Annotated[str, Field(max_length=NOTE_MAX)]
UserNumber = Annotated[int, Field(ge=0, le=2**31 - 1, description="Of a user; 0: whoever.")]
OrderId = Annotated[int, Path(ge=1, le=NO_END, description="Its id; calls list it.")]


# ------------------------------------------------------------------ tasks


@router.get("/tasks", summary="Tasks")
async def list_tasks(
    caller: SupportKey,
    done: Annotated[bool, Query(description="Those that are done, the last first.")] = False,
    owner: Annotated[int, Query(ge=-1, le=2**31 - 1, description="A user; 0: nobody's; -1: all.")
                     ] = -1,
    customer: Annotated[int, Query(ge=0, le=NO_END, description="About this one; 0: all.")] = 0,
    after: Annotated[str, Query(max_length=80, description="`next` of the page before.")] = "",
    most: Most = 50,
) -> Listed:  # fmt: skip
    """Open ones with the one that is due first in front."""
    whose: Literal["all", "mine", "nobody"] = "all" if owner < 0 else "mine" if owner else "nobody"
    async with caller.transaction() as tx:
        names: tuple[int, ...] = ()
        if customer:
            person = await people.living(tx, caller.store, customer)
            names = (person.id, *person.also) if person else (customer,)
        asked = Asked(whose, done, max(owner, 0), names, place_of(after))
        rows = await tasks.listed(tx, caller.store, asked, most)
    return Listed(
        items=[_shown(one) for one in rows],
        next=place(*point(rows[-1])) if len(rows) == most else None,
    )


def _shown(one: Task) -> Shown:
    return {
        "id": str(one.id),
        "said": one.said,
        "due_at": one.due_at,
        "owner": one.owner or 0,
        "owner_name": one.owner_name,
        "customer": None if one.contact_id is None else str(one.contact_id),
        "customer_name": one.customer_name,
        "phone": one.phone,
        "order": one.order_number,
        "automation": one.recipe,
        "created_at": one.created_at,
        "created_by": one.created_by,
        "done_at": one.done_at,
        "done_by": one.done_by,
        "result": one.result,
        "note": one.note,
        "tell": one.tell,
        "told_at": one.told_at,
        "trouble": one.trouble,
    }


class TaskWish(Told):
    """What somebody is to do."""

    said: Said = Field(description="What is to be done.")
    due_at: AwareDatetime | None = Field(None, description="Empty: within a day.")
    owner: UserNumber = 0
    customer: int = Field(0, ge=0, le=NO_END, description="Whom it is about; 0: nobody.")
    tells_owner: bool = Field(False, description="They get a letter about it.")


@router.post("/tasks", status_code=201, summary="Ask for something to be done")
async def make_task(wish: TaskWish, caller: SupportKey) -> Shown:
    """It stands on the page Tasks until somebody takes it off."""
    due_at = wish.due_at or caller.now + DUE_IN
    _demand_near(due_at, caller.now)
    async with caller.transaction() as tx:
        if wish.customer and await lookups.customer(tx, caller.store, wish.customer) is None:
            raise HTTPException(404, "No customer has this id.")
        owner = await _owner(tx, caller, wish.owner)
        about = wish.customer or None
        task_id = caller.runtime.ids.make(tasks.bucket_of_task(caller.store, about))
        new = NewTask(
            task_id, wish.said, due_at, f"api/{caller.key_name}", owner, about,
            tells_owner=wish.tells_owner,
        )  # fmt: skip
        await tasks.create(tx, caller.store, new, caller.now)
        await caller.audit(tx, "task.created", str(task_id))
        return _shown(await _known(tx, caller, task_id))


def _demand_near(due_at: datetime, now: datetime) -> None:
    if abs(due_at - now) > DUE_AHEAD_MAX:
        raise HTTPException(422, "due_at: within a year, please.")


async def _owner(tx: Tx, caller: Caller, number: int) -> int | None:
    if number and await users.role_in(tx, number, caller.store.id) is None:
        raise HTTPException(422, "owner: nobody of this number belongs to the store.")
    return number or None


async def _known(tx: Tx, caller: Caller, task_id: int) -> Task:
    task = await tasks.find(tx, caller.store, task_id)
    if task is None:
        raise HTTPException(404, "No task has this id.")
    return task


@router.get("/tasks/{task_id}", summary="One task")
async def one_task(task_id: RowId, caller: SupportKey) -> Shown:
    """With what came of it."""
    async with caller.transaction() as tx:
        return _shown(await _known(tx, caller, task_id))


class TaskChange(Told):
    """What is left out is as it was."""

    said: Said | None = None
    due_at: AwareDatetime | None = None
    owner: UserNumber | None = None
    note: Note | None = None


@router.put("/tasks/{task_id}", summary="Change a task")
async def change_task(task_id: RowId, change: TaskChange, caller: SupportKey) -> Shown:
    """Its words, its time, who does it, its note."""
    if change.due_at:
        _demand_near(change.due_at, caller.now)
    async with caller.transaction() as tx:
        task = await _known(tx, caller, task_id)
        changed = replace(
            task,
            said=task.said if change.said is None else change.said,
            due_at=change.due_at or task.due_at,
            note=task.note if change.note is None else change.note,
            owner=task.owner if change.owner is None else await _owner(tx, caller, change.owner),
        )
        await tasks.change(tx, caller.store, changed)
        await caller.audit(tx, "task.changed", str(task_id))
        return _shown(await _known(tx, caller, task_id))


class Done(Told):
    """What came of it."""

    result: tasks.Result = "done"
    note: Note = ""


@router.post("/tasks/{task_id}/done", summary="A task is done")
async def finish_task(task_id: RowId, wish: Done, caller: SupportKey) -> Taken:
    """Not accepted: it was done already, and stays as it is."""
    async with caller.transaction() as tx:
        await _known(tx, caller, task_id)
        by = f"api/{caller.key_name}"
        is_new = await tasks.finish(
            tx, caller.store, task_id, wish.result, wish.note, by, caller.now, caller.runtime.ids
        )
        if is_new:
            await caller.audit(tx, "task.done", str(task_id), result=wish.result)
    return Taken(accepted=is_new)


@router.post("/tasks/{task_id}/open", summary="A task is to be done after all")
async def reopen_task(task_id: RowId, caller: SupportKey) -> Taken:
    """Back on the list."""
    async with caller.transaction() as tx:
        await _known(tx, caller, task_id)
        is_new = await tasks.reopen(tx, caller.store, task_id)
        if is_new:
            await caller.audit(tx, "task.reopened", str(task_id))
    return Taken(accepted=is_new)


@router.post("/tasks/{task_id}/alert", summary="Tell of a task again")
async def tell_again(task_id: RowId, caller: SupportKey) -> Taken:
    """The letter or the POST that could not be delivered is tried at once. Not accepted: it was
    told, is done, or tells nobody."""
    async with caller.transaction() as tx:
        await _known(tx, caller, task_id)
        is_new = await alerts.tell_again(tx, caller.store.id, task_id, caller.now)
    return Taken(accepted=is_new)


# ------------------------------------------------------------------ where alerts go


class AlertAddress(BaseModel):
    """Where alerts are POSTed."""

    url: str
    changed_at: datetime | None = None
    secret: str = Field("", description="Signs alerts; shown only to who has just set the address.")


class AddressWish(Told):
    """The store's own program."""

    url: str = Field(
        max_length=1_000,
        description="Begins with https://; http:// is taken within"
        " your own network only. Empty: no program.",
    )


@router.get("/alerts/address", summary="Where alerts go")
async def alert_address(caller: OwnerKey) -> AlertAddress:
    """Without the secret."""
    async with caller.transaction() as tx:
        known = await alerts.address(tx, caller.store.id)
    return (
        AlertAddress(url=known.url, changed_at=known.changed_at) if known else AlertAddress(url="")
    )


@router.put("/alerts/address", summary="Set where alerts go")
async def set_alert_address(wish: AddressWish, caller: OwnerKey) -> AlertAddress:
    """With a new secret, which is told this one time; the old one counts no more."""
    if wish.url and not is_program(wish.url):
        raise HTTPException(422, "url: an address that begins with https://, please.")
    secret = new_token() if wish.url else ""
    async with caller.transaction() as tx:
        if wish.url:
            sealed = caller.runtime.sealer.seal(secret)
            await alerts.put_address(tx, caller.store.id, wish.url, sealed, caller.now)
        else:
            await alerts.drop_address(tx, caller.store.id)
        await caller.audit(tx, "alerts.address_changed", wish.url)
    return AlertAddress(url=wish.url, changed_at=caller.now, secret=secret)


# ------------------------------------------------------------------ calls


@router.get("/calls", summary="Orders to call")
async def orders_to_call(
    caller: SupportKey,
    which: Annotated[calls.Which, Query(description="Of the last seven days.")] = "to_call",
    before: Annotated[
        int, Query(ge=1, le=NO_END, description="`next` of the page before this one.")
    ] = NO_END,
    most: Most = 50,
) -> Listed:
    """Fresh orders that are neither cancelled nor on their way, the newest first."""
    async with caller.transaction() as tx:
        rows = await calls.fresh(tx, caller.store, which, caller.now, before, most)
    items = [
        {
            "order_id": str(one.id), "order": one.key, "number": one.number,
            "placed_at": one.placed_at, "state": one.state, "total": one.total,
            "currency": one.currency, "customer": str(one.contact_id), "name": one.name,
            "phone": one.phone, "language": one.language, "orders": one.orders,
            "goods": one.goods, "calls": one.calls, "called_at": one.called_at,
            "called_by": one.called_by, "result": one.result, "note": one.note,
            "again_at": one.again_at,
        }
        for one in rows
    ]  # fmt: skip
    return Listed(items=items, next=str(rows[-1].id) if len(rows) == most else None)


class CallWish(Told):
    """What a call came to."""

    result: calls.Result
    note: Note = ""
    again_at: AwareDatetime | None = Field(
        None, description="For no_answer and call_again. Empty: in an hour."
    )


@router.get("/calls/{order_id}", summary="Calls about an order")
async def calls_of_order(order_id: OrderId, caller: SupportKey) -> list[Shown]:
    """The last one first."""
    async with caller.transaction() as tx:
        found = await calls.of_order(tx, caller.store, order_id)
    if found is None:
        raise HTTPException(404, "No order has this id.")
    return [{**one, "id": str(one["id"])} for one in found]


@router.post("/calls/{order_id}", status_code=201, summary="Note a call")
async def note_call(order_id: OrderId, wish: CallWish, caller: SupportKey) -> Taken:
    """The order stays as it is in the shop."""
    again_at = wish.again_at or caller.now + timedelta(hours=1)
    _demand_near(again_at, caller.now)
    call = Call(wish.result, f"api/{caller.key_name}", wish.note, again_at)
    async with caller.transaction() as tx:
        row_id = caller.runtime.ids.make(bucket_of_id(order_id))
        if not await calls.write(tx, caller.store, order_id, row_id, call, caller.now):
            raise HTTPException(404, "No order has this id.")
        await caller.audit(tx, "order.called", str(order_id), result=wish.result)
    return Taken(accepted=True)
