"""Receipts as vendors write them (field-notes: SMPP). P6 rests on reading each of them right."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringdove import inspect
from ringdove.smpp import tlvs
from ringdove.smpp.parts import unpack
from ringdove.smpp.pdu import DeliverSm, Tlvs
from ringdove.smpp.receipts import Receipt, dates, read, state_of_word

STANDARD = (
    "id:1234567890 sub:001 dlvrd:001 submit date:2601021530 done date:2601021531"
    " stat:DELIVRD err:000 text:Your order 17"
)

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "receipts.json").read_text())


def receipt(text: bytes, extra: Tlvs = (), esm_class: int = 0x04) -> DeliverSm:
    return DeliverSm(esm_class=esm_class, short_message=text, tlvs=extra)


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_as_vendors_write_them(case: dict[str, Any]) -> None:
    """One table for the reader and for `ringdove inspect receipt`."""
    extra = tuple(tlvs.told(name, value) for name, value in case["tlvs"].items())
    for octets in (case["text"].encode("latin-1"), case["text"].encode("utf-16-be")):
        packet = receipt(octets, extra)  # some write UCS-2, data_coding 8
        found = read(packet)
        assert (found is None) == (case["id"] is None)
        if found is not None:
            assert (found.provider_id, found.state) == (case["id"], case["state"])
            assert found.error == case["error"]
        moments = dates(unpack(packet)[1])
        assert [at and at.isoformat() for at in moments] == [case["submitted_at"], case["done_at"]]


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_inspected(case: dict[str, Any]) -> None:
    (shown,) = inspect.receipt([json.dumps({"text": case["text"], "tlvs": case["tlvs"]})])
    assert shown == {
        name: case[name] for name in ("id", "state", "error", "submitted_at", "done_at")
    }


def test_the_word_is_kept() -> None:
    found = read(receipt(b"id:7 stat:BARRED err:000 text:"))
    assert found is not None and (found.word, found.complaint) == ("BARRED", "BARRED")


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        '{"text": 7}',
        '{"tlvs": [1]}',
        '{"tlvs": {"no_such": 1}}',
        '{"tlvs": {"message_state": 256}}',
        '{"tlvs": {"message_state": -1}}',
        '{"tlvs": {"message_state": true}}',
        '{"tlvs": {"message_state": null}}',
        '{"tlvs": {"network_error_code": "xyz"}}',
    ],
)
def test_what_cannot_be_inspected(line: str) -> None:
    (shown,) = inspect.receipt([line])
    assert set(shown) == {"error"}


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
    packet = receipt(text, tuple(extra), esm_class)
    read(packet)
    dates(unpack(packet)[1])
