"""Octets ↔ PDU, and nothing else: no session, no clock, no socket.

Codecs are made once, at import, from the field tables in `pdu.py`. Reading is total and bounded:
any octets give PDUs, "need more" (None) or ProtocolError. Writing refuses what does not fit and
never truncates: half a phone number is another person's.
"""

import struct
from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final, get_type_hints

from ringdove.smpp.fields import Unreadable, read_tlvs, steps, write_tlvs
from ringdove.smpp.pdu import (
    BODYLESS_ON_ERROR,
    COMMAND_IDS,
    COMMANDS,
    RESPONSE,
    Body,
    Other,
    Pdu,
)
from ringdove.smpp.statuses import ESME_RINVCMDLEN

HEADER: Final = struct.Struct(">IIII")
"""command_length, command_id, command_status, sequence_number (§3.2)."""

PDU_OCTETS_MAX: Final = 72 * 1024
"""A message_payload may hold 64 KiB (§5.3.2.32); nothing honest is larger."""


class ProtocolError(ValueError):
    """The only thing that reading may raise.

    `fatal`: the stream itself is lost (the length cannot be true) and the link must be closed;
    otherwise just this packet is unreadable and `status` is what the peer should be told.
    """

    def __init__(
        self, why: str, *, status: int, command_id: int = 0, sequence: int = 0, fatal: bool = False
    ) -> None:
        super().__init__(why)
        self.status = status
        self.command_id = command_id
        self.sequence = sequence
        self.fatal = fatal


def encode(pdu: Pdu) -> bytes:
    """The packet as octets; ValueError if a field does not fit: ours to prevent, not the peer's."""
    body = pdu.body
    if isinstance(body, Other):
        command_id, octets = body.command_id, body.octets
    else:
        command_id = COMMAND_IDS[type(body)]
        bare = pdu.status and command_id in BODYLESS_ON_ERROR
        octets = b"" if bare else CODECS[command_id].write(body)
    try:
        return HEADER.pack(16 + len(octets), command_id, pdu.status, pdu.sequence) + octets
    except struct.error as error:
        raise ValueError(f"header: {error}") from None


class Decoder:
    """Feed it octets as they come; take PDUs until it says None."""

    def __init__(self, octets_max: int = PDU_OCTETS_MAX) -> None:
        self._octets_max = octets_max
        self._data = b""
        self._at = 0

    def feed(self, data: bytes) -> None:
        self._data = self._data[self._at :] + data
        self._at = 0

    def next_pdu(self) -> Pdu | None:
        data, start = self._data, self._at
        if len(data) - start < 16:
            return None
        length, command_id, status, sequence = HEADER.unpack_from(data, start)
        if not 16 <= length <= self._octets_max:
            raise ProtocolError(
                f"command_length {length} cannot be true",
                status=ESME_RINVCMDLEN,
                command_id=command_id,
                sequence=sequence,
                fatal=True,
            )
        end = start + length
        if len(data) < end:
            return None
        self._at = end
        return Pdu(read_body(command_id, sequence, data[start + 16 : end]), sequence, status)


def read_body(command_id: int, sequence: int, octets: bytes) -> Body:
    codec = CODECS.get(command_id)
    if codec is None:
        return Other(command_id, octets)
    try:
        body: Body = codec.read(octets)
    except Unreadable as unreadable:
        raise ProtocolError(
            f"{COMMANDS[command_id][0]}: {unreadable}",
            status=unreadable.status,
            command_id=command_id,
            sequence=sequence,
        ) from None
    return body


# ── Codecs, made once from the tables above ──────────────────────────────────


class Codec:
    """Writes and reads one kind of body."""

    def __init__(self, command_id: int, body: type[Any]) -> None:
        hints = get_type_hints(body, include_extras=True)
        kinds = [hints[f.name].__metadata__[0] for f in fields(body) if f.name != "tlvs"]
        self._make: Callable[..., Any] = body
        names = [f.name for f in fields(body) if f.name != "tlvs"]
        self._values_of = attrgetter(*names, names[0]) if names else _nothing
        self._steps = steps(kinds)
        # Peers shorten their answers: no body at all, no last NUL, stray octets at the end. An
        # answer half understood is worth more than a message whose outcome is unknown.
        self._lenient = bool(command_id & RESPONSE)

    def write(self, body: Any) -> bytes:
        values = self._values_of(body)
        try:
            octets = [step.write(values) for step in self._steps]
            octets.append(write_tlvs(body.tlvs))
        except (struct.error, UnicodeEncodeError) as error:
            raise ValueError(f"{type(body).__name__}: {error}") from None
        return b"".join(octets)

    def read(self, octets: bytes) -> Any:
        if self._lenient and not octets:
            return self._make()
        values: list[Any] = []
        at = 0
        for step in self._steps:
            at = step.read(octets, at, values, self._lenient)
        if at < len(octets):
            values.append(read_tlvs(octets, at, self._lenient))
        return self._make(*values)


def _nothing(body: Any) -> tuple[Any, ...]:
    return ()


CODECS: Final = {command_id: Codec(command_id, body) for command_id, (_, body) in COMMANDS.items()}
