"""A journey as the editor draws it: its steps as a column, branches as two ways in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from ringdove.records.automations.automation_numbers import Numbers, StepNumbers
from ringdove.rules.automations import hints
from ringdove.rules.automations.arranging import ROOT, SIDES, Raw
from ringdove.rules.automations.journeys import AnyStep, Journey, Step
from ringdove.web.automations import step_words
from ringdove.web.automations.automation_forms import Draft
from ringdove.web.automations.previews import Samples, Words, words_of
from ringdove.web.automations.step_words import KINDS, Named
from ringdove.web.segments import segment_view
from ringdove.web.segments.segment_editor import Drawing
from ringdove.web.segments.segment_names import Choices
from ringdove.web.segments.segment_view import NodeView
from ringdove.web.views import StorePage

_STEP: TypeAdapter[Step] = TypeAdapter(AnyStep)


@dataclass(frozen=True, slots=True)
class Way:
    """A list of steps: the whole column, or one side of a branch."""

    name: str  # root, b1.then
    steps: tuple["StepView", ...] = ()


@dataclass(frozen=True, slots=True)
class StepView:
    """One step with all that is shown of it."""

    id: str
    do: str
    icon: str
    tone: str
    title: str
    raw: Raw
    is_on: bool
    numbers: StepNumbers
    words: tuple[Words, ...] = ()
    ways: tuple[Way, ...] = ()
    tree: Drawing | None = None  # what a branch asks of a person
    tree_view: NodeView | None = None
    errors: Mapping[str, str] = field(default_factory=dict)  # by the name of the field
    is_open: bool = False
    hints: tuple[str, ...] = ()  # what is still to be chosen

    @property
    def parts(self) -> int:
        """Of its longest text."""
        return max((one.preview.parts for one in self.words), default=0)

    @property
    def said(self) -> str:
        """The first of its texts, as it arrives."""
        return next((one.preview.said for one in self.words if one.preview.said), "")


@dataclass(frozen=True, slots=True)
class Drawer:
    """What a column is drawn with."""

    page: StorePage
    draft: Draft
    journey: Journey | None
    samples: Samples
    named: Named
    choices: Choices
    numbers: Numbers

    def column(self) -> Way:
        """The whole of it."""
        return self._way(ROOT, self.draft.steps)

    def _way(self, name: str, steps: list[Raw]) -> Way:
        return Way(name, tuple(map(self._step, steps)))

    def _step(self, raw: Raw) -> StepView:
        step_id, do = str(raw["id"]), str(raw["do"])
        icon, tone, name, _hint = KINDS[do]
        say, draft = self.page.say, self.draft
        words: tuple[Words, ...] = ()
        if do in ("send", "ask") and self.journey:
            words = tuple(words_of(self.page, self.journey, raw, draft.texts, self.samples))
            icon = "mail" if do == "send" and raw.get("channel") == "email" else icon
        ways = tuple(
            self._way(f"{step_id}.{side}", raw.get(side, [])) for side in SIDES if do == "branch"
        )
        tree = None
        if do == "branch" and "person" in raw:
            tree = draft.tree(f"{step_id}-person", raw["person"], say)
        errors = {
            name: why
            for name, why in draft.errors.items()
            if name == step_id or name.startswith(f"{step_id}-")
        }
        meant = step_of(raw)
        return StepView(
            step_id, do, icon, tone,
            step_words.title(say, meant, self.named) if meant else say.gettext(name),
            raw, bool(raw.get("is_on", True)), self.numbers.of(step_id), words, ways, tree,
            segment_view.view(tree, say, self.choices) if tree else None, errors,
            bool(errors) or (step_id == draft.opened and draft.deed.startswith(("add", "twin"))),
            self._hints(step_id),
        )  # fmt: skip

    def _hints(self, step_id: str) -> tuple[str, ...]:
        if self.journey is None:
            return ()
        found = hints.hints(self.journey, self.draft.texts, self.page.store.languages)
        say = self.page.say
        return tuple(
            say.gettext(step_words.HINTS[one.what]) for one in found if one.step == step_id
        )


def step_of(raw: Raw) -> Step | None:
    """A step without what is in it; None: it is not right yet."""
    try:
        return _STEP.validate_python({**raw, "then": (), "otherwise": ()} if raw["do"] == "branch"
                                     else raw)  # fmt: skip
    except ValidationError:
        return None


def dearest(way: Way) -> int:
    """How many parts one person gets at most, whichever way they go."""
    return sum(
        step.parts + max(map(dearest, step.ways), default=0) for step in way.steps if step.is_on
    )
