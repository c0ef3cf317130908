"""Ids of responses and receipts: learned rules are right or not told, never nearly right."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringdove.smpp.ids import FORMS, Rule, learn, receipt_form, sent_form

BIG = [f"{number:X}" for number in (0xA1B2C3D4E5F60708, 0xFFFFFFFFFFFFFFFF, 0x1F00D5EED, 0xBEEF17)]


@pytest.mark.parametrize(
    ("sent", "receipts", "rule"),
    [
        # as they are: decimal, UUIDs, noughts that matter
        (["101", "102", "103"], ["102", "101", "103"], "exact"),
        (["0017", "017", "17"], ["17", "017", "0017"], "exact"),
        (["f81d4fae-7dec", "f81d4fae-7ded", "f81d4fae-7dee"], ["f81d4fae-7ded"] * 3, None),
        (["a-b", "a-c", "a-d", "a-e"], ["a-d", "a-c", "a-b"], "exact"),
        # capitals
        (["AB1", "AB2", "AB3"], ["ab1", "ab2", "ab3"], "ignore_case"),
        # padded with noughts to ten, here or there
        (["17", "18", "19"], ["0000000017", "0000000018", "0000000019"], "strip_zeros"),
        (["0000000017", "0000000018", "0000000019"], ["17", "18", "19"], "strip_zeros"),
        (["00AB1", "00AB2", "00AB3"], ["ab1", "ab2", "ab3"], "strip_zeros_ignore_case"),
        # hexadecimal and decimal, of 64 bits too
        (BIG, [str(int(one, 16)) for one in BIG], "hex_to_dec"),
        ([one.lower() for one in BIG], [f"{int(one, 16):020}" for one in BIG], "hex_to_dec"),
        ([str(int(one, 16)) for one in BIG], BIG, "dec_to_hex"),
        # counting in hexadecimal: 16 to 19 are ids too, of other messages
        ([f"{n:x}" for n in range(0x10, 0x40)], [str(n) for n in range(0x10, 0x40)], "hex_to_dec"),
        ([f"{n:x}" for n in range(0x10, 0x40)], ["22", "23", "24", "25"], None),
        ([str(n) for n in range(10, 99)], [str(n) for n in range(10, 99)], "exact"),
        # too few, none, strangers
        (["101", "102"], ["101", "102"], None),
        ([], ["1"], None),
        (["101", "102", "103"], [], None),
        (["101", "102", "103"], ["7777", "8888", "9999"], None),
        (["101", "102", "103"], ["7777", "101", "102", "103", "5"], "exact"),
        # under this rule two messages would be one
        (["AB1", "ab1", "AB2"], ["Ab1", "aB2", "Ab2"], None),
        (["", "", ""], ["", ""], None),
    ],
)
def test_learned(sent: list[str], receipts: list[str], rule: Rule | None) -> None:
    assert learn(sent, receipts) == rule


WRITTEN = {
    "exact": (str, str),
    "ignore_case": ("{:X}".format, "{:x}".format),
    "strip_zeros": ("{:d}".format, "{:010d}".format),
    "strip_zeros_ignore_case": ("{:010X}".format, "{:x}".format),
    "hex_to_dec": ("{:x}".format, "{:d}".format),
    "dec_to_hex": ("{:d}".format, "{:X}".format),
}


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(sorted(WRITTEN)),
    st.lists(st.integers(0, 2**64) | st.integers(0, 60), min_size=1, max_size=40, unique=True),
    st.data(),
)
def test_a_learned_rule_finds_the_right_message(
    way: str, numbers: list[int], data: st.DataObject
) -> None:
    """Whatever an operator does with its ids: a rule that was told leads each receipt to its own
    message, or (equal evidence) to none other."""
    of_sent, of_receipt = WRITTEN[way]
    reported = data.draw(st.lists(st.sampled_from(numbers), unique=True))
    rule = learn([of_sent(n) for n in numbers], [of_receipt(n) for n in reported])
    if rule is None:
        return
    owners = {sent_form(rule)(of_sent(n)): n for n in numbers}
    assert len(owners) == len(numbers)
    matched = [owners.get(receipt_form(rule)(of_receipt(n))) for n in reported]
    right = sum(owner == n for owner, n in zip(matched, reported, strict=True))
    assert right >= 3
    assert right == len(reported)


@given(st.sampled_from(sorted(FORMS)), st.text(max_size=20) | st.integers(0).map(str))
def test_forms_take_anything_and_are_stable(rule: Rule, told: str) -> None:
    for form in (sent_form(rule), receipt_form(rule)):
        assert isinstance(form(told), str)
    assert sent_form("learn")(told) == receipt_form("learn")(told) == told


@pytest.mark.parametrize("told", ["1_000", "+17", " 17", "٣", "x" * 5000, "9" * 5000, ""])
def test_what_is_no_number_matches_only_itself(told: str) -> None:
    assert sent_form("hex_to_dec")(told) == receipt_form("hex_to_dec")(told) == told
