"""A journey: what begins an automation, whom and what it is about, and its steps.

One document for ready recipes (recipes.py), for what a store makes of them or writes itself (table
automation), for pages, API and files. Data that pydantic checks; the engine (automations.py) walks
it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import time, timedelta
from functools import cached_property
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, TypeAdapter, model_validator

from ringdove.rules.automations import hearing
from ringdove.rules.segments import segments
from ringdove.rules.steps.alert import Alert
from ringdove.rules.steps.ask import Ask
from ringdove.rules.steps.branch import ANYWHERE, Branch, Where
from ringdove.rules.steps.give import Give
from ringdove.rules.steps.leave import Leave
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.step import Kind, Kinds, Said, Seconds
from ringdove.rules.steps.wait import Wait

STEPS_MAX = 60
DEPTH_MAX = 5  # of branches within branches

AnyStep = Annotated[
    Send | Wait | Branch | Give | Ask | Alert | Leave, Field(discriminator="do")
]  # fmt: skip
Step = Send | Wait | Branch | Give | Ask | Alert | Leave
TenInTheMorning = time(10)
Days = Annotated[int, Field(ge=-366, le=3_660)]


# ------------------------------------------------------------------ what begins it


class Heard(Said):
    """A fact happens."""

    on: Literal["fact"] = "fact"
    kind: Kind
    where: Where = ANYWHERE


class DateComes(Said):
    """A date of the person comes: so many days after it (below 0: before), at this time of the
    store's day. Birthdays and dates of own fields come every year."""

    on: Literal["date"] = "date"
    what: Literal["birthday", "children", "field", "first_order", "last_order"] = "birthday"
    field: Annotated[str, Field(max_length=40)] = ""
    days: Days = 0
    at: time = TenInTheMorning


class Enters(Said):
    """A person comes to be among those meant, who was not before. Who is among them when the
    automation is switched on, begins only with `also_now`."""

    on: Literal["segment"] = "segment"
    who: segments.Node
    also_now: bool = False


class ClockStrikes(Said):
    """A time comes, for all who are meant."""

    on: Literal["clock"] = "clock"
    every: Literal["day", "week", "month"] = "week"
    weekday: Annotated[int, Field(ge=0, le=6)] = 0
    day: Annotated[int, Field(ge=1, le=28)] = 1
    at: time = TenInTheMorning
    who: segments.Node = segments.EVERYBODY


class PurchaseDue(Said):
    """A person is expected to buy again of a category, by their own rhythm (N4)."""

    on: Literal["due"] = "due"
    categories: segments.Words = Field((), description="None: each that they buy of.")
    days: Days = Field(0, description="So many days after the expected day; below 0: before.")
    at: time = TenInTheMorning


class WishGranted(Said):
    """Goods that a person asked for are there again, or cost less than when they asked (R62): no
    more people than there are pieces, the first who asked first."""

    on: Literal["wish"] = "wish"
    wish: Literal["stock", "price"] = "stock"


class GoodsNew(Said):
    """Goods are new in a category that the person buys of or looks at (R38); at most once in
    `every_days` for each person."""

    on: Literal["new_goods"] = "new_goods"
    every_days: Annotated[int, Field(ge=1, le=366)] = 14
    at: time = TenInTheMorning


Trigger = Annotated[
    Heard | DateComes | Enters | ClockStrikes | PurchaseDue | WishGranted | GoodsNew,
    Field(discriminator="on"),
]


# ------------------------------------------------------------------ the journey


class Place(NamedTuple):
    """A step, what follows it ("": the end), and how deep it stands in branches."""

    step: Step
    after: str
    depth: int


class Journey(Said):
    """All of an automation but its switch and its texts."""

    key: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,60}$")]
    name: Annotated[str, Field(max_length=120)] = Field("", description="Of a store's own one.")
    trigger: Trigger
    topic: Annotated[str, Field(min_length=1, max_length=80)]
    category: Annotated[str, Field(max_length=200)] = Field("", description="Its gap is kept.")
    about: Annotated[str, Field(pattern=r"^([a-z0-9_/]|\{[a-z_]+\})*$", max_length=120)] = Field(
        "",
        description="What one run is about, below the order, cart or person that the fact is"
        " about; {…} are fields of the fact. Empty: the journey's key.",
    )
    when: segments.Node | None = Field(None, description="Who begins; None: everybody.")
    steps: Annotated[tuple[AnyStep, ...], Field(min_length=1, max_length=40)]
    stopped_by: Kinds = Field((), description="Facts about the same order, cart or person.")
    stopped_by_any: Kinds = Field((), description="Facts about any order of the person.")
    again_after: Seconds | None = Field(
        None, description="The same subject may begin again so long after; None: never."
    )
    restarts: bool = Field(
        False,
        description="Begun again while it waits, it starts anew: a cart that changes. What was said"
        " is not said again.",
    )
    priority: Annotated[int, Field(ge=0, le=9)] = Field(
        5, description="Of two offers for one person at one time the higher one goes."
    )
    valid_for: Seconds = Field(
        30 * 86_400, description="After it began; later nobody wants to hear it (P4)."
    )
    holdout_percent: Annotated[int, Field(ge=0, le=50)] = Field(
        0, description="Left alone by chance, to see what it earned (N3)."
    )
    starts_on: bool = Field(False, description="As it comes.")

    @model_validator(mode="after")
    def _is_walkable(self) -> "Journey":
        course = self.course  # raises ValueError for an id that stands twice
        if len(course) > STEPS_MAX:
            raise ValueError(f"{STEPS_MAX} steps at most")
        if any(place.depth > DEPTH_MAX for place in course.values()):
            raise ValueError(f"branches within branches, {DEPTH_MAX} deep at most")
        if wrong := hearing.mistake((*_begun_by(self.trigger), *self.noticed)):
            raise ValueError(wrong)
        return self

    @cached_property
    def course(self) -> Mapping[str, Place]:
        """Every step by its id, in reading order, with what follows it."""
        found: dict[str, Place] = {}
        for step, after, depth in _walk(self.steps, "", 0):
            if step.id in found:
                raise ValueError(f"two steps have the id {step.id}: give each its own")
            found[step.id] = Place(step, after, depth)
        return found

    @property
    def first(self) -> str:
        """The id of the step that a run begins with."""
        return self.steps[0].id

    @cached_property
    def noticed(self) -> frozenset[str]:
        """Kinds of facts that its waiting runs want to hear of."""
        kinds = {*self.stopped_by, *self.stopped_by_any}
        for place in self.course.values():
            match place.step:
                case Wait(until=some):
                    kinds.update(some)
                case Branch(heard=some):
                    kinds.update(some)
                case Ask(survey=survey):
                    kinds.add("survey.answered" if survey else "text.received")
        return frozenset(kinds)

    @cached_property
    def is_offer(self) -> bool:
        """Whether it says something commercial: a person is in it once at a time."""
        return any(step.klass == "marketing" for step in self.sends())

    @property
    def span(self) -> timedelta:
        """How long after it began something may still be said."""
        return timedelta(seconds=self.valid_for)

    def with_steps(self, steps: Sequence[Step]) -> "Journey":
        """The same with other steps, made anew so that its course is theirs. Raises
        ValidationError."""
        told = {name: getattr(self, name) for name in type(self).model_fields}
        return Journey(**{**told, "steps": tuple(steps)})

    def sends(self) -> Iterator[Send]:
        """All steps that say something, questions too, in reading order."""
        return (place.step for place in self.course.values() if isinstance(place.step, Send))


def _begun_by(trigger: Trigger) -> tuple[str, ...]:
    if not isinstance(trigger, Heard):
        return ()
    return (trigger.kind, *(f"{trigger.kind}/{state}" for state in trigger.where.states))


def _walk(steps: Sequence[Step], end: str, depth: int) -> Iterator[Place]:
    followers = [*(one.id for one in steps[1:]), end]
    for step, after in zip(steps, followers, strict=False):  # of no steps: only the end
        yield Place(step, after, depth)
        if isinstance(step, Branch):
            yield from _walk(step.then, after, depth + 1)
            yield from _walk(step.otherwise, after, depth + 1)


Branch.model_rebuild(_types_namespace={"AnyStep": AnyStep})
Journey.model_rebuild()
JOURNEY: TypeAdapter[Journey] = TypeAdapter(Journey)


def plain(journey: Journey) -> dict[str, object]:
    """A journey as JSON."""
    told: dict[str, object] = JOURNEY.dump_python(journey, mode="json", exclude_none=True)
    return told
