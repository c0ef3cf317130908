"""Lists of people as programs save them: CSV of any dialect and encoding, columns in any order.

`look` finds out how a file is written, `rows` reads it with the memory of a few rows, whatever its
size, and loses none: a stray quotation mark costs its own row at most. Which column is what is a
guess (people_columns.py) that a person confirms; what a row means is people_rows.py.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from charset_normalizer import from_bytes

SAMPLE_BYTES = 256_000
CELLS_MAX = 200  # columns of a file
CELL_CHARS_MAX = 4_000
LINES_IN_ROW_MAX = 40  # a note of many lines in one cell; more is a quotation mark that never ends
DELIMITERS = (",", ";", "\t", "|", "^", "~")
ENCODINGS = ("utf-8", "utf-16", "cp1251", "koi8-r", "cp866", "cp1252", "cp1250")


class FileWrong(ValueError):
    """Not a list; the message is for the person who brought it."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written."""

    encoding: str = "utf-8"
    delimiter: str = ","
    has_header: bool = True


@dataclass(frozen=True, slots=True)
class Look:
    """The beginning of a file."""

    dialect: Dialect
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]  # the first ones below the header
    width: int


# ------------------------------------------------------------------ how it is written


def look(sample: bytes, *, is_all: bool = True) -> Look:
    """How a file is written, from its beginning. Raises FileWrong."""
    if sample.startswith(b"\xd0\xcf\x11\xe0"):
        raise FileWrong("This is an old spreadsheet (.xls): save it as .xlsx or CSV.")
    if sample.startswith((b"%PDF", b"{\\rtf", b"\x89PNG", b"\xff\xd8\xff", b"PK\x03\x04")):
        raise FileWrong("This is no list: bring a CSV or XLSX file.")
    encoding = encoding_of(sample)
    text = next(decoded([sample], encoding), "")
    if not text.strip():
        raise FileWrong("The file is empty.")
    some = text[:4_000]
    if sum(not sign.isprintable() and sign not in "\t\r\n\xa0" for sign in some) > len(some) // 50:
        raise FileWrong("This is no list of text: bring a CSV or XLSX file.")
    delimiter = _delimiter(text, is_all)
    return seen_as(sample, Dialect(encoding, delimiter), is_all=is_all, is_guess=True)


def seen_as(
    sample: bytes, dialect: Dialect, *, is_all: bool = True, is_guess: bool = False
) -> Look:
    """The beginning of a file, read as somebody says that it is written."""
    found = []
    for _, cells in rows([sample], dialect):
        found.append(tuple(cells))
        if len(found) > 200:
            break
    if len(found) > 1 and not is_all and len(found) <= 200:
        found.pop()  # the sample may end in its midst
    if not found:
        raise FileWrong("The file is empty.")
    has_header = _is_header(found[0]) if is_guess else dialect.has_header
    width = max(map(len, found))
    header = found[0] if has_header else ()
    body = found[1:] if has_header else found
    dialect = Dialect(dialect.encoding, dialect.delimiter, has_header)
    return Look(dialect, header, tuple(body), width)


def encoding_of(sample: bytes) -> str:
    """What the letters are written in; cp1251 where nothing else is likelier."""
    if sample.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    nuls = sample[:2_000].count(0)
    if nuls > len(sample[:2_000]) // 5:  # UTF-16 without its mark
        return "utf-16-le" if nuls and sample[1:2] == b"\x00" else "utf-16-be"
    high = sum(octet > 127 for octet in sample)
    if not high:
        return "utf-8"
    broken = sample.decode("utf-8", "replace").count("�")
    if broken * 50 <= high:  # a few torn letters make no other encoding
        return "utf-8"
    # Cyrillic words are runs of high octets; in the languages of the West such letters stand alone.
    runs = re.findall(rb"[\x80-\xff]+", sample)
    if high / len(runs) >= 2:
        return _likeliest(sample, ["cp1251", "koi8_r", "cp866"], "cp1251")
    return "cp1250" if _POLISH.search(sample) else "cp1252"


# ą ł ś ź ż Ł Ś: within a word these octets are signs in the West (¹ ³ œ Ÿ ¿ £ Œ).
_POLISH = re.compile(rb"[A-Za-z][\xb9\xb3\x9c\x9f\xbf]|[\xa3\x8c\xaf][a-z]")


def _likeliest(sample: bytes, among: list[str], usual: str) -> str:
    found = from_bytes(sample, cp_isolation=among, enable_fallback=False).best()
    name = found.encoding.replace("_", "-") if found else usual
    return name if name in ENCODINGS else usual


def _delimiter(text: str, is_all: bool) -> str:
    lines = text[:60_000].splitlines(keepends=True)
    lines = lines[: 60 if is_all or len(lines) < 3 else min(60, len(lines) - 1)]

    def worth(sign: str) -> tuple[float, int]:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=sign) if any(row)]
        except csv.Error:
            return 0, 0
        usual = max(set(widths), key=widths.count) if widths else 0
        if usual < 2:
            return 0, 0
        return round(widths.count(usual) / len(widths), 1), usual

    best = max(DELIMITERS, key=worth)
    return best if worth(best)[1] else ","


_NUMBERISH = re.compile(r"[\d\s()+.,:/-]+")


def _is_header(cells: Sequence[str]) -> bool:
    told = [cell for cell in cells if cell]
    return bool(told) and not any("@" in cell or _NUMBERISH.fullmatch(cell) for cell in told)


# ------------------------------------------------------------------ its rows


def rows(pieces: Iterable[bytes], dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """The rows of a file with their numbers, from 1 with the header; empty ones are left out."""
    feed = _Feed(_lines(decoded(pieces, dialect.encoding)))
    reader = csv.reader(feed, delimiter=dialect.delimiter, strict=False)
    number = 0
    while True:
        feed.begin()
        try:
            cells = next(reader)
            if feed.is_over and feed.taken > 1 and _is_open(feed.row, dialect):
                raise _NeverEnds
        except StopIteration:
            return
        except (_NeverEnds, csv.Error):
            cells = next(csv.reader([feed.first_alone()], delimiter=dialect.delimiter,
                                    quoting=csv.QUOTE_NONE))  # fmt: skip
            reader = csv.reader(feed, delimiter=dialect.delimiter, strict=False)
        number += 1
        if any(cells):
            clean = [_clean(cell) for cell in cells[:CELLS_MAX]]
            if any(clean):
                yield number, clean


def decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[str]:
    """The text of a file, piece by piece."""
    name = "utf-8-sig" if encoding == "utf-8" else encoding
    decoder = codecs.getincrementaldecoder(name)("replace")
    for piece in pieces:
        if text := decoder.decode(piece):
            yield text
    if text := decoder.decode(b"", True):
        yield text


def _lines(texts: Iterable[str]) -> Iterator[str]:
    rest = ""
    for text in texts:
        some = io.StringIO(rest + text, newline="").readlines()
        # A line without its end goes on in the next piece; so may a carriage return.
        rest = some.pop() if some and (some[-1][-1] not in "\r\n" or some[-1][-1] == "\r") else ""
        if len(rest) > CELL_CHARS_MAX * CELLS_MAX:
            rest = rest[:CELL_CHARS_MAX]
        yield from some
    if rest:
        yield rest


class _NeverEnds(Exception):
    """A quotation mark was opened and nowhere closed."""


class _Feed:
    """Lines for csv.reader, which remembers those of the row at hand."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._back: list[str] = []
        self.row: list[str] = []
        self.is_over = False

    def begin(self) -> None:
        self.row = []

    @property
    def taken(self) -> int:
        return len(self.row)

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if len(self.row) >= LINES_IN_ROW_MAX:
            raise _NeverEnds
        if self._back:
            line = self._back.pop()
        else:
            try:
                line = next(self._lines)
            except StopIteration:
                self.is_over = True
                raise
            if "\x00" in line:
                line = line.replace("\x00", "")
        self.row.append(line)
        return line

    def first_alone(self) -> str:
        """The row's first line; the others are read again as rows of their own."""
        first, *others = self.row
        self._back.extend(reversed(others))
        self.is_over = False
        return first


def _is_open(lines: Sequence[str], dialect: Dialect) -> bool:
    try:
        list(csv.reader(lines, delimiter=dialect.delimiter, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


_CONTROL = re.compile(r"[\x00-\x1f\x7f\u200b\u200e\u200f\u202a-\u202e\u2060\ufeff]+")


def _clean(cell: str) -> str:
    if not cell.isprintable():
        cell = _CONTROL.sub(" ", cell).replace("\xa0", " ")
    cell = cell.strip()
    return cell if len(cell) <= CELL_CHARS_MAX else cell[:CELL_CHARS_MAX]
