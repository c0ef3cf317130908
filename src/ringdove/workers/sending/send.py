"""Sends e-mail: for each e-mail gateway with something due a postman, all at the same time.

One process speaks for a gateway at a time (its lease), held while there is work. A server that is
slow or away keeps up nobody but its own letters. SMPP has workers/sending/binds.py.
"""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
from pydantic import ValidationError

from ringdove.gateways import smtp
from ringdove.kit import db
from ringdove.kit.crypto import SealBroken
from ringdove.records import leases
from ringdove.records.sending import gateways, messages
from ringdove.records.sending.gateways import Gateway
from ringdove.records.store import stores
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.workers.sending.postman import Postman, tell_state

log = structlog.get_logger(__name__)

KIND: Final = "smtp"
SERVER_REST_S: Final = 30.0  # after a server could not be reached
KNOCK_AGAIN_S: Final = 60.0  # nothing is due for it
LEASE_AGAIN_S: Final = 1.0  # somebody else speaks for it
LOOK_AGAIN_S: Final = 0.05
STOP_S_MAX: Final = 6.0


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Sends e-mail until told to stop, then finishes what is being handed over."""
    stopped = asyncio.create_task(stop.wait())
    async with db.Bell(runtime.database_url, ["outbox", "gateways"]) as bell:
        crew = Crew(runtime, lambda: bell.ring("outbox"))
        try:
            while not stop.is_set():
                try:
                    sleep_s = await crew.look()
                except Exception:
                    log.exception("send.failed")
                    sleep_s = 1.0
                waiting = asyncio.create_task(bell.wait(min(sleep_s, runtime.settings.idle_poll_s)))
                await asyncio.wait((waiting, stopped), return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                # Notices of one moment are answered together.
                await asyncio.wait((stopped,), timeout=LOOK_AGAIN_S)
        finally:
            stopped.cancel()
            await crew.end()


async def send_due(runtime: Runtime) -> float:
    """Sends what is due now over all e-mail gateways; the seconds until more will be."""
    crew = Crew(runtime, lambda: None)
    await crew.look()
    await crew.finish()
    return await crew.look(only_look=True)


@dataclass(slots=True)
class _Work:
    due: set[int] = field(default_factory=set)
    forsaken: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Running:
    task: "asyncio.Task[None]"
    postmen: list[Postman]  # none before the lease is there


class Crew:
    """The postmen of this process. `rung` is called when one has ended."""

    def __init__(self, runtime: Runtime, rung: Callable[[], None]) -> None:
        self._runtime = runtime
        self._rung = rung
        self._running: dict[int, _Running] = {}
        self._rested_until: dict[int, float] = {}
        self._stopping = False

    async def look(self, only_look: bool = False) -> float:
        """Gives every gateway's postman what is due; the seconds until more will be."""
        now = self._runtime.clock()
        async with db.transaction(self._runtime.pool) as tx:
            ours = {g.id: g for g in await gateways.speaking(tx) if g.kind == KIND}
            rows = [row for row in await messages.due(tx) if row["gateway_id"] in ours]
            forsaken = await messages.forsaken(tx, now)
        work: dict[int, _Work] = defaultdict(_Work)
        sleep_s = 3600.0
        for row in rows:
            wait_s = (row["due_at"] - now).total_seconds()
            if wait_s <= 0:
                work[row["gateway_id"]].due.add(row["bucket"])
            else:
                sleep_s = min(sleep_s, wait_s)
        for row in forsaken:
            if row["gateway_id"] in ours:
                work[row["gateway_id"]].forsaken.add(row["bucket"])
        if only_look:
            return sleep_s
        for gateway in ours.values():
            if gateway.state in ("refused", "lost"):
                work[gateway.id]  # nothing is due, and yet: is it back?
        for gateway_id, some in work.items():
            sleep_s = min(sleep_s, self._give(ours[gateway_id], some))
        return sleep_s

    def _give(self, gateway: Gateway, work: _Work) -> float:
        if running := self._running.get(gateway.id):
            for postman in running.postmen:
                postman.wake(work.due)
            return self._runtime.settings.idle_poll_s  # it rings when it has ended
        rest_s = self._rested_until.get(gateway.id, 0.0) - asyncio.get_running_loop().time()
        if rest_s > 0:
            if not work.forsaken:
                return rest_s
            work.due.clear()
        postmen: list[Postman] = []
        name = f"send/{gateway.id}"
        task = asyncio.create_task(self._serve(gateway, work, postmen), name=name)
        self._running[gateway.id] = _Running(task, postmen)
        task.add_done_callback(lambda _: self._ended(gateway.id))
        return self._runtime.settings.idle_poll_s

    def _ended(self, gateway_id: int) -> None:
        del self._running[gateway_id]
        self._rung()

    async def finish(self) -> None:
        """Waits until everybody is done."""
        if tasks := [running.task for running in self._running.values()]:
            await asyncio.wait(tasks)

    async def end(self) -> None:
        """Nothing more is taken; what is being handed over has some seconds."""
        self._stopping = True
        running = list(self._running.values())
        for one in running:
            for postman in one.postmen:
                postman.stop()
        if running:
            _, late = await asyncio.wait([one.task for one in running], timeout=STOP_S_MAX)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # ── one gateway ──────────────────────────────────────────────────────────

    async def _serve(self, gateway: Gateway, work: _Work, postmen: list[Postman]) -> None:
        rest_s = SERVER_REST_S
        try:
            name = f"gateway/{gateway.id}"
            async with leases.leased(self._runtime.pool, name, self._runtime.name) as lost:
                if lost is None:
                    rest_s = LEASE_AGAIN_S
                else:
                    rest_s = await self._speak(gateway, work, postmen, lost)
        except Exception:
            log.exception("send.gateway_failed", gateway=gateway.id)
        if rest_s:
            self._rest(gateway.id, rest_s)

    def _rest(self, gateway_id: int, rest_s: float) -> None:
        self._rested_until[gateway_id] = asyncio.get_running_loop().time() + rest_s

    async def _speak(
        self, gateway: Gateway, work: _Work, postmen: list[Postman], lost: asyncio.Event
    ) -> float:
        """The seconds that the server is left alone afterwards."""
        runtime = self._runtime
        async with db.transaction(runtime.pool) as tx:
            store = await stores.find(tx, gateway.store_id)
        assert store is not None
        # A name for each holding: what an earlier one of ours left behind is lost as well.
        owner = f"{runtime.name}/{secrets.token_hex(4)}"
        settings = await settings_of(runtime, gateway)
        repeat = ("service",) if settings and settings.repeat_unknown else ()
        await self._find_lost(store, gateway, work.due | work.forsaken, owner, repeat)
        if settings is None:
            return SERVER_REST_S
        if self._stopping:
            return 0.0
        postman = Postman(runtime, store, gateway, settings, owner)
        if not work.due:
            is_away = gateway.state in ("refused", "lost")
            return KNOCK_AGAIN_S if is_away and await postman.knock() else 0.0
        postman.wake(sorted(work.due))
        postmen.append(postman)
        leaving = asyncio.create_task(_stop_when(lost, postman))
        try:
            trouble = await postman.run()
        finally:
            leaving.cancel()
        if trouble:
            log.warning("send.server_trouble", gateway=gateway.id, trouble=trouble)
        return SERVER_REST_S if trouble else 0.0

    async def _find_lost(
        self,
        store: Store,
        gateway: Gateway,
        buckets: Iterable[int],
        owner: str,
        repeat: Sequence[str],
    ) -> None:
        for bucket in sorted(buckets):
            async with db.transaction(self._runtime.pool) as tx:
                now = self._runtime.clock()
                await messages.find_lost(tx, store, bucket, gateway.id, owner, now, repeat=repeat)


async def _stop_when(lost: asyncio.Event, postman: Postman) -> None:
    await lost.wait()
    postman.stop()


async def settings_of(runtime: Runtime, gateway: Gateway) -> smtp.Settings | None:
    """The gateway's settings with its secrets opened; None, and shown, when they are wrong."""
    try:
        opened = runtime.sealer.open(gateway.secrets) if gateway.secrets else {}
        return smtp.Settings.model_validate(gateway.settings | opened)
    except ValidationError as error:
        # Never the values: a password may be among them.
        wrong = ", ".join(str(one["loc"][0]) for one in error.errors() if one["loc"])
        detail = f"settings_wrong: {wrong}"
    except SealBroken:
        detail = "seal_broken"
    if (gateway.state, gateway.state_detail) != ("refused", detail):
        await tell_state(runtime, gateway, "refused", detail)
    return None
