"""What a policy would have done to texts that went: each rule alone, over the same month (N2).

Pure: the texts are an argument. A rule holds a text back when it could not have gone at the moment
at which it went; what is held back does not count against those that come after it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from ringdove.rules.consent import hours
from ringdove.rules.policy import CAPS, Policy
from ringdove.rules.scenes import Store


class Sent(NamedTuple):
    """A marketing text that went, and of its person what rules ask for."""

    contact_id: int
    at: datetime
    category: str
    occasion: str
    country: str | None
    zones: tuple[str, ...]
    bought_at: datetime | None = None  # the last time of this category


Held = Callable[[Sent, Sequence[Sent]], bool]


def held_back(store: Store, policy: Policy, sent: Iterable[Sent]) -> Counter[str]:
    """By rule how many of these texts it would have held back; only rules that hold any."""
    in_order = sorted(sent, key=lambda one: one.at)
    found: Counter[str] = Counter()
    for rule, holds in _rules(store, policy).items():
        if n := _count(in_order, holds):
            found[rule] = n
    return found


def _count(in_order: Sequence[Sent], holds: Held) -> int:
    gone: dict[int, list[Sent]] = defaultdict(list)  # newest first
    held = 0
    for one in in_order:
        if holds(one, gone[one.contact_id]):
            held += 1
        else:
            gone[one.contact_id].insert(0, one)
    return held


def _rules(store: Store, policy: Policy) -> dict[str, Held]:
    rules: dict[str, Held] = {
        reason: _cap(most(policy), span) for reason, most, span in CAPS if most(policy)
    }
    rules["category_gap"] = lambda one, gone: _within(
        one.at,
        next((before.at for before in gone if before.category == one.category), None),
        policy.categories[one.category].days if one.category in policy.categories else 0,
    )
    rules["bought_lately"] = lambda one, gone: _within(
        one.at,
        one.bought_at if one.bought_at and one.bought_at < one.at else None,
        policy.categories[one.category].after_purchase_days
        if one.category in policy.categories
        else 0,
    )
    rules["quiet_hours"] = lambda one, gone: not _is_open(store, policy, one)
    if policy.occasion == "demand":
        rules["no_occasion"] = lambda one, gone: not one.occasion
    return rules


def _cap(most: int, span: timedelta) -> Held:
    return lambda one, gone: len(gone) >= most and gone[most - 1].at + span > one.at


def _within(at: datetime, before: datetime | None, days: int) -> bool:
    return bool(days and before and before + timedelta(days=days) > at)


def _is_open(store: Store, policy: Policy, one: Sent) -> bool:
    limits = hours.of_country(
        policy, store.quiet_from, store.quiet_until, one.country or store.country
    )
    window = hours.first(limits, one.zones or (store.time_zone,), one.at, one.at)
    return window is not None and window[0] == one.at
