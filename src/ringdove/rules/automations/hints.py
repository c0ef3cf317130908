"""What an automation still leaves out though it may be switched on: an offer that a text speaks of
and nobody chose, a link that no text says. Told, and never in the way: each text is whole without.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ringdove.rules import texts
from ringdove.rules.automations.journeys import Journey
from ringdove.rules.automations.revisions import Texts, fields_of, ready
from ringdove.rules.steps.give import Give
from ringdove.rules.steps.send import Send


class Hint(NamedTuple):
    """One thing, and the step that it is about. `what`: offer_missing, link_missing, goods_missing:
    its text says one that the step has not; offer_unsaid, link_unsaid: the other way round."""

    step: str
    what: str


def hints(journey: Journey, own: Texts, languages: Iterable[str]) -> Iterator[Hint]:
    """All of them, in reading order. `own`: the store's texts; `languages`: those it speaks."""
    spoken, is_given = tuple(languages), False
    for place in journey.course.values():
        step = place.step
        if isinstance(step, Give) and step.is_on and step.offer:
            is_given = True
        if isinstance(step, Send) and step.is_on:
            said = _said(step, own, spoken)
            for noun, has, missed in (
                ("offer", bool(step.offer) or is_given, bool(step.offer)),
                ("link", step.link is not None, step.link is not None),
                ("goods", bool(step.goods), False),
            ):
                if noun in said and not has:
                    yield Hint(step.id, f"{noun}_missing")
                if missed and noun not in said:
                    yield Hint(step.id, f"{noun}_unsaid")


def _said(step: Send, own: Texts, languages: Iterable[str]) -> set[str]:
    """The nouns that its words speak of, in any language."""
    found: set[str] = set()
    for language in languages:
        words = {**ready(step.text, language), **own.get(language, {}).get(step.text, {})}
        for field in fields_of(step):
            try:
                asked = texts.variables(words.get(field, ""))
            except texts.TemplateBroken:  # told beside the text itself
                continue
            found |= {path.partition(".")[0] for path in asked}
    return found
