"""Contests of a store: a small table, rarely written. What is open is never changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from ringdove.kit import db
from ringdove.kit.crypto import Sealer, new_token
from ringdove.kit.db import Tx
from ringdove.records.shelves import Shelf
from ringdove.rules.contests import contests, drawing
from ringdove.rules.contests.contests import Contest

OPENED_MAX = 50  # the newest, which texts can be about

COLUMNS = (
    "id, token, name, settings, begins, ends, opened_at, ticket_key, commitment, closed_at, "
    "entries, list_hash, drawn_at, seed, beacon_value, retired_at"
)
SHELF = Shelf("contest", COLUMNS, contests.contest_of)
of_store, find, by_token, retire = SHELF.of_store, SHELF.find, SHELF.by_token, SHELF.retire

CREATE = """
INSERT INTO contest (store_id, id, token, name, settings, begins, ends, created_at, changed_at)
SELECT %(store_id)s, coalesce(max(id), 0) + 1, %(token)s, %(name)s, %(settings)s, %(begins)s,
  %(ends)s, %(now)s, %(now)s
FROM contest WHERE store_id = %(store_id)s
RETURNING id
"""
CHANGE = """
UPDATE contest SET name = %(name)s, settings = %(settings)s, begins = %(begins)s, ends = %(ends)s,
  changed_at = %(now)s
WHERE store_id = %(store_id)s AND id = %(id)s AND opened_at IS NULL AND retired_at IS NULL
"""
OPEN = """
UPDATE contest SET opened_at = %(now)s, ticket_key = %(ticket_key)s, sealed_seed = %(sealed)s,
  commitment = %(commitment)s
WHERE store_id = %(store_id)s AND id = %(id)s AND opened_at IS NULL AND retired_at IS NULL
"""


async def create(tx: Tx, store_id: int, contest: Contest, now: datetime) -> int:
    """A new one, not open yet; its number."""
    return await SHELF.create(tx, CREATE, _given(store_id, contest, now))


async def change(tx: Tx, store_id: int, contest: Contest, now: datetime) -> bool:
    """What it will be. False: it is open, and stays as it was promised."""
    return (await tx.execute(CHANGE, _given(store_id, contest, now))).rowcount > 0


def _given(store_id: int, contest: Contest, now: datetime) -> dict[str, Any]:
    return {
        "store_id": store_id, "id": contest.id, "token": contest.token, "name": contest.name,
        "settings": Jsonb(contests.settings_of(contest)), "begins": contest.begins,
        "ends": contest.ends, "now": now,
    }  # fmt: skip


async def open_now(tx: Tx, store_id: int, number: int, sealer: Sealer, now: datetime) -> bool:
    """From now on its rules stand, and a seed is promised that nobody has seen. False: it is open
    already."""
    seed = new_token()
    given = {
        "store_id": store_id, "id": number, "ticket_key": new_token(),
        "sealed": sealer.seal({"seed": seed}), "commitment": drawing.commitment_of(seed),
        "now": now,
    }  # fmt: skip
    return (await tx.execute(OPEN, given)).rowcount > 0


OPENED = f"""
SELECT {COLUMNS} FROM contest
WHERE store_id = %(store_id)s AND opened_at IS NOT NULL AND retired_at IS NULL
ORDER BY ends DESC, id DESC LIMIT {OPENED_MAX}
"""
HOLD = """
SELECT id FROM contest WHERE store_id = %(store_id)s AND id = ANY(%(ids)s::integer[])
ORDER BY id FOR SHARE
"""
LOCK = f"""
SELECT {COLUMNS}, sealed_seed FROM contest WHERE store_id = %(store_id)s AND id = %(id)s FOR UPDATE
"""


async def opened(tx: Tx, store_id: int) -> list[Contest]:
    """Those that a text can be about: also over ones, whose words still say that they are."""
    rows = await (await tx.execute(OPENED, {"store_id": store_id})).fetchall()
    return [contests.contest_of(row) for row in rows]


async def hold(tx: Tx, store_id: int, ids: Sequence[int]) -> None:
    """Their lists cannot be closed before this transaction ends."""
    await tx.execute(HOLD, {"store_id": store_id, "ids": db.numbers(ids)})


async def lock(tx: Tx, store_id: int, number: int) -> tuple[Contest, bytes] | None:
    """One of them with its sealed seed, for who closes or draws it."""
    given = {"store_id": store_id, "id": number}
    row = await (await tx.execute(LOCK, given)).fetchone()
    return (contests.contest_of(row), bytes(row["sealed_seed"] or b"")) if row else None


async def words(tx: Tx, store_id: int, but: int = 0) -> set[str]:
    """Folded words that contests of the store need until they are over, drafts too; `but`: one
    that does not count."""
    every = await of_store(tx, store_id)
    return {word for one in every if one.id != but and not one.is_over for word in one.folded}


# ------------------------------------------------------------------ its end

# A handful of rows anywhere: a contest is closed once in its life.
ENDED = """
SELECT store_id, id FROM contest
WHERE opened_at IS NOT NULL AND closed_at IS NULL AND retired_at IS NULL AND ends < %(before)s
ORDER BY ends LIMIT 100
"""
CLOSED = """
UPDATE contest SET closed_at = %(now)s, entries = %(entries)s, list_hash = %(list_hash)s
WHERE store_id = %(store_id)s AND id = %(id)s
"""
DRAWN = """
UPDATE contest SET drawn_at = %(now)s, seed = %(seed)s, beacon_value = %(beacon)s, ticket_key = ''
WHERE store_id = %(store_id)s AND id = %(id)s
"""


async def ended(tx: Tx, before: datetime) -> list[tuple[int, int]]:
    """Pairs of store and number of those whose time was over then and whose list is still open."""
    rows = await (await tx.execute(ENDED, {"before": before})).fetchall()
    return [(row["store_id"], row["id"]) for row in rows]


async def closed(
    tx: Tx, store_id: int, number: int, entries: int, list_hash: str, now: datetime
) -> None:
    """Its list is final."""
    given = {
        "store_id": store_id, "id": number, "entries": entries, "list_hash": list_hash, "now": now,
    }  # fmt: skip
    await tx.execute(CLOSED, given)


async def drawn(tx: Tx, store_id: int, number: int, seed: str, beacon: str, now: datetime) -> None:
    """Its seed is told, and what tied tickets to numbers is thrown away."""
    given = {"store_id": store_id, "id": number, "seed": seed, "beacon": beacon, "now": now}
    await tx.execute(DRAWN, given)
