"""What is submitted, to the octet: quick against general, and what the rarer settings say."""

from dataclasses import astuple
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from ringdove.gateways import smpp
from ringdove.gateways.smpp import ReceiptRead, Settings
from ringdove.rules.texts import TextTooLong
from ringdove.smpp.codec import encode
from ringdove.smpp.pdu import (
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    DeliverSm,
    Pdu,
    QuerySm,
    QuerySmResp,
)
from ringdove.smpp.quick import numbered

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


def made(**changes: Any) -> Settings:
    return Settings.model_validate({"host": "h", "system_id": "shop", "sender": "Shop"} | changes)


def _made_if_possible(**changes: Any) -> Settings:
    if changes["shift"] and changes["long_texts"] in ("sar", "payload"):
        changes["long_texts"] = "udh"
    return made(**changes)


all_settings = st.builds(
    _made_if_possible,
    default_alphabet=st.sampled_from(["gsm", "gsm", "latin1", "ascii", "latin1_coding3"]),
    long_texts=st.sampled_from(["udh", "udh16", "sar", "payload"]),
    validity=st.sampled_from(["absolute", "absolute", "relative", "none"]),
    registered_delivery=st.sampled_from(["all", "failures", "none"]),
    service_type=st.sampled_from(["", "CMT"]),
    protocol_id=st.sampled_from([0, 64]),
    priority_flag=st.sampled_from([0, 3]),
    source_ton=st.sampled_from([None, 2]),
    dest_npi=st.sampled_from([1, 0]),
    shift=st.sampled_from(["", "", "tr", "hi"]),
)
words = (
    st.text(st.sampled_from("aZ 1@é€{Ж😀Δ\0ç\nğş"), max_size=90)
    | st.text("ab€@", min_size=150, max_size=170)
    | st.text("abЖ", min_size=66, max_size=72)
    | st.text("abğ€Ж😀", min_size=66, max_size=80).map(lambda text: text * 5)
    | st.text(max_size=30)
)
numbers = st.sampled_from(["+375291112233", "375291112233", "1234", "", "+", "1" * 21, "1\0"]) | (
    st.text(max_size=22)
)
senders = st.sampled_from(["", "Rose 7", "+375447778899", "1234", "Роза", "x" * 21])
moments = st.none() | st.sampled_from(
    [NOW, NOW + timedelta(days=400, seconds=59), NOW.astimezone(timezone(timedelta(hours=3)))]
)


@pytest.mark.slow
@profile(max_examples=500, deadline=None)
@given(all_settings, st.lists(st.tuples(numbers, senders, words, moments), max_size=4))
@example(made(), [("+375291112233", "", "a" * 160, NOW), ("+375291112233", "", "Ж" * 70, None)])
def test_the_octets_are_those_of_the_packets(
    settings: Settings, texts: list[tuple[str, str, str, datetime | None]]
) -> None:
    submitter = smpp.Submitter(settings)
    for recipient, sender, text, not_after in texts:
        try:
            packets = smpp.request(
                settings,
                text=text,
                recipient=recipient,
                sender=sender,
                not_after=not_after,
                reference=700,
                now=NOW,
            )
            expected = [encode(Pdu(packet, 9)) for packet in packets]
        except ValueError:
            with pytest.raises(ValueError):
                submitter.every(recipient, sender, text, not_after, 700, NOW)
            continue
        found = submitter.every(recipient, sender, text, not_after, 700, NOW)
        assert [numbered(octets, 9) for octets in found] == expected
        simple = submitter.octets(9, recipient, sender, text, not_after)
        assert simple is None or [simple] == expected


def test_a_usual_text_goes_the_quick_way() -> None:
    for text in ("Hi", "@€ è{}", "a" * 160, "Ж" * 70, "😀" * 35, ""):
        assert smpp.Submitter(made()).octets(1, "+375291112233", "", text, NOW) is not None
    for text in ("a" * 161, "€" * 81, "Ж" * 71, "😀" * 36):
        assert smpp.Submitter(made()).octets(1, "+375291112233", "", text, NOW) is None


def test_many_senders_are_not_all_kept() -> None:
    submitter = smpp.Submitter(made())
    first = submitter.octets(1, "375291112233", "S0", "Hi", NOW)
    for number in range(2500):
        submitter.octets(1, "375291112233", f"S{number}", "Hi", NOW)
    assert len(submitter._before) <= 1000
    assert submitter.octets(1, "375291112233", "S0", "Hi", NOW) == first


@pytest.mark.parametrize(
    ("way", "after", "expected"),
    [
        ("absolute", timedelta(hours=1), "261122130000000+"),
        ("relative", timedelta(hours=1, seconds=5), "000000010005000R"),
        ("relative", timedelta(days=30), "000030000000000R"),
        ("relative", timedelta(days=62, hours=23), "000200230000000R"),
        ("relative", timedelta(days=372), "010000000000000R"),
        ("relative", timedelta(seconds=-9), "000000000001000R"),  # nothing would mean: for long
        ("relative", timedelta(days=99 * 372 + 900), "990501000000000R"),
        ("none", timedelta(hours=1), ""),
    ],
)
def test_validity(way: str, after: timedelta, expected: str) -> None:
    """R18."""
    (packet,) = smpp.request(
        made(validity=way),
        text="Hi",
        recipient="1",
        sender="",
        not_after=NOW + after,
        reference=1,
        now=NOW,
    )
    assert packet.validity_period == expected


def test_a_relative_time_needs_the_time() -> None:
    given: dict[str, Any] = {"text": "Hi", "recipient": "1", "sender": "", "reference": 1}
    with pytest.raises(ValueError, match="know the time"):
        smpp.request(made(validity="relative"), not_after=NOW, **given)


def test_what_the_rarer_settings_say() -> None:
    settings = made(
        service_type="CMT", protocol_id=64, priority_flag=1, registered_delivery="failures"
    )
    (packet,) = smpp.request(
        settings,
        text="Hi",
        recipient="1",
        sender="",
        not_after=None,
        reference=1,
        deliver_at=NOW,
    )
    assert (packet.service_type, packet.protocol_id, packet.priority_flag) == ("CMT", 64, 1)
    assert packet.registered_delivery == 2
    assert packet.schedule_delivery_time == "261122120000000+"


def test_a_question_names_the_sender_of_the_submit() -> None:
    """§4.8.1: source_addr "must match" the one of the message."""
    asked = smpp.query(made(), "17", "+375447778899")
    assert asked == QuerySm("17", 1, 1, "375447778899")


@pytest.mark.parametrize("way", ["udh", "udh16"])
@pytest.mark.parametrize(
    ("shift", "letters"), [("tr", "aış€{"), ("hi", "नम€ a"), ("pt", "ãa^€"), ("es", "aÁ€")]
)
@profile(deadline=None, max_examples=30)
@given(st.data())
def test_national_letters_come_back(
    way: str, shift: str, letters: str, data: st.DataObject
) -> None:
    """R33: in one part and in many; a part holds no more than goes over the air."""
    text = data.draw(st.text(letters, min_size=1, max_size=60)) * data.draw(st.integers(1, 9))
    settings = made(shift=shift, long_texts=way)
    whole = b""
    for packet in smpp.request(
        settings, text=text, recipient="1", sender="", not_after=None, reference=700
    ):
        read = smpp.read(settings, DeliverSm(*astuple(packet)))
        assert isinstance(read, smpp.TextRead)
        whole += read.octets
        head = len(packet.short_message) - len(read.octets)
        assert -(-head * 8 // 7) + len(read.octets) <= 160 or packet.data_coding == 8
        assert len(packet.short_message) <= 140 or packet.data_coding == 0
    assert smpp.decode(settings, read.coding, whole, read.shift) == text


def test_national_letters_need_a_header() -> None:
    with pytest.raises(ValueError, match="udh or udh16"):
        made(shift="tr", long_texts="sar")


@pytest.mark.parametrize(
    ("header", "octets", "text"),
    [
        ("03 24 01 01", b"\x1bI\x1bs", "İş"),
        ("03 25 01 01", b"\x40\x1d", "İş"),
        ("06 24 01 01 25 01 01", b"\x40\x1bs", "İş"),
        ("03 25 01 02", b"@", "¡"),  # Spanish has no locking table
        ("03 25 01 63", b"@", "¡"),  # an unknown language: the default table
        ("02 25 00", b"@", "¡"),
        ("03 25 05 01", b"@", "¡"),
        ("03 25 01 06", b"\x00\xff", "ँ?"),
    ],
)
def test_national_letters_that_people_write(header: str, octets: bytes, text: str) -> None:
    packet = DeliverSm(esm_class=0x40, short_message=bytes.fromhex(header) + octets)
    read = smpp.read(made(), packet)
    assert isinstance(read, smpp.TextRead)
    assert smpp.decode(made(), 0, read.octets, read.shift) == text


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("0x0B, 12;1041", {0x0B, 12, 1041}),
        (["0x450", 7], {0x450, 7}),
        ("", set()),
        ((), set()),
    ],
)
def test_error_lists_as_people_type_them(told: Any, meant: set[int]) -> None:
    assert set(made(permanent_errors=told).permanent_errors) == meant


@pytest.mark.parametrize(
    "told", ["eleven", "0", "-1", ["0x1FFFFFFFF"], {"a": 1}, 7, list(range(1, 102))]
)
def test_error_lists_that_say_nothing(told: Any) -> None:
    with pytest.raises(ValueError):
        made(later_errors=told)


@pytest.mark.parametrize(
    ("lists", "status", "again"),
    [
        ({"permanent_errors": [0x58]}, 0x58, "permanent"),
        ({"later_errors": [0x0B]}, 0x0B, "later"),
        ({"throttle_errors": "0x450"}, 0x450, "throttled"),
        ({"throttle_errors": [1], "permanent_errors": [1]}, 1, "throttled"),  # the milder one
        ({"throttle_errors": [0x450]}, 0x14, "throttled"),
    ],
)
def test_an_operators_own_errors_go_first(lists: dict[str, Any], status: int, again: str) -> None:
    refused = smpp.outcome(made(**lists), status, "")
    assert isinstance(refused, smpp.Refused) and refused.again == again


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        (0, QuerySmResp("1F", "", 2, 0), ReceiptRead("31", "delivered", "")),
        (0, QuerySmResp("1F", "260102030405000+", 5, 12), ReceiptRead("31", "undeliverable", "12")),
        (0, QuerySmResp("1F", "", 1, 0), ReceiptRead("31", "enroute", "")),
        (0, QuerySmResp("1F", "", 77, 0), ReceiptRead("31", "unknown", "")),
        (0, QuerySmResp(), None),
        (0x67, QuerySmResp("1F", "", 2, 0), None),
        (0x0C, QuerySmResp(), None),
    ],
)
def test_what_a_question_is_answered(
    status: int, answer: QuerySmResp, expected: ReceiptRead | None
) -> None:
    assert smpp.told(made(id_rule="hex_to_dec"), status, answer) == expected


@pytest.mark.parametrize(
    ("changes", "letters"),
    [({"long_texts": "udh16"}, 152 * 255 + 1), ({"default_alphabet": "ascii"}, 67 * 255 + 1)],
)
def test_no_more_parts_than_a_phone_can_join(changes: dict[str, Any], letters: int) -> None:
    given: dict[str, Any] = {"recipient": "1", "sender": "", "not_after": None, "reference": 1}
    with pytest.raises(TextTooLong):
        smpp.request(made(**changes), text="é" * letters, **given)
    assert len(smpp.request(made(**changes), text="é" * (letters - 1), **given)) == 255


def test_a_transceiver_or_a_pair() -> None:
    assert smpp.binds(made()) == [BindTransceiver("shop")]
    assert smpp.binds(made(bind_as="pair")) == [BindTransmitter("shop"), BindReceiver("shop")]
