"""Packets that are kept: what a message's page shows of the wire, and that nothing is when off."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from pydantic import Field, SecretStr

from ringdove.gateways import edge
from ringdove.smpp.codec import Decoder
from ringdove.workers import packets, sweep
from tests.flows.conftest import NOON, Shop
from tests.workers.test_binds import (
    Smsc,
    accept,
    deliver,
    operator,
    play,  # noqa: F401
    queue,
    quick,  # noqa: F401
    speaking,
    states,
    until,
)
from tests.workers.test_binds import refuse as refused_with

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
