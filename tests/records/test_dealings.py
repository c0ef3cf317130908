"""What people have with the store, as answers by text find it: of all their names, newest first."""

import pytest

from ringdove.records import wants
from ringdove.rules import facts
from tests.flows.conftest import NOON, Shop, order, parcel, text

BEN = {"phone": "+375291112244", "name": "Бен", "country": "BY"}


@pytest.mark.parametrize("span", [1, 128])
def test_a_person_of_two_names_asks_about_the_orders_of_both(play, span):
    """R86, P9: rows of who was merged stay where they are, perhaps in another bucket."""

    async def story(shop: Shop) -> None:
        await shop.hear(order("1042"), parcel("in_transit", "1042"), order("77", customer=BEN))
        await shop.answer()
        ids = [row["id"] for row in await shop.rows("SELECT id FROM contact ORDER BY phone")]
        await shop.hear(facts.PeopleMerged(id="m", at=NOON, contact=ids[0], other=ids[1]))
        await shop.answer()
        broken = facts.ComplaintMoved(
            id="c", at=NOON, order="77", complaint="C7", state="opened", note="We look."
        )
        await shop.hear(broken, text("где мой заказ"))
        await shop.answer()
        said = [one["body"] for one in await shop.messages() if one["cause"] == "reply"]
        assert "1042" in said[-1] and "77" in said[-1]
        shop.later(minutes=1)
        await shop.hear(text("77", at=shop.at), text("что с моей жалобой?", at=shop.later(hours=1)))
        await shop.answer()
        said = [one["body"] for one in await shop.messages() if one["cause"] == "reply"]
        assert "заказ 77 принят" in said[-2] and "C7" in said[-1]
        (row,) = await shop.rows("SELECT * FROM complaint")
        assert row["contact_id"] == ids[1], "a row stays under the name that it came under"

    play(story, span=span)


def test_a_stranger_who_asks_is_told_so_and_a_crowd_is_looked_up_at_once(play, monkeypatch):
    """R86: who was never heard of has no order; fifty who ask are one look."""
    looks = []
    real = wants.dealings.load

    async def counted(tx, scene, people):
        looks.append(len(set(people)))
        return await real(tx, scene, people)

    monkeypatch.setattr(wants.dealings, "load", counted)

    async def story(shop: Shop) -> None:
        told = text("где мой заказ")
        crowd = ({"id": f"t{n}", "sender": f"+3752911133{n:02}"} for n in range(50))
        await shop.hear(*(told.model_copy(update=one) for one in crowd))
        await shop.answer()
        made = await shop.messages()
        assert len(made) == 50 and all("не нашли" in one["body"] for one in made)
        assert looks == [50]
        rows = await shop.rows("SELECT state, unread, last_by FROM conversation")
        assert {tuple(row.values()) for row in rows} == {("open", 1, "machine")}

    play(story)
