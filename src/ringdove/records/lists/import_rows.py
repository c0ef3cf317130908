"""A chunk of a list becomes people: found by their keys, joined, written by COPY, all at once.

One transaction holds the people, their ledger rows, what is needed to undo it, and how far the
import has come: a process may be killed at any moment, and the next one goes on behind the last
chunk. Nothing here is done row by row in SQL.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.records import counters, scene_rows
from ringdove.records.consent import suppression
from ringdove.records.lists import import_chunks
from ringdove.records.lists.import_chunks import Chunk, Fresh, Ground, Key, Rejected, escaped
from ringdove.records.lists.imports import bucket
from ringdove.records.people import own_fields, search
from ringdove.rules.lists import people_joins
from ringdove.rules.lists.people_joins import NAMES, Person, Values
from ringdove.rules.lists.people_rows import Known, Row
from ringdove.rules.people.own_fields import OwnField
from ringdove.rules.people.own_fields import read as read_own
from ringdove.rules.scenes import Contact, Held, Store

# Roll-ups, and which outcome of a row adds to each.
COUNTED = {"people_new": "new", "yes_new": "said.allowed", "no_new": "said.refused"}


class Before(Protocol):
    """Who stood in the file before this chunk; only a check without writing asks."""

    def has(self, person: Person, row: Row, keys: Sequence[Key]) -> bool: ...
    def has_keys(self, sign: int, keys: Sequence[Key]) -> bool: ...
    def remember(self, person: Person, row: Row, keys: Sequence[Key]) -> None: ...
    def remember_keys(self, sign: int, keys: Sequence[Key]) -> None: ...


@dataclass(slots=True)
class Met:
    """Whom the keys of a chunk lead to."""

    refs: dict[Key, Person] = field(default_factory=dict)
    people: list[Person] = field(default_factory=list)
    held: dict[Key, Held] = field(default_factory=dict)
    touched: dict[int, dict[str, str]] = field(default_factory=dict)  # by this import before
    # The chunk's rows, once it is known who is fresh indeed.
    fresh: list[Fresh] = field(default_factory=list)
    fresh_refs: list[tuple[int, str, str, int]] = field(default_factory=list)
    rows: list[tuple[Row, list[Key]]] = field(default_factory=list)


async def known(tx: Tx, store: Store) -> Known:
    """What rows of this store's lists are read with: its topics, and fields of its own."""
    topics = {}
    for topic in store.policy.topics:
        for name in (topic.key, topic.key.replace("_", " "), *topic.names.values()):
            topics[name.casefold()] = topic.key
    fields = {
        key: partial(_own_value, one)
        for key, one in (await own_fields.of_store(tx, store)).items()
        if not one.is_retired
    }
    return Known(topics, fields, store.languages)


def _own_value(one: OwnField, text: str) -> Any:
    try:
        return read_own(one, text)
    except ValueError:
        return None


# ------------------------------------------------------------------ the story


async def count(tx: Tx, ground: Ground, chunk: Chunk, before: Before) -> Counter[str]:
    """What would become of these rows; writes nothing."""
    met = await _meet(tx, ground, chunk, lock=False)
    counts = _join_all(ground, chunk, met, before)
    keys: dict[int, list[Key]] = defaultdict(list)
    for _, kind, value, contact_id in met.fresh_refs:
        keys[contact_id].append((kind, value))
    for one in met.fresh:
        if before.has_keys(one.sign, keys[one.id]):
            counts.update("again" if name == "new" else name for name in one.counted
                          if name != "said.allowed")  # fmt: skip
        else:
            counts.update(one.counted)
        before.remember_keys(one.sign, keys[one.id])
    return counts


async def write(tx: Tx, ground: Ground, chunk: Chunk) -> Counter[str]:
    """Writes these rows."""
    met = await _meet(tx, ground, chunk, lock=True)
    counts = _join_all(ground, chunk, met, None)
    for one in met.fresh:
        counts.update(one.counted)
    await _put(tx, ground, met)
    await _reject(tx, ground, chunk.rejected)
    await _add_up(tx, ground, counts)
    return counts


async def _add_up(tx: Tx, ground: Ground, counts: Mapping[str, int]) -> None:
    """For the page of people, week by week. Last, since all of the store adds to the same rows."""
    of_people = {name: counts.get(outcome, 0) for name, outcome in COUNTED.items()}
    await counters.add(tx, ground.store, ground.now, of_people)


def _join_all(ground: Ground, chunk: Chunk, met: Met, before: Before | None) -> Counter[str]:
    counts: Counter[str] = Counter()
    stood: list[tuple[Person, Row, list[Key]]] = []
    for row, keys in met.rows:
        person, is_first = _who(ground, met, row, keys)
        is_again = (not is_first and person.is_changed) or person.values["id"] in met.touched
        if before is not None and not is_again and before.has(person, row, keys):
            is_again = True
        was = _size(person)
        owner = met.refs.get(("email", row.email or ""))
        people_joins.join(person, row, ground.plan, has_email=owner in (None, person))
        new_keys = _point(met, person, keys)
        held = [
            (kind, met.held[kind, value]) for kind, value in new_keys if (kind, value) in met.held
        ]
        heard = import_chunks.hear(ground, person, row, held)
        if is_again:
            outcome = "again"
        elif person.is_new:
            outcome = "new"
        else:
            outcome = "updated" if _size(person) != was else "same"
        counts[outcome] += 1
        if heard and (heard != "allowed" or outcome != "again" or before is None):
            counts[f"said.{heard}"] += 1
        counts.update(import_chunks.counted_of(row))
        stood.append((person, row, keys))
    if before is not None:  # within a chunk the keys themselves tell who is who
        for person, row, keys in stood:
            before.remember(person, row, keys)
    for one in chunk.rejected:
        counts["rejected"] += 1
        counts[f"reason.{one.reason}"] += 1
    return counts


def _size(person: Person) -> tuple[int, int, int]:
    return len(person.before), len(person.refs), len(person.rows)


def _who(ground: Ground, met: Met, row: Row, keys: Sequence[Key]) -> tuple[Person, bool]:
    """Whom the row is about; True: somebody nobody knew."""
    for key in keys:
        person = met.refs.get(key)
        if person and people_joins.is_same(person.values, key[0], row):
            return person, False
    kind, value = keys[0]
    contact_id = ground.ids.make(ground.bucket_of(kind, value))
    person = Person(people_joins.blank(contact_id, ground.now, ground.note), is_new=True)
    met.people.append(person)
    return person, True


def _point(met: Met, person: Person, keys: Sequence[Key]) -> list[Key]:
    """New keys lead to this person from now on."""
    new = []
    for key in keys:
        if key not in met.refs and (key[0] != "phone" or key[1] == person.values["phone"]):
            met.refs[key] = person
            person.refs.append(key)
            new.append(key)
    return new


# ------------------------------------------------------------------ whom the keys lead to

REFS = """
SELECT r.kind, r.value, r.contact_id
FROM unnest(%(places)s::integer[], %(kinds)s::text[], %(values)s::text[]) AS k(bucket, kind, value)
CROSS JOIN LATERAL (
  SELECT r.* FROM contact_ref r
  WHERE r.bucket = k.bucket AND r.store_id = %(store_id)s AND r.kind = k.kind AND r.value = k.value
  OFFSET 0
) r
"""
LOOK = """
SELECT c.* FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = ANY(%(ids)s::bigint[])
ORDER BY c.id
"""
LOCK = LOOK + " FOR UPDATE"
TOUCHED = """
SELECT t.contact_id, t.allowed FROM people_import_touch t
WHERE t.bucket = ANY(%(buckets)s) AND t.store_id = %(store_id)s AND t.import_id = %(import_id)s
  AND t.contact_id = ANY(%(ids)s::bigint[])
"""


async def _meet(tx: Tx, ground: Ground, chunk: Chunk, *, lock: bool) -> Met:
    met = Met()
    store = ground.store
    found = await (await tx.execute(REFS, chunk.asked | {"store_id": store.id})).fetchall()
    people = await _people(tx, store, {row["contact_id"] for row in found}, lock)
    met.people = list({id(person): person for person in people.values()}.values())
    for row in found:
        if person := people.get(row["contact_id"]):
            met.refs[row["kind"], row["value"]] = person
    await _load_touched(tx, ground, met, people)
    asked = chunk.asked_held | {"store_id": store.id}
    for row in await (await tx.execute(suppression.HELD, asked)).fetchall():
        met.held[chunk.by_hash[row["hash"]]] = Held(row["scope"], row["reason"], row["at"])
    gone, rows = chunk.take_out(
        ground, [*((row["kind"], row["value"]) for row in found), *met.held]
    )
    met.fresh = [one for one in chunk.fresh if one.id not in gone]
    met.fresh_refs = [ref for ref in chunk.refs if ref[3] not in gone]
    met.rows = list(zip(chunk.rows, chunk.keys, strict=True))
    if rows:
        met.rows = sorted([*met.rows, *rows], key=lambda one: one[0].line)
    return met


async def _people(tx: Tx, store: Store, ids: set[int], lock: bool) -> dict[int, Person]:
    found = await _rows(tx, store, ids, lock)
    main = {row["merged_into"] for row in found.values() if row["merged_into"]} - found.keys()
    found |= await _rows(tx, store, main, lock)
    people = {
        contact_id: Person({name: row[name] for name in NAMES}, is_new=False)
        for contact_id, row in found.items()
        if not row["merged_into"] and not row["erased_at"]
    }
    # Who was merged into somebody is spoken to, and filled in, there.
    for contact_id, row in found.items():
        if row["merged_into"] in people:
            people[contact_id] = people[row["merged_into"]]
    return people


async def _rows(tx: Tx, store: Store, ids: set[int], lock: bool) -> dict[int, Values]:
    by_bucket: dict[int, list[int]] = defaultdict(list)
    for one in ids:
        by_bucket[bucket_of_id(one)].append(one)
    given = [
        {"bucket": place, "store_id": store.id, "ids": db.numbers(sorted(by_bucket[place]))}
        for place in sorted(by_bucket)
    ]
    found: dict[int, Values] = {}
    for cursor in await db.execute_each(tx, LOCK if lock else LOOK, given):
        for row in await cursor.fetchall():
            for name in ("zones", "children", "also"):
                row[name] = tuple(row[name])
            found[row["id"]] = row
    return found


async def _load_touched(tx: Tx, ground: Ground, met: Met, people: Mapping[int, Person]) -> None:
    ids = sorted({person.values["id"] for person in people.values()})
    if not ids:
        return
    given = {
        "buckets": sorted({bucket_of_id(one) for one in ids}),
        "store_id": ground.store.id,
        "import_id": ground.one.id,
        "ids": db.numbers(ids),
    }
    for row in await (await tx.execute(TOUCHED, given)).fetchall():
        met.touched[row["contact_id"]] = row["allowed"] or {}
        people[row["contact_id"]].allowed.update(row["allowed"] or {})


# ------------------------------------------------------------------ writing

LINES_AT_ONCE = 1_000
COPY_CONTACTS = (
    "COPY contact (bucket, store_id, id, phone, phone_doubt, email, name, language, country,"
    " region, zones, marketing, service, marketing_at, service_at, origin, created_at, city, sex,"
    " birthday, children, fields, scopes, origin_note, ledger_seq, ledger_hash) FROM STDIN"
)
COPY_REFS = "COPY contact_ref (bucket, store_id, kind, value, contact_id) FROM STDIN"
COPY_CONSENTS = (
    "COPY consent_event (bucket, store_id, id, contact_id, at, scope, change, source, words,"
    " language, who, seq, prev, hash) FROM STDIN"
)
COPY_SEARCH = f"COPY contact_search ({', '.join(search.COLUMNS)}) FROM STDIN"
COPY_FIGURES = "COPY contact_figure (bucket, store_id, contact_id) FROM STDIN"
COPY_REJECTS = (
    "COPY people_import_reject (bucket, store_id, import_id, line, reason, cells) FROM STDIN"
)
TOUCH_MADE = """
INSERT INTO people_import_touch AS t
  (bucket, store_id, import_id, contact_id, mark, refs, allowed)
SELECT c.bucket, c.store_id, %(import_id)s, c.id, c.mark, k.refs::jsonb, k.allowed::jsonb
FROM unnest(%(places)s::integer[], %(ids)s::bigint[], %(refs)s::text[], %(allowed)s::text[])
  AS k(bucket, id, refs, allowed)
CROSS JOIN LATERAL (
  SELECT r.bucket, %(store_id)s::integer AS store_id, r.id, hash_record_extended(r, 0) AS mark
  FROM contact r
  WHERE r.bucket = k.bucket AND r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
    AND r.id = k.id OFFSET 0
) c
ON CONFLICT (bucket, store_id, import_id, contact_id) DO UPDATE SET
  mark = EXCLUDED.mark, refs = coalesce(t.refs, '[]') || coalesce(EXCLUDED.refs, '[]'),
  allowed = coalesce(t.allowed, '{}') || coalesce(EXCLUDED.allowed, '{}')
"""
TOUCH_CHANGED = """
INSERT INTO people_import_touch AS t
  (bucket, store_id, import_id, contact_id, before, after, refs, allowed)
SELECT r.bucket, %(store_id)s, %(import_id)s, r.contact_id, r.before, r.after, r.refs, r.allowed
FROM jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, contact_id bigint, before jsonb, after jsonb, refs jsonb, allowed jsonb)
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id, import_id, contact_id) DO UPDATE SET
  before = EXCLUDED.before || t.before, after = t.after || EXCLUDED.after,
  refs = coalesce(t.refs, '[]') || coalesce(EXCLUDED.refs, '[]'),
  allowed = coalesce(t.allowed, '{}') || coalesce(EXCLUDED.allowed, '{}')
"""


async def _put(tx: Tx, ground: Ground, met: Met) -> None:
    store = ground.store
    people = [person for person in met.people if person.is_changed]
    people.sort(key=lambda person: (bucket_of_id(person.values["id"]), person.values["id"]))
    made = sorted([*met.fresh, *(_made(ground, one) for one in people if one.is_new)])
    known = [person for person in people if not person.is_new]
    await _copy(tx, COPY_CONTACTS, [one.contact for one in made])
    await _copy(tx, COPY_FIGURES, [f"{one.place}\t{store.id}\t{one.id}\n" for one in made])
    if known:
        rows = [
            {**person.values, "bucket": bucket_of_id(person.values["id"]), "store_id": store.id}
            for person in known
        ]
        await tx.execute(
            scene_rows.PUT_CONTACTS,
            {"buckets": _buckets(known), "store_id": store.id, "rows": db.document(rows)},
        )
    refs = [
        (ground.bucket_of(*key), *key, person.values["id"])
        for person in people
        for key in person.refs
    ]
    await _copy(tx, COPY_REFS, [
        f"{place}\t{store.id}\t{kind}\t{escaped(value)}\t{contact_id}\n"
        for place, kind, value, contact_id in sorted(met.fresh_refs + refs)
    ])  # fmt: skip
    await _copy(tx, COPY_CONSENTS, [one.consents for one in made])
    await put_consents(tx, store, known)
    if not ground.is_found_later:
        await _copy(tx, COPY_SEARCH, [one.search for one in made])
    if known:
        await search.put(tx, store, [Contact(**person.values) for person in known])
    await _touch(tx, ground, made, known)


def _made(ground: Ground, person: Person) -> Fresh:
    """Somebody new of several rows."""
    place = bucket_of_id(person.values["id"])
    return import_chunks.written(ground, person, place, (), 0)


async def put_consents(tx: Tx, store: Store, people: Iterable[Person]) -> None:
    """The new rows of their ledger."""
    await _copy(tx, COPY_CONSENTS, [
        import_chunks.consent_line(store, row) for person in people for row in person.rows
    ])  # fmt: skip


def _buckets(people: Iterable[Person]) -> list[int]:
    return sorted({bucket_of_id(person.values["id"]) for person in people})


async def _copy(tx: Tx, statement: str, lines: Sequence[str]) -> None:
    """Rows as COPY reads them, in pieces: the server reads one while the next is put together."""
    if any(lines):
        async with tx.cursor().copy(statement.encode()) as out:
            for n in range(0, len(lines), LINES_AT_ONCE):
                await out.write("".join(lines[n : n + LINES_AT_ONCE]))


async def _touch(tx: Tx, ground: Ground, made: Sequence[Fresh], known: Sequence[Person]) -> None:
    shared = {"store_id": ground.store.id, "import_id": ground.one.id}
    # Made in an earlier chunk of this import: known by now, but still its own.
    own = [
        *made,
        *(_made(ground, one) for one in known if one.values["origin_note"] == ground.note),
    ]
    if own:
        await tx.execute(TOUCH_MADE, shared | {
            "buckets": sorted({one.place for one in own}),
            "places": db.numbers(one.place for one in own),
            "ids": db.numbers(one.id for one in own),
            "refs": db.words([one.odd_refs for one in own]),
            "allowed": db.words([one.allowed for one in own]),
        })  # fmt: skip
    others = [
        {
            "bucket": bucket_of_id(person.values["id"]),
            "contact_id": person.values["id"],
            "before": person.before,
            "after": {name: person.values[name] for name in person.before},
            "refs": person.refs,
            "allowed": person.allowed,
        }
        for person in known
        if person.values["origin_note"] != ground.note
    ]
    if others:
        await tx.execute(
            TOUCH_CHANGED, shared | {"buckets": _buckets(known), "rows": db.document(others)}
        )


async def _reject(tx: Tx, ground: Ground, rejected: Sequence[Rejected]) -> None:
    place = bucket(ground.store)
    await _copy(tx, COPY_REJECTS, [
        f"{place}\t{ground.store.id}\t{ground.one.id}\t{one.line}\t{one.reason}\t"
        + escaped(json.dumps(list(one.cells), ensure_ascii=False)) + "\n"
        for one in rejected
    ])  # fmt: skip
