"""What all steps of a journey have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ringdove.rules.segments.segments import storable

StepId = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,30}$")]
Kind = Annotated[str, Field(pattern=r"^[a-z]+\.[a-z]+$")]  # of a fact
# A kind, or a kind in one state: parcel.moved, parcel.moved/delivered, cart.changed/emptied.
KindOrState = Annotated[str, Field(pattern=r"^[a-z]+\.[a-z]+(/[a-z_]+)?$")]
Kinds = Annotated[tuple[KindOrState, ...], Field(max_length=20)]
Seconds = Annotated[int, Field(ge=0, le=400 * 86_400)]


class Said(BaseModel):
    """Base of all that is said in a journey: unknown fields are refused, so that typos are seen."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    _clean = field_validator("*", mode="after")(storable)


class Step(Said):
    """One step. Its id stays its own when others are moved, so that runs that wait find it."""

    id: StepId
    is_on: bool = Field(True, description="False: passed over.")
