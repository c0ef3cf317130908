"""Contests of a store: their list, and the form of one that is not open yet.

What is open was promised to everybody who entered: it is looked at, closed and drawn
(web/contests/contest.py), and never changed.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.consent import forms
from ringdove.records.contests import contests, draws
from ringdove.rules.contests import contests as rules
from ringdove.rules.contests.contests import Contest
from ringdove.web.consent import sign_up
from ringdove.web.consent.posters import wrong_words
from ringdove.web.consent.ways_in import short_token
from ringdove.web.contests import contest_forms
from ringdove.web.contests.contest_words import state_of
from ringdove.web.forms import Form
from ringdove.web.store.places import LANGUAGE_NAMES
from ringdove.web.views import MarketerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/contests", include_in_schema=False)

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
RUNS = timedelta(days=14)


@router.get("")
async def show(page: ViewerPage) -> Response:
    """All of them, the newest first."""
    async with page.transaction() as tx:
        every = await contests.of_store(tx, page.store.id)
        counts = await draws.counts(tx, page.store, [one.id for one in every])
        number = await sign_up.number_of(tx, page.store.id)
    return page.render(
        "contests/contests.html", contests=every, counts=counts, number=number,
        now=page.runtime.clock(), state_of=state_of,
    )  # fmt: skip


@router.get("/new")
async def new(page: MarketerPage) -> Response:
    """An empty one that begins tomorrow."""
    return _form(page, _blank(page), Form(contest_forms.values_of(page.say, _blank(page))))


def _blank(page: StorePage) -> Contest:
    now = page.runtime.clock().astimezone(page.say.zone)
    begins = datetime(now.year, now.month, now.day, 9, tzinfo=page.say.zone) + timedelta(days=1)
    ends = begins + RUNS + timedelta(hours=11, minutes=59)
    return Contest(0, "", "", begins, ends, winners=3, substitutes=3)


@router.post("")
async def create(page: MarketerPage) -> Response:
    """A draft: nobody can enter before it is opened."""
    values = await contest_forms.typed(page.request)
    blank = replace(_blank(page), token=short_token(), name=page.say.gettext("Contest"))
    async with page.transaction() as tx:
        taken = await taken_words(tx, page.store.id, 0)
        contest, form = contest_forms.read(page.say, page.store, blank, values, taken)
        if not form.errors:
            made = await contests.create(tx, page.store.id, contest, page.runtime.clock())
            await page.audit(tx, "contest.saved", contest.name)
    if form.errors:
        return _form(page, _blank(page), form, 422)
    return page.go(f"{page.home}/contests/{made}", page.say.gettext("Saved: nobody can enter yet."))


@router.get("/{contest_id}/edit")
async def edit(page: MarketerPage, contest_id: Number) -> Response:
    """The form of a draft."""
    async with page.transaction() as tx:
        contest = await draft(tx, page, contest_id)
    return _form(page, contest, Form(contest_forms.values_of(page.say, contest)))


@router.post("/{contest_id}/edit")
async def save(page: MarketerPage, contest_id: Number) -> Response:
    """What it will be."""
    values = await contest_forms.typed(page.request)
    async with page.transaction() as tx:
        known = await draft(tx, page, contest_id)
        taken = await taken_words(tx, page.store.id, contest_id)
        contest, form = contest_forms.read(page.say, page.store, known, values, taken)
        if not form.errors:
            await contests.change(tx, page.store.id, contest, page.runtime.clock())
            await page.audit(tx, "contest.saved", contest.name)
    if form.errors:
        return _form(page, known, form, 422)
    return page.go(f"{page.home}/contests/{contest_id}", page.say.gettext("Saved."))


async def draft(tx: Tx, page: StorePage, number: int) -> Contest:
    """One that can still be changed. 404 for any other: what is open has no form."""
    contest = await contests.find(tx, page.store.id, number)
    if contest is None or contest.opened_at or contest.retired_at:
        raise HTTPException(404)
    return contest


async def taken_words(tx: Tx, store_id: int, but: int) -> set[str]:
    """Folded words that mean something else in this store."""
    keywords = await forms.keywords(tx, store_id)
    return {*keywords, *await contests.words(tx, store_id, but)}


def _form(page: StorePage, contest: Contest, form: Form[Any], status: int = 200) -> Response:
    return page.render(
        "contests/contest_form.html", status, contest=contest, form=form,
        languages=[(code, LANGUAGE_NAMES[code]) for code in page.store.languages],
        letters=contest_forms.SAID_MAX, words_max=rules.WORDS_MAX,
    )  # fmt: skip


async def try_open(page: StorePage, number: int) -> Response:
    """From now on it stands as it is; or its form, with what it lacks."""
    runtime = page.runtime
    async with page.transaction() as tx:
        contest = await draft(tx, page, number)
        missing = rules.missing(contest, page.store.languages, runtime.clock())
        taken = await taken_words(tx, page.store.id, number)
        why = contest_forms.wrong_word(contest.words, taken)
        if not missing and not why:
            await contests.open_now(tx, page.store.id, number, runtime.sealer, runtime.clock())
            await page.audit(tx, "contest.opened", contest.name)
    if not missing and not why:
        there = f"{page.home}/contests/{number}"
        return page.go(there, page.say.gettext("It is open: its page is public from now on."))
    form = Form[Any](contest_forms.values_of(page.say, contest))
    form.errors = contest_forms.wrong_missing(page.say, missing)
    if why:
        form.errors["words"] = f"{why[0]}: {wrong_words(page.say)[why[1]]}"
    return _form(page, contest, form, 422)
