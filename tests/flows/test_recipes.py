"""All ready automations at once on the real database, over the months of one customer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records.automations import automations
from ringdove.records.people import own_fields
from ringdove.records.tasks import tasks
from ringdove.rules import facts
from ringdove.rules.automations.plans import Automation
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.people.own_fields import OwnField
from ringdove.workers.automations import triggers
from tests.flows.conftest import NOON, Shop, order, paid, parcel, text

Play = Callable[..., None]
DAY = timedelta(days=1)
ANNA = {"phone": "+375291112233", "name": "Anna Koval", "country": "BY", "language": "en"}
YES = {"marketing": True, "words": "Send me your offers."}
LINES = [{"name": "Kettle", "sku": "K1", "price": "59.90"}]


async def _open(shop: Shop) -> int:
    """Everything is on, one product and one customer are known; her number."""
    async with db.transaction(shop.runtime.pool) as tx:
        await own_fields.save(tx, shop.store, OwnField("points", "Points", "number"), shop.at)
        for key, journey in RECIPES.items():
            plan = journey.model_copy(update={"holdout_percent": 0})
            own = Automation(is_on=True, version=1, plan=plan)
            assert await automations.save(tx, shop.store.id, key, own, shop.at, None)
    await shop.hear(
        facts.ProductChanged(id="k", at=NOON, sku="K1", name="Kettle", price="59.90", stock=3),
        facts.CustomerChanged(
            id="c",
            at=NOON,
            consent=YES,
            customer=ANNA
            | {"fields": {"points": 350}, "birthday": "1990-12-30", "children": ["2020-02-10"]},
        ),
    )
    await shop.answer()
    (row,) = await shop.rows("SELECT id FROM contact")
    return int(row["id"])


def _life(who: int) -> list[facts.Fact]:
    def at(days: float) -> Any:
        return NOON + days * DAY

    def of_order(cls: Any, days: float, **more: Any) -> facts.Fact:
        told: facts.Fact = cls(id=f"{cls.__name__}{days}", at=at(days), order="42", **more)
        return told

    visitor = {"phone": ANNA["phone"]}
    promised = {"promised_from": at(12.2), "promised_until": at(12.5)}
    back = {"return_key": "R7"}
    due = [key for key, one in RECIPES.items() if one.trigger.on in ("due", "wish", "new_goods")]
    return [
        facts.SignedUp(id="s", at=at(0.1), customer=visitor, words="Yes.", source="form/1",
                       confirmed=True),
        facts.VisitMade(id="v", at=at(4), customer=visitor, sku="K1"),
        facts.CartChanged(id="b", at=at(8), cart="b", customer=visitor, lines=LINES),
        order(at=at(10), customer=ANNA, lines=LINES, payment_due=True,
              payment_url="https://linden.example/pay/42"),
        of_order(facts.PaymentFailed, 10.1),
        paid(at=at(11)),
        of_order(facts.InvoiceIssued, 11.1, number="F-42"),
        of_order(facts.DeliveryPromised, 11.2, **promised),
        of_order(facts.DeliveryPromised, 11.3, **(promised | {"promised_until": at(12.6)})),
        *(parcel(state, at=at(12 + n * 0.1)) for n, state in enumerate(
            ("accepted", "in_transit", "customs", "out_for_delivery", "delivery_failed"))),
        parcel("at_pickup_point", at=at(13), pickup_point="Nezavisimosti 10"),
        parcel("delivered", at=at(17)),
        text("2, slow", at=at(20)),
        *(of_order(facts.ComplaintMoved, 24 + n, complaint="77", state=state)
          for n, state in enumerate(("opened", "answered", "accepted", "refused", "closed"))),
        of_order(facts.ReturnOpened, 30, **back, wish="exchange"),
        of_order(facts.ReturnAccepted, 32, **back),
        of_order(facts.ReturnOpened, 33, return_key="R8"),
        of_order(facts.ReturnRefused, 34, return_key="R8", reason="It was worn."),
        of_order(facts.ReturnOpened, 35, return_key="R9"),
        of_order(facts.ReturnAccepted, 36, return_key="R9"),
        of_order(facts.RefundSent, 37, amount="59.90"),
        order("43", at=at(40), customer=ANNA, lines=LINES),
        parcel("returning", "43", at=at(42)),
        facts.OrderCancelled(id="x", at=at(43), order="43"),
        order("44", at=at(45), customer=ANNA, lines=LINES),
        *(facts.FriendBought(id=f"f{n}", at=at(46 + n), contact=who, state=state, invitation=n)
          for n, state in enumerate(("inviter", "friend"))),
        *(facts.DueCame(id=key, at=at(60 + 10 * n), automation=key, contact=who, occasion="2026",
                        sku="K1", category="Kettles") for n, key in enumerate(due)),
    ]  # fmt: skip


async def _mend(shop: Shop) -> None:
    """Somebody of the store does what a low score asks for."""
    for row in await shop.rows("SELECT id FROM task WHERE recipe = 'low_score' AND result = ''"):
        async with db.transaction(shop.runtime.pool) as tx:
            await tasks.finish(
                tx, shop.store, row["id"], "done", "", "page/Olga", shop.at, shop.runtime.ids
            )
    await shop.answer()


@pytest.mark.slow
def test_a_customer_of_many_months_meets_every_ready_automation(play: Play) -> None:
    """R46-R80, R117: what each text wants (product, goods, hours, own fields) is loaded; no fact
    breaks, nothing is said twice, and each automation has spoken or says why it kept silent."""

    async def story(shop: Shop) -> None:
        who = await _open(shop)
        for fact in sorted(_life(who), key=lambda one: one.at):
            while shop.at < fact.at:  # the runs that wait until then
                shop.at = min(shop.at + DAY / 4, fact.at)
                await shop.answer()
            await triggers.look(shop.runtime)
            await shop.hear(fact)
            await shop.answer()
            await _mend(shop)
        for _ in range(50):
            shop.later(days=3)
            await triggers.look(shop.runtime)
            await shop.answer()
        broken = await shop.rows("SELECT * FROM pending_fact WHERE error <> ''")
        assert not broken, broken[0]
        made = [row for row in await shop.messages() if row["recipe"]]
        spoken = {row["recipe"] for row in made}
        waiting = await shop.rows("SELECT recipe, state, reason FROM enrollment")
        kept_silent = {row["recipe"]: row["reason"] for row in waiting if row["reason"]}
        # An older cart's rival, and what nobody has: goods that go with a kettle.
        assert set(RECIPES) - spoken <= kept_silent.keys(), set(RECIPES) - spoken
        for row in made:
            assert "{" not in row["body"] and "  " not in row["body"], row["body"]
        bodies = {row["recipe"]: row["body"] for row in made}
        assert "Kettle" in bodies["browse_left"] and "350" in bodies["loyalty_reminder"]
        assert "59.90" in bodies["price_drop"] and "Kettle +" not in bodies["cart_left"]
        assert any("sorry about your order 42" in row["body"] for row in made)
        (call,) = await shop.rows("SELECT said FROM task WHERE recipe = 'low_score'")
        assert "2 of 6, order 42" in call["said"] and "slow" in call["said"]
        assert {row["reason"] for row in made if row["recipe"] == "accessories"} == {"no_goods"}
        said = [(row["recipe"], row["enrollment_id"], row["why"], row["body"]) for row in made
                if row["state"] != "dropped" and row["channel"] == "sms"]  # fmt: skip
        assert len(said) == len(set(said))

    play(story, languages=["en"])
