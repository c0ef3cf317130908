"""The inbox: who waits for an answer, and one talk with what stands beside it (R79, R115).

Whoever may answer and looks at a talk has read it. What is done with one stands in inbox_deeds.py,
the answer itself in answering.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.conversations import beside, conversations, inbox, talk
from ringdove.records.conversations.inbox import WHICH, Asked, Line, Which
from ringdove.records.people import people, timeline
from ringdove.records.people.lookups import NO_END, Row
from ringdove.records.people.timeline import Moment
from ringdove.records.store import users
from ringdove.records.surveys import surveys as survey_records
from ringdove.records.tasks import tasks
from ringdove.rules.conversations import care, waits
from ringdove.rules.scenes import Contact, Conversation
from ringdove.rules.surveys import surveys
from ringdove.web.complaints import complaint_words
from ringdove.web.conversations import answer_box
from ringdove.web.conversations import inbox_words as words
from ringdove.web.list_places import place, place_of
from ringdove.web.people import past_words
from ringdove.web.surveys import score_words
from ringdove.web.tasks import task_words
from ringdove.web.views import StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/inbox", include_in_schema=False)

ContactId = Annotated[int, Path(ge=1, le=NO_END)]
Typed = Annotated[str, Query(max_length=200)]
Place = Annotated[str, Query(max_length=60)]
BADGE_MAX = 99
TASKS_MOST = 5
SPANS = (7, 30, 90)  # days


# ------------------------------------------------------------------ the list


@router.get("")
async def show(
    page: ViewerPage, which: Which = "waiting", q: Typed = "", after: Place = ""
) -> Response:
    """Who waits for an answer, those who wait longest in front; or another list."""
    async with page.transaction() as tx:
        shown = await _list(tx, page, which, q, after)
    return page.render("conversations/inbox.html", **shown, talk=None, words=words)


@router.get("/unread")
async def unread(page: ViewerPage) -> Response:
    """How many conversations nobody has looked at: the number in the menu."""
    async with page.transaction() as tx:
        n = await inbox.unread(tx, page.store, BADGE_MAX + 1)
    return page.render("conversations/unread.html", n=n, most=BADGE_MAX)


@router.get("/times")
async def show_times(page: ViewerPage, days: Annotated[int, Query(ge=1, le=366)] = 7) -> Response:
    """How long people wait for an answer."""
    now = page.runtime.clock()
    async with page.transaction() as tx:
        counted = await inbox.waited(tx, page.store, now - timedelta(days=days))
        counts = await inbox.counts(tx, page.store, page.user.id)
        longest = await inbox.listed(tx, page.store, Asked("waiting"), most=1)
    return page.render(
        "conversations/times.html",
        days=days,
        spans=SPANS,
        first=waits.figures(counted, "first"),
        reply=waits.figures(counted, "reply"),
        counts=counts,
        count_max=inbox.COUNT_MAX,
        longest=longest[0] if longest else None,
        words=words,
    )


async def _list(tx: Tx, page: StorePage, which: Which, typed: str, after: str) -> dict[str, Any]:
    now, typed = page.runtime.clock(), typed.replace("\x00", "").strip()
    await inbox.wake(tx, page.store, now)
    if typed:
        lines = await inbox.found(tx, page.store, typed, now, masked=page.say.masked)
    else:
        asked = Asked(which, page.user.id, place_of(after))
        lines = await inbox.listed(tx, page.store, asked)
    is_full = len(lines) == inbox.PAGE and not typed
    return {
        "lines": lines,
        "counts": await inbox.counts(tx, page.store, page.user.id),
        "count_max": inbox.COUNT_MAX,
        "which": which,
        "which_ones": WHICH,
        "q": typed,
        "after": after,
        "more": place(*inbox.place_of(lines[-1], which)) if is_full else "",
        "name_of": lambda line: name_of(page, line),
    }


def name_of(page: StorePage, who: Line | Contact) -> str:
    """What somebody is called in the list: by name, else by number."""
    return who.name or (page.say.phone(who.phone) if who.phone else page.say.gettext("no name"))


# ------------------------------------------------------------------ one talk


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation, with all that its page shows."""

    who: Contact
    name: str
    known: Conversation
    said: Sequence["Said"]
    more: str  # where earlier texts begin; "": these are all
    last: str  # the earliest that is shown
    orders: Sequence[beside.Bought]
    complaints: Sequence[Row]
    askings: Sequence[tuple[Row, str, str]]  # with the survey's name and the tone of the score
    tasks: Sequence[tasks.Task]
    team: Sequence[tuple[int, str]]
    typing: str  # who else writes an answer right now

    @property
    def owner_name(self) -> str:
        """Who takes care of it; "": whoever."""
        return next((name for number, name in self.team if number == self.known.owner), "")


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a talk: a text, a letter, a note; or silences between two of them."""

    kind: str
    moment: Moment
    silences: Sequence[Moment] = ()
    begins_day: bool = False


async def known(tx: Tx, page: StorePage, contact_id: int) -> Contact:
    """The person of an address, by their living name; or no such page."""
    person = await people.find(tx, page.store, contact_id)
    if person and person.merged_into:
        person = await people.find(tx, page.store, person.merged_into)
    if person is None or person.erased_at:
        raise HTTPException(404)
    return person


@router.get("/{contact_id}")
async def show_one(
    page: ViewerPage,
    contact_id: ContactId,
    which: Which = "waiting",
    q: Typed = "",
    after: Place = "",
    before: Place = "",
    down_to: Place = "",
) -> Response:
    """One talk, the newest text last, beside the list it was chosen from."""
    return await render(page, contact_id, which, q, after, before=before, down_to=down_to)


async def render(
    page: StorePage,
    contact_id: int,
    which: Which = "waiting",
    q: str = "",
    after: str = "",
    status: int = 200,
    *,
    before: str = "",
    down_to: str = "",
    answer: answer_box.Box | None = None,
) -> Response:
    """The page of a talk; `answer`: one that came back."""
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
        if who.id != contact_id:
            return page.go(f"{page.home}/inbox/{who.id}?which={which}")
        if page.may("support") and not before:
            await conversations.change(tx, page.store, who.id, care.seen)
        one = await _talk(tx, page, who, before, down_to)
        box = answer or (await answer_box.box(tx, page, who) if page.may("support") else None)
        shown = await _list(tx, page, which, q, after)
    return page.render(
        "conversations/inbox.html",
        status,
        **shown,
        talk=one,
        words=words,
        past_words=past_words,
        task_words=task_words,
        complaint_words=complaint_words,
        box=box,
    )


async def _talk(tx: Tx, page: StorePage, who: Contact, before: str, down_to: str) -> Talk:
    now, names = page.runtime.clock(), (who.id, *who.also)
    point = timeline.point_of(down_to)
    if point:
        moments = await talk.down_to(tx, page.store, names, point)
    else:
        since = timeline.point_of(before) or timeline.END
        moments = await talk.before(tx, page.store, names, since)
    writes = await conversations.typing(tx, page.store, who.id, now)
    about = tasks.Asked(people=names)
    return Talk(
        who=who,
        name=name_of(page, who),
        known=await conversations.find(tx, page.store, who.id) or Conversation(who.id),
        said=_said(page, moments),
        more=str(moments[-1].point) if len(moments) == talk.ROWS and not point else "",
        last=str(moments[-1].point) if moments else "",
        orders=await beside.orders(tx, page.store, names),
        complaints=await beside.complaints(tx, page.store, names),
        askings=await _askings(tx, page, names),
        tasks=await tasks.listed(tx, page.store, about, TASKS_MOST),
        team=await _team(tx, page),
        typing=writes if writes != page.user.name else "",
    )


async def _askings(tx: Tx, page: StorePage, names: Sequence[int]) -> list[tuple[Row, str, str]]:
    rows = await beside.askings(tx, page.store, names, page.runtime.clock())
    every = surveys.all_of(await survey_records.load(tx, page.store.id)) if rows else {}
    found = []
    for row in rows:
        survey = every.get(row["survey"])
        called = score_words.name(page.say, survey) if survey else row["survey"]
        found.append((row, called, score_words.tone(survey, row["score"]) if survey else ""))
    return found


async def _team(tx: Tx, page: StorePage) -> list[tuple[int, str]]:
    team = await users.members(tx, page.store.id)
    return [(one.id, one.name) for one in team if one.disabled_at is None]


def _said(page: StorePage, moments: Sequence[Moment]) -> list[Said]:
    """As it is read: from the oldest to the newest, silences in a row folded into one line."""
    lines: list[Said] = []
    day = ""
    for moment in reversed(moments):
        today = page.say.day(moment.point.at)
        is_silent = moment.kind == "message" and moment.row["state"] == "dropped"
        if is_silent and lines and lines[-1].kind == "silence" and today == day:
            before = lines.pop()
            folded = (*before.silences, moment)
            lines.append(Said("silence", before.moment, folded, before.begins_day))
            continue
        kind = "silence" if is_silent else moment.kind
        lines.append(Said(kind, moment, (moment,) if is_silent else (), today != day))
        day = today
    return lines
