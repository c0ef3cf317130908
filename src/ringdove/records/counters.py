"""Roll-ups per hour: added per batch by one upsert, summed on read, never used to decide."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from ringdove.kit.buckets import BUCKETS, buckets_of_store
from ringdove.rules.scenes import Store

ADD = """
INSERT INTO counter AS c (bucket, store_id, hour, name, n)
SELECT %(bucket)s, %(store_id)s, %(hour)s, r.name, r.n
FROM jsonb_to_recordset(%(rows)s) AS r(name text, n bigint)
ORDER BY r.name
ON CONFLICT (bucket, store_id, hour, name) DO UPDATE SET n = c.n + EXCLUDED.n
"""
BY_HOUR = """
SELECT hour, name, sum(n)::bigint AS n FROM counter
WHERE bucket = ANY(%(buckets)s) AND store_id = %(store_id)s
  AND hour >= %(since)s AND hour < %(until)s
GROUP BY hour, name ORDER BY hour
"""


async def add(
    tx: AsyncConnection[Any], store: Store, now: datetime, counts: Mapping[str, int],
    bucket: int | None = None,
) -> None:  # fmt: skip
    """Adds to this hour's roll-ups, in the bucket at hand or the store's first."""
    rows = [{"name": name, "n": n} for name, n in counts.items() if n]
    if rows:
        await tx.execute(
            ADD,
            {
                "bucket": BUCKETS[store.bucket_base % 128] if bucket is None else bucket,
                "store_id": store.id,
                "hour": now.replace(minute=0, second=0, microsecond=0),
                "rows": Jsonb(rows),
            },
        )


async def by_hour(
    tx: AsyncConnection[Any], store: Store, since: datetime, until: datetime
) -> Sequence[Mapping[str, Any]]:
    """Rows {hour, name, n} of a span of time."""
    cursor = await tx.execute(
        BY_HOUR,
        {
            "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
            "store_id": store.id,
            "since": since,
            "until": until,
        },
    )
    return await cursor.fetchall()
