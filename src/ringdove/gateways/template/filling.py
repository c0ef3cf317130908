"""Fills in what a merchant wrote for an operator: {{ to }}, {{ text }} … in addresses and bodies.

What is filled in is written so that it stays one value where it stands: a quotation mark cannot end
a JSON text, an ampersand cannot begin another field, a line end cannot begin another header. Only
`raw` leaves a value as it is; base64, hex, digits … change it before.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, TextIO
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import liquid
from liquid.builtin.output import Output, OutputNode
from liquid.exceptions import LiquidError
from liquid.stringify import to_liquid_string

LETTERS_MAX: Final = 20_000


class Wrong(ValueError):
    """What a merchant wrote cannot be read; the text says what to do."""


class _Raw(str):
    """Is put down as it is."""


def _json(words: str) -> str:
    return json.dumps(words, ensure_ascii=False)[1:-1]


def _xml(words: str) -> str:
    # What XML 1.0 has no letters for would make the whole of it unreadable.
    clean = "".join(one for one in words if one >= " " or one in "\t\n\r")
    return escape(clean, {'"': "&quot;", "'": "&apos;"})


def _header(words: str) -> str:
    return "".join(one for one in words if " " <= one != "\x7f").strip()


WRITTEN: Final[dict[str, Callable[[str], str]]] = {
    "url": lambda words: quote(words, safe=""),
    "form": quote_plus,
    "json": _json,
    "xml": _xml,
    "text": str,
    "header": _header,
}
FILTERS: Final[dict[str, Callable[[Any], str]]] = {
    "raw": lambda value: _Raw(value),
    "url": lambda value: _Raw(quote(str(value), safe="")),
    "json": lambda value: _Raw(_json(str(value))),
    "xml": lambda value: _Raw(_xml(str(value))),
    "digits": lambda value: "".join(one for one in str(value) if one in "0123456789"),
    "base64": lambda value: base64.b64encode(str(value).encode()).decode(),
    "hex": lambda value: str(value).encode().hex(),
    "ucs2_hex": lambda value: str(value).encode("utf-16-be", "replace").hex(),
    "md5": lambda value: hashlib.md5(str(value).encode(), usedforsecurity=False).hexdigest(),
    "sha256": lambda value: hashlib.sha256(str(value).encode()).hexdigest(),
}


class _Node(OutputNode):
    def render_to_output(self, context: liquid.RenderContext, buffer: TextIO) -> int:
        value = self.expression.evaluate(context)
        words = to_liquid_string(value, autoescape=False)
        if not isinstance(value, _Raw):
            assert isinstance(context.env, _Liquid)
            words = context.env.written(words)
        return buffer.write(words)


class _Output(Output):
    node_class = _Node


class _Liquid(liquid.Environment):
    block_nesting_limit = 10
    context_depth_limit = 20
    loop_iteration_limit = 100
    local_namespace_limit = 100_000
    output_stream_limit = 200_000
    written: Callable[[str], str] = staticmethod(str)


@cache
def _environment(place: str) -> _Liquid:
    env = _Liquid(tolerance=liquid.Mode.STRICT, strict_filters=True)
    for tag in ("include", "render", "increment", "decrement", "tablerow"):
        env.tags.pop(tag, None)
    env.filters.pop("date", None)  # it reads the clock for "now"
    env.filters |= FILTERS
    env.add_tag(_Output)
    env.written = WRITTEN[place]
    return env


def fill(template: str, place: str, values: Mapping[str, Any]) -> str:
    """The template with its values, written for the place where it stands (a key of WRITTEN).
    Raises Wrong."""
    try:
        return _environment(place).from_string(template).render(**values)
    except (LiquidError, RecursionError) as error:
        raise Wrong(_why(error)) from None


def check(template: str, place: str, known: frozenset[str]) -> None:
    """Raises Wrong for what cannot be read and for names that nobody fills in."""
    if len(template) > LETTERS_MAX:
        raise Wrong(f"at most {LETTERS_MAX} letters")
    try:
        asked = set(_environment(place).from_string(template).global_variables())
    except (LiquidError, RecursionError) as error:
        raise Wrong(_why(error)) from None
    if strange := sorted(str(name) for name in asked - known):
        raise Wrong(f"{{{{ {strange[0]} }}}} is not known: there are {', '.join(sorted(known))}")


def _why(error: Exception) -> str:
    words = str(error) if isinstance(error, LiquidError) else "it is nested too deeply"
    return " ".join(words.split())[:200]
