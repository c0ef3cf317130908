"""A refused text goes on to the next gateway, never backwards, and never twice."""

from dataclasses import replace

import pytest

from ringdove.kit import db
from ringdove.records.sending import gateways, messages, routes
from ringdove.records.sending.messages import Settled, Taken
from ringdove.rules.sending.routes import Refusal
from tests.flows.conftest import Shop, order
from tests.records.test_messages import only


async def _another(shop: Shop, rank: int = 200) -> int:
    async with db.transaction(shop.runtime.pool) as tx:
        return await gateways.create(
            tx, store_id=shop.store.id, kind="sandbox", channel="sms", name="Other", settings={},
            secrets=b"", now=shop.at, rank=rank,
        )  # fmt: skip


async def _take(shop: Shop, gateway_id: int) -> list[Taken]:
    found = []
    for row in await shop.rows("SELECT DISTINCT bucket FROM outbox"):
        async with db.transaction(shop.runtime.pool) as tx:
            found += await messages.take(tx, shop.store, row["bucket"], gateway_id, shop.at, "me")
    return found


async def _refuse(shop: Shop, gateway_id: int, refusal: Refusal, state: str = "failed") -> None:
    (taken,) = await _take(shop, gateway_id)
    told = Settled(taken.message_id, state, refusal.reason, refused=refusal, retry_at=shop.at)
    async with db.transaction(shop.runtime.pool) as tx:
        await messages.settle(tx, shop.store, gateway_id, [told], shop.at)


NO_ROUTE = Refusal("no route", "permanent")


def test_a_refusal_for_ever_is_asked_of_the_next_gateway(play):
    """Routes: failover on refusal that never sends twice; the last one's word is final."""

    async def story(shop: Shop) -> None:
        other = await _another(shop)
        await shop.hear(order())
        await shop.answer()
        await _refuse(shop, shop.sms, NO_ROUTE)
        message = await only(shop)
        assert (message["state"], message["gateway_id"], message["reason"]) == (
            "waiting", other, "rerouted",
        )  # fmt: skip
        assert not await _take(shop, shop.sms)
        await _refuse(shop, other, NO_ROUTE)
        message = await only(shop)
        assert (message["state"], message["reason"]) == ("failed", "no route")
        assert not await shop.rows("SELECT FROM outbox")
        assert not await shop.rows("SELECT FROM submission")

    play(story)


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal("later", "later", attempts=1),
        Refusal("slower", "throttled"),
        Refusal("stopped there", "permanent", opted_out=True),
        Refusal("unsayable: a letter", "permanent"),
    ],
)
def test_what_another_gateway_cannot_mend_stays(play, refusal):
    async def story(shop: Shop) -> None:
        await _another(shop)
        await shop.hear(order())
        await shop.answer()
        await _refuse(shop, shop.sms, refusal, "retry")
        assert (await only(shop))["gateway_id"] == shop.sms

    play(story)


def test_busy_three_times_is_enough(play):
    async def story(shop: Shop) -> None:
        other = await _another(shop)
        await shop.hear(order())
        await shop.answer()
        for attempt in (1, 2):
            await _refuse(shop, shop.sms, Refusal("busy", "later", attempt), "retry")
        assert (await only(shop))["gateway_id"] == shop.sms
        await _refuse(shop, shop.sms, Refusal("busy", "later", 3), "retry")
        assert (await only(shop))["gateway_id"] == other

    play(story)


def test_a_text_never_goes_backwards(play):
    """The first gateway refused it before it came here."""

    async def story(shop: Shop) -> None:
        await _another(shop, rank=1)
        await shop.hear(order())
        await shop.answer()
        await shop.rows("UPDATE outbox SET gateway_id = %(g)s RETURNING 1", g=shop.sms)
        await _refuse(shop, shop.sms, NO_ROUTE)
        assert (await only(shop))["state"] == "failed"

    play(story)


def test_a_gateways_own_test_text_stays_with_it(play):
    """Sent by another one, it would say that this one works."""

    async def story(shop: Shop) -> None:
        other = await _another(shop)
        await shop.hear(order())
        await shop.answer()
        for table in ("message", "outbox"):
            await shop.rows(f"UPDATE {table} SET topic = 'test' RETURNING 1")
        bucket = (await shop.rows("SELECT bucket FROM outbox"))[0]["bucket"]
        async with db.transaction(shop.runtime.pool) as tx:
            ways = await routes.load(tx, shop.store)
            ways.gateways = tuple(replace(one, is_down=one.id != other) for one in ways.gateways)
            assert not await routes.move(tx, shop.store, bucket, shop.sms, ways, shop.at)
        await _refuse(shop, shop.sms, NO_ROUTE)
        message = await only(shop)
        assert (message["state"], message["gateway_id"]) == ("failed", shop.sms)

    play(story)
