"""What becomes of a complaint: opened by a text, a page, a program or the shop, moved from state to
state, and each move told to the customer by the automations that listen for it (R71, R87).

A complaint of somebody is one row whoever tells of it. What the shop tells of has the shop's own
number; what is opened here gets one of six digits, new among the person's own.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from ringdove.rules import facts
from ringdove.rules.automations import automations, occasions
from ringdove.rules.complaints import telling
from ringdove.rules.effects import NoteComplaint, SaveComplaint, WaitFor
from ringdove.rules.people import people
from ringdove.rules.scenes import Complaint, Contact, Order, Scene

REASONS: Final = (
    "damaged", "wrong_goods", "missing", "late", "quality", "delivery", "service", "other",
)  # fmt: skip
WAITING: Final = ("opened", "answered")  # something is still to be decided
ANSWER_WITHIN = timedelta(days=2)
SAID_MAX = 1_000
NOTE_MAX = 500  # what a text can still say


def of_person(scene: Scene, person: Contact) -> list[Complaint]:
    """All of theirs as they stand now, the one that changed last in front."""
    found = {one.id: one for one in scene.chosen.dealings_of(person.id).complaints}
    names = set(occasions.all_names(scene, person.id))
    found |= {one.id: one for one in scene.complaints.values() if one.contact_id in names}
    return sorted(found.values(), key=lambda one: (one.changed_at, one.id), reverse=True)


def begin(
    scene: Scene, person: Contact, order: Order | None, fact: facts.ComplaintMoved, now: datetime,
    *, by: str, said: str = "", reason: str = "",
) -> Complaint:  # fmt: skip
    """A new one, with what automations make of it. `fact`: as a shop would tell it; its number is
    the complaint's, "new": one is made."""
    number = fact.complaint
    row_id = scene.make_id_beside(order.contact_id if order else person.id)
    if number == NEW:
        number = _number(row_id, (one.number for one in of_person(scene, person)))
        fact = fact.model_copy(update={"complaint": number})
    made = Complaint(
        row_id, order.contact_id if order else person.id, number, fact.state, fact.at, fact.at,
        fact.at + ANSWER_WITHIN, order.id if order else None, reason, said[:SAID_MAX], fact.note,
        by, closed_at=fact.at if fact.state == "closed" else None,
    )  # fmt: skip
    scene.happens(SaveComplaint(made))
    note(scene, made, fact.at, by, state=fact.state, said=fact.note or said[:SAID_MAX])
    _tell(scene, person, order, fact, now)
    return made


NEW: Final = "new"


def move(
    scene: Scene, known: Complaint, person: Contact, order: Order | None,
    fact: facts.ComplaintMoved, now: datetime, *, by: str, inside: str = "",
) -> None:  # fmt: skip
    """It comes to the fact's state, and the customer is told so."""
    closed_at = (known.closed_at or fact.at) if fact.state == "closed" else None
    moved = replace(
        known, state=fact.state, changed_at=max(fact.at, known.changed_at),
        note=fact.note or known.note, closed_at=closed_at,
        order_id=known.order_id or (order.id if order else None),
    )  # fmt: skip
    scene.happens(SaveComplaint(moved))
    note(scene, moved, fact.at, by, state=fact.state, said=fact.note, inside=inside)
    _tell(scene, person, order, fact, now)


def waiting_again(known: Complaint, at: datetime) -> Complaint:
    """They have said more: it is to be answered once more."""
    if known.state == "opened":
        return replace(known, changed_at=max(at, known.changed_at))
    return replace(
        known, state="opened", changed_at=max(at, known.changed_at), due_at=at + ANSWER_WITHIN
    )


def note(
    scene: Scene, of: Complaint, at: datetime, by: str, *, state: str = "", said: str = "",
    inside: str = "",
) -> None:  # fmt: skip
    """A line of its history."""
    row_id = scene.make_id_beside(of.contact_id)
    scene.happens(NoteComplaint(row_id, of.contact_id, of.id, at, by, state, said, inside))


def _tell(
    scene: Scene, person: Contact, order: Order | None, fact: facts.ComplaintMoved, now: datetime
) -> None:
    about = occasions.of_order(fact, order) if order else occasions.of_person(fact, person.id)
    automations.hear(scene, about, now)


def _number(row_id: int, taken: Iterable[str]) -> str:
    """Six digits: they can be read out on the telephone."""
    known = set(taken)
    number = 100_000 + (row_id >> 7) % 900_000
    while str(number) in known:
        number = 100_000 + (number + 1) % 900_000
    return str(number)


# ------------------------------------------------------------------ facts


def told(scene: Scene, fact: facts.ComplaintMoved, now: datetime) -> None:
    """The shop has opened or moved one. Raises WaitFor for an order that is not known yet."""
    order = None
    if fact.order:
        order = scene.order_of(fact.order)
        if order is None:
            raise WaitFor(f"order/{fact.order}")
        person = scene.person(order.contact_id)
    else:
        assert fact.customer is not None  # facts.ComplaintMoved demands one of the two
        person = people.meet(scene, fact.customer, "complaint", now, fact.subject(), fact.at)
    known = next(
        (
            one for one in of_person(scene, person)
            if one.number == fact.complaint and (order is None or one.order_id in (None, order.id))
        ),
        None,
    )  # fmt: skip
    if known is None:
        begin(scene, person, order, fact, now, by="shop")
    elif fact.at >= known.changed_at and fact.state != known.state:
        move(scene, known, person, order, fact, now, by="shop")
    else:  # told late, or again: automations know whether they have said it
        note(scene, known, fact.at, "shop", state=fact.state, said=fact.note)
        _tell(scene, person, order, fact, now)


def handled(scene: Scene, fact: facts.ComplaintHandled, now: datetime) -> None:
    """Somebody of the store, or a program, opened, moved or changed one."""
    person = scene.person(fact.contact)
    theirs = {one.id: one for one in of_person(scene, person)}
    known = theirs.get(fact.complaint)
    if fact.complaint and known is None:
        return  # erased, or parted from this person, since the page was drawn
    order = _order(scene, person, known, fact)
    moved = facts.ComplaintMoved(
        id=fact.id, at=fact.at, order=order.key if order else "",
        complaint=known.number if known else NEW, state=fact.state or "opened", note=fact.said,
        customer=None if order else facts.Customer(),
    )  # fmt: skip
    if known is None:
        known = begin(
            scene, person, order, moved.model_copy(update={"note": ""}), now,
            by=fact.by, said=fact.said, reason=fact.reason or "",
        )  # fmt: skip
        if fact.note:
            note(scene, known, fact.at, fact.by, inside=fact.note)
    elif fact.state:
        before, is_new = len(scene.effects), (known.state, known.note) != (fact.state, fact.said)
        move(scene, known, person, order, moved, now, by=fact.by, inside=fact.note)
        if fact.said and is_new and not telling.is_told(scene.effects[before:]):
            telling.tell(scene, person, scene.complaints[known.id], fact.by, now)
    elif fact.note:
        note(scene, known, fact.at, fact.by, inside=fact.note)
    known = scene.complaints.get(known.id, known)
    changed = replace(
        known,
        reason=known.reason if fact.reason is None else fact.reason,
        owner=known.owner if fact.owner is None else fact.owner or None,
        due_at=fact.due_at or known.due_at,
        order_id=known.order_id if fact.about_order is None else order.id if order else None,
    )
    if changed != known:
        scene.happens(SaveComplaint(changed))


def _order(
    scene: Scene, person: Contact, known: Complaint | None, fact: facts.ComplaintHandled
) -> Order | None:
    """The order that it is about: of theirs only."""
    orders = scene.chosen.dealings_of(person.id).orders
    if fact.about_order is not None:  # 0: of none
        return next((one for one in orders if one.id == fact.about_order), None)
    row_id = known.order_id if known else None
    return next((one for one in orders if one.id == row_id), None)
