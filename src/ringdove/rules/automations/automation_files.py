"""An automation as a file, to be read, kept and carried to another store: one JSON document.

Numbers are a store's own, so segments and offers stand in it by their names; the segments that its
conditions ask for come with it. Who does a task is left to the store that takes it. Words are in it
where they differ from the ready ones, which every Ringdove has. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_jsonable_python

from ringdove.rules.automations import arranging, revisions
from ringdove.rules.automations.journeys import JOURNEY, Journey
from ringdove.rules.automations.plans import Plan
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.segments import segment_files
from ringdove.rules.segments import segments as trees
from ringdove.rules.segments.segments import Node
from ringdove.rules.steps.alert import Alert
from ringdove.rules.steps.ask import Ask
from ringdove.rules.steps.branch import Branch
from ringdove.rules.steps.give import Give
from ringdove.rules.steps.leave import Leave
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.wait import Wait

FORMAT: Final = "ringdove/automation/1"
STEP_KINDS: Final = frozenset(
    kind.model_fields["do"].default for kind in (Send, Wait, Branch, Give, Ask, Alert, Leave)
)
KIND_NAMES: Final = ("do", "on", "leaf")
CONDITIONS: Final = ("when", "who", "person")
Raw = dict[str, Any]
Words = dict[str, dict[str, dict[str, str]]]  # language → text → field → words


class FileWrong(ValueError):
    """The document cannot be taken; says where, why and what to do."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a file holds. `segments`: names and trees that the store has not, in the order in which
    they can be made; the journey is read when they have numbers."""

    key: str
    title: str
    segments: list[tuple[str, Raw]]
    texts: Words
    _journey: Raw

    @property
    def is_ready(self) -> bool:
        """Whether it is a store's form of a recipe that comes with Ringdove."""
        return self.key in RECIPES

    def journey(self, key: str, numbers: Mapping[str, int]) -> Journey:
        """The journey under this key, with the store's numbers of segments. Raises FileWrong."""
        raw = {**self._journey, "key": key}
        for leaf in _naming_segments(raw):
            if leaf["segment"] not in numbers:
                raise FileWrong(_nowhere(leaf["segment"]))
            leaf["segment"] = numbers[leaf["segment"]]
        return _read(raw)


# ------------------------------------------------------------------ out


def to_file(
    plan: Plan, title: str, segments: Mapping[int, tuple[str, Node]], offers: Mapping[int, str]
) -> Raw:
    """The document. `segments`: names and trees of the store, `offers` names. Raises NoSegment for
    a condition that names none of the store's."""
    raw: Raw = _plain(plan.journey)
    needed: dict[str, Raw] = {}
    for leaf in _naming_segments(raw):
        for one in segment_files.to_file(leaf["segment"], segments)["segments"]:
            needed[one["name"]] = one
        leaf["segment"] = segments[leaf["segment"]][0]
    for _list, _number, step in arranging.walk(raw["steps"]):
        if step.get("offer"):
            step["offer"] = offers.get(step["offer"], step["offer"])
        step.pop("owner", None)
    raw.pop("key")
    document: Raw = {"format": FORMAT, "key": plan.journey.key, "title": title}
    document["journey"] = raw
    document["texts"] = {
        language: {text: dict(words) for text, words in by_text.items()}
        for language, by_text in plan.own.texts.items()
    }
    if needed:
        document["segments"] = list(needed.values())
    return document


# ------------------------------------------------------------------ in


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: str
    key: str = Field(pattern=r"^[a-z0-9_]{1,60}$")
    title: str = Field("", max_length=200)
    journey: dict[str, Any]
    texts: Words = Field(default_factory=dict)
    segments: list[dict[str, Any]] = Field(
        default_factory=list, max_length=segment_files.SEGMENTS_MAX
    )


def from_file(document: Any, segments: Mapping[str, int], offers: Mapping[str, int]) -> Taken:
    """What the file holds. `segments` and `offers`: numbers of the store's own by name; a segment
    of the store counts before one of the file. Raises FileWrong."""
    try:
        return _taken(document, segments, offers)
    except RecursionError:
        raise FileWrong("journey: it is nested too deep.") from None


def _taken(document: Any, segments: Mapping[str, int], offers: Mapping[str, int]) -> Taken:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise FileWrong(f'This is no file of an automation: it must say "format": "{FORMAT}".')
    try:
        told = _Document.model_validate(document)
    except ValidationError as error:
        raise FileWrong(_said(error)) from None
    raw = told.journey
    if not isinstance(raw.get("steps"), list):
        raise FileWrong("journey.steps: a list of steps, please.")
    for at, step in _steps(raw["steps"]):
        if named := step.get("offer"):
            # A number is another store's: here it might be some other offer.
            if not isinstance(named, str) or named not in offers:
                raise FileWrong(
                    f"journey.{at}.offer: the store has no offer {named!r}: make it first and say"
                    " its name, or take the step out."
                )
            step["offer"] = offers[named]
    taken = Taken(told.key, told.title, _segments(told.segments, segments), told.texts, raw)
    # Read once with any numbers, so that what is wrong is said before anything is made.
    known = {*segments, *(name for name, _ in taken.segments)}
    for leaf in _naming_segments(raw):
        if not isinstance(leaf["segment"], str) or leaf["segment"] not in known:
            raise FileWrong(_nowhere(leaf["segment"]))
    journey = _read(_with_any_number({**raw, "key": told.key}))
    if stray := revisions.stray(journey, told.texts):
        raise FileWrong(stray)
    return taken


def _nowhere(name: object) -> str:
    return (
        f"It asks for a segment {name!r}, which is neither in the file nor in the store: add it or"
        " make it first."
    )


def _segments(told: list[Raw], known: Mapping[str, int]) -> list[tuple[str, Raw]]:
    if not told:
        return []
    document = {"format": segment_files.FORMAT, "segments": told}
    try:
        found = segment_files.from_file(document, known)
    except segment_files.FileWrong as error:
        raise FileWrong(str(error)) from None
    return [(name, tree) for name, tree in found if name not in known]


def _read(raw: Raw) -> Journey:
    try:
        return JOURNEY.validate_python(raw)
    except ValidationError as error:
        raise FileWrong(f"journey.{_said(error)}") from None


def _said(error: ValidationError) -> str:
    one = error.errors()[0]
    at, why = path_of(one["loc"]), str(one["msg"]).removeprefix("Value error, ")
    if one["type"] == "union_tag_invalid":
        about = one["ctx"]
        why = f"there is no “{about['tag']}”: use one of {about['expected_tags']}"
    return f"{at}: {why}" if at else why


def path_of(place: Sequence[int | str]) -> str:
    """Where in a journey an error of pydantic is: steps.2.then.0.seconds. It also says the kind of
    each step, trigger and condition, which is left out here."""
    path: list[int | str] = []
    before: int | str = ""
    for n, step in enumerate(place):
        if before in CONDITIONS:
            path.append(trees.path_of(place[n:]))
            break
        is_kind = (isinstance(before, int) and step in STEP_KINDS) or before == "trigger"
        before = "" if is_kind else step
        path += [] if is_kind else [step]
    return ".".join(str(step) for step in path if step != "")


# ------------------------------------------------------------------ looking through


def _steps(steps: list[Any], at: str = "steps") -> Iterator[tuple[str, Raw]]:
    for number, step in enumerate(steps):
        if not isinstance(step, dict):
            raise FileWrong(f"journey.{at}.{number}: a step, please.")
        yield f"{at}.{number}", step
        for side in arranging.SIDES:
            if isinstance(below := step.get(side), list):
                yield from _steps(below, f"{at}.{number}.{side}")


def _naming_segments(raw: Any) -> Iterator[Raw]:
    waiting = [raw]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if node.get("leaf") == "segment" and "segment" in node:
                yield node
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def _plain(value: Any) -> Any:
    """As JSON, without what is as it is by default; which kind something is, always."""
    if isinstance(value, BaseModel):
        told = {}
        for name, about in type(value).model_fields.items():
            own = getattr(value, name)
            if name in KIND_NAMES or own != about.get_default(call_default_factory=True):
                told[name] = _plain(own)
        return told
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return to_jsonable_python(value)


def _with_any_number(raw: Any) -> Any:
    if isinstance(raw, dict):
        told = {name: _with_any_number(value) for name, value in raw.items()}
        return told | {"segment": 1} if told.get("leaf") == "segment" else told
    return [_with_any_number(one) for one in raw] if isinstance(raw, list) else raw
