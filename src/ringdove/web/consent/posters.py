"""Keywords by text and their posters: a sheet to print, with the words that count (R118).

The sheet is HTML that prints: A4 or A5 from the browser, to paper or to PDF.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.consent import forms
from ringdove.records.consent.forms import Poster
from ringdove.records.contests import contests
from ringdove.rules import languages
from ringdove.rules.consent import ways_in
from ringdove.rules.consent.ways_in import Keyword
from ringdove.rules.people import phones
from ringdove.web.consent import sign_up
from ringdove.web.consent.ways_in import everything
from ringdove.web.forms import Filled, read_form
from ringdove.web.offers.only import qr_of
from ringdove.web.speech import Speech
from ringdove.web.views import MarketerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/ways-in/keywords", include_in_schema=False)

Word = Annotated[str, Path(max_length=60)]


class NewKeyword(Filled):
    word: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    form: int
    language: Annotated[str, StringConstraints(max_length=12)]
    offer: Annotated[str, StringConstraints(max_length=80)] = ""


def wrong_words(say: Speech) -> dict[str, str]:
    """Why something cannot be a keyword."""
    _ = say.gettext
    return {
        "empty": _("Two letters or digits at least."),
        "long": _("Twenty letters at most: people type it on a phone."),
        "means": _("This word means something else already: a stop, a start, help, a yes."),
        "taken": _("There is a keyword or a contest with this word already."),
    }


@router.post("")
async def add(page: MarketerPage) -> Response:
    """From now on who texts this word subscribes."""
    form = await read_form(page.request, NewKeyword, page.say)
    async with page.transaction() as tx:
        if form.filled:
            given = form.filled
            known = await forms.keywords(tx, page.store.id)
            taken = {*known, *await contests.words(tx, page.store.id)}
            if wrong := ways_in.wrong_keyword(given.word, taken):
                form.refuse("word", wrong_words(page.say)[wrong])
            elif await forms.find(tx, page.store.id, given.form) is None:
                form.refuse("form", page.say.gettext("Choose one of the list."))
            elif given.language not in page.store.languages:
                form.refuse("language", page.say.gettext("Choose one of the list."))
            else:
                keyword = Keyword(given.form, given.word, given.language)
                now = page.runtime.clock()
                await forms.add_keyword(tx, page.store.id, keyword, given.offer, now)
                await page.audit(tx, "keyword.added", given.word)
        if form.filled is None:
            context = await everything(tx, page.store)
    if form.filled is None:
        outside = page.runtime.settings.outside_url
        context |= {"keyword_form": form, "outside": outside}
        return page.render("consent/ways_in.html", 422, **context)
    return page.go(f"{page.home}/ways-in#keywords", page.say.gettext("Added."))


@router.post("/{word}/end")
async def end(page: MarketerPage, word: Word) -> Response:
    """The word means nothing any more; who subscribed by it stays."""
    async with page.transaction() as tx:
        poster = await _find(page, tx, word)
        await forms.end_keyword(tx, page.store.id, word)
        await page.audit(tx, "keyword.removed", poster.keyword.shown)
    return page.go(f"{page.home}/ways-in#keywords", page.say.gettext("Removed."))


async def _find(page: StorePage, tx: Tx, word: str) -> Poster:
    for poster in await forms.posters(tx, page.store.id):
        if poster.word == word:
            return poster
    raise HTTPException(404)


@router.get("/{word}/poster")
async def show(
    page: ViewerPage, word: Word, size: Annotated[Literal["a4", "a5"], Query()] = "a4"
) -> Response:
    """The sheet."""
    async with page.transaction() as tx:
        poster = await _find(page, tx, word)
        form = await forms.find(tx, page.store.id, poster.keyword.form_id)
        number = await sign_up.number_of(tx, page.store.id)
    if form is None:
        raise HTTPException(404)
    store, keyword = page.store, poster.keyword
    said = ways_in.shown(form, store.name, store.policy, keyword.language)
    consent = ways_in.poster_words(
        form, store.name, store.policy, keyword.shown, keyword.language, phones.pretty(number)
    )
    outside = page.runtime.settings.outside_url
    join = f"{outside}/join/{form.token}?lang={keyword.language}"
    is_open = form.published and not form.retired
    return page.render(
        "consent/poster.html",
        poster=poster,
        size=size,
        number=phones.pretty(number),
        shown=said,
        consent=consent,
        w=languages.phrases(keyword.language)["public"]["poster"],
        text_qr=qr_of(f"SMSTO:{number}:{keyword.shown}") if number else "",
        form_qr=qr_of(join) if is_open else "",
        join=join.removeprefix("https://").removeprefix("http://").partition("?")[0],
    )
