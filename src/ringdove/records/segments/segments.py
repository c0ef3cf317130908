"""Segments: kept, counted, and asked of everybody as a condition over contact c in one bucket.

A tree is answered on what it asks: nobody is kept as a member, so nothing grows stale. Who was
merged into somebody, or erased, is in no segment.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection, errors, sql
from psycopg_pool import AsyncConnectionPool

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records.consent import deciding
from ringdove.records.people.lookups import Row
from ringdove.records.segments import figure_fill, pictures, rhythms, segment_sql
from ringdove.records.segments.segment_parts import Writer
from ringdove.rules.consent.consent import Draft
from ringdove.rules.scenes import Store
from ringdove.rules.segments import segments
from ringdove.rules.segments.pictures import Picture
from ringdove.rules.segments.segments import TREE, Node

Link = AsyncConnection[Any]

SEGMENTS_MAX: Final = 500
SKUS_MAX: Final = 20_000  # goods of the brands that a tree names
PAGE_MAX: Final = 2_000

# ------------------------------------------------------------------ kept


@dataclass(frozen=True, slots=True)
class Segment:
    """A saved segment."""

    id: int
    name: str
    tree: Node
    created_at: datetime
    changed_at: datetime
    changed_by: int | None = None
    retired_at: datetime | None = None


COLUMNS = "s.id, s.name, s.tree, s.created_at, s.changed_at, s.changed_by, s.retired_at"
ALL = f"""
SELECT {COLUMNS} FROM segment s WHERE s.store_id = %(store_id)s
ORDER BY s.retired_at IS NOT NULL, lower(s.name), s.id LIMIT {SEGMENTS_MAX}
"""
ONE = f"SELECT {COLUMNS} FROM segment s WHERE s.store_id = %(store_id)s AND s.id = %(id)s"
# The row of the store is locked, so that two new segments do not take one number, and two changes
# at once do not make a ring of segments that ask for each other.
LOCK = "SELECT id FROM store WHERE id = %(store_id)s FOR UPDATE"
CREATE = """
INSERT INTO segment (store_id, id, name, tree, created_at, changed_at, changed_by)
SELECT %(store_id)s, coalesce(max(id), 0) + 1, %(name)s, %(tree)s, %(now)s, %(now)s, %(user_id)s
FROM segment WHERE store_id = %(store_id)s
RETURNING id
"""
CHANGE = """
UPDATE segment SET name = %(name)s, tree = %(tree)s, changed_at = %(now)s, changed_by = %(user_id)s
WHERE store_id = %(store_id)s AND id = %(id)s
"""
RETIRE = """
UPDATE segment SET retired_at = %(retired_at)s, changed_at = %(now)s, changed_by = %(user_id)s
WHERE store_id = %(store_id)s AND id = %(id)s
"""


class TooMany(ValueError):
    """A store keeps so many segments and no more."""

    def __init__(self) -> None:
        super().__init__(f"{SEGMENTS_MAX} segments are kept at most: change one that is there.")


async def of_store(tx: Tx, store: Store) -> list[Segment]:
    """A store's segments by name, retired ones last."""
    rows = await (await tx.execute(ALL, {"store_id": store.id})).fetchall()
    return [_segment(row) for row in rows]


async def find(tx: Tx, store: Store, segment_id: int) -> Segment | None:
    """One of them."""
    given = {"store_id": store.id, "id": segment_id}
    row = await (await tx.execute(ONE, given)).fetchone()
    return _segment(row) if row else None


def _segment(row: Row) -> Segment:
    return Segment(**{**row, "tree": TREE.validate_python(row["tree"])})


async def create(
    tx: Tx, store: Store, name: str, tree: Node, now: datetime, user_id: int | None = None
) -> int:
    """A new segment; its number. Raises NoSegment, TooLarge, TooMany."""
    await tx.execute(LOCK, {"store_id": store.id})
    known = await trees(tx, store)
    if len(known) >= SEGMENTS_MAX:
        raise TooMany
    _check(tree, known)
    given = _row(store, name, tree, now, user_id)
    row = await (await tx.execute(CREATE, given)).fetchone()
    assert row is not None
    return int(row["id"])


async def change(
    tx: Tx, store: Store, segment_id: int, name: str, tree: Node, now: datetime,
    user_id: int | None = None,
) -> None:  # fmt: skip
    """What it asks from now on, wherever it is named. Raises NoSegment, TooLarge."""
    await tx.execute(LOCK, {"store_id": store.id})
    known = await trees(tx, store) | {segment_id: tree}
    _check(tree, known, (segment_id,))
    for other, asks in known.items():
        _check(asks, known, (other,))
    await tx.execute(CHANGE, _row(store, name, tree, now, user_id) | {"id": segment_id})


def _check(tree: Node, known: Mapping[int, Node], path: tuple[int, ...] = ()) -> None:
    for _ in segments.whole(tree, known, path):
        pass


def _row(store: Store, name: str, tree: Node, now: datetime, user_id: int | None) -> dict[str, Any]:
    plain = db.document(segments.plain(tree))
    return {"store_id": store.id, "name": name, "tree": plain, "now": now, "user_id": user_id}


async def retire(
    tx: Tx, store: Store, segment_id: int, now: datetime, user_id: int | None = None,
    *, again: bool = False,
) -> None:  # fmt: skip
    """It is not offered any more; what names it goes on. `again`: it is offered once more."""
    given = {"store_id": store.id, "id": segment_id, "now": now, "user_id": user_id}
    await tx.execute(RETIRE, given | {"retired_at": None if again else now})


async def trees(tx: Tx, store: Store) -> dict[int, Node]:
    """What each segment of the store asks, retired ones too."""
    return {one.id: one.tree for one in await of_store(tx, store)}


# ------------------------------------------------------------------ a condition


# Said before a statement with a condition in it, where deciding.IN_BULK is not: people that a
# condition leaves out are hashed, or else looked through for each person again.
IN_MEMORY = "SELECT set_config('work_mem', '64MB', true)"


@dataclass(frozen=True, slots=True)
class Condition:
    """Over contact c of one bucket, %(bucket)s. Goes with deciding.ask(narrow=, more=)."""

    sql: sql.Composable
    params: Mapping[str, Any]
    is_steady: bool  # people are in it whatever they were sent


MERGED = """
SELECT c.bucket, c.id, c.merged_into AS main FROM contact c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s AND c.merged_into IS NOT NULL
"""
SKUS = """
SELECT p.brand, p.sku FROM product p
WHERE p.bucket = ANY(%(buckets)s) AND p.store_id = %(store_id)s
  AND p.brand = ANY(%(brands)s::text[])
ORDER BY p.sku LIMIT %(most)s
"""


async def condition(
    tx: Link, store: Store, tree: Node, now: datetime, prefix: str = "segment_"
) -> Condition:
    """Whom the tree means, at this moment. Two conditions of one statement need two prefixes, which
    begin the names of their parameters. Raises NoSegment, TooLarge."""
    writer, leaves = await _writer(tx, store, tree, now, prefix)
    is_steady = segments.is_steady(leaves)
    return Condition(segment_sql.write(tree, writer), writer.params, is_steady)


async def _writer(
    tx: Link, store: Store, tree: Node, now: datetime, prefix: str
) -> tuple[Writer, list[Node]]:
    """What the tree is written with, and its leaves, those of segments within it too."""
    known = await _trees_within(tx, store, tree)
    leaves = list(segments.whole(tree, known))
    writer = Writer(
        store, now, prefix, known,
        skus=await _skus(tx, store, leaves),
        merged=await _merged(tx, store),
        paces=await rhythms.of_store(tx, store),
    )  # fmt: skip
    return writer, leaves


async def _trees_within(tx: Link, store: Store, tree: Node) -> dict[int, Node]:
    is_asked = any(isinstance(one, segments.InSegment) for one in segments.leaves(tree))
    return await trees(tx, store) if is_asked else {}


async def _skus(tx: Link, store: Store, leaves: Iterable[Node]) -> dict[str, list[str]]:
    with_goods = segments.Bought | segments.Visited | segments.CartLeft
    asked = [one.goods for one in leaves if isinstance(one, with_goods)]
    brands = sorted({brand for goods in asked for brand in goods.brands})
    found: dict[str, list[str]] = {}
    if brands:
        given = _everywhere(store) | {"brands": db.words(brands), "most": SKUS_MAX}
        for row in await (await tx.execute(SKUS, given)).fetchall():
            found.setdefault(row["brand"], []).append(row["sku"])
    return found


async def _merged(tx: Link, store: Store) -> list[Mapping[str, Any]]:
    rows = await (await tx.execute(MERGED, _everywhere(store))).fetchall()
    return [{**row, "place": bucket_of_id(row["main"])} for row in rows]


def _everywhere(store: Store) -> dict[str, Any]:
    return {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
    }  # fmt: skip


# ------------------------------------------------------------------ counted

COUNT = sql.SQL("""
SELECT count(*) AS n FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s
  AND c.id >= %(first)s AND c.id < %(after)s
  AND c.merged_into IS NULL AND c.erased_at IS NULL AND {narrow}
""")
# Who is asked nothing that only their own row knows is counted by the row of their figures, which
# is narrow and stands for the living alone.
COUNT_KEPT = sql.SQL("""
SELECT count(*) AS n FROM contact_figure r CROSS JOIN LATERAL (SELECT r.contact_id AS id) c
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s
  AND r.contact_id >= %(first)s AND r.contact_id < %(after)s AND {narrow}
""")
TIME_LIMIT = "SELECT set_config('statement_timeout', %(ms)s, true)"


@dataclass(frozen=True, slots=True)
class Count:
    """How many people. Not `is_whole`: at least so many, the time was up."""

    people: int
    is_whole: bool = True


async def count(
    pool: AsyncConnectionPool[Any], store: Store, tree: Node, now: datetime,
    *, within_s: float | None = None,
) -> Count:  # fmt: skip
    """How many are meant: on two connections, each with its share. Raises NoSegment, TooLarge."""
    async with db.transaction(pool) as tx:
        writer, leaves = await _writer(tx, store, tree, now, "segment_")
        has_figures = not await figure_fill.is_left(tx, store)
    writer.in_parts = True
    writer.beside = has_figures and not segment_sql.asks_contact(leaves)
    narrow = segment_sql.write(tree, writer)
    pieces = await deciding.pieces(pool, store)
    statement = (COUNT_KEPT if writer.beside else COUNT).format(narrow=narrow)
    until = None if within_s is None else time.monotonic() + within_s
    found, is_whole = 0, True

    async def work() -> None:
        nonlocal found, is_whole
        while pieces:
            bucket, first, after = pieces.pop()
            given = {"store_id": store.id, "bucket": bucket, "first": first, "after": after}
            try:
                async with db.transaction(pool) as tx:
                    await tx.execute(deciding.IN_BULK)
                    if until is not None:
                        left_ms = max(1, int((until - time.monotonic()) * 1000))
                        await tx.execute(TIME_LIMIT, {"ms": str(left_ms)})
                    cursor = await tx.execute(statement, {**writer.params, **given})
                    row = await cursor.fetchone()
            except errors.QueryCanceled:
                is_whole = False
                pieces.clear()
            else:
                found += row["n"] if row else 0

    async with asyncio.TaskGroup() as group:
        for _ in range(deciding.CONNECTIONS):
            group.create_task(work())
    return Count(found, is_whole)


async def count_reachable(
    pool: AsyncConnectionPool[Any], store: Store, tree: Node, draft: Draft, now: datetime
) -> deciding.Counts:
    """Of whom it means, how many may be sent the draft: by verdict and reason."""
    async with db.transaction(pool) as tx:
        meant = await condition(tx, store, tree, now)
        question = await deciding.ask(tx, store, draft, now, meant.sql, meant.params)
    return await deciding.counts(pool, question)


# ------------------------------------------------------------------ who they are

PEOPLE = sql.SQL("""
SELECT c.id, c.name, c.phone, c.email, c.language, c.country, c.region, c.city, c.marketing,
  c.service, c.orders, c.spent, c.last_order_at, c.created_at
FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id > %(after)s
  AND c.merged_into IS NULL AND c.erased_at IS NULL AND {narrow}
ORDER BY c.id LIMIT %(most)s
""")


@dataclass(frozen=True, slots=True)
class Page:
    """Some of them. `next`: where to go on; None: that was all."""

    rows: Sequence[Row]
    next: int | None


async def people(
    tx: Tx, store: Store, tree: Node, now: datetime, after: int = 0, most: int = 50
) -> Page:
    """A page of those who are meant, from behind `after` (0: from the beginning), in the order of
    ids within buckets. Raises NoSegment, TooLarge."""
    meant = await condition(tx, store, tree, now)
    await tx.execute(deciding.IN_BULK)
    statement = PEOPLE.format(narrow=meant.sql)
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    if after and bucket_of_id(after) in buckets:
        buckets = buckets[buckets.index(bucket_of_id(after)) :]
    rows: list[Row] = []
    for bucket in buckets:
        given = {"store_id": store.id, "bucket": bucket, "after": after, "most": most - len(rows)}
        rows += await (await tx.execute(statement, {**meant.params, **given})).fetchall()
        after = 0
        if len(rows) == most:
            return Page(rows, rows[-1]["id"])
    return Page(rows, None)


async def everybody(
    tx: Tx, store: Store, tree: Node, now: datetime
) -> AsyncIterator[Sequence[Row]]:
    """All who are meant, some at a time: for a file. Memory is that of a page."""
    meant = await condition(tx, store, tree, now)
    await tx.execute(deciding.IN_BULK)
    statement = PEOPLE.format(narrow=meant.sql)
    for bucket in buckets_of_store(store.bucket_base, store.bucket_span):
        given = {"store_id": store.id, "bucket": bucket, "after": 0, "most": deciding.ID_MAX}
        async with tx.cursor("segment_people") as cursor:
            await cursor.execute(statement, {**meant.params, **given})
            while rows := await cursor.fetchmany(PAGE_MAX):
                yield rows


# ------------------------------------------------------------------ one person


async def picture(tx: Tx, store: Store, contact_id: int) -> Picture:
    """All that a tree can ask of somebody, for rules/segments/pictures.holds. Raises
    pictures.NobodyThere. Of several people at once: pictures.load."""
    return await pictures.one(tx, store, contact_id, await trees(tx, store))
