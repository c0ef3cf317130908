"""Whom a personal link belongs to: the contact as it stands, and who they were merged into."""

from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.records.scenes import contact_of
from ringdove.rules.scenes import Contact, Store

MERGES_MOST = 10  # a person merged into a person merged into …

PERSON = """
SELECT c.* FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = %(id)s
"""


async def person(tx: Tx, store: Store, contact_id: int) -> Contact | None:
    """The person behind a link, whatever was merged since; None: nothing is stored any more."""
    wanted: int | None = contact_id
    found: Contact | None = None
    for _ in range(MERGES_MOST):
        if wanted is None:
            break
        given = {"bucket": bucket_of_id(wanted), "store_id": store.id, "id": wanted}
        row = await (await tx.execute(PERSON, given)).fetchone()
        if row is None:
            return None
        found = contact_of(row)
        wanted = found.merged_into
    return None if found is None or found.erased_at else found
