"""What programs ask over the API: customers and their past, messages, today, automations."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from ringdove.records import counters
from ringdove.records.automations import automations as automation_records
from ringdove.records.campaigns import campaigns
from ringdove.records.people import lookups, people
from ringdove.rules import languages
from ringdove.rules.automations import revisions, samples, saying
from ringdove.rules.automations.journeys import Journey, Step
from ringdove.rules.automations.plans import Automation
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.scenes import Contact
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.wait import Wait
from ringdove.web.api.callers import Caller, MarketerKey, ViewerKey
from ringdove.web.automations.recipe_words import mistake
from ringdove.web.people import people_list
from ringdove.web.speech import plain_speech

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Ask"])

RowId = Annotated[int, Path(ge=1, le=lookups.NO_END, description="As text or number.")]
Before = Annotated[
    int, Query(ge=1, le=lookups.NO_END, description="`next` of the page before this one.")
]
Most = Annotated[int, Query(ge=1, le=lookups.PAGE_MAX)]
Shown = dict[str, Any]
IDS = ("id", "contact_id", "merged_into", "order_id", "enrollment_id", "message_id")


class Listed(BaseModel):
    """A page of a list, newest first."""

    items: list[Shown]
    next: str | None = Field(description="Give it as `before` for the next page; null: the end.")


# ------------------------------------------------------------------ customers


@router.get("/customers", summary="Customers")
async def customers(
    caller: ViewerKey,
    search: Annotated[
        str, Query(max_length=200, description="A phone, an e-mail, an order's key, or a name.")
    ] = "",
    before: Before = lookups.NO_END,
    most: Most = 50,
) -> Listed:
    """All customers, or those whom the search finds. `GET /people` does the same with filters."""
    asked = people_list.Asked(q=search)
    async with caller.transaction() as tx:
        found, _ = await people_list.find(
            tx, caller.store, asked, caller.now, before, most, masked=caller.role == "viewer"
        )
    next_before = str(found.next) if found.next is not None else None
    return Listed(items=[shown(row, caller) for row in found.rows], next=next_before)


@router.get("/customers/{contact_id}", summary="One customer and their past")
async def customer(contact_id: RowId, caller: ViewerKey) -> Shown:
    """Orders, parcels, returns, texts both ways with their state and reason, and the consent
    ledger: each newest first. Of who was merged into another, `merged_into` says into whom."""
    async with caller.transaction() as tx:
        row = await lookups.customer(tx, caller.store, contact_id)
        if row is None:
            raise HTTPException(404, "No customer has this id.")
        person = await people.living(tx, caller.store, contact_id)
        names = (person.id, *person.also) if person else (contact_id,)
        past = await lookups.past(tx, caller.store, names)
    more = shown_person(person, caller) if person and person.id == contact_id else {}
    return (
        shown(row, caller)
        | more
        | {name: [shown(one, caller) for one in some] for name, some in past.items()}
    )


MORE = (
    "city", "sex", "birthday", "children", "fields", "scopes", "paused_until", "seen_at",
    "origin_note",
)  # fmt: skip


def shown_person(person: Contact, caller: Caller) -> Shown:
    """What is known of a person beside the row of a list; `also`: contacts merged into them."""
    more = {name: getattr(person, name) for name in MORE}
    if caller.role == "viewer":
        more["fields"] = {}
    return more | {"also": [str(one) for one in person.also]}


# ------------------------------------------------------------------ messages


@router.get("/messages", summary="Messages and silences")
async def messages(
    caller: ViewerKey,
    state: Annotated[str, Query(max_length=20, pattern="^[a-z_]*$")] = "",
    campaign: Annotated[
        int, Query(ge=0, le=2**31 - 1, description="Only those of this campaign; 0: all.")
    ] = 0,
    before: Before = lookups.NO_END,
    most: Most = 50,
) -> Listed:
    """Newest first; `state` is one of waiting, sent, delivered, failed, expired, unknown,
    dropped."""
    async with caller.transaction() as tx:
        if campaign and await campaigns.find(tx, caller.store.id, campaign) is None:
            raise HTTPException(404, "This store has no campaign of that number.")
        rows = await lookups.messages(tx, caller.store, state, before, most, campaign)
    return _page(rows, most, caller)


@router.get("/messages/{message_id}", summary="One message")
async def message(message_id: RowId, caller: ViewerKey) -> Shown:
    """Its text, state, reason and parts; `why` says what made it."""
    async with caller.transaction() as tx:
        row = await lookups.message(tx, caller.store, message_id)
    if row is None:
        raise HTTPException(404, "No message has this id.")
    return shown(row, caller)


def _page(rows: Iterable[Mapping[str, Any]], most: int, caller: Caller) -> Listed:
    items = [shown(row, caller) for row in rows]
    return Listed(items=items, next=items[-1]["id"] if len(items) >= most else None)


def shown(row: Mapping[str, Any], caller: Caller) -> Shown:
    """Ids as text, since browsers' numbers are too short; phones and addresses as this role may
    see them."""
    shown = {
        name: str(value) if name in IDS and value is not None else value
        for name, value in row.items()
    }
    for name in ("phone", "recipient", "sender"):
        value = shown.get(name)
        if isinstance(value, str) and value.startswith("+"):
            shown[name] = caller.phone(value)
    if caller.role == "viewer" and shown.get("phone_doubt"):
        shown["phone_doubt"] = "•••"
    return shown


# ------------------------------------------------------------------ today


@router.get("/today", summary="What came in and went out today")
async def today(caller: ViewerKey) -> Shown:
    """Roll-ups of the store's own day by name (facts, queued, delivered, stops, dropped, …), and
    the same by hour."""
    zone = ZoneInfo(caller.store.time_zone)
    since = caller.now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    until = datetime.combine(since.date() + timedelta(days=1), since.timetz())
    async with caller.transaction() as tx:
        rows = await counters.by_hour(tx, caller.store, since, until)
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["name"]] = totals.get(row["name"], 0) + row["n"]
    return {"since": since, "until": until, "totals": totals, "hours": [dict(row) for row in rows]}


# ------------------------------------------------------------------ automations


class AutomationChange(BaseModel):
    """What a store makes of a ready automation; what is left out is as it was."""

    model_config = ConfigDict(extra="forbid")

    is_on: bool | None = None
    steps: dict[str, dict[str, bool | int]] | None = Field(
        None,
        description='By the id of the step: {"s0": {"delay_s": 7200}, "s1": {"is_on": false}}',
    )
    texts: dict[str, dict[str, dict[str, str]]] | None = Field(
        None, description='By language and text: {"ru": {"order_paid": {"sms": "…"}}}'
    )


Recipes = Annotated[str, Path(max_length=60, description="Its key, such as order_paid.")]


@router.get("/automations", summary="Automations")
async def all_automations(caller: ViewerKey) -> list[Shown]:
    """Every ready automation as it stands in this store."""
    async with caller.transaction() as tx:
        own = await automation_records.newest(tx, caller.store.id)
    return [_automation(recipe, own.get(key), caller) for key, recipe in RECIPES.items()]


@router.get("/automations/{recipe}", summary="One automation")
async def one_automation(recipe: Recipes, caller: ViewerKey) -> Shown:
    """Its trigger, steps and texts in the store's languages."""
    known = _known(recipe)
    async with caller.transaction() as tx:
        own = await automation_records.newest(tx, caller.store.id)
    return _automation(known, own.get(recipe), caller)


@router.put("/automations/{recipe}", summary="Change an automation")
async def change_automation(
    recipe: Recipes, change: AutomationChange, caller: MarketerKey
) -> Shown:
    """Switch it, move its times, write its texts anew. What is running finishes as it began."""
    known = _known(recipe)
    _check_steps(known, change.steps or {})
    _check_texts(known, change.texts or {}, caller)
    async with caller.transaction() as tx:
        old = (await automation_records.newest(tx, caller.store.id)).get(recipe)
        old = old or Automation(is_on=known.starts_on)
        new = Automation(
            is_on=old.is_on if change.is_on is None else change.is_on,
            version=old.version + 1,
            steps=old.steps if change.steps is None else change.steps,
            texts=old.texts if change.texts is None else change.texts,
        )
        store_id = caller.store.id
        if not await automation_records.save(tx, store_id, recipe, new, caller.now, None):
            raise HTTPException(409, "Somebody else changed it just now: look and try again.")
        await caller.audit(tx, "automation.changed", recipe)
    return _automation(known, new, caller)


def _known(key: str) -> Journey:
    if key not in RECIPES:
        raise HTTPException(404, f"No automation has this key: choose one of {', '.join(RECIPES)}.")
    return RECIPES[key]


def _check_steps(recipe: Journey, steps: Mapping[str, Mapping[str, bool | int]]) -> None:
    for number, own in steps.items():
        if number not in recipe.course:
            raise HTTPException(422, f"steps.{number}: it has {', '.join(recipe.course)}.")
        step = recipe.course[number].step
        allowed = {"delay_s", "is_on"} if isinstance(step, Wait) else {"is_on"}
        if wrong := set(own) - allowed:
            known = " and ".join(sorted(allowed))
            raise HTTPException(422, f"steps.{number}.{min(wrong)}: only {known} can be set.")
        delay_s = own.get("delay_s")
        if delay_s is not None and isinstance(step, Wait):
            if not revisions.is_delay_possible(recipe, step, delay_s):
                most_s = recipe.valid_for
                raise HTTPException(422, f"steps.{number}.delay_s: from 60 to less than {most_s}.")


def _check_texts(
    recipe: Journey, said: Mapping[str, Mapping[str, Mapping[str, str]]], caller: Caller
) -> None:
    parts = {s.text: revisions.fields_of(s) for s in recipe.steps if isinstance(s, Send)}
    say = plain_speech("en")
    for language, by_text in said.items():
        if language not in languages.languages_present():
            raise HTTPException(422, f"texts.{language}: this language is not served.")
        address = caller.runtime.settings.outside_url
        sample = samples.values(caller.store, language, caller.now.date(), address)
        for text, words in by_text.items():
            if text not in parts:
                raise HTTPException(422, f"texts.{language}.{text}: it has {', '.join(parts)}.")
            for name, template in words.items():
                if name not in parts[text]:
                    raise HTTPException(422, f"texts.{language}.{text}.{name}: not a part of it.")
                if "\x00" in template:  # PostgreSQL keeps none
                    raise HTTPException(422, f"texts.{language}.{text}.{name}: holds a NUL.")
                if wrong := revisions.mistakes(recipe, template, sample):
                    why = mistake(say, wrong[0])
                    raise HTTPException(422, f"texts.{language}.{text}.{name}: {why}")


def _automation(recipe: Journey, own: Automation | None, caller: Caller) -> Shown:
    mine = own or Automation(is_on=recipe.starts_on)
    steps = revisions.changed(recipe, mine)
    return {
        "recipe": recipe.key,
        "is_on": mine.is_on,
        "version": mine.version,
        "trigger": recipe.trigger.model_dump(mode="json", exclude_none=True),
        "topic": recipe.topic,
        "steps": [_step(step) for step in steps],
        "texts": {
            language: {
                step.text: saying.words_of(mine, step.text, language)
                for step in recipe.steps
                if isinstance(step, Send)
            }
            for language in caller.store.languages
        },
    }


def _step(step: Step) -> Shown:
    if isinstance(step, Wait):
        return {"kind": "wait", "delay_s": step.seconds}
    if not isinstance(step, Send):
        return {"kind": step.do}
    return {"kind": "send", "text": step.text, "channel": step.channel, "is_on": step.is_on}
