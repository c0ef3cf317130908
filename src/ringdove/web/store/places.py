"""Countries, time zones, currencies: what they are called, and a sensible guess for a new store."""

from functools import cache
from zoneinfo import available_timezones

from babel import Locale
from babel.core import get_global
from babel.numbers import get_territory_currencies

TEXT_LANGUAGES = ("en", "ru", "be", "it", "es")  # of texts to customers, with ready recipes
LANGUAGE_NAMES = {
    "en": "English",
    "ru": "Русский",
    "be": "Беларуская",
    "it": "Italiano",
    "es": "Español",
}
SPOKEN = {
    "BY": ["ru", "be"],
    "RU": ["ru"],
    "KZ": ["ru"],
    "KG": ["ru"],
    "IT": ["it"],
    "SM": ["it"],
    "CH": ["it", "en"],
    **{code: ["es"] for code in "ES MX AR CL CO PE EC UY PY BO CR PA DO GT HN NI SV VE".split()},
}
# Where a country has several, Babel's first is not where most of its shops are.
MAIN_ZONE = {
    "US": "America/New_York",
    "RU": "Europe/Moscow",
    "ES": "Europe/Madrid",
    "PT": "Europe/Lisbon",
    "DE": "Europe/Berlin",
    "UA": "Europe/Kyiv",
    "KZ": "Asia/Almaty",
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "MX": "America/Mexico_City",
    "CN": "Asia/Shanghai",
    "AR": "America/Argentina/Buenos_Aires",
    "CL": "America/Santiago",
    "EC": "America/Guayaquil",
    "NZ": "Pacific/Auckland",
    "ID": "Asia/Jakarta",
}


@cache
def countries(language: str) -> list[tuple[str, str]]:
    """Every country as (code, name), by name."""
    named = Locale.parse(language).territories
    known = get_global("territory_zones")
    real = (code for code in known if len(code) == 2 and code != "ZZ")  # ZZ: "unknown region"
    found = [(code, named[code]) for code in real if code in named]
    return sorted(found, key=lambda pair: pair[1].casefold().replace("ё", "е"))


def language_name(code: str, language: str) -> str:
    """A language in the words of another, as a line of its own begins."""
    named = Locale.parse(language).languages.get(code, code)
    return str(named[:1].upper() + named[1:])


@cache
def currencies(language: str) -> list[tuple[str, str]]:
    """Every currency in use as (code, "code · name")."""
    named = Locale.parse(language).currencies
    used = {code for country, _ in countries("en") for code in get_territory_currencies(country)}
    return sorted((code, f"{code} · {named.get(code, code)}") for code in used)


@cache
def known_zones() -> frozenset[str]:
    """Every name of a time zone; to find them all, the system's folders are read."""
    return frozenset(available_timezones())


@cache
def zones() -> list[tuple[str, str]]:
    """Every time zone that a place has, as (name, "place (offset)")."""
    placed = {zone for country in get_global("territory_zones").values() for zone in country}
    return [(zone, zone.replace("_", " ")) for zone in sorted(placed & known_zones())]


def zone_of(country: str) -> str:
    """The time zone in which most of a country's shops are."""
    found = MAIN_ZONE.get(country) or next(
        (z for z in get_global("territory_zones").get(country, ()) if z in known_zones()),
        "UTC",
    )
    return str(found)


def currency_of(country: str) -> str:
    """The money of a country."""
    return next(iter(get_territory_currencies(country)), "EUR") if country else "EUR"


def languages_of(country: str, page_language: str) -> list[str]:
    """The languages of texts that a store in this country most likely wants."""
    return SPOKEN.get(country) or ([page_language] if page_language in TEXT_LANGUAGES else ["en"])


def country_of(accept_language: str) -> str:
    """A guess from what the browser asks for: "it-CH" says more than "it"."""
    for piece in accept_language[:200].replace(";", ",").split(","):
        language, _, region = piece.strip().partition("-")
        if len(region) == 2 and region.isalpha():
            return region.upper()
        if language in ("it", "be", "ru", "es"):
            return {"be": "BY"}.get(language, language.upper())
    return ""
