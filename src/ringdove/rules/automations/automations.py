"""The engine: a fact begins a run of an automation, a run takes its steps, a fact can end it.

`hear` is asked once for every fact about a person: it ends runs that the fact makes pointless
(R64, P3), lets those go on that waited for it, and begins new ones. A run is one row by automation
and subject; that is what makes a text be said once (R56). Runs finish on the version they began
with (walking.py takes their steps). Pure: the same facts make the same runs.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from ringdove.rules import facts
from ringdove.rules.automations import occasions, walking
from ringdove.rules.automations.journeys import Heard, Journey
from ringdove.rules.automations.occasions import BOUGHT_SLACK, Occasion
from ringdove.rules.automations.plans import Plan
from ringdove.rules.effects import Count, SaveEnrollment
from ringdove.rules.scenes import Enrollment, Scene
from ringdove.rules.steps.ask import Ask
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.wait import Wait


def hear(scene: Scene, occasion: Occasion, now: datetime) -> None:
    """All that automations make of a fact about somebody."""
    for run in scene.waiting_runs(occasions.all_names(scene, occasion.contact_id)):
        plan = scene.plans.of(run.recipe, run.version)
        if plan and not occasion.words.isdisjoint(plan.journey.noticed):
            _notice(scene, plan, run, occasion, now)
    if occasion.order and occasion.order.state == "removed":
        return  # about an order that the shop has put in the trash nothing more is said
    for plan in scene.plans.by_fact.get(occasion.kind, ()):
        trigger = plan.journey.trigger
        if isinstance(trigger, Heard) and occasions.means(trigger.where, occasion, scene):
            begin(scene, plan, occasion, now)


# ------------------------------------------------------------------ beginning


def begin(scene: Scene, plan: Plan, occasion: Occasion, now: datetime) -> None:
    """A run for this occasion, unless there is or was one that forbids it. Raises PictureWanted."""
    journey, own = plan.journey, plan.own
    says_at_once = isinstance(journey.steps[0], Send)
    if not own.is_on and not (occasion.order and says_at_once):
        return  # only of a text that somebody may miss is it noted that it was switched off
    subject = _subject(journey, occasion)
    known = scene.enrollments.get((journey.key, subject))
    if known and not _may_begin_again(journey, known, occasion):
        return
    if _is_too_late(scene, journey, occasion):
        return
    if journey.when is not None and not walking.holds(scene, journey.when, occasion, now):
        return
    run = Enrollment(
        id=known.id if known else scene.make_id_beside(occasion.contact_id),
        recipe=journey.key,
        subject=subject,
        contact_id=known.contact_id if known else occasion.contact_id,
        order_id=occasion.order.id if occasion.order else None,
        version=own.version,
        place=journey.first,
        state="running",
        trigger={},
        started_at=now,
    )
    if not own.is_on:
        scene.happens(SaveEnrollment(replace(run, state="stopped", reason="switched_off")))
    elif _is_held_out(scene, journey, occasion):
        scene.happens(
            SaveEnrollment(replace(run, state="stopped", reason="holdout")),
            Count(f"step/{journey.key}//holdout"),
        )
    else:
        scene.happens(Count("enrolled"), Count(f"step/{journey.key}//began"))
        walking.advance(scene, plan, run, occasion, now)


def _is_held_out(scene: Scene, journey: Journey, occasion: Occasion) -> bool:
    """By chance; who is left alone by one automation is spoken to by another."""
    percent = journey.holdout_percent
    if not percent:
        return False
    return walking.chance(scene, occasion.contact_id, "holdout", journey.key) * 100 < percent


def _subject(journey: Journey, occasion: Occasion) -> str:
    below = journey.about.format_map(vars(occasion.fact)) or journey.key
    return f"{occasion.subject}/{below}"


def _may_begin_again(journey: Journey, known: Enrollment, occasion: Occasion) -> bool:
    if known.state == "waiting":
        return journey.restarts and occasion.fact.at > triggered_at(known)
    if journey.again_after is None:
        return False
    return occasion.fact.at - triggered_at(known) >= timedelta(seconds=journey.again_after)


def triggered_at(run: Enrollment) -> datetime:
    """When that happened which began the run."""
    told = run.trigger.get("at")
    return datetime.fromisoformat(told) if isinstance(told, str) else run.started_at


def _is_too_late(scene: Scene, journey: Journey, occasion: Occasion) -> bool:
    """Whether what would end the run has happened before its beginning was heard of."""
    ends, order = {*journey.stopped_by, *journey.stopped_by_any}, occasion.order
    if order:
        if "order.cancelled" in ends and order.cancelled_at:
            return True
        return "payment.received" in ends and order.paid_at is not None
    if "order.placed" in ends:
        bought = scene.person(occasion.contact_id).last_order_at
        return bought is not None and bought >= occasion.fact.at - BOUGHT_SLACK
    return False


# ------------------------------------------------------------------ what comes while it waits


def _notice(scene: Scene, plan: Plan, run: Enrollment, occasion: Occasion, now: datetime) -> None:
    """Ends the run, lets it go on, or notes the fact for a branch that will ask for it."""
    journey, words, is_same = plan.journey, occasion.words, occasion.is_about(run)
    ends = {*journey.stopped_by_any, *(journey.stopped_by if is_same else ())}
    if ends & words and occasion.fact.at >= triggered_at(run) - BOUGHT_SLACK:
        walking.end(scene, run, occasion.kind)
        return
    if not is_same:
        return
    heard = sorted({*run.memory.get("heard", ()), *words & journey.noticed})
    run = replace(run, memory={**run.memory, "heard": heard})
    place = journey.course.get(run.place)
    match place.step if place else None:
        case Wait(until=until) if not words.isdisjoint(until):
            walking.go_on(scene, plan, run, now)
        case Ask() if isinstance(occasion.fact, facts.TextReceived):
            answered = replace(run, memory={**run.memory, "answer": occasion.fact.body[:500]})
            walking.go_on(scene, plan, answered, now)
        case _:
            scene.happens(SaveEnrollment(run))


def wake(scene: Scene, fact: facts.WokenUp, now: datetime) -> None:
    """Goes on with a run whose time has come, unless it was ended, has gone on or was begun anew
    meanwhile."""
    place = fact.place or f"s{fact.step - 1}"
    for run in scene.waiting_runs(occasions.all_names(scene, fact.contact)):
        if run.id == fact.enrollment and run.place == place and run.wake_at == fact.at:
            plan = scene.plans.of(run.recipe, run.version)
            if plan is None:
                walking.end(scene, run, "gone")
            else:
                walking.go_on(scene, plan, run, now)


def due(scene: Scene, fact: facts.DueCame, now: datetime) -> None:
    """Begins an automation whose time has come for somebody: a date, a wish that can be granted."""
    plan = scene.plans.newest.get(fact.automation)
    if plan and not plan.own.is_gone and fact.contact in scene.contacts:
        person = scene.person(fact.contact)
        begin(scene, plan, occasions.of_person(fact, person.id), now)


def leave_marketing(scene: Scene, contact_id: int, reason: str) -> None:
    """Ends this person's waiting runs that could still say something commercial."""
    for run in scene.waiting_runs([contact_id]):
        plan = scene.plans.of(run.recipe, run.version)
        if plan is None or any(step.klass == "marketing" for step in plan.journey.sends()):
            walking.end(scene, run, reason)
