"""Phone numbers as people type them, and what a number tells: country, kind, possible zones.

A field of an order holds national forms, two numbers, a name, a slip of the finger. `parse` reads
it with the order's country and either is sure (`Phone`) or says why a person must look
(`Doubtful`); it never guesses a country. A whole number never goes into a log: `mask` it (P9).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import phonenumbers
from babel.core import get_global
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from phonenumbers.timezone import time_zones_for_geographical_number
from phonenumbers.tzdata import TIMEZONE_DATA

from ringdove.rules.people.regions import ZONES_OF_REGION

Kind = Literal["mobile", "landline", "unknown"]

FIELD_LETTERS_MAX = 200
DIGITS_MIN, DIGITS_MAX = 7, 17  # ITU-T E.164 allows 15, and an exit code may stand before them
FULL_DIGITS_MIN = 11  # below, digits without a plus are too easily another country's number
HIDDEN_DIGITS_MIN = 5


@dataclass(frozen=True, slots=True)
class Phone:
    e164: str
    country: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Doubtful:
    raw: str
    reason: str


# Reading a field


@lru_cache(16_384)
def parse(raw: str, country: str | None) -> Phone | Doubtful:
    """The first mobile number of the field; without one, the first number of any kind."""
    if len(raw) > FIELD_LETTERS_MAX:
        return Doubtful(raw[:FIELD_LETTERS_MAX], "longer than a phone number can be")
    country = country.upper() if country else None
    if country not in phonenumbers.SUPPORTED_REGIONS:
        country = None
    found: Phone | None = None
    for written in _numbers_in(raw):
        phone = _understand(written, country)
        if phone and phone.kind == "mobile":
            return phone
        found = found or phone
    return found or Doubtful(raw, _why_not(raw, country))


_BETWEEN = re.compile(r"[,;/|\n\r&]+|(?<=\d)\s+(?=\+)|\s(?:или|ці|or|oppure|lub|и|y|o)\s", re.I)
_EXTENSION = re.compile(r"(?<![^\W\d])(?:доб|вн|ext|int|wew|x)\.?:?\s*\d{1,6}\s*$", re.I)
_DIAL = r"[\d\s().\-‐‑‒–—−_]"
# Not behind a letter that stands between digits: "8O29 1112233" has a letter for a zero.
_NUMBER = re.compile(rf"(?<!\d[^\W\d_])(?<![\d(])[+＋]?[\d(]{_DIAL}*\d")
_SLASHED = re.compile(rf"(?:{_DIAL}|[+＋/])+").fullmatch


def _numbers_in(raw: str) -> Iterator[str]:
    """Stretches of digits that may be a number, in their order."""
    pieces = [_EXTENSION.sub("", piece) for piece in _BETWEEN.split(raw)]
    runs = [run for piece in pieces for run in _NUMBER.findall(piece)]
    yield from runs
    if len(runs) > 1 and _SLASHED(raw):
        yield "".join(runs)  # "029/111-22-33": the separator was part of the number


def _digits_of(written: str) -> int:
    return sum(letter.isdigit() for letter in written)


def _understand(written: str, country: str | None) -> Phone | None:
    if not DIGITS_MIN <= _digits_of(written) <= DIGITS_MAX:
        return None
    plus = written[0] in "+＋"
    bare = "".join(letter for letter in written if letter.isdigit())
    if plus:
        phone = _read("+" + bare, None)
    elif bare.startswith("00"):  # the exit code of most countries, typed in all of them
        phone = _read("+" + bare[2:], None)
    else:
        phone = None
    if phone or (country is None and plus):
        return phone
    if country and (phone := _read(bare, country)):
        # "+8 029 …": a plus before a national form is a slip, if the rest is clearly a mobile.
        return phone if not plus or phone.kind == "mobile" else None
    # "375291112233" in any country's field: whole, only the plus is missing.
    if not plus and len(bare) >= FULL_DIGITS_MIN and not bare.startswith("0"):
        phone = _read("+" + bare, None)
        return phone if phone and phone.kind == "mobile" else None
    return None


_KINDS: dict[int, Kind] = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "landline",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "unknown",
    PhoneNumberType.VOIP: "unknown",
    PhoneNumberType.PERSONAL_NUMBER: "unknown",
}  # what is missing here (premium rate, free call, pagers) is nobody's phone to text


def _read(digits: str, country: str | None) -> Phone | None:
    try:
        number = phonenumbers.parse(digits, country)
    except phonenumbers.NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(number)
    kind = _KINDS.get(phonenumbers.number_type(number))  # UNKNOWN where the number is not valid
    if kind is None or region is None or region == "001":
        return None
    return Phone(phonenumbers.format_number(number, PhoneNumberFormat.E164), region, kind)


def _why_not(raw: str, country: str | None) -> str:
    digits = _digits_of(raw)
    if not raw.strip():
        return "empty"
    if digits < DIGITS_MIN:
        return "too few digits"
    if country is None and not raw.lstrip().startswith(("+", "00")):
        return "no country to read it with"
    if re.search(r"\d[^\W\d]+\d", raw):
        return "letters among the digits"
    return f"no number of {country} nor a full international one" if country else "no such number"


# Where the person may be


def country_of(e164: str) -> str:
    """The ISO code of the country whose number it is, "" where no country has it. Fast: only
    where countries share a code (+1, +7, +44) is the whole number looked at."""
    digits = e164.removeprefix("+")
    for length in (1, 2, 3):
        if regions := phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(_number(digits[:length])):
            return regions[0] if len(regions) == 1 else _shared(digits, regions[0])
    return ""


def _number(digits: str) -> int:
    return int(digits) if digits.isascii() and digits.isdigit() else 0


@lru_cache(16_384)
def _shared(digits: str, main: str) -> str:
    try:
        number = phonenumbers.parse(f"+{digits}", None)
    except phonenumbers.NumberParseException:
        return main
    return phonenumbers.region_code_for_number(number) or main


@lru_cache(16_384)
def zones(e164: str, country: str | None, region: str | None = None) -> tuple[str, ...]:
    """All IANA zones the person may be in: the delivery address tells best, then the number.

    Zones that keep the same hours are named once. What may be sent must be allowed in all (P4).
    """
    if country:
        known = ZONES_OF_REGION.get((country.upper(), (region or "").strip().casefold()))
        if found := known or _zones_of_country(country.upper()):
            return found
    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return ("UTC",)
    home = phonenumbers.region_code_for_number(number) or ""
    # A mobile's prefix tells where it was sold, not where it is: take its whole country.
    if phonenumbers.number_type(number) != PhoneNumberType.MOBILE:
        found = time_zones_for_geographical_number(number)
        if found and found != ("Etc/Unknown",):
            return _once(found)
    return _zones_of_country(home) or ("UTC",)


@lru_cache(512)
def _zones_of_country(country: str) -> tuple[str, ...]:
    names = get_global("territory_zones").get(country, ())
    return _once(tuple(name for name in names if not name.startswith("Etc/")))


_HOURS_COMPARED = tuple(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=9 * i) for i in range(80))


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    """One zone of those that keep the same hours, the best known one."""
    known = _well_known_zones()
    kept: dict[tuple[timedelta | None, ...], str] = {}
    for name in sorted(names, key=lambda name: (name not in known, name)):
        zone = ZoneInfo(name)
        kept.setdefault(
            tuple(moment.astimezone(zone).utcoffset() for moment in _HOURS_COMPARED), name
        )
    return tuple(sorted(kept.values()))


@lru_cache(1)
def _well_known_zones() -> frozenset[str]:
    return frozenset(name for names in TIMEZONE_DATA.values() for name in names)


# Showing a number


@lru_cache(16_384)
@lru_cache(300)
def example(country: str) -> str:
    """A mobile number of the country as people write it there, which nobody has."""
    found = phonenumbers.example_number_for_type(country or "BY", PhoneNumberType.MOBILE)
    form = PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(found, form) if found else "+375 29 491-19-11"


def pretty(e164: str) -> str:
    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return e164
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


@lru_cache(16_384)
def mask(e164: str) -> str:
    """As "+375 29 ••• •• 33": enough to recognise one's own number, too little to call it."""
    code, _, national = re.sub(r"[^\d+]+", " ", pretty(e164)).strip().partition(" ")
    digits = _digits_of(national)
    if not digits:
        return "•••"
    shown = max(0, min(3, digits - 2 - HIDDEN_DIGITS_MIN, _digits_of(national.split(" ")[0])))
    masked, seen = "", 0
    for letter in national:
        seen += letter.isdigit()
        hidden = letter.isdigit() and shown < seen <= digits - 2
        masked += "•" if hidden else letter
    return f"{code} {masked}"
