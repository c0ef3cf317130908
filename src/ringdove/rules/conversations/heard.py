"""A text from a person, as all see it who may answer it; and our answer by text."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ringdove.rules import facts, languages
from ringdove.rules.automations import wording
from ringdove.rules.conversations import restraint
from ringdove.rules.messages import Letter, language_of, speak
from ringdove.rules.replies import Reply
from ringdove.rules.scenes import Contact, Scene

ANSWER_VALID_FOR = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Heard:
    """A text from a person, who it came from and what it was understood as.

    `is_own`: it came from the number at which they are reached, and not from an earlier one or the
    other number of two people who are one."""

    fact: facts.TextReceived
    person: Contact
    reply: Reply
    is_own: bool


def reply_with(
    scene: Scene, person: Contact, text: str, topic: str, now: datetime,
    more: Mapping[str, object] | None = None, words: str = "",
) -> bool:  # fmt: skip
    """Answers by text at once, in their language; `text`: a key of [answers] in
    locales/<language>/phrases.toml, `more`: its own values beside the usual ones, `words`: the
    store's own Liquid in place of the ready one. Who was answered enough today hears nothing.
    Whether anything is said."""
    language = language_of(scene, person)
    made = speak(
        scene,
        Letter(
            contact=person,
            channel="sms",
            klass="service",
            topic=topic,
            cause="reply",
            words={"sms": words or languages.phrases(language)["answers"][text]},
            values=wording.values_of(scene, person, None, None, language) | dict(more or {}),
            language=language,
            why=f"reply/{text}",
            not_before=now,
            not_after=now + ANSWER_VALID_FOR,
            silent=restraint.why_silent(scene, person.id, topic, now),
        ),
        now,
    )
    restraint.answered(scene, made, now)
    return made.state == "waiting"
