"""Asks other people's servers. Never follows a redirect: keys go only where somebody said.

Answers are bounded in time and size. What may be asked and what an answer means is the caller's.
Nothing is ever asked a second time by itself: a question may be a text to a customer.

    one of TROUBLES
    ├── NotConnected         no connection was made: nothing has left
    └── whatever else        it may have been heard, or not
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import aiohttp

TIMEOUT_S = 30.0
CONNECT_S_MAX = 10.0
REPLY_BYTES_MAX = 30_000_000
CONNECTIONS_MAX = 100
# Shorter than servers keep an idle connection (5 s and more): one that they close just when it is
# used again leaves a question of which nobody knows whether it was heard.
IDLE_S_MAX = 4.0

TROUBLES = (aiohttp.ClientError, TimeoutError, OSError)  # the other side is not there, or broken


class NotConnected(OSError):
    """No connection could be made: nothing of the question has left this machine."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Ask(Protocol):
    """ask(method, url, headers, body). Raises one of TROUBLES, or ValueError for no address."""

    async def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Reply: ...


@asynccontextmanager
async def opened(
    timeout_s: float = TIMEOUT_S,
    *,
    connections: int = CONNECTIONS_MAX,
    reply_bytes_max: int = REPLY_BYTES_MAX,
) -> AsyncIterator[Ask]:
    """A session of its own, until the end of the block."""
    timeout = aiohttp.ClientTimeout(total=timeout_s, connect=min(CONNECT_S_MAX, timeout_s))
    connector = aiohttp.TCPConnector(limit=connections, keepalive_timeout=IDLE_S_MAX)
    jar = aiohttp.DummyCookieJar()  # what one customer's answer sets is not told with the next
    async with aiohttp.ClientSession(
        timeout=timeout, connector=connector, cookie_jar=jar
    ) as session:
        # aiohttp repeats GET, PUT and DELETE by itself when a kept connection turns out closed;
        # at some operators a GET sends a text. tests/kit/test_http.py sees that this holds.
        session._retry_connection = False

        async def ask(
            method: str, url: str, headers: Mapping[str, str], body: bytes = b""
        ) -> Reply:
            try:
                async with session.request(
                    method, url, headers=headers, data=body or None, allow_redirects=False
                ) as response:
                    known = {name.lower(): value for name, value in response.headers.items()}
                    return Reply(response.status, known, await _read(response, reply_bytes_max))
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                raise NotConnected(_why(error)) from error

        yield ask


async def _read(response: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        body += chunk
        if len(body) > bytes_max:
            raise aiohttp.ClientPayloadError("the answer is too large")
    return bytes(body)


def _why(error: Exception) -> str:
    """Without the address, in which a key may stand."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "no answer to the connection"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the server's name is not known"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "the server's certificate is not valid"
    cause = getattr(error, "os_error", None) or error.__cause__
    return (getattr(cause, "strerror", None) or "no connection")[:200]
