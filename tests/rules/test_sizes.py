"""How long a text is, in Python and in the browser, by one table of cases (R26, R33)."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringdove.rules import gsm, texts
from ringdove.rules.texts import Measure, ShiftUnknown, TextTooLong, shifts, sizes
from tests.rules import browser

HERE = Path(__file__).parent
CASES = [
    {**case, "text": "".join(letters * times for letters, times in case["text"])}
    for case in json.loads((HERE / "texts.json").read_text("utf-8"))
]
SHIFTS = ["", *shifts.LANGUAGES]

GSM_TEXT = st.text(alphabet=sorted(gsm.LETTERS), max_size=1000)
ANY_TEXT = st.text(
    alphabet=st.one_of(
        st.sampled_from("aя€[😀é“şáãªΦ|नकಕ\u200d\u0301\u093f🇧🇾🏽"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=1000,
)


def named(case: dict[str, Any]) -> str:
    return f"{case['text'][:10]}×{len(case['text'])} {case.get('shift', '')}"


@pytest.mark.parametrize("case", CASES, ids=named)
def test_a_text_is_counted_as_the_network_counts(case: dict[str, Any]) -> None:
    """R26."""
    if case["parts"] is None:
        with pytest.raises(TextTooLong):
            texts.measure(case["text"], case.get("shift", ""))
        return
    found = texts.measure(case["text"], case.get("shift", ""))
    assert found[:3] == (case["encoding"], case["units"], case["parts"])


def test_no_more_parts_than_a_phone_can_join() -> None:
    assert texts.measure("a" * 255 * 153).parts == 255
    for act in (texts.measure, texts.split, texts.pieces):
        for text in ("a" * (255 * 153 + 1), "я" * (255 * 67 + 1), "€" * (255 * 76 + 1)):
            with pytest.raises(TextTooLong, match="at most 255"):
                act(text)
    with pytest.raises(TextTooLong):
        texts.measure("ş" * (255 * 149 + 1), "tr")


def test_a_language_without_a_table_is_refused() -> None:
    with pytest.raises(ShiftUnknown, match="tr, es, pt"):
        texts.measure("a", "xx")


# ------------------------------------------------------------------ parts


@settings(deadline=None)
@given(st.one_of(ANY_TEXT, GSM_TEXT), st.sampled_from(SHIFTS))
def test_parts_join_to_the_text_fit_and_cut_no_pair(text: str, shift: str) -> None:
    """R33."""
    found = texts.measure(text, shift)
    parts = texts.split(text, shift)
    encoding, pieces = texts.pieces(text, shift)
    assert "".join(parts) == text
    assert [piece.text for piece in pieces] == parts
    assert encoding == found.encoding and len(parts) == found.parts
    for piece in pieces:
        if encoding == "UCS-2":
            assert piece.octets.decode("utf-16-be") == piece.text and not piece.elements
        elif not piece.elements:
            assert texts.decode_gsm(piece.octets) == piece.text
        assert fits_a_message(piece, len(pieces), encoding)
    units = sum(len(piece.octets) for piece in pieces) // (2 if encoding == "UCS-2" else 1)
    assert units == found.units


def fits_a_message(piece: texts.Piece, total: int, encoding: str) -> bool:
    """By the bits of TS 23.040: 140 octets with the header, packed septets on their boundary."""
    elements = len(piece.elements) + (5 if total > 1 else 0)
    header_bits = (elements + 1) * 8 if elements else 0
    if encoding == "UCS-2":
        return header_bits + len(piece.octets) * 8 <= 1120
    fill = -header_bits % 7
    return header_bits + fill + len(piece.octets) * 7 <= 1120


@settings(deadline=None)
@given(ANY_TEXT, st.sampled_from(SHIFTS))
def test_no_way_needs_fewer_parts(text: str, shift: str) -> None:
    """Each alphabet by itself, cut as late as can be."""
    found = texts.measure(text, shift)
    for alphabet in [*sizes.alphabets(shift), None]:
        if alphabet is None or alphabet.fits(text):
            assert sizes._measured(text, alphabet).parts >= found.parts


@settings(deadline=None)
@given(ANY_TEXT)
def test_cut_from_its_end_a_text_has_as_many_parts(text: str) -> None:
    """The least number is the same from both sides; here counted another way, letter by letter."""
    found = texts.measure(text)
    if found.parts > 1:
        room, parts, taken = found.room // found.parts, 1, 0
        for letter in reversed(text):
            octets = (
                texts.encode_gsm(letter)
                if found.encoding == "GSM-7"
                else letter.encode("utf-16-be")
            )
            width = len(octets) if found.encoding == "GSM-7" else len(octets) // 2
            parts, taken = (parts + 1, width) if taken + width > room else (parts, taken + width)
        assert parts == found.parts


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("я" * 66 + "e\u0301" + "я" * 10, "я" * 66),
        ("я" * 60 + "👨\u200d👩\u200d👧" + "я" * 10, "я" * 60),
        ("я" * 65 + "🇧🇾" + "я" * 10, "я" * 65),
        ("я" * 61 + "🇷🇺🇧🇾" + "я" * 10, "я" * 61 + "🇷🇺"),
        ("я" * 65 + "👍🏽" + "я" * 10, "я" * 65),
        ("न" * 66 + "नि" + "न" * 10, "न" * 66),
    ],
)
def test_what_looks_like_one_letter_stays_in_one_part(text: str, first: str) -> None:
    """R33."""
    assert texts.split(text)[0] == first


def test_but_not_at_the_price_of_a_part() -> None:
    text = "я" * 66 + "e\u0301" + "я" * 66
    assert [len(part) for part in texts.split(text)] == [67, 67]
    assert len(texts.split("e" + "\u0301" * 200)) == 3


# ------------------------------------------------------------------ national tables


@pytest.mark.parametrize("language", shifts.LANGUAGES)
def test_every_letter_of_a_national_table_there_and_back(language: str) -> None:
    """TS 23.038 annex A."""
    single, locking = shifts.single(language), shifts.locking(language)
    for alphabet in sizes.alphabets(language)[1:]:
        has_locking = b"\x25" in alphabet.elements
        basic = (locking if has_locking else None) or gsm.BASIC
        extension = single if b"\x24" in alphabet.elements else gsm.EXTENSION
        text = "".join(sorted(alphabet.letters))
        assert gsm.decode_gsm(alphabet.encode(text), basic, extension) == text


@given(st.binary(max_size=50), st.integers(0, 255), st.integers(0, 255))
def test_any_octets_of_any_table_decode(octets: bytes, single: int, locking: int) -> None:
    assert isinstance(shifts.decode(octets, single, locking), str)
    assert shifts.decode(octets, 0, 0) == gsm.decode_gsm(octets)


@pytest.mark.parametrize("language", shifts.LANGUAGES)
def test_what_is_sent_with_a_table_is_read_with_it(language: str) -> None:
    number = shifts.LANGUAGES[language]
    for alphabet in sizes.alphabets(language)[1:]:
        single, locking = (
            number if bytes((kind,)) in alphabet.elements[::3] else 0 for kind in (0x24, 0x25)
        )
        text = "".join(sorted(alphabet.letters))
        assert shifts.decode(alphabet.encode(text), single, locking) == text
    assert shifts.decode(b"\x0e", 0, 4) == "?", "a place that Bengali leaves free"


def test_the_header_names_the_tables() -> None:
    """TS 23.040 §9.2.3.24.15 and .16: single 24, locking 25, length 1, the language."""
    elements = [piece.elements.hex() for _, [piece] in (
        texts.pieces("ş", "tr"), texts.pieces("ş" * 100, "tr"), texts.pieces("a", "tr"),
        texts.pieces("ªΦ", "pt"), texts.pieces("न", "hi"), texts.pieces("я", "tr"),
    )]  # fmt: skip
    assert elements == ["240101", "250101", "", "240103250103", "250106", ""]
    assert texts.pieces("ş", "tr")[1][0].octets == b"\x1b\x73"
    assert texts.pieces("ş" * 100, "tr")[1][0].octets == b"\x1d" * 100


@pytest.mark.parametrize(
    ("language", "table", "letters"),
    [
        # Rows of the printed tables, by code.
        ("tr", "locking", {0x04: "€", 0x07: "ı", 0x0B: "Ğ", 0x40: "İ", 0x60: "ç", 0x5E: "Ü"}),
        ("pt", "locking", {0x04: "ê", 0x12: "ª", 0x15: "∞", 0x1A: "|", 0x24: "º", 0x7D: "`"}),
        ("hi", "locking", {0x00: "\u0901", 0x15: "क", 0x3C: "\u0929", 0x7F: "\u097f"}),
        ("bn", "locking", {0x00: "\u0981", 0x60: "\u09ce", 0x7B: "\u09d7", 0x7F: "\u09f1"}),
        ("ta", "locking", {0x01: "\u0b82", 0x2F: "ந", 0x3C: "\u0ba9", 0x7F: "\u0bf9"}),
        ("ur", "locking", {0x00: "ا", 0x01: "آ", 0x58: "ء", 0x5B: "ے", 0x7F: "\u0670"}),
        ("tr", "single", {0x47: "Ğ", 0x65: "€", 0x69: "ı", 0x73: "ş"}),
        ("es", "single", {0x09: "ç", 0x41: "Á", 0x6F: "ó", 0x3D: "~"}),
        ("pt", "single", {0x05: "ê", 0x12: "Φ", 0x5B: "Ã", 0x7F: "â"}),
        ("bn", "single", {0x19: "\u09e6", 0x23: "\u09ef", 0x34: "\u09fa", 0x41: "A"}),
        ("te", "single", {0x1C: "\u0c66", 0x26: "\u0c58", 0x32: "\u0c7f"}),
        ("ur", "single", {0x19: "\u0600", 0x1C: "۰", 0x33: "؟", 0x3B: "\u06cd", 0x3F: "۔"}),
    ],
)  # fmt: skip
def test_rows_of_the_printed_tables(language: str, table: str, letters: dict[int, str]) -> None:
    found = (shifts.locking if table == "locking" else shifts.single)(language)
    assert found is not None and {code: found[code] for code in letters} == letters


def test_spanish_has_no_table_instead_of_the_default_one() -> None:
    assert shifts.locking("es") is None
    with_all = [code for code in shifts.LANGUAGES if shifts.locking(code)]
    assert len(with_all) == 12


# ------------------------------------------------------------------ dear letters


@pytest.mark.parametrize(
    ("text", "shift", "letters"),
    [("abc", "", []), ("a“b”c“", "", ["“", "”"]), ("şç", "", ["ş", "ç"]), ("şç", "tr", []),
     ("şя", "tr", ["я"]), ("", "", [])],
)  # fmt: skip
def test_the_letters_that_make_it_dear(text: str, shift: str, letters: list[str]) -> None:
    """R26."""
    assert texts.costly(text, shift) == letters


# ------------------------------------------------------------------ the browser


def expected(text: str, shift: str) -> dict[str, Any]:
    try:
        found = texts.measure(text, shift)
    except TextTooLong:
        return {"parts": 0}
    return {
        "encoding": found.encoding,
        "units": found.units,
        "parts": found.parts,
        "room": found.room,
        "costly": texts.costly(text, shift),
    }


def random_texts(times: int) -> list[tuple[str, str]]:
    chance = random.Random(4)
    likely = [
        sorted(gsm.LETTERS - gsm.EXTENDED), sorted(gsm.LETTERS), list("aя"), list("a€"),
        list("я😀"), list("şçğab[]"), list("ãªΦ|a"), list("नक।A1"), [*map(chr, range(32, 0x500))],
        [*map(chr, range(0x900, 0xD80))], [*map(chr, range(0x1F300, 0x1F700))],
    ]  # fmt: skip
    found = []
    for _ in range(times):
        letters = chance.choice(likely)
        length = int(chance.choice((20, 80, 170, 330, 700)) * chance.random())
        shift = chance.choice(["", *SHIFTS])
        found.append(("".join(chance.choices(letters, k=length)), shift))
    return found


def test_the_browser_counts_the_same() -> None:
    """R26: the table of cases and two thousand random texts."""
    asked = [(case["text"], case.get("shift", "")) for case in CASES] + random_texts(2_000)
    alphabets = {f"of {shift}": texts.counters(shift) for shift in SHIFTS}
    given = [(text, {"same": f"of {shift}"}) for text, shift in asked]
    answers = browser.ask("counter.js", "measure", given, alphabets)
    for (text, shift), found in zip(asked, answers, strict=True):
        wanted = expected(text, shift)
        assert {key: found[key] for key in wanted} == wanted, (shift, text)


def test_room_is_what_the_parts_hold() -> None:
    assert Measure("GSM-7", 10, 1).room == 160 and Measure("GSM-7", 170, 2).room == 306
    assert Measure("UCS-2", 10, 1).room == 70 and Measure("UCS-2", 80, 2).room == 134
    assert texts.measure("ş" * 155, "tr").room == 155 and texts.measure("ş" * 156, "tr").room == 298
