"""The decision for everybody at once, and for one after another: `ringdove bench people` calls it.

On a store that is filled already: half of its people got offers in the last month, a third bought
something. Asked is an offer of a category with a gap, on an evening, so that every rule has work.
The module can be run by itself: `python -m ringdove.bench.people_deciding --people 1000000`.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ringdove.bench import ground, people_ground
from ringdove.bench.ground import Shop
from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.records import scenes
from ringdove.records.consent import deciding
from ringdove.records.segments import histories
from ringdove.rules.consent import consent
from ringdove.rules.consent.consent import Draft
from ringdove.rules.policy import Gap, Policy
from ringdove.rules.scenes import Store

GOAL_S: Final = 5.0
RUNS: Final = 3
ONE_BY_ONE: Final = 20_000
RULE: Final = Policy(categories={"kettles": Gap(10, 60), "coats": Gap(5, 30)})

# From none to three offers each, spread over the month; every ninth is about kettles.
TOUCHES = """
INSERT INTO touch (bucket, store_id, contact_id, message_id, at, topic, category)
SELECT c.bucket, c.store_id, c.id, k, %(now)s - (((c.id >> 7) * 37 + k * 211) %% 720)
    * interval '1 hour', 'offers', CASE WHEN (c.id >> 7) %% 9 = 0 THEN 'kettles' ELSE '' END
FROM contact c CROSS JOIN generate_series(1, 3) k
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s AND c.marketing = 'in'
  AND (c.id >> 7) %% 4 >= k
"""
BOUGHT = """
INSERT INTO contact_category (bucket, store_id, contact_id, category, bought_at, orders)
SELECT c.bucket, c.store_id, c.id, CASE WHEN (c.id >> 7) %% 3 = 0 THEN 'kettles' ELSE 'coats' END,
  c.last_order_at, c.orders
FROM contact c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s AND c.orders > 0
"""
FRESH = "VACUUM (ANALYZE) contact, touch, contact_category"
SOME = """
SELECT c.* FROM contact c WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s
ORDER BY c.id LIMIT %(most)s
"""


async def measure(shop: Shop, now: datetime | None = None) -> dict[str, Any]:
    """Seconds for all people of the store as a set, and microseconds for one in Python."""
    now = now or datetime.now(UTC)
    store = replace(shop.store, policy=RULE)
    given = {"buckets": buckets_of_store(store.bucket_base, store.bucket_span), "now": now}
    await _past(shop, given | {"store_id": store.id})
    draft = Draft(
        "sms", "marketing", "offers", now, now + timedelta(days=2), category="kettles",
        occasion="bench",
    )  # fmt: skip
    runs, counts = [], deciding.Counts()
    for _ in range(RUNS):
        began = time.perf_counter()
        async with db.transaction(shop.runtime.pool) as tx:
            question = await deciding.ask(tx, store, draft, now)
        asked_s = time.perf_counter() - began
        counts = await deciding.counts(shop.runtime.pool, question)
        runs.append((time.perf_counter() - began, asked_s))
    whole_s, places_s = sorted(runs)[len(runs) // 2]
    return {
        "people": sum(counts.values()),
        "set_s": round(whole_s, 2),
        "of_it_places_s": round(places_s, 2),
        "every_s": [round(one, 2) for one, _ in runs],
        "verdicts": {f"{verdict} {reason}".strip(): n for (verdict, reason), n in counts.items()},
        "python_us": await _one_by_one(shop, store, draft, now, given),
    }


async def _past(shop: Shop, given: Mapping[str, Any]) -> None:
    async with db.transaction(shop.runtime.pool) as tx:
        await tx.execute("SET LOCAL statement_timeout = 0")
        await tx.execute(TOUCHES, given)
        await tx.execute(BOUGHT, given)
    async with shop.runtime.pool.connection() as link:
        await link.set_autocommit(True)
        try:
            await link.execute("SET statement_timeout = 0")
            await link.execute(FRESH)
            await link.execute("RESET statement_timeout")
        finally:
            await link.set_autocommit(False)


async def _one_by_one(
    shop: Shop, store: Store, draft: Draft, now: datetime, given: Mapping[str, Any]
) -> float:
    async with db.transaction(shop.runtime.pool) as tx:
        wish = {**given, "store_id": store.id, "most": ONE_BY_ONE}
        rows = await (await tx.execute(SOME, wish)).fetchall()
        people = [scenes.contact_of(row) for row in rows]
        pasts = await histories.load(tx, store, people, now)
    asked = [(who, pasts[who.id]) for who in people]
    best = float("inf")
    for _ in range(RUNS):
        began = time.process_time()
        for who, past in asked:
            consent.decide(store, who, draft, past, now)
        best = min(best, time.process_time() - began)
    return round(best / max(1, len(asked)) * 1e6, 2)


def lines(found: Mapping[str, Any]) -> list[str]:
    """The same for people."""
    goes = sum(n for name, n in found["verdicts"].items() if name == "send")
    return [
        f"the decision for {found['people']:,} people as a set: {found['set_s']} s"
        f" (goal {GOAL_S:g} s; {found['of_it_places_s']} s of it to learn where they are)",
        f"  of them {goes:,} may get it now; in Python {found['python_us']} µs each",
    ]


async def _alone(count: int, span: int) -> dict[str, Any]:
    with ground.temporary_home() as home:
        async with ground.open_shop(home, "deciding", span) as shop:
            await people_ground.fill(
                shop.runtime.database_url, shop.store, count, datetime.now(UTC), orders=False
            )
            with ground.meter(home) as spent:
                found = await measure(shop)
            return found | {"postgres_cpu_s": round(spent.postgres_s, 1)}


if __name__ == "__main__":
    reader = argparse.ArgumentParser()
    reader.add_argument("--people", type=int, default=1_000_000)
    reader.add_argument("--span", type=int, default=1)
    asked = reader.parse_args()
    told = asyncio.run(_alone(asked.people, asked.span))
    print("\n".join(lines(told)))
    print(json.dumps(told, indent=1))
