"""What a text says to one person: Liquid with fallbacks for what is missing, checked when saved.

Rendering never lets a template read a clock or a file, and never fails for a value that is not
there: it leaves no gap and no lonely comma (R25).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import liquid
from liquid.exceptions import LiquidError

from ringdove.rules.texts import spelling

TEMPLATE_LETTERS_MAX = 10_000
TEMPLATES_CACHED = 2048

KNOWN_VARIABLES = frozenset(
    f"{noun}.{name}"
    for noun, names in {
        "shop": "name url phone email",
        "customer": "first_name name",
        "order": "number total items payment_url url",
        "parcel": "number carrier url shipped_on pickup_point pickup_until",
        "delivery": "day hours old_day old_hours",
        "return": "number label_url instructions reason",
        "refund": "amount expected_on",
        "invoice": "number url",
        "reward": "code link until points",
        "form": "frequency",
        "cart": "items total url",
        "product": "name price url",
        "goods": "names link",
        "offer": "code until discount name link",
        "complaint": "number note",
        "due": "category",
        "answer": "text",
        "survey": "question link low high score comment reason",
    }.items()
    for name in names.split()
) | {"stop_url", "link", "field"}


class TemplateBroken(ValueError):
    """A template that cannot be read or filled; the message is for the person who wrote it."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


# Liquid


class _SmsLiquid(liquid.Environment):
    """Limits a merchant's template can reach only by mistake."""

    block_nesting_limit = 10
    context_depth_limit = 20
    loop_iteration_limit = 1_000
    local_namespace_limit = 100_000
    output_stream_limit = 40_000


_SPELLINGS: dict[str, Callable[..., str]] = {
    "gsm": lambda value: spelling.to_gsm(str(value)),
    "latin": lambda value, language="": spelling.to_latin(str(value), language),
}


def _environment() -> liquid.Environment:
    env = _SmsLiquid(tolerance=liquid.Mode.STRICT, strict_filters=True)
    for tag in ("include", "render", "increment", "decrement", "tablerow"):
        env.tags.pop(tag, None)
    env.filters.pop("date", None)  # it reads the clock for "now"; days come already written out
    env.filters |= _SPELLINGS
    return env


_ENVIRONMENT = _environment()
_RANGE = re.compile(r"\{[{%][^{}%]*\([^(){}%]*\.\.")


def render(template: str, values: Mapping[str, object]) -> str:
    """The text for one person. What is missing leaves no trace: no gap, no lonely comma. A value
    may be a function without arguments, called only when the template asks for it."""
    present = _present(values, _asked(template))
    filled = _fill(_simple(template), present)
    if filled is None:
        try:
            filled = _parsed(template).render(**present)
        except LiquidError as error:
            raise _broken(error) from error
    return _tidy(filled)


_NAMED = re.compile(
    r"\{\{ ?(stop_url|link[2-4]?(?![\w.])|\w+(?=\.))(?:\.(\w+))?"
    r'(?: \| (?:(gsm)|(latin)(?:: "([a-z]+)")?))? ?\}\}'
)
_IF = re.compile(r"\{% if (\w+)\.(\w+) %\}(.*?)\{% endif %\}", re.S)
_Spell = Callable[..., str] | None
_Words = tuple[
    tuple[str, str, str, _Spell, str], ...
]  # words, then noun, name ("": it stands alone), spelling of a value
_Simple = tuple[tuple[str, str, _Words], ...]  # said if there is such a noun and name; "": always


@lru_cache(TEMPLATES_CACHED)
def _simple(template: str) -> _Simple | None:
    """A template that only names values and asks at most whether one is there; None: another."""
    stretches, end = [], 0
    for match in _IF.finditer(template):
        stretches += [("", "", template[end : match.start()]), (match[1], match[2], match[3])]
        end = match.end()
    stretches.append(("", "", template[end:]))
    found = []
    for noun, name, said in stretches:
        if "{" in _NAMED.sub("", said):
            return None
        found.append((noun, name, tuple(_words(said))))
    return tuple(found)


def _words(said: str) -> Iterator[tuple[str, str, str, _Spell, str]]:
    end = 0
    for match in _NAMED.finditer(said):
        spell = _SPELLINGS.get(match[3] or match[4])
        yield said[end : match.start()], match[1], match[2] or "", spell, match[5] or ""
        end = match.end()
    yield said[end:], "", "", None, ""


def _fill(simple: _Simple | None, values: Mapping[str, Any]) -> str | None:
    """As Liquid does, in a tenth of its time; None where Liquid must decide."""
    if simple is None:
        return None
    filled: list[str] = []
    for needed, needed_name, words in simple:
        if needed and not values.get(needed, {}).get(needed_name):
            continue
        for before, noun, name, spell, language in words:
            value = values.get(noun, {}).get(name, "") if name else values.get(noun, "")
            if not isinstance(value, str):
                return None
            if spell and value:
                value = spell(value, language) if language else spell(value)
            filled += (before, value)
    said = "".join(filled)
    return None if "\r" in said else said  # Liquid makes line ends alike


class Form(NamedTuple):
    """A template whose words are fixed but for some values: `said % values` is its text."""

    said: str
    names: tuple[str, ...]  # paths of the values, in their order


@lru_cache(TEMPLATES_CACHED)
def form_of(template: str, present: frozenset[str]) -> Form | None:
    """The same text as `render` makes, once for all people who have the same of its values
    (`present`: paths of those that are there) and whose values are calm (`is_calm`). None where
    only Liquid can tell: loops, filters, other questions than whether a value is there."""
    simple = _simple(template)
    if simple is None:
        return None
    asked = {f"{n}.{name}" if name else n for _, _, said in simple for _, n, name, *_ in said if n}
    marks = {path: f"x{place}x" for place, path in enumerate(sorted(asked & present))}
    values: dict[str, Any] = {}
    for path in present:
        noun, _, name = path.partition(".")
        if name:
            values.setdefault(noun, {})[name] = marks.get(path, "x")
        else:
            values[noun] = marks.get(path, "x")
    if any(spell for _, _, said in simple for *_, spell, _ in said) or "x0x" in template:
        return None
    filled = _fill(simple, values)
    if filled is None:
        return None
    text = _tidy(filled)
    if _tidy(text) != text:
        return None  # tidied words can look untidy once more
    found = re.split(r"(x\d+x)", text.replace("%", "%%"))
    paths = {mark: path for path, mark in marks.items()}
    if any(mark not in found and mark in filled for mark in paths):
        return None
    said = "".join("%s" if one in paths else one for one in found)
    return Form(said, tuple(paths[one] for one in found if one in paths))


@lru_cache(65_536)
def is_calm(value: str) -> bool:
    """Whether a value changes nothing of the words around it: it begins and ends with a letter or
    digit, and nothing in it is to be tidied."""
    calm = value[:1].isalnum() and value[-1:].isalnum() and "\r" not in value
    return calm and not _UNTIDY.search(value)


def _present(
    values: Mapping[str, object], asked: Mapping[str, frozenset[str]]
) -> dict[str, object]:
    """What is asked for, without empty values: in Liquid an empty string is true, to a merchant it
    is missing."""
    found: dict[str, object] = {}
    for name, parts in asked.items():
        value = values.get(name)
        value = value() if callable(value) else value
        if not isinstance(value, str) and isinstance(value, Mapping):
            value = _present(value, dict.fromkeys(parts or value, frozenset()))
        if value is not None and value != "":
            found[name] = value
    return found


@lru_cache(TEMPLATES_CACHED)
def _asked(template: str) -> Mapping[str, frozenset[str]]:
    """The names that a template asks for, and of each its parts; no parts: all of it."""
    asked: dict[str, set[str]] = {}
    whole = set()
    for path in variables(template):
        name, _, rest = path.partition(".")
        part = rest.partition(".")[0]
        asked.setdefault(name, set()).add(part)
        if not part:
            whole.add(name)
    return {name: frozenset(() if name in whole else parts) for name, parts in asked.items()}


def variables(template: str) -> set[str]:
    """Every value the template asks for, as dotted paths."""
    asked = _parsed(template).analyze().globals
    return {_path(variable.segments) for uses in asked.values() for variable in uses}


@lru_cache(TEMPLATES_CACHED)
def _parsed(template: str) -> liquid.BoundTemplate:
    if len(template) > TEMPLATE_LETTERS_MAX:
        raise TemplateBroken(f"longer than {TEMPLATE_LETTERS_MAX} letters", 1)
    # `(1..1000000000) | join` is legal Liquid and would fill the memory before any limit looks.
    if found := _RANGE.search(template):
        line = template.count("\n", 0, found.start()) + 1
        raise TemplateBroken("ranges such as (1..5) cannot be used here", line)
    try:
        parsed = _ENVIRONMENT.from_string(template)
        unknown = sorted(set(parsed.filter_names()) - set(_ENVIRONMENT.filters))
    except LiquidError as error:
        raise _broken(error) from error
    if unknown:
        line = template.count("\n", 0, template.find(unknown[0])) + 1
        raise TemplateBroken(f"there is no filter “{unknown[0]}”", line)
    return parsed


def _broken(error: LiquidError) -> TemplateBroken:
    place = error.context()
    return TemplateBroken(str(error.message or "cannot be read"), place[0] if place else 1)


def _path(segments: Sequence[object]) -> str:
    names = []
    for segment in segments:
        if not isinstance(segment, str):
            break
        names.append(segment)
    return ".".join(names)


_TIDYINGS = tuple(
    (re.compile(pattern), becomes)
    for pattern, becomes in (
        (r"\( *\)", ""),
        (r"[ \t]{2,}", " "),
        (r" +(?=[,;.](?:\s|$))", ""),
        (r"([,;])(?:\s*[,;])+(?=\s|$)", r"\1"),
        (r"[,;](?=[.!?](?:\s|$))", ""),
        (r"(?m)^[ \t]+|[ \t]+$", ""),
        (r"\n{3,}", "\n\n"),
    )
)
_LONELY_START = re.compile(r"\s*[,;]\s*(\w?)")
_UNTIDY = re.compile("|".join(p.pattern for p, _ in _TIDYINGS).replace("(?m)", ""), re.M)


def _tidy(text: str) -> str:
    if _UNTIDY.search(text):  # seldom: one look instead of seven
        for pattern, becomes in _TIDYINGS:
            text = pattern.sub(becomes, text)
    # ", your order" was "Anna, your order": the sentence now begins with its next word.
    if lonely := _LONELY_START.match(text):
        text = lonely[1].upper() + text[lonely.end() :]
    return text.strip()
