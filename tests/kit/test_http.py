"""Asking other people's servers: once, never further than the address, and not without end."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from ringdove.kit import http
from tests.workers.paper import Play, says, served


def test_a_get_is_never_repeated_by_itself() -> None:
    """aiohttp would, on a kept connection: at some operators a GET sends a text (P5)."""

    async def story() -> None:
        hits = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal hits
            while await reader.readuntil(b"\r\n\r\n"):
                hits += 1
                if hits > 1:
                    writer.close()
                    return
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with server, http.opened() as ask:
            assert (await ask("GET", url, {})).body == b"ok"
            with pytest.raises(http.TROUBLES):
                await ask("GET", url, {})
            assert hits == 2

    asyncio.run(story())


def test_redirects_are_not_followed_and_answers_are_bounded() -> None:
    async def story() -> None:
        plays: list[Play] = [
            lambda paper, request, told: redirect(), says(200, id="x" * 5_000),
        ]  # fmt: skip
        async with served(plays) as server, http.opened(reply_bytes_max=1_000) as ask:
            reply = await ask("POST", server.url, {}, b"{}")
            assert reply.status == 302
            with pytest.raises(http.TROUBLES):
                await ask("POST", server.url, {}, b"{}")
            assert len(server.heard) == 2

    asyncio.run(story())


def redirect() -> Any:
    return web.Response(status=302, headers={"location": "http://127.0.0.1:1/"})


def test_without_a_connection_nothing_has_left_and_no_address_is_told() -> None:
    """P5: what was surely not sent is told apart from what may have been."""

    async def story() -> None:
        async with http.opened(timeout_s=3) as ask:
            with pytest.raises(http.NotConnected) as wrong:
                await ask("GET", "http://127.0.0.1:1/?key=geheim", {})
            assert str(wrong.value) and "geheim" not in str(wrong.value)

    asyncio.run(story())
