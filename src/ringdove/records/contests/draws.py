"""The end of a contest: its list is closed, its winners are drawn and told, each once.

Closing marks the rows that are on the list, in the transaction that keeps its hash; drawing proves
that the list still has this hash before the seed is told. Both lock the contest's row.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ringdove.kit import db
from ringdove.kit.buckets import Ids, bucket_of_id, buckets_of_store
from ringdove.kit.crypto import Sealer
from ringdove.kit.db import Tx
from ringdove.records import facts as fact_records
from ringdove.records.contests import contests
from ringdove.rules import facts
from ringdove.rules.contests import drawing
from ringdove.rules.contests.contests import Contest
from ringdove.rules.scenes import Store


class ListBroken(RuntimeError):
    """The list is not the one that was closed: somebody changed rows by hand."""


# ------------------------------------------------------------------ closing the list

WITH_ORDER = """
SELECT e.bucket, e.ticket, e.order_id FROM contest_entry e
WHERE e.bucket = ANY(%(buckets)s::integer[]) AND e.store_id = %(store_id)s
  AND e.contest_id = %(contest)s AND e.order_id IS NOT NULL AND e.refused = ''
"""
CANCELLED = """
SELECT o.id FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT o.id FROM purchase_order o
  WHERE o.bucket = k.bucket AND o.store_id = %(store_id)s AND o.id = k.id
    AND o.cancelled_at IS NOT NULL OFFSET 0
) o
"""
REFUSE = """
UPDATE contest_entry e SET refused = %(why)s
WHERE e.bucket = ANY(%(buckets)s::integer[]) AND e.store_id = %(store_id)s
  AND e.contest_id = %(contest)s AND e.ticket = ANY(%(tickets)s::text[]) AND NOT e.listed
"""
LIST = """
UPDATE contest_entry e SET listed = true
WHERE e.bucket = %(bucket)s AND e.store_id = %(store_id)s
  AND e.contest_id = %(contest)s AND e.refused = ''
RETURNING e.ticket
"""


async def close(tx: Tx, store: Store, number: int, now: datetime) -> Contest | None:
    """The list is final: who is not on it now is not drawn. None: there is nothing to close, or its
    time is not over."""
    held = await contests.lock(tx, store.id, number)
    if held is None or held[0].state(now) != "ended":
        return None
    contest, _ = held
    if contest.with_order:
        await _refuse_cancelled(tx, store, contest)
    listed = await _of_each_bucket(tx, LIST, store, number)
    hashed = await asyncio.to_thread(drawing.list_hash, listed)
    await contests.closed(tx, store.id, number, len(listed), hashed, now)
    return await contests.find(tx, store.id, number)


async def _of_each_bucket(tx: Tx, statement: str, store: Store, number: int) -> list[str]:
    """All tickets that a statement finds, in their order. A bucket at a time: one statement over
    a million rows would run into the time that a statement has."""
    found: list[str] = []
    for bucket in buckets_of_store(store.bucket_base, store.bucket_span):
        given = {"bucket": bucket, "store_id": store.id, "contest": number}
        rows = await (await tx.execute(statement, given)).fetchall()
        found += [row["ticket"] for row in rows]
    return await asyncio.to_thread(sorted, found)


async def _refuse_cancelled(tx: Tx, store: Store, contest: Contest) -> None:
    """An order that was cancelled meanwhile is none."""
    where = _where(store, contest.id)
    rows = await (await tx.execute(WITH_ORDER, where)).fetchall()
    orders = sorted({row["order_id"] for row in rows})
    keys = [{"bucket": bucket_of_id(one), "id": one} for one in orders]
    given = {"store_id": store.id, "keys": db.document(keys)}
    gone = {row["id"] for row in await (await tx.execute(CANCELLED, given)).fetchall()}
    tickets = [row["ticket"] for row in rows if row["order_id"] in gone]
    if tickets:
        why = {"tickets": db.words(tickets), "why": "cancelled"}
        await tx.execute(REFUSE, where | why)


async def refuse(tx: Tx, store: Store, number: int, ticket: str, why: str) -> bool:
    """Takes an entry out before the list is closed. False: there is none, or it is too late."""
    given = _where(store, number) | {"tickets": db.words([ticket]), "why": why}
    return (await tx.execute(REFUSE, given)).rowcount > 0


def _where(store: Store, number: int) -> dict[str, Any]:
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    return {"buckets": buckets, "store_id": store.id, "contest": number}


# ------------------------------------------------------------------ the draw

TICKETS = """
SELECT e.ticket FROM contest_entry e
WHERE e.bucket = %(bucket)s AND e.store_id = %(store_id)s
  AND e.contest_id = %(contest)s AND e.listed
"""
PLACE = """
UPDATE contest_entry e SET place = r.place
FROM jsonb_to_recordset(%(rows)s) AS r(ticket text, place integer)
WHERE e.bucket = ANY(%(buckets)s::integer[]) AND e.store_id = %(store_id)s
  AND e.contest_id = %(contest)s AND e.ticket = r.ticket AND e.listed
RETURNING e.ticket, e.place, e.contact_id
"""


async def tickets(tx: Tx, store: Store, number: int) -> list[str]:
    """The closed list, in its order. A million tickets take some 100 MB while they are held."""
    return await _of_each_bucket(tx, TICKETS, store, number)


async def draw(
    tx: Tx, store: Store, number: int, beacon: str, sealer: Sealer, ids: Ids, now: datetime
) -> Contest | None:
    """Draws by the rule, tells the seed, and lets everybody with a place be told by text. None: its
    list is not closed, or it was drawn before. Raises ListBroken, SealBroken."""
    held = await contests.lock(tx, store.id, number)
    if held is None or held[0].state(now) != "closed":
        return None
    contest, sealed = held
    seed = str(sealer.open(sealed)["seed"])
    listed = await tickets(tx, store, number)
    places = contest.winners + contest.substitutes
    won = await asyncio.to_thread(_by_rule, contest, listed, seed, beacon, places)
    rows = [{"ticket": ticket, "place": n} for n, ticket in enumerate(won, 1)]
    given = _where(store, number) | {"rows": db.document(rows)}
    placed = await (await tx.execute(PLACE, given)).fetchall()
    await contests.drawn(tx, store.id, number, seed, beacon, now)
    told = [_news(contest, row, now) for row in placed if row["contact_id"]]
    await fact_records.write(tx, store, 0, told, now, ids)
    return await contests.find(tx, store.id, number)


def _by_rule(
    contest: Contest, listed: Sequence[str], seed: str, beacon: str, places: int
) -> list[str]:
    if drawing.list_hash(listed) != contest.list_hash:
        raise ListBroken(
            f"The list of contest {contest.id} has changed since it was closed; it is not drawn."
        )
    return drawing.drawn(listed, seed, contest.list_hash, beacon, places)


def _news(contest: Contest, row: Mapping[str, Any], now: datetime) -> facts.ContestWon:
    is_winner = row["place"] <= contest.winners
    return facts.ContestWon(
        id=f"contest/{contest.id}/{row['ticket']}", at=now, contact=row["contact_id"],
        contest=contest.id, ticket=row["ticket"], state="won" if is_winner else "substitute",
    )  # fmt: skip


# ------------------------------------------------------------------ what becomes of the prizes

SETTLE = """
UPDATE contest_entry e SET outcome = %(outcome)s
WHERE e.bucket = ANY(%(buckets)s::integer[]) AND e.store_id = %(store_id)s
  AND e.contest_id = %(contest)s AND e.ticket = %(ticket)s AND e.place IS NOT NULL
  AND e.outcome = ANY(%(from)s::text[]) AND (e.place <= %(winners)s OR e.outcome = 'moved_up')
"""
NEXT = """
UPDATE contest_entry e SET outcome = 'moved_up'
WHERE e.bucket = ANY(%(buckets)s::integer[]) AND e.store_id = %(store_id)s
  AND e.contest_id = %(contest)s AND e.place = (
    SELECT min(f.place) FROM contest_entry f
    WHERE f.bucket = ANY(%(buckets)s::integer[]) AND f.store_id = %(store_id)s
      AND f.contest_id = %(contest)s AND f.place > %(winners)s AND f.outcome = ''
      AND f.contact_id IS NOT NULL)
RETURNING e.ticket, e.place, e.contact_id
"""


async def give(tx: Tx, store: Store, contest: Contest, ticket: str) -> bool:
    """The winner has their prize. False: this ticket has none to get."""
    given = _settling(store, contest, ticket) | {
        "outcome": "given", "from": db.words(["", "moved_up"]),
    }  # fmt: skip
    return (await tx.execute(SETTLE, given)).rowcount > 0


async def lapse(
    tx: Tx, store: Store, contest: Contest, ticket: str, ids: Ids, now: datetime
) -> bool:
    """A winner cannot be reached or does not want it: the first substitute has it, and is told.
    False: this ticket has no prize to lose."""
    await contests.lock(tx, store.id, contest.id)  # two at once would move up one substitute twice
    given = _settling(store, contest, ticket) | {
        "outcome": "lapsed", "from": db.words(["", "moved_up"]),
    }  # fmt: skip
    if not (await tx.execute(SETTLE, given)).rowcount:
        return False
    rows = await (await tx.execute(NEXT, given)).fetchall()
    told = [
        facts.ContestWon(
            id=f"contest/{contest.id}/{row['ticket']}/up", at=now, contact=row["contact_id"],
            contest=contest.id, ticket=row["ticket"], state="won",
        )
        for row in rows
    ]  # fmt: skip
    await fact_records.write(tx, store, 0, told, now, ids)
    return True


def _settling(store: Store, contest: Contest, ticket: str) -> dict[str, Any]:
    return _where(store, contest.id) | {"ticket": ticket, "winners": contest.winners}


# ------------------------------------------------------------------ looking

PAGE: Final = 50
EXPORT: Final = 5_000  # rows of a piece of the file


@dataclass(frozen=True, slots=True)
class Taking:
    """An entry as the store sees it; `name`, `phone`: as the person is known now."""

    ticket: str
    contact_id: int | None  # the living person's; None: erased
    at: datetime
    word: str
    refused: str
    place: int | None
    outcome: str
    name: str
    phone: str | None
    country: str | None
    order_number: str


COLUMNS = """e.ticket, coalesce(c.merged_into, c.id) AS contact_id, e.at, e.word, e.refused,
  e.place, e.outcome, coalesce(c.name, '') AS name, c.phone, c.country,
  coalesce(o.number, '') AS order_number"""
JOINED = """
LEFT JOIN contact c ON c.bucket = e.bucket AND c.store_id = e.store_id AND c.id = e.contact_id
LEFT JOIN purchase_order o
  ON o.bucket = e.bucket AND o.store_id = e.store_id AND o.id = e.order_id"""
# The newest of each bucket from the end of its index: a page costs the same with a million.
NEWEST = f"""
SELECT {COLUMNS}
FROM unnest(%(buckets)s::integer[]) AS b(bucket)
CROSS JOIN LATERAL (
  SELECT e.* FROM contest_entry e
  WHERE e.bucket = b.bucket AND e.store_id = %(store_id)s AND e.contest_id = %(contest)s
    AND (e.at, e.ticket) < (%(at)s, %(ticket)s)
  ORDER BY e.at DESC, e.ticket DESC LIMIT %(most)s
) e {JOINED}
ORDER BY e.at DESC, e.ticket DESC LIMIT %(most)s
"""
PLACED = f"""
SELECT {COLUMNS} FROM contest_entry e {JOINED}
WHERE e.bucket = ANY(%(buckets)s::integer[]) AND e.store_id = %(store_id)s
  AND e.contest_id = %(contest)s AND e.place IS NOT NULL
ORDER BY e.place LIMIT 2000
"""
ONE = f"""
SELECT {COLUMNS} FROM contest_entry e {JOINED}
WHERE e.bucket = ANY(%(buckets)s::integer[]) AND e.store_id = %(store_id)s
  AND e.contest_id = %(contest)s AND e.ticket = %(ticket)s
"""
# Two questions, each answered by an index alone.
COUNTS = """
SELECT e.contest_id, count(*) AS n FROM contest_entry e
WHERE e.bucket = ANY(%(buckets)s::integer[]) AND e.store_id = %(store_id)s
  AND e.contest_id = ANY(%(contests)s::integer[])
GROUP BY e.contest_id
"""
REFUSED = """
SELECT e.contest_id, count(*) AS n FROM contest_entry e
WHERE e.bucket = ANY(%(buckets)s::integer[]) AND e.store_id = %(store_id)s
  AND e.contest_id = ANY(%(contests)s::integer[]) AND e.refused <> ''
GROUP BY e.contest_id
"""
DAYS = """
SELECT date(e.at AT TIME ZONE %(zone)s) AS day, count(*) AS n FROM contest_entry e
WHERE e.bucket = ANY(%(buckets)s::integer[]) AND e.store_id = %(store_id)s
  AND e.contest_id = %(contest)s
GROUP BY 1 ORDER BY 1 DESC LIMIT 92
"""


async def newest(
    tx: Tx, store: Store, number: int, before: tuple[datetime, str], most: int = PAGE
) -> list[Taking]:
    """Entries of a contest, the newest first, from before a place on."""
    given = _where(store, number) | {"at": before[0], "ticket": before[1], "most": most}
    return [Taking(**row) for row in await (await tx.execute(NEWEST, given)).fetchall()]


async def placed(tx: Tx, store: Store, number: int) -> list[Taking]:
    """Winners and substitutes, the first first."""
    rows = await (await tx.execute(PLACED, _where(store, number))).fetchall()
    return [Taking(**row) for row in rows]


async def one(tx: Tx, store: Store, number: int, ticket: str) -> Taking | None:
    """The entry of a ticket."""
    given = _where(store, number) | {"ticket": ticket}
    row = await (await tx.execute(ONE, given)).fetchone()
    return Taking(**row) if row else None


async def counts(tx: Tx, store: Store, numbers: Sequence[int]) -> dict[int, tuple[int, int]]:
    """How many take part in each of these contests, and how many were taken out."""
    given = _where(store, 0) | {"contests": db.numbers(numbers)}
    every = await (await tx.execute(COUNTS, given)).fetchall()
    out = await (await tx.execute(REFUSED, given)).fetchall()
    refused = {row["contest_id"]: row["n"] for row in out}
    return {
        one: (row["n"] - refused.get(one, 0), refused.get(one, 0))
        for row in every
        for one in (row["contest_id"],)
    }


async def days(tx: Tx, store: Store, number: int) -> list[tuple[Any, int]]:
    """How many entered on each of its last days by the store's clock, the first first; also who was
    taken out later."""
    given = _where(store, number) | {"zone": store.time_zone}
    rows = await (await tx.execute(DAYS, given)).fetchall()
    return [(row["day"], row["n"]) for row in reversed(rows)]
