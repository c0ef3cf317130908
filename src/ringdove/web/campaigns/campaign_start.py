"""Four eyes, and the start: who asks, who approves or refuses, and the press that begins it (R23).

A start and an approval are of the version that was shown; another one is refused.
"""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, StringConstraints
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.campaigns import campaigns
from ringdove.records.campaigns.campaigns import CampaignRefused
from ringdove.records.store import policies
from ringdove.rules.campaigns.campaigns import Campaign
from ringdove.web.campaigns import campaign_words as words
from ringdove.web.campaigns.campaign_review import REVIEWED, problems, render
from ringdove.web.campaigns.campaigns_found import CampaignId, find
from ringdove.web.forms import Filled, read_form
from ringdove.web.views import MarketerPage, OwnerPage, StorePage

router = APIRouter(prefix="/stores/{store_id}/campaigns", include_in_schema=False)

NOTE_MAX = 300


class Version(Filled):
    version: Annotated[int, Field(ge=0, le=2**31 - 1)]


class Note(Filled):
    note: Annotated[str, StringConstraints(max_length=NOTE_MAX)] = ""


@router.post("/{campaign_id}/approval")
async def ask_approval(page: MarketerPage, campaign_id: CampaignId) -> Response:
    """A second person is asked to look at it."""
    _ = page.say.gettext
    try:
        async with page.transaction() as tx:
            found = await find(tx, page, campaign_id)
            await campaigns.ask_approval(
                tx, page.store.id, campaign_id, page.user.id, page.runtime.clock()
            )
            await page.audit(tx, "campaign.asked", found.name)
    except CampaignRefused as error:
        return await _refused(page, campaign_id, error)
    return page.go(
        f"{page.home}/campaigns/{campaign_id}/review",
        _("It waits for a second person: marketers and owners can approve it here."),
    )


@router.post("/{campaign_id}/approve")
async def approve(page: MarketerPage, campaign_id: CampaignId) -> Response:
    """The second person says yes to what is shown."""
    form = await read_form(page.request, Version, page.say)
    given = form.filled or Version(version=0)
    try:
        async with page.transaction() as tx:
            found = await find(tx, page, campaign_id)
            await campaigns.approve(
                tx, page.store.id, campaign_id, given.version, page.user.id, page.runtime.clock()
            )
            await page.audit(tx, "campaign.approved", found.name, version=given.version)
    except CampaignRefused as error:
        return await _refused(page, campaign_id, error)
    return page.go(
        f"{page.home}/campaigns/{campaign_id}/review", page.say.gettext("Approved. It can start.")
    )


@router.post("/{campaign_id}/refuse")
async def refuse(page: MarketerPage, campaign_id: CampaignId) -> Response:
    """The second person says no, with a note."""
    form = await read_form(page.request, Note, page.say)
    note = form.filled.note if form.filled else ""
    try:
        async with page.transaction() as tx:
            found = await find(tx, page, campaign_id)
            await campaigns.refuse(tx, page.store.id, campaign_id, note)
            await page.audit(tx, "campaign.refused", found.name, note=note)
    except CampaignRefused as error:
        return await _refused(page, campaign_id, error)
    return page.go(
        f"{page.home}/campaigns/{campaign_id}/review",
        page.say.gettext("Refused: it is a draft again."),
    )


@router.post("/{campaign_id}/start")
async def start(page: MarketerPage, campaign_id: CampaignId) -> Response:
    """It begins as its plan says."""
    form = await read_form(page.request, Version, page.say)
    given = form.filled or Version(version=0)
    _ = page.say.gettext
    try:
        async with page.transaction() as tx:
            begin_at = await begin(tx, page, campaign_id, given.version)
            found = await find(tx, page, campaign_id)
            await page.audit(tx, "campaign.started", found.name, version=given.version)
    except CampaignRefused as error:
        return await _refused(page, campaign_id, error)
    said = _("It begins now.")
    if begin_at > page.runtime.clock():
        said = _("It begins on %(day)s at %(time)s.", day=page.say.day(begin_at),
                 time=page.say.clock(begin_at))  # fmt: skip
    return page.go(f"{page.home}/campaigns/{campaign_id}", said)


async def begin(tx: Tx, page: Any, campaign_id: int, version: int) -> datetime:
    """Starts the version that was looked at; when it begins. Raises CampaignRefused. `page`: also a
    Caller."""
    found = await campaigns.find(tx, page.store.id, campaign_id)
    if found is None:
        raise CampaignRefused("This store has no such campaign.")
    if found.version != version:
        raise CampaignRefused("It was changed meanwhile: look at it again.")
    wrong = [one for one in await problems(tx, page, found.plan) if one.blocks]
    if wrong:
        raise CampaignRefused(f"{wrong[0].where}: {wrong[0].said}")
    return await campaigns.begin(tx, page.store, campaign_id, page.runtime.clock())


async def resume(tx: Tx, page: Any, found: Campaign, user_id: int | None) -> None:
    """Lets a paused one go on, with words that can be said; `user_id` is None for a program. Raises
    CampaignRefused. `page`: also a Caller."""
    for one in await problems(tx, page, found.plan):
        if one.blocks and one.where.startswith(("variants", "links")):
            raise CampaignRefused(f"{one.where}: {one.said}")
    await campaigns.resume(tx, page.store.id, found.id, page.runtime.clock(), user_id)


async def _refused(page: StorePage, campaign_id: int, error: CampaignRefused) -> Response:
    async with page.transaction() as tx:
        found = await find(tx, page, campaign_id)
    if found.state not in REVIEWED:
        return page.go(f"{page.home}/campaigns/{campaign_id}", words.refusal(page.say, error))
    return await render(page, found, 409, refused=words.refusal(page.say, error))


# ------------------------------------------------------------------ who has to approve


class Limit(Filled):
    above: Annotated[int, Field(ge=0, le=10**9)]


@router.post("/limit")
async def limit(page: OwnerPage) -> Response:
    """From which cost on a second person approves; 0: never."""
    form = await read_form(page.request, Limit, page.say)
    _ = page.say.gettext
    if form.filled is None:
        return page.go(f"{page.home}/campaigns", _("Not saved: a whole number, please."))
    above = form.filled.above
    async with page.transaction() as tx:
        await policies.change(
            tx, page.store, lambda rule: replace(rule, approval_above=above), page.runtime.clock()
        )
        await page.audit(tx, "campaign.limit_changed", str(above))
    return page.go(f"{page.home}/campaigns", _("Saved."))
