"""Customers: the list as one types, and one customer's page with the whole past (R78, N2).

What is changed on a customer's page stands in customer_deeds.py. Viewers see neither numbers nor
addresses, and cannot find parts of numbers either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.crypto import new_token
from ringdove.kit.db import Tx
from ringdove.records.campaigns import campaigns
from ringdove.records.goods import goods_choice
from ringdove.records.people import (
    customers,
    doubles,
    lookups,
    merges,
    own_fields,
    people,
    timeline,
)
from ringdove.records.people.lookups import NO_END, Row
from ringdove.records.reports import attribution
from ringdove.records.segments import habits
from ringdove.records.sending import phones as virtual
from ringdove.records.store import connections
from ringdove.rules.people import phone_readings, phones, stages
from ringdove.rules.scenes import Contact
from ringdove.web.complaints import complaint_words
from ringdove.web.consent import consent
from ringdove.web.people import habit_words
from ringdove.web.people import past_words as words
from ringdove.web.reasons import title
from ringdove.web.reports import report_words
from ringdove.web.sending import composer
from ringdove.web.store import policy_words
from ringdove.web.tasks import task_words
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
    person = await people.find(tx, page.store, contact_id)
    if row is None or person is None:
        raise HTTPException(404)
    return Known(row, person)


@router.get("/{contact_id}")
async def show(
    page: ViewerPage,
    contact_id: ContactId,
    before: Place = "",
    down_to: Place = "",
    stage: Place = "",
) -> Response:
    """Who it is, what they allow, and all that happened, newest first. Who was merged into another
    is shown as that one."""
    async with page.transaction() as tx:
        person = await people.find(tx, page.store, contact_id)
    if person and person.merged_into:
        return page.go(f"{page.home}/customers/{person.merged_into}")
    return await render(page, contact_id, before=before, down_to=down_to, stage=stage)


async def render(
    page: StorePage,
    contact_id: int,
    status: int = 200,
    *,
    before: str = "",
    down_to: str = "",
    stage: str = "",
    **more: Any,
) -> Response:
    """The customer's page; `more`: forms that came back."""
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
        permissions = await customers.permissions(tx, page.store, contact_id)
        story = await consent.load(tx, page, contact_id)
        stage = stage if stage in stages.STAGES else ""
        names = (contact_id, *who.person.also)
        point = timeline.point_of(down_to)
        if point:
            moments = await timeline.down_to(tx, page.store, names, point, stage)
        else:
            since = timeline.point_of(before) or timeline.END
            moments = await timeline.before(tx, page.store, names, since, stage=stage)
        lines = await timeline.lines(tx, page.store, moments)
        claims = await _claims(tx, page, names, moments)
        on_phone = await virtual.texts(tx, page.store, who.person.phone or "", most=1)
        own = await own_fields.of_store(tx, page.store)
        one = await _as_one(tx, page, who.person)
        told_by = await _told_by(tx, page, who.person)
        kept = await habits.of_person(tx, page.store, contact_id, page.say.now)
        goods = await goods_choice.for_person(tx, page.store, contact_id, page.say.now)
        elsewhere = await lookups.spent_elsewhere(tx, page.store, names)
    is_full = len(moments) == timeline.ROWS and point is None
    return page.render(
        "people/customer.html",
        status,
        **_head(page, who, permissions),
        story=story,
        stage=stage,
        own=[field for field in own.values() if not field.is_retired],
        told_by=told_by,
        habits=kept,
        goods=goods,
        elsewhere=elsewhere,
        habit_words=habit_words,
        readings=_readings(page, who.person),
        **one,
        moments=moments,
        lines=lines,
        claims=claims,
        virtual=on_phone[0].id if on_phone else None,
        more=str(moments[-1].point) if is_full else "",
        last=str(moments[-1].point) if moments else "",
        titled=lambda recipe: title(recipe, page.say.language, page.say.own),
        words=words,
        task_words=task_words,
        complaint_words=complaint_words,
        **(_forms(page, who) | more),
    )


async def _claims(
    tx: Tx, page: StorePage, names: Sequence[int], moments: Sequence[timeline.Moment]
) -> dict[int, tuple[Row, str, str]]:
    """The orders among these moments that a text claims: which one, as it is called, and why."""
    placed = [one.row["placed_at"] for one in moments if one.kind == "order"]
    if not placed:
        return {}
    until = max(placed) + timedelta(seconds=1)
    rows = await attribution.of_person(tx, page.store, names, min(placed), until)
    found = {}
    for row in rows:
        if row["message_id"]:
            campaign = row["campaign_id"] and await campaigns.find(
                tx, page.store.id, row["campaign_id"]
            )
            called = {campaign.id: campaign.name} if campaign else {}
            subject = report_words.subject(page.say, called, row["campaign_id"] or 0, row["recipe"])
            found[row["order_id"]] = (row, subject, report_words.why(page.say, row))
    return found


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
        "offer": composer.Offer(),
        "offer_topics": policy_words.topics(page.say, page.store),
        "consent_errors": {},
        "phone_error": "",
        "phone_typed": who.person.phone_doubt or "",
        "open_now": "",
        "phone_of": None,
        "number_error": "",
        "number_typed": "",
        "number_of": None,
    }


async def _as_one(tx: Tx, page: StorePage, person: Contact) -> dict[str, Any]:
    """What makes several one: earlier numbers, merges that can be undone, who else it may be."""
    if not page.may("support"):
        return {"earlier": [], "undoable": [], "alike": []}
    known = await merges.of_contact(tx, page.store, person.id)
    return {
        "earlier": await people.earlier_numbers(tx, page.store, person),
        "undoable": [one for one in known if merges.can_be_undone(one, page.runtime.clock())],
        "alike": await doubles.of_person(tx, page.store, person, page.say.now),
    }


async def _told_by(tx: Tx, page: StorePage, person: Contact) -> str:
    """Which connection told of them first, by its name."""
    kind, _, number = person.origin_note.partition("/")
    if kind != "connection":
        return person.origin_note
    for one in await connections.of_store(tx, page.store.id):
        if str(one.id) == number:
            return one.name
    return ""


def _readings(page: StorePage, person: Contact) -> list[phones.Phone]:
    """What a number that could not be read may have meant."""
    if person.phone or not person.phone_doubt or page.say.masked:
        return []
    countries = (person.country, page.store.country)
    return phone_readings.readings(person.phone_doubt, countries)
