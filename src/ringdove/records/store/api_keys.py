"""API keys of a store: how programs are known, and what they may do.

Only the hash of a key is kept, and its last four signs so that people can tell keys apart.
A revoked key stays as a row: the audit names it.
"""

from dataclasses import dataclass
from datetime import datetime

from ringdove.kit.db import Tx
from ringdove.records.store.users import Role


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A program's key to one store."""

    id: int
    store_id: int
    name: str
    role: Role
    hint: str
    created_at: datetime
    revoked_at: datetime | None
    created_by: int | None = None  # who answers for what is done with it; None: not known


COLUMNS = "id, store_id, name, role, hint, created_at, revoked_at, created_by"

HOLDER = f"SELECT {COLUMNS} FROM api_key WHERE token_hash = %(token_hash)s AND revoked_at IS NULL"


async def holder(tx: Tx, token_hash: bytes) -> ApiKey | None:
    """The key behind a bearer token, or None when there is none or it was revoked."""
    row = await (await tx.execute(HOLDER, {"token_hash": token_hash})).fetchone()
    return None if row is None else ApiKey(**row)


OF_STORE = f"SELECT {COLUMNS} FROM api_key WHERE store_id = %(store_id)s ORDER BY id DESC"


async def of_store(tx: Tx, store_id: int) -> list[ApiKey]:
    """All keys of a store, revoked ones included, newest first."""
    rows = await (await tx.execute(OF_STORE, {"store_id": store_id})).fetchall()
    return [ApiKey(**row) for row in rows]


LOCK = "LOCK TABLE api_key IN SHARE ROW EXCLUSIVE MODE"
CREATE = """
INSERT INTO api_key (id, store_id, name, role, token_hash, hint, created_at, created_by)
SELECT coalesce(max(id), 0) + 1, %(store_id)s, %(name)s, %(role)s, %(token_hash)s, %(hint)s,
  %(now)s, %(created_by)s
  FROM api_key
RETURNING id
"""


async def create(
    tx: Tx, *, store_id: int, name: str, role: Role, token_hash: bytes, hint: str, now: datetime,
    created_by: int | None = None,
) -> int:  # fmt: skip
    """A new key; the caller shows its token once and forgets it."""
    await tx.execute(LOCK)
    cursor = await tx.execute(
        CREATE,
        {
            "store_id": store_id,
            "name": name,
            "role": role,
            "token_hash": token_hash,
            "hint": hint,
            "now": now,
            "created_by": created_by,
        },
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row["id"])


REVOKE = """
UPDATE api_key SET revoked_at = %(now)s
 WHERE store_id = %(store_id)s AND id = %(key_id)s AND revoked_at IS NULL
RETURNING name
"""


async def revoke(tx: Tx, store_id: int, key_id: int, now: datetime) -> str | None:
    """The key opens nothing from now on. Its name, or None when there was none to revoke."""
    given = {"store_id": store_id, "key_id": key_id, "now": now}
    row = await (await tx.execute(REVOKE, given)).fetchone()
    return None if row is None else str(row["name"])
