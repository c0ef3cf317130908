"""Facts of the past, read again: what a rehearsal goes through (N2).

Bucket by bucket, each page with what its natural keys lead to today. Nothing is changed.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, bucket_of_id, buckets_of_store, id_floor
from ringdove.kit.db import Tx
from ringdove.records import scenes
from ringdove.records.segments import pictures
from ringdove.rules import answers, facts
from ringdove.rules.automations import rehearsal_times
from ringdove.rules.automations.journeys import DateComes, Trigger
from ringdove.rules.automations.rehearsal_times import Times
from ringdove.rules.scenes import Ref, Store
from ringdove.rules.segments.pictures import Picture
from ringdove.rules.segments.segments import Node

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


# Everybody whose time may have come, as they lie.
LIVING = """
SELECT c.id FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id > %(after)s
  AND c.merged_into IS NULL AND c.erased_at IS NULL
  AND CASE %(what)s WHEN 'birthday' THEN c.birthday IS NOT NULL
    WHEN 'children' THEN c.children <> '{}'
    WHEN 'field' THEN c.fields ? %(field)s ELSE true END
ORDER BY c.id LIMIT %(most)s
"""
NEWS = """
SELECT p.category, array_agg(p.new_at) AS at FROM product p
WHERE p.bucket = ANY(%(buckets)s) AND p.store_id = %(store_id)s AND p.category <> ''
  AND p.new_at > %(since)s AND p.new_at <= %(until)s
GROUP BY p.category
"""


async def living(
    tx: Tx, store: Store, bucket: int, trigger: Trigger, after: int, most: int
) -> list[int]:
    """The next people of a bucket whom the trigger may be about."""
    given = {
        "bucket": bucket, "store_id": store.id, "after": after, "most": most,
        "what": trigger.what if isinstance(trigger, DateComes) else "",
        "field": trigger.field if isinstance(trigger, DateComes) else "",
    }  # fmt: skip
    return [row["id"] for row in await (await tx.execute(LIVING, given)).fetchall()]


async def news(tx: Tx, store: Store, since: datetime, until: datetime) -> dict[str, list[datetime]]:
    """When categories had new goods."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
        "since": since, "until": until,
    }  # fmt: skip
    rows = await (await tx.execute(NEWS, given)).fetchall()
    return {row["category"]: row["at"] for row in rows}


async def told_by_time(
    tx: Tx, store: Store, times: Times, people: Sequence[int], trees: Mapping[int, Node]
) -> list[Past]:
    """What would have been told of these people when the automation's times came."""
    found: list[Past] = []
    known: Iterable[Picture]
    if rehearsal_times.needs_past(times.journey):
        known = (await pictures.load(tx, store, people, trees)).values()
    else:
        keys = [{"bucket": bucket_of_id(one), "id": one} for one in people]
        given = {"store_id": store.id, "keys": db.document(keys)}
        rows = await (await tx.execute(pictures.PEOPLE, given)).fetchall()
        known = [Picture(scenes.contact_of(row), store.time_zone) for row in rows]
    for picture in known:
        for fact in rehearsal_times.come(times, picture):
            body = fact.model_dump_json(exclude_defaults=True)
            told = f'{body[:-1]},"kind":"{fact.kind}"}}'
            found.append(Past(picture.person.id, fact.at, 0, told, ()))
    return found


def _read(body: str) -> facts.Fact | None:
    """None for one that can no more be read: it was parked."""
    try:
        return facts.read(body)
    except ValueError:
        return None
