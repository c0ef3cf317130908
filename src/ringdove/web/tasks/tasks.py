"""Tasks: what somebody of the store is to do, mine, everybody's and nobody's, and what came of it.

Automations ask for them, programs and people too. Who may answer customers may do tasks; where
alerts go to is the owner's to say.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Query
from pydantic import Field, StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.crypto import new_token
from ringdove.kit.db import Tx
from ringdove.records.people import lookups
from ringdove.records.store import users
from ringdove.records.tasks import alerts, tasks
from ringdove.records.tasks.tasks import PAGE, RESULTS, Asked, Result, Task, Whose, Wish
from ringdove.rules.links.link_targets import web_address
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.list_places import place, place_of
from ringdove.web.reasons import title
from ringdove.web.tasks import task_words as words
from ringdove.web.views import OwnerPage, StorePage, SupportPage

router = APIRouter(prefix="/stores/{store_id}/tasks", include_in_schema=False)

SAID_MAX = 500
NOTE_MAX = 2_000
DUE_IN = timedelta(days=1)
DUE_AHEAD_MAX = timedelta(days=366)
TaskId = Annotated[int, Path(ge=1, le=lookups.NO_END)]
Said = Annotated[str, StringConstraints(min_length=1, max_length=SAID_MAX)]
Note = Annotated[str, StringConstraints(max_length=NOTE_MAX)]


class TaskForm(Filled):
    said: Said
    due_at: Annotated[str, StringConstraints(max_length=40)] = ""
    owner: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    note: Note = ""
    tells: Literal["", "yes"] = ""
    contact: Annotated[int, Field(ge=0, le=lookups.NO_END)] = 0


class DoneForm(Filled):
    result: Result
    note: Note = ""


class AddressForm(Filled):
    url: Annotated[str, StringConstraints(max_length=1_000)] = ""


@router.get("")
async def show(
    page: SupportPage,
    whose: Whose = "all",
    done: Annotated[str, Query(max_length=3)] = "",
    after: Annotated[str, Query(max_length=80)] = "",
    about: Annotated[int, Query(ge=0, le=lookups.NO_END)] = 0,
) -> Response:
    """Open ones, the one that is due first in front; or those that are done. `about`: a new one is
    begun about this customer."""
    return await _render(page, whose, bool(done), after, about=about)


async def _render(
    page: StorePage,
    whose: Whose = "all",
    is_done: bool = False,
    after: str = "",
    *,
    status: int = 200,
    form: Form[TaskForm] | None = None,
    address: Form[AddressForm] | None = None,
    shown_once: str = "",
    about: int = 0,
) -> Response:
    now = page.runtime.clock()
    asked = Asked(whose, is_done, page.user.id, after=place_of(after))
    async with page.transaction() as tx:
        rows = await tasks.listed(tx, page.store, asked)
        counts = await tasks.counts(tx, page.store, page.user.id, now)
        team = await users.members(tx, page.store.id)
        where = await alerts.address(tx, page.store.id)
        typed = str(form.values.get("contact", "")) if form else ""
        about = int(typed) if typed.isdecimal() and int(typed) <= lookups.NO_END else about
        who = await lookups.customer(tx, page.store, about) if about else None
    begun = {"due_at": words.clock_to(page.say, now + DUE_IN), "owner": page.user.id}
    return page.render(
        "tasks/tasks.html",
        status,
        rows=rows,
        counts=counts,
        whose=whose,
        is_done=is_done,
        more=place(*point(rows[-1])) if len(rows) == PAGE else "",
        team=[(one.id, one.name) for one in team if one.disabled_at is None],
        where=where,
        words=words,
        results=words.options(page.say, words.RESULTS, *RESULTS),
        title=lambda key: title(key, page.say.language),
        now=now,
        form=form or Form(begun),
        address=address or Form({"url": where.url if where else ""}),
        shown_once=shown_once,
        who=who,
    )


def point(task: Task) -> tuple[datetime, int]:
    """A task's place in its list."""
    return task.done_at or task.due_at, task.id


# ------------------------------------------------------------------ where alerts go


def is_program(url: str) -> bool:
    """Whether alerts may be told there: customers' names and phones go over a plain line only
    within one's own network."""
    parts = urlsplit(web_address(url))
    host = parts.hostname or ""
    try:
        number = ip_address(host)
        is_near = number.is_private and not number.is_link_local
    except ValueError:
        is_near = bool(host) and "." not in host
    return parts.scheme == "https" or is_near


@router.post("/address")
async def set_address(page: OwnerPage) -> Response:
    """Where alerts are POSTed. A new secret is on the answer, and nowhere else."""
    form = await read_form(page.request, AddressForm, page.say)
    _, now = page.say.gettext, page.runtime.clock()
    url = form.filled.url if form.filled else ""
    if form.filled is None or (url and not is_program(url)):
        form.refuse("url", _("An address that begins with https://, please."))
        return await _render(page, status=422, address=form)
    secret = new_token()
    async with page.transaction() as tx:
        if url:
            sealed = page.runtime.sealer.seal(secret)
            await alerts.put_address(tx, page.store.id, url, sealed, now)
        else:
            await alerts.drop_address(tx, page.store.id)
        await page.audit(tx, "alerts.address_changed", url)
    if not url:
        return page.go(f"{page.home}/tasks", _("Alerts go to no program any more."))
    return await _render(page, shown_once=secret)


# ------------------------------------------------------------------ one task


@router.post("")
async def create(page: SupportPage) -> Response:
    """A new one."""
    form = await read_form(page.request, TaskForm, page.say)
    if form.filled is None:
        return await _render(page, status=422, form=form)
    given, now = form.filled, page.runtime.clock()
    due_at = _due(page, given, now)
    if due_at is None:
        form.refuse("due_at", page.say.gettext("A day and a time within a year, please."))
        return await _render(page, status=422, form=form)
    async with page.transaction() as tx:
        if given.contact and await lookups.customer(tx, page.store, given.contact) is None:
            raise HTTPException(404)
        owner = await owner_of(tx, page.store.id, given.owner)
        bucket = tasks.bucket_of_task(page.store, given.contact or None)
        task_id = page.runtime.ids.make(bucket)
        wish = Wish(
            task_id, given.said, due_at, f"page/{page.user.name}", owner, given.contact or None,
            tells_owner=given.tells == "yes",
        )  # fmt: skip
        await tasks.create(tx, page.store, wish, now)
        await page.audit(tx, "task.created", str(task_id))
    return page.go(f"{page.home}/tasks", page.say.gettext("The task is on the list."))


def _due(page: StorePage, given: TaskForm, now: datetime) -> datetime | None:
    if not given.due_at:
        return now + DUE_IN
    due_at = words.clock_from(page.say.zone, given.due_at)
    return due_at if due_at and abs(due_at - now) <= DUE_AHEAD_MAX else None


async def owner_of(tx: Tx, store_id: int, user_id: int) -> int | None:
    """Who is to do it; None for nobody, and for who does not belong to the store."""
    return user_id if user_id and await users.role_in(tx, user_id, store_id) else None


@router.post("/{task_id}")
async def change(page: SupportPage, task_id: TaskId) -> Response:
    """Other words, another owner, another time, a note."""
    form = await read_form(page.request, TaskForm, page.say)
    async with page.transaction() as tx:
        task = await _find(tx, page, task_id)
        due_at = _due(page, form.filled, page.runtime.clock()) if form.filled else None
        if form.filled is None or due_at is None:
            raise HTTPException(422)
        given = form.filled
        owner = await owner_of(tx, page.store.id, given.owner)
        changed = replace(task, said=given.said, owner=owner, due_at=due_at, note=given.note)
        await tasks.change(tx, page.store, changed)
        await page.audit(tx, "task.changed", str(task_id))
    return page.go(f"{page.home}/tasks", page.say.gettext("It is changed."))


async def _find(tx: Tx, page: StorePage, task_id: int) -> Task:
    task = await tasks.find(tx, page.store, task_id)
    if task is None:
        raise HTTPException(404)
    return task


@router.post("/{task_id}/done")
async def finish(page: SupportPage, task_id: TaskId) -> Response:
    """It is done; what came of it stays with it."""
    form = await read_form(page.request, DoneForm, page.say)
    _, now = page.say.gettext, page.runtime.clock()
    async with page.transaction() as tx:
        await _find(tx, page, task_id)
        if form.filled is None:
            raise HTTPException(422)
        given, by = form.filled, f"page/{page.user.name}"
        ids = page.runtime.ids
        if not await tasks.finish(tx, page.store, task_id, given.result, given.note, by, now, ids):
            return page.go(f"{page.home}/tasks", _("Somebody else has done it already."))
        await page.audit(tx, "task.done", str(task_id), result=given.result)
    return page.go(f"{page.home}/tasks", _("It is done."))


@router.post("/{task_id}/open")
async def reopen(page: SupportPage, task_id: TaskId) -> Response:
    """It is to be done after all."""
    async with page.transaction() as tx:
        await _find(tx, page, task_id)
        if await tasks.reopen(tx, page.store, task_id):
            await page.audit(tx, "task.reopened", str(task_id))
    return page.go(f"{page.home}/tasks", page.say.gettext("It is on the list again."))


@router.post("/{task_id}/alert")
async def tell_again(page: SupportPage, task_id: TaskId) -> Response:
    """Whom it is for is told once more."""
    async with page.transaction() as tx:
        await _find(tx, page, task_id)
        is_told = await alerts.tell_again(tx, page.store.id, task_id, page.runtime.clock())
    _ = page.say.gettext
    said = _("It is told within a minute.") if is_told else _("There is nobody to be told.")
    return page.go(f"{page.home}/tasks", said)
