"""Gateways: the operators' accounts over which a store speaks, and what they last said.

Small and rarely written. Secrets are sealed by the caller (kit/crypto.Sealer) before they come
here and are opened only by whoever speaks; nothing in this file sees them in the clear.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from ringdove.kit.buckets import BUCKETS, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store


@dataclass(frozen=True, slots=True)
class Gateway:
    """One account at one operator. `state` is what its connection last said."""

    id: int
    store_id: int
    kind: str
    channel: str
    name: str
    settings: dict[str, Any]
    secrets: bytes = field(repr=False)
    rank: int
    paused_at: datetime | None
    removed_at: datetime | None
    state: str | None
    state_detail: str | None
    state_at: datetime | None
    token: str = field(default="", repr=False)


COLUMNS = """
g.id, g.store_id, g.kind, g.channel, g.name, g.settings, g.secrets, g.rank, g.paused_at,
g.removed_at, s.state, s.detail AS state_detail, s.changed_at AS state_at, g.token
"""

OF_STORE = f"""
SELECT {COLUMNS} FROM gateway g LEFT JOIN gateway_state s ON s.gateway_id = g.id
 WHERE g.store_id = %(store_id)s AND g.removed_at IS NULL
 ORDER BY g.channel DESC, g.rank, g.id
"""


async def of_store(tx: Tx, store_id: int) -> list[Gateway]:
    """A store's gateways in the order of their use, paused ones included."""
    rows = await (await tx.execute(OF_STORE, {"store_id": store_id})).fetchall()
    return [Gateway(**row) for row in rows]


FIND = f"""
SELECT {COLUMNS} FROM gateway g LEFT JOIN gateway_state s ON s.gateway_id = g.id
 WHERE g.store_id = %(store_id)s AND g.id = %(gateway_id)s AND g.removed_at IS NULL
"""


async def find(tx: Tx, store_id: int, gateway_id: int) -> Gateway | None:
    """One gateway of this store, or None."""
    given = {"store_id": store_id, "gateway_id": gateway_id}
    row = await (await tx.execute(FIND, given)).fetchone()
    return None if row is None else Gateway(**row)


BY_TOKEN = f"""
SELECT {COLUMNS} FROM gateway g LEFT JOIN gateway_state s ON s.gateway_id = g.id
 WHERE g.token = %(token)s
"""


async def by_token(tx: Tx, token: str) -> Gateway | None:
    """Whose door this is, removed ones included; the token is what names the store."""
    row = await (await tx.execute(BY_TOKEN, {"token": token})).fetchone()
    return None if row is None else Gateway(**row)


SPEAKING = f"""
SELECT {COLUMNS} FROM gateway g LEFT JOIN gateway_state s ON s.gateway_id = g.id
 WHERE g.removed_at IS NULL AND g.paused_at IS NULL
 ORDER BY g.store_id, g.channel, g.rank, g.id
"""


async def speaking(tx: Tx) -> list[Gateway]:
    """Every gateway of every store that is in use: for workers, never for a page."""
    return [Gateway(**row) for row in await (await tx.execute(SPEAKING)).fetchall()]


LOCK = "LOCK TABLE gateway IN SHARE ROW EXCLUSIVE MODE"
CREATE = """
INSERT INTO gateway (id, store_id, kind, channel, name, settings, secrets, rank, created_at)
SELECT coalesce(max(id), 0) + 1, %(store_id)s, %(kind)s, %(channel)s, %(name)s, %(settings)s,
       %(secrets)s, %(rank)s, %(now)s
  FROM gateway
RETURNING id
"""


async def create(
    tx: Tx,
    *,
    store_id: int,
    kind: str,
    channel: str,
    name: str,
    settings: dict[str, Any],
    secrets: bytes,
    now: datetime,
    rank: int = 100,
) -> int:
    """A new gateway; `secrets` are sealed already. Returns its id."""
    await tx.execute(LOCK)
    cursor = await tx.execute(
        CREATE,
        {
            "store_id": store_id,
            "kind": kind,
            "channel": channel,
            "name": name,
            "settings": Jsonb(settings),
            "secrets": secrets,
            "rank": rank,
            "now": now,
        },
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row["id"])


CHANGE = """
UPDATE gateway SET name = %(name)s, settings = %(settings)s, rank = %(rank)s,
       secrets = coalesce(%(secrets)s, secrets)
 WHERE store_id = %(store_id)s AND id = %(gateway_id)s AND removed_at IS NULL
"""


async def change(
    tx: Tx,
    *,
    store_id: int,
    gateway_id: int,
    name: str,
    settings: dict[str, Any],
    rank: int,
    secrets: bytes | None = None,
) -> None:
    """New settings; secrets stay as they are when none are given."""
    await tx.execute(
        CHANGE,
        {
            "store_id": store_id,
            "gateway_id": gateway_id,
            "name": name,
            "settings": Jsonb(settings),
            "rank": rank,
            "secrets": secrets,
        },
    )


SET_ID_RULE = """
UPDATE gateway SET settings = settings || jsonb_build_object('id_rule', %(rule)s::text)
 WHERE store_id = %(store_id)s AND id = %(gateway_id)s AND removed_at IS NULL
"""


async def set_id_rule(tx: Tx, store_id: int, gateway_id: int, rule: str) -> None:
    """How this operator writes the ids in its receipts, as was learned from them."""
    given = {"store_id": store_id, "gateway_id": gateway_id, "rule": rule}
    await tx.execute(SET_ID_RULE, given)


PAUSE = """
UPDATE gateway SET paused_at = %(at)s
 WHERE store_id = %(store_id)s AND id = %(gateway_id)s AND removed_at IS NULL
"""


async def pause(tx: Tx, store_id: int, gateway_id: int, at: datetime | None) -> None:
    """Stop using it from now on; `at` None: use it again."""
    await tx.execute(PAUSE, {"store_id": store_id, "gateway_id": gateway_id, "at": at})


REMOVE = """
UPDATE gateway SET removed_at = %(at)s, secrets = ''
 WHERE store_id = %(store_id)s AND id = %(gateway_id)s AND removed_at IS NULL
"""


async def remove(tx: Tx, store_id: int, gateway_id: int, at: datetime) -> None:
    """Forget its secrets and hide it; messages that went over it still name it."""
    await tx.execute(REMOVE, {"store_id": store_id, "gateway_id": gateway_id, "at": at})


GONE = """
SELECT id FROM gateway
 WHERE store_id = %(store_id)s AND channel = %(channel)s AND removed_at IS NOT NULL
"""
# What a removed gateway left; the old sender may be nobody's at the new operator.
TAKE_OVER = """
WITH moved AS (
  UPDATE outbox o SET gateway_id = %(gateway_id)s
   WHERE o.bucket = ANY(%(buckets)s) AND o.store_id = %(store_id)s
     AND o.gateway_id = ANY(%(gone)s)
  RETURNING o.bucket, o.message_id)
UPDATE message m SET gateway_id = %(gateway_id)s, sender = ''
  FROM moved
 WHERE m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s
   AND m.bucket = moved.bucket AND m.id = moved.message_id
"""


async def take_over(tx: Tx, store: Store, channel: str) -> int:
    """What still waits for removed gateways of a channel goes over the first that is left; how
    many that were. With none left they wait for the next that comes."""
    left = [one for one in await of_store(tx, store.id) if one.channel == channel]
    left.sort(key=lambda one: (one.paused_at is not None, one.rank, one.id))
    rows = await (await tx.execute(GONE, {"store_id": store.id, "channel": channel})).fetchall()
    if not left or not rows:
        return 0
    cursor = await tx.execute(
        TAKE_OVER,
        {
            "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
            "store_id": store.id,
            "gateway_id": left[0].id,
            "gone": [row["id"] for row in rows],
        },
    )
    return cursor.rowcount


# Over all stores on purpose: once a minute. Each queue is asked for one row.
LEFT_BEHIND = """
SELECT DISTINCT g.store_id, g.channel
FROM gateway g
JOIN store s ON s.id = g.store_id
CROSS JOIN LATERAL (
  SELECT (%(buckets)s::integer[])[1 + (s.bucket_base + n) %% 128] AS bucket
  FROM generate_series(0, s.bucket_span - 1) n
) q
CROSS JOIN (VALUES (0), (1)) AS u(urgency)
CROSS JOIN LATERAL (
  SELECT o.due_at FROM outbox o
  WHERE o.bucket = q.bucket AND o.gateway_id = g.id AND o.urgency = u.urgency
  LIMIT 1
) o
WHERE g.removed_at IS NOT NULL
"""


async def left_behind(tx: Tx) -> list[tuple[int, str]]:
    """(store, channel) where something waits for a gateway that is removed: what was put back, or
    queued in the moment of its removal."""
    rows = await (await tx.execute(LEFT_BEHIND, {"buckets": list(BUCKETS)})).fetchall()
    return [(row["store_id"], row["channel"]) for row in rows]


SAY_STATE = """
INSERT INTO gateway_state AS s (gateway_id, state, detail, changed_at, down_since)
VALUES (%(gateway_id)s, %(state)s, %(detail)s, %(at)s,
        CASE WHEN %(is_away)s THEN %(at)s::timestamptz END)
ON CONFLICT (gateway_id) DO UPDATE
   SET state = excluded.state, detail = excluded.detail, changed_at = excluded.changed_at,
       down_since = CASE WHEN excluded.state = 'connecting' THEN s.down_since
                         WHEN excluded.down_since IS NOT NULL
                         THEN coalesce(s.down_since, excluded.down_since) END
"""
# Stopped by us is not away, and trying changes nothing: one that has nobody to speak to yet is well
# until it fails, one that has failed is away until it is bound.
AWAY = ("refused", "lost")


async def say_state(tx: Tx, gateway_id: int, state: str, detail: str, at: datetime) -> None:
    """What a connection just became: connecting, bound, refused, lost, stopped."""
    given = {"gateway_id": gateway_id, "state": state, "detail": detail, "at": at}
    await tx.execute(SAY_STATE, given | {"is_away": state in AWAY})
