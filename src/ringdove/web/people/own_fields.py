"""Which fields of its own a store keeps of its customers: define, rename, retire (R22)."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.records.people import own_fields
from ringdove.rules.people.own_fields import KINDS, Kind, OwnField, mistake
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.menu import N_
from ringdove.web.speech import Speech
from ringdove.web.views import MarketerPage, StorePage

router = APIRouter(prefix="/stores/{store_id}/fields", include_in_schema=False)

FieldKey = Annotated[str, Path(max_length=40)]
KIND_NAMES: dict[Kind, str] = {
    "text": N_("Text"),
    "number": N_("A number"),
    "date": N_("Date"),
    "yes_no": N_("Yes or no"),
    "choice": N_("One of a list"),
}
MISTAKES = {
    "key": N_("Small Latin letters, digits and _, beginning with a letter."),
    "title": N_("Please fill this in."),
    "choices": N_("Say what can be chosen, one a line."),
    "many": N_("Fifty fields are the most."),
}


class NewField(Filled):
    key: Annotated[str, StringConstraints(max_length=40)]
    title: Annotated[str, StringConstraints(max_length=80)]
    kind: Kind
    choices: Annotated[str, StringConstraints(max_length=5_000)] = ""


class Change(Filled):
    title: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    choices: Annotated[str, StringConstraints(max_length=5_000)] = ""


def lines(typed: str) -> tuple[str, ...]:
    """What can be chosen, one a line, each once."""
    return tuple(dict.fromkeys(one.strip() for one in typed.splitlines() if one.strip()))


@router.get("")
async def show_all(page: MarketerPage) -> Response:
    """The store's own fields."""
    return await _render(page)


async def _render(
    page: StorePage, form: Form[Any] | None = None, status: int = 200, **more: Any
) -> Response:
    async with page.transaction() as tx:
        own = await own_fields.of_store(tx, page.store)
    return page.render(
        "people/own_fields.html",
        status,
        fields=list(own.values()),
        kinds=kinds(page.say),
        kind_names=dict(kinds(page.say)),
        **({"form": form or Form({"kind": "text"}), "open_now": "", "wrong_of": ""} | more),
    )


def kinds(say: Speech) -> list[tuple[Kind, str]]:
    """The types with their names."""
    return [(kind, say.gettext(KIND_NAMES[kind])) for kind in KINDS]


@router.post("")
async def define(page: MarketerPage) -> Response:
    """One more field."""
    form = await read_form(page.request, NewField, page.say)
    if given := form.filled:
        choices = lines(given.choices) if given.kind == "choice" else ()
        field = OwnField(given.key, given.title, given.kind, choices)
        async with page.transaction() as tx:
            own = await own_fields.of_store(tx, page.store)
            wrong = mistake(own.values(), field)
            if field.key in own:
                form.refuse("key", page.say.gettext("There is a field with this key."))
            elif wrong:
                name = "key" if wrong == "many" else wrong
                form.refuse(name, page.say.gettext(MISTAKES[wrong]))
            else:
                await own_fields.save(tx, page.store, field, page.runtime.clock())
                await page.audit(tx, "field.defined", field.title, key=field.key)
    if form.filled is None:
        return await _render(page, form, 422, open_now="field-dialog")
    return page.go(f"{page.home}/fields", page.say.gettext("Saved."))


@router.post("/{key}")
async def change(page: MarketerPage, key: FieldKey) -> Response:
    """Another title, or other choices; what was chosen before stays as it is."""
    form = await read_form(page.request, Change, page.say)
    async with page.transaction() as tx:
        field = (await own_fields.of_store(tx, page.store)).get(key)
        if field is None:
            raise HTTPException(404)
        if form.filled is None:
            return page.go(f"{page.home}/fields", page.say.gettext("It needs a title."))
        choices = lines(form.filled.choices) if field.kind == "choice" else ()
        new = OwnField(key, form.filled.title, field.kind, choices, field.is_retired)
        if mistake([], new):
            return page.go(f"{page.home}/fields", page.say.gettext(MISTAKES["choices"]))
        await own_fields.save(tx, page.store, new, page.runtime.clock())
        await page.audit(tx, "field.changed", new.title, key=key)
    return page.go(f"{page.home}/fields", page.say.gettext("Saved."))


@router.post("/{key}/retirement")
async def retire(page: MarketerPage, key: FieldKey) -> Response:
    """Out of use, or in use again: its values are kept, but neither shown nor taken."""
    async with page.transaction() as tx:
        field = (await own_fields.of_store(tx, page.store)).get(key)
        if field is None:
            raise HTTPException(404)
        new = OwnField(key, field.title, field.kind, field.choices, not field.is_retired)
        await own_fields.save(tx, page.store, new, page.runtime.clock())
        deed = "field.retired" if new.is_retired else "field.restored"
        await page.audit(tx, deed, field.title, key=key)
    return page.go(f"{page.home}/fields", page.say.gettext("Saved."))
