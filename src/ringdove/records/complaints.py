"""Complaints: somebody called a letter spam, and gets no more marketing (R4).

A letter's public token is its message's id, so the way back to the person needs no map. What is
written is a fact, answered like every other; the same complaint twice is one.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from psycopg.types.json import Jsonb

from ringdove.kit.buckets import Ids, bucket_of_id, id_of
from ringdove.kit.db import Tx
from ringdove.records import counters, facts
from ringdove.rules.facts import ConsentChanged
from ringdove.rules.scenes import Store

WORDS = "The customer's mail provider passed on: this letter is spam."

PEOPLE = """
SELECT m.id, m.contact_id FROM message m
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.channel = 'email'
  AND m.id = ANY(ARRAY(SELECT v::bigint FROM jsonb_array_elements_text(%(ids)s) v))
"""


async def write(tx: Tx, store: Store, tokens: Iterable[str], now: datetime, ids: Ids) -> int:
    """Takes complaints about these letters; how many were new. Other stores' are nobody's (P10)."""
    by_bucket: dict[int, list[int]] = defaultdict(list)
    for message_id in filter(None, map(id_of, tokens)):
        by_bucket[bucket_of_id(message_id)].append(message_id)
    told: list[ConsentChanged] = []
    for bucket in sorted(by_bucket):
        given = {"bucket": bucket, "store_id": store.id, "ids": Jsonb(by_bucket[bucket])}
        rows = await (await tx.execute(PEOPLE, given)).fetchall()
        told += [_stop(row["id"], row["contact_id"], now) for row in rows]
    if not told:
        return 0
    new = await facts.write(tx, store, 0, told, now, ids)
    await counters.add(tx, store, now, {"complained": new})
    return new


def _stop(message_id: int, contact_id: int, now: datetime) -> ConsentChanged:
    return ConsentChanged(
        id=f"complaint/{message_id}",
        at=now,
        contact=contact_id,
        scope="marketing",
        change="out",
        words=WORDS,
        source="complaint",
    )
