"""What waits for a gateway that is away goes over the next one, once; the rest stays (N7, P5)."""

from datetime import timedelta
from decimal import Decimal

from ringdove.kit import db
from ringdove.records.sending import gateways, prices, routes
from ringdove.rules.sending.prices import Price
from ringdove.rules.sending.routes import Route
from ringdove.workers.sending import failover
from tests.flows.conftest import Shop, order


async def _second(shop: Shop, rank: int = 200, sender: str = "+375296669999") -> int:
    async with db.transaction(shop.runtime.pool) as tx:
        return await gateways.create(
            tx, store_id=shop.store.id, kind="sandbox", channel="sms", name="Second",
            settings={"sender": sender}, secrets=b"", now=shop.at, rank=rank,
        )  # fmt: skip


async def _say(shop: Shop, gateway_id: int, state: str) -> None:
    async with db.transaction(shop.runtime.pool) as tx:
        await gateways.say_state(tx, gateway_id, state, "", shop.at)


async def _orders(shop: Shop, *keys: str) -> None:
    for key in keys:
        await shop.hear(order(key, at=shop.at))
    await shop.answer()


def test_what_waits_for_a_gateway_that_is_away_goes_over_the_next(play):
    """N7: after a minute, with the sender and the cost of the new way; back again, new texts go
    over the better one, and what was moved is not moved again."""

    async def story(shop: Shop) -> None:
        second = await _second(shop)
        async with db.transaction(shop.runtime.pool) as tx:
            lines = [Price("375", Decimal("0.04"))]
            await prices.replace(tx, shop.store.id, second, "EUR", lines, 77, shop.at)
        await _say(shop, shop.sms, "lost")
        await _orders(shop, "1", "2")
        shop.later(seconds=59)
        await _say(shop, shop.sms, "connecting")  # it goes on trying: away since the beginning
        assert await failover.reroute(shop.runtime) == 0
        shop.later(seconds=2)
        assert await failover.reroute(shop.runtime) == 2
        assert await failover.reroute(shop.runtime) == 0
        for text in await shop.messages():
            assert (text["gateway_id"], text["sender"]) == (second, "+375296669999")
            assert (text["reason"], text["state"]) == ("rerouted", "waiting")
            assert (text["cost"], text["cost_currency"]) == (Decimal("0.04") * text["parts"], "EUR")
        rows = await shop.rows("SELECT DISTINCT gateway_id FROM outbox")
        assert rows == [{"gateway_id": second}]
        await _orders(shop, "3")
        assert (await shop.messages())[-1]["gateway_id"] == second, "new texts too, meanwhile"
        await _say(shop, shop.sms, "bound")
        await _orders(shop, "4")
        assert (await shop.messages())[-1]["gateway_id"] == shop.sms
        shop.later(minutes=5)
        assert await failover.reroute(shop.runtime) == 0

    play(story, span=128)


def test_one_that_nobody_tries_is_tried_again_now_and_then(play):
    """An operator over HTTP is only seen to be well again when it gets a text: for a minute out of
    five new texts go there; if it still fails, they are moved."""

    async def story(shop: Shop) -> None:
        second = await _second(shop)
        await _say(shop, shop.sms, "connecting")
        shop.later(hours=3)
        await _orders(shop, "0")
        assert (await shop.messages())[-1]["gateway_id"] == shop.sms, "it has only been idle"
        await _say(shop, shop.sms, "lost")
        went = []
        for minute in range(1, 13):
            shop.later(seconds=60)
            await _orders(shop, str(minute))
            went.append((await shop.messages())[-1]["gateway_id"] == shop.sms)
        assert went == [n in (1, 5, 10) for n in range(1, 13)]
        assert await failover.reroute(shop.runtime) == 4
        await _say(shop, shop.sms, "bound")
        await _orders(shop, "99")
        assert (await shop.messages())[-1]["gateway_id"] == shop.sms
        assert {m["gateway_id"] for m in (await shop.messages())[:-1]} == {second}

    play(story)


def test_what_was_taken_is_never_moved(play):
    """P5: it is not in the outbox any more, or is locked by whoever takes it just now."""

    async def story(shop: Shop) -> None:
        second = await _second(shop)
        await _orders(shop, "1", "2")
        await _say(shop, shop.sms, "lost")
        shop.later(minutes=2)
        (first, other) = [m["id"] for m in await shop.messages()]
        async with db.transaction(shop.runtime.pool) as taking:
            await taking.execute("DELETE FROM outbox WHERE message_id = %s", [first])
            assert await failover.reroute(shop.runtime) == 1
        assert await failover.reroute(shop.runtime) == 0
        made = {m["id"]: m["gateway_id"] for m in await shop.messages()}
        assert made == {first: shop.sms, other: second}

    play(story)


def test_a_route_keeps_its_texts_to_itself(play):
    """R113: a route names all gateways that may be used; what it does not name is no failover."""

    async def story(shop: Shop) -> None:
        await _second(shop)
        async with db.transaction(shop.runtime.pool) as tx:
            only = Route(1, 1, (shop.sms,), frozenset({"BY"}))
            await routes.save(tx, shop.store.id, [only])
            assert await routes.of_store(tx, shop.store.id) == [only]
        await _orders(shop, "1")
        await _say(shop, shop.sms, "refused")
        shop.later(minutes=2)
        assert await failover.reroute(shop.runtime) == 0
        (text,) = await shop.messages()
        assert (text["gateway_id"], text["network"]) == (shop.sms, "BY")

    play(story)


def test_a_pause_or_a_stop_of_ours_is_no_failure(play):
    """What waits for a paused gateway goes out when it is resumed; a restart takes seconds."""

    async def story(shop: Shop) -> None:
        second = await _second(shop)
        await _orders(shop, "1")
        await _say(shop, shop.sms, "stopped")
        shop.later(minutes=2)
        assert await failover.reroute(shop.runtime) == 0
        await _say(shop, shop.sms, "connecting")
        assert await failover.reroute(shop.runtime) == 0, "it counts anew"
        async with db.transaction(shop.runtime.pool) as tx:
            await gateways.pause(tx, shop.store.id, shop.sms, shop.at)
        shop.later(minutes=2)
        assert await failover.reroute(shop.runtime) == 0
        await _orders(shop, "2")
        assert [m["gateway_id"] for m in await shop.messages()] == [shop.sms, second]

    play(story)


def test_chosen_texts_alone_can_be_moved(play):
    """After a refusal: those that were refused, and no other."""

    async def story(shop: Shop) -> None:
        second = await _second(shop)
        await _orders(shop, "1", "2")
        (first, other) = [m["id"] for m in await shop.messages()]
        (row,) = await shop.rows("SELECT DISTINCT bucket FROM outbox")
        await _say(shop, shop.sms, "lost")
        shop.later(minutes=2)
        async with db.transaction(shop.runtime.pool) as tx:
            ways = await routes.load(tx, shop.store, shop.at - timedelta(minutes=1))
            args = (tx, shop.store, row["bucket"], shop.sms, ways, shop.at, "refused")
            assert await routes.move(*args, [other]) == 1
            assert await routes.move(*args, []) == 0
        made = {m["id"]: (m["gateway_id"], m["reason"]) for m in await shop.messages()}
        assert made == {first: (shop.sms, ""), other: (second, "refused")}

    play(story)
