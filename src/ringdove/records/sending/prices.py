"""Price lists of gateways: replaced whole in one transaction, kept in memory by their version.

A list has thousands of lines and is asked for every text, so a process reads it once for each
version that it meets. Lines of another version can never be mixed in: the version is read in the
same transaction as the lines.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ringdove.kit.db import Tx
from ringdove.rules.sending.prices import Price, PriceList

KEPT_MAX = 64  # lists in memory, by version
FETCH_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Listed:
    """What is known of a list without its lines."""

    gateway_id: int
    version: int
    currency: str
    lines: int
    loaded_at: datetime


OF_STORE = """
SELECT l.gateway_id, l.version, l.currency, l.lines, l.loaded_at FROM price_list l
WHERE l.store_id = %(store_id)s ORDER BY l.gateway_id
"""
FORGET = """
DELETE FROM price_list l WHERE l.store_id = %(store_id)s AND l.gateway_id = %(gateway_id)s
"""
BEGIN = """
INSERT INTO price_list (gateway_id, store_id, version, currency, lines, loaded_at)
VALUES (%(gateway_id)s, %(store_id)s, %(version)s, %(currency)s, %(lines)s, %(now)s)
"""
FILL = "COPY price (gateway_id, prefix, country, network, price) FROM STDIN"
LINES = """
SELECT p.prefix, p.country, p.network, p.price FROM price p
WHERE p.gateway_id = %(gateway_id)s ORDER BY p.country, p.prefix, p.network
"""


async def of_store(tx: Tx, store_id: int) -> dict[int, Listed]:
    """Which gateways of a store have a list."""
    rows = await (await tx.execute(OF_STORE, {"store_id": store_id})).fetchall()
    return {row["gateway_id"]: Listed(**row) for row in rows}


async def replace(
    tx: Tx,
    store_id: int,
    gateway_id: int,
    currency: str,
    lines: Sequence[Price],
    version: int,
    now: datetime,
) -> None:
    """The list of a gateway from now on; the one before is gone. The caller has checked that the
    gateway is the store's own; `version` is a fresh id."""
    await forget(tx, store_id, gateway_id)
    given = {"gateway_id": gateway_id, "store_id": store_id, "version": version}
    await tx.execute(BEGIN, given | {"currency": currency, "lines": len(lines), "now": now})
    async with tx.cursor() as cursor, cursor.copy(FILL) as copy:
        for line in lines:
            await copy.write_row(
                (gateway_id, line.prefix, line.country, line.network, line.per_part)
            )


async def forget(tx: Tx, store_id: int, gateway_id: int) -> None:
    """Without a list the price of its texts is unknown."""
    await tx.execute(FORGET, {"store_id": store_id, "gateway_id": gateway_id})


FIRST = """
SELECT p.prefix, p.country, p.network, p.price FROM price p
WHERE p.gateway_id = %(gateway_id)s ORDER BY p.country, p.prefix, p.network LIMIT %(most)s
"""


async def first(tx: Tx, gateway_id: int, most: int) -> list[Price]:
    """A few lines of a list. The caller has found the gateway in its store."""
    rows = await (await tx.execute(FIRST, {"gateway_id": gateway_id, "most": most})).fetchall()
    return [Price(row["prefix"], row["price"], row["country"], row["network"]) for row in rows]


async def lines(tx: Tx, gateway_id: int) -> AsyncIterator[Price]:
    """The lines of a list, some at a time: for the export. The caller has found the gateway in its
    store."""
    async with tx.cursor("price_lines") as cursor:
        cursor.itersize = FETCH_ROWS
        await cursor.execute(LINES, {"gateway_id": gateway_id})
        async for row in cursor:
            yield Price(row["prefix"], row["price"], row["country"], row["network"])


_kept: OrderedDict[int, PriceList] = OrderedDict()  # by version, the latest asked for last


async def load(tx: Tx, listed: Listed) -> PriceList:
    """The list of a version, from memory where it was met before."""
    if listed.version in _kept:
        _kept.move_to_end(listed.version)
        return _kept[listed.version]
    rows = await (await tx.execute(LINES, {"gateway_id": listed.gateway_id})).fetchall()
    found = PriceList(
        (Price(row["prefix"], row["price"], row["country"], row["network"]) for row in rows),
        listed.currency,
    )
    if len(rows) == listed.lines:  # else it was replaced just now: the next batch meets the new one
        _kept[listed.version] = found
        while len(_kept) > KEPT_MAX:
            _kept.popitem(last=False)
    return found
