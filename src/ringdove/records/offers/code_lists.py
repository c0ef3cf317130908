"""Lists of codes that wait to be given: brought from a shop, or made here and told to it first.

A code made here for a shop that does not ask us is given to nobody before the shop knows it. The
one code that all share waits on the list too, until the shop has it; it is never taken off.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ringdove.kit import db
from ringdove.kit.buckets import Ids
from ringdove.kit.db import Tx
from ringdove.records.offers import codes
from ringdove.records.store import stores
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.offers import offers
from ringdove.rules.offers.offer_checks import Listed
from ringdove.rules.offers.rewards import Keyed
from ringdove.rules.scenes import Store

ADDED_MAX = 100_000  # in one go

ADD = """
INSERT INTO free_code (bucket, store_id, reward_id, code, shop)
SELECT %(bucket)s, %(store_id)s, %(reward_id)s, v.code, %(shop)s
FROM jsonb_array_elements_text(%(codes)s) AS v(code)
ORDER BY v.code ON CONFLICT (bucket, store_id, reward_id, code) DO NOTHING
"""
OF_OTHERS = """
SELECT v.code FROM jsonb_array_elements_text(%(codes)s) AS v(code)
WHERE EXISTS (
  SELECT FROM free_code f
  WHERE f.bucket = ANY(%(buckets)s) AND f.store_id = %(store_id)s
    AND f.reward_id = ANY(%(others)s::integer[]) AND f.code = v.code)
"""


async def add(
    tx: Tx, store: Store, reward_id: int, told: Iterable[str], others: Iterable[int],
    shop: str = "knows",
) -> int:  # fmt: skip
    """Puts codes on a reward's list; those that were given, are on it or on the list of another
    reward are left out. How many are new."""
    wanted = set(told)
    wanted -= (await codes.find(tx, store, wanted)).keys()
    about = {
        "buckets": stores.buckets(store), "store_id": store.id, "others": db.numbers(others),
        "codes": db.document(sorted(wanted)),
    }  # fmt: skip
    cursor = await tx.execute(OF_OTHERS, about)
    wanted -= {row["code"] for row in await cursor.fetchall()}
    given = _list(store, reward_id) | {"codes": db.document(sorted(wanted)), "shop": shop}
    return (await tx.execute(ADD, given)).rowcount


async def make(
    tx: Tx, store: Store, offer: Reward, n: int, keyed: Keyed, ids: Ids, others: Iterable[int]
) -> int:
    """Makes so many codes ahead, which the shop has to learn before they are given."""
    numbers = ids.make_many(codes.list_bucket(store, offer.id), n)
    made = offers.own_codes(offer.prefix, keyed(f"ahead/{offer.id}"), numbers, 0)
    return await add(tx, store, offer.id, made, others, "waiting")


ONLY_THIS = """
DELETE FROM free_code f
WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.reward_id = %(reward_id)s
  AND f.code <> %(code)s
"""


async def put_common(tx: Tx, store: Store, offer: Reward) -> None:
    """The code that all share is told to the shop where that is wished; an older one is not."""
    if offer.kind != "code" or offer.source != "common":
        return
    code = offer.code if offer.shop else ""
    await tx.execute(ONLY_THIS, _list(store, offer.id) | {"code": code})
    if code:
        given = {"codes": db.document([code]), "shop": "waiting"}
        await tx.execute(ADD, _list(store, offer.id) | given)


# ------------------------------------------------------------------ how many wait

LISTED = """
SELECT f.reward_id, count(*) FILTER (WHERE f.shop = 'knows')::integer AS knows,
  count(*) FILTER (WHERE f.shop = 'waiting')::integer AS waiting,
  count(*) FILTER (WHERE f.shop = 'failed')::integer AS failed
FROM free_code f
WHERE f.bucket = ANY(%(buckets)s) AND f.store_id = %(store_id)s GROUP BY f.reward_id
"""


async def listed(tx: Tx, store: Store) -> dict[int, Listed]:
    """How many codes wait on the list of each reward."""
    about = {"buckets": stores.buckets(store), "store_id": store.id}
    rows = await (await tx.execute(LISTED, about)).fetchall()
    return {row["reward_id"]: Listed(row["knows"], row["waiting"], row["failed"]) for row in rows}


# ------------------------------------------------------------------ telling the shop

WAITING = """
SELECT f.code FROM free_code f
WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.reward_id = %(reward_id)s
  AND f.shop = 'waiting'
ORDER BY f.code LIMIT %(most)s
"""
TOLD = """
UPDATE free_code f SET shop = r.shop, shop_said = r.said
FROM jsonb_to_recordset(%(rows)s) AS r(code text, shop text, said text)
WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.reward_id = %(reward_id)s
  AND f.code = r.code
"""
ALL_KNOWN = """
UPDATE free_code f SET shop = 'knows', shop_said = ''
WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.reward_id = %(reward_id)s
  AND f.shop <> 'knows'
"""
AGAIN = """
UPDATE free_code f SET shop = 'waiting', shop_said = ''
WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.reward_id = %(reward_id)s
  AND f.shop = 'failed'
"""
DELAYED = """
UPDATE free_code f SET shop_said = %(why)s
WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.reward_id = %(reward_id)s
  AND f.code = ANY(%(codes)s::text[]) AND f.shop = 'waiting' AND f.shop_said <> %(why)s
"""
WHY = """
SELECT DISTINCT f.shop_said FROM free_code f
WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.reward_id = %(reward_id)s
  AND f.shop <> 'knows' AND f.shop_said <> '' ORDER BY 1 LIMIT 3
"""


async def waiting(tx: Tx, store: Store, reward_id: int, most: int) -> list[str]:
    """Codes of which the shop does not know yet."""
    cursor = await tx.execute(WAITING, _list(store, reward_id) | {"most": most})
    return [row["code"] for row in await cursor.fetchall()]


async def told(tx: Tx, store: Store, reward_id: int, said: Mapping[str, str]) -> None:
    """The shop knows these, or said why not: by code; empty: it knows."""
    rows = [
        {"code": code, "shop": "failed" if why else "knows", "said": why[:200]}
        for code, why in sorted(said.items())
    ]
    if rows:
        await tx.execute(TOLD, _list(store, reward_id) | {"rows": db.document(rows)})


async def delayed(tx: Tx, store: Store, reward_id: int, some: Sequence[str], why: str) -> None:
    """The shop could not be told these now; they go on waiting."""
    given = {"codes": db.words(list(some)), "why": why[:200]}
    await tx.execute(DELAYED, _list(store, reward_id) | given)


async def all_known(tx: Tx, store: Store, reward_id: int) -> int:
    """The merchant has told the shop all of them by hand."""
    return (await tx.execute(ALL_KNOWN, _list(store, reward_id))).rowcount


async def again(tx: Tx, store: Store, reward_id: int) -> int:
    """Those that the shop refused are told it once more."""
    return (await tx.execute(AGAIN, _list(store, reward_id))).rowcount


async def why_not(tx: Tx, store: Store, reward_id: int) -> Sequence[str]:
    """What the shop said, at most three different words of it."""
    rows = await (await tx.execute(WHY, _list(store, reward_id))).fetchall()
    return [row["shop_said"] for row in rows]


def _list(store: Store, reward_id: int) -> dict[str, Any]:
    bucket = codes.list_bucket(store, reward_id)
    return {"bucket": bucket, "store_id": store.id, "reward_id": reward_id}
