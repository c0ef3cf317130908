"""What an automation would have done: facts of the past go through the real engine, in memory (N2).

Pure, and no second engine: the same answers and the same steps, on a scene of people as they are
now. A wake-up comes when its time comes; a text is asked once more when it would leave, as the
outbox asks it. Nothing is written; what happened is told as it would have happened.
records/automations/rehearsal_scenes.py loads such a scene; one person's test run is the same.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import Literal, NamedTuple

from ringdove.rules import answers, facts
from ringdove.rules.automations import automations, occasions
from ringdove.rules.automations.journeys import Heard, WishGranted
from ringdove.rules.automations.plans import Plan, Plans
from ringdove.rules.consent import consent
from ringdove.rules.consent.hours import part_of
from ringdove.rules.effects import (
    AnswerWaiting,
    Count,
    GiveReward,
    HearLater,
    QueueMessage,
    SaveEnrollment,
    SaveTask,
    TakeBack,
    WaitFor,
)
from ringdove.rules.scenes import NO_HISTORY, Enrollment, History, Scene, Touch
from ringdove.rules.segments import picture_past
from ringdove.rules.segments.pictures import Picture
from ringdove.rules.surveys import answering
from ringdove.rules.wants import Wanted

What = Literal[
    "began", "held_out", "passed", "waits", "said", "silent", "gave", "task", "ended",
]  # fmt: skip
OF_ORDERS = (
    facts.OrderPlaced, facts.OrderChanged, facts.OrderCancelled, facts.OrderRemoved,
    facts.PaymentReceived, facts.PaymentFailed, facts.InvoiceIssued, facts.ParcelMoved,
    facts.DeliveryPromised, facts.ReturnOpened, facts.ReturnAccepted, facts.ReturnRefused,
    facts.RefundSent, facts.ComplaintMoved,
)  # fmt: skip
# These are answered whole; of others only what automations make of them.
ANSWERED = (*OF_ORDERS, facts.CartChanged, facts.DueCame)
ASKED_AGAIN_MAX = 20  # how often one text is put off


class Told(NamedTuple):
    """A fact of the past, and the living person whom it is about."""

    person: int
    fact: facts.Fact


class Happened(NamedTuple):
    """One thing that the automation would have done. `place`: the step, "" for a run's end.
    `said` and `silent` carry the message at the time at which it leaves or is dropped, `waits` its
    end in `until`; `reason` says why silent, ended or held out."""

    at: datetime
    what: What
    contact_id: int
    run: int
    place: str
    reason: str = ""
    until: datetime | None = None
    message: QueueMessage | None = None
    gift: GiveReward | None = None
    task: SaveTask | None = None


def switched_on(plan: Plan) -> Plan:
    """The plan as if it were on: what is rehearsed mostly is not yet."""
    return replace(plan, own=replace(plan.own, is_on=True))


def may_be_rehearsed(plan: Plan) -> bool:
    """Not what depends on how many pieces there were at which time: that is not kept."""
    return not isinstance(plan.journey.trigger, WishGranted)


def listens_to(plan: Plan) -> frozenset[str]:
    """Kinds of facts that a rehearsal of this plan must be told of."""
    journey = plan.journey
    kinds = {word.partition("/")[0] for word in journey.noticed}
    if isinstance(journey.trigger, Heard):
        kinds.add(journey.trigger.kind)
    elif isinstance(journey.trigger, WishGranted):
        kinds.add("automation.due")  # of other times see rehearsal_times.py
    if "survey.answered" in kinds:
        kinds.add("text.received")  # of which a score comes
    of_orders = {cls.model_fields["kind"].default for cls in OF_ORDERS}
    kinds |= {"order.placed", "order.cancelled", "order.removed"}  # who has bought, P3
    if kinds & of_orders - {"order.placed"} or any(step.guard for step in journey.sends()):
        kinds |= {"order.changed", "payment.received"}
    return frozenset(kinds)


class Rehearsal:
    """One plan over the past of some people, in one scene that is nobody else's."""

    def __init__(self, scene: Scene, plan: Plan, until: datetime) -> None:
        self.scene, self.plan, self.until = scene, switched_on(plan), until
        scene.plans = Plans.of_one(self.plan)
        self._past = {who: one for who, one in (scene.histories or {}).items() if one.touches}
        self._touched: dict[int, list[Touch]] = defaultdict(list)  # by texts of the rehearsal
        self._pictures = _AsOf(scene.pictures or {})
        if scene.pictures is not None:
            scene.pictures = self._pictures
        self._later: list[tuple[datetime, int, HearLater | _Leaving]] = []
        self._order = count()
        self._parked: dict[str, list[Told]] = defaultdict(list)
        self._runs: dict[int, Enrollment] = {}
        self._taken_back: dict[int, str] = {}  # by message, why
        self.heard = self.broken = 0

    def tell(self, told: Iterable[Told]) -> Iterator[Happened]:
        """What these facts, in the order of their times, would have led to by `until`. Raises
        Wanted."""
        for one in told:
            yield from self._up_to(one.fact.at)
            yield from self._hear(one, one.fact.at)
        yield from self._up_to(self.until)

    def _up_to(self, moment: datetime) -> Iterator[Happened]:
        while self._later and self._later[0][0] <= moment:
            at, _, what = heapq.heappop(self._later)
            if isinstance(what, _Leaving):
                yield from self._leave(what, at)
                continue
            body = what.body
            woken = facts.WokenUp(
                id=what.id[:120], at=at, enrollment=body["enrollment"], contact=body["contact"],
                place=body["place"],
            )  # fmt: skip
            self._turn_to(self.scene.person(woken.contact).id, at)
            automations.wake(self.scene, woken, at)
            yield from self._read(at)

    def _hear(self, told: Told, now: datetime) -> Iterator[Happened]:
        scene, fact = self.scene, told.fact
        self.heard += 1
        self._turn_to(told.person, now)
        try:
            if isinstance(fact, ANSWERED):
                answers.ANSWERS[type(fact)](scene, _without_consent(fact), now)
            else:
                if isinstance(fact, facts.TextReceived):
                    fact = answering.rehearsed(scene, scene.person(told.person), fact)
                automations.hear(scene, occasions.of_person(fact, told.person), now)
        except WaitFor as wait:
            self._parked[wait.subject].append(told)
        except Wanted:
            raise  # something of the scene is missing: it is loaded, and all told again
        except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError):
            self.broken += 1  # poison (P11): parked in life, and nothing follows of it here
            scene.effects.clear()
        if person := scene.contacts.get(told.person):
            scene.known_people.setdefault(told.person, person)
        yield from self._read(now)

    def _turn_to(self, person: int, now: datetime) -> None:
        """The person's past as it was at this moment."""
        self._pictures.moment = now
        scene = self.scene
        if scene.histories is None or not (person in self._past or person in self._touched):
            return
        known = scene.histories.get(person, NO_HISTORY)
        real = self._past.get(person, NO_HISTORY).touches
        ours = self._touched.get(person, ())
        before = [one for one in (*real, *ours) if one.at <= now]
        before.sort(key=lambda one: (one.at, one.message_id), reverse=True)
        scene.histories[person] = History(before, known.bought)

    # -------------------------------------------------------------- reading what followed

    def _read(self, now: datetime) -> Iterator[Happened]:
        """What effects say has happened. All that a run does in one go ends with its row."""
        effects, self.scene.effects = self.scene.effects, []
        pending: list[Happened] = []
        woken: list[str] = []
        for effect in effects:
            match effect:
                case QueueMessage():
                    pending.append(Happened(now, "said", effect.contact_id, 0, "", message=effect))
                case GiveReward():
                    pending.append(Happened(now, "gave", effect.contact_id, 0, "", gift=effect))
                case SaveTask():
                    pending.append(Happened(now, "task", effect.contact_id, 0, "", task=effect))
                case Count(name=name) if name.startswith("step/"):
                    _, _, place, what = name.split("/", 3)
                    if what == "passed":
                        pending = [p if p.place else p._replace(place=place) for p in pending]
                        pending.append(Happened(now, "passed", 0, 0, place))
                    elif what == "began":
                        pending.append(Happened(now, "began", 0, 0, self.plan.journey.first))
                case SaveEnrollment(run):
                    yield from self._told_of(run, pending, now)
                    pending = []
                case TakeBack():
                    self._taken_back[effect.message_id] = effect.reason
                case HearLater(kind="automation.woken"):
                    heapq.heappush(self._later, (effect.at, next(self._order), effect))
                case AnswerWaiting(subject):
                    woken.append(subject)
        for subject in woken:
            for told in self._parked.pop(subject, ()):
                yield from self._hear(told, now)

    def _told_of(self, run: Enrollment, pending: list[Happened], now: datetime
                 ) -> Iterator[Happened]:  # fmt: skip
        known, self._runs[run.id] = self._runs.get(run.id), run
        for one in pending:
            place = one.place or run.place
            whose = one._replace(contact_id=run.contact_id, run=run.id, place=place)
            if one.message is None:
                yield whose
            elif one.message.state == "waiting":
                leaving = _Leaving(one.message, place, run.id)
                heapq.heappush(self._later, (one.message.due_at, next(self._order), leaving))
            else:
                yield whose._replace(what="silent", reason=one.message.reason)
        if run.state == "waiting":
            if known is None or (known.place, known.wake_at) != (run.place, run.wake_at):
                yield Happened(now, "waits", run.contact_id, run.id, run.place, until=run.wake_at)
            return
        what: What = "held_out" if run.reason == "holdout" else "ended"
        yield Happened(now, what, run.contact_id, run.id, run.place, run.reason)

    # -------------------------------------------------------------- leaving

    def _leave(self, leaving: "_Leaving", now: datetime) -> Iterator[Happened]:
        """Asked once more in the second in which it would have left (P1, P3)."""
        message = leaving.message
        person = self.scene.person(message.contact_id)
        self._turn_to(person.id, now)
        reason = self._taken_back.pop(message.id, "") or self._held_back(message, now)
        if not reason and message.klass == "marketing":
            draft = consent.Draft(
                message.channel, message.klass, message.topic, message.not_before,
                message.not_after, False, message.category, message.occasion,
                part_of(message.own_hours),
            )  # fmt: skip
            history = self.scene.history_of(person.id)
            verdict = consent.decide(self.scene.store, person, draft, history, now)
            if isinstance(verdict, consent.Wait) and leaving.times < ASKED_AGAIN_MAX:
                again = replace(leaving, times=leaving.times + 1)
                heapq.heappush(self._later, (verdict.until, next(self._order), again))
                return
            reason = verdict.reason if isinstance(verdict, consent.Drop) else ""
        self.scene.queued.get(person.id, {}).pop(message.id, None)
        if not reason and message.klass == "marketing":
            touch = Touch(message.id, now, message.topic, message.category)
            self._touched[person.id].append(touch)
        yield Happened(
            now, "silent" if reason else "said", message.contact_id, leaving.run, leaving.place,
            reason, message=message,
        )  # fmt: skip

    def _held_back(self, message: QueueMessage, now: datetime) -> str:
        """As records/sending/outbox.JUDGE."""
        order = self.scene.orders.get(message.order_id) if message.order_id else None
        if now > message.not_after:
            return "too_late"
        if message.guard == "unpaid" and order:
            if order.paid_at:
                return "paid"
            if order.cancelled_at:
                return "cancelled"
            return "" if order.payment_due else "not_due"
        if message.guard == "unbought" and message.guard_since:
            bought = self.scene.person(message.contact_id).last_order_at
            return "bought" if bought and bought >= message.guard_since else ""
        return ""


@dataclass(frozen=True, slots=True)
class _Leaving:
    """A text that waits in the outbox."""

    message: QueueMessage
    place: str
    run: int
    times: int = 0  # how often it was put off


class _AsOf(dict[int, Picture]):
    """Pictures of people as they were at a moment."""

    def __init__(self, known: Mapping[int, Picture]) -> None:
        super().__init__(known)
        self.moment: datetime | None = None

    def __getitem__(self, person: int) -> Picture:
        known = super().__getitem__(person)
        return known if self.moment is None else picture_past.as_of(known, self.moment)


def _without_consent(fact: facts.Fact) -> facts.Fact:
    """What people allow is taken as it is today: nothing is agreed to anew."""
    told = getattr(fact, "order", None)
    if isinstance(told, facts.Order) and told.consent:
        return fact.model_copy(update={"order": told.model_copy(update={"consent": None})})
    return fact
