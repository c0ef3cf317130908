"""Connections: the shops and programs that tell a store facts, and how far catch-up has come.

Small and rarely written. Secrets come here sealed and are opened by whoever checks a signature or
asks the shop. A removed connection keeps its token, so that its door can say that it is closed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store


@dataclass(frozen=True, slots=True)
class Connection:
    """One shop. `error` is what the last catch-up said; empty: it went well or never ran."""

    id: int
    store_id: int
    kind: str
    name: str
    token: str
    settings: dict[str, Any]
    secrets: bytes = field(repr=False)
    created_at: datetime
    paused_at: datetime | None
    removed_at: datetime | None
    seen_until: datetime | None
    checked_at: datetime | None
    error: str | None


COLUMNS = """
c.id, c.store_id, c.kind, c.name, c.token, c.settings, c.secrets, c.created_at, c.paused_at,
c.removed_at, y.seen_until, y.checked_at, y.error
"""

OF_STORE = f"""
SELECT {COLUMNS} FROM connection c LEFT JOIN sync_cursor y ON y.connection_id = c.id
 WHERE c.store_id = %(store_id)s AND c.removed_at IS NULL
 ORDER BY c.id
"""


async def of_store(tx: Tx, store_id: int) -> list[Connection]:
    """A store's connections, paused ones included."""
    rows = await (await tx.execute(OF_STORE, {"store_id": store_id})).fetchall()
    return [Connection(**row) for row in rows]


FIND = f"""
SELECT {COLUMNS} FROM connection c LEFT JOIN sync_cursor y ON y.connection_id = c.id
 WHERE c.store_id = %(store_id)s AND c.id = %(connection_id)s AND c.removed_at IS NULL
"""


async def find(tx: Tx, store_id: int, connection_id: int) -> Connection | None:
    """One connection of this store, or None."""
    given = {"store_id": store_id, "connection_id": connection_id}
    row = await (await tx.execute(FIND, given)).fetchone()
    return None if row is None else Connection(**row)


BY_TOKEN = f"""
SELECT {COLUMNS} FROM connection c LEFT JOIN sync_cursor y ON y.connection_id = c.id
 WHERE c.token = %(token)s
"""


async def by_token(tx: Tx, token: str) -> Connection | None:
    """Whose door this is, removed ones included; the token is what names the store."""
    row = await (await tx.execute(BY_TOKEN, {"token": token})).fetchone()
    return None if row is None else Connection(**row)


# The lock makes "one more than the last" safe: no serial in a table that a cluster copies around.
LOCK = "LOCK TABLE connection IN SHARE ROW EXCLUSIVE MODE"
CREATE = """
INSERT INTO connection (id, store_id, kind, name, token, settings, secrets, created_at)
SELECT coalesce(max(id), 0) + 1, %(store_id)s, %(kind)s, %(name)s, %(token)s, %(settings)s,
       %(secrets)s, %(now)s
  FROM connection
RETURNING id
"""


async def create(
    tx: Tx,
    *,
    store_id: int,
    kind: str,
    name: str,
    token: str,
    settings: dict[str, Any],
    secrets: bytes,
    now: datetime,
) -> int:
    """A new connection; `secrets` are sealed already. Returns its id."""
    await tx.execute(LOCK)
    cursor = await tx.execute(
        CREATE,
        {
            "store_id": store_id,
            "kind": kind,
            "name": name,
            "token": token,
            "settings": Jsonb(settings),
            "secrets": secrets,
            "now": now,
        },
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row["id"])


CHANGE = """
UPDATE connection SET name = %(name)s, settings = %(settings)s,
       secrets = coalesce(%(secrets)s, secrets)
 WHERE store_id = %(store_id)s AND id = %(connection_id)s AND removed_at IS NULL
"""


async def change(
    tx: Tx,
    *,
    store_id: int,
    connection_id: int,
    name: str,
    settings: dict[str, Any],
    secrets: bytes | None = None,
) -> None:
    """New settings; secrets stay as they are when none are given."""
    await tx.execute(
        CHANGE,
        {
            "store_id": store_id,
            "connection_id": connection_id,
            "name": name,
            "settings": Jsonb(settings),
            "secrets": secrets,
        },
    )


PAUSE = """
UPDATE connection SET paused_at = %(at)s
 WHERE store_id = %(store_id)s AND id = %(connection_id)s AND removed_at IS NULL
"""


async def pause(tx: Tx, store_id: int, connection_id: int, at: datetime | None) -> None:
    """Its door is closed from now on; `at` None: open it again."""
    given = {"store_id": store_id, "connection_id": connection_id, "at": at}
    await tx.execute(PAUSE, given)


REMOVE = """
UPDATE connection SET removed_at = %(at)s, secrets = ''
 WHERE store_id = %(store_id)s AND id = %(connection_id)s AND removed_at IS NULL
"""


async def remove(tx: Tx, store_id: int, connection_id: int, at: datetime) -> None:
    """Forget its secrets and close its door for good; facts that it told still name it."""
    await tx.execute(REMOVE, {"store_id": store_id, "connection_id": connection_id, "at": at})


# Removed ones too: what a scope was decided by must never change.
OF_KIND = """
SELECT c.id, c.created_at, c.removed_at, c.settings->>'store_url' AS address FROM connection c
 WHERE c.store_id = %(store_id)s AND c.kind = %(kind)s AND c.id <= %(connection_id)s
 ORDER BY c.id
"""


async def scope(tx: Tx, connection: Connection) -> str:
    """What sets this shop's keys apart (rules/facts.scoped): nothing for a store's first shop of a
    kind, nor for one that came after it was removed; else the connection's number. Two connections
    to one address are one shop."""
    given = {"store_id": connection.store_id, "kind": connection.kind}
    cursor = await tx.execute(OF_KIND, given | {"connection_id": connection.id})
    scopes: dict[int, str] = {}
    before: list[Any] = []
    for row in await cursor.fetchall():
        rivals = [
            one for one in before if not one["removed_at"] or one["removed_at"] > row["created_at"]
        ]
        here = _host(row["address"])
        same = [one["id"] for one in rivals if here and _host(one["address"]) == here]
        scopes[row["id"]] = scopes[same[0]] if same else f"c{row['id']}-" if rivals else ""
        before.append(row)
    return scopes[connection.id]


def _host(address: str | None) -> str:
    return (address or "").strip().lower().rpartition("://")[2].partition("/")[0]


LATELY = 50
# The newest facts of each bucket, by its key read backwards: no sorting of all that was ever heard.
HEARD_LATELY = """
SELECT f.connection_id, max(f.heard_at) AS heard_at
  FROM unnest(%(buckets)s::int[]) AS b (bucket)
 CROSS JOIN LATERAL (
   SELECT n.connection_id, n.heard_at FROM fact n
    WHERE n.bucket = b.bucket AND n.store_id = %(store_id)s AND n.connection_id <> 0
    ORDER BY n.id DESC LIMIT %(most)s) f
 GROUP BY f.connection_id
"""


async def heard_lately(tx: Tx, store: Store) -> dict[int, datetime]:
    """When each connection last told something; one that has been silent for long is not there."""
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    given = {"buckets": buckets, "store_id": store.id, "most": LATELY}
    rows = await (await tx.execute(HEARD_LATELY, given)).fetchall()
    return {row["connection_id"]: row["heard_at"] for row in rows}


# ------------------------------------------------------------------ catch-up

# Over all stores on purpose: a worker asks which shops to look at.
TO_CHECK = f"""
SELECT {COLUMNS} FROM connection c LEFT JOIN sync_cursor y ON y.connection_id = c.id
 WHERE c.removed_at IS NULL AND c.paused_at IS NULL AND c.kind = ANY(%(kinds)s)
   AND coalesce(y.checked_at, '-infinity') <= %(before)s
 ORDER BY y.checked_at NULLS FIRST, c.id
 LIMIT %(most)s
"""


async def to_check(
    tx: Tx, kinds: Sequence[str], before: datetime, most: int = 1_000
) -> list[Connection]:
    """Connections of these kinds at which nobody has looked since `before`."""
    given = {"kinds": list(kinds), "before": before, "most": most}
    return [Connection(**row) for row in await (await tx.execute(TO_CHECK, given)).fetchall()]


CHECKED = """
INSERT INTO sync_cursor AS y (connection_id, seen_until, checked_at, error)
VALUES (%(connection_id)s, %(seen_until)s, %(now)s, %(error)s)
ON CONFLICT (connection_id) DO UPDATE
   SET seen_until = greatest(y.seen_until, excluded.seen_until),
       checked_at = excluded.checked_at, error = excluded.error
"""


async def checked(
    tx: Tx, connection_id: int, seen_until: datetime, now: datetime, error: str = ""
) -> None:
    """A catch-up ended: how far it came, or why not. The cursor never goes back."""
    await tx.execute(
        CHECKED,
        {
            "connection_id": connection_id,
            "seen_until": seen_until,
            "now": now,
            "error": error[:500],
        },
    )
