"""What an automation leans on in its store: offers, segments, fields and people that must be there;
and automations as files with those that they name."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from ringdove.kit.db import Tx
from ringdove.records.offers import rewards
from ringdove.records.people import own_fields
from ringdove.records.segments import segments
from ringdove.records.store import users
from ringdove.records.surveys import surveys
from ringdove.rules.automations import automation_files
from ringdove.rules.automations.automation_files import FileWrong, Taken
from ringdove.rules.automations.journeys import ClockStrikes, Enters, Journey
from ringdove.rules.automations.plans import Plan
from ringdove.rules.scenes import Store
from ringdove.rules.segments import segment_files
from ringdove.rules.segments import segments as trees
from ringdove.rules.segments.segments import Node, NoSegment, TooLarge
from ringdove.rules.steps.alert import Alert
from ringdove.rules.steps.ask import Ask
from ringdove.rules.steps.branch import Branch
from ringdove.rules.steps.give import Give
from ringdove.rules.steps.send import Send
from ringdove.web.reasons import title
from ringdove.web.segments import segment_checks

NAME_MAX = 120
Audit = Callable[..., Awaitable[None]]


async def missing(tx: Tx, store: Store, journey: Journey) -> list[str]:
    """What it names and the store has not, with its place, in reading order: it would silently do
    nothing."""
    offers = {one.id for one in await rewards.of_store(tx, store.id)}
    fields = await own_fields.of_store(tx, store)
    team = {one.id for one in await users.members(tx, store.id)}
    known_surveys = await surveys.load(tx, store.id)
    known = {one.id: one.tree for one in await segments.of_store(tx, store)}
    found = []
    for at, tree in conditions(journey):
        if wrong := await segment_checks.missing(tx, store, tree):
            found.append(".".join(filter(None, (at, *wrong))))
        try:
            for _leaf in trees.whole(tree, known):
                pass  # what it names is there, and in no ring
        except (NoSegment, TooLarge) as error:
            found.append(f"{at}: {error}")
    for step_id, place in journey.course.items():
        at = f"steps ({step_id})"
        match place.step:
            case Give(offer=int(offer)) if offer not in offers:
                found.append(f"{at}.offer: no offer has the number {offer}.")
            case Give(tag=str(key)) | Give(field=str(key)) if key not in fields:
                found.append(f"{at}: the store keeps no field {key!r}: make it first.")
            case Alert(owner=owner) if owner and owner not in team:
                found.append(f"{at}.owner: nobody of this number belongs to the store.")
            case Ask(keep_in=key) if key and key not in fields:
                found.append(f"{at}.keep_in: the store keeps no field {key!r}: make it first.")
            case Send(offer=offer) if offer and offer not in offers:
                found.append(f"{at}.offer: no offer has the number {offer}.")
        if isinstance(place.step, Send) and place.step.survey not in ("", *known_surveys):
            found.append(f"{at}.survey: no survey has the key {place.step.survey!r}.")
    return found


def conditions(journey: Journey) -> Iterator[tuple[str, Node]]:
    """All that it asks of people, with where it stands."""
    if isinstance(journey.trigger, Enters | ClockStrikes):
        yield "trigger.who", journey.trigger.who
    if journey.when is not None:
        yield "when", journey.when
    for step_id, place in journey.course.items():
        if isinstance(place.step, Branch) and place.step.person is not None:
            yield f"steps ({step_id}).person", place.step.person


# ------------------------------------------------------------------ files


async def file_of(tx: Tx, store: Store, plan: Plan, language: str) -> dict[str, Any]:
    """The automation as a file."""
    known = {one.id: (one.name, one.tree) for one in await segments.of_store(tx, store)}
    offers = {one.id: one.name for one in await rewards.of_store(tx, store.id)}
    name = plan.journey.name or title(plan.journey.key, language)
    return automation_files.to_file(plan, name, known, offers)


async def taken(
    tx: Tx, store: Store, document: Any, now: datetime, audit: Audit
) -> tuple[Taken, dict[str, int]]:
    """What a file holds, and the numbers of segments by name; those that the store lacks are made
    now. Raises FileWrong."""
    known = {one.name: one.id for one in await segments.of_store(tx, store)}
    # Of two offers of one name the newest that is still given.
    offers = {one.name: one.id for one in reversed(await rewards.of_store(tx, store.id))}
    told = automation_files.from_file(document, known, offers)
    try:
        made = await _make_segments(tx, store, told, known, now)
    except (NoSegment, TooLarge, segments.TooMany) as error:
        raise FileWrong(str(error)) from None
    for name, number in made.items():
        await audit(tx, "segment.created", name, id=number)
    return told, known | made


def as_own(told: Taken, key: str, numbers: Mapping[str, int], unnamed: str) -> Journey:
    """The journey of a file as one of the store's own, which has a name. Raises FileWrong."""
    journey = told.journey(key, numbers)
    fields = {name: getattr(journey, name) for name in Journey.model_fields}
    name = journey.name or told.title[:NAME_MAX].strip() or unnamed
    return Journey.model_validate({**fields, "name": name, "starts_on": False})


async def _make_segments(
    tx: Tx, store: Store, told: Taken, known: Mapping[str, int], now: datetime
) -> dict[str, int]:
    made: dict[str, int] = {}
    for name, raw in told.segments:
        try:
            tree = trees.TREE.validate_python(segment_files.with_numbers(raw, {**known, **made}))
        except ValidationError as error:
            one = error.errors()[0]
            raise FileWrong(f"{name}, {trees.path_of(one['loc'])}: {one['msg']}") from None
        made[name] = await segments.create(tx, store, name, tree, now)
    return made
