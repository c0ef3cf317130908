"""Several binds of one account share its pace, are held by whoever has their leases, and learn
together how the operator writes its ids."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ringdove.gateways import smpp
from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.records.sending import messages
from ringdove.smpp.session import Asked, Told
from ringdove.workers.sending import binds, ear
from ringdove.workers.sending.accounts import Account
from ringdove.workers.sending.links import Link
from tests.flows.conftest import NOON
from tests.workers.test_binds import (
    WAIT_S,
    Shop,
    Smsc,
    accept,
    deliver,
    eventually,
    operator,
    play,
    queue,
    speaking,
    speaking_gateways,
    states,
    until,
)  # fmt: skip

__all__ = ["play"]  # the fixture

SETTINGS = smpp.Settings(host="127.0.0.1", system_id="shop")


def numbers(count: int) -> list[tuple[str, str]]:
    return [(f"+37529111{n:04}7", f"No {n}") for n in range(count)]


@pytest.mark.parametrize("span", [1, 16])
def test_several_binds_say_everything_once(play: Callable[..., None], span: int) -> None:
    """SMPP: several binds per gateway; a burst, more than all windows, in one moment."""

    async def story(shop: Shop) -> None:
        async with operator(shop, binds=3, window=40) as (smsc, gateway_id):
            await queue(shop, *numbers(700), gateway_id=gateway_id)
            async with speaking(shop, 1):
                await until(shop, lambda rows: set(states(rows)) == {"sent"})
                # On a busy machine two may have said it all before the third has come.
                await eventually(lambda: len(smsc.links) == 3)
            assert len(smsc.heard) == len(set(smsc.heard)) == 700
            assert not await shop.rows("SELECT FROM submission")

    play(story, span=span)


@pytest.mark.slow
def test_two_processes_share_one_account_and_its_pace(play: Callable[..., None]) -> None:
    """The limit is the account's: two processes with a bind each are no faster than one."""

    async def story(shop: Shop) -> None:
        times: list[float] = []

        def note(smsc: Smsc, link: Link, asked: Asked) -> None:
            times.append(asyncio.get_running_loop().time())
            smsc.script.append(note)
            accept(smsc, link, asked)

        async with operator(shop, note, binds=2, throughput_per_s=60) as (smsc, gateway_id):
            other = replace(shop.runtime, name="other")
            stop = asyncio.Event()
            task = asyncio.create_task(binds.run(other, stop, 1))
            async with speaking(shop, 1):
                async with asyncio.timeout(WAIT_S):
                    while len(smsc.links) < 2:
                        await asyncio.sleep(0.02)
                await queue(shop, *numbers(150), gateway_id=gateway_id)
                await until(shop, lambda rows: set(states(rows)) == {"sent"})
            stop.set()
            await task
            # 150 at 60 a second, less what may be said at once: a fifth of a second of each bind.
            assert times[-1] - times[0] > (150 - 2 * 6 - 2) / 60
            assert len(smsc.heard) == 150

    play(story)


def test_a_transmitter_and_a_receiver(play: Callable[..., None]) -> None:
    """bind_as "pair": texts go over one link and receipts come over the other."""

    async def story(shop: Shop) -> None:
        async with operator(shop, bind_as="pair") as (smsc, gateway_id):
            await queue(shop, ("+375291112233", "Hi"), gateway_id=gateway_id)
            async with speaking(shop, 1):
                await until(shop, lambda rows: states(rows) == ["sent"])
                assert len(smsc.links) == 2
                deliver(smsc.links[1], "id-1", "DELIVRD")
                await until(shop, lambda rows: states(rows) == ["delivered"])
                smsc.links[1].close()  # half a pair is of no use
                async with asyncio.timeout(WAIT_S):
                    while smsc.links:
                        await asyncio.sleep(0.02)

    play(story)


def test_the_rule_of_ids_is_learned_from_the_first_receipts(play: Callable[..., None]) -> None:
    """Hexadecimal in the answer, decimal in the receipt: seen after some, kept, and applied to
    those that came before."""

    async def story(shop: Shop) -> None:
        async def rule(gateway_id: int) -> Any:
            found = {one.id: one for one in await speaking_gateways(shop)}[gateway_id]
            return found.settings.get("id_rule")

        def hexadecimal(smsc: Smsc, link: Link, asked: Asked) -> None:
            smsc.script.append(hexadecimal)
            link.answer(asked, f"{0xABC00 + 7919 * next(smsc.ids):X}")

        async with operator(shop, hexadecimal) as (smsc, gateway_id):
            await queue(shop, *numbers(9), gateway_id=gateway_id)
            async with speaking(shop, 1):
                await until(shop, lambda rows: set(states(rows)) == {"sent"})
                first = smsc.links[0]
                for n in range(1, 10):
                    deliver(first, str(0xABC00 + 7919 * n), "DELIVRD")
                await until(shop, lambda rows: set(states(rows)) == {"delivered"})
                assert await rule(gateway_id) == "hex_to_dec"
                async with asyncio.timeout(WAIT_S):  # the bind begins again with its rule
                    while not smsc.links or smsc.links[0] is first:
                        await asyncio.sleep(0.02)
                await queue(shop, ("+375299999999", "One more"), gateway_id=gateway_id)
                await until(shop, lambda rows: states(rows).count("sent") == 1)
                deliver(smsc.links[0], str(0xABC00 + 7919 * 10), "DELIVRD")
                await until(shop, lambda rows: set(states(rows)) == {"delivered"})

    play(story)


class Silent:
    """A link of which only the acknowledgements are of interest."""

    def __init__(self) -> None:
        self.acknowledged: list[int] = []

    def acknowledge(self, sequences: list[int]) -> None:
        self.acknowledged += sequences


def test_all_receipts_of_before_the_rule_find_their_message(play: Callable[..., None]) -> None:
    """P6: a batch of six hundred at once; the rule is seen in the last of them."""

    async def story(shop: Shop) -> None:
        account = Account(shop.sms, shop.store, SETTINGS, lambda: None)
        account.hold(1)
        one, link = ear.Ear(shop.runtime, account), Silent()
        await queue(shop, *numbers(600))
        (bucket,) = buckets_of_store(shop.store.bucket_base, 1)
        async with db.transaction(shop.runtime.pool) as tx:
            taken = await messages.take(tx, shop.store, bucket, shop.sms, NOON, "me", 600)
        for n, message in enumerate(taken):
            hexadecimal = f"{0xABC00 + 7919 * n:X}"
            one.settled(messages.Settled(message.message_id, "sent", "", (hexadecimal,)))
        assert await one.write()
        for n in range(600):
            told = Told(n + 1, str(0xABC00 + 7919 * n), "delivered", "")
            one.told(link, told)  # type: ignore[arg-type]
        assert await one.write()
        assert states(await shop.messages()) == ["delivered"] * 600
        assert len(link.acknowledged) == 600
        assert not await shop.rows("SELECT FROM receipt WHERE message_id = 0")

    play(story)
