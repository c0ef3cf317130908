"""What programs ask over the API: customers, one customer's past, messages. Reads only.

Lists are read newest first and continued from the last id, so that page 400 costs what page 1 does.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, bucket_of_id, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store

PAGE_MAX = 200
PAST_MAX = 200
NO_END = 2**63 - 1

Row = Mapping[str, Any]

CONTACT = """c.id, c.phone, c.phone_doubt, c.email, c.name, c.language, c.country, c.region,
  c.zones, c.marketing, c.service, c.origin, c.created_at, c.orders, c.spent, c.last_order_at,
  c.merged_into"""

CUSTOMER = f"""
SELECT {CONTACT} FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = %(contact_id)s
"""
BEHIND = """
SELECT r.contact_id FROM contact_ref r
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s
  AND r.kind = %(kind)s AND r.value = %(value)s
"""


async def customer(tx: Tx, store: Store, contact_id: int) -> Row | None:
    """One customer of this store, or None."""
    given = {"bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id}
    return await (await tx.execute(CUSTOMER, given)).fetchone()


async def customer_behind(tx: Tx, store: Store, kind: str, value: str) -> Row | None:
    """The customer to whom a phone, e-mail, account or order leads, or None."""
    bucket = bucket_of(store.bucket_base, store.bucket_span, f"{kind}/{value}")
    given = {"bucket": bucket, "store_id": store.id, "kind": kind, "value": value}
    row = await (await tx.execute(BEHIND, given)).fetchone()
    found = row and await customer(tx, store, row["contact_id"])
    if found and found["merged_into"]:
        return await customer(tx, store, found["merged_into"])
    return found


# ------------------------------------------------------------------ one customer's past

MESSAGE = """m.id, m.contact_id, m.order_id, m.channel, m.class, m.topic, m.cause, m.recipe,
  m.recipient, m.sender, m.subject, m.body, m.language, m.encoding, m.parts, m.not_before,
  m.not_after, m.created_at, m.why, m.state, m.reason, m.sent_at, m.done_at,
  m.parts_delivered, m.parts_failed, m.network, m.cost, m.cost_currency"""

PAST = {
    "orders": """
SELECT o.id, o.key, o.number, o.channel, o.state, o.placed_at, o.changed_at, o.paid_at,
  o.cancelled_at, o.total, o.currency, o.payment_due, o.promised_from, o.promised_until,
  o.invoice_number
FROM purchase_order o
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.contact_id = %(contact_id)s
ORDER BY o.id DESC LIMIT %(most)s
""",
    "parcels": """
SELECT p.id, p.order_id, p.number, p.carrier, p.url, p.state, p.state_at, p.pickup_point
FROM parcel p
WHERE p.bucket = %(bucket)s AND p.store_id = %(store_id)s AND p.contact_id = %(contact_id)s
ORDER BY p.id DESC LIMIT %(most)s
""",
    "returns": """
SELECT r.id, r.order_id, r.key, r.kind, r.state, r.state_at, r.amount
FROM order_return r
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.contact_id = %(contact_id)s
ORDER BY r.id DESC LIMIT %(most)s
""",
    "messages": f"""
SELECT {MESSAGE} FROM message m
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.contact_id = %(contact_id)s
ORDER BY m.id DESC LIMIT %(most)s
""",
    "texts_received": """
SELECT i.id, i.sender, i.recipient, i.body, i.at, i.intent FROM inbound i
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s AND i.contact_id = %(contact_id)s
ORDER BY i.id DESC LIMIT %(most)s
""",
    "consent": """
SELECT e.id, e.at, e.scope, e.change, e.source, e.words, e.language FROM consent_event e
WHERE e.bucket = %(bucket)s AND e.store_id = %(store_id)s AND e.contact_id = %(contact_id)s
ORDER BY e.id DESC LIMIT %(most)s
""",
    "tasks": """
SELECT t.id, t.order_id, t.recipe, t.said, t.owner, t.due_at, t.created_at, t.created_by, t.done_at,
  t.done_by, t.result, t.note
FROM task t
WHERE t.bucket = %(bucket)s AND t.store_id = %(store_id)s AND t.contact_id = %(contact_id)s
ORDER BY t.id DESC LIMIT %(most)s
""",
    "calls": """
SELECT k.id, k.order_id, k.at, k.by, k.result, k.note, k.again_at
FROM order_call k
WHERE k.bucket = %(bucket)s AND k.store_id = %(store_id)s AND k.contact_id = %(contact_id)s
ORDER BY k.id DESC LIMIT %(most)s
""",
}


async def past(tx: Tx, store: Store, contact_ids: Sequence[int]) -> dict[str, Sequence[Row]]:
    """All that is known of a person under all their names, by kind, each newest first (R78, N2)."""
    found: dict[str, list[Row]] = {name: [] for name in PAST}
    for contact_id in contact_ids:
        given = {
            "bucket": bucket_of_id(contact_id),
            "store_id": store.id,
            "contact_id": contact_id,
            "most": PAST_MAX,
        }
        for name, statement in PAST.items():
            found[name] += await (await tx.execute(statement, given)).fetchall()
    return {
        name: sorted(some, key=lambda row: int(row["id"]), reverse=True)[:PAST_MAX]
        for name, some in found.items()
    }


ELSEWHERE = """
SELECT o.currency, sum(o.total) AS spent FROM purchase_order o
WHERE o.bucket = ANY(%(buckets)s) AND o.store_id = %(store_id)s
  AND o.contact_id = ANY(%(people)s::bigint[]) AND o.cancelled_at IS NULL
  AND o.currency <> ALL(ARRAY['', %(currency)s])
GROUP BY 1 ORDER BY 1
"""


async def spent_elsewhere(tx: Tx, store: Store, names: Sequence[int]) -> dict[str, Decimal]:
    """What a person spent in other currencies than the store's, by code: no sum has it."""
    given = {
        "buckets": sorted({bucket_of_id(one) for one in names}), "store_id": store.id,
        "people": db.numbers(names), "currency": store.currency,
    }  # fmt: skip
    rows = await (await tx.execute(ELSEWHERE, given)).fetchall()
    return {row["currency"]: row["spent"] for row in rows}


# ------------------------------------------------------------------ messages

MESSAGES = f"""
SELECT {MESSAGE} FROM message m
WHERE m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s AND m.id < %(before)s
  AND (%(state)s = '' OR m.state = %(state)s)
ORDER BY m.id DESC LIMIT %(most)s
"""
# A campaign's messages lie between two ids of each bucket: no other rows are read.
OF_CAMPAIGN = f"""
SELECT m.* FROM campaign_run r
CROSS JOIN LATERAL (
  SELECT {MESSAGE} FROM message m
  WHERE m.bucket = r.bucket AND m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s
    AND m.id >= r.first_message AND m.id <= r.last_message AND m.id < %(before)s
    AND m.campaign_id = %(campaign_id)s AND (%(state)s = '' OR m.state = %(state)s)
  ORDER BY m.id DESC LIMIT %(most)s
) m
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
  AND r.campaign_id = %(campaign_id)s
ORDER BY m.id DESC LIMIT %(most)s
"""
ONE_MESSAGE = f"""
SELECT {MESSAGE} FROM message m
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = %(message_id)s
"""


async def messages(
    tx: Tx, store: Store, state: str = "", before: int = NO_END, most: int = PAGE_MAX,
    campaign_id: int = 0,
) -> Sequence[Row]:  # fmt: skip
    """Messages and silences, newest first; of one campaign, or of all (0)."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
        "state": state,
        "before": before,
        "most": min(most, PAGE_MAX),
        "campaign_id": campaign_id,
    }
    statement = OF_CAMPAIGN if campaign_id else MESSAGES
    return await (await tx.execute(statement, given)).fetchall()


async def message(tx: Tx, store: Store, message_id: int) -> Row | None:
    """One message of this store, or None."""
    given = {"bucket": bucket_of_id(message_id), "store_id": store.id, "message_id": message_id}
    return await (await tx.execute(ONE_MESSAGE, given)).fetchone()
