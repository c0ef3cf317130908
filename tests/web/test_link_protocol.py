"""Links that were opened lately are answered before uvicorn makes a request of them (R28)."""

import http.client
import io
import socket
import time
from typing import Any

import pytest

from ringdove.rules.campaigns.campaigns import Link
from ringdove.web.links.link_protocol import LinkProtocol
from tests.web.conftest import Site
from tests.web.linked import DESKTOP, PHONE, Sent, clicks, send

Heard = tuple[int, dict[str, str]]


class Reply(io.BytesIO):
    """What http.client reads an answer from."""

    def makefile(self, *_: Any) -> io.BytesIO:
        return self

    def close(self) -> None:
        """More answers follow."""


def request(path: str, method: str = "GET", body: str = "", **headers: str) -> str:
    said = {"host": "127.0.0.1"} | PHONE | {k.replace("_", "-"): v for k, v in headers.items()}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {said[name]}" for name in said), "", body]
    return "\r\n".join(lines)


def answers(site: Site, *requests: str) -> list[Heard]:
    """What is said to these, sent at once over one connection, until it is closed by the last."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as link:
        link.sendall("".join(requests).encode())
        told = b""
        while more := link.recv(65536):
            told += more
    wire, heard = Reply(told), []
    for one in requests:
        response = http.client.HTTPResponse(wire, method=one.partition(" ")[0])  # type: ignore[arg-type]
        response.begin()
        heard.append((response.status, {k.lower(): v for k, v in response.getheaders()}))
        response.read()
    assert not wire.read()
    return heard


@pytest.fixture
def sent(site: Site) -> Sent:
    """A link that leads on, for phones only."""
    site.set_up()
    link = Link(url="https://linden.example/app", phones_only=True, utm=False)
    return site.run(send(site, [link]))


def test_both_ways_say_the_same(site: Site, sent: Sent) -> None:
    """The second opening never comes to the application."""
    path = f"/l/{sent.token()}"
    ask = request(path, x_forwarded_proto="https", x_forwarded_for="198.51.100.7")
    bye = request("/l/-", connection="close")
    (first, _) = answers(site, ask, bye)
    usual, calls = site.app.opens, []

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        calls.append(scope["path"])
        await usual(scope, receive, send)

    site.app.opens = counted
    second, root, _ = answers(site, ask, request(f"/{sent.token()}"), bye)
    assert calls == ["/l/-"]
    for _, headers in (first, second, root):
        headers.pop("date")
    assert first == second and first[0] == 302
    assert first[1]["location"] == "https://linden.example/app"
    assert root == (302, {k: v for k, v in first[1].items() if k != "strict-transport-security"})


def test_answers_keep_the_order_of_what_was_asked(site: Site, sent: Sent) -> None:
    """Pipelined, with and without a body, HEAD and what has more to say: all of one connection."""
    path = f"/l/{sent.token()}"
    plain, desktop = request(path), request(path, user_agent=DESKTOP["user-agent"])
    head, bye = request(path, "HEAD"), request(path, connection="close")
    filled = request(path, body="GET /", content_length="5")
    heard = answers(
        site, plain, plain, request("/l/zzzzzzzzzzzz"), plain, desktop, filled, head,
        request(path + "?lang=en"), plain, bye,
    )  # fmt: skip
    assert [status for status, _ in heard] == [302, 302, 404, 302, 200, 302, 302, 302, 302, 302]
    again = answers(site, plain, plain, desktop, plain, bye)
    assert [status for status, _ in again] == [302, 302, 200, 302, 302]
    assert answers(site, bye)[0][1]["connection"] == "close"
    for one in (plain, head, filled):  # right behind one that was answered at once
        assert [status for status, _ in answers(site, plain, one, bye)] == [302, 302, 302]
    counted = 7 + 5 + (3 + 2 + 3) + 1  # neither HEAD nor a change of the language
    end = time.monotonic() + 10  # they are written a moment later
    while len(site.run(clicks(site, sent))) < counted and time.monotonic() < end:
        time.sleep(0.05)
    assert len(site.run(clicks(site, sent))) == counted


def test_a_connection_that_only_opened_links_ends_when_it_is_left_alone(
    site: Site, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As uvicorn ends all others."""
    begun = LinkProtocol.connection_made

    def impatient(self: LinkProtocol, transport: Any) -> None:
        begun(self, transport)
        self.timeout_keep_alive = 0.3  # type: ignore[assignment]

    monkeypatch.setattr(LinkProtocol, "connection_made", impatient)
    path = f"/l/{sent.token()}"
    answers(site, request(path), request(path, connection="close"))
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as link:
        link.sendall(request(path).encode())
        assert link.recv(65536).startswith(b"HTTP/1.1 302 ")
        assert link.recv(65536) == b""
