"""What a text most likely means, by the pieces of its words: asked only where no list knows it.

A logistic regression over letters, trained on texts that we wrote (`ringdove bench replies
--train`); decision 0068 has what it adds. Its weights lie beside this file.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

PIECE_LETTERS = (2, 3, 4, 5)
LETTERS_MAX = 300  # of a longer text the beginning says what it is about
PER_UNIT = 100  # weights are kept as whole hundredths


@dataclass(frozen=True, slots=True)
class Weights:
    """Of every piece one number for each label, in hundredths."""

    labels: tuple[str, ...]
    of: Mapping[str, Sequence[int]]


def likely(said: Sequence[str], weights: Weights | None = None) -> tuple[str, float]:
    """The likeliest intent of these words and how likely it is, 0 to 1."""
    known = weights or weights_shipped()
    found = [known.of[piece] for piece in pieces(said) if piece in known.of]
    if not found:
        return "other", 0.0
    scale = PER_UNIT * math.sqrt(len(found))
    scores = [sum(column) / scale for column in zip(*found, strict=True)]
    highest = max(scores)
    parts = [math.exp(score - highest) for score in scores]
    best = max(range(len(parts)), key=parts.__getitem__)
    return known.labels[best], parts[best] / sum(parts)


def pieces(said: Sequence[str]) -> set[str]:
    """The runs of letters of a text, over the gaps between its words, and the words."""
    line = f" {' '.join(said)[:LETTERS_MAX]} "
    found = {line[at : at + size] for size in PIECE_LETTERS for at in range(len(line) - size + 1)}
    return found | {f"={word}" for word in said}


@cache
def weights_shipped() -> Weights:
    told = json.loads((files("ringdove.rules.replies") / "likely.json").read_text("utf-8"))
    return Weights(tuple(told["labels"]), told["weights"])
