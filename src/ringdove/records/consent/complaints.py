"""Complaints and dead addresses: what letters that return say of the person (R4).

Somebody called a letter spam, and gets no more marketing. An address that does not exist gets no
more letters, and is on the list of refusals, whoever brings it next; texts are another matter.

A letter's public token is its message's id, so the way back to the person needs no map. What is
written is a fact, answered like every other; the same complaint twice is one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from ringdove.kit.buckets import Ids, bucket_of_id, id_of
from ringdove.kit.db import Tx
from ringdove.records import counters, facts
from ringdove.rules.facts import AddressBounced, ConsentChanged
from ringdove.rules.scenes import Store

WORDS = "The customer's mail provider passed on: this letter is spam."

HARD = ("no_such_address", "no_such_domain")
"""How a reason begins (gateways/smtp/bounces.py) that no second try will change."""

PEOPLE = """
SELECT m.id, m.contact_id, m.recipient FROM message m
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.channel = 'email'
  AND m.id = ANY(ARRAY(SELECT v::bigint FROM jsonb_array_elements_text(%(ids)s) v))
"""


async def write(tx: Tx, store: Store, tokens: Iterable[str], now: datetime, ids: Ids) -> int:
    """Takes complaints about these letters; how many were new. Other stores' are nobody's (P10)."""
    rows = await _people(tx, store, filter(None, map(id_of, tokens)))
    told = [_stop(row["id"], row["contact_id"], now) for row in rows]
    if not told:
        return 0
    new = await facts.write(tx, store, 0, told, now, ids)
    await counters.add(tx, store, now, {"complained": new})
    return new


async def write_dead(
    tx: Tx, store: Store, message_ids: Iterable[int], now: datetime, ids: Ids
) -> int:
    """The addresses of these letters do not exist; how many were new."""
    told = [
        AddressBounced(
            id=f"bounced/{row['id']}", at=now, contact=row["contact_id"], email=row["recipient"]
        )
        for row in await _people(tx, store, message_ids)
        if row["recipient"]
    ]
    return await facts.write(tx, store, 0, told, now, ids) if told else 0


def is_hard(reason: str) -> bool:
    """Whether a letter came back for good, and not only today."""
    return reason.startswith(HARD)


async def _people(tx: Tx, store: Store, message_ids: Iterable[int]) -> list[Mapping[str, Any]]:
    by_bucket: dict[int, list[int]] = defaultdict(list)
    for message_id in message_ids:
        by_bucket[bucket_of_id(message_id)].append(message_id)
    found: list[Mapping[str, Any]] = []
    for bucket in sorted(by_bucket):
        given = {"bucket": bucket, "store_id": store.id, "ids": Jsonb(by_bucket[bucket])}
        found += await (await tx.execute(PEOPLE, given)).fetchall()
    return found


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
