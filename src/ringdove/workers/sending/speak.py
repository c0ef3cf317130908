"""All gateways over HTTP of this process: one speaker each, woken when its messages are due.

Any number of processes may run this: a lease decides who speaks for which gateway, and whoever does
not hold one waits for it. Settings that changed end the old speaker, which drains, and begin a new
one. Each speaks for itself: a slow operator, or a slow store, holds back nobody else.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any, Final

import structlog
from pydantic import ValidationError

from ringdove.kit import db
from ringdove.kit.crypto import SealBroken
from ringdove.records.sending import gateways, messages
from ringdove.records.store import stores
from ringdove.rules.scenes import Store
from ringdove.runtime import GATEWAYS, Runtime
from ringdove.workers.sending.speaker import Speaker

log = structlog.get_logger(__name__)

LOOK_AGAIN_S: Final = 0.05
"""The least time between two looks at the outbox: notices in between are answered together."""


@dataclass(frozen=True, slots=True)
class _Running:
    settings: Any
    speaker: Speaker
    task: "asyncio.Task[None]"


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Speaks for every gateway over HTTP until told to stop, then drains."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.create_task(stop.wait())
    async with db.Bell(runtime.database_url, ["outbox", "gateways"]) as bell:
        crew = _Crew(runtime, lambda: bell.ring("outbox"))
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
                    log.exception("speak.failed")
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


def speaks_http(kind: str) -> ModuleType | None:
    """The operator's file, if it is one over HTTP."""
    module = GATEWAYS.get(kind)
    return module if getattr(module, "TRANSPORT", "") == "http" else None


class _Crew:
    def __init__(self, runtime: Runtime, hungry: Callable[[], None]) -> None:
        self._runtime = runtime
        self._hungry = hungry
        self._running: dict[int, _Running] = {}
        self._leaving: dict[int, asyncio.Task[None]] = {}

    async def refresh(self) -> None:
        """Begins and ends speakers as gateways come, change and go."""
        async with db.transaction(self._runtime.pool) as tx:
            rows = [row for row in await gateways.speaking(tx) if speaks_http(row.kind)]
            by_id = {store.id: store for store in await stores.every(tx)} if rows else {}
        wanted: dict[int, tuple[gateways.Gateway, Store, Any]] = {}
        for row in rows:
            settings = await self._settings(row)
            if settings is not None:
                wanted[row.id] = (row, by_id[row.store_id], settings)
        self._end(
            [
                gateway_id
                for gateway_id, running in self._running.items()
                if gateway_id not in wanted
                or wanted[gateway_id][2] != running.settings
                or running.task.done()
            ]
        )
        self._see_off()
        for gateway_id, (row, store, settings) in wanted.items():
            # The old one drains first: both would hold the same lease.
            if gateway_id not in self._running and gateway_id not in self._leaving:
                self._begin(row, store, settings)

    async def _settings(self, row: gateways.Gateway) -> Any:
        try:
            return settings_of(self._runtime, row)
        except (ValidationError, SealBroken) as error:
            # Never the values: a key may be among them.
            wrong = (
                ", ".join(str(one["loc"][0]) if one["loc"] else "" for one in error.errors())
                if isinstance(error, ValidationError)
                else str(error)
            )
            if row.state != "refused" or row.state_detail != wrong:
                async with db.transaction(self._runtime.pool) as tx:
                    now = self._runtime.clock()
                    await gateways.say_state(tx, row.id, "refused", wrong, now)
            return None

    def _begin(self, row: gateways.Gateway, store: Store, settings: Any) -> None:
        module = GATEWAYS[row.kind]
        speaker = Speaker(self._runtime, row, store, module, settings, self._hungry)
        task = asyncio.create_task(speaker.run(), name=f"speak/{row.id}")
        task.add_done_callback(lambda _: self._hungry())
        self._running[row.id] = _Running(settings, speaker, task)

    def _end(self, gateway_ids: Iterable[int]) -> None:
        for gateway_id in gateway_ids:
            running = self._running.pop(gateway_id)
            running.speaker.stop()
            self._leaving[gateway_id] = running.task

    def _see_off(self) -> None:
        for gateway_id, task in list(self._leaving.items()):
            if task.done():
                del self._leaving[gateway_id]
                if not task.cancelled() and (error := task.exception()):
                    log.error("speaker.failed", gateway=gateway_id, error=repr(error))

    async def end(self) -> None:
        self._end(list(self._running))
        await asyncio.gather(*self._leaving.values(), return_exceptions=True)
        self._see_off()

    async def look(self) -> float:
        """Wakes the speakers whose messages are due; the seconds until the next will be."""
        if any(task.done() for task in self._leaving.values()):
            await self.refresh()
        dry = {id_: r.speaker for id_, r in self._running.items() if r.speaker.is_dry}
        if not dry:
            return self._runtime.settings.idle_poll_s  # a speaker rings when it could say more
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
        for gateway_id, some in buckets.items():
            dry[gateway_id].wake(some)
        return later_s


def settings_of(runtime: Runtime, row: gateways.Gateway) -> Any:
    """A gateway's settings with its secrets opened. Raises ValidationError or SealBroken."""
    secrets = runtime.sealer.open(row.secrets) if row.secrets else {}
    return GATEWAYS[row.kind].Settings.model_validate(row.settings | secrets)
