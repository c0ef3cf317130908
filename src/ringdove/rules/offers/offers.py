"""Offers: what a campaign promises, whether its code may be used, and the codes of one's own.

An offer is a reward (rules/ways_in.Reward) whose settings say more: what the discount is, on which
goods, where, for whom, how often. Every reward can be offered, so there is one table, one question
at the checkout and one list of what people have.

A code of one's own follows from the person and the offer: the same person meets the same code again
however often an offer is said, and two campaigns that say it at once agree without asking.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from ringdove.rules import facts, languages
from ringdove.rules.campaigns import lots
from ringdove.rules.consent.ways_in import Code, DayGood, Reward, Use
from ringdove.rules.effects import CountWay, UseCode, UseOffer
from ringdove.rules.offers import rewards
from ringdove.rules.offers.rewards import CODE_ALPHABET, spelled
from ringdove.rules.scenes import Contact, Order, Scene

# ------------------------------------------------------------------ codes of one's own

_N = len(CODE_ALPHABET)
# Three signs at once: a page of codes is made in a third of the time.
_THREE = [a + b + c for a in CODE_ALPHABET for b in CODE_ALPHABET for c in CODE_ALPHABET]
_THREES = len(_THREE)


def own_codes(prefix: str, secret: str, people: Sequence[int], turn: int) -> list[str]:
    """For each person the code of their own at this turn: the next turn is for who has used the
    code of this one, or whose code somebody else has by chance. `secret`: of the offer, at most 64
    signs."""
    begin, found = f"{prefix}-" if prefix else "", []
    for value in lots.drawn(lots.cipher(secret.encode()), people, turn)[::2]:
        rest, first = divmod(value >> 4, _THREES)  # 60 bits are worked with quickly
        rest, second = divmod(rest, _THREES)
        found.append(begin + _THREE[first] + _THREE[second] + CODE_ALPHABET[rest % _N])
    return found


# ------------------------------------------------------------------ may it be used?


@dataclass(frozen=True, slots=True)
class Asked:
    """What the checkout tells beside the code; what is empty was not told."""

    account: str = ""
    phone: str = ""
    channel: str = ""  # where they buy
    goods: Mapping[str, frozenset[str]] | None = None  # GOODS_OF → what lies in the cart


@dataclass(frozen=True, slots=True)
class Uses:
    """How often it was used already, cancelled orders apart."""

    by_person: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a code may be used now, and why not."""

    valid: bool
    reason: str = ""  # one of REASONS
    until: datetime | None = None


# In the order in which they are asked; `unknown` is no code of this store.
REASONS = (
    "unknown", "not_yet", "ended", "used", "used_up", "guest", "account_unknown", "other_person",
    "left", "wrong_channel", "wrong_goods",
)  # fmt: skip


def may_use(
    offer: Reward, code: Code | None, who: Contact | None, asked: Asked, uses: Uses, now: datetime
) -> Verdict:
    """Asked by the shop at the checkout. `code` is None for one that all share; `who`: the person
    behind the account or number that was told (R8, R34 to R36, R42)."""
    until = code.valid_until if code else offer.valid_until
    reason = next(_against(offer, code, who, asked, uses, until, now), "")
    return Verdict(not reason, reason, until)


def _against(
    offer: Reward, code: Code | None, who: Contact | None, asked: Asked, uses: Uses,
    until: datetime | None, now: datetime,
) -> Iterator[str]:  # fmt: skip
    begins = begins_for(offer, who)
    if begins and now < begins:
        yield "not_yet"
    if until and now >= until:
        yield "ended"
    if code and code.used_at:
        yield "used"
    if offer.uses_total and uses.total >= offer.uses_total:
        yield "used_up"
    by_person = offer.uses_each > 0 and code is None
    if offer.registered_only and not asked.account:
        yield "guest"
    if (offer.subscribers_only or by_person) and not (asked.account or asked.phone):
        yield "guest"
    needs_who = offer.registered_only or offer.subscribers_only or by_person or code is not None
    if (asked.account or asked.phone) and who is None and needs_who:
        yield "account_unknown"
    if code and who and code.contact_id not in (None, who.id, *who.also):
        yield "other_person"
    if offer.subscribers_only and not rewards.may_open(who):
        yield "left"
    if by_person and uses.by_person >= offer.uses_each:
        yield "used"
    if offer.channel and asked.channel.strip().lower() != offer.channel:
        yield "wrong_channel"
    if offer.goods and not _fits(offer, asked):
        yield "wrong_goods"


def begins_for(offer: Reward, who: Contact | None) -> datetime | None:
    """When it begins for this person: subscribers may come before all others (R36)."""
    if offer.early_from and rewards.may_open(who):
        return offer.early_from
    return offer.valid_from


def _fits(offer: Reward, asked: Asked) -> bool:
    told = (asked.goods or {}).get(offer.goods_of, frozenset())
    wanted = {one.casefold() for one in offer.goods}
    return any(one.strip().casefold() in wanted for one in told)


# ------------------------------------------------------------------ orders paid with codes


def codes_of(fact: facts.Fact) -> list[str]:
    """The codes that an order's fact names, as they are kept."""
    order = getattr(fact, "order", None)
    return [spelled(code) for code in order.codes] if isinstance(order, facts.Order) else []


def used(scene: Scene, fact: facts.OrderPlaced | facts.OrderChanged, order: Order) -> None:
    """The order was paid with these. The shop has taken them when we hear of it, so nothing is
    refused here; the first order that names a code of somebody's own has it."""
    for code in codes_of(fact):
        known = scene.ways_in.codes.get(code)
        offer = _offer_of(scene, code, known)
        if offer is None or (known and known.used_at):
            continue
        before = scene.ways_in.uses.get((offer.id, order.id))
        if (before and before.freed_at is None) or (order.cancelled_at and offer.frees):
            continue
        use = Use(offer.id, order.id, order.contact_id, code, fact.at)
        scene.happens(UseOffer(use), CountWay(f"reward/{offer.id}/used"))
        if known and _uses_of(scene, code) >= max(1, offer.uses_each):
            scene.happens(UseCode(code, order.key, fact.at))


def _offer_of(scene: Scene, code: str, known: Code | None) -> Reward | None:
    every = scene.ways_in.rewards
    return every.get(known.reward_id) if known else common_of(every.values(), code)


def common_of(every: Iterable[Reward], code: str) -> Reward | None:
    """The reward whose code all share."""
    shared = (one for one in every if one.kind == "code" and one.source == "common")
    return next((one for one in shared if one.code == code), None)


def _uses_of(scene: Scene, code: str) -> int:
    every = scene.ways_in.uses.values()
    return sum(use.code == code and use.freed_at is None for use in every)


def freed(scene: Scene, order: Order, at: datetime) -> None:
    """The order is no more: what it was paid with is free again where the offer says so."""
    for use in list(scene.ways_in.uses.values()):
        offer = scene.ways_in.rewards.get(use.reward_id)
        if use.order_id != order.id or use.freed_at or offer is None or not offer.frees:
            continue
        scene.happens(UseOffer(replace(use, freed_at=at)), CountWay(f"reward/{offer.id}/used", -1))
        known = scene.ways_in.codes.get(use.code)
        if known and known.used_at:
            scene.happens(UseCode(use.code, "", None))


# ------------------------------------------------------------------ how texts say it


def discount(offer: Reward, language: str, currency: str) -> str:
    """The discount in a few words of a language; "": nothing is said of it."""
    if offer.discount == "words":
        return offer.gift
    said: str = languages.phrases(language)["offers"].get(offer.discount, "")
    money = languages.say_money(offer.worth, currency, language)
    whole = f"{offer.worth.normalize():f}"
    return said.replace("{n}", whole).replace("{money}", money).replace("{gift}", offer.gift)


def values(
    offer: Reward, language: str, currency: str, time_zone: str, now: datetime
) -> dict[str, str]:
    """What texts can say of an offer beside its code and link, the same for all who read this
    language: {{ offer.name }}, {{ offer.discount }}, {{ offer.until }}."""
    ends = offer.ends(now)
    until = languages.say_day(ends.astimezone(ZoneInfo(time_zone)), language) if ends else ""
    return {
        "name": offer.title or offer.name, "until": until,
        "discount": discount(offer, language, currency),
    }  # fmt: skip


# ------------------------------------------------------------------ goods of the day, early access


def good_of(offer: Reward, now: datetime, time_zone: str) -> DayGood | None:
    """The product of this day by the clock of the store; None: it has not begun, or the list is at
    its end."""
    zone = ZoneInfo(time_zone)
    begins = offer.valid_from
    day = (now.astimezone(zone).date() - begins.astimezone(zone).date()).days if begins else 0
    return offer.daily[day] if 0 <= day < len(offer.daily) else None


def opens_to_all(offer: Reward, now: datetime) -> bool:
    """Whether its page opens to who has no link: early access after its public start (R36), goods
    of the day that are not for subscribers alone (R37)."""
    if offer.retired or offer.subscribers_only:
        return False
    is_public = offer.early_from is not None or bool(offer.daily)
    return is_public and (offer.valid_from is None or now >= offer.valid_from)
