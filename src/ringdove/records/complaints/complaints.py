"""Complaints as rows, with their histories: written with the batch that moves them, read by pages.

All of a person lie in the person's bucket. What is listed is listed by when it is due, or by when
it last changed.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.rules.effects import NoteComplaint, SaveComplaint
from ringdove.rules.scenes import Complaint, Store

OF_A_PERSON_MOST: Final = 50
PAGE: Final = 50
MOVES_MOST: Final = 200

COLUMNS = ", ".join(Complaint.__slots__)
OF_PEOPLE = f"""
SELECT k.person, {", ".join(f"c.{name}" for name in Complaint.__slots__)}
FROM jsonb_to_recordset(%(keys)s) AS k(bucket integer, id bigint, person bigint)
CROSS JOIN LATERAL (
  SELECT c.* FROM complaint c
  WHERE c.bucket = k.bucket AND c.store_id = %(store_id)s AND c.contact_id = k.id
  ORDER BY c.id DESC LIMIT %(most)s
) c
"""


async def of_people(
    tx: Tx, store: Store, keys: Sequence[dict[str, int]]
) -> dict[int, list[Complaint]]:
    """The newest of each; `keys`: bucket and id of each name, and the person whose it is."""
    given = {"store_id": store.id, "keys": db.document(keys), "most": OF_A_PERSON_MOST}
    found: dict[int, list[Complaint]] = defaultdict(list)
    for row in await (await tx.execute(OF_PEOPLE, given)).fetchall():
        found[row.pop("person")].append(Complaint(**row))
    return found


PUT = f"""
INSERT INTO complaint AS c (bucket, store_id, {COLUMNS})
SELECT r.bucket, %(store_id)s, {", ".join(f"r.{name}" for name in Complaint.__slots__)}
FROM jsonb_populate_recordset(NULL::complaint, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id, id) DO UPDATE SET
  order_id = EXCLUDED.order_id, state = EXCLUDED.state, changed_at = EXCLUDED.changed_at,
  due_at = EXCLUDED.due_at, reason = EXCLUDED.reason, note = EXCLUDED.note,
  owner = EXCLUDED.owner, closed_at = EXCLUDED.closed_at
"""
PUT_MOVES = """
INSERT INTO complaint_move
  (bucket, store_id, id, contact_id, complaint_id, at, by, state, said, note)
SELECT r.bucket, %(store_id)s, r.id, r.contact_id, r.complaint_id, r.at, r.by, r.state, r.said,
  r.note
FROM jsonb_populate_recordset(NULL::complaint_move, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s)
"""


async def write(
    tx: Tx, store: Store, saved: Iterable[SaveComplaint], noted: Iterable[NoteComplaint]
) -> list[tuple[Complaint, str]]:
    """Each as it stands at the end of the batch, and all that happened to them. Those that were
    answered, and by whom."""
    last = {one.complaint.id: one.complaint for one in saved}
    moves = sorted(noted, key=lambda one: one.id)
    await _put(tx, PUT, store, [last[key] for key in sorted(last)])
    await _put(tx, PUT_MOVES, store, moves)
    by = {one.complaint_id: one.by for one in moves if one.state not in ("", "opened")}
    ended = [last[key] for key in sorted(by.keys() & last.keys())]
    return [(one, by[one.id]) for one in ended if one.state != "opened"]


async def _put(tx: Tx, statement: str, store: Store, nouns: Sequence[Any]) -> None:
    if nouns:
        rows = [
            {name: getattr(one, name) for name in one.__slots__} | {"bucket": bucket_of_id(one.id)}
            for one in nouns
        ]
        buckets = sorted({row["bucket"] for row in rows})
        given = {"buckets": buckets, "store_id": store.id, "rows": db.document(rows)}
        await tx.execute(statement, given)
