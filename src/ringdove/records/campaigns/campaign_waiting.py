"""What waits of a campaign in the outbox: held while it is paused, let go, taken back (R43, P1).

Whoever takes texts for sending asks here first (`stop`), so a pause or an end holds from its commit
on, however many texts wait. A worker then clears the queue by the page, so that others need not
walk past a million rows that may not leave. A page can be repeated: it takes what it finds.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import tuple_row

from ringdove.kit import db
from ringdove.kit.db import Tx
from ringdove.records import counters
from ringdove.rules.scenes import Store

PAGE = 2_000
# Held: due a hundred years later, so that it comes back to its very moment. Not `infinity`, from
# which nothing comes back.
HELD_FOR = timedelta(days=36_525)
FAR = timedelta(days=18_000)
# What is said of a text whose campaign was ended before it left.
ENDED = {"cancelled": "campaign_cancelled", "sold_out": "sold_out"}

# The rows are held against a change of the campaign until this is committed; those of campaigns
# that run are not locked.
MAY_NOT = """
SELECT c.id, c.state FROM campaign c
WHERE c.store_id = %(store_id)s AND c.id = ANY(%(campaigns)s::integer[])
  AND c.state IN ('paused', 'cancelled', 'sold_out') FOR SHARE
"""
# Changed while it was paused, and not yet said anew: old words may not leave once it goes on.
OLD_WORDS = """
SELECT r.campaign_id FROM campaign_run r
JOIN campaign c ON c.store_id = %(store_id)s AND c.id = r.campaign_id
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s
  AND r.campaign_id = ANY(%(campaigns)s::integer[]) AND r.version <> c.version
"""
REMADE_SOON = timedelta(seconds=2)
LATER = """
UPDATE outbox o SET due_at = %(now)s::timestamptz + %(soon)s::interval
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.message_id = ANY(%(ids)s::bigint[])
"""
HOLD = """
UPDATE outbox o SET due_at = o.due_at + %(held_for)s::interval
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.message_id = ANY(%(ids)s::bigint[])
"""


async def stop(
    tx: Tx, base: Mapping[str, Any], campaign_of: Mapping[int, int]
) -> tuple[set[int], dict[int, str]]:
    """Of claimed messages, with their campaigns: those that are held now, and of those whose
    campaign was ended the reasons. `base` names bucket and store, and says now."""
    if not campaign_of:
        return set(), {}
    given = {**base, "campaigns": sorted(set(campaign_of.values()))}
    async with tx.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(MAY_NOT, given)
        states: dict[int, str] = dict(await cursor.fetchall())
        await cursor.execute(OLD_WORDS, given)
        old = {row[0] for row in await cursor.fetchall()} - states.keys()
    if not states and not old:
        return set(), {}
    later = {key for key, campaign in campaign_of.items() if campaign in old}
    if later:
        await tx.execute(LATER, {**base, "ids": db.numbers(later), "soon": REMADE_SOON})
    held = {key for key, campaign in campaign_of.items() if states.get(campaign) == "paused"}
    if held:
        about = {"ids": db.numbers(held), "held_for": HELD_FOR}
        await tx.execute(HOLD, {**base, **about})
    ended = {
        key: ENDED[state]
        for key, campaign in campaign_of.items()
        if (state := states.get(campaign, "")) in ENDED
    }
    return held | later, ended


# ------------------------------------------------------------------ by the page

OF_CAMPAIGN = """o.bucket = %(bucket)s AND o.store_id = %(store_id)s
  AND o.message_id >= %(first)s AND o.message_id <= %(last)s
  AND o.campaign_id = %(campaign_id)s"""
HOLD_SOME = f"""
WITH page AS MATERIALIZED (
  SELECT o.message_id FROM outbox o WHERE {OF_CAMPAIGN} AND o.due_at < %(far)s
  ORDER BY o.message_id LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
UPDATE outbox o SET due_at = o.due_at + %(held_for)s::interval
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s
  AND o.message_id = ANY(ARRAY(SELECT s.message_id FROM page s))
"""
LET_GO_SOME = f"""
WITH page AS MATERIALIZED (
  SELECT o.message_id FROM outbox o WHERE {OF_CAMPAIGN} AND o.due_at >= %(far)s
  ORDER BY o.message_id LIMIT %(most)s FOR UPDATE
)
UPDATE outbox o SET due_at = o.due_at - %(held_for)s::interval
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s
  AND o.message_id = ANY(ARRAY(SELECT s.message_id FROM page s))
RETURNING o.gateway_id
"""
TAKE_BACK_SOME = f"""
WITH page AS MATERIALIZED (
  SELECT o.message_id FROM outbox o WHERE {OF_CAMPAIGN}
  ORDER BY o.message_id LIMIT %(most)s FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM outbox o
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s
    AND o.message_id = ANY(ARRAY(SELECT s.message_id FROM page s))
  RETURNING o.message_id
)
UPDATE message m SET state = 'dropped', reason = %(reason)s, done_at = %(now)s
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s
  AND m.id = ANY(ARRAY(SELECT g.message_id FROM gone g)) AND m.state = 'waiting'
"""
ANY_LEFT = f"SELECT EXISTS (SELECT FROM outbox o WHERE {OF_CAMPAIGN}) AS is_left"


def stretch(
    store: Store, campaign_id: int, bucket: int, first: int | None, last: int | None
) -> dict[str, Any]:
    """Names a campaign's messages in a bucket: their ids lie between these."""
    return {
        "bucket": bucket, "store_id": store.id, "campaign_id": campaign_id,
        "first": first or 0, "last": last or 0, "most": PAGE,
    }  # fmt: skip


async def hold(tx: Tx, where: Mapping[str, Any], now: datetime) -> int:
    """Holds a page of what waits; how many those were."""
    given = {**where, "far": now + FAR, "held_for": HELD_FOR}
    return (await tx.execute(HOLD_SOME, given)).rowcount


async def let_go(tx: Tx, where: Mapping[str, Any], now: datetime) -> int:
    """A page of what is held is due again when it was; how many those were."""
    given = {**where, "far": now + FAR, "held_for": HELD_FOR}
    rows = await (await tx.execute(LET_GO_SOME, given)).fetchall()
    for gateway_id in {row["gateway_id"] for row in rows}:
        await db.notify(tx, "outbox", str(gateway_id))
    return len(rows)


async def take_back(
    tx: Tx, store: Store, where: Mapping[str, Any], reason: str, now: datetime
) -> int:
    """Takes a page of what waits out of the outbox; how many those were."""
    taken = (await tx.execute(TAKE_BACK_SOME, {**where, "reason": reason, "now": now})).rowcount
    await counters.add(tx, store, now, {"dropped": taken}, where["bucket"])
    return taken


async def is_left(tx: Tx, where: Mapping[str, Any]) -> bool:
    """Whether anything still waits."""
    row = await (await tx.execute(ANY_LEFT, dict(where))).fetchone()
    return bool(row and row["is_left"])
