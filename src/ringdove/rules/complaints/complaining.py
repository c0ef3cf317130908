"""Complaints by text: one is opened by saying what went wrong, and how it stands is told (R87).

That it was heard is said at once; what becomes of it is for people to say. The words are a
machine's guess, so the conversation opens too.
"""

from datetime import datetime, timedelta

from ringdove.rules import facts
from ringdove.rules.complaints import complaints, telling
from ringdove.rules.conversations import inbox, purchases
from ringdove.rules.conversations.heard import Heard, reply_with
from ringdove.rules.effects import SaveComplaint
from ringdove.rules.scenes import Complaint, Order, Scene

SAME_FOR = timedelta(days=14)  # who writes again within this goes on with the same complaint
TOLD_FOR = timedelta(days=90)  # one that was settled so long ago is history


def opens(scene: Scene, heard: Heard, now: datetime) -> bool:
    """Something went wrong: it is a complaint, or more of one."""
    if heard.reply.intent != "complaint" or heard.reply.scope == "status" or not heard.is_own:
        return False
    order = _order(scene, heard, now)
    known = _goes_on(scene, heard, order)
    inbox.wait_for_person(scene, heard)
    if known:
        _add(scene, heard, known, now)
        return True
    before = len(scene.effects)
    fact = facts.ComplaintMoved(
        id=heard.fact.id, at=heard.fact.at, order=order.key if order else "",
        complaint=complaints.NEW, state="opened", customer=None if order else facts.Customer(),
    )  # fmt: skip
    made = complaints.begin(scene, heard.person, order, fact, now, by="text", said=heard.fact.body)
    if not telling.is_told(scene.effects[before:]):  # no automation says so
        _say(scene, heard, "complaint_heard", made, now)
    return True


def _order(scene: Scene, heard: Heard, now: datetime) -> Order | None:
    """The one they name, else the only one that it can be about; a person finds out the rest."""
    theirs = purchases.of_person(scene, heard.person)
    if heard.reply.value:
        return next((one.order for one in theirs if one.is_called(heard.reply.value)), None)
    fresh = [one.order for one in theirs if now - one.order.changed_at <= purchases.OPEN_FOR]
    return fresh[0] if len(fresh) == 1 else None


def _goes_on(scene: Scene, heard: Heard, order: Order | None) -> Complaint | None:
    for one in complaints.of_person(scene, heard.person):
        is_same = order is None or one.order_id in (None, order.id) or not heard.reply.value
        is_fresh = heard.fact.at - one.changed_at <= SAME_FOR
        if one.state in complaints.WAITING and is_same and is_fresh:
            return one
    return None


def _add(scene: Scene, heard: Heard, known: Complaint, now: datetime) -> None:
    fact = heard.fact
    said = fact.body[: complaints.SAID_MAX]
    scene.happens(SaveComplaint(complaints.waiting_again(known, fact.at)))
    complaints.note(scene, known, fact.at, "text", said=said)
    _say(scene, heard, "complaint_added", known, now)


# ------------------------------------------------------------------ how it stands


def asks_status(scene: Scene, heard: Heard, now: datetime) -> bool:
    """What became of my complaint: the one that moved last, or the one that is named."""
    reply = heard.reply
    if reply.intent != "complaint" or reply.scope != "status" or not heard.is_own:
        return False
    found = _asked(scene, heard, now)
    if found is None:
        reply_with(scene, heard.person, "no_complaint", telling.TOPIC, now)
        inbox.wait_for_person(scene, heard)
        return True
    _say(scene, heard, "complaint_status", found, now)
    if found.state == "opened" and now > found.due_at:  # overdue
        inbox.wait_for_person(scene, heard)
    return True


def _asked(scene: Scene, heard: Heard, now: datetime) -> Complaint | None:
    theirs = complaints.of_person(scene, heard.person)
    named = heard.reply.value
    if named:
        orders = {
            one.order.id for one in purchases.of_person(scene, heard.person)
            if one.is_called(named)
        }  # fmt: skip
        by_number = [one for one in theirs if purchases.plain(one.number) == purchases.plain(named)]
        found = by_number or [one for one in theirs if one.order_id in orders]
        return found[0] if found else None
    fresh = [one for one in theirs if one.closed_at is None or now - one.closed_at <= TOLD_FOR]
    waiting = [one for one in fresh if one.state in complaints.WAITING]
    return next(iter(waiting or fresh), None)


def _say(scene: Scene, heard: Heard, text: str, about: Complaint, now: datetime) -> None:
    more = telling.values_of(scene, heard.person, about, now)
    reply_with(scene, heard.person, text, telling.TOPIC, now, more)
