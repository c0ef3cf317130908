"""One gateway's bind: its lease, its link, and the mouth and the ear that use it.

Whoever holds the lease is the only one who speaks for the gateway. A link that ends is made again,
slower each time; a stop drains: nothing new is said, what is under way is waited for, everything
heard is written, then it unbinds. A lost lease ends the link at once, since another may begin.
"""

import asyncio
import random
import secrets
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import psycopg
import structlog

from ringdove.gateways import smpp
from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.records import gateways, leases, messages
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.smpp import statuses
from ringdove.smpp.session import Answered, Asked, Bound, Closed, Event, Overdue, Timers
from ringdove.workers.ear import Ear
from ringdove.workers.links import Link
from ringdove.workers.mouth import Mouth
from ringdove.workers.submissions import Part

log = structlog.get_logger(__name__)

CONNECT_S_MAX: Final = 10.0
DRAIN_S_MAX: Final = 4.0
AGAIN_S: Final = (0.5, 60.0)
HOPELESS_AGAIN_S: Final = 30.0
STEADY_S: Final = 60.0
LEASE_AGAIN_S: Final = 5.0


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
        self._hungry = hungry
        self._stop = asyncio.Event()
        self._farewell: tuple[str, str, int] = ("lost", "", 0)
        self._telling = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ear = Ear(runtime, gateway_id, store, settings)
        self._mouth = Mouth(runtime, gateway_id, store, settings, self._ear, hungry)

    def stop(self) -> None:
        self._stop.set()

    @property
    def is_dry(self) -> bool:
        """It could say more than it was woken for."""
        return self._mouth.is_dry

    def wake(self, buckets: set[int]) -> None:
        self._mouth.wake(buckets)

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
        settings, store = self._settings, self._store
        ear = self._ear = Ear(self._runtime, self.gateway_id, store, settings)
        mouth = self._mouth = Mouth(
            self._runtime, self.gateway_id, store, settings, ear, self._hungry
        )
        # A name for each holding: what an earlier one of ours left behind is lost as well.
        mouth.owner = f"{self._runtime.name}/{secrets.token_hex(4)}"
        await self._find_lost(mouth.owner)
        speaking = asyncio.create_task(mouth.run())
        hearing = asyncio.create_task(ear.run())
        leaving = asyncio.create_task(self._leave_when(lost))
        try:
            await self._stay_connected(lost)
        finally:
            mouth.close()
            if not (self._stop.is_set() or lost.is_set()):
                leaving.cancel()
            await asyncio.gather(speaking, leaving, return_exceptions=True)
            ear.close()
            await asyncio.gather(hearing, *self._tasks, return_exceptions=True)

    async def _find_lost(self, owner: str) -> None:
        now, store = self._runtime.clock(), self._store
        async with db.transaction(self._runtime.pool) as tx:
            for bucket in buckets_of_store(store.bucket_base, store.bucket_span):
                await messages.find_lost(tx, store, bucket, self.gateway_id, owner, now)

    async def _leave_when(self, lost: asyncio.Event) -> None:
        stop = asyncio.create_task(self._stop.wait())
        gone = asyncio.create_task(lost.wait())
        try:
            await asyncio.wait((stop, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            gone.cancel()
        self._mouth.close()
        if (link := self._mouth.link) is None:
            return
        if not lost.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_S_MAX):
                    while link.unanswered:
                        await asyncio.sleep(0.02)
            await self._ear.write()  # so that receipts are still acknowledged on this link
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
        self._mouth.link = link
        if not self._stop.is_set():
            link.bind(smpp.bind(settings))
            await link.gone.wait()
        link.close()
        self._mouth.link = None
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

    # ── what the link tells ──────────────────────────────────────────────────

    def _hear(self, link: Link, events: list[Event]) -> None:
        for event in events:
            match event:
                case Answered(Part() as part, status, body, late):
                    self._mouth.answered(part, status, getattr(body, "message_id", ""), late)
                case Overdue(Part() as part):
                    self._mouth.lost(part)
                case Asked():
                    self._ear.asked(link, event)
                case Bound():
                    self._tell("bound", "")
                    self._hungry()
                case Closed():
                    self._hear_closed(event)
        self._mouth.pump()

    def _hear_closed(self, closed: Closed) -> None:
        detail = statuses.name(closed.status) if closed.status else closed.reason
        state = "stopped" if self._stop.is_set() else "lost"
        if closed.reason == "the bind was refused":
            state = "refused"
        self._farewell = (state, detail, closed.status)
        for part in closed.unanswered:
            assert isinstance(part, Part)
            self._mouth.lost(part)
        self._mouth.put_back()
