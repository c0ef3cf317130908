"""What people bought after what, counted from a store's orders (rules/goods/accessories.Sums).

One statement a bucket: each person's first purchases are joined with their own later ones. Who was
merged into somebody of another bucket counts as two people here; that moves no mean.
"""

from datetime import datetime, timedelta
from typing import Final

from ringdove.kit.db import Tx
from ringdove.rules.goods import accessories
from ringdove.rules.goods.accessories import Sums
from ringdove.rules.scenes import Store

LOOKS_BACK: Final = timedelta(days=730)
GOODS_MAX: Final = 100  # of one person: who buys more kinds of goods is a shop themselves
STATEMENT_S_MAX: Final = 1_800

# Of what a WITH makes the planner knows nothing: joined row by row, it would take for ever.
IN_BULK = """
SELECT set_config('statement_timeout', %(ms)s, true), set_config('jit', 'off', true),
  set_config('enable_nestloop', 'off', true), set_config('work_mem', '64MB', true)
"""
# As rules/goods/accessories.counted, which a test compares.
COUNTS = """
WITH line AS MATERIALIZED (
  SELECT coalesce(c.merged_into, c.id) AS who, l.sku, o.placed_at AS at, o.id AS order_id,
    l.category
  FROM purchase_order o
  JOIN order_line l ON l.bucket = o.bucket AND l.store_id = o.store_id AND l.order_id = o.id
  JOIN contact c ON c.bucket = o.bucket AND c.store_id = o.store_id AND c.id = o.contact_id
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s
    AND l.bucket = %(bucket)s AND l.store_id = %(store_id)s
    AND c.bucket = %(bucket)s AND c.store_id = %(store_id)s
    AND o.placed_at > %(since)s AND o.placed_at <= %(now)s AND l.sku <> ''
    AND o.state NOT IN ('cancelled', 'returned', 'removed')
), kind AS MATERIALIZED (
  SELECT sku, max(category) AS category FROM line GROUP BY sku
), bought AS MATERIALIZED (
  SELECT f.*, k.category FROM (
    SELECT f.*, row_number() OVER (PARTITION BY f.who ORDER BY f.at, f.order_id, f.sku) AS nth
    FROM (SELECT DISTINCT ON (who, sku) who, sku, at, order_id FROM line
          ORDER BY who, sku, at, order_id) f
  ) f JOIN kind k ON k.sku = f.sku
  WHERE f.nth <= %(goods_max)s
), pair AS MATERIALIZED (
  SELECT a.sku, a.category, b.sku AS other, b.category AS other_category,
    sum(CASE WHEN a.order_id = b.order_id THEN %(together)s ELSE
      power(0.5, extract(epoch FROM b.at - a.at)::float8 / 86400 / %(half_life)s) END)::float8 AS n
  FROM bought a JOIN bought b ON b.who = a.who AND b.sku <> a.sku
    AND b.at >= a.at AND b.at < a.at + %(span)s::interval
  GROUP BY a.sku, a.category, b.sku, b.category
)
SELECT 'buyers' AS what, category AS one, sku AS other, count(*)::float8 AS n
FROM bought GROUP BY category, sku
UNION ALL
SELECT 'after', sku, other, n FROM (
  SELECT sku, other, n, row_number() OVER (PARTITION BY sku ORDER BY n DESC, other) AS nth FROM pair
) q WHERE nth <= %(own_max)s
UNION ALL
SELECT 'after_kind', category, other, n FROM (
  SELECT category, other, sum(n) AS n,
    row_number() OVER (PARTITION BY category ORDER BY sum(n) DESC, other) AS nth
  FROM pair GROUP BY category, other
) q WHERE nth <= %(kind_max)s
UNION ALL
SELECT 'between', category, other_category, sum(n) FROM pair GROUP BY category, other_category
UNION ALL
SELECT 'after_any', '', other, sum(n) FROM pair GROUP BY other
"""


async def count(tx: Tx, store: Store, bucket: int, now: datetime) -> Sums:
    """The sums of one bucket; of what follows each, as much as can matter."""
    await tx.execute(IN_BULK, {"ms": str(STATEMENT_S_MAX * 1000)})
    given = {
        "bucket": bucket, "store_id": store.id, "now": now, "since": now - LOOKS_BACK,
        "goods_max": GOODS_MAX, "together": accessories.TOGETHER,
        "half_life": accessories.HALF_LIFE_DAYS, "own_max": accessories.OWN_MAX,
        "span": timedelta(days=accessories.SPAN_DAYS), "kind_max": 2 * accessories.CATEGORY_MAX,
    }  # fmt: skip
    sums = Sums()
    tables = {"after": sums.after, "after_kind": sums.after_kind, "between": sums.between}
    for row in await (await tx.execute(COUNTS, given)).fetchall():
        one, other, n = row["one"], row["other"], row["n"]
        match row["what"]:
            case "buyers":
                sums.buyers[other], sums.category[other] = int(n), one
            case "after_any":
                sums.after_any[other] = n
            case what:
                tables[what].setdefault(one, {})[other] = n
    return sums
