"""Bounces read from a mailbox, against an IMAP server of our own."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from psycopg.types.json import Jsonb

from ringdove.gateways.smtp.letters import marked
from ringdove.kit import imap
from ringdove.kit.buckets import token_of
from ringdove.web.app import create_app
from ringdove.workers import react
from ringdove.workers.sending import bounces, send
from tests.flows.conftest import Shop, order, play
from tests.gateways.test_bounces import COMPLAINT, HOLIDAY, MARK, NO_USER, report
from tests.web.test_gateway_doors import TOKEN, Site
from tests.workers.test_send import certified, letters, mail_server, point, write

__all__ = ["play"]

pytestmark = pytest.mark.slow
PASSWORD = 'Пароль "\\'


@dataclass
class Imap:
    """A mailbox as RFC 3501 has it, the least of it. `mails` by uid; `said` is what was asked."""

    mails: dict[int, bytes] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    said: list[str] = field(default_factory=list)
    validity: int = 7
    port: int = 0
    hangs_up_at: str = ""
    tls: ssl.SSLContext | None = None
    too_early: bytes = b""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK here\r\n")
        try:
            while line := await self._line(reader, writer):
                tag, _, command = line.partition(" ")
                self.said.append(command)
                if self.hangs_up_at and self.hangs_up_at in command:
                    return
                writer.write(self._answer(command))
                writer.write(tag.encode() + self._verdict(command) + self.too_early)
                await writer.drain()
                if command == "STARTTLS" and self.tls:
                    await writer.start_tls(self.tls)
                if command == "LOGOUT":
                    return
        finally:
            writer.close()

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        line = (await reader.readline()).decode().rstrip("\r\n")
        while found := re.search(r"\{(\d+)\}$", line):
            writer.write(b"+ go on\r\n")
            literal = (await reader.readexactly(int(found[1]))).decode()
            line = line[: found.start()] + f"<{literal}>"
            line += (await reader.readline()).decode().rstrip("\r\n")
        return line

    def _verdict(self, command: str) -> bytes:
        if command.startswith("LOGIN") and not command.endswith(f'"me" <{PASSWORD}>'):
            return b" NO [AUTHENTICATIONFAILED] wrong\r\n"
        return b" OK done\r\n"

    def _answer(self, command: str) -> bytes:
        if command.startswith("SELECT"):
            return b"* 3 EXISTS\r\n* OK [UIDVALIDITY %d] so it is\r\n" % self.validity
        if found := re.match(r"UID SEARCH UNSEEN UID (\d+):\* SINCE \d\d-\w{3}-\d{4}", command):
            uids = [uid for uid in self.mails if uid >= int(found[1])] or [*self.mails][-1:]
            unseen = [str(uid) for uid in uids if uid not in self.seen]
            return f"* SEARCH {' '.join(unseen)}\r\n".encode()
        if found := re.match(r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", command):
            octets = self.mails[int(found[1])][: int(found[2])]
            head = f"* 1 FETCH (UID {found[1]} BODY[]<0> {{{len(octets)}}}\r\n".encode()
            return b"* 5 EXPUNGE\r\n" + head + octets + b")\r\n"
        if found := re.match(r"UID STORE ([\d,]+) \+FLAGS\.SILENT \(\\Seen\)", command):
            self.seen |= {int(uid) for uid in found[1].split(",")}
        return b""


@asynccontextmanager
async def mailbox() -> AsyncIterator[Imap]:
    box = Imap()
    async with await asyncio.start_server(box.talk, "127.0.0.1", 0) as server:
        box.port = server.sockets[0].getsockname()[1]
        yield box


async def watch(shop: Shop, box: Imap, **more: object) -> None:
    """The gateway reads this mailbox."""
    sealed = shop.runtime.sealer.seal({"bounce_secret": "s", "imap_password": PASSWORD})
    told = {"imap_host": "127.0.0.1", "imap_port": box.port, "imap_security": "none",
            "imap_user": "me"} | more  # fmt: skip
    await shop.rows(
        "UPDATE gateway SET settings = settings || %(told)s, secrets = %(sealed)s"
        " WHERE id = %(id)s RETURNING 1", told=Jsonb(told), sealed=sealed, id=shop.email,
    )  # fmt: skip


async def sent(shop: Shop, count: int = 1, **more: object) -> list[str]:
    """Letters on their way; their marks."""
    with mail_server() as (_, port):
        await point(shop, port, **more)
        await write(shop, count)
        await send.send_due(shop.runtime)
    made = await letters(shop)
    assert {m["state"] for m in made} == {"sent"}
    return [marked(token_of(m["id"]), "s") for m in made]


def mail_about(mark: str, mail: str = "") -> bytes:
    return (mail or report(NO_USER)).replace(MARK, mark).encode()


def test_bounces_are_read_recorded_and_marked_and_other_mail_is_left_alone(play):
    """R100: failed with the reason; nothing of people is touched, nothing is deleted."""

    async def story(shop: Shop) -> None:
        async with mailbox() as box:
            await watch(shop, box, imap_folder="Возвраты & more")
            first, second, third = await sent(shop, 3)
            delayed = report("Action: delayed\nStatus: 4.4.1")
            box.mails = {
                3: mail_about(first), 5: mail_about(first, HOLIDAY), 8: b"From: Anna\n\nHello",
                9: mail_about(second, delayed), 11: mail_about("0" * 23),
                12: mail_about(first), 13: mail_about(third, report("Action: delivered")),
            }  # fmt: skip
            places: dict[int, bounces._Place] = {}
            await bounces.read_all(shop.runtime, places)
            assert [m["state"] for m in await letters(shop)] == ["failed", "sent", "delivered"]
            reason = (await letters(shop))[0]["reason"]
            assert reason.startswith("undeliverable no_such_address: 5.1.1")
            assert box.seen == {3, 9, 12, 13}
            assert 'SELECT "&BBIEPgQ3BDIEQAQwBEIESw- &- more"' in box.said
            assert not [one for one in box.said if re.search("DELE|EXPUNGE|MOVE", one, re.I)]
            box.said.clear()
            await bounces.read_all(shop.runtime, places)
            assert not [one for one in box.said if "FETCH" in one], "each mail is looked at once"
            box.validity += 1
            await bounces.read_all(shop.runtime, places)
            assert [one.split()[2] for one in box.said if "FETCH" in one] == ["5", "8", "11"]

    play(story)


def test_a_line_that_breaks_before_the_flag_changes_nothing(play):
    """P8: the same bounce once more is the same bounce."""

    async def story(shop: Shop) -> None:
        async with mailbox() as box:
            await watch(shop, box)
            (mark,) = await sent(shop)
            box.mails, box.hangs_up_at = {1: mail_about(mark)}, "STORE"
            await bounces.read_all(shop.runtime, {})
            assert (await letters(shop))[0]["state"] == "failed" and not box.seen
            box.hangs_up_at = ""
            await bounces.read_all(shop.runtime, {})
            assert box.seen == {1}
            assert len(await shop.rows("SELECT FROM receipt")) == 1

    play(story)


def test_who_complains_of_a_letter_gets_no_more_marketing(play):
    """R4, R5: by post as well; service letters of their orders still come."""

    async def story(shop: Shop) -> None:
        async with mailbox() as box:
            await watch(shop, box)
            (mark,) = await sent(shop)
            await shop.rows("UPDATE contact SET marketing = 'in' RETURNING 1")
            box.mails = {1: mail_about(mark, COMPLAINT), 2: mail_about(mark, COMPLAINT)}
            await bounces.read_all(shop.runtime, {})
            await react.answer_due(shop.runtime)
            (person,) = await shop.rows("SELECT * FROM contact")
            assert (person["marketing"], person["service"]) == ("out", "in")
            (event,) = await shop.rows("SELECT * FROM consent_event WHERE change = 'out'")
            assert event["source"] == "complaint" and "spam" in event["words"]
            assert (await letters(shop))[0]["state"] == "delivered"
            counted = await shop.rows("SELECT n FROM counter WHERE name = 'complained'")
            assert [row["n"] for row in counted] == [1]
            await shop.hear(order("99", customer={"email": "p0@example.by"}))
            await react.answer_due(shop.runtime)
            assert (await letters(shop))[-1]["state"] == "waiting"

    play(story)


def test_an_address_that_does_not_exist_gets_no_more_letters(play):
    """P12, R4: it is on the list of refusals, for whoever brings it next; texts still go."""

    async def story(shop: Shop) -> None:
        async with mailbox() as box:
            await watch(shop, box)
            (mark,) = await sent(shop)
            box.mails = {1: mail_about(mark), 2: mail_about(mark)}
            await bounces.read_all(shop.runtime, {})
            await react.answer_due(shop.runtime)
            (held,) = await shop.rows("SELECT scope, reason FROM suppression")
            assert held == {"scope": "all", "reason": "bounced"}
            (person,) = await shop.rows("SELECT * FROM contact")
            assert (person["marketing"], person["service"]) == ("none", "in")
            await shop.hear(order("99", customer={"email": "p0@example.by"}))
            await react.answer_due(shop.runtime)
            last = (await letters(shop))[-1]
            assert (last["state"], last["reason"]) == ("dropped", "email_closed")
            await shop.rows("DELETE FROM contact_ref RETURNING 1")
            both = {"email": "P0@example.by", "phone": "+375291112299"}
            await shop.hear(order("100", customer=both, at=shop.later(minutes=1)))
            await react.answer_due(shop.runtime)
            (new,) = await shop.rows("SELECT * FROM contact WHERE phone IS NOT NULL")
            assert (new["marketing"], new["service"]) == ("none", "in")
            assert (await letters(shop))[-1]["reason"] == "email_closed"

    play(story)


def test_a_mail_server_hands_in_bounces_and_complaints_at_the_gateways_door(play):
    """P8, R4: with the secret only; a complaint ends marketing here as well."""

    async def story(shop: Shop) -> None:
        await watch(shop, Imap(port=1))
        mark, other = await sent(shop, 2)
        await shop.rows("UPDATE contact SET marketing = 'in' RETURNING 1")
        await shop.rows(
            "UPDATE gateway SET token = %(token)s WHERE id = %(id)s RETURNING 1",
            token=TOKEN, id=shop.email,
        )  # fmt: skip
        site = Site(shop, shop.email, create_app(shop.runtime))
        refused = await site.tell(mail_about(mark), authorization="Bearer wrong")
        assert refused.status == 401
        assert {m["state"] for m in await letters(shop)} == {"sent"}
        for mail in (mail_about(mark), mail_about(other, COMPLAINT), mail_about(mark, HOLIDAY)):
            assert (await site.tell(mail, authorization="Bearer s")).status == 200
        assert [m["state"] for m in await letters(shop)] == ["failed", "delivered"]
        await react.answer_due(shop.runtime)
        people = await shop.rows("SELECT marketing FROM contact ORDER BY email")
        assert [row["marketing"] for row in people] == ["in", "out"]

    play(story)


def test_another_stores_letter_is_nobodys(play):
    """P10: a mark made with this gateway's secret about a message that is not this store's."""

    async def story(shop: Shop) -> None:
        async with mailbox() as box:
            await watch(shop, box)
            (mark,) = await sent(shop)
            (letter,) = await letters(shop)
            await shop.rows("UPDATE message SET store_id = 2 RETURNING 1")
            box.mails = {1: mail_about(mark, COMPLAINT)}
            await bounces.read_all(shop.runtime, {})
            assert not await shop.rows("SELECT FROM fact WHERE kind = 'consent.changed'")
            assert letter["store_id"] == shop.store.id

    play(story)


def test_a_mailbox_that_cannot_be_read_is_said_without_its_password(play, capsys):
    async def story(shop: Shop) -> None:
        async with mailbox() as box:
            await watch(shop, box, imap_user="somebody")
            await bounces.read_all(shop.runtime, {})
            await watch(shop, box, imap_port=1)
            await bounces.read_all(shop.runtime, {})

    play(story)
    said = capsys.readouterr().out
    assert "login_refused: [AUTHENTICATIONFAILED] wrong" in said and "server_away" in said
    assert "Пароль" not in said


def test_the_worker_reads_until_it_is_told_to_stop(play):
    async def story(shop: Shop) -> None:
        async with mailbox() as box:
            await watch(shop, box)
            (mark,) = await sent(shop)
            box.mails = {1: mail_about(mark)}
            stop = asyncio.Event()
            working = asyncio.create_task(bounces.run(shop.runtime, stop))
            for _ in range(200):
                await asyncio.sleep(0.02)
                if box.seen:
                    break
            stop.set()
            await asyncio.wait_for(working, 2)
            assert box.seen == {1}

    play(story)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_mailbox_is_read_over_tls(security, tmp_path, monkeypatch):
    async def whole() -> None:
        context = certified(tmp_path)
        with pytest.raises(imap.TROUBLES) as error:
            await look(context)
        assert bounces.trouble(error.value).startswith("server_not_trusted: ")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "both.pem"))
        assert await look(context) == [3]
        if security == "starttls":
            with pytest.raises(imap.Refused, match="before TLS"):
                await look(context, too_early=b"r2 OK you are in\r\n")

    async def look(context: ssl.SSLContext, **more: bytes) -> list[int]:
        box = Imap(mails={3: b"x"}, tls=context, **more)
        under = context if security == "tls" else None
        async with await asyncio.start_server(box.talk, "127.0.0.1", 0, ssl=under) as server:
            port = server.sockets[0].getsockname()[1]
            try:
                async with imap.opened(
                    "localhost", port, security, "me", PASSWORD, "INBOX"
                ) as mailbox:
                    return await mailbox.unseen("18-Nov-2026", 0)
            finally:
                await asyncio.sleep(0.1)  # for the server's end

    asyncio.run(whole())


@pytest.mark.parametrize(
    "said", [b"", b"* BYE no\r\n", b"* OK hi\r\nr1 OK\r\nr2 OK\r\n* SEARCH x {99999999}\r\n",
             b"\xff" * 70_000, b"* OK hi\r\nr1 BAD \xff\r\n"],
)  # fmt: skip
def test_any_server_is_a_mailbox_or_a_trouble(said):
    """Bounded, and in the list of what callers expect."""

    done = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            writer.write(said)
            await writer.drain()
            await asyncio.sleep(0.05)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        done.set()

    async def whole() -> None:
        async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            try:
                async with imap.opened("127.0.0.1", port, "none", "me", "x", "INBOX") as box:
                    await box.unseen("18-Nov-2026", 0)
            finally:
                await done.wait()

    with pytest.raises(imap.TROUBLES) as error:
        asyncio.run(whole())
    assert bounces.trouble(error.value)
