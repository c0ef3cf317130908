"""Refusals that outlive everything: numbers and addresses by keyed hash (P12).

A row says no for a key, not for a person: it stays when the person is erased, and comes before any
person when a list of it is loaded. Whoever is met under such a key begins as refused, with a row in
the ledger that says why. Only the number's own word lifts it: a box that somebody ticked does not.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from ringdove.rules import facts
from ringdove.rules.consent import ledger, permissions
from ringdove.rules.effects import SaveContact, Suppress
from ringdove.rules.scenes import Contact, Held, Scene

REASONS: Final = (
    "by_hand", "imported", "operator", "complaint", "bounced", "erased", "inactive", "site",
)  # fmt: skip
KINDS: Final = ("phone", "email")
SOURCE: Final = "suppression"
WORDS: Final = "On the store's list of refusals: {reason}."
EMAIL: Final = "channel/email"
"""A scope of the contact: letters to their address do not arrive, texts do."""


def hashed(kind: str, value: str) -> str:
    """What is hashed of a key."""
    return f"{kind}/{value.lower() if kind == 'email' else value}"


def keys_of(person: Contact) -> Iterator[tuple[str, str]]:
    """The keys of a person that may be refused."""
    if person.phone:
        yield "phone", person.phone
    if person.email:
        yield "email", person.email


def honour(scene: Scene, contact_id: int, kind: str, value: str) -> None:
    """A key leads to this person from now on: what was refused for it is refused for them."""
    held = scene.suppressed.get((kind, value))
    if held is None:
        return
    if kind == "email" and held.scope == "all":
        close_email(scene, contact_id, held.at)
    scopes = [] if held.reason == "bounced" else ["marketing"]
    if kind == "phone" and held.scope == "all":
        scopes.append("service")
    for scope in scopes:
        if not permissions.is_left(scene.contacts[contact_id], scope):
            words = WORDS.format(reason=held.reason)
            scene.happens(ledger.entry(scene, contact_id, held.at, scope, "out", SOURCE, words))


def close_email(scene: Scene, contact_id: int, at: datetime) -> None:
    """No letters to this person's address; texts are another matter."""
    person = scene.contacts[contact_id]
    closed = {**person.scopes, EMAIL: ["out", at.isoformat()]}
    if permissions.state_of(person, EMAIL) != "out":
        scene.happens(SaveContact(replace(person, scopes=closed)))


def holds(scene: Scene, person: Contact) -> Held | None:
    """The refusal on which only the number's own word counts; None: there is none."""
    for key in keys_of(person):
        held = scene.suppressed.get(key)
        if held and held.reason != "bounced":
            return held
    return None


def says_yes(fact: facts.Fact) -> bool:
    """Whether somebody may agree to something by it, so that refusals must be known."""
    match fact:
        case facts.SignedUp() | facts.TextReceived():
            return True
        case facts.ConsentChanged():
            return fact.change == "in"
    told, order = fact.told("consent"), fact.told("order")
    if isinstance(order, facts.Order):
        told = told or order.consent
    return isinstance(told, facts.Consent) and told.marketing


def refuse(scene: Scene, person: Contact, kind: str, reason: str, at: datetime) -> None:
    """Marketing to this person's number or address is refused, whoever it will belong to here."""
    value = person.phone if kind == "phone" else person.email
    if value:
        scene.happens(Suppress(kind, value, "marketing", reason, at, person.id))


def address_bounced(scene: Scene, fact: facts.AddressBounced, now: datetime) -> None:
    """No more letters to an address that does not exist; the person keeps their texts."""
    person = scene.contacts.get(fact.contact)
    if person is None or (person.email or "").lower() != fact.email.lower():
        return  # they have another one by now
    person = scene.person(person.id)
    close_email(scene, person.id, fact.at)
    scene.happens(Suppress("email", fact.email.lower(), "all", "bounced", fact.at, person.id))
