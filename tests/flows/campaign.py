"""People and campaigns for the stories about them."""

from collections import Counter
from datetime import timedelta
from typing import Any

from ringdove.kit import db
from ringdove.kit.buckets import INDEX_OF, id_floor
from ringdove.records.campaigns import campaigns
from ringdove.records.store import stores
from ringdove.rules.campaigns.campaigns import Campaign, Link, Plan, Variant, Words
from ringdove.workers.campaigns import campaigns as worker
from tests.flows.conftest import Shop

RU = "{{ customer.first_name }}, скидка 20%: {{ link }} Отказ: СТОП"
EN = "{% if customer.first_name %}{{ customer.first_name }}, {% endif %}20% off: {{ link }} STOP"
PLAN = Plan(
    occasion="sale", links=(Link(),), holdout_percent=10,
    variants=(
        Variant(name="A", words={"ru": Words(sms=RU), "en": Words(sms=EN)}),
        Variant(name="B", share=3, words={"ru": Words(sms="B! " + RU), "en": Words(sms=EN)}),
    ),
)  # fmt: skip

# Every tenth never agreed, some stopped, some have no name, one in seven no number.
PEOPLE = """
INSERT INTO contact (bucket, store_id, id, phone, email, name, language, country, zones, marketing,
  created_at, origin)
SELECT %(bucket)s, %(store_id)s, ((%(floor)s::bigint >> 7) + g) << 7 | %(place)s,
  CASE WHEN g %% 7 <> 0 THEN '+37529' || lpad((g * 128 + %(place)s)::text, 7, '0') END,
  CASE WHEN g %% 3 = 0 THEN 'p' || g || '@example.com' END,
  CASE WHEN g %% 11 <> 0 THEN (ARRAY['Anna','Olga','Ivan','Zoë'])[1 + g %% 4] || ' K' || g
    ELSE '' END,
  (ARRAY['ru','en',NULL])[1 + g %% 3], 'BY', '{Europe/Minsk}',
  CASE WHEN g %% 10 = 0 THEN 'none' WHEN g %% 50 = 1 THEN 'out' ELSE 'in' END, %(now)s, 'import'
FROM generate_series(1, %(people)s) g
"""


async def fill(shop: Shop, people: int, days_ago: int = 10) -> None:
    """So many people in the store, some in each of its buckets."""
    buckets = stores.buckets(shop.store)
    for n, bucket in enumerate(buckets):
        count = people // len(buckets) + (n < people % len(buckets))
        async with db.transaction(shop.runtime.pool) as tx:
            await tx.execute(PEOPLE, {
                "bucket": bucket, "store_id": shop.store.id, "place": INDEX_OF[bucket],
                "floor": id_floor(shop.at - timedelta(days=days_ago)), "people": count,
                "now": shop.at,
            })  # fmt: skip


async def planned(shop: Shop, plan: Plan = PLAN, name: str = "Sale") -> int:
    """A draft; its number."""
    async with db.transaction(shop.runtime.pool) as tx:
        return await campaigns.create(tx, shop.store.id, name, plan, None, shop.at)


async def begun(shop: Shop, plan: Plan = PLAN, name: str = "Sale") -> Campaign:
    """A campaign that runs; nobody is gathered yet."""
    return await begin(shop, await planned(shop, plan, name))


async def begin(shop: Shop, one: int) -> Campaign:
    """The same of a draft that is there."""
    async with db.transaction(shop.runtime.pool) as tx:
        await campaigns.begin(tx, shop.store, one, shop.at)
    await worker.look(shop.runtime)
    return await found(shop, one)


async def found(shop: Shop, one: int) -> Campaign:
    """As it is now."""
    async with db.transaction(shop.runtime.pool) as tx:
        campaign = await campaigns.find(tx, shop.store.id, one)
    assert campaign is not None
    return campaign


async def gathered(shop: Shop, campaign: Campaign) -> None:
    """All its people gone through."""
    await worker.work_on(shop.runtime, shop.store.id, campaign.id)


async def outcomes(shop: Shop, campaign: Campaign) -> Counter[tuple[str, str]]:
    """How many messages by state and reason; nobody has two by one channel."""
    rows = await shop.rows(
        "SELECT contact_id, channel, state, reason FROM message WHERE campaign_id = %(id)s",
        id=campaign.id,
    )
    assert len({(row["contact_id"], row["channel"]) for row in rows}) == len(rows)
    return Counter((row["state"], row["reason"]) for row in rows)


async def outbox(shop: Shop) -> list[dict[str, Any]]:
    """What waits."""
    return await shop.rows("SELECT * FROM outbox ORDER BY message_id")
