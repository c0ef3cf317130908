"""What is known of one customer, written down by support: the form, another number.

Each is a fact of our own, answered like all others; the shop's own word later is newer.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records import facts as fact_records
from ringdove.records.people import lookups, own_fields, people
from ringdove.rules.facts import Fact, PersonEdited, PhoneChanged
from ringdove.rules.people import phones
from ringdove.rules.people.own_fields import OwnField, read
from ringdove.rules.scenes import Contact
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.menu import N_
from ringdove.web.people.customers import ContactId, render
from ringdove.web.store.setup import choices
from ringdove.web.views import StorePage, SupportPage

router = APIRouter(prefix="/stores/{store_id}/customers/{contact_id}", include_in_schema=False)

WRITER_MAX = 60
CHILDREN_MAX = 20
Line = Annotated[str, StringConstraints(max_length=200)]

WRONG_VALUE = {
    "number": N_("A number, please."),
    "date": N_("A date, please."),
    "yes_no": N_("Yes or no, please."),
    "choice": N_("Choose one of the list."),
    "long": N_("This is too long."),
}


class Edited(Filled):
    name: Line = ""
    email: Annotated[str, StringConstraints(max_length=320, pattern=r"^$|^\S+@\S+$")] = ""
    language: Annotated[str, StringConstraints(max_length=2)] = ""
    country: Annotated[str, StringConstraints(max_length=2)] = ""
    region: Line = ""
    city: Line = ""
    sex: Annotated[str, StringConstraints(pattern="^[fm]?$")] = ""
    birthday: Annotated[str, StringConstraints(max_length=10)] = ""
    children: Annotated[str, StringConstraints(max_length=400)] = ""


class Number(Filled):
    phone: Annotated[str, StringConstraints(max_length=60)] = ""
    released: Annotated[str, StringConstraints(max_length=60)] = ""


async def living(tx: Tx, page: StorePage, contact_id: int) -> Contact:
    """The one person of an address, or no such page."""
    person = await people.living(tx, page.store, contact_id)
    if person is None:
        raise HTTPException(404)
    return person


async def tell(page: StorePage, fact: Fact, action: str, subject: str, **detail: Any) -> None:
    """A fact of our own, with its line in the audit."""
    async with page.transaction() as tx:
        now = page.runtime.clock()
        await fact_records.write(tx, page.store, 0, [fact], now, page.runtime.ids)
        await page.audit(tx, action, subject, **detail)


def writer(page: StorePage) -> str:
    """Who does it, as it is kept."""
    return f"page/{page.user.name}"[:WRITER_MAX]


# ------------------------------------------------------------------ the form


@router.get("/edit")
async def show_edit(page: SupportPage, contact_id: ContactId) -> Response:
    """All that can be written down of a customer."""
    async with page.transaction() as tx:
        person = await living(tx, page, contact_id)
        own = await own_fields.of_store(tx, page.store)
    if person.id != contact_id:
        return page.go(f"{page.home}/customers/{person.id}/edit")
    return _render(page, person, own, Form[Edited](_typed(person, own)))


@router.post("/edit")
async def save_edit(page: SupportPage, contact_id: ContactId) -> Response:
    """Writes down what was changed."""
    async with page.transaction() as tx:
        person = await living(tx, page, contact_id)
        own = await own_fields.of_store(tx, page.store)
    form = await read_form(page.request, Edited, page.say)
    given = await page.request.form()
    told: dict[str, Any] = {}
    for field in _in_use(own):
        name = f"own_{field.key}"
        typed = str(given.get(name, "")).replace("\x00", "")[:1_000]
        form.values[name] = typed
        try:
            told[field.key] = read(field, typed)
        except ValueError as wrong:
            form.refuse(name, page.say.gettext(WRONG_VALUE[str(wrong)]))
    fact = None
    if form.filled:
        try:
            fact = _fact(page, person, form.filled, told)
        except ValueError as wrong:
            form.refuse(str(wrong), page.say.gettext(WRONG_VALUE["date"]))
    if fact is None:
        return _render(page, person, own, form, 422)
    changed = sorted(fact.model_dump(exclude_defaults=True).keys() - {"id", "at", "contact", "by"})
    if changed:
        await tell(page, fact, "customer.edited", person.name or str(person.id), fields=changed)
    return page.go(f"{page.home}/customers/{person.id}", page.say.gettext("Saved."))


def _fact(page: StorePage, person: Contact, form: Edited, own: Mapping[str, Any]) -> PersonEdited:
    """What differs from what is known. Raises ValueError with the field that is no date."""
    now = page.runtime.clock()
    told: dict[str, Any] = {}
    for name in ("name", "email", "language", "country", "region", "city", "sex"):
        value = getattr(form, name)
        if value != (getattr(person, name) or ""):
            told[name] = value
    birthday = _day(form.birthday, "birthday")
    if birthday != person.birthday:
        told |= {"birthday": birthday} if birthday else {"cleared": ("birthday",)}
    days = [_day(one, "children") for one in form.children.replace(";", ",").split(",")]
    children = tuple(sorted({one for one in days if one}))[:CHILDREN_MAX]
    if children != person.children:
        told["children"] = children
    fields = {key: value for key, value in own.items() if value != person.fields.get(key)}
    if fields:
        told["fields"] = fields
    key = f"page/edit/{person.id}/{now:%Y%m%dT%H%M%S%f}"
    return PersonEdited(id=key, at=now, contact=person.id, by=writer(page), **told)


def _day(typed: str, name: str) -> date | None:
    try:
        kept = read(OwnField(name, name, "date"), typed)
    except ValueError:
        raise ValueError(name) from None
    return date.fromisoformat(str(kept)) if kept else None


def _in_use(own: Mapping[str, OwnField]) -> list[OwnField]:
    return [field for field in own.values() if not field.is_retired]


def _typed(person: Contact, own: Mapping[str, OwnField]) -> dict[str, Any]:
    typed: dict[str, Any] = {
        name: getattr(person, name) or ""
        for name in ("name", "email", "language", "country", "region", "city", "sex")
    }
    typed["birthday"] = person.birthday.isoformat() if person.birthday else ""
    typed["children"] = ", ".join(one.isoformat() for one in person.children)
    for field in _in_use(own):
        value = person.fields.get(field.key)
        yes_no = {True: "yes", False: "no"}.get(value) if isinstance(value, bool) else None
        typed[f"own_{field.key}"] = "" if value is None else yes_no or value
    return typed


def _render(
    page: StorePage, person: Contact, own: Mapping[str, OwnField], form: Form[Any],
    status: int = 200,
) -> Response:  # fmt: skip
    lists = choices(page.say)
    _ = page.say.gettext
    served = [(code, name) for code, name in lists["text_languages"]]
    return page.render(
        "people/customer_edit.html",
        status,
        who=person,
        name=person.name or page.say.phone(person.phone) or _("no name"),
        form=form,
        own=_in_use(own),
        choices={
            field.key: _choices(page, field, str(form.values.get(f"own_{field.key}", "")))
            for field in _in_use(own)
        },
        countries=[("", _("not told")), *lists["countries"]],
        languages=[("", _("not told")), *served],
        sexes=[("", _("not told")), ("f", _("woman")), ("m", _("man"))],
    )


def _choices(page: StorePage, field: OwnField, chosen: str) -> list[tuple[str, str]]:
    """What can be chosen; what was chosen before it was taken from the list stays."""
    every = dict.fromkeys([*field.choices, *([chosen] if chosen else [])])
    return [("", page.say.gettext("not told")), *((one, one) for one in every)]


# ------------------------------------------------------------------ another number


@router.post("/number")
async def change_number(page: SupportPage, contact_id: ContactId) -> Response:
    """A new number, or one that belongs to somebody else now."""
    _ = page.say.gettext
    async with page.transaction() as tx:
        person = await living(tx, page, contact_id)
        numbers = [person.phone, *await people.earlier_numbers(tx, page.store, person)]
    form = await read_form(page.request, Number, page.say)
    given = form.filled or Number()
    wrong, new, other = form.errors.get("phone", ""), "", None
    if given.released and given.released not in numbers:
        raise HTTPException(422)
    if given.phone:
        read_ = phones.parse(given.phone, person.country or page.store.country)
        if isinstance(read_, phones.Doubtful):
            wrong = _("This cannot be read as a number that receives texts.")
        else:
            new = read_.e164
            async with page.transaction() as tx:
                other = await lookups.customer_behind(tx, page.store, "phone", new)
            if other and other["id"] != person.id:
                wrong = _("This is the number of %(name)s already.", name=other["name"] or "…")
            else:
                other = None
    elif not given.released:
        wrong = _("Please fill this in.")
    if wrong:
        return await render(
            page, person.id, 422, number_error=wrong, number_typed=given.phone,
            number_of=other and other["id"], open_now="number-dialog",
        )  # fmt: skip
    now = page.runtime.clock()
    fact = PhoneChanged(
        id=f"page/number/{person.id}/{now:%Y%m%dT%H%M%S%f}",
        at=now,
        contact=person.id,
        phone=new,
        released=given.released,
        by=writer(page),
    )
    await tell(page, fact, "customer.number_changed", person.name or str(person.id))
    return page.go(f"{page.home}/customers/{person.id}", _("Written down."))
