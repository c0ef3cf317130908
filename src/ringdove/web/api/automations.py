"""Automations over the API: all that their pages can do. Ready ones and a store's own, switched,
changed and carried as files. What they would do, and did, is in automation_looks.py.

A journey is the same JSON everywhere: here, in files, in the editor (docs/automations.md). An error
says where in it something is wrong. What is running finishes on the version it began with.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field, ValidationError
from starlette.exceptions import HTTPException

from ringdove.kit.db import Tx
from ringdove.records.automations import automations
from ringdove.rules.automations import arranging, revisions, samples, saying
from ringdove.rules.automations.automation_files import FileWrong, path_of
from ringdove.rules.automations.journeys import JOURNEY, Journey, plain
from ringdove.rules.automations.plans import Automation, Plan, plan_of
from ringdove.web.api.ask import Shown
from ringdove.web.api.callers import Caller, MarketerKey, ViewerKey
from ringdove.web.api.tell import Taken, Told
from ringdove.web.automations import automation_checks
from ringdove.web.automations.automations_found import is_own, next_own
from ringdove.web.automations.recipe_words import mistake
from ringdove.web.reasons import title
from ringdove.web.speech import plain_speech

router = APIRouter(prefix="/api/stores/{store_id}/automations", tags=["Automations"])

Key = Annotated[str, Path(max_length=60, description="Its key, such as order_paid or own_1.")]
Texts = dict[str, dict[str, dict[str, str]]]
RawJourney = Annotated[
    dict[str, Any],
    Field(description="Trigger, steps and the rest, see docs/automations.md; without its key."),
]
AGAIN = HTTPException(409, "Somebody else changed it just now: look and try again.")


# ------------------------------------------------------------------ all of them


@router.get("", summary="Automations")
async def all_automations(caller: ViewerKey) -> list[Shown]:
    """Every ready automation and the store's own, as they stand; the whole of each is at its own
    address."""
    async with caller.transaction() as tx:
        plans = await automations.plans(tx, caller.store.id)
    return [_summary(plan, caller) for plan in plans.newest.values() if not plan.own.is_gone]


def _summary(plan: Plan, caller: Caller) -> Shown:
    journey = plan.journey
    return {
        "recipe": journey.key,
        "name": _name(plan, caller),
        "is_own": is_own(journey.key),
        "is_on": plan.own.is_on,
        "version": plan.own.version,
        "topic": journey.topic,
        "trigger": plain(journey)["trigger"],
    }


def _name(plan: Plan, caller: Caller) -> str:
    return plan.journey.name or title(plan.journey.key, caller.store.languages[0])


class Wish(Told):
    """An automation of the store's own."""

    name: str = Field(min_length=1, max_length=120)
    like: str = Field("", max_length=60, description="Begin as a copy of this one; its key.")
    journey: RawJourney | None = None
    texts: Texts = Field(default_factory=dict, description="By language and text of a step.")


@router.post("", status_code=201, summary="Write an automation")
async def make_automation(wish: Wish, caller: MarketerKey) -> Shown:
    """Anew, or as a copy of another. It is off until it is switched on."""
    if bool(wish.like) == (wish.journey is not None):
        raise HTTPException(422, "Give either like, the key of one to copy, or a journey.")
    async with caller.transaction() as tx:
        key = await next_own(tx, caller.store.id)
        texts: revisions.Texts = wish.texts
        if wish.like:
            first = await known(tx, caller, wish.like)
            told, texts = plain(first.journey), texts or first.own.texts
        else:
            told = dict(wish.journey or {})
        journey = journey_of({**told, "name": wish.name, "starts_on": False}, key)
        _demand_texts(journey, wish.texts)
        before = Automation(is_on=False)
        return await _keep(tx, caller, journey, texts, before, before, "automation.created")


@router.get("/schema", summary="The JSON Schema of journeys")
async def journey_schema(caller: ViewerKey) -> Shown:
    """For editors that check while one types, and for programs that write journeys."""
    return JOURNEY.json_schema()


# ------------------------------------------------------------------ one


@router.get("/{recipe}", summary="One automation")
async def one_automation(recipe: Key, caller: ViewerKey) -> Shown:
    """Its journey, its texts in the store's languages, and what is wrong with it if anything is."""
    async with caller.transaction() as tx:
        return _whole(await known(tx, caller, recipe), caller)


async def known(tx: Tx, caller: Caller, key: str) -> Plan:
    """The automation, or 404."""
    plan = (await automations.plans(tx, caller.store.id)).newest.get(key)
    if plan is None:
        raise HTTPException(404, "No automation has this key: ask for the list.")
    return plan


def _whole(plan: Plan, caller: Caller) -> Shown:
    journey = plan.journey
    return _summary(plan, caller) | {
        "is_gone": plan.own.is_gone,
        "is_changed": plan.own.plan is not None or bool(plan.own.steps or plan.own.texts),
        "journey": {name: value for name, value in plain(journey).items() if name != "key"},
        "texts": {
            language: {
                step.text: saying.words_of(plan.own, step.text, language)
                for step in journey.sends()
            }
            for language in caller.store.languages
        },
        "problems": [*_problems(plan, caller)],
    }


class Change(Told):
    """What a store makes of an automation; what is left out is as it was."""

    is_on: bool | None = None
    version: int | None = Field(
        None, description="That was looked at; another meanwhile: 409. Empty: not asked."
    )
    journey: RawJourney | None = Field(None, description="All of it, in place of the old one.")
    steps: dict[str, dict[str, Any]] | None = Field(
        None,
        description='Fields of single steps by their ids: {"s0": {"seconds": 7200}, "s1": {"is_on":'
        " false}}",
    )
    texts: Texts | None = Field(
        None,
        description='All own words by language and text: {"ru": {"order_paid": {"sms": "…"}}};'
        " what is not there is said as it came.",
    )


@router.put("/{recipe}", summary="Change an automation")
async def change_automation(recipe: Key, change: Change, caller: MarketerKey) -> Shown:
    """Switch it, change steps, write its texts anew: one new version. One that is on must be right
    whole; one that is off may lack words."""
    async with caller.transaction() as tx:
        plan = await known(tx, caller, recipe)
        before = plan.own
        if change.version is not None and change.version != before.version:
            raise AGAIN
        journey = plan.journey
        if change.journey is not None:
            kept_name = {"name": journey.name} if is_own(recipe) else {}
            journey = journey_of(kept_name | change.journey, recipe)
        if change.steps:
            journey = journey_of(_patched(plain(journey), change.steps), recipe)
        _demand_texts(journey, change.texts or {})
        texts = before.texts if change.texts is None else change.texts
        is_on = before.is_on if change.is_on is None else change.is_on
        wanted = replace(before, is_on=is_on, is_gone=before.is_gone and not is_on)
        return await _keep(tx, caller, journey, texts, before, wanted, "automation.changed")


def _patched(told: dict[str, Any], changes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    by_id = {step["id"]: step for _list, _number, step in arranging.walk(told["steps"])}
    for step_id, change in changes.items():
        if step_id not in by_id:
            known = ", ".join(map(str, by_id))
            raise HTTPException(422, f"steps.{step_id}: no step has this id; it has {known}.")
        for name, value in change.items():
            if name in ("id", "do"):
                raise HTTPException(422, f"steps.{step_id}.{name}: give a whole journey for this.")
            by_id[step_id]["seconds" if name == "delay_s" else name] = value
    return told


def journey_of(raw: Mapping[str, Any], key: str) -> Journey:
    """What a program sent, or 422 with the place of what is wrong."""
    try:
        return JOURNEY.validate_python({**raw, "key": key})
    except (ValidationError, RecursionError) as error:
        if isinstance(error, RecursionError):
            raise HTTPException(422, "journey: it is nested too deep.") from None
        one = error.errors()[0]
        at = ".".join(filter(None, ("journey", _by_id(raw, path_of(one["loc"])))))
        raise HTTPException(422, f"{at}: {one['msg']}") from None


def _by_id(raw: Mapping[str, Any], path: str) -> str:
    """With the id of the step beside its place: steps.2 (remind).seconds."""
    where: Any = raw
    said: list[str] = []
    for part in path.split(".") if path else []:
        known = isinstance(where, list) and part.isdecimal() and int(part) < len(where)
        where = where[int(part)] if known else where.get(part) if isinstance(where, dict) else None
        step_id = where.get("id") if known and isinstance(where, dict) else None
        said.append(f"{part} ({step_id})" if isinstance(step_id, str) else part)
    return ".".join(said)


async def _keep(
    tx: Tx, caller: Caller, journey: Journey, texts: revisions.Texts, before: Automation,
    wanted: Automation, deed: str,
) -> Shown:  # fmt: skip
    """Writes the next version, or says what keeps it from being one."""
    if is_own(journey.key) and not journey.name:
        raise HTTPException(422, "journey.name: give it a name.")
    own = replace(
        revisions.kept(journey.key, journey, texts, before),
        is_on=wanted.is_on, is_gone=wanted.is_gone,
    )  # fmt: skip
    plan = Plan(journey, own)
    # Whatever it has come to lack, it can be switched off.
    is_changed = (own.plan, own.texts) != (before.plan, before.texts)
    if own.is_on or is_changed:
        await _demand_right(tx, caller, plan)
    if not await automations.save(tx, caller.store.id, journey.key, own, caller.now, None):
        raise AGAIN
    if own.is_on != before.is_on:
        switched = "automation.switched_on" if own.is_on else "automation.switched_off"
        await caller.audit(tx, switched, journey.key, version=own.version)
    if deed != "automation.changed" or is_changed:
        await caller.audit(tx, deed, journey.key, version=own.version)
    return _whole(plan, caller)


async def _demand_right(tx: Tx, caller: Caller, plan: Plan) -> None:
    if missing := await automation_checks.missing(tx, caller.store, plan.journey):
        raise HTTPException(422, f"journey.{missing[0]}")
    for wrong in _problems(plan, caller):
        if wrong["kind"] != "empty" or plan.own.is_on:
            raise HTTPException(422, f"{wrong['at']}: {wrong['why']}")


def _demand_texts(journey: Journey, given: revisions.Texts) -> None:
    if stray := revisions.stray(journey, given):
        raise HTTPException(422, stray)


def _problems(plan: Plan, caller: Caller) -> Iterator[Mapping[str, str]]:
    """What keeps it from being on: {at, kind, why}."""
    day, address = caller.now.date(), caller.runtime.settings.outside_url
    asked = dict.fromkeys([*caller.store.languages, *plan.own.texts])
    sampled = {one: samples.values(caller.store, one, day, address) for one in asked}
    say = plain_speech("en")
    for one in revisions.problems(plan.journey, plan.own.texts, sampled):
        step = plan.journey.course[one.step].step
        text = getattr(step, "text", "")
        at = ".".join(("texts", one.language, text, one.field)) if one.language else (
            f"steps.{one.step}.{one.field}"
        )  # fmt: skip
        why = (
            f"from 60 seconds on, and all waits together less than {plan.journey.valid_for}."
            if one.mistake.kind == "late"
            else mistake(say, one.mistake)
        )
        yield {"at": at, "kind": one.mistake.kind, "why": why}


@router.delete("/{recipe}", summary="Take an automation of the store's own off the list")
async def take_off(recipe: Key, caller: MarketerKey) -> Taken:
    """It is switched off and stands on no list; what it did stays. Ready ones are switched off."""
    async with caller.transaction() as tx:
        plan = await known(tx, caller, recipe)
        if not is_own(recipe):
            raise HTTPException(422, "A ready automation stays on the list: switch it off.")
        if plan.own.is_gone:
            return Taken(accepted=False)
        own = replace(plan.own, is_on=False, is_gone=True, version=plan.own.version + 1)
        if not await automations.save(tx, caller.store.id, recipe, own, caller.now, None):
            raise AGAIN
        await caller.audit(tx, "automation.removed", recipe)
    return Taken(accepted=True)


# ------------------------------------------------------------------ its past


@router.get("/{recipe}/versions", summary="Versions of an automation")
async def versions(recipe: Key, caller: ViewerKey) -> list[Shown]:
    """The newest first, as far as they are kept for a page."""
    async with caller.transaction() as tx:
        await known(tx, caller, recipe)
        found = await automations.versions(tx, caller.store.id, recipe)
        plans = await automations.plans(tx, caller.store.id)
    return [
        {
            "version": one.own.version, "is_on": one.own.is_on, "changed_at": one.changed_at,
            "changed_by": one.changed_by,
            "journey": plain(plan.journey) if plan else None, "texts": one.own.texts,
        }
        for one in found
        for plan in [plans.of(recipe, one.own.version)]
    ]  # fmt: skip


class Back(Told):
    """Which version."""

    version: int = Field(ge=0, description="0: as it comes with Ringdove.")


@router.post("/{recipe}/restore", summary="Back to an older version")
async def restore(recipe: Key, wish: Back, caller: MarketerKey) -> Shown:
    """Its steps and texts as a new version; whether it is on stays as it is."""
    async with caller.transaction() as tx:
        plan = await known(tx, caller, recipe)
        plans = await automations.plans(tx, caller.store.id)
        some = plans.versions.get(recipe, ())
        own = next((one for one in some if one.version == wish.version), None)
        old = plan_of(recipe, own) if own or wish.version == 0 else None
        if old is None:
            raise HTTPException(404, "No version has this number: ask for the list of versions.")
        deed = "automation.changed"
        return await _keep(tx, caller, old.journey, old.own.texts, plan.own, plan.own, deed)


# ------------------------------------------------------------------ files


@router.get("/{recipe}/file", summary="An automation as a file")
async def automation_file(recipe: Key, caller: ViewerKey) -> Shown:
    """To be read, kept and carried to another store, with the segments that it asks for."""
    async with caller.transaction() as tx:
        return await automation_checks.file_of(
            tx, caller.store, await known(tx, caller, recipe), caller.store.languages[0]
        )


class File(Told):
    """A file of an automation."""

    file: dict[str, Any] = Field(description="As GET …/{recipe}/file gives it.")
    replace: bool = Field(
        False, description="Take it in place of what the store made of the same ready automation."
    )


@router.post("/file", status_code=201, summary="Take an automation from a file")
async def take_file(wish: File, caller: MarketerKey) -> Shown:
    """A ready one becomes what the file says; a store's own becomes a new one, off. Segments that
    the store lacks are made; those of the same name are its own."""
    async with caller.transaction() as tx:
        try:
            taken, named = await automation_checks.taken(
                tx, caller.store, wish.file, caller.now, caller.audit
            )
        except FileWrong as error:
            raise HTTPException(422, str(error)) from None
        if taken.is_ready:
            key, journey = taken.key, taken.journey(taken.key, named)
        else:
            key = await next_own(tx, caller.store.id)
            journey = automation_checks.as_own(taken, key, named, "From a file")
        before = Automation(is_on=False)
        if taken.is_ready:
            before = (await known(tx, caller, key)).own
            is_changed = before.plan is not None or before.steps or before.texts
            if is_changed and not wish.replace:
                raise HTTPException(
                    409, "The store has changed this automation itself: say replace, or keep it."
                )
        deed = "automation.taken_from_file"
        return await _keep(tx, caller, journey, taken.texts, before, before, deed)
