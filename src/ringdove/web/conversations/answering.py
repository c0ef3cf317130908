"""Answers to customers, from the talk itself (R79, R115): sent once, asked before one wakes them.

With scripts the box alone is drawn anew; without them the page of the talk comes back.
"""

from hashlib import sha256
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.records.conversations import canned
from ringdove.rules import texts
from ringdove.rules.conversations.by_hand import Said
from ringdove.rules.scenes import Contact
from ringdove.web.conversations import answer_box, answers
from ringdove.web.conversations.inbox import ContactId, known, name_of, render
from ringdove.web.forms import Filled, read_form
from ringdove.web.reasons import reason_words
from ringdove.web.sending.handwork import TEXT_CHARS_MAX
from ringdove.web.views import StorePage, SupportPage

router = APIRouter(prefix="/stores/{store_id}/inbox/{contact_id}", include_in_schema=False)

BY_NAME_MAX = 60
BOX = "conversations/answer_box.html"


class Typed(Filled):
    text: Annotated[str, StringConstraints(max_length=TEXT_CHARS_MAX)] = ""


class ToSay(Typed):
    text: Annotated[str, StringConstraints(min_length=1, max_length=TEXT_CHARS_MAX)]
    key: Annotated[str, StringConstraints(min_length=8, max_length=100)]
    when: Literal["", "now", "day"] = ""


@router.post("/answer")
async def answer(page: SupportPage, contact_id: ContactId) -> Response:
    """Sends it. By night it is asked first whether it may wake them; nothing typed is lost."""
    form = await read_form(page.request, ToSay, page.say)
    typed = str(form.values.get("text", ""))[:TEXT_CHARS_MAX]
    key = str(form.values.get("key", ""))[:100]
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
        if form.filled is None:
            wrong = form.errors.get("text") or page.say.gettext("This does not look right.")
            return await _again(page, who, await answer_box.box(tx, page, who, typed, wrong=wrong))
        night = answer_box.wakes(page, who, page.runtime.clock())
        if night and not form.filled.when and who.phone:
            asked = await answer_box.box(tx, page, who, form.filled.text, key, asks=True)
            return await _again(page, who, asked)
    said = Said(form.filled.text, f"page/{page.user.name[:BY_NAME_MAX]}", form.filled.when == "day")
    # A page out of the browser's history has the key of an answer that is gone: other words are
    # another answer, the same words pressed again are not.
    key = f"{key}/{sha256(form.filled.text.encode()).hexdigest()[:16]}"
    wish = answers.Wish(said, key, page.user.id)
    try:
        made = await answers.answer(page.runtime, page.store, who.id, wish)
    except answers.NobodyThere:
        raise HTTPException(404) from None
    async with page.transaction() as tx:
        if not made["repeated"]:
            await page.audit(tx, "message.sent", name_of(page, who))
        fresh = await answer_box.box(tx, page, who, **_what_became(page, made, typed))
    if is_part(page):
        return page.render(BOX, box=fresh, here=_here(page, who), is_back=True)
    if made["state"] == "dropped":
        return page.refuse(_here(page, who), fresh.wrong)
    return page.go(_here(page, who), fresh.said)


def _what_became(page: StorePage, made: answers.Answer, typed: str) -> dict[str, str]:
    """Of the answer, for the box: what was not sent stays in it."""
    _ = page.say.gettext
    why = reason_words(page.say, made["reason"]) if made["reason"] else ""
    if made["state"] == "dropped":
        return {"typed": typed, "wrong": _("It was not sent. %(why)s", why=why)}
    return {"said": _("It waits. %(why)s", why=why) if why else _("It is on its way.")}


async def _again(page: StorePage, who: Contact, box: answer_box.Box) -> Response:
    status = 422 if box.wrong else 200
    if is_part(page):
        return page.render(BOX, status, box=box, here=_here(page, who), is_back=True)
    return await render(page, who.id, status=status, answer=box)


def is_part(page: StorePage) -> bool:
    """Whether a script asks, which puts the box alone into its place."""
    return "hx-request" in page.request.headers


def _here(page: StorePage, who: Contact) -> str:
    return f"{page.home}/inbox/{who.id}"


@router.post("/measure")
async def measure(page: SupportPage, contact_id: ContactId) -> Response:
    """The size and price of what is being typed, and whether it would go; nothing is kept."""
    form = await read_form(page.request, Typed, page.say)
    if form.filled is None:
        raise HTTPException(422)
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
        box = await answer_box.box(tx, page, who, form.filled.text)
    return page.render("conversations/answer_look.html", box=box)


@router.get("/canned/{canned_id}")
async def fill(
    page: SupportPage,
    contact_id: ContactId,
    canned_id: Annotated[int, Path(ge=1, le=2**31 - 1)],
    text: Annotated[str, Query(max_length=TEXT_CHARS_MAX)] = "",
) -> Response:
    """The box with a ready answer in it, behind what is typed already."""
    _ = page.say.gettext
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
        one = await canned.find(tx, page.store.id, canned_id)
    if one is None:
        raise HTTPException(404)
    wrong, said = "", ""
    try:
        said = await answers.fill(page.runtime, page.store, who.id, one)
    except answers.NobodyThere:
        raise HTTPException(404) from None
    except texts.TemplateBroken:
        wrong = _("This answer cannot be filled in for them: see its words under Ready answers.")
    begun = "" if text.lstrip().startswith("/") else text.rstrip()
    typed = f"{begun}\n{said}".strip()[:TEXT_CHARS_MAX]
    async with page.transaction() as tx:
        box = await answer_box.box(tx, page, who, typed, wrong=wrong)
    return await _again(page, who, box)
