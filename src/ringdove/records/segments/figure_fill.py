"""People whose figures a worker has still to count (records/people/fills.py): what came by COPY,
and a database from before there were figures.

A page's people are locked before their rows are read, so facts about them wait for the page, not
lie in it.
"""

from collections.abc import Sequence

from ringdove.kit import db
from ringdove.kit.db import Tx
from ringdove.records.people.fills import Fill
from ringdove.records.segments import figures
from ringdove.records.segments.figure_rows import Named
from ringdove.rules.scenes import Store

# In the order in which everybody locks them.
LOCK = """
SELECT c.id, c.also FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = ANY(%(ids)s::bigint[])
  AND c.merged_into IS NULL AND c.erased_at IS NULL
ORDER BY c.id FOR UPDATE
"""


async def _count(tx: Tx, store: Store, bucket: int, page: Sequence[int]) -> None:
    given = {"bucket": bucket, "store_id": store.id, "ids": db.numbers(page)}
    rows = await (await tx.execute(LOCK, given)).fetchall()
    await figures.count_anew(tx, store, [Named(row["id"], tuple(row["also"])) for row in rows])


FILL = Fill("figure_fill", _count)
ask, step = FILL.ask, FILL.step


async def is_left(tx: Tx, store: Store) -> bool:
    """Whether some are not counted yet: figures and segments may say too little of them."""
    return await FILL.left(tx, store) is not None
