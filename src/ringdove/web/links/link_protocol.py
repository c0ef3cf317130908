"""Links that were opened lately are answered while they are read (R28): nothing is waited for.

Of every request uvicorn makes a task and a handful of messages; a redirect that is at hand needs
none of them, and they cost more than it does itself. Only the plainest request for such a link is
answered here. All others go the usual way to web/links/links.py, which decides by the same
functions.
"""

import asyncio
from functools import lru_cache, partial
from typing import Any, cast

from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from ringdove.web.links.links import PREFIX, Links, headers_of

WITH_PREFIX = PREFIX.encode()
# Whoever says one of these says more than which link it is.
NOT_PLAIN = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade"})
ADDRESSES_MAX = 2_000  # whose headers are kept as they are written


def protocol(links: Links, trusted_proxies: str) -> type[asyncio.Protocol]:
    """What uvicorn is to make of every connection."""
    proxies = ProxyHeadersMiddleware(cast(Any, _no_further), trusted_proxies)
    return cast(type[asyncio.Protocol], partial(LinkProtocol, links=links, proxies=proxies))


async def _no_further(scope: Scope, receive: Receive, send: Send) -> None:
    """The application behind the proxies, where only what they say is wanted."""


class LinkProtocol(HttpToolsProtocol):
    """A connection."""

    def __init__(self, *, links: Links, proxies: ProxyHeadersMiddleware, **given: Any) -> None:
        super().__init__(**given)
        self._links = links
        self._proxies = proxies

    def on_headers_complete(self) -> None:
        if self.parser.get_method() != b"GET" or not self._leads_on():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if self.cycle is not None:  # else it was answered, and was the first of its connection
            super().on_message_complete()

    def _leads_on(self) -> bool:
        """Answers, if that can be done at once."""
        path = self.url[len(WITH_PREFIX) :] if self.url.startswith(WITH_PREFIX) else self.url[1:]
        known = self._links.book.at_hand(path.decode("latin-1"))
        if known is None or not self._is_free():
            return False
        headers = dict(self.headers)
        if not NOT_PLAIN.isdisjoint(headers):
            return False
        self._hear_proxies()
        scope = cast(Scope, self.scope)
        url = self._links.at_once(known, scope, headers)
        if not url:
            return False
        dated = b"".join(b"%b: %b\r\n" % one for one in self.server_state.default_headers)
        self.transport.write(STATUS_LINE[302] + dated + _headers(url, scope["scheme"]))
        self.on_response_complete()
        return True

    def _is_free(self) -> bool:
        """Whether nobody waits for an answer before this one, and more can be asked after it."""
        is_idle = self.cycle is None or self.cycle.response_complete
        is_open = not self.flow.write_paused and not self.transport.is_closing()
        return is_idle and is_open and self.parser.should_keep_alive()

    def _hear_proxies(self) -> None:
        """The address and the scheme of whoever asks, as uvicorn takes them from a proxy's headers.
        Nothing in it waits, so one step is all of it."""
        none = cast(Any, None)
        try:
            self._proxies(cast(Any, self.scope), none, none).send(None)
        except StopIteration:
            return


@lru_cache(maxsize=ADDRESSES_MAX)
def _headers(url: str, scheme: str) -> bytes:
    said = headers_of([(b"location", url.encode("ascii"))], 0, scheme)
    return b"".join(b"%b: %b\r\n" % one for one in said) + b"\r\n"
