"""Imports of people: the file in pieces, what was decided about it, and how far it has come.

All of a store's imports lie in one bucket, so that their list is one look. Whoever works on one
says what state it must be in: a page that pauses or ends it changes the state, and the next chunk
is not written. Rows of people themselves are written by import_rows.py.
"""

import itertools
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from ringdove.kit import db
from ringdove.kit.buckets import Ids, bucket_of, bucket_of_id
from ringdove.kit.db import Tx
from ringdove.rules.lists.people_rows import Plan, plan_of
from ringdove.rules.scenes import Store

Row = Mapping[str, Any]

PIECE_BYTES = 512_000
LISTED_MAX = 100
KEPT = timedelta(days=3)  # the file, and with it the way back
WORKED_ON = ("checking", "running", "undoing")
# What a person may ask for, by the state that it is in.
STEPS: Mapping[str, tuple[str, ...]] = {
    "check": ("mapping", "checked", "failed"),
    "remap": ("checking", "checked", "failed"),
    "run": ("checked",),
    "pause": ("running",),
    "resume": ("paused",),
    "cancel": ("running", "paused"),
    "undo": ("done", "cancelled"),
}
BECOMES = {
    "check": "checking", "remap": "mapping", "run": "running", "pause": "paused",
    "resume": "running", "cancel": "cancelled", "undo": "undoing",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Import:
    """One import as it stands."""

    id: int
    store_id: int
    name: str
    octets: int
    state: str
    plan: Plan
    user_id: int | None
    created_at: datetime
    began_at: datetime | None
    began_row: int
    done_at: datetime | None
    row_at: int
    row_count: int
    counts: Mapping[str, int]
    forecast: Mapping[str, int]
    error: str

    def may(self, step: str, now: datetime) -> bool:
        """Whether this can be asked for now."""
        if step == "undo" and (self.done_at is None or now - self.done_at > KEPT):
            return False
        return self.state in STEPS[step]

    @property
    def undo_until(self) -> datetime | None:
        """Until when it can be undone."""
        return self.done_at and self.done_at + KEPT

    def seconds_left(self, now: datetime) -> float | None:
        """How long it will still take at its present speed."""
        speed = self.speed(now)
        return (self.row_count - self.row_at) / speed if speed and self.row_count else None

    def speed(self, now: datetime) -> float:
        """Rows a second since it began or went on."""
        if self.began_at is None or self.row_at <= self.began_row:
            return 0.0
        return (self.row_at - self.began_row) / max(0.001, (now - self.began_at).total_seconds())


def bucket(store: Store) -> int:
    """Where all of a store's imports lie."""
    return bucket_of(store.bucket_base, store.bucket_span, "imports")


# ------------------------------------------------------------------ the file comes

CREATE = """
INSERT INTO people_import (bucket, store_id, id, name, octets, state, plan, user_id, created_at)
SELECT %(bucket)s, %(store_id)s, %(id)s, %(name)s, %(octets)s, 'mapping', %(plan)s, %(user_id)s,
  %(now)s
"""
PUT_PIECE = """
INSERT INTO people_import_piece (bucket, store_id, import_id, n, octets)
SELECT %(bucket)s, %(store_id)s, %(import_id)s, %(n)s, %(octets)s
"""


async def create(
    tx: Tx, store: Store, ids: Ids, name: str, pieces: Iterable[bytes], plan: Plan,
    user_id: int | None, now: datetime,
) -> int:  # fmt: skip
    """Takes a file in; its id."""
    place = bucket(store)
    new_id, octets = ids.make(place), 0
    for n, piece in enumerate(pieces):
        octets += len(piece)
        await tx.execute(
            PUT_PIECE,
            {
                "bucket": place,
                "store_id": store.id,
                "import_id": new_id,
                "n": n,
                "octets": piece,
            },
        )
    given = {
        "bucket": place, "store_id": store.id, "id": new_id, "name": name, "octets": octets,
        "plan": db.document(plan.document()), "user_id": user_id, "now": now,
    }  # fmt: skip
    await tx.execute(CREATE, given)
    await told(tx, store)
    return new_id


PIECE = """
SELECT p.octets FROM people_import_piece p
WHERE p.bucket = %(bucket)s AND p.store_id = %(store_id)s AND p.import_id = %(import_id)s
  AND p.n = %(n)s
"""


async def piece(tx: Tx, store: Store, import_id: int, n: int) -> bytes | None:
    """A piece of the file; None after the last."""
    given = {"bucket": bucket(store), "store_id": store.id, "import_id": import_id, "n": n}
    row = await (await tx.execute(PIECE, given)).fetchone()
    return None if row is None else bytes(row["octets"])


def pieces(link: Connection[Any], store: Store, import_id: int) -> Iterator[bytes]:
    """All of the file, for who reads it beside the loop."""
    given = {"bucket": bucket(store), "store_id": store.id, "import_id": import_id}
    for n in itertools.count():
        row = link.execute(PIECE, given | {"n": n}).fetchone()
        if row is None:
            return
        yield bytes(row[0])


# ------------------------------------------------------------------ looking

COLUMNS = """i.id, i.store_id, i.name, i.octets, i.state, i.plan, i.user_id, i.created_at,
  i.began_at, i.began_row, i.done_at, i.row_at, i.row_count, i.counts, i.forecast, i.error"""
LIST = f"""
SELECT {COLUMNS} FROM people_import i
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s AND i.id < %(before)s
ORDER BY i.id DESC LIMIT %(most)s
"""
FIND = f"""
SELECT {COLUMNS} FROM people_import i
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s AND i.id = %(id)s
"""
LOCK = FIND + " FOR UPDATE"
# Over all stores: a worker asks what waits anywhere; its partial index is nearly empty.
DUE = """
SELECT i.bucket, i.store_id, i.id FROM people_import i
WHERE i.state IN ('checking', 'running', 'undoing') ORDER BY i.id LIMIT 100
"""


async def listed(
    tx: Tx, store: Store, before: int = 2**63 - 1, most: int = LISTED_MAX
) -> list[Import]:
    """A store's imports, the newest first."""
    given = {"bucket": bucket(store), "store_id": store.id, "before": before, "most": most}
    return [_import(row) for row in await (await tx.execute(LIST, given)).fetchall()]


async def find(tx: Tx, store: Store, import_id: int, *, lock: bool = False) -> Import | None:
    """One import of this store, or None."""
    given = {"bucket": bucket(store), "store_id": store.id, "id": import_id}
    row = await (await tx.execute(LOCK if lock else FIND, given)).fetchone()
    return None if row is None else _import(row)


def _import(row: Row) -> Import:
    return Import(**{**row, "plan": plan_of(row["plan"])})


async def due(tx: Tx) -> list[tuple[int, int]]:
    """Store and id of imports that somebody must work on, the oldest first."""
    rows = await (await tx.execute(DUE)).fetchall()
    return [(row["store_id"], row["id"]) for row in rows]


# ------------------------------------------------------------------ going on

# A step that is not asked of the state it must be in changes nothing: two people at one button.
STEP = """
UPDATE people_import i SET state = %(becomes)s, error = '', began_at = %(now)s,
  began_row = CASE WHEN %(becomes)s = 'running' AND i.state = 'paused' THEN i.row_at ELSE 0 END,
  row_at = CASE WHEN i.state IN ('paused', 'running') THEN i.row_at ELSE 0 END,
  counts = CASE WHEN %(becomes)s IN ('checking', 'mapping')
      OR i.state = 'checked' THEN '{}' ELSE i.counts END,
  done_at = CASE WHEN %(becomes)s = 'cancelled' THEN %(now)s ELSE i.done_at END
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s AND i.id = %(id)s
  AND i.state = ANY(%(from)s)
"""


async def step(tx: Tx, store: Store, one: Import, name: str, now: datetime) -> bool:
    """Goes on as somebody asks (STEPS); False: it is not in the state for that."""
    if not one.may(name, now):
        return False
    given = {
        "bucket": bucket(store), "store_id": store.id, "id": one.id, "now": now,
        "becomes": BECOMES[name], "from": list(STEPS[name]),
    }  # fmt: skip
    changed = (await tx.execute(STEP, given)).rowcount == 1
    if changed:
        await told(tx, store)
        await db.notify(tx, "imports")
    return changed


PLAN = """
UPDATE people_import i SET plan = %(plan)s
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s AND i.id = %(id)s
  AND i.state IN ('mapping', 'checked', 'failed')
"""
PROGRESS = """
UPDATE people_import i SET row_at = %(row_at)s, counts = %(counts)s
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s AND i.id = %(id)s
"""
CHECKED = """
UPDATE people_import i SET state = 'checked', forecast = %(counts)s, row_count = %(row_at)s,
  row_at = 0
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s AND i.id = %(id)s
  AND i.state = 'checking'
"""
END = """
UPDATE people_import i SET state = %(state)s, error = %(error)s,
  done_at = CASE WHEN %(state)s = 'done' THEN %(now)s ELSE i.done_at END
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s AND i.id = %(id)s
  AND i.state IN ('checking', 'running', 'undoing')
"""


async def save_plan(tx: Tx, store: Store, import_id: int, plan: Plan) -> bool:
    """What was decided about the file; False: it is past that."""
    given = {"bucket": bucket(store), "store_id": store.id, "id": import_id}
    cursor = await tx.execute(PLAN, given | {"plan": db.document(plan.document())})
    return cursor.rowcount == 1


async def progress(
    tx: Tx, store: Store, import_id: int, row_at: int, counts: Mapping[str, int]
) -> None:
    """It has come so far."""
    given = {"bucket": bucket(store), "store_id": store.id, "id": import_id}
    await tx.execute(PROGRESS, given | {"row_at": row_at, "counts": db.document(counts)})
    await told(tx, store)


async def checked(
    tx: Tx, store: Store, import_id: int, rows: int, counts: Mapping[str, int]
) -> None:
    """All rows are counted, none is written."""
    given = {"bucket": bucket(store), "store_id": store.id, "id": import_id}
    await tx.execute(CHECKED, given | {"row_at": rows, "counts": db.document(counts)})
    await told(tx, store)


async def end(
    tx: Tx, store: Store, import_id: int, state: str, now: datetime, error: str = ""
) -> None:
    """It is done, undone or failed."""
    given = {"bucket": bucket(store), "store_id": store.id, "id": import_id}
    await tx.execute(END, given | {"state": state, "now": now, "error": error})
    await told(tx, store)


async def told(tx: Tx, store: Store) -> None:
    """Open pages draw themselves again."""
    await db.notify(tx, "live", f"{store.id} imports")


# ------------------------------------------------------------------ rows that were not taken

REJECTED = """
SELECT r.line, r.reason, r.cells FROM people_import_reject r
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.import_id = %(import_id)s
  AND r.line > %(after)s
ORDER BY r.line LIMIT %(most)s
"""
REJECTED_PAGE = 2_000


async def rejected(
    tx: Tx, store: Store, import_id: int, after: int = 0, most: int = REJECTED_PAGE
) -> Sequence[Row]:
    """Rows that were not taken, in the order of the file."""
    given = {"bucket": bucket(store), "store_id": store.id, "import_id": import_id}
    cursor = await tx.execute(REJECTED, given | {"after": after, "most": most})
    return await cursor.fetchall()


async def all_rejected(tx: Tx, store: Store, import_id: int) -> AsyncIterator[Row]:
    """All of them, with the memory of a page."""
    after = 0
    while rows := await rejected(tx, store, import_id, after):
        for row in rows:
            yield row
        after = rows[-1]["line"]


# ------------------------------------------------------------------ what need not be kept

# The list's own row stays: who brought which list when, and what became of it.
OLD = """
SELECT i.bucket, i.store_id, i.id FROM people_import i
WHERE i.bucket = ANY(%(buckets)s) AND i.store_id = %(store_id)s AND i.id >= %(since)s
  AND (i.done_at < %(before)s AND i.state IN ('done', 'cancelled', 'undone')
    OR i.created_at < %(before)s AND i.state IN ('mapping', 'checked', 'failed'))
  AND (EXISTS (
      SELECT FROM people_import_piece p
      WHERE p.bucket = i.bucket AND p.bucket = ANY(%(buckets)s) AND p.store_id = %(store_id)s
        AND p.import_id = i.id)
    -- Where somebody was erased, the file has gone before the rest.
    OR EXISTS (
      SELECT FROM people_import_reject r
      WHERE r.bucket = i.bucket AND r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
        AND r.import_id = i.id)
    OR EXISTS (
      SELECT FROM people_import_touch t
      WHERE t.bucket = ANY(%(buckets)s) AND t.store_id = %(store_id)s AND t.import_id = i.id))
ORDER BY i.id LIMIT 20
"""
DROP_PIECES = """
DELETE FROM people_import_piece p
WHERE p.bucket = %(bucket)s AND p.store_id = %(store_id)s AND p.import_id = %(id)s
"""
DROP_REJECTS = """
DELETE FROM people_import_reject p
WHERE p.bucket = %(bucket)s AND p.store_id = %(store_id)s AND p.import_id = %(id)s
"""
DROP_TOUCHES = """
DELETE FROM people_import_touch t
WHERE t.bucket = ANY(%(buckets)s) AND t.store_id = %(store_id)s AND t.import_id = %(id)s
"""
AWAY = """
UPDATE people_import i SET state = 'failed', error = 'old'
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s AND i.id = %(id)s
  AND i.state IN ('mapping', 'checked', 'failed')
"""


async def forget_old(tx: Tx, store: Store, buckets: list[int], now: datetime) -> int:
    """Files that can no more be undone, and those that nobody ran: their content goes; how many."""
    given: dict[str, Any] = {
        "buckets": buckets, "store_id": store.id, "before": now - KEPT, "since": 0,
    }  # fmt: skip
    old = await (await tx.execute(OLD, given)).fetchall()
    for row in old:
        one = {"bucket": row["bucket"], "store_id": store.id, "id": row["id"], "buckets": buckets}
        for statement in (DROP_PIECES, DROP_REJECTS, DROP_TOUCHES, AWAY):
            await tx.execute(statement, one)
    return len(old)


def is_here(store: Store, import_id: int) -> bool:
    """Whether an id can be one of this store's imports."""
    return 0 < import_id < 2**63 and bucket_of_id(import_id) == bucket(store)
