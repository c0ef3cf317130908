"""Ready answers over the API (R79): the same as on their page."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from ringdove.kit.db import Tx
from ringdove.records.conversations import canned
from ringdove.records.people.lookups import NO_END
from ringdove.rules import texts
from ringdove.rules.conversations.canned import TEXT_MAX, TITLE_MAX, Canned
from ringdove.web.api.callers import Caller, SupportKey, ViewerKey
from ringdove.web.api.tell import Taken, Told
from ringdove.web.conversations import answers
from ringdove.web.conversations.canned import SHORTCUT, keep, mistakes

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Conversations"])

CannedId = Annotated[int, Path(ge=1, le=2**31 - 1)]


class ReadyAnswer(Told):
    """Written once, said often."""

    title: str = Field(min_length=1, max_length=TITLE_MAX)
    shortcut: str = Field("", pattern=SHORTCUT, description="Typed after /; empty: none.")
    texts: dict[
        Annotated[str, Field(pattern="^[a-z]{2}$")],
        Annotated[str, Field(min_length=1, max_length=TEXT_MAX)],
    ] = Field(min_length=1, max_length=20, description="By language; {{ order.number }} and more.")


class KnownAnswer(ReadyAnswer):
    """One of the store's."""

    id: int


def _answer(one: Canned) -> KnownAnswer:
    return KnownAnswer(id=one.id, title=one.title, shortcut=one.shortcut, texts=dict(one.texts))


@router.get("/canned", summary="Ready answers")
async def list_canned(caller: ViewerKey) -> list[KnownAnswer]:
    """All of them, by their titles."""
    async with caller.transaction() as tx:
        return [_answer(one) for one in await canned.of_store(tx, caller.store.id)]


@router.post("/canned", status_code=201, summary="Write a ready answer")
async def make_canned(wish: ReadyAnswer, caller: SupportKey) -> KnownAnswer:
    """Its texts are tried first: one that cannot be filled in is refused."""
    return await _kept(caller, _meant(0, wish))


@router.get("/canned/{canned_id}", summary="One ready answer")
async def one_canned(canned_id: CannedId, caller: ViewerKey) -> KnownAnswer:
    """With its texts."""
    return _answer(await _find(caller, canned_id))


@router.put("/canned/{canned_id}", summary="Change a ready answer")
async def change_canned(canned_id: CannedId, wish: ReadyAnswer, caller: SupportKey) -> KnownAnswer:
    """Answers that were sent stay as they are."""
    known = await _find(caller, canned_id)
    return await _kept(caller, _meant(known.id, wish))


@router.delete("/canned/{canned_id}", summary="Remove a ready answer")
async def remove_canned(canned_id: CannedId, caller: SupportKey) -> Taken:
    """Gone from the list."""
    known = await _find(caller, canned_id)
    async with caller.transaction() as tx:
        is_gone = await _remove(tx, caller, known)
    return Taken(accepted=is_gone)


async def _remove(tx: Tx, caller: Caller, known: Canned) -> bool:
    await caller.audit(tx, "canned.removed", known.title)
    return await canned.remove(tx, caller.store.id, known.id)


def _meant(number: int, wish: ReadyAnswer) -> Canned:
    return Canned(number, wish.title, wish.shortcut.lower(), wish.texts)


async def _find(caller: Caller, number: int) -> Canned:
    async with caller.transaction() as tx:
        one = await canned.find(tx, caller.store.id, number)
    if one is None:
        raise HTTPException(404, "No ready answer has this number.")
    return one


async def _kept(caller: Caller, one: Canned) -> KnownAnswer:
    if wrong := mistakes(one):
        raise HTTPException(422, f"texts.{wrong[0]}")
    number = await keep(caller, one)
    if not number:
        raise HTTPException(409, "shortcut: another ready answer has it, or there are 200 already.")
    return _answer(await _find(caller, number))


class For(Told):
    """Whom it is for."""

    customer: int = Field(ge=1, le=NO_END)


class Filled(BaseModel):
    """What would be said to them; nothing is sent."""

    text: str


@router.post("/canned/{canned_id}/fill", summary="A ready answer with a customer's values")
async def fill_canned(canned_id: CannedId, wish: For, caller: SupportKey) -> Filled:
    """In their language, with their newest order and where it is."""
    one = await _find(caller, canned_id)
    try:
        text = await answers.fill(caller.runtime, caller.store, wish.customer, one)
    except answers.NobodyThere:
        raise HTTPException(404, "No customer has this id.") from None
    except texts.TemplateBroken as error:
        raise HTTPException(422, f"Line {error.line}: {error.message}") from None
    return Filled(text=text)
