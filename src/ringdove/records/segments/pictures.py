"""Pictures of people: all that a tree of conditions can ask of each, with the rows of whoever was
merged into them. For one person on a page, or for some at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, bucket_of_id
from ringdove.kit.db import Tx
from ringdove.records import scenes
from ringdove.records.segments import rhythms
from ringdove.rules.scenes import Contact, Item, Store
from ringdove.rules.segments.pictures import (
    PAST_MAX,
    Basket,
    Click,
    Figures,
    Gift,
    Habit,
    Look,
    Picture,
    Purchase,
    Spoken,
)
from ringdove.rules.segments.segments import Node

Rows = Mapping[int, Sequence[Mapping[str, Any]]]  # by the living person

PEOPLE = """
SELECT c.* FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT c.* FROM contact c
  WHERE c.bucket = k.bucket AND c.store_id = %(store_id)s AND c.id = k.id OFFSET 0
) c
"""


# The newest rows of each person, under whichever of their names.
OF_PEOPLE = """
SELECT k.main, t.* FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint, main bigint)
CROSS JOIN LATERAL (
  SELECT {columns} FROM {table} t
  WHERE t.bucket = k.bucket AND t.store_id = %(store_id)s AND t.contact_id = k.id AND {asked}
  ORDER BY t.{newest} DESC LIMIT {most}
) t
"""


def _of_people(table: str, columns: str, asked: str = "true", newest: str = "id") -> str:
    return OF_PEOPLE.format(table=table, columns=columns, asked=asked, newest=newest, most=PAST_MAX)


FIGURES = _of_people(
    "contact_figure",
    "t.orders, t.days, t.spent, t.first_order_at, t.last_order_at, t.cart_at", newest="contact_id",
)  # fmt: skip
HABITS = _of_people(
    "contact_category", "t.category, t.days, t.first_at, t.bought_at", "t.orders > 0",
    newest="bought_at",
)  # fmt: skip
# Sums in other currencies cannot be added.
OURS = "CASE WHEN t.currency = ANY(ARRAY['', %(currency)s]) THEN {0} ELSE 0 END"
LINES = f"""COALESCE((
    SELECT jsonb_agg(jsonb_build_array(l.name, l.quantity::text, ({OURS.format("l.price")})::text,
      l.sku, l.category) ORDER BY l.line)
    FROM order_line l
    WHERE l.bucket = t.bucket AND l.store_id = %(store_id)s AND l.order_id = t.id
  ), '[]') AS lines"""
PURCHASES = _of_people(
    "purchase_order",
    f"t.id, t.placed_at, t.channel, {OURS.format('t.total')} AS total, {LINES}",
    "t.state NOT IN ('cancelled', 'returned', 'removed')",
)  # fmt: skip
LOOKS = _of_people("visit", "t.at, t.channel, t.page, t.sku, t.category")
CARTS = _of_people("cart", "t.id, t.changed_at, t.total, t.items", "t.state = 'open'")
SPOKEN = _of_people(
    "message",
    """t.id, t.campaign_id, t.state, t.sent_at, t.done_at, (
    SELECT (k.plan ->> 'offer')::integer FROM campaign k
    WHERE k.store_id = %(store_id)s AND k.id = t.campaign_id
  ) AS offer""",
    "t.class = 'marketing'",
)
CLICKS = _of_people(
    "link_click",
    """t.at, (
    SELECT m.campaign_id FROM message m
    WHERE m.bucket = t.bucket AND m.store_id = %(store_id)s AND m.id = t.message_id
  ) AS campaign""",
    "t.kind = 'person'",
)
TEXTS = _of_people("inbound", "t.at")
GIFTS = _of_people("reward_given", "t.reward_id, t.at")
USED = _of_people("offer_use", "t.reward_id", "t.freed_at IS NULL", newest="order_id")
BRANDS = """
SELECT p.sku, p.brand FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, sku text)
CROSS JOIN LATERAL (
  SELECT p.sku, p.brand FROM product p
  WHERE p.bucket = k.bucket AND p.store_id = %(store_id)s AND p.sku = k.sku OFFSET 0
) p
WHERE p.brand <> ''
"""


class NobodyThere(LookupError):
    """No living person has this id."""


async def one(tx: Tx, store: Store, contact_id: int, trees: Mapping[int, Node]) -> Picture:
    """Of one person, under whichever of their names. `trees`: what the store's segments ask.
    Raises NobodyThere."""
    person = (await _people(tx, store, [contact_id])).get(contact_id)
    main_id = contact_id if person is None else person.merged_into or contact_id
    found = (await load(tx, store, [main_id], trees)).get(main_id)
    if found is None:
        raise NobodyThere(contact_id)
    return found


async def load(
    tx: Tx, store: Store, contact_ids: Iterable[int], trees: Mapping[int, Node]
) -> dict[int, Picture]:
    """Of these, as far as they are living people by their main name."""
    everyone = await _people(tx, store, contact_ids)
    people = [one for one in everyone.values() if not (one.merged_into or one.erased_at)]
    keys = [
        {"bucket": bucket_of_id(name), "id": name, "main": one.id}
        for one in people
        for name in (one.id, *one.also)
    ]
    given = {"store_id": store.id, "keys": db.document(keys), "currency": store.currency}
    rows = {name: await _rows(tx, text, given) for name, text in PAST.items()}
    brands = await _brands(tx, store, rows)
    paces = await rhythms.of_store(tx, store)
    return {
        one.id: Picture(
            one, store.time_zone, **_past(one.id, rows), paces=paces, brands=brands, segments=trees
        )
        for one in people
    }


PAST: Final = {
    "figures": FIGURES, "habits": HABITS, "purchases": PURCHASES, "looks": LOOKS, "carts": CARTS,
    "spoken": SPOKEN, "clicks": CLICKS, "texts": TEXTS, "gifts": GIFTS, "used": USED,
}  # fmt: skip


async def _people(tx: Tx, store: Store, contact_ids: Iterable[int]) -> dict[int, Contact]:
    keys = [{"bucket": bucket_of_id(one), "id": one} for one in sorted(set(contact_ids))]
    given = {"store_id": store.id, "keys": db.document(keys)}
    rows = await (await tx.execute(PEOPLE, given)).fetchall()
    return {row["id"]: scenes.contact_of(row) for row in rows}


async def _rows(tx: Tx, statement: str, given: Mapping[str, Any]) -> Rows:
    found: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in await (await tx.execute(statement, given)).fetchall():
        found[row["main"]].append(row)
    return found


async def _brands(tx: Tx, store: Store, rows: Mapping[str, Rows]) -> dict[str, str]:
    skus = {line[3] for some in rows["purchases"].values() for row in some for line in row["lines"]}
    skus |= {row["sku"] for some in rows["looks"].values() for row in some}
    skus |= {
        item.get("sku", "") for some in rows["carts"].values() for row in some
        for item in row["items"]
    }  # fmt: skip
    keys = [
        {"bucket": bucket_of(store.bucket_base, store.bucket_span, f"product/{sku}"), "sku": sku}
        for sku in sorted(skus - {""})
    ]
    given = {"store_id": store.id, "keys": db.document(keys)}
    cursor = await tx.execute(BRANDS, given)
    return {row["sku"]: row["brand"] for row in await cursor.fetchall()}


def _past(contact_id: int, rows: Mapping[str, Rows]) -> dict[str, Any]:
    of = {name: some.get(contact_id, ()) for name, some in rows.items()}
    kept = of["figures"][0] if of["figures"] else None
    names = ("orders", "days", "spent", "first_order_at", "last_order_at")
    carts = sorted(of["carts"], key=lambda row: row["id"])
    newest = max(carts, key=lambda row: row["changed_at"], default=None)
    return {
        "figures": Figures(**{name: kept[name] for name in names}) if kept else Figures(),
        "habits": {
            row["category"]: Habit(row["days"], row["first_at"], row["bought_at"])
            for row in of["habits"]
        },
        "purchases": [
            Purchase(
                row["id"], row["placed_at"], row["channel"], row["total"],
                tuple(
                    Item(name, Decimal(quantity), Decimal(price), sku, category)
                    for name, quantity, price, sku, category in row["lines"]
                ),
            )
            for row in of["purchases"]
        ],
        "looks": [
            Look(row["at"], row["channel"], row["page"], row["sku"], row["category"])
            for row in of["looks"]
        ],
        "cart": _cart(newest) if newest and kept and kept["cart_at"] else None,
        "spoken": [
            Spoken(
                row["id"], row["campaign_id"], row["state"], row["sent_at"], row["done_at"],
                row["offer"],
            )
            for row in of["spoken"]
        ],
        "clicks": [Click(row["at"], row["campaign"]) for row in of["clicks"]],
        "texts": [row["at"] for row in of["texts"]],
        "gifts": [Gift(row["reward_id"], row["at"]) for row in of["gifts"]],
        "used": frozenset(row["reward_id"] for row in of["used"]),
    }  # fmt: skip


def _cart(row: Mapping[str, Any]) -> Basket:
    lines = tuple(
        Item(
            item.get("name", ""), Decimal(str(item.get("quantity", 1))),
            Decimal(str(item.get("price", 0))), item.get("sku", ""), item.get("category", ""),
        )
        for item in row["items"]
    )  # fmt: skip
    return Basket(row["changed_at"], row["total"], lines)
