"""Price lists as operators write them: any dialect, a reason for every row that is not taken."""

import time
from contextlib import suppress
from decimal import Decimal

import pytest

from ringdove.rules.sending.price_files import Reading, SheetWrong, guess, open_sheet, read, write
from ringdove.rules.sending.prices import Price


def taken(text: str | bytes, currency: str = "EUR") -> Reading:
    sheet = open_sheet(text.encode() if isinstance(text, str) else text)
    return read(sheet, guess(sheet), currency)


BELARUS = [Price("37529", Decimal("0.0125"), "BY", "MTS"), Price("375", Decimal("0.02"), "BY", "")]


@pytest.mark.parametrize(
    "text",
    [
        "prefix,country,network,price,currency\n37529,BY,MTS,0.0125,EUR\n375,BY,,0.02,EUR\n",
        "Country;Operator;Prefix;Price, EUR\nBelarus;MTS;+375 29;0,0125\nBelarus;;375;0,02\n",
        "Страна\tОператор\tКод\tЦена (€)\nБеларусь\tMTS\t37529\t0,0125\nБеларусь\t\t375\t0,02\n",
        "Our prices\n\nISO|Network|Prefix|Rate\nBY|MTS|0037529|€ 0.0125\nBY||375|0.02 EUR\n",
        "37529,BY,0.0125,MTS\n375,BY,0.02,\n",
        'Destination;Code;Price EUR\r\n"Belarus - MTS";37529;0,0125\r\nBELARUS;375;0,02\r\n',
    ],
)
def test_the_same_prices_in_many_dialects(text):
    """N6. Decimal commas, semicolons, tabs, names of countries, titles in another language."""
    found = taken(text)
    assert found.currency == "EUR" and not found.rejected
    got = [(price.prefix, price.per_part, price.country) for price in found.prices]
    assert got == [(price.prefix, price.per_part, price.country) for price in BELARUS]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251"])
def test_what_spreadsheet_programs_save(encoding):
    found = taken("Страна;Цена;Валюта\nИталия;0,05;EUR\n".encode(encoding))
    assert found.prices == (Price("", Decimal("0.05"), "IT"),)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("375;BY;", "no_price"),
        ("375;BY;free", "price_unreadable"),
        ("375;BY;1.2.3", "price_unreadable"),
        ("375;BY;-0,02", "price_impossible"),
        ("375;BY;12500", "price_impossible"),
        ("375;BY;0,00000001", "price_impossible"),
        (";;0,02", "no_target"),
        (";Narnia;0,02", "country_unknown"),
        ("37x;BY;0,02", "prefix_unreadable"),
        ("3752911122334455;BY;0,02", "prefix_unreadable"),
        ("375;BY;0,02 USD", "other_currency"),
        ("39;IT;0,09", "twice"),
    ],
)
def test_a_row_that_is_not_taken_says_why(row, reason):
    text = f"prefix;country;price\n39;IT;0,05 EUR\n\n{row}\n40;RO;0,04 EUR\n"
    found = taken(text)
    assert [(one.line, one.reason) for one in found.rejected] == [(4, reason)]
    assert len(found.prices) == 2


def test_several_prefixes_in_a_cell_and_the_same_line_twice():
    found = taken("prefix;price\n37529, 37533;0,02\n37529;0,02\n")
    assert [price.prefix for price in found.prices] == ["37529", "37533"]
    assert not found.rejected


def test_codes_of_networks_are_not_taken_for_prefixes():
    """MCC 257 is Belarus among networks and Nothing among numbers."""
    sheet = open_sheet(b"MCC,MNC,Country,Network,Price\n257,02,Belarus,MTS,0.02\n")
    assert guess(sheet) == {"country": 2, "network": 3, "price": 4}


@pytest.mark.parametrize("octets", [b"", b"\n\n", b"PK\x03\x04sheet", b"\xd0\xcf\x11\xe0old"])
def test_what_is_no_table_is_said_plainly(octets):
    with pytest.raises(SheetWrong):
        open_sheet(octets)


@pytest.mark.parametrize("octets", [b"\x00\xff\x00", b'"', b";;;;\n", b"a" * 200_000, b"1,2\n" * 9])
def test_no_bytes_break_it(octets):
    with suppress(SheetWrong):
        assert len(taken(octets).prices) <= 1


def test_what_is_exported_is_read_back_as_it_was():
    prices = [*BELARUS, Price("", Decimal("0.5"), "IT", 'A "1", B'), Price("44", Decimal("10"))]
    found = taken("".join(write(prices, "BYN")))
    assert list(found.prices) == prices and found.currency == "BYN"


@pytest.mark.slow
def test_fifty_thousand_rows_in_a_moment():
    rows = "".join(f"{37_000_000 + n};BY;MTS;0,{n % 999 + 1:04d}\n" for n in range(50_000))
    began = time.process_time()
    found = taken("prefix;country;network;price\n" + rows)
    assert len(found.prices) == 50_000 and not found.rejected
    assert time.process_time() - began < 5
