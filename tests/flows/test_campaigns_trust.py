"""Where a campaign could cost or say what nobody agreed to, and what one of them does to others."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from ringdove.kit import db
from ringdove.records import audiences, campaigns, prices, rehearsals
from ringdove.records import segments as segment_records
from ringdove.records.campaigns import CampaignRefused
from ringdove.rules import segments
from ringdove.rules.campaigns import Plan, Variant, Words
from ringdove.rules.prices import Price
from ringdove.workers import campaigning, rehearsing
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
        await _limited(shop, 30)
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
