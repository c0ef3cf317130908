"""The decision: may this message go to this person, when, and why not (P1, R1, R17, P4).

Asked when a message is made, and again (as SQL, in records/messages.take) in the transaction that
takes it for sending. Every path to a gateway leads through here. It answers send, wait until, or
drop, with one reason as a word; pages say the word in the merchant's language.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ringdove.rules.scenes import Contact, Store

FAR = timedelta(days=3650)
_STEPS_MAX = 400  # bounds the search for an allowed hour; 16 zones need fewer than 100

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
    reason: str  # quiet_hours, not_yet


@dataclass(frozen=True, slots=True)
class Drop:
    """It must not go."""

    reason: str  # no_phone, no_email, stopped, no_consent, too_late, no_allowed_hour


@dataclass(frozen=True, slots=True)
class Draft:
    """What the decision needs to know of a message."""

    channel: str  # sms, email
    klass: str  # service, marketing
    topic: str
    not_before: datetime
    not_after: datetime
    in_daytime: bool = False  # a service text that is not urgent waits for the day too


def decide(store: Store, person: Contact, draft: Draft, now: datetime) -> Send | Wait | Drop:
    """Send, wait or drop, with the reason. `now` is UTC."""
    if refusal := _refusal(person, draft):
        return Drop(refusal)
    start = max(now, draft.not_before)
    if start > draft.not_after:
        return Drop("too_late")
    if draft.channel == "email" or not (draft.klass == "marketing" or draft.in_daytime):
        window_until = now + FAR
    else:
        zones = person.zones or (store.time_zone,)
        opens, window_until = allowed_from(start, zones, store.quiet_from, store.quiet_until)
        if opens is None:
            return Drop("no_allowed_hour")
        if opens > draft.not_after:
            return Drop("too_late")
        if opens > start:
            return Wait(opens, window_until, "quiet_hours")
    return Send(window_until) if start <= now else Wait(start, window_until, "not_yet")


def next_window(
    store: Store, person: Contact, draft: Draft, now: datetime
) -> tuple[datetime, datetime]:
    """When a queued message whose allowed hours have ended is due again, and until when. One that
    may not go any more is due right after its end, where taking drops it with its reason."""
    match decide(store, person, draft, now):
        case Wait(until, window_until, _):
            return until, window_until
        case Send(window_until):
            return now, window_until
        case _:
            return draft.not_after + timedelta(seconds=1), now + FAR


def _refusal(person: Contact, draft: Draft) -> str | None:
    if draft.channel == "sms" and not person.phone:
        return "phone_doubtful" if person.phone_doubt else "no_phone"
    if draft.channel == "email" and not person.email:
        return "no_email"
    if draft.topic in ALWAYS_ANSWERED:
        return None
    if person.service == "out":
        return "stopped"
    if draft.klass == "marketing" and person.marketing != "in":
        return "stopped" if person.marketing == "out" else "no_consent"
    return None


def allowed_from(
    at: datetime, zones: Sequence[str], quiet_from: time, quiet_until: time
) -> tuple[datetime | None, datetime]:
    """The first moment from `at` that is outside the quiet hours in every zone, and when the next
    quiet hour begins in one of them. None when no hour of the next days is safe in all zones."""
    if quiet_from == quiet_until:
        return at, at + FAR
    moment = at
    for _ in range(_STEPS_MAX):
        for zone in zones:
            later = _quiet_ends(moment, zone, quiet_from, quiet_until)
            if later is not None:
                moment = later
                break
        else:
            closes = min(_next_local(moment, zone, quiet_from) for zone in zones)
            return moment, closes
        if moment - at > timedelta(days=3):
            return None, at
    return None, at


def _quiet_ends(moment: datetime, zone: str, begins: time, ends: time) -> datetime | None:
    """When the quiet hours that `moment` lies in are over in this zone; None: it is not in them."""
    local = moment.astimezone(_zone(zone)).time()
    in_it = begins <= local < ends if begins < ends else local >= begins or local < ends
    return _next_local(moment, zone, ends) if in_it else None


def _next_local(moment: datetime, zone: str, wall: time) -> datetime:
    """The next moment strictly after `moment` at which clocks of the zone show `wall`. On the day
    that clocks are put forward a missing hour counts from the moment of the change."""
    tz = _zone(zone)
    day = moment.astimezone(tz).date()
    for ahead in range(3):
        local = datetime.combine(day + timedelta(days=ahead), wall, tz)
        candidate = local.astimezone(UTC)
        if candidate > moment:
            return candidate
    raise AssertionError("a wall time comes at least every second day")


@lru_cache(maxsize=700)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
