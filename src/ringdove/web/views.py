"""What every page stands on: who looks, at which store, in what role and language.

A page route of a store takes `page: Annotated[StorePage, needs("viewer")]`, which answers 404 for
a store that is not the person's own (P10: nobody learns that it exists) and 403 for a role that is
not enough. A route without `needs` or `signed_in` is public; tests walk all routes and know which.

One request is one transaction: `async with page.transaction() as tx`.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated, Any, cast
from urllib.parse import quote, unquote, urlsplit

from fastapi import Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ringdove.kit import db
from ringdove.kit.crypto import hash_token
from ringdove.kit.db import Tx
from ringdove.records.automations import automations
from ringdove.records.store import audit, stores, users
from ringdove.records.store.users import Membership, Role, User
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.web.drawing import draw
from ringdove.web.security import session_token
from ringdove.web.speech import Speech, choose_language, plain_speech

SAID_COOKIE = "ringdove_said"
REFUSED = "!"  # before what was said: it tells why nothing was done
SAID_S = 60
STORE_COOKIE = "ringdove_store"
STORE_COOKIE_S = 365 * 24 * 3600


@dataclass(slots=True)
class Page:
    """A page that anybody may see; also the base of those that not everybody may."""

    request: Request
    runtime: Runtime
    say: Speech

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """The request's one transaction."""
        return db.transaction(self.runtime.pool)

    def render(self, template: str, status: int = 200, **context: Any) -> Response:
        """The template with what all pages know; what was said by the page before is shown once."""
        said = unquote(self.request.cookies.get(SAID_COOKIE, ""))
        said_no, said = said.startswith(REFUSED), said.removeprefix(REFUSED)
        html = draw(
            template, self.say, request=self.request, page=self, said=said, said_no=said_no,
            **context,
        )  # fmt: skip
        response = HTMLResponse(html, status)
        if said:
            response.delete_cookie(SAID_COOKIE)
        return response

    def go(self, path: str, said: str = "") -> Response:
        """On to another page of ours after a change, which tells what was done."""
        response = RedirectResponse(path, 303)
        if said:
            response.set_cookie(
                SAID_COOKIE, quote(said), max_age=SAID_S, httponly=True, samesite="lax"
            )
        return response

    def refuse(self, path: str, why: str) -> Response:
        """On to another page of ours, which tells why nothing was done."""
        return self.go(path, REFUSED + why)


@dataclass(slots=True)
class UserPage(Page):
    """A page of somebody who has signed in."""

    user: User
    memberships: list[Membership]


@dataclass(slots=True)
class StorePage(UserPage):
    """A page of one store, seen by somebody who belongs to it."""

    store: Store
    role: Role

    @property
    def home(self) -> str:
        """The address that this store's pages begin with."""
        return f"/stores/{self.store.id}"

    def is_here(self, *paths: str) -> bool:
        """Whether this page lies under a line of the menu, or under a tab beside it."""
        here = f"{self.request.url.path}/"
        return any(here.startswith(f"{self.home}{path}/") for path in paths)

    def may(self, needed: Role) -> bool:
        """Whether to show what only this role may do."""
        return users.may(self.role, needed)

    async def audit(self, tx: Tx, action: str, subject: str = "", **detail: Any) -> None:
        """Remember who did this, in the transaction that does it."""
        await audit.write(
            tx,
            store_id=self.store.id,
            row_id=self.runtime.ids.make(stores.buckets(self.store)[0]),
            user_id=self.user.id,
            at=self.runtime.clock(),
            action=action,
            subject=subject,
            detail=detail,
        )


class SignInFirst(Exception):
    """The page is for people we know; on_sign_in_first sends them to the door and back."""


async def on_sign_in_first(request: Request, error: Exception) -> Response:
    """To the sign-in page, which comes back here when it may."""
    if request.method != "GET" or "hx-request" in request.headers:
        return Response(status_code=401)
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse("/login" if path == "/" else f"/login?next={quote(path)}", 303)


def runtime_of(request: Request) -> Runtime:
    """The Runtime that this app was made with."""
    return cast(Runtime, request.app.state.runtime)


def safe_next(path: str) -> str:
    """An address of our own to go on to, whatever the link said."""
    parts = urlsplit(path)
    inside = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if inside and not parts.netloc and not parts.scheme else "/"


async def anybody(request: Request) -> Page:
    """The page of a visitor."""
    runtime = runtime_of(request)
    say = plain_speech(choose_language(request), runtime.clock())
    request.state.say = say
    return Page(request, runtime, say)


async def _who(request: Request, tx: Tx, runtime: Runtime) -> User:
    token = session_token(request)
    user = token and await users.signed_in(tx, hash_token(token), runtime.clock())
    if not user:
        raise SignInFirst
    request.state.say = plain_speech(choose_language(request, user.language), runtime.clock())
    return user


async def signed_in(request: Request) -> UserPage:
    """The page of a known person. Raises SignInFirst."""
    runtime = runtime_of(request)
    async with db.transaction(runtime.pool) as tx:
        user = await _who(request, tx, runtime)
        memberships = await users.stores_of(tx, user.id)
    return UserPage(request, runtime, request.state.say, user, memberships)


@dataclass(frozen=True, slots=True)
class Needs:
    """The lowest role that a page asks for; the test of P10 reads it from every route."""

    role: Role

    async def __call__(self, request: Request, store_id: int) -> StorePage:
        runtime = runtime_of(request)
        async with db.transaction(runtime.pool) as tx:
            user = await _who(request, tx, runtime)
            memberships = await users.stores_of(tx, user.id)
            store = await stores.find(tx, store_id)
            own = await automations.names(tx, store_id)
        role = next((m.role for m in memberships if m.id == store_id), None)
        if store is None or role is None:
            raise HTTPException(404)
        if not users.may(role, self.role):
            raise HTTPException(403)
        say = request.state.say.at_store(store.time_zone, store.country, role == "viewer", own)
        request.state.say = say
        return StorePage(request, runtime, say, user, memberships, store, role)


def needs(role: Role) -> Any:
    """The dependency of a store's page: `page: Annotated[StorePage, needs("support")]`."""
    return Depends(Needs(role))


AnyPage = Annotated[Page, Depends(anybody)]
KnownPage = Annotated[UserPage, Depends(signed_in)]
ViewerPage = Annotated[StorePage, needs("viewer")]
SupportPage = Annotated[StorePage, needs("support")]
MarketerPage = Annotated[StorePage, needs("marketer")]
OwnerPage = Annotated[StorePage, needs("owner")]
