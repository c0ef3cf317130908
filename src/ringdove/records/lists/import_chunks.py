"""A chunk of a list, read and judged, and as far as can be made ready before anybody is looked up.

Most rows of a list are about somebody of whom nothing is known and who stands in it once. These
are made ready to the lines of COPY, with ids that were lent for it (`Fresh`): that is nearly all
the work of an import, and it needs no database, so it is done ahead and in processes of its own
(workers/lists/import_reading.py). Whoever then turns out to be known, or refused, is taken back out
and joined as the other rows are, by import_rows.py: a Fresh is nobody until it is written.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from ringdove.kit import db
from ringdove.kit.buckets import Ids, LentIds, bucket_of, bucket_of_id
from ringdove.records.lists.imports import Import
from ringdove.records.people import search
from ringdove.rules.consent.suppression import hashed
from ringdove.rules.lists import people_files, people_joins, people_rows
from ringdove.rules.lists.people_joins import Chain, Person, Values
from ringdove.rules.lists.people_rows import Known, Plan, Row
from ringdove.rules.scenes import Contact, Held, Store

CHUNK_ROWS = 4_000
IDS_OF_ROW_MAX = 24  # themselves, a row of the ledger for each topic, and some
Key = tuple[str, str]
Keyed = Callable[[int, str], str]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is not taken."""

    line: int
    reason: str
    cells: Sequence[str]


class Fresh(NamedTuple):
    """Somebody whom nobody knows yet, as COPY reads them."""

    place: int
    id: int
    contact: str
    consents: str
    search: str
    odd_refs: str
    allowed: str
    counted: tuple[str, ...]  # what came of the row
    sign: int  # of the phone, as `sign_of`


@dataclass(slots=True)
class Chunk:
    """Rows of a file one after the other, judged; `row_at`: the last of them."""

    row_at: int = 0
    rows: list[Row] = field(default_factory=list)  # to be joined
    keys: list[list[Key]] = field(default_factory=list)  # of each row, the strongest first
    fresh: list[Fresh] = field(default_factory=list)
    refs: list[tuple[int, str, str, int]] = field(default_factory=list)  # bucket, key, who is fresh
    spare: dict[int, tuple[int, list[str]]] = field(default_factory=dict)  # by id, their cells
    asked: dict[str, str] = field(default_factory=dict)  # all keys, as arrays of PostgreSQL
    asked_held: dict[str, str] = field(default_factory=dict)  # and their hashes, for refusals
    by_hash: dict[str, Key] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)

    def take_out(
        self, ground: "Ground", keys: Iterable[Key]
    ) -> tuple[set[int], list[tuple[Row, list[Key]]]]:
        """Who of the fresh has one of these keys, with their rows in the order of the file: read
        anew, since to carry all of them over would cost more than the few take."""
        there = set(keys)
        gone = {contact_id for _, kind, value, contact_id in self.refs if (kind, value) in there}
        rows = []
        for line, cells in sorted(self.spare[one] for one in gone):
            row = people_rows.judge(line, cells, ground.plan, ground.known, ground.now)
            assert isinstance(row, Row)  # it was one before
            rows.append((row, _keys(ground, row)))
        return gone, rows


@dataclass(slots=True)
class Ground:
    """What all chunks of one import share."""

    store: Store
    one: Import
    plan: Plan
    keyed: Keyed
    ids: Ids | LentIds
    now: datetime
    language: str  # for whom the list names none
    known: Known
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


# ------------------------------------------------------------------ from the file


def chunks(
    pieces: Iterable[bytes], ground: Ground, lend: Callable[[], LentIds],
    after: int = 0, nth: int = 0, of: int = 1,
) -> Iterator[Chunk]:  # fmt: skip
    """The file's chunks behind a row: each `of`-th of them, from the `nth`. Which rows a chunk
    holds depends on the file alone, so several readers divide them without a word. For each, ids
    are lent: `lend` may let it wait."""
    plan, first = ground.plan, 2 if ground.plan.dialect.has_header else 1
    some: list[tuple[int, list[str]]] = []
    number = 0
    for line, cells in people_files.rows(pieces, plan.dialect):
        if line <= after or line < first:
            continue
        some.append((line, cells))
        if len(some) == CHUNK_ROWS:
            if number % of == nth:
                yield _judged(some, ground, lend())
            some = []
            number += 1
    if some and number % of == nth:
        yield _judged(some, ground, lend())


def _judged(some: list[tuple[int, list[str]]], ground: Ground, ids: LentIds) -> Chunk:
    chunk = Chunk(row_at=some[-1][0])
    ground.ids = ids
    judged: list[tuple[Row, list[str], list[Key]]] = []
    times: Counter[Key] = Counter()
    for line, cells in some:
        row = people_rows.judge(line, cells, ground.plan, ground.known, ground.now)
        if isinstance(row, Row):
            keys = _keys(ground, row)
            times.update(keys)
            judged.append((row, cells, keys))
        else:
            chunk.rejected.append(Rejected(line, row, cells))
    for row, cells, keys in judged:
        is_alone = all([times[key] == 1 for key in keys])
        if is_alone and ids.left > IDS_OF_ROW_MAX:
            one, places = _fresh(ground, row, keys)
            chunk.fresh.append(one)
            chunk.refs += [(place, *key, one.id) for place, key in zip(places, keys, strict=True)]
            chunk.spare[one.id] = row.line, cells
        else:
            chunk.rows.append(row)
            chunk.keys.append(keys)
    chunk.fresh.sort()
    chunk.refs.sort()
    _ask(ground, chunk, list(times))
    return chunk


def _ask(ground: Ground, chunk: Chunk, keys: list[Key]) -> None:
    store = ground.store
    chunk.asked = {
        "places": db.numbers(ground.bucket_of(*key) for key in keys),
        "kinds": db.words([kind for kind, _ in keys]),
        "values": db.words([value for _, value in keys]),
    }
    chunk.by_hash = by_hash = {
        ground.keyed(store.id, hashed(*key)): key for key in keys if key[0] in ("phone", "email")
    }
    base, span = store.bucket_base, store.bucket_span
    chunk.asked_held = {
        "places": db.numbers(bucket_of(base, span, f"suppression/{one}") for one in by_hash),
        "hashes": db.words(list(by_hash)),
    }


def _keys(ground: Ground, row: Row) -> list[Key]:
    keys = people_joins.keys_of(row)
    if row.doubt:
        signs = "".join(sign for sign in row.doubt.casefold() if sign.isalnum())
        keys.append(("doubt", ground.keyed(ground.store.id, f"doubt/{signs}")))
    return keys


def _fresh(ground: Ground, row: Row, keys: list[Key]) -> tuple[Fresh, list[int]]:
    places = [ground.bucket_of(*key) for key in keys]
    contact_id = ground.ids.make(places[0])
    person = Person(people_joins.blank(contact_id, ground.now, ground.note), is_new=True)
    people_joins.join(person, row, ground.plan, has_email=True)
    person.refs = keys
    heard = hear(ground, person, row, [])
    counted = ["new", *counted_of(row)]
    if heard:
        counted.append(f"said.{heard}")
    return written(ground, person, places[0], tuple(counted), sign_of(row)), places


def written(
    ground: Ground, person: Person, place: int, counted: tuple[str, ...], sign: int
) -> Fresh:
    """Somebody as COPY reads them; of a count without writing, only what is counted."""
    store, contact_id = ground.store, person.values["id"]
    if ground.chain.is_dry:
        return Fresh(place, contact_id, "", "", "", "", "", counted, sign)
    return Fresh(
        place,
        contact_id,
        contact_line(store, person.values),
        "".join([consent_line(store, one) for one in person.rows]),
        "" if ground.is_found_later else search_line(store, person.values),
        odd_refs(person),
        _allowed(tuple(person.allowed.items())),
        counted,
        sign,
    )


def hear(ground: Ground, person: Person, row: Row, held: list[tuple[str, Held]]) -> str:
    """What the row says on permission becomes the person's; in a word what came of it."""
    if person.is_new and person.values["language"] is None:
        person.values["language"] = ground.language or None
    return ground.chain.hear(person, row, held)


def counted_of(row: Row) -> list[str]:
    """What is counted of a row whatever becomes of it."""
    counted = [f"note.{name}" for name in row.notes]
    if row.doubt:
        counted.append("doubt")
    return counted


def sign_of(row: Row) -> int:
    """Tells one phone from another, nearly always; 0: none."""
    return int(row.phone[-7:]) % 0xFFFF + 1 if row.phone else 0


# ------------------------------------------------------------------ as COPY reads it


def contact_line(store: Store, values: Values) -> str:
    """By import_rows.COPY_CONTACTS."""
    v = values
    return "\t".join((
        str(bucket_of_id(v["id"])), str(store.id), str(v["id"]), _told(v["phone"]),
        _told(v["phone_doubt"]), _told(v["email"]), escaped(v["name"]), _told(v["language"]),
        _told(v["country"]), _told(v["region"]), f"{{{','.join(v['zones'])}}}", v["marketing"],
        v["service"], _time(v["marketing_at"]), _time(v["service_at"]), v["origin"],
        _time(v["created_at"]), escaped(v["city"]), v["sex"], _time(v["birthday"]),
        f"{{{','.join(map(str, v['children']))}}}", _json(v["fields"]), _json(v["scopes"]),
        v["origin_note"], str(v["ledger_seq"]), v["ledger_hash"] + "\n",
    ))  # fmt: skip


def consent_line(store: Store, row: Values) -> str:
    """By import_rows.COPY_CONSENTS."""
    return "\t".join((
        str(bucket_of_id(row["contact_id"])), str(store.id), str(row["id"]),
        str(row["contact_id"]), _time(row["at"]), row["scope"], row["change"], row["source"],
        escaped(row["words"]), row["language"], row["who"], str(row["seq"]), row["prev"],
        row["hash"] + "\n",
    ))  # fmt: skip


def search_line(store: Store, values: Values) -> str:
    """By search.COLUMNS."""
    *first, digits, signs = search.line(store, cast(Contact, SimpleNamespace(**values)))
    return "\t".join((*map(str, first), escaped(digits), escaped(signs) + "\n"))


def odd_refs(person: Person) -> str:
    """Phone and e-mail stand in the contact itself; the others must be kept to be undone."""
    own = (person.values["phone"], person.values["email"])
    odd = [key for key in person.refs if key[1] not in own]
    return json.dumps(odd, ensure_ascii=False) if odd else "[]"


@lru_cache(16_384)
def _allowed(items: tuple[tuple[str, str], ...]) -> str:
    return json.dumps(dict(items))


def _told(text: str | None) -> str:
    return r"\N" if text is None else escaped(text)


def escaped(text: str) -> str:
    """A text as COPY reads it."""
    if text.isprintable() and "\\" not in text:
        return text
    for sign, written in (("\\", r"\\"), ("\t", r"\t"), ("\n", r"\n"), ("\r", r"\r")):
        text = text.replace(sign, written)
    return text


@lru_cache(65_536)
def _time(moment: Any) -> str:
    return r"\N" if moment is None else str(moment)


def _json(document: Any) -> str:
    return escaped(json.dumps(document, ensure_ascii=False, default=str)) if document else "{}"
