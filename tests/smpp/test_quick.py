"""The quick way and the general way are one: the same answer for whatever octets, or None."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringdove.smpp import quick, receipts, tlvs
from ringdove.smpp.codec import PDU_OCTETS_MAX, Decoder, ProtocolError, encode, read_body
from ringdove.smpp.pdu import (
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    Other,
    Pdu,
    SubmitSm,
    SubmitSmResp,
    Tlv,
)

TEXT = (
    b"id:0000123456 sub:001 dlvrd:001 submit date:2601021530 done date:2601021531"
    b" stat:DELIVRD err:000 text:Your order"
)
USUAL = DeliverSm("", 1, 1, "375291112233", 5, 0, "Shop", esm_class=4, short_message=TEXT)
PARAMETERS = (tlvs.make("receipted_message_id", "0000123456"), tlvs.make("message_state", 2))


def body(packet: DeliverSm) -> bytes:
    return encode(Pdu(packet, 1))[16:]


def general(octets: bytes) -> tuple[str, str, str] | None:
    packet = read_body(quick.DELIVER_SM, 1, octets)
    assert isinstance(packet, SubmitSm)
    found = receipts.read(packet)
    return None if found is None else (found.provider_id, found.state, found.complaint)


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (body(USUAL), ("0000123456", "delivered", "")),
        (
            body(DeliverSm(esm_class=4, short_message=TEXT.replace(b"err:000", b"err:0A1"))),
            ("0000123456", "delivered", "0A1"),
        ),
        (
            body(DeliverSm(esm_class=0x20, short_message=b"id:a-B stat:UNDELIV err:0 Text:")),
            ("a-B", "undeliverable", "UNDELIV"),
        ),
        (
            body(DeliverSm(esm_class=4, short_message=b"id:7 stat:EXPIRED err:1", tlvs=PARAMETERS)),
            None,  # the parameter says delivered
        ),
        (
            body(DeliverSm(esm_class=4, short_message=TEXT, tlvs=(*PARAMETERS, PARAMETERS[0]))),
            None,  # which of two ids?
        ),
        (
            body(DeliverSm(esm_class=4, short_message=TEXT, tlvs=(*PARAMETERS, PARAMETERS[1]))),
            None,
        ),
        (
            body(DeliverSm(esm_class=4, short_message=TEXT, tlvs=((0x1E, b"9\0"), *PARAMETERS))),
            None,
        ),
        (
            body(DeliverSm(esm_class=4, short_message=b"id:7 stat:EXPIRED err:17")),
            ("7", "expired", "17"),
        ),
        (
            body(DeliverSm(esm_class=4, short_message=TEXT, tlvs=PARAMETERS)),
            ("0000123456", "delivered", ""),
        ),
    ],
)
def test_usual_receipts_are_read_at_once(octets: bytes, expected: object) -> None:
    assert quick.receipt(octets, 0, len(octets)) == expected
    assert expected in (None, general(octets))
    around = b"\x01" * 3 + octets + b"id:9 stat:UNDELIV err:5 text:"
    assert quick.receipt(around, 3, 3 + len(octets)) == expected


values = st.sampled_from(
    [b"id:", b"12", b"1F", b" ", b"sub:001 ", b"dlvrd:001 ", b"submit date:2601021530 ", b"stat:",
     b"done date:260102153000 ", b"DELIVRD", b"UNDELIV", b"EXPIRED", b"WHAT", b"5", b"err:",
     b"000", b"0A", b" text:", b" Text:", b"\0", b"stat:REJECTD ", b"text :", b":"]
)  # fmt: skip
texts = (
    st.sampled_from([TEXT, TEXT.partition(b" text:")[0], b"id:7 stat:UNDELIV err:1"])
    | st.lists(values, max_size=14).map(b"".join)
    | st.binary(max_size=60)
)
parameters: st.SearchStrategy[Tlv] = st.tuples(
    st.sampled_from([0x1E, 0x427, 0x423, 0x424, 0x204]),
    st.sampled_from([b"", b"\2", b"\5", b"\7", b"12", b"1F\0", b"\0", b"\3\0\0", b"\3\1\0"])
    | st.binary(max_size=5),
)
addresses = st.sampled_from(["", "375291112233", "Shop"])
packets = st.builds(
    DeliverSm,
    source_addr=addresses,
    destination_addr=addresses,
    esm_class=st.sampled_from([0, 4, 4, 4, 0x20, 0x44, 5, 8]),
    data_coding=st.sampled_from([0, 3, 8]),
    short_message=texts.map(lambda text: text[:255]),
    tlvs=st.lists(parameters, max_size=4).map(tuple),
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    octets = bytearray(body(draw(packets)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(octets)))
        octets[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(octets)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(mutated(), st.binary(max_size=3), st.binary(max_size=3))
def test_a_receipt_is_the_same_or_not_for_here(octets: bytes, before: bytes, after: bytes) -> None:
    found = quick.receipt(before + octets + after, len(before), len(before) + len(octets))
    if found is not None:
        assert found == general(octets)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40) | st.sampled_from([b"", b"12\0", b"12", b"12\0\0\x1e", b"\xff\0"]))
def test_ids_of_responses(octets: bytes) -> None:
    packet = read_body(quick.SUBMIT_SM_RESP, 1, octets)
    assert isinstance(packet, SubmitSmResp)
    assert quick.message_id(b"x\0" + octets + b"y", 2, 2 + len(octets)) == packet.message_id


streams = st.lists(
    st.sampled_from([EnquireLink(), SubmitSmResp("12"), USUAL, Other(0x77, b"?")])
    | st.binary(max_size=20).map(lambda octets: Other(0x110, octets)),
    max_size=8,
)


@settings(deadline=None)
@given(streams, st.integers(0, 0xFFFFFFFF), st.integers(0, 400), st.binary(max_size=12))
def test_frames_are_the_decoders_packets(
    bodies: list[EnquireLink | SubmitSmResp | SubmitSm | Other],
    number: int,
    cut: int,
    before: bytes,
) -> None:
    data = b"".join(encode(Pdu(one, number, number)) for one in bodies)
    data = data[: max(0, len(data) - cut)] if cut < 60 else data
    decoder = Decoder()
    decoder.feed(data)
    expected = list(iter(decoder.next_pdu, None))
    found, rest = quick.frames(before + data, len(before))
    assert [
        Pdu(read_body(command_id, sequence, (before + data)[start:end]), sequence, status)
        for command_id, status, sequence, start, end in found
    ] == expected
    assert rest == len(before) + sum(len(encode(pdu)) for pdu in expected)


@pytest.mark.parametrize("length", [0, 15, PDU_OCTETS_MAX + 1, 0xFFFFFFFF])
def test_an_impossible_length_is_told_once_the_packets_before_it_are_read(length: int) -> None:
    good = encode(Pdu(EnquireLink(), 1))
    data = good + struct.pack(">IIII", length, 4, 0, 9)
    found, rest = quick.frames(data)
    assert (len(found), rest) == (1, len(good))
    with pytest.raises(ProtocolError) as caught:
        quick.frames(data, rest)
    assert caught.value.fatal and caught.value.sequence == 9


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF))
def test_answers_and_numbers(sequence: int, status: int) -> None:
    answer = Pdu(DeliverSmResp(), sequence, status)
    assert quick.deliver_sm_resp(sequence, status) == encode(answer)
    assert quick.numbered(encode(Pdu(USUAL, 7)), sequence) == encode(Pdu(USUAL, sequence))


@pytest.mark.parametrize("kept", [0, 5, 16, 20])
def test_a_packet_that_is_not_whole_waits(kept: int) -> None:
    first, second = encode(Pdu(EnquireLink(), 1)), encode(Pdu(SubmitSmResp("12345"), 2))
    assert quick.frames(first + second[:kept]) == ([(0x15, 0, 1, 16, 16)], 16)
