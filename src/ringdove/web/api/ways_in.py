"""Ways in over the API: a yes that a program heard, forms and keywords."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.exceptions import HTTPException

from ringdove.kit.db import Tx
from ringdove.records import facts
from ringdove.records.consent import forms
from ringdove.records.contests import contests
from ringdove.records.store import stores
from ringdove.rules.consent import ways_in
from ringdove.rules.consent.ways_in import Form, Keyword
from ringdove.rules.facts import Customer, Scope, SignedUp
from ringdove.web.api.callers import Caller, MarketerKey, SupportKey, ViewerKey
from ringdove.web.api.tell import Taken, Told
from ringdove.web.consent.ways_in import short_token

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Ways in"])

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Shown = dict[str, Any]
COUNTED = ("seen", "signed", "confirmed")


class SignUp(Told):
    """Somebody agreed to get texts, as your program heard it."""

    customer: Customer
    words: str = Field(
        min_length=1,
        max_length=2000,
        description="All that was shown: what, how often, how to refuse. It is the proof.",
    )
    scopes: list[Scope] = Field(["marketing"], min_length=1, max_length=50)
    language: str = Field("", max_length=12)
    form: int = Field(0, ge=0, le=2**31 - 1, description="A form here, for its welcome and reward.")
    confirmed: bool = Field(
        False, description="The number itself said it, such as by a code that you sent to it."
    )
    ip: str = Field("", max_length=60)
    device: str = Field("", max_length=300)
    id: str = Field("", max_length=80, description="Yours. The same id again changes nothing.")


@router.post("/sign-ups", status_code=202, summary="Tell of a sign-up")
async def tell_sign_up(told: SignUp, caller: SupportKey) -> Taken:
    """Writes a yes into the consent ledger with the words shown. Unless it is confirmed, the number
    is asked first where the store's rules say so; a stop is never lifted by it."""
    if not (told.customer.phone or told.customer.email or told.customer.account):
        raise HTTPException(422, "customer: give a phone, an email or an account.")
    key = told.id or f"{caller.now:%Y%m%dT%H%M%S%f}"
    given = told.model_dump(exclude={"id", "customer", "scopes"})
    fact = SignedUp(
        id=f"api/sign-up/{key}", at=caller.now, customer=told.customer, scopes=tuple(told.scopes),
        source=f"api/{caller.key_name}"[:60], **given,
    )  # fmt: skip
    async with caller.transaction() as tx:
        if told.form and await forms.find(tx, caller.store.id, told.form) is None:
            raise HTTPException(422, "form: this store has no form with this number.")
        new = await facts.write(tx, caller.store, 0, [fact], caller.now, caller.runtime.ids)
        await caller.audit(tx, "person.signed_up", key)
    return Taken(accepted=new > 0)


# ------------------------------------------------------------------ forms and keywords


class FormWish(Told):
    """A sign-up form. What is left out of `words` is said in ready words."""

    name: str = Field(min_length=1, max_length=80)
    words: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        max_length=20,
        description="By language: title, intro, agree, frequency, refusal, button, thanks, "
        "welcome.",
    )
    topics: list[str] = Field(default_factory=list, max_length=50)
    fields: list[Literal["name", "email", "birthday", "language"]] = Field(
        default_factory=list, max_length=4
    )
    reward: int = Field(0, ge=0, le=2**31 - 1)
    double: bool | None = Field(None, description="Must the number confirm? null: as the policy.")
    colour: str = Field("", pattern="^([0-9a-f]{6})?$")
    theme: Literal["", "light", "dark"] = ""


@router.get("/forms", summary="Sign-up forms")
async def list_forms(caller: ViewerKey) -> list[Shown]:
    """Each with its address and how many saw it, signed and confirmed."""
    async with caller.transaction() as tx:
        every = await forms.of_store(tx, caller.store.id)
        counts = await forms.counts(tx, caller.store.id, stores.buckets(caller.store))
    return [_form(one, caller, counts) for one in every]


def _form(form: Form, caller: Caller, counts: dict[str, int]) -> Shown:
    told = ways_in.settings_of(form)
    return {
        "id": form.id, "name": form.name, **told,
        "address": f"{caller.runtime.settings.outside_url}/join/{form.token}",
        "state": "retired" if form.retired else "open" if form.published else "draft",
        "counts": {what: counts.get(f"form/{form.id}/{what}", 0) for what in COUNTED},
    }  # fmt: skip


@router.post("/forms", status_code=201, summary="Make a form")
async def make_form(wish: FormWish, caller: MarketerKey) -> Shown:
    """A draft: publish it when it says all that it must."""
    form = _wished(wish, 0, short_token())
    async with caller.transaction() as tx:
        made = await forms.create(tx, caller.store.id, form, caller.now)
        await caller.audit(tx, "form.saved", form.name)
        found = await forms.find(tx, caller.store.id, made)
    assert found is not None
    return _form(found, caller, {})


@router.put("/forms/{form_id}", summary="Change a form")
async def change_form(form_id: Number, wish: FormWish, caller: MarketerKey) -> Shown:
    """Replaces it whole. An open form must keep saying how often texts come and how to refuse."""
    async with caller.transaction() as tx:
        known = await _known(tx, caller, form_id)
        new = _wished(wish, form_id, known.token)
        if known.published and not known.retired:
            _demand_words(new, caller)
        await forms.change(tx, caller.store.id, new, caller.now)
        await caller.audit(tx, "form.saved", new.name)
        found = await forms.find(tx, caller.store.id, form_id)
    assert found is not None
    return _form(found, caller, {})


@router.post("/forms/{form_id}/publish", summary="Publish a form")
async def publish_form(form_id: Number, caller: MarketerKey) -> Shown:
    """From now on people can sign up by it (R3: only if it states frequency and refusal)."""
    async with caller.transaction() as tx:
        form = await _known(tx, caller, form_id)
        _demand_words(form, caller)
        await forms.publish(tx, caller.store.id, form_id, caller.now)
        await caller.audit(tx, "form.published", form.name)
        found = await forms.find(tx, caller.store.id, form_id)
    assert found is not None
    return _form(found, caller, {})


@router.post("/forms/{form_id}/retire", summary="Retire a form")
async def retire_form(form_id: Number, caller: MarketerKey) -> Shown:
    """It takes no sign-ups any more; who signed up by it stays."""
    async with caller.transaction() as tx:
        form = await _known(tx, caller, form_id)
        await forms.retire(tx, caller.store.id, form_id, caller.now)
        await caller.audit(tx, "form.retired", form.name)
        found = await forms.find(tx, caller.store.id, form_id)
    assert found is not None
    return _form(found, caller, {})


async def _known(tx: Tx, caller: Caller, form_id: int) -> Form:
    form = await forms.find(tx, caller.store.id, form_id)
    if form is None:
        raise HTTPException(404, "No form has this id.")
    return form


def _wished(wish: FormWish, form_id: int, token: str) -> Form:
    for language, words in wish.words.items():
        for name, said in words.items():
            if name not in ways_in.EDITABLE:
                raise HTTPException(422, f"words.{language}.{name}: no form says this.")
            if len(said) > ways_in.LETTERS_MAX[name]:
                most = ways_in.LETTERS_MAX[name]
                raise HTTPException(422, f"words.{language}.{name}: at most {most} letters.")
    told = wish.model_dump()
    told |= {"topics": tuple(wish.topics), "fields": tuple(wish.fields)}
    return Form(form_id, token, **told)


def _demand_words(form: Form, caller: Caller) -> None:
    store = caller.store
    missing = ways_in.missing(form, store.name, store.policy, store.languages)
    if missing:
        named = ", ".join(f"words.{language}.{name}" for language, name in missing)
        raise HTTPException(422, f"A form must say this before it is open: {named}.")


class KeywordWish(Told):
    """A word by text that subscribes."""

    word: str = Field(min_length=2, max_length=ways_in.KEYWORD_MAX)
    form: int = Field(ge=1, le=2**31 - 1)
    language: str = Field(max_length=12, description="Of the poster.")
    offer: str = Field("", max_length=80)


@router.get("/keywords", summary="Keywords")
async def list_keywords(caller: ViewerKey) -> list[Shown]:
    """Words by text that subscribe, and how many came by each."""
    async with caller.transaction() as tx:
        every = await forms.posters(tx, caller.store.id)
        counts = await forms.counts(tx, caller.store.id, stores.buckets(caller.store))
    return [
        {
            "word": one.keyword.shown, "form": one.keyword.form_id, "offer": one.offer,
            "language": one.keyword.language, "signed": counts.get(f"keyword/{one.word}/signed", 0),
        }
        for one in every
    ]  # fmt: skip


@router.post("/keywords", status_code=201, summary="Add a keyword")
async def add_keyword(wish: KeywordWish, caller: MarketerKey) -> KeywordWish:
    """Who texts it subscribes to what its form says. Words that stop, start, help or answer a
    question are refused."""
    async with caller.transaction() as tx:
        await _known(tx, caller, wish.form)
        known = await forms.keywords(tx, caller.store.id)
        taken = {*known, *await contests.words(tx, caller.store.id)}
        if wrong := ways_in.wrong_keyword(wish.word, taken):
            raise HTTPException(422, f"word: {WRONG_KEYWORD[wrong]}.")
        if wish.language not in caller.store.languages:
            raise HTTPException(422, "language: none of the store's.")
        keyword = Keyword(wish.form, wish.word, wish.language)
        await forms.add_keyword(tx, caller.store.id, keyword, wish.offer, caller.now)
        await caller.audit(tx, "keyword.added", wish.word)
    return wish


WRONG_KEYWORD = {
    "empty": "two letters or digits at least",
    "long": "twenty letters at most",
    "means": "it means something else already: a stop, a start, help, a yes, a rating",
    "taken": "there is a keyword or a contest with this word already",
}


@router.delete("/keywords/{word}", summary="Remove a keyword")
async def end_keyword(
    word: Annotated[str, Path(min_length=1, max_length=60)], caller: MarketerKey
) -> Taken:
    """The word means nothing any more; who subscribed by it stays."""
    async with caller.transaction() as tx:
        if not await forms.end_keyword(tx, caller.store.id, ways_in.fold(word)):
            raise HTTPException(404, "There is no such keyword.")
        await caller.audit(tx, "keyword.removed", word)
    return Taken(accepted=True)
