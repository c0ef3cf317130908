"""Who takes part in contests, as rows: loaded beside who writes a contest's word.

A contest's row is locked for sharing while somebody enters, so that its list is not closed between
the word that they are in and the row that says so.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records.contests import contests
from ringdove.rules import facts
from ringdove.rules.contests import contests as rules
from ringdove.rules.contests.contests import Contest, Contests, Entry
from ringdove.rules.effects import SaveEntry
from ringdove.rules.people import phones
from ringdove.rules.scenes import Scene, Store


async def load(tx: Tx, scene: Scene, batch: Sequence[facts.Fact]) -> None:
    """Fills scene.contests; the people of the batch are in the scene already, their rows locked."""
    won = {fact.contest for fact in batch if isinstance(fact, facts.ContestWon)}
    texts = [fact for fact in batch if isinstance(fact, facts.TextReceived)]
    if not won and not texts:
        return
    known = await contests.opened(tx, scene.store.id)
    named = {
        found.contest.id: found.contest
        for fact in texts
        if (found := rules.asked(known, fact.body, fact.at))
    }
    if named:
        await contests.hold(tx, scene.store.id, sorted(named))
        known = await contests.opened(tx, scene.store.id)  # as they are now that they are held
        named = {one.id: one for one in known if one.id in named}
    scene.contests = Contests(known={one.id: one for one in known if one.id in named.keys() | won})
    if named:
        await _load_entries(tx, scene, list(named.values()), texts)
        if any(one.with_order for one in named.values()):
            scene.contests.bought = await _bought(tx, scene, list(named.values()))


# By ticket in every bucket of the store: a number may have belonged to somebody else.
BY_TICKET = """
SELECT e.contest_id, e.ticket, e.contact_id, e.at, e.word, e.order_id, e.said_again_at
FROM jsonb_to_recordset(%(keys)s) AS k(contest integer, ticket text)
CROSS JOIN unnest(%(buckets)s::integer[]) AS b(bucket)
CROSS JOIN LATERAL (
  SELECT e.* FROM contest_entry e
  WHERE e.bucket = b.bucket AND e.store_id = %(store_id)s AND e.contest_id = k.contest
    AND e.ticket = k.ticket OFFSET 0
) e
"""
BY_PERSON = """
SELECT e.contest_id, e.ticket, e.contact_id, e.at, e.word, e.order_id, e.said_again_at
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT e.* FROM contest_entry e
  WHERE e.bucket = k.bucket AND e.contact_id = k.id AND e.store_id = %(store_id)s OFFSET 0
) e
WHERE e.contest_id = ANY(%(contests)s::integer[])
"""


async def _load_entries(
    tx: Tx, scene: Scene, some: Sequence[Contest], texts: Iterable[facts.TextReceived]
) -> None:
    store = scene.store
    read = (phones.parse(fact.sender, store.country) for fact in texts)
    numbers = {one.e164 for one in read if isinstance(one, phones.Phone)}
    numbers |= {one.phone for one in scene.contacts.values() if one.phone}
    tickets = [
        {"contest": one.id, "ticket": rules.ticket_of(one, number)}
        for one in some
        if one.ticket_key
        for number in sorted(numbers)
    ]
    given = {
        "store_id": store.id, "keys": db.document(tickets),
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
    }  # fmt: skip
    rows = await (await tx.execute(BY_TICKET, given)).fetchall()
    given = {
        "store_id": store.id, "keys": _keys(scene),
        "contests": db.numbers([one.id for one in some]),
    }  # fmt: skip
    rows += await (await tx.execute(BY_PERSON, given)).fetchall()
    for row in rows:
        scene.contests.entries[row["contest_id"], row["ticket"]] = Entry(**row)


ORDERS = """
SELECT o.contact_id, o.number, o.id, o.placed_at
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint)
CROSS JOIN LATERAL (
  SELECT o.contact_id, o.number, o.id, o.placed_at FROM purchase_order o
  WHERE o.bucket = k.bucket AND o.store_id = %(store_id)s AND o.contact_id = k.id
    AND o.placed_at BETWEEN %(begins)s AND %(ends)s AND o.cancelled_at IS NULL OFFSET 0
) o
"""


async def _bought(tx: Tx, scene: Scene, some: Sequence[Contest]) -> dict[tuple[int, str], Any]:
    """What the scene's people ordered in the time of these contests, by number."""
    given = {
        "store_id": scene.store.id, "keys": _keys(scene),
        "begins": min(one.begins for one in some), "ends": max(one.ends for one in some),
    }  # fmt: skip
    rows = await (await tx.execute(ORDERS, given)).fetchall()
    return {
        (row["contact_id"], rules.order_number(row["number"])): (row["id"], row["placed_at"])
        for row in rows
    }


def _keys(scene: Scene) -> Any:
    return db.document([{"bucket": bucket_of_id(one), "id": one} for one in sorted(scene.contacts)])


# ------------------------------------------------------------------ writing

# No ON CONFLICT: two batches that enter one number must not both go on.
PUT = """
INSERT INTO contest_entry (bucket, store_id, contest_id, ticket, contact_id, at, word, order_id)
SELECT r.bucket, %(store_id)s, r.contest_id, r.ticket, r.contact_id, r.at, r.word, r.order_id
FROM jsonb_populate_recordset(NULL::contest_entry, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s)
"""
SAID_AGAIN = """
UPDATE contest_entry e SET said_again_at = r.said_again_at
FROM jsonb_populate_recordset(NULL::contest_entry, %(rows)s) r
WHERE e.bucket = r.bucket AND e.bucket = ANY(%(buckets)s) AND e.store_id = %(store_id)s
  AND e.contest_id = r.contest_id AND e.ticket = r.ticket
"""


async def write(tx: Tx, store: Store, saved: Iterable[SaveEntry]) -> None:
    """Each as it stands at the end of the batch."""
    every = list(saved)
    if not every:
        return
    last = {(one.entry.contest_id, one.entry.ticket): one.entry for one in every}
    new = {(one.entry.contest_id, one.entry.ticket) for one in every if one.is_new}
    told = {key for key, entry in last.items() if entry.said_again_at}
    for statement, keys in ((PUT, new), (SAID_AGAIN, told)):
        rows = [
            {name: getattr(last[key], name) for name in Entry.__slots__}
            | {"bucket": bucket_of_id(last[key].contact_id)}
            for key in sorted(keys)
        ]
        if rows:
            buckets = sorted({row["bucket"] for row in rows})
            given = {"buckets": buckets, "store_id": store.id, "rows": db.document(rows)}
            await tx.execute(statement, given)
