"""What a person allows: the state that the ledger's rows add up to.

`marketing` is the gate: out closes everything commercial. Beside it stand scopes that can be left
or joined one by one (`topic/loyalty`, `category/shoes`). The newest word about a scope counts; a
stop of all marketing also ends what was joined alone.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from ringdove.rules.scenes import Contact


class Word(Protocol):
    """A row of the ledger, as far as it changes what is allowed."""

    @property
    def at(self) -> datetime: ...
    @property
    def scope(self) -> str: ...
    @property
    def change(self) -> str: ...
    @property
    def until(self) -> datetime | None: ...


def after(person: Contact, word: Word) -> Contact:
    """The person once this was said."""
    if word.change == "paused":
        return replace(person, paused_until=word.until)
    if word.scope == "service":
        return replace(person, service=word.change, service_at=word.at)
    if word.scope != "marketing":
        scopes = {**person.scopes, word.scope: [word.change, word.at.isoformat()]}
        return replace(person, scopes=scopes)
    changed: dict[str, Any] = {"marketing": word.change, "marketing_at": word.at}
    if word.change == "out":
        changed["scopes"] = {k: v for k, v in person.scopes.items() if v[0] == "out"}
        changed["paused_until"] = None
        changed["agreed_phones"] = ()
    if word.change == "in":
        changed["paused_until"] = None
    return replace(person, **changed)


def state_of(person: Contact, scope: str) -> str:
    """What was said last about a scope: none, asked, in, out."""
    if scope == "marketing":
        return person.marketing
    if scope == "service":
        return person.service
    said: Sequence[str] | None = person.scopes.get(scope)
    return said[0] if said else "none"


def said_at(person: Contact, scope: str) -> datetime | None:
    """When that was said."""
    if scope == "marketing":
        return person.marketing_at
    if scope == "service":
        return person.service_at
    said = person.scopes.get(scope)
    return datetime.fromisoformat(said[1]) if said else None


def refusal(person: Contact, topic: str, category: str) -> str | None:
    """Why nothing commercial about this may go to the person; None: it may. As SQL in
    the set form of the decision."""
    if person.marketing == "out" or person.service == "out":
        return "stopped"
    if state_of(person, f"topic/{topic}") == "out":
        return "topic_left"
    if category and state_of(person, f"category/{category}") == "out":
        return "category_left"
    if person.marketing == "in" or state_of(person, f"topic/{topic}") == "in":
        return None
    return "unconfirmed" if person.marketing == "asked" else "no_consent"
