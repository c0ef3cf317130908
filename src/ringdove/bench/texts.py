"""How fast texts from people are answered: `ringdove bench texts`.

Customers have an order on its way, a third of them two, half of them were asked for their opinion.
They ask where the order is, send scores, complain, thank and say other things: a backlog of that is
answered by workers/react; then texts come at an even pace while it runs, and the time is taken from
the text's commit until what follows from it can be read.
"""

import asyncio
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import quantiles
from typing import Any

from ringdove.bench import ground
from ringdove.bench import react as answering
from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.rules import facts
from ringdove.workers import react

LOOK_EVERY_S = 0.005
QUIET_S_MAX = 20.0
# What people write, and how often of a hundred.
SAID = (
    (35, ("Где мой заказ?", "Когда приедет курьер?", "Dov'è il mio ordine?", "где посылка")),
    (30, ("5", "4, долго ждали", "пять", "3/5", "Пятёрка! Спасибо большое")),
    (10, ("Чашка пришла разбитая", "Привезли не тот цвет, хочу вернуть")),
    (10, ("Спасибо, всё пришло", "Grazie mille")),
    (15, ("А есть такой же синий?", "Позвоните мне вечером", "Вы работаете в субботу?")),
)
ASKED = """
INSERT INTO survey_answer (bucket, store_id, id, contact_id, survey, asked_at, until, order_id,
  language)
SELECT o.bucket, o.store_id, o.id + 64 * 128, o.contact_id, 'csat', %(now)s, %(now)s + '3 days',
  o.id, 'ru'
FROM purchase_order o
WHERE o.store_id = %(store_id)s AND o.number LIKE '%%1' AND abs(hashint8(o.id)) %% 2 = 0
"""
FRESH = "VACUUM (ANALYZE) contact, contact_ref, purchase_order, parcel, survey_answer, enrollment"
HEARD = "SELECT count(*) AS n FROM inbound WHERE store_id = %(store_id)s"
HOW = """
SELECT coalesce(nullif(handled, ''), 'a person') AS how, count(*) AS n FROM inbound
WHERE store_id = %(store_id)s GROUP BY 1 ORDER BY 2 DESC
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """How much of it."""

    texts: int
    people: int
    span: int
    per_s: int
    seconds: float


async def measure(home: Path, wish: Wish) -> dict[str, Any]:
    """A backlog, and an even pace."""
    async with ground.open_shop(home, f"texts {wish.span}", wish.span) as shop:
        await _fill(shop, wish)
        told = _texts(wish, wish.texts, 1)
        await answering.hear(shop, told)
        with ground.meter(home) as spent:
            await react.answer_due(shop.runtime)
        found = {
            "texts": wish.texts, "people": wish.people, "span": wish.span,
            "texts_per_s": round(wish.texts / spent.wall_s),
            "us_ours": round(spent.ours_s / wish.texts * 1e6, 1),
            "us_postgres": round(spent.postgres_s / wish.texts * 1e6, 1),
            "answered_by": await _how(shop),
        }  # fmt: skip
        if wish.seconds:
            found["latency"] = await _paced(shop, wish)
    return found


async def _fill(shop: ground.Shop, wish: Wish) -> None:
    """People with orders under way, as a shop tells them, and who of them was asked."""
    now = datetime.now(UTC)
    told: list[facts.Fact] = []
    for n in range(wish.people):
        at = now - timedelta(days=2, seconds=n % 3600)
        for key in (f"{n}1", f"{n}2")[: 2 if n % 3 == 0 else 1]:
            order = facts.Order.model_validate({
                "key": key, "number": key, "placed_at": at, "total": Decimal("59.90"),
                "currency": "BYN", "lines": [{"name": "Чайник", "price": "59.90", "sku": "k1"}],
                "customer": {"phone": _phone(n), "name": f"Анна Коваль {n}", "country": "BY"},
            })  # fmt: skip
            told.append(facts.OrderPlaced(id=f"{key}/placed", at=at, order=order))
            told.append(
                facts.ParcelMoved.model_validate({
                    "id": f"{key}/moved", "at": at, "order": key, "state": "in_transit",
                    "number": f"RR{key}BY", "carrier": "Belpost",
                })
            )  # fmt: skip
    await answering.hear(shop, told)
    await react.answer_due(shop.runtime)
    async with db.transaction(shop.runtime.pool) as tx:
        await tx.execute(ASKED, {"store_id": shop.store.id, "now": now})
    async with shop.runtime.pool.connection() as link:
        await link.set_autocommit(True)
        await link.execute(FRESH)
        await link.set_autocommit(False)


def _phone(n: int) -> str:
    return f"+37529{1_000_000 + n}"


def _texts(wish: Wish, count: int, seed: int) -> list[facts.Fact]:
    """Each from somebody, now."""
    chance, at = random.Random(seed), datetime.now(UTC)
    groups = chance.choices([said for _, said in SAID], [often for often, _ in SAID], k=count)
    return [
        facts.TextReceived(
            id=f"text/{seed}/{n}", at=at, gateway=1, body=chance.choice(said),
            sender=_phone(chance.randrange(wish.people)),
        )
        for n, said in enumerate(groups)
    ]  # fmt: skip


async def _how(shop: ground.Shop) -> dict[str, int]:
    async with db.transaction(shop.runtime.pool) as tx:
        rows = await (await tx.execute(HOW, {"store_id": shop.store.id})).fetchall()
    return {row["how"]: row["n"] for row in rows}


async def _paced(shop: ground.Shop, wish: Wish) -> dict[str, Any]:
    """From a text's commit until what follows from it is committed, in milliseconds."""
    stop = asyncio.Event()
    work = asyncio.create_task(react.run(shop.runtime, stop))
    count = int(wish.per_s * wish.seconds)
    told, sent, seen = _texts(wish, count, 2), list[float](), list[float]()
    known = await _heard(shop)
    look = asyncio.create_task(_look(shop, known, count, seen))
    began = time.perf_counter()
    for n, fact in enumerate(told):
        await asyncio.sleep(max(0.0, began + n / wish.per_s - time.perf_counter()))
        async with db.transaction(shop.runtime.pool) as tx:
            await fact_records.write(
                tx, shop.store, 1, [fact], shop.runtime.clock(), shop.runtime.ids
            )
        sent.append(time.perf_counter())
    await look
    stop.set()
    await work
    # In which order a batch answers texts is all the same to its end.
    times = sorted((b - a) * 1000 for a, b in zip(sent, seen, strict=False))
    cuts = quantiles(times, n=100)
    return {
        "per_s": wish.per_s, "texts": count, "answered": len(seen), "p50_ms": round(cuts[49], 1),
        "p99_ms": round(cuts[98], 1), "max_ms": round(times[-1], 1),
    }  # fmt: skip


async def _look(shop: ground.Shop, known: int, count: int, seen: list[float]) -> None:
    """When the next text was seen to be answered."""
    end = time.perf_counter() + count + QUIET_S_MAX
    while len(seen) < count and time.perf_counter() < end:
        fresh = await _heard(shop) - known - len(seen)
        seen += [time.perf_counter()] * fresh
        await asyncio.sleep(LOOK_EVERY_S)


async def _heard(shop: ground.Shop) -> int:
    async with db.transaction(shop.runtime.pool) as tx:
        row = await (await tx.execute(HEARD, {"store_id": shop.store.id})).fetchone()
    return int(row["n"]) if row else 0


def table(found: dict[str, Any]) -> str:
    """For people."""
    how = ", ".join(f"{name} {n:,}" for name, n in found["answered_by"].items())
    lines = [
        f"Texts · {ground.machine_line(found['machine'])}",
        f"  {found['texts']:,} texts of {found['people']:,} people, {found['span']} bucket(s):"
        f" {found['texts_per_s']:,} a second",
        f"  CPU a text: Python {found['us_ours']} µs, PostgreSQL {found['us_postgres']} µs",
        f"  answered by: {how}",
    ]
    if late := found.get("latency"):
        lines.append(
            f"  at {late['per_s']} a second: p50 {late['p50_ms']} ms, p99 {late['p99_ms']} ms,"
            f" worst {late['max_ms']} ms ({late['answered']} of {late['texts']} answered)"
        )
    return "\n".join(lines)
