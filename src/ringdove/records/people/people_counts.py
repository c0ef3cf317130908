"""How many people came, and what they said, week by week: summed from the roll-ups per hour."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store

NAMES: Final = ("people_new", "yes_new", "no_new")

WEEKS = """
SELECT date_trunc('week', c.hour AT TIME ZONE %(zone)s)::date AS week, c.name,
  sum(c.n)::bigint AS n
FROM counter c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s AND c.hour >= %(since)s
  AND c.name = ANY(ARRAY['people_new', 'yes_new', 'no_new'])
GROUP BY 1, 2
"""


async def by_week(tx: Tx, store: Store, since: datetime) -> Mapping[tuple[date, str], int]:
    """By the week's Monday and the name of the roll-up."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
        "since": since,
        "zone": store.time_zone,
    }
    rows = await (await tx.execute(WEEKS, given)).fetchall()
    return {(row["week"], row["name"]): row["n"] for row in rows}
