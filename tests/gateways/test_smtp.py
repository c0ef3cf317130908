"""The e-mail edge as tables, and the worker against a real SMTP server on a socket."""

import asyncio
import email
import socket
from contextlib import contextmanager
from datetime import UTC, datetime
from email import policy
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from ringdove.gateways import smtp
from ringdove.kit import db, mail
from ringdove.records import messages
from ringdove.workers import react, send
from tests.flows.conftest import Shop, order

NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
SETTINGS = smtp.Settings(host="mail.example", sender="Линден <orders@linden.example>")


def test_a_letter_names_both_ends_and_itself():
    """R55: names and subjects in any script, an id that stays the same at every attempt."""
    letter = smtp.request(
        SETTINGS, recipient="anna@example.by", subject="Заказ 42\r\nBcc: all@example.com",
        body="Спасибо!", token="0123456789abc", now=NOW,
    )  # fmt: skip
    read = email.message_from_bytes(letter.as_bytes(), policy=policy.default)
    assert read["From"] == "Линден <orders@linden.example>"
    assert read["To"] == "anna@example.by"
    assert read["Subject"] == "Заказ 42 Bcc: all@example.com" and read["Bcc"] is None
    assert read["Message-ID"] == "<0123456789abc@linden.example>"
    assert read.get_content().strip() == "Спасибо!"


@pytest.mark.parametrize("address", ["", "anna", "@example.by", "anna@", "a b@example.by\n"])
def test_an_address_that_is_none_is_refused_before_it_leaves(address):
    with pytest.raises(ValueError):
        smtp.request(SETTINGS, recipient=address, subject="s", body="b", token="t", now=NOW)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (250, smtp.Sent("<id>")),
        (451, smtp.Refused("451 greylisted", "later")),
        (550, smtp.Refused("550 greylisted", "permanent")),
    ],
)
def test_reply_codes_are_read_as_rfc_5321_means_them(code, expected):
    assert smtp.outcome(code, "greylisted", "<id>") == expected


def test_a_sender_without_an_address_is_refused_by_the_form():
    with pytest.raises(ValueError, match="write an address"):
        smtp.Settings(host="mail.example", sender="Linden")


class Mailbox:
    """What the server at the other end does with letters."""

    def __init__(self, answers: list[str]) -> None:
        self.answers = answers
        self.letters: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer == "hang up":
            server.transport.abort()
            return "250 never seen"
        if answer.startswith("2"):
            self.letters.append(envelope)
        return answer


@contextmanager
def mail_server(*answers: str):
    box = Mailbox(list(answers))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box, port
    finally:
        controller.stop()


async def _one_letter(shop: Shop, port: int, rounds: int = 1) -> dict[str, Any]:
    await shop.rows(
        "UPDATE gateway SET settings = settings || jsonb_build_object('port', %(port)s::int)"
        " WHERE id = %(id)s RETURNING 1", port=port, id=shop.email,
    )  # fmt: skip
    await shop.hear(order(customer={"email": "anna@example.by", "phone": "+375291112233"}))
    await react.answer_due(shop.runtime)
    for _ in range(rounds):
        await send.send_due(shop.runtime, {})
        shop.later(minutes=2)
    (letter,) = [m for m in await shop.messages() if m["channel"] == "email"]
    return letter


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answers", "rounds", "state", "arrived"),
    [
        ([], 1, "sent", 1),
        (["451 later"], 1, "waiting", 0),
        (["451 later"], 2, "sent", 1),
        (["550 no such user"], 2, "failed", 0),
        (["hang up"], 2, "unknown", 0),
    ],
)
def test_the_order_letter_over_a_real_smtp_server(play, answers, rounds, state, arrived):
    """R55, P5: taken, refused for now, refused for good, and a line that breaks after the letter's
    last octet: unknown, and not sent again."""

    async def story(shop: Shop) -> None:
        with mail_server(*answers) as (box, port):
            letter = await _one_letter(shop, port, rounds)
            assert letter["state"] == state, letter["reason"]
            assert len(box.letters) == arrived
            if arrived:
                assert box.letters[0].rcpt_tos == ["anna@example.by"]

    play(story)


def test_what_a_dead_process_was_handing_over_is_unknown_though_nothing_else_is_due(play):
    """P5: no later letter of the same bucket is needed to see it, and no server either."""

    async def story(shop: Shop) -> None:
        await shop.hear(order(customer={"email": "anna@example.by"}))
        await react.answer_due(shop.runtime)
        (row,) = await shop.rows("SELECT * FROM outbox")
        async with db.transaction(shop.runtime.pool) as tx:
            await messages.take(tx, shop.store, row["bucket"], shop.email, shop.at, "dead")
        await send.send_due(shop.runtime, {})
        assert (await shop.messages())[0]["state"] == "waiting", "it may still be at it"
        shop.later(minutes=2)
        await send.send_due(shop.runtime, {})
        letter = (await shop.messages())[0]
        assert (letter["state"], letter["reason"]) == ("unknown", "process_lost")
        assert not await shop.rows("SELECT FROM outbox")

    play(story)


@pytest.mark.slow
def test_a_server_that_is_not_there_takes_nothing_and_is_shown(play):
    """P5: nothing is marked before somebody answers the door."""

    async def story(shop: Shop) -> None:
        letter = await _one_letter(shop, 1)
        assert letter["state"] == "waiting"
        (seen,) = await shop.rows(
            "SELECT state FROM gateway_state WHERE gateway_id = %(id)s", id=shop.email
        )
        assert seen["state"] == "refused"

    play(story)


def test_the_test_button_says_what_is_wrong():
    """R113: before a merchant relies on it."""
    with mail_server() as (_, port):
        assert asyncio.run(_trouble_at(port)) == ""
    assert asyncio.run(_trouble_at(1))


async def _trouble_at(port: int) -> str:
    return await mail.trouble_with(mail.server("127.0.0.1", port, "none", "", "", 5.0))
