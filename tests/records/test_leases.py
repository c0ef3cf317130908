"""Who does what only one may do."""

import asyncio
from datetime import timedelta

import pytest

from ringdove.kit import db
from ringdove.records import leases
from tests.flows.conftest import NOON, Shop


def test_one_holds_it_until_its_end_or_until_it_is_given_back(play):
    async def story(shop: Shop) -> None:
        async def take(owner: str, after_s: float) -> bool:
            async with db.transaction(shop.runtime.pool) as tx:
                return await leases.take(tx, "bind/1", owner, NOON + timedelta(seconds=after_s))

        assert await take("a", 0)
        assert not await take("b", 1)
        assert await take("a", 10), "its holder renews it"
        assert not await take("b", leases.LEASE_S + 5)
        assert await take("b", leases.LEASE_S + 10.1)
        assert not await take("a", leases.LEASE_S + 11)
        async with db.transaction(shop.runtime.pool) as tx:
            await leases.give_back(tx, "bind/1", "a")  # not its own any more
        assert not await take("a", leases.LEASE_S + 12)
        async with db.transaction(shop.runtime.pool) as tx:
            await leases.give_back(tx, "bind/1", "b")
        assert await take("a", leases.LEASE_S + 13)

    play(story)


def test_of_many_who_want_it_at_once_one_gets_it(play):
    """Real connections, all at the same moment."""

    async def story(shop: Shop) -> None:
        pool, held = shop.runtime.pool, []

        async def want(owner: str) -> None:
            async with leases.leased(pool, "bind/1", owner) as lost:
                if lost is not None:
                    held.append(owner)
                    assert len(held) == 1
                    await asyncio.sleep(0.05)
                    held.remove(owner)

        for _ in range(5):
            await asyncio.gather(*(want(f"p{n}") for n in range(8)))
        assert not await shop.rows("SELECT FROM lease")

    play(story)


def test_the_holder_hears_that_it_was_lost(play, monkeypatch: pytest.MonkeyPatch):
    """P5: before anybody else can have it, since renewing starts well before the end."""
    assert leases.RENEW_EVERY_S * 2 < leases.LEASE_S
    monkeypatch.setattr(leases, "RENEW_EVERY_S", 0.02)

    async def story(shop: Shop) -> None:
        async with leases.leased(shop.runtime.pool, "bind/1", "a") as lost:
            assert lost is not None
            await asyncio.sleep(0.1)
            assert not lost.is_set()
            await shop.rows("UPDATE lease SET owner = 'thief', until = 'infinity' RETURNING 1")
            await asyncio.wait_for(lost.wait(), 5)
        (row,) = await shop.rows("SELECT owner FROM lease")
        assert row["owner"] == "thief", "what is another's is not given back"

    play(story)
