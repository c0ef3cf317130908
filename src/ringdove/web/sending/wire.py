"""What went over the wire of a message, as its page shows it: fields by name, octets in hex.

Texts and numbers stand in packets: whoever reads numbers masked is not shown them (P10). Keys of
requests over HTTP were taken out before they were kept (workers/sending/packets.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ringdove.smpp import shown
from ringdove.web.speech import Speech

ROW_OCTETS = 16


@dataclass(frozen=True, slots=True)
class Shown:
    """One packet. `words`: of a request or an answer over HTTP; else `fields` and `octets`."""

    at: datetime
    is_out: bool
    what: str
    about: str
    fields: tuple[tuple[str, str], ...] = ()
    octets: str = ""
    words: str = ""


def shown_packets(say: Speech, rows: Sequence[Mapping[str, Any]]) -> list[Shown]:
    """The packets of one message, the oldest first."""
    return [_shown(say, row) for row in rows]


def _shown(say: Speech, row: Mapping[str, Any]) -> Shown:
    octets, is_out = bytes(row["octets"]), row["direction"] == "out"
    packet = shown.read(octets) if "_" in row["what"] else None
    if packet is None:
        words = octets.decode("utf-8", "replace")
        first = words.partition("\n")[0]
        return Shown(row["at"], is_out, row["what"], first[:200], words=words)
    told = shown.packet(packet)
    fields = {
        "command_status": f"{told['status']} {told['status_name']}",
        "sequence_number": told["sequence"],
        **told["fields"],
        **told["tlvs"],
    }
    return Shown(
        row["at"],
        is_out,
        row["what"],
        _about(told),
        tuple((name, str(value)) for name, value in fields.items()),
        hex_rows(octets),
    )


def _about(told: Mapping[str, Any]) -> str:
    if told["status"]:
        return str(told["status_name"])
    return str(told["fields"].get("message_id") or "")


def hex_rows(octets: bytes) -> str:
    """Sixteen octets a line, with their place and their letters."""
    lines = []
    for at in range(0, len(octets), ROW_OCTETS):
        some = octets[at : at + ROW_OCTETS]
        letters = "".join(chr(one) if 32 <= one < 127 else "·" for one in some)
        lines.append(f"{at:04x}  {some.hex(' '):<47}  {letters}")
    return "\n".join(lines)
