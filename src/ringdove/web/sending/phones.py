"""Virtual phones (N11): what pretend customers received, and answers written as they would.

Nothing here reaches a real phone: writing goes to the sandbox SMSC, and an order is placed only
while the store's texts leave over the sandbox. A phone is named by one of its texts, so that no
address holds a number.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import phonenumbers
from fastapi import APIRouter, Path
from pydantic import StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.buckets import token_of
from ringdove.kit.db import Tx
from ringdove.records import facts as fact_records
from ringdove.records.sending import gateways, tries
from ringdove.records.sending import phones as records
from ringdove.records.sending.gateways import Gateway
from ringdove.records.store import stores
from ringdove.rules.facts import Fact
from ringdove.rules.people import phones
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.people.past_words import ORDER_STATES, named
from ringdove.web.sending.trying import DEEDS, deeds_of, placed
from ringdove.web.store import places
from ringdove.web.views import StorePage, SupportPage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/phones", include_in_schema=False)

TEXT_CHARS_MAX = 600
QUICK = ("STOP", "START", "HELP")
SHOWN = 60  # phones in the list, those with the newest texts
NEW_FOR = timedelta(minutes=10)
NUMBERS = 9_000  # of tried orders: T-1000 to T-9999; only people read them

TextId = Annotated[int, Path(ge=0, le=2**63 - 1)]


class Written(Filled):
    body: Annotated[str, StringConstraints(min_length=1, max_length=TEXT_CHARS_MAX)]


class NewCustomer(Filled):
    name: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    phone: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    language: Annotated[str, StringConstraints(max_length=12)] = ""


class DeedWish(Filled):
    deed: Annotated[str, StringConstraints(max_length=20)]


@dataclass(frozen=True, slots=True)
class Ways:
    """The sandbox of a store, and whether its texts leave over it now."""

    sandbox: Gateway | None
    first: Gateway | None

    @property
    def is_safe(self) -> bool:
        """A text that is made now stays on a virtual phone."""
        return self.first is not None and self.first.kind == "sandbox"


async def _ways(tx: Tx, page: StorePage) -> Ways:
    sms = [way for way in await gateways.of_store(tx, page.store.id) if way.channel == "sms"]
    sandbox = next((way for way in sms if way.kind == "sandbox"), None)
    first = min(sms, key=lambda way: (way.paused_at is not None, way.rank, way.id), default=None)
    return Ways(sandbox, first)


@router.get("")
async def show(page: ViewerPage) -> Response:
    """All phones, and the one with the newest text."""
    return await _render(page, None)


@router.get("/{text_id}")
async def show_one(page: ViewerPage, text_id: TextId) -> Response:
    """The phone that this text is on."""
    async with page.transaction() as tx:
        phone = await tries.phone_of(tx, page.store, text_id)
    if phone is None:
        raise HTTPException(404)
    return await _render(page, phone, is_chosen=True)


async def _render(
    page: StorePage,
    phone: str | None,
    status: int = 200,
    *,
    is_chosen: bool = False,
    form: Form[NewCustomer] | None = None,
) -> Response:
    async with page.transaction() as tx:
        ways = await _ways(tx, page)
        every = await records.every(tx, page.store, SHOWN)
        people = await tries.people(tx, page.store, [one.phone for one in every])
        if phone is None and every:
            phone = every[0].phone
        texts = await records.texts(tx, page.store, phone) if phone else []
        owner = people.get(phone) if phone else None
        tried = await tries.orders(tx, page.store, owner[0]) if owner else []
    now = page.runtime.clock()
    return page.render(
        "sending/phones.html",
        status,
        ways=ways,
        every=every,
        people=people,
        is_new=lambda one: one.last_direction == "to_phone" and now - one.last_at < NEW_FOR,
        phone=phone,
        owner=owner,
        texts=texts,
        tried=[
            (order, named(page.say, ORDER_STATES, order["state"]), deeds_of(order))
            for order in tried
        ],
        is_chosen=is_chosen,
        quick=QUICK,
        form=form or Form(_pretend(page)),
        languages=[(code, places.LANGUAGE_NAMES.get(code, code)) for code in page.store.languages],
    )


def _pretend(page: StorePage) -> dict[str, Any]:
    """A number that could be, in the store's country."""
    kind = phonenumbers.PhoneNumberType.MOBILE
    example = phonenumbers.example_number_for_type(page.store.country, kind)
    if example is None:
        return {}
    whole = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    other = f"{whole[:-4]}{secrets.randbelow(90) + 10}{secrets.randbelow(90) + 10}"
    known = phones.parse(other, None)
    return {"phone": phones.pretty(known.e164 if isinstance(known, phones.Phone) else whole)}


# ------------------------------------------------------------------ as the customer would


@router.post("/{text_id}/texts")
async def write(page: SupportPage, text_id: TextId) -> Response:
    """The pretend customer sends a text to the shop."""
    form = await read_form(page.request, Written, page.say)
    async with page.transaction() as tx:
        phone = await _phone(tx, page, text_id)
        sandbox = (await _ways(tx, page)).sandbox
        if form.filled is None or sandbox is None:
            raise HTTPException(422)
        texts = await records.texts(tx, page.store, phone)
        await records.write(
            tx,
            page.store,
            sandbox.id,
            phone=phone,
            shop_number=next((t.shop_number for t in texts[::-1] if t.shop_number), ""),
            body=form.filled.body,
            now=page.runtime.clock(),
            ids=page.runtime.ids,
        )
    return page.go(f"{page.home}/phones/{text_id}")


async def _phone(tx: Tx, page: StorePage, text_id: int) -> str:
    phone = await tries.phone_of(tx, page.store, text_id)
    if phone is None:
        raise HTTPException(404)
    return phone


@router.post("/orders")
async def order_as_new(page: SupportPage) -> Response:
    """Somebody new orders something; their phone appears with the first text."""
    _ = page.say.gettext
    form = await read_form(page.request, NewCustomer, page.say)
    if form.filled is None:
        return await _render(page, None, 422, form=form)
    phone = phones.parse(form.filled.phone, page.store.country)
    if isinstance(phone, phones.Doubtful):
        form.refuse("phone", _("This cannot be read as a number that receives texts."))
        return await _render(page, None, 422, form=form)
    async with page.transaction() as tx:
        await _order(tx, page, phone.e164, form.filled.name, form.filled.language)
    return page.go(f"{page.home}/phones", _("The order is placed. Its text comes in a moment."))


@router.post("/{text_id}/orders")
async def order(page: SupportPage, text_id: TextId) -> Response:
    """The customer with this phone orders something."""
    async with page.transaction() as tx:
        await _order(tx, page, await _phone(tx, page, text_id), "", "")
    return page.go(f"{page.home}/phones/{text_id}")


async def _order(tx: Tx, page: StorePage, phone: str, name: str, language: str) -> None:
    if not (await _ways(tx, page)).is_safe:
        raise HTTPException(409)  # its texts would go to a real phone
    runtime, store = page.runtime, page.store
    key = tries.KEY_PREFIX + token_of(runtime.ids.make(stores.of_key(store, f"phone/{phone}")))
    number = f"T-{1000 + secrets.randbelow(NUMBERS)}"
    good = page.say.gettext("A blue teapot")
    now = runtime.clock()
    await _tell(tx, page, placed(store, key, number, phone, name, language, good, now))


async def _tell(tx: Tx, page: StorePage, fact: Fact) -> None:
    now = page.runtime.clock()
    await fact_records.write(tx, page.store, 0, [fact], now, page.runtime.ids)


@router.post("/{text_id}/orders/{key}/events")
async def go_on(page: SupportPage, text_id: TextId, key: str) -> Response:
    """The next thing happens to a tried order."""
    form = await read_form(page.request, DeedWish, page.say)
    async with page.transaction() as tx:
        found = await _tried(tx, page, await _phone(tx, page, text_id), key)
        offered = dict(deeds_of(found))
        if form.filled is None or form.filled.deed not in offered:
            return page.go(f"{page.home}/phones/{text_id}")  # it has happened meanwhile
        if not (await _ways(tx, page)).is_safe:
            raise HTTPException(409)
        deed = DEEDS[form.filled.deed]
        await _tell(tx, page, deed.fact(key, found["number"], page.runtime.clock()))
    return page.go(f"{page.home}/phones/{text_id}")


async def _tried(tx: Tx, page: StorePage, phone: str, key: str) -> Mapping[str, Any]:
    owner = (await tries.people(tx, page.store, [phone])).get(phone)
    orders = await tries.orders(tx, page.store, owner[0]) if owner else []
    found = next((one for one in orders if one["key"] == key), None)
    if found is None:
        raise HTTPException(404)
    return found
