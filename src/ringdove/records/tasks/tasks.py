"""Tasks: what somebody of a store is to do, asked by automations, programs and people.

A task lies in the bucket of its customer; one about nobody in the first of the store's. Lists are
continued from their last line's time and id, so that the last page costs what the first does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from ringdove.kit import db
from ringdove.kit.buckets import Ids, bucket_of_id, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records import facts
from ringdove.rules.effects import SaveTask
from ringdove.rules.facts import TaskClosed
from ringdove.rules.scenes import Complaint, Store

PAGE: Final = 50
PAGE_MAX: Final = 200

Result = Literal["done", "failed", "not_needed"]
RESULTS: Final[tuple[Result, ...]] = ("done", "failed", "not_needed")
Whose = Literal["all", "mine", "nobody"]


@dataclass(frozen=True, slots=True)
class Task:
    """One task, with whom it is about and who is to do it. `result`: what came of it; beside
    RESULTS, told: the store's program took it; erased: its customer was."""

    id: int
    contact_id: int | None
    order_id: int | None
    recipe: str
    said: str
    owner: int | None
    due_at: datetime
    created_at: datetime
    created_by: str
    done_at: datetime | None
    done_by: str
    result: str
    note: str
    tell: str
    tell_at: datetime | None
    told_at: datetime | None
    trouble: str
    owner_name: str | None
    customer_name: str | None
    phone: str | None
    order_number: str | None

    @property
    def is_open(self) -> bool:
        """Whether it is still to be done."""
        return self.done_at is None


@dataclass(frozen=True, slots=True)
class Asked:
    """Which tasks, and from where on. `user_id`: who looks, for `mine`."""

    whose: Whose = "all"
    is_done: bool = False
    user_id: int = 0
    people: tuple[int, ...] = ()  # only about these names of somebody; (): everybody
    after: tuple[datetime, int] | None = None  # the last line of the page before


COLUMNS = """t.id, t.contact_id, t.order_id, t.recipe, t.said, t.owner, t.due_at, t.created_at,
  t.created_by, t.done_at, t.done_by, t.result, t.note, t.tell, t.tell_at, t.told_at, t.trouble,
  u.name AS owner_name, c.name AS customer_name, c.phone, o.number AS order_number"""
JOINED = """
LEFT JOIN contact c ON c.bucket = t.bucket AND c.store_id = t.store_id AND c.id = t.contact_id
LEFT JOIN purchase_order o
  ON o.bucket = t.bucket AND o.store_id = t.store_id AND o.id = t.order_id
LEFT JOIN app_user u ON u.id = t.owner"""
# A bucket at a time from the end of its index: a page costs the same whatever lies behind it.
EACH_BUCKET = """
FROM unnest(%(buckets)s::integer[]) AS b(bucket)
CROSS JOIN LATERAL (
  SELECT t.* FROM task t
  WHERE t.bucket = b.bucket AND t.store_id = %(store_id)s
    AND (%(whose)s = 'all' OR (%(whose)s = 'mine' AND t.owner = %(user_id)s)
      OR (%(whose)s = 'nobody' AND t.owner IS NULL))
    AND (%(anybody)s OR t.contact_id = ANY(%(people)s::bigint[]))"""
OPEN = f"""
SELECT {COLUMNS}{EACH_BUCKET}
    AND t.done_at IS NULL AND (t.due_at, t.id) > (%(at)s, %(id)s)
  ORDER BY t.due_at, t.id LIMIT %(most)s
) t {JOINED}
ORDER BY t.due_at, t.id LIMIT %(most)s
"""
# What a program was told is not somebody's work; it stands with the automation's numbers.
DONE = f"""
SELECT {COLUMNS}{EACH_BUCKET}
    AND t.done_at IS NOT NULL AND t.result <> 'told' AND (t.done_at, t.id) < (%(at)s, %(id)s)
  ORDER BY t.done_at DESC, t.id DESC LIMIT %(most)s
) t {JOINED}
ORDER BY t.done_at DESC, t.id DESC LIMIT %(most)s
"""
FIRST = (datetime(1970, 1, 1, tzinfo=UTC), 0)
LAST = (datetime(9000, 1, 1, tzinfo=UTC), 2**63 - 1)


async def listed(tx: Tx, store: Store, asked: Asked, most: int = PAGE) -> list[Task]:
    """Open ones with the one that is due first in front; done ones with the last done in front."""
    at, row_id = asked.after or (LAST if asked.is_done else FIRST)
    given = _where(store) | {
        "whose": asked.whose, "user_id": asked.user_id, "anybody": not asked.people,
        "people": db.numbers(asked.people),
        "at": at, "id": row_id, "most": most,
    }  # fmt: skip
    rows = await (await tx.execute(DONE if asked.is_done else OPEN, given)).fetchall()
    return [Task(**row) for row in rows]


def _where(store: Store) -> dict[str, Any]:
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    return {"buckets": buckets, "store_id": store.id}


COUNTS = """
SELECT count(*)::bigint AS "all",
  count(*) FILTER (WHERE t.owner = %(user_id)s)::bigint AS mine,
  count(*) FILTER (WHERE t.owner IS NULL)::bigint AS nobody,
  count(*) FILTER (WHERE t.due_at < %(now)s)::bigint AS late
FROM task t
WHERE t.bucket = ANY(%(buckets)s) AND t.store_id = %(store_id)s AND t.done_at IS NULL
"""


async def counts(tx: Tx, store: Store, user_id: int, now: datetime) -> Mapping[str, int]:
    """How many are open: all, mine, nobody's, and late."""
    given = _where(store) | {"user_id": user_id, "now": now}
    row = await (await tx.execute(COUNTS, given)).fetchone()
    assert row is not None
    return {name: int(row[name]) for name in ("all", "mine", "nobody", "late")}


FIND = f"""
SELECT {COLUMNS} FROM task t {JOINED}
WHERE t.bucket = %(bucket)s AND t.store_id = %(store_id)s AND t.id = %(id)s
"""


async def find(tx: Tx, store: Store, task_id: int) -> Task | None:
    """One task of this store, or None."""
    given = {"bucket": bucket_of_id(task_id), "store_id": store.id, "id": task_id}
    row = await (await tx.execute(FIND, given)).fetchone()
    return Task(**row) if row else None


# ------------------------------------------------------------------ written

PUT = """
INSERT INTO task (bucket, store_id, id, contact_id, order_id, recipe, enrollment_id, said, owner,
  due_at, created_at, created_by, tell, tell_at)
SELECT r.bucket, %(store_id)s, r.id, r.contact_id, r.order_id, r.recipe, r.enrollment_id, r.said,
  r.owner, r.due_at, r.created_at, r.created_by, r.tell, r.tell_at
FROM jsonb_populate_recordset(NULL::task, %(rows)s) r
WHERE r.bucket = ANY(%(buckets)s)
ON CONFLICT (bucket, store_id, id) DO NOTHING
"""


async def write(tx: Tx, store: Store, wishes: Sequence[SaveTask]) -> None:
    """Tasks that answers asked for (effects.SaveTask), all at once."""
    if not wishes:
        return
    rows = [
        {name: getattr(one, name) for name in one.__slots__}
        | {
            "bucket": bucket_of_id(one.id),
            "owner": one.owner or None,
            "created_by": "",
            "tell_at": None if one.tell == "task" else one.created_at,
        }
        for one in wishes
    ]
    rows.sort(key=lambda row: (row["bucket"], row["id"]))
    buckets = sorted({row["bucket"] for row in rows})
    given = {"buckets": buckets, "store_id": store.id, "rows": db.document(rows)}
    await tx.execute(PUT, given)


def bucket_of_task(store: Store, contact_id: int | None) -> int:
    """Where a task about this person lies; None: it is about nobody."""
    if contact_id is not None:
        return bucket_of_id(contact_id)
    return buckets_of_store(store.bucket_base, store.bucket_span)[0]


@dataclass(frozen=True, slots=True)
class Wish:
    """A task that a person or a program asks for. `id` lies in bucket_of_task."""

    id: int
    said: str
    due_at: datetime
    by: str  # page/Anna, api/till
    owner: int | None = None
    contact_id: int | None = None
    order_id: int | None = None
    tells_owner: bool = False  # by a letter


async def create(tx: Tx, store: Store, wish: Wish, now: datetime) -> None:
    """A new one."""
    row = {
        "bucket": bucket_of_id(wish.id), "id": wish.id, "contact_id": wish.contact_id,
        "order_id": wish.order_id, "recipe": "", "said": wish.said, "owner": wish.owner,
        "due_at": wish.due_at, "created_at": now, "created_by": wish.by,
        "tell": "person" if wish.tells_owner else "task",
        "tell_at": now if wish.tells_owner else None,
    }  # fmt: skip
    given = {"buckets": [row["bucket"]], "store_id": store.id, "rows": db.document([row])}
    await tx.execute(PUT, given)


CHANGE = """
UPDATE task SET said = %(said)s, owner = %(owner)s, due_at = %(due_at)s, note = %(note)s
WHERE bucket = %(bucket)s AND store_id = %(store_id)s AND id = %(id)s
"""


async def change(tx: Tx, store: Store, task: Task) -> None:
    """What is to be done, by whom, until when, and what was noted."""
    await tx.execute(
        CHANGE,
        {
            "bucket": bucket_of_id(task.id), "store_id": store.id, "id": task.id,
            "said": task.said, "owner": task.owner, "due_at": task.due_at, "note": task.note,
        },
    )  # fmt: skip


# What is done by hand is told to nobody any more.
# What a program was told, and has done since, is done only now.
FINISH = """
UPDATE task SET done_at = %(now)s, done_by = %(by)s, result = %(result)s,
  note = CASE WHEN %(note)s = '' THEN note ELSE %(note)s END, tell_at = NULL
WHERE bucket = %(bucket)s AND store_id = %(store_id)s AND id = %(id)s
  AND (done_at IS NULL OR result = 'told')
RETURNING contact_id, recipe, enrollment_id
"""
REOPEN = """
UPDATE task SET done_at = NULL, done_by = '', result = ''
WHERE bucket = %(bucket)s AND store_id = %(store_id)s AND id = %(id)s AND done_at IS NOT NULL
  AND result <> 'erased'
"""


async def finish(
    tx: Tx, store: Store, task_id: int, result: Result, note: str, by: str, now: datetime, ids: Ids
) -> bool:
    """It is done, with what came of it, and automations hear of it; False: it was done already."""
    given = {
        "bucket": bucket_of_id(task_id), "store_id": store.id, "id": task_id, "result": result,
        "note": note, "by": by, "now": now,
    }  # fmt: skip
    row = await (await tx.execute(FINISH, given)).fetchone()
    if row and row["contact_id"]:
        closed = TaskClosed(
            # Once more, when it was opened again since.
            id=f"task/{task_id}/{now.timestamp():.6f}", at=now, contact=row["contact_id"],
            task=task_id, result=result, automation=row["recipe"],
            enrollment=row["enrollment_id"] or 0,
        )  # fmt: skip
        await facts.write(tx, store, 0, [closed], now, ids)
    return row is not None


# Whatever automation asked for an answer to a complaint: its run is about the complaint's opening.
OF_COMPLAINTS = """
SELECT t.id, r.by
FROM jsonb_to_recordset(%(rows)s) AS r(bucket integer, contact_id bigint, number text, by text)
CROSS JOIN LATERAL (
  SELECT t.id, t.enrollment_id FROM task t
  WHERE t.bucket = r.bucket AND t.store_id = %(store_id)s AND t.contact_id = r.contact_id
    AND t.done_at IS NULL AND t.enrollment_id IS NOT NULL OFFSET 0
) t
JOIN enrollment e ON e.bucket = r.bucket AND e.store_id = %(store_id)s AND e.id = t.enrollment_id
  AND right(e.subject, length(r.number) + 8) = '/' || r.number || '/opened'
ORDER BY t.id
"""


async def finish_of_complaints(
    tx: Tx, store: Store, answered: Sequence[tuple[Complaint, str]], now: datetime, ids: Ids
) -> None:
    """Nobody has to answer these complaints any more; with each, who did."""
    rows = [
        {"bucket": bucket_of_id(one.contact_id), "contact_id": one.contact_id,
         "number": one.number, "by": by}
        for one, by in answered
    ]  # fmt: skip
    if rows:
        given = {"store_id": store.id, "rows": db.document(rows)}
        for row in await (await tx.execute(OF_COMPLAINTS, given)).fetchall():
            await finish(tx, store, row["id"], "done", "", row["by"], now, ids)


async def reopen(tx: Tx, store: Store, task_id: int) -> bool:
    """It is still to be done; False: it is open, or its customer was erased."""
    given = {"bucket": bucket_of_id(task_id), "store_id": store.id, "id": task_id}
    return (await tx.execute(REOPEN, given)).rowcount > 0
