"""A rating out of whatever people write: "5", "5/6", "5!", "пять", "cinque, ma lento", "4-5"."""

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple


class Scale(NamedTuple):
    """From `low` to `high`, both included; `high` is best."""

    low: int = 1
    high: int = 6


@dataclass(frozen=True, slots=True)
class Rating:
    """What was said of a question with a scale.

    `score`: on the scale, None where it cannot be told; `why_not`: why (outside: "10" of 6;
    several: "2 or 5"; none: no number at all); `comment`: what was said beside the number, as it
    was written."""

    score: int | None
    why_not: Literal["", "outside", "several", "none"] = ""
    comment: str = ""


_NUMBER = re.compile(r"(?<![\w/])\d{1,4}(?!\w)")


def read_rating(text: str, scale: Scale) -> Rating:
    """The rating in an answer to a question that was asked with this scale."""
    found = _NUMBER.search(text)
    if found is None:
        return Rating(None, "none", text.strip())
    score = int(found[0])
    comment = (text[: found.start()] + text[found.end() :]).strip(" .,;:!-–—\n")
    if not scale.low <= score <= scale.high:
        return Rating(None, "outside", comment)
    return Rating(score, "", comment)
