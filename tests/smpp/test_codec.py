"""One list of packets and their octets, read both ways; then every way to be wrong."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringdove.smpp import pdu as kinds
from ringdove.smpp.codec import PDU_OCTETS_MAX, Decoder, ProtocolError, encode
from ringdove.smpp.pdu import COMMANDS, Pdu

BOTH_WAYS = [
    (Pdu(kinds.EnquireLink(), 1), "00000010 00000015 00000000 00000001"),
    (Pdu(kinds.EnquireLinkResp(), 1), "00000010 80000015 00000000 00000001"),
    (Pdu(kinds.Unbind(), 9), "00000010 00000006 00000000 00000009"),
    (Pdu(kinds.UnbindResp(), 9), "00000010 80000006 00000000 00000009"),
    (Pdu(kinds.GenericNack(), 0, 3), "00000010 80000000 00000003 00000000"),
    (
        # SMPP 3.4 §3.2.2 gives this very packet as its example.
        Pdu(kinds.BindTransmitter("SMPP3TEST", "secret08", "SUBMIT1", 0x00, 1, 1), 1),
        "0000002F 00000002 00000000 00000001 53 4D 50 50 33 54 45 53 54 00"
        "73 65 63 72 65 74 30 38 00 53 55 42 4D 49 54 31 00 00 01 01 00",
    ),
    (
        Pdu(kinds.BindTransceiver("shop", "pw"), 2),
        "0000001d 00000009 00000000 00000002 73686f7000 707700 00 34 00 00 00",
    ),
    (
        Pdu(kinds.BindReceiver("shop"), 2),
        "0000001b 00000001 00000000 00000002 73686f7000 00 00 34 00 00 00",
    ),
    (
        Pdu(kinds.BindTransceiverResp("smsc", ((0x0210, b"\x34"),)), 2),
        "0000001a 80000009 00000000 00000002 736d736300 0210 0001 34",
    ),
    (Pdu(kinds.BindTransceiverResp(), 2, 0x0E), "00000010 80000009 0000000e 00000002"),
    (
        Pdu(kinds.Outbind("smsc", "pw"), 3),
        "00000018 0000000b 00000000 00000003 736d736300 707700",
    ),
    (
        Pdu(
            kinds.SubmitSm(
                source_addr_ton=5,
                source_addr="Shop",
                dest_addr_ton=1,
                dest_addr_npi=1,
                destination_addr="375291112233",
                registered_delivery=1,
                data_coding=8,
                short_message="Да".encode("utf-16-be"),
                validity_period="260102030405000+",
            ),
            7,
        ),
        "00000045 00000004 00000000 00000007 00 05 00 53686f7000 01 01"
        "33373532393131313232333300 00 00 00 00 3236303130323033303430353030302b00"
        "01 00 08 00 04 04140430",
    ),
    (
        Pdu(
            kinds.DeliverSm(esm_class=4, short_message=b"id:7", tlvs=((0x001E, b"7\0"),)),
            0x7FFFFFFF,
        ),
        "0000002b 00000005 00000000 7fffffff 00 00 00 00 00 00 00 04 00 00 00 00 00 00 00 00"
        "04 69643a37 001e 0002 3700",
    ),
    (Pdu(kinds.SubmitSmResp("a1b2"), 7), "00000015 80000004 00000000 00000007 6131623200"),
    (Pdu(kinds.SubmitSmResp(), 7, 0x58), "00000010 80000004 00000058 00000007"),
    (Pdu(kinds.DeliverSmResp(), 7), "00000011 80000005 00000000 00000007 00"),
    (
        Pdu(kinds.DataSm(source_addr="1", destination_addr="2", data_coding=8), 8),
        "0000001c 00000103 00000000 00000008 00 00 00 3100 00 00 3200 00 00 08",
    ),
    (Pdu(kinds.DataSmResp("5"), 8), "00000012 80000103 00000000 00000008 3500"),
    (Pdu(kinds.QuerySm("5", 1, 1, "2"), 8), "00000016 00000003 00000000 00000008 3500 01 01 3200"),
    (
        Pdu(kinds.QuerySmResp("5", "", 2, 0), 8),
        "00000015 80000003 00000000 00000008 3500 00 02 00",
    ),
    (
        Pdu(
            kinds.SubmitMulti(
                source_addr="1",
                destinations=(kinds.Address(1, 1, "37529"), "friends", kinds.Address(0, 0, "")),
                short_message=b"Hi",
            ),
            8,
        ),
        "00000038 00000021 00000000 00000008 00 00 00 3100 03"
        "01 01 01 333735323900 02 667269656e647300 01 00 00 00"
        "00 00 00 00 00 00 00 00 00 02 4869",
    ),
    (
        Pdu(kinds.SubmitMultiResp("5", (kinds.Refusal(1, 1, "37529", 0x0B),)), 8),
        "0000001f 80000021 00000000 00000008 3500 01 01 01 333735323900 0000000b",
    ),
    (
        Pdu(kinds.CancelSm("", "5", 5, 0, "Shop", 1, 1, "37529"), 8),
        "00000022 00000008 00000000 00000008 00 3500 05 00 53686f7000 01 01 333735323900",
    ),
    (Pdu(kinds.CancelSmResp(), 8), "00000010 80000008 00000000 00000008"),
    (
        Pdu(kinds.ReplaceSm("5", 1, 1, "2", short_message=b"Hi"), 8),
        "0000001d 00000007 00000000 00000008 3500 01 01 3200 00 00 00 00 02 4869",
    ),
    (Pdu(kinds.ReplaceSmResp(), 8, 0x13), "00000010 80000007 00000013 00000008"),
    (
        Pdu(
            kinds.AlertNotification(1, 1, "37529", 1, 1, "1234", ((0x0422, b"\0"),)),
            8,
        ),
        "00000024 00000102 00000000 00000008 01 01 333735323900 01 01 3132333400 0422 0001 00",
    ),
    (Pdu(kinds.Other(0x00000110, b"?!"), 8), "00000012 00000110 00000000 00000008 3f21"),
]


def octets(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal)


def read(data: bytes) -> list[Pdu]:
    decoder = Decoder()
    decoder.feed(data)
    return list(iter(decoder.next_pdu, None))


@pytest.mark.parametrize(("pdu", "wire"), BOTH_WAYS, ids=lambda x: getattr(x, "command", None))
def test_both_ways(pdu: Pdu, wire: str) -> None:
    assert encode(pdu).hex(" ") == octets(wire).hex(" ")
    assert read(octets(wire)) == [pdu]


def test_every_command_has_a_case() -> None:
    shown = {type(pdu.body) for pdu, _ in BOTH_WAYS}
    missing = {body for _, body in COMMANDS.values()} - shown
    assert missing == {kinds.BindReceiverResp, kinds.BindTransmitterResp}  # as transceiver's


@settings(deadline=None)
@given(st.data())
def test_cut_anywhere_it_is_the_same(data: st.DataObject) -> None:
    wire = b"".join(octets(w) for _, w in BOTH_WAYS)
    cuts = data.draw(st.lists(st.integers(0, len(wire)), max_size=40).map(sorted))
    decoder = Decoder()
    found: list[Pdu] = []
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        decoder.feed(wire[start:end])
        found += iter(decoder.next_pdu, None)
    assert found == [pdu for pdu, _ in BOTH_WAYS]


def framed(command_id: int, status: int, sequence: int, body: bytes) -> bytes:
    return struct.pack(">IIII", 16 + len(body), command_id, status, sequence) + body


bodies = st.binary(max_size=80) | st.sampled_from([octets(w)[16:] for _, w in BOTH_WAYS]).flatmap(
    lambda good: st.tuples(st.integers(0, len(good)), st.binary(max_size=6)).map(
        lambda change: good[: change[0]] + change[1] + good[change[0] + len(change[1]) :]
    )
)
u32 = st.integers(0, 0xFFFFFFFF)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(sorted(COMMANDS)) | u32, u32, u32, bodies)
def test_any_packet_is_read_or_refused(cid: int, status: int, sequence: int, body: bytes) -> None:
    """Only ProtocolError may come out, the next packet is still read, and what was read without
    being shortened is written back the same."""
    decoder = Decoder()
    decoder.feed(framed(cid, status, sequence, body) + encode(Pdu(kinds.Unbind(), 5)))
    try:
        pdu = decoder.next_pdu()
    except ProtocolError as error:
        assert not error.fatal
        assert (error.command_id, error.sequence) == (cid, sequence)
    else:
        assert pdu is not None
        if not status and not cid & 0x80000000:
            assert _same_or_too_long(pdu, framed(cid, status, sequence, body))
    assert decoder.next_pdu() == Pdu(kinds.Unbind(), 5)
    assert decoder.next_pdu() is None


def _same_or_too_long(pdu: Pdu, wire: bytes) -> bool:
    try:
        same: bool = encode(pdu) == wire
        return same
    except ValueError:
        return True  # a string longer than we may write


@settings(max_examples=500, deadline=None)
@given(st.lists(st.binary(max_size=64), max_size=20))
def test_any_octets_at_all(chunks: list[bytes]) -> None:
    decoder = Decoder()
    for chunk in chunks:
        decoder.feed(chunk)
        try:
            while decoder.next_pdu() is not None:
                pass
        except ProtocolError as error:
            if error.fatal:
                return


@pytest.mark.parametrize("length", [0, 15, PDU_OCTETS_MAX + 1, 0xFFFFFFFF])
def test_an_impossible_length_ends_the_stream_before_it_is_kept(length: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        read(struct.pack(">IIII", length, 4, 0, 1))
    assert caught.value.fatal


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"no nul", "without its NUL"),
        (b"\0\1", "middle of a field"),
        (octets(BOTH_WAYS[11][1])[16:60], "its NUL|middle|sm_length"),
        (b"\0" * 16, "before sm_length"),
        (b"\0" * 16 + b"\5abc", "past its end"),
        (b"\0" * 17 + b"\0\x1e\0", "ends too early"),
        (b"\0" * 17 + b"\0\x1e\0\x09abc", "ends too early"),
    ],
)
def test_a_broken_body_is_refused_by_name(body: bytes, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        read(framed(0x4, 0, 1, body))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\0" * 4, "before a count"),
        (b"\0" * 4 + b"\2" + b"\2x\0", "dest_flag 0"),
        (b"\0" * 4 + b"\1\3", "dest_flag 3"),
        (b"\0" * 4 + b"\1\1\0", "middle of a field"),
        (b"\0" * 4 + b"\1\2x", "without its NUL"),
        (b"\0" * 4 + b"\xff" + b"\2\0" * 99, "dest_flag 0"),
    ],
)
def test_a_broken_list_is_refused_by_name(body: bytes, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        read(framed(0x21, 0, 1, body))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", kinds.SubmitMultiResp()),
        (b"5\0", kinds.SubmitMultiResp("5")),
        (b"5", kinds.SubmitMultiResp("5")),
    ],
)
def test_a_short_answer_to_many(body: bytes, expected: kinds.SubmitMultiResp) -> None:
    assert read(framed(0x80000021, 0, 1, body)) == [Pdu(expected, 1)]


def test_a_refusal_cut_short() -> None:
    with pytest.raises(ProtocolError, match="middle of a refusal"):
        read(framed(0x80000021, 0, 1, b"5\0\1\1\0012\0\0\0"))


@pytest.mark.parametrize(
    ("body", "message_id"),
    [(b"", ""), (b"abc", "abc"), (b"abc\0", "abc"), (b"abc\0\0\x1e", "abc"), (b"x" * 99, "x" * 99)],
)
def test_answers_are_read_as_far_as_they_go(body: bytes, message_id: str) -> None:
    """Real SMSCs leave out the body, the last NUL, or add octets; the id is what counts."""
    assert read(framed(0x80000004, 0, 1, body)) == [Pdu(kinds.SubmitSmResp(message_id), 1)]


@pytest.mark.parametrize(
    "body",
    [
        kinds.SubmitSm(destination_addr="1" * 21),
        kinds.SubmitSm(destination_addr="37529\0" + "1"),
        kinds.SubmitSm(source_addr="Магазин"),
        kinds.SubmitSm(data_coding=256),
        kinds.SubmitSm(short_message=b"x" * 256),
        kinds.SubmitSm(tlvs=((0x0424, b"x" * 65536),)),
        kinds.SubmitMulti(destinations=("x",) * 255),
        kinds.SubmitMulti(destinations=("x" * 21,)),
        kinds.SubmitMultiResp("5", (kinds.Refusal(1, 1, "2", 1 << 32),)),
    ],
)
def test_what_does_not_fit_is_never_truncated(body: kinds.SubmitSm) -> None:
    with pytest.raises(ValueError):
        encode(Pdu(body, 1))


@pytest.mark.parametrize(("sequence", "status"), [(1 << 32, 0), (1, -1)])
def test_a_header_that_does_not_fit(sequence: int, status: int) -> None:
    with pytest.raises(ValueError, match="header"):
        encode(Pdu(kinds.Unbind(), sequence, status))
