"""Campaigns over the API from the rehearsal on: test, approval, start, pause, resume, cancel."""

from fastapi import APIRouter
from pydantic import Field
from starlette.exceptions import HTTPException

from ringdove.records.campaigns import campaign_progress, campaigns, rehearsals
from ringdove.records.campaigns.campaigns import CampaignRefused
from ringdove.rules import texts
from ringdove.web.api.callers import Caller, MarketerKey, ViewerKey
from ringdove.web.api.campaigns import (
    ID_MAX,
    Number,
    Shown,
    brief,
    deed_with,
    find,
    seen_by,
    shown,
)
from ringdove.web.api.tell import Told
from ringdove.web.campaigns import campaign_review, campaign_running, campaign_start
from ringdove.web.campaigns.campaigns import NAME_MAX
from ringdove.web.reasons import reason_words
from ringdove.web.sending import handwork

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Campaigns"])


class Of(Told):
    """The version that was looked at."""

    version: int = Field(ge=0, le=ID_MAX)


# ------------------------------------------------------------------ looked over and started


@router.post("/campaigns/{campaign_id}/rehearsal", status_code=202, summary="Rehearse")
async def rehearse(campaign_id: Number, caller: MarketerKey) -> Shown:
    """A worker works out what it would do if it began now; ask for it a moment later."""
    async with caller.transaction() as tx:
        found = await find(tx, caller, campaign_id)
        if found.state not in campaign_review.REVIEWED:
            raise HTTPException(409, f"It is {found.state}: only a draft is rehearsed.")
        await campaign_review.ask_rehearsal(tx, seen_by(caller), found)
        await caller.audit(tx, "campaign.rehearsed", found.name)
    return {"campaign": campaign_id, "version": found.version, "state": "asked"}


@router.get("/campaigns/{campaign_id}/rehearsal", summary="What it would do")
async def show_rehearsal(campaign_id: Number, caller: ViewerKey) -> Shown:
    """Who, when, over which gateway, parts, money, and everybody left out with the reason. `state`:
    asked, running, done, failed; `is_fresh`: of the plan as it is now."""
    async with caller.transaction() as tx:
        found = await find(tx, caller, campaign_id)
        told = await rehearsals.find(tx, caller.store, campaign_id)
    if told is None:
        raise HTTPException(404, "Nobody has asked for a rehearsal yet.")
    result = dict(told.result)
    if caller.role == "viewer":
        result.pop("samples", None)  # they hold people's links
    return {
        "campaign": campaign_id, "version": told.version, "state": told.state, "seen": told.seen,
        "is_fresh": told.version == found.version, "clock": told.clock.isoformat(),
        "result": result, "error": told.error,
    }  # fmt: skip


class TestText(Told):
    """A text to a phone of your own."""

    phone: str = Field(min_length=3, max_length=60)
    language: str = Field("", max_length=12)
    variant: int = Field(0, ge=0, le=9)


@router.post("/campaigns/{campaign_id}/test", status_code=202, summary="Send a test")
async def send_test(campaign_id: Number, wish: TestText, caller: MarketerKey) -> Shown:
    """One text with the values of one of the audience; its links and codes are samples."""
    async with caller.transaction() as tx:
        found = await find(tx, caller, campaign_id)
        await caller.audit(tx, "campaign.tested", found.name)
    try:
        state = await campaign_review.send_test(
            seen_by(caller),
            found,
            wish.phone,
            wish.language,
            wish.variant,
            f"api/{caller.key_name}",
        )
    except handwork.PhoneDoubtful as error:
        raise HTTPException(422, "phone: it cannot be read as a mobile number.") from error
    except texts.TemplateBroken as error:
        raise HTTPException(409, f"The text is broken: {error.message}") from error
    if not state:
        raise HTTPException(409, "Nothing is said in this language yet.")
    return {"state": state}


@router.post("/campaigns/{campaign_id}/approval", summary="Ask for approval")
async def ask_approval(campaign_id: Number, caller: MarketerKey) -> Shown:
    """A person approves it on its page; no program can."""
    async with deed_with(caller, campaign_id) as (tx, found):
        await campaigns.ask_approval(tx, caller.store.id, found.id, caller.user_id, caller.now)
        await caller.audit(tx, "campaign.asked", found.name)
        return brief(await find(tx, caller, found.id))


@router.post("/campaigns/{campaign_id}/start", summary="Start")
async def start_campaign(campaign_id: Number, of: Of, caller: MarketerKey) -> Shown:
    """It begins as its plan says. 409: something is to be mended, rehearsed or approved first."""
    async with deed_with(caller, campaign_id) as (tx, found):
        await campaign_start.begin(tx, seen_by(caller), found.id, of.version)
        await caller.audit(tx, "campaign.started", found.name, version=of.version)
        return brief(await find(tx, caller, found.id))


# ------------------------------------------------------------------ while it runs


async def _moved(caller: Caller, campaign_id: int, deed: str) -> Shown:
    store_id, now = caller.store.id, caller.now
    async with deed_with(caller, campaign_id) as (tx, found):
        match deed:
            case "paused":
                await campaigns.pause(tx, store_id, campaign_id, now)
            case "resumed":
                await campaign_start.resume(tx, seen_by(caller), found, None)
            case "unscheduled":
                await campaigns.unschedule(tx, store_id, campaign_id, now)
            case _:
                await campaigns.cancel(tx, store_id, campaign_id, now)
        await caller.audit(tx, f"campaign.{deed}", found.name)
        return brief(await find(tx, caller, campaign_id))


@router.post("/campaigns/{campaign_id}/pause", summary="Pause")
async def pause_campaign(campaign_id: Number, caller: MarketerKey) -> Shown:
    """Nothing of it leaves until it is resumed."""
    return await _moved(caller, campaign_id, "paused")


@router.post("/campaigns/{campaign_id}/resume", summary="Resume")
async def resume_campaign(campaign_id: Number, caller: MarketerKey) -> Shown:
    """It goes on, by its plan as it is now. 409: what was changed is to be mended first, or to be
    resumed by a second person on its page."""
    return await _moved(caller, campaign_id, "resumed")


@router.post("/campaigns/{campaign_id}/unschedule", summary="Back to a draft")
async def unschedule_campaign(campaign_id: Number, caller: MarketerKey) -> Shown:
    """Before it has begun, or while it waits for approval."""
    return await _moved(caller, campaign_id, "unscheduled")


@router.post("/campaigns/{campaign_id}/cancel", summary="Cancel")
async def cancel_campaign(campaign_id: Number, caller: MarketerKey) -> Shown:
    """It ends; what is not yet sent is taken back."""
    return await _moved(caller, campaign_id, "cancelled")


@router.post("/campaigns/{campaign_id}/follow-up", status_code=201, summary="Follow up")
async def follow_up(campaign_id: Number, caller: MarketerKey) -> Shown:
    """A draft for those who got it and did not click."""
    async with deed_with(caller, campaign_id) as (tx, found):
        if found.began_at is None:
            raise CampaignRefused("It has not begun yet.")
        name = f"{found.name}, follow-up"[:NAME_MAX]
        plan = campaign_running.followed(found, caller.store.languages)
        made = await campaigns.create(tx, caller.store.id, name, plan, caller.user_id, caller.now)
        await caller.audit(tx, "campaign.created", name, follows=found.name)
        return await shown(tx, caller, await find(tx, caller, made))


@router.get("/campaigns/{campaign_id}/progress", summary="How far it is")
async def show_progress(campaign_id: Number, caller: ViewerKey) -> Shown:
    """People gone through, texts made, waiting and gone, and who was left out why. `trouble`: what
    keeps it from getting on while it is tried again; after six tries it is paused."""
    async with caller.transaction() as tx:
        found = await find(tx, caller, campaign_id)
        told = await campaign_progress.of(tx, caller.store, found)
    return {
        "state": found.state, "people_total": told.people_total, "people_done": told.people_done,
        "is_gathered": told.is_gathered, "queued": told.queued, "waiting": told.waiting,
        "gone": told.gone, "taken_back": told.taken_back, "left_out": told.left_out,
        "reasons": told.reasons, "tries": found.tries,
        "trouble": reason_words(seen_by(caller).say, found.trouble),
        "next_at": told.next_at.isoformat() if told.next_at else None,
        "per_second": round(told.per_second, 1),
    }  # fmt: skip
