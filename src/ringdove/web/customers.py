"""Customers: the list as one types, and one customer's page with the whole past (R78, N2).

What is changed on a customer's page stands in customer_deeds.py. Viewers see neither numbers nor
addresses, and cannot find parts of numbers either.
"""

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
from ringdove.rules.scenes import Contact
from ringdove.web import composer, consent
from ringdove.web import past_words as words
from ringdove.web.reasons import title
from ringdove.web.views import StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/customers", include_in_schema=False)

ContactId = Annotated[int, Path(ge=1, le=NO_END)]
Id = Annotated[int, Query(ge=0, le=NO_END)]
Place = Annotated[str, Query(max_length=40)]

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
        story = await consent.load(tx, page, contact_id)
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
        story=story,
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
