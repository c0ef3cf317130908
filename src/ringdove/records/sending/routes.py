"""A store's routes, all its ways out at once, failover of what waits for a gateway that is away.

`load` is asked once per batch of facts: four small reads, and price lists from memory. Only rows of
the outbox are moved: what was taken for sending is not there any more and may be on a wire (P5).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ringdove.kit import db
from ringdove.kit.db import Tx
from ringdove.records import counters
from ringdove.records.sending import prices, quality, senders, spending
from ringdove.rules.scenes import Store
from ringdove.rules.sending.routes import Gateway, Route, Way, Ways

PAGE, PAGES_MAX = 2_000, 10  # of a bucket in one round; the rest follows in the next

# down_since is written by gateways.say_state: not bound since then. Shorter breaks are mended by
# the bind itself, so only those that began before down_before count. One over HTTP or mail only
# shows that it is well again when it is given a text: where nobody has tried for a while, new texts
# may go there for a minute out of five, and are moved away again if it still fails.
GATEWAYS = """
SELECT g.id, g.channel, g.kind, coalesce(g.settings->>'sender', '') AS sender, g.rank,
  coalesce(g.settings->>'shift', '') AS shift,
  g.paused_at IS NOT NULL AS is_paused,
  coalesce(s.down_since < %(down_before)s::timestamptz AND NOT (
    s.changed_at < %(down_before)s::timestamptz - interval '1 minute'
    AND mod(extract(epoch FROM %(down_before)s::timestamptz - s.down_since)::integer, 300) >= 240
  ), false) AS is_down
FROM gateway g LEFT JOIN gateway_state s ON s.gateway_id = g.id
WHERE g.store_id = %(store_id)s AND g.removed_at IS NULL ORDER BY g.rank, g.id
"""
ROUTES = """
SELECT r.id, r.rank, r.countries, r.networks, r.classes, r.gateway_ids, r.pick, r.sender
FROM route r WHERE r.store_id = %(store_id)s ORDER BY r.rank, r.id
"""


async def load(tx: Tx, store: Store, down_before: datetime | None = None) -> Ways:
    """All ways out of a store as they are now; None: no gateway counts as down."""
    given = {"store_id": store.id, "down_before": down_before}
    gateways = await (await tx.execute(GATEWAYS, given)).fetchall()
    if not any(row["channel"] == "sms" for row in gateways):
        return Ways(tuple(Gateway(**row) for row in gateways))
    listed = await prices.of_store(tx, store.id)
    routes = tuple(await of_store(tx, store.id))
    learns = down_before is not None and any(route.pick == "delivery" for route in routes)
    in_use = {row["id"] for row in gateways}
    return Ways(
        tuple(Gateway(**row) for row in gateways),
        routes,
        tuple(await senders.of_store(tx, store.id)),
        {one: await prices.load(tx, about) for one, about in listed.items() if one in in_use},
        await quality.shares(tx, store, down_before) if learns and down_before else {},
    )


async def of_store(tx: Tx, store_id: int) -> list[Route]:
    """A store's routes, the first that is asked first."""
    rows = await (await tx.execute(ROUTES, {"store_id": store_id})).fetchall()
    return [
        Route(
            row["id"], row["rank"], tuple(row["gateway_ids"]), frozenset(row["countries"]),
            frozenset(row["networks"]), frozenset(row["classes"]), row["pick"], row["sender"],
        )
        for row in rows
    ]  # fmt: skip


# ------------------------------------------------------------------ changing them

FORGET = "DELETE FROM route r WHERE r.store_id = %(store_id)s"
PUT = """
INSERT INTO route (store_id, id, rank, gateway_ids, countries, networks, classes, pick, sender)
VALUES (%(store_id)s, %(id)s, %(rank)s, %(gateway_ids)s, %(countries)s, %(networks)s, %(classes)s,
  %(pick)s, %(sender)s)
"""
# Whoever changes the list sees the whole of it: two changes at once would lose one.
LOCK_STORE = "SELECT s.id FROM store s WHERE s.id = %(store_id)s FOR NO KEY UPDATE"


async def lock(tx: Tx, store_id: int) -> None:
    """Nobody else changes this store's routes until this transaction ends."""
    await tx.execute(LOCK_STORE, {"store_id": store_id})


async def save(tx: Tx, store_id: int, routes: Sequence[Route]) -> None:
    """These are the store's routes from now on, in this order. Call lock() before reading them."""
    await tx.execute(FORGET, {"store_id": store_id})
    for rank, route in enumerate(routes, 1):
        await tx.execute(
            PUT,
            {
                "store_id": store_id,
                "id": route.id,
                "rank": rank,
                "gateway_ids": list(route.gateway_ids),
                "countries": sorted(route.countries),
                "networks": sorted(route.networks),
                "classes": sorted(route.classes),
                "pick": route.pick,
                "sender": route.sender,
            },
        )


# ------------------------------------------------------------------ failover of what waits

DOWN = """
SELECT g.id, g.store_id FROM gateway g JOIN gateway_state s ON s.gateway_id = g.id
WHERE g.removed_at IS NULL AND g.paused_at IS NULL AND s.down_since < %(down_before)s
ORDER BY g.store_id, g.id
"""


async def down(tx: Tx, down_before: datetime) -> dict[int, list[int]]:
    """By store the gateways that are in use and down: for workers, never for a page."""
    found: dict[int, list[int]] = defaultdict(list)
    for row in await (await tx.execute(DOWN, {"down_before": down_before})).fetchall():
        found[row["store_id"]].append(row["id"])
    return found


WAITING = """
SELECT o.message_id, o.class AS klass, o.attempts, m.channel, m.recipient, m.parts
FROM outbox o CROSS JOIN LATERAL (
  SELECT m.channel, m.recipient, m.parts FROM message m
  WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = o.message_id OFFSET 0
) m
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.gateway_id = %(gateway_id)s
  AND o.message_id > %(after)s AND o.topic <> 'test' -- it tests this very gateway
  AND (%(ids)s::jsonb IS NULL OR o.message_id = ANY(ARRAY(
    SELECT v::bigint FROM jsonb_array_elements_text(%(ids)s) v)))
ORDER BY o.message_id LIMIT %(most)s
FOR UPDATE OF o SKIP LOCKED
"""
MOVE = """
WITH told AS (
  SELECT * FROM jsonb_to_recordset(%(rows)s) AS r(
    message_id bigint, gateway_id integer, sender text, cost numeric, cost_currency text)
), moved AS (
  UPDATE outbox o SET gateway_id = t.gateway_id, attempts = 0 FROM told t
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.message_id = t.message_id
    AND o.message_id = ANY(ARRAY(SELECT t.message_id FROM told t))
  RETURNING o.message_id
)
UPDATE message m SET gateway_id = t.gateway_id, sender = t.sender, cost = t.cost,
  cost_currency = t.cost_currency, reason = %(reason)s, attempts = 0
FROM told t
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = t.message_id
  AND m.id = ANY(ARRAY(SELECT k.message_id FROM moved k))
"""


async def move(
    tx: Tx,
    store: Store,
    bucket: int,
    from_gateway_id: int,
    ways: Ways,
    now: datetime,
    reason: str = "rerouted",
    message_ids: Sequence[int] | None = None,
) -> int:
    """Gives what waits for a gateway in one bucket, or these of it, to the next in its order; how
    many that were. What has no other way stays, and goes when the gateway is well again."""
    base = {"bucket": bucket, "store_id": store.id}
    ids = None if message_ids is None else db.document(list(message_ids))
    moved, after = 0, 0
    for _ in range(PAGES_MAX):
        cursor = await tx.execute(
            WAITING,
            base | {"gateway_id": from_gateway_id, "ids": ids, "after": after, "most": PAGE},
        )
        rows = await cursor.fetchall()
        if not rows:
            break
        after = rows[-1]["message_id"]
        found = (_elsewhere(ways, row, from_gateway_id, now) for row in rows)
        moves = [one for one in found if one]
        if moves:
            tried = {row["message_id"] for row in rows if row["attempts"]}
            paid = [one["message_id"] for one in moves if one["message_id"] in tried]
            await spending.give_back(tx, store, bucket, paid, now)  # it is paid for there
            given = base | {"rows": db.document(moves), "reason": reason}
            moved += (await tx.execute(MOVE, given)).rowcount
        for gateway_id in {one["gateway_id"] for one in moves}:
            await db.notify(tx, "outbox", str(gateway_id))
    if moved:
        await counters.add(tx, store, now, {"rerouted": moved}, bucket)
        await db.notify(tx, "live", str(store.id))
    return moved


def _elsewhere(
    ways: Ways, row: Mapping[str, Any], from_gateway_id: int, now: datetime
) -> dict[str, Any] | None:
    way = ways.find(row["channel"], row["recipient"], row["klass"], now.date())
    if not isinstance(way, Way) or way.gateway.id == from_gateway_id:
        return None
    if way.gateway.is_down or way.gateway.is_paused:
        return None  # from one that is away to another that is away
    cost = ways.cost(way.gateway.id, row["recipient"], row["parts"])
    return {
        "message_id": row["message_id"],
        "gateway_id": way.gateway.id,
        "sender": way.sender,
        "cost": cost.amount if cost else None,
        "cost_currency": cost.currency if cost else "",
    }
