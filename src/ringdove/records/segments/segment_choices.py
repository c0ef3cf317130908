"""What can be put into a condition of a segment: names of things, words that occur in a store.

Words are taken from a sample of the rows, the commonest first: they are suggested while one types,
and who knows a rarer word types it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from psycopg import sql

from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store

SAMPLE: Final = 20_000  # rows looked through
SUGGESTED_MAX: Final = 12
NAMED_MAX: Final = 500

SAMPLED = sql.SQL("""
SELECT s.value, max(s.label) AS label FROM (
  SELECT {value} AS value, {label} AS label FROM {table} t
  WHERE t.bucket = ANY(%(buckets)s) AND t.store_id = %(store_id)s
    AND ({value} ILIKE %(like)s OR {label} ILIKE %(like)s) LIMIT %(sample)s
) s
WHERE s.value <> '' GROUP BY s.value ORDER BY count(*) DESC, s.value LIMIT %(most)s
""")
SOURCES: Final = {  # table, value, what it is called
    "categories": [("product", "t.category", "t.category"),
                   ("contact_category", "t.category", "t.category")],
    "brands": [("product", "t.brand", "t.brand")],
    "products": [("product", "t.sku", "t.name"), ("order_line", "t.sku", "t.name")],
    "cities": [("contact", "t.city", "t.city")],
    "regions": [("contact", "t.region", "t.region")],
    "countries": [("contact", "t.country", "t.country")],
    "languages": [("contact", "t.language", "t.language")],
    "origins": [("contact", "t.origin", "t.origin")],
    "notes": [("contact", "t.origin_note", "t.origin_note")],
    "channels": [("purchase_order", "t.channel", "t.channel"), ("visit", "t.channel", "t.channel")],
    "field": [("contact", "(t.fields ->> %(key)s)", "(t.fields ->> %(key)s)")],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """A value and what it is called."""

    value: str
    label: str


async def suggest(
    tx: Tx, store: Store, source: str, typed: str, key: str = "", most: int = SUGGESTED_MAX
) -> list[Word]:
    """Words of a source that hold what was typed. `key`: of the own field whose values these are.
    Raises KeyError for a source that is none."""
    found: dict[str, Word] = {}
    plain = typed.replace("\x00", "").replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
        "like": f"%{plain}%", "sample": SAMPLE, "most": most, "key": key,
    }  # fmt: skip
    for table, value, label in SOURCES[source]:
        statement = SAMPLED.format(
            table=sql.Identifier(table), value=sql.SQL(value), label=sql.SQL(label)
        )
        for row in await (await tx.execute(statement, given)).fetchall():
            found.setdefault(row["value"], Word(row["value"], row["label"] or row["value"]))
    return list(found.values())[:most]


SEGMENTS = """
SELECT s.id, s.name FROM segment s WHERE s.store_id = %(store_id)s AND s.retired_at IS NULL
ORDER BY lower(s.name), s.id LIMIT %(most)s
"""
CAMPAIGNS = """
SELECT c.id, c.name FROM campaign c WHERE c.store_id = %(store_id)s
ORDER BY c.id DESC LIMIT %(most)s
"""
OFFERS = """
SELECT r.id, r.name FROM reward r WHERE r.store_id = %(store_id)s ORDER BY r.id DESC LIMIT %(most)s
"""
NAMED: Final = {"segments": SEGMENTS, "campaigns": CAMPAIGNS, "offers": OFFERS}


async def named(tx: Tx, store: Store, what: str) -> dict[int, str]:
    """Names by ids of segments, campaigns or offers. Raises KeyError for anything else."""
    given = {"store_id": store.id, "most": NAMED_MAX}
    rows: Sequence[dict[str, str]] = await (await tx.execute(NAMED[what], given)).fetchall()
    return {int(row["id"]): row["name"] for row in rows}
