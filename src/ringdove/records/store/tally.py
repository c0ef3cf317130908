"""What a store has heard and said so far: what the demo's check and measurements compare with.

Over all buckets of one store; never asked by a page or a worker.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from ringdove.kit.buckets import buckets_of_store
from ringdove.rules.scenes import Store


@dataclass(frozen=True, slots=True)
class Said:
    """Messages of one recipe about one subject, over one channel, in one state."""

    recipe: str
    subject: str  # order/42/paid; empty: no automation said it
    channel: str
    topic: str
    state: str
    reason: str
    n: int


SAID = """
SELECT m.recipe, coalesce(e.subject, '') AS subject, m.channel, m.topic, m.state, m.reason,
  count(*)::integer AS n
FROM message m
LEFT JOIN enrollment e
  ON e.bucket = m.bucket AND e.store_id = m.store_id AND e.id = m.enrollment_id
WHERE m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s
GROUP BY m.recipe, e.subject, m.channel, m.topic, m.state, m.reason
"""
FACTS = """
SELECT count(*)::integer AS n FROM fact
WHERE bucket = ANY(%(buckets)s) AND store_id = %(store_id)s
"""
STOPPED = """
SELECT c.phone FROM contact c
JOIN consent_event e ON e.bucket = c.bucket AND e.store_id = c.store_id AND e.contact_id = c.id
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s AND c.marketing = 'out'
  AND e.scope = 'marketing' AND e.change = 'out' AND e.source = 'reply'
GROUP BY c.phone
"""
UNANSWERED = """
SELECT f.kind, p.error FROM pending_fact p
JOIN fact f ON f.bucket = p.bucket AND f.store_id = p.store_id AND f.id = p.fact_id
WHERE p.bucket = ANY(%(buckets)s) AND p.store_id = %(store_id)s AND p.error <> ''
"""


async def said(tx: AsyncConnection[Any], store: Store) -> list[Said]:
    """All messages of a store, counted by what they are about and what became of them."""
    return [Said(**row) for row in await _ask(tx, SAID, store)]


async def facts(tx: AsyncConnection[Any], store: Store) -> int:
    """How many facts were heard."""
    return int((await _ask(tx, FACTS, store))[0]["n"])


async def stopped(tx: AsyncConnection[Any], store: Store) -> list[str]:
    """The phones that said stop, and are heard."""
    return [row["phone"] for row in await _ask(tx, STOPPED, store)]


async def unanswered(tx: AsyncConnection[Any], store: Store) -> list[str]:
    """Facts that could not be answered, in words."""
    return [f"{row['kind']}: {row['error']}" for row in await _ask(tx, UNANSWERED, store)]


async def _ask(tx: AsyncConnection[Any], statement: str, store: Store) -> Sequence[Any]:
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
    }
    return await (await tx.execute(statement, given)).fetchall()
