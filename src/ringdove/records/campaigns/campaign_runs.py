"""The run of a campaign: its checkpoints, and what it writes by the page.

A page is one transaction: its messages, what of them waits in the outbox, its counts, and the
checkpoint behind which the next one begins, whose row is locked. So a kill at any moment loses at
most a page that nobody has seen, and makes nobody twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records import counters
from ringdove.records.campaigns.campaign_lines import (
    BEGINS,
    COPY_MESSAGES,
    COPY_OUTBOX,
    ENDS,
    QUEUED,
    Lines,
)
from ringdove.records.surveys import survey_askings
from ringdove.rules.campaigns.campaign_decisions import Wish
from ringdove.rules.campaigns.campaign_texts import Writer
from ringdove.rules.campaigns.campaigns import Campaign
from ringdove.rules.scenes import Store

SLICE = 500  # rows made at once: the server reads some while the next ones are put together


class Overtaken(Exception):
    """Somebody else went on with the run, or the campaign may not go on any more."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a campaign has come in a bucket."""

    bucket: int
    version: int
    next_id: int
    is_done: bool
    remade_id: int
    first_message: int | None
    last_message: int | None
    is_held: bool
    is_taken_back: bool


OF_CAMPAIGN = """
SELECT r.bucket, r.version, r.next_id, r.is_done, r.remade_id, r.first_message, r.last_message,
  r.is_held, r.is_taken_back
FROM campaign_run r
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s AND r.campaign_id = %(campaign_id)s
"""
START = """
INSERT INTO campaign_run (bucket, store_id, campaign_id, version, total, changed_at)
SELECT %(bucket)s, %(store_id)s, %(campaign_id)s, %(version)s, %(total)s, %(now)s
ON CONFLICT (bucket, store_id, campaign_id) DO NOTHING
"""
LOCK = """
SELECT r.next_id, r.is_done, r.version FROM campaign_run r
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.campaign_id = %(campaign_id)s
FOR UPDATE
"""
# Asked once the checkpoint is ours. A pause that comes later finds this page in the outbox, where
# records/sending/outbox.take holds it; whoever takes back what waits waits for the checkpoint.
MAY_GO_ON = """
SELECT c.state, c.version FROM campaign c
WHERE c.store_id = %(store_id)s AND c.id = %(campaign_id)s
"""
ADVANCE = """
UPDATE campaign_run r SET next_id = %(next_id)s, is_done = %(is_done)s, changed_at = %(now)s,
  first_message = least(r.first_message, %(first)s),
  last_message = greatest(r.last_message, %(last)s),
  counts = (
    SELECT coalesce(jsonb_object_agg(x.name, x.n), '{}') FROM (
      SELECT y.name, sum(y.n)::bigint AS n FROM (
        SELECT a.key AS name, a.value::bigint AS n FROM jsonb_each_text(r.counts) a
        UNION ALL SELECT b.key, b.value::bigint FROM jsonb_each_text(%(counts)s) b
      ) y GROUP BY y.name
    ) x)
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.campaign_id = %(campaign_id)s
"""


async def of_campaign(tx: Tx, store: Store, campaign_id: int) -> dict[int, Checkpoint]:
    """By bucket how far it has come; buckets that were not begun are missing."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
        "campaign_id": campaign_id,
    }  # fmt: skip
    rows = await (await tx.execute(OF_CAMPAIGN, given)).fetchall()
    return {row["bucket"]: Checkpoint(**row) for row in rows}


async def start(
    tx: Tx, store: Store, campaign: Campaign, bucket: int, total: int, now: datetime
) -> None:
    """The bucket is begun, if it was not."""
    given = _key(store, campaign, bucket)
    await tx.execute(START, given | {"version": campaign.version, "total": total, "now": now})


# ------------------------------------------------------------------ which are to be worked on

# Over all stores on purpose: a worker asks which campaigns have something to do. The table is
# small: one row a campaign, and few of them run at a time.
UNDER_WAY = """
SELECT c.store_id, c.id, c.state, c.tries, c.tried_at FROM campaign c
WHERE c.state IN ('scheduled', 'running', 'paused')
  OR c.state IN ('cancelled', 'sold_out') AND c.ended_at > %(since)s
ORDER BY c.store_id, c.id
"""
HELD = """
UPDATE campaign_run r SET is_held = %(is_held)s
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.campaign_id = %(campaign_id)s
"""
# Behind the checkpoint's lock: a page that was being written is written, none comes after it.
ENDED = """
UPDATE campaign_run r SET is_done = true
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.campaign_id = %(campaign_id)s
  AND NOT r.is_done
"""
TAKEN_BACK = """
UPDATE campaign_run r SET is_taken_back = true, changed_at = %(now)s
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.campaign_id = %(campaign_id)s
"""
ENDED_LATELY = timedelta(days=7)


async def under_way(tx: Tx, now: datetime) -> Sequence[Mapping[str, Any]]:
    """Campaigns that are to begin, run, wait or were ended lately: ids, state, tries."""
    return await (await tx.execute(UNDER_WAY, {"since": now - ENDED_LATELY})).fetchall()


async def say_held(tx: Tx, store: Store, campaign_id: int, bucket: int, is_held: bool) -> None:
    """All that waits in a bucket is held, or none of it is."""
    given = {"bucket": bucket, "store_id": store.id, "campaign_id": campaign_id}
    await tx.execute(HELD, given | {"is_held": is_held})


async def end(tx: Tx, store: Store, campaign_id: int, bucket: int) -> None:
    """Nothing more is made in a bucket."""
    given = {"bucket": bucket, "store_id": store.id, "campaign_id": campaign_id}
    await tx.execute(ENDED, given)


async def say_taken_back(
    tx: Tx, store: Store, campaign_id: int, bucket: int, now: datetime
) -> None:
    """Nothing waits in a bucket any more."""
    given = {"bucket": bucket, "store_id": store.id, "campaign_id": campaign_id, "now": now}
    await tx.execute(TAKEN_BACK, given)


# ------------------------------------------------------------------ a page


async def hold(tx: Tx, store: Store, campaign: Campaign, bucket: int, next_id: int) -> None:
    """The checkpoint is ours until the transaction ends, and the campaign goes on. Raises Overtaken
    when it is not where we left it, or the campaign is not what it was."""
    # Rows and checkpoint come to the disk together, in this order, before anything that is done
    # because of them: a page that a crash takes away is a page that was never made.
    await tx.execute(db.NEED_NOT_LAST)
    given = _key(store, campaign, bucket)
    row = await (await tx.execute(LOCK, given)).fetchone()
    if row is None or row["is_done"] or row["next_id"] != next_id:
        raise Overtaken
    kept = await (await tx.execute(MAY_GO_ON, given)).fetchone()
    if kept is None or kept["state"] != "running" or kept["version"] != row["version"]:
        raise Overtaken


async def put(
    tx: Tx, lines: Lines, writer: Writer, wishes: Sequence[Wish], ids: Sequence[int],
    codes: Mapping[int, str], seen: int, next_id: int | None, now: datetime,
) -> None:  # fmt: skip
    """Writes a page, in the transaction that holds its checkpoint. `next_id`: where the next one
    begins, None: this was the last; `seen`: people gone through."""
    lines.begin_page(now)
    if wishes:
        async with tx.cursor().copy(COPY_MESSAGES.encode()) as out:
            await out.write(BEGINS)
            for begin in range(0, len(wishes), SLICE):
                some = slice(begin, begin + SLICE)
                await out.write(lines.of(writer.made(wishes[some], ids[some], codes)))
            await out.write(ENDS)
    if lines.gateways:
        async with tx.cursor().copy(COPY_OUTBOX.encode()) as out:
            for rows in (BEGINS, *lines.outbox, ENDS):
                await out.write(rows)
    if wishes and writer.survey:
        await survey_askings.of_page(
            tx, lines.store, lines.campaign.id, lines.bucket, (ids[0], ids[-1]), writer
        )
    counts = {f"{variant}/{what}": n for (variant, what), n in lines.counts.items()}
    about = _key(lines.store, lines.campaign, lines.bucket) | {
        "next_id": 0 if next_id is None else next_id, "is_done": next_id is None, "now": now,
        "first": ids[0] if ids else None, "last": ids[-1] if ids else None,
        "counts": Jsonb(counts | {"people": seen}),
    }  # fmt: skip
    await tx.execute(ADVANCE, about)
    queued = sum(n for (_, what), n in lines.counts.items() if what == QUEUED)
    news = {"queued": queued, "dropped": len(wishes) - queued}
    await counters.add(tx, lines.store, now, news, lines.bucket)
    for gateway_id in lines.gateways:
        await db.notify(tx, "outbox", str(gateway_id))


def _key(store: Store, campaign: Campaign, bucket: int) -> dict[str, Any]:
    return {"bucket": bucket, "store_id": store.id, "campaign_id": campaign.id}
