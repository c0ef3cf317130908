"""What a person or a program sends by hand, found again by its key: sent once, however often asked.

The key is the subject of an enrollment of the recipe `by_hand`, in the recipient's bucket; its
unique index is what makes two requests at the same time one text.
"""

from collections.abc import Mapping
from typing import Any

from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store

RECIPE = "by_hand"

FIND = """
SELECT m.id, m.state, m.reason, m.encoding, m.parts, m.not_before, m.not_after
FROM enrollment e
JOIN message m ON m.bucket = e.bucket AND m.store_id = e.store_id
  AND m.contact_id = e.contact_id AND m.enrollment_id = e.id
WHERE e.bucket = %(bucket)s AND e.store_id = %(store_id)s
  AND e.recipe = 'by_hand' AND e.subject = %(subject)s
"""


async def find(tx: Tx, store: Store, contact_id: int, subject: str) -> Mapping[str, Any] | None:
    """The message that was made for this key, or None."""
    given = {"bucket": bucket_of_id(contact_id), "store_id": store.id, "subject": subject}
    row: Mapping[str, Any] | None = await (await tx.execute(FIND, given)).fetchone()
    return row


KNOWS = """
SELECT EXISTS (SELECT FROM contact c WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s
  AND c.id = %(contact_id)s) AS found
"""


async def knows(tx: Tx, store: Store, contact_id: int) -> bool:
    """Whether this is a customer of this store: stores share buckets, so an id alone says not."""
    given = {"bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id}
    row = await (await tx.execute(KNOWS, given)).fetchone()
    return bool(row and row["found"])
