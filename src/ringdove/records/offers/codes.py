"""Promo codes: those of a list that wait to be given, and those that belong to somebody (P7).

A code is kept for a batch by a lock and taken off the list in the transaction that gives it: two
that ask at the same time never get the same. A given one lies in the bucket of its own name, so
that the shop's question costs one look-up.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from psycopg import errors

from ringdove.kit import db
from ringdove.kit.buckets import Ids, LentIds, bucket_of, bucket_of_id
from ringdove.kit.db import Tx
from ringdove.records.consent import forms
from ringdove.records.lists.import_chunks import escaped
from ringdove.records.offers import rewards as rewards_given
from ringdove.rules.consent.ways_in import Code, Reward
from ringdove.rules.effects import GiveReward, UseCode
from ringdove.rules.offers import offers, rewards
from ringdove.rules.offers.rewards import Keyed
from ringdove.rules.scenes import Store

# One bucket is asked, that of the reward. Codes that others keep are passed over.
KEEP = """
SELECT f.code FROM free_code f
WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.reward_id = %(reward_id)s
  AND f.shop = 'knows'
ORDER BY f.code LIMIT %(most)s FOR UPDATE SKIP LOCKED
"""
# Near the list's end: what others keep may still come free, so this waits for them.
KEEP_LAST = """
SELECT f.code FROM free_code f
WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.reward_id = %(reward_id)s
  AND f.shop = 'knows'
ORDER BY f.code LIMIT %(most)s FOR UPDATE
"""
TAKE = """
DELETE FROM free_code f USING jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, reward_id integer, code text)
WHERE f.bucket = r.bucket AND f.bucket = ANY(%(buckets)s) AND f.store_id = %(store_id)s
  AND f.reward_id = r.reward_id AND f.code = r.code
"""
# No ON CONFLICT: a code that somebody has already is never given a second time.
PUT = """
INSERT INTO promo_code (bucket, store_id, code, reward_id, contact_id, given_at, valid_until)
SELECT r.bucket, %(store_id)s, r.code, r.reward_id, r.contact_id, r.given_at, r.valid_until
FROM jsonb_populate_recordset(NULL::promo_code, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s)
"""


async def keep(tx: Tx, store: Store, reward_id: int, most: int) -> list[str]:
    """Up to `most` codes of a list that nobody else can be given until this transaction ends."""
    about = {
        "bucket": list_bucket(store, reward_id), "store_id": store.id, "reward_id": reward_id,
        "most": most,
    }  # fmt: skip
    rows = await (await tx.execute(KEEP, about)).fetchall()
    if len(rows) < most:
        rows = await (await tx.execute(KEEP_LAST, about)).fetchall()
    return [row["code"] for row in rows]


async def give(tx: Tx, store: Store, news: Sequence[GiveReward]) -> None:
    """Takes them off their lists and makes them their people's."""
    taken = [
        {"bucket": list_bucket(store, one.reward_id), "reward_id": one.reward_id, "code": one.code}
        for one in news
        if one.from_pool
    ]
    if taken:
        cursor = await tx.execute(TAKE, _rows(store, taken))
        assert cursor.rowcount == len(taken), "a code was given without being kept for it"
    own = [
        {
            "bucket": _bucket(store, one.code), "code": one.code, "reward_id": one.reward_id,
            "contact_id": one.contact_id, "given_at": one.at, "valid_until": one.valid_until,
        }
        for one in news
        if one.is_own
    ]  # fmt: skip
    if own:
        await tx.execute(PUT, _rows(store, own))


def list_bucket(store: Store, reward_id: int) -> int:
    """Where the list of a reward's codes lies."""
    return bucket_of(store.bucket_base, store.bucket_span, f"reward/{reward_id}")


def _bucket(store: Store, code: str) -> int:
    return bucket_of(store.bucket_base, store.bucket_span, f"code/{code}")


def _rows(store: Store, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    in_order = sorted(rows, key=lambda row: (row["bucket"], row["code"]))
    buckets = sorted({row["bucket"] for row in rows})
    return {"buckets": buckets, "store_id": store.id, "rows": db.document(in_order)}


# ------------------------------------------------------------------ a page of a campaign

TURNS_MAX = 100  # codes that one person can have used of one offer
TURNS_SHOWN = 12

# Already there: this person's of before, or by chance somebody else's. Never given a second time.
PUT_PAGE = """
INSERT INTO promo_code (bucket, store_id, code, reward_id, contact_id, given_at, valid_until)
SELECT r.bucket, %(store_id)s, r.code, %(reward_id)s, r.contact_id, %(now)s, %(until)s
FROM unnest(%(of_codes)s::integer[], %(codes)s::text[], %(people)s::bigint[])
  AS r(bucket, code, contact_id)
WHERE r.bucket = ANY(%(buckets)s)
ORDER BY r.code COLLATE "C" ON CONFLICT (bucket, store_id, code) DO NOTHING
"""
# Half of what the same costs PostgreSQL when each row is asked for first; one that is there already
# refuses them all.
COPY_PAGE = """
COPY promo_code (bucket, store_id, code, reward_id, contact_id, given_at, valid_until) FROM STDIN
"""
NULL = r"\N"
COPIED_FROM = 500  # people: fewer are not worth the asking
PROBES = 8
EXTEND = """
UPDATE promo_code c SET valid_until = %(until)s
FROM unnest(%(of_codes)s::integer[], %(codes)s::text[]) AS r(bucket, code)
WHERE c.bucket = r.bucket AND c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s
  AND c.code = r.code AND c.valid_until IS DISTINCT FROM %(until)s
"""
# Codes that others are about to give are passed over: if they fail, they come back for them.
TAKE_PAGE = """
WITH kept AS MATERIALIZED (
  SELECT f.code FROM free_code f
  WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.reward_id = %(reward_id)s
  AND f.shop = 'knows'
  ORDER BY f.code LIMIT %(most)s FOR UPDATE SKIP LOCKED)
DELETE FROM free_code f
WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.reward_id = %(reward_id)s
  AND f.code = ANY(ARRAY(SELECT k.code FROM kept k))
RETURNING f.code
"""


async def for_page(
    tx: Tx, store: Store, offer: Reward, contact_ids: Sequence[int], now: datetime,
    keyed: Keyed, ids: Ids | LentIds,
) -> list[str]:  # fmt: skip
    """A code for each of these people (main rows, each named once), in their order, given in the
    caller's transaction; whoever has one of this offer that is unused gets the same again, good
    until the end that it would have if it was given now (offer.ends(now)). "": there is none (the
    list is empty or the offer is over: counted as owed), or an offer that has no codes (a closed
    page).

    `keyed`: partial(runtime.keyed, store.id). `ids`: runtime.ids, for codes of a list. An offer
    with `offer.by_link` is better said by the person's link, rules/offers/rewards.link_of."""
    people = list(contact_ids)
    if offer.kind != "code" or not people:
        return [""] * len(people)
    if not rewards.may_be_given(offer, now):
        new, found = 0, {}
    elif offer.source == "common":
        new, found = len(people), dict.fromkeys(people, offer.code)
    elif not offer.from_list:
        new, found = await _own_page(tx, store, offer, people, now, keyed)
    else:
        new, found = await _list_page(tx, store, offer, people, now, ids)
    about = f"reward/{offer.id}"
    news = {f"{about}/given": new, f"{about}/owed": len(people) - len(found)}
    # Beside the page's people, so that campaigns do not wait for each other at one counter.
    await forms.count(tx, store.id, bucket_of_id(people[0]), news)
    return [found.get(one, "") for one in people]


async def _own_page(
    tx: Tx, store: Store, offer: Reward, people: list[int], now: datetime, keyed: Keyed
) -> tuple[int, dict[int, str]]:
    """How many codes are new, and everybody's."""
    secret = keyed(f"offer/{offer.id}")
    # Most offers are never given for subscribing: nobody's code has to be looked for.
    is_welcome = await forms.gives(tx, store.id, offer.id)
    found = await _had(tx, store, offer, people, now) if is_welcome else dict[int, str]()
    new, wanting = 0, [one for one in people if one not in found]
    for turn in range(TURNS_MAX):
        if not wanting:
            break
        said = offers.own_codes(offer.prefix, secret, wanting, turn)
        put, mine = await _put_page(tx, store, offer, dict(zip(wanting, said, strict=True)), now)
        new, found = new + put, found | mine
        wanting = [one for one in wanting if one not in found]
    return new, found


async def _had(
    tx: Tx, store: Store, offer: Reward, people: list[int], now: datetime
) -> dict[int, str]:
    """Who has an unused code of it that was noted beside them, made good as if it was given now."""
    had = await rewards_given.codes_of(tx, store, offer.id, people)
    known = await find(tx, store, had.values())
    mine = {
        person: code
        for person, code in had.items()
        if (one := known.get(code)) and _is_unused(one, offer, person)
    }
    await rewards_given.extend(tx, store, offer, list(mine), now)
    return await _extend(tx, store, offer, mine, now)


async def _put_page(
    tx: Tx, store: Store, offer: Reward, made: dict[int, str], now: datetime
) -> tuple[int, dict[int, str]]:
    """Gives these codes to these people: how many are new, and whose are theirs and unused."""
    if len(made) >= COPIED_FROM and await _copied(tx, store, offer, made, now):
        return len(made), made
    about = _page(store, list(made.values())) | {
        "people": db.numbers(made), "reward_id": offer.id, "now": now, "until": offer.ends(now),
    }  # fmt: skip
    put = (await tx.execute(PUT_PAGE, about)).rowcount
    if put == len(made):
        return put, made
    known = await find(tx, store, made.values())
    mine = {
        person: code
        for person, code in made.items()
        if (one := known.get(code)) and _is_unused(one, offer, person)
    }
    return put, await _extend(tx, store, offer, mine, now)


async def _copied(tx: Tx, store: Store, offer: Reward, made: dict[int, str], now: datetime) -> bool:
    """Gives all of them, where nobody has any of these codes yet; else none. Who comes again comes
    with all of a page, so that a few of them tell; a code that somebody has by chance is met with
    on the way, and costs the page once more."""
    said = sorted(made.items(), key=itemgetter(1))  # as PUT_PAGE: two that meet wait in one order
    codes = "".join(code for _, code in said)
    if escaped(codes) != codes:
        return False  # a list of the shop's may hold what COPY reads otherwise
    if await find(tx, store, (code for _, code in said[:: len(said) // PROBES])):
        return False
    until = offer.ends(now)
    tail = f"{now}\t{until or NULL}\n"
    store_id, offer_id = store.id, offer.id
    lines = [
        f"{_bucket(store, code)}\t{store_id}\t{code}\t{offer_id}\t{person}\t{tail}"
        for person, code in said
    ]
    try:
        async with tx.transaction(), tx.cursor().copy(COPY_PAGE) as out:
            await out.write("".join(lines))
    except errors.UniqueViolation:
        return False
    return True


def _is_unused(code: Code, offer: Reward, person: int) -> bool:
    mine = code.reward_id == offer.id and code.contact_id == person
    return mine and code.used_at is None


async def _extend(
    tx: Tx, store: Store, offer: Reward, mine: dict[int, str], now: datetime
) -> dict[int, str]:
    if mine:
        about = _page(store, list(mine.values())) | {"until": offer.ends(now)}
        await tx.execute(EXTEND, about)
    return mine


async def _list_page(
    tx: Tx, store: Store, offer: Reward, people: list[int], now: datetime, ids: Ids | LentIds
) -> tuple[int, dict[int, str]]:
    """The same of a list of the shop's: what a person has of it stands in their bucket."""
    found = await _had(tx, store, offer, people, now)
    wanting, new = [one for one in people if one not in found], dict[int, str]()
    while wanting:
        about = {
            "bucket": list_bucket(store, offer.id), "store_id": store.id,
            "reward_id": offer.id, "most": len(wanting),
        }  # fmt: skip
        taken = [row["code"] for row in await (await tx.execute(TAKE_PAGE, about)).fetchall()]
        if not taken:
            break
        made = dict(zip(wanting, sorted(taken), strict=False))
        _, put = await _put_page(tx, store, offer, made, now)
        new |= put
        wanting = [one for one in wanting if one not in new]
    await rewards_given.put_given(
        tx, store,
        [
            GiveReward(ids.make(bucket_of_id(person)), person, offer.id, now, code, True, True, 0,
                       offer.ends(now), is_welcome=False)
            for person, code in new.items()
        ],
    )  # fmt: skip
    return len(new), found | new


async def of_person(
    tx: Tx, store: Store, offer: Reward, contact_id: int, keyed: Keyed
) -> Code | None:
    """The code that a campaign made for this person last; None: none did. Those of a list stand
    with their person (records/offers/rewards.given)."""
    secret = keyed(f"offer/{offer.id}")
    turns = [
        offers.own_codes(offer.prefix, secret, [contact_id], turn)[0] for turn in range(TURNS_SHOWN)
    ]
    known = await find(tx, store, turns)
    found = (known[code] for code in reversed(turns) if code in known)
    mine = [one for one in found if (one.reward_id, one.contact_id) == (offer.id, contact_id)]
    return next((one for one in mine if one.used_at is None), mine[0] if mine else None)


def _page(store: Store, codes: Sequence[str]) -> dict[str, Any]:
    of_codes = [_bucket(store, code) for code in codes]
    return {
        "store_id": store.id, "buckets": sorted(set(of_codes)), "of_codes": db.numbers(of_codes),
        "codes": db.words(codes),
    }  # fmt: skip


# ------------------------------------------------------------------ using

FIND = """
SELECT c.code, c.reward_id, c.contact_id, c.given_at, c.valid_until, c.used_at, c.used_order
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, code text)
CROSS JOIN LATERAL (
  SELECT c.* FROM promo_code c
  WHERE c.bucket = k.bucket AND c.store_id = %(store_id)s AND c.code = k.code OFFSET 0
) c
"""
USE = """
UPDATE promo_code c SET used_at = r.used_at, used_order = r.used_order
FROM jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, code text, used_at timestamptz, used_order text)
WHERE c.bucket = r.bucket AND c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s
  AND c.code = r.code AND (c.used_at IS NULL OR r.used_at IS NULL)
"""


async def find(tx: Tx, store: Store, codes: Iterable[str]) -> dict[str, Code]:
    """Those of these codes that were given to somebody."""
    keys = [{"bucket": _bucket(store, code), "code": code} for code in sorted(set(codes))]
    if not keys:
        return {}
    cursor = await tx.execute(FIND, {"keys": db.document(keys), "store_id": store.id})
    return {row["code"]: Code(**row) for row in await cursor.fetchall()}


async def use(tx: Tx, store: Store, news: Sequence[UseCode]) -> None:
    """Orders were paid with these, or are no more. Of two at once the first has it."""
    rows = [
        {
            "bucket": _bucket(store, one.code), "code": one.code, "used_at": one.at,
            "used_order": one.order,
        }
        for one in {one.code: one for one in news}.values()
    ]  # fmt: skip
    if rows:
        await tx.execute(USE, _rows(store, rows))
