"""E-mail against real SMTP servers on sockets: slow ones, refusing ones, ones that hang up."""

import asyncio
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg.types.json import Jsonb

from ringdove.gateways import smtp
from ringdove.gateways.smtp import bounces
from ringdove.kit import db, mail
from ringdove.kit.buckets import id_of, token_of
from ringdove.records.sending import gateways, messages, receipts
from ringdove.rules.consent import stop_links
from ringdove.workers import react
from ringdove.workers.sending import postman, send
from tests.flows.conftest import NOON, Shop, open_shop, order, play

__all__ = ["play"]

pytestmark = pytest.mark.slow


class Mailbox:
    """What the server at the other end does with letters: an answer for each, then 250."""

    def __init__(self, answers: list[str], slow_s: float = 0.0) -> None:
        self.answers = answers
        self.slow_s = slow_s
        self.envelopes: list[Any] = []
        self.open = self.most_open = 0
        self.of_recipient: dict[str, str] = {}
        self.of_sender = ""

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.of_sender:
            return self.of_sender
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if refusal := self.of_recipient.get(address):
            if refusal == "hang up":
                server.transport.abort()
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        await asyncio.sleep(self.slow_s)
        self.open -= 1
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer == "hang up":
            server.transport.abort()
            return "250 never seen"
        if answer == "say nothing":
            await asyncio.sleep(30)
        if answer.startswith("2"):
            self.envelopes.append(envelope)
        return answer

    @property
    def recipients(self) -> list[str]:
        return [one for envelope in self.envelopes for one in envelope.rcpt_tos]

    def letter(self) -> Any:
        return message_from_bytes(self.envelopes[-1].content)


@contextmanager
def mail_server(*answers: str, slow_s: float = 0.0, **more: Any) -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox(list(answers), slow_s)
    controller = Controller(box, hostname="127.0.0.1", port=free_port(), **more)
    controller.start()
    try:
        yield box, controller.port
    finally:
        controller.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


async def point(shop: Shop, port: int, gateway_id: int | None = None, **more: Any) -> None:
    """The gateway speaks to this port."""
    await shop.rows(
        "UPDATE gateway SET settings = settings || %(more)s WHERE id = %(id)s RETURNING 1",
        more=Jsonb({"port": port} | more), id=gateway_id or shop.email,
    )  # fmt: skip


async def write(shop: Shop, count: int = 1, first: int = 0) -> None:
    """Orders of people with an e-mail address only."""
    told = [
        order(str(n), customer={"email": f"p{n}@example.by"}) for n in range(first, first + count)
    ]
    await shop.hear(*told)
    await react.answer_due(shop.runtime)


async def letters(shop: Shop) -> list[dict[str, Any]]:
    return [m for m in await shop.messages() if m["channel"] == "email"]


async def state_of(shop: Shop, gateway_id: int | None = None) -> tuple[str, str]:
    rows = await shop.rows(
        "SELECT state, detail FROM gateway_state WHERE gateway_id = %(id)s",
        id=gateway_id or shop.email,
    )
    return (rows[0]["state"], rows[0]["detail"]) if rows else ("", "")


# ------------------------------------------------------------------ one letter


@pytest.mark.parametrize(
    ("answers", "rounds", "state", "arrived"),
    [
        ([], 1, "sent", 1),
        (["451 later"], 1, "waiting", 0),
        (["451 later"], 2, "sent", 1),
        (["550 no such user"], 2, "failed", 0),
        (["hang up"], 2, "unknown", 0),
        (["421 too many"], 2, "sent", 1),
    ],
)
def test_the_order_letter_over_a_real_smtp_server(play, answers, rounds, state, arrived):
    """R55, P5: taken, refused for now, refused for good, and a line that breaks after the letter's
    last octet: unknown, and not sent again."""

    async def story(shop: Shop) -> None:
        with mail_server(*answers) as (box, port):
            await point(shop, port)
            await shop.hear(order(customer={"email": "anna@example.by", "phone": "+375291112233"}))
            await react.answer_due(shop.runtime)
            for _ in range(rounds):
                await send.send_due(shop.runtime)
                shop.later(minutes=2)
            (letter,) = await letters(shop)
            assert letter["state"] == state, letter["reason"]
            assert len(box.envelopes) == arrived
            if arrived:
                assert box.recipients == ["anna@example.by"]
                assert box.letter()["Message-ID"].startswith(f"<{token_of(letter['id'])}")
            kept = await shop.rows("SELECT message_id, what, octets FROM wire ORDER BY id")
            assert kept[0]["what"] == "DATA" and {one["message_id"] for one in kept} == {
                letter["id"]
            }
            assert bytes(kept[0]["octets"]).startswith(b"RCPT TO:<anna@example.by>")
            assert (kept[-1]["what"] == "250") == bool(arrived)

    play(story)


def test_refusals_of_each_address_by_itself(play):
    """P11: one bad address keeps up nobody; the server's words are kept without the address."""

    async def story(shop: Shop) -> None:
        with mail_server() as (box, port):
            box.of_recipient = {
                "p1@example.by": "550 5.1.1 <p1@example.by> user unknown",
                "p2@example.by": "450 4.2.0 greylisted",
                "p3@example.by": "hang up",
            }
            await point(shop, port)
            await write(shop, 6)
            await send.send_due(shop.runtime)
            made = {m["recipient"]: m for m in await letters(shop)}
            assert made["p1@example.by"]["state"] == "failed"
            assert made["p1@example.by"]["reason"].startswith("no_such_address: 550 5.1.1 …")
            assert made["p2@example.by"]["state"] == "waiting"
            # The line broke before the letter was given: it surely was not sent (P5).
            assert made["p3@example.by"]["state"] == "waiting"
            assert sorted(box.recipients) == ["p0@example.by", "p4@example.by", "p5@example.by"]
            box.of_recipient = {}
            shop.later(minutes=2)
            await send.send_due(shop.runtime)
            assert {m["state"] for m in await letters(shop)} == {"sent", "failed"}
            assert max(Counter(box.recipients).values()) == 1

    play(story)


def test_a_refused_sender_is_the_gateways_trouble_and_fails_no_letter(play):
    """P5: all letters would be refused; they wait until somebody has corrected it."""

    async def story(shop: Shop) -> None:
        with mail_server() as (box, port):
            box.of_sender = "553 5.7.1 sender not yours"
            await point(shop, port, connections=1)
            await write(shop, 5)
            await send.send_due(shop.runtime)
            assert {m["state"] for m in await letters(shop)} == {"waiting"}
            assert await state_of(shop) == ("refused", "sender_refused: 553 5.7.1 sender not yours")
            box.of_sender = ""
            shop.later(minutes=2)
            await send.send_due(shop.runtime)
            assert {m["state"] for m in await letters(shop)} == {"sent"}
            assert await state_of(shop) == ("bound", "")

    play(story)


def test_an_offer_by_letter_carries_its_readers_own_way_out(play):
    """R5, R40: the mail program's button leads to the link of this very person."""

    async def story(shop: Shop) -> None:
        with mail_server() as (box, port):
            await point(shop, port)
            await write(shop)
            for table in ("message", "outbox"):
                await shop.rows(f"UPDATE {table} SET class = 'marketing' RETURNING 1")
            await shop.rows("UPDATE message SET occasion = 'sale' RETURNING 1")
            await shop.rows("UPDATE contact SET marketing = 'in' RETURNING 1")
            await send.send_due(shop.runtime)
            link = box.letter()["List-Unsubscribe"].strip("<>")
            address, _, token = link.rpartition("/u/")
            claim = stop_links.read(token)
            (person,) = await shop.rows("SELECT id FROM contact")
            assert address == shop.runtime.settings.outside_url
            assert claim and (claim.store_id, claim.contact_id) == (shop.store.id, person["id"])
            assert stop_links.is_ours(claim, lambda text: shop.runtime.keyed(shop.store.id, text))

    play(story)


@pytest.mark.parametrize(("repeat", "klass", "sent"), [(False, "service", 0), (True, "service", 1),
                                                       (True, "marketing", 0)])  # fmt: skip
def test_doubtful_letters_are_repeated_only_where_told_and_never_marketing(
    play, repeat, klass, sent
):
    """P5: the same Message-ID once more, once; a second doubt ends it."""

    async def story(shop: Shop) -> None:
        with mail_server("hang up") as (box, port):
            await point(shop, port, repeat_unknown=repeat)
            await write(shop)
            for table in ("message", "outbox"):
                await shop.rows(f"UPDATE {table} SET class = %(klass)s RETURNING 1", klass=klass)
            await shop.rows("UPDATE contact SET marketing = 'in' RETURNING 1")
            for _ in range(3):
                await send.send_due(shop.runtime)
                shop.later(minutes=2)
            (letter,) = await letters(shop)
            assert letter["state"] == ("sent" if sent else "unknown")
            assert letter["reason"] == ("" if sent else "connection broke: server_hung_up")
            assert len(box.envelopes) == sent

    play(story)


def test_a_server_that_says_nothing_leaves_the_outcome_unknown(play):
    async def story(shop: Shop) -> None:
        with mail_server("say nothing") as (_, port):
            await point(shop, port, response_timeout_s=1, connections=1)
            await write(shop, 2)
            await send.send_due(shop.runtime)
            states = {m["reason"]: m["state"] for m in await letters(shop)}
            assert states == {"connection broke: server_silent": "unknown", "": "sent"}

    play(story)


# ------------------------------------------------------------------ many letters


def test_letters_go_over_several_connections_and_are_settled_together(play, monkeypatch):
    """Ten letters of 0.1 s over five connections; never more than the setting allows."""
    settled: list[int] = []
    settle = messages.settle

    async def counted(tx: Any, store: Any, gateway_id: int, results: Any, now: Any) -> None:
        settled.append(len(list(results)))
        await settle(tx, store, gateway_id, results, now)

    monkeypatch.setattr(postman.messages, "settle", counted)

    async def story(shop: Shop) -> None:
        with mail_server(slow_s=0.1) as (box, port):
            await point(shop, port, connections=5, throughput_per_s=1000)
            await write(shop, 10)
            await send.send_due(shop.runtime)
            assert len(box.envelopes) == 10
            assert 2 <= box.most_open <= 5
            assert sum(settled) == 10 and len(settled) < 10

    play(story)


def test_no_more_letters_a_second_than_the_provider_allows(play):
    async def story(shop: Shop) -> None:
        with mail_server() as (box, port):
            await point(shop, port, throughput_per_s=10)
            await write(shop, 7)
            began = time.monotonic()
            await send.send_due(shop.runtime)
            assert time.monotonic() - began >= 0.4  # two at once, five more a tenth apart
            assert len(box.envelopes) == 7

    play(story)


def test_a_dead_server_and_a_slow_one_keep_up_nobody_else(play):
    """P11: each gateway has its own postman."""

    async def story(shop: Shop) -> None:
        silent = socket.create_server(("127.0.0.1", 0))  # takes connections, says nothing
        with silent, mail_server() as (box, port):
            await point(shop, silent.getsockname()[1], response_timeout_s=3)
            await write(shop, 3)
            async with db.transaction(shop.runtime.pool) as tx:
                other = await gateways.create(
                    tx, store_id=shop.store.id, kind="smtp", channel="email", name="Second",
                    settings={"host": "127.0.0.1", "port": port, "security": "none",
                              "sender": "Linden <second@linden.example>"},
                    secrets=shop.runtime.sealer.seal({}), now=NOON, rank=1,
                )  # fmt: skip
            await write(shop, 3, first=10)
            sending = asyncio.create_task(send.send_due(shop.runtime))
            for _ in range(100):
                await asyncio.sleep(0.02)
                if len(box.envelopes) == 3:
                    break
            assert not sending.done(), "the silent server is still waited for"
            assert sorted(box.recipients) == [f"p{n}@example.by" for n in (10, 11, 12)]
            await sending
            assert (await state_of(shop, other))[0] == "bound"
            assert await state_of(shop) == ("refused", "server_silent")
            waiting = [m for m in await letters(shop) if m["state"] == "waiting"]
            assert len(waiting) == 3, "nothing is marked before somebody answers the door"

    play(story)


def test_a_server_that_takes_one_connection_gets_its_letters_over_one(play):
    async def story(shop: Shop) -> None:
        with mail_server(slow_s=0.05) as (box, port):
            allowed = threading.Semaphore(1)
            with gatekeeper(port, allowed) as narrow:
                await point(shop, narrow, connections=4, throughput_per_s=1000)
                await write(shop, 6)
                for _ in range(4):
                    await send.send_due(shop.runtime)
                    shop.later(minutes=1)
                assert len(box.envelopes) == 6
                assert {m["state"] for m in await letters(shop)} == {"sent"}

    play(story)


@contextmanager
def gatekeeper(port: int, allowed: threading.Semaphore) -> Iterator[int]:
    """A server in front of a server that turns away who is one too many."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve(ours: socket.socket) -> None:
        if not allowed.acquire(blocking=False):
            ours.sendall(b"421 4.7.0 too many connections\r\n")
            ours.close()
            return
        theirs = socket.create_connection(("127.0.0.1", port))
        back = threading.Thread(target=copy, args=(theirs, ours), daemon=True)
        back.start()
        copy(ours, theirs)
        back.join(2)
        allowed.release()
        ours.close()
        theirs.close()

    def copy(source: socket.socket, target: socket.socket) -> None:
        try:
            while octets := source.recv(65_536):
                target.sendall(octets)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def accept() -> None:
        while True:
            try:
                ours, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(ours,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


# ------------------------------------------------------------------ what is wrong, in our words


def test_a_server_that_is_not_there_takes_nothing_and_is_shown(play):
    """P5: nothing is marked before somebody answers the door."""

    async def story(shop: Shop) -> None:
        await point(shop, 1)
        await write(shop)
        await send.send_due(shop.runtime)
        assert (await letters(shop))[0]["state"] == "waiting"
        assert await state_of(shop) == ("refused", "server_away")
        await point(shop, 1, host="no-such-server.invalid")
        await send.send_due(shop.runtime)
        assert await state_of(shop) == ("refused", "server_unknown")
        await point(shop, 1, host="")
        await send.send_due(shop.runtime)
        assert await state_of(shop) == ("refused", "settings_wrong: host")
        assert (await letters(shop))[0]["state"] == "waiting"

    play(story)


def test_a_server_that_is_back_is_noticed_though_nothing_waits_for_it(play):
    """R113: its letters may have gone over another gateway, which must not be for ever."""

    async def story(shop: Shop) -> None:
        await point(shop, 1)
        await write(shop)
        await send.send_due(shop.runtime)
        await shop.rows("DELETE FROM outbox RETURNING 1")
        await send.send_due(shop.runtime)
        assert await state_of(shop) == ("refused", "server_away")
        with mail_server() as (box, port):
            await point(shop, port)
            box.of_sender = "550 not you"
            await send.send_due(shop.runtime)
            assert await state_of(shop) == ("refused", "sender_refused: 550 not you")
            box.of_sender = ""
            await send.send_due(shop.runtime)
            assert await state_of(shop) == ("bound", "")
            assert not box.envelopes
            box.of_sender = "550 not you"
            for n in range(2):  # refused, back, refused in the same words
                await write(shop, first=10 * n + 1)
                await send.send_due(shop.runtime)
                assert (await state_of(shop))[0] == "refused"

    play(story)


def test_the_test_button_says_what_is_wrong(tmp_path):
    """R113: before a merchant relies on it."""

    def check(host: str, port: int, security: str = "none", user: str = "") -> str:
        async def ask() -> str:
            return await mail.trouble_with(mail.server(host, port, security, user, "secret", 3.0))

        return asyncio.run(ask())

    def nobody(*_: Any) -> AuthResult:
        return AuthResult(success=False, handled=False)

    with mail_server() as (_, port):
        assert check("127.0.0.1", port) == ""
        assert check("127.0.0.1", port, "tls") == "server_speaks_no_tls"
        assert check("127.0.0.1", port, "starttls").startswith("server_refuses: ")
    with mail_server(authenticator=nobody, auth_require_tls=False) as (_, port):
        said = check("127.0.0.1", port, user="me")
        assert said.startswith("login_refused: 535") and "secret" not in said
    assert check("127.0.0.1", 1) == "server_away"
    assert check("no-such-server.invalid", 25) == "server_unknown"
    with mail_server(tls_context=certified(tmp_path)) as (_, port):
        assert check("127.0.0.1", port, "starttls").startswith("server_not_trusted: ")


def certified(folder: Path) -> ssl.SSLContext:
    """A certificate that nobody signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    both = folder / "both.pem"
    both.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ) + made.public_bytes(serialization.Encoding.PEM)
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context


def test_letters_go_over_starttls(play, tmp_path, monkeypatch):
    async def story(shop: Shop) -> None:
        with mail_server(tls_context=certified(tmp_path), require_starttls=True) as (box, port):
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "both.pem"))
            await point(shop, port, host="localhost", security="starttls")
            await write(shop)
            await send.send_due(shop.runtime)
            assert await state_of(shop) == ("bound", "")
            assert len(box.envelopes) == 1

    play(story)


# ------------------------------------------------------------------ delivery notices


def test_a_server_that_tells_of_deliveries_is_asked_to(play):
    """R100: RFC 3461; the mark is in the envelope, so whatever returns leads back."""
    said: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        in_letter = False
        while octets := await reader.readline():
            line = octets.decode().strip("\r\n")
            if in_letter:
                in_letter = line != "."
                if not in_letter:
                    writer.write(b"250 taken\r\n")
                continue
            said.append(line)
            if line.startswith("EHLO"):
                writer.write(b"250-here\r\n250-SIZE 1000\r\n250 DSN\r\n")
            elif line == "DATA":
                in_letter = True
                writer.write(b"354 go\r\n")
            else:
                writer.write(b"250 fine\r\n")
            if line == "QUIT":
                break
        writer.close()

    async def story(shop: Shop) -> None:
        async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await point(shop, port, bounce_address="bounces@linden.example")
            await write(shop)
            await send.send_due(shop.runtime)
        (letter,) = await letters(shop)
        assert letter["state"] == "sent"
        mark = smtp.letters.marked(token_of(letter["id"]), "")
        assert f"MAIL FROM:<bounces+{mark}@linden.example> RET=HDRS ENVID={mark}" in said
        assert "RCPT TO:<p0@example.by> NOTIFY=SUCCESS,FAILURE,DELAY" in said

    play(story)


def test_a_bounce_of_a_sent_letter_makes_it_failed(play):
    """R100: by the id under which it was settled."""

    async def story(shop: Shop) -> None:
        with mail_server() as (box, port):
            await point(shop, port)
            await write(shop)
            await send.send_due(shop.runtime)
            returned = (
                "From: MAILER-DAEMON\nSubject: failure notice\n\n550 5.1.1 user unknown\n"
                f"Message-ID: {box.letter()['Message-ID']}\n"
            )
            notice = bounces.read(returned.encode(), "")
            assert notice and id_of(notice.token) == (await letters(shop))[0]["id"]
            async with db.transaction(shop.runtime.pool) as tx:
                told = [receipts.Receipt(notice.token, notice.state, notice.error)]
                await messages.write(tx, shop.store, shop.email, [], told, shop.at)
            (letter,) = await letters(shop)
            assert letter["state"] == "failed"
            assert letter["reason"].startswith("undeliverable no_such_address: 550 5.1.1")

    play(story)


# ------------------------------------------------------------------ crashes


def test_what_a_dead_process_was_handing_over_is_unknown_though_nothing_else_is_due(play):
    """P5: no later letter of the same bucket is needed to see it, and no server either."""

    async def story(shop: Shop) -> None:
        await write(shop)
        (row,) = await shop.rows("SELECT * FROM outbox")
        async with db.transaction(shop.runtime.pool) as tx:
            await messages.take(tx, shop.store, row["bucket"], shop.email, shop.at, "dead")
        await send.send_due(shop.runtime)
        assert (await letters(shop))[0]["state"] == "waiting", "it may still be at it"
        shop.later(minutes=2)
        await send.send_due(shop.runtime)
        letter = (await letters(shop))[0]
        assert (letter["state"], letter["reason"]) == ("unknown", "process_lost")
        assert not await shop.rows("SELECT FROM outbox")

    play(story)


def test_what_a_dead_process_left_is_repeated_where_told(play):
    """P5: the merchant's own decision, for service letters only."""

    async def story(shop: Shop) -> None:
        with mail_server() as (box, port):
            await point(shop, port, repeat_unknown=True)
            await write(shop)
            (row,) = await shop.rows("SELECT * FROM outbox")
            async with db.transaction(shop.runtime.pool) as tx:
                await messages.take(tx, shop.store, row["bucket"], shop.email, shop.at, "dead")
            shop.later(minutes=2)
            for _ in range(2):
                await send.send_due(shop.runtime)
            assert (await letters(shop))[0]["state"] == "sent"
            assert len(box.envelopes) == 1

    play(story)


WORKER = """
import asyncio, sys
from pathlib import Path
from ringdove.runtime import open_runtime
from ringdove.settings import Settings
from ringdove.workers.sending import send
from tests.flows.conftest import NOON

async def work():
    settings = Settings(home=Path(sys.argv[1]), database_url=sys.argv[2])
    async with open_runtime(settings, clock=lambda: NOON) as runtime:
        await send.run(runtime, asyncio.Event())

asyncio.run(work())
"""


@pytest.mark.parametrize("after", [1, 9])
def test_killed_while_handing_over(database_url: str, tmp_path: Path, after: int) -> None:
    """P5: kill -9. Nobody gets a letter twice, none is lost, and only those that were being
    handed over, no more than there are connections, are unknown."""
    count, connections = 30, 3

    async def whole() -> None:
        with mail_server(slow_s=0.05) as (box, port):
            async with open_shop(database_url, tmp_path) as shop:
                await point(shop, port, connections=connections, throughput_per_s=1000)
                await write(shop, count)
                with subprocess.Popen(
                    [sys.executable, "-c", WORKER, str(tmp_path), database_url],
                    cwd=Path(__file__).parents[2],
                ) as worker:
                    try:
                        for _ in range(3000):
                            await asyncio.sleep(0.01)
                            if len(box.envelopes) >= after:
                                break
                    finally:
                        os.kill(worker.pid, signal.SIGKILL)
                assert after <= len(box.envelopes) < count
                async with db.transaction(shop.runtime.pool) as tx:
                    await tx.execute("DELETE FROM lease")  # as fifteen seconds would do
                await asyncio.sleep(0.1)
                await send.send_due(shop.runtime)
                made = await letters(shop)
                states = Counter(m["state"] for m in made)
                assert set(states) <= {"sent", "unknown"} and states["unknown"] <= connections
                assert max(Counter(box.recipients).values()) == 1
                sent = {m["recipient"] for m in made if m["state"] == "sent"}
                assert sent <= set(box.recipients)

    asyncio.run(whole())


def test_told_to_stop_it_finishes_what_it_hands_over(play):
    async def story(shop: Shop) -> None:
        with mail_server(slow_s=0.3) as (box, port):
            await point(shop, port, throughput_per_s=1000)
            await write(shop, 8)
            stop = asyncio.Event()
            working = asyncio.create_task(send.run(shop.runtime, stop))
            while not box.open:
                await asyncio.sleep(0.01)
            stop.set()
            await asyncio.wait_for(working, 5)
            states = Counter(m["state"] for m in await letters(shop))
            assert states == {"sent": len(box.envelopes), "waiting": 8 - len(box.envelopes)}
            assert 0 < len(box.envelopes) < 8

    play(story)
