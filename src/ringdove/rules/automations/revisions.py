"""What a store may change in a recipe: checked, trimmed to what differs, and compared.

Pure. A store's form of a recipe (rules/scenes.Automation) holds only what differs from the recipe,
so that a better ready text reaches everybody who did not write their own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ringdove.rules import languages, texts
from ringdove.rules.automations.journeys import Journey, Step
from ringdove.rules.automations.plans import Automation, plan_of
from ringdove.rules.automations.samples import known_in
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.wait import Wait
from ringdove.rules.texts.checks import is_known

PARTS_MAX = 10
Texts = Mapping[str, Mapping[str, Mapping[str, str]]]  # language → text → field → words


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a text: unknown (what: the value), broken (what: why), empty, long."""

    kind: str
    what: str = ""
    line: int = 0
    near: str = ""  # the value that was probably meant


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two versions do not share: is_on, step_on, delay, text."""

    kind: str
    step: str = ""  # its id
    language: str = ""
    field: str = ""
    before: Any = None
    after: Any = None


def fields_of(step: Step) -> tuple[str, ...]:
    """The words that a step has: a text message has one, a letter two."""
    if not isinstance(step, Send):
        return ()
    return ("subject", "body") if step.channel == "email" else ("sms",)


def ready(text: str, language: str) -> Mapping[str, str]:
    """The words that come with Ringdove."""
    found: Mapping[str, str] = languages.phrases(language)["recipes"][text]
    return found


def mistakes(recipe: Journey, template: str, samples: Mapping[str, object]) -> list[Mistake]:
    """Why this text cannot be used; empty when it can."""
    try:
        asked = texts.variables(template)
        known = known_in(recipe)
        unknown = sorted(path for path in asked if not is_known(path, known))
        if unknown:
            return [Mistake("unknown", path, near=texts.nearest(path, known)) for path in unknown]
        texts.render(template, {})  # with nothing known it must not break either
        said = texts.render(template, samples)
        parts = texts.measure(said).parts
    except texts.TemplateBroken as error:
        return [Mistake("broken", error.message, error.line)]
    except texts.TextTooLong:
        return [Mistake("long")]
    if not said:
        return [Mistake("empty")]
    return [Mistake("long")] if parts > PARTS_MAX else []


def own_texts(recipe: Journey, given: Texts) -> dict[str, dict[str, dict[str, str]]]:
    """Only the words that differ from the ready ones and say something."""
    own: dict[str, dict[str, dict[str, str]]] = {}
    for language, by_text in given.items():
        for text, by_field in by_text.items():
            for field, words in by_field.items():
                said = (
                    words.replace("\r\n", "\n").replace("\0", "").strip()
                )  # PostgreSQL keeps no NUL
                if said and said != ready(text, language)[field].strip():
                    own.setdefault(language, {}).setdefault(text, {})[field] = said
    return own


def own_steps(recipe: Journey, given: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Only what differs from the recipe's steps."""
    own: dict[str, dict[str, Any]] = {}
    for step in recipe.steps:
        told = given.get(step.id, {})
        kept: dict[str, Any] = {}
        if told.get("is_on", step.is_on) != step.is_on:
            kept["is_on"] = told["is_on"]
        if isinstance(step, Wait):
            delay_s = int(told.get("delay_s", step.seconds))
            if delay_s != step.seconds:
                kept["delay_s"] = delay_s
        if kept:
            own[step.id] = kept
    return own


def changed(recipe: Journey, own: Automation) -> tuple[Step, ...]:
    """The recipe's steps with the store's changes."""
    plan = plan_of(recipe.key, own)
    return plan.journey.steps if plan else recipe.steps


def is_delay_possible(recipe: Journey, step: Wait, delay_s: int) -> bool:
    """Whether anything would still be worth saying after such a wait (P4)."""
    return 60 <= delay_s < recipe.valid_for


def differences(recipe: Journey, before: Automation, after: Automation) -> list[Difference]:
    """What became another, in the order of the page."""
    found = []
    if before.is_on != after.is_on:
        found.append(Difference("is_on", before=before.is_on, after=after.is_on))
    for old, new in zip(changed(recipe, before), changed(recipe, after), strict=True):
        if old.is_on != new.is_on:
            found.append(Difference("step_on", old.id, before=old.is_on, after=new.is_on))
        if isinstance(old, Wait) and isinstance(new, Wait) and old.seconds != new.seconds:
            spans = (timedelta(seconds=one.seconds) for one in (old, new))
            found.append(Difference("delay", old.id, "", "", *spans))
        if isinstance(old, Send):
            found += _text_differences(old.id, old, before, after)
    return found


def _text_differences(
    step_id: str, step: Send, before: Automation, after: Automation
) -> Iterator[Difference]:
    for language in sorted({*before.texts, *after.texts}):
        for field in fields_of(step):
            old, new = (
                one.texts.get(language, {}).get(step.text, {}).get(field)
                or ready(step.text, language)[field].strip()
                for one in (before, after)
            )
            if old != new:
                yield Difference("text", step_id, language, field, old, new)
