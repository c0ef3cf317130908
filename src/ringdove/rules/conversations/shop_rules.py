"""The rules of ordering and of complaining, told on request: no internet needed (R32, R71).

A store writes its own in any of its languages; where it has not, the ready ones are told.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

from ringdove.rules import languages
from ringdove.rules.conversations.heard import Heard, reply_with
from ringdove.rules.messages import language_of
from ringdove.rules.policy import Policy
from ringdove.rules.scenes import Scene

Subject = Literal["order", "complaint"]
SUBJECTS: Final[tuple[Subject, ...]] = ("order", "complaint")
TOPIC = "rules"
VARIABLES: Final = frozenset(f"shop.{name}" for name in ("name", "url", "phone", "email"))
LETTERS_MAX: Final = 600  # four parts of Latin letters


def answers(scene: Scene, heard: Heard, now: datetime) -> bool:
    """Tells those that were asked for."""
    if heard.reply.intent != "rules":
        return False
    subject: Subject = "complaint" if heard.reply.scope == "complaint" else "order"
    own = own_words(scene.store.policy, subject).get(language_of(scene, heard.person), "")
    reply_with(scene, heard.person, f"{subject}_rules", TOPIC, now, words=own)
    return True


def own_words(policy: Policy, subject: Subject) -> Mapping[str, str]:
    """What the store has written, by language; Liquid."""
    return policy.rules_told.get(subject, {})


def ready_words(subject: Subject, language: str) -> str:
    """What is told where it has written nothing."""
    return str(languages.phrases(language)["answers"][f"{subject}_rules"])
