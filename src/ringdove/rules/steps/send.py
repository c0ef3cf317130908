"""The step that sends a text or letter; rules/messages.speak decides and makes the message."""

from typing import Annotated, Literal

from pydantic import Field

from ringdove.rules.campaigns.campaigns import Link
from ringdove.rules.steps.step import Seconds, Step

Guard = Literal["", "unpaid", "unbought", "in_stock"]
Choice = Literal["", "similar", "accessories", "new", "again"]


class Send(Step):
    """Send a text. Its words are those of `text`: of locales/<language>/phrases.toml under
    [recipes], or the store's own."""

    do: Literal["send"] = "send"
    text: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,60}$")]
    channel: Literal["sms", "email", "either"] = Field(
        "sms", description="either: by e-mail to who chose it or has no number (R40)."
    )
    klass: Literal["service", "marketing"] = "service"
    guard: Guard = Field(
        "",
        description="Asked again in the transaction that sends it (P3): unpaid, the order is still"
        " to be paid; unbought, they have ordered nothing since; in_stock, the goods are there.",
    )
    in_daytime: bool = Field(False, description="Not in the quiet hours, though it is service.")
    own_hour: bool = Field(False, description="At the hour at which they are usually seen (R16).")
    valid_for: Seconds = Field(
        0, description="Dropped when it could not go for so long; 0: until the journey ends (P4)."
    )
    offer: Annotated[int, Field(ge=0)] = Field(
        0, description="The offer whose code {{ offer.code }} says; 0: none."
    )
    link: Link | None = Field(None, description="Where {{ link }} leads.")
    survey: Annotated[str, Field(pattern=r"^[a-z0-9_]{0,40}$")] = Field(
        "", description="Key of a survey: {{ survey.question }}, {{ survey.link }} to its form."
    )
    goods: Choice = Field(
        "",
        description="What {{ goods.names }} and {{ goods.link }} are: similar to what was left or"
        " seen, accessories to what was bought, new in the category, the same again.",
    )
    goods_needed: bool = Field(False, description="Without such goods nothing is said.")
