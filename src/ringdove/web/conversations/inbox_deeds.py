"""What somebody of the store does with a conversation: takes it, puts it off, closes it, notes
something for colleagues, puts right what a text was understood as. Each leaves its line in the
audit but typing and reading.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field, StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.buckets import Ids
from ringdove.kit.db import Tx
from ringdove.records import facts as fact_records
from ringdove.records.conversations import conversations, talk
from ringdove.records.conversations.inbox import Which
from ringdove.records.people.lookups import NO_END
from ringdove.rules.conversations import care
from ringdove.rules.facts import ConsentChanged
from ringdove.rules.replies import Intent
from ringdove.rules.scenes import Contact, Store
from ringdove.web.conversations.inbox import ContactId, known, name_of
from ringdove.web.forms import Filled, read_form
from ringdove.web.tasks import task_words
from ringdove.web.tasks.tasks import owner_of
from ringdove.web.views import StorePage, SupportPage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/inbox/{contact_id}", include_in_schema=False)

NOTE_MAX = 2_000
SOURCE_MAX = 40
MORNING = 9  # o'clock
EVENING = 18
AHEAD_MAX = timedelta(days=366)

SaidId = Annotated[int, Path(ge=1, le=NO_END)]
From = Annotated[Which, Query()]
Until = Literal["hour", "evening", "tomorrow", "monday", "at"]


class OwnerForm(Filled):
    owner: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class SnoozeForm(Filled):
    until: Until
    at: Annotated[str, StringConstraints(max_length=40)] = ""


class NoteForm(Filled):
    body: Annotated[str, StringConstraints(min_length=1, max_length=NOTE_MAX)]


class MeantForm(Filled):
    intent: Intent


class TypingForm(Filled):
    text: Annotated[str, StringConstraints(max_length=4)] = ""


def _talk(page: StorePage, who: Contact, which: str) -> str:
    return f"{page.home}/inbox/{who.id}?which={which}"


async def _audit(page: StorePage, tx: Tx, deed: str, who: Contact) -> None:
    await page.audit(tx, f"conversation.{deed}", name_of(page, who))


@router.post("/owner")
async def give(page: SupportPage, contact_id: ContactId, which: From = "waiting") -> Response:
    """Somebody takes care of it; 0: whoever comes first."""
    form = await read_form(page.request, OwnerForm, page.say)
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
        if form.filled is None:
            raise HTTPException(422)
        owner = await owner_of(tx, page.store.id, form.filled.owner)
        await conversations.take(tx, page.store, who.id, owner)
        await _audit(page, tx, "given", who)
    _ = page.say.gettext
    said = _("It is given to them.") if owner else _("Whoever comes first takes it.")
    return page.go(_talk(page, who, which), _("It is yours.") if owner == page.user.id else said)


@router.post("/snooze")
async def put_off(page: SupportPage, contact_id: ContactId, which: From = "waiting") -> Response:
    """Nobody has to look before then."""
    form = await read_form(page.request, SnoozeForm, page.say)
    _, now = page.say.gettext, page.runtime.clock()
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
        until = _until(page, form.filled, now) if form.filled else None
        if until is None:
            return page.refuse(
                _talk(page, who, which), _("A day and a time to come, within a year, please.")
            )
        at = until
        await conversations.change(tx, page.store, who.id, lambda one: care.put_off(one, at))
        await _audit(page, tx, "put_off", who)
    back = f"{page.say.day(until)}, {page.say.clock(until)}"
    said = _("It comes back: %(time)s. Sooner, if they write.", time=back)
    return page.go(f"{page.home}/inbox?which={which}", said)


def _until(page: StorePage, given: SnoozeForm, now: datetime) -> datetime | None:
    """By the store's clock; None: no time to come."""
    local = now.astimezone(page.say.zone)
    morning = local.replace(hour=MORNING, minute=0, second=0, microsecond=0)
    match given.until:
        case "hour":
            until: datetime | None = now + timedelta(hours=1)
        case "evening":
            until = local.replace(hour=EVENING, minute=0, second=0, microsecond=0)
        case "tomorrow":
            until = morning + timedelta(days=1)
        case "monday":
            until = morning + timedelta(days=7 - local.weekday())
        case "at":
            until = task_words.clock_from(page.say.zone, given.at)
    return until if until and now < until <= now + AHEAD_MAX else None


@router.post("/close")
async def close(page: SupportPage, contact_id: ContactId, which: From = "waiting") -> Response:
    """Nothing is to be done any more; offers go again."""
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
        await conversations.change(tx, page.store, who.id, care.closed)
        await _audit(page, tx, "closed", who)
    said = page.say.gettext("Closed. A new text opens it again.")
    return page.go(f"{page.home}/inbox?which={which}", said)


@router.post("/open")
async def reopen(page: SupportPage, contact_id: ContactId, which: From = "waiting") -> Response:
    """Somebody is to look at it after all."""
    now = page.runtime.clock()
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
        await conversations.change(tx, page.store, who.id, lambda one: care.opened(one, now))
        await _audit(page, tx, "opened", who)
    return page.go(_talk(page, who, which), page.say.gettext("It waits for an answer again."))


@router.post("/unread")
async def unread(page: SupportPage, contact_id: ContactId, which: From = "waiting") -> Response:
    """It shall look as if nobody had looked yet."""
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
        await conversations.change(tx, page.store, who.id, care.unseen)
    return page.go(f"{page.home}/inbox?which={which}", page.say.gettext("It counts as not read."))


@router.post("/notes")
async def note(page: SupportPage, contact_id: ContactId, which: From = "waiting") -> Response:
    """Something for colleagues; the customer never sees it."""
    form = await read_form(page.request, NoteForm, page.say)
    now = page.runtime.clock()
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
        if form.filled is None:
            why = page.say.gettext("A note of at most %(num)s letters, please.", num=NOTE_MAX)
            return page.refuse(_talk(page, who, which), why)
        note_id = page.runtime.ids.make(conversations.bucket_of_talk(who.id))
        by = f"page/{page.user.name}"
        await talk.note(tx, page.store, note_id, who.id, by, form.filled.body, now)
        await _audit(page, tx, "noted", who)
    return page.go(_talk(page, who, which))


@router.post("/texts/{said_id}/meant")
async def put_right(
    page: SupportPage, contact_id: ContactId, said_id: SaidId, which: From = "waiting"
) -> Response:
    """What a text was understood as, by somebody who has read it. A stop that was not understood
    takes effect now; one that was none is not taken back: a yes has to be said by the customer."""
    form = await read_form(page.request, MeantForm, page.say)
    _, now = page.say.gettext, page.runtime.clock()
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
        text = await talk.text(tx, page.store, said_id)
        if text is None or text["contact_id"] not in (who.id, *who.also):
            raise HTTPException(404)
        if form.filled is None:
            raise HTTPException(422)
        intent = form.filled.intent
        by = f"page/{page.user.name}"
        is_new = await meant(tx, page.store, page.runtime.ids, who, text, intent, by, now)
        if is_new:
            await page.audit(
                tx, "conversation.put_right", name_of(page, who), was=text["intent"], intent=intent
            )
    if not is_new:
        return page.go(_talk(page, who, which))
    if intent == "stop":
        said = _("Put right: they get no more offers.")
    elif text["intent"] == "stop":
        said = _("Put right. The refusal stays: write down a consent if they say yes.")
    else:
        said = _("Put right.")
    return page.go(_talk(page, who, which), said)


async def meant(
    tx: Tx, store: Store, ids: Ids, who: Contact, text: Mapping[str, Any], intent: Intent, by: str,
    now: datetime,
) -> bool:  # fmt: skip
    """Puts right what a text of theirs was understood as; a stop takes effect. False: it was
    understood so already."""
    is_new = await talk.put_right(tx, store, text, intent, who.id)
    if is_new and intent == "stop":
        fact = ConsentChanged(
            id=f"page/stop/{text['id']}", at=now, contact=who.id, scope="marketing",
            change="out", words=text["body"] or "STOP", source=by[:SOURCE_MAX],
        )  # fmt: skip
        await fact_records.write(tx, store, 0, [fact], now, ids)
    return is_new


# ------------------------------------------------------------------ who is writing


@router.post("/typing")
async def type_answer(page: SupportPage, contact_id: ContactId) -> Response:
    """Somebody writes an answer; the others see it within a second. It ends by itself."""
    form = await read_form(page.request, TypingForm, page.say)
    by = page.user.name if form.filled and form.filled.text else ""
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
        now = page.runtime.clock()
        await conversations.type_answer(tx, page.store, who.id, by, now)
    return Response(status_code=204)


@router.get("/typing")
async def who_types(page: ViewerPage, contact_id: ContactId) -> Response:
    """The line that says who else writes an answer right now."""
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
        name = await conversations.typing(tx, page.store, who.id, page.runtime.clock())
    return page.render(
        "conversations/typing.html", who=who, typing=name if name != page.user.name else ""
    )
