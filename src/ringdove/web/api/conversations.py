"""Conversations with customers over the API (R79): the same as in the inbox."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, Field
from starlette.exceptions import HTTPException

from ringdove.kit.db import Tx
from ringdove.records.conversations import conversations, inbox, talk
from ringdove.records.conversations.inbox import PAGE_MAX, Asked, Line, Which
from ringdove.records.people import people, timeline
from ringdove.records.people.lookups import NO_END
from ringdove.records.people.timeline import Moment
from ringdove.records.store import users
from ringdove.rules.conversations import by_hand, care, waits
from ringdove.rules.conversations.by_hand import Said
from ringdove.rules.replies import Intent
from ringdove.rules.scenes import Contact, Conversation
from ringdove.web.api.ask import Listed, Shown, shown
from ringdove.web.api.callers import Caller, SupportKey, ViewerKey
from ringdove.web.api.tell import RowId, Taken, TextMade, Told
from ringdove.web.conversations import answers
from ringdove.web.conversations.inbox_deeds import AHEAD_MAX, NOTE_MAX, meant
from ringdove.web.list_places import place, place_of
from ringdove.web.sending.handwork import TEXT_CHARS_MAX

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Conversations"])

TYPING_NAME_MAX = 60
UserNumber = Annotated[int, Field(ge=0, le=2**31 - 1, description="Of a user; 0: whoever.")]
Place = Annotated[str, Query(max_length=80, description="`next` of the page before.")]


# ------------------------------------------------------------------ the list


@router.get("/conversations", summary="Conversations")
async def list_conversations(
    caller: ViewerKey,
    which: Annotated[Which, Query(description="mine: of `owner`.")] = "waiting",
    owner: Annotated[int, Query(ge=0, le=2**31 - 1, description="A user, for mine.")] = 0,
    search: Annotated[str, Query(max_length=200, description="A name or a number.")] = "",
    after: Place = "",
    most: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 40,
) -> Listed:
    """Those who wait the longest in front; of the other lists the newest. A search looks through
    all of them and has one page."""
    async with caller.transaction() as tx:
        await inbox.wake(tx, caller.store, caller.now)
        if search:
            masked = caller.role == "viewer"
            lines = await inbox.found(
                tx, caller.store, search, caller.now, masked=masked, most=most
            )
        else:
            asked = Asked(which, owner, place_of(after))
            lines = await inbox.listed(tx, caller.store, asked, most)
    is_full = len(lines) == most and not search
    following = place(*inbox.place_of(lines[-1], which)) if is_full else None
    return Listed(items=[_line(one, caller) for one in lines], next=following)


def _line(one: Line, caller: Caller) -> Shown:
    is_typing = one.typing_until is not None and one.typing_until > caller.now
    return {
        "customer": str(one.contact_id), "name": one.name, "phone": caller.phone(one.phone),
        "language": one.language, "state": one.state, "owner": one.owner or 0,
        "owner_name": one.owner_name, "snoozed_until": one.snoozed_until,
        "waiting_since": one.waiting_since, "unread": one.unread, "last_at": one.last_at,
        "last_by": one.last_by, "last_said": one.last_said, "intent": one.intent,
        "typing": one.typing_by if is_typing else "",
    }  # fmt: skip


class Wait(BaseModel):
    """How long people waited: `median` and `ninety` (nine of ten) in seconds."""

    answers: int
    median_s: int
    ninety_s: int


class Times(BaseModel):
    """Null: nobody was answered."""

    first: Wait | None = Field(description="Since a conversation was opened.")
    reply: Wait | None = Field(description="Since their text.")
    unread: int = Field(description="Conversations nobody has looked at; 1000: or more.")


@router.get("/conversations/times", summary="How long people wait for an answer")
async def times(caller: ViewerKey, days: Annotated[int, Query(ge=1, le=366)] = 7) -> Times:
    """Of answers by people; what a machine answered is not among them."""
    async with caller.transaction() as tx:
        since = caller.now - by_hand.VALID_FOR * days
        counted = await inbox.waited(tx, caller.store, since)
        unread = await inbox.unread(tx, caller.store, inbox.COUNT_MAX)
    kinds = {kind: waits.figures(counted, kind) for kind in ("first", "reply")}
    told = {
        kind: found and Wait(
            answers=found.n, median_s=int(found.median.total_seconds()),
            ninety_s=int(found.ninety.total_seconds()),
        )
        for kind, found in kinds.items()
    }  # fmt: skip
    return Times(first=told["first"], reply=told["reply"], unread=unread)


# ------------------------------------------------------------------ one


@router.get("/conversations/{contact_id}", summary="One conversation")
async def one_conversation(
    contact_id: RowId, caller: ViewerKey,
    before: Annotated[str, Query(max_length=60, description="`next` of the page before.")] = "",
) -> Shown:  # fmt: skip
    """How it stands, and what was said, newest first: texts both ways, silences, notes. Looking
    does not count as reading: see `/read`."""
    async with caller.transaction() as tx:
        who = await _known(tx, caller, contact_id)
        found = await conversations.find(tx, caller.store, who.id) or Conversation(who.id)
        since = timeline.point_of(before) or timeline.END
        moments = await talk.before(tx, caller.store, (who.id, *who.also), since)
        typing = await conversations.typing(tx, caller.store, who.id, caller.now)
    return _shown(caller, who, found) | {
        "typing": typing,
        "said": [_said(one, caller) for one in moments],
        "next": str(moments[-1].point) if len(moments) == talk.ROWS else None,
    }


async def _known(tx: Tx, caller: Caller, contact_id: int) -> Contact:
    who = await people.living(tx, caller.store, contact_id)
    if who is None:
        raise HTTPException(404, "No customer has this id.")
    return who


def _shown(caller: Caller, who: Contact, one: Conversation) -> Shown:
    return {
        "customer": str(who.id), "name": who.name, "phone": caller.phone(who.phone),
        "language": who.language, "state": one.state, "owner": one.owner or 0,
        "snoozed_until": one.snoozed_until, "waiting_since": one.waiting_since,
        "unread": one.unread, "last_at": one.last_at, "last_by": one.last_by,
        "intent": one.intent, "talking_until": who.talking_until,
        "night_until": by_hand.day_begins(caller.store, who, caller.now),
    }  # fmt: skip


def _said(one: Moment, caller: Caller) -> Shown:
    row = {name: value for name, value in one.row.items() if name != "moment"}
    return {"kind": one.kind, "at": one.point.at} | shown(row, caller)


class Answer(Told):
    """What is said to them."""

    text: str = Field(min_length=1, max_length=TEXT_CHARS_MAX)
    key: str = Field(
        min_length=8, max_length=100, description="Your own: the same key again is sent once."
    )
    night: Literal["ask", "now", "wait"] = Field(
        "ask", description="Where it is night at theirs: ask refuses with 409, wait is the morning."
    )


@router.post("/conversations/{contact_id}/answer", status_code=201, summary="Answer a customer")
async def answer(contact_id: RowId, wish: Answer, caller: SupportKey) -> TextMade:
    """By the same decision as every text. Offers to them wait meanwhile, as the rules of sending
    say. It does not make you who takes care of the conversation."""
    async with caller.transaction() as tx:
        who = await _known(tx, caller, contact_id)
    if wish.night == "ask" and by_hand.day_begins(caller.store, who, caller.now):
        raise HTTPException(
            409, "It is night where they are: send it again with night=now, or night=wait."
        )
    said = Said(wish.text, f"api/{caller.key_name}", wish.night == "wait")
    made = await answers.answer(caller.runtime, caller.store, who.id, answers.Wish(said, wish.key))
    async with caller.transaction() as tx:
        if not made["repeated"]:
            await caller.audit(tx, "message.sent", who.name or str(who.id))
    rest = {name: value for name, value in made.items() if name != "id"}
    return TextMade(message=str(made["id"]), **rest)


# ------------------------------------------------------------------ what is done with it

How = Callable[[Conversation], Conversation]


async def _changed(caller: Caller, contact_id: int, how: How, deed: str) -> Shown:
    async with caller.transaction() as tx:
        who = await _known(tx, caller, contact_id)
        fresh = await conversations.change(tx, caller.store, who.id, how)
        if fresh is None:
            raise HTTPException(404, "Nothing was ever said with this customer.")
        if deed:
            await caller.audit(tx, f"conversation.{deed}", who.name or str(who.id))
        after = await _known(tx, caller, contact_id)
    return _shown(caller, after, fresh)


class Owner(Told):
    """Who takes care of it."""

    owner: UserNumber = 0


@router.post("/conversations/{contact_id}/owner", summary="Give a conversation to somebody")
async def give(contact_id: RowId, wish: Owner, caller: SupportKey) -> Taken:
    """0: whoever comes first. Not accepted: nothing was ever said with them."""
    async with caller.transaction() as tx:
        who = await _known(tx, caller, contact_id)
        if wish.owner and await users.role_in(tx, wish.owner, caller.store.id) is None:
            raise HTTPException(422, "owner: nobody of this number belongs to the store.")
        is_there = await conversations.take(tx, caller.store, who.id, wish.owner or None)
        await caller.audit(tx, "conversation.given", who.name or str(who.id))
    return Taken(accepted=is_there)


class Snooze(Told):
    """Nobody has to look before then."""

    until: AwareDatetime


@router.post("/conversations/{contact_id}/snooze", summary="Put a conversation off")
async def put_off(contact_id: RowId, wish: Snooze, caller: SupportKey) -> Shown:
    """It comes back by itself, or with a new text."""
    if not caller.now < wish.until <= caller.now + AHEAD_MAX:
        raise HTTPException(422, "until: a time to come, within a year.")
    until = wish.until
    return await _changed(caller, contact_id, lambda one: care.put_off(one, until), "put_off")


@router.post("/conversations/{contact_id}/close", summary="Close a conversation")
async def close(contact_id: RowId, caller: SupportKey) -> Shown:
    """Offers that waited for the talk are decided anew. A new text opens it again."""
    return await _changed(caller, contact_id, care.closed, "closed")


@router.post("/conversations/{contact_id}/open", summary="Open a conversation again")
async def reopen(contact_id: RowId, caller: SupportKey) -> Shown:
    """It waits for an answer."""
    return await _changed(caller, contact_id, lambda one: care.opened(one, caller.now), "opened")


@router.post("/conversations/{contact_id}/read", summary="Somebody has read it")
async def read(contact_id: RowId, caller: SupportKey) -> Shown:
    """No text of it is new any more."""
    return await _changed(caller, contact_id, care.seen, "")


@router.post("/conversations/{contact_id}/unread", summary="As if nobody had read it")
async def unread(contact_id: RowId, caller: SupportKey) -> Shown:
    """It stands among those that are new."""
    return await _changed(caller, contact_id, care.unseen, "")


class Note(Told):
    """For colleagues; the customer never sees it."""

    body: str = Field(min_length=1, max_length=NOTE_MAX)


@router.post("/conversations/{contact_id}/notes", status_code=201, summary="Note something")
async def note(contact_id: RowId, wish: Note, caller: SupportKey) -> Taken:
    """It stands in the talk, with the key's name."""
    async with caller.transaction() as tx:
        who = await _known(tx, caller, contact_id)
        note_id = caller.runtime.ids.make(conversations.bucket_of_talk(who.id))
        by = f"api/{caller.key_name}"
        await talk.note(tx, caller.store, note_id, who.id, by, wish.body, caller.now)
        await caller.audit(tx, "conversation.noted", who.name or str(who.id))
    return Taken(accepted=True)


class Typing(Told):
    """Somebody writes an answer in your program."""

    by: str = Field("", max_length=TYPING_NAME_MAX, description="Empty: nobody does any more.")


@router.post("/conversations/{contact_id}/typing", summary="Somebody writes an answer")
async def type_answer(contact_id: RowId, wish: Typing, caller: SupportKey) -> Taken:
    """The others see it for eight seconds: say it again while it lasts."""
    async with caller.transaction() as tx:
        who = await _known(tx, caller, contact_id)
        await conversations.type_answer(tx, caller.store, who.id, wish.by, caller.now)
    return Taken(accepted=True)


class Meant(Told):
    """What a text means, by somebody who has read it."""

    intent: Intent


@router.post(
    "/conversations/{contact_id}/texts/{said_id}/meant", summary="Put right what a text means"
)
async def put_right(
    contact_id: RowId,
    said_id: Annotated[int, Path(ge=1, le=NO_END)],
    wish: Meant,
    caller: SupportKey,
) -> Taken:
    """A stop takes effect now; one that was none is not taken back. Not accepted: it was understood
    so already."""
    async with caller.transaction() as tx:
        who = await _known(tx, caller, contact_id)
        said = await talk.text(tx, caller.store, said_id)
        if said is None or said["contact_id"] not in (who.id, *who.also):
            raise HTTPException(404, "They wrote no text of this id.")
        is_new = await meant(
            tx, caller.store, caller.runtime.ids, who, said, wish.intent,
            f"api/{caller.key_name}", caller.now,
        )  # fmt: skip
        if is_new:
            await caller.audit(
                tx, "conversation.put_right", who.name or str(who.id), was=said["intent"],
                intent=wish.intent,
            )  # fmt: skip
    return Taken(accepted=is_new)
