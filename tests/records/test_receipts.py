"""Receipts: kept as they came, added up per part, and never believed for another's message (P6)."""

import itertools
import random
from dataclasses import replace

import pytest

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.records.sending import messages
from ringdove.records.sending.messages import Settled
from ringdove.records.sending.receipts import Found, Receipt
from tests.flows.conftest import Shop, order
from tests.records.test_messages import only, settle, take


async def _sent(shop: Shop, *ids: str) -> int:
    """A message of as many parts as ids, given to the operator."""
    await shop.hear(order(at=shop.at))
    await shop.answer()
    (taken,) = await take(shop)
    if ids:
        await settle(shop, Settled(taken.message_id, "sent", "", ids))
    return taken.message_id


async def told(shop: Shop, *some: Receipt, gateway: int = 0) -> None:
    async with db.transaction(shop.runtime.pool) as tx:
        await messages.write(tx, shop.store, gateway or shop.sms, [], some, shop.at)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("failed", "delivered"), ("failed", "failed 011", 1, 1)),
        (("delivered", "undeliverable"), ("failed", "undeliverable 011", 1, 1)),
        (("delivered",), ("sent", "", 1, 0)),
        (("delivered", "delivered"), ("delivered", "", 2, 0)),
        (("enroute", "accepted"), ("sent", "", 0, 0)),
    ],
)
def test_parts_are_added_up_in_any_order(play, states, expected):
    """P6: a later part's success never hides an earlier part's failure."""

    async def story(shop: Shop) -> None:
        await _sent(shop, "a", "b")
        some = [
            Receipt(name, state, "011" if state != "delivered" else "")
            for name, state in zip("ab", states, strict=False)
        ]
        random.Random(len(states)).shuffle(some)
        for receipt in some:
            await told(shop, receipt)
        made = await only(shop)
        assert expected == (
            made["state"], made["reason"], made["parts_delivered"], made["parts_failed"],
        )  # fmt: skip

    play(story, span=128)


def test_every_order_of_the_same_receipts_gives_the_same_end(play):
    """P6: three parts, one failed; all orders, alone and in one batch, told twice."""
    some = [Receipt("a", "delivered"), Receipt("b", "failed", "7"), Receipt("c", "delivered")]

    async def story(shop: Shop) -> None:
        message_id = await _sent(shop, "a", "b", "c")
        for batch in (False, True):
            for order_of in itertools.permutations(some):
                await shop.rows("WITH d AS (DELETE FROM receipt) SELECT 1")
                await shop.rows(
                    """UPDATE message SET state = 'sent', reason = '', done_at = NULL,
                         parts_delivered = 0, parts_failed = 0 RETURNING 1"""
                )
                if batch:
                    await told(shop, *order_of, *order_of)
                else:
                    for receipt in (*order_of, *order_of):
                        await told(shop, receipt)
                made = await only(shop)
                assert made["id"] == message_id
                assert (made["state"], made["parts_delivered"], made["parts_failed"]) == (
                    "failed", 2, 1,
                )  # fmt: skip

    play(story)


def test_a_receipt_may_come_before_the_answer_to_its_submit(play):
    """Field notes: it is kept, and applied when the id becomes known."""

    async def story(shop: Shop) -> None:
        message_id = await _sent(shop)
        await told(shop, Receipt("a", "delivered"), Receipt("stranger", "delivered"))
        assert (await only(shop))["state"] == "waiting"
        await settle(shop, Settled(message_id, "sent", "", ("a", "b")))
        assert (await only(shop))["parts_delivered"] == 1
        await told(shop, Receipt("b", "delivered"))
        assert (await only(shop))["state"] == "delivered"
        kept = await shop.rows("SELECT provider_id FROM receipt WHERE message_id = 0")
        assert [row["provider_id"] for row in kept] == ["stranger"]

    play(story, span=128)


def test_an_id_of_one_gateway_is_not_another_ones(play):
    """Field notes: two operators count from 1; never match two messages to one receipt."""

    async def story(shop: Shop) -> None:
        await _sent(shop, "1")
        await told(shop, Receipt("1", "failed"), gateway=shop.email)
        assert (await only(shop))["state"] == "sent"
        async with db.transaction(shop.runtime.pool) as tx:
            stranger = replace(shop.store, id=shop.store.id + 1)
            await messages.write(tx, stranger, shop.sms, [], [Receipt("1", "failed")], shop.at)
        assert (await only(shop))["state"] == "sent"
        await told(shop, Receipt("1", "delivered"))
        assert (await only(shop))["state"] == "delivered"

    play(story)


def test_what_is_final_stays(play):
    """rules/messages.LIFE: a later word never takes delivered or failed back; unknown is settled
    by its receipt."""

    async def story(shop: Shop) -> None:
        await _sent(shop, "a")
        await told(shop, Receipt("a", "delivered"))
        await told(shop, Receipt("a", "failed", "late"))
        made = await only(shop)
        assert (made["state"], made["reason"]) == ("delivered", "")
        await shop.rows(
            """UPDATE message SET state = 'unknown', reason = 'no_answer', parts_delivered = 0,
                 parts_failed = 0 RETURNING 1"""
        )
        await shop.rows("WITH d AS (DELETE FROM receipt) SELECT 1")
        await told(shop, Receipt("a", "delivered"))
        made = await only(shop)
        assert (made["state"], made["reason"]) == ("delivered", "")

    play(story)


@pytest.mark.parametrize("span", [1, 128])
def test_an_operator_that_counts_from_the_beginning_again(play, span):
    """P6: a receipt is for the newest message of its id, and no old stray one is believed."""

    async def story(shop: Shop) -> None:
        await told(shop, Receipt("2", "delivered"))  # for whoever had the account before us
        old = await _sent(shop, "1")
        shop.later(days=2)
        await shop.hear(order("43", at=shop.at), order("44", at=shop.at))
        await shop.answer()
        first, second = [one.message_id for one in await take(shop)]
        results = [Settled(first, "sent", "", ("1",)), Settled(second, "sent", "", ("2", "2"))]
        await settle(shop, *results)
        await told(shop, Receipt("1", "delivered"))
        made = {m["id"]: m["state"] for m in await shop.messages()}
        assert made == {old: "sent", first: "delivered", second: "sent"}

    play(story, span=span)


def test_a_receipt_that_was_written_before_its_answer_is_counted_with_it(play):
    """Two writers of one process: the receipt's transaction ends before that of the answer."""

    async def story(shop: Shop) -> None:
        await shop.hear(order())
        await shop.answer()
        (taken,) = await take(shop)
        known = {"1": Found(taken.message_id, 0)}
        async with db.transaction(shop.runtime.pool) as tx:
            told = [Receipt("1", "delivered")]
            await messages.write(tx, shop.store, shop.sms, [], told, shop.at, known)
        assert (await only(shop))["state"] == "waiting"
        shop.later(seconds=1)
        await settle(shop, Settled(taken.message_id, "sent", "", ("1",)))
        assert (await only(shop))["state"] == "delivered"
        (row,) = await shop.rows("SELECT sum(n) AS n FROM counter WHERE name = 'delivered'")
        assert row["n"] == 1

    play(story)


def test_a_stray_receipt_of_long_ago_hides_no_new_one(play):
    """P6: it is kept for its id; then a message gets that id, and its receipt is here before it."""

    async def story(shop: Shop) -> None:
        await told(shop, Receipt("7", "delivered"))
        shop.later(days=3)
        message_id = await _sent(shop)
        await told(shop, Receipt("7", "delivered"), Receipt("7", "delivered"))
        await settle(shop, Settled(message_id, "sent", "", ("7",)))
        assert (await only(shop))["state"] == "delivered"

    play(story)


def test_a_receipt_of_a_message_whose_answer_is_lost_tells_its_end(play):
    """P5, P6: the process that got the answer is dead; the receipt was written before."""

    async def story(shop: Shop) -> None:
        message_id = await _sent(shop)
        found = {"a": Found(message_id, 0), "b": Found(message_id, 1)}
        some = [Receipt("a", "delivered"), Receipt("b", "delivered")]
        bucket = bucket_of_id(message_id)
        async with db.transaction(shop.runtime.pool) as tx:
            await messages.write(tx, shop.store, shop.sms, [], some, shop.at, found)
            lost = await messages.find_lost(
                tx, shop.store, bucket, shop.sms, "next", shop.at, repeat=("service",)
            )
        assert lost == 0
        made = await only(shop)
        assert (made["state"], made["done_at"]) == ("delivered", shop.at)
        assert not await shop.rows("SELECT FROM outbox")

    play(story)
