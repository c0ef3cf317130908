"""How many people have what can be filtered by: exact where they are few, else as the planner's own
statistics have it. Never counted while somebody types.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store

COUNTED_MAX: Final = 2_000  # people; above, it is "about"

COUNTED = """
SELECT t.sign, count(*) AS n FROM (
  SELECT s.signs FROM contact_search s
  WHERE s.bucket = ANY(%(buckets)s) AND s.store_id = %(store_id)s LIMIT %(most)s
) p CROSS JOIN LATERAL unnest(tsvector_to_array(p.signs)) AS t(sign)
WHERE starts_with(t.sign, %(prefix)s) GROUP BY t.sign
"""
# What ANALYZE saw in a sample of the table: the commonest signs of all stores, and how common.
ABOUT = """
SELECT t.sign, (t.share * c.reltuples)::bigint AS n
FROM pg_stats p
JOIN pg_class c ON c.oid = 'contact_search'::regclass
CROSS JOIN LATERAL unnest(p.most_common_elems::text::text[], p.most_common_elem_freqs)
  AS t(sign, share)
WHERE p.schemaname = current_schema() AND p.tablename = 'contact_search' AND p.attname = 'signs'
  AND starts_with(t.sign, %(prefix)s)
"""


@dataclass(frozen=True, slots=True)
class Traits:
    """`counts` by trait, such as offers/in or country/by; the commonest only where it is about."""

    counts: Mapping[str, int]
    is_about: bool

    @property
    def people(self) -> int:
        """All of the store."""
        return sum(n for trait, n in self.counts.items() if trait.startswith("offers/"))

    def of(self, kind: str) -> list[tuple[str, int]]:
        """The values of a kind, the commonest first."""
        found = [
            (trait.removeprefix(f"{kind}/"), n)
            for trait, n in self.counts.items()
            if trait.startswith(f"{kind}/")
        ]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))


async def traits(tx: Tx, store: Store) -> Traits:
    """What the people of this store have."""
    prefix = f"{store.id}="
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
        "prefix": prefix,
        "most": COUNTED_MAX + 1,
    }
    counted = await _read(tx, COUNTED, given, prefix)
    if counted.people <= COUNTED_MAX:
        return counted
    about = await _read(tx, ABOUT, given, prefix)
    # Before the first ANALYZE nothing is known but which values there are.
    return Traits(about.counts or dict.fromkeys(counted.counts, 0), is_about=True)


async def _read(tx: Tx, statement: str, given: Mapping[str, object], prefix: str) -> Traits:
    rows = await (await tx.execute(statement, given)).fetchall()
    counts = {row["sign"].removeprefix(prefix): row["n"] for row in rows}
    return Traits(counts, is_about=False)
