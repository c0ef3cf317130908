"""What a merchant tries on virtual phones: whose they are, and the orders placed from them.

An order that was tried is an order like any other; only its key says where it comes from.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, bucket_of_id
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store

KEY_PREFIX = "try-"
SHOWN = 3

TEXT = """
SELECT t.phone, t.gateway_id, t.shop_number FROM sandbox_text t
WHERE t.bucket = %(bucket)s AND t.store_id = %(store_id)s AND t.id = %(text_id)s
"""


async def phone_of(tx: Tx, store: Store, text_id: int) -> str | None:
    """The virtual phone that a text is on."""
    given = {"bucket": bucket_of_id(text_id), "store_id": store.id, "text_id": text_id}
    row = await (await tx.execute(TEXT, given)).fetchone()
    return str(row["phone"]) if row else None


BEHIND = """
SELECT r.value AS phone, r.contact_id
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, value text)
JOIN contact_ref r ON r.bucket = k.bucket AND r.store_id = %(store_id)s
  AND r.kind = 'phone' AND r.value = k.value
"""
NAMES = """
SELECT c.id, c.name
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
JOIN contact c ON c.bucket = k.bucket AND c.store_id = %(store_id)s AND c.id = k.id
"""


async def people(tx: Tx, store: Store, phones: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Whose phones these are: contact id and name by number."""
    keys = [
        {
            "bucket": bucket_of(store.bucket_base, store.bucket_span, f"phone/{phone}"),
            "value": phone,
        }
        for phone in phones
    ]
    given = {"store_id": store.id, "keys": db.document(keys)}
    ids = {r["phone"]: r["contact_id"] for r in await (await tx.execute(BEHIND, given)).fetchall()}
    rows = [{"bucket": bucket_of_id(one), "id": one} for one in ids.values()]
    given = {"store_id": store.id, "keys": db.document(rows)}
    names = {r["id"]: r["name"] for r in await (await tx.execute(NAMES, given)).fetchall()}
    return {phone: (one, names.get(one, "")) for phone, one in ids.items()}


TRIED = """
SELECT o.key, o.number, o.state, o.total, o.currency, o.paid_at, o.placed_at
FROM purchase_order o
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.contact_id = %(contact_id)s
  AND o.key LIKE %(prefix)s
ORDER BY o.id DESC LIMIT %(most)s
"""


async def orders(tx: Tx, store: Store, contact_id: int) -> Sequence[Mapping[str, Any]]:
    """The newest orders that were tried as this customer."""
    given = {
        "bucket": bucket_of_id(contact_id),
        "store_id": store.id,
        "contact_id": contact_id,
        "prefix": f"{KEY_PREFIX}%",
        "most": SHOWN,
    }
    return await (await tx.execute(TRIED, given)).fetchall()
