"""Ready answers: the list, the editor with a look at how each arrives, and how to begin (R79).

Whoever answers customers writes them. A text that cannot be filled in is not kept.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Path
from psycopg.errors import UniqueViolation
from pydantic import StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.records.conversations import canned
from ringdove.rules import texts
from ringdove.rules.conversations import canned as rules
from ringdove.rules.conversations.canned import ANSWERS_MAX, KNOWN, TEXT_MAX, TITLE_MAX, Canned
from ringdove.rules.scenes import Store
from ringdove.web.automations.previews import samples_for
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.sending.counting import Size, size_of
from ringdove.web.store.places import LANGUAGE_NAMES
from ringdove.web.views import StorePage, SupportPage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/canned", include_in_schema=False)

CannedId = Annotated[int, Path(ge=1, le=2**31 - 1)]
SHORTCUT = r"^[\w-]{0,20}$"


class CannedForm(Filled):
    title: Annotated[str, StringConstraints(min_length=1, max_length=TITLE_MAX)]
    shortcut: Annotated[str, StringConstraints(pattern=SHORTCUT, to_lower=True)] = ""
    texts: tuple[Annotated[str, StringConstraints(max_length=TEXT_MAX)], ...] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """A text in one language: what was typed, and how it would arrive at somebody."""

    language: str
    name: str
    typed: str
    said: str
    wrong: tuple[str, ...]
    size: Size
    sample: Any


@router.get("")
async def show_all(page: ViewerPage) -> Response:
    """All of them."""
    async with page.transaction() as tx:
        known = await canned.of_store(tx, page.store.id)
    return page.render(
        "conversations/canned.html",
        known=known,
        said_in=lambda one: one.in_language(page.say.language, page.store.languages)[1],
        may=page.may("support"),
        full=len(known) >= ANSWERS_MAX,
    )


@router.get("/new")
async def begin(page: SupportPage) -> Response:
    """An empty one."""
    return _editor(page, Canned(0, ""))


@router.post("/ready")
async def take_ready(page: SupportPage) -> Response:
    """Some to begin with, in the store's languages; a shortcut that is taken stays whose it is."""
    now = page.runtime.clock()
    async with page.transaction() as tx:
        known = await canned.of_store(tx, page.store.id)
        taken = {one.shortcut for one in known}
        new = [one for one in rules.ready(page.store.languages) if one.shortcut not in taken]
        await canned.create(tx, page.store.id, new[: ANSWERS_MAX - len(known)], now)
        await page.audit(tx, "canned.ready", page.store.name)
    return page.go(_list(page), page.say.gettext("They are yours now: change what you like."))


@router.post("")
async def create(page: SupportPage) -> Response:
    """A new one."""
    return await _save(page, Canned(0, ""))


@router.get("/{canned_id}")
async def show(page: SupportPage, canned_id: CannedId) -> Response:
    """One in its editor."""
    return _editor(page, await _find(page, canned_id))


@router.post("/{canned_id}")
async def change(page: SupportPage, canned_id: CannedId) -> Response:
    """Its words from now on; answers that were sent stay as they are."""
    return await _save(page, await _find(page, canned_id))


@router.post("/{canned_id}/look")
async def look(page: SupportPage, canned_id: Annotated[int, Path(ge=0)]) -> Response:
    """How what is typed would arrive; nothing is kept. 0: of one that is new."""
    if canned_id:
        await _find(page, canned_id)
    form = await read_form(page.request, CannedForm, page.say)
    typed = form.values.get("texts", [])
    shown = words_of(page, Canned(canned_id, "", "", _texts(page.store, typed)))
    return page.render("conversations/canned_looks.html", words=shown)


@router.post("/{canned_id}/end")
async def remove(page: SupportPage, canned_id: CannedId) -> Response:
    """Gone from the list."""
    one = await _find(page, canned_id)
    async with page.transaction() as tx:
        await canned.remove(tx, page.store.id, canned_id)
        await page.audit(tx, "canned.removed", one.title)
    return page.go(_list(page), page.say.gettext("It is removed."))


def _list(page: StorePage) -> str:
    return f"{page.home}/canned"


async def _find(page: StorePage, canned_id: int) -> Canned:
    async with page.transaction() as tx:
        one = await canned.find(tx, page.store.id, canned_id)
    if one is None:
        raise HTTPException(404)
    return one


def _texts(store: Store, typed: Any) -> dict[str, str]:
    pairs = zip(store.languages, typed, strict=False)
    return {language: str(text).strip() for language, text in pairs if str(text).strip()}


async def _save(page: StorePage, known: Canned) -> Response:
    _ = page.say.gettext
    form = await read_form(page.request, CannedForm, page.say)
    typed = form.values.get("texts", [])
    # Words of a language that the store has no more are kept: it may come back.
    rest = {one: text for one, text in known.texts.items() if one not in page.store.languages}
    one = replace(
        known, title=str(form.values.get("title", "")),
        shortcut=str(form.values.get("shortcut", "")).lower(),
        texts=_texts(page.store, typed) | rest,
    )  # fmt: skip
    if form.filled and not one.texts:
        form.refuse("texts", _("Write it in one language at least."))
    if form.filled and mistakes(one):
        form.refuse("texts", _("A text cannot be filled in: see below."))
    if form.filled is None:
        return _editor(page, one, form, 422)
    one = replace(one, title=form.filled.title, shortcut=form.filled.shortcut)
    if not await keep(page, one):
        form.refuse("shortcut", _("Another ready answer has this word."))
        return _editor(page, one, form, 422)
    return page.go(_list(page), _("Saved."))


def mistakes(one: Canned) -> list[str]:
    """What is wrong with its texts, by language."""
    return [
        f"{code}: {why}" for code, text in one.texts.items() for why in texts.check(text, KNOWN)
    ]


async def keep(page: Any, one: Canned) -> int:
    """Its number, once it is kept; 0: its shortcut is another's, or there are too many. `page`:
    also a Caller."""
    now = page.runtime.clock()
    try:
        async with page.transaction() as tx:
            if one.id:
                await canned.change(tx, page.store.id, one, now)
                number = one.id
            else:
                if len(await canned.of_store(tx, page.store.id)) >= ANSWERS_MAX:
                    return 0
                (number,) = await canned.create(tx, page.store.id, [one], now)
            await page.audit(tx, "canned.saved", one.title)
    except UniqueViolation:
        return 0
    return number


def _editor(
    page: StorePage, one: Canned, form: Form[CannedForm] | None = None, status: int = 200
) -> Response:
    typed = {"title": one.title, "shortcut": one.shortcut}
    return page.render(
        "conversations/canned_one.html",
        status,
        one=one,
        form=form or Form[CannedForm](typed),
        words=words_of(page, one),
        names=LANGUAGE_NAMES,
        known=sorted(KNOWN),
        text_max=TEXT_MAX,
    )


def words_of(page: StorePage, one: Canned) -> list[Words]:
    """Its texts in every language of the store, as they would arrive at somebody."""
    found = []
    for language in page.store.languages:
        typed, sample = one.texts.get(language, ""), samples_for(page, language)
        wrong = tuple(texts.check(typed, KNOWN))
        said = "" if wrong else texts.render(typed, sample)
        name = LANGUAGE_NAMES.get(language, language)
        found.append(Words(language, name, typed, said, wrong, size_of(said, ()), sample))
    return found
