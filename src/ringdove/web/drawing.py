"""Draws templates: one Jinja environment a language, and addresses of static files.

A static address carries a hash of the file's content, so browsers may keep it for a year. What is
missing from a template's context is an error, never an empty string.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from ringdove.kit import i18n
from ringdove.rules import texts
from ringdove.web import charts
from ringdove.web.menu import MENU, role_names
from ringdove.web.reasons import reason_words, state_tone, state_words, why_words
from ringdove.web.speech import Speech
from ringdove.web.store.places import LANGUAGE_NAMES

HERE = Path(__file__).parent
STATIC = HERE / "static"


@cache
def static_url(name: str) -> str:
    """The address of a file under static/, with the hash of its content."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def _said(method: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that asks the Speech of the page being drawn."""

    @pass_context
    def ask(context: Context, *given: Any) -> Any:
        return method(context["say"], *given)

    return ask


@pass_context
def _counted(context: Context, one: str, many: str, n: int, **values: Any) -> str:
    """A text that counts, with its number as the reader's language writes it."""
    say: Speech = context["say"]
    said = i18n.catalogue(say.language).ngettext(one, many, n)
    return Markup(said) % ({"num": say.number(n)} | values)


FILTERS: dict[str, Callable[..., Any]] = {
    "when": Speech.when,
    "exact": Speech.exact,
    "day": Speech.day,
    "clock": Speech.clock,
    "clock_ms": Speech.clock_ms,
    "money": Speech.money,
    "price": Speech.price,
    "number": Speech.number,
    "percent": Speech.percent,
    "phone": Speech.phone,
}


@cache
def environment(language: str) -> Environment:
    """Everything that templates of this language have at hand."""
    env = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    words = i18n.catalogue(language)
    # The i18n extension adds this method while it is loaded; Jinja's types do not know it.
    install: Callable[..., None] = env.install_gettext_callables  # type: ignore[attr-defined]
    install(words.gettext, words.ngettext, newstyle=True)
    env.filters |= {name: _said(method) for name, method in FILTERS.items()}
    env.globals |= {
        "ngettext": _counted,
        "static": static_url,
        "bars": charts.bars,
        "dots": charts.dots,
        "span": charts.span,
        "spark": charts.spark,
        "menu": MENU,
        "role_names": role_names,
        "reason_words": reason_words,
        "state_words": state_words,
        "state_tone": state_tone,
        "why_words": why_words,
        "alphabets": texts.counters(),
        "offered_languages": [(code, LANGUAGE_NAMES[code]) for code in i18n.languages()],
    }
    return env


def draw(template: str, say: Speech, **context: Any) -> str:
    """The page as HTML."""
    return environment(say.language).get_template(template).render(say=say, **context)
