"""Against an SMSC that we did not write: npm's `smpp`, in a process of its own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from ringdove.gateways import smpp as gateway
from ringdove.smpp.parts import Joiner
from ringdove.smpp.session import Answered, Asked, Bound, Closed, Told
from tests.smpp.interop import Link, Program, called, script

pytestmark = pytest.mark.slow  # a process of its own
Server = Program


@pytest.fixture
def server() -> Iterator[Server]:
    with script("interop_server.js") as program:
        program.port = program.says("port")["port"]
        yield program


def settings(**changes: Any) -> gateway.Settings:
    given = {"host": "127.0.0.1", "system_id": "shop", "password": "secret", "sender": "Shop"}
    return gateway.Settings.model_validate(given | changes)


@contextmanager
def link(server: Server, **changes: Any) -> Iterator[Link]:
    with called(server.port) as us:
        (bind,) = gateway.binds(settings(**changes))
        us.say(us.session.bind(bind, time.monotonic()))
        yield us


UNTIL = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def submit(us: Link, text: str, to: str = "+375291112233", **changes: Any) -> list[Any]:
    """As the workers do: in octets, under the session's numbers."""
    submitter = gateway.Submitter(settings(**changes))
    texts = submitter.every(to, "", text, UNTIL, 258, datetime(2030, 1, 1, tzinfo=UTC))
    for number, octets in enumerate(texts):
        us.say(us.session.say(octets, number, time.monotonic()))
    return sorted(us.wait(Answered, len(texts)), key=lambda answered: answered.token)


def acknowledge(us: Link, count: int) -> list[Told]:
    receipts = us.wait(Told, count)
    us.say(us.session.acknowledge(receipt.sequence for receipt in receipts))
    return receipts


LONG = "Ваш заказ № 17 принят: " + "чайник, " * 20


def test_texts_receipts_answers_and_a_polite_end(server: Server) -> None:
    """R33, R79."""
    with link(server) as us:
        (bound,) = us.wait(Bound)
        assert bound == Bound("node")
        assert server.says("bind") == {"bind": "shop", "known": True}

        (answered,) = submit(us, "Hi [€5]")
        assert gateway.outcome(settings(), answered.status, answered.message_id) == (
            gateway.Sent("id-1")
        )
        assert server.says("to") == {
            "to": "375291112233",
            "from": "Shop",
            "coding": 0,
            "text": "Hi [€5]",
            "udh": [],
            "sar": [None, None, None],
            "validity": "2030-01-02T03:04:05.000Z",
            "registered": 1,
            "priority": 0,
            "service": "",
        }
        (receipt,) = acknowledge(us, 1)
        assert (receipt.provider_id, receipt.state, receipt.complaint) == ("id-1", "delivered", "")
        assert server.says("receipt") == {"receipt": "id-1", "status": 0}

        assert [answered.status for answered in submit(us, LONG)] == [0, 0, 0]
        heard = [server.says("to") for _ in range(3)]
        assert "".join(said["text"] for said in heard) == LONG
        assert [said["udh"] for said in heard] == [[f"00030203{n:02x}"] for n in (1, 2, 3)]
        assert [said["coding"] for said in heard] == [8, 8, 8]
        assert [receipt.provider_id for receipt in acknowledge(us, 3)] == ["id-2", "id-3", "id-4"]


def test_a_person_writes_in_two_parts_and_the_link_is_checked(server: Server) -> None:
    with link(server) as us:
        us.wait(Bound)
        submit(us, "ping")
        joiner: Joiner[Asked] = Joiner()
        (joined,) = [
            joined
            for asked in us.wait(Asked, 2)
            if isinstance(piece := gateway.read(settings(), asked.body), gateway.TextRead)
            and piece.part
            for joined in joiner.add(piece.sender, piece.part, piece.octets, asked, 0.0)
        ]
        assert gateway.decode(settings(), 8, joined.octets) == "Привет, где заказ?"
        for packet in joined.packets:
            us.say(us.session.answer(packet))
        assert server.says("enquired") == {"enquired": 0}
        assert server.says("inbound") == {"inbound": 1, "status": 0}
        us.say(us.session.unbind(time.monotonic()))
        assert us.wait(Closed) == [Closed("unbound")]
        assert server.says("unbind") == {"unbind": True}


def test_throttled_and_refused(server: Server) -> None:
    with link(server) as us:
        us.wait(Bound)
        (answered,) = submit(us, "Hi", "+375290000058")
        refused = gateway.outcome(settings(), answered.status, "")
        assert refused == gateway.Refused("ESME_RTHROTTLED", "throttled")
    with link(server, password="wrong") as us:
        assert us.wait(Closed) == [Closed("the bind was refused", (), 0x0E)]


@pytest.mark.parametrize(
    ("text", "shift", "coding"),
    [("order, " * 50, "", 0), ("€{} " * 80, "", 0), ("чай 😀 " * 30, "", 8)],
)
@pytest.mark.parametrize("way", ["udh", "udh16", "sar", "payload"])
def test_long_texts_in_every_way(
    server: Server, way: str, text: str, shift: str, coding: int
) -> None:
    """R33."""
    with link(server) as us:
        us.wait(Bound)
        answers = submit(us, text, long_texts=way)
        assert [answer.status for answer in answers] == [0] * len(answers)
        heard = [server.says("to") for _ in answers]
        assert "".join(said["text"] for said in heard) == text
        assert {said["coding"] for said in heard} == {coding}
        total = len(heard)
        for number, said in enumerate(heard, 1):
            marks = {
                "udh": [f"000302{total:02x}{number:02x}"],
                "udh16": [f"08040102{total:02x}{number:02x}"],
            }
            assert said["udh"] == marks.get(way, [])
            assert said["sar"] == ([258, total, number] if way == "sar" else [None] * 3)
        assert len(acknowledge(us, total)) == total


def test_a_question_about_a_message(server: Server) -> None:
    """The unknown outcome: asked by query_sm."""
    with link(server) as us:
        us.wait(Bound)
        for message_id in ("id-7", "stranger"):
            asked = gateway.query(settings(), message_id, "")
            us.say(us.session.ask(asked, message_id, time.monotonic()))
            assert server.says("query") == {"query": message_id, "from": "Shop"}
        known, stranger = us.wait(Answered, 2)
        found = gateway.told(settings(), known.status, known.body)
        assert found == gateway.ReceiptRead("id-7", "undeliverable", "12")
        assert gateway.told(settings(), stranger.status, stranger.body) is None


def test_we_check_the_link(server: Server) -> None:
    with link(server) as us:
        us.wait(Bound)
        _, said = us.session.tick(time.monotonic() + 31)
        us.say(said)
        assert server.says("checked")
        us.hear()
        assert us.session.tick(time.monotonic() + 2) == ([], b"")


def test_national_letters(server: Server) -> None:
    with link(server) as us:
        us.wait(Bound)
        submit(us, "Şişe", shift="tr")
        said = server.says("to")
        assert (said["udh"], said["coding"]) == (["240101"], 0)


def test_the_rarer_settings(server: Server) -> None:
    with link(server) as us:
        us.wait(Bound)
        rare = {"registered_delivery": "failures", "priority_flag": 2, "service_type": "CMT"}
        submit(us, "Hi", **rare, validity="relative")
        said = server.says("to")
        assert (said["registered"], said["priority"], said["service"]) == (2, 2, "CMT")
