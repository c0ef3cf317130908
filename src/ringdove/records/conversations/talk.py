"""One talk: texts of a person and to them, silences and notes, newest first and page by page.

All of a person's names are read, since a merge moves no rows.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.records.conversations.conversations import LIVE
from ringdove.records.people.lookups import MESSAGE
from ringdove.records.people.timeline import END, OF_PERSON, Moment, Point
from ringdove.rules.scenes import Store

ROWS: Final = 50
ROWS_MAX: Final = 300  # of one page that is drawn anew down to where it ended

KINDS: dict[str, str] = {}
INBOUND = KINDS["inbound"] = f"""
SELECT i.id, i.at AS moment, i.contact_id, i.body, i.sender, i.intent, i.value, i.handled, i.read_as
FROM inbound i
WHERE i{OF_PERSON.format("i", "at")}"""
# Letters stand here too: they are what the person may be answering.
MESSAGES = KINDS["message"] = f"""
SELECT {MESSAGE}, m.created_at AS moment, g.name AS gateway
FROM message m
LEFT JOIN gateway g ON g.id = m.gateway_id AND g.store_id = m.store_id
WHERE m{OF_PERSON.format("m", "created_at")}"""
NOTES = KINDS["note"] = f"""
SELECT n.id, n.at AS moment, n.by, n.body FROM conversation_note n
WHERE n{OF_PERSON.format("n", "at")}"""


async def before(
    tx: Tx, store: Store, names: Sequence[int], point: Point = END, most: int = ROWS
) -> list[Moment]:
    """The newest of what was said before a point, newest first."""
    found = []
    for contact_id in names:
        given = {
            "bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id,
            "at": point.at, "id": point.id, "most": most,
        }  # fmt: skip
        for kind, statement in KINDS.items():
            rows = await (await tx.execute(statement, given)).fetchall()
            found += [Moment(kind, Point(row["moment"], row["id"]), row) for row in rows]
    return sorted(found, key=lambda one: one.point, reverse=True)[:most]


async def down_to(tx: Tx, store: Store, names: Sequence[int], point: Point) -> list[Moment]:
    """All down to a point: a page that was shown, drawn anew."""
    found = await before(tx, store, names, most=ROWS_MAX)
    return [one for one in found if one.point >= point]


# ------------------------------------------------------------------ notes, and what was meant

NOTE = """
INSERT INTO conversation_note (bucket, store_id, id, contact_id, at, by, body)
SELECT %(bucket)s, %(store_id)s, %(id)s, %(contact_id)s, %(at)s, %(by)s, %(body)s
"""


async def note(
    tx: Tx, store: Store, note_id: int, contact_id: int, by: str, body: str, now: datetime
) -> None:
    """What colleagues are to know; the person never sees it. `note_id` lies in their bucket."""
    given = {
        "bucket": bucket_of_id(contact_id), "store_id": store.id, "id": note_id,
        "contact_id": contact_id, "at": now, "by": by, "body": body,
    }  # fmt: skip
    await tx.execute(NOTE, given)
    await db.notify(tx, "live", f"{store.id} {LIVE}")


TEXT = """
SELECT i.id, i.contact_id, i.body, i.at, i.intent, i.read_as FROM inbound i
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s AND i.id = %(id)s
"""
# The first reading is kept: it says how often the machine was wrong, and about what.
PUT_RIGHT = """
UPDATE inbound i SET intent = %(intent)s,
  read_as = CASE WHEN i.read_as = '' THEN i.intent ELSE i.read_as END
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s AND i.id = %(id)s
  AND i.intent <> %(intent)s
"""
# The list shows what their last text was understood as, whatever a machine said after it.
LATER = """
SELECT 1 FROM inbound i
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s AND i.contact_id = %(contact_id)s
  AND (i.at, i.id) > (%(at)s, %(id)s) LIMIT 1
"""
MEANT_LAST = """
UPDATE conversation c SET intent = %(intent)s
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.contact_id = %(contact_id)s
"""


async def text(tx: Tx, store: Store, text_id: int) -> Mapping[str, Any] | None:
    """One text of a person, or None."""
    given = {"bucket": bucket_of_id(text_id), "store_id": store.id, "id": text_id}
    return await (await tx.execute(TEXT, given)).fetchone()


async def put_right(tx: Tx, store: Store, said: Mapping[str, Any], intent: str, main: int) -> bool:
    """What a text was understood as, by somebody who has read it; False: it was so already.
    `main`: the person's living name."""
    given = {
        "bucket": bucket_of_id(said["id"]), "store_id": store.id, "id": said["id"],
        "intent": intent,
    }  # fmt: skip
    is_new = (await tx.execute(PUT_RIGHT, given)).rowcount > 0
    after = given | {"contact_id": said["contact_id"], "at": said["at"]}
    if await (await tx.execute(LATER, after)).fetchone() is None:
        shown = {"bucket": bucket_of_id(main), "store_id": store.id, "contact_id": main}
        await tx.execute(MEANT_LAST, shown | {"intent": intent})
    await db.notify(tx, "live", f"{store.id} {LIVE}")
    return is_new
