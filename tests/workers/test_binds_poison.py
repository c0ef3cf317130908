"""Binds against what is poison, and against an SMSC that is slow: each stops nothing but itself."""

import struct
from collections.abc import Callable
from dataclasses import replace

import pytest

from ringdove.gateways import smpp
from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.records.sending import messages
from ringdove.workers.sending import ear, mouth, pace
from ringdove.workers.sending.accounts import Account
from ringdove.workers.sending.links import Asked, Link
from tests.flows.conftest import NOON, Shop
from tests.workers.test_binds import (
    WAIT_S,
    Smsc,
    eventually,
    operator,
    play,
    queue,
    quick,
    speaking,
    states,
    until,
)

__all__ = ["play", "quick"]

SETTINGS = smpp.Settings(host="127.0.0.1", system_id="shop")


def test_an_answer_that_cannot_be_kept_stops_nothing_but_itself(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """P11: its message becomes unknown, the others are settled, and none lies under a mark."""

    async def story(shop: Shop) -> None:
        account = Account(shop.sms, shop.store, SETTINGS, lambda: None)
        one = ear.Ear(shop.runtime, account)
        wanted = [(f"+3752911122{n:02}", "Hi") for n in range(3)]
        await queue(shop, *wanted)
        (bucket,) = buckets_of_store(shop.store.bucket_base, 1)
        async with db.transaction(shop.runtime.pool) as tx:
            taken = await messages.take(tx, shop.store, bucket, shop.sms, NOON, "me")
        bad = "\ud800", "x" * 100_000 + "\0"
        for message, provider_id in zip(taken, ("a", *bad), strict=True):
            one.settled(messages.Settled(message.message_id, "sent", "", (provider_id,)))
        assert await one.write()
        assert states(await shop.messages()) == ["sent", "unknown", "unknown"]
        assert not await shop.rows("SELECT FROM submission")

    play(story)


def test_an_id_of_any_length_is_kept(play: Callable[..., None]) -> None:
    """P11: octets of a misbehaving SMSC; a key of an index cannot hold them."""
    endless = "".join(f"{n:x}" for n in range(5_000))

    def accepted(smsc: Smsc, link: Link, asked: Asked) -> None:
        octets = endless.encode() + b"\0"
        link._say(struct.pack(">IIII", 16 + len(octets), 0x80000004, 0, asked.sequence) + octets)

    async def story(shop: Shop) -> None:
        async with operator(shop, accepted) as (_, gateway_id):
            await queue(shop, ("+375291112233", "Hi"), gateway_id=gateway_id)
            async with speaking(shop, 1):
                await until(shop, lambda rows: states(rows) == ["sent"])
                assert await shop.rows("SELECT FROM provider_ref WHERE length(provider_id) <= 200")

    play(story)


def test_a_stop_wins_over_a_text_that_waits_for_a_slow_smsc(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """P1: taken, then the SMSC asked for a pause; who stopped meanwhile is not written to."""
    monkeypatch.setattr(mouth, "DECIDED_S_MAX", 0.2)
    monkeypatch.setattr(pace, "SLOWER_S", (0.6, 0.6))

    def throttled(smsc: Smsc, link: Link, asked: Asked) -> None:
        link.answer(asked, status=0x58)

    async def story(shop: Shop) -> None:
        async with operator(shop, throttled, window=1) as (smsc, gateway_id):
            await queue(
                shop, ("+375291112201", "Hi"), ("+375291112202", "Hi"), gateway_id=gateway_id
            )
            async with speaking(shop, 1):
                await eventually(lambda: len(smsc.heard) == 1)
                await shop.rows("UPDATE contact SET service = 'out' RETURNING 1")
                rows = await until(shop, lambda rows: states(rows) == ["dropped", "dropped"])
                assert {row["reason"] for row in rows} == {"stopped"}
            assert len(smsc.heard) == 1

    play(story)


@pytest.mark.slow
def test_what_was_put_back_is_soon_asked_again(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not wait for the next look of an idle worker."""
    monkeypatch.setattr(mouth, "DECIDED_S_MAX", 0.2)
    monkeypatch.setattr(pace, "SLOWER_S", (0.6, 0.6))

    def throttled(smsc: Smsc, link: Link, asked: Asked) -> None:
        link.answer(asked, status=0x58)

    async def story(shop: Shop) -> None:
        slow = replace(shop.runtime.settings, idle_poll_s=WAIT_S * 3)
        shop.runtime = replace(shop.runtime, settings=slow)
        async with operator(shop, throttled, window=1) as (smsc, gateway_id):
            async with speaking(shop, 1):
                await eventually(lambda: len(smsc.links) == 1)
                await queue(shop, ("+375291112201", "Hi"), gateway_id=gateway_id)
                await until(shop, lambda rows: states(rows) == ["sent"])

    play(story)


def test_a_late_answer_is_believed_in_whichever_order_it_is_written(
    play: Callable[..., None],
) -> None:
    """P5: two writes failed, and what they held was put back the other way round."""

    async def story(shop: Shop) -> None:
        one = ear.Ear(shop.runtime, Account(shop.sms, shop.store, SETTINGS, lambda: None))
        await queue(shop, ("+375291112233", "Hi"))
        (bucket,) = buckets_of_store(shop.store.bucket_base, 1)
        async with db.transaction(shop.runtime.pool) as tx:
            (taken,) = await messages.take(tx, shop.store, bucket, shop.sms, NOON, "me")
        one.settled(messages.Settled(taken.message_id, "sent", "", ("a",)))
        one.settled(messages.Settled(taken.message_id, "unknown", "no_answer"))
        assert await one.write()
        assert states(await shop.messages()) == ["sent"]

    play(story)
