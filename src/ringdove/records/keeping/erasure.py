"""Erasing one person, to the end, whatever is killed on the way (P12).

`begin` empties the person's own rows in one transaction, so that nothing leaves from then on, and
writes down what is still to be looked for. `step` goes on from there, a few buckets a transaction:

    keys   what leads to the person, wherever it lies, is taken away and remembered as hashes
    facts  what was heard of them, operators' ids, the virtual phone, the audit
    late   once more, after who held a text of theirs in hand has settled it
    done   nothing is known any more but that it was done, when, and how much it was
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from psycopg.types.json import Jsonb

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records import counters
from ringdove.records.automations import automation_rehearsals
from ringdove.records.campaigns import rehearsals
from ringdove.records.consent import suppression
from ringdove.records.consent.suppression import Keyed
from ringdove.records.keeping import emptying, erased_keys, traces
from ringdove.records.store import stores
from ringdove.rules.keeping import erasing
from ringdove.rules.scenes import Store

Row = Mapping[str, Any]
Scope = Literal["marketing", "all"]

BUCKETS_AT_ONCE: Final = 16  # whose keys are looked through in one transaction
LATE_AFTER: Final = timedelta(minutes=15)  # past what a sender may hold (sweep.ORPHANED_FOR)
LISTS: Final = ("phones", "emails", "names", "orders", "carts", "accounts", "messages")
SHOWN_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Wish:
    """Who asked for it, and what stays refused afterwards."""

    asked_by: str  # page/<name>, api/<key's name>, retention
    scope: Scope = "all"
    key: str = ""
    reason: str = "erased"


# ------------------------------------------------------------------ beginning

OF_CONTACT = """
SELECT e.contact_id, e.people, e.scope, e.asked_at, e.asked_by, e.ask_key, e.state, e.next_bucket,
  e.due_at, e.known, e.counts, e.done_at
FROM erasure e
WHERE e.bucket = %(bucket)s AND e.store_id = %(store_id)s AND e.contact_id = %(contact_id)s
"""
LOCK = """
SELECT c.id, c.phone, c.phone_doubt, c.email, c.name, c.agreed_phones,
  c.marketing, c.service, c.merged_into, c.also, c.erased_at
FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = ANY(%(people)s::bigint[])
ORDER BY c.id FOR UPDATE
"""
KEYS = """
SELECT 'orders' AS list, o.key AS value FROM purchase_order o
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s
  AND o.contact_id = ANY(%(people)s::bigint[])
UNION ALL
SELECT 'carts', c.key FROM cart c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s
  AND c.contact_id = ANY(%(people)s::bigint[])
UNION ALL
SELECT 'messages', m.id::text FROM message m
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s
  AND m.contact_id = ANY(%(people)s::bigint[])
UNION ALL
SELECT DISTINCT CASE m.channel WHEN 'email' THEN 'emails' ELSE 'phones' END, m.recipient
FROM message m
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s
  AND m.contact_id = ANY(%(people)s::bigint[]) AND m.recipient <> ''
UNION ALL
SELECT DISTINCT 'phones', i.sender FROM inbound i
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s
  AND i.contact_id = ANY(%(people)s::bigint[]) AND i.sender <> ''
"""
PUT = """
INSERT INTO erasure (bucket, store_id, contact_id, people, scope, asked_at, asked_by, ask_key,
  state, due_at, known, counts)
SELECT %(bucket)s, %(store_id)s, %(contact_id)s, %(people)s::bigint[], %(scope)s, %(now)s,
  %(asked_by)s, %(ask_key)s, 'keys', %(now)s, %(known)s, %(counts)s
"""


async def of_contact(tx: Tx, store: Store, contact_id: int) -> Row | None:
    """How far the erasure of this person has come; None: nobody asked for it."""
    given = {"bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id}
    row: Row | None = await (await tx.execute(OF_CONTACT, given)).fetchone()
    return row


async def begin(
    tx: Tx, store: Store, contact_id: int, wish: Wish, now: datetime, keyed: Keyed
) -> Row | None:
    """Empties the person's own rows and notes what is still to be done; None: there is nobody with
    this id. Asked again, it answers how far the first one is."""
    group = await _group(tx, store, contact_id)
    if not group:
        return None
    main = next((one for one in group if one["merged_into"] is None), group[0])
    if known_row := await of_contact(tx, store, main["id"]):
        return known_row
    return await _begin(tx, store, main["id"], group, wish, now, keyed)


async def begin_inactive(
    tx: Tx, store: Store, people: Sequence[int], now: datetime, keyed: Keyed
) -> Row | None:
    """Erases people of one bucket together, as one: who gave no sign of life for long enough, with
    the records that were merged into them. What they had refused stays refused; who had refused
    nothing leaves nothing."""
    locked = await _lock(tx, store, people)
    group = [row for row in locked if row["erased_at"] is None and row["merged_into"] is None]
    if not group:
        return None
    names = await _lock(tx, store, {one for row in group for one in row["also"]})
    gone = [row for row in group if "out" in (row["marketing"], row["service"])]
    refs = await _refs(tx, store, [one for row in gone for one in (row["id"], *row["also"])])
    for row in gone:
        scope: Scope = "all" if row["service"] == "out" else "marketing"
        own = [one for one in names if one["id"] in row["also"]]
        known = await _known(tx, store, [row, *own])
        for ref in refs:
            if ref["contact_id"] in (row["id"], *row["also"]):
                known[f"{ref['kind']}s"].append(ref["value"])
        await _suppress(tx, store, row["id"], known, scope, "inactive", now, keyed)
    wish = Wish("retention", "marketing", reason="")
    return await _begin(tx, store, group[0]["id"], [*group, *names], wish, now, keyed)


# Their earlier numbers too: a no counts for each that was ever theirs. All keys are looked through,
# as REFS does: once for all of a batch.
NUMBERS = """
SELECT r.contact_id, r.kind, r.value FROM contact_ref r
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
  AND r.contact_id = ANY(%(people)s::bigint[]) AND r.kind IN ('phone', 'email')
"""


async def _refs(tx: Tx, store: Store, people: Sequence[int]) -> Sequence[Row]:
    if not people:
        return []
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    given = {"buckets": buckets, "store_id": store.id, "people": db.numbers(people)}
    return await (await tx.execute(NUMBERS, given)).fetchall()


async def _begin(
    tx: Tx, store: Store, main: int, group: Sequence[Row], wish: Wish, now: datetime, keyed: Keyed
) -> Row | None:
    people = sorted(one["id"] for one in group)
    known = await _known(tx, store, group)
    if wish.reason:
        await _suppress(tx, store, main, known, wish.scope, wish.reason, now, keyed)
    await _close(tx, store, people, known, now, keyed)
    counts = await _empty(tx, store, people, known, now)
    given: dict[str, Any] = {
        "bucket": bucket_of_id(main),
        "store_id": store.id,
        "contact_id": main,
        "people": db.numbers(people),
        "scope": wish.scope,
        "now": now,
        "asked_by": wish.asked_by[:100],
        "ask_key": wish.key,
        "known": Jsonb(known | {"reason": wish.reason}),
        "counts": Jsonb(counts),
    }
    await tx.execute(PUT, given)
    await counters.add(tx, store, now, {"erased": counts.get("people", 0)}, given["bucket"])
    await db.notify(tx, "erasure")
    await db.notify(tx, "live", f"{store.id} customers")
    return await of_contact(tx, store, main)


async def _group(tx: Tx, store: Store, contact_id: int) -> list[Row]:
    """The person with all that were merged into them, locked."""
    wanted = {contact_id}
    for _ in range(3):  # from one of the merged to the main one, and to all of its others
        rows = await _lock(tx, store, wanted)
        found = set(wanted)
        for row in rows:
            found.update(row["also"])
            if row["merged_into"]:
                found.add(row["merged_into"])
        if found == wanted:
            break
        wanted = found
    return rows


async def _lock(tx: Tx, store: Store, people: Iterable[int]) -> list[Row]:
    given = [
        {"bucket": bucket, "store_id": store.id, "people": db.numbers(some)}
        for bucket, some in sorted(_by_bucket(people).items())
    ]
    cursors = await db.execute_each(tx, LOCK, given)
    return [row for cursor in cursors for row in await cursor.fetchall()]


def _by_bucket(people: Iterable[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for one in sorted(people):
        found[bucket_of_id(one)].append(one)
    return found


async def _known(tx: Tx, store: Store, group: Sequence[Row]) -> dict[str, list[str]]:
    """All by which this person may be met elsewhere."""
    known: dict[str, set[str]] = {name: set() for name in LISTS}
    for row in group:
        known["phones"].update(row["agreed_phones"])
        known["phones"].update(filter(None, (row["phone"], row["phone_doubt"])))
        known["emails"].update(filter(None, (row["email"],)))
        known["names"].update(filter(None, (row["name"],)))
    for bucket, some in sorted(_by_bucket(row["id"] for row in group).items()):
        given = {"bucket": bucket, "store_id": store.id, "people": db.numbers(some)}
        for row in await (await tx.execute(KEYS, given)).fetchall():
            known[row["list"]].add(row["value"])
    return {name: sorted(values) for name, values in known.items()}


# What a shop or an operator may name before the next transaction has come to its bucket.
REFS_NAMED = """
DELETE FROM contact_ref r
USING jsonb_to_recordset(%(rows)s) AS k(bucket integer, kind text, value text)
WHERE r.bucket = k.bucket AND r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
  AND r.kind = k.kind AND r.value = k.value AND r.contact_id = ANY(%(people)s::bigint[])
"""


async def _suppress(
    tx: Tx, store: Store, main: int, known: Mapping[str, Sequence[str]], scope: Scope, reason: str,
    now: datetime, keyed: Keyed,
) -> None:  # fmt: skip
    """What they refused stays refused, whoever the number will belong to."""
    held = (
        suppression.Row(suppression.hash_of(store, keyed, *key), scope, reason, now, main)
        for key in _refusable(known)
    )
    await suppression.put(tx, store, held)


def _refusable(known: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    phones = [("phone", one) for one in known["phones"] if one.startswith("+")]
    return phones + [("email", one) for one in known["emails"]]


async def _close(
    tx: Tx, store: Store, people: Sequence[int], known: Mapping[str, Sequence[str]], now: datetime,
    keyed: Keyed,
) -> None:  # fmt: skip
    """The person's keys lead nowhere."""
    keys = _refusable(known)
    past = [(kind, one) for kind in erasing.KINDS for one in known[f"{kind}s"]]
    await erased_keys.put(tx, store, keyed, past, now)
    rows: list[dict[str, Any]] = [
        {"bucket": stores.of_key(store, f"{kind}/{value}"), "kind": kind, "value": value}
        for kind, value in sorted([*keys, *past])
    ]
    given: dict[str, Any] = {
        "store_id": store.id,
        "people": db.numbers(people),
        "buckets": sorted({row["bucket"] for row in rows}),
        "rows": db.document(rows),
    }
    await tx.execute(REFS_NAMED, given)


async def _empty(
    tx: Tx, store: Store, people: Iterable[int], known: Mapping[str, Sequence[str]], now: datetime
) -> dict[str, int]:
    counts: Counter[str] = Counter()
    needles = traces.needles(known, with_names=True)
    for bucket, some in sorted(_by_bucket(people).items()):
        counts.update(await emptying.empty(tx, store, bucket, some, needles, now))
    return {kind: n for kind, n in counts.items() if n}


# ------------------------------------------------------------------ going on

# Over all buckets and stores on purpose: a worker asks what is under way; there are few such rows.
UNDER_WAY = """
SELECT e.store_id, e.contact_id FROM erasure e
WHERE e.state <> 'done' AND e.due_at <= %(now)s ORDER BY e.due_at LIMIT %(most)s
"""
HOLD = OF_CONTACT + " AND e.state <> 'done' FOR UPDATE SKIP LOCKED"
GO_ON = """
UPDATE erasure e SET state = %(state)s, next_bucket = %(next_bucket)s, due_at = %(due_at)s,
  known = %(known)s, counts = %(counts)s, done_at = %(done_at)s
WHERE e.bucket = %(bucket)s AND e.store_id = %(store_id)s AND e.contact_id = %(contact_id)s
"""


async def under_way(tx: Tx, now: datetime, most: int = 100) -> Sequence[Row]:
    """Rows {store_id, contact_id} of what is to be gone on with now."""
    return await (await tx.execute(UNDER_WAY, {"now": now, "most": most})).fetchall()


async def step(tx: Tx, store: Store, contact_id: int, now: datetime, keyed: Keyed) -> bool:
    """One more piece of it; False: nothing is to be done now, or somebody else does it."""
    given = {"bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id}
    row = await (await tx.execute(HOLD, given)).fetchone()
    if row is None or row["due_at"] > now:
        return False
    state = {**row, "counts": Counter(row["counts"]), "known": dict(row["known"])}
    await STEPS[row["state"]](tx, store, state, now, keyed)
    changed = {name: state[name] for name in ("state", "next_bucket", "due_at", "done_at")}
    documents = {"known": Jsonb(state["known"]), "counts": Jsonb(dict(state["counts"]))}
    await tx.execute(GO_ON, given | changed | documents)
    return True


REFS = """
DELETE FROM contact_ref r
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
  AND r.contact_id = ANY(%(people)s::bigint[])
RETURNING r.kind, r.value
"""
LIST_OF_KIND: Final = {
    "phone": "phones", "email": "emails", "account": "accounts", "order": "orders", "cart": "carts",
}  # fmt: skip


async def _take_keys(
    tx: Tx, store: Store, row: dict[str, Any], now: datetime, keyed: Keyed
) -> None:
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    some = sorted(buckets[row["next_bucket"] : row["next_bucket"] + BUCKETS_AT_ONCE])
    given = {"buckets": some, "store_id": store.id, "people": db.numbers(row["people"])}
    found = await (await tx.execute(REFS, given)).fetchall()
    new: dict[str, list[str]] = {name: [] for name in LISTS}
    for ref in found:
        if name := LIST_OF_KIND.get(ref["kind"]):
            new[name].append(ref["value"])
            row["known"][name] = sorted({*row["known"][name], ref["value"]})
    if reason := row["known"].get("reason"):
        await _suppress(
            tx, store, row["contact_id"], new, row["scope"], reason, row["asked_at"], keyed
        )
    await _close(tx, store, row["people"], new, row["asked_at"], keyed)
    row["counts"]["keys"] += len(found)
    _next(row, len(buckets), BUCKETS_AT_ONCE, "facts")


async def _take_facts(
    tx: Tx, store: Store, row: dict[str, Any], now: datetime, keyed: Keyed
) -> None:
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    bucket = buckets[row["next_bucket"]]
    row["counts"].update(
        await traces.take(tx, store, bucket, row["people"], row["known"], row["asked_at"])
    )
    _next(row, len(buckets), 1, "late")
    if row["state"] == "late":
        row["counts"].update(await traces.take_audit(tx, store, row["people"], row["known"]))
        row["known"] = {"messages": row["known"]["messages"]}
        row["due_at"] = now + LATE_AFTER


async def _look_again(
    tx: Tx, store: Store, row: dict[str, Any], now: datetime, keyed: Keyed
) -> None:
    row["counts"].update(await _empty(tx, store, row["people"], {}, now))
    await rehearsals.forget(tx, store, row["people"])
    await automation_rehearsals.forget(tx, store, row["people"])
    for bucket in buckets_of_store(store.bucket_base, store.bucket_span):
        await traces.take_provider_ids(tx, store, bucket, row["known"]["messages"])
    row.update(state="done", known={}, done_at=now)


def _next(row: dict[str, Any], buckets: int, taken: int, state: str) -> None:
    row["next_bucket"] += taken
    if row["next_bucket"] >= buckets:
        row.update(state=state, next_bucket=0)


STEPS: Final[dict[str, Callable[..., Any]]] = {
    "keys": _take_keys,
    "facts": _take_facts,
    "late": _look_again,
}

# ------------------------------------------------------------------ looking

NEWEST = """
SELECT e.contact_id, e.scope, e.asked_at, e.asked_by, e.state, e.done_at, e.counts
FROM erasure e WHERE e.bucket = ANY(%(buckets)s) AND e.store_id = %(store_id)s
ORDER BY e.asked_at DESC LIMIT %(most)s
"""


async def newest(tx: Tx, store: Store, most: int = SHOWN_MOST) -> Sequence[Row]:
    """What was erased lately, the newest first."""
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    given = {"buckets": buckets, "store_id": store.id, "most": most}
    return await (await tx.execute(NEWEST, given)).fetchall()
