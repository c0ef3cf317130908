"""All workers of one process, together: begun, kept up, and ended in order.

A worker that breaks is begun again after a pause; the others go on. Told to stop, all of them have
some seconds to finish what they hold; the sandbox leaves last, since binds say goodbye to it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from ringdove.kit import memory
from ringdove.runtime import Runtime
from ringdove.workers import alerts, goods, partitions, react, retention, sandbox, sync
from ringdove.workers.automations import rehearsing, triggers, wishes
from ringdove.workers.campaigns import campaigns, coupons
from ringdove.workers.consent import reconfirm, seal
from ringdove.workers.contests import closing
from ringdove.workers.conversations import waking
from ringdove.workers.lists import imports
from ringdove.workers.people import figuring, finding
from ringdove.workers.sending import binds, bounces, failover, send, speak, sweep

log = structlog.get_logger(__name__)

Worker = Callable[[Runtime, asyncio.Event], Awaitable[None]]
WORKERS: dict[str, Worker] = {
    "react": react.run,
    "send": send.run,
    "bounces": bounces.run,
    "binds": binds.run,
    "speak": speak.run,
    "sync": sync.run,
    "alerts": alerts.run,
    "coupons": coupons.run,
    "sweep": sweep.run,
    "failover": failover.run,
    "partitions": partitions.run,
    "finding": finding.run,
    "figuring": figuring.run,
    "goods": goods.run,
    "imports": imports.run,
    "campaigns": campaigns.run,
    "rehearsing": rehearsing.run,
    "triggers": triggers.run,
    "wishes": wishes.run,
    "waking": waking.run,
    "retention": retention.run,
    "seal": seal.run,
    "reconfirm": reconfirm.run,
    "contests": closing.run,
}
STOP_S_MAX = 8.0
SANDBOX_STOP_S_MAX = 1.5
AGAIN_S = 1.0
PORT_AGAIN_S = 10.0


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Works until told to stop, then finishes within about ten seconds."""
    sandbox_stop = asyncio.Event()
    playing = None
    if runtime.settings.sandbox:
        playing = asyncio.create_task(_play(runtime, sandbox_stop), name="sandbox")
    tasks = [
        asyncio.create_task(_kept_up(name, worker, runtime, stop), name=name)
        for name, worker in WORKERS.items()
    ]
    memory.settle()
    log.info("work.begun", workers=[*WORKERS], sandbox=runtime.settings.sandbox)
    await stop.wait()
    await _ended(tasks, STOP_S_MAX)
    sandbox_stop.set()
    if playing:
        await _ended([playing], SANDBOX_STOP_S_MAX)
    log.info("work.ended")


async def _kept_up(name: str, worker: Worker, runtime: Runtime, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await worker(runtime, stop)
        except Exception:
            log.exception("worker.broke", worker=name)
            await asyncio.sleep(AGAIN_S)


async def _play(runtime: Runtime, stop: asyncio.Event) -> None:
    """The sandbox; while another process has its port, ours waits for it to leave."""
    told = False
    while not stop.is_set():
        try:
            async with sandbox.opened(runtime):
                await stop.wait()
        except OSError as error:
            if not told:
                port = runtime.settings.sandbox_port
                log.warning("sandbox.port_taken", port=port, error=str(error))
            told = True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PORT_AGAIN_S)


async def _ended(tasks: list["asyncio.Task[None]"], within_s: float) -> None:
    _, late = await asyncio.wait(tasks, timeout=within_s)
    for task in late:
        log.warning("worker.cut_off", worker=task.get_name())
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
