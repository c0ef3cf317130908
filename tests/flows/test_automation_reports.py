"""The report of an automation: its texts, who bought after them, and what it changed (R101, N3)."""

from dataclasses import replace
from datetime import timedelta

from ringdove.kit import db
from ringdove.records.automations import automation_numbers, automations
from ringdove.records.reports import automation_reports
from ringdove.rules import facts
from ringdove.rules.automations.plans import Automation
from ringdove.rules.automations.recipes import RECIPES
from tests.flows.conftest import Shop, order

PEOPLE = 40


def customer(n: int) -> dict[str, str]:
    """Somebody with a number of their own."""
    return {"phone": f"+37529111{n:04}", "country": "BY"}


def cart(n: int, at) -> facts.CartChanged:
    """A cart with a kettle in it."""
    lines = [{"name": "Чайник", "price": "59.90", "sku": "kettle"}]
    return facts.CartChanged(
        id=f"cart/{n}/{at}", at=at, cart=f"c{n}", customer=customer(n), lines=lines, total="59.90",
        url="https://linden.example/cart",
    )  # fmt: skip


async def switch_on(shop: Shop, recipe: str, **changes) -> None:
    """The recipe as it comes, with these changes."""
    plan = RECIPES[recipe].model_copy(update=changes) if changes else None
    own = Automation(is_on=True, version=1, plan=plan)
    async with db.transaction(shop.runtime.pool) as tx:
        assert await automations.save(tx, shop.store.id, recipe, own, shop.at, None)


def test_a_report_counts_texts_buyers_and_those_left_alone(play):
    """R101, N3: 40 carts, half of them left alone by chance; who buys after a text counts for it,
    and all who buy count in the comparison. A merged person's order counts under their one name."""

    async def story(shop: Shop) -> None:
        await switch_on(shop, "cart_left", holdout_percent=50)
        await shop.hear(*(cart(n, shop.at) for n in range(PEOPLE)))
        await shop.answer()
        await shop.rows("UPDATE contact SET marketing = 'in' RETURNING id")
        shop.later(hours=4)
        await shop.answer()
        said = [m for m in await shop.messages() if m["recipe"] == "cart_left"]
        runs = await shop.rows("SELECT contact_id, reason FROM enrollment")
        alone = {run["contact_id"] for run in runs if run["reason"] == "holdout"}
        assert 8 <= len(alone) <= 32 and len(said) == PEOPLE - len(alone)
        await shop.rows(
            "UPDATE message SET state = 'sent', sent_at = created_at WHERE recipe = 'cart_left'"
            " AND state = 'waiting' RETURNING id"
        )
        people = await shop.rows("SELECT id, phone FROM contact ORDER BY id")
        buyers = [one for one in people if one["id"] not in alone][:3]
        buyers += [one for one in people if one["id"] in alone][:2]
        shop.later(hours=1)
        await shop.hear(*(
            order(f"o{n}", at=shop.at, customer={"phone": one["phone"], "country": "BY"})
            for n, one in enumerate(buyers)
        ))  # fmt: skip
        # One more buys under another name of theirs.
        mail = {"email": "anna@example.com"}
        await shop.hear(order("o9", at=shop.at, customer=mail))
        await shop.answer()
        (other,) = await shop.rows("SELECT id FROM contact WHERE email = 'anna@example.com'")
        main = [one["id"] for one in people if one["id"] not in alone][3]
        await shop.hear(
            facts.PeopleMerged(id="m", at=shop.at, contact=main, other=other["id"], by="page")
        )
        await shop.answer()
        shop.later(hours=1)
        store = replace(
            shop.store, policy=replace(shop.store.policy, attribution="last_text")
        )  # fmt: skip
        found = await automation_reports.of_automation(
            shop.runtime.pool, store, "cart_left", 30, shop.at
        )
        assert (found.began, found.alone) == (PEOPLE - len(alone), len(alone))
        assert (found.total.sent, found.total.orders, found.total.bought) == (len(said), 4, 4)
        assert found.total.revenue == found.channels["sms"].revenue == 4 * order().order.total
        assert found.steps["remind"].sent == len(said)
        assert found.lift is not None
        assert (found.lift.written.hits, found.lift.alone.hits) == (4, 2)
        assert found.lift.hits.low is None  # six buyers say nothing yet (N3)
        hour = shop.at.replace(minute=0) + timedelta(hours=1)
        numbers = await automation_numbers.of_one(
            shop.runtime.pool, shop.store, "cart_left", hour - timedelta(days=1), hour
        )
        assert (numbers.began, numbers.held_out) == (PEOPLE - len(alone), len(alone))
        assert numbers.of("remind").passed == len(said)
        assert numbers.waiting == 0

    play(story)


def test_numbers_tell_who_waits_who_passed_and_who_left_why(play):
    """Issue 6.4: live numbers on each step."""

    async def story(shop: Shop) -> None:
        await switch_on(shop, "cart_left", holdout_percent=0)
        await shop.hear(*(cart(n, shop.at) for n in range(6)))
        await shop.answer()
        shop.later(minutes=30)
        await shop.hear(*(order(f"o{n}", at=shop.at, customer=customer(n)) for n in range(2)))
        await shop.answer()
        hour = shop.at.replace(minute=0) + timedelta(hours=1)
        since = hour - timedelta(days=1)
        pool = shop.runtime.pool
        all_of_it = await automation_numbers.of_all(pool, shop.store, since, hour)
        one = await automation_numbers.of_one(pool, shop.store, "cart_left", since, hour)
        assert one == all_of_it["cart_left"]
        assert (one.began, one.waiting) == (6, 4)
        assert one.of("pause").left == {"order.placed": 2}
        assert one.of("nowhere").passed == 0

    play(story)
