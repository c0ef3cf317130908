"""From "start" to the outbox: how many personalised texts a second a campaign makes.

Everybody has a name and gets a code and a link of their own; parts are counted and the decision is
asked of each. Beside it in the same run the same rows once more by a raw COPY of finished lines:
what PostgreSQL alone takes for them. Memory is looked at after a tenth and at the end.
`python -m ringdove.bench.campaign --people 100000` runs it by itself.
"""

import argparse
import asyncio
import json
import os
import resource
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from ringdove.bench import stock
from ringdove.bench.ground import (
    Shop,
    machine,
    machine_line,
    meter,
    open_shop,
    temporary_home,
)
from ringdove.kit import db, memory
from ringdove.kit.buckets import INDEX_OF, buckets_of_store, id_floor
from ringdove.records.campaigns import campaign_progress, campaigns
from ringdove.records.campaigns.campaign_lines import BEGINS, COPY_MESSAGES, COPY_OUTBOX
from ringdove.records.offers import rewards
from ringdove.rules.campaigns.campaigns import Campaign, Link, Plan, Variant, When, Words
from ringdove.rules.consent.ways_in import Reward
from ringdove.workers.campaigns import campaigning

PEOPLE = 1_000_000
GOAL_PER_S: Final = 50_000
LOOK_EVERY_S = 0.05
RU = (
    "{{ customer.first_name }}, скидка 20% до воскресенья! Код {{ offer.code }}, всё здесь:"
    " {{ link }} Отказ: СТОП"
)
EN = (
    "{{ customer.first_name }}, 20% off until Sunday! Use code {{ offer.code }}:"
    " {{ link }} Reply STOP to leave"
)

# One in ten never agreed, one in fifty stopped; three languages; some thousands of names.
PEOPLE_OF = """
INSERT INTO contact (bucket, store_id, id, phone, name, language, country, zones, marketing,
  created_at, origin)
SELECT %(bucket)s, %(store_id)s, ((%(floor)s::bigint >> 7) + g) << 7 | %(place)s,
  '+37529' || lpad((g * 128 + %(place)s)::text, 7, '0'),
  (ARRAY['Anna','Olga','Ivan','Maria','Oleg','Nina','Piotr','Giulia'])[1 + g %% 8]
    || ' Koval' || g %% 4000,
  (ARRAY['ru','en','ru'])[1 + g %% 3], 'BY', '{Europe/Minsk}',
  CASE WHEN g %% 10 = 0 THEN 'none' WHEN g %% 50 = 1 THEN 'out' ELSE 'in' END,
  %(now)s, 'import'
FROM generate_series(1, %(people)s) g
"""
FRESH = "VACUUM (ANALYZE) contact"
ROWS = """
SELECT count(*) AS made, count(*) FILTER (WHERE state = 'waiting') AS queued FROM message
WHERE store_id = %(store_id)s
"""


async def measure(
    shop: Shop, home: Path, people: int, *, with_code: bool = True, asks: bool = False
) -> dict[str, Any]:
    """One campaign to so many people, and a raw COPY of the same rows. `asks`: for an opinion."""
    campaign = await _stage(shop, people, with_code, asks)
    memory.settle()  # as the process that gathers does
    rss: list[tuple[float, int]] = []
    watch = asyncio.create_task(_watch(shop, campaign, people, rss))
    with meter(home) as spent:
        assert await campaigning.gather(shop.runtime, shop.store, campaign)
    watch.cancel()
    async with db.transaction(shop.runtime.pool) as tx:
        row = await (await tx.execute(ROWS, {"store_id": shop.store.id})).fetchone()
        done = await campaign_progress.of(tx, shop.store, campaign)
    assert row is not None and done.queued == row["queued"] and done.is_gathered
    made = row["made"]
    raw_s = await _raw_copy(shop, home)
    return {
        "people": people,
        "messages": made,
        "queued": row["queued"],
        "seconds": round(spent.wall_s, 2),
        "per_s": round(made / spent.wall_s),
        "python_us": round(spent.ours_s / made * 1e6, 1),
        "postgres_us": round(spent.postgres_s / made * 1e6, 1),
        "raw_copy_s": round(raw_s, 2),
        "ratio_to_raw_copy": round(spent.wall_s / raw_s, 2),
        "memory_mb_at_a_tenth": _at_a_tenth(rss),
        "memory_mb_at_the_end": round(_rss() / 2**20),
        "memory_mb_most": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10),
    }


async def _stage(shop: Shop, people: int, with_code: bool, asks: bool) -> Campaign:
    store, now = shop.store, datetime.now(UTC)
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    async with db.transaction(shop.runtime.pool) as tx:
        for n, bucket in enumerate(buckets):
            count = people // len(buckets) + (1 if n < people % len(buckets) else 0)
            await tx.execute(PEOPLE_OF, {
                "bucket": bucket, "store_id": store.id, "place": INDEX_OF[bucket],
                "floor": id_floor(now - timedelta(days=100)), "people": count, "now": now,
            })  # fmt: skip
        offer = await rewards.create(
            tx, store.id,
            Reward(0, f"bench{store.id}", "Bench", "code", source="own", prefix="SALE"), now,
        )  # fmt: skip
        strip = "" if with_code else "{{ offer.code }}"
        leads = "{{ survey.link }}" if asks else "{{ link }}"
        said = {
            language: Words(sms=words.replace(strip, "").replace("{{ link }}", leads))
            for language, words in (("ru", RU), ("en", EN))
        }
        plan = Plan(
            occasion="sale", offer=offer if with_code else 0, holdout_percent=10,
            links=() if asks else (Link(),), when=When(for_hours=48),
            variants=tuple(Variant(name=name, words=said) for name in "AB"),
            survey="csat" if asks else "",
        )  # fmt: skip
        one = await campaigns.create(tx, store.id, "Bench", plan, None, now)
        await campaigns.begin(tx, store, one, now)
        await campaigns.move(tx, store.id, one, "running", now)
        campaign = await campaigns.find(tx, store.id, one)
    async with shop.runtime.pool.connection() as link:
        await link.set_autocommit(True)
        await link.execute(FRESH)
        await link.execute(stock.CHECKPOINT)
        await link.set_autocommit(False)
    assert campaign is not None
    return campaign


async def _watch(
    shop: Shop, campaign: Campaign, people: int, seen: list[tuple[float, int]]
) -> None:
    began = time.perf_counter()
    while True:
        seen.append((time.perf_counter() - began, _rss()))
        await asyncio.sleep(LOOK_EVERY_S)


def _rss() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _at_a_tenth(seen: list[tuple[float, int]]) -> int:
    ends = seen[-1][0] if seen else 0
    return round(next((rss for at, rss in seen if at >= ends / 10), 0) / 2**20)


# The same rows as they were written, read back as finished rows and written once more.
TABLES = {"message": COPY_MESSAGES, "outbox": COPY_OUTBOX}
TAKE = "COPY (SELECT {columns} FROM {table} WHERE store_id = {store_id}) TO STDOUT (FORMAT binary)"


async def _raw_copy(shop: Shop, home: Path) -> float:
    """Seconds for PostgreSQL alone: two connections, finished lines, the same tables."""
    lines: dict[str, list[bytes]] = {}
    async with db.transaction(shop.runtime.pool) as tx:
        for table, into in TABLES.items():
            columns = into[into.index("(") + 1 : into.index(")")]
            statement = TAKE.format(columns=columns, table=table, store_id=shop.store.id)
            async with tx.cursor().copy(statement.encode()) as out:
                lines[table] = [bytes(piece) async for piece in out]
            await tx.execute(f"DELETE FROM {table} WHERE store_id = {shop.store.id}".encode())
    async with shop.runtime.pool.connection() as link:
        await link.set_autocommit(True)
        for table in TABLES:
            await link.execute(f"VACUUM {table}".encode())
        await link.set_autocommit(False)
    began = time.perf_counter()

    async def write(part: int) -> None:
        async with db.transaction(shop.runtime.pool) as tx:
            for table, into in TABLES.items():
                async with tx.cursor().copy(into.encode()) as out:
                    half = len(lines[table]) // 2
                    own = lines[table][:half] if part == 0 else [BEGINS, *lines[table][half:]]
                    for begin in range(0, len(own), 500):
                        await out.write(b"".join(own[begin : begin + 500]))

    await asyncio.gather(write(0), write(1))
    return time.perf_counter() - began


def table(found: dict[str, Any]) -> str:
    """For people."""
    goal = "reached" if found["per_s"] >= GOAL_PER_S else "missed"
    return "\n".join((
        f"Campaign · {machine_line(found['machine'])}",
        f"  {found['people']:,} people, {found['queued']:,} texts queued, the others told why not",
        f"  {found['seconds']} s: {found['per_s']:,}/s (goal {GOAL_PER_S:,}/s: {goal})",
        f"  CPU a message: Python {found['python_us']} µs, PostgreSQL {found['postgres_us']} µs",
        f"  raw COPY of the same rows {found['raw_copy_s']} s: {found['ratio_to_raw_copy']} times",
        f"  memory {found['memory_mb_at_a_tenth']} MB after a tenth,"
        f" {found['memory_mb_at_the_end']} MB at the end",
    ))  # fmt: skip


def run(
    people: int = PEOPLE, span: int = 16, with_code: bool = True, asks: bool = False
) -> dict[str, Any]:
    """On a database made for it."""

    async def whole(home: Path) -> dict[str, Any]:
        async with open_shop(home, "Campaign", span) as shop:
            return await measure(shop, home, people, with_code=with_code, asks=asks)

    about = machine()
    with temporary_home() as home:
        found = asyncio.run(whole(home))
    return {"machine": about, "span": span, "asks": asks, **found}


if __name__ == "__main__":
    asked = argparse.ArgumentParser()
    asked.add_argument("--people", type=int, default=PEOPLE)
    asked.add_argument("--span", type=int, default=16)
    asked.add_argument("--no-code", action="store_true")
    asked.add_argument("--asks", action="store_true")
    wish = asked.parse_args()
    told = run(wish.people, wish.span, not wish.no_code, wish.asks)
    print(table(told))
    print(json.dumps(told))
