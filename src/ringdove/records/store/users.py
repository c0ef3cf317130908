"""People who sign in, what they may do in which store, and how their browsers are known.

Passwords come here hashed, session tokens likewise: whoever reads the tables can use neither.
A disabled person keeps their rows (the audit names them) and has no session.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from ringdove.kit.db import Tx

Role = Literal["viewer", "support", "marketer", "owner"]
ROLES: tuple[Role, ...] = (
    "viewer",
    "support",
    "marketer",
    "owner",
)  # each may what those before may

SESSION_DAYS = 30
SESSION_EXTENDED_AFTER = timedelta(days=1)  # sliding, but one write a day, not one a page
BROWSER_SIGNS_MAX = 200


def may(role: Role, needed: Role) -> bool:
    """Whether a role is enough for what asks for `needed`."""
    return ROLES.index(role) >= ROLES.index(needed)


@dataclass(frozen=True, slots=True)
class User:
    """A person with an account."""

    id: int
    email: str
    name: str
    language: str
    password_hash: str = field(repr=False)
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Member:
    """A person on a store's team page."""

    id: int
    email: str
    name: str
    role: Role
    disabled_at: datetime | None
    seen_at: datetime | None


ANY_EXISTS = "SELECT EXISTS (SELECT FROM app_user) AS found"


async def any_exists(tx: Tx) -> bool:
    """Whether somebody has an account: if not, the set-up page is open."""
    row = await (await tx.execute(ANY_EXISTS)).fetchone()
    return bool(row and row["found"])


BY_EMAIL = """
SELECT id, email, name, language, password_hash, disabled_at FROM app_user
 WHERE email = %(email)s
"""


async def by_email(tx: Tx, email: str) -> User | None:
    """The account of an address, in any case of letters."""
    row = await (await tx.execute(BY_EMAIL, {"email": email.strip().lower()})).fetchone()
    return None if row is None else User(**row)


LOCK = "LOCK TABLE app_user IN SHARE ROW EXCLUSIVE MODE"
CREATE = """
INSERT INTO app_user (id, email, name, password_hash, language, created_at)
SELECT coalesce(max(id), 0) + 1, %(email)s, %(name)s, %(password_hash)s, %(language)s, %(now)s
  FROM app_user
RETURNING id
"""


async def lock(tx: Tx) -> None:
    """Nobody else makes an account until this transaction ends: two set-ups never both win."""
    await tx.execute(LOCK)


async def create(
    tx: Tx, *, email: str, name: str, password_hash: str, language: str, now: datetime
) -> int:
    """A new account. Raises psycopg.errors.UniqueViolation when the address has one already."""
    await lock(tx)
    given = {
        "email": email.strip().lower(),
        "name": name,
        "password_hash": password_hash,
        "language": language,
        "now": now,
    }
    row = await (await tx.execute(CREATE, given)).fetchone()
    assert row is not None
    return int(row["id"])


SET_LANGUAGE = "UPDATE app_user SET language = %(language)s WHERE id = %(user_id)s"


async def set_language(tx: Tx, user_id: int, language: str) -> None:
    """The language in which this person reads the pages."""
    await tx.execute(SET_LANGUAGE, {"user_id": user_id, "language": language})


PHONE = "SELECT u.phone FROM app_user u WHERE u.id = %(user_id)s"
SET_PHONE = "UPDATE app_user SET phone = %(phone)s WHERE id = %(user_id)s"


async def phone_of(tx: Tx, user_id: int) -> str:
    """Where alerts reach them by text, as E.164; "": nowhere."""
    row = await (await tx.execute(PHONE, {"user_id": user_id})).fetchone()
    return str(row["phone"]) if row else ""


async def set_phone(tx: Tx, user_id: int, phone: str) -> None:
    """From now on there; "": nowhere any more."""
    await tx.execute(SET_PHONE, {"user_id": user_id, "phone": phone})


SET_PASSWORD = "UPDATE app_user SET password_hash = %(password_hash)s WHERE id = %(user_id)s"


async def set_password(tx: Tx, user_id: int, password_hash: str) -> None:
    """A new password; the caller ends the sessions that the old one opened."""
    await tx.execute(SET_PASSWORD, {"user_id": user_id, "password_hash": password_hash})


# ------------------------------------------------------------------ roles

SET_ROLE = """
INSERT INTO user_role (user_id, store_id, role) VALUES (%(user_id)s, %(store_id)s, %(role)s)
ON CONFLICT (user_id, store_id) DO UPDATE SET role = excluded.role
"""


async def set_role(tx: Tx, user_id: int, store_id: int, role: Role) -> None:
    """What this person may do in this store from now on."""
    await tx.execute(SET_ROLE, {"user_id": user_id, "store_id": store_id, "role": role})


DROP_ROLE = "DELETE FROM user_role WHERE user_id = %(user_id)s AND store_id = %(store_id)s"
# One store's owner must not lock a person out of the stores of others.
DISABLE = """
UPDATE app_user SET disabled_at = %(now)s
 WHERE id IN (SELECT user_id FROM user_role
               WHERE user_id = %(user_id)s AND store_id = %(store_id)s)
   AND NOT EXISTS (SELECT FROM user_role
                    WHERE user_id = %(user_id)s AND store_id <> %(store_id)s)
RETURNING id
"""


async def shut_out(tx: Tx, user_id: int, store_id: int, now: datetime) -> None:
    """This person sees the store no more: disabled when it was their only one, else taken off
    its team."""
    given = {"user_id": user_id, "store_id": store_id, "now": now}
    if await (await tx.execute(DISABLE, given)).fetchone() is None:
        await tx.execute(DROP_ROLE, given)
    else:
        await close_sessions(tx, user_id)


LET_IN = """
UPDATE app_user SET disabled_at = NULL
 WHERE id IN (SELECT user_id FROM user_role
               WHERE user_id = %(user_id)s AND store_id = %(store_id)s)
"""


async def let_in(tx: Tx, user_id: int, store_id: int) -> None:
    """A disabled person of this store's team may sign in again."""
    await tx.execute(LET_IN, {"user_id": user_id, "store_id": store_id})


IS_ONLY_IN = """
SELECT count(*) FILTER (WHERE store_id = %(store_id)s) = 1 AND count(*) = 1 AS is_only
  FROM user_role WHERE user_id = %(user_id)s
"""


async def is_only_in(tx: Tx, user_id: int, store_id: int) -> bool:
    """Whether this store is the only one that this person belongs to."""
    given = {"user_id": user_id, "store_id": store_id}
    row = await (await tx.execute(IS_ONLY_IN, given)).fetchone()
    return bool(row and row["is_only"])


ROLE_IN = "SELECT role FROM user_role WHERE user_id = %(user_id)s AND store_id = %(store_id)s"


async def role_in(tx: Tx, user_id: int, store_id: int) -> Role | None:
    """What this person may do in this store; None: it is not theirs to see."""
    given = {"user_id": user_id, "store_id": store_id}
    row = await (await tx.execute(ROLE_IN, given)).fetchone()
    return None if row is None else row["role"]


STORES_OF = """
SELECT s.id, s.name, r.role FROM user_role r JOIN store s ON s.id = r.store_id
 WHERE r.user_id = %(user_id)s ORDER BY s.id
"""


@dataclass(frozen=True, slots=True)
class Membership:
    """A store as it stands in a person's store menu."""

    id: int
    name: str
    role: Role


async def stores_of(tx: Tx, user_id: int) -> list[Membership]:
    """The stores that a person may see."""
    rows = await (await tx.execute(STORES_OF, {"user_id": user_id})).fetchall()
    return [Membership(**row) for row in rows]


MEMBERS = """
SELECT u.id, u.email, u.name, r.role, u.disabled_at, max(n.created_at) AS seen_at
  FROM user_role r JOIN app_user u ON u.id = r.user_id
  LEFT JOIN session n ON n.user_id = u.id
 WHERE r.store_id = %(store_id)s
 GROUP BY u.id, u.email, u.name, r.role, u.disabled_at
 ORDER BY u.id
"""


async def members(tx: Tx, store_id: int) -> list[Member]:
    """The team of a store; `seen_at` is their last sign-in of the last month."""
    rows = await (await tx.execute(MEMBERS, {"store_id": store_id})).fetchall()
    return [Member(**row) for row in rows]


# ------------------------------------------------------------------ sessions

OPEN_SESSION = """
INSERT INTO session (token_hash, user_id, created_at, expires_at, browser)
VALUES (%(token_hash)s, %(user_id)s, %(now)s, %(expires_at)s, %(browser)s)
"""


async def open_session(
    tx: Tx, user_id: int, token_hash: bytes, now: datetime, browser: str
) -> None:
    """A browser is known from now on; the token itself is only in its cookie."""
    await tx.execute(
        OPEN_SESSION,
        {
            "token_hash": token_hash,
            "user_id": user_id,
            "now": now,
            "expires_at": now + timedelta(days=SESSION_DAYS),
            "browser": browser[:BROWSER_SIGNS_MAX],
        },
    )


SIGNED_IN = """
SELECT u.id, u.email, u.name, u.language, u.password_hash, u.disabled_at, n.expires_at
  FROM session n JOIN app_user u ON u.id = n.user_id
 WHERE n.token_hash = %(token_hash)s AND n.expires_at > %(now)s AND u.disabled_at IS NULL
"""
EXTEND = "UPDATE session SET expires_at = %(expires_at)s WHERE token_hash = %(token_hash)s"


async def signed_in(tx: Tx, token_hash: bytes, now: datetime) -> User | None:
    """Who holds this session, which then lasts 30 days anew; None when it is over."""
    given = {"token_hash": token_hash, "now": now}
    row = await (await tx.execute(SIGNED_IN, given)).fetchone()
    if row is None:
        return None
    until = now + timedelta(days=SESSION_DAYS)
    if until - row.pop("expires_at") > SESSION_EXTENDED_AFTER:
        await tx.execute(EXTEND, {"token_hash": token_hash, "expires_at": until})
    return User(**row)


CLOSE_SESSION = "DELETE FROM session WHERE token_hash = %(token_hash)s"


async def close_session(tx: Tx, token_hash: bytes) -> None:
    """Sign out of this browser."""
    await tx.execute(CLOSE_SESSION, {"token_hash": token_hash})


CLOSE_SESSIONS = "DELETE FROM session WHERE user_id = %(user_id)s"


async def close_sessions(tx: Tx, user_id: int) -> None:
    """Sign out everywhere."""
    await tx.execute(CLOSE_SESSIONS, {"user_id": user_id})


FORGET_SESSIONS = "DELETE FROM session WHERE expires_at <= %(now)s"


async def forget_sessions(tx: Tx, now: datetime) -> None:
    """Drop what is over; asked at each sign-in, so the table stays small by itself."""
    await tx.execute(FORGET_SESSIONS, {"now": now})
