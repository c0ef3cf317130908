"""Answers to surveys as a person looks for them: newest first, page by page, or all for a file."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from psycopg import sql

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store

Row = Mapping[str, Any]
State = Literal["", "waiting", "shown", "hidden"]

PAGE: Final = 50
FILE_PAGE: Final = 1_000
NO_END: Final = (datetime(9999, 1, 1, tzinfo=UTC), 2**63 - 1)
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which answers: what is empty or None does not matter. `opinions`: only those that may be
    shown, by what was decided of them."""

    surveys: Sequence[str] = ()
    since: datetime = BEGINNING  # answered
    scores: Sequence[int] | None = None
    reason: str = ""
    sku: str = ""
    carrier: str = ""
    pickup_point: str = ""
    has_words: bool = False
    may_publish: bool = False
    opinions: State = ""


# A bucket at a time from the end of its index; the few of each are merged.
FIND = sql.SQL("""
SELECT f.*, coalesce(m.id, c.id) AS person_id, coalesce(m.name, c.name) AS name,
  coalesce(m.phone, c.phone) AS phone, o.key AS order_key, o.number AS order_number
FROM (
  SELECT f.*
  FROM unnest(%(buckets)s::integer[]) AS b(bucket)
  CROSS JOIN LATERAL (
    SELECT a.* FROM survey_answer a
    WHERE a.bucket = b.bucket AND a.store_id = %(store_id)s AND a.answered_at IS NOT NULL
      AND a.answered_at >= %(since)s AND a.answered_at <= %(before)s
      AND (a.answered_at < %(before)s OR a.id < %(before_id)s)
      AND (%(surveys)s::text[] = '{{}}' OR a.survey = ANY(%(surveys)s::text[]))
      AND (%(scores)s::integer[] IS NULL OR a.score = ANY(%(scores)s::integer[]))
      AND (%(reason)s = '' OR a.reason = %(reason)s)
      AND (%(carrier)s = '' OR a.carrier = %(carrier)s)
      AND (%(pickup_point)s = '' OR a.pickup_point = %(pickup_point)s)
      AND (NOT %(has_words)s OR a.comment <> '')
      {narrow}
    ORDER BY a.answered_at DESC, a.id DESC LIMIT %(most)s
  ) f
  ORDER BY f.answered_at DESC, f.id DESC LIMIT %(most)s
) f
JOIN contact c ON c.bucket = f.bucket AND c.store_id = %(store_id)s AND c.id = f.contact_id
LEFT JOIN contact m ON m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s
  AND m.id = c.merged_into
LEFT JOIN purchase_order o ON o.bucket = f.bucket AND o.store_id = %(store_id)s
  AND o.id = f.order_id
ORDER BY f.answered_at DESC, f.id DESC
""")
# By these the index is chosen, so that few among many are found at once.
OF_ONE = sql.SQL("AND a.survey = %(survey)s")
OF_GOODS = sql.SQL("AND a.sku = %(sku)s AND a.sku <> ''")
MAY_BE_SHOWN = sql.SQL("AND a.may_publish")
IN_STATE = sql.SQL("AND a.published = %(published)s")
# What alerts became of low scores: the first task that an automation made after each.
TASKS = """
SELECT k.answer_id, t.id, t.due_at, t.done_at, t.result, u.name AS owner_name
FROM jsonb_to_recordset(%(rows)s) AS k(answer_id bigint, bucket integer, contact_id bigint,
  at timestamptz)
CROSS JOIN LATERAL (
  SELECT t.* FROM task t
  WHERE t.bucket = k.bucket AND t.store_id = %(store_id)s AND t.contact_id = k.contact_id
    AND t.recipe <> '' AND t.created_at >= k.at AND t.created_at < k.at + interval '1 day'
  ORDER BY t.id LIMIT 1
) t
LEFT JOIN user_role r ON r.user_id = t.owner AND r.store_id = %(store_id)s
LEFT JOIN app_user u ON u.id = r.user_id
"""

Place = tuple[datetime, int]


async def find(
    tx: Tx, store: Store, wanted: Wanted, before: Place = NO_END, most: int = PAGE
) -> tuple[list[Row], Place | None]:
    """So many answers, with who gave them (under their main name) and about which order; and from
    where to go on, None: that was all."""
    narrow = [OF_GOODS] if wanted.sku else []
    if len(wanted.surveys) == 1:
        narrow.append(OF_ONE)
    if wanted.may_publish or wanted.opinions:
        narrow.append(MAY_BE_SHOWN)
    if wanted.opinions:
        narrow.append(IN_STATE)
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
        "since": wanted.since, "before": before[0], "before_id": before[1], "most": most + 1,
        "surveys": db.words(wanted.surveys), "survey": (*wanted.surveys, "")[0],
        "reason": wanted.reason, "carrier": wanted.carrier,
        "scores": None if wanted.scores is None else db.numbers(wanted.scores),
        "sku": wanted.sku, "pickup_point": wanted.pickup_point, "has_words": wanted.has_words,
        "published": "" if wanted.opinions == "waiting" else wanted.opinions,
    }  # fmt: skip
    statement = FIND.format(narrow=sql.SQL(" ").join(narrow))
    rows = await (await tx.execute(statement, given)).fetchall()
    if len(rows) <= most:
        return list(rows), None
    last = rows[most - 1]
    return list(rows[:most]), (last["answered_at"], last["id"])


async def every(tx: Tx, store: Store, wanted: Wanted) -> AsyncIterator[Row]:
    """All of them, for a file."""
    before: Place | None = NO_END
    while before is not None:
        rows, before = await find(tx, store, wanted, before, FILE_PAGE)
        for row in rows:
            yield row


async def tasks(tx: Tx, store: Store, rows: Sequence[Row]) -> dict[int, Row]:
    """The tasks that low scores led to, by answer. A task lies under its person's main name."""
    keys = [
        {"answer_id": row["id"], "bucket": bucket_of_id(one), "contact_id": one,
         "at": row["answered_at"]}
        for row in rows
        for one in {row["contact_id"], row["person_id"]}
    ]  # fmt: skip
    if not keys:
        return {}
    given = {"store_id": store.id, "rows": db.document(keys)}
    found = await (await tx.execute(TASKS, given)).fetchall()
    return {row["answer_id"]: row for row in found}
