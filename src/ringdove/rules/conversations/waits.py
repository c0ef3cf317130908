"""How long people wait for an answer, counted in spans that grow by a tenth.

A counter an hour and span is all that is kept: nothing of a person, and a year is summed as fast as
a day. What is read from them is right to five per cent.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

GROWTH = 1.1
SPAN_MAX = 180  # 1.1^180 seconds is about a year

Kind = Literal["first", "reply"]  # since the conversation was opened; since their text


@dataclass(frozen=True, slots=True)
class Waits:
    """`n` answers; half of them came within `median`, nine of ten within `ninety`."""

    n: int
    median: timedelta
    ninety: timedelta


def name_of(kind: Kind, waited: timedelta) -> str:
    """The counter of an answer that came after this time."""
    seconds = max(1.0, waited.total_seconds())
    return f"waited/{kind}/{min(SPAN_MAX, int(math.log(seconds, GROWTH)))}"


def figures(counts: Mapping[str, int], kind: Kind) -> Waits | None:
    """What the counters of a time say; None: nobody was answered."""
    prefix = f"waited/{kind}/"
    spans = sorted(
        (int(name.removeprefix(prefix)), n)
        for name, n in counts.items()
        if name.startswith(prefix) and n > 0
    )
    total = sum(n for _, n in spans)
    if not total:
        return None
    return Waits(total, _within(spans, total * 0.5), _within(spans, total * 0.9))


def _within(spans: list[tuple[int, int]], wanted: float) -> timedelta:
    """The middle of the span in which so many are reached."""
    reached = 0
    for span, n in spans:
        reached += n
        if reached >= wanted:
            return timedelta(seconds=round(GROWTH ** (span + 0.5)))
    raise AssertionError("fewer than there are")
