"""The redirector: https://<short domain>/<token> and <our address>/l/<token> (R28 to R31, N5).

Stands before all routing, since a text to a million people brings a thousand of them in a second. A
redirect is answered here at once, one that was opened lately even before
(web/links/link_protocol.py); what is said in words (an offer that ended, a phone's offer on a
desktop, a cart to be filled by hand, a wrong link) goes on to a route behind the usual guard. HEAD
is answered and never counted. Tokens are heard at the root of every domain: the short domain of
last year works as long as it leads here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ringdove.kit.crypto import sign_hex
from ringdove.rules import languages
from ringdove.rules.links import links
from ringdove.rules.links.link_targets import is_over, web_address
from ringdove.rules.links.link_visitors import Visitor
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.web import public
from ringdove.web.consent.leave import NOBODYS
from ringdove.web.links.link_aims import Opened
from ringdove.web.links.link_book import Hosts, Known, LinkBook
from ringdove.web.links.link_clicks import ClickBuffer, address_of, visitor_of
from ringdove.web.offers.only import qr_of
from ringdove.web.security import STRICT_TRANSPORT, Throttle
from ringdove.web.views import runtime_of

log = structlog.get_logger()

PREFIX = "/l/"
LENGTHS = frozenset({links.SHORT.signs, links.LONG.signs})
WRONG_MAX = 60  # of one caller in five minutes; then they are told to wait
FLOOD_MAX = 600  # likewise; then nothing is looked up for them at all
FOUND = "ringdove.link"  # in the scope: what the redirector knows, for the route below
NOWHERE = "-"  # a token that is none, for the page of wrong links
# What a short domain shows besides links: the styles of the pages above, forms of surveys.
ON_SHORT_DOMAINS = ("/static/", "/look/", "/s/", PREFIX)
CHECK = "/l/check"  # answered with what only this installation can make of the question
CHECK_MAX = 40  # signs of the question
ROBOTS_TXT = b"User-agent: *\nDisallow: /\n"
PLAIN = [
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-robots-tag", b"noindex, nofollow"),
]
SECURE = (b"strict-transport-security", STRICT_TRANSPORT.encode())
Headers = Iterable[tuple[bytes, bytes]]
Said = Mapping[bytes, bytes]  # what a request says in its headers


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a link whose page is to be shown."""

    token: str
    known: Known
    page: str  # as `page_of` names them


class Links:
    """What a process keeps of links; `app.state.links`."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.book = LinkBook(runtime)
        self.clicks = ClickBuffer(runtime)
        self.wrong = Throttle(tries_max=WRONG_MAX)
        self.flood = Throttle(tries_max=FLOOD_MAX)

    def at_once(self, known: Known, scope: Scope, headers: Said) -> str:
        """Where a link leads; its click is noted. "": something is to be said in words."""
        if not is_at_home(known, headers):
            return ""
        visitor, now = visitor_of(headers), self.runtime.clock()
        if page_of(known, visitor, now):
            return ""
        self.note(known.opened, visitor, scope, now)
        return known.target.url

    def note(self, opened: Opened, visitor: Visitor, scope: Scope, now: datetime) -> None:
        """It was opened; of somebody erased nothing more is noted."""
        if opened.is_known:
            self.clicks.came(
                scope, visitor, opened.claim, opened.contact_id, opened.sent_at, now
            )  # fmt: skip


def is_at_home(known: Known, headers: Said) -> bool:
    """A short domain opens the links of its own store only."""
    owner = _owner(known.hosts, headers)
    return owner is None or owner == known.opened.claim.store_id


def page_of(known: Known, visitor: Visitor, now: datetime) -> str:
    """What is said in words instead: ended, desktop, cart, nothing; "": it leads on."""
    link = known.aims.link(known.opened.claim.number)
    if is_over(link, now):
        return "ended"
    if link.phones_only and visitor.device != "phone":
        return "desktop"
    if known.target.url:
        return ""
    return "cart" if known.target.lines else "nothing"


class Redirector:
    """ASGI: answers links, lets everything else pass to the application behind it."""

    def __init__(self, app: ASGIApp, links: Links) -> None:
        self._app = app
        self._links = links

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        token = path[len(PREFIX) :] if path.startswith(PREFIX) else path[1:]
        is_token = len(token) in LENGTHS and token.isascii() and token.isalnum()
        try:
            if is_token and scope["method"] in ("GET", "HEAD"):
                await self._link(token, scope, receive, send)
            elif path == CHECK:
                nonce = scope["query_string"][:CHECK_MAX].decode("latin-1")
                said = answer_of(self._links.runtime, nonce).encode()
                await _say(send, scope, 200, said, [(b"content-type", b"text/plain")])
            elif not await self._is_shown(scope, path):
                await self._short_domain(scope, receive, send)
            else:
                await self._app(scope, receive, send)
        except psycopg.OperationalError as error:
            log.error("link.database_away", error=type(error).__name__)
            await _say(send, scope, 503, b"Try again in a minute.", [(b"retry-after", b"30")])

    # ---------------------------------------------------------------- one link

    async def _link(self, token: str, scope: Scope, receive: Receive, send: Send) -> None:
        mine, headers, address = self._links, dict(scope["headers"]), address_of(scope)
        known = mine.book.at_hand(token)
        if known is None:
            is_new = mine.book.seen(token) is None
            if is_new and mine.flood.is_closed(address, mine.runtime.clock().timestamp()):
                await self._wrong(scope, receive, send)
                return
            known = await mine.book.known(token)
        if known is None or not is_at_home(known, headers):
            await self._wrong(scope, receive, send)
            return
        visitor, now = visitor_of(headers), mine.runtime.clock()
        if scope["method"] == "GET" and b"lang=" not in scope["query_string"]:
            mine.note(known.opened, visitor, scope, now)
        if page := page_of(known, visitor, now):
            await self._page(Found(token, known, page), scope, receive, send)
        else:
            url = known.target.url.encode("ascii")
            await _say(send, scope, 302, b"", [(b"location", url)])

    async def _page(self, found: Found, scope: Scope, receive: Receive, send: Send) -> None:
        inner = {**scope, "path": PREFIX + found.token, "raw_path": b"", FOUND: found}
        await self._app(inner, receive, send)

    async def _wrong(self, scope: Scope, receive: Receive, send: Send) -> None:
        inner = {**scope, "path": PREFIX + NOWHERE, "raw_path": b""}
        await self._app(inner, receive, send)

    # ---------------------------------------------------------------- a short domain

    async def _is_shown(self, scope: Scope, path: str) -> bool:
        """Whether a page of ours may be seen under this host: a short domain shows links only."""
        if path.startswith(ON_SHORT_DOMAINS):
            return True
        try:
            hosts = await self._links.book.hosts()
        except psycopg.Error:
            return True  # the page itself says what is wrong
        return _owner(hosts, dict(scope["headers"])) is None

    async def _short_domain(self, scope: Scope, receive: Receive, send: Send) -> None:
        hosts = await self._links.book.hosts()
        owner = _owner(hosts, dict(scope["headers"]))
        home = web_address(hosts.homes.get(owner or 0, ""))
        if scope["path"] == "/" and home:
            await _say(send, scope, 302, b"", [(b"location", home.encode("ascii"))])
            return
        if scope["path"] == "/robots.txt":
            await _say(send, scope, 200, ROBOTS_TXT, [(b"content-type", b"text/plain")])
            return
        await self._wrong(scope, receive, send)


def answer_of(runtime: Runtime, nonce: str) -> str:
    """What whoever asks CHECK hears, wherever a domain leads."""
    return sign_hex(runtime.link_key, f"reach/{nonce}".encode())[:32]


def _owner(hosts: Hosts, headers: Said) -> int | None:
    """The store whose short domain was asked."""
    if not hosts.by_name:
        return None
    host = headers.get(b"host", b"").decode("latin-1").lower()
    name, colon, port = host.rpartition(":")
    host = name if colon and port.isdigit() else host
    return hosts.by_name.get(host.removesuffix("."))  # with the dot of the root it is the same


def headers_of(more: Headers, length: int, scheme: str) -> list[tuple[bytes, bytes]]:
    """What every answer says."""
    said = [*more, *PLAIN, (b"content-length", b"%d" % length)]
    return [*said, SECURE] if scheme == "https" else said


async def _say(send: Send, scope: Scope, status: int, body: bytes, more: Headers) -> None:
    headers = headers_of(more, len(body), scope["scheme"])
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


# ------------------------------------------------------------------ what is said in words


async def show(request: Request) -> Response:
    """A link that leads to no address just now, and why."""
    found: Found | None = request.scope.get(FOUND)
    if found is None:
        return _wrong_page(request)
    opened, aims, _, target = found.known
    store, link = aims.store, aims.link(opened.claim.number)
    language = _language(request, store, opened)
    if found.page == "ended":
        day = _day(store, link.ends_at, language)
        return _render(request, "links/link_ended.html", store, language, 410, day=day)
    if found.page == "desktop":
        outside = runtime_of(request).settings.outside_url
        qr = qr_of(links.url_of(store, outside, found.token))
        return _render(request, "links/link_desktop.html", store, language, 200, qr=qr)
    if found.page == "cart":
        return _render(request, "links/link_cart.html", store, language, 200, target=target)
    w = languages.phrases(language)["public"]["link"]
    note = {"title": w["wrong_title"], "note": w["wrong"]}
    return _render(request, "links/link_wrong.html", store, language, 404, **note)


def _wrong_page(request: Request) -> Response:
    """No link of ours. Whoever tries many is told to wait."""
    mine: Links = request.app.state.links
    caller, now_s = address_of(request.scope), mine.runtime.clock().timestamp()
    closed = mine.wrong.is_closed(caller, now_s)
    mine.wrong.failed(caller, now_s)
    mine.flood.failed(caller, now_s)
    spoken = [one for one in languages.languages_present() if "public" in languages.phrases_of(one)]
    language = public.language_of(request, sorted(spoken, key=lambda one: one != "en"))
    w = languages.phrases(language)["public"]["link"]
    said = ("busy_title", "busy", 429) if closed else ("wrong_title", "wrong", 404)
    return _render(
        request,
        "links/link_wrong.html",
        NOBODYS,
        language,
        said[2],
        title=w[said[0]],
        note=w[said[1]],
    )


def _language(request: Request, store: Store, opened: Opened) -> str:
    """What was picked on the page, else what the message spoke."""
    if opened.language in store.languages and "lang" not in request.query_params:
        return opened.language
    return public.language_of(request, store.languages)


def _day(store: Store, ends: datetime | None, language: str) -> str:
    return languages.say_day(ends.astimezone(ZoneInfo(store.time_zone)), language) if ends else ""


def _render(
    request: Request, template: str, store: Store, language: str, status: int, **context: Any
) -> Response:
    w = languages.phrases(language)["public"]["link"]
    response = public.render(
        request, template, store, language, status=status, offered=store.languages, w=w, **context
    )
    response.headers["vary"] = "accept-language, user-agent, sec-ch-ua-mobile"
    response.headers["referrer-policy"] = "no-referrer"  # the address is the person's own
    return response


ROUTES: list[BaseRoute] = [Route(PREFIX + "{token}", show, methods=["GET", "HEAD"])]
