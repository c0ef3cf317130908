"""What people have with the store, for answers by text: their newest orders, where these are, and
their complaints.

Only asked for people who write about it; their contact rows are locked, so what is read stays true
until the batch is written.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.records.complaints import complaints
from ringdove.records.scenes import order_of
from ringdove.rules.scenes import Complaint, Order, Parcel, Return, Scene
from ringdove.rules.wants import Dealings

ORDERS_MOST: Final = 20  # of each name of a person
ROWS_MOST: Final = 100  # parcels, likewise returns

ORDERS = """
SELECT k.person, o.*, (
  SELECT jsonb_agg(
    jsonb_build_array(l.name, l.quantity, l.price, l.sku, l.category) ORDER BY l.line)
  FROM order_line l
  WHERE l.bucket = o.bucket AND l.store_id = o.store_id AND l.order_id = o.id
) AS lines
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint, person bigint)
CROSS JOIN LATERAL (
  SELECT o.* FROM purchase_order o
  WHERE o.bucket = k.bucket AND o.store_id = %(store_id)s AND o.contact_id = k.id
    AND o.state <> 'removed'
  ORDER BY o.placed_at DESC, o.id DESC LIMIT %(most)s
) o
"""
PARCELS = """
SELECT k.person, p.* FROM jsonb_to_recordset(%(keys)s) AS k(
  bucket integer, id bigint, person bigint)
CROSS JOIN LATERAL (
  SELECT p.* FROM parcel p
  WHERE p.bucket = k.bucket AND p.store_id = %(store_id)s AND p.contact_id = k.id
  ORDER BY p.id DESC LIMIT %(most)s
) p
"""
RETURNS = """
SELECT k.person, r.* FROM jsonb_to_recordset(%(keys)s) AS k(
  bucket integer, id bigint, person bigint)
CROSS JOIN LATERAL (
  SELECT r.* FROM order_return r
  WHERE r.bucket = k.bucket AND r.store_id = %(store_id)s AND r.contact_id = k.id
  ORDER BY r.id DESC LIMIT %(most)s
) r
"""


async def load(tx: Tx, scene: Scene, people: Iterable[int]) -> dict[int, Dealings]:
    """Of these living people, under all of their names; who is new in this batch has nothing."""
    keys = [
        {"bucket": bucket_of_id(name), "id": name, "person": one}
        for one in sorted(set(people) & scene.contacts.keys())
        for name in sorted({one, *scene.contacts[one].also})
    ]
    given = {"store_id": scene.store.id, "keys": db.document(keys)}
    orders: dict[int, list[Order]] = defaultdict(list)
    for row in await _rows(tx, ORDERS, given | {"most": ORDERS_MOST}):
        orders[row.pop("person")].append(order_of(row))
    parcels: dict[int, list[Parcel]] = defaultdict(list)
    for row in await _rows(tx, PARCELS, given | {"most": ROWS_MOST}):
        parcels[row.pop("person")].append(Parcel(**_noun(row)))
    returns: dict[int, list[Return]] = defaultdict(list)
    for row in await _rows(tx, RETURNS, given | {"most": ROWS_MOST}):
        returns[row.pop("person")].append(Return(**_noun(row)))
    theirs: dict[int, list[Complaint]] = await complaints.of_people(tx, scene.store, keys)
    return {
        one: Dealings(
            tuple(orders[one]), tuple(parcels[one]), tuple(returns[one]),
            tuple(theirs.get(one, ())),
        )
        for one in people
    }  # fmt: skip


async def _rows(tx: Tx, statement: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    return list(await (await tx.execute(statement, given)).fetchall())


def _noun(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("bucket", "store_id")}
