"""The step that asks a question by text and waits for the answer."""

from typing import Annotated, Literal

from pydantic import Field

from ringdove.rules.steps.send import Send
from ringdove.rules.steps.step import Seconds


class Ask(Send):
    """Send a question; the next text from the person that is no stop, start or help is its answer.
    Without one the run goes on when the time is over, with an empty answer. With a survey only its
    score is the answer, by whatever way it comes; `within` is how long the run waits for it."""

    do: Literal["ask"] = "ask"  # type: ignore[assignment]
    within: Annotated[Seconds, Field(ge=60)] = 3 * 86_400
    keep_in: Annotated[str, Field(pattern=r"^[a-z0-9_]{0,40}$")] = Field(
        "", description="A field of the store's own that keeps the answer; empty: none."
    )
