"""How much a machine says to one person by itself: two machines that answer each other find an end.

After so many answers a day it falls silent, the silence has its reason, and somebody of the store
is to look. Whether a stop is confirmed is not decided here: that answer always leaves.
"""

from dataclasses import replace
from datetime import datetime

from ringdove.rules.effects import QueueMessage, SaveConversation
from ringdove.rules.scenes import Conversation, Scene

ANSWERS_A_DAY_MAX = 8
SAID_MAX = 160  # letters of the last text that a list shows
ALWAYS = frozenset({"stop_confirmation"})  # topics
REASON = "answered_enough"


def why_silent(scene: Scene, contact_id: int, topic: str, now: datetime) -> str:
    """The reason to say nothing now; "": it may answer. Of who did not just write nothing is
    known, and nothing is held back."""
    known = scene.conversations.get(contact_id)
    if known is None or topic in ALWAYS:
        return ""
    return REASON if _said(known, now) >= ANSWERS_A_DAY_MAX else ""


def answered(scene: Scene, made: QueueMessage, now: datetime) -> None:
    """A machine has answered, or would have."""
    known = scene.conversations.get(made.contact_id)
    if known is None:
        return
    fresh = replace(known, machine_day=now.date(), machine_said=_said(known, now) + 1)
    if made.state == "waiting":
        fresh = replace(fresh, last_at=now, last_by="machine", last_said=made.body[:SAID_MAX])
    scene.happens(SaveConversation(fresh))


def is_overdone(conversation: Conversation, now: datetime) -> bool:
    """Whether something was not said for that reason today."""
    return _said(conversation, now) > ANSWERS_A_DAY_MAX


def _said(known: Conversation, now: datetime) -> int:
    return known.machine_said if known.machine_day == now.date() else 0
