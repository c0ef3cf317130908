"""The letters of one e-mail gateway: take as many as can be handed over now, hand over, settle.

A letter is taken only when a connection is free for it, so that a crash leaves no more letters of
unknown outcome than were being handed over (P5). What is done is settled together before more is
taken. A server that cannot be reached costs no letter anything: nothing was taken.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import aiosmtplib
import psycopg
import structlog

from ringdove.gateways import smtp
from ringdove.gateways.edge import Refused
from ringdove.gateways.smtp import letters
from ringdove.kit import db, mail
from ringdove.kit.buckets import token_of
from ringdove.records.consent import complaints
from ringdove.records.sending import gateways, messages, wire
from ringdove.records.sending.gateways import Gateway
from ringdove.records.sending.messages import Settled, Taken
from ringdove.rules.consent import stop_links
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.workers.sending import packets
from ringdove.workers.sending.pace import Allowance
from ringdove.workers.sending.taking import Taker

log = structlog.get_logger(__name__)

RETRY_AFTER: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 20, 60, 180))
LINK_AGAIN: Final = timedelta(seconds=10)
CONNECT_S_MAX: Final = 20.0
WRITE_TRIES: Final = 30
WRITE_AGAIN_S: Final = 1.0
PACKETS_KEPT_MAX: Final = 1_000


class Postman:
    """`wake` it with the buckets in which its letters are due; `run` until they are sent."""

    def __init__(
        self, runtime: Runtime, store: Store, gateway: Gateway, settings: smtp.Settings, owner: str
    ) -> None:
        self._runtime = runtime
        self._store = store
        self._gateway = gateway
        self._settings = settings
        self._owner = owner
        self._taker = Taker(runtime, store, gateway.id)
        self._allowance = Allowance(settings.throughput_per_s)
        self._lines_max = settings.connections
        self._buckets: deque[int] = deque()
        self._idle: list[aiosmtplib.SMTP] = []
        self._busy: set[asyncio.Task[None]] = set()
        self._settled: list[Settled] = []
        self._packets: list[wire.Packet] = []
        self._stop = asyncio.Event()
        self._trouble = ""
        self._state = (gateway.state, gateway.state_detail)

    def wake(self, buckets: Iterable[int]) -> None:
        self._buckets.extend(bucket for bucket in buckets if bucket not in self._buckets)

    def stop(self) -> None:
        """Nothing more is taken; what is being handed over is waited for."""
        self._stop.set()

    async def run(self) -> str:
        """Hands over all that is due; what is wrong with the server, or nothing."""
        try:
            while True:
                await self._settle()
                wait_s = await self._hand_out()
                if self._settled and not self._stop.is_set():
                    continue  # what is not settled has its place still
                if not self._busy and wait_s is None:
                    return self._trouble
                await self._rest(wait_s)
        finally:
            if self._busy:
                await asyncio.wait(self._busy)
            await self._settle()
            for line in self._idle:
                await _leave(line)

    async def knock(self) -> str:
        """Looks whether the server is back, with nothing to hand over; what is wrong, or nothing.
        Else a gateway whose letters went over another one would be taken for away for ever."""
        if not (line := await self._free_line()):
            return self._trouble
        try:
            await mail.try_sender(line, smtp.envelope(self._settings, token_of(0)))
        except mail.NotTaken as error:
            refused = smtp.sender_refused(error.code, error.said)
            self._trouble = refused.reason if error.of == "sender" else error.said
            await self._tell_state("refused", self._trouble)
        else:
            await self._tell_state("bound", "")
        await _leave(line)
        return self._trouble

    async def _rest(self, wait_s: float | None) -> None:
        if self._busy:
            await asyncio.wait(self._busy, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        elif wait_s:
            stopped = asyncio.create_task(self._stop.wait())
            await asyncio.wait((stopped,), timeout=wait_s)
            stopped.cancel()

    # ── taking ───────────────────────────────────────────────────────────────

    async def _hand_out(self) -> float | None:
        """Gives free connections something to do. The seconds until more may be said; None: there
        is no more to say, or nobody free to say it."""
        loop = asyncio.get_running_loop()
        while self._buckets and not (self._stop.is_set() or self._trouble):
            if (free := self._lines_max - len(self._busy) - len(self._settled)) <= 0:
                return None
            if wait_s := self._allowance.wait_s(loop.time()):
                return wait_s
            if not (line := await self._free_line()):
                return None
            try:
                taken = await self._take(self._buckets[0], free)
            except BaseException:
                line.close()
                raise
            if not taken:
                self._buckets.popleft()
                self._idle.append(line)
                continue
            self._buckets.rotate(-1)  # every person's bucket has its turn
            for place, message in enumerate(taken):
                self._allowance.spend()
                task = asyncio.create_task(self._hand_over(message, None if place else line))
                self._busy.add(task)
                task.add_done_callback(self._busy.discard)
        return None

    async def _free_line(self) -> aiosmtplib.SMTP | None:
        """A connection that nobody uses, an open one if there is one."""
        while self._idle:
            line = self._idle.pop()
            if line.is_connected:
                return line
        try:
            return await self._connected()
        except mail.TROUBLES as error:
            if self._busy:  # the server may allow fewer connections than we were told
                self._lines_max = max(1, len(self._busy))
            else:
                self._trouble = mail.trouble(error)
                await self._tell_state("refused", self._trouble)
            return None

    async def _connected(self) -> aiosmtplib.SMTP:
        settings = self._settings
        line = mail.server(
            settings.host,
            settings.port,
            settings.security,
            settings.username,
            settings.password.get_secret_value(),
            settings.response_timeout_s,
        )
        await mail.connect(line, min(CONNECT_S_MAX, settings.response_timeout_s))
        return line

    async def _take(self, bucket: int, most: int) -> Sequence[Taken]:
        taken, _ = await self._taker.take(bucket, self._owner, most)
        return taken

    # ── handing over ─────────────────────────────────────────────────────────

    async def _hand_over(self, message: Taken, line: aiosmtplib.SMTP | None) -> None:
        try:
            line = line or await self._free_line()
            if line is None:  # one connection more than the server takes
                self._settled.append(self._again(message, LINK_AGAIN))
                return
            settled = await self._said(message, line)
            self._settled.append(settled)  # not before: settling puts another list there
            if line.is_connected:
                self._idle.append(line)
        except Exception:
            # A letter that breaks us stops nothing but itself (P11); it may have left.
            log.exception("send.letter_broke", message=message.message_id)
            self._settled.append(Settled(message.message_id, "unknown", "process_lost"))
            if line is not None:
                line.close()

    async def _said(self, message: Taken, line: aiosmtplib.SMTP) -> Settled:
        settings, token = self._settings, token_of(message.message_id)
        outgoing = smtp.Outgoing(
            token,
            message.recipient,
            message.subject,
            message.body,
            message.language,
            message.klass,
            self._runtime.clock(),
            stop_links.url_of(
                self._runtime.settings.outside_url,
                message.store_id,
                message.contact_id,
                partial(self._runtime.keyed, message.store_id),
            ),
        )
        try:
            octets = smtp.request(settings, outgoing)
            recipient = letters.wire_address(message.recipient)
        except ValueError as error:
            return Settled(message.message_id, "failed", f"unsayable: {error}"[:300])
        loop = asyncio.get_running_loop()
        self._keep(packets.letter(message.message_id, self._runtime.clock(), recipient, octets))
        try:
            await mail.hand_over(
                line,
                smtp.envelope(settings, token),
                recipient,
                octets,
                asked=smtp.notices(settings, token),
                needs_utf8=letters.needs_utf8(message.recipient),
            )
        except mail.NotTaken as error:
            self._keep_answer(message, error.code, str(error))
            return await self._not_taken(message, error, loop.time())
        except mail.NobodyKnows as error:
            return self._nobody_knows(message, str(error))
        self._keep_answer(message, 250, "")
        self._allowance.went_well()
        await self._tell_state("bound", "")
        return Settled(message.message_id, "sent", "", (token,))

    def _keep(self, packet: wire.Packet) -> None:
        if self._settings.keep_packets:
            self._packets.append(packet)

    def _keep_answer(self, message: Taken, code: int, said: str) -> None:
        if code:
            now = self._runtime.clock()
            self._keep(packets.taken_letter(message.message_id, now, code, said))

    async def _not_taken(self, message: Taken, error: mail.NotTaken, now_s: float) -> Settled:
        if error.of == "link":
            return self._again(message, LINK_AGAIN)
        if error.of == "sender":
            refused = smtp.sender_refused(error.code, error.said)
            self._trouble = refused.reason
            await self._tell_state("refused", refused.reason)
            return self._again(message, RETRY_AFTER[0])
        await self._tell_state("bound", "")  # it is their letter or address that it refuses
        refused = _refused(error.code, error.said, token_of(message.message_id))
        if refused.again == "throttled":
            self._allowance.slow_down(now_s)
            return self._again(message, RETRY_AFTER[0])
        if refused.again == "later" and message.attempts <= len(RETRY_AFTER):
            return self._again(message, RETRY_AFTER[message.attempts - 1], refused.reason)
        return Settled(message.message_id, "failed", refused.reason)

    def _nobody_knows(self, message: Taken, why: str) -> Settled:
        reason = f"connection broke: {why}"
        if self._settings.repeat_unknown and message.klass == "service" and message.attempts == 1:
            return self._again(message, RETRY_AFTER[0], reason)
        return Settled(message.message_id, "unknown", reason)

    def _again(self, message: Taken, after: timedelta, reason: str = "") -> Settled:
        """Without a reason it was nothing of the letter's, and counts as no attempt of it."""
        retry_at: datetime = self._runtime.clock() + after
        return Settled(message.message_id, "retry", reason, (), retry_at, mark=message.mark)

    # ── writing ──────────────────────────────────────────────────────────────

    async def _settle(self) -> None:
        """Nobody else knows what was answered, so the database is asked again and again."""
        for _ in range(WRITE_TRIES):
            settled, self._settled = self._settled, []
            if not settled:
                return
            kept, self._packets = self._packets, []
            try:
                await self._write(settled, kept)
                return
            except psycopg.Error as error:
                log.error("send.write_failed", gateway=self._gateway.id, error=repr(error))
                self._settled = settled + self._settled
                self._packets = (kept + self._packets)[:PACKETS_KEPT_MAX]
                await asyncio.sleep(WRITE_AGAIN_S)

    async def _write(self, settled: Sequence[Settled], kept: Sequence[wire.Packet]) -> None:
        now, store, gateway_id = self._runtime.clock(), self._store, self._gateway.id
        dead = [
            one.message_id
            for one in settled
            if one.state == "failed" and complaints.is_hard(one.reason)
        ]

        async def work(tx: db.Tx) -> None:
            await messages.settle(tx, store, gateway_id, settled, now)
            await complaints.write_dead(tx, store, dead, now, self._runtime.ids)
            await wire.keep(tx, store, gateway_id, kept, self._runtime.ids)

        await db.retried(self._runtime.pool, work)

    async def _tell_state(self, state: str, detail: str) -> None:
        """Not before the server took our sender: a connection alone brings no letter away."""
        if self._state == (state, detail):
            return
        with suppress(psycopg.Error):  # nothing of a letter depends on it
            await tell_state(self._runtime, self._gateway, state, detail)
            self._state = (state, detail)


def _refused(code: int, said: str, token: str) -> Refused:
    answer = smtp.outcome(code, said, token)
    # A 2xx where another was due, such as after DATA: the server is confused, the letter is not.
    return answer if isinstance(answer, Refused) else Refused(f"{code} {said}"[:300], "later")


async def _leave(line: aiosmtplib.SMTP) -> None:
    try:
        await line.quit(timeout=2)
    except mail.TROUBLES:
        line.close()


async def tell_state(runtime: Runtime, gateway: Gateway, state: str, detail: str) -> None:
    """Shown on the gateway's page; failover goes by it."""
    async with db.transaction(runtime.pool) as tx:
        await gateways.say_state(tx, gateway.id, state, detail[:500], runtime.clock())
        await db.notify(tx, "live", f"{gateway.store_id} gateways")
