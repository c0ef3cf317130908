"""Asks other people's servers. Never follows a redirect: keys go only where somebody said.

Answers are bounded in time and size. What may be asked and what an answer means is the caller's.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

TIMEOUT_S = 30.0
CONNECT_S_MAX = 10.0
REPLY_BYTES_MAX = 30_000_000

TROUBLES = (aiohttp.ClientError, TimeoutError, OSError)  # the other side is not there, or broken


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Ask = Callable[[str, str, Mapping[str, str]], Awaitable[Reply]]


@asynccontextmanager
async def opened(timeout_s: float = TIMEOUT_S) -> AsyncIterator[Ask]:
    """ask(method, url, headers). Raises one of TROUBLES, or ValueError for what is no address."""
    timeout = aiohttp.ClientTimeout(total=timeout_s, connect=min(CONNECT_S_MAX, timeout_s))
    async with aiohttp.ClientSession(timeout=timeout) as session:

        async def ask(method: str, url: str, headers: Mapping[str, str]) -> Reply:
            async with session.request(
                method, url, headers=headers, allow_redirects=False
            ) as response:
                body = bytearray()
                async for chunk in response.content.iter_chunked(65_536):
                    body += chunk
                    if len(body) > REPLY_BYTES_MAX:
                        raise aiohttp.ClientPayloadError("the answer is too large")
                known = {name.lower(): value for name, value in response.headers.items()}
                return Reply(response.status, known, bytes(body))

        yield ask
