"""The first way: an order's facts become texts, one per state."""

from datetime import timedelta

import pytest

from ringdove.kit import db
from ringdove.records.sending import messages
from ringdove.rules import facts
from tests.flows.conftest import NOON, Shop, order, paid, parcel

PAY = "https://linden.example/pay/42"


def changed(key: str = "42", at=NOON + timedelta(minutes=5), **more) -> facts.OrderChanged:
    """A newer snapshot of an order."""
    told = order(key, changed_at=at, **more).order
    return facts.OrderChanged(id=f"order/{key}/changed/{at}", at=at, order=told)


def test_an_order_is_told_by_text_from_accepted_to_delivered(play):
    """R56, R57, R63: each state makes one text in the customer's language."""

    async def story(shop: Shop) -> None:
        await shop.hear(order(), paid(), parcel("accepted"), parcel("delivered"))
        await shop.answer()
        made = await shop.messages()
        assert [m["recipe"] for m in made] == [
            "order_accepted", "order_paid", "order_shipped", "parcel_delivered",
        ]  # fmt: skip
        assert {m["recipient"] for m in made} == {"+375291112233"}
        assert {m["state"] for m in made} == {"waiting"}
        assert all("42" in m["body"] and "Linden" in m["body"] for m in made)
        assert len(await shop.rows("SELECT FROM outbox")) == 4

    play(story)


@pytest.mark.parametrize("span", [1, 128])
def test_the_reminder_knows_its_order_hours_later(play, span):
    """R64: a wake-up names its run only; the text still says which order, how much and where."""

    async def story(shop: Shop) -> None:
        await shop.hear(order(payment_due=True, payment_url=PAY))
        await shop.answer()
        shop.later(hours=2, minutes=1)
        await shop.answer()
        reminder = (await shop.messages())[-1]
        assert reminder["recipe"] == "order_unpaid"
        assert all(words in reminder["body"] for words in ("42", "59,90", PAY))

    play(story, span=span)


def test_nobody_is_asked_for_money_that_the_courier_will_take(play):
    """P3, R64: the shop made it pay on delivery while the reminder waited."""

    async def story(shop: Shop) -> None:
        await shop.hear(order(payment_due=True, payment_url=PAY))
        await shop.answer()
        shop.later(minutes=10)
        await shop.hear(changed(payment_due=False))
        shop.later(hours=2)
        await shop.answer()
        async with db.transaction(shop.runtime.pool) as tx:
            (row,) = await shop.rows("SELECT DISTINCT bucket FROM outbox")
            await messages.take(tx, shop.store, row["bucket"], shop.sms, shop.at, "me")
        (reminder,) = [m for m in await shop.messages() if m["recipe"] == "order_unpaid"]
        assert (reminder["state"], reminder["reason"]) == ("dropped", "not_due")

    play(story)


def test_parcels_of_two_orders_with_one_name_are_two(play):
    """R58: shops count parcels anew in each order; nobody reads of another's pickup point."""

    async def story(shop: Shop) -> None:
        other = {"phone": "8 (029) 111-22-44", "country": "BY"}
        await shop.hear(order("1"), order("2", customer=other))
        point = {"pickup_point": "ул. Ленина, 1", "url": "https://post.example/RR1"}
        await shop.hear(parcel("at_pickup_point", "1", parcel="1", **point))
        await shop.answer()
        await shop.hear(parcel("at_pickup_point", "2", parcel="1"))
        await shop.answer()
        told = (await shop.messages())[-1]
        assert told["recipient"] == "+375291112244"
        assert "Ленина" not in told["body"]
        assert len(await shop.rows("SELECT FROM parcel")) == 2

    play(story)


def test_every_move_of_a_delivery_is_told_and_none_twice(play):
    """R61: away, back and away again, then other hours of the same day; each told twice."""

    async def story(shop: Shop) -> None:
        first, other = NOON + timedelta(days=1), NOON + timedelta(days=2)
        await shop.hear(order())
        until = [None, None, None, None, other + timedelta(hours=2), other + timedelta(hours=4)]
        for n, day in enumerate([first, other, first, other, other, other]):
            at = shop.later(minutes=1)
            for again in "ab":
                promise = facts.DeliveryPromised(
                    id=f"{n}{again}", at=at, order="42", promised_from=day, promised_until=until[n]
                )
                await shop.hear(promise)
            await shop.answer()
        made = [m["recipe"] for m in await shop.messages()]
        assert made == ["order_accepted", "delivery_confirmed", *["delivery_moved"] * 5]

    play(story)
