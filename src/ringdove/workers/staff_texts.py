"""Alerts to the staff by text (R84): through the outbox, like every text there is.

So a text to the staff has a price, a limit of money, a receipt and a place among the messages, and
nothing goes past what was taken from the outbox. Who gets one becomes a contact of origin "staff",
and who has refused all texts at that number gets none: then the task says why.
"""

from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ringdove.kit.db import Tx
from ringdove.records import scenes, wants
from ringdove.records.tasks.alerts import Row
from ringdove.rules import facts, languages
from ringdove.rules.effects import QueueMessage
from ringdove.rules.messages import Letter, speak
from ringdove.rules.people import people
from ringdove.rules.scenes import Scene, Store
from ringdove.runtime import Runtime

TOPIC: Final = "staff"
VALID_FOR: Final = timedelta(days=1)
SAID_MAX: Final = 300  # letters of what is to be done: the rest stands on the list


async def queue(
    tx: Tx, runtime: Runtime, store: Store, row: Row, phone: str, language: str
) -> QueueMessage:
    """The text about a task waits in the outbox, or is a silence with its reason. By night it waits
    for the day where the store's rules say so."""
    now = runtime.clock()
    down_before = now - timedelta(seconds=runtime.settings.reroute_after_s)
    customer = facts.Customer(phone=phone, language=language)
    about = facts.CustomerChanged(id=f"alert/{row['id']}", at=now, customer=customer)
    loaded = await scenes.load(tx, store, [about], runtime.ids, runtime.keyed, down_before)
    # Of whom is known already nothing is changed: they may be a customer as well.
    ref = loaded.refs.get(("phone", phone))
    met = [] if ref else [people.meet(loaded, customer, TOPIC, now, about.id)]
    person = loaded.person(ref.contact_id) if ref else met[0]

    def say(scene: Scene) -> QueueMessage:
        letter = Letter(
            contact=person,
            channel="sms",
            klass="service",
            topic=TOPIC,
            cause="automation" if row["recipe"] else "person",
            words={"sms": "{{ text }}"},
            values={"text": text(store, row, language)},
            language=language,
            why=f"alert/{row['id']}",
            not_before=now,
            not_after=now + VALID_FOR,
            in_daytime=not store.policy.staff_by_night,
        )
        return speak(scene, letter, now)

    scene, made = await wants.decided(tx, loaded, say, now, runtime.ids)
    await scenes.commit(tx, scene, now, runtime.ids)
    return made


def text(store: Store, row: Row, language: str) -> str:
    """What is to be done, about whom, until when: without a link, so that it stays short."""
    say = languages.phrases(language)["alerts"]
    due = row["due_at"].astimezone(ZoneInfo(store.time_zone))
    said = " ".join(row["said"].split())
    who = ", ".join(filter(None, (row["name"], row["phone"])))
    lines = [f"{store.name}: {said[:SAID_MAX]}"]
    lines += [say["customer"].format(customer=who)] if who else []
    lines += [say["order"].format(order=row["order_number"])] if row["order_number"] else []
    day = languages.say_day(due.date(), language)
    return "\n".join([*lines, say["due"].format(day=day, clock=f"{due:%H:%M}")])
