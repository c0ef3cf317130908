"""N7: a route that picks by delivery learns from what was counted."""

from datetime import timedelta

from ringdove.kit import db
from ringdove.records import counters
from ringdove.records.sending import gateways, quality, routes
from ringdove.rules.sending.quality import Seen
from ringdove.rules.sending.routes import Route
from tests.flows.conftest import Shop, order


def test_texts_go_over_the_one_that_delivers_better(play):
    async def story(shop: Shop) -> None:
        async with db.transaction(shop.runtime.pool) as tx:
            second = await gateways.create(
                tx, store_id=shop.store.id, kind="sandbox", channel="sms", name="Second",
                settings={"sender": "1234"}, secrets=b"", now=shop.at, rank=200,
            )  # fmt: skip
            best = Route(1, 1, (shop.sms, second), pick="delivery")
            await routes.save(tx, shop.store.id, [best])
            counts = {
                f"sent/{shop.sms}/BY": 500, f"delivered/{shop.sms}/BY/MTS": 300,
                f"sent/{second}/BY": 500, f"delivered/{second}/BY": 480,
                f"undelivered/{second}/BY": 20,
            }  # fmt: skip
            await counters.add(tx, shop.store, shop.at - timedelta(hours=3), counts)
            seen = await quality.seen(tx, shop.store, shop.at)
        assert seen == {
            (shop.sms, "BY"): Seen(500, 300, 0), (second, "BY"): Seen(500, 480, 20),
        }  # fmt: skip
        await shop.hear(order())
        await shop.answer()
        (text,) = await shop.messages()
        assert text["gateway_id"] == second

    play(story)
