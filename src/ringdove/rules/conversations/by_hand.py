"""A person of the store answers a customer: by the same decision as every text (P1).

An answer is a service text that goes at once, also at night where its writer says so. Whoever was
answered is being talked with: offers wait (rules/consent/consent.py) until that is some hours ago
or the conversation is closed.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ringdove.rules.consent import hours
from ringdove.rules.consent.hours import Limits
from ringdove.rules.conversations import care
from ringdove.rules.effects import QueueMessage, SaveContact
from ringdove.rules.messages import Letter, language_of, speak
from ringdove.rules.scenes import Contact, Scene, Store

VALID_FOR = timedelta(days=1)
TOPIC = "by_hand"


@dataclass(frozen=True, slots=True)
class Said:
    """What is said to somebody. `in_daytime`: not before their quiet hours are over."""

    text: str
    by: str  # page/<user's name>, api/<key's name>
    in_daytime: bool = False


def day_begins(store: Store, person: Contact, now: datetime) -> datetime | None:
    """When a text would wake nobody any more, at all places where they may be; None: it wakes
    nobody now, or nobody knows of such an hour."""
    limits = Limits(((store.quiet_from, store.quiet_until),))
    zones = person.zones or (store.time_zone,)
    window = hours.first(limits, zones, now, now + VALID_FOR)
    return window[0] if window and window[0] > now else None


def answer(
    scene: Scene, person: Contact, said: Said, run_id: int | None, now: datetime
) -> QueueMessage:
    """Says it, or keeps the silence with its reason. The person's conversation is in the scene."""
    letter = Letter(
        contact=person,
        channel="sms",
        klass="service",
        topic=TOPIC,
        cause="person",
        words={"sms": "{{ text }}"},  # as it was written: braces of a person are no template
        values={"text": said.text},
        language=language_of(scene, person),
        why=said.by,
        not_before=now,
        not_after=now + VALID_FOR,
        enrollment_id=run_id,
        in_daytime=said.in_daytime,
    )
    made = speak(scene, letter, now)
    answers(scene, person, made, said.text, now)
    return made


def answers(scene: Scene, person: Contact, made: QueueMessage, text: str, now: datetime) -> None:
    """What a person of the store wrote is an answer: nobody waits any more, and offers do."""
    if made.state != "dropped":
        care.answered(scene, person, text, now)
        _talk(scene, person, max(now, made.due_at))


def _talk(scene: Scene, person: Contact, since: datetime) -> None:
    """Offers wait from now on; a talk that lasts longer already is left as it is."""
    until = since + timedelta(hours=scene.store.policy.talk_hours)
    if until > max(since, person.talking_until or since):
        scene.happens(SaveContact(replace(person, talking_until=until)))
