"""How fast people are found among a million: `ringdove bench people`.

What is typed is typed key by key, as the page asks: every key is a search of its own, through the
same call as page and API, all rows of the list read. Beside it stands a yardstick of the same run:
forty people read by their keys, which is what a page cannot do without.
"""

import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from psycopg import sql

from ringdove.bench import ground, people_deciding, people_ground, people_importing
from ringdove.kit import db
from ringdove.records.people import customers, search, search_fill
from ringdove.records.people.lookups import NO_END
from ringdove.web.people import people_list
from ringdove.web.people.people_list import Asked
from ringdove.workers.people import finding

PEOPLE_TYPED = 40  # of each kind, key by key
FILTERED = 30  # times each
PROBES = 300
WARM = 60  # searches before the clock runs
TABLES = "VACUUM (ANALYZE) contact, contact_search, contact_ref, purchase_order"
SIZES = """
SELECT pg_table_size('contact_search') AS rows, pg_relation_size('contact_search_signs') AS index,
  pg_table_size('contact') AS contacts
"""


# The yardsticks: the same rows bare, into a table without a key; all of them read once.
BARE = "CREATE UNLOGGED TABLE bare (LIKE contact INCLUDING STORAGE)"
NO_BARE = "DROP TABLE bare"
OUT = "COPY (SELECT c.* FROM contact c WHERE c.store_id = {store_id}) TO STDOUT (FORMAT binary)"
IN = "COPY bare FROM STDIN (FORMAT binary)"
READ = """
SELECT count(*) FROM contact c
WHERE c.store_id = %(store_id)s AND c.marketing = 'in' AND c.service = 'in'
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """How many people, in how many buckets; what else is measured."""

    people: int
    span: int
    seed: int = 1
    deciding: bool = True
    importing: bool = True


@dataclass(slots=True)
class Times:
    """Of one kind of search, in milliseconds: by the clock, and of CPU, which others who use the
    machine do not change."""

    took: list[tuple[float, float]] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """How often, the middle, the slowest hundredth, the slowest."""
        told: dict[str, Any] = {"n": len(self.took)}
        for place, end in ((0, ""), (1, "_cpu")):
            took = sorted(one[place] for one in self.took)
            told |= {
                f"p50{end}_ms": round(took[len(took) // 2], 2),
                f"p99{end}_ms": round(took[min(len(took) - 1, len(took) * 99 // 100)], 2),
                f"max{end}_ms": round(took[-1], 2),
            }
        return told


async def measure(home: Path, wish: Wish) -> dict[str, Any]:
    """All figures of a store that is made for it."""
    found: dict[str, Any] = {"people": wish.people, "span": wish.span}
    async with ground.open_shop(home, f"people {wish.span}", wish.span) as shop:
        await _fill(shop, home, wish, found)
        now = shop.runtime.clock()
        typed = list(_typed(shop, wish))
        filtered = list(_filtered(now))
        for _, asked in random.Random(wish.seed).sample(typed, min(WARM, len(typed))):
            await _ask(shop, asked)
        found["probe"] = await _probe(shop)
        kinds: dict[str, Times] = {}
        with ground.meter(home) as spent:
            for kind, asked in typed:
                kinds.setdefault(kind, Times()).took.append(await _ask(shop, asked))
        every = Times([one for times in kinds.values() for one in times.took])
        found["typed"] = {kind: times.told() for kind, times in kinds.items()}
        found["typed_all"] = every.told()
        found["typed_cpu_ms"] = {
            "ours": round(spent.ours_s * 1000 / len(typed), 2),
            "postgres": round(spent.postgres_s * 1000 / len(typed), 2),
        }
        by_filter: dict[str, Times] = {}
        for kind, asked in filtered:
            by_filter.setdefault(kind, Times()).took.append(await _ask(shop, asked))
        found["filters"] = {kind: times.told() for kind, times in by_filter.items()}
        found["filters_all"] = Times([m for t in by_filter.values() for m in t.took]).told()
        found["floor"] = await _floor(shop)
        if wish.deciding:
            found["deciding"] = await people_deciding.measure(shop)
    if wish.importing:
        async with ground.open_shop(home, "import", wish.span) as shop:
            found["importing"] = await people_importing.measure(shop, home, wish.people)
    return found


async def _floor(shop: ground.Shop) -> dict[str, float]:
    """Seconds that PostgreSQL takes for the same people as bare rows: by COPY, and to read all."""
    given = {"store_id": shop.store.id}
    async with shop.runtime.pool.connection() as link:
        with tempfile.TemporaryFile() as file:
            statement = sql.SQL(OUT).format(store_id=sql.Literal(shop.store.id))
            async with link.cursor().copy(statement) as out:
                async for some in out:
                    file.write(some)
            file.seek(0)
            await link.execute(BARE)
            began = time.perf_counter()
            async with link.cursor().copy(IN) as into:
                while some := file.read(1 << 20):
                    await into.write(some)
            copied = time.perf_counter()
            await link.execute(NO_BARE)
        read = time.perf_counter()
        await link.execute(READ, given)
        return {
            "copy_s": round(copied - began, 2),
            "read_s": round(time.perf_counter() - read, 2),
        }


async def _fill(shop: ground.Shop, home: Path, wish: Wish, found: dict[str, Any]) -> None:
    """The people, and what they are found by."""
    runtime, store = shop.runtime, shop.store
    began = time.perf_counter()
    filled = await people_ground.fill(
        runtime.database_url, store, wish.people, people_ground.now(), seed=wish.seed
    )
    found["orders"] = filled.orders
    found["filled_s"] = round(time.perf_counter() - began, 1)
    async with db.transaction(runtime.pool) as tx:
        await search_fill.ask(tx, store)
    with ground.meter(home) as spent:
        await finding.fill(runtime, store)
    found["findable_per_s"] = round(wish.people / spent.wall_s)
    found["findable_us"] = {
        "ours": round(spent.ours_s / wish.people * 1e6, 1),
        "postgres": round(spent.postgres_s / wish.people * 1e6, 1),
    }
    async with runtime.pool.connection() as link:
        await link.set_autocommit(True)
        await link.execute(TABLES)
        await link.set_autocommit(False)
    async with db.transaction(runtime.pool) as tx:
        row = await (await tx.execute(SIZES)).fetchone()
        assert row is not None
        found["bytes_each"] = {name: round(size / wish.people) for name, size in row.items()}


async def _ask(shop: ground.Shop, asked: Asked) -> tuple[float, float]:
    """Milliseconds of one search, from before its transaction to after it."""

    async def find(tx: db.Tx) -> None:
        now = shop.runtime.clock()
        await people_list.find(tx, shop.store, asked, now, NO_END, customers.ROWS, masked=False)

    return await _timed(shop, find)


async def _timed(
    shop: ground.Shop, work: Callable[[db.Tx], Awaitable[object]]
) -> tuple[float, float]:
    began, ours = time.perf_counter(), time.thread_time()
    async with db.transaction(shop.runtime.pool) as tx:
        pid = tx.info.backend_pid
        theirs = _ran_s(pid)
        await work(tx)
    cpu_s = time.thread_time() - ours + _ran_s(pid) - theirs
    return (time.perf_counter() - began) * 1000, cpu_s * 1000


def _ran_s(pid: int) -> float:
    """How long a process was on a core, to the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[0]) / 1e9


async def _probe(shop: ground.Shop) -> dict[str, Any]:
    """Forty people by their keys, again and again others."""
    times = Times()
    async with db.transaction(shop.runtime.pool) as tx:
        ids = await customers.newest(tx, shop.store, most=customers.ROWS * PROBES)
    for n in range(PROBES):
        some = ids[n :: max(1, len(ids) // customers.ROWS)]
        read = partial(search.rows, store=shop.store, contact_ids=some)
        times.took.append(await _timed(shop, read))
    return times.told()


# ------------------------------------------------------------------ what is typed


def _typed(shop: ground.Shop, wish: Wish) -> Iterator[tuple[str, Asked]]:
    """Every key of what somebody types to find people who are there, and some who are not."""
    chance = random.Random(wish.seed + 1)
    places = set(chance.sample(range(wish.people), min(wish.people, PEOPLE_TYPED * 8)))
    source = people_ground.people(shop.store, wish.people, people_ground.now(), wish.seed)
    known = [person for person in source if person.n in places]
    chance.shuffle(known)
    some = iter(known * 2)
    for kind, write in WAYS.items():
        made = 0
        while made < PEOPLE_TYPED:
            if text := write(next(some), chance):
                made += 1
                yield from ((kind, Asked(q=text[:n])) for n in range(1, len(text) + 1))
    for text in ("+375", "anna", "29", "а", "gmail", "375", "L-", "zzyx", "+999", "qwx 123"):
        yield from (("common or nobody", Asked(q=text)) for _ in range(10))


def _at_home(person: people_ground.Person, chance: random.Random) -> str:
    if person.country != "BY":
        return person.phone
    code, rest = person.phone[4:6], person.phone[6:]
    return f"8 (0{code}) {rest[:3]}-{rest[3:5]}-{rest[5:]}"


WAYS: dict[str, Callable[[people_ground.Person, random.Random], str]] = {
    "name": lambda one, _: one.name.lower(),
    "family, then name": lambda one, _: " ".join(reversed(one.name.split())),
    "number as dialled": _at_home,
    "last digits": lambda one, _: one.phone[-5:],
    "part of a number": lambda one, chance: one.phone[(n := chance.randint(3, 6)) : n + 5],
    "e-mail": lambda one, _: one.email,
    "order": lambda one, _: f"L-{one.n * 9}" if one.orders else "",
}


def _filtered(now: Any) -> Iterator[tuple[str, Asked]]:
    def day(days: int) -> str:
        return str((now - timedelta(days=days)).date())

    sets = {
        "may get offers": Asked(offers="in"),
        "said no, Spanish": Asked(offers="out", language="es"),
        "not confirmed, Polish, Łódź": Asked(offers="asked", country="PL", city="Łódź"),
        "city": Asked(city="Владивосток"),
        "nowhere": Asked(city="Atlantis"),
        "left a topic": Asked(topic="topic/loyalty"),
        "own field": Asked(field="size", value="42"),
        "never ordered": Asked(ordered="no"),
        "ordered in 30 days": Asked(ordered_since=day(30)),
        "not since 300 days": Asked(not_ordered_since=day(300)),
        "seen in 7 days": Asked(seen_since=day(7)),
        "to be settled": Asked(doubtful=True),
        "paused": Asked(paused=True),
        "Anna, offers, Belarus": Asked(q="anna", offers="in", country="BY"),
    }
    for kind, asked in sets.items():
        yield from ((kind, asked) for _ in range(FILTERED))


# ------------------------------------------------------------------ told


def table(found: dict[str, Any]) -> str:
    """The same for people."""
    lines = [
        ground.machine_line(found["machine"]),
        f"{found['people']:,} people with {found['orders']:,} orders, {found['span']} bucket(s)",
        "",
        f"{'':34}{'n':>7}{'p50 ms':>9}{'p99 ms':>9}{'worst':>9}{'CPU p50':>9}{'p99':>9}",
    ]
    rows = {"forty people by their keys": found["probe"], **found["typed"]}
    rows |= {"all that was typed": found["typed_all"], **found["filters"]}
    rows |= {"all filters": found["filters_all"]}
    for name, one in rows.items():
        lines.append(
            f"{name:34}{one['n']:>7,}{one['p50_ms']:>9}{one['p99_ms']:>9}{one['max_ms']:>9}"
            f"{one['p50_cpu_ms']:>9}{one['p99_cpu_ms']:>9}"
        )
    lines += [
        "",
        f"made findable: {found['findable_per_s']:,} people a second"
        f" ({found['findable_us']['ours']} + {found['findable_us']['postgres']} µs of CPU each,"
        " ours and PostgreSQL's)",
        f"bytes a person: {found['bytes_each']}",
        f"floor: {found['floor']['copy_s']} s for the same people as bare rows by COPY,"
        f" {found['floor']['read_s']} s to read them all",
    ]
    if deciding := found.get("deciding"):
        lines += ["", *people_deciding.lines(deciding)]
    if importing := found.get("importing"):
        lines += ["", people_importing.text(importing)]
    return "\n".join(lines)
