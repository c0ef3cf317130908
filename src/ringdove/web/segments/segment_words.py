"""A segment in words: a tree of conditions as one readable sentence of the reader's language (N2).

`say` gives the sentence, `lines` the same as an outline for display. It speaks of "them":
"bought from “Shoes” at least 2 times in the last 90 days, and not: bought from “Socks” ever".
"""

from dataclasses import dataclass

from ringdove.rules.segments import segments
from ringdove.rules.segments.segments import Node
from ringdove.web.segments.segment_names import Names
from ringdove.web.segments.segment_phrases import Voice, phrase
from ringdove.web.speech import Speech


@dataclass(frozen=True, slots=True)
class Line:
    """A piece of a tree: `join` is all, any, or "" for one condition, whose words are `text`."""

    text: str
    join: str = ""
    is_left_out: bool = False
    lines: tuple["Line", ...] = ()


def say(tree: Node, speech: Speech, names: Names) -> str:
    """The whole tree in one sentence, without a full stop."""
    return _sentence(lines(tree, speech, names), speech)


def lines(tree: Node, speech: Speech, names: Names, *, is_left_out: bool = False) -> Line:
    """The tree as an outline; what is left out twice is in it."""
    if isinstance(tree, segments.Not):
        return lines(tree.of, speech, names, is_left_out=not is_left_out)
    if isinstance(tree, segments.All | segments.Any):
        _ = speech.gettext
        empty = _("everybody") if tree.leaf == "all" else _("nobody")
        below = tuple(lines(one, speech, names) for one in tree.of)
        return Line("" if below else empty, tree.leaf, is_left_out, below)
    return Line(phrase(tree, Voice(speech, names, is_left_out)), "", is_left_out)


def _sentence(line: Line, speech: Speech, *, is_inner: bool = False) -> str:
    _ = speech.gettext
    if line.is_left_out:
        what = _sentence(Line(line.text, line.join, False, line.lines), speech, is_inner=True)
        return _("everybody but: %(what)s", what=what)
    if not line.lines:
        return line.text
    if len(line.lines) == 1 and not line.lines[0].is_left_out:
        return _sentence(line.lines[0], speech, is_inner=is_inner)
    if line.join == "any":
        said = _(", or ").join(_sentence(one, speech, is_inner=True) for one in line.lines)
    else:
        said = _every(line.lines, speech)
    return f"({said})" if is_inner else said


def _every(pieces: tuple[Line, ...], speech: Speech) -> str:
    """All of these; who is left out comes last, as one says it."""
    _ = speech.gettext
    held = [_sentence(one, speech, is_inner=True) for one in pieces if not one.is_left_out]
    said = _(", and ").join(held) or _("everybody")
    for one in pieces:
        if one.is_left_out:
            what = Line(one.text, one.join, False, one.lines)
            said = _(
                "%(whom)s, and not: %(what)s",
                whom=said, what=_sentence(what, speech, is_inner=True),
            )  # fmt: skip
    return said
