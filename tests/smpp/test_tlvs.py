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


# The tags of SMPP 3.4 table 5-7, in the order in which it prints them.
TABLE_5_7 = (
    "0005 0006 0007 0008 000D 000E 000F 0010 0017 0019 001D 001E 0030 0201 0202 0203 0204 0205 020A"
    " 020B 020C 020D 020E 020F 0210 0302 0303 0304 0381 0420 0421 0422 0423 0424 0425 0426 0427"
    " 0501 1201 1203 1204 130C 1380 1383"
)


def test_every_parameter_of_the_standard_is_known() -> None:
    assert sorted(tlvs.TLVS) == [int(tag, 16) for tag in TABLE_5_7.split()]


@pytest.mark.parametrize(("name", "kind"), tlvs.TLVS.values())
def test_shown_and_told_again(name: str, kind: tlvs.Kind) -> None:
    """As `inspect pdu` shows it, `inspect receipt` takes it."""
    value: tlvs.Value = {"text": "a1", "octets": b"\1\xff"}.get(kind, 7)
    made = tlvs.make(name, value)
    ((named, found),) = tlvs.named((made,))
    assert (named, found) == (name, value)
    shown = found.hex() if isinstance(found, bytes) else found
    assert tlvs.told(name, shown) == tlvs.told(f"{name}#2", shown) == made
    if kind.startswith("int"):
        assert tlvs.told(name, made[1].hex()) == made


@pytest.mark.parametrize(
    ("name", "value", "made"),
    [
        ("0x1401", "beef", (0x1401, b"\xbe\xef")),
        ("0x1401", 258, (0x1401, b"\1\2")),
        ("0x1401", 0, (0x1401, b"\0")),
        ("message_state", "2", (0x0427, b"\2")),
        ("receipted_message_id", 77, (0x001E, b"77\0")),
    ],
)
def test_told_otherwise(name: str, value: int | str, made: tlvs.Tlv) -> None:
    assert tlvs.told(name, value) == made


@pytest.mark.parametrize(
    ("name", "value"),
    [("nonsense", 1), ("message_state", "xy"), ("message_state", 256), ("0x1401", -1)],
)
def test_told_nothing(name: str, value: int | str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        tlvs.told(name, value)
