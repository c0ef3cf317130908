"""One contest: who takes part, its end, its winners; and all that can be done with it.

The draw cannot be done twice or taken back: its page says before what it will do.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from ringdove.kit import db
from ringdove.kit.db import Tx
from ringdove.records.contests import contests, draws
from ringdove.records.contests.draws import PAGE, Taking
from ringdove.rules.contests import contests as rules
from ringdove.rules.contests.contests import Contest
from ringdove.rules.contests.entering import address_of
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.web.consent import sign_up
from ringdove.web.contests import contest_words as words
from ringdove.web.contests.contests import Number, try_open
from ringdove.web.forms import Filled, read_form
from ringdove.web.lists.imports import csv_line
from ringdove.web.views import MarketerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/contests/{contest_id}", include_in_schema=False)

LAST = (datetime(9000, 1, 1, tzinfo=UTC), "")
COLUMNS = (
    "ticket", "entered_at", "word", "name", "phone", "country", "order", "refused", "place",
    "outcome",
)  # fmt: skip


@router.get("")
async def show(
    page: ViewerPage,
    contest_id: Number,
    after: Annotated[str, Query(max_length=80)] = "",
    ticket: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """How it stands. `ticket`: only the entry of this one."""
    return await _render(page, contest_id, after, ticket)


async def _render(
    page: StorePage,
    number: int,
    after: str = "",
    ticket: str = "",
    status: int = 200,
    wrong: str = "",
) -> Response:
    store, asked = page.store, rules.read_ticket(ticket)
    async with page.transaction() as tx:
        contest = await _find(tx, page, number)
        counts = (await draws.counts(tx, store, [number])).get(number, (0, 0))
        placed = await draws.placed(tx, store, number) if contest.drawn_at else []
        by_day = await draws.days(tx, store, number)
        if asked:
            one = await draws.one(tx, store, number, asked)
            rows = [one] if one else []
        else:
            rows = await draws.newest(tx, store, number, place_of(after), PAGE + 1)
        to_text = await sign_up.number_of(tx, store.id)
    outside = page.runtime.settings.outside_url
    return page.render(
        "contests/contest.html", status, contest=contest, state=contest.state(page.say.now),
        counts=counts, placed=placed, rows=rows[:PAGE], asked=asked, ticket=ticket, words=words,
        more=place(rows[PAGE - 1]) if len(rows) > PAGE else "", number=to_text, wrong=wrong,
        address=address_of(outside, contest), shown_ticket=rules.shown_ticket,
        days={"labels": [f"{day:%d.%m}" for day, _ in by_day], "values": [n for _, n in by_day]},
        previews=[] if contest.opened_at else words.previews(store, contest, outside),
    )  # fmt: skip


async def _find(tx: Tx, page: StorePage, number: int) -> Contest:
    contest = await contests.find(tx, page.store.id, number)
    if contest is None:
        raise HTTPException(404)
    return contest


def place(row: Taking) -> str:
    """Where a list goes on behind this row."""
    return f"{row.at.isoformat()}/{row.ticket}"


def place_of(typed: str) -> tuple[datetime, str]:
    """The same, read back; from the newest on where it cannot be read."""
    at, _, ticket = typed.partition("/")
    try:
        moment = datetime.fromisoformat(at.replace(" ", "+"))
    except ValueError:
        return LAST
    return (moment, ticket) if moment.tzinfo else LAST


# ------------------------------------------------------------------ its life


@router.post("/open")
async def open_now(page: MarketerPage, contest_id: Number) -> Response:
    """Its rules stand from now on."""
    return await try_open(page, contest_id)


@router.post("/call-off")
async def call_off(page: MarketerPage, contest_id: Number) -> Response:
    """Nobody enters any more, and nothing is drawn; its page says so. A draw that was made
    stays."""
    async with page.transaction() as tx:
        held = await contests.lock(tx, page.store.id, contest_id)
        if held is None or held[0].is_over:
            raise HTTPException(404)
        await contests.retire(tx, page.store.id, contest_id, page.runtime.clock())
        await page.audit(tx, "contest.called_off", held[0].name)
    return page.go(f"{page.home}/contests", page.say.gettext("It is called off."))


@router.post("/close")
async def close(page: MarketerPage, contest_id: Number) -> Response:
    """Closes its list now, and not within a quarter of an hour."""
    async with page.transaction() as tx:
        found = await _find(tx, page, contest_id)
        done = await draws.close(tx, page.store, contest_id, page.runtime.clock())
        if done:
            await page.audit(tx, "contest.closed", found.name, entries=done.entries)
    there = f"{page.home}/contests/{contest_id}"
    if done is None:
        return page.refuse(there, page.say.gettext("There is nothing to close now."))
    return page.go(there, page.say.gettext("The list is closed; its hash is public."))


class Drawing(Filled):
    beacon: Annotated[str, StringConstraints(max_length=200)] = ""


@router.post("/draw")
async def draw(page: MarketerPage, contest_id: Number) -> Response:
    """Draws, publishes the seed, and tells everybody with a place."""
    form = await read_form(page.request, Drawing, page.say)
    beacon = form.filled.beacon if form.filled else ""
    runtime = page.runtime
    async with page.transaction() as tx:
        found = await _find(tx, page, contest_id)
        is_ready = bool(form.filled) and (bool(beacon) == bool(found.beacon))
        done = None
        if is_ready:
            done = await draws.draw(
                tx, page.store, contest_id, beacon, runtime.sealer, runtime.ids, runtime.clock()
            )
        if done:
            await page.audit(tx, "contest.drawn", found.name, entries=done.entries)
    if not is_ready:
        why = page.say.gettext("Type the public number that was announced.")
        return await _render(page, contest_id, status=422, wrong=why)
    there = f"{page.home}/contests/{contest_id}"
    if done is None:
        return page.refuse(there, page.say.gettext("There is nothing to draw now."))
    said = page.say.gettext("Drawn: who has a place is told by text, in the daytime.")
    return page.go(f"{there}#winners", said)


# ------------------------------------------------------------------ single entries


class Refusing(Filled):
    ticket: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    why: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Placed(Filled):
    ticket: Annotated[str, StringConstraints(min_length=1, max_length=40)]


@router.post("/refuse")
async def refuse(page: MarketerPage, contest_id: Number) -> Response:
    """Takes an entry out that breaks the rules, before the list is closed."""
    form = await read_form(page.request, Refusing, page.say)
    there = f"{page.home}/contests/{contest_id}"
    async with page.transaction() as tx:
        found = await _find(tx, page, contest_id)
        done = False
        if given := form.filled:
            done = await draws.refuse(tx, page.store, contest_id, given.ticket, given.why)
            if done:
                await page.audit(
                    tx, "contest.entry_refused", found.name, ticket=given.ticket, why=given.why
                )
    if not done:
        return page.refuse(there, page.say.gettext("Say why; after the closing it is too late."))
    return page.go(there, page.say.gettext("Taken out: it will not be drawn."))


@router.post("/given")
async def give(page: MarketerPage, contest_id: Number) -> Response:
    """A winner has the prize."""
    form = await read_form(page.request, Placed, page.say)
    async with page.transaction() as tx:
        found = await _find(tx, page, contest_id)
        ticket = form.filled.ticket if form.filled else ""
        if await draws.give(tx, page.store, found, ticket):
            await page.audit(tx, "contest.given", found.name, ticket=ticket)
    return page.go(f"{page.home}/contests/{contest_id}#winners", page.say.gettext("Saved."))


@router.post("/lapsed")
async def lapse(page: MarketerPage, contest_id: Number) -> Response:
    """A winner does not come: the first substitute has the prize, and is told by text."""
    form = await read_form(page.request, Placed, page.say)
    runtime = page.runtime
    async with page.transaction() as tx:
        found = await _find(tx, page, contest_id)
        ticket = form.filled.ticket if form.filled else ""
        if await draws.lapse(tx, page.store, found, ticket, runtime.ids, runtime.clock()):
            await page.audit(tx, "contest.lapsed", found.name, ticket=ticket)
    said = page.say.gettext("Saved. A substitute who moves up is told by text.")
    return page.go(f"{page.home}/contests/{contest_id}#winners", said)


# ------------------------------------------------------------------ the list


@router.get("/entries.csv")
async def entries_file(page: MarketerPage, contest_id: Number) -> Response:
    """All entries, the newest first, with numbers and names."""
    async with page.transaction() as tx:
        found = await _find(tx, page, contest_id)
        await page.audit(tx, "contest.exported", found.name)
    headers = {
        "content-disposition": f'attachment; filename="contest-{contest_id}.csv"',
        "cache-control": "no-store",
    }
    return StreamingResponse(
        file_of(page.runtime, page.store, contest_id), headers=headers,
        media_type="text/csv; charset=utf-8",
    )  # fmt: skip


async def file_of(runtime: Runtime, store: Store, number: int) -> AsyncIterator[str]:
    """The entries as CSV, piece by piece."""
    yield csv_line(COLUMNS)
    before = LAST
    while True:
        async with db.transaction(runtime.pool) as tx:
            rows = await draws.newest(tx, store, number, before, draws.EXPORT)
        if rows:
            yield "".join(csv_line(_cells(one)) for one in rows)
            before = (rows[-1].at, rows[-1].ticket)
        if len(rows) < draws.EXPORT:
            return


def _cells(one: Taking) -> tuple[Any, ...]:
    return (
        one.ticket, one.at.isoformat(timespec="seconds"), one.word, one.name, one.phone,
        one.country, one.order_number, one.refused, one.place, one.outcome,
    )  # fmt: skip
