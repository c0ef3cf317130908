"""What automations would do, do and did, over the API: a test run on one person, a rehearsal over
the past, and the numbers on their steps. Nothing here sends or changes anything.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field
from starlette.exceptions import HTTPException

from ringdove.records.automations import automation_numbers, automation_rehearsals, try_outs
from ringdove.records.people.lookups import NO_END
from ringdove.rules.automations.plans import Plan
from ringdove.rules.automations.pretending import Pretend
from ringdove.rules.automations.rehearsing import Happened
from ringdove.web.api.ask import Shown
from ringdove.web.api.automations import Key, RawJourney, journey_of, known
from ringdove.web.api.callers import MarketerKey, ViewerKey
from ringdove.web.api.tell import Taken, Told

router = APIRouter(prefix="/api/stores/{store_id}/automations", tags=["Automations"])

DAYS_MAX = 366
AHEAD_S_MAX = 400 * 86_400
NEAR = timedelta(days=3_660)
Days = Annotated[int, Query(ge=1, le=DAYS_MAX, description="So far back.")]


# ------------------------------------------------------------------ one person


class Then(Told):
    """Something that happens while the run is under way."""

    after_s: int = Field(ge=0, le=AHEAD_S_MAX, description="So long after it began.")
    kind: str = Field(max_length=60, description="A kind of fact, such as payment.received.")
    state: str = Field("", max_length=40, description="Of a parcel, return or complaint.")
    said: str = Field("", max_length=500, description="What the customer writes.")


class TestWish(Told):
    """On whom, when, and what they do then."""

    customer: int = Field(ge=1, le=NO_END, description="As text or number.")
    at: AwareDatetime | None = Field(None, description="The pretend clock. Empty: now.")
    then: list[Then] = Field(default_factory=list, max_length=try_outs.THEN_MAX)
    journey: RawJourney | None = Field(None, description="A draft of it. Empty: as it is kept.")


@router.post("/{recipe}/test", summary="Try it on one person with a pretend clock")
async def test(recipe: Key, wish: TestWish, caller: MarketerKey) -> Shown:
    """Every step with its time, every text with its price. Nothing is written, sent or given."""
    at = wish.at or caller.now
    _demand_near("at", at, caller.now)
    async with caller.transaction() as tx:
        plan = await known(tx, caller, recipe)
    if wish.journey is not None:
        plan = Plan(journey_of(wish.journey, recipe), plan.own)
    then = [
        Pretend(timedelta(seconds=one.after_s), one.kind, one.state, one.said) for one in wish.then
    ]
    runtime = caller.runtime
    try:
        found = await try_outs.try_out(
            runtime.pool, caller.store, plan, wish.customer, at, then,
            runtime.ids, runtime.keyed, runtime.settings.outside_url, runtime.link_key,
        )  # fmt: skip
    except ValueError as error:
        raise HTTPException(422, f"then: {error}.") from None
    if found is None:
        raise HTTPException(404, "No customer has this id.")
    return {
        "customer": str(found.person.id),
        "began_at": found.began_at,
        "why_not": found.why_not,
        "is_sample": found.is_sample,
        "happened": [_happened(one) for one in found.happened],
    }


def _demand_near(name: str, at: datetime, now: datetime) -> None:
    if abs(at - now) > NEAR:
        raise HTTPException(422, f"{name}: within ten years, please.")


def _happened(one: Happened) -> Shown:
    told: Shown = {"at": one.at, "what": one.what, "step": one.place, "reason": one.reason}
    if one.until:
        told["until"] = one.until
    if one.message:
        message = one.message
        told["text"] = {
            name: getattr(message, name)
            for name in ("channel", "subject", "body", "language", "parts", "encoding", "cost",
                         "cost_currency", "not_after")
        }  # fmt: skip
    if one.task:
        told["task"] = {"said": one.task.said, "tell": one.task.tell, "due_at": one.task.due_at}
    if one.gift:
        told["gift"] = {"offer": one.gift.reward_id, "points": one.gift.points}
    return told


# ------------------------------------------------------------------ over the past


class RehearsalWish(Told):
    """Of which time."""

    days: int = Field(30, ge=1, le=automation_rehearsals.SPAN_MAX.days)
    until: AwareDatetime | None = Field(None, description="Empty: until now.")


@router.post("/{recipe}/rehearsal", status_code=202, summary="What would it have done?")
async def rehearse(recipe: Key, wish: RehearsalWish, caller: MarketerKey) -> Taken:
    """Worked out over the facts of the past by a worker: ask for the result until it is done."""
    until = min(wish.until or caller.now, caller.now)
    _demand_near("until", until, caller.now)
    async with caller.transaction() as tx:
        plan = await known(tx, caller, recipe)
        await automation_rehearsals.ask(
            tx, caller.store, recipe, plan.own.version, until - timedelta(days=wish.days), until,
            caller.now,
        )  # fmt: skip
    return Taken(accepted=True)


@router.get("/{recipe}/rehearsal", summary="What it would have done")
async def rehearsal(recipe: Key, caller: ViewerKey) -> Shown:
    """Who, when, which texts, money, and why everybody else is out; as far as it is worked out."""
    async with caller.transaction() as tx:
        await known(tx, caller, recipe)
        found = await automation_rehearsals.find(tx, caller.store, recipe)
    if found is None:
        raise HTTPException(404, "Nobody has asked yet what it would have done: POST here first.")
    result: dict[str, Any] = dict(found.result)
    if caller.role == "viewer":
        result.pop("samples", None)  # they hold names
    return {
        "version": found.version, "since": found.since, "until": found.until,
        "asked_at": found.asked_at, "state": found.state, "share": found.share,
        "error": found.error, "result": result,
    }  # fmt: skip


# ------------------------------------------------------------------ as it is


@router.get("/{recipe}/numbers", summary="Numbers on its steps")
async def numbers(recipe: Key, caller: ViewerKey, days: Days = 30) -> Shown:
    """How many began; at each step how many wait now, went past, and left there and why."""
    async with caller.transaction() as tx:
        await known(tx, caller, recipe)
    hour = caller.now.replace(minute=0, second=0, microsecond=0)
    found = await automation_numbers.of_one(
        caller.runtime.pool, caller.store, recipe, hour - timedelta(days=days),
        hour + timedelta(hours=1),
    )  # fmt: skip
    return {
        "days": days, "began": found.began, "held_out": found.held_out, "waiting": found.waiting,
        "steps": {
            place: {"waiting": one.waiting, "passed": one.passed, "left": one.left}
            for place, one in found.steps.items()
        },
    }  # fmt: skip
