"""What a campaign's figures say: sums put together, and the comparison with those left alone.

Counting is done in records/reports/reports.py. Here is what the counts mean, in one place for page,
API and file: who is compared with whom, what is a rate of what, until when anything counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from ringdove.rules.policy import Policy
from ringdove.rules.reports import trials
from ringdove.rules.reports.revenue import Earned
from ringdove.rules.reports.trials import Contest, Difference, Group

# Why somebody whom chance had chosen to be written to got nothing all the same: texts of before, or
# what is found out only when the text is made. They count with those who were written to, and whom
# chance left alone are never asked (rules/campaigns/campaign_decisions), else the groups would not
# be alike.
OWED_TO_TEXTS = (
    "cap_day", "cap_week", "cap_month", "category_gap", "talking", "no_code", "too_long",
    "broken_text",
)  # fmt: skip
SENT = ("sent", "delivered", "failed", "expired", "unknown")


@dataclass(slots=True)
class Line:
    """Figures of a campaign, or of a part of it. Messages: `queued` of them were to go, of which
    `sent` went (or may have); people: who clicked, replied, stopped, bought, each once. Money in
    the store's currency."""

    queued: int = 0
    waiting: int = 0
    sent: int = 0
    delivered: int = 0
    failed: int = 0
    unknown: int = 0
    dropped: int = 0  # at the last moment: stopped meanwhile, too late, sold out
    clicked: int = 0
    replied: int = 0
    stopped: int = 0
    bought: int = 0
    orders: int = 0
    revenue: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    other_cost: dict[str, Decimal] = field(default_factory=dict)  # in other currencies
    unpriced: int = 0

    def add(self, what: str, n: int) -> None:
        """So many messages in this state."""
        self.queued += n
        if what in SENT:
            self.sent += n
        if what == "delivered":
            self.delivered += n
        elif what in ("failed", "expired"):
            self.failed += n
        elif what in ("unknown", "waiting", "dropped"):
            setattr(self, what, getattr(self, what) + n)

    @property
    def earned(self) -> Earned:
        return Earned(self.revenue, self.cost, self.other_cost or None, self.unpriced)

    def rate(self, n: int) -> float | None:
        """A number of people of those it was sent to."""
        return n / self.sent if self.sent else None

    @property
    def conversion(self) -> float | None:
        return self.rate(self.bought)


@dataclass(frozen=True, slots=True)
class Day:
    """What happened on one day of the store's zone."""

    day: date
    sent: int
    clicked: int
    orders: int
    revenue: Decimal


@dataclass(frozen=True, slots=True)
class Lift:
    """What the campaign changed: those whom chance chose to be written to, less those whom it left
    alone, in all their orders since the beginning, claimed or not."""

    alone: Group
    written: Group
    hits: Difference
    money: Difference

    @property
    def more_buyers(self) -> float:
        """How many people bought who would not have."""
        return self.hits.value * self.written.people

    @property
    def more_money(self) -> float:
        return self.money.value * self.written.people


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of a campaign as they stand at `at`; `until`: what happens later does not
    count."""

    campaign_id: int
    at: datetime
    since: datetime
    until: datetime
    people: int  # in the audience
    alone: int  # left alone by chance
    left_out: int  # by the decision
    reasons: Mapping[str, int]  # why, and why dropped at the last moment
    total: Line
    variants: Sequence[Line]
    channels: Mapping[str, Line]
    languages: Mapping[str, Line]
    countries: Mapping[str, Line]
    hours: Mapping[int, Line]  # of the store's clock, at which it was sent
    days: Sequence[Day]
    lift: Lift | None  # None: nobody was left alone, or see is_comparable
    best_by_clicks: Contest | None
    best_by_orders: Contest | None
    foreign: int  # claimed orders in other currencies, which are in no sum of money
    newest: Sequence[Mapping[str, Any]]  # of the orders that it claims, with the text and why
    took_s: float
    is_comparable: bool  # False: of a segment in which people may be because of what they bought

    @property
    def is_final(self) -> bool:
        return self.at >= self.until


@dataclass(frozen=True, slots=True)
class Sale:
    """One order of one of a campaign's people. `arm`: the variant that was for them, None: left
    alone. `is_ours`: in the store's currency."""

    contact_id: int
    arm: int | None
    amount: Decimal
    is_ours: bool


def closes(policy: Policy, last_sent: datetime | None, ended_at: datetime | None, now: datetime
           ) -> datetime:  # fmt: skip
    """Until when orders count: so many days after the last text. While it runs: still open."""
    days = timedelta(days=policy.attribution_days)
    if ended_at is None:
        return now + days
    return (last_sent or ended_at) + days


def groups(sales: Iterable[Sale], people: Mapping[int | None, int]) -> dict[int | None, Group]:
    """What the people of each arm spent (None: those left alone), each person once. Orders in other
    currencies make a buyer, but no money."""
    spent: dict[tuple[int | None, int], Decimal] = {}
    for one in sales:
        key = one.arm, one.contact_id
        spent[key] = spent.get(key, Decimal(0)) + (one.amount if one.is_ours else 0)
    found = {arm: Group(n) for arm, n in people.items()}
    for (arm, _), amount in spent.items():
        money = float(amount)
        found[arm] = found.get(arm, Group(0)) + Group(0, 1, money, money * money)
    return found


def lift(found: Mapping[int | None, Group], weeks: float) -> Lift | None:
    """All who were to be written to against those left alone."""
    alone = found.get(None)
    written = sum((one for arm, one in found.items() if arm is not None), Group(0))
    if not alone or not alone.people or not written.people:
        return None
    (hits,) = trials.lifts(alone, [written], weeks)
    (money,) = trials.money(alone, [written])
    return Lift(alone, written, hits, money)
