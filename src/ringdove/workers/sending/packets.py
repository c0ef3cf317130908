"""What a link says and hears of each message, kept until it is written with the answers.

Only where the merchant wants it and the account is slow enough (Account.keeps_packets): elsewhere
nobody calls this. Passwords never come here: only packets that carry a message do. Of a request
over HTTP whatever the settings hold as a secret is taken out, however it was written there.
"""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import quote, quote_plus, urlsplit

from pydantic import BaseModel, SecretStr

from ringdove.records.sending.receipts import Found
from ringdove.records.sending.wire import Packet
from ringdove.smpp.codec import encode
from ringdove.smpp.pdu import Pdu, SubmitSmResp
from ringdove.smpp.session import Asked
from ringdove.workers.sending.submissions import Part

KEPT_MAX: Final = 5_000
"""While the database is away; later ones are not kept."""
BODY_OCTETS_MAX: Final = 16_000
LETTER_OCTETS_MAX: Final = 6_000
SAID_HEADERS: Final = ("content-type", "accept", "retry-after", "location", "date")
MASK: Final = "•••"
SECRET_CHARS_MIN: Final = 4


class Packets:
    """Of one bind: `said` and `answered` as they happen, `take` when they are written."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._sequences: dict[Part, int] = {}
        self._kept: list[Packet] = []
        self._receipts: list[tuple[str, datetime, bytes]] = []

    def said(self, part: Part, octets: bytes) -> None:
        """A submit_sm, with the number under which it left."""
        self._sequences[part] = int.from_bytes(octets[12:16], "big")
        self._keep(part.of.taken.message_id, "out", "submit_sm", octets)

    def answered(self, part: Part, status: int, message_id: str) -> None:
        """Its submit_sm_resp, or the generic_nack that stands for it."""
        sequence = self._sequences.pop(part, 0)
        try:
            octets = encode(Pdu(SubmitSmResp(message_id), sequence, status))
        except ValueError:  # an id that no packet may carry, heard all the same
            return
        self._keep(part.of.taken.message_id, "in", "submit_sm_resp", octets)

    def lost(self, part: Part) -> None:
        """Nobody will answer it."""
        self._sequences.pop(part, None)

    def told(self, provider_id: str, asked: Asked) -> None:
        """A receipt; its message is known when it is written."""
        if len(self._receipts) < KEPT_MAX:
            octets = encode(Pdu(asked.body, asked.sequence))
            self._receipts.append((provider_id, self._clock(), octets))

    def _keep(self, message_id: int, direction: str, what: str, octets: bytes) -> None:
        if len(self._kept) < KEPT_MAX:
            self._kept.append(Packet(message_id, self._clock(), direction, what, octets))

    def take(self) -> "Taken":
        """What was kept so far."""
        taken = Taken(self._kept, self._receipts)
        self._kept, self._receipts = [], []
        return taken

    def put_back(self, taken: "Taken") -> None:
        """They could not be written now."""
        self._kept = (taken.packets + self._kept)[:KEPT_MAX]
        self._receipts = (taken.receipts + self._receipts)[:KEPT_MAX]


class Taken:
    """Packets, and receipts whose message is still to be found."""

    def __init__(self, packets: list[Packet], receipts: list[tuple[str, datetime, bytes]]) -> None:
        self.packets = packets
        self.receipts = receipts

    def with_messages(self, known: Mapping[str, Found]) -> list[Packet]:
        """All of them, but receipts for messages that this process does not know."""
        return self.packets + [
            Packet(found.message_id, at, "in", "deliver_sm", octets)
            for provider_id, at, octets in self.receipts
            if (found := known.get(provider_id))
        ]


# ------------------------------------------------------------------ over HTTP


def secrets_of(settings: BaseModel, *more: str) -> tuple[str, ...]:
    """What must not be shown of a request, the longest first."""
    found = {
        value.get_secret_value()
        for name in type(settings).model_fields
        if isinstance(value := getattr(settings, name), SecretStr)
    }
    found.update(more)
    return tuple(sorted((one for one in found if len(one) >= SECRET_CHARS_MIN), key=len)[::-1])


def request(
    message_id: int, at: datetime, method: str, url: str, headers: Mapping[str, str], body: bytes,
    secrets: Iterable[str],
) -> Packet:  # fmt: skip
    """A request as a page may show it."""
    parts = urlsplit(url)
    line = f"{method} {parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    said = _written(f"{line}\nhost: {parts.hostname or ''}", headers, body)
    return Packet(message_id, at, "out", method[:20], _masked(said, secrets))


def reply(
    message_id: int, at: datetime, status: int, headers: Mapping[str, str], body: bytes,
    secrets: Iterable[str],
) -> Packet:  # fmt: skip
    """An answer as a page may show it."""
    said = _written(f"HTTP {status}", headers, body)
    return Packet(message_id, at, "in", str(status), _masked(said, secrets))


def letter(message_id: int, at: datetime, recipient: str, octets: bytes) -> Packet:
    """A letter as it was handed over. Its envelope's sender is left out: a mark of ours stands in
    it, by which bounces are believed."""
    some = octets[:LETTER_OCTETS_MAX]
    cut = b"\n..." if len(octets) > LETTER_OCTETS_MAX else b""
    return Packet(message_id, at, "out", "DATA", f"RCPT TO:<{recipient}>\n\n".encode() + some + cut)


def taken_letter(message_id: int, at: datetime, code: int, said: str) -> Packet:
    """What the server answered."""
    return Packet(message_id, at, "in", str(code), f"{code} {said}"[:1_000].encode())


def _written(line: str, headers: Mapping[str, str], body: bytes) -> str:
    """Keys stand in headers: only those that never hold one are shown."""
    shown = [
        f"{name.lower()}: {value}"
        for name, value in headers.items()
        if name.lower() in SAID_HEADERS
    ]
    words = body[:BODY_OCTETS_MAX].decode("utf-8", "replace")
    cut = f"\n… {len(body) - BODY_OCTETS_MAX}" if len(body) > BODY_OCTETS_MAX else ""
    return "\n".join([line, *shown, "", words]) + cut


def _masked(said: str, secrets: Iterable[str]) -> bytes:
    for secret in secrets:
        for written in _ways(secret):
            said = said.replace(written, MASK)
    return said.encode()


def _ways(secret: str) -> list[str]:
    """How a secret may stand in an address, a form, JSON or a header."""
    ways = {
        secret,
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        base64.b64encode(secret.encode()).decode(),
    }
    return sorted(ways, key=len, reverse=True)
