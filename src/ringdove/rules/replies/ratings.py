"""A rating out of whatever people write: "5", "5/6", "5!", "пять", "cinque, ma lento", "4-5".

Numbers are found as digits, words, school marks and stars. One that counts something else (days,
an order, a price) is none; of those that are left the one that is said to be the rating goes first,
then one that stands alone, then one at the edge of what is said. Who could have meant two is asked.
The words lie in locales/<language>/phrases.toml under [replies.ratings].
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from ringdove.rules import languages
from ringdove.rules.replies.letters import folded, lowered, spellings, without_accents

READ_LETTERS_MAX = 1_000
NUMBER_DIGITS_MAX = 3  # what is longer is an order or a year
LOOSE_WORDS_MAX = 6  # in so few words a number is what they are about
MARK_WORDS_BEFORE = 3  # "my rating for you is 5"
ROMAN = {"ii": 2, "iii": 3, "iv": 4, "vi": 6}
ALIKE = {"з": 3, "б": 6, "l": 1, "i": 1, "o": 0, "о": 0}  # З, б, l and O, when nothing else is said


class Scale(NamedTuple):
    """From `low` to `high`, both included; `high` is best."""

    low: int = 1
    high: int = 6


@dataclass(frozen=True, slots=True)
class Rating:
    """What was said of a question with a scale.

    `score`: on the scale, None where it cannot be told; `why_not`: why (outside: "10" of 6, "4 of
    5"; several: "2 or 5", "4.5"; none: no number that rates); `comment`: what was said beside the
    number, as it was written."""

    score: int | None
    why_not: Literal["", "outside", "several", "none"] = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A number that may be the rating. `of`: "5 of 6"; `is_between`: two at once, or a half;
    `weight`: 3 said to be the rating, 2 alone, 1 at an edge, 0 amid other words."""

    value: int
    start: int
    end: int
    weight: int
    of: int | None = None
    is_between: bool = False
    is_weak: bool = False  # "one", "sei": mostly another word


def read_rating(text: str, scale: Scale) -> Rating:
    """The rating in an answer to a question that was asked with this scale."""
    text = text[:READ_LETTERS_MAX]
    pieces = list(_pieces(text))
    found = list(_numbers(pieces)) or list(_stars(pieces)) or list(_alike(pieces))
    words = sum(piece.kind == "word" for piece in pieces)
    heaviest = max((one.weight for one in found), default=0)
    best = [one for one in found if one.weight == heaviest]
    if not best or (heaviest == 0 and (words > LOOSE_WORDS_MAX or len(best) > 1)):
        return Rating(None, "none", text.strip())
    first = best[0]
    comment = _without(text, first)
    if first.is_between or any(a.value != b.value for a, b in pairwise(best)):
        return Rating(None, "several", text.strip())
    if not scale.low <= first.value <= scale.high or first.of not in (None, scale.high):
        return Rating(None, "outside", comment)
    return Rating(first.value, "", comment)


def _without(text: str, said: Said) -> str:
    before = text[: said.start].strip(" .,;:!-–—+=\"'\n(«")
    after = text[said.end :].strip(" .,;:!-–—+=\"'\n)»")
    return f"{before} {after}".strip()


# ------------------------------------------------------------------ which numbers rate


class Piece(NamedTuple):
    """A number, a word, stars, a dash, a slash, a sign (+, #, :, %), or the end of a clause."""

    kind: Literal["number", "word", "stars", "dash", "slash", "sign", "end"]
    said: str
    start: int
    end: int
    value: int = 0
    is_half: bool = False
    is_weak: bool = False

    def touches(self, other: "Piece") -> bool:
        """Nothing stands between them."""
        return self.end == other.start


_NOTHING = Piece("end", "", -2, -2)


def _numbers(pieces: list[Piece]) -> Iterator[Said]:
    words, at = words_of_ratings(), 0
    while at < len(pieces):
        if pieces[at].kind == "number":
            said, at = _number(pieces, at, words)
            if said:
                yield said
        else:
            at += 1


def _number(pieces: list[Piece], at: int, words: "Words") -> tuple[Said | None, int]:
    """The number at this place, unless it counts something else; and where to go on."""
    piece, end = pieces[at], at + 1
    of, is_between = None, piece.is_half
    second = _second(pieces, end, words.out_of, "slash")
    if second:
        of, end = pieces[second].value, second + 1
    elif second := _second(pieces, end, words.choice, "dash"):
        if _counts(pieces, second, second + 1, words):
            return None, second + 1
        is_between, end = True, second + 1
    elif _spoken(pieces, end, words.half):
        is_between, end = True, end + len(_spoken(pieces, end, words.half))
    if _counts(pieces, at, end, words):
        return None, end
    end += _suffix(pieces, end, words)
    named = _spoken(pieces, end, words.stars)
    end += len(named)
    begin = _mark_before(pieces, at, words)
    weight = 3 if named or begin < at or of is not None else _weight(pieces, at, end)
    if weight < 2 and piece.is_weak:
        return None, end
    value = -piece.value if _is_negative(pieces, at) else piece.value
    is_between = is_between or _is_denied(pieces, at, words)
    span = pieces[begin].start, pieces[end - 1].end
    return Said(value, *span, weight, of, is_between, piece.is_weak), end


def _second(pieces: list[Piece], at: int, joints: frozenset[str], sign: str) -> int:
    """Where the other number of "5/6", "5 out of 6", "4-5" stands; 0: nowhere."""
    joint = _spoken(pieces, at, joints)
    if joint:
        at += len(joint)
    elif at < len(pieces) and pieces[at].kind == sign:
        at += 1
    else:
        return 0
    return at if at < len(pieces) and pieces[at].kind == "number" else 0


def _counts(pieces: list[Piece], at: int, end: int, words: "Words") -> bool:
    """It is a number of days, of an order, an hour, a price: no rating."""
    piece, before, after = pieces[at], _piece(pieces, at - 1), _piece(pieces, end)
    if len(piece.said) > NUMBER_DIGITS_MAX and piece.said.isdigit():
        return True
    if before.said in ("#", "№", "$", "€", "£") or after.said in ("%", "$", "€", "£", "₽"):
        return True
    if before.kind == "word" and before.said in words.orders and end == at + 1:
        return True
    joined = after.said == ":" and pieces[end - 1].touches(after)
    if joined and _piece(pieces, end + 1).kind == "number":
        return True  # 18:00
    if before.said == ":" and before.touches(piece) and _piece(pieces, at - 2).kind == "number":
        return True
    if after.kind != "word":
        return False
    if pieces[end - 1].touches(after) and piece.said.isdigit():
        return after.said not in words.suffixes
    return _is_unit(after.said, words)


def _is_unit(word: str, words: "Words") -> bool:
    return word in words.units or word.startswith(words.unit_stems)


def _suffix(pieces: list[Piece], end: int, words: "Words") -> int:
    """1 where letters hang on the digits: "5ка", "5th", "5-ый"; else 0, 2 with a dash."""
    after = _piece(pieces, end)
    if after.kind == "word" and pieces[end - 1].touches(after) and after.said in words.suffixes:
        return 1
    hung = _piece(pieces, end + 1)
    is_hung = after.kind == "dash" and after.touches(hung) and pieces[end - 1].touches(after)
    return 2 if is_hung and hung.said in words.suffixes else 0


def _mark_before(pieces: list[Piece], at: int, words: "Words") -> int:
    """Where the words begin that make it a rating: "my score: 5", "ставлю 5"."""
    passed = 0
    for back in range(at - 1, -1, -1):
        piece = pieces[back]
        if piece.kind == "word":
            if piece.said in words.marks or piece.said.startswith(words.mark_stems):
                return back
            passed += 1
        if passed >= MARK_WORDS_BEFORE or piece.kind in ("end", "number"):
            break
    return at


def _weight(pieces: list[Piece], at: int, end: int) -> int:
    before, after = _piece(pieces, at - 1), _piece(pieces, end)
    begins = before.kind != "word" and before.kind != "number"
    ends = after.kind != "word" and after.kind != "number"
    if begins and ends:
        return 2
    return 1 if begins or ends else 0


def _is_negative(pieces: list[Piece], at: int) -> bool:
    return at == 1 and pieces[0].kind == "dash" and pieces[0].touches(pieces[1])


def _is_denied(pieces: list[Piece], at: int, words: "Words") -> bool:
    before = [piece.said for piece in pieces[max(at - 2, 0) : at] if piece.kind == "word"]
    return any(word in words.denials for word in before)


def _spoken(pieces: list[Piece], at: int, phrases: frozenset[str]) -> list[str]:
    """The words of the longest of these phrases that stands here."""
    said: list[str] = []
    for piece in pieces[at : at + 3]:
        if piece.kind != "word":
            break
        said.append(piece.said)
    while said and " ".join(said) not in phrases:
        said.pop()
    return said


def _piece(pieces: list[Piece], at: int) -> Piece:
    return pieces[at] if 0 <= at < len(pieces) else _NOTHING


def _stars(pieces: list[Piece]) -> Iterator[Said]:
    for one in pieces:
        if one.kind == "stars":
            yield Said(one.value, one.start, one.end, 2)


def _alike(pieces: list[Piece]) -> Iterator[Said]:
    words = [one for one in pieces if one.kind == "word"]
    if len(words) == 1:
        only = words[0]
        value = ROMAN.get(only.said, ALIKE.get(only.said, -1))
        if value >= 0:
            yield Said(value, only.start, only.end, 2)


# ------------------------------------------------------------------ from letters to pieces

_STAR = "⭐★🌟✭"
_PIECE = re.compile(
    rf"(?P<number>\d+(?:[.,]\d+)?½?(?:\ufe0f?\u20e3)?)"
    rf"|(?P<word>[^\W\d_]+(?:['’`][^\W\d_]+)*)"
    rf"|(?P<stars>[{_STAR}](?:[{_STAR}☆\ufe0f ]*[{_STAR}])?[☆\ufe0f]*|\*{{2,}})"
    rf"|(?P<dash>[-–—]+)|(?P<slash>[/\\])|(?P<sign>[+#№$€£₽%:=\"'«»(]|\ufe0f)|(?P<end>\n|[^\s\w])"
)
_CIRCLED = str.maketrans("①②③④⑤⑥⑦⑧⑨❶❷❸❹❺❻❼❽❾", "123456789123456789")


def _pieces(text: str) -> Iterator[Piece]:
    words = words_of_ratings()
    for found in _PIECE.finditer(text.translate(_CIRCLED)):
        kind, said = str(found.lastgroup), found[0]
        start, end = found.span()
        if kind == "number":
            yield from _digits(said, start, end)
        elif kind == "word":
            word = words.familiar(said)
            value = words.value_of(word)
            if value is None:
                yield Piece("word", word, start, end)
            else:
                yield Piece("number", word, start, end, value, False, word in words.weak)
        elif kind == "stars":
            yield Piece("stars", said, start, end, sum(x in _STAR or x == "*" for x in said))
        else:
            yield Piece(kind, said, start, end)  # type: ignore[arg-type]


def _digits(said: str, start: int, end: int) -> Iterator[Piece]:
    """One number, or two that only a comma parts: "4.5" is a half, "12.11" a day, "5,0" is 5."""
    plain = said.rstrip("\ufe0f\u20e3")
    whole, _, rest = plain.rstrip("½").replace(",", ".").partition(".")
    if len(rest) > 1:
        yield Piece("word", plain, start, end)
    elif len(whole) > 18:
        yield Piece("word", "", start, end)
    else:
        is_half = plain.endswith("½") or rest not in ("", "0")
        yield Piece("number", whole, start, end, int(whole), is_half)


# ------------------------------------------------------------------ the words


@dataclass(frozen=True, slots=True)
class Words:
    """The lists of all languages together; stems stand for every ending."""

    values: Mapping[str, int]
    value_stems: Mapping[str, int]
    weak: frozenset[str]
    out_of: frozenset[str]
    choice: frozenset[str]
    half: frozenset[str]
    stars: frozenset[str]
    marks: frozenset[str]
    mark_stems: tuple[str, ...]
    units: frozenset[str]
    unit_stems: tuple[str, ...]
    orders: frozenset[str]
    suffixes: frozenset[str]
    denials: frozenset[str]
    vocabulary: frozenset[str]

    def familiar(self, word: str) -> str:
        """As a list has it, though letters are of another alphabet."""
        plain = without_accents(word)
        for spelling in spellings(plain):
            if spelling in self.vocabulary:
                return spelling
        return lowered(plain)

    def value_of(self, word: str) -> int | None:
        """Of a number word."""
        if (value := self.values.get(word)) is not None:
            return value
        return next((n for stem, n in self.value_stems.items() if word.startswith(stem)), None)


@cache
def words_of_ratings() -> Words:
    """The lists of every language that is read."""
    tables = [
        languages.phrases_of(one).get("replies", {}).get("ratings", {})
        for one in languages.languages_present()
    ]

    def listed(key: str) -> frozenset[str]:
        return frozenset(folded(x) for table in tables for x in table.get(key, ()))

    numbers = {name: n for table in tables for name, n in _named(table.get("numbers", {}))}
    values, value_stems = _stems_apart(numbers)
    lists = {
        key: listed(key)
        for key in ("out_of", "choice", "half", "stars", "orders", "suffixes", "denials", "weak")
    }
    marks, mark_stems = _stems_apart(dict.fromkeys(listed("marks"), 0))
    units, unit_stems = _stems_apart(dict.fromkeys(listed("units"), 0))
    vocabulary = frozenset().union(*lists.values(), marks, units, values)
    return Words(
        values=values,
        value_stems=value_stems,
        marks=frozenset(marks),
        mark_stems=tuple(mark_stems),
        units=frozenset(units),
        unit_stems=tuple(unit_stems),
        vocabulary=frozenset(word for phrase in vocabulary for word in phrase.split()),
        **lists,
    )


def _named(numbers: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, int]]:
    for value, names in numbers.items():
        for name in names:
            yield folded(name), int(value)


def _stems_apart(names: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    whole = {name: n for name, n in names.items() if not name.endswith("*")}
    return whole, {name[:-1]: n for name, n in names.items() if name.endswith("*")}
