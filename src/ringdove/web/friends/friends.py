"""Friends: whether customers can invite, how many, in which words, what came of it (R95, R96).

What both are given is said by two automations; here it is only shown. A friend's number is never
shown: nobody here knows it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field, StringConstraints, create_model
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.friends import invitations
from ringdove.records.store import policies
from ringdove.rules import languages, texts
from ringdove.rules.friends import inviting
from ringdove.rules.friends.inviting import RECIPES, SAMPLE
from ringdove.rules.offers import offers
from ringdove.rules.policy import Friends
from ringdove.rules.scenes import Store
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.friends import promises, share_pieces
from ringdove.web.menu import N_
from ringdove.web.sending.counting import size_of
from ringdove.web.store.places import LANGUAGE_NAMES
from ringdove.web.views import MarketerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/offers/friends", include_in_schema=False)

SHOWN_FOR = timedelta(days=90)
END = datetime(9999, 1, 1, tzinfo=UTC)
LIMITS = ("by_inviter_day", "by_inviter_month", "by_address_day", "by_store_day")
LIMIT_MAX = 10_000
WORDS_MAX = 600
WRONG = {
    "unknown": N_("This text can know friend.name, friend.link and shop.name, and nothing else."),
    "no_link": N_("Say where to tap: {{ friend.link }}."),
    "too_long": N_("This is longer than three parts."),
}
# What an invitation came to; `came` and `bought` count numbers that were typed on a link's page.
STATES = {
    "bought": N_("has bought"), "refused": N_("wants no texts"), "text": N_("was written to"),
    "link": N_("came by the link"),
}  # fmt: skip

Limit = Annotated[int, Field(ge=0, le=LIMIT_MAX)]
Words = Annotated[str, StringConstraints(max_length=WORDS_MAX)]


class Switches(Filled):
    """What is typed beside the words."""

    is_on: Literal["", "yes"] = ""
    writes: Literal["", "yes"] = ""
    by_inviter_day: Limit
    by_inviter_month: Limit
    by_address_day: Limit
    by_store_day: Limit


OF_WORDS: Mapping[str, Any] = {
    f"words_{code}": (Words, "") for code in languages.languages_present()
}
Typed: Any = create_model("Typed", __base__=Switches, **OF_WORDS)


@router.get("")
async def show(page: ViewerPage) -> Response:
    """Figures, what both get, who may invite how many, and where the form stands."""
    return await _page(page, Form(_values(page.store)))


@router.post("")
async def save(page: MarketerPage) -> Response:
    """From now on; what was invited stays so."""
    form: Form[Any] = await read_form(page.request, Typed, page.say)
    for code in page.store.languages:
        words = str(form.values.get(f"words_{code}", "")).strip()
        if words and (wrong := inviting.mistake(words)):
            form.refuse(f"words_{code}", page.say.gettext(WRONG[wrong]))
    if form.filled is None:
        return await _page(page, form, 422)
    async with page.transaction() as tx:
        await change(tx, page.store, _meant(page.store, form.filled), page.runtime.clock())
        await page.audit(tx, "friends.changed", page.store.name, on=bool(form.filled.is_on))
    return page.go(f"{page.home}/offers/friends", page.say.gettext("Saved."))


async def change(tx: Tx, store: Store, settings: Friends, now: datetime) -> None:
    """The store's settings from now on."""
    await policies.change(tx, store, lambda was: replace(was, friends=settings), now)


def _values(store: Store) -> dict[str, Any]:
    settings = store.policy.friends
    return {
        "is_on": settings.is_on, "writes": settings.writes,
        **{name: getattr(settings, name) for name in LIMITS},
        **{f"words_{code}": inviting.words_of(settings, code) for code in store.languages},
    }  # fmt: skip


def _meant(store: Store, typed: Any) -> Friends:
    said = {code: getattr(typed, f"words_{code}", "") for code in store.languages}
    return Friends(
        is_on=bool(typed.is_on), writes=bool(typed.writes),
        **{name: getattr(typed, name) for name in LIMITS},
        words={
            code: words for code, words in said.items()
            if words and words != inviting.words_of(Friends(), code)
        },
    )  # fmt: skip


async def _page(page: StorePage, form: Form[Any], status: int = 200) -> Response:
    store, now = page.store, page.runtime.clock()
    async with page.transaction() as tx:
        figures = await invitations.figures(tx, store, now - SHOWN_FOR)
        rows = await invitations.newest(tx, store, (END, 0))
        names = await invitations.names(tx, store, {row["inviter_id"] for row in rows})
        given = await promises.offered(tx, store)
    form_url = share_pieces.form_url(page.runtime, store)
    return page.render(
        "friends/friends.html", status, form=form, figures=figures, names=names,
        rows=[(row, page.say.gettext(STATES[state_of(row)])) for row in rows],
        given={
            role: (recipe, _reward(page, given[role]) if role in given else "")
            for role, recipe in RECIPES.items()
        },
        words=_words(store, form), is_on=store.policy.friends.is_on,
        form_url=form_url, form_script=f'<script src="{form_url}.js" async></script>',
        buttons=f'<script src="{share_pieces.buttons_url(page.runtime, store)}" async></script>',
    )  # fmt: skip


def state_of(row: Mapping[str, Any]) -> str:
    """What an invitation has come to: bought, refused, text, link."""
    if row["bought_at"]:
        return "bought"
    return "refused" if row["refused_at"] else str(row["way"])


def _reward(page: StorePage, offer: Any) -> str:
    said = offers.discount(offer, page.say.language, page.store.currency)
    return f"{offer.name}: {said}" if said else str(offer.name)


def _words(store: Store, form: Form[Any]) -> list[dict[str, Any]]:
    """By language the text as a friend would read it, and how many parts that is."""
    found = []
    for code in store.languages:
        ready = inviting.words_of(Friends(), code)
        own = str(form.values.get(f"words_{code}", "")).strip()
        used = ready if inviting.mistake(own or ready) else own or ready
        said = texts.render(used, {"shop": {"name": store.name}, "friend": SAMPLE})
        name = LANGUAGE_NAMES.get(code, code)
        found.append({"code": code, "name": name, "size": size_of(said, ())})
    return found
