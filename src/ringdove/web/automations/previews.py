"""Texts of a recipe as the page shows them: what was written, and how it will arrive.

Made with sample values; nobody gets anything. Size and parts are counted on what the phone shows,
not on the template.
"""

from dataclasses import dataclass
from typing import Any

from ringdove.rules import texts
from ringdove.rules.automations import revisions, samples
from ringdove.rules.automations.journeys import Journey
from ringdove.rules.automations.plans import Automation
from ringdove.rules.steps.send import Send
from ringdove.web.automations import recipe_words as words
from ringdove.web.sending.composer import with_way_out
from ringdove.web.sending.counting import Size, size_of
from ringdove.web.views import StorePage


@dataclass(frozen=True, slots=True)
class Preview:
    """A text as it will arrive, or what keeps it from arriving."""

    said: str
    wrong: tuple[str, ...] = ()
    size: Size | None = None  # of a text message
    calls: bool = True  # False: an offer with nothing to do (R27)
    with_way_out: str = ""  # an offer that says no way out (R5): the text with one

    @property
    def parts(self) -> int:
        """Of a text message; of a letter none."""
        return self.size.parts if self.size else 0


@dataclass(frozen=True, slots=True)
class Words:
    """One text of a step in one language, on its way through the form."""

    id: str
    language: str
    field: str
    typed: str
    ready: str
    is_own: bool
    preview: Preview


def samples_for(page: StorePage, language: str) -> dict[str, Any]:
    """What the values of a text might be, in its language."""
    today = page.runtime.clock().astimezone(page.say.zone).date()
    return samples.values(page.store, language, today, page.runtime.settings.outside_url)


def words_of(page: StorePage, recipe: Journey, number: int, own: Automation) -> list[Words]:
    """A step's texts in every language of the store; a wait has none."""
    step = recipe.steps[number]
    if not isinstance(step, Send):
        return []
    found = []
    for language in page.store.languages:
        for field in revisions.fields_of(step):
            ready = revisions.ready(step.text, language)[field].strip()
            mine = own.texts.get(language, {}).get(step.text, {}).get(field, "")
            typed = mine or ready
            look = preview_of(page, recipe, step, language, field, typed)
            place = f"{number}-{language}-{field}"
            found.append(Words(place, language, field, typed, ready, typed != ready, look))
    return found


def preview_of(
    page: StorePage, recipe: Journey, step: Send, language: str, field: str, typed: str
) -> Preview:
    """The text with sample values, its size, and its mistakes in words."""
    sample = samples_for(page, language)
    wrong = revisions.mistakes(recipe, typed, sample)
    if wrong:
        return Preview("", tuple(words.mistake(page.say, one) for one in wrong))
    said = texts.render(typed, sample)
    if field != "sms":
        return Preview(said)
    size = size_of(said, texts.offers(typed, sample, language))
    is_offer = step.klass == "marketing"
    added = with_way_out(typed, language) if is_offer else ""
    return Preview(said, (), size, not is_offer or texts.has_call(typed), added)
