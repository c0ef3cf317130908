"""Signing in and out, and a person's own page: language, phone, password, other browsers.

A wrong password, an unknown address and a disabled account get the same answer after the same
work, so that nobody learns who has an account. Tries are counted per account and per caller.
"""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from ringdove.kit import i18n
from ringdove.kit.crypto import hash_password, hash_token, new_token, verify_password
from ringdove.kit.db import Tx
from ringdove.records.store import stores, users
from ringdove.records.store.users import User
from ringdove.rules.people import phones
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.security import (
    Throttle,
    forget_session,
    remember_session,
    session_token,
)
from ringdove.web.speech import LANGUAGE_COOKIE
from ringdove.web.store.passwords import NewPassword
from ringdove.web.views import STORE_COOKIE, AnyPage, KnownPage, Page, UserPage, safe_next

router = APIRouter(include_in_schema=False)

CALLER_TRIES_MAX = 30  # a whole office may stand behind one address
LANGUAGE_COOKIE_S = 365 * 24 * 3600


class Credentials(Filled):
    email: Annotated[str, StringConstraints(min_length=1, max_length=254)]
    password: Annotated[str, Field(min_length=1, max_length=200)]
    next: Annotated[str, Field(max_length=2000)] = "/"


class LanguageChoice(Filled):
    language: Annotated[str, Field(max_length=12)]
    next: Annotated[str, Field(max_length=2000)] = "/"


class OwnPhone(Filled):
    phone: Annotated[str, StringConstraints(max_length=40)] = ""


class PasswordChange(NewPassword):
    old_password: Annotated[str, Field(min_length=1, max_length=200)]


@router.get("/")
async def start(page: AnyPage) -> Response:
    """To where this person belongs."""
    token = session_token(page.request)
    async with page.transaction() as tx:
        user = token and await users.signed_in(tx, hash_token(token), page.runtime.clock())
        if not user:
            return page.go("/login" if await users.any_exists(tx) else "/setup")
        mine = [m.id for m in await users.stores_of(tx, user.id)]
        may_make = page.runtime.settings.signup_open or not await stores.every(tx)
    if not mine:
        return page.go("/setup/store" if may_make else "/me")
    last = page.request.cookies.get(STORE_COOKIE, "")
    return page.go(f"/stores/{last if last in map(str, mine) else mine[0]}")


@router.get("/login")
async def show(page: AnyPage, next: str = "/") -> Response:
    """The sign-in page; to set-up while nobody has an account."""
    async with page.transaction() as tx:
        if not await users.any_exists(tx):
            return page.go("/setup")
    return page.render("store/login.html", form=Form({"next": safe_next(next)}))


@router.post("/login")
async def sign_in(page: AnyPage) -> Response:
    """Opens a session, or says no without saying why."""
    _ = page.say.gettext
    form = await read_form(page.request, Credentials, page.say)
    if form.filled is None:
        return page.render("store/login.html", 422, form=form)
    given = form.filled
    tries: Throttle = page.request.app.state.tries
    callers: Throttle = page.request.app.state.callers
    account, caller = given.email.lower(), _caller(page.request)
    now_s = page.runtime.clock().timestamp()
    if tries.is_closed(account, now_s) or callers.is_closed(caller, now_s):
        form.refuse("", _("Too many tries. Wait five minutes, then try again."))
        return page.render("store/login.html", 429, form=form)
    async with page.transaction() as tx:
        user = await users.by_email(tx, given.email)
    if not await _knows_password(user, given.password) or user is None or user.disabled_at:
        tries.failed(account, now_s)
        callers.failed(caller, now_s)
        form.refuse("", _("E-mail or password is not right."))
        return page.render("store/login.html", 422, form=form)
    tries.succeeded(account)
    response = page.go(safe_next(given.next))
    async with page.transaction() as tx:
        await open_session(page, tx, user.id, response)
    return response


def _caller(request: Request) -> str:
    return request.client.host if request.client else ""


async def _knows_password(user: User | None, password: str) -> bool:
    """The same work for a stranger, so that the time taken tells nothing."""
    return await asyncio.to_thread(
        verify_password, user.password_hash if user else _decoy(), password
    )


_DECOY: list[str] = []


def _decoy() -> str:
    if not _DECOY:
        _DECOY.append(hash_password(new_token()))
    return _DECOY[0]


async def open_session(page: Page, tx: Tx, user_id: int, response: Response) -> None:
    """This browser is known from now on."""
    now = page.runtime.clock()
    token = new_token()
    await users.forget_sessions(tx, now)
    browser = page.request.headers.get("user-agent", "")
    await users.open_session(tx, user_id, hash_token(token), now, browser)
    remember_session(response, page.request, token)


@router.post("/logout")
async def sign_out(page: AnyPage) -> Response:
    """Ends this browser's session."""
    token = session_token(page.request)
    if token:
        async with page.transaction() as tx:
            await users.close_session(tx, hash_token(token))
    response = page.go("/login", page.say.gettext("You have signed out."))
    forget_session(response, page.request)
    return response


@router.post("/language")
async def choose_language(page: AnyPage) -> Response:
    """The language of the pages before sign-in."""
    form = await read_form(page.request, LanguageChoice, page.say)
    response = page.go(safe_next(form.filled.next if form.filled else "/"))
    if form.filled and form.filled.language in i18n.languages():
        response.set_cookie(
            LANGUAGE_COOKIE, form.filled.language, max_age=LANGUAGE_COOKIE_S, samesite="lax"
        )
    return response


# ------------------------------------------------------------------ a person's own page


@router.get("/me")
async def me(page: KnownPage) -> Response:
    """Language, phone, password, sessions."""
    return await _me(page)


async def _me(page: UserPage, form: Form[Any] | None = None) -> Response:
    async with page.transaction() as tx:
        phone = await users.phone_of(tx, page.user.id)
    typed = {"language": page.user.language, "phone": phone}
    shown = form or Form[Any]()
    shown.values = typed | shown.values
    return page.render("store/me.html", 422 if form else 200, form=shown)


@router.post("/me/phone")
async def set_phone(page: KnownPage) -> Response:
    """Where alerts reach this person by text; nothing typed: nowhere."""
    _ = page.say.gettext
    form = await read_form(page.request, OwnPhone, page.say)
    typed = form.filled.phone if form.filled else ""
    # Only with its country in front: a person may belong to stores of many.
    phone = phones.parse(typed, "") if typed else None
    if form.filled is None or isinstance(phone, phones.Doubtful):
        form.refuse("phone", _("The whole number, please: +375 29 111-22-33."))
        return await _me(page, form)
    async with page.transaction() as tx:
        await users.set_phone(tx, page.user.id, phone.e164 if phone else "")
    said = _("Alerts by text come here.") if phone else _("No alert comes by text.")
    return page.go("/me", said)


@router.post("/me/language")
async def set_language(page: KnownPage) -> Response:
    """The language of the pages for this person, in every browser."""
    form = await read_form(page.request, LanguageChoice, page.say)
    if form.filled and form.filled.language in i18n.languages():
        async with page.transaction() as tx:
            await users.set_language(tx, page.user.id, form.filled.language)
    return page.go("/me")


@router.post("/me/password")
async def set_password(page: KnownPage) -> Response:
    """A new password; every other browser has to sign in again."""
    _ = page.say.gettext
    form = await read_form(page.request, PasswordChange, page.say)
    if form.filled and not await _knows_password(page.user, form.filled.old_password):
        form.refuse("old_password", _("This is not your password."))
    if form.filled is None:
        return await _me(page, form)
    password_hash = await asyncio.to_thread(hash_password, form.filled.password)
    response = page.go("/me", _("Your password is changed. Other browsers have to sign in again."))
    async with page.transaction() as tx:
        await users.set_password(tx, page.user.id, password_hash)
        await users.close_sessions(tx, page.user.id)
        await open_session(page, tx, page.user.id, response)
    return response


@router.post("/me/sessions/end")
async def sign_out_everywhere(page: KnownPage) -> Response:
    """Ends this person's sessions in all browsers, this one included."""
    async with page.transaction() as tx:
        await users.close_sessions(tx, page.user.id)
    response = page.go("/login", page.say.gettext("You have signed out everywhere."))
    forget_session(response, page.request)
    return response
