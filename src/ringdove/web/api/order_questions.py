"""How often customers ask where their order is, over the API (R67): as on the page."""

from dataclasses import asdict
from datetime import date, datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from ringdove.web.api.callers import ViewerKey
from ringdove.web.reports import order_questions

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Reports"])


class AWeek(BaseModel):
    """Questions where an order is, by text; each person once a day."""

    begins: date = Field(description="A Monday, by the store's clock.")
    orders: int
    asked: int
    by_people: int = Field(description="Of them, whom no machine has answered.")
    rate: float | None = Field(description="For each 100 orders.")


class ASide(BaseModel):
    """All weeks before, or after; the week of the change is in neither."""

    weeks: int
    orders: int
    asked: int
    by_people: int
    rate: float | None


class AChange(BaseModel):
    """The rate after as a multiple of the rate before, with where it lies at chance 0.95."""

    times: float
    low: float
    high: float | None = Field(description="null: without an end.")
    is_sure: bool


class OrderQuestions(BaseModel):
    """`automation` was switched on at `at`; null where none was in this time."""

    weeks: list[AWeek]
    automation: str | None
    at: datetime | None
    before: ASide | None
    after: ASide | None
    change: AChange | None = Field(description="null: too little is known.")


@router.get("/reports/order-questions", summary="How often customers ask where their order is")
async def questions(
    caller: ViewerKey,
    weeks: order_questions.Weeks = 26,
    automation: order_questions.Automation = "",
) -> OrderQuestions:
    """By week, before and after an automation was switched on: the one that is named, else the
    last one."""
    found = await order_questions.load(caller, weeks, automation)
    compared, chosen = found.compared, found.chosen
    if automation and chosen is None:
        raise HTTPException(404, "No automation of this key was switched on in these weeks.")
    change = compared and compared.change
    return OrderQuestions(
        weeks=[AWeek(**asdict(one), rate=one.rate) for one in found.weeks],
        automation=chosen and chosen.automation,
        at=chosen and chosen.at,
        before=compared and ASide(**asdict(compared.before), rate=compared.before.rate),
        after=compared and ASide(**asdict(compared.after), rate=compared.after.rate),
        change=change and AChange(**asdict(change), is_sure=change.is_sure),
    )
