"""What is told of a person's habits: what kind of customer, when they are expected, when there."""

from collections.abc import Mapping
from datetime import time

from ringdove.records.segments.habits import Habits
from ringdove.web.menu import N_
from ringdove.web.speech import Speech

KINDS: Mapping[str, tuple[str, str]] = {  # the word, its tone
    "best": (N_("one of the best"), "ok"),
    "loyal": (N_("a regular"), "ok"),
    "promising": (N_("promising"), "ok"),
    "new": (N_("new"), ""),
    "fading": (N_("fading"), "wait"),
    "at_risk": (N_("a regular about to leave"), "wait"),
    "lost": (N_("has left us"), "bad"),
    "never_bought": (N_("has not bought yet"), ""),
}


def kind(say: Speech, habits: Habits) -> tuple[str, str]:
    """The word and its tone."""
    text, tone = KINDS[habits.kind]
    return say.gettext(text), tone


def why(say: Speech, habits: Habits) -> str:
    """By which line of this shop the word was found."""
    around, lost = habits.lines.around.days, habits.lines.lost.days
    match habits.kind:
        case "best" | "loyal" | "promising" | "new":
            return say.ngettext(
                "Ordered within %(num)s day.", "Ordered within %(num)s days.", around
            )
        case "fading" | "at_risk":
            return say.ngettext(
                "No order for more than %(num)s day.", "No order for more than %(num)s days.",
                around,
            )  # fmt: skip
        case "lost":
            return say.ngettext(
                "No order for more than %(num)s day.", "No order for more than %(num)s days.", lost
            )
        case _:
            return ""


def hour(say: Speech, habits: Habits) -> str:
    """From when to when they are usually there, by the shop's clock; "": nobody can tell yet."""
    if habits.own_hour is None:
        return ""
    begins, ends = time(habits.own_hour), time((habits.own_hour + 1) % 24)
    return say.gettext(
        "%(begins)s to %(ends)s by the shop's clock", begins=f"{begins:%H:%M}", ends=f"{ends:%H:%M}"
    )
