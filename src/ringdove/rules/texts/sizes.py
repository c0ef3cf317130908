"""How long a text is and into which messages it goes: alphabet, units, parts, octets.

A text is GSM-7 when every letter is in an alphabet that the gateway may use (`rules/gsm.py`, and
the national tables of `shifts.py` where a gateway's setting names a language), else UCS-2. What
does not fit into one message is cut into parts that phones join again; a cut never falls into an
escape or a surrogate pair, and beside marks, flags and joined emoji where no part more is needed.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from ringdove.rules import gsm
from ringdove.rules.texts import shifts

Encoding = Literal["GSM-7", "UCS-2"]

# 3GPP TS 23.040: 140 octets a message; a 6-octet header says which part it is.
SINGLE_UNITS_MAX: dict[Encoding, int] = {"GSM-7": 160, "UCS-2": 70}
PART_UNITS_MAX: dict[Encoding, int] = {"GSM-7": 153, "UCS-2": 67}
PARTS_MAX = 255  # the header counts parts in one octet


class TextTooLong(ValueError):
    """More than 255 parts: no phone can join it."""


class ShiftUnknown(ValueError):
    """No such national language table; the message names those that are known."""


class Measure(NamedTuple):
    encoding: Encoding
    units: int  # septets, or UTF-16 units
    parts: int
    elements: int = 0  # octets that a header of every part spends on naming national tables

    @property
    def room(self) -> int:
        """How many units so many parts can hold."""
        if self.encoding == "UCS-2":
            return 70 if self.parts == 1 else 67 * self.parts
        joining = gsm.CONCATENATION_OCTETS if self.parts > 1 else 0
        return gsm.septets_beside(self.elements + joining) * self.parts


class Piece(NamedTuple):
    """One part as it is sent. `octets`: unpacked septets, or UTF-16 (big end first). `elements`:
    what its user data header must say besides which part it is, as octets of whole elements (kind,
    length, value) without the header's length; b"" where a header is not needed for the text."""

    text: str
    octets: bytes
    elements: bytes


# ------------------------------------------------------------------ counting


def measure(text: str, shift: str = "") -> Measure:
    """`shift` names the language whose tables may be used ("tr", `shifts.LANGUAGES`), or none."""
    if not shift:
        alphabet, signs = gsm.DEFAULT, len(text)
        if alphabet.has_only_narrow(text):
            return _even("GSM-7", signs)
        if alphabet.fits(text):
            return _measured(text, alphabet)
        if len(text.encode("utf-16-le", "surrogatepass")) == 2 * signs:
            return _even("UCS-2", signs)
        return _measured(text, None)
    return _cheapest(text, shift)[0]


@lru_cache(4_096)  # a campaign's texts are of few lengths
def _even(encoding: Encoding, units: int) -> Measure:
    """Where each sign takes one unit: nothing can straddle a boundary."""
    one, room = SINGLE_UNITS_MAX[encoding], PART_UNITS_MAX[encoding]
    return _checked(Measure(encoding, units, 1 if units <= one else -(-units // room)))


def split(text: str, shift: str = "") -> list[str]:
    """The parts in order; joined they are the text again."""
    found, alphabet = _chosen(text, shift)
    return [text] if found.parts == 1 else list(_cut(text, alphabet, found))


def pieces(text: str, shift: str = "") -> tuple[Encoding, list[Piece]]:
    """The parts as they are sent: the encoding, and each part's octets and header elements."""
    found, alphabet = _chosen(text, shift)
    parts = [text] if found.parts == 1 else _cut(text, alphabet, found)
    if alphabet is None:
        return "UCS-2", [
            Piece(part, part.encode("utf-16-be", "surrogatepass"), b"") for part in parts
        ]
    encode, elements = alphabet.encode, alphabet.elements
    return "GSM-7", [Piece(part, encode(part), elements) for part in parts]


def _chosen(text: str, shift: str) -> tuple[Measure, gsm.Alphabet | None]:
    if shift:
        return _cheapest(text, shift)
    found = measure(text)
    return found, gsm.DEFAULT if found.encoding == "GSM-7" else None


def _cheapest(text: str, shift: str) -> tuple[Measure, gsm.Alphabet | None]:
    """Fewest parts; of equals the one with the fewest tables, since not every phone has them."""
    best: tuple[Measure, gsm.Alphabet | None] | None = None
    too_long: TextTooLong | None = None
    fitting: list[gsm.Alphabet | None] = [one for one in alphabets(shift) if one.fits(text)]
    for alphabet in [*fitting, None]:
        try:
            found = _measured(text, alphabet)
        except TextTooLong as error:
            too_long = error
            continue
        if best is None or found.parts < best[0].parts:
            best = found, alphabet
        if found.parts == 1:
            break
    if best is None:
        raise too_long or TextTooLong()
    return best


@lru_cache(32)
def alphabets(shift: str) -> tuple[gsm.Alphabet, ...]:
    """What a text may be written with where this language's tables are allowed."""
    if not shift:
        return (gsm.DEFAULT,)
    if shift not in shifts.LANGUAGES:
        raise ShiftUnknown(f"“{shift}” has no table: one of {', '.join(shifts.LANGUAGES)}.")
    number = shifts.LANGUAGES[shift]
    behind, instead = shifts.single(shift), shifts.locking(shift)
    found = [gsm.DEFAULT, gsm.Alphabet(gsm.BASIC, behind, single=number)]
    if instead:
        found += [
            gsm.Alphabet(instead, gsm.EXTENSION, locking=number),
            gsm.Alphabet(instead, behind, single=number, locking=number),
        ]
    return tuple(found)


def _measured(text: str, alphabet: gsm.Alphabet | None) -> Measure:
    elements = 0
    if alphabet is None:
        encoding: Encoding = "UCS-2"
        units, single, room = len(text.encode("utf-16-le", "surrogatepass")) // 2, 70, 67
    else:
        encoding, elements = "GSM-7", len(alphabet.elements)
        units, single, room = alphabet.septets(text), alphabet.single_max, alphabet.part_max
    if units <= single:
        parts = 1
    elif units == len(text):
        parts = -(-units // room)
    else:  # pairs exist, and one may straddle a boundary
        parts = sum(1 for _ in _latest_cuts(text, alphabet, room))
    return _checked(Measure(encoding, units, parts, elements))


def _checked(found: Measure) -> Measure:
    if found.parts > PARTS_MAX:
        raise TextTooLong(f"{found.parts} parts, and at most {PARTS_MAX} can be joined")
    return found


def counters(shift: str = "") -> list[dict[str, Any]]:
    """The alphabets in the order in which they are tried, for the browser's counter
    (`web/static/js/counter.js`): it has no table of its own."""
    return [
        {
            "narrow": "".join(sorted(one.letters - one.wide)),
            "wide": "".join(sorted(one.wide)),
            "single": one.single_max,
            "part": one.part_max,
        }
        for one in alphabets(shift)
    ]


def costly(text: str, shift: str = "") -> list[str]:
    """The letters that make it UCS-2, in order, each once; none where it is GSM-7."""
    if any(one.fits(text) for one in alphabets(shift)):
        return []
    allowed = frozenset().union(*(one.letters for one in alphabets(shift)))
    return list(dict.fromkeys(letter for letter in text if letter not in allowed))


# ------------------------------------------------------------------ cutting


def _is_wide(alphabet: gsm.Alphabet | None) -> Callable[[str], bool]:
    return "\uffff".__lt__ if alphabet is None else alphabet.wide.__contains__


def _latest_cuts(text: str, alphabet: gsm.Alphabet | None, room: int) -> Iterator[int]:
    """Where each part ends when each takes all it can: no way has fewer parts."""
    is_wide = _is_wide(alphabet)
    taken = 0
    for place, letter in enumerate(text):
        width = 2 if is_wide(letter) else 1
        if taken + width > room:
            yield place
            taken = 0
        taken += width
    yield len(text)


_JOINER = "\u200d"
_STICKY = {_JOINER, *map(chr, range(0x1F3FB, 0x1F400)), *map(chr, range(0xE0020, 0xE0080))}
# Latin, Greek, Cyrillic, Armenian, punctuation, currencies: nothing there sticks to its neighbour.
_LOOSE = re.compile(
    "[\0-\u02ff\u0370-\u0482\u048a-\u058f\u2010-\u2027\u2030-\u205e\u20a0-\u20cf\u2100-\u214f]*"
)
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")


def _joined(text: str) -> set[int]:
    """Places inside what an eye sees as one letter: before marks, variation selectors, skin tones,
    tags and joiners, behind a joiner, between the two letters of a flag."""
    if _LOOSE.fullmatch(text):
        return set()
    sticky = {one for one in set(text) if one > "\u02ff" and _sticks(one)}
    found = {match.start() + 1 for match in _FLAG.finditer(text)}
    if sticky:
        found |= {place for place, letter in enumerate(text) if letter in sticky}
        found |= {place + 1 for place, letter in enumerate(text) if letter == _JOINER}
    return found


def _sticks(letter: str) -> bool:
    return letter in _STICKY or unicodedata.category(letter)[0] == "M"


def _cut(text: str, alphabet: gsm.Alphabet | None, found: Measure) -> Iterator[str]:
    room = found.room // found.parts
    if joined := _joined(text):
        cuts = _kind_cuts(text, alphabet, room, joined, found.parts)
    elif found.units == len(text):
        cuts = [*range(room, len(text), room), len(text)]
    else:
        cuts = list(_latest_cuts(text, alphabet, room))
    start = 0
    for cut in cuts:
        yield text[start:cut]
        start = cut


def _kind_cuts(
    text: str, alphabet: gsm.Alphabet | None, room: int, joined: set[int], parts: int
) -> list[int]:
    """As few parts as ever, and of the possible ends of each the latest that parts nothing."""
    is_wide = _is_wide(alphabet)
    ends = [0]
    for letter in text:
        ends.append(ends[-1] + (2 if is_wide(letter) else 1))
    earliest = _earliest_cuts(ends, room, parts)
    cuts, start = [], 0
    for number in range(parts - 1):
        latest = start
        while ends[latest + 1] - ends[start] <= room:
            latest += 1
        possible = range(latest, max(earliest[number], start + 1) - 1, -1)
        start = next((place for place in possible if place not in joined), latest)
        cuts.append(start)
    return [*cuts, len(text)]


def _earliest_cuts(ends: list[int], room: int, parts: int) -> list[int]:
    """Where each part must end at least, so that the rest still goes into the parts left."""
    found, place = [], len(ends) - 1
    for _ in range(parts - 1):
        until = ends[place]
        while place and until - ends[place - 1] <= room:
            place -= 1
        found.append(place)
    return found[::-1]
