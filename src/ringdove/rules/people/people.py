"""Who a fact is about: find the person by phone, account or e-mail, or meet a new one (P9, R66).

The phone decides. An order's phone is read with its own country; what stays doubtful is kept as it
came, for a person to settle, and no text goes to it.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from ringdove.rules import facts
from ringdove.rules.consent import ledger, suppression
from ringdove.rules.effects import PointTo, SaveContact
from ringdove.rules.people import number_changes, own_fields, phones
from ringdove.rules.scenes import Contact, Scene

NO_PHONE_MAX = 100
NOT_YET = ("test", "staff")  # origins of who was written to and is nobody's customer


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


def no_phone(raw: str) -> tuple[str, str]:
    """The key under which it is known that what people typed here is no number."""
    return "no_phone", raw.strip().casefold()[:NO_PHONE_MAX]


def meet(
    scene: Scene,
    customer: facts.Customer,
    origin: str,
    now: datetime,
    fallback_key: str,
    at: datetime | None = None,
) -> Contact:
    """The person, known or new, with what this fact tells of them. `fallback_key` gives a person
    without phone, account and e-mail a place to live; `at`: when they themselves did it, where it
    is a sign of life."""
    keys = keys_of(customer, scene.store.country)
    known = _find(scene, customer, keys, is_own=origin == "account")
    person = known or Contact(
        id=scene.make_id("/".join(keys[0] if keys else ("", fallback_key))),
        phone=None,
        email=None,
        created_at=now,
        origin=origin,
        origin_note=f"connection/{scene.told_by}" if scene.told_by else "",
    )
    is_late = at and known and known.last_order_at and at < known.last_order_at
    told = _told(scene, person, customer)
    if not is_late:  # an old order that is told again does not bring an old number back
        told = _reached_at(scene, told, customer)
    told = _seen(told, at)
    if told.origin in NOT_YET:  # until they come by themselves
        told = _changed(told, origin=origin)
    if told != scene.contacts.get(told.id):
        scene.happens(SaveContact(told))
    if person.phone and told.phone != person.phone:
        number_changes.permission_follows(scene, told.id, person.phone, at or now)
    place = place_of(scene, customer, told.id)
    for kind, value in keys:
        if (kind, value) not in scene.refs and (kind != "phone" or value == told.phone):
            lead_to(scene, kind, value, place)
    return scene.contacts[told.id]


def place_of(scene: Scene, customer: facts.Customer, contact_id: int) -> int:
    """Under which of their names the person came: what they do now is kept there, and stays there
    when a merge is undone."""
    group = (contact_id, *scene.contacts[contact_id].also)
    for key in keys_of(customer, scene.store.country):
        ref = scene.refs.get(key)
        if ref and ref.contact_id in group:
            return ref.contact_id
    return contact_id


def seen(scene: Scene, person: Contact, at: datetime) -> Contact:
    """A sign of life, kept to a day: a hundred visits a day are one change."""
    living = _seen(scene.person(person.id), at)
    if living is not scene.contacts[living.id]:
        scene.happens(SaveContact(living))
    return living


def _seen(person: Contact, at: datetime | None) -> Contact:
    if at is None:
        return person
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return _changed(person, seen_at=max(day, person.seen_at or day))


def lead_to(scene: Scene, kind: str, value: str, contact_id: int) -> None:
    """From now on this key leads to the person, with what was refused for it (P12)."""
    scene.happens(PointTo(kind, value, contact_id))
    suppression.honour(scene, scene.person(contact_id).id, kind, value)


def meet_again(
    scene: Scene,
    person: Contact,
    customer: facts.Customer,
    at: datetime,
    place: int = 0,
) -> None:
    """What a newer snapshot tells of a person that an order already belongs to. A number that leads
    to another person stays theirs alone: their stop must reach every text to it (P1)."""
    told = _reached_at(scene, _told(scene, person, customer), customer)
    owner = scene.refs.get(("phone", told.phone or ""))
    if owner and not _is_of(scene, owner.contact_id, person):
        told = replace(told, phone=person.phone, phone_doubt=person.phone_doubt, zones=person.zones)
    if told != person:
        scene.happens(SaveContact(told))
        if person.phone and told.phone != person.phone:
            number_changes.permission_follows(scene, told.id, person.phone, at)
        for kind, value in keys_of(customer, scene.store.country):
            if (kind, value) not in scene.refs and (kind != "phone" or value == told.phone):
                lead_to(scene, kind, value, place or person.id)


def _find(
    scene: Scene, customer: facts.Customer, keys: list[tuple[str, str]], *, is_own: bool
) -> Contact | None:
    """The contact whom the phone names; by account or e-mail only one whose phone is not another:
    somebody may order for their mother, who has a phone of her own. `is_own`: the shop tells of
    the account itself, whose number may be another now."""
    phone = next((value for kind, value in keys if kind == "phone"), None)
    for key in keys:
        if key in scene.refs:
            person = scene.person(scene.refs[key].contact_id)
            if key[0] == "phone" or phone is None or person.phone in (None, phone):
                return person
            if is_own and key[0] == "account":
                return person
    return None


def _is_of(scene: Scene, contact_id: int, person: Contact) -> bool:
    """Whether a contact is this person, under whichever of their names."""
    return contact_id == person.id or contact_id in person.also


def _told(scene: Scene, known: Contact, customer: facts.Customer) -> Contact:
    read = read_phone(customer, scene.store.country)
    phone, doubt = known.phone, known.phone_doubt
    country = customer.country.upper() or known.country
    region = customer.region or known.region
    if isinstance(read, phones.Phone):
        if phone is None:
            phone, doubt = read.e164, None
        country = country or read.country
    elif customer.phone and phone is None and no_phone(customer.phone) not in scene.refs:
        doubt = customer.phone
    same_place = (phone, country, region) == (known.phone, known.country, known.region)
    fields = own_fields.kept(scene.own_fields, customer.fields) if customer.fields else None
    return _changed(
        known,
        phone=phone,
        phone_doubt=doubt,
        email=customer.email.lower() or known.email,
        name=customer.name or known.name,
        language=customer.language[:2].lower() or known.language,
        country=country,
        region=region,
        zones=known.zones if same_place or not phone else phones.zones(phone, country, region),
        city=customer.city or known.city,
        sex=customer.sex or known.sex,
        birthday=customer.birthday or known.birthday,
        children=tuple(sorted(set(customer.children))) or known.children,
        fields={**known.fields, **fields} if fields else known.fields,
    )


def _reached_at(scene: Scene, person: Contact, customer: facts.Customer) -> Contact:
    """The person at the number that was told last (P9: several phones over time), such as one that
    was corrected in the order. A number that leads to somebody else is never taken from them."""
    read = read_phone(customer, scene.store.country)
    if not isinstance(read, phones.Phone) or read.e164 == person.phone:
        return person
    owner = scene.refs.get(("phone", read.e164))
    if owner and not _is_of(scene, owner.contact_id, person):
        return person
    zones = tuple(phones.zones(read.e164, person.country, person.region))
    return _changed(person, phone=read.e164, phone_doubt=None, zones=zones)


def _changed(known: Contact, **told: Any) -> Contact:
    """The same object when nothing is new, as with most that is told."""
    new = {name: value for name, value in told.items() if getattr(known, name) != value}
    return replace(known, **new) if new else known


def agree(scene: Scene, person: Contact, consent: facts.Consent, at: datetime, source: str) -> None:
    """A yes at a checkout or account, unless something newer was said: an old order that is told
    again never subscribes somebody who stopped since (P1). An unticked box is not a stop."""
    person = scene.person(person.id)
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
            ip=consent.ip,
            device=consent.device,
        )
    )


def main_of(scene: Scene, contact_id: int) -> Contact:
    """The person behind a contact: who was merged into another is that one."""
    person = scene.contacts[contact_id]
    while person.merged_into in scene.contacts:
        person = scene.contacts[person.merged_into]
    return person
