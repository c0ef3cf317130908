"""What people bought of, as orders come, change, are cancelled and come back (R15)."""

from datetime import timedelta
from typing import Any

from ringdove.kit import db
from ringdove.records import scenes
from ringdove.records.segments import histories
from ringdove.rules import facts
from ringdove.workers import retention
from tests.flows.conftest import NOON, Shop, order

HOUR = timedelta(hours=1)


def _lines(*categories: str) -> list[dict[str, Any]]:
    return [{"name": "x", "price": "1.00", "category": one, "sku": one} for one in categories]


async def _bought(shop: Shop) -> dict[str, tuple[Any, int]]:
    rows = await shop.rows("SELECT category, bought_at, orders FROM contact_category")
    return {row["category"]: (row["bought_at"], row["orders"]) for row in rows}


def test_what_was_bought_is_kept_and_taken_back(play):
    """R15: two orders, one is cancelled, removed, and comes back."""

    async def story(shop: Shop) -> None:
        later = NOON + HOUR
        await shop.hear(order("1", lines=_lines("tea", "tea", "cups")))
        await shop.answer()
        assert await _bought(shop) == {"tea": (NOON, 1), "cups": (NOON, 1)}
        shop.later(hours=2)
        await shop.hear(order("2", lines=_lines("tea"), at=later))
        await shop.answer()
        assert await _bought(shop) == {"tea": (later, 2), "cups": (NOON, 1)}
        await shop.hear(facts.OrderRemoved(id="r", at=later + HOUR, order="2"))
        await shop.answer()
        assert await _bought(shop) == {"tea": (NOON, 1), "cups": (NOON, 1)}
        back = order("2", lines=_lines("tea"), at=later, changed_at=later + 2 * HOUR).order
        await shop.hear(facts.OrderChanged(id="b", at=later, order=back))
        await shop.answer()
        assert await _bought(shop) == {"tea": (later, 2), "cups": (NOON, 1)}
        await shop.hear(facts.OrderCancelled(id="c", at=later + 3 * HOUR, order="1"))
        await shop.answer()
        assert await _bought(shop) == {"tea": (later, 1)}

    play(story)


def test_an_order_that_names_no_category_gets_that_of_its_product(play):
    """R15: most shops say it in the catalogue only."""

    async def story(shop: Shop) -> None:
        await shop.hear(
            facts.ProductChanged(id="p", at=NOON, sku="K1", name="Kettle", category="kettles")
        )
        await shop.answer()
        await shop.hear(order("1", lines=[{"name": "Kettle", "price": "1.00", "sku": "K1"}]))
        await shop.answer()
        assert list(await _bought(shop)) == ["kettles"]

    play(story, span=128)


def test_the_same_order_told_again_is_bought_once(play):
    """P8."""

    async def story(shop: Shop) -> None:
        await shop.hear(order("1", lines=_lines("tea")))
        await shop.answer()
        again = order("1", lines=_lines("tea"), changed_at=NOON + HOUR).order
        await shop.hear(facts.OrderChanged(id="again", at=NOON, order=again))
        await shop.answer()
        assert await _bought(shop) == {"tea": (NOON, 1)}

    play(story)


def test_the_history_of_merged_records_is_one(play):
    """R91: what went to either of them counts for the person."""

    async def story(shop: Shop) -> None:
        await shop.hear(order("1"), order("2", customer={"phone": "+375291112244"}))
        await shop.answer()
        one, other = [row["id"] for row in await shop.rows("SELECT id FROM contact ORDER BY id")]
        await shop.rows(
            "INSERT INTO touch SELECT bucket, store_id, id, 1, %(at)s, 'offers', 'tea' FROM contact"
            " WHERE id = %(id)s RETURNING 1", at=NOON - HOUR, id=other,
        )  # fmt: skip
        await shop.rows(
            "INSERT INTO contact_category SELECT bucket, store_id, id, 'tea', %(at)s, 1"
            " FROM contact RETURNING 1", at=NOON - HOUR,
        )  # fmt: skip
        await shop.rows(
            "UPDATE contact SET also = ARRAY[%(o)s::bigint] WHERE id = %(id)s RETURNING 1",
            o=other, id=one,
        )  # fmt: skip
        async with db.transaction(shop.runtime.pool) as tx:
            rows = await (
                await tx.execute("SELECT * FROM contact WHERE id = %(id)s", {"id": one})
            ).fetchall()
            people = [scenes.contact_of(row) for row in rows]
            found = await histories.load(tx, shop.store, people, NOON)
            assert [touch.category for touch in found[one].touches] == ["tea"]
            assert found[one].bought == {"tea": NOON - HOUR}

    play(story)


def test_old_touches_go_page_by_page_and_later_ones_stay(play, monkeypatch):
    """P12: the retention worker takes away what no cap and no gap can ask for."""
    monkeypatch.setattr(histories, "FORGET_AT_ONCE", 2)

    async def story(shop: Shop) -> None:
        await shop.hear(order("1"))
        await shop.answer()
        await shop.rows(
            "INSERT INTO touch SELECT c.bucket, c.store_id, c.id, n, %(at)s + n * interval '1 day',"
            " 'offers', 'tea' FROM contact c, generate_series(1, 9) n RETURNING 1", at=NOON,
        )  # fmt: skip
        shop.at = NOON + histories.KEPT + timedelta(days=5, hours=1)
        assert (await retention.forget(shop.runtime))["touches"] == 5
        assert (await retention.forget(shop.runtime))["touches"] == 0
        left = await shop.rows("SELECT message_id FROM touch ORDER BY 1")
        assert [row["message_id"] for row in left] == [6, 7, 8, 9]

    play(story)
