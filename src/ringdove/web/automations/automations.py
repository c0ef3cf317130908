"""Automations: the ready recipes of a store, each with its switch, its steps and its texts.

What is changed becomes a new version; runs that have begun keep theirs. A text with a mistake in
it is never saved, and says what is wrong in words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.automations import automations
from ringdove.records.automations.automations import Version
from ringdove.rules import languages
from ringdove.rules.automations import revisions, samples
from ringdove.rules.automations.journeys import Journey
from ringdove.rules.automations.plans import Automation, plan_of
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.wait import Wait
from ringdove.web.automations import recipe_words as words
from ringdove.web.automations import step_words
from ringdove.web.automations.previews import preview_of, samples_for, words_of
from ringdove.web.automations.step_words import Named
from ringdove.web.forms import FORM_BYTES_MAX, FORM_FIELDS_MAX, Filled, read_form
from ringdove.web.sending.costs import PartPrice, part_price
from ringdove.web.sending.route_words import country
from ringdove.web.store.places import LANGUAGE_NAMES
from ringdove.web.views import MarketerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/automations", include_in_schema=False)

COUNTED_FOR = timedelta(days=30)
SECONDS_MAX = 10**8


@dataclass(frozen=True, slots=True)
class Row:
    """One recipe on the list."""

    key: str
    title: str
    about: str
    own: Automation
    texts: int


@router.get("")
async def show_all(page: ViewerPage) -> Response:
    """Every recipe by topic, with what it sent lately."""
    async with page.transaction() as tx:
        own = await automations.newest(tx, page.store.id)
        since = page.runtime.clock() - COUNTED_FOR
        counts = await automations.texts_since(tx, page.store, since)
    rows: dict[str, list[Row]] = {}
    for recipe in RECIPES.values():
        now = own.get(recipe.key, Automation(recipe.starts_on))
        row = Row(recipe.key, *_named(page, recipe), now, counts.get(recipe.key, 0))
        rows.setdefault(recipe.topic, []).append(row)
    return page.render(
        "automations/automations.html", rows=rows, topics=words.topic_names(page.say)
    )


def _named(page: StorePage, recipe: Journey) -> tuple[str, str]:
    known = languages.phrases(page.say.language)["recipes"][recipe.key]
    return known["title"], known["about"]


def recipe_of(key: str) -> Journey:
    """The recipe of an address, or no such page."""
    if key not in RECIPES:
        raise HTTPException(404)
    return RECIPES[key]


# ------------------------------------------------------------------ on and off


class Switched(Filled):
    is_on: bool
    version: int
    back: bool = False


@router.post("/{key}/switch")
async def switch(page: MarketerPage, key: str) -> Response:
    """On or off, as a new version."""
    recipe = recipe_of(key)
    form = await read_form(page.request, Switched, page.say)
    if form.filled is None:
        raise HTTPException(422)
    given, title = form.filled, _named(page, recipe)[0]
    back = f"{page.home}/automations" + (f"/{key}" if given.back else "")
    _ = page.say.gettext
    async with page.transaction() as tx:
        now = await _now(tx, page, recipe)
        if now.version != given.version:
            return page.go(back, _("Somebody else has just changed it: look again."))
        if now.is_on != given.is_on:
            await keep(tx, page, recipe, replace(now, is_on=given.is_on), now)
    on, off = _("“%(name)s” is on.", name=title), _("“%(name)s” is off.", name=title)
    return page.go(back, on if given.is_on else off)


async def _now(tx: Tx, page: StorePage, recipe: Journey) -> Automation:
    own = await automations.newest(tx, page.store.id)
    return own.get(recipe.key, Automation(recipe.starts_on))


async def keep(
    tx: Tx, page: StorePage, recipe: Journey, wanted: Automation, before: Automation
) -> bool:
    """Saves the next version with its audit; False: somebody was quicker."""
    own = replace(wanted, version=before.version + 1)
    now = page.runtime.clock()
    if not await automations.save(tx, page.store.id, recipe.key, own, now, page.user.id):
        return False
    if own.is_on != before.is_on:
        action = "automation.switched_on" if own.is_on else "automation.switched_off"
        await page.audit(tx, action, recipe.key, version=own.version)
    if (own.plan, own.steps, own.texts) != (before.plan, before.steps, before.texts):
        await page.audit(tx, "automation.changed", recipe.key, version=own.version)
    return True


# ------------------------------------------------------------------ one recipe


@router.get("/{key}")
async def show(page: ViewerPage, key: str) -> Response:
    """Its steps as a column, its texts as they arrive, and its history."""
    recipe = recipe_of(key)
    async with page.transaction() as tx:
        now = await _now(tx, page, recipe)
    return await _render(page, recipe, now, now)


async def _render(
    page: StorePage,
    recipe: Journey,
    now: Automation,
    shown: Automation,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    async with page.transaction() as tx:
        versions = await automations.versions(tx, page.store.id, recipe.key)
        price = await part_price(tx, page.store, page.runtime.clock().date())
    title, about = _named(page, recipe)
    sample = samples_for(page, page.store.languages[0])
    values = words.value_names(page.say)
    return page.render(
        "automations/automation.html",
        status,
        recipe=recipe,
        title=title,
        about=about,
        now=now,
        steps=list(enumerate(revisions.changed(recipe, shown))),
        texts={n: words_of(page, recipe, n, shown) for n in range(len(recipe.steps))},
        errors=errors or {},
        trigger=words.trigger(page.say, recipe),
        endings=words.endings(page.say, recipe),
        span=lambda delay: words.span(page.say, delay),
        divided_s=lambda seconds: words.divided(timedelta(seconds=seconds)),
        span_s=lambda seconds: words.span(page.say, timedelta(seconds=seconds)),
        units=words.units(page.say),
        field_names=words.field_names(page.say),
        samples={language: samples_for(page, language) for language in page.store.languages},
        names=LANGUAGE_NAMES,
        values=[
            (name, values[name], samples.said(sample, name))
            for name in values
            if name in samples.known_in(recipe)
        ],
        history=_history(page, recipe, versions),
        **_price(page, price),
    )


@router.post("/{key}/preview")
async def preview(
    page: ViewerPage,
    key: str,
    place: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """The preview of what is being typed; nothing is kept."""
    recipe = recipe_of(key)
    number, language, field = _taken_apart(page, recipe, place)
    given = await _form(page.request)
    typed = str(given.get(f"text-{place}") or "").strip()
    step = recipe.steps[number]
    assert isinstance(step, Send)
    typed = typed or revisions.ready(step.text, language)[field].strip()
    look = preview_of(page, recipe, step, language, field, typed)
    async with page.transaction() as tx:
        price = await part_price(tx, page.store, page.runtime.clock().date())
    return page.render(
        "automations/automation_preview.html",
        look=look,
        id=place,
        field=field,
        **_price(page, price),
    )


def _price(page: StorePage, price: PartPrice | None) -> dict[str, Any]:
    """What the preview needs to say what a text costs."""
    return {"part_price": price, "country_name": country(page.say, page.store.country)}


def _taken_apart(page: StorePage, recipe: Journey, place: str) -> tuple[int, str, str]:
    number, _, rest = place.partition("-")
    language, _, field = rest.partition("-")
    is_step = number.isascii() and number.isdigit() and int(number) < len(recipe.steps)
    if not is_step or language not in page.store.languages:
        raise HTTPException(404)
    if field not in revisions.fields_of(recipe.steps[int(number)]):
        raise HTTPException(404)
    return int(number), language, field


# ------------------------------------------------------------------ saving


@router.post("/{key}")
async def save(page: MarketerPage, key: str) -> Response:
    """The form as a new version, or the form again with its mistakes."""
    recipe = recipe_of(key)
    given = await _form(page.request)
    async with page.transaction() as tx:
        now = await _now(tx, page, recipe)
        typed, errors = _read(page, recipe, given, now)
        _ = page.say.gettext
        if not errors and str(given.get("version", "")) != str(now.version):
            errors[""] = _("Somebody else has just changed it: look below, then save again.")
        if not errors:
            plan = plan_of(key, typed)
            assert plan
            wanted = revisions.kept(key, plan.journey, typed.texts, now)
            is_new = (wanted.plan, wanted.texts) != (now.plan, now.texts)
            if not is_new or await keep(tx, page, recipe, wanted, now):
                said = _("Saved.") if is_new else _("Nothing was changed.")
                return page.go(f"{page.home}/automations/{key}", said)
            errors[""] = _("Somebody else has just changed it: look below, then save again.")
    return await _render(page, recipe, now, typed, errors, 422)


async def _form(request: Request) -> FormData:
    if int(request.headers.get("content-length") or FORM_BYTES_MAX + 1) > FORM_BYTES_MAX:
        raise HTTPException(413)
    return await request.form(max_files=0, max_fields=FORM_FIELDS_MAX)


def _read(
    page: StorePage, recipe: Journey, given: FormData, now: Automation
) -> tuple[Automation, dict[str, str]]:
    """What was typed, whole, and what is wrong with it by the name of its field."""
    errors: dict[str, str] = {}
    steps: dict[str, dict[str, Any]] = {}
    kept: dict[str, dict[str, dict[str, str]]] = {
        language: {text: dict(by_field) for text, by_field in by_text.items()}
        for language, by_text in now.texts.items()  # of languages that the store has left too
    }
    for number, step in enumerate(recipe.steps):
        steps[step.id] = {"is_on": f"on-{number}" in given}
        if isinstance(step, Wait):
            delay_s = _delay(given, number)
            if delay_s is None or not revisions.is_delay_possible(recipe, step, delay_s):
                errors[f"delay-{number}"] = page.say.gettext(
                    "From one minute to less than %(most)s: later nobody wants to hear it.",
                    most=words.span(page.say, recipe.span),
                )
            if delay_s is not None:
                steps[step.id]["delay_s"] = delay_s
            continue
        if not isinstance(step, Send):
            continue
        for language in page.store.languages:
            for field in revisions.fields_of(step):
                place = f"{number}-{language}-{field}"
                typed = str(given.get(f"text-{place}", "")).strip()
                kept.setdefault(language, {}).setdefault(step.text, {})[field] = typed
                look = preview_of(page, recipe, step, language, field, typed) if typed else None
                if look and look.wrong:
                    errors[f"text-{place}"] = " ".join(look.wrong)
    return Automation(now.is_on, now.version, steps, kept), errors


def _delay(given: FormData, number: int) -> int | None:
    try:
        delay_s = int(str(given[f"delay-{number}"])) * int(str(given[f"unit-{number}"]))
    except (KeyError, ValueError):
        return None
    return delay_s if 0 <= delay_s <= SECONDS_MAX else None


# ------------------------------------------------------------------ history


@dataclass(frozen=True, slots=True)
class Past:
    """One version on the page: who, when, and what became another by it."""

    version: Version
    changes: tuple[tuple[str, revisions.Difference], ...]


def _history(page: StorePage, recipe: Journey, versions: list[Version]) -> list[Past]:
    found = []
    for place, version in enumerate(versions):
        is_first = version.own.version == 1
        if place + 1 == len(versions) and not is_first:
            break  # what it changed would need the one before it
        before = Automation(recipe.starts_on) if is_first else versions[place + 1].own
        old, new = plan_of(recipe.key, before), plan_of(recipe.key, version.own)
        changes = revisions.differences(old, new) if old and new else []
        named = tuple((step_words.difference(page.say, one, Named()), one) for one in changes)
        found.append(Past(version, named))
    return found
