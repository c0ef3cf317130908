"""The decision rule by rule: what each says, with the facts behind it (N2).

For the page that answers "why did Anna not get it?" and "what if I sent now?". The verdict is
consent.decide's own; the steps are made of the same refusals, barriers and windows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ringdove.rules.consent import consent, hours
from ringdove.rules.consent.consent import Draft, Verdict
from ringdove.rules.policy import CAPS
from ringdove.rules.scenes import Contact, History, Store, Touch

REFUSALS_OF = {
    "address": ("erased", "no_phone", "phone_doubtful", "no_email", "email_closed"),
    "consent": ("stopped", "topic_left", "category_left", "unconfirmed", "no_consent"),
    "occasion": ("no_occasion",),
}


@dataclass(frozen=True, slots=True)
class Step:
    """What one rule says."""

    rule: str  # address, consent, occasion, paused, cap_day …, own_time, hours
    state: str  # ok, waits, no, off (it does not concern this message)
    reason: str = ""
    until: datetime | None = None
    touches: tuple[Touch, ...] = ()  # earlier texts that fill a cap, or begin a gap
    bought_at: datetime | None = None
    zones: tuple[str, ...] = ()  # in which it is quiet at that moment


@dataclass(frozen=True, slots=True)
class Explained:
    """All rules in their order, and what follows."""

    verdict: Verdict
    steps: tuple[Step, ...]

    @property
    def at(self) -> datetime | None:
        """When it waits for; None: it goes at once, or never."""
        return self.verdict.until if isinstance(self.verdict, consent.Wait) else None

    @property
    def word(self) -> str:
        """send, wait, drop."""
        match self.verdict:
            case consent.Send():
                return "send"
            case consent.Wait():
                return "wait"
            case _:
                return "drop"

    @property
    def reason(self) -> str:
        return "" if isinstance(self.verdict, consent.Send) else self.verdict.reason


def explain(
    store: Store, person: Contact, draft: Draft, history: History, now: datetime
) -> Explained:
    """Asks every rule, also those behind one that says no."""
    verdict = consent.decide(store, person, draft, history, now)
    steps = [*_refusals(store, person, draft), *_barriers(store, person, draft, history, now)]
    steps += [_own_time(draft, now), _hours(store, person, draft, now)]
    return Explained(verdict, tuple(steps))


def _refusals(store: Store, person: Contact, draft: Draft) -> list[Step]:
    steps, refused = [], consent.refusal(store.policy, person, draft)
    for rule, words in REFUSALS_OF.items():
        if rule == "occasion" and (draft.klass != "marketing" or draft.occasion):
            steps.append(Step(rule, "ok" if draft.klass == "marketing" else "off"))
        elif rule == "occasion" and store.policy.occasion == "demand":
            steps.append(Step(rule, "no", "no_occasion"))  # also where consent said no before
        elif refused in words:
            steps.append(Step(rule, "no", refused))
        else:
            steps.append(Step(rule, "ok"))
    return steps


RULES = ("paused", "talking", *(reason for reason, _, _ in CAPS), "category_gap", "bought_lately")


def _barriers(
    store: Store, person: Contact, draft: Draft, history: History, now: datetime
) -> list[Step]:
    start = max(now, draft.not_before)
    found = {
        one.reason: one.until for one in consent.barriers(store.policy, person, draft, history)
    }
    asked = _asked(store, draft)
    steps = []
    for rule in RULES:
        until = found.get(rule)
        if until is None or until <= start:
            steps.append(Step(rule, "ok" if rule in asked else "off"))
            continue
        state = "no" if until > draft.not_after else "waits"
        bought_at = history.bought.get(draft.category) if rule == "bought_lately" else None
        touches = _behind(store, draft, history, rule, start)
        steps.append(Step(rule, state, rule, until, tuple(touches), bought_at))
    return steps


def _asked(store: Store, draft: Draft) -> set[str]:
    """The rules that concern such a message in this store."""
    if draft.klass != "marketing":
        return set()
    gap = store.policy.categories.get(draft.category) if draft.category else None
    rules = {"paused", "talking"}
    if draft.channel == "sms":
        rules |= {reason for reason, most, _ in CAPS if most(store.policy)}
        rules |= {"category_gap"} if gap and gap.days else set()
    return rules | ({"bought_lately"} if gap and gap.after_purchase_days else set())


def _behind(
    store: Store, draft: Draft, history: History, rule: str, start: datetime
) -> Sequence[Touch]:
    for reason, most, span in CAPS:
        if reason == rule:
            return [one for one in history.touches if one.at + span > start][: most(store.policy)]
    if rule == "category_gap":
        return [one for one in history.touches if one.category == draft.category][:1]
    return []


def _own_time(draft: Draft, now: datetime) -> Step:
    start = max(now, draft.not_before)
    if start > draft.not_after:
        return Step("own_time", "no", "too_late", draft.not_after)
    if start > now:
        return Step("own_time", "waits", "not_yet", start)
    return Step("own_time", "ok")


def _hours(store: Store, person: Contact, draft: Draft, now: datetime) -> Step:
    limits = consent.limits_of(store, person, draft)
    if limits is None:
        return Step("hours", "off")
    start = max(now, draft.not_before)
    zones = person.zones or (store.time_zone,)
    window = hours.first(limits, zones, start, draft.not_after + hours.LOOK_PAST)
    if window is None:
        return Step("hours", "no", "no_allowed_hour", zones=zones)
    if window[0] == start:
        return Step("hours", "ok", until=window[1])
    quiet = tuple(zone for zone in zones if not _is_open(limits, zone, start))
    reason = consent.hours_reason(limits, zones, start)
    if window[0] > draft.not_after:
        return Step("hours", "no", "no_hour_left", window[0], zones=quiet)
    return Step("hours", "waits", reason, window[0], zones=quiet)


def _is_open(limits: hours.Limits, zone: str, at: datetime) -> bool:
    window = hours.first(limits, (zone,), at, at)
    return window is not None and window[0] == at
