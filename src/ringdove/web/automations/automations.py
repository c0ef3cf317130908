"""Automations: all of a store by what they are for, each switched on and off with one press.

Before one is switched on, its line says what it would have done lately (records/automations/
automation_rehearsals.py); the editor is in editor.py.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.automations import automation_rehearsals, automations
from ringdove.records.automations.automation_rehearsals import AutomationRehearsal
from ringdove.rules.automations import revisions
from ringdove.rules.automations.journeys import Journey
from ringdove.rules.automations.plans import Automation, Plan
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.automations.rehearsing import may_be_rehearsed
from ringdove.web.automations import automation_checks, fact_words
from ringdove.web.automations import recipe_words as words
from ringdove.web.automations.automation_rehearsals import ask_for
from ringdove.web.automations.automations_found import find, is_own, keep, next_own
from ringdove.web.automations.editor import named_of
from ringdove.web.automations.previews import samples_of
from ringdove.web.forms import Filled, read_form
from ringdove.web.views import MarketerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/automations", include_in_schema=False)

COUNTED_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Row:
    """One automation on the list."""

    key: str
    title: str
    about: str
    own: Automation
    texts: int
    is_own: bool
    is_changed: bool
    would: "Would | None" = None  # of one that is off


@dataclass(frozen=True, slots=True)
class Would:
    """What an automation that is off would have done: worked out, or how far that is."""

    share: float
    days: int
    texts: int = 0
    people: int = 0
    money: str = ""


@router.get("")
async def show_all(page: ViewerPage) -> Response:
    """Every automation by its purpose, with what it sent lately."""
    async with page.transaction() as tx:
        plans = await automations.plans(tx, page.store.id)
        since = page.runtime.clock() - COUNTED_FOR
        counts = await automations.texts_since(tx, page.store, since)
        named = await named_of(tx, page)
        rehearsed = await automation_rehearsals.of_store(tx, page.store)
    rows: dict[str, list[Row]] = {}
    gone: list[Row] = []
    may_rehearse = False
    for key, plan in plans.newest.items():
        title, about = words.named(page.say, plan.journey)
        about = about or fact_words.began(page.say, plan.journey.trigger, named.names)
        own = plan.own
        is_changed = bool(own.texts or own.steps or own.plan) and not is_own(key)
        would = None if own.is_on else _would(page, plan, rehearsed.get(key))
        is_asked = own.is_on or own.is_gone or would
        may_rehearse = may_rehearse or not (is_asked or not may_be_rehearsed(plan))
        row = Row(key, title, about, own, counts.get(key, 0), is_own(key), is_changed, would)
        (gone if own.is_gone else rows.setdefault(words.purpose_of(plan.journey), [])).append(row)
    return page.render(
        "automations/automations.html",
        rows=rows,
        gone=gone,
        purposes={key: page.say.gettext(title) for key, (title, _m) in words.PURPOSES.items()},
        on=sum(row.own.is_on for some in rows.values() for row in some),
        all=sum(map(len, rows.values())),
        may_rehearse=may_rehearse,
        is_working=any(one.would and one.would.share < 1 for some in rows.values() for one in some),
    )


def _would(page: StorePage, plan: Plan, found: AutomationRehearsal | None) -> Would | None:
    """None: nobody asked, it failed, or it was of another version."""
    if found is None or found.state == "failed" or found.version != plan.own.version:
        return None
    days = round((found.until - found.since) / timedelta(days=1))
    if found.state != "done":
        return Would(min(found.share, 0.99), days)
    told = found.result
    money = " + ".join(
        page.say.money(Decimal(amount), name) for name, amount in told["money"].items()
    )
    return Would(1, days, told["texts"], told["spoken_to"], money)


@router.post("/rehearsals")
async def rehearse(page: MarketerPage) -> Response:
    """What all that are off would have done in the last month, as far as it is not known."""
    async with page.transaction() as tx:
        plans = await automations.plans(tx, page.store.id)
        rehearsed = await automation_rehearsals.of_store(tx, page.store)
        for key, plan in plans.newest.items():
            is_off = not plan.own.is_on and not plan.own.is_gone
            if is_off and may_be_rehearsed(plan) and not _would(page, plan, rehearsed.get(key)):
                await ask_for(tx, page, plan, COUNTED_FOR.days)
        await page.audit(tx, "automation.rehearsed")
    return page.go(f"{page.home}/automations")


# ------------------------------------------------------------------ on and off


class Switched(Filled):
    is_on: bool
    version: int
    back: bool = False


class Versioned(Filled):
    version: int


@router.post("/{key}/switch")
async def switch(page: MarketerPage, key: str) -> Response:
    """On or off, as a new version; one that is not right yet is not switched on."""
    form = await read_form(page.request, Switched, page.say)
    if form.filled is None:
        raise HTTPException(422)
    given, _ = form.filled, page.say.gettext
    here = f"{page.home}/automations/{key}"
    back = here if given.back else f"{page.home}/automations#{key}"
    async with page.transaction() as tx:
        plan = await find(tx, page, key)
        title, now = words.named(page.say, plan.journey)[0], plan.own
        if now.version != given.version:
            return page.refuse(back, _("Somebody else has just changed it: look again."))
        if given.is_on and (why := await _trouble(tx, page, plan)):
            return page.refuse(here, why)
        if now.is_on != given.is_on:
            wanted = replace(now, is_on=given.is_on, is_gone=now.is_gone and not given.is_on)
            await keep(tx, page, key, wanted, now)
    on, off = _("“%(name)s” is on.", name=title), _("“%(name)s” is off.", name=title)
    return page.go(back, on if given.is_on else off)


async def _trouble(tx: Tx, page: StorePage, plan: Plan) -> str:
    """Why it cannot be on."""
    _ = page.say.gettext
    found = revisions.problems(plan.journey, plan.own.texts, samples_of(page))
    if found and found[0].mistake.kind == "empty":
        return _("It cannot be on: a text says nothing yet. Write it, then save.")
    if found:
        return _("It cannot be on: something in its steps is to be corrected first.")
    if missing := await automation_checks.missing(tx, page.store, plan.journey):
        return words.not_there(page.say, missing)
    return ""


# ------------------------------------------------------------------ copies, versions, off the list


@router.post("/{key}/copy")
async def copy(page: MarketerPage, key: str) -> Response:
    """The same once more as the store's own, switched off."""
    async with page.transaction() as tx:
        plan = await find(tx, page, key)
        new = await next_own(tx, page.store.id)
        title = words.named(page.say, plan.journey)[0]
        name = page.say.gettext("%(name)s, copy", name=title)[:120]
        journey = _with(plan.journey, key=new, name=name, starts_on=False)
        wanted = Automation(is_on=False, texts=plan.own.texts, plan=journey)
        if not await keep(tx, page, new, wanted, Automation(is_on=False)):
            again = page.say.gettext("Somebody else has just changed it: look again.")
            return page.refuse(f"{page.home}/automations/{key}", again)
    said = page.say.gettext("This is the copy. It is off until you switch it on.")
    return page.go(f"{page.home}/automations/{new}", said)


@router.post("/{key}/removal")
async def remove(page: MarketerPage, key: str) -> Response:
    """One of the store's own is switched off and taken off the list, or put back on it."""
    form = await read_form(page.request, Versioned, page.say)
    if form.filled is None or not is_own(key):
        raise HTTPException(422)
    _ = page.say.gettext
    async with page.transaction() as tx:
        plan = await find(tx, page, key)
        now = plan.own
        here = f"{page.home}/automations/{key}"
        if now.version != form.filled.version:
            return page.refuse(here, _("Somebody else has just changed it: look again."))
        await keep(tx, page, key, replace(now, is_on=False, is_gone=not now.is_gone), now)
    if now.is_gone:
        return page.go(here, _("It is on the list again, switched off."))
    said = _("“%(name)s” is off the list. It can be taken back from there.",
             name=plan.journey.name)  # fmt: skip
    return page.go(f"{page.home}/automations", said)


@router.post("/{key}/versions/{version}/restore")
async def restore(page: MarketerPage, key: str, version: int) -> Response:
    """An older version's steps and texts as the newest version; the switch stays as it is."""
    form = await read_form(page.request, Versioned, page.say)
    if form.filled is None:
        raise HTTPException(422)
    _ = page.say.gettext
    here = f"{page.home}/automations/{key}"
    async with page.transaction() as tx:
        plan = await find(tx, page, key)
        past = await _past(tx, page, key, version)
        if past is None:
            raise HTTPException(404)
        now = plan.own
        if now.version != form.filled.version:
            return page.refuse(here, _("Somebody else has just changed it: look again."))
        wanted = revisions.kept(key, past.journey, past.own.texts, now)
        if now.is_on and (why := await _trouble(tx, page, Plan(past.journey, wanted))):
            return page.refuse(here, why)
        await keep(tx, page, key, wanted, now)
    if version == 0:
        return page.go(here, _("It is as it came."))
    return page.go(here, _("It is as it was in version %(number)s.", number=version))


async def _past(tx: Tx, page: StorePage, key: str, version: int) -> Plan | None:
    """A version that was; 0: as a ready one comes."""
    if version == 0:
        ready = RECIPES.get(key)
        return Plan(ready, Automation(is_on=ready.starts_on)) if ready else None
    plans = await automations.plans(tx, page.store.id)
    is_there = any(one.version == version for one in plans.versions.get(key, ()))
    return plans.of(key, version) if is_there else None


def _with(journey: Journey, **changed: object) -> Journey:
    """The same journey with other fields, made anew so that what it knows of itself is true."""
    told = {name: getattr(journey, name) for name in Journey.model_fields}
    return Journey.model_validate({**told, **changed})
