"""Who did what: a row for every change that a person or an API key makes to a store.

Append-only. Details never hold a secret, a password or a whole phone number.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from ringdove.kit.db import Tx

PAGE_ROWS = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit page."""

    id: int
    at: datetime
    action: str
    subject: str
    detail: dict[str, Any]
    user_name: str | None


WRITE = """
INSERT INTO audit (store_id, id, user_id, at, action, subject, detail)
VALUES (%(store_id)s, %(id)s, %(user_id)s, %(at)s, %(action)s, %(subject)s, %(detail)s)
"""


async def write(
    tx: Tx,
    *,
    store_id: int,
    row_id: int,
    user_id: int | None,
    at: datetime,
    action: str,
    subject: str = "",
    detail: dict[str, Any] | None = None,
) -> None:
    """Remember one deed, in the transaction that does it. `row_id` comes from Runtime.ids."""
    await tx.execute(
        WRITE,
        {
            "store_id": store_id,
            "id": row_id,
            "user_id": user_id,
            "at": at,
            "action": action,
            "subject": subject,
            "detail": Jsonb(detail or {}),
        },
    )


NEWEST = """
SELECT a.id, a.at, a.action, a.subject, a.detail, u.name AS user_name
  FROM audit a LEFT JOIN app_user u ON u.id = a.user_id
 WHERE a.store_id = %(store_id)s AND a.id < %(before)s
 ORDER BY a.id DESC LIMIT %(limit)s
"""
NO_END = 2**63 - 1


async def newest(tx: Tx, store_id: int, before: int = NO_END) -> list[Entry]:
    """A page of deeds, newest first; `before` is the id of the last one already shown."""
    given = {"store_id": store_id, "before": before, "limit": PAGE_ROWS}
    return [Entry(**row) for row in await (await tx.execute(NEWEST, given)).fetchall()]
