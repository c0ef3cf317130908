"""Price lists as operators send them: CSV of any dialect, columns in any order and language.

`open_sheet` finds out how the file is written, `guess` which column is what, `read` makes prices of
the rows and says of each row that it cannot take why not. Nothing is guessed about a price itself:
a cell that is not clearly a number is refused.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Literal, TypeAlias

from babel import Locale
from babel.core import get_global

from ringdove.rules.sending.prices import PREFIX_DIGITS_MAX, PRICES_MAX, Price

Column: TypeAlias = Literal["prefix", "country", "network", "price", "currency"]
COLUMNS: tuple[Column, ...] = ("prefix", "country", "network", "price", "currency")
Reason: TypeAlias = Literal[
    "no_price", "price_unreadable", "price_impossible", "no_target", "prefix_unreadable",
    "country_unknown", "other_currency", "twice",
]  # fmt: skip

CELLS_MAX = 40  # columns of a file
LOOKED_AT = 200  # rows, to guess by
CELL_CHARS_MAX = 200
PRICE_MAX = Decimal(1_000)  # a part that costs more is a misplaced point
PRICE_PLACES = 6


class SheetWrong(ValueError):
    """Not a table; the message is for the person who brought it."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file as rows of cells; `header` is empty where the first row is a price already."""

    header: tuple[str, ...]
    rows: Sequence[Sequence[str]]

    @property
    def width(self) -> int:
        """How many columns there are."""
        return max((len(row) for row in (self.header, *self.rows[:LOOKED_AT])), default=0)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that makes no price."""

    line: int  # in the file, from 1
    cells: tuple[str, ...]
    reason: Reason


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says."""

    prices: tuple[Price, ...]
    currency: str
    rejected: tuple[Rejected, ...]


# ------------------------------------------------------------------ the file


def open_sheet(octets: bytes) -> Sheet:
    """The table in a file. Raises SheetWrong."""
    if octets.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise SheetWrong("This is a spreadsheet: save it as CSV in your spreadsheet program first.")
    text = decoded(octets)
    delimiter = _delimiter(text)
    rows = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            rows.append([cell.strip() for cell in row[:CELLS_MAX]])
            if len(rows) > PRICES_MAX + LOOKED_AT:
                raise SheetWrong(f"More than {PRICES_MAX} lines.")
    except csv.Error as error:
        raise SheetWrong(f"This is no table: {error}.") from None
    start = _header_at(rows)
    if start is None:
        return Sheet((), rows)
    # Rows above the header are a letterhead; they count as lines all the same.
    above: list[list[str]] = [[] for _ in range(start + 1)]
    return Sheet(tuple(rows[start]), above + rows[start + 1 :])


def decoded(octets: bytes) -> str:
    """The text of a file, whatever program saved it."""
    if octets.startswith((b"\xff\xfe", b"\xfe\xff")):
        return octets.decode("utf-16", "replace")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        return octets.decode("cp1251", "replace")  # what Excel writes where Cyrillic is read


def _delimiter(text: str) -> str:
    lines = [line for line in text[:20_000].splitlines() if line.strip()][:20]
    if not lines:
        raise SheetWrong("The file is empty.")

    def worth(sign: str) -> tuple[int, int]:
        counts = [line.count(sign) for line in lines]
        often, times = Counter(n for n in counts if n).most_common(1)[0] if any(counts) else (0, 0)
        return times, often

    # In this order: a comma may stand within a price, a semicolon hardly anywhere.
    found = max((";", "\t", "|", ","), key=lambda sign: worth(sign)[0])
    return found if worth(found)[1] else ";"


def _header_at(rows: Sequence[Sequence[str]]) -> int | None:
    """The row that names columns: the first, within the first twenty, that names a price."""
    for n, row in enumerate(rows[:20]):
        named = {_named(cell) for cell in row} - {None}
        if "price" in named and len(named) > 1:
            return n
    return None


# ------------------------------------------------------------------ which column is what

_WORDS: Mapping[Column, str] = {
    "price": r"price|rate|cost|tariff|prezzo|costo|precio|preis|цена|стоимость|тариф|кошт",
    "currency": r"currency|cur|valuta|divisa|moneda|валюта",
    "prefix": r"prefix|dial|area code|country code|calling code|phone code|prefisso|prefijo"
    r"|префикс|код|code",
    "network": r"network|operator|carrier|provider|operatore|rete|operador|red|сеть|оператор",
    "country": r"country|destination|iso|land|paese|nazione|país|pais|destino|страна|направление"
    r"|краіна",
}
_NAMED = {name: re.compile(rf"(?:^|\b)(?:{words})", re.I) for name, words in _WORDS.items()}


_OF_NETWORKS = re.compile(r"\b(?:mcc|mnc)", re.I)  # codes of networks, not of numbers


def _named(title: str) -> Column | None:
    if not title or len(title) > 60 or re.fullmatch(r"[\d.,+\s]+", title):
        return None
    if _OF_NETWORKS.search(title):
        return None
    if re.search(r"\biso\b", title, re.I):
        return "country"
    return next((name for name, words in _NAMED.items() if words.search(title)), None)


def guess(sheet: Sheet) -> dict[Column, int]:
    """Which column holds what: by its title, else by what stands in it."""
    found: dict[Column, int] = {}
    for n, title in enumerate(sheet.header):
        name = _named(title)
        if name and name not in found:
            found[name] = n
    some = [row for row in sheet.rows[:LOOKED_AT] if row]
    for name, looks_right in _LOOKS:
        if name in found:
            continue
        for n in range(sheet.width):
            if _OF_NETWORKS.search(_cell(sheet.header, n)):
                continue
            cells = [row[n] for row in some if n < len(row) and row[n]]
            if n not in found.values() and cells and _share(cells, looks_right) > 0.9:
                found[name] = n
                break
    return found


def _share(cells: Sequence[str], looks_right: re.Pattern[str]) -> float:
    return sum(bool(looks_right.fullmatch(cell)) for cell in cells) / len(cells)


_LOOKS: tuple[tuple[Column, re.Pattern[str]], ...] = (
    ("prefix", re.compile(r"\+?\d{1,12}")),
    ("price", re.compile(r"\d{0,3}[.,]\d{1,8}")),
    ("country", re.compile(r"[A-Z]{2}")),
    ("currency", re.compile(r"[A-Z]{3}")),
)


# ------------------------------------------------------------------ the rows


def read(sheet: Sheet, columns: Mapping[Column, int], currency: str) -> Reading:
    """Prices of the rows. `currency` counts where neither a cell nor the price's title names one;
    of several currencies the one that most rows have is taken."""
    told = _currency_in(_cell(sheet.header, columns.get("price")))
    money = [
        (_money(row, columns), line, row) for line, row in enumerate(sheet.rows, 1) if any(row)
    ]
    own = Counter(one[1] for one, _, _ in money if isinstance(one, tuple) and one[1])
    chosen = own.most_common(1)[0][0] if own else told or currency
    prices: dict[tuple[str, str, str], Price] = {}
    rejected: list[Rejected] = []
    for found, line, row in money:
        made = _prices(found, row, columns, chosen)
        if not isinstance(made, str):
            again = any(_key(price) in prices for price in made)
            if not again:
                prices |= {_key(price): price for price in made}
                continue
            if all(prices.get(_key(price)) == price for price in made):
                continue  # the same line once more
            made = "twice"
        rejected.append(Rejected(line, tuple(cell[:CELL_CHARS_MAX] for cell in row), made))
    return Reading(tuple(prices.values()), chosen, tuple(rejected))


def _key(price: Price) -> tuple[str, str, str]:
    return price.prefix, price.country, price.network


def _cell(row: Sequence[str], place: int | None) -> str:
    return row[place] if place is not None and place < len(row) else ""


_CURRENCY = re.compile(r"(?<![A-Z])[A-Z]{3}(?![A-Z])")
_SIGNS = {"€": "EUR", "$": "USD", "£": "GBP", "₽": "RUB", "₴": "UAH", "₸": "KZT", "₺": "TRY"}


@cache
def _currencies() -> frozenset[str]:
    return frozenset(Locale.parse("en").currencies)


def _currency_in(text: str) -> str:
    for sign, code in _SIGNS.items():
        if sign in text:
            return code
    return next((code for code in _CURRENCY.findall(text.upper()) if code in _currencies()), "")


def _money(row: Sequence[str], columns: Mapping[Column, int]) -> tuple[Decimal, str] | Reason:
    written = _cell(row, columns.get("price"))
    if not written:
        return "no_price"
    own = _currency_in(_cell(row, columns.get("currency"))) or _currency_in(written)
    number = re.sub(r"[^\d.,-]", "", written)
    if "," in number and "." in number:  # the last of both is the decimal point
        point = max(number.rfind(","), number.rfind("."))
        number = re.sub(r"[.,]", "", number[:point]) + "." + number[point + 1 :]
    try:
        amount = Decimal(number.replace(",", "."))
    except InvalidOperation:
        return "price_unreadable"
    exponent = amount.as_tuple().exponent
    if not 0 <= amount <= PRICE_MAX or not isinstance(exponent, int) or exponent < -PRICE_PLACES:
        return "price_impossible"
    return amount, own


def _prices(
    found: tuple[Decimal, str] | Reason,
    row: Sequence[str],
    columns: Mapping[Column, int],
    currency: str,
) -> list[Price] | Reason:
    """The prices of a row: one for each prefix in its cell."""
    if isinstance(found, str):
        return found
    amount, own = found
    if own and own != currency:
        return "other_currency"
    written = _cell(row, columns.get("country"))
    country = country_named(written)
    prefixes = _prefixes(_cell(row, columns.get("prefix")))
    if prefixes is None:
        return "prefix_unreadable"
    if not prefixes and not country:
        return "country_unknown" if written else "no_target"
    network = _cell(row, columns.get("network"))[:CELL_CHARS_MAX]
    return [Price(prefix, amount, country, network) for prefix in prefixes or ("",)]


def _prefixes(written: str) -> list[str] | None:
    """ "+375 29" is one, "37529, 37533" are two; None: letters stand there."""
    found = []
    for piece in re.split(r"[,;/]", written):
        digits = re.sub(r"[\s()+.\-]", "", piece).removeprefix("00")
        if not digits:
            continue
        if not (digits.isascii() and digits.isdigit()) or len(digits) > PREFIX_DIGITS_MAX:
            return None
        found.append(digits)
    return list(dict.fromkeys(found))


@cache
def _countries() -> dict[str, str]:
    """Every country by its codes and by its names in the languages of the pages and their shops."""
    known = {code for code in get_global("territory_zones") if len(code) == 2}
    found = {code.casefold(): code for code in known}
    for language in ("en", "ru", "be", "it", "es", "de", "pl"):
        named = Locale.parse(language).territories
        found |= {named[code].casefold(): code for code in known if code in named}
    aliases: Iterable[tuple[str, str]] = (
        ("usa", "US"), ("uk", "GB"), ("great britain", "GB"), ("белоруссия", "BY"),
        ("russian federation", "RU"), ("czech republic", "CZ"), ("south korea", "KR"),
        ("turkey", "TR"), ("moldova", "MD"), ("macedonia", "MK"), ("uae", "AE"), ("сша", "US"),
    )  # fmt: skip
    return found | dict(aliases)


def country_named(written: str) -> str:
    """The country that a cell names; "Belarus - MTS" and "BELARUS (mobile)" too."""
    name = written.casefold().strip()
    if not name:
        return ""
    known = _countries()
    return known.get(name) or known.get(re.split(r"\s*[-–—(:,/]", name)[0].strip(), "")


# ------------------------------------------------------------------ out again


def write(prices: Iterable[Price], currency: str) -> Iterable[str]:
    """The lines of a CSV that `read` takes back as it is."""
    yield "prefix,country,network,price,currency\r\n"
    for price in prices:
        line = io.StringIO()
        csv.writer(line).writerow(
            (price.prefix, price.country, price.network, _plain(price.per_part), currency)
        )
        yield line.getvalue()


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
