"""Customers: the list as one types, and one customer's page with the whole past (R78, N2).

What is changed on a customer's page stands in customer_deeds.py. Viewers see neither numbers nor
addresses, and cannot find parts of numbers either.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.crypto import new_token
from ringdove.kit.db import Tx
from ringdove.records import customers, lookups, timeline
from ringdove.records import phones as virtual
from ringdove.records.lookups import NO_END, Row
from ringdove.rules import people, phones
from ringdove.rules.facts import Customer
from ringdove.rules.scenes import Contact
from ringdove.web import composer
from ringdove.web import past_words as words
from ringdove.web.reasons import title
from ringdove.web.views import StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/customers", include_in_schema=False)

ContactId = Annotated[int, Path(ge=1, le=NO_END)]
Id = Annotated[int, Query(ge=0, le=NO_END)]
Place = Annotated[str, Query(max_length=40)]

DIGITS_MIN = 3  # of a number, before parts of numbers are looked for
TRUNK = re.compile(r"^(?:80|0+)")  # 8 (029) … and 029 …: how numbers begin at home


# ------------------------------------------------------------------ the list


@router.get("")
async def show_all(
    page: ViewerPage,
    q: Annotated[str, Query(max_length=200)] = "",
    doubtful: bool = False,
    before: Id = NO_END,
    down_to: Id = 0,
) -> Response:
    """Customers, newest first; `down_to` draws again what was shown."""
    q = q.replace("\x00", "").strip()
    most = customers.ROWS_MAX if down_to else customers.ROWS
    async with page.transaction() as tx:
        if q and not doubtful:
            rows = await _found(tx, page, q, before, most)
        else:
            rows = await customers.newest(tx, page.store, before, is_doubtful=doubtful, most=most)
    rows = [row for row in rows if row["id"] >= down_to]
    return page.render(
        "customers.html",
        rows=rows,
        q=q,
        doubtful=doubtful,
        more=rows[-1]["id"] if len(rows) == customers.ROWS and not down_to else None,
        marketing=lambda word: words.named(page.say, words.MARKETING, word),
    )


async def _found(tx: Tx, page: StorePage, q: str, before: int, most: int) -> Sequence[Row]:
    """Who is meant by a whole phone, address, account or order number; else by a part of a name,
    an address or a number."""
    if before == NO_END:
        for kind, value in _keys_in(q, page.store.country):
            if row := await lookups.customer_behind(tx, page.store, kind, value):
                return [row]
        number = q.lstrip("#№ ")
        if any(letter.isdigit() for letter in number) and " " not in number:
            if row := await customers.of_order(tx, page.store, number):
                return [row]
    digits = "" if page.say.masked else _digits_in(q)
    return await customers.like(tx, page.store, q, digits, before, most)


def _keys_in(q: str, country: str) -> list[tuple[str, str]]:
    phone = people.read_phone(Customer(phone=q), country)
    keys = [("phone", phone.e164)] if isinstance(phone, phones.Phone) else []
    return [*keys, ("email", q.lower()), ("order", q.lstrip("#№ ")), ("account", q)]


def _digits_in(q: str) -> str:
    digits = re.sub(r"[\s().+\-]", "", q)
    is_number = digits.isascii() and digits.isdigit() and len(digits) >= DIGITS_MIN
    return TRUNK.sub("", digits) if is_number else ""


# ------------------------------------------------------------------ one customer


@dataclass(frozen=True, slots=True)
class Known:
    """A customer's row, also as the rules know them."""

    row: Row
    person: Contact

    @property
    def name(self) -> str:
        return self.person.name


async def known(tx: Tx, page: StorePage, contact_id: int) -> Known:
    """The customer of an address, or no such page."""
    row = await lookups.customer(tx, page.store, contact_id)
    if row is None:
        raise HTTPException(404)
    return Known(row, Contact(**{**row, "zones": tuple(row["zones"])}))


@router.get("/{contact_id}")
async def show(
    page: ViewerPage, contact_id: ContactId, before: Place = "", down_to: Place = ""
) -> Response:
    """Who it is, what they allow, and all that happened, newest first."""
    return await render(page, contact_id, before=before, down_to=down_to)


async def render(
    page: StorePage,
    contact_id: int,
    status: int = 200,
    *,
    before: str = "",
    down_to: str = "",
    **more: Any,
) -> Response:
    """The customer's page; `more`: forms that came back."""
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
        permissions = await customers.permissions(tx, page.store, contact_id)
        point = timeline.point_of(down_to)
        if point:
            moments = await timeline.down_to(tx, page.store, contact_id, point)
        else:
            since = timeline.point_of(before) or timeline.END
            moments = await timeline.before(tx, page.store, contact_id, since)
        lines = await timeline.lines(tx, page.store, moments)
        on_phone = await virtual.texts(tx, page.store, who.person.phone or "", most=1)
    is_full = len(moments) == timeline.ROWS and point is None
    return page.render(
        "customer.html",
        status,
        **_head(page, who, permissions),
        moments=moments,
        lines=lines,
        virtual=on_phone[0].id if on_phone else None,
        more=str(moments[-1].point) if is_full else "",
        last=str(moments[-1].point) if moments else "",
        titled=lambda recipe: title(recipe, page.say.language),
        words=words,
        **(_forms(page, who) | more),
    )


def _head(page: StorePage, who: Known, permissions: dict[str, Row]) -> dict[str, Any]:
    person = who.person
    return {
        "who": person,
        "name": person.name or page.say.phone(person.phone) or page.say.gettext("no name"),
        "zones": words.zone_words(page.say, person, page.store),
        "permissions": permissions,
    }


def _forms(page: StorePage, who: Known) -> dict[str, Any]:
    return {
        "typed": "",
        "klass": "service",
        "key": new_token(),
        "look": composer.look(page, who.person, "", "service"),
        "consent_errors": {},
        "phone_error": "",
        "phone_typed": who.person.phone_doubt or "",
        "open_now": "",
    }
