"""The GSM 7-bit alphabet: which letters it has, and text to septets and back.

Tables are those of 3GPP TS 23.038 (GSM 03.38) §6.2.1, default alphabet and its extension. Octets
here are unpacked, one septet each, as SMPP 3.4 carries them. Encoding never fails (a letter the
alphabet lacks becomes '?'): ask `fits` first. Decoding never fails either, whatever came in.
"""

import re

ESCAPE = 0x1B
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = {
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
EXTENDED = frozenset(_EXTENSION.values())
LETTERS = frozenset(_BASIC.replace("\x1b", "")) | EXTENDED

_FITS = re.compile(f"[{re.escape(''.join(sorted(LETTERS)))}]*").fullmatch
_EXTENDED_IN = re.compile(f"[{re.escape(''.join(sorted(EXTENDED)))}]")
_ESCAPED = re.compile("\x1b(.?)", re.DOTALL)

# Both ways lead over Latin-1, where a character is its own octet: str.translate runs in C.
_TO_SEPTETS = {ord(letter): chr(code) for code, letter in enumerate(_BASIC) if code != ESCAPE}
_TO_SEPTETS |= {ord(letter): chr(ESCAPE) + chr(code) for code, letter in _EXTENSION.items()}
_TO_LETTERS = dict(enumerate(_BASIC)) | dict.fromkeys(range(0x80, 0x100), "?")


def fits(text: str) -> bool:
    return _FITS(text) is not None


def septets(text: str) -> int:
    """How many septets a text takes that fits; an extension letter takes two."""
    return len(text) + len(_EXTENDED_IN.findall(text))


def encode_gsm(text: str) -> bytes:
    if not fits(text):
        text = "".join(letter if letter in LETTERS else "?" for letter in text)
    return text.translate(_TO_SEPTETS).encode("latin-1")


def decode_gsm(octets: bytes) -> str:
    raw = octets.decode("latin-1")
    if "\x1b" not in raw:
        return raw.translate(_TO_LETTERS)
    pieces = _ESCAPED.split(raw)  # plain, escaped, plain, escaped, … plain
    pieces[0::2] = [plain.translate(_TO_LETTERS) for plain in pieces[0::2]]
    pieces[1::2] = [_extended(letter) for letter in pieces[1::2]]
    return "".join(pieces)


def _extended(letter: str) -> str:
    """§6.2.1.1: an unknown extension shows its basic letter; a bare or double escape, a space."""
    if letter in ("", "\x1b"):
        return " "
    return _EXTENSION.get(ord(letter)) or letter.translate(_TO_LETTERS)
