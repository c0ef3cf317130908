"""Long texts: part headers read and written, parts joined in any order. R33."""

import itertools

import pytest

from ringdove.smpp import tlvs
from ringdove.smpp.parts import Joiner, Part, header, unpack
from ringdove.smpp.pdu import DeliverSm


def test_headers() -> None:
    assert header(Part(0x0102, 3, 2)).hex(" ") == "05 00 03 02 03 02"


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        ("05 00 03 09 03 02 41", (Part(9, 3, 2), b"A")),
        ("06 08 04 01 02 03 02 41", (Part(0x0102, 3, 2), b"A")),
        ("0b 05 04 15 81 15 81 00 03 09 02 01 41", (Part(9, 2, 1), b"A")),  # ports first
        ("06 05 04 15 81 15 81 41", (None, b"A")),
        ("05 00 03 09 03 04 41", (None, b"A")),  # the fourth of three
        ("05 00 03 09 00 00 41", (None, b"A")),
        ("05 00 03 09 01 01 41", (None, b"A")),  # one of one
        ("00 41", (None, b"A")),
        ("ff 00 03", (None, b"")),  # longer than the text
        ("05 00 09 01", (None, b"")),
        ("", (None, b"")),
    ],
)
def test_headers_read(octets: str, expected: tuple[Part | None, bytes]) -> None:
    assert unpack(DeliverSm(esm_class=0x40, short_message=bytes.fromhex(octets))) == expected


def test_sar_and_payload() -> None:
    sar = tuple(
        tlvs.make(name, value)
        for name, value in [
            ("sar_msg_ref_num", 500), ("sar_total_segments", 2), ("sar_segment_seqnum", 1),
            ("message_payload", b"A"),
        ]
    )  # fmt: skip
    assert unpack(DeliverSm(tlvs=sar)) == (Part(500, 2, 1), b"A")
    assert unpack(DeliverSm(tlvs=sar[1:])) == (None, b"A")


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
def test_joined_in_any_order_with_repeats(order: tuple[int, ...]) -> None:
    joiner: Joiner[str] = Joiner()
    said = {1: b"a", 2: b"b", 3: b"c"}
    found = [
        joined
        for number in (order[0], *order)
        for joined in joiner.add("who", Part(7, 3, number), said[number], f"p{number}", 0.0)
    ]
    assert [(joined.octets, joined.whole) for joined in found] == [(b"abc", True)]
    assert sorted(found[0].packets) == sorted(["p1", "p2", "p3", f"p{order[0]}"])
    assert joiner.next_deadline is None


def test_two_people_with_the_same_reference_are_kept_apart() -> None:
    joiner: Joiner[int] = Joiner()
    assert joiner.add("anna", Part(7, 2, 1), b"a", 1, 0.0) == []
    assert joiner.add("ivan", Part(7, 2, 2), b"z", 2, 0.0) == []
    assert [j.octets for j in joiner.add("anna", Part(7, 2, 2), b"b", 3, 0.0)] == [b"ab"]


def test_what_never_becomes_whole_is_handed_out_in_time() -> None:
    joiner: Joiner[int] = Joiner(wait_s=10)
    joiner.add("anna", Part(7, 2, 1), b"STOP", 1, 100.0)
    assert joiner.next_deadline == 110.0
    assert joiner.expire(109.9) == []
    assert [(j.octets, j.packets, j.whole) for j in joiner.expire(110.0)] == [
        (b"STOP", (1,), False)
    ]


def test_waiting_is_bounded_and_nothing_is_dropped() -> None:
    joiner: Joiner[int] = Joiner()
    handed = [j for n in range(1500) for j in joiner.add(n, Part(1, 2, 1), b"x", n, 0.0)]
    assert [j.packets for j in handed] == [(n,) for n in range(500)]
