"""What the inbox keeps of a conversation while texts come and go."""

from dataclasses import replace
from datetime import datetime

from ringdove.rules.conversations.heard import Heard
from ringdove.rules.effects import SaveConversation
from ringdove.rules.scenes import Conversation, Scene

SAID_MAX = 160  # letters of the last text that a list shows
QUIET = frozenset({"thanks"})  # nobody has to answer these


def received(scene: Scene, heard: Heard, handled: str, now: datetime) -> None:
    """A text came. What a machine has answered leaves the conversation as it was; what nobody has
    answered opens it, also one that was put off."""
    known = scene.conversations.get(heard.person.id, Conversation(heard.person.id))
    waits = not handled and heard.reply.intent not in QUIET
    fresh = replace(
        known,
        last_at=max(heard.fact.at, known.last_at or heard.fact.at),
        last_by="them",
        last_said=heard.fact.body[:SAID_MAX],
        intent=heard.reply.intent,
    )
    if waits:
        fresh = replace(
            fresh, state="open", snoozed_until=None, unread=known.unread + 1,
            waiting_since=known.waiting_since or heard.fact.at,
        )  # fmt: skip
    scene.happens(SaveConversation(fresh))
