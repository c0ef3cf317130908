"""Automations rehearsed over a month of facts: what each would have done, and in what time.

The month is as a shop's is: most facts are visits, some are carts, a few are orders with what
follows of them. Beside each rehearsal, from the same run: reading its facts into memory alone.
"""

import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from zlib import crc32

from psycopg import AsyncConnection

from ringdove.bench import people_ground
from ringdove.bench.ground import Shop, cpu_s, open_shop, postgres_pid
from ringdove.bench.people_ground import Person
from ringdove.kit import db
from ringdove.kit.buckets import BUCKETS, INDEX_OF, id_floor
from ringdove.records.automations import automation_numbers
from ringdove.rules import facts
from ringdove.rules.automations.plans import plan_of
from ringdove.rules.scenes import Store
from ringdove.workers.automations import rehearsing

MONTH = timedelta(days=30)
CHUNK = 20_000
PEOPLE_SHARE = 0.2  # of the number of facts
RECIPES = ("order_unpaid", "cart_left", "browse_left")
FACTS = "COPY fact (bucket, store_id, id, connection_id, source_key, kind, at, heard_at, body)"
REFS = "COPY contact_ref (bucket, store_id, kind, value, contact_id, row_id)"
WAITING = """
INSERT INTO enrollment (bucket, store_id, id, recipe, subject, contact_id, version, place, state,
  trigger, started_at, wake_at)
SELECT %(bucket)s, %(store_id)s, %(floor)s + (g::bigint << 7) + %(place)s, 'cart_left',
  'cart/w' || g || '/' || %(place)s || '/left', %(floor)s + (g::bigint << 7) + %(place)s, 0,
  CASE WHEN g %% 3 = 0 THEN 'pause2' ELSE 'pause' END, 'waiting', '{"kind": "cart.changed"}',
  %(now)s, %(now)s
FROM generate_series(1, %(n)s) g
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to measure with."""

    facts: int
    recipes: Sequence[str] = RECIPES
    waiting: int = 1_000_000
    span: int = 1


async def measure(home: Path, wish: Wish) -> dict[str, Any]:
    """Seconds for each rehearsal, and for the numbers on the steps of an automation."""
    async with open_shop(home, "Rehearsed", wish.span) as shop:
        until = people_ground.now()
        await _fill(shop, wish, until)
        told: dict[str, Any] = {"facts": wish.facts, "span": wish.span, "waiting": wish.waiting}
        told["recipes"] = [await _rehearsed(home, shop, one, until) for one in wish.recipes]
        if wish.waiting:
            told |= await _numbers(shop, wish, until)
        return told


async def _rehearsed(home: Path, shop: Shop, recipe: str, until: datetime) -> dict[str, Any]:
    plan = plan_of(recipe, None)
    assert plan is not None
    server, began, spent = postgres_pid(home), time.monotonic(), time.process_time()
    before = cpu_s(server)
    sums = await rehearsing.rehearse(shop.runtime, shop.store, plan, until - MONTH, until)
    found = sums.document()
    return {
        "recipe": recipe, "s": round(time.monotonic() - began, 2),
        "cpu_s": round(time.process_time() - spent, 2),
        "postgres_cpu_s": round(cpu_s(server) - before, 2), "heard": found["facts"],
        "people": found["people"], "began": found["began"], "texts": found["texts"],
        "broken": found["broken"],
    }  # fmt: skip


async def _numbers(shop: Shop, wish: Wish, now: datetime) -> dict[str, Any]:
    store = shop.store
    buckets = [BUCKETS[(store.bucket_base + n) % 128] for n in range(store.bucket_span)]
    async with db.transaction(shop.runtime.pool) as tx:
        await tx.execute("SET LOCAL statement_timeout = 0")
        for bucket in buckets:
            await tx.execute(WAITING, {
                "bucket": bucket, "place": INDEX_OF[bucket], "store_id": store.id, "now": now,
                "floor": id_floor(now - timedelta(days=1)), "n": wish.waiting // len(buckets),
            })  # fmt: skip
    async with await AsyncConnection.connect(shop.runtime.database_url, autocommit=True) as link:
        await link.execute("VACUUM (ANALYZE) enrollment")
    told = {}
    for name in ("numbers_s", "numbers_kept_s"):
        began = time.monotonic()
        found = await automation_numbers.of_one(
            shop.runtime.pool, store, "cart_left", now - MONTH, now
        )
        told[name] = round(time.monotonic() - began, 4)
    assert found.waiting == wish.waiting // len(buckets) * len(buckets)
    return told


# ------------------------------------------------------------------ the month


async def _fill(shop: Shop, wish: Wish, until: datetime) -> None:
    store, url = shop.store, shop.runtime.database_url
    count = max(1_000, int(wish.facts * PEOPLE_SHARE))
    await people_ground.fill(url, store, count, until, orders=False)
    people = list(people_ground.people(store, count, until))
    chance = random.Random(7)
    source = islice(_month(people, until, chance), wish.facts)
    n = 0
    async with await AsyncConnection.connect(url, autocommit=True) as link:
        while chunk := list(islice(source, CHUNK)):
            lines = [_line(store, one, n + i) for i, (one, _) in enumerate(chunk)]
            refs = [line for _, line in chunk if line]
            n += len(chunk)
            async with link.cursor().copy(f"{FACTS} FROM STDIN") as out:
                await out.write("".join(lines))
            async with link.cursor().copy(f"{REFS} FROM STDIN") as out:
                await out.write("".join(_ref(store, *one) for one in refs))
        await link.execute("VACUUM (ANALYZE) fact, contact_ref")


Ref = tuple[str, str, int]  # kind, value, contact


def _month(
    people: Sequence[Person], until: datetime, chance: random.Random
) -> Iterator[tuple[facts.Fact, Ref | None]]:
    """What happens in a month: visits, some of which lead to a cart, some of which to an order."""
    roll, k = chance.random, 0
    while True:
        k += 1
        who = people[int(roll() ** 2 * len(people))]
        at = until - MONTH + MONTH * roll()
        customer = {"phone": who.phone, "country": who.country}
        good = int(roll() ** 2 * 4_000)
        goods = {"sku": f"sku-{good}", "category": f"category {good % 40}"}
        line = {"name": f"Goods {good}", "price": f"{5 + good % 90}.90"} | goods
        for look in range(1 + int(roll() * 8)):
            seen = at + timedelta(minutes=look)
            yield facts.VisitMade(
                id=f"v{k}/{look}", at=seen, customer=customer, page=f"/goods/{good}", **goods
            ), None  # fmt: skip
        if roll() > 0.3:
            continue
        for change in range(1 + int(roll() * 3)):
            changed = at + timedelta(minutes=20 + change)
            yield (
                facts.CartChanged(
                    id=f"c{k}/{change}", at=changed, cart=f"c{k}", customer=customer,
                    lines=[line] * (change + 1), total=line["price"],
                    url=f"https://linden.example/cart/{k}",
                ),
                None if change else ("cart", f"c{k}", who.id),
            )  # fmt: skip
        if roll() < 0.5:
            yield from _order(k, who, at + timedelta(minutes=30), customer, line, roll() < 0.7)


def _order(
    k: int, who: Person, at: datetime, customer: Mapping[str, str], line: Mapping[str, str],
    is_paid: bool,
) -> Iterator[tuple[facts.Fact, Ref | None]]:  # fmt: skip
    key = f"o{k}"
    order = {
        "key": key, "placed_at": at, "total": line["price"], "currency": "BYN", "lines": [line],
        "customer": customer, "cart": f"c{k}", "payment_url": f"https://linden.example/pay/{k}",
    }  # fmt: skip
    yield facts.OrderPlaced(id=f"{key}/placed", at=at, order=order), ("order", key, who.id)
    if not is_paid:
        return
    yield facts.PaymentReceived(id=f"{key}/paid", at=at + timedelta(hours=1), order=key), None
    for n, state in enumerate(("accepted", "in_transit", "delivered")):
        moved = at + timedelta(days=1 + n)
        yield facts.ParcelMoved(id=f"{key}/{state}", at=moved, order=key, state=state), None


def _line(store: Store, fact: facts.Fact, n: int) -> str:
    place = crc32(fact.subject().encode()) % store.bucket_span
    bucket = BUCKETS[(store.bucket_base + place) % 128]
    row_id = id_floor(fact.at) | (n & 32_767) << 7 | INDEX_OF[bucket]
    kind: str = fact.kind  # type: ignore[attr-defined]
    body = json.dumps(fact.model_dump(mode="json", exclude_defaults=True) | {"kind": kind})
    body = body.replace("\\", "\\\\")
    return (
        f"{bucket}\t{store.id}\t{row_id}\t1\t{fact.id}\t{kind}\t{fact.at}\t{fact.at}\t{body}\n"
    )  # fmt: skip


def _ref(store: Store, kind: str, value: str, contact: int) -> str:
    place = crc32(f"{kind}/{value}".encode()) % store.bucket_span
    bucket = BUCKETS[(store.bucket_base + place) % 128]
    return f"{bucket}\t{store.id}\t{kind}\t{value}\t{contact}\t{contact + 1}\n"


def table(found: Mapping[str, Any]) -> str:
    """For people."""
    lines = [f"{found['facts']:>12,} facts of a month in {found['span']} buckets"]
    lines += [
        f"{one['s']:>12.2f} s  {one['recipe']}: {one['heard']:,} facts of {one['people']:,} people"
        f" heard, {one['began']:,} runs, {one['texts']:,} texts; CPU {one['cpu_s']} s and"
        f" PostgreSQL's {one['postgres_cpu_s']} s"
        for one in found["recipes"]
    ]
    if "numbers_s" in found:
        lines += [
            f"{found['numbers_s'] * 1000:>12.1f} ms numbers on steps, {found['waiting']:,} waiting",
            f"{found['numbers_kept_s'] * 1000:>12.1f} ms the same again, kept",
        ]
    return "\n".join(lines)
