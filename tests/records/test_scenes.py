"""A scene is loaded, changed by effects and written; loaded again it is the same."""

import asyncio
import dataclasses
from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from psycopg.errors import UniqueViolation

from ringdove.kit import db
from ringdove.records import scenes
from ringdove.rules import answers, effects, facts
from ringdove.rules.scenes import Invitation, Scene, Store
from tests.flows.conftest import NOON, Shop, order, paid, parcel, text
from tests.records.test_messages import take

LIFE: list[facts.Fact] = [
    order(consent={"marketing": True, "words": "Yes, offers.", "language": "en"}, payment_due=True),
    order("43", customer={"email": "anna@linden.example", "phone": "+375291112233"},
          lines=[{"name": "Чайник", "price": "59.90", "category": "kettles"}]),
    facts.OrderChanged(
        id="order/43/changed", at=NOON,
        order=order("43", changed_at=NOON + timedelta(hours=1),
                    lines=[{"name": "Чай", "price": "59.90", "category": "tea"}]).order,
    ),
    paid(),
    parcel("accepted", parcel="P1", number="RR1", carrier="Belpost", url="https://post.example/1"),
    facts.DeliveryPromised(
        id="promise", at=NOON, order="42", promised_from="2026-11-20T10:00:00Z",
        promised_until="2026-11-20T12:00:00Z",
    ),
    facts.InvoiceIssued(id="invoice", at=NOON, order="42", number="F-1", url="https://x.example"),
    facts.ReturnOpened(id="return", at=NOON, order="42", return_key="r1", wish="exchange"),
    facts.RefundSent(id="refund", at=NOON, order="42", refund_key="m1", amount="10.00"),
    facts.CartChanged(
        id="cart", at=NOON, cart="c1", customer={"account": "7", "phone": "+375291112233"},
        lines=[{"name": "Чайник", "quantity": "2", "price": "59.90"}], total="119.80",
    ),
    facts.VisitMade(id="visit", at=NOON, customer={"account": "7"}, page="/kettles", sku="K1"),
    facts.StockAsked(id="asked", at=NOON, customer={"account": "7"}, sku="K1", wish="price"),
    facts.ProductChanged(id="product", at=NOON, sku="K1", name="Чайник", price="59.90", stock=3),
    facts.ComplaintMoved(id="broken", at=NOON, order="42", complaint="C1", state="opened"),
    text("помощь"), text("стоп"),
    facts.StoppedAtOperator(id="stopped", at=NOON, gateway=1, phone="+375291119999", words="21610"),
]  # fmt: skip


def _seen(scene: Scene) -> dict[str, Any]:
    """What a scene holds, without what only belongs to its batch."""
    return {
        name: getattr(scene, name)
        for name in ("contacts", "orders", "parcels", "returns", "carts", "enrollments")
    }


@pytest.mark.parametrize("span", [1, 128])
def test_what_was_written_is_what_is_loaded(play, span):
    """Every field of every noun comes back as the answer left it."""

    async def story(shop: Shop) -> None:
        ids = shop.runtime.ids
        async with db.transaction(shop.runtime.pool) as tx:
            first = await scenes.load(tx, shop.store, LIFE, ids, shop.runtime.keyed)
            for fact in answers.in_order(LIFE):
                answers.answer(first, fact, NOON)
            await scenes.commit(tx, first, NOON, ids)
        async with db.transaction(shop.runtime.pool) as tx:
            again = await scenes.load(tx, shop.store, LIFE, ids, shop.runtime.keyed)
        assert again.refs == first.refs
        wanted, found = _seen(first), _seen(again)
        for noun in wanted:
            assert wanted[noun] and found[noun].keys() == wanted[noun].keys(), noun
            for key, item in wanted[noun].items():
                for field in dataclasses.fields(item):
                    was, now = getattr(item, field.name), getattr(found[noun][key], field.name)
                    assert now == was, f"{noun}.{field.name}"

    play(story, span=span)


# These ask for a form; tests/flows/test_ways_in.py finds the row of each.
WAYS_IN = {
    effects.SaveWelcome, effects.GiveReward, effects.UseCode, effects.UseOffer, effects.CountWay,
}  # fmt: skip
# These ask for two people by their ids (tests/flows/test_merging.py), or for a number that is asked
# whether it is theirs (tests/flows/test_confirming.py); the rows of each are found there.
MERGING = {effects.SaveMerge, effects.CancelAddressed, effects.ReleaseKey}
ASKING = {effects.SaveQuestion}
# These ask for journeys of the store's own; tests/flows/test_journeys.py finds the rows of each.
JOURNEYS = {effects.SaveTask, effects.TakeBack}
# This asks for a contest; tests/flows/test_contests.py finds its row.
CONTESTS = {effects.SaveEntry}
# This asks for a survey; tests/flows/test_surveys.py finds its row.
SURVEYS = {effects.SaveAnswer}
# The cart that a guest leaves behind is loaded no more, see the test at the end.
GUESTS = {effects.MoveKey}


def test_every_effect_happened_in_that_life() -> None:
    """So the test above and the next one speak of all of them; a new effect comes into LIFE."""
    made: set[type] = set()
    scene = Scene(_store(), _counter(), _counter(), keyed=str)
    scene.erased = {("cart", "of somebody erased")}
    scene.friends["+375291112233"] = Invitation(1, "hash", 2, NOON)  # tests/flows/test_friends.py
    gone = facts.CartChanged(id="gone", at=NOON, cart="of somebody erased", customer={})
    for fact in answers.in_order([*LIFE, gone]):
        answers.answer(scene, fact, NOON)
        made |= {type(effect) for effect in scene.effects}
    every = {
        cls
        for cls in vars(effects).values()
        if isinstance(cls, type) and dataclasses.is_dataclass(cls)
        and cls.__module__ == effects.__name__
    }  # fmt: skip
    assert every - WAYS_IN - MERGING - ASKING - GUESTS - JOURNEYS - CONTESTS - SURVEYS == made


def _counter() -> Any:
    ids = iter(range(1 << 40, 1 << 50, 128))
    return lambda key: next(ids)


def _store() -> Any:
    return Store(1, "Linden", "BY", "Europe/Minsk", ("ru",), "BYN", time(21), time(9))


def test_every_effect_leaves_its_row(play):
    """An effect that is not written would be lost without a sound."""

    async def story(shop: Shop) -> None:
        await shop.hear(*LIFE)
        await shop.answer()
        counts = {}
        for table in (
            "contact", "contact_ref", "consent_event", "purchase_order", "order_line", "parcel",
            "order_return", "cart", "visit", "product", "enrollment", "message", "outbox",
            "inbound", "counter",
        ):  # fmt: skip
            (row,) = await shop.rows(f"SELECT count(*) AS n FROM {table}")
            counts[table] = row["n"]
        assert all(counts.values()), counts
        assert counts["purchase_order"] == 2 and counts["order_return"] == 2
        assert counts["consent_event"] == 2 and counts["inbound"] == 2
        (row,) = await shop.rows("SELECT sum(n) AS n FROM counter WHERE name = 'facts'")
        wakes = await shop.rows("SELECT FROM fact WHERE kind = 'automation.woken'")
        assert row["n"] == len(LIFE) and len(wakes) == 1
        (product,) = await shop.rows("SELECT * FROM product")
        assert (product["price"], product["stock"]) == (Decimal("59.90"), 3)

    play(story)


def test_a_newer_snapshot_replaces_the_lines_and_an_older_one_nothing(play):
    """P8: three lines, then one; the old snapshot again changes nothing."""

    async def story(shop: Shop) -> None:
        lines = [{"name": name, "price": "1.00"} for name in ("a", "b", "c")]
        await shop.hear(order(lines=lines))
        await shop.answer()
        newer = order(lines=lines[2:], changed_at=NOON + timedelta(hours=1)).order
        older = order(lines=lines[:2], changed_at=NOON - timedelta(hours=1)).order
        for n, snapshot in enumerate([newer, older]):
            told = facts.OrderChanged(id=f"change/{n}", at=NOON, order=snapshot)
            await shop.hear(told)
            await shop.answer()
            kept = await shop.rows("SELECT line, name FROM order_line ORDER BY line")
            assert [(row["line"], row["name"]) for row in kept] == [(0, "c")]

    play(story)


def test_two_batches_that_meet_the_same_new_person_make_one_of_them(play):
    """P8: the second is refused by the key, answered again, and finds the person."""

    async def story(shop: Shop) -> None:
        pool, ids, store = shop.runtime.pool, shop.runtime.ids, shop.store

        async def meet(key: str) -> None:
            async with db.transaction(pool) as tx:
                fact = order(key)
                scene = await scenes.load(tx, store, [fact], ids, shop.runtime.keyed)
                answers.answer(scene, fact, NOON)
                await asyncio.sleep(0.05)  # both have looked, and neither saw the other
                await scenes.commit(tx, scene, NOON, ids)

        results = await asyncio.gather(meet("1"), meet("2"), return_exceptions=True)
        assert [type(r) for r in results if r is not None] == [UniqueViolation]
        assert len(await shop.rows("SELECT FROM contact")) == 1

    play(story)


def test_a_scene_of_one_store_sees_nothing_of_another(play):
    """P10: the same phone and the same order number at two brands are two people and two orders."""

    async def story(shop: Shop) -> None:
        await shop.hear(order())
        await shop.answer()
        stranger = dataclasses.replace(shop.store, id=shop.store.id + 1)
        async with db.transaction(shop.runtime.pool) as tx:
            scene = await scenes.load(
                tx, stranger, [order(), paid()], shop.runtime.ids, shop.runtime.keyed
            )
        assert not scene.refs and not scene.contacts and not scene.orders
        assert not scene.ways.gateways

    play(story)


def test_the_contacts_of_a_scene_are_locked(play):
    """P3: a worker that takes reminders passes over people who are being answered now."""

    async def story(shop: Shop) -> None:
        await shop.hear(order(payment_due=True, payment_url="https://linden.example/pay"))
        await shop.answer()
        await take(shop)
        shop.later(hours=3)
        await shop.answer()
        async with db.transaction(shop.runtime.pool) as tx:
            await scenes.load(tx, shop.store, [paid()], shop.runtime.ids, shop.runtime.keyed)
            assert not await take(shop)
        assert len(await take(shop)) == 1

    play(story)


def test_a_guests_cart_leads_to_whom_it_turns_out_to_be(play):
    """P1, P2: what is bought or left later is theirs; the guest is nobody any more."""
    met, guest, known = (
        facts.CartChanged(id=f"{n}", at=NOON + timedelta(minutes=n), cart=cart, customer=customer)
        for n, cart, customer in (
            (-2, "c1", {"account": "7"}),
            (-1, "c2", {}),
            (0, "c2", {"account": "7"}),
        )
    )

    async def story(shop: Shop) -> None:
        for fact in (met, guest, known):
            await shop.hear(fact)
            await shop.answer()
        carts = await shop.rows("SELECT id, contact_id, state FROM cart ORDER BY id")
        (left,) = [row for row in carts if row["state"] == "moved"]
        leads = "SELECT contact_id, row_id FROM contact_ref WHERE kind = 'cart'"
        refs = {(ref["contact_id"], ref["row_id"]) for ref in await shop.rows(leads)}
        theirs = [row for row in carts if row["state"] != "moved"]
        assert refs == {(row["contact_id"], row["id"]) for row in theirs} and len(refs) == 2
        assert {row["contact_id"] for row in theirs} != {left["contact_id"]}

    play(story)
