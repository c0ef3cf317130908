"""A packet in the words that people and programs are shown: names of fields, octets in hex.

One reading for `ringdove inspect pdu` and for the pages, so that both say the same.
"""

from dataclasses import asdict, fields, is_dataclass
from typing import Any

from ringdove.smpp import statuses, tlvs
from ringdove.smpp.codec import Decoder, ProtocolError
from ringdove.smpp.pdu import Pdu, Tlvs


def read(octets: bytes) -> Pdu | None:
    """The packet; None: these octets are none, or not a whole one."""
    decoder = Decoder()
    decoder.feed(octets)
    try:
        return decoder.next_pdu()
    except ProtocolError:
        return None


def packet(pdu: Pdu) -> dict[str, Any]:
    """command, status with its name, sequence, fields, tlvs."""
    return {
        "command": pdu.command,
        "status": pdu.status,
        "status_name": statuses.name(pdu.status),
        "sequence": pdu.sequence,
        "fields": {
            item.name: value(getattr(pdu.body, item.name))
            for item in fields(pdu.body)
            if item.name != "tlvs"
        },
        "tlvs": parameters(getattr(pdu.body, "tlvs", ())),
    }


def parameters(told: Tlvs) -> dict[str, Any]:
    """By name; a parameter that comes twice gets #2 behind its name."""
    shown: dict[str, Any] = {}
    for name, given in tlvs.named(told):
        times = sum(key.partition("#")[0] == name for key in shown)
        shown[f"{name}#{times + 1}" if times else name] = value(given)
    return shown


def value(given: Any) -> Any:
    """Octets in hex, entries of lists by their names, all else as it is."""
    if isinstance(given, bytes):
        return given.hex()
    if isinstance(given, tuple):
        return [asdict(one) if is_dataclass(one) else one for one in given]  # type: ignore[arg-type]
    return given
