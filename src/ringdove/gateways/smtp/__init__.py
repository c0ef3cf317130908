"""E-mail over SMTP: what is handed over, and what the server and later bounces mean (R55, R99).

    outcome of one letter
    ├── Sent(provider_id)            the server took it; the id is the letter's own token
    └── Refused(reason, again)
        ├── "throttled"              421, 4.3.2, 4.7.28: slow down, then the same again
        ├── "later"                  4xx, or a refusal of our sender: try again
        └── "permanent"              5xx: this address or letter will not be taken

A connection that breaks after the letter's last octet and before the answer has an unknown outcome.
The letter itself is written in letters.py, bounces are read in bounces.py; the worker that speaks
is workers/sending/send.py. Pure: no socket, no clock.
"""

import hmac
from datetime import datetime
from email.utils import parseaddr
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from ringdove.gateways import edge
from ringdove.gateways.edge import Again, Refused, Sent
from ringdove.gateways.smtp import bounces
from ringdove.gateways.smtp.letters import Outgoing, marked, write

__all__ = ["Outgoing", "Settings", "envelope", "hear", "outcome", "request", "told"]

TITLE: Final = "E-mail (SMTP)"
HELP: Final = (
    "The first notice of an order goes by e-mail. Any mailbox that lets programs send will do:"
    " its provider's help names the server, the port and whether a password for apps is needed."
)
CHANNEL: Final = "email"
CALLBACKS: Final = (
    "If your mail server can hand bounces to a program, let it POST each of them as it came to this"
    " address, with the header “Authorization: Bearer” and the bounce secret. Whoever has a mailbox"
    " for bounces needs no address."
)
Security = Literal["starttls", "tls", "none"]


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
    security: Security = Field(
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
    reply_to: str = Field(
        "",
        max_length=200,
        title="Answers go to",
        description="Empty: to the sender's address.",
    )
    html: bool = Field(
        True,
        title="With a page form",
        description="The same words once more as a simple page, with links to tap.",
    )
    connections: int = Field(
        2,
        ge=1,
        le=50,
        title="Connections",
        description="How many letters are handed over at the same time.",
    )
    throughput_per_s: float = Field(
        10,
        gt=0,
        le=10_000,
        title="Letters per second",
        description="What the provider allows.",
    )
    response_timeout_s: float = Field(
        60,
        ge=1,
        le=600,
        title="Answer time-out, seconds",
        description="Without an answer by then the outcome of a letter is unknown.",
    )
    repeat_unknown: bool = Field(
        False,
        title="Repeat when in doubt",
        description="A service letter whose connection broke before the answer is sent once more."
        " It keeps its Message-ID, so most mailboxes show it once. Marketing is never repeated.",
    )
    keep_packets: bool = Field(
        True,
        title="Keep packets",
        description="Shows on a message's page what was handed over and answered, for 30 days.",
    )
    bounce_address: str = Field(
        "",
        max_length=200,
        title="Bounce address",
        description="Where undeliverable letters return to, such as bounces@shop.example; each"
        " letter adds its own mark after a plus sign. Empty: they return to the sender.",
    )
    bounce_secret: SecretStr = Field(
        SecretStr(""),
        max_length=200,
        title="Bounce secret",
        description="Marks our letters, so that nobody else can say what became of them.",
        json_schema_extra={"generate": True},
    )
    imap_host: str = Field(
        "",
        max_length=253,
        title="Mailbox for bounces: server",
        description="IMAP server of the mailbox to which undeliverable letters return. Empty:"
        " none is read. Only bounces are marked as read; nothing is deleted.",
    )
    imap_port: int = Field(
        993,
        ge=1,
        le=65535,
        title="Mailbox for bounces: port",
        description="993 with TLS, 143 with STARTTLS.",
    )
    imap_security: Security = Field(
        "tls",
        title="Mailbox for bounces: encryption",
        description="None only for a server on this machine or in your own network.",
    )
    imap_user: str = Field(
        "", max_length=200, title="Mailbox for bounces: user name", description=""
    )
    imap_password: SecretStr = Field(
        SecretStr(""),
        max_length=200,
        title="Mailbox for bounces: password",
        description="Kept sealed, never shown.",
    )
    imap_folder: str = Field(
        "INBOX",
        min_length=1,
        max_length=200,
        title="Mailbox for bounces: folder",
        description="INBOX unless a filter puts them elsewhere.",
    )
    ask_delivery: bool = Field(
        True,
        title="Ask for delivery notices",
        description="Where the server can, and bounces are read: then “delivered” is known too.",
    )

    @field_validator("sender")
    @classmethod
    def _has_an_address(cls, value: str) -> str:
        if "@" not in parseaddr(value)[1]:
            raise ValueError("write an address such as Shop <orders@shop.example>")
        return value

    @field_validator("reply_to", "bounce_address")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and "@" not in parseaddr(value)[1]:
            raise ValueError("write an address such as bounces@shop.example")
        return value

    @property
    def hears(self) -> bool:
        """Somebody reads what returns, so it may be asked for."""
        return bool(self.imap_host or self.bounce_address)


# ── What to hand over ────────────────────────────────────────────────────────


def request(settings: Settings, outgoing: Outgoing) -> bytes:
    """The letter in octets. Raises ValueError for an address that no letter can name."""
    return write(
        outgoing,
        sender=settings.sender,
        reply_to=settings.reply_to,
        with_html=settings.html,
        mark=_mark(settings, outgoing.token),
    )


def _mark(settings: Settings, token: str) -> str:
    return marked(token, settings.bounce_secret.get_secret_value())


def envelope(settings: Settings, token: str) -> str:
    """The envelope's sender: where the letter returns to when it cannot be delivered. With a
    bounce address it names the letter, whatever is left of it on its way back (VERP)."""
    if not settings.bounce_address:
        return parseaddr(settings.sender)[1]
    user, _, domain = parseaddr(settings.bounce_address)[1].rpartition("@")
    return f"{user}+{_mark(settings, token)}@{domain}"


def notices(settings: Settings, token: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Options of MAIL and RCPT that ask for delivery notices (RFC 3461 §4); () where nobody would
    read them: they would fill the sender's own mailbox."""
    if not (settings.ask_delivery and settings.hears):
        return (), ()
    return ("RET=HDRS", f"ENVID={_mark(settings, token)}"), ("NOTIFY=SUCCESS,FAILURE,DELAY",)


# ── What the answer means ────────────────────────────────────────────────────

# Not the text's trouble and not the address's: the server asks for patience (RFC 3463, RFC 7504).
SLOWER: Final = ("4.3.2", "4.7.28")


def outcome(code: int, answer: str, token: str) -> Sent | Refused:
    """What the server's reply code means (RFC 5321 §4.2.1)."""
    if 200 <= code < 300:
        return Sent((token,))
    words = " ".join(answer.split())
    reason = bounces.reason(f"{code} {words}")
    again: Again = "permanent"
    if 400 <= code < 500:
        again = "throttled" if code == 421 or words.startswith(SLOWER) else "later"
    return Refused(reason, again)


def sender_refused(code: int, answer: str) -> Refused:
    """Our own address was refused, not the recipient's: every letter would be, so none is lost."""
    return Refused(f"sender_refused: {bounces.words(f'{code} {answer}')}", "later")


# ── What returns ─────────────────────────────────────────────────────────────


def hear(settings: Settings, call: edge.Call) -> edge.Heard:
    """A bounce as our door got it, raw (P8: only with the gateway's secret)."""
    secret = settings.bounce_secret.get_secret_value()
    given = call.headers.get("authorization", "").removeprefix("Bearer ").strip()
    if not secret:
        raise edge.CallWrong("Set a bounce secret in the settings of this gateway first.")
    if not hmac.compare_digest(given.encode(), secret.encode()):
        raise edge.CallWrong("The secret is not the one of this gateway: copy it again.")
    found = told(settings, call.body, call.now)
    return edge.Heard(receipts=(found,) if found else ())


def told(settings: Settings, octets: bytes, now: datetime | None) -> edge.ReceiptHeard | None:
    """What a mail says about one of our letters; None: nothing, or it is not about ours."""
    notice = bounces.read(octets, settings.bounce_secret.get_secret_value())
    if notice is None:
        return None
    return edge.ReceiptHeard(
        notice.token, notice.state, notice.error, notice.at or now, opted_out=notice.is_complaint
    )
