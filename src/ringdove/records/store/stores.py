"""Stores: one row per merchant brand, rarely written, read on nearly every request.

A store names the buckets in which its people live (see kit/buckets.py); they are set when it is
made and must never change afterwards, since every row of every person would have to move.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, time
from zlib import crc32

from psycopg.rows import DictRow

from ringdove.kit.buckets import bucket_of, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules import policy
from ringdove.rules.scenes import Store

SMALL_STORE_SPAN = 1  # one bucket holds a small shop; a big merchant is given 128


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """What the owner says about the store, at set-up and later."""

    name: str
    country: str
    time_zone: str
    languages: list[str]
    currency: str
    quiet_from: time
    quiet_until: time
    website: str = ""
    phone: str = ""
    email: str = ""


def buckets(store: Store) -> list[int]:
    """All buckets in which this store has rows."""
    return buckets_of_store(store.bucket_base, store.bucket_span)


def of_key(store: Store, key: str) -> int:
    """The bucket of a natural key of this store (phone/+375…, order/42)."""
    return bucket_of(store.bucket_base, store.bucket_span, key)


COLUMNS = """id, name, country, time_zone, languages, currency, quiet_from, quiet_until,
  website, phone, email, bucket_base, bucket_span, policy, link_host"""

FIND = f"SELECT {COLUMNS} FROM store WHERE id = %(store_id)s"


async def find(tx: Tx, store_id: int) -> Store | None:
    """The store, or None."""
    row = await (await tx.execute(FIND, {"store_id": store_id})).fetchone()
    return None if row is None else _store(row)


def _store(row: DictRow) -> Store:
    return Store(
        **row | {"languages": tuple(row["languages"]), "policy": policy.read(row["policy"])}
    )


EVERY = f"SELECT {COLUMNS} FROM store ORDER BY id"


async def every(tx: Tx) -> list[Store]:
    """All stores of this installation: for workers, never for a page."""
    return [_store(row) for row in await (await tx.execute(EVERY)).fetchall()]


LINK_HOSTS = "SELECT id, link_host, website FROM store"


async def link_hosts(tx: Tx) -> list[DictRow]:
    """Every store's short domain ("" where it has none) and website: for who opens links."""
    return await (await tx.execute(LINK_HOSTS)).fetchall()


# The lock makes "one more than the last" safe: no serial in a table that a cluster copies around.
LOCK = "LOCK TABLE store IN SHARE ROW EXCLUSIVE MODE"
CREATE = """
INSERT INTO store (id, name, country, time_zone, languages, currency, quiet_from, quiet_until,
                   website, phone, email, bucket_base, bucket_span, created_at)
SELECT coalesce(max(id), 0) + 1, %(name)s, %(country)s, %(time_zone)s, %(languages)s, %(currency)s,
       %(quiet_from)s, %(quiet_until)s, %(website)s, %(phone)s, %(email)s,
       %(bucket_base)s, %(bucket_span)s, %(now)s
  FROM store
RETURNING id
"""


async def lock(tx: Tx) -> None:
    """Nobody else makes a store until this transaction ends."""
    await tx.execute(LOCK)


async def create(
    tx: Tx, settings: StoreSettings, now: datetime, bucket_span: int = SMALL_STORE_SPAN
) -> Store:
    """A new store in the bucket its name gives. Gateways and people are added by the caller."""
    base = crc32(settings.name.encode()) % 128
    given = asdict(settings) | {"bucket_base": base, "bucket_span": bucket_span}
    await tx.execute(LOCK)
    row = await (await tx.execute(CREATE, given | {"now": now})).fetchone()
    assert row is not None
    return _store(given | {"id": row["id"], "policy": {}})


CHANGE = """
UPDATE store
   SET name = %(name)s, country = %(country)s, time_zone = %(time_zone)s,
       languages = %(languages)s, currency = %(currency)s, quiet_from = %(quiet_from)s,
       quiet_until = %(quiet_until)s, website = %(website)s, phone = %(phone)s, email = %(email)s
 WHERE id = %(store_id)s
"""


async def change(tx: Tx, store_id: int, settings: StoreSettings) -> None:
    """What the owner changed on the store's page; its buckets stay."""
    await tx.execute(CHANGE, asdict(settings) | {"store_id": store_id})


SET_LINK_HOST = "UPDATE store SET link_host = %(host)s WHERE id = %(store_id)s"


async def set_link_host(tx: Tx, store_id: int, host: str) -> None:
    """The short domain of its links from now on. Raises psycopg.errors.UniqueViolation when it is
    another store's."""
    await tx.execute(SET_LINK_HOST, {"store_id": store_id, "host": host})
