"""What is past its time goes, in small batches (P12): deleted, or emptied of all but its figures.

An id carries its time, so "older than" is a range of the primary key, and no index is kept for it.
A statement takes few enough rows that nobody waits for it; months of visits that are past in every
store are dropped whole. Facts that still wait for their answer stay; packets go in the sweep
(records/sending/wire.py).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from psycopg import errors, sql
from psycopg.types.json import Jsonb

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store, id_floor
from ringdove.kit.db import Tx
from ringdove.rules.keeping import retention
from ringdove.rules.policy import Policy
from ringdove.rules.scenes import Store

BATCH: Final = 1_000
COUNTED_MOST: Final = 1_000_000
LOCK_MS: Final = 200  # a month is dropped when nobody is in the way

# Deleted, by the primary key.
VISITS = """
DELETE FROM visit v WHERE v.bucket = %(bucket)s AND v.store_id = %(store_id)s AND v.id = ANY(ARRAY(
  SELECT p.id FROM visit p WHERE p.bucket = %(bucket)s AND p.store_id = %(store_id)s
    AND p.id < %(before)s ORDER BY p.id LIMIT %(most)s))
"""
CLICKS = VISITS.replace("visit v", "link_click v").replace("visit p", "link_click p")
FACTS = """
DELETE FROM fact f WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.id = ANY(ARRAY(
  SELECT p.id FROM fact p WHERE p.bucket = %(bucket)s AND p.store_id = %(store_id)s
    AND p.id < %(before)s AND NOT EXISTS (
      SELECT FROM pending_fact w WHERE w.bucket = p.bucket AND w.store_id = p.store_id
        AND w.fact_id = p.id)
  ORDER BY p.id LIMIT %(most)s))
"""
RECEIPTS = """
DELETE FROM receipt r
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.message_id = ANY(ARRAY(
  SELECT DISTINCT p.message_id FROM (
    SELECT q.message_id FROM receipt q WHERE q.bucket = %(bucket)s AND q.store_id = %(store_id)s
      AND q.message_id > 0 AND q.message_id < %(before)s
    ORDER BY q.message_id LIMIT %(most)s) p))
"""
# The map of operators' ids is by their ids, so it is walked in that order, from where it was left.
REFS = """
WITH page AS MATERIALIZED (
  SELECT q.gateway_id, q.provider_id, q.message_id FROM provider_ref q
  WHERE q.bucket = %(bucket)s AND q.store_id = %(store_id)s
    AND (q.gateway_id, q.provider_id) > (%(gateway_id)s, %(provider_id)s)
  ORDER BY q.gateway_id, q.provider_id LIMIT %(most)s
), gone AS (
  DELETE FROM provider_ref r USING page p
  WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.gateway_id = p.gateway_id
    AND r.provider_id = p.provider_id AND p.message_id < %(before)s
  RETURNING 1
)
SELECT p.gateway_id, p.provider_id, (SELECT count(*) FROM gone) AS gone FROM page p
ORDER BY p.gateway_id DESC, p.provider_id DESC LIMIT 1
"""
# Emptied: that it was, when, and what became of it stays. What still waits is not touched. The
# inbox shows the last text of each talk, a complaint the texts that made it, an answer to a survey
# what was texted beside it: they go with the texts of their time. What is shown to all stays.
MESSAGES = """
WITH shown AS (
  UPDATE conversation c SET last_said = ''
  WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.last_said <> ''
    AND c.last_at <= (SELECT max(n.created_at) FROM message n WHERE n.bucket = %(bucket)s
      AND n.store_id = %(store_id)s AND n.id = ANY(%(ids)s::bigint[]))
)
UPDATE message m SET body = '', subject = '', recipient = ''
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.state <> 'waiting'
  AND m.id = ANY(%(ids)s::bigint[])
"""
INBOUND = """
WITH shown AS (
  UPDATE conversation c SET last_said = ''
  WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.last_said <> ''
    AND c.last_at <= (SELECT max(n.at) FROM inbound n WHERE n.bucket = %(bucket)s
      AND n.store_id = %(store_id)s AND n.id = ANY(%(ids)s::bigint[]))
), complained AS (
  UPDATE complaint k SET said = ''
  WHERE k.bucket = %(bucket)s AND k.store_id = %(store_id)s AND k.said <> ''
    AND k.opened_by = 'text'
    AND k.opened_at <= (SELECT max(n.at) FROM inbound n WHERE n.bucket = %(bucket)s
      AND n.store_id = %(store_id)s AND n.id = ANY(%(ids)s::bigint[]))
), told AS (
  UPDATE complaint_move v SET said = ''
  WHERE v.bucket = %(bucket)s AND v.store_id = %(store_id)s AND v.said <> '' AND v.by = 'text'
    AND v.at <= (SELECT max(n.at) FROM inbound n WHERE n.bucket = %(bucket)s
      AND n.store_id = %(store_id)s AND n.id = ANY(%(ids)s::bigint[]))
), answered AS (
  UPDATE survey_answer a SET comment = ''
  WHERE a.bucket = %(bucket)s AND a.store_id = %(store_id)s AND a.comment <> ''
    AND a.way IN ('', 'reply') AND a.published <> 'shown'
    AND coalesce(a.answered_at, a.asked_at) <= (SELECT max(n.at) FROM inbound n
      WHERE n.bucket = %(bucket)s AND n.store_id = %(store_id)s
        AND n.id = ANY(%(ids)s::bigint[]))
)
UPDATE inbound i SET body = '', sender = ''
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s AND i.id = ANY(%(ids)s::bigint[])
"""
CARTS = """
UPDATE cart c SET items = '[]', url = ''
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = ANY(%(ids)s::bigint[])
"""
OLD_MESSAGES = """
SELECT p.id FROM message p
WHERE p.bucket = %(bucket)s AND p.store_id = %(store_id)s AND p.id >= %(after)s
  AND p.id < %(before)s ORDER BY p.id LIMIT %(most)s
"""
OLD_INBOUND = """
SELECT p.id FROM inbound p
WHERE p.bucket = %(bucket)s AND p.store_id = %(store_id)s AND p.id >= %(after)s
  AND p.id < %(before)s ORDER BY p.id LIMIT %(most)s
"""
OLD_CARTS = """
SELECT p.id FROM cart p
WHERE p.bucket = %(bucket)s AND p.store_id = %(store_id)s AND p.id >= %(after)s
  AND p.id < %(before)s ORDER BY p.id LIMIT %(most)s
"""
DELETED: Final = {"visits": VISITS, "clicks": CLICKS, "facts": FACTS, "receipts": RECEIPTS}
EMPTIED: Final = {
    "messages": (OLD_MESSAGES, MESSAGES),
    "inbound": (OLD_INBOUND, INBOUND),
    "carts": (OLD_CARTS, CARTS),
}

MARK = """
SELECT r.done_before FROM retention_mark r
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.kind = %(kind)s
"""
PUT_MARK = """
INSERT INTO retention_mark AS r (bucket, store_id, kind, done_before)
SELECT %(bucket)s, %(store_id)s, %(kind)s, %(done_before)s
ON CONFLICT (bucket, store_id, kind) DO UPDATE SET
  done_before = greatest(r.done_before, EXCLUDED.done_before)
"""


async def forget(tx: Tx, store: Store, bucket: int, kind: str, now: datetime) -> tuple[int, bool]:
    """One batch of what is past in a bucket: how many rows, and whether there may be more."""
    before = retention.before(store.policy, kind, now)
    if before is None:
        return 0, False
    base: dict[str, Any] = {
        "bucket": bucket, "store_id": store.id, "before": id_floor(before), "most": BATCH,
    }  # fmt: skip
    if kind in DELETED:
        gone = (await tx.execute(DELETED[kind], base)).rowcount
        return gone, gone >= BATCH
    return await _empty(tx, base, kind)


async def _empty(tx: Tx, base: dict[str, Any], kind: str) -> tuple[int, bool]:
    old, emptied = EMPTIED[kind]
    mark = base | {"kind": kind}
    row = await (await tx.execute(MARK, mark)).fetchone()
    after = row["done_before"] if row else 0
    if after >= base["before"]:
        return 0, False
    rows = await (await tx.execute(old, base | {"after": after})).fetchall()
    ids = [one["id"] for one in rows]
    gone = 0
    if ids:
        gone = (await tx.execute(emptied, base | {"ids": db.numbers(ids)})).rowcount
    is_full = len(ids) == BATCH
    done_before = ids[-1] + 1 if is_full else base["before"]
    await tx.execute(PUT_MARK, mark | {"done_before": done_before})
    return gone, is_full


async def forget_provider_ids(
    tx: Tx, store: Store, bucket: int, now: datetime, place: tuple[int, str] | None
) -> tuple[int, tuple[int, str] | None]:
    """The same for the map of operators' ids: how many went, and from where to go on."""
    before = retention.before(store.policy, "receipts", now)
    assert before is not None
    given = {
        "bucket": bucket, "store_id": store.id, "before": id_floor(before), "most": BATCH * 5,
        "gateway_id": place[0] if place else 0, "provider_id": place[1] if place else "",
    }  # fmt: skip
    row = await (await tx.execute(REFS, given)).fetchone()
    return (row["gone"], (row["gateway_id"], row["provider_id"])) if row else (0, None)


# ------------------------------------------------------------------ months that are past

MONTHS = """
SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'visit'::regclass AND c.relname ~ '^visit_[0-9]{4}_[0-9]{2}$'
ORDER BY c.relname
"""
DROP_MONTH = "DROP TABLE {name}"


async def drop_month(tx: Tx, every: Sequence[Store], now: datetime) -> str:
    """Drops the oldest month of visits that is past in every store; its name, or "". Where somebody
    is in the way it gives up at once: it would make everybody wait who comes after it."""
    longest = max((retention.days(one.policy, "visits") for one in every), default=0)
    cursor = await tx.execute(MONTHS)
    for row in await cursor.fetchall():
        year, month = map(int, row["name"].split("_")[1:])
        after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        if not longest or (now - after).days < longest:
            return ""
        try:
            async with tx.transaction():
                await tx.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(LOCK_MS))
                await tx.execute(sql.SQL(DROP_MONTH).format(name=sql.Identifier(row["name"])))
        except errors.LockNotAvailable:
            return ""
        return str(row["name"])
    return ""


# ------------------------------------------------------------------ people without a sign of life

INACTIVE = """
SELECT c.id, c.marketing, c.service FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.erased_at IS NULL
  AND c.merged_into IS NULL
  AND greatest(c.seen_at, c.last_order_at, c.created_at, c.marketing_at) < %(before)s
  AND NOT EXISTS (SELECT FROM outbox o WHERE o.bucket = c.bucket AND o.store_id = c.store_id
    AND o.contact_id = c.id)
ORDER BY c.id LIMIT %(most)s
"""


async def inactive(
    tx: Tx, store: Store, bucket: int, now: datetime, most: int
) -> Sequence[Mapping[str, Any]]:
    """People who gave no sign of life for as long as the store keeps them."""
    before = retention.before(store.policy, "people", now)
    if before is None:
        return []
    given = {"bucket": bucket, "store_id": store.id, "before": before, "most": most}
    return await (await tx.execute(INACTIVE, given)).fetchall()


# ------------------------------------------------------------------ looking, deciding

COUNT_VISITS = """
SELECT count(*) AS n FROM (SELECT FROM visit p WHERE p.bucket = ANY(%(buckets)s)
  AND p.store_id = %(store_id)s AND p.id < %(before)s LIMIT %(most)s) x
"""
COUNT_CLICKS = COUNT_VISITS.replace("visit p", "link_click p")
COUNT_FACTS = COUNT_VISITS.replace("visit p", "fact p")
COUNT_PACKETS = COUNT_VISITS.replace("visit p", "wire p").replace("p.id <", "p.message_id <")
COUNT_RECEIPTS = COUNT_VISITS.replace("visit p", "receipt p").replace(
    "p.id <", "p.message_id > 0 AND p.message_id <"
)
COUNT_MESSAGES = COUNT_VISITS.replace("visit p", "message p").replace(
    "p.id <", "p.body <> '' AND p.state <> 'waiting' AND p.id <"
)
COUNT_INBOUND = COUNT_VISITS.replace("visit p", "inbound p").replace(
    "p.id <", "p.body <> '' AND p.id <"
)
COUNT_CARTS = COUNT_VISITS.replace("visit p", "cart p").replace("p.id <", "p.url <> '' AND p.id <")
COUNT_PEOPLE = """
SELECT count(*) AS n FROM (SELECT FROM contact c WHERE c.bucket = ANY(%(buckets)s)
  AND c.store_id = %(store_id)s AND c.erased_at IS NULL AND c.merged_into IS NULL
  AND greatest(c.seen_at, c.last_order_at, c.created_at, c.marketing_at) < %(at)s
  LIMIT %(most)s) x
"""
COUNTS: Final = {
    "visits": COUNT_VISITS, "clicks": COUNT_CLICKS, "facts": COUNT_FACTS,
    "packets": COUNT_PACKETS, "receipts": COUNT_RECEIPTS, "messages": COUNT_MESSAGES,
    "inbound": COUNT_INBOUND, "carts": COUNT_CARTS, "people": COUNT_PEOPLE,
}  # fmt: skip
CHANGE = """
UPDATE store SET policy = jsonb_set(policy, '{keep_days}', %(keep_days)s) WHERE id = %(store_id)s
"""


async def would_go(tx: Tx, store: Store, days: Mapping[str, int], now: datetime) -> dict[str, int]:
    """How many of each kind would go at once with these days; COUNTED_MOST: that many or more."""
    wished = Policy(keep_days=days)
    found = {}
    for kind, statement in COUNTS.items():
        before = retention.before(wished, kind, now)
        given = {
            "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
            "store_id": store.id,
            "before": id_floor(before) if before else 0,
            "at": before or datetime(1970, 1, 1, tzinfo=UTC),
            "most": COUNTED_MOST,
        }
        row = await (await tx.execute(statement, given)).fetchone()
        found[kind] = row["n"] if row else 0
    return found


async def change(tx: Tx, store: Store, days: Mapping[str, int]) -> None:
    """What the owner decided; days are checked already (rules/keeping/retention.checked)."""
    await tx.execute(CHANGE, {"store_id": store.id, "keep_days": Jsonb(dict(days))})
