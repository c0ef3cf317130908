"""The engine: a fact begins a run of an automation, a run takes its steps, a fact can end it.

`hear` is asked once for every fact about a person: it ends runs that the fact makes pointless
(R64, P3), lets those go on that waited for it, and begins new ones. A run is one row by automation
and subject; that is what makes a text be said once (R56). Runs finish on the version they began
with (walking.py takes their steps). Pure: the same facts make the same runs.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ringdove.rules import facts
from ringdove.rules.automations import giving, occasions, walking, wording
from ringdove.rules.automations.journeys import Heard, Journey
from ringdove.rules.automations.occasions import BOUGHT_SLACK, Occasion
from ringdove.rules.automations.plans import Plan, Plans
from ringdove.rules.effects import Count, SaveEnrollment
from ringdove.rules.scenes import Enrollment, Scene
from ringdove.rules.steps.ask import Ask
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.wait import Wait

TOLD_LATE = timedelta(hours=1)
ABOUT_MAX = 400  # letters
ANSWER_MAX = 500  # letters of an answer that are kept
ANSWERING = frozenset({"text.received"})
ANSWERING_SURVEY = frozenset({"survey.answered"})


def hear(scene: Scene, occasion: Occasion, now: datetime) -> None:
    """All that automations make of a fact about somebody. Raises Wanted."""
    runs = scene.waiting_runs(occasions.all_names(scene, occasion.contact_id))
    answered = _answered(scene, occasion, runs)
    for run in runs:
        plan = scene.plans.of(run.recipe, run.version)
        if plan and not occasion.words.isdisjoint(plan.journey.noticed):
            _notice(scene, plan, run, occasion, now, is_answer=run is answered)
    if occasion.order and occasion.order.state == "removed":
        return  # about an order that the shop has put in the trash nothing more is said
    for plan in scene.plans.by_fact.get(occasion.kind, ()):
        trigger = plan.journey.trigger
        if isinstance(trigger, Heard) and occasions.means(trigger.where, occasion, scene):
            begin(scene, plan, occasion, now)


# ------------------------------------------------------------------ beginning


def begin(scene: Scene, plan: Plan, occasion: Occasion, now: datetime) -> None:
    """A run for this occasion, unless there is or was one that forbids it. Raises Wanted."""
    journey, own = plan.journey, plan.own
    says_at_once = isinstance(journey.steps[0], Send)
    if not own.is_on and not (occasion.order and says_at_once):
        return  # only of a text that somebody may miss is it noted that it was switched off
    subject, known = _known(scene, journey, occasion)
    if known and not _may_begin_again(journey, known, occasion):
        return
    if _ended(scene, journey, occasion):
        return
    if journey.when is not None and not walking.holds(scene, journey.when, occasion, now):
        return
    waits = known if known and known.state == "waiting" else None
    has_spoken = waits is not None and "said" in waits.memory
    if waits and has_spoken and (waits.version != own.version or _question(scene, waits)):
        return  # it goes on as it began; what was asked waits for its answer
    if journey.is_offer and not _is_alone(scene, journey, known, occasion):
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
    if waits and has_spoken:
        # What was said is not said again: the wait for what follows begins anew.
        run = replace(run, place=waits.place, memory=waits.memory)
    elif waits:
        scene.happens(Count(f"step/{journey.key}/{waits.place}/anew"))
    if not own.is_on:
        scene.happens(SaveEnrollment(replace(run, state="stopped", reason="switched_off")))
    elif _is_held_out(scene, journey, occasion):
        scene.happens(
            SaveEnrollment(replace(run, state="stopped", reason="holdout")),
            Count(f"step/{journey.key}//holdout"),
        )
    else:
        if not has_spoken:
            scene.happens(Count("enrolled"), Count(f"step/{journey.key}//began"))
        walking.advance(scene, plan, run, occasion, now)


def _is_held_out(scene: Scene, journey: Journey, occasion: Occasion) -> bool:
    """By chance; who is left alone by one automation is spoken to by another."""
    percent = journey.holdout_percent
    if not percent:
        return False
    return walking.chance(scene, occasion.contact_id, "holdout", journey.key) * 100 < percent


def _known(scene: Scene, journey: Journey, occasion: Occasion) -> tuple[str, Enrollment | None]:
    """What a run would be about, and the run that there is of it. About a person it is the same
    under each of their names."""
    below = journey.about.format_map(_Fields(vars(occasion.fact))) or journey.key
    if len(below) > ABOUT_MAX:
        below = scene.keyed(below)  # a key of an index has its limits
    subject = f"{occasion.subject}/{below}"
    if not occasion.subject.startswith("person/"):
        return subject, scene.enrollments.get((journey.key, subject))
    names = sorted(occasions.all_names(scene, occasion.contact_id))
    runs = [
        run for one in names
        if (run := scene.enrollments.get((journey.key, f"person/{one}/{below}")))
    ]  # fmt: skip
    known = max(runs, key=triggered_at, default=None)
    return (known.subject if known else subject), known


class _Fields(dict[str, Any]):
    """Of a fact; what it has not is empty."""

    def __missing__(self, name: str) -> str:
        return ""


def _is_alone(scene: Scene, journey: Journey, known: Enrollment | None, occasion: Occasion) -> bool:
    """Whether the person is in no other run of it that goes before this one, which ends else."""
    for run in scene.waiting_runs(occasions.all_names(scene, occasion.contact_id)):
        if run.recipe != journey.key or (known and run.id == known.id):
            continue
        if not _goes_before(journey, occasion, run):
            return False
        walking.end(scene, run, "anew")
    return True


def _may_begin_again(journey: Journey, known: Enrollment, occasion: Occasion) -> bool:
    if known.state == "waiting" or _was_left_unsaid(journey, known):
        return _goes_before(journey, occasion, known)
    if journey.again_after is None:
        return False
    return occasion.fact.at - triggered_at(known) >= timedelta(seconds=journey.again_after)


def _was_left_unsaid(journey: Journey, known: Enrollment) -> bool:
    """A cart that was emptied and filled again before anything was said of it."""
    ends = {kind.partition("/")[0] for kind in journey.stopped_by}
    return journey.restarts and known.reason in ends and not known.memory.get("said")


def _goes_before(journey: Journey, occasion: Occasion, waiting: Enrollment) -> bool:
    """Whether it takes the place of a run that waits: what is newer, where it begins anew with each
    change; else what happened before and was told late, so that the order of telling says nothing,
    unless it is too late for that: something was said."""
    newer_by = occasion.fact.at - triggered_at(waiting)
    if journey.restarts:
        return newer_by > timedelta(0)
    return "said" not in waiting.memory and timedelta(0) < -newer_by <= TOLD_LATE


def triggered_at(run: Enrollment) -> datetime:
    """When that happened which began the run."""
    told = run.trigger.get("at")
    return datetime.fromisoformat(told) if isinstance(told, str) else run.started_at


def _ended(scene: Scene, journey: Journey, occasion: Occasion) -> str:
    """What that would end the run has happened already: before its beginning was heard of, or told
    by a fact that nobody listens to; "": nothing."""
    ends, order = {*journey.stopped_by, *journey.stopped_by_any}, occasion.order
    if order:
        if order.state == "removed":
            return "order.removed"
        if "order.cancelled" in ends and order.cancelled_at:
            return "order.cancelled"
        if "payment.received" in ends and order.paid_at:
            return "payment.received"
        return "parcel.moved" if _has_come(scene, ends, occasion) else ""
    if "order.placed" in ends:
        bought = scene.person(occasion.contact_id).last_order_at
        if bought is not None and bought >= occasion.fact.at - BOUGHT_SLACK:
            return "order.placed"
    return ""


def _has_come(scene: Scene, ends: Collection[str], occasion: Occasion) -> bool:
    """Whether a scan that was told late, or a promise, is about what has arrived by now."""
    match occasion.fact:
        case facts.ParcelMoved() as fact:
            row_id = scene.row_of("parcel", wording.parcel_key(fact))
            parcel = scene.parcels.get(row_id) if row_id is not None else None
            is_over = parcel is not None and parcel.state_at > fact.at
            return is_over and f"parcel.moved/{parcel.state if parcel else ''}" in ends
        case facts.DeliveryPromised() if occasion.order:
            arrived = occasion.order.state in ("delivered", "returned")
            return arrived and "parcel.moved/delivered" in ends
    return False


# ------------------------------------------------------------------ what comes while it waits


def _answered(scene: Scene, occasion: Occasion, runs: Iterable[Enrollment]) -> Enrollment | None:
    """The run whose question this answers: of a text the one that was asked last before it; the
    score of a survey says itself which."""
    if isinstance(occasion.fact, facts.SurveyAnswered):
        of_it = (run for run in runs if run.memory.get("asking") == occasion.fact.answer)
        return next((run for run in of_it if _question(scene, run)), None)
    if not isinstance(occasion.fact, facts.TextReceived):
        return None
    asked = [
        (run.memory["asked_at"], run.id, run)
        for run in runs
        if _asks_for_text(scene, run)
        and datetime.fromisoformat(run.memory["asked_at"]) <= occasion.fact.at
    ]  # fmt: skip
    return max(asked)[-1] if asked else None


def _question(scene: Scene, run: Enrollment) -> Ask | None:
    plan = scene.plans.of(run.recipe, run.version)
    place = plan.journey.course.get(run.place) if plan else None
    return place.step if place and isinstance(place.step, Ask) else None


def _asks_for_text(scene: Scene, run: Enrollment) -> bool:
    """Whether any text answers it; a survey's score is read by rules/surveys/answering.py."""
    asked = _question(scene, run)
    return asked is not None and not asked.survey


def awaited(plans: Plans, run: Enrollment) -> frozenset[str]:
    """Kinds of facts with which a waiting run would go on."""
    plan = plans.of(run.recipe, run.version) if run.state == "waiting" else None
    place = plan.journey.course.get(run.place) if plan else None
    match place.step if place else None:
        case Ask(survey=survey):
            return ANSWERING_SURVEY if survey else ANSWERING
        case Wait(until=until) if until:
            return frozenset(kind.partition("/")[0] for kind in until)
    return frozenset()


def awaits_answer(scene: Scene, contact_id: int) -> bool:
    """Whether this person was asked something by an automation: then a yes is the answer to it."""
    runs = scene.waiting_runs(occasions.all_names(scene, contact_id))
    return any(_asks_for_text(scene, run) for run in runs)


def _notice(
    scene: Scene, plan: Plan, run: Enrollment, occasion: Occasion, now: datetime, *,
    is_answer: bool,
) -> None:  # fmt: skip
    """Ends the run, lets it go on, or notes the fact for a branch that will ask for it."""
    journey, words, is_same = plan.journey, occasion.words, occasion.is_about(run)
    ends = {*journey.stopped_by_any, *(journey.stopped_by if is_same else ())}
    if occasion.order and occasion.order.id == run.order_id:
        ends.discard("order.placed")  # told again; only another one is a purchase
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
            walking.go_on(scene, plan, run, walking.remembered(scene, run), now)
        case Ask() as asked if is_answer:
            said = _said(occasion.fact)
            giving.keep_answer(scene, asked, run, said)
            answered = replace(run, memory={**run.memory, "answer": said})
            walking.go_on(scene, plan, answered, walking.remembered(scene, run), now)
        case _:
            scene.happens(SaveEnrollment(run))


def _said(fact: facts.Fact) -> str:
    """The answer to a question: what was texted, or the score that it came to."""
    if isinstance(fact, facts.SurveyAnswered):
        return "" if fact.score is None else str(fact.score)
    return str(fact.told("body") or "")[:ANSWER_MAX]


def wake(scene: Scene, fact: facts.WokenUp, now: datetime) -> None:
    """Goes on with a run whose time has come, unless it was ended, has gone on or was begun anew
    meanwhile. Raises Wanted."""
    place = fact.place or f"s{fact.step - 1}"
    for run in scene.waiting_runs(occasions.all_names(scene, fact.contact)):
        if run.id == fact.enrollment and run.place == place and run.wake_at == fact.at:
            plan = scene.plans.of(run.recipe, run.version)
            if plan is None:
                walking.end(scene, run, "gone")
                continue
            began = walking.remembered(scene, run)
            if reason := _ended(scene, plan.journey, began):
                walking.end(scene, run, reason)
            elif plan.journey.is_offer and not _is_the_one(scene, plan.journey, run):
                walking.end(scene, run, "anew")
            else:
                walking.go_on(scene, plan, run, began, now)


def _is_the_one(scene: Scene, journey: Journey, run: Enrollment) -> bool:
    """Two runs wait where two people were found to be one: which of them goes on. The others end
    with it."""
    waiting = scene.waiting_runs(occasions.all_names(scene, run.contact_id))
    same = [one for one in waiting if one.recipe == journey.key]
    first = (max if journey.restarts else min)(same, key=lambda one: (triggered_at(one), one.id))
    if run.id == first.id:
        for other in same:
            if other.id != run.id:
                walking.end(scene, other, "anew")
    return run.id == first.id


def due(scene: Scene, fact: facts.DueCame, now: datetime) -> None:
    """Begins an automation whose time has come for somebody: a date, a wish that can be granted.
    Raises Wanted."""
    plan = scene.plans.newest.get(fact.automation)
    if plan is None or plan.own.is_gone or isinstance(plan.journey.trigger, Heard):
        return  # it is another one since the time was told
    if fact.contact in scene.contacts:
        begin(scene, plan, occasions.of_person(fact, scene.person(fact.contact).id), now)


def leave_marketing(scene: Scene, contact_id: int, reason: str) -> None:
    """Ends this person's waiting runs that could still say something commercial."""
    for run in scene.waiting_runs([contact_id]):
        plan = scene.plans.of(run.recipe, run.version)
        if plan is None or plan.journey.is_offer:
            walking.end(scene, run, reason)
