"""The editor of an automation: its steps as a readable column, each edited in place.

One form holds the whole journey (automation_forms.py). A button that adds, moves or removes a step
sends it and gets it drawn anew; nothing is kept before Save. What is kept is a new version; runs
that have begun keep theirs. What is on must be right whole; what is off may lack words.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.automations import automation_numbers, automations
from ringdove.records.automations.automation_numbers import Numbers
from ringdove.records.store import users
from ringdove.records.surveys import surveys as survey_records
from ringdove.rules.automations import arranging, revisions, samples
from ringdove.rules.automations.journeys import Heard, Journey
from ringdove.rules.automations.plans import Automation, Plan
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.wait import Wait
from ringdove.rules.surveys.surveys import name_of
from ringdove.web.automations import (
    automation_checks,
    automation_forms,
    automation_views,
    fact_words,
    step_words,
)
from ringdove.web.automations import recipe_words as words
from ringdove.web.automations.automation_fields import ASKS
from ringdove.web.automations.automation_forms import Draft, draft_of
from ringdove.web.automations.automation_history import history
from ringdove.web.automations.automation_views import Drawer
from ringdove.web.automations.automations_found import find, is_own, keep, next_own
from ringdove.web.automations.offered import Offered
from ringdove.web.automations.previews import preview_of, samples_for, samples_of
from ringdove.web.automations.spans import divided_s, span_s, units
from ringdove.web.automations.step_words import Named
from ringdove.web.segments import segment_view, segment_words
from ringdove.web.segments.segment_names import Choices, choices_of, names_of
from ringdove.web.sending.costs import part_price
from ringdove.web.sending.route_words import country
from ringdove.web.store.places import LANGUAGE_NAMES
from ringdove.web.views import MarketerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/automations", include_in_schema=False)

NUMBERS_FOR = timedelta(days=30)
NEW = "new"  # the address of one that is not saved yet
BLANK = Journey(
    key=NEW,
    trigger=Heard(kind="order.placed"),
    topic="offers",
    steps=(
        Wait(id="wait1", seconds=86_400),
        Send(id="send1", text="own_send1", klass="marketing", guard="unbought"),
    ),
)


# ------------------------------------------------------------------ looking


@router.get("/new")
async def new(page: MarketerPage) -> Response:
    """An automation of the store's own, not kept until it is saved."""
    return await render(page, _blank(), draft_of(_blank()))


@router.get("/{key}")
async def show(page: ViewerPage, key: str) -> Response:
    """Its column, its texts as they arrive, its numbers and its history."""
    async with page.transaction() as tx:
        plan = await find(tx, page, key)
    return await render(page, plan, draft_of(plan))


def _blank() -> Plan:
    return Plan(BLANK, Automation(is_on=False))


async def render(page: StorePage, plan: Plan, draft: Draft, status: int = 200) -> Response:
    """The page with what was typed."""
    say, key = page.say, plan.journey.key
    now = page.runtime.clock()
    async with page.transaction() as tx:
        versions = await automations.versions(tx, page.store.id, key)
        price = await part_price(tx, page.store, now.date())
        choices = await choices_of(tx, page.store, say)
        named = await named_of(tx, page, choices)
    numbers = await _numbers(page, plan, now)
    shown = automation_forms.journey_with(draft)
    sample = samples_of(page)
    column = Drawer(page, draft, shown, sample, named, choices, numbers).column()
    trees = {name: draft.tree(name, told, say) for name, told in _trees(draft).items()}
    known = samples.known_in(shown or plan.journey)
    values = words.value_names(say)
    journey = draft.journey or plan.journey
    return page.render(
        "automations/automation.html",
        status,
        plan=plan,
        key=key,
        own=is_own(key),
        title=words.named(say, plan.journey)[0] or say.gettext("New automation"),
        lead=words.named(say, plan.journey)[1],
        draft=draft,
        told=_told(page, draft),
        column=column,
        numbers=numbers,
        elsewhere=_elsewhere(numbers, arranging.ids(draft.steps)),
        began=fact_words.began(say, journey.trigger, named.names),
        who=segment_words.say(journey.when, say, named.names) if journey.when else "",
        endings=[fact_words.clause(say, one) for one in _ends(journey)],
        parts=automation_views.dearest(column),
        trees=trees,
        tree_views={name: segment_view.view(one, say, choices) for name, one in trees.items()},
        offered=Offered(say, named),
        samples=sample,
        facts=fact_words,
        steps=step_words,
        asks=ASKS,
        spans=(divided_s, units(say)),
        span_s=lambda seconds: span_s(say, seconds),
        languages=LANGUAGE_NAMES,
        values=[(name, told) for name, told in values.items() if name in known],
        history=history(page.say, key, versions, named),
        part_price=price,
        country_name=country(say, page.store.country),
        **segment_view.shared(say, choices),
    )


async def named_of(tx: Tx, page: StorePage, choices: Choices | None = None) -> Named:
    """What this store calls the things that steps name."""
    names = choices.names if choices else await names_of(tx, page.store, page.say)
    members = await users.members(tx, page.store.id)
    surveys = await survey_records.load(tx, page.store.id)
    return Named(
        names,
        {one.id: one.name for one in members if one.disabled_at is None},
        {key: name_of(one, page.say.language) for key, one in surveys.items()},
    )


async def _numbers(page: StorePage, plan: Plan, now: datetime) -> Numbers:
    if not plan.own.version and not plan.journey.starts_on:
        return Numbers()
    hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return await automation_numbers.of_one(
        page.runtime.pool, page.store, plan.journey.key, hour - NUMBERS_FOR, hour
    )


@router.get("/{key}/numbers")
async def show_numbers(page: ViewerPage, key: str) -> Response:
    """How many are at each step now, for a page that stands open."""
    async with page.transaction() as tx:
        plan = await find(tx, page, key)
    numbers = await _numbers(page, plan, page.runtime.clock())
    course = list(plan.journey.course)
    return page.render(
        "automations/automation_numbers.html",
        numbers=numbers,
        course=course,
        elsewhere=_elsewhere(numbers, course),
    )


def _elsewhere(numbers: Numbers, course: Collection[str]) -> int:
    """How many wait at steps that only older versions have."""
    return sum(one.waiting for place, one in numbers.steps.items() if place not in course)


def _told(page: StorePage, draft: Draft) -> str:
    """What a deed did, for who does not see it."""
    _, what = page.say.gettext, draft.deed.partition(".")[0]
    order = arranging.ids(draft.steps)
    if what == "remove":
        return _("Removed.")
    if what not in ("add", "twin", "move", "up", "down") or draft.opened not in order:
        return ""
    place = order.index(draft.opened) + 1
    if what in ("add", "twin"):
        return _("Added at place %(n)s of %(all)s.", n=place, all=len(order))
    return _("Moved to place %(n)s of %(all)s.", n=place, all=len(order))


def _trees(draft: Draft) -> dict[str, Any]:
    trigger = draft.raw["trigger"]
    found = {"when": draft.raw.get("when")}
    if trigger.get("on") in ("segment", "clock"):
        found["trigger-who"] = trigger.get("who")
    return found


def _ends(journey: Journey) -> list[str]:
    return list(dict.fromkeys((*journey.stopped_by, *journey.stopped_by_any)))


# ------------------------------------------------------------------ while one types


@router.post("/{key}/preview")
async def preview(
    page: ViewerPage,
    key: str,
    place: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    """The preview of what is being typed; nothing is kept."""
    async with page.transaction() as tx:
        plan = await _plan(tx, page, key)
        price = await part_price(tx, page.store, page.runtime.clock().date())
    given = await automation_forms.read_form(page.request)
    draft = automation_forms.read(given, plan, page.store.languages, page.say)
    step_id, language, field = _taken_apart(place)
    journey = automation_forms.journey_with(draft)
    step = next((one for one in automation_forms.sends(draft.steps) if one["id"] == step_id), None)
    fields = revisions.FIELDS["either"]
    if journey is None or step is None or language not in page.store.languages:
        raise HTTPException(404)
    if field not in fields:
        raise HTTPException(404)
    text = str(step["text"])
    typed = draft.texts.get(language, {}).get(text, {}).get(field, "")
    typed = typed or revisions.ready(text, language).get(field, "").strip()
    is_offer = step.get("klass") == "marketing"
    sample = samples_for(page, language)
    look = preview_of(page, journey, language, field, typed, sample, is_offer=is_offer)
    return page.render(
        "automations/automation_preview.html",
        look=look,
        id=place,
        area=f"text-{place}",
        field=field,
        part_price=price,
        country_name=country(page.say, page.store.country),
    )


def _taken_apart(place: str) -> tuple[str, str, str]:
    step_id, _, rest = place.partition("-")
    language, _, field = rest.rpartition("-")
    return step_id, language, field


async def _plan(tx: Tx, page: StorePage, key: str) -> Plan:
    return _blank() if key == NEW else await find(tx, page, key)


# ------------------------------------------------------------------ saving


@router.post("/{key}")
async def save(page: MarketerPage, key: str) -> Response:
    """The form as a new version; the form again with its mistakes, or after a button's deed."""
    given = await automation_forms.read_form(page.request)
    async with page.transaction() as tx:
        plan = await _plan(tx, page, key)
        draft = automation_forms.read(given, plan, page.store.languages, page.say)
        is_redrawn = draft.deed not in ("", "save")
        if not is_redrawn and _is_right(page, plan, draft):
            return await _keep(tx, page, plan, draft) or await render(page, plan, draft, 422)
    return await render(page, plan, draft, 200 if is_redrawn else 422)


def _is_right(page: StorePage, plan: Plan, draft: Draft) -> bool:
    """Whether it may be kept; what is wrong is noted beside its field."""
    journey = draft.journey
    if journey is None:
        return False
    if is_own(journey.key) or journey.key == NEW:
        if not journey.name:
            draft.errors["name"] = page.say.gettext("Please fill this in.")
    for one in revisions.problems(journey, draft.texts, samples_of(page)):
        if one.mistake.kind == "empty" and not plan.own.is_on:
            continue  # off: it may be written on later
        said = words.mistake(page.say, one.mistake)
        if one.mistake.kind == "late":
            said = words.too_late(page.say, journey)
        name = "-".join((one.step, *(("words", one.language) if one.language else ()), one.field))
        draft.errors.setdefault(name, said)
    return not draft.errors


async def _keep(tx: Tx, page: StorePage, plan: Plan, draft: Draft) -> Response | None:
    """On to the page with what was done; None: somebody else was quicker, or one that is on names
    what the store has not."""
    _ = page.say.gettext
    assert draft.journey
    journey, before = draft.journey, plan.own
    if journey.key == NEW:
        told = {name: getattr(journey, name) for name in Journey.model_fields}
        new_key = await next_own(tx, page.store.id)
        journey = Journey.model_validate({**told, "key": new_key, "starts_on": False})
    elif draft.version != before.version:
        draft.errors[""] = _("Somebody else has just changed it: look below, then save again.")
        draft.version = before.version
        return None
    if before.is_on and (missing := await automation_checks.missing(tx, page.store, journey)):
        draft.errors[""] = words.not_there(page.say, missing)
        return None
    wanted = revisions.kept(journey.key, journey, draft.texts, before)
    here = f"{page.home}/automations/{journey.key}"
    is_new = (wanted.plan, wanted.texts) != (before.plan, before.texts) or before.steps
    if not is_new and plan.journey.key != NEW:
        return page.go(here, _("Nothing was changed."))
    if not await keep(tx, page, journey.key, wanted, before):
        draft.errors[""] = _("Somebody else has just changed it: look below, then save again.")
        return None
    if plan.journey.key == NEW:
        return page.go(here, _("Saved. It is off: switch it on when it is as it should be."))
    return page.go(here, _("Saved."))
