"""Texts of a campaign that wait and are made anew, row by row of a page, in their places."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ringdove.kit import db
from ringdove.kit.db import Tx
from ringdove.records.campaigns.campaign_waiting import FAR, HELD_FOR
from ringdove.rules.campaigns.campaign_texts import Made
from ringdove.rules.campaigns.campaigns import Campaign
from ringdove.rules.scenes import Store

PAGE = 1_000

# Behind the checkpoint's lock. Whoever takes a text this moment is waited for: it leaves as it is,
# or was put off until its new words are there (campaign_waiting.OLD_WORDS).
LOCK = """
SELECT r.remade_id, r.first_message, r.last_message FROM campaign_run r
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.campaign_id = %(campaign_id)s
FOR UPDATE
"""
SOME = """
SELECT m.id, m.contact_id, m.channel
FROM (
  SELECT o.message_id FROM outbox o
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.message_id > %(after)s
    AND o.message_id <= %(last)s AND o.campaign_id = %(campaign_id)s
  ORDER BY o.message_id LIMIT %(most)s FOR UPDATE
) o
CROSS JOIN LATERAL (
  SELECT m.id, m.contact_id, m.channel FROM message m
  WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = o.message_id OFFSET 0
) m
ORDER BY m.id
"""
SAY = """
UPDATE message m SET subject = r.subject, body = r.body, encoding = r.encoding, parts = r.parts,
  cost = r.cost, cost_currency = r.cost_currency, gateway_id = r.gateway_id, sender = r.sender,
  network = r.network, not_before = r.not_before, not_after = r.not_after, state = r.state,
  reason = r.reason, window_until = r.window_until, own_hours = %(own_hours)s,
  occasion = %(occasion)s,
  done_at = CASE WHEN r.state = 'dropped' THEN %(now)s::timestamptz END
FROM jsonb_populate_recordset(NULL::message, %(rows)s) r
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = r.id AND m.state = 'waiting'
  AND m.id = ANY(%(ids)s::bigint[])
"""
# Still held as it was: it is let go with the others.
MOVE = """
UPDATE outbox o SET gateway_id = r.gateway_id, window_until = r.window_until,
  not_after = r.not_after, attempts = 0,
  due_at = r.due_at + CASE WHEN o.due_at > %(far)s THEN %(held_for)s::interval ELSE interval '0' END
FROM jsonb_to_recordset(%(rows)s) AS r(id bigint, gateway_id integer, due_at timestamptz,
  window_until timestamptz, not_after timestamptz, state text)
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.message_id = r.id
  AND o.message_id = ANY(%(ids)s::bigint[]) AND r.state = 'waiting'
"""
REMOVE = """
DELETE FROM outbox o
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.message_id = ANY(%(ids)s::bigint[])
"""
LEAVE = """
UPDATE message m SET state = 'dropped', reason = 'left_audience', done_at = %(now)s
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = ANY(%(ids)s::bigint[])
  AND m.state = 'waiting'
"""
# Of what is being said this moment: it may come back with its old words, so it is waited for.
UNDER_WAY = """
SELECT EXISTS (
  SELECT FROM submission s
  CROSS JOIN LATERAL unnest(s.message_ids) AS v(id)
  CROSS JOIN LATERAL (
    SELECT m.campaign_id FROM message m
    WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = v.id OFFSET 0
  ) m
  WHERE s.bucket = %(bucket)s AND s.store_id = %(store_id)s AND m.campaign_id = %(campaign_id)s
) AS is_said
"""
FURTHER = """
UPDATE campaign_run r SET remade_id = %(remade_id)s, changed_at = %(now)s
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.campaign_id = %(campaign_id)s
"""
DONE = """
UPDATE campaign_run r SET version = %(version)s, remade_id = 0, is_held = true
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.campaign_id = %(campaign_id)s
"""


class Waiting(NamedTuple):
    """A text that waits."""

    id: int
    contact_id: int
    channel: str


async def some(tx: Tx, store: Store, campaign: Campaign, bucket: int) -> list[Waiting]:
    """The next page of what waits and was not made anew, locked."""
    given = _key(store, campaign, bucket)
    row = await (await tx.execute(LOCK, given)).fetchone()
    if row is None or row["last_message"] is None:
        return []
    after = max(row["remade_id"], row["first_message"] - 1)
    about = given | {"after": after, "last": row["last_message"], "most": PAGE}
    rows = await (await tx.execute(SOME, about)).fetchall()
    return [Waiting(one["id"], one["contact_id"], one["channel"]) for one in rows]


async def put(
    tx: Tx, store: Store, campaign: Campaign, bucket: int, made: Sequence[Made],
    gone: Sequence[int], upto: int, now: datetime, own_hours: str,
) -> None:  # fmt: skip
    """These say something new; `gone`: whose person is in no audience any more; `upto`: the last
    message of the page."""
    base = {"bucket": bucket, "store_id": store.id, "now": now}
    rows = [_row(one) for one in made]
    about = {
        "rows": db.document(rows), "ids": db.numbers(one.id for one in made), "far": now + FAR,
        "held_for": HELD_FOR, "own_hours": own_hours, "occasion": campaign.plan.occasion,
    }  # fmt: skip
    if rows:
        await tx.execute(SAY, base | about)
        await tx.execute(MOVE, base | about)
    silent = [one.id for one in made if one.told.outcome.state != "waiting"]
    if silent or gone:
        await tx.execute(REMOVE, base | {"ids": db.numbers([*silent, *gone])})
    if gone:
        await tx.execute(LEAVE, base | {"ids": db.numbers(gone)})
    about = {"remade_id": upto, "now": now}
    await tx.execute(FURTHER, _key(store, campaign, bucket) | about)


async def is_being_said(tx: Tx, store: Store, campaign: Campaign, bucket: int) -> bool:
    """Whether some of it is on its way to a gateway: nothing new is taken meanwhile."""
    row = await (await tx.execute(UNDER_WAY, _key(store, campaign, bucket))).fetchone()
    return bool(row and row["is_said"])


async def done(tx: Tx, store: Store, campaign: Campaign, bucket: int, now: datetime) -> None:
    """All that waited is made anew, and what is held may be let go; unless some was being taken
    while we began: then it is gone through once more."""
    given = _key(store, campaign, bucket)
    if await is_being_said(tx, store, campaign, bucket):
        await tx.execute(FURTHER, given | {"remade_id": 0, "now": now})
    else:
        await tx.execute(DONE, given | {"version": campaign.version})


def _row(one: Made) -> dict[str, Any]:
    carrier, told, text = one.wish.carrier, one.told, one.text
    state, reason, due_at, window_until = told.outcome
    price = carrier.per_part if text.encoding else None
    return {
        "id": one.id, "subject": text.subject, "body": text.body, "encoding": text.encoding,
        "parts": text.parts, "cost": None if price is None else price * text.parts,
        "cost_currency": "" if price is None else carrier.currency,
        "gateway_id": carrier.way.gateway.id if carrier.way else 0,
        "sender": carrier.way.sender if carrier.way else "",
        "network": carrier.way.network if carrier.way else "",
        "not_before": told.not_before, "not_after": told.not_after, "state": state,
        "reason": reason, "due_at": due_at, "window_until": window_until,
    }  # fmt: skip


def _key(store: Store, campaign: Campaign, bucket: int) -> dict[str, Any]:
    return {"bucket": bucket, "store_id": store.id, "campaign_id": campaign.id}
