"""Two processes never make ids in the same slot."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from ringdove.kit.buckets import BUCKETS, SLOTS
from ringdove.records import slots
from tests.flows.conftest import Shop


def test_processes_have_slots_of_their_own_and_give_them_back(play):
    async def story(shop: Shop) -> None:
        pool, made = shop.runtime.pool, []

        async def live(owner: str) -> None:
            async with slots.leased(pool, owner) as ids:
                made.extend(ids.make_many(BUCKETS[0], 300))
                await asyncio.sleep(0.05)

        await asyncio.gather(*(live(f"p{n}") for n in range(8)))
        assert len(set(made)) == len(made) == 8 * 300
        held = await shop.rows("SELECT owner FROM process_slot WHERE owner <> ''")
        assert [row["owner"] for row in held] == [shop.runtime.name]

    play(story)


def test_a_slot_is_renewed_after_the_database_was_away(play, monkeypatch):
    """Else another process is given it after an hour, and both make the same ids."""

    async def story(shop: Shop) -> None:
        monkeypatch.setattr(slots, "RENEW_EVERY_S", 0.02)
        monkeypatch.setattr(slots, "AGAIN_S", 0.02)
        take, asked = slots._take, []

        async def away_once(pool, owner: str) -> int:
            asked.append(owner)
            if len(asked) == 2:
                raise psycopg.OperationalError("the server is restarting")
            return await take(pool, owner)

        monkeypatch.setattr(slots, "_take", away_once)
        async with slots.leased(shop.runtime.pool, "p1"):
            async with asyncio.timeout(5):
                while len(asked) < 4:
                    await asyncio.sleep(0.01)

    play(story)


def test_when_all_are_taken_it_says_so(play):
    async def story(shop: Shop) -> None:
        await shop.rows("UPDATE process_slot SET owner = 'x', until = 'infinity' RETURNING 1")
        with pytest.raises(slots.NoSlotFree, match=f"{SLOTS} Ringdove processes run already"):
            async with slots.leased(shop.runtime.pool, "late"):
                pass
        dead = datetime.now(UTC) - timedelta(seconds=1)
        await shop.rows("UPDATE process_slot SET until = %(d)s WHERE slot = 7 RETURNING 1", d=dead)
        async with slots.leased(shop.runtime.pool, "late"):
            (row,) = await shop.rows("SELECT owner FROM process_slot WHERE slot = 7")
            assert row["owner"] == "late", "a dead process's slot is taken over after its hour"

    play(story)


def test_a_process_that_asks_again_keeps_its_slot(play):
    async def story(shop: Shop) -> None:
        before = await shop.rows("SELECT slot FROM process_slot WHERE owner <> ''")
        assert await slots._take(shop.runtime.pool, shop.runtime.name) == before[0]["slot"]

    play(story)
