"""Messages as pages show them: a filtered list, and the whole story of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ringdove.kit.buckets import bucket_of_id, buckets_of_store, id_floor
from ringdove.kit.db import Tx
from ringdove.records.people.lookups import MESSAGE, NO_END
from ringdove.rules.scenes import Store

Row = Mapping[str, Any]

ROWS = 40


@dataclass(frozen=True, slots=True)
class Wish:
    """Which messages are wanted; empty: all."""

    state: str = ""
    channel: str = ""
    recipe: str = ""
    klass: str = ""
    campaign: int = 0
    since: datetime | None = None
    until: datetime | None = None


# By id, which is by time: a filter that few rows pass reads on until it has a page of them, so the
# reach of one page is bounded by `since` (a month, unless a day was asked for).
LIST = f"""
SELECT {MESSAGE}, c.name AS customer FROM message m
JOIN contact c ON c.bucket = m.bucket AND c.store_id = m.store_id AND c.id = m.contact_id
WHERE m.bucket = ANY(%(buckets)s) AND c.bucket = ANY(%(buckets)s)
  AND m.store_id = %(store_id)s AND c.store_id = %(store_id)s
  AND m.id < %(before)s AND m.id >= %(since)s
  AND (%(state)s = '' OR m.state = %(state)s) AND (%(channel)s = '' OR m.channel = %(channel)s)
  AND (%(recipe)s = '' OR m.recipe = %(recipe)s) AND (%(klass)s = '' OR m.class = %(klass)s)
  AND (%(campaign)s = 0 OR m.campaign_id = %(campaign)s)
ORDER BY m.id DESC LIMIT %(most)s
"""
REACH = timedelta(days=400)


async def newest(
    tx: Tx, store: Store, wish: Wish, now: datetime, before: int = NO_END, most: int = ROWS
) -> Sequence[Row]:
    """Messages and silences with their customer's name, newest first."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
        "before": min(before, id_floor(wish.until)) if wish.until else before,
        "since": id_floor(wish.since or now - REACH),
        "state": wish.state,
        "channel": wish.channel,
        "recipe": wish.recipe,
        "klass": wish.klass,
        "campaign": wish.campaign,
        "most": most,
    }
    return await (await tx.execute(LIST, given)).fetchall()


ONE = f"""
SELECT {MESSAGE}, m.gateway_id, m.enrollment_id, m.window_until, m.attempts AS tries,
  m.category, m.occasion, m.own_hours,
  c.name AS customer, o.number AS order_number, g.kind AS gateway_kind,
  g.settings AS gateway_settings,
  CASE WHEN m.state = 'waiting' AND q.message_id IS NULL THEN 'submitting' END AS queue_state,
  CASE WHEN q.due_at < '2100-01-01' THEN q.due_at END AS due_at, -- else its campaign is paused
  q.attempts, g.name AS gateway
FROM message m
JOIN contact c ON c.bucket = m.bucket AND c.store_id = m.store_id AND c.id = m.contact_id
LEFT JOIN purchase_order o
  ON o.bucket = m.bucket AND o.store_id = m.store_id AND o.id = m.order_id
LEFT JOIN outbox q ON q.bucket = m.bucket AND q.store_id = m.store_id AND q.message_id = m.id
LEFT JOIN gateway g ON g.id = m.gateway_id AND g.store_id = m.store_id
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = %(message_id)s
"""
RECEIPTS = """
SELECT r.part, r.provider_id, r.state, r.error, r.at, r.heard_at FROM receipt r
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.message_id = %(message_id)s
ORDER BY r.heard_at, r.part
"""


# There are as many marks as batches under way, and a message is under one at most.
TAKEN_BY = """
SELECT s.bind FROM submission s
WHERE s.bucket = %(bucket)s AND s.store_id = %(store_id)s AND s.gateway_id = %(gateway_id)s
  AND %(message_id)s = ANY(s.message_ids)
"""


async def taken_by(tx: Tx, store: Store, message: Row) -> int | None:
    """Which of the gateway's connections has it now; None: nobody has."""
    given = {
        "bucket": bucket_of_id(message["id"]),
        "store_id": store.id,
        "gateway_id": message["gateway_id"],
        "message_id": message["id"],
    }
    row = await (await tx.execute(TAKEN_BY, given)).fetchone()
    return row["bind"] if row else None


async def story(tx: Tx, store: Store, message_id: int) -> tuple[Row, Sequence[Row]] | None:
    """One message of this store with its receipts, or None."""
    given = {
        "bucket": bucket_of_id(message_id), "store_id": store.id, "message_id": message_id,
    }  # fmt: skip
    row = await (await tx.execute(ONE, given)).fetchone()
    if row is None:
        return None
    return row, await (await tx.execute(RECEIPTS, given)).fetchall()
