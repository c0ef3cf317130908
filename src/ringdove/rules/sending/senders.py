"""Under which name or number a text may go to a country: the countries' rules, and the choice.

A sender is a number, which can be answered, or a name of up to 11 letters, which cannot. Some
countries carry no names, some only registered ones. A store says which senders it has and where
they are registered; the table here only says what to expect of a country, so the store's own word
about a country always wins over it. A text must never leave under a name that a country blocks.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["number", "name"]
Names: TypeAlias = Literal["free", "registered", "blocked", "none"]
"""free: any name. registered: operators ask for its registration. blocked: the country blocks
names that its register does not have. none: numbers only."""

# Not in GSM's default alphabet's letters only: what every operator takes (3GPP TS 23.040 §9.1.2.5
# gives 11 characters of 7 bits; operators narrow it to these).
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._&+-]{0,10}")
_NUMBER = re.compile(r"\+?[1-9]\d{2,14}|\d{3,8}")  # E.164, or a short code


@dataclass(frozen=True, slots=True)
class Country:
    """What a country asks of senders. `since`: from when `names` holds; before, they are free."""

    names: Names = "free"
    since: date | None = None
    must_answer: bool = False  # marketing needs a sender that can be told STOP


# Facts as operators and regulators publish them, read in November 2026. A country that is missing
# is free as far as we know. Whoever finds a change corrects one line here.
COUNTRIES: dict[str, Country] = {
    # No names at all: numbers or short codes only (Telnyx and AWS, "sender ID" by country). In the
    # US and Canada a marketing text must take STOP as a reply (CTIA Messaging Principles §5.1.3).
    "US": Country("none", must_answer=True),
    "PR": Country("none", must_answer=True),
    "CA": Country("none", must_answer=True),
    "CN": Country("none"),
    # Registers of the regulators: unregistered names are marked as a scam, then blocked.
    "SG": Country("blocked", date(2023, 1, 31)),  # IMDA, SSIR; blocked since 2023-07-31
    "IE": Country("blocked", date(2025, 7, 3)),  # ComReg; blocked since 2025-10-03
    "AU": Country("blocked", date(2026, 7, 1)),  # ACMA, SMS Sender ID Register
    "ES": Country("blocked", date(2026, 9, 1)),  # CNMC, Orden TDF/149/2025
    # Operators ask for a name to be registered before it is used (AWS, "Sender ID registration";
    # the local operators' own terms).
    **{
        code: Country("registered")
        for code in (
            "AE", "BY", "EG", "IN", "JO", "KW", "KZ", "LK", "OM", "PH", "QA", "RU", "SA", "TH",
            "TR", "UA", "UZ", "VN",
        )
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Own:
    """A sender that the store has. `country` "": everywhere else; `gateway_id` 0: over any."""

    sender: str
    country: str = ""
    gateway_id: int = 0
    state: str = "ready"  # ready; asked: its registration is not through; refused


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender that a text gets; "" leaves it to the gateway."""

    text: str


@dataclass(frozen=True, slots=True)
class NoSender:
    """No sender of the store may be used there; the reason is a word of web/reasons.py."""

    reason: str


class SenderWrong(ValueError):
    """Not a sender that a phone can show; the message is for the person who typed it."""


def kind_of(sender: str) -> Kind:
    """A number (or short code), or a name. Raises SenderWrong."""
    if _NUMBER.fullmatch(sender):
        return "number"
    if not _NAME.fullmatch(sender) or sender != sender.strip():
        raise SenderWrong(
            "A sender is a number, or a name of at most 11 Latin letters, digits and spaces."
        )
    if not any(letter.isalpha() for letter in sender):
        raise SenderWrong("A name needs at least one letter.")
    return "name"


def rule_of(country: str, today: date) -> Country:
    """What holds in a country on a day."""
    rule = COUNTRIES.get(country, Country())
    if rule.since and today < rule.since:
        return Country("free", must_answer=rule.must_answer)
    return rule


def choose_sender(
    own: Iterable[Own],
    country: str,
    gateway_id: int,
    gateway_sender: str,
    klass: str,
    today: date,
    wanted: str = "",
) -> Sender | NoSender:
    """The store's sender for this country over this gateway, else the gateway's own.

    `wanted` is a kind that a route asks for: number, name, or "" for either.
    """
    rule = rule_of(country, today)
    why = "no_sender"
    for one in _in_order(own, country, gateway_id, gateway_sender):
        refusal = _refusal(one, rule, country, klass, wanted)
        if not refusal:
            return Sender(one.sender)
        why = refusal
    # Nobody named a sender at all: the operator has one for the account.
    return Sender("") if why == "no_sender" and not wanted else NoSender(why)


GATEWAYS_OWN = "*"  # the country of a gateway's own sender, which stands behind all others


def _in_order(own: Iterable[Own], country: str, gateway_id: int, gateway_sender: str) -> list[Own]:
    """The nearest first: for this country and gateway, this country, everywhere, the gateway's."""
    fits = [
        one for one in own if one.country in (country, "") and one.gateway_id in (gateway_id, 0)
    ]
    fits.sort(key=lambda one: (one.country != country, one.gateway_id == 0, one.sender))
    if gateway_sender:
        fits.append(Own(gateway_sender, GATEWAYS_OWN, gateway_id))
    return fits


def _refusal(one: Own, rule: Country, country: str, klass: str, wanted: str) -> str:
    """Why this sender may not be used there; "" when it may."""
    kind: Kind = "number" if _NUMBER.fullmatch(one.sender) else "name"
    if wanted and kind != wanted:
        return f"sender_no_{wanted}"
    if one.state != "ready":
        return "sender_not_ready"
    if kind == "number":
        return ""
    if klass == "marketing" and rule.must_answer:
        return "sender_cannot_be_answered"
    if one.country == country:
        return ""  # the store says that it is allowed there, and knows better than our table
    if rule.names == "none":
        return "sender_needs_number"
    if rule.names == "blocked" and one.country != GATEWAYS_OWN:
        return "sender_not_registered"
    return ""  # what stands at the gateway was agreed with its operator
