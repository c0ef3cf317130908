"""How each kind of field is written and read: the steps that a codec takes through a body.

A step writes one or more of a body's values, or reads them from octets. Reading stops at the end of
the body and says so by Unreadable, which `codec.py` alone turns into ProtocolError. Writing refuses
what does not fit.
"""

import struct
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from ringdove.smpp.pdu import (
    DESTINATIONS_MAX,
    Address,
    CString,
    Destination,
    Destinations,
    Octet,
    Refusal,
    ShortMessage,
    Tlv,
    Tlvs,
    Unsuccessful,
)
from ringdove.smpp.statuses import ESME_RINVCMDLEN, ESME_RINVOPTPARSTREAM

Kind: TypeAlias = CString | Octet | ShortMessage | Destinations | Unsuccessful


class Unreadable(Exception):
    def __init__(self, why: str, status: int = ESME_RINVCMDLEN) -> None:
        super().__init__(why)
        self.status = status


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
                raise Unreadable("a string without its NUL")
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
            raise Unreadable("it ends in the middle of a field")
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
            raise Unreadable("it ends before sm_length")
        end = at + 1 + octets[at]
        if end > len(octets):
            raise Unreadable("sm_length points past its end")
        values.append(octets[at + 1 : end])
        return end


class _ListStep:
    """One octet that counts, and as many entries."""

    def __init__(self, at: int, write: "_EntryWriter", read: "_EntryReader") -> None:
        self._value_at = at
        self._write = write
        self._read = read

    def write(self, values: tuple[Any, ...]) -> bytes:
        entries = values[self._value_at]
        if len(entries) > DESTINATIONS_MAX:
            raise ValueError(f"{len(entries)} entries, and {DESTINATIONS_MAX} are allowed")
        return bytes((len(entries),)) + b"".join(map(self._write, entries))

    def read(self, octets: bytes, at: int, values: list[Any], lenient: bool) -> int:
        entries: list[Any] = []
        count = octets[at] if at < len(octets) else 0
        if at >= len(octets) and not lenient:
            raise Unreadable("it ends before a count")
        at += 1
        for _ in range(count):
            at = self._read(octets, at, entries)
        values.append(tuple(entries))
        return at


# ── Entries of lists ─────────────────────────────────────────────────────────

_EntryWriter: TypeAlias = Callable[[Any], bytes]
_EntryReader: TypeAlias = Callable[[bytes, int, list[Any]], int]

SME_FLAG, LIST_FLAG = 1, 2
"""dest_flag (§5.2.25)."""
_NAME: Final = _CStringStep(0, 21)
_NUMBERS: Final = _OctetsStep(0, 2)


def _write_sme(one: Address | Refusal) -> bytes:
    return _NUMBERS.write((one.ton, one.npi)) + _NAME.write((one.address,))


def _read_sme(octets: bytes, at: int, found: list[Any]) -> int:
    return _NAME.read(octets, _NUMBERS.read(octets, at, found, False), found, False)


def _write_destination(one: Destination) -> bytes:
    if isinstance(one, str):
        return bytes((LIST_FLAG,)) + _NAME.write((one,))
    return bytes((SME_FLAG,)) + _write_sme(one)


def _read_destination(octets: bytes, at: int, entries: list[Any]) -> int:
    flag = octets[at] if at < len(octets) else 0
    found: list[Any] = []
    if flag == SME_FLAG:
        at = _read_sme(octets, at + 1, found)
        entries.append(Address(*found))
    elif flag == LIST_FLAG:
        at = _NAME.read(octets, at + 1, entries, False)
    else:
        raise Unreadable(f"dest_flag {flag}")
    return at


def _write_refusal(one: Refusal) -> bytes:
    return _write_sme(one) + struct.pack(">I", one.status)


def _read_refusal(octets: bytes, at: int, entries: list[Any]) -> int:
    found: list[Any] = []
    at = _read_sme(octets, at, found)
    if at + 4 > len(octets):
        raise Unreadable("it ends in the middle of a refusal")
    ton, npi, address = found
    entries.append(Refusal(ton, npi, address, int.from_bytes(octets[at : at + 4], "big")))
    return at + 4


# ── All steps of a body ──────────────────────────────────────────────────────

Step: TypeAlias = _CStringStep | _OctetsStep | _ShortMessageStep | _ListStep


def steps(kinds: list[Kind]) -> list[Step]:
    """Neighbouring octets are one step: submit_sm then takes nine, not eighteen, and a worker
    spends its time elsewhere."""
    found: list[Step] = []
    at = 0
    while at < len(kinds):
        run = 1
        while isinstance(kinds[at], Octet) and at + run < len(kinds):
            if not isinstance(kinds[at + run], Octet):
                break
            run += 1
        found.append(_step(kinds[at], at, run))
        at += run
    return found


def _step(kind: Kind, at: int, run: int) -> Step:
    match kind:
        case CString():
            return _CStringStep(at, kind.limit)
        case ShortMessage():
            return _ShortMessageStep(at)
        case Destinations():
            return _ListStep(at, _write_destination, _read_destination)
        case Unsuccessful():
            return _ListStep(at, _write_refusal, _read_refusal)
        case _:
            return _OctetsStep(at, run)


# ── Optional parameters ──────────────────────────────────────────────────────


def write_tlvs(tlvs: Tlvs) -> bytes:
    return b"".join(struct.pack(">HH", tag, len(value)) + value for tag, value in tlvs)


def read_tlvs(octets: bytes, at: int, lenient: bool) -> Tlvs:
    found: list[Tlv] = []
    end = len(octets)
    while at < end:
        stop = at + 4 + int.from_bytes(octets[at + 2 : at + 4], "big")
        if at + 4 > end or stop > end:
            if lenient:
                break
            raise Unreadable("an optional parameter ends too early", ESME_RINVOPTPARSTREAM)
        found.append((int.from_bytes(octets[at : at + 2], "big"), octets[at + 4 : stop]))
        at = stop
    return tuple(found)
