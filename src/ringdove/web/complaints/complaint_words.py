"""Complaints in the reader's words."""

from collections.abc import Mapping

from ringdove.rules.complaints.complaints import REASONS
from ringdove.web.menu import N_
from ringdove.web.speech import Speech

STATES: Mapping[str, tuple[str, str]] = {  # words, tone
    "opened": (N_("To answer"), "wait"),
    "answered": (N_("Answered"), "info"),
    "accepted": (N_("Accepted"), "ok"),
    "refused": (N_("Refused"), "bad"),
    "closed": (N_("Closed"), ""),
}
# As a deed: what somebody makes of it.
DEEDS: Mapping[str, str] = {
    "answered": N_("Answer it"),
    "accepted": N_("Accept it"),
    "refused": N_("Refuse it"),
    "closed": N_("Close it"),
    "opened": N_("Open it again"),
}
WHY: Mapping[str, str] = {
    "": N_("Not said yet"),
    "damaged": N_("Damaged"),
    "wrong_goods": N_("Wrong goods"),
    "missing": N_("Something is missing"),
    "late": N_("Too late"),
    "quality": N_("Quality"),
    "delivery": N_("Delivery"),
    "service": N_("Service"),
    "other": N_("Something else"),
}
assert set(REASONS) | {""} == set(WHY)


def state(say: Speech, word: str) -> tuple[str, str]:
    """A state and its tone."""
    text, tone = STATES.get(word, (word, ""))
    return say.gettext(text), tone


def why(say: Speech, word: str) -> str:
    """What went wrong."""
    return say.gettext(WHY.get(word, word))


def whys(say: Speech) -> list[tuple[str, str]]:
    """For a list to choose from."""
    return [(word, say.gettext(text)) for word, text in WHY.items()]


def deeds(say: Speech, now: str) -> list[tuple[str, str]]:
    """What can be made of one that stands so; answered once more too."""
    return [
        (word, say.gettext(text))
        for word, text in DEEDS.items()
        if word != now or word == "answered"
    ]


def who(say: Speech, by: str) -> str:
    """Who did something: text, shop, page/Anna, api/till."""
    if by == "text":
        return say.gettext("the customer, by text")
    if by == "shop":
        return say.gettext("the shop's program")
    kind, _, name = by.partition("/")
    return say.gettext("a program: %(name)s", name=name) if kind == "api" else name
