"""Complaints as pages and programs read them: lists, one with its history, how many wait.

Lists are continued from their last line's time and id, so that the last page costs what the first
does; each bucket and state is read from the end of its index.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Complaint, Store

PAGE: Final = 50
PAGE_MAX: Final = 200
MOVES_MOST: Final = 500

Which = Literal["open", "decided", "closed", "all"]
Whose = Literal["all", "mine", "nobody"]
OF: Final[Mapping[Which, tuple[str, ...]]] = {
    "open": ("opened",),
    "decided": ("answered", "accepted", "refused"),
    "closed": ("closed",),
    "all": (),  # whatever its state
}


@dataclass(frozen=True, slots=True)
class Line:
    """A complaint with whose it is, who is to answer it, and the number of its order."""

    id: int
    contact_id: int
    number: str
    state: str
    opened_at: datetime
    changed_at: datetime
    due_at: datetime
    order_id: int | None
    reason: str
    said: str
    note: str
    opened_by: str
    owner: int | None
    closed_at: datetime | None
    owner_name: str | None
    customer_name: str | None
    phone: str | None
    living: int
    order_number: str | None


@dataclass(frozen=True, slots=True)
class Move:
    """A line of a complaint's history."""

    id: int
    at: datetime
    by: str
    state: str
    said: str
    note: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Which complaints, and from where on. `user_id`: who looks, for `mine`."""

    which: Which = "open"
    whose: Whose = "all"
    user_id: int = 0
    reason: str = ""  # only with this one; "": whatever it is
    is_late: bool = False  # only those that should have been answered
    people: tuple[int, ...] = ()  # only of these names of somebody; (): of everybody
    after: tuple[datetime, int] | None = None  # the last line of the page before


COLUMNS = f"""{", ".join(f"v.{name}" for name in Complaint.__slots__)},
  u.name AS owner_name, c.name AS customer_name, c.phone, coalesce(c.merged_into, c.id) AS living,
  o.number AS order_number"""
JOINED = """
JOIN contact c ON c.bucket = v.bucket AND c.store_id = v.store_id AND c.id = v.contact_id
LEFT JOIN purchase_order o
  ON o.bucket = v.bucket AND o.store_id = v.store_id AND o.id = v.order_id
LEFT JOIN app_user u ON u.id = v.owner"""
MEANT = """(%(whose)s = 'all' OR (%(whose)s = 'mine' AND v.owner = %(user_id)s)
      OR (%(whose)s = 'nobody' AND v.owner IS NULL))
    AND (%(reason)s = '' OR v.reason = %(reason)s)
    AND (%(anybody)s OR v.contact_id = ANY(%(people)s::bigint[]))"""
# The page is cut before names are looked up: 128 buckets give 128 pages.
OPEN = f"""
SELECT {COLUMNS}
FROM (
  SELECT v.*
  FROM unnest(%(buckets)s::integer[]) AS b(bucket)
  CROSS JOIN LATERAL (
    SELECT v.* FROM complaint v
    WHERE v.bucket = b.bucket AND v.store_id = %(store_id)s AND v.state = 'opened'
      AND (v.due_at, v.id) > (%(at)s, %(id)s) AND (NOT %(is_late)s OR v.due_at < %(now)s)
      AND {MEANT}
    ORDER BY v.due_at, v.id LIMIT %(most)s
  ) v
  ORDER BY v.due_at, v.id LIMIT %(most)s
) v {JOINED}
ORDER BY v.due_at, v.id
"""
MOVED = f"""
SELECT {COLUMNS}
FROM (
  SELECT v.*
  FROM unnest(%(buckets)s::integer[]) AS b(bucket)
  CROSS JOIN unnest(%(states)s::text[]) AS s(state)
  CROSS JOIN LATERAL (
    SELECT v.* FROM complaint v
    WHERE v.bucket = b.bucket AND v.store_id = %(store_id)s AND v.state = s.state
      AND (v.changed_at, v.id) < (%(at)s, %(id)s) AND {MEANT}
    ORDER BY v.changed_at DESC, v.id DESC LIMIT %(most)s
  ) v
  ORDER BY v.changed_at DESC, v.id DESC LIMIT %(most)s
) v {JOINED}
ORDER BY v.changed_at DESC, v.id DESC
"""
ALL = f"""
SELECT {COLUMNS}
FROM (
  SELECT v.*
  FROM unnest(%(buckets)s::integer[]) AS b(bucket)
  CROSS JOIN LATERAL (
    SELECT v.* FROM complaint v
    WHERE v.bucket = b.bucket AND v.store_id = %(store_id)s
      AND (v.changed_at, v.id) < (%(at)s, %(id)s) AND {MEANT}
    ORDER BY v.changed_at DESC, v.id DESC LIMIT %(most)s
  ) v
  ORDER BY v.changed_at DESC, v.id DESC LIMIT %(most)s
) v {JOINED}
ORDER BY v.changed_at DESC, v.id DESC
"""
FIRST = (datetime(1970, 1, 1, tzinfo=UTC), 0)
LAST = (datetime(9000, 1, 1, tzinfo=UTC), 2**63 - 1)


async def listed(tx: Tx, store: Store, asked: Asked, now: datetime, most: int = PAGE) -> list[Line]:
    """Those to answer with the one that is due first in front; others with the one that changed
    last in front."""
    is_open = asked.which == "open"
    at, row_id = asked.after or (FIRST if is_open else LAST)
    given = _where(store) | {
        "states": db.words(OF[asked.which]), "whose": asked.whose, "user_id": asked.user_id,
        "reason": asked.reason, "is_late": asked.is_late, "anybody": not asked.people,
        "people": db.numbers(asked.people), "at": at, "id": row_id, "now": now, "most": most,
    }  # fmt: skip
    statement = ALL if asked.which == "all" else OPEN if is_open else MOVED
    rows = await (await tx.execute(statement, given)).fetchall()
    return [Line(**row) for row in rows]


def _where(store: Store) -> dict[str, Any]:
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    return {"buckets": buckets, "store_id": store.id}


COUNTS = """
SELECT count(*)::bigint AS "all",
  count(*) FILTER (WHERE v.owner = %(user_id)s)::bigint AS mine,
  count(*) FILTER (WHERE v.owner IS NULL)::bigint AS nobody,
  count(*) FILTER (WHERE v.due_at < %(now)s)::bigint AS late
FROM complaint v
WHERE v.bucket = ANY(%(buckets)s) AND v.store_id = %(store_id)s AND v.state = 'opened'
"""


async def counts(tx: Tx, store: Store, user_id: int, now: datetime) -> Mapping[str, int]:
    """How many are to be answered: all, mine, nobody's, and late."""
    given = _where(store) | {"user_id": user_id, "now": now}
    row = await (await tx.execute(COUNTS, given)).fetchone()
    assert row is not None
    return {name: int(row[name]) for name in ("all", "mine", "nobody", "late")}


FIND = f"""
SELECT {COLUMNS} FROM complaint v {JOINED}
WHERE v.bucket = %(bucket)s AND v.store_id = %(store_id)s AND v.id = %(id)s
"""
MOVES = """
SELECT m.id, m.at, m.by, m.state, m.said, m.note FROM complaint_move m
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.complaint_id = %(id)s
ORDER BY m.at, m.id LIMIT %(most)s
"""


async def find(tx: Tx, store: Store, complaint_id: int) -> Line | None:
    """One of this store, or None."""
    given = {"bucket": bucket_of_id(complaint_id), "store_id": store.id, "id": complaint_id}
    row = await (await tx.execute(FIND, given)).fetchone()
    return Line(**row) if row else None


async def history(tx: Tx, store: Store, complaint_id: int) -> Sequence[Move]:
    """What happened to it, the first in front."""
    given = {
        "bucket": bucket_of_id(complaint_id), "store_id": store.id, "id": complaint_id,
        "most": MOVES_MOST,
    }  # fmt: skip
    return [Move(**row) for row in await (await tx.execute(MOVES, given)).fetchall()]


ORDERS = """
SELECT o.id, o.number, o.placed_at
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT o.* FROM purchase_order o
  WHERE o.bucket = k.bucket AND o.store_id = %(store_id)s AND o.contact_id = k.id
    AND o.state <> 'removed'
  ORDER BY o.placed_at DESC LIMIT %(most)s
) o
ORDER BY o.placed_at DESC LIMIT %(most)s
"""
ORDERS_MOST: Final = 20


async def orders_of(tx: Tx, store: Store, names: Sequence[int]) -> Sequence[Mapping[str, Any]]:
    """The newest orders of somebody, that a complaint can be about: id, number, when."""
    keys = [{"bucket": bucket_of_id(one), "id": one} for one in sorted(names)]
    given = {"store_id": store.id, "keys": db.document(keys), "most": ORDERS_MOST}
    return list(await (await tx.execute(ORDERS, given)).fetchall())
