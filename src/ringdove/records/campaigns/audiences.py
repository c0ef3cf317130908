"""Who a campaign speaks to, read by the page: everybody that its audience holds, and what is asked
of them (R20 to R24).

A page is a stretch of contact ids behind a checkpoint. Conditions over people may cost a look at a
whole bucket, so they are asked for many pages at once (`members`); what the decision and the words
need is read for one page. Nobody who came after the campaign's clock is in it, nobody who was
merged into another, nobody erased.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from psycopg import sql
from psycopg.rows import tuple_row

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store, id_floor
from ringdove.kit.db import Tx
from ringdove.records.segments import histories
from ringdove.records.segments.segments import IN_MEMORY, Condition
from ringdove.rules import policy
from ringdove.rules.campaigns.campaign_decisions import PARTED, Person
from ringdove.rules.campaigns.campaigns import Plan
from ringdove.rules.scenes import Contact, History, Store, Touch
from ringdove.rules.segments import send_hours

MEMBERS_MAX = 100_000  # found at once, kept in memory until their pages are made
ID_MAX = 2**63 - 1

# Where a stretch of so many people ends.
UPTO = """
SELECT c.id FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id >= %(first)s
  AND c.id < %(after)s
ORDER BY c.id OFFSET %(most)s LIMIT 1
"""
# How many a bucket has, for the progress.
TOTAL = """
SELECT count(*)::integer AS n FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id < %(after)s
  AND c.merged_into IS NULL AND c.erased_at IS NULL
"""
MEMBERS = sql.SQL("""
SELECT c.id FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id >= %(first)s
  AND c.id < %(after)s AND c.merged_into IS NULL AND c.erased_at IS NULL AND {condition}
ORDER BY c.id LIMIT %(most)s
""")
# The first columns are those of Person, in its order. The traits are joined here, in the order of
# campaign_decisions.Traits: a million people are some dozens of kinds, and reading one word is
# cheaper than reading ten.
# Of touches the newest count that a cap can ask for, and the newest of the campaign's category.
PEOPLE = sql.SQL("""
SELECT c.id, concat_ws(%(parted)s, coalesce(c.language, ''), coalesce(c.country, ''),
    array_to_string(c.zones, ' '), c.marketing, c.service,
    coalesce(c.scopes -> %(topic_scope)s ->> 0, ''),
    coalesce(c.scopes -> %(category_scope)s ->> 0, ''),
    coalesce(c.scopes #>> '{{channel/email,0}}', ''),
    CASE WHEN c.phone IS NULL THEN '' ELSE 'p' END
      || CASE WHEN c.phone_doubt IS NULL THEN '' ELSE 'd' END
      || CASE WHEN c.email IS NULL THEN '' ELSE 'e' END) AS traits,
  c.phone, c.email, c.name, {own_hour} AS own_hour, NULL AS past, c.paused_until,
  c.talking_until, {fields} AS fields, t.newest, t.of_category, {bought} AS bought_at,
  nullif(c.also, '{{}}') AS also
FROM contact c
LEFT JOIN (
  SELECT t.contact_id, (array_agg(t.at ORDER BY t.at DESC))[:%(most_touches)s] AS newest,
    max(t.at) FILTER (WHERE t.category = %(category)s AND t.category <> '') AS of_category
  FROM touch t
  WHERE t.bucket = %(bucket)s AND t.store_id = %(store_id)s AND t.at > %(since)s
    AND t.contact_id >= %(first)s AND t.contact_id < %(after)s
  GROUP BY t.contact_id
) t ON t.contact_id = c.id
{joins}
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id >= %(first)s
  AND c.id < %(after)s AND c.merged_into IS NULL AND c.erased_at IS NULL {among}
ORDER BY c.id
""")
OWN_HOUR = sql.SQL("""
LEFT JOIN contact_figure f ON f.bucket = %(bucket)s AND f.store_id = %(store_id)s
  AND f.contact_id = c.id AND f.contact_id >= %(first)s AND f.contact_id < %(after)s
""")
BOUGHT = sql.SQL("""
LEFT JOIN contact_category k ON k.bucket = %(bucket)s AND k.store_id = %(store_id)s
  AND k.contact_id = c.id AND k.contact_id >= %(first)s AND k.contact_id < %(after)s
  AND k.category = %(category)s
""")
# A young table has no statistics: the planner would look all touches of a page through for each of
# its people. Each of these reads one stretch of each table, and joins them by hash.
BY_HASH = "SELECT set_config('enable_nestloop', 'off', true)"
AS_EVER = "SELECT set_config('enable_nestloop', 'on', true)"
AMONG = sql.SQL("AND c.id = ANY(%(ids)s::bigint[])")
NOTHING = sql.SQL("")


# The newest visits are enough to know a shop's hour: so many days of them.
VISITS_LOOKED_AT = timedelta(days=28)
BY_HOUR = """
SELECT extract(hour FROM v.at AT TIME ZONE %(zone)s)::integer AS hour, count(*) AS n FROM visit v
WHERE v.bucket = ANY(%(buckets)s) AND v.store_id = %(store_id)s AND v.id >= %(first)s
GROUP BY 1
"""


async def shop_hour(tx: Tx, store: Store, now: datetime) -> int | None:
    """When most people visit, by the store's clock: for those without an hour of their own (R16).
    None: nobody visits."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
        "zone": store.time_zone, "first": id_floor(now - VISITS_LOOKED_AT),
    }  # fmt: skip
    rows = await (await tx.execute(BY_HOUR, given)).fetchall()
    return send_hours.of_shop({row["hour"]: row["n"] for row in rows})


@dataclass(slots=True)
class Page:
    """A stretch of people. `next_id`: where the following one begins; None: this was the last."""

    people: list[Person]
    seen: int  # people in the stretch, of the audience or not
    next_id: int | None


@dataclass(slots=True)
class Audience:
    """One campaign's people in one bucket. `condition`: who is asked, None: everybody."""

    store: Store
    plan: Plan
    bucket: int
    began_at: datetime  # who came later is not in it
    now: datetime  # the clock of its decisions
    condition: Condition | None
    has_fields: bool  # whether texts ask for the store's own
    _members: list[int] = field(default_factory=list)  # the next ones, in order
    _upto: int = 0  # members before this id are found

    async def total(self, tx: Tx) -> int:
        """How many people the bucket has, of the audience or not."""
        row = await (await tx.execute(TOTAL, self._where(0, self._floor))).fetchone()
        return int(row["n"]) if row else 0

    async def page(self, tx: Tx, first: int, most: int) -> Page:
        """The stretch that begins at an id."""
        if self.condition is None:
            row = await (
                await tx.execute(UPTO, self._where(first, self._floor) | {"most": most})
            ).fetchone()
            after = row["id"] if row else self._floor
            people = await self._people(tx, first, after, None)
            return Page(people, len(people), after if row else None)
        if not self._members or self._members[0] < first:
            await self._find(tx, first)
        ids, self._members = self._members[:most], self._members[most:]
        if not ids:
            return Page([], 0, None)
        people = await self._people(tx, ids[0], ids[-1] + 1, ids)
        is_last = not self._members and self._upto >= self._floor
        return Page(people, len(people), None if is_last else ids[-1] + 1)

    async def people(self, tx: Tx, ids: Sequence[int]) -> list[Person]:
        """These people, whether the condition still means them or not; in order."""
        return await self._people(tx, ids[0], ids[-1] + 1, ids) if ids else []

    @property
    def _floor(self) -> int:
        return id_floor(self.began_at)

    def _where(self, first: int, after: int) -> dict[str, Any]:
        return {
            "bucket": self.bucket, "store_id": self.store.id, "first": first, "after": after,
        }  # fmt: skip

    async def _find(self, tx: Tx, first: int) -> None:
        """The next members from `first` on."""
        assert self.condition is not None
        statement = MEMBERS.format(condition=self.condition.sql)
        given = {**self.condition.params, **self._where(first, self._floor), "most": MEMBERS_MAX}
        async with tx.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(IN_MEMORY)
            await cursor.execute(statement, given)
            self._members = [row[0] for row in await cursor.fetchall()]
        is_all = len(self._members) < MEMBERS_MAX
        self._upto = self._floor if is_all else self._members[-1] + 1

    async def _people(
        self, tx: Tx, first: int, after: int, ids: Sequence[int] | None
    ) -> list[Person]:
        statement, given = self._asked(ids)
        await tx.execute(BY_HASH)
        async with tx.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(statement, given | self._where(first, after))
            rows = await cursor.fetchall()
        await tx.execute(AS_EVER)
        new, person, category = tuple.__new__, Person, self.plan.category
        people = [new(person, row[:10]) for row in rows]
        told = [place for place, row in enumerate(rows) if row[10] or row[12] or row[13]]
        merged = {rows[n][0]: tuple(rows[n][13]) for n in told if rows[n][13]}
        pasts = await self._merged(tx, merged) if merged else {}
        for place in told:
            row = rows[place]
            past = pasts.get(row[0]) or _past(row[10], row[11], row[12], category)
            people[place] = people[place]._replace(past=past)
        return people

    def _asked(self, ids: Sequence[int] | None) -> tuple[sql.Composed, dict[str, Any]]:
        plan, rule = self.plan, self.store.policy
        gap = rule.categories.get(plan.category) if plan.category else None
        has_hour = plan.when.mode == "own_hour"
        has_bought = gap is not None and gap.after_purchase_days > 0
        joins = [one for one, wanted in ((OWN_HOUR, has_hour), (BOUGHT, has_bought)) if wanted]
        statement = PEOPLE.format(
            own_hour=sql.SQL("f.own_hour" if has_hour else "NULL"),
            bought=sql.SQL("k.bought_at" if has_bought else "NULL"),
            fields=sql.SQL("c.fields" if self.has_fields else "NULL"),
            joins=sql.SQL("").join(joins),
            among=NOTHING if ids is None else AMONG,
        )
        return statement, {
            "parted": PARTED,
            "topic_scope": f"topic/{plan.topic}",
            "category_scope": f"category/{plan.category}" if plan.category else "",
            "category": plan.category,
            "since": self.now - policy.looks_back(rule),
            "most_touches": max([1, *(most(rule) for _, most, _ in policy.CAPS)]),
            "ids": None if ids is None else db.numbers(ids),
        }

    async def _merged(self, tx: Tx, merged: Mapping[int, tuple[int, ...]]) -> dict[int, History]:
        """Of those into whom others were merged: their past lies in several buckets."""
        people = [Contact(one, None, None, self.now, also=also) for one, also in merged.items()]
        return await histories.load(tx, self.store, people, self.now)


def _past(
    newest: Sequence[datetime] | None, of_category: datetime | None, bought_at: datetime | None,
    category: str,
) -> History:  # fmt: skip
    touches = [Touch(0, at, "", "") for at in newest or ()]
    if of_category is not None:
        touches = [one for one in touches if one.at != of_category]
        touches.append(Touch(0, of_category, "", category))
        touches.sort(key=lambda one: one.at, reverse=True)
    return History(tuple(touches), {category: bought_at} if bought_at else {})
