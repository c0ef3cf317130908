"""How a campaign is counted. Nothing is counted while sending: its messages lie between two ids of
each bucket, and are read by that range. Small sets (clicks, replies, orders) are led back to their
message.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import sql

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, buckets_of_store, id_floor
from ringdove.kit.db import Tx
from ringdove.records.reports import attribution
from ringdove.records.reports.attribution import Cohort, Row
from ringdove.records.segments import segments
from ringdove.rules.campaigns.campaigns import Campaign
from ringdove.rules.reports import reports, trials
from ringdove.rules.reports.reports import OWED_TO_TEXTS, Day, Line, Report, Sale
from ringdove.rules.reports.trials import Group
from ringdove.rules.scenes import Store
from ringdove.rules.segments.segments import InSegment

WEEK_S = 7 * 24 * 3600
NEWEST = 10  # orders that a report names; the file has all

RANGES = """
SELECT r.bucket, r.first_message AS first, r.last_message AS last FROM campaign_run r
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
  AND r.campaign_id = %(campaign_id)s AND r.first_message IS NOT NULL
ORDER BY r.bucket
"""
# What the decision left out when people were gathered was never on its way.
WHAT = """CASE WHEN m.state <> 'dropped' THEN m.state WHEN m.reason = 'holdout' THEN 'alone'
    WHEN m.done_at <= m.created_at THEN 'left_out' ELSE 'dropped' END"""
MINE = """m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id >= %(first)s
  AND m.id <= %(last)s AND m.campaign_id = %(campaign_id)s"""
COUNTRY = "split_part(m.network, '/', 1)"
HOUR = "extract(hour FROM m.sent_at AT TIME ZONE %(zone)s)::integer"
# First by what stands in the rows, quarter hour by quarter hour (clocks differ by no less), then by
# what is asked: to turn a million times into local hours took longer than reading the rows.
TEXTS = sql.SQL(f"""
WITH m AS MATERIALIZED (
  SELECT m.variant, m.channel, m.state, CASE WHEN m.state = 'dropped' THEN m.reason ELSE '' END
      AS reason, m.done_at <= m.created_at AS is_early, m.language, m.network, m.cost_currency,
    date_bin('15 minutes', m.sent_at, 'epoch') AS sent_at, count(*) AS n, sum(m.cost) AS cost,
    count(*) - count(m.cost) AS unpriced, max(m.sent_at) AS last_sent
  FROM message m WHERE {MINE} AND {{narrow}}
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
), f AS (
  SELECT m.variant, m.channel, CASE WHEN m.state <> 'dropped' THEN m.state
      WHEN m.reason = 'holdout' THEN 'alone' WHEN m.is_early THEN 'left_out' ELSE 'dropped' END
      AS what, m.reason, m.language, {COUNTRY} AS country, {HOUR} AS hour,
    (m.sent_at AT TIME ZONE %(zone)s)::date AS day, m.n, m.last_sent,
    CASE WHEN m.sent_at IS NOT NULL THEN m.cost_currency END AS currency,
    CASE WHEN m.sent_at IS NOT NULL THEN m.cost END AS cost,
    CASE WHEN m.sent_at IS NOT NULL THEN m.unpriced ELSE 0 END AS unpriced
  FROM m
)
SELECT grouping(f.channel, f.language, f.country, f.hour, f.day) AS lacks, f.variant, f.channel,
  f.what, f.reason, f.language, f.country, f.hour, f.day, f.currency, sum(f.n)::bigint AS n,
  sum(f.cost) AS cost, sum(f.unpriced)::bigint AS unpriced, max(f.last_sent) AS last_sent
FROM f
GROUP BY GROUPING SETS ((f.variant, f.channel, f.what, f.reason, f.currency),
  (f.language, f.what, f.currency), (f.country, f.what, f.currency),
  (f.hour, f.what, f.currency), (f.day, f.what))
""")
PEOPLE = sql.SQL(f"""
SELECT f.variant, f.alone, f.counts, f.is_queued, count(*) AS n FROM (
  SELECT m.contact_id, min(m.variant) AS variant, bool_or(m.reason = 'holdout') AS alone,
    bool_or({WHAT} <> 'left_out' OR m.reason = ANY(%(owed)s::text[])) AS counts,
    bool_or({WHAT} NOT IN ('left_out', 'alone')) AS is_queued
  FROM message m WHERE {MINE} AND {{narrow}} GROUP BY m.contact_id
) f GROUP BY 1, 2, 3, 4
""")
CLICKS = sql.SQL(f"""
SELECT grouping(f.variant, f.channel, f.language, f.country, f.hour, f.day) AS lacks, f.variant,
  f.channel, f.language, f.country, f.hour, f.day, count(DISTINCT f.contact_id) AS n
FROM (
  SELECT m.contact_id, m.variant, m.channel, m.language, {COUNTRY} AS country, {HOUR} AS hour,
    (min(l.at) AT TIME ZONE %(zone)s)::date AS day
  FROM link_click l
  JOIN message m ON m.bucket = l.bucket AND m.store_id = l.store_id AND m.id = l.message_id
  WHERE l.bucket = %(bucket)s AND l.store_id = %(store_id)s AND l.message_id >= %(first)s
    AND l.message_id <= %(last)s AND l.kind = 'person' AND l.at < %(until)s AND {MINE}
    AND {{narrow}}
  GROUP BY m.id, m.contact_id, m.variant, m.channel, m.language, m.network, m.sent_at
) f
GROUP BY GROUPING SETS ((f.variant), (f.channel), (f.language), (f.country), (f.hour), (f.day), ())
""")
# Of several texts of a campaign the last one before it: an e-mail is not answered by text.
TEXT_BEFORE = f"""m.variant, m.channel, m.language, {COUNTRY} AS country, {HOUR} AS hour
  FROM message m
  WHERE {MINE} AND m.contact_id = h.contact_id AND m.sent_at <= h.at
    AND m.sent_at >= h.at - make_interval(days => %(days)s) AND {{narrow}}"""
REPLIES = sql.SQL(f"""
SELECT m.*, count(DISTINCT h.contact_id) AS n FROM inbound h
CROSS JOIN LATERAL (SELECT {TEXT_BEFORE} AND m.channel = 'sms' ORDER BY m.id DESC LIMIT 1) m
WHERE h.bucket = %(bucket)s AND h.store_id = %(store_id)s AND h.id >= %(since_id)s
  AND h.at < %(until)s
GROUP BY 1, 2, 3, 4, 5
""")
STOPS = sql.SQL(f"""
SELECT m.*, count(DISTINCT h.contact_id) AS n FROM consent_event h
CROSS JOIN LATERAL (SELECT {TEXT_BEFORE} ORDER BY m.id DESC LIMIT 1) m
WHERE h.bucket = %(bucket)s AND h.store_id = %(store_id)s AND h.id >= %(since_id)s
  AND h.at < %(until)s AND h.change = 'out' AND h.scope = ANY(%(scopes)s::text[])
GROUP BY 1, 2, 3, 4, 5
""")
AMONG = sql.SQL("""
SELECT c.id FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = ANY(%(ids)s::bigint[])
  AND {narrow}
""")
EVERYBODY = sql.SQL("true")
IN_IT = sql.SQL("""EXISTS (
  SELECT FROM contact c
  WHERE c.bucket = m.bucket AND c.bucket = %(bucket)s AND c.store_id = %(store_id)s
    AND c.id = m.contact_id AND {meant})""")


class Counting:
    """One campaign being counted."""

    def __init__(
        self, tx: Tx, store: Store, campaign: Campaign, since: datetime, now: datetime
    ) -> None:
        self.tx, self.store, self.campaign, self.since, self.now = tx, store, campaign, since, now
        self.narrow: sql.Composable = EVERYBODY
        self.meant: segments.Condition | None = None
        self.ranges: Sequence[Row] = ()
        self.last_sent: datetime | None = None
        self.total = Line()
        self.variants = [Line() for _ in campaign.plan.variants]
        self.channels: dict[str, Line] = {}
        self.languages: dict[str, Line] = {}
        self.countries: dict[str, Line] = {}
        self.hours: dict[int, Line] = {}
        self.days: dict[Any, list[Any]] = {}
        self.reasons: dict[str, int] = {}
        self.people: dict[int | None, int] = {}
        self.claimed: list[Row] = []
        self.crowd_rows: list[Row] = []
        self.seen = self.alone = self.left_out = self.foreign = 0

    @classmethod
    async def begin(
        cls, tx: Tx, store: Store, campaign: Campaign, since: datetime, now: datetime, segment: int
    ) -> "Counting":
        one = cls(tx, store, campaign, since, now)
        if segment:
            tree = InSegment(segment=segment)
            one.meant = await segments.condition(tx, store, tree, now)
            one.narrow = IN_IT.format(meant=one.meant.sql)
        given = {
            "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
            "store_id": store.id, "campaign_id": campaign.id,
        }  # fmt: skip
        one.ranges = await (await tx.execute(RANGES, given)).fetchall()
        return one

    @property
    def is_comparable(self) -> bool:
        """Chance has dealt the people of a segment too, unless the texts had a part in who is
        in it."""
        return self.meant is None or self.meant.is_steady

    @property
    def until(self) -> datetime:
        rule = self.store.policy
        return reports.closes(rule, self.last_sent, self.campaign.ended_at, self.now)

    async def report(self, began: float) -> Report:
        await self.texts()
        await self.crowd()
        await self.clicks()
        await self.answers()
        found = await self.sold()
        weeks = (min(self.now, self.until) - self.since).total_seconds() / WEEK_S
        return Report(
            self.campaign.id, self.now, self.since, self.until, self.seen, self.alone,
            self.left_out, self.reasons, self.total, self.variants, self.channels, self.languages,
            self.countries, dict(sorted(self.hours.items())),
            [Day(day, *values) for day, values in sorted(self.days.items())],
            reports.lift(found, weeks) if self.is_comparable else None,
            self.contest([Group(one.sent, one.clicked) for one in self.variants], weeks),
            self.contest([found.get(n, Group(0)) for n in range(len(self.variants))], weeks),
            self.foreign, self.claimed[:NEWEST], monotonic() - began, self.is_comparable,
        )  # fmt: skip

    def contest(self, found: Sequence[Group], weeks: float) -> trials.Contest | None:
        return trials.contest(found, weeks) if len(self.variants) > 1 else None

    # -------------------------------------------------------------- each of the questions

    async def ask(self, statement: sql.SQL, **more: Any) -> list[Row]:
        """Of each bucket that holds texts of the campaign."""
        store, found = self.store, list[Row]()
        shared = {
            "store_id": store.id, "campaign_id": self.campaign.id, "zone": store.time_zone,
            "days": store.policy.attribution_days, "until": self.until,
            "since_id": id_floor(self.since), **(self.meant.params if self.meant else {}), **more,
        }  # fmt: skip
        whole = statement.format(narrow=self.narrow)
        for one in self.ranges:
            cursor = await self.tx.execute(whole, shared | dict(one))
            found += await cursor.fetchall()
        return found

    async def texts(self) -> None:
        """What became of the messages."""
        for row in await self.ask(TEXTS):
            n, what = row["n"], row["what"]
            if row["last_sent"]:
                self.last_sent = max(self.last_sent or row["last_sent"], row["last_sent"])
            if row["lacks"] == 15:
                self.crowd_rows.append({
                    "n": n, "variant": row["variant"], "alone": what == "alone",
                    "counts": what != "left_out" or row["reason"] in OWED_TO_TEXTS,
                    "is_queued": what not in ("alone", "left_out"),
                })  # fmt: skip
                if row["reason"]:
                    self.reasons[row["reason"]] = self.reasons.get(row["reason"], 0) + n
                for line in (
                    self.total, self._variant(row), self.channels.setdefault(row["channel"], Line())
                ):  # fmt: skip
                    self._fill(line, row)
            elif what in ("alone", "left_out"):
                continue
            elif row["lacks"] == 23:
                self._fill(self.languages.setdefault(row["language"], Line()), row)
            elif row["lacks"] == 27:
                self._fill(self.countries.setdefault(row["country"], Line()), row)
            elif row["lacks"] == 29 and row["hour"] is not None:
                self._fill(self.hours.setdefault(row["hour"], Line()), row)
            elif row["lacks"] == 30 and row["day"] is not None:
                self._day(row["day"])[0] += n

    def _variant(self, row: Row) -> Line:
        variant: int = row["variant"]
        return self.variants[min(variant, len(self.variants) - 1)]

    def _day(self, day: Any) -> list[Any]:
        return self.days.setdefault(day, [0, 0, 0, Decimal(0)])

    def _fill(self, line: Line, row: Row) -> None:
        if row["what"] in ("alone", "left_out"):
            return
        line.add(row["what"], row["n"])
        if row["currency"] is None:
            return
        if row["currency"] in ("", self.store.currency):
            line.cost += row["cost"] or 0
        elif row["cost"]:
            was = line.other_cost.get(row["currency"], Decimal(0))
            line.other_cost[row["currency"]] = was + row["cost"]
        if row["channel"] == "sms":
            line.unpriced += row["unpriced"]

    async def crowd(self) -> None:
        """How many people, by what chance chose for them. A person has one message, but for
        campaigns that go by both channels: only there are people told apart, which takes longer."""
        rows: Sequence[Row] = self.crowd_rows
        if self.campaign.plan.channels == "both":
            rows = await self.ask(PEOPLE, owed=db.words(OWED_TO_TEXTS))
        for row in rows:
            self.seen += row["n"]
            if row["alone"]:
                self.alone += row["n"]
                self.people[None] = self.people.get(None, 0) + row["n"]
            elif row["counts"]:
                arm = min(row["variant"], len(self.variants) - 1)
                self.people[arm] = self.people.get(arm, 0) + row["n"]
            if not row["alone"] and not row["is_queued"]:
                self.left_out += row["n"]

    async def clicks(self) -> None:
        """People who opened a link."""
        for row in await self.ask(CLICKS):
            n, lacks = row["n"], row["lacks"]
            if lacks == 62:
                self._day(row["day"])[1] += n
            elif line := self._line(row, lacks):
                line.clicked += n

    def _line(self, row: Row, lacks: int) -> Line | None:
        match lacks:
            case 63:
                return self.total
            case 31:
                return self._variant(row)
            case 47:
                return self.channels.setdefault(row["channel"], Line())
            case 55:
                return self.languages.setdefault(row["language"], Line())
            case 59:
                return self.countries.setdefault(row["country"], Line())
        return None if row["hour"] is None else self.hours.setdefault(row["hour"], Line())

    async def answers(self) -> None:
        """People who wrote back, and who stopped, in whatever way, soon after the text."""
        scopes = db.words(["marketing", "all", f"topic/{self.campaign.plan.topic}"])
        for name, rows in (
            ("replied", await self.ask(REPLIES)),
            ("stopped", await self.ask(STOPS, scopes=scopes)),
        ):
            for row in rows:
                for line in self._lines(row):
                    setattr(line, name, getattr(line, name) + row["n"])

    def _lines(self, row: Row) -> list[Line]:
        return [line for lacks in (63, 31, 47, 55, 59, 61) if (line := self._line(row, lacks))]

    # -------------------------------------------------------------- what they bought

    async def orders(self) -> list[Row]:
        """Orders of the campaign's people, those left alone too."""
        if not self.ranges:
            return []
        cohort = Cohort(
            self.campaign.id, min(row["first"] for row in self.ranges),
            max(row["last"] for row in self.ranges),
        )  # fmt: skip
        found = await attribution.of_campaign(self.tx, self.store, cohort, self.since, self.until)
        return await self._among(found) if self.meant else found

    async def _among(self, rows: Sequence[Row]) -> list[Row]:
        """Those of people who are in the segment."""
        assert self.meant is not None
        of_bucket: dict[int, set[int]] = {}
        for row in rows:
            of_bucket.setdefault(bucket_of_id(row["contact_id"]), set()).add(row["contact_id"])
        inside = set[int]()
        for bucket, ids in sorted(of_bucket.items()):
            given = {"bucket": bucket, "store_id": self.store.id, "ids": db.numbers(ids)}
            statement = AMONG.format(narrow=self.meant.sql)
            cursor = await self.tx.execute(statement, {**self.meant.params, **given})
            inside.update(row["id"] for row in await cursor.fetchall())
        return [row for row in rows if row["contact_id"] in inside]

    async def sold(self) -> dict[int | None, Group]:
        """Fills in who bought; what the people of each arm spent, claimed or not."""
        found, zone = list[Sale](), ZoneInfo(self.store.time_zone)
        buyers = set[tuple[int, int]]()
        for row in await self.orders():
            is_ours = row["currency"] in ("", self.store.currency)
            is_claimed = row["campaign_id"] == self.campaign.id
            own = min(row["own_variant"], len(self.variants) - 1)
            is_alone = row["own_reason"] == "holdout" and row["own_state"] == "dropped"
            owed = row["own_reason"] in OWED_TO_TEXTS
            if is_alone or owed or not attribution.was_left_out(row, "own_"):
                arm = None if is_alone else own
                found.append(Sale(row["contact_id"], arm, row["amount"], is_ours))
            if not is_claimed:
                continue
            self.claimed.append(row)
            amount = row["amount"] if is_ours else Decimal(0)
            self.foreign += not is_ours
            sent_at = row["own_sent_at"]
            about = {
                "variant": row["variant"], "channel": row["channel"],
                "language": row["own_language"],
                "country": row["own_network"].partition("/")[0],
                "hour": sent_at and sent_at.astimezone(zone).hour,
            }  # fmt: skip
            for line in self._lines(about):
                line.orders += 1
                line.revenue += amount
                if (row["contact_id"], id(line)) not in buyers:
                    buyers.add((row["contact_id"], id(line)))
                    line.bought += 1
            day = self._day(row["placed_at"].astimezone(zone).date())
            day[2] += 1
            day[3] += amount
        self.claimed.sort(key=lambda row: (row["placed_at"], row["order_id"]), reverse=True)
        return reports.groups(found, self.people)
