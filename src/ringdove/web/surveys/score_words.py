"""How scores speak: a figure with between what the truth lies, never without.

What may be said at all is decided in rules/surveys/scores.py.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from babel import numbers

from ringdove.rules.surveys import surveys
from ringdove.rules.surveys.scores import FEW, Interval, Scores
from ringdove.rules.surveys.surveys import Survey
from ringdove.web.menu import N_
from ringdove.web.speech import Speech

WAYS: Mapping[str, str] = {
    "reply": N_("By text"),
    "link": N_("On the form"),
    "api": N_("Told by a program"),
    "page": N_("Written down by the team"),
}
STATES: Mapping[str, str] = {
    "waiting": N_("To be decided"),
    "shown": N_("Shown"),
    "hidden": N_("Left out"),
}
MEASURES: Mapping[str, str] = {"csat": N_("Content (CSAT)"), "nps": N_("NPS")}


@dataclass(frozen=True, slots=True)
class Figure:
    """A value, and between what the truth lies in 95 of 100 cases."""

    value: str
    between: str


def measured(say: Speech, found: Scores) -> Figure | None:
    """By the survey's own measure; None: too few."""
    if found.is_few or found.measured is None:
        return None
    if found.survey.measure == "nps":
        return _figure(say, found.measured, lambda value: points(say, value))
    return _figure(say, found.measured, lambda value: share(say, value))


def mean(say: Speech, found: Scores) -> Figure | None:
    """The mean score; None: too few."""
    if found.is_few or found.mean is None:
        return None
    return _figure(say, found.mean, lambda value: score(say, value))


def rate(say: Speech, found: Scores) -> Figure | None:
    """The part that answered; None: too few were asked."""
    if found.asked < FEW or found.rate is None:
        return None
    return _figure(say, found.rate, lambda value: share(say, value))


def _figure(say: Speech, found: Interval, write: Callable[[float], str]) -> Figure:
    low, high = write(found.low), write(found.high)
    between = say.gettext("%(low)s to %(high)s", low=low, high=high)
    return Figure(write(found.value), between)


def score(say: Speech, value: float) -> str:
    """A mean score with one digit after the comma."""
    return numbers.format_decimal(value, "0.0", locale=say.locale)


def points(say: Speech, value: float) -> str:
    """Points of NPS with their sign: +34, −5, 0."""
    n = round(value)
    return f"+{n}" if n > 0 else f"−{-n}" if n < 0 else "0"


def share(say: Speech, value: float) -> str:
    """A share in whole per cent."""
    return numbers.format_percent(value, "#,##0 %", locale=say.locale)


def name(say: Speech, survey: Survey) -> str:
    """What a survey is called in the reader's language."""
    return surveys.name_of(survey, say.language)


def reason(say: Speech, survey: Survey, key: str) -> str:
    """What a score is about, in the reader's language."""
    return surveys.reason_name(survey, key, say.language) if key else ""


def tone(survey: Survey, given: int | None) -> str:
    """ok, wait, bad or nothing."""
    if given is None:
        return ""
    return "bad" if survey.is_low(given) else "ok" if survey.is_good(given) else "wait"


def shares(found: Scores) -> Sequence[tuple[int, int, float]]:
    """Each score with how many gave it and their share of all in per cent, the best first."""
    n = found.n or 1
    return [
        (one, found.given.get(one, 0), found.given.get(one, 0) / n * 100)
        for one in reversed(found.survey.scores)
    ]
