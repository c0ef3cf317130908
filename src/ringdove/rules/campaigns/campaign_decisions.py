"""For each of a campaign's people: which channel, variant and language, and the decision (P1, N2).

The same decision as everywhere, rules/consent/consent.decide, asked by the page: people who are
alike in all that it reads share one answer, so a million cost a second. Nothing is left out in
silence: whoever is in the audience gets an outcome with its reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import repeat
from typing import NamedTuple, TypeVar

from ringdove.rules import languages, messages
from ringdove.rules.campaigns import schedules
from ringdove.rules.campaigns.campaigns import Plan
from ringdove.rules.campaigns.lots import Lots
from ringdove.rules.campaigns.schedules import Schedule
from ringdove.rules.consent import consent, hours
from ringdove.rules.messages import Outcome
from ringdove.rules.reports.reports import OWED_TO_TEXTS
from ringdove.rules.scenes import NO_HISTORY, Contact, History, Store
from ringdove.rules.sending.routes import Way, Ways

KEPT_MAX = 100_000  # outcomes, kinds and carriers in memory: then they are worked out anew
SHARED_CODES = ("1", "7")  # of many countries, which four digits tell apart
COUNTRY_DIGITS = 8  # tell any country
PARTED = "\x1f"  # between traits


K = TypeVar("K")
V = TypeVar("V")


class Person(NamedTuple):
    """Somebody of the audience, as records/campaigns/audiences.py reads them."""

    id: int
    traits: str  # all that many people share, see Traits
    phone: str | None
    email: str | None
    name: str
    own_hour: int | None = None
    past: History | None = None  # None: nothing that could hold anything back
    paused_until: datetime | None = None
    talking_until: datetime | None = None
    fields: Mapping[str, object] | None = None  # the store's own; None: no text asks for them


class Traits(NamedTuple):
    """What many people share, in the order in which `Person.traits` joins it."""

    language: str
    country: str
    zones: str  # by space
    marketing: str
    service: str
    topic: str  # said last about the campaign's topic; "": nothing
    category: str
    email: str
    has: str  # any of p (phone), d (one that is doubtful), e (e-mail)


@dataclass(slots=True, eq=False)
class Kind:
    """People with the same traits."""

    contact: Contact
    language: str
    channels: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Told:
    """An outcome that many share, and within which times it holds."""

    outcome: Outcome
    not_before: datetime
    not_after: datetime
    held: "Told | None" = None  # the same for who is held out
    is_said: bool = field(init=False)  # it is going to be sent

    def __post_init__(self) -> None:
        self.is_said = self.outcome.state == "waiting"


@dataclass(slots=True, eq=False)
class Carrier:
    """Over what a number is reached, and what a part costs there."""

    way: Way | None
    reason: str = ""  # of a silence, without a way
    per_part: Decimal | None = None
    currency: str = ""
    dearest: Decimal | None = None  # of all gateways that may be asked in its stead


class Wish(NamedTuple):
    """One message to be, or one silence."""

    person: Person
    channel: str
    recipient: str
    language: str
    variant: int
    carrier: Carrier
    told: Told

    @property
    def is_said(self) -> bool:
        """Whether it is going to be sent."""
        return self.told.is_said


@dataclass(slots=True)
class Decider:
    """Decides for one campaign, at one clock."""

    store: Store
    plan: Plan
    schedule: Schedule
    lots: Lots
    ways: Ways
    now: datetime
    spoken: frozenset[tuple[int, str, str]]  # variant, language, channel: those with words
    # Worked out once for all who are alike.
    _kinds: dict[str, Kind] = field(default_factory=dict)
    _told: dict[tuple[Kind, str, datetime], Told] = field(default_factory=dict)
    _carriers: dict[str, Carrier] = field(default_factory=dict)
    _by_mail: Carrier | None = None
    _digits: int = 0

    def __post_init__(self) -> None:
        self.renew(self.ways)

    def renew(self, ways: Ways) -> None:
        """Ways out as they are now."""
        self.ways, self._carriers, self._by_mail = ways, {}, None
        self._digits = ways.telling_digits

    def decide(self, people: Sequence[Person]) -> list[Wish]:
        """What becomes of each, in their order; two of a person where both channels are asked."""
        found: list[Wish] = []
        when = self.plan.when
        is_shared = not (when.local or when.spread_minutes or when.mode == "own_hour")
        ids = [person.id for person in people]
        deals = len(self.plan.variants) > 1 or when.spread_minutes > 0
        dealt = self.lots.deal(ids) if deals else repeat((0, 0.0), len(ids))
        lots = zip(people, dealt, self.lots.are_held(ids), strict=True)
        kinds, told_of = self._kinds, self._told
        not_before_of, add, new = self.schedule.not_before, found.append, tuple.__new__
        spoken = self.spoken
        not_before = not_before_of((), None, 0.0)
        for person, (variant, lot), is_held in lots:
            kind = kinds.get(person.traits) or self._kind(person.traits)
            if not is_shared:
                not_before = not_before_of(kind.contact.zones, person.own_hour, lot)
            for channel in kind.channels:
                told = told_of.get((kind, channel, not_before)) or self._alike(
                    kind, channel, not_before
                )
                if person.past is not None or person.paused_until or person.talking_until:
                    told = self._alone(kind, channel, told, person)
                recipient = (person.phone if channel == "sms" else person.email) or ""
                carrier, language = self._carrier(channel, recipient), kind.language
                has_words = (variant, language, channel) in spoken
                if not has_words:
                    language = self._spoken_instead(variant, language, channel)
                    has_words = (variant, language, channel) in spoken
                # Chance comes last: who would get nothing anyway is in neither group.
                if told.is_said:
                    if not has_words:
                        told = silent(told, "no_words")
                    elif carrier.way is None:
                        told = silent(told, carrier.reason)
                    elif is_held:
                        told = _held(told)
                elif told.outcome.reason in OWED_TO_TEXTS and is_held:
                    told = _held(told)  # automations write to them: they are not who is written to
                add(new(Wish, (
                    person, channel, recipient, language, variant, carrier, told
                )))  # fmt: skip
        return found

    # -------------------------------------------------------------- people who are alike

    def _kind(self, text: str) -> Kind:
        said = Traits(*text.split(PARTED))
        scopes = {
            f"topic/{self.plan.topic}": said.topic,
            f"category/{self.plan.category}": said.category,
            "channel/email": said.email,
        }
        contact = Contact(
            0, "+" if "p" in said.has else None, "@" if "e" in said.has else None, self.now,
            phone_doubt="?" if "d" in said.has else None, language=said.language or None,
            country=said.country or None, zones=tuple(said.zones.split()),
            marketing=said.marketing, service=said.service,
            scopes={scope: (state, "") for scope, state in scopes.items() if state},
        )  # fmt: skip
        language = languages.choose(contact.language, contact.country, self.store.languages)
        kind = Kind(contact, language, self._channels(said))
        _room(self._kinds)[text] = kind
        return kind

    def _spoken_instead(self, variant: int, language: str, channel: str) -> str:
        """Whoever is spoken to in a language that a variant lacks gets the store's first there."""
        there = (one for one in self.store.languages if (variant, one, channel) in self.spoken)
        return next(there, language)

    def _channels(self, said: Traits) -> tuple[str, ...]:
        wanted, has = self.plan.channels, said.has
        if wanted == "sms_or_email":
            chose = said.email == "in" or "p" not in has
            return ("email",) if "e" in has and chose else ("sms",)
        if wanted == "both":
            there = [one for one, sign in (("sms", "p"), ("email", "e")) if sign in has]
            return tuple(there) or ("sms",)
        return (wanted,)

    def _alike(self, kind: Kind, channel: str, not_before: datetime) -> Told:
        told = self._ask(kind.contact, channel, not_before, NO_HISTORY)
        _room(self._told)[kind, channel, not_before] = told
        return told

    def _alone(self, kind: Kind, channel: str, alike: Told, person: Person) -> Told:
        """Of somebody with a past: the same as of the others unless something holds them back."""
        contact, past = kind.contact, person.past or NO_HISTORY
        if person.paused_until or person.talking_until:
            contact = replace(
                contact, paused_until=person.paused_until, talking_until=person.talking_until
            )
        draft = self.draft(channel, alike.not_before, alike.not_after)
        start = max(self.now, alike.not_before)
        barriers = consent.barriers(self.store.policy, contact, draft, past)
        if not any(barrier.until > start for barrier in barriers):
            return alike
        return self._ask(contact, channel, alike.not_before, past)

    def _ask(self, contact: Contact, channel: str, not_before: datetime, past: History) -> Told:
        not_after = self.schedule.not_after(not_before)
        verdict = consent.decide(
            self.store, contact, self.draft(channel, not_before, not_after), past, self.now
        )
        # The way is the person's own, and asked for beside this.
        found = messages.outcome(verdict, max(self.now, not_before), self.now)
        return Told(found, not_before, not_after)

    def draft(self, channel: str, not_before: datetime, not_after: datetime) -> consent.Draft:
        """What the decision is asked about."""
        plan = self.plan
        return consent.Draft(
            channel, "marketing", plan.topic, not_before, not_after, category=plan.category,
            occasion=plan.occasion, part=self.part,
        )  # fmt: skip

    @property
    def part(self) -> hours.Part | None:
        """The weekdays and part of the day that the campaign wants (R19)."""
        return schedules.part_of(self.plan.when)

    # -------------------------------------------------------------- ways

    def _carrier(self, channel: str, recipient: str) -> Carrier:
        if channel != "sms":
            if self._by_mail is None:
                self._by_mail = carrier_of(self.ways, channel, recipient, self.now.date())
            return self._by_mail
        own = 4 if recipient[1:2] in SHARED_CODES else COUNTRY_DIGITS
        key = recipient[: 1 + max(own, self._digits)]
        found = self._carriers.get(key)
        if found is None:
            found = carrier_of(self.ways, channel, recipient, self.now.date())
            _room(self._carriers)[key] = found
        return found


def carrier_of(ways: Ways, channel: str, recipient: str, today: date) -> Carrier:
    """Over what this number or address is reached."""
    way = ways.find(channel, recipient, "marketing", today)
    if not isinstance(way, Way):
        return Carrier(None, messages.why_no_way(way, channel))
    if channel != "sms":
        return Carrier(way, per_part=Decimal(0), dearest=Decimal(0))
    lists = {one: ways.lists[one] for one in way.order if one in ways.lists}
    priced = {one: price for one, listed in lists.items() if (price := listed.price(recipient))}
    own = priced.get(way.gateway.id)
    dearest = max((price.per_part for price in priced.values()), default=None)
    currency = lists[way.gateway.id].currency if own else ""
    return Carrier(way, "", own.per_part if own else None, currency, dearest)


def silent(told: Told, reason: str) -> Told:
    """The same, not said for this reason."""
    found = told.outcome._replace(state="dropped", reason=reason)
    return Told(found, told.not_before, told.not_after)


def _held(told: Told) -> Told:
    if told.held is None:
        told.held = silent(told, "holdout")
    return told.held


def _room(kept: dict[K, V]) -> dict[K, V]:
    if len(kept) >= KEPT_MAX:
        kept.clear()
    return kept
