"""Mail servers: one way to reach them, one letter handed over, and what went wrong in plain words.

A trouble is a word that pages know (web/reasons.py), with the server's own words behind it where
they say more. It must never hold a password.
"""

import socket
import ssl
from collections.abc import Sequence
from typing import Final

import aiosmtplib
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPConnectTimeoutError,
    SMTPDataError,
    SMTPException,
    SMTPHeloError,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

TROUBLES: Final = (OSError, SMTPException, TimeoutError)
WORDS_MAX: Final = 250


def server(
    host: str, port: int, security: str, username: str, password: str, timeout_s: float
) -> aiosmtplib.SMTP:
    """A mail server, not yet connected. `security`: tls, starttls or none."""
    return aiosmtplib.SMTP(
        hostname=host,
        port=port,
        use_tls=security == "tls",
        start_tls=security == "starttls",
        username=username or None,
        password=password or None,
        timeout=timeout_s,
    )


async def connect(mail: aiosmtplib.SMTP, timeout_s: float) -> None:
    """Connects, signs in and learns what the server can. Raises one of TROUBLES."""
    await mail.connect(timeout=timeout_s)
    if mail.is_ehlo_or_helo_needed:
        try:
            await mail.ehlo()
        except SMTPHeloError:  # a server older than its extensions
            await mail.helo()


async def trouble_with(mail: aiosmtplib.SMTP) -> str:
    """Signs in and out: empty when all is well, else what is wrong."""
    try:
        async with mail:
            await mail.noop()
        return ""
    except TROUBLES as error:
        return trouble(error)


def trouble(error: BaseException) -> str:
    """What went wrong, as a word that pages know, and what the other side said."""
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            return "server_unknown"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"server_not_trusted: {_one_line(cause.verify_message)}"
        if isinstance(cause, ssl.SSLError):
            return "server_speaks_no_tls"
        if isinstance(cause, ConnectionRefusedError):
            return "server_away"
        if isinstance(cause, SMTPAuthenticationError):
            return f"login_refused: {_said(cause)}"
    if any(isinstance(cause, SMTPConnectTimeoutError | TimeoutError) for cause in causes):
        return "server_silent"
    if isinstance(error, SMTPServerDisconnected):
        return "server_hung_up"
    if isinstance(error, SMTPResponseException):
        return f"server_refuses: {_said(error)}"
    if isinstance(error, OSError):
        return "server_away"
    return f"server_refuses: {_one_line(str(error) or type(error).__name__)}"


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and len(found) < 10:
        found.append(error)
        if isinstance(error, OSError) and (several := getattr(error, "exceptions", ())):
            found += several
        error = error.__cause__ or error.__context__
    return found


def _said(error: SMTPResponseException) -> str:
    return _one_line(f"{error.code} {error.message}")


def _one_line(words: str) -> str:
    """What can be stored: servers say NUL and half letters too."""
    clean = words.replace("\0", "").encode("utf-8", "replace").decode()
    return " ".join(clean.split())[:WORDS_MAX]


# ── One letter ───────────────────────────────────────────────────────────────


class NotTaken(Exception):
    """The letter surely was not taken. `of`: recipient, letter, sender, link (nobody answered)."""

    def __init__(self, of: str, code: int, said: str) -> None:
        super().__init__(said)
        self.of, self.code, self.said = of, code, said


class NobodyKnows(Exception):
    """The connection broke after the letter was given and before the answer."""


async def hand_over(
    mail: aiosmtplib.SMTP,
    sender: str,
    recipient: str,
    letter: bytes,
    *,
    asked: tuple[Sequence[str], Sequence[str]] = ((), ()),
    needs_utf8: bool = False,
) -> None:
    """Gives one letter to a connected server. `asked`: options of MAIL and RCPT for a server that
    tells of deliveries. Raises NotTaken or NobodyKnows; after a break the server is closed."""
    of_mail, of_rcpt = asked if mail.supports_extension("dsn") else ((), ())
    encoding = "utf-8" if needs_utf8 else "ascii"
    if needs_utf8 and not mail.supports_extension("smtputf8"):
        raise NotTaken("recipient", 553, "the server cannot write to addresses in other scripts")
    try:
        options = [*of_mail, *(["SMTPUTF8"] if needs_utf8 else [])]
        await mail.mail(sender, options=options, encoding=encoding)
        await mail.rcpt(recipient, options=of_rcpt, encoding=encoding)
    except SMTPSenderRefused as error:
        await _begin_anew(mail)
        raise NotTaken("sender", error.code, error.message) from error
    except SMTPRecipientRefused as error:
        await _begin_anew(mail)
        raise NotTaken("recipient", error.code, error.message) from error
    except (SMTPNotSupported, ValueError) as error:  # an address that cannot be said
        raise NotTaken("recipient", 553, str(error)) from error
    except TROUBLES as error:
        mail.close()
        raise NotTaken("link", 0, trouble(error)) from error
    try:
        await mail.data(letter)
    except SMTPDataError as error:
        await _begin_anew(mail)
        raise NotTaken("letter", error.code, error.message) from error
    except TROUBLES as error:
        mail.close()
        raise NobodyKnows(trouble(error)) from error


async def try_sender(mail: aiosmtplib.SMTP, sender: str) -> None:
    """Whether letters from there would be taken; none is sent. Raises NotTaken."""
    try:
        await mail.mail(sender)
    except SMTPSenderRefused as error:
        raise NotTaken("sender", error.code, error.message) from error
    except (ValueError, *TROUBLES) as error:
        raise NotTaken("link", 0, trouble(error)) from error
    finally:
        await _begin_anew(mail)


async def _begin_anew(mail: aiosmtplib.SMTP) -> None:
    """Without it a server may take the next MAIL for a second one of the same letter."""
    try:
        await mail.rset()
    except TROUBLES:
        mail.close()
