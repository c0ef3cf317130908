"""What is wrong with a text, said before it is kept: values nobody knows, nothing to do for it.

A template that cannot be read or asks for unknown values must not be saved; one without a link or
a code may be, and its author is told (R27).
"""

import re
from collections.abc import Collection
from difflib import get_close_matches

from ringdove.rules.texts.templates import KNOWN_VARIABLES, TemplateBroken, variables

LIKENESS_MIN = 0.65


def check(template: str, known: Collection[str] = KNOWN_VARIABLES) -> list[str]:
    """What is wrong with a template, in words for its author; empty when nothing is."""
    try:
        asked = variables(template)
    except TemplateBroken as error:
        return [f"Line {error.line}: {error.message}"]
    return [_unknown(path, known) for path in sorted(asked) if not is_known(path, known)]


def is_known(path: str, known: Collection[str]) -> bool:
    return any(path == name or path.startswith(f"{name}.") for name in known)


def _unknown(path: str, known: Collection[str]) -> str:
    meant = nearest(path, known)
    said = f"“{path}” is not a value Ringdove knows here"
    return f"{said}: did you mean “{meant}”?" if meant else f"{said}."


def nearest(path: str, known: Collection[str]) -> str:
    """The name that was probably meant; "" when none is near."""
    if any(one.startswith(f"{path}.") for one in known):
        return ""  # a noun by itself: which of its values was meant cannot be seen
    noun, _, name = path.partition(".")
    of_noun = {one.partition(".")[2]: one for one in sorted(known) if one.startswith(f"{noun}.")}
    if of_noun:
        found = get_close_matches(name, of_noun, 1, LIKENESS_MIN)
        return of_noun[found[0]] if found else ""
    found = get_close_matches(path, sorted(known), 1, LIKENESS_MIN)
    return found[0] if found else ""


# ------------------------------------------------------------------ something to do

_LINK = re.compile(r"https?://\S|\bwww\.\S|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}/\w", re.I)
# The word for a code in the languages served, and then the code: "Use code: SPRING10".
_CODE_WORD = (
    r"(?:promo ?)?codes?|coupon|voucher|(?:промо)?код\w*|купон\w*|codice|c[óo]digo|cup[óo]n|kod\w*"
)
_CODE = re.compile(rf"\b(?:{_CODE_WORD})\b\W{{0,4}}(?-i:[A-Z0-9][A-Z0-9-]{{2,}})\b", re.I)
_CALLING = frozenset(("url", "link", "code", "payment_url", "label_url", "cart_url"))


# The words for leaving in the languages served, as a text says them: "Reply STOP", "Отказ: СТОП".
_STOP = re.compile(
    r"(?<![\w-])(?:stop|unsubscribe|opt[ -]?out|baja|стоп|отпис\w*|отказ\w*|адпіс\w*|адмов\w*|"
    r"disiscri\w*|"
    r"cancellar\w*|wypis\w*|rezygn\w*)(?![\w-])",
    re.I,
)


def has_way_out(template: str) -> bool:
    """Whether the reader is told how to get no more of it: a link of their own, or a word (R5)."""
    try:
        asked = variables(template)
    except TemplateBroken:
        asked = set()
    return "stop_url" in asked or bool(_STOP.search(template))


def has_call(template: str) -> bool:
    """Whether the reader can do something: tap a link, or use a code (R27)."""
    try:
        asked = variables(template)
    except TemplateBroken:
        asked = set()
    if any(path.rpartition(".")[2] in _CALLING for path in asked):
        return True
    return bool(_LINK.search(template) or _CODE.search(template))
