"""The numbers and names under which a store's texts leave, by country and gateway."""

from ringdove.kit.db import Tx
from ringdove.rules.sending.senders import Own

OF_STORE = """
SELECT s.sender, s.country, s.gateway_id, s.state FROM sender_name s
WHERE s.store_id = %(store_id)s ORDER BY s.country, s.gateway_id, s.sender
"""
PUT = """
INSERT INTO sender_name (store_id, country, gateway_id, sender, state)
VALUES (%(store_id)s, %(country)s, %(gateway_id)s, %(sender)s, %(state)s)
ON CONFLICT (store_id, country, gateway_id, sender) DO UPDATE SET state = EXCLUDED.state
"""
REMOVE = """
DELETE FROM sender_name s
WHERE s.store_id = %(store_id)s AND s.country = %(country)s AND s.gateway_id = %(gateway_id)s
  AND s.sender = %(sender)s
"""


async def of_store(tx: Tx, store_id: int) -> list[Own]:
    """All that a store has, by country."""
    rows = await (await tx.execute(OF_STORE, {"store_id": store_id})).fetchall()
    return [Own(**row) for row in rows]


async def put(tx: Tx, store_id: int, own: Own) -> None:
    """Adds it, or says what became of its registration."""
    await tx.execute(PUT, _given(store_id, own) | {"state": own.state})


async def remove(tx: Tx, store_id: int, own: Own) -> bool:
    """Not used any more; False: it was not there."""
    return (await tx.execute(REMOVE, _given(store_id, own))).rowcount == 1


def _given(store_id: int, own: Own) -> dict[str, object]:
    return {
        "store_id": store_id,
        "country": own.country,
        "gateway_id": own.gateway_id,
        "sender": own.sender,
    }
