"""One gateway's bind: takes what is due, submits it over the window, writes what comes back.

Rules that must hold however links and processes die:
- only what `messages.take` marked is put on the wire, and never faster than the account allows;
- answers are settled, receipts and people's texts written, before they are acknowledged;
- no answer means unknown, and the message is not said again (P5).
"""

import asyncio
import hashlib
import random
import secrets
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final, TypeAlias

import psycopg
import structlog

from ringdove.gateways import smpp
from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.records import facts, gateways, leases, messages, receipts
from ringdove.rules.facts import TextReceived
from ringdove.rules.scenes import Store
from ringdove.rules.texts import TextTooLong
from ringdove.runtime import Runtime
from ringdove.smpp import statuses, tlvs
from ringdove.smpp.parts import WAIT_S, Joined, Joiner
from ringdove.smpp.session import Answered, Asked, Bound, Closed, Event, Overdue, Timers
from ringdove.workers import submissions
from ringdove.workers.links import Link
from ringdove.workers.submissions import Part, Submission

log = structlog.get_logger(__name__)

_Settled: TypeAlias = list[messages.Settled]
_Told: TypeAlias = list[tuple[Link, Asked, receipts.Receipt]]
_Texts: TypeAlias = list[tuple[list[tuple[Link, Asked]], TextReceived]]

CONNECT_S_MAX: Final = 10.0
GATHER_S: Final = 0.1
DRAIN_S_MAX: Final = 5.0
AGAIN_S: Final = (0.5, 60.0)
HOPELESS_AGAIN_S: Final = 30.0
STEADY_S: Final = 60.0
SLOWER_S: Final = (0.5, 30.0)
BURST_S: Final = 0.2
TAKE_LEAST: Final = 20
LEASE_AGAIN_S: Final = 5.0
DELIVERED_TWICE_S: Final = 60


class Bind:
    """`wake` it with the buckets in which its messages are due; `run` until `stop`."""

    def __init__(
        self,
        runtime: Runtime,
        gateway_id: int,
        store: Store,
        settings: smpp.Settings,
        hungry: Callable[[], None],
    ) -> None:
        """`hungry` is called whenever the bind could say more than it knows of."""
        self.gateway_id = gateway_id
        self._runtime = runtime
        self._store = store
        self._settings = settings
        self._ask_for_more = hungry
        self._stop = asyncio.Event()
        self._is_leaving = False
        self._owner = ""
        self._link: Link | None = None
        self._farewell: tuple[str, str, int] = ("lost", "", 0)
        self._telling = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        # speaking
        self._due: set[int] = set()
        self._hungry = asyncio.Event()
        self._queue: deque[Part] = deque()
        self._most = min(messages.TAKE_MOST, max(TAKE_LEAST, int(settings.throughput_per_s)))
        self._allowance = Allowance(settings.throughput_per_s)
        self._pump_at: asyncio.TimerHandle | None = None
        # hearing
        self._settled: _Settled = []
        self._receipts: _Told = []
        self._texts: _Texts = []
        self._joiner: Joiner[tuple[Link, Asked]] = Joiner()
        self._heard = asyncio.Event()

    def stop(self) -> None:
        self._stop.set()

    @property
    def is_dry(self) -> bool:
        """Bound, and with nothing left of what it was last woken for."""
        return self._is_bound and not self._due

    def wake(self, buckets: set[int]) -> None:
        self._due |= buckets
        self._hungry.set()

    # ── connecting ───────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Holds the gateway's lease and its link for as long as it may."""
        pool, owner = self._runtime.pool, self._runtime.name
        while not self._stop.is_set():
            try:
                async with leases.leased(pool, f"bind/{self.gateway_id}", owner) as lost:
                    if lost is not None:
                        await self._hold(lost)
            except (psycopg.Error, OSError) as error:
                log.warning("bind.database", gateway=self.gateway_id, error=repr(error))
            await self._rest(LEASE_AGAIN_S)

    async def _hold(self, lost: asyncio.Event) -> None:
        # A name for each holding: what an earlier one of ours left behind is lost as well.
        self._owner = f"{self._runtime.name}/{secrets.token_hex(4)}"
        self._is_leaving = False
        await self._find_lost()
        writer = asyncio.create_task(self._write_forever())
        taker = asyncio.create_task(self._take_forever())
        watcher = asyncio.create_task(self._leave_when(lost))
        try:
            await self._stay_connected(lost)
        finally:
            watcher.cancel()
            self._is_leaving = True
            self._hungry.set()
            # Never cancelled in the middle: what it has marked must be put back.
            await asyncio.gather(watcher, taker, return_exceptions=True)
            self._put_back_queued()
            writer.cancel()
            await asyncio.gather(writer, *self._tasks, return_exceptions=True)
            await self._write(retry=False)

    async def _find_lost(self) -> None:
        now = self._runtime.clock()
        async with db.transaction(self._runtime.pool) as tx:
            for bucket in buckets_of_store(self._store.bucket_base, self._store.bucket_span):
                await messages.find_lost(tx, self._store, bucket, self.gateway_id, self._owner, now)

    async def _leave_when(self, lost: asyncio.Event) -> None:
        """A stop drains; a lost lease ends the link at once, since another may begin."""
        stop = asyncio.create_task(self._stop.wait())
        gone = asyncio.create_task(lost.wait())
        try:
            await asyncio.wait((stop, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            gone.cancel()
        self._is_leaving = True
        if (link := self._link) is None:
            return
        if not lost.is_set():
            self._put_back_queued()
            with suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_S_MAX):
                    while link.unanswered:
                        await asyncio.sleep(0.02)
            await self._write(retry=False)
            await link.unbind()
        link.close()

    async def _stay_connected(self, lost: asyncio.Event) -> None:
        pause_s, loop = AGAIN_S[0], asyncio.get_running_loop()
        while not (self._stop.is_set() or lost.is_set()):
            began, self._farewell = loop.time(), ("lost", "", 0)
            await self._connect()
            if loop.time() - began > STEADY_S:
                pause_s = AGAIN_S[0]
            if self._farewell[2] in smpp.BIND_HOPELESS:
                pause_s = max(pause_s, HOPELESS_AGAIN_S)
            # Spread, so that all clients of an operator that restarts do not come back at once.
            await self._rest(pause_s * random.uniform(0.5, 1.5), lost)
            pause_s = min(pause_s * 2, AGAIN_S[1])

    async def _connect(self) -> None:
        """One link from its beginning to its end."""
        settings, loop = self._settings, asyncio.get_running_loop()
        await self._say_state("connecting", f"{settings.host}:{settings.port}")
        timers = Timers(settings.window, settings.enquire_link_s, settings.response_timeout_s)
        context = ssl.create_default_context() if settings.tls else None
        try:
            async with asyncio.timeout(CONNECT_S_MAX):
                _, link = await loop.create_connection(
                    lambda: Link("esme", timers, self._hear),
                    settings.host,
                    settings.port,
                    ssl=context,
                )
        except OSError as error:  # TimeoutError and SSLError are
            await self._say_state("lost", str(error) or "no answer to the connection")
            return
        self._link = link
        if not self._stop.is_set():
            link.bind(smpp.bind(settings))
            await link.gone.wait()
        link.close()
        self._link = None
        state, detail, _ = self._farewell
        await self._say_state(state, detail)

    def _tell(self, state: str, detail: str) -> None:
        task = asyncio.create_task(self._say_state(state, detail))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _say_state(self, state: str, detail: str) -> None:
        # In the order in which it happened; shown to people, and nothing depends on it.
        with suppress(psycopg.Error):
            async with self._telling, db.transaction(self._runtime.pool) as tx:
                now = self._runtime.clock()
                await gateways.say_state(tx, self.gateway_id, state, detail[:500], now)
                await db.notify(tx, "live", f"{self._store.id} gateways")

    async def _rest(self, seconds: float, lost: asyncio.Event | None = None) -> None:
        if lost is not None and lost.is_set():
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    # ── speaking ─────────────────────────────────────────────────────────────

    async def _take_forever(self) -> None:
        while not self._is_leaving:
            await self._hungry.wait()
            self._hungry.clear()
            while self._due and self._is_bound and len(self._queue) < self._most:
                await self._take_some()

    @property
    def _is_bound(self) -> bool:
        return self._link is not None and self._link.is_bound and not self._is_leaving

    async def _take_some(self) -> None:
        bucket = next(iter(self._due))
        self._due.discard(bucket)
        now, owner, most = self._runtime.clock(), self._owner, self._most
        try:
            taken = await db.retried(
                self._runtime.pool,
                lambda tx: messages.take(
                    tx, self._store, bucket, self.gateway_id, now, owner, most
                ),
            )
        except psycopg.Error as error:
            log.warning("bind.take_failed", gateway=self.gateway_id, error=repr(error))
            await asyncio.sleep(1.0)
            self._due.add(bucket)
            return
        if len(taken) == most:
            self._due.add(bucket)
        for one in taken:
            self._enqueue(one)
        if not self._is_bound:
            self._put_back_queued()
        self._pump()
        if not self._due:
            self._ask_for_more()

    def _enqueue(self, taken: messages.Taken) -> None:
        try:
            packets = smpp.request(
                self._settings,
                text=taken.body,
                recipient=taken.recipient,
                sender=taken.sender,
                not_after=taken.not_after,
                # The low bits of ids are mostly the same; a phone needs differing references.
                reference=int.from_bytes(hashlib.blake2b(b"%d" % taken.message_id).digest()[:2]),
            )
        except (TextTooLong, ValueError) as error:
            self._result(messages.Settled(taken.message_id, "failed", f"unsayable: {error}"[:200]))
            return
        self._queue.extend(submissions.make(taken, packets).parts)

    def _pump(self) -> None:
        """Says what is queued, as far as the window and the account's pace allow."""
        link, now = self._link, asyncio.get_running_loop().time()
        while self._queue and link is not None and link.room > 0:
            part = self._queue[0]
            if part.state != "queued":
                self._queue.popleft()  # refused together with another part
            elif (wait_s := self._allowance.wait_s(now)) > 0:
                self._pump_later(wait_s)
                break
            else:
                self._queue.popleft()
                self._submit(link, part)
        if len(self._queue) * 2 < self._most:
            self._hungry.set()

    def _pump_later(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._pump_at is None or self._pump_at.when() <= loop.time():
            self._pump_at = loop.call_later(seconds, self._pump)

    def _submit(self, link: Link, part: Part) -> None:
        now = self._runtime.clock()
        if part.of.is_untouched and part.of.taken.not_after < now:
            for other in part.of.parts:
                other.state = "refused"
            self._result(submissions.put_back(part.of, now))  # take() will drop it as too late
            return
        try:
            link.ask(part.packet, part)
        except ValueError as error:  # a sender or number that no SMPP field can hold
            submissions.hear(part, smpp.Refused(f"unsayable: {error}"[:200], "permanent"))
            self._settle_if_done(part.of)
            return
        part.state = "said"
        self._allowance.spend()

    def _put_back_queued(self) -> None:
        """Nothing more will be said on this link: what is untouched may be taken again."""
        now, queue = self._runtime.clock(), self._queue
        self._queue = deque()
        for part in queue:
            if part.state == "queued":
                if part.of.is_untouched:
                    for other in part.of.parts:
                        other.state = "refused"
                    self._result(submissions.put_back(part.of, now))
                else:
                    submissions.give_up(part, "link_lost")
                    self._settle_if_done(part.of)

    # ── hearing ──────────────────────────────────────────────────────────────

    def _hear(self, link: Link, events: list[Event]) -> None:
        for event in events:
            match event:
                case Answered(Part() as part, status, body, late):
                    self._hear_answer(part, status, getattr(body, "message_id", ""), late)
                case Overdue(Part() as part):
                    self._lose(part)
                case Asked():
                    self._hear_asked(link, event)
                case Bound():
                    self._tell("bound", "")
                    self._ask_for_more()
                case Closed():
                    self._hear_closed(event)
        self._pump()

    def _hear_answer(self, part: Part, status: int, message_id: str, late: bool) -> None:
        outcome = smpp.outcome(self._settings, status, message_id)
        if late and isinstance(outcome, smpp.Refused):
            outcome = smpp.Refused(outcome.reason, "permanent")  # it has left the outbox
        submissions.hear(part, outcome)
        if part.state == "queued":
            self._queue.appendleft(part)
            self._allowance.slow_down(asyncio.get_running_loop().time())
        elif isinstance(outcome, smpp.Sent):
            self._allowance.went_well()
        self._settle_if_done(part.of)

    def _lose(self, part: Part) -> None:
        submissions.give_up(part, "no_answer")
        self._settle_if_done(part.of)

    def _settle_if_done(self, submission: Submission) -> None:
        if not submission.is_open:
            self._result(submissions.settle(submission, self._runtime.clock()))

    def _result(self, settled: messages.Settled) -> None:
        self._settled.append(settled)
        self._heard.set()

    def _hear_closed(self, closed: Closed) -> None:
        detail = statuses.name(closed.status) if closed.status else closed.reason
        state = "stopped" if self._stop.is_set() else "lost"
        if closed.reason == "the bind was refused":
            state = "refused"
        self._farewell = (state, detail, closed.status)
        for part in closed.unanswered:
            assert isinstance(part, Part)
            self._lose(part)
        self._put_back_queued()

    def _hear_asked(self, link: Link, asked: Asked) -> None:
        read = smpp.read(self._settings, asked.body)
        if isinstance(read, smpp.ReceiptRead):
            receipt = receipts.Receipt(read.provider_id[:200], read.state, read.error[:200])
            self._receipts.append((link, asked, receipt))
        elif isinstance(read, smpp.TextRead):
            self._hear_text(link, asked, read)
        else:
            log.warning("bind.receipt_for_nobody", gateway=self.gateway_id)
            link.answer(asked)
        self._heard.set()

    def _hear_text(self, link: Link, asked: Asked, read: smpp.TextRead) -> None:
        if read.part is None:
            self._text(read.octets, [(link, asked)])
            return
        loop = asyncio.get_running_loop()
        who = (read.sender, read.recipient, read.coding)
        for joined in self._joiner.add(who, read.part, read.octets, (link, asked), loop.time()):
            self._joined(joined)
        loop.call_later(WAIT_S + 0.1, self._heard.set)

    def _joined(self, joined: Joined[tuple[Link, Asked]]) -> None:
        self._text(joined.octets, list(joined.packets))

    def _text(self, octets: bytes, packets: list[tuple[Link, Asked]]) -> None:
        body = packets[0][1].body
        read = smpp.read(self._settings, body)
        assert isinstance(read, smpp.TextRead)
        now = self._runtime.clock()
        text = TextReceived(
            id=self._name_of_text(
                read, octets, now, tlvs.find(body.tlvs, "user_message_reference")
            ),
            at=now,
            gateway=self.gateway_id,
            sender=read.sender[:500],
            recipient=read.recipient[:500],
            body=smpp.decode(self._settings, read.coding, octets)[:40_000],
        )
        self._texts.append((packets, text))

    def _name_of_text(
        self, read: smpp.TextRead, octets: bytes, now: datetime, reference: bytes | None
    ) -> str:
        """SMPP gives people's texts no id. The same words from the same phone within a minute are
        the same text delivered twice, unless the phone's own reference differs."""
        minute = int(now.timestamp()) // DELIVERED_TWICE_S
        said = repr((self.gateway_id, read.sender, read.recipient, octets, reference, minute))
        return f"sms/{hashlib.blake2b(said.encode(), digest_size=16).hexdigest()}"

    # ── writing ──────────────────────────────────────────────────────────────

    async def _write_forever(self) -> None:
        while True:
            await self._heard.wait()
            await asyncio.sleep(GATHER_S)
            self._heard.clear()
            await self._write(retry=True)

    async def _write(self, *, retry: bool) -> None:
        """Everything heard since the last time, in one transaction; then the acknowledgements."""
        for joined in self._joiner.expire(asyncio.get_running_loop().time()):
            self._joined(joined)
        settled, self._settled = self._settled, []
        told, self._receipts = self._receipts, []
        texts, self._texts = self._texts, []
        if not (settled or told or texts):
            return
        try:
            await self._write_all(settled, told, texts)
        except psycopg.Error as error:
            log.error("bind.write_failed", gateway=self.gateway_id, error=repr(error))
            if not db.is_curable(error) and not isinstance(error, psycopg.OperationalError):
                await self._write_each(settled, told, texts)
                return
            self._settled = settled + self._settled
            self._receipts = told + self._receipts
            self._texts = texts + self._texts
            if retry:
                await asyncio.sleep(1.0)
                self._heard.set()

    async def _write_each(
        self,
        settled: _Settled,
        told: _Told,
        texts: _Texts,
    ) -> None:
        """Something in the batch is poison (P11): it must stop nothing but itself. What cannot be
        written is refused for now, so that the SMSC keeps it; an answer becomes unknown."""
        alone: list[tuple[_Settled, _Told, _Texts]] = [([one], [], []) for one in settled]
        alone += [([], [one], []) for one in told]
        alone += [([], [], [one]) for one in texts]
        for some_settled, some_told, some_texts in alone:
            try:
                await self._write_all(some_settled, some_told, some_texts)
            except psycopg.Error as error:
                log.error("bind.poison", gateway=self.gateway_id, error=repr(error))
                packets = [(link, asked) for link, asked, _ in some_told]
                packets += [packet for all_, _ in some_texts for packet in all_]
                for link, asked in packets:
                    link.answer(asked, status=statuses.ESME_RX_T_APPN)

    async def _write_all(
        self,
        settled: _Settled,
        told: _Told,
        texts: _Texts,
    ) -> None:
        now, store, ids = self._runtime.clock(), self._store, self._runtime.ids

        async def work(tx: db.Tx) -> None:
            # Answers first: a receipt of the same moment then finds its message.
            if settled:
                await messages.settle(tx, store, self.gateway_id, settled, now)
            if told:
                said = [receipt for _, _, receipt in told]
                await receipts.record(tx, store, self.gateway_id, said, now)
            if texts:
                await facts.write(tx, store, 0, [text for _, text in texts], now, ids)

        await db.retried(self._runtime.pool, work)
        for link, asked, _ in told:
            link.answer(asked)
        for packets, _ in texts:
            for link, asked in packets:
                link.answer(asked)


class Allowance:
    """Messages per second that the account may say, and the pauses that the SMSC asks for."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._most = max(1.0, per_s * BURST_S)
        self._left = self._most
        self._seen_at: float | None = None
        self._not_before = 0.0
        self._slower_s = SLOWER_S[0]

    def wait_s(self, now: float) -> float:
        """0: one may be said now."""
        if self._seen_at is not None:
            gained = (now - self._seen_at) * self._per_s
            self._left = min(self._most, self._left + gained)
        self._seen_at = now
        if now < self._not_before:
            return self._not_before - now
        return 0.0 if self._left >= 1 else (1 - self._left) / self._per_s

    def spend(self) -> None:
        self._left -= 1

    def slow_down(self, now: float) -> None:
        """ESME_RTHROTTLED: a pause, twice as long each time; a whole window asks at once."""
        if now >= self._not_before:
            self._not_before = now + self._slower_s
            self._slower_s = min(self._slower_s * 2, SLOWER_S[1])

    def went_well(self) -> None:
        self._slower_s = max(SLOWER_S[0], self._slower_s * 0.9)
