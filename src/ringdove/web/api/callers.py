"""Programs that call the API: known by a bearer key, bound to one store, with a role.

A route takes `caller: Annotated[Caller, has_key("support")]`. A key of another store is answered
as if the store did not exist (P10); a role that is not enough by 403. Keys are made on the page
Team and keys.
"""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends
from fastapi.dependencies.models import Dependant
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ringdove.kit import db
from ringdove.kit.crypto import hash_token
from ringdove.kit.db import Tx
from ringdove.records.store import api_keys, audit, stores, users
from ringdove.records.store.users import Role
from ringdove.rules.people import phones
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.web.views import runtime_of

TOKEN_CHARS_MAX = 200
CHALLENGE = {"www-authenticate": 'Bearer realm="Ringdove"'}


@dataclass(frozen=True, slots=True)
class Caller:
    """A program at the API, and the store that its key opens."""

    runtime: Runtime
    store: Store
    role: Role
    key_id: int
    key_name: str
    now: datetime
    user_id: int | None  # who made the key and answers for it; None: not known

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """The request's one transaction."""
        return db.transaction(self.runtime.pool)

    def phone(self, e164: str | None) -> str | None:
        """A number as this role may see it: viewers see it masked, here as on the pages."""
        return phones.mask(e164) if e164 and self.role == "viewer" else e164

    async def audit(self, tx: Tx, action: str, subject: str = "", **detail: Any) -> None:
        """Remember which key did this, in the transaction that does it."""
        await audit.write(
            tx,
            store_id=self.store.id,
            row_id=self.runtime.ids.make(stores.buckets(self.store)[0]),
            user_id=None,
            at=self.now,
            action=action,
            subject=subject,
            detail={"key": self.key_name, **detail},
        )


@dataclass(frozen=True, slots=True)
class KeyNeeds:
    """The lowest role that a route asks for; the test of P10 reads it from every route."""

    role: Role

    async def __call__(self, request: Request, store_id: int) -> Caller:
        runtime = runtime_of(request)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not 0 < len(token) <= TOKEN_CHARS_MAX:
            raise HTTPException(
                401, "Send the header `Authorization: Bearer <API key>`.", CHALLENGE
            )
        async with db.transaction(runtime.pool) as tx:
            key = await api_keys.holder(tx, hash_token(token.strip()))
            if key is None:
                raise HTTPException(
                    401, "This API key is unknown or was revoked: make a new one.", CHALLENGE
                )
            store = await stores.find(tx, store_id) if key.store_id == store_id else None
        if store is None:
            raise HTTPException(404, "This key opens no store of that number.")
        if not users.may(key.role, self.role):
            raise HTTPException(403, f"This asks for the role {self.role}; the key has {key.role}.")
        _check_names(request)
        return Caller(runtime, store, key.role, key.id, key.name, runtime.clock(), key.created_by)


def _check_names(request: Request) -> None:
    """A filter that nobody reads would be answered with everything: it is refused instead."""
    if not request.url.query:
        return
    known = set(_names(request.scope["route"].dependant))
    if strange := sorted(set(request.query_params) - known):
        may = ", ".join(sorted(known)) or "none"
        raise HTTPException(422, f"{strange[0][:40]}: not a parameter of this call; it has {may}.")


def _names(asked: Dependant) -> Iterator[str]:
    for one in asked.query_params:
        yield one.alias
    for inner in asked.dependencies:
        yield from _names(inner)


def has_key(role: Role) -> Any:
    """The dependency of an API route: `caller: Annotated[Caller, has_key("viewer")]`."""
    return Depends(KeyNeeds(role))


ViewerKey = Annotated[Caller, has_key("viewer")]
SupportKey = Annotated[Caller, has_key("support")]
MarketerKey = Annotated[Caller, has_key("marketer")]
OwnerKey = Annotated[Caller, has_key("owner")]
