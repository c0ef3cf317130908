"""An answer by a person of the store, or by a program in their name: made in one transaction, once.

The conversation, the text and the time in which offers wait are written together; a page and the
API come here alike. A ready answer is filled in here too, and sends nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.errors import UniqueViolation

from ringdove.kit import db
from ringdove.records import scenes, wants
from ringdove.records.conversations import conversations
from ringdove.records.sending import handwork as known_texts
from ringdove.rules import facts
from ringdove.rules.conversations import by_hand, canned
from ringdove.rules.conversations.by_hand import Said
from ringdove.rules.conversations.canned import Canned
from ringdove.rules.effects import QueueMessage
from ringdove.rules.scenes import Scene, Store
from ringdove.runtime import Runtime
from ringdove.web.sending import handwork

Answer = Mapping[str, Any]


class NobodyThere(LookupError):
    """There is no such person, or they were erased."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be said. `key`: the same key again is the same text, sent once; `owner`: who takes
    care of the conversation if nobody does yet, 0: as it is."""

    said: Said
    key: str
    owner: int = 0


async def answer(runtime: Runtime, store: Store, contact_id: int, wish: Wish) -> Answer:
    """Makes the text or the silence: id, state, reason, parts, encoding and whether it had been
    asked before. Raises NobodyThere."""
    return await db.retried(
        runtime.pool,
        lambda tx: _answer(runtime, store, contact_id, wish, tx),
        also=(UniqueViolation,),
    )


async def _answer(runtime: Runtime, store: Store, contact_id: int, wish: Wish, tx: db.Tx) -> Answer:
    now = runtime.clock()
    loaded = await _load(tx, runtime, store, contact_id, now)
    person = loaded.person(contact_id)
    subject = f"text/{wish.key}"
    if known := await known_texts.find(tx, store, person.id, subject):
        return {**known, "repeated": True}
    await conversations.add(tx, loaded)

    def say(scene: Scene) -> QueueMessage:
        run_id = handwork.remember(scene, person, subject, now)
        return by_hand.answer(scene, person, wish.said, run_id, now)

    scene, made = await wants.decided(tx, loaded, say, now, runtime.ids)
    await scenes.commit(tx, scene, now, runtime.ids)
    talk = scene.conversations.get(person.id)
    if wish.owner and talk and talk.owner is None:
        await conversations.take(tx, store, person.id, wish.owner)
    await conversations.type_answer(tx, store, person.id, "", now)
    return handwork.told(made)


async def fill(runtime: Runtime, store: Store, contact_id: int, one: Canned) -> str:
    """A ready answer with the values of this person. Raises NobodyThere and TemplateBroken."""
    now = runtime.clock()
    async with db.transaction(runtime.pool) as tx:
        loaded = await _load(tx, runtime, store, contact_id, now)
        person = loaded.person(contact_id)
        _, text = await wants.decided(
            tx, loaded, lambda scene: canned.filled(scene, person, one, now), now, runtime.ids
        )
    return text


async def _load(tx: db.Tx, runtime: Runtime, store: Store, contact_id: int, now: datetime) -> Scene:
    """The person under all their names, locked as a batch locks them."""
    # A fact that tells nothing but whom it is about.
    about = facts.PersonEdited(id="by-hand", at=now, contact=contact_id)
    down_before = now - timedelta(seconds=runtime.settings.reroute_after_s)
    loaded = await scenes.load(
        tx, store, [about], runtime.ids, runtime.keyed, down_before,
        address=runtime.settings.outside_url,
    )  # fmt: skip
    if contact_id not in loaded.contacts or loaded.person(contact_id).erased_at:
        raise NobodyThere
    return loaded
