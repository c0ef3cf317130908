"""The page behind the link of a confirmation text (/y/…): is this your number? (R1, R3).

Looking changes nothing, so previews and robots may look; the button says the yes, which is answered
before the page is. No login, no script. rules/consent/confirming.py makes the links.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringdove.kit import db
from ringdove.records.consent import confirming as records
from ringdove.records.consent import ways_out
from ringdove.records.store import stores
from ringdove.rules import languages
from ringdove.rules.consent import confirming, stop_links
from ringdove.rules.facts import Confirmed
from ringdove.rules.scenes import Contact, Store
from ringdove.runtime import Runtime
from ringdove.web import public
from ringdove.web.answering import answer_now
from ringdove.web.consent.leave import NOBODYS
from ringdove.web.security import Throttle
from ringdove.web.views import runtime_of

WRONG_LINKS_MAX = 60  # of one caller in five minutes
FORM_BYTES_MAX = 2_000
DEVICE_MAX, IP_MAX, WORDS_MAX = 300, 60, 2_000

Words = Mapping[str, Any]


async def personal(request: Request) -> Response:
    """GET asks; POST with `yes` is the answer."""
    runtime = runtime_of(request)
    found = await _found(runtime, request.path_params["token"])
    if found is None:
        return _wrong_link(request, runtime)
    store, person = found
    language = _language(request, store, person)
    w: Words = languages.phrases(language)["public"]["confirm"]
    async with db.transaction(runtime.pool) as tx:
        question = await records.question(tx, store, person.id, "confirm")
    now = runtime.clock()
    scopes = confirming.may_answer(person, question, now)
    if not scopes:
        is_done = question is not None and question.state == "yes"
        title, note = ("done_title", "done") if is_done else ("gone_title", "gone")
        return _note(request, store, language, w[title], w[note])
    what = confirming.named(store, person, scopes, language) or w["everything"]
    shown = (w["title"], w["what"].format(shop=store.name, what=what), w["refusal"])
    if request.method == "POST" and await _says_yes(request):
        words = "\n".join((*shown, f"[{w['button']}]"))[:WORDS_MAX]
        fact = Confirmed(
            id=f"link/confirm/{person.id}/{now:%Y%m%dT%H%M%S%f}", at=now, contact=person.id,
            words=words, language=language, **_whence(request),
        )  # fmt: skip
        await answer_now(runtime, store, [fact])
        return _note(request, store, language, w["done_title"], w["done"])
    return public.render(
        request,
        "consent/confirm.html",
        store,
        language,
        offered=store.languages,
        w=w,
        what=shown[1],
    )


async def _found(runtime: Runtime, token: str) -> tuple[Store, Contact] | None:
    claim = stop_links.read(token)
    if claim is None or not claim.contact_id:
        return None
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, claim.store_id)
        person = await ways_out.person(tx, store, claim.contact_id) if store else None
    if store is None or person is None:
        return None
    keyed = confirming.sealed_by(partial(runtime.keyed, claim.store_id), person.phone or "")
    return (store, person) if stop_links.is_ours(claim, keyed) else None


def _language(request: Request, store: Store, person: Contact) -> str:
    picked = request.query_params.get("lang", "")
    if picked in store.languages:
        return picked
    return languages.choose(person.language, person.country, store.languages)


def _note(
    request: Request, store: Store, language: str, title: str, note: str, status: int = 200
) -> Response:
    return public.render(
        request, "consent/leave_note.html", store, language, status=status, title=title, note=note
    )


def _wrong_link(request: Request, runtime: Runtime) -> Response:
    """Who guesses is told to wait."""
    state = request.app.state
    if not hasattr(state, "confirming"):
        state.confirming = Throttle(tries_max=WRONG_LINKS_MAX)
    caller, now_s = _whence(request)["ip"], runtime.clock().timestamp()
    closed = state.confirming.is_closed(caller, now_s)
    state.confirming.failed(caller, now_s)
    spoken = [one for one in languages.languages_present() if "public" in languages.phrases_of(one)]
    language = public.language_of(request, sorted(spoken, key=lambda one: one != "en"))
    w = languages.phrases(language)["public"]["confirm"]
    status = 429 if closed else 404
    return _note(request, NOBODYS, language, w["gone_title"], w["gone"], status)


async def _says_yes(request: Request) -> bool:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > FORM_BYTES_MAX:
            return False
    return ("answer", "yes") in parse_qsl(body.decode("utf-8", "replace"), max_num_fields=5)


def _whence(request: Request) -> dict[str, str]:
    device = request.headers.get("user-agent", "").replace("\x00", "")
    ip = request.client.host if request.client else ""
    return {"ip": ip[:IP_MAX], "device": device[:DEVICE_MAX]}


ROUTES: list[BaseRoute] = [Route("/y/{token}", personal, methods=["GET", "POST"])]
