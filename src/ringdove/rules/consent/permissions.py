"""What a person allows: the state that the ledger's rows add up to.

`marketing` is the gate: out closes everything commercial. Beside it stand scopes that can be left
or joined one by one (`topic/loyalty`, `category/shoes`). The newest word about a scope counts; a
stop of all marketing also ends what was joined alone, so a topic that is joined beside it was
joined later, and may be spoken about.
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


def is_left(person: Contact, scope: str) -> bool:
    """Whether a no to this would be no news: who joined a topic after a stop can stop once more."""
    joined = scope == "marketing" and any(
        said[0] in ("in", "asked") for said in person.scopes.values()
    )
    return state_of(person, scope) == "out" and not joined


def is_outdated(person: Contact, scope: str, at: datetime) -> bool:
    """Whether a yes of this moment was overtaken: by a later word about the same, or by a stop of
    all marketing. One that is answered late never undoes what was said after it (P1)."""
    stopped = person.marketing_at if scope != "service" and person.marketing == "out" else None
    said = (since for since in (said_at(person, scope), stopped) if since)
    return any(since > at for since in said)


def refusal(person: Contact, topic: str, category: str) -> str | None:
    """Why nothing commercial about this may go to the person; None: it may. As SQL in
    the set form of the decision."""
    is_joined = state_of(person, f"topic/{topic}") == "in"  # after any stop: a stop ends them
    if person.service == "out" or (person.marketing == "out" and not is_joined):
        return "stopped"
    if state_of(person, f"topic/{topic}") == "out":
        return "topic_left"
    if category and state_of(person, f"category/{category}") == "out":
        return "category_left"
    if person.marketing == "in" or is_joined:
        return None
    return "unconfirmed" if person.marketing == "asked" else "no_consent"
