"""One text to one phone, sent by a person or a program: through the same decision as all (P1).

The person is found or met, the decision asked, the message or its silence written, in one
transaction; the answer says which, and why.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from psycopg.errors import UniqueViolation

from ringdove.kit import db
from ringdove.records import scenes, wants
from ringdove.records.conversations import conversations
from ringdove.records.sending import handwork
from ringdove.rules import facts
from ringdove.rules.consent.hours import Part
from ringdove.rules.conversations import by_hand
from ringdove.rules.effects import QueueMessage, SaveEnrollment
from ringdove.rules.messages import Letter, language_of, speak
from ringdove.rules.people import people, phones
from ringdove.rules.scenes import Contact, Enrollment, Scene, Store
from ringdove.runtime import Runtime

TEXT_CHARS_MAX = 1_600
VALID_FOR = timedelta(days=1)
VALID_FOR_MAX = timedelta(days=7)

_STOP_URL = re.compile(r"\{\{ ?stop_url ?\}\}")  # all that is filled in here

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be said to whom. `key`: the same key again is the same text, sent once."""

    customer: facts.Customer
    text: str
    klass: Literal["service", "marketing"]
    why: str  # api/<key's name>, page/<user's name>
    key: str = ""
    topic: str = "by_hand"
    not_before: datetime | None = None
    not_after: datetime | None = None
    category: str = ""
    occasion: str = ""
    part: Part | None = None  # its own weekdays and part of the day (R19)
    origin: str = "api"  # of a person who is new: "test" is nobody's customer yet
    gateway_id: int = 0  # over this one, whatever the routes say; 0: as they say
    in_daytime: bool = False  # not in the quiet hours, though it is service


class PhoneDoubtful(ValueError):
    """The number cannot be read as one that receives texts; the text says why."""


async def send(runtime: Runtime, store: Store, wish: Wish) -> Answer:
    """Makes the message or the silence: id, state, reason, parts, encoding and whether it had been
    asked before. Raises PhoneDoubtful."""
    phone = people.read_phone(wish.customer, store.country)
    if isinstance(phone, phones.Doubtful):
        raise PhoneDoubtful(phone.reason)
    return await db.retried(
        runtime.pool, lambda tx: _send(runtime, store, wish, tx), also=(UniqueViolation,)
    )


async def _send(runtime: Runtime, store: Store, wish: Wish, tx: db.Tx) -> Answer:
    now = runtime.clock()
    asked = facts.CustomerChanged(id="by-hand", at=now, customer=wish.customer)
    down_before = now - timedelta(seconds=runtime.settings.reroute_after_s)
    address = runtime.settings.outside_url
    loaded = await scenes.load(
        tx, store, [asked], runtime.ids, runtime.keyed, down_before, address=address
    )
    person = people.meet(loaded, wish.customer, wish.origin, now, asked.id)
    subject = f"text/{wish.key}"
    if wish.key and (known := await handwork.find(tx, store, person.id, subject)):
        return {**known, "repeated": True}

    if wish.klass == "service" and wish.why.startswith("page/"):
        await conversations.add(tx, loaded)

    def say(scene: Scene) -> None:
        run_id = remember(scene, person, subject, now) if wish.key else None
        made = speak(scene, _letter(scene, person, wish, run_id, now), now)
        talk = scene.conversations.get(person.id)
        if talk and talk.state != "closed":  # written elsewhere, it is an answer all the same
            by_hand.answers(scene, person, made, wish.text, now)

    scene, _ = await wants.decided(tx, loaded, say, now, runtime.ids)
    await scenes.commit(tx, scene, now, runtime.ids)
    made = next(one for one in scene.effects if isinstance(one, QueueMessage))
    return told(made)


def told(made: QueueMessage) -> Answer:
    """A message that was made just now, as it is answered."""
    shown = ("id", "state", "reason", "encoding", "parts", "not_before", "not_after")
    return {name: getattr(made, name) for name in shown} | {"repeated": False}


def remember(scene: Scene, person: Contact, subject: str, now: datetime) -> int:
    """A run that makes its subject unique: the same key again finds the same text."""
    run = Enrollment(
        id=scene.make_id_beside(person.id),
        recipe=handwork.RECIPE,
        subject=subject,
        contact_id=person.id,
        order_id=None,
        version=0,
        place="",
        state="done",
        trigger={},
        started_at=now,
    )
    scene.happens(SaveEnrollment(run))
    return run.id


def with_link(text: str, url: str) -> str:
    """The text with the person's own way out in the place that is kept for it."""
    return _STOP_URL.sub(lambda found: url, text)


def _letter(scene: Scene, person: Contact, wish: Wish, run_id: int | None, now: datetime) -> Letter:
    not_before = max(wish.not_before or now, now)
    return Letter(
        contact=person,
        channel="sms",
        klass=wish.klass,
        topic=wish.topic,
        cause="person",
        words={"sms": "{{ text }}"},  # as it is: braces of a program's text are no template
        values={"text": with_link(wish.text, scene.stop_url(person.id))},
        language=language_of(scene, person),
        why=wish.why,
        not_before=not_before,
        not_after=wish.not_after or not_before + VALID_FOR,
        enrollment_id=run_id,
        gateway_id=wish.gateway_id,
        in_daytime=wish.in_daytime,
        category=wish.category,
        occasion=wish.occasion,
        part=wish.part,
    )
