"""Rewards: what a store gives, and what people were given."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.records.shelves import Shelf
from ringdove.rules.consent import ways_in
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.effects import GiveReward
from ringdove.rules.scenes import Store

COLUMNS = "id, token, name, kind, settings, retired_at"
SHELF = Shelf("reward", COLUMNS, ways_in.reward_of)
of_store, find, by_token, retire = SHELF.of_store, SHELF.find, SHELF.by_token, SHELF.retire

OF_CODES = f"""
SELECT {COLUMNS} FROM reward
WHERE store_id = %(store_id)s AND (id = ANY(%(ids)s::integer[]) OR (
  kind = 'code' AND settings ->> 'source' = 'common'
  AND settings ->> 'code' = ANY(%(codes)s::text[])))
ORDER BY retired_at IS NOT NULL, id DESC
"""


async def of_codes(
    tx: Tx, store_id: int, ids: Iterable[int], codes: Iterable[str]
) -> dict[int, Reward]:
    """These, and those whose code all share is one of these; what is still given comes first."""
    given = {"store_id": store_id, "ids": db.numbers(ids), "codes": db.words(sorted(codes))}
    rows = await (await tx.execute(OF_CODES, given)).fetchall()
    return {row["id"]: ways_in.reward_of(row) for row in rows}


# Over all stores on purpose: a worker asks whose codes are told to shops. A small table.
TOLD_TO_SHOPS = f"""
SELECT store_id, {COLUMNS} FROM reward
WHERE retired_at IS NULL AND settings ->> 'shop' = 'coupons' ORDER BY store_id, id
"""


async def told_to_shops(tx: Tx) -> list[tuple[int, Reward]]:
    """Offers whose codes are made as coupons in a shop, with their stores."""
    rows = await (await tx.execute(TOLD_TO_SHOPS)).fetchall()
    return [(row["store_id"], ways_in.reward_of(row)) for row in rows]


OTHERS = "SELECT id FROM reward WHERE store_id = %(store_id)s AND id <> %(reward_id)s"


async def others(tx: Tx, store_id: int, reward_id: int) -> list[int]:
    """The numbers of all but this one."""
    given = {"store_id": store_id, "reward_id": reward_id}
    return [row["id"] for row in await (await tx.execute(OTHERS, given)).fetchall()]


CREATE = """
INSERT INTO reward (store_id, id, token, name, kind, settings, created_at)
SELECT %(store_id)s, coalesce(max(id), 0) + 1, %(token)s, %(name)s, %(kind)s, %(settings)s, %(now)s
FROM reward WHERE store_id = %(store_id)s
RETURNING id
"""
CHANGE = """
UPDATE reward SET name = %(name)s, settings = %(settings)s
WHERE store_id = %(store_id)s AND id = %(reward_id)s
"""


async def create(tx: Tx, store_id: int, reward: Reward, now: datetime) -> int:
    """A new reward; its number."""
    return await SHELF.create(tx, CREATE, _row(store_id, reward) | {"now": now})


async def change(tx: Tx, store_id: int, reward: Reward) -> None:
    """What it is from now on; what was given stays as it was."""
    await tx.execute(CHANGE, _row(store_id, reward))


def _row(store_id: int, reward: Reward) -> dict[str, Any]:
    return {
        "store_id": store_id, "reward_id": reward.id, "token": reward.token, "name": reward.name,
        "kind": reward.kind, "settings": Jsonb(ways_in.reward_settings(reward)),
    }  # fmt: skip


# ------------------------------------------------------------------ what people were given

PUT_GIVEN = """
INSERT INTO reward_given
  (bucket, store_id, id, contact_id, reward_id, at, code, points, valid_until, is_welcome)
SELECT r.bucket, %(store_id)s, r.id, r.contact_id, r.reward_id, r.at, r.code, r.points,
  r.valid_until, r.is_welcome
FROM jsonb_populate_recordset(NULL::reward_given, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s)
"""
REWARDED = """
SELECT g.contact_id
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT g.contact_id FROM reward_given g
  WHERE g.bucket = k.bucket AND g.store_id = %(store_id)s AND g.contact_id = k.id AND g.is_welcome
  LIMIT 1
) g
"""
GIVEN = """
SELECT g.id, g.reward_id, g.at, g.code, g.points, g.valid_until, g.opened_at FROM reward_given g
WHERE g.bucket = %(bucket)s AND g.store_id = %(store_id)s AND g.contact_id = %(contact_id)s
ORDER BY g.id DESC LIMIT 50
"""
OPENED = """
UPDATE reward_given g SET opened_at = %(at)s
WHERE g.bucket = %(bucket)s AND g.store_id = %(store_id)s AND g.id = %(given_id)s
  AND g.opened_at IS NULL
"""


async def put_given(tx: Tx, store: Store, news: Sequence[GiveReward]) -> None:
    """Writes what was given."""
    rows: list[dict[str, Any]] = [
        {
            "bucket": bucket_of_id(one.id), "id": one.id, "contact_id": one.contact_id,
            "reward_id": one.reward_id, "at": one.at, "code": one.code, "points": one.points,
            "valid_until": one.valid_until, "is_welcome": one.is_welcome,
        }
        for one in news
    ]  # fmt: skip
    if rows:
        buckets = sorted({row["bucket"] for row in rows})
        given = {"buckets": buckets, "store_id": store.id, "rows": db.document(rows)}
        await tx.execute(PUT_GIVEN, given)


CODES_OF = """
SELECT g.contact_id, g.code FROM reward_given g
WHERE g.bucket = ANY(%(buckets)s) AND g.store_id = %(store_id)s
  AND g.contact_id = ANY(%(people)s::bigint[]) AND g.reward_id = %(reward_id)s AND g.code <> ''
ORDER BY g.id
"""
EXTEND = """
UPDATE reward_given g SET valid_until = %(until)s
WHERE g.bucket = ANY(%(buckets)s) AND g.store_id = %(store_id)s
  AND g.contact_id = ANY(%(people)s::bigint[]) AND g.reward_id = %(reward_id)s
  AND g.valid_until IS DISTINCT FROM %(until)s
"""


async def codes_of(
    tx: Tx, store: Store, reward_id: int, contact_ids: Sequence[int]
) -> dict[int, str]:
    """The code of this reward that each of these people was given last, by person."""
    about = _of_people(store, contact_ids) | {"reward_id": reward_id}
    rows = await (await tx.execute(CODES_OF, about)).fetchall()
    return {row["contact_id"]: row["code"] for row in rows}


async def extend(
    tx: Tx, store: Store, reward: Reward, contact_ids: Sequence[int], now: datetime
) -> None:
    """What these people were given of it is good as if it was given now."""
    if contact_ids:
        about = _of_people(store, contact_ids) | {"reward_id": reward.id, "until": reward.ends(now)}
        await tx.execute(EXTEND, about)


def _of_people(store: Store, contact_ids: Sequence[int]) -> dict[str, Any]:
    buckets = sorted({bucket_of_id(one) for one in contact_ids})
    return {"buckets": buckets, "store_id": store.id, "people": db.numbers(contact_ids)}


async def rewarded(tx: Tx, store: Store, contact_ids: Iterable[int]) -> set[int]:
    """Which of these people were given a welcome's reward already."""
    keys = [{"bucket": bucket_of_id(one), "id": one} for one in sorted(contact_ids)]
    if not keys:
        return set()
    cursor = await tx.execute(REWARDED, {"keys": db.document(keys), "store_id": store.id})
    return {row["contact_id"] for row in await cursor.fetchall()}


async def given(tx: Tx, store: Store, contact_id: int) -> Sequence[Mapping[str, Any]]:
    """What this person was given, the newest first."""
    about = {"bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id}
    return await (await tx.execute(GIVEN, about)).fetchall()


async def opened(tx: Tx, store: Store, given_id: int, at: datetime) -> bool:
    """Its link was opened as it must be; the first time counts. Whether this was it."""
    about = {"bucket": bucket_of_id(given_id), "store_id": store.id, "given_id": given_id}
    return (await tx.execute(OPENED, about | {"at": at})).rowcount > 0
