"""Campaigns and their calendar over the API: all that the pages do, with the same checks.

A campaign is made once by the caller's own `key`. A change names the version that it is of, so that
two programs (or a program and a person) do not write over each other.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.exceptions import HTTPException

from ringdove.kit.db import Tx
from ringdove.records.campaigns import campaign_keys, campaigns
from ringdove.records.campaigns.campaigns import CampaignRefused
from ringdove.rules.campaigns.campaign_recipes import RECIPES
from ringdove.rules.campaigns.campaigns import Campaign, Plan
from ringdove.rules.scenes import Store
from ringdove.rules.segments.segments import NoSegment, TooLarge
from ringdove.runtime import Runtime
from ringdove.web.api.callers import Caller, MarketerKey, ViewerKey
from ringdove.web.api.tell import Taken, Told
from ringdove.web.campaigns import campaign_audience, campaign_review, campaign_words
from ringdove.web.campaigns.campaigns import FILTERS, NAME_MAX, ROWS, drafted
from ringdove.web.reasons import reason_words
from ringdove.web.speech import Speech, plain_speech

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Campaigns"])

ID_MAX = 2**31 - 1
Number = Annotated[int, Path(ge=1, le=ID_MAX)]
Shown = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """A caller as the pages' own functions see it: they speak English to programs."""

    store: Store
    runtime: Runtime
    say: Speech
    caller: Caller

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """One of the call's."""
        return self.caller.transaction()


def seen_by(caller: Caller) -> Seen:
    """The caller so."""
    store = caller.store
    say = plain_speech("en", caller.now).at_store(
        store.time_zone, store.country, caller.role == "viewer"
    )
    return Seen(store, caller.runtime, say, caller)


async def find(tx: Tx, caller: Caller, campaign_id: int) -> Campaign:
    """The campaign of an address, or 404."""
    found = await campaigns.find(tx, caller.store.id, campaign_id)
    if found is None:
        raise HTTPException(404, "This store has no campaign of that number.")
    return found


async def shown(tx: Tx, caller: Caller, one: Campaign) -> Shown:
    """A campaign with what is wrong with its plan."""
    told = brief(one)
    wrong = await campaign_review.problems(tx, seen_by(caller), one.plan)
    return told | {
        "plan": one.plan.model_dump(mode="json"),
        "problems": [
            {"where": p.where, "what": p.what, "said": p.said, "blocks": p.blocks} for p in wrong
        ],
    }


def brief(one: Campaign) -> Shown:
    """A campaign without its plan."""
    times = ("created_at", "changed_at", "approved_at", "begin_at", "began_at", "ended_at")
    return {
        "id": one.id, "name": one.name, "state": one.state, "reason": one.reason,
        "reason_said": reason_words(plain_speech("en", one.changed_at), one.reason),
        "version": one.version, "occasion": one.plan.occasion,
        **{name: at.isoformat() if (at := getattr(one, name)) else None for name in times},
    }  # fmt: skip


@asynccontextmanager
async def deed(caller: Caller) -> AsyncIterator[Tx]:
    """One transaction; what cannot be done now is 409, with what to do."""
    try:
        async with caller.transaction() as tx:
            yield tx
    except CampaignRefused as error:
        raise HTTPException(409, str(error)) from error


@asynccontextmanager
async def deed_with(caller: Caller, campaign_id: int) -> AsyncIterator[tuple[Tx, Campaign]]:
    """The same with one campaign."""
    async with deed(caller) as tx:
        yield tx, await find(tx, caller, campaign_id)


# ------------------------------------------------------------------ made and changed


class CampaignWish(Told):
    """A new draft: from a recipe, from a day of the calendar, or planned whole."""

    name: str = Field("", max_length=NAME_MAX)
    plan: Plan | None = Field(None, description="All of it; without, the recipe's.")
    recipe: str = Field("", max_length=40, description="sale, new_goods, win_back …: see below.")
    day: date | None = Field(None, description="Of the calendar: it goes before it.")
    date_key: str = Field("", max_length=40, description="black_friday …, as the calendar says.")
    key: str = Field("", max_length=80, description="Yours. The same key again makes nothing new.")


class CampaignChange(Told):
    """A change of what is planned."""

    name: str = Field(min_length=1, max_length=NAME_MAX)
    plan: Plan
    version: int = Field(ge=0, le=ID_MAX, description="Of which this is a change.")


@router.get("/campaigns", summary="Campaigns")
async def list_campaigns(
    caller: ViewerKey,
    which: Annotated[Literal["", "drafts", "going", "over"], Query()] = "",
    before: Annotated[int, Query(ge=1, le=ID_MAX)] = ID_MAX,
) -> list[Shown]:
    """The newest first, 30 at a time; `before`: ids below."""
    async with caller.transaction() as tx:
        found = await campaigns.of_store(
            tx, caller.store.id, states=FILTERS[which], before=before, most=ROWS
        )
    return [brief(one) for one in found]


@router.get("/campaigns/recipes", summary="Campaigns to start from")
async def list_recipes(caller: ViewerKey) -> list[Shown]:
    """Their keys, with what they are for."""
    say = seen_by(caller).say
    return [
        {"key": key, **{n: campaign_words.recipe(say, key)[n] for n in ("title", "about")}}
        for key in RECIPES
    ]


@router.post("/campaigns", status_code=201, summary="Make a campaign")
async def make_campaign(wish: CampaignWish, caller: MarketerKey) -> Shown:
    """A draft. Nothing is sent before it is started."""
    if wish.recipe and wish.recipe not in RECIPES:
        raise HTTPException(422, f"recipe: one of {', '.join(RECIPES)}.")
    seen = seen_by(caller)
    name, plan = drafted(seen, wish.recipe, wish.day, wish.date_key, wish.name)
    name, plan = wish.name or name, wish.plan or plan
    async with deed(caller) as tx:
        if wish.key and (known := await campaign_keys.find(tx, caller.store.id, wish.key)):
            return await shown(tx, caller, await find(tx, caller, known))
        made = await campaigns.create(tx, caller.store.id, name, plan, caller.user_id, caller.now)
        if wish.key:
            await campaign_keys.put(tx, caller.store.id, made, wish.key)
        await caller.audit(tx, "campaign.created", name)
        return await shown(tx, caller, await find(tx, caller, made))


@router.get("/campaigns/{campaign_id}", summary="One campaign")
async def show_campaign(campaign_id: Number, caller: ViewerKey) -> Shown:
    """Its plan, and what is wrong with it: what `blocks` has to be mended before it can start."""
    async with caller.transaction() as tx:
        return await shown(tx, caller, await find(tx, caller, campaign_id))


@router.put("/campaigns/{campaign_id}", summary="Change a campaign")
async def change_campaign(
    campaign_id: Number, change: CampaignChange, caller: MarketerKey
) -> Shown:
    """A draft in all; a paused one in words, links and time. 409: somebody else changed it first,
    or its state does not allow it."""
    async with deed_with(caller, campaign_id) as (tx, found):
        made = await campaigns.change(
            tx, caller.store.id, found.id, change.name, change.plan, caller.user_id, caller.now
        )
        if found.version != change.version or made not in (found.version, found.version + 1):
            raise CampaignRefused("It was changed meanwhile: look at it again.")
        await caller.audit(tx, "campaign.changed", change.name)
        return await shown(tx, caller, await find(tx, caller, found.id))


@router.delete("/campaigns/{campaign_id}", summary="Delete a draft")
async def delete_campaign(campaign_id: Number, caller: MarketerKey) -> Taken:
    """What has begun can be cancelled only."""
    async with deed_with(caller, campaign_id) as (tx, found):
        if found.state != "draft":
            raise CampaignRefused("Only a draft can be deleted: cancel it instead.")
        await campaigns.cancel(tx, caller.store.id, found.id, caller.now, "deleted")
        await caller.audit(tx, "campaign.deleted", found.name)
    return Taken(accepted=True)


@router.post("/campaigns/{campaign_id}/copy", status_code=201, summary="Copy a campaign")
async def copy_campaign(campaign_id: Number, caller: MarketerKey) -> Shown:
    """A new draft with the same plan."""
    async with deed_with(caller, campaign_id) as (tx, found):
        name = f"{found.name}, copy"[:NAME_MAX]
        made = await campaigns.copy(tx, caller.store.id, found.id, name, caller.user_id, caller.now)
        await caller.audit(tx, "campaign.created", name, copy_of=found.name)
        return await shown(tx, caller, await find(tx, caller, made))


@router.get("/campaigns/{campaign_id}/audience", summary="Who it is for")
async def show_audience(campaign_id: Number, caller: ViewerKey) -> Shown:
    """How many, how many can be reached now, and what a text takes, by a sample."""
    async with caller.transaction() as tx:
        found = await find(tx, caller, campaign_id)
    try:
        told = await campaign_audience.audience(seen_by(caller), found.plan)
    except (NoSegment, TooLarge) as error:
        raise HTTPException(409, str(error)) from error
    sample = told.measured
    return {
        "people": told.people, "is_whole": told.is_whole, "reachable": told.reachable,
        "later": told.later, "left_out": [{"why": why, "people": n} for why, n in told.left_out],
        "parts": {"typical": sample.typical, "worst": sample.worst, "people": sample.people},
        "money": {
            "currency": sample.currency,
            "about": _amount(told.cost),
            "most": _amount(told.cost_worst),
        },
    }  # fmt: skip


def _amount(value: Any) -> str | None:
    return None if value is None else f"{value:.4f}"
