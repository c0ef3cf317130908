"""What goes with what, for a page or a program that asks: of goods by name, or what is surest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records.goods import goods_choice, goods_lists
from ringdove.rules.goods.accessories import AFTER, Pair
from ringdove.rules.goods.alike import LIKE
from ringdove.rules.scenes import Store
from ringdove.rules.wants import Good

SHOWN_MAX: Final = 50
OTHERS_MAX: Final = 4  # of each

SUREST = """
SELECT substr(g.about, length(%(after)s) + 1) AS sku FROM goods_list g
WHERE g.bucket = ANY(%(buckets)s) AND g.store_id = %(store_id)s AND starts_with(g.about, %(after)s)
  AND g.goods <> '[]'
ORDER BY (g.goods #>> '{0,1}')::float8 DESC, g.about LIMIT %(most)s
"""
CALLED = """
SELECT p.sku FROM product p
WHERE p.bucket = ANY(%(buckets)s) AND p.store_id = %(store_id)s
  AND (strpos(lower(p.name), %(typed)s) > 0 OR strpos(lower(p.sku), %(typed)s) > 0)
ORDER BY p.name, p.sku LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """Goods with what texts would name after them, and what they would name instead of them."""

    goods: Good
    accessories: Sequence[Good]
    similar: Sequence[Good]


async def show(tx: Tx, store: Store, typed: str = "") -> list[Shown]:
    """Goods whose name or SKU has this in it; of nothing typed those with the surest accessories,
    the surest first. What is not there now is left out."""
    given = {
        "store_id": store.id, "most": SHOWN_MAX, "after": AFTER, "typed": typed.strip().lower(),
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
    }  # fmt: skip
    rows = await (await tx.execute(CALLED if given["typed"] else SUREST, given)).fetchall()
    skus = [row["sku"] for row in rows]
    names = [name for sku in skus for name in (AFTER + sku, LIKE + sku)]
    lists = await goods_lists.read(tx, store, names)
    there = await goods_choice.there(
        tx, store, {*skus, *(one.sku for some in lists.values() for one in some)}
    )

    def named(some: Iterable[Pair]) -> list[Good]:
        return [there[one.sku] for one in some if one.sku in there][:OTHERS_MAX]

    return [
        Shown(there[sku], named(lists.get(AFTER + sku, ())), named(lists.get(LIKE + sku, ())))
        for sku in skus
        if sku in there
    ]
