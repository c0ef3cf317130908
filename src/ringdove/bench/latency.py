"""From a shop's event to the packet on the operator's wire: real processes, real sockets.

`ringdove serve` and `ringdove work` run as anybody runs them; this process is the shop (signed
events over HTTP at an even pace) and the operator (a bare SMSC). A time is measured from just
before the request is sent until the submit_sm has arrived.
"""

import asyncio
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any

import aiohttp

from ringdove.bench import ground, smsc
from ringdove.kit import db
from ringdove.kit.children import Child
from ringdove.records.store import connections
from ringdove.stores import events

SECRET = "bench"
READY_S_MAX = 30.0
ARRIVE_S_MAX = 30.0
WARM_EVENTS = 100
Ready = Callable[[ground.Shop], Awaitable[None]]


@asynccontextmanager
async def _crew(home: Path, port: int) -> AsyncIterator[dict[str, Child]]:
    """The page's and the workers' process."""
    environ = {
        "RINGDOVE_HOME": str(home),
        "RINGDOVE_LISTEN_PORT": str(port),
        "RINGDOVE_SANDBOX": "false",
        "RINGDOVE_LOG_LEVEL": "warning",
    }
    with (home / "processes.log").open("ab") as log:
        crew = {name: Child(name, environ, log) for name in ("serve", "work")}
        try:
            yield crew
        finally:
            for child in crew.values():
                child.let_go()
            for child in crew.values():
                await asyncio.to_thread(child.end)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


async def measure(
    home: Path, per_s: int, seconds: float, name: str, ready: Ready | None = None
) -> dict[str, Any]:
    """Latency at an even pace, and what each process spent on it. `ready`: what is done to the
    store before anything begins."""
    operator = smsc.Smsc()
    arrived: dict[str, float] = {}

    def note(one: smsc.Submitted) -> None:
        arrived.setdefault(one.phone, one.at)

    operator.on_submit = note
    async with AsyncExitStack() as things:
        smsc_port = await things.enter_async_context(smsc.opened(operator))
        shop = await things.enter_async_context(ground.open_shop(home, name, smsc_port=smsc_port))
        if ready:
            await ready(shop)
        door = await _door(shop)
        port = free_port()
        crew = await things.enter_async_context(_crew(home, port))
        client = await things.enter_async_context(aiohttp.ClientSession())
        url = f"http://127.0.0.1:{port}/in/{door}"
        await _ready(operator, client, url)
        await _tell(client, url, 0, WARM_EVENTS, per_s, arrived)
        count = int(per_s * seconds)
        with _cpu(home, crew) as spent:
            sent = await _tell(client, url, WARM_EVENTS, count, per_s, arrived)
    times = sorted((arrived[phone] - at) * 1000 for phone, at in sent.items() if phone in arrived)
    cuts = quantiles(times, n=100)
    return {
        "events": count,
        "per_s": per_s,
        "arrived": len(times),
        "p50_ms": round(cuts[49]),
        "p99_ms": round(cuts[98]),
        "max_ms": round(times[-1]),
        **spent,
    }


async def _door(shop: ground.Shop) -> str:
    token = f"bench-{os.urandom(8).hex()}"
    async with db.transaction(shop.runtime.pool) as tx:
        await connections.create(
            tx, store_id=shop.store.id, kind="events", name="Shop", token=token, settings={},
            secrets=shop.runtime.sealer.seal({"webhook_secret": SECRET}), now=datetime.now(UTC),
        )  # fmt: skip
    return token


async def _ready(operator: smsc.Smsc, client: aiohttp.ClientSession, url: str) -> None:
    """The door answers (that it was not signed) and the gateway is bound."""
    end = time.monotonic() + READY_S_MAX
    while time.monotonic() < end:
        with suppress(aiohttp.ClientError):
            async with client.post(url, data=b"{}") as answer:
                if answer.status == 401 and operator.links:
                    return
        await asyncio.sleep(0.1)
    raise TimeoutError("`ringdove serve` or `ringdove work` did not become ready")


async def _tell(
    client: aiohttp.ClientSession, url: str, first: int, count: int, per_s: int,
    arrived: dict[str, float],
) -> dict[str, float]:  # fmt: skip
    """One order every 1/per_s seconds, however long each takes; when each was sent, by phone."""
    loop, sent = asyncio.get_running_loop(), dict[str, float]()
    begun, tasks = loop.time(), set[asyncio.Task[None]]()
    for n in range(first, first + count):
        wait_s = begun + (n - first) / per_s - loop.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        phone, body = _order(n)
        sent[phone] = loop.time()
        tasks.add(asyncio.create_task(_post(client, url, body)))
    await asyncio.gather(*tasks)
    end = loop.time() + ARRIVE_S_MAX
    while not sent.keys() <= arrived.keys() and loop.time() < end:
        await asyncio.sleep(0.02)
    return sent


def _order(n: int) -> tuple[str, bytes]:
    phone, now = f"+37529{1_000_000 + n}", datetime.now(UTC)
    event = {
        "kind": "order.placed", "id": f"order/{n}/placed", "at": now.isoformat(),
        "order": {
            "key": f"{n}", "placed_at": now.isoformat(), "total": "59.90", "currency": "BYN",
            "customer": {"phone": phone, "name": "Anna", "country": "BY", "language": "en"},
            "lines": [{"name": "Kettle", "price": "59.90"}],
        },
    }  # fmt: skip
    return phone.removeprefix("+"), json.dumps(event).encode()


async def _post(client: aiohttp.ClientSession, url: str, body: bytes) -> None:
    headers = {"Ringdove-Signature": events.sign(body, SECRET, datetime.now(UTC))}
    async with client.post(url, data=body, headers=headers) as answer:
        if answer.status != 200:
            raise RuntimeError(f"the door answered {answer.status}: {await answer.text()}")


# ------------------------------------------------------------------ CPU


@contextmanager
def _cpu(home: Path, crew: dict[str, Child]) -> Iterator[dict[str, float]]:
    """Per cent of one core that each process took during the body."""
    pids = {name: child.pid for name, child in crew.items()} | {
        "postgres": ground.postgres_pid(home)
    }
    before = {name: ground.cpu_s(pid) for name, pid in pids.items()}
    began, spent = time.perf_counter(), dict[str, float]()
    yield spent
    wall_s = time.perf_counter() - began
    for name, pid in pids.items():
        spent[f"cpu_{name}"] = round((ground.cpu_s(pid) - before[name]) / wall_s * 100, 2)


async def idle(home: Path, seconds: float, name: str) -> dict[str, Any]:
    """What the processes take while nothing happens: a bound gateway, an empty queue."""
    operator = smsc.Smsc()
    async with AsyncExitStack() as things:
        smsc_port = await things.enter_async_context(smsc.opened(operator))
        async with ground.open_shop(home, name, smsc_port=smsc_port) as shop:
            door = await _door(shop)
        port = free_port()
        crew = await things.enter_async_context(_crew(home, port))
        async with aiohttp.ClientSession() as client:
            await _ready(operator, client, f"http://127.0.0.1:{port}/in/{door}")
        await asyncio.sleep(3)  # what start-up still does
        with _cpu(home, crew) as spent:
            await asyncio.sleep(seconds)
    return {"seconds": seconds, **spent}
