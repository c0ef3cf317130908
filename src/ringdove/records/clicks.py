"""Links that people open: what a token leads to, and who opened it when (R29, R100, N5).

Looked up many at a time, whichever stores they belong to: each token names its store, bucket and
message. Clicks are written by COPY and do not wait for the disk: what a crash of the machine takes
is what it would have taken a moment earlier.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, bucket_of_id, id_floor
from ringdove.kit.db import Tx
from ringdove.rules.links.link_targets import Goods, OwnCart
from ringdove.rules.links.links import Claim
from ringdove.rules.scenes import Store

Row = Mapping[str, Any]


@dataclass(slots=True)
class Click:
    """One opening of a link. `kind` may turn from a person's to a robot's a moment later."""

    id: int
    store_id: int
    message_id: int
    contact_id: int
    number: int
    at: datetime
    kind: str
    device: str


OPENED = """
SELECT k.n, m.contact_id, m.campaign_id, m.variant, m.recipe, m.place, m.enrollment_id, m.goods,
  m.sku, m.channel, m.language, m.sent_at, m.recipient <> '' AS is_known
FROM unnest(%(ns)s::integer[], %(buckets)s::integer[], %(stores)s::integer[], %(ids)s::bigint[])
  AS k(n, bucket, store_id, id)
CROSS JOIN LATERAL (
  SELECT m.contact_id, m.campaign_id, m.variant, m.recipe, m.place, m.enrollment_id, m.goods,
    m.sku, m.channel, m.language, m.sent_at, m.recipient
  FROM message m WHERE m.bucket = k.bucket AND m.store_id = k.store_id AND m.id = k.id
  OFFSET 0
) m
"""


async def opened(tx: Tx, claims: Sequence[Claim]) -> dict[int, Row]:
    """The messages of these claims by their place among them; none: nobody made such a message.
    `is_known` is false where the person was erased, or the message emptied with the years."""
    given = {
        "ns": db.numbers(range(len(claims))),
        "buckets": db.numbers(bucket_of_id(one.message_id) for one in claims),
        "stores": db.numbers(one.store_id for one in claims),
        "ids": db.numbers(one.message_id for one in claims),
    }
    return {row["n"]: row for row in await (await tx.execute(OPENED, given)).fetchall()}


SAYS = """
SELECT m.id, m.sent_at FROM message m
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.contact_id = %(contact_id)s
  AND m.sent_at IS NOT NULL AND strpos(m.body, %(word)s) > 0
ORDER BY m.id DESC LIMIT 1
"""


async def says(tx: Tx, store: Store, contact_id: int, word: str) -> Row | None:
    """The last text that this person got with this word in it: which one they have opened, where
    the address is of the person and not of the text."""
    given = {
        "bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id,
        "word": word,
    }  # fmt: skip
    return await (await tx.execute(SAYS, given)).fetchone()


# ------------------------------------------------------------------ where links lead

PRODUCTS = """
SELECT p.sku, p.name, p.url, p.key
FROM unnest(%(buckets)s::integer[], %(skus)s::text[]) AS k(bucket, sku)
CROSS JOIN LATERAL (
  SELECT p.* FROM product p
  WHERE p.bucket = k.bucket AND p.store_id = %(store_id)s AND p.sku = k.sku
  OFFSET 0
) p
"""
CART = """
SELECT c.url, c.items FROM cart c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s
  AND c.contact_id = ANY(%(people)s::bigint[]) AND c.state = 'open'
ORDER BY c.changed_at DESC LIMIT 1
"""


async def products(tx: Tx, store: Store, skus: Iterable[str]) -> dict[str, Goods]:
    """What is known of these products, by sku."""
    wanted = sorted(set(skus) - {""})
    if not wanted:
        return {}
    base, span = store.bucket_base, store.bucket_span
    buckets = db.numbers(bucket_of(base, span, f"product/{sku}") for sku in wanted)
    given = {"buckets": buckets, "skus": db.words(wanted), "store_id": store.id}
    rows = await (await tx.execute(PRODUCTS, given)).fetchall()
    return {
        row["sku"]: Goods(row["sku"], key=row["key"], name=row["name"], url=row["url"])
        for row in rows
    }


async def own_cart(tx: Tx, store: Store, people: Sequence[int]) -> OwnCart | None:
    """The newest cart that waits of one person, under all their names."""
    buckets = sorted({bucket_of_id(one) for one in people})
    given = {"buckets": buckets, "store_id": store.id, "people": db.numbers(people)}
    row = await (await tx.execute(CART, given)).fetchone()
    return await _filled(tx, store, row) if row else None


async def _filled(tx: Tx, store: Store, row: Row) -> OwnCart:
    known = await products(tx, store, (item.get("sku", "") for item in row["items"]))
    lines = []
    for item in row["items"]:
        sku = item.get("sku", "")
        found = known.get(sku, Goods(sku))
        pieces = Decimal(str(item.get("quantity", 1)))
        lines.append(Goods(sku, pieces, found.key, item.get("name") or found.name, found.url))
    return OwnCart(row["url"], tuple(lines))


RUN = """
SELECT e.memory, e.trigger, e.subject FROM enrollment e
WHERE e.bucket = %(bucket)s AND e.store_id = %(store_id)s AND e.id = %(id)s
"""
CART_REF = """
SELECT r.contact_id, r.row_id FROM contact_ref r
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.kind = 'cart' AND r.value = %(key)s
"""
ONE_CART = """
SELECT c.url, c.items FROM cart c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = %(id)s AND c.state = 'open'
"""


class Run(NamedTuple):
    """The run of an automation behind a text."""

    memory: Mapping[str, Any]
    cart: str  # key of the cart that it is about; "": it is about none


async def run_of(tx: Tx, store: Store, run_id: int) -> Run | None:
    """What a run knows, as far as links need it."""
    given = {"bucket": bucket_of_id(run_id), "store_id": store.id, "id": run_id}
    row = await (await tx.execute(RUN, given)).fetchone()
    if row is None:
        return None
    # The fact that began it is kept by who waited; else its key says it: cart/<key>/<about>.
    kind, _, rest = row["subject"].partition("/")
    told = rest.rpartition("/")[0] if kind == "cart" else ""
    return Run(row["memory"], str(row["trigger"].get("cart", "") or told))


async def cart(tx: Tx, store: Store, key: str, people: Sequence[int]) -> OwnCart | None:
    """A person's cart by its key, while it waits. None: it is somebody else's, or waits no more."""
    bucket = bucket_of(store.bucket_base, store.bucket_span, f"cart/{key}")
    given = {"bucket": bucket, "store_id": store.id, "key": key}
    ref = await (await tx.execute(CART_REF, given)).fetchone()
    if ref is None or ref["row_id"] is None or ref["contact_id"] not in people:
        return None
    found = {"bucket": bucket_of_id(ref["row_id"]), "store_id": store.id, "id": ref["row_id"]}
    row = await (await tx.execute(ONE_CART, found)).fetchone()
    return await _filled(tx, store, row) if row else None


# ------------------------------------------------------------------ who opened them

COPY = """
COPY link_click (bucket, store_id, id, message_id, contact_id, number, at, kind, device) FROM STDIN
"""
NOT_AWAITED = "SET LOCAL synchronous_commit = off"
ROBOTS = """
UPDATE link_click c SET kind = 'robot'
FROM unnest(%(buckets)s::integer[], %(stores)s::integer[], %(ids)s::bigint[])
  AS r(bucket, store_id, id)
WHERE c.bucket = r.bucket AND c.store_id = r.store_id AND c.id = r.id
"""


async def write(tx: Tx, news: Sequence[Click], robots: Sequence[Click] = ()) -> None:
    """Writes clicks of any stores. `robots`: written before as a person's, which they were not."""
    await tx.execute(NOT_AWAITED)
    if news:
        async with tx.cursor().copy(COPY) as out:
            await out.write("".join(map(_line, news)))
    if robots:
        given = {
            "buckets": db.numbers(bucket_of_id(one.id) for one in robots),
            "stores": db.numbers(one.store_id for one in robots),
            "ids": db.numbers(one.id for one in robots),
        }
        await tx.execute(ROBOTS, given)


def _line(click: Click) -> str:
    """A row as COPY reads it; kind and device are words of ours."""
    return (
        f"{bucket_of_id(click.id)}\t{click.store_id}\t{click.id}\t{click.message_id}\t"
        f"{click.contact_id}\t{click.number}\t{click.at.isoformat()}\t{click.kind}\t"
        f"{click.device}\n"
    )


OF_MESSAGE = """
SELECT c.id, c.number, c.at, c.kind, c.device FROM link_click c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.message_id = %(message_id)s
ORDER BY c.at, c.id LIMIT %(most)s
"""
UNTOLD = """
SELECT min(c.id) AS id, c.store_id, c.message_id, c.contact_id, c.number, min(c.at) AS at,
  'person' AS kind, '' AS device
FROM link_click c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s AND c.id >= %(since)s
  AND c.kind = 'person' AND NOT EXISTS (
    SELECT FROM fact f WHERE f.bucket = c.bucket AND f.store_id = c.store_id
      AND f.connection_id = 0 AND f.source_key = 'link/' || c.message_id || '/' || c.number
  )
GROUP BY c.store_id, c.message_id, c.contact_id, c.number
LIMIT %(most)s
"""
UNTOLD_MAX = 100_000  # those of a last second are a few thousand


async def of_message(tx: Tx, store: Store, message_id: int, most: int = 100) -> Sequence[Row]:
    """Who opened the links of a message, the first first: people, previews and robots."""
    given = {
        "bucket": bucket_of_id(message_id), "store_id": store.id, "message_id": message_id,
        "most": most,
    }  # fmt: skip
    return await (await tx.execute(OF_MESSAGE, given)).fetchall()


async def untold(tx: Tx, store: Store, buckets: Sequence[int], since: datetime) -> list[Click]:
    """What people of this store opened first since then, as far as no fact says it."""
    given = {
        "buckets": list(buckets), "store_id": store.id, "since": id_floor(since),
        "most": UNTOLD_MAX,
    }  # fmt: skip
    return [Click(**row) for row in await (await tx.execute(UNTOLD, given)).fetchall()]
