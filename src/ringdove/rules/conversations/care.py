"""What people of the store do with a conversation: answer, look, close, put off, open again.

Each function but the first gives the conversation as it is after one deed; who keeps it
(records/conversations/conversations.py:change) holds the contact's row.
"""

from dataclasses import replace
from datetime import date, datetime

from ringdove.rules.conversations import waits
from ringdove.rules.conversations.restraint import SAID_MAX
from ringdove.rules.effects import Count, SaveConversation
from ringdove.rules.scenes import Contact, Conversation, Scene

STATES = ("open", "snoozed", "closed")  # which of two counts, when two people are found to be one


def answered(scene: Scene, person: Contact, said: str, now: datetime) -> None:
    """Somebody of the store wrote to them: nobody waits any more, and how long they did is counted.
    The conversation stays open until somebody closes it. Their conversation is in the scene
    (records/conversations/conversations.py:add)."""
    known = scene.conversations.get(person.id, Conversation(person.id))
    if known.waiting_since:
        scene.happens(Count(waits.name_of("reply", now - known.waiting_since)))
    if known.new_since:
        scene.happens(Count(waits.name_of("first", now - known.new_since)))
    fresh = replace(
        known, state="open", snoozed_until=None, waiting_since=None, new_since=None, unread=0,
        last_at=now, last_by="us", last_said=said[:SAID_MAX],
    )  # fmt: skip
    scene.happens(SaveConversation(fresh))


def seen(known: Conversation) -> Conversation:
    """Somebody has looked."""
    return replace(known, unread=0)


def unseen(known: Conversation) -> Conversation:
    """It shall look as if nobody had looked yet."""
    return replace(known, unread=max(known.unread, 1))


def closed(known: Conversation) -> Conversation:
    """Nothing is to be done any more, until they write again."""
    return replace(
        known, state="closed", snoozed_until=None, waiting_since=None, new_since=None, unread=0,
        asking={},
    )  # fmt: skip


def opened(known: Conversation, now: datetime) -> Conversation:
    """Somebody is to look at it again."""
    return replace(
        known, state="open", snoozed_until=None, waiting_since=known.waiting_since or now
    )


def put_off(known: Conversation, until: datetime) -> Conversation:
    """Nobody has to look before then; a new text brings it back at once."""
    return replace(known, state="snoozed", snoozed_until=until, unread=0)


def folded(contact_id: int, known: Conversation | None, other: Conversation) -> Conversation:
    """The conversation of one person, of whom there were two until now."""
    if known is None:
        return replace(other, contact_id=contact_id)
    later = max((known, other), key=lambda one: (one.last_at is not None, one.last_at))
    state = next(word for word in STATES if word in (known.state, other.state))
    until = _first(known.snoozed_until, other.snoozed_until) if state == "snoozed" else None
    return replace(
        later, contact_id=contact_id, owner=known.owner or other.owner, state=state,
        snoozed_until=until, waiting_since=_first(known.waiting_since, other.waiting_since),
        new_since=_first(known.new_since, other.new_since), unread=known.unread + other.unread,
        machine_said=_machine_said(later.machine_day, known, other),
    )  # fmt: skip


def _machine_said(day: date | None, *talks: Conversation) -> int:
    """Two who are answered enough are so together."""
    return sum(one.machine_said for one in talks if one.machine_day == day)


def _first(*moments: datetime | None) -> datetime | None:
    return min((one for one in moments if one), default=None)
