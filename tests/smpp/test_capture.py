"""Our traffic as tshark sees it: nothing malformed, and every field as it was meant.

The octets are those of our own sessions, both ends; they are put into a capture file here, so
that nobody needs the right to listen on a network.
"""

import json
import shutil
import struct
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ringdove.gateways import smpp as gateway
from ringdove.smpp import pdu as kinds
from ringdove.smpp import tlvs
from ringdove.smpp.codec import encode
from ringdove.smpp.pdu import COMMANDS, Body, DeliverSm, Pdu
from ringdove.smpp.session import Asked, Session, Timers

TSHARK = shutil.which("tshark")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(TSHARK is None, reason="no tshark to judge our packets: apt-get install it"),
]

UNTIL = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
Segment = tuple[bool, bytes]
"""Whether it comes from the ESME, and its octets."""

# ── A capture file, by hand ──────────────────────────────────────────────────

PORTS = (40000, 2775)


def capture(path: Path, segments: list[Segment]) -> None:
    """pcap (magic a1b2c3d4, version 2.4) with raw IPv4 (link type 101), one packet a segment."""
    sent = [1000, 2000]
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101))
        for number, (is_ours, octets) in enumerate(segments):
            mine, theirs = (0, 1) if is_ours else (1, 0)
            ports = PORTS[mine], PORTS[theirs]
            tcp = struct.pack(
                ">HHIIBBHHH", *ports, sent[mine], sent[theirs], 5 << 4, 0x18, 65535, 0, 0
            )
            sent[mine] += len(octets)
            length = 20 + len(tcp) + len(octets)
            hosts = bytes((127, 0, 0, 1)), bytes((127, 0, 0, 1))
            ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, length, number, 0, 64, 6, 0, *hosts)
            file.write(struct.pack("<IIII", 1_767_225_600 + number, 0, length, length))
            file.write(ip + tcp + octets)


def judged(tmp_path: Path, segments: list[Segment], *arguments: str) -> list[dict[str, Any]]:
    """The packets as tshark understands them, one dictionary of SMPP fields a packet."""
    path = tmp_path / "traffic.pcap"
    capture(path, segments)
    assert TSHARK is not None
    command = [TSHARK, "-n", "-r", str(path), "-d", f"tcp.port=={PORTS[1]},smpp", "-T", "json"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
    return [packet["_source"]["layers"] for packet in json.loads(done.stdout or "[]")]


def flat(shown: Any) -> dict[str, Any]:
    """Fields by name, however deep."""
    found: dict[str, Any] = {}
    for name, value in shown.items() if isinstance(shown, dict) else ():
        if isinstance(value, dict):
            found |= flat(value)
        else:
            found[name] = value
    return found


# ── What must be seen ────────────────────────────────────────────────────────


def made(**changes: Any) -> gateway.Settings:
    return gateway.Settings.model_validate(
        {"host": "h", "system_id": "shop", "password": "secret", "sender": "Shop"} | changes
    )


def submitted(text: str, **changes: Any) -> list[Segment]:
    submitter = gateway.Submitter(made(**changes))
    return [
        (True, octets) for octets in submitter.every("+375291112233", "", text, UNTIL, 258, UNTIL)
    ]


def test_every_packet_is_well_formed(tmp_path: Path) -> None:
    """All that the codec can write, by its name and its number."""
    texts = [
        segment
        for way in ("udh", "udh16", "sar", "payload")
        for text in ("Hi [€5] @", "Привет, ☕", "long " * 60, "чай " * 40)
        for segment in submitted(text, long_texts=way, validity="absolute")
    ]
    national = submitted("Şişe " * 40, shift="tr")
    segments = texts + national + [(True, encode(Pdu(body, 7))) for body in EVERY]
    layers = judged(tmp_path, segments)
    assert len(layers) == len(segments)
    for (_, octets), shown in zip(segments, layers, strict=True):
        assert "_ws.malformed" not in json.dumps(shown), octets.hex()
        fields = flat(shown["smpp"])
        assert int(fields["smpp.command_length"]) == len(octets)
        assert int(fields["smpp.command_id"], 16) == int.from_bytes(octets[4:8], "big")
        assert not [name for name in fields if name.startswith("_ws.expert")], (
            octets.hex(),
            fields,
        )


EVERY: tuple[Body, ...] = (
    *(body() for _, body in COMMANDS.values()),
    kinds.BindTransceiver("shop", "secret", "SMPP", 0x34, 1, 1, "^7"),
    kinds.BindTransceiverResp("smsc", (tlvs.make("sc_interface_version", 0x34),)),
    kinds.SubmitMulti(
        destinations=(kinds.Address(1, 1, "375291112233"), "friends"), short_message=b"Hi"
    ),
    kinds.SubmitMultiResp("1F", (kinds.Refusal(1, 1, "375291112233", 11),)),
    kinds.QuerySm("1F", 5, 0, "Shop"),
    kinds.QuerySmResp("1F", "260102030405000+", 2, 0),
    kinds.CancelSm("", "1F", 5, 0, "Shop", 1, 1, "375291112233"),
    kinds.ReplaceSm("1F", 5, 0, "Shop", "", "260102030405000+", 1, 0, b"Hi"),
    kinds.AlertNotification(1, 1, "375291112233", 1, 1, "1234"),
    kinds.DataSm("", 5, 0, "Shop", 1, 1, "37529", tlvs=(tlvs.make("message_payload", b"Hi"),)),
    *(DeliverSm(tlvs=(one,)) for one in (
        tlvs.make("receipted_message_id", "1F"), tlvs.make("message_state", 2),
        tlvs.make("network_error_code", b"\3\0\1"), tlvs.make("user_message_reference", 7),
        tlvs.make("qos_time_to_live", 60), tlvs.make("callback_num", b"\1\1\1375"),
        tlvs.make("source_port", 2775), tlvs.make("language_indicator", 5),
        tlvs.make("its_session_info", b"\1\2"), tlvs.make("sms_signal", 513),
    )),
)  # fmt: skip


def test_fields_as_they_were_meant(tmp_path: Path) -> None:
    (layer,) = judged(tmp_path, submitted("Hi @€", service_type="CMT", priority_flag=1))
    fields = flat(layer["smpp"])
    expected = {
        "smpp.service_type": "CMT",
        "smpp.source_addr_ton": "0x05",
        "smpp.source_addr_npi": "0x00",
        "smpp.source_addr": "Shop",
        "smpp.dest_addr_ton": "0x01",
        "smpp.dest_addr_npi": "0x01",
        "smpp.destination_addr": "375291112233",
        "smpp.protocol_id": "0x00",
        "smpp.priority_flag": "0x01",
        "smpp.data_coding": "0x00",
        "smpp.sm_length": "6",
    }
    assert {name: fields.get(name) for name in expected} == expected
    assert fields["smpp.validity_period"].startswith("Jan  2, 2030 03:04:05")
    assert fields["smpp.regdel.receipt"] == "0x01"


@pytest.mark.parametrize(("way", "parts"), [("udh", 2), ("udh16", 2)])
def test_parts_are_joined_as_a_phone_does(tmp_path: Path, way: str, parts: int) -> None:
    """R33: tshark puts the parts together by their headers."""
    segments = submitted("Ваш заказ принят. " * 6, long_texts=way)
    assert len(segments) == parts
    shown = [json.dumps(layer, ensure_ascii=False) for layer in judged(tmp_path, segments)]
    for number, layer in enumerate(shown, 1):
        assert f'"gsm_sms_ud.udh.mm.msg_parts": "{parts}"' in layer or (
            f'"gsm_sms.udh.mm.msg_parts": "{parts}"' in layer
        ), layer
        assert f'msg_part": "{number}"' in layer


@pytest.mark.parametrize(
    "broken",
    [
        lambda octets: octets[:40] + octets[41:],  # a field an octet short, the length as it was
        lambda octets: octets[:-9] + b"\xff" + octets[-8:],  # sm_length
        lambda octets: octets + b"\x04\x24\x00\x09ab",
    ],
)
def test_the_judge_says_no(tmp_path: Path, broken: Callable[[bytes], bytes]) -> None:
    """A judge who has never refused anything proves nothing."""
    ((_, octets),) = submitted("Hi there")
    spoilt = broken(octets)
    spoilt = len(spoilt).to_bytes(4, "big") + spoilt[4:]
    (layer,) = judged(tmp_path, [(True, spoilt)])
    assert "_ws.malformed" in json.dumps(layer)


def test_a_conversation_of_our_two_ends_however_cut(tmp_path: Path) -> None:
    """Bind, submit, receipt, question, link check, nack, unbind; packets over two segments and
    several packets in one."""
    esme, smsc = Session("esme", Timers(), 0.0), Session("smsc", Timers(), 0.0)
    said: list[Segment] = []

    def ours(octets: bytes) -> list[Any]:
        said.append((True, octets))
        events, answer = smsc.receive(octets, 0.0)
        if answer:
            said.append((False, answer))
            esme.receive(answer, 0.0)
        return events

    def theirs(octets: bytes) -> list[Any]:
        said.append((False, octets))
        events, answer = esme.receive(octets, 0.0)
        if answer:
            said.append((True, answer))
            smsc.receive(answer, 0.0)
        return events

    (bind,) = gateway.binds(made())
    ours(esme.bind(bind, 0.0))
    theirs(smsc.accept("ringdove", 0.0))
    asked: list[Asked] = []
    for _, octets in submitted("чай " * 40):
        asked += ours(esme.say(octets, "token", 0.0))
    theirs(b"".join(smsc.answer(one, f"id-{at}") for at, one in enumerate(asked)))
    receipt = DeliverSm(esm_class=4, short_message=b"id:id-1 stat:DELIVRD err:000 text:")
    (told,) = theirs(smsc.ask(receipt, "receipt", 0.0))
    ours(esme.acknowledge([told.sequence]))
    ours(esme.tick(31.0)[1])
    ours(encode(Pdu(DeliverSm(), 99)))  # not ours to say: nacked
    ours(esme.unbind(31.0))
    whole = judged(tmp_path, said)
    commands = [flat(layer["smpp"])["smpp.command_id"] for layer in whole]
    assert commands[:3] == ["0x00000009", "0x80000009", "0x00000004"]
    assert {"0x00000005", "0x80000005", "0x00000015", "0x80000015", "0x80000000"} <= set(commands)
    assert commands[-2:] == ["0x00000006", "0x80000006"]
    halves = [
        (is_ours, piece)
        for is_ours, octets in said
        for piece in (octets[: len(octets) // 2], octets[len(octets) // 2 :])
    ]
    for segments in (said, halves):
        assert not judged(
            tmp_path, segments, "-Y", "_ws.malformed || _ws.expert.severity >= 8388608"
        )
