"""What every operator's file over HTTP speaks with: requests, replies, outcomes, callbacks.

An operator's file has these names, and nothing else is asked of it:

    TITLE, HELP, CHANNEL = "sms", TRANSPORT = "http"
    CALLBACKS        what the merchant enters at the operator so that receipts and texts come back
    GUARDS_DOUBLES   True: the same reference again is not sent again (the operator sees to it)
    Settings         what a merchant fills in; a subclass of edge.Settings
    request(settings, outgoing) -> Request
    outcome(settings, outgoing, reply) -> Sent | Refused | Unclear
    hear(settings, call) -> Heard          raises CallWrong: fails closed (P8)
    ask(settings, provider_id) -> Request and told(settings, reply) -> ReceiptHeard | None
                     only where the operator can be asked what became of a text

Pure: no socket, no clock. workers/sending/speak.py sends what is made here.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

Again: TypeAlias = Literal["permanent", "later", "throttled"]
"""permanent: this text to this number will never go. later: their trouble, not the text's.
throttled: slow down, then the same again."""


SENDER_LETTERS_MAX: Final = 11  # 3GPP TS 23.040 §9.1.2.5
NUMBER_DIGITS_MAX: Final = 15  # E.164
SENDER_WRONG: Final = (
    "write at most 11 Latin letters, digits and spaces, or a number without spaces"
)


def written_sender(sender: str, digits_max: int = NUMBER_DIGITS_MAX) -> str:
    """As it was written: a number, a short code, a name with at least one letter, or nothing."""
    digits = sender.removeprefix("+")
    if not sender or (digits.isascii() and digits.isdecimal() and len(digits) <= digits_max):
        return sender
    is_shown = sender.isascii() and sender.isprintable() and any(map(str.isalpha, sender))
    if len(sender) > SENDER_LETTERS_MAX or not is_shown:
        raise ValueError(SENDER_WRONG)
    return sender


class Settings(BaseModel):
    """What a merchant fills in at any operator over HTTP."""

    model_config = ConfigDict(extra="ignore", frozen=True)

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
        description="What the operator allows.",
    )
    connections: int = Field(
        8,
        ge=1,
        le=200,
        title="Requests at once",
        description="How many requests may wait for their answer at the same time.",
    )
    response_timeout_s: float = Field(
        30,
        ge=1,
        le=600,
        title="Answer time-out, seconds",
        description="Without an answer by then the outcome of a message is unknown.",
    )
    repeat_unknown: bool = Field(
        False,
        title="Repeat when in doubt",
        description="Service texts whose answer was lost are sent again: they may arrive twice,"
        " unless the operator guards against doubles. Marketing is never repeated.",
    )
    keep_packets: bool = Field(
        True,
        title="Keep packets",
        description="Shows on a message's page what was asked and answered, without keys. Not"
        " kept above 200 messages per second.",
    )

    @field_validator("sender")
    @classmethod
    def _is_a_sender(cls, value: str) -> str:
        return written_sender(value)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One text to one person."""

    reference: str  # 13 signs a-z0-9, the same at every attempt, different for each message
    recipient: str  # E.164 with its +
    sender: str  # of the message, else the settings' own; may be empty
    text: str
    encoding: str  # GSM-7 or UCS-2
    parts: int
    klass: str  # service, marketing
    not_after: datetime  # UTC; the operator must not deliver later
    now: datetime  # UTC
    callback_url: str  # where the operator shall tell receipts and texts; "": we have no address


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be sent to the operator. Keys stand in headers or body, at some operators in the
    address: none of them is shown."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the operator said. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """The operator took it: its ids, one for all parts or one for each."""

    provider_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The operator surely did not take it. `opted_out`: since the recipient stopped us there.
    `account`: it is not about this text; nothing goes until somebody puts the account right (a
    wrong key, no money). The text waits then, however often it was refused. 401 is taken so too."""

    reason: str
    again: Again
    opted_out: bool = False
    retry_after_s: float = 0.0
    account: bool = False


@dataclass(frozen=True, slots=True)
class Unclear:
    """It may have been sent: an answer that nobody can read, a server that broke."""

    reason: str


Outcome: TypeAlias = Sent | Refused | Unclear


@dataclass(frozen=True, slots=True)
class Call:
    """What came to our door. `url` is the public address as the operator called it, with its
    query; header names are in lower case; `body` is as it came."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    now: datetime | None = None  # where a signature's age is checked; None: it is not


State: TypeAlias = Literal[
    "accepted", "enroute", "delivered", "failed", "expired", "rejected", "undeliverable",
    "deleted", "unknown",
]  # fmt: skip
"""The states of smpp/receipts.py. An unknown word is "unknown", with the word as its error."""


@dataclass(frozen=True, slots=True)
class ReceiptHeard:
    """What became of a text. `opted_out`: the operator says the recipient stopped there."""

    provider_id: str
    state: State
    error: str = ""
    at: datetime | None = None
    opted_out: bool = False
    price: str = ""  # as the operator bills it, "0.0075 USD"; "": it does not say


@dataclass(frozen=True, slots=True)
class TextHeard:
    """A person's text. `id`: the operator's own, so that twice is once; "": it has none."""

    id: str
    sender: str
    recipient: str
    body: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """All that a call told, and what the operator wants to read as our answer."""

    receipts: tuple[ReceiptHeard, ...] = ()
    texts: tuple[TextHeard, ...] = ()
    status: int = 200
    answer: bytes = b""
    content_type: str = "text/plain"


class CallWrong(ValueError):
    """A call that is not taken; the text says why. `status`: 401 not authentic, 400 unreadable."""

    def __init__(self, detail: str, status: int = 401) -> None:
        super().__init__(detail)
        self.status = status


# ── Reading what an operator says: each takes anything at all; none raises but CallWrong ─────

FIELDS_MAX: Final = 1_000
WORD_LETTERS_MAX: Final = 300
TEXT_LETTERS_MAX: Final = 20_000  # 255 parts and some more
RETRY_AFTER_S_MAX: Final = 3_600.0
SHORT_CODE_DIGITS_MAX: Final = 6
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # PostgreSQL keeps neither
_NUMBER_INSIDE = re.compile(r"\d{5,}(?=\d\d)")


def tree(body: bytes) -> Any:
    """The JSON of a body; None: it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def at(branch: Any, *path: str | int) -> Any:
    """What stands in JSON under these names and places; None: nothing does."""
    for step in path:
        if isinstance(step, str) and isinstance(branch, Mapping):
            branch = branch.get(step)
        elif isinstance(step, int) and isinstance(branch, list) and step < len(branch):
            branch = branch[step]
        else:
            return None
    return branch


def word(value: Any, letters_max: int = WORD_LETTERS_MAX) -> str:
    """A text or a number as a text that can be stored; all else is empty."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    try:
        # JSON may write one letter as two halves, and half a letter alone.
        whole = str(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    except ValueError:  # a number of more than 4,300 digits
        return ""
    return _UNSTORABLE.sub("", whole)[:letters_max]


def reason(*words: Any) -> str:
    """Why, in one line for a page or a log; long numbers in it keep their last two digits."""
    said = " ".join(" ".join(word(one) for one in words).split())
    return _NUMBER_INSIDE.sub("•••", said)[:WORD_LETTERS_MAX]


def international(number: Any) -> str:
    """E.164 with its +, which many operators leave out; short codes and names as they are."""
    there = word(number, 40).strip()
    digits = there.removeprefix("+")
    is_long = len(digits) > SHORT_CODE_DIGITS_MAX and digits.isascii() and digits.isdecimal()
    return f"+{digits}" if is_long else there


def moment(value: Any) -> datetime | None:
    """A time as seconds since 1970 or in ISO 8601; without a zone it is UTC."""
    there = word(value, 40).strip()
    try:
        if there.replace(".", "", 1).isdecimal():
            return datetime.fromtimestamp(float(there), UTC)
        told = datetime.fromisoformat(there)
        return told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def digest(*words: str) -> str:
    """An id for a text of an operator that gives none: the same call again has the same."""
    return hashlib.sha256("\0".join(words).encode("utf-8", "replace")).hexdigest()[:32]


def query(call: Call) -> dict[str, str]:
    """The fields of the address; the first of a name counts."""
    try:
        return _fields(urlsplit(call.url).query)
    except ValueError:
        raise CallWrong("The address of the call cannot be read.", 400) from None


def form(call: Call) -> dict[str, str]:
    """The fields of an urlencoded body; the first of a name counts."""
    try:
        return _fields(call.body.decode("utf-8", "replace"))
    except ValueError:
        raise CallWrong("The call has too many fields.", 400) from None


def _fields(encoded: str) -> dict[str, str]:
    pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=FIELDS_MAX)
    return {name: word(value, TEXT_LETTERS_MAX) for name, value in reversed(pairs)}


def demand_secret(secret: SecretStr, call: Call) -> None:
    """For an operator that signs nothing: a secret in the address that we gave it (…?secret=…).
    Without one in the settings nothing is taken."""
    wanted, given = secret.get_secret_value(), query(call).get("secret", "")
    if not wanted:
        raise CallWrong("This gateway has no callback secret: enter one, then tell the operator.")
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        raise CallWrong("The secret in the address does not fit: copy the address again.")


def by_status(reply: Reply, now: datetime, said: str = "") -> Refused | Unclear | None:
    """What every operator's HTTP status means where its own words say nothing better."""
    why = reason(f"HTTP {reply.status}", said)
    if reply.status == 429:
        return Refused(why, "throttled", retry_after_s=retry_after_s(reply, now))
    if reply.status == 401:
        return Refused(why, "later", account=True)
    if reply.status >= 500 or reply.status == 408:
        return Unclear(why)  # it may have broken after it had sent
    return None if reply.status < 300 else Refused(why, "later")


def retry_after_s(reply: Reply, now: datetime) -> float:
    """Retry-After (RFC 9110 §10.2.3): seconds, or a date. 0: it does not say."""
    there = reply.headers.get("retry-after", "").strip()
    try:
        if there.replace(".", "", 1).isdecimal():
            seconds = float(there)
        else:
            told = parsedate_to_datetime(there)
            aware = told if told.tzinfo else told.replace(tzinfo=UTC)
            seconds = (aware - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), RETRY_AFTER_S_MAX)
