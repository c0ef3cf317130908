"""Contests by text from the word to the winner's text, on a real database (R85)."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.records import facts as fact_records
from ringdove.records.contests import contests, draws
from ringdove.records.keeping import emptying
from ringdove.rules import facts
from ringdove.rules.contests import contests as rules
from ringdove.rules.contests import drawing
from ringdove.rules.contests.contests import Contest
from ringdove.workers import react
from ringdove.workers.contests import closing
from tests.flows.conftest import NOON, Shop, order
from tests.flows.conftest import text as _text

SAID = {one: "A tea set" for one in ("ru", "be", "en", "it", "es")}


def text(body: str, sender: str = "+375291112233", at: datetime = NOON) -> facts.TextReceived:
    """A text of its own, also where another phone says the same."""
    told = _text(body, sender, at)
    return told.model_copy(update={"id": f"{told.id}/{sender}"})


async def begun(shop: Shop, **changes: Any) -> int:
    """A contest that is open and runs for a week."""
    wish = Contest(**{
        "id": 0, "token": "tea", "name": "Tea set", "begins": NOON - timedelta(hours=1),
        "ends": NOON + timedelta(days=7), "words": ("WIN",), "prize": SAID, "brief": SAID,
        "rules": SAID, "winners": 2, "substitutes": 2,
    } | changes)  # fmt: skip
    async with db.transaction(shop.runtime.pool) as tx:
        number = await contests.create(tx, shop.store.id, wish, NOON)
        assert await contests.open_now(tx, shop.store.id, number, shop.runtime.sealer, NOON)
    return number


async def drawn(shop: Shop, number: int, beacon: str = "") -> Contest | None:
    runtime = shop.runtime
    async with db.transaction(runtime.pool) as tx:
        return await draws.draw(
            tx, shop.store, number, beacon, runtime.sealer, runtime.ids, shop.at
        )


async def found(shop: Shop, number: int) -> Contest:
    async with db.transaction(shop.runtime.pool) as tx:
        contest = await contests.find(tx, shop.store.id, number)
    assert contest
    return contest


PHONES = [f"+37529{n:07}" for n in range(3000000, 3000012)]


@pytest.mark.slow
@pytest.mark.parametrize("span", [1, 128])
def test_a_contest_from_the_word_to_the_winners_text(play, span):
    """R85: keyword in, one entry a number, the list closed, drawn by the published rule, winners
    and substitutes told once; the published file verifies."""

    async def story(shop: Shop) -> None:
        number = await begun(shop)
        await shop.hear(*(text("win", phone) for phone in PHONES))
        await shop.hear(text("Win!", PHONES[0]))
        await shop.answer()
        assert [one["n"] for one in await shop.rows("SELECT count(*) AS n FROM contest_entry")] == [
            12
        ]
        said = {one["why"] for one in await shop.messages()}
        assert said == {"reply/contest_entered", "reply/contest_again"}
        (state,) = {one["state"] for one in await shop.rows("SELECT state FROM conversation")}
        assert state == "closed"  # nobody of the store has to look
        assert await shop.rows("SELECT DISTINCT intent, value, handled FROM inbound") == [
            {"intent": "contest", "value": "WIN", "handled": "contest"}
        ]
        assert await drawn(shop, number) is None  # not before the list is closed

        shop.later(days=7, minutes=10)
        assert await closing.look(shop.runtime) == 0  # a text may be late
        shop.later(minutes=10)
        assert await closing.look(shop.runtime) == 1
        closed = await found(shop, number)
        assert closed.entries == 12 and closed.state(shop.at) == "closed" and not closed.seed
        await shop.hear(text("WIN", "+375299998877", shop.at))
        await shop.answer()
        assert (await shop.messages())[-1]["why"] == "reply/contest_over"

        before = len(await shop.messages())
        done = await drawn(shop, number, "4 8 15")
        assert done and done.seed and done.ticket_key == "" and await drawn(shop, number) is None
        await shop.answer()
        told = (await shop.messages())[before:]
        assert len(told) == 4 and {one["why"] for one in told} == {f"contest/{number}"}
        assert sum("выиграли" in one["body"] for one in told) == 2

        async with db.transaction(shop.runtime.pool) as tx:
            listed = await draws.tickets(tx, shop.store, number)
            placed = await draws.placed(tx, shop.store, number)
        winning = [one.ticket for one in placed]
        document = json.loads(json.dumps(drawing.document_of(done, "Linden", listed, winning)))
        assert drawing.verify(document) == [] and document["commitment"] == closed.commitment
        assert document["beacon"]["value"] == "4 8 15"

    play(story, span=span)


def test_a_winner_who_does_not_come_makes_place_for_the_first_substitute(play):
    """R85: winners and substitutes told; each substitute moves up once."""

    async def story(shop: Shop) -> None:
        number = await begun(shop, winners=1, substitutes=2)
        await shop.hear(*(text("WIN", phone) for phone in PHONES[:3]))
        await shop.answer()
        shop.later(days=8)
        await closing.look(shop.runtime)
        contest = await drawn(shop, number)
        assert contest
        await shop.answer()
        async with db.transaction(shop.runtime.pool) as tx:
            first, second, third = await draws.placed(tx, shop.store, number)
        made = len(await shop.messages())
        for ticket, wanted in ((second.ticket, False), (first.ticket, True), (first.ticket, False)):
            async with db.transaction(shop.runtime.pool) as tx:
                ids = shop.runtime.ids
                assert await draws.lapse(tx, shop.store, contest, ticket, ids, shop.at) is wanted
        await shop.answer()
        (news,) = (await shop.messages())[made:]
        assert news["recipient"] == second.phone and "выиграли" in news["body"]
        async with db.transaction(shop.runtime.pool) as tx:
            assert not await draws.give(tx, shop.store, contest, third.ticket)
            ids = shop.runtime.ids
            assert await draws.lapse(tx, shop.store, contest, second.ticket, ids, shop.at)
            assert await draws.give(tx, shop.store, contest, third.ticket)
            outcomes = [one.outcome for one in await draws.placed(tx, shop.store, number)]
        assert outcomes == ["lapsed", "lapsed", "given"]

    play(story)


def test_an_erased_person_leaves_the_list_whole_after_it_is_closed_and_no_trace_before(play):
    """R85, P12: who is erased before the end is not drawn; after it their ticket stays, and
    nobody behind it."""

    async def story(shop: Shop) -> None:
        number = await begun(shop, winners=3, substitutes=0)
        await shop.hear(*(text("WIN", phone) for phone in PHONES[:3]))
        await shop.answer()
        people = {
            one["phone"]: one["id"] for one in await shop.rows("SELECT id, phone FROM contact")
        }

        async def erase(phone: str) -> None:
            async with db.transaction(shop.runtime.pool) as tx:
                bucket = bucket_of_id(people[phone])
                await emptying.empty(tx, shop.store, bucket, [people[phone]], [], shop.at)

        await erase(PHONES[0])
        shop.later(days=8)
        await closing.look(shop.runtime)
        assert (await found(shop, number)).entries == 2
        await erase(PHONES[1])
        done = await drawn(shop, number)
        assert done
        async with db.transaction(shop.runtime.pool) as tx:
            listed = await draws.tickets(tx, shop.store, number)
            placed = await draws.placed(tx, shop.store, number)
        winning = [one.ticket for one in placed]
        assert drawing.verify(drawing.document_of(done, "Linden", listed, winning)) == []
        assert sorted(one.contact_id or 0 for one in placed) == [0, people[PHONES[2]]]

    play(story)


def test_an_order_is_checked_when_it_is_named_and_when_the_list_is_closed(play):
    """R85: rules checked; an order of somebody else, or one that is cancelled later, is none."""

    async def story(shop: Shop) -> None:
        number = await begun(shop, with_order=True)
        theirs = {"phone": PHONES[1], "country": "BY"}
        await shop.hear(order("1042"), order("1043"), order("77", customer=theirs))
        await shop.answer()
        for body in ("WIN", "WIN 77", "WIN 1042"):
            await shop.hear(text(body))
        await shop.hear(text("WIN 77", PHONES[1]))
        await shop.answer()
        said = [one["why"] for one in await shop.messages() if one["cause"] == "reply"]
        assert said == ["reply/contest_order", "reply/contest_no_order"] + 2 * [
            "reply/contest_entered"
        ]
        async with db.transaction(shop.runtime.pool) as tx:
            await tx.execute(
                "UPDATE purchase_order SET cancelled_at = %s WHERE key LIKE '%%77'", [NOON]
            )
        shop.later(days=8)
        await closing.look(shop.runtime)
        assert (await found(shop, number)).entries == 1

    play(story)


@pytest.mark.slow
def test_a_number_that_texts_from_everywhere_at_once_takes_part_once(play):
    """R85: one entry a number, whatever races."""

    async def story(shop: Shop) -> None:
        await begun(shop)
        await shop.hear(text("hello"))
        await shop.answer()
        batches = [[text(f"{'win' if n % 2 else 'WIN'}{'!' * n}")] for n in range(8)]
        async with db.transaction(shop.runtime.pool) as tx:
            for batch in batches:
                await fact_records.write(tx, shop.store, 1, batch, NOON, shop.runtime.ids)
        await asyncio.gather(*(react.answer_due(shop.runtime) for _ in range(4)))
        await shop.answer()
        (row,) = await shop.rows("SELECT count(*) AS n FROM contest_entry")
        said = [one["why"] for one in await shop.messages()]
        assert row["n"] == 1 and said.count("reply/contest_entered") == 1
        assert said.count("reply/contest_again") == 1

    play(story)


def test_what_is_open_stays_as_it_was_promised_and_a_number_that_moved_enters_once(play):
    """R85: nothing of an open contest can be changed; a number given to somebody else is the same
    number."""

    async def story(shop: Shop) -> None:
        number = await begun(shop)
        contest = await found(shop, number)
        async with db.transaction(shop.runtime.pool) as tx:
            changed = replace(contest, winners=9)
            assert not await contests.change(tx, shop.store.id, changed, NOON)
            again = await contests.open_now(tx, shop.store.id, number, shop.runtime.sealer, NOON)
            assert not again
        await shop.hear(text("WIN"))
        await shop.answer()
        (entry,) = await shop.rows("SELECT * FROM contest_entry")
        assert entry["ticket"] == rules.ticket_of(contest, "+375291112233")
        # It was somebody else's number then; or it was another number of theirs.
        for n, was in enumerate(("contact_id = 12345 * 128", "ticket = 'OTHER'")):
            await shop.rows(
                f"UPDATE contest_entry SET said_again_at = NULL, {was} RETURNING ticket"
            )
            if n:
                who = "(SELECT id FROM contact LIMIT 1)"
                await shop.rows(f"UPDATE contest_entry SET contact_id = {who} RETURNING ticket")
            await shop.hear(text("win", at=NOON + timedelta(minutes=n)))
            await shop.answer()
            assert (await shop.messages())[-1]["why"] == "reply/contest_again"
            (row,) = await shop.rows("SELECT count(*) AS n FROM contest_entry")
            assert row["n"] == 1

    play(story)
