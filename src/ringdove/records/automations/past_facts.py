"""Facts of the past, read again: what a rehearsal goes through (N2).

Bucket by bucket, each page with what its natural keys lead to today. Nothing is changed.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, buckets_of_store, id_floor
from ringdove.kit.db import Tx
from ringdove.records import scenes
from ringdove.rules import answers, facts
from ringdove.rules.scenes import Ref, Store

PAGE = 4_000
HEARD_EARLY = timedelta(days=1)  # clocks of shops differ from ours

IN_TIME = """f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.id > %(after)s
  AND f.at >= %(since)s AND f.at < %(until)s AND f.kind = ANY(%(kinds)s::text[])"""
COUNT = f"SELECT count(*) AS n FROM fact f WHERE {IN_TIME}"
PAGED = f"SELECT f.id, f.body::text AS body FROM fact f WHERE {IN_TIME} ORDER BY f.id LIMIT {PAGE}"
FAMILIES = """
SELECT c.id, c.merged_into FROM contact c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s AND c.merged_into IS NOT NULL
"""


class Past(NamedTuple):
    """A fact with the living person whom it is about, and what its keys lead to: kind, value,
    contact, row."""

    person: int
    at: datetime
    id: int
    body: str
    refs: tuple[tuple[str, str, int, int | None], ...]


class Reading:
    """The facts of some kinds and of a time."""

    def __init__(
        self, store: Store, kinds: Iterable[str], since: datetime, until: datetime
    ) -> None:
        self._store = store
        self._given: dict[str, Any] = {
            "store_id": store.id, "since": since, "until": until,
            "kinds": db.words(sorted(kinds)), "after": id_floor(since - HEARD_EARLY),
        }  # fmt: skip
        self._families: dict[int, int] | None = None

    async def count(self, tx: Tx, bucket: int) -> int:
        """How many lie in a bucket."""
        row = await (await tx.execute(COUNT, self._given | {"bucket": bucket})).fetchone()
        return int(row["n"]) if row else 0

    async def page(self, tx: Tx, bucket: int, after: int) -> tuple[list[Past], int, int]:
        """The next facts of a bucket behind the fact `after` (0: the first): those about people
        whom we know, how many there were in all, and the id to go on from."""
        given = self._given | {"bucket": bucket}
        given["after"] = max(after, given["after"])
        rows = await (await tx.execute(PAGED, given)).fetchall()
        if not rows:
            return [], 0, after
        country = self._store.country
        read = [(row, fact, answers.about(fact, country))
                for row in rows if (fact := _read(row["body"]))]  # fmt: skip
        refs = await self._refs(tx, {key for _, _, keys in read for key in keys})
        main = await self._mains(tx)
        found: list[Past] = []
        for row, fact, keys in read:
            known = tuple(
                (*key, ref.contact_id, ref.row_id) for key in keys if (ref := refs.get(key))
            )
            person = next(iter(fact.people()), None) or next((one[2] for one in known), None)
            if person:
                found.append(Past(main.get(person, person), fact.at, row["id"], row["body"], known))
        return found, len(rows), rows[-1]["id"]

    async def _refs(self, tx: Tx, keys: set[tuple[str, str]]) -> dict[tuple[str, str], Ref]:
        base, span = self._store.bucket_base, self._store.bucket_span
        asked = [
            {"bucket": bucket_of(base, span, f"{kind}/{value}"), "kind": kind, "value": value}
            for kind, value in sorted(keys)
        ]
        given = {"keys": db.document(asked), "store_id": self._store.id}
        rows = await (await tx.execute(scenes.REFS, given)).fetchall()
        return {(row["kind"], row["value"]): Ref(row["contact_id"], row["row_id"]) for row in rows}

    async def _mains(self, tx: Tx) -> dict[int, int]:
        """Who was merged, and into whom."""
        if self._families is None:
            given = {"buckets": self.buckets, "store_id": self._store.id}
            rows = await (await tx.execute(FAMILIES, given)).fetchall()
            self._families = {row["id"]: row["merged_into"] for row in rows}
        return self._families

    @property
    def buckets(self) -> Sequence[int]:
        return buckets_of_store(self._store.bucket_base, self._store.bucket_span)


def _read(body: str) -> facts.Fact | None:
    """None for one that can no more be read: it was parked."""
    try:
        return facts.read(body)
    except ValueError:
        return None
