"""A mailbox read over IMAP4rev1 (RFC 3501), the least of it: sign in, look, fetch, mark as read.

It can look and put flags; it has no words for deleting, moving or expunging. Whatever the server
sends is taken within bounds.
"""

import asyncio
import re
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

TIMEOUT_S: Final = 30.0
LINE_BYTES_MAX: Final = 65_536
LITERAL_BYTES_MAX: Final = 4_000_000
LINES_MAX: Final = 10_000

_LITERAL = re.compile(rb"\{(\d{1,9})\+?\}\r?\n$")


class Refused(Exception):
    """The server said NO or BAD, or what nobody understands. `at_login`: to who we are."""

    def __init__(self, said: str, at_login: bool = False) -> None:
        super().__init__(said)
        self.at_login = at_login


TROUBLES: Final = (OSError, EOFError, TimeoutError, Refused)

Piece = tuple[bytes, list[bytes]]  # a response without its literals, and the literals


@dataclass
class Mailbox:
    """An open folder. Its uids count on only while `validity` stays the same."""

    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    validity: int = 0
    _turn: int = 0

    async def unseen(self, since: str, after: int) -> list[int]:
        """Uids of what nobody has read, past `after`. `since`: a day as 18-Nov-2026."""
        found: list[int] = []
        search = f"UID SEARCH UNSEEN UID {after + 1}:* SINCE {since}"
        for line, _ in await self._ask(search.encode()):
            if line.upper().startswith(b"* SEARCH"):
                found += [int(word) for word in line.split()[2:] if word.isdigit()]
        # "n:*" names the newest even when it is older than n (RFC 3501 §6.4.8).
        return sorted(uid for uid in found if uid > after)

    async def fetch(self, uid: int, octets_max: int) -> bytes:
        """A mail as it came, its first octets; it stays unread. Empty: it is gone."""
        for line, literals in await self._ask(
            f"UID FETCH {uid} (BODY.PEEK[]<0.{octets_max}>)".encode()
        ):
            if b"FETCH" in line.upper() and literals:
                return literals[0]
        return b""

    async def mark_seen(self, uids: Sequence[int]) -> None:
        """They were read."""
        if uids:
            named = ",".join(map(str, uids)).encode()
            await self._ask(b"UID STORE " + named + b" +FLAGS.SILENT (\\Seen)")

    async def sign_in(self, user: str, password: str) -> None:
        """Raises Refused, without the password in it."""
        try:
            await self._ask(b"LOGIN", user.encode(), password.encode())
        except Refused as error:
            raise Refused(str(error), at_login=True) from None

    async def open(self, folder: str) -> None:
        """Opens a folder to read and to flag."""
        for line, _ in await self._ask(b"SELECT", _utf7(folder).encode()):
            if found := re.search(rb"\[UIDVALIDITY (\d+)\]", line, re.I):
                self.validity = int(found[1])

    async def start_tls(self, host: str) -> None:
        await self._ask(b"STARTTLS")
        if getattr(self._reader, "_buffer", b""):
            # Said before the line was safe, it would be believed as if said after.
            raise Refused("the server speaks before TLS has begun")
        await self._writer.start_tls(ssl.create_default_context(), server_hostname=host)

    async def leave(self) -> None:
        with suppress(*TROUBLES):
            await asyncio.wait_for(self._ask(b"LOGOUT"), 2)

    # ── the protocol ─────────────────────────────────────────────────────────

    async def greeting(self) -> None:
        line, _ = await self._response()
        if not line.upper().startswith((b"* OK", b"* PREAUTH")):
            raise Refused(_words(line))

    async def _ask(self, command: bytes, *strings: bytes) -> list[Piece]:
        """Sends a command and gathers what is said until its end."""
        self._turn += 1
        tag = f"r{self._turn}".encode()
        self._writer.write(tag + b" " + command)
        for string in strings:
            await self._say(string)
        self._writer.write(b"\r\n")
        await self._writer.drain()
        said: list[Piece] = []
        for _ in range(LINES_MAX):
            line, literals = await self._response()
            if line.startswith(tag + b" "):
                verdict, _, rest = line[len(tag) + 1 :].partition(b" ")
                if verdict.upper() != b"OK":
                    raise Refused(_words(rest))
                return said
            said.append((line, literals))
        raise Refused("the answer has no end")

    async def _say(self, string: bytes) -> None:
        """A quoted string, or a literal for what cannot be quoted (§4.3)."""
        if re.fullmatch(rb"[\x20-\x7e]{0,900}", string):
            quoted = string.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
            self._writer.write(b' "' + quoted + b'"')
            return
        self._writer.write(b" {%d}\r\n" % len(string))
        await self._writer.drain()
        line, _ = await self._response()
        if not line.startswith(b"+"):
            raise Refused(_words(line))
        self._writer.write(string)

    async def _response(self) -> Piece:
        literals: list[bytes] = []
        whole, room = b"", LITERAL_BYTES_MAX
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                line = await self._line()
                found = _LITERAL.search(line)
                whole += line[: found.start()] if found else line.rstrip(b"\r\n")
                if not found or len(whole) > LINE_BYTES_MAX:
                    return whole, literals
                size = int(found[1])
                if (room := room - size) < 0:
                    raise Refused("a mail is larger than was asked for")
                literals.append(await self._reader.readexactly(size))

    async def _line(self) -> bytes:
        try:
            return await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            raise EOFError("the server hung up") from error
        except asyncio.LimitOverrunError as error:
            raise Refused("a line has no end") from error


def _words(line: bytes) -> str:
    return " ".join(line.decode("utf-8", "replace").replace("\0", "").split())[:200]


def _utf7(folder: str) -> str:
    """A folder's name in the letters of §5.1.3."""

    def other(found: re.Match[str]) -> str:
        octets = found[0].encode("utf-16-be")
        coded = b64encode(octets).decode().rstrip("=").replace("/", ",")
        return f"&{coded}-"

    return re.sub(r"[^\x20-\x7e]+", other, folder.replace("&", "&-"))


@asynccontextmanager
async def opened(
    host: str, port: int, security: str, user: str, password: str, folder: str
) -> AsyncIterator[Mailbox]:
    """The folder, open. `security`: tls, starttls or none. Raises one of TROUBLES."""
    context = ssl.create_default_context() if security == "tls" else None
    async with asyncio.timeout(TIMEOUT_S):
        reader, writer = await asyncio.open_connection(
            host, port, ssl=context, limit=LINE_BYTES_MAX
        )
    try:
        mailbox = Mailbox(reader, writer)
        await mailbox.greeting()
        if security == "starttls":
            await mailbox.start_tls(host)
        await mailbox.sign_in(user, password)
        await mailbox.open(folder)
        yield mailbox
        await mailbox.leave()
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
