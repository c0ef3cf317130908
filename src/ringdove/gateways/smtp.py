"""E-mail over SMTP: the letter to hand over, and what the server's answer means (R55, R99).

    outcome of one letter
    ├── Sent(provider_id)            the server took it; the id is our Message-ID
    └── Refused(reason, again)
        ├── "later"                  4xx: try again
        └── "permanent"              5xx: this address or letter will not be taken

A connection that breaks after the letter's last octet and before the answer has an unknown outcome.
Pure: no socket, no clock. workers/send.py drives it.
"""

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

TITLE: Final = "E-mail (SMTP)"
HELP: Final = (
    "The first notice of an order goes by e-mail. Any mailbox that lets programs send will do:"
    " its provider's help names the server, the port and whether a password for apps is needed."
)
CHANNEL: Final = "email"
TIMEOUT_S: Final = 30.0


class Settings(BaseModel):
    """What a merchant fills in; forms are drawn from these lines."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    host: str = Field(
        min_length=1,
        max_length=253,
        title="Server",
        description="Name of the outgoing mail server.",
    )
    port: int = Field(
        587, ge=1, le=65535, title="Port", description="587 with STARTTLS, 465 with TLS."
    )
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        title="Encryption",
        description="None only for a server on this machine or in your own network.",
    )
    username: str = Field("", max_length=200, title="User name", description="Empty: no sign-in.")
    password: SecretStr = Field(
        SecretStr(""), max_length=200, title="Password", description="Kept sealed, never shown."
    )
    sender: str = Field(
        min_length=3,
        max_length=200,
        title="Sender",
        description="Address that customers see, such as Shop <orders@shop.example>.",
    )

    @field_validator("sender")
    @classmethod
    def _has_an_address(cls, value: str) -> str:
        if "@" not in parseaddr(value)[1]:
            raise ValueError("write an address such as Shop <orders@shop.example>")
        return value


@dataclass(frozen=True, slots=True)
class Sent:
    """The server took the letter."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The server did not take the letter."""

    reason: str
    again: Literal["later", "permanent"]


def request(
    settings: Settings, *, recipient: str, subject: str, body: str, token: str, now: datetime
) -> EmailMessage:
    """A plain-text letter. `token` makes the Message-ID, the same at every attempt, so that a
    receiver can tell a repetition. Raises ValueError for an address that no letter can name."""
    name, address = parseaddr(settings.sender)
    letter = EmailMessage(policy=SMTP)
    letter["From"] = _address(address, name)
    letter["To"] = _address(recipient)
    letter["Subject"] = " ".join(subject.split())
    letter["Date"] = format_datetime(now)
    letter["Message-ID"] = message_id(settings, token)
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notices in return
    letter.set_content(body)
    return letter


def _address(address: str, name: str = "") -> Address:
    user, at, domain = address.rpartition("@")
    if not (user and at and domain):
        raise ValueError(f"{address!r} is not an e-mail address")
    return Address(display_name=name, username=user, domain=domain)


def message_id(settings: Settings, token: str) -> str:
    """The letter's own id (RFC 5322 §3.6.4)."""
    domain = parseaddr(settings.sender)[1].rpartition("@")[2]
    return f"<{token}@{domain}>"


def outcome(code: int, answer: str, provider_id: str) -> Sent | Refused:
    """What the server's reply code means (RFC 5321 §4.2.1)."""
    if 200 <= code < 300:
        return Sent(provider_id)
    words = f"{code} {' '.join(answer.split())}"[:300]
    return Refused(words, "later" if 400 <= code < 500 else "permanent")
