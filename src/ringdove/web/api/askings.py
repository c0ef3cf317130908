"""Askings over the API: somebody is asked, and what they answered is told (R80, R88)."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.exceptions import HTTPException

from ringdove.records.surveys import survey_answers
from ringdove.records.surveys import surveys as survey_records
from ringdove.rules.facts import Customer, OwnKey, SurveyAnswered, Text
from ringdove.rules.scenes import SurveyAnswer
from ringdove.rules.surveys import answering
from ringdove.web.answering import answer_now
from ringdove.web.api.callers import Caller, SupportKey, ViewerKey
from ringdove.web.api.tell import Taken, Told
from ringdove.web.surveys import asking
from ringdove.web.surveys.asking import CannotAsk

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Surveys"])

RowId = Annotated[int, Path(ge=1, le=2**63 - 1)]
SurveyKey = Annotated[str, Path(pattern=r"^[a-z0-9_]{1,40}$")]


class AskingWish(Told):
    """Who is asked: an order's customer, or who has this phone, email or account."""

    customer: Customer = Customer()
    order: Annotated[str, Field(max_length=120)] = Field("", description="The order's key.")
    sku: Annotated[str, Field(max_length=120)] = Field(
        "", description="The product that a survey about products asks for."
    )


class Asking(Told):
    """Somebody is asked."""

    id: str
    link: str = Field(description="The form, theirs alone: say it in your own letter.")
    until: datetime = Field(description="Later answers are not taken.")
    repeated: bool = Field(description="They were asked this already, and it is still open.")


@router.post("/surveys/{key}/askings", status_code=201, summary="Ask somebody")
async def ask_somebody(key: SurveyKey, wish: AskingWish, caller: SupportKey) -> Asking:
    """Makes the link to their form, and a number that they text is taken for their answer. Nothing
    is sent by it."""
    asked = asking.Wish(key, wish.customer, wish.order, wish.sku)
    try:
        made = await asking.ask(caller.runtime, caller.store, asked)
    except CannotAsk as error:
        raise HTTPException(422, str(error)) from None
    return Asking(**made | {"id": str(made["id"])})


class AskingState(Told):
    """An asking as it stands."""

    id: str
    survey: str
    customer: str = Field(description="Their id.")
    asked_at: datetime
    until: datetime
    answered_at: datetime | None
    late: bool
    way: str = Field(description="reply, link, api, page; empty: not answered.")
    score: int | None
    reason: str
    comment: str
    answers: dict[str, Any]
    may_publish: bool
    shown_as: str
    link: str


@router.get("/askings/{asking_id}", summary="One asking and its answer")
async def show_asking(asking_id: RowId, caller: ViewerKey) -> AskingState:
    """The answer is empty until there is one."""
    one = await _known(caller, asking_id)
    async with caller.transaction() as tx:
        survey = (await survey_records.load(tx, caller.store.id)).get(one.survey)
    told = {
        name: getattr(one, name)
        for name in AskingState.model_fields
        if name not in ("id", "customer", "late", "link")
    }
    return AskingState(
        **told | {
            "id": str(one.id), "customer": str(one.contact_id), "answers": dict(one.answers),
            "late": survey is not None and survey.is_late(one),
            "link": asking.link_of(caller.runtime, caller.store, one.id),
        }
    )  # fmt: skip


class GivenAnswer(Told):
    """What they said."""

    score: Annotated[int, Field(ge=0, le=10)] = Field(description="On the survey's scale.")
    reason: OwnKey = Field("", description="One of the survey's reasons; empty: as words tell it.")
    comment: Annotated[str, Field(max_length=2000)] = ""
    answers: Annotated[dict[OwnKey, int | Text], Field(max_length=20)] = Field(
        default_factory=dict, description="To further questions, by their ids."
    )
    may_publish: bool = Field(False, description="They agreed that it is shown.")
    shown_as: Annotated[str, Field(max_length=60)] = ""


@router.post("/askings/{asking_id}/answer", summary="Tell what somebody answered")
async def tell_answer(asking_id: RowId, told: GivenAnswer, caller: SupportKey) -> Taken:
    """Heard as any answer is: rewarded once, a low score is a task at once. It can be changed for a
    day. Not accepted: the time is over, and what was said stays."""
    one = await _known(caller, asking_id)
    async with caller.transaction() as tx:
        survey = (await survey_records.load(tx, caller.store.id)).get(one.survey)
    if survey is None:
        raise HTTPException(404, "The survey is not there any more.")
    if told.score not in survey.scores:
        raise HTTPException(422, f"Give a score from {survey.low} to {survey.high}.")
    if not answering.may_be_given(one, caller.now):
        return Taken(accepted=False)
    fact = SurveyAnswered(
        id=f"api/{one.id}/{caller.now:%Y%m%dT%H%M%S%f}", at=caller.now, contact=one.contact_id,
        answer=one.id, survey=one.survey, way="api", **told.model_dump(),
    )  # fmt: skip
    await answer_now(caller.runtime, caller.store, [fact])
    return Taken(accepted=True)


async def _known(caller: Caller, asking_id: int) -> SurveyAnswer:
    async with caller.transaction() as tx:
        one = await survey_answers.find(tx, caller.store, asking_id)
    if one is None:
        raise HTTPException(404, "Nobody was asked by this number.")
    return one
