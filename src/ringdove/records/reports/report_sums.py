"""What all offers of a store brought in a time, by month, campaign and automation (R101, R107).

Read from the rows of that time, so a year of a large store costs seconds: what was found is kept
for twenty times as long, as the report of one campaign is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store, id_floor
from ringdove.kit.db import Pool, Tx
from ringdove.records.reports import attribution
from ringdove.records.reports.attribution import WAITED, Row
from ringdove.records.reports.reports import KEPT_S_MAX, KEPT_TIMES, ROOM, STATEMENT_S_MAX
from ringdove.rules.reports.reports import Line
from ringdove.rules.scenes import Store

TEXTS = """
SELECT date_trunc('month', m.sent_at AT TIME ZONE %(zone)s)::date AS month,
  coalesce(m.campaign_id, 0) AS campaign_id,
  CASE WHEN m.campaign_id IS NULL THEN m.recipe ELSE '' END AS recipe, m.channel, m.state,
  m.cost_currency AS currency, count(*) AS n, sum(m.cost) AS cost,
  count(*) FILTER (WHERE m.cost IS NULL AND m.channel = 'sms') AS unpriced
FROM message m
WHERE m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s AND m.id >= %(first_text)s
  AND m.class = 'marketing' AND m.sent_at >= %(since)s AND m.sent_at < %(until)s
GROUP BY 1, 2, 3, 4, 5, 6
"""
CLICKS = """
SELECT date_trunc('month', l.at AT TIME ZONE %(zone)s)::date AS month,
  coalesce(m.campaign_id, 0) AS campaign_id,
  CASE WHEN m.campaign_id IS NULL THEN m.recipe ELSE '' END AS recipe, m.channel,
  count(DISTINCT l.contact_id) AS n
FROM link_click l
JOIN message m ON m.bucket = l.bucket AND m.store_id = l.store_id AND m.id = l.message_id
WHERE l.bucket = ANY(%(buckets)s) AND l.store_id = %(store_id)s AND l.id >= %(since_id)s
  AND l.at >= %(since)s AND l.at < %(until)s AND l.kind = 'person' AND m.class = 'marketing'
GROUP BY 1, 2, 3, 4
"""
# Who wrote back or stopped soon after an offer, with the last offer before it. An e-mail is not
# answered by text; who leaves a topic stopped for the offers of that topic.
OFFER_BEFORE = """date_trunc('month', h.at AT TIME ZONE %(zone)s)::date AS month,
  coalesce(m.campaign_id, 0) AS campaign_id,
  CASE WHEN m.campaign_id IS NULL THEN m.recipe ELSE '' END AS recipe, m.channel,
  count(DISTINCT h.contact_id) AS n"""
LAST = """m.campaign_id, m.recipe, m.channel, m.topic FROM message m
  WHERE m.bucket = h.bucket AND m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s
    AND m.contact_id = h.contact_id AND m.id >= %(first_text)s AND m.class = 'marketing'
    AND m.sent_at <= h.at AND m.sent_at >= h.at - make_interval(days => %(days)s)"""
IN_TIME = """h.bucket = ANY(%(buckets)s) AND h.store_id = %(store_id)s AND h.id >= %(since_id)s
  AND h.at >= %(since)s AND h.at < %(until)s"""
REPLIES = f"""
SELECT {OFFER_BEFORE} FROM inbound h
CROSS JOIN LATERAL (SELECT {LAST} AND m.channel = 'sms' ORDER BY m.id DESC LIMIT 1) m
WHERE {IN_TIME} GROUP BY 1, 2, 3, 4
"""
STOPS = f"""
SELECT {OFFER_BEFORE} FROM consent_event h
CROSS JOIN LATERAL (SELECT {LAST} ORDER BY m.id DESC LIMIT 1) m
WHERE {IN_TIME} AND h.change = 'out' AND h.scope IN ('marketing', 'all', 'topic/' || m.topic)
GROUP BY 1, 2, 3, 4
"""
# Where people said yes to offers: the word before the stroke (form/3, import/…) says how.
WON = """
SELECT date_trunc('month', e.at AT TIME ZONE %(zone)s)::date AS month,
  split_part(e.source, '/', 1) AS source, count(DISTINCT e.contact_id) AS n
FROM consent_event e
WHERE e.bucket = ANY(%(buckets)s) AND e.store_id = %(store_id)s AND e.id >= %(since_id)s
  AND e.at >= %(since)s AND e.at < %(until)s AND e.scope = 'marketing' AND e.change = 'in'
GROUP BY 1, 2
"""


@dataclass(slots=True)
class Subject:
    """One campaign or automation over the whole time."""

    campaign_id: int  # 0: an automation's
    recipe: str  # "": texts that a person wrote
    line: Line = field(default_factory=Line)


@dataclass(slots=True)
class Overview:
    """Everything of a time. `bought` counts orders here: who bought twice is there twice."""

    since: datetime
    until: datetime
    total: Line
    months: dict[date, Line]
    channels: dict[str, Line]
    subjects: Sequence[Subject]
    won: Mapping[date, Mapping[str, int]]  # new yeses by month and by where they were said
    foreign: int  # claimed orders in other currencies, in no sum of money


_Key = tuple[int, str, int, date, date]
_kept: WeakKeyDictionary[Pool, dict[_Key, tuple[float, Overview]]] = WeakKeyDictionary()
KEPT_MAX = 200


async def overview(pool: Pool, store: Store, since: datetime, until: datetime) -> Overview:
    """What was sent, and the orders that were placed, from `since` to before `until`."""
    rule = store.policy
    key = (store.id, rule.attribution, rule.attribution_days, since.date(), until.date())
    kept = _kept.setdefault(pool, {})
    if key in kept and monotonic() < kept[key][0]:
        return kept[key][1]
    began = monotonic()
    async with db.transaction(pool) as tx:
        await tx.execute(ROOM, {"ms": str(STATEMENT_S_MAX * 1000)})
        found = await _count(tx, store, since, until)
    took_s = monotonic() - began
    if len(kept) >= KEPT_MAX:
        kept.clear()
    kept[key] = (monotonic() + min(KEPT_S_MAX, took_s * KEPT_TIMES), found)
    return found


async def _count(tx: Tx, store: Store, since: datetime, until: datetime) -> Overview:
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
        "zone": store.time_zone, "since": since, "until": until, "since_id": id_floor(since),
        "first_text": id_floor(since - WAITED), "days": store.policy.attribution_days,
    }  # fmt: skip
    sums = _Sums()
    for row in await (await tx.execute(TEXTS, given)).fetchall():
        for line in sums.lines(row):
            _sent(line, row, store.currency)
    for name, statement in (("clicked", CLICKS), ("replied", REPLIES), ("stopped", STOPS)):
        for row in await (await tx.execute(statement, given)).fetchall():
            for line in sums.lines(row):
                setattr(line, name, getattr(line, name) + row["n"])
    for sold in await attribution.sums(tx, store, since, until):
        is_ours = sold["currency"] in ("", store.currency)
        sums.foreign += 0 if is_ours else sold["orders"]
        for line in sums.lines({**sold, "recipe": "" if sold["campaign_id"] else sold["recipe"]}):
            line.orders += sold["orders"]
            line.bought += sold["orders"]
            line.revenue += sold["amount"] if is_ours else 0
    won: dict[date, dict[str, int]] = {}
    for row in await (await tx.execute(WON, given)).fetchall():
        won.setdefault(row["month"], {})[row["source"]] = row["n"]
    return Overview(
        since, until, sums.total, dict(sorted(sums.months.items())), sums.channels,
        sorted(sums.subjects.values(), key=lambda one: -one.line.revenue), won, sums.foreign,
    )  # fmt: skip


class _Sums:
    """Where a row is added."""

    def __init__(self) -> None:
        self.total, self.foreign = Line(), 0
        self.months: dict[date, Line] = {}
        self.channels: dict[str, Line] = {}
        self.subjects: dict[tuple[int, str], Subject] = {}

    def lines(self, row: Row) -> list[Line]:
        about: tuple[Any, Any] = row["campaign_id"], row["recipe"]
        subject = self.subjects.setdefault(about, Subject(*about))
        return [
            self.total, self.months.setdefault(row["month"], Line()),
            self.channels.setdefault(row["channel"], Line()), subject.line,
        ]  # fmt: skip


def _sent(line: Line, row: Row, currency: str) -> None:
    line.add(row["state"], row["n"])
    line.unpriced += row["unpriced"]
    if row["currency"] in ("", currency):
        line.cost += row["cost"] or 0
    elif row["cost"]:
        was = line.other_cost.get(row["currency"], Decimal(0))
        line.other_cost[row["currency"]] = was + row["cost"]


USUAL = """
SELECT count(*) AS people, count(*) FILTER (WHERE f.last_order_at >= %(since)s) AS bought
FROM contact_figure f WHERE f.bucket = ANY(%(buckets)s) AND f.store_id = %(store_id)s
"""


async def usual_rate(tx: Tx, store: Store, now: datetime) -> float | None:
    """Of all customers the part that bought in as many days as an order counts for a text: what
    people do without a campaign, roughly. None: nobody did."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
        "since": now - timedelta(days=store.policy.attribution_days),
    }  # fmt: skip
    row = await (await tx.execute(USUAL, given)).fetchone()
    return row["bought"] / row["people"] if row and row["bought"] else None
