"""What the builder of segments asks while one builds: how many, whom a text would reach, some of
them, and one person with the reason of every condition (N2). Nothing here changes anything.

A question whose page has gone on to the next one is given up in the database too.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query
from pydantic import StringConstraints
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ringdove.records.consent.deciding import Counts
from ringdove.records.people import customers, people, search
from ringdove.records.people.lookups import NO_END, Row
from ringdove.records.segments import segment_list, segments
from ringdove.rules.consent.consent import Draft
from ringdove.rules.people import searching
from ringdove.rules.people.searching import Filters
from ringdove.rules.segments import pictures
from ringdove.rules.segments.segments import NoSegment, TooLarge
from ringdove.web.forms import Filled, read_form
from ringdove.web.reasons import reason_words
from ringdove.web.segments import segment_editor, segment_words
from ringdove.web.segments.segment_editor import JSON_MAX
from ringdove.web.segments.segment_names import names_of
from ringdove.web.segments.segment_proof import proof
from ringdove.web.segments.segments import SegmentId, trouble_words
from ringdove.web.views import StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/segments", include_in_schema=False)

COUNT_S = 8.0  # then it is "at least so many"
GONE_POLL_S = 0.1
SAMPLE = 10
PAGE = 50
FOUND_MAX = 6
VALID_FOR = timedelta(days=2)

T = TypeVar("T")
Text = Annotated[str, StringConstraints(max_length=200)]


class AskForm(Filled):
    """`before`: how many there were at the last count; `mirror`: where the number is shown once
    more; `q`, `person`: whom it is tested on."""

    tree: Annotated[str, StringConstraints(max_length=JSON_MAX)] = ""
    before: Annotated[str, StringConstraints(pattern=r"^\d{0,12}$")] = ""
    mirror: Annotated[str, StringConstraints(pattern=r"^[a-z-]{0,40}$")] = ""
    q: Text = ""
    person: Annotated[str, StringConstraints(pattern=r"^\d{0,19}$")] = ""


@dataclass(frozen=True, slots=True)
class Reached:
    """Of the people of a segment: how many an offer would reach, and why not the rest."""

    counts: Counts

    def of(self, verdict: str) -> int:
        """How many have this verdict: send, wait, drop."""
        return sum(n for (said, _reason), n in self.counts.items() if said == verdict)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def reasons(self, verdict: str) -> list[tuple[str, int]]:
        """Reasons with their numbers, the commonest first."""
        found = [(reason, n) for (said, reason), n in self.counts.items() if said == verdict]
        return sorted(found, key=lambda pair: -pair[1])


async def while_waited_for(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The answer; given up (CancelledError reaches the database) when nobody waits any more."""
    task = asyncio.ensure_future(work)
    try:
        while True:
            done, _ = await asyncio.wait({task}, timeout=GONE_POLL_S)
            if done:
                return task.result()
            if await request.is_disconnected():
                raise HTTPException(499)
    finally:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _asked(page: StorePage) -> tuple[AskForm, segment_editor.Drawing]:
    form = await read_form(page.request, AskForm, page.say)
    if form.filled is None:
        raise HTTPException(422)
    return form.filled, segment_editor.read(form.filled.tree, page.say)


@router.post("/count")
async def count(page: ViewerPage) -> Response:
    """How many it has, and how that changed since it was counted last."""
    asked, read = await _asked(page)
    trouble, found, words = read.trouble, None, ""
    if read.tree is not None:
        async with page.transaction() as tx:
            names = await names_of(tx, page.store, page.say)
        words = segment_words.say(read.tree, page.say, names)
        try:
            found = await while_waited_for(
                page.request,
                segments.count(page.runtime.pool, page.store, read.tree, page.runtime.clock(),
                               within_s=COUNT_S),
            )  # fmt: skip
        except (NoSegment, TooLarge) as error:
            trouble = trouble_words(page.say, error)
    change = found.people - int(asked.before) if found and asked.before else 0
    before = found.people if found else asked.before
    return page.render("segments/segment_count.html", found=found, change=change, trouble=trouble,
                       before=before, words=words, mirror=asked.mirror)  # fmt: skip


@router.post("/reach")
async def reach(page: ViewerPage) -> Response:
    """Whom an offer by text would reach if it went now, and why not the others."""
    _form, read = await _asked(page)
    reached = None
    if read.tree is not None:
        now = page.runtime.clock()
        # An occasion is the campaign's to name: here it does not count.
        draft = Draft("sms", "marketing", "offers", now, now + VALID_FOR, occasion="sale")
        with suppress(NoSegment, TooLarge):
            reached = Reached(await while_waited_for(
                page.request,
                segments.count_reachable(page.runtime.pool, page.store, read.tree, draft, now),
            ))  # fmt: skip
    return page.render("segments/segment_reach.html", reached=reached, reason_words=reason_words)


@router.post("/sample")
async def sample(page: ViewerPage) -> Response:
    """Some of the people."""
    _form, read = await _asked(page)
    rows: Sequence[Row] = ()
    if read.tree is not None:
        with suppress(NoSegment, TooLarge):
            async with page.transaction() as tx:
                found = await segments.people(
                    tx, page.store, read.tree, page.runtime.clock(), most=SAMPLE
                )
                rows = found.rows
    return page.render("segments/segment_sample.html", rows=rows, is_asked=read.tree is not None)


@router.post("/test")
async def test(page: ViewerPage) -> Response:
    """People found by what was typed; of one who was chosen, every condition with yes or no."""
    asked, read = await _asked(page)
    found: Sequence[Row] = ()
    who, shown = None, None
    async with page.transaction() as tx:
        if asked.person:
            who = await people.living(tx, page.store, min(int(asked.person), NO_END))
        if who and read.tree is not None:
            now = page.runtime.clock()
            names = await names_of(tx, page.store, page.say)
            picture = await segments.picture(tx, page.store, who.id)
            with suppress(NoSegment):
                _is_in, reason = pictures.holds(read.tree, picture, now)
                shown = proof(reason, page.say, names)
        elif asked.q and not asked.person:
            found = await _people(tx, page, asked.q)
    return page.render("segments/segment_test.html", found=found, who=who, shown=shown, asked=asked,
                       trouble=read.trouble)  # fmt: skip


async def _people(tx: Any, page: StorePage, typed: str) -> Sequence[Row]:
    """The few who fit best: a whole number or address first, then parts of names and numbers."""
    store, now = page.store, page.runtime.clock()
    first = await search.rows(tx, store, (await customers.behind(tx, store, typed))[:FOUND_MAX])
    needle = searching.needle(store.id, typed, Filters(), masked=page.say.masked)
    if needle.is_nothing:
        return first
    rest = await search.find(tx, store, needle, Filters(), now, NO_END, FOUND_MAX)
    known = {row["id"] for row in first}
    return [*first, *(row for row in rest.rows if row["id"] not in known)][:FOUND_MAX]


@router.get("/{segment_id}/size")
async def size(page: ViewerPage, segment_id: SegmentId) -> Response:
    """Counts a saved segment and remembers it for the list."""
    now = page.runtime.clock()
    async with page.transaction() as tx:
        one = await segments.find(tx, page.store, segment_id)
    if one is None:
        raise HTTPException(404)
    counted = None
    with suppress(NoSegment, TooLarge):
        counted = await while_waited_for(
            page.request,
            segments.count(page.runtime.pool, page.store, one.tree, now, within_s=COUNT_S),
        )
        async with page.transaction() as tx:
            await segment_list.remember(tx, page.store, segment_id, counted, now)
    found = segment_list.Size(counted.people, counted.is_whole, now) if counted else None
    return page.render("segments/segment_size.html", size=found)


@router.get("/{segment_id}/people")
async def show_people(
    page: ViewerPage, segment_id: SegmentId, after: Annotated[int, Query(ge=0, le=NO_END)] = 0
) -> Response:
    """Everybody in a saved segment, page by page."""
    async with page.transaction() as tx:
        one = await segments.find(tx, page.store, segment_id)
        if one is None:
            raise HTTPException(404)
        try:
            found = await segments.people(
                tx, page.store, one.tree, page.runtime.clock(), after=after, most=PAGE
            )
        except (NoSegment, TooLarge) as error:
            return page.go(f"{page.home}/segments/{one.id}", trouble_words(page.say, error))
    return page.render("segments/segment_people.html", one=one, rows=found.rows, next=found.next)
