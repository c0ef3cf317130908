"""Learns each day which goods go with which (rules/goods/), for each store, under a lease.

Reading is one statement a bucket; what follows from it is worked out in a thread and written some
at a time, so that the other workers go on.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from itertools import islice

import structlog

from ringdove.kit import db
from ringdove.records import leases
from ringdove.records.goods import goods_counts, goods_lists
from ringdove.records.goods.goods_lists import Learning
from ringdove.records.store import stores
from ringdove.rules.goods import accessories, alike
from ringdove.rules.goods.accessories import Pair, Sums
from ringdove.rules.goods.alike import Product
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 60.0


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Learns what is due until told to stop."""
    while not stop.is_set():
        try:
            async with leases.leased(runtime.pool, "goods", runtime.name) as lost:
                if lost is not None:
                    await learn_due(runtime, lost, stop)
        except Exception:
            log.exception("goods.failed")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)


async def learn_due(runtime: Runtime, *until: asyncio.Event) -> int:
    """Learns of each store whose time has come; of how many. Ends early once one is set. A store
    that cannot be learnt of stops no other (P11)."""
    async with db.transaction(runtime.pool) as tx:
        every = await stores.every(tx)
    done = 0
    for store in every:
        if any(one.is_set() for one in until):
            break
        try:
            async with db.transaction(runtime.pool) as tx:
                due = await goods_lists.is_due(tx, store, runtime.clock())
            if due:
                done += await learn(runtime, store, *until)
        except Exception:
            log.exception("goods.store_failed", store=store.id)
    return done


async def learn(runtime: Runtime, store: Store, *until: asyncio.Event) -> bool:
    """Learns of one store; whether it came to its end. Cut off, the lists are some of today and
    some of the day before, and it is begun again."""
    now, sums = runtime.clock(), Sums()
    for bucket in stores.buckets(store):
        if any(one.is_set() for one in until):
            return False
        async with db.transaction(runtime.pool) as tx:
            sums.add(await goods_counts.count(tx, store, bucket, now))
    async with db.transaction(runtime.pool) as tx:
        sold = await goods_lists.sold(tx, store)
    lists = _lists(sums, sold)
    written = 0
    while page := await asyncio.to_thread(lambda: list(islice(lists, goods_lists.PAGE))):
        if any(one.is_set() for one in until):
            return False
        async with db.transaction(runtime.pool) as tx:
            await goods_lists.put(tx, store, page, now)
        written += len(page)
    done = Learning(now, len(sold), sum(sums.buyers.values()), written)
    async with db.transaction(runtime.pool) as tx:
        await goods_lists.finish(tx, store, done)
    log.info("goods.learnt", store=store.id, goods=done.goods, lists=written)
    return True


def _lists(sums: Sums, sold: Sequence[Product]) -> Iterator[tuple[str, list[Pair]]]:
    yield from accessories.Learnt(sums, {one.sku: one.category for one in sold}).lists()
    yield from alike.lists(sold, sums.buyers)
