"""The list of conversations: which ones wait, mine, put off, closed; found by name or number.

Every list is read a bucket at a time from the end of an index and continued from its last line, so
that a page costs the same whatever lies behind it. Counts end at COUNT_MAX for the same reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records.conversations.conversations import LIVE
from ringdove.records.people import customers, search
from ringdove.records.people.lookups import NO_END
from ringdove.rules.people import searching
from ringdove.rules.people.searching import Filters
from ringdove.rules.scenes import Store

PAGE: Final = 40
PAGE_MAX: Final = 200
COUNT_MAX: Final = 1_000
FOUND_MAX: Final = 200  # people with the name or number that was typed
WAKE_MAX: Final = 1_000

Which = Literal["waiting", "mine", "answered", "snoozed", "closed", "all"]
WHICH: Final[tuple[Which, ...]] = ("waiting", "mine", "answered", "snoozed", "closed", "all")


@dataclass(frozen=True, slots=True)
class Line:
    """One conversation in the list, with whose it is."""

    contact_id: int
    state: str
    owner: int | None
    snoozed_until: datetime | None
    waiting_since: datetime | None
    unread: int
    last_at: datetime
    last_by: str
    last_said: str
    intent: str
    typing_by: str
    typing_until: datetime | None
    name: str
    phone: str | None
    language: str | None
    owner_name: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """Which conversations, and from where on. `user_id`: who looks, for `mine`."""

    which: Which = "waiting"
    user_id: int = 0
    after: tuple[datetime, int] | None = None  # place_of() the last line of the page before


COLUMNS = """c.contact_id, c.state, c.owner, c.snoozed_until, c.waiting_since, c.unread, c.last_at,
  c.last_by, c.last_said, c.intent, c.typing_by, c.typing_until, p.name, p.phone, p.language,
  u.name AS owner_name"""
JOINED = """
JOIN contact p ON p.bucket = c.bucket AND p.store_id = c.store_id AND p.id = c.contact_id
LEFT JOIN app_user u ON u.id = c.owner"""
# The newest in front. Every bucket, and in it each state, is a stretch of one index. Whose they are
# is looked up for a page, not for a page of every bucket.
BY_LAST = f"""
SELECT {COLUMNS} FROM (
  SELECT c.* FROM unnest(%(buckets)s::integer[]) AS b(bucket)
  CROSS JOIN unnest(%(states)s::text[]) AS s(state)
  CROSS JOIN unnest(%(answered)s::boolean[]) AS a(is_answered)
  CROSS JOIN LATERAL (
    SELECT c.* FROM conversation c
    WHERE c.bucket = b.bucket AND c.store_id = %(store_id)s AND c.state = s.state
      AND (c.waiting_since IS NULL) = a.is_answered
      AND c.last_at <= %(at)s AND (c.last_at, c.contact_id) < (%(at)s, %(id)s)
    ORDER BY c.last_at DESC, c.contact_id DESC LIMIT %(most)s
  ) c
  ORDER BY c.last_at DESC, c.contact_id DESC LIMIT %(most)s
) c {JOINED}
ORDER BY c.last_at DESC, c.contact_id DESC
"""
BY_OWNER = f"""
SELECT {COLUMNS} FROM (
  SELECT c.* FROM unnest(%(buckets)s::integer[]) AS b(bucket)
  CROSS JOIN LATERAL (
    SELECT c.* FROM conversation c
    WHERE c.bucket = b.bucket AND c.store_id = %(store_id)s AND c.owner = %(user_id)s
      AND c.state <> 'closed'
      AND c.last_at <= %(at)s AND (c.last_at, c.contact_id) < (%(at)s, %(id)s)
    ORDER BY c.last_at DESC, c.contact_id DESC LIMIT %(most)s
  ) c
  ORDER BY c.last_at DESC, c.contact_id DESC LIMIT %(most)s
) c {JOINED}
ORDER BY c.last_at DESC, c.contact_id DESC
"""
# Who has waited longest stands in front.
BY_WAIT = f"""
SELECT {COLUMNS} FROM (
  SELECT c.* FROM unnest(%(buckets)s::integer[]) AS b(bucket)
  CROSS JOIN LATERAL (
    SELECT c.* FROM conversation c
    WHERE c.bucket = b.bucket AND c.store_id = %(store_id)s AND c.state = 'open'
      AND c.waiting_since >= %(at)s AND (c.waiting_since, c.contact_id) > (%(at)s, %(id)s)
    ORDER BY c.waiting_since, c.contact_id LIMIT %(most)s
  ) c
  ORDER BY c.waiting_since, c.contact_id LIMIT %(most)s
) c {JOINED}
ORDER BY c.waiting_since, c.contact_id
"""
STATES: Final[Mapping[str, tuple[tuple[str, ...], tuple[bool, ...]]]] = {
    "answered": (("open",), (True,)),
    "snoozed": (("snoozed",), (True, False)),
    "closed": (("closed",), (True,)),
    "all": (("open", "snoozed", "closed"), (True, False)),
}
FIRST: Final = (datetime(1970, 1, 1, tzinfo=UTC), 0)
LAST: Final = (datetime(9000, 1, 1, tzinfo=UTC), NO_END)


async def listed(tx: Tx, store: Store, asked: Asked, most: int = PAGE) -> list[Line]:
    """A page: of those who wait the longest in front, of the others the newest."""
    waits = asked.which == "waiting"
    at, row_id = asked.after or (FIRST if waits else LAST)
    given = _where(store) | {"at": at, "id": row_id, "most": most, "user_id": asked.user_id}
    if waits:
        statement = BY_WAIT
    elif asked.which == "mine":
        statement = BY_OWNER
    else:
        states, answered = STATES[asked.which]
        given |= {"states": db.words(states), "answered": _flags(answered)}
        statement = BY_LAST
    return [Line(**row) for row in await (await tx.execute(statement, given)).fetchall()]


def place_of(line: Line, which: Which) -> tuple[datetime, int]:
    """Where the next page begins, after this line."""
    at = line.waiting_since if which == "waiting" and line.waiting_since else line.last_at
    return at, line.contact_id


def _where(store: Store) -> dict[str, Any]:
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    return {"buckets": buckets, "store_id": store.id}


def _flags(values: Sequence[bool]) -> str:
    return "{" + ",".join("t" if one else "f" for one in values) + "}"


OF_PEOPLE = f"""
SELECT {COLUMNS} FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT c.* FROM conversation c
  WHERE c.bucket = k.bucket AND c.store_id = %(store_id)s AND c.contact_id = k.id OFFSET 0
) c {JOINED}
ORDER BY c.last_at DESC, c.contact_id DESC LIMIT %(most)s
"""
# Of a name that many have, those who wrote lately are looked through: so few that it is quick.
GLANCE: Final = 2_000
EACH_MIN: Final = 8  # of a bucket and state
OF_LATELY = f"""
SELECT {COLUMNS} FROM (
  SELECT l.* FROM unnest(%(buckets)s::integer[]) AS b(bucket)
  CROSS JOIN unnest(ARRAY['open', 'snoozed', 'closed']) AS s(state)
  CROSS JOIN unnest(ARRAY[true, false]) AS a(is_answered)
  CROSS JOIN LATERAL (
    SELECT c.* FROM conversation c
    WHERE c.bucket = b.bucket AND c.store_id = %(store_id)s AND c.state = s.state
      AND (c.waiting_since IS NULL) = a.is_answered
    ORDER BY c.last_at DESC LIMIT %(each)s
  ) l
  JOIN contact_search f
    ON f.bucket = l.bucket AND f.store_id = %(store_id)s AND f.contact_id = l.contact_id
  WHERE (%(query)s = '' OR ts_match_vq(f.signs, %(query)s::tsquery))
    AND (%(numbers)s::text[] = '{{}}' OR f.digits LIKE ANY (%(numbers)s::text[]))
  ORDER BY l.last_at DESC, l.contact_id DESC LIMIT %(most)s
) c {JOINED}
ORDER BY c.last_at DESC, c.contact_id DESC
"""


async def found(
    tx: Tx, store: Store, typed: str, now: datetime, *, masked: bool, most: int = PAGE
) -> list[Line]:
    """Conversations with people who are called so, or have this number; the newest in front."""
    needle = searching.needle(store.id, typed, Filters(), masked=masked)
    named = await customers.behind(tx, store, typed) if not masked else []
    lines: dict[int, Line] = {}
    if not needle.is_nothing:
        people = await search.find(tx, store, needle, Filters(), now, NO_END, FOUND_MAX)
        named = [*named, *(row["id"] for row in people.rows)]
        given = _where(store) | {
            "query": needle.query, "numbers": db.words(needle.numbers), "most": most,
            "each": max(EACH_MIN, GLANCE // store.bucket_span),
        }  # fmt: skip
        for row in await (await tx.execute(OF_LATELY, given)).fetchall():
            lines[row["contact_id"]] = Line(**row)
    for line in await of_people(tx, store, named, most):
        lines[line.contact_id] = line
    return sorted(lines.values(), key=lambda one: (one.last_at, one.contact_id), reverse=True)[
        :most
    ]


async def of_people(tx: Tx, store: Store, contact_ids: Sequence[int], most: int) -> list[Line]:
    """The conversations that there are with these people."""
    keys = [{"bucket": bucket_of_id(one), "id": one} for one in dict.fromkeys(contact_ids)]
    given = {"store_id": store.id, "keys": db.document(keys), "most": most}
    return [Line(**row) for row in await (await tx.execute(OF_PEOPLE, given)).fetchall()]


# ------------------------------------------------------------------ how many

COUNTS = """
SELECT 'waiting' AS name, count(*) AS n FROM (
  SELECT 1 FROM conversation c
  WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s AND c.state = 'open'
    AND c.waiting_since IS NOT NULL LIMIT %(most)s) c
UNION ALL
SELECT 'mine', count(*) FROM (
  SELECT 1 FROM conversation c
  WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s AND c.owner = %(user_id)s
    AND c.state <> 'closed' LIMIT %(most)s) c
UNION ALL
SELECT 'answered', count(*) FROM (
  SELECT 1 FROM conversation c
  WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s AND c.state = 'open'
    AND (c.waiting_since IS NULL) LIMIT %(most)s) c
UNION ALL
SELECT 'snoozed', count(*) FROM (
  SELECT 1 FROM conversation c
  WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s AND c.state = 'snoozed'
  LIMIT %(most)s) c
"""
UNREAD = """
SELECT count(*) AS n FROM (
  SELECT 1 FROM conversation c
  WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s AND c.unread > 0
  LIMIT %(most)s) c
"""


async def counts(tx: Tx, store: Store, user_id: int) -> Mapping[str, int]:
    """How many wait, are mine, answered and put off; COUNT_MAX stands for so many or more."""
    given = _where(store) | {"user_id": user_id, "most": COUNT_MAX}
    rows = await (await tx.execute(COUNTS, given)).fetchall()
    return {row["name"]: int(row["n"]) for row in rows}


async def unread(tx: Tx, store: Store, most: int = 100) -> int:
    """How many conversations have texts that nobody has looked at; at most `most`."""
    row = await (await tx.execute(UNREAD, _where(store) | {"most": most})).fetchone()
    return int(row["n"]) if row else 0


WAITED = """
SELECT c.name, sum(c.n)::bigint AS n FROM counter c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s AND c.hour >= %(since)s
  AND c.name LIKE 'waited/%%'
GROUP BY c.name
"""


async def waited(tx: Tx, store: Store, since: datetime) -> Mapping[str, int]:
    """How many answers came after how long (rules/conversations/waits.py reads it)."""
    rows = await (await tx.execute(WAITED, _where(store) | {"since": since})).fetchall()
    return {row["name"]: int(row["n"]) for row in rows}


# ------------------------------------------------------------------ put off until now

WAKE = """
UPDATE conversation c SET state = 'open', snoozed_until = NULL, unread = greatest(c.unread, 1),
  waiting_since = coalesce(c.waiting_since, c.snoozed_until)
FROM (
  SELECT k.bucket, k.store_id, k.contact_id FROM conversation k
  WHERE k.bucket = ANY(%(buckets)s) AND k.store_id = %(store_id)s AND k.state = 'snoozed'
    AND k.snoozed_until <= %(now)s
  ORDER BY k.bucket, k.contact_id LIMIT %(most)s FOR UPDATE SKIP LOCKED
) d
WHERE c.bucket = d.bucket AND c.store_id = %(store_id)s AND c.contact_id = d.contact_id
"""


async def wake(tx: Tx, store: Store, now: datetime) -> int:
    """Conversations whose time has come wait again. A batch at work on one of them may write it
    back as it was: the next look wakes it then."""
    given = _where(store) | {"now": now, "most": WAKE_MAX}
    woken = (await tx.execute(WAKE, given)).rowcount
    if woken:
        await db.notify(tx, "live", f"{store.id} {LIVE}")
    return woken


# Over all stores and buckets: few are put off, and their index holds no others.
DUE = """
SELECT DISTINCT c.store_id FROM conversation c
WHERE c.state = 'snoozed' AND c.snoozed_until <= %(now)s LIMIT %(most)s
"""


async def stores_to_wake(tx: Tx, now: datetime) -> list[int]:
    """Stores with conversations whose time has come."""
    rows = await (await tx.execute(DUE, {"now": now, "most": WAKE_MAX})).fetchall()
    return [row["store_id"] for row in rows]
