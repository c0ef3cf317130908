"""Proposals that save a part: what would change, how the text would read, what it saves (N6).

Spellings that look alike are proposed from the least change to the greatest. Latin letters for
Cyrillic ones are a choice of their own: never mixed with the others, never made by itself.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal
from unicodedata import combining, normalize

from ringdove.rules.texts import spelling
from ringdove.rules.texts.sizes import alphabets, measure
from ringdove.rules.texts.templates import render

Kind = Literal["typographic", "look_alikes", "accents", "pictures", "latin"]


@dataclass(frozen=True, slots=True)
class Swap:
    """A spelling that costs less: `text` is the whole text (or template) after it."""

    changes: tuple[tuple[str, str], ...]  # (“, ") and so on
    text: str
    parts_saved: int
    kind: Kind = "typographic"  # the boldest of its changes
    money_saved: Decimal | None = None  # of one text, where a price a part is known
    said: str = ""  # how it reads then


@dataclass(frozen=True, slots=True)
class _Text:
    """What is to be spelled: how its words are changed, and how it reads to a person."""

    change: Callable[[str, Callable[[str], str], str], str]  # text, new spelling, filter
    say: Callable[[str], str]
    words: Callable[[str], str]  # what is written in it, without the values
    shift: str
    per_part: Decimal | None


def swaps(text: str, shift: str = "", per_part: Decimal | None = None) -> list[Swap]:
    """Spellings that look alike, the least change first; none when the text is cheap already."""
    return _alike(text, _Text(lambda said, spell, _: spell(said), str, str, shift, per_part))


def in_latin(
    text: str, language: str = "", shift: str = "", per_part: Decimal | None = None
) -> Swap | None:
    """The text in Latin letters, where that saves a part."""
    how = _Text(lambda said, spell, _: spell(said), str, str, shift, per_part)
    return _latin(text, language, how)


def offers(
    template: str,
    values: Mapping[str, object],
    language: str = "",
    shift: str = "",
    per_part: Decimal | None = None,
) -> list[Swap]:
    """The same for a template that is about to be saved: `text` is the new template, what is saved
    is counted on the text for these values, and Latin letters come last."""
    how = _Text(
        change=_outside_tags,
        say=lambda one: render(one, values),
        words=lambda one: _TAG.sub("", one),
        shift=shift,
        per_part=per_part,
    )
    latin = _latin(template, language, how)
    return [*_alike(template, how), *([latin] if latin else [])]


# ------------------------------------------------------------------ alike


def _alike(text: str, how: _Text) -> list[Swap]:
    before = measure(how.say(text), how.shift)
    if before.parts == 1 or before.encoding == "GSM-7":
        return []
    allowed = frozenset().union(*(one.letters for one in alphabets(how.shift)))
    found: list[Swap] = []
    changes: dict[str, str] = {}
    cheaper = text
    for kind, spell in _SPELLINGS:
        is_bold = kind in ("accents", "pictures")  # such letters come with people's names too
        seen = how.say(cheaper) if is_bold else how.words(cheaper)
        new = {one: spell(one) for one in _costly(seen, allowed) if spell(one) != one}
        if not new:
            continue
        changes |= new
        cheaper = how.change(cheaper, _speller(new), "gsm" if kind == "accents" else "")
        saved = before.parts - measure(how.say(cheaper), how.shift).parts
        if saved > (found[-1].parts_saved if found else 0):
            found.append(_swap(kind, tuple(changes.items()), cheaper, saved, how))
    return found


def _swap(
    kind: Kind, changes: tuple[tuple[str, str], ...], text: str, saved: int, how: _Text
) -> Swap:
    money = None if how.per_part is None else saved * how.per_part
    return Swap(changes, text, saved, kind, money, how.say(text))


_MARKED = re.compile("[^\\W\\d_][\u0300-\u036f]+")  # a letter and its accents, one by one


def _costly(text: str, allowed: frozenset[str]) -> list[str]:
    """What stands outside the alphabet, sorted; a letter with loose accents counts as one."""
    marked = set(_MARKED.findall(text))
    return sorted(marked | (set(_MARKED.sub("", text)) - allowed))


def _typographic(letter: str) -> str:
    return spelling.TYPOGRAPHIC.get(letter, _whole(letter))


def _whole(letter: str) -> str:
    return normalize("NFC", letter)


def _unmarked(letter: str) -> str:
    return "".join(spelling.unaccented(one) for one in _whole(letter) if not combining(one))


def _unpictured(letter: str) -> str:
    return "" if spelling.is_picture(letter) else letter


_SPELLINGS: tuple[tuple[Kind, Callable[[str], str]], ...] = (
    ("typographic", _typographic),
    ("look_alikes", lambda letter: spelling.LOOK_ALIKES.get(letter, letter)),
    ("accents", _unmarked),
    ("pictures", _unpictured),
)


def _speller(new: Mapping[str, str]) -> Callable[[str], str]:
    """Puts the new for the old; where a picture goes, the gap it leaves goes too."""
    old = re.compile("|".join(re.escape(one) for one in sorted(new, key=len, reverse=True)))
    gone = "".join(one for one, other in new.items() if not other and spelling.is_picture(one))
    gap = re.compile(f" *[{re.escape(gone)}]+(?=[ .,!?]|$)", re.M) if gone else None

    def spell(text: str) -> str:
        text = gap.sub("", text) if gap else text
        return old.sub(lambda match: new[match[0]], text)

    return spell


# ------------------------------------------------------------------ Latin letters


def _latin(text: str, language: str, how: _Text) -> Swap | None:
    said = how.say(text)
    if not spelling.has_cyrillic(said):
        return None
    language = language if language in spelling.LANGUAGES else ""
    name = f'latin: "{language}"' if language else "latin"
    new = how.change(text, lambda words: spelling.to_latin(words, language), name)
    saved = measure(said, how.shift).parts - measure(how.say(new), how.shift).parts
    if saved <= 0:
        return None
    letters = sorted({one.lower() for one in said if spelling.has_cyrillic(one)})
    changes = tuple((one, spelling.to_latin(one, language)) for one in letters)
    return _swap("latin", changes, new, saved, how)


# ------------------------------------------------------------------ templates

_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.S)
_VALUE = re.compile(r"\{\{(-?) *(.*?) *(-?)\}\}", re.S)


def _outside_tags(template: str, spell: Callable[[str], str], named: str) -> str:
    """Words are spelled anew; what is filled in gets the filter that does the same to it."""
    found, end = [], 0
    for tag in _TAG.finditer(template):
        found += [spell(template[end : tag.start()]), _filtered(tag[0], named)]
        end = tag.end()
    return "".join([*found, spell(template[end:])])


def _filtered(tag: str, named: str) -> str:
    value = _VALUE.fullmatch(tag)
    if not named or value is None or re.search(rf"\| *{named.partition(':')[0]}\b", value[2]):
        return tag
    return f"{{{{{value[1]} {value[2]} | {named} {value[3]}}}}}"
