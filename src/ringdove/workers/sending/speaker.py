"""Speaks for one gateway over HTTP: takes what is due, asks the operator, settles what came of it.

Whoever holds the gateway's lease is the only one who speaks. Only what `messages.take` marked is
put on the wire, never faster than the account allows; what each answer means is decided in
`attempts.py`. A stop drains: nothing new is asked, what is under way is waited for, and what came
is written. It must never write an address or a header into a log: a key may stand there.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any, Final

import psycopg
import structlog

from ringdove.gateways import edge
from ringdove.kit import db, http
from ringdove.kit.buckets import buckets_of_store, token_of
from ringdove.records import leases
from ringdove.records.sending import gateways, messages, outbox
from ringdove.records.sending.messages import Settled, Taken
from ringdove.rules import texts
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime, callback_url
from ringdove.workers.sending import attempts, packets, pulse
from ringdove.workers.sending.accounts import PACKETS_KEPT_PER_S
from ringdove.workers.sending.attempts import Asked, NotSent, Verdict
from ringdove.workers.sending.pace import Allowance
from ringdove.workers.sending.results import Results, Stopped
from ringdove.workers.sending.taking import Taker

log = structlog.get_logger(__name__)

AGAIN_S: Final = 1.0
DRAIN_S_MAX: Final = 4.0
LEASE_AGAIN_S: Final = 5.0
REST_S: Final = (1.0, 60.0)
REFUSED_REST_S: Final = 30.0
REPLY_BYTES_MAX: Final = 1_000_000
TICK_S: Final = 0.01  # a timer may ring a hair too early, and would find it still at rest


class Speaker:
    """`wake` it with the buckets in which its messages are due; `run` until `stop`."""

    def __init__(
        self,
        runtime: Runtime,
        gateway: gateways.Gateway,
        store: Store,
        module: ModuleType,
        settings: Any,
        hungry: Callable[[], None],
    ) -> None:
        """`hungry` is called whenever it could say more than it knows of."""
        self._runtime = runtime
        self._gateway_id = gateway.id
        self._callback_url = callback_url(runtime.settings, gateway.token)
        self._store = store
        self._module = module
        self._settings = settings
        self._ask_for_more = hungry
        self._stop = asyncio.Event()
        self._said_total = 0
        keeps = settings.keep_packets and settings.throughput_per_s <= PACKETS_KEPT_PER_S
        self._hidden = packets.secrets_of(settings, gateway.token) if keeps else None
        self._state = (gateway.state or "", gateway.state_detail or "")
        self._telling = asyncio.Lock()
        self._side_tasks: set[asyncio.Task[None]] = set()
        self._allowance = Allowance(settings.throughput_per_s)
        self._taker = Taker(runtime, store, gateway.id)
        self._rest_until, self._rest_s = 0.0, REST_S[0]
        self._is_probing = False
        self._reset()

    def _reset(self) -> None:
        self._due: set[int] = set()
        self._queue: deque[Asked] = deque()
        self._in_flight: set[asyncio.Task[None]] = set()
        self._work = asyncio.Event()
        self._pump_soon: asyncio.Handle | None = None
        self._ask: http.Ask | None = None
        self._results = Results(self._runtime, self._gateway_id, self._store, self._ask_for_more)

    def stop(self) -> None:
        self._stop.set()

    def wake(self, buckets: set[int]) -> None:
        """Messages are due in these buckets."""
        self._due |= buckets
        self._work.set()

    @property
    def is_dry(self) -> bool:
        """Able to speak, and with nothing left of what it was last woken for."""
        return self._may_take and not self._due

    @property
    def _may_take(self) -> bool:
        return self._ask is not None and not self._stop.is_set() and self._resting_s <= 0

    @property
    def _resting_s(self) -> float:
        return self._rest_until - asyncio.get_running_loop().time()

    @property
    def _guards_doubles(self) -> bool:
        """The operator's file says it, or what a merchant wrote of an operator without one."""
        return bool(getattr(self._settings, "guards_doubles", self._module.GUARDS_DOUBLES))

    # ── holding the gateway ──────────────────────────────────────────────────

    async def run(self) -> None:
        """Holds the gateway's lease for as long as it may."""
        pool, owner = self._runtime.pool, self._runtime.name
        while not self._stop.is_set():
            try:
                async with leases.leased(pool, f"bind/{self._gateway_id}", owner) as lost:
                    if lost is not None:
                        await self._hold(lost)
            except (psycopg.Error, OSError) as error:
                log.warning("speak.database", gateway=self._gateway_id, error=repr(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), LEASE_AGAIN_S)
        await asyncio.gather(*self._side_tasks, return_exceptions=True)

    async def _hold(self, lost: asyncio.Event) -> None:
        self._reset()
        # A name for each holding: what an earlier one of ours left behind is lost as well.
        owner = f"{self._runtime.name}/{secrets.token_hex(4)}"
        await self._find_lost(owner)
        writing = asyncio.create_task(self._results.run())
        beating = asyncio.create_task(
            pulse.run(self._runtime, self._store.id, self._gateway_id, 0, self._beat)
        )
        try:
            async with http.opened(
                self._settings.response_timeout_s,
                connections=self._settings.connections,
                reply_bytes_max=REPLY_BYTES_MAX,
            ) as self._ask:
                if self._state[0] not in ("bound", "refused", "lost"):
                    self._say_state("connecting", "")
                self._ask_for_more()
                taking = asyncio.create_task(self._take(owner))
                await _first_of(self._stop, lost)
                self._ask, ask = None, self._ask
                self._work.set()
                await taking  # what it is marking must first be put back
                self._ask = ask  # what is under way may still be asked again
                self._put_back()
                await self._drain()
        finally:
            self._ask = None
            beating.cancel()
            self._results.close()
            await writing
        if self._stop.is_set() and self._state[0] in ("bound", "connecting"):
            self._say_state("stopped", "")

    async def _find_lost(self, owner: str) -> None:
        now, store = self._runtime.clock(), self._store
        is_repeated = self._guards_doubles or self._settings.repeat_unknown
        repeat = ("service",) if is_repeated else ()
        async with db.transaction(self._runtime.pool) as tx:
            for bucket in buckets_of_store(store.bucket_base, store.bucket_span):
                await messages.find_lost(
                    tx, store, bucket, self._gateway_id, owner, now, repeat=repeat
                )

    async def _drain(self) -> None:
        if self._in_flight:
            _, late = await asyncio.wait(self._in_flight, timeout=DRAIN_S_MAX)
            for task in late:
                task.cancel()  # it says itself that its outcome is unknown
            await asyncio.gather(*late, return_exceptions=True)

    # ── taking ───────────────────────────────────────────────────────────────

    @property
    def _most(self) -> int:
        if self._is_probing:
            return 1
        """Of what is taken ahead: all of it becomes unknown when the process is killed."""
        ahead: int = min(self._settings.connections, int(self._settings.throughput_per_s))
        return max(1, min(outbox.TAKE_MOST, ahead))

    async def _take(self, owner: str) -> None:
        while self._ask is not None:
            await self._work.wait()
            self._work.clear()
            while self._due and self._may_take and len(self._queue) < self._most:
                await self._take_some(owner)

    async def _take_some(self, owner: str) -> None:
        bucket, most = next(iter(self._due)), self._most - len(self._queue)
        self._due.discard(bucket)
        try:
            taken, _ = await self._taker.take(bucket, owner, most)
        except psycopg.Error as error:
            log.warning("speak.take_failed", gateway=self._gateway_id, error=repr(error))
            await asyncio.sleep(AGAIN_S)
            self._due.add(bucket)
            return
        if len(taken) == most:
            self._due.add(bucket)
        self._queue.extend(map(Asked, taken))
        if not self._may_take:
            self._put_back()
        self._pump()
        if not self._due:
            self._ask_for_more()

    def _put_back(self) -> None:
        """What was taken and not asked is surely not sent: due again, and asked anew whether it
        may go."""
        queue, self._queue = self._queue, deque()
        for asked in queue:
            now = self._runtime.clock()
            self._results.settled(attempts.put_back(asked.taken, now))

    # ── asking ───────────────────────────────────────────────────────────────

    def _pump(self) -> None:
        """Asks what is queued, as far as connections and the account's pace allow."""
        now = asyncio.get_running_loop().time()
        while self._queue and self._may_take:
            room = (1 if self._is_probing else self._settings.connections) - len(self._in_flight)
            if room <= 0:
                break
            if (wait_s := self._allowance.wait_s(now)) > 0:
                self._pump_later(wait_s)
                break
            self._begin(self._queue.popleft())
        if len(self._queue) * 2 < self._most:
            self._work.set()

    def _pump_later(self, seconds: float) -> None:
        if self._pump_soon is None:
            self._pump_soon = asyncio.get_running_loop().call_later(seconds, self._pump_again)

    def _pump_again(self) -> None:
        self._pump_soon = None
        self._pump()

    def _begin(self, asked: Asked) -> None:
        taken, now = asked.taken, self._runtime.clock()
        if taken.not_after < now:  # take() will drop it as too late
            self._results.settled(attempts.put_back(taken, now))
            return
        try:
            request = self._module.request(self._settings, self._outgoing(taken))
        except (ValueError, texts.TextTooLong) as error:
            why = attempts.tidy(f"unsayable: {error}")
            self._results.settled(Settled(taken.message_id, "failed", why))
            return
        self._allowance.spend()
        self._said_total += 1
        task = asyncio.create_task(self._say(asked, request))
        self._in_flight.add(task)
        task.add_done_callback(self._said)

    def _said(self, task: "asyncio.Task[None]") -> None:
        self._in_flight.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("speak.broke", gateway=self._gateway_id, error=type(error).__name__)
        self._pump()

    def _outgoing(self, taken: Taken) -> edge.Outgoing:
        size = texts.measure(taken.body)
        return edge.Outgoing(
            reference=token_of(taken.message_id),
            recipient=taken.recipient,
            sender=taken.sender or self._settings.sender,
            text=taken.body,
            encoding=size.encoding,
            parts=size.parts,
            klass=taken.klass,
            not_after=taken.not_after,
            now=self._runtime.clock(),
            callback_url=self._callback_url,
        )

    async def _say(self, asked: Asked, request: edge.Request) -> None:
        """Asks once, and again where that is allowed; whatever ends it, its outcome is written."""
        verdict = Verdict(attempts.unknown(asked.taken.message_id, "stopped"), "good")
        try:
            while True:
                came, status = await self._asked_once(asked.taken, request)
                verdict = attempts.judge(
                    asked,
                    came,
                    status=status,
                    guards_doubles=self._guards_doubles,
                    repeats_unknown=self._settings.repeat_unknown,
                    rest_s=self._next_rest_s(came),
                    now=self._runtime.clock(),
                )
                if verdict.settled is not None:
                    break
                asked = Asked(asked.taken, asked.repeats + 1)
                await asyncio.sleep(verdict.again_s)
        finally:
            unknown = attempts.unknown(asked.taken.message_id, verdict.detail)
            self._hear(asked, verdict, verdict.settled or unknown)

    async def _asked_once(self, taken: Taken, request: edge.Request) -> tuple[attempts.Came, int]:
        ask = self._ask
        if ask is None:
            return edge.Unclear("stopped"), 0
        try:
            self._keep(taken, request)
            reply = await ask(request.method, request.url, request.headers, request.body)
            self._keep(taken, reply)
        except http.NotConnected as error:
            return NotSent(str(error)), 0
        except TimeoutError:
            return edge.Unclear("no_answer"), 0
        except http.TROUBLES as error:
            if isinstance(error, ValueError):  # InvalidURL: nothing was made of it
                return edge.Refused("the address cannot be asked", "later", account=True), 0
            return edge.Unclear(f"link broke: {type(error).__name__}"), 0
        except ValueError:
            return edge.Refused("the address cannot be asked", "later", account=True), 0
        known = edge.Reply(reply.status, reply.headers, reply.body)
        try:
            came: edge.Outcome = self._module.outcome(self._settings, self._outgoing(taken), known)
        except Exception as error:  # an operator's file that trips over an answer knows nothing
            log.error("speak.unreadable", gateway=self._gateway_id, error=type(error).__name__)
            return edge.Unclear(f"unreadable answer {reply.status}"), reply.status
        return came, reply.status

    def _keep(self, taken: Taken, packet: edge.Request | http.Reply) -> None:
        if self._hidden is None:
            return
        message_id, at = taken.message_id, self._runtime.clock()
        if isinstance(packet, edge.Request):
            what = (packet.method, packet.url, packet.headers, packet.body)
            self._results.packet(packets.request(message_id, at, *what, self._hidden))
        else:
            heard = (packet.status, packet.headers, packet.body)
            self._results.packet(packets.reply(message_id, at, *heard, self._hidden))

    def _beat(self) -> pulse.Beat:
        in_flight = len(self._in_flight)
        return pulse.Beat(self._said_total, in_flight, self._settings.connections, len(self._queue))

    def _next_rest_s(self, came: attempts.Came) -> float:
        if not isinstance(came, NotSent):
            return REFUSED_REST_S
        return self._rest_s

    # ── what came of it ──────────────────────────────────────────────────────

    def _hear(self, asked: Asked, verdict: Verdict, settled: Settled) -> None:
        self._results.settled(settled)
        if verdict.opted_out:
            stopped = Stopped(asked.taken.message_id, asked.taken.recipient, settled.reason)
            self._results.stopped(stopped)
        now = asyncio.get_running_loop().time()
        if verdict.mood == "good":
            self._went_well(now)
        elif verdict.mood == "slower":
            self._allowance.slow_down(now, verdict.rest_s)
            self._rest(now, max(verdict.rest_s, 0.0))
        else:
            self._say_state(verdict.mood, verdict.detail)
            if verdict.rest_s:
                self._is_probing = True
                if now >= self._rest_until and verdict.mood == "lost":
                    self._rest_s = min(self._rest_s * 2, REST_S[1])
                self._rest(now, verdict.rest_s)

    def _went_well(self, now: float) -> None:
        if now >= self._rest_until:
            self._is_probing, self._rest_s = False, REST_S[0]
            self._allowance.went_well()
            self._say_state("bound", "")

    def _rest(self, now: float, rest_s: float) -> None:
        """Asks nothing more for a while; what is queued may be decided anew meanwhile (P1)."""
        self._put_back()
        if rest_s > 0:
            self._rest_until = max(self._rest_until, now + rest_s)
            asyncio.get_running_loop().call_later(rest_s + TICK_S, self._rested)

    def _rested(self) -> None:
        self._work.set()
        self._ask_for_more()

    def _say_state(self, state: str, detail: str) -> None:
        if (state, detail) != self._state:
            self._state = (state, detail)
            task = asyncio.create_task(self._write_state(state, detail))
            self._side_tasks.add(task)
            task.add_done_callback(self._side_tasks.discard)

    async def _write_state(self, state: str, detail: str) -> None:
        # In the order in which it happened; shown to people, and nothing depends on it.
        with suppress(psycopg.Error):
            async with self._telling, db.transaction(self._runtime.pool) as tx:
                now = self._runtime.clock()
                await gateways.say_state(tx, self._gateway_id, state, detail[:500], now)
                await db.notify(tx, "live", f"{self._store.id} gateways")


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.create_task(one.wait()) for one in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
