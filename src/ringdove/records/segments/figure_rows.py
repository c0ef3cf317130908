"""Rows of figures on their way to the database: a document of people, each under all their names,
said once for all of their buckets. records/segments/figures.py tells the story.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Contact, Store

Row = dict[str, Any]

EARLY: Final = timedelta(days=1)  # as far as a shop's clock may be ahead of ours


class Named(NamedTuple):
    """A living person, and the names that were merged into them."""

    id: int
    also: Sequence[int]


def key(contact_id: int) -> Row:
    """Where their row lies."""
    return {"bucket": bucket_of_id(contact_id), "contact_id": contact_id}


def named(person: Named | Contact) -> list[Row]:
    """The person under each of their names: rows lie under the one they came by."""
    main = {"bucket": bucket_of_id(person.id), "contact_id": person.id}
    return [
        main | {"of_bucket": bucket_of_id(one), "of_id": one} for one in (person.id, *person.also)
    ]


async def run(tx: Tx, statement: str, store: Store, rows: Sequence[Row], **more: Any) -> None:
    """A statement once with all rows, bucket by bucket; `more`: what else it asks for."""
    if rows:
        in_order = sorted(rows, key=lambda row: (row["bucket"], row["contact_id"]))
        buckets = list(dict.fromkeys(row["bucket"] for row in in_order))
        given = {"store_id": store.id, "buckets": buckets, "rows": db.document(in_order)}
        await tx.execute(statement, given | more)
