"""An operator, or the sandbox, over SMPP 3.4: what to submit, and what an answer means.

    outcome of one submit_sm
    ├── Sent(provider_id)
    └── Refused(reason, again)
        ├── "throttled"   slow down, then the same again: RTHROTTLED, RMSGQFUL
        ├── "later"       their trouble, not the text's: RSYSERR, RX_T_APPN…, and what nobody knows
        └── "permanent"   this text to this number will never go: RINVDSTADR, RX_P_APPN…

No answer at all is none of these: its outcome is unknown (P5), and only the worker can see it.
Pure: no socket, no clock. The session is in `smpp/session.py`, its driver in `workers/binds.py`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ringdove.rules import texts
from ringdove.smpp import parts, receipts, statuses, tlvs
from ringdove.smpp.pdu import BindTransceiver, DataSm, SubmitSm, Tlvs

TITLE: Final = "SMPP"
HELP: Final = (
    "A direct link to an operator or SMS provider over SMPP 3.4. Your provider's letter with the"
    " server, port, system ID and password has all that is asked here; what it does not mention"
    " can stay as it is."
)


class Settings(BaseModel):
    """What a merchant fills in; forms are drawn from these lines."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    host: str = Field(
        min_length=1,
        max_length=253,
        title="Server",
        description="Name or address of the provider's SMPP server.",
    )
    port: int = Field(
        2775, ge=1, le=65535, title="Port", description="2775 unless the provider says otherwise."
    )
    tls: bool = Field(
        False, title="Encrypted (TLS)", description="Switch on if the provider gave a TLS port."
    )
    system_id: str = Field(
        min_length=1, max_length=64, title="System ID", description="Your login at the provider."
    )
    password: SecretStr = Field(
        SecretStr(""), max_length=64, title="Password", description="Kept sealed, never shown."
    )
    system_type: str = Field(
        "",
        max_length=12,
        title="System type",
        description="Leave empty unless the provider names one; a wrong one is refused like a"
        " wrong password.",
    )
    sender: str = Field(
        "",
        max_length=20,
        title="Sender",
        description="What the phone shows: a number that can receive answers, or up to 11 letters"
        " that cannot.",
    )
    throughput_per_s: float = Field(
        10,
        gt=0,
        le=10_000,
        title="Messages per second",
        description="What the provider allows; parts of a long text count each.",
    )
    window: int = Field(
        10,
        ge=1,
        le=1_000,
        title="Window",
        description="How many submits may wait for their answer at once.",
    )
    enquire_link_s: float = Field(
        30,
        ge=1,
        le=3600,
        title="Link check, seconds",
        description="After so much silence the link is tested.",
    )
    response_timeout_s: float = Field(
        30,
        ge=1,
        le=600,
        title="Answer time-out, seconds",
        description="Without an answer by then the outcome of a message is unknown.",
    )
    source_ton: int | None = Field(
        None, ge=0, le=7, title="Sender TON", description="Empty: chosen by the kind of sender."
    )
    source_npi: int | None = Field(
        None, ge=0, le=18, title="Sender NPI", description="Empty: chosen by the kind of sender."
    )
    dest_ton: int = Field(
        1, ge=0, le=7, title="Recipient TON", description="1: an international number."
    )
    dest_npi: int = Field(
        1, ge=0, le=18, title="Recipient NPI", description="1: an ordinary telephone number."
    )
    default_alphabet: Literal["gsm", "latin1", "ascii"] = Field(
        "gsm",
        title="Default alphabet",
        description="What the provider takes data_coding 0 for. Wrong: @ and é arrive as others.",
    )
    long_texts: Literal["udh", "sar", "payload"] = Field(
        "udh",
        title="Long texts",
        description="How parts are marked so that the phone joins them; udh is understood almost"
        " everywhere.",
    )
    id_rule: Literal["exact", "hex_to_dec", "dec_to_hex", "strip_zeros", "ignore_case"] = Field(
        "exact",
        title="Message ids in receipts",
        description="How an id in a receipt is written other than in the answer to the submit:"
        " hex_to_dec when the answer has hexadecimal and the receipt decimal.",
    )


def sandbox(gateway_id: int, given: dict[str, Any], port: int) -> Settings:
    """How our own sandbox SMSC is reached: only its password and pace are anybody's choice."""
    fast: dict[str, Any] = {"throughput_per_s": 2_000, "window": 200, "enquire_link_s": 60}
    fast["sender"] = "1234"  # a pretend short number, so that phones can answer
    there = {"host": "127.0.0.1", "port": port, "system_id": f"sandbox-{gateway_id}"}
    return Settings.model_validate(fast | given | there)


# ── What to submit ───────────────────────────────────────────────────────────


def bind(settings: Settings) -> BindTransceiver:
    return BindTransceiver(
        settings.system_id, settings.password.get_secret_value(), settings.system_type
    )


def request(
    settings: Settings,
    *,
    text: str,
    recipient: str,
    sender: str,
    not_after: datetime | None,
    reference: int,
) -> list[SubmitSm]:
    """One submit_sm a part, each asking for its own receipt (P6, R33).

    `reference` ties the parts together on the phone; any number that differs from text to text.
    """
    source = sender or settings.sender
    source_ton, source_npi = _address_kind(source)
    coding, pieces = _octets(settings, text)
    return [
        SubmitSm(
            source_addr_ton=source_ton if settings.source_ton is None else settings.source_ton,
            source_addr_npi=source_npi if settings.source_npi is None else settings.source_npi,
            source_addr=source.removeprefix("+"),
            dest_addr_ton=settings.dest_ton,
            dest_addr_npi=settings.dest_npi,
            destination_addr=recipient.removeprefix("+"),
            esm_class=parts.UDH_INDICATOR if marked else 0,
            validity_period=_validity(not_after),
            registered_delivery=1,
            data_coding=coding,
            short_message=octets,
            tlvs=extra,
        )
        for octets, marked, extra in _marked(settings.long_texts, pieces, reference)
    ]


def _address_kind(sender: str) -> tuple[int, int]:
    """TON and NPI (§5.2.5): letters, an international number, or a short code of one network."""
    if not sender.removeprefix("+").isdecimal():
        return 5, 0
    return (1, 1) if len(sender.removeprefix("+")) > SHORT_CODE_DIGITS_MAX else (3, 0)


SHORT_CODE_DIGITS_MAX: Final = 6
CODECS: Final = {"latin1": "latin-1", "ascii": "ascii"}
UCS2_UNITS: Final = (70, 67)


def _octets(settings: Settings, text: str) -> tuple[int, list[bytes]]:
    """data_coding and the text's octets part by part."""
    if texts.measure(text).encoding == "UCS-2":
        return 8, [part.encode("utf-16-be", "surrogatepass") for part in texts.split(text)]
    if settings.default_alphabet == "gsm":
        return 0, [texts.encode_gsm(part) for part in texts.split(text)]
    try:
        codec = CODECS[settings.default_alphabet]
        return 0, [part.encode(codec) for part in texts.split(text)]
    except UnicodeEncodeError:
        # € or Δ is GSM-7 on the air, yet this SMSC's alphabet cannot say it: better dear than
        # wrong. No letter of GSM-7 needs a surrogate pair, so any cut is a clean one.
        single, part = UCS2_UNITS
        size = single if len(text) <= single else part
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        return 8, [piece.encode("utf-16-be") for piece in pieces]


def _marked(way: str, pieces: list[bytes], reference: int) -> list[tuple[bytes, bool, Tlvs]]:
    """Each part's octets, whether a header begins them, and what goes beside them."""
    total = len(pieces)
    if total == 1:
        return [(pieces[0], False, ())]
    if way == "payload":
        return [(b"", False, (tlvs.make("message_payload", b"".join(pieces)),))]
    marked: list[tuple[bytes, bool, Tlvs]] = []
    for number, octets in enumerate(pieces, 1):
        part = parts.Part(reference, total, number)
        if way == "sar":
            marked.append((octets, False, _sar(part)))
        else:
            marked.append((parts.header(part) + octets, True, ()))
    return marked


def _sar(part: parts.Part) -> Tlvs:
    return (
        tlvs.make("sar_msg_ref_num", part.reference & 0xFFFF),
        tlvs.make("sar_total_segments", part.total),
        tlvs.make("sar_segment_seqnum", part.number),
    )


def _validity(not_after: datetime | None) -> str:
    """Absolute, in UTC (§7.1.1): an offer that ended must not arrive late (R18)."""
    return not_after.astimezone(UTC).strftime("%y%m%d%H%M%S") + "000+" if not_after else ""


# ── What the answer means ────────────────────────────────────────────────────

Again: TypeAlias = Literal["permanent", "later", "throttled"]


@dataclass(frozen=True, slots=True)
class Sent:
    provider_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    reason: str
    again: Again


Outcome: TypeAlias = Sent | Refused

THROTTLED: Final = frozenset({0x14, 0x58})
PERMANENT: Final = frozenset(
    {0x01, 0x06, 0x07, 0x0A, 0x0B, 0x15, 0x33, 0x34, 0x40, 0x42, 0x43, 0x48, 0x49, 0x50, 0x51}
    | {0x54, 0x55, 0x61, 0x62, 0x63, 0x65, 0x66, 0xC0, 0xC1, 0xC2, 0xC3, 0xC4}
)
"""The rest is "later", operators' own numbers too: a refusal is no delivery, so that asking again
cannot double a text, and attempts are bounded; taking a passing trouble for final loses one."""


def outcome(settings: Settings, status: int, message_id: str) -> Outcome:
    if status == 0:
        return Sent(sent_id(settings, message_id))
    reason = statuses.name(status)
    if status in THROTTLED:
        return Refused(reason, "throttled")
    return Refused(reason, "permanent" if status in PERMANENT else "later")


BIND_HOPELESS: Final = frozenset({0x0D, 0x0E, 0x0F, 0x53})
"""Refused binds that a person must look at: asked again slowly, so as not to be locked out."""


def sent_id(settings: Settings, message_id: str) -> str:
    """The id of a response in the form that the receipt's will have after `receipt_id`."""
    match settings.id_rule:
        case "hex_to_dec":
            return _decimal(message_id, 16)
        case "dec_to_hex":
            return _decimal(message_id, 10)
        case _:
            return _same(settings, message_id)


def receipt_id(settings: Settings, provider_id: str) -> str:
    match settings.id_rule:
        case "hex_to_dec":
            return _decimal(provider_id, 10)
        case "dec_to_hex":
            return _decimal(provider_id, 16)
        case _:
            return _same(settings, provider_id)


def _same(settings: Settings, number: str) -> str:
    if settings.id_rule == "strip_zeros":
        return number.lstrip("0") or number
    return number.lower() if settings.id_rule == "ignore_case" else number


def _decimal(number: str, base: int) -> str:
    try:
        return str(int(number, base))
    except ValueError:
        return number  # not a number after all: then only the same can match


# ── What comes in by itself ──────────────────────────────────────────────────


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


def read(settings: Settings, body: SubmitSm | DataSm) -> ReceiptRead | TextRead | None:
    """None: a receipt that does not say whose; nothing can be done with it."""
    if receipts.is_receipt(body):
        receipt = receipts.read(body)
        if receipt is None:
            return None
        error = receipt.error or ("" if receipt.state == "delivered" else receipt.word)
        return ReceiptRead(receipt_id(settings, receipt.provider_id), receipt.state, error)
    part, octets = parts.unpack(body)
    sender = _address(body.source_addr, body.source_addr_ton)
    recipient = _address(body.destination_addr, body.dest_addr_ton)
    return TextRead(sender, recipient, body.data_coding, octets, part)


def _address(address: str, ton: int) -> str:
    """International numbers with their +; TON 0 ("unknown") is mostly one as well."""
    digits = address.removeprefix("+")
    international = ton == 1 or (ton == 0 and len(digits) > SHORT_CODE_DIGITS_MAX)
    return f"+{digits}" if digits.isdecimal() and international else address


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


def decode(settings: Settings, coding: int, octets: bytes) -> str:
    """The words of a text. Never fails: a letter that cannot be read becomes U+FFFD."""
    name = ALPHABETS.get(coding) or _group_alphabet(settings, coding)
    if name == "gsm":
        return texts.decode_gsm(octets)
    # NUL cannot be stored in PostgreSQL and says nothing.
    return octets.decode(name, "replace").replace("\0", "")


def _group_alphabet(settings: Settings, coding: int) -> str:
    """GSM 03.38 §4: general group 00xx, message class 1111, message waiting 1100-1110."""
    if coding & 0xF0 == 0xF0:
        return "latin-1" if coding & 0x04 else "gsm"
    if coding & 0xF0 == 0xE0 or (coding & 0xC0 == 0 and coding & 0x0C == 0x08):
        return "utf-16-be"
    if coding == 0:
        return CODECS.get(settings.default_alphabet, "gsm")
    return "latin-1" if coding & 0x04 else "gsm"
