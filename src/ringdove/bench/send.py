"""How fast texts leave and are known to have arrived: `ringdove bench send`.

The outbox is full, then `ringdove work` is started as anybody starts it: outbox, decision, SMPP,
answer, receipt persisted, receipt acknowledged. The other end is smsc.c. Time runs from the first
submit to the last acknowledgement, which Ringdove gives after its commit only. In the same run the
floor: bare rows and packets made beforehand.
"""

import asyncio
import gc
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from ringdove.bench import counterpart, ground, stock
from ringdove.bench.counterpart import Smsc
from ringdove.kit.children import Child

LOOK_EVERY_S: Final = 0.25
STALLED_S_MAX: Final = 60.0
BOUND_S_MAX: Final = 60.0
WINDOW: Final = 1_000
OCTETS: Final = 100  # of the floor's texts; stock.py's have as many
MARKS: Final = 10  # stretches of which the rate is told apart

# Runs in the worker before anything else; asked for by --profile only.
PROFILED = """
import atexit, cProfile
profile = cProfile.Profile()
atexit.register(lambda: (profile.disable(), profile.dump_stats({path!r})))
profile.enable()
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to measure."""

    messages: int = 1_000_000
    span: int = 1
    stored: int = 0
    receipt_delay_ms: int = 0
    receipt_window: int = 1_000
    gateways: int = 1
    workers: int = 1
    profile: str = ""


@dataclass(slots=True)
class Costs:
    """CPU seconds of the processes between two looks."""

    pids: dict[str, int]
    before: dict[str, float] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)

    def begin(self) -> None:
        self.before = {name: ground.cpu_s(pid) for name, pid in self.pids.items()}

    def end(self) -> None:
        for name, pid in self.pids.items():
            kind = name.partition(" ")[0]
            spent = ground.cpu_s(pid) - self.before[name]
            self.spent[kind] = self.spent.get(kind, 0.0) + spent


async def measure(home: Path, wish: Wish, name: str) -> dict[str, Any]:
    """One run: the queue sent, verified, and the floor."""
    programs = home / "programs"
    options = [
        "--receipts", "--receipt-delay-ms", wish.receipt_delay_ms, "--window", wish.receipt_window,
        "--first-number", counterpart.FIRST_NUMBER, "--numbers", wish.messages,
        "--mark-every", max(1, wish.messages // MARKS),
    ]  # fmt: skip
    link = {"throughput_per_s": ground.most("throughput_per_s", 1e6), "window": WINDOW}
    with counterpart.smsc(programs, options) as smsc:
        async with ground.open_shop(home, name, wish.span, smsc.port, link, wish.gateways) as shop:
            if wish.stored:
                await stock.fill_past(shop, wish.stored)
            ids = await stock.load(shop, stock.Wish(wish.messages, shop.links))
            await stock.settle_down(shop)
            found = await _send(home, shop, smsc, wish)
            found |= await _verify(shop, smsc, wish, ids[0])
    return found | await _floor(home, wish, name)


# ------------------------------------------------------------------ sending


async def _send(home: Path, shop: ground.Shop, smsc: Smsc, wish: Wish) -> dict[str, Any]:
    wal = await stock.wal_bytes(shop)
    gc.collect()
    with crew(home, wish.workers, wish.profile) as children:
        await _bound(smsc, children)
        costs = Costs(
            {"smsc": smsc.pid, "postgres": ground.postgres_pid(home)}
            | {f"ringdove {n}": child.pid for n, child in enumerate(children)}
        )
        costs.begin()
        await _until(smsc, children, "submits", wish.messages // 10)
        early_mb = sum(counterpart.peak_mb(child.pid) for child in children)
        end = await _until(smsc, children, "receipts_acked", wish.messages)
        settled_s = await _until_counted(shop, wish.messages)
        costs.end()
        peak_mb = sum(counterpart.peak_mb(child.pid) for child in children)
    seconds = end["last_ack"] - end["first_submit"]
    us = {name: round(spent / wish.messages * 1e6, 1) for name, spent in costs.spent.items()}
    wal = await stock.wal_bytes(shop) - wal
    return {
        "messages": wish.messages,
        "span": wish.span,
        "stored": wish.stored,
        "per_s": round(wish.messages / seconds),
        "seconds": round(seconds, 2),
        "settled_after_s": round(settled_s, 2),
        "us": us,
        "memory_mb": {"at_a_tenth": early_mb, "peak": peak_mb},
        "wal_bytes": round(wal / wish.messages),
        "rates": _rates(end),
    }


@contextmanager
def crew(home: Path, count: int, profile: str = "") -> Iterator[list[Child]]:
    """Worker processes, as `ringdove work` starts them."""
    environ = {
        "RINGDOVE_HOME": str(home),
        "RINGDOVE_SANDBOX": "false",
        "RINGDOVE_LOG_LEVEL": "warning",
    }
    if profile:
        folder = home / "profiled"
        folder.mkdir(exist_ok=True)
        (folder / "sitecustomize.py").write_text(PROFILED.format(path=os.path.abspath(profile)))
        environ["PYTHONPATH"] = f"{folder}:{os.environ.get('PYTHONPATH', '')}"
    with (home / "processes.log").open("ab") as log:
        children = [Child("work", environ, log) for _ in range(count)]
        try:
            yield children
        finally:
            for child in children:
                child.let_go()
            for child in children:
                child.end()


async def _bound(smsc: Smsc, children: list[Child]) -> None:
    end = time.monotonic() + BOUND_S_MAX
    while not smsc.counters()["binds"]:
        if time.monotonic() > end or any(child.ended is not None for child in children):
            raise RuntimeError("`ringdove work` did not bind: see processes.log")
        await asyncio.sleep(0.02)


async def _until(smsc: Smsc, children: list[Child], name: str, count: int) -> dict[str, Any]:
    """The SMSC's counters once one of them has come so far."""
    last, moved_at = -1, time.monotonic()
    while True:
        seen = smsc.counters()
        if seen[name] >= count:
            return seen
        if seen["receipts_acked"] + seen["submits"] != last:
            last, moved_at = seen["receipts_acked"] + seen["submits"], time.monotonic()
        elif time.monotonic() - moved_at > STALLED_S_MAX:
            raise TimeoutError(f"nothing moves any more: {seen}")
        if any(child.ended is not None for child in children):
            raise RuntimeError("`ringdove work` ended by itself: see processes.log")
        await asyncio.sleep(LOOK_EVERY_S)


async def _until_counted(shop: ground.Shop, count: int) -> float:
    """Seconds from the last acknowledgement until the store's own figures say the same."""
    began = time.monotonic()
    while await stock.delivered(shop) < count:
        if time.monotonic() - began > STALLED_S_MAX:
            raise TimeoutError(f"{await stock.delivered(shop)} of {count} are told as delivered")
        await asyncio.sleep(LOOK_EVERY_S)
    return time.monotonic() - began


def _rates(seen: dict[str, Any]) -> list[int]:
    """Messages a second of each stretch, by the receipts acknowledged."""
    marks = [seen["first_submit"], *seen["ack_marks"]]
    each = seen["receipts_acked"] / max(1, len(seen["ack_marks"]))
    return [round(each / max(1e-9, b - a)) for a, b in pairwise(marks)]


async def _verify(shop: ground.Shop, smsc: Smsc, wish: Wish, first_id: int) -> dict[str, Any]:
    """Each text delivered once, by the store's rows and by the SMSC's own count of numbers."""
    states, seen = await stock.states(shop, first_id), smsc.counters()
    counts = {f"{klass} {state}": n for (klass, state), n in sorted(states.items())}
    is_right = (
        counts == {"marketing delivered": wish.messages}
        and seen["submits"] == seen["unique"] == wish.messages
        and not (seen["doubles"] or seen["strangers"] or seen["receipts_owed"])
        and await stock.left(shop) == 0
    )
    return {"verified": is_right, "states": counts, "numbers": seen["unique"]}


# ------------------------------------------------------------------ the floor


async def _floor(home: Path, wish: Wish, name: str) -> dict[str, Any]:
    """The same rows, bare; the same packets, made beforehand."""
    async with ground.open_shop(home, f"{name}, floor", wish.span) as shop:
        copy_s, update_s, others_s = await stock.floor(shop, wish.messages)
    options = ["--receipts", "--window", WINDOW, "--most", wish.messages]
    with counterpart.smsc(home / "programs", options) as smsc:
        blasted = counterpart.blast(home / "programs", smsc.port, wish.messages, WINDOW, OCTETS)
    total_s = copy_s + update_s + blasted["seconds"]
    return {
        "floor_per_s": round(wish.messages / total_s),
        "whole_floor_per_s": round(wish.messages / (total_s + others_s)),
        "floor_us": {
            "copy": round(copy_s / wish.messages * 1e6, 2),
            "update": round(update_s / wish.messages * 1e6, 2),
            "receipts": round(others_s / wish.messages * 1e6, 2),
            "wire": round(blasted["seconds"] / wish.messages * 1e6, 2),
        },
    }
