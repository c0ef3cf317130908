"""P4: what nobody could take in time is dropped and counted, not left waiting for ever."""

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
        await shop.rows("UPDATE outbox SET state = 'submitting' RETURNING 1")
        shop.later(days=2)
        assert await sweep.sweep(shop.runtime) == 0

    play(story)
