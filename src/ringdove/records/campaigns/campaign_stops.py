"""Whether what a campaign offers is sold: the volume that it was to push, or the stock (R43)."""

from datetime import timedelta

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store, id_floor
from ringdove.kit.db import Tx
from ringdove.rules.campaigns.campaigns import Campaign
from ringdove.rules.scenes import Store

# Orders are numbered as they are heard: those since the beginning are a range of ids.
SOLD = """
SELECT coalesce(sum(l.quantity), 0) AS pieces
FROM purchase_order p
JOIN order_line l ON l.bucket = p.bucket AND l.store_id = %(store_id)s AND l.order_id = p.id
WHERE p.bucket = ANY(%(buckets)s) AND p.store_id = %(store_id)s AND p.id >= %(first)s
  AND p.placed_at >= %(began_at)s AND p.state NOT IN ('cancelled', 'returned', 'removed')
  AND l.bucket = ANY(%(buckets)s) AND l.sku = ANY(%(skus)s::text[])
"""
# Of goods whose stock the shop tells; one that says nothing of it is not sold out.
STOCK = """
SELECT count(*)::integer AS told, coalesce(sum(greatest(p.stock, 0)), 0)::bigint AS left_over
FROM product p
WHERE p.bucket = ANY(%(buckets)s) AND p.store_id = %(store_id)s AND p.sku = ANY(%(skus)s::text[])
  AND p.stock IS NOT NULL
"""
AHEAD = timedelta(minutes=5)  # clocks of two machines


async def reached(tx: Tx, store: Store, campaign: Campaign) -> str:
    """Why it has to stop now, to be shown; "": it has not."""
    stop, began_at = campaign.plan.stop, campaign.began_at
    if stop is None or began_at is None:
        return ""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
        "first": id_floor(began_at - AHEAD), "began_at": began_at, "skus": db.words(stop.skus),
    }  # fmt: skip
    row = await (await tx.execute(SOLD, given)).fetchone()
    if row and row["pieces"] >= stop.pieces:
        return f"{row['pieces'].normalize():f} pieces were sold."
    row = await (await tx.execute(STOCK, given)).fetchone()
    if row and row["told"] == len(set(stop.skus)) and not row["left_over"]:
        return "The shop has none left."
    return ""
