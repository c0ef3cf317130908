"""A mail server that keeps the newest letters in memory and sends nothing on (RFC 5321, the least).

For the demo's e-mail gateway: it listens on this machine only and shows nothing to anybody.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

HOST = "127.0.0.1"
LETTERS_KEPT = 200
LETTER_BYTES_MAX = 1_000_000
LINE_BYTES_MAX = 8_192
IDLE_S_MAX = 300.0


@dataclass
class Mailbox:
    """`letters` are (recipient, octets), the newest last; `received` counts all."""

    port: int = 0
    received: int = 0
    letters: deque[tuple[str, bytes]] = field(default_factory=lambda: deque(maxlen=LETTERS_KEPT))
    talks: set[asyncio.StreamWriter] = field(default_factory=set)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from its greeting to its end."""
        self.talks.add(writer)
        try:
            async with asyncio.timeout(IDLE_S_MAX):
                await self._talk(reader, writer)
        except (OSError, TimeoutError, EOFError, asyncio.LimitOverrunError):
            pass  # they went away, or speak something else
        finally:
            self.talks.discard(writer)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipients: list[str] = []
        writer.write(b"220 demo mailbox\r\n")
        while True:
            line = (await reader.readuntil(b"\n")).decode("ascii", "replace").strip()
            verb = line[:4].upper()
            if verb == "QUIT":
                writer.write(b"221 bye\r\n")
                await writer.drain()
                return
            if verb == "DATA" and recipients:
                writer.write(b"354 go ahead\r\n")
                self._keep(recipients, await _letter(reader))
                recipients = []
            elif verb == "RCPT":
                recipients.append(line.partition(":")[2].strip().strip("<>"))
            elif verb in ("RSET", "MAIL"):
                recipients = []
            known = verb in ("HELO", "EHLO", "MAIL", "RCPT", "DATA", "RSET", "NOOP")
            writer.write(b"250 fine\r\n" if known else b"502 not here\r\n")
            await writer.drain()

    def _keep(self, recipients: list[str], letter: bytes) -> None:
        self.received += len(recipients)
        self.letters.extend((recipient, letter) for recipient in recipients)


async def _letter(reader: asyncio.StreamReader) -> bytes:
    """Lines up to a lone dot; a dot that begins a line was doubled (RFC 5321 §4.5.2)."""
    lines, size = [], 0
    while (line := await reader.readuntil(b"\n")) != b".\r\n":
        size += len(line)
        if size > LETTER_BYTES_MAX:
            raise EOFError("the letter is too long")
        lines.append(line[1:] if line.startswith(b"..") else line)
    return b"".join(lines)


@asynccontextmanager
async def opened() -> AsyncIterator[Mailbox]:
    """A mailbox on a free port."""
    mailbox = Mailbox()
    server = await asyncio.start_server(mailbox.answer, HOST, 0, limit=LINE_BYTES_MAX)
    mailbox.port = int(server.sockets[0].getsockname()[1])
    try:
        yield mailbox
    finally:
        server.close()
        for writer in list(mailbox.talks):
            writer.transport.abort()
        await asyncio.sleep(0)  # for the talks to notice
