"""Optional parameters by name (SMPP 3.4 §5.3.2).

A PDU keeps them raw; this table gives the known ones a name and a value. Reading never fails:
a length that is not the one of the standard is read as what it is.
"""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from ringdove.smpp.pdu import Tlv, Tlvs

Kind: TypeAlias = Literal["int1", "int2", "int4", "text", "octets"]
Value: TypeAlias = int | str | bytes

TLVS: Final[Mapping[int, tuple[str, Kind]]] = {
    0x0005: ("dest_addr_subunit", "int1"),
    0x0006: ("dest_network_type", "int1"),
    0x0007: ("dest_bearer_type", "int1"),
    0x0008: ("dest_telematics_id", "int2"),
    0x000D: ("source_addr_subunit", "int1"),
    0x000E: ("source_network_type", "int1"),
    0x000F: ("source_bearer_type", "int1"),
    0x0010: ("source_telematics_id", "int1"),
    0x0017: ("qos_time_to_live", "int4"),
    0x0019: ("payload_type", "int1"),
    0x001D: ("additional_status_info_text", "text"),
    0x001E: ("receipted_message_id", "text"),
    0x0030: ("ms_msg_wait_facilities", "int1"),
    0x0201: ("privacy_indicator", "int1"),
    0x0202: ("source_subaddress", "octets"),
    0x0203: ("dest_subaddress", "octets"),
    0x0204: ("user_message_reference", "int2"),
    0x0205: ("user_response_code", "int1"),
    0x020A: ("source_port", "int2"),
    0x020B: ("destination_port", "int2"),
    0x020C: ("sar_msg_ref_num", "int2"),
    0x020D: ("language_indicator", "int1"),
    0x020E: ("sar_total_segments", "int1"),
    0x020F: ("sar_segment_seqnum", "int1"),
    0x0210: ("sc_interface_version", "int1"),
    0x0302: ("callback_num_pres_ind", "int1"),
    0x0303: ("callback_num_atag", "octets"),
    0x0304: ("number_of_messages", "int1"),
    0x0381: ("callback_num", "octets"),
    0x0420: ("dpf_result", "int1"),
    0x0421: ("set_dpf", "int1"),
    0x0422: ("ms_availability_status", "int1"),
    0x0423: ("network_error_code", "octets"),
    0x0424: ("message_payload", "octets"),
    0x0425: ("delivery_failure_reason", "int1"),
    0x0426: ("more_messages_to_send", "int1"),
    0x0427: ("message_state", "int1"),
    0x0501: ("ussd_service_op", "octets"),
    0x1201: ("display_time", "int1"),
    0x1203: ("sms_signal", "int2"),
    0x1204: ("ms_validity", "int1"),
    0x130C: ("alert_on_message_delivery", "octets"),
    0x1380: ("its_reply_type", "int1"),
    0x1383: ("its_session_info", "octets"),
}

_TAGS: Final = {name: (tag, kind) for tag, (name, kind) in TLVS.items()}


def make(name: str, value: Value) -> Tlv:
    """`make("sar_total_segments", 2)`; KeyError for a name that is not in the table."""
    tag, kind = _TAGS[name]
    if isinstance(value, int):
        return tag, value.to_bytes(int(kind[-1]), "big")
    if isinstance(value, str):
        return tag, value.encode("latin-1") + b"\0"
    return tag, value


def told(name: str, value: int | str) -> Tlv:
    """Back from how `named` shows it to people, octets as hexadecimal; ValueError if it says
    nothing. A name that comes twice has #2 behind it."""
    name = name.partition("#")[0]
    tag, kind = _TAGS.get(name) or (int(name, 16), "octets")
    if kind == "text":
        return tag, str(value).encode("latin-1") + b"\0"
    if isinstance(value, str):
        value_octets = bytes.fromhex(value if len(value) % 2 == 0 else f"0{value}")
        return tag, value_octets
    length = 1 + max(value.bit_length() - 1, 0) // 8
    return tag, value.to_bytes(length if kind == "octets" else int(kind[-1]), "big")


def find(tlvs: Tlvs, name: str) -> bytes | None:
    """The raw value of the first parameter of that name."""
    wanted = _TAGS[name][0]
    for tag, value in tlvs:
        if tag == wanted:
            return value
    return None


def find_int(tlvs: Tlvs, name: str) -> int | None:
    raw = find(tlvs, name)
    return int.from_bytes(raw, "big") if raw else None


def find_text(tlvs: Tlvs, name: str) -> str | None:
    raw = find(tlvs, name)
    return raw.partition(b"\0")[0].decode("latin-1") if raw is not None else None


def named(tlvs: Tlvs) -> list[tuple[str, Value]]:
    """All of them for people to read; unknown tags as `0x1401` with their octets."""
    return [_named(tag, value) for tag, value in tlvs]


def _named(tag: int, raw: bytes) -> tuple[str, Value]:
    name, kind = TLVS.get(tag, (f"0x{tag:04x}", "octets"))
    if kind == "text":
        return name, raw.partition(b"\0")[0].decode("latin-1")
    return name, raw if kind == "octets" else int.from_bytes(raw, "big")
