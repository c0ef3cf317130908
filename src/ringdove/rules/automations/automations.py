"""The engine: a fact begins a run of an automation, a run takes its steps, a fact can end it.

begin() makes at most one enrollment per recipe and subject, ever; that is what makes a text be said
once (R56). advance() takes steps until a wait or the end. stop() ends runs that a fact makes
pointless (R64). Runs finish on the version they began with.
"""

from dataclasses import replace
from datetime import datetime

from ringdove.rules import facts, languages
from ringdove.rules.automations import recipes, wording
from ringdove.rules.automations.recipes import Recipe, Step
from ringdove.rules.effects import Count, HearLater, SaveEnrollment
from ringdove.rules.messages import Letter, language_of, speak
from ringdove.rules.scenes import Automation, Enrollment, Order, Scene
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.wait import Wait


def begin(scene: Scene, fact: facts.Fact, order: Order, now: datetime) -> None:
    """Starts every automation that this fact triggers and that has not run for its subject. About
    an order that the shop has put in the trash nothing more is said."""
    if order.state == "removed":
        return
    for recipe in recipes.triggered_by(fact.kind):  # type: ignore[attr-defined]
        if recipe.when(fact, order):
            _start(scene, recipe, fact, order, now)


def _start(scene: Scene, recipe: Recipe, fact: facts.Fact, order: Order, now: datetime) -> None:
    subject = f"order/{order.key}/" + recipe.subject.format_map(vars(fact))
    if (recipe.key, subject) in scene.enrollments:
        return
    own = automation_of(scene, recipe)
    run = Enrollment(
        id=scene.make_id_beside(order.contact_id),
        recipe=recipe.key,
        subject=subject,
        contact_id=order.contact_id,
        order_id=order.id,
        version=own.version,
        step=0,
        state="running",
        trigger={},
        started_at=now,
    )
    if not own.is_on:
        scene.happens(SaveEnrollment(replace(run, state="stopped", reason="switched_off")))
        return
    scene.happens(Count("enrolled"))
    advance(scene, recipe, run, fact, now)


def automation_of(scene: Scene, recipe: Recipe, version: int | None = None) -> Automation:
    """The store's own form of a recipe, in this version or the newest."""
    versions = scene.automations.get(recipe.key, [])
    for own in versions:
        if version is None or own.version == version:
            return own
    return Automation(is_on=recipe.starts_on)


def steps_of(recipe: Recipe, own: Automation) -> list[Step]:
    """The recipe's steps with the store's changes."""
    if not own.steps:
        return list(recipe.steps)
    return [step.changed(own.steps.get(str(n), {})) for n, step in enumerate(recipe.steps)]


def advance(scene: Scene, recipe: Recipe, run: Enrollment, fact: facts.Fact, now: datetime) -> None:
    """Takes steps from where the run stands until it waits or is done."""
    own = automation_of(scene, recipe, run.version)
    steps = steps_of(recipe, own)
    for n, step in enumerate(steps[run.step :], run.step + 1):
        match step:
            case Send(is_on=True):
                _say(scene, recipe, own, step, run, fact, now)
            case Wait(is_on=True):
                wake_at = now + step.delay
                # Kept for the run that goes on later; one that ends now needs no memory.
                trigger = run.trigger or wording.trigger_values(fact)
                waiting = replace(run, step=n, state="waiting", wake_at=wake_at, trigger=trigger)
                scene.happens(SaveEnrollment(waiting), _wake_up(waiting, wake_at))
                return
    scene.happens(SaveEnrollment(replace(run, step=len(steps), state="done", wake_at=None)))


def _wake_up(run: Enrollment, at: datetime) -> HearLater:
    return HearLater(
        id=f"enrollment/{run.id}/{run.step}",
        kind="automation.woken",
        subject=f"contact/{run.contact_id}",
        at=at,
        body={"enrollment": run.id, "contact": run.contact_id, "step": run.step},
    )


def wake(scene: Scene, fact: facts.WokenUp, now: datetime) -> None:
    """Goes on with a run whose time has come, unless it was ended or has gone on meanwhile."""
    for run in list(scene.enrollments.values()):
        if run.id == fact.enrollment and run.state == "waiting" and run.step == fact.step:
            trigger = facts.ANY.validate_python(dict(run.trigger))
            recipe = recipes.RECIPES[run.recipe]
            advance(scene, recipe, replace(run, state="running"), trigger, now)


def stop(scene: Scene, fact: facts.Fact, order: Order) -> None:
    """Ends the waiting runs about this order that the fact makes pointless."""
    kind: str = fact.kind  # type: ignore[attr-defined]
    for recipe in recipes.stopped_by(kind):
        for run in _runs_about(scene, recipe, order):
            if run.state == "waiting":
                scene.happens(SaveEnrollment(replace(run, state="stopped", reason=kind)))


def _runs_about(scene: Scene, recipe: Recipe, order: Order) -> list[Enrollment]:
    if "{" not in recipe.subject:  # there can be one only, and its name is known
        run = scene.enrollments.get((recipe.key, f"order/{order.key}/{recipe.subject}"))
        return [run] if run else []
    every = scene.enrollments.values()
    return [run for run in every if run.recipe == recipe.key and run.order_id == order.id]


def leave_marketing(scene: Scene, contact_id: int, reason: str) -> None:
    """Ends this person's waiting runs that would still say something commercial."""
    for run in list(scene.enrollments.values()):
        steps = recipes.RECIPES[run.recipe].steps[run.step :]
        commercial = any(isinstance(step, Send) and step.klass == "marketing" for step in steps)
        if run.contact_id == contact_id and run.state == "waiting" and commercial:
            scene.happens(SaveEnrollment(replace(run, state="stopped", reason=reason)))


def _say(
    scene: Scene,
    recipe: Recipe,
    own: Automation,
    step: Send,
    run: Enrollment,
    fact: facts.Fact,
    now: datetime,
) -> None:
    person = scene.contacts[run.contact_id]
    order = scene.orders.get(run.order_id) if run.order_id else None
    if step.channel == "email" and not person.email:
        return  # the SMS that follows says it (P9: a customer may have no e-mail)
    language = language_of(scene, person)
    speak(
        scene,
        Letter(
            contact=person,
            channel=step.channel,
            klass=step.klass,
            topic=recipe.topic,
            cause="automation",
            words=words_of(own, step.text, language),
            values=wording.values_of(scene, person, order, fact, language),
            language=language,
            why=f"automation/{recipe.key}/{fact.kind}",  # type: ignore[attr-defined]
            not_before=now,
            not_after=fact.at + recipe.valid_for,
            recipe=recipe.key,
            enrollment_id=run.id,
            order_id=run.order_id,
            guard=step.guard,
            in_daytime=step.in_daytime,
            # An automation is an occasion itself: a birthday, a cart that was left (R13).
            occasion=recipe.key if step.klass == "marketing" else "",
        ),
        now,
    )


def words_of(own: Automation, text: str, language: str) -> dict[str, str]:
    """The words of a text: the recipe's own in this language, with the store's over them."""
    ready = languages.phrases(language)["recipes"][text]
    return {**ready, **own.texts.get(language, {}).get(text, {})}
