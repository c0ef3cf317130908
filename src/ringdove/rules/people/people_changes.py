"""What staff, or a program, changes of one person: a number read at last, another number, the rest.

An earlier number stays a key of theirs (STOP from it still counts) until somebody says that it
belongs to somebody else now; then it leads to nobody, and no permission goes with it. A number that
leads to another person is never taken from them: then the two may be one, see merging.py.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from ringdove.rules import facts
from ringdove.rules.effects import CancelAddressed, Count, PointTo, ReleaseKey, SaveContact
from ringdove.rules.people import own_fields, people, phones
from ringdove.rules.people.number_changes import permission_follows
from ringdove.rules.scenes import Contact, Scene

PLAIN = ("name", "language", "region", "city", "sex", "birthday", "children")


def settle(scene: Scene, fact: facts.PhoneSettled) -> None:
    """The number that somebody read where we could not: the next text goes to it. A number that
    leads to another person already changes nothing, and so does one for who has a phone. Without
    a number it is none: nobody is asked about it again."""
    person = scene.person(fact.contact)
    if person.phone:
        return
    raw = fact.raw or person.phone_doubt or ""
    if not fact.phone:
        if people.no_phone(raw) not in scene.refs and raw:
            scene.happens(PointTo(*people.no_phone(raw), person.id))
        scene.happens(SaveContact(replace(person, phone_doubt=None)))
        return
    read = phones.parse(fact.phone, person.country or scene.store.country)
    if isinstance(read, phones.Phone) and ("phone", read.e164) not in scene.refs:
        _reach(scene, person, read)


def _reach(scene: Scene, person: Contact, read: phones.Phone) -> None:
    country = person.country or read.country
    zones = phones.zones(read.e164, country, person.region)
    changed = replace(person, phone=read.e164, phone_doubt=None, country=country, zones=zones)
    scene.happens(SaveContact(changed))
    if ("phone", read.e164) not in scene.refs:
        people.lead_to(scene, "phone", read.e164, person.id)


def change_number(scene: Scene, fact: facts.PhoneChanged, now: datetime) -> None:
    """A new number, an old one that belongs to somebody else now, or both. A number that leads to
    another person already is not taken from them."""
    person = scene.person(fact.contact)
    read = phones.parse(fact.phone, person.country or scene.store.country) if fact.phone else None
    if isinstance(read, phones.Phone):
        owner = scene.refs.get(("phone", read.e164))
        if owner and scene.person(owner.contact_id).id != person.id:
            read = None
    old = person.phone
    if fact.released:
        _release(scene, person, fact.released, now)
    if isinstance(read, phones.Phone) and read.e164 != old and read.e164 != fact.released:
        _reach(scene, scene.contacts[person.id], read)
        if old:
            permission_follows(scene, person.id, old, now)
            _disown(scene, person.id, fact.released)
    scene.happens(Count("numbers_changed"))


def _release(scene: Scene, person: Contact, phone: str, now: datetime) -> None:
    owner = scene.refs.get(("phone", phone))
    if owner is None or scene.person(owner.contact_id).id != person.id:
        return
    scene.happens(ReleaseKey("phone", phone))
    without = replace(person, rekeyed_at=now, phone=None if person.phone == phone else person.phone)
    scene.happens(SaveContact(without))
    if person.phone == phone:  # the yes stays behind with the number
        permission_follows(scene, person.id, phone, now)
    _disown(scene, person.id, phone)
    for contact_id in (person.id, *person.also):
        scene.happens(CancelAddressed(contact_id, (phone,), "number_passed_on", now))


def _disown(scene: Scene, contact_id: int, phone: str) -> None:
    person = scene.contacts[contact_id]
    if phone in person.agreed_phones:
        agreed = tuple(one for one in person.agreed_phones if one != phone)
        scene.happens(SaveContact(replace(person, agreed_phones=agreed)))


def edit(scene: Scene, fact: facts.PersonEdited) -> None:
    """What somebody wrote down of a person; what the shop tells later is newer. An address that
    leads to another person is theirs as well: a family may share one."""
    person = scene.person(fact.contact)
    told: dict[str, Any] = {
        name: getattr(fact, name) for name in PLAIN if getattr(fact, name) is not None
    }
    if fact.country is not None:
        told["country"] = fact.country.upper() or None
    for name in ("language", "region"):
        if name in told:
            told[name] = told[name] or None
    if "birthday" in fact.cleared:
        told["birthday"] = None
    if fact.email is not None:
        told["email"] = fact.email.lower() or None
    if fact.fields is not None:
        kept = own_fields.kept(scene.own_fields, fact.fields)
        told["fields"] = {k: v for k, v in {**person.fields, **kept}.items() if v is not None}
    changed = replace(person, **told)
    places = (changed.country, changed.region)
    if fact.zones:
        changed = replace(changed, zones=fact.zones)
    elif fact.zones is not None or places != (person.country, person.region):
        found = phones.zones(changed.phone, *places) if changed.phone else ()
        changed = replace(changed, zones=found)
    if changed != person:
        scene.happens(SaveContact(changed))
    if changed.email and changed.email != person.email:
        if ("email", changed.email) not in scene.refs:
            people.lead_to(scene, "email", changed.email, person.id)
