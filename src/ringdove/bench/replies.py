"""How well replies are understood: `ringdove bench replies`, over the texts of tests/rules.

Right means the same intent and the same number, score or word; `unsure` is right where people read
it anyway. Each part is told apart: what the lists were tuned on says little about what comes.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ringdove.bench import ground, replies_training
from ringdove.rules import replies
from ringdove.rules.replies import intents, stops
from ringdove.rules.replies.words import clauses_of, words_of_all_languages

TEXTS: Final = Path("tests/rules/replies_eval")
HELD_OUT: Final = "held_out"  # neither list nor weight has learnt from it
LEARNT_AS_OTHER: Final = frozenset({"start", "help", "unsure"})
STOPS: Final = frozenset({"marketing", "all", "topics", "pause"})  # of the older texts
SPEED_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class Said:
    """A text with what it means: `intent/scope` and the number, score or word in it."""

    part: str
    language: str
    text: str
    meant: str
    value: str


def measure(folder: Path = TEXTS) -> dict[str, Any]:
    """Figures by part, language and intent; speed in texts a second of CPU."""
    said = list(texts(folder))
    read = [(one, _read(one)) for one in said]
    parts = {part: _figures([x for x in read if x[0].part == part]) for part in _parts(said)}
    return {"machine": ground.machine(), "parts": parts, "texts_a_second": _speed(said)}


def texts(folder: Path) -> Iterator[Said]:
    """Every text of the evaluation; a folder without any is an error."""
    files = sorted(folder.glob("*.json"))
    if not files:
        raise FileNotFoundError(f"{folder}: no texts there; --texts names their folder.")
    for file in files:
        for part, groups in json.loads(file.read_text("utf-8")).items():
            for meant, listed in groups.items():
                for one in listed:
                    text, value = one if isinstance(one, list) else (one, "")
                    told = "" if value is None else str(value)
                    yield Said(part, file.stem, text, meant, told)


def is_right(said: Said, heard: replies.Reply) -> bool:
    """Whether it was understood; a rating without a score must be unsure."""
    intent, _, scope = said.meant.partition("/")
    if intent == "rating":
        return heard == replies.Reply("rating" if said.value else "unsure", value=said.value)
    if intent == "other":
        return heard.intent in ("other", "unsure")
    if intent in ("stop", "start", "help"):
        return heard.intent == intent
    is_scope = heard.scope == scope or (intent == "rules" and not scope)
    return heard.intent == intent and is_scope and heard.value == said.value


def _read(said: Said) -> replies.Reply:
    return replies.read(
        said.text,
        language=said.language,
        awaiting="rating" if said.meant == "rating" else None,
        contests=[said.value] if said.meant == "contest" else [],
    )


def _parts(said: list[Said]) -> list[str]:
    return list(dict.fromkeys(one.part for one in said))


def _figures(read: list[tuple[Said, replies.Reply]]) -> dict[str, Any]:
    pairs = Counter((x.meant.partition("/")[0], _named(x, heard)) for x, heard in read)
    languages = sorted({x.language for x, _ in read})
    named = sorted({intent for pair in pairs for intent in pair})
    return {
        "texts": len(read),
        "right": sum(is_right(x, heard) for x, heard in read),
        "languages": {one: _of([x for x in read if x[0].language == one]) for one in languages},
        "intents": {one: _precision(pairs, one) for one in named},
        "confused": {f"{a} as {b}": n for (a, b), n in sorted(pairs.items()) if a != b},
    }


def _named(said: Said, heard: replies.Reply) -> str:
    """As it counts: unsure goes to a person, as other does; a number of no scale is a rating."""
    is_person = heard.intent == "unsure"
    return ("rating" if said.meant == "rating" else "other") if is_person else heard.intent


def _of(read: list[tuple[Said, replies.Reply]]) -> dict[str, int]:
    stops = [heard for x, heard in read if x.meant == "stop"]
    return {
        "texts": len(read),
        "right": sum(is_right(x, heard) for x, heard in read),
        "stops": len(stops),
        "stops_heard": sum(heard.intent == "stop" for heard in stops),
        "stops_falsely": sum(h.intent == "stop" for x, h in read if x.meant != "stop"),
        "orders_as_stops": sum(h.intent == "stop" for x, h in read if x.meant == "order_status"),
    }


def _precision(pairs: Counter[tuple[str, str]], intent: str) -> dict[str, float | int]:
    right = pairs[intent, intent]
    heard = sum(n for (_, b), n in pairs.items() if b == intent)
    said = sum(n for (a, _), n in pairs.items() if a == intent)
    return {
        "said": said,
        "precision": round(right / heard, 3) if heard else 0.0,
        "recall": round(right / said, 3) if said else 0.0,
    }


def _speed(said: list[Said]) -> int:
    best = 0.0
    for _ in range(SPEED_ROUNDS + 1):  # the first makes what is kept
        began = time.process_time()
        for one in said:
            _read(one)
        best = max(best, len(said) / (time.process_time() - began))
    return round(best)


def table(found: dict[str, Any]) -> str:
    """The same for people."""
    lines = [ground.machine_line(found["machine"]), ""]
    for part, figures in found["parts"].items():
        lines += [f"{part}: {figures['right']} of {figures['texts']} texts", ""]
        lines.append(f"{'':4}{'texts':>8}{'right':>8}{'stops':>8}{'heard':>8}{'falsely':>9}")
        for language, one in figures["languages"].items():
            row = [one[x] for x in ("texts", "right", "stops", "stops_heard")]
            cells = "".join(f"{n:8}" for n in row)
            lines.append(f"{language:4}{cells}{one['stops_falsely']:9}")
        lines += ["", f"{'':14}{'said':>8}{'precision':>11}{'recall':>9}"]
        for intent, one in figures["intents"].items():
            lines.append(f"{intent:14}{one['said']:8}{one['precision']:11.3f}{one['recall']:9.3f}")
        lines += ["", *(f"{pair}: {n}" for pair, n in figures["confused"].items()), ""]
    return "\n".join([*lines, f"{found['texts_a_second']:,} texts a second of one core"])


def train(folder: Path, file: Path) -> int:
    """Writes the weights that all parts but the held out one teach; how many pieces have one."""
    lessons = [
        (_words(one.text), _label(one.meant.partition("/")[0], one.text))
        for one in texts(folder)
        if one.part != HELD_OUT and one.meant not in ("rating", "contest")
    ]
    lessons += [(_words(text), _label(meant, text)) for text, meant in _older(folder.parent)]
    ours = (text for text in replies_training.of_ours() if not _says_stop(text))
    lessons += [(_words(text), _label("", text)) for text in ours]
    weights = replies_training.train(lessons)
    replies_training.write(weights, file)
    return len(weights.of)


def _older(folder: Path) -> Iterator[tuple[str, str]]:
    """Texts about stopping, and those that only look so: what else they mean, the lists tell."""
    for text, _, intent, _ in json.loads((folder / "replies.json").read_text("utf-8")):
        yield text, intent if intent == "stop" else ""
    for groups in json.loads((folder / "replies_more.json").read_text("utf-8")).values():
        for group, said in groups.items():
            for one in said:
                yield one if isinstance(one, str) else one[0], "stop" if group in STOPS else ""


def _says_stop(text: str) -> bool:
    words = words_of_all_languages()
    clauses = clauses_of(text, words)
    said = [word for clause in clauses for word in clause]
    return bool(said and stops.stop_scope(clauses, said, words, frozenset(), False))


def _words(text: str) -> list[str]:
    return [word for clause in clauses_of(text, words_of_all_languages()) for word in clause]


def _label(intent: str, text: str) -> str:
    told = intent or intents.meant(text, _words(text), words_of_all_languages()).intent
    return "other" if told in LEARNT_AS_OTHER else told
