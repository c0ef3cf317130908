"""Loads what a batch of facts of one store is about, and commits what follows from it.

Contact rows are locked first; whatever hangs on them is read after that, so two batches about one
person follow each other. Everything is written by whole-batch statements, one per table and
bucket, in the caller's transaction.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache, partial
from operator import itemgetter
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from ringdove.kit import db
from ringdove.kit.buckets import Ids, bucket_of, bucket_of_id
from ringdove.records import scene_rows
from ringdove.records.automations import automations
from ringdove.records.consent import confirming, suppression, ways_in
from ringdove.records.contests import entries
from ringdove.records.conversations import conversations
from ringdove.records.friends import invitations
from ringdove.records.keeping import erased_keys
from ringdove.records.people import merges, own_fields
from ringdove.records.sending import routes
from ringdove.records.surveys import survey_answers
from ringdove.rules import answers, facts
from ringdove.rules.automations import automations as engine
from ringdove.rules.consent import suppression as refusals
from ringdove.rules.keeping import erasing
from ringdove.rules.links import links
from ringdove.rules.scenes import (
    Cart,
    Contact,
    Enrollment,
    Item,
    Order,
    Parcel,
    Ref,
    Return,
    Scene,
    Store,
)

NAMES_ROUNDS = 4  # a name, the one behind it, its other names, and once more after a race

Tx = AsyncConnection[Any]
Keyed = Callable[[int, str], str]  # store, text


async def load(
    tx: Tx,
    store: Store,
    batch: Sequence[facts.Fact],
    ids: Ids,
    keyed: Keyed,
    down_before: datetime | None = None,
    *,
    address: str = "",
    link_key: bytes = b"",
) -> Scene:
    """The scene of a batch, its contacts locked until the transaction ends. A gateway that is down
    since before `down_before` stands behind the others; None: none counts as down. `keyed`: the
    installation's hash (Runtime.keyed). `address`: of our pages, for people's own links;
    `link_key`: for those of messages (Runtime.link_key), without which they have none."""
    made = _Ids(lambda key: ids.make(bucket_of(store.bucket_base, store.bucket_span, key)))
    scene = Scene(
        store,
        make_id=made.make,
        ids_again=made.again,
        make_id_beside=lambda row_id: ids.make(bucket_of_id(row_id)),
        keyed=lambda text: keyed(store.id, text),
        address=address,
        own_link=partial(link_of, store, address, link_key) if link_key else None,
    )
    await _load_refs(tx, scene, batch)
    contact_ids = {ref.contact_id for ref in scene.refs.values()}
    for fact in batch:
        contact_ids.update(fact.people())
    await _lock_contacts(tx, scene, contact_ids)
    await _lock_all_names(tx, scene, batch)
    _leave_the_erased(scene)
    await _load_refusals(tx, scene, batch, keyed)
    await _load_rows(tx, scene)
    await load_categories(tx, scene, batch)
    await _load_enrollments(tx, scene)
    await confirming.load(tx, scene, batch)
    await conversations.load(tx, scene, batch)
    await survey_answers.load(tx, scene, batch)
    await invitations.load(tx, scene, batch, keyed)
    await _load_ways(tx, scene, down_before)
    await _load_woken(tx, scene, batch)
    await ways_in.load(tx, scene, batch)
    await entries.load(tx, scene, batch)
    return scene


class _Ids:
    """New ids by natural key. A batch that is answered again meets the same new people."""

    def __init__(self, make: Callable[[str], int]) -> None:
        self._new = make
        self._made: dict[str, list[int]] = {}
        self._asked: Counter[str] = Counter()

    def make(self, key: str) -> int:
        made, n = self._made.setdefault(key, []), self._asked[key]
        self._asked[key] += 1
        if n == len(made):
            made.append(self._new(key))
        return made[n]

    def again(self) -> None:
        self._asked.clear()


def link_of(store: Store, address: str, key: bytes, message_id: int, number: int) -> str:
    if not (store.link_host or address):
        return ""
    token = links.token_of(store.id, message_id, number, key)
    if number == links.OF_FORM:
        return links.form_prefix_of(store, address) + token
    return links.url_of(store, address, token)


REFS = """
SELECT r.kind, r.value, r.contact_id, r.row_id
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, kind text, value text)
CROSS JOIN LATERAL (
  SELECT r.* FROM contact_ref r
  WHERE r.bucket = k.bucket AND r.store_id = %(store_id)s AND r.kind = k.kind AND r.value = k.value
  OFFSET 0
) r
"""


async def _load_refs(
    tx: Tx, scene: Scene, batch: Sequence[facts.Fact], more: Iterable[tuple[str, str]] = ()
) -> None:
    store = scene.store
    keys = {key for fact in batch for key in answers.about(fact, store.country)} | set(more)
    if not keys:
        return
    rows = [
        {
            "bucket": bucket_of(store.bucket_base, store.bucket_span, f"{kind}/{value}"),
            "kind": kind,
            "value": value,
        }
        for kind, value in keys
    ]
    cursor = await tx.execute(REFS, {"keys": db.document(rows), "store_id": store.id})
    for row in await cursor.fetchall():
        scene.refs[row["kind"], row["value"]] = Ref(row["contact_id"], row["row_id"])


# One bucket at a time and in the order of ids: two batches never wait for each other in a ring.
LOCK_CONTACTS = """
SELECT c.* FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s
  AND c.id = ANY(ARRAY(SELECT v::bigint FROM jsonb_array_elements_text(%(ids)s) v))
ORDER BY c.id FOR UPDATE
"""


async def _lock_contacts(tx: Tx, scene: Scene, contact_ids: Iterable[int]) -> None:
    given = [
        {"bucket": bucket, "store_id": scene.store.id, "ids": db.document(some)}
        for bucket, some in sorted(_by_bucket(contact_ids).items())
    ]
    for cursor in await db.execute_each(tx, LOCK_CONTACTS, given):
        for row in await cursor.fetchall():
            scene.contacts[row["id"]] = scene.known_people[row["id"]] = contact_of(row)


async def _lock_all_names(tx: Tx, scene: Scene, batch: Sequence[facts.Fact]) -> None:
    """Who was merged into another, and whom others were merged into, are locked with them. While
    a batch waited for the lock, keys may have been taken from a person: then all are read anew."""
    looked: set[int] = set()
    reread = False
    for _ in range(NAMES_ROUNDS):
        if not reread and any(one.rekeyed_at for one in scene.contacts.values()):
            reread = True
            scene.refs.clear()
            await _load_refs(tx, scene, batch)
        wanted = {ref.contact_id for ref in scene.refs.values()}
        for one in scene.contacts.values():
            wanted.update(one.also)
            if one.merged_into:
                wanted.add(one.merged_into)
        looked |= scene.contacts.keys()
        missing = wanted - looked
        if not missing:
            break
        await _lock_contacts(tx, scene, missing)
        looked |= missing
    if any(isinstance(fact, facts.PeopleParted) for fact in batch):
        await _load_refs(tx, scene, batch, await merges.load(tx, scene, batch))
    if any(own_fields_told(fact) for fact in batch):
        scene.own_fields = await own_fields.of_store(tx, scene.store)
        scene.knows_fields = True


def own_fields_told(fact: facts.Fact) -> bool:
    """Whether it tells fields of the shop's own."""
    told = fact.told("order")
    customer = told.customer if isinstance(told, facts.Order) else fact.told("customer")
    return bool(fact.told("fields") or (customer and customer.fields))


def _by_bucket(row_ids: Iterable[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for row_id in sorted(row_ids):
        found[bucket_of_id(row_id)].append(row_id)
    return found


def _leave_the_erased(scene: Scene) -> None:
    """A key that still leads to somebody erased leads to nobody: their past stays closed."""
    erased = {one.id for one in scene.contacts.values() if one.erased_at}
    if erased:
        scene.refs = {k: ref for k, ref in scene.refs.items() if ref.contact_id not in erased}


async def _load_refusals(tx: Tx, scene: Scene, batch: Sequence[facts.Fact], keyed: Keyed) -> None:
    """What was refused for keys that lead to nobody, and for who may agree to something now; and
    which keys are of somebody erased."""
    new = {
        key
        for fact in batch
        for key in answers.about(fact, scene.store.country)
        if key not in scene.refs
    }
    asked = {key for key in new if key[0] in refusals.KINDS}
    for fact in batch:
        if refusals.says_yes(fact):
            asked.update(_keys_of_people(scene, fact))
    scene.suppressed = await suppression.held_of(tx, scene.store, keyed, asked)
    past = [key for key in new if key[0] in erasing.KINDS]
    scene.erased = await erased_keys.known(tx, scene.store, keyed, past)


def _keys_of_people(scene: Scene, fact: facts.Fact) -> Iterable[tuple[str, str]]:
    ids = set(fact.people())
    for key in answers.about(fact, scene.store.country):
        if key[0] in refusals.KINDS:
            yield key
        if ref := scene.refs.get(key):
            ids.add(ref.contact_id)
    for contact_id in ids & scene.contacts.keys():
        yield from refusals.keys_of(scene.contacts[contact_id])


ORDERS = """
SELECT o.*, (
  SELECT jsonb_agg(
    jsonb_build_array(l.name, l.quantity, l.price, l.sku, l.category) ORDER BY l.line)
  FROM order_line l
  WHERE l.bucket = o.bucket AND l.store_id = o.store_id AND l.order_id = o.id
) AS lines
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT o.* FROM purchase_order o
  WHERE o.bucket = k.bucket AND o.store_id = %(store_id)s AND o.id = k.id OFFSET 0
) o
"""
PARCELS = """
SELECT p.*
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT p.* FROM parcel p
  WHERE p.bucket = k.bucket AND p.store_id = %(store_id)s AND p.id = k.id OFFSET 0
) p
"""
RETURNS = """
SELECT r.*
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT r.* FROM order_return r
  WHERE r.bucket = k.bucket AND r.store_id = %(store_id)s AND r.id = k.id OFFSET 0
) r
"""
CARTS = """
SELECT c.*
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT c.* FROM cart c
  WHERE c.bucket = k.bucket AND c.store_id = %(store_id)s AND c.id = k.id OFFSET 0
) c
"""


CATEGORIES = """
SELECT p.sku, p.category FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, sku text)
CROSS JOIN LATERAL (
  SELECT p.sku, p.category FROM product p
  WHERE p.bucket = k.bucket AND p.store_id = %(store_id)s AND p.sku = k.sku
    AND p.category <> '' OFFSET 0
) p
"""


async def load_categories(tx: Tx, scene: Scene, batch: Sequence[facts.Fact]) -> None:
    """Of goods that are ordered, put into a cart or looked at without saying their category: most
    shops leave it out."""
    named = [one for fact in batch for one in _goods(fact) if one.sku]
    told = {str(fact.told("sku") or "") for fact in batch}
    scene.skus = frozenset({*told, *(one.sku for one in named)} - {""})
    skus = {one.sku for one in named if not one.category}
    if not skus:
        return
    base, span = scene.store.bucket_base, scene.store.bucket_span
    rows = [{"bucket": bucket_of(base, span, f"product/{sku}"), "sku": sku} for sku in skus]
    given = {"store_id": scene.store.id, "keys": db.document(rows)}
    for row in await (await tx.execute(CATEGORIES, given)).fetchall():
        scene.categories[row["sku"]] = row["category"]


def _goods(fact: facts.Fact) -> Sequence[facts.Line | facts.VisitMade]:
    match fact:
        case facts.CartChanged(lines=lines):
            return lines
        case facts.VisitMade():
            return (fact,)
    order = getattr(fact, "order", None)
    return order.lines if isinstance(order, facts.Order) else ()


async def _load_rows(tx: Tx, scene: Scene) -> None:
    by_kind: dict[str, set[int]] = defaultdict(set)
    for (kind, _), ref in scene.refs.items():
        if ref.row_id is not None:
            by_kind[kind].add(ref.row_id)
    for kind, statement in (
        ("order", ORDERS), ("parcel", PARCELS), ("return", RETURNS), ("cart", CARTS),
    ):  # fmt: skip
        if by_kind[kind]:
            given = {"store_id": scene.store.id, "keys": _keys(by_kind[kind])}
            for row in await (await tx.execute(statement, given)).fetchall():
                _put_row(scene, kind, row)


def _keys(row_ids: Iterable[int]) -> Jsonb:
    return db.document([{"bucket": bucket_of_id(one), "id": one} for one in sorted(row_ids)])


def _put_row(scene: Scene, kind: str, row: Mapping[str, Any]) -> None:
    given = {name: value for name, value in row.items() if name not in ("bucket", "store_id")}
    if kind == "order":
        order = scene.orders[row["id"]] = order_of(row)
        scene.known_lines[row["id"]] = order.lines or ()
    elif kind == "parcel":
        scene.parcels[row["id"]] = Parcel(**given)
    elif kind == "return":
        scene.returns[row["id"]] = Return(**given)
    else:
        items = tuple(
            Item(
                i["name"], Decimal(str(i["quantity"])), Decimal(str(i["price"])), i.get("sku", ""),
                i.get("category", ""),
            )
            for i in given.pop("items")
        )  # fmt: skip
        scene.carts[row["id"]] = Cart(**given, items=items)


def order_of(row: Mapping[str, Any]) -> Order:
    """A row of ORDERS."""
    given = {name: value for name, value in row.items() if name not in ("bucket", "store_id")}
    lines = tuple(
        Item(name, Decimal(str(quantity)), Decimal(str(price)), sku, category)
        for name, quantity, price, sku, category in given.pop("lines") or ()
    )
    return Order(**given, lines=lines)


def contact_of(row: Mapping[str, Any]) -> Contact:
    lists = {name: tuple(row[name]) for name in ("zones", "children", "also", "agreed_phones")}
    return Contact(*_values_of(Contact)({**row, **lists}))


@cache
def _values_of(noun: type[Any]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Of a row, in the order of the noun's fields: given by name they took twice the time."""
    return itemgetter(*noun.__slots__)


# The runs of the orders at hand (has it been said?), all that wait (is there one to end?) and those
# about people and carts (may it begin again?).
ENROLLMENTS = """
SELECT e.*
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT e.* FROM enrollment e
  WHERE e.bucket = k.bucket AND e.store_id = %(store_id)s AND e.contact_id = k.id OFFSET 0
) e
WHERE (e.state = 'waiting' OR e.order_id IS NULL
       OR e.order_id IN (SELECT v::bigint FROM jsonb_array_elements_text(%(orders)s) v))
"""


async def _load_enrollments(tx: Tx, scene: Scene) -> None:
    if not scene.contacts:
        return
    given = {"store_id": scene.store.id, "keys": _keys(scene.contacts)}
    cursor = await tx.execute(ENROLLMENTS, given | {"orders": db.document(list(scene.orders))})
    for row in await cursor.fetchall():
        scene.keep_run(Enrollment(*_values_of(Enrollment)(row)))


async def _load_woken(tx: Tx, scene: Scene, batch: Sequence[facts.Fact]) -> None:
    """The orders that runs speak about which go on by this batch: a wake-up names its run, not its
    order, and the answer to a question names nothing."""
    woken = {fact.enrollment for fact in batch if isinstance(fact, facts.WokenUp)}
    kinds = {str(fact.told("kind")) for fact in batch}
    runs = [
        run for run in scene.enrollments.values()
        if run.order_id and (run.id in woken or kinds & engine.awaited(scene.plans, run))
    ]  # fmt: skip
    wanted = {run.order_id for run in runs} | {one.order_id for one in scene.surveys_open.values()}
    missing = {one for one in wanted if one} - scene.orders.keys()
    if missing:
        given = {"store_id": scene.store.id, "keys": _keys(missing)}
        for row in await (await tx.execute(ORDERS, given)).fetchall():
            _put_row(scene, "order", row)


async def _load_ways(tx: Tx, scene: Scene, down_before: datetime | None) -> None:
    scene.plans = await automations.plans(tx, scene.store.id)
    scene.ways = await routes.load(tx, scene.store, down_before)


async def commit(tx: Tx, scene: Scene, now: datetime, ids: Ids) -> None:
    """Writes all effects of the scene. Two transactions that met the same new person make one of
    them fail with UniqueViolation; the caller answers its batch again."""
    await scene_rows.write(tx, scene, now, ids)
