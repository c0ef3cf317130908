"""Answers a batch with all that it turns out to want (rules/wants.py).

A scene is loaded once; what its answers find missing is added, and the batch is answered again from
the beginning. Most batches never come here twice.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, TypeVar

from ringdove.kit import db
from ringdove.kit.buckets import Ids, LentIds, bucket_of, bucket_of_id
from ringdove.kit.db import Tx
from ringdove.records.goods import goods_choice
from ringdove.records.offers import codes, rewards
from ringdove.records.people import dealings, own_fields
from ringdove.records.segments import histories, pictures, segments
from ringdove.records.surveys import surveys
from ringdove.rules import facts, wants
from ringdove.rules.consent.ways_in import WaysIn
from ringdove.rules.contests.contests import Contests
from ringdove.rules.conversations import conversations
from ringdove.rules.scenes import Contact, Scene
from ringdove.rules.wants import Chosen, CodeWish, Good, Queued, Wanted

ROUNDS_MAX = 12  # more than there are kinds of things to want
MANY = 10  # facts

T = TypeVar("T")


async def decided(
    tx: Tx, loaded: Scene, answer: Callable[[Scene], T], now: datetime, ids: Ids | LentIds
) -> tuple[Scene, T]:
    """The scene with all that `answer` made of it, and what it returned. `loaded` stays as it was
    but for what was added to it. `answer` must be repeatable. Raises what `answer` raises."""
    for _ in range(ROUNDS_MAX):
        scene = _fresh(loaded)
        try:
            found = answer(scene)
        except Wanted as wanted:
            await add(tx, loaded, wanted, now)
            continue
        if not scene.chosen.is_wanting:
            return scene, found
        await _choose(tx, loaded, scene.chosen, now, ids)
    raise RuntimeError("the answers to a batch find no end of what they want")


async def foresee(tx: Tx, scene: Scene, batch: Sequence[facts.Fact]) -> None:
    """What answers to texts will want of a large batch, which is not answered twice because one of
    many asks where their order is; a few facts are soon answered again."""
    if len(batch) < MANY:
        return
    country = scene.store.country
    numbers = {
        conversations.number_of(fact, country)
        for fact in batch
        if isinstance(fact, facts.TextReceived)
    }
    known = [ref for number in numbers if (ref := scene.refs.get(("phone", number)))]
    if known:
        people = {scene.person(ref.contact_id).id for ref in known}
        scene.chosen.dealings |= await dealings.load(tx, scene, people)


def _fresh(loaded: Scene) -> Scene:
    """The scene before anything was answered: what answers change is a copy."""
    loaded.ids_again()
    return replace(loaded, **{one.name: _own(getattr(loaded, one.name)) for one in fields(loaded)})


def _own(value: Any) -> Any:
    if isinstance(value, dict):
        some = next(iter(value.values()), None)
        nested = isinstance(some, (dict, list, set))
        return {key: _own(one) for key, one in value.items()} if nested else dict(value)
    if isinstance(value, (list, set)):
        return copy(value)
    if isinstance(value, (WaysIn, Chosen, Contests)):
        return replace(value, **{one.name: _own(getattr(value, one.name)) for one in fields(value)})
    return value


# ------------------------------------------------------------------ what everybody has


async def add(tx: Tx, scene: Scene, wanted: Wanted, now: datetime) -> None:
    """What is missing of everybody in the scene."""
    living = [one for one in scene.contacts.values() if one.merged_into is None]
    match wanted:
        case wants.HistoryWanted():
            scene.histories = await histories.load(tx, scene.store, living, now)
            scene.queued = await _queued(tx, scene)
        case wants.PictureWanted():
            people = [one.id for one in living if not one.erased_at]
            scene.segments = await segments.trees(tx, scene.store)
            scene.pictures = await pictures.load(tx, scene.store, people, scene.segments)
        case wants.HourWanted():
            scene.own_hours = await _own_hours(tx, scene, living)
        case wants.FieldsWanted():
            scene.own_fields = await own_fields.of_store(tx, scene.store)
            scene.knows_fields = True
        case wants.BrandsWanted():
            scene.brands = await _brands(tx, scene)
        case wants.ProductsWanted():
            scene.products = await _products(tx, scene)
        case wants.SurveysWanted():
            scene.surveys = await surveys.load(tx, scene.store.id)
        case _:
            raise wanted


QUEUED = """
SELECT k.id AS contact_id, o.message_id, o.due_at, m.recipe
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT o.message_id, o.due_at FROM outbox o
  WHERE o.bucket = k.bucket AND o.store_id = %(store_id)s AND o.contact_id = k.id
    AND o.class = 'marketing' AND o.campaign_id IS NULL OFFSET 0
) o
CROSS JOIN LATERAL (
  SELECT m.recipe FROM message m
  WHERE m.bucket = k.bucket AND m.store_id = %(store_id)s AND m.id = o.message_id
    AND m.cause = 'automation' OFFSET 0
) m
"""


async def _queued(tx: Tx, scene: Scene) -> dict[int, dict[int, Queued]]:
    """Offers of automations that wait to be sent, by living person."""
    found: dict[int, dict[int, Queued]] = defaultdict(dict)
    given = {"store_id": scene.store.id, "keys": _keys(scene.contacts)}
    for row in await (await tx.execute(QUEUED, given)).fetchall():
        whose = scene.person(row["contact_id"]).id
        found[whose][row["message_id"]] = Queued(**row)
    return dict(found)


OWN_HOURS = """
SELECT f.contact_id, f.own_hour FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT f.contact_id, f.own_hour FROM contact_figure f
  WHERE f.bucket = k.bucket AND f.store_id = %(store_id)s AND f.contact_id = k.id
    AND f.own_hour IS NOT NULL OFFSET 0
) f
"""


async def _own_hours(tx: Tx, scene: Scene, living: Iterable[Contact]) -> dict[int, int]:
    given = {"store_id": scene.store.id, "keys": _keys(one.id for one in living)}
    rows = await (await tx.execute(OWN_HOURS, given)).fetchall()
    return {row["contact_id"]: row["own_hour"] for row in rows}


def _keys(row_ids: Iterable[int]) -> Any:
    return db.document([{"bucket": bucket_of_id(one), "id": one} for one in sorted(row_ids)])


BRANDS = """
SELECT p.sku, p.brand FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, sku text)
CROSS JOIN LATERAL (
  SELECT p.sku, p.brand FROM product p
  WHERE p.bucket = k.bucket AND p.store_id = %(store_id)s AND p.sku = k.sku AND p.brand <> ''
  OFFSET 0
) p
"""


async def _brands(tx: Tx, scene: Scene) -> dict[str, str]:
    """Of all goods that the scene's orders, carts and facts name."""
    rows = await (await tx.execute(BRANDS, _named(scene))).fetchall()
    return {row["sku"]: row["brand"] for row in rows}


PRODUCTS = """
SELECT p.* FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, sku text)
CROSS JOIN LATERAL (
  SELECT p.sku, p.name, p.url, p.category, p.price FROM product p
  WHERE p.bucket = k.bucket AND p.store_id = %(store_id)s AND p.sku = k.sku OFFSET 0
) p
"""


async def _products(tx: Tx, scene: Scene) -> dict[str, Good]:
    """Likewise, as the catalogue has them now."""
    rows = await (await tx.execute(PRODUCTS, _named(scene))).fetchall()
    return {row["sku"]: Good(**row) for row in rows}


def _named(scene: Scene) -> dict[str, Any]:
    store = scene.store
    keys = [
        {"bucket": bucket_of(store.bucket_base, store.bucket_span, f"product/{sku}"), "sku": sku}
        for sku in sorted(_skus(scene))
    ]
    return {"store_id": store.id, "keys": db.document(keys)}


def _skus(scene: Scene) -> set[str]:
    skus = set(scene.skus)
    for order in scene.orders.values():
        skus.update(line.sku for line in order.lines or ())
    for cart in scene.carts.values():
        skus.update(line.sku for line in cart.items)
    for run in scene.enrollments.values():
        if run.state == "waiting":
            skus.add(run.trigger.get("sku", ""))
            skus.update(line.get("sku", "") for line in run.trigger.get("lines", ()))
    return skus - {""}


# ------------------------------------------------------------------ what is chosen for some


async def _choose(tx: Tx, scene: Scene, wanting: Chosen, now: datetime, ids: Ids | LentIds) -> None:
    chosen = scene.chosen
    if numbers := wanting.offers_wanted | {wish.offer for wish in wanting.codes_wanted}:
        found = await rewards.of_codes(tx, scene.store.id, numbers - chosen.offers.keys(), ())
        chosen.offers |= dict.fromkeys(numbers - chosen.offers.keys()) | found
    by_offer: dict[int, list[CodeWish]] = defaultdict(list)
    for wish in sorted(wanting.codes_wanted):
        by_offer[wish.offer].append(wish)
    for number, some in by_offer.items():
        offer = chosen.offers[number]
        people = [wish.contact_id for wish in some]
        given = [""] * len(some)
        if offer is not None:
            given = await codes.for_page(tx, scene.store, offer, people, now, scene.keyed, ids)
        chosen.codes |= dict(zip(some, given, strict=True))
    if wanting.dealings_wanted:
        chosen.dealings |= await dealings.load(tx, scene, wanting.dealings_wanted)
    if wanting.goods_wanted:
        chosen.goods |= await goods_choice.choose(tx, scene.store, wanting.goods_wanted, now)
