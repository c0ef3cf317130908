"""The consent ledger: its seals, and the look at all of it that finds the first broken place (N1).

Rows are written by records/scene_rows.py and by the import, and never changed: the database itself
refuses it (ringdove_append_only), but for the words of an erased person. Nothing here writes to
consent_event. What is read is read in pages, so that a million rows need no more memory than a few.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, id_floor
from ringdove.kit.db import Pool, Tx
from ringdove.records.scenes import contact_of
from ringdove.records.store import stores
from ringdove.rules.consent import seals
from ringdove.rules.consent.seals import Break
from ringdove.rules.scenes import Contact, Store

Row = Mapping[str, Any]

PAGE = 5_000
ROW = """e.bucket, e.store_id, e.id, e.contact_id, e.at, e.scope, e.change, e.source, e.words,
  e.language, e.ip, e.device, e.who, e.seq, e.prev, e.hash, e.until"""
SEAL = "s.bucket, s.store_id, s.seq, s.first_id, s.last_id, s.rows, s.digest, s.prev, s.hash, s.at"


# ------------------------------------------------------------------ one person

OF_PERSON = f"""
SELECT {ROW} FROM consent_event e
WHERE e.bucket = %(bucket)s AND e.store_id = %(store_id)s AND e.contact_id = %(contact_id)s
ORDER BY e.id LIMIT %(most)s
"""


async def of_person(tx: Tx, store: Store, contact_id: int, most: int = PAGE) -> list[Row]:
    """A person's rows, oldest first."""
    given = {"bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id}
    return list(await (await tx.execute(OF_PERSON, given | {"most": most})).fetchall())


PERSON = """
SELECT c.* FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = %(contact_id)s
"""


async def person(tx: Tx, store: Store, contact_id: int) -> Contact | None:
    """Who the rows are about, with all that they allow."""
    given = {"bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id}
    row = await (await tx.execute(PERSON, given)).fetchone()
    return contact_of(row) if row else None


# ------------------------------------------------------------------ sealing

NEWEST_SEAL = f"""
SELECT {SEAL} FROM consent_seal s
WHERE s.bucket = %(bucket)s AND s.store_id = %(store_id)s ORDER BY s.seq DESC LIMIT 1
"""
NEXT_ROWS = f"""
SELECT {ROW} FROM consent_event e
WHERE e.bucket = %(bucket)s AND e.store_id = %(store_id)s
  AND e.id > %(after)s AND e.id < %(before)s
ORDER BY e.id LIMIT %(most)s
"""
PUT_SEALS = """
INSERT INTO consent_seal (bucket, store_id, seq, first_id, last_id, rows, digest, prev, hash, at)
SELECT r.bucket, %(store_id)s, r.seq, r.first_id, r.last_id, r.rows, r.digest, r.prev, r.hash, r.at
FROM jsonb_populate_recordset(NULL::consent_seal, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s)
"""


async def seal(tx: Tx, store: Store, bucket: int, now: datetime) -> int:
    """Seals a page of what came into a bucket and is old enough; how many rows. Whoever calls holds
    the lease: one sealer at a time."""
    newest = await newest_seal(tx, store, bucket)
    given = {
        "bucket": bucket,
        "store_id": store.id,
        "after": newest["last_id"] if newest else 0,
        "before": id_floor(now - seals.MARGIN),
        "most": PAGE,
    }
    rows = await (await tx.execute(NEXT_ROWS, given)).fetchall()
    made = []
    for start in range(0, len(rows), seals.ROWS_MAX):
        some = rows[start : start + seals.ROWS_MAX]
        newest = seals.make(store.id, bucket, newest, some, now)
        made.append(newest)
    if made:
        await tx.execute(
            PUT_SEALS, {"buckets": [bucket], "store_id": store.id, "rows": db.document(made)}
        )
    return len(rows)


def bucket_of_store(store: Store) -> int:
    """A bucket of the store, to make an id in that is newer than all rows."""
    return stores.buckets(store)[0]


async def newest_seal(tx: Tx, store: Store, bucket: int) -> Row | None:
    """The last seal of a bucket."""
    given = {"bucket": bucket, "store_id": store.id}
    return await (await tx.execute(NEWEST_SEAL, given)).fetchone()


async def fingerprint(tx: Tx, store: Store) -> str:
    """Of all seals of the store as they stand."""
    newest = [await newest_seal(tx, store, bucket) for bucket in stores.buckets(store)]
    return seals.fingerprint(one for one in newest if one)


# ------------------------------------------------------------------ the whole of it


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at a ledger found."""

    rows: int
    people: int
    seals: int
    fingerprint: str
    broken: Break | None


async def check(pool: Pool, store: Store) -> Found:
    """Reads every row and every seal of the store, in short transactions; stops at the first
    broken place."""
    rows = people = sealed = 0
    broken: Break | None = None
    for bucket in stores.buckets(store):
        async for seq, last, own, contact_id in _people(pool, store, bucket):
            people += 1
            rows += len(own)
            broken = seals.find_break(contact_id, own, seq, last)
            if broken:
                break
        if not broken:
            number, broken = await _check_seals(pool, store, bucket)
            sealed += number
        if not broken:
            broken = await _missing(pool, store, bucket)
        if broken:
            break
    async with db.transaction(pool) as tx:
        mark = await fingerprint(tx, store)
    return Found(rows, people, sealed, mark, broken)


BY_PERSON = f"""
SELECT {ROW}, c.ledger_seq, c.ledger_hash FROM consent_event e
LEFT JOIN contact c ON c.bucket = e.bucket AND c.store_id = e.store_id AND c.id = e.contact_id
WHERE e.bucket = %(bucket)s AND e.store_id = %(store_id)s
  AND (e.contact_id, e.id) > (%(contact_id)s, %(id)s)
ORDER BY e.contact_id, e.id LIMIT %(most)s
"""


async def _people(
    pool: Pool, store: Store, bucket: int
) -> AsyncIterator[tuple[int, str, list[Row], int]]:
    """Each person of a bucket with all their rows. A person who got a row between two pages has
    their record's end read with the last of them."""
    place: dict[str, Any] = {
        "bucket": bucket, "store_id": store.id, "contact_id": 0, "id": 0, "most": PAGE,
    }  # fmt: skip
    held: list[Row] = []
    while True:
        async with db.transaction(pool) as tx:
            page = await (await tx.execute(BY_PERSON, place)).fetchall()
        groups = [list(some) for _, some in groupby([*held, *page], lambda row: row["contact_id"])]
        held = groups.pop() if groups and len(page) == PAGE else []
        for own in groups:
            end = own[-1]
            if end["ledger_seq"] is None:
                # Whom an import had made and its undoing took away: no record that could know of
                # more rows. That none of these vanished is what the seals are for.
                end = max(own, key=lambda row: int(row["seq"]))
                end = {**end, "ledger_seq": end["seq"], "ledger_hash": end["hash"]}
            yield end["ledger_seq"] or 0, end["ledger_hash"] or "", own, end["contact_id"]
        if len(page) < PAGE:
            return
        place |= {"contact_id": page[-1]["contact_id"], "id": page[-1]["id"]}


# Whose record knows of rows that are not there, not even one.
BEREFT = """
SELECT c.id FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.ledger_hash <> ''
  AND NOT EXISTS (
    SELECT FROM consent_event e
    WHERE e.bucket = c.bucket AND e.store_id = c.store_id AND e.contact_id = c.id)
ORDER BY c.id LIMIT 1
"""


async def _missing(pool: Pool, store: Store, bucket: int) -> Break | None:
    async with db.transaction(pool) as tx:
        given = {"bucket": bucket, "store_id": store.id}
        row = await (await tx.execute(BEREFT, given)).fetchone()
    return Break("gone", f"person {row['id']}") if row else None


SEALS = f"""
SELECT {SEAL} FROM consent_seal s
WHERE s.bucket = %(bucket)s AND s.store_id = %(store_id)s AND s.seq > %(after)s
ORDER BY s.seq LIMIT %(most)s
"""
# Of rows of before the chain the whole row, which has no hash of its own.
MARKS = """
SELECT e.id, e.hash, CASE WHEN e.hash = '' THEN to_jsonb(e) END AS whole FROM consent_event e
WHERE e.bucket = %(bucket)s AND e.store_id = %(store_id)s
  AND e.id > %(after)s AND e.id <= %(last)s
ORDER BY e.id LIMIT %(most)s
"""
SEALS_PAGE = 5


async def seals_of(
    tx: Tx, store: Store, bucket: int, after: int = 0, most: int = SEALS_PAGE
) -> Sequence[Row]:
    """Some seals of a bucket, in order."""
    given = {"bucket": bucket, "store_id": store.id, "after": after, "most": most}
    return await (await tx.execute(SEALS, given)).fetchall()


async def marks(tx: Tx, store: Store, bucket: int, after: int, last: int) -> list[str]:
    """The marks of the rows with an id past `after` up to `last`: what one seal is over."""
    given = {
        "bucket": bucket, "store_id": store.id, "after": after, "last": last,
        "most": seals.ROWS_MAX + 1,
    }  # fmt: skip
    rows = await (await tx.execute(MARKS, given)).fetchall()
    return [seals.mark(whole(row["whole"]) if row["whole"] else row) for row in rows]


def whole(row: dict[str, Any]) -> dict[str, Any]:
    """A row that came as JSON."""
    return row | {"at": datetime.fromisoformat(row["at"])}


async def _check_seals(pool: Pool, store: Store, bucket: int) -> tuple[int, Break | None]:
    before: Row | None = None
    number = 0
    while True:
        async with db.transaction(pool) as tx:
            some = await seals_of(tx, store, bucket, number)
            for one in some:
                after = before["last_id"] if before else 0
                told = await marks(tx, store, bucket, after, one["last_id"])
                if broken := seals.find_broken_seal(one, before, told):
                    return number, broken
                before, number = one, one["seq"]
        if len(some) < SEALS_PAGE:
            return number, None


# ------------------------------------------------------------------ what was found last

FOUND = "SELECT * FROM consent_check WHERE store_id = %(store_id)s"
PUT_FOUND = """
INSERT INTO consent_check (store_id, checked_at, rows, people, seals, fingerprint, broken)
VALUES (%(store_id)s, %(now)s, %(rows)s, %(people)s, %(seals)s, %(fingerprint)s, %(broken)s)
ON CONFLICT (store_id) DO UPDATE SET
  asked_at = NULL, checked_at = EXCLUDED.checked_at, rows = EXCLUDED.rows,
  people = EXCLUDED.people, seals = EXCLUDED.seals, fingerprint = EXCLUDED.fingerprint,
  broken = EXCLUDED.broken
"""
ASK = """
INSERT INTO consent_check (store_id, asked_at) VALUES (%(store_id)s, %(now)s)
ON CONFLICT (store_id) DO UPDATE SET asked_at = EXCLUDED.asked_at
"""


async def found(tx: Tx, store: Store) -> Row | None:
    """What the last look found."""
    return await (await tx.execute(FOUND, {"store_id": store.id})).fetchone()


async def keep_found(tx: Tx, store: Store, told: Found, now: datetime) -> None:
    """For the page and the doctor."""
    given = {
        "store_id": store.id, "now": now, "rows": told.rows, "people": told.people,
        "seals": told.seals, "fingerprint": told.fingerprint, "broken": str(told.broken or ""),
    }  # fmt: skip
    await tx.execute(PUT_FOUND, given)


async def ask(tx: Tx, store: Store, now: datetime) -> None:
    """A person wants a look now; the worker takes one within a minute."""
    await tx.execute(ASK, {"store_id": store.id, "now": now})


BROKEN = """
SELECT c.store_id, s.name, c.broken FROM consent_check c JOIN store s ON s.id = c.store_id
WHERE c.broken <> '' ORDER BY c.store_id
"""


async def broken_stores(tx: Tx) -> Sequence[Row]:
    """Whose ledger was found broken: for the doctor."""
    return await (await tx.execute(BROKEN)).fetchall()
