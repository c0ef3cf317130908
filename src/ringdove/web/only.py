"""What a subscriber was given, behind their own link: /only/<token> (R7, R8, R9).

The link carries a seal, so nobody makes another's of it. Whoever has left our texts, or comes with
the address alone, is told politely how to join. What is for phones only shows a desktop a QR code
with the same address. Looking is no deed: previews and robots may look.
"""

from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import segno
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringdove.kit import db
from ringdove.records import forms, rewards, stores, ways_out
from ringdove.rules import languages
from ringdove.rules import rewards as rules
from ringdove.rules.scenes import Contact, Store
from ringdove.rules.ways_in import Reward
from ringdove.runtime import Runtime
from ringdove.web import public
from ringdove.web.views import runtime_of

Given = dict[str, Any]


async def show(request: Request) -> Response:
    """The reward, or why not."""
    runtime = runtime_of(request)
    token = request.path_params["token"]
    link = rules.read_token(token)
    if link is None or not rules.is_ours(link, partial(runtime.keyed, link.store_id)):
        return await _without_a_link(request, runtime, token)
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, link.store_id)
        reward = await rewards.find(tx, link.store_id, link.reward_id)
        if store is None or reward is None:
            return Response("There is nothing here.", 404)
        person = await ways_out.person(tx, store, link.contact_id)
        given = await _given(tx, store, link.contact_id, reward, person)
        join = await _join(tx, store)
    language = _language(request, store, person)
    if not given or not rules.may_open(person):
        return _refused(request, store, language, join, left=bool(given))
    now = runtime.clock()
    ends = given["valid_until"] or reward.valid_until
    day = _day(store, ends, language)
    if ends and now >= ends:
        return _page(request, store, language, "only_ended.html", 410, day=day)
    if reward.phones_only and not on_phone(request):
        address = f"{runtime.settings.outside_url}/only/{token}"
        return _page(request, store, language, "only_desktop.html", qr=qr_of(address))
    async with db.transaction(runtime.pool) as tx:
        await rewards.opened(tx, store, given["id"], now)
    return _page(request, store, language, "only.html", reward=reward, given=given, day=day)


def on_phone(request: Request) -> bool:
    """Whether this request comes from a mobile phone."""
    return rules.is_phone(
        request.headers.get("user-agent", "")[:1000], request.headers.get("sec-ch-ua-mobile", "")
    )


def qr_of(text: str) -> str:
    """A QR code as the address of a picture."""
    code = segno.make(text, error="m", micro=False)
    return str(code.svg_data_uri(scale=6, border=2, dark="#111418", light="#ffffff"))


async def _given(
    tx: db.Tx, store: Store, contact_id: int, reward: Reward, person: Contact | None
) -> Given:
    """What of this reward the link's person was given, also before they were merged."""
    whose = {contact_id, *((person.id, *person.also) if person else ())}
    for one in sorted(whose, key=lambda whose: whose != contact_id):
        for row in await rewards.given(tx, store, one):
            if row["reward_id"] == reward.id:
                return dict(row)
    return {}


async def _without_a_link(request: Request, runtime: Runtime, token: str) -> Response:
    """The reward's own address: what a subscriber passed on, or a link that lost a letter."""
    async with db.transaction(runtime.pool) as tx:
        found = await rewards.by_token(tx, token[:60])
        store = await stores.find(tx, found[0]) if found else None
        if store is None:
            return Response("There is nothing here.", 404)
        join = await _join(tx, store)
    return _refused(request, store, _language(request, store, None), join, left=False)


async def _join(tx: db.Tx, store: Store) -> str:
    """Where one can join: the store's newest form that is open."""
    for form in await forms.of_store(tx, store.id):
        if form.published and not form.retired:
            return f"/join/{form.token}"
    return ""


def _refused(request: Request, store: Store, language: str, join: str, *, left: bool) -> Response:
    return _page(request, store, language, "only_refused.html", 403, join=join, left=left)


def _language(request: Request, store: Store, person: Contact | None) -> str:
    own = person.language if person else None
    if own in store.languages and "lang" not in request.query_params:
        return own or ""
    return public.language_of(request, store.languages)


def _day(store: Store, ends: datetime | None, language: str) -> str:
    return languages.say_day(ends.astimezone(ZoneInfo(store.time_zone)), language) if ends else ""


def _page(
    request: Request, store: Store, language: str, template: str, status: int = 200, **context: Any
) -> Response:
    w = languages.phrases(language)["public"]["only"]
    response = public.render(
        request, template, store, language, status=status, offered=store.languages, w=w, **context
    )
    # Browsers that say so unasked need no second look; the others are told that it matters.
    response.headers["vary"] = "accept-language, user-agent, sec-ch-ua-mobile"
    response.headers["referrer-policy"] = "no-referrer"  # the address is the person's own
    return response


ROUTES: list[BaseRoute] = [Route("/only/{token}", show, methods=["GET"])]
