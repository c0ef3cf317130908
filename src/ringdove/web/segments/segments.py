"""Segments: the list, the page that builds one, and what it shows while one builds (R20–R24, N2).

Everything that is shown of people is masked for viewers; they may look and ask, marketers change.
What counts is in segment_asking.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

from ringdove.kit.db import Tx
from ringdove.records.segments import segment_choices, segment_list, segments
from ringdove.records.segments.segment_list import Size, Uses
from ringdove.records.segments.segments import Segment
from ringdove.rules.segments.segment_recipes import RECIPES
from ringdove.rules.segments.segments import EVERYBODY, Node, NoSegment, TooLarge
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.people.people_words import ORIGINS
from ringdove.web.segments import segment_editor, segment_recipe_words, segment_view, segment_words
from ringdove.web.segments.segment_editor import JSON_MAX, Drawing
from ringdove.web.segments.segment_names import CHANNELS, Choices, choices_of, label, names_of
from ringdove.web.segments.segment_words import Line
from ringdove.web.speech import Speech
from ringdove.web.store.places import countries
from ringdove.web.views import MarketerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/segments", include_in_schema=False)

ID_MAX = 2**31 - 1
FRESH_FOR = timedelta(hours=1)
SegmentId = Annotated[int, Path(ge=1, le=ID_MAX)]
Typed = Annotated[str, Query(max_length=200)]


class SegmentForm(Filled):
    name: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    tree: Annotated[str, StringConstraints(max_length=JSON_MAX)]


class TreeForm(Filled):
    tree: Annotated[str, StringConstraints(max_length=JSON_MAX)]


@dataclass(frozen=True, slots=True)
class Listed:
    """A segment as the list shows it."""

    segment: Segment
    words: str
    size: Size | None
    uses: Uses | None

    def is_stale(self, now: datetime) -> bool:
        """Whether the page counts it again as soon as it is seen."""
        if self.segment.retired_at:
            return False
        counted = self.size.counted_at if self.size else None
        return counted is None or counted < max(self.segment.changed_at, now - FRESH_FOR)


# ------------------------------------------------------------------ the list


@router.get("")
async def show_all(page: ViewerPage, q: Typed = "") -> Response:
    """All segments by name, retired ones apart, and ready ones to start from."""
    say = page.say
    async with page.transaction() as tx:
        known = await segments.of_store(tx, page.store)
        names = await names_of(tx, page.store, say)
        sizes = await segment_list.sizes(tx, page.store)
        uses = await segment_list.uses(tx, page.store)
    rows = [
        Listed(one, segment_words.say(one.tree, say, names), sizes.get(one.id), uses.get(one.id))
        for one in known
    ]
    asked = q.strip().casefold()
    found = [one for one in rows if asked in f"{one.segment.name} {one.words}".casefold()]
    return page.render(
        "segments/segments.html",
        rows=[one for one in found if not one.segment.retired_at],
        retired=[one for one in found if one.segment.retired_at],
        has_any=bool(rows),
        q=q,
        recipes=segment_recipe_words.ready(page.say) if page.may("marketer") else [],
    )


# ------------------------------------------------------------------ what the editor asks for


@router.get("/words")
async def words(page: ViewerPage, of: Typed, q: Typed = "", key: Typed = "") -> Response:
    """Suggestions for a box of words, as [{value, label}]."""
    say, typed = page.say, q.strip().casefold()
    if of not in segment_choices.SOURCES:
        raise HTTPException(404)
    async with page.transaction() as tx:
        # Codes are looked for by what they are called, which the rows do not know.
        is_code = of in ("countries", "languages", "origins", "channels")
        found = await segment_choices.suggest(tx, page.store, of, "" if is_code else q, key)
    named = {one.value: one.label if of == "products" else label(of, one.value, say)
             for one in found}  # fmt: skip
    for value in _also(of, page, say):
        named.setdefault(value, label(of, value, say))
    fitting = [(value, text) for value, text in named.items()
               if typed in f"{text} {value}".casefold()]  # fmt: skip
    return JSONResponse([
        {"value": value, "label": text} for value, text in fitting[: segment_choices.SUGGESTED_MAX]
    ])  # fmt: skip


def _also(of: str, page: StorePage, say: Speech) -> list[str]:
    """Codes that may be chosen though nobody in the store has them."""
    match of:
        case "countries":
            return [code for code, _name in countries(say.language)]
        case "languages":
            known = [str(code) for code in say.locale.languages]
            return ["", *page.store.languages, *(code for code in known if len(code) == 2)]
        case "origins":
            return list(ORIGINS)
        case "channels":
            return list(CHANNELS)
    return []


@router.post("/drawn")
async def drawn(page: ViewerPage) -> Response:
    """Pasted JSON as conditions: a piece of a page; 422 with the reason in plain words."""
    form = await read_form(page.request, TreeForm, page.say)
    read = segment_editor.read(form.filled.tree if form.filled else "", page.say)
    if read.typed:
        return PlainTextResponse(read.trouble, 422)
    async with page.transaction() as tx:
        choices = await choices_of(tx, page.store, page.say)
    view = segment_view.view(read, page.say, choices)
    return page.render("segments/segment_drawn.html", view=view,
                       **segment_view.shared(page.say, choices))  # fmt: skip


# ------------------------------------------------------------------ one segment


@router.get("/new")
async def new(
    page: MarketerPage, start: Typed = "", like: Annotated[int, Query(ge=0, le=ID_MAX)] = 0
) -> Response:
    """An empty builder, or one that begins with a ready segment or another one's conditions."""
    name = ""
    tree: Node = EVERYBODY
    async with page.transaction() as tx:
        if start:
            if start not in RECIPES:
                raise HTTPException(404)
            name = page.say.gettext(segment_recipe_words.WORDS[start][0])
            tree = RECIPES[start].tree("")
        elif like:
            other = await _find(tx, page, like)
            name, tree = page.say.gettext("%(name)s, copy", name=other.name), other.tree
        return await _render(tx, page, None, {"name": name}, segment_editor.drawing(tree))


@router.post("")
async def create(page: MarketerPage) -> Response:
    """A new one."""
    return await _save(page, None)


@router.get("/{segment_id}")
async def show(page: ViewerPage, segment_id: SegmentId) -> Response:
    """What it asks, how many it has, who they are; marketers build on."""
    async with page.transaction() as tx:
        one = await _find(tx, page, segment_id)
        drawing = segment_editor.drawing(one.tree)
        return await _render(tx, page, one, {"name": one.name}, drawing)


@router.get("/{segment_id}/said")
async def said(page: ViewerPage, segment_id: SegmentId) -> Response:
    """What it asks, in one sentence."""
    async with page.transaction() as tx:
        one = await _find(tx, page, segment_id)
        names = await names_of(tx, page.store, page.say)
    words = segment_words.say(one.tree, page.say, names)
    return PlainTextResponse(f"{words[:1].upper()}{words[1:]}.")


@router.post("/{segment_id}")
async def save(page: MarketerPage, segment_id: SegmentId) -> Response:
    """What it asks from now on."""
    return await _save(page, segment_id)


@router.post("/{segment_id}/retirement")
async def retire(page: MarketerPage, segment_id: SegmentId) -> Response:
    """Out of the lists, or back into them: what names it goes on as before."""
    _ = page.say.gettext
    async with page.transaction() as tx:
        one = await _find(tx, page, segment_id)
        again = one.retired_at is not None
        now = page.runtime.clock()
        await segments.retire(tx, page.store, one.id, now, page.user.id, again=again)
        deed = "segment.restored" if again else "segment.retired"
        await page.audit(tx, deed, one.name, id=one.id)
    if again:
        return page.go(f"{page.home}/segments/{one.id}", _("It is in the list again."))
    said = _("“%(name)s” is put away. What uses it goes on as before.", name=one.name)
    return page.go(f"{page.home}/segments/{one.id}", said)


async def _find(tx: Tx, page: StorePage, segment_id: int) -> Segment:
    one = await segments.find(tx, page.store, segment_id)
    if one is None:
        raise HTTPException(404)
    return one


async def _save(page: StorePage, segment_id: int | None) -> Response:
    say, now = page.say, page.runtime.clock()
    form = await read_form(page.request, SegmentForm, say)
    read = segment_editor.read(str(form.values.get("tree", "")), say)
    async with page.transaction() as tx:
        one = None if segment_id is None else await _find(tx, page, segment_id)
        if form.filled and read.tree is not None:
            name = form.filled.name
            try:
                if one is None:
                    number = await segments.create(
                        tx, page.store, name, read.tree, now, page.user.id
                    )
                else:
                    number = one.id
                    await segments.change(
                        tx, page.store, number, name, read.tree, now, page.user.id
                    )
            except (NoSegment, TooLarge, segments.TooMany) as error:
                read.trouble = trouble_words(say, error)
            else:
                deed = "segment.created" if one is None else "segment.changed"
                await page.audit(tx, deed, name, id=number)
                return page.go(f"{page.home}/segments/{number}", say.gettext("Saved."))
        return await _render(tx, page, one, form.values, read, form.errors, 422)


def trouble_words(say: Speech, error: Exception) -> str:
    """Why a tree cannot be kept or answered, and what to do."""
    _ = say.gettext
    match error:
        case NoSegment() if len(error.path) > 1:
            return _("This segment would ask for itself. Take one of the saved segments out.")
        case NoSegment():
            return _("It asks for a segment that is no more: choose another.")
        case TooLarge():
            return _("With the segments that it names it asks too much at once: ask for less.")
    return _("There are too many segments: change one that is there.")


async def _render(
    tx: Tx, page: StorePage, one: Segment | None, values: Mapping[str, Any], read: Drawing,
    errors: Mapping[str, str] | None = None, status: int = 200,
) -> Response:  # fmt: skip
    say = page.say
    choices: Choices = await choices_of(tx, page.store, say, one.id if one else None)
    uses = (await segment_list.uses(tx, page.store)).get(one.id) if one else None
    sizes = await segment_list.sizes(tx, page.store) if one else {}
    line: Line | None = segment_words.lines(one.tree, say, choices.names) if one else None
    return page.render(
        "segments/segment.html",
        status,
        one=one,
        form=Form[Any](dict(values), dict(errors or {})),
        drawn=read,
        view=segment_view.view(read, say, choices),
        line=line,
        uses=uses,
        size=sizes.get(one.id) if one else None,
        may_change=page.may("marketer"),
        **segment_view.shared(say, choices),
    )
