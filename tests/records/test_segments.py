"""Segments: kept, counted, asked page by page; what a condition may read, and what a cart holds."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records.segments import figure_fill, segments
from ringdove.rules import facts
from ringdove.rules.consent.consent import Draft
from ringdove.rules.segments.pictures import holds
from ringdove.rules.segments.segments import TREE, InSegment, NoSegment, Not, Reach, TooLarge
from tests.flows.conftest import NOON, Shop, order
from tests.records.test_attribution import put
from tests.records.test_statements import _plan, growing, link, unbounded

__all__ = ["growing", "link"]

RANGE = {"at_least": 1, "at_most": 40}
SPAN = {"within_days": 30, "until": "2026-12-01"}
GOODS = {"categories": ["a"], "brands": ["b"], "skus": ["x"]}
TEA = {"categories": ["tea"]}
# Every condition with all it can say, and those that are answered from what is kept.
EVERY: list[dict[str, Any]] = [
    {"leaf": "bought", "goods": GOODS, "when": SPAN, "times": RANGE, "pieces": RANGE,
     "spent": RANGE, "channels": ["web"]},
    {"leaf": "bought", "when": SPAN, "times": RANGE, "pieces": RANGE, "spent": RANGE},
    {"leaf": "bought"}, {"leaf": "bought", "goods": TEA, "spent": RANGE},
    {"leaf": "bought", "goods": TEA, "when": {"within_days": 3}},
    {"leaf": "orders", "times": RANGE, "spent": RANGE, "average": RANGE, "first": SPAN},
    {"leaf": "visited", "goods": GOODS, "pages": ["/a"], "when": SPAN, "channels": ["web"]},
    {"leaf": "visited", "goods": TEA}, {"leaf": "visited", "when": {"within_days": 3}},
    {"leaf": "cart", "goods": GOODS, "total": RANGE, "hours": RANGE},
    {"leaf": "place", "countries": ["by"], "regions": ["x"], "cities": ["Минск"]},
    {"leaf": "age", "years": RANGE}, {"leaf": "sex", "sex": "f"},
    {"leaf": "birthday", "in_days": RANGE},
    {"leaf": "children", "years": RANGE, "birthday_in_days": RANGE, "number": RANGE},
    {"leaf": "language", "languages": ["ru"]},
    {"leaf": "origin", "origins": ["order"], "notes": ["x"], "when": SPAN},
    {"leaf": "field", "key": "k", "words": ["a"], "number": RANGE, "when": SPAN, "yes": True},
    *({"leaf": "texts", "what": what, "campaign": campaign, "when": SPAN, "times": RANGE}
      for what in ("sent", "delivered", "failed", "clicked", "replied") for campaign in (None, 3)),
    {"leaf": "permission", "scope": "topic/x", "states": ["none"]},
    {"leaf": "reach", "channel": "sms"}, {"leaf": "offer", "offer": 3, "used": False},
    {"leaf": "rfm", "classes": ["new"]}, {"leaf": "due", "in_days": RANGE},
    {"leaf": "due", "category": "a", "in_days": RANGE}, {"leaf": "all"}, {"leaf": "any"},
]  # fmt: skip


def test_no_condition_reads_past_its_store_or_bucket(play, link, growing) -> None:
    """P10: PostgreSQL's own plans of counts by every kind of condition, also for merged people."""
    asked: list[str] = []

    async def story(shop: Shop) -> None:
        await shop.hear(order(), order("43", customer={"phone": "+375291112299"}))
        await shop.answer()
        ids = [row["id"] for row in await shop.rows("SELECT id FROM contact ORDER BY id")]
        fact = facts.PeopleMerged(id="m", at=shop.at, contact=ids[0], other=ids[1], by="page")
        await shop.hear(fact)
        await shop.answer()
        async with db.transaction(shop.runtime.pool) as tx:
            for tree in EVERY:
                for told in (tree, {"leaf": "not", "of": tree}):
                    node = TREE.validate_python(told)
                    meant = await segments.condition(tx, shop.store, node, NOON)
                    asked.extend(
                        statement.format(narrow=meant.sql).as_string()
                        for statement in (segments.COUNT, segments.PEOPLE)
                    )

    play(story)
    for text in asked:
        assert not unbounded(_plan(link, text), growing), text
    assert len(asked) > 120 and any("jsonb_to_recordset" in text for text in asked)


@pytest.mark.slow
@pytest.mark.parametrize("span", [1, 128])
def test_people_come_page_by_page_each_once(play, span) -> None:
    """R23: the same people whatever the pages' size; nested, retired, counted, reachable."""

    async def story(shop: Shop) -> None:
        phones = [f"+37529111{n:04}" for n in range(30)]
        await shop.hear(*(
            order(str(n), customer={"phone": phone, "name": "Anna"})
            for n, phone in enumerate(phones)
        ))  # fmt: skip
        await shop.answer()
        pool, store = shop.runtime.pool, shop.store
        async with db.transaction(pool) as tx:
            first = await segments.create(
                tx, store, "Buyers", TREE.validate_python({"leaf": "bought"}), NOON
            )
            await segments.retire(tx, store, first, NOON)
            tree = InSegment(segment=first)
            for most in (1, 7, 30, 100):
                found, after = [], 0
                while after is not None:
                    page = await segments.people(tx, store, tree, shop.at, after, most)
                    found += [row["phone"] for row in page.rows]
                    after = page.next
                assert sorted(found) == phones, most
            rows = [row async for some in segments.everybody(tx, store, tree, shop.at)
                    for row in some]  # fmt: skip
            assert len(rows) == 30
        assert await segments.count(pool, store, tree, shop.at) == segments.Count(30)
        draft = Draft("sms", "marketing", "offers", NOON, NOON + timedelta(days=1), occasion="sale")
        counts = await segments.count_reachable(pool, store, tree, draft, shop.at)
        assert counts == {("drop", "no_consent"): 30}

    play(story, span=span)


def test_a_count_is_honest_when_its_time_is_up(play) -> None:
    async def story(shop: Shop) -> None:
        await shop.hear(order())
        await shop.answer()
        tree = TREE.validate_python({"leaf": "all"})
        found = await segments.count(shop.runtime.pool, shop.store, tree, NOON, within_s=1e-9)
        assert found.people <= 1 and (found.people == 1 or not found.is_whole)
        # While figures are still being counted nobody is left out of "never bought".
        async with db.transaction(shop.runtime.pool) as tx:
            await tx.execute("DELETE FROM contact_figure")
            await figure_fill.ask(tx, shop.store)
        tree = TREE.validate_python({"leaf": "rfm", "classes": ["never_bought"]})
        assert (await segments.count(shop.runtime.pool, shop.store, tree, NOON)).people == 1

    play(story)


def test_segments_within_segments_end(play) -> None:
    """What asks for itself, for nothing that is there, or for too much is refused by name."""

    async def story(shop: Shop) -> None:
        store, sms = shop.store, Reach(channel="sms")
        async with db.transaction(shop.runtime.pool) as tx:
            first = await segments.create(tx, store, "A", sms, NOON)
            second = await segments.create(tx, store, "B", Not(of=InSegment(segment=first)), NOON)
            with pytest.raises(NoSegment, match=r"asks for itself \(by 1 → 2 → 1\)"):
                await segments.change(tx, store, first, "A", InSegment(segment=second), NOON)
            with pytest.raises(NoSegment, match="No segment has the number 9"):
                await segments.condition(tx, store, InSegment(segment=9), NOON)
            # Each asks for the one before five times: 5 × 5 × 5 × 5 and more conditions.
            n = first
            with pytest.raises(TooLarge):
                for _ in range(9):
                    fives = {"leaf": "any", "of": [{"leaf": "segment", "segment": n}] * 5}
                    n = await segments.create(tx, store, "N", TREE.validate_python(fives), NOON)

    play(story)


def test_goods_in_carts_and_on_pages_have_the_category_of_the_catalogue(play) -> None:
    """R20, R21: most shops leave it out where they tell of carts and visits."""

    async def story(shop: Shop) -> None:
        who = facts.Customer(phone="+375291112233")
        sold = facts.ProductChanged(id="p", at=NOON, sku="k1", name="Kettle", category="kettles")
        await shop.hear(sold)
        await shop.answer()
        line = facts.Line(name="Kettle", sku="k1", price=10)
        await shop.hear(
            facts.CartChanged(id="c", at=NOON, cart="1", customer=who, lines=(line,), total=10),
            facts.VisitMade(id="v", at=NOON, customer=who, sku="k1"),
        )
        await shop.answer()
        now = shop.later(hours=4)
        (row,) = await shop.rows("SELECT id FROM contact")
        kettles = {"categories": ["kettles"]}
        for told in ({"leaf": "cart", "goods": kettles}, {"leaf": "visited", "goods": kettles}):
            tree = TREE.validate_python(told)
            assert (await segments.count(shop.runtime.pool, shop.store, tree, now)).people == 1
            async with db.transaction(shop.runtime.pool) as tx:
                picture = await segments.picture(tx, shop.store, row["id"])
            is_in, reason = holds(tree, picture, now)
            assert is_in and reason.value, told
            assert not holds(tree, replace(picture, looks=(), cart=None), now)[0]

    play(story)


def test_who_has_an_offer_by_a_campaigns_text_was_given_it(play) -> None:
    """R102: codes that a campaign makes stand beside nobody, and one that all share leaves no row;
    who used it is told by their order, whoever they had it from."""

    async def story(shop: Shop) -> None:
        for n in range(4):
            await shop.hear(facts.CustomerChanged(
                id=f"c{n}", at=NOON, customer={"phone": f"+37529111220{n}"}))  # fmt: skip
        await shop.answer()
        people = await shop.rows("SELECT bucket, id FROM contact ORDER BY id")
        await shop.rows(
            "INSERT INTO campaign (store_id, id, name, state, plan, created_at, changed_at)"
            " VALUES (%(s)s, 5, 'x', 'done', '{\"offer\": 7}', now(), now()) RETURNING 1",
            s=shop.store.id,
        )
        base = {
            "store_id": shop.store.id, "channel": "sms", "class": "marketing", "topic": "offers",
            "cause": "campaign", "recipe": "", "gateway_id": 1, "recipient": "1", "body": "x",
            "not_before": NOON, "not_after": NOON, "created_at": NOON, "why": "", "variant": 0,
            "campaign_id": 5,
        }  # fmt: skip
        await put(shop, "message", [
            base | {"bucket": who["bucket"], "id": who["id"] + (1 << 30), "contact_id": who["id"],
                    "state": state, "reason": "", "sent_at": sent_at}
            for who, state, sent_at in zip(
                people, ("sent", "sent", "dropped"), (NOON, NOON, None), strict=False)
        ])  # fmt: skip
        await put(shop, "offer_use", [
            {"bucket": who["bucket"], "store_id": shop.store.id, "contact_id": who["id"],
             "reward_id": 7, "order_id": who["id"], "code": "A", "at": NOON, "freed_at": None}
            for who in (people[1], people[3])
        ])  # fmt: skip
        ids = [who["id"] for who in people]
        for used, meant in ((None, ids[:2]), (True, [ids[1], ids[3]]), (False, ids[:1])):
            tree = TREE.validate_python({"leaf": "offer", "offer": 7, "used": used})
            async with db.transaction(shop.runtime.pool) as tx:
                found = await segments.people(tx, shop.store, tree, NOON)
                pictures = [await segments.picture(tx, shop.store, one) for one in ids]
            assert [row["id"] for row in found.rows] == meant
            assert [one.person.id for one in pictures if holds(tree, one, NOON)[0]] == meant

    play(story)
