"""The figures of one automation, counted from its rows when somebody asks (R100, R101, N3).

Texts are those of the time asked for; orders are claimed as anywhere (attribution.py). What was
counted is kept for twenty times as long as it took.
"""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, buckets_of_store, id_floor
from ringdove.kit.db import Pool, Tx
from ringdove.records.reports import attribution
from ringdove.records.reports.attribution import HEARD_EARLY, REFUNDED, Row
from ringdove.records.reports.reports import (
    KEPT_MAX,
    KEPT_S_MAX,
    KEPT_TIMES,
    ROOM,
    STATEMENT_S_MAX,
)
from ringdove.rules.reports import reports
from ringdove.rules.reports.automation_reports import AutomationReport, Crowd
from ringdove.rules.reports.reports import Day, Lift, Line
from ringdove.rules.scenes import Store

NEWEST = 10  # orders that a report names
WEEK_S = 7 * 24 * 3600

MINE = """m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s AND m.id >= %(first)s
  AND m.recipe = %(recipe)s AND m.campaign_id IS NULL"""
TEXTS = f"""
SELECT m.place, m.channel, m.language, m.state,
  CASE WHEN m.state = 'dropped' THEN m.reason ELSE '' END AS reason,
  (m.sent_at AT TIME ZONE %(zone)s)::date AS day, m.cost_currency AS currency, count(*) AS n,
  sum(m.cost) FILTER (WHERE m.sent_at IS NOT NULL) AS cost,
  count(*) FILTER (WHERE m.sent_at IS NOT NULL AND m.cost IS NULL AND m.channel = 'sms')
    AS unpriced
FROM message m WHERE {MINE}
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
CLICKS = f"""
SELECT grouping(f.place, f.channel, f.language, f.day) AS lacks, f.place, f.channel, f.language,
  f.day, count(DISTINCT f.contact_id) AS n
FROM (
  SELECT m.place, m.channel, m.language, m.contact_id,
    (l.at AT TIME ZONE %(zone)s)::date AS day
  FROM link_click l
  JOIN message m ON m.bucket = l.bucket AND m.store_id = l.store_id AND m.id = l.message_id
  WHERE l.bucket = ANY(%(buckets)s) AND l.store_id = %(store_id)s AND l.id >= %(first)s
    AND l.kind = 'person' AND {MINE}
) f
GROUP BY GROUPING SETS ((f.place), (f.channel), (f.language), (f.day), ())
"""
# Who wrote back or left soon after a text of the automation.
AFTER = f"""(
  SELECT m.place, m.channel, m.language FROM message m
  WHERE m.bucket = h.bucket AND {MINE} AND m.contact_id = h.contact_id AND m.sent_at <= h.at
    AND m.sent_at >= h.at - make_interval(days => %(days)s) ORDER BY m.id DESC LIMIT 1) m
"""
REPLIES = f"""
SELECT m.*, count(DISTINCT h.contact_id) AS n FROM inbound h CROSS JOIN LATERAL {AFTER}
WHERE h.bucket = ANY(%(buckets)s) AND h.store_id = %(store_id)s AND h.id >= %(first)s
GROUP BY 1, 2, 3
"""
STOPS = f"""
SELECT m.*, count(DISTINCT h.contact_id) AS n FROM consent_event h CROSS JOIN LATERAL {AFTER}
WHERE h.bucket = ANY(%(buckets)s) AND h.store_id = %(store_id)s AND h.id >= %(first)s
  AND h.change = 'out'
GROUP BY 1, 2, 3
"""
CLAIMING = """
SELECT m.id, m.place, m.channel, m.language FROM message m
WHERE m.bucket = ANY(%(claiming)s) AND m.store_id = %(store_id)s AND m.id = ANY(%(ids)s::bigint[])
"""

# People by their first run in this time, and all they bought within the days in which an order
# counts; claimed or not. Who was merged is counted apart.
BEGUN = """(
  SELECT e.bucket, e.contact_id, min(e.started_at) AS at, bool_or(e.reason = 'holdout') AS alone
  FROM enrollment e
  WHERE e.bucket = ANY(%(buckets)s) AND e.store_id = %(store_id)s AND e.recipe = %(recipe)s
    AND e.started_at >= %(since)s AND e.reason <> 'switched_off'
  GROUP BY e.bucket, e.contact_id)"""
OURS = "o.currency = ANY(ARRAY['', %(currency)s])"
CROWDS = f"""
WITH b AS MATERIALIZED {REFUNDED}, r AS MATERIALIZED {BEGUN}
SELECT r.alone, count(*)::integer AS people, count(s.total)::integer AS buyers,
  coalesce(sum(s.total), 0) AS total, coalesce(sum(s.total * s.total), 0) AS squares
FROM r CROSS JOIN LATERAL (
  SELECT CASE WHEN count(*) > 0 THEN coalesce(
    sum(greatest(o.total - coalesce(b.amount, 0), 0)) FILTER (WHERE {OURS}), 0) END AS total
  FROM purchase_order o LEFT JOIN b ON b.bucket = o.bucket AND b.order_id = o.id
  WHERE o.bucket = r.bucket AND o.bucket = ANY(%(buckets)s) AND o.store_id = %(store_id)s
    AND o.contact_id = r.contact_id AND o.placed_at > r.at
    AND o.placed_at <= r.at + make_interval(days => %(days)s) AND {attribution.COUNTED}
) s
WHERE r.contact_id <> ALL(%(merged)s::bigint[])
GROUP BY r.alone
"""
OF_MERGED = f"""
WITH r AS MATERIALIZED {BEGUN}
SELECT r.contact_id, r.at, r.alone FROM r WHERE r.contact_id = ANY(%(merged)s::bigint[])
"""


_Key = tuple[int, str, int, str, int]
_kept: WeakKeyDictionary[Pool, OrderedDict[_Key, tuple[AutomationReport, float]]] = (
    WeakKeyDictionary()
)


async def of_automation(
    pool: Pool, store: Store, recipe: str, days: int, now: datetime
) -> AutomationReport:
    """Its figures of the last so many days."""
    rule = store.policy
    key = (store.id, recipe, days, rule.attribution, rule.attribution_days)
    kept = _kept.setdefault(pool, OrderedDict())
    if (known := kept.get(key)) and monotonic() < known[1]:
        return known[0]
    async with db.transaction(pool) as tx:
        await tx.execute(ROOM, {"ms": str(STATEMENT_S_MAX * 1000)})
        found = await _Counting(tx, store, recipe, now - timedelta(days=days), now).report()
    kept[key] = found, monotonic() + min(KEPT_S_MAX, found.took_s * KEPT_TIMES)
    while len(kept) > KEPT_MAX:
        kept.popitem(last=False)
    return found


class _Counting:
    """One automation being counted."""

    def __init__(self, tx: Tx, store: Store, recipe: str, since: datetime, now: datetime) -> None:
        self.tx, self.store, self.recipe, self.since, self.now = tx, store, recipe, since, now
        self.total, self.foreign = Line(), 0
        self.steps: dict[str, Line] = {}
        self.channels: dict[str, Line] = {}
        self.languages: dict[str, Line] = {}
        self.days: dict[Any, list[Any]] = {}
        self.reasons: dict[str, int] = {}
        self.claimed: list[Row] = []
        self.given: dict[str, Any] = {
            "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
            "store_id": store.id, "recipe": recipe, "first": id_floor(since), "since": since,
            "first_order": id_floor(since - HEARD_EARLY), "zone": store.time_zone,
            "days": store.policy.attribution_days, "currency": store.currency,
        }  # fmt: skip

    async def report(self) -> AutomationReport:
        began = monotonic()
        await self.texts()
        await self.answers()
        await self.sold()
        crowds = await self.crowds()
        weeks = (self.now - self.since).total_seconds() / WEEK_S
        groups = {None: crowds[True].group, 0: crowds[False].group}
        lift: Lift | None = reports.lift(groups, weeks)
        return AutomationReport(
            self.recipe, self.now, self.since, crowds[False].people, crowds[True].people,
            self.total, self.steps, self.channels, self.languages,
            [Day(day, *values) for day, values in sorted(self.days.items())], self.reasons, lift,
            self.foreign, self.claimed[:NEWEST], monotonic() - began,
        )  # fmt: skip

    async def ask(self, statement: str, **more: Any) -> list[Row]:
        return list(await (await self.tx.execute(statement, self.given | more)).fetchall())

    def lines(self, row: Row) -> list[Line]:
        """Where a message, or what followed it, is counted."""
        return [
            self.total, self.steps.setdefault(row["place"], Line()),
            self.channels.setdefault(row["channel"], Line()),
            self.languages.setdefault(row["language"], Line()),
        ]  # fmt: skip

    def day(self, day: Any) -> list[Any]:
        return self.days.setdefault(day, [0, 0, 0, Decimal(0)])

    async def texts(self) -> None:
        """What became of the messages, and who tapped."""
        for row in await self.ask(TEXTS):
            n = row["n"]
            if row["reason"]:
                self.reasons[row["reason"]] = self.reasons.get(row["reason"], 0) + n
            if row["day"] is not None:
                self.day(row["day"])[0] += n
            for line in self.lines(row):
                line.add(row["state"], n)
                line.unpriced += row["unpriced"]
                if row["currency"] in ("", self.store.currency):
                    line.cost += row["cost"] or 0
                elif row["cost"]:
                    was = line.other_cost.get(row["currency"], Decimal(0))
                    line.other_cost[row["currency"]] = was + row["cost"]
        for row in await self.ask(CLICKS):
            match row["lacks"]:
                case 7:
                    self.steps.setdefault(row["place"], Line()).clicked += row["n"]
                case 11:
                    self.channels.setdefault(row["channel"], Line()).clicked += row["n"]
                case 13:
                    self.languages.setdefault(row["language"], Line()).clicked += row["n"]
                case 14:
                    self.day(row["day"])[1] += row["n"]
                case _:
                    self.total.clicked += row["n"]

    async def answers(self) -> None:
        """Who wrote back, and who left."""
        for name, statement in (("replied", REPLIES), ("stopped", STOPS)):
            for row in await self.ask(statement):
                for line in self.lines(row):
                    setattr(line, name, getattr(line, name) + row["n"])

    async def sold(self) -> None:
        """Orders that its texts claim."""
        zone, buyers = ZoneInfo(self.store.time_zone), set[tuple[int, int]]()
        found = await attribution.of_recipe(
            self.tx, self.store, self.recipe, self.since, self.now
        )  # fmt: skip
        claiming = {bucket_of_id(row["message_id"]) for row in found}
        ids = db.numbers(row["message_id"] for row in found)
        known = await self.ask(CLAIMING, claiming=sorted(claiming), ids=ids) if found else []
        texts = {row["id"]: row for row in known}
        for row in sorted(found, key=lambda one: one["placed_at"], reverse=True):
            is_ours = row["currency"] in ("", self.store.currency)
            amount = row["amount"] if is_ours else Decimal(0)
            self.foreign += not is_ours
            self.claimed.append(row)
            for line in self.lines(texts[row["message_id"]]):
                line.orders += 1
                line.revenue += amount
                if (row["contact_id"], id(line)) not in buyers:
                    buyers.add((row["contact_id"], id(line)))
                    line.bought += 1
            day = self.day(row["placed_at"].astimezone(zone).date())
            day[2] += 1
            day[3] += amount

    async def crowds(self) -> Mapping[bool, Crowd]:
        """Who was begun for (False) and who was left alone (True), with all they bought."""
        families, orders = await attribution.of_merged(self.tx, self.store, self.since, self.now)
        merged = db.numbers({*families, *families.values()})
        found = {False: Crowd(), True: Crowd()}
        for row in await self.ask(CROWDS, merged=merged):
            found[row["alone"]].add(row["people"], row["buyers"], row["total"], row["squares"])
        if families:
            self._of_merged(found, families, orders, await self.ask(OF_MERGED, merged=merged))
        return found

    def _of_merged(
        self, found: Mapping[bool, Crowd], families: Mapping[int, int], orders: list[Row],
        begun: list[Row],
    ) -> None:  # fmt: skip
        """The same of who goes by several names: the first run of any of them counts."""
        first: dict[int, Row] = {}
        for row in sorted(begun, key=lambda one: one["at"]):
            first.setdefault(families.get(row["contact_id"], row["contact_id"]), row)
        days = timedelta(days=self.store.policy.attribution_days)
        for main, row in first.items():
            theirs = [
                one for one in orders
                if one["contact_id"] == main and row["at"] < one["placed_at"] <= row["at"] + days
            ]  # fmt: skip
            ours = [one for one in theirs if one["currency"] in ("", self.store.currency)]
            total = sum((one["amount"] for one in ours), Decimal(0))
            found[row["alone"]].add(1, int(bool(theirs)), total, total * total)
