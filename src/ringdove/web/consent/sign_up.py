"""Sign-up for customers: /join/<token> on its own, in a frame, or drawn by one line of script.

The words that are kept with a yes are those that stood on the page (R3). The answer does not tell
whether a number is known: nobody can use it to find out who subscribes, nor to have texts sent to
somebody else's phone (one sign-up a number and day, few an hour from one caller, and what a robot
fills in is thrown away). Other sites may post here (CORS), with no cookie and for nothing else.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qsl, quote

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records.consent import forms
from ringdove.records.sending import gateways
from ringdove.records.store import stores
from ringdove.rules import languages
from ringdove.rules.consent import ways_in
from ringdove.rules.consent.ways_in import Form, Shown
from ringdove.rules.facts import Customer, SignedUp
from ringdove.rules.people import phones
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.web import public
from ringdove.web.drawing import STATIC
from ringdove.web.friends import share_pieces
from ringdove.web.security import Throttle
from ringdove.web.store.places import LANGUAGE_NAMES, country_of
from ringdove.web.views import runtime_of

FROM_ONE_CALLER = 20  # an hour; behind one address of a mobile network there are many people
HOUR_S = 3600.0
BODY_BYTES_MAX = 20_000
TRAP = "company_site"  # a field that people do not see
DEVICE_MAX = 300
SEEN_KEPT_S = 5.0  # views are counted together
SCRIPT_KEPT_S = 300
OLDEST = date(1900, 1, 1)
WROTE_NOTHING = {"access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin"}


@dataclass(slots=True)
class Knocks:
    """Who signs up from where lately, and views that are not written yet; with the application."""

    callers: Throttle = field(
        default_factory=lambda: Throttle(tries_max=FROM_ONE_CALLER, window_s=HOUR_S)
    )
    seen: dict[tuple[int, int], int] = field(default_factory=dict)
    written_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Open:
    """A form that somebody looks at."""

    store: Store
    form: Form
    number: str  # to which people text
    language: str
    shown: Shown

    @property
    def words(self) -> Mapping[str, str]:
        """The words around the form's own."""
        ready: Mapping[str, str] = languages.phrases(self.language)["public"]["join"]
        return ready

    @property
    def thanks(self) -> list[str]:
        """What is said afterwards, to everybody."""
        said = [self.shown.thanks or self.words["thanks"]]
        if self.number:
            said.append(self.words["stopped"].replace("{number}", phones.pretty(self.number)))
        return said


# ------------------------------------------------------------------ the page


async def show(request: Request) -> Response:
    """The form, or thanks for having used it."""
    runtime = runtime_of(request)
    there = await _open(request, runtime)
    if there is None:
        return Response("There is no such form.", 404)
    if there.form.retired or not there.form.published:
        return page(request, there, "consent/join_closed.html", 410)
    if "done" in request.query_params:
        url = f"{runtime.settings.outside_url}/join/{there.form.token}"
        ways = share_pieces.ways(there.store, url, there.language, "shop")
        return page(request, there, "consent/join_done.html", ways=ways)
    await _count_view(request, runtime, there)
    return page(request, there, "consent/join.html", typed={}, wrong={})


async def sign_up(request: Request) -> Response:
    """A yes, or what is missing for one."""
    runtime = runtime_of(request)
    there = await _open(request, runtime)
    if there is None:
        return Response("There is no such form.", 404, WROTE_NOTHING)
    is_script = "application/json" in request.headers.get("accept", "")
    if there.form.retired or not there.form.published:
        return _said(is_script, request, there, 410, {"": there.words["closed"]}, {})
    typed = await _typed(request)
    caller, now = _caller(request), runtime.clock()
    knocks = _knocks(request)
    if knocks.callers.is_closed(caller, now.timestamp()):
        return _said(is_script, request, there, 429, {"": there.words["too_many"]}, typed)
    customer, wrong = understand(there, typed, request.headers.get("accept-language", ""), now)
    if wrong:
        return _said(is_script, request, there, 422, wrong, typed)
    knocks.callers.failed(caller, now.timestamp())
    if not _one(typed, TRAP):
        fact = _fact(runtime, there, customer, _many(typed, "topic"), request, now)
        async with db.transaction(runtime.pool) as tx:
            await fact_records.write(tx, there.store, 0, [fact], now, runtime.ids)
    if is_script:
        return JSONResponse({"thanks": there.thanks}, headers=WROTE_NOTHING)
    more = "&embed=1" if "embed" in request.query_params else ""
    return RedirectResponse(f"{quote(request.url.path)}?done=1&lang={there.language}{more}", 303)


Typed = list[tuple[str, str]]


async def _typed(request: Request) -> Typed:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            return []
    pairs = parse_qsl(body.decode("utf-8", "replace"), max_num_fields=100)
    return [(name, value.replace("\x00", "").strip()) for name, value in pairs]


def _one(typed: Typed, name: str) -> str:
    return next((value for key, value in typed if key == name), "")


def _many(typed: Typed, name: str) -> list[str]:
    return [value for key, value in typed if key == name]


def understand(
    there: Open, typed: Typed, accept_language: str, now: datetime
) -> tuple[Customer, dict[str, str]]:
    """Who signs up, and what is wrong with what they typed, by field."""
    w, form = there.words, there.form
    wrong: dict[str, str] = {}
    raw = _one(typed, "phone")[:60]
    read = phones.parse(raw, there.store.country)
    if isinstance(read, phones.Doubtful) and (abroad := country_of(accept_language)):
        read = phones.parse(raw, abroad)
    if isinstance(read, phones.Doubtful):
        example = phones.example(there.store.country)
        wrong["phone"] = w["wrong_phone"].replace("{example}", example)
    offered = {key for key, _ in there.shown.topics}
    if offered and not offered & set(_many(typed, "topic")):
        wrong["topic"] = w["wrong_topics"]
    if not offered and not _one(typed, "agree"):
        wrong["agree"] = w["wrong_agree"]
    told: dict[str, Any] = {
        "phone": read.e164 if isinstance(read, phones.Phone) else "",
        "language": there.language,
    }
    if "name" in form.fields:
        told["name"] = _one(typed, "name")[:100]
    if "email" in form.fields and (email := _one(typed, "email")):
        told["email"] = email[:200]
        if email.count("@") != 1 or " " in email or "." not in email.partition("@")[2]:
            wrong["email"] = w["wrong_email"]
    if "birthday" in form.fields and (day := _one(typed, "birthday")):
        told["birthday"] = _day(day, now)
        if told["birthday"] is None:
            wrong["birthday"] = w["wrong_birthday"]
    if "language" in form.fields and (own := _one(typed, "language")) in there.store.languages:
        told["language"] = own
    own_fields = {
        name.removeprefix(ways_in.OWN_FIELD): _one(typed, name)[:500]
        for name in form.fields
        if name.startswith(ways_in.OWN_FIELD) and _one(typed, name)
    }
    try:
        return Customer(**told, fields=own_fields), wrong
    except ValidationError:
        return Customer(), wrong or {"": w["wrong"]}


def _day(typed: str, now: datetime) -> date | None:
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        return None
    return day if OLDEST < day <= now.date() else None


def _fact(
    runtime: Runtime, there: Open, customer: Customer, ticked: Sequence[str], request: Request,
    now: datetime,
) -> SignedUp:  # fmt: skip
    """Its id is the number and the day: however often it is typed, it is one sign-up a day."""
    whose = runtime.keyed(there.store.id, f"sign-up/{customer.phone}")[:32]
    chosen = [key for key, _ in there.shown.topics if key in ticked]
    return SignedUp(
        id=f"sign-up/{whose}/{now:%Y-%m-%d}",
        at=now,
        customer=customer,
        scopes=tuple(f"topic/{key}" for key in chosen) or ("marketing",),
        words=there.shown.words(chosen)[:2000],
        language=there.language,
        source=f"form/{there.form.id}",
        form=there.form.id,
        ip=_caller(request),
        device=request.headers.get("user-agent", "")[:DEVICE_MAX].replace("\x00", ""),
    )


def _said(
    is_script: bool, request: Request, there: Open, status: int, wrong: dict[str, str], typed: Any
) -> Response:
    if is_script:
        return JSONResponse({"wrong": wrong}, status, WROTE_NOTHING)
    if status == 410:
        return page(request, there, "consent/join_closed.html", status)
    given = dict(typed) | {"topics": _many(typed, "topic")}
    return page(request, there, "consent/join.html", status, typed=given, wrong=wrong)


def page(
    request: Request, there: Open, template: str, status: int = 200, **context: Any
) -> Response:
    """One of the form's pages, as visitors see it."""
    store, form = there.store, there.form
    return public.render(
        request, template, store, there.language, status=status, framed=True,
        offered=store.languages, colour=form.colour, theme=form.theme, form=form,
        shown=there.shown, w=there.words, thanks=there.thanks,
        example=phones.example(store.country), trap=TRAP, own_titles={},
        languages=[(code, LANGUAGE_NAMES[code]) for code in store.languages],
        bare="embed" in request.query_params,
        action=f"?lang={there.language}" + ("&embed=1" if "embed" in request.query_params else ""),
        **context,
    )  # fmt: skip


# ------------------------------------------------------------------ the line of script


async def script(request: Request) -> Response:
    """Draws the form where the line stands, in the language of the page around it."""
    runtime = runtime_of(request)
    there = await _open(request, runtime)
    if there is None or there.form.retired or not there.form.published:
        return Response("// There is no such form.", 404, media_type="text/javascript")
    await _count_view(request, runtime, there)
    at = f"{runtime.settings.outside_url}/join/{there.form.token}"
    told = {
        "at": at,
        "colour": there.form.colour,
        "ink": public.ink_on(there.form.colour) if there.form.colour else "",
        "theme": there.form.theme,
        "trap": TRAP,
        "first": there.store.languages[0],
        "forms": {code: _told(there, code) for code in there.store.languages},
    }
    source = (STATIC / "js" / "embed.js").read_text("utf-8")
    data = json.dumps(told, ensure_ascii=False).replace("<", "\\u003c")
    headers = WROTE_NOTHING | {"cache-control": f"public, max-age={SCRIPT_KEPT_S}"}
    return Response(
        source.replace("null /* FORM */", data), media_type="text/javascript", headers=headers
    )


def _told(there: Open, language: str) -> dict[str, Any]:
    store, form = there.store, there.form
    shown = ways_in.shown(form, store.name, store.policy, language)
    w = languages.phrases(language)["public"]["join"]
    kinds = {"name": "text", "email": "email", "birthday": "date"}
    return {
        "title": shown.title, "intro": shown.intro, "agree": shown.agree, "topics": shown.topics,
        "frequency": shown.frequency, "refusal": shown.refusal, "button": shown.button,
        "phone": w["phone"],
        "hint": w["phone_hint"].replace("{example}", phones.example(store.country)),
        "fields": [[name, w[name], kinds[name]] for name in form.fields if name in kinds],
        "optional": languages.phrases(language)["public"]["optional"],
        "thanks_title": w["thanks_title"], "wrong": w["wrong"], "open": w["open"],
    }  # fmt: skip


# ------------------------------------------------------------------ both


async def _open(request: Request, runtime: Runtime) -> Open | None:
    async with db.transaction(runtime.pool) as tx:
        found = await forms.by_token(tx, request.path_params["token"][:60])
        store = await stores.find(tx, found[0]) if found else None
        if found is None or store is None:
            return None
        number = await number_of(tx, store.id)
    language = public.language_of(request, store.languages)
    return opened(store, found[1], number, language)


def opened(store: Store, form: Form, number: str, language: str) -> Open:
    """A form as somebody sees it in a language."""
    shown = ways_in.shown(form, store.name, store.policy, language)
    return Open(store, form, number, language, shown)


async def number_of(tx: db.Tx, store_id: int) -> str:
    """To which people text this store: the sender of its first gateway that is a number."""
    for gateway in await gateways.of_store(tx, store_id):
        sender = str(gateway.settings.get("sender", ""))
        if gateway.channel == "sms" and sender.lstrip("+").isdigit():
            return sender
    return ""


def _knocks(request: Request) -> Knocks:
    state = request.app.state
    if not hasattr(state, "knocks"):
        state.knocks = Knocks()
    knocks: Knocks = state.knocks
    return knocks


async def _count_view(request: Request, runtime: Runtime, there: Open) -> None:
    """Views are written together, so that a flood of them is not a flood of writes."""
    knocks, now_s = _knocks(request), runtime.clock().timestamp()
    key = there.store.id, there.form.id
    knocks.seen[key] = knocks.seen.get(key, 0) + 1
    if now_s - knocks.written_at < SEEN_KEPT_S:
        return
    seen, knocks.seen, knocks.written_at = knocks.seen, {}, now_s
    async with db.transaction(runtime.pool) as tx:
        for (store_id, form_id), n in seen.items():
            store = await stores.find(tx, store_id)
            if store:
                bucket = stores.buckets(store)[0]
                await forms.count(tx, store_id, bucket, {f"form/{form_id}/seen": n})


def _caller(request: Request) -> str:
    return request.client.host if request.client else ""


ROUTES: list[BaseRoute] = [
    Route("/join/{token}.js", script),
    Route("/join/{token}", show, methods=["GET"]),
    Route("/join/{token}", sign_up, methods=["POST"]),
]
