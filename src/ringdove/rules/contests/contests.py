"""Contests by text: who sends a word within a time may win (R85), as data.

A contest is open from the moment its rules are published; nothing of it can be changed then. Its
words belong to it until it is drawn or called off. An entry is known to the world by its ticket, a
keyed hash of the number: whoever knows a number cannot tell its ticket, and nobody can tell the
number of a ticket.
"""

import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from ringdove.rules import replies
from ringdove.rules.consent import ways_in

State = Literal["draft", "coming", "running", "ended", "closed", "drawn", "called_off"]

# A text that was sent in time may be late by this; only then is the list closed.
LATE_BY: Final = timedelta(minutes=15)
WORDS_MAX: Final = 10
WINNERS_MAX: Final = 1000
RULES_MAX: Final = 20_000  # letters of the whole rules
BRIEF_MAX: Final = 120  # letters of what a text says of them
PRIZE_MAX: Final = 60  # letters: texts say it
# Crockford's letters: none looks like another, so that a ticket can be read out and compared.
LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TICKET_LETTERS: Final = 12  # 60 bits


@dataclass(frozen=True, slots=True)
class Contest:
    """One contest of a store. `prize`, `brief`, `rules`: by language, what can be won in a few
    words, the rules as a text says them, and all of them."""

    id: int
    token: str
    name: str
    begins: datetime
    ends: datetime
    words: tuple[str, ...] = ()  # as posters have them
    prize: Mapping[str, str] = field(default_factory=dict)
    brief: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)
    countries: tuple[str, ...] = ()  # of numbers that may enter; (): all
    with_order: bool = False  # the text names an order of theirs, placed in the contest's time
    winners: int = 1
    substitutes: int = 0
    beacon: str = ""  # which public number of a later day is drawn with; "": the seed alone
    # From its opening on:
    ticket_key: str = ""  # thrown away when it is drawn
    commitment: str = ""  # SHA-256 of the seed
    opened_at: datetime | None = None
    closed_at: datetime | None = None  # its list is final
    entries: int = 0  # on that list
    list_hash: str = ""
    drawn_at: datetime | None = None
    seed: str = ""  # "" before that: nobody knows it
    beacon_value: str = ""
    retired_at: datetime | None = None  # called off

    def state(self, now: datetime) -> State:
        """How far it is."""
        if self.retired_at:
            return "called_off"
        if self.drawn_at:
            return "drawn"
        if self.closed_at:
            return "closed"
        if not self.opened_at:
            return "draft"
        if now < self.begins:
            return "coming"
        return "running" if now <= self.ends else "ended"

    @property
    def is_over(self) -> bool:
        """Whether its words are free for another."""
        return bool(self.drawn_at or self.retired_at)

    @property
    def folded(self) -> frozenset[str]:
        """Its words as they are compared."""
        return frozenset(map(ways_in.fold, self.words))


@dataclass(frozen=True, slots=True)
class Entry:
    """A number that takes part. `contact_id`: under which of their names."""

    contest_id: int
    ticket: str
    contact_id: int
    at: datetime
    word: str
    order_id: int | None = None
    said_again_at: datetime | None = None  # they were told that they take part already


@dataclass(slots=True)
class Contests:
    """Those of a store that texts can be about, with what is known of the people at hand."""

    known: Mapping[int, Contest] = field(default_factory=dict)  # opened ones
    entries: dict[tuple[int, str], Entry] = field(default_factory=dict)  # by contest and ticket
    # (contact, number as people write it) → id of an order that a contest may ask for, and when
    bought: Mapping[tuple[int, str], tuple[int, datetime]] = field(default_factory=dict)


# ------------------------------------------------------------------ what a text means


@dataclass(frozen=True, slots=True)
class Asked:
    """A text that is about a contest: its word, and what stands behind it."""

    contest: Contest
    word: str
    rules: bool = False  # they ask how it goes
    number: str = ""  # of an order, as order_number folds it


ASKED_WORDS_MAX = 8  # a longer text is a sentence, whatever it begins with
_QUESTIONS = frozenset({"rules", "help"})


def asked(contests: Iterable[Contest], body: str, at: datetime) -> Asked | None:
    """What a text asks of which contest: its word, and at most a number or the wish for rules
    beside it, courtesies aside. Anything else is a sentence that happens to begin so."""
    some = list(contests)
    if not some or len(body) > ways_in.BODY_MAX:
        return None
    courtesies = replies.words_of_all_languages().courtesies
    said = [one for one in body.split() if one.strip(".,!?;:-").lower() not in courtesies]
    if not 0 < len(said) <= ASKED_WORDS_MAX:
        return None
    for size in range(len(said), 0, -1):
        folded = ways_in.fold("".join(said[:size]))
        having = [one for one in some if folded and folded in one.folded]
        if having:
            rest = said[size:] or ["?"] * said[-1].endswith("?")
            return _asked_of(_nearest(having, at), folded, rest)
    return None


def _asked_of(contest: Contest, word: str, rest: list[str]) -> Asked | None:
    behind = " ".join(rest).strip(" .,!;:-")
    if behind.endswith("?") or (behind and replies.read(behind).intent in _QUESTIONS):
        return Asked(contest, word, rules=True)
    if not behind:
        return Asked(contest, word)
    number = order_number(behind)
    is_number = len(rest) <= 2 and any(sign.isdigit() for sign in number)
    return Asked(contest, word, number=number) if is_number else None


def _nearest(contests: Sequence[Contest], at: datetime) -> Contest:
    """Of several with one word the one that runs, else the next, else the last."""

    def order(one: Contest) -> tuple[int, timedelta]:
        if one.begins <= at <= one.ends and not one.closed_at:
            return (0, one.ends - at)
        return (1, one.begins - at) if at < one.begins else (2, at - one.ends)

    return min(contests, key=order)


def order_number(text: str) -> str:
    """The number of an order as it is compared: "№ 10-42", "#1042" and "1042" are one."""
    return "".join(sign for sign in text.upper() if sign.isalnum())


# ------------------------------------------------------------------ tickets


def ticket_of(contest: Contest, phone: str) -> str:
    """The ticket of a whole number, as +375291112233: "7F3A92C1K2MN"."""
    mac = hmac.digest(contest.ticket_key.encode(), phone.encode(), hashlib.sha256)
    bits = int.from_bytes(mac[:8], "big") >> 4
    return "".join(LETTERS[bits >> 5 * n & 31] for n in reversed(range(TICKET_LETTERS)))


def shown_ticket(ticket: str) -> str:
    """As people read it: 7F3A-92C1-K2MN."""
    return "-".join(ticket[n : n + 4] for n in range(0, len(ticket), 4))


def read_ticket(typed: str) -> str:
    """A ticket as somebody typed it."""
    plain = "".join(sign for sign in typed.upper() if sign.isalnum())
    return plain.translate(str.maketrans("OIL", "011"))[:40]


# ------------------------------------------------------------------ whether it can be opened


def wrong_word(word: str, taken: Collection[str]) -> str:
    """Why this cannot be a contest's word: empty, long, means, taken; "": it can. `taken`: folded
    words of sign-up keywords and of other contests."""
    return ways_in.wrong_keyword(word, taken)


def missing(contest: Contest, offered: Sequence[str], now: datetime) -> list[tuple[str, str]]:
    """What stands in the way of opening: pairs of a field and why (words, prize, brief, rules:
    the language that lacks it; ends: past; begins: after its end)."""
    found = [] if contest.words else [("words", "")]
    for name in ("prize", "brief", "rules"):
        said: Mapping[str, str] = getattr(contest, name)
        found += [(name, one) for one in offered if not said.get(one, "").strip()]
    if contest.ends <= contest.begins:
        found.append(("begins", "after"))
    elif contest.ends <= now:
        found.append(("ends", "past"))
    return found


# ------------------------------------------------------------------ as it is stored

SETTINGS: Final = (
    "words", "prize", "brief", "rules", "countries", "with_order", "winners", "substitutes",
    "beacon",
)  # fmt: skip


def settings_of(contest: Contest) -> dict[str, Any]:
    """What of a contest is stored as one document."""
    told = {name: getattr(contest, name) for name in SETTINGS}
    return told | {"words": list(contest.words), "countries": list(contest.countries)}


def contest_of(row: Mapping[str, Any]) -> Contest:
    """A contest from its stored row."""
    told = {name: row["settings"][name] for name in SETTINGS if name in row["settings"]}
    told |= {name: tuple(told.get(name, ())) for name in ("words", "countries")}
    rest = {name: row[name] for name in Contest.__slots__ if name not in SETTINGS}
    return Contest(**rest, **told)
