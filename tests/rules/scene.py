"""Scenes made by hand for tests of the pure rules: no database, ids that count up."""

from datetime import UTC, datetime, time
from hashlib import sha256
from itertools import count
from typing import Any

from ringdove.rules import answers, effects, facts
from ringdove.rules.scenes import Scene, Store
from ringdove.rules.sending.routes import Gateway, Ways

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


def store(**changes: Any) -> Store:
    """A store in Minsk."""
    return Store(
        **{
            "id": 1, "name": "Linden", "country": "BY", "time_zone": "Europe/Minsk",
            "languages": ("ru", "be", "en", "it", "es"), "currency": "BYN",
            "quiet_from": time(21), "quiet_until": time(9), "website": "https://linden.example",
            "phone": "+375 17 200-00-00", "email": "hello@linden.example",
        } | changes
    )  # fmt: skip


def scene(**changes: Any) -> Scene:
    """An empty scene of that store, with a gateway for each channel."""
    ids = count(1000)
    made = Scene(store(**changes), lambda key: next(ids), lambda row_id: next(ids), keyed)
    made.ways = Ways(
        (
            Gateway(1, "sms", "sandbox", "+375296660000"),
            Gateway(2, "email", "smtp", "Linden <orders@linden.example>"),
        )
    )
    return made


def keyed(text: str) -> str:
    """A hash that everybody can make."""
    return sha256(text.encode()).hexdigest()


def hear(place: Scene, *told: facts.Fact, now: datetime = NOON) -> Scene:
    """Answers facts one after the other; those that wait for their order come again at the end."""
    waiting = []
    for fact in told:
        try:
            answers.answer(place, fact, now)
        except effects.WaitFor:
            waiting.append(fact)
    for fact in waiting:
        answers.answer(place, fact, now)
    return place


def messages(place: Scene) -> list[effects.QueueMessage]:
    """The messages that were made."""
    return [effect for effect in place.effects if isinstance(effect, effects.QueueMessage)]
