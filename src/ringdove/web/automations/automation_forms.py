"""The editor's form: a journey as it is typed, kept though it is not right yet.

The form holds the whole journey as data (`plan`), the fields of its steps over it, and the press of
a button (`deed`: add, move, remove …). Nothing typed is lost: what cannot be understood is shown
again as it came, with what is wrong beside it. A field's name begins with its step's id.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ringdove.rules.automations import arranging, revisions
from ringdove.rules.automations.arranging import NoPlace, Raw
from ringdove.rules.automations.journeys import (
    DEPTH_MAX,
    JOURNEY,
    STEPS_MAX,
    AnyStep,
    Journey,
    Step,
    plain,
)
from ringdove.rules.automations.plans import Plan
from ringdove.web.automations import automation_fields
from ringdove.web.automations.automation_reading import Reading
from ringdove.web.automations.step_words import KINDS
from ringdove.web.forms import WRONG, WRONG_SOMEHOW
from ringdove.web.menu import N_
from ringdove.web.segments import segment_editor
from ringdove.web.segments.segment_editor import Drawing
from ringdove.web.speech import Speech

BYTES_MAX = 3_000_000  # letters in five languages; a Cyrillic one is six octets in a form
FIELDS_MAX = 4_000
_STEP: TypeAdapter[Step] = TypeAdapter(AnyStep)
_ID = re.compile(r"[a-z0-9_]{1,30}")
_WRONG: Mapping[str, str] = {
    "too_short": N_("Add at least one step."),
    "greater_than_equal": N_("This is too little."),
    "less_than_equal": N_("This is too much."),
    "string_too_short": N_("Please fill this in."),
}

Typed = dict[str, dict[str, dict[str, str]]]  # language → text → field → words


@dataclass(slots=True)
class Draft:
    """A journey on its way. `raw`: as data; `journey`: what it means, once it is right; `texts`:
    all words as typed; `typed` and `errors` by the name of a field ("": the whole of it)."""

    raw: Raw
    texts: Typed
    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    journey: Journey | None = None
    version: int = 0
    deed: str = ""
    opened: str = ""  # the step that a deed was about
    is_dirty: bool = False

    @property
    def json(self) -> str:
        """The value of the field `plan`."""
        return json.dumps(self.raw, ensure_ascii=False)

    @property
    def steps(self) -> list[Raw]:
        steps: list[Raw] = self.raw["steps"]
        return steps

    def tree(self, name: str, told: Any, say: Speech) -> Drawing:
        """A condition for its editor: as it was typed, or as it stands."""
        if name in self.typed:
            return segment_editor.read(self.typed[name], say)
        return segment_editor.read(json.dumps(told) if told else "", say)


def draft_of(plan: Plan) -> Draft:
    """An automation as it stands."""
    texts: Typed = {
        language: {text: dict(words) for text, words in by_text.items()}
        for language, by_text in plan.own.texts.items()
    }
    raw: Raw = plain(plan.journey)
    for _list, _number, step in arranging.walk(raw["steps"]):
        for one in automation_fields.ASKS if step["do"] == "branch" else ():
            if step.get(one) == []:
                del step[one]  # what it asks is what it names
    return Draft(raw, texts, journey=plan.journey, version=plan.own.version)


async def read_form(request: Request) -> FormData:
    """The form, or 413."""
    if int(request.headers.get("content-length") or BYTES_MAX + 1) > BYTES_MAX:
        raise HTTPException(413)
    return await request.form(max_files=0, max_fields=FIELDS_MAX)


def read(given: FormData, base: Plan, languages: tuple[str, ...], say: Speech) -> Draft:
    """What was typed over `base`, after the deed of the button; raises 422 for what no page of
    ours sends."""
    draft = draft_of(base)
    draft.raw = {**_plan(given, draft.raw), "key": base.journey.key}
    version = str(given.get("version", ""))
    draft.version = int(version) if version.isascii() and version.isdigit() else -1
    reading = Reading(given, draft.typed, draft.errors, say)
    automation_fields.read_journey(reading, draft.raw)
    for _list, _number, step in arranging.walk(draft.steps):
        automation_fields.read_step(reading, step)
    _read_words(given, draft, languages)
    draft.deed = str(given.get("deed", ""))[:120]
    if draft.deed not in ("", "save"):
        _do(draft, languages, say)
    _understand(draft, say)
    draft.is_dirty = True
    if draft.deed not in ("", "save"):
        # A step that is new has nothing in it yet: that is said on saving.
        draft.errors = {k: why for k, why in draft.errors.items() if k == "" or k in draft.typed}
    return draft


# ------------------------------------------------------------------ what came


def _plan(given: FormData, before: Raw) -> Raw:
    try:
        told = json.loads(str(given["plan"])) if "plan" in given else before
    except (ValueError, RecursionError):
        told = None
    if not (isinstance(told, dict) and _is_shaped(told.get("steps"))):
        raise HTTPException(422)
    told.setdefault("trigger", before["trigger"])
    return told


def _is_shaped(steps: Any) -> bool:
    """Whether these are steps within steps, not too many; what is in them is looked at later."""
    waiting, seen = [(steps, 0)], 0
    while waiting:
        some, depth = waiting.pop()
        if not isinstance(some, list) or depth > DEPTH_MAX + 1:
            return False
        for step in some:
            seen += 1
            is_step = isinstance(step, dict) and step.get("do") in KINDS
            if not is_step or not _ID.fullmatch(str(step.get("id"))) or seen > STEPS_MAX + 10:
                return False
            if step["do"] == "branch":
                waiting += [(step.setdefault(side, []), depth + 1) for side in arranging.SIDES]
    return True


def _read_words(given: FormData, draft: Draft, languages: tuple[str, ...]) -> None:
    for step in sends(draft.steps):
        for language in languages:
            for name in revisions.FIELDS["either"]:
                typed = given.get(f"{step['id']}-words-{language}-{name}")
                if typed is not None:
                    words = draft.texts.setdefault(language, {}).setdefault(step["text"], {})
                    words[name] = str(typed).replace("\x00", "").replace("\r\n", "\n").strip()


def sends(steps: list[Raw]) -> Iterator[Raw]:
    """The steps that say something."""
    return (step for _l, _n, step in arranging.walk(steps) if step["do"] in ("send", "ask"))


# ------------------------------------------------------------------ the deeds of buttons


def _do(draft: Draft, languages: tuple[str, ...], say: Speech) -> None:
    what, _, rest = draft.deed.partition(".")
    steps = draft.steps
    try:
        match what:
            case "add":
                kind, _, place = rest.partition(".")
                if kind in KINDS:
                    draft.opened = arranging.new_id(steps, kind)
                    steps = arranging.added(steps, place, _fresh(kind, draft.opened))
            case "move":
                draft.opened, _, place = rest.partition(".")
                steps = arranging.moved(steps, draft.opened, place)
            case "up" | "down":
                draft.opened = rest
                steps = arranging.shifted(steps, rest, up=what == "up")
            case "remove":
                steps = arranging.removed(steps, rest)
            case "twin":
                steps, named = arranging.doubled(steps, rest)
                draft.opened = named[rest]
                _say_anew(steps, draft.texts, set(named.values()), languages)
    except NoPlace:
        return  # of a page that is older than the steps
    depth = max((name.count(".") for name, _n, _s in _nested(steps)), default=0)
    if len(arranging.ids(steps)) > STEPS_MAX:
        draft.errors[""] = say.gettext("%(most)s steps are the most.", most=STEPS_MAX)
    elif depth > DEPTH_MAX:
        draft.errors[""] = say.gettext(
            "Ways lie too deep in each other: %(most)s are the most.", most=DEPTH_MAX
        )
    else:
        draft.raw["steps"] = steps


def _nested(steps: list[Raw], name: str = "") -> Iterator[tuple[str, int, Raw]]:
    for number, step in enumerate(steps):
        yield name, number, step
        for side in arranging.SIDES if step["do"] == "branch" else ():
            yield from _nested(step[side], f"{name}.{side}")


def _fresh(kind: str, step_id: str) -> Raw:
    """A new step, right or with something to be filled in."""
    started: dict[str, Raw] = {
        "wait": {"seconds": 86_400},
        "send": {"text": f"own_{step_id}"},
        "ask": {"text": f"own_{step_id}"},
        "branch": {"person": {"leaf": "all", "of": []}, "then": [], "otherwise": []},
        "give": {"points": 10},
        "alert": {"said": ""},
    }
    return {"id": step_id, "do": kind, **started.get(kind, {})}


def _say_anew(steps: list[Raw], texts: Typed, some: set[str], languages: tuple[str, ...]) -> None:
    """A twin says words of its own, which begin as those of the first."""
    for step in sends(steps):
        if step["id"] not in some:
            continue
        old, step["text"] = step["text"], f"own_{step['id']}"
        for language in languages:
            by_text = texts.setdefault(language, {})
            words = {**revisions.ready(old, language), **by_text.get(old, {})}
            by_text[step["text"]] = {
                name: words[name] for name in revisions.FIELDS["either"] if name in words
            }


# ------------------------------------------------------------------ what it means


def _understand(draft: Draft, say: Speech) -> None:
    """The journey, or what is wrong with it beside the fields."""
    try:
        # By JSON, as it is kept: lists are tuples there and dates are words.
        draft.journey = JOURNEY.validate_json(json.dumps(draft.raw))
    except ValidationError as error:
        for one in error.errors():
            name = _field_of(draft.raw, [*one["loc"]])
            text = _WRONG.get(one["type"]) or WRONG.get(one["type"], WRONG_SOMEHOW)
            draft.errors.setdefault(name, say.gettext(text))
        draft.journey = None
    if draft.errors:
        draft.journey = None


def _field_of(raw: Any, loc: list[Any]) -> str:
    """The name of the field that an error of pydantic is about: steps, 2, wait, seconds is
    s0-seconds; the kinds that it names between are left out."""
    step: Raw | None = None
    names: list[str] = []
    while loc:
        one = loc.pop(0)
        if one in ("steps", *arranging.SIDES) and loc and isinstance(loc[0], int):
            within = (step or raw)[one]
            step = within[loc[0]] if loc[0] < len(within) else None
            names, loc = [], loc[2:]
        elif isinstance(one, str):
            names.append(one)
    if step is not None:
        return "-".join((str(step["id"]), *names[:1]))
    if names[:1] == ["trigger"]:
        return "-".join(("trigger", *names[2:3]))
    return names[0] if names else ""


def journey_with(draft: Draft) -> Journey | None:
    """The journey as far as it can be understood: its right steps one behind the other. For a
    preview beside what is not right yet."""
    if draft.journey:
        return draft.journey
    right = [one for _l, _n, step in arranging.walk(draft.steps) if (one := _alone(step))]
    some = right[:40] or [{"id": "none", "do": "leave"}]
    try:
        return JOURNEY.validate_json(json.dumps(draft.raw | {"steps": some}))
    except ValidationError:
        return None


def _alone(step: Raw) -> Raw | None:
    """A step by itself; None: it is not right, or holds others."""
    if step["do"] == "branch":
        return None
    try:
        _STEP.validate_python(step)
    except ValidationError:
        return None
    return step
