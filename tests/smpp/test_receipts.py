"""Receipts as vendors write them (field-notes: SMPP). P6 rests on reading each of them right."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringdove.smpp import tlvs
from ringdove.smpp.pdu import DeliverSm, Tlvs
from ringdove.smpp.receipts import Receipt, read, state_of_word

STANDARD = (
    "id:1234567890 sub:001 dlvrd:001 submit date:2601021530 done date:2601021531"
    " stat:DELIVRD err:000 text:Your order 17"
)

TEXTS = [
    (STANDARD, Receipt("1234567890", "delivered", "DELIVRD")),
    # no sub, no dlvrd; seconds; a four-digit year; capitals
    (
        "ID:ab-CD submit date:20260102153000 done date:20260102153100 STAT:UNDELIV ERR:00A Text:x",
        Receipt("ab-CD", "undeliverable", "UNDELIV", "00A"),
    ),
    # other order
    (
        "stat:EXPIRED err:0254 id:000017 done date:x",
        Receipt("000017", "expired", "EXPIRED", "0254"),
    ),
    # nothing after err, nothing after stat
    ("id:5 stat:REJECTD err: text:", Receipt("5", "rejected", "REJECTD")),
    ("id:5 stat: err:12 text:", Receipt("5", "unknown", "", "12")),
    # a person's text that looks like fields; a colon inside it
    (
        "id:7 stat:DELIVRD err:000 text:stat:UNDELIV err:9 id:8",
        Receipt("7", "delivered", "DELIVRD"),
    ),
    ("id:7 err:000 text:code: 12 stat:DELIVRD", Receipt("7", "delivered", "DELIVRD")),
    ("id:7 sub:1 stat:DND_REJECTED err:1", Receipt("7", "rejected", "DND_REJECTED", "1")),
    ("id:7 stat:2 err:0", Receipt("7", "delivered", "2")),
    ("id: 7 stat: DELIVRD", Receipt("7", "delivered", "DELIVRD")),
    ("id:7;stat:DELIVRD;err:0000", Receipt("7", "delivered", "DELIVRD")),
    (
        "id:f81d4fae-7dec-11d0-a765-00a0c91e6bf6 stat:ACCEPTD",
        Receipt("f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "accepted", "ACCEPTD"),
    ),
    ("id:7 stat:WHATEVER err:3", Receipt("7", "unknown", "WHATEVER", "3")),
    ("submit date:2601021530 done date:2601021531 stat:DELIVRD", None),
    ("", None),
]


def receipt(text: bytes, extra: Tlvs = (), esm_class: int = 0x04) -> DeliverSm:
    return DeliverSm(esm_class=esm_class, short_message=text, tlvs=extra)


@pytest.mark.parametrize(("text", "expected"), TEXTS, ids=range(len(TEXTS)))
def test_texts(text: str, expected: Receipt | None) -> None:
    assert read(receipt(text.encode("latin-1"))) == expected
    assert read(receipt(text.encode("utf-16-be"))) == expected  # some mark it data_coding 8


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        (
            [
                ("receipted_message_id", "77"),
                ("message_state", 5),
                ("network_error_code", b"\3\1\2"),
            ],
            Receipt("77", "undeliverable", "DELIVRD", "258"),
        ),
        ([("message_state", 8)], Receipt("1234567890", "rejected", "DELIVRD")),
        ([("network_error_code", b"\3\0\0")], Receipt("1234567890", "delivered", "DELIVRD")),
    ],
)
def test_tlvs_win_over_the_text(extra: list[tuple[str, tlvs.Value]], expected: Receipt) -> None:
    made = tuple(tlvs.make(*one) for one in extra)
    assert read(receipt(STANDARD.encode(), made)) == expected


def test_tlvs_alone_are_enough_and_mark_a_receipt_by_themselves() -> None:
    extra = (tlvs.make("receipted_message_id", "77"), tlvs.make("message_state", 2))
    assert read(receipt(b"", extra, esm_class=0)) == Receipt("77", "delivered", "2")


def test_text_in_message_payload() -> None:
    extra = (tlvs.make("message_payload", STANDARD.encode()),)
    assert read(receipt(b"", extra)) == Receipt("1234567890", "delivered", "DELIVRD")


def test_a_person_cannot_fake_a_receipt() -> None:
    assert read(receipt(STANDARD.encode(), esm_class=0)) is None


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("DELIVRD", "delivered"), ("delivered", "delivered"), ("DELIVERED_TO_HANDSET", "delivered"),
        ("UNDELIVERABLE", "undeliverable"), ("UNDELIVERED", "undeliverable"),
        ("NOTDELIVERED", "undeliverable"), ("EXPIRED", "expired"), ("REJECTED", "rejected"),
        ("BLOCKED", "rejected"), ("DELETED", "deleted"), ("CANCELLED", "deleted"),
        ("FAILED", "failed"), ("BUFFRED", "enroute"), ("ENROUTE", "enroute"),
        ("UNKNOWN", "unknown"),
        ("", "unknown"), ("99", "unknown"), ("9" * 5000, "unknown"),
    ],
)  # fmt: skip
def test_words(word: str, state: str) -> None:
    assert state_of_word(word) == state


@settings(deadline=None)
@given(
    st.binary(max_size=254),
    st.lists(st.tuples(st.sampled_from([0x1E, 0x427, 0x423, 0x424]), st.binary(max_size=20))),
    st.integers(0, 255),
)
def test_no_receipt_breaks_the_reader(
    text: bytes, extra: list[tuple[int, bytes]], esm_class: int
) -> None:
    read(receipt(text, tuple(extra), esm_class))
