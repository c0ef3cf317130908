"""First-run set-up in two steps: the owner's account, then the store.

The first step is open only while nobody has an account (or the operator lets anybody sign up); the
second is for somebody who has signed in. A store is born with virtual phones, so that its owner
can see texts arrive before any operator is connected.
"""

import asyncio
from collections.abc import Container
from datetime import time
from typing import Annotated, Any

from fastapi import APIRouter
from psycopg.errors import UniqueViolation
from pydantic import Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.crypto import hash_password, new_token
from ringdove.kit.db import Tx
from ringdove.records.sending import gateways
from ringdove.records.store import audit, stores, users
from ringdove.records.store.stores import StoreSettings
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.menu import N_
from ringdove.web.speech import Speech
from ringdove.web.store import places
from ringdove.web.store.login import open_session
from ringdove.web.store.passwords import NewPassword
from ringdove.web.views import AnyPage, KnownPage, Page, UserPage

router = APIRouter(include_in_schema=False)

EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
QUIET_FROM, QUIET_UNTIL = "21:00", "09:00"

Name = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Email = Annotated[str, StringConstraints(min_length=3, max_length=254, pattern=EMAIL)]


class OwnerForm(NewPassword):
    email: Email
    name: Name


class StoreForm(Filled):
    """What a store is; the same form makes it and changes it."""

    name: Name
    country: str
    time_zone: str
    languages: Annotated[list[str], Field(min_length=1)]
    currency: str
    quiet_from: time
    quiet_until: time
    website: Annotated[str, Field(max_length=300, pattern=r"^(https?://\S+)?$")] = ""
    phone: Annotated[str, Field(max_length=40)] = ""
    email: Annotated[str, Field(max_length=254, pattern=rf"^$|{EMAIL}")] = ""

    @field_validator("country")
    @classmethod
    def _is_country(cls, value: str) -> str:
        return _known(value, {code for code, _ in places.countries("en")})

    @field_validator("time_zone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        return _known(value, places.known_zones())

    @field_validator("currency")
    @classmethod
    def _is_currency(cls, value: str) -> str:
        return _known(value, {code for code, _ in places.currencies("en")})

    @field_validator("languages")
    @classmethod
    def _are_languages(cls, values: list[str]) -> list[str]:
        once = list(dict.fromkeys(value for value in values if value))
        return [_known(value, set(places.TEXT_LANGUAGES)) for value in once]

    def settings(self) -> StoreSettings:
        """As the records know it."""
        return StoreSettings(**self.model_dump())


def _known(value: str, known: Container[str]) -> str:
    if value not in known:
        raise PydanticCustomError("said.unknown", N_("Choose one of the list."))
    return value


@router.get("/setup")
async def show_owner(page: AnyPage) -> Response:
    """Step one: who owns this installation's first store."""
    async with page.transaction() as tx:
        await _demand_open(page, tx)
    return page.render("store/setup_owner.html", form=Form())


async def _demand_open(page: Page, tx: Tx) -> None:
    if not page.runtime.settings.signup_open and await users.any_exists(tx):
        raise HTTPException(404)


@router.post("/setup")
async def make_owner(page: AnyPage) -> Response:
    """Makes the account, signs it in, and goes on to the store."""
    async with page.transaction() as tx:
        await _demand_open(page, tx)
    form = await read_form(page.request, OwnerForm, page.say)
    if form.filled is None:
        return page.render("store/setup_owner.html", 422, form=form)
    given = form.filled
    password_hash = await asyncio.to_thread(hash_password, given.password)
    response = page.go("/setup/store")
    try:
        async with page.transaction() as tx:
            await users.lock(tx)  # of two first-run set-ups at once only one is the first
            await _demand_open(page, tx)
            user_id = await users.create(
                tx,
                email=given.email,
                name=given.name,
                password_hash=password_hash,
                language=page.say.language,
                now=page.runtime.clock(),
            )
            await open_session(page, tx, user_id, response)
    except UniqueViolation:
        form.refuse("email", page.say.gettext("This address has an account already: sign in."))
        return page.render("store/setup_owner.html", 422, form=form)
    return response


@router.get("/setup/store")
async def show_store(page: KnownPage) -> Response:
    """Step two: the store, with guesses that are mostly right."""
    async with page.transaction() as tx:
        await _demand_may_make(page, tx)
    country = places.country_of(page.request.headers.get("accept-language", ""))
    form = Form[StoreForm](guesses(country, page.say.language) | {"name": "", "country": country})
    return page.render("store/setup_store.html", form=form, **choices(page.say))


async def _demand_may_make(page: UserPage, tx: Tx) -> None:
    if not page.runtime.settings.signup_open and await stores.every(tx):
        raise HTTPException(404)


def guesses(country: str, language: str) -> dict[str, Any]:
    """What follows from a country, until its owner says otherwise."""
    return {
        "time_zone": places.zone_of(country),
        "currency": places.currency_of(country),
        "languages": places.languages_of(country, language),
        "quiet_from": QUIET_FROM,
        "quiet_until": QUIET_UNTIL,
    }


def choices(say: Speech) -> dict[str, Any]:
    """What the store's form offers to choose from."""
    return {
        "countries": places.countries(say.language),
        "currencies": places.currencies(say.language),
        "zones": places.zones(),
        "text_languages": [(code, places.LANGUAGE_NAMES[code]) for code in places.TEXT_LANGUAGES],
    }


@router.get("/setup/guesses")
async def show_guesses(page: KnownPage, country: str = "") -> Response:
    """The part of the form that follows from the country, when another one is chosen."""
    form = Form[StoreForm](guesses(country[:2], page.say.language))
    return page.render("store/setup_guesses.html", form=form, **choices(page.say))


@router.post("/setup/store")
async def make_store(page: KnownPage) -> Response:
    """Makes the store and shows it."""
    form = await read_form(page.request, StoreForm, page.say)
    if form.filled is None:
        return page.render("store/setup_store.html", 422, form=form, **choices(page.say))
    async with page.transaction() as tx:
        await stores.lock(tx)
        await _demand_may_make(page, tx)
        phones_name = page.say.gettext("Virtual phones")
        store = await open_store(
            tx, page.runtime, form.filled.settings(), page.user.id, phones_name
        )
    return page.go(f"/stores/{store.id}", page.say.gettext("Your store is ready."))


async def open_store(
    tx: Tx, runtime: Runtime, settings: StoreSettings, owner_id: int, phones_name: str
) -> Store:
    """A store with its owner and its virtual phones."""
    now = runtime.clock()
    store = await stores.create(tx, settings, now)
    await users.set_role(tx, owner_id, store.id, "owner")
    await gateways.create(
        tx,
        store_id=store.id,
        kind="sandbox",
        channel="sms",
        name=phones_name,
        settings={},
        secrets=runtime.sealer.seal({"password": new_token(6)}),
        now=now,
    )
    await audit.write(
        tx,
        store_id=store.id,
        row_id=runtime.ids.make(stores.buckets(store)[0]),
        user_id=owner_id,
        at=now,
        action="store.created",
        subject=store.name,
    )
    return store
