"""One gateway's bind: its lease, its link, and the mouth and the ear that use it.

Whoever holds the lease is the only one who speaks for the gateway. A link that ends is made again,
slower each time; a stop drains: nothing new is said, what is under way is waited for, everything
heard is written, then it unbinds. A lost lease ends the link at once, since another may begin.
"""

import asyncio
import random
import secrets
import ssl
from contextlib import suppress
from functools import partial
from typing import Final

import psycopg
import structlog

from ringdove.gateways import smpp
from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.records import leases
from ringdove.records.sending import gateways, messages
from ringdove.runtime import Runtime
from ringdove.smpp import statuses
from ringdove.smpp.session import Answered, Asked, Bound, Closed, Event, Overdue, Timers, Told
from ringdove.workers.sending import pulse
from ringdove.workers.sending.accounts import Account
from ringdove.workers.sending.ear import Ear
from ringdove.workers.sending.links import Link
from ringdove.workers.sending.mouth import Mouth
from ringdove.workers.sending.submissions import Part

log = structlog.get_logger(__name__)

BINDS_MAX: Final = 16  # as the settings allow
CONNECT_S_MAX: Final = 10.0
DRAIN_S_MAX: Final = 4.0
AGAIN_S: Final = (0.5, 60.0)
HOPELESS_AGAIN_S: Final = 30.0
STEADY_S: Final = 60.0
LEASE_AGAIN_S: Final = 5.0


class Bind:
    """`wake` it with the buckets in which its messages are due; `run` until `stop`."""

    def __init__(self, runtime: Runtime, account: Account, number: int = 0) -> None:
        """The `number`-th bind of the account."""
        self.gateway_id = account.gateway_id
        self._runtime = runtime
        self._account = account
        self._number = number
        self._store = account.store
        self._settings = account.settings
        self._stop = asyncio.Event()
        self._farewell: tuple[str, str, int] = ("lost", "", 0)
        self._telling = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._links: list[Link] = []
        self._ear = Ear(runtime, account)
        self._mouth = Mouth(runtime, account, number, self._ear)

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
        name = self._lease(self._number)
        while not self._stop.is_set():
            try:
                async with leases.leased(pool, name, owner) as lost:
                    if lost is not None:
                        self._account.hold(1)
                        try:
                            await self._hold(lost)
                        finally:
                            self._account.hold(-1)
            except (psycopg.Error, OSError) as error:
                log.warning("bind.database", gateway=self.gateway_id, error=repr(error))
            await self._rest(LEASE_AGAIN_S)

    def _lease(self, number: int) -> str:
        return f"bind/{self.gateway_id}" + (f"/{number}" if number else "")

    async def _hold(self, lost: asyncio.Event) -> None:
        ear = self._ear = Ear(self._runtime, self._account)
        mouth = self._mouth = Mouth(self._runtime, self._account, self._number, ear)
        # A name for each holding: what an earlier one of ours left behind is lost as well.
        mouth.owner = f"{self._runtime.name}/{secrets.token_hex(4)}"
        await self._find_lost(mouth.owner)
        speaking = asyncio.create_task(mouth.run())
        hearing = asyncio.create_task(ear.run())
        for task in (speaking, hearing):
            task.add_done_callback(partial(self._end_if_broken, lost))
        leaving = asyncio.create_task(self._leave_when(lost))
        beating = asyncio.create_task(
            pulse.run(self._runtime, self._store.id, self.gateway_id, self._number, self._beat)
        )
        try:
            await self._stay_connected(lost)
        finally:
            beating.cancel()
            mouth.close()
            if not (self._stop.is_set() or lost.is_set()):
                leaving.cancel()
            await asyncio.gather(speaking, leaving, return_exceptions=True)
            ear.close()
            await asyncio.gather(hearing, *self._tasks, return_exceptions=True)

    def _beat(self) -> pulse.Beat:
        unanswered = sum(link.unanswered for link in self._links)
        mouth = self._mouth
        return pulse.Beat(mouth.said, unanswered, self._settings.window, mouth.queued)

    def _end_if_broken(self, lost: asyncio.Event, task: "asyncio.Task[None]") -> None:
        """Without its mouth or ear a bound gateway would be mute for ever."""
        if not task.cancelled() and (error := task.exception()):
            log.error("bind.broke", gateway=self.gateway_id, error=repr(error))
            lost.set()

    async def _find_lost(self, owner: str) -> None:
        now, store, numbers = self._runtime.clock(), self._store, [self._number]
        repeat = ("service",) if self._settings.repeat_unknown else ()
        async with db.transaction(self._runtime.pool) as tx:
            if self._number == 0:  # there may have been more of them before
                for number in range(self._settings.binds, BINDS_MAX):
                    if not await leases.is_held(tx, self._lease(number)):
                        numbers.append(number)
            for bucket in buckets_of_store(store.bucket_base, store.bucket_span):
                for number in numbers:
                    await messages.find_lost(
                        tx, store, bucket, self.gateway_id, owner, now,
                        binds=(number, number), repeat=repeat,
                    )  # fmt: skip

    async def _leave_when(self, lost: asyncio.Event) -> None:
        stop = asyncio.create_task(self._stop.wait())
        gone = asyncio.create_task(lost.wait())
        try:
            await asyncio.wait((stop, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            gone.cancel()
        self._mouth.close()
        links = self._links
        if not lost.is_set() and links:
            with suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_S_MAX):
                    while links[0].unanswered:
                        await asyncio.sleep(0.02)
            await self._ear.write()  # so that receipts are still acknowledged on these links
            await asyncio.gather(*(link.unbind() for link in links))
        for link in links:
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
        """One link, or a pair of them, from the beginning to the end."""
        settings = self._settings
        await self._say_state("connecting", f"{settings.host}:{settings.port}")
        links: list[Link] = []
        try:
            for _ in smpp.binds(settings):
                links.append(await self._open())
        except OSError as error:  # TimeoutError and SSLError are
            for link in links:
                link.close()
            await self._say_state("lost", str(error) or "no answer to the connection")
            return
        self._mouth.link, self._links = links[0], links
        if not self._stop.is_set():
            for link, bind in zip(links, smpp.binds(settings), strict=True):
                link.bind(bind)
            await self._until_one_is_gone(links)
        for link in links:
            link.close()
        self._mouth.link, self._links = None, []
        state, detail, _ = self._farewell
        await self._say_state(state, detail)

    async def _open(self) -> Link:
        settings, loop = self._settings, asyncio.get_running_loop()
        timers = Timers(settings.window, settings.enquire_link_s, settings.response_timeout_s)
        context = ssl.create_default_context() if settings.tls else None
        keeps = self._account.keeps_packets
        async with asyncio.timeout(CONNECT_S_MAX):
            _, link = await loop.create_connection(
                lambda: Link("esme", timers, self._hear, reads_quickly=not keeps),
                settings.host,
                settings.port,
                ssl=context,
            )
        return link

    async def _until_one_is_gone(self, links: list[Link]) -> None:
        """Half a pair is of no use: what is said would never be heard of again."""
        waiting = [asyncio.create_task(link.gone.wait()) for link in links]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

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
        mouth, ear = self._mouth, self._ear
        for event in events:
            if isinstance(event, Answered) and isinstance(event.token, Part):
                mouth.answered(event.token, event.status, event.message_id, event.late)
            elif isinstance(event, Told):
                ear.told(link, event)
            elif isinstance(event, Asked):
                ear.asked(link, event)
            else:
                self._hear_seldom(event)
        ear.weigh()
        mouth.pump()

    def _hear_seldom(self, event: Event) -> None:
        match event:
            case Overdue(Part() as part):
                self._mouth.lost(part)
            case Bound() if all(link.is_bound for link in self._links):
                self._tell("bound", "")
                self._account.hungry()
            case Closed():
                self._hear_closed(event)

    def _hear_closed(self, closed: Closed) -> None:
        detail = statuses.name(closed.status) if closed.status else closed.reason
        state = "stopped" if self._stop.is_set() else "lost"
        if closed.reason == "the bind was refused":
            state = "refused"
        self._farewell = (state, detail, closed.status)
        for part in closed.unanswered:
            assert isinstance(part, Part)
            self._mouth.lost(part, "link_broke")
        self._mouth.put_back()
