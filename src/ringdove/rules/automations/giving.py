"""What a step gives to a person, and what it tells the staff to do."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ringdove.rules import texts
from ringdove.rules.automations import wording
from ringdove.rules.automations.occasions import Occasion
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.effects import Count, CountWay, GiveReward, SaveContact, SaveTask
from ringdove.rules.offers import rewards
from ringdove.rules.people import own_fields
from ringdove.rules.scenes import Contact, Enrollment, Scene
from ringdove.rules.steps.alert import Alert
from ringdove.rules.steps.ask import Ask
from ringdove.rules.steps.give import Give
from ringdove.rules.wants import CodeWish, FieldsWanted

SAID_MAX = 1_000


def give(scene: Scene, step: Give, run: Enrollment, now: datetime) -> Enrollment:
    """Gives it; the run remembers a code for the texts that follow. Raises Wanted."""
    person = scene.person(run.contact_id)
    if step.points:
        _note(scene, person, 0, now, points=step.points)
    elif step.offer:
        offer = scene.chosen.offer(step.offer)
        return _offered(scene, person, offer, run, now) if offer else run
    elif not write_field(
        scene, person, step.tag or step.field or "", step.tag is not None or step.value
    ):
        scene.happens(Count(f"step/{run.recipe}/{step.id}/no_field"))
    return run


def _offered(
    scene: Scene, person: Contact, offer: Reward, run: Enrollment, now: datetime
) -> Enrollment:
    _, code = hand_over(scene, person, offer, now)
    given = {"offer": offer.id, "code": code, "given_at": now.isoformat()}
    return replace(run, memory={**run.memory, **given})


def hand_over(scene: Scene, person: Contact, offer: Reward, now: datetime) -> tuple[bool, str]:
    """Gives an offer to a person: whether there is any to give, and its code. The same code when it
    is given again. Without a code that is still to be chosen, the batch is answered again."""
    code = ""
    if offer.kind == "code":
        code = scene.chosen.code_for(CodeWish(offer.id, person.id))
    is_given = bool(code) or (offer.kind != "code" and rewards.may_be_given(offer, now))
    if is_given and not offer.from_list:  # a list's were noted as they were taken off it
        points = offer.points if offer.kind == "points" else 0
        _note(scene, person, offer.id, now, points=points, code=code, until=offer.ends(now))
    if is_given and offer.kind != "code":  # codes were counted as they were made
        scene.happens(CountWay(f"reward/{offer.id}/given"))
    return is_given, code


def _note(
    scene: Scene, person: Contact, reward_id: int, now: datetime, *, points: int, code: str = "",
    until: datetime | None = None,
) -> None:  # fmt: skip
    scene.happens(
        GiveReward(
            scene.make_id_beside(person.id), person.id, reward_id, now, code, is_own=False,
            from_pool=False, points=points, valid_until=until, is_welcome=False,
        )
    )  # fmt: skip


def write_field(scene: Scene, person: Contact, key: str, value: Any) -> bool:
    """Writes a field of the store's own; False: there is none, or it does not take this value.
    Raises FieldsWanted."""
    if not scene.knows_fields:
        raise FieldsWanted(key)
    kept = own_fields.kept(scene.own_fields, {key: value})
    if key not in kept:
        return False
    known = {**person.fields, **kept}
    told = {name: one for name, one in known.items() if one is not None}
    if told != person.fields:
        scene.happens(SaveContact(replace(person, fields=told)))
    return True


def keep_answer(scene: Scene, step: Ask, run: Enrollment, said: str) -> None:
    """An answer in a field of the store's own, where the question names one: a number's first
    number, else all of it. Raises FieldsWanted."""
    if step.keep_in:
        person = scene.person(run.contact_id)
        number = first_number(said)
        if not write_field(scene, person, step.keep_in, said) and number is not None:
            write_field(scene, person, step.keep_in, number)


def first_number(text: str) -> int | None:
    """The first whole number in a text."""
    digits = ""
    for letter in text:
        if letter.isascii() and letter.isdigit() and len(digits) < 9:
            digits += letter
        elif digits:
            break
    return int(digits) if digits else None


def alert(scene: Scene, step: Alert, run: Enrollment, occasion: Occasion, now: datetime) -> None:
    """A task for the staff, in the words of the store."""
    person = scene.contacts[run.contact_id]
    language = scene.store.languages[0]
    values = wording.values_of(scene, person, occasion.order, occasion.fact, language)
    answer = {"answer": {"text": str(run.memory.get("answer", ""))}}
    try:
        said = texts.render(step.said, values | answer)[:SAID_MAX]
    except texts.TemplateBroken:
        said = step.said  # better as it was written than not at all
    scene.happens(
        SaveTask(
            id=scene.make_id_beside(run.contact_id),
            contact_id=run.contact_id,
            order_id=run.order_id,
            recipe=run.recipe,
            enrollment_id=run.id,
            said=said,
            owner=step.owner,
            due_at=now + timedelta(seconds=step.due),
            created_at=now,
            tell=step.to,
        )
    )
