"""Campaigns that programs make: the same key of theirs is the same campaign, however often it is
told."""

from ringdove.kit.db import Tx

# The row of the store is locked, so that two calls at once do not make two campaigns.
LOCK_STORE = "SELECT id FROM store WHERE id = %(store_id)s FOR NO KEY UPDATE"
BY_KEY = "SELECT id FROM campaign WHERE store_id = %(store_id)s AND made_key = %(key)s"
PUT = """
UPDATE campaign SET made_key = %(key)s WHERE store_id = %(store_id)s AND id = %(campaign_id)s
"""


async def find(tx: Tx, store_id: int, key: str) -> int | None:
    """The campaign that was made by this key; nobody else makes one until the transaction ends."""
    await tx.execute(LOCK_STORE, {"store_id": store_id})
    row = await (await tx.execute(BY_KEY, {"store_id": store_id, "key": key})).fetchone()
    return int(row["id"]) if row else None


async def put(tx: Tx, store_id: int, campaign_id: int, key: str) -> None:
    """This campaign was made by the key."""
    await tx.execute(PUT, {"store_id": store_id, "campaign_id": campaign_id, "key": key})
