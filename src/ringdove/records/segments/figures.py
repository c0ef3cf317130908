"""What is kept of each person so that a million can be asked in a moment: `contact_figure`, a row
for each living person, and `contact_category`, one for each category they bought of or looked at.

`keep` is called once for a batch of facts, in its transaction, with the people's rows locked.
Orders and carts are counted anew from the rows of whom they touch, so a cancellation, a return or
a merge needs no arithmetic of its own; visits are added, since a person has many. `count_anew`
does all of it from rows: after a merge or a parting, and for whom a worker has still to count
(records/segments/figure_fill.py). Both lie with the main row of a person, whose also-rows count
with it; whoever was merged into another, or erased, has none.

A cart waits while it is open and nothing was ordered since its last change.

Texts, clicks and replies are not here: nothing is counted on the sending path. Offers that went
lie in `touch` (by person, 400 days), outcomes in `message` (by campaign: a range of ids), clicks
and replies in `link_click` and `inbound`: narrow enough to be asked as they are.

For who asks: an id is made when a fact is heard, so rows that happened since a moment have ids from
`id_floor(moment - figure_rows.EARLY)` on; months of visits before it are not looked at.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from ringdove.kit.db import Tx
from ringdove.records.segments import visit_figures
from ringdove.records.segments.figure_rows import Named, Row, key, named, run
from ringdove.rules import effects
from ringdove.rules.scenes import Contact, Scene, Store


class Told(NamedTuple):
    """The effects of a batch that figures follow from."""

    people: Sequence[effects.SaveContact]
    bought: Sequence[effects.BuyFrom]
    changed: Sequence[effects.CountBought]
    carts: Sequence[effects.SaveCart]
    visits: Sequence[effects.SaveVisit]
    merges: Sequence[effects.SaveMerge]


# ------------------------------------------------------------------ the story


async def keep(tx: Tx, scene: Scene, told: Told) -> None:
    """What changes by the effects of this batch; all its rows are written."""
    store = scene.store
    merged = _whose(scene, (one for e in told.merges
                            for one in (e.merge.contact_id, e.merge.other_id)))  # fmt: skip
    changed = _whose(scene, (effect.contact_id for effect in told.changed)) - merged
    bought = _whose(scene, (effect.contact_id for effect in told.bought)) - merged | changed
    touched = _whose(scene, (effect.cart.contact_id for effect in told.carts)) - merged | bought
    looks: dict[int, list[effects.SaveVisit]] = defaultdict(list)
    for visit in told.visits:
        for whose in _whose(scene, [visit.contact_id]) - merged:
            looks[whose].append(visit)
    await visit_figures.add(tx, scene, looks)
    await _forget_bought(tx, store, changed)
    await _count_orders(tx, store, _members(scene, touched), bought)
    saved = {effect.contact.id for effect in told.people} - scene.known_people.keys()
    new = _whose(scene, saved) - touched - looks.keys() - merged
    await run(tx, MEET, store, [key(one) for one in new])
    if merged:
        await drop(tx, store, {one.id for one in scene.contacts.values() if one.merged_into})
        await count_anew(tx, store, [scene.contacts[one] for one in sorted(merged)])


async def count_anew(tx: Tx, store: Store, people: Sequence[Named | Contact]) -> None:
    """All of these (living main rows, locked by the caller) from what lies in their rows."""
    rows = [row for one in people for row in named(one)]
    keys = [key(one.id) for one in people]
    await run(tx, DROP_CATEGORIES, store, keys)
    await _count_orders(tx, store, rows, {one.id for one in people})
    await visit_figures.count(tx, store, rows)


def _whose(scene: Scene, contact_ids: Iterable[int]) -> set[int]:
    """The living people behind these names."""
    known = (scene.person(one) for one in contact_ids if one in scene.contacts)
    return {one.id for one in known if one.merged_into is None and one.erased_at is None}


def _members(scene: Scene, ids: Iterable[int]) -> list[Row]:
    return [row for one in sorted(ids) for row in named(scene.contacts[one])]


# ------------------------------------------------------------------ who is new, who is gone

MEET = """
INSERT INTO contact_figure (bucket, store_id, contact_id)
SELECT r.bucket, %(store_id)s, r.contact_id
FROM jsonb_to_recordset(%(rows)s) AS r(bucket integer, contact_id bigint)
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id, contact_id) DO NOTHING
"""
DROP = """
DELETE FROM contact_figure f USING jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, contact_id bigint)
WHERE f.bucket = r.bucket AND f.bucket = ANY(%(buckets)s) AND f.store_id = %(store_id)s
  AND f.contact_id = r.contact_id
"""
DROP_CATEGORIES = DROP.replace("contact_figure", "contact_category")


async def drop(tx: Tx, store: Store, contact_ids: Iterable[int]) -> None:
    """These are nobody of their own any more."""
    rows = [key(one) for one in contact_ids]
    await run(tx, DROP, store, rows)
    await run(tx, DROP_CATEGORIES, store, rows)


# ------------------------------------------------------------------ orders and carts

COUNTS = "o.state NOT IN ('cancelled', 'returned', 'removed')"
OURS = "o.currency = ANY(ARRAY['', %(currency)s])"  # sums in other currencies cannot be added

WAITS = "max(c.changed_at) > coalesce(max(o.placed_at), '-infinity')"
COUNT_ORDERS = f"""
INSERT INTO contact_figure AS f (bucket, store_id, contact_id, orders, days, spent, first_order_at,
  last_order_at, cart_at, cart_total)
SELECT r.bucket, %(store_id)s, r.contact_id, count(o.id) FILTER (WHERE {COUNTS}),
  count(DISTINCT (o.placed_at AT TIME ZONE %(zone)s)::date) FILTER (WHERE {COUNTS}),
  coalesce(sum(o.total) FILTER (WHERE {COUNTS} AND {OURS}), 0),
  min(o.placed_at) FILTER (WHERE {COUNTS}), max(o.placed_at) FILTER (WHERE {COUNTS}),
  CASE WHEN {WAITS} THEN max(c.changed_at) END,
  CASE WHEN {WAITS} THEN
    (array_agg(c.total ORDER BY c.changed_at DESC NULLS LAST, c.id))[1] END
FROM jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, contact_id bigint, of_bucket integer, of_id bigint)
LEFT JOIN LATERAL (
  SELECT o.id, o.state, o.placed_at, o.total, o.currency FROM purchase_order o
  WHERE o.bucket = r.of_bucket AND o.store_id = %(store_id)s AND o.contact_id = r.of_id OFFSET 0
) o ON true
LEFT JOIN LATERAL (
  SELECT c.changed_at, c.total, c.id FROM cart c
  WHERE c.bucket = r.of_bucket AND c.store_id = %(store_id)s AND c.contact_id = r.of_id
    AND c.state = 'open'
  ORDER BY c.changed_at DESC, c.id LIMIT 1
) c ON true
WHERE r.bucket = ANY(%(buckets)s)
GROUP BY r.bucket, r.contact_id
ON CONFLICT (bucket, store_id, contact_id) DO UPDATE SET orders = EXCLUDED.orders,
  days = EXCLUDED.days, spent = EXCLUDED.spent, first_order_at = EXCLUDED.first_order_at,
  last_order_at = EXCLUDED.last_order_at, cart_at = EXCLUDED.cart_at,
  cart_total = EXCLUDED.cart_total
"""
# Before some are counted again: what was only bought goes, what was looked at stays.
FORGET_BOUGHT = """
DELETE FROM contact_category k
USING jsonb_to_recordset(%(rows)s) AS r(bucket integer, contact_id bigint)
WHERE k.bucket = r.bucket AND k.bucket = ANY(%(buckets)s) AND k.store_id = %(store_id)s
  AND k.contact_id = r.contact_id AND k.visits = 0
"""
EMPTY_BOUGHT = """
UPDATE contact_category k SET bought_at = NULL, first_at = NULL, orders = 0, days = 0, spent = 0,
  pieces = 0
FROM jsonb_to_recordset(%(rows)s) AS r(bucket integer, contact_id bigint)
WHERE k.bucket = r.bucket AND k.bucket = ANY(%(buckets)s) AND k.store_id = %(store_id)s
  AND k.contact_id = r.contact_id AND k.orders > 0
"""
COUNT_BOUGHT = f"""
INSERT INTO contact_category AS k (bucket, store_id, contact_id, category, bought_at, first_at,
  orders, days, spent, pieces)
SELECT r.bucket, %(store_id)s, r.contact_id, l.category, max(o.placed_at), min(o.placed_at),
  count(DISTINCT o.id), count(DISTINCT (o.placed_at AT TIME ZONE %(zone)s)::date),
  coalesce(sum(l.price * l.quantity) FILTER (WHERE {OURS}), 0), sum(l.quantity)
FROM jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, contact_id bigint, of_bucket integer, of_id bigint)
CROSS JOIN LATERAL (
  SELECT o.bucket, o.id, o.placed_at, o.currency FROM purchase_order o
  WHERE o.bucket = r.of_bucket AND o.store_id = %(store_id)s AND o.contact_id = r.of_id
    AND {COUNTS} OFFSET 0
) o
CROSS JOIN LATERAL (
  SELECT l.category, l.price, l.quantity FROM order_line l
  WHERE l.bucket = o.bucket AND l.store_id = %(store_id)s AND l.order_id = o.id
    AND l.category <> '' OFFSET 0
) l
WHERE r.bucket = ANY(%(buckets)s)
GROUP BY r.bucket, r.contact_id, l.category
ON CONFLICT (bucket, store_id, contact_id, category) DO UPDATE SET
  bought_at = EXCLUDED.bought_at, first_at = EXCLUDED.first_at, orders = EXCLUDED.orders,
  days = EXCLUDED.days, spent = EXCLUDED.spent, pieces = EXCLUDED.pieces
WHERE (k.bought_at, k.first_at, k.orders, k.days, k.spent, k.pieces) IS DISTINCT FROM
  (EXCLUDED.bought_at, EXCLUDED.first_at, EXCLUDED.orders, EXCLUDED.days, EXCLUDED.spent,
   EXCLUDED.pieces)
"""


async def _forget_bought(tx: Tx, store: Store, contact_ids: Iterable[int]) -> None:
    """What counted may count no more."""
    again = [key(one) for one in contact_ids]
    await run(tx, FORGET_BOUGHT, store, again)
    await run(tx, EMPTY_BOUGHT, store, again)


async def _count_orders(tx: Tx, store: Store, rows: Sequence[Row], bought: Collection[int]) -> None:
    """Of all these; the categories of who has bought."""
    of_store = {"zone": store.time_zone, "currency": store.currency}
    await run(tx, COUNT_ORDERS, store, rows, **of_store)
    mine = [row for row in rows if row["contact_id"] in bought]
    await run(tx, COUNT_BOUGHT, store, mine, **of_store)
