"""A rehearsal of an automation says what the automation did, or would have done (N2)."""

import asyncio
import random
import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ringdove.kit import db
from ringdove.records.automations import automation_rehearsals, automations, try_outs
from ringdove.records.offers import code_lists, rewards
from ringdove.records.sending import messages
from ringdove.records.store import policies, stores
from ringdove.rules import facts
from ringdove.rules.automations import rehearsal_sums
from ringdove.rules.automations.plans import Automation, Plan, plan_of
from ringdove.rules.automations.pretending import Pretend
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.steps.give import Give
from ringdove.workers.automations import rehearsing
from tests.flows.conftest import NOON, Shop, order, paid, parcel

PAY = "https://linden.example/pay/42"
MONTH = timedelta(days=30)


def person(n: int) -> dict[str, str]:
    """A customer with a number of their own."""
    return {"phone": f"+37529111{n:04}", "name": f"Анна {n}", "country": "BY"}


async def rehearse(shop: Shop, recipe: str, **more):
    """The recipe as it comes, over the month until now."""
    plan = more.get("plan") or plan_of(recipe, None)
    assert isinstance(plan, Plan)
    since = shop.at - MONTH
    sums = await rehearsing.rehearse(shop.runtime, shop.store, plan, since, shop.at)
    return sums.document()


@pytest.mark.parametrize("span", [1, 128])
def test_a_rehearsal_says_what_was_said_in_life(play, span):
    """N2. Reminders of unpaid orders: who got one, who had paid, who cancelled, at what hour."""

    async def story(shop: Shop) -> None:
        for n in range(6):
            due = {"payment_due": True, "payment_url": PAY, "customer": person(n)}
            await shop.hear(order(str(n), **due))
        await shop.answer()
        shop.later(minutes=30)
        await shop.hear(paid("0", at=shop.at), paid("1", at=shop.at))
        await shop.answer()
        shop.later(hours=2)
        await shop.answer()
        made = [m for m in await shop.messages() if m["recipe"] == "order_unpaid"]
        shop.later(hours=1)
        found = await rehearse(shop, "order_unpaid")
        assert found["began"] == 6
        assert found["steps"]["s0"]["left"] == {"payment.received": 2}
        assert found["texts"] == found["spoken_to"] == len(made) == 4
        assert sorted(one["text"] for one in found["samples"]) == sorted(m["body"] for m in made)
        assert found["parts_total"] == sum(m["parts"] for m in made)
        assert {one["at"] for one in found["samples"]} == {
            (NOON + timedelta(hours=2)).isoformat()
        }  # fmt: skip
        assert len(await shop.messages()) == len(made) + 6 + 2  # accepted, paid: nothing more

    play(story, span=span)


def test_a_text_of_the_night_is_rehearsed_for_the_morning(play):
    """P3, N2: what waits for the day is asked once more when it leaves."""

    async def story(shop: Shop) -> None:
        shop.later(hours=8)  # 23 by the store's clock
        due = {"payment_due": True, "payment_url": PAY, "at": shop.at}
        await shop.hear(order("1", **due, customer=person(1)))
        await shop.hear(order("2", **due, customer=person(2)))
        shop.later(hours=6)
        await shop.hear(paid("1", at=shop.at))
        shop.later(hours=12)
        await shop.answer()
        found = await rehearse(shop, "order_unpaid")
        assert found["silent"] == {"paid": 1}
        assert [one["at"][:16] for one in found["samples"]] == ["2026-11-19T06:00"]

    play(story)


def test_a_switched_off_recipe_is_rehearsed_over_parcels(play):
    """N2: before it is switched on it is seen what it would have said."""

    async def story(shop: Shop) -> None:
        await shop.hear(order(), paid(), parcel("accepted"), parcel("in_transit"))
        await shop.answer()
        shop.later(days=1)
        found = await rehearse(shop, "parcel_in_transit")
        assert (found["began"], found["texts"]) == (1, 1)
        assert not [m for m in await shop.messages() if m["recipe"] == "parcel_in_transit"]

    play(story)


def test_a_rehearsal_that_is_asked_for_is_worked_on_and_told(play):
    """N2: asked by a page, worked on elsewhere; a newer wish takes its place."""

    async def story(shop: Shop) -> None:
        await shop.hear(order(payment_due=True, payment_url=PAY))
        await shop.answer()
        shop.later(days=1)
        async with db.transaction(shop.runtime.pool) as tx:
            assert not await automation_rehearsals.asked(tx)
            await automation_rehearsals.ask(
                tx, shop.store, "order_unpaid", 0, shop.at - MONTH, shop.at, shop.at
            )
            plans = await automations.plans(tx, shop.store.id)
            assert plans.newest["order_unpaid"].own.version == 0
            one = await automation_rehearsals.find(tx, shop.store, "order_unpaid")
            assert one and one.state == "asked"
            # As a process leaves it that was killed while it worked.
            assert await automation_rehearsals.tell(tx, shop.store, one, "running", 1, 2)
        await rehearsing.all_asked(shop.runtime, asyncio.Event())
        async with db.transaction(shop.runtime.pool) as tx:
            one = await automation_rehearsals.find(tx, shop.store, "order_unpaid")
            assert not await automation_rehearsals.asked(tx)
        assert one is not None and (one.state, one.share) == ("done", 1.0), one
        assert one.seen == one.of_all == 2
        assert one.result["texts"] == 1
        (sample,) = one.result["samples"]
        async with db.transaction(shop.runtime.pool) as tx:  # P12
            await automation_rehearsals.forget(tx, shop.store, [sample["contact_id"]])
            known = await automation_rehearsals.find(tx, shop.store, "order_unpaid")
        assert known and known.result["samples"] == [] and known.result["texts"] == 1
        later = shop.later(minutes=1)
        async with db.transaction(shop.runtime.pool) as tx:
            await automation_rehearsals.ask(
                tx, shop.store, "order_unpaid", 0, later - MONTH, later, later
            )
        with pytest.raises(rehearsing.Replaced):
            await rehearsing.Telling(shop.runtime, shop.store, one).tell("done")

    play(story)


def test_a_try_out_shows_every_step_with_its_time_and_price(play):
    """N2: one person, a pretend clock: the reminder two hours later, unless they pay before."""

    async def story(shop: Shop) -> None:
        await shop.hear(order())
        await shop.answer()
        (who,) = await shop.rows("SELECT id FROM contact")
        before = await shop.rows("SELECT count(*) AS n FROM fact")

        async def tried(recipe: str, *then: Pretend) -> try_outs.TryOut:
            found = await try_outs.try_out(
                shop.runtime.pool, shop.store, plan_of(recipe, None), who["id"], shop.at, then,
                shop.runtime.ids, shop.runtime.keyed, "https://ring.example", shop.runtime.link_key,
            )  # fmt: skip
            assert found is not None
            return found

        one = await tried("order_unpaid")
        assert [(e.what, e.place) for e in one.happened] == [
            ("began", "s0"), ("waits", "s0"), ("passed", "s0"), ("passed", "s1"), ("ended", ""),
            ("said", "s1"),
        ]  # fmt: skip
        said = one.happened[-1]
        assert said.at == NOON + timedelta(hours=2)
        assert said.message is not None and "Чайник" not in said.message.body
        assert not one.is_sample and one.why_not == ""
        two = await tried("order_unpaid", Pretend(timedelta(hours=1), "payment.received"))
        assert [(e.what, e.reason) for e in two.happened][-1] == ("ended", "payment.received")
        assert not [e for e in two.happened if e.what == "said"]
        three = await tried("parcel_delivered")
        assert [e.what for e in three.happened][-1] == "said"
        with pytest.raises(ValueError, match="cannot be pretended"):
            await tried("order_unpaid", Pretend(timedelta(hours=1), "price.rose"))
        assert await shop.rows("SELECT count(*) AS n FROM fact") == before

    play(story)


SAID_AT_LEAST = {
    "order_unpaid": 1, "cart_left": 1, "birthday": 1, "parcel_delivered": 1, "browse_left": 1,
}  # fmt: skip


@pytest.mark.slow
def test_no_ready_automation_breaks_a_rehearsal_or_a_try_out(play):
    """N2: each of them, over a month with a birthday, carts, orders and parcels in it; nothing is
    left behind."""

    async def story(shop: Shop) -> None:
        await month(shop)
        before = await left_behind(shop)
        (who,) = await shop.rows("SELECT id FROM contact ORDER BY id LIMIT 1")
        for recipe, journey in RECIPES.items():
            plan = plan_of(recipe, None)
            assert plan
            plan = Plan(journey.model_copy(update={"holdout_percent": 0}), plan.own)
            found = await rehearse(shop, recipe, plan=plan)
            assert found["broken"] == 0, recipe
            assert found["texts"] >= SAID_AT_LEAST.get(recipe, 0), (recipe, found)
            one = await try_outs.try_out(
                shop.runtime.pool, shop.store, plan, who["id"], shop.at, (),
                shop.runtime.ids, shop.runtime.keyed, "https://ring.example", shop.runtime.link_key,
            )  # fmt: skip
            assert one is not None
        assert await left_behind(shop) == before

    play(story)


async def month(shop: Shop) -> None:
    """People, a birthday, carts, visits, orders and what became of them."""
    day = timedelta(days=1)
    customer = person(1) | {"birthday": "1990-11-10"}
    at = shop.at - 20 * day
    lines = [{"name": "Чайник", "price": "59.90", "sku": "kettle", "category": "kettles"}]
    visit = {"customer": person(3), "sku": "kettle", "category": "kettles"}
    await shop.hear(
        facts.CustomerChanged(id="c1", at=at, customer=customer),
        facts.CartChanged(id="k1", at=at, cart="k", customer=person(2), lines=lines, total="59.90"),
        facts.VisitMade(id="v1", at=at, page="/kettle", **visit),
        order("1", at=at, customer=customer, lines=lines),
        parcel("accepted", "1", at + day), parcel("delivered", "1", at + 3 * day),
        order("2", at=at, customer=person(4), payment_due=True, payment_url=PAY, lines=lines),
    )  # fmt: skip
    await shop.answer()
    await shop.rows("UPDATE contact SET marketing = 'in' RETURNING id")


async def left_behind(shop: Shop) -> list[int]:
    """Rows of all that a rehearsal could write by mistake."""
    tables = ("message", "enrollment", "fact", "reward_given", "task", "outbox", "contact")
    asked = " UNION ALL ".join(f"SELECT {n} AS k, count(*) AS n FROM {one}"
                               for n, one in enumerate(tables))  # fmt: skip
    return [row["n"] for row in await shop.rows(f"{asked} ORDER BY k")]


def test_two_names_of_one_person_are_one_in_a_rehearsal(play):
    """P3, N2: left under one name, bought under another: nobody is reminded of it."""

    async def story(shop: Shop) -> None:
        mail = {"email": "anna@example.com", "name": "Anna"}
        lines = [{"name": "Чайник", "price": "59.90"}]
        for n, who in enumerate((person(1), person(2))):
            await shop.hear(facts.CartChanged(
                id=f"c{n}", at=shop.at, cart=f"c{n}", customer=who, lines=lines, total="59.90",
            ))  # fmt: skip
        await shop.hear(order("1", at=shop.at + timedelta(hours=1), customer=mail))
        await shop.answer()
        people = await shop.rows("SELECT id, email FROM contact ORDER BY id")
        (other,) = [one["id"] for one in people if one["email"]]
        main = next(one["id"] for one in people if not one["email"])
        await shop.rows("UPDATE contact SET marketing = 'in' RETURNING id")
        await shop.hear(facts.PeopleMerged(id="m", at=shop.at, contact=main, other=other, by="x"))
        await shop.answer()
        shop.later(days=2)
        ready = RECIPES["cart_left"].model_copy(update={"holdout_percent": 0})
        found = await rehearse(shop, "cart_left", plan=Plan(ready, Automation(is_on=False)))
        assert (found["people"], found["began"], found["texts"]) == (2, 2, 1)
        assert found["steps"]["pause"]["left"] == {"order.placed": 1}

    play(story)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_rehearsal_of_carts_is_what_life_was(play, seed, monkeypatch):
    """N2, P3, R12: carts left at all hours, some bought before the text, some while it waited for
    the morning; caps and those left alone by chance. Sent in life, hour by hour, and rehearsed."""
    chance = random.Random(seed)
    monkeypatch.setattr(rehearsal_sums, "SAMPLES_OF_A_KIND", rehearsal_sums.SAMPLES)

    async def story(shop: Shop) -> None:
        plan = RECIPES["cart_left"].model_copy(update={"holdout_percent": 20})
        async with db.transaction(shop.runtime.pool) as tx:
            own = Automation(is_on=True, version=1, plan=plan)
            assert await automations.save(tx, shop.store.id, "cart_left", own, shop.at, None)
            await policies.change(tx, shop.store, lambda rule: replace(rule, cap_week=1), shop.at)
        store = shop.store = await find_store(shop)
        later = _life(chance, shop.at)
        sent: list[tuple[int, str]] = []
        for _ in range(2 * 24 * 4):
            shop.later(minutes=30)
            while later and later[0].at <= shop.at:
                await shop.hear(later.pop(0))
            await shop.answer()
            await shop.rows(
                "UPDATE contact SET marketing = 'in' WHERE marketing <> 'in' RETURNING id"
            )
            async with db.transaction(shop.runtime.pool) as tx:
                for row in await shop.rows("SELECT DISTINCT bucket FROM outbox"):
                    sent += [
                        (one.contact_id, one.body)
                        for one in await messages.take(
                            tx, store, row["bucket"], shop.sms, shop.at, "me"
                        )
                        if one.klass == "marketing"
                    ]  # fmt: skip
        sums = await rehearsing.rehearse(
            shop.runtime, store, Plan(plan, own), NOON - timedelta(days=1), shop.at
        )
        found = sums.document()
        runs = await shop.rows("SELECT reason FROM enrollment WHERE recipe = 'cart_left'")
        # One in five of sixteen by chance: sometimes nobody.
        assert found["held_out"] == sum(run["reason"] == "holdout" for run in runs)
        told = [(one["contact_id"], _plain(one["text"])) for one in found["samples"]]
        assert len(sent) > 5
        assert sorted(told) == sorted((who, _plain(text)) for who, text in sent)
        assert found["silent"] or found["steps"]["pause"]["left"]

    play(story)


def _life(chance: random.Random, at: datetime) -> list[facts.Fact]:
    """Three days of carts, some of which are bought."""
    told: list[facts.Fact] = []
    lines = [{"name": "Чайник", "price": "59.90", "sku": "kettle"}]
    for n in range(24):
        who, left = person(n % 16), at + timedelta(hours=1 + chance.randrange(60))
        told.append(facts.CartChanged(
            id=f"cart/{n}", at=left, cart=f"c{n}", customer=who, lines=lines, total="59.90",
        ))  # fmt: skip
        if chance.random() < 0.4:
            bought = left + timedelta(minutes=30 + 60 * chance.randrange(12))
            told.append(order(f"o{n}", at=bought, customer=who))
    return sorted(told, key=lambda one: one.at)


def _plain(text: str) -> str:
    """Without links, which differ with the message."""
    return re.sub(r"https?://\S+", "…", text)


async def find_store(shop: Shop):
    """The store as it is now."""
    async with db.transaction(shop.runtime.pool) as tx:
        return await stores.find(tx, shop.store.id)


def test_no_code_is_given_by_a_rehearsal_or_a_try_out(play):
    """P7, N2: codes of a list are shown and stay on it."""

    async def story(shop: Shop) -> None:
        pool = Reward(0, "o1", "Teas", "code", source="pool", valid_days=14)
        async with db.transaction(shop.runtime.pool) as tx:
            offer = await rewards.create(tx, shop.store.id, pool, NOON)
            codes = [f"TEA-{n}" for n in range(9)]
            assert await code_lists.add(tx, shop.store, offer, codes, []) == 9
        await month(shop)
        ready = RECIPES["cart_left"]
        give = Give(id="gift", offer=offer)
        plan = Plan(
            ready.with_steps((give, *ready.steps)).model_copy(update={"holdout_percent": 0}),
            Automation(is_on=False, version=1),
        )
        found = await rehearse(shop, "cart_left", plan=plan)
        assert (found["texts"], found["steps"]["gift"]["passed"]) == (1, 1)
        (who,) = await shop.rows("SELECT id FROM contact ORDER BY id LIMIT 1")
        one = await try_outs.try_out(
            shop.runtime.pool, shop.store, plan, who["id"], shop.at, (),
            shop.runtime.ids, shop.runtime.keyed, "https://ring.example", shop.runtime.link_key,
        )  # fmt: skip
        assert one and any(told.what == "said" for told in one.happened)
        assert len(await shop.rows("SELECT FROM free_code")) == 9
        assert not await shop.rows("SELECT FROM reward_given")
        assert not await shop.rows("SELECT FROM promo_code WHERE contact_id IS NOT NULL")

    play(story)
