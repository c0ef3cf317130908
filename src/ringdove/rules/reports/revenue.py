"""Which text may claim an order, what the texts cost, and what was earned (R101, R102).

An order is claimed by one text at most, of the same person (under all names that were merged), sent
at most `attribution_days` before it. By `last_click` that is the text whose link was opened last
before the order; a code of the text's own offer that the order was paid with counts as opening it
then. Nothing opened, nothing claimed: orders that would have come anyway are not a text's merit,
and what texts do that nobody taps is seen in the comparison with those left alone (trials.py). By
`last_text` it is the last one that arrived, whatever was done with it: more is claimed, and less
of it is due to the text. Texts about orders claim nothing. An order that was cancelled, returned or
removed is taken back, and what was refunded of one. records/reports/attribution.py is the same in
SQL.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

RULES = ("last_click", "last_text")
DAYS_MAX = 60
MARGIN_MAX = 100
TAKEN_BACK = ("cancelled", "returned", "removed")  # states of an order that earned nothing
ARRIVED = ("sent", "delivered")  # without a receipt it is taken at its word
NEVER_WENT = ("waiting", "dropped")


@dataclass(frozen=True, slots=True)
class Text:
    """A message that may claim. `at`: when it was sent; `offer`: whose code it says, 0: none."""

    id: int
    at: datetime
    klass: str
    state: str
    offer: int = 0


@dataclass(frozen=True, slots=True)
class Click:
    """A person opened a link of a message; robots and previews are no persons."""

    message_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """An order, and the offers whose codes it was paid with."""

    id: int
    at: datetime
    state: str
    offers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Claim:
    """This text may claim the order; `at`: the click, the order itself (code), or the sending."""

    message_id: int
    why: str  # click, code, text
    at: datetime


def claim(
    order: Order, texts: Iterable[Text], clicks: Iterable[Click], rule: str, days: int
) -> Claim | None:
    """Which of a person's texts may claim an order of theirs."""
    if order.state in TAKEN_BACK:
        return None
    since = order.at - timedelta(days=days)
    may = {
        text.id: text
        for text in texts
        if text.klass == "marketing" and since <= text.at <= order.at
    }
    found: list[Claim] = []
    if rule == "last_text":
        found = [Claim(one.id, "text", one.at) for one in may.values() if one.state in ARRIVED]
    else:
        found = [
            Claim(click.message_id, "click", click.at)
            for click in clicks
            if click.at <= order.at
            and click.message_id in may
            and may[click.message_id].state not in NEVER_WENT
        ]
        found += [
            Claim(one.id, "code", order.at)
            for one in may.values()
            if one.state in ARRIVED and one.offer and one.offer in order.offers
        ]
    # Of two at one moment the later text, and then the surer sign.
    return max(
        found,
        key=lambda one: (one.at, may[one.message_id].at, one.message_id, one.why),
        default=None,
    )


# ------------------------------------------------------------------ what it came to


@dataclass(frozen=True, slots=True)
class Earned:
    """What orders brought and texts cost, in the store's currency. `other`: costs in currencies
    that cannot be added, by code; `unpriced`: texts whose price nobody knows."""

    revenue: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    other: Mapping[str, Decimal] | None = None
    unpriced: int = 0

    def profit(self, margin_percent: int) -> Decimal:
        """What is left of the revenue after the goods and the texts were paid."""
        return self.revenue * margin_percent / 100 - self.cost

    def roi(self, margin_percent: int) -> Decimal | None:
        """Profit for each 1 that the texts cost; None: they cost nothing, or nobody knows what."""
        if not self.cost or self.unpriced or self.other:
            return None
        return self.profit(margin_percent) / self.cost
