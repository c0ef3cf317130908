"""What a store may make of a journey: checked, trimmed to what differs, and compared.

Pure. What is kept of a recipe (rules/automations/plans.Automation) holds only what differs from
it, so that a better ready text reaches everybody who did not write their own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any

from ringdove.rules import languages, texts
from ringdove.rules.automations.journeys import Journey, Step
from ringdove.rules.automations.plans import Automation, Plan, plan_of
from ringdove.rules.automations.recipes import RECIPES, words_of
from ringdove.rules.automations.samples import known_in
from ringdove.rules.steps.alert import Alert
from ringdove.rules.steps.branch import Branch
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.wait import Wait
from ringdove.rules.texts.checks import is_known

PARTS_MAX = 10
MINUTE_S = 60
Texts = Mapping[str, Mapping[str, Mapping[str, str]]]  # language → text → field → words


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a text: unknown (what: the value), broken (what: why), empty, long; with
    a wait: late."""

    kind: str
    what: str = ""
    line: int = 0
    near: str = ""  # the value that was probably meant


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake and where it is: a step's field, of a text with its language."""

    step: str
    field: str
    mistake: Mistake
    language: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two versions do not share: is_on; added, removed, moved (a step); changed (a
    field of a step); set (a field of the journey); text."""

    kind: str
    step: Step | None = None  # as it is now; of one that was removed, as it was
    language: str = ""
    field: str = ""
    before: Any = None
    after: Any = None


FIELDS = {"sms": ("sms",), "email": ("subject", "body"), "either": ("sms", "subject", "body")}


def fields_of(step: Step) -> tuple[str, ...]:
    """The words that a step has: a text message has one, a letter two."""
    return FIELDS[step.channel] if isinstance(step, Send) else ()


def ready(text: str, language: str) -> Mapping[str, str]:
    """The words that come with Ringdove; of a store's own text none."""
    return words_of(text, language)


# ------------------------------------------------------------------ is it right


def mistakes(
    journey: Journey, template: str, samples: Mapping[str, object], field: str = "sms"
) -> list[Mistake]:
    """Why this text cannot be used; empty when it can."""
    try:
        asked = texts.variables(template)
        known = known_in(journey)
        unknown = sorted(path for path in asked if not is_known(path, known))
        if unknown:
            return [Mistake("unknown", path, near=texts.nearest(path, known)) for path in unknown]
        texts.render(template, {})  # with nothing known it must not break either
        said = texts.render(template, samples)
        parts = texts.measure(said).parts if field == "sms" else 1
    except texts.TemplateBroken as error:
        return [Mistake("broken", error.message, error.line)]
    except texts.TextTooLong:
        return [Mistake("long")]
    if not said:
        return [Mistake("empty")]
    return [Mistake("long")] if parts > PARTS_MAX else []


def problems(
    journey: Journey, own: Texts, samples: Mapping[str, Mapping[str, object]]
) -> list[Problem]:
    """All that keeps it from being on: its waits, its alerts, its texts. `samples`: of every
    language in which the store speaks."""
    found = [Problem(one, "seconds", Mistake("late")) for one in late(journey)]
    for place in journey.course.values():
        if isinstance(place.step, Alert):  # in the words of the store, whoever it is about
            sample = next(iter(samples.values()), {})
            wrong = mistakes(journey, place.step.said, sample, "said")
            found += [Problem(place.step.id, "said", one) for one in wrong]
    for step in journey.sends():
        for language, sample in samples.items():
            mine, come = own.get(language, {}).get(step.text, {}), ready(step.text, language)
            for field in fields_of(step):
                said = mine.get(field) or come.get(field, "")
                wrong = mistakes(journey, said, sample, field)
                found += [Problem(step.id, field, one, language) for one in wrong]
    return found


def stray(journey: Journey, given: Texts) -> str:
    """Why words that are given are nobody's, with their place; "": each is some step's."""
    fields = {step.text: fields_of(step) for step in journey.sends()}
    for language, by_text in given.items():
        if language not in languages.languages_present():
            return f"texts.{language}: this language is not served."
        for text, words in by_text.items():
            if text not in fields:
                known = ", ".join(fields) or "none"
                return f"texts.{language}.{text}: no step says it; it has {known}."
            for name in words:
                if name not in FIELDS["either"]:
                    return f"texts.{language}.{text}.{name}: not a part of it."
    return ""


def is_delay_possible(journey: Journey, step: Wait, delay_s: int) -> bool:
    """Whether anything would still be worth saying after such a wait (P4)."""
    return MINUTE_S <= delay_s < journey.valid_for


def late(journey: Journey) -> list[str]:
    """Ids of waits that wait for nothing, or behind which it is too late to say anything (P4)."""
    return _late(journey.steps, journey.valid_for, 0)[0]


def _late(steps: Iterable[Step], most_s: int, since_s: int) -> tuple[list[str], int]:
    """`since_s`: how long after the beginning this is reached at the earliest; and behind it."""
    found: list[str] = []
    for step in steps:
        match step:
            case Wait(is_on=True) if _is_for_nothing(step):
                found.append(step.id)
            case Wait(is_on=True, until=()):
                since_s += step.seconds
                if since_s >= most_s:
                    found.append(step.id)
            case Branch(is_on=True):
                then, after = _late(step.then, most_s, since_s)
                otherwise, since_s = _late(step.otherwise, most_s, since_s)
                since_s = min(after, since_s)
                found += then + otherwise
    return found, since_s


def _is_for_nothing(step: Wait) -> bool:
    has_more = step.after_promise or step.at is not None or step.weekdays or step.until
    return step.seconds < MINUTE_S and not has_more


# ------------------------------------------------------------------ what is kept


def kept(key: str, journey: Journey, given: Texts, before: Automation) -> Automation:
    """What is written as the version after `before`: a plan and texts where they differ from the
    recipe. A text that no step says any more goes, and is in the older versions."""
    said = {step.text for step in journey.sends()}
    some = {
        language: {text: words for text, words in by_text.items() if text in said}
        for language, by_text in given.items()
    }
    plan = None if journey == RECIPES.get(key) else journey
    return replace(
        before, version=before.version + 1, steps={}, texts=own_texts(some), plan=plan
    )  # fmt: skip


def own_texts(given: Texts) -> dict[str, dict[str, dict[str, str]]]:
    """Only the words that differ from the ready ones and say something."""
    own: dict[str, dict[str, dict[str, str]]] = {}
    for language, by_text in given.items():
        for text, by_field in by_text.items():
            for field, words in by_field.items():
                # PostgreSQL keeps no NUL.
                said = words.replace("\r\n", "\n").replace("\0", "").strip()
                if said and said != ready(text, language).get(field, "").strip():
                    own.setdefault(language, {}).setdefault(text, {})[field] = said
    return own


def changed(recipe: Journey, own: Automation) -> tuple[Step, ...]:
    """The recipe's steps with the store's changes."""
    plan = plan_of(recipe.key, own)
    return plan.journey.steps if plan else recipe.steps


# ------------------------------------------------------------------ differences


def differences(before: Plan, after: Plan) -> list[Difference]:
    """What became another: the switch, the journey, then the steps and texts in reading order."""
    found = []
    if before.own.is_on != after.own.is_on:
        found.append(Difference("is_on", before=before.own.is_on, after=after.own.is_on))
    for name in Journey.model_fields:
        old, new = getattr(before.journey, name), getattr(after.journey, name)
        if name not in ("key", "steps", "starts_on") and old != new:
            found.append(Difference("set", field=name, before=old, after=new))
    old_course, new_course = before.journey.course, after.journey.course
    for step_id, place in old_course.items():
        if step_id not in new_course:
            found.append(Difference("removed", place.step))
    stayed = _stayed(before.journey, after.journey)
    for step_id, place in new_course.items():
        was = old_course[step_id].step if step_id in old_course else None
        if was is None or type(was) is not type(place.step):
            found.append(Difference("added", place.step))
        else:
            if step_id not in stayed:
                found.append(Difference("moved", place.step))
            found += _step_differences(was, place.step)
        if isinstance(place.step, Send):
            found += _text_differences(place.step, before.own, after.own, is_new=was is None)
    return found


def _stayed(before: Journey, after: Journey) -> set[str]:
    """Steps that stand where they stood: in the same list, among the same others."""
    old, new = dict(_lists(before.steps, "")), dict(_lists(after.steps, ""))
    stayed = set()
    for name in old.keys() & new.keys():
        both = {*old[name]} & {*new[name]}
        was, now = ([one for one in some if one in both] for some in (old[name], new[name]))
        for block in SequenceMatcher(None, was, now, autojunk=False).get_matching_blocks():
            stayed.update(was[block.a : block.a + block.size])
    return stayed


def _lists(steps: Sequence[Step], name: str) -> Iterator[tuple[str, list[str]]]:
    yield name, [step.id for step in steps]
    for step in steps:
        if isinstance(step, Branch):
            yield from _lists(step.then, f"{step.id}.then")
            yield from _lists(step.otherwise, f"{step.id}.otherwise")


def _step_differences(before: Step, after: Step) -> Iterator[Difference]:
    for name in type(after).model_fields:
        old, new = getattr(before, name), getattr(after, name)
        if name not in ("id", "text", "then", "otherwise") and old != new:
            yield Difference("changed", after, field=name, before=old, after=new)


def _text_differences(
    step: Send, before: Automation, after: Automation, *, is_new: bool
) -> Iterator[Difference]:
    for language in sorted({*before.texts, *after.texts}):
        for field in fields_of(step):
            old, new = (
                one.texts.get(language, {}).get(step.text, {}).get(field)
                or ready(step.text, language).get(field, "").strip()
                for one in (before, after)
            )
            if old != new:
                yield Difference("text", step, language, field, "" if is_new else old, new)
