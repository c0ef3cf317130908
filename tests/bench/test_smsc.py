"""The SMSC of the measurements: what it counts is what proves that no text was lost or doubled."""

import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringdove.bench import counterpart
from ringdove.bench.counterpart import FIRST_NUMBER
from ringdove.smpp.codec import Decoder, encode
from ringdove.smpp.pdu import (
    BindTransceiver,
    BindTransmitter,
    Body,
    DeliverSm,
    DeliverSmResp,
    Pdu,
    QuerySm,
    SubmitSm,
)

OK, THROTTLED = 0, 0x58
RECEIPTS = ["--receipts", "--first-number", FIRST_NUMBER, "--numbers", 1_000]


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    try:
        counterpart.build(folder, "smsc")
    except counterpart.NoCompiler as error:
        pytest.skip(str(error))
    return folder


def test_without_a_compiler_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(counterpart.NoCompiler, match="apt-get install gcc"):
        counterpart.build(tmp_path / "programs", "smsc")


class Client:
    """A link that says one packet at a time."""

    def __init__(self, port: int, kind: type[BindTransceiver] = BindTransceiver) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 5)
        self._socket.settimeout(5)
        self._decoder, self._sequence = Decoder(), 0
        assert self.ask(kind("bench", "x")).status == OK

    def say(self, body: Body, sequence: int = 0) -> None:
        self._sequence += 1
        self._socket.sendall(encode(Pdu(body, sequence or self._sequence)))

    def ask(self, body: Body) -> Pdu:
        self.say(body)
        return self.hear()

    def submit(self, n: int) -> Pdu:
        return self.ask(
            SubmitSm(
                destination_addr=str(FIRST_NUMBER + n), registered_delivery=1, short_message=b"x"
            )
        )

    def hear(self) -> Pdu:
        while (pdu := self._decoder.next_pdu()) is None:
            data = self._socket.recv(65536)
            assert data, "the link was cut"
            self._decoder.feed(data)
        return pdu

    def close(self) -> None:
        self._socket.close()

    def is_cut(self) -> bool:
        try:
            return not self._socket.recv(65536)
        except ConnectionResetError:
            return True
        finally:
            self.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "ledger"


def test_the_floor_is_answered_and_counted_number_by_number(programs: Path) -> None:
    with counterpart.smsc(programs, RECEIPTS) as smsc:
        told = counterpart.blast(programs, smsc.port, 900, 50, 100)
        _until(lambda: smsc.counters()["receipts_acked"] >= 900)  # the last may be on their way
        seen = smsc.counters()
    assert told["receipts"] == 900
    assert seen["submits"] == seen["unique"] == seen["receipts_acked"] == 900
    assert seen["doubles"] == seen["strangers"] == seen["receipts_owed"] == 0


def test_a_number_that_got_two_is_seen_and_so_is_a_stranger(programs: Path) -> None:
    with counterpart.smsc(programs, RECEIPTS[1:]) as smsc:
        client = Client(smsc.port)
        for n in (5, 6, 5, 1_000):
            assert client.submit(n).status == OK
        seen = smsc.counters()
        client.close()
    assert (seen["unique"], seen["doubles"], seen["strangers"]) == (2, 1, 1)


def test_a_receipt_names_the_id_of_its_answer_in_the_form_asked_for(programs: Path) -> None:
    with counterpart.smsc(programs, [*RECEIPTS, "--id-form", "mixed"]) as smsc:
        client = Client(smsc.port)
        answer, told = client.submit(1).body, client.hear().body
        client.close()
    assert isinstance(told, DeliverSm) and told.esm_class == 4
    words = dict(word.split(b":") for word in told.short_message.split() if b":" in word)
    assert int(words[b"id"]) == int(answer.message_id, 16)  # type: ignore[union-attr]
    assert words[b"stat"] == b"DELIVRD"
    assert told.source_addr == str(FIRST_NUMBER + 1)


def test_a_receipt_refused_or_not_acknowledged_is_told_again(programs: Path) -> None:
    with counterpart.smsc(programs, RECEIPTS) as smsc:
        first = Client(smsc.port)
        first.submit(1)
        first.hear()  # the receipt, never acknowledged
        first.close()
        second = Client(smsc.port)
        told = second.hear()
        assert isinstance(told.body, DeliverSm)
        second._socket.sendall(struct.pack(">IIIIB", 17, 0x80000005, 0x64, told.sequence, 0))
        told = second.hear()
        second.say(DeliverSmResp(), told.sequence)
        _until(lambda: smsc.counters()["receipts_acked"] == 1)
        seen = smsc.counters()
        second.close()
    assert (seen["receipts_sent"], seen["receipts_refused"], seen["receipts_owed"]) == (3, 1, 0)


def test_a_transmitter_hears_no_receipts_and_the_answer_waits_as_told(programs: Path) -> None:
    with counterpart.smsc(programs, [*RECEIPTS, "--response-delay-ms", 150]) as smsc:
        client = Client(smsc.port, BindTransmitter)
        began = time.monotonic()
        client.submit(1)
        assert time.monotonic() - began > 0.14
        assert smsc.counters()["receipts_owed"] == 1
        client.close()


def test_too_many_a_second_are_throttled(programs: Path) -> None:
    with counterpart.smsc(programs, [*RECEIPTS[1:], "--throttle-per-s", 8]) as smsc:
        client = Client(smsc.port)
        statuses = [client.submit(n).status for n in range(10)]
        seen = smsc.counters()
        client.close()
    assert statuses[:2] == [OK, OK] and THROTTLED in statuses
    assert seen["submits"] == statuses.count(OK)


def test_a_killed_smsc_still_knows_what_it_took_and_owes(programs: Path, ledger: Path) -> None:
    options = [*RECEIPTS, "--ledger", ledger, "--most", 1_000, "--receipt-delay-ms", 400]
    smsc = counterpart.Smsc(programs / "smsc", options)
    client = Client(smsc.port)
    ids = [client.submit(n).body.message_id for n in (1, 1, 2)]  # type: ignore[union-attr]
    smsc.kill()
    assert client.is_cut()
    again = counterpart.Smsc(programs / "smsc", options)
    client = Client(again.port)
    told = [client.hear().body for _ in range(3)]
    assert all(isinstance(one, DeliverSm) for one in told)
    assert client.ask(QuerySm(ids[0], 0, 0, "")).status == OK
    assert client.submit(3).body.message_id not in ids  # type: ignore[union-attr]
    again.cut()
    assert client.is_cut()
    again.end()
    assert counterpart.taken_by_number(ledger) == {
        FIRST_NUMBER + 1: 2, FIRST_NUMBER + 2: 1, FIRST_NUMBER + 3: 1,
    }  # fmt: skip


def _until(ready: object) -> None:
    end = time.monotonic() + 5
    while not ready():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)
