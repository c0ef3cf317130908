"""What a measurement stands on: a PostgreSQL of its own in a temporary folder, a store with its
gateways, and what each process spent.

The server is a real one as `ringdove` starts it (with fsync), never the user's own database.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from datetime import time as wall_time
from pathlib import Path
from typing import Any

from ringdove.gateways import smpp
from ringdove.kit import cluster, db, postgres
from ringdove.records import migrate
from ringdove.records.sending import gateways
from ringdove.records.store import stores
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime, open_runtime
from ringdove.settings import Settings

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@contextmanager
def temporary_home(database: bool = True) -> Iterator[Path]:
    """A folder, with a running PostgreSQL in it unless not wanted; gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="ringdove-bench-"))
    home.chmod(0o711)
    try:
        if database:
            migrate.migrate(postgres.ensure(home / "postgres"))
        yield home
    finally:
        if database:
            postgres.stop(home / "postgres")
        shutil.rmtree(home, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Shop:
    """A store to measure with."""

    runtime: Runtime
    store: Store
    sms: int  # the first of its SMPP gateways
    links: tuple[int, ...] = ()  # all of them


@asynccontextmanager
async def open_shop(
    home: Path,
    name: str,
    span: int = 1,
    smsc_port: int = 1,
    link: Mapping[str, Any] | None = None,
    links: int = 1,
) -> AsyncIterator[Shop]:
    """A new store of `span` buckets on the home's database: SMPP and e-mail gateways, no quiet
    hours (so that it measures the same at any hour). `link`: what its SMPP settings say more."""
    async with open_runtime(Settings(home=home)) as runtime:
        now = datetime.now(UTC)
        wishes = stores.StoreSettings(
            name=name, country="BY", time_zone="Europe/Minsk",
            languages=["ru", "be", "en", "it", "es"], currency="BYN", quiet_from=wall_time(0),
            quiet_until=wall_time(0), website="https://linden.example", phone="+375172000000",
        )  # fmt: skip
        seal = runtime.sealer.seal
        async with db.transaction(runtime.pool) as tx:
            store = await stores.create(tx, wishes, now, bucket_span=span)
            ways = [
                await gateways.create(
                    tx, store_id=store.id, kind="smpp", channel="sms", name=f"Stand-in {n}",
                    settings={"host": "127.0.0.1", "port": smsc_port, "system_id": f"bench{n}",
                              "sender": "Linden", "throughput_per_s": 1000, "window": 50}
                    | dict(link or {}),
                    secrets=seal({"password": "bench"}), now=now,
                )
                for n in range(links)
            ]  # fmt: skip
            await gateways.create(
                tx, store_id=store.id, kind="smtp", channel="email", name="Mail",
                settings={"host": "127.0.0.1", "port": 1, "security": "none",
                          "sender": "Linden <orders@linden.example>"},
                secrets=seal({}), now=now,
            )  # fmt: skip
        yield Shop(runtime, store, ways[0], tuple(ways))


def most(field: str, wanted: float) -> float:
    """As much of an SMPP setting as it allows."""
    allowed = [one.le for one in smpp.Settings.model_fields[field].metadata if hasattr(one, "le")]
    return min([wanted, *(float(one) for one in allowed)])


# ------------------------------------------------------------------ what it costs


def postgres_pid(home: Path) -> int:
    """The server's first process."""
    data = cluster.Cluster((home / "postgres").resolve(), throwaway=False).data
    return int((data / "postmaster.pid").read_text().split()[0])


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and of all its children, those that ended included."""
    total = 0.0
    for one in [pid, *_children(pid)]:
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(") ")[2].split()
        except OSError:  # it ended between the two looks; its parent has its sum
            continue
        ours, ended = fields[11:13], fields[13:15]
        total += sum(int(ticks) for ticks in ours + (ended if one == pid else [])) / TICKS_PER_S
    return total


def stolen_s() -> tuple[float, float]:
    """CPU seconds that the host of a virtual machine gave to others, and all, since it started."""
    try:
        ticks = [int(n) for n in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return 0.0, 0.0
    return ticks[7] / TICKS_PER_S, sum(ticks) / TICKS_PER_S


def _children(pid: int) -> list[int]:
    try:
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


@dataclass(slots=True)
class Spent:
    """What a stretch of work cost."""

    wall_s: float = 0.0
    ours_s: float = 0.0
    postgres_s: float = 0.0


@contextmanager
def meter(home: Path) -> Iterator[Spent]:
    """Measures its body: wall clock, CPU of this process, CPU of PostgreSQL."""
    spent, server = Spent(), postgres_pid(home)
    wall, ours, theirs = time.perf_counter(), time.process_time(), cpu_s(server)
    yield spent
    spent.wall_s = time.perf_counter() - wall
    spent.ours_s = time.process_time() - ours
    spent.postgres_s = cpu_s(server) - theirs


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        model = next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gb": round(memory, 1),
        "python": sys.version.split()[0],
        "load_before": round(os.getloadavg()[0], 2),
    }


def machine_line(found: dict[str, Any]) -> str:
    """The same in a line."""
    return (
        f"{found['cpu']}, {found['cores']} cores, {found['memory_gb']} GB,"
        f" Python {found['python']}, load before {found['load_before']}"
    )
