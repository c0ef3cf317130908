"""From what was bought to the goods that a text names: accessories, the same again, new ones."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from ringdove.kit import db
from ringdove.records.segments import rhythms
from ringdove.rules import facts
from ringdove.workers import goods
from ringdove.workers.automations import triggers
from tests.flows.conftest import NOON, Shop, order, parcel
from tests.flows.test_left_alone import ANNA, MAY, switch_on

DAY = timedelta(days=1)
KINDS = {"Bicycle": "bikes", "Tube": "parts", "Pump": "parts", "Green tea": "tea"}


def _lines(*names: str) -> list[dict[str, Any]]:
    return [{"name": one, "sku": one, "price": "9", "category": KINDS[one]} for one in names]


def _ordered(key: str, customer: dict[str, str], ago: float, *names: str) -> facts.OrderPlaced:
    return order(key, at=NOON - ago * DAY, customer=customer, lines=_lines(*names), consent=MAY)


async def _stock(shop: Shop) -> None:
    """Twenty people bought a bicycle, then its tube; Anna has a bicycle only, and drinks tea."""
    for name, kind in KINDS.items():
        at = NOON - (3 if name == "Pump" else 900) * DAY
        await shop.hear(facts.ProductChanged(
            id=f"p/{name}", at=at, sku=name, name=name, category=kind, price=Decimal(9),
            url=f"https://linden.example/{KINDS[name]}",
        ))  # fmt: skip
    for n in range(20):
        who = {"phone": f"+37529{2_000_000 + n}", "country": "BY"}
        await shop.hear(_ordered(f"a{n}", who, 90, "Bicycle"), _ordered(f"b{n}", who, 80, "Tube"))
    for n, ago in enumerate((79, 49, 19)):
        await shop.hear(_ordered(f"tea{n}", ANNA, ago, "Green tea"))
    await shop.answer()
    await shop.rows("WITH gone AS (DELETE FROM outbox) SELECT 1")
    await goods.learn(shop.runtime, shop.store)


async def _said(shop: Shop, recipe: str) -> list[dict[str, Any]]:
    return await shop.rows("SELECT * FROM message WHERE recipe = %(r)s ORDER BY id", r=recipe)


def test_accessories_are_offered_after_the_parcel_has_come(play):
    """R53, R74: after a bicycle, its tube; not to who has one, and nothing where nothing fits."""

    async def story(shop: Shop) -> None:
        await _stock(shop)
        await switch_on(shop, "accessories")
        await shop.hear(_ordered("now", ANNA, 0, "Bicycle"))
        has = {"phone": "+375292000003", "country": "BY"}
        await shop.hear(_ordered("has", has, 0, "Bicycle"))
        await shop.answer()
        shop.later(days=2)
        await shop.hear(*(parcel("delivered", key, at=shop.at) for key in ("now", "has")))
        await shop.answer()
        shop.later(days=3)
        await shop.answer()
        said = {one["recipient"]: one for one in await _said(shop, "accessories")}
        to_anna, to_other = said[ANNA["phone"]], said[has["phone"]]
        assert to_anna["goods"][0] == "Tube" and "Tube" in to_anna["body"]
        assert to_anna["state"] == "waiting"
        assert "Tube" not in to_other["goods"]
        if not to_other["goods"]:
            assert (to_other["state"], to_other["reason"]) == ("dropped", "no_goods")

    play(story, span=4)


def test_the_same_again_is_offered_when_it_is_due(play):
    """N4, R14: by the rhythm of their own purchases, with what they bought each time."""

    async def story(shop: Shop) -> None:
        await _stock(shop)
        async with db.transaction(shop.runtime.pool) as tx:
            await rhythms.learn(tx, shop.store, shop.at)
        await switch_on(shop, "replenish")
        for _ in range(60):
            await triggers.look(shop.runtime)
            await shop.answer()
            if said := await _said(shop, "replenish"):
                break
            shop.later(days=1)
        (one,) = [one for one in said if one["recipient"] == ANNA["phone"]]
        assert one["goods"] == ["Green tea"] and "Green tea" in one["body"]

    play(story)
