"""P4: what nobody could take in time is dropped and counted, not left waiting for ever."""

from ringdove.kit import db
from ringdove.records import leases
from ringdove.records.sending import gateways, messages
from ringdove.records.sending.messages import Settled
from ringdove.workers import react
from ringdove.workers.sending import sweep
from tests.flows.conftest import Shop, order


def test_what_a_dead_gateway_never_took_is_dropped_when_its_time_is_over(play):
    """P4: late is dropped and counted, never delivered late, and never "waiting" for ever."""

    async def story(shop: Shop) -> None:
        await shop.hear(order())
        await react.answer_due(shop.runtime)
        assert await sweep.sweep(shop.runtime) == 0
        shop.later(days=2)
        assert await sweep.sweep(shop.runtime) == 1
        (text,) = await shop.messages()
        assert (text["state"], text["reason"]) == ("dropped", "too_late")
        assert not await shop.rows("SELECT FROM outbox")
        (counted,) = await shop.rows("SELECT sum(n) AS n FROM counter WHERE name = 'dropped'")
        assert counted["n"] == 1

    play(story)


def test_what_is_being_submitted_is_left_alone(play):
    """P5: its octets may be on the wire."""

    async def story(shop: Shop) -> None:
        await shop.hear(order())
        await react.answer_due(shop.runtime)
        (row,) = await shop.rows("SELECT bucket FROM outbox")
        async with db.transaction(shop.runtime.pool) as tx:
            await messages.take(tx, shop.store, row["bucket"], shop.sms, shop.at, "me")
        shop.later(days=2)
        assert await sweep.sweep(shop.runtime) == 0
        assert {text["state"] for text in await shop.messages()} == {"waiting"}

    play(story)


def test_what_lies_under_the_mark_of_nobody_is_given_up(play):
    """P5: killed while it spoke, and its gateway was removed before anybody spoke for it again. A
    mark whose gateway is held is its holder's."""

    async def story(shop: Shop) -> None:
        await shop.hear(order())
        await react.answer_due(shop.runtime)
        (row,) = await shop.rows("SELECT bucket FROM outbox")
        async with db.transaction(shop.runtime.pool) as tx:
            await messages.take(tx, shop.store, row["bucket"], shop.sms, shop.at, "killed", bind=1)
            await gateways.remove(tx, shop.store.id, shop.sms, shop.at)
            await leases.take(tx, f"bind/{shop.sms}/1", "slow", shop.at)
        assert await sweep.give_up(shop.runtime) == 0
        shop.later(minutes=10)
        async with db.transaction(shop.runtime.pool) as tx:
            await leases.take(tx, f"bind/{shop.sms}/1", "slow", shop.at)
        assert await sweep.give_up(shop.runtime) == 0
        async with db.transaction(shop.runtime.pool) as tx:
            await leases.give_back(tx, f"bind/{shop.sms}/1", "slow")
            await leases.take(tx, f"bind/{shop.sms}", "other bind", shop.at)
        assert await sweep.give_up(shop.runtime) == 1
        (text,) = await shop.messages()
        assert (text["state"], text["reason"]) == ("unknown", "process_lost")
        assert not await shop.rows("SELECT FROM submission")

    play(story)


def test_what_is_put_back_to_a_removed_gateway_goes_over_another(play):
    """P5: it was taken, the gateway was removed, and it came back unsaid."""

    async def story(shop: Shop) -> None:
        await shop.hear(order())
        await react.answer_due(shop.runtime)
        (row,) = await shop.rows("SELECT bucket FROM outbox")
        async with db.transaction(shop.runtime.pool) as tx:
            (taken,) = await messages.take(tx, shop.store, row["bucket"], shop.sms, shop.at, "me")
            await gateways.remove(tx, shop.store.id, shop.sms, shop.at)
            other = await gateways.create(
                tx, store_id=shop.store.id, kind="sandbox", channel="sms", name="Other",
                settings={}, secrets=b"", now=shop.at,
            )  # fmt: skip
            assert await gateways.take_over(tx, shop.store, "sms") == 0
            back = Settled(taken.message_id, "retry", retry_at=shop.at, mark=taken.mark)
            await messages.settle(tx, shop.store, shop.sms, [back], shop.at)
        assert await sweep.take_over(shop.runtime) == 1
        assert [row["gateway_id"] for row in await shop.rows("SELECT * FROM outbox")] == [other]
        assert await sweep.take_over(shop.runtime) == 0

    play(story)
