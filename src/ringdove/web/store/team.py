"""The team of a store and the API keys of its programs. For owners only.

A new account gets a one-time password, a new key its token: each is shown on the answer to the
request that made it, once, and is stored as a hash. A store always keeps an owner who can sign in.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter
from pydantic import StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.crypto import hash_password, hash_token, new_token
from ringdove.kit.db import Tx
from ringdove.records.store import api_keys, users
from ringdove.records.store.users import ROLES, Member, Role
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.menu import role_meanings
from ringdove.web.store.setup import Email, Name
from ringdove.web.views import OwnerPage, StorePage

router = APIRouter(prefix="/stores/{store_id}/team", include_in_schema=False)

ONE_TIME_PASSWORD_BYTES = 12
KEY_PREFIX = "rd_"
HINT_SIGNS = 4


class Invitation(Filled):
    email: Email
    name: Name
    role: Role


class RoleChange(Filled):
    role: Role


class NewKey(Filled):
    name: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    role: Role


@router.get("")
async def show(page: OwnerPage) -> Response:
    """Who belongs to the store, and its keys."""
    return await _render(page)


async def _render(
    page: StorePage,
    status: int = 200,
    *,
    invitation: Form[Invitation] | None = None,
    key: Form[NewKey] | None = None,
    shown_once: tuple[str, str] | None = None,
) -> Response:
    async with page.transaction() as tx:
        members = await users.members(tx, page.store.id)
        keys = await api_keys.of_store(tx, page.store.id)
    return page.render(
        "store/team.html",
        status,
        members=members,
        keys=keys,
        roles=ROLES,
        role_meanings=role_meanings(page.say),
        invitation=invitation or Form({"role": "support"}),
        key_form=key or Form({"role": "support"}),
        shown_once=shown_once,
    )


@router.post("")
async def add(page: OwnerPage) -> Response:
    """Adds a person. A new account's password is on the answer, and nowhere else."""
    _ = page.say.gettext
    form = await read_form(page.request, Invitation, page.say)
    if form.filled is None:
        return await _render(page, 422, invitation=form)
    given, password = form.filled, new_token(ONE_TIME_PASSWORD_BYTES)
    password_hash = await asyncio.to_thread(hash_password, password)
    async with page.transaction() as tx:
        await users.lock(tx)
        known = await users.by_email(tx, given.email)
        if known and await users.role_in(tx, known.id, page.store.id):
            form.refuse("email", _("This person is in the team already."))
            return await _render(page, 422, invitation=form)
        user_id = known.id if known else await _make(tx, page, given, password_hash)
        await users.set_role(tx, user_id, page.store.id, given.role)
        await page.audit(tx, "member.added", given.name, role=given.role)
    if known:
        said = _("%(name)s is in the team now and signs in as before.", name=known.name)
        return page.go(f"{page.home}/team", said)
    return await _render(page, shown_once=(given.email, password))


async def _make(tx: Tx, page: StorePage, given: Invitation, password_hash: str) -> int:
    return await users.create(
        tx,
        email=given.email,
        name=given.name,
        password_hash=password_hash,
        language=page.say.language,
        now=page.runtime.clock(),
    )


@router.post("/{user_id}/role")
async def change_role(page: OwnerPage, user_id: int) -> Response:
    """Another role from now on."""
    _ = page.say.gettext
    form = await read_form(page.request, RoleChange, page.say)
    if form.filled is None:
        raise HTTPException(422)
    async with page.transaction() as tx:
        member, owners = await _member(tx, page, user_id)
        if form.filled.role != "owner" and owners == [user_id]:
            return page.go(f"{page.home}/team", _("A store needs an owner."))
        await users.set_role(tx, user_id, page.store.id, form.filled.role)
        await page.audit(tx, "member.role_changed", member.name, role=form.filled.role)
    return page.go(f"{page.home}/team", _("%(name)s: role changed.", name=member.name))


async def _member(tx: Tx, page: StorePage, user_id: int) -> tuple[Member, list[int]]:
    """Somebody of this store's team, and the ids of all its owners who can sign in."""
    await users.lock(tx)  # two owners who shut each other out at once: only one does
    members = await users.members(tx, page.store.id)
    member = next((m for m in members if m.id == user_id), None)
    if member is None:
        raise HTTPException(404)
    return member, [m.id for m in members if m.role == "owner" and m.disabled_at is None]


@router.post("/{user_id}/access/end")
async def shut_out(page: OwnerPage, user_id: int) -> Response:
    """Takes access away at once."""
    _ = page.say.gettext
    async with page.transaction() as tx:
        member, owners = await _member(tx, page, user_id)
        if owners == [user_id]:
            return page.go(f"{page.home}/team", _("A store needs an owner."))
        await users.shut_out(tx, user_id, page.store.id, page.runtime.clock())
        await page.audit(tx, "member.shut_out", member.name)
    return page.go(f"{page.home}/team", _("%(name)s has no access any more.", name=member.name))


@router.post("/{user_id}/access")
async def let_in(page: OwnerPage, user_id: int) -> Response:
    """Gives access back."""
    _ = page.say.gettext
    async with page.transaction() as tx:
        member, _owners = await _member(tx, page, user_id)
        await users.let_in(tx, user_id, page.store.id)
        await page.audit(tx, "member.let_in", member.name)
    return page.go(f"{page.home}/team", _("%(name)s may sign in again.", name=member.name))


@router.post("/{user_id}/password")
async def give_password(page: OwnerPage, user_id: int) -> Response:
    """A new one-time password for somebody who forgot theirs."""
    _ = page.say.gettext
    password = new_token(ONE_TIME_PASSWORD_BYTES)
    password_hash = await asyncio.to_thread(hash_password, password)
    async with page.transaction() as tx:
        member, _owners = await _member(tx, page, user_id)
        if not await users.is_only_in(tx, user_id, page.store.id):
            said = _("%(name)s belongs to other stores too: only they can do this.")
            return page.go(f"{page.home}/team", said % {"name": member.name})
        await users.set_password(tx, user_id, password_hash)
        await users.close_sessions(tx, user_id)
        await page.audit(tx, "member.password_given", member.name)
    return await _render(page, shown_once=(member.email, password))


@router.post("/keys")
async def make_key(page: OwnerPage) -> Response:
    """A key for a program. Its token is on the answer, and nowhere else."""
    form = await read_form(page.request, NewKey, page.say)
    if form.filled is None:
        return await _render(page, 422, key=form)
    token = KEY_PREFIX + new_token()
    async with page.transaction() as tx:
        await api_keys.create(
            tx,
            store_id=page.store.id,
            name=form.filled.name,
            role=form.filled.role,
            token_hash=hash_token(token),
            hint=token[-HINT_SIGNS:],
            now=page.runtime.clock(),
            created_by=page.user.id,
        )
        await page.audit(tx, "key.created", form.filled.name, role=form.filled.role)
    return await _render(page, shown_once=("", token))


@router.post("/keys/{key_id}/end")
async def revoke_key(page: OwnerPage, key_id: int) -> Response:
    """The key opens nothing from now on."""
    async with page.transaction() as tx:
        name = await api_keys.revoke(tx, page.store.id, key_id, page.runtime.clock())
        if name is None:
            raise HTTPException(404)
        await page.audit(tx, "key.revoked", name)
    return page.go(f"{page.home}/team", page.say.gettext("%(name)s is revoked.", name=name))
