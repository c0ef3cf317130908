"""Who else of a store may be this person: by address, by a slip in the number, by name."""

from datetime import datetime
from typing import NamedTuple

from ringdove.kit.db import Tx
from ringdove.records.people import people, search
from ringdove.records.people.lookups import NO_END
from ringdove.rules.people import doubles, searching
from ringdove.rules.people.searching import Filters
from ringdove.rules.scenes import Contact, Store

OFFERED_MOST = 5
LOOKED_AT = 20


class Double(NamedTuple):
    """Another contact, and what speaks for it."""

    person: Contact
    why: str  # email, slip, name


async def of_person(tx: Tx, store: Store, person: Contact, now: datetime) -> list[Double]:
    """Those that may be the same person, the likeliest first. A glance, not a search through all:
    it is asked with every customer's page."""
    keys = [("phone", one) for one in doubles.slips_of(person.phone)] if person.phone else []
    if person.email:
        keys.append(("email", person.email))
    ids = set((await people.behind(tx, store, keys)).values())
    for typed in filter(None, (person.email, person.name)):
        needle = searching.needle(store.id, typed, Filters(), masked=False)
        if needle.sure:
            some = await search.find(
                tx, store, needle, Filters(), now, NO_END, LOOKED_AT, patient=True
            )
            ids.update(row["id"] for row in some.rows)
    ids -= {person.id, *person.also}
    found = []
    for contact_id in sorted(ids, reverse=True)[: 3 * LOOKED_AT]:
        other = await people.living(tx, store, contact_id)
        why = doubles.likeness(person, other) if other else None
        if other and why:
            found.append(Double(other, why))
    order = ("email", "slip", "name")
    return sorted(found, key=lambda one: order.index(one.why))[:OFFERED_MOST]
