"""Automations under load: facts answered with twenty of them on, a crowd of runs that is due at one
time while orders go on coming, a crowd told that its time has come. `ringdove bench automations`.

The waiting runs are made in the database itself in one go; what is measured is the product's own.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from ringdove.bench import floor, ground, latency, mix, react, report
from ringdove.bench.ground import Shop
from ringdove.kit import db
from ringdove.kit.buckets import BUCKETS, EPOCH_MS
from ringdove.records import facts as fact_records
from ringdove.records.automations import automations
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.rules.automations.journeys import ClockStrikes, DateComes, Journey
from ringdove.rules.automations.plans import Automation
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.wait import Wait
from ringdove.runtime import open_runtime
from ringdove.settings import Settings
from ringdove.workers import react as answering
from ringdove.workers.automations import triggers

ON = 20  # automations of facts that are on
ORDER_EVERY_S = 0.2
MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Wish:
    """What is measured."""

    facts: int
    waiting: int
    due: int
    people: int  # for whom a clock strikes
    seconds: float  # of events at an even pace
    per_s: int
    span: int = 1
    runs: int = 1
    processes: int = 2  # that answer


# ------------------------------------------------------------------ switched on


async def switch(shop: Shop, is_on: bool) -> int:
    """Twenty ready automations that facts begin, on or off and all others off; how many are on."""
    heard = [key for key, one in RECIPES.items() if one.trigger.on == "fact"]
    wanted = heard[:ON] if is_on else []
    now = datetime.now(UTC)
    async with db.transaction(shop.runtime.pool) as tx:
        for key in RECIPES:
            own = Automation(is_on=key in wanted, version=1)
            await automations.save(tx, shop.store.id, key, own, now, None)
    return len(wanted)


async def answer(home: Path, wish: Wish, name: str, is_on: bool) -> react.Answered:
    """The usual facts of a shop, answered with them and without."""
    told = mix.told(wish.facts, datetime.now(UTC))
    async with ground.open_shop(home, name, wish.span) as shop:
        await switch(shop, is_on)
        with ground.meter(home) as heard:
            await react.hear(shop, told)
        answered = await _answered(home, shop, wish.processes)
        messages = await floor.messages_made(shop)
        bare = await floor.measure(shop, told, messages, home)
    return react.Answered(len(told), messages, heard, answered, bare)


async def _answered(
    home: Path, shop: Shop, processes: int, beside: asyncio.subprocess.Process | None = None
) -> ground.Spent:
    """All that is due, answered by so many processes; of all of them the CPU. `beside`: another
    process that is told when it begins."""
    others = [await _begun(home, "help_answer") for _ in range(processes - 1)]
    before = sum(ground.cpu_s(one.pid) for one in others)
    with ground.meter(home) as spent:
        for one in (*others, beside):
            if one:
                _tell(one)
        await answering.answer_due(shop.runtime)
        for one in others:
            await _said(one)
    spent.ours_s += sum(ground.cpu_s(one.pid) for one in others) - before
    for one in others:
        _tell(one)
        await one.wait()
    return spent


# ------------------------------------------------------------------ processes beside this one


async def _begun(home: Path, work: str, *more: str) -> asyncio.subprocess.Process:
    """Another process that is ready to do one of the works below once it is told to."""
    pipe = asyncio.subprocess.PIPE
    said = f"from ringdove.bench import automations as one; one.{work}()"
    found = await asyncio.create_subprocess_exec(
        sys.executable, "-c", said, str(home), *more, stdin=pipe, stdout=pipe
    )
    await _said(found)
    return found


def _tell(one: asyncio.subprocess.Process) -> None:
    assert one.stdin
    one.stdin.write(b"go\n")


async def _said(one: asyncio.subprocess.Process) -> bytes:
    assert one.stdout
    return await one.stdout.readline()


def help_answer() -> None:
    """Answers what is due, once it is told to. The home is the first word."""

    async def work() -> None:
        async with open_runtime(Settings(home=Path(sys.argv[1]))) as runtime:
            print("ready", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            await answering.answer_due(runtime)
            print("done", flush=True)
            await asyncio.to_thread(sys.stdin.readline)

    report.quiet()
    report.run(work())


def help_order() -> None:
    """Orders something every now and then, from when it is told to begin until it is told to end;
    says the seconds from each order to its answer. The second word is the store's number."""

    async def work() -> None:
        async with open_runtime(Settings(home=Path(sys.argv[1]))) as runtime:
            async with db.transaction(runtime.pool) as tx:
                store = await stores.find(tx, int(sys.argv[2]))
            assert store
            print("ready", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            told = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
            found: list[float] = []
            while not told.done():
                if seconds := await _ordered(Shop(runtime, store, 0), len(found), told):
                    found.append(seconds)
                await asyncio.sleep(ORDER_EVERY_S)
            print(json.dumps(found), flush=True)

    report.quiet()
    report.run(work())


# An answer's rows are one transaction: who has ordered is known when their text waits to be sent.
KNOWN = """
SELECT FROM contact_ref r WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s
  AND r.kind = 'phone' AND r.value = %(phone)s
"""


async def _ordered(shop: Shop, n: int, told: "asyncio.Future[str]") -> float | None:
    """The seconds until an order was answered; None: it was told to end before."""
    phone, at, runtime = f"+375333{n:06}", datetime.now(UTC), shop.runtime
    order = {"key": f"p{n}", "placed_at": at, "customer": {"phone": phone, "country": "BY"}}
    fact = facts.OrderPlaced.model_validate({"id": f"p{n}", "at": at, "order": order})
    given = {"bucket": stores.of_key(shop.store, f"phone/{phone}"), "store_id": shop.store.id}
    began_s = time.perf_counter()
    async with db.transaction(runtime.pool) as tx:
        await fact_records.write(tx, shop.store, 1, [fact], at, runtime.ids)
    while not told.done():
        await asyncio.sleep(0.01)
        async with db.transaction(runtime.pool) as tx:
            cursor = await tx.execute(KNOWN, given | {"phone": phone})
            if await cursor.fetchone() is not None:
                return time.perf_counter() - began_s
    return None


# ------------------------------------------------------------------ a crowd that waits

REMINDER = Journey(
    key="own_1", trigger=DateComes(), topic="service", valid_for=366 * 86_400,
    steps=(
        Wait(id="pause", seconds=86_400),
        Send(id="say", text="reminder", klass="marketing", guard="unbought"),
    ),
)  # fmt: skip
GREETING = Journey(
    key="own_2", trigger=ClockStrikes(every="day"), topic="service",
    steps=(Send(id="say", text="reminder"),),
)  # fmt: skip
TEXTS = {"en": {"reminder": {"sms": "{{ store.name }}: it is time to feed your plants."}}}

# Ids made an hour ago: milliseconds, fifteen bits that tell rows of one apart, then the bucket.
ID = """((%(ms)s::bigint + n / 32768) << 22) | ((n %% 32768) << 7)
  | ((%(base)s::bigint + n %% %(span)s) %% 128)"""
PEOPLE = f"""
INSERT INTO contact (bucket, store_id, id, phone, name, country, zones, language, marketing,
  created_at)
SELECT (%(buckets)s::integer[])[p.id % 128 + 1], %(store_id)s, p.id,
  '+37529' || lpad(p.n::text, 7, '0'), 'Anna', 'BY', '{{Europe/Minsk}}', 'en', 'in', %(now)s
FROM (SELECT n, {ID} AS id FROM generate_series(1, %(people)s::bigint) n) p
""".replace("p.id % 128", "p.id %% 128")
RUNS = """
INSERT INTO enrollment (bucket, store_id, id, recipe, subject, contact_id, version, state, trigger,
  started_at, wake_at, place)
SELECT c.bucket, c.store_id, c.id, 'own_1', 'person/' || c.id || '/own_1', c.id, 1, 'waiting',
  jsonb_build_object('kind', 'automation.due', 'id', 'due/' || c.id, 'at', %(began)s::timestamptz,
    'automation', 'own_1', 'contact', c.id), %(began)s, w.at, 'pause'
FROM contact c CROSS JOIN LATERAL (
  SELECT CASE WHEN (c.id >> 7) %% (%(waiting)s / %(due)s) = 0 THEN %(now)s::timestamptz
    ELSE %(now)s::timestamptz + interval '1 day' * (1 + (c.id >> 7) %% 30) END AS at
) w
WHERE c.store_id = %(store_id)s
"""
WAKES = """
INSERT INTO fact (bucket, store_id, id, connection_id, source_key, kind, at, heard_at, body)
SELECT e.bucket, e.store_id, e.id, 0, 'enrollment/' || e.id, 'automation.woken', e.wake_at, %(now)s,
  jsonb_build_object('kind', 'automation.woken', 'id', 'enrollment/' || e.id, 'at', e.wake_at,
    'enrollment', e.id, 'contact', e.contact_id, 'place', 'pause')
FROM enrollment e WHERE e.store_id = %(store_id)s
"""
QUEUE = """
INSERT INTO pending_fact (bucket, store_id, fact_id, due_at, urgency)
SELECT e.bucket, e.store_id, e.id, e.wake_at, 1 FROM enrollment e WHERE e.store_id = %(store_id)s
"""
TABLES = "contact, enrollment, fact, pending_fact"
HOW_MANY = "SELECT count(*) AS n FROM pending_fact WHERE due_at <= %(now)s AND urgency = 1"


async def people(shop: Shop, count: int, now: datetime) -> None:
    """So many of the store."""
    ms = int((now - timedelta(hours=1)).timestamp() * 1000) - EPOCH_MS
    given = {
        "store_id": shop.store.id, "people": count, "now": now, "ms": ms,
        "base": shop.store.bucket_base, "span": shop.store.bucket_span,
        "buckets": db.numbers(BUCKETS),
    }  # fmt: skip
    async with db.transaction(shop.runtime.pool) as tx:
        await tx.execute("SET LOCAL statement_timeout = 0")
        await tx.execute(PEOPLE, given)


async def crowd(shop: Shop, wish: Wish) -> int:
    """So many people whose runs wait; how many of them are due now."""
    now = datetime.now(UTC)
    own = Automation(True, 1, texts=TEXTS, plan=REMINDER)
    async with db.transaction(shop.runtime.pool) as tx:
        await automations.save(tx, shop.store.id, "own_1", own, now, None)
    await people(shop, wish.waiting, now)
    given = {
        "store_id": shop.store.id, "now": now, "began": now - timedelta(days=1),
        "waiting": wish.waiting, "due": wish.due,
    }  # fmt: skip
    async with db.transaction(shop.runtime.pool) as tx:
        await tx.execute("SET LOCAL statement_timeout = 0")
        for statement in (RUNS, WAKES, QUEUE):
            await tx.execute(statement, given)
        row = await (await tx.execute(HOW_MANY, {"now": now})).fetchone()
    async with shop.runtime.pool.connection() as link:
        await link.set_autocommit(True)
        await link.execute("SET statement_timeout = 0")
        for table in TABLES.split(", "):
            await link.execute(f"VACUUM (ANALYZE) {table}".encode())
        await link.execute("RESET statement_timeout")
        await link.set_autocommit(False)
    assert row is not None
    return int(row["n"])


async def wake(home: Path, wish: Wish, name: str) -> dict[str, Any]:
    """All that are due at one time, answered while orders come in."""
    async with ground.open_shop(home, name, wish.span) as shop:
        due = await crowd(shop, wish)
        ordering = await _begun(home, "help_order", str(shop.store.id))
        spent = await _answered(home, shop, wish.processes, ordering)
        _tell(ordering)
        waits = [float(one) for one in json.loads(await _said(ordering))]
        await ordering.wait()
        messages = await floor.messages_made(shop)
    return {
        "waiting": wish.waiting, "due": due, "seconds": round(spent.wall_s, 1),
        "per_s": round(due / spent.wall_s), "texts": messages,
        "us_ours": round(spent.ours_s / due * 1e6, 1),
        "us_postgres": round(spent.postgres_s / due * 1e6, 1),
        "is_within_a_minute": spent.wall_s <= MINUTE_S,
        "orders": len(waits), "order_p50_ms": round(median(waits or [0]) * 1000),
        "order_worst_ms": round(max(waits, default=0) * 1000),
    }  # fmt: skip


# ------------------------------------------------------------------ a crowd that is told


async def strike(home: Path, wish: Wish, name: str) -> dict[str, Any]:
    """A clock that strikes for everybody, and a segment that everybody enters: told as facts."""
    found: dict[str, Any] = {"people": wish.people}
    async with ground.open_shop(home, name, wish.span) as shop:
        now = datetime.now(UTC)
        await people(shop, wish.people, now)
        own = Automation(True, 1, texts=TEXTS, plan=GREETING)
        begun = now - timedelta(days=1, hours=1)
        async with db.transaction(shop.runtime.pool) as tx:
            await automations.save(tx, shop.store.id, "own_2", own, begun, None)
        with ground.meter(home) as spent:
            told = await triggers.look(shop.runtime)
        with ground.meter(home) as idle:
            await triggers.look(shop.runtime)
    assert told == wish.people
    found |= {
        "told_per_s": round(told / spent.wall_s),
        "us_ours": round(spent.ours_s / told * 1e6, 1),
        "us_postgres": round(spent.postgres_s / told * 1e6, 1),
        "idle_look_ms": round((idle.ours_s + idle.postgres_s) * 1000, 1),
    }
    return found


# ------------------------------------------------------------------ all of it


async def measure(home: Path, wish: Wish) -> dict[str, Any]:
    """All figures, by name."""
    await answer(home, Wish(500, 0, 0, 0, 0, 0), "warm", True)
    found: dict[str, Any] = {"span": wish.span, "processes": wish.processes}
    for word, is_on in (("on", True), ("off", False)):
        done = [await answer(home, wish, f"{word} {n}", is_on) for n in range(wish.runs)]
        found[word] = react.summed_up(done)
    if wish.due:
        found["wake"] = await wake(home, wish, "wake")
    if wish.people:
        found["strike"] = await strike(home, wish, "strike")
    return found


async def measure_latency(home: Path, wish: Wish) -> dict[str, Any]:
    """From an event to the operator's wire with all of them on."""

    async def ready(shop: Shop) -> None:
        await switch(shop, True)

    return await latency.measure(home, wish.per_s, wish.seconds, "latency", ready)


def table(found: dict[str, Any]) -> str:
    """The same for people."""
    on, off = found["on"], found["off"]
    lines = [
        ground.machine_line(found["machine"]),
        f"{found['processes']} processes answer, {found['span']} buckets", "",
    ]  # fmt: skip
    lines.append(f"{'':34}{f'{ON} on':>12}{'all off':>12}")
    for name, words in (
        ("answered_per_s", "facts answered a second"),
        ("us_ours", "our CPU a fact, µs"),
        ("us_postgres", "PostgreSQL's CPU a fact, µs"),
        ("floor_per_s", "floor: bare COPY, a second"),
        ("times_the_floor", "times the floor"),
    ):
        lines.append(f"{words:34}{on[name]:>12,}{off[name]:>12,}")
    lines.append(f"({on['facts']:,} facts make {on['messages']:,} texts; median of {on['runs']})")
    if woken := found.get("wake"):
        lines += [
            "",
            f"{woken['waiting']:,} runs wait, {woken['due']:,} are due at one time: answered in"
            f" {woken['seconds']} s, {woken['per_s']:,} a second, {woken['texts']:,} texts;"
            f" {woken['us_ours']} + {woken['us_postgres']} µs each",
            f"each of {woken['orders']} orders that come meanwhile has its text after p50"
            f" {woken['order_p50_ms']} ms, worst {woken['order_worst_ms']} ms",
        ]
    if struck := found.get("strike"):
        lines.append(
            f"a clock strikes for {struck['people']:,}: {struck['told_per_s']:,} told a second;"
            f" a look at which nothing is due takes {struck['idle_look_ms']} ms of CPU"
        )
    if late := found.get("latency"):
        lines.append(
            f"event to submit_sm at {late['per_s']} a second: p50 {late['p50_ms']} ms,"
            f" p99 {late['p99_ms']} ms, worst {late['max_ms']} ms"
            f" ({late['arrived']} of {late['events']} arrived)"
        )
    return "\n".join(lines)
