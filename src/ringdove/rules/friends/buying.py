"""The friend has bought: both are to be thanked, once (R95).

By the number that was invited, or that the friend typed on the page of a link. It counts when the
order is paid, and no more when that order is cancelled or comes back. What both are given is said
by automations that begin with `friend.bought`; they wait as long as goods can come back.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from ringdove.rules import facts
from ringdove.rules.automations import automations, occasions
from ringdove.rules.effects import Count, HearLater, SaveInvitation
from ringdove.rules.scenes import Invitation, Order, Scene


def paid(scene: Scene, order: Order, now: datetime) -> None:
    """An order is paid: the first one after an invitation is what both are thanked for."""
    if order.cancelled_at:
        return
    friend = scene.person(order.contact_id)
    for one in _of(scene, order):
        is_new = one.bought_at is None and one.at <= order.placed_at
        if is_new and one.inviter_id not in (friend.id, *friend.also):
            scene.happens(
                SaveInvitation(replace(one, bought_at=now, order_id=order.id)),
                _heard(one, order, one.inviter_id, "inviter", now),
                _heard(one, order, order.contact_id, "friend", now),
                Count("friends_bought"),
            )


def undone(scene: Scene, order: Order, now: datetime) -> None:
    """The order is no more, or all of it came back: nobody is thanked for it. The next one may
    count."""
    for one in _of(scene, order):
        if one.order_id == order.id:
            scene.happens(
                SaveInvitation(replace(one, bought_at=None, order_id=None)),
                _heard(one, order, one.inviter_id, "cancelled", now),
                _heard(one, order, order.contact_id, "cancelled", now),
                Count("friends_bought", -1),
            )


def _of(scene: Scene, order: Order) -> Iterator[Invitation]:
    """The invitations of whoever ordered, by each number that is or was theirs."""
    friend = scene.person(order.contact_id)
    known = (scene.contacts[order.contact_id], friend)
    numbers = {one.phone for one in known} | {*friend.agreed_phones}
    for phone in sorted(filter(None, numbers)):
        if phone in scene.friends:
            yield scene.friends[phone]


def _heard(one: Invitation, order: Order, contact_id: int, state: str, now: datetime) -> HearLater:
    return HearLater(
        id=f"friend/{one.id}/{order.id}/{state}/{contact_id}",
        kind="friend.bought",
        subject=f"contact/{contact_id}",
        at=now,
        body={"contact": contact_id, "state": state, "invitation": one.id},
    )


def told(scene: Scene, fact: facts.FriendBought, now: datetime) -> None:
    """One of the two hears of it."""
    person = scene.contacts.get(fact.contact)
    if person is not None and person.erased_at is None:
        automations.hear(scene, occasions.of_person(fact, person.id), now)
