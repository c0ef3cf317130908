"""Whom an operator's ids are about: from a receipt back to the phone that the text went to.

Asked for only when an operator says that somebody stopped us there; never for every receipt.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from ringdove.kit.buckets import bucket_of_id
from ringdove.records.sending.receipts import bucket_of_provider
from ringdove.rules.scenes import Store

Tx = AsyncConnection[Any]

MESSAGES = """
SELECT r.provider_id, r.message_id FROM provider_ref r
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.gateway_id = %(gateway_id)s
  AND r.provider_id = ANY(%(ids)s::text[])
"""
RECIPIENTS = """
SELECT m.id, m.recipient FROM message m
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = ANY(%(ids)s::bigint[])
"""


async def of_provider_ids(
    tx: Tx, store: Store, gateway_id: int, provider_ids: Sequence[str]
) -> dict[str, tuple[int, str]]:
    """By the operator's id: our message and the phone it went to; those we know."""
    by_bucket: dict[int, list[str]] = defaultdict(list)
    for provider_id in provider_ids:
        by_bucket[bucket_of_provider(store, gateway_id, provider_id)].append(provider_id)
    found: dict[str, int] = {}
    for bucket, ids in by_bucket.items():
        given = {"bucket": bucket, "store_id": store.id, "gateway_id": gateway_id, "ids": ids}
        for row in await (await tx.execute(MESSAGES, given)).fetchall():
            found[row["provider_id"]] = row["message_id"]
    phones = await _phones(tx, store, set(found.values()))
    return {
        provider_id: (message_id, phones[message_id])
        for provider_id, message_id in found.items()
        if message_id in phones
    }


async def _phones(tx: Tx, store: Store, message_ids: set[int]) -> dict[int, str]:
    by_bucket: dict[int, list[int]] = defaultdict(list)
    for message_id in message_ids:
        by_bucket[bucket_of_id(message_id)].append(message_id)
    found: dict[int, str] = {}
    for bucket, ids in by_bucket.items():
        given = {"bucket": bucket, "store_id": store.id, "ids": ids}
        for row in await (await tx.execute(RECIPIENTS, given)).fetchall():
            found[row["id"]] = row["recipient"]
    return found
