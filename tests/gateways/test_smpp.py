"""The SMPP gateway's edge as tables: what is submitted, what an answer means, what comes in."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from ringdove.gateways import smpp
from ringdove.gateways.smpp import ReceiptRead, Refused, Sent, Settings, TextRead
from ringdove.rules import texts
from ringdove.smpp import tlvs
from ringdove.smpp.codec import encode
from ringdove.smpp.parts import Part, unpack
from ringdove.smpp.pdu import DeliverSm, Pdu, SubmitSm


def made(**changes: Any) -> Settings:
    return Settings.model_validate(
        {"host": "smpp.example", "system_id": "shop", "password": "pw", "sender": "Shop"} | changes
    )


def request(settings: Settings, text: str, **changes: Any) -> list[SubmitSm]:
    given = {"recipient": "+375291112233", "sender": "", "not_after": None, "reference": 7}
    return smpp.request(settings, text=text, **(given | changes))


def test_every_setting_has_a_title_and_help() -> None:
    for name, field in Settings.model_fields.items():
        assert field.title and field.description, name


def test_the_password_is_not_shown() -> None:
    assert "pw" not in repr(made())
    assert smpp.binds(made())[0].password == "pw"


def test_a_short_text() -> None:
    (packet,) = request(
        made(), "Hi", not_after=datetime(2026, 1, 2, 6, 4, 5, tzinfo=timezone(timedelta(hours=3)))
    )
    assert packet == SubmitSm(
        source_addr_ton=5,
        source_addr="Shop",
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr="375291112233",
        validity_period="260102030405000+",
        registered_delivery=1,
        short_message=b"Hi",
    )


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ("", (5, 0, "Shop")),
        ("+375447778899", (1, 1, "375447778899")),
        ("375447778899", (1, 1, "375447778899")),
        ("1234", (3, 0, "1234")),
        ("Rose 7", (5, 0, "Rose 7")),
    ],
)
def test_senders(sender: str, expected: tuple[int, int, str]) -> None:
    (packet,) = request(made(), "Hi", sender=sender)
    assert (packet.source_addr_ton, packet.source_addr_npi, packet.source_addr) == expected


def test_without_a_sender_its_kind_is_unknown() -> None:
    """§4.4.1: NULL where it is not known; letters (5) of no length are refused by some."""
    (packet,) = request(made(sender=""), "Hi")
    assert (packet.source_addr_ton, packet.source_addr_npi, packet.source_addr) == (0, 0, "")


def test_ton_and_npi_by_setting() -> None:
    (packet,) = request(made(source_ton=0, source_npi=8, dest_ton=2, dest_npi=0), "Hi")
    assert (packet.source_addr_ton, packet.source_addr_npi) == (0, 8)
    assert (packet.dest_addr_ton, packet.dest_addr_npi) == (2, 0)


@pytest.mark.parametrize(
    ("alphabet", "text", "coding", "octets"),
    [
        ("gsm", "@é€", 0, b"\x00\x05\x1b\x65"),
        ("latin1", "@é", 0, b"@\xe9"),
        ("latin1", "@€", 8, "@€".encode("utf-16-be")),  # Latin-1 has no euro
        ("ascii", "a@b", 0, b"a@b"),
        ("ascii", "é", 8, "é".encode("utf-16-be")),
        ("gsm", "Да", 8, "Да".encode("utf-16-be")),
        ("latin1", "Да", 8, "Да".encode("utf-16-be")),
        ("gsm", "", 0, b""),
    ],
)
def test_alphabets(alphabet: str, text: str, coding: int, octets: bytes) -> None:
    (packet,) = request(made(default_alphabet=alphabet), text)
    assert (packet.data_coding, packet.short_message) == (coding, octets)


WAYS = ["udh", "udh16", "sar", "payload"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("alphabet", ["gsm", "latin1", "ascii"])
@profile(deadline=None, max_examples=60)
@given(
    st.text(st.sampled_from("aé€{Ж😀Δ @"), min_size=1, max_size=40)
    .flatmap(lambda text: st.sampled_from([text, text * 10]))
    .filter(lambda text: "\0" not in text),
    st.integers(0, 1 << 62),
)
def test_long_texts_come_back_the_same(way: str, alphabet: str, text: str, reference: int) -> None:
    """R33: whatever the marking and the alphabet, the parts joined are the text."""
    settings = made(long_texts=way, default_alphabet=alphabet)
    packets = request(settings, text, reference=reference)
    read = [unpack(packet) for packet in packets]
    if len(packets) > 1:
        found = [part for part, _ in read]
        assert [part and (part.number, part.total) for part in found] == [
            (n, len(packets)) for n in range(1, len(packets) + 1)
        ]
        assert len({part and part.reference for part in found}) == 1
    for packet in packets:
        size = len(packet.short_message)
        septets = packet.data_coding == 0
        # On the air a header of 6 octets takes the room of 7 septets.
        room = (159 if packet.esm_class else 160) if septets else 140
        assert size <= room
        encode(Pdu(packet, 1))
    whole = b"".join(octets for _, octets in read)
    assert smpp.decode(settings, packets[0].data_coding, whole) == text


def test_parts_are_as_many_as_the_merchant_was_told() -> None:
    text = "Заказ " * 40
    assert len(request(made(), text)) == texts.measure(text).parts == 4


@pytest.mark.parametrize(
    ("status", "message_id", "expected"),
    [
        (0x00, "7", Sent("7")),
        (0x00, "", Sent("")),
        (0x58, "", Refused("ESME_RTHROTTLED", "throttled")),
        (0x14, "", Refused("ESME_RMSGQFUL", "throttled")),
        (0x0B, "", Refused("ESME_RINVDSTADR", "permanent")),
        (0x0A, "", Refused("ESME_RINVSRCADR", "permanent")),
        (0x65, "", Refused("ESME_RX_P_APPN", "permanent")),
        (0x66, "", Refused("ESME_RX_R_APPN", "permanent")),
        (0x08, "", Refused("ESME_RSYSERR", "later")),
        (0x45, "", Refused("ESME_RSUBMITFAIL", "later")),
        (0x64, "", Refused("ESME_RX_T_APPN", "later")),
        (0xFF, "", Refused("ESME_RUNKNOWNERR", "later")),
        (0x0450, "", Refused("0x00000450", "later")),
    ],
)
def test_outcomes(status: int, message_id: str, expected: smpp.Outcome) -> None:
    assert smpp.outcome(made(), status, message_id) == expected


@pytest.mark.parametrize(
    ("rule", "response", "receipt", "same"),
    [
        ("exact", "00AB", "00AB", True),
        ("exact", "00AB", "00ab", False),
        ("exact", "0012", "12", False),
        ("hex_to_dec", "1F", "31", True),
        ("hex_to_dec", "0000001f", "0000000031", True),
        ("hex_to_dec", "FFFFFFFFFFFFFFFF", "18446744073709551615", True),
        ("hex_to_dec", "not-hex", "not-hex", True),
        ("hex_to_dec", "1F", "1F", False),
        ("dec_to_hex", "31", "1F", True),
        ("strip_zeros", "0000000017", "17", True),
        ("strip_zeros", "0", "0", True),
        ("strip_zeros", "0017", "0170", False),
        ("ignore_case", "AbC", "aBc", True),
        ("strip_zeros_ignore_case", "00aB", "AB", True),
        ("hex_to_dec", "1_0", "16", False),
        ("learn", "00AB", "00AB", True),
    ],
)
def test_ids_of_responses_and_receipts(rule: str, response: str, receipt: str, same: bool) -> None:
    settings = made(id_rule=rule)
    sent = smpp.outcome(settings, 0, response)
    read = smpp.read(settings, DeliverSm(esm_class=4, short_message=f"id:{receipt} ".encode()))
    assert isinstance(sent, Sent) and isinstance(read, ReceiptRead)
    assert (sent.provider_id == read.provider_id) is same


def test_a_receipt() -> None:
    body = DeliverSm(esm_class=4, short_message=b"id:1f stat:UNDELIV err:012 text:")
    assert smpp.read(made(id_rule="dec_to_hex"), body) == ReceiptRead("31", "undeliverable", "012")
    body = DeliverSm(esm_class=4, short_message=b"id:1f stat:BARRED err:000")
    assert smpp.read(made(), body) == ReceiptRead("1f", "unknown", "BARRED")


def test_a_receipt_for_nobody_is_not_a_text() -> None:
    assert smpp.read(made(), DeliverSm(esm_class=4, short_message=b"stat:DELIVRD")) is None


@pytest.mark.parametrize(
    ("address", "ton", "expected"),
    [
        ("375291112233", 1, "+375291112233"),
        ("+375291112233", 1, "+375291112233"),
        ("375291112233", 0, "+375291112233"),
        ("80291112233", 2, "80291112233"),  # a national number: rules/people/phones reads it
        ("1234", 0, "1234"),
        ("1234", 1, "+1234"),
        ("Bank", 5, "Bank"),
        ("Bank", 1, "Bank"),
    ],
)
def test_who_wrote(address: str, ton: int, expected: str) -> None:
    body = DeliverSm(source_addr=address, source_addr_ton=ton, short_message=b"hi")
    read = smpp.read(made(), body)
    assert isinstance(read, TextRead) and read.sender == expected


def test_a_text_in_parts() -> None:
    body = DeliverSm(esm_class=0x40, data_coding=8, short_message=b"\5\0\3\7\2\1\4\x14")
    assert smpp.read(made(), body) == TextRead("", "", 8, b"\4\x14", Part(7, 2, 1))


def test_a_text_in_message_payload() -> None:
    body = DeliverSm(tlvs=(tlvs.make("message_payload", b"hello"),))
    read = smpp.read(made(), body)
    assert isinstance(read, TextRead) and read.octets == b"hello"


@pytest.mark.parametrize(
    ("coding", "alphabet", "octets", "text"),
    [
        (0x00, "gsm", b"\x00\x05", "@é"),
        (0x00, "latin1", b"@\xe9", "@é"),
        (0x01, "gsm", b"a@$_\r\n", "a@$_\r\n"),
        (0x01, "gsm", b"a\x00\x1be", "a@€"),  # npm's smpp
        (0x03, "gsm", b"@\xe9", "@é"),
        (0x04, "gsm", b"@\xe9", "@é"),
        (0x06, "gsm", "Да".encode("iso8859_5"), "Да"),
        (0x08, "gsm", "Да😀".encode("utf-16-be"), "Да😀"),
        (0x08, "gsm", b"\x04\x14\x04", "Д\ufffd"),
        (0x08, "gsm", b"\xd8\x3d", "\ufffd"),
        (0x10, "gsm", b"\x00", "@"),
        (0x18, "gsm", "Да".encode("utf-16-be"), "Да"),
        (0xF0, "latin1", b"\x00", "@"),
        (0xF4, "gsm", b"@", "@"),
        (0xC8, "gsm", b"\x00", "@"),
        (0xE0, "gsm", "Да".encode("utf-16-be"), "Да"),
        (0x03, "gsm", b"a\0b", "ab"),
    ],
)
def test_decoding(coding: int, alphabet: str, octets: bytes, text: str) -> None:
    assert smpp.decode(made(default_alphabet=alphabet), coding, octets) == text


@profile(deadline=None)
@given(st.integers(0, 255), st.binary(max_size=140))
def test_no_text_breaks_the_reader(coding: int, octets: bytes) -> None:
    assert "\0" not in smpp.decode(made(), coding, octets)


def test_bad_settings_are_refused() -> None:
    for wrong in ({"port": 0}, {"system_id": ""}, {"window": 0}, {"id_rule": "?"}, {"host": ""}):
        with pytest.raises(ValueError):
            made(**wrong)
    assert made().port == 2775


@pytest.mark.parametrize("sender", ["", "Shop", "Sport 24.pl", "1234", "+375291112233", "9" * 20])
def test_senders_that_a_phone_can_show(sender: str) -> None:
    assert made(sender=sender).sender == sender


@pytest.mark.parametrize("sender", ["SixteenLettersOf", "Магазин", "12-34 56", "a\n", "9" * 21])
def test_senders_that_no_phone_can_show(sender: str) -> None:
    with pytest.raises(ValueError):
        made(sender=sender)


def test_the_sandbox_is_reached_where_it_listens_whatever_the_row_says() -> None:
    given = {"host": "elsewhere", "password": "pw", "sender": "Shop", "window": 3}
    settings = smpp.sandbox(7, given, 27750)
    assert (settings.host, settings.port, settings.system_id) == ("127.0.0.1", 27750, "sandbox-7")
    assert (settings.sender, settings.window) == ("Shop", 3)
