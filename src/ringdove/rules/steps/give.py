"""The step that gives: a code, points, a tag, a value of a field."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ringdove.rules.steps.step import Step


class Give(Step):
    """Exactly one of these. A code is the person's own (P7) and is what {{ offer.code }} says from
    here on; points are owed to them; a tag is a yes/no field of the store's own."""

    do: Literal["give"] = "give"
    offer: Annotated[int, Field(ge=1)] | None = None
    points: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    tag: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")] | None = None
    field: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")] | None = None
    value: Annotated[str, Field(max_length=500)] = Field("", description="Of the field.")

    @model_validator(mode="after")
    def _gives_one_thing(self) -> "Give":
        given = (self.offer, self.points, self.tag, self.field)
        if sum(one is not None for one in given) != 1:
            raise ValueError("give exactly one of: offer, points, tag, field")
        return self
