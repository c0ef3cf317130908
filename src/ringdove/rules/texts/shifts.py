"""The national language tables of the GSM alphabet (3GPP TS 23.038 annex A), as data.

A locking table takes the place of the whole default alphabet, a single table that of its
extension: A.3.n and A.2.n of the standard, n being the language's number. The nine scripts of
India share one arrangement, so theirs is written once, and of each script only what it lacks and
what it adds. Checked against two programs that we did not write; where one of them differs
(candrabindu, anusvara and visarga of Hindi), the standard's own table counts.
"""

from typing import Final

from ringdove.rules import gsm

LANGUAGES: Final = {
    "tr": 1, "es": 2, "pt": 3, "bn": 4, "gu": 5, "hi": 6, "kn": 7, "ml": 8, "or": 9, "pa": 10,
    "ta": 11, "te": 12, "ur": 13,
}  # fmt: skip
"""National language identifiers (§6.2.1.2.4)."""

Table = dict[int, str]


def locking(language: str) -> Table | None:
    """The table instead of the default alphabet; None: the language has none (Spanish)."""
    if language in _LATIN_LOCKING:
        return gsm.BASIC | _LATIN_LOCKING[language]
    if language == "ur":
        return _arranged(_URDU_LOCKING.split(), 0)
    if language in _SCRIPTS:
        block, absent, tail, _ = _SCRIPTS[language]
        lacking = absent.split()
        order = ["--" if sign in lacking else sign for sign in _ORDER.split()]
        first, *last = tail.split()
        return _arranged([*order, first, *_SMALL, *last], block)
    return None


def single(language: str) -> Table:
    """The table behind the escape instead of the default extension."""
    if language in _LATIN_SINGLE:
        return gsm.EXTENSION | _LATIN_SINGLE[language]
    if language == "ur":
        block, run = 0, _URDU_SINGLE
    else:
        block, _, _, run = _SCRIPTS[language]
    signs = dict(zip(_RUN_PLACES, run.split(), strict=False))
    found = {place: _letter(sign, block) for place, sign in signs.items() if sign != "--"}
    return _INDIAN_EXTENSION | found


def decode(octets: bytes, single_table: int, locking_table: int) -> str:
    """What came in with a header that names tables by number (0: none); never fails."""
    basic: Table = gsm.BASIC
    extension: Table = gsm.EXTENSION
    if locking_table in _BY_NUMBER:
        basic = locking(_BY_NUMBER[locking_table]) or gsm.BASIC
    if single_table in _BY_NUMBER:
        extension = single(_BY_NUMBER[single_table])
    return gsm.decode_gsm(octets, dict.fromkeys(range(256), "?") | basic, extension)


_BY_NUMBER = {number: language for language, number in LANGUAGES.items()}


def _arranged(signs: list[str], block: int) -> Table:
    return {code: _letter(sign, block) for code, sign in enumerate(signs) if sign != "--"}


_NAMED = {"LF": "\n", "CR": "\r", "SP": " ", "ESC": "\x1b"}


def _letter(sign: str, block: int) -> str:
    """One sign of the tables below: a letter itself, a named one, or the number of one."""
    if len(sign) == 1 or sign in _NAMED:
        return _NAMED.get(sign, sign)
    return chr(block + int(sign, 16))


# ------------------------------------------------------------------ Latin: A.2.1-3, A.3.1, A.3.3

_LATIN_LOCKING: Final[dict[str, Table]] = {
    "tr": {
        0x04: "€", 0x07: "ı", 0x0B: "Ğ", 0x0C: "ğ", 0x1C: "Ş", 0x1D: "ş", 0x40: "İ", 0x60: "ç",
    },
    "pt": {
        0x04: "ê", 0x06: "ú", 0x07: "í", 0x08: "ó", 0x09: "ç", 0x0B: "Ô", 0x0C: "ô", 0x0E: "Á",
        0x0F: "á", 0x12: "ª", 0x13: "Ç", 0x14: "À", 0x15: "∞", 0x16: "^", 0x17: "\\", 0x18: "€",
        0x19: "Ó", 0x1A: "|", 0x1C: "Â", 0x1D: "â", 0x1E: "Ê", 0x24: "º", 0x40: "Í", 0x5B: "Ã",
        0x5C: "Õ", 0x5D: "Ú", 0x60: "~", 0x7B: "ã", 0x7C: "õ", 0x7D: "`",
    },
}  # fmt: skip

_LATIN_SINGLE: Final[dict[str, Table]] = {
    "tr": {0x47: "Ğ", 0x49: "İ", 0x53: "Ş", 0x63: "ç", 0x67: "ğ", 0x69: "ı", 0x73: "ş"},
    "es": {
        0x09: "ç", 0x41: "Á", 0x49: "Í", 0x4F: "Ó", 0x55: "Ú", 0x61: "á", 0x69: "í", 0x6F: "ó",
        0x75: "ú",
    },
    "pt": {
        0x05: "ê", 0x09: "ç", 0x0B: "Ô", 0x0C: "ô", 0x0E: "Á", 0x0F: "á", 0x12: "Φ", 0x13: "Γ",
        0x15: "Ω", 0x16: "Π", 0x17: "Ψ", 0x18: "Σ", 0x19: "Θ", 0x1F: "Ê", 0x41: "À", 0x49: "Í",
        0x4F: "Ó", 0x55: "Ú", 0x5B: "Ã", 0x5C: "Õ", 0x61: "Â", 0x69: "í", 0x6F: "ó", 0x75: "ú",
        0x7B: "ã", 0x7C: "õ", 0x7F: "â",
    },
}  # fmt: skip

# ------------------------------------------------------------------ India: A.2.4-12, A.3.4-12

# Numbers are places in the script's Unicode block, which all nine blocks fill alike.
_ORDER: Final = """
01 02 03 05 06 07 08 09 0A 0B LF 0C 0D CR 0E 0F
10 11 12 13 14 15 16 17 18 19 1A ESC 1B 1C 1D 1E
SP ! 1F 20 21 22 23 24 ) ( 25 26 , 27 . 28
0 1 2 3 4 5 6 7 8 9 : ; 29 2A 2B ?
2C 2D 2E 2F 30 31 32 33 34 35 36 37 38 39 3C 3D
3E 3F 40 41 42 43 44 45 46 47 48 49 4A 4B 4C 4D
"""
_SMALL: Final = "abcdefghijklmnopqrstuvwxyz"

# What stands behind the escape in all ten tables of the subcontinent.
_INDIAN_EXTENSION: Final[Table] = {
    **dict(enumerate('@£$¥¿"¤%&\'\f*+')), 0x0E: "-", 0x0F: "/",
    **dict(enumerate("<=>¡^¡_#*", 0x10)),
    0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
    **dict(enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 0x41)),
}  # fmt: skip
_RUN_PLACES: Final = (
    0x19, 0x1A, *range(0x1C, 0x28), *range(0x2A, 0x2F), *range(0x30, 0x3C), 0x3F,
)  # fmt: skip

# Language: block, what it lacks of the order, places 60 and 7B-7F, what stands at _RUN_PLACES.
_SCRIPTS: Final = {
    "bn": (
        0x980,
        "0D 0E 11 12 29 31 33 34 35 45 46 49 4A",
        "4E 57 5C 5D 70 71",
        "66 67 68 69 6A 6B 6C 6D 6E 6F 5F 60 61 62 63 72 73 74 75 76 77 78 79 7A",
    ),
    "gu": (
        0xA80,
        "0E 12 29 31 34 46 4A",
        "50 60 61 62 63 71",
        "। ॥ 66 67 68 69 6A 6B 6C 6D 6E 6F",
    ),
    "hi": (
        0x900,
        "",
        "50 72 7B 7C 7E 7F",
        "। ॥ 66 67 68 69 6A 6B 6C 6D 6E 6F 51 52 53 54 58 59 5A 5B 5C 5D 5E 5F 60 61 62 63 70 71",
    ),
    "kn": (
        0xC80,
        "01 0D 11 29 34 45 49",
        "55 56 60 61 62 63",
        "। ॥ 66 67 68 69 6A 6B 6C 6D 6E 6F 5E 71 72",
    ),
    "ml": (
        0xD00,
        "01 0D 11 29 3C 45 49",
        "57 60 61 62 63 79",
        "। ॥ 66 67 68 69 6A 6B 6C 6D 6E 6F 70 71 72 73 74 75 7A 7B 7C 7D 7E 7F",
    ),
    "or": (
        0xB00,
        "0D 0E 11 12 29 31 34 45 46 49 4A",
        "56 57 60 61 62 63",
        "। ॥ 66 67 68 69 6A 6B 6C 6D 6E 6F 5C 5D 5F 70 71",
    ),
    "pa": (
        0xA00,
        "0B 0C 0D 0E 11 12 29 31 34 37 3D 43 44 45 46 49 4A",
        "51 70 71 72 73 74",
        "। ॥ 66 67 68 69 6A 6B 6C 6D 6E 6F 59 5A 5B 5C 5E 75",
    ),
    "ta": (
        0xB80,
        "01 0B 0C 0D 11 16 17 18 1B 1D 20 21 22 25 26 27 2B 2C 2D 3C 3D 43 44 45 49",
        "50 57 70 71 72 79",
        "। ॥ 66 67 68 69 6A 6B 6C 6D 6E 6F 73 74 75 76 77 78 7A",
    ),
    "te": (
        0xC00,
        "0D 11 29 34 3C 45 49",
        "55 56 60 61 62 63",
        "-- -- 66 67 68 69 6A 6B 6C 6D 6E 6F 58 59 78 79 7A 7B 7C 7D 7E 7F",
    ),
}

# ------------------------------------------------------------------ Urdu: A.2.13, A.3.13

_URDU_LOCKING: Final = """
627 622 628 67B 680 67E 6A6 62A 6C2 67F LF 679 67D CR 67A 67C
62B 62C 681 684 683 685 686 687 62D 62E 62F ESC 68C 688 689 68A
SP ! 68F 68D 630 631 691 693 ) ( 699 632 , 696 . 698
0 1 2 3 4 5 6 7 8 9 : ; 69A 633 634 ?
635 636 637 638 639 641 642 6A9 6AA 6AB 6AF 6B3 6B1 644 645 646
6BA 6BB 6BC 648 6C4 6D5 6C1 6BE 621 6CC 6D0 6D2 64D 650 64F 657
654 a b c d e f g h i j k l m n o p q r s t u v w x y z 655 651 653 656 670
"""
_URDU_SINGLE: Final = """
600 601 6F0 6F1 6F2 6F3 6F4 6F5 6F6 6F7 6F8 6F9 60C 60D
60E 60F 610 611 612 613 614 61B 61F 640 652 658 66B 66C 672 673 6CD 6D4
"""
