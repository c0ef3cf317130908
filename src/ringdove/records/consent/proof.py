"""A proof of consent: a zip that verify.py, which lies in it, verifies without us (N1).

It is packed while it is read and goes out piece by piece, so that a million rows need no more
memory than a page of them; each page is a short transaction, whoever downloads however slowly.
verify.py says what each file must hold; a change here is a change there.
"""

import asyncio
import json
import re
import zipfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import IO, Any, cast

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, id_floor
from ringdove.kit.db import Pool
from ringdove.records.consent.ledger import (
    PAGE,
    ROW,
    SEALS_PAGE,
    Row,
    marks,
    newest_seal,
    seals_of,
    whole,
)
from ringdove.records.consent.ledger import person as find_person
from ringdove.records.store import stores
from ringdove.rules import languages
from ringdove.rules.consent import ledger, seals
from ringdove.rules.scenes import Contact, Store

VERIFY = Path(__file__).with_name("verify.py")
PEOPLE_MAX = 1_000  # chosen one by one; more: everybody
MERGED_MAX = 50  # contacts that are one person
WORDINGS_MAX = 2_000  # as files of their own; all words stand in ledger.jsonl
TYPED = frozenset({"reply", "operator", "keyword", "page", "silence"})  # not words that were shown
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?")
COMPRESSION = 1  # most of it is hashes, which no level makes smaller
Keyed = Callable[[int, str], str]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be proved: everybody's rows or some people's, of a span or of all time."""

    contacts: tuple[int, ...] = ()  # none: everybody
    since: datetime | None = None
    until: datetime | None = None


async def pack(
    pool: Pool,
    store: Store,
    wish: Wish,
    *,
    keyed: Keyed,
    readme: Mapping[str, str],
    now: datetime,
    newest_id: int,
) -> AsyncIterator[bytes]:
    """The zip, piece by piece. `readme`: by file name. `newest_id`: rows past it are not in it."""
    made = _Packing(pool, store, wish, keyed, now, newest_id)
    for name, text in readme.items():
        made.put(name, text)
    made.put("verify.py", VERIFY.read_text("utf-8"))
    for step in (made.ledger, made.people, made.seals):
        async for piece in step():
            yield piece
    yield made.end()


class _Packing:
    """One proof while it is made."""

    def __init__(
        self, pool: Pool, store: Store, wish: Wish, keyed: Keyed, now: datetime, newest_id: int
    ) -> None:
        self.pool, self.store, self.wish, self.keyed, self.now = pool, store, wish, keyed, now
        self.low = id_floor(wish.since) if wish.since else 0
        self.high = min(newest_id, id_floor(wish.until)) if wish.until else newest_id
        self.sink = _Sink()
        out = cast("IO[bytes]", self.sink)
        self.zip = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION)
        self.digests: dict[str, str] = {}
        self.words: dict[str, str] = {}
        self.met: dict[int, list[int]] = {}  # ids of chosen people's rows, by bucket
        self.last: dict[int, Row] = {}  # the newest seal of each bucket
        self.alike: list[str] = []  # numbers of chosen people
        self.rows = self.unsealed = self.of_people = self.of_seals = 0
        every = {bucket_of_id(one) for one in wish.contacts} or set(stores.buckets(store))
        self.buckets = sorted(every)

    # -------------------------------------------------------------- the rows

    async def ledger(self) -> AsyncIterator[bytes]:
        """ledger.jsonl: the rows in order of bucket and id."""
        async with db.transaction(self.pool) as tx:
            for bucket in stores.buckets(self.store):
                if seal := await newest_seal(tx, self.store, bucket):
                    self.last[bucket] = seal
        async for piece in self._file("ledger.jsonl", self._rows()):
            yield piece

    async def _rows(self) -> AsyncIterator[list[str]]:
        for bucket in self.buckets:
            chosen = [one for one in self.wish.contacts if bucket_of_id(one) == bucket]
            given: dict[str, Any] = {
                "bucket": bucket, "store_id": self.store.id, "high": self.high, "most": PAGE,
                "after": self.low - 1, "ids": db.numbers(chosen),
            }  # fmt: skip
            while True:
                async with db.transaction(self.pool) as tx:
                    cursor = await tx.execute(OF_SOME if chosen else OF_ALL, given)
                    page = await cursor.fetchall()
                yield [self._row(row) for row in page]
                if len(page) < PAGE:
                    break
                given["after"] = page[-1]["id"]

    def _row(self, row: Row) -> str:
        self.rows += 1
        seal = self.last.get(row["bucket"])
        self.unsealed += seal is None or row["id"] > seal["last_id"]
        if self.wish.contacts:
            self.met.setdefault(row["bucket"], []).append(row["id"])
        is_shown = row["source"].partition("/")[0] not in TYPED and row["change"] in ("in", "asked")
        if is_shown and not row["words"].startswith(ledger.REDACTED):
            if len(self.words) < WORDINGS_MAX:
                language = row["language"] if LANGUAGE.fullmatch(row["language"]) else "und"
                name = f"words/{language}/{ledger.digest(row['words'])}.txt"
                self.words[name] = row["words"]
        told = {name: ledger.plain(row[name]) for name in ledger.HASHED}
        return _line({"bucket": row["bucket"], "id": row["id"], "hash": row["hash"], "row": told})

    # -------------------------------------------------------------- whose they are

    async def people(self) -> AsyncIterator[bytes]:
        """people.jsonl: the numbers in clear, with the salts that make the rows' hashes of them."""
        async for piece in self._file("people.jsonl", self._people()):
            yield piece

    async def _people(self) -> AsyncIterator[list[str]]:
        if len(self.wish.contacts) <= MERGED_MAX:
            async with db.transaction(self.pool) as tx:
                for contact_id in self.wish.contacts:
                    if one := await find_person(tx, self.store, contact_id):
                        self.alike += [*filter(None, (one.phone, one.email)), *one.agreed_phones]
        for bucket in self.buckets:
            chosen = [one for one in self.wish.contacts if bucket_of_id(one) == bucket]
            place: dict[str, Any] = {
                "bucket": bucket, "store_id": self.store.id, "low": self.low, "high": self.high,
                "contact_id": 0, "id": 0, "most": PAGE, "ids": db.numbers(chosen),
            }  # fmt: skip
            held: list[Row] = []
            while True:
                async with db.transaction(self.pool) as tx:
                    cursor = await tx.execute(SOME_PEOPLE if chosen else ALL_PEOPLE, place)
                    page = await cursor.fetchall()
                rows = [*held, *page]
                groups = [list(some) for _, some in groupby(rows, lambda row: row["contact_id"])]
                held = groups.pop() if groups and len(page) == PAGE else []
                yield [self._person(own) for own in groups]
                if len(page) < PAGE:
                    break
                place |= {"contact_id": page[-1]["contact_id"], "id": page[-1]["id"]}

    def _person(self, own: Sequence[Row]) -> str:
        self.of_people += 1
        person = own[-1]
        contact_id = person["contact_id"]
        chained = sorted((row for row in own if row["seq"]), key=lambda row: int(row["seq"]))
        salt = self.keyed(self.store.id, f"salt/{contact_id}")
        known = {row["who"] for row in chained}
        numbers = [
            number
            for number in self._numbers(person)
            if not person["erased_at"] and _who(contact_id, number, salt) in known
        ]
        return _line(
            {
                "contact": contact_id,
                "numbers": numbers,
                "salt": salt if numbers else "",
                "erased": person["erased_at"] is not None,
                "before": ledger.of_before(whole(row["whole"]) for row in own if not row["seq"]),
                "seq": chained[-1]["seq"] if chained else 0,
                "last": chained[-1]["hash"] if chained else "",
            }
        )

    def _numbers(self, person: Row) -> list[str]:
        """What the rows may be about: the number and address of now, and earlier ones; those of the
        people who were chosen together are one person's when contacts were merged."""
        own = (person["phone"], person["email"], *(person["agreed_phones"] or ()))
        return list(dict.fromkeys(one for one in (*own, *self.alike) if one))

    # -------------------------------------------------------------- the seals

    async def seals(self) -> AsyncIterator[bytes]:
        """seals.jsonl: all seals of these buckets; over rows of this proof with the ids and hashes
        of all that was sealed with them, whoever's they are."""
        async for piece in self._file("seals.jsonl", self._seals()):
            yield piece

    async def _seals(self) -> AsyncIterator[list[str]]:
        for bucket in self.buckets:
            end = self.last[bucket]["seq"] if bucket in self.last else 0
            seq = after = 0
            while seq < end:
                async with db.transaction(self.pool) as tx:
                    lines = []
                    for seal in await seals_of(tx, self.store, bucket, seq):
                        told = {name: ledger.plain(seal[name]) for name in seals.HASHED}
                        told["hash"] = seal["hash"]
                        if self._is_met(seal):
                            last = seal["last_id"]
                            told["marks"] = await marks(tx, self.store, bucket, after, last)
                        seq, after = seal["seq"], seal["last_id"]
                        if seq <= end:
                            lines.append(_line(told))
                self.of_seals += len(lines)
                yield lines
                if len(lines) < SEALS_PAGE:
                    break

    def _is_met(self, seal: Row) -> bool:
        first, last = seal["first_id"], seal["last_id"]
        if not self.wish.contacts:
            return bool(last >= self.low and first < self.high)
        return any(first <= one <= last for one in self.met.get(seal["bucket"], ()))

    # -------------------------------------------------------------- the zip

    async def _file(self, name: str, lines: AsyncIterator[list[str]]) -> AsyncIterator[bytes]:
        told = sha256()
        with self.zip.open(self._entry(name), "w", force_zip64=True) as file:
            async for some in lines:
                block = "".join(some).encode()
                told.update(block)
                await asyncio.to_thread(file.write, block)
                if piece := self.sink.take():
                    yield piece
        self.digests[name] = told.hexdigest()

    def put(self, name: str, text: str) -> None:
        """A small file."""
        self.zip.writestr(self._entry(name), text.encode())
        self.digests[name] = sha256(text.encode()).hexdigest()

    def _entry(self, name: str) -> zipfile.ZipInfo:
        entry = zipfile.ZipInfo(name, self.now.timetuple()[:6])
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        return entry

    def end(self) -> bytes:
        """The wordings, what it is a proof of, and the list of all files."""
        for name, words in self.words.items():
            self.put(name, words)
        elsewhere = [one for bucket, one in self.last.items() if bucket not in self.buckets]
        proof = {
            "format": 1,
            "store": {"id": self.store.id, "name": self.store.name},
            "scope": "people" if self.wish.contacts else "all",
            "since": ledger.plain(self.wish.since),
            "until": ledger.plain(self.wish.until),
            "ids": [self.low, self.high],
            "made_at": ledger.plain(self.now),
            "rows": self.rows,
            "people": self.of_people,
            "seals": self.of_seals,
            "unsealed": self.unsealed,
            "fingerprint": seals.fingerprint(self.last.values()),
            "elsewhere": [f"{one['bucket']} {one['seq']} {one['hash']}" for one in elsewhere],
        }
        self.put("proof.json", json.dumps(proof, ensure_ascii=False, indent=1) + "\n")
        lines = (f"{digest}  {name}\n" for name, digest in self.digests.items())
        self.zip.writestr(self._entry("MANIFEST"), "".join(lines).encode())
        self.zip.close()
        return self.sink.take()


OF_ALL = f"""
SELECT {ROW} FROM consent_event e
WHERE e.bucket = %(bucket)s AND e.store_id = %(store_id)s
  AND e.id > %(after)s AND e.id < %(high)s
ORDER BY e.id LIMIT %(most)s
"""
OF_SOME = f"""
SELECT {ROW} FROM consent_event e
WHERE e.bucket = %(bucket)s AND e.store_id = %(store_id)s
  AND e.contact_id = ANY(%(ids)s::bigint[]) AND e.id > %(after)s AND e.id < %(high)s
ORDER BY e.id LIMIT %(most)s
"""
# Of rows of before the chain the whole row: a person's chain begins with a digest of them.
WHOSE = """e.contact_id, e.id, e.seq, e.who, e.hash,
  CASE WHEN e.seq = 0 THEN to_jsonb(e) END AS whole,
  c.phone, c.email, c.agreed_phones, c.erased_at"""
ALL_PEOPLE = f"""
SELECT {WHOSE} FROM consent_event e
LEFT JOIN contact c ON c.bucket = e.bucket AND c.store_id = e.store_id AND c.id = e.contact_id
WHERE e.bucket = %(bucket)s AND e.store_id = %(store_id)s AND e.id >= %(low)s AND e.id < %(high)s
  AND (e.contact_id, e.id) > (%(contact_id)s, %(id)s)
ORDER BY e.contact_id, e.id LIMIT %(most)s
"""
SOME_PEOPLE = f"""
SELECT {WHOSE} FROM consent_event e
LEFT JOIN contact c ON c.bucket = e.bucket AND c.store_id = e.store_id AND c.id = e.contact_id
WHERE e.bucket = %(bucket)s AND e.store_id = %(store_id)s AND e.id >= %(low)s AND e.id < %(high)s
  AND e.contact_id = ANY(%(ids)s::bigint[]) AND (e.contact_id, e.id) > (%(contact_id)s, %(id)s)
ORDER BY e.contact_id, e.id LIMIT %(most)s
"""


def _who(contact_id: int, number: str, salt: str) -> str:
    alike = Contact(contact_id, number, None, datetime.min)
    return ledger.who(alike, salt)


def _line(told: Mapping[str, Any]) -> str:
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"


class _Sink:
    """What zipfile writes to: kept until it is taken, never sought in."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, piece: bytes, /) -> int:
        self.pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing waits."""

    def take(self) -> bytes:
        """All that was written since."""
        taken, self.pieces = b"".join(self.pieces), []
        return taken


def file_name(store: Store, now: datetime, contacts: Iterable[int]) -> str:
    """What the download is called."""
    whose = "-".join(str(one) for one in list(contacts)[:1])
    return f"consent-proof-{store.id}{'-' + whose if whose else ''}-{now:%Y-%m-%d}.zip"


def readme_of(store: Store, now: datetime) -> dict[str, str]:
    """What a lawyer reads first: in the store's first language, and in each of its others."""
    spoken = list(dict.fromkeys((*store.languages, languages.FALLBACK)))
    said = {}
    for language in spoken:
        day = languages.say_day(now.date(), language)
        words = languages.phrases(language)["proof"]["readme"]
        said[language] = words.format(shop=store.name, day=f"{day} {now.year}")
    others = {f"README.{language}.txt": words for language, words in said.items()}
    return {"README.txt": said[spoken[0]], **others}
