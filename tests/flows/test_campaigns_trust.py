"""Where a campaign could cost or say what nobody agreed to, and what one of them does to others."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from psycopg.errors import QueryCanceled

from ringdove.kit import db
from ringdove.records.campaigns import audiences, campaign_stops, campaigns, rehearsals
from ringdove.records.campaigns.campaigns import CampaignRefused
from ringdove.records.offers import rewards
from ringdove.records.segments import segments as segment_records
from ringdove.records.sending import outbox, prices
from ringdove.rules.campaigns.campaigns import Campaign, Plan, Stop, Variant, Words
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.segments import segments
from ringdove.rules.sending.prices import Price
from ringdove.workers.campaigns import campaigning, rehearsing
from ringdove.workers.campaigns import campaigns as worker
from tests.flows import campaign as stage
from tests.flows.campaign import PLAN
from tests.flows.conftest import Shop

SHORT = {"ru": Words(sms="{{ link }} СТОП")}
LONG = {"ru": Words(sms="{{ link }} СТОП " + "чайник " * 60)}
BRIEF = PLAN.model_copy(update={"variants": (Variant(words=SHORT),), "holdout_percent": 0})
DEAR = BRIEF.model_copy(update={"variants": (Variant(words=LONG),)})


async def _rehearsed(shop: Shop, one: int) -> None:
    found = await stage.found(shop, one)
    async with db.transaction(shop.runtime.pool) as tx:
        await rehearsals.ask(tx, shop.store, one, found.version, shop.at, shop.at)
    assert await rehearsing.next_asked(shop.runtime, asyncio.Event())


async def _priced(shop: Shop, *places: str) -> None:
    lines = [Price(place, Decimal("0.10")) for place in places]
    async with db.transaction(shop.runtime.pool) as tx:
        await prices.replace(tx, shop.store.id, shop.sms, "BYN", lines, 1, shop.at)


async def _approved(shop: Shop, one: int) -> None:
    version = (await stage.found(shop, one)).version
    async with db.transaction(shop.runtime.pool) as tx:
        await campaigns.ask_approval(tx, shop.store.id, one, 7, shop.at)
        await campaigns.approve(tx, shop.store.id, one, version, 8, shop.at)


async def _limited(shop: Shop, above: int) -> None:
    """Above this sum a second person approves."""
    await shop.rows(
        "UPDATE store SET policy = policy || jsonb_build_object('approval_above', %(n)s::int)"
        " RETURNING 1", n=above,
    )  # fmt: skip
    shop.store = replace(shop.store, policy=replace(shop.store.policy, approval_above=above))


def test_what_is_not_known_to_be_cheap_is_approved_by_a_second_person(play):
    """R23: a text without a known price, and a second currency, do not pass below the sum; nor does
    a segment that was changed after somebody had looked."""

    async def story(shop: Shop) -> None:
        await stage.fill(shop, 60)
        await _limited(shop, 30)
        async with db.transaction(shop.runtime.pool) as tx:
            few = await segment_records.create(
                tx, shop.store, "Few", segments.Language(languages=("xx",)), shop.at
            )
            outer = await segment_records.create(
                tx, shop.store, "Outer", segments.All(of=(segments.InSegment(segment=few),)),
                shop.at,
            )  # fmt: skip
        one = await stage.planned(shop, BRIEF)
        await _rehearsed(shop, one)
        with pytest.raises(CampaignRefused, match="known price"):
            await stage.begin(shop, one)
        await _priced(shop, "375")
        await _rehearsed(shop, one)
        async with db.transaction(shop.runtime.pool) as tx:
            await campaigns.begin(tx, shop.store, one, shop.at)  # a few roubles

        nested = BRIEF.model_copy(update={"audience": segments.InSegment(segment=outer)})
        two = await stage.planned(shop, nested)
        await _rehearsed(shop, two)
        await _approved(shop, two)
        shop.later(minutes=1)
        async with db.transaction(shop.runtime.pool) as tx:
            await segment_records.change(
                tx, shop.store, few, "Few", segments.Language(languages=("ru",)), shop.at, 7
            )
        with pytest.raises(CampaignRefused, match="Rehearse"):
            await stage.begin(shop, two)
        shop.later(minutes=1)
        await _rehearsed(shop, two)
        await stage.begin(shop, two)

    play(story)


def test_a_pause_is_no_way_around_the_second_person(play):
    """R23: texts that became five times as long while it was paused are let go by a second person;
    a small change goes on at once."""

    async def story(shop: Shop) -> None:
        await stage.fill(shop, 100)
        await _priced(shop, "375")
        await _limited(shop, 22)  # whoever is held out by chance
        one = await stage.planned(shop, BRIEF)
        await _rehearsed(shop, one)
        await stage.begin(shop, one)

        async def paused(plan: Plan, user: int | None) -> None:
            async with db.transaction(shop.runtime.pool) as tx:
                await campaigns.pause(tx, shop.store.id, one, shop.at)
                await campaigns.change(tx, shop.store.id, one, "Sale", plan, user, shop.at)

        async def resumed(user: int | None) -> None:
            async with db.transaction(shop.runtime.pool) as tx:
                await campaigns.resume(tx, shop.store.id, one, shop.at, user)

        words = {"ru": Words(sms="{{ link }} стоп СТОП")}
        await paused(BRIEF.model_copy(update={"variants": (Variant(words=words),)}), 7)
        await resumed(7)
        await paused(DEAR, 7)
        for user in (7, None):
            with pytest.raises(CampaignRefused, match="second person"):
                await resumed(user)
        await resumed(8)
        found = await stage.found(shop, one)
        assert found.state == "running" and found.approved_by == 8
        async with db.transaction(shop.runtime.pool) as tx:
            await campaigns.pause(tx, shop.store.id, one, shop.at)
        await resumed(7)  # what was approved may be held and let go

    play(story)


def test_a_cancel_that_is_missed_hangs_nobody(play, monkeypatch):
    """P5, P11: Python 3.11 can lose the cancel of a task that sits in a statement. A campaign that
    is paused in that moment must not hold up the process that gathers all others."""
    whole = audiences.Audience.page

    async def page(self, tx, first, most):
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            pass
        return await whole(self, tx, first, most)

    async def story(shop: Shop) -> None:
        await stage.fill(shop, 300)
        smaller = replace(shop.runtime.settings, campaign_page=50)
        shop.runtime = replace(shop.runtime, settings=smaller)
        one = await stage.begun(shop, BRIEF)
        monkeypatch.setattr(audiences.Audience, "page", page)
        working = asyncio.create_task(campaigning.gather(shop.runtime, shop.store, one))
        while not await shop.rows("SELECT 1 FROM message LIMIT 1"):
            await asyncio.sleep(0.01)
        async with db.transaction(shop.runtime.pool) as tx:
            await campaigns.pause(tx, shop.store.id, one.id, shop.at)
        done, _ = await asyncio.wait([working], timeout=10)
        assert done and working.result() is False

    play(story, span=2)


def test_after_a_change_no_old_word_leaves(play):
    """P1, R18: paused, changed and resumed within a second, nothing was held yet; what is taken
    before the new words are there waits for them. The code's end is the text's end."""

    async def story(shop: Shop) -> None:
        await stage.fill(shop, 100)
        async with db.transaction(shop.runtime.pool) as tx:
            offer = await rewards.create(
                tx, shop.store.id, Reward(0, "t", "Sale", "code", source="own", valid_days=1),
                shop.at,
            )  # fmt: skip
        words = {"ru": Words(sms="{{ offer.code }} СТОП")}
        plan = BRIEF.model_copy(update={"offer": offer, "variants": (Variant(words=words),)})
        one = await stage.begun(shop, plan)
        await stage.gathered(shop, one)
        ends = {row["not_after"] for row in await stage.outbox(shop)}
        assert ends == {shop.at + timedelta(days=1)}
        shop.later(minutes=1)
        newer = plan.model_copy(update={"variants": (
            Variant(words={"ru": Words(sms="new {{ offer.code }} СТОП")}),)})  # fmt: skip
        async with db.transaction(shop.runtime.pool) as tx:
            await campaigns.pause(tx, shop.store.id, one.id, shop.at)
            await campaigns.change(tx, shop.store.id, one.id, "Sale", newer, 1, shop.at)
            await campaigns.resume(tx, shop.store.id, one.id, shop.at, 1)
        assert await _taken(shop) == []
        await stage.gathered(shop, one)
        await worker.look(shop.runtime)
        shop.later(seconds=5)
        taken = await _taken(shop)
        assert len(taken) > 50 and all(one.body.startswith("new ") for one in taken)

    play(story)


async def _taken(shop: Shop) -> list[outbox.Taken]:
    (bucket,) = {row["bucket"] for row in await stage.outbox(shop)}
    async with db.transaction(shop.runtime.pool) as tx:
        return await outbox.take(tx, shop.store, bucket, shop.sms, shop.at, "t", 500)


def test_one_campaign_in_trouble_leaves_the_others_alone(play, monkeypatch):
    """P11, R43: one whose people cannot be read in time, and one person's odd value, hold up nobody
    else; what is sold out already does not begin; a variant without somebody's language says it in
    the store's first."""

    async def story(shop: Shop) -> None:
        await stage.fill(shop, 60)
        await shop.rows("UPDATE contact SET fields = jsonb_build_object('n', (id >> 7) %% 5)"
                        " RETURNING 1")  # fmt: skip
        tired = await stage.begun(shop, BRIEF, "Tired")
        words = {"ru": Words(sms="{{ 10 | divided_by: field.n }} СТОП")}
        odd = await stage.begun(
            shop, BRIEF.model_copy(update={"variants": (Variant(words=words),)}), "Odd"
        )
        both = (Variant(words=SHORT | {"en": Words(sms="{{ link }} STOP")}),
                Variant(name="B", words=SHORT))  # fmt: skip
        spoken = await stage.begun(shop, BRIEF.model_copy(update={"variants": both}), "Spoken")
        await shop.rows(
            "INSERT INTO product (bucket, store_id, sku, name, stock, changed_at)"
            " SELECT bucket, store_id, 'K',"
            " 'Kettle', 0, created_at FROM contact LIMIT 1 RETURNING 1"
        )
        gone = await stage.begun(
            shop, BRIEF.model_copy(update={"stop": Stop(skus=("K",), pieces=Decimal(3))}), "Gone"
        )
        assert gone.state == "sold_out"
        whole = campaigning.gather

        async def gather(runtime, store, campaign):
            if campaign.id == tired.id:
                raise QueryCanceled("canceling statement due to statement timeout")
            return await whole(runtime, store, campaign)

        monkeypatch.setattr(campaigning, "gather", gather)
        await worker.all_due(shop.runtime, asyncio.Event())
        assert (await stage.found(shop, tired.id)).state == "running"  # it is tried again
        told = await stage.outcomes(shop, odd)
        assert told["waiting", ""] > 20 and told["dropped", "broken_text"] >= 5
        told = await stage.outcomes(shop, spoken)
        assert told["waiting", ""] > 30 and not told["dropped", "no_words"]

    play(story)


def test_one_that_never_gets_on_says_why_and_goes_on_when_it_is_resumed(play, monkeypatch):
    """N2, P11: a query that always takes too long, a process that always dies, a look that always
    fails: after some tries it is paused with the reason; resumed, it goes on, nobody twice."""

    async def story(shop: Shop) -> None:
        await stage.fill(shop, 60)
        one = await stage.begun(shop, BRIEF)
        slow = QueryCanceled("canceling statement due to statement timeout")
        whole, reached = campaigning.gather, campaign_stops.reached

        async def fails(*given):
            raise ExceptionGroup("tracks", [slow])

        async def paused() -> Campaign:
            for _ in range(20):
                await worker.all_due(shop.runtime, asyncio.Event())
                found = await stage.found(shop, one.id)
                if found.state != "running":
                    return found
                shop.later(seconds=20)
            raise AssertionError(found)

        monkeypatch.setattr(campaigning, "gather", fails)
        await worker.all_due(shop.runtime, asyncio.Event())
        first = await stage.found(shop, one.id)
        assert (first.tries, first.trouble) == (1, "too_slow")
        found = await paused()
        assert found.state == "paused" and found.reason == "no_headway: too_slow"
        assert shop.at - one.began_at > timedelta(minutes=1)  # a short trouble passes by itself

        async def resume() -> None:
            async with db.transaction(shop.runtime.pool) as tx:
                await campaigns.resume(tx, shop.store.id, one.id, shop.at)

        await resume()
        monkeypatch.setattr(campaigning, "gather", whole)
        monkeypatch.setattr(worker.campaign_tries, "went", lambda *given: asyncio.sleep(0))
        assert shop.runtime.settings.campaign_page > 60
        await shop.rows("DELETE FROM campaign_run RETURNING 1")
        monkeypatch.setattr(campaigning, "_write", lambda *given: asyncio.sleep(0))
        found = await paused()  # each process dies before it has written a page
        assert found.reason == "no_headway: process_ended"

        await resume()
        monkeypatch.undo()
        monkeypatch.setattr(campaign_stops, "reached", fails)
        await shop.rows(
            "UPDATE campaign SET plan = plan || %(stop)s RETURNING 1",
            stop=db.document({"stop": {"skus": ["K"], "pieces": "3"}}),
        )
        for _ in range(20):
            await worker.look(shop.runtime)
            shop.later(seconds=20)
        assert (await stage.found(shop, one.id)).state == "paused"
        monkeypatch.setattr(campaign_stops, "reached", reached)

        await resume()
        await stage.gathered(shop, one)
        found = await stage.found(shop, one.id)
        assert found.state == "running" and (found.tries, found.trouble) == (0, "")
        assert (await stage.outcomes(shop, one))["waiting", ""] > 30

    play(story)


def test_two_records_that_became_one_person_get_a_campaign_once(play):
    """P9, R12: it went to the one, then both were merged: what waits for the other is dropped."""

    async def story(shop: Shop) -> None:
        await stage.fill(shop, 60)
        one = await stage.begun(shop, BRIEF)
        await stage.gathered(shop, one)
        waiting = await stage.outbox(shop)
        other = waiting[0]
        main = next(row for row in waiting if row["bucket"] != other["bucket"])
        async with db.transaction(shop.runtime.pool) as tx:
            taken = await outbox.take(
                tx, shop.store, other["bucket"], shop.sms, shop.at, "t", 1
            )  # fmt: skip
        assert [text.contact_id for text in taken] == [other["contact_id"]]
        two = {"main": main["contact_id"], "other": other["contact_id"]}
        await shop.rows(
            "UPDATE contact SET merged_into = %(main)s WHERE id = %(other)s RETURNING 1", **two
        )
        await shop.rows(
            "UPDATE contact SET also = ARRAY[%(other)s::bigint] WHERE id = %(main)s RETURNING 1",
            **two,
        )
        shop.later(hours=25)  # no cap holds it any more
        async with db.transaction(shop.runtime.pool) as tx:
            taken = await outbox.take(tx, shop.store, main["bucket"], shop.sms, shop.at, "t", 500)
        assert len(taken) > 10 and main["message_id"] not in {text.message_id for text in taken}
        told = await shop.rows(
            "SELECT reason FROM message WHERE id = %(id)s", id=main["message_id"]
        )
        assert told == [{"reason": "twice"}]

    play(story, span=2)
