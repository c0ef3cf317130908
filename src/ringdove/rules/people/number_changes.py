"""What the yes of a person's old number is worth at a new one.

A no belongs to the person and follows them to every number. A yes was given for a number: at
another one it is `asked` until that number confirms it, or until the person is back at a number
that it was given at.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from ringdove.rules.consent import ledger, permissions
from ringdove.rules.effects import SaveContact
from ringdove.rules.scenes import Scene

SOURCE = "number"
ASKED = "The number is another one now; the yes was given for the one before."
BACK = "Back at a number that the yes was given for."
BEFORE = timedelta(microseconds=1)  # a yes that comes with the new number is newer


def permission_follows(scene: Scene, contact_id: int, old: str, at: datetime) -> None:
    """The person is reached at another number than `old` now."""
    person = scene.contacts[contact_id]
    agreed = set(person.agreed_phones)
    if person.marketing == "in":
        agreed.add(old)
    if agreed != set(person.agreed_phones):
        scene.happens(SaveContact(replace(person, agreed_phones=tuple(sorted(agreed)))))
    is_known = person.phone in agreed
    if person.marketing == "in" and not is_known:
        _write(scene, contact_id, "marketing", "asked", ASKED, at)
    elif person.marketing == "asked" and is_known:
        _write(scene, contact_id, "marketing", "in", BACK, at)
    if not is_known:
        for scope, said in list(person.scopes.items()):
            if said[0] == "in":
                _write(scene, contact_id, scope, "asked", ASKED, at)


def _write(
    scene: Scene, contact_id: int, scope: str, change: str, words: str, at: datetime
) -> None:
    since = permissions.said_at(scene.contacts[contact_id], scope)
    moment = max(at - BEFORE, since) if since else at - BEFORE
    scene.happens(ledger.entry(scene, contact_id, moment, scope, change, SOURCE, words))
