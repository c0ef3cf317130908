"""One letter in octets: headers that mail servers ask of a sender of many, the text, and the same
words as a simple page.

The Message-ID is the letter's mark: its token and a proof that it is ours, the same at every
attempt, so that a receiver can tell a repetition, and a bounce leads back to its message.
Pure: no clock, no socket. What it must never do: put a customer's or shop's words unescaped into
the page, or a line break into a header.
"""

import hmac
import re
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr
from html import escape
from typing import Final

TOKEN_SIGNS: Final = 13
PROOF_SIGNS: Final = 10
MARK_HEADER: Final = "X-Ringdove-Letter"
RIGHT_TO_LEFT: Final = ("ar", "fa", "he", "ur")

# Whatever a server between can carry: no 8-bit octets, no long lines.
_PLAIN = SMTP.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One letter to one person."""

    token: str  # of its message: 13 signs a-z0-9
    recipient: str
    subject: str
    body: str
    language: str
    klass: str  # service, marketing
    now: datetime  # UTC
    unsubscribe_url: str = ""  # one step, without a login; "": there is no such page yet


def marked(token: str, secret: str) -> str:
    """The letter's mark: its token, and what only the holder of the secret could have added."""
    proof = hmac.new(secret.encode(), f"letter/{token}".encode(), "sha256").digest()
    return token + b32encode(proof).decode().lower()[:PROOF_SIGNS]


def write(outgoing: Outgoing, *, sender: str, reply_to: str, with_html: bool, mark: str) -> bytes:
    """The letter. Raises ValueError for an address that no letter can name."""
    name, address = parseaddr(sender)
    letter = EmailMessage(policy=_PLAIN)
    letter["From"] = _address(address, name)
    letter["To"] = _address(outgoing.recipient)
    if reply_to:
        answer_name, answer_address = parseaddr(reply_to)
        letter["Reply-To"] = _address(answer_address, answer_name)
    letter["Subject"] = " ".join(outgoing.subject.split())
    letter["Date"] = format_datetime(outgoing.now)
    letter["Message-ID"] = f"<{mark}@{_ascii(address.rpartition('@')[2])}>"
    letter[MARK_HEADER] = mark  # some providers put a Message-ID of their own in place of ours
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notices in return
    if outgoing.klass == "marketing":
        letter["Precedence"] = "bulk"
    if outgoing.klass == "marketing" and outgoing.unsubscribe_url:
        letter["List-Unsubscribe"] = f"<{_one_line(outgoing.unsubscribe_url)}>"
        if outgoing.unsubscribe_url.startswith("https://"):
            letter["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    letter.set_content(outgoing.body)
    if with_html:
        letter.add_alternative(page(outgoing.body, outgoing.language), subtype="html")
        letter.set_boundary(f"={mark}=")  # else it would be a matter of chance
    if outgoing.language:  # last: with an alternative it would slip into the first of the two
        letter["Content-Language"] = outgoing.language
    if not letter["To"].isascii():
        return letter.as_bytes(policy=SMTPUTF8)
    return letter.as_bytes()


def needs_utf8(recipient: str) -> bool:
    """The part before the @ is in another script: only a server with SMTPUTF8 can be told it."""
    return not recipient.rpartition("@")[0].isascii()


def wire_address(recipient: str) -> str:
    """The address as the envelope names it: the domain in letters that every server reads."""
    user, _, domain = recipient.rpartition("@")
    return f"{user}@{_ascii(domain)}"


def _address(address: str, name: str = "") -> Address:
    user, at, domain = address.rpartition("@")
    if not (user and at and domain) or any(sign.isspace() for sign in domain):
        raise ValueError(f"{address!r} is not an e-mail address")
    return Address(display_name=name, username=user, domain=_ascii(domain))


def _ascii(domain: str) -> str:
    if domain.isascii():
        return domain
    return domain.encode("idna").decode()  # UnicodeError is a ValueError


def _one_line(address: str) -> str:
    return re.sub(r"[\s<>]", "", address)


# ── The same words as a page ─────────────────────────────────────────────────

_LINK = re.compile(r"https?://[^\s<>\"']+")
_STYLE = (
    "margin:0 auto;padding:24px;max-width:36em;font:16px/1.5 system-ui,sans-serif;color:#1b1b1f"
)


def page(body: str, language: str) -> str:
    """The text as a page: paragraphs, line breaks, links; everything else escaped."""
    direction = ' dir="rtl"' if language.partition("-")[0] in RIGHT_TO_LEFT else ""
    parts = [part.strip("\n") for part in re.split(r"\n[ \t]*\n", body.replace("\r\n", "\n"))]
    paragraphs = "\n".join(f"<p>{_linked(part)}</p>" for part in parts if part.strip())
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(language)}"{direction}>\n'
        '<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"></head>\n'
        f'<body style="{_STYLE}">\n{paragraphs}\n</body>\n</html>\n'
    )


def _linked(part: str) -> str:
    said, at = [], 0
    for found in _LINK.finditer(part):
        url = found[0].rstrip(".,;:!?)]}»…")  # the sentence's, not the address's
        said.append(escape(part[at : found.start()]))
        said.append(f'<a href="{escape(url)}">{escape(url)}</a>')
        at = found.start() + len(url)
    said.append(escape(part[at:]))
    return "".join(said).replace("\n", "<br>\n")
