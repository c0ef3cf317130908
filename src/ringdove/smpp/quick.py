"""The packets that come by the million, read and written without making objects of them.

Whatever is done here `codec.py`, `receipts.py` and `pdu.py` do as well, for every packet and at
leisure; tests hold both to the same octets and the same answers. A packet that is in any way
unusual is not for here: the answer is None, and the general way decides. Never guesses.
"""

import re
import struct
from typing import Final, TypeAlias

from ringdove.smpp.codec import HEADER, PDU_OCTETS_MAX, ProtocolError
from ringdove.smpp.receipts import NUMBERS, State, state_of_word
from ringdove.smpp.statuses import ESME_RINVCMDLEN

SUBMIT_SM: Final = 0x00000004
SUBMIT_SM_RESP: Final = 0x80000004
DELIVER_SM: Final = 0x00000005
DELIVER_SM_RESP: Final = 0x80000005

Frame: TypeAlias = tuple[int, int, int, int, int]
"""command_id, command_status, sequence_number, and where the body starts and ends."""


def frames(data: bytes, at: int = 0) -> tuple[list[Frame], int]:
    """The whole packets in `data` from `at` on, and where the first that is not whole begins.

    A length that cannot be true ends the list; asked again from there, it is a ProtocolError.
    """
    found: list[Frame] = []
    last = len(data) - 16
    unpack = HEADER.unpack_from
    while at <= last:
        length, command_id, status, sequence = unpack(data, at)
        if not 16 <= length <= PDU_OCTETS_MAX:
            if found:
                break
            raise ProtocolError(
                f"command_length {length} cannot be true",
                status=ESME_RINVCMDLEN,
                command_id=command_id,
                sequence=sequence,
                fatal=True,
            )
        end = at + length
        if end > last + 16:
            break
        found.append((command_id, status, sequence, at + 16, end))
        at = end
    return found, at


def message_id(data: bytes, start: int, end: int) -> str:
    """Of a submit_sm_resp's body, however short."""
    stop = data.find(0, start, end)
    return data[start : end if stop < 0 else stop].decode("latin-1")


_ANSWER: Final = struct.Struct(">IIIIB")


def deliver_sm_resp(sequence: int, status: int = 0) -> bytes:
    return _ANSWER.pack(17, DELIVER_SM_RESP, status, sequence, 0)


def numbered(octets: bytes, sequence: int) -> bytes:
    """The same packet under another sequence_number."""
    return octets[:12] + sequence.to_bytes(4, "big") + octets[16:]


# ── Receipts ─────────────────────────────────────────────────────────────────

# A deliver_sm that is marked as a receipt and has no header, with the fields of SMPP 3.4
# Appendix B in their order; sub, dlvrd, the dates and the text may be missing.
_RECEIPT: Final = re.compile(
    rb"[^\0]*\0..[^\0]*\0..[^\0]*\0"  # service_type, source and destination
    rb"[\x04\x20]..[^\0]*\0[^\0]*\0...."  # esm_class … data_coding, sm_default_msg_id
    rb"(.)(id:([0-9A-Za-z-]+) (?:sub:\d+ )?(?:dlvrd:\d+ )?(?:submit date:\d+ done date:\d+ )?"
    rb"stat:([A-Z]+) err:([0-9A-Za-z]+))( [Tt]ext:)?",
    re.DOTALL,
)
_match = _RECEIPT.match
_PARAMETER: Final = struct.Struct(">HH")
_RECEIPTED_MESSAGE_ID, _MESSAGE_STATE, _NETWORK_ERROR_CODE = 0x001E, 0x0427, 0x0423

_STATES: Final[dict[bytes, tuple[State, str]]] = {
    word: (state, "" if state == "delivered" else word.decode())
    for word in b"DELIVRD EXPIRED DELETED UNDELIV ACCEPTD UNKNOWN REJECTD ENROUTE".split()
    for state in (state_of_word(word.decode()),)
}


def receipt(data: bytes, start: int, end: int) -> tuple[str, State, str] | None:
    """Of a deliver_sm's body: id, state and complaint as `receipts.read` gives them."""
    found = _match(data, start, end)
    if found is None:
        return None
    length, _, provider_id, word, error, text = found.groups()
    known = _STATES.get(word)
    text_end = found.start(2) + length[0]
    if known is None or text_end > end or found.end() > text_end:
        return None
    if text is None and found.end() != text_end:
        return None
    state, complaint = known
    if error.strip(b"0"):
        complaint = error.decode()
    told = provider_id.decode()
    if text_end < end:
        return _with_parameters(data, text_end, end, told, word.decode(), complaint, state)
    return told, state, complaint


def _with_parameters(
    data: bytes, at: int, end: int, told: str, word: str, complaint: str, state: State
) -> tuple[str, State, str] | None:
    """The id and the state again, in parameters, which win over the text."""
    seen_id = seen_state = False
    while at < end:
        if at + 4 > end:
            return None
        tag, length = _PARAMETER.unpack_from(data, at)
        stop = at + 4 + length
        if stop > end or tag == _NETWORK_ERROR_CODE:
            return None
        if tag == _RECEIPTED_MESSAGE_ID:
            told_again = message_id(data, at + 4, stop)
            if seen_id or not told_again:
                return None
            told, seen_id = told_again, True
        elif tag == _MESSAGE_STATE:
            if seen_state or length != 1:
                return None
            number, seen_state = data[at + 4], True
            agreed = NUMBERS.get(number, "unknown")
            if agreed != state:
                return None
        at = stop
    return told, state, complaint
