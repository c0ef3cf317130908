"""What a number that could not be read may have meant: an offer for a person, never a guess.

Each plausible country reads it once; letters that look like digits are read as digits.
"""

import re
from collections.abc import Iterable
from typing import Final

from ringdove.rules.people import phones
from ringdove.rules.people.phones import Phone

READINGS_MAX: Final = 6
ALIKE: Final = str.maketrans("OoОоQDIlLiІіBSZzЗзб", "0000001111118522336")
NEIGHBOURS: Final = ("BY", "RU", "IT", "ES", "PL", "UA", "LT", "LV", "DE", "GB", "FR", "US")


def readings(raw: str, countries: Iterable[str | None]) -> list[Phone]:
    """Numbers that this may be, the likeliest country first."""
    asked = list(dict.fromkeys([*(one.upper() for one in countries if one), *NEIGHBOURS]))
    digits = re.sub(r"\D", "", raw.translate(ALIKE))
    forms = [raw, raw.translate(ALIKE), digits, f"+{digits}"]
    found: dict[str, Phone] = {}
    for country in asked:
        for written in forms:
            read = phones.parse(written[: phones.FIELD_LETTERS_MAX], country)
            if isinstance(read, Phone):
                found.setdefault(read.e164, read)
    return list(found.values())[:READINGS_MAX]
