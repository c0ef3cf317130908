"""Complaints: which are to be answered and until when, each with its history, and what becomes of
it. The customer is told of each move by the automations that listen for it.

Whoever answers customers may handle them. A complaint is moved by a fact of our own, which is
answered while the page waits.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field, StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.automations import automations
from ringdove.records.complaints import complaint_lists
from ringdove.records.complaints.complaint_lists import PAGE, Asked, Line, Which, Whose
from ringdove.records.people import lookups, people
from ringdove.records.store import users
from ringdove.rules import facts
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.complaints.complaints import NOTE_MAX, REASONS
from ringdove.rules.people import phones
from ringdove.rules.scenes import Contact, Store
from ringdove.web.answering import answer_now
from ringdove.web.complaints import complaint_words as words
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.list_places import place, place_of
from ringdove.web.reasons import title
from ringdove.web.tasks import task_words
from ringdove.web.views import StorePage, SupportPage

router = APIRouter(prefix="/stores/{store_id}/complaints", include_in_schema=False)

INSIDE_MAX = 2_000
DUE_AHEAD_MAX = timedelta(days=366)
ComplaintId = Annotated[int, Path(ge=1, le=lookups.NO_END)]
OrderNumber = Annotated[int, Field(ge=0, le=lookups.NO_END)]


class NewForm(Filled):
    who: Annotated[str, StringConstraints(max_length=200)] = ""
    contact: Annotated[int, Field(ge=0, le=lookups.NO_END)] = 0
    order: OrderNumber = 0
    reason: Annotated[str, StringConstraints(max_length=40)] = ""
    said: Annotated[str, StringConstraints(min_length=1, max_length=NOTE_MAX)]


class MoveForm(Filled):
    state: facts.ComplaintState | Literal[""] = ""
    was: Annotated[str, StringConstraints(max_length=20)] = ""  # how it stood when it was read
    said: Annotated[str, StringConstraints(max_length=NOTE_MAX)] = ""
    note: Annotated[str, StringConstraints(max_length=INSIDE_MAX)] = ""


class ChangeForm(Filled):
    owner: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    due_at: Annotated[str, StringConstraints(max_length=40)] = ""
    reason: Annotated[str, StringConstraints(max_length=40)] = ""
    order: OrderNumber = 0


# ------------------------------------------------------------------ the list


@router.get("")
async def show(
    page: SupportPage,
    which: Which = "open",
    whose: Whose = "all",
    reason: Annotated[str, Query(max_length=40)] = "",
    late: Annotated[str, Query(max_length=3)] = "",
    after: Annotated[str, Query(max_length=80)] = "",
    about: Annotated[int, Query(ge=0, le=lookups.NO_END)] = 0,
) -> Response:
    """Those to answer, the one that is due first in front. `about`: a new one of this customer."""
    asked = Asked(which, whose, page.user.id, reason, bool(late), after=place_of(after))
    form = Form[NewForm]({"contact": about or "", "order": 0})
    return await _render(page, asked, form, about=about)


async def _render(
    page: StorePage, asked: Asked, form: Form[NewForm], *, status: int = 200, about: int = 0
) -> Response:
    now = page.runtime.clock()
    async with page.transaction() as tx:
        rows = await complaint_lists.listed(tx, page.store, asked, now)
        counts = await complaint_lists.counts(tx, page.store, page.user.id, now)
        person = await people.living(tx, page.store, about) if about else None
        orders = await _orders(tx, page, person)
    return page.render(
        "complaints/complaints.html",
        status,
        rows=rows,
        counts=counts,
        asked=asked,
        more=place(*point(rows[-1], asked.which)) if len(rows) == PAGE else "",
        words=words,
        whys=words.whys(page.say),
        now=now,
        form=form,
        person=person,
        orders=_choices(page, orders),
    )


def point(line: Line, which: Which) -> tuple[datetime, int]:
    """A complaint's place in its list."""
    return (line.due_at if which == "open" else line.changed_at), line.id


async def _orders(tx: Tx, page: StorePage, person: Contact | None) -> Any:
    if person is None:
        return ()
    return await complaint_lists.orders_of(tx, page.store, (person.id, *person.also))


def _choices(page: StorePage, orders: Any) -> list[tuple[int, str]]:
    none = (0, page.say.gettext("About no order"))
    return [none, *((one["id"], f"{one['number']} · {page.say.day(one['placed_at'])}")
                    for one in orders)]  # fmt: skip


# ------------------------------------------------------------------ a new one


@router.post("")
async def create(page: SupportPage) -> Response:
    """What somebody told on the telephone or in the shop."""
    form, _ = await read_form(page.request, NewForm, page.say), page.say.gettext
    if form.filled is None:  # of whom it is stays known, whatever else is wrong
        typed = str(form.values.get("contact", ""))
        about = int(typed) if typed.isdecimal() and int(typed) <= lookups.NO_END else 0
        return await _render(page, Asked(), form, status=422, about=about)
    given = form.filled
    async with page.transaction() as tx:
        found = await _whose(tx, page, given)
        person = await people.living(tx, page.store, found) if found else None
        orders = {one["id"] for one in await _orders(tx, page, person)}
    if given.contact and person is None:
        raise HTTPException(404)
    if person is None:
        form.refuse("who", _("No customer has this number, address or order."))
        return await _render(page, Asked(), form, status=422)
    fact = _fact(
        page, person.id, 0, said=given.said, about_order=given.order if given.order in orders
        else None, reason=given.reason if given.reason in REASONS else "", owner=page.user.id,
    )  # fmt: skip
    await answer_now(page.runtime, page.store, [fact])
    async with page.transaction() as tx:
        await page.audit(tx, "complaint.opened", person.name or str(person.id))
    return page.go(f"{page.home}/complaints?whose=mine", _("The complaint is on the list."))


async def _whose(tx: Tx, page: StorePage, given: NewForm) -> int | None:
    """The customer that was named: by a number, an address, or an order."""
    if given.contact:
        return given.contact
    return await customer_named(tx, page.store, given.who)


async def customer_named(tx: Tx, store: Store, said: str) -> int | None:
    """By phone, e-mail or the key of an order; None: it leads to nobody."""
    read = phones.parse(said, store.country)
    tries = [("email", said.lower()), ("order", said)]
    if isinstance(read, phones.Phone):
        tries.insert(0, ("phone", read.e164))
    for kind, value in tries:
        if value and (found := await lookups.customer_behind(tx, store, kind, value)):
            return int(found["id"])
    return None


def _fact(page: StorePage, contact: int, complaint: int, **told: Any) -> facts.ComplaintHandled:
    now = page.runtime.clock()
    return facts.ComplaintHandled(
        id=f"page/complaint/{contact}/{now:%Y%m%dT%H%M%S%f}", at=now, contact=contact,
        complaint=complaint, by=f"page/{page.user.name}"[:60], **told,
    )  # fmt: skip


# ------------------------------------------------------------------ one


@router.get("/{complaint_id}")
async def one(page: SupportPage, complaint_id: ComplaintId) -> Response:
    """With its history, and what the customer is told of each move."""
    return await _render_one(page, complaint_id, Form[MoveForm]({}))


async def _render_one(
    page: StorePage, complaint_id: int, form: Form[MoveForm], status: int = 200
) -> Response:
    now = page.runtime.clock()
    async with page.transaction() as tx:
        line = await _find(tx, page, complaint_id)
        moves = await complaint_lists.history(tx, page.store, complaint_id)
        team = await users.members(tx, page.store.id)
        person = await people.living(tx, page.store, line.living)
        orders = await _orders(tx, page, person)
        told = await told_by(tx, page.store.id)
    return page.render(
        "complaints/complaint.html",
        status,
        line=line,
        moves=moves,
        words=words,
        whys=words.whys(page.say),
        deeds=words.deeds(page.say, line.state),
        team=[(one.id, one.name) for one in team if one.disabled_at is None],
        orders=_with(line, _choices(page, orders)),
        due=task_words.clock_to(page.say, line.due_at),
        told=[(state, title(key, page.say.language), key, on) for state, key, on in told],
        now=now,
        form=form,
        said_max=NOTE_MAX,
        inside_max=INSIDE_MAX,
    )


def _with(line: Line, choices: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """The order that it is about stands among them, however long ago that was."""
    if not line.order_id or line.order_id in dict(choices):
        return choices
    return [*choices, (line.order_id, line.order_number or "–")]


async def told_by(tx: Tx, store_id: int) -> list[tuple[str, str, bool]]:
    """Which ready automation tells of a state, and whether it is on."""
    own: Mapping[str, Any] = await automations.newest(tx, store_id)
    found = []
    for state in words.DEEDS:
        key = f"complaint_{state}"
        is_on = own[key].is_on if key in own else RECIPES[key].starts_on
        found.append((state, key, is_on))
    return found


async def _find(tx: Tx, page: StorePage, complaint_id: int) -> Line:
    line = await complaint_lists.find(tx, page.store, complaint_id)
    if line is None:
        raise HTTPException(404)
    return line


@router.post("/{complaint_id}/moves")
async def move(page: SupportPage, complaint_id: ComplaintId) -> Response:
    """It comes to another state, or a note is written down."""
    form, _ = await read_form(page.request, MoveForm, page.say), page.say.gettext
    if form.filled is None:
        return await _render_one(page, complaint_id, form, 422)
    given = form.filled
    if not (given.state or given.note):
        form.refuse("note", _("Write a note, or choose what becomes of it."))
    elif given.said and not given.state:
        form.refuse("state", _("Choose what becomes of it: without that nothing is told."))
    elif given.state == "answered" and not given.said:
        form.refuse("said", _("What is the answer?"))
    if form.filled is None:
        return await _render_one(page, complaint_id, form, 422)
    async with page.transaction() as tx:
        line = await _find(tx, page, complaint_id)
        if given.state and given.was not in ("", line.state):
            form.refuse("state", _("It has changed meanwhile: look again."))
        told = {state: on for state, _key, on in await told_by(tx, page.store.id)}
    if form.filled is None:
        return await _render_one(page, complaint_id, form, 422)
    fact = _fact(
        page, line.living, line.id, state=given.state or None, said=given.said, note=given.note
    )
    await answer_now(page.runtime, page.store, [fact])
    async with page.transaction() as tx:
        deed = "complaint.moved" if given.state else "complaint.noted"
        await page.audit(tx, deed, line.number, state=given.state)
    if not given.state:
        said = _("The note is written down.")
    elif told[given.state] or given.said:
        said = _("Saved. The customer is told by text.")
    else:
        said = _("Saved. The customer is not told: the automation for it is off.")
    return page.go(f"{page.home}/complaints/{complaint_id}", said)


@router.post("/{complaint_id}")
async def change(page: SupportPage, complaint_id: ComplaintId) -> Response:
    """Who answers it, until when, why, about which order. The customer is told nothing."""
    form = await read_form(page.request, ChangeForm, page.say)
    if form.filled is None:
        raise HTTPException(422)
    given, now = form.filled, page.runtime.clock()
    due_at = task_words.clock_from(page.say.zone, given.due_at) if given.due_at else None
    if due_at and abs(due_at - now) > DUE_AHEAD_MAX:
        raise HTTPException(422)
    async with page.transaction() as tx:
        line = await _find(tx, page, complaint_id)
        owner = given.owner
        if owner and await users.role_in(tx, owner, page.store.id) is None:
            owner = 0
    fact = _fact(
        page, line.living, line.id, owner=owner, due_at=due_at,
        about_order=None if given.order == (line.order_id or 0) else given.order,
        reason=given.reason if given.reason in REASONS else "",
    )  # fmt: skip
    await answer_now(page.runtime, page.store, [fact])
    async with page.transaction() as tx:
        await page.audit(tx, "complaint.changed", line.number)
    return page.go(f"{page.home}/complaints/{complaint_id}", page.say.gettext("It is changed."))
