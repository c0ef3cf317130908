"""From letters to words that a list can hold: no accents, one case, one alphabet a word."""

import re
import unicodedata
from collections.abc import Iterator

from ringdove.rules.texts import LOOK_ALIKES

_WORD = re.compile(r"[^\W_]+(?:['’`-][^\W_]+)*")
_STRETCHED = re.compile(r"(.)\1{2,}")  # stoooop
_MARKS = re.compile(r"(?<=[A-Za-z])[\u0300-\u036f]+")  # й and ў keep theirs
_QUOTES = str.maketrans("’`", "''")
_TO_LATIN = str.maketrans(LOOK_ALIKES | {"0": "O"})
_TO_CYRILLIC = str.maketrans(
    {latin: letter for letter, latin in LOOK_ALIKES.items() if "\u0400" <= letter <= "\u04ff"}
    | {"0": "О"}
)


def folded(phrase: str) -> str:
    """As the lists are compared: "Arrêt" is "arret"."""
    return without_accents(phrase).lower()


def alike(word: str) -> str:
    """A keyword as it is compared: case, marks, spaces, punctuation and letters that look like
    others do not count: "Sale!", "ЅАLЕ" and "s a l e" are one word."""
    plain = unicodedata.normalize("NFKD", word)
    upper = "".join(sign for sign in plain if sign.isalnum()).upper()
    return "".join(LOOK_ALIKES.get(sign, sign) for sign in upper).replace("0", "O")


def without_accents(text: str) -> str:
    """Also without letters of other shapes and without what nobody sees."""
    if text.isascii():
        return text
    plain = "".join(
        x for x in unicodedata.normalize("NFKC", text) if unicodedata.category(x) != "Cf"
    )
    plain = _MARKS.sub("", unicodedata.normalize("NFD", plain))
    plain = unicodedata.normalize("NFC", plain)
    return plain.replace("ё", "е").replace("Ё", "Е").replace("ł", "l").replace("Ł", "L")


def words_of(plain: str) -> list[str]:
    """The words of a text without accents, as they were typed; "stop-sms" is one."""
    return _WORD.findall(plain)


def spellings(word: str) -> Iterator[str]:
    """The word in lower case, and what it is if its letters are of another alphabet than they
    look; stretched letters once."""
    upper = word.upper()
    for spelling in (word, upper.translate(_TO_LATIN), upper.translate(_TO_CYRILLIC)):
        yield _STRETCHED.sub(r"\1", lowered(spelling))


def lowered(word: str) -> str:
    """In lower case and with the apostrophe of a keyboard."""
    return word.lower().translate(_QUOTES)
