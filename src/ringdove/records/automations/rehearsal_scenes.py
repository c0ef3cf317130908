"""Scenes for rehearsals: some people, as they are now, with their past as it was at the beginning
of the time that is rehearsed.

What a fact of that time will tell again is left out: orders placed in it, payments, carts, sums.
Nothing is locked and nothing is written.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from ringdove.kit import db
from ringdove.kit.buckets import Ids, bucket_of, bucket_of_id, id_floor
from ringdove.kit.db import Tx
from ringdove.records import scenes, wants
from ringdove.records.automations.past_facts import Past
from ringdove.records.segments import histories, pictures
from ringdove.rules.automations.plans import Plan
from ringdove.rules.automations.rehearsing import Told
from ringdove.rules.scenes import Contact, Enrollment, History, Order, Ref, Scene, Store
from ringdove.rules.sending.routes import Ways
from ringdove.rules.wants import (
    BrandsWanted,
    FieldsWanted,
    HourWanted,
    PictureWanted,
    SurveysWanted,
    Wanted,
)

OF_PEOPLE = ("phone", "account", "email", "no_phone")  # keys that lead to somebody


@dataclass(frozen=True, slots=True)
class Ground:
    """What all scenes of one rehearsal share."""

    store: Store
    plan: Plan
    since: datetime
    ids: Ids
    keyed: Callable[[int, str], str]
    address: str
    link_key: bytes
    ways: Ways
    wanted: set[type[Wanted]] = field(default_factory=set)  # by people of before: loaded at once

    @property
    def is_marketing(self) -> bool:
        """Whether something commercial may be said."""
        return any(step.klass == "marketing" for step in self.plan.journey.sends())


async def load(tx: Tx, ground: Ground, past: Sequence[Past], told: Sequence[Told]) -> Scene:
    """The scene of these facts' people; who was erased is not in it. Conditions, goods and codes
    are added when they are asked for (records/wants.py)."""
    store, ids = ground.store, ground.ids
    contacts = await _people(tx, ground, {one.person for one in past})
    refs = {
        (kind, value): Ref(contact, row)
        for one in past
        for kind, value, contact, row in one.refs
        if contact in contacts
    }
    orders = await _orders(tx, ground, refs)
    scene = Scene(
        store,
        make_id=lambda key: ids.make(bucket_of(store.bucket_base, store.bucket_span, key)),
        make_id_beside=lambda row_id: ids.make(bucket_of_id(row_id)),
        keyed=lambda text: ground.keyed(store.id, text),
        contacts=contacts,
        orders=orders,
        ways=ground.ways,
        address=ground.address,
        own_link=partial(scenes.link_of, store, ground.address, ground.link_key),
    )
    scene.refs = {
        key: ref
        for key, ref in refs.items()
        if key[0] in OF_PEOPLE or (key[0] == "order" and ref.row_id in orders)
    }
    # Who is here by an account that they made in this time is told of anew (R10).
    scene.known_people = {
        one.id: one
        for one in contacts.values()
        if one.origin != "account" or one.created_at < ground.since
    }
    for run in await _runs(tx, ground, contacts):
        scene.keep_run(run)
    if ground.is_marketing:
        living = [one for one in contacts.values() if one.merged_into is None]
        scene.histories = await _histories(tx, ground, living)
    await scenes.load_categories(tx, scene, [one.fact for one in told])
    for kind in ground.wanted:
        await wants.add(tx, scene, kind(), ground.since)
    return scene


def learn(ground: Ground, scene: Scene) -> None:
    """What this scene's answers wanted, the next one's will want."""
    if scene.own_hours is not None:
        ground.wanted.add(HourWanted)
    if scene.pictures is not None:
        ground.wanted.add(PictureWanted)
    if scene.brands is not None:
        ground.wanted.add(BrandsWanted)
    if scene.knows_fields:
        ground.wanted.add(FieldsWanted)
    if scene.surveys is not None:
        ground.wanted.add(SurveysWanted)


# Sums of whom an order of before was placed by; sums in other currencies cannot be added.
BOUGHT_BEFORE = """
SELECT k.id AS contact_id, count(*)::integer AS orders, max(t.placed_at) AS last_order_at,
  coalesce(sum(t.total) FILTER (WHERE t.currency = ANY(ARRAY['', %(currency)s])), 0) AS spent
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT t.placed_at, t.currency, t.total FROM purchase_order t
  WHERE t.bucket = k.bucket AND t.store_id = %(store_id)s AND t.contact_id = k.id
    AND t.placed_at < %(since)s AND (t.cancelled_at IS NULL OR t.cancelled_at >= %(since)s) OFFSET 0
) t
GROUP BY k.id
"""


async def _people(tx: Tx, ground: Ground, wanted: Iterable[int]) -> dict[int, Contact]:
    """These and all their names, with what they had bought before."""
    store, since = ground.store, ground.since
    rows = await _of(tx, pictures.PEOPLE, store, wanted)
    names = {name for row in rows for name in row["also"]} - {row["id"] for row in rows}
    rows += await _of(tx, pictures.PEOPLE, store, names) if names else []
    people = {row["id"]: scenes.contact_of(row) for row in rows}
    people = {one.id: one for one in people.values() if not one.erased_at}
    bought: dict[int, tuple[int, Decimal, datetime | None]] = {}
    more = {"since": since, "currency": store.currency}
    for row in await _of(tx, BOUGHT_BEFORE, store, people, **more):
        bought[row["contact_id"]] = row["orders"], row["spent"], row["last_order_at"]
    return {one.id: _as_before(one, bought) for one in people.values()}


def _as_before(one: Contact, bought: Mapping[int, tuple[int, Decimal, datetime | None]]) -> Contact:
    names = (one.id, *one.also) if one.merged_into is None else (one.id,)
    known = [bought[name] for name in names if name in bought]
    return replace(
        one,
        orders=sum(orders for orders, _, _ in known),
        spent=sum((spent for _, spent, _ in known), Decimal(0)),
        last_order_at=max((at for *_, at in known if at), default=None),
    )


async def _orders(
    tx: Tx, ground: Ground, refs: Mapping[tuple[str, str], Ref]
) -> dict[int, Order]:  # fmt: skip
    """Orders that were placed before, without what was told of them later."""
    ids = {ref.row_id for (kind, _), ref in refs.items() if kind == "order" and ref.row_id}
    rows = await _of(tx, scenes.ORDERS, ground.store, ids)
    before = [scenes.order_of(row) for row in rows if row["placed_at"] < ground.since]
    return {one.id: _as_then(one, ground.since) for one in before}


def _as_then(order: Order, since: datetime) -> Order:
    is_paid = order.paid_at is not None and order.paid_at < since
    is_closed = order.cancelled_at is not None and order.cancelled_at < since
    is_promised = order.promised_said_at is not None and order.promised_said_at < since
    return replace(
        order,
        paid_at=order.paid_at if is_paid else None,
        cancelled_at=order.cancelled_at if is_closed else None,
        state=order.state if is_closed or order.cancelled_at is None else "placed",
        promised_from=order.promised_from if is_promised else None,
        promised_until=order.promised_until if is_promised else None,
        promised_said_at=order.promised_said_at if is_promised else None,
        changed_at=min(order.changed_at, since),
    )


# What was begun before is not begun once more.
RUNS = """
SELECT e.*
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT e.* FROM enrollment e
  WHERE e.bucket = k.bucket AND e.store_id = %(store_id)s AND e.contact_id = k.id OFFSET 0
) e
WHERE e.recipe = %(recipe)s AND e.started_at < %(since)s
"""


async def _runs(tx: Tx, ground: Ground, people: Iterable[int]) -> list[Enrollment]:
    more = {"recipe": ground.plan.journey.key, "since": ground.since}
    found: list[Enrollment] = []
    for row in await _of(tx, RUNS, ground.store, people, **more):
        run = {name: value for name, value in row.items() if name not in ("bucket", "store_id")}
        found.append(replace(Enrollment(**run), state="done", wake_at=None))
    return found


# What the automation itself has said in that time is what is rehearsed.
OWN_TEXTS = """
SELECT t.id
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT t.id, t.recipe FROM message t
  WHERE t.bucket = k.bucket AND t.store_id = %(store_id)s AND t.contact_id = k.id
    AND t.id >= %(first)s OFFSET 0
) t
WHERE t.recipe = %(recipe)s
"""


async def _histories(
    tx: Tx, ground: Ground, living: Sequence[Contact]
) -> dict[int, History]:  # fmt: skip
    found = await histories.load(tx, ground.store, living, ground.since)
    names = [name for one in living for name in (one.id, *one.also)]
    more = {"recipe": ground.plan.journey.key, "first": id_floor(ground.since)}
    own = {row["id"] for row in await _of(tx, OWN_TEXTS, ground.store, names, **more)}
    told: dict[int, History] = {}
    for person, one in found.items():
        touches = [touch for touch in one.touches if touch.message_id not in own]
        before = {key: at for key, at in one.bought.items() if at < ground.since}
        told[person] = History(touches, before)
    return told


async def _of(
    tx: Tx, statement: str, store: Store, row_ids: Iterable[int], **more: Any
) -> list[dict[str, Any]]:
    keys = [{"bucket": bucket_of_id(one), "id": one} for one in sorted(set(row_ids))]
    if not keys:
        return []
    given = {"store_id": store.id, "keys": db.document(keys), **more}
    return list(await (await tx.execute(statement, given)).fetchall())
