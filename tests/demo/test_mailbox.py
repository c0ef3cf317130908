"""The demo's mailbox, spoken to by a real SMTP client."""

import asyncio
from email.message import EmailMessage

import aiosmtplib

from ringdove.demo import mailbox


def test_letters_arrive_whole_and_bad_talk_hurts_nobody() -> None:
    async def talk() -> mailbox.Mailbox:
        letter = EmailMessage()
        letter["From"], letter["To"], letter["Subject"] = (
            "a@shop.example",
            "b@example.com",
            "Привет",
        )
        letter.set_content("First\n.begins with a dot\n")
        async with mailbox.opened() as box:
            _, writer = await asyncio.open_connection("127.0.0.1", box.port)
            writer.write(b"GET / HTTP/1.1\r\n" + b"x" * 20_000)
            await writer.drain()
            async with aiosmtplib.SMTP(hostname="127.0.0.1", port=box.port) as server:
                await server.send_message(letter)
                await server.send_message(letter, recipients=["c@example.com", "d@example.com"])
            writer.close()
            return box

    box = asyncio.run(talk())
    assert box.received == 3
    assert [recipient for recipient, _ in box.letters] == [
        "b@example.com", "c@example.com", "d@example.com",
    ]  # fmt: skip
    assert b"\r\n.begins with a dot\r\n" in box.letters[0][1]
