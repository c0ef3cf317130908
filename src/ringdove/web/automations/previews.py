"""Texts of an automation as the page shows them: what was written, and how it will arrive.

Made with sample values; nobody gets anything. Size and parts are counted on what the phone shows,
not on the template.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringdove.rules import texts
from ringdove.rules.automations import revisions, samples
from ringdove.rules.automations.arranging import Raw
from ringdove.rules.automations.journeys import Journey
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

    id: str  # remind-ru-sms
    name: str  # of its field: remind-words-ru-sms
    language: str
    field: str
    typed: str
    ready: str
    is_own: bool
    preview: Preview


Samples = Mapping[str, Mapping[str, Any]]  # by language


def samples_of(page: StorePage) -> Samples:
    """What the values of a text might be, in every language of the store."""
    return {language: samples_for(page, language) for language in page.store.languages}


def samples_for(page: StorePage, language: str) -> dict[str, Any]:
    """The same in one language."""
    today = page.runtime.clock().astimezone(page.say.zone).date()
    return samples.values(page.store, language, today, page.runtime.settings.outside_url)


def words_of(
    page: StorePage, journey: Journey, step: Raw, typed: revisions.Texts, samples: Samples
) -> list[Words]:
    """A sending step's texts in every language of the store, ready ones where none was typed."""
    found, text = [], str(step["text"])
    for language, sample in samples.items():
        for field in revisions.FIELDS.get(step.get("channel", "sms"), ("sms",)):
            ready = revisions.ready(text, language).get(field, "").strip()
            said = typed.get(language, {}).get(text, {}).get(field, "") or ready
            is_offer = step.get("klass") == "marketing"
            look = preview_of(page, journey, language, field, said, sample, is_offer=is_offer)
            place = f"{step['id']}-{language}-{field}"
            name = f"{step['id']}-words-{language}-{field}"
            found.append(Words(place, name, language, field, said, ready, said != ready, look))
    return found


def preview_of(
    page: StorePage, journey: Journey, language: str, field: str, typed: str,
    sample: Mapping[str, Any], *, is_offer: bool,
) -> Preview:  # fmt: skip
    """The text with sample values, its size, and its mistakes in words."""
    if not typed:
        return Preview("")
    wrong = revisions.mistakes(journey, typed, sample, field)
    if wrong:
        return Preview("", tuple(words.mistake(page.say, one) for one in wrong))
    said = texts.render(typed, sample)
    added = with_way_out(typed, language) if is_offer and field != "subject" else ""
    if field != "sms":
        return Preview(said, with_way_out=added)
    size = size_of(said, texts.offers(typed, sample, language))
    return Preview(said, (), size, not is_offer or texts.has_call(typed), added)
