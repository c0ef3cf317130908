"""The step that goes one way or the other."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from ringdove.rules.segments import segments
from ringdove.rules.steps.step import Kinds, Said, Step

if TYPE_CHECKING:
    from ringdove.rules.automations.journeys import AnyStep


class Where(Said):
    """What must be so of the fact that began a run, and of what it is about; all that is given."""

    states: segments.Words = Field(
        (),
        description="Of a parcel, complaint, score; of a cart: filled, emptied; of a visit: goods,"
        " page.",
    )
    only: Literal[
        "", "money_awaited", "first_promise", "new_promise", "first_order", "later_order",
        "registered",
    ] = Field("", description="registered: their first word to the shop was this.")  # fmt: skip
    wish: Literal["", "return", "exchange"] = ""
    goods: segments.Goods = segments.ALL_GOODS
    total: segments.Range | None = Field(None, description="Of the order or cart.")
    channels: segments.Words = ()
    surveys: segments.Words = Field((), description="Answers to these surveys only.")


ANYWHERE = Where()


class Branch(Step):
    """`then` when what is asked holds, `otherwise` when not; asked: exactly one of these."""

    do: Literal["branch"] = "branch"
    person: segments.Node | None = Field(None, description="A condition, as segments have them.")
    heard: Kinds = Field((), description="One of these facts came since the run began.")
    about: Where | None = Field(None, description="Of what the run is about.")
    percent: Annotated[int, Field(ge=1, le=99)] | None = Field(
        None, description="By chance, the same for a person whenever asked again."
    )
    answer: segments.Words = Field((), description="The answer to an `ask` has one of these words.")
    answer_number: segments.Range | None = Field(None, description="The number in the answer.")
    then: Annotated[tuple["AnyStep", ...], Field(max_length=40)] = ()
    otherwise: Annotated[tuple["AnyStep", ...], Field(max_length=40)] = ()

    @model_validator(mode="after")
    def _asks_one_thing(self) -> "Branch":
        asked = (
            self.person is not None, bool(self.heard), self.about is not None,
            self.percent is not None, bool(self.answer), self.answer_number is not None,
        )  # fmt: skip
        if sum(asked) != 1:
            raise ValueError(
                "a branch asks exactly one of: person, heard, about, percent, answer, answer_number"
            )
        return self
