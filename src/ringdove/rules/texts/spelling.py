"""Other spellings of the same words: keyboard quotes, look-alikes, no accents, Latin letters.

Tables and what applies them. Nothing here decides that a text shall be respelled: `swaps.py`
proposes, a person chooses, and the choice stands in the template (the filters `gsm` and `latin`).
"""

import unicodedata
from functools import lru_cache

from ringdove.rules import gsm

TYPOGRAPHIC = {
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "`": "'", "´": "'", "ʼ": "'", "′": "'", "“": '"',
    "”": '"', "„": '"', "‟": '"', "″": '"', "«": '"', "»": '"', "‹": "'", "›": "'", "–": "-",
    "—": "-", "‑": "-", "‐": "-", "‒": "-", "―": "-", "−": "-", "…": "...", "•": "-", "·": "-",
    "\u00a0": " ", "\u2007": " ", "\u202f": " ", "\u2009": " ", "\u200a": " ", "\u2002": " ",
    "\u2003": " ", "\u2005": " ", "\u3000": " ", "\u2028": "\n", "\u2029": "\n", "\u200b": "",
    "\u200c": "", "\u200e": "", "\u200f": "", "\u2060": "", "\ufeff": "", "\u00ad": "",
    "\t": " ", "№": "No.", "×": "x", "™": "", "®": "", "©": "(c)", "°": "", "½": "1/2",
    "→": "->", "←": "<-", "≤": "<=", "≥": ">=", "‰": "o/oo", "¢": "c",
}  # fmt: skip

# Cyrillic and Greek letters that no eye tells from Latin ones.
LOOK_ALIKES = dict(
    zip(
        "АВЕКМНОРСТУХаеорсухіІјЈѕЅԁһΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",
        "ABEKMHOPCTYXaeopcyxiIjJsSdhABEZHIKMNOPTYXo",
        strict=True,
    )
)

# Letters that Unicode does not take apart into a letter and its accent.
_CROSSED = dict(zip("łŁđĐħĦıŧŦðÐ", "lLdDhHitTdD", strict=True)) | {
    "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "Th", "ẞ": "SS",
}  # fmt: skip


def plain(text: str) -> str:
    """Without typographic letters: quotes, dashes and invisible spaces as a keyboard has them."""
    return "".join(TYPOGRAPHIC.get(letter, letter) for letter in text)


def to_gsm(text: str) -> str:
    """The nearest spelling inside the GSM alphabet; letters without one stay as they are."""
    if gsm.fits(text):
        return text
    whole = unicodedata.normalize("NFC", text)
    return "".join(x if x in gsm.LETTERS else TYPOGRAPHIC.get(x, unaccented(x)) for x in whole)


@lru_cache(4_096)
def unaccented(letter: str) -> str:
    """The Latin letter without what stands on, under or through it; any other as it is."""
    if letter in _CROSSED:
        return _CROSSED[letter]
    bare = unicodedata.normalize("NFD", letter)[:1]
    return bare if bare.isascii() and bare.isalpha() else letter


@lru_cache(4_096)
def is_picture(letter: str) -> bool:
    """An emoji or what belongs to one."""
    if letter in "\u200d\ufe0e\ufe0f\u20e3":
        return True
    if "\U0001f000" <= letter <= "\U0001faff" or "\U000e0020" <= letter <= "\U000e007f":
        return True
    return "\u2190" <= letter <= "\u2bff" and unicodedata.category(letter) == "So"


# ------------------------------------------------------------------ Cyrillic in Latin letters

_SMALL = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "yo", "ж": "zh", "з": "z",
    "и": "i", "й": "y", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r",
    "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh",
    "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya", "і": "i", "ї": "yi",
    "є": "ye", "ґ": "g", "ў": "u", "ђ": "dj", "ј": "j", "љ": "lj", "њ": "nj", "ћ": "c",
    "џ": "dz", "ѓ": "gj", "ќ": "kj", "ѕ": "dz", "ә": "a", "ғ": "g", "қ": "q", "ң": "n", "ө": "o",
    "ұ": "u", "ү": "u", "һ": "h", "ӣ": "i", "ӯ": "u", "ҳ": "h", "ҷ": "j",
}  # fmt: skip
# Where a language reads a letter otherwise: the Ukrainian table of 2010 (without its rule for the
# beginning of words), the usual Belarusian and Bulgarian ones.
_BY_LANGUAGE = {
    "uk": {"г": "h", "и": "y", "ї": "i", "є": "ie", "й": "i", "ю": "iu", "я": "ia"},
    "be": {"г": "h", "ё": "io", "ю": "iu", "я": "ia"},
    "bg": {"щ": "sht", "ъ": "a", "х": "h"},
    "sr": {"х": "h", "ц": "c", "ч": "c", "ж": "z", "ш": "s"},
}
LANGUAGES = frozenset(_BY_LANGUAGE)


def to_latin(text: str, language: str = "") -> str:
    """Cyrillic words in Latin letters as people type them, and the rest inside the GSM alphabet.
    Without a language the letters tell Ukrainian and Belarusian from Russian."""
    if text.isascii():
        return text
    table = _table(language or _language_of(text))
    found = []
    for place, letter in enumerate(text):
        said = table.get(letter)
        if said is None and (small := table.get(letter.lower())) is not None:
            # "Щи" is "Shchi", "ЩИ" is "SHCHI".
            following = text[place + 1 : place + 2]
            shouts = following.isupper() or (
                not following.isalpha() and text[place - 1 : place].isupper()
            )
            said = small.upper() if shouts else small.capitalize()
        found.append(letter if said is None else said)
    return to_gsm("".join(found))


@lru_cache(16)
def _table(language: str) -> dict[str, str]:
    return _SMALL | _BY_LANGUAGE.get(language, {})


def _language_of(text: str) -> str:
    letters = set(text.lower())
    if "ў" in letters:
        return "be"
    if letters & set("їєґ"):
        return "uk"
    if "і" in letters:
        return "be" if letters & set("ыэё") else "uk"
    return ""


def has_cyrillic(text: str) -> bool:
    return any("\u0400" <= letter <= "\u052f" for letter in text)
