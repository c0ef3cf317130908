"""What programs change of one customer: what is known, the number, a merge and its undo; and the
fields of the store's own. All of it as facts, like on the pages."""

from datetime import date
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from ringdove.kit.db import Tx
from ringdove.records import facts
from ringdove.records.goods import goods_choice
from ringdove.records.people import doubles, lookups, merges, own_fields, people
from ringdove.records.segments import habits
from ringdove.rules.facts import (
    Fact,
    OwnKey,
    OwnValue,
    PeopleMerged,
    PeopleParted,
    PersonEdited,
    PhoneChanged,
    PhoneSettled,
)
from ringdove.rules.people import merging, phone_readings, phones
from ringdove.rules.people.own_fields import Kind, OwnField, mistake, read
from ringdove.rules.scenes import Contact
from ringdove.web.api.callers import Caller, MarketerKey, SupportKey, ViewerKey
from ringdove.web.api.tell import RowId, Taken, Told

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Customers"])

Shown = dict[str, Any]
Line = Annotated[str, Field(max_length=200)]
FieldKey = Annotated[str, Path(max_length=40, description="Small Latin letters, digits and _.")]
WRITER_MAX = 60

WRONG_VALUE = {
    "number": "a number is wanted",
    "date": "a date is wanted, as 2026-11-22",
    "yes_no": "true or false is wanted",
    "choice": "it is not one of the choices",
    "long": "it is longer than 500 signs",
}
WRONG_FIELD = {
    "key": "key: small Latin letters, digits and _, beginning with a letter.",
    "title": "title: from 1 to 80 signs.",
    "choices": "choices: a field of the kind choice needs from 1 to 100.",
    "many": "Fifty fields are the most.",
}


class PersonChange(Told):
    """What is left out stays as it was; an empty text or null empties it."""

    name: Line | None = None
    email: Annotated[str, Field(max_length=320, pattern=r"^$|^\S+@\S+$")] | None = None
    language: Annotated[str, Field(max_length=12)] | None = None
    country: Annotated[str, Field(pattern="^([A-Za-z]{2})?$")] | None = None
    region: Line | None = None
    city: Line | None = None
    sex: Literal["", "f", "m"] | None = None
    birthday: date | None = None
    children: Annotated[list[date], Field(max_length=20)] | None = None
    zones: Annotated[list[str], Field(max_length=40)] | None = Field(
        None, description="IANA zones that they may be in. []: as place and number tell."
    )
    fields: dict[OwnKey, OwnValue] | None = Field(None, description="The store's own, by key.")


class NumberChange(Told):
    """A new number, or one that belongs to somebody else now, or both."""

    phone: str = Field("", max_length=60)
    released: str = Field(
        "", max_length=60, description="A whole number of theirs that is no longer theirs."
    )


class Settled(Told):
    """What a number that could not be read is."""

    phone: str = Field("", max_length=60, description="Empty: it is not a number.")


class MergeWish(Told):
    """Who is the same person as the customer of the address."""

    other: str = Field(pattern=r"^\d{1,19}$", examples=["382743391844000012"])


class FieldWish(Told):
    """A field of the store's own. Its kind cannot be changed later."""

    title: str = Field(min_length=1, max_length=80)
    kind: Kind
    choices: Annotated[list[str], Field(max_length=100)] = Field(default_factory=list)
    is_retired: bool = Field(False, description="Its values are kept, but neither shown nor taken.")


class FieldShown(BaseModel):
    """A field of the store's own."""

    key: str
    title: str
    kind: str
    choices: list[str]
    is_retired: bool


async def _living(tx: Tx, caller: Caller, contact_id: int) -> Contact:
    person = await people.living(tx, caller.store, contact_id)
    if person is None:
        raise HTTPException(404, "No customer has this id.")
    return person


async def _tell(tx: Tx, caller: Caller, fact: Fact, deed: str, subject: int, **more: Any) -> Taken:
    new = await facts.write(tx, caller.store, 0, [fact], caller.now, caller.runtime.ids)
    await caller.audit(tx, deed, str(subject), **more)
    return Taken(accepted=new > 0)


def _key(caller: Caller, deed: str, contact_id: int) -> dict[str, Any]:
    return {
        "id": f"api/{deed}/{contact_id}/{caller.now:%Y%m%dT%H%M%S%f}",
        "at": caller.now,
        "contact": contact_id,
    }


def _by(caller: Caller) -> str:
    return f"api/{caller.key_name}"[:WRITER_MAX]


@router.patch("/customers/{contact_id}", status_code=202, summary="Change what is known")
async def change_person(contact_id: RowId, change: PersonChange, caller: SupportKey) -> Taken:
    """Writes down what is known of a customer. What the shop tells later is newer."""
    given = change.model_dump(exclude_unset=True)
    if unknown := set(given.get("zones") or ()) - available_timezones():
        raise HTTPException(422, f"zones: {min(unknown)} is no zone; write it as Europe/Minsk.")
    told: dict[str, Any] = {name: "" if value is None else value for name, value in given.items()}
    if "birthday" in given and given["birthday"] is None:
        del told["birthday"]
        told["cleared"] = ("birthday",)
    for name in ("children", "zones", "fields"):
        if told.get(name) == "":
            told[name] = {} if name == "fields" else ()
    async with caller.transaction() as tx:
        person = await _living(tx, caller, contact_id)
        if told.get("fields"):
            own = await own_fields.of_store(tx, caller.store)
            told["fields"] = _checked(own, told["fields"])
        if not told:
            return Taken(accepted=False)
        fact = PersonEdited(**_key(caller, "edit", person.id), by=_by(caller), **told)
        fields = sorted(given)
        return await _tell(tx, caller, fact, "customer.edited", person.id, fields=fields)


def _checked(own: dict[str, OwnField], told: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for key, value in told.items():
        field = own.get(key)
        if field is None or field.is_retired:
            raise HTTPException(422, f"fields.{key}: define it first, with PUT /fields/{key}.")
        try:
            found[key] = read(field, value)
        except ValueError as wrong:
            raise HTTPException(422, f"fields.{key}: {WRONG_VALUE[str(wrong)]}.") from None
    return found


# ------------------------------------------------------------------ numbers


@router.post("/customers/{contact_id}/number", status_code=202, summary="Another number")
async def change_number(contact_id: RowId, change: NumberChange, caller: SupportKey) -> Taken:
    """A no stays a no. A yes was given for the number before: offers wait until the new one
    answers START or its consent is written down. The number before stays theirs, so that a STOP
    from it counts, unless it is `released`: then it leads to nobody."""
    if not (change.phone or change.released):
        raise HTTPException(422, "Give a phone, or the number that is released.")
    async with caller.transaction() as tx:
        person = await _living(tx, caller, contact_id)
        phone = await _free_number(tx, caller, person, change.phone) if change.phone else ""
        if change.released:
            numbers = [person.phone, *await people.earlier_numbers(tx, caller.store, person)]
            if change.released not in numbers:
                raise HTTPException(422, "released: this is not a number of this customer.")
        fact = PhoneChanged(
            **_key(caller, "number", person.id),
            phone=phone,
            released=change.released,
            by=_by(caller),
        )
        return await _tell(tx, caller, fact, "customer.number_changed", person.id)


async def _free_number(tx: Tx, caller: Caller, person: Contact, typed: str) -> str:
    read_ = phones.parse(typed, person.country or caller.store.country)
    if isinstance(read_, phones.Doubtful):
        raise HTTPException(422, f"This phone cannot be read: {read_.reason}.")
    other = await lookups.customer_behind(tx, caller.store, "phone", read_.e164)
    if other and other["id"] != person.id:
        raise HTTPException(
            409, f"This is the number of customer {other['id']}: merge them if they are one."
        )
    return read_.e164


@router.get("/customers/{contact_id}/readings", summary="What a number may have meant")
async def readings(contact_id: RowId, caller: SupportKey) -> list[Shown]:
    """What a phone that could not be read would be in each plausible country."""
    async with caller.transaction() as tx:
        person = await _living(tx, caller, contact_id)
    if person.phone or not person.phone_doubt:
        return []
    found = phone_readings.readings(person.phone_doubt, (person.country, caller.store.country))
    return [{"phone": one.e164, "country": one.country, "kind": one.kind} for one in found]


@router.post("/customers/{contact_id}/phone", status_code=202, summary="Settle a doubtful number")
async def settle_phone(contact_id: RowId, settled: Settled, caller: SupportKey) -> Taken:
    """Which number it is, or that it is none: nobody is asked about it again."""
    async with caller.transaction() as tx:
        person = await _living(tx, caller, contact_id)
        if person.phone:
            raise HTTPException(409, "There is a number already: POST …/number changes it.")
        phone = await _free_number(tx, caller, person, settled.phone) if settled.phone else ""
        key = _key(caller, "phone", person.id)
        fact = PhoneSettled(**key, phone=phone, raw=person.phone_doubt or "")
        return await _tell(tx, caller, fact, "customer.phone_settled", person.id)


# ------------------------------------------------------------------ one person


@router.get("/customers/{contact_id}/doubles", summary="Who else it may be")
async def alike(contact_id: RowId, caller: SupportKey) -> list[Shown]:
    """Other customers that may be the same person; `why`: email, slip (of a digit), name."""
    async with caller.transaction() as tx:
        person = await _living(tx, caller, contact_id)
        found = await doubles.of_person(tx, caller.store, person, caller.now)
    return [
        {"id": str(one.person.id), "name": one.person.name, "phone": one.person.phone,
         "email": one.person.email, "why": one.why}
        for one in found
    ]  # fmt: skip


@router.get("/customers/{contact_id}/habits", summary="What is kept of a customer")
async def habits_of(contact_id: RowId, caller: ViewerKey) -> Shown:
    """The kind of customer, when they are expected to buy again (of everything: category ""), the
    hour at which they are usually there, by the store's clock (null: no habit seen yet), and the
    goods that texts would name to them: `accessories` to what they bought, the same `again`."""
    async with caller.transaction() as tx:
        await _living(tx, caller, contact_id)
        kept = await habits.of_person(tx, caller.store, contact_id, caller.now)
        goods = await goods_choice.for_person(tx, caller.store, contact_id, caller.now)
    if kept is None:
        raise HTTPException(404, "Nothing is kept of them yet: ask again in a minute.")
    due = [one for one in (kept.due, *kept.categories) if one]
    return {
        "kind": kept.kind, "orders": kept.orders, "spent": kept.spent, "visits": kept.visits,
        "own_hour": kept.own_hour,
        "expected": [
            {"category": one.category, "orders": one.orders, "gap_days": round(one.gap_days, 1),
             "at": one.at}
            for one in due
        ],
        "goods": {
            choice: [{"sku": one.sku, "name": one.name, "url": one.url} for one in some]
            for choice, some in goods.items()
        },
    }  # fmt: skip


@router.get("/customers/{contact_id}/merges", summary="Who became one with them")
async def merges_of(contact_id: RowId, caller: ViewerKey) -> list[Shown]:
    """Newest first; `undo_until` is null where it is too late."""
    async with caller.transaction() as tx:
        await _living(tx, caller, contact_id)
        known = await merges.of_contact(tx, caller.store, contact_id)
    return [
        {"id": str(one.id), "other": str(one.other_id), "at": one.at, "by": one.by,
         "parted_at": one.parted_at,
         "undo_until": one.at + merging.UNDO_WITHIN
         if merges.can_be_undone(one, caller.now) else None}
        for one in known
    ]  # fmt: skip


@router.post("/customers/{contact_id}/merges", status_code=202, summary="Two are one person")
async def merge(contact_id: RowId, wish: MergeWish, caller: SupportKey) -> Taken:
    """The customer of the address stays; orders, texts and permission of the other go on with
    them. The newest word about offers counts; a yes counts at the number it was given for. What
    waits to be offered to the other is taken back. It can be undone for a day."""
    async with caller.transaction() as tx:
        main = await _living(tx, caller, contact_id)
        other = await _living(tx, caller, min(int(wish.other), lookups.NO_END))
        if main.id == other.id:
            raise HTTPException(409, "These are one customer already.")
        if len(main.also) + len(other.also) + 1 > merging.ALSO_MAX:
            raise HTTPException(409, "These are too many contacts for one person.")
        key = _key(caller, "merge", main.id)
        fact = PeopleMerged(**key, other=other.id, by=_by(caller))
        return await _tell(tx, caller, fact, "customer.merged", main.id, other=str(other.id))


@router.delete("/customers/{contact_id}/merges/{merge_id}", status_code=202, summary="Undo a merge")
async def part(contact_id: RowId, merge_id: RowId, caller: SupportKey) -> Taken:
    """Within a day. A no said since holds for both, a yes for neither."""
    async with caller.transaction() as tx:
        person = await _living(tx, caller, contact_id)
        known = await merges.find(tx, caller.store, merge_id)
        if known is None or known.contact_id != person.id:
            raise HTTPException(404, "This customer has no merge of this id.")
        if not merges.can_be_undone(known, caller.now):
            raise HTTPException(409, "It cannot be undone any more.")
        key = _key(caller, "part", person.id) | {"id": f"api/part/{merge_id}"}
        fact = PeopleParted(**key, merge=merge_id, by=_by(caller))
        return await _tell(tx, caller, fact, "customer.parted", person.id)


# ------------------------------------------------------------------ own fields


@router.get("/fields", summary="Own fields")
async def fields(caller: ViewerKey) -> list[FieldShown]:
    """What this store keeps of its customers beside the usual."""
    async with caller.transaction() as tx:
        own = await own_fields.of_store(tx, caller.store)
    return [_field(one) for one in own.values()]


@router.put("/fields/{key}", summary="Define or change an own field")
async def put_field(key: FieldKey, wish: FieldWish, caller: MarketerKey) -> FieldShown:
    """What shops and programs tell under a key that is not defined is not kept."""
    choices = tuple(dict.fromkeys(one for one in wish.choices if one.strip()))
    field = OwnField(
        key, wish.title, wish.kind, choices if wish.kind == "choice" else (), wish.is_retired
    )
    async with caller.transaction() as tx:
        own = await own_fields.of_store(tx, caller.store)
        if wrong := mistake(own.values(), field):
            raise HTTPException(422, WRONG_FIELD[wrong])
        if key in own and own[key].kind != field.kind:
            raise HTTPException(409, f"kind: it is {own[key].kind} and stays so.")
        await own_fields.save(tx, caller.store, field, caller.now)
        deed = "field.changed" if key in own else "field.defined"
        await caller.audit(tx, deed, field.title, field=key)
    return _field(field)


def _field(field: OwnField) -> FieldShown:
    return FieldShown(
        key=field.key, title=field.title, kind=field.kind, choices=list(field.choices),
        is_retired=field.is_retired,
    )  # fmt: skip
