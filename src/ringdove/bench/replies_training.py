"""Weights for what no list knows: `ringdove bench replies --train`, from the texts of the tests.

The same texts give the same weights. The part that is held out is never learnt from. What Ringdove
itself says stands for all that is no reply at all: without it, every fifteenth sentence of ours was
guessed to be a stop.
"""

import json
import math
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from babel.messages.pofile import read_po

from ringdove.rules import languages
from ringdove.rules.replies.likely import PER_UNIT, Weights, pieces

ROUNDS: Final = 25
STEP: Final = 0.5
SEEN_MIN: Final = 2  # a piece of one text only says who wrote it
WEIGHT_MIN: Final = 20  # hundredths; what weighs less decides nothing

OF_OURS_WORDS: Final = range(2, 21)
_FILLED_IN = re.compile(r"\{[{%].*?[%}]\}|%\(\w+\)\w|<[^>]*>")

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


def of_ours() -> Iterator[str]:
    """Sentences of texts and pages in every language, without what is filled in."""
    said: set[str] = set()
    for language in languages.languages_present():
        tables = languages.phrases_of(language)
        said.update(_sentences({key: one for key, one in tables.items() if key != "replies"}))
        pages = files("ringdove") / "locales" / language / "pages.po"
        if pages.is_file():
            with pages.open("rb") as file:
                for message in read_po(file):
                    said.update(_sentences([message.id, message.string]))
    for one in sorted({_FILLED_IN.sub(" ", sentence).strip() for sentence in said}):
        if len(one.split()) in OF_OURS_WORDS:
            yield one


def _sentences(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    else:
        for one in node.values() if isinstance(node, dict) else node:
            yield from _sentences(one)


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
