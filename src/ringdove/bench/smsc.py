"""A bare SMSC on 127.0.0.1: notes what was submitted and when, answers at once or never.

It stands in for an operator in measurements and in tests of crashes. It knows no phones and keeps
nothing: for those there is workers/sandbox.py.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ringdove.gateways import smpp
from ringdove.smpp.pdu import SubmitSm
from ringdove.smpp.session import Asked, BindAsked, Closed, Event, Timers
from ringdove.workers.sending.links import Link

HOST = "127.0.0.1"
TIMERS = Timers(window=100, enquire_link_s=300, response_timeout_s=300)


@dataclass(slots=True)
class Submitted:
    """One submit_sm as it arrived."""

    at: float  # the loop's clock
    phone: str
    text: str


@dataclass(eq=False)
class Smsc:
    """`silent`: takes every submit and answers none, as a link does that is about to die."""

    silent: bool = False
    heard: list[Submitted] = field(default_factory=list)
    on_submit: Callable[[Submitted], None] = lambda submitted: None
    links: set[Link] = field(default_factory=set)
    _ids: "itertools.count[int]" = field(default_factory=itertools.count)

    def hear(self, link: Link, events: list[Event]) -> None:
        for event in events:
            match event:
                case BindAsked():
                    self.links.add(link)
                    link.accept("stand-in")
                case Asked(body=SubmitSm() as body):
                    self._note(body)
                    if not self.silent:
                        link.answer(event, f"{next(self._ids):x}")
                case Closed():
                    self.links.discard(link)

    def _note(self, body: SubmitSm) -> None:
        coding = smpp.Settings.model_validate({"host": HOST, "system_id": "stand-in"})
        read = smpp.read(coding, body)
        text = smpp.decode(coding, read.coding, read.octets) if isinstance(
            read, smpp.TextRead
        ) else ""  # fmt: skip
        now = asyncio.get_running_loop().time()
        submitted = Submitted(now, body.destination_addr, text)
        self.heard.append(submitted)
        self.on_submit(submitted)


@asynccontextmanager
async def opened(smsc: Smsc, port: int = 0) -> AsyncIterator[int]:
    """The port on which it listens."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Link("smsc", TIMERS, smsc.hear), HOST, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for link in list(smsc.links):
            link.close()
        await asyncio.sleep(0)
