"""Who a fact is about: find the person by phone, account or e-mail, or meet a new one (P9, R66).

The phone decides. An order's phone is read with its own country; what stays doubtful is kept as it
came, for a person to settle, and no text goes to it.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from ringdove.rules import facts, ledger, phones, suppression
from ringdove.rules.effects import PointTo, SaveContact
from ringdove.rules.scenes import Contact, Scene


def keys_of(customer: facts.Customer, store_country: str) -> list[tuple[str, str]]:
    """The natural keys that can lead to this person, the strongest first."""
    keys = []
    phone = read_phone(customer, store_country)
    if isinstance(phone, phones.Phone):
        keys.append(("phone", phone.e164))
    if customer.account:
        keys.append(("account", customer.account))
    if customer.email:
        keys.append(("email", customer.email.lower()))
    return keys


def read_phone(customer: facts.Customer, store_country: str) -> phones.Phone | phones.Doubtful:
    """The customer's phone, read with their country, else the store's."""
    return phones.parse(customer.phone, customer.country.upper() or store_country)


def meet(
    scene: Scene, customer: facts.Customer, origin: str, now: datetime, fallback_key: str
) -> Contact:
    """The person, known or new, with what this fact tells of them. `fallback_key` gives a person
    without phone, account and e-mail a place to live."""
    keys = keys_of(customer, scene.store.country)
    known = _find(scene, customer, keys)
    if known is None:
        kind, value = keys[0] if keys else ("", fallback_key)
        known = Contact(
            id=scene.make_id(f"{kind}/{value}"),
            phone=None,
            email=None,
            created_at=now,
            origin=origin,
        )
    person = _reached_at(scene, _told(scene, known, customer), customer)
    if person != scene.contacts.get(person.id):
        scene.happens(SaveContact(person))
    for kind, value in keys:
        if (kind, value) not in scene.refs and (kind != "phone" or value == person.phone):
            _lead_to(scene, kind, value, person.id)
    return scene.contacts[person.id]


def _lead_to(scene: Scene, kind: str, value: str, contact_id: int) -> None:
    """From now on this key leads to the person, with what was refused for it (P12)."""
    scene.happens(PointTo(kind, value, contact_id))
    suppression.honour(scene, contact_id, kind, value)


def meet_again(scene: Scene, person: Contact, customer: facts.Customer) -> None:
    """What a newer snapshot tells of a person that an order already belongs to. A number that leads
    to another person stays theirs alone: their stop must reach every text to it (P1)."""
    told = _reached_at(scene, _told(scene, person, customer), customer)
    owner = scene.refs.get(("phone", told.phone or ""))
    if owner and owner.contact_id != person.id:
        told = replace(told, phone=person.phone, phone_doubt=person.phone_doubt, zones=person.zones)
    if told != person:
        scene.happens(SaveContact(told))
        for kind, value in keys_of(customer, scene.store.country):
            if (kind, value) not in scene.refs and (kind != "phone" or value == told.phone):
                _lead_to(scene, kind, value, person.id)


def _find(scene: Scene, customer: facts.Customer, keys: list[tuple[str, str]]) -> Contact | None:
    """The contact whom the phone names; by account or e-mail only one whose phone is not another:
    somebody may order for their mother, who has a phone of her own."""
    phone = next((value for kind, value in keys if kind == "phone"), None)
    for key in keys:
        if key in scene.refs:
            person = scene.contacts[scene.refs[key].contact_id]
            if key[0] == "phone" or phone is None or person.phone in (None, phone):
                return person
    return None


def _told(scene: Scene, known: Contact, customer: facts.Customer) -> Contact:
    read = read_phone(customer, scene.store.country)
    phone, doubt = known.phone, known.phone_doubt
    country = customer.country.upper() or known.country
    region = customer.region or known.region
    if isinstance(read, phones.Phone):
        if phone is None:
            phone, doubt = read.e164, None
        country = country or read.country
    elif customer.phone and phone is None:
        doubt = customer.phone
    return _changed(
        known,
        phone=phone,
        phone_doubt=doubt,
        email=customer.email.lower() or known.email,
        name=customer.name or known.name,
        language=customer.language[:2].lower() or known.language,
        country=country,
        region=region,
        zones=tuple(phones.zones(phone, country, region)) if phone else known.zones,
    )


def _reached_at(scene: Scene, person: Contact, customer: facts.Customer) -> Contact:
    """The person at the number that was told last (P9: several phones over time), such as one that
    was corrected in the order. A number that leads to somebody else is never taken from them."""
    read = read_phone(customer, scene.store.country)
    if not isinstance(read, phones.Phone) or read.e164 == person.phone:
        return person
    owner = scene.refs.get(("phone", read.e164))
    if owner and owner.contact_id != person.id:
        return person
    zones = tuple(phones.zones(read.e164, person.country, person.region))
    return _changed(person, phone=read.e164, phone_doubt=None, zones=zones)


def _changed(known: Contact, **told: Any) -> Contact:
    """The same object when nothing is new, as with most that is told."""
    new = {name: value for name, value in told.items() if getattr(known, name) != value}
    return replace(known, **new) if new else known


def settle(scene: Scene, person: Contact, phone: str) -> None:
    """The number that somebody read where we could not: the next text goes to it. A number that
    leads to another person already changes nothing, and so does one for who has a phone."""
    read = phones.parse(phone, person.country or scene.store.country)
    if person.phone or isinstance(read, phones.Doubtful) or ("phone", read.e164) in scene.refs:
        return
    country = person.country or read.country
    zones = tuple(phones.zones(read.e164, country, person.region))
    scene.happens(
        SaveContact(
            replace(person, phone=read.e164, phone_doubt=None, country=country, zones=zones)
        ),
    )
    _lead_to(scene, "phone", read.e164, person.id)


def agree(scene: Scene, person: Contact, consent: facts.Consent, at: datetime, source: str) -> None:
    """A yes at a checkout or account, unless something newer was said: an old order that is told
    again never subscribes somebody who stopped since (P1). An unticked box is not a stop."""
    person = scene.contacts[person.id]
    if not consent.marketing or person.marketing == "in" or suppression.holds(scene, person):
        return
    if person.marketing_at and person.marketing_at >= at:
        return
    scene.happens(
        ledger.entry(
            scene,
            person.id,
            at,
            "marketing",
            "in",
            source,
            consent.words,
            language=consent.language,
        )
    )
