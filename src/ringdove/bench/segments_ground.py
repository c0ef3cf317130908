"""A store with people, orders, carts and visits, made in the database itself in one go: what
`ringdove bench segments` asks its questions of.

Who buys and looks much, and what is bought and looked at much, is uneven as in life: a few people
and a few goods make most of it, and each person keeps to a few categories. The same seed makes the
same store but for the moment it ends at.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ringdove.bench.ground import Shop
from ringdove.kit.buckets import BUCKETS, EPOCH_MS
from ringdove.kit.db import Tx
from ringdove.records import partitions

YEAR: Final = timedelta(days=365)
CATEGORIES: Final = 40
GOODS: Final = 4_000
BUYERS: Final = 0.6  # of all people
LINES_PER_ORDER: Final = 2

# An id made at a moment: milliseconds, fifteen bits that tell rows of one apart, then the bucket.
ID = """(((extract(epoch FROM {at}) * 1000)::bigint - %(epoch_ms)s) << 22)
  | (({n} %% 32768) << 7) | {place}"""
PLACE = "((%(base)s + {n} %% %(span)s) %% 128)"
BUCKET = "(%(buckets)s::integer[])[{place} + 1]"

# Of what somebody buys and looks at: a category near their own, and one of its goods.
GOOD = """(({whose} * 7 + floor(power(random(), 2) * 8)::integer) %% %(categories)s
  + %(categories)s * floor(power(random(), 2) * %(goods)s / %(categories)s)::integer)"""

SEED = "SELECT setseed(%(seed)s)"
PEOPLE = f"""
INSERT INTO contact (bucket, store_id, id, phone, name, country, zones, marketing, created_at, city,
  sex, birthday, language, email)
SELECT {BUCKET.format(place="p.place")}, %(store_id)s,
  {ID.format(at="p.at", n="p.n", place="p.place")},
  '+37529' || lpad(p.n::text, 7, '0'), 'Anna ' || p.n, 'BY', '{{Europe/Minsk}}',
  CASE WHEN random() < 0.7 THEN 'in' ELSE 'none' END, p.at,
  (ARRAY['Minsk', 'Minsk', 'Minsk', 'Brest', 'Gomel', 'Grodno'])[1 + (random() * 5)::integer],
  (ARRAY['', 'f', 'f', 'm'])[1 + (random() * 3)::integer],
  CASE WHEN random() < 0.4 THEN date '1950-01-01' + (random() * 20000)::integer END,
  CASE WHEN random() < 0.5 THEN 'ru' END, 'a' || p.n || '@x.example'
FROM (
  SELECT n, {PLACE.format(n="n")} AS place,
    %(now)s::timestamptz - interval '730 days' + n * (interval '365 days' / %(people)s) AS at
  FROM generate_series(1, %(people)s) n
) p
"""
PRODUCTS = f"""
INSERT INTO product (bucket, store_id, sku, name, category, brand, price, changed_at)
SELECT {BUCKET.format(place=PLACE.format(n="n"))}, %(store_id)s, 'sku-' || n, 'Goods ' || n,
  'category ' || n %% %(categories)s, 'brand ' || n %% 60, 5 + n %% 90, %(now)s
FROM generate_series(0, %(goods)s - 1) n
"""
# People as they lie, with a number of their own; a cube of chance makes a few of them many.
NUMBERED = """
CREATE TEMPORARY TABLE numbered AS
SELECT row_number() OVER (ORDER BY c.bucket, c.id) AS n, c.bucket, c.id FROM contact c
WHERE c.bucket = ANY(%(every)s) AND c.store_id = %(store_id)s
"""
KEY = "CREATE UNIQUE INDEX ON numbered (n)"
FRESH = "ANALYZE numbered"
ORDERS = f"""
INSERT INTO purchase_order (bucket, store_id, id, contact_id, key, number, channel, state,
  placed_at, changed_at, cancelled_at, total, currency)
SELECT r.bucket, %(store_id)s,
  {ID.format(at="o.at", n="o.n", place="(r.id & 127)")}, r.id, o.n::text,
  'S-' || o.n, CASE WHEN o.n %% 5 = 0 THEN 'app' ELSE 'web' END,
  CASE o.n %% 25 WHEN 0 THEN 'cancelled' WHEN 1 THEN 'returned' ELSE 'delivered' END,
  o.at, o.at, CASE WHEN o.n %% 25 = 0 THEN o.at END, 10 + o.n %% 190, 'BYN'
FROM (
  SELECT n, 1 + floor(power(random(), 2) * %(buyers)s)::bigint AS whose,
    %(now)s::timestamptz - random() * interval '364 days' AS at
  FROM generate_series(1, %(orders)s) n OFFSET 0
) o JOIN numbered r ON r.n = o.whose
ON CONFLICT DO NOTHING
"""
LINES = f"""
INSERT INTO order_line (bucket, store_id, order_id, line, sku, name, quantity, price, category)
SELECT r.bucket, %(store_id)s, r.id, r.line, 'sku-' || r.sku, 'Goods ' || r.sku, 1 + r.sku %% 3,
  5 + r.sku %% 90, 'category ' || r.sku %% %(categories)s
FROM (
  SELECT o.bucket, o.id, line, {GOOD.format(whose="(o.contact_id >> 7) %% 9973")} AS sku
  FROM purchase_order o CROSS JOIN generate_series(0, %(per_order)s - 1) line
  WHERE o.bucket = ANY(%(every)s) AND o.store_id = %(store_id)s OFFSET 0
) r
"""
VISITS = f"""
INSERT INTO visit (bucket, store_id, id, contact_id, at, channel, page, sku, category)
SELECT v.bucket, %(store_id)s,
  {ID.format(at="v.at", n="v.n", place="(v.id & 127)")}, v.id, v.at, 'web',
  CASE WHEN v.n %% 50 = 0 THEN '/sale' ELSE '/goods/' || v.sku END,
  CASE WHEN v.n %% 2 = 0 THEN 'sku-' || v.sku ELSE '' END,
  CASE WHEN v.n %% 2 = 0 THEN 'category ' || v.sku %% %(categories)s ELSE '' END
FROM (
  SELECT v.n, v.at, r.bucket, r.id, {GOOD.format(whose="(r.id >> 7) %% 9973")} AS sku
  FROM (
    SELECT n, 1 + floor(power(random(), 2) * %(people)s)::bigint AS whose,
      %(now)s::timestamptz - random() * interval '364 days' AS at
    FROM generate_series(1, %(visits)s) n OFFSET 0
  ) v JOIN numbered r ON r.n = v.whose OFFSET 0
) v
ON CONFLICT DO NOTHING
"""
CARTS = f"""
INSERT INTO cart (bucket, store_id, id, contact_id, key, state, changed_at, total, items)
SELECT r.bucket, %(store_id)s,
  {ID.format(at="c.at", n="c.n", place="(r.id & 127)")}, r.id, c.n::text,
  'open', c.at, 10 + c.n %% 90,
  jsonb_build_array(jsonb_build_object('name', 'Goods', 'quantity', 1, 'price', 10,
    'sku', 'sku-' || c.n %% %(goods)s, 'category', 'category ' || c.n %% %(categories)s))
FROM (
  SELECT n, 1 + floor(random() * %(people)s)::bigint AS whose,
    %(now)s::timestamptz - random() * interval '60 days' AS at
  FROM generate_series(1, %(people)s / 20) n OFFSET 0
) c JOIN numbered r ON r.n = c.whose
ON CONFLICT DO NOTHING
"""
FORGET = "DROP TABLE numbered"
STEPS: Final = (SEED, PEOPLE, PRODUCTS, NUMBERED, KEY, FRESH, ORDERS, LINES, VISITS, CARTS, FORGET)
TABLES: Final = "contact, purchase_order, order_line, visit, cart, product"


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is of each."""

    people: int
    lines: int
    visits: int
    seed: float = 0.42


async def fill(tx: Tx, shop: Shop, size: Size, now: datetime) -> None:
    """Makes it all; figures are still to be counted."""
    await partitions.ensure(tx, now, 13)
    store = shop.store
    given: dict[str, Any] = {
        "store_id": store.id, "base": store.bucket_base, "span": store.bucket_span,
        "buckets": list(BUCKETS), "epoch_ms": EPOCH_MS, "now": now, "seed": size.seed,
        "people": size.people, "buyers": int(size.people * BUYERS), "goods": GOODS,
        "categories": CATEGORIES, "orders": size.lines // LINES_PER_ORDER,
        "per_order": LINES_PER_ORDER, "visits": size.visits,
        "every": [BUCKETS[(store.bucket_base + n) % 128] for n in range(store.bucket_span)],
    }  # fmt: skip
    await tx.execute("SET LOCAL statement_timeout = 0")
    await tx.execute("SET LOCAL work_mem = '256MB'")
    for statement in STEPS:
        await tx.execute(statement, given)
