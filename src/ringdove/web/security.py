"""What stands between the pages and the world: headers, forged requests, guessed passwords.

Every answer passes `Guard`. A request that would change something must come from our own pages:
browsers say so in Sec-Fetch-Site, older ones in Origin; no hidden form token is needed. Doors and
the API know their callers by signature or bearer token and never by cookie, so they are exempt.
Scripts and styles come from our own files only: there is no inline script or style anywhere.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import URL, Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
WITHOUT_COOKIES = (
    "/api/",
    "/doors/",
    "/in/",
    "/u/",
    "/leave/",
    "/tell-me/",
    "/y/",
    "/friends/",
    "/f/",
    "/s/",
)  # callers there are known by what they send
# Forms that stand in pages of other sites; they know nobody by a cookie either.
FROM_OTHER_SITES = ("/join/",)

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
STRICT_TRANSPORT = "max-age=31536000"

SESSION_COOKIE = "ringdove_session"
SESSION_COOKIE_S = 30 * 24 * 3600

TRIES_MAX = 5
TRIES_WINDOW_S = 300.0
TRIES_KEYS_MAX = 10_000


class Guard:
    """ASGI middleware: refuses forged requests, adds the headers of every answer.

    Crashes are answered here too: Starlette's own place for them lies outside of all middleware,
    and its answers would lack the headers.
    """

    def __init__(
        self,
        app: ASGIApp,
        refuse: Callable[[Request], Response],
        crashed: Callable[[Request, Exception], Response],
    ) -> None:
        self._app = app
        self._refuse = refuse
        self._crashed = crashed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = _without_nul(scope)

        has_started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                _add_headers(MutableHeaders(scope=message), scope)
            await send(message)

        if is_forged(scope):
            await self._refuse(Request(scope))(scope, receive, send_with_headers)
            return
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            answer = self._crashed(Request(scope), error)
            if not has_started:
                await answer(scope, receive, send_with_headers)


def _without_nul(scope: Scope) -> Scope:
    """PostgreSQL keeps no NUL, so nothing that is looked for can hold one."""
    if "\x00" not in scope["path"] and b"%00" not in scope["query_string"]:
        return scope
    query = scope["query_string"].replace(b"%00", b"")
    return {**scope, "path": scope["path"].replace("\x00", ""), "query_string": query}


def _add_headers(headers: MutableHeaders, scope: Scope) -> None:
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    if scope["scheme"] == "https":
        headers.setdefault("strict-transport-security", STRICT_TRANSPORT)
    if not scope["path"].startswith("/static/"):
        headers.setdefault("cache-control", "no-store")


def is_forged(scope: Scope) -> bool:
    """Whether a request that changes something does not come from one of our own pages."""
    if scope["method"] in SAFE_METHODS or scope["path"].startswith(
        (*WITHOUT_COOKIES, *FROM_OTHER_SITES)
    ):
        return False
    headers = Headers(scope=scope)
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc != URL(scope=scope).netloc


# ------------------------------------------------------------------ the session cookie


def _is_https(request: Request) -> bool:
    return request.url.scheme == "https"


def session_cookie_name(request: Request) -> str:
    """`__Host-` binds a cookie to this host and to https; plain http cannot carry such a name."""
    return f"__Host-{SESSION_COOKIE}" if _is_https(request) else SESSION_COOKIE


def session_token(request: Request) -> str | None:
    """What the browser says it is."""
    return request.cookies.get(session_cookie_name(request))


def remember_session(response: Response, request: Request, token: str) -> None:
    """The browser keeps its token for 30 days; no script can read it."""
    response.set_cookie(
        session_cookie_name(request),
        token,
        max_age=SESSION_COOKIE_S,
        path="/",
        secure=_is_https(request),
        httponly=True,
        samesite="lax",
    )


def forget_session(response: Response, request: Request) -> None:
    """The browser drops its token."""
    response.delete_cookie(
        session_cookie_name(request),
        path="/",
        secure=_is_https(request),
        httponly=True,
        samesite="lax",
    )


# ------------------------------------------------------------------ guessing passwords


@dataclass(slots=True)
class Throttle:
    """Counts failed tries per key (an address, an account) in this process, and forgets the oldest
    keys when there are too many: memory stays bounded whoever knocks."""

    tries_max: int = TRIES_MAX
    window_s: float = TRIES_WINDOW_S
    _tries: OrderedDict[str, list[float]] = field(default_factory=OrderedDict)

    def is_closed(self, key: str, now_s: float) -> bool:
        """Whether this key has failed too often lately."""
        return len(self._recent(key, now_s)) >= self.tries_max

    def failed(self, key: str, now_s: float) -> None:
        """One more failure."""
        self._tries[key] = [*self._recent(key, now_s)[-self.tries_max :], now_s]
        self._tries.move_to_end(key)
        while len(self._tries) > TRIES_KEYS_MAX:
            self._tries.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures of this key."""
        self._tries.pop(key, None)

    def _recent(self, key: str, now_s: float) -> list[float]:
        return [at for at in self._tries.get(key, ()) if at > now_s - self.window_s]
