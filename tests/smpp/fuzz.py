"""A coverage-guided fuzzer of all that reads octets of a peer: `python -m tests.smpp.fuzz`.

It keeps every input that reached a new edge of `ringdove.smpp` or `ringdove.gateways.smpp` and
makes new ones from them; seeds are our own packets. Whatever the octets are: packets, "need more"
or ProtocolError; never another error, never more memory than one packet may take, the same however
they are cut, and the quick way like the general one. A finding is printed in hexadecimal.

`check` is what another engine needs, such as libFuzzer by way of atheris.
"""

import argparse
import random
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

from ringdove.gateways import smpp
from ringdove.smpp import parts, quick, receipts, tlvs
from ringdove.smpp import pdu as kinds
from ringdove.smpp.codec import PDU_OCTETS_MAX, Decoder, ProtocolError, encode
from ringdove.smpp.pdu import COMMANDS, Body, DataSm, DeliverSm, Pdu, SubmitSm
from ringdove.smpp.session import Session, Side, Timers

SETTINGS = smpp.Settings.model_validate({"host": "h", "system_id": "s", "id_rule": "hex_to_dec"})
TRACED = ("/ringdove/smpp/", "/ringdove/gateways/smpp/")

# ── What must hold ───────────────────────────────────────────────────────────

Said = list[Pdu | str]


def check(octets: bytes) -> None:
    """AssertionError, or whatever a reader should not have raised."""
    whole = read([octets])
    cut = len(octets) // 3
    assert read([octets[:cut], octets[cut : 2 * cut + 1], octets[2 * cut + 1 :]]) == whole
    for pdu in whole:
        if isinstance(pdu, Pdu):
            understand(pdu.body)
    quickly(octets, whole)
    converse(octets)


def read(chunks: list[bytes]) -> Said:
    decoder, found = Decoder(), Said()
    for chunk in chunks:
        decoder.feed(chunk)
        while True:
            try:
                pdu = decoder.next_pdu()
            except ProtocolError as error:
                found.append(f"{error.command_id} {error.sequence} {error.status}")
                if error.fatal:
                    return found
                continue
            if pdu is None:
                break
            found.append(pdu)
            written(pdu)
    assert len(decoder._data) - decoder._at < PDU_OCTETS_MAX
    return found


def written(pdu: Pdu) -> None:
    """What was read is written back as it means, or refused as too long for us to say."""
    try:
        octets = encode(pdu)
    except ValueError:
        return
    again = Decoder()
    again.feed(octets)
    assert again.next_pdu() == pdu or (pdu.status and len(octets) == 16)


def understand(body: Body) -> None:
    tlvs.named(getattr(body, "tlvs", ()))
    if isinstance(body, SubmitSm | DataSm):
        part, octets = parts.unpack(body)
        assert part is None or 1 <= part.number <= part.total <= 255
        receipts.read(body)
        receipts.dates(octets)
        said = smpp.read(SETTINGS, body)
        if isinstance(said, smpp.TextRead):
            assert "\0" not in smpp.decode(SETTINGS, said.coding, said.octets, said.shift)


def quickly(octets: bytes, whole: Said) -> None:
    try:
        frames, _ = quick.frames(octets)
    except ProtocolError as error:
        assert error.fatal and len(whole) == 1
        return
    assert len(frames) <= len(whole)
    for (command_id, status, sequence, start, end), pdu in zip(frames, whole, strict=False):
        if command_id == quick.SUBMIT_SM_RESP and isinstance(pdu, Pdu):
            assert quick.message_id(octets, start, end) == getattr(pdu.body, "message_id", "")
        elif command_id == quick.DELIVER_SM and (found := quick.receipt(octets, start, end)):
            assert isinstance(pdu, Pdu) and isinstance(pdu.body, DeliverSm)
            general = receipts.read(pdu.body)
            assert general and found == (general.provider_id, general.state, general.complaint)
            assert (pdu.sequence, pdu.status) == (sequence, status)


def converse(octets: bytes) -> None:
    """Both ends of a link, bound: what they answer are packets, and they close at most once."""
    sides: tuple[Side, Side] = ("esme", "smsc")
    for side in sides:
        session = Session(side, Timers(), 0.0)
        if side == "esme":
            session.bind(kinds.BindTransceiver(), 0.0)
            session.receive(encode(Pdu(kinds.BindTransceiverResp(), 1)), 0.0)
            session.ask(SubmitSm(), "token", 0.0)
        else:
            session.receive(encode(Pdu(kinds.BindTransceiver(), 1)), 0.0)
            session.accept("smsc", 0.0)
        _, answers = session.receive(octets, 1.0)
        assert all(isinstance(answer, Pdu) for answer in read([answers]))


# ── Where inputs come from ───────────────────────────────────────────────────

TEXT = b"id:1F sub:001 dlvrd:001 submit date:2601021530 done date:2601021531 stat:DELIVRD err:000"
BODIES: tuple[Body, ...] = (
    *(body() for _, body in COMMANDS.values()),
    kinds.Other(0x110, b"?!"),
    kinds.BindTransceiver("shop", "secret", "SMPP", 0x34, 1, 1, "^7"),
    kinds.SubmitSmResp("1F"),
    kinds.SubmitMulti(destinations=(kinds.Address(1, 1, "375291112233"), "friends")),
    kinds.SubmitMultiResp("1F", (kinds.Refusal(1, 1, "375291112233", 11),)),
    kinds.QuerySmResp("1F", "260102030405000+", 2, 0),
    DeliverSm("", 1, 1, "375291112233", 5, 0, "Shop", 4, short_message=TEXT + b" text:Hi"),
    DeliverSm(
        esm_class=4,
        short_message=TEXT + b" Text:",
        tlvs=(tlvs.make("receipted_message_id", "1F"), tlvs.make("message_state", 2)),
    ),
    DeliverSm(esm_class=0x24, tlvs=(tlvs.make("message_payload", TEXT.replace(b":", b": ")),)),
    DeliverSm(esm_class=0x40, data_coding=8, short_message=b"\5\0\3\7\2\1\4\x14\4\x30"),
    DeliverSm(esm_class=0x40, short_message=b"\x0c\x08\4\0\7\2\1\x24\1\1\x25\1\1I\x1bs"),
    DataSm(tlvs=(tlvs.make("sar_msg_ref_num", 7), tlvs.make("network_error_code", b"\3\0\1"))),
)
SEEDS = [encode(Pdu(body, number + 1)) for number, body in enumerate(BODIES)]
WORDS = (
    b"id:", b"stat:", b"err:", b" text:", b"submit date:", b"done date:", b"DELIVRD", b"UNDELIV",
    b"20260102153000", b"\0", b"\xff", b"\x7f\xff", b"\0\0", b"\x04\x24", b"\0\x1e\0\3",
    b"\x04\x27", b"\4\x23\0\3\3\0\1", b"\x02\x0c\0\2\0\7", b"\x02\x0e\0\1\2", b"\x02\x0f\0\1\1",
    b"\6\x08\4",
)  # fmt: skip
INPUT_OCTETS_MAX = 4096


@dataclass
class Mutator:
    chance: random.Random
    corpus: list[bytes] = field(default_factory=list)

    def next(self) -> bytes:
        # The newest inputs are the least tried.
        at = max(self.chance.randrange(len(self.corpus)) for _ in range(2))
        octets = bytearray(self.corpus[at])
        for _ in range(1 << self.chance.randrange(5)):
            self.chance.choice(MUTATIONS)(self, octets)
        if self.chance.random() < 0.8:
            _mend_lengths(octets)
        return bytes(octets[:INPUT_OCTETS_MAX])

    def flip(self, octets: bytearray) -> None:
        if octets:
            octets[self.chance.randrange(len(octets))] ^= 1 << self.chance.randrange(8)

    def replace(self, octets: bytearray) -> None:
        if octets:
            value = self.chance.choice((0, 1, 4, 8, 0x20, 0x40, 0x7F, 0x80, 0xFF))
            octets[self.chance.randrange(len(octets))] = value

    def insert(self, octets: bytearray) -> None:
        at = self.chance.randint(0, len(octets))
        octets[at:at] = self.chance.choice((*WORDS, self.chance.randbytes(2)))

    def delete(self, octets: bytearray) -> None:
        at = self.chance.randint(0, len(octets))
        del octets[at : at + self.chance.randint(1, 8)]

    def repeat(self, octets: bytearray) -> None:
        start = self.chance.randint(0, len(octets))
        octets[start:start] = octets[start : start + self.chance.randint(1, 40)]

    def splice(self, octets: bytearray) -> None:
        other = self.chance.choice(self.corpus)
        octets[self.chance.randint(0, len(octets)) :] = other[self.chance.randint(0, len(other)) :]

    def append(self, octets: bytearray) -> None:
        octets += self.chance.choice(self.corpus)

    def rename(self, octets: bytearray) -> None:
        octets[4:8] = struct.pack(">I", self.chance.choice(list(COMMANDS)))


MUTATIONS: tuple[Callable[[Mutator, bytearray], None], ...] = (
    Mutator.flip, Mutator.replace, Mutator.insert, Mutator.delete, Mutator.repeat, Mutator.splice,
    Mutator.append, Mutator.rename,
)  # fmt: skip


def _mend_lengths(octets: bytearray) -> None:
    """Else nearly all inputs would end at a length that cannot be true."""
    if len(octets) >= 16:
        length = int.from_bytes(octets[:4], "big")
        if not 16 <= length <= len(octets):
            octets[:4] = struct.pack(">I", len(octets))


# ── What was reached ─────────────────────────────────────────────────────────

Edge = tuple[CodeType, int, int]


class Tracer:
    """Edges between lines of the traced files."""

    def __init__(self) -> None:
        self.edges: set[Edge] = set()
        self._new = False
        self._last: dict[int, int] = {}

    def run(self, octets: bytes) -> bool:
        """Whether it reached an edge for the first time."""
        self._new = False
        self._last.clear()
        sys.settrace(self._enter)
        try:
            check(octets)
        finally:
            sys.settrace(None)
        return self._new

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        if any(room in frame.f_code.co_filename for room in TRACED):
            self._last[id(frame)] = 0
            return self._step
        return None

    def _step(self, frame: FrameType, event: str, argument: Any) -> Any:
        here = frame.f_lineno if event == "line" else -1
        edge = (frame.f_code, self._last.get(id(frame), 0), here)
        if edge not in self.edges:
            self.edges.add(edge)
            self._new = True
        self._last[id(frame)] = here
        return self._step


@dataclass
class Figures:
    executions: int = 0
    edges: int = 0
    inputs: int = 0
    cpu_s: float = 0.0
    findings: list[str] = field(default_factory=list)


def fuzz(seconds: float, seed: int = 0, say: Callable[[str], None] = lambda words: None) -> Figures:
    """For so many seconds of CPU time."""
    mutator, tracer, figures = Mutator(random.Random(seed)), Tracer(), Figures()
    began = told = time.process_time()
    todo = list(SEEDS)
    while (now := time.process_time()) - began < seconds:
        octets = todo.pop() if todo else mutator.next()
        figures.executions += 1
        try:
            if tracer.run(octets) or figures.executions <= len(SEEDS):
                mutator.corpus.append(octets)
        except Exception as error:
            figures.findings.append(f"{type(error).__name__}: {error}: {octets.hex()}")
            say(figures.findings[-1])
            if not mutator.corpus:
                raise
        if now - told > 10:
            told = now
            say(f"{figures.executions} executions, {len(tracer.edges)} edges")
    figures.edges, figures.inputs = len(tracer.edges), len(mutator.corpus)
    figures.cpu_s = time.process_time() - began
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.smpp.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of CPU time")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    figures = fuzz(given.seconds, given.seed, lambda words: print(words, flush=True))
    print(
        f"{figures.executions} executions in {figures.cpu_s:.0f} CPU s, {figures.edges} edges,"
        f" {figures.inputs} inputs kept, {len(figures.findings)} findings"
    )
    return 1 if figures.findings else 0


if __name__ == "__main__":
    sys.exit(main())
