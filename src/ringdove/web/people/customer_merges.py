"""Two customers are one person: who they are side by side, what a merge will do, and its undo."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.people import doubles, merges, people
from ringdove.records.people.lookups import NO_END
from ringdove.rules.facts import PeopleMerged, PeopleParted
from ringdove.rules.people import merging, searching
from ringdove.rules.scenes import Contact
from ringdove.web.forms import Filled, read_form
from ringdove.web.people import past_words as words
from ringdove.web.people.customer_edits import living, tell, writer
from ringdove.web.people.customers import ContactId
from ringdove.web.views import StorePage, SupportPage

router = APIRouter(prefix="/stores/{store_id}/customers/{contact_id}", include_in_schema=False)

MergeId = Annotated[int, Path(ge=1, le=NO_END)]
OtherId = Annotated[int, Query(alias="with", ge=0, le=NO_END)]


class Other(Filled):
    other: Annotated[str, StringConstraints(pattern=r"^\d{1,19}$")]


@dataclass(frozen=True, slots=True)
class Said:
    """What a merge will do, in sentences."""

    can: bool
    sentences: tuple[str, ...]


@router.get("/merge")
async def show(
    page: SupportPage,
    contact_id: ContactId,
    other_id: OtherId = 0,
    typed: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Whom this customer may be, and what will be if they are one."""
    _ = page.say.gettext
    async with page.transaction() as tx:
        person = await living(tx, page, contact_id)
        other, wrong = None, ""
        if other_id:
            other = await people.living(tx, page.store, other_id)
        elif typed:
            other = await _found(tx, page, typed.replace("\x00", ""))
            wrong = "" if other else _("Nobody has this number, address or account.")
        if other and other.id == person.id:
            other, wrong = None, _("This is the same customer.")
        alike = [] if other else await doubles.of_person(tx, page.store, person, page.say.now)
    if person.id != contact_id:
        return page.go(f"{page.home}/customers/{person.id}")
    return page.render(
        "people/customer_merge.html",
        who=person,
        other=other,
        name=_name(page, person),
        named=lambda one: _name(page, one),
        alike=alike,
        typed=typed,
        wrong=wrong,
        will=_will(page, person, other) if other else None,
        words=words,
    )


async def _found(tx: Tx, page: StorePage, typed: str) -> Contact | None:
    keys = searching.keys_in(typed, page.store.country)
    owners = await people.behind(tx, page.store, keys)
    for key in keys:
        if key in owners:
            return await people.living(tx, page.store, owners[key])
    return None


def _name(page: StorePage, one: Contact) -> str:
    return one.name or page.say.phone(one.phone) or page.say.gettext("no name")


def _will(page: StorePage, main: Contact, other: Contact) -> Said:
    _, names = page.say.gettext, {"name": _name(page, main), "other": _name(page, other)}
    if len(main.also) + len(other.also) + 1 > merging.ALSO_MAX:
        return Said(False, (_("These are too many contacts for one person."),))
    one = merging.joined(main, other)
    told = [
        _("%(name)s stays; whatever comes for %(other)s is theirs from now on.", **names),
        page.say.ngettext(
            "Together they have %(num)s order.", "Together they have %(num)s orders.", one.orders
        ),
    ]
    if main.phone and other.phone and main.phone != other.phone:
        told.append(
            _(
                "Texts go to %(phone)s. STOP counts from %(old)s as well.",
                phone=page.say.phone(main.phone), old=page.say.phone(other.phone),
            )
        )  # fmt: skip
    if one.marketing == "out":
        told.append(_("No offers: a no was said last, or nobody knows when."))
    elif one.marketing == "in":
        told.append(_("Offers may go: a yes was said last, for this number."))
    elif one.marketing == "asked" and "in" in (main.marketing, other.marketing):
        told.append(
            _("The yes was given for the other number: offers wait until this one confirms.")
        )
    told.append(_("Offers that wait for %(other)s are taken back.", **names))
    told.append(_("It can be undone for a day."))
    return Said(True, tuple(told))


@router.post("/merge")
async def merge(page: SupportPage, contact_id: ContactId) -> Response:
    """They are one."""
    _ = page.say.gettext
    form = await read_form(page.request, Other, page.say)
    async with page.transaction() as tx:
        main = await living(tx, page, contact_id)
        if form.filled is None:
            raise HTTPException(422)
        other = await living(tx, page, min(int(form.filled.other), NO_END))
    address = f"{page.home}/customers/{main.id}"
    if main.id == other.id or not _will(page, main, other).can:
        return page.go(address, _("This is the same customer."))
    now = page.runtime.clock()
    fact = PeopleMerged(
        id=f"page/merge/{main.id}/{other.id}/{now:%Y%m%dT%H%M%S%f}",
        at=now,
        contact=main.id,
        other=other.id,
        by=writer(page),
    )
    await tell(page, fact, "customer.merged", _name(page, main), other=str(other.id))
    return page.go(address, _("They are one customer now. It can be undone for a day."))


@router.post("/merges/{merge_id}/undo")
async def undo(page: SupportPage, contact_id: ContactId, merge_id: MergeId) -> Response:
    """They are two again."""
    _ = page.say.gettext
    now = page.runtime.clock()
    async with page.transaction() as tx:
        person = await living(tx, page, contact_id)
        known = await merges.find(tx, page.store, merge_id)
    if known is None or known.contact_id != person.id:
        raise HTTPException(404)
    address = f"{page.home}/customers/{person.id}"
    if not merges.can_be_undone(known, now):
        return page.go(address, _("It cannot be undone any more."))
    fact = PeopleParted(
        id=f"page/part/{merge_id}", at=now, contact=person.id, merge=merge_id, by=writer(page)
    )
    await tell(page, fact, "customer.parted", _name(page, person), other=str(known.other_id))
    return page.go(address, _("They are two customers again."))
