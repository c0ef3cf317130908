"""All binds of this process: one for each SMPP gateway in use, woken when its messages are due.

Any number of processes may run this: a lease decides who holds which gateway, and whoever does not
hold one waits for it. Settings that changed end the old bind, which drains, and begin a new one.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from pydantic import ValidationError

from ringdove.gateways import smpp
from ringdove.kit import db
from ringdove.kit.crypto import SealBroken
from ringdove.records.sending import gateways, messages
from ringdove.records.store import stores
from ringdove.rules.scenes import Store
from ringdove.runtime import GATEWAYS, Runtime
from ringdove.workers.sending.accounts import Account
from ringdove.workers.sending.bind import Bind

log = structlog.get_logger(__name__)

LOOK_AGAIN_S: Final = 0.05
"""The least time between two looks at the outbox: notices in between are answered together."""


@dataclass(frozen=True, slots=True)
class _Running:
    settings: smpp.Settings
    account: Account
    binds: tuple[Bind, ...]
    task: "asyncio.Task[None]"


async def run(runtime: Runtime, stop: asyncio.Event, sandbox_port: int | None = None) -> None:
    """Keeps every gateway bound until told to stop, then drains. `sandbox_port`: where the sandbox
    listens if not where the settings say."""
    port = runtime.settings.sandbox_port if sandbox_port is None else sandbox_port
    loop = asyncio.get_running_loop()
    stopped = asyncio.create_task(stop.wait())
    async with db.Bell(runtime.database_url, ["outbox", "gateways"]) as bell:
        crew = _Crew(runtime, port, lambda: bell.ring("outbox"))
        refresh_at = 0.0
        try:
            while not stop.is_set():
                sleep_s = runtime.settings.idle_poll_s
                try:
                    if loop.time() >= refresh_at:
                        await crew.refresh()
                        refresh_at = loop.time() + runtime.settings.idle_poll_s
                    sleep_s = min(sleep_s, await crew.look())
                except Exception:
                    log.exception("binds.failed")
                    sleep_s = 1.0
                await asyncio.wait([stopped], timeout=LOOK_AGAIN_S)
                notices = await _rung(bell, stopped, sleep_s)
                if any(channel != "outbox" for channel, _ in notices):
                    refresh_at = 0.0
        finally:
            stopped.cancel()
            await crew.end()


async def _rung(bell: db.Bell, stopped: "asyncio.Task[bool]", timeout_s: float) -> list[db.Notice]:
    waiting = asyncio.create_task(bell.wait(timeout_s))
    await asyncio.wait((waiting, stopped), return_when=asyncio.FIRST_COMPLETED)
    if waiting.done():
        return waiting.result()
    waiting.cancel()
    return []


async def _run_all(binds: Iterable[Bind]) -> None:
    async with asyncio.TaskGroup() as group:
        for bind in binds:
            group.create_task(bind.run())


class _Crew:
    def __init__(self, runtime: Runtime, sandbox_port: int, hungry: Callable[[], None]) -> None:
        self._runtime = runtime
        self._sandbox_port = sandbox_port
        self._hungry = hungry
        self._running: dict[int, _Running] = {}

    async def refresh(self) -> None:
        """Begins and ends binds as gateways come, change and go."""
        async with db.transaction(self._runtime.pool) as tx:
            rows = [row for row in await gateways.speaking(tx) if GATEWAYS.get(row.kind) is smpp]
            by_id = {store.id: store for store in await stores.every(tx)}
        wanted = {
            row.id: (by_id[row.store_id], settings)
            for row in rows
            if (settings := await self._settings(row)) is not None
        }
        leaving = [
            gateway_id
            for gateway_id, running in self._running.items()
            if gateway_id not in wanted
            or wanted[gateway_id][1] != running.settings
            or running.task.done()
        ]
        await self._end(leaving)
        for gateway_id, (store, settings) in wanted.items():
            if gateway_id not in self._running:
                self._begin(gateway_id, store, settings)

    async def _settings(self, row: gateways.Gateway) -> smpp.Settings | None:
        try:
            given = row.settings | (self._runtime.sealer.open(row.secrets) if row.secrets else {})
            if row.kind == "sandbox":
                return smpp.sandbox(row.id, given, self._sandbox_port)
            return smpp.Settings.model_validate(given)
        except (ValidationError, SealBroken) as error:
            # Never the values: a password may be among them.
            wrong = (
                ", ".join(str(one["loc"][0]) for one in error.errors())
                if isinstance(error, ValidationError)
                else str(error)
            )
            if row.state != "refused" or row.state_detail != wrong:
                async with db.transaction(self._runtime.pool) as tx:
                    now = self._runtime.clock()
                    await gateways.say_state(tx, row.id, "refused", wrong, now)
            return None

    def _begin(self, gateway_id: int, store: Store, settings: smpp.Settings) -> None:
        account = Account(gateway_id, store, settings, self._hungry)
        binds = tuple(Bind(self._runtime, account, number) for number in range(settings.binds))
        task = asyncio.create_task(_run_all(binds), name=f"bind/{gateway_id}")
        self._running[gateway_id] = _Running(settings, account, binds, task)

    async def end(self) -> None:
        await self._end(list(self._running))

    async def _end(self, gateway_ids: Iterable[int]) -> None:
        leaving = [self._running.pop(gateway_id) for gateway_id in gateway_ids]
        for running in leaving:
            for bind in running.binds:
                bind.stop()
        for result in await asyncio.gather(*(r.task for r in leaving), return_exceptions=True):
            if isinstance(result, Exception):
                log.error("bind.failed", error=repr(result))

    async def look(self) -> float:
        """Wakes the binds whose messages are due; the seconds until the next will be."""
        dry = {
            gateway_id: some
            for gateway_id, running in self._running.items()
            if (some := [bind for bind in running.binds if bind.is_dry])
        }
        if not dry:
            return self._runtime.settings.idle_poll_s  # a bind rings when it could say more
        async with db.transaction(self._runtime.pool) as tx:
            due = await messages.due(tx)
        now: datetime = self._runtime.clock()
        buckets: dict[int, set[int]] = defaultdict(set)
        later_s = self._runtime.settings.idle_poll_s
        for row in due:
            if row["gateway_id"] in dry:
                wait_s = (row["due_at"] - now).total_seconds()
                if wait_s <= 0:
                    buckets[row["gateway_id"]].add(row["bucket"])
                else:
                    later_s = min(later_s, wait_s)
        for gateway_id, places in buckets.items():
            for bind in dry[gateway_id]:
                bind.wake(set(places))
        return later_s
