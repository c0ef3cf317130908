"""How the pages name the rules of sending and what they say."""

from collections.abc import Mapping

from babel import Locale

from ringdove.rules.consent import stopping
from ringdove.rules.scenes import Store
from ringdove.web.menu import N_
from ringdove.web.speech import Speech

RULES: Mapping[str, str] = {
    "address": N_("A number or address to write to"),
    "consent": N_("A yes to it"),
    "occasion": N_("An occasion"),
    "paused": N_("No pause"),
    "talking": N_("Nobody talks with them now"),
    "cap_day": N_("The most of a day"),
    "cap_week": N_("The most of a week"),
    "cap_month": N_("The most of a month"),
    "category_gap": N_("The gap between offers of a category"),
    "bought_lately": N_("Not bought lately"),
    "own_time": N_("Its own time"),
    "hours": N_("The allowed hours"),
    "quiet_hours": N_("The allowed hours"),
    "no_occasion": N_("An occasion"),
}
VERDICTS: Mapping[str, tuple[str, str]] = {
    "send": (N_("goes at once"), "ok"),
    "wait": (N_("waits"), "wait"),
    "drop": (N_("is not sent"), "bad"),
}
STATES: Mapping[str, tuple[str, str, str]] = {  # of a rule: icon, tone, words
    "ok": ("check", "ok", N_("says yes")),
    "waits": ("clock", "wait", N_("says: later")),
    "no": ("ban", "bad", N_("says no")),
    "off": ("dots", "", N_("does not ask")),
}


def topic_name(say: Speech, store: Store, key: str) -> str:
    """A topic as the reader calls it."""
    return stopping.topic_name(store, key, say.language)


def topics(say: Speech, store: Store) -> list[tuple[str, str]]:
    """Keys and names, as a form offers them."""
    return [(one.key, topic_name(say, store, one.key)) for one in store.policy.topics]


def weekdays(say: Speech, width: str = "abbreviated") -> list[str]:
    """Their names, Monday first."""
    named = Locale.parse(say.language).days["stand-alone"][width]
    return [named[n] for n in range(7)]


def country(say: Speech, code: str) -> str:
    """A country's name; one that nobody knows by its code."""
    return str(Locale.parse(say.language).territories.get(code, code))
