"""What comes in by itself: receipts, and texts of people with all their alphabets.

Reading never fails. What cannot be understood of a text becomes U+FFFD; what says nothing of use is
None.
"""

import re
from dataclasses import dataclass
from typing import Final

from ringdove.gateways.smpp.settings import Settings
from ringdove.gateways.smpp.submits import CODECS, SHORT_CODE_DIGITS_MAX
from ringdove.rules import gsm, texts
from ringdove.rules.texts import shifts
from ringdove.smpp import ids, parts, receipts
from ringdove.smpp.pdu import DataSm, QuerySmResp, SubmitSm

DEFAULT_TABLES: Final = parts.Shift()


@dataclass(frozen=True, slots=True)
class ReceiptRead:
    provider_id: str
    state: receipts.State
    error: str


@dataclass(frozen=True, slots=True)
class TextRead:
    """A text, or (`part`) a piece of one: join the octets first, then `decode` them."""

    sender: str
    recipient: str
    coding: int
    octets: bytes
    part: parts.Part | None
    shift: parts.Shift = DEFAULT_TABLES
    """National tables that its header names: for `decode`."""


def read(settings: Settings, body: SubmitSm | DataSm) -> ReceiptRead | TextRead | None:
    """None: a receipt that does not say whose; nothing can be done with it."""
    if receipts.is_receipt(body):
        receipt = receipts.read(body)
        if receipt is None:
            return None
        provider_id = ids.receipt_form(settings.id_rule)(receipt.provider_id)
        return ReceiptRead(provider_id, receipt.state, receipt.complaint)
    part, octets = parts.unpack(body)
    sender = _address(body.source_addr, body.source_addr_ton)
    recipient = _address(body.destination_addr, body.dest_addr_ton)
    return TextRead(sender, recipient, body.data_coding, octets, part, parts.shift(body))


def told(settings: Settings, status: int, answer: QuerySmResp) -> ReceiptRead | None:
    """What a query_sm was answered (§4.8.2), as if a receipt said so; None: the SMSC does not know,
    which is no proof that the message was never sent."""
    if status or not answer.message_state:
        return None
    state = receipts.NUMBERS.get(answer.message_state, "unknown")
    error = str(answer.error_code) if answer.error_code else ""
    provider_id = ids.sent_form(settings.id_rule)(answer.message_id)
    return ReceiptRead(provider_id, state, error)


def _address(address: str, ton: int) -> str:
    """International numbers with their +; TON 0 ("unknown") is mostly one as well."""
    digits = address.removeprefix("+")
    international = ton == 1 or (ton == 0 and len(digits) > SHORT_CODE_DIGITS_MAX)
    return f"+{digits}" if digits.isdecimal() and international else address


LANGUAGES: Final = {number: language for language, number in shifts.LANGUAGES.items()}
ALPHABETS: Final = {
    0x01: "ascii",
    0x03: "latin-1",
    0x05: "iso2022_jp",
    0x06: "iso8859_5",
    0x07: "iso8859_8",
    0x08: "utf-16-be",
    0x0E: "euc_kr",
}
"""data_coding (§5.2.19); 0 and GSM message classes are handled apart."""


def decode(
    settings: Settings, coding: int, octets: bytes, shift: parts.Shift = DEFAULT_TABLES
) -> str:
    """The words of a text. Never fails: a letter that cannot be read becomes U+FFFD."""
    name = ALPHABETS.get(coding) or _group_alphabet(settings, coding)
    if name == "gsm" or (name == "ascii" and _CONTROL.search(octets)):
        return _decode_gsm(octets, shift) if any(shift) else texts.decode_gsm(octets)
    # NUL cannot be stored in PostgreSQL and says nothing.
    return octets.decode(name, "replace").replace("\0", "")


# No text in ASCII has these; @, _, $ and what stands behind an escape have in GSM. Programs made
# with npm's `smpp` say 1 ("IA5 / ASCII") and write GSM.
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def _decode_gsm(octets: bytes, shift: parts.Shift) -> str:
    """An unknown table means the default one (3GPP TS 23.038 §6.2.1.2.4)."""
    locking, single = LANGUAGES.get(shift.locking, ""), LANGUAGES.get(shift.single, "")
    basic = (shifts.locking(locking) if locking else None) or gsm.BASIC
    unknown = dict.fromkeys(range(0x100), "?")
    behind = shifts.single(single) if single else gsm.EXTENSION
    return texts.decode_gsm(octets, unknown | basic, behind)


def _group_alphabet(settings: Settings, coding: int) -> str:
    """GSM 03.38 §4: general group 00xx, message class 1111, message waiting 1100-1110."""
    if coding & 0xF0 == 0xF0:
        return "latin-1" if coding & 0x04 else "gsm"
    if coding & 0xF0 == 0xE0 or (coding & 0xC0 == 0 and coding & 0x0C == 0x08):
        return "utf-16-be"
    if coding == 0:
        return (
            CODECS[settings.default_alphabet][1] if settings.default_alphabet in CODECS else "gsm"
        )
    return "latin-1" if coding & 0x04 else "gsm"
