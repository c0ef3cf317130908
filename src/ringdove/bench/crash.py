"""What breaks at any moment, again and again, and what is left of the messages: `ringdove bench
crash` (P5).

In each round texts are queued and, at a random moment of their sending, one thing is struck: the
worker is killed or told to stop, the SMSC or the database is killed, every link is cut. It is begun
again, and the next round comes without waiting for the last. In the end each message must be
accounted for: by its row, and by the SMSC's ledger, which survives the SMSC.
"""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import psycopg

from ringdove.bench import counterpart, ground, stock
from ringdove.bench.counterpart import FIRST_NUMBER, Smsc
from ringdove.kit import postgres
from ringdove.kit.children import Child

ENDS_S_MAX: Final = 120.0
TRAFFIC_S_MAX: Final = 15.0
MARKETING_EVERY: Final = (1, 1, 2)  # service goes first: else it alone would be struck
# An answer takes its time and the window is always full: there is something to lose at any moment.
LINK: Final = {"window": 50, "response_timeout_s": 3, "enquire_link_s": 5}
SMSC: Final = (
    "--receipts", "--receipt-delay-ms", 200, "--response-delay-ms", 40, "--drop-rate", 0.0005,
    "--most", 4_000_000,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wish:
    """What to do."""

    rounds: int = 200
    messages: int = 800  # of a round; two of three are marketing
    seconds: float = 0.8  # within which a round is struck
    seed: int = 1


@dataclass(slots=True)
class Scene:
    """What runs, and can be struck."""

    home: Path
    shop: ground.Shop
    smsc: Smsc
    worker: Child
    log: IO[bytes]
    strikes: Counter[str] = field(default_factory=Counter)
    ended_by_itself: int = 0
    idle: int = 0  # strikes without traffic


async def measure(home: Path, wish: Wish) -> dict[str, Any]:
    """All rounds, and the reckoning."""
    smsc = _begin_smsc(home, 0)
    link = LINK | {"throughput_per_s": ground.most("throughput_per_s", 1e6)}
    try:
        async with ground.open_shop(home, "crash", smsc_port=smsc.port, link=link) as shop:
            with (home / "processes.log").open("ab") as log:
                scene = Scene(home, shop, smsc, _begin_worker(home, log), log)
                try:
                    await _rounds(scene, wish)
                    await _ended(scene)
                finally:
                    smsc = scene.smsc
                    await asyncio.to_thread(scene.worker.end)
            return _told(scene, wish, await stock.each(shop))
    finally:
        smsc.end()


def _begin_smsc(home: Path, port: int) -> Smsc:
    options = [*SMSC, "--port", port, "--ledger", str(home / "ledger")]
    return Smsc(counterpart.build(home / "programs", "smsc"), options)


def _begin_worker(home: Path, log: IO[bytes]) -> Child:
    environ = {
        "RINGDOVE_HOME": str(home),
        "RINGDOVE_SANDBOX": "false",
        "RINGDOVE_LOG_LEVEL": "warning",
    }
    return Child("work", environ, log)


# ------------------------------------------------------------------ rounds


async def _rounds(scene: Scene, wish: Wish) -> None:
    fate = random.Random(wish.seed)
    for n in range(wish.rounds):
        share = fate.choice(MARKETING_EVERY)
        texts = stock.Wish(wish.messages, scene.shop.links, share, n * wish.messages)
        await _insisting(lambda texts=texts: stock.load(scene.shop, texts))  # type: ignore[misc]
        await _insisting(lambda: stock.wake(scene.shop))
        await _until_traffic(scene)
        await asyncio.sleep(fate.uniform(0.02, wish.seconds))
        name = fate.choice(list(STRIKES))
        scene.strikes[name] += 1
        await STRIKES[name](scene, fate.uniform(0, 0.3))
        if scene.worker.ended is not None:
            scene.ended_by_itself += 1
            await _new_worker(scene)


async def _until_traffic(scene: Scene) -> None:
    """A strike while nothing is under way proves nothing; yet a link may be long in coming."""
    before, end = scene.smsc.counters()["submits"], time.monotonic() + TRAFFIC_S_MAX
    while scene.smsc.counters()["submits"] == before:
        if time.monotonic() > end:
            scene.idle += 1
            return
        await asyncio.sleep(0.02)


async def _insisting(work: Callable[[], Awaitable[Any]]) -> None:
    """The database was just begun again: connections that have not noticed are found one by one."""
    end = time.monotonic() + ENDS_S_MAX
    while True:
        try:
            await work()
            return
        except psycopg.errors.UniqueViolation:
            raise
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.1)


async def _kill_worker(scene: Scene, pause_s: float) -> None:
    os.kill(scene.worker.pid, signal.SIGKILL)
    await asyncio.to_thread(scene.worker.end)
    await asyncio.sleep(pause_s)
    await _new_worker(scene)


async def _stop_worker(scene: Scene, pause_s: float) -> None:
    os.kill(scene.worker.pid, signal.SIGTERM)
    await asyncio.sleep(pause_s)
    await asyncio.to_thread(scene.worker.end)
    await _new_worker(scene)


async def _new_worker(scene: Scene) -> None:
    await _insisting(lambda: stock.end_leases(scene.shop))
    scene.worker = _begin_worker(scene.home, scene.log)


async def _kill_smsc(scene: Scene, pause_s: float) -> None:
    port = scene.smsc.port
    scene.smsc.kill()
    await asyncio.sleep(pause_s)
    scene.smsc = _begin_smsc(scene.home, port)


async def _cut_links(scene: Scene, pause_s: float) -> None:
    scene.smsc.cut()
    await asyncio.sleep(pause_s)


async def _kill_database(scene: Scene, pause_s: float) -> None:
    await _strike_database(scene, pause_s, signal.SIGKILL)


async def _stop_database(scene: Scene, pause_s: float) -> None:
    await _strike_database(scene, pause_s, signal.SIGQUIT)  # "immediate": no goodbye, no checkpoint


async def _strike_database(scene: Scene, pause_s: float, how: signal.Signals) -> None:
    pid = ground.postgres_pid(scene.home)
    os.kill(pid, how)
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        await asyncio.sleep(0.02)
    await asyncio.sleep(pause_s)
    await asyncio.to_thread(postgres.ensure, scene.home / "postgres")


STRIKES: Final[dict[str, Callable[[Scene, float], Awaitable[None]]]] = {
    "worker killed": _kill_worker,
    "worker told to stop": _stop_worker,
    "SMSC killed": _kill_smsc,
    "links cut": _cut_links,
    "database killed": _kill_database,
    "database stopped at once": _stop_database,
}


# ------------------------------------------------------------------ the reckoning


async def _ended(scene: Scene) -> None:
    """Until nothing waits any more, or nothing moves any more."""
    last, moved_at = -1, time.monotonic()
    while time.monotonic() - moved_at < ENDS_S_MAX:
        with suppress(psycopg.OperationalError):
            still_open = await stock.still_open(scene.shop) + await stock.left(scene.shop)
            if still_open == 0:
                return
            if still_open != last:
                last, moved_at = still_open, time.monotonic()
        if scene.worker.ended is not None:
            scene.ended_by_itself += 1
            await _new_worker(scene)
        await asyncio.sleep(0.5)


def _told(scene: Scene, wish: Wish, rows: list[dict[str, Any]]) -> dict[str, Any]:
    taken = counterpart.taken_by_number(scene.home / "ledger")
    count = wish.rounds * wish.messages
    states: Counter[str] = Counter()
    wrong, unknown = list[str](), list[dict[str, Any]]()
    doubled: Counter[str] = Counter()
    for row in rows:
        came = taken[int(row["recipient"].removeprefix("+"))]
        states[f"{row['klass']} {row['state']}"] += 1
        doubled[row["klass"]] += came > 1
        if row["state"] == "unknown":
            unknown.append({"id": row["id"], "why": row["reason"], "came": came})
        elif row["state"] != "delivered" or not came:
            wrong.append(f"{row['id']} {row['klass']} {row['state']} {row['reason']}: came {came}")
    known = {int(row["recipient"].removeprefix("+")) for row in rows}
    wrong += [
        f"number {number} has no row"
        for number in range(FIRST_NUMBER, FIRST_NUMBER + count)
        if number not in known
    ]
    return {
        "rounds": wish.rounds,
        "messages": count,
        "strikes": dict(scene.strikes),
        "idle_rounds": scene.idle,
        "worker_ended_by_itself": scene.ended_by_itself,
        "states": dict(sorted(states.items())),
        "lost": len(wrong),
        "lost_list": wrong[:50],
        "marketing_doubled": doubled["marketing"],
        "service_doubled": doubled["service"],
        "unknown": len(unknown),
        "unknown_that_came": sum(1 for one in unknown if one["came"]),
        "unknown_by_reason": dict(Counter(one["why"] for one in unknown)),
        "unknown_list": unknown,
    }


def table(found: dict[str, Any]) -> str:
    """The same for people."""
    lines = [f"{'struck':40}{'rounds':>10}"]
    lines += [f"{name:40}{n:>10,}" for name, n in sorted(found["strikes"].items())]
    lines += ["", f"{'what became of the messages':40}{'':>10}"]
    lines += [f"{name:40}{n:>10,}" for name, n in found["states"].items()]
    lines.append("")
    for name, words in (
        ("messages", "messages"),
        ("idle_rounds", "rounds struck without traffic"),
        ("lost", "lost (or told other than it was)"),
        ("marketing_doubled", "marketing texts doubled"),
        ("service_doubled", "service texts doubled"),
        ("unknown", "outcome unknown, each listed"),
        ("unknown_that_came", "  of these arrived, by the SMSC's ledger"),
    ):
        lines.append(f"{words:40}{found[name]:>10,}")
    lines += [f"LOST {line}" for line in found["lost_list"]]
    return "\n".join(lines)
