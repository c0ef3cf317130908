"""The ways out from the fact to the ledger, and a stop by link against texts being taken."""

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.records.sending import outbox
from ringdove.rules import facts
from ringdove.web.answering import answer_now
from tests.flows.conftest import NOON, Shop, order, text
from tests.flows.test_sending_races import PERSON, QUEUED, TEXT
from tests.flows.test_stop import _queue_offer, _subscribe

ANNA = "+375291112233"
RACES = 1_000


async def _say(shop: Shop, *bodies: str) -> None:
    for body in bodies:
        shop.later(minutes=1)
        await shop.hear(text(body, at=shop.at))
        await shop.answer()


async def _person(shop: Shop) -> dict[str, Any]:
    return (await shop.rows("SELECT * FROM contact"))[0]


async def _last_text(shop: Shop) -> str:
    return str((await shop.messages())[-1]["body"])


def test_one_topic_is_left_and_joined_again(play):
    """P2, R44: what waits of that topic is taken back, the rest stays; the answer says the undo."""

    async def story(shop: Shop) -> None:
        person = await _subscribe(shop)
        offer = await _queue_offer(shop, person)
        await _say(shop, "stop points")
        assert (await _person(shop))["scopes"]["topic/loyalty"][0] == "out"
        states = {m["id"]: m["state"] for m in await shop.messages()}
        assert states[offer] == "waiting"  # it is of the topic offers
        assert "Баллы и награды" in await _last_text(shop)
        assert "СТАРТ БОНУСЫ" in await _last_text(shop) or "СТАРТ" in await _last_text(shop)
        made = len(await shop.messages())
        await _say(shop, "STOP POINTS")
        assert len(await shop.messages()) == made  # one confirmation for one stop
        await _say(shop, "start бонусы")
        assert (await _person(shop))["scopes"]["topic/loyalty"][0] == "in"

    play(story)


def test_the_answer_to_a_topic_names_words_that_are_heard(play):
    """P2: what the confirmation says to write is understood when it is written."""

    async def story(shop: Shop) -> None:
        await _subscribe(shop)
        for key, body in (("surveys", "стоп опросы"), ("new_goods", "стоп новинки")):
            await _say(shop, body)
            said = await _last_text(shop)
            undo = said.partition("Вернуть: ")[2].partition(".")[0]
            await _say(shop, undo)
            assert (await _person(shop))["scopes"][f"topic/{key}"][0] == "in", undo
            again = (await _last_text(shop)).partition("Отказаться: ")[2].partition(".")[0]
            await _say(shop, again)
            assert (await _person(shop))["scopes"][f"topic/{key}"][0] == "out", again

    play(story)


def test_a_pause_ends_by_start_and_stop_ends_all(play):
    """P2: thirty days of peace in one word; offers that wait are taken back."""

    async def story(shop: Shop) -> None:
        person = await _subscribe(shop)
        offer = await _queue_offer(shop, person)
        await _say(shop, "пауза")
        paused = await _person(shop)
        assert paused["paused_until"] == shop.at + timedelta(days=30)
        assert paused["marketing"] == "in"
        states = {m["id"]: (m["state"], m["reason"]) for m in await shop.messages()}
        assert states[offer] == ("dropped", "paused")
        made = len(await shop.messages())
        await _say(shop, "пауза")
        assert len(await shop.messages()) == made
        await _say(shop, "старт")
        assert (await _person(shop))["paused_until"] is None
        await _say(shop, "стоп", "пауза")
        assert (await _person(shop))["marketing"] == "out"
        changes = await shop.rows("SELECT change FROM consent_event ORDER BY seq")
        assert [row["change"] for row in changes] == ["in", "paused", "in", "out"]

    play(story)


def test_start_again_says_which_topics_stay_left(play):
    """P2."""

    async def story(shop: Shop) -> None:
        await _subscribe(shop)
        await _say(shop, "стоп опросы", "стоп", "старт")
        person = await _person(shop)
        assert person["marketing"] == "in" and person["scopes"]["topic/surveys"][0] == "out"
        assert "Короткие опросы" in await _last_text(shop)

    play(story)


def test_a_yes_that_is_answered_late_undoes_no_stop(play):
    """P1: START was written first and is answered last."""

    async def story(shop: Shop) -> None:
        person = await _subscribe(shop)
        early = shop.later(minutes=1)
        await shop.hear(text("START", at=early))
        shop.later(minutes=1)
        stop = facts.ConsentChanged(
            id="link/1", at=shop.at, contact=person["id"], scope="marketing", change="out",
            words="No more offers", source="link",
        )  # fmt: skip
        await answer_now(shop.runtime, shop.store, [stop])
        await shop.answer()
        assert (await _person(shop))["marketing"] == "out"

    play(story)


def test_a_queue_that_nobody_answers_delays_no_stop(play):
    """P1, R5: no worker runs, a thousand facts wait, and the page still says what is true."""

    async def story(shop: Shop) -> None:
        person = await _subscribe(shop)
        offer = await _queue_offer(shop, person)
        await shop.hear(*(order(str(n), at=NOON) for n in range(50)))
        stop = facts.ConsentChanged(
            id="link/1", at=shop.at, contact=person["id"], scope="marketing", change="out",
            words="No more offers", source="link",
        )  # fmt: skip
        await answer_now(shop.runtime, shop.store, [stop])
        await answer_now(shop.runtime, shop.store, [stop])  # the same press twice
        (row,) = await shop.rows("SELECT state, reason FROM message WHERE id = %(id)s", id=offer)
        assert (row["state"], row["reason"]) == ("dropped", "stopped")
        assert len(await shop.rows("SELECT 1 FROM consent_event WHERE change = 'out'")) == 1

    play(story)


@pytest.mark.slow
def test_a_thousand_stops_by_link_race_with_taking(play):
    """P1, R5: never is a marketing text marked once the page has said "stopped"."""

    async def story(shop: Shop) -> None:
        people = await _many_with_an_offer(shop, RACES)
        chance = random.Random(11)
        waits = [*people]
        chance.shuffle(waits)
        tick, said_at, wrong, taken = 0, {}, [], set()
        offers = {
            row["id"]: row["contact_id"]
            for row in await shop.rows("SELECT id, contact_id FROM message")
        }

        async def stop() -> None:
            nonlocal tick
            while waits:
                contact_id = waits.pop()
                fact = facts.ConsentChanged(
                    id=f"link/{contact_id}", at=shop.at, contact=contact_id, scope="marketing",
                    change="out", words="No more offers", source="link",
                )  # fmt: skip
                await answer_now(shop.runtime, shop.store, [fact])
                tick += 1
                said_at[contact_id] = tick

        async def take(owner: str) -> None:
            while waits:
                bucket = chance.choice(
                    buckets_of_store(shop.store.bucket_base, shop.store.bucket_span)
                )
                begun = tick

                async def work(tx: db.Tx, bucket: int = bucket) -> list[outbox.Taken]:
                    return await outbox.take(tx, shop.store, bucket, shop.sms, shop.at, owner, 3)

                got = await db.retried(shop.runtime.pool, work)
                taken.update(one.message_id for one in got)
                wrong.extend(
                    one for one in got if said_at.get(offers[one.message_id], begun + 1) <= begun
                )
                await asyncio.sleep(0.001)

        await asyncio.gather(stop(), stop(), stop(), take("a"), take("b"))
        assert wrong == []
        left = await shop.rows("SELECT m.id, m.state, m.reason FROM message m")
        dropped = {
            row["id"] for row in left if (row["state"], row["reason"]) == ("dropped", "stopped")
        }
        others = [(r["state"], r["reason"]) for r in left if r["id"] not in dropped | taken]
        assert others == [] and not dropped & taken
        assert len(dropped) > RACES / 20 and len(taken) > RACES / 20  # both won often enough
        assert await shop.rows("SELECT 1 FROM outbox WHERE class = 'marketing'") == []

    play(story, span=4)


async def _many_with_an_offer(shop: Shop, count: int) -> list[int]:
    buckets = buckets_of_store(shop.store.bucket_base, shop.store.bucket_span)
    rows = []
    for n in range(count):
        bucket = buckets[n % len(buckets)]
        rows.append(
            {
                "bucket": bucket, "contact_id": shop.runtime.ids.make(bucket),
                "id": shop.runtime.ids.make(bucket), "phone": f"+37529{n:07}",
                "class": "marketing", "parts": 1, "lasts": "2 hours",
            }
        )  # fmt: skip
    given = {
        "store_id": shop.store.id, "rows": db.document(rows), "now": shop.at,
        "gateway_id": shop.sms, "cost": 0,
    }  # fmt: skip
    async with db.transaction(shop.runtime.pool) as tx:
        await tx.execute(PERSON, given)
        await tx.execute(TEXT, given)
        await tx.execute("UPDATE message SET occasion = 'sale'")
        await tx.execute(QUEUED)
    return [row["contact_id"] for row in rows]
