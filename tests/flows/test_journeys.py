"""Journeys of a store's own on the real database: what their steps want is loaded and chosen for a
whole batch, and what they do is written."""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from ringdove.kit import db
from ringdove.records.automations import automations
from ringdove.records.people import own_fields
from ringdove.records.sending import outbox
from ringdove.rules import facts
from ringdove.rules.automations.journeys import Journey
from ringdove.rules.automations.plans import Automation
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.people.own_fields import OwnField
from tests.flows.conftest import Shop, order, text
from tests.records.test_offer_codes import made

Play = Callable[..., None]
OWN = Reward(0, "o1", "Teas", "code", source="own", prefix="TEA")
YES = {"marketing": True, "words": "Yes"}
ANNA = {"phone": "+375291112233", "name": "Anna", "country": "BY"}
LUCA = {"phone": "+375291112244", "name": "Luca", "country": "BY"}
WORDS = {
    "code": {"sms": "{{ customer.name }}: {{ offer.code }}"},
    "ask": {"sms": "1-5?"},
    "hello": {"sms": "Hello"},
}


async def switch_on(shop: Shop, key: str, *steps: dict[str, Any], **more: Any) -> None:
    """A store's own automation, which begins with an order."""
    journey = Journey.model_validate(
        {"key": key, "trigger": {"on": "fact", "kind": "order.placed"}, "topic": "offers",
         "about": key, "steps": steps} | more
    )  # fmt: skip
    texts = dict.fromkeys(shop.store.languages, WORDS)
    own = Automation(True, 1, texts=texts, plan=journey)
    async with db.transaction(shop.runtime.pool) as tx:
        assert await automations.save(tx, shop.store.id, key, own, shop.at, None)


def send(text_key: str, **more: Any) -> dict[str, Any]:
    return {"do": "send", "id": text_key, "text": text_key, "klass": "marketing", **more}


async def said(shop: Shop, key: str) -> list[tuple[str, str, str]]:
    """Bodies, states and reasons of an automation's texts."""
    rows = [row for row in await shop.messages() if row["recipe"] == key]
    return sorted((row["body"], row["state"], row["reason"]) for row in rows)


def test_people_met_in_one_batch_are_given_codes_of_their_own(play: Play) -> None:
    """R117, P7: a condition that counts the order at hand, a code, a tag, a task, a text; of people
    whom nobody knew before the batch that tells of them."""

    async def story(shop: Shop) -> None:
        offer = await made(shop, OWN)
        async with db.transaction(shop.runtime.pool) as tx:
            tag = OwnField("friend", "Friend", "yes_no")
            await own_fields.save(tx, shop.store, tag, shop.at)
        first = {"leaf": "orders", "times": {"at_least": 1, "at_most": 1}}
        about = {"goods": {"brands": ["Bork"]}}
        more = [{"do": "give", "id": "p", "points": 5}]
        await switch_on(
            shop, "own_1",
            {"do": "give", "id": "g", "offer": offer.id}, send("code"),
            {"do": "give", "id": "t", "tag": "friend"},
            {"do": "alert", "id": "a", "said": "Call {{ customer.name }}", "due": 3600},
            {"do": "branch", "id": "b", "about": about, "then": more},
            when=first,
        )  # fmt: skip
        kettle = facts.ProductChanged(id="p", at=shop.at, sku="K", name="Kettle", brand="Bork")
        await shop.hear(kettle)
        await shop.answer()
        lines = [{"name": "Kettle", "sku": "K", "price": "59.90"}]
        await shop.hear(
            order("1", customer=ANNA, consent=YES, lines=lines),
            order("2", customer=LUCA, consent=YES),
        )
        await shop.answer()
        codes = {row["contact_id"]: row["code"] for row in await shop.rows(
            "SELECT contact_id, code FROM promo_code")}  # fmt: skip
        people = {row["name"]: row for row in await shop.rows("SELECT * FROM contact")}
        assert codes.keys() == {one["id"] for one in people.values()}
        assert await said(shop, "own_1") == sorted(
            (f"{name}: {codes[one['id']]}", "waiting", "") for name, one in people.items()
        )
        assert [one["fields"] for one in people.values()] == [{"friend": True}] * 2
        given = await shop.rows("SELECT contact_id, reward_id, code, points FROM reward_given")
        noted = {(one["contact_id"], one["reward_id"], one["code"], one["points"]) for one in given}
        points = {(people["Anna"]["id"], 0, "", 5)}
        assert noted == points | {(who, offer.id, code, 0) for who, code in codes.items()}
        tasks = await shop.rows("SELECT said, due_at FROM task ORDER BY said")
        due = shop.at + timedelta(hours=1)
        assert tasks == [{"said": f"Call {name}", "due_at": due} for name in ("Anna", "Luca")]
        await shop.hear(order("3", customer=ANNA, at=shop.later(minutes=1)))
        await shop.answer()
        assert len(await said(shop, "own_1")) == 2, "the second order is not the first"

    play(story, span=128)


def test_an_answer_comes_back_into_the_run(play: Play) -> None:
    """R80: kept in a field, and the way that it decides is taken."""

    async def story(shop: Shop) -> None:
        async with db.transaction(shop.runtime.pool) as tx:
            await own_fields.save(tx, shop.store, OwnField("mark", "Mark", "number"), shop.at)
        low = {"do": "branch", "id": "b", "answer_number": {"at_most": 3},
               "then": [{"do": "alert", "id": "a", "said": "{{ answer.text }}"}]}  # fmt: skip
        ask = {"do": "ask", "id": "q", "text": "ask", "keep_in": "mark"}
        await switch_on(shop, "own_1", ask, low)
        await shop.hear(order("1", customer=ANNA))
        await shop.answer()
        await shop.hear(text("2 stars", at=shop.later(minutes=5)))
        await shop.answer()
        (person,) = await shop.rows("SELECT fields FROM contact")
        assert person["fields"] == {"mark": 2}
        assert [row["said"] for row in await shop.rows("SELECT said FROM task")] == ["2 stars"]

    play(story)


def test_a_higher_offer_takes_back_a_lower_one_that_waits(play: Play) -> None:
    """R117, P4: also one that an earlier batch has queued; and a text goes at its reader's hour."""

    async def story(shop: Shop) -> None:
        await switch_on(shop, "own_1", send("hello"), priority=3)
        wait = {"do": "wait", "id": "w", "seconds": 3600}
        await switch_on(shop, "own_2", wait, send("hello", own_hour=True), priority=8)
        await shop.hear(order("1", customer=ANNA, consent=YES))
        await shop.answer()
        assert await said(shop, "own_1") == [("Hello", "waiting", "")]
        await shop.rows(
            "WITH seen AS (UPDATE contact_figure SET own_hour = 19 RETURNING 1) SELECT * FROM seen"
        )
        shop.later(minutes=61)
        await shop.answer()
        assert await said(shop, "own_1") == [("Hello", "dropped", "outranked")]
        assert await said(shop, "own_2") == [("Hello", "waiting", "not_yet")]
        queued = await shop.rows(
            "SELECT m.recipe, o.due_at FROM outbox o JOIN message m ON m.id = o.message_id"
            " WHERE o.class = 'marketing'"
        )
        seven = shop.at.replace(hour=16, minute=0, second=0)  # in the evening of Minsk
        assert queued == [{"recipe": "own_2", "due_at": seven}]

    play(story)


def cart(shop: Shop) -> facts.CartChanged:
    return facts.CartChanged.model_validate(
        {"id": f"cart/{shop.at}", "at": shop.at, "cart": "c", "customer": ANNA,
         "lines": [{"name": "Tea", "price": "5"}]}
    )  # fmt: skip


CARTS = {"trigger": {"on": "fact", "kind": "cart.changed"}, "restarts": True}
REST = {"do": "wait", "id": "w", "seconds": 3600}


def test_a_cart_that_changes_twice_in_a_second_is_reminded_of(play: Play) -> None:
    """R46: the second wait ends in the same second as the first, and is another one."""

    async def story(shop: Shop) -> None:
        await switch_on(shop, "own_1", REST, send("hello", klass="service"), **CARTS)
        shop.later(milliseconds=100)
        for _ in range(2):
            await shop.hear(cart(shop))
            await shop.answer()
            shop.later(milliseconds=300)
        for _ in range(2):
            shop.later(seconds=3601)
            await shop.answer()
        assert await said(shop, "own_1") == [("Hello", "waiting", "")]

    play(story)


def test_what_begins_anew_asks_gives_and_tells_once(play: Play) -> None:
    """R56: a cart that changes while its run waits, before and at a question."""

    async def story(shop: Shop) -> None:
        gives = {"do": "give", "id": "g", "points": 100}
        tells = {"do": "alert", "id": "a", "said": "Look"}
        ask = {"do": "ask", "id": "q", "text": "ask"}
        await switch_on(shop, "own_1", gives, tells, REST, ask, tells | {"id": "b"}, **CARTS)
        for _ in range(4):
            await shop.hear(cart(shop))
            await shop.answer()
            shop.later(minutes=2)
        shop.later(hours=1)
        await shop.answer()
        await shop.hear(cart(shop))
        await shop.answer()
        await shop.hear(text("5", at=shop.later(minutes=2)))
        await shop.answer()
        assert await said(shop, "own_1") == [("1-5?", "waiting", "")]
        assert len(await shop.rows("SELECT FROM reward_given")) == 1
        assert len(await shop.rows("SELECT FROM task")) == 2, "the second one after the answer"

    play(story)


def test_runs_that_begin_anew_add_up(play: Play) -> None:
    """N2: those that began are those that went on, ended or wait."""

    async def story(shop: Shop) -> None:
        await switch_on(shop, "own_1", REST, send("hello", klass="service"), REST | {"id": "v"},
                        **CARTS)  # fmt: skip
        for wait in (2, 2, 62, 2, 2):
            await shop.hear(cart(shop))
            await shop.answer()
            shop.later(minutes=wait)
        await shop.answer()
        counted = await shop.rows(
            "SELECT name, sum(n)::integer AS n FROM counter WHERE name LIKE 'step/%%' GROUP BY name"
        )
        own = {one["name"][11:]: one["n"] for one in counted if "own_1" in one["name"]}
        assert own == {"/began": 3, "w/anew": 2, "w/passed": 1, "hello/passed": 1}

    play(story)


def visit(n: int, at: datetime) -> facts.VisitMade:
    return facts.VisitMade.model_validate(
        {"id": f"visit/{n}", "at": at, "customer": ANNA, "sku": "T"}
    )


def test_what_is_told_late_is_not_said_twice(play: Play) -> None:
    """R56, P8: what happened before goes before what waits, but not once something was said."""

    async def story(shop: Shop) -> None:
        seen = {"trigger": {"on": "fact", "kind": "visit.made"}}
        await switch_on(shop, "own_1", send("hello", klass="service"), REST, **seen)
        await switch_on(shop, "own_2", {"do": "give", "id": "g", "points": 5}, REST, **seen)
        await shop.hear(visit(1, shop.at))
        await shop.answer()
        before = shop.at - timedelta(minutes=30)
        shop.later(minutes=5)
        await shop.hear(visit(2, before))
        await shop.answer()
        assert len(await said(shop, "own_1")) == 1
        assert len(await shop.rows("SELECT FROM reward_given")) == 1

    play(story)


def test_an_order_is_no_purchase_after_itself(play: Play) -> None:
    """P3: its own run is neither ended when it is told again nor held by the guard; another one
    ends it."""

    async def story(shop: Shop) -> None:
        again = {"stopped_by_any": ["order.placed"]}
        hello = send("hello", klass="service", guard="unbought")
        await switch_on(shop, "own_1", REST, hello, **again)
        await shop.hear(order("1", customer=ANNA))
        await shop.answer()
        shop.later(minutes=2)
        await shop.hear(order("1", customer=ANNA).model_copy(update={"id": "told again"}))
        await shop.answer()
        shop.later(hours=1)
        await shop.answer()
        (due,) = await shop.rows("SELECT DISTINCT bucket FROM outbox")
        async with db.transaction(shop.runtime.pool) as tx:
            await outbox.take(tx, shop.store, due["bucket"], shop.sms, shop.at, "w")
        assert await said(shop, "own_1") == [("Hello", "waiting", "")], "taken, not refused"
        await shop.hear(order("2", customer=ANNA, at=shop.later(minutes=1)))
        await shop.answer()
        await shop.hear(order("3", customer=ANNA, at=shop.later(minutes=1)))
        await shop.answer()
        rows = await shop.rows(
            "SELECT state, reason FROM enrollment WHERE recipe = 'own_1' ORDER BY id"
        )
        found = [(row["state"], row["reason"]) for row in rows]
        assert found == [("done", ""), ("stopped", "order.placed"), ("waiting", "")]

    play(story)


def test_a_subject_that_a_store_made_too_long_parks_nothing(play: Play) -> None:
    """P11."""

    async def story(shop: Shop) -> None:
        await switch_on(shop, "own_1", send("hello", klass="service"), about="{order}")
        lines = [{"name": sha256(f"{n}".encode()).hexdigest(), "price": "1"} for n in range(200)]
        await shop.hear(order("1", customer=ANNA, lines=lines))
        await shop.answer()
        assert len(await said(shop, "own_1")) == 1

    play(story)


def test_a_question_that_was_outranked_waits_for_no_answer(play: Play) -> None:
    """R117: what they write then answers nothing."""

    async def story(shop: Shop) -> None:
        ask = {"do": "ask", "id": "q", "text": "ask", "klass": "marketing"}
        tells = {"do": "alert", "id": "a", "said": "{{ answer.text }}!"}
        await switch_on(shop, "own_1", send("hello"), priority=8)
        await switch_on(shop, "own_2", ask, tells, priority=3)
        await shop.hear(order("1", customer=ANNA, consent=YES))
        await shop.answer()
        assert await said(shop, "own_2") == [("1-5?", "dropped", "outranked")]
        await shop.hear(text("Hi", at=shop.later(minutes=5)))
        await shop.answer()
        assert [row["said"] for row in await shop.rows("SELECT said FROM task")] == ["!"]

    play(story)


def test_the_plans_of_so_many_stores_are_kept_in_memory(play: Play, monkeypatch: Any) -> None:
    """A large house has thousands of stores, and each of their versions is some 10 KB."""

    async def story(shop: Shop) -> None:
        monkeypatch.setattr(automations, "STORES_KEPT", 2)
        monkeypatch.setattr(automations, "_PLANS", kept := {})
        await switch_on(shop, "own_1", send("hello"))
        for store_id in (shop.store.id, 8, 9, shop.store.id):
            async with db.transaction(shop.runtime.pool) as tx:
                found = await automations.plans(tx, store_id)
        assert len(kept) == 2
        assert "own_1" in found.newest

    play(story)
