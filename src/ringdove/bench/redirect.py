"""How fast links are opened: `ringdove bench redirect`.

One process of `ringdove serve` as anybody runs it, knock.c as the phones, and in the same run a
plain Starlette route that answers 302: what nothing written so can beat. Every link "from the
database" is opened for the first time, so its message is looked up, its click is written and its
fact told; "from memory" the same thousand links are opened again and again. Waiting times are taken
at an even pace, with how much of the machine its host gave to others meanwhile.
"""

import asyncio
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from ringdove.bench import counterpart, ground
from ringdove.bench.latency import free_port
from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.children import Child
from ringdove.records import bulk
from ringdove.records.campaigns import campaigns
from ringdove.records.store import stores
from ringdove.rules.campaigns.campaigns import Link, Plan
from ringdove.rules.links import links
from ringdove.runtime import open_runtime
from ringdove.settings import Settings

SEEN = 1_000  # links that are opened again and again
CONNECTIONS = 64
WARM = 3_000  # openings before the clock runs
READY_S_MAX = 30.0
WRITTEN_S_MAX = 30.0
TOLD_WITHIN_S = 2.0
ROUNDS = 3  # of the even pace
COLUMNS = (
    "bucket store_id id contact_id channel class topic cause gateway_id recipient body language"
    " not_before not_after created_at why state sent_at campaign_id"
).split()
COUNTED = """
SELECT (SELECT count(*) FROM link_click WHERE kind = 'person') AS clicks,
  (SELECT count(*) FROM fact WHERE kind = 'link.opened') AS facts
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """How many messages lie there, how many links are opened from memory, and the even pace."""

    messages: int
    openings: int
    per_s: int
    seconds: float
    span: int = 1


async def measure(home: Path, wish: Wish) -> dict[str, Any]:
    """All figures."""
    program = counterpart.build(home / "tools", "knock")
    found: dict[str, Any] = {"messages": wish.messages, "openings": wish.openings}
    async with ground.open_shop(home, "redirect", wish.span) as shop:
        paths = await _fill(shop, wish.messages)
    paced = int(wish.per_s * wish.seconds)
    warm, fresh = paths[:WARM], paths[WARM + ROUNDS * paced :]
    rounds = [paths[WARM + n * paced : WARM + (n + 1) * paced] for n in range(ROUNDS)]

    def knock(port: int, some: Sequence[str], count: int, per_s: int = 0) -> dict[str, Any]:
        file = home / "paths"
        file.write_text("\n".join(some) + "\n", "ascii")
        command = [str(program), str(port), str(CONNECTIONS), str(count), str(per_s), str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def keep_pace(
        port: int, pid: int, server: int | None, some: Sequence[Sequence[str]]
    ) -> dict[str, Any]:
        """The middle of some rounds: one of them may fall on a moment of others' work."""
        knocks = [partial(knock, port, one, paced, wish.per_s) for one in some]
        done = [_spent(pid, server, work) for work in knocks]
        done.sort(key=lambda one: float(one["p99_ms"]))
        return done[len(done) // 2] | {"asked_per_s": wish.per_s}

    with _bare() as (port, pid):
        knock(port, warm, WARM)
        found["starlette_paced"] = keep_pace(port, pid, None, rounds)
        found["starlette"] = _spent(pid, None, lambda: knock(port, fresh, wish.openings))
    with _served(home) as (port, pid):
        server = ground.postgres_pid(home)
        knock(port, warm, len(warm))
        time.sleep(2)
        found["paced"] = keep_pace(port, pid, server, rounds)
        found["seen_paced"] = keep_pace(port, pid, server, rounds[-1:] * ROUNDS)
        found["database"] = _spent(pid, server, lambda: knock(port, fresh, len(fresh)))
        knock(port, fresh[-SEEN:], SEEN)
        found["memory"] = _spent(pid, server, lambda: knock(port, fresh[-SEEN:], wish.openings))
        opened = len(warm) + 2 * ROUNDS * paced + len(fresh) + SEEN + wish.openings
        found["written"] = await _written(home, opened, len(paths))
    return found


async def _fill(shop: ground.Shop, count: int) -> list[str]:
    """A campaign whose messages have gone; the paths of their links."""
    now, store, runtime = datetime.now(UTC), shop.store, shop.runtime
    plan = Plan(links=(Link(url="https://linden.example/sale"),))
    buckets = stores.buckets(store)
    async with db.transaction(runtime.pool) as tx:
        campaign = await campaigns.create(tx, store.id, "Bench", plan, None, now)
    ids = [runtime.ids.make(buckets[n % len(buckets)]) for n in range(count)]
    rows = (
        (bucket_of_id(one), store.id, one, one, "sms", "marketing", "offers", "campaign", 1,
         f"+37529{n:07}", "Sale", "ru", now, now, now, "campaign", "sent",
         datetime(2026, 1, 1, tzinfo=UTC), campaign)
        for n, one in enumerate(ids)
    )  # fmt: skip
    async with db.transaction(runtime.pool) as tx:
        await bulk.copy(tx, "message", COLUMNS, rows)
    async with runtime.pool.connection() as link:
        await link.set_autocommit(True)
        await link.execute("VACUUM (ANALYZE) message")
        await link.set_autocommit(False)
    return [f"/l/{token}" for token in links.tokens(store.id, ids, 0, runtime.link_key)]


@contextmanager
def _bare() -> Iterator[tuple[int, int]]:
    port = free_port()
    command = [sys.executable, "-m", "ringdove.bench.bare_redirect", str(port)]
    process = subprocess.Popen(command)
    try:
        _ready(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(READY_S_MAX)


@contextmanager
def _served(home: Path) -> Iterator[tuple[int, int]]:
    port = free_port()
    environ = {
        "RINGDOVE_HOME": str(home), "RINGDOVE_LISTEN_PORT": str(port),
        "RINGDOVE_LOG_LEVEL": "warning",
    }  # fmt: skip
    with (home / "processes.log").open("ab") as log:
        child = Child("serve", environ, log)
        try:
            _ready(port)
            yield port, child.pid
        finally:
            child.let_go()
            child.end()


def _ready(port: int) -> None:
    end = time.monotonic() + READY_S_MAX
    while time.monotonic() < end:
        with suppress(OSError):
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            link.request("GET", "/l/-")
            link.getresponse().read()
            return
        time.sleep(0.1)
    raise TimeoutError("the server did not become ready")


def _spent(pid: int, server: int | None, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the work told, and the CPU of the process and of PostgreSQL, µs an opening."""
    ours, theirs = ground.cpu_s(pid), ground.cpu_s(server) if server else 0.0
    (taken, whole), told = ground.stolen_s(), work()
    taken_then, whole_then = ground.stolen_s()
    told["stolen_percent"] = round(100 * (taken_then - taken) / max(whole_then - whole, 0.01), 1)
    time.sleep(
        TOLD_WITHIN_S
    )  # what it leaves to be written is its own cost, and not the next one's
    told["us_ours"] = round((ground.cpu_s(pid) - ours) * 1e6 / told["done"], 1)
    if server:
        told["us_postgres"] = round((ground.cpu_s(server) - theirs) * 1e6 / told["done"], 1)
    return told


async def _written(home: Path, clicks: int, facts: int) -> dict[str, Any]:
    """How much of what was opened is in the database, and how many facts; waits a little."""
    async with open_runtime(Settings(home=home)) as runtime:
        end = time.monotonic() + WRITTEN_S_MAX
        while True:
            async with db.transaction(runtime.pool) as tx:
                row = await (await tx.execute(COUNTED)).fetchone()
            assert row is not None
            is_all = row["clicks"] >= clicks and row["facts"] >= facts
            if is_all or time.monotonic() > end:
                return {"opened": clicks, "links": facts} | dict(row)
            await asyncio.sleep(0.2)


KINDS: Final = {
    "starlette": "a plain Starlette 302",
    "memory": "seen lately",
    "database": "from the database",
    "starlette_paced": "Starlette, even pace",
    "seen_paced": "seen lately, even pace",
    "paced": "from it, even pace",
}


def table(found: dict[str, Any]) -> str:
    """The same for people."""
    bare = found["starlette"]
    lines = [
        ground.machine_line(found["machine"]), "",
        f"{'':26}{'a second':>12}{'of Starlette':>14}{'p50 ms':>9}{'p99 ms':>9}{'our µs':>9}"
        f"{'db µs':>8}{'stolen':>9}",
    ]  # fmt: skip
    for name, words in KINDS.items():
        one, beside = found[name], bare if "paced" not in name else found["starlette_paced"]
        lines.append(
            f"{words:26}{one['per_s']:>12,}{ratio(one, beside):>14}{one['p50_ms']:>9}"
            f"{one['p99_ms']:>9}{one['us_ours']:>9}{one.get('us_postgres', ''):>8}"
            f"{one['stolen_percent']:>7} %"
        )
    told = found["written"]
    lines += [
        "",
        f"{told['clicks']:,} of {told['opened']:,} clicks written,"
        f" {told['facts']:,} facts of {told['links']:,} links opened",
    ]
    return "\n".join(lines)


def ratio(one: dict[str, Any], bare: dict[str, Any]) -> str:
    """Our CPU for an opening, in times of the yardstick's: others who use the machine do not
    change it."""
    return f"{one['us_ours'] / bare['us_ours']:.2f}"
