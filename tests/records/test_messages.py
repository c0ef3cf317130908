"""The outbox: asked once more when it is taken, marked before a gateway sees it, then settled."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records.sending import messages, outbox
from ringdove.records.sending.messages import Settled, Taken
from tests.flows.conftest import NOON, Shop, order, paid


async def take(shop: Shop, most: int = 500, owner: str = "me", gateway: int = 0) -> list[Taken]:
    """What a gateway's worker gets now, of all buckets."""
    found = []
    for row in await shop.rows("SELECT DISTINCT bucket FROM outbox"):
        async with db.transaction(shop.runtime.pool) as tx:
            found += await messages.take(
                tx, shop.store, row["bucket"], gateway or shop.sms, shop.at, owner, most
            )
    return found


async def settle(shop: Shop, *results: Settled) -> None:
    async with db.transaction(shop.runtime.pool) as tx:
        await messages.settle(tx, shop.store, shop.sms, results, shop.at)


async def only(shop: Shop) -> dict[str, Any]:
    (message,) = await shop.messages()
    return message


def test_what_is_taken_is_marked_and_nobody_else_gets_it(play):
    """P5: the oldest first; a second worker gets the rest."""

    async def story(shop: Shop) -> None:
        for n in range(5):
            await shop.hear(order(str(n), at=shop.later(seconds=1)))
            await shop.answer()
        first = await take(shop, most=3)
        made = [m["id"] for m in await shop.messages()]
        assert [t.message_id for t in first] == made[:3]
        assert [t.attempts for t in first] == [1, 1, 1]
        second = await take(shop)
        assert len(second) == 2
        assert not {t.message_id for t in first} & {t.message_id for t in second}
        assert not await shop.rows("SELECT FROM outbox")
        marks = await shop.rows("SELECT owner, lease_until, message_ids FROM submission")
        assert sorted(mark["message_ids"] for mark in marks) == [made[:3], made[3:]]
        assert {(m["owner"], m["lease_until"]) for m in marks} == {("me", shop.at + outbox.LEASE)}

    play(story)


def test_a_gateway_gets_its_own_messages_only(play):
    async def story(shop: Shop) -> None:
        await shop.hear(order(customer={"email": "anna@linden.example", "phone": "+375291112233"}))
        await shop.answer()
        assert [t.channel for t in await take(shop, gateway=shop.email)] == ["email"]
        assert [t.channel for t in await take(shop)] == ["sms"]

    play(story)


@pytest.mark.parametrize(
    ("result", "state", "left"),
    [
        (("sent", "", ("a", "b")), "sent", 0),
        (("failed", "no such number", ()), "failed", 0),
        (("unknown", "no_answer", ()), "unknown", 0),
        (("retry", "busy", (), NOON + timedelta(minutes=5)), "waiting", 1),
    ],
)
def test_what_a_gateway_answered_is_written(play, result, state, left):
    """P5: final things leave the outbox; what was surely not sent is due again, later."""

    async def story(shop: Shop) -> None:
        await shop.hear(order())
        await shop.answer()
        (taken,) = await take(shop)
        await settle(shop, Settled(taken.message_id, *result))
        assert not await shop.rows("SELECT FROM submission")
        assert (await only(shop))["state"] == state
        assert len(await shop.rows("SELECT FROM outbox")) == left
        refs = await shop.rows("SELECT provider_id, message_id, part FROM provider_ref ORDER BY 1")
        assert [(r["provider_id"], r["part"]) for r in refs] == [
            (provider_id, part) for part, provider_id in enumerate(result[2])
        ]
        assert not await take(shop)
        shop.later(minutes=6)
        assert [t.attempts for t in await take(shop)] == [2] * left

    play(story, span=128)


def test_a_dead_process_leaves_unknown_and_not_a_second_text(play):
    """P5: what another owner was submitting has an unknown outcome; what he had not taken is free;
    a receipt that comes all the same settles it."""

    async def story(shop: Shop) -> None:
        for n in range(3):
            await shop.hear(order(str(n)))
        await shop.answer()
        (lost,) = await take(shop, most=1, owner="dead")
        bucket = (await shop.rows("SELECT DISTINCT bucket FROM outbox"))[0]["bucket"]
        async with db.transaction(shop.runtime.pool) as tx:
            own = await messages.find_lost(tx, shop.store, bucket, shop.sms, "dead", shop.at)
            other = await messages.find_lost(tx, shop.store, bucket, shop.email, "me", shop.at)
            found = await messages.find_lost(tx, shop.store, bucket, shop.sms, "me", shop.at)
            again = await messages.find_lost(tx, shop.store, bucket, shop.sms, "me", shop.at)
        assert (own, other, found, again) == (0, 0, 1, 0)
        states = {m["id"]: (m["state"], m["reason"]) for m in await shop.messages()}
        assert states.pop(lost.message_id) == ("unknown", "process_lost")
        assert set(states.values()) == {("waiting", "")}
        assert lost.message_id not in {t.message_id for t in await take(shop)}
        await settle(shop, Settled(lost.message_id, "sent", "", ("late",)))
        made = {m["id"]: m["state"] for m in await shop.messages()}
        assert made[lost.message_id] == "sent", "its answer came after all"

    play(story)


@pytest.mark.parametrize("how", ["paid", "cancelled"])
def test_a_reminder_is_asked_again_when_it_is_taken(play, how):
    """P3: the order is paid or cancelled in the database, though the row is still queued."""

    async def story(shop: Shop) -> None:
        await shop.hear(order(payment_due=True, payment_url="https://linden.example/pay"))
        await shop.answer()
        shop.later(hours=3)
        await shop.answer()
        (row,) = await shop.rows("SELECT guard FROM outbox WHERE guard <> ''")
        assert row["guard"] == "unpaid"
        column = {"paid": "paid_at", "cancelled": "cancelled_at"}[how]
        await shop.rows(f"UPDATE purchase_order SET {column} = %(at)s RETURNING 1", at=shop.at)
        assert "order_unpaid" not in {t.subject for t in await take(shop)}
        (reminder,) = [m for m in await shop.messages() if m["recipe"] == "order_unpaid"]
        assert (reminder["state"], reminder["reason"]) == ("dropped", how)

    play(story)


def test_another_store_in_the_same_bucket_is_left_alone(play):
    """P10: take, settle and find_lost name the store."""

    async def story(shop: Shop) -> None:
        await shop.hear(order(), paid())
        await shop.answer()
        (row,) = await shop.rows("SELECT DISTINCT bucket FROM outbox")
        stranger = replace(shop.store, id=shop.store.id + 1)
        (mine, *_) = await take(shop, most=1)
        async with db.transaction(shop.runtime.pool) as tx:
            bucket, gateway = row["bucket"], shop.sms
            assert not await messages.take(tx, stranger, bucket, gateway, shop.at, "thief")
            assert not await messages.find_lost(tx, stranger, bucket, gateway, "x", shop.at)
            await messages.settle(tx, stranger, gateway, [Settled(mine.message_id, "sent")], NOON)
        assert {m["state"] for m in await shop.messages()} == {"waiting"}
        assert len(await shop.rows("SELECT FROM outbox")) == 1
        assert len(await shop.rows("SELECT FROM submission")) == 1

    play(story)
