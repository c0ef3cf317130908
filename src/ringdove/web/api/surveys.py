"""Surveys over the API: what is asked, what the answers say, and which of them the world may read
(R80–R83, R88, R89). Asking somebody and telling an answer: askings.py."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException

from ringdove.records.campaigns import campaigns
from ringdove.records.campaigns.campaigns import CampaignRefused
from ringdove.records.surveys import answers_found, opinions
from ringdove.records.surveys import surveys as survey_records
from ringdove.rules.surveys import surveys
from ringdove.rules.surveys.opinions import NAME_MAX, REPLY_MAX, shortenings
from ringdove.rules.surveys.scores import Interval, Scores
from ringdove.rules.surveys.surveys import READY, Survey
from ringdove.web.api.ask import Listed, Most, Shown
from ringdove.web.api.callers import Caller, MarketerKey, ViewerKey
from ringdove.web.api.tell import RowId, Taken, Told
from ringdove.web.reports.reports import SPANS
from ringdove.web.surveys import opinions_shown
from ringdove.web.surveys.survey_answers import Asked, Given, address_of, place_of
from ringdove.web.surveys.survey_editor import plan_of
from ringdove.web.surveys.surveys import KEY, find, known, reported

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Surveys"])

SurveyKey = Annotated[str, Path(pattern=KEY)]
RESERVED = ("answers", "opinions", "new")  # words of addresses
Days = Annotated[int, Query(ge=0, le=3650, description="Answered within; 0: ever.")]
Text = Annotated[str, Query(max_length=200)]


class ASurvey(BaseModel):
    """A survey. `settings` is what PUT takes."""

    key: str
    ready: bool = Field(description="It comes with Ringdove.")
    retired: bool
    settings: dict[str, Any]
    opinions: str = Field(description="Where its opinions are shown; add .json, .js, ?sku=.")


def _survey(caller: Caller, survey: Survey, retired: bool) -> ASurvey:
    return ASurvey(
        key=survey.key, ready=survey.key in READY, retired=retired,
        settings=surveys.plain(survey),
        opinions=opinions_shown.url_of(caller.runtime, caller.store, survey.key),
    )  # fmt: skip


@router.get("/surveys", summary="Surveys")
async def list_surveys(caller: ViewerKey) -> list[ASurvey]:
    """Those that come with Ringdove, as the store changed them, and its own."""
    async with caller.transaction() as tx:
        every = await known(tx, caller.store.id)
    return [_survey(caller, one.survey, one.retired_at is not None) for one in every.values()]


# Before the calls of one survey, whose key would take these words.


@router.get("/surveys/answers", summary="Answers to surveys")
async def list_answers(
    caller: ViewerKey,
    survey: Annotated[str, Query(pattern=r"^[a-z0-9_]{0,40}$")] = "",
    given: Annotated[Given, Query(description="low or good, as the survey calls it.")] = "",
    reason: Text = "",
    sku: Text = "",
    carrier: Text = "",
    pickup_point: Text = "",
    words: Annotated[bool, Query(description="Only those with words.")] = False,
    days: Days = 0,
    before: Annotated[str, Query(max_length=80)] = "",
    most: Most = 50,
) -> Listed:
    """The newest first, each with its customer, order, and the task that a low score led to."""
    said: Literal["", "yes"] = "yes" if words else ""
    asked = Asked(survey, given, reason, sku, carrier, pickup_point, said, days)
    async with caller.transaction() as tx:
        every = await known(tx, caller.store.id)
        wanted = asked.wanted(every, caller.now)
        rows, more = await answers_found.find(tx, caller.store, wanted, place_of(before), most)
        tasks = await answers_found.tasks(tx, caller.store, rows)
    items = [_answer(caller, row, tasks.get(row["id"])) for row in rows]
    return Listed(items=items, next=address_of(more) if more else None)


def _answer(caller: Caller, row: answers_found.Row, task: answers_found.Row | None) -> Shown:
    told = {
        name: row[name]
        for name in (
            "survey", "asked_at", "answered_at", "way", "score", "reason", "comment", "answers",
            "sku", "carrier", "pickup_point", "language", "may_publish", "shown_as", "published",
            "published_at", "shop_reply", "name",
        )
    }  # fmt: skip
    return told | {
        "id": str(row["id"]), "customer": str(row["person_id"]),
        "phone": caller.phone(row["phone"]), "order": row["order_key"],
        "order_number": row["order_number"],
        "task": task and {"id": str(task["id"]), "due_at": task["due_at"],
                          "done_at": task["done_at"], "result": task["result"]},
    }  # fmt: skip


@router.get("/surveys/opinions", summary="Opinions to be decided, shown, left out")
async def list_opinions(
    caller: ViewerKey,
    state: Literal["waiting", "shown", "hidden"] = "waiting",
    survey: Annotated[str, Query(pattern=r"^[a-z0-9_]{0,40}$")] = "",
    before: Annotated[str, Query(max_length=80)] = "",
    most: Most = 50,
) -> Listed:
    """Answers that their customers agreed to show."""
    wanted = answers_found.Wanted(surveys=(survey,) if survey else (), opinions=state)
    async with caller.transaction() as tx:
        rows, more = await answers_found.find(tx, caller.store, wanted, place_of(before), most)
    items = [_answer(caller, row, None) for row in rows]
    return Listed(items=items, next=address_of(more) if more else None)


class Decision(Told):
    """What the world may read."""

    state: Literal["waiting", "shown", "hidden"]
    name: str | None = Field(
        None, max_length=NAME_MAX,
        description="Only made shorter: Anna Volk, Anna V., Anna, A. V., or empty. null: as it is.",
    )  # fmt: skip
    reply: str | None = Field(
        None, max_length=REPLY_MAX, description="The shop's answer below it. null: as it is."
    )


@router.post("/surveys/opinions/{answer_id}", summary="Show an opinion or leave it out")
async def decide_opinion(answer_id: RowId, given: Decision, caller: MarketerKey) -> Taken:
    """What is left out is counted openly beside what is shown. Not accepted: its customer does not
    agree to it."""
    async with caller.transaction() as tx:
        answer = await opinions.one(tx, caller.store, answer_id)
        if answer is None:
            raise HTTPException(404, "No answer has this id.")
        name = answer["shown_as"] if given.name is None else given.name
        if name not in shortenings(answer["shown_as"]):
            raise HTTPException(422, "name: it can be made shorter, not changed.")
        reply = answer["shop_reply"] if given.reply is None else given.reply
        state: opinions.Decision = "" if given.state == "waiting" else given.state
        done = await opinions.decide(
            tx, caller.store, answer_id, state, name, reply, f"api/{caller.key_name}", caller.now
        )
        if done:
            await caller.audit(tx, "opinion.decided", str(answer_id), state=given.state)
    return Taken(accepted=done)


# ------------------------------------------------------------------ one survey


@router.get("/surveys/{key}", summary="One survey")
async def one_survey(key: SurveyKey, caller: ViewerKey) -> ASurvey:
    async with caller.transaction() as tx:
        kept = await find(tx, caller, key)
    return _survey(caller, kept.survey, kept.retired_at is not None)


@router.put("/surveys/{key}", summary="Change a survey, or make one")
async def put_survey(
    key: SurveyKey,
    settings: Annotated[dict[str, Any], Body(description="As GET tells them; what is not said is as"
                                                         " it comes, or as usual.")],
    caller: MarketerKey,
) -> ASurvey:  # fmt: skip
    """It is asked so from now on; what was answered stays. A key that is new is a new survey, and
    one that was retired is asked again."""
    if key in RESERVED:
        raise HTTPException(422, f"{key}: this word is taken; choose another key.")
    if "key" in settings:
        raise HTTPException(422, "key: it stands in the address.")
    try:
        made = surveys.read(key, settings)
    except ValidationError as error:
        wrong = [
            f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}"
            for one in error.errors()
        ]
        raise HTTPException(422, "; ".join(wrong)) from None
    async with caller.transaction() as tx:
        await survey_records.save(tx, caller.store.id, made, caller.now)
        await caller.audit(tx, "survey.saved", made.name or key, key=key)
    return _survey(caller, made, retired=False)


@router.post("/surveys/{key}/retire", summary="Ask a survey of one's own no more")
async def retire_survey(key: SurveyKey, caller: MarketerKey) -> Taken:
    """Answers that still come are kept."""
    async with caller.transaction() as tx:
        kept = await find(tx, caller, key)
        if key in READY:
            raise HTTPException(422, "It comes with Ringdove and stays: who does not ask is fine.")
        done = await survey_records.retire(tx, caller.store.id, key, caller.now)
        await caller.audit(tx, "survey.retired", kept.survey.name or key, key=key)
    return Taken(accepted=done)


class Drafted(BaseModel):
    """A campaign's draft."""

    campaign_id: int


@router.post("/surveys/{key}/campaign", status_code=201, summary="Draft a campaign that asks it")
async def draft_campaign(key: SurveyKey, caller: MarketerKey) -> Drafted:
    """In all languages of the store; whom it asks and when is said to the campaign (R88)."""
    async with caller.transaction() as tx:
        kept = await find(tx, caller, key)
        name = f"Survey: {surveys.name_of(kept.survey, 'en')}"[:80]
        try:
            plan = plan_of(caller, key)
            made = await campaigns.create(
                tx, caller.store.id, name, plan, caller.user_id, caller.now
            )
        except CampaignRefused as error:
            raise HTTPException(422, str(error)) from None
        await caller.audit(tx, "campaign.created", name)
    return Drafted(campaign_id=made)


# ------------------------------------------------------------------ what its answers say


class AnInterval(BaseModel):
    """A figure, and between what the truth lies in 95 of 100 cases."""

    value: float
    low: float
    high: float


class SomeScores(BaseModel):
    """What so many askings came to. Figures are null where nobody gave a score; of fewer than 5
    they say next to nothing, and the pages leave them out."""

    asked: int
    answered: int
    given: dict[int, int] = Field(description="How many gave each score.")
    low: int = Field(description="How many of them are low.")
    rate: AnInterval | None = Field(description="Of those asked, the part that answered (Wilson).")
    mean: AnInterval | None
    csat: AnInterval | None = Field(description="The part of good scores (Wilson).")
    nps: AnInterval | None = Field(description="Good less low ones, of 100.")


class ASurveyReport(BaseModel):
    """Answers count on the day on which they were asked for."""

    survey: str
    since: datetime
    until: datetime
    unit: Literal["week", "month"]
    total: SomeScores
    periods: dict[date, SomeScores] = Field(description="By the first day of each.")
    parts: dict[str, dict[str, SomeScores]] = Field(
        description="By reason, sku, carrier, pickup_point, language, way; empty: not known."
    )


@router.get("/surveys/{key}/report", summary="What a survey's answers say")
async def survey_report(
    key: SurveyKey,
    caller: ViewerKey,
    days: Annotated[int, Query(description="So far back: 30, 90 or 365.")] = 90,
) -> ASurveyReport:
    """Counted when it is asked, then kept for a time that grows with what counting cost."""
    if days not in SPANS:
        raise HTTPException(422, "days: 30, 90 or 365.")
    async with caller.transaction() as tx:
        kept = await find(tx, caller, key)
    found = await reported(caller, kept.survey, days)
    return ASurveyReport(
        survey=key, since=found.since, until=found.until, unit=found.unit,
        total=_scores(found.total),
        periods={day: _scores(one) for day, one in found.periods.items()},
        parts={
            name: {part: _scores(one) for part, one in of.items()}
            for name, of in found.parts.items()
        },
    )  # fmt: skip


def _scores(found: Scores) -> SomeScores:
    return SomeScores(
        asked=found.asked, answered=found.answered, given=dict(sorted(found.given.items())),
        low=found.low, rate=_interval(found.rate), mean=_interval(found.mean),
        csat=_interval(found.csat), nps=_interval(found.nps),
    )  # fmt: skip


def _interval(one: Interval | None) -> AnInterval | None:
    return AnInterval(value=one.value, low=one.low, high=one.high) if one else None
