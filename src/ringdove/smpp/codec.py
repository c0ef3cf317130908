"""Octets ↔ PDU, and nothing else: no session, no clock, no socket.

Codecs are made once, at import, from the field tables in `pdu.py`. Reading is total and bounded:
any octets give PDUs, "need more" (None) or ProtocolError. Writing refuses what does not fit and
never truncates: half a phone number is another person's.
"""

import struct
from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final, TypeAlias, get_type_hints

from ringdove.smpp.pdu import (
    BODYLESS_ON_ERROR,
    COMMAND_IDS,
    COMMANDS,
    RESPONSE,
    Body,
    CString,
    Octet,
    Other,
    Pdu,
    ShortMessage,
    Tlv,
    Tlvs,
)
from ringdove.smpp.statuses import ESME_RINVCMDLEN, ESME_RINVOPTPARSTREAM

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
    return HEADER.pack(16 + len(octets), command_id, pdu.status, pdu.sequence) + octets


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
    except _Unreadable as unreadable:
        raise ProtocolError(
            f"{COMMANDS[command_id][0]}: {unreadable}",
            status=unreadable.status,
            command_id=command_id,
            sequence=sequence,
        ) from None
    return body


# ── Codecs, made once from the tables above ──────────────────────────────────


class _Unreadable(Exception):
    def __init__(self, why: str, status: int = ESME_RINVCMDLEN) -> None:
        super().__init__(why)
        self.status = status


class Codec:
    """Writes and reads one kind of body.

    Neighbouring octets are one slice: submit_sm then takes nine steps, not
    eighteen, and a worker spends its time elsewhere.
    """

    def __init__(self, command_id: int, body: type[Any]) -> None:
        hints = get_type_hints(body, include_extras=True)
        kinds = [hints[f.name].__metadata__[0] for f in fields(body) if f.name != "tlvs"]
        self._make: Callable[..., Any] = body
        names = [f.name for f in fields(body) if f.name != "tlvs"]
        self._values_of = attrgetter(*names, names[0]) if names else _nothing
        self._steps = _steps(kinds)
        # Peers shorten their answers: no body at all, no last NUL, stray octets at the end. An
        # answer half understood is worth more than a message whose outcome is unknown.
        self._lenient = bool(command_id & RESPONSE)

    def write(self, body: Any) -> bytes:
        values = self._values_of(body)
        try:
            octets = [step.write(values) for step in self._steps]
            octets += [struct.pack(">HH", tag, len(value)) + value for tag, value in body.tlvs]
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
            values.append(_read_tlvs(octets, at, self._lenient))
        return self._make(*values)


def _nothing(body: Any) -> tuple[Any, ...]:
    return ()


class _CStringStep:
    def __init__(self, at: int, limit: int) -> None:
        self._value_at = at
        self._limit = limit

    def write(self, values: tuple[Any, ...]) -> bytes:
        octets: bytes = values[self._value_at].encode("latin-1") + b"\0"
        if len(octets) > self._limit or octets.find(0) != len(octets) - 1:
            raise ValueError(f"{values[self._value_at]!r} does not fit {self._limit} octets")
        return octets

    def read(self, octets: bytes, at: int, values: list[Any], lenient: bool) -> int:
        end = octets.find(0, at)
        if end < 0:
            if not lenient:
                raise _Unreadable("a string without its NUL")
            end = len(octets)
        # Longer than the limit is taken as well: message ids of 70 octets do exist.
        values.append(octets[at:end].decode("latin-1"))
        return end + 1


class _OctetsStep:
    """A run of neighbouring one-octet integers."""

    def __init__(self, first: int, count: int) -> None:
        self._values = slice(first, first + count)
        self._count = count

    def write(self, values: tuple[Any, ...]) -> bytes:
        try:
            return bytes(values[self._values])
        except ValueError:
            raise ValueError(f"{values[self._values]} are not all octets") from None

    def read(self, octets: bytes, at: int, values: list[Any], lenient: bool) -> int:
        end = at + self._count
        if end > len(octets):
            raise _Unreadable("it ends in the middle of a field")
        values.extend(octets[at:end])
        return end


class _ShortMessageStep:
    def __init__(self, at: int) -> None:
        self._value_at = at

    def write(self, values: tuple[Any, ...]) -> bytes:
        message: bytes = values[self._value_at]
        return bytes((len(message),)) + message  # 255 at most, as one octet counts them

    def read(self, octets: bytes, at: int, values: list[Any], lenient: bool) -> int:
        if at >= len(octets):
            raise _Unreadable("it ends before sm_length")
        end = at + 1 + octets[at]
        if end > len(octets):
            raise _Unreadable("sm_length points past its end")
        values.append(octets[at + 1 : end])
        return end


_Step: TypeAlias = _CStringStep | _OctetsStep | _ShortMessageStep


def _steps(kinds: list[CString | Octet | ShortMessage]) -> list[_Step]:
    steps: list[_Step] = []
    at = 0
    while at < len(kinds):
        kind = kinds[at]
        run = 1
        if isinstance(kind, CString):
            steps.append(_CStringStep(at, kind.limit))
        elif isinstance(kind, ShortMessage):
            steps.append(_ShortMessageStep(at))
        else:
            while at + run < len(kinds) and isinstance(kinds[at + run], Octet):
                run += 1
            steps.append(_OctetsStep(at, run))
        at += run
    return steps


def _read_tlvs(octets: bytes, at: int, lenient: bool) -> Tlvs:
    found: list[Tlv] = []
    end = len(octets)
    while at < end:
        stop = at + 4 + int.from_bytes(octets[at + 2 : at + 4], "big")
        if at + 4 > end or stop > end:
            if lenient:
                break
            raise _Unreadable("an optional parameter ends too early", ESME_RINVOPTPARSTREAM)
        found.append((int.from_bytes(octets[at : at + 2], "big"), octets[at + 4 : stop]))
        at = stop
    return tuple(found)


CODECS: Final = {command_id: Codec(command_id, body) for command_id, (_, body) in COMMANDS.items()}
