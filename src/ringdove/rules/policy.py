"""When and how often a store may speak, and what it keeps: what its owner decided, with defaults.

Stored as one document (store.policy); read() fills in what is missing, so that a new rule needs no
migration. rules/consent/consent.py asks it of every message. Spans are whole days unless said
otherwise.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import time, timedelta
from functools import lru_cache
from typing import Any


@dataclass(frozen=True, slots=True)
class Topic:
    """A kind of marketing that a person can leave alone without leaving all of it."""

    key: str  # offers, new_goods, loyalty, social, surveys, or one of the shop's own
    names: Mapping[str, str] = field(default_factory=dict)  # by language; none: the ready name
    code: str = ""  # "STOP 3" leaves it


@dataclass(frozen=True, slots=True)
class Gap:
    """The least time between two offers of a category, and after buying from it (R14, R15)."""

    days: int = 0
    after_purchase_days: int = 0


@dataclass(frozen=True, slots=True)
class Hours:
    """When marketing is silent in a country; local time of the recipient."""

    quiet_from: time
    quiet_until: time
    weekdays: frozenset[int] = frozenset(range(7))  # allowed ones, Monday is 0
    holidays: bool = True  # False: silent on public holidays


@dataclass(frozen=True, slots=True)
class Friends:
    """Whether customers can invite friends, and how many (R95, R96). Counts are of numbers."""

    is_on: bool = False
    writes: bool = False  # we write to the friend too; else customers share from their own phones
    by_inviter_day: int = 3
    by_inviter_month: int = 20
    by_address_day: int = 10  # from one IP address
    by_store_day: int = 200
    words: Mapping[str, str] = field(default_factory=dict)  # of our text, by language


READY_TOPICS = ("offers", "new_goods", "loyalty", "social", "surveys")


@dataclass(frozen=True, slots=True)
class Policy:
    """What decide() asks of the store beside its own quiet hours."""

    cap_day: int = 1  # marketing texts to one person; 0: no cap
    cap_week: int = 3
    cap_month: int = 8
    weekdays: frozenset[int] = frozenset(range(7))
    countries: Mapping[str, Hours] = field(default_factory=dict)  # over rules/hours.COUNTRIES
    categories: Mapping[str, Gap] = field(default_factory=dict)
    occasion: str = "demand"  # demand, warn
    double_opt_in: bool = True  # for forms on the web: a yes counts when the number confirms it
    reconfirm_months: int = 0  # without a sign of life; 0: never asked again
    topics: tuple[Topic, ...] = tuple(Topic(key) for key in READY_TOPICS)
    keep_days: Mapping[str, int] = field(default_factory=dict)  # by kind of data
    attribution_days: int = 3  # an order so long after a text may be claimed by it
    attribution: str = "last_click"  # last_click, last_text: rules/reports/revenue.py
    approval_above: int = 0  # money of a campaign that a second person approves; 0: none
    margin_percent: int = 30  # of an order's sum: what profit is counted from
    staff_by_night: bool = True  # alerts by text wake the staff
    talk_hours: int = 24  # no offers for so long after somebody answered by hand; 0: they go on

    friends: Friends = field(default_factory=Friends)

    # What is told of ordering and complaining, by language: {"order": {"ru": …}, "complaint": …}.
    rules_told: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def topic(self, key: str) -> Topic | None:
        """The topic with this key."""
        return next((one for one in self.topics if one.key == key), None)


# Reason, how many texts the policy allows, in how long: rolling, so that no midnight opens a gate.
CAPS: tuple[tuple[str, Callable[[Policy], int], timedelta], ...] = (
    ("cap_day", lambda policy: policy.cap_day, timedelta(hours=24)),
    ("cap_week", lambda policy: policy.cap_week, timedelta(days=7)),
    ("cap_month", lambda policy: policy.cap_month, timedelta(days=30)),
)


def looks_back(policy: Policy) -> timedelta:
    """How old a marketing text can be and still hold another one back."""
    gaps = (timedelta(days=gap.days) for gap in policy.categories.values())
    return max([CAPS[-1][2], *gaps])


def read(document: Mapping[str, Any]) -> Policy:
    """A policy from its stored document; what is missing is as it comes."""
    return _read(_frozen(document)) if document else DEFAULT


def write(policy: Policy) -> dict[str, Any]:
    """The document of a policy, whole: read(write(policy)) == policy."""
    document = {
        name: dict(value) if isinstance(value, Mapping) else value
        for name, value in ((n, getattr(policy, n)) for n in policy.__slots__)
    }
    document["weekdays"] = sorted(policy.weekdays)
    document["topics"] = [
        {"key": one.key, "names": dict(one.names), "code": one.code} for one in policy.topics
    ]
    document["friends"] = asdict(policy.friends)
    document["categories"] = {key: asdict(one) for key, one in policy.categories.items()}
    document["countries"] = {
        key: {
            "quiet_from": one.quiet_from.isoformat("minutes"),
            "quiet_until": one.quiet_until.isoformat("minutes"),
            "weekdays": sorted(one.weekdays),
            "holidays": one.holidays,
        }
        for key, one in policy.countries.items()
    }
    return document


DEFAULT = Policy()


def _frozen(document: Mapping[str, Any]) -> str:
    return json.dumps(document, sort_keys=True)


@lru_cache(1_000)
def _read(text: str) -> Policy:
    given: dict[str, Any] = json.loads(text)
    if "weekdays" in given:
        given["weekdays"] = frozenset(given["weekdays"])
    if "countries" in given:
        given["countries"] = {key: _hours(one) for key, one in given["countries"].items()}
    if "categories" in given:
        given["categories"] = {key: _made(Gap, one) for key, one in given["categories"].items()}
    if "topics" in given:
        given["topics"] = tuple(_made(Topic, one) for one in given["topics"])
    if "friends" in given:
        given["friends"] = _made(Friends, given["friends"])
    made: Policy = _made(Policy, given)
    return made


def _made(cls: Any, given: Mapping[str, Any]) -> Any:
    """What this version knows of it: another one, newer or older, may have written more."""
    known = {one.name for one in fields(cls)}
    return cls(**{name: value for name, value in given.items() if name in known})


def _hours(one: Mapping[str, Any]) -> Hours:
    return Hours(
        time.fromisoformat(one["quiet_from"]),
        time.fromisoformat(one["quiet_until"]),
        frozenset(one.get("weekdays", range(7))),
        one.get("holidays", True),
    )
