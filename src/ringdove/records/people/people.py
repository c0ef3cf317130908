"""One person whole, under all their names, with the numbers they were met at."""

from collections.abc import Sequence

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, bucket_of_id
from ringdove.kit.db import Tx
from ringdove.records.scenes import contact_of
from ringdove.rules.scenes import Contact, Store

NUMBERS_MOST = 20

FIND = """
SELECT c.* FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = %(contact_id)s
"""


async def find(tx: Tx, store: Store, contact_id: int) -> Contact | None:
    """The contact as it is, or None: merged_into says under whom it is known now."""
    given = {"bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id}
    row = await (await tx.execute(FIND, given)).fetchone()
    return contact_of(row) if row else None


async def living(tx: Tx, store: Store, contact_id: int) -> Contact | None:
    """The one person behind a contact; None: there is none, or they were erased."""
    person = await find(tx, store, contact_id)
    if person and person.merged_into:
        person = await find(tx, store, person.merged_into)
    return None if person is None or person.erased_at else person


# Numbers that texts went to or came from. There is no way from a person to their keys.
MET_AT = """
SELECT m.recipient AS phone, max(m.created_at) AS at FROM message m
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.contact_id = %(contact_id)s
  AND m.channel = 'sms' AND m.recipient <> ''
GROUP BY m.recipient
UNION ALL
SELECT i.sender, max(i.at) FROM inbound i
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s AND i.contact_id = %(contact_id)s
GROUP BY i.sender
"""
BEHIND = """
SELECT r.kind, r.value, r.contact_id FROM contact_ref r
JOIN jsonb_to_recordset(%(keys)s) AS k(bucket integer, kind text, value text)
  ON r.bucket = k.bucket AND r.kind = k.kind AND r.value = k.value
WHERE r.bucket = ANY(%(buckets)s::integer[]) AND r.store_id = %(store_id)s
"""


async def earlier_numbers(tx: Tx, store: Store, person: Contact) -> list[str]:
    """Numbers beside the present one that still lead to this person, the latest first."""
    met: dict[str, float] = {one: 0.0 for one in person.agreed_phones}
    for contact_id in (person.id, *person.also):
        given = {"bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id}
        for row in await (await tx.execute(MET_AT, given)).fetchall():
            met[row["phone"]] = max(met.get(row["phone"], 0.0), row["at"].timestamp())
    met.pop(person.phone or "", None)
    latest = sorted(met, key=lambda phone: -met[phone])[:NUMBERS_MOST]
    owners = await behind(tx, store, [("phone", one) for one in latest])
    mine = {person.id, *person.also}
    return [one for one in latest if owners.get(("phone", one)) in mine]


async def behind(
    tx: Tx, store: Store, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """The contacts that natural keys lead to."""
    if not keys:
        return {}
    rows = [
        {
            "bucket": bucket_of(store.bucket_base, store.bucket_span, f"{kind}/{value}"),
            "kind": kind,
            "value": value,
        }
        for kind, value in keys
    ]
    buckets = db.numbers(sorted({int(str(row["bucket"])) for row in rows}))
    given = {"keys": db.document(rows), "buckets": buckets, "store_id": store.id}
    cursor = await tx.execute(BEHIND, given)
    return {(row["kind"], row["value"]): row["contact_id"] for row in await cursor.fetchall()}
