"""R91, P1, P9: two contacts made one and parted again, on a real database and in races."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from ringdove.rules import facts
from ringdove.workers import react
from tests.flows.conftest import Shop, order, paid, text
from tests.flows.test_races import OFFERED_AND_STOPPED, race, take_and_look
from tests.flows.test_stop import _queue_offer

Play = Callable[..., None]

ANNA = {"phone": "+375291112233", "name": "Anna", "country": "BY"}
ANNA_TOO = {"phone": "+375291112244", "email": "anna@x.by", "name": "Anna K", "country": "BY"}
YES = {"marketing": True, "words": "Yes, offers.", "language": "en"}
BOTH = "SELECT * FROM contact ORDER BY id"


async def two(shop: Shop) -> tuple[dict[str, Any], dict[str, Any]]:
    await shop.hear(order("1", customer=ANNA, consent=YES), order("2", customer=ANNA_TOO))
    await shop.answer()
    one, other = await shop.rows(BOTH)
    return (one, other) if one["phone"] == ANNA["phone"] else (other, one)


def merged(main: dict[str, Any], other: dict[str, Any], shop: Shop) -> facts.PeopleMerged:
    return facts.PeopleMerged(
        id=f"merge/{main['id']}/{other['id']}/{shop.at}", at=shop.at, contact=main["id"],
        other=other["id"], by="page/Olga",
    )  # fmt: skip


async def part(shop: Shop, main_id: int) -> None:
    (row,) = await shop.rows("SELECT id FROM contact_merge WHERE parted_at IS NULL")
    await shop.hear(
        facts.PeopleParted(id=f"part/{row['id']}", at=shop.at, contact=main_id, merge=row["id"])
    )
    await shop.answer()


@pytest.mark.parametrize("span", [1, 128])
def test_a_merge_joins_and_its_undo_gives_back_exactly(play: Play, span: int) -> None:
    """R91: sums, permission and names are as they were; nothing but the undo itself is left."""

    async def story(shop: Shop) -> None:
        main, other = await two(shop)
        await shop.hear(merged(main, other, shop))
        await shop.answer()
        rows = {row["id"]: row for row in await shop.rows(BOTH)}
        one, two_ = rows[main["id"]], rows[other["id"]]
        assert (one["orders"], str(one["spent"]), one["email"]) == (2, "119.80", "anna@x.by")
        assert (two_["merged_into"], two_["phone"]) == (main["id"], ANNA["phone"])
        await part(shop, main["id"])
        rows = {row["id"]: row for row in await shop.rows(BOTH)}
        for before in (main, other):
            after = rows[before["id"]]
            assert {k: v for k, v in after.items() if k != "rekeyed_at"} == {
                k: v for k, v in before.items() if k != "rekeyed_at"
            }

    play(story, span=span)


@pytest.mark.parametrize("span", [1, 128])
def test_a_stop_from_either_number_reaches_both_and_stays_when_they_are_parted(
    play: Play, span: int
) -> None:
    """P1: all that waits is taken back, under whichever name, and no undo forgets a stop."""

    async def story(shop: Shop) -> None:
        main, other = await two(shop)
        await shop.hear(merged(main, other, shop))
        await shop.answer()
        await _queue_offer(shop, {**main, "marketing": "in"})
        await _queue_offer(shop, {**other, "marketing": "in"})
        shop.later(minutes=1)
        await shop.hear(text("STOP", sender=ANNA_TOO["phone"], at=shop.at))
        await shop.answer()
        rows = await shop.rows("SELECT marketing FROM contact")
        assert [row["marketing"] for row in rows] == ["out", "out"]
        assert not await shop.rows("SELECT FROM outbox WHERE class = 'marketing'")
        said = await shop.rows(
            "SELECT contact_id, recipient FROM message WHERE why LIKE 'reply/%%'"
        )
        assert [(row["contact_id"], row["recipient"]) for row in said] == [
            (main["id"], ANNA["phone"])
        ]
        await part(shop, main["id"])
        rows = await shop.rows("SELECT marketing, merged_into FROM contact")
        assert [(row["marketing"], row["merged_into"]) for row in rows] == [("out", None)] * 2
        ledger = await shop.rows("SELECT contact_id, change, source FROM consent_event ORDER BY id")
        assert (other["id"], "out", "parted") in [tuple(row.values()) for row in ledger]

    play(story, span=span)


def test_what_is_heard_of_the_others_orders_is_told_to_the_one_person(play: Play) -> None:
    """R78: an order of before the merge goes on; its texts go to where the person is reached."""

    async def story(shop: Shop) -> None:
        main, other = await two(shop)
        await shop.hear(merged(main, other, shop))
        await shop.answer()
        shop.later(minutes=5)
        await shop.hear(paid("2", at=shop.at), order("3", customer=ANNA_TOO, at=shop.at))
        await shop.answer()
        (told,) = await shop.rows("SELECT * FROM message WHERE recipe = 'order_paid'")
        assert (told["contact_id"], told["recipient"]) == (other["id"], ANNA_TOO["phone"])
        rows = {row["id"]: row for row in await shop.rows(BOTH)}
        assert rows[main["id"]]["orders"] == 3
        assert rows[main["id"]]["phone"] == ANNA_TOO["phone"], "the number that was told last"
        assert rows[main["id"]]["marketing"] == "asked", "the yes was for the other number"
        await part(shop, main["id"])
        rows = {row["id"]: row for row in await shop.rows(BOTH)}
        assert (rows[main["id"]]["phone"], rows[main["id"]]["orders"]) == (ANNA["phone"], 1)
        assert (rows[other["id"]]["phone"], rows[other["id"]]["orders"]) == (ANNA_TOO["phone"], 2)
        waiting = await shop.rows(
            """SELECT m.contact_id, m.recipient FROM outbox o JOIN message m ON m.id = o.message_id
               WHERE m.channel = 'sms'"""
        )
        own = {main["id"]: ANNA["phone"], other["id"]: ANNA_TOO["phone"]}
        assert waiting and all(row["recipient"] == own[row["contact_id"]] for row in waiting)

    play(story)


@pytest.mark.parametrize("span", [1, 128])
def test_no_text_goes_to_a_number_that_came_and_went_while_they_were_one(
    play: Play, span: int
) -> None:
    """P9, R91: after the parting it is the other one's number, and neither's newest."""

    async def story(shop: Shop) -> None:
        main, other = await two(shop)
        await shop.hear(merged(main, other, shop))
        await shop.answer()
        for key, phone in (("2", "+375291112255"), ("1", "+375291112266")):
            shop.later(minutes=1)
            told = order(key, customer={"phone": phone, "country": "BY"}).order
            told = told.model_copy(update={"changed_at": shop.at})
            await shop.hear(facts.OrderChanged(id=f"changed/{key}", at=shop.at, order=told))
            await shop.answer()
            if key == "2":
                await shop.hear(paid("1", at=shop.at))
                await shop.answer()
        paid_text = "SELECT contact_id, recipient, state, reason FROM message WHERE recipe = %(of)s"
        (said,) = await shop.rows(paid_text, of="order_paid")
        assert tuple(said.values()) == (main["id"], "+375291112255", "waiting", "")
        await part(shop, main["id"])
        rows = {row["id"]: row["phone"] for row in await shop.rows(BOTH)}
        assert rows[main["id"]] == "+375291112266"
        (said,) = await shop.rows(paid_text, of="order_paid")
        assert tuple(said.values()) == (main["id"], "+375291112255", "dropped", "parted")

    play(story, span=span)


def test_a_number_passed_on_takes_no_permission_with_it(play: Play) -> None:
    """P9, R1: the next who comes with it is somebody new, without a yes and without a stop."""

    async def story(shop: Shop) -> None:
        main, _ = await two(shop)
        await _queue_offer(shop, {**main, "marketing": "in"})
        shop.later(minutes=1)
        await shop.hear(
            facts.PhoneChanged(
                id="n", at=shop.at, contact=main["id"], phone="+375291112299",
                released=ANNA["phone"],
            )
        )  # fmt: skip
        await shop.answer()
        (row,) = await shop.rows("SELECT * FROM contact WHERE id = %(id)s", id=main["id"])
        assert (row["phone"], row["marketing"]) == ("+375291112299", "asked")
        left = await shop.rows(
            "SELECT FROM message WHERE recipient = %(was)s AND state = 'waiting'", was=ANNA["phone"]
        )
        assert not left
        shop.later(minutes=1)
        await shop.hear(text("hello", sender=ANNA["phone"], at=shop.at))
        await shop.answer()
        (new,) = await shop.rows("SELECT * FROM contact WHERE phone = %(was)s", was=ANNA["phone"])
        assert (new["marketing"], new["name"]) == ("none", "") and new["id"] != main["id"]

    play(story)


@pytest.mark.slow
@pytest.mark.parametrize("span", [1, 128])
def test_a_stop_and_an_order_in_the_moment_of_a_merge(play: Play, span: int) -> None:
    """P1, R91: merges, stops, orders and senders at once; nothing wrong leaves, nothing is lost."""
    waves, at_once = 30, 6

    async def story(shop: Shop) -> None:
        chance, wrong = random.Random(span), list[Any]()
        for wave in range(waves):
            mains, others = [], []
            for n in range(at_once):
                key = f"{wave:03}{n}"
                one = {"phone": f"+37529{1000000 + int(key) * 10}", "country": "BY"}
                two_ = {"phone": f"+37529{1000005 + int(key) * 10}", "country": "BY"}
                await shop.hear(
                    order(f"{key}a", customer=one, consent=YES, at=shop.at),
                    order(f"{key}b", customer=two_, consent=YES, at=shop.at),
                )
                mains.append((key, one))
                others.append(two_)
            await shop.answer()
            await shop.rows("WITH gone AS (DELETE FROM outbox) SELECT 1")
            known = {row["phone"]: row for row in await shop.rows(BOTH)}
            for (_, one), two_ in zip(mains, others, strict=True):
                await _queue_offer(shop, known[one["phone"]])
                await _queue_offer(shop, known[two_["phone"]])
            await shop.rows(
                "UPDATE outbox SET window_until = now() + interval '9 years' RETURNING 1"
            )
            shop.later(seconds=1)
            told: list[facts.Fact] = []
            for (key, one), two_ in zip(mains, others, strict=True):
                told += [
                    merged(known[one["phone"]], known[two_["phone"]], shop),
                    text("STOP", sender=two_["phone"], at=shop.at).model_copy(
                        update={"id": f"stop/{key}"}
                    ),
                    order(f"{key}c", customer=two_, at=shop.at),
                ]
            chance.shuffle(told)
            await shop.hear(*told)
            await race(shop, OFFERED_AND_STOPPED, wrong, chance)
        for _ in range(3):
            shop.later(seconds=70)
            await asyncio.gather(react.answer_due(shop.runtime), react.answer_due(shop.runtime))
        await take_and_look(shop, OFFERED_AND_STOPPED, wrong)
        assert not wrong
        assert not await shop.rows("SELECT FROM pending_fact WHERE parked_at IS NOT NULL")
        rows = await shop.rows(BOTH)
        mains_ = [row for row in rows if row["merged_into"] is None]
        assert len(rows) == 2 * len(mains_) == 2 * waves * at_once
        assert {row["marketing"] for row in rows} == {"out"}
        assert {row["orders"] for row in mains_} == {3}

    play(story, span=span)
