"""The step that ends the run."""

from typing import Annotated, Literal

from pydantic import Field

from ringdove.rules.steps.step import Step


class Leave(Step):
    """The run ends here; the reason is shown with the step's numbers."""

    do: Literal["leave"] = "leave"
    reason: Annotated[str, Field(pattern=r"^[a-z0-9_]{0,40}$")] = ""
