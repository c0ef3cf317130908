"""The texts of the past, written fast: each recipe is rendered once per language with blanks in it.

A year of texts through Liquid would take the demo's start three seconds longer. The words are the
recipes' own; tests/demo compares a filled blank with what rules/texts.render says.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from ringdove.rules import languages, texts
from ringdove.rules.scenes import Store

_OPEN, _CLOSE = "\ue000", "\ue001"  # letters that no text has
Values = Mapping[str, str]  # "order.number": "42"


class Letters:
    """Writes the texts of one store."""

    def __init__(self, store: Store) -> None:
        self._zone = ZoneInfo(store.time_zone)
        self._shop = {
            "name": store.name, "url": store.website, "phone": store.phone, "email": store.email,
        }  # fmt: skip
        self._blanks: dict[tuple[str, str, str, frozenset[str]], list[str]] = {}

    def write(self, words: str, language: str, values: Values) -> str:
        """The text `recipes.order_paid.sms` or `answers.help` in this language."""
        section, _, rest = words.partition(".")
        key = (section, rest, language, frozenset(values))
        blank = self._blanks.get(key)
        if blank is None:
            blank = self._blanks[key] = self._render(section, rest, language, values)
        # Every second piece is the name of a value.
        filled = blank[:]
        filled[1::2] = [values[name] for name in blank[1::2]]
        return "".join(filled)

    def _render(self, section: str, rest: str, language: str, values: Values) -> list[str]:
        found = languages.phrases(language)[section]
        for name in rest.split("."):
            found = found[name]
        nouns: dict[str, Any] = {"shop": self._shop}
        for name in values:
            noun, _, part = name.partition(".")
            blank = f"{_OPEN}{name}{_CLOSE}"
            if part:
                nouns.setdefault(noun, {})[part] = blank
            else:
                nouns[noun] = blank
        said = texts.render(found, nouns)
        return said.replace(_CLOSE, _OPEN).split(_OPEN)

    def day(self, at: datetime, language: str) -> str:
        """The day as the language says it, in the shop's zone."""
        return _day(at.astimezone(self._zone).date(), language)

    def hours(self, first: datetime, last: datetime, language: str) -> str:
        """The hours between two moments."""
        return _hours(first.astimezone(self._zone).hour, last.astimezone(self._zone).hour, language)


@cache
def _day(day: date, language: str) -> str:
    return languages.say_day(day, language)


@cache
def _hours(first: int, last: int, language: str) -> str:
    at = datetime(2000, 1, 1)
    return languages.say_hours(
        at.replace(hour=first).time(), at.replace(hour=last).time(), language
    )


@cache
def money(amount: Decimal, currency: str, language: str) -> str:
    """A sum as the language writes it."""
    return languages.say_money(amount, currency, language)


@cache
def spoken(language: str, country: str, offered: tuple[str, ...]) -> str:
    """The language in which a person is written to."""
    return languages.choose(language, country, offered)
