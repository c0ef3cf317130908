"""The decision: may this message go to this person, when, and why not (P1, R1, R12–R19, P4).

Asked when a message is made, and again in the transaction that takes it for sending
(records/sending/outbox.take). Every path to a gateway leads through here. It answers send, wait
until, or drop, with one reason as a word; pages say the word in the merchant's language. The set
form of the same is records/consent/deciding.py; tests hold the two equal.

What a rule says is either "never" (a refusal) or "not before" (a barrier), and hours are windows.
So: no refusal, then the first allowed window that closes after the last barrier.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from ringdove.rules.consent import hours, permissions
from ringdove.rules.consent.hours import FAR, LOOK_PAST, Limits, Part
from ringdove.rules.policy import CAPS, Policy
from ringdove.rules.scenes import Contact, History, Store

# Topics that leave whatever the person refused: the one confirmation of a stop (P2), and help.
ALWAYS_ANSWERED = frozenset({"stop_confirmation", "help"})


@dataclass(frozen=True, slots=True)
class Send:
    """It may go now, and still until `window_until`."""

    window_until: datetime


@dataclass(frozen=True, slots=True)
class Wait:
    """It may go from `until`, and still until `window_until`."""

    until: datetime
    window_until: datetime
    reason: str  # a barrier's, quiet_hours, own_hours, not_yet


@dataclass(frozen=True, slots=True)
class Drop:
    """It must not go."""

    reason: str  # a refusal, a barrier past the end, too_late, no_hour_left, no_allowed_hour


Verdict = Send | Wait | Drop


@dataclass(frozen=True, slots=True)
class Draft:
    """What the decision needs to know of a message."""

    channel: str  # sms, email
    klass: str  # service, marketing
    topic: str
    not_before: datetime
    not_after: datetime
    in_daytime: bool = False  # a service text that is not urgent waits for the day too
    category: str = ""  # what it offers
    occasion: str = ""  # why now
    part: Part | None = None  # its own weekdays and part of the day


class Barrier(NamedTuple):
    """A rule that says: not before."""

    reason: str  # paused, talking, cap_day, cap_week, cap_month, category_gap, bought_lately
    until: datetime


def decide(store: Store, person: Contact, draft: Draft, history: History, now: datetime) -> Verdict:
    """Send, wait or drop, with the reason. `now` is UTC; a service text asks for no history."""
    if refused := refusal(store.policy, person, draft):
        return Drop(refused)
    start = max(now, draft.not_before)
    if start > draft.not_after:
        return Drop("too_late")
    last = None
    for barrier in barriers(store.policy, person, draft, history):
        if barrier.until > (last.until if last else start):
            last = barrier
    earliest = last.until if last else start
    if last and earliest > draft.not_after:
        return Drop(last.reason)
    limits = limits_of(store, person, draft)
    if limits is None:
        opens, closes = earliest, now + FAR
    else:
        zones = person.zones or (store.time_zone,)
        window = hours.first(limits, zones, earliest, draft.not_after + LOOK_PAST)
        if window is None:
            return Drop("no_allowed_hour")
        opens, closes = window
        if opens > draft.not_after:
            return Drop(last.reason if last else "no_hour_left")
    if opens <= now:
        return Send(closes)
    if last:
        return Wait(opens, closes, last.reason)
    if limits is None or opens == start:
        return Wait(opens, closes, "not_yet")
    return Wait(opens, closes, hours_reason(limits, zones, start))


def hours_reason(limits: Limits, zones: tuple[str, ...], start: datetime) -> str:
    """What a text waits for that could go at `start` but for the hours: its own part of the day
    when all others allow that moment, else the quiet hours."""
    if limits.part is None:
        return "quiet_hours"
    window = hours.first(limits._replace(part=None), zones, start, start)
    return "own_hours" if window and window[0] == start else "quiet_hours"


def refusal(policy: Policy, person: Contact, draft: Draft) -> str | None:
    """Why it may never go as things stand; None: it may, at some time."""
    if person.erased_at:
        return "erased"
    if draft.channel == "sms" and not person.phone:
        return "phone_doubtful" if person.phone_doubt else "no_phone"
    if draft.channel == "email" and not person.email:
        return "no_email"
    if draft.channel == "email" and permissions.state_of(person, "channel/email") == "out":
        # it bounced, or is on the list of refusals: rules/consent/suppression.py
        return "email_closed"
    if draft.topic in ALWAYS_ANSWERED:
        return None
    if draft.klass != "marketing":
        return "stopped" if person.service == "out" else None
    if refused := permissions.refusal(person, draft.topic, draft.category):
        return refused
    return "no_occasion" if policy.occasion == "demand" and not draft.occasion else None


def barriers(policy: Policy, person: Contact, draft: Draft, history: History) -> Iterator[Barrier]:
    """Until when rules hold marketing back, in the order in which they are told; also those that
    are over. Caps and gaps are about texts; a letter by e-mail disturbs nobody at night."""
    if draft.klass != "marketing" or draft.topic in ALWAYS_ANSWERED:
        return
    if person.paused_until:
        yield Barrier("paused", person.paused_until)
    if person.talking_until:
        yield Barrier("talking", person.talking_until)
    if draft.channel == "sms":
        for reason, most, span in CAPS:
            allowed = most(policy)
            if 0 < allowed <= len(history.touches):
                yield Barrier(reason, history.touches[allowed - 1].at + span)
    gap = policy.categories.get(draft.category) if draft.category else None
    if gap is None:
        return
    if gap.days and draft.channel == "sms":
        for touch in history.touches:
            if touch.category == draft.category:
                yield Barrier("category_gap", touch.at + timedelta(days=gap.days))
                break
    if gap.after_purchase_days and draft.category in history.bought:
        bought_at = history.bought[draft.category]
        yield Barrier("bought_lately", bought_at + timedelta(days=gap.after_purchase_days))


def limits_of(store: Store, person: Contact, draft: Draft) -> Limits | None:
    """What hours bound it; None: none do, as with e-mail and whatever somebody waits for."""
    if draft.channel == "email" or draft.topic in ALWAYS_ANSWERED:
        return None
    if draft.klass == "marketing":
        country = person.country or store.country
        return hours.of_country(
            store.policy, store.quiet_from, store.quiet_until, country, draft.part
        )
    if draft.in_daytime:
        return Limits(((store.quiet_from, store.quiet_until),), part=draft.part)
    return None
