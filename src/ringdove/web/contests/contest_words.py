"""Words of contests on the store's pages: how far one is, what became of a place, its texts."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ringdove.rules import languages, texts
from ringdove.rules.contests import entering
from ringdove.rules.contests.contests import Contest
from ringdove.rules.scenes import Store
from ringdove.web.menu import N_
from ringdove.web.speech import Speech

STATES = {
    "draft": (N_("draft"), "wait"),
    "coming": (N_("begins later"), "info"),
    "running": (N_("running"), "ok"),
    "ended": (N_("being closed"), "wait"),
    "closed": (N_("to be drawn"), "wait"),
    "drawn": (N_("drawn"), ""),
    "called_off": (N_("called off"), ""),
}
OUTCOMES = {
    "given": (N_("has the prize"), "ok"),
    "lapsed": (N_("did not come"), ""),
    "moved_up": (N_("moved up"), "info"),
}
REFUSED = {"cancelled": N_("the order was cancelled")}
SHOWN = ("contest_entered", "contest_rules", "contest_won")
SAMPLE = "7F3A92C1K2MN"


@dataclass(frozen=True, slots=True)
class Preview:
    """A text as it will be said in a language."""

    language: str
    text: str
    parts: int


def state_of(say: Speech, contest: Contest) -> tuple[str, str]:
    """How far it is, in words, with the tone of its pill."""
    text, tone = STATES[contest.state(say.now)]
    return say.gettext(text), tone


def outcome_of(say: Speech, outcome: str) -> tuple[str, str]:
    """What became of a place, likewise."""
    text, tone = OUTCOMES[outcome]
    return say.gettext(text), tone


def refused_of(say: Speech, why: str) -> str:
    """Why an entry was taken out."""
    return say.gettext(REFUSED[why]) if why in REFUSED else why


def previews(store: Store, contest: Contest, address: str) -> list[Preview]:
    """The texts that a contest makes, in each language of the store."""
    found = []
    for language in store.languages:
        values = {
            "shop": {"name": store.name},
            "contest": entering.values_of(
                store, contest, ZoneInfo(store.time_zone), language, address, SAMPLE
            ),
        }
        for key in SHOWN:
            text = texts.render(languages.phrases(language)["answers"][key], values)
            found.append(Preview(language, text, texts.measure(text).parts))
    return found
