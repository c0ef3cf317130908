"""How a complaint stands, in words: for whoever asks by text, and for an answer that no automation
tells. What somebody of the store writes to a customer always goes, whatever is switched on."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ringdove.rules import languages
from ringdove.rules.automations import wording
from ringdove.rules.effects import QueueMessage
from ringdove.rules.messages import Letter, language_of, speak
from ringdove.rules.scenes import Complaint, Contact, Scene

TOPIC = "complaint"
VALID_FOR = timedelta(days=3)  # as the ready automations say it


def values_of(
    scene: Scene, person: Contact, about: Complaint, now: datetime
) -> Mapping[str, object]:
    """Its number, its state, what was answered, and until when an answer comes."""
    language = language_of(scene, person)
    say = languages.phrases(language)["complaint_states"]
    zone = wording.zone_of(scene.store, person)
    is_due = about.state == "opened" and about.due_at > now
    until = languages.say_day(about.due_at.astimezone(zone).date(), language) if is_due else ""
    return {
        "complaint": {"number": about.number, "note": about.note},
        "status": {"state": say[about.state], "until": until},
    }


def is_told(effects: Sequence[Any]) -> bool:
    """Whether an automation says something of it."""
    return any(isinstance(one, QueueMessage) and one.state == "waiting" for one in effects)


def tell(scene: Scene, person: Contact, about: Complaint, by: str, now: datetime) -> None:
    """By text, in the daytime; `by`: whose words these are."""
    language = language_of(scene, person)
    usual = wording.values_of(scene, person, None, None, language)
    letter = Letter(
        contact=person, channel="sms", klass="service", topic=TOPIC, cause="person",
        words={"sms": languages.phrases(language)["answers"]["complaint_status"]},
        values=usual | dict(values_of(scene, person, about, now)), language=language, why=by,
        not_before=now, not_after=now + VALID_FOR, order_id=about.order_id, in_daytime=True,
    )  # fmt: skip
    speak(scene, letter, now)
