"""Where in an answer or a call a value stands: a path in JSON, a field, or a regular expression.

`messages.0.id` is a path (or the field of that name), `/ID: (\\w+)/` an expression whose first
group is the value. What a merchant wrote is checked when it is saved; what an operator sends may be
anything at all and raises nothing.
"""

import re
from functools import lru_cache
from typing import Any, Final

from ringdove.gateways import edge

SAID_LETTERS_MAX: Final = 4_000  # an expression reads no more: time grows with what it reads
PLACE_LETTERS_MAX: Final = 200
REPEATS_MAX: Final = 5
_PIECE: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()|]|[*+]|\{\d*,\d*\}|.", re.DOTALL)


def check(place: str) -> None:
    """Raises ValueError for an expression that cannot be used."""
    if place.startswith("/"):
        if not place.endswith("/") or len(place) < 3:
            raise ValueError("an expression stands between slashes, such as /ID: (\\w+)/")
        if _compiled(place).groups < 1:
            raise ValueError("put what is looked for in brackets, such as /ID: (\\w+)/")


def check_expression(words: str) -> None:
    """Raises ValueError for what is no regular expression, or one that might never end."""
    try:
        re.compile(words)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"this is no regular expression: {error}") from None
    if not _ends(words):
        raise ValueError("too much repeats in it, or repeats within what repeats: it may never end")


def _ends(words: str) -> bool:
    """A group that repeats, and repeats or chooses inside itself, may take for ever on a few dozen
    letters; many repetitions in a row on a few hundred."""
    pieces = _PIECE.findall(words)
    open_groups, repeats = [False], 0
    for piece, following in zip(pieces, [*pieces[1:], ""], strict=True):
        if piece == "(":
            open_groups.append(False)
        elif piece == ")" and len(open_groups) > 1:
            is_loose = open_groups.pop()
            if is_loose and following[:1] in ("*", "+", "{"):
                return False
            open_groups[-1] |= is_loose
        elif piece in ("*", "+") or piece.startswith("{"):
            repeats += 1
            open_groups[-1] = True
        elif piece == "|":
            open_groups[-1] = True
    return repeats <= REPEATS_MAX


@lru_cache(maxsize=512)
def _compiled(place: str) -> re.Pattern[str]:
    check_expression(place[1:-1])
    return re.compile(place[1:-1])


def find(place: str, tree: Any, said: str) -> str:
    """The value at a place of JSON or fields (`tree`) or of the whole (`said`); "": none."""
    if not place:
        return ""
    if place.startswith("/"):
        found = _compiled(place).search(said[:SAID_LETTERS_MAX])
        return edge.word(found[1]) if found and found[1] else ""
    return edge.word(branch(place, tree), edge.TEXT_LETTERS_MAX)


def branch(place: str, tree: Any) -> Any:
    """What stands there, whatever it is: a field of that whole name, else a path."""
    whole = edge.at(tree, place)
    if whole is not None:
        return whole
    steps = [int(one) if one.isdecimal() and len(one) < 6 else one for one in place.split(".")]
    found = edge.at(tree, *steps)
    # {"0": …} is an object, [ … ] a list: a number may mean either.
    return found if found is not None else edge.at(tree, *place.split("."))


def matches(expression: str, said: str) -> bool:
    """Whether an expression is found in what was said."""
    return re.search(expression, said[:SAID_LETTERS_MAX]) is not None
