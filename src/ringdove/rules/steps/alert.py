"""The step that tells the staff: a task, a letter to somebody, a call of a program."""

from typing import Annotated, Literal

from pydantic import Field

from ringdove.rules.steps.step import Seconds, Step


class Alert(Step):
    """`task`: on the list of things to do, with an owner and a time; `person`: the same, and a
    letter to them; `text`: the same, and a text to their phone; `webhook`: a POST to the store's
    address for alerts, signed."""

    do: Literal["alert"] = "alert"
    to: Literal["task", "person", "text", "webhook"] = "task"
    owner: Annotated[int, Field(ge=0)] = Field(0, description="Number of a user; 0: whoever.")
    said: Annotated[str, Field(min_length=1, max_length=500)] = Field(
        description="What is to be done; the same values as in texts."
    )
    due: Seconds = Field(86_400, description="To be done within this.")
