"""Ways in: forms, keywords and rewards of a store, and the editor of a form with its preview.

The preview is the visitors' own page, drawn from what is typed. A form that does not say how often
texts come and how to refuse cannot be published (R3).
"""

import re
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ringdove.kit.crypto import new_token
from ringdove.kit.db import Tx
from ringdove.records.consent import forms
from ringdove.records.offers import code_lists, rewards
from ringdove.records.store import stores
from ringdove.rules import texts
from ringdove.rules.consent import ways_in
from ringdove.rules.consent.ways_in import ASKABLE, EDITABLE, LETTERS_MAX, Form
from ringdove.rules.scenes import Store
from ringdove.web import forms as typing
from ringdove.web import public
from ringdove.web.consent import sign_up
from ringdove.web.speech import Speech
from ringdove.web.store.places import LANGUAGE_NAMES
from ringdove.web.views import MarketerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/ways-in", include_in_schema=False)

NAME_MAX = 80
KNOWN = frozenset(
    one
    for one in texts.KNOWN_VARIABLES
    if one.partition(".")[0] in ("shop", "customer", "reward", "form", "stop_url")
)
FORM_BYTES_MAX = 100_000
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Language = Annotated[str, Query(max_length=12)]


@router.get("")
async def show(page: ViewerPage) -> Response:
    """All ways in, and how many came through each."""
    async with page.transaction() as tx:
        context = await everything(tx, page.store)
    return page.render("consent/ways_in.html", **context, outside=page.runtime.settings.outside_url)


async def everything(tx: Tx, store: Store) -> dict[str, Any]:
    """What the page of all ways in shows."""
    every = await rewards.of_store(tx, store.id)
    return {
        "forms": await forms.of_store(tx, store.id),
        "posters": await forms.posters(tx, store.id),
        "rewards": every,
        "named": {reward.id: reward.name for reward in every},
        "counts": await forms.counts(tx, store.id, stores.buckets(store)),
        "listed": await code_lists.listed(tx, store),
        "number": await sign_up.number_of(tx, store.id),
        "language_names": LANGUAGE_NAMES,
        "keyword_form": typing.Form[typing.Filled](),
    }


# ------------------------------------------------------------------ one form


@router.post("/forms")
async def create(page: MarketerPage) -> Response:
    """A new form with ready words; nobody can use it before it is published."""
    given = await _typed(page.request)
    name = given.get("name", "").strip()[:NAME_MAX] or page.say.gettext("Sign-up form")
    async with page.transaction() as tx:
        form = Form(0, short_token(), name)
        form_id = await forms.create(tx, page.store.id, form, page.runtime.clock())
        await page.audit(tx, "form.saved", name)
    return page.go(f"{page.home}/ways-in/forms/{form_id}")


@router.get("/forms/{form_id}")
async def edit(page: MarketerPage, form_id: Number) -> Response:
    """The editor."""
    async with page.transaction() as tx:
        form = await _find(tx, page, form_id)
    return await _editor(page, form)


def short_token() -> str:
    """For an address that stands on paper and in texts: phones cut a link that ends with a sign."""
    return new_token().replace("-", "").replace("_", "")[:16]


async def _find(tx: Tx, page: StorePage, form_id: int) -> Form:
    form = await forms.find(tx, page.store.id, form_id)
    if form is None:
        raise HTTPException(404)
    return form


@router.post("/forms/{form_id}")
async def save(page: MarketerPage, form_id: Number) -> Response:
    """What it says and asks from now on."""
    given = await _typed(page.request)
    async with page.transaction() as tx:
        form, wrong = understand(page, await _find(tx, page, form_id), given)
        missing = ways_in.missing(form, page.store.name, page.store.policy, page.store.languages)
        if form.published and not form.retired and missing:
            wrong |= wrong_missing(page.say, missing)
        if not wrong:
            await forms.change(tx, page.store.id, form, page.runtime.clock())
            await page.audit(tx, "form.saved", form.name)
    if wrong:
        return await _editor(page, form, wrong, 422)
    return page.go(f"{page.home}/ways-in/forms/{form_id}", page.say.gettext("Saved."))


@router.get("/forms/{form_id}/preview")
async def look(page: MarketerPage, form_id: Number, lang: Language = "") -> Response:
    """The page as its visitors would see it, as it is saved."""
    async with page.transaction() as tx:
        form = await _find(tx, page, form_id)
        number = await sign_up.number_of(tx, page.store.id)
    return _as_visitors_see(page, form, number, lang)


@router.post("/forms/{form_id}/preview")
async def preview(page: MarketerPage, form_id: Number, lang: Language = "") -> Response:
    """The page as its visitors would see it with what is typed now; nothing is kept."""
    given = await _typed(page.request)
    async with page.transaction() as tx:
        form, _ = understand(page, await _find(tx, page, form_id), given)
        number = await sign_up.number_of(tx, page.store.id)
    return _as_visitors_see(page, form, number, lang)


def _as_visitors_see(page: StorePage, form: Form, number: str, lang: str) -> Response:
    language = lang if lang in page.store.languages else page.store.languages[0]
    there = sign_up.opened(page.store, form, number, language)
    return sign_up.page(page.request, there, "consent/join.html", typed={}, wrong={})


@router.post("/forms/{form_id}/publish")
async def publish(page: MarketerPage, form_id: Number) -> Response:
    """From now on people can sign up, if it says all that it must."""
    async with page.transaction() as tx:
        form = await _find(tx, page, form_id)
        missing = ways_in.missing(form, page.store.name, page.store.policy, page.store.languages)
        if not missing:
            await forms.publish(tx, page.store.id, form_id, page.runtime.clock())
            await page.audit(tx, "form.published", form.name)
    if missing:
        return await _editor(page, form, wrong_missing(page.say, missing), 422)
    there = f"{page.home}/ways-in/forms/{form_id}"
    return page.go(there, page.say.gettext("Published: people can sign up now."))


@router.post("/forms/{form_id}/retire")
async def retire(page: MarketerPage, form_id: Number) -> Response:
    """It takes nobody in any more; who signed up by it stays."""
    async with page.transaction() as tx:
        form = await _find(tx, page, form_id)
        await forms.retire(tx, page.store.id, form_id, page.runtime.clock())
        await page.audit(tx, "form.retired", form.name)
    return page.go(f"{page.home}/ways-in", page.say.gettext("Retired: it takes no sign-ups now."))


def wrong_missing(say: Speech, missing: list[tuple[str, str]]) -> dict[str, str]:
    """Errors beside what must be said and is not."""
    _ = say.gettext
    why = {
        "frequency": _("Say how often texts come: without it the form cannot be published."),
        "refusal": _("Say how to refuse: without it the form cannot be published."),
    }
    found = {
        f"{name}_{language}": why.get(name, _("Please fill this in.")) for language, name in missing
    }
    return found | {"": _("Something must be said before people can sign up; see below.")}


async def _editor(
    page: StorePage, form: Form, wrong: dict[str, str] | None = None, status: int = 200
) -> Response:
    store = page.store
    async with page.transaction() as tx:
        every = [one for one in await rewards.of_store(tx, store.id) if not one.retired]
    ready = {
        language: dict(ways_in.ready_words(form, store.name, store.policy, language))
        for language in store.languages
    }
    values: dict[str, Any] = {
        f"{name}_{language}": form.words.get(language, {}).get(name, said)
        for language, words in ready.items()
        for name, said in words.items()
    }
    values |= {
        "name": form.name, "topics": list(form.topics), "fields": list(form.fields),
        "reward": form.reward, "colour": f"#{form.colour}" if form.colour else "#0b5f8a",
        "own_colour": bool(form.colour), "theme": form.theme,
        "double": {None: "", True: "yes", False: "no"}[form.double],
    }  # fmt: skip
    outside = page.runtime.settings.outside_url
    return page.render(
        "consent/form_editor.html", status, form=form, edited=typing.Form(values, wrong or {}),
        reward_pairs=[(one.id, one.name) for one in every],
        languages=[(code, LANGUAGE_NAMES[code]) for code in store.languages],
        topics=_topics(page), address=f"{outside}/join/{form.token}", letters=LETTERS_MAX,
        double_default=store.policy.double_opt_in,
    )  # fmt: skip


def _topics(page: StorePage) -> list[tuple[str, str]]:
    """The store's topics in the words of its first language."""
    store = page.store
    every = Form(0, "", "", topics=tuple(topic.key for topic in store.policy.topics))
    said = ways_in.shown(every, store.name, store.policy, store.languages[0])
    return list(said.topics)


def understand(page: StorePage, form: Form, given: dict[str, Any]) -> tuple[Form, dict[str, str]]:
    """The form as typed, and what is wrong with it."""
    _ = page.say.gettext
    store, wrong = page.store, dict[str, str]()
    topics = tuple(one.key for one in store.policy.topics if one.key in given.get("topics", ()))
    form = replace(
        form,
        name=given.get("name", "").strip()[:NAME_MAX] or form.name,
        topics=topics,
        fields=tuple(name for name in ASKABLE if name in given.get("fields", ())),
        reward=int(given["reward"]) if given.get("reward", "").isdigit() else 0,
        double={"yes": True, "no": False}.get(given.get("double", "")),
        theme=given.get("theme", "") if given.get("theme") in ("light", "dark") else "",
        colour=_colour(given),
    )
    words: dict[str, dict[str, str]] = {}
    for language in store.languages:
        ready = dict(ways_in.ready_words(form, store.name, store.policy, language))
        for name in EDITABLE:
            typed = given.get(f"{name}_{language}", ready[name]).strip()
            if len(typed) > LETTERS_MAX[name]:
                wrong[f"{name}_{language}"] = _("This is too long.")
            if name == "welcome" and typed:
                mistakes = texts.check(typed, KNOWN)
                if mistakes:
                    wrong[f"{name}_{language}"] = mistakes[0]
            if typed != ready[name] and not _is_other_ready(form, store, language, name, typed):
                words.setdefault(language, {})[name] = typed
    return replace(form, words=words), wrong


def _is_other_ready(form: Form, store: Store, language: str, name: str, typed: str) -> bool:
    """Whether it is the ready text of the form before its topics were ticked or unticked."""
    other = replace(form, topics=() if form.topics else ("offers",))
    return typed == dict(ways_in.ready_words(other, store.name, store.policy, language))[name]


def _colour(given: dict[str, Any]) -> str:
    colour = str(given.get("colour", "")).lstrip("#").lower()
    own = given.get("own_colour") == "yes"
    return colour if own and public.COLOUR.fullmatch(colour) else ""


async def _typed(request: Request) -> dict[str, Any]:
    """All fields, those that may be ticked several times as lists."""
    if int(request.headers.get("content-length") or FORM_BYTES_MAX + 1) > FORM_BYTES_MAX:
        raise HTTPException(413)
    given = await request.form(max_files=0, max_fields=300)
    values: dict[str, Any] = {
        name: re.sub(r"\r\n?", "\n", str(given[name])).replace("\x00", "") for name in given
    }
    for name in ("topics", "fields"):
        values[name] = [str(one) for one in given.getlist(name)]
    return values
