"""What the inbox keeps of a conversation while texts come and go."""

from dataclasses import replace
from datetime import datetime

from ringdove.rules.conversations import restraint
from ringdove.rules.conversations.heard import Heard
from ringdove.rules.conversations.restraint import SAID_MAX
from ringdove.rules.effects import SaveConversation
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


def settled(scene: Scene, heard: Heard, handled: str, now: datetime) -> None:
    """It was answered, by whom `handled` says, or by nobody (""). What a machine has answered
    leaves the conversation as it was; what nobody has answered opens it, also one that was put
    off."""
    known = scene.conversations[heard.person.id]
    is_done = handled and not restraint.is_overdone(known, now)
    if not is_done and heard.reply.intent not in QUIET:
        wait_for_person(scene, heard)


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
