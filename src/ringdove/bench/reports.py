"""Reports counted: a campaign of many messages, its claimed orders, and all offers of 90 days.

Rows are made as the workers leave them: a tenth left alone, one of 21 tapped, as many bought,
half of them after a tap. Beside it in the same run a bare count of the campaign's rows: what
reading them costs.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ringdove.bench.ground import Shop, open_shop
from ringdove.kit import db
from ringdove.kit.buckets import INDEX_OF, buckets_of_store, id_floor
from ringdove.records.campaigns import campaigns
from ringdove.records.reports import report_sums, reports

HOUR = timedelta(hours=1)

MESSAGES = """
INSERT INTO message (bucket, store_id, id, contact_id, channel, class, topic, cause, gateway_id,
  recipient, body, language, not_before, not_after, created_at, why, state, reason, sent_at,
  done_at, network, cost, cost_currency, campaign_id, variant)
SELECT %(bucket)s, %(store_id)s, %(floor)s + (g::bigint << 7) + %(place)s,
  %(people)s + (g::bigint << 7) + %(place)s, 'sms', 'marketing', 'offers', 'campaign', 1,
  '+37529' || lpad(g::text, 7, '0'), 'Sale of the week: 20 percent off, only until Sunday', 'ru',
  %(began)s, %(now)s, %(began)s, 'campaign/Sale',
  CASE WHEN g %% 10 = 0 THEN 'dropped' WHEN g %% 40 = 1 THEN 'failed' ELSE 'delivered' END,
  CASE WHEN g %% 10 = 0 THEN 'holdout' ELSE '' END,
  CASE WHEN g %% 10 <> 0 THEN %(began)s::timestamptz + (g %% 3600) * interval '1 second' END,
  %(began)s, 'BY/MTS', CASE WHEN g %% 10 <> 0 THEN 0.05 END, 'BYN', 1, g %% 2
FROM generate_series(1, %(n)s) g
"""
CLICKS = """
INSERT INTO link_click (bucket, store_id, id, message_id, contact_id, number, at, kind)
SELECT m.bucket, m.store_id, m.id + (3600000::bigint << 22), m.id, m.contact_id, 0,
  %(began)s::timestamptz + interval '2 hours', 'person'
FROM message m
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND (m.id >> 7) %% 21 = 0
  AND m.state = 'delivered'
"""
ORDERS = """
INSERT INTO purchase_order (bucket, store_id, id, contact_id, key, number, state, placed_at,
  changed_at, total, currency)
SELECT m.bucket, m.store_id, m.id + (7200000::bigint << 22), m.contact_id, m.id::text,
  (m.id >> 7)::text, 'paid', %(began)s::timestamptz + interval '5 hours',
  %(began)s, 59.90, 'BYN'
FROM message m
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND (m.id >> 7) %% 42 IN (0, 1)
"""
CAMPAIGN = """
INSERT INTO campaign (store_id, id, name, state, plan, created_at, changed_at, began_at, ended_at)
VALUES (%(store_id)s, 1, 'Sale', 'done', '{"variants": [{"name": "A"}, {"name": "B"}]}',
  %(began)s, %(began)s, %(began)s, %(ended)s)
"""
RUN = """
INSERT INTO campaign_run (bucket, store_id, campaign_id, version, is_done, first_message,
  last_message, changed_at)
SELECT %(bucket)s, %(store_id)s, 1, 1, true, min(m.id), max(m.id), %(began)s FROM message m
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s
"""
FRESH = "VACUUM (ANALYZE) message, link_click, purchase_order"
BARE = """
SELECT m.state, count(*) AS n FROM message m
WHERE m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to measure with."""

    messages: int
    span: int = 1


async def measure(home: Path, wish: Wish) -> dict[str, Any]:
    """Seconds for each report, the first time (nothing is kept)."""
    async with open_shop(home, "Reports", wish.span) as shop:
        began = datetime.now(UTC) - timedelta(days=2)
        await _fill(shop, wish, began)
        now = datetime.now(UTC)
        async with db.transaction(shop.runtime.pool) as tx:
            campaign = await campaigns.find(tx, shop.store.id, 1)
        assert campaign is not None
        pool = shop.runtime.pool
        found = None

        async def report() -> None:
            nonlocal found
            found = await reports.of_campaign(pool, shop.store, campaign, now)

        async def overview() -> None:
            await report_sums.overview(pool, shop.store, now - timedelta(days=90), now)

        async def listed() -> None:
            async with db.transaction(pool) as tx:
                await reports.sales(tx, shop.store, campaign, now)

        async def bare() -> None:
            buckets = buckets_of_store(shop.store.bucket_base, shop.store.bucket_span)
            async with db.transaction(pool) as tx:
                await tx.execute(BARE, {"buckets": buckets, "store_id": shop.store.id})

        told: dict[str, Any] = {
            "messages": wish.messages, "span": wish.span, "bare_s": await _timed(bare),
            "report_s": await _timed(report), "kept_s": await _timed(report),
            "orders_s": await _timed(listed), "overview_s": await _timed(overview),
        }  # fmt: skip
        assert found is not None
        told |= {"claimed": found.total.orders, "tapped": found.total.clicked}
        told["report_to_bare"] = round(told["report_s"] / told["bare_s"], 1)
        return told


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    began = time.monotonic()
    await work()
    return round(time.monotonic() - began, 4)


async def _fill(shop: Shop, wish: Wish, began: datetime) -> None:
    buckets = buckets_of_store(shop.store.bucket_base, shop.store.bucket_span)
    given = {
        "store_id": shop.store.id, "began": began, "ended": began + HOUR, "now": datetime.now(UTC),
        "floor": id_floor(began), "people": id_floor(began - timedelta(days=100)),
        "n": wish.messages // len(buckets),
    }  # fmt: skip
    async with db.transaction(shop.runtime.pool) as tx:
        await tx.execute("SET LOCAL statement_timeout = 0")
        await tx.execute(CAMPAIGN, given)
        for bucket in buckets:
            about = given | {"bucket": bucket, "place": INDEX_OF[bucket]}
            for statement in (MESSAGES, CLICKS, ORDERS, RUN):
                await tx.execute(statement, about)
    async with shop.runtime.pool.connection() as link:
        await link.set_autocommit(True)
        await link.execute("SET statement_timeout = 0")
        await link.execute(FRESH)
        await link.set_autocommit(False)


def table(found: Mapping[str, Any]) -> str:
    """For people."""
    lines = [
        f"{found['messages']:>12,} messages of one campaign in {found['span']} buckets,"
        f" {found['tapped']:,} tapped, {found['claimed']:,} orders claimed",
        f"{found['bare_s']:>12.2f} s  a bare count of its rows",
        f"{found['report_s']:>12.2f} s  the whole report, {found['report_to_bare']} times that",
        f"{found['kept_s'] * 1000:>12.2f} ms the same again, kept",
        f"{found['orders_s']:>12.2f} s  the list of its orders",
        f"{found['overview_s']:>12.2f} s  all offers of 90 days",
    ]
    return "\n".join(lines)
