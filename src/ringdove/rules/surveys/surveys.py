"""A survey: a question with a scale, and what follows from its answers (R80, R81, R83, R88).

One document for pages, API and automations. READY ones come with Ringdove; what a store changed of
them, or made itself, lies in table survey. Ready words lie in locales/<language>/phrases.toml under
[surveys]. Everything that is shown or texted is plain words, no Liquid: a question goes through a
text as {{ survey.question }}, a form as its heading.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ringdove.rules import languages
from ringdove.rules.replies import Scale
from ringdove.rules.scenes import SurveyAnswer
from ringdove.rules.segments.segments import storable

DAY: Final = 86_400
FURTHER_MAX = 8
REASONS_MAX = 8
STEPS_MAX = 10  # between the ends of a scale
# An answer that comes after `within` is late, and kept for so long; then a number alone is taken
# for something else.
LATE_FOR: Final = timedelta(days=30)

Key = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
Label = Annotated[str, Field(min_length=1, max_length=80)]
Names = Annotated[dict[Language, Label], Field(max_length=20)]


class Said(BaseModel):
    """Base: unknown fields are refused, so that typos are seen."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    _clean = field_validator("*", mode="after")(storable)


class Words(Said):
    """What a survey says in one language; what is empty is said in the ready words."""

    question: Annotated[str, Field(max_length=200)] = Field(
        "", description="One sentence; {low} and {high} are the ends of the scale."
    )
    low: Annotated[str, Field(max_length=40)] = Field("", description="What the lowest score says.")
    high: Annotated[str, Field(max_length=40)] = Field("", description="What the highest one says.")
    why: Annotated[str, Field(max_length=200)] = Field(
        "", description="Asked of who gave a low score."
    )
    thanks: Annotated[str, Field(max_length=200)] = Field("", description="Said after an answer.")


class Reason(Said):
    """What a score is about. `names` of a ready one may be empty."""

    key: Key
    names: Names = Field(default_factory=dict)


class Choice(Said):
    """One of the answers to choose from."""

    key: Key
    names: Names


class Further(Said):
    """One more question, on the form only."""

    id: Key
    kind: Literal["scale", "choice", "text"]
    names: Names = Field(description="The question by language.")
    low: Annotated[int, Field(ge=0, le=1)] = 1
    high: Annotated[int, Field(ge=2, le=10)] = 5
    choices: Annotated[tuple[Choice, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _can_be_answered(self) -> "Further":
        if not self.names:
            raise ValueError(f"say the question {self.id} in at least one language")
        if self.kind == "choice" and len(self.choices) < 2:
            raise ValueError(f"give the question {self.id} two answers to choose from")
        return self


class Survey(Said):
    """All that a store decides of a survey."""

    key: Key
    name: Annotated[str, Field(max_length=120)] = Field("", description="Of a store's own one.")
    about: Literal["order", "product", "shop"] = "order"
    low: Annotated[int, Field(ge=0, le=1)] = Field(1, description="The lowest score.")
    high: Annotated[int, Field(ge=2, le=10)] = Field(6, description="The highest, which is best.")
    low_until: int = Field(3, description="Up to this a score is low: it raises an alert.")
    good_from: int = Field(5, description="From this on it is good.")
    measure: Literal["csat", "nps"] = Field(
        "csat", description="csat: the share of good ones; nps: that, less the share of low ones."
    )
    words: Annotated[dict[Language, Words], Field(max_length=20)] = Field(
        default_factory=dict, description="By language, over the ready words."
    )
    reasons: Annotated[tuple[Reason, ...], Field(max_length=REASONS_MAX)] = ()
    further: Annotated[tuple[Further, ...], Field(max_length=FURTHER_MAX)] = ()
    within: Annotated[int, Field(ge=3600, le=90 * DAY)] = Field(
        3 * DAY, description="Seconds; an answer after that is kept and counted as late."
    )
    asks_why: bool = Field(True, description="A low score by text is asked for its reason.")
    re_asks: bool = Field(True, description="Once, when an answer is no score.")
    says_thanks: bool = Field(True, description="By text too; who is rewarded is told anyway.")
    reward: Annotated[int, Field(ge=0)] = Field(
        0, description="The offer that an answer earns, once a person; 0: none (R81)."
    )
    publishes: bool = Field(False, description="The form asks whether the answer may be shown.")

    @model_validator(mode="after")
    def _is_in_order(self) -> "Survey":
        if not self.low <= self.low_until < self.good_from <= self.high:
            raise ValueError(
                "the scale does not fit: its lowest score, then the last low one, then the first"
                " good one, then the highest"
            )
        for what, ids in (
            ("reasons", [one.key for one in self.reasons]),
            ("questions", [one.id for one in self.further]),
        ):
            if len(set(ids)) < len(ids):
                raise ValueError(f"two {what} have the same key: give each its own")
        return self

    @property
    def scale(self) -> Scale:
        """As answers are read."""
        return Scale(self.low, self.high)

    @property
    def scores(self) -> Sequence[int]:
        """All that can be given, the lowest first."""
        return range(self.low, self.high + 1)

    def is_low(self, score: int | None) -> bool:
        """Whether somebody has to look."""
        return score is not None and score <= self.low_until

    def is_good(self, score: int | None) -> bool:
        """Whether it counts as content."""
        return score is not None and score >= self.good_from

    @property
    def open_for(self) -> timedelta:
        """How long an asking can be answered at all."""
        return timedelta(seconds=self.within) + LATE_FOR

    def until(self, asked_at: datetime) -> datetime:
        """Up to when an asking of that time can be answered at all."""
        return asked_at + self.open_for

    def is_late(self, answer: SurveyAnswer) -> bool:
        """Whether it was answered, but later than was hoped."""
        at = answer.answered_at
        return at is not None and at > answer.asked_at + timedelta(seconds=self.within)


# ------------------------------------------------------------------ those that come with Ringdove


def _reasons(*keys: str) -> tuple[Reason, ...]:
    return tuple(Reason(key=key) for key in keys)


READY: Final[Mapping[str, Survey]] = {
    one.key: one
    for one in (
        Survey(  # R80
            key="delivery", reasons=_reasons("delivery", "packing", "goods", "service"),
        ),
        Survey(  # R73, R89
            key="product", about="product", high=5, low_until=2, good_from=4, publishes=True,
            reasons=_reasons("quality", "description", "price", "delivery"), within=14 * DAY,
        ),
        Survey(
            key="nps", about="shop", low=0, high=10, low_until=6, good_from=9, measure="nps",
            reasons=_reasons("goods", "price", "delivery", "service"), within=7 * DAY,
        ),
        Survey(
            key="csat", about="shop", high=5, low_until=2, good_from=4,
            reasons=_reasons("goods", "price", "delivery", "service"),
        ),
        Survey(  # R88
            key="service", about="shop", reasons=_reasons("service", "delivery", "goods", "price"),
        ),
        Survey(  # N9: after what was wrong was put right
            key="second", reasons=_reasons("service", "delivery", "goods"), says_thanks=False,
        ),
    )
}  # fmt: skip
REASONS: Final = ("delivery", "packing", "goods", "quality", "description", "price", "service")


def read(key: str, settings: Mapping[str, Any]) -> Survey:
    """A stored survey: what a store changed lies over the ready one of that key. Raises
    pydantic.ValidationError."""
    ready = READY.get(key)
    below = ready.model_dump() if ready else {}
    return Survey.model_validate({**below, **settings, "key": key})


def plain(survey: Survey) -> dict[str, Any]:
    """A survey as JSON, as it is stored and as the API tells it."""
    return survey.model_dump(mode="json", exclude={"key"})


def all_of(own: Mapping[str, Survey]) -> dict[str, Survey]:
    """A store's surveys with the ready ones that it did not change."""
    return {**READY, **own}


# ------------------------------------------------------------------ in words


def question_of(survey: Survey, language: str) -> str:
    """The question with its scale, in one plain sentence."""
    return _filled(survey, _word(survey, "question", language))


def ends_of(survey: Survey, language: str) -> tuple[str, str]:
    """What the lowest and the highest score say."""
    return _word(survey, "low", language), _word(survey, "high", language)


def why_of(survey: Survey, language: str) -> str:
    """What who gave a low score is asked."""
    return _filled(survey, _word(survey, "why", language))


def thanks_of(survey: Survey, language: str) -> str:
    """What is said after an answer."""
    return _filled(survey, _word(survey, "thanks", language))


def name_of(survey: Survey, language: str) -> str:
    """What the survey is called."""
    return survey.name or str(_ready(survey.key, language).get("name", survey.key))


def reason_name(survey: Survey, key: str, language: str) -> str:
    """What a reason is called; a reason that the survey has no more is called by its key."""
    names = next((one.names for one in survey.reasons if one.key == key), {})
    ready = languages.phrases(language)["surveys"]["reasons"].get(key, {}).get("name", key)
    return named(names, language) or str(ready)


def named(names: Mapping[str, str], language: str) -> str:
    """In this language; else in English, else in the first that there is."""
    first = next(iter(names.values()), "")
    return names.get(language) or names.get(languages.FALLBACK) or first


def _word(survey: Survey, name: str, language: str) -> str:
    """The store's own in this language; the ready one; the store's in another language."""
    own = {code: getattr(words, name) for code, words in survey.words.items()}
    if said := own.get(language):
        return str(said)
    if survey.key in READY:
        return str(_ready(survey.key, language)[name])
    known = {code: one for code, one in own.items() if one}
    return named(known, language) or str(_ready("service", language)[name])


def _ready(key: str, language: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = languages.phrases(language)["surveys"]["ready"].get(key, {})
    return {**languages.phrases(language)["surveys"]["ready"]["service"], **found}


def _filled(survey: Survey, said: str) -> str:
    return said.replace("{low}", str(survey.low)).replace("{high}", str(survey.high))
