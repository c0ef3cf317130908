"""The decision asked anew in the transaction that takes texts for sending (P1).

`judge` asks it of marketing in SQL, for a whole batch: may it go now? Nearly all may. What may not
for a rule that ends some time is decided by rules/consent/consent.py itself, with all that it asks
for: it waits in the outbox for its time, or is dropped with its reason. Tests hold the two equal.

The people of marketing texts are locked: two campaigns that want one person's last free place of
the day follow one another, so that exactly one goes (R12).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.records.segments import histories
from ringdove.rules import policy
from ringdove.rules.consent import consent
from ringdove.rules.consent.consent import ALWAYS_ANSWERED
from ringdove.rules.consent.hours import part_of
from ringdove.rules.scenes import NO_HISTORY, Contact, Store

Tx = AsyncConnection[Any]

LOCK = """
SELECT c.id FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = ANY(%(people)s::bigint[])
ORDER BY c.id FOR NO KEY UPDATE SKIP LOCKED
"""


async def lock(tx: Tx, store_id: int, bucket: int, people: Iterable[int]) -> set[int]:
    """Of these people those whom nobody else holds; until the transaction ends they are ours."""
    given = {"bucket": bucket, "store_id": store_id, "people": db.numbers(people)}
    async with tx.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(LOCK, given)
        return {row[0] for row in await cursor.fetchall()}


# The words of rules/consent/consent.refusal and rules/consent/permissions.refusal, in their order;
# `held` is any barrier of rules/consent/consent.barriers that has not ended, or a past that lies in
# several buckets, as with a person whom others were merged into. A cap of NULL, and a category
# without a gap, hold nobody.
JUDGE = """
SELECT m.id, m.store_id, m.contact_id, m.channel, m.class, m.recipient, m.sender, m.subject, m.body,
  m.language, m.encoding, m.parts, m.not_after, m.attempts + 1, m.network, m.cost, m.cost_currency,
  CASE
    WHEN m.state <> 'waiting' THEN 'said'
    WHEN m.not_after < %(now)s THEN 'too_late'
    WHEN c.erased_at IS NOT NULL THEN 'erased'
    WHEN c.merged_into IS NOT NULL THEN 'merged'
    WHEN m.channel = 'email' AND c.scopes #>> '{channel/email,0}' = 'out' THEN 'email_closed'
    WHEN m.topic = ANY(%(always)s::text[]) THEN NULL
    WHEN m.channel = 'sms' AND c.phone IS DISTINCT FROM m.recipient THEN 'number_changed'
    WHEN c.service = 'out' THEN 'stopped'
    WHEN c.marketing = 'out' AND c.scopes -> ('topic/' || m.topic) ->> 0 IS DISTINCT FROM 'in'
      THEN 'stopped'
    WHEN c.scopes -> ('topic/' || m.topic) ->> 0 = 'out' THEN 'topic_left'
    WHEN m.category <> '' AND c.scopes -> ('category/' || m.category) ->> 0 = 'out'
      THEN 'category_left'
    WHEN c.marketing <> 'in' AND c.scopes -> ('topic/' || m.topic) ->> 0 IS DISTINCT FROM 'in'
      THEN CASE c.marketing WHEN 'asked' THEN 'unconfirmed' ELSE 'no_consent' END
    WHEN m.occasion = '' AND %(demands_occasion)s THEN 'no_occasion'
    WHEN c.paused_until > %(now)s OR c.talking_until > %(now)s OR k.bought_at > g.bought_since
      OR t.is_held OR cardinality(c.also) > 0 THEN 'held'
  END,
  m.topic, m.category
FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS i(id, place)
CROSS JOIN LATERAL (
  SELECT m.* FROM message m
  WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = i.id OFFSET 0
) m
CROSS JOIN LATERAL (
  SELECT c.phone, c.service, c.marketing, c.scopes, c.paused_until, c.talking_until,
    c.merged_into, c.erased_at, c.also
  FROM contact c
  WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = m.contact_id OFFSET 0
) c
LEFT JOIN unnest(%(categories)s::text[], %(gaps_since)s::timestamptz[],
  %(bought_since)s::timestamptz[]) AS g(category, gap_since, bought_since)
  ON g.category = m.category
LEFT JOIN LATERAL (
  SELECT k.bought_at FROM contact_category k
  WHERE g.bought_since IS NOT NULL AND k.bucket = %(bucket)s AND k.store_id = %(store_id)s
    AND k.contact_id = m.contact_id AND k.category = m.category OFFSET 0
) k ON true
CROSS JOIN LATERAL (
  SELECT m.channel = 'sms' AND (
      count(*) FILTER (WHERE t.at > %(day)s) >= %(cap_day)s::integer
      OR count(*) FILTER (WHERE t.at > %(week)s) >= %(cap_week)s::integer
      OR count(*) FILTER (WHERE t.at > %(month)s) >= %(cap_month)s::integer
      OR bool_or(t.category = m.category AND t.at > g.gap_since)) AS is_held
  FROM touch t
  WHERE t.bucket = %(bucket)s AND t.store_id = %(store_id)s AND t.contact_id = m.contact_id
    AND t.message_id <> m.id AND t.at > %(since)s
) t
ORDER BY i.place
"""


async def judge(
    tx: Tx, store: Store, bucket: int, message_ids: Sequence[int], now: datetime
) -> Sequence[tuple[Any, ...]]:
    """Of marketing texts: all that outbox.Taken needs to know, a refusal (`held`: ask `postpone`;
    None: it may go), topic and category. Their people are locked by the caller."""
    given = {
        "bucket": bucket, "store_id": store.id, "now": now, "ids": db.numbers(message_ids),
        "always": sorted(ALWAYS_ANSWERED), **_rules(store.policy, now),
    }  # fmt: skip
    async with tx.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(JUDGE, given)
        return await cursor.fetchall()


def _rules(rule: policy.Policy, now: datetime) -> dict[str, Any]:
    """The policy as parameters: what a text may not have within how long."""
    spans = {reason: now - span for reason, _, span in policy.CAPS}
    caps = {reason: most(rule) or None for reason, most, _ in policy.CAPS}
    gaps = rule.categories
    return caps | {
        "day": spans["cap_day"],
        "week": spans["cap_week"],
        "month": spans["cap_month"],
        "since": now - policy.looks_back(rule),
        "demands_occasion": rule.occasion == "demand",
        "categories": db.words(list(gaps)),
        "gaps_since": db.moments(_ago(now, gap.days) for gap in gaps.values()),
        "bought_since": db.moments(_ago(now, gap.after_purchase_days) for gap in gaps.values()),
    }


def _ago(now: datetime, days: int) -> datetime | None:
    return now - timedelta(days=days) if days else None


# ------------------------------------------------------------------ what may not go now

LATE = """
SELECT m.id, m.class, m.topic, m.category, m.occasion, m.own_hours, m.channel, m.not_before,
  m.not_after, m.campaign_id, c.id AS contact_id, c.zones, c.country, c.phone, c.email, c.service,
  c.marketing, c.scopes, c.paused_until, c.talking_until, c.also, c.created_at
FROM unnest(%(ids)s::bigint[]) AS i(id)
CROSS JOIN LATERAL (
  SELECT m.* FROM message m
  WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = i.id OFFSET 0
) m
CROSS JOIN LATERAL (
  SELECT c.* FROM contact c
  WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = m.contact_id OFFSET 0
) c
"""
MOVE = """
WITH moved AS (
  UPDATE outbox o SET due_at = r.due_at, window_until = r.window_until
  FROM jsonb_to_recordset(%(rows)s) AS r(
    message_id bigint, due_at timestamptz, window_until timestamptz, reason text)
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.message_id = r.message_id
  RETURNING o.message_id, r.reason, r.window_until
)
UPDATE message m SET reason = d.reason, window_until = d.window_until FROM moved d
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = d.message_id
  AND m.state = 'waiting'
"""


# Who was merged got a campaign's text under another record, perhaps in another bucket.
GOT = """
SELECT m.contact_id, m.campaign_id, m.channel FROM message m
WHERE m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s
  AND m.contact_id = ANY(%(others)s::bigint[]) AND m.campaign_id = ANY(%(campaigns)s::integer[])
  AND m.state <> 'dropped'
"""


async def _twice(tx: Tx, store: Store, rows: Sequence[Mapping[str, Any]]) -> set[int]:
    """Of these texts those whose campaign has reached their person already."""
    merged = [row for row in rows if row["campaign_id"] and row["also"]]
    if not merged:
        return set()
    others = {other for row in merged for other in row["also"]}
    given = {
        "buckets": sorted({bucket_of_id(one) for one in others}), "store_id": store.id,
        "others": db.numbers(others),
        "campaigns": db.numbers({row["campaign_id"] for row in merged}),
    }  # fmt: skip
    async with tx.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(GOT, given)
        got = set(await cursor.fetchall())
    return {
        row["id"]
        for row in merged
        if any((other, row["campaign_id"], row["channel"]) in got for other in row["also"])
    }


async def postpone(
    tx: Tx, store: Store, bucket: int, message_ids: Sequence[int], now: datetime
) -> tuple[dict[int, str], set[int]]:
    """Decides anew about queued texts that may not go now by what SQL sees. Those that may later
    wait for that moment; of those that never will, the reasons; and those that may go after all."""
    base = {"bucket": bucket, "store_id": store.id}
    cursor = await tx.execute(LATE, base | {"ids": db.numbers(message_ids)})
    rows = await cursor.fetchall()
    people = {row["contact_id"]: _person(row) for row in rows}
    sold_to = [people[row["contact_id"]] for row in rows if row["class"] == "marketing"]
    pasts = await histories.load(tx, store, sold_to, now)
    moves, free = [], set()
    dropped = dict.fromkeys(await _twice(tx, store, rows), "twice")
    for row in rows:
        if row["id"] in dropped:
            continue
        past = pasts.get(row["contact_id"], NO_HISTORY).without(row["id"])
        verdict = consent.decide(store, people[row["contact_id"]], _draft(row), past, now)
        match verdict:
            case consent.Drop(reason):
                dropped[row["id"]] = reason
            case consent.Wait(due_at, window_until, reason):
                moves.append(_move(row["id"], due_at, window_until, reason))
            case consent.Send():
                free.add(row["id"])
    if moves:
        await tx.execute(MOVE, base | {"rows": db.document(moves)})
    return dropped, free


def _person(row: Mapping[str, Any]) -> Contact:
    return Contact(
        row["contact_id"], row["phone"], row["email"], row["created_at"], zones=tuple(row["zones"]),
        country=row["country"], service=row["service"], marketing=row["marketing"],
        scopes=row["scopes"], paused_until=row["paused_until"],
        talking_until=row["talking_until"], also=tuple(row["also"]),
    )  # fmt: skip


def _draft(row: Mapping[str, Any]) -> consent.Draft:
    # A service text whose hours ended has hours: only those do that wait for the day (in_daytime).
    return consent.Draft(
        row["channel"], row["class"], row["topic"], row["not_before"], row["not_after"], True,
        row["category"], row["occasion"], part_of(row["own_hours"]),
    )  # fmt: skip


def _move(message_id: int, due_at: datetime, window_until: datetime, reason: str) -> dict[str, Any]:
    return {
        "message_id": message_id, "due_at": due_at, "window_until": window_until, "reason": reason,
    }  # fmt: skip
