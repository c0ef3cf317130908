"""P4: what nobody could take in time is dropped and counted, not left waiting for ever."""

from ringdove.kit import db
from ringdove.records import messages
from ringdove.workers import react, sweep
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
