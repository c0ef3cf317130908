"""The first way: an order's facts become texts, one per state."""

from tests.flows.conftest import Shop, order, paid, parcel


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
