"""What else a text can be about: an order, a complaint, how things work, thanks, a contest's word.

Of two that are said the one that costs more to overlook counts: a complaint, then an order. A word
of stopping that is no stop makes the rest unsure; a person reads it then (N8).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ringdove.rules.replies import stops
from ringdove.rules.replies.letters import alike, without_accents
from ringdove.rules.replies.words import Words, respelt

# `rating`: only where a question waits for one; `contest`: only words that a contest of the store
# asks for; `rules`: how does ordering, or complaining, work; `unsure`: it could be this or that.
Intent = Literal[
    "stop", "start", "help", "rating", "order_status", "complaint", "rules", "contest", "thanks",
    "other", "unsure",
]  # fmt: skip

CONTEST_WORDS_MAX = 6  # "WIN Anna Maria Rossi 1042": who says more tells something else
THANKS_WORDS_MAX = 14
NAMED_WORDS_MAX = 6  # "order 1042?": what else can be meant
NUMBER_DIGITS_MIN = 3  # a bare number of fewer counts something
NUMBER_LETTERS_MAX = 32
STOP_AMID = frozenset({"stop", "стоп", "unsubscribe", "отписка", "адпіска", "basta", "baja"})


@dataclass(frozen=True, slots=True)
class Reply:
    """`scope` of a stop: marketing, all, pause, topic/loyalty, or the number named; of a start one
    topic, or nothing; of a complaint "status" when they ask what became of one, else nothing; of
    rules "order" or "complaint". `value`: "yes" when that was said; of a rating the score, of an
    order_status or complaint the number that was named, of a contest its word; who only says that
    they want to take part names none."""

    intent: Intent
    scope: str = ""
    value: str = ""


def meant(text: str, said: list[str], words: Words) -> Reply:
    """Of a text that is no stop, start, help, rating or contest word."""
    spelt = [respelt(word) for word in said]
    about = words.intents.lists_in(spelt)
    if "complaint_status" in about and "rules_complaint" not in about:
        return Reply("complaint", "status", number_in(text))
    if "rules_complaint" in about and "changes" not in about:  # of goods, not of an address
        return Reply("rules", "complaint")
    if "complaint" in about:
        return Reply("complaint", "", number_in(text))
    if "rules_order" in about and "requests" not in about:
        return Reply("rules", "order")
    if "order_status" in about and "requests" not in about:
        return Reply("order_status", "", number_in(text))
    if "vexed" in about and not stops.is_ruled_out(said, words):
        return Reply("stop", "marketing")  # "how often do I have to tell you": of no order
    if not about & {"requests", "thanks"} and _names_an_order(text, said):
        return Reply("order_status", "", number_in(text))
    if "contest" in about and len(said) <= CONTEST_WORDS_MAX:
        return Reply("contest")
    if _is_thanks(text, said, about):
        return Reply("thanks")
    return Reply("unsure" if STOP_AMID & set(said) else "other")


def _names_an_order(text: str, said: list[str]) -> bool:
    found = _MARKED.search(text) if len(said) <= NAMED_WORDS_MAX else None
    return found is not None and sum(map(str.isdigit, found[1])) >= NUMBER_DIGITS_MIN


def _is_thanks(text: str, said: list[str], about: set[str]) -> bool:
    if not said:
        return bool(_THUMB.search(text))
    is_short = len(said) <= THANKS_WORDS_MAX and "?" not in text
    return "thanks" in about and "no_thanks" not in about and is_short


_THUMB = re.compile("[👍👌🙏❤🧡💛💚💙💜😊😍🥰😘🤗🙂☺👏💪🔥]")
_MARKED = re.compile(
    r"(?:#|\b(?:n[o°º]|nr|num|nro|numero|number|номер|нумар|order|заказ\w*|замов\w*|ordine"
    r"|pedido|zamowieni\w*|complaint|claim|жалоб\w*|претензи\w*|скар[гз]\w*|прэтэнзі\w*|reclam\w*"
    r"|queja|reklamacj\w*)[.:]?)\s*#?\s*([a-zа-яіў]{0,5}-?\d+(?:[-/]\d+)*)\b",
    re.IGNORECASE,
)
_BARE = re.compile(
    rf"(?<![\w+.,:/-])([a-zа-яіў]{{0,5}}-?\d{{{NUMBER_DIGITS_MIN},}}(?:[-/]\d+)*)(?![\w%€$£])",
    re.IGNORECASE,
)


def number_in(text: str) -> str:
    """The number of an order or complaint that a text names, as it is written; "": none."""
    plain = without_accents(text.replace("№", "#"))
    found = _MARKED.search(plain) or _BARE.search(plain)
    return found[1] if found and len(found[1]) <= NUMBER_LETTERS_MAX else ""


def contest_word(text: str, said: list[str], words: Words, contests: Sequence[str]) -> str:
    """The word of these contests that a text enters with, as it is given here: alone, with
    courtesies, or before a name or an order's number; "": none."""
    if not contests or len(said) > CONTEST_WORDS_MAX:
        return ""
    known = {alike(word): word for word in contests if alike(word)}
    rest = [word for word in said if word not in words.courtesies] or said
    if whole := known.get(alike(text)) or known.get(alike("".join(rest))):
        return whole
    begun = (alike("".join(rest[:size])) for size in range(len(rest), 0, -1))
    return next((known[one] for one in begun if one in known), "")
