"""The GSM 7-bit alphabet: which letters it has, and text to septets and back.

Tables are those of 3GPP TS 23.038 (GSM 03.38) §6.2.1, default alphabet and its extension; the
national ones lie in `rules/texts/shifts.py`. Octets here are unpacked, one septet each, as SMPP 3.4
carries them. Encoding never fails (a letter the alphabet lacks becomes '?'): ask `fits` first.
Decoding never fails either, whatever came in.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

ESCAPE = 0x1B
BASIC: Final[dict[int, str]] = dict(
    enumerate(
        "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
        "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
    )
)
EXTENSION: Final[dict[int, str]] = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}

# 3GPP TS 23.040 §9.2.3.24: the kinds of elements in a user data header, and what a message holds.
SINGLE_SHIFT, LOCKING_SHIFT = 0x24, 0x25
OCTETS_MAX, SEPTETS_MAX = 140, 160
CONCATENATION_OCTETS = 5  # kind, length, reference, total, number


class Alphabet:
    """One choice of tables, with what it costs: a header in every message that names them."""

    __slots__ = (
        "_to_septets",
        "basic",
        "elements",
        "fits",
        "has_only_narrow",
        "letters",
        "part_max",
        "single_max",
        "wide",
    )

    def __init__(
        self,
        basic: Mapping[int, str] = BASIC,
        extension: Mapping[int, str] = EXTENSION,
        single: int = 0,
        locking: int = 0,
    ) -> None:
        narrow = _by_letter(basic)
        behind = {a: code for a, code in _by_letter(extension).items() if a not in narrow}
        self.wide = frozenset(behind)
        self.letters = frozenset(narrow) | self.wide
        self.fits = _only(self.letters)
        self.has_only_narrow = _only(narrow)
        # Through Latin-1, where a character is its own octet: str.translate runs in C.
        self._to_septets = {ord(letter): chr(code) for letter, code in narrow.items()}
        self._to_septets |= {ord(a): chr(ESCAPE) + chr(code) for a, code in behind.items()}
        kinds = ((SINGLE_SHIFT, single), (LOCKING_SHIFT, locking))
        self.elements = b"".join(bytes((kind, 1, table)) for kind, table in kinds if table)
        self.single_max = septets_beside(len(self.elements))
        self.part_max = septets_beside(len(self.elements) + CONCATENATION_OCTETS)

    def septets(self, text: str) -> int:
        """How many septets a text takes that fits; a letter of the extension takes two."""
        if self.has_only_narrow(text):
            return len(text)
        return len(text.translate(self._to_septets))

    def encode(self, text: str) -> bytes:
        """Of a text that fits."""
        return text.translate(self._to_septets).encode("latin-1")


def _by_letter(table: Mapping[int, str]) -> dict[str, int]:
    """Some letters stand in a table twice: the first place is as good."""
    found: dict[str, int] = {}
    for code in sorted(table):
        if code != ESCAPE:
            found.setdefault(table[code], code)
    return found


def _only(letters: Iterable[str]) -> Callable[[str], re.Match[str] | None]:
    return re.compile(f"[{re.escape(''.join(sorted(letters)))}]*+").fullmatch


def septets_beside(elements: int) -> int:
    """Septets beside a header of so many octets: its length octet counts, and fill bits lead to the
    next septet (TS 23.040 §9.2.3.24, figure 9.2.3.24 a)."""
    if not elements:
        return SEPTETS_MAX
    return SEPTETS_MAX - -(-(1 + elements) * 8 // 7)


DEFAULT = Alphabet()
EXTENDED = DEFAULT.wide
LETTERS = DEFAULT.letters

fits = DEFAULT.fits
septets = DEFAULT.septets


def encode_gsm(text: str) -> bytes:
    if not fits(text):
        text = "".join(letter if letter in LETTERS else "?" for letter in text)
    return DEFAULT.encode(text)


# ------------------------------------------------------------------ back

_ESCAPED = re.compile("\x1b(.?)", re.DOTALL)
_TO_LETTERS = dict(BASIC) | dict.fromkeys(range(0x80, 0x100), "?")


def decode_gsm(
    octets: bytes,
    basic: Mapping[int, str] = _TO_LETTERS,
    extension: Mapping[int, str] = EXTENSION,
) -> str:
    raw = octets.decode("latin-1")
    if "\x1b" not in raw:
        return raw.translate(basic)
    pieces = _ESCAPED.split(raw)  # plain, escaped, plain, escaped, … plain
    pieces[0::2] = [plain.translate(basic) for plain in pieces[0::2]]
    pieces[1::2] = [_extended(letter, basic, extension) for letter in pieces[1::2]]
    return "".join(pieces)


def _extended(letter: str, basic: Mapping[int, str], extension: Mapping[int, str]) -> str:
    """§6.2.1.1: an unknown extension shows its basic letter; a bare or double escape, a space."""
    if letter in ("", "\x1b"):
        return " "
    return extension.get(ord(letter)) or letter.translate(basic)
