"""Contests over the API: made, opened, looked at, drawn; all that the page can do (R85)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, Field
from starlette.exceptions import HTTPException

from ringdove.kit.db import Tx
from ringdove.records.contests import contests, draws
from ringdove.records.contests.draws import Taking
from ringdove.rules.contests import contests as rules
from ringdove.rules.contests import drawing
from ringdove.rules.contests.contests import BRIEF_MAX, PRIZE_MAX, RULES_MAX, WINNERS_MAX, Contest
from ringdove.rules.contests.entering import address_of
from ringdove.web.api.ask import Listed, Most, Shown
from ringdove.web.api.callers import Caller, MarketerKey, SupportKey, ViewerKey
from ringdove.web.api.tell import Told
from ringdove.web.api.ways_in import WRONG_KEYWORD
from ringdove.web.consent.ways_in import short_token
from ringdove.web.contests.contest import place, place_of
from ringdove.web.contests.contest_forms import unknown_countries, wrong_word
from ringdove.web.contests.contests import taken_words

router = APIRouter(prefix="/api/stores/{store_id}/contests", tags=["Contests"])

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Ticket = Annotated[str, Path(min_length=1, max_length=40)]
Said = Annotated[dict[str, str], Field(default_factory=dict, max_length=20)]


class ContestWish(Told):
    """A contest. What is said to people is given by language, for every language of the store."""

    name: str = Field(min_length=1, max_length=80)
    words: list[Annotated[str, Field(min_length=1, max_length=40)]] = Field(
        default_factory=list, max_length=rules.WORDS_MAX, description="That people text."
    )
    begins: AwareDatetime
    ends: AwareDatetime
    prize: Said = Field(description=f"In a few words, {PRIZE_MAX} letters at most.")
    brief: Said = Field(description=f"The rules in one text, {BRIEF_MAX} letters at most.")
    rules: Said = Field(description="All of them, as the contest's page shows them.")
    countries: list[Annotated[str, Field(pattern="^[A-Z]{2}$")]] = Field(
        default_factory=list, max_length=250, description="Of numbers that may enter; none: all."
    )
    with_order: bool = Field(
        False, description="The text names an order of theirs, placed while the contest runs."
    )
    winners: int = Field(1, ge=1, le=WINNERS_MAX)
    substitutes: int = Field(0, ge=0, le=WINNERS_MAX)
    beacon: str = Field(
        "", max_length=200, description="Which public number of a later day is drawn with."
    )


@router.get("", summary="Contests")
async def list_contests(caller: ViewerKey) -> list[Shown]:
    """The newest first, each with how many take part."""
    async with caller.transaction() as tx:
        every = await contests.of_store(tx, caller.store.id)
        counts = await draws.counts(tx, caller.store, [one.id for one in every])
    return [_shown(one, caller, counts) for one in every]


@router.post("", status_code=201, summary="Make a contest")
async def make_contest(wish: ContestWish, caller: MarketerKey) -> Shown:
    """A draft: open it when it says all that it must."""
    async with caller.transaction() as tx:
        contest = await _wished(tx, wish, caller, 0)
        made = await contests.create(tx, caller.store.id, contest, caller.now)
        await caller.audit(tx, "contest.saved", contest.name)
        return await _told(tx, caller, made)


@router.get("/{contest_id}", summary="One contest")
async def one_contest(contest_id: Number, caller: ViewerKey) -> Shown:
    """How it stands."""
    async with caller.transaction() as tx:
        return await _told(tx, caller, contest_id)


@router.put("/{contest_id}", summary="Change a contest")
async def change_contest(contest_id: Number, wish: ContestWish, caller: MarketerKey) -> Shown:
    """Replaces a draft whole. What is open was promised, and is not changed."""
    async with caller.transaction() as tx:
        known = await _known(tx, caller, contest_id)
        contest = await _wished(tx, wish, caller, contest_id)
        if not await contests.change(tx, caller.store.id, contest, caller.now):
            raise HTTPException(409, "It is open or called off: nothing of it can be changed.")
        await caller.audit(tx, "contest.saved", known.name)
        return await _told(tx, caller, contest_id)


@router.post("/{contest_id}/open", summary="Open a contest")
async def open_contest(contest_id: Number, caller: MarketerKey) -> Shown:
    """From now on its page is public, with the hash of a seed that nobody has seen, and nothing of
    it can be changed."""
    async with caller.transaction() as tx:
        known = await _known(tx, caller, contest_id)
        missing = rules.missing(known, caller.store.languages, caller.now)
        if missing:
            named = ", ".join(f"{name}.{at}".strip(".") for name, at in missing)
            raise HTTPException(422, f"It lacks something before it can open: {named}.")
        _refuse_words(known.words, await taken_words(tx, caller.store.id, contest_id))
        sealer = caller.runtime.sealer
        if not await contests.open_now(tx, caller.store.id, contest_id, sealer, caller.now):
            raise HTTPException(409, "It is open already, or called off.")
        await caller.audit(tx, "contest.opened", known.name)
        return await _told(tx, caller, contest_id)


@router.post("/{contest_id}/call-off", summary="Call a contest off")
async def call_contest_off(contest_id: Number, caller: MarketerKey) -> Shown:
    """Nobody enters any more, and nothing is drawn; its page says so."""
    async with caller.transaction() as tx:
        held = await contests.lock(tx, caller.store.id, contest_id)
        if held is None:
            raise HTTPException(404, "No contest has this id.")
        if held[0].is_over:
            raise HTTPException(409, "It is drawn, or called off already.")
        await contests.retire(tx, caller.store.id, contest_id, caller.now)
        await caller.audit(tx, "contest.called_off", held[0].name)
        return await _told(tx, caller, contest_id)


@router.post("/{contest_id}/close", summary="Close the list of a contest")
async def close_contest(contest_id: Number, caller: MarketerKey) -> Shown:
    """It closes by itself a quarter of an hour after its end; here it closes at once."""
    async with caller.transaction() as tx:
        known = await _known(tx, caller, contest_id)
        if await draws.close(tx, caller.store, contest_id, caller.now) is None:
            raise HTTPException(409, "Its time is not over, or its list is closed already.")
        await caller.audit(tx, "contest.closed", known.name)
        return await _told(tx, caller, contest_id)


class DrawWish(Told):
    """The draw."""

    beacon: str = Field(
        "", max_length=200, description="The public number that was announced; else empty."
    )


@router.post("/{contest_id}/draw", summary="Draw a contest")
async def draw_contest(contest_id: Number, wish: DrawWish, caller: MarketerKey) -> Shown:
    """By the published rule. Winners and substitutes are told by text, and the seed is published:
    this cannot be done twice."""
    runtime = caller.runtime
    async with caller.transaction() as tx:
        known = await _known(tx, caller, contest_id)
        if bool(wish.beacon) != bool(known.beacon):
            raise HTTPException(422, "beacon: give the public number if one was announced.")
        done = await draws.draw(
            tx, caller.store, contest_id, wish.beacon, runtime.sealer, runtime.ids, caller.now
        )
        if done is None:
            raise HTTPException(409, "Its list is not closed, or it is drawn already.")
        await caller.audit(tx, "contest.drawn", known.name, entries=done.entries)
        return await _told(tx, caller, contest_id)


@router.get("/{contest_id}/draw", summary="The published draw")
async def published_draw(contest_id: Number, caller: ViewerKey) -> Shown:
    """All that the draw follows from, as the contest's page has it: for `ringdove contest
    verify`."""
    async with caller.transaction() as tx:
        known = await _known(tx, caller, contest_id)
        if known.closed_at is None:
            raise HTTPException(409, "Its list is not closed yet.")
        listed = await draws.tickets(tx, caller.store, contest_id)
        placed = await draws.placed(tx, caller.store, contest_id)
    winning = [one.ticket for one in placed]
    return drawing.document_of(known, caller.store.name, listed, winning)


# ------------------------------------------------------------------ entries


@router.get("/{contest_id}/entries", summary="Entries of a contest")
async def list_entries(
    contest_id: Number,
    caller: SupportKey,
    after: Annotated[str, Query(max_length=80, description="`next` of the page before.")] = "",
    most: Most = 50,
) -> Listed:
    """The newest first."""
    async with caller.transaction() as tx:
        await _known(tx, caller, contest_id)
        rows = await draws.newest(tx, caller.store, contest_id, place_of(after), most + 1)
    following = place(rows[most - 1]) if len(rows) > most else None
    return Listed(items=[_entry(one, caller) for one in rows[:most]], next=following)


@router.get("/{contest_id}/winners", summary="Winners and substitutes")
async def list_winners(contest_id: Number, caller: SupportKey) -> list[Shown]:
    """In the order of the draw; none before it."""
    async with caller.transaction() as tx:
        await _known(tx, caller, contest_id)
        rows = await draws.placed(tx, caller.store, contest_id)
    return [_entry(one, caller) for one in rows]


class Refusing(Told):
    """Why an entry breaks the rules."""

    why: str = Field(min_length=1, max_length=200)


@router.post("/{contest_id}/entries/{ticket}/refuse", summary="Take an entry out")
async def refuse_entry(
    contest_id: Number, ticket: Ticket, told: Refusing, caller: MarketerKey
) -> Shown:
    """It is not drawn. Only before the list is closed."""
    asked, why = rules.read_ticket(ticket), told.why.replace("\x00", "")
    async with caller.transaction() as tx:
        known = await _known(tx, caller, contest_id)
        found = await _entry_of(tx, caller, contest_id, asked)
        if not why.strip() or not await draws.refuse(tx, caller.store, contest_id, asked, why):
            raise HTTPException(409, "The list is closed: who is on it is drawn.")
        await caller.audit(tx, "contest.entry_refused", known.name, ticket=asked, why=why)
    return _entry(replace(found, refused=why), caller)


class Settling(Told):
    """What became of a winner's prize."""

    outcome: Literal["given", "lapsed"] = Field(
        description="lapsed: they do not come; the first substitute moves up and is told by text."
    )


@router.post("/{contest_id}/winners/{ticket}", summary="Settle a prize")
async def settle_prize(
    contest_id: Number, ticket: Ticket, told: Settling, caller: MarketerKey
) -> Shown:
    """Given, or lapsed to the first substitute."""
    runtime, asked = caller.runtime, rules.read_ticket(ticket)
    async with caller.transaction() as tx:
        known = await _known(tx, caller, contest_id)
        found = await _entry_of(tx, caller, contest_id, asked)
        if told.outcome == "given":
            done = await draws.give(tx, caller.store, known, asked)
        else:
            done = await draws.lapse(tx, caller.store, known, asked, runtime.ids, caller.now)
        if not done:
            raise HTTPException(409, "This ticket has no prize that could be settled.")
        await caller.audit(tx, f"contest.{told.outcome}", known.name, ticket=asked)
    return _entry(replace(found, outcome=told.outcome), caller)


# ------------------------------------------------------------------ reading and showing


async def _known(tx: Tx, caller: Caller, number: int) -> Contest:
    contest = await contests.find(tx, caller.store.id, number)
    if contest is None:
        raise HTTPException(404, "No contest has this id.")
    return contest


async def _entry_of(tx: Tx, caller: Caller, number: int, ticket: str) -> Taking:
    found = await draws.one(tx, caller.store, number, ticket)
    if found is None:
        raise HTTPException(404, "No entry has this ticket.")
    return found


async def _wished(tx: Tx, wish: ContestWish, caller: Caller, number: int) -> Contest:
    """The contest that is wished for. Raises HTTPException 422."""
    for name, most in (("prize", PRIZE_MAX), ("brief", BRIEF_MAX), ("rules", RULES_MAX)):
        for language, text in getattr(wish, name).items():
            if len(text) > most:
                raise HTTPException(422, f"{name}.{language[:12]}: at most {most} letters.")
    if wish.ends <= wish.begins:
        raise HTTPException(422, "ends: it must end after it begins.")
    for moment in (wish.begins, wish.ends):
        if not 2020 <= moment.year <= 2100:
            raise HTTPException(422, "begins, ends: give times between the years 2020 and 2100.")
    if strange := unknown_countries(wish.countries):
        raise HTTPException(422, f"countries: no country has the code {strange}.")
    _refuse_words(wish.words, await taken_words(tx, caller.store.id, number))
    told = wish.model_dump() | {"words": tuple(wish.words), "countries": tuple(wish.countries)}
    return Contest(number, short_token(), **told)


def _refuse_words(words: Any, taken: set[str]) -> None:
    if why := wrong_word(words, taken):
        raise HTTPException(422, f"words: {why[0]}: {WRONG_KEYWORD[why[1]]}.")


async def _told(tx: Tx, caller: Caller, number: int) -> Shown:
    contest = await _known(tx, caller, number)
    return _shown(contest, caller, await draws.counts(tx, caller.store, [number]))


def _shown(contest: Contest, caller: Caller, counts: Mapping[int, tuple[int, int]]) -> Shown:
    taking, refused = counts.get(contest.id, (0, 0))

    def moment(at: datetime | None) -> str | None:
        return at.isoformat() if at else None

    return {
        "id": contest.id, "name": contest.name, "state": contest.state(caller.now),
        "begins": moment(contest.begins), "ends": moment(contest.ends),
        **rules.settings_of(contest),
        "page": address_of(caller.runtime.settings.outside_url, contest),
        "taking": taking, "refused": refused, "commitment": contest.commitment,
        "list_sha256": contest.list_hash, "entries": contest.entries, "seed": contest.seed,
        "beacon_value": contest.beacon_value, "opened_at": moment(contest.opened_at),
        "closed_at": moment(contest.closed_at), "drawn_at": moment(contest.drawn_at),
    }  # fmt: skip


def _entry(one: Taking, caller: Caller) -> Shown:
    return {
        "ticket": one.ticket, "at": one.at.isoformat(), "word": one.word,
        "customer": str(one.contact_id) if one.contact_id else None, "name": one.name,
        "phone": caller.phone(one.phone), "country": one.country, "order": one.order_number,
        "refused": one.refused, "place": one.place, "outcome": one.outcome,
    }  # fmt: skip
