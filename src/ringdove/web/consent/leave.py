"""The way out that is each customer's own: /u/<token>. The shop's form is in leave_site.py.

No login, no script, one press. Looking changes nothing, so robots and previews may look; a press is
answered in its own transaction, and what the page then says holds already (R4, R5, P1). A mail
program's one-click button posts to the same address (RFC 8058). Wrong links and forms are limited
by caller; a right link never is, so that nobody is kept from stopping.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringdove.kit import db
from ringdove.records.consent import ways_out
from ringdove.records.store import stores
from ringdove.rules import languages
from ringdove.rules.automations import wording
from ringdove.rules.consent import permissions, stop_links
from ringdove.rules.consent.stopping import PAUSE, topic_name
from ringdove.rules.facts import ConsentChanged, Fact
from ringdove.rules.people import phones
from ringdove.rules.scenes import Contact, Store
from ringdove.runtime import Runtime
from ringdove.web import public
from ringdove.web.answering import answer_now
from ringdove.web.security import Throttle
from ringdove.web.views import runtime_of

WRONG_LINKS_MAX = 60  # of one caller in five minutes
FORMS_MAX = 30  # likewise; behind one address of a mobile network there are many people
DEEDS_MAX = 40  # of one person in five minutes; a stop is not counted
FORM_BYTES_MAX = 20_000
ONE_CLICK = "One-Click"
WORDS_MAX = 2_000
DEVICE_MAX, IP_MAX = 300, 60
NOBODYS = Store(
    0, "", "", "UTC", (), "", datetime.min.time(), datetime.min.time()
)  # of a link that leads nowhere


Words = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """One press of a button, as changes of the ledger."""

    button: str  # its words
    changes: tuple[tuple[str, str], ...]  # scope, change
    until: datetime | None = None


class Limits:
    """Who knocked too often lately; kept with the application."""

    def __init__(self) -> None:
        self.links = Throttle(tries_max=WRONG_LINKS_MAX)
        self.forms = Throttle(tries_max=FORMS_MAX)
        self.deeds = Throttle(tries_max=DEEDS_MAX)


# ------------------------------------------------------------------ one person's own link


async def personal(request: Request) -> Response:
    """GET shows what the person gets and how to end it; POST does what a button says."""
    runtime = runtime_of(request)
    claim = stop_links.read(request.path_params["token"])
    store = await store_of(runtime, claim) if claim and claim.contact_id else None
    if claim is None or store is None:
        return wrong_link(request)
    async with db.transaction(runtime.pool) as tx:
        person = await ways_out.person(tx, store, claim.contact_id)
    if person is None:
        language = public.language_of(request, store.languages)
        w = words_of(language, store)
        return public.render(
            request,
            "consent/leave_note.html",
            store,
            language,
            title=w["gone_title"],
            note=w["gone"],
        )
    language = _language(request, store, person)
    said = ""
    if request.method == "POST":
        person, said = await _pressed(request, runtime, store, person, language)
    return _page(request, runtime, store, person, language, said)


async def _pressed(
    request: Request, runtime: Runtime, store: Store, person: Contact, language: str
) -> tuple[Contact, str]:
    """The person after the press, and what to say of it."""
    w, now = words_of(language, store), runtime.clock()
    given = await typed_form(request)
    one_click = "deed" not in given  # a mail program's button, or one that we do not know
    deed = given.get("deed", "stop")
    wish = _wish(store, person, deed, given.get("scope", ""), language, now)
    if wish is None:
        return person, w["same"]
    limits, key = limits_of(request).deeds, f"{store.id}/{person.id}"
    if deed not in ("stop", "all"):
        if limits.is_closed(key, now.timestamp()):
            return person, w["busy"]
        limits.failed(key, now.timestamp())
    shown = [w["title"], _now(store, person, language, now), *_hints(w, deed), f"[{wish.button}]"]
    words = f"List-Unsubscribe={ONE_CLICK}" if one_click else "\n".join(shown)
    told: list[Fact] = [
        ConsentChanged(
            id=f"link/{person.id}/{now:%Y%m%dT%H%M%S%f}/{scope}",
            at=now,
            contact=person.id,
            scope=scope,
            change=change,
            until=wish.until,
            words=words[:WORDS_MAX],
            language=language,
            source="link",
            **whence(request),
        )
        for scope, change in wish.changes
    ]
    await answer_now(runtime, store, told)
    async with db.transaction(runtime.pool) as tx:
        after = await ways_out.person(tx, store, person.id)
    return after or person, w["done"]


def _wish(
    store: Store, person: Contact, deed: str, scope: str, language: str, now: datetime
) -> Wish | None:
    """What a press means; None: nothing that can be done, or is so already."""
    w = words_of(language, store)
    back = person.marketing == "out" or _is_paused(person, now)
    left = {name for name, said in person.scopes.items() if said[0] == "out"}
    topic = f"topic/{scope}"
    match deed:
        case "stop" if not _is_left(person):
            return Wish(w["stop"], (("marketing", "out"),))
        case "all" if person.service != "out" or not _is_left(person):
            return Wish(w["all"], (("marketing", "out"), ("service", "out")))
        case "pause" if not _is_left(person) and not _is_paused(person, now):
            return Wish(w["pause"], (("marketing", "paused"),), now + PAUSE)
        case "unpause" if _is_paused(person, now):
            return Wish(w["unpause"], (("marketing", "paused"),), now)
        case "start" if back:
            yes = (("marketing", "in"), ("service", "in"))
            return Wish(w["start"], yes[: 1 + (person.service == "out")])
        case "service_in" if person.service == "out":
            return Wish(w["service_in"], (("service", "in"),))
        case "topic_out" if store.policy.topic(scope) and topic not in left:
            name = w["topic_out"].format(topic=topic_name(store, scope, language))
            return Wish(name, ((topic, "out"),))
        case "topic_in" if store.policy.topic(scope) and topic in left:
            name = w["topic_in"].format(topic=topic_name(store, scope, language))
            return Wish(name, ((topic, "in"),))
        case "category_in" if f"category/{scope}" in left:
            return Wish(w["topic_in"].format(topic=scope), ((f"category/{scope}", "in"),))
    return None


def _page(
    request: Request, runtime: Runtime, store: Store, person: Contact, language: str, said: str
) -> Response:
    now, w = runtime.clock(), words_of(language, store)
    out, paused = _is_left(person), _is_paused(person, now)
    left = {name for name, one in person.scopes.items() if one[0] == "out"}
    shows = {
        "stop": not out,
        "start": person.marketing == "out",
        "finer": not out,
        "pause": not paused,
        "unpause": paused and not out,
        "service_in": person.service == "out",
        "all": person.service != "out",
    }
    topics = [
        (
            one.key,
            w["topic_in" if f"topic/{one.key}" in left else "topic_out"].format(
                topic=topic_name(store, one.key, language)
            ),
            f"topic/{one.key}" in left,
        )
        for one in store.policy.topics
    ]
    categories = [
        (name, w["topic_in"].format(topic=name))
        for name in sorted(one.removeprefix("category/") for one in left if "category/" in one)
    ]
    return public.render(
        request, "consent/leave.html", store, language, offered=store.languages, w=w, said=said,
        now=_now(store, person, language, now), shows=shows, topics=topics, categories=categories,
        here=here_of(request),
    )  # fmt: skip


def _now(store: Store, person: Contact, language: str, now: datetime) -> str:
    """What holds now, in one sentence."""
    w = words_of(language, store)
    if person.service == "out":
        return str(w["now_off"])
    if _is_paused(person, now) and not _is_left(person):
        until = person.paused_until or now
        day = until.astimezone(wording.zone_of(store, person)).date()
        return str(w["now_paused"].format(day=languages.say_day(day, language)))
    if person.marketing == "in":
        return str(w["now_in"])
    joined = [
        topic_name(store, one.key, language)
        for one in store.policy.topics
        if person.scopes.get(f"topic/{one.key}", [""])[0] == "in"
    ]
    if joined:
        return str(w["now_some"].format(topics=", ".join(joined)))
    return str(w["now_none"])


def _hints(w: Words, deed: str) -> list[str]:
    return [w[f"{deed}_hint"]] if f"{deed}_hint" in w else []


def _is_left(person: Contact) -> bool:
    return permissions.is_left(person, "marketing")


def _is_paused(person: Contact, now: datetime) -> bool:
    return bool(person.paused_until and person.paused_until > now)


# ------------------------------------------------------------------ also of the shop's form


async def store_of(runtime: Runtime, claim: stop_links.Claim) -> Store | None:
    """The store of a token that we made; None: of one that we did not."""
    if not stop_links.is_ours(claim, partial(runtime.keyed, claim.store_id)):
        return None
    async with db.transaction(runtime.pool) as tx:
        return await stores.find(tx, claim.store_id)


def wrong_link(request: Request) -> Response:
    """Who guesses is told to wait; who has half a link is told what always works."""
    limits, caller = limits_of(request).links, whence(request)["ip"]
    now_s = runtime_of(request).clock().timestamp()
    closed = limits.is_closed(caller, now_s)
    limits.failed(caller, now_s)
    spoken = [one for one in languages.languages_present() if "public" in languages.phrases_of(one)]
    language = public.language_of(request, sorted(spoken, key=lambda one: one != "en"))
    w = words_of(language, NOBODYS)
    return public.render(
        request, "consent/leave_note.html", NOBODYS, language, status=429 if closed else 404,
        title=w["bad_title"], note=w["bad"],
    )  # fmt: skip


def _language(request: Request, store: Store, person: Contact) -> str:
    picked = request.query_params.get("lang", "")
    if picked in store.languages:
        return picked
    return languages.choose(person.language, person.country, store.languages)


def words_of(language: str, store: Store) -> dict[str, str]:
    """The words of these pages with the shop's name in them; other places stay open."""
    ready: Mapping[str, str] = languages.phrases(language)["public"]["leave"]
    words = {name: said.replace("{shop}", store.name) for name, said in ready.items()}
    often: str = languages.phrases(language)["public"]["join"]["frequency"]
    most = store.policy.cap_month
    words["start_hint"] = (
        words["start_hint"].replace("{frequency}", often.format(n=most) if most else "").strip()
    )
    words["form_hint"] = words["form_hint"].replace("{example}", phones.example(store.country))
    return words


async def typed_form(request: Request) -> dict[str, str]:
    """What was typed and pressed; nothing of a body that is too large."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > FORM_BYTES_MAX:
            return {}
    if ONE_CLICK.encode() in body:  # as a form or in parts: RFC 8058 allows both
        return {"List-Unsubscribe": ONE_CLICK}
    given = parse_qsl(body.decode("utf-8", "replace"), max_num_fields=20)
    return {name: said.replace("\x00", "") for name, said in given}


def whence(request: Request) -> dict[str, str]:
    """Where it came from, for the ledger."""
    device = request.headers.get("user-agent", "").replace("\x00", "")
    ip = request.client.host if request.client else ""
    return {"ip": ip[:IP_MAX], "device": device[:DEVICE_MAX]}


def here_of(request: Request) -> str:
    """This address with its chosen language, for forms."""
    lang = request.query_params.get("lang", "")
    kept = f"?lang={lang}" if re.fullmatch(r"[a-z]{2,3}", lang) else ""
    return f"{request.url.path}{kept}"


def limits_of(request: Request) -> Limits:
    """Of this process."""
    state = request.app.state
    if not hasattr(state, "leaving"):
        state.leaving = Limits()
    limits: Limits = state.leaving
    return limits


ROUTES: list[BaseRoute] = [
    Route("/u/{token}", personal, methods=["GET", "POST"]),
]
