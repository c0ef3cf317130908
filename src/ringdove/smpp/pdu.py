"""SMPP 3.4 packets: what they are made of (`codec.py` turns them into octets and back).

Every packet kind is one frozen class whose annotations ARE its field table (SMPP 3.4 §4):
`C21` is a C-octet string of at most 21 octets with its NUL, `U8` one octet, `SM` the pair
sm_length + short_message. TLVs follow every body and are kept raw and in order (`tlvs.py` names
them), so that what we do not know survives a round trip.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

SEQUENCE_MAX: Final = 0x7FFFFFFF
RESPONSE: Final = 0x80000000

Tlv: TypeAlias = tuple[int, bytes]
Tlvs: TypeAlias = tuple[Tlv, ...]


@dataclass(frozen=True)
class CString:
    """Octets up to and with a NUL; `limit` counts the NUL (§3.1)."""

    limit: int


@dataclass(frozen=True)
class Octet:
    """One octet integer."""


@dataclass(frozen=True)
class ShortMessage:
    """sm_length and as many octets (§5.2.21, §5.2.22)."""


@dataclass(frozen=True)
class Destinations:
    """number_of_dests and as many dest_address(es), each behind its dest_flag (§4.5.1.1)."""


@dataclass(frozen=True)
class Unsuccessful:
    """no_unsuccess and as many unsuccess_sme(s) (§4.5.2.1)."""


@dataclass(frozen=True, slots=True)
class Address:
    """An SME of a submit_multi (dest_flag 1)."""

    ton: int
    npi: int
    address: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An SME that a submit_multi was not accepted for, and why (a command_status)."""

    ton: int
    npi: int
    address: str
    status: int


DESTINATIONS_MAX: Final = 254
"""§4.5.1: "a maximum of 254 destination addresses are allowed"."""

Destination: TypeAlias = Address | str
"""A str names a distribution list kept at the SMSC (dest_flag 2)."""

U8: TypeAlias = Annotated[int, Octet()]
MANY: TypeAlias = Annotated[tuple[Destination, ...], Destinations()]
REFUSED: TypeAlias = Annotated[tuple[Refusal, ...], Unsuccessful()]
SM: TypeAlias = Annotated[bytes, ShortMessage()]
C6: TypeAlias = Annotated[str, CString(6)]
C13: TypeAlias = Annotated[str, CString(13)]
C17: TypeAlias = Annotated[str, CString(17)]
C21: TypeAlias = Annotated[str, CString(21)]
C41: TypeAlias = Annotated[str, CString(41)]
C65: TypeAlias = Annotated[str, CString(65)]


# ── The field tables (SMPP 3.4 §4) ───────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class BindReceiver:
    system_id: C65 = ""  # §5.2.1 and §5.2.2 say 16 and 9 octets;
    password: C65 = ""  # operators hand out longer ones, and their SMSCs take them
    system_type: C13 = ""
    interface_version: U8 = 0x34
    addr_ton: U8 = 0
    addr_npi: U8 = 0
    address_range: C41 = ""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class BindTransmitter(BindReceiver):
    pass


@dataclass(frozen=True, slots=True)
class BindTransceiver(BindReceiver):
    pass


@dataclass(frozen=True, slots=True)
class BindReceiverResp:
    system_id: C65 = ""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class BindTransmitterResp(BindReceiverResp):
    pass


@dataclass(frozen=True, slots=True)
class BindTransceiverResp(BindReceiverResp):
    pass


@dataclass(frozen=True, slots=True)
class Outbind:
    system_id: C65 = ""
    password: C65 = ""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class SubmitSm:
    service_type: C6 = ""
    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: C21 = ""
    dest_addr_ton: U8 = 0
    dest_addr_npi: U8 = 0
    destination_addr: C21 = ""
    esm_class: U8 = 0
    protocol_id: U8 = 0
    priority_flag: U8 = 0
    schedule_delivery_time: C17 = ""
    validity_period: C17 = ""
    registered_delivery: U8 = 0
    replace_if_present_flag: U8 = 0
    data_coding: U8 = 0
    sm_default_msg_id: U8 = 0
    short_message: SM = b""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class DeliverSm(SubmitSm):
    """The same fields on the way back (§4.6.1)."""


@dataclass(frozen=True, slots=True)
class SubmitSmResp:
    message_id: C65 = ""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class DeliverSmResp(SubmitSmResp):
    pass


@dataclass(frozen=True, slots=True)
class SubmitMulti:
    """One text to many; answered by one id and a list of those it was refused for."""

    service_type: C6 = ""
    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: C21 = ""
    destinations: MANY = ()
    esm_class: U8 = 0
    protocol_id: U8 = 0
    priority_flag: U8 = 0
    schedule_delivery_time: C17 = ""
    validity_period: C17 = ""
    registered_delivery: U8 = 0
    replace_if_present_flag: U8 = 0
    data_coding: U8 = 0
    sm_default_msg_id: U8 = 0
    short_message: SM = b""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class SubmitMultiResp:
    message_id: C65 = ""
    unsuccessful: REFUSED = ()
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class DataSm:
    service_type: C6 = ""
    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: C65 = ""
    dest_addr_ton: U8 = 0
    dest_addr_npi: U8 = 0
    destination_addr: C65 = ""
    esm_class: U8 = 0
    registered_delivery: U8 = 0
    data_coding: U8 = 0
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class DataSmResp(SubmitSmResp):
    pass


@dataclass(frozen=True, slots=True)
class QuerySm:
    message_id: C65 = ""
    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: C21 = ""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class QuerySmResp:
    message_id: C65 = ""
    final_date: C17 = ""
    message_state: U8 = 0
    error_code: U8 = 0
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class CancelSm:
    """Empty message_id: every message of this service_type, source and destination (§4.9)."""

    service_type: C6 = ""
    message_id: C65 = ""
    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: C21 = ""
    dest_addr_ton: U8 = 0
    dest_addr_npi: U8 = 0
    destination_addr: C21 = ""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class ReplaceSm:
    message_id: C65 = ""
    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: C21 = ""
    schedule_delivery_time: C17 = ""
    validity_period: C17 = ""
    registered_delivery: U8 = 0
    sm_default_msg_id: U8 = 0
    short_message: SM = b""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class AlertNotification:
    """A phone that is reachable again; nobody answers it (§4.12)."""

    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: C65 = ""
    esme_addr_ton: U8 = 0
    esme_addr_npi: U8 = 0
    esme_addr: C65 = ""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class EnquireLink:
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class EnquireLinkResp(EnquireLink):
    pass


@dataclass(frozen=True, slots=True)
class CancelSmResp(EnquireLink):
    pass


@dataclass(frozen=True, slots=True)
class ReplaceSmResp(EnquireLink):
    pass


@dataclass(frozen=True, slots=True)
class Unbind(EnquireLink):
    pass


@dataclass(frozen=True, slots=True)
class UnbindResp(EnquireLink):
    pass


@dataclass(frozen=True, slots=True)
class GenericNack(EnquireLink):
    pass


@dataclass(frozen=True, slots=True)
class Other:
    """A command we do not speak: kept as it came."""

    command_id: int
    octets: bytes = b""


Body: TypeAlias = (
    BindReceiver
    | BindReceiverResp
    | Outbind
    | SubmitSm
    | SubmitSmResp
    | SubmitMulti
    | SubmitMultiResp
    | DataSm
    | QuerySm
    | QuerySmResp
    | CancelSm
    | ReplaceSm
    | AlertNotification
    | EnquireLink
    | Other
)
"""Subclasses (DeliverSm of SubmitSm, Unbind of EnquireLink…) share fields, not meaning."""

COMMANDS: Final[dict[int, tuple[str, type[Any]]]] = {
    0x00000001: ("bind_receiver", BindReceiver),
    0x80000001: ("bind_receiver_resp", BindReceiverResp),
    0x00000002: ("bind_transmitter", BindTransmitter),
    0x80000002: ("bind_transmitter_resp", BindTransmitterResp),
    0x00000003: ("query_sm", QuerySm),
    0x80000003: ("query_sm_resp", QuerySmResp),
    0x00000004: ("submit_sm", SubmitSm),
    0x80000004: ("submit_sm_resp", SubmitSmResp),
    0x00000005: ("deliver_sm", DeliverSm),
    0x80000005: ("deliver_sm_resp", DeliverSmResp),
    0x00000006: ("unbind", Unbind),
    0x80000006: ("unbind_resp", UnbindResp),
    0x00000007: ("replace_sm", ReplaceSm),
    0x80000007: ("replace_sm_resp", ReplaceSmResp),
    0x00000008: ("cancel_sm", CancelSm),
    0x80000008: ("cancel_sm_resp", CancelSmResp),
    0x00000009: ("bind_transceiver", BindTransceiver),
    0x80000009: ("bind_transceiver_resp", BindTransceiverResp),
    0x0000000B: ("outbind", Outbind),
    0x00000015: ("enquire_link", EnquireLink),
    0x80000015: ("enquire_link_resp", EnquireLinkResp),
    0x00000021: ("submit_multi", SubmitMulti),
    0x80000021: ("submit_multi_resp", SubmitMultiResp),
    0x00000102: ("alert_notification", AlertNotification),
    0x00000103: ("data_sm", DataSm),
    0x80000103: ("data_sm_resp", DataSmResp),
    0x80000000: ("generic_nack", GenericNack),
}

BODYLESS_ON_ERROR: Final = frozenset({0x80000001, 0x80000002, 0x80000004, 0x80000009})
"""§4.1.2, §4.4.2: the body "is not returned if the command_status field contains a non-zero
value"."""


@dataclass(frozen=True, slots=True)
class Pdu:
    body: Body
    sequence: int
    status: int = 0

    @property
    def command_id(self) -> int:
        return (
            self.body.command_id if isinstance(self.body, Other) else COMMAND_IDS[type(self.body)]
        )

    @property
    def command(self) -> str:
        known = COMMANDS.get(self.command_id)
        return known[0] if known else f"0x{self.command_id:08x}"


COMMAND_IDS: Final = {body: command_id for command_id, (_, body) in COMMANDS.items()}
