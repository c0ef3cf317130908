"""A chunk of a list becomes people: found by their keys, joined, written by COPY, all at once.

One transaction holds the people, their ledger rows, what is needed to undo it, and how far the
import has come: a process may be killed at any moment, and the next one goes on behind the last
chunk. Nothing here is done row by row in SQL.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import Any, Protocol, cast

from ringdove.kit import db
from ringdove.kit.buckets import Ids, bucket_of, bucket_of_id
from ringdove.kit.db import Tx
from ringdove.records import own_fields, scene_rows, search, suppression
from ringdove.records.imports import Import, bucket
from ringdove.rules import people_joins
from ringdove.rules.own_fields import OwnField
from ringdove.rules.own_fields import read as read_own
from ringdove.rules.people_joins import NAMES, Chain, Person, Values
from ringdove.rules.people_rows import Known, Plan, Row
from ringdove.rules.scenes import Contact, Held, Store
from ringdove.rules.suppression import hashed

CHUNK_ROWS = 4_000
Key = tuple[str, str]
Keyed = Callable[[int, str], str]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is not taken."""

    line: int
    reason: str
    cells: Sequence[str]


@dataclass(slots=True)
class Chunk:
    """Rows of a file one after the other, judged; `row_at`: the last of them."""

    row_at: int = 0
    rows: list[Row] = field(default_factory=list)
    keys: list[list[Key]] = field(default_factory=list)  # of each row, the strongest first
    rejected: list[Rejected] = field(default_factory=list)

    def add(self, ground: "Ground", row: Row) -> None:
        """One row more."""
        self.rows.append(row)
        self.keys.append(_keys(ground, row))


class Before(Protocol):
    """Who stood in the file before this chunk; only a check without writing asks."""

    def has(self, person: Person, row: Row, keys: Sequence[Key]) -> bool: ...
    def remember(self, person: Person, row: Row, keys: Sequence[Key]) -> None: ...


@dataclass(slots=True)
class Ground:
    """What all chunks of one import share."""

    store: Store
    one: Import
    plan: Plan
    keyed: Keyed
    ids: Ids
    now: datetime
    language: str  # for whom the list names none
    is_found_later: bool = False  # a long list: a worker makes its people findable afterwards
    chain: Chain = field(init=False)

    def __post_init__(self) -> None:
        self.chain = Chain(
            self.store.id, self.one.id, self.one.name, self.plan,
            keyed=lambda text: self.keyed(self.store.id, text),
            make_id=lambda contact_id: self.ids.make(bucket_of_id(contact_id)),
        )  # fmt: skip

    def bucket_of(self, kind: str, value: str) -> int:
        """Where a natural key lies."""
        return bucket_of(self.store.bucket_base, self.store.bucket_span, f"{kind}/{value}")

    @property
    def note(self) -> str:
        """What people made by this import carry as their origin."""
        return f"import/{self.one.id}"


@dataclass(slots=True)
class Met:
    """Whom the keys of a chunk lead to."""

    refs: dict[Key, Person] = field(default_factory=dict)
    people: list[Person] = field(default_factory=list)
    held: dict[Key, Held] = field(default_factory=dict)
    touched: dict[int, dict[str, str]] = field(default_factory=dict)  # by this import before


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
    return _join_all(ground, chunk, met, before)


async def write(tx: Tx, ground: Ground, chunk: Chunk) -> Counter[str]:
    """Writes these rows."""
    met = await _meet(tx, ground, chunk, lock=True)
    counts = _join_all(ground, chunk, met, None)
    changed = [person for person in met.people if person.is_changed]
    await _put(tx, ground, changed)
    await _reject(tx, ground, chunk.rejected)
    return counts


def _join_all(ground: Ground, chunk: Chunk, met: Met, before: Before | None) -> Counter[str]:
    counts: Counter[str] = Counter()
    stood: list[tuple[Person, Row, list[Key]]] = []
    for row, keys in zip(chunk.rows, chunk.keys, strict=True):
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
        if person.values["language"] is None and person.is_new:
            person.values["language"] = ground.language or None
        heard = ground.chain.hear(person, row, held)
        if is_again:
            outcome = "again"
        elif person.is_new:
            outcome = "new"
        else:
            outcome = "updated" if _size(person) != was else "same"
        counts[outcome] += 1
        if heard and (heard != "allowed" or outcome != "again" or before is None):
            counts[f"said.{heard}"] += 1
        if row.doubt:
            counts["doubt"] += 1
        for name in row.notes:
            counts[f"note.{name}"] += 1
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


def _keys(ground: Ground, row: Row) -> list[Key]:
    keys = people_joins.keys_of(row)
    if row.doubt:
        signs = "".join(sign for sign in row.doubt.casefold() if sign.isalnum())
        keys.append(("doubt", ground.keyed(ground.store.id, f"doubt/{signs}")))
    return keys


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
    keys = list({key: None for keys in chunk.keys for key in keys})
    if not keys:
        return met
    store = ground.store
    given = {
        "store_id": store.id,
        "places": db.numbers(ground.bucket_of(*key) for key in keys),
        "kinds": db.words([kind for kind, _ in keys]),
        "values": db.words([value for _, value in keys]),
    }
    found = await (await tx.execute(REFS, given)).fetchall()
    people = await _people(tx, store, {row["contact_id"] for row in found}, lock)
    met.people = list({id(person): person for person in people.values()}.values())
    for row in found:
        if person := people.get(row["contact_id"]):
            met.refs[row["kind"], row["value"]] = person
    await _load_touched(tx, ground, met, people)
    await _load_held(tx, ground, met, keys)
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


async def _load_held(tx: Tx, ground: Ground, met: Met, keys: Iterable[Key]) -> None:
    store = ground.store
    by_hash = {
        ground.keyed(store.id, hashed(*key)): key for key in keys if key[0] in ("phone", "email")
    }
    held = await suppression.held(tx, store, by_hash)
    met.held = {by_hash[digest]: one for digest, one in held.items()}


# ------------------------------------------------------------------ writing

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


async def _put(tx: Tx, ground: Ground, people: list[Person]) -> None:
    store = ground.store
    people.sort(key=lambda person: (bucket_of_id(person.values["id"]), person.values["id"]))
    made = [person for person in people if person.is_new]
    known = [person for person in people if not person.is_new]
    await _copy(tx, COPY_CONTACTS, (_contact_line(store, person.values) for person in made))
    if known:
        rows = [
            {**person.values, "bucket": bucket_of_id(person.values["id"]), "store_id": store.id}
            for person in known
        ]
        await tx.execute(
            scene_rows.PUT_CONTACTS,
            {"buckets": _buckets(known), "store_id": store.id, "rows": db.document(rows)},
        )
    refs = sorted(
        (ground.bucket_of(*key), *key, person.values["id"])
        for person in people
        for key in person.refs
    )
    await _copy(tx, COPY_REFS, (
        f"{place}\t{store.id}\t{kind}\t{_escaped(value)}\t{contact_id}\n"
        for place, kind, value, contact_id in refs
    ))  # fmt: skip
    await put_consents(tx, store, people)
    if not ground.is_found_later:
        await _copy(tx, COPY_SEARCH, (_search_line(store, person.values) for person in made))
    if known:
        await search.put(tx, store, [Contact(**person.values) for person in known])
    await _touch(tx, ground, made, known)


async def put_consents(tx: Tx, store: Store, people: Iterable[Person]) -> None:
    """The new rows of their ledger."""
    lines = (_consent_line(store, row) for person in people for row in person.rows)
    await _copy(tx, COPY_CONSENTS, lines)


def _buckets(people: Iterable[Person]) -> list[int]:
    return sorted({bucket_of_id(person.values["id"]) for person in people})


async def _copy(tx: Tx, statement: str, lines: Iterable[str]) -> None:
    """Rows as COPY reads them: some hundred thousand octets at a time."""
    some = list(lines)
    if some:
        async with tx.cursor().copy(statement.encode()) as out:
            await out.write("".join(some))


def _contact_line(store: Store, values: Values) -> str:
    v = values
    return "\t".join((
        str(bucket_of_id(v["id"])), str(store.id), str(v["id"]), _told(v["phone"]),
        _told(v["phone_doubt"]), _told(v["email"]), _escaped(v["name"]), _told(v["language"]),
        _told(v["country"]), _told(v["region"]), f"{{{','.join(v['zones'])}}}", v["marketing"],
        v["service"], _time(v["marketing_at"]), _time(v["service_at"]), v["origin"],
        _time(v["created_at"]), _escaped(v["city"]), v["sex"], _time(v["birthday"]),
        f"{{{','.join(map(str, v['children']))}}}", _json(v["fields"]), _json(v["scopes"]),
        v["origin_note"], str(v["ledger_seq"]), v["ledger_hash"] + "\n",
    ))  # fmt: skip


def _consent_line(store: Store, row: Values) -> str:
    return "\t".join((
        str(bucket_of_id(row["contact_id"])), str(store.id), str(row["id"]),
        str(row["contact_id"]), _time(row["at"]), row["scope"], row["change"], row["source"],
        _escaped(row["words"]), row["language"], row["who"], str(row["seq"]), row["prev"],
        row["hash"] + "\n",
    ))  # fmt: skip


def _search_line(store: Store, values: Values) -> str:
    *first, digits, signs = search.line(store, cast(Contact, SimpleNamespace(**values)))
    return "\t".join((*map(str, first), _escaped(digits), _escaped(signs) + "\n"))


def _told(text: str | None) -> str:
    return r"\N" if text is None else _escaped(text)


def _escaped(text: str) -> str:
    if text.isprintable() and "\\" not in text:
        return text
    for sign, written in (("\\", r"\\"), ("\t", r"\t"), ("\n", r"\n"), ("\r", r"\r")):
        text = text.replace(sign, written)
    return text


@lru_cache(8_192)
def _time(moment: Any) -> str:
    return r"\N" if moment is None else str(moment)


def _json(document: Any) -> str:
    return _escaped(json.dumps(document, ensure_ascii=False, default=str)) if document else "{}"


async def _touch(tx: Tx, ground: Ground, made: list[Person], known: list[Person]) -> None:
    shared = {"store_id": ground.store.id, "import_id": ground.one.id}
    # Made in an earlier chunk of this import: known by now, but still its own.
    own = [*made, *(one for one in known if one.values["origin_note"] == ground.note)]
    if own:
        await tx.execute(TOUCH_MADE, shared | {
            "buckets": _buckets(own),
            "places": db.numbers(bucket_of_id(person.values["id"]) for person in own),
            "ids": db.numbers(person.values["id"] for person in own),
            "refs": db.words([_odd_refs(person) for person in own]),
            "allowed": db.words([json.dumps(person.allowed) for person in own]),
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


def _odd_refs(person: Person) -> str:
    """Phone and e-mail stand in the contact itself; the others must be kept to be undone."""
    odd = [
        key for key in person.refs if key[1] not in (person.values["phone"], person.values["email"])
    ]
    return json.dumps(odd, ensure_ascii=False) if odd else "[]"


async def _reject(tx: Tx, ground: Ground, rejected: Sequence[Rejected]) -> None:
    place = bucket(ground.store)
    await _copy(tx, COPY_REJECTS, (
        f"{place}\t{ground.store.id}\t{ground.one.id}\t{one.line}\t{one.reason}\t"
        + _escaped(json.dumps(list(one.cells), ensure_ascii=False)) + "\n"
        for one in rejected
    ))  # fmt: skip
