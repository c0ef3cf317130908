"""Campaigns: the list of all, and a new one from a recipe, a day of the calendar, or another one.

What a campaign says and to whom is written in campaign_compose.py, looked at before it begins in
campaign_review.py, and followed in campaign_running.py.
"""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import StringConstraints
from starlette.responses import Response

from ringdove.records.campaigns import campaigns
from ringdove.records.campaigns.campaigns import CampaignRefused
from ringdove.rules.campaigns import campaign_recipes, key_dates
from ringdove.rules.campaigns.campaign_recipes import RECIPES
from ringdove.rules.campaigns.campaigns import LIFE, Campaign, Plan, Variant
from ringdove.web.campaigns import campaign_words as words
from ringdove.web.campaigns.calendar import reminders
from ringdove.web.campaigns.campaign_results import Planned, planned
from ringdove.web.campaigns.campaigns_found import ID_MAX, CampaignId, find
from ringdove.web.forms import Filled, read_form
from ringdove.web.views import MarketerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/campaigns", include_in_schema=False)

NAME_MAX = 80
ROWS = 30
# What people filter by; a draft that was deleted is in none of them.
FILTERS = {
    "": tuple(state for state in LIFE),
    "drafts": ("draft", "waiting"),
    "going": ("scheduled", "running", "paused"),
    "over": ("done", "cancelled", "sold_out"),
}


@router.get("")
async def show(
    page: ViewerPage,
    which: Annotated[str, Query(max_length=20)] = "",
    before: Annotated[int, Query(ge=0, le=ID_MAX)] = ID_MAX,
) -> Response:
    """All of them, the newest first, with what became of each."""
    states = FILTERS.get(which, FILTERS[""])
    async with page.transaction() as tx:
        found = await campaigns.of_store(tx, page.store.id, states=states, before=before, most=ROWS)
        shown = [one for one in found if not _is_deleted(one)]
        told = await planned(tx, page, shown)
        ahead = await reminders(tx, page) if before == ID_MAX else []
    return page.render(
        "campaigns/campaigns.html",
        rows=[(one, told.get(one.id, Planned())) for one in shown],
        more=found[-1].id if len(found) == ROWS else None,
        which=which,
        filters=_filters(page),
        reminders=ahead,
        recipes=[(key, words.recipe(page.say, key)) for key in RECIPES],
        words=words,
    )


def _is_deleted(one: Campaign) -> bool:
    return one.state == "cancelled" and one.began_at is None and one.begin_at is None


def _filters(page: StorePage) -> list[tuple[str, str]]:
    _ = page.say.gettext
    return [
        ("", _("All")), ("drafts", _("Drafts")), ("going", _("Going on")), ("over", _("Over")),
    ]  # fmt: skip


# ------------------------------------------------------------------ a new one


class New(Filled):
    recipe: Annotated[str, StringConstraints(max_length=40)] = ""
    day: date | None = None  # a day of the calendar
    date_key: Annotated[str, StringConstraints(max_length=40)] = ""
    name: Annotated[str, StringConstraints(max_length=NAME_MAX)] = ""


@router.post("")
async def create(page: MarketerPage) -> Response:
    """A draft: empty, from a recipe, or for a day of the calendar."""
    form = await read_form(page.request, New, page.say)
    given = form.filled or New()
    name, plan = drafted(page, given.recipe, given.day, given.date_key, given.name)
    try:
        async with page.transaction() as tx:
            now = page.runtime.clock()
            made = await campaigns.create(tx, page.store.id, name, plan, page.user.id, now)
            await page.audit(tx, "campaign.created", name)
    except CampaignRefused as error:
        return page.go(f"{page.home}/campaigns", words.refusal(page.say, error))
    return page.go(f"{page.home}/campaigns/{made}")


def drafted(
    page: Any, key: str, day: date | None, date_key: str, name: str = ""
) -> tuple[str, Plan]:
    """The name and the plan of a new draft; `page`: also a Caller, with its `say`."""
    store, say = page.store, page.say
    _ = say.gettext
    known = key_dates.KEY_DATES.get(date_key)
    named = words.key_date(say, date_key) if known else name
    if key not in RECIPES:
        own = Plan(variants=(Variant(),), occasion=named if day else "", key_date=day)
        return (named or _("New campaign"))[:NAME_MAX], own
    told = words.recipe(say, key)
    plan = campaign_recipes.plan_of(
        RECIPES[key],
        store.languages,
        topics=[one.key for one in store.policy.topics],
        occasion=named if day and named else told["occasion"],
        day=day,
        lead_days=known.lead_days if known else 0,
        today=page.runtime.clock().astimezone(say.zone).date(),
    )
    return (named or told["title"])[:NAME_MAX], plan


@router.post("/{campaign_id}/copy")
async def copy(page: MarketerPage, campaign_id: CampaignId) -> Response:
    """The same once more, as a draft."""
    _ = page.say.gettext
    async with page.transaction() as tx:
        found = await find(tx, page, campaign_id)
        name = _("%(name)s, copy", name=found.name)[:NAME_MAX]
        now = page.runtime.clock()
        try:
            made = await campaigns.copy(tx, page.store.id, campaign_id, name, page.user.id, now)
        except CampaignRefused as error:
            return page.go(f"{page.home}/campaigns", words.refusal(page.say, error))
        await page.audit(tx, "campaign.created", name, copy_of=found.name)
    return page.go(f"{page.home}/campaigns/{made}", _("Copied. This is the new draft."))


@router.post("/{campaign_id}/delete")
async def delete(page: MarketerPage, campaign_id: CampaignId) -> Response:
    """A draft goes away; what has begun can be cancelled only."""
    _ = page.say.gettext
    async with page.transaction() as tx:
        found = await find(tx, page, campaign_id)
        if found.state != "draft":
            return page.go(
                f"{page.home}/campaigns/{campaign_id}", _("Only a draft can be deleted.")
            )
        await campaigns.cancel(tx, page.store.id, campaign_id, page.runtime.clock(), "deleted")
        await page.audit(tx, "campaign.deleted", found.name)
    return page.go(f"{page.home}/campaigns", _("The draft is deleted."))
