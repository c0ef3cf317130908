"""What a mail that returns says about one of our letters: read from any octets, or None.

    a mail
    ├── multipart/report, delivery-status    RFC 3464: Action and Status of the recipient
    ├── multipart/report, feedback-report    RFC 5965: somebody pressed “this is spam”
    ├── a mailer's own words                 Exim, qmail, Postfix of old, Exchange, web mailers
    └── anything else                        None: holiday notices, people's answers, offers

Which letter it is about is told by its mark (letters.marked), wherever in the mail that stands: in
the address it was sent to, in the returned headers, in the words. A mark that the secret does not
prove is none (P8). Pure; never raises, whatever it is given, and looks at a bounded part of it.
"""

import email
import email.errors
import email.header
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from ringdove.gateways.smtp.letters import PROOF_SIGNS, TOKEN_SIGNS, marked

OCTETS_MAX: Final = 512_000  # a bounce that returns a whole letter is far smaller
PARTS_MAX: Final = 50
MARKS_MAX: Final = 200
WORDS_MAX: Final = 180

State = Literal["delivered", "enroute", "undeliverable"]


@dataclass(frozen=True, slots=True)
class Notice:
    """What became of a letter."""

    token: str
    state: State
    error: str = ""
    at: datetime | None = None
    is_complaint: bool = False


def read(octets: bytes, secret: str) -> Notice | None:
    """What the mail says about a letter of ours."""
    try:
        return _read(octets[:OCTETS_MAX], secret)
    except _BROKEN:
        return None


# The standard library's reader of mail breaks on some mails that are none.
_BROKEN: Final = (
    email.errors.MessageError, ValueError, TypeError, LookupError, AttributeError,
    ArithmeticError, AssertionError, RecursionError,
)  # fmt: skip


def _read(octets: bytes, secret: str) -> Notice | None:
    mail = email.message_from_bytes(octets)
    parts = _parts(mail)
    said = _said(mail, parts)
    if said is None:
        return None
    token = _token(mail, parts, secret)
    if token is None:
        return None
    state, error, is_complaint = said
    return Notice(token, state, error, _sent_at(mail), is_complaint)


def _parts(mail: Message) -> list[Message]:
    return [part for part, _ in zip(mail.walk(), range(PARTS_MAX), strict=False)]


def _header(part: Message, name: str) -> str:
    return str(part.get(name, ""))


def _sent_at(mail: Message) -> datetime | None:
    try:
        at = parsedate_to_datetime(_header(mail, "Date"))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if at.tzinfo is None or not 2000 <= at.year <= 2200:
        return None
    return at.astimezone(UTC)


# ── What it says ─────────────────────────────────────────────────────────────

_Said = tuple[State, str, bool]


def _said(mail: Message, parts: list[Message]) -> _Said | None:
    kinds = {part.get_content_type(): part for part in reversed(parts)}
    if "message/feedback-report" in kinds:
        return _complaint(kinds["message/feedback-report"])
    if "message/disposition-notification" in kinds:
        return None  # it was opened, or thrown away: not what was asked
    report = kinds.get("message/delivery-status") or kinds.get("message/global-delivery-status")
    if report is not None and (said := _reported(report)):
        return said
    return _worded(mail, parts)


def _complaint(part: Message) -> _Said | None:
    fields = _fields(part)
    kind = fields.get("feedback-type", "").strip().lower()
    if kind not in ("abuse", "opt-out", "opt-out-list"):
        return None
    # It lies in a mailbox, or nobody could have complained of it.
    return "delivered", "complaint", True


def _fields(part: Message) -> dict[str, str]:
    """The fields of a report: the reader makes blocks of them, or leaves them as words."""
    blocks = part.get_payload()
    if isinstance(blocks, list):
        found = {}
        for block in blocks:
            if isinstance(block, Message):
                found.update({name.lower(): str(value) for name, value in block.items()})
                if not block.items():
                    found.update(_lines(str(block.get_payload())))
        return found
    return _lines(_words(part))


def _lines(text: str) -> dict[str, str]:
    unfolded = re.sub(r"\r?\n[ \t]+", " ", text)
    pairs = (line.partition(":") for line in unfolded.splitlines())
    return {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}


_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")


def _reported(part: Message) -> _Said | None:
    """RFC 3464 §2.3. `relayed` and `expanded` say who has it now, not that it arrived."""
    fields = _fields(part)
    action = fields.get("action", "").split(" ")[0].strip().lower()
    status = _STATUS.search(fields.get("status", ""))
    diagnosis = fields.get("diagnostic-code", "")
    told = f"{status[0] if status else ''} {diagnosis.partition(';')[2] or diagnosis}".strip()
    match action:
        case "delivered":
            return "delivered", "", False
        case "relayed" | "expanded":
            return "enroute", action, False
        case "delayed":
            return "enroute", reason(told) or "delayed", False
        case "failed":
            return "undeliverable", reason(told), False
    if status:  # reports without an action are wrong, and common enough
        found: dict[str, State] = {"2": "delivered", "4": "enroute", "5": "undeliverable"}
        return found[status[1]], reason(told) if status[1] != "2" else "", False
    return None


_MAILER = re.compile(
    r"mailer-daemon|postmaster|mail delivery (sub)?system|microsoft ?exchange|mdaemon|mail-daemon",
    re.I,
)
_RETURNED = re.compile(
    r"undeliver|returned mail|delivery (status|fail|has failed)|mail delivery|failure notice"
    r"|returning message|could not be delivered|delivery delayed|message .{0,80}delayed"
    r"|не ?доставлен|недоставлен|niedostarcz|mancato recapito|no se (ha podido|pudo) entregar",
    re.I,
)
_STILL = re.compile(
    r"still (trying|being retried)|will (be retried|retry|continue to (try|be attempted)|keep)"
    r"|has not yet been delivered|not been delivered yet|delivery (is )?delayed"
    r"|do(es)? not need to (resend|do anything)|(temporary|transient) (problem|failure|error)"
    r"|message .{0,80}delayed|warning message only",
    re.I | re.S,
)
_GIVEN_UP = re.compile(
    r"given up|permanent|could not be delivered|couldn.t be delivered|delivery (has )?failed"
    r"|undeliverable|not be delivered|does ?n.t exist|no such|unknown user|user unknown"
    r"|не (может быть|был[ао]?) доставлен|не удалось доставить|недоставлен",
    re.I,
)
_REPLY_CODE = re.compile(r"(?<![\d.])([45])[0-7]\d[ -](?=\S)")


def _worded(mail: Message, parts: list[Message]) -> _Said | None:
    """The forms of mailers that write for people. Only where sender and words both are a mailer's:
    a holiday notice or a customer's answer has our mark in it too."""
    sender = f"{_header(mail, 'From')} {_header(mail, 'Return-Path')}"
    subject = _subject(mail)
    text = "\n".join(_own_words(parts))[:20_000]
    exim = "X-Failed-Recipients" in mail
    if not exim and not (_MAILER.search(sender) and _RETURNED.search(f"{subject}\n{text}")):
        return None
    status, code = _STATUS.search(text), _REPLY_CODE.search(text)
    line = _line_of(text, status or code)
    if not exim and (_STILL.search(f"{subject}\n{text}")):
        return "enroute", reason(line) or "delayed", False
    if exim or status or code or _GIVEN_UP.search(f"{subject}\n{text}"):
        return "undeliverable", reason(line), False
    return None


def _subject(mail: Message) -> str:
    raw = _header(mail, "Subject")
    try:
        return str(email.header.make_header(email.header.decode_header(raw)))
    except _BROKEN:
        return raw


def _own_words(parts: list[Message]) -> Iterator[str]:
    """What the mailer says, without the letter that it returns below."""
    inner: set[int] = set()
    for part in parts:
        if part.get_content_maintype() == "message":
            inner |= {id(one) for one in part.walk()}
        elif id(part) not in inner and part.get_content_type() in ("text/plain", "text/html"):
            text = _words(part)
            if part.get_content_type() == "text/html":
                text = re.sub(r"<[^>]{0,2000}>", " ", text)
            yield _COPY.split(text)[0]


# Where the returned letter begins in a text that holds it below.
_COPY = re.compile(
    r"-{3,} ?(below this line|this is a copy|original message|the body of the message"
    r"|message header follows|returned message)|^original message headers:",
    re.I | re.M,
)


def _words(part: Message) -> str:
    octets = part.get_payload(decode=True)
    if not isinstance(octets, bytes):
        return str(part.get_payload()) if isinstance(part.get_payload(), str) else ""
    try:
        return octets.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        return octets.decode("utf-8", "replace")


def _line_of(text: str, found: re.Match[str] | None) -> str:
    if found is None:
        return ""
    begins = text.rfind("\n", 0, found.start()) + 1
    ends = text.find("\n", found.end())
    return text[begins : ends if ends >= 0 else len(text)]


# ── Why, in a word that pages know ───────────────────────────────────────────

_KINDS: Final = (
    ("no_such_address", re.compile(r"\b5\.1\.(1|6|10)\b|\b5\.2\.1\b|user unknown|unknown user"
                                   r"|no such (user|mailbox|recipient|address)"
                                   r"|(user|mailbox|recipient|account) (not found|does ?n.t exist"
                                   r"|does not exist|unavailable|disabled)", re.I)),
    ("no_such_domain", re.compile(r"\b[45]\.1\.2\b|\b[45]\.4\.4\b|(host|domain) not found|nxdomain"
                                  r"|no mx|name service error|unrouteable", re.I)),
    ("mailbox_full", re.compile(r"\b[45]\.2\.2\b|mailbox (is )?full|over ?quota|quota exceeded"
                                r"|insufficient storage", re.I)),
    ("not_in_time", re.compile(r"\b[45]\.4\.(1|7)\b|timed? ?out|retry time(out)? exceeded"
                               r"|expired", re.I)),
    ("unwanted", re.compile(r"\b5\.7\.\d|spam|blacklist|block ?list|blocked|reputation|policy"
                            r"|dmarc|spf\b", re.I)),
)  # fmt: skip
_ADDRESS = re.compile(r"<?[^\s<>@:;,]+@[^\s<>@:;,]+>?")


def reason(told: str) -> str:
    """A server's words behind a word of ours, without anybody's address; as they are when their
    kind is not known."""
    said = words(told)
    for kind, pattern in _KINDS:
        if pattern.search(said):
            return f"{kind}: {said}"
    return said


def words(told: str) -> str:
    """A server's words as they can be kept: servers say NUL, half letters and addresses too."""
    clean = told[:2_000].replace("\0", "").encode("utf-8", "replace").decode()
    return " ".join(_ADDRESS.sub("…", clean).split())[:WORDS_MAX]


# ── Which letter it is about ─────────────────────────────────────────────────

_MARK = re.compile(
    rf"(?<![0-9a-z])([0-9a-z]{{{TOKEN_SIGNS}}})[a-z2-7]{{{PROOF_SIGNS}}}(?![0-9a-z])", re.I
)


def _token(mail: Message, parts: list[Message], secret: str) -> str | None:
    tried = 0
    for text in _places(mail, parts):
        for found in _MARK.finditer(text):
            token, whole = found[1].lower(), found[0].lower()
            if hmac.compare_digest(marked(token, secret), whole):
                return token
            if (tried := tried + 1) >= MARKS_MAX:
                return None
    return None


def _places(mail: Message, parts: list[Message]) -> Iterator[str]:
    """Where the mark can stand: addresses it was sent to, the returned headers, the words."""
    yield "\n".join(
        _header(mail, name)
        for name in ("To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To")
    )
    for part in parts:
        if part is not mail:
            yield _header(part, "X-Ringdove-Letter") + "\n" + _header(part, "Message-ID")
            yield _header(part, "Original-Envelope-Id")
    for part in parts:
        if not part.is_multipart():
            yield _words(part)
