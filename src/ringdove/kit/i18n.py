"""Texts of the pages: gettext catalogues, read from locales/<code>/pages.po at start.

English is in the sources and is what shows where a translation is missing. No compiled files:
what a translator writes is what runs.
"""

from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

SOURCE_LANGUAGE = "en"
LOCALES = files("ringdove") / "locales"


def languages() -> list[str]:
    """Codes of the languages that the pages are offered in, English first."""
    found = [f.name for f in LOCALES.iterdir() if f.is_dir() and (f / "pages.po").is_file()]
    return [SOURCE_LANGUAGE, *sorted(set(found) - {SOURCE_LANGUAGE})]


@lru_cache(maxsize=64)
def catalogue(language: str) -> NullTranslations:
    """gettext, ngettext, pgettext, npgettext in that language; English where it has nothing."""
    for code in (language, language.split("-")[0].split("_")[0]):
        if code in languages():
            file = LOCALES / code / "pages.po"
            return read_catalogue(file, code) if file.is_file() else NullTranslations()
    return NullTranslations()


def read_catalogue(file: Traversable, code: str) -> Translations:
    """One catalogue from its file; entries marked fuzzy are left out, as gettext does."""
    with file.open("rb") as source:
        catalog = read_po(source, locale=code)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return Translations(compiled, domain="messages")


def best_language(accept: str, offered: list[str] | None = None) -> str:
    """The language of a browser's Accept-Language that we have; else English."""
    known = offered or languages()
    wishes = []
    for position, part in enumerate(accept.split(",")):
        code, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            weight = 0.0
        wishes.append((-weight, position, code.split("-")[0].lower()))
    for weight, _, code in sorted(wishes):
        if weight < 0 and code in known:
            return code
    return SOURCE_LANGUAGE
