"""An import taken back: whom it made go again, what it changed is as before, unless changed since.

The ledger is never unwritten: a row of its own says that what the import had allowed is allowed no
more. A no that stood in the list stays, and so does everybody who has ordered, written, was written
to or merged since. Each page of people is one transaction that also forgets their marks: a killed
process goes on with the rest.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, buckets_of_store
from ringdove.kit.db import Pool, Tx
from ringdove.records import scene_rows
from ringdove.records.lists import import_rows, imports
from ringdove.records.lists.import_chunks import Ground
from ringdove.records.people import search
from ringdove.records.segments import figures
from ringdove.rules.lists.people_joins import NAMES, TOUCHED, Person, Values
from ringdove.rules.scenes import Contact, Store

PAGE = 1_000
Row = Mapping[str, Any]

# What somebody did, or was told, since: then the person stays.
LIVED = """
  EXISTS (SELECT FROM message m WHERE m.bucket = c.bucket AND m.store_id = %(store_id)s
      AND m.contact_id = c.id AND m.id > %(import_id)s)
  OR EXISTS (SELECT FROM purchase_order o WHERE o.bucket = c.bucket AND o.store_id = %(store_id)s
      AND o.contact_id = c.id)
"""
COUNT = """
SELECT
  count(*) FILTER (WHERE t.before IS NULL AND t.mark = hash_record_extended(c, 0)
    AND c.marketing <> 'out' AND c.service <> 'out') AS made,
  count(*) FILTER (WHERE t.before IS NULL AND (t.mark <> hash_record_extended(c, 0)
    OR c.marketing = 'out' OR c.service = 'out')) AS kept,
  count(*) FILTER (WHERE t.before IS NOT NULL) AS changed
FROM people_import_touch t
JOIN contact c ON c.bucket = t.bucket AND c.store_id = t.store_id AND c.id = t.contact_id
WHERE t.bucket = ANY(%(buckets)s) AND c.bucket = ANY(%(buckets)s) AND t.store_id = %(store_id)s
  AND c.store_id = %(store_id)s AND t.import_id = %(import_id)s
"""


async def forecast(tx: Tx, store: Store, import_id: int) -> Row:
    """How many would go (made), stay since they have changed (kept), and become as before
    (changed)."""
    row = await (await tx.execute(COUNT, _given(store, import_id))).fetchone()
    assert row is not None
    return row


def _given(store: Store, import_id: int) -> dict[str, Any]:
    return {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
        "import_id": import_id,
    }


async def all_of_it(pool: Pool, ground: Ground, lost: asyncio.Event) -> None:
    """Takes the import back, page by page."""
    store = ground.store
    for place in buckets_of_store(store.bucket_base, store.bucket_span):
        while not lost.is_set():

            async def work(tx: Tx, place: int = place) -> int:
                one = await imports.find(tx, store, ground.one.id, lock=True)
                if one is None or one.state != "undoing":
                    return 0
                return await _page(tx, ground, place)

            if not await db.retried(pool, work):
                break
    if not lost.is_set():
        async with db.transaction(pool) as tx:
            await imports.end(tx, store, ground.one.id, "undone", ground.now)
            await db.notify(tx, "live", f"{store.id} customers")


# The contact is locked before it is compared: nobody changes it in between.
TOUCHES = """
SELECT t.contact_id, t.mark, t.before, t.after, t.refs, t.allowed FROM people_import_touch t
WHERE t.bucket = %(bucket)s AND t.store_id = %(store_id)s AND t.import_id = %(import_id)s
ORDER BY t.contact_id LIMIT %(most)s
"""
LOCK = f"""
SELECT c.*, hash_record_extended(c, 0) AS mark, ({LIVED}) AS has_lived FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = ANY(%(ids)s::bigint[])
ORDER BY c.id FOR UPDATE
"""
FORGET = """
DELETE FROM people_import_touch t
WHERE t.bucket = %(bucket)s AND t.store_id = %(store_id)s AND t.import_id = %(import_id)s
  AND t.contact_id = ANY(%(ids)s::bigint[])
"""
GO = """
DELETE FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = ANY(%(ids)s::bigint[])
"""
# Only where it leads to the person still.
UNPOINT = """
DELETE FROM contact_ref r
USING jsonb_to_recordset(%(rows)s) AS k(bucket integer, kind text, value text, contact_id bigint)
WHERE r.bucket = k.bucket AND r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
  AND r.kind = k.kind AND r.value = k.value AND r.contact_id = k.contact_id
"""


async def _page(tx: Tx, ground: Ground, place: int) -> int:
    store = ground.store
    shared = {"bucket": place, "store_id": store.id, "import_id": ground.one.id}
    touches = await (await tx.execute(TOUCHES, shared | {"most": PAGE})).fetchall()
    if not touches:
        return 0
    ids = db.numbers(row["contact_id"] for row in touches)
    rows = await (await tx.execute(LOCK, shared | {"ids": ids})).fetchall()
    known = {row["id"]: row for row in rows}
    going, staying, refs = list[Person](), list[Person](), list[tuple[str, str, int]]()
    for touch in touches:
        row = known.get(touch["contact_id"])
        if row is None or row["erased_at"]:
            continue
        person = _person(row)
        _take_back(ground, person, touch["allowed"] or {})
        said_no = "out" in (row["marketing"], row["service"])
        is_as_made = touch["before"] is None and touch["mark"] == row["mark"]
        if is_as_made and not row["has_lived"] and not said_no:
            going.append(person)
            refs += _refs_of(person, touch)
        else:
            refs += _restore(person, touch)
            staying.append(person)
    await _write(tx, ground, going, staying, refs)
    if going:
        gone = [person.values["id"] for person in going]
        await tx.execute(GO, shared | {"ids": db.numbers(gone)})
        await search.drop(tx, store, gone)
        await figures.drop(tx, store, gone)
    await tx.execute(FORGET, shared | {"ids": ids})
    return len(touches)


def _person(row: Row) -> Person:
    values = {name: row[name] for name in NAMES}
    for name in ("zones", "children", "also"):
        values[name] = tuple(values[name])
    return Person(values, is_new=False)


def _take_back(ground: Ground, person: Person, allowed: Mapping[str, str]) -> None:
    """A yes of the import, unless the person has said something since."""
    for scope, when in allowed.items():
        at = datetime.fromisoformat(when)
        if scope == "marketing":
            is_ours = person.values["marketing"] == "in" and person.values["marketing_at"] == at
        else:
            said: Sequence[str] = person.values["scopes"].get(scope) or ("", "")
            is_ours = said[0] == "in" and datetime.fromisoformat(said[1]) == at
        if is_ours:
            ground.chain.take_back(person, scope, ground.now)


def _refs_of(person: Person, touch: Row) -> list[tuple[str, str, int]]:
    values = person.values
    keys = [("phone", values["phone"]), ("email", values["email"]), *(touch["refs"] or ())]
    return [(kind, value, values["id"]) for kind, value in keys if value]


def _restore(person: Person, touch: Row) -> list[tuple[str, str, int]]:
    """Each field that is still as the import left it; the keys that came with them."""
    values, before, after = person.values, touch["before"] or {}, touch["after"] or {}
    refs = []
    for name in TOUCHED:
        if name in before and _plain(values[name]) == _plain(after[name]):
            values[name] = _read(name, before[name])
            person.before[name] = None
    for kind, value in touch["refs"] or ():
        if touch["before"] is not None and value not in (values["phone"], values["email"]):
            refs.append((kind, value, values["id"]))
    return refs


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


def _read(name: str, value: Any) -> Any:
    """From JSON, as a contact has it."""
    if name == "birthday" and value:
        return date.fromisoformat(value)
    if name == "children":
        return tuple(date.fromisoformat(one) for one in value)
    return tuple(value) if name == "zones" else value


async def _write(
    tx: Tx, ground: Ground, going: list[Person], staying: list[Person],
    refs: list[tuple[str, str, int]],
) -> None:  # fmt: skip
    store = ground.store
    changed = [person for person in staying if person.before or person.rows]
    if changed:
        rows = [_row(store, person.values) for person in changed]
        await tx.execute(
            scene_rows.PUT_CONTACTS,
            {
                "buckets": sorted({row["bucket"] for row in rows}),
                "store_id": store.id,
                "rows": db.document(rows),
            },
        )
        await search.put(tx, store, [Contact(**person.values) for person in changed])
    await import_rows.put_consents(tx, store, [*going, *staying])
    if refs:
        keys = [
            {"bucket": ground.bucket_of(kind, value), "kind": kind, "value": value, "contact_id": n}
            for kind, value, n in sorted(refs)
        ]
        await tx.execute(
            UNPOINT,
            {
                "buckets": sorted({int(str(key["bucket"])) for key in keys}),
                "store_id": store.id,
                "rows": db.document(keys),
            },
        )


def _row(store: Store, values: Values) -> dict[str, Any]:
    return {**values, "bucket": bucket_of_id(values["id"]), "store_id": store.id}
