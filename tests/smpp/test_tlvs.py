"""Optional parameters by name, known and unknown, of any length."""

import pytest

from ringdove.smpp import tlvs


def test_named_for_people() -> None:
    given = (
        (0x001E, b"7\0rest"), (0x0427, b"\2"), (0x0423, b"\3\0\1"), (0x1401, b"x"), (0x0204, b""),
    )  # fmt: skip
    assert tlvs.named(given) == [
        ("receipted_message_id", "7"),
        ("message_state", 2),
        ("network_error_code", b"\3\0\1"),
        ("0x1401", b"x"),
        ("user_message_reference", 0),
    ]


@pytest.mark.parametrize(
    ("name", "value", "made"),
    [
        ("message_state", 2, (0x0427, b"\2")),
        ("sar_msg_ref_num", 500, (0x020C, b"\x01\xf4")),
        ("receipted_message_id", "7", (0x001E, b"7\0")),
        ("message_payload", b"Hi", (0x0424, b"Hi")),
    ],
)
def test_made_and_found(name: str, value: tlvs.Value, made: tlvs.Tlv) -> None:
    assert tlvs.make(name, value) == made
    assert tlvs.find((made,), name) == made[1]
    assert tlvs.named((made,)) == [(name, value)]
    assert tlvs.find((), name) is None


def test_a_wrong_length_is_read_as_what_it_is() -> None:
    assert tlvs.find_int(((0x0427, b"\0\0\2"),), "message_state") == 2
    assert tlvs.find_int(((0x0427, b""),), "message_state") is None
    assert tlvs.find_text(((0x001E, b"no nul"),), "receipted_message_id") == "no nul"
