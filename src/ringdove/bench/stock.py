"""What a measurement of sending begins with: people, texts to them and their places in the outbox;
and what it is compared with: the same rows as bare PostgreSQL takes them, and millions of old ones.

Rows go in by COPY in chunks, so that memory does not grow with their number. All SQL of the
sending benches is here, beside the columns that it depends on.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

from psycopg import AsyncConnection

from ringdove.bench.counterpart import FIRST_NUMBER
from ringdove.bench.ground import Shop
from ringdove.kit import db
from ringdove.kit.buckets import INDEX_OF, id_floor
from ringdove.records import partitions
from ringdove.records.store import stores

CHUNK: Final = 10_000
VALID_FOR: Final = timedelta(days=2)
NAMES: Final = ("Anna", "Maddalena", "Juan", "Volha", "Piotr", "Giulia", "Dmitri", "Chiara")

COPY_CONTACTS = """
COPY contact (bucket, store_id, id, phone, name, language, country, zones, marketing,
  marketing_at, created_at) FROM STDIN
"""
COPY_MESSAGES = """
COPY message (bucket, store_id, id, contact_id, channel, class, topic, cause, gateway_id, recipient,
  sender, body, language, encoding, parts, not_before, not_after, created_at, why, state, occasion)
  FROM STDIN
"""
COPY_OUTBOX = """
COPY outbox (bucket, store_id, message_id, gateway_id, contact_id, urgency, class, topic, due_at,
  window_until, not_after) FROM STDIN
"""
FRESH = "VACUUM (ANALYZE) contact, message, outbox, provider_ref, receipt"
CHECKPOINT = "CHECKPOINT"


@dataclass(frozen=True, slots=True)
class Wish:
    """What to load: `count` texts to as many people, one class each way, over some gateways."""

    count: int
    gateways: tuple[int, ...]
    marketing_every: int = 1  # 1: all of it marketing; 0: none
    first: int = 0  # number of the first person


@dataclass(frozen=True, slots=True)
class Row:
    """One text and its person."""

    bucket: int
    contact_id: int
    message_id: int
    phone: str
    name: str
    body: str
    klass: str
    gateway_id: int


def rows(shop: Shop, wish: Wish) -> Iterator[Row]:
    """The same each time but for ids."""
    make, store = shop.runtime.ids.make, shop.store
    for n in range(wish.first, wish.first + wish.count):
        phone = f"+{FIRST_NUMBER + n}"
        bucket = stores.of_key(store, f"phone/{phone}")
        name = NAMES[n % len(NAMES)]
        body = (
            f"{name}, new autumn coats came in today. Use code {n:07x} until Sunday for -15 %."
            " Tap here: https://linden.example/a"
        )
        is_marketing = wish.marketing_every and n % wish.marketing_every == 0
        yield Row(
            bucket, make(bucket), make(bucket), phone, name, body,
            "marketing" if is_marketing else "service", wish.gateways[n % len(wish.gateways)],
        )  # fmt: skip


async def load(shop: Shop, wish: Wish) -> list[int]:
    """Fills the outbox; the first and the last message id."""
    now = datetime.now(UTC)
    async with db.transaction(shop.runtime.pool) as tx:
        await partitions.ensure(tx, now)
    source, ids = rows(shop, wish), list[int]()
    while some := list(islice(source, CHUNK)):
        ids = [*(ids[:1] or [some[0].message_id]), some[-1].message_id]
        async with db.transaction(shop.runtime.pool) as tx:
            await _copy(tx, COPY_CONTACTS, (_contact(shop, row, now) for row in some))
            await _copy(tx, COPY_MESSAGES, (_message(shop, row, now, "waiting") for row in some))
            await _copy(tx, COPY_OUTBOX, (_queued(shop, row, now) for row in some))
    return ids


async def settle_down(shop: Shop) -> None:
    """As a database is that has had the rows for a while, so that runs can be compared."""
    async with await AsyncConnection.connect(shop.runtime.database_url, autocommit=True) as link:
        await link.execute(FRESH)
        await link.execute(CHECKPOINT)


async def _copy(tx: Any, statement: str, lines: Iterator[str]) -> None:
    async with tx.cursor().copy(statement) as copy:
        await copy.write("".join(lines))


# One line of COPY's text form each: nothing in them needs to be escaped.


def _contact(shop: Shop, row: Row, now: datetime) -> str:
    return (
        f"{row.bucket}\t{shop.store.id}\t{row.contact_id}\t{row.phone}\t{row.name}\ten\tBY"
        f"\t{{Europe/Minsk}}\tin\t{now}\t{now}\n"
    )


def _message(shop: Shop, row: Row, now: datetime, state: str) -> str:
    return (
        f"{row.bucket}\t{shop.store.id}\t{row.message_id}\t{row.contact_id}\tsms\t{row.klass}"
        f"\toffers\tcampaign\t{row.gateway_id}\t{row.phone}\tLinden\t{row.body}\ten\tGSM-7\t1"
        f"\t{now}\t{now + VALID_FOR}\t{now}\tcampaign/autumn\t{state}\tautumn\n"
    )


def _queued(shop: Shop, row: Row, now: datetime) -> str:
    until = now + VALID_FOR
    return (
        f"{row.bucket}\t{shop.store.id}\t{row.message_id}\t{row.gateway_id}\t{row.contact_id}"
        f"\t{int(row.klass == 'marketing')}\t{row.klass}\toffers\t{now}\t{until}\t{until}\n"
    )


# ------------------------------------------------------------------ what became of them

STATES = """
SELECT state, class AS klass, count(*) AS n FROM message
WHERE bucket = ANY(%(buckets)s) AND store_id = %(store_id)s
  AND id >= %(first)s AND recipient <> ''
GROUP BY state, class
"""
DELIVERED = """
SELECT coalesce(sum(n), 0)::bigint AS n FROM counter
WHERE bucket = ANY(%(buckets)s) AND store_id = %(store_id)s AND name = 'delivered'
"""
LEFT = (
    "SELECT count(*) AS n FROM outbox WHERE bucket = ANY(%(buckets)s) AND store_id = %(store_id)s"
)
WAL_AT = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS n"


async def states(shop: Shop, first_id: int) -> dict[tuple[str, str], int]:
    """How many messages from an id on are in which state, by class."""
    given = {"buckets": stores.buckets(shop.store), "store_id": shop.store.id, "first": first_id}
    async with db.transaction(shop.runtime.pool) as tx:
        await tx.execute("SET LOCAL statement_timeout = 0")
        found = await (await tx.execute(STATES, given)).fetchall()
    return {(row["klass"], row["state"]): row["n"] for row in found}


async def delivered(shop: Shop) -> int:
    """By the store's own roll-ups, which cost nothing to ask."""
    return await _number(shop, DELIVERED)


async def left(shop: Shop) -> int:
    """What still waits in the outbox."""
    return await _number(shop, LEFT)


async def wal_bytes(shop: Shop) -> int:
    """How far the write-ahead log has come."""
    return await _number(shop, WAL_AT)


async def _number(shop: Shop, statement: str) -> int:
    given = {"buckets": stores.buckets(shop.store), "store_id": shop.store.id}
    async with db.transaction(shop.runtime.pool) as tx:
        row = await (await tx.execute(statement, given)).fetchone()
    assert row is not None
    return int(row["n"])


# ------------------------------------------------------------------ the floor

TO_DELIVERED = """
UPDATE message SET state = 'delivered', sent_at = %(now)s, done_at = %(now)s, parts_delivered = 1
WHERE bucket = ANY(%(buckets)s) AND store_id = %(store_id)s AND state = 'sent'
"""


COPY_REFS = """
COPY provider_ref (bucket, store_id, gateway_id, provider_id, message_id, part) FROM STDIN
"""
COPY_RECEIPTS = """
COPY receipt (bucket, store_id, message_id, gateway_id, provider_id, part, state, heard_at)
FROM STDIN
"""


async def floor(shop: Shop, count: int) -> tuple[float, float, float]:
    """Seconds that bare PostgreSQL takes to COPY `count` message rows, to UPDATE them at once, and
    to COPY what else a run writes for each: a row of the receipt map and a receipt.

    `shop` is a store of its own, so that the rows are the same and nobody else's."""
    copying = others = 0.0
    source = rows(shop, Wish(count, (0,)))
    now = datetime.now(UTC)
    while some := list(islice(source, CHUNK)):
        lines = "".join(_message(shop, row, now, "sent") for row in some)  # not what is measured
        began = time.perf_counter()
        async with db.transaction(shop.runtime.pool) as tx, tx.cursor().copy(COPY_MESSAGES) as copy:
            await copy.write(lines)
        copying += time.perf_counter() - began
        others += await _copy_others(shop, some, now)
    await settle_down(shop)
    given = {"buckets": stores.buckets(shop.store), "store_id": shop.store.id, "now": now}
    began = time.perf_counter()
    async with db.transaction(shop.runtime.pool) as tx:
        await tx.execute("SET LOCAL statement_timeout = 0")
        await tx.execute(TO_DELIVERED, given)
    return copying, time.perf_counter() - began, others


async def _copy_others(shop: Shop, some: Sequence[Row], now: datetime) -> float:
    of = shop.store.id
    refs = "".join(f"{r.bucket}\t{of}\t1\t{r.phone}\t{r.message_id}\t0\n" for r in some)
    told = "".join(
        f"{r.bucket}\t{of}\t{r.message_id}\t1\t{r.phone}\t0\tdelivered\t{now}\n" for r in some
    )
    began = time.perf_counter()
    async with db.transaction(shop.runtime.pool) as tx:
        async with tx.cursor().copy(COPY_REFS) as copy:
            await copy.write(refs)
        async with tx.cursor().copy(COPY_RECEIPTS) as copy:
            await copy.write(told)
    return time.perf_counter() - began


# ------------------------------------------------------------------ the past

# Made in the server: no client could send rows faster. An id is made as kit/buckets.py makes it:
# time, then the bucket's index in the low 7 bits.
OLD_MESSAGES = """
INSERT INTO message (bucket, store_id, id, contact_id, channel, class, topic, cause, gateway_id,
  recipient, sender, body, language, encoding, parts, not_before, not_after, created_at, why, state,
  sent_at, done_at, parts_delivered)
SELECT b.bucket, %(store_id)s, %(first_id)s + (n::bigint << 14) + b.index,
  %(first_id)s + ((n %% 1000003)::bigint << 14) + b.index, 'sms', 'marketing', 'offers', 'campaign',
  %(gateway_id)s, '+' || (%(number)s + n %% 1000003), 'Linden',
  'Anna, new autumn coats came in today. Use code ' || lpad(to_hex(n), 7, '0')
    || ' until Sunday for -15 %%. Tap here: https://linden.example/a',
  'en', 'GSM-7', 1, %(at)s, %(at)s, %(at)s, 'campaign/spring', 'delivered', %(at)s, %(at)s, 1
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
CROSS JOIN LATERAL (
  SELECT (%(indexes)s::int[])[1 + n %% %(span)s] AS index,
    (%(buckets)s::int[])[1 + n %% %(span)s] AS bucket
) b
"""
OLD_REFS = """
INSERT INTO provider_ref (bucket, store_id, gateway_id, provider_id, message_id, part)
SELECT (%(buckets)s::int[])[1 + n %% %(span)s], %(store_id)s, %(gateway_id)s, 'old' || n,
  %(first_id)s + (n::bigint << 14) + (%(indexes)s::int[])[1 + n %% %(span)s], 0
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
"""
OLD_RECEIPTS = """
INSERT INTO receipt (bucket, store_id, message_id, gateway_id, provider_id, state, heard_at)
SELECT (%(buckets)s::int[])[1 + n %% %(span)s], %(store_id)s,
  %(first_id)s + (n::bigint << 14) + (%(indexes)s::int[])[1 + n %% %(span)s], %(gateway_id)s,
  'old' || n, 'delivered', %(at)s
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
"""
OLD_CHUNK: Final = 500_000
MONTHS_BACK: Final = 6


async def fill_past(shop: Shop, count: int) -> None:
    """`count` delivered messages with receipts and their map, spread over the months before."""
    now = datetime.now(UTC)
    async with db.transaction(shop.runtime.pool) as tx:
        await partitions.ensure(tx, now, months_before=MONTHS_BACK)
    buckets = stores.buckets(shop.store)
    begin = now - timedelta(days=30 * MONTHS_BACK)
    chunks = max(1, -(-count // OLD_CHUNK))
    for chunk in range(chunks):
        first, last = chunk * OLD_CHUNK, min(count, (chunk + 1) * OLD_CHUNK) - 1
        at = begin + (now - timedelta(days=2) - begin) * chunk / chunks
        given = {
            "store_id": shop.store.id, "gateway_id": shop.sms, "at": at, "first": first,
            "last": last, "span": len(buckets), "buckets": buckets, "number": FIRST_NUMBER,
            "indexes": [INDEX_OF[bucket] for bucket in buckets],
            "first_id": id_floor(at) - (first << 14),
        }  # fmt: skip
        await asyncio.gather(
            _insert(shop, given, OLD_MESSAGES), _insert(shop, given, OLD_REFS, OLD_RECEIPTS)
        )


async def _insert(shop: Shop, given: dict[str, Any], *statements: str) -> None:
    async with db.transaction(shop.runtime.pool) as tx:
        await tx.execute("SET LOCAL statement_timeout = 0")
        await tx.execute("SET LOCAL synchronous_commit = off")
        for statement in statements:
            await tx.execute(statement, given)


# ------------------------------------------------------------------ after crashes

EACH = """
SELECT id, recipient, class AS klass, state, reason FROM message
WHERE bucket = ANY(%(buckets)s) AND store_id = %(store_id)s
"""
OPEN = """
SELECT count(*) AS n FROM message
WHERE bucket = ANY(%(buckets)s) AND store_id = %(store_id)s AND state IN ('waiting', 'sent')
"""
# A process that was killed holds its leases for some seconds more. Nobody learns anything by
# waiting for them in each of two hundred rounds.
LEASES_END = "UPDATE lease SET until = clock_timestamp() - interval '1 second'"
WAKE = "SELECT pg_notify('outbox', '')"


async def each(shop: Shop) -> list[dict[str, Any]]:
    """Every message of the store: id, recipient, klass, state, reason."""
    given = {"buckets": stores.buckets(shop.store), "store_id": shop.store.id}
    async with db.transaction(shop.runtime.pool) as tx:
        return list(await (await tx.execute(EACH, given)).fetchall())


async def still_open(shop: Shop) -> int:
    """How many messages still wait: to be sent, or for their receipt."""
    return await _number(shop, OPEN)


async def end_leases(shop: Shop) -> None:
    """As if their time had passed. Only when no worker lives."""
    async with db.transaction(shop.runtime.pool) as tx:
        await tx.execute(LEASES_END)


async def wake(shop: Shop) -> None:
    """Says that there is something in the outbox."""
    async with db.transaction(shop.runtime.pool) as tx:
        await tx.execute(WAKE)
