"""P5: the gathering of a campaign is killed at random moments, and raced by pauses and stops."""

import asyncio
import os
import random
import signal
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, time

import pytest

from ringdove.kit import db
from ringdove.kit.children import Child
from ringdove.records.campaigns import campaign_progress, campaigns
from ringdove.records.campaigns.campaigns import CampaignRefused
from ringdove.records.offers import rewards
from ringdove.records.sending import outbox
from ringdove.rules import facts
from ringdove.rules.campaigns.campaigns import Variant, Words
from ringdove.rules.consent.ways_in import Reward
from ringdove.workers.campaigns import campaigns as worker
from tests.flows import campaign as stage
from tests.flows.campaign import PLAN
from tests.flows.conftest import Shop

pytestmark = pytest.mark.slow

# Texts of these phones are theirs.
KNOWN = """
INSERT INTO contact_ref (bucket, store_id, kind, value, contact_id)
SELECT c.bucket, c.store_id, 'phone', c.phone, c.id FROM contact c WHERE c.phone IS NOT NULL
RETURNING 1
"""
PEOPLE = 12_000
ROUNDS = 3


def test_killed_at_any_moment_it_goes_on_where_it_was(play):
    """P5, P7: several kills of the real process; nobody twice, nobody lost, counts and codes
    right."""

    async def story(shop: Shop) -> None:
        shop.at = datetime.now(UTC)
        await stage.fill(shop, PEOPLE)
        async with db.transaction(shop.runtime.pool) as tx:
            offer = await rewards.create(
                tx, shop.store.id, Reward(0, "t", "Sale", "code", source="own"), shop.at
            )
        words = {"ru": Words(sms="{{ customer.first_name }}: {{ offer.code }} {{ link }} СТОП")}
        plan = PLAN.model_copy(update={"offer": offer, "variants": (Variant(words=words),)})
        one = await stage.begun(shop, plan)
        chance, kills = random.Random(7), 0
        settings = shop.runtime.settings
        given = {
            "RINGDOVE_HOME": str(settings.home), "RINGDOVE_DATABASE_URL": settings.database_url,
            "RINGDOVE_CAMPAIGN_PAGE": "300",
        }  # fmt: skip
        with tempfile.TemporaryFile() as log:
            while True:
                before = await _people_done(shop, one)
                child = Child("campaigns", given, log)
                if kills < ROUNDS:
                    while await _people_done(shop, one) == before and child.ended is None:
                        await asyncio.sleep(0.002)
                    await asyncio.sleep(chance.random() * 0.06)
                    if child.ended is None:
                        os.kill(child.pid, signal.SIGKILL)
                        kills += 1
                    await asyncio.to_thread(child.end)
                    await shop.rows("DELETE FROM lease RETURNING name")  # as after 15 seconds
                else:
                    while child.ended is None:
                        await asyncio.sleep(0.05)
                    await asyncio.to_thread(child.end)
                if await _people_done(shop, one) == PEOPLE:
                    break
        assert kills >= 3
        told = await stage.outcomes(shop, one)
        assert sum(told.values()) == PEOPLE
        waiting = await stage.outbox(shop)
        assert len(waiting) == told["waiting", ""]
        (run,) = await shop.rows("SELECT counts FROM campaign_run")
        assert run["counts"]["0/queued"] == len(waiting)
        bodies = await shop.rows(
            "SELECT contact_id, split_part(split_part(body, ': ', 2), ' ', 1) AS code"
            " FROM message WHERE state = 'waiting'"
        )
        codes = await shop.rows("SELECT contact_id, code FROM promo_code")
        assert {(row["contact_id"], row["code"]) for row in bodies} <= {
            (row["contact_id"], row["code"]) for row in codes
        }  # fmt: skip
        assert len({row["code"] for row in bodies}) == len(bodies)

    # By a real clock: no quiet hours, so that it is the same at any time of the day.
    play(story, quiet_from=time(0), quiet_until=time(0))


async def _people_done(shop: Shop, one: campaigns.Campaign) -> int:
    async with db.transaction(shop.runtime.pool) as tx:
        return (await campaign_progress.of(tx, shop.store, one)).people_done


def test_pauses_ends_and_stops_race_the_gathering(play):
    """P1: whatever comes between two pages, nothing leaves of a paused or ended campaign, and
    nothing to who stopped."""

    async def story(shop: Shop) -> None:
        smaller = replace(shop.runtime.settings, campaign_page=200)
        shop.runtime = replace(shop.runtime, settings=smaller)
        await stage.fill(shop, 3_000)
        await shop.rows(KNOWN)
        chance = random.Random(11)
        one = await stage.begun(shop)
        stopped: set[int] = set()
        left: list[int] = []
        is_over = asyncio.Event()

        async def gather() -> None:
            while not is_over.is_set():
                await worker.work_on(shop.runtime, shop.store.id, one.id)
                await asyncio.sleep(0.005)

        async def toggle() -> None:
            for _ in range(8):
                await asyncio.sleep(chance.random() * 0.15)
                async with db.transaction(shop.runtime.pool) as tx:
                    try:
                        await campaigns.pause(tx, shop.store.id, one.id, shop.at)
                    except CampaignRefused:
                        continue
                seen = len(left)
                if chance.random() < 0.5:
                    await worker.look(shop.runtime)
                await asyncio.sleep(0.05)  # a take that was under way has ended
                seen = len(left)
                await asyncio.sleep(0.1)
                assert len(left) == seen, "a text left while its campaign was paused"
                async with db.transaction(shop.runtime.pool) as tx:
                    await campaigns.resume(tx, shop.store.id, one.id, shop.at)
                await worker.look(shop.runtime)
            async with db.transaction(shop.runtime.pool) as tx:
                await campaigns.cancel(tx, shop.store.id, one.id, shop.at)

        async def stop_some() -> None:
            rows = await shop.rows("SELECT id, phone FROM contact WHERE marketing = 'in'")
            for row in chance.sample(rows, 60):
                if not row["phone"]:
                    continue
                text = facts.TextReceived(
                    id=f"t/{row['id']}", at=shop.at, gateway=shop.sms, sender=row["phone"],
                    body="STOP",
                )  # fmt: skip
                await shop.hear(text)
                await shop.answer()
                stopped.add(row["id"])
                await asyncio.sleep(0.01)

        async def take() -> None:
            while not is_over.is_set():
                before = set(stopped)
                for bucket in {row["bucket"] for row in await shop.rows(
                    "SELECT DISTINCT bucket FROM outbox")}:  # fmt: skip
                    async with db.transaction(shop.runtime.pool) as tx:
                        taken = await outbox.take(
                            tx, shop.store, bucket, shop.sms, shop.at, "t", 20
                        )
                    for text in taken:
                        if text.klass == "marketing":
                            assert text.contact_id not in before
                            left.append(text.message_id)
                await asyncio.sleep(0.002)

        tasks = [asyncio.create_task(gather()), asyncio.create_task(take())]
        await asyncio.gather(toggle(), stop_some())
        await worker.look(shop.runtime)
        taken_by_then = len(left)
        await asyncio.sleep(0.2)
        assert len(left) == taken_by_then
        is_over.set()
        await asyncio.gather(*tasks)
        await worker.look(shop.runtime)
        waiting = await shop.rows("SELECT 1 FROM outbox WHERE campaign_id = %(id)s", id=one.id)
        assert waiting == []
        assert len(left) == len(set(left)) > 50
        told = await stage.outcomes(shop, one)
        assert told["waiting", ""] == len(left)  # taken, never answered here

    play(story)


def test_the_worker_begins_a_process_and_ends_what_is_done(play):
    """A scheduled campaign begins by itself, is gathered elsewhere, and is done when all left."""

    async def story(shop: Shop) -> None:
        shop.at = datetime.now(UTC)
        await stage.fill(shop, 500)
        one = await stage.planned(shop)
        async with db.transaction(shop.runtime.pool) as tx:
            await campaigns.begin(tx, shop.store, one, shop.at)
        stop = asyncio.Event()
        working = asyncio.create_task(worker.run(shop.runtime, stop))
        try:
            for _ in range(300):
                campaign = await stage.found(shop, one)
                if await _people_done(shop, campaign) == 500:
                    break
                await asyncio.sleep(0.1)
            assert (await stage.found(shop, one)).state == "running"
            await shop.rows("DELETE FROM outbox RETURNING 1")  # all of it was sent
            for _ in range(100):
                if (await stage.found(shop, one)).state == "done":
                    break
                await asyncio.sleep(0.1)
            assert (await stage.found(shop, one)).state == "done"
        finally:
            stop.set()
            await working

    play(story)
