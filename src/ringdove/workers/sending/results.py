"""What an operator over HTTP answered, until it is written: gathered for a moment, then in bulk.

An answer and the stop that it told of are written in one transaction. While the database is away
they are kept; what is poison stops nothing but itself (P11).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from ringdove.kit import db
from ringdove.kit.buckets import token_of
from ringdove.records import facts
from ringdove.records.sending import messages, wire
from ringdove.records.sending.messages import Settled
from ringdove.rules.facts import StoppedAtOperator
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime

log = structlog.get_logger(__name__)

GATHER_S: Final = 0.1
AGAIN_S: Final = 1.0
LAST_WRITE_S_MAX: Final = 300.0
PACKETS_KEPT_MAX: Final = 5_000


@dataclass(frozen=True, slots=True)
class Stopped:
    """The operator refused a text since its recipient stopped us there."""

    message_id: int
    recipient: str
    words: str


class Results:
    """`run` it until `close`; what is left is then written a last time."""

    def __init__(
        self, runtime: Runtime, gateway_id: int, store: Store, put_back: Callable[[], None]
    ) -> None:
        """`put_back` is called when messages wait in the outbox again."""
        self._runtime = runtime
        self._put_back = put_back
        self._gateway_id = gateway_id
        self._store = store
        self._settled: list[Settled] = []
        self._stopped: list[Stopped] = []
        self._packets: list[wire.Packet] = []
        self._news = asyncio.Event()
        self._is_closing = False

    def settled(self, settled: Settled) -> None:
        """What became of a message."""
        self._settled.append(settled)
        self._news.set()

    def stopped(self, stopped: Stopped) -> None:
        """Somebody stopped us at the operator; the message's own end is told apart."""
        self._stopped.append(stopped)

    def packet(self, packet: wire.Packet) -> None:
        """What went over the wire of a message; written with what became of it."""
        if len(self._packets) < PACKETS_KEPT_MAX:
            self._packets.append(packet)

    async def run(self) -> None:
        while not self._is_closing:
            await self._news.wait()
            if not self._is_closing:
                await asyncio.sleep(GATHER_S)
            self._news.clear()
            if not await self.write():
                await asyncio.sleep(AGAIN_S)
                self._news.set()
        # Nobody else knows what was answered: without it, all that was said becomes unknown (P5).
        loop = asyncio.get_running_loop()
        until = loop.time() + LAST_WRITE_S_MAX
        while not await self.write() and loop.time() < until:
            await asyncio.sleep(AGAIN_S)

    def close(self) -> None:
        """`run` ends after a last writing; it is never cancelled with answers in its hands."""
        self._is_closing = True
        self._news.set()

    async def write(self) -> bool:
        """Everything that came so far; False: not now, it is kept."""
        settled, self._settled = self._settled, []
        stopped, self._stopped = self._stopped, []
        if not (settled or stopped):
            return True
        packets, self._packets = self._packets, []
        try:
            await self._write(settled, stopped, packets)
        except Exception as error:  # whatever it is: answers are known to nobody else
            log.error("speak.write_failed", gateway=self._gateway_id, error=repr(error))
            if db.may_pass(error):
                self._settled, self._stopped = settled + self._settled, stopped + self._stopped
                self._packets = packets + self._packets
                return False
            await self._write_each(settled, stopped)
        return True

    async def _write_each(self, settled: Sequence[Settled], stopped: Sequence[Stopped]) -> None:
        """Something in the batch is poison: an answer that cannot be kept makes its message
        unknown."""
        for one in settled:
            unknown = Settled(one.message_id, "unknown", "the answer cannot be kept")
            for attempt in (one, unknown):
                try:
                    await self._write([attempt], [])
                    break
                except Exception as error:
                    log.error("speak.poison", gateway=self._gateway_id, error=repr(error))
        for stop in stopped:
            try:
                await self._write([], [stop])
            except Exception as error:
                log.error("speak.poison", gateway=self._gateway_id, error=repr(error))

    async def _write(
        self,
        settled: Sequence[Settled],
        stopped: Sequence[Stopped],
        packets: Sequence[wire.Packet] = (),
    ) -> None:
        store, ids = self._store, self._runtime.ids
        heard_at = self._runtime.clock()
        told = [
            StoppedAtOperator(
                id=f"stopped/{token_of(one.message_id)}",
                at=heard_at,
                gateway=self._gateway_id,
                phone=one.recipient[:500],
                words=one.words[:500] or "stopped",
            )
            for one in stopped
        ]

        async def work(tx: db.Tx) -> None:
            # Of each attempt: what one of before has written after all is not counted again.
            now = self._runtime.clock()
            if settled:
                await messages.settle(tx, store, self._gateway_id, settled, now)
            if told:
                await facts.write(tx, store, 0, told, now, ids)
            if packets:
                await wire.keep(tx, store, self._gateway_id, packets, ids)

        await db.retried(self._runtime.pool, work)
        if any(one.state == "retry" for one in settled):
            self._put_back()
