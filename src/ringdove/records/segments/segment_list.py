"""What the list of segments shows of each: how many people were counted last, and who names it.

Sizes are remembered when somebody looks, so that the list is there at once; a segment is still
answered anew whenever it is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records.segments.segments import Count
from ringdove.rules.scenes import Store

USES_MAX: Final = 500  # campaigns looked through, the newest

SIZES = """
SELECT s.segment_id, s.people, s.is_whole, s.counted_at FROM segment_size s
WHERE s.bucket = %(bucket)s AND s.store_id = %(store_id)s
"""
REMEMBER = """
INSERT INTO segment_size (bucket, store_id, segment_id, people, is_whole, counted_at)
SELECT %(bucket)s, %(store_id)s, %(segment_id)s, %(people)s, %(is_whole)s, %(now)s
ON CONFLICT (bucket, store_id, segment_id) DO UPDATE SET
  people = EXCLUDED.people, is_whole = EXCLUDED.is_whole, counted_at = EXCLUDED.counted_at
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How many people a segment had. Not `is_whole`: at least so many."""

    people: int
    is_whole: bool
    counted_at: datetime


async def sizes(tx: Tx, store: Store) -> dict[int, Size]:
    """The sizes that were counted, by segment."""
    given = {"bucket": _home(store), "store_id": store.id}
    rows = await (await tx.execute(SIZES, given)).fetchall()
    return {r["segment_id"]: Size(r["people"], r["is_whole"], r["counted_at"]) for r in rows}


async def remember(tx: Tx, store: Store, segment_id: int, count: Count, now: datetime) -> None:
    """So many were counted now."""
    given = {
        "bucket": _home(store), "store_id": store.id, "segment_id": segment_id,
        "people": count.people, "is_whole": count.is_whole, "now": now,
    }  # fmt: skip
    await tx.execute(REMEMBER, given)


def _home(store: Store) -> int:
    return buckets_of_store(store.bucket_base, store.bucket_span)[0]


# Wherever a tree names a segment there is {"leaf": "segment", "segment": 4}.
CAMPAIGNS = """
SELECT n.segment::integer AS segment, c.id, c.name FROM campaign c
CROSS JOIN LATERAL jsonb_path_query(c.plan, 'strict $.** ? (@.leaf == "segment").segment')
  AS n(segment)
WHERE c.store_id = %(store_id)s AND c.id > (
  SELECT coalesce(max(m.id), 0) - %(most)s FROM campaign m WHERE m.store_id = %(store_id)s)
GROUP BY n.segment, c.id, c.name ORDER BY c.id DESC
"""
SEGMENTS = """
SELECT n.segment::integer AS segment, s.id, s.name FROM segment s
CROSS JOIN LATERAL jsonb_path_query(s.tree, 'strict $.** ? (@.leaf == "segment").segment')
  AS n(segment)
WHERE s.store_id = %(store_id)s GROUP BY n.segment, s.id, s.name ORDER BY s.id
"""


@dataclass(frozen=True, slots=True)
class Uses:
    """Names by numbers of what asks for a segment."""

    campaigns: Mapping[int, str]
    segments: Mapping[int, str]


async def uses(tx: Tx, store: Store) -> dict[int, Uses]:
    """What asks for each segment that something asks for."""
    given = {"store_id": store.id, "most": USES_MAX}
    found: dict[int, tuple[dict[int, str], dict[int, str]]] = {}
    for n, statement in enumerate((CAMPAIGNS, SEGMENTS)):
        for row in await (await tx.execute(statement, given)).fetchall():
            found.setdefault(row["segment"], ({}, {}))[n][row["id"]] = row["name"]
    return {segment: Uses(*some) for segment, some in found.items()}
