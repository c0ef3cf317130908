"""Where a refused text goes next: the gateway after this one in its order, or nowhere.

Only what was surely not sent comes here, so no text can be sent twice by it (P5). Gateways are
tried in their order and never backwards: the last one's refusal is final.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, buckets_of_store
from ringdove.records.sending import routes
from ringdove.records.sending.outbox import Settled
from ringdove.rules.scenes import Store
from ringdove.rules.sending.routes import Ways, after_refusal
from ringdove.rules.sending.senders import NoSender

Tx = AsyncConnection[Any]

OTHERS = """
SELECT EXISTS (
  SELECT FROM gateway g JOIN gateway own ON own.id = %(gateway_id)s AND own.channel = g.channel
  WHERE g.store_id = %(store_id)s AND g.id <> %(gateway_id)s AND g.removed_at IS NULL
    AND g.paused_at IS NULL
) AS found
"""
REFUSED = """
SELECT m.id, m.channel, m.recipient, m.class AS klass, m.parts, m.network FROM message m
WHERE m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s AND m.id = ANY(%(ids)s::bigint[])
  AND m.topic <> 'test' -- a gateway's own test says what that gateway answered
"""


async def onwards(
    tx: Tx, store: Store, gateway_id: int, results: Sequence[Settled], now: datetime
) -> list[Settled]:
    """The same results; a refusal that another gateway can mend is a retry over that one."""
    refused = {one.message_id: one for one in results if one.refused}
    if not refused or not await _has_others(tx, store, gateway_id):
        return list(results)
    ways = await routes.load(tx, store)
    buckets = set(map(bucket_of_id, refused)) & set(
        buckets_of_store(store.bucket_base, store.bucket_span)
    )
    given = {"buckets": list(buckets), "store_id": store.id, "ids": db.numbers(refused)}
    for row in await (await tx.execute(REFUSED, given)).fetchall():
        refused[row["id"]] = _next(ways, row, gateway_id, refused[row["id"]], now)
    return [refused.get(one.message_id, one) for one in results]


async def _has_others(tx: Tx, store: Store, gateway_id: int) -> bool:
    given = {"store_id": store.id, "gateway_id": gateway_id}
    row = await (await tx.execute(OTHERS, given)).fetchone()
    return bool(row and row["found"])


def _next(
    ways: Ways, row: Mapping[str, Any], gateway_id: int, settled: Settled, now: datetime
) -> Settled:
    assert settled.refused is not None
    way = ways.find(row["channel"], row["recipient"], row["klass"], now.date())
    if way is None or isinstance(way, NoSender) or gateway_id not in way.order:
        return settled
    tried = set(way.order[: way.order.index(gateway_id) + 1])
    while (found := after_refusal(way.order, tried, settled.refused)) is not None:
        one = ways.gateway(found)
        sender = ways.sender_of(one, way.country, row["klass"], now.date())
        if not (one.is_paused or isinstance(sender, NoSender)):
            cost = ways.cost(found, row["recipient"], row["parts"])
            return replace(
                settled, state="retry", retry_at=now, gateway_id=found, sender=sender.text,
                cost=cost.amount if cost else None, cost_currency=cost.currency if cost else "",
            )  # fmt: skip
        tried.add(found)
    return settled
