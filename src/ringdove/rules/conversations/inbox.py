"""What the inbox keeps of a conversation while texts come and go."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ringdove.rules.conversations import restraint
from ringdove.rules.conversations.heard import Heard
from ringdove.rules.conversations.restraint import SAID_MAX
from ringdove.rules.effects import QueueMessage, SaveConversation
from ringdove.rules.scenes import Conversation, Scene

QUIET = frozenset({"thanks"})  # nobody has to answer these


def received(scene: Scene, heard: Heard) -> None:
    """A text came; what answers it comes after this."""
    known = scene.conversations.get(heard.person.id, Conversation(heard.person.id))
    fresh = replace(
        known,
        last_at=max(heard.fact.at, known.last_at or heard.fact.at),
        last_by="them",
        last_said=heard.fact.body[:SAID_MAX],
        intent=heard.reply.intent,
    )
    scene.happens(SaveConversation(fresh))


def settled(
    scene: Scene, heard: Heard, handled: str, effects: Sequence[Any], now: datetime
) -> None:
    """It was answered, by whom `handled` says, or by nobody (""). What a machine has answered
    leaves the conversation as it was; what nobody has answered opens it, also one that was put
    off. `effects`: all that came of it."""
    known = scene.conversations[heard.person.id]
    is_silent = handled != "stop" and _is_unsaid(effects)
    is_done = handled and not restraint.is_overdone(known, now) and not is_silent
    if not is_done and heard.reply.intent not in QUIET:
        wait_for_person(scene, heard)


def _is_unsaid(effects: Sequence[Any]) -> bool:
    """Whether it was to be answered, and nothing of that may be said."""
    said = [one.state for one in effects if isinstance(one, QueueMessage) and one.cause == "reply"]
    return bool(said) and "waiting" not in said


def wait_for_person(scene: Scene, heard: Heard) -> None:
    """Somebody of the store is to look at this text, whether a machine has said something or
    not."""
    known = scene.conversations[heard.person.id]
    if known.state == "open" and known.waiting_since == heard.fact.at:
        return  # it does so already
    fresh = replace(
        known, state="open", snoozed_until=None, unread=known.unread + 1,
        waiting_since=known.waiting_since or heard.fact.at,
        new_since=heard.fact.at if known.state == "closed" else known.new_since,
    )  # fmt: skip
    scene.happens(SaveConversation(fresh))
