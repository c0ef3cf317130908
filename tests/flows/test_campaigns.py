"""Campaigns from the plan to the outbox: gathered, paused, resumed, changed, ended, stopped."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ringdove.kit import db
from ringdove.kit.buckets import id_floor
from ringdove.records.campaigns import campaign_progress, campaigns
from ringdove.records.campaigns.campaigns import CampaignRefused
from ringdove.records.offers import rewards
from ringdove.records.sending import messages, outbox
from ringdove.records.sending.messages import Settled
from ringdove.rules import facts
from ringdove.rules.campaigns.campaigns import Campaign, Stop, Variant, When, Words
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.segments import segments
from ringdove.workers.campaigns import campaigning
from ringdove.workers.campaigns import campaigns as worker
from tests.flows import campaign as stage
from tests.flows.campaign import PLAN
from tests.flows.conftest import Shop

ODD = "Zoë\\N{😀}"  # a first name as nobody has it: all of it arrives


def test_everybody_in_the_audience_gets_a_text_or_a_reason(play):
    """R1, R45, N2, N3: a million or a thousand, each has one row; who is held out has one too."""

    async def story(shop: Shop) -> None:
        await stage.fill(shop, 2_000)
        async with db.transaction(shop.runtime.pool) as tx:
            await tx.execute("UPDATE contact SET name = replace(name, 'Zoë', %s)", (ODD,))
        one = await stage.begun(shop)
        await stage.gathered(shop, one)
        told = await stage.outcomes(shop, one)
        assert sum(told.values()) == 2_000
        assert set(told) == {
            ("waiting", ""), ("dropped", "no_phone"), ("dropped", "no_consent"),
            ("dropped", "stopped"), ("dropped", "holdout"),
        }  # fmt: skip
        assert 80 < told["dropped", "holdout"] < 220
        waiting = await stage.outbox(shop)
        assert len(waiting) == told["waiting", ""]
        rows = await shop.rows("SELECT * FROM message WHERE state = 'waiting'")
        assert len({row["body"] for row in rows}) == len(rows)  # each has a link of their own
        assert any(row["body"].startswith(f"{ODD}, 20% off: http") for row in rows)
        said = {row["id"]: row for row in rows}
        for row in waiting:
            message = said[row["message_id"]]
            assert all(row[name] == message[name] for name in set(row) & set(message))
            assert (row["urgency"], row["due_at"]) == (1, message["not_before"])
        anna = next(row for row in rows if row["body"].startswith("Anna, 20% off: http"))
        assert (anna["encoding"], anna["parts"], anna["variant"]) in {
            ("GSM-7", 1, 0), ("GSM-7", 1, 1)
        }  # fmt: skip
        by_variant = Counter(row["variant"] for row in rows)
        assert 2 < by_variant[1] / by_variant[0] < 4.5  # shares of 1 and 3
        async with db.transaction(shop.runtime.pool) as tx:
            done = await campaign_progress.of(tx, shop.store, one)
        assert (done.people_done, done.people_total, done.is_gathered) == (2_000, 2_000, True)
        assert (done.queued, done.waiting) == (len(rows), len(rows))
        assert done.reasons["holdout"] == told["dropped", "holdout"]

    play(story, span=4)


def test_a_paused_campaign_holds_at_once_and_comes_back_to_its_moments(play):
    """Paused between two takes: the next take moves nothing of it, and the resumed one goes on."""

    async def story(shop: Shop) -> None:
        await stage.fill(shop, 300)
        one = await stage.begun(shop)
        await stage.gathered(shop, one)
        before = {row["message_id"]: row["due_at"] for row in await stage.outbox(shop)}
        async with db.transaction(shop.runtime.pool) as tx:
            await campaigns.pause(tx, shop.store.id, one.id, shop.at)
        assert await _taken(shop, 100) == []  # the take itself holds
        await worker.look(shop.runtime)  # and the worker the rest
        held = await stage.outbox(shop)
        assert len(held) == len(before) and all(row["due_at"].year > 2100 for row in held)
        assert await _next_at(shop, one) is None
        async with db.transaction(shop.runtime.pool) as tx:
            await campaigns.resume(tx, shop.store.id, one.id, shop.at)
        await worker.look(shop.runtime)
        assert {row["message_id"]: row["due_at"] for row in await stage.outbox(shop)} == before
        assert await _next_at(shop, one) == min(before.values())
        assert len(await _taken(shop, 500)) == len(before)

    play(story)


async def _next_at(shop: Shop, one: Campaign) -> datetime | None:
    async with db.transaction(shop.runtime.pool) as tx:
        return (await campaign_progress.of(tx, shop.store, one)).next_at


def test_a_cancelled_campaign_takes_back_what_waits(play):
    """What was not sent is dropped and counted; a take in between drops the same way."""

    async def story(shop: Shop) -> None:
        await stage.fill(shop, 300)
        one = await stage.begun(shop)
        await stage.gathered(shop, one)
        sent = await _taken(shop, 50)
        async with db.transaction(shop.runtime.pool) as tx:
            await campaigns.cancel(tx, shop.store.id, one.id, shop.at)
        assert await _taken(shop, 50) == []
        await worker.look(shop.runtime)
        told = await stage.outcomes(shop, one)
        assert told["waiting", ""] == len(sent) == 50  # under way to the operator
        assert told["dropped", "campaign_cancelled"] > 100
        assert await stage.outbox(shop) == []
        await stage.gathered(shop, one)  # nothing is made any more
        outcomes = await stage.outcomes(shop, one)
        assert sum(outcomes.values()) == 300
        async with db.transaction(shop.runtime.pool) as tx:
            ended = await campaigns.find(tx, shop.store.id, one.id)
            assert ended
            found = await campaign_progress.of(tx, shop.store, ended)
        assert found.taken_back == outcomes["dropped", "campaign_cancelled"]
        assert (found.waiting, found.gone) == (0, 50)

    play(story)


async def _taken(shop: Shop, most: int) -> list[int]:
    found = []
    async with db.transaction(shop.runtime.pool) as tx:
        for bucket in {row["bucket"] for row in await stage.outbox(shop)}:
            found += await outbox.take(tx, shop.store, bucket, shop.sms, shop.at, "t", most)
    return [one.message_id for one in found]


def test_two_workers_make_nobody_twice(play):
    """P5: the lease keeps the second away, and the checkpoint does so without a lease."""

    async def story(shop: Shop) -> None:
        await stage.fill(shop, 3_000)
        smaller = replace(shop.runtime.settings, campaign_page=200)
        shop.runtime = replace(shop.runtime, settings=smaller)
        one = await stage.begun(shop)
        await asyncio.gather(*(
            campaigning.gather(shop.runtime, shop.store, one) for _ in range(3)
        ))  # fmt: skip
        await stage.gathered(shop, one)
        assert sum((await stage.outcomes(shop, one)).values()) == 3_000

    play(story, span=2)


def test_changed_while_paused_says_the_new_words_to_who_still_waits(play):
    """New words and a new time for the rest; the code and the link stay theirs. What was on its way
    and comes back says the new words too; a link that texts have is never taken away."""

    async def story(shop: Shop) -> None:
        await stage.fill(shop, 400)
        async with db.transaction(shop.runtime.pool) as tx:
            offer = await rewards.create(
                tx, shop.store.id, Reward(0, "t", "Sale", "code", source="own"), shop.at
            )
        words = {"ru": Words(sms="{{ offer.code }} {{ link }} old СТОП")}
        plan = PLAN.model_copy(update={"offer": offer, "variants": (Variant(words=words),)})
        one = await stage.begun(shop, plan)
        await stage.gathered(shop, one)
        taken = await _taken(shop, 100)
        before = {row["id"]: row["body"] for row in await _said(shop)}
        async with db.transaction(shop.runtime.pool) as tx:
            await campaigns.pause(tx, shop.store.id, one.id, shop.at)
        await worker.look(shop.runtime)
        shop.later(minutes=30)
        words = {"ru": Words(sms="{{ offer.code }} {{ link }} new СТОП")}
        newer = plan.model_copy(update={"variants": (Variant(words=words),)})
        async with db.transaction(shop.runtime.pool) as tx:
            with pytest.raises(CampaignRefused):
                other = newer.model_copy(update={"topic": "loyalty"})
                await campaigns.change(tx, shop.store.id, one.id, "Sale", other, 1, shop.at)
        async with db.transaction(shop.runtime.pool) as tx:
            with pytest.raises(CampaignRefused, match="keeps its links"):
                other = newer.model_copy(update={"links": ()})
                await campaigns.change(tx, shop.store.id, one.id, "Sale", other, 1, shop.at)
        async with db.transaction(shop.runtime.pool) as tx:
            await campaigns.change(tx, shop.store.id, one.id, "Sale", newer, 1, shop.at)
            await campaigns.resume(tx, shop.store.id, one.id, shop.at)
        assert await worker.look(shop.runtime)
        await stage.gathered(shop, one)
        assert await _taken(shop, 500) == []  # what is being said is waited for
        sent, back = taken[:50], taken[50:]
        async with db.transaction(shop.runtime.pool) as tx:
            answers = [Settled(key, "sent", provider_ids=(f"p{key}",)) for key in sent]
            answers += [Settled(key, "retry", retry_at=shop.at) for key in back]
            await messages.settle(tx, shop.store, shop.sms, answers, shop.at)
        await stage.gathered(shop, one)
        await worker.look(shop.runtime)
        after = {row["id"]: row["body"] for row in await _said(shop)}
        assert after.keys() == before.keys() - set(sent)
        assert all(body == before[key].replace(" old ", " new ") for key, body in after.items())
        assert len(await _taken(shop, 500)) == len(after)

    play(story)


async def _said(shop: Shop) -> list[dict[str, object]]:
    return await shop.rows("SELECT id, body FROM message WHERE state = 'waiting'")


def test_a_campaign_stops_when_the_goods_are_sold(play):
    """R43: the volume is reached while texts wait; they are taken back."""

    async def story(shop: Shop) -> None:
        await stage.fill(shop, 200)
        plan = PLAN.model_copy(update={"stop": Stop(skus=("K1",), pieces=Decimal(3))})
        one = await stage.begun(shop, plan)
        await stage.gathered(shop, one)
        shop.later(minutes=1)
        line = {"name": "Kettle", "price": "1", "sku": "K1", "quantity": 2}
        for key in ("1", "2"):
            told = {
                "key": key, "number": key, "placed_at": shop.at, "total": "2",
                "customer": {"phone": "+375291112233"}, "lines": [line],
            }  # fmt: skip
            await shop.hear(facts.OrderPlaced(id=f"o/{key}", at=shop.at, order=told))
            await worker.look(shop.runtime)
            assert (await stage.found(shop, one.id)).state == "running"
            await shop.answer()
            await worker.look(shop.runtime)
        await worker.look(shop.runtime)
        assert (await stage.found(shop, one.id)).state == "sold_out"
        told = await stage.outcomes(shop, one)
        assert not told["waiting", ""] and told["dropped", "sold_out"] > 100

    play(story)


def test_local_times_and_quiet_hours_say_when(play):
    """R17, R18: at ten of the recipient's clock, nothing after the end of the offer."""

    async def story(shop: Shop) -> None:
        await stage.fill(shop, 100)
        at = datetime(2026, 11, 19, 10, 0)
        until = datetime(2026, 11, 19, 15, 0, tzinfo=UTC)
        plan = PLAN.model_copy(update={"when": When(mode="at", at=at, local=True, until=until)})
        one = await stage.planned(shop, plan)
        async with db.transaction(shop.runtime.pool) as tx:
            begins = await campaigns.begin(tx, shop.store, one, shop.at)
        ten = datetime(2026, 11, 19, 7, 0, tzinfo=UTC)
        assert begins == ten
        await worker.look(shop.runtime)
        assert (await stage.found(shop, one)).state == "scheduled"
        shop.at = ten
        await worker.look(shop.runtime)
        campaign = await stage.found(shop, one)
        await stage.gathered(shop, campaign)
        waiting = await stage.outbox(shop)
        assert {row["due_at"] for row in waiting} == {ten}
        assert {row["not_after"] for row in waiting} == {until}

    play(story)


def test_four_eyes(play):
    """Above a sum a second person approves, and only what they saw may begin."""

    async def story(shop: Shop) -> None:
        one = await stage.planned(shop, PLAN.model_copy(update={"occasion": "first"}))
        store = replace(shop.store, policy=replace(shop.store.policy, approval_above=10))
        async with db.transaction(shop.runtime.pool) as tx:
            with pytest.raises(CampaignRefused, match="Rehearse"):
                await campaigns.begin(tx, store, one, shop.at)
        async with db.transaction(shop.runtime.pool) as tx:
            await campaigns.change(tx, store.id, one, "Sale", PLAN, 7, shop.at)
            await campaigns.ask_approval(tx, store.id, one, 8, shop.at)
        for version, user in ((2, 7), (2, 8), (2, None), (3, 9)):
            async with db.transaction(shop.runtime.pool) as tx:
                with pytest.raises(CampaignRefused):
                    await campaigns.approve(tx, store.id, one, version, user, shop.at)
        async with db.transaction(shop.runtime.pool) as tx:
            await campaigns.approve(tx, store.id, one, 2, 9, shop.at)
            await campaigns.begin(tx, store, one, shop.at)
            await campaigns.unschedule(tx, store.id, one, shop.at)
            plan = PLAN.model_copy(update={"occasion": "other"})
            assert await campaigns.change(tx, store.id, one, "Sale", plan, 7, shop.at) == 3
            with pytest.raises(CampaignRefused):
                await campaigns.begin(tx, store, one, shop.at)

    play(story)


def test_an_audience_is_gone_through_on_many_pages(play):
    """R20, R24: only whom the tree means and nobody of `without`; the same however small pages are;
    who came after it began is not in it, nor who was merged or erased."""

    async def story(shop: Shop) -> None:
        await stage.fill(shop, 900)
        await shop.rows(
            "UPDATE contact SET erased_at = %(now)s WHERE (id >> 7) %% 100 = 0 RETURNING 1",
            now=shop.at,
        )
        smaller = replace(shop.runtime.settings, campaign_page=50)
        shop.runtime = replace(shop.runtime, settings=smaller)
        plan = PLAN.model_copy(update={
            "audience": segments.Reach(channel="email"),
            "without": segments.Language(languages=("en",)),
        })  # fmt: skip
        one = await stage.begun(shop, plan)
        await stage.fill(shop, 30, days_ago=-1)
        await stage.gathered(shop, one)
        rows = await shop.rows("SELECT contact_id FROM message WHERE campaign_id = 1")
        meant = await shop.rows(
            "SELECT id FROM contact WHERE email IS NOT NULL AND language IS DISTINCT FROM 'en'"
            " AND erased_at IS NULL AND id < %(floor)s", floor=id_floor(one.began_at),
        )  # fmt: skip
        assert sorted(row["contact_id"] for row in rows) == sorted(row["id"] for row in meant)
        assert len(meant) > 100
        async with db.transaction(shop.runtime.pool) as tx:
            done = await campaign_progress.of(tx, shop.store, one)
        assert done.is_gathered and done.people_done == len(meant)

    play(story, span=2)


def test_by_mail_to_who_chose_it_and_by_both_to_each(play):
    """R40: a letter where there is no number or letters were chosen; both: one by each channel."""

    async def story(shop: Shop) -> None:
        await stage.fill(shop, 420)
        words = {"ru": Words(sms="{{ link }} СТОП", subject="Скидка", body="{{ link }} СТОП")}
        plan = PLAN.model_copy(update={
            "variants": (Variant(words=words),), "holdout_percent": 0,
            "channels": "sms_or_email",
        })  # fmt: skip
        one = await stage.begun(shop, plan)
        await stage.gathered(shop, one)
        rows = await shop.rows(
            "SELECT m.*, c.phone, c.email FROM message m JOIN contact c ON c.id = m.contact_id"
        )
        assert len(rows) == 420
        for row in rows:
            by_mail = row["phone"] is None and row["email"] is not None
            assert row["channel"] == ("email" if by_mail else "sms")
        letter = next(row for row in rows if row["channel"] == "email" and row["body"])
        assert letter["subject"] == "Скидка" and letter["cost"] is None
        both = await stage.begun(shop, plan.model_copy(update={"channels": "both"}), "Both")
        await stage.gathered(shop, both)
        told = await shop.rows(
            "SELECT channel, count(*) AS n FROM message WHERE campaign_id = %(id)s GROUP BY 1",
            id=both.id,
        )
        by = {row["channel"]: row["n"] for row in told}
        assert by == {"sms": 400, "email": 140}  # 40 have neither, and are told so

    play(story)


@pytest.mark.slow
def test_a_campaign_that_breaks_is_paused_with_its_reason(play):
    """P11: a segment that is gone stops this campaign and nothing else."""

    async def story(shop: Shop) -> None:
        await stage.fill(shop, 50)
        broken = await stage.begun(
            shop, PLAN.model_copy(update={"audience": segments.InSegment(segment=77)}), "Broken"
        )
        well = await stage.begun(shop, PLAN, "Well")
        for one in (broken, well):
            await stage.gathered(shop, one)
        found = await stage.found(shop, broken.id)
        assert found.state == "paused" and "77" in found.reason
        assert sum((await stage.outcomes(shop, well)).values()) == 50

    play(story)


def test_whoever_was_spoken_to_lately_waits_or_is_left_out(play):
    """R12: caps are kept by the page; also of who was merged into another."""

    async def story(shop: Shop) -> None:
        await stage.fill(shop, 300)
        await shop.rows(
            "INSERT INTO touch (bucket, store_id, contact_id, message_id, at, topic, category)"
            " SELECT bucket, store_id, id, id, %(at)s, 'offers', '' FROM contact"
            " WHERE (id >> 7) %% 2 = 0 RETURNING 1",
            at=shop.at - timedelta(hours=2),
        )
        one = await stage.begun(shop, PLAN.model_copy(update={"holdout_percent": 0}))
        await stage.gathered(shop, one)
        rows = await shop.rows(
            "SELECT m.contact_id, m.reason, o.due_at FROM message m"
            " JOIN outbox o ON o.message_id = m.id"
        )
        assert {row["reason"] for row in rows} == {"", "cap_day"}
        for row in rows:
            if row["contact_id"] >> 7 & 1:
                assert row["due_at"] == shop.at
            else:
                assert row["due_at"] >= shop.at + timedelta(hours=22)

    play(story)
