"""Texts of a recipe as the page shows them: what was written, and how it will arrive.

Made with sample values; nobody gets anything. Size and parts are counted on what the phone shows,
not on the template.
"""

from dataclasses import dataclass

from ringdove.rules import revisions, samples, texts
from ringdove.rules.recipes import Recipe
from ringdove.rules.scenes import Automation
from ringdove.rules.steps.send import Send
from ringdove.web import recipe_words as words
from ringdove.web.views import StorePage


@dataclass(frozen=True, slots=True)
class Preview:
    """A text as it will arrive, or what keeps it from arriving."""

    said: str
    wrong: tuple[str, ...] = ()
    encoding: str = ""
    units: int = 0
    room: int = 0
    parts: int = 0
    cheaper: texts.Swap | None = None


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


def samples_for(page: StorePage, language: str) -> dict[str, dict[str, str]]:
    """What the values of a text might be, in its language."""
    today = page.runtime.clock().astimezone(page.say.zone).date()
    return samples.values(page.store, language, today)


def words_of(page: StorePage, recipe: Recipe, number: int, own: Automation) -> list[Words]:
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
            look = preview_of(page, recipe, language, field, typed)
            place = f"{number}-{language}-{field}"
            found.append(Words(place, language, field, typed, ready, typed != ready, look))
    return found


def preview_of(page: StorePage, recipe: Recipe, language: str, field: str, typed: str) -> Preview:
    """The text with sample values, its size, and its mistakes in words."""
    sample = samples_for(page, language)
    wrong = revisions.mistakes(recipe, typed, sample)
    if wrong:
        return Preview("", tuple(words.mistake(page.say, one) for one in wrong))
    said = texts.render(typed, sample)
    if field != "sms":
        return Preview(said)
    size = texts.measure(said)
    room = (texts.SINGLE_UNITS_MAX if size.parts == 1 else texts.PART_UNITS_MAX)[size.encoding]
    swaps = texts.swaps(said)
    return Preview(
        said, (), size.encoding, size.units, room * size.parts, size.parts,
        swaps[0] if swaps else None,
    )  # fmt: skip
