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

Pure: no socket, no clock. workers/speak.py sends what is made here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Again: TypeAlias = Literal["permanent", "later", "throttled"]
"""permanent: this text to this number will never go. later: their trouble, not the text's.
throttled: slow down, then the same again."""


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
    """What is to be sent to the operator. `secrets`: what must not be shown in a log or a page."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = b""


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
    """The operator surely did not take it. `opted_out`: since the recipient stopped us there."""

    reason: str
    again: Again
    opted_out: bool = False
    retry_after_s: float = 0.0


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
