"""What is submitted: one submit_sm a part, in the gateway's alphabet and way of marking parts.

`request` says it in packets, for every text there is. `Submitter` says it in octets at once for
what nearly all texts are, one part without parameters, and leaves the rest to `request`; both give
the same octets, and a test holds them to it. Nothing here truncates: what does not fit is refused.
"""

from codecs import charmap_build, charmap_encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ringdove.gateways.smpp.settings import Settings
from ringdove.rules import gsm, texts
from ringdove.rules.texts.sizes import alphabets
from ringdove.smpp import parts, tlvs
from ringdove.smpp.codec import HEADER, encode
from ringdove.smpp.fields import write_tlvs
from ringdove.smpp.pdu import (
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    Pdu,
    QuerySm,
    SubmitSm,
    Tlvs,
)
from ringdove.smpp.quick import SUBMIT_SM


def binds(settings: Settings) -> list[BindReceiver]:
    """The binds of one connection: a transceiver, or a transmitter and a receiver."""
    who = settings.system_id, settings.password.get_secret_value(), settings.system_type
    if settings.bind_as == "pair":
        return [BindTransmitter(*who), BindReceiver(*who)]
    return [BindTransceiver(*who)]


def request(
    settings: Settings,
    *,
    text: str,
    recipient: str,
    sender: str,
    not_after: datetime | None,
    reference: int,
    now: datetime | None = None,
    deliver_at: datetime | None = None,
) -> list[SubmitSm]:
    """One submit_sm a part, each asking for its own receipt (P6, R33).

    `reference` ties the parts together on the phone; any number that differs from text to text.
    `now`: needed where validity is told in relative time. `deliver_at`: the SMSC keeps it until
    then; what is to be decided again before it leaves must wait with us instead.
    """
    coding, pieces, elements = _octets(settings, text)
    source = _source(settings, sender)
    return [
        SubmitSm(
            service_type=settings.service_type,
            source_addr_ton=source[0],
            source_addr_npi=source[1],
            source_addr=source[2],
            dest_addr_ton=settings.dest_ton,
            dest_addr_npi=settings.dest_npi,
            destination_addr=recipient.removeprefix("+"),
            esm_class=parts.UDH_INDICATOR if marked else 0,
            protocol_id=settings.protocol_id,
            priority_flag=settings.priority_flag,
            schedule_delivery_time=_absolute(deliver_at) if deliver_at else "",
            validity_period=_validity(settings, not_after, now),
            registered_delivery=REGISTERED[settings.registered_delivery],
            data_coding=coding,
            short_message=octets,
            tlvs=extra,
        )
        for octets, marked, extra in _marked(settings.long_texts, pieces, elements, reference)
    ]


def query(settings: Settings, provider_id: str, sender: str) -> QuerySm:
    """Asks what became of a message, by its id as the response gave it (§4.8.1)."""
    return QuerySm(provider_id, *_source(settings, sender))


REGISTERED: Final = {"none": 0, "all": 1, "failures": 2}
"""registered_delivery (§5.2.17)."""


def _source(settings: Settings, sender: str) -> tuple[int, int, str]:
    """TON, NPI and the address: the same in a submit and in a question about it."""
    source = sender or settings.sender
    ton, npi = _address_kind(source)
    return (
        ton if settings.source_ton is None else settings.source_ton,
        npi if settings.source_npi is None else settings.source_npi,
        source.removeprefix("+"),
    )


def _address_kind(sender: str) -> tuple[int, int]:
    """TON and NPI (§5.2.5): letters, an international number, or a short code of one network.
    Without a sender both are unknown (§4.4.1): letters that are none are refused by some."""
    if not sender:
        return 0, 0
    if not sender.removeprefix("+").isdecimal():
        return 5, 0
    return (1, 1) if len(sender.removeprefix("+")) > SHORT_CODE_DIGITS_MAX else (3, 0)


SHORT_CODE_DIGITS_MAX: Final = 6
CODECS: Final = {"latin1": (0, "latin-1"), "ascii": (0, "ascii"), "latin1_coding3": (3, "latin-1")}
"""data_coding and codec of each default alphabet but GSM's own."""
UCS2: Final = 8
"""data_coding of UCS-2 (§5.2.19)."""
UCS2_UNITS: Final = (70, 67)
SEPTETS: Final = (160, 153)
"""How much of a text goes alone, and in each part behind an 8-bit header (3GPP TS 23.040)."""


def _octets(settings: Settings, text: str) -> tuple[int, list[bytes], bytes]:
    """data_coding, the text's octets part by part, and what their headers must say of letters."""
    encoding, pieces = texts.pieces(text, settings.shift)
    elements = pieces[0].elements
    coding, encode = _writing(settings, text, encoding, elements)
    is_counted_otherwise = coding == UCS2 and encoding != "UCS-2"
    if not is_counted_otherwise and (len(pieces) == 1 or settings.long_texts != "udh16"):
        return coding, [encode(piece.text) for piece in pieces], elements
    found = _cut(settings, text, coding == UCS2, elements)
    return coding, [encode(piece) for piece in found], elements


def _writing(
    settings: Settings, text: str, encoding: str, elements: bytes
) -> tuple[int, Callable[[str], bytes]]:
    if encoding == "UCS-2":
        return UCS2, _ucs2
    if elements or settings.default_alphabet == "gsm":
        return 0, _alphabet(settings, elements).encode
    coding, codec = CODECS[settings.default_alphabet]
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        # € or Δ is GSM-7 on the air, yet this SMSC's alphabet cannot say it: better dear than
        # wrong.
        return UCS2, _ucs2
    return coding, lambda piece: piece.encode(codec)


def _ucs2(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def _alphabet(settings: Settings, elements: bytes) -> gsm.Alphabet:
    return next(one for one in alphabets(settings.shift) if one.elements == elements)


def _cut(settings: Settings, text: str, is_ucs2: bool, elements: bytes) -> list[str]:
    """Where a part holds less than `rules/texts` counts on: behind the 16-bit header, or because
    the provider's alphabet lacks a letter. No pair is split, as whole letters are taken."""
    beside = parts.header_octets(elements, wide=settings.long_texts == "udh16")
    if is_ucs2:
        single, room = UCS2_UNITS[0], (2 * UCS2_UNITS[0] - 1 - beside) // 2
        widths = [1 + (letter > "\uffff") for letter in text]
    else:
        single, room = gsm.septets_beside(len(elements)), gsm.septets_beside(beside)
        widths = [len(_alphabet(settings, elements).encode(letter)) for letter in text]
    if sum(widths) <= single:
        return [text]
    cuts, taken = [0], 0
    for at, width in enumerate(widths):
        if taken + width > room:
            cuts.append(at)
            taken = 0
        taken += width
    if len(cuts) > texts.PARTS_MAX:
        raise texts.TextTooLong(f"{len(cuts)} parts, and at most {texts.PARTS_MAX} can be joined")
    return [text[start:end] for start, end in zip(cuts, [*cuts[1:], len(text)], strict=True)]


def _marked(
    way: str, pieces: list[bytes], elements: bytes, reference: int
) -> list[tuple[bytes, bool, Tlvs]]:
    """Each part's octets, whether a header begins them, and what goes beside them."""
    total = len(pieces)
    if total == 1:
        head = parts.header(None, elements) if elements else b""
        return [(head + pieces[0], bool(head), ())]
    if way == "payload":
        return [(b"", False, (tlvs.make("message_payload", b"".join(pieces)),))]
    marked: list[tuple[bytes, bool, Tlvs]] = []
    for number, octets in enumerate(pieces, 1):
        part = parts.Part(reference, total, number)
        if way == "sar":
            marked.append((octets, False, _sar(part)))
        else:
            head = parts.header(part, elements, wide=way == "udh16")
            marked.append((head + octets, True, ()))
    return marked


def _sar(part: parts.Part) -> Tlvs:
    return (
        tlvs.make("sar_msg_ref_num", part.reference & 0xFFFF),
        tlvs.make("sar_total_segments", part.total),
        tlvs.make("sar_segment_seqnum", part.number),
    )


def _validity(settings: Settings, not_after: datetime | None, now: datetime | None) -> str:
    """An offer that ended must not arrive late (R18)."""
    if not_after is None or settings.validity == "none":
        return ""
    if settings.validity == "absolute":
        return _absolute(not_after)
    if now is None:
        raise ValueError("a relative validity_period needs to know the time")
    return _relative(not_after - now)


def _absolute(moment: datetime) -> str:
    """In UTC (§7.1.1.1)."""
    at = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    # strftime takes three times as long.
    return f"{at.year % 100:02}{at.month:02}{at.day:02}{at.hour:02}{at.minute:02}{at.second:02}000+"


def _relative(span: timedelta) -> str:
    """From the SMSC's now on (§7.1.1.2). Months count 31 days and years twelve of them, so that
    rounding makes it earlier, never later; at least a second, as nothing means the default."""
    days, seconds = max((span.days, span.seconds), (0, 1))
    months, days = divmod(days, 31)
    years, months = divmod(months, 12)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    return f"{min(years, 99):02}{months:02}{days:02}{hours:02}{minutes:02}{seconds:02}000R"


# ── The same in octets, for what goes by the million ─────────────────────────

SENDERS_KEPT_MAX: Final = 1_000
TOO_LONG: Final = b" " * (SEPTETS[0] + 1)
_ESCAPED_BIT: Final = 0x80
_OCTET: Final = tuple(bytes((number,)) for number in range(256))


def _gsm_map() -> Any:
    """The alphabet for codecs.charmap_encode, which runs in C as long as code 0 is letter 0. So @
    (septet 0) and the letters behind an escape go by codes above 127, which `_SPELLED` spells."""
    letters = ["\0"] + ["\ufffe"] * 255
    for letter in gsm.LETTERS:
        octets = gsm.encode_gsm(letter)
        plain = len(octets) == 1 and octets[0]
        letters[octets[-1] if plain else octets[-1] | _ESCAPED_BIT] = letter
    return charmap_build("".join(letters))


_GSM: Final = _gsm_map()
_SPELLED: Final = tuple(
    (bytes((octets[-1] | _ESCAPED_BIT,)), octets)
    for letter in sorted(gsm.LETTERS)
    for octets in (gsm.encode_gsm(letter),)
    if len(octets) == 2 or not octets[0]
)


class Submitter:
    """Writes texts for one gateway; its settings are read once, and what stays the same from text
    to text is kept as octets."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._coding, self._codec = CODECS.get(settings.default_alphabet, (0, ""))
        self._may_shift = bool(settings.shift)
        self._is_simple = settings.validity != "relative"
        self._tells_validity = settings.validity == "absolute"
        marks = bytes((0, 0, settings.protocol_id, settings.priority_flag, 0))
        registered = REGISTERED[settings.registered_delivery]
        last, ucs2_last = (bytes((0, registered, 0, coding, 0)) for coding in (self._coding, UCS2))
        self._around_validity = marks, last, ucs2_last
        self._before: dict[str, bytes] = {}
        self._set_until(None)

    def octets(
        self, sequence: int, recipient: str, sender: str, text: str, not_after: datetime | None
    ) -> bytes | None:
        """The submit_sm of a text of one part; None: it is not as simple, ask `every`."""
        digits = recipient.removeprefix("+")
        if not (self._is_simple and digits.isascii() and digits.isalnum() and len(digits) < 21):
            return None
        if not_after != self._until:
            self._set_until(not_after)
        middle = self._middle
        try:
            body: bytes = charmap_encode(text, "strict", _GSM)[0]
        except UnicodeEncodeError:
            if self._may_shift:
                return None
            middle, body = self._ucs2_middle, _ucs2(text)
            if len(body) > 2 * UCS2_UNITS[0]:
                return None
        else:
            if self._codec or b"\0" in body or not body.isascii():
                body = self._spelled(text, body)
            if len(body) > SEPTETS[0]:
                return None
        before = self._before.get(sender) or self._before_of(sender)
        length = 17 + len(before) + len(digits) + len(middle) + len(body)
        head = HEADER.pack(length, SUBMIT_SM, 0, sequence)
        return b"".join((head, before, digits.encode(), middle, _OCTET[len(body)], body))

    def every(
        self,
        recipient: str,
        sender: str,
        text: str,
        not_after: datetime | None,
        reference: int,
        now: datetime,
    ) -> list[bytes]:
        """Each part's submit_sm, for any text; `quick.numbered` gives them their numbers."""
        simple = self.octets(0, recipient, sender, text, not_after)
        if simple is not None:
            return [simple]
        nobody = self.octets(0, recipient, sender, "", not_after)
        if nobody is not None:
            coding, pieces, elements = _octets(self._settings, text)
            if coding in (self._coding, UCS2):
                marked = _marked(self._settings.long_texts, pieces, elements, reference)
                return [_with_text(nobody, len(self._middle) + 1, coding, *part) for part in marked]
        packets = request(
            self._settings,
            text=text,
            recipient=recipient,
            sender=sender,
            not_after=not_after,
            reference=reference,
            now=now,
        )
        return [encode(Pdu(packet, 0)) for packet in packets]

    def _spelled(self, text: str, body: bytes) -> bytes:
        """With escapes, or in another default alphabet; `TOO_LONG` for what `request` must do."""
        if b"\0" in body:
            return TOO_LONG  # a NUL is no letter of this alphabet
        for code, octets in _SPELLED:
            body = body.replace(code, octets)
        if not self._codec or len(body) > SEPTETS[0]:
            return body
        try:
            return text.encode(self._codec)
        except UnicodeEncodeError:
            return TOO_LONG

    def _before_of(self, sender: str) -> bytes:
        """What stands between the header and the recipient."""
        if len(self._before) >= SENDERS_KEPT_MAX:
            self._before.clear()
        settings = self._settings
        to = (settings.dest_ton, settings.dest_npi)
        packet = SubmitSm(settings.service_type, *_source(settings, sender), *to)
        self._before[sender] = encode(Pdu(packet, 0))[16:-AFTER_RECIPIENT]
        return self._before[sender]

    def _set_until(self, not_after: datetime | None) -> None:
        """What stands between the recipient and the text, for the default alphabet and UCS-2."""
        self._until = not_after
        before, last, ucs2_last = self._around_validity
        if not_after is not None and self._tells_validity:
            before += _absolute(not_after).encode()
        self._middle, self._ucs2_middle = before + last, before + ucs2_last


def _with_text(
    nobody: bytes, after: int, coding: int, octets: bytes, is_headed: bool, extra: Tlvs
) -> bytes:
    """A submit_sm without a text, of which `after` octets stand behind the recipient, with one."""
    parameters = write_tlvs(extra)
    length = len(nobody) + len(octets) + len(parameters)
    esm_class = _OCTET[parts.UDH_INDICATOR if is_headed else 0]
    return b"".join(
        (
            length.to_bytes(4, "big"),
            nobody[4 : 1 - after],
            esm_class,
            nobody[2 - after : -3],
            _OCTET[coding],
            b"\0",
            _OCTET[len(octets)],
            octets,
            parameters,
        )
    )


AFTER_RECIPIENT: Final = 11
"""So many octets a submit_sm has behind the recipient's digits while all is empty."""
