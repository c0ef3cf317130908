"""Weights for what no list knows: `ringdove bench replies --train`, from the texts of the tests.

The same texts give the same weights. The part that is held out is never learnt from.
"""

import json
import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from ringdove.rules.replies.likely import PER_UNIT, Weights, pieces

ROUNDS: Final = 25
STEP: Final = 0.5
SEEN_MIN: Final = 2  # a piece of one text only says who wrote it
WEIGHT_MIN: Final = 10  # hundredths; what weighs less decides nothing

Lesson = tuple[Sequence[str], str]  # the words, what they mean


def train(lessons: Iterable[Lesson]) -> Weights:
    """Softmax regression by gradient descent, a text at a time."""
    told = [(sorted(pieces(said)), label) for said, label in lessons if said]
    seen = Counter(piece for found, _ in told for piece in found)
    told = [([x for x in found if seen[x] >= SEEN_MIN], label) for found, label in told]
    labels = sorted({label for _, label in told})
    weights = {piece: [0.0] * len(labels) for piece, n in sorted(seen.items()) if n >= SEEN_MIN}
    order = random.Random(1)
    for turn in range(ROUNDS):
        order.shuffle(told)
        for found, label in told:
            _learn(weights, found, labels.index(label), STEP / (1 + turn * 0.3))
    hundredths = {x: [round(w * PER_UNIT) for w in row] for x, row in weights.items()}
    heavy = {x: row for x, row in hundredths.items() if max(map(abs, row)) >= WEIGHT_MIN}
    return Weights(tuple(labels), heavy)


def _learn(weights: dict[str, list[float]], found: list[str], right: int, step: float) -> None:
    if not found:
        return
    scale = 1 / math.sqrt(len(found))
    scores = [sum(column) * scale for column in zip(*(weights[x] for x in found), strict=True)]
    parts = [math.exp(score - max(scores)) for score in scores]
    shift = [step * scale * (part / sum(parts) - (n == right)) for n, part in enumerate(parts)]
    for piece in found:
        row = weights[piece]
        for n, one in enumerate(shift):
            row[n] -= one


def write(weights: Weights, file: Path) -> None:
    """One piece a line, in order: two trainings are compared by their lines."""
    rows = (f"{json.dumps(x, ensure_ascii=False)}:{json.dumps(row, separators=(',', ':'))}"
            for x, row in sorted(weights.of.items()))  # fmt: skip
    body = ",\n".join(rows)
    file.write_text(
        f'{{"labels": {json.dumps(weights.labels)}, "weights": {{\n{body}\n}}}}\n', "utf-8"
    )
