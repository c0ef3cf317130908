"""Alerts: tasks that somebody is to be told of, by a letter or by a POST to the store's program.

A task that waits to be told has `tell_at`. Telling is tried again and given up after a day; a task
that could not be told stays on the list with the reason, so that nothing is lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from ringdove.kit.buckets import BUCKETS, bucket_of_id
from ringdove.kit.db import Tx

AGAIN_AFTER: Final = tuple(timedelta(minutes=n) for n in (1, 5, 20, 60, 180, 360, 720))
BATCH: Final = 100

# Every store's at once: the partial index holds only what is not told yet.
UNTOLD = """
SELECT t.store_id, t.id, t.tell, t.recipe, t.said, t.due_at, t.created_at, t.tell_tries,
  t.contact_id, c.name, c.phone, c.email, c.language, t.order_id, o.key AS order_key,
  o.number AS order_number, o.total, o.currency,
  u.email AS owner_email, u.language AS owner_language, u.phone AS owner_phone,
  u.disabled_at IS NOT NULL AS owner_gone
FROM task t
LEFT JOIN contact c ON c.bucket = t.bucket AND c.store_id = t.store_id AND c.id = t.contact_id
LEFT JOIN purchase_order o
  ON o.bucket = t.bucket AND o.store_id = t.store_id AND o.id = t.order_id
LEFT JOIN user_role r ON r.user_id = t.owner AND r.store_id = t.store_id
LEFT JOIN app_user u ON u.id = r.user_id
WHERE t.bucket = ANY(%(buckets)s) AND t.tell_at <= %(now)s
ORDER BY t.tell_at LIMIT %(most)s
"""

Row = Mapping[str, Any]


async def untold(tx: Tx, now: datetime, most: int = BATCH) -> Sequence[Row]:
    """What is to be told now, of all stores, with whom it is about and who is to do it."""
    given = {"buckets": list(BUCKETS), "now": now, "most": most}
    return await (await tx.execute(UNTOLD, given)).fetchall()


# A program that took it has it: it is nobody's work here any more. What was done by hand meanwhile
# stays as it is.
TOLD = """
UPDATE task SET told_at = %(now)s, tell_at = NULL, trouble = '',
  done_at = CASE tell WHEN 'webhook' THEN coalesce(done_at, %(now)s) ELSE done_at END,
  done_by = CASE WHEN tell = 'webhook' AND done_at IS NULL THEN 'webhook' ELSE done_by END,
  result = CASE WHEN tell = 'webhook' AND done_at IS NULL THEN 'told' ELSE result END
WHERE bucket = %(bucket)s AND store_id = %(store_id)s AND id = %(id)s
"""
FAILED = """
UPDATE task SET tell_tries = tell_tries + 1, tell_at = %(again_at)s, trouble = %(why)s
WHERE bucket = %(bucket)s AND store_id = %(store_id)s AND id = %(id)s AND tell_at IS NOT NULL
"""


async def told(tx: Tx, row: Row, now: datetime) -> None:
    """They know."""
    await tx.execute(TOLD, _which(row) | {"now": now})


async def failed(tx: Tx, row: Row, why: str, now: datetime, *, for_good: bool = False) -> None:
    """They could not be told; tried again, ever more rarely, for about a day."""
    tries = row["tell_tries"]
    is_over = for_good or tries >= len(AGAIN_AFTER)
    again_at = None if is_over else now + AGAIN_AFTER[tries]
    await tx.execute(FAILED, _which(row) | {"again_at": again_at, "why": why[:300]})


def _which(row: Row) -> dict[str, Any]:
    return {"bucket": bucket_of_id(row["id"]), "store_id": row["store_id"], "id": row["id"]}


AGAIN = """
UPDATE task SET tell_at = %(now)s, tell_tries = 0
WHERE bucket = %(bucket)s AND store_id = %(store_id)s AND id = %(id)s AND tell <> 'task'
  AND done_at IS NULL AND told_at IS NULL
"""


async def tell_again(tx: Tx, store_id: int, task_id: int, now: datetime) -> bool:
    """Tried at once, as if for the first time; False: there is nobody to tell."""
    which = _which({"store_id": store_id, "id": task_id})
    return (await tx.execute(AGAIN, which | {"now": now})).rowcount > 0


# ------------------------------------------------------------------ where to


@dataclass(frozen=True, slots=True)
class Address:
    """The store's own program."""

    url: str
    secret: bytes = field(repr=False)  # sealed
    changed_at: datetime


ADDRESS = "SELECT url, secret, changed_at FROM alert_address WHERE store_id = %(store_id)s"
PUT_ADDRESS = """
INSERT INTO alert_address (store_id, url, secret, changed_at)
VALUES (%(store_id)s, %(url)s, %(secret)s, %(now)s)
ON CONFLICT (store_id) DO UPDATE SET url = EXCLUDED.url, secret = EXCLUDED.secret,
  changed_at = EXCLUDED.changed_at
"""
DROP_ADDRESS = "DELETE FROM alert_address WHERE store_id = %(store_id)s"
# The house itself, where nobody is named or who was named has left; for a text, who has a phone.
HOUSE = """
SELECT u.email, u.language, u.phone FROM user_role r JOIN app_user u ON u.id = r.user_id
WHERE r.store_id = %(store_id)s AND r.role = 'owner' AND u.disabled_at IS NULL
  AND (NOT %(by_text)s OR u.phone <> '')
ORDER BY u.id LIMIT 1
"""


async def address(tx: Tx, store_id: int) -> Address | None:
    """Where alerts are POSTed; None: nowhere."""
    row = await (await tx.execute(ADDRESS, {"store_id": store_id})).fetchone()
    return Address(**row) if row else None


async def put_address(tx: Tx, store_id: int, url: str, secret: bytes, now: datetime) -> None:
    """From now on there; `secret` is sealed already."""
    given = {"store_id": store_id, "url": url, "secret": secret, "now": now}
    await tx.execute(PUT_ADDRESS, given)


async def drop_address(tx: Tx, store_id: int) -> None:
    """Nowhere any more."""
    await tx.execute(DROP_ADDRESS, {"store_id": store_id})


async def house(tx: Tx, store_id: int, *, by_text: bool = False) -> Row | None:
    """The owner of the store who was first, with their address, language and phone; `by_text`: of
    those who have a phone."""
    given = {"store_id": store_id, "by_text": by_text}
    return await (await tx.execute(HOUSE, given)).fetchone()
