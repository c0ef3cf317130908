"""One SMPP session on one socket: the only place where the pure session meets asyncio.

Both ends use it: `binds` as the client, `sandbox` as the SMSC. What is heard is handed over in one
call per arrival, synchronously and in order; what is said is gathered and written once per turn of
the loop, so that a window of submits is one write. It decides nothing and knows no message.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias, cast

from ringdove.smpp import quick
from ringdove.smpp.pdu import BindReceiver, DataSm, QuerySm, SubmitSm
from ringdove.smpp.session import Asked, Closed, Event, Session, Side, Timers

CLOSE_S_MAX: Final = 2.0

Hear: TypeAlias = Callable[["Link", list[Event]], None]


class Link(asyncio.Protocol):
    """After `Closed` was heard the socket is closed and every verb but `close` does nothing."""

    def __init__(
        self, side: Side, timers: Timers, hear: Hear, *, reads_quickly: bool = True
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._hear = hear
        self._said: list[bytes] = []
        self._alarm: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        now = self._loop.time()
        self._session = Session(side, timers, now, reads_quickly=reads_quickly)
        self.gone = asyncio.Event()

    # ── what we say ──────────────────────────────────────────────────────────

    def bind(self, bind: BindReceiver) -> None:
        self._say(self._session.bind(bind, self._loop.time()))

    def accept(self, system_id: str) -> None:
        if self._session.state == "binding":
            self._say(self._session.accept(system_id, self._loop.time()))

    def refuse(self, status: int) -> None:
        if self._session.state == "binding":
            self._say(self._session.refuse(status))
            self._hang_up()

    @property
    def is_bound(self) -> bool:
        return self._session.state == "bound"

    @property
    def room(self) -> int:
        return self._session.room

    @property
    def unanswered(self) -> int:
        return self._session.unanswered

    def ask(self, body: SubmitSm | DataSm | QuerySm, token: object) -> None:
        """Raises NotNow without room, ValueError for what cannot be written."""
        self._say(self._session.ask(body, token, self._loop.time()))

    def say(self, octets: bytes, token: object) -> bytes:
        """The same for a request that is written already: as it leaves, with its number. Raises
        NotNow without room."""
        said = self._session.say(octets, token, self._loop.time())
        self._say(said)
        return said

    def acknowledge(self, sequences: Iterable[int]) -> None:
        """Answers to Told."""
        if self._session.state in ("bound", "unbinding"):
            self._say(self._session.acknowledge(sequences))

    def answer(self, asked: Asked, message_id: str = "", status: int = 0) -> None:
        if self._session.state in ("bound", "unbinding"):
            self._say(self._session.answer(asked, message_id, status))

    def refuse_asked(self, asked: Asked | int, status: int) -> None:
        """An answer that is a refusal: the peer keeps what it asked or told, and says it again."""
        if isinstance(asked, Asked):
            self.answer(asked, status=status)
        elif self._session.state in ("bound", "unbinding"):
            self._say(quick.deliver_sm_resp(asked, status))

    async def unbind(self, within_s: float = CLOSE_S_MAX) -> None:
        """A polite end, or a plain one when the peer does not answer in time."""
        if self._session.state == "bound":
            self._say(self._session.unbind(self._loop.time()))
            try:
                await asyncio.wait_for(self.gone.wait(), within_s)
            except TimeoutError:
                pass
        self.close()

    def close(self) -> None:
        """Now, without a word; Closed is heard if it was not yet."""
        self._lose()
        self._hang_up()

    # ── what asyncio tells us ────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self.gone.is_set():
            self._transport.close()
        self._set_alarm()

    def data_received(self, data: bytes) -> None:
        self._heard(*self._session.receive(bytes(data), self._loop.time()))

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose()

    def pause_writing(self) -> None:
        # Who does not read is not read either: else its answers would fill our memory.
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # ── within ───────────────────────────────────────────────────────────────

    def _lose(self) -> None:
        self._heard(*self._session.receive(b"", self._loop.time()))

    def _heard(self, events: list[Event], said: bytes) -> None:
        self._say(said)
        if events:
            self._hear(self, events)
            if isinstance(events[-1], Closed):
                self._hang_up()
        self._set_alarm()

    def _say(self, octets: bytes) -> None:
        if not octets:
            return
        if not self._said:
            self._loop.call_soon(self._flush)
        self._said.append(octets)

    def _flush(self) -> None:
        said, self._said = self._said, []
        if said and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(said))
            self._set_alarm()

    def _hang_up(self) -> None:
        self._flush()
        self.gone.set()
        if self._alarm is not None:
            self._alarm.cancel()
        if self._transport is not None:
            self._transport.close()

    def _set_alarm(self) -> None:
        deadline = self._session.next_deadline
        if deadline is None:
            return
        if self._alarm is None or self._alarm.cancelled() or deadline < self._alarm.when():
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm = self._loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._heard(*self._session.tick(self._loop.time()))
