"""Long texts in pieces: which piece a packet is, and the pieces joined again.

A piece says so in a user data header (3GPP TS 23.040 §9.2.3.24.1 and .8) or in SAR parameters
(SMPP 3.4 §5.3.2.22-24); a header may name national letters as well. Joining works on octets, since
a phone may cut a letter in two; it is bounded in number and in time, and what never becomes whole
is handed out as it is: a STOP in a text whose second half was lost is still a STOP.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, TypeVar

from ringdove.smpp import tlvs
from ringdove.smpp.pdu import DataSm, SubmitSm

UDH_INDICATOR: Final = 0x40
"""The bit of esm_class that says: the text begins with a header (SMPP 3.4 §5.2.12)."""

CONCAT_8: Final = 0x00
CONCAT_16: Final = 0x08
SINGLE_SHIFT: Final = 0x24
LOCKING_SHIFT: Final = 0x25
WAITING_MAX: Final = 1_000
WAIT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Part:
    """Part `number` (from 1) of `total` of the text called `reference`."""

    reference: int
    total: int
    number: int


class Shift(NamedTuple):
    """National language identifiers; 0: the default tables."""

    locking: int = 0
    single: int = 0


def header(part: Part | None, elements: bytes = b"", *, wide: bool = False) -> bytes:
    """The user data header of a part, or of a whole text (None) that needs one for `elements`:
    whole information elements that stand behind the one of the part. The 16-bit kind of reference
    (`wide`) is one octet longer, which a full part must make room for: only where an operator asks
    for it."""
    told = _concatenating(part, wide) + elements if part else elements
    return bytes((len(told),)) + told


def header_octets(elements: bytes, *, wide: bool) -> int:
    """How long a part's header is without its length octet."""
    return (6 if wide else 5) + len(elements)


def _concatenating(part: Part, wide: bool) -> bytes:
    if wide:
        reference = part.reference & 0xFFFF
        return bytes((CONCAT_16, 4, reference >> 8, reference & 0xFF, part.total, part.number))
    return bytes((CONCAT_8, 3, part.reference & 0xFF, part.total, part.number))


def unpack(body: SubmitSm | DataSm) -> tuple[Part | None, bytes]:
    """Which part of a long text a packet is (None: it is whole), and the text's octets."""
    payload = tlvs.find(body.tlvs, "message_payload")
    octets = body.short_message if isinstance(body, SubmitSm) else b""
    octets = octets or payload or b""
    part = _sar(body)
    if body.esm_class & UDH_INDICATOR and octets:
        end = 1 + octets[0]
        part = _concatenation(octets[1:end]) or part
        octets = octets[end:]
    return part, octets


def shift(body: SubmitSm | DataSm) -> Shift:
    """Which national tables a text's header names (TS 23.040 §9.2.3.24.15 and .16)."""
    octets = body.short_message if isinstance(body, SubmitSm) else b""
    octets = octets or tlvs.find(body.tlvs, "message_payload") or b""
    if not body.esm_class & UDH_INDICATOR or not octets:
        return Shift()
    named = {kind: value[0] for kind, value in _elements(octets[1 : 1 + octets[0]]) if value}
    return Shift(named.get(LOCKING_SHIFT, 0), named.get(SINGLE_SHIFT, 0))


def _concatenation(elements: bytes) -> Part | None:
    for kind, value in _elements(elements):
        if (kind, len(value)) in ((CONCAT_8, 3), (CONCAT_16, 4)):
            return _part(int.from_bytes(value[:-2], "big"), value[-2], value[-1])
    return None


def _elements(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Those that are whole."""
    at = 0
    while at + 2 <= len(octets):
        end = at + 2 + octets[at + 1]
        if end <= len(octets):
            yield octets[at], octets[at + 2 : end]
        at = end


def _sar(body: SubmitSm | DataSm) -> Part | None:
    if not body.tlvs:
        return None
    reference = tlvs.find_int(body.tlvs, "sar_msg_ref_num")
    total = tlvs.find_int(body.tlvs, "sar_total_segments")
    number = tlvs.find_int(body.tlvs, "sar_segment_seqnum")
    return None if reference is None else _part(reference, total or 0, number or 0)


def _part(reference: int, total: int, number: int) -> Part | None:
    # TS 23.040: a total of 0, or a number that is 0 or past it, means: ignore the element.
    return Part(reference, total, number) if 1 <= number <= total <= 255 and total > 1 else None


T = TypeVar("T")


@dataclass(slots=True)
class _Heap(Generic[T]):
    total: int
    deadline: float
    pieces: dict[int, tuple[bytes, T]] = field(default_factory=dict)
    repeats: list[T] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Joined(Generic[T]):
    """`octets` of all parts in order, and the packets they came in. `whole`: none is missing."""

    key: Hashable
    octets: bytes
    packets: tuple[T, ...]
    whole: bool


class Joiner(Generic[T]):
    """Holds parts until their text is whole or has waited `WAIT_S`."""

    def __init__(self, wait_s: float = WAIT_S) -> None:
        self._wait_s = wait_s
        self._heaps: dict[Hashable, _Heap[T]] = {}  # in order of their deadlines

    def add(
        self, who: Hashable, part: Part, octets: bytes, packet: T, now: float
    ) -> list[Joined[T]]:
        """`who`: sender and recipient; references repeat from one pair to another."""
        key = (who, part.reference, part.total)
        heap = self._heaps.setdefault(key, _Heap(part.total, now + self._wait_s))
        if part.number in heap.pieces:
            heap.repeats.append(packet)  # to be acknowledged with the rest, not to be read twice
        else:
            heap.pieces[part.number] = (octets, packet)
        if len(heap.pieces) == heap.total:
            return [self._hand_out(key)]
        if len(self._heaps) > WAITING_MAX:
            return [self._hand_out(next(iter(self._heaps)))]
        return []

    @property
    def next_deadline(self) -> float | None:
        first = next(iter(self._heaps.values()), None)
        return first.deadline if first else None

    def expire(self, now: float) -> list[Joined[T]]:
        late = [key for key, heap in self._heaps.items() if heap.deadline <= now]
        return [self._hand_out(key) for key in late]

    def _hand_out(self, key: Hashable) -> Joined[T]:
        heap = self._heaps.pop(key)
        pieces = [heap.pieces[number] for number in sorted(heap.pieces)]
        return Joined(
            key,
            b"".join(octets for octets, _ in pieces),
            tuple([packet for _, packet in pieces] + heap.repeats),
            len(pieces) == heap.total,
        )
