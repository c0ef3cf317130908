"""The floor under the figures: the same facts and messages as bare rows, by COPY, nothing decided.

No answer can cost less than writing what it writes. The ratio to this floor says how far we are
from it, on any machine. The only SQL outside records/, since it measures PostgreSQL without us.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from ringdove.bench.ground import Shop, Spent, meter
from ringdove.kit import db
from ringdove.rules import facts

COPY_FACTS = """
COPY fact (bucket, store_id, id, connection_id, source_key, kind, at, heard_at, body)
FROM STDIN
"""
COPY_MESSAGES = """
COPY message (bucket, store_id, id, contact_id, channel, class, topic, cause, gateway_id, recipient,
  body, not_before, not_after, created_at, why, state) FROM STDIN
"""
FORGET = "TRUNCATE fact, message"
HOW_MANY = "SELECT count(*) AS n FROM message WHERE store_id = %(store_id)s"


async def messages_made(shop: Shop) -> int:
    """How many messages the answers of a run made."""
    async with db.transaction(shop.runtime.pool) as tx:
        row = await (await tx.execute(HOW_MANY, {"store_id": shop.store.id})).fetchone()
    assert row is not None
    return int(row["n"])


async def measure(shop: Shop, told: list[facts.Fact], messages: int, home: Path) -> Spent:
    """Writes as many bare rows as the run heard and made, in batches of its size."""
    now = datetime.now(UTC)
    bodies = [json.dumps(fact.model_dump(mode="json", exclude_defaults=True)) for fact in told]
    async with db.transaction(shop.runtime.pool) as tx:
        await tx.execute(FORGET)
    with meter(home) as spent:
        for start in range(0, len(told), 500):
            async with db.transaction(shop.runtime.pool) as tx:
                await _copy_facts(tx, shop, told, bodies, start, now)
                share = range(start * messages // len(told), (start + 500) * messages // len(told))
                await _copy_messages(tx, shop, share, now)
    return spent


async def _copy_facts(
    tx: AsyncConnection[Any], shop: Shop, told: list[facts.Fact], bodies: list[str],
    start: int, now: datetime,
) -> None:  # fmt: skip
    async with tx.cursor().copy(COPY_FACTS) as copy:
        for n in range(start, min(start + 500, len(told))):
            fact = told[n]
            kind: str = fact.kind  # type: ignore[attr-defined]
            await copy.write_row((0, shop.store.id, n, 1, fact.id, kind, fact.at, now, bodies[n]))


async def _copy_messages(tx: AsyncConnection[Any], shop: Shop, share: range, now: datetime) -> None:
    text = "Linden: заказ L-1234 принят, сумма 59.90 BYN. Мы напишем, когда отправим."
    async with tx.cursor().copy(COPY_MESSAGES) as copy:
        for n in share:
            await copy.write_row(
                (0, shop.store.id, n, n, "sms", "service", "order", "automation", 1,
                 "+375291112233", text, now, now, now, "automation/order_accepted", "waiting")
            )  # fmt: skip
