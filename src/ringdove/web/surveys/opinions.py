"""Opinions: which answers the world may read (R82). Their customers agreed on the form; the shop
lets them through, may answer, and may shorten a name. It cannot change a word."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.records import clicks
from ringdove.records.surveys import answers_found, opinions
from ringdove.records.surveys.answers_found import Wanted
from ringdove.rules.surveys.opinions import NAME_MAX, REPLY_MAX, shortenings
from ringdove.web.forms import Filled, read_form
from ringdove.web.surveys import opinions_shown
from ringdove.web.surveys import score_words as words
from ringdove.web.surveys.survey_answers import address_of, place_of
from ringdove.web.surveys.surveys import known
from ringdove.web.views import MarketerPage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/surveys/opinions", include_in_schema=False)

State = Literal["waiting", "shown", "hidden"]
AnswerId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Key = Annotated[str, Query(pattern=r"^[a-z0-9_]{0,40}$")]


@router.get("")
async def show(
    page: ViewerPage,
    state: State = "waiting",
    survey: Key = "",
    before: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    """Those to be decided first; then what is shown, and what is left out."""
    async with page.transaction() as tx:
        every = await known(tx, page.store.id)
        counted = await opinions.counts(tx, page.store)
        wanted = Wanted(surveys=(survey,) if survey else (), opinions=state)
        rows, more = await answers_found.find(tx, page.store, wanted, place_of(before))
        goods = await clicks.products(tx, page.store, [row["sku"] for row in rows])
    of = {key: one.survey for key, one in every.items()}
    here = f"{page.home}/surveys/opinions"
    asked_for = [
        key for key, one in of.items() if one.publishes or any(k == key for k, _ in counted)
    ]
    return page.render(
        "surveys/opinions.html",
        rows=rows,
        more=more and f"{here}?state={state}&survey={survey}&before={address_of(more)}",
        state=state,
        survey=survey,
        surveys=of,
        counts={
            name: sum(n for (_, told), n in counted.items() if (told or "waiting") == name)
            for name in words.STATES
        },
        goods={sku: one.name for sku, one in goods.items()},
        shortenings=shortenings,
        seen=seen,
        pieces=[
            (of[key], opinions_shown.url_of(page.runtime, page.store, key)) for key in asked_for
        ],
        reply_max=REPLY_MAX,
        words=words,
    )


def seen(row: Mapping[str, Any]) -> str:
    """What somebody decides by: another word of the customer, or of a colleague, is another."""
    shown = (row["score"], row["comment"], row["published"], row["shop_reply"])
    return sha256(repr(shown).encode()).hexdigest()[:16]


class Decided(Filled):
    deed: Literal["show", "hide", "wait"]
    name: Annotated[str, StringConstraints(max_length=NAME_MAX)] = ""
    reply: Annotated[str, StringConstraints(max_length=REPLY_MAX)] = ""
    back: State = "waiting"
    seen: Annotated[str, StringConstraints(max_length=16)] = ""


@router.post("/{answer_id}")
async def decide(page: MarketerPage, answer_id: AnswerId) -> Response:
    """It is shown, left out, or put back; with the name and the answer that stand beside it."""
    form = await read_form(page.request, Decided, page.say)
    here = f"{page.home}/surveys/opinions?state={form.values.get('back', 'waiting')}"
    _ = page.say.gettext
    async with page.transaction() as tx:
        known_answer = await opinions.one(tx, page.store, answer_id)
        if known_answer is None:
            raise HTTPException(404)
        given = form.filled
        if given is None:
            return page.refuse(here, " ".join(form.errors.values()))
        if given.seen and given.seen != seen(known_answer):
            return page.refuse(here, _("It has changed meanwhile: look again."))
        if given.name not in shortenings(known_answer["shown_as"]):
            return page.refuse(here, _("A name can be made shorter, not changed."))
        state = DEEDS[given.deed]
        done = await opinions.decide(
            tx, page.store, answer_id, state, given.name, given.reply, f"page/{page.user.name}",
            page.runtime.clock(),
        )  # fmt: skip
        if done:
            await page.audit(tx, "opinion.decided", str(answer_id), state=state or "waiting")
    if not done:
        return page.refuse(here, _("Its customer does not agree any more that it is shown."))
    said = {"show": _("It is shown."), "hide": _("It is left out."), "wait": _("Put back.")}
    return page.go(here, said[given.deed])


DEEDS: dict[str, opinions.Decision] = {"show": "shown", "hide": "hidden", "wait": ""}
