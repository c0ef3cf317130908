"""What came out of a batch, as rows: one statement per table, in one fixed order.

Only records/scenes.commit calls this. Every effect class has its line in `write`;
tests/records/test_scenes.py proves that none is forgotten.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache
from operator import attrgetter, itemgetter
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from ringdove.kit import db
from ringdove.kit.buckets import BUCKETS, Ids, bucket_of, bucket_of_id
from ringdove.records import counters
from ringdove.records import facts as fact_records
from ringdove.records.automations import wishes
from ringdove.records.complaints import complaints
from ringdove.records.consent import confirming, suppression, ways_in
from ringdove.records.contests import entries
from ringdove.records.conversations import conversations
from ringdove.records.friends import invitations
from ringdove.records.people import merges, search
from ringdove.records.segments import figures
from ringdove.records.surveys import survey_answers
from ringdove.records.tasks import tasks
from ringdove.rules import effects, facts
from ringdove.rules.consent import suppression as refusals
from ringdove.rules.scenes import Scene, Store

Tx = AsyncConnection[Any]
Rows = list[dict[str, Any]]


async def write(tx: Tx, scene: Scene, now: datetime, ids: Ids) -> None:
    """Writes all effects of the scene."""
    of: dict[type[Any], list[Any]] = defaultdict(list)
    for effect in scene.effects:
        of[type(effect)].append(effect)
    store = scene.store
    await _people(tx, store, scene, of)
    await _purchases(tx, store, scene, of)
    told = figures.Told(
        of[effects.SaveContact], of[effects.BuyFrom], of[effects.CountBought],
        of[effects.SaveCart], of[effects.SaveVisit], of[effects.SaveMerge],
    )  # fmt: skip
    await figures.keep(tx, scene, told)
    await _enrollments(tx, store, of)
    await _cancel_queued(tx, store, of[effects.CancelQueued])
    await _take_back(tx, store, of[effects.TakeBack])
    await merges.write(tx, store, of[effects.SaveMerge], of[effects.CancelAddressed])
    await tasks.write(tx, store, of[effects.SaveTask])
    await _messages(tx, store, of[effects.QueueMessage])
    await _refusals(tx, store, scene, of)
    await _rest(tx, store, of)
    moves = of[effects.NoteComplaint]
    answered = await complaints.write(tx, store, of[effects.SaveComplaint], moves)
    await tasks.finish_of_complaints(tx, store, answered, now, ids)
    await confirming.write(tx, store, of[effects.SaveQuestion])
    given = of[effects.GiveReward]
    await ways_in.write(
        tx, scene, of[effects.SaveWelcome], given, of[effects.UseCode], of[effects.CountWay],
        of[effects.UseOffer],
    )  # fmt: skip
    await _hear(tx, store, of, now, ids)
    await _count(tx, store, of, now, scene)


def _row(item: Any, store: Store, *without: str, **more: Any) -> dict[str, Any]:
    """A slotted dataclass as a document, with its keys."""
    names, values = _reader(item.__class__)
    row = dict(zip(names, values(item), strict=True))
    for name in without:
        del row[name]
    row["bucket"] = bucket_of_id(row["id"])
    row["store_id"] = store.id
    row.update(more)
    return row


@cache
def _reader(cls: Any) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    return cls.__slots__, attrgetter(*cls.__slots__)


async def _put(tx: Tx, statement: str, store: Store, rows: Iterable[dict[str, Any]]) -> None:
    """Runs a statement once with all rows as one document, bucket by bucket."""
    some = sorted(rows, key=itemgetter("bucket"))
    if some:
        buckets = list({row["bucket"]: None for row in some})
        await tx.execute(
            statement, {"buckets": buckets, "store_id": store.id, "rows": db.document(some)}
        )


# ------------------------------------------------------------------ people

PUT_CONTACTS = """
INSERT INTO contact AS c SELECT r.* FROM jsonb_populate_recordset(NULL::contact, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
ON CONFLICT (bucket, store_id, id) DO UPDATE SET
  phone = EXCLUDED.phone, phone_doubt = EXCLUDED.phone_doubt, email = EXCLUDED.email,
  name = EXCLUDED.name, language = EXCLUDED.language, country = EXCLUDED.country,
  region = EXCLUDED.region, zones = EXCLUDED.zones, marketing = EXCLUDED.marketing,
  service = EXCLUDED.service, marketing_at = EXCLUDED.marketing_at,
  service_at = EXCLUDED.service_at, orders = EXCLUDED.orders, spent = EXCLUDED.spent,
  last_order_at = EXCLUDED.last_order_at, city = EXCLUDED.city, sex = EXCLUDED.sex,
  birthday = EXCLUDED.birthday, children = EXCLUDED.children, fields = EXCLUDED.fields,
  scopes = EXCLUDED.scopes, paused_until = EXCLUDED.paused_until, seen_at = EXCLUDED.seen_at,
  merged_into = EXCLUDED.merged_into, also = EXCLUDED.also, ledger_seq = EXCLUDED.ledger_seq,
  ledger_hash = EXCLUDED.ledger_hash, erased_at = EXCLUDED.erased_at,
  agreed_phones = EXCLUDED.agreed_phones, rekeyed_at = EXCLUDED.rekeyed_at,
  talking_until = EXCLUDED.talking_until,
  origin = CASE WHEN c.origin IN ('test', 'staff') THEN EXCLUDED.origin ELSE c.origin END
"""
# No ON CONFLICT: two batches that met the same person must not both go on (see scenes.commit).
PUT_REFS = """
INSERT INTO contact_ref (bucket, store_id, kind, value, contact_id, row_id)
SELECT r.bucket, %(store_id)s, r.kind, r.value, r.contact_id, r.row_id
FROM jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, kind text, value text, contact_id bigint, row_id bigint)
WHERE r.bucket = ANY(%(buckets)s)
"""
PUT_CONSENTS = """
INSERT INTO consent_event
  (bucket, store_id, id, contact_id, at, scope, change, source, words, language, ip, device, who,
  seq, prev, hash, until)
SELECT r.bucket, %(store_id)s, r.id, r.contact_id, r.at, r.scope, r.change, r.source, r.words,
  r.language, r.ip, r.device, r.who, r.seq, r.prev, r.hash, r.until
FROM jsonb_populate_recordset(NULL::consent_event, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s)
"""


async def _people(tx: Tx, store: Store, scene: Scene, of: Mapping[type[Any], list[Any]]) -> None:
    changed = {effect.contact.id for effect in of[effects.SaveContact]}
    changed |= {effect.contact_id for effect in of[effects.RecordConsent]}
    # Under all their names: what hangs on the rows of a merged contact is said to the one person.
    changed |= {other for one in changed for other in scene.contacts[one].also}
    changed &= scene.contacts.keys()
    contacts = (scene.contacts[contact_id] for contact_id in sorted(changed))
    await _put(tx, PUT_CONTACTS, store, (_row(c, store) for c in contacts))
    await search.keep(tx, store, scene, changed)
    met, changed_keys = _keys(of)
    refs = (
        {
            "bucket": bucket_of(store.bucket_base, store.bucket_span, f"{ref.kind}/{ref.value}"),
            "kind": ref.kind,
            "value": ref.value,
            "contact_id": ref.contact_id,
            "row_id": ref.row_id,
        }
        for ref in met
    )
    # In one order everywhere: two batches that met the same people do not wait in a ring.
    in_order = sorted(refs, key=itemgetter("bucket", "kind", "value"))
    await _put(tx, PUT_REFS, store, in_order)
    await merges.change_keys(tx, store, changed_keys)
    await _put(tx, PUT_CONSENTS, store, (_row(c, store) for c in of[effects.RecordConsent]))


def _keys(of: Mapping[type[Any], list[Any]]) -> tuple[list[Any], list[Any]]:
    """Keys that are new, and those that lead elsewhere from now on."""
    if not (of[effects.MoveKey] or of[effects.ReleaseKey]):
        return of[effects.PointTo], []
    released = {(one.kind, one.value) for one in of[effects.ReleaseKey]}
    new = {(one.kind, one.value): one for one in of[effects.PointTo]}
    back = [one for key, one in new.items() if key in released]  # given up, and told of again
    moved = {(one.kind, one.value): one for one in of[effects.MoveKey]}
    met = [moved.pop(key, one) for key, one in new.items() if key not in released]
    gone = [one for one in of[effects.ReleaseKey] if (one.kind, one.value) not in new]
    return met, [*gone, *back, *moved.values()]


# ------------------------------------------------------------------ what people buy

PUT_ORDERS = """
INSERT INTO purchase_order AS o
SELECT r.* FROM jsonb_populate_recordset(NULL::purchase_order, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
ON CONFLICT (bucket, store_id, id) DO UPDATE SET
  number = EXCLUDED.number, channel = EXCLUDED.channel, state = EXCLUDED.state,
  changed_at = EXCLUDED.changed_at, paid_at = EXCLUDED.paid_at,
  cancelled_at = EXCLUDED.cancelled_at, total = EXCLUDED.total, currency = EXCLUDED.currency,
  payment_due = EXCLUDED.payment_due, payment_url = EXCLUDED.payment_url, url = EXCLUDED.url,
  promised_from = EXCLUDED.promised_from, promised_until = EXCLUDED.promised_until,
  promised_said_at = EXCLUDED.promised_said_at, invoice_number = EXCLUDED.invoice_number,
  invoice_url = EXCLUDED.invoice_url
"""
# Lines are written over by place; those past the newest snapshot's end are taken away.
PUT_LINES = """
INSERT INTO order_line (bucket, store_id, order_id, line, sku, name, quantity, price, category)
SELECT r.bucket, %(store_id)s, r.order_id, r.line, r.sku, r.name, r.quantity, r.price, r.category
FROM jsonb_populate_recordset(NULL::order_line, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id, order_id, line) DO UPDATE SET
  sku = EXCLUDED.sku, name = EXCLUDED.name, quantity = EXCLUDED.quantity, price = EXCLUDED.price,
  category = EXCLUDED.category
"""
CUT_LINES = """
DELETE FROM order_line l
USING jsonb_to_recordset(%(rows)s) AS r(bucket integer, id bigint, lines integer)
WHERE l.bucket = r.bucket AND l.bucket = ANY(%(buckets)s) AND l.store_id = %(store_id)s
  AND l.order_id = r.id AND l.line >= r.lines
"""
PUT_PARCELS = """
INSERT INTO parcel AS p SELECT r.* FROM jsonb_populate_recordset(NULL::parcel, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
ON CONFLICT (bucket, store_id, id) DO UPDATE SET
  number = EXCLUDED.number, carrier = EXCLUDED.carrier, url = EXCLUDED.url,
  state = EXCLUDED.state, state_at = EXCLUDED.state_at, pickup_point = EXCLUDED.pickup_point,
  pickup_until = EXCLUDED.pickup_until
"""
PUT_RETURNS = """
INSERT INTO order_return AS b
SELECT r.* FROM jsonb_populate_recordset(NULL::order_return, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
ON CONFLICT (bucket, store_id, id) DO UPDATE SET
  state = EXCLUDED.state, state_at = EXCLUDED.state_at, amount = EXCLUDED.amount
"""
PUT_CARTS = """
INSERT INTO cart AS c SELECT r.* FROM jsonb_populate_recordset(NULL::cart, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
ON CONFLICT (bucket, store_id, id) DO UPDATE SET
  state = EXCLUDED.state, changed_at = EXCLUDED.changed_at, total = EXCLUDED.total,
  url = EXCLUDED.url, items = EXCLUDED.items
"""
PUT_VISITS = """
INSERT INTO visit (bucket, store_id, id, contact_id, at, channel, page, sku, category)
SELECT r.bucket, %(store_id)s, r.id, r.contact_id, r.at, r.channel, r.page, r.sku, r.category
FROM jsonb_populate_recordset(NULL::visit, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s)
"""
PUT_PRODUCTS = """
INSERT INTO product AS p SELECT r.* FROM jsonb_populate_recordset(NULL::product, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
ON CONFLICT (bucket, store_id, sku) DO UPDATE SET
  name = EXCLUDED.name, category = EXCLUDED.category, brand = EXCLUDED.brand,
  price = EXCLUDED.price, url = EXCLUDED.url, stock = EXCLUDED.stock,
  changed_at = EXCLUDED.changed_at, key = EXCLUDED.key
WHERE p.changed_at <= EXCLUDED.changed_at
"""


async def _purchases(tx: Tx, store: Store, scene: Scene, of: Mapping[type[Any], list[Any]]) -> None:
    orders = {effect.order.id: effect.order for effect in of[effects.SaveOrder]}.values()
    await _put(tx, PUT_ORDERS, store, [_row(order, store, "lines") for order in orders])
    told = [o for o in orders if o.lines is not None and o.lines is not scene.known_lines.get(o.id)]
    await _put(tx, PUT_LINES, store, (line for order in told for line in _lines(order, store)))
    cut = [
        {"bucket": bucket_of_id(order.id), "id": order.id, "lines": len(order.lines)}
        for order in told
        if order.id in scene.known_lines  # a new order has none to be cut
    ]
    await _put(tx, CUT_LINES, store, cut)
    parcels = {effect.parcel.id: effect.parcel for effect in of[effects.SaveParcel]}.values()
    await _put(tx, PUT_PARCELS, store, [_row(parcel, store) for parcel in parcels])
    returns = {effect.back.id: effect.back for effect in of[effects.SaveReturn]}.values()
    await _put(tx, PUT_RETURNS, store, [_row(back, store) for back in returns])
    carts = {effect.cart.id: effect.cart for effect in of[effects.SaveCart]}.values()
    await _put(tx, PUT_CARTS, store, [_row(c, store, items=_items(c.items)) for c in carts])
    await _put(tx, PUT_VISITS, store, [_row(visit, store) for visit in of[effects.SaveVisit]])
    await wishes.put(tx, store, of[effects.SaveWish])
    products = {effect.sku: _product(effect, store) for effect in of[effects.SaveProduct]}
    await _put(tx, PUT_PRODUCTS, store, products.values())


def _lines(order: Any, store: Store) -> Rows:
    more = {"bucket": bucket_of_id(order.id), "order_id": order.id}
    return [item | more | {"line": n} for n, item in enumerate(_items(order.lines))]


def _items(lines: Iterable[Any]) -> Rows:
    return [{name: getattr(line, name) for name in line.__slots__} for line in lines]


def _product(effect: effects.SaveProduct, store: Store) -> dict[str, Any]:
    row = {name: getattr(effect, name) for name in effect.__slots__}
    row["bucket"] = bucket_of(store.bucket_base, store.bucket_span, f"product/{effect.sku}")
    row["store_id"] = store.id
    row["new_at"] = effect.changed_at  # kept by the first insert alone
    return row


# ------------------------------------------------------------------ automations and messages

PUT_ENROLLMENTS = """
INSERT INTO enrollment AS e SELECT r.* FROM jsonb_populate_recordset(NULL::enrollment, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
ON CONFLICT (bucket, store_id, id) DO UPDATE SET
  place = EXCLUDED.place, state = EXCLUDED.state, reason = EXCLUDED.reason,
  wake_at = EXCLUDED.wake_at, memory = EXCLUDED.memory, trigger = EXCLUDED.trigger,
  version = EXCLUDED.version, started_at = EXCLUDED.started_at
"""


async def _enrollments(tx: Tx, store: Store, of: Mapping[type[Any], list[Any]]) -> None:
    runs = {effect.enrollment.id: effect.enrollment for effect in of[effects.SaveEnrollment]}
    await _put(tx, PUT_ENROLLMENTS, store, [_row(run, store) for run in runs.values()])


# What was taken is not there any more: its octets may be on the wire (P1, P5). The
# confirmation of a stop still leaves (P2).
CANCEL = """
WITH taken AS (
  DELETE FROM outbox o
  WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s AND o.contact_id = %(contact_id)s
    AND o.topic <> 'stop_confirmation'
    AND o.class IN (SELECT jsonb_array_elements_text(%(classes)s))
    AND %(topic)s IN ('', o.topic)
  RETURNING o.message_id
)
UPDATE message m SET state = 'dropped', reason = %(reason)s, done_at = %(at)s
FROM taken
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = taken.message_id
  AND m.state = 'waiting'
"""
TAKE_BACK = """
WITH taken AS (
  DELETE FROM outbox o
  USING jsonb_to_recordset(%(rows)s) AS r(bucket integer, id bigint, reason text, at timestamptz)
  WHERE o.bucket = r.bucket AND o.bucket = ANY(%(buckets)s) AND o.store_id = %(store_id)s
    AND o.message_id = r.id
  RETURNING o.bucket, o.message_id, r.reason, r.at
)
UPDATE message m SET state = 'dropped', reason = t.reason, done_at = t.at
FROM taken t
WHERE m.bucket = t.bucket AND m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s
  AND m.id = t.message_id AND m.state = 'waiting'
"""
# By COPY: a message is new, and read from a document it took PostgreSQL twice as long.
_IN_MESSAGE = tuple(
    name for name in effects.QueueMessage.__slots__ if name not in ("klass", "due_at", "goods")
)
COPY_MESSAGES = f"""
COPY message (bucket, store_id, class, goods, done_at, {", ".join(_IN_MESSAGE)}) FROM STDIN
"""
_IN_OUTBOX = (
    "gateway_id", "contact_id", "order_id", "topic", "guard", "due_at", "window_until", "not_after"
)  # fmt: skip
COPY_OUTBOX = f"""
COPY outbox (bucket, store_id, message_id, class, urgency, {", ".join(_IN_OUTBOX)}) FROM STDIN
"""
_of_message, _of_outbox = attrgetter(*_IN_MESSAGE), attrgetter(*_IN_OUTBOX)


async def _cancel_queued(tx: Tx, store: Store, wishes: list[effects.CancelQueued]) -> None:
    for wish in wishes:
        await tx.execute(
            CANCEL,
            {
                "bucket": bucket_of_id(wish.contact_id),
                "store_id": store.id,
                "contact_id": wish.contact_id,
                "classes": Jsonb(list(wish.classes)),
                "topic": wish.topic,
                "reason": wish.reason,
                "at": wish.at,
            },
        )


async def _take_back(tx: Tx, store: Store, wishes: list[effects.TakeBack]) -> None:
    rows = [
        {"bucket": bucket_of_id(one.message_id), "id": one.message_id, "reason": one.reason,
         "at": one.at}
        for one in wishes
    ]  # fmt: skip
    await _put(tx, TAKE_BACK, store, rows)


async def _messages(tx: Tx, store: Store, made: list[effects.QueueMessage]) -> None:
    if not made:
        return
    async with tx.cursor().copy(COPY_MESSAGES.encode()) as out:
        for one in made:
            done_at = None if one.state == "waiting" else one.created_at
            goods = db.words(one.goods)
            key = (bucket_of_id(one.id), store.id)
            await out.write_row((*key, one.klass, goods, done_at, *_of_message(one)))
    waiting = [message for message in made if message.state == "waiting"]
    async with tx.cursor().copy(COPY_OUTBOX.encode()) as out:
        for one in waiting:
            urgency = 1 if one.klass == "marketing" else 0
            key = (bucket_of_id(one.id), store.id)
            await out.write_row((*key, one.id, one.klass, urgency, *_of_outbox(one)))
    for gateway_id in {message.gateway_id for message in waiting}:
        await db.notify(tx, "outbox", str(gateway_id))


# ------------------------------------------------------------------ refusals, the erased

FORGET = """
DELETE FROM fact f USING jsonb_to_recordset(%(rows)s) AS r(bucket integer, source_key text)
WHERE f.bucket = r.bucket AND f.bucket = ANY(%(buckets)s) AND f.store_id = %(store_id)s
  AND f.source_key = r.source_key
"""


async def _refusals(tx: Tx, store: Store, scene: Scene, of: Mapping[type[Any], list[Any]]) -> None:
    told = [
        suppression.Row(
            scene.keyed(refusals.hashed(one.kind, one.value)), one.scope, one.reason, one.at,
            one.contact_id,
        )
        for one in of[effects.Suppress]
    ]  # fmt: skip
    await suppression.put(tx, store, told)
    lifted = {
        scene.keyed(refusals.hashed(*key))
        for one in of[effects.RecordConsent]
        if one.scope == "marketing" and one.change == "in"
        for key in refusals.keys_of(scene.contacts[one.contact_id])
        if key in scene.suppressed
    }
    await suppression.lift(tx, store, lifted - {one.hash for one in told})
    rows = [
        {
            "bucket": bucket_of_id(one.contact)
            if one.contact
            else bucket_of(store.bucket_base, store.bucket_span, one.subject),
            "source_key": one.source_key,
        }
        for one in of[effects.Forget]
    ]
    await _put(tx, FORGET, store, rows)


# ------------------------------------------------------------------ the rest

PUT_INBOUND = """
INSERT INTO inbound (bucket, store_id, id, contact_id, gateway_id, sender, recipient, body, at,
  intent, value, handled)
SELECT r.bucket, %(store_id)s, r.id, r.contact_id, r.gateway_id, r.sender, r.recipient, r.body,
  r.at, r.intent, r.value, r.handled
FROM jsonb_populate_recordset(NULL::inbound, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s)
"""


async def _rest(tx: Tx, store: Store, of: Mapping[type[Any], list[Any]]) -> None:
    await _put(tx, PUT_INBOUND, store, [_row(text, store) for text in of[effects.HearInbound]])
    await conversations.write(tx, store, of[effects.SaveConversation])
    await conversations.fold(tx, store, of[effects.SaveMerge])
    await survey_answers.write(tx, store, of[effects.SaveAnswer])
    await invitations.write(tx, store, of[effects.SaveInvitation])
    await entries.write(tx, store, of[effects.SaveEntry])


async def _hear(
    tx: Tx, store: Store, of: Mapping[type[Any], list[Any]], now: datetime, ids: Ids
) -> None:
    later = [
        facts.ANY.validate_python(
            {"id": effect.id, "kind": effect.kind, "at": effect.at} | dict(effect.body)
        )
        for effect in of[effects.HearLater]
    ]
    await fact_records.write_later(tx, store, later, now, ids)
    await fact_records.wake(tx, store, {e.subject for e in of[effects.AnswerWaiting]}, now)


async def _count(
    tx: Tx, store: Store, of: Mapping[type[Any], list[Any]], now: datetime, scene: Scene
) -> None:
    counts: Counter[str] = Counter()
    for effect in of[effects.Count]:
        counts[effect.name] += effect.n
    counts += _people_counted(scene, of)
    await counters.add(tx, store, now, counts, BUCKETS[store.bucket_base % 128])
    if counts:
        await db.notify(tx, "live", str(store.id))


def _people_counted(scene: Scene, of: Mapping[type[Any], list[Any]]) -> Counter[str]:
    """For the page of people, week by week: who is new, and what was said of offers."""
    saved = {effect.contact.id for effect in of[effects.SaveContact]}
    said = Counter(e.change for e in of[effects.RecordConsent] if e.scope == "marketing")
    found = {
        "people_new": len(saved - scene.known_people.keys()),
        "yes_new": said["in"],
        "no_new": said["out"],
    }
    return +Counter(found)
