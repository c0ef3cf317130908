"""Packets that are kept: what a message's page shows of the wire, and that nothing is when off."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pydantic import Field, SecretStr

from ringdove.gateways import edge
from ringdove.kit import db
from ringdove.smpp.codec import Decoder
from ringdove.workers.sending import packets, sweep
from tests.flows.conftest import NOON, Shop
from tests.workers.test_binds import (
    Smsc,
    accept,
    deliver,
    ignore,
    operator,
    play,  # noqa: F401
    queue,
    quick,  # noqa: F401
    speaking,
    states,
    until,
)
from tests.workers.test_binds import refuse as refused_with
from tests.workers.test_speak import add, served
from tests.workers.test_speak import quick as quick_speakers  # noqa: F401
from tests.workers.test_speak import speaking as http_speaking

KEPT = "SELECT message_id, direction, what, octets FROM wire ORDER BY id"


def accept_and_tell(smsc: Smsc, link: Any, asked: Any) -> None:
    accept(smsc, link, asked)
    deliver(link, "id-1", "DELIVRD")


def test_each_packet_of_a_message_is_kept_as_it_went(play: Callable[..., None]) -> None:  # noqa: F811
    """The submit with its number, its answer with the same, and the receipt."""

    async def story(shop: Shop) -> None:
        async with operator(shop, accept_and_tell, throughput_per_s=100) as (_, gateway_id):
            await queue(shop, ("+375291112233", "Hi"), gateway_id=gateway_id)
            async with speaking(shop, 1):
                await until(shop, lambda rows: states(rows) == ["delivered"])
        (message,) = await shop.messages()
        rows = await shop.rows(KEPT)
        assert [(row["direction"], row["what"]) for row in rows] == [
            ("out", "submit_sm"), ("in", "submit_sm_resp"), ("in", "deliver_sm"),
        ]  # fmt: skip
        assert {row["message_id"] for row in rows} == {message["id"]}
        said, answer, receipt = (_read(row["octets"]) for row in rows)
        assert said.sequence == answer.sequence > 0 and said.body.short_message == b"Hi"
        assert answer.body.message_id == "id-1"
        assert b"stat:DELIVRD" in receipt.body.short_message
        assert await sweep.forget(shop.runtime) == 0
        shop.later(days=40)
        assert await sweep.forget(shop.runtime) == 3
        assert await shop.rows(KEPT) == []

    play(story)


def _read(octets: bytes) -> Any:
    decoder = Decoder()
    decoder.feed(octets)
    return decoder.next_pdu()


def test_a_refusal_is_kept_with_its_status(play: Callable[..., None]) -> None:  # noqa: F811
    async def story(shop: Shop) -> None:
        refuse = refused_with(0x0B)
        async with operator(shop, refuse, throughput_per_s=100) as (_, gateway_id):
            await queue(shop, ("+375291112233", "Hi"), gateway_id=gateway_id)
            async with speaking(shop, 1):
                await until(shop, lambda rows: rows[0]["reason"])
        said, answer = await shop.rows(KEPT)
        assert said["what"] == "submit_sm" and _read(answer["octets"]).status == 0x0B

    play(story)


def test_nothing_is_kept_when_it_is_off_or_the_account_is_fast(play: Callable[..., None]) -> None:  # noqa: F811
    async def story(shop: Shop) -> None:
        for settings in (
            {"keep_packets": False, "throughput_per_s": 50},
            {"throughput_per_s": 201},
        ):
            async with operator(shop, accept_and_tell, **settings) as (_, gateway_id):
                await queue(shop, (f"+37529111{gateway_id:04}", "Hi"), gateway_id=gateway_id)
                async with speaking(shop, 1):
                    await until(shop, lambda rows: "waiting" not in states(rows))
        assert await shop.rows(KEPT) == []

    play(story)


class Settings(edge.Settings):
    key: SecretStr = Field(SecretStr(""))


def test_a_request_is_shown_without_its_secrets() -> None:
    """Whatever a settings' secret looks like in an address, a form, JSON or a header."""
    secret = 'k€y "a"&b/c'
    hidden = packets.secrets_of(Settings(key=SecretStr(secret)), "door-token")
    shown = packets.request(
        7,
        NOON + timedelta(seconds=1),
        "POST",
        "https://api.example/send?key=k%E2%82%ACy%20%22a%22%26b%2Fc&to=1",
        {"Authorization": "Bearer whatever", "Content-Type": "application/json"},
        b'{"k": "k\\u20acy \\"a\\"&b/c", "url": "https://us/in/door-token", "text": "Hi"}',
        hidden,
    )
    words = shown.octets.decode()
    assert words.startswith("POST /send?key=•••&to=1\nhost: api.example\n")
    assert "Bearer" not in words and "door-token" not in words and '"text": "Hi"' in words
    assert "key=k" not in words and "20acy" not in words


def test_what_an_operator_over_http_is_asked_and_answers_is_kept(play: Callable[..., None]) -> None:  # noqa: F811
    async def story(shop: Shop) -> None:
        async with served() as server:
            gateway_id = await add(shop, server.url, throughput_per_s=100)
            await queue(shop, ("+375291112233", "Hi"), gateway_id=gateway_id)
            async with http_speaking(shop):
                await until(shop, lambda rows: states(rows) == ["sent"])
        asked, answered = await shop.rows(KEPT)
        assert (asked["direction"], asked["what"]) == ("out", "POST")
        assert b"/send?key=\xe2\x80\xa2" in asked["octets"] and b"geheim" not in asked["octets"]
        assert (answered["direction"], answered["what"]) == ("in", "200")

    play(story)


@pytest.mark.slow
@pytest.mark.parametrize("repeats", [False, True])
def test_a_service_text_without_an_answer_is_said_again_where_the_merchant_chose_it(
    play: Callable[..., None],  # noqa: F811
    repeats: bool,
) -> None:
    """The policy for unknown outcomes: off, it is unknown; on, it waits to be said again."""

    async def story(shop: Shop) -> None:
        settings = {"response_timeout_s": 1, "repeat_unknown": repeats}
        async with operator(shop, ignore, **settings) as (_, gateway_id):
            await queue(shop, ("+375291112233", "Hi"), gateway_id=gateway_id)
            async with speaking(shop, 1):
                (row,) = await until(
                    shop, lambda rows: rows[0]["state"] != "waiting" or rows[0]["attempts"]
                )
        waiting = await shop.rows("SELECT attempts FROM outbox")
        if repeats:
            assert row["state"] == "waiting" and waiting == [{"attempts": 1}]
        else:
            assert row["state"] == "unknown" and waiting == []

    play(story)


@pytest.mark.slow
def test_a_connection_tells_its_pulse_while_something_moves_and_once_when_it_stands_still(
    play: Callable[..., None],  # noqa: F811
) -> None:
    """A hint on channel `live`: figures of a gateway, never a person's."""

    async def story(shop: Shop) -> None:
        told: list[dict[str, Any]] = []
        async with (
            db.Bell(shop.runtime.database_url, ["live"]) as bell,
            operator(shop, accept_and_tell) as (_, gateway_id),
            speaking(shop, 1),
        ):
            await queue(shop, ("+375291112233", "Hi"), gateway_id=gateway_id)
            async with asyncio.timeout(10):
                while not told or told[-1]["per_s"]:
                    for _, payload in await bell.wait(5):
                        _, _, topic = payload.partition(" ")
                        if topic.startswith("pulse "):
                            told.append(json.loads(topic.removeprefix("pulse ")))
        assert told[0]["gateway"] == gateway_id and told[0]["per_s"] > 0
        assert set(told[0]) == {"gateway", "bind", "per_s", "unanswered", "window", "queued"}

    play(story)
