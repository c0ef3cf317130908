"""A campaign that has begun or is about to: how far it is, and pause, resume, cancel, follow-up.

Each deed says what it will do and to how many before it is done. Nothing is counted on the way of
sending: what waits is counted when somebody looks.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.campaigns import campaign_progress, campaigns
from ringdove.records.campaigns.campaign_progress import Progress
from ringdove.records.campaigns.campaigns import CampaignRefused
from ringdove.records.offers import rewards
from ringdove.rules.campaigns import campaign_recipes
from ringdove.rules.campaigns.campaign_recipes import RECIPES
from ringdove.rules.campaigns.campaigns import LIFE, Campaign, Plan, When
from ringdove.rules.segments.segments import All, Texts
from ringdove.web.campaigns import campaign_compose, campaign_start
from ringdove.web.campaigns import campaign_words as words
from ringdove.web.campaigns.campaign_forms import Draft
from ringdove.web.campaigns.campaign_previews import Reader
from ringdove.web.campaigns.campaigns import NAME_MAX
from ringdove.web.campaigns.campaigns_found import CampaignId, find
from ringdove.web.reasons import reason_words
from ringdove.web.segments.segment_names import names_of
from ringdove.web.segments.segment_words import say as segment_said
from ringdove.web.views import MarketerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/campaigns", include_in_schema=False)

SOON = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Left:
    """Who was left out, by reason."""

    reason: str  # the word, for the list of messages
    said: str
    people: int


@router.get("/{campaign_id}")
async def show(page: ViewerPage, campaign_id: CampaignId) -> Response:
    """The composer of a draft; of what has begun, how far it is."""
    async with page.transaction() as tx:
        found = await find(tx, page, campaign_id)
        progress = None
        if found.began_at:
            progress = await campaign_progress.of(tx, page.store, found)
        names = await names_of(tx, page.store, page.say)
        offer = await rewards.find(tx, page.store.id, found.plan.offer)
    if found.state == "draft":
        return await campaign_compose.render(page, found, Draft(found.name, found.plan))
    if found.state == "waiting":
        return page.go(f"{page.home}/campaigns/{campaign_id}/review")
    audience = segment_said(found.plan.audience, page.say, names)
    without = found.plan.without
    return page.render(
        "campaigns/campaign_running.html",
        campaign=found,
        progress=progress,
        left=_left(page, progress),
        next_at=_next_at(page, found, progress),
        audience=audience,
        without=segment_said(without, page.say, names) if without else "",
        texts=campaign_compose.texts_of(page, found.plan, offer, Reader(), names.fields),
        words=words,
        is_over=not LIFE[found.state],
        languages=words.languages_of(page.store.languages),
        reason=found.reason and reason_words(page.say, found.reason),
        trouble=found.trouble and reason_words(page.say, found.trouble),
    )


def _next_at(page: StorePage, found: Campaign, progress: Progress | None) -> datetime | None:
    """When what waits goes on, where that is not now."""
    if progress is None or found.state != "running" or progress.next_at is None:
        return None
    return progress.next_at if progress.next_at > page.runtime.clock() + SOON else None


def _left(page: StorePage, progress: Progress | None) -> list[Left]:
    if progress is None:
        return []
    found = [Left(word, reason_words(page.say, word), n) for word, n in progress.reasons.items()]
    return sorted(found, key=lambda one: -one.people)


# ------------------------------------------------------------------ deeds


async def _moved(page: StorePage, campaign_id: int, deed: str) -> Response:
    """Does one of the deeds and tells it; or tells why it cannot be done."""
    here = f"{page.home}/campaigns/{campaign_id}"
    try:
        async with page.transaction() as tx:
            found = await find(tx, page, campaign_id)
            said = await _do(tx, page, found, deed)
            await page.audit(tx, f"campaign.{deed}", found.name)
    except CampaignRefused as error:
        return page.go(here, words.refusal(page.say, error))
    return page.go(here, said)


async def _do(tx: Tx, page: StorePage, found: Campaign, deed: str) -> str:
    _, now, store_id = page.say.gettext, page.runtime.clock(), page.store.id
    match deed:
        case "paused":
            await campaigns.pause(tx, store_id, found.id, now)
            return _("Paused. What waits stays where it is until you resume.")
        case "resumed":
            await campaign_start.resume(tx, page, found, page.user.id)
            return _("It goes on.")
        case "unscheduled":
            await campaigns.unschedule(tx, store_id, found.id, now)
            return _("It is a draft again. Nothing was sent.")
    await campaigns.cancel(tx, store_id, found.id, now)
    return _("Cancelled. What was not yet sent is taken back.")


@router.post("/{campaign_id}/pause")
async def pause(page: MarketerPage, campaign_id: CampaignId) -> Response:
    """Nothing of it leaves until it is resumed."""
    return await _moved(page, campaign_id, "paused")


@router.post("/{campaign_id}/resume")
async def resume(page: MarketerPage, campaign_id: CampaignId) -> Response:
    """It goes on by its plan as it is now."""
    return await _moved(page, campaign_id, "resumed")


@router.post("/{campaign_id}/unschedule")
async def unschedule(page: MarketerPage, campaign_id: CampaignId) -> Response:
    """A draft again, before it has begun."""
    return await _moved(page, campaign_id, "unscheduled")


@router.post("/{campaign_id}/cancel")
async def cancel(page: MarketerPage, campaign_id: CampaignId) -> Response:
    """It ends, and what waits is taken back."""
    return await _moved(page, campaign_id, "cancelled")


@router.post("/{campaign_id}/follow-up")
async def follow_up(page: MarketerPage, campaign_id: CampaignId) -> Response:
    """A draft for those who got it and did not click."""
    _ = page.say.gettext
    try:
        async with page.transaction() as tx:
            found = await find(tx, page, campaign_id)
            if found.began_at is None:
                return page.go(f"{page.home}/campaigns/{campaign_id}", _("It has not begun yet."))
            name = _("%(name)s, follow-up", name=found.name)[:NAME_MAX]
            plan = followed(found, page.store.languages)
            now = page.runtime.clock()
            made = await campaigns.create(tx, page.store.id, name, plan, page.user.id, now)
            await page.audit(tx, "campaign.created", name, follows=found.name)
    except CampaignRefused as error:
        return page.go(f"{page.home}/campaigns/{campaign_id}", words.refusal(page.say, error))
    said = _("A draft for who got it and did not click. Look it over before you start it.")
    return page.go(f"{page.home}/campaigns/{made}", said)


def followed(found: Campaign, languages: tuple[str, ...]) -> Plan:
    """The plan of a campaign that follows one up: the same offer and links, to those who got it
    and did not click, with words of its own."""
    words_of_it = campaign_recipes.plan_of(
        RECIPES["follow_up"], languages, topics=[found.plan.topic], occasion=found.plan.occasion
    )
    return found.plan.model_copy(
        update={
            "audience": All(of=(Texts(what="delivered", campaign=found.id),)),
            "without": Texts(what="clicked", campaign=found.id),
            "variants": words_of_it.variants,
            "links": found.plan.links or words_of_it.links,
            "when": When(until=found.plan.when.until),
            "follows": found.id,
            "key_date": None,
        }
    )
