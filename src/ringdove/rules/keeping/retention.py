"""How long each kind of data is kept: what the owner says, within what makes sense (P12).

A kind is named once, here: what goes when its time is over, the days it is kept when nobody says
otherwise, and why not less and not more. Figures outlive all of them: counts, sums and states stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ringdove.rules.policy import Policy

NEVER: Final = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of data with a time to live."""

    key: str
    days: int  # when nobody says otherwise; 0: for good
    least: int
    most: int
    may_never: bool = False


KINDS: Final = (
    Kind("visits", 400, 30, 1_825),
    Kind("clicks", 730, 90, 3_650),
    Kind("carts", 400, 30, 1_825),
    Kind("messages", 730, 30, 3_650),
    Kind("inbound", 730, 30, 3_650),
    Kind("receipts", 400, 30, 1_825),
    Kind("packets", 30, 1, 90),
    Kind("facts", 90, 14, 730),
    Kind("people", NEVER, 180, 3_650, may_never=True),
)
BY_KEY: Final = {kind.key: kind for kind in KINDS}


class OutOfBounds(ValueError):
    """Days that no kind may have; `kind` and the bounds say which."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(
            f"{kind.key}: between {kind.least} and {kind.most} days"
            + (", or 0: for good" if kind.may_never else "")
        )
        self.kind = kind


def days(policy: Policy, key: str) -> int:
    """How many days this kind is kept; 0: for good."""
    kind = BY_KEY[key]
    told = policy.keep_days.get(key, kind.days)
    if told == NEVER and kind.may_never:
        return NEVER
    return min(max(told, kind.least), kind.most)


def checked(wishes: Mapping[str, int]) -> dict[str, int]:
    """Days by kind as they may be stored: those that differ from what comes by itself. Raises
    OutOfBounds, and KeyError for a kind that there is not."""
    kept = {}
    for key, told in wishes.items():
        kind = BY_KEY[key]
        if not (kind.least <= told <= kind.most or (told == NEVER and kind.may_never)):
            raise OutOfBounds(kind)
        if told != kind.days:
            kept[key] = told
    return kept


def before(policy: Policy, key: str, now: datetime) -> datetime | None:
    """What is older than this goes; None: nothing does."""
    kept = days(policy, key)
    return now - timedelta(days=kept) if kept else None
