"""Delivery receipts: what became of a part, in a closed list of words.

SMPP 3.4 leaves the text of a receipt to the vendor (Appendix B), and vendors differ in order,
dates, error codes, capitals and state words. So only what is needed is looked for: the id, the
state, the error, the dates. TLVs win over the text. A word nobody knows is `unknown`, kept beside
it, and never an error: a receipt that cannot be read must not stop the ones behind it.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

from ringdove.smpp import parts, tlvs
from ringdove.smpp.pdu import DataSm, SubmitSm, Tlvs

State: TypeAlias = Literal[
    "delivered", "failed", "expired", "rejected", "undeliverable",
    "accepted", "enroute", "unknown", "deleted",
]  # fmt: skip

FINAL: Final[frozenset[State]] = frozenset(
    {"delivered", "failed", "expired", "rejected", "undeliverable", "deleted"}
)

NUMBERS: Final[dict[int, State]] = {
    0: "enroute",  # "scheduled" of SMPP 5.0
    1: "enroute",
    2: "delivered",
    3: "expired",
    4: "deleted",
    5: "undeliverable",
    6: "accepted",
    7: "unknown",
    8: "rejected",
    9: "undeliverable",  # "skipped" of SMPP 5.0
}
"""message_state (§5.2.28)."""

WORDS: Final[tuple[tuple[str, State], ...]] = (
    ("undel", "undeliverable"),  # before "deliv": UNDELIV, UNDELIVERED, UNDELIVERABLE
    ("notdel", "undeliverable"),
    ("rej", "rejected"),  # REJECTD, REJECTED, DND_REJECTED
    ("block", "rejected"),
    ("deliv", "delivered"),  # DELIVRD, DELIVERED
    ("exp", "expired"),
    ("delet", "deleted"),
    ("cancel", "deleted"),
    ("acc", "accepted"),  # ACCEPTD, ACCEPTED
    ("fail", "failed"),
    ("enroute", "enroute"),
    ("buff", "enroute"),
    ("sched", "enroute"),
    ("sent", "enroute"),
    ("submit", "enroute"),
)
"""The first of these that is in the word (Appendix B, and what has been seen)."""

SMSC_RECEIPT: Final = 0x04
INTERMEDIATE: Final = 0x20
_TYPE_BITS: Final = 0x3C

# `text:` ends it: what follows is a person's words, which may look like anything.
_TEXT = re.compile(r"\btext\s*:", re.IGNORECASE)
# An empty value must not swallow the next field: `stat: err:000`.
_FIELD = re.compile(r"\b(id|stat|err)\s*:\s*(?!\w+:)([^\s;,]*)", re.IGNORECASE)
_DATE = re.compile(r"\b(submit|done)[ _]?date\s*:\s*(\d[\d/:T. -]*)", re.IGNORECASE | re.ASCII)
_DIGITS = re.compile("[0-9]+")
_STAT_LAST = re.compile(r"\bstat\s*:\s*(\S+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Receipt:
    provider_id: str
    """As the SMSC wrote it; a gateway's rule makes it comparable to the one of the response."""
    state: State
    word: str = ""
    """The state in the SMSC's own word."""
    error: str = ""

    @property
    def complaint(self) -> str:
        """The error, or without one the word of what is no delivery."""
        return self.error or ("" if self.state == "delivered" else self.word)


def is_receipt(body: SubmitSm | DataSm) -> bool:
    """By what the SMSC marks, never by the text: a person could write one to fake a delivery."""
    marked = body.esm_class & _TYPE_BITS in (SMSC_RECEIPT, INTERMEDIATE)
    return marked or tlvs.find(body.tlvs, "receipted_message_id") is not None


def read(body: SubmitSm | DataSm) -> Receipt | None:
    """None: no receipt, or one that does not say whose."""
    if not is_receipt(body):
        return None
    receipt = understand(parts.unpack(body)[1], body.tlvs)
    return receipt if receipt.provider_id else None


def understand(octets: bytes, extra: Tlvs) -> Receipt:
    """What a receipt says in its text and its parameters; an empty id: it does not say whose."""
    said = _said(octets)
    number = tlvs.find_int(extra, "message_state")
    word = said.get("stat", "")
    state = state_of_word(word) if number is None else NUMBERS.get(number, "unknown")
    network = tlvs.find(extra, "network_error_code")
    error = _network_error(network) if network else said.get("err", "")
    if not error.strip("0"):
        error = ""  # "000" is how many say that there was none
    return Receipt(
        tlvs.find_text(extra, "receipted_message_id") or said.get("id", ""),
        state,
        word or ("" if number is None else str(number)),
        error,
    )


def state_of_word(word: str) -> State:
    if word.isdecimal():
        return NUMBERS.get(int(word[:4]), "unknown")
    lower = word.lower()
    return next((state for piece, state in WORDS if piece in lower), "unknown")


def _said(octets: bytes) -> dict[str, str]:
    text = octets.decode("latin-1").replace("\0", "")  # UCS-2 receipts are ASCII with gaps
    head = _TEXT.split(text, maxsplit=1)[0]
    found: dict[str, str] = {}
    for name, value in _FIELD.findall(head):
        found.setdefault(name.lower(), value)
    if "stat" not in found and (late := _STAT_LAST.search(text)):
        found["stat"] = late[1]  # `text:` came first, or in the middle
    return found


def dates(octets: bytes) -> tuple[datetime | None, datetime | None]:
    """When it was submitted and done, by the SMSC's clock, which does not say its zone."""
    head = _TEXT.split(octets.decode("latin-1").replace("\0", ""), maxsplit=1)[0]
    found = {name.lower(): value for name, value in reversed(_DATE.findall(head))}
    return _moment(found.get("submit", "")), _moment(found.get("done", ""))


def _moment(told: str) -> datetime | None:
    """YYMMDDhhmm, with seconds, with a four-digit year, with signs between; None: no such time."""
    digits = "".join(_DIGITS.findall(told))
    for form in DATE_FORMS.get(len(digits), ()):
        try:
            return datetime.strptime(digits, form)
        except ValueError:
            continue
    return None


DATE_FORMS: Final = {
    10: ("%y%m%d%H%M",),
    12: ("%y%m%d%H%M%S", "%Y%m%d%H%M"),  # a year 20xx cannot be read as a month after 2012
    14: ("%Y%m%d%H%M%S",),
}


def _network_error(octets: bytes) -> str:
    """Network type and code (§5.3.2.31)."""
    return str(int.from_bytes(octets[1:] if len(octets) == 3 else octets, "big"))
