"""A run takes its steps, until it waits or is done."""

from dataclasses import replace
from datetime import datetime, timedelta

from ringdove.rules import facts
from ringdove.rules.automations import giving, occasions, saying, wording
from ringdove.rules.automations.occasions import Occasion
from ringdove.rules.automations.plans import Plan
from ringdove.rules.effects import Count, HearLater, SaveEnrollment
from ringdove.rules.scenes import Enrollment, Scene
from ringdove.rules.segments import pictures
from ringdove.rules.segments.picture_news import picture_now
from ringdove.rules.segments.segments import Node, NoSegment
from ringdove.rules.steps.alert import Alert
from ringdove.rules.steps.ask import Ask
from ringdove.rules.steps.branch import Branch
from ringdove.rules.steps.give import Give
from ringdove.rules.steps.leave import Leave
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.wait import Wait

FULL = 1 << 64


def end(scene: Scene, run: Enrollment, reason: str) -> None:
    """The run is stopped where it stands."""
    scene.happens(
        SaveEnrollment(replace(run, state="stopped", reason=reason, wake_at=None)),
        Count(f"step/{run.recipe}/{run.place}/{reason}"),
    )


def go_on(scene: Scene, plan: Plan, run: Enrollment, occasion: Occasion, now: datetime) -> None:
    """Goes on with a run that waited, behind the step at which it stands; `occasion`: what began
    it. A run finishes on the version it began with, but not when its automation was switched off
    since."""
    newest = scene.plans.newest.get(run.recipe)
    if newest is None or newest.own.is_gone or not newest.own.is_on:
        end(scene, run, "switched_off")
        return
    place = plan.journey.course.get(run.place)
    after = place.after if place else ""
    scene.happens(Count(f"step/{run.recipe}/{run.place}/passed"))
    running = replace(run, place=after, state="running", wake_at=None)
    advance(scene, plan, running, occasion, now)


def remembered(scene: Scene, run: Enrollment) -> Occasion:
    """What began a run that waits."""
    fact = facts.ANY.validate_python(dict(run.trigger))
    order = scene.orders.get(run.order_id) if run.order_id else None
    return Occasion(fact, run.contact_id, run.subject.rpartition("/")[0], order)


def advance(scene: Scene, plan: Plan, run: Enrollment, occasion: Occasion, now: datetime) -> None:
    """Takes steps from where the run stands until it waits or is done. Raises Wanted for a scene
    that was loaded without what a step needs."""
    course, place = plan.journey.course, run.place
    while place:
        if place not in course:  # of a version that is not known any more
            place = ""
            break
        step, after, _ = course[place]
        if run.place != place:
            run = run if run.place == place else replace(run, place=place)
        if not step.is_on:
            place = after
            continue
        match step:
            case Wait() if (over_at := _over_at(scene, step, run, occasion, now)) > now:
                _rest(scene, run, occasion, over_at)
                return
            case Ask():
                asked = saying.say(scene, plan, step, run, occasion, now)
                if asked and asked.state == "waiting":
                    run = _spoke(run)
                    memory = {**run.memory, "answer": "", "asked_at": asked.due_at.isoformat()}
                    if step.survey:
                        memory["asking"] = asked.id
                    within = timedelta(seconds=step.within)
                    _rest(scene, replace(run, memory=memory), occasion, asked.due_at + within)
                    return
            case Send():
                said = saying.say(scene, plan, step, run, occasion, now)
                if said and said.state == "waiting":
                    run = _spoke(run)
            case Branch():
                way = step.then if _takes(scene, step, run, occasion, now) else step.otherwise
                after = way[0].id if way else after
            case Give():
                run = _spoke(giving.give(scene, step, run, now))
            case Alert():
                giving.alert(scene, step, run, occasion, now)
                run = _spoke(run)
            case Leave(reason=reason):
                end(scene, run, reason or "left")
                return
        scene.happens(Count(f"step/{run.recipe}/{place}/passed"))
        place = after
    trigger = run.trigger
    if plan.journey.again_after is not None and not trigger:
        trigger = {"at": occasion.fact.at.isoformat()}  # from then on it is counted
    memory = {name: kept for name, kept in run.memory.items() if name != "said"}
    done = replace(run, place="", state="done", wake_at=None, trigger=trigger, memory=memory)
    scene.happens(SaveEnrollment(done))


def _spoke(run: Enrollment) -> Enrollment:
    """It said, asked, gave or told something, which it does not do twice though it begins anew."""
    return replace(run, memory={**run.memory, "said": True})


def _over_at(
    scene: Scene, step: Wait, run: Enrollment, occasion: Occasion, now: datetime
) -> datetime:
    zone = wording.zone_of(scene.store, scene.contacts[run.contact_id])
    promise = occasion.fact if isinstance(occasion.fact, facts.DeliveryPromised) else None
    if step.after_promise and promise:
        return step.over_at(promise.promised_until or promise.promised_from, zone)
    return step.over_at(now, zone)


def _rest(scene: Scene, run: Enrollment, occasion: Occasion, until: datetime) -> None:
    """The run waits at its step. The trigger is kept for when it goes on."""
    if not (run.trigger or occasion.trigger):
        occasion.trigger.update(wording.trigger_values(occasion.fact))
    trigger = run.trigger or occasion.trigger
    waiting = replace(run, state="waiting", wake_at=until, trigger=trigger)
    later = HearLater(
        # The time is in it: a run that is begun anew waits at the same step once more, perhaps in
        # the same second.
        id=f"enrollment/{run.id}/{run.place}/{until.timestamp():.6f}",
        kind="automation.woken",
        subject=f"contact/{run.contact_id}",
        at=until,
        body={"enrollment": run.id, "contact": run.contact_id, "place": run.place},
    )
    scene.happens(SaveEnrollment(waiting), later)


# ------------------------------------------------------------------ asking


def holds(scene: Scene, tree: Node, occasion: Occasion, now: datetime) -> bool:
    """Whether a condition holds of the person; one that asks for a segment that is not there means
    nobody. Raises PictureWanted."""
    try:
        return pictures.holds(tree, picture_now(scene, occasion.contact_id), now)[0]
    except NoSegment:
        return False


def chance(scene: Scene, contact_id: int, *about: str) -> float:
    """From 0 to below 1, the same for a person and what it is about whenever asked."""
    person = scene.person(contact_id).id
    return int(scene.keyed("/".join(("chance", *about, str(person))))[:16], 16) / FULL


def _takes(scene: Scene, step: Branch, run: Enrollment, occasion: Occasion, now: datetime) -> bool:
    answer = str(run.memory.get("answer", "")).casefold()
    if step.person is not None:
        return holds(scene, step.person, occasion, now)
    if step.heard:
        return not {*step.heard}.isdisjoint(run.memory.get("heard", ()))
    if step.about is not None:
        return occasions.means(step.about, occasion, scene)
    if step.percent is not None:
        return chance(scene, run.contact_id, run.recipe, step.id) * 100 < step.percent
    if step.answer:
        return any(word.casefold() in answer for word in step.answer)
    number = giving.first_number(answer)
    return number is not None and step.answer_number is not None and step.answer_number.has(number)
