"""Rehearsals of campaigns: asked for by a page, made by a worker, shown as they go on (N2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records.campaigns.campaigns import bucket_of_campaign
from ringdove.records.offers import codes
from ringdove.rules.scenes import Store


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a campaign would do, as far as it was worked out."""

    campaign_id: int
    version: int  # of the plan that was rehearsed
    clock: datetime  # when it would have begun
    asked_at: datetime
    state: str  # asked, running, done, failed
    seen: int  # people looked at so far
    result: Mapping[str, Any]  # see rules/campaigns/campaign_sums.py
    error: str = ""


# Another one that is asked for takes the place of the one before.
ASK = """
INSERT INTO rehearsal AS r (bucket, store_id, campaign_id, version, clock, asked_at, state)
SELECT %(bucket)s, %(store_id)s, %(campaign_id)s, %(version)s, %(clock)s, %(now)s, 'asked'
ON CONFLICT (bucket, store_id, campaign_id) DO UPDATE SET version = EXCLUDED.version,
  clock = EXCLUDED.clock, asked_at = EXCLUDED.asked_at, state = 'asked', seen = 0, result = '{}',
  error = ''
"""
FIND = """
SELECT r.campaign_id, r.version, r.clock, r.asked_at, r.state, r.seen, r.result, r.error
FROM rehearsal r
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.campaign_id = %(campaign_id)s
"""
# Over all stores on purpose: a worker asks what is asked for anywhere. One row a campaign.
ASKED = """
SELECT r.store_id, r.campaign_id FROM rehearsal r WHERE r.state IN ('asked', 'running')
ORDER BY r.asked_at LIMIT 100
"""
TELL = """
UPDATE rehearsal r SET state = %(state)s, seen = %(seen)s, result = %(result)s, error = %(error)s
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.campaign_id = %(campaign_id)s
  AND r.asked_at = %(asked_at)s
"""


async def ask(
    tx: Tx, store: Store, campaign_id: int, version: int, clock: datetime, now: datetime
) -> None:
    """A worker is to rehearse this version as if it began at `clock`."""
    given = _key(store, campaign_id) | {"version": version, "clock": clock, "now": now}
    await tx.execute(ASK, given)
    await db.notify(tx, "campaigns", str(store.id))


async def find(tx: Tx, store: Store, campaign_id: int) -> Rehearsal | None:
    """The newest one of a campaign."""
    row = await (await tx.execute(FIND, _key(store, campaign_id))).fetchone()
    return Rehearsal(**row) if row else None


async def asked(tx: Tx) -> list[tuple[int, int]]:
    """Store and campaign of those that are not finished, the oldest first."""
    rows = await (await tx.execute(ASKED)).fetchall()
    return [(row["store_id"], row["campaign_id"]) for row in rows]


async def tell(
    tx: Tx, store: Store, one: Rehearsal, state: str, seen: int,
    result: Mapping[str, Any] | None = None, error: str = "",
) -> bool:  # fmt: skip
    """How far it is; False: another one was asked for meanwhile."""
    given = _key(store, one.campaign_id) | {
        "asked_at": one.asked_at, "state": state, "seen": seen, "error": error,
        "result": db.document(dict(result or {})),
    }  # fmt: skip
    await db.notify(tx, "live", str(store.id))
    return (await tx.execute(TELL, given)).rowcount > 0


# What an offer's list still holds: how many, and one of them to know how long they are.
LISTED = """
SELECT count(*)::integer AS n, min(f.code) AS code FROM free_code f
WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.reward_id = %(reward_id)s
  AND f.shop = 'knows'
"""


async def listed(tx: Tx, store: Store, reward_id: int) -> tuple[int, str]:
    """How many codes wait on an offer's list, and one of them; nobody is given any."""
    given = {
        "bucket": codes.list_bucket(store, reward_id), "store_id": store.id,
        "reward_id": reward_id,
    }  # fmt: skip
    row = await (await tx.execute(LISTED, given)).fetchone()
    return (row["n"], row["code"] or "") if row else (0, "")


# Samples are texts to people: with a person goes what was to be said to them (P12).
FORGET = """
UPDATE rehearsal r SET result = jsonb_set(r.result, '{samples}', (
  SELECT coalesce(jsonb_agg(s.one), '[]') FROM jsonb_array_elements(r.result -> 'samples') AS s(one)
  WHERE (s.one ->> 'contact_id')::bigint <> ALL(%(people)s::bigint[])))
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s AND r.result ? 'samples'
"""


async def forget(tx: Tx, store: Store, people: Sequence[int]) -> None:
    """No rehearsal shows a text to these people any more."""
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    given = {"buckets": buckets, "store_id": store.id, "people": db.numbers(people)}
    await tx.execute(FORGET, given)


def _key(store: Store, campaign_id: int) -> dict[str, Any]:
    return {
        "bucket": bucket_of_campaign(store, campaign_id), "store_id": store.id,
        "campaign_id": campaign_id,
    }  # fmt: skip
