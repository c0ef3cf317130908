"""Which language a person is written to, its ready phrases, and how it says money and days.

Phrases lie in locales/<language>/phrases.toml; what a language lacks is said in English. Money and
days come out without the invisible letters (non-breaking spaces, accents outside GSM 03.38) that
would turn a text of one part into three (N6).
"""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.languages import get_official_languages
from babel.numbers import format_currency, format_decimal, get_currency_symbol

from ringdove.rules import gsm, texts

FALLBACK = "en"
CYRILLIC = frozenset({"ru", "be", "uk", "bg", "kk"})
# A Belarusian speaker reads Russian, the country's other official language; not the reverse.
_RELATIVES = {"be": "ru"}


# Choosing


def choose(preferred: str | None, country: str | None, offered: Sequence[str]) -> str:
    """The person's own language, then one of the country's, then English, then the shop's first."""
    if not offered:
        return FALLBACK
    wish = base_of(preferred)
    for language in (wish, _RELATIVES.get(wish, "")):
        if language in offered:
            return language
    if not country:
        return offered[0]
    spoken = spoken_in(country.upper())
    for language in offered:
        if language in spoken:
            return language
    return FALLBACK if FALLBACK in offered else offered[0]


def base_of(tag: str | None) -> str:
    """Both "ru-RU" and "RU" are ru."""
    return (tag or "").replace("_", "-").partition("-")[0].strip().lower()


@lru_cache(512)
def spoken_in(country: str) -> frozenset[str]:
    return frozenset(get_official_languages(country, de_facto=True))


# Phrases


@cache
def phrases(language: str) -> Mapping[str, Any]:
    """`replies`, `answers` and `recipes` of a language, each missing key in English."""
    return _over(phrases_of(FALLBACK), phrases_of(base_of(language)))


@cache
def languages_present() -> tuple[str, ...]:
    """Every language that has a folder with phrases."""
    folders = (files("ringdove") / "locales").iterdir()
    return tuple(sorted(f.name for f in folders if (f / "phrases.toml").is_file()))


@cache
def phrases_of(language: str) -> Mapping[str, Any]:
    """What the language itself has."""
    file = files("ringdove") / "locales" / language / "phrases.toml"
    if not language.isalpha() or not file.is_file():
        return {}
    return tomllib.loads(file.read_text("utf-8"))


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = below.get(key)
        merged[key] = _over(old, value) if isinstance(old, dict) else value
    return merged


# Saying


@lru_cache(16_384)
def say_money(amount: Decimal, currency: str, language: str) -> str:
    """A sum as the language writes it; whole sums without ".00"."""
    locale = _locale(language)
    whole = amount == amount.to_integral_value()
    if len(currency) != 3:
        return _plain(format_decimal(amount, locale=locale), language)
    pattern = locale.currency_formats["standard"].pattern
    pattern = pattern.replace(".00", "") if whole else pattern
    said = format_currency(amount, currency, pattern, locale=locale, currency_digits=not whole)
    symbol, sign = get_currency_symbol(currency, locale), _sign(currency, language)
    if sign and sign != symbol:
        said = _with_sign(said, symbol, sign)
    elif said.startswith(currency):
        said = _with_sign(said, currency, currency)
    return _plain(said, language)


def _sign(currency: str, language: str) -> str:
    """What people write by hand: ₽ is missing on many phones, zł outside GSM 03.38."""
    if language in CYRILLIC:
        return {"RUB": "руб."}.get(currency, "" if currency in ("EUR", "USD") else currency)
    symbol = get_currency_symbol(currency, _locale(language))
    return "" if gsm.fits(symbol) else currency


def _with_sign(said: str, symbol: str, sign: str) -> str:
    number = said.replace(symbol, "").strip("\u00a0\u202f ")
    return f"{sign} {number}" if said.startswith(symbol) else f"{number} {sign}"


@lru_cache(4_096)
def say_day(day: date, language: str) -> str:
    """As "Tue 24 Nov", in the language's own short names."""
    # Russian and Belarusian shorten months with a dot, which reads as the end of the sentence.
    pattern = "EEE d MMMM" if language in CYRILLIC else "EEE d MMM"
    return _plain(format_date(day, pattern, locale=_locale(language)), language).replace(".", "")


def say_hours(start: time | datetime, end: time | datetime, language: str) -> str:
    """As "10:00-14:00": the clock of 24 hours is read in every language served."""
    begin, until = f"{start:%H:%M}", f"{end:%H:%M}"
    return begin if begin == until else f"{begin}-{until}"


@cache
def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale.parse(FALLBACK)


def _plain(said: str, language: str) -> str:
    return texts.to_gsm(said) if language not in CYRILLIC else texts.plain(said)
